// What the name of a versioned output meant when a reader was built, and what it means now.
#include "plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_output(const struct sl_node *node)
{
    return node->kind == SL_NODE_MODEL && node->model->stands_for;
}

bool sl_plan_reads_output(const struct sl_graph *graph, const struct sl_node *node,
                          const struct sl_node *output)
{
    if (node->kind == SL_NODE_LOAD && node->delivery->asked)
        return sl_str_equal(node->delivery->asked, output->name);
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (from == output || (sl_node_is_view(from) && sl_plan_reads_output(graph, from, output)))
            return true;
    }
    return false;
}

// The number of "curated.revenue_v2" for curated.revenue; 0 if it is none of its versions.
static int64_t version_of(const char *table, const struct sl_node *output)
{
    size_t length = strlen(output->name);
    char *end;
    if (strncmp(table, output->name, length) != 0 || strncmp(table + length, "_v", 2) != 0)
        return 0;
    long number = strtol(table + length + 2, &end, 10);
    return *end == '\0' && number > 0 ? (int64_t)number : 0;
}

// Its SQL names the version itself.
static bool is_pinned(const struct sl_node *node, const char *table)
{
    for (size_t i = 0; node->query && i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        size_t length = ref->layer ? strlen(ref->layer) : 0;
        if (length && strncmp(table, ref->layer, length) == 0 && table[length] == '.' &&
            sl_str_equal(table + length + 1, ref->name))
            return true;
    }
    return false;
}

// A target keeps the id of the table that it holds.
static int64_t delivered_version(const struct sl_graph *graph, const struct sl_node *node,
                                 const struct sl_node *output)
{
    const char *id = node->facts.input_count ? node->facts.inputs[0].id : NULL;
    for (size_t i = 0; id && i < graph->count; i++) {
        const struct sl_node *version = &graph->nodes[i];
        if (version->kind == SL_NODE_MODEL &&
            sl_str_equal(version->model->version_of, output->bare) &&
            sl_str_equal(version->facts.table_id, id))
            return version->model->version;
    }
    return 0;
}

int64_t sl_plan_version_before(const struct sl_graph *graph, const struct sl_node *reader,
                               const struct sl_node *output)
{
    int64_t latest = output->model->stands_for->version, found = 0;
    if (reader->kind == SL_NODE_LOAD)
        found = delivered_version(graph, reader, output);
    for (size_t i = 0; reader->kind == SL_NODE_MODEL && i < reader->facts.input_count; i++) {
        const char *table = reader->facts.inputs[i].table;
        int64_t version = version_of(table, output);
        if (!version || is_pinned(reader, table))
            continue;
        if (version == latest)
            return 0;
        found = version;
    }
    return found == latest ? 0 : found;
}

int sl_plan_moved(const struct sl_graph *graph, const struct sl_node *reader,
                  struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    *ret = NULL;
    for (size_t i = 0; i < graph->count && !*ret; i++) {
        const struct sl_node *output = &graph->nodes[i];
        if (!is_output(output) || !sl_plan_reads_output(graph, reader, output))
            continue;
        int64_t before = sl_plan_version_before(graph, reader, output);
        if (!before)
            continue;
        *ret = sl_arena_printf(arena, "%s is version %" PRId64 " now, was %" PRId64, output->name,
                               output->model->stands_for->version, before);
        SL_TRY_NEW(*ret, err);
    }
    return SL_OK;
}
