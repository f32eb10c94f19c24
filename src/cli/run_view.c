#include "cli/run_view.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/history.h"

#include <string.h>

void sl_run_view_init(struct sl_run_view *view, const struct sl_common *common, struct sl_world *world)
{
    *view = (struct sl_run_view){.common = common, .folder = world->project->folder};
    view->is_live = sl_is_terminal(stderr) && !common->is_quiet && common->log_format == SL_LOG_TEXT;
}

static void wipe(struct sl_run_view *view)
{
    for (; view->drawn_lines > 0; view->drawn_lines--)
        fputs("\033[1A\033[2K", stderr);
}

static void add_rate(const struct sl_outcome *outcome, struct sl_buf *text)
{
    char number[32];
    int64_t elapsed_us = sl_clock_now_us() - outcome->started_us;
    int64_t rows = atomic_load(&outcome->progress.rows_done), bytes = atomic_load(&outcome->progress.bytes_done);
    int64_t rows_total = atomic_load(&outcome->progress.rows_total), bytes_total = atomic_load(&outcome->progress.bytes_total);
    double share = bytes_total > 0 ? (double)bytes / (double)bytes_total : rows_total > 0 ? (double)rows / (double)rows_total : -1;
    if (share < 0 && outcome->session) {
        uint64_t done = 0;
        share = outcome->session->kind->progress(outcome->session, &done);
    }
    if (rows > 0 && elapsed_us > 0)
        sl_buf_addf(text, "  %s rows, %s/s", sl_str_count(rows, number), sl_str_count(rows * 1000000 / elapsed_us, (char[32]){0}));
    if (bytes > 0)
        sl_buf_addf(text, "  %s", sl_str_size(bytes, number));
    if (share > 0 && share <= 1)
        sl_buf_addf(text, "  %3.0f %%, %s left", 100 * share,
                    sl_str_elapsed((int64_t)((double)elapsed_us / 1000 * (1 - share) / share), number));
}

static void on_tick(void *self, const struct sl_outcome *const *running, size_t count)
{
    struct sl_run_view *view = self;
    char number[32];
    if (!view->is_live)
        return;
    wipe(view);
    for (size_t i = 0; i < count && i < 8; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        int64_t elapsed_ms = (sl_clock_now_us() - running[i]->started_us) / 1000;
        sl_buf_addf(&text, "%-32s %8s", running[i]->node->label, sl_str_elapsed(elapsed_ms, number));
        add_rate(running[i], &text);
        fprintf(stderr, "%s· %.110s%s\n", sl_color(stderr, SL_COLOR_CYAN), text.text, sl_color(stderr, SL_COLOR_NONE));
        view->drawn_lines++;
    }
}

static enum sl_color color_of(enum sl_status status)
{
    switch (status) {
    case SL_STATUS_OK:
        return SL_COLOR_GREEN;
    case SL_STATUS_WARN:
    case SL_STATUS_PARTIAL:
        return SL_COLOR_YELLOW;
    case SL_STATUS_ERROR:
        return SL_COLOR_RED;
    case SL_STATUS_SKIPPED:
    case SL_STATUS_NOTHING:
    case SL_STATUS_WAITING:
    case SL_STATUS_RUNNING:
        break;
    }
    return SL_COLOR_DIM;
}

static void describe_end(const struct sl_outcome *outcome, struct sl_buf *text)
{
    const struct sl_balance *balance = &outcome->result.balance;
    char number[32];
    sl_buf_addf(text, "%-8s %-32s", sl_status_name(outcome->status), outcome->node->label);
    if (outcome->status == SL_STATUS_ERROR || outcome->status == SL_STATUS_SKIPPED) {
        sl_buf_addf(text, " %s", outcome->err.message);
        return;
    }
    sl_buf_addf(text, " %8s", sl_str_elapsed((outcome->ended_us - outcome->started_us) / 1000, number));
    if (outcome->result.has_balance) {
        sl_buf_addf(text, "  %s rows", sl_str_count(balance->out, number));
        if (balance->quarantined)
            sl_buf_addf(text, ", %s quarantined", sl_str_count(balance->quarantined, number));
    }
    if (outcome->result.why)
        sl_buf_addf(text, "  (%s)", outcome->result.why);
}

static json_t *log_fields(const struct sl_outcome *outcome)
{
    json_t *fields = NULL;
    struct sl_err ignored = {0};
    return sl_outcome_print(outcome, &fields, &ignored) == SL_OK ? fields : NULL;
}

static void on_end(void *self, const struct sl_outcome *outcome)
{
    struct sl_run_view *view = self;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    bool is_failed = outcome->status == SL_STATUS_ERROR;
    if (outcome->status == SL_STATUS_NOTHING && !view->common->is_verbose)
        return;
    describe_end(outcome, &text);
    if (view->common->log_format == SL_LOG_JSON) {
        json_t *fields = log_fields(outcome);
        sl_log(is_failed ? SL_LOG_ERROR : SL_LOG_INFO, fields, "%s", text.text);
        json_decref(fields);
        return;
    }
    if (view->common->is_quiet && !is_failed)
        return;
    wipe(view);
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    fprintf(stderr, "%s%s%s\n", sl_color(stderr, color_of(outcome->status)), sl_log_mask(text.text, &arena),
            sl_color(stderr, SL_COLOR_NONE));
}

struct sl_listener sl_run_view_listener(struct sl_run_view *view)
{
    return (struct sl_listener){.on_end = on_end, .on_tick = on_tick, .self = view};
}

// --- The end ---

static int balance_row(struct sl_grid *grid, const struct sl_outcome *outcome, struct sl_err *err)
{
    const struct sl_balance *balance = &outcome->result.balance;
    char numbers[5][32];
    const char *cells[6] = {outcome->node->label,
                            sl_str_count(balance->in, numbers[0]),
                            sl_str_count(balance->out, numbers[1]),
                            sl_str_count(balance->quarantined, numbers[2]),
                            sl_str_count(balance->deduplicated, numbers[3]),
                            sl_str_count(balance->filtered, numbers[4])};
    return sl_grid_row(grid, cells, err);
}

static int print_balances(const struct sl_run *run, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    size_t rows = 0;
    sl_grid_init(&grid, arena, 6, 0x3E);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"row balance", "in", "out", "quarantined", "deduplicated", "filtered"}, err));
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].result.has_balance && run->outcomes[i].status != SL_STATUS_NOTHING) {
            SL_TRY(balance_row(&grid, &run->outcomes[i], err));
            rows++;
        }
    if (rows) {
        fputc('\n', stdout);
        sl_grid_print(&grid, stdout);
    }
    return SL_OK;
}

static int print_reasons(const struct sl_run *run, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    size_t rows = 0;
    char number[32];
    sl_grid_init(&grid, arena, 4, 0x8);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"table", "rule", "column", "rows"}, err));
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        for (size_t k = 0; k < outcome->result.reason_count; k++) {
            const struct sl_reason_count *reason = &outcome->result.reasons[k];
            const char *table = sl_arena_printf(arena, "%s.%s%s", reason->is_warning ? "clean" : "quarantine",
                                                outcome->node->bare, reason->is_warning ? " (warning)" : "");
            SL_TRY_NEW(table, err);
            SL_TRY(sl_grid_row(&grid, (const char *const[]){table, reason->rule, reason->column, sl_str_count(reason->rows, number)},
                               err));
            rows++;
        }
    }
    if (rows) {
        fputc('\n', stdout);
        sl_grid_print(&grid, stdout);
    }
    return SL_OK;
}

static void print_failures(const struct sl_run_view *view, const struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        for (size_t k = 0; k < outcome->result.notes.count && !view->common->is_quiet; k++)
            fprintf(stderr, "%s: %s\n", outcome->node->label, outcome->result.notes.items[k]);
        if (outcome->status != SL_STATUS_ERROR)
            continue;
        fprintf(stderr, "\n%s failed\n", outcome->node->label);
        sl_print_error(stderr, view->folder, SL_SEVERITY_ERROR, &outcome->err);
    }
}

static void print_last_line(const struct sl_run *run)
{
    const size_t *by = run->by_status;
    char number[32], elapsed[32];
    printf("\nOK %zu  WARN %zu  ERROR %zu  SKIPPED %zu  quarantined %s  in %s  run %.8s\n",
           by[SL_STATUS_OK] + by[SL_STATUS_NOTHING], by[SL_STATUS_WARN] + by[SL_STATUS_PARTIAL], by[SL_STATUS_ERROR],
           by[SL_STATUS_SKIPPED], sl_str_count(run->quarantined, number),
           sl_str_elapsed((run->ended_us - run->started_us) / 1000, elapsed), run->id);
}

int sl_run_view_end(struct sl_run_view *view, const struct sl_run *run, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    wipe(view);
    if (run->state_note)
        fprintf(stderr, "warning: %s\n", run->state_note);
    if (view->common->json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_run_print(run, &root, err));
        return sl_print_json(root, err);
    }
    fflush(stderr);
    if (!view->common->is_quiet) {
        SL_TRY(print_balances(run, &arena, err));
        SL_TRY(print_reasons(run, &arena, err));
    }
    fflush(stdout);
    print_failures(view, run);
    print_last_line(run);
    return SL_OK;
}
