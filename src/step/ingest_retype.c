// Places in nested columns that were texts for want of a type, and get objects, lists or maps now.
// As long as the table has no value there its rows can have the new type: those of each part are
// staged anew, in the commit that brings the first value. A scalar needs none of this, for a text
// holds it.
#include "step/ingest.h"

#include "step/schema.h"

#include <string.h>

static size_t word_length(const char *at, const char *end)
{
    size_t length = 0;
    bool is_quoted = false;

    for (int depth = 0; at[length] && (is_quoted || depth > 0 || !strchr(end, at[length]));
         length++) {
        is_quoted ^= at[length] == '"';
        if (!is_quoted)
            depth += (at[length] == '(') - (at[length] == ')');
    }
    return length;
}

static size_t take_brackets(const char **at)
{
    size_t count = 0;

    for (; **at == '['; count++)
        *at += strcspn(*at, "]") + 1;
    return count;
}

static bool take(const char **at, const char *text)
{
    bool is_there = sl_str_starts(*at, text);

    *at += is_there ? strlen(text) : 0;
    return is_there;
}

// Two types next to each other, of which `now` has all members of `before`, in their order.
struct pair {
    const char *before, *now;
    bool is_found;
};

static bool walk(struct pair *pair);

static bool walk_members(struct pair *pair, bool are_named)
{
    while (*pair->before && *pair->before != ')') {
        pair->before += strspn(pair->before, ", ");
        pair->now += strspn(pair->now, ", ");
        size_t length = are_named ? word_length(pair->before, " ") + 1 : 0;
        if (strncmp(pair->before, pair->now, length) != 0)
            return false;
        pair->before += length;
        pair->now += length;
        if (!walk(pair)) // NOLINT(misc-no-recursion): as deep as the engine's types
            return false;
    }
    pair->now += word_length(pair->now, ")");
    return take(&pair->before, ")") && take(&pair->now, ")");
}

static bool walk(struct pair *pair)
{
    bool is_struct = take(&pair->before, "STRUCT(");
    bool is_nested = is_struct || take(&pair->before, "MAP(");
    bool is_text = false, is_more = false;

    if (is_nested &&
        (!take(&pair->now, is_struct ? "STRUCT(" : "MAP(") || !walk_members(pair, is_struct)))
        return false;
    if (!is_nested) {
        size_t length = word_length(pair->before, ",)[");
        is_text = length == strlen("VARCHAR") && sl_str_starts(pair->before, "VARCHAR");
        is_more = sl_str_starts(pair->now, "STRUCT(") || sl_str_starts(pair->now, "MAP(");
        pair->before += length;
        pair->now += word_length(pair->now, ",)[");
    }
    size_t before = take_brackets(&pair->before), now = take_brackets(&pair->now);
    pair->is_found |= is_text && (now > before || (is_more && now == before));
    return now == before || (is_text && now > before);
}

static bool has_nested_for_text(const char *before, const char *now)
{
    struct pair pair = {before, now, false};

    return walk(&pair) && pair.is_found;
}

// Whether each value of the table comes back as it was, which no text would but a null.
static int fits(struct sl_ingest *ingest, const struct sl_column *before, const char *type,
                bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = ingest->context->session;
    struct sl_scan scan;

    *ret = false;
    SL_TRY(sl_delta_scan_files(&ingest->snapshot, ingest->snapshot.files,
                               ingest->snapshot.file_count, ingest->arena, &scan, err));
    sl_buf_add_sql_name(&name, before->name);
    SL_TRY(sl_buf_check(&name, err));
    sl_buf_add(&sql, "select count(*) from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    sl_buf_addf(&sql, " where %s is distinct from try_cast(try_cast(%s as %s) as %s)", name.text,
                name.text, type, before->type);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0) == 0;
    return SL_OK;
}

int sl_ingest_retype(struct sl_ingest *ingest, struct sl_column *column, const char *type,
                     struct sl_err *err)
{
    const struct sl_column *before =
        sl_column_find(ingest->snapshot.columns, ingest->snapshot.column_count, column->name);
    bool does_fit;

    // An earlier new file may have given the column another type already, in which no row is.
    if (!before || sl_str_equal(column->type, type) || !has_nested_for_text(before->type, type) ||
        ingest->loose_count > 0 || ingest->has_foreign_rows)
        return SL_OK;
    SL_TRY(fits(ingest, before, type, &does_fit, err));
    if (!does_fit)
        return SL_OK;
    column->type = type;
    ingest->is_retyped = true;
    return SL_OK;
}

int sl_ingest_tell_retyped(struct sl_ingest *ingest, struct sl_err *err)
{
    for (size_t i = 0; ingest->is_retyped && i < ingest->snapshot.column_count; i++) {
        const struct sl_column *before = &ingest->snapshot.columns[i];
        const struct sl_column *now = sl_ingest_column(ingest, before->name);
        const char *note;

        if (!now || sl_str_equal(now->type, before->type))
            continue;
        note = sl_arena_printf(ingest->arena,
                               "column '%s' had no value of a known type where it has one now: its "
                               "rows are written anew as %s",
                               now->name, now->type);
        SL_TRY_NEW(note, err);
        SL_TRY(sl_strs_add(&ingest->result.notes, ingest->arena, note, err));
    }
    return SL_OK;
}

void sl_ingest_add_retyped(const struct sl_ingest *ingest, struct sl_buf *sql)
{
    for (size_t i = 0; ingest->is_retyped && i < ingest->snapshot.column_count; i++) {
        const struct sl_column *before = &ingest->snapshot.columns[i];
        const struct sl_column *now = sl_ingest_column(ingest, before->name);

        if (!now || sl_str_equal(now->type, before->type))
            continue;
        sl_buf_add(sql, ", cast(");
        sl_buf_add_sql_name(sql, before->name);
        sl_buf_addf(sql, " as %s) as ", now->type);
        sl_buf_add_sql_name(sql, before->name);
    }
}
