// sluice complete: asked by the completion scripts. Prints a candidate a line, with a tab before
// what it is; ":files" and ":folders" leave it to the shell. What cannot be found out (no project
// here) is not there: no error would be read by anyone.
#include "cli/complete.h"

#include "spec/project.h"

#include <string.h>

#define MOST_RUNS 20

struct complete_options {
    struct sl_common common;
    struct sl_strs words;
};

// clang-format off
static const struct sl_opt rows[] = {
    {"words", SL_OPT_STRINGS, offsetof(struct complete_options, words), NULL,
     "The words so far, the last one unfinished.", SL_OPT_POSITIONAL, .placeholder = "WORD"},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

// --- What stands there ---

static bool takes_next(const struct sl_opt *row, const char *word)
{
    bool has_value = strchr(word, '=') || (word[1] != '-' && word[2]);
    return row && row->type != SL_OPT_BOOL && !has_value;
}

// The next option ends a list of words.
static bool ends(const struct sl_opt *open, const char *word)
{
    return open && open->flags & SL_OPT_WORDS && word[0] == '-';
}

static void note(struct sl_complete *complete, const struct sl_opt *row, const char *value)
{
    if (sl_str_equal(row->name, "project"))
        complete->folder = value;
    if (sl_str_equal(row->name, "env"))
        complete->environment = value;
}

// The n-th positional row; a list takes all that are left.
static const struct sl_opt *positional(const struct sl_command *command, size_t number)
{
    for (const struct sl_opt *row = command->rows; row->name; row++)
        if (row->flags & SL_OPT_POSITIONAL && (number-- == 0 || row->type == SL_OPT_STRINGS))
            return row;
    return NULL;
}

static void take_name(struct sl_complete *complete, const char *word, size_t *positionals)
{
    const char *names[] = {complete->family ? complete->family : word, word};
    size_t used;
    complete->command = sl_find_command(complete->family ? 2 : 1, names, &used);
    complete->family = complete->command ? NULL : word;
    *positionals = 0;
}

void sl_complete_read(const struct sl_strs *words, struct sl_complete *ret)
{
    struct sl_complete complete = {0};
    const struct sl_opt *open = NULL; // an option that waits for its value
    size_t positionals = 0;
    const char *last = words->count ? words->items[words->count - 1] : "";
    for (size_t i = 0; i + 1 < words->count; i++) {
        const char *word = words->items[i];
        const struct sl_opt *known = complete.command ? complete.command->rows : sl_common_rows;
        const struct sl_opt *row = word[0] == '-' && word[1] ? sl_find_option(known, word) : NULL;
        if (ends(open, word))
            open = NULL;
        if (open) {
            note(&complete, open, word);
            open = open->flags & SL_OPT_WORDS ? open : NULL;
        } else if (takes_next(row, word)) {
            open = row;
        } else if (row && strchr(word, '=')) {
            note(&complete, row, strchr(word, '=') + 1);
        } else if (word[0] != '-' && !complete.command) {
            take_name(&complete, word, &positionals);
        } else if (word[0] != '-') {
            positionals++;
        }
    }
    open = ends(open, last) ? NULL : open;
    complete.row = open;
    const char *equals = strchr(last, '=');
    if (!open && last[0] == '-' && equals) {
        complete.row =
            sl_find_option(complete.command ? complete.command->rows : sl_common_rows, last);
        complete.prefix = (size_t)(equals - last) + 1;
    } else if (!open && complete.command && last[0] != '-') {
        complete.row = positional(complete.command, positionals);
    }
    *ret = complete;
}

// --- What may follow ---

struct answer {
    const struct sl_complete *complete;
    const char *word; // the last one
    size_t prefix;    // of it that stays as it is
    struct sl_project *project;
    struct sl_arena arena;
};

static void add(const struct answer *answer, const char *value, const char *what)
{
    const char *begun = answer->word + answer->prefix;
    if (strncmp(value, begun, strlen(begun)) == 0)
        printf("%.*s%s\t%s\n", (int)answer->prefix, answer->word, value, what ? what : "");
}

static void add_option(const struct answer *answer, const struct sl_opt *row)
{
    SL_AUTO(sl_buf_clear) struct sl_buf flag = SL_BUF_INIT;
    if (row->flags & (SL_OPT_POSITIONAL | SL_OPT_HIDDEN))
        return;
    sl_add_flag(&flag, row->name);
    add(answer, flag.text, row->summary);
}

// The first words of the commands, or the second ones of a family.
static void add_commands(struct answer *answer)
{
    const char *family = answer->complete->family, *previous = "";
    char word[64];
    for (size_t i = 0; sl_commands[i]; i++) {
        const char *name = sl_commands[i]->name, *blank = strchr(name, ' ');
        size_t length = blank ? (size_t)(blank - name) : strlen(name);
        snprintf(word, sizeof word, "%.*s", (int)length, name);
        if (sl_commands[i]->is_hidden)
            continue;
        if (family && blank && sl_str_equal(word, family))
            add(answer, blank + 1, sl_commands[i]->summary);
        if (!family && !sl_str_equal(word, previous))
            add(answer, word, sl_commands[i]->summary);
        previous = blank ? sl_arena_strndup(&answer->arena, name, length) : name;
        previous = previous ? previous : "";
    }
}

static void add_table(const struct answer *answer, const char *layer, const char *name,
                      const char *tail)
{
    char table[160];
    snprintf(table, sizeof table, "%s%s%s", layer, name, tail);
    add(answer, table, "");
}

// With "layer." for tables; without for selectors, which know steps by their bare name.
static void add_tables(const struct answer *answer, bool with_layer, const char *tail)
{
    const struct sl_project *project = answer->project;
    for (size_t i = 0; project && i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        add_table(answer, with_layer ? "raw." : "", source->name, tail);
        if (!with_layer || !sl_project_contract_for(project, source))
            continue;
        add_table(answer, "clean.", source->name, tail);
        add_table(answer, "quarantine.", source->name, tail);
    }
    for (size_t i = 0; project && i < project->model_count; i++)
        add_table(answer, with_layer ? "curated." : "", project->models[i].name, tail);
}

// "clean.orders." is followed by the table's columns: those it has, or those its contract says.
// Without the engine: where the log has a checkpoint, only the contract is asked.
static void add_columns(struct answer *answer)
{
    const struct sl_project *project = answer->project;
    const char *dot = strrchr(answer->word, '.'), *name;
    struct sl_delta_snapshot table = {.version = -1};
    struct sl_err ignored = {0};
    enum sl_layer layer;
    const char *prefix =
        sl_arena_strndup(&answer->arena, answer->word, dot ? (size_t)(dot - answer->word) : 0);
    if (!project || !prefix || !sl_table_parse(prefix, &layer, &name))
        return;
    bool is_borrowed;
    const char *folder = sl_table_source(project, layer, name, &answer->arena, &is_borrowed);
    const struct sl_source *source = sl_project_source(project, name);
    const struct sl_contract_table *contract =
        source && layer == SL_LAYER_CLEAN ? sl_project_contract_for(project, source) : NULL;
    bool needs_session = true;
    answer->prefix = (size_t)(dot - answer->word) + 1;
    if (folder && sl_delta_needs_session(folder, &needs_session, &ignored) == SL_OK &&
        !needs_session)
        (void)!sl_delta_load(folder, -1, NULL, &answer->arena, &table, &ignored);
    for (size_t i = 0; i < table.column_count; i++)
        add(answer, table.columns[i].name, table.columns[i].type);
    for (size_t i = 0; contract && !table.column_count && i < contract->column_count; i++)
        add(answer, contract->columns[i].name, "");
}

static void add_tags(const struct answer *answer, const struct sl_strs *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        add_table(answer, "tag:", tags->items[i], "");
}

// A selector is built of parts: what comes before the last part stays.
static void add_selectors(struct answer *answer)
{
    static const char *const methods[] = {"tag:",
                                          "path:",
                                          "source:",
                                          "state:modified",
                                          "state:new",
                                          "result:error",
                                          "config.tags:",
                                          "config.materialized:",
                                          "config.partition_by:",
                                          NULL};
    const struct sl_project *project = answer->project;
    for (size_t i = answer->prefix; answer->word[i]; i++)
        if (strchr(",+@", answer->word[i]))
            answer->prefix = i + 1;
    add_tables(answer, false, "");
    for (size_t i = 0; methods[i]; i++)
        add(answer, methods[i], "");
    for (size_t i = 0; project && i < project->source_count; i++)
        add_tags(answer, &project->sources[i].tags);
    for (size_t i = 0; project && i < project->model_count; i++)
        add_tags(answer, &project->models[i].tags);
}

static void add_environments(const struct answer *answer)
{
    const struct sl_yaml *map =
        answer->project ? sl_yaml_get(answer->project->node, "environments") : NULL;
    for (size_t i = 0; map && i < map->count; i++)
        if (map->keys)
            add(answer, map->keys[i]->text, "");
}

static void add_runs(struct answer *answer)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_run_row *runs;
    size_t count;
    const char *remark;
    struct sl_err ignored = {0};
    if (!answer->project || answer->project->state_url)
        return; // who presses a key does not wait for a server
    const struct sl_state_place place = sl_project_state(answer->project);
    const struct sl_run_filter filter = {.limit = MOST_RUNS};
    if (sl_state_read(&place, &answer->arena, &state, &remark, &ignored) != SL_OK ||
        sl_state_runs(state, &filter, &answer->arena, &runs, &count, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        char id[9];
        snprintf(id, sizeof id, "%.8s", runs[i].id);
        add(answer, id, runs[i].status);
    }
}

static void add_codes(const struct answer *answer)
{
    for (int code = 1; code < SL_CODE_COUNT; code++)
        add(answer, sl_code_info((enum sl_code)code)->id, sl_code_info((enum sl_code)code)->title);
}

static void add_kinds(const struct answer *answer)
{
    for (const struct sl_file_kind *kind = sl_file_kinds; kind->name; kind++)
        add(answer, kind->name, kind->summary);
}

static void add_values(struct answer *answer, const struct sl_opt *row)
{
    const char *takes = row->placeholder ? row->placeholder : "";
    for (size_t i = 0; row->values && row->values[i]; i++)
        add(answer, row->values[i], "");
    if (sl_str_equal(takes, "FILE") || sl_str_equal(takes, "PLAN"))
        puts(":files");
    else if (sl_str_equal(takes, "DIR"))
        puts(":folders");
    else if (sl_str_equal(takes, "SELECTOR"))
        add_selectors(answer);
    else if (sl_str_equal(takes, "TABLE[.COLUMN]")) {
        add_tables(answer, true, "");
        add_columns(answer);
    } else if (sl_str_starts(takes, "TABLE"))
        add_tables(answer, true, sl_str_equal(takes, "TABLE=N") ? "=" : "");
    else if (sl_str_equal(takes, "COMMAND"))
        add_commands(answer);
    else if (sl_str_equal(row->name, "env"))
        add_environments(answer);
    else if (sl_str_equal(takes, "RUN"))
        add_runs(answer);
    else if (sl_str_equal(takes, "CODE"))
        add_codes(answer);
    else if (sl_str_equal(takes, "KIND"))
        add_kinds(answer);
    else if (sl_str_equal(row->name, "template")) {
        add(answer, "empty", "");
        add(answer, "quickstart", "");
    }
}

static void clear(struct answer *answer)
{
    sl_project_free(&answer->project);
    sl_arena_clear(&answer->arena);
}

static int run_complete(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct complete_options *options = self;
    const struct sl_strs *words = &options->words;
    struct sl_complete complete;
    SL_AUTO(clear) struct answer answer = {.complete = &complete};
    struct sl_err ignored = {0};
    (void)ret_exit;
    (void)err;
    sl_arena_init(&answer.arena, 0);
    sl_complete_read(words, &complete);
    answer.word = words->count ? words->items[words->count - 1] : "";
    answer.prefix = complete.prefix;
    struct sl_project_options project = {.folder = complete.folder,
                                         .environment = complete.environment};
    if (complete.row)
        (void)!sl_project_load(&project, &answer.project, &ignored);
    if (complete.row) {
        add_values(&answer, complete.row);
        return SL_OK;
    }
    const struct sl_opt *known = complete.command ? complete.command->rows : sl_common_rows;
    for (const struct sl_opt *row = known; row->name && answer.word[0] == '-'; row++)
        add_option(&answer, row);
    if (!complete.command && answer.word[0] != '-')
        add_commands(&answer);
    return SL_OK;
}

const struct sl_command sl_command_complete = {
    .name = "complete",
    .summary = "Say what may follow on a command line.",
    .is_hidden = true,
    .rows = rows,
    .options_bytes = sizeof(struct complete_options),
    .run = run_complete,
};
