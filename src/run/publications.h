// Publications as files: <lake>/_publications/<number, 20 digits>.json, each made whole and once,
// and _last, a hint at the newest. Whoever reads the lake may read them; nothing else depends on
// them.
#ifndef SL_RUN_PUBLICATIONS_H
#define SL_RUN_PUBLICATIONS_H

#include "plan/publication.h"
#include "run/world.h"

// The newest; number 0 if there is none.
SL_MUST int sl_publication_last(const struct sl_project *project, struct sl_arena *arena,
                                struct sl_publication *ret, struct sl_err *err);
// SL_E_PUBLICATION if there is none of that number.
SL_MUST int sl_publication_read(const struct sl_project *project, int64_t number,
                                struct sl_arena *arena, struct sl_publication *ret,
                                struct sl_err *err);
// The newest at or before a time; number 0 if there is none.
SL_MUST int sl_publication_at(const struct sl_project *project, int64_t time_us,
                              struct sl_arena *arena, struct sl_publication *ret,
                              struct sl_err *err);
// By its number ("12", "#12") or by its run's id or the beginning of it: SL_E_PUBLICATION if there
// is none, or more than one run begins so.
SL_MUST int sl_publication_named(const struct sl_project *project, const char *name,
                                 struct sl_arena *arena, struct sl_publication *ret,
                                 struct sl_err *err);
// Gives it the next number, and makes it durable.
SL_MUST int sl_publication_write(const struct sl_project *project,
                                 struct sl_publication *publication, struct sl_arena *arena,
                                 struct sl_err *err);
// Publishes what belongs together now, if that is not what was published last. The facts of every
// node must be there. *ret is the newest publication in either case.
struct sl_publish_options {
    const char *run_id, *command;
    int64_t at_us;
};
SL_MUST int sl_world_publish(struct sl_world *world, const struct sl_publish_options *options,
                             struct sl_publication *ret, bool *ret_is_new, struct sl_err *err);
// The same for whoever found nothing to do: what a killed run could not publish any more, or what
// another program has changed. Does nothing while a run is at work.
SL_MUST int sl_world_publish_rest(struct sl_world *world, const char *command, struct sl_err *err);
// {"schema": "sluice.publication/1", ...}, as it stands in the file.
SL_MUST int sl_publication_print(const struct sl_publication *publication, json_t **ret,
                                 struct sl_err *err);

#endif
