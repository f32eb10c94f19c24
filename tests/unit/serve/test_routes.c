// What is asked, whether it may be, and which command answers: without a socket.
#include "../base/test.h"
#include "serve/auth.h"
#include "serve/child.h"

struct asked {
    struct sl_request request;
    struct sl_err err;
};

static int ask(struct asked *asked, const char *method, const char *path, const char *body)
{
    struct sl_request *request = &asked->request;
    const char *allow = NULL;

    *asked = (struct asked){.request.answer.fd = -1};
    sl_arena_init(&request->arena, 0);
    sl_buf_init(&request->body);
    sl_buf_init(&request->answer.text);
    SL_TRY(sl_uri_parse(path, &request->arena, &request->uri, &asked->err));
    request->route = sl_route_find(method, &request->uri, request->values, &request->arena, &allow);
    if (!request->route)
        return sl_fail(&asked->err, SL_E_SERVE_MISSING, "%s", allow ? allow : "none");
    if (body)
        SL_TRY(sl_json_parse(body, strlen(body), "body", &request->json, &asked->err));
    return sl_route_check(request, &asked->err);
}

static void drop(struct asked *asked)
{
    sl_request_clear(&asked->request);
}

static void paths_are_decoded_part_by_part(void **state)
{
    struct asked asked;

    (void)state;
    assert_int_equal(ask(&asked, "POST", "/api/v1/runs/4f/steps/load%20a%2Fb/approve", NULL),
                     SL_OK);
    assert_string_equal(asked.request.values[0], "4f");
    assert_string_equal(asked.request.values[1], "load a/b");
    drop(&asked);
}

static void odd_paths_are_refused(void **state)
{
    static const char *const paths[] = {
        "",
        "api",
        "//",
        "/api//v1",
        "/api/%",
        "/api/%4",
        "/api/%zz",
        "/api/%00",
        "/api/%0a",
        "/api/%ff",
        "/api/\x7f",
        "*",
        "/a?b=%",
        "/a?b=%c3%28",
        "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
        "http://localhost/healthz",
    };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct asked asked;

        assert_int_equal(ask(&asked, "GET", paths[i], NULL), SL_E_SERVE_REQUEST);
        drop(&asked);
    }
}

static void a_path_that_has_another_method_names_it(void **state)
{
    struct asked asked;

    (void)state;
    assert_int_equal(ask(&asked, "DELETE", "/api/v1/runs", NULL), SL_E_SERVE_MISSING);
    assert_string_equal(asked.err.message, "GET, HEAD, POST");
    drop(&asked);
    assert_int_equal(ask(&asked, "GET", "/api/v1/nothing", NULL), SL_E_SERVE_MISSING);
    assert_string_equal(asked.err.message, "none");
    drop(&asked);
    assert_int_equal(ask(&asked, "HEAD", "/api/v1/runs?limit=5&status=ok", NULL), SL_OK);
    drop(&asked);
}

static void values_must_be_what_the_route_takes(void **state)
{
    static const struct {
        const char *method, *path, *body;
    } wrong[] = {
        {"GET", "/api/v1/runs?limit=five", NULL},
        {"GET", "/api/v1/runs?limt=5", NULL},
        {"GET", "/api/v1/runs", "{\"limit\":5}"},
        {"GET", "/api/v1/check?strict=maybe", NULL},
        {"POST", "/api/v1/pipelines/a/runs?select=b", NULL},
        {"POST", "/api/v1/pipelines/a/runs", "{\"select\":5}"},
        {"POST", "/api/v1/pipelines/a/runs", "{\"select\":[\"a\",5]}"},
        {"POST", "/api/v1/pipelines/a/runs", "{\"full_refresh\":\"yes\"}"},
        {"POST", "/api/v1/pipelines/a/resume", "{\"why\":\"x\"}"},
        {"POST", "/api/v1/query", "{}"},
        {"POST", "/api/v1/query", "{\"sql\":5}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct asked asked;

        assert_int_equal(ask(&asked, wrong[i].method, wrong[i].path, wrong[i].body),
                         SL_E_SERVE_REQUEST);
        drop(&asked);
    }
    struct asked asked;
    assert_int_equal(ask(&asked, "GET", "/api/v1/runs?limt=5", NULL), SL_E_SERVE_REQUEST);
    assert_string_equal(asked.err.hint, "did you mean 'limit'?");
    drop(&asked);
}

// The whole command line, its words between bars.
static void check_words(const char *method, const char *path, const char *body,
                        const char *expected)
{
    struct asked asked;
    struct sl_strs words;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    assert_int_equal(ask(&asked, method, path, body), SL_OK);
    assert_int_equal(sl_child_words(&asked.request, &words, &asked.err), SL_OK);
    for (size_t i = 0; i < words.count; i++)
        sl_buf_addf(&text, "%s%s", i ? "|" : "", words.items[i]);
    assert_string_equal(text.text, expected);
    drop(&asked);
}

// Some commands take a name or a file.
static void no_name_leads_to_a_file(void **state)
{
    struct asked asked;
    struct sl_strs words;

    (void)state;
    assert_int_equal(ask(&asked, "GET", "/api/v1/contracts/%2Fetc%2Fpasswd", NULL), SL_OK);
    assert_int_equal(sl_child_words(&asked.request, &words, &asked.err), SL_E_SERVE_REQUEST);
    assert_non_null(strstr(asked.err.message, "/etc/passwd"));
    drop(&asked);
}

static void no_value_becomes_an_option(void **state)
{
    (void)state;
    check_words("GET", "/api/v1/tables/clean.orders?limit=3", NULL,
                "show|--limit=3|--json|--|clean.orders");
    check_words("GET", "/api/v1/tables/--project=etc", NULL, "show|--json|--|--project=etc");
    check_words("GET", "/api/v1/tables?select=--help&select=-C/", NULL,
                "ls|--select=--help|--select=-C/|--json|--");
    check_words("GET", "/api/v1/quarantine/orders?since=--all&position=1&position=2", NULL,
                "quarantine|show|--position=1|--position=2|--since=--all|--json|--|orders");
    check_words("GET", "/api/v1/check?strict", NULL, "check|--strict|--json|--");
    check_words("GET", "/api/v1/check?strict=false", NULL, "check|--json|--");
    check_words("POST", "/api/v1/query", "{\"sql\":\"--help\",\"limit\":2}",
                "query|--limit=2|--json|--|--help");
    check_words("POST", "/api/v1/quarantine/orders/discard",
                "{\"reason\":\"$(reboot); `x` 'y'\",\"all\":true,\"undo\":false,\"confirm\":true}",
                "quarantine|discard|--reason=$(reboot); `x` 'y'|--all|--by=|--json|--|orders");
    check_words("GET", "/api/v1/quarantine/--all/export?rule=x", NULL,
                "quarantine|export|--to=-|--rule=x|--json|--|--all");
    check_words("POST", "/api/v1/backfills",
                "{\"tables\":[\"--yes\",\"b\"],\"partition\":[\"--resume\"],\"dry_run\":true}",
                "backfill|--partition=--resume|--dry-run|--json|--|--yes|b");
    check_words("POST", "/api/v1/alerts/silences",
                "{\"what\":\"--end\",\"for\":\"2h\",\"why\":\"--json\"}",
                "alerts|silence|--for=2h|--why=--json|--by=|--json|--|--end");
    check_words("GET", "/api/v1/diff?left=clean.orders@3&right=prod:clean.orders&summary", NULL,
                "diff|--summary|--json|--|clean.orders@3|prod:clean.orders");
}

static void what_compares_tables_reads_no_files(void **state)
{
    static const char *const files[] = {"/etc/passwd",
                                        "data/orders.csv",
                                        "sluice.yml",
                                        "orders.csv",
                                        "a:b:clean.x",
                                        "prod:../clean.x",
                                        ""};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct asked asked;
        struct sl_strs words;
        SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;

        sl_buf_addf(&path, "/api/v1/diff?left=clean.orders&right=%s", files[i]);
        assert_int_equal(ask(&asked, "GET", path.text, NULL), SL_OK);
        assert_int_equal(sl_child_words(&asked.request, &words, &asked.err), SL_E_SERVE_REQUEST);
        drop(&asked);
    }
}

static void what_takes_something_away_has_to_be_confirmed(void **state)
{
    static const struct {
        const char *path, *body;
        enum sl_code code;
    } cases[] = {
        {"/api/v1/runs/4f/rollback", NULL, SL_E_SERVE_CONFIRM},
        {"/api/v1/runs/4f/rollback", "{\"confirm\":false}", SL_E_SERVE_CONFIRM},
        {"/api/v1/runs/4f/rollback", "{\"confirm\":\"yes\"}", SL_E_SERVE_REQUEST},
        {"/api/v1/runs/4f/rollback", "{\"dry_run\":true}", SL_OK},
        {"/api/v1/runs/4f/rollback", "{\"confirm\":true}", SL_OK},
        {"/api/v1/quarantine/orders/discard", "{\"all\":true,\"reason\":\"old\"}",
         SL_E_SERVE_CONFIRM},
        {"/api/v1/quarantine/orders/discard", "{\"all\":true}", SL_E_SERVE_REQUEST},
        {"/api/v1/quarantine/orders/discard", "{\"all\":true,\"undo\":true}", SL_E_SERVE_CONFIRM},
        {"/api/v1/quarantine/orders/replay", "{}", SL_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked asked;

        assert_int_equal(ask(&asked, "POST", cases[i].path, cases[i].body), cases[i].code);
        drop(&asked);
    }
}

// --- who may

static struct sl_token tokens[] = {
    {.name = "dashboards", .value = "dashboards-0123456789"},
    {.name = "deploy", .value = "deploy-0123456789abc"},
    {.name = "boss", .value = "boss-0123456789abcdef"},
};
static const char *may_read[] = {"read"}, *may_run[] = {"run"}, *may_all[] = {"admin", "read"};
static const char *hosts[] = {"sluice.shop.example"};

static const struct sl_serve_spec *with_tokens(bool has_any)
{
    static struct sl_serve_spec spec;

    tokens[0].may = (struct sl_strs){may_read, 1};
    tokens[1].may = (struct sl_strs){may_run, 1};
    tokens[2].may = (struct sl_strs){may_all, 2};
    spec.hosts = (struct sl_strs){hosts, 1};
    spec.tokens = (struct sl_opt_list){tokens, has_any ? 3 : 0};
    return &spec;
}

enum { WRITES = 1, ADMINS = 2, OPEN = 4 };
static void who_may_do_what(void **state)
{
    static const struct {
        const char *authorization, *host;
        unsigned what;
        bool is_remote, has_tokens;
        int status; // 0: it may
        const char *who;
    } cases[] = {
        {NULL, "localhost:7410", 0, false, false, 0, "anybody"},
        {NULL, "LOCALHOST", 0, false, false, 0, "anybody"},
        {NULL, "[::1]:7410", 0, false, false, 0, "anybody"},
        {NULL, NULL, 0, false, false, 0, "anybody"},
        {NULL, "sluice.shop.example", 0, false, false, 0, "anybody"},
        {NULL, "evil.example", 0, false, false, 421, NULL},
        {NULL, "localhost.evil.example", 0, false, false, 421, NULL},
        {NULL, "localhost:7410.evil.example", 0, false, false, 421, NULL},
        {NULL, "evil.example", OPEN, false, false, 0, "anybody"},
        {NULL, "localhost", WRITES, false, false, 401, NULL},
        {NULL, "localhost", ADMINS, false, false, 401, NULL},
        {NULL, "localhost", 0, true, false, 401, NULL},
        {NULL, "localhost", OPEN, true, false, 0, "anybody"},
        {NULL, "localhost", 0, false, true, 401, NULL},
        {NULL, "localhost", OPEN, false, true, 0, "anybody"},
        {"Bearer dashboards-0123456789", "evil.example", 0, true, true, 0, "dashboards"},
        {"bearer  dashboards-0123456789", "x", 0, true, true, 0, "dashboards"},
        {"Bearer dashboards-0123456789", "x", WRITES, true, true, 403, NULL},
        {"Bearer deploy-0123456789abc", "x", 0, true, true, 0, "deploy"},
        {"Bearer deploy-0123456789abc", "x", WRITES, true, true, 0, "deploy"},
        {"Bearer deploy-0123456789abc", "x", ADMINS, true, true, 403, NULL},
        {"Bearer boss-0123456789abcdef", "x", ADMINS, true, true, 0, "boss"},
        {"Bearer boss-0123456789abcde", "localhost", 0, false, true, 401, NULL},
        {"Bearer boss-0123456789abcdeff", "localhost", OPEN, false, true, 401, NULL},
        {"Basic boss-0123456789abcdef", "localhost", 0, false, true, 401, NULL},
        {"Bearer ", "localhost", 0, false, true, 401, NULL},
        {"Bearer anything", "localhost", 0, false, false, 401, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_caller caller = {.is_loopback = !cases[i].is_remote,
                                         .host = cases[i].host,
                                         .authorization = cases[i].authorization};
        struct asked asked;
        int status = 0;

        assert_int_equal(
            cases[i].what & OPEN     ? ask(&asked, "GET", "/healthz", NULL)
            : cases[i].what & WRITES ? ask(&asked, "POST", "/api/v1/runs/1/cancel", NULL)
            : cases[i].what & ADMINS ? ask(&asked, "POST", "/api/v1/query", "{\"sql\":\"from a\"}")
                                     : ask(&asked, "GET", "/api/v1/runs", NULL),
            SL_OK);
        int code =
            sl_auth(&asked.request, &caller, with_tokens(cases[i].has_tokens), &status, &asked.err);
        assert_int_equal(code == SL_OK ? 0 : status, cases[i].status);
        if (code == SL_OK)
            assert_string_equal(asked.request.who, cases[i].who);
        else
            assert_int_equal(code, SL_E_SERVE_REFUSED);
        drop(&asked);
    }
}

static void the_socket_needs_no_token(void **state)
{
    const struct sl_caller caller = {.is_local = true, .has_peer = true, .peer = 0},
                           nobody = {.is_local = true, .has_peer = true, .peer = 4000000000U};
    struct asked asked;
    int status;

    (void)state;
    assert_int_equal(ask(&asked, "POST", "/api/v1/runs/1/cancel", NULL), SL_OK);
    assert_int_equal(sl_auth(&asked.request, &caller, with_tokens(true), &status, &asked.err),
                     SL_OK);
    assert_string_equal(asked.request.who, "root");
    assert_int_equal(sl_auth(&asked.request, &nobody, NULL, &status, &asked.err), SL_OK);
    assert_string_equal(asked.request.who, "uid 4000000000");
    drop(&asked);
}

// Every route stands in the document, and each reference there leads somewhere.
static void the_document_has_every_route(void **state)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_err err = {0};

    (void)state;
    assert_int_equal(sl_openapi(&root, &err), SL_OK);
    const json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
    for (const struct sl_route *route = sl_routes; route->method; route++) {
        const json_t *path = json_object_get(json_object_get(root, "paths"), route->path);

        assert_non_null(json_object_get(path, strcmp(route->method, "GET") == 0 ? "get" : "post"));
        assert_true(strchr(route->answers, '/') || json_object_get(schemas, route->answers));
        assert_true(route->handle || route->command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_part_by_part),
        cmocka_unit_test(odd_paths_are_refused),
        cmocka_unit_test(a_path_that_has_another_method_names_it),
        cmocka_unit_test(values_must_be_what_the_route_takes),
        cmocka_unit_test(no_name_leads_to_a_file),
        cmocka_unit_test(no_value_becomes_an_option),
        cmocka_unit_test(what_compares_tables_reads_no_files),
        cmocka_unit_test(what_takes_something_away_has_to_be_confirmed),
        cmocka_unit_test(who_may_do_what),
        cmocka_unit_test(the_socket_needs_no_token),
        cmocka_unit_test(the_document_has_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
