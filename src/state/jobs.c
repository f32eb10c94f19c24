#include "api/leases.h"

#include "base/map.h"
#include "state/store.h"

#include <stdlib.h>

// Lists travel as one text of JSON, so that a batch is one statement whatever its size.
struct batch {
    char *text;
    struct sl_map by_id; // id -> its struct batch_item
    struct batch_item {
        bool *is_lost;
        int *asked;
    } * items;
};

static int put_json(const struct sl_job *jobs, size_t count, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(
                list, json_pack("[o, o, o, I, I, o]", sl_json_string(jobs[i].id),
                                sl_json_string(jobs[i].run_id), sl_json_string(jobs[i].step),
                                (json_int_t)jobs[i].attempt, (json_int_t)jobs[i].priority,
                                jobs[i].request_json ? sl_json_string(jobs[i].request_json)
                                                     : json_null())) != 0)
            return sl_fail_memory(err);
    return sl_json_print(list, ret, err);
}

int sl_state_put_jobs(struct sl_state *state, const struct sl_job *jobs, size_t count,
                      struct sl_err *err)
{
    char *text = NULL;
    SL_TRY(put_json(jobs, count, &text, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(text),
                                      SL_NUMBER(state->fence ? state->fence_token : 0)};
    int code = sl_write_one(
        state,
        &(struct sl_statement){
            .sql = "insert into jobs (project, id, run_id, step, attempt, priority, request, "
                   "leader_token) select cast(?1 as text), e.value->>0, e.value->>1, e.value->>2, "
                   "cast(e.value->>3 as bigint), cast(e.value->>4 as bigint), e.value->>5, cast(?3 "
                   "as bigint) from json_each(?2) as e where true on conflict do nothing",
            .params = params,
            .count = 3},
        SL_WAKE_JOBS, err);
    free(text);
    return code;
}

// While a job is claimed its reply is what was asked of its worker. One that was given back after
// that keeps it, so that nobody claims what its leader wants no longer.
#define JOB_COLUMNS                                                                          \
    "seq, id, run_id, step, attempt, priority, request, token, holder, case when state = 2 " \
    "then reply end"

#define BEGINS(prefix) "substr(id, 1, length(cast(" prefix " as text))) = cast(" prefix " as text)"

struct job_list {
    struct sl_job *rows;
    int64_t *seqs; // in the same order
    size_t count;
};

static int take_job(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct job_list *list = to;
    size_t count = list->count;
    struct sl_job job = {
        .id = sl_row_text(row, 1),
        .run_id = sl_row_text(row, 2),
        .step = sl_row_text(row, 3),
        .attempt = sl_row_number(row, 4),
        .priority = sl_row_number(row, 5),
        .request_json = sl_row_text(row, 6),
        .token = sl_row_number(row, 7),
        .holder = sl_row_text(row, 8),
        .reply_json = sl_row_text(row, 9),
    };
    if (!job.id || !job.run_id || !job.step || !SL_PUSH(row->arena, list->rows, list->count, job) ||
        !SL_PUSH(row->arena, list->seqs, count, sl_row_number(row, 0)))
        return sl_fail_memory(err);
    return SL_OK;
}

// A statement that changes rows gives them in no order: insertion sort, for a batch mostly comes in
// order.
static void sort_jobs(struct job_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct sl_job job = list->rows[i];
        int64_t seq = list->seqs[i];
        size_t at = i;
        for (;
             at > 0 && (list->rows[at - 1].priority < job.priority ||
                        (list->rows[at - 1].priority == job.priority && list->seqs[at - 1] > seq));
             at--) {
            list->rows[at] = list->rows[at - 1];
            list->seqs[at] = list->seqs[at - 1];
        }
        list->rows[at] = job;
        list->seqs[at] = seq;
    }
}

int sl_state_claim(struct sl_state *state, const struct sl_claim *claim, struct sl_arena *arena,
                   struct sl_job **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_NUMBER((int64_t)claim->limit),
                                      SL_TEXT(claim->holder), SL_NUMBER(claim->ttl_ms * 1000),
                                      SL_TEXT(claim->prefix ? claim->prefix : "")};
    struct job_list list = {0};
    SL_TRY(sl_write_begin_free(state, err));
    int code = SL_RUN_WITH(
        state,
        "with mine as materialized (select seq from jobs where project = ?1 and state = 0 "
        "and reply is null and " BEGINS(
            "?5") " order by priority desc, seq limit ?2 /*skip locked*/) update jobs set state = "
                  "1, reply = null, holder = ?3, token = token + 1, until_us = sluice_now() + "
                  "cast(?4 as bigint) where seq in (select seq from "
                  "mine) returning " JOB_COLUMNS,
        params, .on_row = take_job, .to = &list, .arena = arena);
    SL_TRY(sl_write_end(state, code, list.count ? SL_WAKE_CLAIMS : 0, err));
    sort_jobs(&list);
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

// --- what a worker says of its claims

static void batch_clear(struct batch *batch)
{
    free(batch->text);
    free(batch->items);
    sl_map_clear(&batch->by_id);
}

// All are lost until the store names them.
static int batch_init(struct batch *batch, const struct sl_job *jobs, size_t count,
                      bool *ret_is_lost, int *ret_asked, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    batch->items = calloc(count + 1, sizeof *batch->items);
    SL_TRY_NEW(batch->items, err);
    for (size_t i = 0; i < count; i++) {
        batch->items[i] = (struct batch_item){&ret_is_lost[i], ret_asked ? &ret_asked[i] : NULL};
        ret_is_lost[i] = true;
        if (ret_asked)
            ret_asked[i] = 0;
        SL_TRY(sl_map_set(&batch->by_id, jobs[i].id, &batch->items[i], err));
        if (json_array_append_new(
                list, json_pack("[o, I, o]", sl_json_string(jobs[i].id), (json_int_t)jobs[i].token,
                                jobs[i].reply_json ? sl_json_string(jobs[i].reply_json)
                                                   : json_null())) != 0)
            return sl_fail_memory(err);
    }
    return sl_json_print(list, &batch->text, err);
}

static int mark_kept(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct batch *batch = to;
    const char *id = row->kind->text(row->at, row->index, 0);
    const struct batch_item *item = id ? sl_map_get(&batch->by_id, id) : NULL;
    (void)err;
    if (!item)
        return SL_OK;
    *item->is_lost = false;
    if (item->asked)
        *item->asked = (int)sl_row_number(row, 1);
    return SL_OK;
}

#define CLAIMS                                                                                  \
    " from (select value->>0 as wanted, cast(value->>1 as bigint) as claim, value->>2 as said " \
    "from json_each(?2)) as e where project = ?1 and state = 1 and id = e.wanted and token = "  \
    "e.claim returning id, case when state = 1 then coalesce(cast(reply as bigint), 0) else 0 end"

struct batch_change {
    const char *sql;
    int64_t number; // the third parameter
    bool has_number;
    int wakes;
};

static int change_claims(struct sl_state *state, const struct sl_job *jobs, size_t count,
                         const struct batch_change *change, bool *ret_is_lost, int *ret_asked,
                         struct sl_err *err)
{
    SL_AUTO(batch_clear) struct batch batch = {0};
    SL_TRY(batch_init(&batch, jobs, count, ret_is_lost, ret_asked, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(batch.text),
                                      SL_NUMBER(change->number)};
    SL_TRY(sl_write_begin_free(state, err));
    int code = state->kind->run(state->self,
                                &(struct sl_statement){.sql = change->sql,
                                                       .params = params,
                                                       .count = change->has_number ? 3 : 2,
                                                       .on_row = mark_kept,
                                                       .to = &batch},
                                err);
    return sl_write_end(state, code, change->wakes, err);
}

int sl_state_beat(struct sl_state *state, const struct sl_job *jobs, size_t count, int64_t ttl_ms,
                  bool *ret_is_lost, int *ret_asked, struct sl_err *err)
{
    const struct batch_change keep = {
        .sql = "update jobs set until_us = sluice_now() + cast(?3 as bigint)" CLAIMS,
        .number = ttl_ms * 1000,
        .has_number = true};
    const struct batch_change give_back = {.sql = "update jobs set state = 0, holder = null" CLAIMS,
                                           .wakes = SL_WAKE_JOBS};
    return change_claims(state, jobs, count, ttl_ms > 0 ? &keep : &give_back, ret_is_lost,
                         ret_asked, err);
}

int sl_state_complete(struct sl_state *state, const struct sl_job *jobs, size_t count,
                      bool *ret_is_lost, struct sl_err *err)
{
    const struct batch_change done = {
        .sql = "update jobs set state = 2, done_us = sluice_now(), reply = e.said" CLAIMS,
        .wakes = SL_WAKE_REPLIES};
    return change_claims(state, jobs, count, &done, ret_is_lost, NULL, err);
}

// --- what a leader does

int sl_state_replies(struct sl_state *state, size_t limit, struct sl_arena *arena,
                     struct sl_job **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_NUMBER((int64_t)limit)};
    struct job_list list = {0};
    SL_TRY(SL_RUN_WITH(state,
                       "select " JOB_COLUMNS
                       " from jobs where project = ?1 and state = 2 order by done_us, seq limit ?2",
                       params, .on_row = take_job, .to = &list, .arena = arena));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

int sl_state_open_jobs(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                       struct sl_job **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(prefix)};
    struct job_list list = {0};
    SL_TRY(SL_RUN_WITH(
        state,
        "select seq, id, run_id, step, attempt, priority, null, token, case when state = 1 then "
        "holder "
        "end, null from jobs where project = ?1 and state < 2 and " BEGINS("?2") " order by seq",
        params, .on_row = take_job, .to = &list, .arena = arena));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

// Each in an array of its own, of which both kinds give the first item as a text.
static int print_ids(const char *const *ids, size_t count, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_pack("[o]", sl_json_string(ids[i]))) != 0)
            return sl_fail_memory(err);
    return sl_json_print(list, ret, err);
}

int sl_state_drop_jobs(struct sl_state *state, const char *const *ids, size_t count,
                       struct sl_err *err)
{
    char *text = NULL;
    SL_TRY(print_ids(ids, count, &text, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(text)};
    int code = sl_write_one(
        state,
        &(struct sl_statement){.sql = "delete from jobs where project = ?1 and id in (select "
                                      "value->>0 from json_each(?2))",
                               .params = params,
                               .count = 2},
        SL_WAKE_ASKED, err);
    free(text);
    return code;
}

int sl_state_drop_run(struct sl_state *state, const char *run_id, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run_id)};
    return sl_write_one(
        state,
        &(struct sl_statement){.sql = "delete from jobs where project = ?1 and run_id = ?2",
                               .params = params,
                               .count = 2},
        SL_WAKE_ASKED, err);
}

// The name of who had it stays with the job until somebody else has it.
int sl_state_expire(struct sl_state *state, struct sl_arena *arena, struct sl_job **ret,
                    size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project)};
    struct job_list list = {0};
    SL_TRY(sl_write_begin(state, err));
    int code = SL_RUN_WITH(
        state,
        "with late as materialized (select seq from jobs where project = ?1 and state = 1 and "
        "until_us <= sluice_now() order by seq /*skip locked*/) update jobs set state = 0, reply = "
        "null where "
        "seq in (select seq from late) returning " JOB_COLUMNS,
        params, .on_row = take_job, .to = &list, .arena = arena);
    SL_TRY(sl_write_end(state, code, list.count ? SL_WAKE_JOBS : 0, err));
    sort_jobs(&list);
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

struct counts {
    int64_t ready, claimed;
};

static int take_count(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct counts *counts = to;
    (void)err;
    counts->ready = sl_row_number(row, 0);
    counts->claimed = sl_row_number(row, 1);
    return SL_OK;
}

int sl_state_count_jobs(struct sl_state *state, int64_t *ret_ready, int64_t *ret_claimed,
                        struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project)};
    struct counts counts = {0};
    SL_TRY(SL_RUN_WITH(state,
                       "select (select count(*) from jobs where project = ?1 and state = 0), "
                       "(select count(*) from jobs where project = ?1 and state = 1)",
                       params, .on_row = take_count, .to = &counts));
    *ret_ready = counts.ready;
    *ret_claimed = counts.claimed;
    return SL_OK;
}

// --- what a leader takes away

static int take_away(struct sl_state *state, const char *sql, const char *prefix, size_t limit,
                     struct job_list *list, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(prefix),
                                      SL_NUMBER((int64_t)limit)};
    SL_TRY(sl_write_begin(state, err));
    int code = state->kind->run(state->self,
                                &(struct sl_statement){.sql = sql,
                                                       .params = params,
                                                       .count = limit ? 3 : 2,
                                                       .on_row = take_job,
                                                       .to = list,
                                                       .arena = arena},
                                err);
    SL_TRY(sl_write_end(state, code, 0, err));
    sort_jobs(list);
    return SL_OK;
}

int sl_state_collect(struct sl_state *state, const char *prefix, size_t limit,
                     struct sl_arena *arena, struct sl_job **ret, size_t *ret_count,
                     struct sl_err *err)
{
    struct job_list list = {0};
    SL_TRY(take_away(state,
                     "with over as materialized (select seq from jobs where project = ?1 "
                     "and " BEGINS("?2") " and (state = 2 or (state = 1 and until_us <= "
                                         "sluice_now())) order by done_us, seq limit ?3 /*skip "
                                         "locked*/) delete from jobs where seq in (select seq from "
                                         "over) returning " JOB_COLUMNS,
                     prefix, limit, &list, arena, err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

int sl_state_take_back(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                       struct sl_job **ret, size_t *ret_count, struct sl_err *err)
{
    struct job_list list = {0};
    SL_TRY(take_away(state,
                     "delete from jobs where project = ?1 and " BEGINS(
                         "?2") " and state = 0 returning " JOB_COLUMNS,
                     prefix, 0, &list, arena, err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

static int clear(struct sl_state *state, const struct sl_param params[3], int64_t *ret_open,
                 struct sl_err *err)
{
    const struct sl_statement remove = {
        .sql = "delete from jobs where project = ?1 and " BEGINS(
            "?2") " and (state <> 1 or until_us <= sluice_now() or cast(?3 as bigint) = 1)",
        .params = params,
        .count = 3};
    const struct sl_statement ask = {
        .sql = "update jobs set reply = '3' where project = ?1 and " BEGINS("?2"),
        .params = params,
        .count = 2,
        .ret_changed = ret_open};
    SL_TRY(state->kind->run(state->self, &remove, err));
    return state->kind->run(state->self, &ask, err);
}

int sl_state_clear_jobs(struct sl_state *state, const char *prefix, bool is_last, int64_t *ret_open,
                        struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(prefix), SL_NUMBER(is_last)};
    int64_t open = 0;
    SL_TRY(sl_write_begin(state, err));
    SL_TRY(sl_write_end(state, clear(state, params, &open, err), SL_WAKE_ASKED, err));
    *ret_open = open;
    return SL_OK;
}

#define NAMED "id in (select value->>0 from json_each(?2))"

static int press(struct sl_state *state, const struct sl_param params[3], struct batch *kept,
                 struct sl_err *err)
{
    SL_TRY(state->kind->run(state->self,
                            &(struct sl_statement){.sql = "delete from jobs where project = ?1 "
                                                          "and " NAMED " and (state = 0 or "
                                                          "cast(?3 as bigint) > 2)",
                                                   .params = params,
                                                   .count = 3},
                            err));
    return state->kind->run(
        state->self,
        &(struct sl_statement){.sql = "update jobs set reply = case when state = 1 then cast(?3 as "
                                      "text) else reply end where project = ?1 and " NAMED
                                      " returning id, 0",
                               .params = params,
                               .count = 3,
                               .on_row = mark_kept,
                               .to = kept},
        err);
}

int sl_state_press(struct sl_state *state, const char *const *ids, size_t count, int times,
                   bool *ret_is_gone, struct sl_err *err)
{
    SL_AUTO(batch_clear) struct batch kept = {0};
    kept.items = calloc(count + 1, sizeof *kept.items);
    SL_TRY_NEW(kept.items, err);
    for (size_t i = 0; i < count; i++) {
        kept.items[i].is_lost = &ret_is_gone[i];
        ret_is_gone[i] = true;
        SL_TRY(sl_map_set(&kept.by_id, ids[i], &kept.items[i], err));
    }
    SL_TRY(print_ids(ids, count, &kept.text, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(kept.text),
                                      SL_NUMBER(times)};
    SL_TRY(sl_write_begin(state, err));
    return sl_write_end(state, press(state, params, &kept, err), SL_WAKE_ASKED, err);
}
