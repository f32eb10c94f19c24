// What is wrong with models is found before anything runs, each mistake at its place.
#include "run_test.h"

static void bind(struct sl_world *world, struct sl_map *catalog)
{
    struct sl_err err = {0};

    open_world(world);
    if (sl_world_bind(world, catalog, &err) != SL_OK)
        fail_msg("%s", err.message);
    sl_diags_sort(&world->project->diags);
}

// clang-format off
static const struct mistake {
    const char *name;
    struct file files[MOST_FILES];
    enum sl_code code;
    const char *place;
    const char *message, *hint; // parts of them
} mistakes[] = {
    {"an unknown table",
     {{"models/a.sql", "select 1 as n from clean.ordrs"}},
     SL_E_SQL_TABLE, "models/a.sql:1:20", "clean.ordrs", "clean.orders"},
    {"an unknown table of the models",
     {{"models/a.sql", "select 1 as n\nfrom curated.b"}},
     SL_E_SQL_TABLE, "models/a.sql:2:6", "curated.b", ""},
    {"a table without its layer",
     {{"models/a.sql", "select 1 as n from orders"}},
     SL_E_SQL_TABLE, "models/a.sql:1:20", "orders", "clean.orders"},
    {"an unknown column",
     {{"models/a.sql", "select ammount from clean.orders"}},
     SL_E_SQL_COLUMN, "models/a.sql:1:8", "ammount", "amount"},
    {"an unknown column behind settings",
     {{"models/a.sql", "/* sluice\nwrite: full\n*/\nselect id,\n  nothing\nfrom clean.orders"}},
     SL_E_SQL_COLUMN, "models/a.sql:5:3", "nothing", ""},
    {"an unknown column of an alias",
     {{"models/a.sql", "select o.name as n from clean.orders o"}},
     SL_E_SQL_COLUMN, "models/a.sql:1:8", "name", ""},
    {"a column that another model does not make",
     {{"models/a.sql", "select id as number from clean.orders"},
      {"models/b.sql", "select id from curated.a"}},
     SL_E_SQL_COLUMN, "models/b.sql:1:8", "id", ""},
    {"an ambiguous name",
     {{"models/a.sql", "select id from clean.orders o join clean.customers c on o.id = c.id"}},
     SL_E_SQL_COLUMN, "models/a.sql:1:8", "id", ""},
    {"types that do not fit",
     {{"models/a.sql", "select amount + day as n from clean.orders"}},
     SL_E_SQL_TYPE, "models/a.sql:1:15", "", ""},
    {"SQL that does not parse",
     {{"models/a.sql", "select 1 as n\nfrom"}},
     SL_E_SQL_SYNTAX, "models/a.sql:2:5", "", ""},
    {"no query",
     {{"models/a.sql", "delete from clean.orders"}},
     SL_E_SQL_KIND, "models/a.sql:1:1", "", ""},
    {"two queries",
     {{"models/a.sql", "select 1 as n; select 2 as n"}},
     SL_E_SQL_KIND, "models/a.sql:1:1", "", ""},
    {"a partition column that is none",
     {{"models/a.sql",
       "/* sluice\nwrite: partition\npartition_by: [month]\n*/\nselect day from clean.orders"}},
     SL_E_MODEL_SETTING, "models/a.sql:3:15", "'partition_by' names 'month'", ""},
    {"a key that is none",
     {{"models/a.sql", "/* sluice\nwrite: merge\nkey: [idd]\n*/\nselect id from clean.orders"}},
     SL_E_MODEL_SETTING, "models/a.sql:3:6", "'key' names 'idd'", "id"},
    {"a model of itself",
     {{"models/a.sql", "select n from curated.a"}},
     SL_E_SQL_CYCLE, "models/a.sql:1:15", "curated.a -> curated.a", ""},
    {"a circle of three",
     {{"models/a.sql", "select n from curated.c"},
      {"models/b.sql", "select n from curated.a"},
      {"models/c.sql", "select n\nfrom curated.b"}},
     SL_E_SQL_CYCLE, "models/a.sql:1:15", "curated.a -> curated.b -> curated.c -> curated.a", ""},
    {"two columns of one name",
     {{"models/a.sql", "select id, day as ID from clean.orders"}},
     SL_E_SQL_COLUMN, "models/a.sql:1:1", "two columns are named 'ID'", "case"},
    {"a check of a column that is none",
     {{"models/a.sql", "/* sluice\nchecks:\n  - not_null: [idd]\n*/\nselect id from clean.orders"}},
     SL_E_MODEL_SETTING, "models/a.sql:3:5", "check not_null: Referenced column \"idd\"", "id"},
    {"a check whose expression does not fit",
     {{"models/a.sql", "/* sluice\nchecks:\n  - expression: id + day > 1\n  - unique: id\n*/\nselect id, day < now() as day from clean.orders"}},
     SL_E_MODEL_SETTING, "models/a.sql:3:5", "check expression", ""},
    {"a delivery's key that is none",
     {{"models/a.sql", "select id from clean.orders"},
      {"targets/t.yml", "type: csv\npath: out\ndeliver:\n  - {table: curated.a, write: merge, key: [idd]}\n"}},
     SL_E_VALUE_INVALID, "targets/t.yml:4:43", "'key' names 'idd', which is not a column of curated.a", "id"},
    {"a delivery's partition that is none",
     {{"targets/t.yml",
       "type: csv\npath: out\ndeliver:\n  - {table: clean.orders, write: partition, partition_by: [month]}\n"}},
     SL_E_VALUE_INVALID, "targets/t.yml:4:59", "names 'month', which is not a column of clean.orders", ""},
    {"a delivery of an unknown table",
     {{"models/a.sql", "select 1 as n"},
      {"targets/t.yml", "type: csv\npath: out\ndeliver:\n  - table: curated.b\n"}},
     SL_E_SQL_TABLE, "targets/t.yml:4:12", "curated.b", ""},
};
// clang-format on

static void a_mistake_in_a_model_has_a_code_a_place_and_a_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        const struct mistake *wanted = &mistakes[i];
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        struct sl_err err;
        char place[320];
        assert_int_equal(sl_fs_remove_tree("models", &err), SL_OK);
        assert_int_equal(sl_fs_remove_tree("targets", &err), SL_OK);
        put_sources();
        put_files(wanted->files);
        bind(&world, NULL);
        const struct sl_diags *diags = &world.project->diags;
        if (diags->count != 1)
            fail_msg("%s: %zu mistakes", wanted->name, diags->count);
        const struct sl_err *found = &diags->items[0].err;
        snprintf(place, sizeof place, "%s:%d:%d", found->file, found->line, found->column);
        if (found->code != wanted->code || strcmp(place, wanted->place) != 0 ||
            !strstr(found->message, wanted->message) || !strstr(found->hint, wanted->hint))
            fail_msg("%s: %s at %s: %s (%s)", wanted->name, sl_code_info(found->code)->id, place,
                     found->message, found->hint);
        assert_int_equal(sl_world_require_valid(&world, &err), SL_E_PROJECT_INVALID);
    }
}

static void all_mistakes_are_found_in_one_pass(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};

    (void)state;
    put_sources();
    put("models/a.sql", "select nothing from clean.orders");
    put("models/b.sql", "select id from curated.a");
    put("models/c.sql", "select id, nobody from clean.customers");
    put("models/d.sql", "select nowhere from curated.c");
    put("models/e.sql", "select 1 as n from clean.unknown");
    put("models/f.sql", "select n from curated.g");
    put("models/g.sql", "select n from curated.f");
    put("models/h.sql", "select n from curated.i");
    put("models/i.sql", "select n from curated.h");
    put("models/j.sql", "/* sluice\nwrite: merge\nkey: [no]\n*/ select id from clean.orders");
    bind(&world, NULL);
    // Those that read a model which is wrong are judged when it is mended.
    static const char *const files[] = {"models/a.sql", "models/c.sql", "models/e.sql",
                                        "models/f.sql", "models/h.sql", "models/j.sql"};
    assert_int_equal(world.project->diags.count, COUNT_OF(files));
    for (size_t i = 0; i < COUNT_OF(files); i++)
        assert_string_equal(world.project->diags.items[i].err.file, files[i]);
}

// "name TYPE, name TYPE"
static const char *columns_of(const struct sl_map *catalog, const char *table, struct sl_buf *text)
{
    const struct sl_relation *relation = sl_map_get(catalog, table);

    sl_buf_reset(text);
    for (size_t i = 0; relation && i < relation->count; i++)
        sl_buf_addf(text, "%s%s %s", i ? ", " : "", relation->columns[i].name,
                    relation->columns[i].type);
    return text->text;
}

static void the_columns_of_every_table_are_known_before_the_first_run(void **state)
{
    static const struct {
        const char *table, *columns;
    } cases[] = {
        {"raw.orders", ""}, // nothing but its contract reads it
        {"clean.customers", "id BIGINT, name VARCHAR, _source VARCHAR, _position BIGINT"},
        {"curated.daily", "day DATE, n BIGINT, amount DECIMAL(38,2)"},
        {"curated.most", "n BIGINT"},
    };
    bool has_engine[2];

    (void)state;
    put_sources();
    put("models/daily.sql",
        "select day, count(*) as n, sum(amount) as amount from clean.orders group by all");
    put("models/most.sql", "select max(n) as n from curated.daily");
    for (int time = 0; time < 2; time++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        bind(&world, &catalog);
        assert_int_equal(world.project->diags.count, 0);
        for (size_t i = 0; i < COUNT_OF(cases); i++)
            assert_string_equal(columns_of(&catalog, cases[i].table, &text), cases[i].columns);
        has_engine[time] = world.engine != NULL;
    }
    // The second time all of it is remembered.
    assert_true(has_engine[0]);
    assert_false(has_engine[1]);
}

static void raw_has_the_columns_of_its_files_before_the_first_run(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    put_sources();
    put("models/of_raw.sql", "select id from raw.orders");
    put("models/wrong.sql", "select nope from raw.orders");
    bind(&world, &catalog);
    assert_string_equal(columns_of(&catalog, "raw.orders", &text),
                        "id VARCHAR, day VARCHAR, amount VARCHAR, _source VARCHAR, _position "
                        "BIGINT, _ingested_at TIMESTAMP WITH TIME ZONE, _corrupt BLOB");
    assert_string_equal(columns_of(&catalog, "curated.of_raw", &text), "id VARCHAR");
    assert_int_equal(world.project->diags.error_count, 1);
    assert_int_equal(world.project->diags.items[0].err.code, SL_E_SQL_COLUMN);
}

static void what_is_remembered_is_forgotten_when_what_it_follows_from_changes(void **state)
{
    static const struct {
        const char *path, *text;
        const char *message; // of the only mistake, or NULL
    } cases[] = {
        {"models/b.sql", "select n from curated.a", NULL},
        {"models/a.sql", "select 1 as m", "n"},
        {"models/b.sql", "select m from curated.a", NULL},
        {"models/a.sql", "select 'text' as m", NULL},
        {"models/b.sql", "select upper(m) as m from curated.a", NULL},
        {"models/a.sql", "select date '2026-01-01' as m", "DATE"},
    };

    (void)state;
    put("models/a.sql", "select 1 as n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        put(cases[i].path, cases[i].text);
        bind(&world, NULL);
        const struct sl_diags *diags = &world.project->diags;
        if (diags->count != (cases[i].message != NULL))
            fail_msg("step %zu: %zu mistakes: %s", i, diags->count,
                     diags->count ? diags->items[0].err.message : "");
        if (cases[i].message)
            assert_non_null(strstr(diags->items[0].err.message, cases[i].message));
    }
}

static void damaged_caches_are_as_good_as_none(void **state)
{
    static const char *const damages[] = {"", "{", "[]", "{\"format\": 1}", "nonsense\n{\"a\": 1}"};

    (void)state;
    put("models/a.sql", "select 1 as n");
    put("models/b.sql", "select nothing from curated.a");
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        put(".sluice/models.cache", damages[i]);
        put(".sluice/columns.cache", damages[i]);
        bind(&world, NULL);
        assert_int_equal(world.project->diags.count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mistake_in_a_model_has_a_code_a_place_and_a_hint, begin,
                                        end),
        cmocka_unit_test_setup_teardown(all_mistakes_are_found_in_one_pass, begin, end),
        cmocka_unit_test_setup_teardown(the_columns_of_every_table_are_known_before_the_first_run,
                                        begin, end),
        cmocka_unit_test_setup_teardown(raw_has_the_columns_of_its_files_before_the_first_run,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_remembered_is_forgotten_when_what_it_follows_from_changes, begin, end),
        cmocka_unit_test_setup_teardown(damaged_caches_are_as_good_as_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
