// serve: in sluice.yml
#include "spec/serve.h"

#include "spec/load.h"

#include <string.h>

enum { SHORTEST_TOKEN = 16, LONGEST_NAME = 64 };

static const char *const rights[] = {"read", "run", "admin"};
#define RIGHT_COUNT (sizeof rights / sizeof *rights)

static const char *const reloads[] = {"auto", "signal", NULL};

static const struct sl_opt token_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_token, node)},
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_token, name),
     .flags = SL_OPT_REQUIRED | SL_OPT_PLAIN,
     .summary = "Who it is, in the audit log.",
     .example = "deploy"},
    {.name = "value",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_token, value),
     .flags = SL_OPT_REQUIRED | SL_OPT_SECRET,
     .summary = "The secret itself, of at least 16 characters: `Authorization: Bearer VALUE`.",
     .example = "${env:DEPLOY_TOKEN}"},
    {.name = "may",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_token, may),
     .otherwise = "read",
     .flags = SL_OPT_PLAIN,
     .summary = "read: look at everything; run: also start, cancel, pause, approve, replay; admin: "
                "also give rows up and roll back.",
     .example = "[run]"},
    {0},
};

static const char *const workers[] = {
    [SL_WORKERS_BOTH] = "both", [SL_WORKERS_LOCAL] = "local", [SL_WORKERS_REMOTE] = "remote", NULL};
static const struct sl_opt health_rows[] = {
    {.name = "every",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_serve_health, every_s),
     .otherwise = "5m",
     .summary = "How often sources, tables and targets are looked at where no run ends; 0s: only "
                "after runs.",
     .example = "1m"},
    {.name = "counts",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_serve_health, counts),
     .otherwise = "true",
     .summary = "Whether the rows at targets are counted, which takes long for large tables in "
                "databases."},
    {.name = "limit",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_serve_health, limit_s),
     .otherwise = "10m",
     .summary = "A look that takes longer is ended, and told as one that could not be made; 0s: "
                "none is.",
     .example = "2m"},
    {0},
};

const struct sl_opt sl_serve_rows[] = {
    {.name = "listen",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_serve_spec, listen),
     .otherwise = "127.0.0.1:7410",
     .flags = SL_OPT_ADDRESS,
     .summary = "Address and port of HTTP; one that other machines reach needs a token.",
     .example = "0.0.0.0:7410"},
    {.name = "reload",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_serve_spec, reload),
     .otherwise = "auto",
     .summary =
         "When the project is read anew: auto, as soon as its files have changed and settled; "
         "signal, at SIGHUP alone.",
     .values = reloads},
    {.name = "attest_key",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_serve_spec, attest_key),
     .summary = "File of the private key that signs attestations which are asked for over HTTP.",
     .example = "keys/sluice.key"},
    {.name = "hosts",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_serve_spec, hosts),
     .summary = "Names under which it is asked, besides localhost: those of a proxy before it.",
     .example = "[sluice.shop.example]"},
    {.name = "tokens",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct sl_serve_spec, tokens),
     .summary = "Who may ask over HTTP. Without any, this machine may read and nobody may write; "
                "the unix socket needs none.",
     .rows = token_rows,
     .item_bytes = sizeof(struct sl_token),
     .example = "[{name: deploy, value: \"${env:DEPLOY_TOKEN}\", may: [run]}]"},
    {.name = "workers",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_serve_spec, workers),
     .otherwise = "both",
     .summary = "Where steps run, with a state in PostgreSQL: here first, and what does not fit by "
                "`sluice worker` on other machines (both); only here (local); only there (remote).",
     .values = workers},
    {.name = "health",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_serve_spec, health),
     .summary = "When is looked at whether data gets in, gets built and gets out.",
     .rows = health_rows},
    {0},
};

unsigned sl_may_parse(const char *text)
{
    for (unsigned i = 0; i < RIGHT_COUNT; i++)
        if (sl_str_equal(text, rights[i]))
            return 1U << i;
    return 0;
}

unsigned sl_token_rights(const struct sl_token *token)
{
    unsigned most = 0;

    for (size_t i = 0; i < token->may.count; i++) {
        unsigned right = sl_may_parse(token->may.items[i]);

        most = right > most ? right : most;
    }
    return most ? 2 * most - 1 : 0;
}

static void check_token(struct sl_load *load, const struct sl_serve_spec *serve, size_t index,
                        bool is_resolved)
{
    const struct sl_token *tokens = serve->tokens.items, *token = &tokens[index];
    struct sl_diags *diags = &load->project->diags;

    if (token->name && (*token->name == '\0' || strlen(token->name) > LONGEST_NAME))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(token->node, "name"),
                NULL, "the name of a token must have 1 to %d characters", LONGEST_NAME);
    for (size_t i = 0; token->name && i < index; i++)
        if (sl_str_equal(tokens[i].name, token->name))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(token->node, "name"), NULL, "there are two tokens '%s'",
                    token->name);
    if (token->value && (is_resolved || !strstr(token->value, "${")) &&
        strlen(token->value) < SHORTEST_TOKEN)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(token->node, "value"),
                "make one with `openssl rand -hex 32`",
                "the value of token '%s' has %zu characters, expected at least %d",
                token->name ? token->name : "", strlen(token->value), SHORTEST_TOKEN);
    for (size_t i = 0; i < token->may.count; i++)
        if (!sl_may_parse(token->may.items[i]))
            sl_diag(
                diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(token->node, "may"),
                sl_did_you_mean(&load->project->arena, token->may.items[i], rights, RIGHT_COUNT),
                "'%s' is nothing that a token may: expected read, run or admin",
                token->may.items[i]);
}

void sl_serve_check(struct sl_load *load, const struct sl_yaml *map,
                    const struct sl_serve_spec *serve, bool is_resolved)
{
    const char *port = serve->listen ? strrchr(serve->listen, ':') : NULL;
    int64_t number = -1;

    if (serve->listen && !strstr(serve->listen, "${") &&
        (!port || port == serve->listen || !sl_str_is_whole(port + 1) ||
         !sl_str_to_int64(port + 1, &number) || number < 0 || number > 65535))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(map, "listen"), "HOST:PORT, such as 127.0.0.1:7410 or [::1]:7410",
                "'listen' is '%s', which is no address with a port", serve->listen);
    for (size_t i = 0; i < serve->tokens.count; i++)
        check_token(load, serve, i, is_resolved);
}
