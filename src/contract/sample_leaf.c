// Values of columns and of what is in them one by one, and how rows are put together out of them.
#include "contract/sample_part.h"

struct walk {
    const struct sl_sample_options *options;
    const struct sl_sample_hints *hints;
    struct sl_arena *arena;
    struct sl_sample_leaf *leaves;
    struct sl_strs *notes;
    size_t next_index;
};

static size_t count_members(const struct sl_contract_column *column)
{
    size_t count = column->field_count;
    for (size_t i = 0; i < column->field_count; i++)
        count += count_members(&column->fields[i]);
    return count;
}

static int add_leaf(struct walk *walk, const struct sl_contract_column *column, size_t index,
                    bool is_item, struct sl_buf *shape, struct sl_err *err)
{
    struct sl_sampler sampler = {.options = walk->options,
                                 .column = column,
                                 .index = index,
                                 .value = sl_arena_printf(walk->arena, "\"~w%zu\"", index),
                                 .row = "\"~i\"",
                                 .next_index = &walk->next_index,
                                 .hints = walk->hints,
                                 .arena = walk->arena,
                                 .notes = walk->notes,
                                 .is_distinct = is_item};
    struct sl_sample sample;
    SL_TRY_NEW(sampler.value, err);
    SL_TRY(sl_sample_column(&sampler, &sample, err));
    walk->leaves[index].good = sample.good;
    walk->leaves[index].value = sample.value;
    walk->leaves[index].odd = sample.odd;
    walk->leaves[index].is_distinct = sampler.is_distinct && !is_item;
    sl_buf_addf(shape, "\"~v%zu\"", index);
    return SL_OK;
}

static bool has_unique_items(const struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->rule_count; i++)
        if (sl_str_equal(column->rules[i].kind, "unique_items"))
            return true;
    return false;
}

// The numbers are given in the order of sample_nest.c. is_item: in an array in which no item comes
// twice.
static int add_shape(struct walk *walk, const struct sl_contract_column *column, size_t index,
                     bool is_item, struct sl_buf *shape, struct sl_err *err)
{
    bool is_object = column->type.kind == SL_TYPE_OBJECT;
    walk->leaves[index] = (struct sl_sample_leaf){.column = column};
    if (!column->field_count)
        return add_leaf(walk, column, index, is_item, shape, err);
    is_item = is_object ? is_item : has_unique_items(column);
    sl_buf_add(shape, is_object ? "'{'" : "'['");
    for (size_t i = 0; i < column->field_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf member = SL_BUF_INIT;
        SL_TRY(add_shape(walk, &column->fields[i], walk->next_index++, is_item, &member, err));
        SL_TRY(sl_buf_check(&member, err));
        if (is_object)
            sl_sample_member(&column->fields[i], i, shape);
        else
            sl_buf_add(shape, " || ");
        sl_sample_as_json(&column->fields[i], member.text, shape);
    }
    sl_buf_add(shape, is_object ? " || '}'" : " || ']'");
    return SL_OK;
}

int sl_contract_leaves(const struct sl_sample_options *options, struct sl_arena *arena,
                       struct sl_sample_leaf **ret, size_t *ret_count,
                       const char *const **ret_shapes, struct sl_strs *notes, struct sl_err *err)
{
    const struct sl_contract_table *table = options->table;
    struct sl_sample_hints hints;
    size_t count = table->column_count;
    for (size_t i = 0; i < table->column_count; i++)
        count += count_members(&table->columns[i]);
    const char **shapes = SL_NEW_ARRAY(arena, const char *, count + 1);
    struct walk walk = {options, &hints, arena, NULL, notes, table->column_count};
    walk.leaves = SL_NEW_ARRAY(arena, struct sl_sample_leaf, count + 1);
    SL_TRY_NEW(shapes, err);
    SL_TRY_NEW(walk.leaves, err);
    SL_TRY(sl_sample_hints(table, options->session, options->seed, arena, &hints, err));
    for (size_t i = 0; i < table->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf shape = SL_BUF_INIT;
        SL_TRY(add_shape(&walk, &table->columns[i], i, false, &shape, err));
        SL_TRY(sl_buf_check(&shape, err));
        shapes[i] = sl_arena_strdup(arena, shape.text);
        SL_TRY_NEW(shapes[i], err);
    }
    *ret = walk.leaves;
    *ret_count = count;
    *ret_shapes = shapes;
    return SL_OK;
}
