// The command line: one table of commands; one file per command. What a command prints goes to stdout, what happened to stderr.
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H

#include "base/opt.h"
#include "run/run.h"

#include <stdio.h>

// What one call of the program has learned, for whoever reports its failure in the end.
struct sl_cli {
    struct sl_arena *arena;  // lives as long as the call
    const char *job_id;      // the project's name; NULL until one was opened
    const char *folder;      // of the project; errors show the lines of its files
    const char *sql;         // SQL of the command line: places without a file point into it
    bool wants_json;
    bool is_reported;        // the failure was printed where it happened, with all of its parts
};

// Options that every command has; the first member of every command's options.
struct sl_common {
    struct sl_cli *cli;      // set before the command runs
    const char *folder;      // --project
    const char *environment; // --env
    bool json;               // --json: one JSON document on stdout
    int log_format;          // enum sl_log_format
    bool is_quiet;
    bool is_verbose;
    bool help;
};
// clang-format off
#define SL_COMMON_ROWS \
    {"project", SL_OPT_STRING, offsetof(struct sl_common, folder), NULL, \
     "Folder of the project, or one below it; else the working folder.", 0, .letter = 'C', .placeholder = "DIR"}, \
    {"env", SL_OPT_STRING, offsetof(struct sl_common, environment), NULL, \
     "Environment of sluice.yml to use; else SLUICE_ENV.", 0, .letter = 'e', .placeholder = "NAME"}, \
    {"json", SL_OPT_BOOL, offsetof(struct sl_common, json), "false", \
     "Print one JSON document instead of text, also on failure.", 0}, \
    {"log_format", SL_OPT_ENUM, offsetof(struct sl_common, log_format), "text", \
     "Form of what is told on stderr.", 0, .values = sl_log_format_names, .placeholder = "FORM"}, \
    {"quiet", SL_OPT_BOOL, offsetof(struct sl_common, is_quiet), "false", \
     "Print results and errors only.", 0, .letter = 'q'}, \
    {"verbose", SL_OPT_BOOL, offsetof(struct sl_common, is_verbose), "false", \
     "Print more of what is going on.", 0, .letter = 'v'}, \
    {"help", SL_OPT_BOOL, offsetof(struct sl_common, help), "false", \
     "Print this help.", 0, .letter = 'h'}
// clang-format on
extern const char *const sl_log_format_names[]; // "text", "json"
extern const struct sl_opt sl_common_rows[];    // just these
// How many of a command's rows come before the common ones.
size_t sl_own_row_count(const struct sl_opt *rows);

struct sl_command {
    const char *name;    // "run", "quarantine ls"
    const char *summary; // one sentence
    const char *details; // more for the reference page, or NULL
    const struct sl_opt *rows;
    size_t options_bytes; // of the struct that rows fill
    const char *const *examples; // "sluice run --select tag:finance+", ended by NULL; may be NULL
    // Does it. *ret_exit is 0 unless set. `options` points to a struct that begins with struct sl_common.
    int (*run)(const void *options, int *ret_exit, struct sl_err *err);
};
extern const struct sl_command *const sl_commands[]; // ends with NULL

// argv of main() -> exit code; everything is printed.
int sl_cli_main(int argc, char **argv);
// The exit code for a failure of a whole command.
int sl_cli_exit_code(const struct sl_err *err);

// --- Printing (print.c) ---
enum sl_color { SL_COLOR_NONE, SL_COLOR_BOLD, SL_COLOR_DIM, SL_COLOR_RED, SL_COLOR_GREEN, SL_COLOR_YELLOW, SL_COLOR_CYAN };
// The escape sequence, or "" when `file` is no terminal, NO_COLOR is set or TERM is dumb.
const char *sl_color(FILE *file, enum sl_color color);
bool sl_is_terminal(FILE *file);
// "error[SL0401]: message\n  --> models/a.sql:3:7\n   |\n 3 | select x,\n   |        ^\n  hint: ...". `folder` is the project's, for the source line.
void sl_print_error(FILE *file, const char *folder, enum sl_severity severity, const struct sl_err *err);
// All diagnostics, sorted; then one line that counts them.
void sl_print_diags(FILE *file, const char *folder, struct sl_diags *diags, bool with_warnings);
// {"schema": ..., "errors": [...], "warnings": [...]}
SL_MUST int sl_diags_print_json(const struct sl_diags *diags, const char *schema, json_t **ret, struct sl_err *err);
// Prints a document and a newline to stdout; SL_E_IO if stdout is gone.
SL_MUST int sl_print_json(const json_t *json, struct sl_err *err);

// A table of text cells with aligned columns; numbers (by flag) to the right. Cells are cut at 60 characters on a terminal.
struct sl_grid {
    struct sl_arena *arena;
    const char **cells;
    size_t cell_count;
    size_t columns;
    unsigned right; // bit per column
};
void sl_grid_init(struct sl_grid *grid, struct sl_arena *arena, size_t columns, unsigned right);
// Adds one row of `columns` texts (NULL prints as nothing). The first row is the head. SL_E_MEMORY only.
SL_MUST int sl_grid_row(struct sl_grid *grid, const char *const *cells, struct sl_err *err);
void sl_grid_print(const struct sl_grid *grid, FILE *file);

// --- Shared by commands (common.c) ---
// Opens the world as the common options say; prints diagnostics and fails with SL_E_PROJECT_INVALID if the project has errors.
SL_MUST int sl_open_world(const struct sl_common *common, struct sl_world *ret, struct sl_err *err);
// Opens, recalls, gathers facts, selects and decides: what plan and run both begin with.
struct sl_selection_options {
    struct sl_strs select, exclude;
    bool full_refresh;
    bool sizes;
};
SL_MUST int sl_prepare_plan(const struct sl_common *common, const struct sl_selection_options *selection, struct sl_world *ret,
                            struct sl_err *err);
// Prints the plan of the selected steps (plan.c).
SL_MUST int sl_plan_show(const struct sl_common *common, const struct sl_world *world, bool all_causes, struct sl_err *err);

#endif
