// Numbers and booleans as their source writes them: in the first format of the column.
#include "contract/sample_part.h"

#include "contract/read.h"
#include "spec/value_format.h"

// Groups stand in every other value, as far as the engine's integers reach.
static void write_number(const struct sl_sampler *sampler, const struct sl_number_format *format,
                         struct sl_buf *sql)
{
    char decimal[] = {format->decimal, '\0'};

    sl_buf_add(sql, "case when regexp_full_match(v, '-?[0-9]+([.][0-9]+)?') then ");
    if (format->has_brackets)
        sl_buf_add(sql, "case when v[1] = '-' then '(' else '' end || ");
    sl_buf_add_sql_string(sql, format->prefix);
    if (!format->has_brackets && !format->has_sign_behind)
        sl_buf_add(sql, " || case when v[1] = '-' then '-' else '' end");
    sl_buf_add(sql, " || ");
    if (*format->group) {
        sl_buf_add(sql, "coalesce(case when ");
        sl_sample_draw(sampler, 17, 2, sql);
        sl_buf_add(sql, " = 0 then replace(format('{:,}', try_cast(split_part(ltrim(v, '-'), '.', "
                        "1) as BIGINT)), ',', ");
        sl_buf_add_sql_string(sql, format->group);
        sl_buf_add(sql, ") end, split_part(ltrim(v, '-'), '.', 1))");
    } else {
        sl_buf_add(sql, "split_part(ltrim(v, '-'), '.', 1)");
    }
    // Without a decimal sign there is no way to write what is behind it.
    sl_buf_add(sql, " || case when contains(v, '.') then ");
    sl_buf_add_sql_string(sql, format->decimal ? decimal : ".");
    sl_buf_add(sql, " || split_part(v, '.', 2) else '' end || ");
    sl_buf_add_sql_string(sql, format->suffix);
    if (format->has_brackets || format->has_sign_behind)
        sl_buf_addf(sql, " || case when v[1] = '-' then '%s' else '' end",
                    format->has_brackets ? ")" : "-");
    sl_buf_add(sql, " else v end");
}

bool sl_sample_is_written(const struct sl_contract_column *column)
{
    return column->formats.count > 0 &&
           (sl_sample_is_number(column) || column->type.kind == SL_TYPE_BOOLEAN);
}

void sl_sample_written(const struct sl_sampler *sampler, struct sl_buf *value)
{
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *words[2];
    struct sl_number_format format;

    if (!sl_sample_is_written(column) || value->has_failed || !value->length)
        return;
    sl_buf_addf(&sql, "list_extract(list_transform([%s], lambda v: ", value->text);
    if (sl_sample_is_number(column)) {
        if (sl_number_format_read(column->formats.items[0], sampler->arena, &format) ||
            sl_number_format_is_plain(&format))
            return;
        write_number(sampler, &format, &sql);
    } else {
        if (sl_boolean_format_read(column->formats.items[0], sampler->arena, &words[0], &words[1]))
            return;
        sl_buf_add(&sql, "case v when 'true' then ");
        sl_buf_add_sql_string(&sql, words[0]);
        sl_buf_add(&sql, " when 'false' then ");
        sl_buf_add_sql_string(&sql, words[1]);
        sl_buf_add(&sql, " else v end");
    }
    sl_buf_add(&sql, "), 1)");
    sl_buf_reset(value);
    sl_buf_add(value, sql.text);
    value->has_failed |= sql.has_failed;
}
