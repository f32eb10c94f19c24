// Asks the service of a project over its unix socket: `sluice trigger`, `cancel` and so on.
#ifndef SL_SERVE_CLIENT_H
#define SL_SERVE_CLIENT_H

#include "base/json.h"

// Sends a request to <folder>/serve.sock, whose answer is JSON. `path` begins with "/"; each part
// of it that comes from outside was given to sl_client_part. `body` may be NULL: no body. An answer
// of 400 and more becomes the error that it tells. SL_E_SERVE_NOBODY: nobody answers there.
SL_MUST int sl_client_ask(const char *folder, const char *method, const char *path,
                          const json_t *body, json_t **ret, struct sl_err *err);
// GET, of one that has an answer at hand: it is waited for two seconds at most (SL_E_SERVE_BUSY).
SL_MUST int sl_client_look(const char *folder, const char *path, json_t **ret, struct sl_err *err);
// "ingest customers" -> "ingest%20customers", in the arena; NULL out of memory.
char *sl_client_part(struct sl_arena *arena, const char *text);

#endif
