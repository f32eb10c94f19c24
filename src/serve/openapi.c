// The OpenAPI 3.1 document and the reference page, from the table of routes.
#include "base/log.h"
#include "serve/routes.h"
#include "spec/serve.h"

#include <string.h>

#define TIME "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define TEXT "{\"type\":\"string\"}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define WHOLE "{\"type\":\"integer\"}"
#define WHOLE_OR_NULL "{\"type\":[\"integer\",\"null\"]}"
#define YES_OR_NO "{\"type\":\"boolean\"}"
#define LIST_OF(what) "{\"type\":\"array\",\"items\":" what "}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define OBJECT(required, members) \
    "{\"type\":\"object\",\"required\":" required ",\"properties\":{" members "}}"

// What routes answer. Members may be added; those that are here stay.
static const struct schema {
    const char *name, *text;
} schemas[] = {
    {"Error", OBJECT("[\"error\"]", "\"error\":" OBJECT("[\"code\",\"message\"]",
                                                        "\"code\":" TEXT ",\"message\":" TEXT
                                                        ",\"hint\":" TEXT_OR_NULL))},
    {"Document", "{\"type\":\"object\",\"description\":\"What the command prints with --json; "
                 "`schema` names its form.\"}"},
    {"Health",
     OBJECT("[\"status\"]",
            "\"status\":" TEXT ",\"is_ready\":" YES_OR_NO ",\"not_ready_because\":" TEXT_OR_NULL
            ",\"since\":" TIME ",\"reload_error\":" TEXT_OR_NULL ",\"looked_at\":" TIME
            ",\"look_error\":" TEXT_OR_NULL ",\"pipelines\":" LIST_OF("{\"type\":\"object\"}"))},
    {"Look",
     OBJECT("[\"schema\",\"state\"]",
            "\"schema\":" TEXT ",\"at\":" TIME ",\"elapsed_ms\":" WHOLE ",\"state\":" TEXT
            ",\"lake\":{\"type\":[\"object\",\"null\"]}"
            ",\"pipelines\":" LIST_OF("{\"type\":\"object\"}") ",\"sources\":" LIST_OF(
                "{\"type\":"
                "\"object\"}") ",\"tables\":" LIST_OF("{\"type\":\"object\"}") ",\"targets\""
                                                                               ":" LIST_OF("{\"type"
                                                                                           "\":"
                                                                                           "\"objec"
                                                                                           "t\""
                                                                                           "}"))},
    {"Run", OBJECT("[\"run_id\",\"status\"]",
                   "\"run_id\":" TEXT ",\"pipeline\":" TEXT_OR_NULL ",\"trigger\":" TEXT_OR_NULL
                   ",\"tick_at\":" TIME ",\"who\":" TEXT_OR_NULL ",\"command\":" TEXT
                   ",\"environment\":" TEXT_OR_NULL ",\"status\":" TEXT ",\"started_at\":" TIME
                   ",\"ended_at\":" TIME ",\"elapsed_ms\":" WHOLE_OR_NULL
                   ",\"counts\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":" WHOLE
                   "},\"cancelled_by\":" TEXT_OR_NULL ",\"cancelled_at\":" TIME)},
    {"Runs",
     OBJECT("[\"runs\",\"next\"]", "\"runs\":" LIST_OF(REF("Run")) ",\"next\":" TEXT_OR_NULL)},
    {"Active", OBJECT("[\"runs\"]", "\"runs\":" LIST_OF("{\"type\":\"object\"}"))},
    {"Step", OBJECT("[\"step\",\"status\"]",
                    "\"step\":" TEXT ",\"label\":" TEXT ",\"status\":" TEXT ",\"why\":" TEXT_OR_NULL
                    ",\"started_at\":" TIME ",\"ended_at\":" TIME ",\"elapsed_ms\":" WHOLE_OR_NULL
                    ",\"rows\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":" WHOLE
                    "},\"error\":{\"type\":[\"object\",\"null\"]},\"details\":{}")},
    {"Steps", OBJECT("[\"steps\"]", "\"steps\":" LIST_OF(REF("Step")))},
    {"Pipeline",
     OBJECT(
         "[\"name\"]",
         "\"name\":" TEXT ",\"file\":" TEXT ",\"description\":" TEXT_OR_NULL
         ",\"owner\":" TEXT_OR_NULL
         ",\"tags\":" LIST_OF(TEXT) ",\"select\":" LIST_OF(TEXT) ",\"exclude\":" LIST_OF(
             TEXT) ",\"when\":" LIST_OF("{\"type\":\"object\"}") ",\"catch_up\":" TEXT
                                                                 ",\"overlap\":" TEXT
                                                                 ",\"max_runs\":" WHOLE
                                                                 ",\"deadline_s\":" WHOLE_OR_NULL
                                                                 ",\"full_refresh\":" YES_OR_NO
                                                                 ",\"next\":" TIME
                                                                 ",\"paused\":{\"type\":["
                                                                 "\"object\",\"null\"]},\"last_"
                                                                 "run\":{\"type\":[\"object\","
                                                                 "\"null\"]},\"active_runs\":" WHOLE
                                                                 ",\"queued_runs\":" WHOLE)},
    {"Pipelines", OBJECT("[\"pipelines\"]", "\"pipelines\":" LIST_OF(REF("Pipeline")))},
    {"Backfill",
     OBJECT(
         "[\"run_id\",\"status\",\"asked\",\"tables\",\"running\"]",
         "\"run_id\":" TEXT ",\"backfill_id\":" TEXT_OR_NULL ",\"status\":" TEXT
         ",\"who\":" TEXT_OR_NULL ",\"asked_at\":" TIME ",\"started_at\":" TIME
         ",\"ended_at\":" TIME ",\"asked\":{\"type\":\"object\"},\"tables\":" LIST_OF(
             "{\"type\":\"object\"}") ",\"progress\":{\"type\":[\"object\",\"null\"]},"
                                      "\"running\":" LIST_OF(
                                          "{\"type\":\"object\"}") ",\"exit_code\":" WHOLE_OR_NULL
                                                                   ",\"error\":{\"type\":["
                                                                   "\"object\",\"null\"]},"
                                                                   "\"downstream_run_"
                                                                   "id\":" TEXT_OR_NULL
                                                                   ",\"downstream_error\":{"
                                                                   "\"type\":[\"object\","
                                                                   "\"null\"]}"
                                                                   ",\"continues\":" LIST_OF(
                                                                       TEXT))},
    {"Backfills", OBJECT("[\"backfills\"]", "\"backfills\":" LIST_OF(REF("Backfill")))},
    {"Started",
     OBJECT("[\"run_id\",\"status\"]", "\"run_id\":" TEXT ",\"status\":" TEXT
                                       ",\"outdated\":" TEXT_OR_NULL ",\"warning\":" TEXT_OR_NULL)},
    {"Pause", OBJECT("[\"pipeline\",\"is_paused\",\"was_paused\"]",
                     "\"pipeline\":" TEXT ",\"is_paused\":" YES_OR_NO ",\"was_paused\":" YES_OR_NO
                     ",\"who\":" TEXT_OR_NULL ",\"at\":" TIME ",\"why\":" TEXT_OR_NULL)},
    {"Decision", OBJECT("[\"run_id\",\"step\"]", "\"run_id\":" TEXT ",\"step\":" TEXT
                                                 ",\"is_approved\":{\"type\":[\"boolean\","
                                                 "\"null\"]},\"who\":" TEXT_OR_NULL ",\"at\":" TIME
                                                 ",\"asked_at\":" TIME ",\"why\":" TEXT_OR_NULL)},
    {"Approvals", OBJECT("[\"approvals\"]", "\"approvals\":" LIST_OF(REF("Decision")))},
    {"Audit", OBJECT("[\"entries\",\"next\"]",
                     "\"entries\":" LIST_OF(OBJECT("[\"seq\",\"at\",\"who\",\"what\"]",
                                                   "\"seq\":" WHOLE ",\"at\":" TIME ",\"who\":" TEXT
                                                   ",\"what\":" TEXT ",\"subject\":" TEXT_OR_NULL
                                                   ",\"details\":{}")) ",\"next\":" WHOLE_OR_NULL)},
};

static bool is_json(const struct sl_route *route)
{
    return strchr(route->answers, '/') == NULL;
}

static json_t *schema_of(enum sl_value_type type)
{
    switch (type) {
    case SL_VALUE_TEXT:
        return json_pack("{s:s}", "type", "string");
    case SL_VALUE_INT:
        return json_pack("{s:s}", "type", "integer");
    case SL_VALUE_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case SL_VALUE_OBJECT:
        return json_pack("{s:s}", "type", "object");
    case SL_VALUE_TEXTS:
        return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
    }
    return NULL;
}

static json_t *schema_of_value(const struct sl_route_value *value)
{
    json_t *schema = schema_of(value->type), *words = value->words ? json_array() : NULL;

    for (size_t i = 0; words && value->words[i]; i++)
        if (json_array_append_new(words, json_string(value->words[i])) != 0)
            return json_decref(words), json_decref(schema), NULL;
    if (words && json_object_set_new(schema, "enum", words) != 0)
        return json_decref(schema), NULL;
    return schema;
}

static json_t *path_parameters(const struct sl_route *route)
{
    json_t *list = json_array();

    for (const char *open = strchr(route->path, '{'); open; open = strchr(open + 1, '{')) {
        json_t *item =
            json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", open + 1, strcspn(open + 1, "}"), "in",
                      "path", "required", 1, "schema", "type", "string");
        if (json_array_append_new(list, item) != 0)
            return json_decref(list), NULL;
    }
    if (strcmp(route->method, "GET") != 0)
        return list;
    for (const struct sl_route_value *value = route->values; value && value->name; value++) {
        json_t *item = json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", value->name, "in", "query",
                                 "description", value->summary, "required", (int)value->is_required,
                                 "schema", schema_of_value(value));
        if (json_array_append_new(list, item) != 0)
            return json_decref(list), NULL;
    }
    return list;
}

// What is required unless another value is true: [{"required": ["reason"]}, {"required":
// ["undo"]}]; NULL: nothing is.
static json_t *either_of(const struct sl_route *route)
{
    json_t *names = json_array();
    const char *unless = NULL;

    for (const struct sl_route_value *value = route->values; value && value->name; value++) {
        if (!value->unless)
            continue;
        unless = value->unless;
        if (json_array_append_new(names, json_string(value->name)) != 0)
            return json_decref(names), NULL;
    }
    if (!unless)
        return json_decref(names), NULL;
    return json_pack("[{s:o}, {s:[s], s:{s:{s:b}}}]", "required", names, "required", unless,
                     "properties", unless, "const", 1);
}

static json_t *body_of(const struct sl_route *route)
{
    json_t *members = json_object(), *required = json_array();

    for (const struct sl_route_value *value = route->values; value && value->name; value++) {
        json_t *member = schema_of_value(value);

        if (!member ||
            json_object_set_new(member, "description", json_string(value->summary)) != 0 ||
            json_object_set_new(members, value->name, member) != 0)
            goto failed;
        if (value->is_required && json_array_append_new(required, json_string(value->name)) != 0)
            goto failed;
    }
    json_t *either = either_of(route);
    return json_pack("{s:b, s:{s:{s:{s:s, s:o, s:o, s:o*, s:b}}}}", "required",
                     (int)(json_array_size(required) > 0 || either), "content", "application/json",
                     "schema", "type", "object", "properties", members, "required", required,
                     "anyOf", either, "additionalProperties", 0);
failed:
    json_decref(members);
    json_decref(required);
    return NULL;
}

// {"description", "content": {"application/json": {"schema": {"$ref"}}}}
static json_t *answer_of(const char *description, const char *type, const char *schema)
{
    char reference[96];

    if (!schema)
        return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", description, "content", type,
                         "schema", "type", "string");
    (void)snprintf(reference, sizeof reference, "#/components/schemas/%s", schema);
    return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", description, "content", type,
                     "schema", "$ref", reference);
}

static const char *right_of(const struct sl_route *route)
{
    return route->may == 0             ? "anybody"
           : route->may == SL_MAY_READ ? "read"
           : route->may == SL_MAY_RUN  ? "run"
                                       : "admin";
}

static json_t *operation_of(const struct sl_route *route)
{
    char status[8], id[160] = "";
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)snprintf(status, sizeof status, "%d", route->status);
    (void)snprintf(id, sizeof id, "%s%s", strcmp(route->method, "GET") == 0 ? "get" : "post",
                   route->path);
    for (char *c = id; *c; c++)
        *c = *c == '/' || *c == '{' || *c == '}' || *c == '.' ? '_' : *c;
    sl_buf_addf(&text, "Needs the right: %s.", right_of(route));
    if (route->command) {
        sl_buf_add(&text, " Answered by `sluice");
        for (const char *const *word = route->command; *word; word++)
            sl_buf_addf(&text, " %s", *word);
        sl_buf_add(&text, " --json`.");
    }
    json_t *operation = json_pack(
        "{s:s, s:s, s:s, s:[s], s:o, s:{s:o, s:o}}", "operationId", id, "summary", route->summary,
        "description", text.text, "tags", route->tag, "parameters", path_parameters(route),
        "responses", status,
        answer_of("It went well", is_json(route) ? "application/json" : route->answers,
                  is_json(route) ? route->answers : NULL),
        "default",
        answer_of("It did not: the status and the code say why", "application/json", "Error"));
    if (operation && route->may == 0 &&
        json_object_set_new(operation, "security", json_array()) != 0)
        return json_decref(operation), NULL;
    if (operation && strcmp(route->method, "POST") == 0 && route->values &&
        json_object_set_new(operation, "requestBody", body_of(route)) != 0)
        return json_decref(operation), NULL;
    return operation;
}

static int add_paths(json_t *paths, struct sl_err *err)
{
    for (const struct sl_route *route = sl_routes; route->method; route++) {
        json_t *path = json_object_get(paths, route->path);

        if (!path) {
            path = json_object();
            if (json_object_set_new(paths, route->path, path) != 0)
                return sl_fail_memory(err);
        }
        if (json_object_set_new(path, strcmp(route->method, "GET") == 0 ? "get" : "post",
                                operation_of(route)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int add_schemas(json_t *into, struct sl_err *err)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        json_t *schema;

        SL_TRY(
            sl_json_parse(schemas[i].text, strlen(schemas[i].text), schemas[i].name, &schema, err));
        if (json_object_set_new(into, schemas[i].name, schema) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

int sl_openapi(json_t **ret, struct sl_err *err)
{
    json_t *paths = json_object(), *components = json_object();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:[{s:[]}], s:o, s:{s:o, s:{s:{s:s, "
        "s:s}}}}",
        "openapi", "3.1.0", "info", "title", "Sluice", "version", SL_VERSION, "description",
        "What `sluice serve` answers, over TCP and over the unix socket in the state folder.",
        "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "servers", "url", "/",
        "security", "token", "paths", paths, "components", "schemas", components, "securitySchemes",
        "token", "type", "http", "scheme", "bearer");

    SL_TRY_NEW(root, err);
    SL_TRY(add_paths(paths, err));
    SL_TRY(add_schemas(components, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

static void add_markdown(const struct sl_route *route, struct sl_buf *text)
{
    bool is_get = strcmp(route->method, "GET") == 0;

    sl_buf_addf(text, "### %s %s\n\n%s. Needs the right: %s.", route->method, route->path,
                route->summary, right_of(route));
    if (route->command) {
        sl_buf_add(text, " Answered by `sluice");
        for (const char *const *word = route->command; *word; word++)
            sl_buf_addf(text, " %s", *word);
        sl_buf_add(text, " --json`.");
    }
    sl_buf_add(text, "\n\n");
    if (!route->values)
        return;
    sl_buf_addf(text, "| %s | type | |\n|---|---|---|\n",
                is_get ? "parameter" : "member of the body");
    for (const struct sl_route_value *value = route->values; value->name; value++) {
        static const char *const types[] = {"text", "integer", "boolean", "texts", "object"};

        sl_buf_addf(text, "| `%s`%s", value->name, value->is_required ? " (required)" : "");
        if (value->unless)
            sl_buf_addf(text, " (required, but for `%s`)", value->unless);
        sl_buf_addf(text, " | %s | %s", types[value->type], value->summary);
        for (size_t i = 0; value->words && value->words[i]; i++)
            sl_buf_addf(text, "%s`%s`", i ? ", " : " One of ", value->words[i]);
        sl_buf_add(text, value->words ? ". |\n" : " |\n");
    }
    sl_buf_add(text, "\n");
}

void sl_openapi_markdown(struct sl_buf *text)
{
    const char *tag = "";

    for (const struct sl_route *route = sl_routes; route->method; route++) {
        if (strcmp(tag, route->tag) != 0)
            sl_buf_addf(text, "## %s\n\n", route->tag);
        tag = route->tag;
        add_markdown(route, text);
    }
}
