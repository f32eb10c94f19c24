// targets/*.yml
#include "spec/load.h"

#include <string.h>
#include <strings.h>

#include "base/fs.h"

// A delivery's folder has another beside it while it is made, with 42 bytes more.
#define LONGEST_FOLDER_NAME (255 - 42)

static const char *const types[] = {"parquet", "csv",      "jsonl", "sqlite",
                                    "duckdb",  "postgres", NULL};
static const char *const write_modes[] = {"full", "append", "partition", "merge", NULL};

static const char *const readings[] = {"newest", "published", NULL};

// The struct as the rows fill it.
struct file {
    struct sl_target target;
    int type;
    struct sl_opt_list deliveries; // struct sl_delivery
};

static const struct sl_opt delivery_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_delivery, node)},
    {.name = "table",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_delivery, table),
     .summary = "The table, with its layer.",
     .flags = SL_OPT_PLAIN | SL_OPT_REQUIRED,
     .example = "curated.daily_revenue"},
    {.name = "to",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_delivery, to),
     .flags = SL_OPT_PLAIN,
     .summary = "Name at the target; the table's own if nothing is said.",
     .example = "daily_revenue"},
    {.name = "write",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_delivery, write),
     .otherwise = "full",
     .summary = "How rows meet those that are there.",
     .values = write_modes},
    {.name = "key",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_delivery, key),
     .flags = SL_OPT_PLAIN,
     .summary = "merge: columns that tell rows apart.",
     .example = "[day, country]"},
    {.name = "partition_by",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_delivery, partition_by),
     .flags = SL_OPT_PLAIN,
     .summary = "partition: columns whose values make a partition.",
     .example = "[day]"},
    {.name = "personal",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_delivery, personal),
     .flags = SL_OPT_PLAIN,
     .summary = "Columns that may carry personal values as they are.",
     .example = "[email]"},
    {0},
};

const struct sl_opt sl_target_rows[] = {
    {.name = "description",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, target.description),
     .summary = "What the target is for.",
     .example = "The warehouse of the finance team"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, target.tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words to select it by.",
     .example = "[finance]"},
    {.name = "type",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, type),
     .summary = "The kind of target.",
     .flags = SL_OPT_REQUIRED,
     .values = types},
    {.name = "dsn",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, target.dsn),
     .summary = "postgres: connection string or URL.",
     .flags = SL_OPT_SECRET,
     .example = "${env:WAREHOUSE_DSN}"},
    {.name = "path",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, target.path),
     .summary = "parquet, csv, jsonl: a folder; sqlite, duckdb: a file.",
     .example = "out"},
    {.name = "schema",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, target.schema),
     .summary = "postgres: the schema of the tables; public if nothing is said.",
     .example = "public"},
    {.name = "reads",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, target.reads),
     .otherwise = "newest",
     .summary = "Each table as soon as it is built, or, when the run ends, only what belongs "
                "together.",
     .values = readings},
    {.name = "deliver",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct file, deliveries),
     .summary = "The tables that are delivered.",
     .flags = SL_OPT_REQUIRED,
     .rows = delivery_rows,
     .item_bytes = sizeof(struct sl_delivery),
     .example = "[{table: curated.daily_revenue}]"},
    SL_EXECUTION_ROWS(offsetof(struct file, target.execution)),
    {.name = "concurrency",
     .type = SL_OPT_INT,
     .offset = offsetof(struct file, target.execution.concurrency),
     .summary = "Deliveries to it at once; as many as there are workers if nothing is said.",
     .example = "1"},
    SL_REQUIREMENT_ROWS(offsetof(struct file, target.requirements)),
    SL_GRAIN_ROW(offsetof(struct file, target.requirements)),
    {0},
};

// A key that a type needs must be there, one that it has no use for must not.
static void check_key(struct sl_load *load, const struct sl_yaml *node, const char *type,
                      const char *key, bool is_used, bool is_needed)
{
    struct sl_diags *diags = &load->project->diags;

    if (sl_load_has(node, key) && !is_used)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_load_key_place(node, key),
                "take it out", "'%s' does nothing for a target of type '%s'", key, type);
    if (!sl_load_has(node, key) && is_needed)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, sl_yaml_place(node, "type"), NULL,
                "a target of type '%s' needs '%s'", type, key);
}

static void check_schema(struct sl_load *load, const struct sl_yaml *node, const char *schema)
{
    bool is_theirs = sl_str_starts(schema, "pg_") || strcmp(schema, "information_schema") == 0;

    if (*schema == '\0' || is_theirs)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(node, "schema"), "a schema of your own, such as public",
                "'schema' is '%s', which is %s", schema,
                is_theirs ? "PostgreSQL's own" : "no name");
}

static int finish_place(struct sl_load *load, const struct sl_yaml *node, struct sl_target *target,
                        struct sl_err *err)
{
    bool is_server = strcmp(target->type, "postgres") == 0;

    check_key(load, node, target->type, "dsn", is_server, is_server);
    check_key(load, node, target->type, "schema", is_server, false);
    check_key(load, node, target->type, "path", !is_server, !is_server);
    if (is_server && !target->schema)
        target->schema = "public";
    if (is_server)
        check_schema(load, node, target->schema);
    if (!target->path)
        return SL_OK;
    if (*target->path == '\0' || strstr(target->path, "://"))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(node, "path"),
                "a path of this machine, absolute or relative to sluice.yml",
                "'path' is '%s', which is no path", target->path);
    target->path = sl_path_join(&load->project->arena, load->project->folder, target->path);
    SL_TRY_NEW(target->path, err);
    return SL_OK;
}

static void check_table(struct sl_load *load, const struct sl_delivery *delivery)
{
    static const char *const layers[] = {"raw", "clean", "quarantine", "curated"};
    struct sl_arena *arena = &load->project->arena;
    enum sl_layer layer;
    const char *name;
    const char *dot = strchr(delivery->table, '.');
    const char *written;
    const char *nearest = NULL;
    const char *hint;

    if (sl_table_parse(delivery->table, &layer, &name))
        return;
    if (dot && !strchr(dot + 1, '.')) {
        written = sl_arena_strndup(arena, delivery->table, (size_t)(dot - delivery->table));
        nearest = written ? sl_str_nearest(written, layers, 4) : NULL;
    }
    if (nearest)
        hint = sl_arena_printf(arena, "did you mean '%s%s'?", nearest, dot);
    else
        hint = "raw.x, clean.x, quarantine.x or curated.x";
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(delivery->node, "table"), hint,
            "'%s' is no name of a table, which is layer.table", delivery->table);
}

static bool is_folder_type(const char *type)
{
    return strcmp(type, "parquet") == 0 || strcmp(type, "csv") == 0 || strcmp(type, "jsonl") == 0;
}

static void refuse_to(struct sl_load *load, const struct sl_delivery *delivery,
                      const char *what_is_wrong)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(delivery->node, "to"), "a name inside the target, such as daily_revenue",
            "'to' is '%s', %s", delivery->to, what_is_wrong);
}

// A name at the target stays inside the target, is not one of our own, and is kept whole there.
static void check_to(struct sl_load *load, const struct sl_delivery *delivery, const char *type)
{
    const char *to = delivery->to;
    bool is_folder = is_folder_type(type);
    size_t length = strlen(to);

    if (!*to || *to == '/' || strstr(to, "..") || to[length - 1] == '/' ||
        (is_folder && (strchr(to, '/') || *to == '.')))
        refuse_to(load, delivery, "which is no name");
    else if (strncasecmp(to, "_sluice", 7) == 0)
        refuse_to(load, delivery, "and names that begin with '_sluice' are Sluice's own");
    else if (strcmp(type, "sqlite") == 0 && strncasecmp(to, "sqlite_", 7) == 0)
        refuse_to(load, delivery, "and names that begin with 'sqlite_' are SQLite's own");
    else if (is_folder && length > LONGEST_FOLDER_NAME)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID,
                sl_yaml_place(delivery->node, "to"), "choose a shorter name",
                "'to' has %zu bytes, and a folder's name may have %d", length, LONGEST_FOLDER_NAME);
}

static int finish_delivery(struct sl_load *load, struct sl_map *names, const char *type,
                           struct sl_delivery *delivery, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    const struct sl_delivery *other;

    check_table(load, delivery);
    if (delivery->to)
        check_to(load, delivery, type);
    else
        delivery->to = sl_table_parse(delivery->table, &layer, &name) ? name : delivery->table;
    other = sl_map_get(names, delivery->to);
    if (other)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
                sl_yaml_place(delivery->node, "to"), "give one of them another name with 'to'",
                "'%s' and '%s' are both delivered to '%s'", other->table, delivery->table,
                delivery->to);
    sl_load_check_write(load, delivery->node, delivery->write, &delivery->key,
                        &delivery->partition_by);
    sl_load_check_columns(load, delivery->node, "personal");
    return sl_map_set(names, delivery->to, delivery, err);
}

static int finish_deliveries(struct sl_load *load, const struct sl_yaml *node,
                             const struct sl_opt_list *list, struct sl_target *target,
                             struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map names = {0};
    const struct sl_yaml *deliver = sl_yaml_get(node, "deliver");

    target->deliveries = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (!target->deliveries[i].table) // it was told
            continue;
        struct sl_delivery *delivery = &target->deliveries[target->delivery_count++];
        *delivery = target->deliveries[i];
        SL_TRY(finish_delivery(load, &names, target->type, delivery, err));
    }
    if (deliver && deliver->kind == SL_YAML_LIST && deliver->count == 0)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, deliver->place,
                "name at least one table, such as '- table: curated.daily_revenue'",
                "'deliver' is an empty list");
    return SL_OK;
}

int sl_target_read(struct sl_load *load, const struct sl_load_file *file, struct sl_target *ret,
                   struct sl_err *err)
{
    struct file read = {.type = -1};
    struct sl_yaml *node;
    const char *what = sl_arena_printf(&load->project->arena, "target '%s'", file->name);

    SL_TRY_NEW(what, err);
    sl_load_check_name(load, file->path, file->name);
    SL_TRY(sl_load_yaml(load, file->path, &node, err));
    if (node)
        SL_TRY(sl_load_read(load, sl_target_rows, node, what, &read, err));
    *ret = read.target;
    ret->name = file->name;
    ret->file = file->path;
    ret->node = node;
    ret->type = read.type < 0 ? types[0] : types[read.type];
    if (read.type >= 0)
        SL_TRY(finish_place(load, node, ret, err));
    SL_TRY(finish_deliveries(load, node, &read.deliveries, ret, err));
    sl_load_check_columns(load, node, "grain");
    sl_load_requirements(load, node, &ret->requirements);
    return sl_load_execution(load, node, &ret->execution, err);
}
