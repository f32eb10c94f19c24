// The file _sluice.json of a delivery: which version of which table the folder holds, and each of
// its files with its size.
#ifndef SL_CONNECT_FOLDER_POSITION_H
#define SL_CONNECT_FOLDER_POSITION_H

#include "api/target.h"
#include "base/json.h"

struct sl_folder_position {
    struct sl_target_position target; // version from 0, texts not NULL
    const char *table;
    const char *at;   // when it was written
    int64_t rows;     // of the delivery
    int64_t all_rows; // of all files together; -1: unknown
    json_t *files;    // path below the folder -> size in bytes, from 0; owned
};

void sl_folder_position_clear(struct sl_folder_position *position);
// SL_E_JSON_SYNTAX if it is damaged or was not written by us. `name` is the file, for the message.
SL_MUST int sl_folder_position_parse(const char *text, size_t length, const char *name,
                                     struct sl_arena *arena, struct sl_folder_position *ret,
                                     struct sl_err *err);
// free() it.
SL_MUST int sl_folder_position_print(const struct sl_folder_position *position, char **ret,
                                     struct sl_err *err);

#endif
