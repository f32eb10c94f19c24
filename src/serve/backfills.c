// Backfills that HTTP asks for: runs of no pipeline, which end with a document that is remembered
// for a while.
#include "base/clock.h"
#include "run/backfill.h"
#include "run/history.h"
#include "run/work.h"
#include "serve/serve_inner.h"

#include <string.h>

#define MOST_REMEMBERED 32

// --- one at a time for a table

static const char *bare(const char *name)
{
    return sl_str_starts(name, "curated.") ? name + strlen("curated.") : name;
}

static bool share_a_table(const json_t *a, const json_t *b)
{
    const json_t *tables = json_object_get(a, "tables"), *others = json_object_get(b, "tables");
    // One that goes on says which tables when it is planned.
    if (!json_array_size(tables) || !json_array_size(others))
        return true;
    for (size_t i = 0; i < json_array_size(tables); i++)
        for (size_t k = 0; k < json_array_size(others); k++)
            if (strcmp(bare(json_string_value(json_array_get(tables, i))),
                       bare(json_string_value(json_array_get(others, k)))) == 0)
                return true;
    return false;
}

bool sl_backfill_has_room(const struct sl_service *service, const struct sl_service_run *run)
{
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state == SL_RUN_AT_WORK && at->backfill &&
            share_a_table(at->backfill, run->backfill))
            return false;
    return true;
}

// --- as a document

static json_t *tables_json(const struct sl_backfill_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const struct sl_backfill_table *table = &plan->tables[i];
        const struct sl_backfill_found *found = &table->found;
        json_t *item =
            json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "table", table->node->name, "partitions",
                      (json_int_t)found->count, "done", (json_int_t)found->done, "chunks",
                      (json_int_t)((found->count + table->chunk - 1) / table->chunk), "rows_in",
                      found->rows_in < 0 ? json_null() : json_integer(found->rows_in), "rows_out",
                      found->rows_out < 0 ? json_null() : json_integer(found->rows_out));
        if (json_array_append_new(list, item) != 0)
            return json_decref(list), NULL;
    }
    return list;
}

static json_t *progress_json(const struct sl_backfill_progress *progress, int64_t until_us)
{
    const int64_t elapsed_ms = (until_us - progress->started_us) / 1000;
    const int64_t left = progress->partitions_total - progress->partitions_done;
    const bool is_known = progress->partitions_done > 0;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "chunks",
        (json_int_t)progress->chunk_count, "ended", (json_int_t)progress->ended, "running",
        (json_int_t)progress->running, "failed", (json_int_t)progress->failed, "partitions_done",
        (json_int_t)progress->partitions_done, "partitions_total",
        (json_int_t)progress->partitions_total, "rows_in", (json_int_t)progress->rows_in,
        "rows_out", (json_int_t)progress->rows_out, "elapsed_ms", (json_int_t)elapsed_ms, "left_ms",
        is_known ? json_integer((json_int_t)((double)elapsed_ms * (double)left /
                                             (double)progress->partitions_done))
                 : json_null());
}

static json_t *chunk_json(const struct sl_backfill *backfill, size_t index)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_outcome *outcome = &backfill->run->outcomes[index];
    const struct sl_backfill_part *part = &backfill->parts[index];
    const char *span = "";
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 0);
    (void)!sl_backfill_span(&backfill->plan->tables[part->table], part->from, part->count, &arena,
                            &span, &ignored);
    return json_pack("{s:s, s:o, s:s, s:i, s:o}", "table", outcome->node->name, "partition",
                     sl_json_string(span), "status", sl_status_name(outcome->status), "attempt",
                     outcome->attempts, "since", sl_json_time(outcome->started_us));
}

// Chunks at work, and those that wait for their next attempt.
static json_t *running_json(const struct sl_backfill *backfill)
{
    json_t *list = json_array();
    const struct sl_run *run = backfill->run;
    size_t found = 0;
    for (size_t i = 0; list && i < run->count && found < SL_MOST_WORKERS; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        bool is_at_it = outcome->status == SL_STATUS_RUNNING ||
                        (outcome->status == SL_STATUS_WAITING && outcome->attempts > 0);
        if (!is_at_it || !sl_backfill_is_chunk(backfill, i))
            continue;
        found++;
        if (json_array_append_new(list, chunk_json(backfill, i)) != 0)
            return json_decref(list), NULL;
    }
    return list;
}

static json_t *outcomes_json(const struct sl_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < run->count; i++) {
        json_t *item = NULL;
        struct sl_err ignored = {0};
        if (sl_outcome_print(&run->outcomes[i], &item, &ignored) != SL_OK ||
            json_array_append_new(list, item) != 0)
            return json_decref(list), NULL;
    }
    return list;
}

static const char *status_of(const struct sl_service_run *run)
{
    if (run->state == SL_RUN_QUEUED)
        return "queued";
    if (run->state == SL_RUN_AT_WORK)
        return run->interrupts ? "stopping" : sl_live_backfill(run->live) ? "running" : "planning";
    if (run->interrupts && !sl_live_is_planned(run->live))
        return run->is_cancelled ? "cancelled" : "interrupted";
    if (sl_live_err(run->live)->code)
        return "error";
    return sl_live_had_nothing(run->live) ? "nothing" : sl_run_state(sl_live_run(run->live));
}

static int exit_code_of(const struct sl_service_run *run)
{
    const struct sl_err *err = sl_live_err(run->live);
    if (err->code)
        return sl_err_fate(err) == SL_FATE_BUG ? 2 : 1;
    if (run->interrupts && (!run->has_begun || sl_live_run(run->live)->was_interrupted))
        return 130;
    return sl_live_had_nothing(run->live) ? 0 : sl_run_exit_code(sl_live_run(run->live));
}

static int add_live(const struct sl_service_run *run, json_t *root, struct sl_err *err)
{
    const struct sl_backfill *backfill = sl_live_backfill(run->live);
    const bool has_ended = run->state == SL_RUN_ENDED;
    const struct sl_run *result = sl_live_run(run->live);
    if (!backfill)
        return SL_OK;
    if (json_object_set_new(root, "backfill_id", sl_json_string(backfill->plan->id)) != 0 ||
        json_object_set_new(root, "is_resumed", json_boolean(backfill->plan->is_resumed)) != 0 ||
        json_object_set_new(root, "tables", tables_json(backfill->plan)) != 0 ||
        json_object_set_new(root, "progress",
                            progress_json(&backfill->progress, sl_clock_monotonic_us())) != 0 ||
        json_object_set_new(root, "running", has_ended ? json_array() : running_json(backfill)) !=
            0)
        return sl_fail_memory(err);
    if (has_ended && !sl_live_had_nothing(run->live) &&
        (json_object_set_new(root, "steps", outcomes_json(result)) != 0 ||
         json_object_set_new(root, "published",
                             result->has_published ? json_integer(result->publication.number)
                                                   : json_null()) != 0))
        return sl_fail_memory(err);
    return SL_OK;
}

static bool is_one_of(const json_t *ids, const char *beginning)
{
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (sl_str_starts(json_string_value(json_array_get(ids, i)), beginning))
            return true;
    return false;
}

// The run that began the backfill, and those of services before this one.
static json_t *earlier_json(const struct sl_service_run *run)
{
    const struct sl_backfill *backfill = run->live ? sl_live_backfill(run->live) : NULL;
    json_t *earlier = json_object_get(run->backfill, "earlier");
    json_t *list = json_array();
    int code = 0;
    if (backfill && strcmp(backfill->plan->id, run->id) != 0 &&
        !is_one_of(earlier, backfill->plan->id))
        code = json_array_append_new(list, json_string(backfill->plan->id));
    if (code == 0 && (!earlier || json_array_extend(list, earlier) == 0))
        return list;
    json_decref(list);
    return NULL;
}

static int print(const struct sl_service_run *run, json_t **ret, struct sl_err *err)
{
    const bool has_ended = run->state == SL_RUN_ENDED;
    const struct sl_err *failure = run->live ? sl_live_err(run->live) : NULL;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:O, s:o, s:o, s:o, s:[], s:o, s:[], s:o, s:O?, s:o}",
        "schema", "sluice.backfill.run/1", "run_id", run->id, "status", status_of(run), "who",
        sl_json_string_or_null(run->who), "asked_at", sl_json_time(run->asked_us), "started_at",
        sl_json_time(run->began_us), "ended_at", sl_json_time(has_ended ? sl_clock_now_us() : 0),
        "asked", run->backfill, "exit_code",
        has_ended ? json_integer(exit_code_of(run)) : json_null(), "error",
        failure && failure->code ? sl_err_json(failure) : json_null(), "backfill_id", json_null(),
        "tables", "progress", json_null(), "running", "downstream_run_id",
        sl_json_string_or_null(*run->downstream ? run->downstream : NULL), "downstream_error",
        run->not_followed, "continues", earlier_json(run));
    SL_TRY_NEW(root, err);
    if (run->live)
        SL_TRY(add_live(run, root, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

void sl_service_end_backfill(const struct sl_service_run *run)
{
    struct sl_service *service = run->service;
    json_t *document = NULL;
    struct sl_err ignored = {0};
    if (!service->backfills)
        service->backfills = json_array();
    if (print(run, &document, &ignored) != SL_OK ||
        json_array_append_new(service->backfills, document) != 0)
        return;
    if (json_array_size(service->backfills) > MOST_REMEMBERED)
        (void)json_array_remove(service->backfills, 0);
}

// --- what follows its end

static bool has_readers(const struct sl_backfill_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].node->downstream_count)
            return true;
    return false;
}

// As `sluice run --select TABLE+` would, without the table.
static int ask_downstream(struct sl_service_run *run, struct sl_err *err)
{
    const struct sl_backfill_plan *plan = sl_live_backfill(run->live)->plan;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_asked ask = {
        .pipeline = SL_NO_PIPELINE, .trigger = "after a backfill", .who = run->who};
    struct sl_service_run *next;
    const char *why;
    if (!has_readers(plan))
        return SL_OK;
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < plan->count; i++) {
        const char *name = plan->tables[i].node->name;
        const char *readers = sl_arena_printf(&arena, "%s+", name);
        SL_TRY_NEW(readers, err);
        SL_TRY(sl_strs_add(&ask.options.select, &arena, readers, err));
        SL_TRY(sl_strs_add(&ask.options.exclude, &arena, name, err));
    }
    SL_TRY(sl_service_ask(run->service, &ask, &next, &why, err));
    if (!next)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "%s", why);
    memcpy(run->downstream, next->id, sizeof next->id);
    return SL_OK;
}

// As it was asked, for a run that goes on with what this one had begun.
static json_t *asked_later(const json_t *asked, const char *run_id)
{
    json_t *copy = json_copy((json_t *)asked);
    json_t *earlier = json_deep_copy(json_object_get(asked, "earlier"));
    if (!earlier)
        earlier = json_array();
    if (json_array_append_new(earlier, json_string(run_id)) != 0 ||
        json_object_set(copy, "earlier", earlier) != 0) {
        json_decref(copy);
        copy = NULL;
    }
    json_decref(earlier);
    return copy;
}

static int go_on_later(const struct sl_service_run *run, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *asked = asked_later(run->backfill, run->id);
    const struct sl_asked ask = {.pipeline = SL_BACKFILL_PIPELINE,
                                 .trigger = "after a stop",
                                 .who = run->who,
                                 .backfill = asked,
                                 .goes_on_with = run->id};
    char id[37];
    SL_TRY_NEW(asked, err);
    SL_TRY(sl_service_ask_backfill(run->service, &ask, id, err));
    sl_service_tell_later(run, sl_service_find(run->service, id), err);
    return SL_OK;
}

static bool is_drained(const struct sl_service_run *run)
{
    return run->service->stops && run->interrupts && !run->is_cancelled && run->has_begun &&
           sl_live_run(run->live)->was_interrupted;
}

// It begins after this one's end, which asks for that.
static int follow(struct sl_service_run *run, struct sl_err *err)
{
    struct sl_service *service = run->service;
    const bool was_admitting = service->is_admitting;
    service->is_admitting = true;
    const int code = ask_downstream(run, err);
    service->is_admitting = was_admitting;
    return code;
}

void sl_backfill_ending(struct sl_service_run *run)
{
    const bool wants_more = sl_json_bool(run->backfill, "downstream", false);
    struct sl_err err = {0};
    if (is_drained(run)) {
        if (go_on_later(run, &err) != SL_OK)
            sl_service_tell_later(run, NULL, &err);
    } else if (wants_more && exit_code_of(run) == 0 && sl_live_backfill(run->live) &&
               follow(run, &err) != SL_OK) {
        sl_service_tell(SL_LOG_WARN, run, "what reads the tables was not run: %s", err.message);
        run->not_followed = sl_err_json(&err);
    }
}

// --- what HTTP asks

int sl_backfill_control_start(void *self, const json_t *asked, const char *trigger, const char *who,
                              json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_backfill_asked checked;
    const struct sl_service_run *run;
    char id[37];
    sl_arena_init(&arena, 0);
    SL_TRY(sl_backfill_asked_parse(asked, &arena, &checked, err));
    SL_TRY(sl_backfill_asked_check(&checked, err));
    SL_TRY(sl_service_require_leader(service, err));
    SL_TRY(sl_backfill_asked_require(&service->newest->world.graph, &checked.options.choice, &arena,
                                     err));
    if (service->stops)
        return sl_fail(err, SL_E_SERVE_BUSY, "the service is ending: it begins no more runs");
    const struct sl_asked ask = {
        .pipeline = SL_BACKFILL_PIPELINE, .trigger = trigger, .who = who, .backfill = asked};
    SL_TRY(sl_service_ask_backfill(service, &ask, id, err));
    run = sl_service_find(service, id);
    *ret_json = json_pack("{s:s, s:s}", "run_id", id, "status",
                          run && run->state == SL_RUN_QUEUED ? "queued" : "running");
    return *ret_json ? SL_OK : sl_fail_memory(err);
}

// What --resume named, by its beginning as well.
static bool has_resumed(const json_t *document, const char *beginning)
{
    const char *resumed = sl_json_text(json_object_get(document, "asked"), "resume", NULL);
    return resumed && (sl_str_starts(resumed, beginning) || sl_str_starts(beginning, resumed));
}

static bool goes_on_with(const json_t *document, const char *beginning)
{
    return is_one_of(json_object_get(document, "continues"), beginning) ||
           has_resumed(document, beginning);
}

bool sl_backfill_goes_on_with(const struct sl_service_run *run, const char *id)
{
    SL_AUTO(sl_json_free) json_t *document = NULL;
    struct sl_err ignored = {0};
    if (!run->backfill || print(run, &document, &ignored) != SL_OK)
        return false;
    // The plan says what it continues; before there is one, what was named.
    return run->live && sl_live_backfill(run->live)
               ? is_one_of(json_object_get(document, "continues"), id)
               : goes_on_with(document, id);
}

// `is_earlier`: it goes on with what that run had begun.
static int add_if_meant(json_t *list, json_t *document, const char *id, bool is_earlier,
                        struct sl_err *err)
{
    if (id && (is_earlier ? !goes_on_with(document, id)
                          : !sl_str_starts(sl_json_text(document, "run_id", ""), id))) {
        json_decref(document);
        return SL_OK;
    }
    return json_array_append_new(list, document) == 0 ? SL_OK : sl_fail_memory(err);
}

static int list_all(const struct sl_service *service, const char *id, bool is_earlier, json_t *list,
                    struct sl_err *err)
{
    for (const struct sl_service_run *at = service->runs; at; at = at->next) {
        json_t *document = NULL;
        if (!at->backfill || at->state == SL_RUN_ENDED)
            continue;
        SL_TRY(print(at, &document, err));
        SL_TRY(add_if_meant(list, document, id, is_earlier, err));
    }
    for (size_t i = json_array_size(service->backfills); i-- > 0;)
        SL_TRY(add_if_meant(list, json_incref(json_array_get(service->backfills, i)), id,
                            is_earlier, err));
    return SL_OK;
}

int sl_backfill_control_list(void *self, const char *run_id, json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    if (!service->is_leading)
        SL_TRY(sl_service_require_leader(service, err));
    SL_TRY(list_all(service, run_id, false, list, err));
    if (run_id && !json_array_size(list)) { // the newest run that goes on with it
        SL_TRY(list_all(service, run_id, true, list, err));
        while (json_array_size(list) > 1)
            (void)json_array_remove(list, json_array_size(list) - 1);
    }
    if (run_id && !json_array_size(list)) {
        (void)sl_fail(err, SL_E_SERVE_MISSING, "no backfill '%.100s' is at work or ended lately",
                      run_id);
        return sl_err_hint(err, "GET /api/v1/runs/{run} has those of before");
    }
    *ret_json = list;
    list = NULL;
    return SL_OK;
}

// --- after a kill

static int parse_asked(const char *text, json_t **ret, struct sl_err *err)
{
    return text ? sl_json_parse(text, strlen(text), "the state store", ret, err) : SL_OK;
}

// Its row has it; where that was not kept, the audit log. *ret is NULL: it is the command's.
static int recall_asked(struct sl_service *service, const struct sl_run_row *row, json_t **ret,
                        struct sl_err *err)
{
    const struct sl_audit_filter filter = {.subject = row->id};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *options = NULL;
    struct sl_audit_entry *entries;
    size_t count, at = 0;
    SL_TRY(parse_asked(row->options_json, &options, err));
    *ret = json_incref(json_object_get(options, "backfill"));
    if (*ret)
        return SL_OK;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_audit(service->state, &filter, &arena, &entries, &count, err));
    while (at < count && !sl_str_equal(entries[at].what, "backfill"))
        at++;
    return at < count ? parse_asked(entries[at].details_json, ret, err) : SL_OK;
}

// Its commits say how far it has come.
int sl_backfill_recover(struct sl_service *service, const struct sl_run_row *row,
                        bool *ret_was_ours, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *asked = NULL;
    SL_AUTO(sl_json_free) json_t *later = NULL;
    char id[37];
    SL_TRY(recall_asked(service, row, &asked, err));
    *ret_was_ours = asked != NULL;
    if (!asked)
        return SL_OK;
    later = asked_later(asked, row->id);
    SL_TRY_NEW(later, err);
    const struct sl_asked ask = {.pipeline = SL_BACKFILL_PIPELINE,
                                 .trigger = "after a kill",
                                 .who = row->who,
                                 .is_unattended = true,
                                 .backfill = later,
                                 .goes_on_with = row->id};
    sl_service_tell(SL_LOG_WARN, NULL, "backfill %s was killed: it goes on", row->id);
    return sl_service_ask_backfill(service, &ask, id, err);
}
