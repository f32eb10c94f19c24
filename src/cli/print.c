// Colours, widths, and text that cannot steer a terminal.
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool sl_is_terminal(FILE *file)
{
    static enum { UNKNOWN, YES, NO } known[STDERR_FILENO + 1]; // it is asked for each line
    int fd = fileno(file);
    if (fd < 0 || fd > STDERR_FILENO)
        return isatty(fd) == 1;
    if (known[fd] == UNKNOWN)
        known[fd] = isatty(fd) == 1 ? YES : NO;
    return known[fd] == YES;
}

int sl_terminal_width(FILE *file)
{
    struct winsize size;
    bool is_known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : 80;
}

const char *sl_color(FILE *file, enum sl_color color)
{
    static const char *const codes[] = {
        [SL_COLOR_NONE] = "\033[0m", [SL_COLOR_BOLD] = "\033[1m",   [SL_COLOR_DIM] = "\033[2m",
        [SL_COLOR_RED] = "\033[31m", [SL_COLOR_GREEN] = "\033[32m", [SL_COLOR_YELLOW] = "\033[33m",
        [SL_COLOR_CYAN] = "\033[36m"};
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if ((no_color && *no_color) || sl_str_equal(term, "dumb") || !sl_is_terminal(file))
        return "";
    return codes[color];
}

size_t sl_text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

void sl_add_plain(struct sl_buf *buf, const char *text, size_t width)
{
    for (size_t i = 0; *text && i < width; i++) {
        unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
        size_t length = sl_utf8_length(text, strlen(text));
        bool is_control = first < 0x20 || first == 0x7F || (first == 0xC2 && second < 0xA0);
        if (first == '\n' || first == '\r' || first == '\t')
            sl_buf_add_char(buf, ' ');
        else if (!length || is_control)
            sl_buf_add_char(buf, '?');
        else
            sl_buf_add_bytes(buf, text, length);
        text += length ? length : 1;
    }
}

void sl_add_short(struct sl_buf *buf, const char *text, size_t width)
{
    bool is_cut = sl_text_width(text) > width && width > 0;
    sl_add_plain(buf, text, is_cut ? width - 1 : width);
    if (is_cut)
        sl_buf_add(buf, "…");
}

void sl_put_plain(FILE *file, const char *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    sl_add_plain(&buf, text, SIZE_MAX);
    fputs(buf.text, file);
}

void sl_print_masked(const char *text, FILE *file)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    fputs(sl_log_mask(text, &arena), file);
}

int sl_print_json(const json_t *json, struct sl_err *err)
{
    char *text = NULL;
    SL_TRY(sl_log_print(json, &text, err));
    puts(text);
    free(text);
    return SL_OK;
}

const char *sl_time_text(int64_t time_us, char buffer[32])
{
    sl_clock_format(time_us, buffer);
    memcpy(buffer + strlen("2026-01-31T12:00:00"), "Z", 2);
    return buffer;
}

const char *sl_count_of(int64_t count, const char *thing, char buffer[64])
{
    char number[32];
    snprintf(buffer, 64, "%s %.30s%s", sl_str_count(count, number), thing, count == 1 ? "" : "s");
    return buffer;
}
