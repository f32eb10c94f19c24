#include "api/state.h"

#include "state/store.h"

#include <stdlib.h>
#include <unistd.h>

// What was said when it was asked for stays.
static int write_run(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    const struct sl_param params[] = {
        SL_TEXT(state->project),     SL_TEXT(run->id),       SL_TEXT(run->command),
        SL_TEXT(run->environment),   SL_TEXT(run->status),   SL_NUMBER(run->started_us),
        SL_NUMBER(run->ended_us),    SL_NUMBER(run->pid),    SL_NUMBER(run->ok),
        SL_NUMBER(run->warn),        SL_NUMBER(run->error),  SL_NUMBER(run->skipped),
        SL_NUMBER(run->quarantined), SL_TEXT(run->pipeline), SL_TEXT(run->trigger),
        SL_NUMBER(run->tick_us),     SL_TEXT(run->who),      SL_TEXT(run->pid ? host : NULL),
        SL_TEXT(state->owner),
    };
    return SL_RUN(
        state,
        "insert into runs (project, id, command, environment, status, started_us, ended_us, pid, "
        "ok, warn, error, skipped, quarantined, pipeline, trigger_key, tick_us, who, host, owner) "
        "values "
        "(?1, "
        "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) "
        "on conflict (project, id) do update set command = excluded.command, environment = "
        "excluded.environment, status = excluded.status, started_us = excluded.started_us, "
        "ended_us = excluded.ended_us, pid = excluded.pid, ok = excluded.ok, warn = excluded.warn, "
        "error = excluded.error, skipped = excluded.skipped, quarantined = excluded.quarantined, "
        "pipeline = coalesce(excluded.pipeline, runs.pipeline), trigger_key = "
        "coalesce(excluded.trigger_key, runs.trigger_key), tick_us = case when excluded.tick_us > "
        "0 "
        "then excluded.tick_us else runs.tick_us end, who = coalesce(excluded.who, runs.who), host "
        "= coalesce(excluded.host, runs.host), owner = coalesce(runs.owner, excluded.owner)",
        params);
}

static int begin(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run->id)};
    SL_TRY(write_run(state, run, err));
    return SL_RUN(state, "delete from queue where project = ?1 and run_id = ?2", params);
}

int sl_state_begin(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    SL_TRY(sl_write_begin_relaxed(state, err));
    return sl_write_end(state, begin(state, run, err), 0, err);
}

static int end(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run->id)};
    SL_TRY(begin(state, run, err));
    if (state->kind->is_remote)
        SL_TRY(
            SL_RUN(state, "delete from leases where project = ?1 and name = 'run ' || ?2", params));
    return SL_RUN(state,
                  "delete from approvals where project = ?1 and run_id = ?2 and decided_us = 0",
                  params);
}

int sl_state_end(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    SL_TRY(sl_write_begin(state, err));
    return sl_write_end(state, end(state, run, err), 0, err);
}

// --- steps

#define STEP_COLUMNS                                                                            \
    "run_id, name, label, status, why, code, message, place, details, machine, started_us, "    \
    "ended_us, has_balance, rows_in, rows_out, quarantined, deduplicated, filtered, bytes_in, " \
    "bytes_out"
#define STEP_TEXTS 10
#define STEP_NUMBERS 10

static void step_params(const struct sl_step_row *step,
                        struct sl_param ret[STEP_TEXTS + STEP_NUMBERS])
{
    const char *const texts[STEP_TEXTS] = {
        step->run_id, step->name,    step->label, step->status,       step->why,
        step->code,   step->message, step->place, step->details_json, step->machine};
    const int64_t numbers[STEP_NUMBERS] = {
        step->started_us,  step->ended_us,     step->has_balance, step->rows_in,  step->rows_out,
        step->quarantined, step->deduplicated, step->filtered,    step->bytes_in, step->bytes_out};
    for (size_t i = 0; i < STEP_TEXTS; i++)
        ret[i] = (struct sl_param)SL_TEXT(texts[i]);
    for (size_t i = 0; i < STEP_NUMBERS; i++)
        ret[STEP_TEXTS + i] = (struct sl_param)SL_NUMBER(numbers[i]);
}

static int add_step(struct sl_state *state, const struct sl_step_row *step, struct sl_err *err)
{
    struct sl_param params[1 + STEP_TEXTS + STEP_NUMBERS] = {SL_TEXT(state->project)};
    step_params(step, params + 1);
    return SL_RUN(state,
                  "insert into steps (project, " STEP_COLUMNS
                  ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
                  "?16, ?17, ?18, ?19, ?20, ?21)",
                  params);
}

static int pack_step(const struct sl_step_row *step, json_t *rows, struct sl_err *err)
{
    struct sl_param params[STEP_TEXTS + STEP_NUMBERS];
    json_t *row = json_array();
    step_params(step, params);
    if (json_array_append_new(rows, row) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < STEP_TEXTS + STEP_NUMBERS; i++) {
        json_t *value = params[i].is_number ? json_integer(params[i].number)
                        : params[i].text    ? sl_json_string(params[i].text)
                                            : json_null();
        if (json_array_append_new(row, value) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

#define AT(column) ", e.value->>" #column
#define NUMBER_AT(column) ", cast(e.value->>" #column " as bigint)"

// On a way to another machine, rows travel together.
static int send_steps(struct sl_state *state, const struct sl_step_row *steps, size_t count,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *rows = json_array();
    char *text = NULL;
    SL_TRY_NEW(rows, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(pack_step(&steps[i], rows, err));
    SL_TRY(sl_json_print(rows, &text, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(text)};
    int code =
        SL_RUN(state,
               "insert into steps (project, " STEP_COLUMNS ") select cast(?1 as text)" AT(0) AT(1)
                   AT(2) AT(3) AT(4) AT(5) AT(6) AT(7) AT(8) AT(9) NUMBER_AT(10) NUMBER_AT(11)
                       NUMBER_AT(12) NUMBER_AT(13) NUMBER_AT(14) NUMBER_AT(15) NUMBER_AT(16)
                           NUMBER_AT(17) NUMBER_AT(18) NUMBER_AT(19) " from json_each(?2) as e",
               params);
    free(text);
    return code;
}

int sl_state_add_steps(struct sl_state *state, const struct sl_step_row *steps, size_t count,
                       struct sl_err *err)
{
    int code = SL_OK;
    SL_TRY(sl_write_begin_relaxed(state, err));
    if (state->kind->is_remote)
        code = send_steps(state, steps, count, err);
    for (size_t i = 0; !state->kind->is_remote && code == SL_OK && i < count; i++)
        code = add_step(state, &steps[i], err);
    return sl_write_end(state, code, 0, err);
}

static int take_true(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    (void)row;
    (void)err;
    *(bool *)to = true;
    return SL_OK;
}

int sl_state_has_step(struct sl_state *state, const struct sl_step_row *step, bool *ret,
                      struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(step->run_id),
                                      SL_TEXT(step->name), SL_NUMBER(step->started_us)};
    bool is_there = false;
    SL_TRY(SL_RUN_WITH(state,
                       "select 1 from steps where project = ?1 and run_id = ?2 and name = ?3 and "
                       "started_us = ?4",
                       params, .on_row = take_true, .to = &is_there));
    *ret = is_there;
    return SL_OK;
}

struct step_list {
    struct sl_step_row *rows;
    size_t count;
};

static int take_step(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct step_list *list = to;
    struct sl_step_row step = {
        .run_id = sl_row_text(row, 0),
        .name = sl_row_text(row, 1),
        .label = sl_row_text(row, 2),
        .status = sl_row_text(row, 3),
        .why = sl_row_text(row, 4),
        .code = sl_row_text(row, 5),
        .message = sl_row_text(row, 6),
        .place = sl_row_text(row, 7),
        .details_json = sl_row_text(row, 8),
        .machine = sl_row_text(row, 9),
        .started_us = sl_row_number(row, 10),
        .ended_us = sl_row_number(row, 11),
        .has_balance = sl_row_number(row, 12) != 0,
        .rows_in = sl_row_number(row, 13),
        .rows_out = sl_row_number(row, 14),
        .quarantined = sl_row_number(row, 15),
        .deduplicated = sl_row_number(row, 16),
        .filtered = sl_row_number(row, 17),
        .bytes_in = sl_row_number(row, 18),
        .bytes_out = sl_row_number(row, 19),
    };
    return SL_PUSH(row->arena, list->rows, list->count, step) ? SL_OK : sl_fail_memory(err);
}

struct step_query {
    const char *sql;
    const struct sl_param *params;
    size_t count;
};

static int read_steps(struct sl_state *state, const struct step_query *query,
                      struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                      struct sl_err *err)
{
    struct step_list list = {0};
    SL_TRY(state->kind->run(state->self,
                            &(struct sl_statement){.sql = query->sql,
                                                   .params = query->params,
                                                   .count = query->count,
                                                   .on_row = take_step,
                                                   .to = &list,
                                                   .arena = arena},
                            err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

int sl_state_steps(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                   struct sl_step_row **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run_id)};
    struct step_query query = {.sql = "select " STEP_COLUMNS
                                      " from steps where project = ?1 and run_id = ?2 order by seq",
                               .params = params,
                               .count = 2};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

// A step's environment is its run's.
#define IS_OF_ENVIRONMENT                                                                   \
    "exists (select 1 from runs where runs.project = s.project and runs.id = s.run_id and " \
    "coalesce(runs.environment, '') = coalesce(?2, ''))"
// Each name's newest is looked for from its end, and the names one by one along their index:
// `distinct` reads all of it in PostgreSQL.
#define STEP_NAMES                                                                            \
    "(with recursive n(name) as (select min(name) from steps where project = ?1 union all "   \
    "select (select min(name) from steps where project = ?1 and name > n.name) from n where " \
    "n.name is not null) select name from n where name is not null)"
#define LAST_STEPS(condition)                                                                \
    "select " STEP_COLUMNS " from steps where seq in (select (select s.seq from steps as s " \
    "where s.project = ?1 and s.name = names.name and " condition " and " IS_OF_ENVIRONMENT  \
    " order by s.seq desc limit 1) from " STEP_NAMES " as names) order by name"

int sl_state_last(struct sl_state *state, const char *environment, enum sl_outcomes kinds,
                  struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                  struct sl_err *err)
{
    static const char *const statements[] = {
        [SL_OUTCOMES_ALL] = LAST_STEPS("1 = 1"),
        [SL_OUTCOMES_OWN] =
            LAST_STEPS("s.status <> 'skipped' and not (s.status = 'error' and coalesce(s.code, '') "
                       "in (?3, ?4))"),
        [SL_OUTCOMES_DONE] = LAST_STEPS("s.status in ('ok', 'warn')"),
    };
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(environment),
                                      SL_TEXT(sl_code_info(SL_E_INTERRUPTED)->id),
                                      SL_TEXT(sl_code_info(SL_E_DEADLINE)->id)};
    struct step_query query = {
        .sql = statements[kinds], .params = params, .count = kinds == SL_OUTCOMES_OWN ? 4 : 2};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

int sl_state_past(struct sl_state *state, const char *environment, const char *name, size_t limit,
                  struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                  struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(environment), SL_TEXT(name),
                                      SL_NUMBER((int64_t)limit)};
    struct step_query query = {
        .sql = "select " STEP_COLUMNS " from steps as s where project = ?1 "
               "and name = ?3 and status in ('ok', 'warn', 'partial') and " IS_OF_ENVIRONMENT
               " order by seq desc limit ?4",
        .params = params,
        .count = 4};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

// --- the list of runs

struct run_list {
    struct sl_run_row *rows;
    size_t count;
};

static int take_run(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct run_list *list = to;
    struct sl_run_row run = {
        .id = sl_row_text(row, 0),
        .command = sl_row_text(row, 1),
        .environment = sl_row_text(row, 2),
        .status = sl_row_text(row, 3),
        .started_us = sl_row_number(row, 4),
        .ended_us = sl_row_number(row, 5),
        .pid = sl_row_number(row, 6),
        .ok = sl_row_number(row, 7),
        .warn = sl_row_number(row, 8),
        .error = sl_row_number(row, 9),
        .skipped = sl_row_number(row, 10),
        .quarantined = sl_row_number(row, 11),
        .pipeline = sl_row_text(row, 12),
        .trigger = sl_row_text(row, 13),
        .tick_us = sl_row_number(row, 14),
        .who = sl_row_text(row, 15),
        .host = sl_row_text(row, 16),
        .options_json = sl_row_text(row, 17),
        .is_unheld = sl_row_number(row, 18) != 0,
        .cancelled_by = sl_row_text(row, 19),
        .cancelled_us = sl_row_number(row, 20),
    };
    return SL_PUSH(row->arena, list->rows, list->count, run) ? SL_OK : sl_fail_memory(err);
}

// Only the conditions that are asked for, so that the index for them is used.
struct run_query {
    struct sl_buf sql;
    struct sl_param params[9]; // one for each condition, and the limit
    size_t count;
};

static void add_condition(struct run_query *query, const char *condition, const char *text)
{
    query->params[query->count++] = (struct sl_param)SL_TEXT(text);
    sl_buf_addf(&query->sql, " and %s ?%zu", condition, query->count);
}

// U+10FFFF, the last character: no text that begins with the prefix comes after it.
#define LAST "\xF4\x8F\xBF\xBF"

// Begun and not ended, and nobody holds it.
#define UNHELD                                                                             \
    "status = 'running' and ended_us = 0 and not exists (select 1 from leases as l where " \
    "l.project = ?1 and l.holder = runs.owner and l.until_us > sluice_now())"

// Of the first to cancel it; those that ended otherwise are not looked up.
#define CANCEL(column)                                                                      \
    "case when status in ('queued', 'running', 'cancelled') then (select a." #column        \
    " from audit as a where a.project = runs.project and a.subject = runs.id and a.what = " \
    "'cancel' order by a.seq limit 1) end"

static int write_query(struct run_query *query, const struct sl_run_filter *filter,
                       struct sl_arena *arena, struct sl_err *err)
{
    sl_buf_add(&query->sql,
               "select id, command, environment, status, started_us, ended_us, pid, ok, warn, "
               "error, skipped, quarantined, pipeline, trigger_key, tick_us, who, host, options, "
               "case when owner is not null and " UNHELD " then 1 else 0 end, " CANCEL(
                   who) ", " CANCEL(at_us) " from runs where project = ?1");
    if (filter->id) {
        const char *behind = sl_arena_printf(arena, "%s" LAST, filter->id);
        SL_TRY_NEW(behind, err);
        add_condition(query, "id >=", filter->id);
        add_condition(query, "id <", behind);
    }
    if (filter->pipeline)
        add_condition(query, "pipeline =", filter->pipeline);
    if (filter->environment)
        add_condition(query, "coalesce(environment, '') =", filter->environment);
    if (filter->status)
        add_condition(query, "status =", filter->status);
    else if (!filter->with_waiting)
        sl_buf_add(&query->sql, " and status <> 'queued'");
    if (filter->is_abandoned)
        sl_buf_add(&query->sql, " and " UNHELD);
    if (filter->before) {
        add_condition(query,
                      "(started_us, id) < (select b.started_us, b.id from runs as b where "
                      "b.project = ?1 and b.id =",
                      filter->before);
        sl_buf_add(&query->sql, ")");
    }
    if (filter->rest_of) { // asked for later than it, by clocks that may be a day apart
        add_condition(query,
                      "started_us >= (select b.started_us - 86400000000 from runs as b where "
                      "b.project = ?1 and "
                      "b.id =",
                      filter->rest_of);
        sl_buf_addf(&query->sql, ") and options like '%%\"goes_on_with\":\"' || ?%zu || '\"%%'",
                    query->count);
    }
    sl_buf_add(&query->sql, " order by started_us desc, id desc");
    if (filter->limit && filter->limit <= INT64_MAX) {
        query->params[query->count++] = (struct sl_param)SL_NUMBER((int64_t)filter->limit);
        sl_buf_addf(&query->sql, " limit ?%zu", query->count);
    }
    return sl_buf_check(&query->sql, err);
}

int sl_state_runs(struct sl_state *state, const struct sl_run_filter *filter,
                  struct sl_arena *arena, struct sl_run_row **ret, size_t *ret_count,
                  struct sl_err *err)
{
    struct run_query query = {.sql = SL_BUF_INIT, .params = {SL_TEXT(state->project)}, .count = 1};
    struct run_list list = {0};
    int code = write_query(&query, filter, arena, err);
    if (code == SL_OK)
        code = state->kind->run(state->self,
                                &(struct sl_statement){.sql = query.sql.text,
                                                       .params = query.params,
                                                       .count = query.count,
                                                       .on_row = take_run,
                                                       .to = &list,
                                                       .arena = arena},
                                err);
    sl_buf_clear(&query.sql);
    SL_TRY(code);
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

// A statement that deletes all rows of a large day may take longer than it has. Runs are chosen
// first: else a server may read the steps of all runs.
#define MOST_ROWS 2000
#define MOST_RUNS 100
#define TEXT_OF(number) #number
#define LIMIT(number) " limit " TEXT_OF(number)
#define OLD "project = ?1 and ended_us > 0 and ended_us < ?2"
#define OLDEST "(select id from runs where " OLD " order by ended_us, id" LIMIT(MOST_RUNS) ")"
#define OF_OLDEST(table)                                                                    \
    "delete from " table " where seq in (select seq from " table " where project = ?1 and " \
    "run_id in " OLDEST                                                                     \
    LIMIT(MOST_ROWS) ")"
#define HAS_NO(table)                                                                   \
    " and not exists (select 1 from " table " as t where t.project = runs.project and " \
    "t.run_id = runs.id)"

struct forgetting {
    const char *sql;
    int64_t most; // rows that it deletes; as many: there may be more
};

static int forget(struct sl_state *state, const struct forgetting *statements, size_t count,
                  int64_t before_us, bool *ret_is_more, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_NUMBER(before_us)};
    bool is_more = false;
    int code = SL_OK;
    SL_TRY(sl_write_begin(state, err));
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        int64_t changed = 0;
        code = SL_RUN_WITH(state, statements[i].sql, params, .ret_changed = &changed);
        is_more |= changed >= statements[i].most;
    }
    SL_TRY(sl_write_end(state, code, 0, err));
    *ret_is_more = is_more;
    return SL_OK;
}

int sl_state_forget(struct sl_state *state, int64_t before_us, bool *ret_is_more,
                    struct sl_err *err)
{
    static const struct forgetting statements[] = {
        {OF_OLDEST("steps"), MOST_ROWS},
        {OF_OLDEST("approvals"), MOST_ROWS},
        {"delete from runs where project = ?1 and id in " OLDEST HAS_NO("steps")
             HAS_NO("approvals"),
         MOST_RUNS},
        {"delete from audit where seq in (select seq from audit where project = ?1 and at_us < ?2 "
         "order by seq" LIMIT(MOST_ROWS) ")",
         MOST_ROWS},
    };
    return forget(state, statements, sizeof statements / sizeof *statements, before_us, ret_is_more,
                  err);
}

int sl_state_forget_idle(struct sl_state *state, int64_t before_us, bool *ret_is_more,
                         struct sl_err *err)
{
    static const struct forgetting idle = {
        "delete from runs where project = ?1 and id in (select id from runs where " OLD
        " and status = 'nothing' and pipeline is not null order by started_us, id" LIMIT(
            MOST_ROWS) ")",
        MOST_ROWS};
    return forget(state, &idle, 1, before_us, ret_is_more, err);
}
