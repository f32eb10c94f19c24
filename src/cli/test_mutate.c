// sluice test --mutate: which rules could go without a test that notices?
#include "cli/test_mutate.h"

#include <stdlib.h>

static bool is_source_of(const struct sl_mutant *mutant)
{
    return mutant->contract && mutant->column_count;
}

static bool is_before(const struct sl_mutant *mutant, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sl_str_equal(mutant->parents[i].table, mutant->parents[index].table))
            return true;
    return false;
}

// Rows of one table that several foreign keys may lead to.
static int parent_json(const struct sl_mutant *mutant, const char *table, json_t **ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *rows = json_array();
    SL_TRY_NEW(rows, err);
    for (size_t i = 0; i < mutant->parent_count; i++) {
        const struct sl_mutant_parent *parent = &mutant->parents[i];
        size_t width = parent->columns->count, known;
        for (size_t k = 0; k < parent->row_count && sl_str_equal(parent->table, table); k++) {
            json_t *row = json_object();
            for (size_t n = 0; n < width; n++)
                (void)json_object_set_new(row, parent->columns->items[n],
                                          sl_json_string(parent->values[k * width + n]));
            for (known = 0; known < json_array_size(rows); known++)
                if (json_equal(json_array_get(rows, known), row))
                    break;
            if (known < json_array_size(rows))
                json_decref(row);
            else if (json_array_append_new(rows, row) != 0)
                return sl_fail_memory(err);
        }
    }
    *ret = json_incref(rows);
    return SL_OK;
}

static int parents_json(const struct sl_mutant *mutant, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tables = json_object();
    SL_TRY_NEW(tables, err);
    for (size_t i = 0; i < mutant->parent_count; i++) {
        json_t *rows = NULL;
        if (is_before(mutant, i))
            continue;
        SL_TRY(parent_json(mutant, mutant->parents[i].table, &rows, err));
        if (json_object_set_new(tables, mutant->parents[i].table, rows) != 0)
            return sl_fail_memory(err);
    }
    *ret = json_incref(tables);
    return SL_OK;
}

// ", clean.customers: [{"id": "7"}]"
static int add_parents(const struct sl_mutant *mutant, struct sl_buf *text, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tables = NULL;
    const char *table;
    json_t *rows;
    SL_TRY(parents_json(mutant, &tables, err));
    json_object_foreach (tables, table, rows) {
        char *printed = json_dumps(rows, 0);
        SL_TRY_NEW(printed, err);
        sl_buf_addf(text, ", %s: %s", table, printed);
        free(printed);
    }
    return SL_OK;
}

// A test that would notice: the row with what it needs, and where it should end. Of a check, the
// end of one.
static int add_offer(const struct sl_mutant *mutant, struct sl_buf *text, struct sl_err *err)
{
    const char *source = mutant->node->source ? mutant->node->source->name : mutant->node->bare;
    if (!mutant->contract) {
        sl_buf_addf(text, "fails: {%s: ", mutant->table);
        sl_buf_add_json_string(text, mutant->rule);
        sl_buf_add(text, "}");
        return SL_OK;
    }
    sl_buf_addf(text, "{given: {%s: [{", source);
    for (size_t i = 0; i < mutant->column_count; i++) {
        sl_buf_add(text, i ? ", " : "");
        sl_buf_add_json_string(text, mutant->columns[i]);
        sl_buf_add(text, ": ");
        if (mutant->values[i])
            sl_buf_add_json_string(text, mutant->values[i]);
        else
            sl_buf_add(text, "null");
    }
    sl_buf_add(text, "}]");
    SL_TRY(add_parents(mutant, text, err));
    if (mutant->is_stop) {
        sl_buf_addf(text, "}, fails: {%s: ", mutant->table);
        sl_buf_add_json_string(text, mutant->rule);
        sl_buf_add(text, "}}");
        return SL_OK;
    }
    sl_buf_addf(text, "}, expect: {quarantine.%s: [{rule: ", mutant->node->bare);
    sl_buf_add_json_string(text, mutant->rule);
    sl_buf_add(text, "}]}}");
    return SL_OK;
}

static int mutant_json(const struct sl_mutant *mutant, json_t *list, struct sl_err *err)
{
    json_t *parents;
    SL_TRY(parents_json(mutant, &parents, err));
    json_t *row = is_source_of(mutant) ? json_object() : json_null();
    for (size_t i = 0; is_source_of(mutant) && i < mutant->column_count; i++)
        (void)json_object_set_new(row, mutant->columns[i],
                                  mutant->values[i] ? sl_json_string(mutant->values[i])
                                                    : json_null());
    json_t *item = json_pack(
        "{s:s, s:o, s:s, s:s?, s:I, s:s?, s:i, s:i, s:o, s:o}", "table", mutant->table, "rule",
        sl_json_string(mutant->rule), "status", mutant->killed_by ? "killed" : "survived", "test",
        mutant->killed_by ? mutant->killed_by->name : NULL, "tests", (json_int_t)mutant->test_count,
        "file", mutant->place.file, "line", mutant->place.line, "column", mutant->place.column,
        "row", row, "parents", parents);
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_json(const struct sl_mutant *mutants, size_t count, size_t killed,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:i, s:f, s:{s:I, s:I}, s:[]}", "schema", "sluice.test.mutate/1", "exit_code", 0,
        "score", count ? (double)killed / (double)count : 1.0, "counts", "killed",
        (json_int_t)killed, "survived", (json_int_t)(count - killed), "mutants");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(mutant_json(&mutants[i], json_object_get(root, "mutants"), err));
    return sl_print_json(root, err);
}

static int print_one(const struct sl_mutant *mutant, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf offer = SL_BUF_INIT;
    bool is_killed = mutant->killed_by != NULL;
    printf("%s%s%s  %s  ", sl_color(stdout, is_killed ? SL_COLOR_GREEN : SL_COLOR_RED),
           is_killed ? "killed  " : "SURVIVED", sl_color(stdout, SL_COLOR_NONE), mutant->table);
    sl_put_plain(stdout, mutant->rule);
    if (is_killed)
        printf("  by %s\n", mutant->killed_by->file);
    else
        printf("  (%s:%d)%s\n", mutant->place.file ? mutant->place.file : "", mutant->place.line,
               mutant->test_count ? "" : ", no test looks at it");
    if (is_killed || (mutant->contract && !mutant->column_count))
        return SL_OK;
    SL_TRY(add_offer(mutant, &offer, err));
    SL_TRY(sl_buf_check(&offer, err));
    printf("  a test that notices: ");
    sl_put_plain(stdout, offer.text);
    puts("");
    return SL_OK;
}

int sl_test_mutate(const struct sl_test_mutation *mutation, struct sl_err *err)
{
    struct sl_world *world = mutation->world;
    struct sl_mutant *mutants;
    size_t count, killed = 0;
    char text[64];
    SL_TRY(sl_mutants_list(world, &mutants, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_mutant *mutant = &mutants[i];
        SL_TRY(
            sl_mutant_try(world, mutant, mutation->cases, mutation->count, mutation->threads, err));
        if (!mutant->killed_by)
            SL_TRY(sl_mutant_explain(world, mutant, err));
        killed += mutant->killed_by != NULL;
        if (mutation->common->json)
            continue;
        if (!mutant->killed_by || !mutation->common->is_quiet)
            SL_TRY(print_one(mutant, err));
        fflush(stdout);
    }
    if (mutation->common->json)
        return print_json(mutants, count, killed, err);
    printf("the tests notice %zu of %s that are taken away: %.0f %%\n", killed,
           sl_count_of((int64_t)count, "rule", text),
           count ? 100.0 * (double)killed / (double)count : 100.0);
    return SL_OK;
}
