// The profile of a table for `sluice show --profile`.
#ifndef SL_CLI_PROFILE_H
#define SL_CLI_PROFILE_H

#include "cli/lake.h"

struct sl_profile_options {
    const char *table; // "clean.orders"
    const char *folder, *table_id;
    int64_t version;
    const struct sl_column *columns; // of the table
    size_t column_count;
    struct sl_strs wanted; // of them; none: all
    int64_t rows;          // the log's count, -1: unknown
    int64_t sample;        // rows drawn at random; 0: all
    const char *view;      // what to read
    const struct sl_common *common;
};
// SL_E_USAGE if a column is not there.
SL_MUST int sl_profile_show(struct sl_lake *lake, const struct sl_profile_options *options,
                            struct sl_err *err);
// A bar of at most `width` characters for a share of the greatest count, in eighths of a character;
// whole ones in ASCII where the locale has no UTF-8. Something that is there is never nothing.
void sl_profile_add_bar(int64_t count, int64_t greatest, size_t width, bool is_utf8,
                        struct sl_buf *text);

#endif
