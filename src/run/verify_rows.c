// Two tables that must be equal, compared.
#include "run/verify.h"

#include "base/fs.h"
#include "step/compare.h"

#include <math.h>

// Sums of floating numbers depend on the order in which threads have added them up.
#define RELATIVE_TOLERANCE 1e-9

static bool is_floating(const char *type)
{
    return sl_str_equal(type, "DOUBLE") || sl_str_equal(type, "FLOAT");
}

static int open_side(const struct sl_verify_pair *pair, const char *folder, int64_t version,
                     struct sl_compare_side *ret, int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan = {0};
    SL_TRY(sl_delta_load(folder, version, pair->session, pair->arena, &snapshot, err));
    SL_TRY(sl_delta_scan(&snapshot, pair->arena, &scan, err));
    for (size_t i = 0; i < scan.file_count; i++)
        if (!sl_fs_exists(scan.files[i].path))
            return sl_fail(err, SL_E_TABLE_VERSION, "its file '%s' is gone", scan.files[i].path);
    SL_TRY(pair->session->kind->scan_sql(pair->session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    *ret = (struct sl_compare_side){.columns = snapshot.columns,
                                    .column_count = snapshot.column_count,
                                    .sql = sl_arena_strdup(pair->arena, sql.text)};
    SL_TRY_NEW(ret->sql, err);
    *ret_rows = snapshot.row_count;
    return SL_OK;
}

static bool has_column(const struct sl_compare_side *side, const char *name)
{
    for (size_t i = 0; i < side->column_count; i++)
        if (sl_str_equal_nocase(side->columns[i].name, name))
            return true;
    return false;
}

// Without a key that both have, whatever is no floating number tells rows apart, so that two of
// those can be compared at all.
static int choose_key(const struct sl_verify_pair *pair, const struct sl_compare_side *sides,
                      struct sl_strs *ret, struct sl_err *err)
{
    bool has_floating = false, is_there = pair->key.count > 0;
    for (size_t i = 0; i < pair->key.count; i++)
        is_there = is_there && has_column(&sides[0], pair->key.items[i]) &&
                   has_column(&sides[1], pair->key.items[i]);
    if (is_there) {
        *ret = pair->key;
        return SL_OK;
    }
    for (size_t i = 0; i < sides[0].column_count; i++)
        has_floating |= is_floating(sides[0].columns[i].type);
    for (size_t i = 0; i < sides[0].column_count && has_floating; i++)
        if (!is_floating(sides[0].columns[i].type) &&
            has_column(&sides[1], sides[0].columns[i].name))
            SL_TRY(sl_strs_add(ret, pair->arena, sides[0].columns[i].name, err));
    return SL_OK;
}

static int fill(const struct sl_compare *compare, struct sl_verified *table, struct sl_err *err)
{
    const struct sl_compared *result = &compare->result;
    table->rows = result->sides[SL_SIDE_A].row_count;
    table->rebuilt = result->sides[SL_SIDE_B].row_count;
    table->missing = result->sides[SL_SIDE_A].only;
    table->extra = result->sides[SL_SIDE_B].only;
    table->differing = result->differing;
    table->columns = (struct sl_strs){0};
    for (size_t i = 0; i < result->column_count; i++)
        if (result->columns[i].differing || !sl_compared_has_both(&result->columns[i]))
            SL_TRY(sl_strs_add(&table->columns, compare->arena, result->columns[i].name, err));
    table->verdict = sl_compare_is_equal(result) ? SL_VERIFIED_EQUAL : SL_VERIFIED_DIFFERENT;
    return SL_OK;
}

static int take_examples(const struct sl_compare *compare, int64_t limit, struct sl_verified *table,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (limit <= 0 || !compare->result.differing_buckets)
        return SL_OK;
    SL_TRY(sl_compare_output_sql(compare, &rows, err));
    sl_buf_addf(&sql, "select cast(to_json(t) as varchar) from (%s limit %lld) t", rows.text,
                (long long)limit);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(compare->session->kind->query(compare->session, sql.text, limit, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        const char *text = sl_result_text(result, row, 0);
        const char *kept = sl_arena_strdup(compare->arena, text ? text : "{}");
        SL_TRY_NEW(kept, err);
        SL_TRY(sl_strs_add(&table->examples, compare->arena, kept, err));
    }
    return SL_OK;
}

// Whether rows differ in nothing but floating numbers.
static bool differs_in_floating(const struct sl_compared *result)
{
    if (result->sides[SL_SIDE_A].only || result->sides[SL_SIDE_B].only || !result->differing)
        return false;
    for (size_t i = 0; i < result->column_count; i++)
        if (result->columns[i].differing && !is_floating(result->columns[i].type))
            return false;
    return true;
}

static int compare_rounded(struct sl_compare *compare, struct sl_compare_options *options,
                           struct sl_verified *table, struct sl_err *err)
{
    struct sl_compare again = *compare;
    if (!differs_in_floating(&compare->result))
        return SL_OK;
    struct sl_strs rounded = table->columns;
    options->tolerance = RELATIVE_TOLERANCE;
    options->is_relative = true;
    again.result = (struct sl_compared){0};
    SL_TRY(sl_compare_columns(&again, err));
    SL_TRY(sl_compare_rows(&again, err));
    if (!sl_compare_is_equal(&again.result))
        return sl_compare_rows(compare, err); // what differs is in the session's tables
    SL_TRY(fill(&again, table, err));
    table->rounded = rounded;
    return SL_OK;
}

int sl_verify_rows(const struct sl_verify_pair *pair, struct sl_verified *table, struct sl_err *err)
{
    struct sl_compare_side sides[SL_SIDE_COUNT];
    struct sl_compare_options options = {0};
    struct sl_compare compare = {.session = pair->session,
                                 .arena = pair->arena,
                                 .sides = {&sides[SL_SIDE_A], &sides[SL_SIDE_B]},
                                 .options = &options};
    SL_TRY(open_side(pair, table->folder, table->version, &sides[SL_SIDE_A], &table->rows, err));
    SL_TRY(open_side(pair, pair->folder, -1, &sides[SL_SIDE_B], &table->rebuilt, err));
    options.left_out = pair->left_out;
    SL_TRY(choose_key(pair, sides, &options.key, err));
    SL_TRY(sl_compare_columns(&compare, err));
    SL_TRY(sl_compare_rows(&compare, err));
    SL_TRY(fill(&compare, table, err));
    if (table->verdict == SL_VERIFIED_DIFFERENT)
        SL_TRY(compare_rounded(&compare, &options, table, err));
    return table->verdict == SL_VERIFIED_DIFFERENT
               ? take_examples(&compare, pair->examples, table, err)
               : SL_OK;
}

static int add_all(const char *const *names, struct sl_arena *arena, struct sl_strs *ret,
                   struct sl_err *err)
{
    for (; *names; names++)
        SL_TRY(sl_strs_add(ret, arena, *names, err));
    return SL_OK;
}

static int key_of_contract(const struct sl_contract_table *contract, struct sl_arena *arena,
                           struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (contract->columns[i].key_position > 0)
            SL_TRY(sl_strs_add(ret, arena, contract->columns[i].name, err));
    return SL_OK;
}

int sl_verify_pair_columns(const struct sl_node *node, enum sl_layer layer,
                           struct sl_verify_pair *pair, struct sl_err *err)
{
    static const char *const position[] = {"_source", "_position", NULL};
    static const char *const of_raw[] = {"_ingested_at", NULL};
    static const char *const of_quarantine[] = {"at",           "run_id",         "discarded_at",
                                                "discarded_by", "discard_reason", NULL};
    switch (layer) {
    case SL_LAYER_RAW:
        SL_TRY(add_all(of_raw, pair->arena, &pair->left_out, err));
        return add_all(position, pair->arena, &pair->key, err);
    case SL_LAYER_QUARANTINE:
        SL_TRY(add_all(of_quarantine, pair->arena, &pair->left_out, err));
        return add_all(position, pair->arena, &pair->key, err);
    case SL_LAYER_CLEAN:
        return key_of_contract(node->contract, pair->arena, &pair->key, err);
    case SL_LAYER_CURATED:
        pair->key = node->model->key.count ? node->model->key : node->model->requirements.grain;
        return SL_OK;
    }
    return SL_OK;
}
