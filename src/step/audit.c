#include "step/audit.h"

#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 3 };

// What the checks of a table found: all that fail are told, at the place of the first.
struct findings {
    struct sl_buf text;
    const struct sl_check *first;
    int example_bytes;
};

static void findings_clear(struct findings *findings)
{
    sl_buf_clear(&findings->text);
}

static int at_check(const struct sl_check *check, struct sl_err *err)
{
    err->line = err->column = 0;
    (void)sl_err_at(err, check->place.file, check->place.line, check->place.column);
    return sl_err_context(err, "check %s", check->kind);
}

static int query(const struct sl_audit *audit, const struct sl_check *check,
                 const struct sl_buf *sql, struct sl_result **ret, struct sl_err *err)
{
    struct sl_session *session = audit->context->session;
    SL_TRY(sl_buf_check(sql, err));
    return session->kind->query(session, sql->text, 0, ret, err) == SL_OK ? SL_OK
                                                                          : at_check(check, err);
}

static int keep(const struct sl_audit *audit, const char *text, const char **ret,
                struct sl_err *err)
{
    *ret = sl_arena_strdup(audit->context->arena, text);
    if (text)
        SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int measure(const struct sl_audit *audit, const struct sl_check *check,
                   struct sl_check_result *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql, "select m.");
    sl_buf_add_sql_name(&sql, check->measure);
    sl_buf_addf(&sql, "::varchar, coalesce(%s, false)::int, to_json(m)::varchar from (%s\n) m",
                check->broken, check->measured_sql);
    SL_TRY(query(audit, check, &sql, &result, err));
    ret->rows = -1;
    ret->is_passed = sl_result_int(result, 0, 1) == 0;
    SL_TRY(keep(audit, sl_result_text(result, 0, 0), &ret->measure, err));
    return ret->is_passed ? SL_OK : keep(audit, sl_result_text(result, 0, 2), &ret->example, err);
}

static int find_examples(const struct sl_audit *audit, const struct sl_check *check,
                         struct sl_check_result *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_addf(&sql, "select to_json(f)::varchar from (%s\n) f limit %d", check->failing_sql,
                EXAMPLES);
    SL_TRY(query(audit, check, &sql, &result, err));
    for (int64_t i = 0; i < sl_result_rows(result); i++) {
        const char *row = sl_result_text(result, i, 0);
        sl_buf_addf(&text, "%s%s", i ? ", " : "", row ? row : "");
    }
    SL_TRY(sl_buf_check(&text, err));
    return keep(audit, text.text, &ret->example, err);
}

static int count(const struct sl_audit *audit, const struct sl_check *check,
                 const struct sl_audit_found *known, struct sl_check_result *ret,
                 struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    bool is_unique = !known->is_known && sl_audit_is_unique(audit, check->unique_column);
    sl_buf_addf(&sql, "select count(*) from (%s\n) f", check->failing_sql);
    if (!known->is_known && !is_unique)
        SL_TRY(query(audit, check, &sql, &result, err));
    ret->rows = known->is_known ? known->broken : is_unique ? 0 : sl_result_int(result, 0, 0);
    ret->is_passed = ret->rows == 0;
    return ret->is_passed ? SL_OK : find_examples(audit, check, ret, err);
}

// "check sum failed: the sum of 'amount' is at least 0, but {...}"
static void describe(const struct sl_check *check, const struct sl_check_result *result,
                     int example_bytes, struct sl_buf *text)
{
    char number[32];
    sl_buf_addf(text, "check %s%s%s%s failed: %s, but ", check->kind, check->name ? " '" : "",
                check->name ? check->name : "", check->name ? "'" : "", check->claim);
    if (check->measured_sql)
        sl_buf_addf(text, "%s is %s: ", check->measure, result->measure ? result->measure : "null");
    else
        sl_buf_addf(text, "%s row%s otherwise, for example ", sl_str_count(result->rows, number),
                    result->rows == 1 ? " says" : "s say");
    sl_buf_addf(text, "%.*s", example_bytes, result->example ? result->example : "");
}

static int tell(const struct sl_audit *audit, const struct sl_check *check,
                struct sl_check_result *found, struct findings *findings,
                struct sl_step_result *result, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    describe(check, found, findings->example_bytes, &text);
    SL_TRY(sl_buf_check(&text, err));
    SL_TRY(keep(audit, text.text, &found->message, err));
    if (audit->context->checks_only_tell)
        return SL_OK;
    if (check->is_warning)
        return sl_strs_add(&result->notes, audit->context->arena, found->message, err);
    sl_buf_addf(&findings->text, "%s%s", findings->first ? "; " : "", text.text);
    if (!findings->first)
        findings->first = check;
    return SL_OK;
}

static int judge(const struct sl_audit *audit, const struct sl_check *check,
                 const struct sl_audit_found *known, struct sl_check_result *found,
                 struct sl_err *err)
{
    bool has_before = !check->reads_before && !check->reads_versions;
    if (audit->context->checks_only_tell && audit->version < 0 && !has_before) {
        found->unjudged = "it compares with the version before, and there is none";
        return SL_OK;
    }
    if (known->is_known && !known->broken) {
        found->rows = check->measured_sql ? -1 : 0;
        found->is_passed = true;
        found->measure = known->measure;
        return SL_OK;
    }
    if (sl_audit_view(audit, check, sl_audit_is_for_new_rows(audit, check), err) != SL_OK)
        return at_check(check, err);
    int code = sl_audit_view_reads(audit, check, err);
    if (code == SL_E_TABLE_MISSING && audit->context->checks_only_tell) {
        SL_TRY(keep(audit, err->message, &found->unjudged, err));
        sl_err_clear(err);
        return SL_OK;
    }
    SL_TRY(code);
    return check->measured_sql ? measure(audit, check, found, err)
                               : count(audit, check, known, found, err);
}

static int run_check(const struct sl_audit *audit, const struct sl_check *check,
                     const struct sl_audit_found *known, struct findings *findings,
                     struct sl_step_result *result, struct sl_err *err)
{
    struct sl_check_result found = {
        .kind = check->kind,
        .name = check->name,
        .claim = check->claim,
        .dimension = check->dimension,
        .is_warning = check->is_warning,
        .max_age_s = check->max_age_s,
    };
    SL_TRY(judge(audit, check, known, &found, err));
    if (!found.is_passed && !found.unjudged)
        SL_TRY(tell(audit, check, &found, findings, result, err));
    return SL_PUSH(audit->context->arena, result->checks, result->check_count, found)
               ? SL_OK
               : sl_fail_memory(err);
}

int sl_audit(const struct sl_audit *audit, struct sl_step_result *result, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_check *checks;
    size_t check_count;
    SL_TRY(sl_checks_compile(audit->checks, audit->context->arena, &diags, &checks, &check_count,
                             err));
    if (diags.error_count)
        return sl_diags_fail(&diags, err);
    SL_AUTO(findings_clear)
    struct findings findings = {.text = SL_BUF_INIT, .example_bytes = check_count > 1 ? 160 : 400};
    struct sl_audit_found *known =
        SL_NEW_ARRAY(audit->context->arena, struct sl_audit_found, check_count);
    SL_TRY_NEW(known, err);
    SL_TRY(sl_audit_together(audit, checks, check_count, known, err));
    for (size_t i = 0; i < check_count; i++)
        SL_TRY(run_check(audit, &checks[i], &known[i], &findings, result, err));
    SL_TRY(sl_buf_check(&findings.text, err));
    if (!findings.first)
        return SL_OK;
    const struct sl_place *place = &findings.first->place;
    (void)sl_fail(err, SL_E_CHECK_FAILED, "%s", findings.text.text);
    (void)sl_err_at(err, place->file, place->line, place->column);
    if (audit->version < 0)
        return sl_err_hint(err, "nothing was published: %s has no version before", audit->table);
    return sl_err_hint(err, "nothing was published: readers still see the old version of %s",
                       audit->table);
}

json_t *sl_check_result_json(const struct sl_check_result *result, bool with_example)
{
    json_t *passed = result->unjudged ? json_null() : json_boolean(result->is_passed);
    json_t *object = json_pack("{s:s, s:s*, s:s, s:s, s:s, s:o, s:s*, s:s*}", "kind", result->kind,
                               "name", result->name, "claim", result->claim, "dimension",
                               sl_dimension_name(result->dimension), "severity",
                               result->is_warning ? "warn" : "fail", "passed", passed, "measure",
                               result->measure, "unjudged", result->unjudged);
    bool is_whole = object != NULL;
    if (is_whole && result->rows >= 0)
        is_whole = json_object_set_new(object, "rows", json_integer(result->rows)) == 0;
    if (is_whole && result->max_age_s)
        is_whole = json_object_set_new(object, "max_age_s", json_integer(result->max_age_s)) == 0;
    if (is_whole && with_example && result->example)
        is_whole = json_object_set_new(object, "example", sl_json_string(result->example)) == 0;
    if (is_whole)
        return object;
    json_decref(object);
    return NULL;
}
