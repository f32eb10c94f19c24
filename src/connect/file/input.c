#include "connect/file/input.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PACKED_BYTES ((size_t)1 << 18)

enum packing { PLAIN, GZIP, ZSTD };

struct sl_input {
    int fd;
    enum packing packing;
    EVP_MD_CTX *digest;
    int64_t size_bytes; // read from the file so far
    _Atomic int64_t *bytes_done;
    bool is_at_end; // of the file
    // Packed bytes that wait to be unpacked.
    unsigned char *packed;
    size_t packed_start, packed_end;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool has_stream;  // gzip was set up
    bool is_in_frame; // a member or frame has begun and not ended
    bool has_frame;   // at least one has ended
};

void sl_input_close(struct sl_input **input)
{
    struct sl_input *self = input ? *input : NULL;

    if (!self)
        return;
    sl_fd_close(&self->fd);
    EVP_MD_CTX_free(self->digest);
    if (self->has_stream)
        inflateEnd(&self->gzip);
    ZSTD_freeDStream(self->zstd);
    free(self->packed);
    free(self);
    *input = NULL;
}

// Whatever the machine says, it says it of this file: the others can go on.
static int blame_file(int code, struct sl_err *err)
{
    if (err)
        err->code = SL_E_SOURCE_FILE;
    return code == SL_OK ? SL_OK : SL_E_SOURCE_FILE;
}

static int set_up(struct sl_input *input, const char *path, struct sl_err *err)
{
    input->digest = EVP_MD_CTX_new();
    if (!input->digest || EVP_DigestInit_ex(input->digest, EVP_sha256(), NULL) != 1)
        return sl_fail_memory(err);
    do
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
    while (input->fd < 0 && errno == EINTR);
    if (input->fd < 0)
        return blame_file(sl_fail_errno(err, errno, "cannot open it"), err);
    (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (input->packing == PLAIN)
        return SL_OK;
    input->packed = malloc(PACKED_BYTES);
    SL_TRY_NEW(input->packed, err);
    if (input->packing == ZSTD) {
        input->zstd = ZSTD_createDStream();
        return input->zstd ? SL_OK : sl_fail_memory(err);
    }
    // 16: a gzip header is expected, and nothing else.
    if (inflateInit2(&input->gzip, 15 + 16) != Z_OK)
        return sl_fail_memory(err);
    input->has_stream = true;
    return SL_OK;
}

int sl_input_open(const char *path, struct sl_input **ret, struct sl_err *err)
{
    SL_AUTO(sl_input_close) struct sl_input *input = calloc(1, sizeof *input);

    SL_TRY_NEW(input, err);
    input->fd = -1;
    if (sl_str_ends(path, ".gz"))
        input->packing = GZIP;
    else if (sl_str_ends(path, ".zst"))
        input->packing = ZSTD;
    SL_TRY(set_up(input, path, err));
    *ret = input;
    input = NULL;
    return SL_OK;
}

// Bytes as they stand in the file.
static int read_file(struct sl_input *input, void *bytes, size_t capacity, size_t *ret_length,
                     struct sl_err *err)
{
    ssize_t count;

    do
        count = read(input->fd, bytes, capacity);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return blame_file(sl_fail_errno(err, errno, "cannot read it"), err);
    if (count == 0)
        input->is_at_end = true;
    else if (EVP_DigestUpdate(input->digest, bytes, (size_t)count) != 1)
        return sl_fail(err, SL_E_INTERNAL, "a hash cannot be computed");
    input->size_bytes += count;
    if (input->bytes_done)
        atomic_fetch_add(input->bytes_done, count);
    *ret_length = (size_t)count;
    return SL_OK;
}

static int refill(struct sl_input *input, struct sl_err *err)
{
    size_t length = 0;

    if (input->packed_start < input->packed_end || input->is_at_end)
        return SL_OK;
    SL_TRY(read_file(input, input->packed, PACKED_BYTES, &length, err));
    input->packed_start = 0;
    input->packed_end = length;
    return SL_OK;
}

static int unpack_gzip(struct sl_input *input, void *bytes, size_t capacity, size_t *ret_length,
                       struct sl_err *err)
{
    z_stream *stream = &input->gzip;
    size_t room = capacity < UINT32_MAX ? capacity : UINT32_MAX;
    int code;

    if (!input->is_in_frame && inflateReset(stream) != Z_OK)
        return sl_fail_memory(err);
    input->is_in_frame = true;
    stream->next_in = input->packed + input->packed_start;
    stream->avail_in = (uInt)(input->packed_end - input->packed_start);
    stream->next_out = bytes;
    stream->avail_out = (uInt)room;
    code = inflate(stream, Z_NO_FLUSH);
    input->packed_start = input->packed_end - stream->avail_in;
    *ret_length = room - stream->avail_out;
    if (code == Z_MEM_ERROR)
        return sl_fail_memory(err);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return sl_fail(err, SL_E_SOURCE_FILE, "its gzip data is damaged (%s)",
                       stream->msg ? stream->msg : "a preset dictionary");
    if (code == Z_STREAM_END) {
        input->is_in_frame = false;
        input->has_frame = true;
    }
    return SL_OK;
}

static int unpack_zstd(struct sl_input *input, void *bytes, size_t capacity, size_t *ret_length,
                       struct sl_err *err)
{
    ZSTD_inBuffer in = {input->packed, input->packed_end, input->packed_start};
    ZSTD_outBuffer out = {bytes, capacity, 0};
    size_t code = ZSTD_decompressStream(input->zstd, &out, &in);

    if (ZSTD_isError(code))
        return sl_fail(err, SL_E_SOURCE_FILE, "its zstd data is damaged (%s)",
                       ZSTD_getErrorName(code));
    input->packed_start = in.pos;
    input->is_in_frame = code != 0;
    input->has_frame = input->has_frame || code == 0;
    *ret_length = out.pos;
    return SL_OK;
}

int sl_input_read(struct sl_input *input, void *bytes, size_t capacity, size_t *ret_length,
                  struct sl_err *err)
{
    size_t length = 0;

    if (input->packing == PLAIN)
        return read_file(input, bytes, capacity, ret_length, err);
    do {
        SL_TRY(refill(input, err));
        if (input->packed_start == input->packed_end && !input->is_in_frame)
            break;
        if (input->packing == GZIP)
            SL_TRY(unpack_gzip(input, bytes, capacity, &length, err));
        else
            SL_TRY(unpack_zstd(input, bytes, capacity, &length, err));
        // Nothing comes out and nothing more goes in.
        if (length == 0 && input->is_at_end && input->is_in_frame)
            break;
    } while (length == 0);
    if (length == 0 && (input->is_in_frame || !input->has_frame))
        return sl_fail(err, SL_E_SOURCE_FILE, "its %s data ends too early",
                       input->packing == GZIP ? "gzip" : "zstd");
    *ret_length = length;
    return SL_OK;
}

void sl_input_count(struct sl_input *input, _Atomic int64_t *bytes_done)
{
    input->bytes_done = bytes_done;
    if (bytes_done)
        atomic_fetch_add(bytes_done, input->size_bytes);
}

int sl_input_hash(struct sl_input *input, char ret_hex[65], int64_t *ret_size_bytes,
                  struct sl_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (EVP_DigestFinal_ex(input->digest, digest, &length) != 1)
        return sl_fail(err, SL_E_INTERNAL, "a hash cannot be computed");
    for (size_t i = 0; i < length; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    *ret_size_bytes = input->size_bytes;
    return SL_OK;
}
