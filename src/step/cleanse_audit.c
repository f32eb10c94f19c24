// The checks of the clean table as a whole, before anything of the range is published.
#include "step/audit.h"
#include "step/cleanse.h"

static bool is_touched(const struct sl_cleanse *cleanse, const struct sl_delta_file *file)
{
    for (size_t i = 0; i < cleanse->touched_count; i++)
        if (sl_str_equal(cleanse->touched[i].path, file->path))
            return true;
    return false;
}

static int find_kept(const struct sl_cleanse *cleanse, struct sl_audit *audit, struct sl_err *err)
{
    struct sl_delta_file *kept =
        SL_NEW_ARRAY(cleanse->context->arena, struct sl_delta_file, cleanse->before.file_count);
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < cleanse->before.file_count; i++)
        if (!is_touched(cleanse, &cleanse->before.files[i]))
            kept[audit->kept_count++] = cleanse->before.files[i];
    audit->kept = kept;
    return SL_OK;
}

static int name_table(const struct sl_cleanse *cleanse, struct sl_audit *audit, struct sl_err *err)
{
    const char *names[] = {cleanse->source->name, cleanse->contract->name,
                           cleanse->contract->physical_name};
    for (size_t i = 0; i < 3; i++)
        if (names[i] && !sl_strs_has(&audit->aliases, names[i]))
            SL_TRY(sl_strs_add(&audit->aliases, cleanse->context->arena, names[i], err));
    return SL_OK;
}

// A range whose quarantine is published already is judged as of then: what passed then must not
// fail now because a killed run was resumed late.
int64_t sl_cleanse_clock(const struct sl_cleanse *cleanse)
{
    int64_t judged_us = cleanse->quarantine.record.judged_us;
    if (!cleanse->range.is_resumed)
        return cleanse->context->now_us;
    return judged_us ? judged_us : cleanse->quarantine.head.timestamp_ms * 1000;
}

// The rows that would be staged, as a temporary table: checks look at them more than once.
static int keep_rows(struct sl_cleanse *cleanse, struct sl_audit *audit, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!cleanse->context->dry_run)
        return SL_OK;
    sl_buf_add(&sql, "create or replace temp table _foreseen as ");
    SL_TRY(sl_cleanse_clean_sql(cleanse, &sql, err));
    audit->staged_relation = "_foreseen";
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Of a parent that changes no row of the table the checks have nothing to judge: what passed with
// these rows could fail for the time that has gone by.
static bool is_checked_before(const struct sl_cleanse *cleanse)
{
    return cleanse->range.is_rejudged && cleanse->row_count == 0 && cleanse->touched_count == 0 &&
           sl_str_equal(cleanse->clean.record.fingerprint, cleanse->fingerprint);
}

// The tables that checks read beside this one are those that quarantine was published with: what
// passed then must not fail because they have changed since.
static int run_checks(struct sl_cleanse *cleanse, const struct sl_audit *audit,
                      struct sl_step_result *ret, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    if (cleanse->range.is_resumed)
        context->wanted = &cleanse->quarantine.record.checked_with;
    context->taken = &cleanse->checked_with;
    int code = sl_audit(audit, ret, err);
    context->wanted = NULL;
    context->taken = NULL;
    return code;
}

int sl_cleanse_audit(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_step_result found = {0};
    struct sl_audit audit = {
        .context = cleanse->context,
        .table = cleanse->clean.name,
        .folder = cleanse->clean.folder,
        .checks = cleanse->contract->checks,
        .version = cleanse->clean.head.version,
        .is_judged = sl_str_equal(cleanse->clean.record.fingerprint, cleanse->fingerprint),
        .now_us = sl_cleanse_clock(cleanse),
        .columns = cleanse->pass.columns,
        .column_count = cleanse->pass.column_count,
        .staged = &cleanse->staged_clean,
    };
    cleanse->is_checked_before = is_checked_before(cleanse);
    if (!audit.checks || cleanse->is_checked_before)
        return SL_OK;
    SL_TRY(find_kept(cleanse, &audit, err));
    SL_TRY(name_table(cleanse, &audit, err));
    SL_TRY(keep_rows(cleanse, &audit, err));
    int code = run_checks(cleanse, &audit, &found, err);
    cleanse->checks = found.checks;
    cleanse->check_count = found.check_count;
    for (size_t i = 0; i < found.notes.count && code == SL_OK; i++)
        code = sl_strs_add(&cleanse->notes, cleanse->context->arena, found.notes.items[i], err);
    return code;
}
