// What two machines must have in common before one may do steps of the other: the project's code,
// and the lake.
#ifndef SL_RUN_CODE_H
#define SL_RUN_CODE_H

#include "run/world.h"

#define SL_CODE_BYTES 17
// Of all that decides what a step does: the files of the project but pipelines, what its steps
// would be built with, the chosen environment, and the version of the program. Not of the folder
// that the project lies in.
SL_MUST int sl_world_code(const struct sl_world *world, char ret[SL_CODE_BYTES],
                          struct sl_err *err);

#define SL_LAKE_ID_BYTES 37
// A lake's number, out of its file; SL_E_LAKE_UNREADABLE if it is none.
SL_MUST int sl_lake_id_parse(const char *text, char ret[SL_LAKE_ID_BYTES], struct sl_err *err);
// The number of a lake, kept in it: two machines that find the same one see the same folder. Makes
// one if there is none yet.
SL_MUST int sl_lake_name(const struct sl_project *project, char ret[SL_LAKE_ID_BYTES],
                         struct sl_err *err);
// SL_E_WORKER_LAKE if it has none, or is not there; SL_E_LAKE_UNREADABLE if nobody can tell.
SL_MUST int sl_lake_find(const struct sl_project *project, char ret[SL_LAKE_ID_BYTES],
                         struct sl_err *err);

// SL_E_LAKE_OTHER: it is not the one any more over which a run began, or not there, as when another
// one was mounted in its place. `number`: of that one; NULL or "": it is not known, and nothing is
// looked at. One that cannot be read now is taken for the same.
SL_MUST int sl_lake_require_same(const struct sl_project *project, const char *number,
                                 struct sl_err *err);

#endif
