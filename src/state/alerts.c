// Alerts and their outbox: written once, for a file of SQLite and for the tables of PostgreSQL.
#include "state/alerts.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALERT_COLUMNS                                                                              \
    "id, environment, kind, subject, owner, summary, code, run_id, channels, opened_us, seen_us, " \
    "told_us, closed_us, times"
#define MESSAGE_COLUMNS \
    "seq, id, alert, event, channel, body, created_us, next_us, sent_us, dead_us, attempts, error"
// Of an array of texts and numbers, one of a batch; the first is AT_FIRST.
#define AT_FIRST "e.value->>0"
#define AT(column) ", e.value->>" #column
#define NUMBER_AT(column) ", cast(e.value->>" #column " as bigint)"
#define ALERT_TEXTS 9
#define ALERT_NUMBERS 5
#define ALERT_VALUES                                                                    \
    AT_FIRST AT(1) AT(2) AT(3) AT(4) AT(5) AT(6) AT(7) AT(8) NUMBER_AT(9) NUMBER_AT(10) \
        NUMBER_AT(11) NUMBER_AT(12) NUMBER_AT(13)
#define MESSAGE_TEXTS 6
#define MESSAGE_NUMBERS 2
#define MESSAGE_VALUES AT_FIRST AT(1) AT(2) AT(3) AT(4) NUMBER_AT(6) NUMBER_AT(7)
#define REPLACED(column) column " = excluded." column

// Of one alert and channel messages go out in their order: who is told that all is well again must
// have been told what was wrong.
#define MAY_BE_SENT(MINE, SAME)                                                                    \
    MINE                                                                                           \
        " sent_us = 0 and dead_us = 0 and not exists (select 1 from outbox as earlier where " SAME \
        "earlier.alert = outbox.alert and earlier.channel = outbox.channel and earlier.seq < "     \
        "outbox.seq and earlier.sent_us = 0 and earlier.dead_us = 0)"

// ?1 is always the project. A file is of one project alone and has no column for it.
struct sql {
    const char *list, *put, *post, *due, *next, *unsent, *mark, *revive, *silence, *unsilence,
        *silences, *count;
    const char *forget[3];
    const char *lock; // so that nobody else writes in this transaction; NULL: there is no need
};

#define SQL(MINE, KEY, KEY_VALUE)                                                                                                       \
    .list = "select " ALERT_COLUMNS " from alerts where " MINE                                                                          \
            "(cast(?2 as bigint) = 1 or closed_us = 0) and (cast(?3 as text) is null or "                                               \
            "environment = ?3) order by closed_us = 0 desc, opened_us desc, id limit ?4",                                               \
    .put = "insert into alerts (" KEY ALERT_COLUMNS ") select " KEY_VALUE ALERT_VALUES                                                  \
           " from json_each(?2) as e where true on conflict (" KEY                                                                      \
           "id) do update set " REPLACED("owner") ", " REPLACED("summary") ", " REPLACED("code") ", " REPLACED("run_id") ", " REPLACED( \
               "channels") ", " REPLACED("seen_us") ", " REPLACED("told_us") ", " REPLACED("close"                                      \
                                                                                           "d_us") ", " REPLACED("times"),              \
    .unsent = "select " MESSAGE_COLUMNS " from outbox where " MINE "sent_us = 0 order by seq",                                          \
    .revive = "update outbox set dead_us = 0, next_us = ?2, created_us = ?2 where " MINE                                                \
              "dead_us > 0 and sent_us = 0",                                                                                            \
    .silence = "insert into silences (" KEY                                                                                             \
               "match, why, by, made_us, until_us) values (" KEY_VALUE "?2, ?3, ?4, ?5, ?6)",                                           \
    .unsilence = "update silences set until_us = ?2 where " MINE "match = ?3 and until_us > ?2",                                        \
    .silences = "select seq, match, why, by, made_us, until_us from silences where " MINE                                               \
                "until_us > ?2 order by seq",                                                                                           \
    .count = "select (select count(*) from alerts where " MINE "closed_us = 0), "                                                       \
             "(select count(*) from outbox where " MINE "sent_us = 0 and dead_us = 0), "                                                \
             "(select count(*) from outbox where " MINE                                                                                 \
             "sent_us = 0 and dead_us = 0 and attempts > 0), "                                                                          \
             "(select count(*) from outbox where " MINE "sent_us = 0 and dead_us > 0), "                                                \
             "(select count(*) from outbox where " MINE "sent_us > 0)",                                                                 \
    .forget = {"delete from outbox where " MINE                                                                                         \
               "((sent_us > 0 and sent_us < ?2) or (dead_us > 0 and dead_us < ?2))",                                                    \
               "delete from alerts where " MINE "closed_us > 0 and closed_us < ?2",                                                     \
               "delete from silences where " MINE "until_us < ?2"}

static const struct sql of_file = {
    SQL("", "", ""),
    .post = "insert or ignore into outbox (id, alert, event, channel, body, created_us, next_us, "
            "sent_us, dead_us, attempts, error) select " MESSAGE_VALUES
            ", 0, 0, 0, '' from json_each(?2) as e where true",
    .due = "select " MESSAGE_COLUMNS
           " from outbox where next_us <= ?2 and " MAY_BE_SENT("", "") " order by seq limit ?3",
    .next = "select coalesce(min(next_us), 0) from outbox where " MAY_BE_SENT("", ""),
    .mark = "update outbox set next_us = ?3, sent_us = ?4, dead_us = ?5, attempts = ?6, error = ?7 "
            "where seq = ?2",
};

// What is due is claimed for a while, so that of two machines one sends it, and marked only by who
// has the claim. Each environment sends its own: it alone knows its channels.
#define MINE "project = ?1 and "
#define MAY_BE_SENT_BY_ME \
    MAY_BE_SENT(MINE "environment = ?2 and ", "earlier.project = outbox.project and ")

static const struct sql of_server = {
    SQL(MINE, "project, ", "cast(?1 as text), "),
    .post = "insert into outbox (project, id, alert, event, channel, body, created_us, next_us, "
            "environment) select cast(?1 as text), " MESSAGE_VALUES AT(
                5) " from json_each(?2) as e where true on conflict do nothing",
    .due = "with taken as (update outbox set holder = ?5, held_until_us = sluice_now() + cast(?6 "
           "as bigint) where seq in (select seq from outbox where next_us <= ?3 and held_until_us "
           "<= sluice_now() and " MAY_BE_SENT_BY_ME
           " order by seq limit ?4 /*skip locked*/) returning " MESSAGE_COLUMNS
           ") select " MESSAGE_COLUMNS " from taken order by seq",
    .next = "select coalesce(min(greatest(next_us, held_until_us)), 0) from outbox "
            "where " MAY_BE_SENT_BY_ME,
    .mark = "update outbox set next_us = ?3, sent_us = ?4, dead_us = ?5, attempts = ?6, error = "
            "?7, holder = '', held_until_us = 0 where " MINE "seq = ?2 and holder = ?8",
    .lock = "select pg_advisory_xact_lock(60113021, hashtext(current_schema() || ' ' || "
            "cast(?1 as text)))",
};

struct sl_alert_store {
    const struct sl_store_kind *kind;
    const struct sql *sql;
    void *self;
    char *project;
    char holder[120]; // of claims
    bool is_writing;  // between begin and end
};

// A file of alerts is no state store: its failures are told as what they are.
static int told(const struct sl_alert_store *store, int code, struct sl_err *err)
{
    return store->kind->is_remote ? code : sl_alerts_file_failed(code, err);
}

static int run(struct sl_alert_store *store, struct sl_statement statement, struct sl_err *err)
{
    return told(store, store->kind->run(store->self, &statement, err), err);
}

#define RUN(store, text, parameters, ...)                                         \
    run((store),                                                                  \
        (struct sl_statement){.sql = (text),                                      \
                              .params = (parameters),                             \
                              .count = sizeof(parameters) / sizeof *(parameters), \
                              __VA_ARGS__},                                       \
        err)

int sl_alert_store_begin(struct sl_alert_store *store, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project)};
    SL_TRY(told(store, store->kind->begin(store->self, false, err), err));
    store->is_writing = true;
    if (!store->sql->lock)
        return SL_OK;
    return RUN(store, store->sql->lock, params, );
}

int sl_alert_store_end(struct sl_alert_store *store, struct sl_err *err)
{
    store->is_writing = false;
    return told(store, store->kind->commit(store->self, err), err);
}

void sl_alert_store_undo(struct sl_alert_store *store)
{
    if (store->is_writing)
        store->kind->rollback(store->self);
    store->is_writing = false;
}

// A transaction of its own, unless one is open.
static int write_one(struct sl_alert_store *store, struct sl_statement statement,
                     struct sl_err *err)
{
    if (store->is_writing)
        return run(store, statement, err);
    SL_TRY(told(store, store->kind->begin(store->self, false, err), err));
    int code = run(store, statement, err);
    if (code == SL_OK)
        return told(store, store->kind->commit(store->self, err), err);
    store->kind->rollback(store->self);
    return code;
}

#define WRITE(store, text, parameters, ...)                                             \
    write_one((store),                                                                  \
              (struct sl_statement){.sql = (text),                                      \
                                    .params = (parameters),                             \
                                    .count = sizeof(parameters) / sizeof *(parameters), \
                                    __VA_ARGS__},                                       \
              err)

// --- opening and closing

void sl_alert_store_close(struct sl_alert_store **store)
{
    if (!*store)
        return;
    sl_alert_store_undo(*store);
    if ((*store)->self)
        (*store)->kind->close((*store)->self);
    free((*store)->project);
    free(*store);
    *store = NULL;
}

static int make(const struct sl_state_place *place, struct sl_alert_store **ret, struct sl_err *err)
{
    char host[64] = "", id[37];
    struct sl_alert_store *store = calloc(1, sizeof *store);
    SL_TRY_NEW(store, err);
    store->project = strdup(place->url && place->project ? place->project : "");
    if (!store->project) {
        free(store);
        return sl_fail_memory(err);
    }
    store->kind = place->url ? &sl_store_postgres : &sl_store_sqlite;
    store->sql = place->url ? &of_server : &of_file;
    (void)gethostname(host, sizeof host - 1);
    snprintf(store->holder, sizeof store->holder, "%s %d %s", host, (int)getpid(), sl_uuid(id));
    *ret = store;
    return SL_OK;
}

static int open_file(const struct sl_state_place *place, const char *path, bool may_make,
                     struct sl_alert_store **ret, struct sl_err *err)
{
    SL_AUTO(sl_alert_store_close) struct sl_alert_store *store = NULL;
    SL_TRY(make(place, &store, err));
    SL_TRY(sl_alerts_file_failed(sl_alerts_file_open(path, may_make, &store->self, err), err));
    *ret = store;
    store = NULL;
    return SL_OK;
}

static bool is_silence_there(const struct sl_alert_silence *silence,
                             const struct sl_alert_silence *there, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(there[i].match, silence->match) == 0 && there[i].made_us == silence->made_us)
            return true;
    return false;
}

// What a store that was a file, before its state moved to a server, still had to tell. Whoever was
// killed between the commit and the rename has left it to be done once more.
static int take_over(struct sl_alert_store *store, const char *path, struct sl_arena *arena,
                     struct sl_err *err)
{
    SL_AUTO(sl_alert_store_close) struct sl_alert_store *file = NULL;
    const struct sl_state_place place = {0};
    const struct sl_alert_query all = {0};
    struct sl_alert_row *alerts, *open;
    struct sl_alert_message *messages;
    struct sl_alert_silence *silences, *there;
    size_t alert_count, open_count, message_count, silence_count, there_count;
    int code = open_file(&place, path, false, &file, err);
    if (code != SL_OK && !sl_fs_exists(path)) { // another process was faster
        sl_err_clear(err);
        return SL_OK;
    }
    SL_TRY(code);
    SL_TRY(sl_alert_store_list(file, &(struct sl_alert_query){.all = true}, arena, &alerts,
                               &alert_count, err));
    SL_TRY(sl_alert_store_unsent(file, arena, &messages, &message_count, err));
    SL_TRY(sl_alert_store_silences(file, sl_clock_now_us(), arena, &silences, &silence_count, err));
    SL_TRY(sl_alert_store_begin(store, err));
    if (!sl_fs_exists(path))
        return SL_OK;
    SL_TRY(sl_alert_store_list(store, &all, arena, &open, &open_count, err));
    SL_TRY(sl_alert_store_silences(store, sl_clock_now_us(), arena, &there, &there_count, err));
    for (size_t i = 0; i < alert_count; i++) {
        for (size_t n = 0; n < open_count && !alerts[i].closed_us; n++)
            if (strcmp(alerts[i].id, open[n].id) != 0 &&
                strcmp(alerts[i].environment, open[n].environment) == 0 &&
                strcmp(alerts[i].kind, open[n].kind) == 0 &&
                strcmp(alerts[i].subject, open[n].subject) == 0)
                alerts[i].closed_us = sl_clock_now_us(); // another machine has told it
    }
    SL_TRY(sl_alert_store_put(store, alerts, alert_count, err));
    for (size_t i = 0; i < message_count; i++) {
        for (size_t n = 0; n < alert_count; n++)
            if (strcmp(alerts[n].id, messages[i].alert) == 0)
                messages[i].environment = alerts[n].environment;
    }
    SL_TRY(sl_alert_store_post(store, messages, message_count, err));
    for (size_t i = 0; i < silence_count; i++)
        if (!is_silence_there(&silences[i], there, there_count))
            SL_TRY(sl_alert_store_silence(store, &silences[i], err));
    const char *aside = sl_arena_printf(arena, "%s.moved", path);
    SL_TRY_NEW(aside, err);
    SL_TRY(sl_alert_store_end(store, err));
    if (sl_fs_rename(path, aside, err) != SL_OK && !sl_fs_exists(path))
        sl_err_clear(err); // by another process
    return (int)err->code;
}

static int open_server(const struct sl_state_place *place, const char *path, bool for_reading,
                       struct sl_arena *arena, struct sl_alert_store **ret, struct sl_err *err)
{
    SL_AUTO(sl_alert_store_close) struct sl_alert_store *store = NULL;
    SL_TRY(make(place, &store, err));
    SL_TRY(sl_postgres_open(place, for_reading, &store->self, err));
    if (!store->self)
        return SL_OK;
    if (!for_reading && sl_fs_exists(path)) {
        int code = take_over(store, path, arena, err);
        sl_alert_store_undo(store);
        SL_TRY(code);
    }
    *ret = store;
    store = NULL;
    return SL_OK;
}

int sl_alert_store_open(const struct sl_state_place *place, struct sl_alert_store **ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, place->folder, SL_ALERTS_FILE);
    SL_TRY_NEW(path, err);
    if (place->url)
        return open_server(place, path, false, &arena, ret, err);
    SL_TRY(sl_fs_mkdirs(place->folder, err));
    return open_file(place, path, true, ret, err);
}

int sl_alert_store_find(const struct sl_state_place *place, struct sl_alert_store **ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, place->folder, SL_ALERTS_FILE);
    SL_TRY_NEW(path, err);
    *ret = NULL;
    if (place->url)
        return open_server(place, path, true, &arena, ret, err);
    return sl_fs_exists(path) ? open_file(place, path, true, ret, err) : SL_OK;
}

// --- alerts

// Rows of one kind, while they are read.
struct reading {
    struct sl_arena *arena;
    void *rows;
    size_t count;
};

// A text that is never NULL but where there is no memory.
static const char *text_at(const struct sl_store_row *row, int column)
{
    const char *text = row->kind->text(row->at, row->index, column);
    return sl_arena_strdup(row->arena, text ? text : "");
}

static int take_alert(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct reading *reading = to;
    struct sl_alert_row *rows = reading->rows;
    const char *texts[9];
    for (int i = 0; i < 9; i++) {
        texts[i] = text_at(row, i);
        SL_TRY_NEW(texts[i], err);
    }
    const struct sl_alert_row alert = {.id = texts[0],
                                       .environment = texts[1],
                                       .kind = texts[2],
                                       .subject = texts[3],
                                       .owner = texts[4],
                                       .summary = texts[5],
                                       .code = texts[6],
                                       .run_id = texts[7],
                                       .channels = texts[8],
                                       .opened_us = sl_row_number(row, 9),
                                       .seen_us = sl_row_number(row, 10),
                                       .told_us = sl_row_number(row, 11),
                                       .closed_us = sl_row_number(row, 12),
                                       .times = sl_row_number(row, 13)};
    if (!SL_PUSH(reading->arena, rows, reading->count, alert))
        return sl_fail_memory(err);
    reading->rows = rows;
    return SL_OK;
}

int sl_alert_store_list(struct sl_alert_store *store, const struct sl_alert_query *query,
                        struct sl_arena *arena, struct sl_alert_row **ret, size_t *ret_count,
                        struct sl_err *err)
{
    struct reading reading = {.arena = arena};
    const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(query->all),
                                      SL_TEXT(query->environment),
                                      SL_NUMBER(query->limit ? (int64_t)query->limit : INT64_MAX)};
    SL_TRY(
        RUN(store, store->sql->list, params, .on_row = take_alert, .to = &reading, .arena = arena));
    *ret = reading.rows;
    *ret_count = reading.count;
    return SL_OK;
}

#define TEXT_OR_EMPTY(value) SL_TEXT((value) ? (value) : "")

// A batch is one text, so that it is one statement and one way to another machine.
static int add_row(json_t *rows, const char *const *texts, size_t text_count,
                   const int64_t *numbers, size_t number_count, struct sl_err *err)
{
    json_t *row = json_array();
    if (json_array_append_new(rows, row) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < text_count; i++)
        if (json_array_append_new(row, sl_json_string(texts[i] ? texts[i] : "")) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < number_count; i++)
        if (json_array_append_new(row, json_integer(numbers[i])) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int write_rows(struct sl_alert_store *store, const char *sql, const json_t *rows,
                      struct sl_err *err)
{
    char *text = NULL;
    SL_TRY(sl_json_print(rows, &text, err));
    const struct sl_param params[] = {SL_TEXT(store->project), SL_TEXT(text)};
    int code = WRITE(store, sql, params, );
    free(text);
    return code;
}

int sl_alert_store_put(struct sl_alert_store *store, const struct sl_alert_row *alerts,
                       size_t count, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *rows = json_array();
    SL_TRY_NEW(rows, err);
    for (size_t i = 0; i < count; i++) {
        const struct sl_alert_row *alert = &alerts[i];
        const char *const texts[ALERT_TEXTS] = {
            alert->id,      alert->environment, alert->kind,   alert->subject, alert->owner,
            alert->summary, alert->code,        alert->run_id, alert->channels};
        const int64_t numbers[ALERT_NUMBERS] = {alert->opened_us, alert->seen_us, alert->told_us,
                                                alert->closed_us, alert->times};
        SL_TRY(add_row(rows, texts, ALERT_TEXTS, numbers, ALERT_NUMBERS, err));
    }
    return count ? write_rows(store, store->sql->put, rows, err) : SL_OK;
}

// --- the outbox

int sl_alert_store_post(struct sl_alert_store *store, const struct sl_alert_message *messages,
                        size_t count, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *rows = json_array();
    SL_TRY_NEW(rows, err);
    for (size_t i = 0; i < count; i++) {
        const struct sl_alert_message *message = &messages[i];
        const char *const texts[MESSAGE_TEXTS] = {message->id,    message->alert,
                                                  message->event, message->channel,
                                                  message->body,  message->environment};
        const int64_t numbers[MESSAGE_NUMBERS] = {message->created_us, message->next_us};
        SL_TRY(add_row(rows, texts, MESSAGE_TEXTS, numbers, MESSAGE_NUMBERS, err));
    }
    return count ? write_rows(store, store->sql->post, rows, err) : SL_OK;
}

static int take_message(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct reading *reading = to;
    struct sl_alert_message *rows = reading->rows;
    const struct sl_alert_message message = {.seq = sl_row_number(row, 0),
                                             .id = text_at(row, 1),
                                             .alert = text_at(row, 2),
                                             .event = text_at(row, 3),
                                             .channel = text_at(row, 4),
                                             .body = text_at(row, 5),
                                             .created_us = sl_row_number(row, 6),
                                             .next_us = sl_row_number(row, 7),
                                             .sent_us = sl_row_number(row, 8),
                                             .dead_us = sl_row_number(row, 9),
                                             .attempts = sl_row_number(row, 10),
                                             .error = text_at(row, 11)};
    if (!message.id || !message.alert || !message.event || !message.channel || !message.body ||
        !message.error || !SL_PUSH(reading->arena, rows, reading->count, message))
        return sl_fail_memory(err);
    reading->rows = rows;
    return SL_OK;
}

int sl_alert_store_due(struct sl_alert_store *store, const struct sl_alert_due *due,
                       struct sl_arena *arena, struct sl_alert_message **ret, size_t *ret_count,
                       struct sl_err *err)
{
    struct reading reading = {.arena = arena};
    int64_t limit = (int64_t)due->limit;
    if (store->kind->is_remote) {
        const struct sl_param params[] = {SL_TEXT(store->project), TEXT_OR_EMPTY(due->environment),
                                          SL_NUMBER(due->by_us),   SL_NUMBER(limit),
                                          SL_TEXT(store->holder),  SL_NUMBER(due->ttl_ms * 1000)};
        SL_TRY(WRITE(store, store->sql->due, params, .on_row = take_message, .to = &reading,
                     .arena = arena));
    } else {
        const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(due->by_us),
                                          SL_NUMBER(limit)};
        SL_TRY(RUN(store, store->sql->due, params, .on_row = take_message, .to = &reading,
                   .arena = arena));
    }
    *ret = reading.rows;
    *ret_count = reading.count;
    return SL_OK;
}

static int take_number(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    (void)err;
    *(int64_t *)to = sl_row_number(row, 0);
    return SL_OK;
}

int sl_alert_store_next(struct sl_alert_store *store, const char *environment, int64_t *ret_us,
                        struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project), TEXT_OR_EMPTY(environment)};
    *ret_us = 0;
    return RUN(store, store->sql->next, params, .on_row = take_number, .to = ret_us);
}

int sl_alert_store_unsent(struct sl_alert_store *store, struct sl_arena *arena,
                          struct sl_alert_message **ret, size_t *ret_count, struct sl_err *err)
{
    struct reading reading = {.arena = arena};
    const struct sl_param params[] = {SL_TEXT(store->project)};
    SL_TRY(RUN(store, store->sql->unsent, params, .on_row = take_message, .to = &reading,
               .arena = arena));
    *ret = reading.rows;
    *ret_count = reading.count;
    return SL_OK;
}

int sl_alert_store_mark(struct sl_alert_store *store, const struct sl_alert_message *message,
                        struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project),       SL_NUMBER(message->seq),
                                      SL_NUMBER(message->next_us),   SL_NUMBER(message->sent_us),
                                      SL_NUMBER(message->dead_us),   SL_NUMBER(message->attempts),
                                      TEXT_OR_EMPTY(message->error), SL_TEXT(store->holder)};
    return WRITE(store, store->sql->mark, params, );
}

int sl_alert_store_revive(struct sl_alert_store *store, int64_t now_us, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(now_us)};
    return WRITE(store, store->sql->revive, params, );
}

bool sl_alert_store_is_shared(const struct sl_alert_store *store)
{
    return store->kind->is_remote;
}

// --- silences

int sl_alert_store_silence(struct sl_alert_store *store, const struct sl_alert_silence *silence,
                           struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project),     TEXT_OR_EMPTY(silence->match),
                                      TEXT_OR_EMPTY(silence->why), TEXT_OR_EMPTY(silence->by),
                                      SL_NUMBER(silence->made_us), SL_NUMBER(silence->until_us)};
    return WRITE(store, store->sql->silence, params, );
}

int sl_alert_store_unsilence(struct sl_alert_store *store, const char *match, int64_t now_us,
                             size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(now_us),
                                      TEXT_OR_EMPTY(match)};
    int64_t changed = 0;
    SL_TRY(WRITE(store, store->sql->unsilence, params, .ret_changed = &changed));
    *ret_count = (size_t)changed;
    return SL_OK;
}

static int take_silence(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct reading *reading = to;
    struct sl_alert_silence *rows = reading->rows;
    const struct sl_alert_silence silence = {.seq = sl_row_number(row, 0),
                                             .match = text_at(row, 1),
                                             .why = text_at(row, 2),
                                             .by = text_at(row, 3),
                                             .made_us = sl_row_number(row, 4),
                                             .until_us = sl_row_number(row, 5)};
    if (!silence.match || !silence.why || !silence.by ||
        !SL_PUSH(reading->arena, rows, reading->count, silence))
        return sl_fail_memory(err);
    reading->rows = rows;
    return SL_OK;
}

int sl_alert_store_silences(struct sl_alert_store *store, int64_t at_us, struct sl_arena *arena,
                            struct sl_alert_silence **ret, size_t *ret_count, struct sl_err *err)
{
    struct reading reading = {.arena = arena};
    const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(at_us)};
    SL_TRY(RUN(store, store->sql->silences, params, .on_row = take_silence, .to = &reading,
               .arena = arena));
    *ret = reading.rows;
    *ret_count = reading.count;
    return SL_OK;
}

// --- the whole

static int take_counts(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    (void)err;
    *(struct sl_alert_counts *)to = (struct sl_alert_counts){.open = sl_row_number(row, 0),
                                                             .pending = sl_row_number(row, 1),
                                                             .failed = sl_row_number(row, 2),
                                                             .dead = sl_row_number(row, 3),
                                                             .sent = sl_row_number(row, 4)};
    return SL_OK;
}

int sl_alert_store_count(struct sl_alert_store *store, struct sl_alert_counts *ret,
                         struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project)};
    return RUN(store, store->sql->count, params, .on_row = take_counts, .to = ret);
}

int sl_alert_store_forget(struct sl_alert_store *store, int64_t before_us, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(store->project), SL_NUMBER(before_us)};
    for (size_t i = 0; i < sizeof store->sql->forget / sizeof *store->sql->forget; i++)
        SL_TRY(WRITE(store, store->sql->forget[i], params, ));
    return SL_OK;
}
