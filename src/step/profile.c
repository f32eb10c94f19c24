#include "step/profile.h"

#include "api/target.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400.0

struct reader {
    struct sl_session *session;
    struct sl_arena *arena;
    const struct sl_profile_input *input;
    struct sl_profile *profile;
    const struct sl_result *result; // one row
    size_t at;                      // the next cell
};

static enum sl_profile_kind kind_of(const char *type)
{
    if (sl_type_is_number(type))
        return SL_PROFILE_NUMBER;
    if (sl_type_is_nested(type))
        return SL_PROFILE_OTHER;
    if (sl_str_equal(type, "DATE") || sl_str_starts(type, "TIMESTAMP"))
        return SL_PROFILE_MOMENT;
    if (sl_str_equal(type, "BOOLEAN"))
        return SL_PROFILE_FLAG;
    return sl_str_equal(type, "VARCHAR") ? SL_PROFILE_WORDS : SL_PROFILE_OTHER;
}

// --- What is asked ---

// "order id", as a number where it is one to be spread over bins.
static void add_name(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add_sql_name(sql, column->name);
}

static void add_number(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, column->kind == SL_PROFILE_MOMENT ? "epoch(" : "cast(");
    add_name(column, sql);
    sl_buf_add(sql, column->kind == SL_PROFILE_MOMENT ? ")" : " as double)");
}

static void add_finite(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, " filter (where isfinite(");
    if (column->kind == SL_PROFILE_MOMENT)
        add_name(column, sql);
    else
        add_number(column, sql);
    sl_buf_add(sql, "))");
}

static void add_text(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, "left(cast(");
    add_name(column, sql);
    sl_buf_addf(sql, " as varchar), %d)", SL_PROFILE_TEXT);
}

static void add_counts(const struct sl_profile *profile, const struct sl_profile_column *column,
                       struct sl_buf *sql)
{
    bool is_nested = column->kind == SL_PROFILE_OTHER;
    sl_buf_add(sql, ", count(");
    add_name(column, sql);
    sl_buf_add(sql, profile->is_exact ? "), count(distinct " : "), approx_count_distinct(");
    sl_buf_add(sql, is_nested ? "cast(" : "");
    add_name(column, sql);
    sl_buf_add(sql, is_nested ? " as varchar))" : ")");
    if (is_nested)
        return;
    for (int i = 0; i < 2; i++) {
        sl_buf_addf(sql, ", left(cast(%s(", i ? "max" : "min");
        add_name(column, sql);
        sl_buf_addf(sql, ") as varchar), %d)", SL_PROFILE_TEXT);
    }
}

static void add_spread(const struct sl_profile *profile, const struct sl_profile_column *column,
                       struct sl_buf *sql)
{
    sl_buf_add(sql, ", cast(avg(");
    add_name(column, sql);
    sl_buf_add(sql, ")");
    add_finite(column, sql);
    sl_buf_add(sql, " as varchar), ");
    if (column->kind == SL_PROFILE_NUMBER) {
        sl_buf_add(sql, "stddev_samp(");
        add_number(column, sql);
        sl_buf_add(sql, ")");
        add_finite(column, sql);
    } else {
        sl_buf_add(sql, "null");
    }
    sl_buf_add(sql, profile->is_exact ? ", to_json(cast(quantile_disc("
                                      : ", to_json(cast(approx_quantile(");
    add_name(column, sql);
    sl_buf_add(sql, ", [0.05, 0.25, 0.5, 0.75, 0.95])");
    add_finite(column, sql);
    sl_buf_add(sql, " as varchar[]))");
    for (int i = 0; i < 2; i++) {
        sl_buf_add(sql, i ? ", max(" : ", min(");
        add_number(column, sql);
        sl_buf_add(sql, ")");
        add_finite(column, sql);
    }
}

static void add_lengths(const struct sl_profile_column *column, struct sl_buf *sql)
{
    static const char *const forms[] = {", min(length(", ", max(length(", ", round(avg(length("};
    static const char *const ends[] = {"))", "))", ")), 1)"};
    for (size_t i = 0; i < 3; i++) {
        sl_buf_add(sql, forms[i]);
        add_name(column, sql);
        sl_buf_add(sql, ends[i]);
    }
}

// As JSON: [[value, count], ...] of all, or values alone that may be frequent.
static void add_tops(const struct sl_profile *profile, const struct sl_profile_column *column,
                     struct sl_buf *sql)
{
    if (profile->is_exact) {
        sl_buf_add(sql, ", to_json(list_sort(list_transform(map_entries(histogram(");
        add_text(column, sql);
        sl_buf_addf(sql, ")), lambda e: {'n': -cast(e.value as bigint), 'k': e.key}))[1:%d])",
                    SL_PROFILE_TOPS);
    } else {
        sl_buf_add(sql, ", to_json(approx_top_k(");
        add_text(column, sql);
        sl_buf_addf(sql, ", %d))", 4 * SL_PROFILE_TOPS);
    }
}

static void add_first(const struct reader *reader, struct sl_buf *sql)
{
    const struct sl_profile *profile = reader->profile;
    sl_buf_add(sql, "select count(*)");
    for (size_t i = 0; i < profile->column_count; i++) {
        const struct sl_profile_column *column = &profile->columns[i];
        add_counts(profile, column, sql);
        if (column->kind == SL_PROFILE_NUMBER || column->kind == SL_PROFILE_MOMENT)
            add_spread(profile, column, sql);
        if (column->kind == SL_PROFILE_WORDS)
            add_lengths(column, sql);
        if (column->kind != SL_PROFILE_OTHER)
            add_tops(profile, column, sql);
    }
    sl_buf_addf(sql, " from %s", reader->input->from);
}

static void add_bins(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, ", to_json(map_entries(histogram(cast(least(floor((");
    add_number(column, sql);
    sl_buf_addf(sql, " - (%.17g)) / %.17g), %zu) as integer))", column->low, column->width,
                column->bin_count - 1);
    add_finite(column, sql);
    sl_buf_add(sql, "))");
}

static void add_top_counts(const struct sl_profile_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, ", to_json(map_entries(histogram(case when ");
    add_text(column, sql);
    for (size_t i = 0; i < column->top_count; i++) {
        sl_buf_add(sql, i ? ", " : " in (");
        sl_buf_add_sql_string(sql, column->tops[i].value);
    }
    sl_buf_add(sql, ") then ");
    add_text(column, sql);
    sl_buf_add(sql, " end)))");
}

// False: nothing is left to ask.
static bool add_second(const struct reader *reader, struct sl_buf *sql)
{
    const struct sl_profile *profile = reader->profile;
    bool is_needed = false;
    sl_buf_add(sql, "select null");
    for (size_t i = 0; i < profile->column_count; i++) {
        const struct sl_profile_column *column = &profile->columns[i];
        if (column->bin_count)
            add_bins(column, sql);
        if (column->top_count && !profile->is_exact)
            add_top_counts(column, sql);
        is_needed = is_needed || column->bin_count || (column->top_count && !profile->is_exact);
    }
    sl_buf_addf(sql, " from %s", reader->input->from);
    return is_needed;
}

// --- What comes back ---

static const char *next_text(struct reader *reader)
{
    return sl_arena_strdup(reader->arena, sl_result_text(reader->result, 0, reader->at++));
}

static int64_t next_int(struct reader *reader)
{
    return sl_result_int(reader->result, 0, reader->at++);
}

static int next_json(struct reader *reader, json_t **ret, struct sl_err *err)
{
    const char *text = sl_result_text(reader->result, 0, reader->at++);
    *ret = NULL;
    return text ? sl_json_parse_data(text, strlen(text), "a profile", ret, err) : SL_OK;
}

void sl_profile_plan_bins(struct sl_profile_column *column, double low, double high)
{
    bool is_day = sl_str_equal(column->type, "DATE");
    bool is_whole = is_day || strstr(column->type, "INT");
    double unit = is_day ? DAY_S : 1.0;
    double count = is_whole ? (high - low) / unit + 1 : SL_PROFILE_BINS;
    column->low = low;
    column->width = is_whole ? ceil(count / SL_PROFILE_BINS) * unit : (high - low) / count;
    column->bin_count = 0; // of one value, or of numbers too far apart to be subtracted
    if (high > low && isfinite(high - low))
        column->bin_count = is_whole ? (size_t)ceil(count * unit / column->width) : SL_PROFILE_BINS;
}

static int read_spread(struct reader *reader, struct sl_profile_column *column, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *quantiles = NULL;
    double low, high;
    column->mean = next_text(reader);
    column->deviation = next_text(reader);
    SL_TRY(next_json(reader, &quantiles, err));
    for (size_t i = 0; i < SL_PROFILE_QUANTILES; i++)
        column->quantiles[i] =
            sl_arena_strdup(reader->arena, json_string_value(json_array_get(quantiles, i)));
    const char *min = next_text(reader), *max = next_text(reader);
    if (min && max && sl_str_to_double(min, &low) && sl_str_to_double(max, &high))
        sl_profile_plan_bins(column, low, high);
    return SL_OK;
}

static int read_tops(struct reader *reader, struct sl_profile_column *column, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;
    SL_TRY(next_json(reader, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct sl_profile_top top = {0};
        if (reader->profile->is_exact)
            top.count = -json_integer_value(json_object_get(item, "n"));
        const json_t *value = reader->profile->is_exact ? json_object_get(item, "k") : item;
        top.value = sl_arena_strdup(reader->arena, json_string_value(value));
        if (top.value && (!reader->profile->is_exact || top.count > 1) &&
            !SL_PUSH(reader->arena, column->tops, column->top_count, top))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int read_column(struct reader *reader, struct sl_profile_column *column, struct sl_err *err)
{
    column->values = next_int(reader);
    column->distinct = next_int(reader);
    if (column->distinct > column->values)
        column->distinct = column->values; // an estimate
    if (column->kind == SL_PROFILE_OTHER)
        return SL_OK;
    column->min = next_text(reader);
    column->max = next_text(reader);
    if (column->kind == SL_PROFILE_NUMBER || column->kind == SL_PROFILE_MOMENT)
        SL_TRY(read_spread(reader, column, err));
    if (column->kind == SL_PROFILE_WORDS) {
        column->shortest = next_int(reader);
        column->longest = next_int(reader);
        column->mean_length = next_text(reader);
    }
    return read_tops(reader, column, err);
}

static int read_bins(struct reader *reader, struct sl_profile_column *column, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;
    SL_TRY(next_json(reader, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t bin = json_integer_value(json_object_get(item, "key"));
        if (bin >= 0 && bin < SL_PROFILE_BINS)
            column->bins[bin] = json_integer_value(json_object_get(item, "value"));
    }
    return SL_OK;
}

static int by_count(const void *a, const void *b)
{
    const struct sl_profile_top *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->value, right->value);
}

static int read_top_counts(struct reader *reader, struct sl_profile_column *column,
                           struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;
    size_t kept = 0;
    SL_TRY(next_json(reader, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *value = json_string_value(json_object_get(item, "key"));
        for (size_t k = 0; k < column->top_count; k++)
            if (sl_str_equal(column->tops[k].value, value))
                column->tops[k].count = json_integer_value(json_object_get(item, "value"));
    }
    qsort(column->tops, column->top_count, sizeof *column->tops, by_count);
    while (kept < column->top_count && kept < SL_PROFILE_TOPS && column->tops[kept].count > 1)
        kept++;
    column->top_count = kept;
    return SL_OK;
}

static int ask_first(struct reader *reader, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_profile *profile = reader->profile;
    add_first(reader, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(reader->session->kind->query(reader->session, sql.text, 0, &result, err));
    reader->result = result;
    reader->at = 0;
    profile->row_count = next_int(reader);
    for (size_t i = 0; i < profile->column_count; i++)
        SL_TRY(read_column(reader, &profile->columns[i], err));
    return SL_OK;
}

static int ask_second(struct reader *reader, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_profile *profile = reader->profile;
    if (!add_second(reader, &sql))
        return SL_OK;
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(reader->session->kind->query(reader->session, sql.text, 0, &result, err));
    reader->result = result;
    reader->at = 1;
    for (size_t i = 0; i < profile->column_count; i++) {
        struct sl_profile_column *column = &profile->columns[i];
        if (column->bin_count)
            SL_TRY(read_bins(reader, column, err));
        if (column->top_count && !profile->is_exact)
            SL_TRY(read_top_counts(reader, column, err));
    }
    return SL_OK;
}

int sl_profile_read(struct sl_session *session, const struct sl_profile_input *input,
                    struct sl_arena *arena, struct sl_profile *ret, struct sl_err *err)
{
    struct sl_profile profile = {.is_exact =
                                     input->rows >= 0 && input->rows <= SL_PROFILE_EXACT_ROWS,
                                 .column_count = input->column_count};
    struct reader reader = {session, arena, input, &profile, NULL, 0};
    profile.columns = SL_NEW_ARRAY(arena, struct sl_profile_column, input->column_count);
    SL_TRY_NEW(profile.columns, err);
    for (size_t i = 0; i < input->column_count; i++)
        profile.columns[i] = (struct sl_profile_column){.name = input->columns[i].name,
                                                        .type = input->columns[i].type,
                                                        .kind = kind_of(input->columns[i].type)};
    SL_TRY(ask_first(&reader, err));
    SL_TRY(ask_second(&reader, err));
    *ret = profile;
    return SL_OK;
}
