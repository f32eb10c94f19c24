#include "cli/doctor.h"

#include "api/alerts.h"
#include "api/kinds.h"
#include "api/leases.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cli/history.h"
#include "notify/notify.h"
#include "serve/client.h"
#include "spec/pipeline.h"

#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define LEAST_FREE_BYTES ((int64_t)64 << 20)
#define LEAST_FREE_FILES 1000
#define MOST_FUTURE_US ((int64_t)60 * 1000000) // clocks of several machines differ by less

struct looker {
    const struct sl_machine_of *of;
    struct sl_project *project;
    struct sl_arena *arena;
    struct sl_machine *machine;
    struct sl_err *err;
};

static int add(struct looker *looker, const char *name, enum sl_health_state state,
               const char *text, const char *hint)
{
    struct sl_machine *machine = looker->machine;
    SL_TRY_NEW(text, looker->err);
    const struct sl_machine_check check = {name,
                                           {state, text, sl_str_is_empty(hint) ? NULL : hint}};
    if (state > machine->state)
        machine->state = state;
    return SL_PUSH(looker->arena, machine->checks, machine->count, check)
               ? SL_OK
               : sl_fail_memory(looker->err);
}

static int add_failure(struct looker *looker, const char *name, const struct sl_err *failure)
{
    const char *hint = sl_arena_strdup(looker->arena, failure->hint);
    SL_TRY_NEW(hint, looker->err);
    return add(looker, name, SL_HEALTH_WRONG,
               sl_arena_printf(looker->arena, "%s (%s)", failure->message,
                               sl_code_info(failure->code)->id),
               hint);
}

// --- the state store

static int look_state(struct looker *looker)
{
    const struct sl_machine_of *of = looker->of;
    struct sl_fs_stat stat;
    char size[32];
    struct sl_err ignored = {0};
    if (!of->state)
        return add_failure(looker, "state", of->state_err);
    if (of->state_note)
        return add(looker, "state", SL_HEALTH_WRONG, of->state_note, NULL);
    if (looker->project->state_url)
        return add(looker, "state", SL_HEALTH_OK,
                   sl_arena_printf(looker->arena, "PostgreSQL, version %d", sl_state_version()),
                   NULL);
    const char *path = sl_path_join(looker->arena, looker->project->state_folder, "state.db");
    SL_TRY_NEW(path, looker->err);
    if (sl_fs_stat(path, &stat, &ignored) != SL_OK)
        return add(looker, "state", SL_HEALTH_OK, "no run has been written down yet", NULL);
    return add(looker, "state", SL_HEALTH_OK,
               sl_arena_printf(looker->arena, "SQLite, version %d, %s", sl_state_version(),
                               sl_str_size(stat.size_bytes, size)),
               NULL);
}

// --- the lake

static int look_lake(struct looker *looker)
{
    const struct sl_health_said *said = &looker->of->health->lake;
    return said->text ? add(looker, "lake", said->state, said->text, said->hint) : SL_OK;
}

// --- disks

static const char *existing(const char *path, struct sl_arena *arena)
{
    while (path && !sl_fs_exists(path) && strcmp(path, "/") != 0 && strcmp(path, ".") != 0)
        path = sl_path_folder(arena, path);
    return path;
}

static int64_t largest_table(const struct sl_health *health)
{
    int64_t largest = 0;
    for (size_t i = 0; i < health->table_count; i++)
        if (health->tables[i].bytes > largest)
            largest = health->tables[i].bytes;
    return largest;
}

// A table that is built anew stands beside the old one until it is published.
static int look_disk(struct looker *looker, const char *name, const char *folder, int64_t needed)
{
    struct statvfs disk;
    char free_text[32], all_text[32], needed_text[32];
    const char *path = existing(folder, looker->arena);
    SL_TRY_NEW(path, looker->err);
    if (statvfs(path, &disk) != 0)
        return add(looker, name, SL_HEALTH_WRONG,
                   sl_arena_printf(looker->arena, "'%s': %s", path, strerror(errno)), NULL);
    int64_t available = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    int64_t all = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
    bool lacks_files = disk.f_files > 0 && disk.f_favail < LEAST_FREE_FILES;
    const char *text =
        sl_arena_printf(looker->arena, "%s of %s are free", sl_str_size(available, free_text),
                        sl_str_size(all, all_text));
    SL_TRY_NEW(text, looker->err);
    if (lacks_files)
        return add(looker, name, SL_HEALTH_WRONG,
                   sl_arena_printf(looker->arena, "%s, and room for %llu more files", text,
                                   (unsigned long long)disk.f_favail),
                   "remove files: `sluice clean` removes those that no table names");
    if (available < LEAST_FREE_BYTES || available < needed)
        return add(
            looker, name, SL_HEALTH_WRONG,
            sl_arena_printf(
                looker->arena,
                "%s, and %s are needed to build the largest "
                "table anew",
                text,
                sl_str_size(needed > LEAST_FREE_BYTES ? needed : LEAST_FREE_BYTES, needed_text)),
            "free space: `sluice clean` removes files that no table names");
    return add(looker, name, SL_HEALTH_OK, text, NULL);
}

static int look_disks(struct looker *looker)
{
    const struct sl_project *project = looker->project;
    if (!looker->of->health->lake.text) // else it is on another disk, if anywhere
        SL_TRY(look_disk(looker, "lake disk", project->lake_folder,
                         largest_table(looker->of->health)));
    SL_TRY(look_disk(looker, "state disk", project->state_folder, 0));
    return project->temp_folder ? look_disk(looker, "temp disk", project->temp_folder, 0) : SL_OK;
}

static int look_permission(struct looker *looker, const char *what, const char *folder,
                           bool *ret_is_wrong)
{
    const char *path = existing(folder, looker->arena);
    SL_TRY_NEW(path, looker->err);
    if (access(path, R_OK | W_OK | X_OK) == 0)
        return SL_OK;
    *ret_is_wrong = true;
    return add(looker, "permissions", SL_HEALTH_WRONG,
               sl_arena_printf(looker->arena, "the %s '%s' cannot be written: %s", what, path,
                               strerror(errno)),
               "run it as the user that owns the folder, or give that user the right");
}

static int look_permissions(struct looker *looker)
{
    bool is_wrong = false, has_lake = !looker->of->health->lake.text;
    if (has_lake)
        SL_TRY(look_permission(looker, "lake", looker->project->lake_folder, &is_wrong));
    SL_TRY(look_permission(looker, "state folder", looker->project->state_folder, &is_wrong));
    return is_wrong ? SL_OK
                    : add(looker, "permissions", SL_HEALTH_OK,
                          has_lake ? "lake and state folder can be written"
                                   : "the state folder can be written",
                          NULL);
}

// --- engine, clock, secrets

static int look_engine(struct looker *looker)
{
    struct sl_session *session = NULL;
    struct sl_err failure = {0};
    const struct sl_engine_kind *kind = sl_kinds.engines[0];
    if (sl_world_session(looker->of->world, &session, &failure) != SL_OK)
        return add_failure(looker, "engine", &failure);
    sl_session_close(&session);
    return add(
        looker, "engine", SL_HEALTH_OK,
        sl_arena_printf(looker->arena, "%s %s, Sluice " SL_VERSION, kind->name, kind->version),
        NULL);
}

static int look_clock(struct looker *looker)
{
    const struct sl_health *health = looker->of->health;
    const struct sl_health_table *newest = NULL;
    struct timex kernel = {0};
    char now[32], ahead[32];
    for (size_t i = 0; i < health->table_count; i++)
        if (!newest || health->tables[i].committed_us > newest->committed_us)
            newest = &health->tables[i];
    if (newest && newest->committed_us > health->at_us + MOST_FUTURE_US)
        return add(looker, "clock", SL_HEALTH_WRONG,
                   sl_arena_printf(
                       looker->arena, "the newest version of %s is of %s from now", newest->name,
                       sl_str_duration((newest->committed_us - health->at_us) / 1000000, ahead)),
                   "this machine's clock was set back, or another machine's is ahead");
    bool is_in_step = adjtimex(&kernel) != TIME_ERROR;
    return add(
        looker, "clock", SL_HEALTH_OK,
        sl_arena_printf(looker->arena, "%s, %s", sl_time_text(health->at_us, now),
                        is_in_step ? "kept in step by NTP" : "and the kernel does not know of NTP"),
        NULL);
}

// --- alerts and the service

static size_t count_triggers(const struct sl_project *project)
{
    size_t count = 0;
    for (size_t i = 0; i < project->pipeline_count; i++)
        count += project->pipelines[i].trigger_count;
    return count;
}

static int tell_counts(struct looker *looker, const struct sl_alert_counts *counts)
{
    char channels[64], open[64];
    const char *text = sl_arena_printf(
        looker->arena, "%s, %s open",
        sl_count_of((int64_t)looker->project->alerts->channels.count, "channel", channels),
        sl_count_of(counts->open, "alert", open));
    SL_TRY_NEW(text, looker->err);
    if (counts->failed + counts->dead == 0)
        return add(looker, "alerts", SL_HEALTH_OK, text, NULL);
    return add(looker, "alerts", SL_HEALTH_WRONG,
               sl_arena_printf(looker->arena, "%s; %lld messages could not be sent", text,
                               (long long)(counts->failed + counts->dead)),
               "`sluice alerts` tells why; `sluice alerts test CHANNEL` tries a channel");
}

// Opened for reading: it is neither made nor moved to where the state is by now.
static int count_alerts(const struct sl_project *project, struct sl_alert_counts *ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_alert_store_close) struct sl_alert_store *store = NULL;
    const struct sl_state_place place = sl_project_state(project);
    *ret = (struct sl_alert_counts){0};
    SL_TRY(sl_alert_store_find(&place, &store, err));
    return store ? sl_alert_store_count(store, ret, err) : SL_OK;
}

static int look_alerts(struct looker *looker)
{
    const struct sl_project *project = looker->project;
    struct sl_alert_counts counts;
    struct sl_err failure = {0};
    if (!project->alerts || !project->alerts->channels.count)
        return add(looker, "alerts", SL_HEALTH_OK,
                   "sluice.yml has no `alerts`: nobody is told when something goes wrong", NULL);
    if (count_alerts(project, &counts, &failure) != SL_OK)
        return add_failure(looker, "alerts", &failure);
    return tell_counts(looker, &counts);
}

// Whoever leads, on any machine.
static int look_leader(struct looker *looker, bool *ret_is_led)
{
    const struct sl_project *project = looker->project;
    struct sl_lease lease = {0};
    struct sl_err failure = {0};
    *ret_is_led = false;
    if (!looker->of->state ||
        sl_cli_leader(looker->of->state, project, looker->arena, &lease, &failure) != SL_OK ||
        lease.left_ms <= 0)
        return SL_OK;
    const char *unclaimed = NULL;
    if (sl_cli_unclaimed(looker->of->state, project, looker->arena, &unclaimed, &failure) != SL_OK)
        SL_TRY(add_failure(looker, "workers", &failure));
    if (unclaimed)
        SL_TRY(add(looker, "workers", SL_HEALTH_WRONG, unclaimed, NULL));
    *ret_is_led = true;
    return add(
        looker, "service", SL_HEALTH_OK,
        sl_arena_printf(looker->arena, "%s leads, and said so less than 3 s ago", lease.holder),
        NULL);
}

static int tell_service(struct looker *looker, const json_t *answer)
{
    const char *since = sl_json_text(answer, "since", "?");
    const char *because = sl_json_text(answer, "not_ready_because", "it does not say why");
    if (sl_json_bool(answer, "is_ready", false))
        return add(looker, "service", SL_HEALTH_OK,
                   sl_arena_printf(looker->arena, "serves since %s", since), NULL);
    return add(looker, "service", SL_HEALTH_WRONG,
               sl_arena_printf(looker->arena, "it is there since %s and starts no runs: %s", since,
                               because),
               NULL);
}

static int look_service(struct looker *looker)
{
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    struct sl_err failure = {0};
    size_t triggers = count_triggers(looker->project);
    char count[64];
    bool is_led;
    SL_TRY(look_leader(looker, &is_led));
    if (is_led)
        return SL_OK;
    if (sl_client_ask(looker->project->state_folder, "GET", "/healthz", NULL, &answer, &failure) ==
        SL_OK)
        return tell_service(looker, answer);
    if (failure.code != SL_E_SERVE_NOBODY)
        return add_failure(looker, "service", &failure);
    if (!triggers)
        return add(looker, "service", SL_HEALTH_OK,
                   "none, and no pipeline has a trigger: runs are started by hand or by another "
                   "program",
                   NULL);
    return add(looker, "service", SL_HEALTH_WRONG,
               sl_arena_printf(looker->arena, "none is alive, so %s start%s nothing",
                               sl_count_of((int64_t)triggers, "trigger", count),
                               triggers == 1 ? "s" : ""),
               "`sluice serve` starts it; `systemctl status sluice` tells of one under systemd");
}

int sl_machine_look(const struct sl_machine_of *of, struct sl_machine *ret, struct sl_err *err)
{
    struct looker looker = {.of = of,
                            .project = of->world->project,
                            .arena = &of->world->arena,
                            .machine = ret,
                            .err = err};
    *ret = (struct sl_machine){0};
    SL_TRY(look_state(&looker));
    SL_TRY(look_lake(&looker));
    SL_TRY(look_disks(&looker));
    SL_TRY(look_permissions(&looker));
    SL_TRY(look_engine(&looker));
    SL_TRY(look_clock(&looker));
    SL_TRY(add(&looker, "secrets", SL_HEALTH_OK, "all that the project names are there",
               NULL)); // else it would not have loaded
    SL_TRY(look_alerts(&looker));
    return look_service(&looker);
}
