// Messages between a process and its aide: numbers and texts one after the other, behind the length
// of all of them. Both ends are one program, so that structs travel as they lie in memory.
#ifndef SL_RUN_AIDE_WIRE_H
#define SL_RUN_AIDE_WIRE_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdint.h>

enum sl_aide_request {
    SL_AIDE_CONNECT,
    SL_AIDE_DISCONNECT,
    SL_AIDE_EXEC,
    SL_AIDE_QUERY,
    SL_AIDE_DESCRIBE,
    SL_AIDE_HURRY,
    SL_AIDE_SCAN_SQL,
    SL_AIDE_CREATE_VIEW,
    SL_AIDE_STAGE,
    SL_AIDE_EXTEND,
    SL_AIDE_ATTACH,
    SL_AIDE_DETACH,
    SL_AIDE_HAS_TABLE,
    SL_AIDE_PARSE,
    SL_AIDE_FORESEE,
    SL_AIDE_ADOPT, // comes with two files: the run's lock, and what becomes its stderr
};

void sl_wire_put_number(struct sl_buf *to, int64_t number);
void sl_wire_put_bytes(struct sl_buf *to, const void *bytes, size_t length); // NULL travels
void sl_wire_put_text(struct sl_buf *to, const char *text);                  // so does it here

// What was received. Texts live in the arena that it was received in, ended by a NUL.
struct sl_wire {
    const char *at, *end;
};
int64_t sl_wire_number(struct sl_wire *from); // 0 behind the end
const char *sl_wire_bytes(struct sl_wire *from, size_t *ret_length);
const char *sl_wire_text(struct sl_wire *from); // NULL behind the end

// False: the other process is gone, or memory is out.
bool sl_wire_send(int fd, const struct sl_buf *message);
bool sl_wire_receive(int fd, struct sl_arena *arena, struct sl_wire *ret);
bool sl_wire_send_files(int fd, const int files[2]);
bool sl_wire_receive_files(int fd, int ret_files[2]);

#endif
