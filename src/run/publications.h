// Publications as files: <lake>/_publications/<number, 20 digits>.json, each made whole and once,
// and _last, a hint at the newest. Whoever reads the lake may read them, and any may be deleted;
// nothing else depends on them.
#ifndef SL_RUN_PUBLICATIONS_H
#define SL_RUN_PUBLICATIONS_H

#include "plan/publication.h"
#include "run/world.h"

// The newest; number 0 if there is none.
SL_MUST int sl_publication_last(const struct sl_project *project, struct sl_arena *arena,
                                struct sl_publication *ret, struct sl_err *err);
// SL_E_PUBLICATION if there is none of that number, or if it is damaged: then with its file and
// what to do.
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
// The number of the one that comes before; 0: it is the oldest that is kept. Any may have been
// deleted.
SL_MUST int sl_publication_before(const struct sl_project *project, int64_t number,
                                  struct sl_arena *arena, int64_t *ret, struct sl_err *err);
// The number of the newest; 0 if there is none.
SL_MUST int sl_publication_newest(const struct sl_project *project, struct sl_arena *arena,
                                  int64_t *ret, struct sl_err *err);
// SL_E_PUBLICATION if the newest is damaged: whoever is going to publish says so before it begins.
SL_MUST int sl_publication_require(const struct sl_project *project, struct sl_err *err);
// Gives it the number after that of `after` and a time that is not before it, and makes it durable.
// SL_E_FILE_EXISTS if another program was first: `after` is the newest no more.
SL_MUST int sl_publication_write(const struct sl_project *project,
                                 const struct sl_publication *after,
                                 struct sl_publication *publication, struct sl_arena *arena,
                                 struct sl_err *err);
// Where it is kept, and where the hint is.
const char *sl_publication_path(const struct sl_project *project, int64_t number,
                                struct sl_arena *arena);
const char *sl_publication_hint(const struct sl_project *project, struct sl_arena *arena);
// Looks at the tables again and publishes what belongs together now, if that is not what was
// published last. *ret is the newest publication in either case.
struct sl_publish_options {
    const char *run_id, *command;
    int64_t at_us;
};
SL_MUST int sl_world_publish(struct sl_world *world, const struct sl_publish_options *options,
                             struct sl_publication *ret, bool *ret_is_new, struct sl_err *err);
// What belongs together now and was not published yet although no step is to run: what a killed run
// could not publish any more, discarded rows, or what another program has changed.
struct sl_rest {
    struct sl_publication before, now;
    bool is_new; // `now` is another one than `before`
};
SL_MUST int sl_world_rest(struct sl_world *world, struct sl_rest *ret, struct sl_err *err);
// Publishes it: for whoever found nothing to do. While a run is at work it does nothing, and is_new
// is false.
SL_MUST int sl_world_publish_rest(struct sl_world *world, const char *command, struct sl_rest *ret,
                                  struct sl_err *err);
// The tables that have another version in `now`: "quarantine.orders (rows given up)".
SL_MUST int sl_rest_tables(const struct sl_rest *rest, const struct sl_world *world,
                           struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err);

#endif
