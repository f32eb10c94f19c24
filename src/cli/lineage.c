// sluice lineage: what a table or a column is made from, and what is made from it.
#include "run/lineage.h"
#include "cli/output.h"

#include <string.h>

struct lineage_options {
    struct sl_common common;
    const char *what;
    bool downstream, influence;
};

static const struct sl_opt rows[] = {
    {"what", SL_OPT_STRING, offsetof(struct lineage_options, what), NULL,
     "layer.table or layer.table.column; without it, every table.", SL_OPT_POSITIONAL,
     .placeholder = "TABLE[.COLUMN]"},
    {"downstream", SL_OPT_BOOL, offsetof(struct lineage_options, downstream), "false",
     "What is made from it instead of what it is made from.", 0, .letter = 'd'},
    {"influence", SL_OPT_BOOL, offsetof(struct lineage_options, influence), "false",
     "Follow also what decides which rows there are: filters, joins, groups, keys, rules.", 0,
     .letter = 'i'},
    SL_COMMON_ROWS,
    {0},
};

static void close_lineage(struct sl_lineage *lineage)
{
    struct sl_world *world = lineage->world;
    sl_lineage_clear(lineage);
    if (world->project)
        sl_world_close(world);
}

struct walk {
    struct sl_lineage *lineage;
    bool is_downstream, follows_influence;
    json_t *list;  // NULL: print
    size_t number; // a walk follows each edge once, for there may be very many ways
    bool *seen;    // nodes
};

// With those of members at any depth.
static int list_rules(const struct sl_contract_column *column, json_t *list, struct sl_err *err)
{
    for (size_t i = 0; i < column->rule_count; i++)
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:s}", "rule", column->rules[i].id, "severity",
                                            sl_rule_severity_name(column->rules[i].severity))) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(list_rules(&column->fields[i], list, err));
    return SL_OK;
}

static void print_rules(const struct sl_contract_column *column, const char **before)
{
    for (size_t i = 0; i < column->rule_count; i++) {
        printf("%s%s", *before, column->rules[i].id);
        *before = ", ";
    }
    for (size_t i = 0; i < column->field_count; i++)
        print_rules(&column->fields[i], before);
}

static int list_edge(const struct walk *walk, const struct sl_lineage_end *from,
                     const struct sl_lineage_end *to, const struct sl_lineage_edge *edge,
                     struct sl_err *err)
{
    enum sl_lineage_how how = edge ? edge->how : SL_LINEAGE_DECIDES;
    json_t *item = json_pack("{s:s, s:s?, s:s, s:s?, s:s, s:s}", "from_table", from->table,
                             "from_column", from->column, "to_table", to->table, "to_column",
                             to->column, "how", sl_lineage_how_name(how), "kind",
                             how == SL_LINEAGE_DECIDES ? "influence" : "value");
    if (json_array_append_new(walk->list, item) != 0)
        return sl_fail_memory(err);
    const char *classification =
        from->classification && to->classification ? from->classification : NULL;
    if (classification && how != SL_LINEAGE_DECIDES &&
        json_object_set_new(item, "classification", json_string(classification)) != 0)
        return sl_fail_memory(err);
    if (how != SL_LINEAGE_PARSED)
        return SL_OK;
    json_t *rules = json_array();
    if (json_object_set_new(item, "rules", rules) != 0)
        return sl_fail_memory(err);
    return edge->column ? list_rules(edge->column, rules, err) : SL_OK;
}

static void print_edge(const struct walk *walk, const struct sl_lineage_end *end,
                       const struct sl_lineage_edge *edge, int depth)
{
    printf("%*s%s %s%s%s  %s(%s)", 2 * depth, "", walk->is_downstream ? "->" : "<-", end->table,
           end->column ? "." : "", end->column ? end->column : "", sl_color(stdout, SL_COLOR_DIM),
           sl_lineage_how_name(edge ? edge->how : SL_LINEAGE_DECIDES));
    const char *before = "  ";
    if (edge && edge->column)
        print_rules(edge->column, &before);
    printf("%s\n", sl_color(stdout, SL_COLOR_NONE));
}

static int walk_end(struct walk *walk, struct sl_lineage_end *end, int depth, struct sl_err *err);

// One edge, or with NULL that from a table's rows to one of its columns. The graph of tables has no
// cycle, so neither has that of columns.
static int walk_edge(struct walk *walk, struct sl_lineage_end *end, struct sl_lineage_end *other,
                     struct sl_lineage_edge *edge, int depth, struct sl_err *err)
{
    size_t *seen = edge ? &edge->seen : end->column ? &end->seen : &other->seen;
    bool is_new = *seen != walk->number;
    bool follows = walk->follows_influence || (edge && edge->how != SL_LINEAGE_DECIDES);
    *seen = walk->number;
    if (walk->list && is_new)
        SL_TRY(list_edge(walk, walk->is_downstream ? end : other, walk->is_downstream ? other : end,
                         edge, err));
    if (!walk->list)
        print_edge(walk, other, edge, depth);
    return is_new && follows ? walk_end(walk, other, depth + 1, err) : SL_OK;
}

// Which rows a table has influences each of its columns.
static int walk_rows(struct walk *walk, struct sl_lineage_end *end, int depth, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&walk->lineage->catalog, end->table);
    if (!walk->is_downstream) {
        struct sl_lineage_end *all =
            end->column ? sl_lineage_end(walk->lineage, end->table, NULL) : NULL;
        return all ? walk_edge(walk, end, all, NULL, depth, err) : SL_OK;
    }
    for (size_t i = 0; !end->column && relation && i < relation->count; i++) {
        struct sl_lineage_end *column =
            sl_lineage_end(walk->lineage, end->table, relation->columns[i].name);
        if (column)
            SL_TRY(walk_edge(walk, end, column, NULL, depth, err));
    }
    return SL_OK;
}

// What decides rows is named but, unless asked for, not followed: it would pull in every key.
static int walk_end(struct walk *walk, struct sl_lineage_end *end, int depth, struct sl_err *err)
{
    size_t count = walk->is_downstream ? end->out_count : end->in_count;
    const size_t *edges = walk->is_downstream ? end->out : end->in;
    for (size_t i = 0; i < count; i++) {
        struct sl_lineage_edge *edge = &walk->lineage->edges[edges[i]];
        struct sl_lineage_end *other = walk->is_downstream ? edge->to : edge->from;
        if (!walk->follows_influence && (!other->column || !end->column))
            continue;
        SL_TRY(walk_edge(walk, end, other, edge, depth, err));
    }
    return walk->follows_influence ? walk_rows(walk, end, depth, err) : SL_OK;
}

static int walk_column(struct walk *walk, const char *table, const char *column, int depth,
                       struct sl_err *err)
{
    struct sl_lineage_end *end = sl_lineage_end(walk->lineage, table, column);
    return end ? walk_end(walk, end, depth, err) : SL_OK;
}

static int walk_table(struct walk *walk, const struct sl_node *node, int depth, struct sl_err *err)
{
    const struct sl_graph *graph = &walk->lineage->world->graph;
    size_t count = walk->is_downstream ? node->downstream_count : node->upstream_count;
    const size_t *next = walk->is_downstream ? node->downstream : node->upstream;
    for (size_t i = 0; i < count; i++) {
        const struct sl_node *other = &graph->nodes[next[i]];
        const char *output =
            other->model ? sl_output_text(other->model, &walk->lineage->world->arena) : "";
        SL_TRY_NEW(output, err);
        printf("%*s%s %s  %s(%s%s%s)%s\n", 2 * depth, "", walk->is_downstream ? "->" : "<-",
               other->name, sl_color(stdout, SL_COLOR_DIM), other->file, *output ? ": " : "",
               output, sl_color(stdout, SL_COLOR_NONE));
        bool is_new = !walk->seen[next[i]];
        walk->seen[next[i]] = true;
        if (is_new)
            SL_TRY(walk_table(walk, other, depth + 1, err));
    }
    return SL_OK;
}

static int show_table(struct walk *walk, const char *table, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&walk->lineage->catalog, table);
    const struct sl_node *node = sl_graph_node(&walk->lineage->world->graph, table);
    if (!walk->list) {
        walk->seen =
            SL_NEW_ARRAY(&walk->lineage->world->arena, bool, walk->lineage->world->graph.count);
        SL_TRY_NEW(walk->seen, err);
        puts(table);
        SL_TRY(walk_table(walk, node, 1, err));
    }
    for (size_t i = 0; relation && i < relation->count; i++) {
        if (!walk->list) {
            printf("%s%s.%s\n", i ? "" : "\n", table, relation->columns[i].name);
            walk->number++;
        }
        SL_TRY(walk_column(walk, table, relation->columns[i].name, 1, err));
    }
    return SL_OK;
}

static int unknown(const struct sl_lineage *lineage, struct sl_arena *arena, const char *what,
                   struct sl_err *err)
{
    const char **names =
        SL_NEW_ARRAY(arena, const char *, sl_map_count(&lineage->world->graph.by_name));
    size_t count = 0;
    SL_TRY_NEW(names, err);
    for (const struct sl_map_entry *it = sl_map_first(&lineage->world->graph.by_name); it;
         it = sl_map_next(it))
        names[count++] = sl_map_key(it);
    const char *hint = sl_did_you_mean(arena, what, names, count);
    (void)sl_fail(err, SL_E_TABLE_MISSING, "there is no table or column '%s'", what);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice ls` lists the tables");
}

// "a.b" in double quotes, as in SQL; what has none is as it is. NULL out of memory.
static const char *without_quotes(const char *name, struct sl_arena *arena)
{
    size_t length = strlen(name), count = 0;
    if (length < 2 || name[0] != '"' || name[length - 1] != '"')
        return name;
    char *text = sl_arena_strndup(arena, name + 1, length - 2);
    for (size_t i = 0; text && text[i]; i++) {
        text[count++] = text[i];
        i += text[i] == '"' && text[i + 1] == '"';
    }
    if (text)
        text[count] = '\0';
    return text;
}

// The table's column as the catalog writes it; NULL: there is none.
static const char *find_column(struct walk *walk, const char *table, const char *column)
{
    const struct sl_relation *relation = sl_map_get(&walk->lineage->catalog, table);
    for (size_t i = 0; relation && i < relation->count; i++)
        if (sl_str_equal_nocase(relation->columns[i].name, column))
            return relation->columns[i].name;
    bool is_source =
        sl_str_starts(table, "source.") && sl_lineage_end(walk->lineage, table, column) != NULL;
    return is_source ? column : NULL;
}

// What stands for a table or a column; *ret_found says whether there is one. The name of a column
// may have dots, with quotes around it or without.
static int show_named(struct walk *walk, const char *what, bool *ret_found, struct sl_err *err)
{
    struct sl_arena *arena = &walk->lineage->world->arena;
    *ret_found = true;
    if (sl_graph_node(&walk->lineage->world->graph, what))
        return show_table(walk, what, err);
    for (const char *dot = strchr(what, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *table = sl_arena_strndup(arena, what, (size_t)(dot - what));
        const char *bare = without_quotes(dot + 1, arena);
        SL_TRY_NEW(table, err);
        SL_TRY_NEW(bare, err);
        const char *column = find_column(walk, table, dot + 1);
        if (!column)
            column = find_column(walk, table, bare);
        if (!column)
            continue;
        if (!walk->list)
            printf("%s\n", what);
        return walk_column(walk, table, column, 1, err);
    }
    *ret_found = false;
    return SL_OK;
}

// A name without its layer is looked up as `sluice show` does.
static int show_one(struct walk *walk, const char *what, struct sl_err *err)
{
    static const char *const layers[] = {"", "curated.", "clean.", "raw."};
    struct sl_arena *arena = &walk->lineage->world->arena;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const char *name = sl_arena_printf(arena, "%s%s", layers[i], what);
        bool is_found;
        SL_TRY_NEW(name, err);
        SL_TRY(show_named(walk, name, &is_found, err));
        if (is_found)
            return SL_OK;
    }
    return unknown(walk->lineage, arena, what, err);
}

// The models among the tables that say more than what they are made of.
static int add_outputs(const struct sl_world *world, json_t *root, struct sl_err *err)
{
    json_t *list = json_array();
    if (json_object_set_new(root, "outputs", list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        const struct sl_model *model = node->model;
        if (!model || !(model->version_of || model->stands_for || model->deprecated))
            continue;
        json_t *item = json_pack("{s:s}", "table", node->name);
        if (json_array_append_new(list, item) != 0)
            return sl_fail_memory(err);
        SL_TRY(sl_output_add(item, model, err));
    }
    return SL_OK;
}

static int run_lineage(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct lineage_options *options = self;
    struct sl_world world = {0};
    SL_AUTO(close_lineage) struct sl_lineage lineage = {.world = &world};
    SL_AUTO(sl_json_free) json_t *root = NULL;
    (void)ret_exit;
    SL_TRY(sl_open_world(&options->common, &world, err));
    SL_TRY(sl_lineage_read(&world, &lineage, err));
    SL_TRY(sl_lineage_classify(&lineage, err));
    struct walk walk = {.lineage = &lineage,
                        .is_downstream = options->downstream,
                        .follows_influence = options->influence,
                        .number = 1};
    if (options->common.json) {
        walk.list = json_array();
        root = json_pack("{s:s, s:o}", "schema", "sluice.lineage/1", "edges", walk.list);
        SL_TRY_NEW(root, err);
        SL_TRY(add_outputs(&world, root, err));
    }
    if (options->what) {
        SL_TRY(show_one(&walk, options->what, err));
    } else {
        for (size_t i = 0; i < lineage.world->graph.count; i++) {
            const struct sl_node *node = &lineage.world->graph.nodes[i];
            if (!walk.list)
                puts(node->name);
            if (walk.list)
                SL_TRY(show_table(&walk, node->name, err));
            for (size_t k = 0; k < node->upstream_count && !walk.list; k++)
                printf("  <- %s\n", lineage.world->graph.nodes[node->upstream[k]].name);
        }
    }
    return options->common.json ? sl_print_json(root, err) : SL_OK;
}

static const char *const examples[] = {"sluice lineage curated.daily_revenue",
                                       "sluice lineage curated.daily_revenue.revenue_eur",
                                       "sluice lineage raw.orders.amount --downstream",
                                       "sluice lineage source.orders.status -d --influence",
                                       "sluice lineage 'clean.orders.\"net.eur\"'",
                                       NULL};

const struct sl_command sl_command_lineage = {
    .name = "lineage",
    .summary = "Show what a table or column is made from, or what is made from it.",
    .details = "A column is made of others by value, or they influence which rows there are and so "
               "what it says. Without\n"
               "--influence the latter are named but not followed. Rules are named where they "
               "judge a field: their names are the\n"
               "reasons in quarantine.",
    .rows = rows,
    .options_bytes = sizeof(struct lineage_options),
    .examples = examples,
    .run = run_lineage,
};
