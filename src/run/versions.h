// Versioned outputs: what their readers must know before anything runs.
#ifndef SL_RUN_VERSIONS_H
#define SL_RUN_VERSIONS_H

#include "run/world.h"

// An error at each version that would break what its table promises (step/promise.h), naming who
// reads it. `catalog` as sl_world_bind has filled it; versions whose columns are not known are left
// to their step. `may_break`: names of versions that may; may be NULL. With `only_planned` just
// those that are selected and not fresh.
SL_MUST int sl_world_check_promises(struct sl_world *world, const struct sl_map *catalog,
                                    const struct sl_strs *may_break, bool only_planned,
                                    struct sl_diags *diags, struct sl_err *err);
// SL_E_USAGE if `names` has what is no version. It may be NULL.
SL_MUST int sl_world_require_versions(const struct sl_world *world, const struct sl_strs *names,
                                      struct sl_err *err);
// The first before a run: SL_E_VERSION_BROKEN, with the places in `ret_diags`. SL_E_USAGE as
// sl_world_require_versions has it for `may_break`.
SL_MUST int sl_world_refuse_broken(struct sl_world *world, const struct sl_strs *may_break,
                                   struct sl_diags *ret_diags, struct sl_err *err);
// The versions that a run would refuse as they stand now: "revenue_v1".
SL_MUST int sl_world_list_broken(struct sl_world *world, struct sl_strs *ret, struct sl_err *err);

// A delivery of an output hangs on the version and on the output's name: whether it is to be told
// of there.
bool sl_reads_by_output(const struct sl_node *reader, const struct sl_node *version);
// What people should know, and nothing that stops anything. In the world's arena.
struct sl_note {
    bool is_warning;
    const char *table; // that it is about
    struct sl_place place;
    const char *text, *hint; // hint: what to do, or ""
};
struct sl_notes {
    struct sl_note *items;
    size_t count;
};
// Models with a last day (`deprecated`): up to its end who will have to change, then one warning
// per reader; and whether one may be removed.
SL_MUST int sl_world_deprecated(struct sl_world *world, int64_t now_us, struct sl_notes *ret,
                                struct sl_err *err);
// Outputs whose name means another version now than when their readers were built: what that
// changes of their columns, who reads them, how to stay. A warning if it breaks something. Needs
// facts; binds the models only if a name has moved.
SL_MUST int sl_world_moves(struct sl_world *world, struct sl_notes *ret, struct sl_err *err);
// [{"severity", "table", "message", "hint", "file", "line"}]. NULL out of memory.
json_t *sl_notes_json(const struct sl_notes *notes);

#endif
