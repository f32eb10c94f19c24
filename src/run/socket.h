// All bytes of a message between processes of this program, over a pair of sockets.
#ifndef SL_RUN_SOCKET_H
#define SL_RUN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

// False where the other side is gone; errno says what was wrong, and there is no SIGPIPE.
bool sl_socket_send(int fd, const void *bytes, size_t length);
bool sl_socket_send_both(int fd, const void *head, size_t head_length, const void *body,
                         size_t length);
// False too where the stream ends before the last byte.
bool sl_socket_receive(int fd, void *bytes, size_t length);

#endif
