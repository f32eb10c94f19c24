#include "run/generate.h"

#include "base/clock.h"
#include "run/generate_job.h"
#include "run/generate_keys.h"
#include "run/generate_parents.h"
#include "run/generate_pools.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 6
#define MENDS 16

int sl_generate_exec(struct sl_generator *generator, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return generator->session->kind->exec(generator->session, sql->text, NULL, err);
}

// --- what is asked for

bool sl_generate_is_unique(const struct sl_generated *generated, size_t rule)
{
    return rule >= generated->pass.rule_count;
}

const char *sl_generate_rule_name(const struct sl_generated *generated, size_t rule)
{
    const struct sl_pass *pass = &generated->pass;
    return rule < pass->rule_count ? pass->rules[rule].name
                                   : pass->uniques[rule - pass->rule_count].rule->id;
}

const char *sl_generate_name(const struct sl_generated *generated,
                             const struct sl_generate_target *target, struct sl_arena *arena)
{
    const char *first = sl_generate_rule_name(generated, target->rules[0]);
    return target->count == 1 ? first
                              : sl_arena_printf(arena, "%s, %s", first,
                                                sl_generate_rule_name(generated, target->rules[1]));
}

static size_t count_rules(const struct sl_generated *made)
{
    return made->pass.rule_count + made->pass.unique_count;
}

static int add_target(struct sl_generator *generator, size_t a, size_t b, struct sl_err *err)
{
    struct sl_generate_target target = {.rules = {a, b}, .count = a == b ? 1 : 2};
    target.is_impossible = sl_generate_are_exclusive(generator->made, &target);
    return SL_PUSH(generator->arena, generator->made->targets, generator->made->target_count,
                   target)
               ? SL_OK
               : sl_fail_memory(err);
}

static int no_rule(struct sl_generator *generator, const char *option, const char *name,
                   struct sl_err *err)
{
    const struct sl_generated *made = generator->made;
    struct sl_strs names = {0};
    for (size_t i = 0; i < count_rules(made); i++)
        SL_TRY(sl_strs_add(&names, generator->arena, sl_generate_rule_name(made, i), err));
    const char *hint = sl_did_you_mean(generator->arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_USAGE, "%s is '%s', which is no rule of '%s'", option, name,
                  generator->options->contract->name);
    const char *otherwise = sl_str_equal(option, "--pairs")
                                ? "the name of a rule, 'amount.*' or 'amount.* + day.*'"
                                : "none, each, pairs, or the name of a rule";
    return sl_err_hint(err, "%s", hint ? hint : otherwise);
}

// Rows that share a value are looked for among those that no other rule rejects.
static bool can_be_both(const struct sl_generated *made, size_t a, size_t b)
{
    const struct sl_pass *pass = &made->pass;
    return !sl_generate_is_unique(made, b) || sl_generate_is_unique(made, a) ||
           pass->rules[a].is_warning;
}

// "amount.*", or "amount.* + day.*": one of the rules, or one each.
struct pair_pattern {
    const char *one, *other; // NULL: any
    bool is_used;
};

static int read_pattern(struct sl_generator *generator, const char *text, struct pair_pattern *ret,
                        struct sl_err *err)
{
    const char *plus = strstr(text, "+");
    *ret = (struct pair_pattern){.one = text};
    if (!plus)
        return SL_OK;
    ret->one = sl_arena_strndup(generator->arena, text, (size_t)(plus - text));
    SL_TRY_NEW(ret->one, err);
    char *end = (char *)ret->one + strlen(ret->one);
    while (end > ret->one && end[-1] == ' ')
        *--end = '\0';
    ret->other = plus + 1 + strspn(plus + 1, " ");
    return SL_OK;
}

// A name may have brackets itself: "items[].type".
static bool is_like(const char *pattern, const char *name)
{
    return sl_str_equal(pattern, name) || sl_str_glob(pattern, name);
}

static bool is_asked(struct pair_pattern *patterns, size_t count, const char *a, const char *b)
{
    bool is_any = count == 0;
    for (size_t i = 0; i < count; i++) {
        const char *one = patterns[i].one, *other = patterns[i].other ? patterns[i].other : "*";
        bool is = (is_like(one, a) && is_like(other, b)) || (is_like(one, b) && is_like(other, a));
        patterns[i].is_used |= is;
        is_any |= is;
    }
    return is_any;
}

// Another name of a column that is still good is no column that nobody knows.
static bool is_possible(const struct sl_generator *generator, size_t rule)
{
    const struct sl_pass *pass = &generator->made->pass;
    const char *column =
        rule < pass->rule_count && !pass->rules[rule].kind ? pass->rules[rule].column : NULL;
    const struct sl_contract_column *columns = generator->options->contract->columns;
    for (size_t i = 0; i < generator->alias_count; i++) {
        const struct sl_contract_column *of = &columns[generator->aliases[i].column];
        for (size_t k = 0; k < of->alias_count; k++)
            if (column && sl_str_equal(column, of->aliases[k].name) && of->aliases[k].until &&
                of->aliases[k].end_us > generator->ingested_us)
                return false;
    }
    return true;
}

static int choose_pairs(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_strs *pairs = generator->options->pairs;
    const struct sl_generated *made = generator->made;
    size_t count = pairs ? pairs->count : 0;
    struct pair_pattern *patterns = SL_NEW_ARRAY(generator->arena, struct pair_pattern, count + 1);
    SL_TRY_NEW(patterns, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(read_pattern(generator, pairs->items[i], &patterns[i], err));
    for (size_t a = 0; a < count_rules(made); a++)
        for (size_t b = a + 1; b < count_rules(made); b++)
            if (is_asked(patterns, count, sl_generate_rule_name(made, a),
                         sl_generate_rule_name(made, b)) &&
                can_be_both(made, a, b) && is_possible(generator, a) && is_possible(generator, b))
                SL_TRY(add_target(generator, a, b, err));
    for (size_t i = 0; i < count; i++)
        if (!patterns[i].is_used)
            return no_rule(generator, "--pairs", pairs->items[i], err);
    return SL_OK;
}

static int choose_targets(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_generate_options *options = generator->options;
    generator->made->target_count = 0;
    if (options->breaking == SL_BREAK_PAIRS)
        return choose_pairs(generator, err);
    for (size_t a = 0; a < count_rules(generator->made); a++)
        if ((options->breaking == SL_BREAK_EACH && is_possible(generator, a)) ||
            (options->breaking == SL_BREAK_RULE &&
             sl_str_equal(sl_generate_rule_name(generator->made, a), options->rule)))
            SL_TRY(add_target(generator, a, a, err));
    return SL_OK;
}

// --- the pass

static int list_aliases(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_contract_table *contract = generator->options->contract;
    struct sl_generate_alias *aliases = NULL;
    for (size_t i = 0; i < contract->column_count; i++)
        for (size_t k = 0; k < contract->columns[i].alias_count; k++) {
            struct sl_generate_alias alias = {contract->columns[i].aliases[k].name, i};
            if (!SL_PUSH(generator->arena, aliases, generator->alias_count, alias))
                return sl_fail_memory(err);
        }
    generator->aliases = aliases;
    // An alias is good for days.
    if (generator->alias_count)
        generator->ingested_us = sl_clock_now_us();
    return SL_OK;
}

static int compile(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_contract_table *contract = generator->options->contract;
    struct sl_generated *made = generator->made;
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    static const struct sl_column own[] = {{"_source", "VARCHAR"},
                                           {"_position", "BIGINT"},
                                           {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
                                           {"_corrupt", "BLOB"}};
    size_t own_count = sizeof own / sizeof *own;
    made->column_count = contract->column_count + generator->alias_count;
    struct sl_column *raw =
        SL_NEW_ARRAY(generator->arena, struct sl_column, made->column_count + own_count);
    made->is_nested = SL_NEW_ARRAY(generator->arena, bool, made->column_count + 1);
    SL_TRY_NEW(raw, err);
    SL_TRY_NEW(made->is_nested, err);
    for (size_t i = 0; i < made->column_count; i++) {
        bool is_alias = i >= contract->column_count;
        const struct sl_generate_alias *alias =
            is_alias ? &generator->aliases[i - contract->column_count] : NULL;
        const struct sl_contract_column *column = &contract->columns[alias ? alias->column : i];
        raw[i] = (struct sl_column){alias ? alias->name : column->source_name, "VARCHAR"};
        made->is_nested[i] = column->field_count > 0;
    }
    memcpy(raw + made->column_count, own, sizeof own);
    made->columns = raw;
    SL_TRY(sl_contract_compile(contract, raw, made->column_count + own_count, generator->session,
                               generator->arena, &diags, &made->pass, err));
    return diags.error_count ? sl_diags_fail(&diags, err) : SL_OK;
}

// Other names of columns are there only where a rule about them is to be broken.
static int compile_for_targets(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_generate_options *options = generator->options;
    struct sl_generated *made = generator->made;
    SL_TRY(compile(generator, err));
    SL_TRY(choose_targets(generator, err));
    bool is_enough = options->breaking == SL_BREAK_NONE ||
                     (options->breaking == SL_BREAK_RULE && made->target_count);
    if (!is_enough) {
        SL_TRY(list_aliases(generator, err));
        made->pass = (struct sl_pass){0};
        SL_TRY(compile(generator, err));
        SL_TRY(choose_targets(generator, err));
    }
    return options->breaking == SL_BREAK_RULE && made->target_count == 0
               ? no_rule(generator, "--breaking", options->rule, err)
               : SL_OK;
}

// --- good rows

static int count_rows(struct sl_generator *generator, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(generator->session->kind->query(generator->session,
                                           "select count(*) from \"~generated\"", 1, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// Ever more candidates until enough are good. Sixteen times as many without one row more: there
// are no more keys. Where the first are too few, values are drawn from pools first.
static int make_good(struct sl_generator *generator, struct sl_err *err)
{
    int64_t wanted = generator->options->rows, count = wanted * 2 + 50, found = 0;
    int stalls = 0;
    for (int round = 0; round < ROUNDS && stalls < 2; round++, count *= 4) {
        int64_t before = found;
        SL_TRY(sl_generate_candidates(generator, 1, count, true, err));
        SL_TRY(sl_generate_judge(generator, true, err));
        SL_TRY(count_rows(generator, &found, err));
        for (int m = 1; m <= MENDS && found < wanted && generator->pools; m++) {
            SL_TRY(sl_generate_mend(generator, m * count, err));
            SL_TRY(sl_generate_judge(generator, true, err));
            SL_TRY(count_rows(generator, &found, err));
        }
        if (found >= wanted || count > wanted * 1000 + 100000 || !generator->pools)
            break;
        stalls = found > 0 && found == before ? stalls + 1 : 0;
    }
    return found >= wanted ? SL_OK : sl_generate_too_few(generator, found, err);
}

// --- bad rows

// What no row was found for is tried once more, harder.
static int make_bad(struct sl_generator *generator, struct sl_err *err)
{
    int64_t first = generator->options->rows + 1;
    const struct sl_generate_search search = {generator->made->targets,
                                              generator->made->target_count, false};
    if (!search.count)
        return SL_OK;
    SL_TRY(sl_generate_base(generator, err));
    if (generator->options->breaking == SL_BREAK_PAIRS)
        SL_TRY(sl_generate_join_pairs(generator, &first, err));
    else
        SL_TRY(sl_generate_list_targets(generator, &search, err));
    SL_TRY(sl_generate_try(generator, &search, &first, err));
    return sl_generate_uniques(generator, &first, err);
}

// --- the rows that foreign keys point to

static int make_up(struct sl_generator *generator, struct sl_generate_parents *parents,
                   size_t index, struct sl_err *err)
{
    const char *note = sl_arena_printf(
        generator->arena, "keys of %s are made up: the lake has none that rows could be made with",
        generator->made->pass.parents[index].rule->parent);
    SL_TRY_NEW(note, err);
    if (generator->options->project)
        SL_TRY(sl_strs_add(&generator->made->notes, generator->arena, note, err));
    SL_TRY(sl_generate_candidates(generator, 1, generator->options->rows * 4 + 100, true, err));
    return sl_generate_parent_of_rows(parents, index, err);
}

// Keys are compared as clean keeps them. Statements with the key go to the engine only.
static int give_key(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_project *project = generator->options->project;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!project || !project->personal_key)
        return SL_OK;
    SL_TRY(sl_personal_key_sql(project->personal_key, &sql, err));
    return sl_generate_exec(generator, &sql, err);
}

static int make_parents(struct sl_generator *generator, bool may_read, bool *ret_has_lake,
                        struct sl_err *err)
{
    const struct sl_pass *pass = &generator->made->pass;
    struct sl_generate_parents parents = {.session = generator->session,
                                          .options = generator->options,
                                          .pass = pass,
                                          .arena = generator->arena};
    size_t count = generator->options->contract->column_count;
    struct sl_sample *samples = SL_NEW_ARRAY(generator->arena, struct sl_sample, count + 1);
    parents.is_followed = SL_NEW_ARRAY(generator->arena, bool, count + 1);
    SL_TRY_NEW(samples, err);
    SL_TRY_NEW(parents.is_followed, err);
    memcpy(samples, generator->own_samples, count * sizeof *samples);
    generator->samples = parents.samples = samples;
    SL_TRY(sl_generate_no_parents(&parents, err));
    for (size_t i = 0; i < pass->parent_count; i++) {
        bool is_there = false;
        if (may_read)
            SL_TRY(sl_generate_parent_of_lake(&parents, i, &is_there, err));
        if (!is_there && sl_generate_is_own_parent(&parents, i))
            SL_TRY(sl_generate_without_parent(&parents, i, err));
        else if (!is_there)
            SL_TRY(make_up(generator, &parents, i, err));
    }
    *ret_has_lake = parents.has_lake;
    return SL_OK;
}

// The keys of the lake may be too few, or none that other rules accept.
static int make_rows(struct sl_generator *generator, struct sl_err *err)
{
    struct sl_err refusal = {0};
    size_t notes = generator->made->notes.count;
    bool has_lake;
    SL_TRY(make_parents(generator, true, &has_lake, err));
    int code = make_good(generator, &refusal);
    if (code == SL_E_LIMIT && has_lake) {
        generator->made->notes.count = notes;
        SL_TRY(make_parents(generator, false, &has_lake, err));
        return make_good(generator, err);
    }
    if (code != SL_OK && err)
        *err = refusal;
    return code;
}

static struct sl_sample_options sampling_of(const struct sl_generator *generator)
{
    return (struct sl_sample_options){.table = generator->options->contract,
                                      .session = generator->session,
                                      .seed = generator->options->seed,
                                      .rows = generator->options->rows,
                                      .add_touches = sl_generate_add_touches,
                                      .self = generator,
                                      .pools = generator->pools,
                                      .ingested_us = generator->ingested_us};
}

static int make_samples(struct sl_generator *generator, struct sl_err *err)
{
    struct sl_sample_options sampling = sampling_of(generator);
    struct sl_sample *samples, *others;
    struct sl_strs *notes = &generator->made->notes, same = {0};
    SL_TRY(sl_contract_samples(&sampling, generator->arena, &samples, notes, err));
    generator->own_samples = samples;
    generator->sample_notes = notes->count;
    if (!generator->alias_count)
        return SL_OK;
    sampling.seed++;
    SL_TRY(sl_contract_samples(&sampling, generator->arena, &others, &same, err));
    generator->other_samples = others;
    return SL_OK;
}

static bool is_all_found(const struct sl_generated *made)
{
    for (size_t i = 0; i < made->target_count; i++)
        if (!made->targets[i].is_found && !made->targets[i].is_impossible)
            return false;
    return true;
}

static int make_all(struct sl_generator *generator, struct sl_err *err)
{
    struct sl_generated *made = generator->made;
    made->notes = (struct sl_strs){0};
    for (size_t i = 0; i < made->target_count; i++)
        made->targets[i].is_found = false;
    generator->base_rows = 0;
    SL_TRY(make_samples(generator, err));
    SL_TRY(make_rows(generator, err));
    return make_bad(generator, err);
}

// Without pools where a few rows are found without, which is faster.
static int make(struct sl_generator *generator, struct sl_err *err)
{
    enum sl_generate_breaking breaking = generator->options->breaking;
    struct sl_sample_options sampling = sampling_of(generator);
    struct sl_err refusal = {0};
    SL_TRY(give_key(generator, err));
    SL_TRY(sl_generate_no_pools(generator, err));
    if (breaking == SL_BREAK_NONE || breaking == SL_BREAK_RULE) {
        int code = make_all(generator, &refusal);
        if (code == SL_OK && is_all_found(generator->made))
            return SL_OK;
        if (code != SL_OK && code != SL_E_LIMIT) {
            *err = refusal;
            return code;
        }
    }
    SL_TRY(sl_generate_pools(generator, &sampling, err));
    return make_all(generator, err);
}

int sl_generate_plan(struct sl_session *session, const struct sl_generate_options *options,
                     struct sl_arena *arena, struct sl_generated *ret, struct sl_err *err)
{
    struct sl_generator generator = {
        .session = session, .options = options, .arena = arena, .made = ret};
    *ret = (struct sl_generated){0};
    return compile_for_targets(&generator, err);
}

int sl_generate(struct sl_session *session, const struct sl_generate_options *options,
                struct sl_arena *arena, struct sl_generated *ret, struct sl_err *err)
{
    struct sl_generator generator = {.session = session,
                                     .options = options,
                                     .arena = arena,
                                     .made = ret,
                                     .ingested_us = INT64_C(1704067200000000)};
    *ret = (struct sl_generated){0};
    sl_generate_find_clock(&generator, options->contract->columns, options->contract->column_count);
    SL_TRY(compile_for_targets(&generator, err));
    SL_TRY(sl_generate_enough_keys(options, &ret->pass, err));
    SL_TRY(make(&generator, err));
    return count_rows(&generator, &ret->rows, err);
}
