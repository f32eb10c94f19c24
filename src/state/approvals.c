#include "api/leases.h"
#include "api/queue.h"
#include "state/store.h"

int sl_state_ask(struct sl_state *state, const struct sl_approval *approval, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(approval->run_id),
                                      SL_TEXT(approval->step), SL_NUMBER(approval->asked_us)};
    return sl_write_one(state,
                        &(struct sl_statement){
                            .sql = "insert into approvals (project, run_id, step, asked_us) values "
                                   "(?1, ?2, ?3, ?4) on conflict do nothing",
                            .params = params,
                            .count = 4},
                        SL_WAKE_DECISIONS, err);
}

struct approval_list {
    struct sl_approval *rows;
    size_t count;
};

#define APPROVAL_COLUMNS "run_id, step, asked_us, decided_us, is_yes, who, why"

static int take_approval(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct approval_list *list = to;
    struct sl_approval approval = {
        .run_id = sl_row_text(row, 0),
        .step = sl_row_text(row, 1),
        .asked_us = sl_row_number(row, 2),
        .decided_us = sl_row_number(row, 3),
        .is_yes = sl_row_number(row, 4) != 0,
        .who = sl_row_text(row, 5),
        .why = sl_row_text(row, 6),
    };
    return SL_PUSH(row->arena, list->rows, list->count, approval) ? SL_OK : sl_fail_memory(err);
}

int sl_state_decide(struct sl_state *state, const struct sl_approval *decision,
                    struct sl_arena *arena, struct sl_approval *standing, bool *ret_is_first,
                    struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project),     SL_TEXT(decision->run_id),
                                      SL_TEXT(decision->step),     SL_NUMBER(decision->decided_us),
                                      SL_NUMBER(decision->is_yes), SL_TEXT(decision->who),
                                      SL_TEXT(decision->why)};
    const struct sl_param names[] = {SL_TEXT(state->project), SL_TEXT(decision->run_id),
                                     SL_TEXT(decision->step)};
    struct approval_list list = {0};
    int64_t changed = 0;
    SL_TRY(sl_write_begin(state, err));
    int code =
        SL_RUN_WITH(state,
                    "update approvals set decided_us = ?4, is_yes = ?5, who = ?6, why = ?7 where "
                    "project = ?1 and run_id = ?2 and step = ?3 and decided_us = 0",
                    params, .ret_changed = &changed);
    if (code == SL_OK)
        code = SL_RUN_WITH(state,
                           "select " APPROVAL_COLUMNS
                           " from approvals where project = ?1 and run_id = ?2 and step = ?3",
                           names, .on_row = take_approval, .to = &list, .arena = arena);
    SL_TRY(sl_write_end(state, code, changed > 0 ? SL_WAKE_DECISIONS : 0, err));
    *standing = list.count ? list.rows[0] : (struct sl_approval){0};
    *ret_is_first = changed > 0;
    return SL_OK;
}

int sl_state_approvals(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                       struct sl_approval **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run_id)};
    struct approval_list list = {0};
    SL_TRY(state->kind->run(
        state->self,
        &(struct sl_statement){
            .sql = run_id ? "select " APPROVAL_COLUMNS
                            " from approvals where project = ?1 and run_id = ?2 order by seq"
                          : "select " APPROVAL_COLUMNS
                            " from approvals where project = ?1 and decided_us = 0 order by seq",
            .params = params,
            .count = run_id ? 2 : 1,
            .on_row = take_approval,
            .to = &list,
            .arena = arena},
        err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

// --- who did what

int sl_audit_put(struct sl_state *state, const struct sl_audit_entry *entry, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_NUMBER(entry->at_us),
                                      SL_TEXT(entry->who),     SL_TEXT(entry->what),
                                      SL_TEXT(entry->subject), SL_TEXT(entry->details_json)};
    return SL_RUN(state,
                  "insert into audit (project, at_us, who, what, subject, details) values (?1, ?2, "
                  "?3, ?4, ?5, ?6)",
                  params);
}

int sl_state_add_audit(struct sl_state *state, const struct sl_audit_entry *entry,
                       struct sl_err *err)
{
    SL_TRY(sl_write_begin(state, err));
    return sl_write_end(state, sl_audit_put(state, entry, err), 0, err);
}

struct audit_list {
    struct sl_audit_entry *rows;
    size_t count;
};

static int take_entry(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct audit_list *list = to;
    struct sl_audit_entry entry = {
        .seq = sl_row_number(row, 0),
        .at_us = sl_row_number(row, 1),
        .who = sl_row_text(row, 2),
        .what = sl_row_text(row, 3),
        .subject = sl_row_text(row, 4),
        .details_json = sl_row_text(row, 5),
    };
    return SL_PUSH(row->arena, list->rows, list->count, entry) ? SL_OK : sl_fail_memory(err);
}

int sl_state_audit(struct sl_state *state, const struct sl_audit_filter *filter,
                   struct sl_arena *arena, struct sl_audit_entry **ret, size_t *ret_count,
                   struct sl_err *err)
{
    bool has_limit = filter->limit && filter->limit <= INT64_MAX;
    const struct sl_param params[] = {
        SL_TEXT(state->project),
        SL_NUMBER(filter->before_seq ? filter->before_seq : INT64_MAX),
        SL_NUMBER(has_limit ? (int64_t)filter->limit : INT64_MAX),
        SL_TEXT(filter->subject),
    };
    struct audit_list list = {0};
    SL_TRY(state->kind->run(
        state->self,
        &(struct sl_statement){
            .sql = filter->subject
                       ? "select seq, at_us, who, what, subject, details from audit where project "
                         "= ?1 and seq < ?2 and subject = ?4 order by seq desc limit ?3"
                       : "select seq, at_us, who, what, subject, details from audit where project "
                         "= ?1 and seq < ?2 order by seq desc limit ?3",
            .params = params,
            .count = filter->subject ? 4 : 3,
            .on_row = take_entry,
            .to = &list,
            .arena = arena},
        err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}
