#include "cli/cli.h"

#define LEAST_WIDTH 8 // columns are not cut below this
#define GAP 2

void sl_grid_init(struct sl_grid *grid, struct sl_arena *arena, size_t columns, uint64_t right)
{
    *grid = (struct sl_grid){.arena = arena, .columns = columns, .right = right};
}

int sl_grid_row(struct sl_grid *grid, const char *const *cells, struct sl_err *err)
{
    for (size_t i = 0; i < grid->columns; i++) {
        const char *shown = sl_log_mask(cells[i] ? cells[i] : "", grid->arena);
        const char *cell = sl_arena_strdup(grid->arena, shown);
        if (!cell || !SL_PUSH(grid->arena, grid->cells, grid->cell_count, cell))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

bool sl_grid_is_empty(const struct sl_grid *grid)
{
    return grid->cell_count <= grid->columns;
}

// Takes from the widest column, again and again, until a row fits or nothing can be taken.
static void shrink(size_t *widths, size_t columns, size_t width)
{
    for (;;) {
        size_t total = GAP * (columns - 1), widest = 0, second = LEAST_WIDTH;
        for (size_t i = 0; i < columns; i++) {
            total += widths[i];
            if (widths[i] > widths[widest])
                widest = i;
        }
        if (total <= width || widths[widest] <= LEAST_WIDTH)
            return;
        for (size_t i = 0; i < columns; i++)
            if (i != widest && widths[i] > second && widths[i] < widths[widest])
                second = widths[i];
        size_t surplus = total - width, room = widths[widest] - second;
        widths[widest] -= surplus < room ? surplus : room;
    }
}

static void add_cell(const char *text, size_t width, bool is_right, bool is_last,
                     struct sl_buf *out)
{
    size_t own = sl_text_width(text);
    size_t padding = own < width ? width - own : 0;
    if (is_right)
        sl_buf_addf(out, "%*s", (int)padding, "");
    sl_add_short(out, text, width);
    if (!is_right && !is_last)
        sl_buf_addf(out, "%*s", (int)padding, "");
    if (is_last)
        sl_buf_add_char(out, '\n');
    else
        sl_buf_addf(out, "%*s", GAP, "");
}

int sl_grid_text(const struct sl_grid *grid, size_t width, struct sl_buf *text, struct sl_err *err)
{
    size_t *widths = SL_NEW_ARRAY(grid->arena, size_t, grid->columns);
    SL_TRY_NEW(widths, err);
    for (size_t i = 0; i < grid->cell_count; i++) {
        size_t own = sl_text_width(grid->cells[i]), column = i % grid->columns;
        widths[column] = own > widths[column] ? own : widths[column];
    }
    if (width)
        shrink(widths, grid->columns, width);
    for (size_t i = 0; i < grid->cell_count; i++) {
        size_t column = i % grid->columns;
        bool is_right = column < 64 && (grid->right >> column & 1);
        add_cell(grid->cells[i], widths[column], is_right, column + 1 == grid->columns, text);
    }
    return sl_buf_check(text, err);
}

int sl_grid_print(const struct sl_grid *grid, FILE *file, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    size_t width = sl_is_terminal(file) ? (size_t)sl_terminal_width(file) : 0;
    SL_TRY(sl_grid_text(grid, width, &text, err));
    size_t head = 0;
    while (text.text[head] && text.text[head] != '\n')
        head++;
    fprintf(file, "%s%.*s%s%s", sl_color(file, SL_COLOR_BOLD), (int)head, text.text,
            sl_color(file, SL_COLOR_NONE), text.text + head);
    return SL_OK;
}
