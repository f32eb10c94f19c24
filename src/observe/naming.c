// Names of datasets: https://openlineage.io/docs/spec/naming
#include "observe/datasets.h"

#include "base/libpq.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static int name_file(const char *path, struct sl_arena *arena, struct sl_lineage_dataset *ret,
                     struct sl_err *err)
{
    *ret = sl_lineage_dataset_named("file", path);
    return sl_file_uri(path, arena, &ret->source, err);
}

static const char *option_of(const PQconninfoOption *options, const char *key, const char *variable,
                             const char *otherwise)
{
    const char *value = NULL;
    for (; options && options->keyword; options++)
        if (strcmp(options->keyword, key) == 0)
            value = options->val;
    if (!value || !*value)
        value = getenv(variable);
    return value && *value ? value : otherwise;
}

// Of several hosts the first; without a library nobody is asked.
static int name_postgres(const struct sl_target *target, const char *to, struct sl_arena *arena,
                         struct sl_lineage_dataset *ret, struct sl_err *err)
{
    struct sl_libpq pq;
    struct sl_err ignored = {0};
    PQconninfoOption *options = NULL;
    bool is_loaded = sl_libpq_load(&pq, &ignored) == SL_OK;
    if (is_loaded && target->dsn)
        options = pq.PQconninfoParse(target->dsn, NULL);
    const char *host = option_of(options, "host", "PGHOST", "localhost");
    const char *port = option_of(options, "port", "PGPORT", "5432");
    const char *user = option_of(options, "user", "PGUSER", "postgres");
    const char *database = option_of(options, "dbname", "PGDATABASE", user);
    const char *space =
        sl_arena_printf(arena, "postgres://%.*s:%.*s", (int)strcspn(host, ","),
                        *host == '/' ? "localhost" : host, (int)strcspn(port, ","), port);
    const char *name = sl_arena_printf(arena, "%s.%s.%s", database, target->schema, to);
    if (options)
        pq.PQconninfoFree(options);
    if (is_loaded)
        sl_libpq_unload(&pq);
    SL_TRY_NEW(space, err);
    SL_TRY_NEW(name, err);
    *ret = sl_lineage_dataset_named(space, name);
    ret->source = space;
    return SL_OK;
}

static int name_target(const struct sl_target *target, const char *to, struct sl_arena *arena,
                       struct sl_lineage_dataset *ret, struct sl_err *err)
{
    const char *space, *name;
    if (sl_str_equal(target->type, "postgres"))
        return name_postgres(target, to, arena, ret, err);
    if (!sl_str_equal(target->type, "sqlite") && !sl_str_equal(target->type, "duckdb")) {
        const char *path = sl_arena_printf(arena, "%s/%s", target->path, to);
        SL_TRY_NEW(path, err);
        return name_file(path, arena, ret, err);
    }
    space = sl_arena_printf(arena, "%s://%s", target->type, target->path);
    name = sl_arena_printf(arena, "main.%s", to);
    SL_TRY_NEW(space, err);
    SL_TRY_NEW(name, err);
    *ret = sl_lineage_dataset_named(space, name);
    return sl_file_uri(target->path, arena, &ret->source, err);
}

// "target.dwh.orders": the delivery whose place has that name.
static int find_target(const struct sl_project *project, const char *table, struct sl_arena *arena,
                       struct sl_lineage_dataset *ret, bool *ret_found, struct sl_err *err)
{
    for (size_t i = 0; i < project->target_count; i++) {
        const struct sl_target *target = &project->targets[i];
        size_t length = strlen(target->name);
        if (strncmp(table, target->name, length) != 0 || table[length] != '.')
            continue;
        *ret_found = true;
        return name_target(target, table + length + 1, arena, ret, err);
    }
    return SL_OK;
}

int sl_dataset_name(const struct sl_project *project, const char *table, struct sl_arena *arena,
                    struct sl_lineage_dataset *ret, bool *ret_found, struct sl_err *err)
{
    enum sl_layer layer;
    const char *bare;
    bool is_borrowed;
    *ret_found = false;
    if (sl_str_starts(table, "target."))
        return find_target(project, table + 7, arena, ret, ret_found, err);
    if (sl_str_starts(table, "source.")) {
        const struct sl_source *source = sl_project_source(project, table + 7);
        *ret_found = source && source->paths.count;
        return *ret_found ? name_file(source->paths.items[0], arena, ret, err) : SL_OK;
    }
    if (!sl_table_parse(table, &layer, &bare))
        return SL_OK;
    const char *folder = sl_table_source(project, layer, bare, arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(name_file(folder, arena, ret, err));
    ret->symlink = table;
    ret->storage = "delta";
    ret->format = "parquet";
    *ret_found = true;
    return SL_OK;
}

// --- assertions

static int add_assertion(json_t *list, const char *what, const char *name, const char *column,
                         bool is_passed, bool is_warning, json_t **ret, struct sl_err *err)
{
    *ret = json_pack("{s:o, s:b, s:s}", "assertion", sl_json_string(what), "success",
                     is_passed ? 1 : 0, "severity", is_warning ? "warn" : "error");
    if (json_array_append_new(list, *ret) != 0)
        return sl_fail_memory(err);
    if (name && json_object_set_new(*ret, "name", sl_json_string(name)) != 0)
        return sl_fail_memory(err);
    if (column && json_object_set_new(*ret, "column", sl_json_string(column)) != 0)
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_text(json_t *object, const char *key, const char *text, struct sl_err *err)
{
    return !text || json_object_set_new(object, key, sl_json_string(text)) == 0
               ? SL_OK
               : sl_fail_memory(err);
}

// One that could not be judged is none.
static int add_check(json_t *list, const json_t *check, struct sl_err *err)
{
    json_t *item;
    char number[32];
    const json_t *rows = json_object_get(check, "rows");
    const char *measure = sl_json_text(check, "measure", NULL);
    if (!json_is_boolean(json_object_get(check, "passed")))
        return SL_OK;
    SL_TRY(add_assertion(list, sl_json_text(check, "kind", "check"),
                         sl_json_text(check, "name", NULL), NULL,
                         sl_json_bool(check, "passed", false),
                         sl_str_equal(sl_json_text(check, "severity", ""), "warn"), &item, err));
    SL_TRY(add_text(item, "description", sl_json_text(check, "claim", NULL), err));
    if (!measure && json_is_integer(rows)) {
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(rows));
        measure = number;
        SL_TRY(add_text(item, "expected", "0", err));
    }
    return add_text(item, "actual", measure, err);
}

static int64_t broken_by(const json_t *reasons, const char *rule)
{
    size_t i;
    json_t *reason;
    json_array_foreach (reasons, i, reason)
        if (sl_str_equal(sl_json_text(reason, "rule", ""), rule))
            return sl_json_int(reason, "rows", 0);
    return 0;
}

static int add_rule(json_t *list, const struct sl_contract_column *column,
                    const struct sl_rule *rule, const json_t *reasons, struct sl_err *err)
{
    json_t *item;
    char number[32];
    int64_t rows = broken_by(reasons, rule->id);
    SL_TRY(add_assertion(list, rule->kind, rule->id, column ? column->name : NULL, rows == 0,
                         rule->severity == SL_RULE_WARN, &item, err));
    (void)snprintf(number, sizeof number, "%lld", (long long)rows);
    SL_TRY(add_text(item, "expected", "0", err));
    return add_text(item, "actual", number, err);
}

int sl_assertions(const json_t *outcome, const struct sl_contract_table *contract, json_t **ret,
                  struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    const json_t *reasons = json_object_get(outcome, "reasons");
    size_t i;
    json_t *check;
    SL_TRY_NEW(list, err);
    json_array_foreach (json_object_get(outcome, "checks"), i, check)
        SL_TRY(add_check(list, check, err));
    for (size_t c = 0; contract && c < contract->column_count; c++)
        for (size_t k = 0; k < contract->columns[c].rule_count; k++)
            SL_TRY(add_rule(list, &contract->columns[c], &contract->columns[c].rules[k], reasons,
                            err));
    for (size_t k = 0; contract && k < contract->rule_count; k++)
        SL_TRY(add_rule(list, NULL, &contract->rules[k], reasons, err));
    *ret = list;
    list = NULL;
    return SL_OK;
}
