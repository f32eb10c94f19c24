// Sockets that the service listens on.
#ifndef SL_SERVE_LISTEN_H
#define SL_SERVE_LISTEN_H

#include "base/arena.h"

#define SL_SERVE_SOCKET "serve.sock"

// "127.0.0.1:7410", "[::1]:0", "localhost:7410". An address that other machines reach only if
// `may_be_remote`. SL_E_SERVE_LISTEN.
SL_MUST int sl_listen_tcp(const char *address, bool may_be_remote, int *ret_fd, struct sl_err *err);
// Whether the address of a socket of this machine is one that only it reaches; not of TCP: true.
bool sl_listen_is_loopback(int fd);
int sl_listen_port(int fd); // 0: not of TCP
// <folder>/serve.sock, mode 0600. SL_E_SERVE_RUNNING: somebody answers there. However long the
// folder's path is: it is reached by a descriptor.
SL_MUST int sl_listen_unix(const char *folder, int *ret_fd, struct sl_err *err);
// A path of at most 107 bytes to the socket in a folder that is open as `folder_fd`, good for this
// process.
void sl_listen_short_path(int folder_fd, char ret[64]);
// Opens the folder for that. -1: it is not there, errno says why.
int sl_listen_open_folder(const char *folder);

#endif
