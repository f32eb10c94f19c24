// Replay: the rows of quarantine that a changed contract may accept are read again from raw, and
// nothing else. The result is what reading all of raw again would give.
#include "base/diag.h"
#include "plan/plan.h"
#include "step/cleanse.h"
#include "step/schema.h"

// They decide no row, and so are no part of the state; a rollback follows them.
static int describe_classified(const struct sl_contract_table *contract, json_t **ret,
                               struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *classified = json_object();
    SL_TRY_NEW(classified, err);
    for (size_t i = 0; i < contract->column_count; i++) {
        const char *name = sl_personal_classification(&contract->columns[i]);
        if (sl_personal_is_sensitive(name) &&
            json_object_set_new(classified, contract->columns[i].name, json_string(name)) != 0)
            return sl_fail_memory(err);
    }
    *ret = classified;
    classified = NULL;
    return SL_OK;
}

static int describe_contract(const struct sl_cleanse *cleanse, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *classified = NULL;
    json_t *contract = NULL;
    SL_TRY(describe_classified(cleanse->contract, &classified, err));
    SL_TRY(sl_contract_state(cleanse->contract, cleanse->context->arena, &contract, err));
    *ret = json_pack("{s:s, s:o}", "compiler", SL_CONTRACT_COMPILER_VERSION, "contract", contract);
    if (*ret && json_object_size(classified) &&
        json_object_set(*ret, "classified", classified) != 0) {
        json_decref(*ret);
        *ret = NULL;
    }
    return *ret ? SL_OK : sl_fail_memory(err);
}

int sl_cleanse_keep_contract(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *contract = NULL;
    SL_TRY(describe_contract(cleanse, &contract, err));
    return sl_step_keep_code(cleanse->context, cleanse->fingerprint, contract, err);
}

static void add_expressions(const struct sl_rule *rules, size_t count, struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule_form *form = sl_rule_form_find(rules[i].kind);
        if (form && form->has_sql)
            sl_buf_addf(sql, " and (%s\n)", rules[i].text);
        if (rules[i].where)
            sl_buf_addf(sql, " and (%s\n)", rules[i].where);
    }
}

static void add_columns(const struct sl_contract_column *columns, size_t count, struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        add_expressions(columns[i].rules, columns[i].rule_count, sql);
        add_columns(columns[i].fields, columns[i].field_count, sql);
    }
}

int sl_cleanse_find_volatile(const struct sl_cleanse *cleanse, const char **ret, struct sl_err *err)
{
    const struct sl_contract_table *contract = cleanse->contract;
    struct sl_session *session = cleanse->context->session;
    struct sl_arena *arena = cleanse->context->arena;
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_query query;
    const char *text, *ast;
    sl_buf_addf(&sql, "select 1 from raw where (%s\n)",
                contract->filter ? contract->filter : "true");
    add_expressions(contract->rules, contract->rule_count, &sql);
    add_columns(contract->columns, contract->column_count, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    text = sql.text;
    SL_TRY(session->kind->parse(session, &text, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, text, "", 1, 1, arena, &diags, &query, err));
    *ret = diags.error_count ? "it cannot be read" : query.is_volatile ? query.why_volatile : NULL;
    return SL_OK;
}

static bool has_aliases(const json_t *state)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(state, "columns"), i, column)
        if (json_object_get(column, "aliases"))
            return true;
    return false;
}

// A name under which nothing has come yet changes nothing.
static int forget_names(const struct sl_cleanse *cleanse, json_t *before, json_t *now,
                        struct sl_err *err)
{
    const struct sl_step_context *context = cleanse->context;
    struct sl_delta_snapshot raw;
    if (!has_aliases(before) && !has_aliases(now))
        return SL_OK;
    SL_TRY(sl_delta_load(cleanse->raw.folder, cleanse->raw.head.version, context->session,
                         context->arena, &raw, err));
    sl_contract_state_forget(before, raw.columns, raw.column_count);
    sl_contract_state_forget(now, raw.columns, raw.column_count);
    return SL_OK;
}

int sl_cleanse_decide_replay(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *before = NULL;
    SL_AUTO(sl_json_free) json_t *now = NULL;
    struct sl_arena *arena = cleanse->context->arena;
    SL_TRY(sl_step_find_code(cleanse->context, cleanse->clean.record.fingerprint, &before, err));
    SL_TRY(describe_contract(cleanse, &now, err));
    if (!before ||
        !json_equal(json_object_get(before, "compiler"), json_object_get(now, "compiler"))) {
        *ret_why = "contract changed";
        return SL_OK;
    }
    SL_TRY(forget_names(cleanse, json_object_get(before, "contract"),
                        json_object_get(now, "contract"), err));
    SL_TRY(sl_contract_compare(json_object_get(before, "contract"),
                               json_object_get(now, "contract"), arena, &cleanse->change, err));
    if (!cleanse->change.why_all)
        SL_TRY(sl_cleanse_find_volatile(cleanse, &cleanse->change.why_all, err));
    if (cleanse->change.why_all) {
        *ret_why = sl_arena_printf(arena, "contract changed: %s", cleanse->change.why_all);
        return *ret_why ? SL_OK : sl_fail_memory(err);
    }
    SL_TRY(sl_cleanse_pin_built(cleanse, ret_why, err));
    if (*ret_why)
        return SL_OK;
    cleanse->range = (struct sl_cleanse_range){
        .cause = "contract changed",
        .from =
            sl_record_input(&cleanse->clean.record, cleanse->raw.name, cleanse->raw.head.table_id),
        .is_replay = true,
        .quarantine_version = cleanse->quarantine.head.version,
        .sequence = cleanse->clean.record.sequence + 1,
    };
    cleanse->range.to = cleanse->range.from;
    return SL_OK;
}

static int count(struct sl_cleanse *cleanse, const struct sl_buf *sql, int64_t *ret,
                 struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(sl_buf_check(sql, err));
    SL_TRY(session->kind->query(session, sql->text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

static int load_quarantine(struct sl_cleanse *cleanse, struct sl_delta_snapshot *ret,
                           struct sl_err *err)
{
    return sl_delta_load(cleanse->quarantine.folder, cleanse->range.quarantine_version,
                         cleanse->context->session, cleanse->context->arena, ret, err);
}

static int scan_quarantine(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *quarantine,
                           bool with_origin, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan(quarantine, cleanse->context->arena, &scan, err));
    scan.with_origin = with_origin;
    return session->kind->scan_sql(session, &scan, sql, err);
}

#define ORIGIN_IN(relation, table) \
    "(_source, _position) " relation " (select (_source, _position) from " table ")"

static void add_affected(const struct sl_contract_change *change, struct sl_buf *sql)
{
    if (change->all_rejected) {
        sl_buf_add(sql, "true");
        return;
    }
    sl_buf_add(sql, "list_has_any(list_transform(reasons, lambda r: r.\"rule\"), cast([");
    for (size_t i = 0; i < change->rules.count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, change->rules.items[i]);
    }
    sl_buf_add(sql, "] as VARCHAR[]))");
}

static bool has_column(const struct sl_delta_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->column_count; i++)
        if (sl_str_equal(snapshot->columns[i].name, name))
            return true;
    return false;
}

static int choose(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *quarantine,
                  int64_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _again as select _source, _position, reasons, "
                "%s as was_held, %s as is_published, true as is_chosen, \"~file\" from ",
                has_column(quarantine, "waits_for") ? "waits_for is not null" : "false",
                has_column(quarantine, "set_aside") ? "set_aside is not null" : "false");
    SL_TRY(scan_quarantine(cleanse, quarantine, true, &sql, err));
    sl_buf_add(&sql, " where ");
    add_affected(&cleanse->change, &sql);
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "select count(*) from _again");
    return count(cleanse, &sql, ret_count, err);
}

// After a change of a parent most rows are judged as before: they stay as they are.
static int leave_unchanged(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _judged as select _source, _position, "
                "cast(%s as %s) as reasons from ",
                pass->reasons, sl_quarantine_columns[1].type);
    sl_pass_relation(pass, SL_PASS_ALL, "_received", NULL, &sql);
    sl_buf_add(&sql, "; delete from _again where (_source, _position, reasons) in (select "
                     "(_source, _position, reasons) from _judged); delete from _received where "
                     "(_source, _position) not in (select (_source, _position) from _again)");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// A row of clean that comes back would meet itself where values are unique.
static int look_at_uniques(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t published;
    if (!cleanse->pass.unique_count)
        return SL_OK;
    sl_buf_add(&sql, "select count(*) from _again where is_published");
    SL_TRY(count(cleanse, &sql, &published, err));
    if (!published)
        return SL_OK;
    *ret_why = sl_arena_printf(cleanse->context->arena,
                               "%s, and rows with values that were set aside must be unique",
                               cleanse->range.cause);
    return *ret_why ? SL_OK : sl_fail_memory(err);
}

// Which files of quarantine hold the rows of _again.
static int choose_files(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *quarantine,
                        struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = cleanse->context->session;
    SL_TRY(session->kind->query(
        session, "select \"~file\", count(*) from _again group by 1 order by 1", 0, &result, err));
    size_t files = (size_t)sl_result_rows(result);
    cleanse->rewritten = SL_NEW_ARRAY(cleanse->context->arena, const char *, files);
    SL_TRY_NEW(cleanse->rewritten, err);
    for (size_t i = 0; i < files; i++) {
        size_t index;
        SL_TRY(sl_file_index(result, (int64_t)i, quarantine->file_count, &index, err));
        const struct sl_delta_file *file = &quarantine->files[index];
        int64_t again = sl_result_int(result, (int64_t)i, 1);
        cleanse->rewritten[cleanse->rewritten_count++] = file->path;
        cleanse->still_quarantined += file->row_count - again;
        cleanse->row_count += again;
    }
    cleanse->balance.in = cleanse->row_count;
    return SL_OK;
}

// Rows that were accepted, or lost against another of their key, and break a rule now.
static int count_broken(struct sl_cleanse *cleanse, const char *raw_sql,
                        const struct sl_delta_snapshot *quarantine, int64_t *ret,
                        struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    *ret = 0;
    if (!cleanse->change.unproven.count || (cleanse->range.is_rejudged && !cleanse->has_lost))
        return SL_OK;
    sl_buf_add(&sql, "select count(*) from ");
    sl_pass_relation(pass, SL_PASS_FLAGGED, raw_sql, NULL, &sql);
    sl_buf_addf(&sql, " where not %s and (false", pass->filter ? pass->filter : "false");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (sl_strs_has(&cleanse->change.unproven, pass->rules[i].name))
            sl_buf_addf(&sql, " or coalesce(%s, false)", pass->rules[i].flagged);
    sl_buf_add(&sql, ") and (_source, _position) not in (select (_source, _position) from ");
    SL_TRY(scan_quarantine(cleanse, quarantine, false, &sql, err));
    sl_buf_add(&sql, ")");
    return count(cleanse, &sql, ret, err);
}

int sl_cleanse_count_newly_rejected(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select count(*) from _bad where waits_for is null and set_aside is null and "
                     "discarded_at is null and (_source, _position) in (select (_source, "
                     "_position) from _again where "
                     "was_held)");
    return count(cleanse, &sql, &cleanse->newly_rejected, err);
}

// By their positions first: a join of one column whose other side is filtered makes the engine look
// into raw with a Bloom filter, and only rows that pass it are read in all columns.
static int receive(struct sl_cleanse *cleanse, const char *raw_sql, int64_t *ret_count,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _received as select * from (select * from %s where "
                "_position in (select _position from _again where is_chosen)) where " ORIGIN_IN(
                    "in", "_again"),
                raw_sql);
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "select count(*) from _received");
    return count(cleanse, &sql, ret_count, err);
}

// The quarantine table as it was before the replay, if all of it is still there.
static int recall_quarantine(struct sl_cleanse *cleanse, struct sl_delta_snapshot *ret,
                             const char **ret_why, struct sl_err *err)
{
    struct sl_err refusal = {0};
    *ret_why = NULL;
    int code = load_quarantine(cleanse, ret, &refusal);
    if (code == SL_E_TABLE_VERSION ||
        (code == SL_OK && !sl_step_has_files(ret, cleanse->context->arena))) {
        *ret_why = "quarantine is not there as it was";
        return SL_OK;
    }
    if (code != SL_OK && err)
        *err = refusal;
    if (code == SL_OK && ret->row_count < 0)
        *ret_why = "the log of quarantine does not count its rows";
    return code;
}

int sl_cleanse_open_replay(struct sl_cleanse *cleanse, const char *raw_sql, const char **ret_why,
                           struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    const struct sl_cleanse_range *range = &cleanse->range;
    struct sl_delta_snapshot quarantine;
    int64_t broken = 0, affected, received;
    char number[32];
    SL_TRY(recall_quarantine(cleanse, &quarantine, ret_why, err));
    if (*ret_why)
        return SL_OK;
    if (range->is_rejudged) {
        SL_TRY(sl_cleanse_has_lost_parents(cleanse, &cleanse->has_lost, err));
        cleanse->change.all_rejected = cleanse->has_lost; // they may have one more reason now
    }
    if (!range->is_resumed)
        SL_TRY(count_broken(cleanse, raw_sql, &quarantine, &broken, err));
    if (broken) {
        *ret_why =
            sl_arena_printf(arena, "%s: %s accepted row%s would be rejected now", range->cause,
                            sl_str_count(broken, number), broken == 1 ? "" : "s");
        return *ret_why ? SL_OK : sl_fail_memory(err);
    }
    SL_TRY(choose(cleanse, &quarantine, &affected, err));
    SL_TRY(receive(cleanse, raw_sql, &received, err));
    if (received != affected) {
        *ret_why = sl_arena_printf(arena, "%s, and rows of quarantine are not in raw as they were",
                                   range->cause);
        return *ret_why ? SL_OK : sl_fail_memory(err);
    }
    SL_TRY(sl_cleanse_judge_kin(cleanse, "_received", err));
    if (range->is_rejudged)
        SL_TRY(leave_unchanged(cleanse, err));
    SL_TRY(look_at_uniques(cleanse, ret_why, err));
    if (*ret_why)
        return SL_OK;
    SL_TRY(choose_files(cleanse, &quarantine, err));
    if (range->is_resumed)
        return SL_OK;
    if (range->is_rejudged && cleanse->row_count == 0) {
        cleanse->range.why =
            sl_arena_printf(arena, "%s, and no row is judged otherwise", range->cause);
        return cleanse->range.why ? SL_OK : sl_fail_memory(err);
    }
    cleanse->range.why = sl_arena_printf(arena, "%s: %s row%s of quarantine %s", range->cause,
                                         sl_str_count(cleanse->row_count, number),
                                         cleanse->row_count == 1 ? "" : "s",
                                         range->is_rejudged ? "judged otherwise" : "read again");
    return cleanse->range.why ? SL_OK : sl_fail_memory(err);
}

int sl_cleanse_add_still_quarantined(struct sl_cleanse *cleanse, struct sl_buf *sql,
                                     struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_delta_snapshot quarantine;
    struct sl_scan scan;
    size_t count = 0;
    SL_TRY(load_quarantine(cleanse, &quarantine, err));
    struct sl_delta_file *files =
        SL_NEW_ARRAY(cleanse->context->arena, struct sl_delta_file, cleanse->rewritten_count);
    SL_TRY_NEW(files, err);
    for (size_t i = 0; i < quarantine.file_count && count < cleanse->rewritten_count; i++)
        if (sl_str_equal(quarantine.files[i].path, cleanse->rewritten[count]))
            files[count++] = quarantine.files[i];
    SL_TRY(sl_delta_scan_files(&quarantine, files, count, cleanse->context->arena, &scan, err));
    sl_buf_add(sql, " union all by name select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, sql, err));
    sl_buf_add(sql, " where " ORIGIN_IN("not in", "_again"));
    return SL_OK;
}
