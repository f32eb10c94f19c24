#include "table/delta/partition.h"

#include "base/clock.h"
#include "base/str.h"
#include "table/delta/schema.h"

#include <stdio.h>
#include <string.h>

int sl_delta_partition_check(const struct sl_column *column, struct sl_err *err)
{
    if (sl_delta_type_is_leaf(column->type) && strcmp(column->type, "BLOB") != 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_TABLE_SCHEMA, "column '%s' of type %s cannot partition a table",
                  column->name, column->type);
    return sl_err_hint(err, "partition by a number, a text, a date or a time");
}

static int refuse_value(const struct sl_column *column, const char *text, struct sl_err *err)
{
    return sl_fail(err, SL_E_TABLE_SCHEMA,
                   "'%s' in column '%s' cannot be a partition value of type %s", text, column->name,
                   column->type);
}

// Zoned times in UTC as ISO 8601, as the protocol recommends; others without a zone, digits of the
// second only if there are any.
static int time_value(const struct sl_column *column, const char *text, struct sl_arena *arena,
                      const char **ret, struct sl_err *err)
{
    char buffer[32];
    int64_t time_us;
    char *value;

    if (sl_clock_parse(text, &time_us) != 0)
        return refuse_value(column, text, err);
    value = sl_arena_strdup(arena, sl_clock_format(time_us, buffer));
    SL_TRY_NEW(value, err);
    if (strcmp(column->type, "TIMESTAMP") == 0) {
        value[strlen("1970-01-01")] = ' ';
        value[strlen("1970-01-01 00:00:00") + (time_us % 1000000 ? strlen(".000000") : 0)] = '\0';
    }
    *ret = value;
    return SL_OK;
}

// Spark's and the engine's words for what is no number differ; both read these.
static const char *float_value(const char *text)
{
    if (sl_str_equal_nocase(text, "nan"))
        return "NaN";
    if (sl_str_equal_nocase(text, "inf"))
        return "Infinity";
    return sl_str_equal_nocase(text, "-inf") ? "-Infinity" : text;
}

int sl_delta_partition_value(const struct sl_column *column, const char *text,
                             struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    int64_t time_us;

    if (!text) {
        *ret = NULL;
        return SL_OK;
    }
    if (*text == '\0') {
        (void)sl_fail(err, SL_E_TABLE_SCHEMA,
                      "column '%s' has an empty text, which Delta cannot keep as a partition value",
                      column->name);
        return sl_err_hint(err, "use nullif(%s, '') or another word for it", column->name);
    }
    if (sl_str_starts(column->type, "TIMESTAMP"))
        return time_value(column, text, arena, ret, err);
    if (strcmp(column->type, "DATE") == 0 && sl_clock_parse(text, &time_us) != 0)
        return refuse_value(column, text, err);
    if (strcmp(column->type, "FLOAT") == 0 || strcmp(column->type, "DOUBLE") == 0)
        text = float_value(text);
    *ret = text;
    return SL_OK;
}

void sl_delta_partition_set_clear(struct sl_delta_partition_set *set)
{
    sl_map_clear(&set->keys);
}

// Framed by their lengths, so that no two lists have one key.
static void add_to_key(struct sl_buf *key, const char *value)
{
    if (value)
        sl_buf_addf(key, "%zu:%s", strlen(value), value);
    sl_buf_add_char(key, ';');
}

int sl_delta_partition_set_add(struct sl_delta_partition_set *set, const char *const *values,
                               struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;

    for (size_t i = 0; i < set->column_count; i++) {
        const char *value;

        SL_TRY(sl_delta_partition_value(&set->columns[i], values[i], &arena, &value, err));
        add_to_key(&key, value);
    }
    SL_TRY(sl_buf_check(&key, err));
    return sl_map_set(&set->keys, key.text, NULL, err);
}

int sl_delta_partition_set_has(const struct sl_delta_partition_set *set,
                               const json_t *partition_values, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;

    for (size_t i = 0; i < set->column_count; i++) {
        const char *value = sl_json_text(partition_values, set->columns[i].name, "");
        int code;

        value = *value ? value : NULL;
        // Other writers may keep what is refused here; then it is compared as it is.
        code = sl_delta_partition_value(&set->columns[i], value, &arena, &value, NULL);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        add_to_key(&key, value);
    }
    SL_TRY(sl_buf_check(&key, err));
    *ret = sl_map_has(&set->keys, key.text);
    return SL_OK;
}
