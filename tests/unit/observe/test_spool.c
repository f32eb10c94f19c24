#include "../base/test.h"
#include "base/fs.h"
#include "base/log.h"
#include "observe/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/sluice-spool-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct sl_err err = {0};
    (void)state;
    return sl_fs_remove_tree(folder, &err) == SL_OK ? 0 : -1;
}

static void add(struct sl_spool *spool, const char *fact, const char *text)
{
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:s, s:s}", "fact", fact, "text", text);
    struct sl_err err = {0};
    assert_int_equal(sl_spool_add(spool, json, &err), SL_OK);
}

static struct sl_spool *opened(const char *run_id)
{
    struct sl_spool *spool = NULL;
    struct sl_err err = {0};
    assert_int_equal(sl_spool_open(folder, run_id, &spool, &err), SL_OK);
    return spool;
}

static void read_all(struct sl_spool_view *view)
{
    struct sl_err err = {0};
    *view = (struct sl_spool_view){0};
    assert_int_equal(sl_spool_read(folder, view, &err), SL_OK);
}

static void put_file(const char *name, const char *text)
{
    char path[128];
    struct sl_err err = {0};
    (void)snprintf(path, sizeof path, "%s/telemetry/%s", folder, name);
    assert_int_equal(sl_fs_write(path, text, strlen(text), &err), SL_OK);
}

static void facts_are_read_while_the_run_goes_on_and_after_it(void **state)
{
    struct sl_spool_view view;
    (void)state;
    assert_true(sl_spool_is_empty(folder));
    SL_AUTO(sl_spool_close) struct sl_spool *spool = opened("one");
    add(spool, "run_start", "a");
    assert_false(sl_spool_is_empty(folder));
    read_all(&view);
    assert_int_equal(view.count, 1);
    assert_string_equal(view.files[0].run_id, "one");
    assert_true(view.files[0].is_at_work);
    assert_int_equal(view.files[0].count, 1);
    sl_spool_view_clear(&view);
    add(spool, "run_end", "b");
    sl_spool_close(&spool);
    read_all(&view);
    assert_false(view.files[0].is_at_work);
    assert_string_equal(sl_json_text(view.files[0].facts[1], "text", ""), "b");
    sl_spool_view_clear(&view);
}

static void how_far_each_way_has_come_is_kept_beside_the_facts(void **state)
{
    struct sl_spool_view view;
    struct sl_err err = {0};
    struct sl_spool *spool = opened("one");
    (void)state;
    add(spool, "run_start", "a");
    sl_spool_close(&spool);
    read_all(&view);
    view.files[0].told[SL_WAY_TRACES] = 1;
    assert_int_equal(sl_spool_mark(&view.files[0], &err), SL_OK);
    sl_spool_view_clear(&view);
    read_all(&view);
    assert_int_equal(view.count, 1);
    assert_int_equal(view.files[0].told[SL_WAY_TRACES], 1);
    assert_int_equal(view.files[0].told[SL_WAY_LINEAGE], 0);
    assert_int_equal(sl_spool_remove(&view.files[0], &err), SL_OK);
    sl_spool_view_clear(&view);
    assert_true(sl_spool_is_empty(folder));
}

static void half_a_line_is_none_and_a_damaged_one_keeps_its_place(void **state)
{
    struct sl_spool_view view;
    struct sl_spool *spool = opened("other");
    (void)state;
    sl_spool_close(&spool);
    put_file("one.jsonl",
             "{\"fact\":\"run_start\"}\nnonsense\n[]\n{\"fact\":\"run_end\"}\n{\"fact\":\"st");
    put_file("one.jsonl.told", "[");
    read_all(&view);
    const struct sl_spool_file *file =
        strcmp(view.files[0].run_id, "one") == 0 ? &view.files[0] : &view.files[1];
    assert_int_equal(file->count, 4);
    assert_int_equal(json_object_size(file->facts[1]), 0);
    assert_int_equal(json_object_size(file->facts[2]), 0);
    assert_string_equal(sl_json_text(file->facts[3], "fact", ""), "run_end");
    assert_int_equal(file->told[SL_WAY_LINEAGE], 0);
    sl_spool_view_clear(&view);
}

static void what_has_no_room_is_left_out_and_counted_but_for_the_ends(void **state)
{
    size_t length = (size_t)8 << 20;
    char *text = malloc(length + 1);
    SL_AUTO(sl_spool_close) struct sl_spool *spool = opened("one");
    struct sl_spool_view view;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    add(spool, "run_start", "a");
    for (int i = 0; i < 9; i++) // of 64 MB
        add(spool, "step_end", text);
    assert_int_equal(sl_spool_left_out(spool), 2);
    add(spool, "run_end", "b");
    // Another run finds no more than what is left.
    SL_AUTO(sl_spool_close) struct sl_spool *other = opened("two");
    add(other, "step_end", text);
    assert_int_equal(sl_spool_left_out(other), 1);
    read_all(&view);
    const struct sl_spool_file *file =
        strcmp(view.files[0].run_id, "one") == 0 ? &view.files[0] : &view.files[1];
    assert_string_equal(sl_json_text(file->facts[file->count - 1], "fact", ""), "run_end");
    sl_spool_view_clear(&view);
    free(text);
}

static void secrets_are_not_kept(void **state)
{
    SL_AUTO(sl_spool_close) struct sl_spool *spool = opened("one");
    struct sl_spool_view view;
    (void)state;
    sl_log_hide("sesame-0123");
    add(spool, "run_start", "open sesame-0123");
    read_all(&view);
    assert_string_equal(sl_json_text(view.files[0].facts[0], "text", ""), "open ***");
    sl_spool_view_clear(&view);
}

static void the_state_of_ways_survives_and_damage_is_nothing(void **state)
{
    struct sl_spool_state kept = {.ways[SL_WAY_LINEAGE] = {.sent = 7, .attempts = 2, .next_us = 9}};
    struct sl_spool_state read;
    struct sl_err err = {0};
    int lock = -1, second = -1;
    (void)state;
    assert_int_equal(sl_spool_lock(folder, &lock, &err), SL_OK);
    assert_int_equal(sl_spool_lock(folder, &second, &err), SL_E_LOCKED);
    (void)snprintf(kept.ways[SL_WAY_LINEAGE].error, 400, "HTTP 500: \"no\"");
    assert_int_equal(sl_spool_state_write(folder, &kept, &err), SL_OK);
    sl_spool_state_read(folder, &read);
    assert_int_equal(read.ways[SL_WAY_LINEAGE].sent, 7);
    assert_string_equal(read.ways[SL_WAY_LINEAGE].error, "HTTP 500: \"no\"");
    assert_int_equal(read.ways[SL_WAY_TRACES].sent, 0);
    put_file("state.json", "{\"lineage\":[]");
    sl_spool_state_read(folder, &read);
    assert_int_equal(read.ways[SL_WAY_LINEAGE].sent, 0);
    sl_fd_close(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(facts_are_read_while_the_run_goes_on_and_after_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(how_far_each_way_has_come_is_kept_beside_the_facts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(half_a_line_is_none_and_a_damaged_one_keeps_its_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_no_room_is_left_out_and_counted_but_for_the_ends,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_state_of_ways_survives_and_damage_is_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
