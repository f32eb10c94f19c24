// The checks of a table that need no scan of their own, in one.
#include "step/audit.h"

bool sl_audit_is_for_new_rows(const struct sl_audit *audit, const struct sl_check *check)
{
    return check->is_per_row && audit->is_judged && !check->is_warning;
}

// The rows that checks are looked at over together, and the checks.
struct group {
    bool is_of_new_rows;
    const char *where; // of claims about a number; those about rows are counted with theirs
    const struct sl_check **checks;
    size_t *numbers; // in the list of all
    size_t count;
};

static bool is_shared(const struct sl_check *check)
{
    return check->breaks_row || check->members;
}

static bool is_of_new_rows(const struct sl_audit *audit, const struct sl_check *check)
{
    return audit->kept_count && sl_audit_is_for_new_rows(audit, check);
}

static const char *where_of(const struct sl_check *check)
{
    return check->breaks_row ? NULL : check->where;
}

static bool is_in(const struct sl_audit *audit, const struct group *group,
                  const struct sl_check *check)
{
    const char *where = where_of(check);
    return is_shared(check) && is_of_new_rows(audit, check) == group->is_of_new_rows &&
           (where && group->where ? sl_str_equal(where, group->where) : where == group->where);
}

static int find(const struct sl_audit *audit, const struct group *group, struct sl_result **ret,
                struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = audit->context->session;
    const struct sl_check rows = {.where = group->where};
    SL_TRY(sl_audit_view(audit, &rows, group->is_of_new_rows, err));
    SL_TRY(sl_audit_view_reads(audit, &rows, err));
    sl_checks_together(group->checks, group->count, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->query(session, sql.text, 0, ret, err);
}

static int look(const struct sl_audit *audit, const struct group *group,
                struct sl_audit_found *found, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (find(audit, group, &result, err) != SL_OK) {
        sl_err_clear(err);
        return SL_OK;
    }
    for (int64_t i = 0; i < sl_result_rows(result); i++) {
        struct sl_audit_found *one = &found[group->numbers[sl_result_int(result, i, 0)]];
        const char *measure = sl_result_text(result, i, 2);
        one->broken = sl_result_int(result, i, 1);
        one->measure = sl_arena_strdup(audit->context->arena, measure);
        if (measure)
            SL_TRY_NEW(one->measure, err);
        one->is_known = true;
    }
    return SL_OK;
}

int sl_audit_together(const struct sl_audit *audit, const struct sl_check *checks, size_t count,
                      struct sl_audit_found *found, struct sl_err *err)
{
    struct sl_arena *arena = audit->context->arena;
    bool *is_done = SL_NEW_ARRAY(arena, bool, count);
    struct group group = {.checks = SL_NEW_ARRAY(arena, const struct sl_check *, count),
                          .numbers = SL_NEW_ARRAY(arena, size_t, count)};
    SL_TRY_NEW(is_done, err);
    SL_TRY_NEW(group.checks, err);
    SL_TRY_NEW(group.numbers, err);
    for (size_t i = 0; i < count; i++) {
        if (is_done[i] || !is_shared(&checks[i]))
            continue;
        group.is_of_new_rows = is_of_new_rows(audit, &checks[i]);
        group.where = where_of(&checks[i]);
        group.count = 0;
        for (size_t j = i; j < count; j++)
            if (is_in(audit, &group, &checks[j])) {
                group.checks[group.count] = &checks[j];
                group.numbers[group.count++] = j;
                is_done[j] = true;
            }
        if (group.count > 1)
            SL_TRY(look(audit, &group, found, err));
    }
    return SL_OK;
}
