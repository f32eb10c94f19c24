#include "spec_test.h"

#include "schedule/schedule.h"
#include "spec/pipeline.h"

static void put_shop(void)
{
    put_file("sluice.yml", "name: shop\n"
                           "checks: {requirements: off}\n"
                           "time_zone: Europe/Berlin\n"
                           "runs: {max_runs: 3}\n"
                           "defaults: {owner: data@shop.example}\n");
    put_file("sources/orders.yml", "path: orders-*.csv\n");
    put_file("models/daily.sql", "select 1 as x\n");
}

static const struct sl_trigger *only_trigger(const char *when, struct sl_project **project)
{
    char text[512];

    sl_project_free(project);
    (void)snprintf(text, sizeof text, "when: [%s]\n", when);
    put_shop();
    put_file("pipelines/nightly.yml", text);
    *project = load_good();
    assert_int_equal((*project)->pipeline_count, 1);
    assert_int_equal((*project)->pipelines[0].trigger_count, 1);
    return &(*project)->pipelines[0].triggers[0];
}

static void everything_that_a_file_says_is_there(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_pipeline *nightly;

    (void)state;
    put_shop();
    put_file("pipelines/finance/nightly.yml",
             "description: Nightly revenue\n"
             "owner: finance@shop.example\n"
             "tags: [finance]\n"
             "select: [+daily]\n"
             "exclude: ['tag:slow']\n"
             "when:\n"
             "  - {cron: 0 3 * * MON-FRI, calendar: {skip: [12-25], only: MON-FRI}}\n"
             "  - {files: orders, settle: 0s, settle_max: 5s, poll: 7s}\n"
             "  - http: true\n"
             "catch_up: all\n"
             "overlap: cancel_older\n"
             "max_runs: 2\n"
             "deadline: 2h\n"
             "full_refresh: true\n");
    put_file("pipelines/A-1.yml", "description: by hand\n");
    project = load_good();
    assert_int_equal(project->max_runs, 3);
    assert_string_equal(project->time_zone, "Europe/Berlin");
    assert_int_equal(project->pipeline_count, 2);
    nightly = sl_project_pipeline(project, "nightly");
    assert_non_null(nightly);
    assert_null(sl_project_pipeline(project, "shop"));
    assert_string_equal(nightly->file, "pipelines/finance/nightly.yml");
    assert_string_equal(nightly->description, "Nightly revenue");
    assert_string_equal(nightly->owner, "finance@shop.example");
    assert_true(sl_strs_has(&nightly->tags, "finance"));
    assert_true(sl_strs_has(&nightly->select, "+daily"));
    assert_true(sl_strs_has(&nightly->exclude, "tag:slow"));
    assert_int_equal(nightly->catch_up, SL_CATCH_UP_ALL);
    assert_string_equal(sl_catch_up_name((enum sl_catch_up)nightly->catch_up), "all");
    assert_int_equal(nightly->overlap, SL_OVERLAP_CANCEL_OLDER);
    assert_string_equal(sl_overlap_name((enum sl_overlap)nightly->overlap), "cancel_older");
    assert_int_equal(nightly->max_runs, 2);
    assert_int_equal(nightly->deadline_s, 7200);
    assert_true(nightly->full_refresh);
    assert_int_equal(nightly->trigger_count, 3);
    assert_int_equal(nightly->triggers[0].kind, SL_TRIGGER_CRON);
    assert_string_equal(nightly->triggers[0].schedule->zone.name, "Europe/Berlin");
    assert_true(nightly->triggers[0].schedule->calendar.skip.has_items);
    assert_true(nightly->triggers[0].schedule->calendar.only.has_items);
    assert_ptr_equal(nightly->triggers[1].source, sl_project_source(project, "orders"));
    assert_int_equal(nightly->triggers[1].settle_s, 0);
    assert_int_equal(nightly->triggers[1].settle_max_s, 5);
    assert_int_equal(nightly->triggers[1].poll_s, 7);
    assert_int_equal(nightly->triggers[2].kind, SL_TRIGGER_HTTP);
}

static void what_a_file_does_not_say_has_a_default(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_pipeline *pipeline;

    (void)state;
    put_shop();
    put_file("pipelines/by_hand.yml", "description: nothing else\n");
    project = load_good();
    pipeline = sl_project_pipeline(project, "by_hand");
    assert_non_null(pipeline);
    assert_string_equal(pipeline->owner, "data@shop.example");
    assert_int_equal(pipeline->trigger_count, 0);
    assert_int_equal(pipeline->select.count, 0);
    assert_int_equal(pipeline->catch_up, SL_CATCH_UP_LATEST);
    assert_int_equal(pipeline->overlap, SL_OVERLAP_QUEUE);
    assert_int_equal(pipeline->max_runs, 1);
    assert_int_equal(pipeline->deadline_s, 0);
    assert_false(pipeline->full_refresh);
}

static void a_project_without_pipelines_has_one_of_its_name(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_shop();
    project = load_good();
    assert_int_equal(project->pipeline_count, 1);
    assert_non_null(sl_project_pipeline(project, "shop"));
    assert_string_equal(project->pipelines[0].file, "sluice.yml");
    assert_int_equal(project->pipelines[0].trigger_count, 0);
    assert_int_equal(project->pipelines[0].max_runs, 1);
}

// Under the key the last tick is kept: it must not depend on how the same thing is written.
static void a_trigger_has_a_key_that_stays(void **state)
{
    static const struct {
        const char *when, *key, *words;
    } cases[] = {
        {"{cron: 0 3 * * MON-FRI}", "cron 0 3 * * MON-FRI Europe/Berlin",
         "cron 0 3 * * MON-FRI (Europe/Berlin)"},
        {"{cron: ' 0   3 * *  MON-FRI ', calendar: {skip: 12-25}}",
         "cron 0 3 * * MON-FRI Europe/Berlin", "cron 0 3 * * MON-FRI (Europe/Berlin)"},
        {"{cron: '@daily', time_zone: UTC}", "cron @daily", "cron @daily"},
        {"{every: 15m}", "every 15m Europe/Berlin", "every 15m"},
        {"{every: 1d, anchor: 2026-01-01T06:00, time_zone: UTC}", "every 1d from 2026-01-01T06:00",
         "every 1d"},
        {"{files: orders}", "files orders", "files of orders"},
        {"{table: raw.orders}", "table raw.orders", "new version of raw.orders"},
        {"{http: true}", "http", "HTTP"},
    };
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_trigger *trigger = only_trigger(cases[i].when, &project);
        assert_string_equal(trigger->key, cases[i].key);
        assert_string_equal(sl_trigger_words(trigger, &project->arena), cases[i].words);
    }
}

static void http_that_is_not_wanted_is_no_trigger(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_shop();
    put_file("pipelines/a.yml", "when: [{http: false}]\n");
    project = load_good();
    assert_int_equal(project->pipelines[0].trigger_count, 0);
}

static void the_approval_of_a_step_is_anybodys_or_that_of_some(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_shop();
    put_file("sources/orders.yml", "path: a.csv\napproval: true\n");
    put_file("sources/others.yml", "path: b.csv\napproval: false\n");
    put_file("sources/rates.yml", "path: c.csv\n");
    put_file("models/daily.sql", "/* sluice\napproval: [ann, bob@shop.example]\n*/\nselect 1 as x");
    put_file("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: raw.rates}]\n"
                                "approval: finance\n");
    project = load_good();
    const struct sl_execution *of_source = &sl_project_source(project, "orders")->execution;
    const struct sl_execution *of_model = &sl_project_model(project, "daily")->execution;
    const struct sl_execution *of_target = &sl_project_target(project, "out")->execution;
    assert_true(of_source->needs_approval);
    assert_int_equal(of_source->approvers.count, 0);
    assert_false(sl_project_source(project, "others")->execution.needs_approval);
    assert_int_equal(sl_project_source(project, "others")->execution.approvers.count, 0);
    assert_false(sl_project_source(project, "rates")->execution.needs_approval);
    assert_true(of_model->needs_approval);
    assert_int_equal(of_model->approvers.count, 2);
    assert_true(sl_strs_has(&of_model->approvers, "bob@shop.example"));
    assert_true(of_target->needs_approval);
    assert_true(sl_strs_has(&of_target->approvers, "finance"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(everything_that_a_file_says_is_there),
        IN_FOLDER(what_a_file_does_not_say_has_a_default),
        IN_FOLDER(a_project_without_pipelines_has_one_of_its_name),
        IN_FOLDER(a_trigger_has_a_key_that_stays),
        IN_FOLDER(http_that_is_not_wanted_is_no_trigger),
        IN_FOLDER(the_approval_of_a_step_is_anybodys_or_that_of_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
