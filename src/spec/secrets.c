// ${env:NAME}, ${file:PATH}, ${exec:CMD} in project files. What they give is hidden from everything
// that is printed.
#include "spec/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"

#define MOST_BYTES ((size_t)64 << 10)
#define ENV_FILE ".env"

static bool is_variable_name(const char *name, size_t length)
{
    if (length == 0 || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", name[i]))
            return false;
    return true;
}

// The value of a line of .env, between `text` and `end`: quotes are taken off; without quotes,
// blanks and " # ..." are cut.
static char *env_value(struct sl_arena *arena, const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    if (end - text >= 2 && (*text == '"' || *text == '\'')) {
        const char *close = memchr(text + 1, *text, (size_t)(end - text - 1));

        return close ? sl_arena_strndup(arena, text + 1, (size_t)(close - text - 1)) : NULL;
    }
    for (const char *c = text; c + 1 < end; c++)
        if ((*c == ' ' || *c == '\t') && c[1] == '#')
            end = c;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return sl_arena_strndup(arena, text, (size_t)(end - text));
}

// One line of .env: NAME=value, "export NAME=value", empty, or a comment. False if it is none of
// them.
static bool read_env_line(struct sl_secrets *secrets, const char *line, const char *end,
                          struct sl_err *err)
{
    const char *equals;
    char *name;
    char *value;

    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    if (line == end || *line == '#' || *line == '\r')
        return true;
    if (end - line > 7 && strncmp(line, "export ", 7) == 0)
        line += 7;
    equals = memchr(line, '=', (size_t)(end - line));
    if (!equals || !is_variable_name(line, (size_t)(equals - line)))
        return false;
    name = sl_arena_strndup(secrets->arena, line, (size_t)(equals - line));
    value = env_value(secrets->arena, equals + 1, end);
    return name && value && sl_map_set(&secrets->variables, name, value, err) == SL_OK;
}

int sl_secrets_open(struct sl_secrets *secrets, struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;
    const char *text;
    size_t length;
    int line_number = 1;

    *secrets = (struct sl_secrets){.folder = project->folder, .arena = &project->arena};
    text = sl_path_join(&project->arena, project->folder, ENV_FILE);
    SL_TRY_NEW(text, err);
    if (!sl_fs_exists(text))
        return SL_OK;
    SL_TRY(sl_load_text(load, ENV_FILE, &text, &length, err));
    for (const char *line = text; line && *line; line_number++) {
        const char *end = strchr(line, '\n');
        const char *next = end ? end + 1 : NULL;

        if (!read_env_line(secrets, line, end ? end : line + strlen(line), err))
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_SECRET_MISSING,
                    (struct sl_place){ENV_FILE, line_number, 1},
                    "a line is NAME=value, NAME=\"value\", or begins with '#'",
                    "this line of '" ENV_FILE "' cannot be read");
        line = next;
    }
    return SL_OK;
}

void sl_secrets_close(struct sl_secrets *secrets)
{
    sl_map_clear(&secrets->variables);
    sl_map_clear(&secrets->outputs);
}

const char *sl_load_variable(const struct sl_load *load, const char *name, const char **ret_origin)
{
    struct sl_arena *arena = &load->project->arena;
    const char *value = getenv(name);

    if (value) {
        *ret_origin = sl_arena_printf(arena, "environment variable %s", name);
        return value;
    }
    value = load->variables ? sl_map_get(load->variables, name) : NULL;
    if (value)
        *ret_origin = sl_arena_printf(arena, "%s in " ENV_FILE, name);
    return value;
}

static int resolve_env(struct sl_secrets *secrets, const char *name, const char **ret,
                       struct sl_err *err)
{
    const char *value = getenv(name);

    if (!value)
        value = sl_map_get(&secrets->variables, name);
    if (!value) {
        (void)sl_fail(err, SL_E_SECRET_MISSING, "variable '%s' is not set", name);
        return sl_err_hint(
            err, "set it in the environment, or write %s=... into '" ENV_FILE "' beside sluice.yml",
            name);
    }
    *ret = value;
    return SL_OK;
}

static int resolve_file(struct sl_secrets *secrets, const char *name, const char **ret,
                        struct sl_err *err)
{
    const char *path = sl_path_join(secrets->arena, secrets->folder, name);
    const char *text;
    size_t length;
    struct sl_err failure = {0};

    SL_TRY_NEW(path, err);
    if (sl_fs_read(path, MOST_BYTES, secrets->arena, &text, &length, &failure) != SL_OK) {
        (void)sl_fail(err, SL_E_SECRET_MISSING, "secret file '%s' cannot be read: %s", name,
                      sl_code_info(failure.code)->title);
        return sl_err_hint(err, "a path is relative to the folder of sluice.yml");
    }
    if (strlen(text) != length)
        return sl_fail(err, SL_E_SECRET_MISSING, "secret file '%s' is no text", name);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    *ret = sl_arena_strndup(secrets->arena, text, length);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// A command runs once, however often it is asked for.
static int resolve_exec(struct sl_secrets *secrets, const char *command, const char **ret,
                        struct sl_err *err)
{
    *ret = sl_map_get(&secrets->outputs, command);
    if (*ret)
        return SL_OK;
    SL_TRY(sl_secrets_run(command, secrets->folder, secrets->arena, ret, err));
    return sl_map_set(&secrets->outputs, command, (void *)(uintptr_t)*ret, err);
}

// `reference` is what stands between the braces.
static int resolve_reference(struct sl_secrets *secrets, const char *reference, const char **ret,
                             struct sl_err *err)
{
    const char *colon = strchr(reference, ':');
    const char *rest = colon ? colon + 1 : "";
    static const char *const schemes[] = {"env", "file", "exec"};
    char *scheme;
    const char *meant;

    if (colon && *rest && sl_str_starts(reference, "env:"))
        return resolve_env(secrets, rest, ret, err);
    if (colon && *rest && sl_str_starts(reference, "file:"))
        return resolve_file(secrets, rest, ret, err);
    if (colon && *rest && sl_str_starts(reference, "exec:"))
        return resolve_exec(secrets, rest, ret, err);
    scheme = sl_arena_strndup(secrets->arena, reference,
                              colon ? (size_t)(colon - reference) : strlen(reference));
    SL_TRY_NEW(scheme, err);
    (void)sl_fail(err, SL_E_VALUE_INVALID, "'${%s}' is no reference", reference);
    meant = colon ? sl_str_nearest(scheme, schemes, 3) : NULL;
    if (!colon && is_variable_name(reference, strlen(reference)))
        return sl_err_hint(err, "did you mean '${env:%s}'?", reference);
    if (meant && *rest)
        return sl_err_hint(err, "did you mean '${%s:%s}'?", meant, rest);
    return sl_err_hint(
        err, "there are ${env:NAME}, ${file:PATH} and ${exec:COMMAND}; $${ stands for ${ itself");
}

// The end of a reference that begins behind "${"; braces inside (of a command) are counted. NULL if
// it does not end.
static const char *find_end(const char *text)
{
    int depth = 1;

    for (; *text; text++) {
        depth += *text == '{';
        depth -= *text == '}';
        if (depth == 0)
            return text;
    }
    return NULL;
}

// *at moves behind the reference, also if it cannot be resolved; to the end if it is not closed.
static int add_reference(struct sl_secrets *secrets, const char **at, struct sl_buf *out,
                         struct sl_err *err)
{
    const char *end = find_end(*at + 2);
    const char *value = NULL;
    char *reference;

    if (!end) {
        *at += strlen(*at);
        (void)sl_fail(err, SL_E_VALUE_INVALID, "'${' is not closed");
        return sl_err_hint(err, "write ${env:NAME}; $${ stands for ${ itself");
    }
    reference = sl_arena_strndup(secrets->arena, *at + 2, (size_t)(end - *at - 2));
    *at = end + 1;
    SL_TRY_NEW(reference, err);
    SL_TRY(resolve_reference(secrets, reference, &value, err));
    if (!secrets->is_shown)
        sl_log_hide(value);
    sl_buf_add(out, value);
    return SL_OK;
}

int sl_secrets_resolve(void *self, const char *text, struct sl_arena *arena, const char **ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf out = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf failures = SL_BUF_INIT;
    struct sl_err first = {0};

    for (const char *at = text; *at;) {
        if (strncmp(at, "$${", 3) == 0) {
            sl_buf_add(&out, "${");
            at += 3;
        } else if (strncmp(at, "${", 2) == 0) {
            struct sl_err failure = {0};

            if (add_reference(self, &at, &out, &failure) == SL_E_MEMORY)
                return sl_fail_memory(err);
            if (failure.code == SL_OK)
                continue;
            // All that are missing are told at once.
            sl_buf_addf(&failures, "%s%s", first.code ? "; " : "", failure.message);
            if (!first.code)
                first = failure;
        } else {
            sl_buf_add_char(&out, *at++);
        }
    }
    SL_TRY(sl_buf_check(&out, err));
    SL_TRY(sl_buf_check(&failures, err));
    if (first.code) {
        (void)sl_fail(err, first.code, "%s", failures.text);
        return first.hint[0] ? sl_err_hint(err, "%s", first.hint) : (int)first.code;
    }
    *ret = sl_arena_strdup(arena, out.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_secrets_resolve_shown(void *self, const char *text, struct sl_arena *arena, const char **ret,
                             struct sl_err *err)
{
    struct sl_secrets *secrets = self;

    secrets->is_shown = true;
    int code = sl_secrets_resolve(self, text, arena, ret, err);
    secrets->is_shown = false;
    return code;
}
