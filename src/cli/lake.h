// Reading the lake's tables for commands: show, query, quarantine.
#ifndef SL_CLI_LAKE_H
#define SL_CLI_LAKE_H

#include "cli/cli.h"

struct sl_lake {
    struct sl_world world; // the project may have mistakes: tables can be read all the same
    struct sl_session *session;
    struct sl_step_context context;
};
SL_MUST int sl_lake_open(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err);
void sl_lake_close(struct sl_lake *lake); // for SL_AUTO
// "layer.table" of every table there is, sorted.
SL_MUST int sl_lake_tables(struct sl_lake *lake, struct sl_strs *ret, struct sl_err *err);
// Folder of a table that must exist: SL_E_TABLE_MISSING with "did you mean" if not. "orders" alone is looked up in curated, clean, raw, quarantine.
SL_MUST int sl_lake_table(struct sl_lake *lake, const char *table, enum sl_layer *ret_layer, const char **ret_name,
                          const char **ret_folder, struct sl_err *err);
// Which version of which table: `versions` are "clean.orders=12"; `at` a time for all others; both may be empty.
struct sl_as_of {
    struct sl_strs versions;
    const char *at;
};
#define SL_AS_OF_ROWS(type)                                                                                            \
    {"at", SL_OPT_STRING, offsetof(type, as_of.at), NULL, "Tables as they were at this time: 2026-01-31 or 2026-01-31T12:00:00Z.", 0, .placeholder = "TIME"}, \
    {"version", SL_OPT_STRINGS, offsetof(type, as_of.versions), NULL, "A table as of a version: TABLE=N, or N where there is one table.", 0, .placeholder = "TABLE=N"}
SL_MUST int sl_lake_version(struct sl_lake *lake, const char *table, const char *folder, const struct sl_as_of *as_of,
                            int64_t *ret, struct sl_err *err);
// Makes views of every table that `sql` reads.
SL_MUST int sl_lake_prepare(struct sl_lake *lake, const char *sql, const struct sl_as_of *as_of, struct sl_err *err);

enum sl_rows_format { SL_ROWS_TEXT, SL_ROWS_CSV, SL_ROWS_JSON };
// Prints a result, at most `limit` rows of it (0: all); that there are more is said. JSON: {"schema": "sluice.query/1", "columns": [{name, type}], "rows": [[...]]}, cells as text, null as null.
SL_MUST int sl_lake_print(const struct sl_result *result, enum sl_rows_format format, int64_t limit, struct sl_err *err);

#endif
