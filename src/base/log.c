#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_SECRETS 4096
#define LEAST_SECRET_BYTES 4
// sl_err marks a cut with this; what stands before it may be the start of a secret.
#define CUT_MARK "..."
#define MASK "***"
// Below this, a field is masked as one text.
#define DEEPEST_FIELD 64

static struct {
    pthread_mutex_t mutex;
    int fd;
    enum sl_log_format format;
    enum sl_log_level least;
    char **secrets;
    size_t secret_count;
    bool is_muted; // a secret could not be kept: from then on no text is printed at all
} sink = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .least = SL_LOG_OFF};

void sl_log_open(int fd, enum sl_log_format format, enum sl_log_level least)
{
    pthread_mutex_lock(&sink.mutex);
    sink.fd = fd;
    sink.format = format;
    sink.least = least;
    pthread_mutex_unlock(&sink.mutex);
}

enum sl_log_format sl_log_format(void)
{
    enum sl_log_format format;

    pthread_mutex_lock(&sink.mutex);
    format = sink.format;
    pthread_mutex_unlock(&sink.mutex);
    return format;
}

static bool is_hidden(const char *secret, size_t length)
{
    for (size_t i = 0; i < sink.secret_count; i++)
        if (strlen(sink.secrets[i]) == length && memcmp(sink.secrets[i], secret, length) == 0)
            return true;
    return false;
}

// Call with the mutex held.
static void keep_secret(const char *secret, size_t length)
{
    char **secrets;
    char *copy;

    if (length < LEAST_SECRET_BYTES || is_hidden(secret, length))
        return;
    copy = sink.secret_count < MOST_SECRETS ? strndup(secret, length) : NULL;
    secrets = copy ? reallocarray(sink.secrets, sink.secret_count + 1, sizeof *secrets) : NULL;
    if (!secrets) {
        free(copy);
        sink.is_muted = true;
        return;
    }
    sink.secrets = secrets;
    sink.secrets[sink.secret_count++] = copy;
}

// Secrets are printed inside JSON and SQL too, where quotes and control characters look different.
// `quoted` is the text with one quote at either end.
static void keep_quoted(struct sl_buf *quoted)
{
    if (quoted->has_failed)
        sink.is_muted = true;
    else
        keep_secret(quoted->text + 1, quoted->length - 2);
    sl_buf_reset(quoted);
}

// Mutex held.
static void keep_text(const char *secret, size_t length)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf quoted = SL_BUF_INIT;

    if (length < LEAST_SECRET_BYTES)
        return;
    sl_buf_add_bytes(&text, secret, length);
    keep_secret(secret, length);
    sl_buf_add_json_string(&quoted, text.text);
    quoted.has_failed = quoted.has_failed || text.has_failed;
    keep_quoted(&quoted);
    sl_buf_add_sql_string(&quoted, text.text);
    quoted.has_failed = quoted.has_failed || text.has_failed;
    keep_quoted(&quoted);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// As given, and as a client that takes it for a part of a URL prints it: "p%40ss" as "p@ss".
// Mutex held.
static void keep_decoded(const char *secret, size_t length)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    keep_text(secret, length);
    for (size_t i = 0; i < length; i++) {
        bool is_code = secret[i] == '%' && length - i > 2 && hex_value(secret[i + 1]) >= 0 &&
                       hex_value(secret[i + 2]) >= 0;
        int code = is_code ? hex_value(secret[i + 1]) * 16 + hex_value(secret[i + 2]) : 0;

        sl_buf_add_char(&text, code ? (char)(unsigned char)code : secret[i]);
        i += code ? 2 : 0;
    }
    sink.is_muted = sink.is_muted || text.has_failed;
    keep_text(text.text, text.length);
}

// "user:password" before the last '@' of what is no option. A password with a bare '@', '/', '?' or
// '#' is cut there by clients, and a piece is printed as the host: each piece is hidden. A user
// alone is no secret.
static void keep_user_info(const char *begin)
{
    static const char cuts[] = "@/?#";
    const char *end = NULL;
    const char *password;

    for (const char *at = begin; *at && (*at != '?' || !end); at++)
        if (*at == '@')
            end = at;
    password = end ? memchr(begin, ':', (size_t)(end - begin)) : NULL;
    if (!password)
        return;
    keep_decoded(begin, (size_t)(end - begin));
    keep_decoded(password + 1, (size_t)(end - password - 1));
    for (const char *at = password + 1; at < end; at++) {
        size_t length = strcspn(at, cuts);

        length = at + length < end ? length : (size_t)(end - at);
        keep_decoded(at, length);
        at += length;
    }
}

// "?password=..." and "&sslpassword=...".
static void keep_password_options(const char *text)
{
    static const char name[] = "password=";

    for (const char *at = strstr(text, name); at; at = strstr(at, name)) {
        at += strlen(name);
        keep_decoded(at, strcspn(at, "&#"));
    }
}

void sl_log_hide(const char *secret)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *authority;
    size_t length;

    // A secret read from a file ends with a line break that is not part of it wherever it is used.
    while (secret && isspace((unsigned char)*secret))
        secret++;
    length = secret ? strlen(secret) : 0;
    while (length > 0 && isspace((unsigned char)secret[length - 1]))
        length--;
    if (length < LEAST_SECRET_BYTES)
        return;
    sl_buf_add_bytes(&text, secret, length);
    pthread_mutex_lock(&sink.mutex);
    sink.is_muted = sink.is_muted || text.has_failed;
    keep_decoded(secret, length);
    authority = strstr(text.text, "://");
    if (authority) {
        keep_user_info(authority + strlen("://"));
        keep_password_options(authority);
    }
    pthread_mutex_unlock(&sink.mutex);
}

// How many bytes at `text` are one secret, or the start of one that was cut.
static size_t secret_length(const char *text)
{
    size_t longest = 0;

    for (size_t i = 0; i < sink.secret_count; i++) {
        const char *secret = sink.secrets[i];
        size_t same = 0;
        bool is_cut;

        while (secret[same] && secret[same] == text[same])
            same++;
        is_cut = same >= LEAST_SECRET_BYTES && !strncmp(text + same, CUT_MARK, strlen(CUT_MARK));
        if ((secret[same] == '\0' || is_cut) && same > longest)
            longest = same;
    }
    return longest;
}

// Adds `text` without secrets. Those may overlap: every byte that belongs to any is left out. Mutex
// held.
static void add_masked(struct sl_buf *buf, const char *text)
{
    const char *covered = text; // secrets seen so far reach up to here

    if (sink.is_muted) {
        sl_buf_add(buf, MASK);
        return;
    }
    for (const char *at = text; *at; at++) {
        size_t length = secret_length(at);

        if (length > 0 && at >= covered)
            sl_buf_add(buf, MASK);
        if (length > 0 && at + length > covered)
            covered = at + length;
        if (at >= covered)
            sl_buf_add_char(buf, *at);
    }
}

static bool needs_mask(const char *text)
{
    if (sink.is_muted)
        return true;
    for (const char *at = text; sink.secret_count > 0 && *at; at++)
        if (secret_length(at) > 0)
            return true;
    return false;
}

const char *sl_log_mask(const char *text, struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf masked = SL_BUF_INIT;
    const char *copy = text;

    if (!text)
        return NULL;
    pthread_mutex_lock(&sink.mutex);
    if (needs_mask(text)) {
        add_masked(&masked, text);
        copy = masked.has_failed ? NULL : sl_arena_strdup(arena, masked.text);
    }
    pthread_mutex_unlock(&sink.mutex);
    // Out of memory nothing is shown rather than too much.
    return copy ? copy : MASK;
}

static void add_masked_json_string(struct sl_buf *line, const char *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf masked = SL_BUF_INIT;

    add_masked(&masked, text);
    line->has_failed = line->has_failed || masked.has_failed;
    sl_buf_add_json_string(line, masked.text);
}

// A number is masked as printed, and becomes a text if it held a secret (a PIN).
static void add_masked_scalar(struct sl_buf *line, const json_t *value)
{
    char *printed = NULL;

    if (json_is_string(value)) {
        add_masked_json_string(line, json_string_value(value));
        return;
    }
    if (sl_json_print(value, &printed, NULL) != SL_OK)
        line->has_failed = true;
    else if (needs_mask(printed))
        add_masked_json_string(line, printed);
    else
        sl_buf_add(line, printed);
    free(printed);
}

// Objects and lists keep their form, whatever in them is masked.
static void add_field_value(struct sl_buf *line, const json_t *value, int depth)
{
    // jansson's iterator takes a mutable object and does not change it.
    json_t *object = (json_t *)(uintptr_t)value;
    const char *key;
    json_t *item;
    size_t i;
    bool is_first = true;

    if ((!json_is_object(value) && !json_is_array(value)) || depth == DEEPEST_FIELD) {
        add_masked_scalar(line, value);
        return;
    }
    sl_buf_add_char(line, json_is_object(value) ? '{' : '[');
    json_object_foreach (object, key, item) {
        sl_buf_add(line, is_first ? "" : ",");
        add_masked_json_string(line, key);
        sl_buf_add_char(line, ':');
        add_field_value(line, item, depth + 1);
        is_first = false;
    }
    json_array_foreach (value, i, item) {
        sl_buf_add(line, i ? "," : "");
        add_field_value(line, item, depth + 1);
    }
    sl_buf_add_char(line, json_is_object(value) ? '}' : ']');
}

int sl_log_print(const json_t *json, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    pthread_mutex_lock(&sink.mutex);
    add_field_value(&text, json, 0);
    pthread_mutex_unlock(&sink.mutex);
    SL_TRY(sl_buf_check(&text, err));
    *ret = strdup(text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static const char *level_name(enum sl_log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};

    return names[level];
}

static void add_json_line(struct sl_buf *line, enum sl_log_level level, const json_t *fields,
                          const char *message)
{
    char time[32];
    const char *key;
    json_t *value;
    // jansson's iterator takes a mutable object and does not change it.
    json_t *object = (json_t *)(uintptr_t)fields;

    sl_buf_addf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":",
                sl_clock_format(sl_clock_now_us(), time), level_name(level));
    add_masked_json_string(line, message);
    json_object_foreach (object, key, value) {
        sl_buf_add_char(line, ',');
        add_masked_json_string(line, key);
        sl_buf_add_char(line, ':');
        add_field_value(line, value, 0);
    }
    sl_buf_add(line, "}\n");
}

static void add_text_line(struct sl_buf *line, enum sl_log_level level, const char *message)
{
    char time[32];
    size_t start;

    sl_buf_addf(line, "%s %-5s ", sl_clock_format(sl_clock_now_us(), time), level_name(level));
    start = line->length;
    add_masked(line, message);
    // One entry is one line, whatever the message holds.
    for (size_t i = start; i < line->length; i++)
        if ((unsigned char)line->text[i] < 0x20)
            line->text[i] = ' ';
    sl_buf_add_char(line, '\n');
}

static void write_line(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t count = write(sink.fd, text, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return; // a log that cannot be written stops nobody's work
        text += count;
        length -= (size_t)count;
    }
}

void sl_log(enum sl_log_level level, const json_t *fields, const char *format, ...)
{
    static const char lost[] =
        "{\"level\":\"error\",\"message\":\"log line lost: out of memory\"}\n";
    SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf line = SL_BUF_INIT;
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&sink.mutex);
    if (level >= sink.least && level != SL_LOG_OFF && sink.fd >= 0) {
        sl_buf_vaddf(&message, format, args);
        if (sink.format == SL_LOG_JSON)
            add_json_line(&line, level, fields, message.text);
        else
            add_text_line(&line, level, message.text);
        if (message.has_failed || line.has_failed)
            write_line(lost, sizeof lost - 1);
        else
            write_line(line.text, line.length);
    }
    pthread_mutex_unlock(&sink.mutex);
    va_end(args);
}
