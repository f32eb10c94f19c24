#include "contract/rule.h"

#include <string.h>

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const char *text = site->reading->text;
    const struct sl_strs *keys = &site->rule->values;
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    sl_buf_addf(broken, "case when json_valid(%s) then ", text);
    for (size_t i = 0; i < keys->count; i++) {
        if (!keys->items[i][0] || strpbrk(keys->items[i], "\"\\"))
            return sl_rule_refuse(site, "'%s' cannot be looked for", keys->items[i]);
        sl_buf_reset(&path);
        sl_buf_addf(&path, "$.\"%s\"", keys->items[i]);
        sl_buf_addf(broken, "%snot json_exists(%s, ", i ? " or " : "", text);
        sl_buf_add_sql_string(broken, path.text);
        sl_buf_add(broken, ")");
    }
    sl_buf_addf(broken, " else %s is not null end", text);
    sl_rule_list(keys, &what);
    sl_rule_says(site, message, "is not a JSON object with %s", what.text);
    message->has_failed |= what.has_failed || path.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_json_keys = {
    .name = "json_keys",
    .summary = "The text is a JSON object with certain members.",
    .example = "implementation: {kind: json_keys, keys: [id, items]}",
    .compile = compile,
};
