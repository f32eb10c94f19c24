// Help out of the tables of commands and options; sluice help.
#include "cli/cli.h"

#include <string.h>

struct help_options {
    struct sl_common common;
    struct sl_strs words;
};

// clang-format off
static const struct sl_opt rows[] = {
    {"command", SL_OPT_STRINGS, offsetof(struct help_options, words), NULL,
     "The command to explain; without one, all are listed.", SL_OPT_POSITIONAL, .placeholder = "COMMAND"},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

void sl_add_flag(struct sl_buf *text, const char *row_name)
{
    sl_buf_add(text, "--");
    for (; *row_name; row_name++)
        sl_buf_add_char(text, *row_name == '_' ? '-' : *row_name);
}

const struct sl_opt *sl_find_option(const struct sl_opt *options, const char *argument)
{
    size_t length = strcspn(argument, "=");
    for (const struct sl_opt *row = options; row->name; row++) {
        SL_AUTO(sl_buf_clear) struct sl_buf flag = SL_BUF_INIT;
        if (row->flags & SL_OPT_POSITIONAL)
            continue;
        if (argument[1] != '-' && row->letter && argument[1] == row->letter)
            return row;
        sl_add_flag(&flag, row->name);
        if (flag.length == length && strncmp(flag.text, argument, length) == 0)
            return row;
    }
    return NULL;
}

// How many words of the command's name these are: all of them, or 0.
static size_t match(const char *name, size_t count, const char *const *words)
{
    size_t used = 0;
    while (*name) {
        size_t length = strcspn(name, " ");
        if (used == count || strlen(words[used]) != length ||
            strncmp(words[used], name, length) != 0)
            return 0;
        used++;
        name += length + (name[length] == ' ');
    }
    return used;
}

const struct sl_command *sl_find_command(size_t count, const char *const *words, size_t *ret_words)
{
    const struct sl_command *found = NULL;
    *ret_words = 0;
    for (size_t i = 0; sl_commands[i]; i++) {
        size_t used = match(sl_commands[i]->name, count, words);
        if (used > *ret_words) {
            found = sl_commands[i];
            *ret_words = used;
        }
    }
    return found;
}

int sl_fail_command(const char *name, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};
    sl_arena_init(&arena, 0);
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->is_hidden)
            SL_TRY(sl_strs_add(&names, &arena, sl_commands[i]->name, err));
    const char *hint = sl_did_you_mean(&arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_USAGE, "there is no command '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice help` lists them");
}

// Of a family such as "quarantine"; NULL: of all.
static bool is_listed(const struct sl_command *command, const char *family)
{
    size_t length = family ? strlen(family) : 0;
    if (family && (strncmp(command->name, family, length) != 0 || command->name[length] != ' '))
        return false;
    return !command->is_hidden;
}

// How wide the longest listed name is; 0 if none is listed.
static int name_width(const char *family)
{
    size_t width = 0;
    for (size_t i = 0; sl_commands[i]; i++)
        if (is_listed(sl_commands[i], family) && strlen(sl_commands[i]->name) > width)
            width = strlen(sl_commands[i]->name);
    return (int)width;
}

static void print_commands(const char *family, FILE *file)
{
    int width = name_width(family);
    for (size_t i = 0; sl_commands[i]; i++)
        if (is_listed(sl_commands[i], family))
            fprintf(file, "  %s%-*s%s  %s\n", sl_color(file, SL_COLOR_BOLD), width,
                    sl_commands[i]->name, sl_color(file, SL_COLOR_NONE), sl_commands[i]->summary);
}

void sl_help_overview(FILE *file)
{
    fputs("sluice: one program for the whole life of a data pipeline\n\n"
          "usage: sluice COMMAND [OPTION...]\n\n",
          file);
    print_commands(NULL, file);
    fputs(
        "\n`sluice help COMMAND` shows its options and examples; `sluice quickstart` is the place "
        "to begin\n",
        file);
}

bool sl_help_family(const char *word, FILE *file)
{
    if (!name_width(word))
        return false;
    fprintf(file, "usage: sluice %s COMMAND [OPTION...]\n\n", word);
    print_commands(word, file);
    return true;
}

void sl_help_usage(const struct sl_command *command, struct sl_buf *text)
{
    sl_buf_add(text, command->name);
    for (const struct sl_opt *row = command->rows; row->name; row++)
        if (row->flags & SL_OPT_POSITIONAL)
            sl_buf_addf(text, row->flags & SL_OPT_REQUIRED ? " %s%s" : " [%s%s]",
                        row->placeholder ? row->placeholder : row->name,
                        row->type == SL_OPT_STRINGS ? "..." : "");
    sl_buf_add(text, " [OPTION...]");
}

void sl_help_options(const struct sl_opt *options, size_t count, struct sl_buf *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    struct sl_opt *copy = SL_NEW_ARRAY(&arena, struct sl_opt, count + 1);
    if (copy && count) {
        memcpy(copy, options, count * sizeof *copy);
        sl_opt_help(copy, text);
    }
    text->has_failed = text->has_failed || !copy;
}

void sl_help_command(const struct sl_command *command, FILE *file)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf tail = SL_BUF_INIT;
    const char *bold = sl_color(file, SL_COLOR_BOLD), *plain = sl_color(file, SL_COLOR_NONE);
    size_t own = sl_own_row_count(command->rows);
    sl_buf_addf(&text, "usage: %ssluice ", bold);
    sl_help_usage(command, &text);
    sl_buf_addf(&text, "%s\n\n%s\n", plain, command->summary);
    if (command->details)
        sl_buf_addf(&text, "\n%s\n", command->details);
    if (own)
        sl_buf_addf(&text, "\n%soptions%s\n", bold, plain);
    sl_help_options(command->rows, own, &text);
    sl_buf_addf(&text, "\n%soptions of every command%s\n", bold, plain);
    sl_opt_help(command->rows + own, &text);
    for (size_t i = 0; command->examples && command->examples[i]; i++)
        sl_buf_addf(&tail, "  %s\n", command->examples[i]);
    if (tail.length)
        sl_buf_addf(&text, "\n%sexamples%s\n%s", bold, plain, tail.text);
    fputs(text.text, file);
}

// --- As JSON ---

static json_t *option_json(const struct sl_opt *row)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    const char letter[] = {'-', row->letter, '\0'};
    bool is_positional = row->flags & SL_OPT_POSITIONAL;
    json_t *values = json_array();
    for (size_t i = 0; row->values && row->values[i]; i++)
        (void)json_array_append_new(values, json_string(row->values[i]));
    if (is_positional)
        sl_buf_add(&name, row->placeholder ? row->placeholder : row->name);
    else
        sl_add_flag(&name, row->name);
    return json_pack("{s:s, s:s?, s:b, s:b, s:b, s:b, s:b, s:s?, s:o, s:s}", "name", name.text,
                     "letter", row->letter ? letter : NULL, "is_positional", is_positional,
                     "is_required", row->flags & SL_OPT_REQUIRED ? 1 : 0, "takes_value",
                     row->type != SL_OPT_BOOL, "is_repeatable", row->type == SL_OPT_STRINGS,
                     "takes_words", row->flags & SL_OPT_WORDS ? 1 : 0, "default", row->otherwise,
                     "values", values, "summary", row->summary);
}

static json_t *command_json(const struct sl_command *command)
{
    json_t *options = json_array(), *examples = json_array();
    for (const struct sl_opt *row = command->rows; row->name; row++)
        (void)json_array_append_new(options, option_json(row));
    for (size_t i = 0; command->examples && command->examples[i]; i++)
        (void)json_array_append_new(examples, json_string(command->examples[i]));
    return json_pack("{s:s, s:s, s:s?, s:o, s:o}", "name", command->name, "summary",
                     command->summary, "details", command->details, "options", options, "examples",
                     examples);
}

// `only` NULL: all commands.
static int print_json(const struct sl_command *only, struct sl_err *err)
{
    json_t *commands = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "sluice.help/1", "version", SL_VERSION,
                             "commands", commands);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; sl_commands[i]; i++)
        if ((only ? only == sl_commands[i] : !sl_commands[i]->is_hidden) &&
            json_array_append_new(commands, command_json(sl_commands[i])) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static int run_help(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct help_options *options = self;
    const struct sl_command *command = NULL;
    size_t used = 0;
    (void)ret_exit;
    if (options->words.count) {
        command = sl_find_command(options->words.count, options->words.items, &used);
        if (!command && options->words.count == 1 && !options->common.json &&
            sl_help_family(options->words.items[0], stdout))
            return SL_OK;
        if (!command)
            return sl_fail_command(options->words.items[0], err);
    }
    if (options->common.json)
        return print_json(command, err);
    if (command)
        sl_help_command(command, stdout);
    else
        sl_help_overview(stdout);
    return SL_OK;
}

static const char *const examples[] = {"sluice help run", "sluice help --json", NULL};

const struct sl_command sl_command_help = {
    .name = "help",
    .summary = "List the commands, or explain one.",
    .rows = rows,
    .options_bytes = sizeof(struct help_options),
    .examples = examples,
    .run = run_help,
};
