// Where personal values go: the classification of contract columns follows the lineage by value, up
// to where a contract protects them.
#include "run/lineage.h"

#include "base/str.h"
#include "contract/alias.h"

#include <string.h>

struct tagger {
    struct sl_lineage *lineage;
    struct sl_lineage_end **queue;
    size_t count;
};

static bool is_personal(const struct sl_contract_table *contract)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_personal_is_sensitive(sl_personal_classification(&contract->columns[i])))
            return true;
    return false;
}

bool sl_project_is_personal(const struct sl_project *project)
{
    for (size_t i = 0; i < project->contract_count; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count; k++)
            if (is_personal(&project->contracts[i]->tables[k]))
                return true;
    return false;
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

// A column of raw is protected in quarantine where a column of clean that reads it is, under this
// name or an old one; one that clean drops, too.
static bool is_protected_in_quarantine(const struct sl_lineage *lineage,
                                       const struct sl_lineage_end *raw)
{
    SL_AUTO(sl_buf_clear) struct sl_buf clean = SL_BUF_INIT;
    const struct sl_contract_column *renamed = NULL;
    if (!sl_str_starts(raw->table, "raw.") || !raw->column)
        return false;
    sl_buf_addf(&clean, "clean.%s", raw->table + strlen("raw."));
    const struct sl_node *node =
        clean.has_failed ? NULL : sl_graph_node(&lineage->world->graph, clean.text);
    if (!node || !node->contract)
        return false;
    for (size_t i = 0; i < node->contract->column_count; i++)
        if (sl_str_equal_nocase(node->contract->columns[i].source_name, raw->column) &&
            node->contract->columns[i].personal.as != SL_PERSONAL_NONE)
            return true;
    (void)sl_alias_find(node->contract, raw->column, &renamed);
    return renamed && renamed->personal.as != SL_PERSONAL_NONE;
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
    return first ? enqueue(tagger, first, sl_personal_classification(column), 0, err) : SL_OK;
}

// Under its own name and those that it had.
static int begin_names(struct tagger *tagger, const struct sl_node *node,
                       const struct sl_contract_column *column, struct sl_err *err)
{
    if (!sl_personal_is_sensitive(sl_personal_classification(column)))
        return SL_OK;
    for (size_t i = 0; i < column->alias_count; i++)
        SL_TRY(begin_column(tagger, node, column, column->aliases[i].name, err));
    return begin_column(tagger, node, column, column->source_name, err);
}

int sl_lineage_classify(struct sl_lineage *lineage, struct sl_err *err)
{
    struct tagger tagger = {.lineage = lineage};
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
    const char *hint = sl_arena_printf(&lineage->world->arena,
                                       "protect it with 'sluice.personal' in the contract, or "
                                       "write 'personal: [%s]' here",
                                       end->column);
    sl_diag(&project->diags,
            project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            SL_E_PERSONAL, place, hint,
            "column '%s' of '%s' carries %s values without protection: %s", end->column, end->table,
            end->classification, way.text);
    return SL_OK;
}

int sl_lineage_check_personal(struct sl_lineage *lineage, struct sl_err *err)
{
    if (lineage->world->project->personal_level == SL_LEVEL_OFF)
        return SL_OK;
    SL_TRY(sl_lineage_classify(lineage, err));
    for (size_t i = 0; i < lineage->world->graph.count; i++) {
        const struct sl_node *node = &lineage->world->graph.nodes[i];
        const struct sl_relation *relation = sl_map_get(&lineage->catalog, node->name);
        for (size_t k = 0; relation && k < relation->count; k++) {
            const struct sl_lineage_end *end =
                sl_lineage_end(lineage, node->name, relation->columns[k].name);
            if (end && is_leak(lineage, end))
                SL_TRY(report(lineage, end, err));
        }
    }
    return SL_OK;
}

// Ingest and cleanse pass nothing on.
static bool passes_on(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->is_selected && node->verdict != SL_VERDICT_FRESH &&
            (node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD))
            return true;
    }
    return false;
}

static int find_leaks(struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_lineage_clear) struct sl_lineage lineage = {0};
    SL_TRY(sl_lineage_read(world, &lineage, err));
    return sl_lineage_check_personal(&lineage, err);
}

int sl_world_refuse_leaks(struct sl_world *world, struct sl_diags *ret_diags, struct sl_err *err)
{
    struct sl_diags *diags = &world->project->diags;
    int code = SL_OK;
    if (world->project->personal_level != SL_LEVEL_ERROR)
        return SL_OK;
    SL_TRY(sl_world_check_once_protected(world, true, ret_diags, err));
    struct sl_diags before = *diags;
    *diags = (struct sl_diags)SL_DIAGS_INIT;
    if (sl_project_is_personal(world->project) && passes_on(world))
        code = find_leaks(world, err);
    for (size_t i = 0; i < diags->count && code == SL_OK; i++)
        if (diags->items[i].err.code == SL_E_PERSONAL)
            sl_diag_err(ret_diags, diags->items[i].severity, &diags->items[i].err,
                        (struct sl_place){0});
    sl_diags_clear(diags);
    *diags = before;
    SL_TRY(code);
    if (!ret_diags->error_count)
        return SL_OK;
    if (err)
        *err = ret_diags->items[0].err;
    return SL_E_PERSONAL;
}
