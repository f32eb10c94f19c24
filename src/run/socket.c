#include "run/socket.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

bool sl_socket_send(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool sl_socket_send_both(int fd, const void *head, size_t head_length, const void *body,
                         size_t length)
{
    struct iovec parts[] = {{.iov_base = (void *)(uintptr_t)head, .iov_len = head_length},
                            {.iov_base = (void *)(uintptr_t)body, .iov_len = length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return false;
    size_t done = (size_t)sent;
    if (done < head_length && !sl_socket_send(fd, (const char *)head + done, head_length - done))
        return false;
    done = done > head_length ? done - head_length : 0;
    return sl_socket_send(fd, (const char *)body + done, length - done);
}

bool sl_socket_receive(int fd, void *bytes, size_t length)
{
    char *at = bytes;
    while (length) {
        ssize_t got = recv(fd, at, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        length -= (size_t)got;
    }
    return true;
}
