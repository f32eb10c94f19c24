#include "base/fs.h"
#include "base/log.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCE_MAX_BYTES ((size_t)16 << 20)
#define CELL_MAX 60

bool sl_is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

const char *sl_color(FILE *file, enum sl_color color)
{
    static const char *const codes[] = {
        [SL_COLOR_NONE] = "\033[0m",  [SL_COLOR_BOLD] = "\033[1m",    [SL_COLOR_DIM] = "\033[2m",  [SL_COLOR_RED] = "\033[31m",
        [SL_COLOR_GREEN] = "\033[32m", [SL_COLOR_YELLOW] = "\033[33m", [SL_COLOR_CYAN] = "\033[36m",
    };
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if ((no_color && *no_color) || (term && strcmp(term, "dumb") == 0) || !sl_is_terminal(file))
        return "";
    return codes[color];
}

// The user's line, with a caret under the column. Tabs are kept above the caret, so that it lands where an editor shows it.
static void print_line(FILE *file, const char *folder, const struct sl_err *err)
{
    struct sl_arena arena;
    const char *text;
    size_t length;
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 2 * SOURCE_MAX_BYTES);
    const char *path = sl_path_join(&arena, folder, err->file);
    if (path && sl_fs_read(path, SOURCE_MAX_BYTES, &arena, &text, &length, &ignored) == SL_OK) {
        const char *line = text;
        for (int i = 1; i < err->line && line; i++) {
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
        if (line) {
            int width = (int)strcspn(line, "\r\n"), column = err->column > 0 ? err->column : 1;
            fprintf(file, "%4d | %.*s\n     | ", err->line, width > 200 ? 200 : width, line);
            for (int i = 1; i < column && i <= width && i < 200; i++)
                if (((unsigned char)line[i - 1] & 0xC0) != 0x80)
                    fputc(line[i - 1] == '\t' ? '\t' : ' ', file);
            fprintf(file, "%s^%s\n", sl_color(file, SL_COLOR_RED), sl_color(file, SL_COLOR_NONE));
        }
    }
    sl_arena_clear(&arena);
}

void sl_print_error(FILE *file, const char *folder, enum sl_severity severity, const struct sl_err *err)
{
    bool is_error = severity == SL_SEVERITY_ERROR;
    struct sl_arena arena;
    sl_arena_init(&arena, 0);
    fprintf(file, "%s%s[%s]%s: %s\n", sl_color(file, is_error ? SL_COLOR_RED : SL_COLOR_YELLOW),
            is_error ? "error" : "warning", sl_code_info(err->code)->id, sl_color(file, SL_COLOR_NONE),
            sl_log_mask(err->message, &arena));
    if (err->file[0]) {
        fprintf(file, "  --> %s", err->file);
        if (err->line)
            fprintf(file, ":%d:%d", err->line, err->column > 0 ? err->column : 1);
        fputc('\n', file);
        if (err->line && folder)
            print_line(file, folder, err);
    }
    if (err->hint[0])
        fprintf(file, "  hint: %s\n", sl_log_mask(err->hint, &arena));
    sl_arena_clear(&arena);
}

void sl_print_diags(FILE *file, const char *folder, struct sl_diags *diags, bool with_warnings)
{
    sl_diags_sort(diags);
    for (size_t i = 0; i < diags->count; i++)
        if (with_warnings || diags->items[i].severity == SL_SEVERITY_ERROR) {
            sl_print_error(file, folder, diags->items[i].severity, &diags->items[i].err);
            fputc('\n', file);
        }
    if (diags->error_count + diags->warning_count > diags->count)
        fprintf(file, "... and %zu more\n", diags->error_count + diags->warning_count - diags->count);
}

static int print_diag(const struct sl_diag *diag, json_t *list, struct sl_err *err)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "code", sl_code_info(diag->err.code)->id, "message",
                             diag->err.message, "hint", diag->err.hint, "file", diag->err.file, "line", diag->err.line,
                             "column", diag->err.column);
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_diags_print_json(const struct sl_diags *diags, const char *schema, json_t **ret, struct sl_err *err)
{
    json_t *errors = json_array(), *warnings = json_array();
    SL_AUTO(sl_json_free) json_t *root =
        json_pack("{s:s, s:o, s:o}", "schema", schema, "errors", errors, "warnings", warnings);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < diags->count; i++)
        SL_TRY(print_diag(&diags->items[i], diags->items[i].severity == SL_SEVERITY_ERROR ? errors : warnings, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

int sl_print_json(const json_t *json, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    char *text = NULL;
    SL_TRY(sl_json_print(json, &text, err));
    int code = fputs(sl_log_mask(text, &arena), stdout) < 0 || fputc('\n', stdout) == EOF || fflush(stdout) != 0;
    free(text);
    return code ? sl_fail(err, SL_E_IO, "cannot write to the standard output") : SL_OK;
}

void sl_grid_init(struct sl_grid *grid, struct sl_arena *arena, size_t columns, unsigned right)
{
    *grid = (struct sl_grid){.arena = arena, .columns = columns, .right = right};
}

int sl_grid_row(struct sl_grid *grid, const char *const *cells, struct sl_err *err)
{
    for (size_t i = 0; i < grid->columns; i++) {
        const char *cell = sl_arena_strdup(grid->arena, cells[i] ? cells[i] : "");
        if (!cell || !SL_PUSH(grid->arena, grid->cells, grid->cell_count, cell))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// Width in code points: near enough for what stands in tables.
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_cell(FILE *file, const char *text, size_t width, bool is_right, bool is_last)
{
    size_t own = width_of(text), shown = 0;
    if (own > width) { // cut
        for (; *text && shown < width - 1; text++) {
            fputc(*text, file);
            shown += ((unsigned char)text[1] & 0xC0) != 0x80;
        }
        fputs("…", file);
        own = width;
        text = "";
    }
    if (is_right)
        fprintf(file, "%*s", (int)(width - own), "");
    for (; *text; text++) // one row, one line
        fputc(*text == '\n' || *text == '\r' || *text == '\t' ? ' ' : *text, file);
    if (!is_right && !is_last)
        fprintf(file, "%*s", (int)(width - own), "");
}

void sl_grid_print(const struct sl_grid *grid, FILE *file)
{
    size_t widths[64] = {0}, limit = sl_is_terminal(file) ? CELL_MAX : SIZE_MAX;
    for (size_t i = 0; i < grid->cell_count; i++) {
        size_t *width = &widths[i % grid->columns % 64], own = width_of(grid->cells[i]);
        if (own > *width)
            *width = own < limit ? own : limit;
    }
    for (size_t i = 0; i < grid->cell_count; i++) {
        size_t column = i % grid->columns;
        bool is_last = column + 1 == grid->columns;
        if (i == 0)
            fputs(sl_color(file, SL_COLOR_BOLD), file);
        print_cell(file, grid->cells[i], widths[column % 64], grid->right & (1u << column % 32), is_last);
        if (is_last && i + 1 == grid->columns)
            fputs(sl_color(file, SL_COLOR_NONE), file);
        fputs(is_last ? "\n" : "  ", file);
    }
}
