// Splits a text as the file source does, and shows what came out, a line a record:
//     2: [a] - []          a good record of line 2: the text a, a null, an empty text
//     3! \xFFbad           a corrupt one, with its bytes
// Bytes that are not printable ASCII are shown as \xNN, \n, \r, \t; a backslash as \\.
#ifndef TESTS_CONNECT_FILE_SPLITTING_H
#define TESTS_CONNECT_FILE_SPLITTING_H

#include "connect/file/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

struct splitting {
    char path[64]; // of the file that is split; its ending may be changed
    struct sl_source_options options;
    enum sl_split_format format;
    const char *delimiter;
    struct sl_arena arena;
    struct sl_buf names;   // "id,name"
    struct sl_buf records; // as above
    struct sl_lane lane;   // its counts
    struct sl_err err;
};

void splitting_init(struct splitting *splitting);
void splitting_clear(struct splitting *splitting);
void splitting_write(struct splitting *splitting, const void *bytes, size_t length);
// Finds the columns, then the records. Gives the code, and fills names and records.
int splitting_run(struct splitting *splitting, size_t chunk_bytes);

#endif
