// Whether the engine understands what an imported contract says in its language.
#include "cli/contract_file.h"

#include <string.h>

struct proof {
    struct sl_exchange *exchange;
    struct sl_session *session;
    struct sl_yaml *object;
};

static const char *text_of(const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *node = sl_yaml_get(map, key);
    return node && node->kind == SL_YAML_SCALAR ? node->text : NULL;
}

static void remove_key(struct sl_yaml *map, const char *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key) == 0)
            continue;
        map->keys[kept] = map->keys[i];
        map->items[kept++] = map->items[i];
    }
    map->count = kept;
}

// True in *ret if the engine runs it; fails only when that cannot be told.
static int runs(const struct proof *proof, const char *sql, bool *ret, struct sl_err *problem,
                struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    int code = proof->session->kind->query(proof->session, sql, 1, &result, problem);
    *ret = code == SL_OK;
    if (code != SL_E_MEMORY)
        return SL_OK;
    *err = *problem;
    return code;
}

static int prove_pattern(const struct proof *proof, struct sl_yaml *property, const char *path,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_yaml *options = sl_yaml_get(property, "logicalTypeOptions");
    const char *pattern = text_of(options, "pattern");
    struct sl_err problem = {0};
    bool is_good;
    if (!pattern)
        return SL_OK;
    sl_buf_add(&sql, "select regexp_matches('', ");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(runs(proof, sql.text, &is_good, &problem, err));
    if (is_good)
        return SL_OK;
    sl_diag(proof->exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS,
            sl_yaml_place(options, "pattern"),
            "patterns are RE2: without lookaround and back references",
            "column '%s': the engine does not take the pattern '%s': %s", path, pattern,
            problem.message);
    remove_key(options, "pattern");
    if (!options->count)
        remove_key(property, "logicalTypeOptions");
    return SL_OK;
}

// STRUCT("a" BIGINT, "b" VARCHAR[]), as the column has it in clean.
static void add_type(const struct sl_yaml *property, struct sl_buf *sql)
{
    const struct sl_yaml *members = sl_yaml_get(property, "properties");
    const struct sl_yaml *items = sl_yaml_get(property, "items");
    const char *type = text_of(property, "logicalType");
    char buffer[32];
    if (sl_str_equal(type, "array") && items && items->kind == SL_YAML_MAP) {
        add_type(items, sql);
        sl_buf_add(sql, "[]");
    } else if (sl_str_equal(type, "object") && members && members->count) {
        for (size_t i = 0; i < members->count; i++) {
            sl_buf_add(sql, i ? ", " : "STRUCT(");
            sl_buf_add_sql_name(sql, text_of(members->items[i], "name"));
            sl_buf_add_char(sql, ' ');
            add_type(members->items[i], sql);
        }
        sl_buf_add_char(sql, ')');
    } else {
        sl_buf_add(sql, sl_type_name(sl_exchange_type_of(property), buffer));
    }
}

// "(select cast(null as BIGINT) as "id", ...)": a relation with the table's columns.
static int add_relation(const struct proof *proof, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_yaml *properties = sl_yaml_get(proof->object, "properties");
    sl_buf_add(sql, "(select 1 as \"~none\"");
    for (size_t i = 0; properties && i < properties->count; i++) {
        sl_buf_add(sql, ", cast(null as ");
        add_type(properties->items[i], sql);
        sl_buf_add(sql, ") as ");
        sl_buf_add_sql_name(sql, text_of(properties->items[i], "name"));
    }
    sl_buf_add(sql, ")");
    return sl_buf_check(sql, err);
}

static int keep_as_text(const struct proof *proof, struct sl_yaml *rule, const char *where,
                        struct sl_err *err)
{
    struct sl_yaml *expression = sl_yaml_get(sl_yaml_get(rule, "implementation"), "expression");
    for (size_t i = 0; i < rule->count; i++) // the keys that are there get their new meaning
        if (strcmp(rule->keys[i]->text, "implementation") == 0) {
            rule->keys[i]->text = "description";
            rule->items[i] = expression;
        } else if (strcmp(rule->keys[i]->text, "type") == 0) {
            rule->items[i]->text = "text";
        }
    remove_key(rule, "engine");
    if (!where)
        return SL_OK;
    expression->text =
        sl_arena_printf(proof->exchange->arena, "%s, where %s", expression->text, where);
    SL_TRY_NEW(expression->text, err);
    return SL_OK;
}

static int prove_rules(const struct proof *proof, const struct sl_yaml *owner, struct sl_err *err)
{
    const struct sl_yaml *quality = sl_yaml_get(owner, "quality");
    for (size_t i = 0; quality && quality->kind == SL_YAML_LIST && i < quality->count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        struct sl_yaml *rule = quality->items[i];
        const struct sl_yaml *code = sl_yaml_get(rule, "implementation");
        const char *expression = text_of(code, "expression");
        const char *where = text_of(code, "where");
        struct sl_err problem = {0};
        bool is_good;
        if (!sl_str_equal(text_of(rule, "engine"), "sluice") || !expression)
            continue;
        sl_buf_addf(&sql, "select cast((\n%s\n) as boolean) from ", expression);
        SL_TRY(add_relation(proof, &sql, err));
        if (where)
            sl_buf_addf(&sql, " where (\n%s\n)", where);
        SL_TRY(sl_buf_check(&sql, err));
        SL_TRY(runs(proof, sql.text, &is_good, &problem, err));
        if (is_good)
            continue;
        sl_diag(proof->exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS,
                sl_yaml_place(code, "expression"), "write it in the engine's SQL as a custom rule",
                "rule '%s' is kept as a text: the engine does not take '%s%s%s': %s",
                text_of(rule, "name") ? text_of(rule, "name") : "", expression,
                where ? "' where '" : "", where ? where : "", problem.message);
        SL_TRY(keep_as_text(proof, rule, where, err));
    }
    return SL_OK;
}

static const char *name_of(const struct sl_yaml *property)
{
    const char *name = text_of(property, "name");
    return name ? name : "";
}

// A column, or what is inside of one: "o.c", "items[].qty".
static int prove_property(const struct proof *proof, struct sl_yaml *property, const char *path,
                          struct sl_err *err)
{
    const struct sl_yaml *members = sl_yaml_get(property, "properties");
    struct sl_yaml *items = sl_yaml_get(property, "items");
    struct sl_arena *arena = proof->exchange->arena;
    SL_TRY_NEW(path, err);
    SL_TRY(prove_pattern(proof, property, path, err));
    SL_TRY(prove_rules(proof, property, err));
    for (size_t i = 0; members && i < members->count; i++)
        SL_TRY(prove_property(proof, members->items[i],
                              sl_arena_printf(arena, "%s.%s", path, name_of(members->items[i])),
                              err));
    if (!items || items->kind != SL_YAML_MAP)
        return SL_OK;
    return prove_property(proof, items, sl_arena_printf(arena, "%s[]", path), err);
}

int sl_contract_prove(struct sl_exchange *exchange, struct sl_yaml *contract,
                      struct sl_session *session, struct sl_err *err)
{
    struct proof proof = {.exchange = exchange, .session = session};
    const struct sl_yaml *schema = sl_yaml_get(contract, "schema");
    for (size_t i = 0; schema && i < schema->count; i++) {
        const struct sl_yaml *properties = sl_yaml_get(schema->items[i], "properties");
        proof.object = schema->items[i];
        SL_TRY(prove_rules(&proof, proof.object, err));
        for (size_t k = 0; properties && k < properties->count; k++)
            SL_TRY(
                prove_property(&proof, properties->items[k], name_of(properties->items[k]), err));
    }
    return SL_OK;
}
