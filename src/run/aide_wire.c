#include "run/aide_wire.h"

#include "run/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void sl_wire_put_number(struct sl_buf *to, int64_t number)
{
    sl_buf_add_bytes(to, &number, sizeof number);
}

void sl_wire_put_bytes(struct sl_buf *to, const void *bytes, size_t length)
{
    sl_wire_put_number(to, bytes ? (int64_t)length : -1);
    if (!bytes)
        return;
    sl_buf_add_bytes(to, bytes, length);
    sl_buf_add_char(to, '\0');
}

void sl_wire_put_text(struct sl_buf *to, const char *text)
{
    sl_wire_put_bytes(to, text, text ? strlen(text) : 0);
}

int64_t sl_wire_number(struct sl_wire *from)
{
    int64_t number = 0;
    if ((size_t)(from->end - from->at) < sizeof number)
        return 0;
    memcpy(&number, from->at, sizeof number);
    from->at += sizeof number;
    return number;
}

const char *sl_wire_bytes(struct sl_wire *from, size_t *ret_length)
{
    bool has_more = (size_t)(from->end - from->at) >= sizeof(int64_t);
    int64_t length = sl_wire_number(from);
    const char *bytes = from->at;
    *ret_length = 0;
    if (!has_more || length < 0 || length >= from->end - from->at || bytes[length] != '\0')
        return NULL;
    from->at += length + 1;
    *ret_length = (size_t)length;
    return bytes;
}

const char *sl_wire_text(struct sl_wire *from)
{
    size_t length;
    return sl_wire_bytes(from, &length);
}

// One that fits into the socket goes at once: who sees its beginning need not wait for the rest.
bool sl_wire_send(int fd, const struct sl_buf *message)
{
    uint64_t length = message->length;
    struct iovec parts[2] = {{&length, sizeof length}, {message->text, message->length}};
    struct msghdr both = {.msg_iov = parts, .msg_iovlen = 2};
    if (message->has_failed)
        return false;
    ssize_t sent;
    do {
        sent = sendmsg(fd, &both, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < (ssize_t)sizeof length) // of an empty socket never: it has room for more
        return false;
    size_t used = (size_t)sent - sizeof length;
    return sl_socket_send(fd, message->text + used, message->length - used);
}

bool sl_wire_receive(int fd, struct sl_arena *arena, struct sl_wire *ret)
{
    uint64_t length;
    if (!sl_socket_receive(fd, &length, sizeof length) || length >= PTRDIFF_MAX)
        return false;
    char *bytes = sl_arena_alloc(arena, (size_t)length + 1);
    if (!bytes || !sl_socket_receive(fd, bytes, (size_t)length))
        return false;
    *ret = (struct sl_wire){bytes, bytes + length};
    return true;
}

// Files go with a byte of their own.
union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

bool sl_wire_send_files(int fd, const int files[2])
{
    union control control = {0};
    char byte = 'f';
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(head), files, 2 * sizeof(int));
    return sendmsg(fd, &message, MSG_NOSIGNAL) == 1;
}

bool sl_wire_receive_files(int fd, int ret_files[2])
{
    union control control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
        return false;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    memcpy(ret_files, CMSG_DATA(head), 2 * sizeof(int));
    return true;
}
