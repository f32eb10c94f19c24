// Who asks, and whether they may. Pure but for the names of this machine's users.
#ifndef SL_SERVE_AUTH_H
#define SL_SERVE_AUTH_H

#include "serve/routes.h"

#include <sys/types.h>

// What is known of a caller.
struct sl_caller {
    bool is_local; // over the unix socket, whose file only its owner (and root) can open
    bool has_peer; // of it: the user who asks
    uid_t peer;
    bool is_loopback; // over TCP: asked at an address that only this machine reaches
    const char *host, *authorization; // of the header; NULL: none
};

// Fills request->who and rights, and says whether request->route may be asked. SL_E_SERVE_REFUSED,
// with the status in *ret_status: 401 no token or an unknown one, 403 it may not do this, 421 the
// Host is not ours, as a page that rebinds its name to this machine would have it.
SL_MUST int sl_auth(struct sl_request *request, const struct sl_caller *caller,
                    const struct sl_serve_spec *settings, int *ret_status, struct sl_err *err);

#endif
