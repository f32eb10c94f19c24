#include "serve/listen.h"

#include "base/fs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 256 };

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               127;
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *in =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        return IN6_IS_ADDR_LOOPBACK(in) || (IN6_IS_ADDR_V4MAPPED(in) && in->s6_addr[12] == 127);
    }
    return address->sa_family == AF_UNIX;
}

bool sl_listen_is_loopback(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           is_loopback((struct sockaddr *)&address);
}

int sl_listen_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port) : 0;
}

static int fail_listen(const char *address, int errnum, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SERVE_LISTEN, "cannot listen on %s: %s", address, strerror(errnum));
    if (errnum == EADDRINUSE)
        return sl_err_hint(err, "another program has the port: give `serve.listen` another one");
    return sl_err_hint(err, "`serve.listen` takes an address of this machine and a port");
}

static int listen_on(const struct addrinfo *found, const char *address, int *ret_fd,
                     struct sl_err *err)
{
    const int yes = 1;
    SL_AUTO(sl_fd_close)
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail_listen(address, errno, err);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (found->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return fail_listen(address, errno, err);
    *ret_fd = fd;
    fd = -1;
    return SL_OK;
}

int sl_listen_tcp(const char *address, bool may_be_remote, int *ret_fd, struct sl_err *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *port = strrchr(address, ':');
    struct addrinfo *found = NULL;
    char host[256];
    int code;

    if (!port || (size_t)(port - address) >= sizeof host || port == address)
        return sl_fail(err, SL_E_SERVE_LISTEN, "'%s' is no address with a port", address);
    (void)snprintf(host, sizeof host, "%.*s", (int)(port - address), address);
    if (*host == '[' && port[-1] == ']')
        (void)snprintf(host, sizeof host, "%.*s", (int)(port - address - 2), address + 1);
    int wrong = getaddrinfo(host, port + 1, &wanted, &found);
    if (wrong != 0)
        return sl_fail(err, SL_E_SERVE_LISTEN, "cannot listen on %s: %s", address,
                       gai_strerror(wrong));
    if (!may_be_remote && !is_loopback(found->ai_addr)) {
        (void)sl_fail(err, SL_E_SERVE_LISTEN,
                      "other machines reach %s, and there is no token to ask them for", address);
        code = sl_err_hint(err, "name who may ask in `serve.tokens` of sluice.yml, or listen on "
                                "127.0.0.1");
    } else {
        code = listen_on(found, address, ret_fd, err);
    }
    freeaddrinfo(found);
    return code;
}

int sl_listen_open_folder(const char *folder)
{
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void sl_listen_short_path(int folder_fd, char ret[64])
{
    (void)snprintf(ret, 64, "/proc/self/fd/%d/" SL_SERVE_SOCKET, folder_fd);
}

// A socket file that nobody listens on is what a killed service has left.
static int remove_stale(const char *folder, const struct sockaddr_un *address, struct sl_err *err)
{
    struct stat known;

    if (lstat(address->sun_path, &known) != 0)
        return errno == ENOENT ? SL_OK : sl_fail_errno(err, errno, "%s/" SL_SERVE_SOCKET, folder);
    if (!S_ISSOCK(known.st_mode))
        return sl_fail(err, SL_E_SERVE_LISTEN, "%s/" SL_SERVE_SOCKET " is no socket", folder);
    SL_AUTO(sl_fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sl_fail_errno(err, errno, "a socket");
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        return sl_fail(err, SL_E_SERVE_RUNNING, "another `sluice serve` answers on %s/%s", folder,
                       SL_SERVE_SOCKET);
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return sl_fail_errno(err, errno, "cannot remove %s/" SL_SERVE_SOCKET, folder);
    return SL_OK;
}

int sl_listen_unix(const char *folder, int *ret_fd, struct sl_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    SL_AUTO(sl_fd_close) int folder_fd = sl_listen_open_folder(folder);
    char path[64];

    if (folder_fd < 0)
        return sl_fail_errno(err, errno, "cannot open %s", folder);
    sl_listen_short_path(folder_fd, path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    SL_TRY(remove_stale(folder, &address, err));
    SL_AUTO(sl_fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sl_fail_errno(err, errno, "a socket");
    // Never open to others, not even for a moment: nobody can connect before listen().
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int wrong = errno;
        (void)sl_fail(err, SL_E_SERVE_LISTEN, "cannot listen on %s/%s: %s", folder, SL_SERVE_SOCKET,
                      strerror(wrong));
        return (int)err->code;
    }
    *ret_fd = fd;
    fd = -1;
    return SL_OK;
}
