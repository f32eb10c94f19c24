// What a kind of store does: run statements. All else (api/state.h, queue.h, leases.h) is written
// once, in SQL that every kind understands.
//
// That SQL has parameters ?1, ?2, ..., the functions sluice_now() (the store's clock in
// microseconds) and json_each(text) (a row with `value` for each item of an array), and two marks
// that only a server minds, "/*skip locked*/" and "/*for share*/". Integers have 64 bits; texts are
// compared byte by byte.
#ifndef SL_STATE_STORE_H
#define SL_STATE_STORE_H

#include "api/state.h"
#include "base/buf.h"
#include "base/json.h"

#define SL_STATE_VERSION 4

struct sl_param {
    bool is_number;
    const char *text; // NULL is null
    int64_t number;
};
#define SL_TEXT(value)  \
    {                   \
        .text = (value) \
    }
#define SL_NUMBER(value)                     \
    {                                        \
        .is_number = true, .number = (value) \
    }

// A row of a result, while it is told.
struct sl_store_row {
    const struct sl_store_kind *kind;
    void *at;  // the kind's
    int index; // the kind's
    struct sl_arena *arena;
};
char *sl_row_text(const struct sl_store_row *row, int column); // in the arena; NULL: null
int64_t sl_row_number(const struct sl_store_row *row, int column);

struct sl_statement {
    const char *sql;
    const struct sl_param *params;
    size_t count;
    // Called for each row; NULL if there are none.
    int (*on_row)(void *to, const struct sl_store_row *row, struct sl_err *err);
    void *to;
    struct sl_arena *arena; // for what on_row keeps
    int64_t *ret_changed;   // rows written; NULL: nobody asks
};

struct sl_store_kind {
    const char *name;
    bool is_remote; // each statement is a way to another machine
    int (*run)(void *self, const struct sl_statement *statement, struct sl_err *err);
    // SL_E_STATE_BUSY if another statement waited in vain a moment ago; NULL: waiting is not dear.
    // What a lease hangs on does not ask.
    int (*ready)(void *self, struct sl_err *err);
    // To write; waits for others. `is_relaxed`: see sl_write_begin_relaxed.
    int (*begin)(void *self, bool is_relaxed, struct sl_err *err);
    int (*commit)(void *self, struct sl_err *err); // after a failure the transaction is gone
    void (*rollback)(void *self);
    // Tells listeners when the transaction is committed; NULL: they find out by themselves.
    int (*wake)(void *self, const char *project, int wakes, struct sl_err *err);
    int (*listen)(void *self, const char *project, int *ret_fd, struct sl_err *err);
    int (*woken)(void *self, int *ret_wakes, struct sl_err *err);
    const char *(*text)(void *at, int index, int column); // NULL: null
    int64_t (*number)(void *at, int index, int column);
    void (*close)(void *self);
};

struct sl_state {
    const struct sl_store_kind *kind;
    void *self;
    char *project; // "" in a file, which is one project's alone
    char *owner;   // of the runs that begin; NULL: nobody
    char *fence;   // name of a lease; NULL: none
    int64_t fence_token;
    struct sl_arena scratch; // of one call
};

SL_MUST int sl_sqlite_open(const struct sl_state_place *place, struct sl_arena *arena, void **ret,
                           const char **ret_note, struct sl_err *err);
// `damaged` stays open.
SL_MUST int sl_sqlite_begin_anew(const struct sl_state_place *place, void *damaged,
                                 struct sl_arena *arena, void **ret, const char **ret_note,
                                 struct sl_err *err);
SL_MUST int sl_sqlite_read(const struct sl_state_place *place, struct sl_arena *arena, void **ret,
                           const char **ret_note, struct sl_err *err);
SL_MUST int sl_sqlite_memory(void **ret, struct sl_err *err); // an empty one
extern const struct sl_store_kind sl_store_sqlite;
// *ret is NULL, for reading, if the server has none yet.
SL_MUST int sl_postgres_open(const struct sl_state_place *place, bool for_reading, void **ret,
                             struct sl_err *err);
extern const struct sl_store_kind sl_store_postgres;

// Statements that make a store of this version; the types are those of the kind.
struct sl_schema {
    const char *runs, *steps, *step_indexes, *rest;
};
extern const struct sl_schema sl_schema_sqlite, sl_schema_postgres;
// From version 1, which only SQLite had: what to run before `runs`, and between it and the indexes.
extern const char sl_schema_before_2[], sl_schema_move_2[];
// From version 2, of any kind.
extern const char sl_schema_from_2[], sl_schema_from_3[];
// What version 4 of PostgreSQL adds.
extern const char sl_schema_alerts[];

// A transaction that writes, with the fence looked at in it.
SL_MUST int sl_write_begin(struct sl_state *state, struct sl_err *err);
// The same for what a service does again by itself: its commit does not wait for the disk. A power
// cut may take it as long as no other commit came after it; the death of a process does not.
SL_MUST int sl_write_begin_relaxed(struct sl_state *state, struct sl_err *err);
// The same for what is nobody's but a worker's or a candidate's.
SL_MUST int sl_write_begin_free(struct sl_state *state, struct sl_err *err);
// Commits, if `code` is SL_OK, and wakes who listens; else rolls back. Gives the code.
SL_MUST int sl_write_end(struct sl_state *state, int code, int wakes, struct sl_err *err);
// Runs a statement; `parameters` is an array, and more members of struct sl_statement may follow.
#define SL_RUN(state, text, parameters)                                                            \
    (state)->kind->run((state)->self,                                                              \
                       &(struct sl_statement){.sql = (text),                                       \
                                              .params = (parameters),                              \
                                              .count = sizeof(parameters) / sizeof *(parameters)}, \
                       err)
#define SL_RUN_WITH(state, text, parameters, ...)                                                 \
    (state)->kind->run((state)->self,                                                             \
                       &(struct sl_statement){.sql = (text),                                      \
                                              .params = (parameters),                             \
                                              .count = sizeof(parameters) / sizeof *(parameters), \
                                              __VA_ARGS__},                                       \
                       err)
// All of a statement in a transaction of its own.
SL_MUST int sl_write_one(struct sl_state *state, const struct sl_statement *statement, int wakes,
                         struct sl_err *err);

// Inside a transaction.
struct sl_audit_entry;
SL_MUST int sl_audit_put(struct sl_state *state, const struct sl_audit_entry *entry,
                         struct sl_err *err);

#endif
