// One chunk of a backfill: computes its partitions, audits the table as it would be, commits them
// beside the position, which stays.
#include "step/backfill.h"

#include "step/model.h"

// Other chunks commit meanwhile: each loss of the race is another chunk's success.
#define MOST_RACES 1000

// Names of temporary columns, when they are not beside columns of the driving table.
#define PREFIX "~p"

static int refuse(const struct sl_model_step *step, const char *why, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_BACKFILL_POSITION, "the next run builds curated.%s anew as a whole: %s",
                  step->model->name, why);
    return sl_err_hint(err, "`sluice run --select %s`, and then what is still to be done",
                       step->model->name);
}

int sl_backfill_require(const struct sl_model_step *step, struct sl_err *err)
{
    if (step->head.version < 0)
        return refuse(step, "never built", err);
    if (step->changed_by)
        return refuse(step, step->changed_by, err);
    if (!step->head.record_json)
        return refuse(step, "its log no longer says what it was built from", err);
    if (!sl_str_equal(step->record.fingerprint, step->fingerprint))
        return refuse(step, "its SQL or settings changed", err);
    if (step->record.input_count != step->input_count)
        return refuse(step, "its inputs are others", err);
    for (size_t i = 0; i < step->input_count; i++)
        if (step->inputs[i].built_from < 0 || step->inputs[i].version < step->inputs[i].built_from)
            return refuse(step, "an input is another table now", err);
    return SL_OK;
}

int sl_backfill_driving(const struct sl_model_step *step, const struct sl_model_input **ret,
                        const char **ret_why, struct sl_err *err)
{
    *ret = NULL;
    *ret_why = step->query->why_not_local;
    for (size_t i = 0; i < step->input_count && !*ret_why; i++)
        if (step->inputs[i].is_driving)
            *ret = &step->inputs[i];
    if (!*ret && !*ret_why)
        *ret_why = "no table alone decides which rows a partition has";
    for (size_t i = 0; i < step->model->partition_by.count && *ret; i++) {
        const char *name = step->model->partition_by.items[i];
        if (sl_model_partition_expression(step, name))
            continue;
        *ret_why = sl_arena_printf(step->context->arena,
                                   "partition column '%s' is not taken from %s alone", name,
                                   (*ret)->table);
        *ret = NULL;
        SL_TRY_NEW(*ret_why, err);
    }
    return SL_OK;
}

static int types_of_rows(struct sl_model_step *step, const struct sl_model_input *driving,
                         const char **types, struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *columns;
    size_t count;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(sl_model_partition_rows(step, driving, NULL, 0, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->describe(session, sql.text, step->context->arena, &columns, &count, err));
    for (size_t i = 0; i < step->model->partition_by.count; i++)
        types[i] = columns[i].type;
    return SL_OK;
}

int sl_backfill_types(struct sl_model_step *step, const struct sl_model_input *driving,
                      const char ***ret, struct sl_err *err)
{
    size_t width = step->model->partition_by.count;
    const char **types = SL_NEW_ARRAY(step->context->arena, const char *, width);
    SL_TRY_NEW(types, err);
    *ret = types;
    step->value_prefix = PREFIX;
    if (driving) {
        SL_TRY(sl_model_name_values(step, driving, err));
        return types_of_rows(step, driving, types, err);
    }
    for (size_t i = 0; i < width; i++)
        for (size_t k = 0; k < step->column_count; k++)
            if (sl_str_equal(step->columns[k].name, step->partition_by[i]))
                types[i] = step->columns[k].type;
    return SL_OK;
}

int sl_backfill_touch(struct sl_model_step *step, const char **types, struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    size_t width = step->model->partition_by.count;
    sl_buf_add(&sql, "create or replace temp table _touched (");
    for (size_t i = 0; i < width; i++)
        sl_buf_addf(&sql, "%s\"%s%zu\" %s", i ? ", " : "", step->value_prefix, i, types[i]);
    sl_buf_add(&sql, "); insert into _touched values ");
    for (size_t row = 0; row < step->touched_count; row++) {
        sl_buf_add(&sql, row ? ", (" : "(");
        for (size_t i = 0; i < width; i++) {
            sl_buf_add(&sql, i ? ", " : "");
            if (step->touched[row][i])
                sl_buf_add_sql_string(&sql, step->touched[row][i]);
            else
                sl_buf_add(&sql, "null");
        }
        sl_buf_add(&sql, ")");
    }
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

int sl_backfill_filter(struct sl_model_step *step, const char **query, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char **types;
    SL_TRY(sl_backfill_types(step, NULL, &types, err));
    SL_TRY(sl_backfill_touch(step, types, err));
    sl_buf_addf(&sql, "select _q.* from (%s\n) _q semi join _touched on (", *query);
    for (size_t i = 0; i < step->model->partition_by.count; i++) {
        sl_buf_addf(&sql, "%s_touched.\"%s%zu\" is not distinct from _q.", i ? " and " : "",
                    step->value_prefix, i);
        sl_buf_add_sql_name(&sql, step->partition_by[i]);
    }
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    *query = sl_arena_strdup(step->context->arena, sql.text);
    SL_TRY_NEW(*query, err);
    return SL_OK;
}

// Only the rows of the chunk, where that is all that its partitions need.
static int narrow(struct sl_model_step *step, struct sl_err *err)
{
    const struct sl_model_input *driving;
    const char *why, **types;
    SL_TRY(sl_backfill_driving(step, &driving, &why, err));
    if (!driving)
        return SL_OK;
    SL_TRY(sl_backfill_types(step, driving, &types, err));
    SL_TRY(sl_backfill_touch(step, types, err));
    SL_TRY(sl_model_narrow(step, driving, err));
    step->is_narrowed = true;
    return SL_OK;
}

static bool is_read(const struct sl_model_step *step, const struct sl_table_versions *versions)
{
    if (versions->count != step->input_count)
        return false;
    for (size_t i = 0; i < versions->count; i++)
        for (size_t k = 0; k < step->input_count; k++)
            if (sl_str_equal(versions->items[i].table, step->inputs[k].table) &&
                (versions->items[i].version != step->inputs[k].version ||
                 !sl_str_equal(versions->items[i].id, step->inputs[k].id)))
                return false;
    return true;
}

// What was read, if that is not what the position says: the next run must look at what changed
// between the two apart from what changed later.
static int add_ahead(const struct sl_model_step *step, struct sl_record *record, struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    struct sl_table_versions read = {0};
    bool is_ahead = false;
    for (size_t i = 0; i < step->input_count; i++) {
        const struct sl_model_input *input = &step->inputs[i];
        struct sl_table_version version = {input->table, input->version, input->id};
        is_ahead |= input->version != input->built_from;
        if (!SL_PUSH(arena, read.items, read.count, version))
            return sl_fail_memory(err);
    }
    for (size_t i = 0; i < record->ahead_count; i++)
        is_ahead = is_ahead && !is_read(step, &record->ahead[i]);
    if (is_ahead && !SL_PUSH(arena, record->ahead, record->ahead_count, read))
        return sl_fail_memory(err);
    return SL_OK;
}

// The position is that of the newest record, whichever that is by now.
static int build_record(const struct sl_model_step *step, const struct sl_step_result *result,
                        const char **ret_json, struct sl_err *err)
{
    const struct sl_record *before = &step->record;
    struct sl_record record = {
        .run_id = step->context->run_id,
        .step = step->app_id,
        .sequence = before->sequence + 1,
        .fingerprint = before->fingerprint,
        .inputs = before->inputs,
        .input_count = before->input_count,
        .balance = step->balance,
        .has_balance = true,
        .checks = result->checks,
        .check_count = result->check_count,
        .backfill = step->chunk->mark,
        .ahead = before->ahead,
        .ahead_count = before->ahead_count,
    };
    bool is_going_on = sl_str_equal(before->backfill.id, record.backfill.id);
    record.backfill.done = (is_going_on ? before->backfill.done : record.backfill.done) +
                           (int64_t)record.backfill.partition_count;
    SL_TRY(add_ahead(step, &record, err));
    return sl_record_print(&record, step->context->arena, ret_json, err);
}

// Someone else has committed meanwhile: the table as it would be is another one.
static int look_again(struct sl_model_step *step, struct sl_step_result *result, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    SL_TRY(sl_step_position(context->project, SL_LAYER_CURATED, step->model->name, context->session,
                            context->arena, &step->folder, &step->head, &step->record, err));
    SL_TRY(
        sl_step_changed_by(&step->head, step->model->name, context->arena, &step->changed_by, err));
    SL_TRY(sl_backfill_require(step, err));
    step->removed_count = 0;
    step->balance.replaced = 0;
    result->checks = NULL;
    result->check_count = 0;
    return sl_model_replaced(step, err);
}

static int publish(struct sl_model_step *step, struct sl_step_result *result, int64_t *ret_version,
                   struct sl_err *err)
{
    const int64_t base = step->head.version;
    bool was_skipped = true;
    for (int race = 0; was_skipped; race++) {
        struct sl_delta_commit commit;
        if (race == MOST_RACES)
            return sl_fail(err, SL_E_TABLE_CONFLICT, "others commit to curated.%s all the time",
                           step->model->name);
        if (race)
            SL_TRY(look_again(step, result, err));
        SL_TRY(sl_model_audit(step, result, err));
        SL_TRY(sl_model_commit(step, &commit, err));
        commit.base_version = base; // what was read: a change of its partitions since is a conflict
        SL_TRY(build_record(step, result, &commit.record_json, err));
        SL_TRY(sl_step_try_commit(step->context, step->folder, &commit, ret_version, &was_skipped,
                                  err));
    }
    return SL_OK;
}

static int is_done(const struct sl_model_step *step, bool *ret, struct sl_err *err)
{
    const struct sl_backfill_mark *mark = &step->chunk->mark;
    SL_AUTO(sl_map_clear) struct sl_map done = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    *ret = false;
    if (step->chunk->since < 0)
        return SL_OK;
    SL_TRY(sl_backfill_done(step->folder, mark->id, step->chunk->since, step->context->arena, &done,
                            err));
    *ret = true;
    for (size_t i = 0; i < mark->partition_count && *ret; i++) {
        sl_buf_reset(&key);
        SL_TRY(sl_backfill_key(mark->partitions[i], mark->width, &key, err));
        *ret = sl_map_has(&done, key.text);
    }
    return SL_OK;
}

int sl_step_backfill(struct sl_step_context *context, const struct sl_model *model,
                     const struct sl_query *query, const char *fingerprint,
                     const struct sl_backfill_chunk *chunk, struct sl_step_result *ret,
                     struct sl_err *err)
{
    struct sl_model_step step = {
        .context = context,
        .model = model,
        .query = query,
        .fingerprint = fingerprint,
        .chunk = chunk,
        .scope = SL_SCOPE_PARTITIONS,
        .commit_mode = SL_DELTA_PARTITIONS,
        .why = "backfill",
        .touched = chunk->mark.partitions,
        .touched_count = chunk->mark.partition_count,
    };
    bool was_done;
    int64_t version;
    *ret = (struct sl_step_result){.outcome = SL_STEP_NOTHING};
    SL_TRY(sl_model_look(&step, err));
    SL_TRY(is_done(&step, &was_done, err));
    if (was_done)
        return SL_OK;
    SL_TRY(sl_backfill_require(&step, err));
    SL_TRY(narrow(&step, err));
    SL_TRY(sl_model_compute(&step, ret, err));
    SL_TRY(sl_balance_check(&step.balance, step.app_id, err));
    SL_TRY(publish(&step, ret, &version, err));
    SL_TRY(sl_model_fill_result(&step, version, ret, err));
    ret->partitions = (struct sl_strs){0}; // whoever asked for the chunk knows them
    return SL_OK;
}
