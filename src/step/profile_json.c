#include "base/clock.h"
#include "step/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_SECONDS 9e12 // that microseconds count; days reach farther

static const double quantile_shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};
static const char *const kind_names[] = {"number", "moment", "text", "boolean", "other"};

void sl_profile_bin_label(const struct sl_profile_column *column, size_t bin, char label[40])
{
    double low = column->low + column->width * (double)bin;
    if (column->kind != SL_PROFILE_MOMENT || !(fabs(low) < MOST_SECONDS)) {
        snprintf(label, 40, "%.6g", low);
        return;
    }
    char time[32];
    sl_clock_format((int64_t)(low * 1e6), time);
    char *t = strchr(time, 'T');
    if (t)
        *t = ' ';
    snprintf(label, 40, "%.*s", sl_str_equal(column->type, "DATE") ? 10 : 19, time);
}

static json_t *tops_json(const struct sl_profile_column *column)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < column->top_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:I}", "value", column->tops[i].value,
                                                    "rows", (json_int_t)column->tops[i].count));
    return list;
}

static json_t *bins_json(const struct sl_profile_column *column)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < column->bin_count; i++) {
        char label[40];
        sl_profile_bin_label(column, i, label);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:I}", "from", label, "rows", (json_int_t)column->bins[i]));
    }
    return list;
}

static json_t *quantiles_json(const struct sl_profile_column *column)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < SL_PROFILE_QUANTILES && column->quantiles[i]; i++)
        (void)json_array_append_new(list, json_pack("{s:f, s:s}", "share", quantile_shares[i],
                                                    "value", column->quantiles[i]));
    return list;
}

static json_t *lengths_json(const struct sl_profile_column *column)
{
    if (column->kind != SL_PROFILE_WORDS || !column->values)
        return json_null();
    return json_pack("{s:I, s:I, s:s?}", "min", (json_int_t)column->shortest, "max",
                     (json_int_t)column->longest, "mean", column->mean_length);
}

static json_t *real_or_null(double value, bool is_there)
{
    return is_there ? json_real(value) : json_null();
}

static json_t *column_json(const struct sl_profile *profile, const struct sl_profile_column *column)
{
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}",
        "name", column->name, "type", column->type, "kind", kind_names[column->kind], "values",
        (json_int_t)column->values, "nulls", (json_int_t)(profile->row_count - column->values),
        "distinct", (json_int_t)column->distinct, "min", column->min, "max", column->max, "mean",
        column->mean, "stddev", column->deviation, "quantiles", quantiles_json(column), "lengths",
        lengths_json(column), "most_frequent", tops_json(column), "histogram", bins_json(column),
        "histogram_from", real_or_null(column->low, column->bin_count), "histogram_width",
        real_or_null(column->width, column->bin_count));
}

json_t *sl_profile_columns_json(const struct sl_profile *profile)
{
    json_t *columns = json_array();
    for (size_t i = 0; columns && i < profile->column_count; i++)
        if (json_array_append_new(columns, column_json(profile, &profile->columns[i])) != 0) {
            json_decref(columns);
            return NULL;
        }
    return columns;
}

// --- And back

// Of the first one that is wrong.
struct reading {
    struct sl_arena *arena;
    bool is_wrong;
};

static const char *text_of(struct reading *reading, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_null(value))
        return NULL;
    if (!json_is_string(value)) {
        reading->is_wrong = true;
        return NULL;
    }
    return sl_arena_strdup(reading->arena, json_string_value(value));
}

static int64_t count_of(struct reading *reading, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    reading->is_wrong |= !json_is_integer(value) || json_integer_value(value) < 0;
    return json_integer_value(value);
}

static const json_t *list_of(struct reading *reading, const json_t *object, const char *key,
                             size_t most)
{
    const json_t *list = json_object_get(object, key);
    reading->is_wrong |= !json_is_array(list) || json_array_size(list) > most;
    return reading->is_wrong ? NULL : list;
}

static void read_lists(struct reading *reading, const json_t *json,
                       struct sl_profile_column *column)
{
    const json_t *quantiles = list_of(reading, json, "quantiles", SL_PROFILE_QUANTILES);
    const json_t *tops = list_of(reading, json, "most_frequent", SL_PROFILE_TOPS);
    const json_t *bins = list_of(reading, json, "histogram", SL_PROFILE_BINS);
    if (reading->is_wrong)
        return;
    for (size_t i = 0; i < json_array_size(quantiles); i++)
        column->quantiles[i] = text_of(reading, json_array_get(quantiles, i), "value");
    for (size_t i = 0; i < json_array_size(tops); i++) {
        const json_t *item = json_array_get(tops, i);
        struct sl_profile_top top = {text_of(reading, item, "value"),
                                     count_of(reading, item, "rows")};
        reading->is_wrong |=
            !top.value || !SL_PUSH(reading->arena, column->tops, column->top_count, top);
    }
    column->bin_count = json_array_size(bins);
    for (size_t i = 0; i < column->bin_count; i++)
        column->bins[i] = count_of(reading, json_array_get(bins, i), "rows");
    column->low = json_number_value(json_object_get(json, "histogram_from"));
    column->width = json_number_value(json_object_get(json, "histogram_width"));
}

static void read_column(struct reading *reading, const json_t *json, int64_t rows,
                        struct sl_profile_column *column)
{
    const json_t *lengths = json_object_get(json, "lengths");
    const char *kind = text_of(reading, json, "kind");
    size_t index = 0;
    while (index <= SL_PROFILE_OTHER && !sl_str_equal(kind_names[index], kind))
        index++;
    reading->is_wrong |= index > SL_PROFILE_OTHER;
    *column = (struct sl_profile_column){.kind = (enum sl_profile_kind)index};
    column->name = text_of(reading, json, "name");
    column->type = text_of(reading, json, "type");
    column->values = count_of(reading, json, "values");
    column->distinct = count_of(reading, json, "distinct");
    column->min = text_of(reading, json, "min");
    column->max = text_of(reading, json, "max");
    column->mean = text_of(reading, json, "mean");
    column->deviation = text_of(reading, json, "stddev");
    reading->is_wrong |= !column->name || !column->type || column->values > rows;
    if (json_is_object(lengths)) {
        column->shortest = count_of(reading, lengths, "min");
        column->longest = count_of(reading, lengths, "max");
        column->mean_length = text_of(reading, lengths, "mean");
    }
    reading->is_wrong |= column->kind == SL_PROFILE_WORDS && column->values && !column->mean_length;
    read_lists(reading, json, column);
}

int sl_profile_from_json(const json_t *json, struct sl_arena *arena, struct sl_profile *ret,
                         struct sl_err *err)
{
    struct reading reading = {.arena = arena};
    struct sl_profile profile = {.row_count = count_of(&reading, json, "rows"),
                                 .is_exact = sl_json_bool(json, "is_exact", false)};
    const json_t *columns = list_of(&reading, json, "columns", SIZE_MAX);
    profile.columns = SL_NEW_ARRAY(arena, struct sl_profile_column, json_array_size(columns));
    SL_TRY_NEW(profile.columns, err);
    profile.column_count = json_array_size(columns);
    for (size_t i = 0; i < profile.column_count && !reading.is_wrong; i++)
        read_column(&reading, json_array_get(columns, i), profile.row_count, &profile.columns[i]);
    if (reading.is_wrong)
        return sl_fail(err, SL_E_JSON_SYNTAX, "this is no profile");
    *ret = profile;
    return SL_OK;
}
