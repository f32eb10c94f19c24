// Foreign keys that lead to the table itself. The keys that count are those the table will have
// when the range is in it, and a row that is rejected gives none: so of the rows that keep every
// other rule those are taken out whose parent is not among them, until none is left to take out.
// What stays is the largest set of rows in which each has its parent. It does not depend on the
// order in which rows came, and grows with them: no row of clean loses its parent by new ones.
// Which row wins a primary key does not matter to it, because such a foreign key leads to that key
// (spec/foreign_key.c sees to it).
#include "step/cleanse.h"
#include "step/schema.h"

#include <stdio.h>

bool sl_cleanse_is_kin(const struct sl_cleanse *cleanse, const struct sl_rule *rule)
{
    return sl_str_equal(rule->parent, cleanse->clean.name);
}

static const struct sl_pass_rule *pass_rule(const struct sl_pass *pass, const struct sl_rule *rule)
{
    for (size_t i = 0; i < pass->rule_count; i++)
        if (pass->rules[i].rule == rule)
            return &pass->rules[i];
    return NULL;
}

// Orphans of other ones come into clean all the same.
static bool rejects(const struct sl_pass *pass, const struct sl_rule *rule)
{
    const struct sl_pass_rule *compiled = pass_rule(pass, rule);
    return compiled && !compiled->is_warning && !compiled->is_value;
}

static bool is_kin(const struct sl_cleanse *cleanse, size_t index)
{
    return sl_cleanse_is_kin(cleanse, cleanse->pass.parents[index].rule);
}

static bool has_kin(const struct sl_cleanse *cleanse)
{
    for (size_t i = 0; i < cleanse->pass.parent_count; i++)
        if (is_kin(cleanse, i))
            return true;
    return false;
}

static int count(struct sl_cleanse *cleanse, const char *sql, int64_t *ret, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(session->kind->query(session, sql, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// --- The rows that may stay

// The relation of a parent, without a row: then a row is an orphan if its key leads anywhere.
static int create_empty(struct sl_cleanse *cleanse, size_t index, const char *relation,
                        struct sl_err *err)
{
    const struct sl_pass_parent *parent = &cleanse->pass.parents[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "create or replace temp table %s as select ", relation);
    for (size_t i = 0; i < parent->rule->to.count; i++) {
        sl_buf_addf(&sql, "%scast(null as %s) as ", i ? ", " : "", parent->types[i]);
        sl_buf_add_sql_name(&sql, parent->rule->to.items[i]);
    }
    sl_buf_add(&sql, " where false");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// t0_0, ...: what the row is found by; f0_0, ...: what it looks for; a0: whether it looks at all.
static void add_kin_columns(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    const struct sl_pass *pass = &cleanse->pass;
    for (size_t i = 0; i < pass->parent_count; i++) {
        const struct sl_rule *rule = pass->parents[i].rule;
        if (!is_kin(cleanse, i))
            continue;
        for (size_t k = 0; k < rule->to.count; k++) {
            sl_pass_kept(pass, rule->to.items[k], sql);
            sl_buf_addf(sql, " as t%zu_%zu, ", i, k);
            sl_pass_kept(pass, rule->columns.items[k], sql);
            sl_buf_addf(sql, " as f%zu_%zu, ", i, k);
        }
        sl_buf_addf(sql, "coalesce(\"~p%zu\", false) as a%zu, ", i, i);
    }
}

static void add_candidates(const struct sl_cleanse *cleanse, const char *rows, struct sl_buf *sql)
{
    const struct sl_pass *pass = &cleanse->pass;
    sl_buf_add(sql, "select ");
    add_kin_columns(cleanse, sql);
    sl_buf_add(sql, "null as nothing from ");
    sl_pass_relation(pass, SL_PASS_FLAGGED, rows, NULL, sql);
    sl_buf_addf(sql, " where \"~corrupt\" is null and not %s and not (false",
                pass->filter ? pass->filter : "false");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        bool is_own = rule->rule && rule->rule->parent && sl_cleanse_is_kin(cleanse, rule->rule);
        if (!rule->is_warning && !rule->is_value && !is_own)
            sl_buf_addf(sql, " or coalesce(%s, false)", rule->flagged);
    }
    sl_buf_add(sql, ")");
}

// --- The largest set

static int create_keys(struct sl_cleanse *cleanse, size_t index, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    const struct sl_pass_parent *parent = &pass->parents[index];
    const struct sl_strs *to = &parent->rule->to;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "create or replace temp table %s as select distinct * from (select ",
                parent->relation);
    for (size_t k = 0; k < to->count; k++) {
        const struct sl_column *column =
            sl_column_find(pass->columns, pass->column_count, to->items[k]);
        const struct sl_key_column key = {
            .expression = sl_arena_printf(cleanse->context->arena, "t%zu_%zu", index, k),
            .type = column ? column->type : "",
            .wanted = parent->types[k],
            .name = to->items[k],
        };
        SL_TRY_NEW(key.expression, err);
        sl_buf_add(&sql, k ? ", " : "");
        sl_cleanse_add_key(&key, &sql);
    }
    sl_buf_add(&sql, " from _kin) where ");
    sl_cleanse_names_and(to, " is not null", &sql);
    return sl_cleanse_exec(cleanse, &sql, err);
}

// " and (f0_0) not in (select ("id") from _parent0)"
static void add_not_in(const struct sl_pass_parent *parent, size_t index, const char *relation,
                       struct sl_buf *sql)
{
    sl_buf_add(sql, " and (");
    for (size_t k = 0; k < parent->rule->to.count; k++)
        sl_buf_addf(sql, "%sf%zu_%zu", k ? ", " : "", index, k);
    sl_buf_add(sql, ") not in (select (");
    sl_cleanse_names("", parent->rule->to.items, parent->rule->to.count, sql);
    sl_buf_addf(sql, ") from %s)", relation);
}

static int take_orphans_out(struct sl_cleanse *cleanse, int64_t *ret, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    char base[32];
    sl_buf_add(&sql, "delete from _kin where false");
    for (size_t i = 0; i < pass->parent_count; i++) {
        if (!is_kin(cleanse, i) || !rejects(pass, pass->parents[i].rule))
            continue;
        snprintf(base, sizeof base, "_base%zu", i);
        sl_buf_addf(&sql, " or (a%zu", i);
        add_not_in(&pass->parents[i], i, pass->parents[i].relation, &sql);
        add_not_in(&pass->parents[i], i, base, &sql);
        sl_buf_add(&sql, ")");
    }
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, ret, err);
}

static int settle(struct sl_cleanse *cleanse, struct sl_err *err)
{
    int64_t orphans;
    do {
        for (size_t i = 0; i < cleanse->pass.parent_count; i++)
            if (is_kin(cleanse, i))
                SL_TRY(create_keys(cleanse, i, err));
        SL_TRY(take_orphans_out(cleanse, &orphans, err));
    } while (orphans > 0);
    return SL_OK;
}

static int add_base(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (size_t i = 0; i < cleanse->pass.parent_count; i++)
        if (is_kin(cleanse, i))
            sl_buf_addf(&sql, "insert into %s select * from _base%zu; ",
                        cleanse->pass.parents[i].relation, i);
    return sl_cleanse_exec(cleanse, &sql, err);
}

// --- Where it begins

// _base0: the keys that clean has already; none if it is built anew.
static int create_base(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_step_context *context = cleanse->context;
    struct sl_delta_snapshot clean;
    char relation[32];
    if (!cleanse->range.is_full)
        SL_TRY(sl_delta_load(cleanse->clean.folder, cleanse->clean.head.version, context->session,
                             context->arena, &clean, err));
    for (size_t i = 0; i < pass->parent_count; i++) {
        if (!is_kin(cleanse, i))
            continue;
        snprintf(relation, sizeof relation, "_base%zu", i);
        if (cleanse->range.is_full)
            SL_TRY(create_empty(cleanse, i, relation, err));
        else
            SL_TRY(sl_cleanse_create_keys(cleanse, &pass->parents[i], &clean, relation, err));
    }
    return SL_OK;
}

// _waiting: origin of the rows of quarantine that lack a parent in the table, and the rule.
static int find_waiting(struct sl_cleanse *cleanse, int64_t *ret, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_step_context *context = cleanse->context;
    struct sl_delta_snapshot quarantine;
    struct sl_scan scan;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(sl_delta_load(cleanse->quarantine.folder, cleanse->quarantine.head.version,
                         context->session, context->arena, &quarantine, err));
    SL_TRY(sl_delta_scan(&quarantine, context->arena, &scan, err));
    sl_buf_add(&sql, "create or replace temp table _waiting as select * from (select _source, "
                     "_position, unnest(list_transform(reasons, lambda r: r.\"rule\")) as \"rule\" "
                     "from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    sl_buf_add(&sql, ") where \"rule\" in (");
    for (size_t i = 0, listed = 0; i < pass->parent_count; i++) {
        if (!is_kin(cleanse, i))
            continue;
        sl_buf_add(&sql, listed++ ? ", " : "");
        sl_buf_add_sql_string(&sql, pass->parents[i].rule->id);
    }
    sl_buf_add(&sql, ")");
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    return count(cleanse, "select count(*) from _waiting", ret, err);
}

// _waited: those rows as raw has them.
static int receive_waiting(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                           struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    struct sl_scan scan;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(sl_delta_scan(raw, context->arena, &scan, err));
    scan.with_origin = true;
    sl_buf_add(&sql, "create or replace temp table _waited as select * from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    sl_buf_add(&sql, " where (_source, _position) in (select (_source, _position) from _waiting)");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Of those rows the ones of which a parent is there now, whether they break other rules or not:
// quarantine tells of each rule that a row breaks.
static int count_found(struct sl_cleanse *cleanse, int64_t *ret, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select count(*) from ");
    sl_pass_relation(pass, SL_PASS_FLAGGED, "_waited", NULL, &sql);
    sl_buf_add(&sql, " where false");
    for (size_t i = 0; i < pass->parent_count; i++) {
        const struct sl_pass_parent *parent = &pass->parents[i];
        if (!is_kin(cleanse, i))
            continue;
        sl_buf_add(&sql, " or ((_source, _position) in (select (_source, _position) from _waiting "
                         "where \"rule\" = ");
        sl_buf_add_sql_string(&sql, parent->rule->id);
        sl_buf_addf(&sql, ") and not coalesce(\"~p%zu\", false))", i);
    }
    SL_TRY(sl_buf_check(&sql, err));
    return count(cleanse, sql.text, ret, err);
}

// The rows, and those of _waited.
static int judge(struct sl_cleanse *cleanse, const char *rows, bool with_waited, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (size_t i = 0; i < cleanse->pass.parent_count; i++)
        if (is_kin(cleanse, i))
            SL_TRY(create_empty(cleanse, i, cleanse->pass.parents[i].relation, err));
    sl_buf_add(&sql, "create or replace temp table _kin as ");
    add_candidates(cleanse, rows, &sql);
    if (with_waited) {
        sl_buf_add(&sql, " union all ");
        add_candidates(cleanse, "_waited", &sql);
    }
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    SL_TRY(settle(cleanse, err));
    return add_base(cleanse, err);
}

static bool reads_again(const struct sl_contract_change *change)
{
    return change->all_rejected || change->rules.count || change->unproven.count;
}

// What is read again could be the parent of rows that are not.
static int open_replay(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    int64_t waiting = 0;
    for (size_t i = 0; i < cleanse->pass.parent_count; i++)
        if (is_kin(cleanse, i))
            SL_TRY(create_empty(cleanse, i, cleanse->pass.parents[i].relation, err));
    if (!cleanse->range.is_resumed && reads_again(&cleanse->change))
        SL_TRY(find_waiting(cleanse, &waiting, err));
    if (!waiting)
        return add_base(cleanse, err);
    *ret_why = sl_arena_printf(cleanse->context->arena, "%s, and rows wait for others of the table",
                               cleanse->range.cause);
    return *ret_why ? SL_OK : sl_fail_memory(err);
}

int sl_cleanse_open_kin(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                        const char *rows, const char **ret_why, struct sl_err *err)
{
    const struct sl_cleanse_range *range = &cleanse->range;
    int64_t waiting = 0;
    char number[32];
    if (!has_kin(cleanse))
        return SL_OK;
    SL_TRY(create_base(cleanse, err));
    if (range->is_replay)
        return open_replay(cleanse, ret_why, err);
    // The range of a run that was killed was chosen when none of them had its parent.
    if (!range->is_full && !range->is_resumed)
        SL_TRY(find_waiting(cleanse, &waiting, err));
    if (waiting)
        SL_TRY(receive_waiting(cleanse, raw, err));
    SL_TRY(judge(cleanse, rows, waiting > 0, err));
    if (waiting)
        SL_TRY(count_found(cleanse, &waiting, err));
    if (!waiting)
        return SL_OK;
    *ret_why =
        sl_arena_printf(cleanse->context->arena, "the parent%s of %s row%s in quarantine %s come",
                        waiting == 1 ? "" : "s", sl_str_count(waiting, number),
                        waiting == 1 ? "" : "s", waiting == 1 ? "has" : "have");
    return *ret_why ? SL_OK : sl_fail_memory(err);
}

int sl_cleanse_judge_kin(struct sl_cleanse *cleanse, const char *rows, struct sl_err *err)
{
    if (!has_kin(cleanse))
        return SL_OK;
    return judge(cleanse, rows, false, err);
}
