// Reads a text file for the engine: the splitter writes on its own thread into a pipe, which the
// engine's read_csv opens as /dev/fd/N. The reader keeps an end of the pipe open meanwhile, so that
// the writer is not told that nobody reads before the engine begins, and is told at once when all
// is over.
#include "connect/file/reader.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
// The engine's own defaults, below which nothing is gained.
#define ENGINE_LINE_BYTES ((size_t)2000000)
#define ENGINE_BUFFER_BYTES ((size_t)32000000)
// Of several files in one pipe a position holds the file's place above these bits.
#define POSITION_BITS 40
#define SMALL_CHUNK_BYTES ((size_t)1 << 16)

struct sl_text_reader {
    struct sl_split_file file;
    struct sl_strs names;
    size_t longest_bytes; // line seen in an earlier run
    bool is_running;
    struct sl_text_reader **others; // that this one's thread writes after it
    size_t other_count;
    int read_fd;
    pthread_t thread;
    // The thread's own until it is joined.
    struct sl_split split;
    struct sl_lane lane;
    int code;
    struct sl_err err;
    char sha256[65];
    int64_t size_bytes;
};

int sl_text_reader_open(struct sl_file_reader *reader, enum sl_split_format format,
                        const char *delimiter, struct sl_err *err)
{
    SL_AUTO(sl_split_clear)
    struct sl_split split = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    struct sl_text_reader *text = SL_NEW(reader->arena, struct sl_text_reader);
    struct sl_column *columns;

    SL_TRY_NEW(text, err);
    *text = (struct sl_text_reader){
        .file = {reader->part->path, reader->options, format, delimiter, 0}, .read_fd = -1};
    SL_TRY(sl_split_open(&text->file, NULL, reader->arena, &split, err));
    text->names = split.names;
    columns = SL_NEW_ARRAY(reader->arena, struct sl_column, split.names.count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < split.names.count; i++)
        columns[i] = (struct sl_column){split.names.items[i], "VARCHAR"};
    reader->base.columns = columns;
    reader->base.column_count = split.names.count;
    reader->text = text;
    return SL_OK;
}

// --- the thread

static int split_all(struct sl_text_reader *text, struct sl_err *err)
{
    SL_TRY(sl_split_run(&text->split, &text->lane, err));
    return sl_input_hash(text->split.text.input, text->sha256, &text->size_bytes, err);
}

// The rest are no worth without the one that failed.
static void split_others(struct sl_text_reader *text)
{
    int code = text->code;

    for (size_t i = 0; i < text->other_count; i++) {
        struct sl_text_reader *other = text->others[i];

        other->lane.fd = text->lane.fd;
        other->code = code;
        other->err = text->err;
        if (code == SL_OK)
            code = other->code = split_all(other, &other->err);
        other->lane.fd = -1;
    }
}

static void *run(void *self)
{
    struct sl_text_reader *text = self;
    sigset_t signals;

    // An engine that stops reading is an error of write(), not the end of the process.
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    text->code = split_all(text, &text->err);
    split_others(text);
    // Now the engine sees the end.
    sl_fd_close(&text->lane.fd);
    return NULL;
}

static int start_thread(struct sl_text_reader *text, struct sl_err *err)
{
    int fds[2];
    int code;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "cannot make a pipe");
    // Larger is faster, and may be refused.
    (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    text->read_fd = fds[0];
    text->lane.fd = fds[1];
    code = pthread_create(&text->thread, NULL, run, text);
    if (code != 0) {
        sl_fd_close(&text->read_fd);
        sl_fd_close(&text->lane.fd);
        return sl_fail_errno(err, code, "cannot start a thread");
    }
    text->is_running = true;
    return SL_OK;
}

static void end_run(struct sl_text_reader *text)
{
    if (text->is_running) {
        // First, so that a writer whose pipe nobody empties goes on to its end.
        sl_fd_close(&text->read_fd);
        pthread_join(text->thread, NULL);
        text->is_running = false;
    }
    sl_split_clear(&text->split);
    sl_lane_clear(&text->lane);
}

// --- the engine's side

static void add_byte_string(struct sl_buf *sql, char c)
{
    char text[2] = {c, '\0'};

    sl_buf_add_sql_string(sql, text);
}

static void add_read_csv(const struct sl_text_reader *text, struct sl_buf *sql)
{
    size_t line =
        text->longest_bytes + 64 > ENGINE_LINE_BYTES ? text->longest_bytes + 64 : ENGINE_LINE_BYTES;
    size_t buffer = line + 4096 > ENGINE_BUFFER_BYTES ? line + 4096 : ENGINE_BUFFER_BYTES;

    sl_buf_addf(
        sql, "read_csv('/dev/fd/%d', auto_detect = false, header = false, delim = ", text->read_fd);
    add_byte_string(sql, text->lane.delimiter);
    sl_buf_add(sql, ", quote = ");
    add_byte_string(sql, text->lane.quote);
    sl_buf_add(sql, ", escape = ");
    add_byte_string(sql, text->lane.quote);
    sl_buf_add(sql, ", new_line = '\\n', compression = 'none', allow_quoted_nulls = false");
    if (text->lane.is_careful)
        sl_buf_addf(sql, ", parallel = false, max_line_size = %zu, buffer_size = %zu", line,
                    buffer);
    sl_buf_add(sql, ", columns = {'_position': 'BIGINT', '_corrupt': 'VARCHAR'");
    for (size_t i = 0; i < text->names.count; i++)
        sl_buf_addf(sql, ", 'c%zu': 'VARCHAR'", i);
    sl_buf_add(sql, "})");
}

static void add_select(const struct sl_text_reader *text, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < text->names.count; i++) {
        sl_buf_addf(sql, "c%zu as ", i);
        sl_buf_add_sql_name(sql, text->names.items[i]);
        sl_buf_add(sql, ", ");
    }
    sl_buf_add(sql, "_position, from_hex(_corrupt) as _corrupt from ");
    add_read_csv(text, sql);
}

static int open_lane(struct sl_file_reader *reader, bool careful, struct sl_err *err)
{
    struct sl_text_reader *text = reader->text;

    SL_TRY(sl_split_open(&text->file, &text->names, reader->arena, &text->split, err));
    text->lane = (struct sl_lane){.fd = -1, .is_careful = careful};
    sl_split_set_lane(&text->split, &text->lane);
    text->others = NULL;
    text->other_count = 0;
    text->code = SL_OK;
    sl_err_clear(&text->err);
    return SL_OK;
}

static int start(struct sl_file_reader *reader, bool careful, const char **ret_sql,
                 struct sl_err *err)
{
    struct sl_text_reader *text = reader->text;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    SL_TRY(open_lane(reader, careful, err));
    // Read a second time, they are no progress.
    if (!careful)
        sl_input_count(text->split.text.input, reader->base.bytes_done);
    SL_TRY(start_thread(text, err));
    add_select(text, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    *ret_sql = sl_arena_strdup(reader->arena, sql.text);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

int sl_text_reader_start(struct sl_file_reader *reader, bool careful, const char **ret_sql,
                         struct sl_err *err)
{
    reader->text->file.chunk_bytes = 0; // it may have been one of many before
    int code = start(reader, careful, ret_sql, err);

    if (code != SL_OK)
        end_run(reader->text);
    return code;
}

int sl_text_reader_count(struct sl_file_reader *reader, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_split_clear) struct sl_split split = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    SL_AUTO(sl_lane_clear) struct sl_lane lane = {.fd = -1};
    SL_AUTO(sl_fd_close) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open '/dev/null'");
    lane.fd = fd;
    SL_TRY(sl_split_open(&reader->text->file, &reader->text->names, reader->arena, &split, err));
    sl_split_set_lane(&split, &lane);
    SL_TRY(sl_split_run(&split, &lane, err));
    *ret = lane.records;
    return SL_OK;
}

bool sl_text_reader_goes_with(const struct sl_file_reader *reader,
                              const struct sl_file_reader *other)
{
    const struct sl_text_reader *own = reader->text;
    const struct sl_text_reader *next = other->text;

    if (own->file.format != next->file.format || own->names.count != next->names.count ||
        !sl_str_equal(own->file.delimiter, next->file.delimiter))
        return false;
    for (size_t i = 0; i < own->names.count; i++)
        if (!sl_str_equal(own->names.items[i], next->names.items[i]))
            return false;
    return own->names.count > 0;
}

static int start_many(struct sl_file_reader *const *readers, size_t count, const char **ret_sql,
                      struct sl_err *err)
{
    struct sl_text_reader *first = readers[0]->text;
    struct sl_text_reader **others =
        SL_NEW_ARRAY(readers[0]->arena, struct sl_text_reader *, count);
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    SL_TRY_NEW(others, err);
    for (size_t i = 0; i < count; i++) {
        others[i] = readers[i]->text;
        others[i]->file.chunk_bytes = SMALL_CHUNK_BYTES;
        SL_TRY(open_lane(readers[i], false, err));
        others[i]->lane.base = (int64_t)i << POSITION_BITS;
    }
    first->others = others + 1;
    first->other_count = count - 1;
    SL_TRY(start_thread(first, err));
    sl_buf_addf(&sql,
                "select * replace (_position & %lld as _position), cast(_position >> %d as "
                "INTEGER) as \"~part\" from (",
                (1LL << POSITION_BITS) - 1, POSITION_BITS);
    add_select(first, &sql);
    sl_buf_add_char(&sql, ')');
    SL_TRY(sl_buf_check(&sql, err));
    *ret_sql = sl_arena_strdup(readers[0]->arena, sql.text);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

int sl_text_reader_start_many(struct sl_file_reader *const *readers, size_t count,
                              const char **ret_sql, struct sl_err *err)
{
    int code = start_many(readers, count, ret_sql, err);

    for (size_t i = 0; code != SL_OK && i < count; i++)
        end_run(readers[i]->text);
    return code;
}

int sl_text_reader_finish(struct sl_file_reader *reader, struct sl_source_end *ret,
                          struct sl_err *err)
{
    struct sl_text_reader *text = reader->text;
    struct sl_lane lane;

    end_run(text);
    lane = text->lane;
    text->longest_bytes = lane.longest_bytes;
    // An engine that stopped has its own error, and what it staged is not what was counted.
    if (text->code != SL_OK && !lane.is_gone) {
        *err = text->err;
        return text->code;
    }
    if (text->code == SL_OK && text->size_bytes != reader->part->size_bytes) {
        (void)sl_fail(err, SL_E_SOURCE_FILE,
                      "it had %lld bytes when it was listed and %lld when it was read",
                      (long long)reader->part->size_bytes, (long long)text->size_bytes);
        return sl_err_hint(err, "run again when its writer is done");
    }
    *ret = (struct sl_source_end){
        .records = lane.records,
        .corrupt = lane.corrupt,
        .position_sum = lane.position_sum,
        .needs_care = lane.needs_care,
    };
    memcpy(ret->sha256, text->sha256, sizeof ret->sha256);
    return SL_OK;
}

void sl_text_reader_close(struct sl_file_reader *reader)
{
    end_run(reader->text);
}
