// sluice completion bash|zsh|fish: scripts made from the tables of commands and options. Table names are asked of `sluice ls` on the spot.
#include "cli/cli.h"

#include <string.h>

struct completion_options {
    struct sl_common common;
    int shell;
};
enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };
static const char *const shell_names[] = {"bash", "zsh", "fish", NULL};

static const struct sl_opt rows[] = {
    {"shell", SL_OPT_ENUM, offsetof(struct completion_options, shell), "bash", "bash, zsh or fish.", SL_OPT_POSITIONAL, .values = shell_names, .placeholder = "SHELL"},
    SL_COMMON_ROWS,
    {0},
};

static void print_flag(const char *name)
{
    fputs("--", stdout);
    for (; *name; name++)
        putchar(*name == '_' ? '-' : *name);
}

static void print_flags(const struct sl_command *command)
{
    for (const struct sl_opt *row = command->rows; row->name; row++)
        if (!(row->flags & (SL_OPT_POSITIONAL | SL_OPT_HIDDEN))) {
            print_flag(row->name);
            putchar(' ');
        }
}

static void print_words(void)
{
    for (size_t i = 0; sl_commands[i]; i++) {
        const char *name = sl_commands[i]->name;
        size_t length = strcspn(name, " ");
        // Commands of two words stand next to each other.
        if (i && strncmp(sl_commands[i - 1]->name, name, length) == 0 && sl_commands[i - 1]->name[length] == ' ')
            continue;
        printf("%.*s ", (int)length, name);
    }
}

static void print_bash(void)
{
    fputs("_sluice() {\n    local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} words=\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words=\"",
          stdout);
    print_words();
    fputs("help\"\n    else\n", stdout);
    for (size_t i = 0; sl_commands[i]; i++) {
        printf("        case \"${COMP_WORDS[*]:1}\" in '%s'*) words=\"", sl_commands[i]->name);
        print_flags(sl_commands[i]);
        fputs("\" ;; esac\n", stdout);
    }
    fputs("        if [ \"$COMP_CWORD\" = 2 ]; then case \"$first\" in\n", stdout);
    for (size_t i = 0; sl_commands[i]; i++) {
        const char *name = sl_commands[i]->name, *blank = strchr(name, ' ');
        if (blank && (i == 0 || strncmp(sl_commands[i - 1]->name, name, (size_t)(blank - name + 1)) != 0)) {
            printf("            %.*s) words=\"", (int)(blank - name), name);
            for (size_t k = i; sl_commands[k] && strncmp(sl_commands[k]->name, name, (size_t)(blank - name + 1)) == 0; k++)
                printf("%s ", sl_commands[k]->name + (blank - name) + 1);
            fputs("\" ;;\n", stdout);
        }
    }
    fputs("            show|lineage|run|plan|ls) case \"$word\" in -*) ;; *) words=\"$words $(sluice ls 2>/dev/null | tail -n +2 | cut -d' ' "
          "-f1)\" ;; esac ;;\n        esac; fi\n        case \"${COMP_WORDS[COMP_CWORD-1]}\" in -s|--select|--exclude) words=\"$(sluice ls "
          "2>/dev/null | tail -n +2 | cut -d' ' -f1)\" ;; esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n",
          stdout);
}

static void print_fish(void)
{
    for (size_t i = 0; sl_commands[i]; i++) {
        const struct sl_command *command = sl_commands[i];
        const char *name = command->name, *blank = strchr(name, ' ');
        if (blank)
            printf("complete -c sluice -n '__fish_seen_subcommand_from %.*s' -f -a '%s' -d '%s'\n", (int)(blank - name), name,
                   blank + 1, command->summary);
        else
            printf("complete -c sluice -n __fish_use_subcommand -f -a '%s' -d \"%s\"\n", name, command->summary);
        for (const struct sl_opt *row = command->rows; row->name; row++) {
            if (row->flags & (SL_OPT_POSITIONAL | SL_OPT_HIDDEN))
                continue;
            printf("complete -c sluice -n '__fish_seen_subcommand_from %s' -l '", blank ? blank + 1 : name);
            for (const char *c = row->name; *c; c++)
                putchar(*c == '_' ? '-' : *c);
            printf("' -d \"%s\"\n", row->summary);
        }
    }
    puts("complete -c sluice -n '__fish_seen_subcommand_from show lineage run plan ls' -a "
         "'(sluice ls 2>/dev/null | tail -n +2 | cut -d\" \" -f1)'");
}

static int run_completion(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct completion_options *options = self;
    (void)ret_exit;
    (void)err;
    switch ((enum shell)options->shell) {
    case SHELL_BASH:
        print_bash();
        puts("complete -F _sluice sluice");
        break;
    case SHELL_ZSH: // zsh runs bash's completion functions
        puts("#compdef sluice\nautoload -U +X bashcompinit && bashcompinit");
        print_bash();
        puts("complete -F _sluice sluice");
        break;
    case SHELL_FISH:
        print_fish();
        break;
    }
    return SL_OK;
}

static const char *const examples[] = {"source <(sluice completion bash)", "sluice completion fish > ~/.config/fish/completions/sluice.fish",
                                       NULL};

const struct sl_command sl_command_completion = {
    .name = "completion",
    .summary = "Print the completion script of a shell.",
    .rows = rows,
    .options_bytes = sizeof(struct completion_options),
    .examples = examples,
    .run = run_completion,
};
