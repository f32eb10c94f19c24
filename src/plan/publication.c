#include "plan/publication.h"

#include <stdlib.h>
#include <string.h>

// What of each node is published: its newest version, or the one that was published before.
struct cut {
    const struct sl_graph *graph;
    const struct sl_publication *last;
    struct sl_arena *arena;
    const char **because; // per node: why its newest version is withheld; NULL: it is not
    size_t *held;         // nodes whose neighbours are to be looked at
    size_t held_count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sl_published *)a)->table, ((const struct sl_published *)b)->table);
}

void sl_publication_sort(struct sl_publication *publication)
{
    if (publication->table_count)
        qsort(publication->tables, publication->table_count, sizeof *publication->tables, compare);
}

const struct sl_published *sl_publication_find(const struct sl_publication *publication,
                                               const char *table)
{
    struct sl_published wanted = {.table = table};
    return publication->table_count
               ? bsearch(&wanted, publication->tables, publication->table_count,
                         sizeof *publication->tables, compare)
               : NULL;
}

const char *sl_publication_output(const struct sl_publication *publication, const char *name)
{
    for (size_t i = 0; i < publication->output_count; i++)
        if (sl_str_equal(publication->outputs[i].name, name))
            return publication->outputs[i].model;
    return NULL;
}

bool sl_publication_equals(const struct sl_publication *a, const struct sl_publication *b)
{
    if (a->table_count != b->table_count)
        return false;
    for (size_t i = 0; i < a->table_count; i++) {
        const struct sl_published *one = &a->tables[i];
        const struct sl_published *other = sl_publication_find(b, one->table);
        if (!other || other->version != one->version || !sl_str_equal(other->id, one->id))
            return false;
    }
    for (size_t i = 0; i < a->output_count; i++) {
        const char *other = sl_publication_output(b, a->outputs[i].name);
        if (other && !sl_str_equal(other, a->outputs[i].model))
            return false;
    }
    return true;
}

// That this environment writes.
static bool is_table(const struct sl_node *node)
{
    return sl_node_has_table(node) && !node->facts.is_borrowed;
}

// Whether a version of a node's table holds the rows that its newest one holds.
static bool is_newest(const struct sl_node *node, const char *table, int64_t version,
                      const char *id)
{
    const struct sl_facts *facts = &node->facts;
    bool is_quarantine = !sl_str_equal(node->name, table);
    int64_t newest = is_quarantine ? facts->quarantine_version : facts->version;
    int64_t same_rows = is_quarantine ? facts->quarantine_same_rows : facts->same_rows;
    const char *newest_id = is_quarantine ? facts->quarantine_id : facts->table_id;
    if (id && newest_id && !sl_str_equal(id, newest_id))
        return false;
    return version <= newest && version >= newest - same_rows;
}

static const char *quarantine_of(const struct cut *cut, const struct sl_node *node)
{
    return sl_arena_printf(cut->arena, "quarantine.%s", node->bare);
}

// What was published of a table, if it is still that table.
static const struct sl_published *before(const struct cut *cut, const struct sl_node *node,
                                         const char *table)
{
    const struct sl_published *published = sl_publication_find(cut->last, table);
    bool is_quarantine = !sl_str_equal(node->name, table);
    const char *id = is_quarantine ? node->facts.quarantine_id : node->facts.table_id;
    bool is_other = published && published->id && id && !sl_str_equal(published->id, id);
    return is_other ? NULL : published;
}

static size_t index_of(const struct cut *cut, const struct sl_node *node)
{
    return (size_t)(node - cut->graph->nodes);
}

static void hold(struct cut *cut, const struct sl_node *node, const char *because)
{
    size_t index = index_of(cut, node);
    if (cut->because[index])
        return;
    cut->because[index] = because;
    cut->held[cut->held_count++] = index;
}

// Why the newest version of a table does not belong to the newest ones of its inputs.
static int look(struct cut *cut, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const char *because = NULL;
    if (facts->trouble)
        because = sl_arena_printf(cut->arena, "%s cannot be looked at", node->name);
    else if (facts->version < 0)
        return SL_OK;
    else if (facts->changed_by)
        because = facts->changed_by;
    else if (node->kind == SL_NODE_CLEANSE && facts->is_torn)
        because =
            sl_arena_printf(cut->arena, "%s and its quarantine are not of one commit", node->name);
    for (size_t i = 0; i < facts->input_count && !because; i++) {
        const struct sl_input *input = &facts->inputs[i];
        const struct sl_node *from = sl_graph_node(cut->graph, input->table);
        if (!from || is_newest(from, input->table, input->version, input->id))
            continue;
        because = sl_arena_printf(cut->arena, "%s is not built from %s as it is now", node->name,
                                  input->table);
        SL_TRY_NEW(because, err);
    }
    if (because)
        hold(cut, node, because);
    return SL_OK;
}

// The inputs stay as the version before was built from them.
static void hold_inputs(struct cut *cut, const struct sl_node *node)
{
    const struct sl_published *published = before(cut, node, node->name);
    for (size_t i = 0; published && i < published->input_count; i++) {
        const struct sl_input *input = &published->inputs[i];
        const struct sl_node *from = sl_graph_node(cut->graph, input->table);
        if (from && !is_newest(from, input->table, input->version, input->id))
            hold(cut, from, cut->because[index_of(cut, node)]);
    }
}

// `through`: the node itself, or a view over it, whose readers have the node as their input.
static void hold_readers(struct cut *cut, const struct sl_node *node, const struct sl_node *through)
{
    for (size_t i = 0; i < through->downstream_count; i++) {
        const struct sl_node *reader = &cut->graph->nodes[through->downstream[i]];
        if (sl_node_is_view(reader))
            hold_readers(cut, node, reader);
        for (size_t k = 0; is_table(reader) && k < reader->facts.input_count; k++) {
            const struct sl_input *input = &reader->facts.inputs[k];
            if (sl_graph_node(cut->graph, input->table) != node)
                continue;
            const struct sl_published *published = before(cut, node, input->table);
            if (!published || published->version != input->version)
                hold(cut, reader, cut->because[index_of(cut, node)]);
        }
    }
}

static int publish(struct cut *cut, const struct sl_node *node, const char *table,
                   struct sl_publication *ret, struct sl_err *err)
{
    bool is_quarantine = !sl_str_equal(node->name, table);
    const struct sl_facts *facts = &node->facts;
    const char *because = cut->because[index_of(cut, node)];
    const struct sl_published *published = before(cut, node, table);
    struct sl_published newest = {table, is_quarantine ? facts->quarantine_version : facts->version,
                                  is_quarantine ? facts->quarantine_id : facts->table_id,
                                  facts->inputs, facts->input_count};
    if (because && newest.version >= 0 && (!published || published->version != newest.version)) {
        struct sl_withheld withheld = {table, newest.version, because};
        if (!SL_PUSH(cut->arena, ret->withheld, ret->withheld_count, withheld))
            return sl_fail_memory(err);
    }
    if (because ? !published : newest.version < 0)
        return SL_OK;
    return SL_PUSH(cut->arena, ret->tables, ret->table_count, because ? *published : newest)
               ? SL_OK
               : sl_fail_memory(err);
}

static const struct sl_node *node_of(const struct cut *cut, const char *model)
{
    const char *table = sl_arena_printf(cut->arena, "curated.%s", model);
    return table ? sl_graph_node(cut->graph, table) : NULL;
}

// To be read by those who read the publication: a table that it lists, that another environment
// has, or a view.
static bool is_readable(const struct cut *cut, const struct sl_publication *ret, const char *model)
{
    const struct sl_node *node = node_of(cut, model);
    if (node && sl_node_is_view(node))
        return true;
    if (node && node->facts.is_borrowed)
        return node->facts.version >= 0;
    const char *table = sl_arena_printf(cut->arena, "curated.%s", model);
    return table && sl_publication_find(ret, table);
}

// A name whose latest version is not there yet means what it did.
static int publish_output(const struct cut *cut, const struct sl_node *output,
                          struct sl_publication *ret, struct sl_err *err)
{
    const char *model = output->model->stands_for->name;
    if (!is_readable(cut, ret, model))
        model = sl_publication_output(cut->last, output->bare);
    if (!model || !is_readable(cut, ret, model))
        return SL_OK;
    struct sl_published_output published = {output->bare, model};
    return SL_PUSH(cut->arena, ret->outputs, ret->output_count, published) ? SL_OK
                                                                           : sl_fail_memory(err);
}

int sl_plan_publish(const struct sl_graph *graph, const struct sl_publication *last,
                    struct sl_arena *arena, struct sl_publication *ret, struct sl_err *err)
{
    struct cut cut = {.graph = graph, .last = last, .arena = arena};
    cut.because = SL_NEW_ARRAY(arena, const char *, graph->count);
    cut.held = SL_NEW_ARRAY(arena, size_t, graph->count);
    SL_TRY_NEW(cut.because, err);
    SL_TRY_NEW(cut.held, err);
    for (size_t i = 0; i < graph->count; i++)
        if (is_table(&graph->nodes[i]))
            SL_TRY(look(&cut, &graph->nodes[i], err));
    for (size_t i = 0; i < cut.held_count; i++) {
        const struct sl_node *node = &graph->nodes[cut.held[i]];
        hold_inputs(&cut, node);
        hold_readers(&cut, node, node);
    }
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (!is_table(node))
            continue;
        SL_TRY(publish(&cut, node, node->name, ret, err));
        if (node->kind != SL_NODE_CLEANSE)
            continue;
        const char *quarantine = quarantine_of(&cut, node);
        SL_TRY_NEW(quarantine, err);
        SL_TRY(publish(&cut, node, quarantine, ret, err));
    }
    sl_publication_sort(ret);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (node->kind == SL_NODE_MODEL && node->model->stands_for)
            SL_TRY(publish_output(&cut, node, ret, err));
    }
    return SL_OK;
}
