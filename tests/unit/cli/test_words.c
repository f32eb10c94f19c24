// What the words of a command line mean: the command, what may follow, and the code at the end.
#include "../base/test.h"
#include "cli/complete.h"

static struct sl_strs split(const char *text, struct sl_arena *arena)
{
    struct sl_strs words = {0};
    struct sl_err err = {0};

    for (;; text++) {
        size_t length = strcspn(text, " ");
        assert_int_equal(sl_strs_add(&words, arena, sl_arena_strndup(arena, text, length), &err),
                         SL_OK);
        text += length;
        if (!*text)
            return words;
    }
}

static void the_command_is_the_longest_name_that_the_words_begin_with(void **state)
{
    static const struct {
        const char *words, *name; // NULL: none
        size_t used;
    } cases[] = {
        {"run", "run", 1},
        {"run x", "run", 1},
        {"config show", "config show", 2},
        {"quarantine ls", "quarantine ls", 2},
        {"quarantine", NULL, 0},
        {"quarantine lss", NULL, 0},
        {"ru", NULL, 0},
        {"runs", NULL, 0},
        {"show config", "show", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        size_t used;
        sl_arena_init(&arena, 0);
        struct sl_strs words = split(cases[i].words, &arena);
        const struct sl_command *command = sl_find_command(words.count, words.items, &used);
        assert_int_equal(command != NULL, cases[i].name != NULL);
        assert_int_equal(used, cases[i].used);
        if (command)
            assert_string_equal(command->name, cases[i].name);
    }
}

static void every_command_is_known_by_its_name_and_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; sl_commands[i]; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        const struct sl_command *command = sl_commands[i];
        size_t used;
        sl_arena_init(&arena, 0);
        struct sl_strs words = split(command->name, &arena);
        assert_ptr_equal(sl_find_command(words.count, words.items, &used), command);
        assert_true(strlen(command->summary) > 10);
        assert_int_equal(sl_find_option(command->rows, "--json")->offset,
                         offsetof(struct sl_common, json));
        for (const struct sl_opt *row = command->rows; row->name; row++)
            assert_true(row->summary && *row->summary);
    }
}

static void what_may_follow_is_read_from_the_words_before(void **state)
{
    static const struct {
        const char *words;
        const char *command, *family, *row; // NULL: none
        size_t prefix;
        const char *folder;
    } cases[] = {
        {"", NULL, NULL, NULL, 0, NULL},
        {"ru", NULL, NULL, NULL, 0, NULL},
        {"quarantine ", NULL, "quarantine", NULL, 0, NULL},
        {"quarantine show ", "quarantine show", NULL, "table", 0, NULL},
        {"quarantine show orders ", "quarantine show", NULL, NULL, 0, NULL},
        {"run ", "run", NULL, NULL, 0, NULL},
        {"run --sel", "run", NULL, NULL, 0, NULL},
        {"run --select ", "run", NULL, "select", 0, NULL},
        {"run -s ", "run", NULL, "select", 0, NULL},
        {"run --select=tag:", "run", NULL, "select", 9, NULL},
        {"run --select daily ", "run", NULL, "select", 0, NULL},
        {"run --select daily x --exclude y ", "run", NULL, "exclude", 0, NULL},
        {"run --select daily -", "run", NULL, NULL, 0, NULL},
        {"run --select daily -v ", "run", NULL, NULL, 0, NULL},
        {"run --select=daily ", "run", NULL, NULL, 0, NULL},
        {"run --select daily -C shop --env ", "run", NULL, "env", 0, "shop"},
        {"run -v --env ", "run", NULL, "env", 0, NULL},
        {"-C shop run --env ", "run", NULL, "env", 0, "shop"},
        {"--project=shop show ", "show", NULL, "table", 0, "shop"},
        {"query --format ", "query", NULL, "format", 0, NULL},
        {"help quarantine ", "help", NULL, "command", 0, NULL},
        {"nonsense ", NULL, "nonsense", NULL, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_complete found;
        sl_arena_init(&arena, 0);
        struct sl_strs words = split(cases[i].words, &arena);
        sl_complete_read(&words, &found);
        const char *command = found.command ? found.command->name : NULL;
        const char *row = found.row ? found.row->name : NULL;
        if (!sl_str_equal(command, cases[i].command) || !sl_str_equal(row, cases[i].row) ||
            !sl_str_equal(found.family, cases[i].family) || found.prefix != cases[i].prefix ||
            !sl_str_equal(found.folder, cases[i].folder))
            fail_msg("'%s': command %s, family %s, row %s, prefix %zu, folder %s", cases[i].words,
                     command ? command : "-", found.family ? found.family : "-", row ? row : "-",
                     found.prefix, found.folder ? found.folder : "-");
    }
}

static void a_failure_has_the_exit_code_that_the_readme_says(void **state)
{
    static const struct {
        enum sl_code code;
        int expected;
    } cases[] = {
        {SL_OK, 0},
        {SL_E_USAGE, 1},
        {SL_E_PROJECT_INVALID, 1},
        {SL_E_LOCKED, 1},
        {SL_E_INTERNAL, 2},
        {SL_E_BALANCE, 2},
        {SL_E_CHECK_FAILED, 3},
        {SL_E_BUDGET, 4},
        {SL_E_PLAN_CHANGED, 6},
        {SL_E_INTERRUPTED, 130},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_err err = {.code = cases[i].code};
        assert_int_equal(sl_cli_exit_code(&err), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_is_the_longest_name_that_the_words_begin_with),
        cmocka_unit_test(every_command_is_known_by_its_name_and_has_help),
        cmocka_unit_test(what_may_follow_is_read_from_the_words_before),
        cmocka_unit_test(a_failure_has_the_exit_code_that_the_readme_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
