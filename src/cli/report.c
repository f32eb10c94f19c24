// What went wrong, as text, as a line of the JSON log, and as a document.
#include "base/fs.h"
#include "cli/cli.h"

#include <string.h>

#define SOURCE_MAX_BYTES ((size_t)16 << 20)
#define LINE_MAX_WIDTH 160 // of a longer line, the part around the place is shown
#define BEFORE_PLACE 100

// The bytes of the n-th character of a line, counted from 1.
static const char *character_at(const char *line, int number)
{
    for (; number > 1 && *line && *line != '\n'; number--)
        do
            line++;
        while (((unsigned char)*line & 0xC0) == 0x80);
    return line;
}

// The line with a caret under the column. A tab takes one place in both, so that the caret stands
// where it must.
static void print_line(const char *text, const struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int column = err->column > 0 ? err->column : 1, first = 1;
    sl_arena_init(&arena, 0);
    for (int i = 1; i < err->line; i++) {
        text = strchr(text, '\n');
        if (!text)
            return;
        text++;
    }
    if (column > LINE_MAX_WIDTH)
        first = column - BEFORE_PLACE;
    const char *begin = character_at(text, first);
    const char *line = sl_arena_strndup(&arena, begin, strcspn(begin, "\r\n"));
    SL_AUTO(sl_buf_clear) struct sl_buf shown = SL_BUF_INIT;
    if (!line)
        return;
    sl_add_plain(&shown, sl_log_mask(line, &arena), LINE_MAX_WIDTH);
    fprintf(stderr, "%4d | %s%s\n     | %*s%s^%s\n", err->line, first > 1 ? "…" : "", shown.text,
            column - first + (first > 1), "", sl_color(stderr, SL_COLOR_RED),
            sl_color(stderr, SL_COLOR_NONE));
}

static void print_place(const struct sl_cli *cli, const struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *text = NULL;
    size_t length;
    struct sl_err ignored = {0};
    bool is_in_sql = !err->file[0] && err->line && cli->sql;
    if (!err->file[0] && !is_in_sql)
        return;
    fputs("  --> ", stderr);
    sl_put_plain(stderr, !is_in_sql ? err->file : cli->sql_name ? cli->sql_name : "the SQL given");
    if (err->line)
        fprintf(stderr, ":%d:%d", err->line, err->column > 0 ? err->column : 1);
    fputc('\n', stderr);
    sl_arena_init(&arena, 2 * SOURCE_MAX_BYTES);
    if (is_in_sql) {
        text = cli->sql;
    } else if (err->line && cli->folder) {
        const char *path = sl_path_join(&arena, cli->folder, err->file);
        if (!path || sl_fs_read(path, SOURCE_MAX_BYTES, &arena, &text, &length, &ignored) != SL_OK)
            text = NULL; // gone meanwhile: the place must do
    }
    if (text)
        print_line(text, err);
}

static void print_text(const struct sl_cli *cli, enum sl_severity severity,
                       const struct sl_err *err)
{
    bool is_error = severity == SL_SEVERITY_ERROR;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    fprintf(stderr, "%s%s[%s]%s: ", sl_color(stderr, is_error ? SL_COLOR_RED : SL_COLOR_YELLOW),
            is_error ? "error" : "warning", sl_code_info(err->code)->id,
            sl_color(stderr, SL_COLOR_NONE));
    sl_put_plain(stderr, sl_log_mask(err->message, &arena));
    fputc('\n', stderr);
    print_place(cli, err);
    if (!err->hint[0])
        return;
    fputs("  hint: ", stderr);
    sl_put_plain(stderr, sl_log_mask(err->hint, &arena));
    fputc('\n', stderr);
}

void sl_print_error(const struct sl_cli *cli, enum sl_severity severity, const struct sl_err *err)
{
    if (sl_log_format() == SL_LOG_TEXT) {
        print_text(cli, severity, err);
        return;
    }
    bool is_error = severity == SL_SEVERITY_ERROR;
    SL_AUTO(sl_json_free)
    json_t *fields = json_pack("{s:s?, s:o*}", "job_id", cli->job_id, "error", sl_err_json(err));
    sl_log(is_error ? SL_LOG_ERROR : SL_LOG_WARN, fields, "%s", err->message);
}

void sl_print_diags(const struct sl_cli *cli, struct sl_diags *diags, bool with_warnings)
{
    size_t left_out = diags->error_count + diags->warning_count - diags->count;
    bool is_text = sl_log_format() == SL_LOG_TEXT;
    sl_diags_sort(diags);
    for (size_t i = 0; i < diags->count; i++)
        if (with_warnings || diags->items[i].severity == SL_SEVERITY_ERROR) {
            sl_print_error(cli, diags->items[i].severity, &diags->items[i].err);
            if (is_text)
                fputc('\n', stderr);
        }
    if (left_out && is_text)
        fprintf(stderr, "... and %zu more\n", left_out);
}

int sl_diags_json(const struct sl_diags *diags, json_t *root, struct sl_err *err)
{
    json_t *errors = json_array(), *warnings = json_array();
    if (json_object_set_new(root, "errors", errors) != 0 ||
        json_object_set_new(root, "warnings", warnings) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < diags->count; i++) {
        bool is_error = diags->items[i].severity == SL_SEVERITY_ERROR;
        json_t *item = sl_err_json(&diags->items[i].err);
        if (json_array_append_new(is_error ? errors : warnings, item) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int print_document(const struct sl_err *failure, struct sl_diags *diags, struct sl_err *err)
{
    static const struct sl_diags none = SL_DIAGS_INIT;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:i, s:o}", "schema", "sluice.error/1", "exit_code",
                             sl_cli_exit_code(failure), "error", sl_err_json(failure));
    SL_TRY_NEW(root, err);
    if (diags)
        sl_diags_sort(diags);
    SL_TRY(sl_diags_json(diags ? diags : &none, root, err));
    return sl_print_json(root, err);
}

void sl_report(struct sl_cli *cli, const struct sl_err *err, struct sl_diags *diags)
{
    struct sl_err ignored = {0};
    bool is_printed = cli->wants_json && print_document(err, diags, &ignored) == SL_OK;
    cli->is_reported = true;
    if (is_printed && sl_log_format() == SL_LOG_TEXT)
        return;
    if (diags)
        sl_print_diags(cli, diags, false);
    sl_print_error(cli, SL_SEVERITY_ERROR, err);
}

void sl_tell(const struct sl_common *common, enum sl_log_level level, const char *format, ...)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf plain = SL_BUF_INIT;
    va_list args;
    if (common->is_quiet)
        return;
    va_start(args, format);
    sl_buf_vaddf(&text, format, args);
    va_end(args);
    if (sl_log_format() == SL_LOG_JSON) {
        SL_AUTO(sl_json_free) json_t *fields = json_pack("{s:s?}", "job_id", common->cli->job_id);
        sl_log(level, fields, "%s", text.text);
        return;
    }
    sl_add_plain(&plain, text.text, SIZE_MAX);
    bool is_warning = level >= SL_LOG_WARN;
    fprintf(stderr, "%s%s%s", is_warning ? sl_color(stderr, SL_COLOR_YELLOW) : "",
            is_warning ? "warning: " : "", is_warning ? sl_color(stderr, SL_COLOR_NONE) : "");
    sl_print_masked(plain.text, stderr);
    fputc('\n', stderr);
}
