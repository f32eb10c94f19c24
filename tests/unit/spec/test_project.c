#include "spec_test.h"

static void put_shop(void)
{
    put_file("sluice.yml",
             "name: shop\n"
             "description: Orders of the shop\n"
             "engine: {memory: 4GB, threads: 2, temp: spill}\n"
             "concurrency: 3\n"
             "checks: {requirements: error}\n"
             "quarantine: {max_share: 0.1, max_rows: 500}\n"
             "defaults: {owner: data@shop.example, retention: 90d, consumers: all}\n");
    put_file(
        "sources/orders.yml",
        "description: Orders\ntags: [sales, daily]\npath: [data/a-*.csv, /srv/b.csv]\n"
        "csv: {delimiter: ';', header: false, columns: [id, at]}\n"
        "quarantine: {max_share: 0.05}\nowner: sales@shop.example\ngrain: [id]\nfreshness: 26h\n");
    put_file("sources/events/clicks.yaml", "path: clicks.tsv\nformat: tsv\n");
    put_file("models/finance/daily.sql",
             "/* sluice\ndescription: Revenue\nwrite: merge\nkey: [day]\norder_by: [at desc]\n"
             "checks:\n  - not_null: [day]\n  - unique\n*/\nselect 1 as day\n");
    put_file("models/plain.sql", "select 2 as b\n");
    put_file("targets/out.yml", "type: csv\npath: out\n"
                                "deliver:\n  - table: curated.daily\n    write: partition\n"
                                "    partition_by: [day]\n");
    put_file("targets/notes.txt", "not a target");
}

static void every_file_is_read_into_its_struct(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_source *orders;
    const struct sl_model *daily;
    const struct sl_target *out;

    (void)state;
    put_shop();
    project = load_good();
    assert_string_equal(project->name, "shop");
    assert_int_equal(project->memory_bytes, 4000000000);
    assert_int_equal(project->concurrency, 3);
    assert_int_equal(project->requirements_level, SL_LEVEL_ERROR);
    assert_int_equal(project->source_count, 2);
    orders = sl_project_source(project, "orders");
    assert_non_null(orders);
    assert_string_equal(orders->file, "sources/orders.yml");
    assert_string_equal(orders->connector, "file");
    assert_int_equal(orders->paths.count, 2);
    assert_string_equal(orders->paths.items[1], "/srv/b.csv");
    assert_true(sl_str_ends(orders->paths.items[0], "/data/a-*.csv"));
    assert_string_equal(orders->csv.delimiter, ";");
    assert_string_equal(orders->csv.quote, "\"");
    assert_false(orders->csv.has_header);
    assert_int_equal(orders->requirements.freshness_s, 26 * 3600);
    daily = sl_project_model(project, "daily");
    assert_non_null(daily);
    assert_int_equal(daily->write, SL_WRITE_MERGE);
    assert_string_equal(daily->order_by.items[0], "at desc");
    assert_int_equal(daily->checks->count, 2);
    assert_string_equal(daily->sql, "select 1 as day\n");
    assert_int_equal(daily->sql_line, 10);
    out = sl_project_target(project, "out");
    assert_non_null(out);
    assert_string_equal(out->type, "csv");
    assert_string_equal(out->deliveries[0].to, "daily");
    assert_int_equal(out->deliveries[0].write, SL_WRITE_PARTITION);
    assert_null(sl_project_model(project, "orders"));
}

static void what_a_file_does_not_say_comes_from_the_project(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_source *orders;
    const struct sl_source *clicks;

    (void)state;
    put_shop();
    project = load_good();
    orders = sl_project_source(project, "orders");
    clicks = sl_project_source(project, "clicks");
    assert_string_equal(orders->requirements.owner, "sales@shop.example");
    assert_string_equal(clicks->requirements.owner, "data@shop.example");
    assert_string_equal(clicks->requirements.consumers.items[0], "all");
    assert_int_equal(clicks->requirements.retention_s, 90 * 86400);
    assert_int_equal(clicks->requirements.freshness_s, -1);
    assert_true(orders->budget.max_share == 0.05 && orders->budget.max_rows == 500);
    assert_true(clicks->budget.max_share == 0.1 && clicks->budget.min_rows == 100);
    assert_string_equal(clicks->csv.delimiter, "\t");
}

static void an_empty_project_has_defaults(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", "name: empty\n");
    project = load_good();
    assert_true(sl_str_ends(project->lake_folder, "/lake"));
    assert_true(sl_str_ends(project->state_folder, "/.sluice"));
    assert_true(project->lake_folder[0] == '/');
    assert_null(project->temp_folder);
    assert_int_equal(project->requirements_level, SL_LEVEL_WARN);
    assert_true(project->budget.max_share == 0.2);
    assert_int_equal(project->budget.max_rows, -1);
    assert_null(project->environment);
}

static void the_project_is_found_from_folders_below_it(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *below = NULL;
    SL_AUTO(sl_project_free) struct sl_project *by_file = NULL;
    struct sl_project_options options = {.folder = "a/b"};
    struct sl_err err = {0};

    (void)state;
    put_file("sluice.yml", "name: shop\n");
    assert_int_equal(sl_fs_mkdirs("a/b", &err), SL_OK);
    below = load_with(&options);
    options.folder = "sluice.yml";
    by_file = load_with(&options);
    assert_string_equal(below->folder, by_file->folder);
    assert_true(below->folder[0] == '/');
}

static void a_folder_without_a_project_is_an_error(void **state)
{
    struct sl_project *project = NULL;
    struct sl_err err = {0};

    (void)state;
    assert_int_equal(sl_project_load(&(struct sl_project_options){0}, &project, &err),
                     SL_E_PROJECT_MISSING);
    assert_int_equal(
        sl_project_load(&(struct sl_project_options){.folder = "nowhere"}, &project, &err),
        SL_E_FILE_MISSING);
    assert_null(project);
}

static void tables_have_a_layer_and_a_name(void **state)
{
    static const struct {
        const char *table;
        bool is_table;
        enum sl_layer layer;
        const char *name;
    } tables[] = {
        {"raw.orders", true, SL_LAYER_RAW, "orders"},
        {"clean.o", true, SL_LAYER_CLEAN, "o"},
        {"quarantine.orders", true, SL_LAYER_QUARANTINE, "orders"},
        {"curated.daily_revenue", true, SL_LAYER_CURATED, "daily_revenue"},
        {"orders", false, SL_LAYER_RAW, NULL},
        {"raw.", false, SL_LAYER_RAW, NULL},
        {"cleaned.orders", false, SL_LAYER_RAW, NULL},
        {"raw.a.b", false, SL_LAYER_RAW, NULL},
        {"", false, SL_LAYER_RAW, NULL},
        {NULL, false, SL_LAYER_RAW, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        enum sl_layer layer = SL_LAYER_RAW;
        const char *name = NULL;

        assert_int_equal(sl_table_parse(tables[i].table, &layer, &name), tables[i].is_table);
        assert_int_equal(layer, tables[i].layer);
        assert_true(sl_str_equal(name, tables[i].name));
    }
}

static void a_table_lies_under_its_layer(void **state)
{
    struct test_folder *folder = *state;
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    put_file("sluice.yml", "name: shop\nlake: /srv/lake\n");
    project = load_good();
    assert_string_equal(sl_table_folder(project, SL_LAYER_QUARANTINE, "orders", &folder->arena),
                        "/srv/lake/quarantine/orders");
}

static void names_are_found_in_a_project_put_together_by_hand(void **state)
{
    struct sl_source sources[] = {{.name = "b"}, {.name = "a", .contract = "contracts/c.yml"}};
    struct sl_model models[] = {{.name = "m"}};
    struct sl_target targets[] = {{.name = "t"}};
    struct sl_contract_table tables[] = {{.name = "x"}, {.name = "b"}};
    struct sl_contract contract = {.file = "contracts/c.yml", .tables = tables, .table_count = 1};
    struct sl_contract *contracts[] = {&contract};
    struct sl_project project = {.sources = sources,
                                 .source_count = 2,
                                 .models = models,
                                 .model_count = 1,
                                 .targets = targets,
                                 .target_count = 1,
                                 .contracts = contracts,
                                 .contract_count = 1};

    (void)state;
    assert_ptr_equal(sl_project_source(&project, "a"), &sources[1]);
    assert_ptr_equal(sl_project_model(&project, "m"), &models[0]);
    assert_ptr_equal(sl_project_target(&project, "t"), &targets[0]);
    assert_null(sl_project_source(&project, "m"));
    // The only object of the contract that a source names governs it, whatever its name.
    assert_ptr_equal(sl_project_contract_for(&project, &sources[1]), &tables[0]);
    assert_null(sl_project_contract_for(&project, &sources[0]));
    contract.table_count = 2;
    assert_ptr_equal(sl_project_contract_for(&project, &sources[0]), &tables[1]);
    assert_null(sl_project_contract_for(&project, &sources[1]));
}

static void requirements_are_as_strict_as_the_project_says(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *off = NULL;
    SL_AUTO(sl_project_free) struct sl_project *strict = NULL;

    (void)state;
    put_file("models/m.sql", "select 1 as a\n");
    put_file("sluice.yml", "name: shop\nchecks: {requirements: off}\n");
    off = load_good();
    sl_project_check_requirements(off);
    assert_int_equal(off->diags.count, 0);
    put_file("sluice.yml", "name: shop\nchecks: {requirements: error}\n");
    strict = load_good();
    sl_project_check_requirements(strict);
    assert_int_equal(strict->diags.error_count, 1);
    assert_int_equal(strict->diags.items[0].err.code, SL_E_REQUIREMENT_MISSING);
}

static void every_model_of_a_large_project_is_found(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    char path[64];

    (void)state;
    put_file("sluice.yml", "name: large\n");
    put_file("models/m0.sql", "select 1 as a\n");
    for (int i = 1; i < 300; i++) {
        char text[128];

        snprintf(path, sizeof path, "models/m%d.sql", i);
        snprintf(text, sizeof text, "/* sluice\ndescription: number %d\n*/\nselect 1 as a\n", i);
        put_file(path, text);
    }
    project = load_good();
    assert_int_equal(project->model_count, 300);
    for (int i = 1; i < 300; i++) {
        char description[32];

        snprintf(path, sizeof path, "m%d", i);
        snprintf(description, sizeof description, "number %d", i);
        assert_string_equal(sl_project_model(project, path)->description, description);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_file_is_read_into_its_struct),
        IN_FOLDER(what_a_file_does_not_say_comes_from_the_project),
        IN_FOLDER(an_empty_project_has_defaults),
        IN_FOLDER(the_project_is_found_from_folders_below_it),
        IN_FOLDER(a_folder_without_a_project_is_an_error),
        cmocka_unit_test(tables_have_a_layer_and_a_name),
        IN_FOLDER(a_table_lies_under_its_layer),
        cmocka_unit_test(names_are_found_in_a_project_put_together_by_hand),
        IN_FOLDER(requirements_are_as_strict_as_the_project_says),
        IN_FOLDER(every_model_of_a_large_project_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
