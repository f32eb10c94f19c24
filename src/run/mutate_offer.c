// A test that would have noticed: candidates are run as they would be saved, and what is offered
// has passed with the rule and failed without it.
#include "run/mutate_accepts.h"
#include "run/mutate_variant.h"
#include "spec/project.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8, MOST_CANDIDATES = 96 };

struct offering {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_mutant *mutant;
    int64_t threads;
    struct sl_strs texts; // candidates
    size_t tried;
    struct sl_mutant_inputs inputs;
    struct sl_mutant_variant calm; // rows that every check of the contract lets pass, if they exist
    bool has_calm;
};

// --- trying

static int run_cases(struct offering *offering, const struct sl_test_case *const *cases,
                     size_t count, bool with_mutant, enum sl_test_status *ret, struct sl_err *err)
{
    struct sl_test_outcome outcomes[BATCH] = {0};
    struct sl_test_options options = {.threads = offering->threads,
                                      .mutant = with_mutant ? offering->mutant : NULL};
    int code = sl_test_run(offering->world, cases, count, &options, outcomes, err);
    for (size_t i = 0; i < count; i++) {
        ret[i] = outcomes[i].status;
        sl_arena_clear(&outcomes[i].arena);
    }
    return code;
}

// The first of the batch that passes with the rule, and unless `is_calm` fails without it; with
// rows in clean tables that their contracts let be.
static int try_batch(struct offering *offering, size_t first, size_t count, bool is_calm,
                     size_t *ret_found, struct sl_err *err)
{
    struct sl_test_case read[BATCH];
    const struct sl_test_case *cases[BATCH];
    size_t numbers[BATCH], usable = 0;
    enum sl_test_status passed[BATCH];
    for (size_t i = first; i < first + count; i++) {
        bool is_usable;
        SL_TRY(sl_mutant_read_test(offering->world, offering->texts.items[i], i, &read[usable],
                                   &is_usable, err));
        numbers[usable] = i;
        cases[usable] = &read[usable];
        usable += is_usable;
    }
    if (!usable)
        return SL_OK;
    SL_TRY(run_cases(offering, cases, usable, false, passed, err));
    for (size_t i = 0; i < usable && *ret_found == SIZE_MAX; i++) {
        enum sl_test_status status = SL_TEST_PASSED;
        if (passed[i] == SL_TEST_PASSED && !is_calm)
            SL_TRY(run_cases(offering, &cases[i], 1, true, &status, err));
        bool is_found = is_calm ? passed[i] == SL_TEST_PASSED : status == SL_TEST_FAILED;
        if (is_found)
            SL_TRY(sl_mutant_accepts(offering->world, cases[i]->test, offering->threads, &is_found,
                                     err));
        if (is_found)
            *ret_found = numbers[i];
    }
    return SL_OK;
}

// Index of a candidate; SIZE_MAX: none.
static int find_first(struct offering *offering, bool is_calm, size_t *ret, struct sl_err *err)
{
    size_t count = offering->texts.count;
    *ret = SIZE_MAX;
    for (size_t i = 0; i < count && *ret == SIZE_MAX; i += BATCH)
        SL_TRY(try_batch(offering, i, count - i < BATCH ? count - i : BATCH, is_calm, ret, err));
    return SL_OK;
}

static int try_all(struct offering *offering, struct sl_err *err)
{
    size_t found;
    SL_TRY(find_first(offering, false, &found, err));
    if (found != SIZE_MAX)
        offering->mutant->offer = offering->texts.items[found];
    offering->tried += offering->texts.count;
    offering->texts.count = 0;
    return SL_OK;
}

// --- what is tried

static int add_text(struct offering *offering, const struct sl_buf *yaml, struct sl_err *err)
{
    SL_TRY(sl_buf_check(yaml, err));
    const char *text = sl_arena_strdup(&offering->world->arena, yaml->text);
    SL_TRY_NEW(text, err);
    return sl_strs_add(&offering->texts, &offering->world->arena, text, err);
}

// ", clean.customers: [{"id": "7"}]" for rows of the source.
static int add_parents(struct offering *offering, const char *which, struct sl_buf *yaml,
                       struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tables = NULL;
    struct sl_mutant with = *offering->mutant;
    const char *table;
    json_t *rows;
    if (!offering->inputs.made)
        return SL_OK;
    SL_TRY(sl_mutant_parents(offering->session, offering->inputs.made, which, &with,
                             &offering->world->arena, err));
    SL_TRY(sl_mutant_parents_json(&with, &tables, err));
    json_object_foreach (tables, table, rows) {
        char *printed = json_dumps(rows, 0);
        SL_TRY_NEW(printed, err);
        sl_buf_addf(yaml, ", %s: %s", table, printed);
        free(printed);
    }
    return SL_OK;
}

static void add_failure(const struct sl_mutant *mutant, struct sl_buf *yaml)
{
    sl_buf_addf(yaml, ", fails: {%s: ", mutant->table);
    sl_buf_add_json_string(yaml, mutant->rule);
    sl_buf_add(yaml, "}");
}

// Files of one name replace each other; else a source gets another file with each run.
static const char *ending_of(const struct sl_node *node)
{
    static const char *const endings[] = {".tsv", ".jsonl", ".ndjson", ".json", ".parquet"};
    const char *path =
        node->source && node->source->paths.count ? node->source->paths.items[0] : "";
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strstr(path, endings[i]))
            return endings[i];
    return ".csv";
}

struct giving {
    struct sl_mutant_variant variant;
    bool is_one_of_two; // runs: the first one also has what the rows of the later need
    bool is_later;      // the second one
    bool is_shrunk;     // the second one replaces the rows
};

static int add_given(struct offering *offering, const struct giving *giving, struct sl_buf *yaml,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf which = SL_BUF_INIT;
    const struct sl_mutant_inputs *inputs = &offering->inputs;
    sl_buf_add(yaml, "given: {");
    for (size_t i = 0; i < inputs->count; i++) {
        const struct sl_mutant_input *input = &inputs->items[i];
        bool is_map = input->is_source ? giving->is_shrunk : giving->is_later;
        sl_buf_addf(yaml, "%s%s: ", i ? ", " : "", input->name);
        if (is_map && input->is_source)
            sl_buf_addf(yaml, "{name: rows%s, rows: ", ending_of(offering->mutant->node));
        else if (is_map)
            sl_buf_add(yaml, "{replace: true, rows: ");
        SL_TRY(sl_mutant_add_rows(offering->session, inputs, i, &giving->variant, yaml, err));
        sl_buf_add(yaml, is_map ? "}" : "");
    }
    sl_mutant_add_which(&giving->variant, &which);
    SL_TRY(sl_buf_check(&which, err));
    if (!giving->is_later)
        SL_TRY(add_parents(offering, giving->is_one_of_two ? "true" : which.text, yaml, err));
    sl_buf_add(yaml, "}");
    return SL_OK;
}

static int add_variant(struct offering *offering, const struct sl_mutant_variant *variant,
                       const char *clock, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    sl_buf_addf(&yaml, "{%s", clock);
    SL_TRY(add_given(offering, &(struct giving){.variant = *variant}, &yaml, err));
    add_failure(offering->mutant, &yaml);
    sl_buf_add(&yaml, "}");
    return add_text(offering, &yaml, err);
}

// What is compared with the version before.
static int add_two_runs(struct offering *offering, int64_t first, int64_t second,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    struct giving giving = {
        .variant = offering->calm, .is_one_of_two = true, .is_shrunk = second < first};
    giving.variant.rows = first;
    sl_buf_add(&yaml, "{runs: [{");
    SL_TRY(add_given(offering, &giving, &yaml, err));
    giving.variant.rows = second;
    giving.is_later = true;
    sl_buf_add(&yaml, "}, {");
    SL_TRY(add_given(offering, &giving, &yaml, err));
    add_failure(offering->mutant, &yaml);
    sl_buf_add(&yaml, "}]}");
    return add_text(offering, &yaml, err);
}

static int try_column(struct offering *offering, size_t input, size_t column, struct sl_err *err)
{
    bool is_source = offering->inputs.items[input].is_source;
    for (int form = SL_MUTANT_NULL; form < SL_MUTANT_FORMS; form++) {
        const struct sl_mutant_variant variant = {(enum sl_mutant_form)form, 3, input, column};
        bool is_sorted = form == SL_MUTANT_LEAST || form == SL_MUTANT_MOST;
        if (!is_sorted || is_source)
            SL_TRY(add_variant(offering, &variant, "", err));
    }
    return try_all(offering, err);
}

// Columns that the check names come first.
static int try_columns(struct offering *offering, bool is_named, struct sl_err *err)
{
    for (size_t i = 0; i < offering->inputs.count; i++)
        for (size_t k = 0; k < offering->inputs.items[i].count; k++) {
            const char *name = offering->inputs.items[i].columns[k].name;
            if (offering->mutant->offer || offering->tried >= MOST_CANDIDATES)
                return SL_OK;
            if ((strstr(offering->mutant->rule, name) != NULL) == is_named)
                SL_TRY(try_column(offering, i, k, err));
        }
    return SL_OK;
}

// --- rows that every check of a contract lets pass

static void list_calm(const struct offering *offering, struct sl_mutant_variant *ret,
                      size_t *ret_count)
{
    const struct sl_mutant_input *source = &offering->inputs.items[0];
    static const int64_t counts[] = {1, 3, 20};
    *ret_count = 0;
    for (size_t i = 0; i < 3; i++)
        ret[(*ret_count)++] = (struct sl_mutant_variant){.rows = counts[i]};
    for (int form = SL_MUTANT_NULL; form < SL_MUTANT_FORMS; form++)
        for (size_t k = 0; k < source->count; k++)
            for (size_t i = 0; i < 2 && *ret_count < MOST_CANDIDATES; i++)
                ret[(*ret_count)++] =
                    (struct sl_mutant_variant){(enum sl_mutant_form)form, counts[i], 0, k};
}

static int add_calm(struct offering *offering, const struct sl_mutant_variant *variant,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    sl_buf_add(&yaml, "{");
    SL_TRY(add_given(offering, &(struct giving){.variant = *variant}, &yaml, err));
    sl_buf_addf(&yaml, ", expect: {quarantine.%s: []}}", offering->mutant->node->bare);
    return add_text(offering, &yaml, err);
}

static int find_calm(struct offering *offering, struct sl_err *err)
{
    struct sl_mutant_variant variants[MOST_CANDIDATES + 3];
    size_t count = 0, found;
    if (offering->inputs.made)
        list_calm(offering, variants, &count);
    for (size_t i = 0; i < count && !offering->has_calm; i += BATCH) {
        offering->texts.count = 0;
        for (size_t k = i; k < i + BATCH && k < count; k++)
            SL_TRY(add_calm(offering, &variants[k], err));
        SL_TRY(find_first(offering, true, &found, err));
        offering->has_calm = found != SIZE_MAX;
        if (offering->has_calm)
            offering->calm = variants[i + found];
    }
    offering->texts.count = 0;
    return SL_OK;
}

// --- a check of the whole table

static int try_changes(struct offering *offering, struct sl_err *err)
{
    SL_TRY(find_calm(offering, err));
    int64_t few = offering->has_calm ? offering->calm.rows : 1;
    offering->calm.rows = few;
    SL_TRY(add_variant(offering, &offering->calm, "clock: \"2100-01-01T00:00:00Z\", ", err));
    SL_TRY(add_two_runs(offering, few, 20, err));
    SL_TRY(add_two_runs(offering, 20, few, err));
    SL_TRY(add_variant(offering, &(struct sl_mutant_variant){.rows = 40}, "", err));
    return try_all(offering, err);
}

static int offer_check(struct offering *offering, struct sl_err *err)
{
    static const int64_t counts[] = {1, 0, 3};
    SL_TRY(sl_mutant_inputs(offering->world, offering->session, offering->mutant, offering->threads,
                            &offering->inputs, err));
    if (!offering->inputs.count)
        return SL_OK;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        SL_TRY(add_variant(offering, &(struct sl_mutant_variant){.rows = counts[i]}, "", err));
    SL_TRY(add_variant(offering, &(struct sl_mutant_variant){.form = SL_MUTANT_TWICE}, "", err));
    SL_TRY(try_all(offering, err));
    SL_TRY(try_columns(offering, true, err));
    if (!offering->mutant->offer)
        SL_TRY(try_changes(offering, err));
    return try_columns(offering, false, err);
}

// --- a rule: the row that only this rule rejects, alone or with good ones

static int add_row(struct offering *offering, const struct sl_mutant_variant *variant,
                   const char *which, struct sl_err *err)
{
    struct sl_mutant *mutant = offering->mutant;
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    sl_buf_addf(&yaml, "{given: {%s: ", offering->inputs.items[0].name);
    SL_TRY(sl_mutant_add_rows(offering->session, &offering->inputs, 0, variant, &yaml, err));
    SL_TRY(add_parents(offering, which, &yaml, err));
    sl_buf_add(&yaml, "}");
    if (mutant->is_stop) {
        add_failure(mutant, &yaml);
    } else {
        sl_buf_addf(&yaml, ", expect: {quarantine.%s: [{rule: ", mutant->node->bare);
        sl_buf_add_json_string(&yaml, mutant->rule);
        sl_buf_add(&yaml, "}]}");
    }
    sl_buf_add(&yaml, "}");
    return add_text(offering, &yaml, err);
}

static int make_rows(struct offering *offering, int64_t count, struct sl_mutant_input *input,
                     bool *ret_is_made, struct sl_err *err)
{
    struct sl_arena *arena = &offering->world->arena;
    struct sl_generated *made = SL_NEW(arena, struct sl_generated);
    SL_TRY_NEW(made, err);
    SL_TRY(sl_mutant_generate(offering->world, offering->session, offering->mutant, count, made,
                              ret_is_made, err));
    offering->texts.count = 0;
    offering->inputs = (struct sl_mutant_inputs){input, 1, made};
    return *ret_is_made ? sl_mutant_source(offering->mutant, made, arena, input, err) : SL_OK;
}

// Good rows that checks let pass, and the row behind them.
static int offer_beside_calm(struct offering *offering, struct sl_mutant_input *input,
                             struct sl_err *err)
{
    input->relation = "(select * from \"~generated\" where \"~t\" < 0)";
    SL_TRY(find_calm(offering, err));
    if (!offering->has_calm)
        return SL_OK;
    input->also = "(select * from \"~generated\" where \"~t\" >= 0)";
    SL_TRY(add_row(offering, &offering->calm, "true", err));
    return try_all(offering, err);
}

static int offer_rule(struct offering *offering, struct sl_err *err)
{
    static const int64_t counts[] = {0, 3, 1, 40};
    const struct sl_mutant_variant all = {.rows = 1000};
    struct sl_mutant_input input;
    bool is_made = false;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && !offering->mutant->offer; i++) {
        SL_TRY(make_rows(offering, counts[i], &input, &is_made, err));
        if (!is_made)
            continue;
        SL_TRY(add_row(offering, &all, "true", err));
        SL_TRY(try_all(offering, err));
    }
    return is_made && !offering->mutant->offer ? offer_beside_calm(offering, &input, err) : SL_OK;
}

static void offering_clear(struct offering *offering)
{
    sl_session_close(&offering->session);
}

int sl_mutant_offer(struct sl_world *world, struct sl_mutant *mutant, int64_t threads,
                    struct sl_err *err)
{
    SL_AUTO(offering_clear)
    struct offering offering = {.world = world, .mutant = mutant, .threads = threads};
    SL_TRY(sl_world_session(world, &offering.session, err));
    return mutant->is_check ? offer_check(&offering, err) : offer_rule(&offering, err);
}
