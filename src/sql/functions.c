#include "sql/functions.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct function {
    const char *name;
    enum sl_function_kind kind;
};

#define SCALAR SL_FUNCTION_SCALAR
#define AGGREGATE SL_FUNCTION_AGGREGATE
#define UNNEST SL_FUNCTION_UNNEST
#define VOLATILE SL_FUNCTION_VOLATILE
#define SL_FN(name, kind) {name, kind},
static const struct function functions[] = {
#include "sql/functions.def"
};
#undef SL_FN

static int compare(const void *name, const void *item)
{
    return strcasecmp(name, ((const struct function *)item)->name);
}

static bool is_listed(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (sl_str_equal_nocase(name, *names))
            return true;
    return false;
}

// age(t) is the time from t until now; age(a, b) does not look at the clock.
static bool is_age_until_now(const struct sl_ast *call)
{
    return sl_str_equal_nocase(sl_ast_text(call, "function_name"), "age") &&
           sl_ast_count(sl_ast_get(call, "children")) == 1;
}

enum sl_function_kind sl_function_kind(const struct sl_ast *call)
{
    const char *name = sl_ast_text(call, "function_name");
    const struct function *found =
        bsearch(name, functions, sizeof functions / sizeof *functions, sizeof *functions, compare);

    if (is_age_until_now(call))
        return SL_FUNCTION_VOLATILE;
    return found ? found->kind : SL_FUNCTION_UNKNOWN;
}

bool sl_function_is_pure_table(const char *name)
{
    static const char *const names[] = {"unnest",     "range",     "generate_series", "repeat",
                                        "repeat_row", "json_each", "json_tree",       NULL};

    return is_listed(name, names);
}

bool sl_function_reads_files(const char *name)
{
    static const char *const names[] = {
        "arrow_scan",    "delta_scan", "glob",         "iceberg_scan",
        "mysql_query",   "mysql_scan", "parquet_scan", "postgres_query",
        "postgres_scan", "sniff_csv",  "sqlite_query", "sqlite_scan",
        "st_read",       NULL};

    return is_listed(name, names) || strncasecmp(name, "read_", 5) == 0 ||
           strncasecmp(name, "parquet_", 8) == 0;
}

// Of functions whose first argument is a path; of the others it may be a connection.
static bool takes_path(const char *name)
{
    static const char *const names[] = {
        "delta_scan", "glob", "iceberg_scan", "sniff_csv", "sqlite_scan", "st_read", NULL};

    return is_listed(name, names) || strncasecmp(name, "read_", 5) == 0 ||
           strncasecmp(name, "parquet_", 8) == 0;
}

// A path, or the first of a list that is one.
static const char *relative_path(const struct sl_ast *argument)
{
    const char *path = sl_ast_is_class(argument, "CONSTANT")
                           ? sl_ast_text(sl_ast_get(argument, "value"), "value")
                           : "";

    if (*path && *path != '/' && *path != '~' && !strstr(path, "://"))
        return path;
    if (!sl_ast_is(argument, "function_name", "list_value") &&
        !sl_ast_is(argument, "type", "ARRAY_CONSTRUCTOR"))
        return NULL;
    argument = sl_ast_first(sl_ast_get(argument, "children"));
    for (path = NULL; argument && !path; argument = argument->next)
        path = relative_path(argument);
    return path;
}

const char *sl_function_relative_path(const struct sl_ast *call)
{
    return takes_path(sl_ast_text(call, "function_name"))
               ? relative_path(sl_ast_first(sl_ast_get(call, "children")))
               : NULL;
}

bool sl_function_reads_clock(const struct sl_ast *call)
{
    static const char *const names[] = {"ago",
                                        "current_date",
                                        "current_localtime",
                                        "current_localtimestamp",
                                        "current_time",
                                        "current_timestamp",
                                        "get_current_time",
                                        "get_current_timestamp",
                                        "now",
                                        "today",
                                        "transaction_timestamp",
                                        NULL};

    return is_age_until_now(call) || is_listed(sl_ast_text(call, "function_name"), names);
}

bool sl_function_is_clock_name(const char *name)
{
    static const char *const names[] = {"current_date", "current_time",   "current_timestamp",
                                        "localtime",    "localtimestamp", NULL};

    return is_listed(name, names);
}

bool sl_function_takes_lambda(const struct sl_ast *call)
{
    static const char *const names[] = {
        "apply",      "array_apply", "array_filter", "array_reduce",   "array_transform", "filter",
        "list_apply", "list_filter", "list_reduce",  "list_transform", "reduce"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_ast_is(call, "function_name", names[i]))
            return true;
    return false;
}
