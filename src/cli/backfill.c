// sluice backfill: computes chosen partitions of models anew.
#include "cli/backfill.h"

#include "base/fs.h"
#include "cli/run_view.h"
#include "run/estimate.h"
#include "run/known_lake.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct backfill_options {
    struct sl_common common;
    struct sl_strs tables, partitions;
    const char *from, *to, *resume;
    int64_t chunk, concurrency;
    int order; // index into orders: enum sl_backfill_order
    bool stale, allow_empty, downstream, yes, dry_run, detach;
};

static const char *const orders[] = {"auto", "oldest", "newest", NULL};

static const struct sl_opt rows[] = {
    {"table", SL_OPT_STRINGS, offsetof(struct backfill_options, tables), NULL,
     "Tables of models with `write: partition`.", SL_OPT_POSITIONAL, .placeholder = "TABLE"},
    {"from", SL_OPT_STRING, offsetof(struct backfill_options, from), NULL,
     "The first day, or time, of the partition column that is a date.", 0, .placeholder = "DATE"},
    {"to", SL_OPT_STRING, offsetof(struct backfill_options, to), NULL,
     "The last day, included; of a column with times all of that day.", 0, .placeholder = "DATE"},
    {"partition", SL_OPT_STRINGS, offsetof(struct backfill_options, partitions), NULL,
     "Only these: day=2026-01-01,country=DE. A value may have `*` in it, be a range "
     "(2026-01-01..2026-01-31, both included, either may be missing), `null`, or stand in quotes. "
     "May be repeated: any of them.",
     0, .letter = 'p', .placeholder = "COLUMN=VALUE[,...]"},
    {"stale", SL_OPT_BOOL, offsetof(struct backfill_options, stale), "false",
     "Only partitions that the next run would compute.", 0},
    {"allow_empty", SL_OPT_BOOL, offsetof(struct backfill_options, allow_empty), "false",
     "Also empty partitions of which the inputs have no rows any more.", 0},
    {"order", SL_OPT_ENUM, offsetof(struct backfill_options, order), "auto",
     "Which partitions come first; auto: the oldest.", 0, .values = orders, .placeholder = "ORDER"},
    {"chunk", SL_OPT_INT, offsetof(struct backfill_options, chunk), "0",
     "Partitions of one commit; 0: as many as have about five million rows, 10,000 at most.", 0,
     .placeholder = "N"},
    {"concurrency", SL_OPT_INT, offsetof(struct backfill_options, concurrency), "0",
     "Chunks at once; 0: as sluice.yml says, else the number of cores.", 0, .letter = 'j',
     .placeholder = "N"},
    {"resume", SL_OPT_STRING, offsetof(struct backfill_options, resume), NULL,
     "Do what is missing of the backfill with this id, or beginning of one, or of that of a run; "
     "what is not said of order, chunk and concurrency is as it was begun.",
     0, .placeholder = "ID"},
    {"downstream", SL_OPT_BOOL, offsetof(struct backfill_options, downstream), "false",
     "Then run what reads the tables, as `sluice run --select TABLE+` would.", 0},
    {"yes", SL_OPT_BOOL, offsetof(struct backfill_options, yes), "false", "Do not ask.", 0,
     .letter = 'y'},
    {"dry_run", SL_OPT_BOOL, offsetof(struct backfill_options, dry_run), "false",
     "Only show the plan.", 0},
    {"detach", SL_OPT_BOOL, offsetof(struct backfill_options, detach), "false",
     "Let `sluice serve` do it, and do not wait for its end: print the id of the run.", 0,
     .letter = 'd'},
    SL_COMMON_ROWS,
    {0},
};

static struct sl_backfill_asked asked_of(const struct backfill_options *options)
{
    return (struct sl_backfill_asked){.options = {.choice = {.tables = options->tables,
                                                             .from = options->from,
                                                             .to = options->to,
                                                             .partitions = options->partitions,
                                                             .is_stale = options->stale,
                                                             .may_empty = options->allow_empty},
                                                  .resume = options->resume,
                                                  .chunk = options->chunk,
                                                  .concurrency = options->concurrency,
                                                  .order = (enum sl_backfill_order)options->order},
                                      .downstream = options->downstream};
}

// On a terminal somebody is asked; else --yes has to be said beforehand.
static int ask(const struct backfill_options *options, bool *ret, struct sl_err *err)
{
    char answer[16] = "";
    *ret = true;
    if (options->yes)
        return SL_OK;
    if (options->common.json || !isatty(STDIN_FILENO) || !sl_is_terminal(stderr)) {
        (void)sl_fail(err, SL_E_USAGE, "there is nobody to ask whether the plan shall be done");
        return sl_err_hint(err, "--yes does it, --dry-run only shows it");
    }
    fputs("Do it? [y/N] ", stderr);
    *ret = fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    if (!*ret)
        puts("nothing was done");
    return SL_OK;
}

static int64_t count_partitions(const struct sl_backfill_plan *plan)
{
    int64_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += (int64_t)plan->tables[i].found.count;
    return count;
}

static int make_plan(const struct backfill_options *options, struct sl_world *world,
                     struct sl_backfill_plan *ret, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    const struct sl_backfill_asked asked = asked_of(options);
    SL_TRY(sl_world_gather(world, false, err));
    SL_TRY(sl_world_session(world, &session, err));
    return sl_world_backfill_plan(world, session, &asked.options, ret, err);
}

static int show_plan(const struct backfill_options *options, const struct sl_world *world,
                     const struct sl_backfill_plan *plan, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    if (!options->common.json)
        return sl_backfill_show_plan(&options->common, world, plan, options->downstream, err);
    if (!options->dry_run && count_partitions(plan) > 0)
        return SL_OK; // the run is the document
    SL_TRY(sl_backfill_plan_json(world, plan, &root, err));
    return sl_print_json(root, err);
}

// What reads the tables is done as in any run: its own position moves.
static int run_downstream(const struct backfill_options *options,
                          const struct sl_backfill_plan *plan, int *lock_fd, int *ret_exit,
                          struct sl_err *err)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_selection_options selection = {.will_run = true};
    struct sl_run_options run = {
        .command = "backfill", .concurrency = options->concurrency, .lock_fd = lock_fd};
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < plan->count; i++) {
        const char *name = plan->tables[i].node->name;
        const char *readers = sl_arena_printf(&arena, "%s+", name);
        SL_TRY_NEW(readers, err);
        SL_TRY(sl_strs_add(&selection.select, &arena, readers, err));
        SL_TRY(sl_strs_add(&selection.exclude, &arena, name, err));
    }
    SL_TRY(sl_prepare_plan(&options->common, &selection, &world, err));
    if (sl_plan_count(&world.graph, SL_VERDICT_STALE) +
            sl_plan_count(&world.graph, SL_VERDICT_AFTER) ==
        0)
        return SL_OK;
    SL_TRY(sl_world_estimate(&world, false, NULL, NULL, err));
    return sl_execute_run(&options->common, run, &world, ret_exit, err);
}

// A service at work on the project does it; where there is none, the project is locked.
static int ask_service(const struct backfill_options *options, const struct sl_project *project,
                       struct sl_backfill_view *view, int *ret_exit, struct sl_err *err)
{
    const struct sl_backfill_asked asked = asked_of(options);
    const struct sl_backfill_asking asking = {&options->common, project, &asked, options->detach,
                                              view};
    struct sl_err locked = *err;
    sl_err_clear(err);
    int code = sl_backfill_ask(&asking, ret_exit, err);
    if (code == SL_E_SERVE_NOBODY && locked.code)
        *err = locked;
    return err->code;
}

static int execute(const struct backfill_options *options, struct sl_world *world,
                   const struct sl_backfill_plan *plan, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_backfill_view_clear) struct sl_backfill_view view = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(sl_fd_close) int lock_fd = -1; // no service comes between it and what reads the tables
    struct sl_backfill backfill = {0};
    sl_backfill_view_init(&view, &options->common, &run, &backfill);
    const struct sl_listener listener = sl_backfill_view_listener(&view);
    const struct sl_run_options how = {.concurrency = plan->concurrency,
                                       .listener = &listener,
                                       .lock_fd = options->downstream ? &lock_fd : NULL};
    int code =
        options->detach ? SL_E_LOCKED : sl_world_backfill(world, plan, &how, &backfill, &run, err);
    if (code == SL_E_LOCKED)
        return ask_service(options, world->project, &view, ret_exit, err);
    SL_TRY(code);
    SL_TRY(sl_backfill_view_end(&view, plan, err));
    *ret_exit = sl_run_exit_code(&run);
    if (options->downstream && *ret_exit == 0)
        return run_downstream(options, plan, &lock_fd, ret_exit, err);
    if (options->downstream && !run.was_interrupted)
        sl_tell(&options->common, SL_LOG_WARN, "what reads the tables was not run");
    return SL_OK;
}

// What a backfill that was killed at its very end could not publish any more is published now.
static int do_nothing(const struct backfill_options *options, struct sl_world *world,
                      const struct sl_backfill_plan *plan, struct sl_err *err)
{
    struct sl_rest rest = {0};
    if (!options->common.json)
        puts(plan->is_resumed ? "nothing to do: no partition is missing"
                              : "nothing to do: no partition was chosen");
    if (options->dry_run)
        return SL_OK;
    SL_TRY(sl_world_publish_rest(world, "backfill", &rest, err));
    if (rest.is_new && !options->common.json)
        printf("published #%lld\n", (long long)rest.now.number);
    return SL_OK;
}

static int run_backfill(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct backfill_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_backfill_plan plan;
    bool is_wanted;
    const struct sl_backfill_asked asked = asked_of(options);
    SL_TRY(sl_backfill_asked_check(&asked, err));
    SL_TRY(sl_open_world(&options->common, &world, err));
    SL_TRY(sl_publication_require(world.project, err));
    // Before the plan, which over another lake is told of tables that are not there.
    SL_TRY(sl_refuse_other_lake(world.project, err));
    SL_TRY(make_plan(options, &world, &plan, err));
    const bool wants_id_only =
        options->detach && options->common.is_quiet && !options->common.json && !options->dry_run;
    if (!wants_id_only)
        SL_TRY(show_plan(options, &world, &plan, err));
    if (count_partitions(&plan) == 0)
        return do_nothing(options, &world, &plan, err);
    if (options->dry_run)
        return SL_OK;
    SL_TRY(ask(options, &is_wanted, err));
    if (!is_wanted)
        return SL_OK;
    SL_TRY(sl_refuse_leaks(&options->common, &world, err));
    sl_world_close_engine(&world); // before workers are forked
    return execute(options, &world, &plan, ret_exit, err);
}

static const char *const examples[] = {
    "sluice backfill daily_revenue --from 2026-01-01 --to 2026-03-31 --dry-run",
    "sluice backfill daily_revenue --from 2026-01-01 --to 2026-03-31 --downstream --yes",
    "sluice backfill daily_revenue --partition 'day=2026-01-01..,country=D*' --order newest",
    "sluice backfill daily_revenue --stale --chunk 7 --concurrency 2",
    "sluice backfill --resume 8ba633b7 --yes",
    NULL,
};

const struct sl_command sl_command_backfill = {
    .name = "backfill",
    .summary = "Compute chosen partitions of models anew, from their inputs as they are now.",
    .details =
        "Shows its plan first, and asks. The work is cut into chunks of partitions, each with a "
        "commit of its own after the\nmodel's checks, so that it can be killed at any time: the "
        "same command, or --resume, does what is missing. A chunk\nthat fails leaves the others. "
        "The position of the tables does not move: the next run does what it would have done\n"
        "without the backfill, and brings what reads them up to date, which --downstream does at "
        "once. With it and --json\nthe second run is a second document. While runs of "
        "`sluice serve` are at work it is asked to do it\nand waited for; Ctrl-C then leaves it "
        "to the service. Exit codes: as of `sluice run`; 5 if some chunks failed.",
    .rows = rows,
    .options_bytes = sizeof(struct backfill_options),
    .examples = examples,
    .run = run_backfill,
};
