#include "serve/routes.h"

#include "serve/routes_handlers.h"

#include <string.h>

#define READ SL_MAY_READ
#define RUN SL_MAY_RUN
#define ADMIN SL_MAY_ADMIN
#define WORDS(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define VALUES(...)                 \
    (const struct sl_route_value[]) \
    {                               \
        __VA_ARGS__,                \
        {                           \
            .name = NULL            \
        }                           \
    }

// Of runs and backfills, as they are told (serve/routes_past.c).
const char *const sl_route_run_statuses[] = {"queued",    "running", "ok",     "nothing",
                                             "partial",   "error",   "killed", "interrupted",
                                             "cancelled", "skipped", NULL};

#define LIMIT                                                                                   \
    {                                                                                           \
        .name = "limit", .type = SL_VALUE_INT, .summary = "How many at most; 0: all there are." \
    }
#define AT                                                                                       \
    {                                                                                            \
        .name = "at", .type = SL_VALUE_TEXT,                                                     \
        .summary = "Tables as they were published last at a time, in a publication (#12), by a " \
                   "run, or now: published."                                                     \
    }
#define SELECT                                                                    \
    {                                                                             \
        .name = "select", .type = SL_VALUE_TEXTS,                                 \
        .summary = "Steps to take, as in `sluice run --select`; may be repeated." \
    }
#define EXCLUDE                                                                     \
    {                                                                               \
        .name = "exclude", .type = SL_VALUE_TEXTS, .summary = "Steps to leave out." \
    }
#define VERSION                                                                \
    {                                                                          \
        .name = "version", .type = SL_VALUE_TEXTS,                             \
        .summary = "A table as of a version: clean.orders=3; may be repeated." \
    }
#define DRY_RUN                                                       \
    {                                                                 \
        .name = "dry_run", .type = SL_VALUE_BOOL,                     \
        .summary = "Only say what would be done: nothing is changed." \
    }
#define CONFIRM                                                                         \
    {                                                                                   \
        .name = "confirm", .type = SL_VALUE_BOOL, .flag = "",                           \
        .summary = "It has to be true where `dry_run` is not: something is taken away." \
    }
#define BREAKING                                                                               \
    {                                                                                          \
        .name = "allow_breaking", .type = SL_VALUE_TEXTS,                                      \
        .summary = "Published versions that may lose columns, change types or hold nulls all " \
                   "the same."                                                                 \
    }
#define WHY                                                                           \
    {                                                                                 \
        .name = "why", .type = SL_VALUE_TEXT, .summary = "Reason, for the audit log." \
    }
#define FOLLOW                                                                                 \
    {                                                                                          \
        .name = "follow", .type = SL_VALUE_BOOL,                                               \
        .summary = "Lines as they come, also those that were told before, until the run ends." \
    }
#define REJECTED_ROWS                                                                             \
    {.name = "rule", .type = SL_VALUE_TEXT, .summary = "Only rows that break this rule."},        \
        {.name = "source", .type = SL_VALUE_TEXT, .summary = "Only rows from this file."},        \
        {.name = "position",                                                                      \
         .type = SL_VALUE_TEXTS,                                                                  \
         .summary = "Only the rows at these positions of their files."},                          \
        {.name = "run", .type = SL_VALUE_TEXT, .summary = "Only rows rejected by this run."},     \
        {.name = "since",                                                                         \
         .type = SL_VALUE_TEXT,                                                                   \
         .summary = "Only rows rejected at this time or later."},                                 \
    {                                                                                             \
        .name = "until", .type = SL_VALUE_TEXT, .summary = "Only rows rejected before this time." \
    }

const struct sl_route sl_routes[] = {
    // clang-format off
    {"GET", "/healthz", "Whether the service lives, and how its pipelines are", "service", 0, 200, "Health",
     .handle = sl_route_healthz},
    {"GET", "/readyz", "Whether the service starts runs (503: not yet, or no longer; the answer says why)", "service", 0, 200, "Health",
     .handle = sl_route_readyz},
    {"GET", "/api/v1/health", "What the last look at sources, tables and targets has seen", "service", READ, 200, "Look",
     .handle = sl_route_health},
    {"GET", "/metrics", "Numbers of the service, for Prometheus", "service", READ, 200, "text/plain; version=0.0.4; charset=utf-8",
     .handle = sl_route_metrics},
    {"GET", "/api/v1/openapi.json", "This document", "service", 0, 200, "Document",
     .handle = sl_route_openapi},

    {"GET", "/api/v1/pipelines", "The pipelines: when they run, what they did last", "pipelines", READ, 200, "Pipelines",
     .handle = sl_route_pipelines},
    {"GET", "/api/v1/pipelines/{pipeline}", "One pipeline", "pipelines", READ, 200, "Pipeline",
     .handle = sl_route_pipeline},
    {"POST", "/api/v1/pipelines/{pipeline}/runs", "Start a run", "pipelines", RUN, 202, "Started",
     VALUES(SELECT, EXCLUDE,
            {.name = "full_refresh", .type = SL_VALUE_BOOL, .summary = "Build the steps anew."},
            {.name = "fail_fast", .type = SL_VALUE_BOOL, .summary = "Begin nothing new after the first error."},
            {.name = "approve", .type = SL_VALUE_TEXTS, .summary = "Tables and targets with `approval` whose steps may begin."}, BREAKING),
     .handle = sl_route_start},
    {"POST", "/api/v1/pipelines/{pipeline}/pause", "Let its triggers start nothing", "pipelines", RUN, 200, "Pause",
     VALUES(WHY), .handle = sl_route_pause},
    {"POST", "/api/v1/pipelines/{pipeline}/resume", "Let its triggers start runs again", "pipelines", RUN, 200, "Pause",
     .handle = sl_route_resume},

    {"GET", "/api/v1/runs", "Runs, newest first", "runs", READ, 200, "Runs",
     VALUES({.name = "pipeline", .type = SL_VALUE_TEXT, .summary = "Only of this pipeline."},
            {.name = "status", .type = SL_VALUE_TEXT, .summary = "Only with this status.", .words = sl_route_run_statuses},
            {.name = "before", .type = SL_VALUE_TEXT, .summary = "Only what comes after this run in the list: `next` of the answer before."},
            {.name = "limit", .type = SL_VALUE_INT, .summary = "How many at most, up to 1000; 50 if nothing is said."}),
     .handle = sl_route_runs},
    {"POST", "/api/v1/runs", "Start a run of no pipeline: what is stale of the steps", "runs", RUN, 202, "Started",
     VALUES(SELECT, EXCLUDE,
            {.name = "full_refresh", .type = SL_VALUE_BOOL, .summary = "Build the steps anew."},
            {.name = "fail_fast", .type = SL_VALUE_BOOL, .summary = "Begin nothing new after the first error."},
            {.name = "approve", .type = SL_VALUE_TEXTS, .summary = "Tables and targets with `approval` whose steps may begin."}, BREAKING),
     .handle = sl_route_start_some},
    {"POST", "/api/v1/runs/{run}/retry", "Do once more what failed in a run or was skipped, and what needs it", "runs", RUN, 202, "Started",
     .handle = sl_route_retry},
    {"GET", "/api/v1/active", "Runs at work now, and their steps", "runs", READ, 200, "Active",
     .handle = sl_route_active},
    {"GET", "/api/v1/runs/{run}", "One run, by its id or the beginning of it", "runs", READ, 200, "Run",
     .handle = sl_route_run},
    {"GET", "/api/v1/runs/{run}/steps", "What became of its steps", "runs", READ, 200, "Steps",
     .handle = sl_route_steps},
    {"GET", "/api/v1/runs/{run}/log", "Its log: a line of JSON for each step that begins, is tried again or ends, and for the end of the run", "runs", READ, 200, "application/x-ndjson",
     VALUES(FOLLOW), .handle = sl_route_log, .command = WORDS("logs", "{run}"), .flags = SL_ROUTE_FOLLOWS},
    {"GET", "/api/v1/runs/{run}/steps/{step}/log", "The lines of its log that are of one step: its table's name, or as the run prints it", "runs", READ, 200, "application/x-ndjson",
     VALUES(FOLLOW), .handle = sl_route_step_log, .command = WORDS("logs", "--lines", "{run}", "{step}"), .flags = SL_ROUTE_FOLLOWS | SL_ROUTE_STREAMS},
    {"POST", "/api/v1/runs/{run}/cancel", "Stop a run, or take it out of the queue", "runs", RUN, 202, "Started",
     .handle = sl_route_cancel},
    {"GET", "/api/v1/approvals", "Steps that wait for a person", "runs", READ, 200, "Approvals",
     VALUES({.name = "run", .type = SL_VALUE_TEXT, .summary = "Of this run, by its id or how that begins, those that were decided too."}),
     .handle = sl_route_approvals},
    {"POST", "/api/v1/runs/{run}/steps/{step}/approve", "Let a step begin that waits for a person", "runs", RUN, 200, "Decision",
     VALUES(WHY), .handle = sl_route_approve},
    {"POST", "/api/v1/runs/{run}/steps/{step}/reject", "Refuse a step that waits for a person", "runs", RUN, 200, "Decision",
     VALUES(WHY), .handle = sl_route_reject},
    {"GET", "/api/v1/audit", "Who did what, newest first", "runs", READ, 200, "Audit",
     VALUES({.name = "subject", .type = SL_VALUE_TEXT, .summary = "Only of this pipeline or run."},
            {.name = "before", .type = SL_VALUE_INT, .summary = "Only what is older than this entry: `next` of the answer before."},
            {.name = "limit", .type = SL_VALUE_INT, .summary = "How many at most, up to 1000; 50 if nothing is said."}),
     .handle = sl_route_audit},

    {"GET", "/api/v1/backfills", "Backfills that wait, are at work, or ended lately", "backfills", READ, 200, "Backfills",
     .handle = sl_route_backfills},
    {"POST", "/api/v1/backfills", "Compute partitions of tables anew, or with dry_run: the plan of that (200)", "backfills", RUN, 202, "Started",
     VALUES({.name = "tables", .type = SL_VALUE_TEXTS, .summary = "Tables of models with `write: partition`."},
            {.name = "from", .type = SL_VALUE_TEXT, .summary = "The first day, or time, of the partition column that is a date."},
            {.name = "to", .type = SL_VALUE_TEXT, .summary = "The last day, included."},
            {.name = "partition", .type = SL_VALUE_TEXTS, .summary = "Only these, any of them: day=2026-01-01,country=DE, with ranges and patterns."},
            {.name = "stale", .type = SL_VALUE_BOOL, .summary = "Only partitions that the next run would compute."},
            {.name = "allow_empty", .type = SL_VALUE_BOOL, .summary = "Also empty those of which the inputs have no row."},
            {.name = "resume", .type = SL_VALUE_TEXT, .summary = "Do what is missing of this backfill, by its id, or how that begins."},
            {.name = "chunk", .type = SL_VALUE_INT, .summary = "Partitions in a chunk; 0: by the number of rows."},
            {.name = "order", .type = SL_VALUE_TEXT, .summary = "Which partitions come first.", .words = WORDS("oldest", "newest")},
            {.name = "concurrency", .type = SL_VALUE_INT, .summary = "Chunks at once; 0: as many as there may be steps."},
            {.name = "downstream", .type = SL_VALUE_BOOL, .summary = "Then run what reads the tables."}, DRY_RUN),
     .handle = sl_route_start_backfill, .command = WORDS("backfill", "{tables}")},
    {"GET", "/api/v1/backfills/{run}", "One of them, by its run's id or how that begins: plan, progress, what came of it", "backfills", READ, 200, "Backfill",
     .handle = sl_route_backfill},
    {"POST", "/api/v1/backfills/{run}/cancel", "Stop a backfill, or take it out of the queue; it can go on later", "backfills", RUN, 202, "Started",
     .handle = sl_route_cancel},

    {"GET", "/api/v1/plan", "What a run would do, and why", "project", READ, 200, "Document",
     VALUES(SELECT, EXCLUDE,
            {.name = "full_refresh", .type = SL_VALUE_BOOL, .summary = "As if the steps were built anew."},
            {.name = "why", .type = SL_VALUE_BOOL, .summary = "Every cause, and what a change reaches."}, BREAKING),
     .command = WORDS("plan")},
    {"POST", "/api/v1/plans", "Do a plan, if it still holds (409: it does not), or with dry_run: say whether it does (200)", "project", RUN, 202, "Started",
     VALUES({.name = "plan", .type = SL_VALUE_OBJECT, .summary = "What GET /api/v1/plan has answered, or `sluice plan -o` has written.", .is_required = true}, DRY_RUN,
            {.name = "fail_fast", .type = SL_VALUE_BOOL, .summary = "Begin nothing new after the first error.", .flag = ""}),
     .handle = sl_route_apply, .command = WORDS("apply", "{plan}")},
    {"GET", "/api/v1/check", "Mistakes in the project (422: there are some)", "project", READ, 200, "Document",
     VALUES({.name = "strict", .type = SL_VALUE_BOOL, .summary = "Treat warnings as errors."}),
     .command = WORDS("check")},
    {"GET", "/api/v1/contracts/{contract}", "A contract", "project", READ, 200, "Document",
     .command = WORDS("contract", "show", "{contract}"), .flags = SL_ROUTE_FINDS},
    {"GET", "/api/v1/tables", "Steps and tables: version, rows, size, owner", "tables", READ, 200, "Document",
     VALUES(SELECT, EXCLUDE), .command = WORDS("ls")},
    {"GET", "/api/v1/quality", "Quality of the tables in five scores, and how old they are", "tables", READ, 200, "Document",
     .command = WORDS("status", "--quality")},
    {"GET", "/api/v1/tables/{table}", "Columns and versions of a table, and some rows", "tables", READ, 200, "Document",
     VALUES(LIMIT, AT, {.name = "version", .type = SL_VALUE_TEXT, .summary = "As of this version."}),
     .command = WORDS("show", "{table}"), .flags = SL_ROUTE_STREAMS},
    {"GET", "/api/v1/tables/{table}/profile", "The values of its columns: counts, quantiles, histograms", "tables", READ, 200, "Document",
     VALUES({.name = "columns", .type = SL_VALUE_TEXTS, .summary = "Of these columns only."},
            {.name = "sample", .type = SL_VALUE_INT, .summary = "Of so many rows, drawn at random; 0: of all."}, AT),
     .command = WORDS("show", "--profile", "{table}"), .flags = SL_ROUTE_LONG},
    {"GET", "/api/v1/tables/{table}/lineage", "What a table or column is made from", "tables", READ, 200, "Document",
     VALUES({.name = "downstream", .type = SL_VALUE_BOOL, .summary = "What is made from it instead."},
            {.name = "influence", .type = SL_VALUE_BOOL, .summary = "Also what decides which rows there are."}),
     .command = WORDS("lineage", "{table}")},
    {"GET", "/api/v1/lineage", "What every table is made from", "tables", READ, 200, "Document",
     .command = WORDS("lineage")},
    {"GET", "/api/v1/publications", "Which versions of all tables belong together", "tables", READ, 200, "Document",
     VALUES(LIMIT), .command = WORDS("publications")},
    {"GET", "/api/v1/publications/{publication}", "One publication: its number, or the run that made it", "tables", READ, 200, "Document",
     .command = WORDS("publications", "{publication}")},
    {"GET", "/api/v1/diff", "Compare two tables, versions or deliveries, by key and column", "tables", READ, 200, "Document",
     VALUES({.name = "left", .type = SL_VALUE_TEXT, .summary = "A table (clean.orders), one of its versions (clean.orders@12), that of another environment (prod:clean.orders).", .is_required = true},
            {.name = "right", .type = SL_VALUE_TEXT, .summary = "What to compare it with, of the same kinds.", .is_required = true},
            {.name = "key", .type = SL_VALUE_TEXTS, .summary = "Columns that tell rows apart; else the key or grain that the project says."},
            {.name = "columns", .type = SL_VALUE_TEXTS, .summary = "Compare these columns only, and the key."},
            {.name = "whole_rows", .type = SL_VALUE_BOOL, .summary = "Compare rows as wholes, whatever the key."},
            {.name = "tolerance", .type = SL_VALUE_TEXT, .summary = "Numbers that are no further apart are equal."},
            {.name = "summary", .type = SL_VALUE_BOOL, .summary = "Counts only, no example rows."}, LIMIT),
     .command = WORDS("diff", "{left}", "{right}"), .flags = SL_ROUTE_TABLES | SL_ROUTE_LONG},
    {"POST", "/api/v1/publications/{publication}/verify", "Build a publication again from raw with the recorded code, and compare every row", "tables", RUN, 200, "Document",
     VALUES(SELECT, EXCLUDE, LIMIT), .command = WORDS("verify", "{publication}"), .flags = SL_ROUTE_READS | SL_ROUTE_LONG},
    {"POST", "/api/v1/publications/{publication}/attest", "A signed record of a publication, with the key of sluice.yml", "tables", ADMIN, 200, "Document",
     .command = WORDS("attest", "--key={attest_key}", "{publication}"), .flags = SL_ROUTE_LONG},
    {"POST", "/api/v1/attestations/verify", "Check an attestation: its signature, and every file of the lake that it names (422: it does not hold)", "tables", READ, 200, "Document",
     VALUES({.name = "attestation", .type = SL_VALUE_OBJECT, .summary = "The envelope that was signed.", .is_required = true},
            {.name = "key", .type = SL_VALUE_TEXT, .summary = "The public key, Ed25519 as PEM.", .is_required = true, .is_file = true}),
     .command = WORDS("attest", "verify", "{attestation}"), .flags = SL_ROUTE_READS | SL_ROUTE_LONG},
    // A query can read whatever the service's user can.
    {"POST", "/api/v1/query", "Ask the tables in SQL", "tables", ADMIN, 200, "Document",
     VALUES({.name = "sql", .type = SL_VALUE_TEXT, .summary = "One SELECT or FROM.", .is_required = true}, LIMIT, AT, VERSION),
     .command = WORDS("query", "{sql}"), .flags = SL_ROUTE_STREAMS | SL_ROUTE_READS},
    {"POST", "/api/v1/runs/{run}/rollback", "Undo a run and all after it", "tables", ADMIN, 200, "Document",
     VALUES({.name = "to", .type = SL_VALUE_BOOL, .summary = "Go back to what the run has published, rather than to what was before it."},
            DRY_RUN, CONFIRM,
            {.name = "no_deliver", .type = SL_VALUE_BOOL, .summary = "Leave targets to the next run."}),
     .command = WORDS("rollback", "{run}"), .flags = SL_ROUTE_CONFIRMS},

    {"GET", "/api/v1/quarantine", "Rejected rows by table and rule, with an example each", "quarantine", READ, 200, "Document",
     VALUES({.name = "by", .type = SL_VALUE_TEXT, .summary = "What rows are put together by.", .words = WORDS("rule", "source", "day", "run")},
            {.name = "all", .type = SL_VALUE_BOOL, .summary = "Discarded rows, too."}, REJECTED_ROWS),
     .command = WORDS("quarantine", "ls")},
    {"GET", "/api/v1/quarantine/{table}", "Rejected rows of a table, with their reasons and payload", "quarantine", READ, 200, "Document",
     VALUES(LIMIT, AT, REJECTED_ROWS), .command = WORDS("quarantine", "show", "{table}"), .flags = SL_ROUTE_STREAMS},
    {"GET", "/api/v1/quarantine/{table}/export", "All rejected rows of a table, a line of JSON each", "quarantine", READ, 200, "application/x-ndjson",
     VALUES(REJECTED_ROWS), .command = WORDS("quarantine", "export", "--to=-", "{table}"), .flags = SL_ROUTE_STREAMS},
    {"POST", "/api/v1/quarantine/{table}/replay", "Read rejected rows again, after a contract was mended", "quarantine", RUN, 200, "Document",
     VALUES(DRY_RUN,
            {.name = "downstream", .type = SL_VALUE_BOOL, .summary = "Then build and deliver what depends on the table."}),
     .command = WORDS("quarantine", "replay", "{table}")},
    {"POST", "/api/v1/quarantine/{table}/discard", "Give rejected rows up, or take them back", "quarantine", ADMIN, 200, "Document",
     VALUES({.name = "reason", .type = SL_VALUE_TEXT, .summary = "Why; it is kept with each row.", .unless = "undo"},
            {.name = "all", .type = SL_VALUE_BOOL, .summary = "All of the table's rejected rows."},
            {.name = "undo", .type = SL_VALUE_BOOL, .summary = "Take discarded rows back."},
            DRY_RUN, CONFIRM, REJECTED_ROWS),
     .command = WORDS("quarantine", "discard", "{table}"), .flags = SL_ROUTE_CONFIRMS, .who_flag = "--by"},

    {"GET", "/api/v1/alerts", "What is wrong now, what could not be sent, and what is silenced", "alerts", READ, 200, "Document",
     VALUES({.name = "all", .type = SL_VALUE_BOOL, .summary = "Also alerts that are over."}, LIMIT),
     .command = WORDS("alerts", "ls")},
    {"POST", "/api/v1/alerts/silences", "Tell nobody of some alerts for a while", "alerts", RUN, 200, "Document",
     VALUES({.name = "what", .type = SL_VALUE_TEXT, .summary = "A kind (row_drop), a subject or a pattern of subjects (raw.*), or both.", .is_required = true},
            {.name = "for", .type = SL_VALUE_TEXT, .summary = "How long, from now on: 2h.", .unless = "end"},
            {.name = "why", .type = SL_VALUE_TEXT, .summary = "Reason, for the audit log.", .unless = "end"},
            {.name = "end", .type = SL_VALUE_BOOL, .summary = "End this silence instead."}),
     .command = WORDS("alerts", "silence", "{what}"), .who_flag = "--by"},
    {"POST", "/api/v1/alerts/channels/{channel}/test", "Send a test message to a channel", "alerts", RUN, 200, "Document",
     .command = WORDS("alerts", "test", "{channel}")},
    {0},
    // clang-format on
};

// --- finding

static bool matches(const struct sl_route *route, const struct sl_uri *uri,
                    const char *ret_values[SL_ROUTE_NAMES])
{
    const char *path = route->path;
    size_t values = 0, part = 0;

    for (; *path == '/'; part++) {
        size_t length = strcspn(++path, "/");

        if (part == uri->parts.count)
            return false;
        if (*path == '{')
            ret_values[values++] = uri->parts.items[part];
        else if (strlen(uri->parts.items[part]) != length ||
                 strncmp(path, uri->parts.items[part], length) != 0)
            return false;
        path += length;
    }
    return part == uri->parts.count;
}

const struct sl_route *sl_route_find(const char *method, const struct sl_uri *uri,
                                     const char *ret_values[SL_ROUTE_NAMES], struct sl_arena *arena,
                                     const char **ret_allow)
{
    const char *allow = NULL;

    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (const struct sl_route *route = sl_routes; route->method; route++) {
        const char *values[SL_ROUTE_NAMES] = {NULL};

        if (!matches(route, uri, values))
            continue;
        if (strcmp(route->method, method) == 0) {
            memcpy(ret_values, values, sizeof values);
            return route;
        }
        const char *more = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
        allow = allow ? sl_arena_printf(arena, "%s, %s", allow, more) : more;
    }
    *ret_allow = allow;
    return NULL;
}

// --- values

const struct sl_route_value *sl_route_value_find(const struct sl_route *route, const char *name)
{
    for (const struct sl_route_value *value = route->values; value && value->name; value++)
        if (strcmp(value->name, name) == 0)
            return value;
    return NULL;
}

static const char *const type_names[] = {"a text", "a whole number", "true or false",
                                         "a list of texts", "a JSON object"};

static bool fits_text(const struct sl_route_value *value, const char *text)
{
    int64_t number;

    switch (value->type) {
    case SL_VALUE_INT:
        return sl_str_to_int64(text, &number);
    case SL_VALUE_BOOL:
        return *text == '\0' || sl_str_equal(text, "true") || sl_str_equal(text, "false");
    case SL_VALUE_TEXT:
    case SL_VALUE_TEXTS:
        return true;
    case SL_VALUE_OBJECT:
        return false;
    }
    return false;
}

static bool fits_json(const struct sl_route_value *value, const json_t *json)
{
    const json_t *item;
    size_t index;

    switch (value->type) {
    case SL_VALUE_INT:
        return json_is_integer(json);
    case SL_VALUE_BOOL:
        return json_is_boolean(json);
    case SL_VALUE_TEXT:
        return json_is_string(json);
    case SL_VALUE_TEXTS:
        json_array_foreach (json, index, item)
            if (!json_is_string(item))
                return false;
        return json_is_array(json) || json_is_string(json);
    case SL_VALUE_OBJECT:
        return json_is_object(json);
    }
    return false;
}

static int fail_unknown(const struct sl_request *request, const char *name, struct sl_err *err)
{
    const char *names[SL_URI_PARAMETERS];
    size_t count = 0;

    for (const struct sl_route_value *value = request->route->values; value && value->name; value++)
        names[count++] = value->name;
    const char *near = sl_str_nearest(name, names, count);
    (void)sl_fail(err, SL_E_SERVE_REQUEST, "%s takes no '%.100s'", request->route->path, name);
    return near ? sl_err_hint(err, "did you mean '%s'?", near) : (int)err->code;
}

static int fail_type(const struct sl_route_value *value, struct sl_err *err)
{
    return sl_fail(err, SL_E_SERVE_REQUEST, "'%s' must be %s", value->name,
                   type_names[value->type]);
}

static int check_words(const struct sl_route_value *value, const char *text, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf list = SL_BUF_INIT;
    size_t count = 0;

    for (; value->words && value->words[count]; count++) {
        if (strcmp(value->words[count], text) == 0)
            return SL_OK;
        sl_buf_addf(&list, "%s%s", count ? ", " : "", value->words[count]);
    }
    if (!value->words)
        return SL_OK;
    SL_TRY(sl_buf_check(&list, err));
    const char *near = sl_str_nearest(text, value->words, count);
    (void)sl_fail(err, SL_E_SERVE_REQUEST, "'%s' is '%.100s', expected one of %s", value->name,
                  text, list.text);
    return near ? sl_err_hint(err, "did you mean '%s'?", near) : (int)err->code;
}

// One that is no list stands once: which of two counts nobody could tell.
static int check_once(const struct sl_request *request, size_t index,
                      const struct sl_route_value *value, struct sl_err *err)
{
    for (size_t i = 0; i < index && value->type != SL_VALUE_TEXTS; i++)
        if (strcmp(request->uri.parameters[i].name, value->name) == 0)
            return sl_fail(err, SL_E_SERVE_REQUEST, "'%s' stands there twice", value->name);
    return SL_OK;
}

static int check_query(const struct sl_request *request, struct sl_err *err)
{
    for (size_t i = 0; i < request->uri.parameter_count; i++) {
        const struct sl_uri_parameter *given = &request->uri.parameters[i];
        const struct sl_route_value *value = sl_route_value_find(request->route, given->name);

        if (!value)
            return fail_unknown(request, given->name, err);
        if (strcmp(request->route->method, "GET") != 0)
            return sl_fail(err, SL_E_SERVE_REQUEST, "'%s' belongs into the body, a JSON object",
                           value->name);
        if (!fits_text(value, given->value))
            return fail_type(value, err);
        SL_TRY(check_words(value, given->value, err));
        SL_TRY(check_once(request, i, value, err));
    }
    return SL_OK;
}

int sl_route_check(struct sl_request *request, struct sl_err *err)
{
    const char *name;
    json_t *member;

    SL_TRY(check_query(request, err));
    if (request->json && strcmp(request->route->method, "GET") == 0)
        return sl_fail(err, SL_E_SERVE_REQUEST, "GET takes no body");
    json_object_foreach (request->json, name, member) {
        const struct sl_route_value *value = sl_route_value_find(request->route, name);

        if (!value)
            return fail_unknown(request, name, err);
        if (!fits_json(value, member))
            return fail_type(value, err);
        if (json_is_string(member))
            SL_TRY(check_words(value, json_string_value(member), err));
    }
    for (const struct sl_route_value *value = request->route->values; value && value->name; value++)
        if ((value->is_required || (value->unless && !sl_request_bool(request, value->unless))) &&
            !json_object_get(request->json, value->name) && !sl_uri_get(&request->uri, value->name))
            return sl_fail(err, SL_E_SERVE_REQUEST, "'%s' is missing", value->name);
    if (!(request->route->flags & SL_ROUTE_CONFIRMS) || sl_request_bool(request, "confirm") ||
        sl_request_bool(request, "dry_run"))
        return SL_OK;
    (void)sl_fail(err, SL_E_SERVE_CONFIRM, "%s: neither `confirm` nor `dry_run` is true",
                  request->route->summary);
    return sl_err_hint(err, "{\"dry_run\": true} says what would be done, {\"confirm\": true} "
                            "does it");
}

bool sl_route_is_reading(const struct sl_request *request)
{
    return strcmp(request->route->method, "GET") == 0 || (request->route->flags & SL_ROUTE_READS) ||
           sl_request_bool(request, "dry_run");
}
