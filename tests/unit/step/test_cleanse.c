// What one run of the cleanse step does to a lake: split, merge, resume, refuse.
#include "lake.h"

#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define GOOD_1 "('1', '1.50', '2025-01-01T00:00:00Z', 'a')"
#define GOOD_2 "('2', '2.50', '2025-01-01T00:00:00Z', 'b')"
#define GOOD_1_LATER "('1', '9.99', '2025-01-02T00:00:00Z', 'later')"
#define BAD_3 "('3', '-1', '2025-01-01T00:00:00Z', 'c')"
#define BAD_4 "('x', 'N/A', '2025-01-01T00:00:00Z', 'd')"
#define CORRUPT "('corrupt', null, null, null)"
#define CLEAN \
    "select concat_ws(' ', id, amount, note, _source, _position) from clean.orders order by all"

static void a_first_run_gives_every_row_one_place(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->contract.filter = "note = 'skip me'";
    lake_add(lake, "a.csv",
             GOOD_1 ", " GOOD_2 ", " BAD_3 ", " BAD_4 ", " GOOD_1_LATER ", " CORRUPT
                    ", ('x', '', '', 'skip me')");
    lake_must_run(lake);
    assert_int_equal(lake->result.outcome, SL_STEP_DONE);
    assert_true(lake->result.was_full);
    assert_string_equal(lake->result.why, "first time");
    lake_assert_balance(lake, 7, 2, 3, 1, 1);
    assert_string_equal(lake_query(lake, CLEAN), "1 9.99 later a.csv 5\n2 2.50 b a.csv 2");
    assert_string_equal(
        lake_query(lake,
                   "select concat_ws(' ', _position, coalesce(payload, 'none'), "
                   "list_transform(reasons, lambda z: z.rule), "
                   "\"at\", run_id, corrupt::varchar) from quarantine.orders order by _position"),
        "3 {\"id\":\"3\",\"amount\":\"-1\",\"updated_at\":\"2025-01-01T00:00:00Z\",\"note\":\"c\"} "
        "[amount.range] "
        "2026-01-01 00:00:00+00 11111111-1111-4111-8111-111111111111\n"
        "4 "
        "{\"id\":\"x\",\"amount\":\"N/A\",\"updated_at\":\"2025-01-01T00:00:00Z\",\"note\":\"d\"} "
        "[id.type, amount.type] "
        "2026-01-01 00:00:00+00 11111111-1111-4111-8111-111111111111\n"
        "6 none [corrupt] 2026-01-01 00:00:00+00 11111111-1111-4111-8111-111111111111 a;b");
}

static void the_records_say_what_was_done(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3 ", " BAD_4 ", ('x', '5', null, null)");
    lake_must_run(lake);
    struct sl_record clean = lake_record(lake, SL_LAYER_CLEAN);
    struct sl_record quarantine = lake_record(lake, SL_LAYER_QUARANTINE);
    assert_string_equal(clean.step, "cleanse orders");
    assert_int_equal(clean.sequence, 1);
    assert_int_equal(quarantine.sequence, 1);
    assert_true(clean.was_full);
    assert_true(clean.has_balance);
    assert_int_equal(clean.balance.in, 4);
    assert_int_equal(clean.balance.quarantined, 3);
    assert_int_equal(lake_built_from(lake, SL_LAYER_CLEAN, NULL), 0);
    assert_int_equal(lake_built_from(lake, SL_LAYER_QUARANTINE, NULL), 0);
    assert_string_equal(clean.fingerprint, quarantine.fingerprint);
    assert_int_equal(clean.reason_count, 3);
    assert_int_equal(quarantine.reason_count, 3);
    assert_string_equal(clean.reasons[0].rule, "id.type");
    assert_string_equal(clean.reasons[0].column, "id");
    assert_int_equal(clean.reasons[0].rows, 2);
    assert_string_equal(clean.reasons[1].rule, "amount.range");
    assert_string_equal(clean.reasons[2].rule, "amount.type");
    assert_int_equal(lake->result.reason_count, 3);
    assert_int_equal(lake->result.version_count, 2);
    assert_string_equal(lake->result.versions[1].table, "clean.orders");
    assert_int_equal(lake->result.versions[1].version, 0);
}

static void a_run_with_nothing_new_does_nothing(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake_must_run(lake);
    assert_int_equal(lake->result.outcome, SL_STEP_NOTHING);
    assert_int_equal(lake_version(lake, SL_LAYER_CLEAN), 0);
    assert_int_equal(lake_version(lake, SL_LAYER_QUARANTINE), 0);
}

static void new_keys_are_appended(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_2 ", " BAD_4);
    lake_must_run(lake);
    assert_false(lake->result.was_full);
    assert_string_equal(lake->result.why, "1 new file in raw.orders");
    lake_assert_balance(lake, 2, 1, 1, 0, 0);
    assert_string_equal(lake_query(lake, CLEAN), "1 1.50 a a.csv 1\n2 2.50 b b.csv 1");
    assert_int_equal(lake_file_count(lake, SL_LAYER_CLEAN), 2);
    assert_string_equal(lake_query(lake, "select count(*) from quarantine.orders"), "2");
    assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).sequence, 2);
    assert_int_equal(lake_record(lake, SL_LAYER_QUARANTINE).sequence, 2);
}

static void a_later_row_replaces_an_older_one_and_rewrites_only_its_file(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", ('5', '5', null, 'stays')");
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_2);
    lake_must_run(lake);
    lake_add(lake, "c.csv", GOOD_1_LATER ", ('6', '6', null, 'new')");
    lake_must_run(lake);
    assert_false(lake->result.was_full);
    lake_assert_balance(lake, 2, 2, 0, 0, 0);
    assert_string_equal(
        lake_query(lake, CLEAN),
        "1 9.99 later c.csv 1\n2 2.50 b b.csv 1\n5 5.00 stays a.csv 2\n6 6.00 new c.csv 2");
    assert_int_equal(lake_file_count(lake, SL_LAYER_CLEAN), 2);
    assert_int_equal(lake_version(lake, SL_LAYER_CLEAN), 2);
}

static void an_older_row_that_comes_late_is_deduplicated(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1_LATER);
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_1 ", ('1', '0', null, 'no time')");
    lake_must_run(lake);
    lake_assert_balance(lake, 2, 0, 0, 2, 0);
    assert_string_equal(lake_query(lake, CLEAN), "1 9.99 later a.csv 1");
    assert_int_equal(lake_built_from(lake, SL_LAYER_CLEAN, NULL), 1);
}

static void of_equal_rows_the_later_by_file_and_position_stays(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "b.csv", "('1', '1', '2025-01-01', 'x'), ('1', '2', '2025-01-01', 'y')");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "1 2.00 y b.csv 2");
    lake_add(lake, "a.csv", "('1', '3', '2025-01-01', 'z')");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "1 2.00 y b.csv 2");
    lake_add(lake, "c.csv", "('1', '4', '2025-01-01', 'w')");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "1 4.00 w c.csv 1");
}

static void keys_are_compared_as_values(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv",
             "('7', '1', '2025-01-01', 'x'), (' 007 ', '2', '2025-01-02', 'y'), ('7.0', '3', "
             "'2024-01-01', 'z')");
    lake_must_run(lake);
    lake_assert_balance(lake, 3, 1, 0, 2, 0);
    assert_string_equal(lake_query(lake, CLEAN), "7 2.00 y a.csv 2");
}

static void a_few_rivals_among_many_rows_are_found(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add_select(lake, "a.csv",
                    "select (case when i % 100 = 0 then i + 1 else i end)::varchar as id, (case "
                    "when i % 50 = 7 then -i else i end)::varchar as "
                    "amount, (date '2025-01-01' + (i % 300)::int)::varchar as updated_at, 'n' as "
                    "note from range(5000) x(i)");
    lake_must_run(lake);
    lake_assert_balance(lake, 5000, 4850, 100, 50, 0);
    assert_string_equal(lake_query(lake, "select count(*) || ' ' || count(distinct id) || ' ' || "
                                         "count_if(_position % 100 = 1) from clean.orders"),
                        "4850 4850 0");
}

static void without_a_key_every_good_row_stays(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->columns[0].key_position = 0;
    lake_add(lake, "a.csv", GOOD_1 ", " GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake_assert_balance(lake, 3, 2, 1, 0, 0);
    lake_add(lake, "b.csv", GOOD_1);
    lake_must_run(lake);
    lake_assert_balance(lake, 1, 1, 0, 0, 0);
    assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "3");
}

static void a_key_of_two_columns_needs_both(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->columns[3].key_position = 2;
    lake_add(lake, "a.csv",
             "('1', '1', '2025-01-01', 'x'), ('1', '2', '2025-01-02', 'y'), ('1', '3', "
             "'2025-01-03', null)");
    lake_must_run(lake);
    lake_assert_balance(lake, 3, 2, 1, 0, 0);
    lake_add(lake, "b.csv", "('1', '4', '2025-01-04', 'y')");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "1 1.00 x a.csv 1\n1 4.00 y b.csv 1");
}

static void a_changed_file_makes_all_be_done_anew(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_add(lake, "b.csv", GOOD_2);
    lake_must_run(lake);
    lake_change(lake, "a.csv", "('8', '8', null, 'new')");
    lake_must_run(lake);
    assert_true(lake->result.was_full);
    assert_string_equal(lake->result.why, "files of raw changed or are gone");
    assert_string_equal(lake_query(lake, CLEAN), "2 2.50 b b.csv 1\n8 8.00 new a.csv 1");
    assert_string_equal(lake_query(lake, "select count(*) from quarantine.orders"), "0");
}

static void a_row_comes_back_when_the_file_that_beat_it_is_gone(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1);
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_1_LATER);
    lake_must_run(lake);
    lake_remove(lake, "b.csv");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "1 1.50 a a.csv 1");
    lake_remove(lake, "a.csv");
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, CLEAN), "");
    lake_assert_balance(lake, 0, 0, 0, 0, 0);
}

static void a_weaker_contract_reads_only_rejected_rows_again(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "contract changed: 1 row of quarantine read again");
    assert_false(lake->result.was_full);
    lake_assert_balance(lake, 1, 1, 0, 0, 0);
    assert_string_equal(lake_query(lake, "select count(*) from quarantine.orders"), "0");
    assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "2");
    assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).sequence, 2);
    assert_string_equal(lake_record(lake, SL_LAYER_CLEAN).replayed.table, "quarantine.orders");
}

static void a_rule_that_refuses_accepted_rows_makes_all_be_done_anew(void **state)
{
    struct lake *lake = *state;
    struct sl_rule rule = {.kind = "enum", .id = "note.enum", .column = "note"};
    const char *values[] = {"only this"};
    rule.values = (struct sl_strs){.items = values, .count = 1};
    lake_reset(lake);
    lake->source.budget = (struct sl_budget){.max_share = 1, .max_rows = -1, .min_rows = 100};
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake->columns[3].rules = &rule;
    lake->columns[3].rule_count = 1;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "contract changed: 1 accepted row would be rejected now");
    assert_true(lake->result.was_full);
    lake_assert_balance(lake, 2, 0, 2, 0, 0);
}

static void a_column_read_otherwise_makes_all_be_done_anew(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake->columns[3].otherwise = "nothing";
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "contract changed: column 'note' has another default");
    lake_assert_balance(lake, 2, 1, 1, 0, 0);
}

static void a_kill_between_the_commits_of_a_replay_is_healed(void **state)
{
    struct lake *lake = *state;
    for (int is_followed = 0; is_followed < 2; is_followed++) {
        lake_reset(lake);
        lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
        lake_must_run(lake);
        lake->columns[1].rule_count = 0;
        lake->contract.digest = "v2";
        lake_must_run(lake);
        lake_uncommit(lake, SL_LAYER_CLEAN);
        if (is_followed)
            lake_add(lake, "b.csv", GOOD_2 ", " BAD_4);
        lake_must_run(lake);
        assert_string_equal(lake->result.why,
                            is_followed
                                ? "the last run was interrupted, then 1 new file in raw.orders"
                                : "the last run was interrupted");
        const char *healed = lake_digest(lake);
        lake_must_run(lake);
        assert_int_equal(lake->result.outcome, SL_STEP_NOTHING);
        lake->context.full_refresh = true;
        lake_must_run(lake);
        assert_string_equal(healed, lake_digest(lake));
    }
}

// Its rows are no longer in quarantine, and not yet in clean.
static void a_killed_replay_is_healed_though_a_file_of_raw_changed_since(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    lake_uncommit(lake, SL_LAYER_CLEAN);
    lake_change(lake, "a.csv", GOOD_2 ", " BAD_3);
    lake_must_run(lake);
    assert_true(lake->result.was_full);
    lake_assert_balance(lake, 2, 2, 0, 0, 0);
}

static void a_killed_replay_whose_contract_was_put_back_is_healed(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    size_t rules = lake->columns[1].rule_count;
    const char *digest = lake->contract.digest;
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    lake_uncommit(lake, SL_LAYER_CLEAN);
    lake->columns[1].rule_count = rules;
    lake->contract.digest = digest;
    lake_must_run(lake);
    assert_string_equal(lake_query(lake, "select count(*) from quarantine.orders"), "1");
    assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "1");
}

static void a_rule_that_follows_the_clock_makes_all_be_done_anew(void **state)
{
    struct lake *lake = *state;
    struct sl_rule rule = {.kind = "expression", .id = "past", .text = "updated_at < now()"};
    lake_reset(lake);
    lake->contract.rules = &rule;
    lake->contract.rule_count = 1;
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "contract changed: it calls now()");
    assert_true(lake->result.was_full);
}

static void a_contract_that_is_no_longer_known_makes_all_be_done_anew(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    assert_int_equal(
        sl_fs_remove_tree(sl_path_join(&lake->arena, lake->project.lake_folder, "_code"), NULL),
        SL_OK);
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "contract changed");
    assert_true(lake->result.was_full);
}

static void a_full_refresh_gives_the_same_table(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_1_LATER ", " BAD_4);
    lake_must_run(lake);
    const char *before = lake_digest(lake);
    lake->context.full_refresh = true;
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "full refresh asked for");
    assert_string_equal(lake_digest(lake), before);
}

static void a_quarantine_that_was_deleted_is_built_again(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    const char *before = lake_digest(lake);
    assert_int_equal(
        sl_fs_remove_tree(
            sl_table_folder(&lake->project, SL_LAYER_QUARANTINE, "orders", &lake->arena), NULL),
        SL_OK);
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "quarantine is behind clean, or gone");
    assert_string_equal(lake_digest(lake), before);
}

static void a_kill_between_the_two_commits_is_healed(void **state)
{
    static const struct kill_case {
        const char *title;
        bool is_first, is_followed, is_changed;
        const char *why;
    } cases[] = {
        {"in the first run", true, false, false, "the last run was interrupted"},
        {"in the first run, more came since", true, true, false,
         "the last run was interrupted, then 1 new file in raw.orders"},
        {"in a later run", false, false, false, "the last run was interrupted"},
        {"in a later run, more came since", false, true, false,
         "the last run was interrupted, then 1 new file in raw.orders"},
        {"in a later run, a file changed since", false, false, true,
         "the last run was interrupted, and files of raw changed since"},
        {"in the first run, a file changed since", true, false, true, "first time"},
    };
    struct lake *lake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].title);
        lake_reset(lake);
        lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
        if (!cases[i].is_first) {
            lake_must_run(lake);
            lake_add(lake, "b.csv", GOOD_1_LATER ", " GOOD_2 ", " BAD_4);
        }
        lake_must_run(lake);
        lake_uncommit(lake, SL_LAYER_CLEAN);
        if (cases[i].is_followed)
            lake_add(lake, "c.csv", "('2', '7', '2025-03-01', 'newest'), ('', '1', '', '')");
        if (cases[i].is_changed)
            lake_change(lake, "a.csv", "('8', '8', null, 'new')");
        lake_must_run(lake);
        assert_string_equal(lake->result.why, cases[i].why);
        assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).sequence,
                         lake_record(lake, SL_LAYER_QUARANTINE).sequence);
        const char *healed = lake_digest(lake);
        lake_must_run(lake);
        assert_int_equal(lake->result.outcome, SL_STEP_NOTHING);
        lake->context.full_refresh = true;
        lake_must_run(lake);
        assert_string_equal(healed, lake_digest(lake));
    }
}

static void a_kill_between_the_commits_of_another_contract_starts_anew(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    lake_must_run(lake);
    lake_uncommit(lake, SL_LAYER_CLEAN);
    lake->columns[1].rule_count = 0;
    lake->contract.digest = "v2";
    lake_must_run(lake);
    assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).sequence, 2);
    lake_assert_balance(lake, 2, 2, 0, 0, 0);
    assert_string_equal(lake_query(lake, "select count(*) from quarantine.orders"), "0");
}

// Other tools may remove commits that a checkpoint makes superfluous, and the records with them.
static void a_log_that_was_cleaned_up_loses_and_doubles_nothing(void **state)
{
    static const struct clean_case {
        const char *title, *why;
        bool raw, clean, quarantine;
    } cases[] = {
        {"of raw", "1 new file in raw.orders", true, false, false},
        {"of clean", "its log no longer says what it was built from", false, true, false},
        {"of quarantine", "1 new file in raw.orders", false, false, true},
        {"of clean and quarantine", "its log no longer says what it was built from", false, true,
         true},
        {"of all", "its log no longer says what it was built from", true, true, true},
    };
    struct lake *lake = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].title);
        lake_reset(lake);
        lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
        lake_must_run(lake);
        lake_add(lake, "b.csv", GOOD_1_LATER);
        lake_must_run(lake);
        if (cases[i].raw)
            lake_clean_log(lake, SL_LAYER_RAW);
        if (cases[i].clean)
            lake_clean_log(lake, SL_LAYER_CLEAN);
        if (cases[i].quarantine)
            lake_clean_log(lake, SL_LAYER_QUARANTINE);
        lake_add(lake, "c.csv", GOOD_2 ", " BAD_4);
        lake_must_run(lake);
        assert_string_equal(lake->result.why, cases[i].why);
        assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).sequence, 3);
        assert_int_equal(lake_record(lake, SL_LAYER_QUARANTINE).sequence, 3);
        assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "2");
        const char *healed = lake_digest(lake);
        lake_must_run(lake);
        assert_int_equal(lake->result.outcome, SL_STEP_NOTHING);
        lake->context.full_refresh = true;
        lake_must_run(lake);
        lake->context.full_refresh = false;
        assert_string_equal(healed, lake_digest(lake));
    }
}

static void positions_that_the_log_of_raw_no_longer_knows_begin_anew(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1);
    lake_must_run(lake);
    lake_add(lake, "b.csv", GOOD_2);
    lake_clean_log(lake, SL_LAYER_RAW);
    lake_must_run(lake);
    assert_string_equal(lake->result.why,
                        "the log of raw.orders no longer reaches back to version 0");
    assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "2");
}

static void another_raw_table_of_the_same_version_is_noticed(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1);
    lake_must_run(lake);
    lake_drop(lake, SL_LAYER_RAW);
    lake_add(lake, "a.csv", GOOD_2);
    lake_must_run(lake);
    assert_string_equal(lake->result.why, "raw was built anew");
    assert_string_equal(lake_query(lake, "select id from clean.orders"), "2");
}

static void too_many_rejects_publish_nothing(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->source.budget = (struct sl_budget){.max_share = 0.4, .max_rows = -1, .min_rows = 0};
    lake_add(lake, "a.csv", GOOD_1 ", " BAD_3);
    assert_int_equal(lake_run(lake), SL_E_BUDGET);
    assert_int_equal(lake_version(lake, SL_LAYER_CLEAN), -1);
    assert_int_equal(lake_version(lake, SL_LAYER_QUARANTINE), -1);
    lake_assert_balance(lake, 2, 1, 1, 0, 0); // the result says why, for the report
    assert_int_equal(lake->result.reason_count, 1);
    assert_int_equal(lake->result.version_count, 0);
    lake->contract.has_budget = true;
    lake->contract.budget = (struct sl_budget){.max_share = 0.6, .max_rows = -1, .min_rows = 0};
    lake_must_run(lake);
    assert_int_equal(lake_version(lake, SL_LAYER_CLEAN), 0);
}

// At a column, but over the row: also where the column has no value.
static void an_expression_at_a_column_sees_rows_without_its_value(void **state)
{
    struct lake *lake = *state;
    struct sl_rule rule = {.kind = "expression",
                           .id = "note-or-time",
                           .column = "note",
                           .text = "note is not null or updated_at is not null"};
    lake_reset(lake);
    lake->source.budget = (struct sl_budget){.max_share = 1, .max_rows = -1, .min_rows = 100};
    lake->columns[3].rules = &rule;
    lake->columns[3].rule_count = 1;
    lake_add(lake, "a.csv",
             "('1', '1', null, ''), ('2', '1', null, 'x'), ('3', '1', '2026-01-01', '')");
    lake_must_run(lake);
    lake_assert_balance(lake, 3, 2, 1, 0, 0);
    rule.severity = SL_RULE_WARN;
    lake->contract.digest = "warned";
    lake_must_run(lake);
    lake_assert_balance(lake, 1, 1, 0, 0, 0); // the rejected one is read again
    assert_int_equal(lake->result.reason_count, 1);
    assert_int_equal(lake->result.reasons[0].rows, 1);
}

// DuckDB's cast keeps the zone of one value for the next that has none.
static void the_zone_of_a_rejected_value_stays_with_it(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->source.budget = (struct sl_budget){.max_share = 1, .max_rows = -1, .min_rows = 100};
    lake->columns[2].type = (struct sl_type){.kind = SL_TYPE_TIMESTAMP};
    lake_add(lake, "a.csv",
             "('1', '1', '2024-01-05 10:00:00', ''), ('2', '1', '2024-01-05 10:00:00 "
             "America/New_York', ''), ('3', '1', '2024-01-05 10:00:00', ''), ('4', '1', "
             "'2024-01-05', '')");
    lake_must_run(lake);
    lake_assert_balance(lake, 4, 3, 1, 0, 0);
    assert_string_equal(
        lake_query(
            lake,
            "select strftime(updated_at at time zone 'UTC', '%H') from clean.orders order by id"),
        "10\n10\n00");
}

// A table that would have no row at all is no table; but one bad row that comes later must not stop
// all that come after it.
static void a_small_file_of_bad_rows_stops_only_a_table_that_has_none(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->source.budget = (struct sl_budget){.max_share = 0.2, .max_rows = -1, .min_rows = 100};
    lake_add(lake, "a.csv", BAD_3);
    assert_int_equal(lake_run(lake), SL_E_BUDGET);
    lake_add(lake, "b.csv", GOOD_1);
    lake_must_run(lake);
    lake_add(lake, "c.csv", BAD_4);
    lake_must_run(lake);
    lake_assert_balance(lake, 1, 0, 1, 0, 0);
    lake_add_select(lake, "d.csv",
                    "select 'x' as id, '1' as amount, null::varchar as updated_at, null::varchar "
                    "as note from range(100)");
    assert_int_equal(lake_run(lake), SL_E_BUDGET);
    lake->source.budget.max_share = 1;
    lake_must_run(lake);
    lake_assert_balance(lake, 100, 0, 100, 0, 0);
}

// The table's rows are what came out less what was replaced.
static void rows_whose_place_a_newer_one_took_are_counted(void **state)
{
    struct lake *lake = *state;
    int64_t rows = 0;
    lake_reset(lake);
    for (int i = 0; i < 3; i++) {
        static const char *const files[] = {GOOD_1 ", " GOOD_2, GOOD_1_LATER ", " BAD_4,
                                            GOOD_1 ", ('5', '1', null, null)"};
        lake_add(lake, (const char *const[]){"a.csv", "b.csv", "c.csv"}[i], files[i]);
        lake_must_run(lake);
        assert_int_equal(lake->result.balance.replaced, i == 1 ? 1 : 0);
        rows += lake->result.balance.out - lake->result.balance.replaced;
    }
    assert_int_equal(rows, 3);
    assert_string_equal(lake_query(lake, "select count(*) from clean.orders"), "3");
    assert_int_equal(lake_record(lake, SL_LAYER_CLEAN).balance.replaced, 0);
}

static void warnings_are_counted_for_rows_that_stay(void **state)
{
    struct lake *lake = *state;
    struct sl_rule rules[] = {
        {.kind = "length", .id = "note.length", .max = "1", .severity = SL_RULE_WARN},
        {.kind = "required", .id = "note.required", .severity = SL_RULE_WARN},
    };
    lake_reset(lake);
    lake->columns[3].rules = rules;
    lake->columns[3].rule_count = 2;
    lake_add(lake, "a.csv",
             "('1', '1', null, 'long'), ('2', '1', null, 'longer'), ('3', '1', null, 'x'), ('4', "
             "'-1', null, 'longest')");
    lake_must_run(lake);
    lake_assert_balance(lake, 4, 3, 1, 0, 0);
    assert_int_equal(lake->result.reason_count, 2);
    assert_string_equal(lake->result.reasons[1].rule, "note.length");
    assert_int_equal(lake->result.reasons[1].rows, 2);
    assert_true(lake->result.reasons[1].is_warning);
}

static void a_mistake_in_the_contract_is_told_with_its_place(void **state)
{
    struct lake *lake = *state;
    struct sl_rule rules[] = {
        {.kind = "expression",
         .id = "sane",
         .text = "nowhere > 0",
         .place = {"contracts/orders.yml", 12, 7}},
        {.kind = "enum",
         .id = "amount.enum",
         .column = "amount",
         .place = {"contracts/orders.yml", 14, 7}},
    };
    lake_reset(lake);
    lake_add(lake, "a.csv", GOOD_1);
    lake->contract.rules = rules;
    lake->contract.rule_count = 1;
    assert_int_equal(lake_run(lake), SL_E_RULE);
    assert_int_equal(lake->err.line, 12);
    lake->contract.rule_count = 0;
    lake->columns[1].rules = &rules[1];
    assert_int_equal(lake_run(lake), SL_E_RULE);
    assert_int_equal(lake->err.line, 14);
    assert_int_equal(lake_version(lake, SL_LAYER_QUARANTINE), -1);
}

static void a_missing_raw_table_is_said(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    assert_int_equal(lake_run(lake), SL_E_TABLE_MISSING);
    assert_string_equal(lake->err.message, "table 'raw.orders' does not exist yet");
}

static void a_column_that_the_source_lacks_is_noted(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    lake->columns[3].source_name = "remark";
    lake_add(lake, "a.csv", GOOD_1);
    lake_must_run(lake);
    assert_int_equal(lake->result.notes.count, 1);
    assert_string_equal(lake->result.notes.items[0], "the source has no column 'remark'");
    assert_string_equal(lake_query(lake, "select note from clean.orders"), "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_run_gives_every_row_one_place),
        cmocka_unit_test(the_records_say_what_was_done),
        cmocka_unit_test(a_run_with_nothing_new_does_nothing),
        cmocka_unit_test(new_keys_are_appended),
        cmocka_unit_test(a_later_row_replaces_an_older_one_and_rewrites_only_its_file),
        cmocka_unit_test(an_older_row_that_comes_late_is_deduplicated),
        cmocka_unit_test(of_equal_rows_the_later_by_file_and_position_stays),
        cmocka_unit_test(keys_are_compared_as_values),
        cmocka_unit_test(a_few_rivals_among_many_rows_are_found),
        cmocka_unit_test(without_a_key_every_good_row_stays),
        cmocka_unit_test(a_key_of_two_columns_needs_both),
        cmocka_unit_test(a_changed_file_makes_all_be_done_anew),
        cmocka_unit_test(a_row_comes_back_when_the_file_that_beat_it_is_gone),
        cmocka_unit_test(a_weaker_contract_reads_only_rejected_rows_again),
        cmocka_unit_test(a_rule_that_refuses_accepted_rows_makes_all_be_done_anew),
        cmocka_unit_test(a_column_read_otherwise_makes_all_be_done_anew),
        cmocka_unit_test(a_kill_between_the_commits_of_a_replay_is_healed),
        cmocka_unit_test(a_killed_replay_is_healed_though_a_file_of_raw_changed_since),
        cmocka_unit_test(a_killed_replay_whose_contract_was_put_back_is_healed),
        cmocka_unit_test(a_rule_that_follows_the_clock_makes_all_be_done_anew),
        cmocka_unit_test(a_contract_that_is_no_longer_known_makes_all_be_done_anew),
        cmocka_unit_test(a_full_refresh_gives_the_same_table),
        cmocka_unit_test(a_quarantine_that_was_deleted_is_built_again),
        cmocka_unit_test(a_kill_between_the_two_commits_is_healed),
        cmocka_unit_test(a_kill_between_the_commits_of_another_contract_starts_anew),
        cmocka_unit_test(too_many_rejects_publish_nothing),
        cmocka_unit_test(warnings_are_counted_for_rows_that_stay),
        cmocka_unit_test(an_expression_at_a_column_sees_rows_without_its_value),
        cmocka_unit_test(the_zone_of_a_rejected_value_stays_with_it),
        cmocka_unit_test(a_small_file_of_bad_rows_stops_only_a_table_that_has_none),
        cmocka_unit_test(rows_whose_place_a_newer_one_took_are_counted),
        cmocka_unit_test(a_log_that_was_cleaned_up_loses_and_doubles_nothing),
        cmocka_unit_test(positions_that_the_log_of_raw_no_longer_knows_begin_anew),
        cmocka_unit_test(another_raw_table_of_the_same_version_is_noticed),
        cmocka_unit_test(a_mistake_in_the_contract_is_told_with_its_place),
        cmocka_unit_test(a_missing_raw_table_is_said),
        cmocka_unit_test(a_column_that_the_source_lacks_is_noted),
    };
    return cmocka_run_group_tests_name("step: cleanse", tests, lake_setup, lake_teardown);
}
