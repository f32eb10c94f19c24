// What is inside of a column whose type the file says itself: members and items.
#include "cli/draft.h"
#include "contract/exchange/tree.h"

#include <string.h>

// As JSON, which is YAML.
static void add_part(const struct sl_yaml *property, const char *key, struct sl_buf *text)
{
    const struct sl_yaml *part = sl_yaml_get(property, key);
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    if (!part)
        return;
    sl_yaml_print_json(part, &json);
    sl_buf_addf(text, "        %s: ", key);
    for (const char *c = json.text; c && *c; c++) {
        if (*c != '\n')
            sl_buf_add_char(text, *c);
        else if (c > json.text && c[-1] == ',')
            sl_buf_add_char(text, ' ');
        if (*c == '\n')
            while (c[1] == ' ' || c[1] == '\n')
                c++;
    }
    sl_buf_add_char(text, '\n');
    text->has_failed |= json.has_failed;
}

int sl_draft_nested(const char *type, struct sl_arena *arena, struct sl_buf *text,
                    struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_exchange exchange = {.arena = arena, .diags = &diags};
    struct sl_yaml *property = sl_x_map(&exchange);
    if (!sl_str_starts(type, "STRUCT(") && !sl_str_ends(type, "]"))
        return SL_OK;
    if (property)
        sl_x_engine_type(&exchange, property, type, (struct sl_place){0});
    if (exchange.has_failed || !property)
        return sl_fail_memory(err);
    if (diags.count) // a map inside, or names that a contract cannot have: it stays JSON
        return SL_OK;
    add_part(property, "properties", text);
    add_part(property, "items", text);
    return sl_buf_check(text, err);
}
