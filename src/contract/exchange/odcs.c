// ODCS v2 and v3 into ODCS v3.1, with every part where the newest version has it.
#include "contract/exchange/tree.h"

#include <string.h>

static struct sl_yaml *normal_map(struct sl_exchange *exchange, const struct sl_yaml *map,
                                  const struct sl_opt *rows);

static struct sl_yaml *copy(struct sl_exchange *exchange, const struct sl_yaml *node)
{
    struct sl_yaml *made = SL_NEW(exchange->arena, struct sl_yaml);
    if (!made) {
        exchange->has_failed = true;
        return NULL;
    }
    *made = *node;
    made->items = made->keys = NULL;
    made->count = 0;
    // What is neither number nor boolean is a text, whatever older YAML takes it for (a date).
    if (node->kind == SL_YAML_SCALAR && strcmp(sl_yaml_describe(node), "a text") == 0)
        made->is_quoted = true;
    for (size_t i = 0; i < node->count; i++)
        if (node->kind == SL_YAML_LIST)
            sl_x_push(exchange, made, copy(exchange, node->items[i]));
        else
            sl_x_put(exchange, made, node->keys[i]->text, copy(exchange, node->items[i]));
    return made;
}

static const struct sl_opt *find_row(const struct sl_opt *rows, const char *key)
{
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, key) == 0 && rows->name[0] != '@')
            return rows;
    return NULL;
}

// The rows for the members of a key. Nested columns have those of the columns around them.
static const struct sl_opt *rows_below(const struct sl_opt *rows, const char *key)
{
    const struct sl_opt *row = find_row(rows, key);
    if (row && (row->flags & SL_OPT_OPEN)) // others' words, which are kept as they are
        return NULL;
    if (row && row->rows)
        return row->rows;
    bool is_nested = strcmp(key, "properties") == 0 || strcmp(key, "items") == 0;
    return is_nested && find_row(rows, "logicalTypeOptions") ? rows : NULL;
}

// Values of service levels are numbers, texts or booleans, as they are written; multiples are
// numbers, of which the digits are kept.
static bool is_text(const struct sl_opt *row)
{
    static const char *const others[] = {"value", "valueExt", "multipleOf"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(row->name, others[i]) == 0)
            return false;
    return row->type == SL_OPT_STRING || row->type == SL_OPT_ENUM;
}

static struct sl_yaml *normal(struct sl_exchange *exchange, const struct sl_yaml *value,
                              const struct sl_opt *row, const struct sl_opt *below)
{
    struct sl_yaml *made;
    if (below && value->kind == SL_YAML_MAP)
        return normal_map(exchange, value, below);
    if (below && value->kind == SL_YAML_LIST) {
        made = sl_x_list(exchange);
        for (size_t i = 0; i < value->count; i++)
            if (value->items[i]->kind == SL_YAML_MAP)
                sl_x_push(exchange, made, normal_map(exchange, value->items[i], below));
            else
                sl_x_wrong(exchange, value->items[i]->place, NULL,
                           "an item of the list is %s, expected a map",
                           sl_yaml_describe(value->items[i]));
        return made;
    }
    made = copy(exchange, value);
    if (made && made->kind == SL_YAML_SCALAR && row && is_text(row))
        made->is_quoted = true; // version: 1.0 is a text all the same
    return made;
}

static struct sl_yaml *normal_map(struct sl_exchange *exchange, const struct sl_yaml *map,
                                  const struct sl_opt *rows)
{
    struct sl_yaml *made = sl_x_map(exchange);
    if (made)
        made->place = map->place;
    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i]->text;
        const struct sl_opt *row = find_row(rows, key);
        if (map->items[i]->kind == SL_YAML_NULL)
            continue;
        if (!row)
            sl_x_lost(exchange, map->keys[i]->place, "key '%s' is not part of the standard here",
                      key);
        else
            sl_x_put(exchange, made, key,
                     normal(exchange, map->items[i], row, rows_below(rows, key)));
    }
    return made;
}

// --- What v3.0 says otherwise ---

static void rename_key(struct sl_yaml *map, const char *from, const char *to)
{
    for (size_t i = 0; i < map->count && !sl_yaml_get(map, to); i++)
        if (strcmp(map->keys[i]->text, from) == 0)
            map->keys[i]->text = to;
}

static const char *metric_of(const char *rule)
{
    static const char *const names[][2] = {{"duplicateCount", "duplicateValues"},
                                           {"nullCheck", "nullValues"},
                                           {"nullCount", "nullValues"},
                                           {"validValues", "invalidValues"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal(names[i][0], rule))
            return names[i][1];
    return rule;
}

static bool has_operator(const struct sl_yaml *rule)
{
    for (size_t i = 0; i < rule->count; i++)
        if (sl_str_starts(rule->keys[i]->text, "mustBe") ||
            sl_str_starts(rule->keys[i]->text, "mustNotBe"))
            return true;
    return false;
}

static void lift_rule(struct sl_exchange *exchange, struct sl_yaml *rule)
{
    const struct sl_yaml *valid = sl_yaml_get(rule, "validValues");
    rename_key(rule, "rule", "metric");
    const char *metric = sl_x_get(rule, "metric");
    if (metric)
        sl_x_put_text(exchange, rule, "metric", metric_of(metric));
    if (valid) {
        sl_x_put(exchange, sl_x_map_at(exchange, rule, "arguments"), "validValues", valid);
        sl_x_remove(rule, "validValues");
        if (!has_operator(rule))
            sl_x_put_int(exchange, rule, "mustBe", 0);
    }
    if (!sl_x_get(rule, "type"))
        sl_x_put_text(exchange, rule, "type", sl_x_get(rule, "engine") ? "custom" : "library");
}

static void lift_rules(struct sl_exchange *exchange, const struct sl_yaml *owner)
{
    const struct sl_yaml *quality = sl_yaml_get(owner, "quality");
    for (size_t i = 0; i < sl_x_count(quality); i++)
        lift_rule(exchange, quality->items[i]);
}

// v3.0: "exclusiveMinimum: true" beside "minimum: 0"
static void lift_bound(struct sl_yaml *options, const char *exclusive, const char *plain)
{
    const struct sl_yaml *flag = sl_yaml_get(options, exclusive);
    bool is_true = flag && !flag->is_quoted && sl_str_equal(flag->text, "true");
    if (!is_true && !(flag && !flag->is_quoted && sl_str_equal(flag->text, "false")))
        return;
    sl_x_remove(options, exclusive);
    if (is_true)
        rename_key(options, plain, exclusive);
}

// A number in quotes is one, to whoever reads the contract here. "1e-2" is a text in YAML 1.1,
// whose numbers with an exponent have a point and a sign: 1.0e-2.
static void lift_multiple(struct sl_exchange *exchange, struct sl_yaml *options)
{
    struct sl_yaml *multiple = sl_yaml_get(options, "multipleOf");
    double number;
    if (!multiple || multiple->kind != SL_YAML_SCALAR || !sl_str_to_double(multiple->text, &number))
        return;
    const char *text = multiple->text;
    size_t digits = strcspn(text, "eE");
    multiple->is_quoted = false;
    if (!text[digits] || strspn(text, "0123456789.eE+-") != strlen(text))
        return;
    const char *exponent = text + digits + 1;
    text = sl_x_printf(exchange, "%.*s%se%s%s", (int)digits, text,
                       memchr(text, '.', digits) ? "" : ".0",
                       *exponent == '-' || *exponent == '+' ? "" : "+", exponent);
    multiple->text = text ? text : multiple->text;
}

static void lift_properties(struct sl_exchange *exchange, const struct sl_yaml *list);

static void lift_property(struct sl_exchange *exchange, struct sl_yaml *property)
{
    struct sl_yaml *options = sl_yaml_get(property, "logicalTypeOptions");
    enum sl_type_kind kind = sl_x_type_of(property).type.kind;
    bool is_number = kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
    if (sl_x_is_map(options)) {
        lift_bound(options, "exclusiveMinimum", "minimum");
        lift_bound(options, "exclusiveMaximum", "maximum");
        lift_multiple(exchange, options);
        for (size_t i = 0; i < options->count && !is_number; i++)
            if (sl_str_ends(options->keys[i]->text, "inimum") ||
                sl_str_ends(options->keys[i]->text, "aximum"))
                options->items[i]->is_quoted = true; // the bounds of dates and times are texts
    }
    lift_rules(exchange, property);
    lift_properties(exchange, sl_yaml_get(property, "properties"));
    struct sl_yaml *items = sl_yaml_get(property, "items");
    if (sl_x_is_map(items))
        lift_property(exchange, items);
}

static void require_name(struct sl_exchange *exchange, const struct sl_yaml *owner,
                         const char *what)
{
    if (!sl_x_get(owner, "name"))
        sl_x_wrong(exchange, owner->place, NULL, "%s has no 'name'", what);
}

static void lift_properties(struct sl_exchange *exchange, const struct sl_yaml *list)
{
    for (size_t i = 0; i < sl_x_count(list); i++) {
        require_name(exchange, list->items[i], "a property");
        lift_property(exchange, list->items[i]);
    }
}

static void lift_team(struct sl_exchange *exchange, struct sl_yaml *contract)
{
    const struct sl_yaml *team = sl_yaml_get(contract, "team");
    if (!sl_x_is_list(team))
        return;
    struct sl_yaml *map = sl_x_map(exchange);
    sl_x_put(exchange, map, "members", team);
    sl_x_put(exchange, contract, "team", map);
}

static void lift_contract(struct sl_exchange *exchange, struct sl_yaml *contract)
{
    const struct sl_yaml *schema = sl_yaml_get(contract, "schema");
    const struct sl_yaml *description = sl_yaml_get(contract, "description");
    if (description && description->kind == SL_YAML_SCALAR) {
        struct sl_yaml *map = sl_x_map(exchange);
        sl_x_put_text(exchange, map, "purpose", description->text);
        sl_x_put(exchange, contract, "description", map);
    }
    lift_team(exchange, contract);
    for (size_t i = 0; i < sl_x_count(schema); i++) {
        require_name(exchange, schema->items[i], "an object of 'schema'");
        lift_rules(exchange, schema->items[i]);
        lift_properties(exchange, sl_yaml_get(schema->items[i], "properties"));
    }
}

// The parts of `from`, over the ones that every contract has.
static struct sl_yaml *with_identity(struct sl_exchange *exchange, const struct sl_yaml *from)
{
    const char *name = sl_x_get(from, "name") ? sl_x_get(from, "name") : sl_x_get(from, "id");
    struct sl_yaml *contract = sl_x_contract(exchange, name);
    for (size_t i = 0; i < from->count; i++) {
        const char *key = from->keys[i]->text;
        if (strcmp(key, "apiVersion") != 0 && (!exchange->name || strcmp(key, "name") != 0))
            sl_x_put(exchange, contract, key, from->items[i]);
    }
    return contract;
}

void sl_x_odcs_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                      struct sl_yaml **ret)
{
    const char *version = sl_x_get(input, "apiVersion");
    const char *number = version && *version == 'v' ? version + 1 : version;
    if (number && (sl_str_starts(number, "2.") || strcmp(number, "2") == 0)) {
        *ret = sl_x_odcs_v2(exchange, input);
        return;
    }
    if (!number || !sl_str_starts(number, "3.")) {
        sl_x_wrong(exchange, sl_yaml_place(input, "apiVersion"), "v2.2 to v3.1.0 are read",
                   "apiVersion '%s' is no version of the standard that can be imported",
                   version ? version : "");
        return;
    }
    struct sl_yaml *contract = normal_map(exchange, input, sl_contract_rows);
    if (!contract)
        return;
    lift_contract(exchange, contract);
    *ret = with_identity(exchange, contract);
}

void sl_x_odcs_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                      struct sl_buf *text)
{
    sl_x_conform_references(exchange, contract);
    sl_yaml_print(contract, text);
}
