// Parts of a contract in words: maps and lists as they stand in its file, rules, protection.
#include "cli/contract_show.h"
#include "contract/rule.h"

#include <ctype.h>
#include <string.h>

static bool is_left_out(const char *key, const char *const *except)
{
    for (; except && *except; except++)
        if (strcmp(*except, key) == 0)
            return true;
    return false;
}

static bool is_nothing(const struct sl_yaml *node)
{
    return !node || node->kind == SL_YAML_NULL || (node->kind != SL_YAML_SCALAR && !node->count);
}

void sl_contract_key_words(const char *key, struct sl_buf *text)
{
    for (const char *at = key; *at; at++) {
        bool begins = at > key && isupper((unsigned char)*at) && islower((unsigned char)at[-1]);
        char small = (char)tolower((unsigned char)*at);
        if (begins)
            sl_buf_add_char(text, ' ');
        sl_add_plain(
            text, begins || at == key ? (const char[]){small, '\0'} : (const char[]){*at, '\0'}, 1);
    }
}

// A list of several within a list needs its ends.
static void add_value(const struct sl_yaml *value, struct sl_buf *text)
{
    bool is_map = value->kind == SL_YAML_MAP;
    bool has_ends = is_map || (value->kind == SL_YAML_LIST && value->count > 1);
    sl_buf_add(text, !has_ends ? "" : is_map ? "(" : "[");
    sl_contract_words(value, NULL, text);
    sl_buf_add(text, !has_ends ? "" : is_map ? ")" : "]");
}

// An entry of customProperties or authoritativeDefinitions is a key with its value.
static bool add_pair(const struct sl_yaml *map, struct sl_buf *text)
{
    static const char *const pairs[][3] = {{"property", "value", NULL}, {"type", "url", NULL}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct sl_yaml *key = sl_yaml_get(map, pairs[i][0]);
        const struct sl_yaml *value = sl_yaml_get(map, pairs[i][1]);
        if (!key || key->kind != SL_YAML_SCALAR || is_nothing(value))
            continue;
        sl_add_plain(text, key->text, SIZE_MAX);
        sl_buf_add_char(text, ' ');
        add_value(value, text);
        sl_contract_more(", ", map, pairs[i], text);
        return true;
    }
    return false;
}

static void add_item(const struct sl_yaml *item, struct sl_buf *text)
{
    if (item->kind == SL_YAML_MAP && add_pair(item, text))
        return;
    add_value(item, text);
}

void sl_contract_words(const struct sl_yaml *node, const char *const *except, struct sl_buf *text)
{
    bool is_first = true;
    if (is_nothing(node) || (node->kind == SL_YAML_MAP && !except && add_pair(node, text)))
        return;
    if (node->kind == SL_YAML_SCALAR) {
        sl_add_plain(text, node->text, SIZE_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct sl_yaml *item = node->items[i];
        bool is_map = node->kind == SL_YAML_MAP;
        if (is_nothing(item) || (is_map && is_left_out(node->keys[i]->text, except)))
            continue;
        sl_buf_add(text, is_first ? "" : ", ");
        is_first = false;
        if (!is_map) {
            add_item(item, text);
            continue;
        }
        sl_contract_key_words(node->keys[i]->text, text);
        sl_buf_add_char(text, ' ');
        add_value(item, text);
    }
}

void sl_contract_more(const char *before, const struct sl_yaml *node, const char *const *except,
                      struct sl_buf *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    sl_contract_words(node, except, &words);
    text->has_failed |= words.has_failed;
    if (words.length) {
        sl_buf_add(text, before);
        sl_buf_add(text, words.text);
    }
}

static void add_plain(const char *before, const char *value, struct sl_buf *text)
{
    if (!value)
        return;
    sl_buf_add(text, text->length ? " " : "");
    sl_buf_add(text, before);
    sl_add_plain(text, value, SIZE_MAX);
}

static void add_list(const char *before, const struct sl_strs *values, bool is_quoted,
                     struct sl_buf *text)
{
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_add(text, i ? ", " : text->length ? " " : "");
        sl_buf_add(text, i ? "" : before);
        sl_buf_add(text, is_quoted ? "'" : "");
        sl_add_plain(text, values->items[i], SIZE_MAX);
        sl_buf_add(text, is_quoted ? "'" : "");
    }
}

void sl_contract_rule_words(const struct sl_rule *rule, struct sl_buf *text)
{
    const struct sl_rule_kind *kind = sl_rule_kind_find(rule->kind);
    if (rule->parent) {
        add_list("", &rule->columns, false, text);
        add_plain("in ", rule->parent, text);
        add_list("by ", &rule->to, false, text);
        return;
    }
    add_list("", &rule->columns, false, text);
    add_plain("", rule->operation, text);
    add_list("", &rule->values, true, text);
    add_plain(rule->is_min_exclusive ? "above " : "from ", rule->min, text);
    add_plain(rule->is_max_exclusive ? "below " : "to ", rule->max, text);
    add_plain("", rule->text, text);
    add_plain("with a tolerance of ", rule->tolerance, text);
    if (!text->length && kind)
        sl_buf_add(text, kind->summary);
}

void sl_contract_personal_words(const struct sl_personal *personal, struct sl_buf *text)
{
    if (personal->as == SL_PERSONAL_NONE)
        return;
    sl_buf_add(text, sl_personal_name(personal->as));
    if (personal->as == SL_PERSONAL_TOKEN)
        sl_buf_addf(text, " of %lld digits", (long long)personal->length);
    if (!sl_str_is_empty(personal->prefix))
        add_plain("after ", personal->prefix, text);
    if (personal->keep_first)
        sl_buf_addf(text, ", first %lld kept", (long long)personal->keep_first);
    if (personal->keep_last)
        sl_buf_addf(text, ", last %lld kept", (long long)personal->keep_last);
    if (personal->keep_domain)
        sl_buf_add(text, ", domain kept");
}
