// Options: one row describes a key of a project file or a flag of a command. The YAML reader, the
// command line parser, --help, JSON Schema, the reference pages, the man page and shell completion
// all come from these rows.
#ifndef SL_BASE_OPT_H
#define SL_BASE_OPT_H

#include "base/buf.h"
#include "base/str.h"
#include "base/yaml.h"

#include <stdint.h>

enum sl_opt_type {
    SL_OPT_STRING,   // const char *
    SL_OPT_INT,      // int64_t
    SL_OPT_DOUBLE,   // double
    SL_OPT_BOOL,     // bool
    SL_OPT_DURATION, // int64_t seconds; "90d"
    SL_OPT_BYTES,    // int64_t bytes; "4GB"
    SL_OPT_ENUM,     // int: index into `values`
    SL_OPT_STRINGS,  // struct sl_strs; a single scalar counts as a list of one
    SL_OPT_OBJECT,   // a struct in place, described by `rows`
    SL_OPT_LIST, // struct sl_opt_list of structs of `item_bytes`, described by `rows`; a map keyed
                 // by name if flag BY_NAME
    SL_OPT_NODE, // struct sl_yaml *, kept unread; whoever uses it checks it. `rows`, if there are
                 // any, describe it where it is a map
};

enum sl_opt_flag {
    SL_OPT_REQUIRED = 1,
    SL_OPT_BY_NAME = 2, // LIST given as a map: the key goes to the row named "name"
    SL_OPT_SECRET = 4,  // never printed; the value is given to sl_log_hide
    SL_OPT_POSITIONAL =
        8,                // command line: an argument, not a flag (STRINGS takes all that are left)
    SL_OPT_HIDDEN = 16,   // not in --help
    SL_OPT_OPEN = 32,     // OBJECT: unknown keys are allowed and ignored here
    SL_OPT_PLAIN = 64,    // a name: printed and stored as it is, so ${...} is refused
    SL_OPT_ADDRESS = 256, // what ${...} gives is secret only where it has an @
    SL_OPT_WORDS = 128,   // command line, STRINGS: takes all words up to the next option
};

struct sl_opt {
    const char *name; // "batch_rows"; on the command line "--batch-rows"
    enum sl_opt_type type;
    size_t offset;
    const char *otherwise; // default as text, or NULL
    const char *summary;   // one sentence, for help and docs
    unsigned flags;
    const char *const *values; // ENUM: names, ended by NULL
    const struct sl_opt *rows; // OBJECT, LIST, NODE
    size_t item_bytes;         // LIST
    char letter;               // command line: -s
    const char *placeholder;   // command line: "TABLE"; documentation of the value
    const char *example;       // a good value, for docs
};                             // a table ends with a row whose name is NULL

struct sl_opt_list {
    void *items;
    size_t count;
};

// Optional rows with special meaning in any table, filled by the reader when present:
//   {"@place", SL_OPT_NODE}: the struct sl_yaml * this struct was read from (for places of single
//   keys).

// Replaces ${env:NAME}, ${file:PATH}, ${exec:CMD} in scalars; NULL leaves them alone. What it gives
// is hidden from logs.
struct sl_opt_resolver {
    int (*resolve)(void *self, const char *text, struct sl_arena *arena, const char **ret,
                   struct sl_err *err);
    // The same of what is no secret: it is not hidden.
    int (*resolve_shown)(void *self, const char *text, struct sl_arena *arena, const char **ret,
                         struct sl_err *err);
    void *self;
};

// Reads a map into *into (zeroed by the caller) following `rows`: defaults, types, unknown keys
// with "did you mean", missing required keys, each as a diagnostic with its place. Fails only when
// memory is out.
SL_MUST int sl_opt_read(const struct sl_opt *rows, const struct sl_yaml *map, const char *what,
                        void *into, const struct sl_opt_resolver *resolver, struct sl_arena *arena,
                        struct sl_diags *diags, struct sl_err *err);
// Sets every default into *into, without input.
SL_MUST int sl_opt_defaults(const struct sl_opt *rows, void *into, struct sl_arena *arena,
                            struct sl_err *err);
// Parses a command's arguments (without the program's and the command's names). Flags may stand
// anywhere, "--" ends them,
// --name=value and --name value, -abc for letters, --no-name for booleans. A flag of WORDS takes
// all words up to the next dashed one, unless one is attached to it (--name=a, -na). SL_E_USAGE
// with a hint.
SL_MUST int sl_opt_parse(const struct sl_opt *rows, int argc, char **argv, void *into,
                         struct sl_arena *arena, struct sl_err *err);
// Looks like an option: "-v", "--env", "--", but not "-" and "".
bool sl_opt_is_dashed(const char *word);
// JSON Schema (draft 2020-12) of an object following `rows`.
void sl_opt_schema(const struct sl_opt *rows, struct sl_buf *json);
// Two-column help, and Markdown and man rows.
void sl_opt_help(const struct sl_opt *rows, struct sl_buf *text);
void sl_opt_markdown(const struct sl_opt *rows, int depth, struct sl_buf *text);
void sl_opt_man(const struct sl_opt *rows, struct sl_buf *text);

#endif
