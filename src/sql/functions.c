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

enum sl_function_kind sl_function_kind(const struct sl_ast *call)
{
    const char *name = sl_ast_text(call, "function_name");
    const struct function *found =
        bsearch(name, functions, sizeof functions / sizeof *functions, sizeof *functions, compare);

    // age(t) is the time from t until now; age(a, b) does not look at the clock.
    if (sl_str_equal_nocase(name, "age") && sl_ast_count(sl_ast_get(call, "children")) == 1)
        return SL_FUNCTION_VOLATILE;
    return found ? found->kind : SL_FUNCTION_UNKNOWN;
}

bool sl_function_is_pure_table(const char *name)
{
    static const char *const names[] = {"unnest",     "range",     "generate_series", "repeat",
                                        "repeat_row", "json_each", "json_tree",       NULL};

    return is_listed(name, names);
}

bool sl_function_is_clock_name(const char *name)
{
    static const char *const names[] = {"current_date", "current_time",   "current_timestamp",
                                        "localtime",    "localtimestamp", NULL};

    return is_listed(name, names);
}
