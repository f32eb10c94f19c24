// What a lake is like after runs were killed in it.
#include "run/crash.h"

#include <stdlib.h>
#include <string.h>

static const char *folder_in(struct sl_crash_look *look, const char *lake, const char *table)
{
    enum sl_layer layer;
    const char *name;
    if (!sl_table_parse(table, &layer, &name))
        return NULL;
    return sl_arena_printf(look->arena, "%s/%s/%s", lake, sl_layer_name(layer), name);
}

// --- publications

static int read_record(struct sl_crash_look *look, const struct sl_published *published,
                       struct sl_delta_head *ret_head, struct sl_record *ret, const char **ret_what,
                       struct sl_err *err)
{
    const char *folder = folder_in(look, look->lake, published->table);
    struct sl_err gone = {0};
    *ret = (struct sl_record){0};
    *ret_what = NULL;
    SL_TRY_NEW(folder, err);
    if (sl_delta_head_at(folder, published->version, look->arena, ret_head, &gone) != SL_OK) {
        *ret_what = sl_arena_printf(look->arena, "%s was published at version %lld: %s",
                                    published->table, (long long)published->version, gone.message);
        SL_TRY_NEW(*ret_what, err);
        return SL_OK;
    }
    return ret_head->record_json ? sl_record_parse(ret_head->record_json, look->arena, ret, err)
                                 : SL_OK;
}

static bool is_other(const char *id, const char *wanted)
{
    return id && wanted && !sl_str_equal(id, wanted);
}

// Whether an input stands in the list at the version that the table was built from, or at one with
// the same rows.
static int check_input(struct sl_crash_look *look, const struct sl_publication *publication,
                       const struct sl_published *published, const struct sl_table_version *from,
                       const char **ret_what, struct sl_err *err)
{
    const struct sl_published *input = sl_publication_find(publication, from->table);
    struct sl_delta_head head;
    struct sl_record record;
    if (!input)
        return SL_OK;
    if (is_other(input->id, from->id)) {
        *ret_what = sl_arena_printf(
            look->arena, "publication #%lld lists another %s than the one that %s was built from",
            (long long)publication->number, input->table, published->table);
        SL_TRY_NEW(*ret_what, err);
        return SL_OK;
    }
    if (input->version == from->version)
        return SL_OK;
    SL_TRY(read_record(look, input, &head, &record, ret_what, err));
    if (*ret_what ||
        (from->version >= sl_step_rows_since(&head, &record) && from->version <= input->version))
        return SL_OK;
    *ret_what = sl_arena_printf(
        look->arena, "publication #%lld lists %s at version %lld, but %s was built from %lld",
        (long long)publication->number, input->table, (long long)input->version, published->table,
        (long long)from->version);
    SL_TRY_NEW(*ret_what, err);
    return SL_OK;
}

static int check_published(struct sl_crash_look *look, const struct sl_publication *publication,
                           const struct sl_published *published, const char **ret_what,
                           struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record;
    SL_TRY(read_record(look, published, &head, &record, ret_what, err));
    if (!*ret_what && is_other(head.table_id, published->id)) {
        *ret_what =
            sl_arena_printf(look->arena, "publication #%lld lists another %s than the one there",
                            (long long)publication->number, published->table);
        SL_TRY_NEW(*ret_what, err);
    }
    for (size_t i = 0; i < record.input_count && !*ret_what; i++)
        SL_TRY(check_input(look, publication, published, &record.inputs[i], ret_what, err));
    return SL_OK;
}

int sl_crash_look_at_publications(struct sl_crash_look *look, int64_t *last_number,
                                  int64_t *ret_count, const char **ret_what, struct sl_err *err)
{
    struct sl_project project = *look->world->project;
    struct sl_publication publication;
    project.lake_folder = look->lake;
    *ret_what = NULL;
    *ret_count = 0;
    SL_TRY(sl_publication_last(&project, look->arena, &publication, err));
    int64_t newest = publication.number;
    for (int64_t number = *last_number + 1; number <= newest; number++) {
        SL_TRY(sl_publication_read(&project, number, look->arena, &publication, err));
        for (size_t i = 0; i < publication.table_count && !*ret_what; i++)
            SL_TRY(check_published(look, &publication, &publication.tables[i], ret_what, err));
        ++*ret_count;
    }
    *last_number = newest;
    return SL_OK;
}

// --- tables

static const char *why_left_out(const struct sl_node *node)
{
    if (!node->query)
        return NULL;
    if (node->query->is_volatile && !node->query->why_every_run)
        return "it follows the clock or chance"; // the cache of models keeps no more of it
    return node->query->why_every_run;
}

static int leave_out(struct sl_crash_look *look, const struct sl_node *node,
                     struct sl_crash_report *report, struct sl_err *err)
{
    return sl_strs_has(&report->left_out, node->name)
               ? SL_OK
               : sl_strs_add(&report->left_out, &look->world->arena, node->name, err);
}

static int describe(struct sl_crash_look *look, const struct sl_verified *table,
                    const char **ret_what, struct sl_err *err)
{
    *ret_what =
        sl_arena_printf(look->arena, "%s: %lld rows lost, %lld doubled or new, %lld different%s%s",
                        table->table, (long long)table->missing, (long long)table->extra,
                        (long long)table->differing, table->examples.count ? ", such as " : "",
                        table->examples.count ? table->examples.items[0] : "");
    SL_TRY_NEW(*ret_what, err);
    return SL_OK;
}

static int check_balance(struct sl_crash_look *look, const char *table, const char **ret_what,
                         struct sl_err *err)
{
    struct sl_published newest = {.table = table, .version = -1};
    struct sl_delta_head head;
    struct sl_record record;
    SL_TRY(read_record(look, &newest, &head, &record, ret_what, err));
    if (*ret_what || !record.has_balance || sl_balance_closes(&record.balance))
        return SL_OK;
    *ret_what = sl_arena_printf(look->arena, "%s: its balance does not close", table);
    SL_TRY_NEW(*ret_what, err);
    return SL_OK;
}

static int compare(struct sl_crash_look *look, const struct sl_node *node, const char *name,
                   struct sl_crash_report *report, const char **ret_what, struct sl_err *err)
{
    struct sl_verify_pair pair = {.session = look->session, .arena = look->arena, .examples = 1};
    struct sl_verified table = {.table = name, .version = -1};
    struct sl_err trouble = {0};
    enum sl_layer layer;
    const char *bare;
    if (!sl_table_parse(name, &layer, &bare))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", name);
    pair.folder = folder_in(look, look->lake, name);
    table.folder = folder_in(look, look->reference_lake, name);
    SL_TRY_NEW(pair.folder, err);
    SL_TRY_NEW(table.folder, err);
    SL_TRY(sl_verify_pair_columns(node, layer, &pair, err));
    if (node->model && node->model->write == SL_WRITE_SNAPSHOT && !node->model->updated_at) {
        SL_TRY(sl_strs_add(&pair.left_out, look->arena, "valid_from", err)); // by the clock
        SL_TRY(sl_strs_add(&pair.left_out, look->arena, "valid_to", err));
    }
    SL_TRY(check_balance(look, name, ret_what, err));
    if (*ret_what)
        return SL_OK;
    if (sl_verify_rows(&pair, &table, &trouble) != SL_OK) {
        *ret_what = sl_arena_printf(look->arena, "%s: %s", name, trouble.message);
        SL_TRY_NEW(*ret_what, err);
        return SL_OK;
    }
    report->lost += table.missing;
    report->doubled += table.extra;
    return table.verdict == SL_VERIFIED_EQUAL ? SL_OK : describe(look, &table, ret_what, err);
}

int sl_crash_look_at_tables(struct sl_crash_look *look, struct sl_crash_report *report,
                            const char **ret_what, struct sl_err *err)
{
    const struct sl_graph *graph = &look->world->graph;
    *ret_what = NULL;
    report->tables = 0;
    for (size_t i = 0; i < graph->count && !*ret_what; i++) {
        const struct sl_node *node = &graph->nodes[i];
        bool depends = why_left_out(node) != NULL;
        if (!node->is_selected || sl_node_is_view(node))
            continue;
        for (size_t k = 0; k < node->upstream_count; k++)
            depends |= sl_strs_has(&report->left_out, graph->nodes[node->upstream[k]].name);
        if (depends) {
            SL_TRY(leave_out(look, node, report, err));
            continue;
        }
        SL_TRY(compare(look, node, node->name, report, ret_what, err));
        report->tables++;
        if (node->kind != SL_NODE_CLEANSE || *ret_what)
            continue;
        const char *quarantine = sl_arena_printf(look->arena, "quarantine.%s", node->bare);
        SL_TRY_NEW(quarantine, err);
        SL_TRY(compare(look, node, quarantine, report, ret_what, err));
        report->tables++;
    }
    return SL_OK;
}

// --- which steps

static uint64_t next_random(uint64_t *state) // splitmix64
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int sl_crash_choose(int64_t total, int64_t count, uint64_t seed, struct sl_arena *arena,
                    int64_t **ret, int64_t *ret_count, struct sl_err *err)
{
    int64_t *numbers = SL_NEW_ARRAY(arena, int64_t, (size_t)total);
    SL_TRY_NEW(numbers, err);
    if (count <= 0 || count > total)
        count = total;
    for (int64_t i = 0; i < total; i++)
        numbers[i] = i + 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t other = i + (int64_t)(next_random(&seed) % (uint64_t)(total - i));
        int64_t number = numbers[i];
        numbers[i] = numbers[other];
        numbers[other] = number;
    }
    qsort(numbers, (size_t)count, sizeof *numbers, by_number);
    *ret = numbers;
    *ret_count = count;
    return SL_OK;
}
