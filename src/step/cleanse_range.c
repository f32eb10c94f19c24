// Which rows of raw the step takes, and how.
#include "base/diag.h"
#include "contract/drift.h"
#include "step/aliases.h"
#include "step/cleanse.h"
#include "step/schema.h"

void sl_cleanse_take_all(struct sl_cleanse *cleanse, const char *why)
{
    int64_t clean = cleanse->clean.record.sequence,
            quarantine = cleanse->quarantine.record.sequence;
    cleanse->range = (struct sl_cleanse_range){
        .from = -1,
        .to = cleanse->raw.head.version,
        .is_full = true,
        .sequence = (clean > quarantine ? clean : quarantine) + 1,
        .why = why,
    };
    sl_cleanse_pin_newest(cleanse);
}

static int full(struct sl_cleanse *cleanse, const char *why)
{
    sl_cleanse_take_all(cleanse, why);
    return SL_OK;
}

static int raw_changes(struct sl_cleanse *cleanse, int64_t from, int64_t to,
                       struct sl_delta_changes *ret, const char **ret_why, struct sl_err *err)
{
    struct sl_step_range range = {
        .table = cleanse->raw.name, .folder = cleanse->raw.folder, .from = from, .to = to};
    return sl_step_changes(cleanse->context, &range, ret, ret_why, err);
}

int64_t sl_cleanse_raw_input(const struct sl_cleanse *cleanse, const struct sl_record *record)
{
    return sl_record_input(record, cleanse->raw.name, cleanse->raw.head.table_id);
}

static bool is_ahead(const struct sl_cleanse *cleanse)
{
    const struct sl_record *done = &cleanse->quarantine.record;
    return !cleanse->context->full_refresh &&
           done->sequence == cleanse->clean.record.sequence + 1 &&
           sl_str_equal(done->fingerprint, cleanse->fingerprint);
}

// The replay of a changed contract was judged by the parents that clean was built from. A record
// that has others comes from a judging by changed parents that does not say so.
static bool has_parents_of_clean(const struct sl_cleanse *cleanse)
{
    bool are_same = true;
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        const struct sl_cleanse_parent *parent = &cleanse->parents[i];
        bool is_changed = parent->built_from < parent->rows_since;
        are_same &= parent->built_from < 0 || !is_changed || parent->version == parent->built_from;
    }
    return are_same;
}

static int resume_replay(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err)
{
    const struct sl_table_version *replayed = &cleanse->quarantine.record.replayed;
    int64_t from = sl_cleanse_raw_input(cleanse, &cleanse->clean.record);
    struct sl_delta_changes since;
    const char *why;
    if (!is_ahead(cleanse) || !sl_str_equal(replayed->id, cleanse->quarantine.head.table_id) ||
        from < 0 || from > cleanse->raw.head.version)
        return SL_OK;
    SL_TRY(raw_changes(cleanse, from, cleanse->raw.head.version, &since, &why, err));
    if (why || since.removed_count || since.schema_changed)
        return SL_OK;
    // Not by whether the contract is the same: parents and checks may have changed at once.
    if (cleanse->quarantine.record.is_rejudged ||
        sl_str_equal(cleanse->clean.record.fingerprint, cleanse->fingerprint)) {
        SL_TRY(sl_cleanse_begin_rejudging(cleanse, err));
    } else {
        SL_TRY(sl_cleanse_decide_replay(cleanse, &why, err));
        // Whatever it has chosen, quarantine was judged by these.
        (void)sl_cleanse_pin_recorded(cleanse, &cleanse->quarantine.record);
        if (why || !has_parents_of_clean(cleanse))
            return SL_OK;
    }
    cleanse->range.is_resumed = true;
    cleanse->range.quarantine_version = replayed->version;
    cleanse->range.why = "the last run was interrupted";
    *ret = true;
    return SL_OK;
}

// Quarantine is one commit ahead of clean: the step was killed between the two. Its range is done
// again for clean alone, unless something since asks for a full pass anyway.
static int resume(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err)
{
    const struct sl_record *done = &cleanse->quarantine.record;
    struct sl_cleanse_range range = {
        .from = done->was_full ? -1 : sl_cleanse_raw_input(cleanse, &cleanse->clean.record),
        .to = sl_cleanse_raw_input(cleanse, done),
        .is_full = done->was_full,
        .is_resumed = true,
        .sequence = done->sequence,
        .why = "the last run was interrupted",
    };
    struct sl_delta_changes since;
    const char *unknown;
    *ret = false;
    if (!sl_cleanse_pin_recorded(cleanse, done))
        return SL_OK;
    if (done->replayed.table)
        return resume_replay(cleanse, ret, err);
    if (!is_ahead(cleanse) || range.to < 0 || range.to > cleanse->raw.head.version)
        return SL_OK;
    if (!range.is_full &&
        (range.from < 0 || !sl_str_equal(cleanse->clean.record.fingerprint, cleanse->fingerprint)))
        return SL_OK;
    SL_TRY(raw_changes(cleanse, range.to, cleanse->raw.head.version, &since, &unknown, err));
    if (unknown || since.removed_count || since.schema_changed)
        return SL_OK;
    cleanse->range = range;
    *ret = true;
    return SL_OK;
}

static const char *reason_for_full(const struct sl_cleanse *cleanse)
{
    const struct sl_record *clean = &cleanse->clean.record;
    int64_t from = sl_cleanse_raw_input(cleanse, clean);
    if (cleanse->clean.head.version < 0)
        return "first time";
    if (cleanse->context->full_refresh)
        return "full refresh asked for";
    if (!cleanse->clean.head.record_json)
        return "its log no longer says what it was built from";
    if (cleanse->quarantine.record.sequence > clean->sequence)
        return "the last run was interrupted, and files of raw changed since";
    if (cleanse->quarantine.record.sequence < clean->sequence)
        return "quarantine is behind clean, or gone";
    if (from < 0 || from > cleanse->raw.head.version)
        return "raw was built anew";
    return NULL;
}

// Only what the table as a whole must be like has changed. Then new rows need not wait for a replay
// of nothing, which its checks may refuse for want of them.
static bool judges_alike(const struct sl_contract_change *change)
{
    return !change->why_all && !change->all_rejected && !change->rules.count &&
           !change->unproven.count;
}

// Clean would be judged by another clock than the quarantine that stands there already.
static int why_not_resumed(const struct sl_cleanse *cleanse, const char **ret, struct sl_err *err)
{
    const char *why = NULL;
    *ret = NULL;
    if (!is_ahead(cleanse))
        return SL_OK;
    SL_TRY(sl_cleanse_find_volatile(cleanse, &why, err));
    if (!why)
        return SL_OK;
    *ret = sl_arena_printf(cleanse->context->arena,
                           "the last run was interrupted, and in the contract %s", why);
    return *ret ? SL_OK : sl_fail_memory(err);
}

// What others wrote there follows from no row of raw: both tables are built anew.
static int find_foreign(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    SL_TRY(sl_step_changed_by(&cleanse->clean.head, cleanse->clean.name, arena,
                              &cleanse->changed_by, err));
    if (cleanse->changed_by)
        return SL_OK;
    return sl_step_changed_by(&cleanse->quarantine.head, cleanse->quarantine.name, arena,
                              &cleanse->changed_by, err);
}

int sl_cleanse_decide(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err)
{
    struct sl_delta_changes changes;
    const struct sl_record *clean = &cleanse->clean.record;
    const char *why;
    *ret = true;
    SL_TRY(find_foreign(cleanse, err));
    if (cleanse->changed_by)
        return full(cleanse, cleanse->changed_by);
    SL_TRY(why_not_resumed(cleanse, &why, err));
    if (why)
        return full(cleanse, why);
    SL_TRY(resume(cleanse, ret, err));
    if (*ret)
        return SL_OK;
    *ret = true;
    why = reason_for_full(cleanse);
    if (why)
        return full(cleanse, why);
    int64_t from = sl_cleanse_raw_input(cleanse, clean), to = cleanse->raw.head.version;
    SL_TRY(raw_changes(cleanse, from, to, &changes, &why, err));
    if (why)
        return full(cleanse, why);
    if (changes.schema_changed)
        return full(cleanse, "the columns of raw changed");
    if (changes.removed_count)
        return full(cleanse, "files of raw changed or are gone");
    if (!sl_str_equal(clean->fingerprint, cleanse->fingerprint)) {
        SL_TRY(sl_cleanse_decide_replay(cleanse, &why, err));
        if (why)
            return full(cleanse, why);
        if (!changes.added_count || !judges_alike(&cleanse->change))
            return SL_OK;
    }
    bool is_rejudged;
    SL_TRY(sl_cleanse_decide_rejudging(cleanse, &is_rejudged, &why, err));
    if (is_rejudged)
        return why ? full(cleanse, why) : SL_OK;
    if (!changes.added_count) {
        *ret = false;
        return SL_OK;
    }
    why = sl_arena_printf(cleanse->context->arena, "%zu new file%s in %s", changes.added_count,
                          changes.added_count == 1 ? "" : "s", cleanse->raw.name);
    SL_TRY_NEW(why, err);
    cleanse->range = (struct sl_cleanse_range){
        .from = from, .to = to, .sequence = clean->sequence + 1, .why = why};
    return SL_OK;
}

static int note_columns(struct sl_cleanse *cleanse, const struct sl_diags *diags,
                        struct sl_err *err)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].err.code == SL_E_CONTRACT_COLUMN)
            SL_TRY(sl_strs_add(&cleanse->notes, cleanse->context->arena,
                               diags->items[i].err.message, err));
    return SL_OK;
}

static int name_raw_only(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                         struct sl_err *err)
{
    if (cleanse->contract->drift.new_columns != SL_DRIFT_FREEZE)
        return SL_OK;
    for (size_t i = 0; i < raw->column_count; i++)
        if (sl_drift_is_unknown(cleanse->contract, &raw->columns[i]))
            SL_TRY(sl_strs_add(&cleanse->raw_only, cleanse->context->arena, raw->columns[i].name,
                               err));
    return SL_OK;
}

// Statements with the key go to the engine only.
static int give_key(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    const char *key = cleanse->context->project->personal_key;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!key)
        return SL_OK;
    SL_TRY(sl_personal_key_sql(key, &sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static int compile(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                   struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_step_context *context = cleanse->context;
    SL_TRY(sl_step_look_at_aliases(context->session, raw, context->arena, &cleanse->contract, err));
    SL_TRY(sl_contract_compile(cleanse->contract, raw->columns, raw->column_count, context->session,
                               context->arena, &diags, &cleanse->pass, err));
    SL_TRY(sl_cleanse_first_error(&diags, err));
    if (cleanse->changed_by)
        SL_TRY(sl_strs_add(&cleanse->notes, context->arena, cleanse->changed_by, err));
    SL_TRY(note_columns(cleanse, &diags, err));
    SL_TRY(sl_alias_notes(cleanse->contract, raw->columns, raw->column_count, context->arena,
                          &cleanse->also_read, err));
    SL_TRY(name_raw_only(cleanse, raw, err));
    SL_TRY(give_key(cleanse, err));
    bool is_known = sl_str_equal(cleanse->clean.record.fingerprint, cleanse->fingerprint);
    if (is_known && !cleanse->range.is_full && !cleanse->range.is_replay)
        return SL_OK;
    return sl_cleanse_verify(cleanse, raw, err);
}

static int count_rows(struct sl_cleanse *cleanse, const struct sl_delta_file *files, size_t count,
                      struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].row_count < 0)
            return sl_fail(err, SL_E_TABLE_LOG,
                           "the log of '%s' does not say how many rows '%s' has", cleanse->raw.name,
                           files[i].path);
        cleanse->row_count += files[i].row_count;
        cleanse->byte_count += files[i].size_bytes;
    }
    cleanse->balance.in = cleanse->row_count;
    return SL_OK;
}

// "~flag" beside the raw columns of _aside, none of which may have that name.
static int name_flag(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                     struct sl_err *err)
{
    cleanse->flag = "~flag";
    while (sl_column_find(raw->columns, raw->column_count, cleanse->flag)) {
        cleanse->flag = sl_arena_printf(cleanse->context->arena, "~%s", cleanse->flag);
        SL_TRY_NEW(cleanse->flag, err);
    }
    return SL_OK;
}

static int name_rows(struct sl_cleanse *cleanse, enum sl_pass_rows rows, const char *raw,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *own = "r.\"~file\", r.\"~row\", ";
    if (rows == SL_PASS_ALL)
        own = sl_arena_printf(cleanse->context->arena, "%sr.\"%s\" as \"~flag\", ", own,
                              cleanse->flag);
    SL_TRY_NEW(own, err);
    sl_pass_relation(&cleanse->pass, rows, raw, own, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    cleanse->rows[rows] = sl_arena_strndup(cleanse->context->arena, sql.text, sql.length);
    SL_TRY_NEW(cleanse->rows[rows], err);
    return SL_OK;
}

static void begin_range(struct sl_cleanse *cleanse)
{
    cleanse->pass = (struct sl_pass){0};
    cleanse->before = (struct sl_delta_snapshot){.version = -1};
    cleanse->touched = NULL;
    cleanse->touched_count = 0;
    cleanse->rewritten = NULL;
    cleanse->rewritten_count = 0;
    cleanse->still_quarantined = 0;
    cleanse->held = cleanse->discarded = cleanse->newly_rejected = 0;
    cleanse->raw_rows = -1;
    cleanse->is_checked_before = false;
    cleanse->checked_with = (struct sl_table_versions){0};
    cleanse->why_all = NULL;
    cleanse->row_count = cleanse->byte_count = cleanse->kept = cleanse->selves = 0;
    cleanse->balance = (struct sl_balance){0};
    cleanse->reasons = NULL;
    cleanse->reason_count = 0;
    cleanse->broken = (struct sl_broken){0};
    cleanse->checks = NULL;
    cleanse->check_count = 0;
    cleanse->notes = cleanse->raw_only = cleanse->also_read = (struct sl_strs){0};
    cleanse->staged_clean = cleanse->staged_quarantine = (struct sl_staged){0};
}

static int load_clean(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    return sl_delta_load(cleanse->clean.folder, cleanse->clean.head.version, context->session,
                         context->arena, &cleanse->before, err);
}

// The files of raw that the range takes; of a replay all, for its rows may be in any.
static int choose_files(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                        struct sl_scan *ret, struct sl_err *err)
{
    const struct sl_cleanse_range *range = &cleanse->range;
    struct sl_arena *arena = cleanse->context->arena;
    struct sl_delta_changes changes;
    const char *unknown;
    if (range->is_full) {
        SL_TRY(count_rows(cleanse, raw->files, raw->file_count, err));
        SL_TRY(sl_step_count(cleanse->context, cleanse->clean.folder, cleanse->clean.head.version,
                             &cleanse->balance.replaced, err));
    }
    if (range->is_full || range->is_replay)
        return sl_delta_scan(raw, arena, ret, err);
    SL_TRY(raw_changes(cleanse, range->from, range->to, &changes, &unknown, err));
    if (unknown)
        return sl_fail(err, SL_E_TABLE_CONFLICT, "%s", unknown);
    SL_TRY(count_rows(cleanse, changes.added, changes.added_count, err));
    return sl_delta_scan_files(raw, changes.added, changes.added_count, arena, ret, err);
}

int sl_cleanse_open(struct sl_cleanse *cleanse, struct sl_err *err)
{
    begin_range(cleanse);
    struct sl_step_context *context = cleanse->context;
    const struct sl_cleanse_range *range = &cleanse->range;
    struct sl_delta_snapshot raw;
    struct sl_scan scan;
    const char *rows, *why = NULL;
    SL_TRY(
        sl_delta_load(cleanse->raw.folder, range->to, context->session, context->arena, &raw, err));
    cleanse->raw_rows = raw.row_count;
    SL_TRY(compile(cleanse, &raw, err));
    SL_TRY(sl_cleanse_refuse_missing(cleanse, &raw, err));
    SL_TRY(choose_files(cleanse, &raw, &scan, err));
    scan.with_origin = true;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    rows = sql.text;
    cleanse->received = sl_arena_strdup(context->arena, sql.text);
    SL_TRY_NEW(cleanse->received, err);
    SL_TRY(sl_cleanse_open_parents(cleanse, &why, err));
    if (!why)
        SL_TRY(sl_cleanse_look_at_columns(cleanse, &why, err));
    if (!why)
        SL_TRY(sl_cleanse_look_at_uniques(cleanse, &why, err));
    if (!why)
        SL_TRY(sl_cleanse_open_kin(cleanse, &raw, rows, &why, err));
    if (range->is_replay && !why) {
        SL_TRY(sl_cleanse_open_replay(cleanse, sql.text, &why, err));
        rows = "_received";
    }
    if (why) {
        SL_TRY(full(cleanse, why));
        return sl_cleanse_open(cleanse, err);
    }
    if (!range->is_full)
        SL_TRY(load_clean(cleanse, err));
    if (range->is_replay)
        SL_TRY(sl_cleanse_find_selves(cleanse, err));
    SL_TRY(sl_cleanse_recall(cleanse, &raw, err));
    SL_TRY(name_flag(cleanse, &raw, err));
    SL_TRY(name_rows(cleanse, SL_PASS_ALL, "_aside", err));
    SL_TRY(name_rows(cleanse, SL_PASS_FLAGGED, rows, err));
    SL_TRY(name_rows(cleanse, SL_PASS_GOOD, rows, err));
    return sl_cleanse_write_few(cleanse, err);
}
