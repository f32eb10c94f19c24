// A run as exit code and as JSON.
#include "base/clock.h"
#include "run/history.h"
#include "run/quality.h"

#include <stdio.h>
#include <string.h>

const char *sl_status_name(enum sl_status status)
{
    static const char *const names[] = {
        [SL_STATUS_WAITING] = "waiting", [SL_STATUS_RUNNING] = "running",
        [SL_STATUS_NOTHING] = "nothing", [SL_STATUS_OK] = "ok",
        [SL_STATUS_WARN] = "warn",       [SL_STATUS_PARTIAL] = "partial",
        [SL_STATUS_ERROR] = "error",     [SL_STATUS_SKIPPED] = "skipped",
    };
    return names[status];
}

static bool has_done_something(const struct sl_run *run)
{
    const size_t *by = run->by_status;
    return by[SL_STATUS_OK] + by[SL_STATUS_WARN] + by[SL_STATUS_PARTIAL] > 0;
}

// What it is once all steps have ended.
static const char *state_at_end(const struct sl_run *run)
{
    const size_t *by = run->by_status;
    bool has_failed = by[SL_STATUS_ERROR] > 0 || run->was_late;
    if (run->was_interrupted)
        return run->was_cancelled ? "cancelled" : "interrupted";
    if (by[SL_STATUS_PARTIAL] || (has_failed && has_done_something(run)))
        return "partial";
    if (has_failed)
        return "error";
    return has_done_something(run) ? "ok" : "nothing";
}

const char *sl_run_state(const struct sl_run *run)
{
    return run->ended_us || run->was_interrupted ? state_at_end(run) : "running";
}

void sl_run_add_fault(struct sl_run_faults *faults, const char *step_status, enum sl_code code)
{
    if (!code || !sl_str_equal(step_status, sl_status_name(SL_STATUS_ERROR)))
        return;
    faults->has_bug |= sl_code_info(code)->fate == SL_FATE_BUG;
    faults->has_broken_rule |= code == SL_E_BUDGET || code == SL_E_RULE_BROKEN;
    faults->has_failed_check |= code == SL_E_CHECK_FAILED || code == SL_E_CONTRACT;
}

int sl_run_exit_code_of(const char *status, const struct sl_run_faults *faults)
{
    if (sl_str_equal(status, "interrupted") || sl_str_equal(status, "cancelled"))
        return 130;
    if (faults->has_bug)
        return 2;
    if (faults->has_broken_rule)
        return 4;
    if (faults->has_failed_check)
        return 3;
    if (sl_str_equal(status, "ok") || sl_str_equal(status, "nothing"))
        return 0;
    return sl_str_equal(status, "partial") ? 5 : 1;
}

int sl_run_exit_code(const struct sl_run *run)
{
    struct sl_run_faults faults = {0};
    for (size_t i = 0; i < run->count; i++)
        sl_run_add_fault(&faults, sl_status_name(run->outcomes[i].status),
                         run->outcomes[i].err.code);
    return sl_run_exit_code_of(state_at_end(run), &faults);
}

// It was told to end when there was nothing more to begin, and all that was at work ended well.
static bool has_left_nothing_out(const struct sl_run *run)
{
    const size_t *by = run->by_status;
    return has_done_something(run) && !run->was_cancelled && !run->was_late &&
           !(by[SL_STATUS_WAITING] + by[SL_STATUS_RUNNING] + by[SL_STATUS_PARTIAL] +
             by[SL_STATUS_ERROR] + by[SL_STATUS_SKIPPED]);
}

void sl_run_count(struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        if (!outcome->node->is_selected)
            continue;
        run->by_status[outcome->status]++;
        if (outcome->node->kind != SL_NODE_CLEANSE || outcome->status == SL_STATUS_ERROR)
            continue;
        run->quarantined += outcome->result.balance.quarantined;
        run->set_aside += outcome->result.balance.set_aside_values;
    }
    if (has_left_nothing_out(run))
        run->was_interrupted = false;
}

void sl_run_clear(struct sl_run *run)
{
    for (size_t i = 0; i < run->count + run->more; i++)
        sl_arena_clear(&run->outcomes[i].arena);
    if (run->world && run->world->project && run->world->project->pins == &run->pins)
        run->world->project->pins = NULL;
    sl_map_clear(&run->pins);
    sl_arena_clear(&run->arena);
    run->count = run->more = 0;
}

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static int set_text(json_t *object, const char *key, const char *value, struct sl_err *err)
{
    return value && *value ? set(object, key, json_string(value), err) : SL_OK;
}

// -1 is what is not known.
static json_t *count_or_null(int64_t count)
{
    return count < 0 ? json_null() : json_integer(count);
}

static int print_rows(const struct sl_balance *balance, json_t *object, struct sl_err *err)
{
    return set(object, "rows",
               json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "in", (json_int_t)balance->in,
                         "out", (json_int_t)balance->out, "quarantined",
                         (json_int_t)balance->quarantined, "deduplicated",
                         (json_int_t)balance->deduplicated, "filtered",
                         (json_int_t)balance->filtered, "set_aside_rows",
                         (json_int_t)balance->set_aside_rows, "set_aside_values",
                         (json_int_t)balance->set_aside_values, "replaced",
                         count_or_null(balance->replaced)),
               err);
}

static int set_strs(json_t *object, const char *key, const struct sl_strs *texts,
                    struct sl_err *err)
{
    return set(object, key, sl_json_strs(texts), err);
}

static int print_details(const struct sl_step_result *result, json_t *object, struct sl_err *err)
{
    json_t *reasons = json_array(), *versions = json_object(), *checks = json_array();
    json_t *emptied = sl_emptied_json(result->emptied, result->emptied_count);
    SL_TRY(set(object, "reasons", reasons, err));
    SL_TRY(set_strs(object, "raw_only", &result->raw_only, err));
    SL_TRY(set_strs(object, "also_read", &result->also_read, err));
    SL_TRY(set(object, "emptied_files", emptied, err));
    SL_TRY(set(object, "checks", checks, err));
    SL_TRY(set(object, "versions", versions, err));
    SL_TRY(set_strs(object, "notes", &result->notes, err));
    for (size_t i = 0; i < result->reason_count; i++) {
        const struct sl_reason_count *reason = &result->reasons[i];
        json_t *item = json_pack("{s:s, s:s?, s:I, s:b, s:b}", "rule", reason->rule, "column",
                                 reason->column, "rows", (json_int_t)reason->rows, "warning",
                                 reason->is_warning, "value", reason->is_value);
        if (json_array_append_new(reasons, item) != 0)
            return sl_fail_memory(err);
    }
    for (size_t i = 0; i < result->check_count; i++)
        if (json_array_append_new(checks, sl_check_result_json(&result->checks[i], true)) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < result->version_count; i++)
        SL_TRY(set(versions, result->versions[i].table, json_integer(result->versions[i].version),
                   err));
    return SL_OK;
}

// The scores of what this step published; null for others.
static json_t *scores_json(const struct sl_outcome *outcome)
{
    const struct sl_step_result *result = &outcome->result;
    bool has_scores =
        outcome->node->kind == SL_NODE_CLEANSE || outcome->node->kind == SL_NODE_MODEL;
    struct sl_quality quality = {
        .rows_in = result->balance.in,
        .reasons = result->reasons,
        .reason_count = result->reason_count,
        .broken = result->broken,
        .checks = result->checks,
        .check_count = result->check_count,
    };
    if (!has_scores || result->outcome == SL_STEP_NOTHING || !result->has_balance)
        return json_null();
    sl_quality_score(&quality, outcome->node->contract);
    return sl_quality_json(&quality);
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(int number)
{
    return number > 0 ? json_integer(number) : json_null();
}

json_t *sl_err_json(const struct sl_err *err)
{
    static const char *const fates[] = {
        [SL_FATE_INPUT] = "input", [SL_FATE_RETRY] = "retry", [SL_FATE_BUG] = "bug"};
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "code", sl_code_info(err->code)->id,
                     "fate", fates[sl_err_fate(err)], "message", err->message, "hint",
                     text_or_null(err->hint), "file", text_or_null(err->file), "line",
                     number_or_null(err->line), "column", number_or_null(err->column));
}

// The partitions that were recomputed; null where a step does not go by partitions or did all.
static json_t *partitions_json(const struct sl_step_result *result)
{
    return result->partitions.count ? sl_json_strs(&result->partitions) : json_null();
}

// Which version's profile was kept; null: none.
static json_t *profile_json(const struct sl_step_result *result)
{
    return result->profiled.table ? json_pack("{s:s, s:I}", "table", result->profiled.table,
                                              "version", (json_int_t)result->profiled.version)
                                  : json_null();
}

// How its last worker died; null: none did.
static json_t *death_json(const struct sl_death *death)
{
    if (!death)
        return json_null();
    json_t *lines = json_array();
    for (const char *at = death->output; *at;) {
        char line[SL_LAST_WORDS_BYTES];
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        (void)json_array_append_new(lines, sl_json_string(line));
        at += length + (at[length] != '\0');
    }
    return json_pack("{s:o, s:o, s:I, s:o}", "signal",
                     death->signal ? json_integer(death->signal) : json_null(), "exit_code",
                     death->exit_code < 0 ? json_null() : json_integer(death->exit_code),
                     "peak_memory_bytes", (json_int_t)death->peak_memory_bytes, "stderr", lines);
}

// The attempts that others followed.
static json_t *retried_json(const struct sl_outcome *outcome)
{
    json_t *list = json_array();
    for (size_t i = 0; i < outcome->retried_count; i++) {
        const struct sl_retried *retried = &outcome->retried[i];
        json_t *item = json_pack("{s:i, s:s, s:s, s:I}", "attempt", retried->attempt, "code",
                                 sl_code_info(retried->code)->id, "message", retried->message,
                                 "wait_ms", (json_int_t)retried->wait_ms);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int sl_outcome_print(const struct sl_outcome *outcome, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = json_object();
    SL_TRY_NEW(object, err);
    const struct sl_step_result *result = &outcome->result;
    bool is_failed = outcome->status == SL_STATUS_ERROR || outcome->status == SL_STATUS_SKIPPED;
    SL_TRY(set_text(object, "step", outcome->node->label, err));
    SL_TRY(set_text(object, "table", outcome->node->name, err));
    SL_TRY(set_text(object, "status", sl_status_name(outcome->status), err));
    SL_TRY(set(object, "elapsed_ms", json_integer((outcome->ended_us - outcome->started_us) / 1000),
               err));
    if (is_failed)
        SL_TRY(set(object, "error", sl_err_json(&outcome->err), err));
    SL_TRY(set(object, "partition", partitions_json(result), err));
    SL_TRY(set(object, "was_full", is_failed ? json_null() : json_boolean(result->was_full), err));
    SL_TRY(set_text(object, "why", result->why, err));
    if (result->has_balance)
        SL_TRY(print_rows(&result->balance, object, err));
    SL_TRY(set(object, "bytes_in", json_integer(result->bytes_in), err));
    SL_TRY(set(object, "bytes_out", json_integer(result->bytes_out), err));
    SL_TRY(set(object, "files_together", json_integer(result->files_together), err));
    SL_TRY(set(object, "rows_read", count_or_null(outcome->rows_read), err));
    SL_TRY(set(object, "attempts", json_integer(outcome->attempts), err));
    SL_TRY(set(object, "retried", retried_json(outcome), err));
    SL_TRY(set(object, "worker_death", death_json(outcome->death), err));
    SL_TRY(set(object, "peak_memory_bytes", count_or_null(outcome->peak_memory_bytes), err));
    SL_TRY(set(object, "estimate",
               outcome->node->estimate.is_made ? sl_estimate_json(&outcome->node->estimate)
                                               : json_null(),
               err));
    SL_TRY(print_details(result, object, err));
    SL_TRY(set(object, "quality", scores_json(outcome), err));
    SL_TRY(set(object, "profile", profile_json(result), err));
    *ret = object;
    object = NULL;
    return SL_OK;
}

static int print_counts(const struct sl_run *run, json_t *root, struct sl_err *err)
{
    const size_t *by = run->by_status;
    return set(
        root, "counts",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok",
                  (json_int_t)(by[SL_STATUS_OK] + by[SL_STATUS_NOTHING]), "warn",
                  (json_int_t)(by[SL_STATUS_WARN] + by[SL_STATUS_PARTIAL]), "partial",
                  (json_int_t)by[SL_STATUS_PARTIAL], "error", (json_int_t)by[SL_STATUS_ERROR],
                  "skipped", (json_int_t)by[SL_STATUS_SKIPPED], "nothing",
                  (json_int_t)by[SL_STATUS_NOTHING], "quarantined", (json_int_t)run->quarantined,
                  "set_aside_values", (json_int_t)run->set_aside),
        err);
}

// Null if nothing was ever published.
static int print_publication(const struct sl_run *run, json_t *root, struct sl_err *err)
{
    const struct sl_publication *publication = &run->publication;
    json_t *withheld = json_array();
    json_t *object = json_pack("{s:I, s:b, s:o}", "number", (json_int_t)publication->number,
                               "is_new", run->has_published, "withheld", withheld);
    if (publication->number == 0) {
        json_decref(object);
        return set(root, "publication", json_null(), err);
    }
    SL_TRY(set(root, "publication", object, err));
    for (size_t i = 0; i < publication->withheld_count; i++) {
        const struct sl_withheld *item = &publication->withheld[i];
        if (json_array_append_new(withheld, json_pack("{s:s, s:I, s:s}", "table", item->table,
                                                      "version", (json_int_t)item->version,
                                                      "because", item->because)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

int sl_run_print(const struct sl_run *run, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    SL_TRY_NEW(root, err);
    char time[32];
    json_t *steps = json_array();
    SL_TRY(set(root, "schema", json_string("sluice.run/1"), err));
    SL_TRY(set_text(root, "run_id", run->id, err));
    SL_TRY(set_text(root, "started", sl_clock_format(run->started_us, time), err));
    SL_TRY(set(root, "elapsed_ms", json_integer((run->ended_us - run->started_us) / 1000), err));
    SL_TRY(set(root, "exit_code", json_integer(sl_run_exit_code(run)), err));
    SL_TRY(set_text(root, "status", sl_run_state(run), err));
    SL_TRY(print_counts(run, root, err));
    SL_TRY(print_publication(run, root, err));
    SL_TRY(set(root, "steps", steps, err));
    for (size_t i = 0; i < run->count; i++) {
        json_t *step = NULL;
        if (!run->outcomes[i].node->is_selected)
            continue;
        SL_TRY(sl_outcome_print(&run->outcomes[i], &step, err));
        if (json_array_append_new(steps, step) != 0)
            return sl_fail_memory(err);
    }
    *ret = root;
    root = NULL;
    return SL_OK;
}
