// Where personal values go: the classification of contract columns follows the lineage by value, up
// to where a contract protects them.
#include "run/bind.h"
#include "run/lineage.h"

#include "base/json.h"
#include "base/str.h"
#include "contract/alias.h"
#include "contract/personal.h"
#include "run/kept_codes.h"

#include <stdio.h>
#include <string.h>

#define CORRUPT "_corrupt" // the bytes of a record that could not be split into columns

struct tagger {
    struct sl_lineage *lineage;
    struct sl_lineage_end **queue;
    size_t count;
};

bool sl_contract_is_followed(const struct sl_contract_table *contract)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_personal_followed(&contract->columns[i]))
            return true;
    return false;
}

int sl_world_is_personal(struct sl_world *world, bool *ret, struct sl_err *err)
{
    const struct sl_project *project = world->project;
    struct sl_strs former = {0};
    *ret = false;
    for (size_t i = 0; i < project->contract_count; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count; k++)
            *ret |= sl_contract_is_followed(&project->contracts[i]->tables[k]);
    for (size_t i = 0; i < world->graph.count && !*ret; i++) {
        if (world->graph.nodes[i].kind != SL_NODE_INGEST)
            continue;
        SL_TRY(sl_former_of(world, &world->graph.nodes[i], &former, err));
        *ret = former.count > 0;
    }
    if (!*ret) {
        SL_TRY(sl_gone_sources(world, &former, err));
        *ret = former.count > 0;
    }
    return SL_OK;
}

// The column of the contract, or the one of which it is an old name: that is as protected.
static const struct sl_contract_column *column_of(const struct sl_lineage *lineage,
                                                  const struct sl_lineage_end *end)
{
    const struct sl_node *node = sl_str_starts(end->table, "clean.")
                                     ? sl_graph_node(&lineage->world->graph, end->table)
                                     : NULL;
    const struct sl_contract_column *column = NULL;
    for (size_t i = 0; node && node->contract && end->column && i < node->contract->column_count;
         i++)
        if (sl_str_equal_nocase(node->contract->columns[i].name, end->column))
            return &node->contract->columns[i];
    if (node && node->contract && end->column)
        (void)sl_alias_find(node->contract, end->column, &column);
    return column;
}

static bool is_value(const struct sl_lineage_edge *edge)
{
    return edge->how != SL_LINEAGE_DECIDES && edge->to->column && edge->from->column;
}

// The contract that a table of raw is read by; NULL: none.
static const struct sl_contract_table *contract_of(const struct sl_lineage *lineage,
                                                   const char *raw)
{
    SL_AUTO(sl_buf_clear) struct sl_buf clean = SL_BUF_INIT;
    if (!sl_str_starts(raw, "raw."))
        return NULL;
    sl_buf_addf(&clean, "clean.%s", raw + strlen("raw."));
    const struct sl_node *node =
        clean.has_failed ? NULL : sl_graph_node(&lineage->world->graph, clean.text);
    return node ? node->contract : NULL;
}

// Quarantine shows a column of raw as clean does that reads it, also one that clean drops; and of a
// line that could not be split nothing if anything is protected.
static bool is_protected_in_quarantine(const struct sl_lineage *lineage,
                                       const struct sl_lineage_end *raw)
{
    const struct sl_contract_table *contract = contract_of(lineage, raw->table);
    if (!contract || !raw->column)
        return false;
    return sl_str_equal(raw->column, CORRUPT) ? sl_personal_is_any_protected(contract)
                                              : sl_personal_of_raw(contract, raw->column) != NULL;
}

static bool stops(const struct sl_lineage *lineage, const struct sl_lineage_edge *edge)
{
    const struct sl_contract_column *column = column_of(lineage, edge->to);
    if (column)
        return column->personal.as != SL_PERSONAL_NONE;
    return sl_str_starts(edge->to->table, "quarantine.") &&
           is_protected_in_quarantine(lineage, edge->from);
}

static int enqueue(struct tagger *tagger, struct sl_lineage_end *end, const char *classification,
                   size_t brought_by, struct sl_err *err)
{
    if (end->classification)
        return SL_OK;
    end->classification = classification;
    end->brought_by = brought_by;
    return SL_PUSH(&tagger->lineage->world->arena, tagger->queue, tagger->count, end)
               ? SL_OK
               : sl_fail_memory(err);
}

static int begin_column(struct tagger *tagger, const struct sl_node *node,
                        const struct sl_contract_column *column, const char *name,
                        struct sl_err *err)
{
    struct sl_lineage *lineage = tagger->lineage;
    const char *raw = sl_arena_printf(&lineage->world->arena, "raw.%s", node->bare);
    const char *source = sl_arena_printf(&lineage->world->arena, "source.%s", node->bare);
    SL_TRY_NEW(raw, err);
    SL_TRY_NEW(source, err);
    struct sl_lineage_end *field = sl_lineage_end(lineage, source, name);
    struct sl_lineage_end *first = field ? field : sl_lineage_end(lineage, raw, name);
    return first ? enqueue(tagger, first, sl_personal_followed(column), 0, err) : SL_OK;
}

static bool is_read(const struct sl_contract_table *contract, const char *raw)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_str_equal_nocase(contract->columns[i].source_name, raw))
            return true;
    return sl_alias_find(contract, raw, NULL) != NULL;
}

// Under the names that it is read by, has been read by, and has in clean; and in a line that could
// not be split, which may hold anything.
static int begin_names(struct tagger *tagger, const struct sl_node *node,
                       const struct sl_contract_column *column, struct sl_err *err)
{
    if (!sl_personal_followed(column))
        return SL_OK;
    for (size_t i = 0; i < column->alias_count; i++)
        SL_TRY(begin_column(tagger, node, column, column->aliases[i].name, err));
    if (!is_read(node->contract, column->name))
        SL_TRY(begin_column(tagger, node, column, column->name, err));
    SL_TRY(begin_column(tagger, node, column, column->source_name, err));
    return begin_column(tagger, node, column, CORRUPT, err);
}

static int begin_raw(struct tagger *tagger, const struct sl_node *node, const char *name,
                     struct sl_err *err)
{
    struct sl_lineage_end *end = sl_lineage_end(tagger->lineage, node->name, name);
    return end ? enqueue(tagger, end, "personal", 0, err) : SL_OK;
}

static int begin_kept(struct tagger *tagger, const struct sl_node *node, const json_t *contract,
                      struct sl_err *err)
{
    size_t i, k;
    json_t *column, *alias;
    json_array_foreach (json_object_get(contract, "columns"), i, column) {
        if (!json_object_get(column, "personal"))
            continue;
        SL_TRY(begin_raw(tagger, node, sl_json_text(column, "source", ""), err));
        json_array_foreach (json_object_get(column, "aliases"), k, alias)
            SL_TRY(begin_raw(tagger, node, sl_json_text(alias, "name", ""), err));
        SL_TRY(begin_raw(tagger, node, CORRUPT, err));
    }
    return SL_OK;
}

// What contracts protected that are gone from the project: raw still has it.
static int begin_former(struct tagger *tagger, struct sl_kept_codes *codes, struct sl_err *err)
{
    struct sl_world *world = tagger->lineage->world;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        struct sl_strs former = {0};
        if (node->kind != SL_NODE_INGEST)
            continue;
        SL_TRY(sl_former_of(world, node, &former, err));
        if (!former.count)
            continue;
        SL_TRY(sl_kept_codes_read(world, codes, err));
        for (size_t k = 0; k < codes->contract_count; k++)
            if (sl_strs_has(&former, codes->contracts[k].fingerprint))
                SL_TRY(begin_kept(tagger, node, codes->contracts[k].state, err));
    }
    return SL_OK;
}

// Of a source that is gone with its contract only the files are left, and any column of them.
static int begin_gone(struct tagger *tagger, struct sl_kept_codes *codes, struct sl_err *err)
{
    struct sl_world *world = tagger->lineage->world;
    struct sl_strs gone = {0};
    SL_TRY(sl_gone_sources(world, &gone, err));
    if (gone.count)
        SL_TRY(sl_kept_codes_read(world, codes, err));
    for (size_t i = 0; i < gone.count; i++) {
        struct sl_strs former = {0};
        bool is_protected = false;
        SL_TRY(sl_built_with(world, gone.items[i], &former, err));
        for (size_t k = 0; k < codes->contract_count; k++)
            is_protected |= sl_strs_has(&former, codes->contracts[k].fingerprint);
        struct sl_node raw = {.name = sl_arena_printf(&world->arena, "raw.%s", gone.items[i])};
        SL_TRY_NEW(raw.name, err);
        if (is_protected)
            SL_TRY(begin_raw(tagger, &raw, "*", err));
    }
    return SL_OK;
}

int sl_lineage_classify(struct sl_lineage *lineage, struct sl_err *err)
{
    struct tagger tagger = {.lineage = lineage};
    SL_AUTO(sl_kept_codes_clear) struct sl_kept_codes codes = {0};
    SL_TRY(begin_former(&tagger, &codes, err));
    SL_TRY(begin_gone(&tagger, &codes, err));
    for (size_t i = 0; i < lineage->world->graph.count; i++) {
        const struct sl_node *node = &lineage->world->graph.nodes[i];
        for (size_t k = 0; node->kind == SL_NODE_CLEANSE && k < node->contract->column_count; k++)
            SL_TRY(begin_names(&tagger, node, &node->contract->columns[k], err));
    }
    for (size_t i = 0; i < tagger.count; i++) {
        struct sl_lineage_end *end = tagger.queue[i];
        for (size_t k = 0; k < end->out_count; k++) {
            const struct sl_lineage_edge *edge = &lineage->edges[end->out[k]];
            if (is_value(edge) && !stops(lineage, edge))
                SL_TRY(enqueue(&tagger, edge->to, end->classification, end->out[k] + 1, err));
        }
    }
    return SL_OK;
}

static const struct sl_node *reader_of(const struct sl_lineage *lineage,
                                       const struct sl_lineage_end *end)
{
    const struct sl_node *node = sl_graph_node(&lineage->world->graph, end->table);
    return node && (node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD) ? node : NULL;
}

static bool is_allowed(const struct sl_node *node, const char *column)
{
    const struct sl_strs *list =
        node->kind == SL_NODE_MODEL ? &node->model->personal : &node->delivery->personal;
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal_nocase(list->items[i], column))
            return true;
    return false;
}

static bool is_leak(const struct sl_lineage *lineage, const struct sl_lineage_end *end)
{
    const struct sl_node *node = end->classification ? reader_of(lineage, end) : NULL;
    return node && !is_allowed(node, end->column);
}

// "clean.people.email -> curated.contacts.email"
static bool add_way(const struct sl_lineage *lineage, const struct sl_lineage_end *end,
                    struct sl_buf *way)
{
    const struct sl_lineage_end *before =
        end->brought_by ? lineage->edges[end->brought_by - 1].from : NULL;
    bool is_first = true;
    if (before) {
        is_first = !is_leak(lineage, before) && add_way(lineage, before, way);
        sl_buf_add(way, " -> ");
    }
    sl_buf_addf(way, "%s.%s", end->table, end->column);
    return is_first;
}

// What to do depends on where the value was read.
static const char *hint_of(const struct sl_lineage *lineage, const struct sl_lineage_end *end)
{
    struct sl_arena *arena = &lineage->world->arena;
    const struct sl_lineage_end *at = end;
    while (at->brought_by && !sl_str_starts(at->table, "raw."))
        at = lineage->edges[at->brought_by - 1].from;
    const struct sl_contract_table *contract = contract_of(lineage, at->table);
    if (contract && at->column && sl_str_equal(at->column, CORRUPT))
        return sl_arena_printf(arena,
                               "leave it out, for it may hold any value of a line; or write "
                               "'personal: [%s]' here",
                               end->column);
    const struct sl_contract_column *column =
        contract && at->column ? sl_personal_of_raw(contract, at->column) : NULL;
    if (column && column->personal.as != SL_PERSONAL_DROP)
        return sl_arena_printf(arena,
                               "read '%s' of clean.%s, where it is protected, or write "
                               "'personal: [%s]' here",
                               column->name, at->table + strlen("raw."), end->column);
    if (column)
        return sl_arena_printf(
            arena, "clean drops it: leave it out, or write 'personal: [%s]' here", end->column);
    return sl_arena_printf(arena,
                           "protect it with 'sluice.personal' in the contract, or write "
                           "'personal: [%s]' here",
                           end->column);
}

static int report(struct sl_lineage *lineage, const struct sl_lineage_end *end, struct sl_err *err)
{
    struct sl_project *project = lineage->world->project;
    const struct sl_node *node = reader_of(lineage, end);
    SL_AUTO(sl_buf_clear) struct sl_buf way = SL_BUF_INIT;
    struct sl_place place =
        node->kind == SL_NODE_MODEL
            ? (struct sl_place){node->model->file, node->model->sql_line, node->model->sql_column}
            : node->delivery->node->place;
    if (!add_way(lineage, end, &way))
        return SL_OK;
    SL_TRY(sl_buf_check(&way, err));
    const char *hint = hint_of(lineage, end);
    SL_TRY_NEW(hint, err);
    sl_diag(&project->diags,
            project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            SL_E_PERSONAL, place, hint,
            "column '%s' of '%s' carries %s values without protection: %s", end->column, end->table,
            end->classification, way.text);
    return SL_OK;
}

static int check_node(struct sl_lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, node->name);
    for (size_t k = 0; relation && k < relation->count; k++) {
        const struct sl_lineage_end *end =
            sl_lineage_end(lineage, node->name, relation->columns[k].name);
        if (end && is_leak(lineage, end))
            SL_TRY(report(lineage, end, err));
    }
    return SL_OK;
}

int sl_lineage_check_personal(struct sl_lineage *lineage, struct sl_err *err)
{
    if (lineage->world->project->personal_level == SL_LEVEL_OFF)
        return SL_OK;
    SL_TRY(sl_lineage_classify(lineage, err));
    for (size_t i = 0; i < lineage->world->graph.count; i++)
        SL_TRY(check_node(lineage, &lineage->world->graph.nodes[i], err));
    return SL_OK;
}

// Ingest and cleanse pass nothing on; a view does whenever it is read.
static bool passes_on(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (sl_node_is_seen(node) ||
            (sl_node_is_due(node) && (node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD)))
            return true;
    }
    return false;
}

// Of all that passes values on, or of one node.
static int find_leaks(struct sl_world *world, const struct sl_node *only, struct sl_err *err)
{
    SL_AUTO(sl_lineage_clear) struct sl_lineage lineage = {0};
    SL_TRY(sl_lineage_read(world, &lineage, err));
    if (!only)
        return sl_lineage_check_personal(&lineage, err);
    SL_TRY(sl_lineage_classify(&lineage, err));
    return check_node(&lineage, only, err);
}

// Adds what is found to `ret_diags`; other mistakes are for others to tell.
static int collect_leaks(struct sl_world *world, const struct sl_node *only,
                         struct sl_diags *ret_diags, struct sl_err *err)
{
    struct sl_diags *diags = &world->project->diags, before = *diags;
    *diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = find_leaks(world, only, err);
    for (size_t i = 0; i < diags->count && code == SL_OK; i++)
        if (diags->items[i].err.code == SL_E_PERSONAL)
            sl_diag_err(ret_diags, diags->items[i].severity, &diags->items[i].err,
                        (struct sl_place){0});
    sl_diags_clear(diags);
    *diags = before;
    return code;
}

static int refuse(const struct sl_diags *diags, struct sl_err *err)
{
    if (!diags->error_count)
        return SL_OK;
    if (err)
        *err = diags->items[0].err;
    return SL_E_PERSONAL;
}

int sl_world_refuse_leaks(struct sl_world *world, struct sl_diags *ret_diags, struct sl_err *err)
{
    bool is_personal = false;
    if (world->project->personal_level != SL_LEVEL_ERROR)
        return SL_OK;
    SL_TRY(sl_world_check_once_protected(world, true, ret_diags, err));
    if (passes_on(world))
        SL_TRY(sl_world_is_personal(world, &is_personal, err));
    if (is_personal)
        SL_TRY(collect_leaks(world, NULL, ret_diags, err));
    return refuse(ret_diags, err);
}

// Whether rows of raw, or of files, come to the node by no way through a contract.
static int comes_from_raw(struct sl_world *world, const struct sl_node *node, bool *ret,
                          struct sl_err *err)
{
    const struct sl_graph *graph = &world->graph;
    bool *comes = SL_NEW_ARRAY(&world->arena, bool, graph->count);
    SL_TRY_NEW(comes, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *at = &graph->nodes[i];
        comes[i] =
            at->kind == SL_NODE_INGEST || (at->kind == SL_NODE_MODEL && at->query->files.count > 0);
        bool is_end = at->kind == SL_NODE_CLEANSE || at->kind == SL_NODE_TASK;
        for (size_t k = 0; !is_end && k < at->upstream_count; k++)
            comes[i] |= comes[at->upstream[k]];
    }
    *ret = comes[node - graph->nodes];
    return SL_OK;
}

int sl_world_refuse_leaks_of(struct sl_world *world, const struct sl_node *node, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    bool is_open = false;
    if (world->project->personal_level != SL_LEVEL_ERROR ||
        (node->kind != SL_NODE_MODEL && node->kind != SL_NODE_LOAD))
        return SL_OK;
    SL_TRY(comes_from_raw(world, node, &is_open, err));
    if (is_open)
        SL_TRY(sl_world_is_personal(world, &is_open, err));
    if (!is_open)
        return SL_OK;
    SL_TRY(collect_leaks(world, node, &diags, err));
    return refuse(&diags, err);
}

// Whether a table that the step reads has values as they were received that a contract protects or
// classifies.
static int shows_values(struct sl_world *world, const struct sl_node *node, bool *ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_lineage_clear) struct sl_lineage lineage = {0};
    struct sl_diags *diags = &world->project->diags, before = *diags;
    *diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = sl_lineage_read(world, &lineage, err);
    if (code == SL_OK)
        code = sl_lineage_classify(&lineage, err);
    sl_diags_clear(diags);
    *diags = before;
    SL_TRY(code);
    *ret = node->query->files.count > 0;
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        const char *table =
            sl_arena_printf(&world->arena, "%s.%s", ref->layer ? ref->layer : "", ref->name);
        SL_TRY_NEW(table, err);
        const struct sl_relation *relation = sl_map_get(&lineage.catalog, table);
        for (size_t k = 0; relation && k < relation->count; k++) {
            const struct sl_lineage_end *end =
                sl_lineage_end(&lineage, table, relation->columns[k].name);
            *ret |= end && end->classification;
        }
    }
    return SL_OK;
}

int sl_world_hide_values(struct sl_world *world, const struct sl_node *node, struct sl_err *err)
{
    struct sl_err trouble = {0};
    bool is_personal, is_shown;
    if (!err->value_kind[0] || node->kind != SL_NODE_MODEL ||
        world->project->personal_level == SL_LEVEL_OFF)
        return (int)err->code;
    if (sl_world_is_personal(world, &is_personal, &trouble) == SL_OK && !is_personal)
        return (int)err->code;
    // What cannot be looked at may be shown.
    if (shows_values(world, node, &is_shown, &trouble) == SL_OK && !is_shown)
        return (int)err->code;
    snprintf(err->message, sizeof err->message,
             "%s error of the engine, whose message is not shown, for it may hold a personal value",
             err->value_kind);
    return sl_err_hint(err, "`sluice query` with the SQL of the model shows it");
}
