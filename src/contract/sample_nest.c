// Objects and arrays: JSON made of their members' values.
#include "contract/sample_part.h"

#include "contract/compile.h"

#include <inttypes.h>

// Arrays in arrays: each makes an expression over the items of the one before. Deeper ones have one
// item.
#define DEEPEST_ARRAY 3
#define MOST_ITEMS 4

// A leaf's text as JSON: a number, true and false as they are, null, else a text.
static void add_leaf(const struct sl_contract_column *column, const char *text, struct sl_buf *sql)
{
    const char *plain = NULL;
    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        plain = "regexp_full_match(v, '-?(0|[1-9][0-9]*)([.][0-9]+)?')";
        break;
    case SL_TYPE_BOOLEAN:
        plain = "v in ('true', 'false')";
        break;
    case SL_TYPE_JSON:
        plain = "json_valid(v)";
        break;
    case SL_TYPE_TEXT:
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        break;
    }
    // A list of one, so that the text is made once.
    sl_buf_addf(sql, "list_extract(list_transform([%s], lambda v: coalesce(", text);
    if (plain)
        sl_buf_addf(sql, "case when %s then v else cast(to_json(v) as VARCHAR) end", plain);
    else
        sl_buf_add(sql, "cast(to_json(v) as VARCHAR)");
    sl_buf_add(sql, ", 'null')), 1)");
}

void sl_sample_json(const struct sl_contract_column *column, const char *text, struct sl_buf *sql)
{
    if (column->field_count)
        sl_buf_addf(sql, "coalesce(%s, 'null')", text);
    else
        add_leaf(column, text, sql);
}

// What a member is in an odd object: odd itself if a rule of it is to be broken.
static void add_odd_member(const struct sl_sampler *sampler, const struct sl_contract_column *field,
                           const struct sl_sample *member, struct sl_buf *sql)
{
    const struct sl_sample_options *options = sampler->options;
    sl_buf_add(sql, "case when ");
    if (options->add_touches)
        options->add_touches(options->self, sl_contract_path(field), sql);
    else
        sl_buf_add(sql, "true");
    sl_buf_add(sql, " then ");
    sl_sample_json(field, member->odd, sql);
    sl_buf_add(sql, " else ");
    sl_sample_json(field, member->good, sql);
    sl_buf_add(sql, " end");
}

void sl_sample_member(const struct sl_contract_column *field, size_t position,
                      struct sl_buf *object)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    sl_buf_add(&name, position ? "," : "");
    sl_buf_add_json_string(&name, field->source_name);
    sl_buf_add_char(&name, ':');
    sl_buf_add(object, " || ");
    sl_buf_add_sql_string(object, name.text);
    sl_buf_add(object, " || ");
    object->has_failed |= name.has_failed;
}

static int sample_field(const struct sl_sampler *parent, const struct sl_contract_column *field,
                        const char *row, struct sl_sample *ret, struct sl_err *err)
{
    struct sl_sampler sampler = {.options = parent->options,
                                 .column = field,
                                 .index = (*parent->next_index)++,
                                 .row = row,
                                 .array_count = parent->array_count,
                                 .next_index = parent->next_index,
                                 .hints = parent->hints,
                                 .arena = parent->arena,
                                 .notes = parent->notes};
    sampler.array_count += parent->column->type.kind == SL_TYPE_ARRAY;
    return sl_sample_column(&sampler, ret, err);
}

static int add_object(struct sl_sampler *sampler, struct sl_buf *good, struct sl_buf *odd,
                      struct sl_err *err)
{
    const struct sl_contract_column *column = sampler->column;
    sl_buf_add(good, "'{'");
    sl_buf_add(odd, "'{'");
    for (size_t i = 0; i < column->field_count; i++) {
        struct sl_sample member;
        SL_TRY(sample_field(sampler, &column->fields[i], sampler->row, &member, err));
        sl_sample_member(&column->fields[i], i, good);
        sl_sample_json(&column->fields[i], member.good, good);
        sl_sample_member(&column->fields[i], i, odd);
        add_odd_member(sampler, &column->fields[i], &member, odd);
    }
    sl_buf_add(good, " || '}'");
    sl_buf_add(odd, " || '}'");
    return SL_OK;
}

static void add_list(const struct sl_sampler *sampler, int least, const char *item,
                     struct sl_buf *sql)
{
    sl_buf_addf(sql, "'[' || array_to_string(list_transform(range(%d + ", least);
    sl_sample_draw(sampler, 8, MOST_ITEMS - least, sql);
    sl_buf_addf(sql, "), lambda k%d: %s), ',') || ']'", sampler->array_count, item);
}

// The row of an item's values is another one for each item.
static int add_array(struct sl_sampler *sampler, struct sl_buf *good, struct sl_buf *odd,
                     struct sl_err *err)
{
    const struct sl_contract_column *field = sampler->column->fields;
    SL_AUTO(sl_buf_clear) struct sl_buf good_item = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd_item = SL_BUF_INIT;
    struct sl_sample item;
    bool is_deep = sampler->array_count >= DEEPEST_ARRAY;
    const char *row = is_deep ? sampler->row
                              : sl_arena_printf(sampler->arena, "(%s * %d + k%d)", sampler->row,
                                                MOST_ITEMS, sampler->array_count);
    SL_TRY_NEW(row, err);
    SL_TRY(sample_field(sampler, field, row, &item, err));
    sl_sample_json(field, item.good, &good_item);
    add_odd_member(sampler, field, &item, &odd_item);
    SL_TRY(sl_buf_check(&good_item, err));
    SL_TRY(sl_buf_check(&odd_item, err));
    if (is_deep) {
        sl_buf_addf(good, "'[' || %s || ']'", good_item.text);
        sl_buf_addf(odd, "'[' || %s || ']'", odd_item.text);
        return SL_OK;
    }
    add_list(sampler, 0, good_item.text, good);
    add_list(sampler, 1, odd_item.text, odd);
    return SL_OK;
}

static int wrap(const struct sl_sampler *sampler, const char *begin, const char *value,
                const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "case ");
    sl_sample_draw(sampler, 9, 12, &sql);
    sl_buf_addf(&sql, "%s else %s end", begin, value);
    SL_TRY(sl_buf_check(&sql, err));
    *ret = sl_arena_strdup(sampler->arena, sql.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_sample_nested(struct sl_sampler *sampler, struct sl_sample *ret, struct sl_err *err)
{
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf good = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd = SL_BUF_INIT;
    bool is_object = column->type.kind == SL_TYPE_OBJECT;
    SL_TRY(is_object ? add_object(sampler, &good, &odd, err)
                     : add_array(sampler, &good, &odd, err));
    SL_TRY(sl_buf_check(&good, err));
    SL_TRY(sl_buf_check(&odd, err));
    SL_TRY(wrap(sampler, column->is_required ? " when 12 then null" : " when 0 then null",
                good.text, &ret->good, err));
    return wrap(sampler,
                is_object ? " when 0 then null when 1 then '[]' when 2 then '5' when 3 then '{}' "
                            "when 4 then '{\"a\":'"
                          : " when 0 then null when 1 then '{}' when 2 then '5' when 3 then '[]' "
                            "when 4 then '[1'",
                odd.text, &ret->odd, err);
}
