// sluice test --mutate: which rules could go without a test that notices?
#include "cli/test_mutate.h"

static bool is_source_of(const struct sl_mutant *mutant)
{
    return mutant->contract && mutant->column_count;
}

static int mutant_json(const struct sl_mutant *mutant, json_t *list, struct sl_err *err)
{
    json_t *parents;
    SL_TRY(sl_mutant_parents_json(mutant, &parents, err));
    json_t *row = is_source_of(mutant) ? json_object() : json_null();
    for (size_t i = 0; is_source_of(mutant) && i < mutant->column_count; i++)
        (void)json_object_set_new(row, mutant->columns[i],
                                  mutant->values[i] ? sl_json_string(mutant->values[i])
                                                    : json_null());
    json_t *item = json_pack(
        "{s:s, s:o, s:s, s:s?, s:I, s:s?, s:i, s:i, s:o, s:o, s:o}", "table", mutant->table, "rule",
        sl_json_string(mutant->rule), "status", mutant->killed_by ? "killed" : "survived", "test",
        mutant->killed_by ? mutant->killed_by->name : NULL, "tests", (json_int_t)mutant->test_count,
        "file", mutant->place.file, "line", mutant->place.line, "column", mutant->place.column,
        "row", row, "parents", parents, "offer",
        mutant->offer ? sl_json_string(mutant->offer) : json_null());
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

static void print_one(const struct sl_mutant *mutant)
{
    bool is_killed = mutant->killed_by != NULL;
    printf("%s%s%s  %s  ", sl_color(stdout, is_killed ? SL_COLOR_GREEN : SL_COLOR_RED),
           is_killed ? "killed  " : "SURVIVED", sl_color(stdout, SL_COLOR_NONE), mutant->table);
    sl_put_plain(stdout, mutant->rule);
    if (is_killed)
        printf("  by %s\n", mutant->killed_by->file);
    else
        printf("  (%s:%d)%s\n", mutant->place.file ? mutant->place.file : "", mutant->place.line,
               mutant->test_count ? "" : ", no test looks at it");
    if (is_killed)
        return;
    if (!mutant->offer) {
        puts("  no test that notices was found by trying: write one by hand, if rows can break it "
             "at all (the keys of a group by, say, never stand there twice)");
        return;
    }
    printf("  a test that notices: ");
    sl_put_plain(stdout, mutant->offer);
    puts("");
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
        if (!mutant->killed_by) {
            SL_TRY(sl_mutant_explain(world, mutant, err));
            SL_TRY(sl_mutant_offer(world, mutant, mutation->threads, err));
        }
        killed += mutant->killed_by != NULL;
        if (mutation->common->json)
            continue;
        if (!mutant->killed_by || !mutation->common->is_quiet)
            print_one(mutant);
        fflush(stdout);
    }
    if (mutation->common->json)
        return print_json(mutants, count, killed, err);
    if (!count) {
        puts("there is no rule and no check to take away");
        return SL_OK;
    }
    printf("the tests notice %zu of %s taken away: %.0f %%\n", killed,
           count == 1 ? "1 rule or check" : sl_count_of((int64_t)count, "rules and check", text),
           100.0 * (double)killed / (double)count);
    return SL_OK;
}
