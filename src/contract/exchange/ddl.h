// The statements of an SQL file, found without understanding them: what an engine says of one it
// refuses gets its line, and types keep the words that the engine forgets (varchar(20)).
#ifndef SL_CONTRACT_EXCHANGE_DDL_H
#define SL_CONTRACT_EXCHANGE_DDL_H

#include "base/arena.h"
#include "base/str.h"

struct sl_ddl_statement {
    const char *sql;     // without the ';'
    const char *keyword; // its first word, in lower case: "create"
    int line;            // of its first word, 1-based
    bool is_keyless;     // the engine was given it without its foreign keys
};
SL_MUST int sl_ddl_split(const char *text, struct sl_arena *arena, struct sl_ddl_statement **ret,
                         size_t *ret_count, struct sl_err *err);

// The same statement without words of PostgreSQL that say nothing of a table's form and that the
// engine does not know: what becomes of orphans, identity columns, casts to regclass. NULL: no
// memory. Level 1: also without references, where foreign keys of the table are CHECK (true); level
// 2: also without defaults and what is in checks, which are CHECK (true), too.
const char *sl_ddl_plain(const char *sql, int level, struct sl_arena *arena);
// The schema of the table or type that it creates; NULL: none.
const char *sl_ddl_schema(const struct sl_ddl_statement *statement, struct sl_arena *arena);
// Names are without schemas.
struct sl_ddl_foreign_key {
    const char *table, *other;
    struct sl_strs columns;
    struct sl_strs others; // none: the other table's key
    int line;
};
// ALTER TABLE ... ADD [CONSTRAINT name] FOREIGN KEY (a, b) REFERENCES other (c, d). `table` is NULL
// if it is anything else.
SL_MUST int sl_ddl_foreign_key(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                               struct sl_ddl_foreign_key *ret, struct sl_err *err);
// The foreign keys that a CREATE TABLE has, of columns and of the table; none of anything else.
SL_MUST int sl_ddl_foreign_keys(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                                struct sl_ddl_foreign_key **ret, size_t *ret_count,
                                struct sl_err *err);
// Where a comment or quoted text or name that begins at `at` ends; `at` itself if none begins
// there.
size_t sl_ddl_skip_special(const char *text, size_t at);

struct sl_ddl_column {
    const char *name; // without quotes
    const char *type; // as written, up to the first constraint: "varchar(20)"
    int line;
};
// The columns between the brackets of a CREATE TABLE; none where there are none. *ret_name: the
// table's name without schema and quotes; NULL: it is no CREATE TABLE.
SL_MUST int sl_ddl_columns(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                           const char **ret_name, struct sl_ddl_column **ret, size_t *ret_count,
                           struct sl_err *err);

#endif
