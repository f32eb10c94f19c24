// Whether the project's lake is the one that the state store knows: a run over another one, or over
// the empty folder of a file system that is not mounted, would build all tables anew and replace
// what targets hold.
#ifndef SL_RUN_KNOWN_LAKE_H
#define SL_RUN_KNOWN_LAKE_H

#include "run/code.h"

// SL_E_LAKE_OTHER, with what to do: it is another one, has no number or is not there;
// SL_E_LAKE_UNREADABLE: its number cannot be read. Not where
// only tables can be lost that the next run makes again, which is where the state is the project's
// own folder and nothing was delivered out of a lake that lies outside the project's.
//
// `known` (SL_LAKE_ID_BYTES, or NULL) is the number that was found before, "" at first. It counts
// where the store cannot be asked (or `state` is NULL); without one, an empty lake of a state that
// machines share is refused then. Changes nothing.
SL_MUST int sl_lake_look(const struct sl_project *project, struct sl_state *state,
                         const char *known, struct sl_err *err);
bool sl_lake_is_refused(int code); // one of both
// The same in two parts, of which the first asks the store alone and the second the disk.
// `has_delivered`: who asks knows that; NULL: the store is asked for all steps.
struct sl_lake_memory {
    bool was_asked;                // the store could be
    bool has_built, has_delivered; // any step; a target
    const char *number, *known;    // that the store has, and that was found before; NULL: none
};
SL_MUST int sl_lake_recall(const struct sl_project *project, struct sl_state *state,
                           const char *known, const bool *has_delivered, struct sl_arena *arena,
                           struct sl_lake_memory *ret, struct sl_err *err);
SL_MUST int sl_lake_judge(const struct sl_project *project, const struct sl_lake_memory *memory,
                          struct sl_err *err);
// The same at the begin of a run or service: the store knows the lake from now on, and `known`
// holds its number. Where lake or store cannot be written, it is left to the next run.
SL_MUST int sl_lake_require(const struct sl_project *project, struct sl_state *state, char *known,
                            struct sl_err *err);
// `who` says that it is this one from now on, which the audit log keeps. Makes the folder, and the
// number. *ret_before (in the arena) is the number of before; NULL: none.
SL_MUST int sl_lake_adopt(const struct sl_project *project, struct sl_state *state, const char *who,
                          struct sl_arena *arena, const char **ret_before,
                          char ret[SL_LAKE_ID_BYTES], struct sl_err *err);

#endif
