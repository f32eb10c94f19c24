// Contracts out of other forms of schema, and into them. Pure: texts and trees in, texts and trees
// out; reading files, and asking an engine what a table looks like, is done by whoever calls.
//
// The form in the middle is a contract of ODCS v3.1 as a tree of YAML nodes, built in an arena.
// Values keep the text they were written with, so that no number is rounded on the way. What a form
// has no word for becomes a warning (SL_E_CONTRACT_LOSS) at its place: nothing is dropped silently.
#ifndef SL_CONTRACT_EXCHANGE_EXCHANGE_H
#define SL_CONTRACT_EXCHANGE_EXCHANGE_H

#include "api/engine.h"
#include "base/yaml.h"
#include "spec/contract.h"

// What one conversion has at hand. Building a tree never fails at once: the first allocation that
// fails sets has_failed, and sl_exchange_import or _export reports it in the end.
struct sl_exchange {
    struct sl_arena *arena;
    struct sl_diags *diags; // errors: nothing comes of it; warnings: what is lost
    const char *name;       // of the contract, asked for by the caller; NULL: the input's own
    const char *otherwise;  // its name where the input has none: from the file's name
    const char *dialect;    // SQL: "duckdb", "postgres", "spark"
    bool has_failed;
    size_t part_count; // that were reached over references
};

// A table as a database or a file describes it.
struct sl_exchange_column {
    const char *name;
    const char *type;        // the engine's name: "DECIMAL(12,2)", "STRUCT(a INTEGER)[]"
    const char *physical;    // the type as it was written: "varchar(20)"; NULL: not known
    const char *description; // NULL: none
    const char *otherwise;   // default, as SQL; NULL: none
    bool is_required;
    struct sl_place place;
};
enum sl_exchange_constraint_kind {
    SL_EXCHANGE_PRIMARY_KEY,
    SL_EXCHANGE_UNIQUE,
    SL_EXCHANGE_FOREIGN_KEY,
    SL_EXCHANGE_CHECK,
};
struct sl_exchange_constraint {
    enum sl_exchange_constraint_kind kind;
    const char *name; // the user's own; NULL: none
    struct sl_strs columns;
    const char *expression; // CHECK, as SQL
    const char *tree;       // CHECK: the engine's syntax tree of "select <expression>"
    const char *other;      // FOREIGN KEY: table
    struct sl_strs others;  // FOREIGN KEY: its columns
    struct sl_place place;
};
// Between the names of a path, and in the place of an item's: no name has these characters.
#define SL_EXCHANGE_MEMBER "\x1f"
#define SL_EXCHANGE_ITEM "\x1e"
struct sl_exchange_table {
    const char *name, *description;
    struct sl_strs required; // paths of columns, members and items that are never null
    struct sl_exchange_column *columns;
    size_t column_count;
    struct sl_exchange_constraint *constraints;
    size_t constraint_count;
    struct sl_place place;
};

struct sl_exchange_format {
    const char *name; // "jsonschema"
    const char *summary;
    bool is_asked; // what it describes is asked of the engine or of a table's log: tables, not text
    // A tree of the input -> a contract; NULL: not imported as text.
    void (*import)(struct sl_exchange *exchange, const struct sl_yaml *input, struct sl_yaml **ret);
    // A contract of ODCS v3.1 -> text; NULL: not exported.
    void (*export)(struct sl_exchange *exchange, const struct sl_yaml *contract,
                   struct sl_buf *text);
};
extern const struct sl_exchange_format sl_exchange_formats[]; // ends with a NULL name
const struct sl_exchange_format *sl_exchange_format(const char *name);
// The format that a file's name, or else its content, stands for; NULL: it cannot be told. `input`
// may be NULL.
const struct sl_exchange_format *sl_exchange_guess(const char *file, const struct sl_yaml *input);

// *ret is NULL if diags got an error. Fails only when memory is out.
SL_MUST int sl_exchange_import(struct sl_exchange *exchange,
                               const struct sl_exchange_format *format, const struct sl_yaml *input,
                               struct sl_yaml **ret, struct sl_err *err);
SL_MUST int sl_exchange_import_tables(struct sl_exchange *exchange,
                                      const struct sl_exchange_table *tables, size_t count,
                                      struct sl_yaml **ret, struct sl_err *err);
// The schema of a Delta table ("Schema Serialization Format") with what its configuration says.
struct sl_exchange_delta {
    const char *name;
    const struct sl_yaml *schema, *configuration;
    struct sl_strs partition_columns;
};
SL_MUST int sl_exchange_import_delta(struct sl_exchange *exchange,
                                     const struct sl_exchange_delta *table, struct sl_yaml **ret,
                                     struct sl_err *err);
// Writes the references of an imported contract as the standard allows them, where it can.
void sl_exchange_conform(struct sl_exchange *exchange, const struct sl_yaml *contract);
// Gives the table of a contract that has only one another name, where it refers to itself too.
void sl_exchange_rename(struct sl_exchange *exchange, const struct sl_yaml *contract,
                        const char *name);
// The type that Sluice makes of a property.
struct sl_type sl_exchange_type_of(const struct sl_yaml *property);
// `contract`: any version that is read. The text holds nothing if diags got an error.
SL_MUST int sl_exchange_export(struct sl_exchange *exchange,
                               const struct sl_exchange_format *format,
                               const struct sl_yaml *contract, struct sl_buf *text,
                               struct sl_err *err);

#endif
