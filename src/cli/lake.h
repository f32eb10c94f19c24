// Reading the lake's tables for commands: show, query, quarantine.
#ifndef SL_CLI_LAKE_H
#define SL_CLI_LAKE_H

#include "cli/cli.h"
#include "run/publications.h"
#include "run/versions.h"

struct sl_lake {
    struct sl_world world; // the project may have mistakes: tables can be read all the same
    struct sl_session *session;
    struct sl_step_context context;
    struct sl_publication publication; // that was asked for
    bool has_publication;
    struct sl_notes notes; // on outputs' names that do not mean the latest version
};
// Warns of a lake that is not the project's; the second one refuses it.
SL_MUST int sl_lake_open(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err);
SL_MUST int sl_lake_open_to_write(const struct sl_common *common, struct sl_lake *ret,
                                  struct sl_err *err);
// Without a project: files and folders of tables can be read, as of a version or a time.
SL_MUST int sl_lake_open_bare(struct sl_lake *ret, struct sl_err *err);
void sl_lake_close(struct sl_lake *lake); // for SL_AUTO
// "layer.table" of every table there is, sorted.
SL_MUST int sl_lake_tables(struct sl_lake *lake, struct sl_strs *ret, struct sl_err *err);
// Folder of a table that must exist: SL_E_TABLE_MISSING with "did you mean" if not. "orders" alone
// is looked up in curated, clean, raw, quarantine.
SL_MUST int sl_lake_table(struct sl_lake *lake, const char *table, enum sl_layer *ret_layer,
                          const char **ret_name, const char **ret_folder, struct sl_err *err);
// "orders" of "orders", "clean.orders" and "quarantine.orders" .
const char *sl_bare_table(const char *table);
// Which version of which table: `versions` are "clean.orders=12"; `at` is for all others: a time, a
// publication ("#12"), the run that made it, or "published", the newest. Both may be empty. At a
// time a table is as it was published last, and one that was not published is refused; before the
// first publication tables are as they were then.
struct sl_as_of {
    struct sl_strs versions;
    const char *at;
};
#define SL_AS_OF_ROWS(type)                                                         \
    {"at",                                                                          \
     SL_OPT_STRING,                                                                 \
     offsetof(type, as_of.at),                                                      \
     NULL,                                                                          \
     "Tables as they were published last at a time (2026-01-31, "                   \
     "2026-01-31T12:00:00Z), in a publication (#12), by a run, or now: published.", \
     0,                                                                             \
     .placeholder = "TIME"},                                                        \
    {                                                                               \
        "version", SL_OPT_STRINGS, offsetof(type, as_of.versions), NULL,            \
            "A table as of a version: TABLE=N, or N where there is one table.", 0,  \
            .placeholder = "TABLE=N"                                                \
    }
// *ret is -1, the newest, where nothing else is asked for.
SL_MUST int sl_lake_version(struct sl_lake *lake, const char *table, const char *folder,
                            const struct sl_as_of *as_of, int64_t *ret, struct sl_err *err);
// Whether the table is there, as of the version or the time asked for.
SL_MUST int sl_lake_has(struct sl_lake *lake, const char *table, const struct sl_as_of *as_of,
                        bool *ret, struct sl_err *err);
// The publication that `at` asks for into lake->publication; of number 0 if that is a time before
// the first one.
SL_MUST int sl_lake_find_publication(struct sl_lake *lake, const char *at, struct sl_err *err);
// An output's own name among `tables`, or below a view among them, means what the publication asked
// for says. If that says nothing and the latest version is not there, it means the highest one that
// is. A note tells. Views found before are no longer to be used.
SL_MUST int sl_lake_settle(struct sl_lake *lake, const struct sl_strs *tables,
                           const struct sl_as_of *as_of, struct sl_err *err);
// Adds "notes" if there are any.
SL_MUST int sl_lake_add_notes(const struct sl_lake *lake, json_t *object, struct sl_err *err);
// A model that is a view, by its name with or without "curated."; NULL: there is none.
const struct sl_view *sl_lake_view(const struct sl_lake *lake, const char *name);
// Creates it in the session, over the tables below it as of the versions or the time asked for.
// Which tables these are may be settled only now: look the view up again.
SL_MUST int sl_lake_see(struct sl_lake *lake, const struct sl_view *view,
                        const struct sl_as_of *as_of, struct sl_err *err);
// Makes views of every table that `sql` reads. SL_E_SQL_KIND if it is not one SELECT; places point
// into it.
SL_MUST int sl_lake_prepare(struct sl_lake *lake, const char *sql, const struct sl_as_of *as_of,
                            struct sl_err *err);

// Rows to be printed.
struct sl_rows {
    const struct sl_result *result;
    const struct sl_column
        *columns;    // their types where the result has others; NULL: the result's own
    int64_t limit;   // of rows; that there are more is said. 0: none
    bool as_objects; // JSON rows are objects by column name rather than lists
};
SL_MUST int sl_rows_print_text(const struct sl_rows *rows, struct sl_err *err);
// RFC 4180 with "\n": null is nothing, an empty text is "".
void sl_rows_print_csv(const struct sl_rows *rows);
// The members of `head`, then "columns": [{name, type}], "rows": [...], "is_cut". Numbers and
// booleans are JSON's, but for decimals, which are texts so that no reader rounds them; columns of
// type JSON are JSON; everything else is text as the engine writes it; null is null.
SL_MUST int sl_rows_print_json(const struct sl_rows *rows, const json_t *head, struct sl_err *err);

#endif
