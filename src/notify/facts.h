// What is to be judged: subjects out of a run and out of what stands on disk.
#ifndef SL_NOTIFY_FACTS_H
#define SL_NOTIFY_FACTS_H

#include "notify/rules.h"
#include "run/run.h"

struct sl_look {
    const struct sl_project *project;
    struct sl_state *state; // history; NULL: there is none
    int64_t now_us;
    struct sl_arena *arena;
};

// Age and lag of a node's table, where anybody asks for them. A table that cannot be read says
// nothing: the step that writes it does.
SL_MUST int sl_look_table(const struct sl_look *look, const struct sl_node *node,
                          struct sl_subject *ret, struct sl_err *err);
// All that can be said of a step that a run had to do.
// A history that cannot be read is asked once, and is none from then on.
SL_MUST int sl_look_outcome(struct sl_look *look, const struct sl_run *run,
                            const struct sl_outcome *outcome, struct sl_subject *ret,
                            struct sl_err *err);
// What a version's columns are other than those before it: "new tax (double), gone country". NULL
// in *ret: they are the same, it is the first version, or the log does not reach back far enough.
SL_MUST int sl_columns_changed(const char *folder, int64_t version, struct sl_arena *arena,
                               const char **ret, struct sl_err *err);
// The same of two texts as `metaData.schemaString` has them.
SL_MUST int sl_columns_compare(const char *before, const char *now, struct sl_arena *arena,
                               const char **ret, struct sl_err *err);
// Nothing known of it yet.
struct sl_subject sl_subject_named(const char *name);

#endif
