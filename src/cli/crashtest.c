// sluice crashtest: kills runs of the user's own project, and looks what became of the rows.
#include "run/crash.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <string.h>

#define KILLS_OTHERWISE "20"

struct crashtest_options {
    struct sl_common common;
    struct sl_strs select, exclude;
    const char *kills, *at;
    int64_t seed;
    bool keep;
};

static const struct sl_opt rows[] = {
    {"select", SL_OPT_STRINGS, offsetof(struct crashtest_options, select), NULL,
     "Steps to run, as `run` takes them; what they are built from is run as well.", SL_OPT_WORDS,
     .letter = 's', .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct crashtest_options, exclude), NULL,
     "Steps to leave out.", SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"kills", SL_OPT_STRING, offsetof(struct crashtest_options, kills), KILLS_OTHERWISE,
     "How many durable steps of each phase to kill at, chosen by the seed; `all`: every one.", 0,
     .placeholder = "N"},
    {"seed", SL_OPT_INT, offsetof(struct crashtest_options, seed), "1",
     "Another one chooses other steps.", 0, .placeholder = "N"},
    {"at", SL_OPT_STRING, offsetof(struct crashtest_options, at), NULL,
     "Kill at this step only: 57 of the first run, refresh:57 of the full refresh.", 0,
     .placeholder = "STEP"},
    {"keep", SL_OPT_BOOL, offsetof(struct crashtest_options, keep), "false",
     "Leave the lakes that were built, and say where they are.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int read_kills(const struct crashtest_options *options, int64_t *ret, struct sl_err *err)
{
    *ret = 0;
    if (sl_str_equal(options->kills, "all"))
        return SL_OK;
    if (sl_str_to_int64(options->kills, ret) && *ret > 0)
        return SL_OK;
    return sl_fail(err, SL_E_USAGE, "--kills is '%s', expected 'all' or a number from 1",
                   options->kills);
}

static int read_at(const char *at, struct sl_crash_options *ret, struct sl_err *err)
{
    if (!at)
        return SL_OK;
    bool is_refresh = sl_str_starts(at, "refresh:");
    ret->at_phase = is_refresh ? SL_CRASH_REFRESH : SL_CRASH_FIRST;
    if (sl_str_to_int64(is_refresh ? strchr(at, ':') + 1 : at, &ret->at) && ret->at > 0)
        return SL_OK;
    return sl_fail(err, SL_E_USAGE, "--at is '%s', expected a step, such as 57 or refresh:57", at);
}

struct progress {
    int64_t started_us;
    enum sl_crash_phase phase;
    bool is_live, is_shown;
};

static void on_kill(void *self, const struct sl_crash_progress *told)
{
    struct progress *progress = self;
    int64_t now_us = sl_clock_monotonic_us();
    char left[32];
    if (!progress->is_live)
        return;
    if (told->phase != progress->phase)
        progress->started_us = now_us;
    progress->phase = told->phase;
    progress->is_shown = true;
    int64_t each_us = (now_us - progress->started_us) / (told->done ? told->done : 1);
    fprintf(stderr, "\r\033[K%s run: killed at %lld of %lld steps, %s left",
            sl_crash_phase_name(told->phase), (long long)told->done, (long long)told->total,
            sl_str_elapsed(each_us * (told->total - told->done) / 1000, left));
}

static int64_t total(const int64_t *counts)
{
    return counts[SL_CRASH_FIRST] + counts[SL_CRASH_REFRESH];
}

static int print_command(const struct crashtest_options *options,
                         const struct sl_crash_failure *failure, struct sl_buf *text,
                         struct sl_err *err)
{
    sl_buf_add(text, "sluice crashtest");
    if (options->common.folder)
        sl_buf_addf(text, " --project '%s'", options->common.folder);
    if (options->common.environment)
        sl_buf_addf(text, " --env %s", options->common.environment);
    for (size_t i = 0; i < options->select.count; i++)
        sl_buf_addf(text, " '--select=%s'", options->select.items[i]);
    for (size_t i = 0; i < options->exclude.count; i++)
        sl_buf_addf(text, " '--exclude=%s'", options->exclude.items[i]);
    sl_buf_addf(text, " --at %s%lld --keep", failure->phase == SL_CRASH_REFRESH ? "refresh:" : "",
                (long long)failure->step);
    return sl_buf_check(text, err);
}

static int print_text(const struct crashtest_options *options, const struct sl_crash_report *report,
                      struct sl_err *err)
{
    char tables[64];
    for (size_t i = 0; i < report->failure_count; i++) {
        const struct sl_crash_failure *failure = &report->failures[i];
        SL_AUTO(sl_buf_clear) struct sl_buf command = SL_BUF_INIT;
        SL_TRY(print_command(options, failure, &command, err));
        printf("%s run, killed before step %lld (%s): ", sl_crash_phase_name(failure->phase),
               (long long)failure->step, failure->operation);
        sl_put_plain(stdout, failure->what);
        printf("\n  again: %s\n", command.text);
    }
    for (size_t i = 0; i < report->left_out.count; i++)
        printf("%s is not compared: it follows the clock, chance or files\n",
               report->left_out.items[i]);
    printf("killed at %lld of %lld durable steps (first run %lld of %lld, full refresh %lld of "
           "%lld); %lld reruns equal, %s each; %lld rows lost, %lld doubled; the reader saw %lld "
           "publications\n",
           (long long)total(report->kills), (long long)total(report->steps),
           (long long)report->kills[SL_CRASH_FIRST], (long long)report->steps[SL_CRASH_FIRST],
           (long long)report->kills[SL_CRASH_REFRESH], (long long)report->steps[SL_CRASH_REFRESH],
           (long long)report->equal, sl_count_of(report->tables, "table", tables),
           (long long)report->lost, (long long)report->doubled, (long long)report->publications);
    if (options->keep)
        printf("kept: %s\n", report->folder);
    return SL_OK;
}

static int add_failure(const struct crashtest_options *options,
                       const struct sl_crash_failure *failure, json_t *list, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf command = SL_BUF_INIT;
    SL_TRY(print_command(options, failure, &command, err));
    json_t *object =
        json_pack("{s:s, s:I, s:s, s:o, s:o}", "phase", sl_crash_phase_name(failure->phase), "step",
                  (json_int_t)failure->step, "operation", failure->operation, "what",
                  sl_json_string(failure->what), "command", sl_json_string(command.text));
    return json_array_append_new(list, object) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_json(const struct crashtest_options *options, const struct sl_crash_report *report,
                      struct sl_err *err)
{
    json_t *failures = json_array(), *left_out = json_array(), *phases = json_object();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:b, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:s?}", "schema",
        "sluice.crashtest/1", "holds", report->failure_count == 0 && !report->was_interrupted,
        "seed", (json_int_t)options->seed, "phases", phases, "reruns_equal",
        (json_int_t)report->equal, "tables", (json_int_t)report->tables, "rows_lost",
        (json_int_t)report->lost, "rows_doubled", (json_int_t)report->doubled, "publications_seen",
        (json_int_t)report->publications, "not_compared", left_out, "failures", failures, "folder",
        options->keep ? report->folder : NULL);
    SL_TRY_NEW(root, err);
    for (enum sl_crash_phase phase = SL_CRASH_FIRST; phase < SL_CRASH_PHASES; phase++)
        if (json_object_set_new(phases, sl_crash_phase_name(phase),
                                json_pack("{s:I, s:I}", "steps", (json_int_t)report->steps[phase],
                                          "kills", (json_int_t)report->kills[phase])) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < report->left_out.count; i++)
        if (json_array_append_new(left_out, sl_json_string(report->left_out.items[i])) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < report->failure_count; i++)
        SL_TRY(add_failure(options, &report->failures[i], failures, err));
    return sl_print_json(root, err);
}

static int run_crashtest(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct crashtest_options *options = self;
    const struct sl_common *common = &options->common;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_crash_report report;
    struct progress progress = {
        .started_us = sl_clock_monotonic_us(),
        .is_live = sl_is_terminal(stderr) && !common->is_quiet && common->log_format == SL_LOG_TEXT,
    };
    struct sl_crash_options crash = {.world = {.folder = common->folder,
                                               .environment = common->environment,
                                               .overrides = common->settings},
                                     .select = options->select,
                                     .exclude = options->exclude,
                                     .seed = (uint64_t)options->seed,
                                     .keep = options->keep,
                                     .on_kill = on_kill,
                                     .self = &progress};
    SL_TRY(read_kills(options, &crash.kills, err));
    SL_TRY(read_at(options->at, &crash, err));
    SL_TRY(sl_open_world(common, &world, err));
    int code = sl_world_crash(&world, &crash, &report, err);
    if (progress.is_shown)
        fputs("\r\033[K", stderr);
    SL_TRY(code);
    *ret_exit = report.was_interrupted ? 130 : report.failure_count > 0;
    return common->json ? print_json(options, &report, err) : print_text(options, &report, err);
}

static const char *const examples[] = {"sluice crashtest", "sluice crashtest --kills all",
                                       "sluice crashtest --select +daily_revenue --seed 7", NULL};

const struct sl_command sl_command_crashtest = {
    .name = "crashtest",
    .summary = "Kill runs of this project at their durable steps, run again, and compare the rows.",
    .details =
        "Your sources are read where they are, into lakes below engine.temp or the system's folder "
        "for temporary files; your lake is left\n"
        "alone, nothing is delivered, and no task is run. A run that nobody kills is the "
        "reference. Then runs into "
        "an empty lake, and full refreshes of a\n"
        "whole one, are ended by kill -9 before a write, an fsync, a rename, ... and run again. "
        "Each time all tables must equal the\n"
        "reference, balances close, and whatever a reader saw published meanwhile belong together. "
        "The exit code is 1 if not, and the\n"
        "command that shows it again is printed.",
    .rows = rows,
    .options_bytes = sizeof(struct crashtest_options),
    .examples = examples,
    .run = run_crashtest,
};
