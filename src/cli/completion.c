// sluice completion bash|zsh|fish: scripts that ask `sluice complete` for what may follow.
#include "cli/cli.h"

struct completion_options {
    struct sl_common common;
    int shell;
};
enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };
static const char *const shell_names[] = {"bash", "zsh", "fish", NULL};

// clang-format off
static const struct sl_opt rows[] = {
    {"shell", SL_OPT_ENUM, offsetof(struct completion_options, shell), NULL,
     "The shell to print it for.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .values = shell_names, .placeholder = "SHELL"},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

// bash cuts words at ':' and '=' too. They are put together again here, and what stands before the
// last cut is taken off the answers.
static const char bash_script[] =
    "_sluice() {\n"
    "    local words=() glue= piece i line word cut\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        piece=${COMP_WORDS[i]}\n"
    "        if [[ ${#words[@]} -gt 0 && ( -n $glue || $piece =~ ^[:=]+$ ) ]]; then\n"
    "            words[${#words[@]}-1]+=$piece\n"
    "        else\n"
    "            words+=(\"$piece\")\n"
    "        fi\n"
    "        [[ $piece =~ ^[:=]+$ ]] && glue=1 || glue=\n"
    "    done\n"
    "    cut=${COMP_WORDS[COMP_CWORD]}\n"
    "    [[ $cut =~ ^[:=]+$ ]] && cut=\n"
    "    word=${words[${#words[@]}-1]}\n"
    "    cut=$((${#word} - ${#cut}))\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :files) compopt -o filenames 2>/dev/null; while IFS= read -r line; do "
    "COMPREPLY+=(\"$line\"); done < <(compgen -f -- "
    "\"${word:cut}\") ;;\n"
    "        :folders) compopt -o filenames 2>/dev/null; while IFS= read -r line; do "
    "COMPREPLY+=(\"$line\"); done < <(compgen -d -- "
    "\"${word:cut}\") ;;\n"
    "        *)\n"
    "            line=${line%%$'\\t'*}\n"
    "            [[ $line == *[=:,] ]] && compopt -o nospace 2>/dev/null\n"
    "            COMPREPLY+=(\"${line:cut}\") ;;\n"
    "        esac\n"
    "    done < <(sluice complete -- \"${words[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _sluice sluice\n";

static const char zsh_script[] =
    "#compdef sluice\n"
    "_sluice() {\n"
    "    local line value\n"
    "    local -a answers found\n"
    "    answers=(\"${(@f)$(sluice complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    case ${answers[1]} in\n"
    "        :files) _files; return ;;\n"
    "        :folders) _files -/; return ;;\n"
    "    esac\n"
    "    for line in $answers; do\n"
    "        value=${line%%$'\\t'*}\n"
    "        found+=(\"${value//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    (( $#found )) && _describe -V sluice found\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _sluice ]; then\n"
    "    _sluice \"$@\"\n"
    "else\n"
    "    compdef _sluice sluice\n"
    "fi\n";

static const char fish_script[] =
    "function __sluice_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    set -l answers (sluice complete -- $words[2..-1] 2>/dev/null)\n"
    "    switch \"$answers[1]\"\n"
    "        case :files\n"
    "            __fish_complete_path (commandline -ct)\n"
    "        case :folders\n"
    "            __fish_complete_directories (commandline -ct)\n"
    "        case '*'\n"
    "            printf '%s\\n' $answers\n"
    "    end\n"
    "end\n"
    "complete -c sluice -f -a '(__sluice_complete)'\n";

static const char *script_of(enum shell shell)
{
    switch (shell) {
    case SHELL_BASH:
        return bash_script;
    case SHELL_ZSH:
        return zsh_script;
    case SHELL_FISH:
        return fish_script;
    }
    return "";
}

static int run_completion(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct completion_options *options = self;
    const char *script = script_of((enum shell)options->shell);
    (void)ret_exit;
    if (!options->common.json) {
        fputs(script, stdout);
        return SL_OK;
    }
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:s}", "schema", "sluice.completion/1", "shell",
                             shell_names[options->shell], "script", script);
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

static const char *const examples[] = {
    "source <(sluice completion bash)",
    "sluice completion fish > ~/.config/fish/completions/sluice.fish", NULL};

const struct sl_command sl_command_completion = {
    .name = "completion",
    .summary = "Print the completion script of a shell.",
    .details =
        "Commands, options, tables, selectors, environments, runs and error codes are completed.",
    .rows = rows,
    .options_bytes = sizeof(struct completion_options),
    .examples = examples,
    .run = run_completion,
};
