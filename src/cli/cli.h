// The command line: one table of commands; one file per command. What a command prints goes to
// stdout, what happened to stderr.
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H

#include "base/log.h"
#include "base/opt.h"
#include "run/damaged.h"
#include "run/run.h"

#include <stdio.h>

// What one call of the program has learned, for whoever reports its failure in the end.
struct sl_cli {
    struct sl_arena *arena; // lives as long as the call
    const char *job_id;     // the project's name; NULL until one was opened
    struct sl_lakes lakes;  // of the project
    const char *folder;     // of the project; errors show the lines of its files
    const char *sql;        // SQL of the command line: places without a file point into it
    const char *sql_name;   // what it is called where it is no SQL; NULL: "the SQL given"
    bool wants_json;
    bool is_unalerted; // which was said
    bool is_reported;  // the failure was printed where it happened, with all of its parts
};

// Options that every command has; the first member of every command's options.
struct sl_common {
    struct sl_cli *cli;      // set before the command runs
    const char *folder;      // --project
    const char *environment; // --env
    struct sl_strs settings; // --set
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
    {"set", SL_OPT_STRINGS, offsetof(struct sl_common, settings), NULL, \
     "A setting of sluice.yml for this once: engine.threads=4. May be repeated.", 0, .placeholder = "KEY=VALUE"}, \
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
    size_t options_bytes;        // of the struct that rows fill
    const char *const *examples; // "sluice run --select tag:finance+", ended by NULL; may be NULL
    bool is_hidden;              // not in help and docs
    // Does it. *ret_exit is 0 unless set. `options` points to a struct that begins with struct
    // sl_common.
    int (*run)(const void *options, int *ret_exit, struct sl_err *err);
};
extern const struct sl_command *const sl_commands[]; // ends with NULL

// argv of main() -> exit code; everything is printed.
int sl_cli_main(int argc, char **argv);
// The exit code for a failure of a whole command.
int sl_cli_exit_code(const struct sl_err *err);

// --- Help (help.c) ---
void sl_help_overview(FILE *file);
void sl_help_command(const struct sl_command *command, FILE *file);
// "sluice quarantine" alone: the commands that begin with this word. False if there are none.
bool sl_help_family(const char *word, FILE *file);
// "run [OPTION...]": how a command is called.
void sl_help_usage(const struct sl_command *command, struct sl_buf *text);
// Two-column help of the first `count` rows.
void sl_help_options(const struct sl_opt *options, size_t count, struct sl_buf *text);
// The command whose name is the longest beginning of the words; *ret_words says how many it takes.
// NULL if there is none.
const struct sl_command *sl_find_command(size_t count, const char *const *words, size_t *ret_words);
// SL_E_USAGE with "did you mean".
int sl_fail_command(const char *name, struct sl_err *err);
// The row of the option that an argument such as "--env=prod" or "-e" names, or NULL.
const struct sl_opt *sl_find_option(const struct sl_opt *rows, const char *argument);
// "--full-refresh" out of "full_refresh".
void sl_add_flag(struct sl_buf *text, const char *row_name);

// --- What went wrong (report.c) ---
// On stderr: as text with the line it points to, or as one line of the JSON log. `project` may be
// NULL.
void sl_print_error(const struct sl_cli *cli, enum sl_severity severity, const struct sl_err *err);
// All diagnostics, sorted.
void sl_print_diags(const struct sl_cli *cli, struct sl_diags *diags, bool with_warnings);
// Adds "errors" and "warnings" to an object.
SL_MUST int sl_diags_json(const struct sl_diags *diags, json_t *root, struct sl_err *err);
// The failure of the whole command, with `diags` (may be NULL) behind it, as --json and
// --log-format ask.
void sl_report(struct sl_cli *cli, const struct sl_err *err, struct sl_diags *diags);
// A warning or a remark on stderr, in one line: not for failures.
void sl_tell(const struct sl_common *common, enum sl_log_level level, const char *format, ...)
    SL_PRINTF(3, 4);

// --- Printing (print.c) ---
enum sl_color {
    SL_COLOR_NONE,
    SL_COLOR_BOLD,
    SL_COLOR_DIM,
    SL_COLOR_RED,
    SL_COLOR_GREEN,
    SL_COLOR_YELLOW,
    SL_COLOR_CYAN
};
// The escape sequence, or "" when `file` is no terminal, NO_COLOR is set or TERM is dumb.
const char *sl_color(FILE *file, enum sl_color color);
bool sl_is_terminal(FILE *file);
int sl_terminal_width(FILE *file); // 80 if it does not say
// How many columns of a terminal the text takes, counted in code points.
size_t sl_text_width(const char *text);
// Adds at most `width` code points of the text, on one line and without control characters, which
// could steer the terminal.
void sl_add_plain(struct sl_buf *buf, const char *text, size_t width);
// The same, and of a longer text the beginning and "…".
void sl_add_short(struct sl_buf *buf, const char *text, size_t width);
void sl_put_plain(FILE *file, const char *text);
// Prints a document and a newline to stdout, secrets masked.
SL_MUST int sl_print_json(const json_t *json, struct sl_err *err);
void sl_print_masked(const char *text, FILE *file);
// "2026-01-31T12:00:00Z"; buffers of 32 bytes are enough.
const char *sl_time_text(int64_t time_us, char buffer[32]);
// "1 file", "2 files", "1,000 files"; buffers of 64 bytes are enough.
const char *sl_count_of(int64_t count, const char *thing, char buffer[64]);

// A table of text cells with aligned columns; numbers (by flag) to the right. On a terminal, wide
// columns are cut until rows fit.
struct sl_grid {
    struct sl_arena *arena;
    const char **cells;
    size_t cell_count;
    size_t columns;
    uint64_t right; // bit per column; from the 65th on they are left
};
void sl_grid_init(struct sl_grid *grid, struct sl_arena *arena, size_t columns, uint64_t right);
// Adds one row of `columns` texts (NULL prints as nothing). The first row is the head. SL_E_MEMORY
// only.
SL_MUST int sl_grid_row(struct sl_grid *grid, const char *const *cells, struct sl_err *err);
bool sl_grid_is_empty(const struct sl_grid *grid); // but for the head
SL_MUST int sl_grid_print(const struct sl_grid *grid, FILE *file, struct sl_err *err);
// The same as text, with the width of the terminal; 0: as wide as it is.
SL_MUST int sl_grid_text(const struct sl_grid *grid, size_t width, struct sl_buf *text,
                         struct sl_err *err);

// --- Shared by commands (common.c) ---
// Opens the world as the common options say; reports the diagnostics and fails with
// SL_E_PROJECT_INVALID if the project has errors.
SL_MUST int sl_open_world(const struct sl_common *common, struct sl_world *ret, struct sl_err *err);
// The same for a command that ends in sl_run.
SL_MUST int sl_open_world_to_run(const struct sl_common *common, struct sl_world *ret,
                                 struct sl_err *err);
// Keeps the project's name and folder for reports.
void sl_keep_project(struct sl_cli *cli, const struct sl_project *project);
// For commands that work on a project with mistakes too: keeps its name and folder for reports, and
// warns of the mistakes.
void sl_note_project(const struct sl_common *common, const struct sl_project *project);
// SL_E_USAGE if it is negative.
SL_MUST int sl_require_limit(int64_t limit, struct sl_err *err);
// SL_E_PROJECT_INVALID, told with all its places, if there are errors in what
// sl_world_find_unbound has found.
SL_MUST int sl_refuse_unbound(const struct sl_common *common, struct sl_diags *diags,
                              struct sl_err *err);
// The same for selected views, before anything runs: what runs tells by itself what does not fit.
SL_MUST int sl_refuse_unseen(const struct sl_common *common, struct sl_world *world,
                             struct sl_err *err);
// Opens, recalls, gathers facts, selects and decides: what plan and run both begin with.
// Before anything runs, or is planned: SL_E_PERSONAL, told with all its places, if classified
// values would be passed on without protection.
SL_MUST int sl_refuse_leaks(const struct sl_common *common, struct sl_world *world,
                            struct sl_err *err);
// The same for versions of outputs whose columns readers count on: SL_E_VERSION_BROKEN. `may_break`
// names those that may; may be NULL.
SL_MUST int sl_refuse_broken(const struct sl_common *common, struct sl_world *world,
                             const struct sl_strs *may_break, struct sl_err *err);
// The pipeline of that name; SL_E_PIPELINE_MISSING with "did you mean" (pipelines.c).
struct sl_pipeline; // spec/pipeline.h
SL_MUST int sl_find_pipeline(const struct sl_project *project, const char *name,
                             struct sl_arena *arena, const struct sl_pipeline **ret,
                             struct sl_err *err);
struct sl_notes; // run/versions.h
// SL_E_LAKE_OTHER, SL_E_LAKE_UNREADABLE: as run/known_lake.h has it, for a command that runs
// nothing itself (which_lake.c).
SL_MUST int sl_refuse_other_lake(const struct sl_project *project, struct sl_err *err);
// Warns of it, for a command that only reads. A state store on a server is asked where the lake has
// no number.
void sl_warn_of_other_lake(const struct sl_common *common, const struct sl_project *project);
void sl_tell_notes(const struct sl_common *common, const struct sl_notes *notes);
#define SL_ALLOW_BREAKING_ROW(type)                                                               \
    {                                                                                             \
        "allow_breaking", SL_OPT_STRINGS, offsetof(type, may_break), NULL,                        \
            "Published versions that may lose columns, change types or hold nulls all the same.", \
            SL_OPT_WORDS, .placeholder = "TABLE"                                                  \
    }
struct sl_selection_options {
    struct sl_strs select, exclude;
    bool full_refresh;
    bool sizes;
    bool will_run; // see sl_open_world_to_run
};
SL_MUST int sl_prepare_plan(const struct sl_common *common,
                            const struct sl_selection_options *selection, struct sl_world *ret,
                            struct sl_err *err);
// Prints the plan of the selected steps (plan.c).
struct sl_plan_view {
    bool all_causes;
    bool full_refresh; // as the plan was decided
    const struct sl_strs *may_break;
    const struct sl_diags *unbound; // told in JSON; may be NULL
};
SL_MUST int sl_plan_show(const struct sl_common *common, struct sl_world *world,
                         const struct sl_plan_view *view, struct sl_err *err);
// Warns of paths of sources that match no file although others of theirs do.
void sl_plan_tell_unmatched(const struct sl_common *common, const struct sl_world *world);
// The same, and of files that are gone from their sources: their rows stay.
void sl_plan_tell_vanished(const struct sl_common *common, const struct sl_world *world,
                           bool only_fresh);
// After a plan was shown: as sl_refuse_unbound, then SL_E_TABLE_FILE if sl_world_find_missing has
// found any that a step will read: of the first file, with warnings of others. Where the plan
// itself, as JSON, tells them, the exit code alone says so.
SL_MUST int sl_plan_refuse(const struct sl_common *common, const struct sl_world *world,
                           struct sl_diags *unbound, int *ret_exit, struct sl_err *err);

#endif
