// How much of a model must be recomputed after its inputs changed.
#include "step/model.h"

#include <string.h>
#include <strings.h>

// A snapshot's rows are never recomputed: they are an input of what comes next.
static bool keeps_history(const struct sl_model_step *step)
{
    return step->model->write == SL_WRITE_SNAPSHOT && step->head.version >= 0 &&
           !step->context->full_refresh;
}

static int whole(struct sl_model_step *step, const char *why, struct sl_err *err)
{
    SL_TRY_NEW(why, err);
    step->scope = keeps_history(step) ? SL_SCOPE_ALL_ROWS : SL_SCOPE_ALL;
    step->commit_mode = SL_DELTA_REPLACE;
    step->why = why;
    return SL_OK;
}

// The one input that changed, and how. One after the other: from the version that the model was
// built from to each version that a backfill has read since, and from the last of these to the one
// of now. A row that came and went again between would else be in the partitions that a backfill
// read, and in no change. Without a backfill it is one.
struct driving {
    const struct sl_model_input *input;
    struct sl_delta_changes *changes;
    size_t count;
};

// Changes of an input since the model was built from it. Files that only moved (compaction) are
// told apart by the caller, by their rows.
static int changes_of(struct sl_model_step *step, const struct sl_model_input *input, int64_t from,
                      int64_t to, struct sl_delta_changes *ret, const char **ret_why,
                      struct sl_err *err)
{
    struct sl_step_range range = {.table = input->table,
                                  .folder = input->folder,
                                  .from = from,
                                  .to = to,
                                  .needs_removed = step->model->write == SL_WRITE_PARTITION};
    return sl_step_changes(step->context, &range, ret, ret_why, err);
}

// Once per step: with very many files even the columns take a while.
static int driving_schema(struct sl_model_step *step, const struct sl_model_input *driving,
                          const struct sl_delta_snapshot **ret, struct sl_err *err)
{
    if (!step->driving_schema) {
        struct sl_delta_snapshot *schema = SL_NEW(step->context->arena, struct sl_delta_snapshot);
        SL_TRY_NEW(schema, err);
        SL_TRY(sl_delta_load_schema(driving->folder, driving->version, step->context->session,
                                    step->context->arena, schema, err));
        step->driving_schema = schema;
    }
    *ret = step->driving_schema;
    return SL_OK;
}

// A beginning of names that no column of the driving table has.
int sl_model_name_values(struct sl_model_step *step, const struct sl_model_input *driving,
                         struct sl_err *err)
{
    const struct sl_delta_snapshot *schema;
    const char *prefix = "~p";
    SL_TRY(driving_schema(step, driving, &schema, err));
    for (size_t i = 0; i < schema->column_count; i++)
        if (strncasecmp(schema->columns[i].name, prefix, strlen(prefix)) == 0) {
            prefix = sl_arena_printf(step->context->arena, "~%s", prefix);
            SL_TRY_NEW(prefix, err);
            i = (size_t)-1; // from the first one again
        }
    step->value_prefix = prefix;
    return SL_OK;
}

static int scan_sql_of(struct sl_model_step *step, const struct sl_model_input *input,
                       const struct sl_delta_file *files, size_t count, struct sl_buf *sql,
                       struct sl_err *err)
{
    const struct sl_delta_snapshot *schema;
    struct sl_scan scan;
    struct sl_session *session = step->context->session;
    SL_TRY(driving_schema(step, input, &schema, err));
    SL_TRY(sl_delta_scan_files(schema, files, count, step->context->arena, &scan, err));
    return session->kind->scan_sql(session, &scan, sql, err);
}

static int narrow_view(struct sl_model_step *step, const struct sl_model_input *input,
                       const char *sql, struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    return session->kind->create_view(session, sl_layer_name(input->layer), input->name, sql, err);
}

static int new_rows(struct sl_model_step *step, const struct sl_model_input *driving,
                    const struct sl_delta_changes *changes, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(scan_sql_of(step, driving, changes->added, changes->added_count, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(narrow_view(step, driving, sql.text, err));
    step->scope = SL_SCOPE_NEW_ROWS;
    step->commit_mode = SL_DELTA_APPEND;
    step->why = sl_arena_printf(step->context->arena, "new rows in %s", driving->table);
    SL_TRY_NEW(step->why, err);
    return SL_OK;
}

const char *sl_model_partition_expression(const struct sl_model_step *step, const char *name)
{
    for (size_t i = 0; i < step->query->column_count; i++)
        if (sl_str_equal_nocase(step->query->columns[i].name, name))
            return step->query->columns[i].expression;
    return NULL;
}

// select <expression> as "~p0", ..., * from <files>
int sl_model_partition_rows(struct sl_model_step *step, const struct sl_model_input *driving,
                            const struct sl_delta_file *files, size_t count, struct sl_buf *sql,
                            struct sl_err *err)
{
    sl_buf_add(sql, "(select ");
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        sl_buf_addf(sql, "%s(%s) as \"%s%zu\"", i ? ", " : "",
                    sl_model_partition_expression(step, step->model->partition_by.items[i]),
                    step->value_prefix, i);
    sl_buf_add(sql, ", * from ");
    SL_TRY(scan_sql_of(step, driving, files, count, sql, err));
    sl_buf_add(sql, ")");
    return SL_OK;
}

static void partition_names(const struct sl_model_step *step, struct sl_buf *sql)
{
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        sl_buf_addf(sql, "%s\"%s%zu\"", i ? ", " : "", step->value_prefix, i);
}

// The partitions of rows that came or went: rows that a rewrite merely moved to another file cancel
// out.
static int touched_rows(struct sl_model_step *step, const struct sl_model_input *driving,
                        const struct sl_delta_changes *changes, struct sl_buf *sql,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf added = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf removed = SL_BUF_INIT;
    SL_TRY(
        sl_model_partition_rows(step, driving, changes->added, changes->added_count, &added, err));
    SL_TRY(sl_model_partition_rows(step, driving, changes->removed, changes->removed_count,
                                   &removed, err));
    SL_TRY(sl_buf_check(&added, err));
    SL_TRY(sl_buf_check(&removed, err));
    sl_buf_add(sql, "(select ");
    partition_names(step, sql);
    if (!changes->removed_count)
        sl_buf_addf(sql, " from %s)", added.text);
    else
        sl_buf_addf(
            sql,
            " from (select * from ((select * from %s) except all (select * from %s)) union all "
            "select * from ((select * from %s) except all (select * from %s))))",
            added.text, removed.text, removed.text, added.text);
    return sl_buf_check(sql, err);
}

static int touched_sql(struct sl_model_step *step, const struct driving *driving,
                       struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, "create or replace temp table _touched as select distinct * from (");
    for (size_t i = 0; i < driving->count; i++) {
        sl_buf_add(sql, i ? " union all " : "");
        SL_TRY(touched_rows(step, driving->input, &driving->changes[i], sql, err));
    }
    sl_buf_add(sql, ")");
    return sl_buf_check(sql, err);
}

static int read_touched(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    struct sl_arena *arena = step->context->arena;
    size_t width = step->model->partition_by.count;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(session->kind->query(session, "select * from _touched order by all", 0, &result, err));
    size_t count = (size_t)sl_result_rows(result);
    const char *const **touched = SL_NEW_ARRAY(arena, const char *const *, count);
    SL_TRY_NEW(touched, err);
    for (size_t row = 0; row < count; row++) {
        const char **values = SL_NEW_ARRAY(arena, const char *, width);
        SL_TRY_NEW(values, err);
        for (size_t i = 0; i < width; i++) {
            const char *text = sl_result_text(result, (int64_t)row, i);
            values[i] = sl_arena_strdup(arena, text);
            if (text)
                SL_TRY_NEW(values[i], err);
        }
        touched[row] = values;
    }
    step->touched = touched;
    step->touched_count = count;
    return SL_OK;
}

// The driving table's view gives only rows of touched partitions; `is not distinct from` because a
// partition may be null.
int sl_model_narrow(struct sl_model_step *step, const struct sl_model_input *driving,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot;
    SL_TRY(sl_delta_load(driving->folder, driving->version, step->context->session,
                         step->context->arena, &snapshot, err));
    sl_buf_add(&sql, "select _d.* from ");
    SL_TRY(scan_sql_of(step, driving, snapshot.files, snapshot.file_count, &sql, err));
    sl_buf_add(&sql, " _d semi join _touched on (");
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        sl_buf_addf(&sql, "%s_touched.\"%s%zu\" is not distinct from (%s)", i ? " and " : "",
                    step->value_prefix, i,
                    sl_model_partition_expression(step, step->model->partition_by.items[i]));
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    return narrow_view(step, driving, sql.text, err);
}

static int touched_partitions(struct sl_model_step *step, const struct driving *changed,
                              struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    const struct sl_model_input *driving = changed->input;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    char number[32];
    SL_TRY(sl_model_name_values(step, driving, err));
    SL_TRY(touched_sql(step, changed, &sql, err));
    SL_TRY(session->kind->exec(session, sql.text, NULL, err));
    SL_TRY(read_touched(step, err));
    if (!step->touched_count) {
        step->scope = SL_SCOPE_NONE;
        return SL_OK;
    }
    if (!step->only_foresees)
        SL_TRY(sl_model_narrow(step, driving, err));
    step->scope = SL_SCOPE_PARTITIONS;
    step->commit_mode = SL_DELTA_PARTITIONS;
    step->why = sl_arena_printf(step->context->arena, "%s partition%s touched by changes in %s",
                                sl_str_count((int64_t)step->touched_count, number),
                                step->touched_count == 1 ? "" : "s", driving->table);
    SL_TRY_NEW(step->why, err);
    return SL_OK;
}

// Appends and merges: provably partial when only the driving table changed, by added files, and the
// query works row by row.
static int scope_of_rows(struct sl_model_step *step, const struct sl_model_input *driving,
                         const struct sl_delta_changes *changes, struct sl_err *err)
{
    if (!step->query->is_row_wise)
        return whole(step,
                     sl_arena_printf(step->context->arena, "%s changed, and %s", driving->table,
                                     step->query->why_not_row_wise),
                     err);
    if (changes->removed_count)
        return whole(
            step, sl_arena_printf(step->context->arena, "rows of %s were replaced", driving->table),
            err);
    return new_rows(step, driving, changes, err);
}

static int scope_of_partitions(struct sl_model_step *step, const struct driving *changed,
                               struct sl_err *err)
{
    const struct sl_model_input *driving = changed->input;
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        if (!sl_model_partition_expression(step, step->model->partition_by.items[i]))
            return whole(step,
                         sl_arena_printf(step->context->arena,
                                         "partition column '%s' is not taken from %s alone",
                                         step->model->partition_by.items[i], driving->table),
                         err);
    if (step->query->why_not_local)
        return whole(step,
                     sl_arena_printf(step->context->arena, "%s changed, and %s", driving->table,
                                     step->query->why_not_local),
                     err);
    return touched_partitions(step, changed, err);
}

static bool finds_what_is_gone(const struct sl_model_step *step)
{
    return step->model->write == SL_WRITE_SNAPSHOT && step->model->deletes == SL_DELETES_CLOSE;
}

// The versions of the driving table between which changes are looked for, in order; none if what
// backfills have read are no versions of it any more.
static int stops(struct sl_model_step *step, const struct sl_model_input *input, int64_t **ret,
                 size_t *ret_count, struct sl_err *err)
{
    const struct sl_record *record = &step->record;
    int64_t *at = SL_NEW_ARRAY(step->context->arena, int64_t, record->ahead_count + 2);
    size_t count = 0;
    SL_TRY_NEW(at, err);
    *ret = at;
    *ret_count = 0;
    at[count++] = input->built_from;
    for (size_t i = 0; i < record->ahead_count; i++) {
        int64_t version = -1;
        for (size_t k = 0; k < record->ahead[i].count; k++)
            if (sl_str_equal(record->ahead[i].items[k].table, input->table) &&
                sl_str_equal(record->ahead[i].items[k].id, input->id))
                version = record->ahead[i].items[k].version;
        if (version < input->built_from || version > input->version)
            return SL_OK;
        size_t place = count;
        while (place > 1 && at[place - 1] > version)
            place--;
        if (at[place - 1] == version || version == input->version)
            continue;
        memmove(&at[place + 1], &at[place], (count - place) * sizeof *at);
        at[place] = version;
        count++;
    }
    at[count++] = input->version;
    *ret_count = count;
    return SL_OK;
}

// What changed in the driving table; *ret_why: why all must be recomputed; NULL: nothing says so.
static int changes_since(struct sl_model_step *step, const struct sl_model_input *input,
                         struct driving *ret, const char **ret_why, struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    int64_t *at;
    size_t count;
    SL_TRY(stops(step, input, &at, &count, err));
    *ret_why = count ? NULL
                     : sl_arena_printf(arena, "%s is another table than a backfill has read",
                                       input->table);
    if (!count)
        return *ret_why ? SL_OK : sl_fail_memory(err);
    *ret = (struct driving){input, SL_NEW_ARRAY(arena, struct sl_delta_changes, count), 0};
    SL_TRY_NEW(ret->changes, err);
    for (size_t i = 0; i + 1 < count; i++) {
        struct sl_delta_changes *changes = &ret->changes[ret->count++];
        SL_TRY(changes_of(step, input, at[i], at[i + 1], changes, ret_why, err));
        if (*ret_why)
            return SL_OK;
        if (changes->schema_changed)
            *ret_why = sl_arena_printf(arena, "%s has other columns now", input->table);
        else if (changes->removed_count && changes->kept_count == 0)
            *ret_why = sl_arena_printf(arena, "%s was built anew", input->table);
        else
            continue;
        return *ret_why ? SL_OK : sl_fail_memory(err);
    }
    return SL_OK;
}

static bool has_changes(const struct driving *driving)
{
    for (size_t i = 0; i < driving->count; i++)
        if (driving->changes[i].added_count || driving->changes[i].removed_count)
            return true;
    return false;
}

int sl_model_scope(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    if (step->context->full_refresh)
        return whole(step, "asked for by --full-refresh", err);
    if (step->head.version < 0)
        return whole(step, "never built", err);
    if (step->changed_by)
        return whole(step, step->changed_by, err);
    if (!step->head.record_json)
        return whole(step, "its log no longer says what it was built from", err);
    if (!sl_str_equal(step->record.fingerprint, step->fingerprint))
        return whole(step, "its SQL or settings changed", err);
    if (step->record.input_count != step->input_count)
        return whole(step, "its inputs are others", err);
    if (step->query->why_every_run)
        return whole(step, step->query->why_every_run, err);
    struct driving driving = {0};
    for (size_t i = 0; i < step->input_count; i++) {
        const struct sl_model_input *input = &step->inputs[i];
        const char *why;
        if (input->version == input->built_from)
            continue;
        if (input->built_from < 0 || input->version < input->built_from)
            return whole(step, sl_arena_printf(arena, "%s is another table now", input->table),
                         err);
        if (step->model->write == SL_WRITE_FULL || !input->is_driving || finds_what_is_gone(step))
            return whole(step, sl_arena_printf(arena, "%s changed", input->table), err);
        SL_TRY(changes_since(step, input, &driving, &why, err));
        if (why)
            return whole(step, why, err);
    }
    if (!has_changes(&driving)) {
        step->scope = SL_SCOPE_NONE;
        return SL_OK;
    }
    if (step->model->write == SL_WRITE_PARTITION)
        return scope_of_partitions(step, &driving, err);
    return scope_of_rows(step, driving.input, &driving.changes[0], err);
}
