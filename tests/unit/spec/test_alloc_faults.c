// Reading a project with each allocation failing in turn: it says so, and leaks nothing (the leak
// sanitizer watches). A project is never taken for a smaller one because memory ran out while it
// was read.
#include "spec_test.h"

#include "../base/alloc_fault.h"

static void put_project(void)
{
    put_file(".env", "SL_TEST_NAME=a-secret-name\n");
    put_file("sluice.yml",
             "name: shop\nengine: {threads: 2}\n"
             "defaults: {owner: a@b.c, consumers: [x]}\n"
             "environments: {prod: {engine: {memory: 1GB}, defaults: {retention: 1d}}}\n");
    put_file("sources/orders.yml", "path: [a.csv, b.csv]\ncontract: contracts/orders.yml\n");
    put_file("models/sub/daily.sql",
             "/* sluice\nwrite: merge\nkey: [a]\nchecks: [{unique: [a]}]\n*/\nselect 1 as a");
    put_file("pipelines/nightly.yml",
             "when: [{cron: 0 3 * * *, calendar: {skip: 12-25}}, {files: orders}, {table: "
             "curated.daily}]\n");
    put_file("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.daily}]\n");
    put_file(
        "contracts/orders.yml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: '1'\nstatus: active\nservers: []\n"
        "schema:\n  - name: orders\n    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true, unique: true}\n"
        "      - {name: other, logicalType: integer, relationships: [{to: curated.daily.a}]}\n"
        "      - name: day\n        logicalType: date\n"
        "        logicalTypeOptions: {format: dd.MM.yyyy, minimum: '2020-01-01'}\n"
        "        customProperties: [{property: sluice.severity, value: {range: warn}}]\n"
        "      - name: status\n        physicalType: varchar(9)\n"
        "        logicalTypeOptions: {minLength: 1, pattern: '^a', format: email}\n"
        "        quality: [{metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}]\n"
        "    quality:\n"
        "      - {type: custom, engine: sluice, name: r, implementation: {expression: id > 0}}\n"
        "    customProperties: [{property: sluice.orderBy, value: [day]}]\n");
}

static void a_project_is_read_whole_or_not_at_all(void **state)
{
    struct sl_project_options options = {.environment = "prod", .resolve_secrets = true};
    bool has_failed = true;

    (void)state;
    put_project();
    for (long n = 0; has_failed; n++) {
        SL_AUTO(sl_project_free) struct sl_project *project = NULL;
        struct sl_err err = {0};
        int code;

        alloc_fault_arm(n);
        code = sl_project_load(&options, &project, &err);
        has_failed = alloc_fault_disarm();
        if (has_failed && code == SL_OK && project->diags.error_count == 0)
            fail_msg("allocation %ld failed and nobody said so", n);
        if (!has_failed)
            assert_int_equal(code, SL_OK);
        if (code != SL_OK)
            assert_null(project);
        if (!has_failed)
            assert_int_equal(project->diags.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_project_is_read_whole_or_not_at_all, enter_folder,
                                        leave_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
