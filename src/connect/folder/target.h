// Targets that are folders of files. A delivery `to` is the folder <path>/<to>, replaced as a whole
// by one atomic exchange, with its position in the file _sluice.json inside it: so files and
// position can never disagree, and no stale file stays behind.
#ifndef SL_CONNECT_FOLDER_TARGET_H
#define SL_CONNECT_FOLDER_TARGET_H

#include "api/target.h"

extern const struct sl_target_kind sl_target_parquet, sl_target_csv, sl_target_jsonl;

#endif
