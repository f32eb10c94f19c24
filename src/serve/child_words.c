// What was asked for, as the command line of a command of this program.
#include "serve/child.h"
#include "serve/routes.h"

#include <string.h>

static int add_option(struct sl_strs *words, struct sl_arena *arena,
                      const struct sl_route_value *value, const char *text, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf word = SL_BUF_INIT;

    if (value->flag) {
        sl_buf_add(&word, value->flag);
    } else {
        sl_buf_add(&word, "--");
        for (const char *c = value->name; *c; c++)
            sl_buf_add_char(&word, *c == '_' ? '-' : *c);
    }
    if (text)
        sl_buf_addf(&word, "=%s", text);
    SL_TRY(sl_buf_check(&word, err));
    const char *copy = sl_arena_strdup(arena, word.text);
    SL_TRY_NEW(copy, err);
    return sl_strs_add(words, arena, copy, err);
}

// The child's: the first one that was sent is its descriptor 3.
static const char *file_of(const struct sl_request *request, const struct sl_route_value *value,
                           char path[32])
{
    int fd = 3;

    for (const struct sl_route_value *at = request->route->values; at != value; at++)
        fd += sl_route_is_file(at) && json_object_get(request->json, at->name);
    (void)snprintf(path, 32, "/dev/fd/%d", fd);
    return path;
}

// "--limit=5": attached to its name a value is never an option, whatever it is.
static int add_value(struct sl_request *request, const struct sl_route_value *value,
                     struct sl_strs *words, struct sl_err *err)
{
    struct sl_strs texts;
    char number[32];

    switch (value->type) {
    case SL_VALUE_BOOL:
        return sl_request_bool(request, value->name)
                   ? add_option(words, &request->arena, value, NULL, err)
                   : SL_OK;
    case SL_VALUE_INT:
        if (sl_request_int(request, value->name, INT64_MIN) == INT64_MIN)
            return SL_OK;
        (void)snprintf(number, sizeof number, "%lld",
                       (long long)sl_request_int(request, value->name, 0));
        return add_option(words, &request->arena, value, number, err);
    case SL_VALUE_OBJECT:
    case SL_VALUE_TEXT:
    case SL_VALUE_TEXTS:
        break;
    }
    if (sl_route_is_file(value))
        return json_object_get(request->json, value->name)
                   ? add_option(words, &request->arena, value, file_of(request, value, number), err)
                   : SL_OK;
    SL_TRY(sl_request_texts(request, value->name, &texts, err));
    for (size_t i = 0; i < texts.count && (i == 0 || value->type == SL_VALUE_TEXTS); i++)
        SL_TRY(add_option(words, &request->arena, value, texts.items[i], err));
    return SL_OK;
}

// Positional ones come from the path, or, of the form "{sql}", from the body.
// "clean.orders", "clean.orders@12", "prod:clean.orders": what reads tables may not read files.
static bool names_a_table(const char *text)
{
    static const char *const layers[] = {"raw.", "clean.", "quarantine.", "curated."};
    const char *colon = strchr(text, ':');
    const char *name = colon ? colon + 1 : text;

    if (strchr(text, '/') || strchr(name, ':'))
        return false;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (sl_str_starts(name, layers[i]))
            return true;
    return false;
}

static int add_file(struct sl_request *request, const struct sl_route_value *value,
                    struct sl_strs *words, struct sl_err *err)
{
    char path[32];
    const char *copy = sl_arena_strdup(&request->arena, file_of(request, value, path));

    SL_TRY_NEW(copy, err);
    return sl_strs_add(words, &request->arena, copy, err);
}

static int add_positional(struct sl_request *request, const char *word, size_t index,
                          struct sl_strs *words, struct sl_err *err)
{
    const char *value = index < SL_ROUTE_NAMES ? request->values[index] : NULL;
    struct sl_strs texts;
    char name[64];

    if (value && strchr(value, '/')) // a command might take it for a file
        return sl_fail(err, SL_E_SERVE_REQUEST, "'%s' is no name: it has a slash", value);
    if (value)
        return sl_strs_add(words, &request->arena, value, err);
    (void)snprintf(name, sizeof name, "%.*s", (int)strlen(word) - 2, word + 1);
    const struct sl_route_value *known = sl_route_value_find(request->route, name);
    if (known && sl_route_is_file(known))
        return add_file(request, known, words, err);
    SL_TRY(sl_request_texts(request, name, &texts, err));
    for (size_t i = 0; i < texts.count; i++)
        if ((request->route->flags & SL_ROUTE_TABLES) && !names_a_table(texts.items[i]))
            return sl_fail(err, SL_E_SERVE_REQUEST,
                           "'%s' is '%.100s', and no table: clean.orders, "
                           "clean.orders@12 or prod:clean.orders",
                           name, texts.items[i]);
    for (size_t i = 0; i < texts.count; i++)
        SL_TRY(sl_strs_add(words, &request->arena, texts.items[i], err));
    return SL_OK;
}

static int add_who(struct sl_request *request, struct sl_strs *words, struct sl_err *err)
{
    if (!request->route->who_flag)
        return SL_OK;
    const char *word = sl_arena_printf(&request->arena, "%s=%s", request->route->who_flag,
                                       request->who ? request->who : "");
    SL_TRY_NEW(word, err);
    return sl_strs_add(words, &request->arena, word, err);
}

static bool is_positional_value(const struct sl_route *route, const char *name)
{
    for (const char *const *word = route->command; *word; word++)
        if (**word == '{' && strncmp(*word + 1, name, strlen(name)) == 0 &&
            (*word)[strlen(name) + 1] == '}')
            return true;
    return false;
}

// "--key={attest_key}" is where sluice.yml says that the key is.
static int add_fixed(struct sl_request *request, const char *word, struct sl_strs *words,
                     struct sl_err *err)
{
    const struct sl_serve_spec *settings = request->options ? request->options->settings : NULL;
    if (!strstr(word, "{attest_key}"))
        return sl_strs_add(words, &request->arena, word, err);
    if (!settings || !settings->attest_key) {
        (void)sl_fail(err, SL_E_SERVE_CONFLICT, "the service has no key to sign with");
        return sl_err_hint(err, "`serve.attest_key` of sluice.yml names its file; `sluice attest "
                                "key` makes one");
    }
    word = sl_arena_printf(&request->arena, "--key=%s", settings->attest_key);
    SL_TRY_NEW(word, err);
    return sl_strs_add(words, &request->arena, word, err);
}

int sl_child_words(struct sl_request *request, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_route *route = request->route;
    const char *const *word = route->command;
    struct sl_strs words = {0};
    size_t index = 0;

    for (; *word && **word != '{'; word++)
        SL_TRY(add_fixed(request, *word, &words, err));
    for (const struct sl_route_value *value = route->values; value && value->name; value++)
        if (!is_positional_value(route, value->name) && (!value->flag || *value->flag))
            SL_TRY(add_value(request, value, &words, err));
    SL_TRY(add_who(request, &words, err));
    SL_TRY(sl_strs_add(&words, &request->arena, "--json", err));
    SL_TRY(sl_strs_add(&words, &request->arena, "--", err));
    for (; *word; word++)
        SL_TRY(add_positional(request, *word, index++, &words, err));
    *ret = words;
    return SL_OK;
}
