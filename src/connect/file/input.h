// The bytes of one file, unpacked on the way: plain, .gz (any number of members), .zst (any number
// of frames).
#ifndef SL_CONNECT_FILE_INPUT_H
#define SL_CONNECT_FILE_INPUT_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

struct sl_input;

// What unpacks it is chosen by the name. SL_E_SOURCE_FILE.
SL_MUST int sl_input_open(const char *path, struct sl_input **ret, struct sl_err *err);
// The next bytes; 0 of them at the end only. SL_E_SOURCE_FILE if what is packed is damaged or ends
// too early.
SL_MUST int sl_input_read(struct sl_input *input, void *bytes, size_t capacity, size_t *ret_length,
                          struct sl_err *err);
// Bytes of the file (packed, if it is) are added there as they are read, and those that were; may
// be NULL.
void sl_input_count(struct sl_input *input, _Atomic int64_t *bytes_done);
// SHA-256 over the file's bytes (packed, if it is), and how many they were. Only after the end was
// reached.
SL_MUST int sl_input_hash(struct sl_input *input, char ret_hex[65], int64_t *ret_size_bytes,
                          struct sl_err *err);
void sl_input_close(struct sl_input **input); // for SL_AUTO

#endif
