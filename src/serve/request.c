#include "serve/request.h"

#include "base/fs.h"
#include "base/log.h"
#include "serve/child.h"
#include "serve/routes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sl_answer_status(const struct sl_err *err)
{
    static const struct {
        enum sl_code code;
        int status;
    } known[] = {
        {SL_E_SERVE_MISSING, 404},   {SL_E_SERVE_CONFLICT, 409}, {SL_E_SERVE_REFUSED, 403},
        {SL_E_SERVE_BUSY, 503},      {SL_E_RUN_MISSING, 404},    {SL_E_TABLE_MISSING, 404},
        {SL_E_PLAN_CHANGED, 409},    {SL_E_LOCKED, 409},         {SL_E_STATE, 500},
        {SL_E_PROJECT_INVALID, 409}, {SL_E_SERVE_CONFIRM, 409},  {SL_E_BACKFILL_ID, 404},
        {SL_E_LOG_ELSEWHERE, 404},   {SL_E_PUBLICATION, 404},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == err->code)
            return known[i].status;
    switch (sl_err_fate(err)) {
    case SL_FATE_INPUT:
        return 400;
    case SL_FATE_RETRY:
        return 503;
    case SL_FATE_BUG:
        break;
    }
    return 500;
}

int sl_answer_json(struct sl_request *request, int status, const json_t *json, struct sl_err *err)
{
    char *text;

    SL_TRY_NEW(json, err);
    SL_TRY(sl_log_print(json, &text, err));
    sl_buf_add(&request->answer.text, text);
    sl_buf_add_char(&request->answer.text, '\n');
    free(text);
    SL_TRY(sl_buf_check(&request->answer.text, err));
    request->answer.type = "application/json";
    request->answer.status = status;
    return SL_OK;
}

// Without memory for it the answer has no body.
void sl_answer_error(struct sl_request *request, int status, const struct sl_err *err)
{
    const struct sl_code_info *info = sl_code_info(err->code);
    struct sl_err ignored;

    sl_buf_reset(&request->answer.text);
    if (request->answer.fd >= 0)
        sl_fd_close(&request->answer.fd);
    status = status ? status : sl_answer_status(err);
    SL_AUTO(sl_json_free)
    json_t *json = json_pack("{s:{s:s, s:o, s:o}}", "error", "code", info->id, "message",
                             sl_json_string(err->message), "hint",
                             *err->hint ? sl_json_string(err->hint) : json_null());
    if (!json || sl_answer_json(request, status, json, &ignored) != SL_OK)
        request->answer.status = status;
}

static int read_body(struct sl_request *request, struct sl_err *err)
{
    json_error_t wrong = {0};

    if (request->body.length == 0)
        return SL_OK;
    SL_TRY(sl_buf_check(&request->body, err));
    // A member that stands there twice is refused: which of them counts nobody could tell.
    request->json = json_loadb(request->body.text, request->body.length,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &wrong);
    if (!request->json)
        return sl_fail(err, SL_E_SERVE_REQUEST, "'the body' is not valid JSON: %s", wrong.text);
    if (!json_is_object(request->json))
        return sl_fail(err, SL_E_SERVE_REQUEST, "the body is no JSON object");
    return SL_OK;
}

// What a command is asked to change, before anything is known of its end.
static void audit(struct sl_request *request)
{
    const struct sl_control *control = request->options->control;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    char *details = request->json ? json_dumps(request->json, JSON_COMPACT) : NULL;

    for (const char *const *word = request->route->command; *word; word++)
        if (**word != '{' && **word != '-')
            sl_buf_addf(&what, "%s%s", what.length ? " " : "", *word);
    if (control && control->audit && !what.has_failed)
        control->audit(control->self, request->who, what.text, request->values[0], details);
    free(details);
}

static int handle(struct sl_request *request, struct sl_err *err)
{
    SL_TRY(read_body(request, err));
    SL_TRY(sl_route_check(request, err));
    if (request->route->handle)
        return request->route->handle(request, err);
    SL_TRY(sl_child_begin(request, err));
    if (!sl_route_is_reading(request))
        audit(request);
    return SL_OK;
}

void sl_request_handle(struct sl_request *request)
{
    struct sl_err err = {0};

    if (handle(request, &err) != SL_OK)
        sl_answer_error(request, 0, &err);
}

void sl_request_clear(struct sl_request *request)
{
    if (request->child)
        sl_child_forget(request->child);
    if (request->answer.fd >= 0)
        sl_fd_close(&request->answer.fd);
    sl_buf_clear(&request->body);
    sl_buf_clear(&request->answer.text);
    sl_json_free(&request->json);
    sl_arena_clear(&request->arena);
}

const char *sl_request_text(const struct sl_request *request, const char *name)
{
    const json_t *member = json_object_get(request->json, name);

    return member ? json_string_value(member) : sl_uri_get(&request->uri, name);
}

int64_t sl_request_int(const struct sl_request *request, const char *name, int64_t otherwise)
{
    const json_t *member = json_object_get(request->json, name);
    const char *text = sl_uri_get(&request->uri, name);
    int64_t value;

    if (json_is_integer(member))
        return json_integer_value(member);
    return text && sl_str_to_int64(text, &value) ? value : otherwise;
}

bool sl_request_bool(const struct sl_request *request, const char *name)
{
    const json_t *member = json_object_get(request->json, name);
    const char *text = sl_uri_get(&request->uri, name);

    if (member)
        return json_is_true(member);
    return text && !sl_str_equal(text, "false");
}

int sl_request_texts(struct sl_request *request, const char *name, struct sl_strs *ret,
                     struct sl_err *err)
{
    const json_t *member = json_object_get(request->json, name), *item;
    size_t index;

    *ret = (struct sl_strs){0};
    if (json_is_string(member))
        return sl_strs_add(ret, &request->arena, json_string_value(member), err);
    json_array_foreach (member, index, item)
        SL_TRY(sl_strs_add(ret, &request->arena, json_string_value(item), err));
    for (size_t i = 0; i < request->uri.parameter_count; i++)
        if (strcmp(request->uri.parameters[i].name, name) == 0)
            SL_TRY(sl_strs_add(ret, &request->arena, request->uri.parameters[i].value, err));
    return SL_OK;
}
