// Which values that a test records are personal, and not protected.
#ifndef SL_CLI_TEST_RECORD_PERSONAL_H
#define SL_CLI_TEST_RECORD_PERSONAL_H

#include "run/lineage.h"

#include <jansson.h>

struct sl_record_tables {
    struct sl_record_table {
        const char *name; // "raw.people"
        struct sl_strs columns;
    } * items;
    size_t count;
};
struct sl_record_watch {
    struct sl_lineage lineage;
    bool is_needed; // some column is protected or classified
};

SL_MUST int sl_record_watch_open(struct sl_world *world, struct sl_record_watch *watch,
                                 struct sl_err *err);
void sl_record_watch_clear(struct sl_record_watch *watch); // for SL_AUTO
// For a column of which a value is recorded: adds it to `list` if it has such values.
SL_MUST int sl_record_watch_add(struct sl_record_watch *watch, const char *table,
                                const char *column, struct sl_record_tables *list,
                                struct sl_err *err);
// [{"table": "raw.people", "columns": ["email"]}]
SL_MUST int sl_record_tables_json(const struct sl_record_tables *list, json_t **ret,
                                  struct sl_err *err);

#endif
