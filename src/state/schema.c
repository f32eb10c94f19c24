#include "state/store.h"

// The same tables for each kind, with its names of types.
#define RUNS(TEXT, INT)                                                                          \
    "create table runs (project " TEXT " not null, id " TEXT " not null, command " TEXT          \
    " not null, environment " TEXT ", status " TEXT " not null, started_us " INT                 \
    " not null, ended_us " INT " not null, pid " INT " not null, ok " INT " not null, warn " INT \
    " not null, error " INT " not null, skipped " INT " not null, quarantined " INT              \
    " not null, pipeline " TEXT ", trigger_key " TEXT ", tick_us " INT                           \
    " not null default 0, who " TEXT ", host " TEXT ", options " TEXT ", owner " TEXT            \
    ", primary key (project, id));"                                                              \
    "create index runs_started on runs (project, started_us desc, id desc);"                     \
    "create index runs_pipeline on runs (project, pipeline, started_us desc, id desc);"          \
    "create index runs_status on runs (project, status, started_us desc, id desc);"              \
    "create index runs_ended on runs (project, ended_us);"                                       \
    "create unique index runs_tick on runs (project, pipeline, trigger_key, tick_us) where "     \
    "tick_us > 0;"

#define STEPS(TEXT, INT, SEQ)                                                                      \
    "create table steps (seq " SEQ ", project " TEXT " not null default '', run_id " TEXT          \
    " not null, name " TEXT " not null, label " TEXT " not null, status " TEXT                     \
    " not null, why " TEXT ", code " TEXT ", message " TEXT ", place " TEXT ", details " TEXT      \
    ", machine " TEXT ", started_us " INT " not null, ended_us " INT " not null, has_balance " INT \
    " not null, rows_in " INT " not null, rows_out " INT " not null, quarantined " INT             \
    " not null, deduplicated " INT " not null, filtered " INT " not null, bytes_in " INT           \
    " not null, bytes_out " INT " not null);"

#define STEP_INDEXES                                          \
    "create index steps_run on steps (project, run_id, seq);" \
    "create index steps_name on steps (project, name, seq desc);"

#define REST(TEXT, INT, SEQ)                                                                       \
    "create table ticks (project " TEXT " not null, pipeline " TEXT " not null, trigger_key " TEXT \
    " not null, tick_us " INT " not null, primary key (project, pipeline, trigger_key));"          \
    "create table pauses (project " TEXT " not null, pipeline " TEXT " not null, who " TEXT        \
    ", why " TEXT ", at_us " INT " not null, primary key (project, pipeline));"                    \
    "create table queue (seq " SEQ ", project " TEXT " not null, run_id " TEXT                     \
    " not null, options " TEXT " not null, unique (project, run_id));"                             \
    "create table approvals (seq " SEQ ", project " TEXT " not null, run_id " TEXT                 \
    " not null, step " TEXT " not null, asked_us " INT " not null, decided_us " INT                \
    " not null default 0, is_yes " INT " not null default 0, who " TEXT ", why " TEXT              \
    ", unique (project, run_id, step));"                                                           \
    "create index approvals_open on approvals (project, seq) where decided_us = 0;"                \
    "create table audit (seq " SEQ ", project " TEXT " not null, at_us " INT                       \
    " not null, who " TEXT " not null, what " TEXT " not null, subject " TEXT ", details " TEXT    \
    ");"                                                                                           \
    "create index audit_newest on audit (project, seq desc);"                                      \
    "create index audit_subject on audit (project, subject, seq desc);"                            \
    "create table leases (project " TEXT " not null, name " TEXT " not null, holder " TEXT         \
    " not null, token " INT " not null, until_us " INT                                             \
    " not null, primary key (project, name));" /* state 0: ready, 1: claimed, 2: done */           \
    "create table jobs (seq " SEQ ", project " TEXT " not null, id " TEXT                          \
    " not null, run_id " TEXT " not null, step " TEXT " not null, attempt " INT                    \
    " not null, priority " INT " not null, request " TEXT ", leader_token " INT                    \
    " not null, state " INT " not null default 0, holder " TEXT ", token " INT                     \
    " not null default 0, until_us " INT " not null default 0, done_us " INT                       \
    " not null default 0, reply " TEXT ", unique (project, id));"                                  \
    "create index jobs_ready on jobs (project, priority desc, seq) where state = 0;"               \
    "create index jobs_claimed on jobs (project, until_us) where state = 1;"                       \
    "create index jobs_done on jobs (project, done_us, seq) where state = 2;"                      \
    "create index jobs_run on jobs (project, run_id);"

// autoincrement: a number is not given twice, also when the newest row is gone.
#define SQLITE_SEQ "integer primary key autoincrement"
#define POSTGRES_TEXT "text collate \"C\""
#define POSTGRES_SEQ "bigint generated always as identity primary key"

const struct sl_schema sl_schema_sqlite = {
    .runs = RUNS("text", "integer"),
    // Not autoincrement: it has to be what version 1 had, for that table stays.
    .steps = STEPS("text", "integer", "integer primary key"),
    .step_indexes = STEP_INDEXES,
    .rest = REST("text", "integer", SQLITE_SEQ),
};

const struct sl_schema sl_schema_postgres = {
    .runs = RUNS(POSTGRES_TEXT, "bigint"),
    .steps = STEPS(POSTGRES_TEXT, "bigint", POSTGRES_SEQ),
    .step_indexes = STEP_INDEXES,
    .rest = REST(POSTGRES_TEXT, "bigint", POSTGRES_SEQ),
};

const char sl_schema_before_2[] = "drop index runs_started; alter table runs rename to runs_1;";
const char sl_schema_move_2[] =
    "insert into runs (project, id, command, environment, status, started_us, ended_us, pid, ok, "
    "warn, error, skipped, quarantined) select '', id, command, environment, status, started_us, "
    "ended_us, pid, ok, warn, error, skipped, quarantined from runs_1;"
    "drop table runs_1; drop index steps_run; drop index steps_name;"
    "alter table steps add column project text not null default '';";
const char sl_schema_from_2[] =
    "alter table runs add column options text; alter table runs add column owner text;";
const char sl_schema_from_3[] = "alter table steps add column machine text;";

// Of alerts: SQLite has them in a file of their own (alerts_sqlite.c).
const char sl_schema_alerts[] =
    "create table alerts (project " POSTGRES_TEXT " not null, id " POSTGRES_TEXT
    " not null, environment " POSTGRES_TEXT " not null, kind " POSTGRES_TEXT
    " not null, subject " POSTGRES_TEXT " not null, owner " POSTGRES_TEXT
    " not null, summary " POSTGRES_TEXT " not null, code " POSTGRES_TEXT
    " not null, run_id " POSTGRES_TEXT " not null, channels " POSTGRES_TEXT
    " not null, opened_us bigint not null, seen_us bigint not null, told_us bigint not null, "
    "closed_us bigint not null, times bigint not null, primary key (project, id));"
    "create unique index alerts_open on alerts (project, environment, kind, subject) where "
    "closed_us = 0;"
    "create index alerts_opened on alerts (project, opened_us desc);"
    "create table outbox (seq " POSTGRES_SEQ ", project " POSTGRES_TEXT
    " not null, environment " POSTGRES_TEXT " not null, id " POSTGRES_TEXT
    " not null, alert " POSTGRES_TEXT " not null, event " POSTGRES_TEXT
    " not null, channel " POSTGRES_TEXT " not null, body " POSTGRES_TEXT
    " not null, created_us bigint not null, next_us bigint not null, sent_us bigint not null "
    "default 0, dead_us bigint not null default 0, attempts bigint not null default 0, "
    "error " POSTGRES_TEXT " not null default '', holder " POSTGRES_TEXT
    " not null default '', held_until_us bigint not null default 0, unique (project, id, "
    "channel));"
    "create index outbox_waiting on outbox (project, environment, next_us) where sent_us = 0 and "
    "dead_us = 0;"
    "create index outbox_alert on outbox (project, alert, channel, seq);"
    "create table silences (seq " POSTGRES_SEQ ", project " POSTGRES_TEXT
    " not null, match " POSTGRES_TEXT " not null, why " POSTGRES_TEXT " not null, by " POSTGRES_TEXT
    " not null, made_us bigint not null, until_us bigint not null);"
    "create index silences_until on silences (project, until_us);";
