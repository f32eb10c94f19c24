// sluice rollback: all tables and positions as they were before a run, or as it left them.
#include "run/rollback.h"
#include "run/rollback_personal.h"

#include "base/clock.h"
#include "cli/run_view.h"
#include "run/versions.h"

struct rollback_options {
    struct sl_common common;
    const char *run;
    bool to, dry_run, no_deliver;
};

static const struct sl_opt rows[] = {
    {"run", SL_OPT_STRING, offsetof(struct rollback_options, run), NULL,
     "The run to undo, with all after it: its id, the beginning of it, or a publication (#12).",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "RUN"},
    {"to", SL_OPT_BOOL, offsetof(struct rollback_options, to), "false",
     "Go back to what RUN has published, rather than to what was before it.", 0},
    {"dry_run", SL_OPT_BOOL, offsetof(struct rollback_options, dry_run), "false",
     "Only say which tables would go back.", 0},
    {"no_deliver", SL_OPT_BOOL, offsetof(struct rollback_options, no_deliver), "false",
     "Leave targets to the next run.", 0},
    SL_COMMON_ROWS,
    {0},
};

// What was before a run is in the publication of the number before, and in no other.
static int find_before(struct sl_world *world, const struct sl_publication *named,
                       struct sl_publication *ret, struct sl_err *err)
{
    int64_t number;
    SL_TRY(sl_publication_before(world->project, named->number, &world->arena, &number, err));
    if (number > 0 && number == named->number - 1)
        return sl_publication_read(world->project, number, &world->arena, ret, err);
    if (named->number == 1)
        (void)sl_fail(err, SL_E_PUBLICATION,
                      "run %.8s made the first publication: nothing was published before it",
                      named->run_id);
    else
        (void)sl_fail(
            err, SL_E_PUBLICATION,
            "publication %lld, which tells what was before run %.8s, is not kept any more",
            (long long)named->number - 1, named->run_id);
    if (number > 0)
        return sl_err_hint(err, "the one before that is #%lld: `sluice rollback '#%lld' --to`",
                           (long long)number, (long long)number);
    return sl_err_hint(err, "`--to` goes back to what it has published");
}

// The publication to go back to.
static int find_target(const struct rollback_options *options, struct sl_world *world,
                       struct sl_publication *ret, struct sl_err *err)
{
    struct sl_publication named;
    struct sl_arena *arena = &world->arena;
    if (sl_str_equal(options->run, "published")) {
        SL_TRY(sl_publication_last(world->project, arena, ret, err));
        return ret->number > 0 ? SL_OK
                               : sl_fail(err, SL_E_PUBLICATION, "nothing was published yet");
    }
    SL_TRY(sl_publication_named(world->project, options->run, arena, &named, err));
    if (!options->to)
        return find_before(world, &named, ret, err);
    *ret = named;
    return SL_OK;
}

static json_t *count_or_null(int64_t count)
{
    return count < 0 ? json_null() : json_integer(count);
}

static int add_names(const struct sl_strs *names, json_t *list, struct sl_err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (json_array_append_new(list, json_string(names->items[i])) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int print_json(const struct rollback_options *options, const struct sl_rollback *rollback,
                      const struct sl_strs *broken, struct sl_err *err)
{
    json_t *tables = json_array(), *left = json_array(), *lost = json_array();
    json_t *refused = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:s, s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "schema", "sluice.rollback/1",
        "run_id", rollback->run_id, "to", (json_int_t)rollback->target->number, "to_run",
        rollback->target->run_id, "dry_run", options->dry_run, "publication",
        rollback->number ? json_integer(rollback->number) : json_null(), "tables", tables, "left",
        left, "lost", lost, "needs_allow_breaking", refused);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < rollback->table_count; i++) {
        const struct sl_rolled_back *table = &rollback->tables[i];
        json_t *item =
            json_pack("{s:s, s:I, s:I, s:o, s:b, s:b, s:o, s:o}", "table", table->table, "from",
                      (json_int_t)table->from, "to", (json_int_t)table->to, "version",
                      count_or_null(table->version), "changes", table->is_needed, "in_project",
                      !table->is_orphan, "rows_from", count_or_null(table->rows_from), "rows_to",
                      count_or_null(table->rows_to));
        if (json_array_append_new(tables, item) != 0)
            return sl_fail_memory(err);
    }
    for (size_t i = 0; i < rollback->lost_count; i++)
        if (json_array_append_new(lost, json_pack("{s:s, s:s}", "table", rollback->lost[i].table,
                                                  "because", rollback->lost[i].because)) != 0)
            return sl_fail_memory(err);
    SL_TRY(add_names(&rollback->left, left, err));
    SL_TRY(add_names(broken, refused, err));
    return sl_print_json(root, err);
}

static int print_tables(const struct sl_rollback *rollback, struct sl_arena *arena,
                        struct sl_err *err)
{
    struct sl_grid grid;
    char numbers[5][32];
    sl_grid_init(&grid, arena, 6, 0x3E);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"table", "version", "as of", "is now", "rows", "rows then"},
        err));
    for (size_t i = 0; i < rollback->table_count; i++) {
        const struct sl_rolled_back *table = &rollback->tables[i];
        if (!table->is_needed)
            continue;
        const char *cells[] = {table->table,
                               sl_str_count(table->from, numbers[0]),
                               sl_str_count(table->to, numbers[1]),
                               table->version < 0 ? "" : sl_str_count(table->version, numbers[2]),
                               table->rows_from < 0 ? "?"
                                                    : sl_str_count(table->rows_from, numbers[3]),
                               table->rows_to < 0 ? "?" : sl_str_count(table->rows_to, numbers[4])};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    return sl_grid_is_empty(&grid) ? SL_OK : sl_grid_print(&grid, stdout, err);
}

static size_t count_needed(const struct sl_rollback *rollback)
{
    size_t count = 0;
    for (size_t i = 0; i < rollback->table_count; i++)
        count += rollback->tables[i].is_needed;
    return count;
}

static void tell_orphans(const struct rollback_options *options, const struct sl_rollback *rollback)
{
    for (size_t i = 0; i < rollback->table_count; i++)
        if (rollback->tables[i].is_orphan)
            sl_tell(&options->common, SL_LOG_WARN,
                    "%s is no longer a table of the project, and goes back with the others",
                    rollback->tables[i].table);
    for (size_t i = 0; i < rollback->lost_count; i++)
        sl_tell(&options->common, SL_LOG_WARN,
                "%s is no longer a table of the project, and stays as it is: %s",
                rollback->lost[i].table, rollback->lost[i].because);
}

// What the tables promise again is not what the code of now would build.
static void tell_broken(const struct rollback_options *options, const struct sl_strs *broken)
{
    for (size_t i = 0; i < broken->count; i++)
        sl_tell(&options->common, SL_LOG_WARN,
                "curated.%s promises again what its code of now breaks: the next run of the "
                "project needs --allow-breaking %s, or the code of then",
                broken->items[i], broken->items[i]);
}

// The tables are back, whatever is found wrong with the project.
static int list_broken(const struct rollback_options *options, struct sl_world *world,
                       struct sl_strs *ret, struct sl_err *err)
{
    struct sl_err cause = {0};
    *ret = (struct sl_strs){0};
    if (options->dry_run || sl_world_list_broken(world, ret, &cause) == SL_OK)
        return SL_OK;
    if (cause.code == SL_E_MEMORY)
        return sl_fail_memory(err);
    sl_tell(&options->common, SL_LOG_WARN, "whether the next run is refused is not known: %s",
            cause.message);
    return SL_OK;
}

static int print_text(const struct rollback_options *options, const struct sl_rollback *rollback,
                      struct sl_arena *arena, struct sl_err *err)
{
    char time[32], count[64];
    const struct sl_publication *target = rollback->target;
    if (!options->common.is_quiet)
        SL_TRY(print_tables(rollback, arena, err));
    for (size_t i = 0; i < rollback->left.count; i++)
        sl_tell(&options->common, SL_LOG_WARN,
                sl_str_starts(rollback->left.items[i], "target.")
                    ? "%s keeps what it holds until the next run: its table was not published then"
                    : "%s was not published then, and stays as it is until the next run",
                rollback->left.items[i]);
    tell_orphans(options, rollback);
    if (!options->dry_run && !rollback->number) {
        printf("nothing to do: every table is as of publication #%lld, %s, run %.8s\n",
               (long long)target->number, sl_time_text(target->at_us, time), target->run_id);
        return SL_OK;
    }
    printf("%s %s of publication #%lld, %s, run %.8s",
           sl_count_of((int64_t)count_needed(rollback), "table", count),
           options->dry_run ? "would be as" : "as", (long long)target->number,
           sl_time_text(target->at_us, time), target->run_id);
    if (rollback->number)
        printf("; published #%lld", (long long)rollback->number);
    putchar('\n');
    return SL_OK;
}

// Targets follow the tables as in any run; what sources have is left to the next one.
static int deliver(const struct rollback_options *options, struct sl_world *world,
                   const struct sl_strs *broken, int *ret_exit, struct sl_err *err)
{
    struct sl_run_options run_options = {.command = "rollback", .may_break = broken};
    SL_TRY(sl_world_gather(world, false, err));
    for (size_t i = 0; i < world->graph.count; i++)
        world->graph.nodes[i].is_selected = world->graph.nodes[i].kind == SL_NODE_LOAD;
    SL_TRY(sl_plan_decide(&world->graph, false, &world->arena, err));
    if (sl_plan_count(&world->graph, SL_VERDICT_STALE) == 0)
        return SL_OK;
    return sl_execute_run(&options->common, run_options, world, ret_exit, err);
}

// What was built before its personal values were protected would be delivered again.
static int refuse_unprotected(const struct rollback_options *options, struct sl_world *world,
                              const struct sl_publication *target, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    char count[64];
    SL_TRY(sl_world_check_rollback(world, target, &diags, err));
    if (!diags.error_count)
        return SL_OK;
    (void)sl_fail(err, SL_E_PERSONAL, "%s would be delivered without protection",
                  sl_count_of((int64_t)diags.error_count, "column", count));
    sl_report(options->common.cli, err, &diags);
    return SL_E_PERSONAL;
}

// Before the first table goes back, not between tables and targets.
static int refuse_leaks(const struct rollback_options *options, struct sl_world *world,
                        const struct sl_publication *target, struct sl_err *err)
{
    if (options->dry_run || options->no_deliver)
        return SL_OK;
    int code = refuse_unprotected(options, world, target, err);
    for (size_t i = 0; i < world->graph.count; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        node->is_selected = node->kind == SL_NODE_LOAD;
        node->verdict = SL_VERDICT_STALE;
    }
    if (code == SL_OK)
        code = sl_refuse_leaks(&options->common, world, err);
    if (code == SL_E_PERSONAL)
        sl_tell(&options->common, SL_LOG_WARN,
                "no table was touched; with --no-deliver the targets are left alone");
    return code;
}

static int run_rollback(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct rollback_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_publication target;
    struct sl_strs broken;
    char id[37];
    SL_TRY(sl_open_world(&options->common, &world, err));
    SL_TRY(sl_refuse_other_lake(world.project, err));
    SL_TRY(find_target(options, &world, &target, err));
    SL_TRY(refuse_leaks(options, &world, &target, err));
    SL_TRY(sl_world_session(&world, &session, err));
    struct sl_rollback rollback = {.target = &target,
                                   .run_id = sl_uuid(id),
                                   .now_us = sl_clock_now_us(),
                                   .dry_run = options->dry_run};
    SL_TRY(sl_world_rollback(&world, session, &rollback, err));
    SL_TRY(list_broken(options, &world, &broken, err));
    SL_TRY(options->common.json ? print_json(options, &rollback, &broken, err)
                                : print_text(options, &rollback, &world.arena, err));
    tell_broken(options, &broken);
    fflush(stdout);
    sl_session_close(&session);
    return options->dry_run || options->no_deliver
               ? SL_OK
               : deliver(options, &world, &broken, ret_exit, err);
}

static const char *const examples[] = {"sluice rollback 8ba633b7 --dry-run",
                                       "sluice rollback 8ba633b7",
                                       "sluice rollback '#12' --to --no-deliver", NULL};

const struct sl_command sl_command_rollback = {
    .name = "rollback",
    .summary = "Undo a run and all after it: tables, positions and targets together.",
    .details =
        "Every table gets a new version that is what it was when it was published before RUN; "
        "nothing is deleted, so that a rollback\n"
        "can be rolled back. Files that a source still has are taken again by the next run: mend "
        "what was wrong before it. Ended\n"
        "in between, it is done again by the same command; readers of publications see the state "
        "before until all tables are back. "
        "With --json the run that delivers, if\n"
        "there is any, is a second document.",
    .rows = rows,
    .options_bytes = sizeof(struct rollback_options),
    .examples = examples,
    .run = run_rollback,
};
