// sluice quarantine replay: reads again, from raw, what a mended contract may accept now.
#include "cli/foreseen.h"
#include "cli/lake.h"
#include "cli/run_view.h"

#include "base/clock.h"

#define MOST_TOLD 5 // steps that are out of date

struct replay_options {
    struct sl_common common;
    const char *table;
    bool dry_run, downstream;
};

static const struct sl_opt replay_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct replay_options, table), NULL,
     "Only this table; else all whose contract changed.", SL_OPT_POSITIONAL,
     .placeholder = "TABLE"},
    {"dry_run", SL_OPT_BOOL, offsetof(struct replay_options, dry_run), "false",
     "Only say what would become of the rows; nothing is written.", 0},
    {"downstream", SL_OPT_BOOL, offsetof(struct replay_options, downstream), "false",
     "Then build and deliver what depends on the table, too.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int select_tables(const struct replay_options *options, struct sl_world *world,
                         struct sl_strs *ret, struct sl_err *err)
{
    const char *plus = options->downstream ? "+" : "";
    const char *name = options->table ? sl_bare_table(options->table) : NULL;
    size_t found = 0;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE || (name && !sl_str_equal(node->bare, name)))
            continue;
        const char *selector = sl_arena_printf(&world->arena, "%s%s", node->name, plus);
        SL_TRY_NEW(selector, err);
        SL_TRY(sl_strs_add(ret, &world->arena, selector, err));
        found++;
    }
    if (found || !name)
        return SL_OK;
    (void)sl_fail(err, SL_E_TABLE_MISSING, "no contract makes a table 'clean.%s'", name);
    return sl_err_hint(err, "`sluice quarantine ls` lists the tables with rejected rows");
}

static int plan_replay(const struct replay_options *options, struct sl_world *world,
                       struct sl_err *err)
{
    struct sl_strs select = {0}, none = {0};
    SL_TRY(sl_open_world(&options->common, world, err));
    SL_TRY(select_tables(options, world, &select, err));
    SL_TRY(sl_world_gather(world, false, err));
    if (select.count)
        SL_TRY(sl_graph_select(&world->graph, &select, &none, &world->arena, err));
    else
        for (size_t i = 0; i < world->graph.count; i++)
            world->graph.nodes[i].is_selected = false;
    return sl_plan_decide(&world->graph, false, &world->arena, err);
}

static json_t *reasons_json(const struct sl_step_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < result->reason_count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s?, s:I, s:b, s:b}", "rule", result->reasons[i].rule, "column",
                            result->reasons[i].column, "rows", (json_int_t)result->reasons[i].rows,
                            "warning", result->reasons[i].is_warning, "value",
                            result->reasons[i].is_value));
    return list;
}

static json_t *forecast_json(const struct sl_node *node, const struct sl_step_result *result)
{
    const struct sl_balance *balance = &result->balance;
    const struct sl_foreseen checks = {result->checks, result->check_count};
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "table",
                     node->name, "why", result->why, "full", result->was_full, "read",
                     (json_int_t)balance->in, "accepted", (json_int_t)balance->out, "rejected",
                     (json_int_t)balance->quarantined, "deduplicated",
                     (json_int_t)balance->deduplicated, "filtered", (json_int_t)balance->filtered,
                     "set_aside_values", (json_int_t)balance->set_aside_values, "replaced",
                     balance->replaced < 0 ? json_null() : json_integer(balance->replaced),
                     "reasons", reasons_json(result), "checks", sl_foreseen_json(&checks));
}

static void print_forecast(const struct sl_node *node, const struct sl_step_result *result)
{
    const struct sl_balance *balance = &result->balance;
    const struct sl_foreseen checks = {result->checks, result->check_count};
    const struct {
        const char *what;
        int64_t rows;
    } lines[] = {
        {"read from raw", balance->in},
        {"accepted", balance->out},
        {"rejected", balance->quarantined},
        {"duplicates", balance->deduplicated},
        {"filtered", balance->filtered},
        {"values set aside", balance->set_aside_values},
        {"accepted rows replaced", balance->replaced},
    };
    char number[32];
    printf("%s%s%s  %s\n", sl_color(stdout, SL_COLOR_BOLD), node->name,
           sl_color(stdout, SL_COLOR_NONE), result->why);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].rows || i < 3)
            printf("  %-24s %12s\n", lines[i].what,
                   lines[i].rows < 0 ? "?" : sl_str_count(lines[i].rows, number));
    for (size_t i = 0; i < result->notes.count; i++)
        printf("  %s\n", result->notes.items[i]);
    for (size_t i = 0; i < result->reason_count; i++)
        if (!result->reasons[i].is_warning)
            printf("    %-22s %12s\n", result->reasons[i].rule,
                   sl_str_count(result->reasons[i].rows, number));
    sl_foreseen_print(&checks);
}

// What becomes of the rows of one table; also where it would be too many that are rejected.
static int tell(const struct sl_node *node, const struct sl_step_result *result, json_t *list,
                const struct sl_err *failure, struct sl_err *err)
{
    if (!list) {
        print_forecast(node, result);
        fflush(stdout);
        return SL_OK;
    }
    json_t *item = forecast_json(node, result);
    SL_TRY_NEW(item, err);
    json_t *error = failure ? sl_err_json(failure) : json_null();
    if (json_object_set_new(item, "error", error) != 0 || json_array_append_new(list, item) != 0)
        return sl_fail_memory(err);
    return SL_OK;
}

static bool is_refusal(int code)
{
    return code == SL_E_BUDGET || code == SL_E_RULE_BROKEN;
}

static int foresee(struct sl_world *world, const struct sl_node *node, json_t *list, int *ret_exit,
                   struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_step_result result = {.outcome = SL_STEP_NOTHING};
    struct sl_err failure = {0};
    SL_TRY(sl_world_session(world, &session, err));
    struct sl_step_context context = {.project = world->project,
                                      .session = session,
                                      .arena = &world->arena,
                                      .run_id = "dry run",
                                      .now_us = sl_clock_now_us(),
                                      .dry_run = true,
                                      .checks_only_tell = true};
    int code = sl_step_cleanse(&context, node->source, node->contract, &result, &failure);
    if (is_refusal(code) && result.why) { // the result says what would be rejected, and why
        (void)sl_err_context(&failure, "replay %s", node->name);
        SL_TRY(tell(node, &result, list, &failure, err));
    }
    if (code != SL_OK) {
        *err = failure;
        return code;
    }
    if (result.outcome == SL_STEP_NOTHING)
        return SL_OK;
    const struct sl_foreseen checks = {result.checks, result.check_count};
    if (sl_foreseen_fails(&checks))
        *ret_exit = 3;
    return tell(node, &result, list, NULL, err);
}

static int foresee_all(const struct replay_options *options, struct sl_world *world, int *ret_exit,
                       struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:[]}", "schema", "sluice.quarantine.replay/1", "tables");
    SL_TRY_NEW(root, err);
    json_t *list = options->common.json ? json_object_get(root, "tables") : NULL;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        int code = SL_OK;
        if (node->is_selected && node->kind == SL_NODE_CLEANSE && node->verdict != SL_VERDICT_FRESH)
            code = foresee(world, node, list, ret_exit, err);
        if (list && is_refusal(code)) {
            SL_TRY(sl_print_json(root, err));
            options->common.cli->is_reported = true;
        }
        SL_TRY(code);
    }
    if (list)
        return sl_print_json(root, err);
    for (size_t i = 0; i < world->graph.count; i++)
        if (world->graph.nodes[i].is_selected && world->graph.nodes[i].kind != SL_NODE_CLEANSE)
            printf("then %s\n", world->graph.nodes[i].label);
    puts("nothing was written: without --dry-run it is done");
    return SL_OK;
}

// The first few, and how many more.
static void tell_stale(const struct replay_options *options, const struct sl_world *world)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    size_t count = 0;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        bool is_behind = node->verdict == SL_VERDICT_STALE || node->verdict == SL_VERDICT_AFTER;
        bool is_built = node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD;
        if (!node->is_selected || !is_behind || !is_built)
            continue;
        if (count++ < MOST_TOLD)
            sl_buf_addf(&names, "%s%s", count > 1 ? ", " : "", node->name);
    }
    if (count > MOST_TOLD)
        sl_buf_addf(&names, " and %zu more", count - MOST_TOLD);
    if (count && !names.has_failed)
        sl_tell(&options->common, SL_LOG_INFO,
                "out of date now: %s; `sluice run` builds and delivers what depends on the rows",
                names.text);
}

// What the replay left behind: models and deliveries that are not built from its tables as they are
// now.
static int look_downstream(const struct replay_options *options, struct sl_world *world,
                           struct sl_err *err)
{
    struct sl_strs select = {0}, none = {0};
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE || !node->is_selected)
            continue;
        const char *selector = sl_arena_printf(&world->arena, "%s+", node->name);
        SL_TRY_NEW(selector, err);
        SL_TRY(sl_strs_add(&select, &world->arena, selector, err));
    }
    if (!select.count)
        return SL_OK;
    SL_TRY(sl_world_look_again(world, err));
    SL_TRY(sl_graph_select(&world->graph, &select, &none, &world->arena, err));
    SL_TRY(sl_plan_decide(&world->graph, false, &world->arena, err));
    tell_stale(options, world);
    return SL_OK;
}

static int run_replay(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct replay_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_TRY(plan_replay(options, &world, err));
    if (!sl_plan_count(&world.graph, SL_VERDICT_STALE))
        return sl_run_view_nothing(&options->common, &world,
                                   "nothing to replay: no contract changed since its rows were "
                                   "rejected",
                                   NULL, err);
    if (options->dry_run)
        return foresee_all(options, &world, ret_exit, err);
    struct sl_run_options run = {.command = "replay"};
    SL_TRY(sl_execute_run(&options->common, run, &world, ret_exit, err));
    return options->downstream || *ret_exit != 0 ? SL_OK : look_downstream(options, &world, err);
}

static const char *const replay_examples[] = {"sluice quarantine replay orders --dry-run",
                                              "sluice quarantine replay orders --downstream", NULL};

const struct sl_command sl_command_quarantine_replay = {
    .name = "quarantine replay",
    .summary = "After a contract was mended: read the rows that it can affect again, from raw.",
    .details =
        "The contract is compared with the one that the rows were judged by. Where accepted rows "
        "stay as they are (proven by the\n"
        "rules, or by looking), only rows of the quarantine are read again; else all are, and the "
        "reason is told. Either way the\n"
        "tables are what they would be had the contract always been so. `sluice run` does the same "
        "and goes on to what depends on it.\n"
        "--dry-run also judges the checks of the table (quality), over the table as it would be, "
        "and ends with 3 if one would fail.",
    .rows = replay_rows,
    .options_bytes = sizeof(struct replay_options),
    .examples = replay_examples,
    .run = run_replay,
};
