#include "check/kinds.h"

#include <stddef.h>

struct config {
    struct sl_check_bounds bounds;
};
static const struct sl_opt rows[] = {SL_CHECK_BOUND_ROWS(struct config), {0}};

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_bounds_are_sound(input, &config.bounds, SL_CHECK_COUNT))
        return SL_OK;
    SL_TRY(sl_check_measured(
        input,
        &(struct sl_check_measure){
            .name = "rows", .sql = "count(*)", .bounds = config.bounds, .numbers = SL_CHECK_COUNT},
        "", ret, err));
    sl_check_say_bounds(&config.bounds, &claim);
    sl_buf_add(&claim, " rows");
    return sl_check_keep(input, &claim, &ret->claim, err);
}

static const struct sl_check_term terms[] = {SL_CHECK_BOUND_TERMS, {0}};

const struct sl_check_kind sl_check_row_count = {
    .name = "row_count",
    .summary = "The whole table has so many rows.",
    .example = "row_count: {min: 1}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = rows,
    .terms = terms,
    .numbers = SL_CHECK_COUNT,
    .compile = compile,
};
