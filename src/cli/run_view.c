#include "cli/run_view.h"

#include "base/clock.h"
#include "run/history.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LABEL 40
#define MOST_LINES SL_RUN_VIEW_LINES

void sl_run_view_init(struct sl_run_view *view, const struct sl_common *common,
                      const struct sl_world *world, const struct sl_run *run)
{
    *view = (struct sl_run_view){.common = common, .run = run, .frame = SL_BUF_INIT};
    bool can_redraw = sl_is_terminal(stderr) && !sl_str_equal(getenv("TERM"), "dumb");
    view->is_live = can_redraw && !common->is_quiet && common->log_format == SL_LOG_TEXT;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        int width = (int)sl_text_width(node->label);
        view->total += node->is_selected;
        if (node->is_selected && width > view->label_width)
            view->label_width = width < MOST_LABEL ? width : MOST_LABEL;
    }
}

void sl_run_view_clear(struct sl_run_view *view)
{
    sl_buf_clear(&view->frame);
}

// --- While it goes ---

// Moves up over what was drawn, to draw there again.
static void add_wipe(struct sl_run_view *view)
{
    for (; view->drawn_lines > 0; view->drawn_lines--)
        sl_buf_add(&view->frame, "\033[1A\033[2K");
}

// One write, so that nothing flickers.
static void show_frame(struct sl_run_view *view)
{
    if (view->frame.length && !view->frame.has_failed)
        fwrite(view->frame.text, 1, view->frame.length, stderr);
    sl_buf_reset(&view->frame);
}

// How far a step has come. What it counts itself is exact, but some count only what is finished:
// until then the engine tells of the statement at work, and time counts from the beginning of that.
struct progress {
    int64_t rows, bytes; // 0: unknown
    double share;        // 0..1, or less than 0 if nobody knows
    int64_t elapsed_us;
};

static struct sl_pace *pace_of(struct sl_run_view *view, const struct sl_outcome *outcome)
{
    struct sl_pace *unused = &view->paces[0];
    for (size_t i = 0; i < MOST_LINES; i++) {
        struct sl_pace *pace = &view->paces[i];
        if (pace->outcome == outcome)
            return pace;
        if (!pace->outcome || pace->outcome->status != SL_STATUS_RUNNING)
            unused = pace;
    }
    *unused = (struct sl_pace){.outcome = outcome, .since_us = outcome->started_us};
    return unused;
}

// A share that falls is that of another statement.
static void ask_engine(struct sl_run_view *view, const struct sl_outcome *outcome, int64_t now_us,
                       struct progress *progress)
{
    struct sl_pace *pace = pace_of(view, outcome);
    int64_t permille = atomic_load(&outcome->seat->engine_permille);
    progress->share = permille < 0 ? -1 : (double)permille / 1000;
    progress->rows = atomic_load(&outcome->seat->engine_rows);
    if (progress->share < pace->share)
        pace->since_us = now_us;
    pace->share = progress->share;
    progress->elapsed_us = now_us - pace->since_us;
}

static struct progress progress_of(struct sl_run_view *view, const struct sl_outcome *outcome,
                                   int64_t now_us)
{
    const struct sl_step_progress *told = &outcome->seat->progress;
    int64_t rows_total = atomic_load(&told->rows_total);
    int64_t bytes_total = atomic_load(&told->bytes_total);
    struct progress progress = {.rows = atomic_load(&told->rows_done),
                                .bytes = atomic_load(&told->bytes_done),
                                .share = -1,
                                .elapsed_us = now_us - outcome->started_us};
    if (bytes_total > 0 && progress.bytes > 0)
        progress.share = (double)progress.bytes / (double)bytes_total;
    else if (rows_total > 0 && progress.rows > 0)
        progress.share = (double)progress.rows / (double)rows_total;
    else
        ask_engine(view, outcome, now_us, &progress);
    return progress;
}

static void add_progress(const struct progress *progress, struct sl_buf *text)
{
    char number[32], rate[32];
    double share = progress->share, elapsed_us = (double)progress->elapsed_us;
    if (share > 0 && share <= 1) // first: what does not fit is cut
        sl_buf_addf(text, "  %.0f %%, %s left", 100 * share,
                    sl_str_elapsed((int64_t)(elapsed_us / 1000 * (1 - share) / share), number));
    if (progress->rows > 0 && elapsed_us > 0)
        sl_buf_addf(text, "  %s rows, %s rows/s", sl_str_count(progress->rows, number),
                    sl_str_count((int64_t)((double)progress->rows * 1e6 / elapsed_us), rate));
    if (progress->bytes > 0)
        sl_buf_addf(text, "  %s", sl_str_size(progress->bytes, number));
}

static void add_line(struct sl_run_view *view, enum sl_color color, const char *text)
{
    sl_buf_add(&view->frame, sl_color(stderr, color));
    sl_add_plain(&view->frame, text,
                 (size_t)sl_terminal_width(stderr) - 1); // a line that wraps would be two
    sl_buf_add(&view->frame, sl_color(stderr, SL_COLOR_NONE));
    sl_buf_add_char(&view->frame, '\n');
    view->drawn_lines++;
}

// ", 2 wait to be tried again"
static void add_waiting(const struct sl_run *run, struct sl_buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++)
        count += run->outcomes[i].status == SL_STATUS_WAITING && run->outcomes[i].retried_count > 0;
    if (count)
        sl_buf_addf(text, ", %zu wait%s to be tried again", count, count == 1 ? "s" : "");
}

static void on_tick(void *self, const struct sl_outcome *const *running, size_t count)
{
    struct sl_run_view *view = self;
    char number[32];
    int64_t now_us = sl_clock_now_us();
    if (!view->is_live)
        return;
    add_wipe(view);
    for (size_t i = 0; i < count && i < MOST_LINES; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        struct progress progress = progress_of(view, running[i], now_us);
        sl_buf_addf(&text, "running  %-*s %8s", view->label_width, running[i]->node->label,
                    sl_str_elapsed((now_us - running[i]->started_us) / 1000, number));
        add_progress(&progress, &text);
        add_line(view, SL_COLOR_CYAN, text.text);
    }
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "%zu of %zu steps, %s", view->done, view->total,
                sl_str_elapsed((now_us - view->run->started_us) / 1000, number));
    add_waiting(view->run, &text);
    add_line(view, SL_COLOR_DIM, text.text);
    show_frame(view);
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

// "(clean.orders changed)", "(rebuilt whole: its SQL changed)": a table that was there before.
static void add_why(const struct sl_outcome *outcome, struct sl_buf *text)
{
    bool is_rebuilt = outcome->result.was_full && outcome->node->facts.version >= 0;
    const char *what =
        outcome->node->kind == SL_NODE_LOAD ? "delivered whole: " : "rebuilt whole: ";
    sl_buf_addf(text, "%s(%s%s)", text->length ? " " : "", is_rebuilt ? what : "",
                outcome->result.why);
}

// Of a message without the line end that servers put behind theirs.
static int width_of(const char *message)
{
    size_t length = strlen(message);
    while (length && strchr(" \n\t", message[length - 1]))
        length--;
    return (int)length;
}

// "112 rows, 6 quarantined (first time)"
static void add_end(const struct sl_outcome *outcome, struct sl_buf *text)
{
    const struct sl_balance *balance = &outcome->result.balance;
    char number[64];
    if (outcome->status == SL_STATUS_ERROR || outcome->status == SL_STATUS_SKIPPED) {
        sl_buf_addf(text, "%.*s", width_of(outcome->err.message), outcome->err.message);
        if (outcome->attempts > 1)
            sl_buf_addf(text, " (attempt %d)", outcome->attempts);
        return;
    }
    if (outcome->result.has_balance)
        sl_buf_addf(text, "%s", sl_count_of(balance->out, "row", number));
    if (outcome->result.has_balance && balance->quarantined)
        sl_buf_addf(text, ", %s quarantined", sl_str_count(balance->quarantined, number));
    if (outcome->result.has_balance && balance->set_aside_values)
        sl_buf_addf(text, ", %s set aside",
                    sl_count_of(balance->set_aside_values, "value", number));
    if (outcome->result.profiled.table)
        sl_buf_add(text, ", profiled");
    if (outcome->result.why)
        add_why(outcome, text);
    if (outcome->attempts > 1)
        sl_buf_addf(text, "%sat attempt %d", text->length ? ", " : "", outcome->attempts);
    if (!text->length)
        sl_buf_add(text, outcome->status == SL_STATUS_NOTHING ? "up to date" : "done");
}

// " - estimated 299 ms and 12 rows read, it read 12"
static void add_estimate(const struct sl_outcome *outcome, struct sl_buf *text)
{
    const struct sl_estimate *estimate = &outcome->node->estimate;
    char number[32], count[64];
    if (!estimate->is_made || outcome->status == SL_STATUS_NOTHING)
        return;
    sl_buf_add(text, estimate->elapsed_ms < 0 ? " - no time was estimated" : " - estimated ");
    if (estimate->elapsed_ms >= 0)
        sl_buf_add(text, sl_str_elapsed(estimate->elapsed_ms, number));
    if (estimate->rows_in >= 0)
        sl_buf_addf(text, "%s%s read", estimate->elapsed_ms < 0 ? ", but " : " and ",
                    sl_count_of(estimate->rows_in, "row", count));
    if (estimate->rows_in >= 0 && outcome->rows_read >= 0)
        sl_buf_addf(text, ", it read %s", sl_str_count(outcome->rows_read, number));
}

// What every line of the JSON log has.
static json_t *log_fields(const struct sl_run_view *view)
{
    return json_pack("{s:s?, s:s}", "job_id", view->common->cli->job_id, "run_id", view->run->id);
}

static void log_end(const struct sl_run_view *view, const struct sl_outcome *outcome,
                    const char *text)
{
    SL_AUTO(sl_json_free) json_t *fields = NULL;
    struct sl_err ignored = {0};
    enum sl_log_level level = SL_LOG_INFO;
    if (outcome->status == SL_STATUS_ERROR)
        level = SL_LOG_ERROR;
    else if (outcome->status == SL_STATUS_NOTHING)
        level = SL_LOG_DEBUG;
    else if (outcome->status != SL_STATUS_OK)
        level = SL_LOG_WARN;
    (void)!sl_outcome_log(outcome, view->run->world->project, view->run->id, &fields, &ignored);
    sl_log(level, fields, "%s: %s", outcome->node->label, text);
}

static void on_start(void *self, const struct sl_outcome *outcome)
{
    const struct sl_run_view *view = self;
    if (view->common->log_format != SL_LOG_JSON)
        return;
    SL_AUTO(sl_json_free) json_t *fields = log_fields(view);
    SL_AUTO(sl_json_free)
    json_t *step =
        json_pack("{s:s, s:s, s:s, s:i}", "step", outcome->node->label, "table",
                  outcome->node->name, "status", "running", "attempt", outcome->attempts);
    if (fields && step)
        (void)json_object_update(fields, step);
    sl_log(SL_LOG_DEBUG, fields, "%s: started", outcome->node->label);
}

static void on_end(void *self, const struct sl_outcome *outcome)
{
    struct sl_run_view *view = self;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf line = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char number[32];
    view->done++;
    add_end(outcome, &text);
    if (view->common->is_verbose)
        add_estimate(outcome, &text);
    if (view->common->log_format == SL_LOG_JSON) {
        log_end(view, outcome, text.text);
        return;
    }
    if (view->common->is_quiet ||
        (outcome->status == SL_STATUS_NOTHING && !view->common->is_verbose))
        return;
    sl_arena_init(&arena, 0);
    sl_buf_addf(&line, "%-8s %-*s %8s  ", sl_status_name(outcome->status), view->label_width,
                outcome->node->label,
                sl_str_elapsed((outcome->ended_us - outcome->started_us) / 1000, number));
    sl_add_plain(&line, sl_log_mask(text.text, &arena), SIZE_MAX);
    add_wipe(view);
    sl_buf_addf(&view->frame, "%s%s%s\n", sl_color(stderr, color_of(outcome->status)), line.text,
                sl_color(stderr, SL_COLOR_NONE));
    show_frame(view);
}

// "it is tried again in 0.8 s (attempt 2)"
static void on_again(void *self, const struct sl_outcome *outcome)
{
    struct sl_run_view *view = self;
    SL_AUTO(sl_json_free) json_t *fields = log_fields(view);
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char number[32];
    int64_t wait_ms = outcome->retried[outcome->retried_count - 1].wait_ms;
    sl_buf_addf(&text, "%s: %.*s; it is tried again", outcome->node->label,
                width_of(outcome->err.message), outcome->err.message);
    if (wait_ms > 0)
        sl_buf_addf(&text, " in %s", sl_str_elapsed(wait_ms, number));
    sl_buf_addf(&text, " (attempt %d)", outcome->attempts + 1);
    if (view->common->log_format == SL_LOG_JSON) {
        SL_AUTO(sl_json_free)
        json_t *step =
            json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}", "step", outcome->node->label, "table",
                      outcome->node->name, "status", "waiting", "attempt", outcome->attempts,
                      "wait_ms", (json_int_t)wait_ms, "error", sl_err_json(&outcome->err));
        if (fields && step)
            (void)json_object_update(fields, step);
        sl_log(SL_LOG_WARN, fields, "%s", text.text);
        return;
    }
    add_wipe(view);
    show_frame(view);
    sl_tell(view->common, SL_LOG_WARN, "%s", text.text);
}

static void on_interrupt(void *self, int times)
{
    struct sl_run_view *view = self;
    if (times > 3)
        return;
    add_wipe(view);
    show_frame(view);
    sl_tell(view->common, SL_LOG_WARN, "%s",
            times == 1 ? "interrupted: running steps are brought to their end; again to abort them"
            : times == 2 ? "interrupted again: running steps are aborted"
                         : "interrupted once more: workers are killed");
}

struct sl_listener sl_run_view_listener(struct sl_run_view *view)
{
    return (struct sl_listener){
        .on_start = on_start,
        .on_end = on_end,
        .on_again = on_again,
        .on_tick = on_tick,
        .on_interrupt = on_interrupt,
        .self = view,
    };
}

// --- The end ---

// The last is shown only where rows were replaced or may have been.
enum { BALANCE_COLUMNS = 7 };

static const char *replaced_text(const struct sl_balance *balance, char number[32])
{
    return balance->replaced < 0 ? "?" : sl_str_count(balance->replaced, number);
}

static int balance_row(struct sl_grid *grid, const struct sl_outcome *outcome, struct sl_err *err)
{
    const struct sl_balance *balance = &outcome->result.balance;
    char numbers[6][32];
    const char *cells[BALANCE_COLUMNS] = {outcome->node->label,
                                          sl_str_count(balance->in, numbers[0]),
                                          sl_str_count(balance->out, numbers[1]),
                                          sl_str_count(balance->quarantined, numbers[2]),
                                          sl_str_count(balance->deduplicated, numbers[3]),
                                          sl_str_count(balance->filtered, numbers[4]),
                                          replaced_text(balance, numbers[5])};
    return sl_grid_row(grid, cells, err);
}

static int print_grid(const struct sl_grid *grid, struct sl_err *err)
{
    if (sl_grid_is_empty(grid))
        return SL_OK;
    putchar('\n');
    return sl_grid_print(grid, stdout, err);
}

static int print_balances(const struct sl_run *run, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    bool has_replaced = false;
    for (size_t i = 0; i < run->count; i++)
        has_replaced |= run->outcomes[i].result.balance.replaced != 0;
    sl_grid_init(&grid, arena, BALANCE_COLUMNS - !has_replaced, 0x7E);
    SL_TRY(sl_grid_row(&grid,
                       (const char *const[]){"row balance", "in", "out", "quarantined",
                                             "deduplicated", "filtered", "replaced"},
                       err));
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].result.has_balance && run->outcomes[i].status != SL_STATUS_NOTHING)
            SL_TRY(balance_row(&grid, &run->outcomes[i], err));
    return print_grid(&grid, err);
}

static int print_reasons(const struct sl_run *run, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    char number[32];
    sl_grid_init(&grid, arena, 4, 0x8);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"table", "rule", "column", "rows"}, err));
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        for (size_t k = 0; k < outcome->result.reason_count; k++) {
            const struct sl_reason_count *reason = &outcome->result.reasons[k];
            const char *table = sl_arena_printf(
                arena, "%s.%s%s", reason->is_warning ? "clean" : "quarantine", outcome->node->bare,
                reason->is_warning ? " (warning)"
                : reason->is_value ? " (value)"
                                   : "");
            SL_TRY_NEW(table, err);
            const char *cells[] = {table, reason->rule, reason->column,
                                   sl_str_count(reason->rows, number)};
            SL_TRY(sl_grid_row(&grid, cells, err));
        }
    }
    return print_grid(&grid, err);
}

// Said when the table was built for columns of raw that it had not seen before.
static void print_raw_only(const struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_step_result *result = &run->outcomes[i].result;
        for (size_t k = 0; result->was_full && k < result->raw_only.count; k++) {
            printf(k ? ", " : "\n%s: columns that stay in raw only (drift: freeze): ",
                   run->outcomes[i].node->name);
            sl_put_plain(stdout, result->raw_only.items[k]);
        }
        if (result->was_full && result->raw_only.count)
            putchar('\n');
    }
}

static void print_also_read(const struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        for (size_t k = 0; k < run->outcomes[i].result.also_read.count; k++) {
            printf("%s%s: ", k ? "" : "\n", run->outcomes[i].node->name);
            sl_put_plain(stdout, run->outcomes[i].result.also_read.items[k]);
            putchar('\n');
        }
}

// What the worker said before it died.
static void print_last_words(const struct sl_outcome *outcome)
{
    if (!outcome->death || !outcome->death->output[0])
        return;
    fputs("  the last lines of its worker:\n", stderr);
    for (const char *at = outcome->death->output; *at;) {
        SL_AUTO(sl_buf_clear) struct sl_buf line = SL_BUF_INIT;
        size_t length = strcspn(at, "\n");
        sl_buf_add_bytes(&line, at, length);
        fputs("  | ", stderr);
        sl_put_plain(stderr, line.length ? line.text : "");
        fputc('\n', stderr);
        at += length + (at[length] != '\0');
    }
}

static void print_failures(const struct sl_run_view *view)
{
    for (size_t i = 0; i < view->run->count; i++) {
        const struct sl_outcome *outcome = &view->run->outcomes[i];
        for (size_t k = 0; k < outcome->result.notes.count; k++)
            sl_tell(view->common, SL_LOG_WARN, "%s: %s", outcome->node->label,
                    outcome->result.notes.items[k]);
        if (outcome->status != SL_STATUS_ERROR)
            continue;
        fprintf(stderr, "\n%s failed\n", outcome->node->label);
        sl_print_error(view->common->cli, SL_SEVERITY_ERROR, &outcome->err);
        print_last_words(outcome);
    }
}

static void print_withheld(const struct sl_run_view *view)
{
    const struct sl_publication *publication = &view->run->publication;
    for (size_t i = 0; i < publication->withheld_count; i++)
        sl_tell(view->common, SL_LOG_WARN, "version %lld of %s is not published: %s",
                (long long)publication->withheld[i].version, publication->withheld[i].table,
                publication->withheld[i].because);
}

// Every step found nothing new: a file was touched, a table was written anew with the same rows.
static bool is_unchanged(const struct sl_run *run)
{
    size_t count = 0;
    for (int status = 0; status <= SL_STATUS_SKIPPED; status++)
        count += run->by_status[status];
    return run->by_status[SL_STATUS_NOTHING] == count;
}

static void print_last_line(const struct sl_run *run)
{
    const size_t *by = run->by_status;
    char number[32], elapsed[32];
    printf("OK %zu", by[SL_STATUS_OK]);
    if (by[SL_STATUS_NOTHING])
        printf("  UP TO DATE %zu", by[SL_STATUS_NOTHING]);
    printf("  WARN %zu  ERROR %zu  SKIPPED %zu  quarantined %s",
           by[SL_STATUS_WARN] + by[SL_STATUS_PARTIAL], by[SL_STATUS_ERROR], by[SL_STATUS_SKIPPED],
           sl_str_count(run->quarantined, number));
    if (run->set_aside)
        printf("  values set aside %s", sl_str_count(run->set_aside, number));
    printf("  in %s  run %.8s", sl_str_elapsed((run->ended_us - run->started_us) / 1000, elapsed),
           run->id);
    if (run->has_published)
        printf("  published #%lld", (long long)run->publication.number);
    putchar('\n');
}

// The last line of the log counts, as that of the text does.
static void log_last_line(const struct sl_run_view *view)
{
    SL_AUTO(sl_json_free) json_t *fields = log_fields(view);
    SL_AUTO(sl_json_free) json_t *run = NULL;
    struct sl_err ignored = {0};
    int exit_code = sl_run_exit_code(view->run);
    if (!fields || sl_run_print(view->run, &run, &ignored) != SL_OK)
        return;
    const char *keys[] = {"exit_code", "elapsed_ms", "counts"};
    // Lines of steps have a `status`: who looks for one finds steps only.
    (void)json_object_set_new(fields, "run_status", json_string(sl_run_state(view->run)));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        (void)json_object_set(fields, keys[i], json_object_get(run, keys[i]));
    sl_log(exit_code ? SL_LOG_ERROR : SL_LOG_INFO, fields, "run ended with exit code %d",
           exit_code);
}

int sl_run_view_end(struct sl_run_view *view, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_run *run = view->run;
    sl_arena_init(&arena, 0);
    add_wipe(view);
    show_frame(view);
    if (run->state_note)
        sl_tell(view->common, SL_LOG_WARN, "%s", run->state_note);
    if (view->common->log_format == SL_LOG_JSON)
        log_last_line(view);
    if (view->common->json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_run_print(run, &root, err));
        return sl_print_json(root, err);
    }
    if (!view->common->is_quiet) {
        SL_TRY(print_balances(run, &arena, err));
        SL_TRY(print_reasons(run, &arena, err));
        print_raw_only(run);
        print_also_read(run);
    }
    if (is_unchanged(run) && !view->common->is_quiet)
        puts("nothing to do: what was looked at again holds the same as before");
    fflush(stdout);
    if (view->common->log_format == SL_LOG_TEXT)
        print_failures(view);
    print_withheld(view);
    if (!view->common->is_quiet && !is_unchanged(run))
        putchar('\n');
    print_last_line(run);
    fflush(stdout);
    if (run->was_interrupted)
        sl_tell(view->common, SL_LOG_INFO,
                "interrupted; published tables are whole: `sluice run` does what is missing");
    return SL_OK;
}
