#include "plan/publication.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// A shop: two sources (orders with a contract), three models in a row and one beside, one delivery.
struct shop {
    struct sl_project project;
    struct sl_source sources[2];
    struct sl_contract_table contract;
    struct sl_contract file;
    struct sl_contract *files[1];
    struct sl_model models[4];
    struct sl_query queries[4];
    struct sl_table_ref refs[6];
    const char *fingerprints[4];
    struct sl_target target;
    struct sl_delivery delivery;
    const char *tags[1], *columns[1];
    struct sl_graph graph;
};

static struct sl_table_ref ref(const char *layer, const char *name)
{
    return (struct sl_table_ref){.layer = layer, .name = name, .line = 2, .column = 6, .times = 1};
}

static void set_model(struct shop *shop, size_t index, const char *name, struct sl_table_ref *refs,
                      size_t count)
{
    shop->models[index] = (struct sl_model){
        .name = name, .file = name, .sql = "select", .sql_line = 1, .sql_column = 1};
    shop->queries[index] = (struct sl_query){.tables = refs, .table_count = count};
    shop->fingerprints[index] = "f1";
}

static int build(void **state)
{
    struct shop *shop = calloc(1, sizeof *shop);
    struct sl_err err = {0};
    assert_non_null(shop);
    sl_arena_init(&shop->project.arena, 0);
    shop->project.name = "shop";
    shop->sources[0] = (struct sl_source){
        .name = "orders", .file = "sources/orders.yml", .contract = "contracts/orders.yml"};
    shop->sources[1] = (struct sl_source){.name = "events", .file = "sources/events.yml"};
    shop->tags[0] = "finance";
    shop->sources[0].tags = (struct sl_strs){shop->tags, 1};
    shop->contract =
        (struct sl_contract_table){.name = "orders", .contract = &shop->file, .digest = "c1"};
    shop->file = (struct sl_contract){
        .file = "contracts/orders.yml", .tables = &shop->contract, .table_count = 1};
    shop->files[0] = &shop->file;
    shop->refs[0] = ref("clean", "orders");
    shop->refs[1] = ref("curated", "daily");
    shop->refs[2] = ref("curated", "monthly");
    shop->refs[3] = ref("raw", "events");
    set_model(shop, 0, "yearly", &shop->refs[2],
              1); // before what it reads, to see the order mended
    set_model(shop, 1, "monthly", &shop->refs[1], 1);
    set_model(shop, 2, "daily", &shop->refs[0], 1);
    set_model(shop, 3, "clicks", &shop->refs[3], 1);
    shop->models[3].file = "models/web/clicks.sql";
    shop->models[3].write = SL_WRITE_PARTITION;
    shop->columns[0] = "day";
    shop->models[3].partition_by = (struct sl_strs){shop->columns, 1};
    shop->delivery = (struct sl_delivery){.table = "curated.monthly", .to = "monthly"};
    shop->target = (struct sl_target){.name = "out",
                                      .file = "targets/out.yml",
                                      .type = "csv",
                                      .deliveries = &shop->delivery,
                                      .delivery_count = 1};
    shop->project.sources = shop->sources;
    shop->project.source_count = 2;
    shop->project.contracts = shop->files;
    shop->project.contract_count = 1;
    shop->project.models = shop->models;
    shop->project.model_count = 4;
    shop->project.targets = &shop->target;
    shop->project.target_count = 1;
    assert_int_equal(
        sl_graph_build(&shop->project, shop->queries, shop->fingerprints, &shop->graph, &err),
        SL_OK);
    *state = shop;
    return 0;
}

static int drop(void **state)
{
    struct shop *shop = *state;
    sl_graph_clear(&shop->graph);
    sl_diags_clear(&shop->project.diags);
    sl_arena_clear(&shop->project.arena);
    free(shop);
    return 0;
}

static void every_step_stands_after_what_it_reads(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(shop->graph.count, 8);
    for (size_t i = 0; i < shop->graph.count; i++)
        for (size_t k = 0; k < shop->graph.nodes[i].upstream_count; k++)
            assert_true(shop->graph.nodes[i].upstream[k] < i);
    assert_ptr_equal(sl_graph_node(&shop->graph, "quarantine.orders"),
                     sl_graph_node(&shop->graph, "clean.orders"));
}

// Names of the selected steps, in order, joined by blanks.
static const char *selected(struct shop *shop, const char *select, const char *exclude,
                            char text[512])
{
    struct sl_err err = {0};
    struct sl_strs in = {0}, out = {0};
    if (select)
        assert_int_equal(sl_strs_add(&in, &shop->project.arena, select, &err), SL_OK);
    if (exclude)
        assert_int_equal(sl_strs_add(&out, &shop->project.arena, exclude, &err), SL_OK);
    text[0] = '\0';
    if (sl_graph_select(&shop->graph, &in, &out, &shop->project.arena, &err) != SL_OK)
        return sl_code_info(err.code)->id;
    for (size_t i = 0; i < shop->graph.count; i++)
        if (shop->graph.nodes[i].is_selected)
            snprintf(text + strlen(text), 512 - strlen(text), "%s%s", *text ? " " : "",
                     shop->graph.nodes[i].name);
    return text;
}

static void selectors_mean_what_they_mean_in_dbt(void **state)
{
    static const struct {
        const char *select, *exclude, *expected;
    } cases[] = {
        {"daily", NULL, "curated.daily"},
        {"load out.monthly", NULL, "target.out.monthly"},
        {"out.monthly", NULL, "target.out.monthly"},
        {"+load out.monthly,curated daily", NULL, "curated.daily curated.monthly"},
        {"model daily cleanse orders", NULL, "clean.orders curated.daily"},
        {"clean.orders daily", NULL, "clean.orders curated.daily"},
        {"curated", NULL, "curated.clicks curated.daily curated.monthly curated.yearly"},
        {"curated.*", NULL, "curated.clicks curated.daily curated.monthly curated.yearly"},
        {"quarantine", NULL, "clean.orders"},
        {"web", NULL, "curated.clicks"},
        {"web.clicks", NULL, "curated.clicks"},
        {"target.out", NULL, "target.out.monthly"},
        {"source:raw.orders", NULL, "raw.orders"},
        {"source:orders", NULL, "raw.orders"},
        {"source:raw", NULL, "raw.orders raw.events"},
        {"config.tags:finance", NULL, "raw.orders clean.orders"},
        {"config.materialized:full,daily", NULL, "curated.daily"},
        {"config.materialized:incremental", NULL, "curated.clicks"},
        {"config.partition_by:day", NULL, "curated.clicks"},
        {"curated.daily", NULL, "curated.daily"},
        {"+daily", NULL, "raw.orders clean.orders curated.daily"},
        {"1+daily", NULL, "clean.orders curated.daily"},
        {"daily+1", NULL, "curated.daily curated.monthly"},
        {"daily+", NULL, "curated.daily curated.monthly curated.yearly target.out.monthly"},
        {"1+monthly+1", NULL, "curated.daily curated.monthly curated.yearly target.out.monthly"},
        {"@raw.events", NULL, "raw.events curated.clicks"},
        {"daily clicks", NULL, "curated.clicks curated.daily"},
        {"daily+,+monthly", NULL, "curated.daily curated.monthly"},
        {"tag:fin*", NULL, "raw.orders clean.orders"},
        {"source:events", NULL, "raw.events"},
        {"path:targets", NULL, "target.out.monthly"},
        {"file:orders.yml", NULL, "raw.orders clean.orders"},
        {"*ly", "yearly", "curated.daily curated.monthly target.out.monthly"},
        {"resource_type:target", NULL, "target.out.monthly"},
        {"state:new,resource_type:source", NULL, "raw.orders raw.events"},
        {"state:old", NULL, ""},
        {"nothing_of_that_name", NULL, "SL0705"},
        {"colour:red", NULL, "SL0705"},
        {"state:odd", NULL, "SL0705"},
        {"+", NULL, "SL0705"},
        {"a+b+c", NULL, "SL0705"},
        {NULL, "orders+ events+", "SL0705"},
        {NULL, "orders+", "raw.events curated.clicks"},
    };
    struct shop *shop = *state;
    char text[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(selected(shop, cases[i].select, cases[i].exclude, text),
                            cases[i].expected);
}

static void build_all(struct shop *shop)
{
    static struct sl_input clean_input = {"raw.orders", 3};
    char text[512];
    selected(shop, NULL, NULL, text);
    for (size_t i = 0; i < shop->graph.count; i++) {
        struct sl_node *node = &shop->graph.nodes[i];
        node->facts.version = 3;
        node->facts.fingerprint = node->fingerprint;
        node->facts.input_count = 0;
    }
    sl_graph_node(&shop->graph, "clean.orders")->facts.inputs = &clean_input;
    sl_graph_node(&shop->graph, "clean.orders")->facts.input_count = 1;
}

static enum sl_verdict verdict_of(struct shop *shop, const char *name)
{
    return sl_graph_node(&shop->graph, name)->verdict;
}

static void decide(struct shop *shop, bool full_refresh)
{
    struct sl_err err = {0};
    assert_int_equal(sl_plan_decide(&shop->graph, full_refresh, &shop->project.arena, &err), SL_OK);
}

static void what_was_built_with_the_same_code_from_the_same_versions_is_fresh(void **state)
{
    struct shop *shop = *state;
    build_all(shop);
    decide(shop, false);
    assert_int_equal(sl_plan_count(&shop->graph, SL_VERDICT_FRESH), 8);
    decide(shop, true);
    assert_int_equal(sl_plan_count(&shop->graph, SL_VERDICT_STALE), 8);
}

static void a_changed_model_makes_stale_itself_and_what_depends_on_it_only(void **state)
{
    struct shop *shop = *state;
    build_all(shop);
    sl_graph_node(&shop->graph, "curated.daily")->facts.fingerprint = "before";
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "curated.daily"), SL_VERDICT_STALE);
    assert_int_equal(verdict_of(shop, "curated.yearly"), SL_VERDICT_AFTER);
    assert_int_equal(verdict_of(shop, "target.out.monthly"), SL_VERDICT_AFTER);
    assert_int_equal(verdict_of(shop, "curated.clicks"), SL_VERDICT_FRESH);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_FRESH);
    assert_string_equal(sl_graph_node(&shop->graph, "curated.daily")->why.items[0],
                        "its SQL or settings changed");
}

static void a_new_version_of_an_input_is_named_as_the_cause(void **state)
{
    struct shop *shop = *state;
    build_all(shop);
    sl_graph_node(&shop->graph, "raw.orders")->facts.version = 5;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_STALE);
    assert_string_equal(sl_graph_node(&shop->graph, "clean.orders")->why.items[0],
                        "raw.orders changed: version 5, built from 3");
}

static void versions_with_the_same_rows_are_no_cause(void **state)
{
    struct shop *shop = *state;
    build_all(shop);
    struct sl_facts *facts = &sl_graph_node(&shop->graph, "raw.orders")->facts;
    facts->version = 5;
    facts->same_rows = 2;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_FRESH);
    facts->same_rows = 1;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_STALE);
    facts->version = 2; // it went back
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_STALE);
}

static void files_with_other_names_are_told_and_change_nothing_else(void **state)
{
    struct shop *shop = *state;
    const char *renamed[] = {"a.csv is now b.csv"};
    build_all(shop);
    struct sl_node *raw = sl_graph_node(&shop->graph, "raw.orders");
    raw->facts.renamed = (struct sl_strs){renamed, 1};
    decide(shop, false);
    assert_int_equal(raw->verdict, SL_VERDICT_STALE);
    assert_string_equal(raw->why.items[0], renamed[0]);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_FRESH);
    raw->facts.changed_files = 1;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "clean.orders"), SL_VERDICT_AFTER);
}

static void quarantine_is_compared_with_its_own_version(void **state)
{
    struct shop *shop = *state;
    struct sl_input input = {"quarantine.orders", 3, NULL};
    build_all(shop);
    sl_graph_node(&shop->graph, "curated.daily")->facts.inputs = &input;
    sl_graph_node(&shop->graph, "curated.daily")->facts.input_count = 1;
    sl_graph_node(&shop->graph, "clean.orders")->facts.quarantine_version = 3;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "curated.daily"), SL_VERDICT_FRESH);
    sl_graph_node(&shop->graph, "clean.orders")->facts.quarantine_version++;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "curated.daily"), SL_VERDICT_STALE);
    assert_string_equal(sl_graph_node(&shop->graph, "curated.daily")->why.items[0],
                        "quarantine.orders changed: version 4, built from 3");
}

static void new_files_make_the_ingest_stale_and_vanished_ones_do_not(void **state)
{
    struct shop *shop = *state;
    build_all(shop);
    sl_graph_node(&shop->graph, "raw.events")->facts.vanished_files = 1;
    sl_graph_node(&shop->graph, "raw.orders")->facts.new_files = 2;
    decide(shop, false);
    assert_int_equal(verdict_of(shop, "raw.events"), SL_VERDICT_FRESH);
    assert_int_equal(verdict_of(shop, "raw.orders"), SL_VERDICT_STALE);
    assert_string_equal(sl_graph_node(&shop->graph, "raw.orders")->why.items[0], "2 new files");
}

static void what_is_missing_is_stale_and_did_not_end_well(void **state)
{
    static const struct {
        const char *status;
        bool is_stale, was_killed, is_missing;
    } cases[] = {
        {"ok", true, false, false},     {"warn", true, false, false},
        {"ok", true, true, true},       {"error", true, false, true},
        {"error", false, false, false}, {"skipped", true, false, true},
        {"partial", true, false, true}, {NULL, true, false, true},
        {NULL, false, false, false},    {"ok", false, true, false},
    };
    struct shop *shop = *state;
    struct sl_err err = {0};
    build_all(shop);
    for (size_t i = 0; i < shop->graph.count; i++)
        shop->graph.nodes[i].facts.last_status = "ok";
    struct sl_node *daily = sl_graph_node(&shop->graph, "curated.daily");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        daily->facts.last_status = cases[i].status;
        daily->facts.was_killed = cases[i].was_killed;
        daily->facts.fingerprint = cases[i].is_stale ? "before" : daily->fingerprint;
        assert_int_equal(sl_plan_decide_missing(&shop->graph, &shop->project.arena, &err), SL_OK);
        assert_int_equal(daily->is_selected, cases[i].is_missing);
        assert_int_equal(sl_graph_node(&shop->graph, "target.out.monthly")->is_selected,
                         cases[i].is_missing);
        assert_false(sl_graph_node(&shop->graph, "curated.clicks")->is_selected);
    }
}

static void a_plan_is_equal_to_itself_and_refused_after_any_change(void **state)
{
    static const char *const changes[] = {"version", "fingerprint", "listing"};
    struct shop *shop = *state;
    struct sl_err err = {0};
    json_t *before = NULL, *now = NULL;
    build_all(shop);
    decide(shop, false);
    assert_int_equal(sl_plan_print(&shop->graph, &shop->project, &before, &err), SL_OK);
    assert_int_equal(sl_plan_compare(before, before, &err), SL_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        now = json_deep_copy(before);
        json_object_set_new(json_array_get(json_object_get(now, "nodes"), 0), changes[i],
                            json_string("other"));
        assert_int_equal(sl_plan_compare(before, now, &err), SL_E_PLAN_CHANGED);
        sl_err_clear(&err);
        json_decref(now);
    }
    now = json_pack("{s:s}", "schema", "something/1");
    assert_int_equal(sl_plan_compare(now, before, &err), SL_E_PLAN_CHANGED);
    json_decref(now);
    json_decref(before);
}

static void a_cycle_is_named_with_its_whole_way(void **state)
{
    struct shop *shop = *state;
    struct sl_err err = {0};
    struct sl_graph graph;
    shop->refs[0] = ref("curated", "yearly"); // daily now reads yearly
    assert_int_equal(
        sl_graph_build(&shop->project, shop->queries, shop->fingerprints, &graph, &err), SL_OK);
    assert_int_equal(shop->project.diags.error_count, 1);
    assert_int_equal(shop->project.diags.items[0].err.code, SL_E_SQL_CYCLE);
    assert_non_null(strstr(shop->project.diags.items[0].err.message,
                           "curated.daily -> curated.monthly -> curated.yearly"));
    sl_graph_clear(&graph);
}

static void an_unknown_table_is_an_error_at_its_place_with_the_nearest_name(void **state)
{
    struct shop *shop = *state;
    struct sl_err err = {0};
    struct sl_graph graph;
    shop->refs[0] = ref("clean", "order");
    assert_int_equal(
        sl_graph_build(&shop->project, shop->queries, shop->fingerprints, &graph, &err), SL_OK);
    const struct sl_err *found = &shop->project.diags.items[0].err;
    assert_int_equal(found->code, SL_E_SQL_TABLE);
    assert_int_equal(found->line, 2);
    assert_int_equal(found->column, 6);
    assert_non_null(strstr(found->hint, "clean.orders"));
    sl_graph_clear(&graph);
}

// "daily@3 orders@3": what is published, without layers, of the tables in `wanted`.
static const char *published(struct shop *shop, const struct sl_publication *last,
                             struct sl_publication *ret, char text[256])
{
    static const char *const wanted[] = {"raw.orders", "clean.orders", "curated.daily",
                                         "curated.monthly", "raw.events"};
    struct sl_err err = {0};
    size_t length = 0;
    *ret = (struct sl_publication){.number = last->number + 1};
    assert_int_equal(sl_plan_publish(&shop->graph, last, &shop->project.arena, ret, &err), SL_OK);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct sl_published *found = sl_publication_find(ret, wanted[i]);
        length += (size_t)snprintf(text + length, 256 - length, "%s%lld", i ? " " : "",
                                   found ? (long long)found->version : -1LL);
    }
    return text;
}

static struct sl_facts *facts_of(struct shop *shop, const char *table)
{
    return &sl_graph_node(&shop->graph, table)->facts;
}

static void built_from(struct shop *shop, const char *table, const char *input, int64_t version)
{
    struct sl_facts *facts = facts_of(shop, table);
    facts->inputs = SL_NEW(&shop->project.arena, struct sl_input);
    assert_non_null(facts->inputs);
    *facts->inputs = (struct sl_input){input, version, NULL};
    facts->input_count = 1;
}

static void only_versions_that_belong_together_are_published(void **state)
{
    struct shop *shop = *state;
    struct sl_publication none = {0}, first, second, third;
    char text[256];
    build_all(shop);
    built_from(shop, "curated.daily", "clean.orders", 3);
    built_from(shop, "curated.monthly", "curated.daily", 3);
    built_from(shop, "curated.yearly", "curated.monthly", 3);
    assert_string_equal(published(shop, &none, &first, text), "3 3 3 3 3");
    assert_int_equal(first.withheld_count, 0);
    // Orders went on, the model failed: all that belongs to it stays, and events go on.
    facts_of(shop, "raw.orders")->version = facts_of(shop, "raw.events")->version = 4;
    facts_of(shop, "clean.orders")->version = 4;
    facts_of(shop, "clean.orders")->quarantine_version = 1;
    built_from(shop, "clean.orders", "raw.orders", 4);
    assert_string_equal(published(shop, &first, &second, text), "3 3 3 3 4");
    assert_string_equal(second.withheld[0].because,
                        "curated.daily is not built from clean.orders as it is now");
    assert_false(sl_publication_equals(&first, &second));
    // Rows that are the same as in the version before belong to what was built from that.
    facts_of(shop, "clean.orders")->same_rows = 1;
    assert_string_equal(published(shop, &second, &third, text), "4 4 3 3 4");
    // The model has caught up, but what reads it has not: if nothing was published before, that is
    // left out; else all stays.
    facts_of(shop, "clean.orders")->same_rows = 0;
    facts_of(shop, "curated.daily")->version = 4;
    built_from(shop, "curated.daily", "clean.orders", 4);
    assert_string_equal(published(shop, &none, &third, text), "4 4 4 -1 4");
    assert_string_equal(published(shop, &second, &third, text), "3 3 3 3 4");
    facts_of(shop, "curated.monthly")->version = 4;
    built_from(shop, "curated.monthly", "curated.daily", 4);
    assert_string_equal(published(shop, &second, &third, text), "3 3 3 3 4"); // yearly is behind
    built_from(shop, "curated.yearly", "curated.monthly", 4);
    facts_of(shop, "raw.orders")->table_id = "old";
    assert_string_equal(published(shop, &second, &third, text), "4 4 4 4 4");
    // A table that was made anew is another one: what was published of it says nothing.
    facts_of(shop, "raw.orders")->trouble = "locked";
    facts_of(shop, "raw.orders")->table_id = "new";
    facts_of(shop, "clean.orders")->inputs->id = "old";
    assert_string_equal(published(shop, &third, &first, text), "-1 4 4 4 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_step_stands_after_what_it_reads, build, drop),
        cmocka_unit_test_setup_teardown(selectors_mean_what_they_mean_in_dbt, build, drop),
        cmocka_unit_test_setup_teardown(
            what_was_built_with_the_same_code_from_the_same_versions_is_fresh, build, drop),
        cmocka_unit_test_setup_teardown(
            a_changed_model_makes_stale_itself_and_what_depends_on_it_only, build, drop),
        cmocka_unit_test_setup_teardown(a_new_version_of_an_input_is_named_as_the_cause, build,
                                        drop),
        cmocka_unit_test_setup_teardown(quarantine_is_compared_with_its_own_version, build, drop),
        cmocka_unit_test_setup_teardown(versions_with_the_same_rows_are_no_cause, build, drop),
        cmocka_unit_test_setup_teardown(files_with_other_names_are_told_and_change_nothing_else,
                                        build, drop),
        cmocka_unit_test_setup_teardown(new_files_make_the_ingest_stale_and_vanished_ones_do_not,
                                        build, drop),
        cmocka_unit_test_setup_teardown(what_is_missing_is_stale_and_did_not_end_well, build, drop),
        cmocka_unit_test_setup_teardown(a_plan_is_equal_to_itself_and_refused_after_any_change,
                                        build, drop),
        cmocka_unit_test_setup_teardown(only_versions_that_belong_together_are_published, build,
                                        drop),
        cmocka_unit_test_setup_teardown(a_cycle_is_named_with_its_whole_way, build, drop),
        cmocka_unit_test_setup_teardown(
            an_unknown_table_is_an_error_at_its_place_with_the_nearest_name, build, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
