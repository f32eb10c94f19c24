// The cleanse step: raw.NAME -> clean.NAME and quarantine.NAME. What it does is in step.h and
// DESIGN; the order here is read positions, choose the range, split, stage, check the balance and
// the budget, commit quarantine, commit clean.
#include "step/cleanse.h"

#include "base/clock.h"
#include "plan/plan.h"

enum { FILE_SIZE_BYTES = 256 << 20 };

static int read_table(struct sl_cleanse *cleanse, enum sl_layer layer, struct sl_cleanse_table *ret,
                      struct sl_err *err)
{
    const struct sl_step_context *context = cleanse->context;
    ret->name =
        sl_arena_printf(context->arena, "%s.%s", sl_layer_name(layer), cleanse->source->name);
    SL_TRY_NEW(ret->name, err);
    bool is_borrowed;
    if (layer == SL_LAYER_RAW)
        return sl_step_input(context->project, layer, cleanse->source->name, context->session,
                             context->arena, &ret->folder, &ret->head, &ret->record, &is_borrowed,
                             err);
    return sl_step_position(context->project, layer, cleanse->source->name, context->session,
                            context->arena, &ret->folder, &ret->head, &ret->record, err);
}

static int read_positions(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_TRY(read_table(cleanse, SL_LAYER_RAW, &cleanse->raw, err));
    SL_TRY(read_table(cleanse, SL_LAYER_CLEAN, &cleanse->clean, err));
    SL_TRY(read_table(cleanse, SL_LAYER_QUARANTINE, &cleanse->quarantine, err));
    if (cleanse->raw.head.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "table '%s' does not exist yet", cleanse->raw.name);
    return sl_cleanse_read_parents(cleanse, err);
}

static int stage(struct sl_cleanse *cleanse, const struct sl_cleanse_table *table, const char *sql,
                 struct sl_staged *ret, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    bool is_clean = table == &cleanse->clean;
    struct sl_stage_options options = {
        .folder = table->folder,
        .file_size_bytes = FILE_SIZE_BYTES,
        .columns = is_clean ? cleanse->pass.columns : sl_quarantine_columns,
        .column_count = is_clean ? cleanse->pass.column_count : sl_quarantine_column_count,
    };
    SL_TRY(sl_step_staging(context, table->folder, &options.file_prefix, err));
    return context->session->kind->stage(context->session, sql, &options, context->arena, ret, err);
}

// Rows of before may be many.
static int stage_clean(struct sl_cleanse *cleanse, const struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_staged *staged = &cleanse->staged_clean;
    if (cleanse->touched_count > 0 || !sl_cleanse_is_hurried(cleanse, sql->length))
        return stage(cleanse, &cleanse->clean, sql->text, staged, err);
    SL_TRY(session->kind->hurry(session, true, err));
    int code = stage(cleanse, &cleanse->clean, sql->text, staged, err);
    int back = session->kind->hurry(session, false, code == SL_OK ? err : NULL);
    return code == SL_OK ? back : code;
}

static int stage_quarantine(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select * from _bad");
    if (cleanse->still_quarantined)
        SL_TRY(sl_cleanse_add_still_quarantined(cleanse, &sql, err));
    sl_buf_add(&sql, " order by _source, _position");
    SL_TRY(sl_buf_check(&sql, err));
    return stage(cleanse, &cleanse->quarantine, sql.text, &cleanse->staged_quarantine, err);
}

static int stage_tables(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_balance *balance = &cleanse->balance;
    if (balance->quarantined + balance->set_aside_rows + cleanse->still_quarantined > 0 &&
        !cleanse->range.is_resumed)
        SL_TRY(stage_quarantine(cleanse, err));
    SL_TRY(sl_cleanse_clean_sql(cleanse, &sql, err));
    if (sql.length > 0)
        SL_TRY(stage_clean(cleanse, &sql, err));
    balance->out = cleanse->staged_clean.row_count - cleanse->kept;
    return SL_OK;
}

static int check_budget(const struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_budget *budget =
        cleanse->contract->has_budget ? &cleanse->contract->budget : &cleanse->source->budget;
    bool is_new = cleanse->range.is_full || cleanse->before.row_count == 0;
    struct sl_balance balance = cleanse->balance;
    // Quarantine with them is published.
    if (cleanse->range.is_resumed)
        return SL_OK;
    if (cleanse->range.is_replay) {
        // All of them are in quarantine already; those that only waited there have not been counted
        // yet. They came among all of raw's rows.
        balance.quarantined = cleanse->newly_rejected;
        balance.in = cleanse->raw_rows;
    } else {
        // Rows that wait for other tables are none of the bad ones, nor are those given up.
        balance.quarantined -= cleanse->held + cleanse->discarded;
    }
    return sl_budget_check(budget, &balance, cleanse->clean.name, is_new, err);
}

// What the files hold is counted twice, by different means: rows in by raw's log, rows out by the
// engine that wrote them.
static int audit(struct sl_cleanse *cleanse, struct sl_err *err)
{
    int64_t quarantined =
        cleanse->balance.quarantined + cleanse->balance.set_aside_rows + cleanse->still_quarantined;
    SL_TRY(sl_balance_check(&cleanse->balance, cleanse->app_id, err));
    if (!cleanse->range.is_resumed && cleanse->staged_quarantine.row_count != quarantined)
        return sl_fail(err, SL_E_BALANCE, "%lld rows are quarantined, but %lld were written",
                       (long long)quarantined, (long long)cleanse->staged_quarantine.row_count);
    SL_TRY(check_budget(cleanse, err));
    return sl_cleanse_audit(cleanse, err);
}

// Nothing came to the table and nothing went: who reads it need not know. Under another contract it
// may have other columns.
static bool has_same_rows(const struct sl_cleanse *cleanse, const struct sl_cleanse_table *table,
                          const struct sl_delta_commit *commit)
{
    return commit->mode != SL_DELTA_REPLACE && commit->staged->file_count == 0 &&
           commit->removed_count == 0 &&
           (cleanse->range.is_rejudged ||
            sl_str_equal(table->record.fingerprint, cleanse->fingerprint));
}

static void add_checks(const struct sl_cleanse *cleanse, struct sl_record *record)
{
    const struct sl_record *before = &cleanse->clean.record;
    record->checks = cleanse->is_checked_before ? before->checks : cleanse->checks;
    record->check_count = cleanse->is_checked_before ? before->check_count : cleanse->check_count;
}

static int print_record(struct sl_cleanse *cleanse, const struct sl_cleanse_table *table,
                        struct sl_delta_commit *commit, struct sl_err *err)
{
    struct sl_record record = {
        .run_id = cleanse->context->run_id,
        .step = cleanse->app_id,
        .sequence = cleanse->range.sequence,
        .judged_us = sl_cleanse_clock(cleanse),
        .fingerprint = cleanse->fingerprint,
        .was_full = cleanse->range.is_full,
        .balance = cleanse->balance,
        .has_balance = table == &cleanse->clean,
        .has_same_rows = has_same_rows(cleanse, table, commit),
        .same_as = table->head.version,
        .same_since = sl_step_rows_since(&table->head, &table->record),
        .reasons = cleanse->reasons,
        .reason_count = cleanse->reason_count,
        .broken = cleanse->broken,
        .checked_with = cleanse->checked_with,
    };
    if (table == &cleanse->clean) {
        add_checks(cleanse, &record);
        SL_TRY(sl_cleanse_standing(cleanse, &record.standing, err));
    } else {
        SL_TRY(sl_cleanse_given_up(cleanse, &record.standing, err));
    }
    if (cleanse->range.is_replay)
        record.replayed =
            (struct sl_table_version){cleanse->quarantine.name, cleanse->range.quarantine_version,
                                      cleanse->quarantine.head.table_id};
    record.is_rejudged = cleanse->range.is_rejudged;
    SL_TRY(sl_cleanse_add_inputs(cleanse, &record, err));
    return sl_record_print(&record, cleanse->context->arena, &commit->record_json, err);
}

static int commit(struct sl_cleanse *cleanse, const struct sl_cleanse_table *table,
                  struct sl_delta_commit *commit, struct sl_step_result *result, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    struct sl_table_version done = {.table = table->name};
    commit->base_version = table->head.version;
    commit->app_id = cleanse->app_id;
    commit->app_version = cleanse->range.sequence;
    SL_TRY(sl_step_commit(context, table->folder, commit, &done.version, err));
    for (size_t i = 0; i < commit->staged->file_count; i++) {
        result->files_out++;
        result->bytes_out += commit->staged->files[i].size_bytes;
    }
    for (size_t i = 0; i < result->version_count; i++)
        if (sl_str_equal(result->versions[i].table, done.table)) {
            result->versions[i] = done;
            return SL_OK;
        }
    return SL_PUSH(context->arena, result->versions, result->version_count, done)
               ? SL_OK
               : sl_fail_memory(err);
}

static int commit_quarantine(struct sl_cleanse *cleanse, struct sl_step_result *result,
                             struct sl_err *err)
{
    struct sl_delta_commit quarantine = {
        .mode = cleanse->range.is_full     ? SL_DELTA_REPLACE
                : cleanse->rewritten_count ? SL_DELTA_REWRITE
                                           : SL_DELTA_APPEND,
        .removed = cleanse->rewritten,
        .removed_count = cleanse->rewritten_count,
        .columns = sl_quarantine_columns,
        .column_count = sl_quarantine_column_count,
        .staged = &cleanse->staged_quarantine,
        .staged_folder = "",
        .operation = "WRITE",
        .description = "Rows that break the contract, as received, with every reason",
    };
    SL_TRY(print_record(cleanse, &cleanse->quarantine, &quarantine, err));
    return commit(cleanse, &cleanse->quarantine, &quarantine, result, err);
}

static int commit_clean(struct sl_cleanse *cleanse, struct sl_step_result *result,
                        struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    const char **removed = SL_NEW_ARRAY(arena, const char *, cleanse->touched_count);
    SL_TRY_NEW(removed, err);
    for (size_t i = 0; i < cleanse->touched_count; i++)
        removed[i] = cleanse->touched[i].path;
    struct sl_delta_commit clean = {
        .mode = cleanse->range.is_full   ? SL_DELTA_REPLACE
                : cleanse->touched_count ? SL_DELTA_REWRITE
                                         : SL_DELTA_APPEND,
        .columns = cleanse->pass.columns,
        .column_count = cleanse->pass.column_count,
        .staged = &cleanse->staged_clean,
        .staged_folder = "",
        .removed = removed,
        .removed_count = cleanse->touched_count,
        .operation = cleanse->touched_count ? "MERGE" : "WRITE",
        .description = cleanse->contract->description,
    };
    SL_TRY(print_record(cleanse, &cleanse->clean, &clean, err));
    return commit(cleanse, &cleanse->clean, &clean, result, err);
}

// Quarantine first: if it alone is committed when the step dies, its record says what to do again
// for clean.
static int publish(struct sl_cleanse *cleanse, struct sl_step_result *result, struct sl_err *err)
{
    SL_TRY(sl_cleanse_keep_contract(cleanse, err));
    if (!cleanse->range.is_resumed)
        SL_TRY(commit_quarantine(cleanse, result, err));
    return commit_clean(cleanse, result, err);
}

// Adds the range to the result: after a kill one call may do two ranges.
static int report(struct sl_cleanse *cleanse, struct sl_step_result *result, struct sl_err *err)
{
    result->was_full |= cleanse->range.is_full;
    result->why = result->why ? sl_arena_printf(cleanse->context->arena, "%s, then %s", result->why,
                                                cleanse->range.why)
                              : cleanse->range.why;
    SL_TRY_NEW(result->why, err);
    result->has_balance = true;
    sl_balance_add(&result->balance, &cleanse->balance);
    result->bytes_in += cleanse->byte_count;
    result->checks = cleanse->checks; // of the last range: it sees the table as it is now
    result->check_count = cleanse->check_count;
    result->raw_only = cleanse->raw_only;
    result->also_read = cleanse->also_read;
    result->notes = cleanse->notes; // of the last range: it sees the newest columns of raw
    result->broken.is_known = cleanse->broken.is_known;
    for (size_t i = 0; i < SL_DIMENSIONS; i++)
        result->broken.rows[i] += cleanse->broken.rows[i];
    return sl_reasons_add(&result->reasons, &result->reason_count, cleanse->reasons,
                          cleanse->reason_count, cleanse->context->arena, err);
}

static int open_and_split(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_step_progress *progress = cleanse->context->progress;
    SL_TRY(sl_cleanse_open(cleanse, err));
    if (progress) {
        atomic_fetch_add(&progress->rows_total, cleanse->row_count);
        atomic_fetch_add(&progress->bytes_total, cleanse->byte_count);
    }
    SL_TRY(sl_cleanse_split(cleanse, err));
    if (cleanse->range.is_resumed && !cleanse->why_all)
        SL_TRY(sl_cleanse_compare_resumed(cleanse, err));
    if (!cleanse->why_all)
        return sl_cleanse_refuse_drift(cleanse, err);
    if (progress) {
        atomic_fetch_sub(&progress->rows_total, cleanse->row_count);
        atomic_fetch_sub(&progress->bytes_total, cleanse->byte_count);
    }
    sl_cleanse_take_all(cleanse, cleanse->why_all);
    return open_and_split(cleanse, err); // of all of raw there is no more than that
}

static const char without_newest[] = "a check fails without the newest files of raw";

static bool has_failed_check(const struct sl_cleanse *cleanse)
{
    for (size_t i = 0; i < cleanse->check_count; i++) {
        const struct sl_check_result *check = &cleanse->checks[i];
        if (!check->is_passed && !check->is_warning && !check->unjudged)
            return true;
    }
    return false;
}

static void foresee_out(struct sl_balance *balance)
{
    balance->out = balance->in - balance->quarantined - balance->deduplicated - balance->filtered;
}

static int foresee_range(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_TRY(open_and_split(cleanse, err));
    foresee_out(&cleanse->balance);
    SL_TRY(check_budget(cleanse, err));
    return sl_cleanse_audit(cleanse, err);
}

static int foresee(struct sl_cleanse *cleanse, struct sl_step_result *result, struct sl_err *err)
{
    result->outcome = SL_STEP_DONE;
    SL_TRY(foresee_range(cleanse, err));
    if (has_failed_check(cleanse) && cleanse->range.to < cleanse->raw.head.version) {
        sl_cleanse_take_all(cleanse, without_newest);
        SL_TRY(foresee_range(cleanse, err));
    }
    if (cleanse->range.is_replay && cleanse->raw.head.version > cleanse->range.to)
        SL_TRY(sl_strs_add(&cleanse->notes, cleanse->context->arena,
                           "raw has new files, which a run takes after that", err));
    return report(cleanse, result, err);
}

static int take_range(struct sl_cleanse *cleanse, struct sl_step_result *result, struct sl_err *err)
{
    struct sl_step_progress *progress = cleanse->context->progress;
    if (cleanse->context->dry_run)
        return foresee(cleanse, result, err);
    SL_TRY(open_and_split(cleanse, err));
    SL_TRY(stage_tables(cleanse, err));
    SL_TRY(audit(cleanse, err));
    SL_TRY(publish(cleanse, result, err));
    if (progress) {
        atomic_fetch_add(&progress->rows_done, cleanse->row_count);
        atomic_fetch_add(&progress->bytes_done, cleanse->byte_count);
    }
    result->outcome = SL_STEP_DONE;
    return report(cleanse, result, err);
}

// What a range that more rows follow leaves need not pass, if the table does with these: then it is
// built at once from all of raw.
static int take_rest_too(struct sl_cleanse *cleanse, struct sl_step_result *result,
                         struct sl_err *err)
{
    sl_err_clear(err);
    sl_step_unstage_all(cleanse->context);
    sl_cleanse_take_all(cleanse, without_newest);
    return take_range(cleanse, result, err);
}

int sl_step_cleanse(struct sl_step_context *context, const struct sl_source *source,
                    const struct sl_contract_table *contract, struct sl_step_result *ret,
                    struct sl_err *err)
{
    struct sl_cleanse cleanse = {.context = context, .source = source, .contract = contract};
    struct sl_step_result result = {.outcome = SL_STEP_NOTHING};
    cleanse.app_id = sl_arena_printf(context->arena, "cleanse %s", source->name);
    SL_TRY_NEW(cleanse.app_id, err);
    SL_TRY(sl_cleanse_fingerprint(contract, cleanse.fingerprint, err));
    for (bool has_more = true; has_more;) {
        bool has_range;
        SL_TRY(read_positions(&cleanse, err));
        SL_TRY(sl_cleanse_decide(&cleanse, &has_range, err));
        if (!has_range)
            break;
        int code = take_range(&cleanse, &result, err);
        if (code == SL_E_CHECK_FAILED && cleanse.range.to < cleanse.raw.head.version)
            code = take_rest_too(&cleanse, &result, err);
        if (code == SL_E_RULE_BROKEN)
            foresee_out(&cleanse.balance); // it ends before a row is written
        if (code != SL_OK)
            cleanse.balance.replaced = 0; // nothing was committed
        if ((code == SL_E_BUDGET || code == SL_E_RULE_BROKEN || code == SL_E_CHECK_FAILED) &&
            report(&cleanse, &result, NULL) == SL_OK)
            *ret = result; // what was rejected and why is all that a refused range leaves
        SL_TRY(code);
        has_more = (cleanse.range.is_resumed || cleanse.range.is_replay) && !context->dry_run;
    }
    *ret = result;
    return SL_OK;
}
