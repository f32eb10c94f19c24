#include "lake.h"

#include "base/fs.h"
#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct sl_column raw_columns[] = {
    {"id", "VARCHAR"},
    {"amount", "VARCHAR"},
    {"updated_at", "VARCHAR"},
    {"note", "VARCHAR"},
    {"_source", "VARCHAR"},
    {"_position", "BIGINT"},
    {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
    {"_corrupt", "BLOB"},
};

static void check(const struct lake *lake, int code)
{
    if (code != SL_OK)
        fail_msg("%s", lake->err.message);
}

static struct sl_contract_column column(const char *name, struct sl_type type)
{
    static const char *empty[] = {""};
    return (struct sl_contract_column){.name = name,
                                       .source_name = name,
                                       .type = type,
                                       .null_values = {.items = empty, .count = 1},
                                       .is_trimmed = type.kind != SL_TYPE_TEXT};
}

static void init_contract(struct lake *lake)
{
    static struct sl_rule range = {
        .kind = "range", .id = "amount.range", .column = "amount", .min = "0"};
    static const char *order[] = {"updated_at"};
    lake->columns[0] = column("id", (struct sl_type){.kind = SL_TYPE_INTEGER, .bits = 64});
    lake->columns[0].key_position = 1;
    lake->columns[1] =
        column("amount", (struct sl_type){.kind = SL_TYPE_DECIMAL, .precision = 12, .scale = 2});
    lake->columns[1].is_required = true;
    lake->columns[1].rules = &range;
    lake->columns[1].rule_count = 1;
    lake->columns[2] = column("updated_at", (struct sl_type){.kind = SL_TYPE_TIMESTAMP});
    lake->columns[3] = column("note", (struct sl_type){.kind = SL_TYPE_TEXT});
    lake->contract = (struct sl_contract_table){.name = "orders",
                                                .columns = lake->columns,
                                                .column_count = 4,
                                                .order_by = {.items = order, .count = 1},
                                                .place = {"contracts/orders.yml", 3, 5},
                                                .digest = "v1"};
    lake->source = (struct sl_source){.name = "orders",
                                      .budget = {.max_share = 1.0, .max_rows = -1, .min_rows = 0}};
}

static void init_context(struct lake *lake)
{
    lake->context = (struct sl_step_context){.project = &lake->project,
                                             .session = lake->session,
                                             .arena = &lake->arena,
                                             .run_id = "11111111-1111-4111-8111-111111111111",
                                             .now_us = 1767225600000000,
                                             .stop = &lake->stop};
    atomic_store(&lake->stop, false);
}

int lake_setup(void **state)
{
    struct lake *lake = calloc(1, sizeof *lake);
    struct sl_engine_options options = {.threads = 2, .memory_bytes = 1000000000};
    char folder[] = "/tmp/sluice-cleanse-XXXXXX";
    if (!lake || !mkdtemp(folder))
        return -1;
    *state = lake;
    sl_arena_init(&lake->arena, 0);
    lake->project.lake_folder = strdup(folder);
    if (sl_engine_duckdb.open(&options, &lake->engine, &lake->err) != SL_OK ||
        sl_engine_duckdb.connect(lake->engine, &lake->session, &lake->err) != SL_OK) {
        fprintf(stderr, "%s\n", lake->err.message);
        return -1;
    }
    init_contract(lake);
    init_context(lake);
    return 0;
}

int lake_teardown(void **state)
{
    struct lake *lake = *state;
    sl_session_close(&lake->session);
    sl_engine_close(&lake->engine);
    if (sl_fs_remove_tree(lake->project.lake_folder, NULL) != SL_OK)
        return -1;
    sl_arena_clear(&lake->arena);
    free((char *)lake->project.lake_folder);
    free(lake);
    return 0;
}

void lake_reset(struct lake *lake)
{
    check(lake, sl_fs_remove_tree(lake->project.lake_folder, &lake->err));
    check(lake, sl_fs_mkdirs(lake->project.lake_folder, &lake->err));
    sl_arena_clear(&lake->arena);
    sl_arena_init(&lake->arena, 0);
    sl_err_clear(&lake->err);
    init_contract(lake);
    init_context(lake);
}

static const char *folder_of(struct lake *lake, enum sl_layer layer)
{
    return sl_table_folder(&lake->project, layer, "orders", &lake->arena);
}

static struct sl_delta_snapshot snapshot_of(struct lake *lake, enum sl_layer layer)
{
    struct sl_delta_snapshot snapshot;
    check(lake, sl_delta_load(folder_of(lake, layer), -1, lake->session, &lake->arena, &snapshot,
                              &lake->err));
    return snapshot;
}

// Paths of raw's files that hold rows of `source`.
static size_t files_of(struct lake *lake, const char *source, const char **paths)
{
    struct sl_delta_snapshot raw = snapshot_of(lake, SL_LAYER_RAW);
    size_t count = 0;
    for (size_t i = 0; i < raw.file_count; i++)
        if (raw.files[i].tags_json && strstr(raw.files[i].tags_json, source))
            paths[count++] = raw.files[i].path;
    return count;
}

static void commit_raw(struct lake *lake, enum sl_delta_mode mode, const struct sl_staged *staged,
                       const char *tags, const char *const *removed, size_t removed_count)
{
    const char *folder = folder_of(lake, SL_LAYER_RAW);
    struct sl_delta_head head;
    struct sl_delta_commit commit = {.mode = mode,
                                     .columns = raw_columns,
                                     .column_count = sizeof raw_columns / sizeof *raw_columns,
                                     .staged = staged,
                                     .staged_folder = "",
                                     .tags_json = &tags,
                                     .removed = removed,
                                     .removed_count = removed_count,
                                     .operation = "WRITE",
                                     .app_id = "ingest orders"};
    int64_t version;
    bool was_skipped;
    check(lake, sl_delta_head(folder, &lake->arena, &head, &lake->err));
    commit.base_version = head.version;
    commit.app_version = head.version + 2;
    check(lake, sl_delta_commit(folder, &commit, lake->session, &lake->arena, &version,
                                &was_skipped, &lake->err));
    assert_false(was_skipped);
}

static void stage_raw(struct lake *lake, const char *source, const char *select,
                      enum sl_delta_mode mode, const char *const *removed, size_t removed_count)
{
    struct sl_stage_options options = {.folder = folder_of(lake, SL_LAYER_RAW)};
    struct sl_staged staged;
    const char *sql =
        sl_arena_printf(&lake->arena,
                        "select case when id <> 'corrupt' then id end as id, case when id <> "
                        "'corrupt' then amount end as amount, "
                        "case when id <> 'corrupt' then updated_at end as updated_at, case when id "
                        "<> 'corrupt' then note end as note, "
                        "'%s' as _source, row_number() over () as _position, timestamptz "
                        "'2026-01-01 00:00:00Z' as _ingested_at, "
                        "case when id = 'corrupt' then 'a;b'::blob end as _corrupt from (%s)",
                        source, select);
    check(lake, sl_step_staging(&lake->context, options.folder, &options.file_prefix, &lake->err));
    check(lake, lake->session->kind->stage(lake->session, sql, &options, &lake->arena, &staged,
                                           &lake->err));
    assert_int_equal(staged.file_count, 1);
    commit_raw(lake, mode, &staged, sl_arena_printf(&lake->arena, "{\"source\":\"%s\"}", source),
               removed, removed_count);
}

static const char *values_select(struct lake *lake, const char *values)
{
    // A null id must not be taken for anything else: the columns are text whatever the literals
    // are.
    return sl_arena_printf(&lake->arena,
                           "select id::varchar as id, amount::varchar as amount, "
                           "updated_at::varchar as updated_at, note::varchar "
                           "as note from (values %s) v(id, amount, updated_at, note)",
                           values);
}

void lake_add_select(struct lake *lake, const char *source, const char *select)
{
    stage_raw(lake, source, select, SL_DELTA_APPEND, NULL, 0);
}

void lake_add(struct lake *lake, const char *source, const char *values)
{
    lake_add_select(lake, source, values_select(lake, values));
}

void lake_change(struct lake *lake, const char *source, const char *values)
{
    const char *paths[8];
    size_t count = files_of(lake, source, paths);
    assert_int_equal(count, 1);
    stage_raw(lake, source, values_select(lake, values), SL_DELTA_REWRITE, paths, count);
}

void lake_remove(struct lake *lake, const char *source)
{
    const char *paths[8];
    struct sl_staged nothing = {0};
    size_t count = files_of(lake, source, paths);
    assert_int_equal(count, 1);
    commit_raw(lake, SL_DELTA_REWRITE, &nothing, NULL, paths, count);
}

int lake_run(struct lake *lake)
{
    sl_err_clear(&lake->err);
    lake->result = (struct sl_step_result){0};
    return sl_step_cleanse(&lake->context, &lake->source, &lake->contract, &lake->result,
                           &lake->err);
}

void lake_must_run(struct lake *lake)
{
    check(lake, lake_run(lake));
}

const char *lake_query(struct lake *lake, const char *sql)
{
    static const enum sl_layer layers[] = {SL_LAYER_RAW, SL_LAYER_CLEAN, SL_LAYER_QUARANTINE};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < 3; i++)
        if (lake_version(lake, layers[i]) >= 0)
            check(lake, sl_step_view(&lake->context, layers[i], "orders", -1, NULL, &lake->err));
    check(lake, lake->session->kind->query(lake->session, sql, 0, &result, &lake->err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        const char *cell = sl_result_text(result, row, 0);
        sl_buf_addf(&text, "%s%s", row ? "\n" : "", cell ? cell : "NULL");
    }
    return sl_arena_strdup(&lake->arena, text.text);
}

int64_t lake_version(struct lake *lake, enum sl_layer layer)
{
    struct sl_delta_head head;
    check(lake, sl_delta_head(folder_of(lake, layer), &lake->arena, &head, &lake->err));
    return head.version;
}

struct sl_record lake_record(struct lake *lake, enum sl_layer layer)
{
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record;
    check(lake, sl_step_position(&lake->project, layer, "orders", NULL, &lake->arena, &folder,
                                 &head, &record, &lake->err));
    return record;
}

int64_t lake_built_from(struct lake *lake, enum sl_layer layer, const char **ret_id)
{
    struct sl_record record = lake_record(lake, layer);
    assert_int_equal(record.input_count, 1);
    assert_string_equal(record.inputs[0].table, "raw.orders");
    if (ret_id)
        *ret_id = record.inputs[0].id;
    return record.inputs[0].version;
}

void lake_clean_log(struct lake *lake, enum sl_layer layer)
{
    const char *folder = folder_of(lake, layer);
    int64_t newest = lake_version(lake, layer);
    check(lake, sl_delta_checkpoint(folder, newest, lake->session, &lake->err));
    for (int64_t version = 0; version <= newest; version++) {
        const char *path =
            sl_arena_printf(&lake->arena, "%s/_delta_log/%020lld.json", folder, (long long)version);
        if (sl_fs_exists(path))
            check(lake, sl_fs_remove(path, &lake->err));
    }
}

void lake_drop(struct lake *lake, enum sl_layer layer)
{
    check(lake, sl_fs_remove_tree(folder_of(lake, layer), &lake->err));
}

size_t lake_file_count(struct lake *lake, enum sl_layer layer)
{
    return snapshot_of(lake, layer).file_count;
}

void lake_uncommit(struct lake *lake, enum sl_layer layer)
{
    const char *path =
        sl_arena_printf(&lake->arena, "%s/_delta_log/%020lld.json", folder_of(lake, layer),
                        (long long)lake_version(lake, layer));
    assert_true(sl_fs_exists(path));
    check(lake, sl_fs_remove(path, &lake->err));
}

const char *lake_digest(struct lake *lake)
{
    return lake_query(lake, "select 'clean ' || c::varchar from clean.orders c union all select "
                            "'quarantine ' || {'payload': payload, "
                            "'reasons': reasons, 'source': _source, 'position': _position, "
                            "'corrupt': corrupt}::varchar from "
                            "quarantine.orders order by 1");
}

void lake_assert_balance(struct lake *lake, int64_t in, int64_t out, int64_t quarantined,
                         int64_t deduplicated, int64_t filtered)
{
    const struct sl_balance *balance = &lake->result.balance;
    if (balance->in != in || balance->out != out || balance->quarantined != quarantined ||
        balance->deduplicated != deduplicated || balance->filtered != filtered)
        fail_msg("in %lld, out %lld, quarantined %lld, deduplicated %lld, filtered %lld",
                 (long long)balance->in, (long long)balance->out, (long long)balance->quarantined,
                 (long long)balance->deduplicated, (long long)balance->filtered);
}
