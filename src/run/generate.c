#include "run/generate.h"

#include "run/generate_keys.h"
#include "run/generate_parents.h"

#include <string.h>

#define CANDIDATES 400 // for a row that breaks what is asked for
#define MOST_CANDIDATES 300000
#define ROUNDS 6

struct generator {
    struct sl_session *session;
    const struct sl_generate_options *options;
    struct sl_arena *arena;
    struct sl_generated *made;
    const struct sl_sample *own_samples; // without foreign keys
    const struct sl_sample *samples;
    size_t sample_notes; // of the notes: those of the samples, which come first
};

static int exec(struct generator *generator, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return generator->session->kind->exec(generator->session, sql->text, NULL, err);
}

const char *sl_generate_name(const struct sl_generated *generated,
                             const struct sl_generate_target *target, struct sl_arena *arena)
{
    const struct sl_pass_rule *rules = generated->pass.rules;
    return target->count == 1 ? rules[target->rules[0]].name
                              : sl_arena_printf(arena, "%s, %s", rules[target->rules[0]].name,
                                                rules[target->rules[1]].name);
}

// --- what is asked for

static int add_target(struct generator *generator, size_t a, size_t b, struct sl_err *err)
{
    struct sl_generate_target target = {.rules = {a, b}, .count = a == b ? 1 : 2};
    return SL_PUSH(generator->arena, generator->made->targets, generator->made->target_count,
                   target)
               ? SL_OK
               : sl_fail_memory(err);
}

static int no_rule(struct generator *generator, struct sl_err *err)
{
    const struct sl_pass *pass = &generator->made->pass;
    struct sl_strs names = {0};
    for (size_t i = 0; i < pass->rule_count; i++)
        SL_TRY(sl_strs_add(&names, generator->arena, pass->rules[i].name, err));
    const char *hint =
        sl_did_you_mean(generator->arena, generator->options->rule, names.items, names.count);
    (void)sl_fail(err, SL_E_USAGE, "--breaking is '%s', which is no rule of '%s'",
                  generator->options->rule, generator->options->contract->name);
    return sl_err_hint(err, "%s", hint ? hint : "none, each, pairs, or the name of a rule");
}

static int choose_targets(struct generator *generator, struct sl_err *err)
{
    const struct sl_generate_options *options = generator->options;
    const struct sl_pass *pass = &generator->made->pass;
    for (size_t a = 0; a < pass->rule_count; a++) {
        if (options->breaking == SL_BREAK_EACH ||
            (options->breaking == SL_BREAK_RULE &&
             sl_str_equal(pass->rules[a].name, options->rule)))
            SL_TRY(add_target(generator, a, a, err));
        for (size_t b = a + 1; b < pass->rule_count && options->breaking == SL_BREAK_PAIRS; b++)
            SL_TRY(add_target(generator, a, b, err));
    }
    return options->breaking == SL_BREAK_RULE && generator->made->target_count == 0
               ? no_rule(generator, err)
               : SL_OK;
}

// --- candidates

static int compile(struct generator *generator, struct sl_err *err)
{
    const struct sl_contract_table *contract = generator->options->contract;
    struct sl_generated *made = generator->made;
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    static const struct sl_column own[] = {{"_source", "VARCHAR"},
                                           {"_position", "BIGINT"},
                                           {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
                                           {"_corrupt", "BLOB"}};
    size_t own_count = sizeof own / sizeof *own;
    struct sl_column *raw =
        SL_NEW_ARRAY(generator->arena, struct sl_column, contract->column_count + own_count);
    made->is_nested = SL_NEW_ARRAY(generator->arena, bool, contract->column_count + 1);
    SL_TRY_NEW(raw, err);
    SL_TRY_NEW(made->is_nested, err);
    for (size_t i = 0; i < contract->column_count; i++) {
        raw[i] = (struct sl_column){contract->columns[i].source_name, "VARCHAR"};
        made->is_nested[i] = contract->columns[i].field_count > 0;
    }
    memcpy(raw + contract->column_count, own, sizeof own);
    made->columns = raw;
    made->column_count = contract->column_count;
    SL_TRY(sl_contract_compile(contract, raw, contract->column_count + own_count, generator->arena,
                               &diags, &made->pass, err));
    return diags.error_count ? sl_diags_fail(&diags, err) : SL_OK;
}

static bool is_at(const char *column, const char *path)
{
    size_t length = strlen(path);
    return column && strncmp(column, path, length) == 0 &&
           (!column[length] || column[length] == '.' || column[length] == '[');
}

static bool is_of(const struct generator *generator, const struct sl_generate_target *target,
                  const char *path)
{
    for (size_t k = 0; k < target->count; k++) {
        const char *column = generator->made->pass.rules[target->rules[k]].column;
        if (path ? is_at(column, path) : !column)
            return true;
    }
    return false;
}

// The targets with a rule of what is at the path or in it; NULL: with one over the row.
static void add_targets_of(const void *self, const char *path, struct sl_buf *sql)
{
    const struct generator *generator = self;
    sl_buf_add(sql, "\"~t\" in (-2");
    for (size_t i = 0; i < generator->made->target_count; i++)
        if (is_of(generator, &generator->made->targets[i], path))
            sl_buf_addf(sql, ", %zu", i);
    sl_buf_add(sql, ")");
}

// The targets that a column could have to do with: by its own rules, or by those over the row.
static void add_touches(const struct generator *generator, size_t column, struct sl_buf *sql)
{
    sl_buf_add(sql, "(");
    add_targets_of(generator, sl_contract_path(&generator->options->contract->columns[column]),
                   sql);
    // Good values alone may break a rule over the row, at the ends of ranges above all.
    sl_buf_addf(sql, " or (\"~i\" %% 2 = 0 and hash(\"~i\", %zu, 9) %% 4 = 0 and ", column);
    add_targets_of(generator, NULL, sql);
    sl_buf_add(sql, "))");
}

static int64_t count_open(const struct sl_generated *made)
{
    int64_t open = 0;
    for (size_t i = 0; i < made->target_count; i++)
        open += !made->targets[i].is_found;
    return open;
}

// `count` row numbers for every target that has no row yet.
static void add_open_targets(const struct sl_generated *made, int64_t first, int64_t count,
                             struct sl_buf *sql)
{
    const char *comma = "";
    sl_buf_add(sql, "range as \"~i\", list_extract([");
    for (size_t i = 0; i < made->target_count; i++)
        if (!made->targets[i].is_found) {
            sl_buf_addf(sql, "%s%zu", comma, i);
            comma = ", ";
        }
    sl_buf_addf(sql, "], 1 + (range - %lld) // %lld) as \"~t\" from range(%lld, %lld))",
                (long long)first, (long long)count, (long long)first,
                (long long)(first + count * count_open(made)));
}

// Rows first, first + 1, ...: of `good` ones, and of candidates for every target.
static int make_candidates(struct generator *generator, int64_t first, int64_t count, bool is_good,
                           struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_generated *made = generator->made;
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select ");
    for (size_t i = 0; i < made->column_count; i++) {
        const struct sl_sample *sample = &generator->samples[i];
        if (is_good) {
            sl_buf_add(&sql, sample->good);
        } else {
            sl_buf_add(&sql, "case when ");
            add_touches(generator, i, &sql);
            sl_buf_addf(&sql, " then %s else %s end", sample->odd, sample->good);
        }
        sl_buf_add(&sql, " as ");
        sl_buf_add_sql_name(&sql, made->columns[i].name);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "'generated' as _source, \"~i\" as _position, timestamptz '2024-01-01' as "
                     "_ingested_at, null::BLOB as _corrupt, \"~t\" from (select ");
    if (is_good)
        sl_buf_addf(&sql, "range as \"~i\", -1 as \"~t\" from range(%lld, %lld))", (long long)first,
                    (long long)(first + count));
    else
        add_open_targets(made, first, count, &sql);
    return exec(generator, &sql, err);
}

// --- what the pass says of them

static void add_broken(const struct sl_pass *pass, struct sl_buf *sql)
{
    sl_buf_add(sql, "coalesce(array_to_string([");
    for (size_t i = 0; i < pass->rule_count; i++)
        sl_buf_addf(sql, "%scase when %s then '%zu' end", i ? ", " : "", pass->rules[i].broken, i);
    sl_buf_add(sql, pass->rule_count ? "], ','), '')" : "null::VARCHAR], ','), '')");
}

static void add_wanted(const struct sl_generated *made, struct sl_buf *sql)
{
    sl_buf_add(sql, "case \"~t\" when -1 then ''");
    for (size_t i = 0; i < made->target_count; i++) {
        const struct sl_generate_target *target = &made->targets[i];
        if (target->count == 1)
            sl_buf_addf(sql, " when %zu then '%zu'", i, target->rules[0]);
        else
            sl_buf_addf(sql, " when %zu then '%zu,%zu'", i, target->rules[0], target->rules[1]);
    }
    sl_buf_add(sql, " end");
}

static void add_names(const struct sl_generated *made, struct sl_arena *arena, struct sl_buf *sql)
{
    sl_buf_add(sql, "case \"~t\" when -1 then ''");
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        sl_buf_addf(sql, " when %zu then ", i);
        sl_buf_add_sql_string(sql, name ? name : "");
    }
    sl_buf_add(sql, " end");
}

static void add_first_of(const char *const *columns, size_t count, bool is_null_free,
                         struct sl_buf *sql)
{
    sl_buf_add(sql, sql->length ? " and (" : "(");
    for (size_t i = 0; i < count && is_null_free; i++) {
        sl_buf_add_sql_name(sql, columns[i]);
        sl_buf_add(sql, " is null or ");
    }
    sl_buf_add(sql, "row_number() over (partition by ");
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, columns[i]);
    }
    sl_buf_add(sql, " order by _position) = 1)");
}

// Good rows with keys of their own, or the first row for each target.
static void add_choice(struct generator *generator, bool is_good, struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf choice = SL_BUF_INIT;
    if (!is_good)
        sl_buf_add(&choice, "row_number() over (partition by \"~t\" order by _position) = 1");
    if (is_good && pass->key_count)
        add_first_of(pass->key, pass->key_count, false, &choice);
    for (size_t i = 0; is_good && i < pass->unique_count; i++)
        add_first_of(pass->uniques[i].columns.items, pass->uniques[i].columns.count, true, &choice);
    if (choice.length)
        sl_buf_addf(sql, " qualify %s", choice.text);
    sql->has_failed |= choice.has_failed;
}

static int judge(struct generator *generator, bool is_good, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_generated *made = generator->made;
    const struct sl_pass *pass = &made->pass;
    sl_buf_addf(&sql, "%s",
                is_good ? "create or replace temp table \"~generated\" as "
                        : "insert into \"~generated\" ");
    sl_buf_addf(&sql,
                "select %s, \"~t\", case when \"~t\" < 0 then _position else "
                "1000000000000 + \"~t\" end as \"~order\", ",
                pass->received);
    add_names(made, generator->arena, &sql);
    sl_buf_add(&sql, " as \"~breaks\" from (select *, ");
    add_broken(pass, &sql);
    sl_buf_add(&sql, " as \"~broken\" from ");
    sl_pass_relation(pass, SL_PASS_ALL, "\"~candidates\"", "\"~t\" as \"~t\", ", &sql);
    sl_buf_add(&sql, ") where \"~broken\" = ");
    add_wanted(made, &sql);
    if (pass->filter)
        sl_buf_addf(&sql, " and not %s", pass->filter);
    add_choice(generator, is_good, &sql);
    if (is_good)
        sl_buf_addf(&sql, " order by _position limit %lld", (long long)generator->options->rows);
    return exec(generator, &sql, err);
}

static int count_rows(struct generator *generator, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(generator->session->kind->query(generator->session,
                                           "select count(*) from \"~generated\"", 1, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

static int too_few(const struct generator *generator, int64_t found, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_LIMIT,
                  "only %lld of %lld rows that break no rule of '%s' and have keys of their own "
                  "were found",
                  (long long)found, (long long)generator->options->rows,
                  generator->options->contract->name);
    return sl_err_hint(err, "%s",
                       generator->sample_notes ? generator->made->notes.items[0]
                                               : "ask for fewer with --rows");
}

// Ever more candidates until enough are good. Sixteen times as many without one row more: there
// are no more keys.
static int make_good(struct generator *generator, struct sl_err *err)
{
    int64_t wanted = generator->options->rows, count = wanted * 2 + 50, found = 0;
    int stalls = 0;
    for (int round = 0; round < ROUNDS && stalls < 2; round++, count *= 4) {
        int64_t before = found;
        SL_TRY(make_candidates(generator, 1, count, true, err));
        SL_TRY(judge(generator, true, err));
        SL_TRY(count_rows(generator, &found, err));
        if (found >= wanted || count > wanted * 1000 + 100000)
            break;
        stalls = found > 0 && found == before ? stalls + 1 : 0;
    }
    return found >= wanted ? SL_OK : too_few(generator, found, err);
}

static int mark_found(struct generator *generator, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(generator->session->kind->query(generator->session,
                                           "select \"~t\" from \"~generated\" where \"~t\" >= 0", 0,
                                           &result, err));
    for (int64_t i = 0; i < sl_result_rows(result); i++)
        generator->made->targets[sl_result_int(result, i, 0)].is_found = true;
    return SL_OK;
}

// What no row was found for is tried once more, harder.
static int make_bad(struct generator *generator, struct sl_err *err)
{
    int64_t first = generator->options->rows + 1, count = CANDIDATES;
    for (int round = 0; round < 2; round++) {
        int64_t open = count_open(generator->made);
        if (open == 0)
            return SL_OK;
        SL_TRY(make_candidates(generator, first, count, false, err));
        SL_TRY(judge(generator, false, err));
        SL_TRY(mark_found(generator, err));
        first += open * count;
        open = count_open(generator->made);
        count = open > 0 && MOST_CANDIDATES / open < 20 * CANDIDATES ? MOST_CANDIDATES / open
                                                                     : 20 * CANDIDATES;
    }
    return SL_OK;
}

// --- the rows that foreign keys point to

static int make_up(struct generator *generator, struct sl_generate_parents *parents, size_t index,
                   struct sl_err *err)
{
    const char *note = sl_arena_printf(
        generator->arena, "keys of %s are made up: the lake has none that rows could be made with",
        generator->made->pass.parents[index].rule->parent);
    SL_TRY_NEW(note, err);
    if (generator->options->project)
        SL_TRY(sl_strs_add(&generator->made->notes, generator->arena, note, err));
    SL_TRY(make_candidates(generator, 1, generator->options->rows * 4 + 100, true, err));
    return sl_generate_parent_of_rows(parents, index, err);
}

// Keys are compared as clean keeps them. Statements with the key go to the engine only.
static int give_key(struct generator *generator, struct sl_err *err)
{
    const struct sl_project *project = generator->options->project;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!project || !project->personal_key)
        return SL_OK;
    SL_TRY(sl_personal_key_sql(project->personal_key, &sql, err));
    return exec(generator, &sql, err);
}

static int make_parents(struct generator *generator, bool may_read, bool *ret_has_lake,
                        struct sl_err *err)
{
    const struct sl_pass *pass = &generator->made->pass;
    struct sl_generate_parents parents = {.session = generator->session,
                                          .options = generator->options,
                                          .pass = pass,
                                          .arena = generator->arena};
    size_t count = generator->made->column_count;
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
static int make_rows(struct generator *generator, struct sl_err *err)
{
    struct sl_err refusal = {0};
    size_t notes = generator->made->notes.count;
    bool has_lake;
    SL_TRY(give_key(generator, err));
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

int sl_generate(struct sl_session *session, const struct sl_generate_options *options,
                struct sl_arena *arena, struct sl_generated *ret, struct sl_err *err)
{
    struct generator generator = {
        .session = session, .options = options, .arena = arena, .made = ret};
    struct sl_sample *samples;
    *ret = (struct sl_generated){0};
    const struct sl_sample_options sampling = {.table = options->contract,
                                               .session = session,
                                               .seed = options->seed,
                                               .rows = options->rows,
                                               .add_touches = add_targets_of,
                                               .self = &generator};
    SL_TRY(compile(&generator, err));
    SL_TRY(sl_generate_enough_keys(options, &ret->pass, err));
    SL_TRY(choose_targets(&generator, err));
    SL_TRY(sl_contract_samples(&sampling, arena, &samples, &ret->notes, err));
    generator.own_samples = samples;
    generator.sample_notes = ret->notes.count;
    SL_TRY(make_rows(&generator, err));
    SL_TRY(make_bad(&generator, err));
    return count_rows(&generator, &ret->rows, err);
}
