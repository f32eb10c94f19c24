// A method, a target and a body, each on a line of its own (the body is the rest): refused with a
// reason, or the words of a command in which only the first ones and those with a name of ours are
// options, whatever the values are.
#include "fuzz.h"

#include "serve/child.h"
#include "serve/routes.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static bool has_flag(const struct sl_route *route, const char *word)
{
    const size_t length = strcspn(word, "=");
    if (strcmp(word, "--json") == 0 || (route->who_flag && sl_str_starts(word, route->who_flag)))
        return true;
    for (const struct sl_route_value *value = route->values; value && value->name; value++) {
        char flag[80];
        (void)snprintf(flag, sizeof flag, "--%s", value->name);
        for (char *c = flag; *c; c++)
            *c = *c == '_' ? '-' : *c;
        const char *own = value->flag ? value->flag : flag;
        if (strlen(own) == length && strncmp(own, word, length) == 0)
            return true;
    }
    return false;
}

// The words of the route, then options of ours, then "--", then values.
static void check_words(const struct sl_route *route, const struct sl_strs *words)
{
    size_t at = 0;
    for (const char *const *word = route->command; *word && **word != '{'; word++, at++)
        must(at < words->count && strcmp(words->items[at], *word) == 0);
    for (; at < words->count && strcmp(words->items[at], "--") != 0; at++)
        must(has_flag(route, words->items[at]));
    must(at < words->count);
}

static void check(struct sl_request *request, struct sl_err *err)
{
    struct sl_strs words;
    if (sl_route_check(request, err) != SL_OK)
        return;
    (void)sl_route_is_reading(request);
    if (request->route->command && sl_child_words(request, &words, err) == SL_OK)
        check_words(request->route, &words);
}

static int take(struct sl_request *request, char *text, struct sl_err *err)
{
    char *target = strchr(text, '\n');
    const char *allow = NULL;
    if (!target)
        return SL_OK;
    *target++ = '\0';
    char *body = strchr(target, '\n');
    if (body)
        *body++ = '\0';
    SL_TRY(sl_uri_parse(target, &request->arena, &request->uri, err));
    request->route = sl_route_find(text, &request->uri, request->values, &request->arena, &allow);
    if (!request->route)
        return SL_OK;
    if (body && *body)
        SL_TRY(sl_json_parse(body, strlen(body), "the body", &request->json, err));
    if (!request->json || json_is_object(request->json))
        check(request, err);
    return err->code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_request request = {.who = "anna"};
    struct sl_err err = {0};
    sl_arena_init(&request.arena, 0);
    sl_buf_init(&request.body);
    sl_buf_init(&request.answer.text);
    request.answer.fd = -1;
    char *text = sl_arena_strndup(&request.arena, (const char *)data, size);
    must(text != NULL);
    if (take(&request, text, &err) != SL_OK)
        must(err.message[0] != '\0');
    sl_request_clear(&request);
    return 0;
}
