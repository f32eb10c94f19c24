// Rows that break rules: candidates, and what the pass says of them.
#include "run/generate_job.h"

#include <string.h>

#define CANDIDATES 400 // for a row that breaks what is asked for
#define FROM_POOLS 24  // where most are right
#define FEWEST_CANDIDATES 40
#define MOST_CANDIDATES 300000
#define MOST_FOR_PAIRS 80000 // most were put together
#define MOST_AT_ONCE 40000
#define SINGLES 3
#define TARGETS_LISTED 2000 // in one statement

// --- which rules are where

static bool is_at(const char *column, const char *path)
{
    size_t length = strlen(path);
    return column && strncmp(column, path, length) == 0 &&
           (!column[length] || column[length] == '.' || column[length] == '[');
}

static bool is_alias_rule(const struct sl_pass_rule *rule)
{
    return rule->kind && sl_str_equal(rule->kind, "alias");
}

// The value of another name is what breaks an alias, so the column keeps a good one.
void sl_generate_add_rules_at(const struct sl_generator *generator, const char *path,
                              struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    sl_buf_add(sql, "(-2");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        if (path ? is_at(rule->column, path) && !is_alias_rule(rule) : !rule->column)
            sl_buf_addf(sql, ", %zu", i);
    }
    sl_buf_add(sql, ")");
}

void sl_generate_add_rules_of_alias(const struct sl_generator *generator,
                                    const struct sl_generate_alias *alias, struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    const struct sl_contract_column *column = &generator->options->contract->columns[alias->column];
    sl_buf_add(sql, "(-2");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        bool is_own = is_alias_rule(rule) && sl_str_equal(rule->column, sl_contract_path(column));
        if (is_own || (!rule->kind && rule->column && sl_str_equal(rule->column, alias->name)))
            sl_buf_addf(sql, ", %zu", i);
    }
    sl_buf_add(sql, ")");
}

static void add_one_of(const struct sl_buf *rules, struct sl_buf *sql)
{
    // The engine makes a join of each IN with more than a few constants.
    int length = rules->has_failed ? 0 : (int)rules->length - 2;
    const char *list = rules->has_failed ? "" : rules->text + 1;
    sl_buf_addf(sql, "(list_contains([%.*s], \"~a\") or list_contains([%.*s], \"~b\"))", length,
                list, length, list);
    sql->has_failed |= rules->has_failed;
}

void sl_generate_add_touches(const void *self, const char *path, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    sl_generate_add_rules_at(self, path, &rules);
    add_one_of(&rules, sql);
}

// The targets that a column could have to do with: by its own rules, or by those over the row.
static void add_touches(const struct sl_generator *generator, size_t column, struct sl_buf *sql)
{
    sl_buf_add(sql, "(");
    sl_generate_add_touches(generator,
                            sl_contract_path(&generator->options->contract->columns[column]), sql);
    // Good values alone may break a rule over the row, at the ends of ranges above all.
    sl_buf_addf(sql, " or (\"~i\" %% 2 = 0 and hash(\"~i\", %zu, 9) %% 4 = 0 and ", column);
    sl_generate_add_touches(generator, NULL, sql);
    sl_buf_add(sql, "))");
}

// --- what is looked for

static void add_rule(size_t index, bool is_there, const struct sl_pass *pass, struct sl_buf *sql)
{
    if (is_there && index < pass->rule_count)
        sl_buf_addf(sql, ", %zu", index);
    else
        sl_buf_add(sql, ", -1");
}

static int add_target(struct sl_generator *generator, const struct sl_generate_target *target,
                      size_t index, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_pass *pass = &generator->made->pass;
    const char *name = sl_generate_name(generator->made, target, generator->arena), *comma = "";
    SL_TRY_NEW(name, err);
    sl_buf_addf(sql, "(%zu", index);
    add_rule(target->rules[0], true, pass, sql);
    add_rule(target->rules[1], target->count == 2, pass, sql);
    sl_buf_add(sql, ", '");
    for (size_t k = 0; k < target->count; k++)
        if (!sl_generate_is_unique(generator->made, target->rules[k])) {
            sl_buf_addf(sql, "%s%zu", comma, target->rules[k]);
            comma = ",";
        }
    sl_buf_add(sql, "', ");
    sl_buf_add_sql_string(sql, name);
    sl_buf_add(sql, ")");
    return SL_OK;
}

int sl_generate_list_targets(struct sl_generator *generator,
                             const struct sl_generate_search *search, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~targets\"(\"~g\" BIGINT, \"~a\" BIGINT, "
                     "\"~b\" BIGINT, \"~wanted\" VARCHAR, \"~name\" VARCHAR)");
    SL_TRY(sl_generate_exec(generator, &sql, err));
    for (size_t from = 0; from < search->count; from += TARGETS_LISTED) {
        sl_buf_reset(&sql);
        sl_buf_add(&sql, "insert into \"~targets\" values ");
        for (size_t i = from; i < search->count && i < from + TARGETS_LISTED; i++) {
            sl_buf_add(&sql, i > from ? ", " : "");
            SL_TRY(add_target(generator, &search->targets[i], i, &sql, err));
        }
        SL_TRY(sl_generate_exec(generator, &sql, err));
    }
    return SL_OK;
}

static bool is_for_step(const struct sl_generator *generator,
                        const struct sl_generate_target *target)
{
    return sl_generate_is_unique(generator->made, target->rules[target->count - 1]);
}

static bool is_open(const struct sl_generator *generator, const struct sl_generate_search *search,
                    size_t index)
{
    const struct sl_generate_target *target = &search->targets[index];
    return !target->is_found && !target->is_impossible && !is_for_step(generator, target);
}

int sl_generate_open(struct sl_generator *generator, const struct sl_generate_search *search,
                     size_t from, size_t to, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *comma = "";
    sl_buf_add(&sql, "create or replace temp table \"~open\" as select row_number() over (order by "
                     "\"~g\") - 1 as \"~k\", * from \"~targets\" where \"~g\" in (");
    for (size_t i = from; i < to; i++)
        if (is_open(generator, search, i)) {
            sl_buf_addf(&sql, "%s%zu", comma, i);
            comma = ", ";
        }
    sl_buf_addf(&sql, "%s)", *comma ? "" : "-1");
    return sl_generate_exec(generator, &sql, err);
}

// --- candidates

void sl_generate_add_own(const struct sl_generator *generator, const char *position,
                         struct sl_buf *sql)
{
    sl_buf_addf(sql,
                ", 'generated' as _source, %s as _position, to_timestamp(%lld) as _ingested_at, "
                "null::BLOB as _corrupt",
                position, (long long)(generator->ingested_us / 1000000));
}

static void add_alias(const struct sl_generator *generator, size_t index, bool is_good,
                      struct sl_buf *sql)
{
    const struct sl_generate_alias *alias = &generator->aliases[index];
    const struct sl_sample *other = &generator->other_samples[alias->column];
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    if (is_good) {
        sl_buf_add(sql, "null::VARCHAR");
        return;
    }
    sl_generate_add_rules_of_alias(generator, alias, &rules);
    sl_buf_add(sql, "case when ");
    add_one_of(&rules, sql);
    sl_buf_addf(sql, " then case when hash(\"~i\", %zu, 61) %% 2 = 0 then %s else %s end end",
                index, other->good, other->odd);
}

// Of a key, or of values that must not come twice.
static bool is_distinct(const struct sl_generator *generator, size_t index)
{
    const struct sl_pass *pass = &generator->made->pass;
    const char *name = generator->options->contract->columns[index].name;
    bool is = false;
    for (size_t i = 0; i < pass->key_count; i++)
        is |= sl_str_equal(pass->key[i], name);
    for (size_t i = 0; i < pass->unique_count; i++)
        is |= sl_strs_has(&pass->uniques[i].columns, name);
    return is;
}

int sl_generate_base(struct sl_generator *generator, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    generator->base_rows = generator->pools ? generator->options->rows : 0;
    sl_buf_add(&sql, "create or replace temp table \"~base\" as select row_number() over (order by "
                     "\"~order\") - 1 as \"~row\", * from \"~generated\" where \"~t\" < 0");
    return sl_generate_exec(generator, &sql, err);
}

// Columns beside each other in a rule that is to be broken do not keep the values of a good row.
static void add_beside(const struct sl_generator *generator, size_t index, struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    const char *name = generator->options->contract->columns[index].name;
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    for (size_t i = 0; i < pass->rule_count && generator->base_rows; i++) {
        const struct sl_rule *rule = pass->rules[i].rule;
        bool is_many = rule && rule->columns.count > 1 && sl_strs_has(&rule->columns, name);
        bool is_said = rule && !pass->rules[i].column && rule->text && strstr(rule->text, name);
        if (is_many || is_said)
            sl_buf_addf(&rules, "%s%zu", rules.length ? ", " : "(", i);
    }
    if (!rules.length)
        return;
    sl_buf_add(&rules, ")");
    sl_buf_add(sql, " when ");
    add_one_of(&rules, sql);
    sl_buf_addf(sql, " and hash(\"~i\", 43) %% 2 = 0 then %s", generator->samples[index].good);
}

static void add_column(const struct sl_generator *generator, size_t index, bool is_good,
                       struct sl_buf *sql)
{
    size_t own = generator->options->contract->column_count;
    if (index >= own) {
        add_alias(generator, index - own, is_good, sql);
    } else if (is_good) {
        sl_buf_add(sql, generator->samples[index].good);
    } else {
        sl_buf_add(sql, "case when ");
        add_touches(generator, index, sql);
        sl_buf_addf(sql, " then %s", generator->samples[index].odd);
        add_beside(generator, index, sql);
        sl_buf_add(sql, " else ");
        if (generator->base_rows && !is_distinct(generator, index)) {
            sl_buf_add(sql, "b.");
            sl_buf_add_sql_name(sql, generator->made->columns[index].name);
        } else {
            sl_buf_add(sql, generator->samples[index].good);
        }
        sl_buf_add(sql, " end");
    }
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, generator->made->columns[index].name);
}

// Tables of their own: joined in one statement the engine might copy the pools for every row.
static int number_rows(struct sl_generator *generator, int64_t first, int64_t count, bool is_good,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~rows\" as select ");
    if (is_good)
        sl_buf_addf(&sql, "range as \"~i\", -1 as \"~g\", '' as \"~wanted\" from range(%lld, %lld)",
                    (long long)first, (long long)(first + count));
    else
        sl_buf_addf(&sql,
                    "n.range + %lld as \"~i\", o.* from range(%lld * (select count(*) from "
                    "\"~open\")) n join \"~open\" o on o.\"~k\" = n.range // %lld",
                    (long long)first, (long long)count, (long long)count);
    SL_TRY(sl_generate_exec(generator, &sql, err));
    if (is_good || !generator->pools)
        return SL_OK;
    sl_buf_reset(&sql);
    sl_buf_addf(
        &sql,
        "create or replace temp table \"~rows\" as select r.*, coalesce(z.l, x.l) as "
        "\"~la\", case when z.l is null then x.v else z.v end as \"~va\", y.l as \"~lb\", "
        "y.v as \"~vb\" from (select *, hash(\"~i\", 71) %% %d as n from \"~rows\") r left "
        "join \"~odds\" x on x.k = cast(\"~a\" as VARCHAR) and x.n = r.n left join "
        "\"~odds\" y on y.k = cast(\"~b\" as VARCHAR) and y.n = r.n left join \"~odds\" z on "
        "z.k = \"~a\" || ',' || \"~b\" and z.n = r.n",
        SL_GENERATE_ODDS);
    return sl_generate_exec(generator, &sql, err);
}

// "~g3", the list of a leaf; "~g" is the number of a target.
static bool uses_pools(const char *sql)
{
    while ((sql = strstr(sql, "\"~g"))) {
        sql += 3;
        if (*sql >= '0' && *sql <= '9')
            return true;
    }
    return false;
}

int sl_generate_candidates(struct sl_generator *generator, int64_t first, int64_t count,
                           bool is_good, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(number_rows(generator, first, count, is_good, err));
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select ");
    for (size_t i = 0; i < generator->made->column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        add_column(generator, i, is_good, &sql);
    }
    sl_generate_add_own(generator, "\"~i\"", &sql);
    sl_buf_add(&sql, ", \"~g\" as \"~t\", \"~wanted\" from \"~rows\"");
    if (!is_good && generator->base_rows)
        sl_buf_addf(&sql, " join \"~base\" b on b.\"~row\" = hash(\"~i\", 41) %% %lld",
                    (long long)generator->base_rows);
    // Lists beside a row of another table are copied for every row: only where they are needed.
    if (sql.text && uses_pools(sql.text))
        sl_buf_add(&sql, ", \"~pools\"");
    return sl_generate_exec(generator, &sql, err);
}

// --- what the pass says of them

static void add_broken(const struct sl_pass *pass, struct sl_buf *sql)
{
    sl_buf_add(sql, "coalesce(array_to_string([");
    for (size_t i = 0; i < pass->rule_count; i++)
        sl_buf_addf(sql, "%scase when %s then '%zu' end", i ? ", " : "", pass->rules[i].broken, i);
    sl_buf_add(sql, pass->rule_count ? "], ','), '')" : "null::VARCHAR], ','), '')");
}

void sl_generate_add_judged(const struct sl_generator *generator, const char *raw,
                            struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    sl_buf_add(sql, "(select *, ");
    add_broken(pass, sql);
    sl_buf_add(sql, " as \"~broken\" from ");
    sl_pass_relation(pass, SL_PASS_ALL, raw, "\"~t\" as \"~t\", \"~wanted\" as \"~wanted\", ", sql);
    if (pass->filter)
        sl_buf_addf(sql, " where not %s", pass->filter);
    sl_buf_add(sql, ")");
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
static void add_choice(const struct sl_pass *pass, bool is_good, struct sl_buf *sql)
{
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

int sl_generate_judge(struct sl_generator *generator, bool is_good, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_pass *pass = &generator->made->pass;
    sl_buf_add(&sql, is_good ? "create or replace temp table \"~generated\" as "
                             : "insert into \"~generated\" ");
    sl_buf_addf(&sql,
                "select %s, \"~t\", case when \"~t\" < 0 then _position else "
                "1000000000000 + \"~t\" end as \"~order\", %s as \"~breaks\" from ",
                pass->received,
                is_good ? "''"
                        : "(select g.\"~name\" from \"~targets\" g where g.\"~g\" = \"~t\")");
    sl_generate_add_judged(generator, "\"~candidates\"", &sql);
    sl_buf_add(&sql, " where \"~broken\" = \"~wanted\"");
    add_choice(pass, is_good, &sql);
    if (is_good)
        sl_buf_addf(&sql, " order by _position limit %lld", (long long)generator->options->rows);
    return sl_generate_exec(generator, &sql, err);
}

// Several rows for each rule, of which pairs are put together.
static int judge_singles(struct sl_generator *generator, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "insert into \"~singles\" by name select * exclude (_source, _position, "
                "_ingested_at, _corrupt) from (select %s, \"~t\" as \"~rule\", row_number() over "
                "(partition by \"~t\" order by _position) - 1 as \"~n\" from ",
                generator->made->pass.received);
    sl_generate_add_judged(generator, "\"~candidates\"", &sql);
    sl_buf_addf(&sql,
                " where \"~broken\" = \"~wanted\" qualify row_number() over (partition by \"~t\" "
                "order by _position) <= %d)",
                SINGLES);
    return sl_generate_exec(generator, &sql, err);
}

int sl_generate_keep(struct sl_generator *generator, const struct sl_generate_search *search,
                     struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(search->is_single ? judge_singles(generator, err)
                             : sl_generate_judge(generator, false, err));
    const char *sql = search->is_single ? "select distinct \"~rule\" from \"~singles\""
                                        : "select \"~t\" from \"~generated\" where \"~t\" >= 0";
    SL_TRY(generator->session->kind->query(generator->session, sql, 0, &result, err));
    for (int64_t i = 0; i < sl_result_rows(result); i++)
        search->targets[sl_result_int(result, i, 0)].is_found = true;
    return SL_OK;
}

// --- trying

static int64_t count_open(const struct sl_generator *generator,
                          const struct sl_generate_search *search, size_t from, size_t to)
{
    int64_t open = 0;
    for (size_t i = from; i < to; i++)
        open += is_open(generator, search, i);
    return open;
}

void sl_generate_tell(const struct sl_generator *generator, size_t tried, size_t count)
{
    const struct sl_generated *made = generator->made;
    size_t found = 0;
    for (size_t i = 0; i < made->target_count; i++)
        found += made->targets[i].is_found;
    if (generator->options->tell)
        generator->options->tell(generator->options->tell_self, tried, count, found);
}

// As many targets at a time as the candidates allow.
static int try_all(struct sl_generator *generator, const struct sl_generate_search *search,
                   int64_t count, int64_t *first, struct sl_err *err)
{
    size_t tried = 0, all = (size_t)count_open(generator, search, 0, search->count);
    int64_t most = MOST_AT_ONCE / count > 0 ? MOST_AT_ONCE / count : 1;
    for (size_t from = 0, to = 0; from < search->count; from = to) {
        int64_t open = 0;
        while (to < search->count && open < most)
            open += is_open(generator, search, to++);
        if (open == 0)
            continue;
        SL_TRY(sl_generate_open(generator, search, from, to, err));
        SL_TRY(sl_generate_candidates(generator, *first, count, false, err));
        SL_TRY(sl_generate_keep(generator, search, err));
        *first += open * count;
        tried += (size_t)open;
        if (!search->is_single && to < search->count)
            sl_generate_tell(generator, tried, all);
    }
    return SL_OK;
}

// What no row was found for is tried once more, harder.
int sl_generate_try(struct sl_generator *generator, const struct sl_generate_search *search,
                    int64_t *first, struct sl_err *err)
{
    bool is_left = !search->is_single && generator->options->breaking == SL_BREAK_PAIRS;
    int64_t count = CANDIDATES, budget = is_left ? MOST_FOR_PAIRS : MOST_CANDIDATES;
    if (generator->pools)
        SL_TRY(try_all(generator, search, FROM_POOLS, first, err));
    for (int round = 0; round < 2; round++) {
        int64_t open = count_open(generator, search, 0, search->count);
        if (open == 0)
            return SL_OK;
        int64_t most = budget / open;
        if (round == 0 && most < CANDIDATES)
            count = most > FEWEST_CANDIDATES ? most : FEWEST_CANDIDATES;
        else if (round == 1 && most <= count)
            return SL_OK; // nothing harder
        else if (round == 1)
            count = most < 20 * CANDIDATES ? most : 20 * CANDIDATES;
        SL_TRY(try_all(generator, search, count, first, err));
    }
    return SL_OK;
}
