#include "cli/foreseen.h"

static bool fails(const struct sl_check_result *check)
{
    return !check->is_passed && !check->unjudged;
}

bool sl_foreseen_fails(const struct sl_foreseen *foreseen)
{
    for (size_t i = 0; i < foreseen->count; i++)
        if (fails(&foreseen->checks[i]) && !foreseen->checks[i].is_warning)
            return true;
    return false;
}

static void print_check(const struct sl_check_result *check)
{
    const char *color = sl_color(stdout, check->is_warning ? SL_COLOR_YELLOW : SL_COLOR_RED);
    if (fails(check)) {
        printf("  %s%s: %s%s\n", color, check->is_warning ? "would warn" : "would fail",
               check->message, sl_color(stdout, SL_COLOR_NONE));
        return;
    }
    printf("  %s: check %s%s%s%s: %s", check->unjudged ? "cannot be judged" : "would pass",
           check->kind, check->name ? " '" : "", check->name ? check->name : "",
           check->name ? "'" : "", check->claim);
    if (check->unjudged)
        printf(" (%s)", check->unjudged);
    putchar('\n');
}

void sl_foreseen_print(const struct sl_foreseen *foreseen)
{
    for (size_t i = 0; i < foreseen->count; i++)
        print_check(&foreseen->checks[i]);
}

json_t *sl_foreseen_json(const struct sl_foreseen *foreseen)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < foreseen->count; i++)
        if (json_array_append_new(list, sl_check_result_json(&foreseen->checks[i], true)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}
