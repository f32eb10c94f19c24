// The result of a step as it goes from the worker to the controller.
#include "step/result_fields.h"

SL_IS_ALL_OF(struct sl_balance, 64);
SL_IS_ALL_OF(struct sl_reason_count, 32);
SL_IS_ALL_OF(struct sl_broken, 48);
SL_IS_ALL_OF(struct sl_check_result, 80);
SL_IS_ALL_OF(struct sl_table_version, 24);
SL_IS_ALL_OF(struct sl_emptied, 16);
SL_IS_ALL_OF(struct sl_step_result, 336);

static const struct sl_field balance_fields[] = {
    SL_FIELD(struct sl_balance, in, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, out, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, quarantined, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, deduplicated, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, filtered, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, set_aside_rows, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, set_aside_values, SL_FIELD_INT),
    SL_FIELD(struct sl_balance, replaced, SL_FIELD_INT),
    {0},
};
static const struct sl_field reason_fields[] = {
    SL_FIELD(struct sl_reason_count, rule, SL_FIELD_TEXT),
    SL_FIELD(struct sl_reason_count, column, SL_FIELD_TEXT),
    SL_FIELD(struct sl_reason_count, rows, SL_FIELD_INT),
    SL_FIELD(struct sl_reason_count, is_warning, SL_FIELD_BOOL),
    SL_FIELD(struct sl_reason_count, is_value, SL_FIELD_BOOL),
    {0},
};
static const struct sl_field broken_fields[] = {
    SL_FIELD(struct sl_broken, is_known, SL_FIELD_BOOL),
    {"rows", SL_FIELD_INTS, offsetof(struct sl_broken, rows), .count = SL_DIMENSIONS},
    {0},
};
static const struct sl_field check_fields[] = {
    SL_FIELD(struct sl_check_result, kind, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, claim, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, dimension, SL_FIELD_ENUM),
    SL_FIELD(struct sl_check_result, is_warning, SL_FIELD_BOOL),
    SL_FIELD(struct sl_check_result, is_passed, SL_FIELD_BOOL),
    SL_FIELD(struct sl_check_result, measure, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, rows, SL_FIELD_INT),
    SL_FIELD(struct sl_check_result, max_age_s, SL_FIELD_INT),
    SL_FIELD(struct sl_check_result, example, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, message, SL_FIELD_TEXT),
    SL_FIELD(struct sl_check_result, unjudged, SL_FIELD_TEXT),
    {0},
};
static const struct sl_field version_fields[] = {
    SL_FIELD(struct sl_table_version, table, SL_FIELD_TEXT),
    SL_FIELD(struct sl_table_version, version, SL_FIELD_INT),
    SL_FIELD(struct sl_table_version, id, SL_FIELD_TEXT),
    {0},
};
static const struct sl_field emptied_fields[] = {
    SL_FIELD(struct sl_emptied, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_emptied, rows, SL_FIELD_INT),
    {0},
};

const struct sl_field sl_step_result_fields[] = {
    SL_FIELD(struct sl_step_result, outcome, SL_FIELD_ENUM),
    SL_FIELD(struct sl_step_result, was_full, SL_FIELD_BOOL),
    SL_FIELD(struct sl_step_result, why, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_step_result, balance, balance_fields),
    SL_FIELD(struct sl_step_result, has_balance, SL_FIELD_BOOL),
    SL_FIELD_MANY(struct sl_step_result, reasons, reason_count, reason_fields),
    SL_FIELD_OF(struct sl_step_result, broken, broken_fields),
    SL_FIELD_MANY(struct sl_step_result, checks, check_count, check_fields),
    SL_FIELD_MANY(struct sl_step_result, versions, version_count, version_fields),
    SL_FIELD(struct sl_step_result, bytes_in, SL_FIELD_INT),
    SL_FIELD(struct sl_step_result, bytes_out, SL_FIELD_INT),
    SL_FIELD(struct sl_step_result, files_out, SL_FIELD_INT),
    SL_FIELD(struct sl_step_result, files_together, SL_FIELD_INT),
    SL_FIELD(struct sl_step_result, notes, SL_FIELD_TEXTS),
    SL_FIELD_MANY(struct sl_step_result, emptied, emptied_count, emptied_fields),
    SL_FIELD(struct sl_step_result, raw_only, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_step_result, also_read, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_step_result, failed_parts, SL_FIELD_SIZE),
    SL_FIELD(struct sl_step_result, kept_parts, SL_FIELD_SIZE),
    SL_FIELD(struct sl_step_result, partitions, SL_FIELD_TEXTS),
    SL_FIELD_OF(struct sl_step_result, profiled, version_fields),
    {0},
};
