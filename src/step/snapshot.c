// Write mode snapshot: what surrounds the telling of the history.
#include "step/snapshot.h"

#include "base/clock.h"
#include "step/schema.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_TYPE "TIMESTAMP WITH TIME ZONE"

static int fail_at(const struct sl_model *model, const char *key, struct sl_err *err)
{
    struct sl_place place = sl_yaml_place(model->node, key);
    return sl_err_at(err, place.file, place.line, place.column);
}

int sl_model_table_columns(const struct sl_model *model, const struct sl_column *columns,
                           size_t count, struct sl_arena *arena, struct sl_column **ret,
                           size_t *ret_count, struct sl_err *err)
{
    struct sl_column *all = SL_NEW_ARRAY(arena, struct sl_column, count + 3);
    SL_TRY_NEW(all, err);
    for (size_t i = 0; i < count; i++)
        all[i] = columns[i];
    *ret = all;
    *ret_count = count;
    if (model->write != SL_WRITE_SNAPSHOT)
        return SL_OK;
    const struct sl_column *time =
        model->updated_at ? sl_column_find(columns, count, model->updated_at) : NULL;
    const char *type = time ? sl_storage_type(time->type) : CLOCK_TYPE;
    all[count] = (struct sl_column){SL_VALID_FROM, type};
    all[count + 1] = (struct sl_column){SL_VALID_TO, type};
    all[count + 2] = (struct sl_column){SL_IS_CURRENT, "BOOLEAN"};
    *ret_count = count + 3;
    return SL_OK;
}

static bool holds_history(const struct sl_delta_snapshot *table)
{
    return sl_column_find(table->columns, table->column_count, SL_VALID_FROM) &&
           sl_column_find(table->columns, table->column_count, SL_VALID_TO) &&
           sl_column_find(table->columns, table->column_count, SL_IS_CURRENT);
}

// The settings that the history was told by, out of the code that was kept; NULL: not known.
static int find_kept(struct sl_model_step *step, json_t **ret, struct sl_err *err)
{
    json_t *code;
    SL_TRY(sl_step_find_code(step->context, step->record.fingerprint, &code, err));
    if (code && !sl_str_equal(sl_json_text(code, "kind", NULL), "snapshot")) {
        sl_json_free(&code);
        code = NULL;
    }
    (void)json_object_del(code, "model");
    (void)json_object_del(code, "file");
    (void)json_object_del(code, "text");
    *ret = code;
    return SL_OK;
}

static json_t *settings_of(const struct sl_model *model)
{
    return json_pack("{s:s, s:o, s:s?}", "kind", "snapshot", "key", sl_json_strs(&model->key),
                     "updated_at", model->updated_at);
}

int sl_snapshot_keep(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *code = NULL;
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    if (step->model->write != SL_WRITE_SNAPSHOT)
        return SL_OK;
    // What is kept is what was used, however it is written now; earlier versions kept no settings.
    SL_TRY(sl_step_find_code(step->context, step->fingerprint, &kept, err));
    if (json_object_get(kept, "key") && json_object_get(kept, "text"))
        return SL_OK;
    code = settings_of(step->model);
    SL_TRY_NEW(code, err);
    if (json_object_set_new(code, "model", json_string(step->model->name)) != 0 ||
        json_object_set_new(code, "file", sl_json_string(step->model->file)) != 0 ||
        json_object_set_new(code, "text",
                            sl_json_string(step->model->text ? step->model->text : "")) != 0)
        return sl_fail_memory(err);
    return sl_step_keep_code(step->context, step->fingerprint, code, err);
}

static int refuse_loss(struct sl_model_step *step, const char *what, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_MODEL_SETTING, "curated.%s holds a history that %s would throw away",
                  step->model->name, what);
    (void)sl_err_hint(err,
                      "if it may go: `sluice run --select %s --full-refresh --yes`; else give the "
                      "model another name",
                      step->model->name);
    return fail_at(step->model, "write", err);
}

// Nothing can tell the history again, nor which of its rows are not ours.
static int refuse_foreign(struct sl_model_step *step, struct sl_err *err)
{
    const char *name = step->model->name;
    (void)sl_fail(err, SL_E_TABLE_FOREIGN, "%s, and its history cannot be built anew",
                  step->changed_by);
    return sl_err_hint(err,
                       "`sluice rollback` goes back to a publication without them; or, if the "
                       "history may go: `sluice run --select %s --full-refresh --yes`",
                       name);
}

int sl_snapshot_guard(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    SL_AUTO(sl_json_free) json_t *now = NULL;
    bool may_lose = step->context->full_refresh && step->context->loses_history;
    if (step->head.version < 0 || may_lose)
        return SL_OK;
    bool is_snapshot = step->model->write == SL_WRITE_SNAPSHOT;
    if (is_snapshot && step->context->full_refresh)
        return refuse_loss(step, "--full-refresh without --yes", err);
    if (is_snapshot && step->changed_by)
        return refuse_foreign(step, err);
    if (sl_str_equal(step->record.fingerprint, step->fingerprint))
        return SL_OK;
    SL_TRY(find_kept(step, &kept, err));
    if (!kept && is_snapshot)
        return SL_OK;
    if (!kept) { // the code may be gone: the table itself tells
        struct sl_delta_snapshot table;
        SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session,
                             step->context->arena, &table, err));
        if (!holds_history(&table))
            return SL_OK;
    }
    if (!is_snapshot)
        return refuse_loss(step, "another write mode", err);
    now = settings_of(step->model);
    SL_TRY_NEW(now, err);
    return json_equal(kept, now) ? SL_OK : refuse_loss(step, "another 'key' or 'updated_at'", err);
}

// By its name in the table, whatever its case.
static int take_column(struct sl_model_step *step, const struct sl_column *column,
                       struct sl_column *now, size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!now[i].name || !sl_str_equal(now[i].name, column->name))
            continue;
        if (!sl_str_equal(now[i].type, column->type)) {
            (void)sl_fail(err, SL_E_MODEL_SETTING,
                          "column '%s' is %s in the history of curated.%s, and %s now",
                          column->name, column->type, step->model->name, now[i].type);
            (void)sl_err_hint(err, "cast it to %s, or give it another name", column->type);
            return fail_at(step->model, "write", err);
        }
        step->stored[step->stored_count++] = now[i];
        now[i].name = NULL;
        return SL_OK;
    }
    (void)sl_fail(err, SL_E_MODEL_SETTING,
                  "the history of curated.%s has a column '%s' that the result lacks",
                  step->model->name, column->name);
    (void)sl_err_hint(err, "keep it, if need be as 'null::%s as \"%s\"'", column->type,
                      column->name);
    return fail_at(step->model, "write", err);
}

int sl_snapshot_columns(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    struct sl_delta_snapshot table;
    struct sl_column *now;
    size_t count;
    SL_TRY(sl_model_table_columns(step->model, step->stored, step->stored_count, arena, &now,
                                  &count, err));
    step->stored = now;
    step->stored_count = count;
    if (step->head.version < 0 || step->scope == SL_SCOPE_ALL)
        return SL_OK;
    SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session, arena, &table,
                         err));
    if (!holds_history(&table) && step->scope != SL_SCOPE_ALL_ROWS)
        return sl_fail(err, SL_E_TABLE_SCHEMA,
                       "another program has taken the columns of the history out of curated.%s",
                       step->model->name);
    if (!holds_history(&table)) { // of another write mode until now: nothing to go on from
        step->scope = SL_SCOPE_ALL;
        step->commit_mode = SL_DELTA_REPLACE;
        return SL_OK;
    }
    step->stored = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(step->stored, err);
    step->stored_count = 0;
    for (size_t i = 0; i < table.column_count; i++)
        SL_TRY(take_column(step, &table.columns[i], now, count, err));
    for (size_t i = 0; i < count; i++)
        if (now[i].name)
            step->stored[step->stored_count++] = now[i];
    return SL_OK;
}

// Texts that the statements are put together from.
static int keep_text(struct sl_snapshot *snapshot, struct sl_buf *text, const char **ret,
                     struct sl_err *err)
{
    SL_TRY(sl_buf_check(text, err));
    *ret = sl_arena_strdup(snapshot->step->context->arena, text->text);
    SL_TRY_NEW(*ret, err);
    sl_buf_reset(text);
    return SL_OK;
}

static void add_name(struct sl_buf *text, const char *before, const char *name, const char *after)
{
    sl_buf_add(text, before);
    sl_buf_add_sql_name(text, name);
    sl_buf_add(text, after);
}

static int key_texts(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_model_step *step = snapshot->step;
    size_t count = step->model->key.count;
    for (size_t i = 0; i < count; i++)
        add_name(&text, i ? ", " : "", step->key[i], "");
    SL_TRY(keep_text(snapshot, &text, &snapshot->key, err));
    for (size_t i = 0; i < count; i++)
        add_name(&text, i ? ", _a." : "_a.", step->key[i], "");
    SL_TRY(keep_text(snapshot, &text, &snapshot->key_a, err));
    for (size_t i = 0; i < count; i++) {
        add_name(&text, i ? " and _a." : "_a.", step->key[i], " is not distinct from _b.");
        sl_buf_add_sql_name(&text, step->key[i]);
    }
    return keep_text(snapshot, &text, &snapshot->match, err);
}

static int column_texts(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_model_step *step = snapshot->step;
    for (size_t i = 0; i < step->column_count; i++)
        add_name(&text, i ? ", " : "", step->columns[i].name, "");
    SL_TRY(keep_text(snapshot, &text, &snapshot->columns, err));
    for (size_t i = 0; i < step->column_count; i++)
        add_name(&text, i ? ", _a." : "_a.", step->columns[i].name, "");
    SL_TRY(keep_text(snapshot, &text, &snapshot->columns_a, err));
    for (size_t i = 0; i < step->column_count; i++) {
        add_name(&text, i ? " and _a." : "_a.", step->columns[i].name, " is not distinct from _b.");
        sl_buf_add_sql_name(&text, step->columns[i].name);
    }
    SL_TRY(keep_text(snapshot, &text, &snapshot->same, err));
    for (size_t i = 0; i < step->column_count; i++)
        add_name(&text, i ? ", " : "", step->columns[i].name, " desc nulls last");
    return keep_text(snapshot, &text, &snapshot->order, err);
}

static int time_texts(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_model_step *step = snapshot->step;
    const struct sl_column *from = sl_column_find(step->stored, step->stored_count, SL_VALID_FROM);
    char now[32];
    bool has_zone = sl_str_equal(from->type, CLOCK_TYPE);
    sl_buf_addf(&text, "cast(%s '%s' as %s)", has_zone ? "timestamptz" : "timestamp",
                sl_clock_format(step->context->now_us, now), from->type);
    SL_TRY(keep_text(snapshot, &text, &snapshot->clock, err));
    if (!step->updated_at)
        return SL_OK;
    sl_buf_add_sql_name(&text, step->updated_at);
    return keep_text(snapshot, &text, &snapshot->updated_at, err);
}

static int prepare(struct sl_snapshot *snapshot, struct sl_err *err)
{
    struct sl_model_step *step = snapshot->step;
    SL_TRY(key_texts(snapshot, err));
    SL_TRY(column_texts(snapshot, err));
    SL_TRY(time_texts(snapshot, err));
    if (step->scope == SL_SCOPE_ALL)
        return SL_OK;
    snapshot->is_changed_code = !sl_str_equal(step->record.fingerprint, step->fingerprint);
    return sl_delta_load(step->folder, step->head.version, step->context->session,
                         step->context->arena, &snapshot->table, err);
}

// `sql`: count of rows that cannot be placed, and an example.
static int refuse_rows(struct sl_snapshot *snapshot, const struct sl_buf *sql, const char *setting,
                       const char *what, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = snapshot->step->context->session;
    char number[32];
    SL_TRY(sl_buf_check(sql, err));
    SL_TRY(session->kind->query(session, sql->text, 1, &result, err));
    if (sl_result_int(result, 0, 0) == 0)
        return SL_OK;
    const char *example = sl_result_text(result, 0, 1);
    (void)sl_fail(err, SL_E_CHECK_FAILED, "%s %s, for example %.300s",
                  sl_str_count(sl_result_int(result, 0, 0), number), what, example ? example : "");
    (void)sl_err_hint(err, "nothing was published: readers still see the old version of curated.%s",
                      snapshot->step->model->name);
    return fail_at(snapshot->step->model, setting, err);
}

// Every row must have its place in the history of its key.
static int check_rows(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (snapshot->updated_at) {
        sl_buf_addf(&sql,
                    "select count(*), any_value(to_json(_a)::varchar) from _rows _a where _a.%s is "
                    "null",
                    snapshot->updated_at);
        return refuse_rows(snapshot, &sql, "updated_at",
                           "rows have no time, so that nobody can tell since when they hold", err);
    }
    sl_buf_addf(&sql,
                "select count(*), any_value(to_json(_a)::varchar) from (select %s from (select "
                "distinct %s from _rows) group by %s having count(*) > 1) _a",
                snapshot->key, snapshot->columns, snapshot->key);
    return refuse_rows(snapshot, &sql, "key",
                       "keys have different rows at once, and without 'updated_at' nothing tells "
                       "which came later",
                       err);
}

static int count_news(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = snapshot->step->context->session;
    struct sl_balance *balance = &snapshot->step->balance;
    SL_TRY(session->kind->query(session, "select count(*) from _versions where \"~file\" = 1", 0,
                                &result, err));
    snapshot->news = sl_result_int(result, 0, 0);
    // A key that is back was read as a version that is known, and as a sign that it is there.
    balance->in += snapshot->back;
    balance->out = snapshot->news + snapshot->back;
    balance->deduplicated = balance->in - balance->out;
    balance->replaced = balance->out - (snapshot->added - snapshot->dropped);
    return SL_OK;
}

// Files with rows that are dropped give way. *ret_kept: rows of theirs that stay; -1: not counted.
static int find_files(struct sl_snapshot *snapshot, struct sl_delta_file **ret, struct sl_buf *list,
                      int64_t *ret_kept, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_model_step *step = snapshot->step;
    struct sl_session *session = step->context->session;
    struct sl_arena *arena = step->context->arena;
    SL_TRY(session->kind->query(session,
                                "select \"~file\", count(*) from _dropped group by 1 order by 1", 0,
                                &result, err));
    size_t count = (size_t)sl_result_rows(result);
    const char **removed = SL_NEW_ARRAY(arena, const char *, count);
    *ret = SL_NEW_ARRAY(arena, struct sl_delta_file, count);
    SL_TRY_NEW(removed, err);
    SL_TRY_NEW(*ret, err);
    *ret_kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t index;
        SL_TRY(sl_file_index(result, (int64_t)i, snapshot->table.file_count, &index, err));
        (*ret)[i] = snapshot->table.files[index];
        removed[i] = (*ret)[i].path;
        *ret_kept = sl_rows_add(*ret_kept, (*ret)[i].row_count);
        sl_buf_addf(list, "%s%zu", i ? ", " : "", index);
    }
    *ret_kept = *ret_kept < 0 ? -1 : *ret_kept - snapshot->dropped;
    step->removed = removed;
    step->removed_count = count;
    return SL_OK;
}

static void add_stored(const struct sl_model_step *step, struct sl_buf *sql)
{
    for (size_t i = 0; i < step->stored_count; i++)
        add_name(sql, i ? ", " : "", step->stored[i].name, "");
}

static int stage_changes(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf list = SL_BUF_INIT;
    struct sl_model_step *step = snapshot->step;
    struct sl_delta_file *files;
    int64_t kept;
    SL_TRY(find_files(snapshot, &files, &list, &kept, err));
    SL_TRY(sl_buf_check(&list, err));
    sl_buf_add(&sql, "select ");
    add_stored(step, &sql);
    sl_buf_add(&sql, " from _added");
    if (step->removed_count) {
        struct sl_scan scan;
        SL_TRY(sl_delta_scan_files(&snapshot->table, files, step->removed_count,
                                   step->context->arena, &scan, err));
        scan.columns = step->stored;
        scan.column_count = step->stored_count;
        scan.with_origin = true;
        sl_buf_add(&sql, " union all select ");
        add_stored(step, &sql);
        sl_buf_add(&sql, " from ");
        SL_TRY(step->context->session->kind->scan_sql(step->context->session, &scan, &sql, err));
        sl_buf_addf(&sql,
                    " _a anti join _dropped _b on ([%s][_a.\"~file\" + 1] = _b.\"~file\" and "
                    "_a.\"~row\" = _b.\"~row\")",
                    list.text);
    }
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        add_name(&sql, i ? ", " : " order by ", step->partition_by[i], "");
    SL_TRY(sl_buf_check(&sql, err));
    if (step->scope != SL_SCOPE_ALL)
        step->commit_mode = step->removed_count ? SL_DELTA_REWRITE : SL_DELTA_APPEND;
    SL_TRY(sl_model_stage(step, sql.text, err));
    if (kept >= 0 && step->staged.row_count != snapshot->added + kept)
        return sl_fail(err, SL_E_BALANCE, "%s: %lld rows were written, expected %lld", step->app_id,
                       (long long)step->staged.row_count, (long long)(snapshot->added + kept));
    return SL_OK;
}

// Over the table as it would be: per key one current row at most, and no two rows at once.
static int prove(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_model_step *step = snapshot->step;
    struct sl_session *session = step->context->session;
    struct sl_scan scan;
    SL_TRY(sl_model_scan(step, &scan, err));
    sl_buf_addf(&sql,
                "select count(*), any_value(to_json(_a)::varchar) from (select %s, " SL_VALID_FROM
                ", " SL_VALID_TO ", " SL_IS_CURRENT ", lead(" SL_VALID_FROM
                ") over (partition by %s order by " SL_VALID_FROM ", " SL_VALID_TO
                " nulls last) as \"~row\" from ",
                snapshot->key, snapshot->key);
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    sl_buf_addf(&sql,
                " _a semi join _touched _b on (%s)) _a where " SL_VALID_FROM " is null or "
                "" SL_IS_CURRENT " is distinct from (" SL_VALID_TO " is null) or " SL_VALID_TO
                " < " SL_VALID_FROM " or \"~row\" < " SL_VALID_TO " or (\"~row\" is not null and "
                "" SL_VALID_TO " is null)",
                snapshot->match);
    return refuse_rows(snapshot, &sql, "write",
                       "rows of the history would hold at the same time as others of their key",
                       err);
}

int sl_snapshot_stage(struct sl_model_step *step, const char *sql, struct sl_err *err)
{
    struct sl_snapshot snapshot = {
        .step = step, .table = {.version = -1}, .closes = step->model->deletes == SL_DELETES_CLOSE};
    int64_t before = 0;
    SL_TRY(prepare(&snapshot, err));
    SL_TRY(sl_snapshot_read(&snapshot, sql, err));
    SL_TRY(check_rows(&snapshot, err));
    SL_TRY(sl_snapshot_tell(&snapshot, err));
    SL_TRY(count_news(&snapshot, err));
    if (step->scope == SL_SCOPE_ALL) {
        SL_TRY(sl_step_count(step->context, step->folder, step->head.version, &before, err));
        step->balance.replaced = before;
    }
    SL_TRY(stage_changes(&snapshot, err));
    return prove(&snapshot, err);
}
