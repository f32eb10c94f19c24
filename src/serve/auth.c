#include "serve/auth.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

#define ALL_RIGHTS (SL_MAY_READ | SL_MAY_RUN | SL_MAY_ADMIN)

// The name before ":port"; of "[::1]:7410" with its brackets.
static bool is_host(const char *host, const char *name)
{
    size_t length = strlen(name);

    return strncasecmp(host, name, length) == 0 &&
           (host[length] == '\0' || (host[length] == ':' && (host[length + 1] == '\0' ||
                                                             sl_str_is_whole(host + length + 1))));
}

static bool is_our_host(const char *host, const struct sl_serve_spec *settings)
{
    static const char *const ours[] = {"localhost", "127.0.0.1", "[::1]"};

    if (!host)
        return true; // HTTP/1.0, which no browser speaks
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (is_host(host, ours[i]))
            return true;
    for (size_t i = 0; settings && i < settings->hosts.count; i++)
        if (is_host(host, settings->hosts.items[i]))
            return true;
    return false;
}

static int local_name(struct sl_request *request, const struct sl_caller *caller,
                      struct sl_err *err)
{
    struct passwd entry, *found = NULL;
    char space[4096];

    request->who = "local";
    request->rights = ALL_RIGHTS;
    if (!caller->has_peer)
        return SL_OK;
    request->who = getpwuid_r(caller->peer, &entry, space, sizeof space, &found) == 0 && found
                       ? sl_arena_strdup(&request->arena, found->pw_name)
                       : sl_arena_printf(&request->arena, "uid %u", (unsigned)caller->peer);
    SL_TRY_NEW(request->who, err);
    return SL_OK;
}

static int digest(const char *text, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;

    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, text);
    return sl_hash_end(hash, ret_hex, err);
}

// All are compared, each in a time that does not depend on what they are: digests have one length.
static int find_token(const char *value, const struct sl_serve_spec *settings,
                      const struct sl_token **ret, struct sl_err *err)
{
    const struct sl_token *tokens = settings->tokens.items;
    char given[65], known[65];

    SL_TRY(digest(value, given, err));
    *ret = NULL;
    for (size_t i = 0; i < settings->tokens.count; i++) {
        SL_TRY(digest(tokens[i].value, known, err));
        if (CRYPTO_memcmp(given, known, sizeof known) == 0)
            *ret = &tokens[i];
    }
    return SL_OK;
}

static int take_token(struct sl_request *request, const struct sl_caller *caller,
                      const struct sl_serve_spec *settings, struct sl_err *err)
{
    const char *text = caller->authorization;
    const struct sl_token *token = NULL;

    if (!text)
        return SL_OK;
    if (strncasecmp(text, "Bearer ", 7) == 0 && settings && settings->tokens.count > 0) {
        text += 7;
        SL_TRY(find_token(text + strspn(text, " "), settings, &token, err));
    }
    if (!token)
        return sl_fail(err, SL_E_SERVE_REFUSED, "the token is not one of `serve.tokens`");
    request->rights = sl_token_rights(token);
    request->who = sl_arena_strdup(&request->arena, token->name);
    SL_TRY_NEW(request->who, err);
    return SL_OK;
}

static const char *right_name(unsigned right)
{
    return right & SL_MAY_ADMIN ? "admin" : right & SL_MAY_RUN ? "run" : "read";
}

// Nobody in particular: reads on this machine, as long as nobody has said who may.
static int check_nobody(const struct sl_request *request, const struct sl_caller *caller,
                        const struct sl_serve_spec *settings, struct sl_err *err)
{
    const struct sl_route *route = request->route;

    if (route->may == 0)
        return SL_OK;
    if (settings && settings->tokens.count > 0)
        return sl_fail(err, SL_E_SERVE_REFUSED, "a token is needed: Authorization: Bearer VALUE");
    if (route->may == SL_MAY_READ && caller->is_loopback)
        return SL_OK;
    (void)sl_fail(err, SL_E_SERVE_REFUSED, "%s needs a token that may %s", route->summary,
                  right_name(route->may));
    return sl_err_hint(err, "name one in `serve.tokens` of sluice.yml, or ask over the unix socket "
                            "in the state folder");
}

int sl_auth(struct sl_request *request, const struct sl_caller *caller,
            const struct sl_serve_spec *settings, int *ret_status, struct sl_err *err)
{
    const struct sl_route *route = request->route;

    if (caller->is_local)
        return local_name(request, caller, err);
    *ret_status = 401;
    SL_TRY(take_token(request, caller, settings, err));
    if (!request->who) {
        request->who = "anybody";
        request->rights = SL_MAY_READ;
        SL_TRY(check_nobody(request, caller, settings, err));
        *ret_status = 421;
        if (route->may != 0 && !is_our_host(caller->host, settings)) {
            (void)sl_fail(err, SL_E_SERVE_REFUSED, "'%.200s' is no name of this service",
                          caller->host);
            return sl_err_hint(err, "ask at localhost, or list the name in `serve.hosts` of "
                                    "sluice.yml");
        }
        return SL_OK;
    }
    *ret_status = 403;
    if ((request->rights & route->may) != route->may)
        return sl_fail(err, SL_E_SERVE_REFUSED, "token '%s' has no right '%s'", request->who,
                       right_name(route->may));
    return SL_OK;
}
