// sluice telemetry ls, send: what of runs waits to be told by machine, and telling it.
#include "base/clock.h"
#include "cli/output.h"
#include "observe/deliver.h"

#include <string.h>

struct telemetry_options {
    struct sl_common common;
    bool due;
    int64_t within_s;
};

static const struct sl_opt ls_rows[] = {SL_COMMON_ROWS, {0}};
static const struct sl_opt send_rows[] = {
    {"due", SL_OPT_BOOL, offsetof(struct telemetry_options, due), "false",
     "Leave out a receiver that has failed and is to be asked again later.", 0},
    {"within", SL_OPT_DURATION, offsetof(struct telemetry_options, within_s), "30s",
     "Go on for no longer.", 0, .placeholder = "TIME"},
    SL_COMMON_ROWS,
    {0},
};

static int open_project(const struct sl_common *common, struct sl_project **ret, struct sl_err *err)
{
    const struct sl_project_options options = {
        .folder = common->folder,
        .environment = common->environment,
        .overrides = common->settings,
        .resolve_secrets = true,
    };
    SL_TRY(sl_project_load(&options, ret, err));
    sl_note_project(common, *ret);
    if ((*ret)->observe)
        return SL_OK;
    (void)sl_fail(err, SL_E_OBSERVE_NOBODY, "the project tells nobody of its runs by machine");
    return sl_err_hint(err, "`lineage` and `telemetry` in sluice.yml say who is to be told");
}

static const char *receiver_of(const struct sl_observe *observe, enum sl_way way,
                               struct sl_arena *arena)
{
    const char *place = way == SL_WAY_LINEAGE_FILE ? observe->lineage_file
                        : way == SL_WAY_LINEAGE    ? observe->lineage.url
                                                   : observe->traces.url;
    return sl_log_mask(place, arena);
}

static json_t *way_json(const struct sl_project *project, const struct sl_way_state *state,
                        enum sl_way way, struct sl_arena *arena)
{
    const char *place = receiver_of(project->observe, way, arena);
    return place
               ? json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "way", sl_way_name(way),
                           "to", sl_json_string(place), "sent", (json_int_t)state->sent, "refused",
                           (json_int_t)state->refused, "lost", (json_int_t)state->lost, "failures",
                           (json_int_t)state->attempts, "next_at", sl_json_time(state->next_us),
                           "error", state->error[0] ? sl_json_string(state->error) : json_null(),
                           "refusal",
                           state->refusal[0] ? sl_json_string(state->refusal) : json_null())
               : NULL;
}

static size_t count_waiting(const struct sl_spool_view *view, enum sl_way way)
{
    size_t count = 0;
    for (size_t i = 0; i < view->count; i++)
        count += view->files[i].told[way] < view->files[i].count;
    return count;
}

static void print_way(const struct sl_project *project, const struct sl_way_state *state,
                      enum sl_way way, size_t waiting, struct sl_arena *arena)
{
    const char *place = receiver_of(project->observe, way, arena);
    char text[32];
    if (!place)
        return;
    printf("%-12s  %lld sent, %lld refused, %lld lost; %zu run%s with more to tell  (",
           sl_way_name(way), (long long)state->sent, (long long)state->refused,
           (long long)state->lost, waiting, waiting == 1 ? "" : "s");
    sl_put_plain(stdout, place);
    puts(")");
    if (state->refusal[0]) {
        printf("  refused last: ");
        sl_put_plain(stdout, state->refusal);
        puts("");
    }
    if (!state->attempts)
        return;
    printf("  failed %lld time%s, again at %s: ", (long long)state->attempts,
           state->attempts == 1 ? "" : "s", sl_clock_format(state->next_us, text));
    sl_put_plain(stdout, state->error);
    puts("");
}

static int run_ls(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct telemetry_options *options = self;
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_spool_view_clear) struct sl_spool_view view = {0};
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_spool_state state;
    (void)ret_exit;
    SL_TRY(open_project(&options->common, &project, err));
    SL_TRY(sl_spool_read(project->state_folder, &view, err));
    sl_spool_state_read(project->state_folder, &state);
    json_t *list = json_array();
    root = json_pack("{s:s, s:o}", "schema", "sluice.telemetry/1", "ways", list);
    SL_TRY_NEW(root, err);
    for (int i = 0; i < SL_WAYS; i++) {
        enum sl_way way = (enum sl_way)i;
        size_t waiting = count_waiting(&view, way);
        json_t *item = way_json(project, &state.ways[way], way, &project->arena);
        if (!item)
            continue;
        if (json_array_append_new(list, item) != 0 ||
            json_object_set_new(item, "waiting_runs", json_integer((json_int_t)waiting)) != 0)
            return sl_fail_memory(err);
        if (!options->common.json)
            print_way(project, &state.ways[way], way, waiting, &project->arena);
    }
    return options->common.json ? sl_print_json(root, err) : SL_OK;
}

static int print_sent(const struct sl_common *common, const struct sl_project *project,
                      const struct sl_delivered *told, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:b, s:I}", "schema", "sluice.telemetry.sent/1", "was_busy",
                             told->was_busy, "waiting_runs", (json_int_t)told->waiting);
    SL_TRY_NEW(root, err);
    for (int way = 0; way < SL_WAYS; way++) {
        const char *name = sl_way_name((enum sl_way)way);
        if (!sl_way_is_open(project->observe, (enum sl_way)way))
            continue;
        json_t *item = json_pack("{s:I, s:I, s:I, s:b}", "sent", (json_int_t)told->sent[way],
                                 "refused", (json_int_t)told->refused[way], "lost",
                                 (json_int_t)told->lost[way], "has_failed", told->has_failed[way]);
        if (json_object_set_new(root, name, item) != 0)
            return sl_fail_memory(err);
        if (!common->json && !common->is_quiet)
            printf("%s: %lld sent, %lld refused, %lld lost\n", name, (long long)told->sent[way],
                   (long long)told->refused[way], (long long)told->lost[way]);
    }
    return common->json ? sl_print_json(root, err) : SL_OK;
}

static int run_send(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct telemetry_options *options = self;
    const struct sl_common *common = &options->common;
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    struct sl_spool_state state;
    struct sl_delivered told;
    SL_TRY(open_project(common, &project, err));
    const struct sl_deliver_options deliver = {.project = project,
                                               .world = {.folder = common->folder,
                                                         .environment = common->environment,
                                                         .overrides = common->settings,
                                                         .resolve_secrets = true},
                                               .only_due = options->due,
                                               .most_ms = options->within_s * 1000};
    SL_TRY(sl_deliver(&deliver, &told, err));
    if (told.was_busy)
        sl_tell(common, SL_LOG_INFO, "another process is sending");
    sl_spool_state_read(project->state_folder, &state);
    for (int way = 0; way < SL_WAYS; way++) {
        if (!told.has_failed[way])
            continue;
        *ret_exit = 1;
        if (!common->is_quiet)
            sl_tell(common, SL_LOG_WARN, "%s: not taken: %s", sl_way_name((enum sl_way)way),
                    state.ways[way].error);
    }
    return print_sent(common, project, &told, err);
}

static const char *const ls_examples[] = {"sluice telemetry", "sluice telemetry ls --json", NULL};
static const char *const send_examples[] = {"sluice telemetry send", NULL};

const struct sl_command sl_command_telemetry_ls = {
    .name = "telemetry ls",
    .summary = "List who is told of runs by machine, what was sent, and what waits.",
    .details = "Lineage events (OpenLineage) and traces (OpenTelemetry). `sluice telemetry` alone "
               "does the same.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct telemetry_options),
    .examples = ls_examples,
    .run = run_ls,
};
const struct sl_command sl_command_telemetry = {
    .name = "telemetry",
    .summary = "The same as `telemetry ls`.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct telemetry_options),
    .is_hidden = true,
    .run = run_ls,
};
const struct sl_command sl_command_telemetry_send = {
    .name = "telemetry send",
    .summary = "Send the lineage events and traces that wait, now.",
    .details = "Runs and `sluice serve` send by themselves. Exit code 1 if a receiver did not take "
               "them.",
    .rows = send_rows,
    .options_bytes = sizeof(struct telemetry_options),
    .examples = send_examples,
    .run = run_send,
};
