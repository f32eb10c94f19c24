// What a backfill has to do: the partitions that the inputs have, or that the next run would do,
// and of them those that were asked for.
#include "step/backfill.h"
#include "step/model.h"

#define STANDING_ROWS 5000 // that one statement inserts

struct search {
    struct sl_model_step *step;
    const struct sl_backfill_search *options;
    const char **types;
    struct sl_backfill_found *found;
    bool has_standing; // the temporary table _standing: the partitions of the table, with rows
};

static size_t width_of(const struct search *search)
{
    return search->step->model->partition_by.count;
}

static void add_names(const struct search *search, struct sl_buf *sql)
{
    for (size_t i = 0; i < width_of(search); i++)
        sl_buf_addf(sql, "%s\"%s%zu\"", i ? ", " : "", search->step->value_prefix, i);
}

static int exec(const struct search *search, const struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = search->step->context->session;
    SL_TRY(sl_buf_check(sql, err));
    return session->kind->exec(session, sql->text, NULL, err);
}

// _partitions: those that rows of the driving table belong to.
static int list_by_rows(struct search *search, const struct sl_model_input *driving,
                        struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot;
    SL_TRY(sl_backfill_types(step, driving, &search->types, err));
    SL_TRY(sl_delta_load(driving->folder, driving->version, step->context->session,
                         step->context->arena, &snapshot, err));
    search->found->rows_of_all = snapshot.row_count;
    sl_buf_add(&sql, "create or replace temp table _partitions as select ");
    add_names(search, &sql);
    sl_buf_add(&sql, ", count(*)::bigint as \"~rows\" from ");
    SL_TRY(sl_model_partition_rows(step, driving, snapshot.files, snapshot.file_count, &sql, err));
    sl_buf_add(&sql, " group by all");
    return exec(search, &sql, err);
}

static void add_is_same(const struct search *search, const char *a, const char *b,
                        struct sl_buf *sql)
{
    for (size_t i = 0; i < width_of(search); i++)
        sl_buf_addf(sql, "%s%s.\"%s%zu\" is not distinct from %s.\"%s%zu\"", i ? " and " : "", a,
                    search->step->value_prefix, i, b, search->step->value_prefix, i);
}

// Those that the whole result has.
static int list_by_result(struct search *search, struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *query = step->model->sql;
    SL_TRY(sl_model_describe(step, err));
    SL_TRY(sl_backfill_types(step, NULL, &search->types, err));
    query = sl_arena_strndup(step->context->arena, query,
                             step->context->session->kind->sql_length(query));
    SL_TRY_NEW(query, err);
    sl_buf_add(&sql, "create or replace temp table _partitions as select ");
    for (size_t i = 0; i < width_of(search); i++) {
        sl_buf_add_sql_name(&sql, step->partition_by[i]);
        sl_buf_addf(&sql, " as \"%s%zu\", ", step->value_prefix, i);
    }
    sl_buf_addf(&sql, "null::bigint as \"~rows\" from (%s\n) group by all", query);
    return exec(search, &sql, err);
}

// Those that the next run would do. Whole: all of them.
static int list_stale(struct search *search, bool *ret_is_whole, struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_model_input *driving;
    const char *why;
    SL_TRY(sl_model_scope(step, err));
    *ret_is_whole = step->scope == SL_SCOPE_ALL;
    if (*ret_is_whole)
        return SL_OK;
    SL_TRY(sl_backfill_driving(step, &driving, &why, err));
    if (!driving)
        SL_TRY(sl_model_describe(step, err));
    SL_TRY(sl_backfill_types(step, driving, &search->types, err));
    sl_buf_add(&sql, "create or replace temp table _partitions (");
    for (size_t i = 0; i < width_of(search); i++)
        sl_buf_addf(&sql, "\"%s%zu\" %s, ", step->value_prefix, i, search->types[i]);
    sl_buf_add(&sql, "\"~rows\" bigint)");
    if (step->scope == SL_SCOPE_PARTITIONS) // of many partitions, so none is counted
        sl_buf_add(&sql, "; insert into _partitions select *, null from _touched");
    return exec(search, &sql, err);
}

static int insert_standing(const struct search *search, const struct sl_delta_snapshot *table,
                           size_t from, size_t to, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "insert into _standing values ");
    for (size_t i = from; i < to; i++) {
        sl_buf_add(&sql, i > from ? ", (" : "(");
        for (size_t k = 0; k < width_of(search); k++) {
            const char *text = table->files[i].partition[k];
            if (text)
                sl_buf_add_sql_string(&sql, text);
            sl_buf_add(&sql, text ? ", " : "null, ");
        }
        sl_buf_addf(&sql, "%lld)",
                    (long long)(table->files[i].row_count < 0 ? 0 : table->files[i].row_count));
    }
    return exec(search, &sql, err);
}

// In the order of the table's partition columns, which is that of the setting.
static int list_standing(struct search *search, struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot table;
    SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session,
                         step->context->arena, &table, err));
    sl_buf_add(&sql, "create or replace temp table _standing (");
    for (size_t i = 0; i < width_of(search); i++)
        sl_buf_addf(&sql, "\"%s%zu\" %s, ", step->value_prefix, i, search->types[i]);
    sl_buf_add(&sql, "\"~rows\" bigint)");
    SL_TRY(exec(search, &sql, err));
    search->has_standing = true;
    for (size_t i = 0; i < table.file_count; i += STANDING_ROWS)
        SL_TRY(insert_standing(
            search, &table, i,
            i + STANDING_ROWS < table.file_count ? i + STANDING_ROWS : table.file_count, err));
    return SL_OK;
}

// What the inputs have, and of the table what they have no more.
static void add_all(const struct search *search, struct sl_buf *sql)
{
    sl_buf_add(sql, "(select *, false as \"~gone\" from _partitions");
    if (search->has_standing) {
        sl_buf_add(sql, " union all select distinct ");
        add_names(search, sql);
        sl_buf_add(sql, ", 0, true from _standing anti join _partitions on (");
        add_is_same(search, "_standing", "_partitions", sql);
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, ")");
}

static int choose(struct search *search, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_backfill_columns columns = {&search->step->model->partition_by, search->types,
                                                search->step->value_prefix, "_partitions"};
    sl_buf_add(&sql, "create or replace temp table _chosen as select * from ");
    add_all(search, &sql);
    sl_buf_add(&sql, " where ");
    SL_TRY(
        sl_backfill_condition(search->step->context, search->options->choice, &columns, &sql, err));
    return exec(search, &sql, err);
}

static int read_row(const struct search *search, const struct sl_result *result, int64_t row,
                    const char ***ret, struct sl_err *err)
{
    struct sl_arena *arena = search->step->context->arena;
    const char **values = SL_NEW_ARRAY(arena, const char *, width_of(search));
    SL_TRY_NEW(values, err);
    for (size_t k = 0; k < width_of(search); k++) {
        const char *text = sl_result_text(result, row, k);
        values[k] = sl_arena_strdup(arena, text);
        if (text)
            SL_TRY_NEW(values[k], err);
    }
    *ret = values;
    return SL_OK;
}

static int note_empty(struct search *search, const char *const *values, struct sl_err *err)
{
    struct sl_strs names = {0};
    if (search->found->empty_count++)
        return SL_OK;
    SL_TRY(sl_step_name_partition(&search->step->model->partition_by, values,
                                  search->step->context->arena, &names, err));
    search->found->empty_example = names.items[0];
    return SL_OK;
}

// Those that were not done before, in order.
static int read_chosen(struct search *search, const struct sl_map *done, struct sl_err *err)
{
    struct sl_session *session = search->step->context->session;
    struct sl_arena *arena = search->step->context->arena;
    struct sl_backfill_found *found = search->found;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT, key = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const size_t width = width_of(search);
    sl_buf_add(&sql, "select * from _chosen order by ");
    for (size_t i = 0; i < width; i++)
        sl_buf_addf(&sql, "%s\"%s%zu\" %s", i ? ", " : "", search->step->value_prefix, i,
                    search->options->newest_first ? "desc nulls last" : "asc nulls first");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    size_t count = (size_t)sl_result_rows(result);
    const char *const **partitions = SL_NEW_ARRAY(arena, const char *const *, count);
    found->rows = SL_NEW_ARRAY(arena, int64_t, count);
    SL_TRY_NEW(partitions, err);
    SL_TRY_NEW(found->rows, err);
    for (size_t row = 0; row < count; row++) {
        const char **values;
        bool is_gone = sl_str_equal(sl_result_text(result, (int64_t)row, width + 1), "true");
        SL_TRY(read_row(search, result, (int64_t)row, &values, err));
        sl_buf_reset(&key);
        SL_TRY(sl_backfill_key(values, width, &key, err));
        if (sl_map_has(done, key.text)) {
            found->done++;
            continue;
        }
        if (is_gone && !search->options->choice->may_empty) {
            SL_TRY(note_empty(search, values, err));
            continue;
        }
        const bool is_known = sl_result_text(result, (int64_t)row, width) != NULL;
        found->rows[found->count] = is_known ? sl_result_int(result, (int64_t)row, width) : -1;
        if (!is_known)
            found->rows_in = -1;
        else if (found->rows_in >= 0)
            found->rows_in += found->rows[found->count];
        partitions[found->count++] = values;
    }
    found->partitions = (const char *const *const *)partitions;
    found->width = width;
    return SL_OK;
}

// As many rows per row that is read as the table has now.
static int estimate(struct search *search, struct sl_err *err)
{
    struct sl_session *session = search->step->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (!search->has_standing)
        return SL_OK;
    SL_TRY(session->kind->query(session, "select sum(\"~rows\") from _standing", 1, &result, err));
    int64_t standing = sl_result_int(result, 0, 0);
    const int64_t of_all = search->found->rows_of_all;
    if (of_all > 0 && search->found->rows_in >= 0)
        search->found->rows_out =
            (int64_t)((double)search->found->rows_in * (double)standing / (double)of_all);
    return SL_OK;
}

static int keep_inputs(struct search *search, struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    for (size_t i = 0; i < step->input_count; i++) {
        struct sl_table_version input = {step->inputs[i].table, step->inputs[i].version,
                                         step->inputs[i].id};
        if (!SL_PUSH(step->context->arena, search->found->inputs.items, search->found->inputs.count,
                     input))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int find(struct search *search, struct sl_err *err)
{
    struct sl_model_step *step = search->step;
    struct sl_backfill_found *found = search->found;
    SL_AUTO(sl_map_clear) struct sl_map done = {0};
    const struct sl_model_input *driving;
    bool is_whole = true;
    SL_TRY(sl_backfill_driving(step, &driving, &found->why_whole, err));
    found->is_local = driving != NULL;
    if (search->options->choice->is_stale)
        SL_TRY(list_stale(search, &is_whole, err));
    if (is_whole && driving)
        SL_TRY(list_by_rows(search, driving, err));
    else if (is_whole)
        SL_TRY(list_by_result(search, err));
    if (is_whole)
        SL_TRY(list_standing(search, err));
    SL_TRY(choose(search, err));
    if (search->options->id)
        SL_TRY(sl_backfill_done(step->folder, search->options->id, 0, step->context->arena, &done,
                                err));
    SL_TRY(read_chosen(search, &done, err));
    SL_TRY(keep_inputs(search, err));
    return estimate(search, err);
}

int sl_step_backfill_find(struct sl_step_context *context, const struct sl_model *model,
                          const struct sl_query *query, const char *fingerprint,
                          const struct sl_backfill_search *search, struct sl_backfill_found *ret,
                          struct sl_err *err)
{
    // As of a chunk, all views are whole: no chunk has partitions yet.
    const struct sl_backfill_chunk none = {0};
    struct sl_model_step step = {.context = context,
                                 .model = model,
                                 .query = query,
                                 .fingerprint = fingerprint,
                                 .chunk = &none,
                                 .only_foresees = true};
    struct search state = {.step = &step, .options = search, .found = ret};
    *ret = (struct sl_backfill_found){.rows_out = -1, .rows_of_all = -1};
    SL_TRY(sl_model_look(&step, err));
    SL_TRY(sl_backfill_require(&step, err));
    ret->version = step.head.version;
    return find(&state, err);
}
