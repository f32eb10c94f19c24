// sluice alerts ls, test, silence, send: what is wrong, who was told, and what was not.
#include "cli/alerts.h"

#include "api/alerts.h"
#include "base/clock.h"
#include "run/world.h"
#include "spec/pipeline.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define MOST_SEND_MS 30000

struct alerts_options {
    struct sl_common common;
    bool all;
    int64_t limit;
    const char *channel; // test
    const char *what;    // silence
    int64_t for_s;
    const char *why, *by;
    bool end;
    bool due; // send
    bool dead;
};

static const struct sl_opt ls_rows[] = {
    {"all", SL_OPT_BOOL, offsetof(struct alerts_options, all), "false", "Also those that are over.",
     0, .letter = 'a'},
    {"limit", SL_OPT_INT, offsetof(struct alerts_options, limit), "50", "Alerts to list; 0: all.",
     0, .letter = 'n', .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt test_rows[] = {
    {"channel", SL_OPT_STRING, offsetof(struct alerts_options, channel), NULL,
     "Channel of sluice.yml.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "CHANNEL"},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt silence_rows[] = {
    {"what", SL_OPT_STRING, offsetof(struct alerts_options, what), NULL,
     "A kind (row_drop), a subject or a pattern of subjects ('raw.*'), or both in quotes "
     "('row_drop raw.*').",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "WHAT"},
    {"for", SL_OPT_DURATION, offsetof(struct alerts_options, for_s), NULL,
     "How long, from now on: 2h.", 0, .placeholder = "TIME"},
    {"why", SL_OPT_STRING, offsetof(struct alerts_options, why), NULL,
     "Why; it is kept and listed.", 0, .placeholder = "TEXT"},
    {"by", SL_OPT_STRING, offsetof(struct alerts_options, by), NULL,
     "Who decided; else the user who runs this.", 0, .placeholder = "NAME"},
    {"end", SL_OPT_BOOL, offsetof(struct alerts_options, end), "false", "End this silence instead.",
     0},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt send_rows[] = {
    {"due", SL_OPT_BOOL, offsetof(struct alerts_options, due), "false",
     "Only what is due by now, not what waits for another attempt.", 0},
    {"dead", SL_OPT_BOOL, offsetof(struct alerts_options, dead), "false", "Also what was given up.",
     0},
    SL_COMMON_ROWS,
    {0},
};

struct session {
    struct sl_arena arena;
    struct sl_project *project;
    struct sl_alert_store *store;
    struct sl_notify *notify;
};

static void session_close(struct session *session)
{
    sl_notify_close(&session->notify);
    sl_alert_store_close(&session->store);
    sl_project_free(&session->project);
    sl_arena_clear(&session->arena);
}

static int open_project(const struct sl_common *common, struct session *ret, struct sl_err *err)
{
    struct sl_project_options options = {
        .folder = common->folder,
        .environment = common->environment,
        .overrides = common->settings,
        .resolve_secrets = true,
    };
    sl_arena_init(&ret->arena, 0);
    SL_TRY(sl_project_load(&options, &ret->project, err));
    sl_note_project(common, ret->project);
    return SL_OK;
}

static int open_notify(const struct sl_common *common, struct session *ret, struct sl_err *err)
{
    SL_TRY(open_project(common, ret, err));
    SL_TRY(sl_notify_open(ret->project, NULL, &ret->notify, err));
    if (ret->notify)
        return SL_OK;
    (void)sl_fail(err, SL_E_ALERT_CHANNEL, "sluice.yml has no `alerts`%s%s",
                  ret->project->environment ? ", nor has environment " : "",
                  ret->project->environment ? ret->project->environment : "");
    return sl_err_hint(err, "write `alerts: {channels: {ops: {slack: ${env:SLACK_URL}}}}`");
}

// --- ls

struct listing {
    struct sl_alert_row *alerts;
    size_t alert_count;
    struct sl_alert_message *unsent;
    size_t unsent_count;
    struct sl_alert_silence *silences;
    size_t silence_count;
};

static json_t *time_json(int64_t time_us)
{
    char text[32];
    return time_us ? json_string(sl_clock_format(time_us, text)) : json_null();
}

static json_t *text_json(const char *text)
{
    return sl_str_is_empty(text) ? json_null() : sl_json_string(text);
}

static int add(json_t *list, json_t *item, struct sl_err *err)
{
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_json(const struct listing *it, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:[], s:[], s:[]}", "schema", "sluice.alerts/1", "alerts",
                             "unsent", "silences");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < it->alert_count; i++) {
        const struct sl_alert_row *row = &it->alerts[i];
        SL_TRY(add(
            json_object_get(root, "alerts"),
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                      "s:I}",
                      "id", row->id, "kind", row->kind, "subject", row->subject, "environment",
                      text_json(row->environment), "owner", text_json(row->owner), "summary",
                      row->summary, "code", text_json(row->code), "run_id", text_json(row->run_id),
                      "channels", text_json(row->channels), "opened_at", time_json(row->opened_us),
                      "seen_at", time_json(row->seen_us), "told_at", time_json(row->told_us),
                      "closed_at", time_json(row->closed_us), "times", (json_int_t)row->times),
            err));
    }
    for (size_t i = 0; i < it->unsent_count; i++) {
        const struct sl_alert_message *row = &it->unsent[i];
        SL_TRY(add(json_object_get(root, "unsent"),
                   json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "id", row->id,
                             "alert", row->alert, "event", row->event, "channel", row->channel,
                             "created_at", time_json(row->created_us), "next_at",
                             time_json(row->dead_us ? 0 : row->next_us), "given_up_at",
                             time_json(row->dead_us), "attempts", (json_int_t)row->attempts,
                             "error", text_json(row->error)),
                   err));
    }
    for (size_t i = 0; i < it->silence_count; i++) {
        const struct sl_alert_silence *row = &it->silences[i];
        SL_TRY(add(json_object_get(root, "silences"),
                   json_pack("{s:s, s:s, s:s, s:o, s:o}", "match", row->match, "why", row->why,
                             "by", row->by, "made_at", time_json(row->made_us), "until",
                             time_json(row->until_us)),
                   err));
    }
    return sl_print_json(root, err);
}

static int print_alerts(const struct listing *it, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 5, 0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"since", "kind", "told", "over", "what"}, err));
    for (size_t i = 0; i < it->alert_count; i++) {
        const struct sl_alert_row *row = &it->alerts[i];
        char since[32], over[32];
        const char *told = row->told_us ? row->channels : "nobody";
        SL_TRY(sl_grid_row(
            &grid,
            (const char *const[]){sl_time_text(row->opened_us, since), row->kind, told,
                                  row->closed_us ? sl_time_text(row->closed_us, over) : "-",
                                  row->summary},
            err));
    }
    if (sl_grid_is_empty(&grid)) {
        puts("nothing is wrong");
        return SL_OK;
    }
    return sl_grid_print(&grid, stdout, err);
}

static int print_unsent(const struct listing *it, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 5, 1u << 2);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"channel", "message", "attempts", "next", "error"}, err));
    for (size_t i = 0; i < it->unsent_count; i++) {
        const struct sl_alert_message *row = &it->unsent[i];
        char next[32], attempts[32];
        const char *message = sl_arena_printf(arena, "%s %.8s", row->event, row->alert);
        SL_TRY_NEW(message, err);
        SL_TRY(sl_grid_row(
            &grid,
            (const char *const[]){row->channel, message, sl_str_count(row->attempts, attempts),
                                  row->dead_us ? "given up" : sl_time_text(row->next_us, next),
                                  row->error},
            err));
    }
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    puts("\nnot sent:");
    return sl_grid_print(&grid, stdout, err);
}

static int print_silences(const struct listing *it, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 4, 0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"silenced", "until", "by", "why"}, err));
    for (size_t i = 0; i < it->silence_count; i++) {
        const struct sl_alert_silence *row = &it->silences[i];
        char until[32];
        SL_TRY(sl_grid_row(&grid,
                           (const char *const[]){row->match, sl_time_text(row->until_us, until),
                                                 row->by, row->why},
                           err));
    }
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    puts("");
    return sl_grid_print(&grid, stdout, err);
}

static int run_ls(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct alerts_options *options = self;
    SL_AUTO(session_close) struct session session = {0};
    struct listing it = {0};
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(open_project(&options->common, &session, err));
    const struct sl_state_place place = sl_project_state(session.project);
    SL_TRY(sl_alert_store_find(&place, &session.store, err));
    if (session.store) {
        struct sl_alert_query query = {.environment = session.project->environment,
                                       .all = options->all,
                                       .limit = (size_t)options->limit};
        SL_TRY(sl_alert_store_list(session.store, &query, &session.arena, &it.alerts,
                                   &it.alert_count, err));
        SL_TRY(sl_alert_store_unsent(session.store, &session.arena, &it.unsent, &it.unsent_count,
                                     err));
        SL_TRY(sl_alert_store_silences(session.store, sl_clock_now_us(), &session.arena,
                                       &it.silences, &it.silence_count, err));
    }
    if (options->common.json)
        return print_json(&it, err);
    if (!session.project->alerts)
        sl_tell(&options->common, SL_LOG_INFO,
                "sluice.yml has no `alerts`: nobody is told of anything");
    SL_TRY(print_alerts(&it, &session.arena, err));
    SL_TRY(print_unsent(&it, &session.arena, err));
    return print_silences(&it, &session.arena, err);
}

// --- test, silence, send

static int run_test(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct alerts_options *options = self;
    SL_AUTO(session_close) struct session session = {0};
    const char *answer;
    (void)ret_exit;
    SL_TRY(open_notify(&options->common, &session, err));
    SL_TRY(sl_notify_test(session.notify, options->channel, &session.arena, &answer, err));
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root = json_pack("{s:s, s:s, s:s}", "schema", "sluice.alerts.test/1", "channel",
                                 options->channel, "answer", answer);
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    printf("%s took the message: ", options->channel);
    sl_put_plain(stdout, answer);
    puts("");
    return SL_OK;
}

static const char *whoever(const struct alerts_options *options)
{
    const struct passwd *user = options->by ? NULL : getpwuid(geteuid());
    return options->by ? options->by : user ? user->pw_name : "";
}

static int check_silence(const struct alerts_options *options, struct sl_err *err)
{
    const char *trouble = sl_alerts_match_trouble(options->what);
    if (trouble) {
        (void)sl_fail(err, SL_E_USAGE, "found '%s' to be silenced: %s", options->what, trouble);
        return sl_err_hint(err, "such as failure, 'raw.*', or 'failure raw.*'");
    }
    if (options->end)
        return SL_OK;
    if (options->for_s <= 0) {
        (void)sl_fail(err, SL_E_USAGE, "--for is missing");
        return sl_err_hint(err, "say for how long: --for 2h; --end ends a silence");
    }
    if (sl_str_is_empty(options->why)) {
        (void)sl_fail(err, SL_E_USAGE, "--why is missing");
        return sl_err_hint(err, "say why nobody need be told: --why 'the source is moving'");
    }
    return SL_OK;
}

static bool matches(const char *what, const char *subject)
{
    for (int kind = 0; kind < SL_ALERT_KINDS; kind++)
        if (sl_alerts_match(what, (enum sl_alert_kind)kind, subject))
            return true;
    return false;
}

// What alerts can be of: steps, pipelines, the lake, and the project where a run is of no pipeline.
static int require_subject(const struct alerts_options *options, struct sl_err *err)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    const struct sl_world_options how = {.folder = options->common.folder,
                                         .environment = options->common.environment,
                                         .overrides = options->common.settings};
    SL_TRY(sl_world_open(&how, &world, err));
    bool is_there = matches(options->what, world.project->name) ||
                    matches(options->what, SL_ALERT_LAKE) ||
                    sl_world_require_valid(&world, err) != SL_OK; // not all of it was read
    sl_err_clear(err);
    for (size_t i = 0; !is_there && i < world.graph.count; i++)
        is_there = matches(options->what, world.graph.nodes[i].name);
    for (size_t i = 0; !is_there && i < world.project->pipeline_count; i++)
        is_there = matches(options->what, world.project->pipelines[i].name);
    if (is_there)
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE,
                  "'%s' silences nothing: it is no kind of alert, and there is no step or pipeline "
                  "that it matches",
                  options->what);
    return sl_err_hint(err, "kinds are " SL_ALERT_KIND_NAMES
                            "; `sluice ls` lists steps, `sluice pipelines` pipelines");
}

static int end_silence(const struct alerts_options *options, struct session *session,
                       struct sl_err *err)
{
    size_t count;
    SL_TRY(sl_alert_store_unsilence(session->store, options->what, sl_clock_now_us(), &count, err));
    if (count == 0) {
        (void)sl_fail(err, SL_E_USAGE, "'%s' is not silenced by hand", options->what);
        return sl_err_hint(err, "`sluice alerts` lists what is; silences of sluice.yml end there");
    }
    sl_tell(&options->common, SL_LOG_INFO, "'%s' is told again", options->what);
    if (!options->common.json)
        return SL_OK;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o, s:I}", "schema", "sluice.alerts.silence/1", "what",
                             sl_json_string(options->what), "ended", (json_int_t)count);
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

static int print_silence(const struct sl_alert_silence *silence, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:o, s:o}", "schema", "sluice.alerts.silence/1", "what",
                  sl_json_string(silence->match), "why", sl_json_string_or_null(silence->why), "by",
                  sl_json_string_or_null(silence->by), "until", time_json(silence->until_us));
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

static int run_silence(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct alerts_options *options = self;
    SL_AUTO(session_close) struct session session = {0};
    char until[32];
    (void)ret_exit;
    SL_TRY(check_silence(options, err));
    SL_TRY(open_project(&options->common, &session, err));
    const struct sl_state_place place = sl_project_state(session.project);
    SL_TRY(sl_alert_store_open(&place, &session.store, err));
    if (options->end)
        return end_silence(options, &session, err);
    SL_TRY(require_subject(options, err));
    int64_t now_us = sl_clock_now_us();
    struct sl_alert_silence silence = {.match = options->what,
                                       .why = options->why,
                                       .by = whoever(options),
                                       .made_us = now_us,
                                       .until_us = now_us + options->for_s * 1000000};
    SL_TRY(sl_alert_store_silence(session.store, &silence, err));
    sl_tell(&options->common, SL_LOG_INFO, "nobody is told of '%s' until %s", options->what,
            sl_time_text(silence.until_us, until));
    return options->common.json ? print_silence(&silence, err) : SL_OK;
}

static int run_send(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct alerts_options *options = self;
    SL_AUTO(session_close) struct session session = {0};
    struct sl_sent sent;
    char count[64];
    SL_TRY(open_notify(&options->common, &session, err));
    enum sl_send_what what = options->dead  ? SL_SEND_DEAD
                             : options->due ? SL_SEND_DUE
                                            : SL_SEND_WAITING;
    SL_TRY(sl_notify_send(session.notify, what, MOST_SEND_MS, &sent, err));
    // The service asks with --due: what a channel did not take is tried again when it is due.
    *ret_exit = sent.failed > 0 && !options->due ? 1 : 0;
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root = json_pack("{s:s, s:I, s:I, s:b, s:o}", "schema", "sluice.alerts.sent/1",
                                 "sent", (json_int_t)sent.sent, "failed", (json_int_t)sent.failed,
                                 "was_busy", sent.was_busy, "next_at", time_json(sent.next_us));
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    if (sent.was_busy)
        sl_tell(&options->common, SL_LOG_INFO, "another process is sending");
    else if (sent.failed > 0)
        sl_tell(&options->common, SL_LOG_WARN, "%s could not be sent: `sluice alerts` tells why",
                sl_count_of((int64_t)sent.failed, "message", count));
    if (!options->common.is_quiet)
        printf("%s sent\n", sl_count_of((int64_t)sent.sent, "message", count));
    return SL_OK;
}

static const char *const ls_examples[] = {"sluice alerts", "sluice alerts ls --all --json", NULL};
static const char *const test_examples[] = {"sluice alerts test ops", NULL};
static const char *const silence_examples[] = {
    "sluice alerts silence 'failure raw.orders' --for 2h --why 'the shop is moving'",
    "sluice alerts silence 'failure raw.orders' --end", NULL};
static const char *const send_examples[] = {"sluice alerts send", NULL};

const struct sl_command sl_command_alerts_ls = {
    .name = "alerts ls",
    .summary = "List what is wrong now, which messages could not be sent, and what is silenced.",
    .details = "`sluice alerts` alone does the same.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct alerts_options),
    .examples = ls_examples,
    .run = run_ls,
};
const struct sl_command sl_command_alerts = {
    .name = "alerts",
    .summary = "The same as `alerts ls`.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct alerts_options),
    .is_hidden = true,
    .run = run_ls,
};
const struct sl_command sl_command_alerts_test = {
    .name = "alerts test",
    .summary = "Send a test message to a channel, and print what its server says.",
    .details = "A channel of PagerDuty gets an incident of severity info, to be resolved there.",
    .rows = test_rows,
    .options_bytes = sizeof(struct alerts_options),
    .examples = test_examples,
    .run = run_test,
};
const struct sl_command sl_command_alerts_silence = {
    .name = "alerts silence",
    .summary = "Tell nobody of some alerts for a while.",
    .details = "They are listed all the same; what is still wrong when the time is over is told "
               "by the next run.",
    .rows = silence_rows,
    .options_bytes = sizeof(struct alerts_options),
    .examples = silence_examples,
    .run = run_silence,
};
const struct sl_command sl_command_alerts_send = {
    .name = "alerts send",
    .summary = "Send the messages that wait in the outbox, now.",
    .details = "Runs and `sluice serve` send by themselves. Exit code 1 if a message was not "
               "taken.",
    .rows = send_rows,
    .options_bytes = sizeof(struct alerts_options),
    .examples = send_examples,
    .run = run_send,
};
