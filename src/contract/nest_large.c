// Columns of many leaves or levels (nest.h): the names of their parts.
#include "contract/nest.h"

#include <stdio.h>

// Below, one expression for the whole value costs less than columns for its parts.
enum { FEW_LEAVES = 64, FEW_LEVELS = 8 };

// Where the walk is: at a part of the column, outside of arrays.
struct at {
    const struct sl_contract_column *column;
    const char *place; // "3_0_12"
    const char *path;  // $."address"."zip"
    const char *node;  // SQL of the tree's part
    int depth;
};

typedef void visitor(const struct at *at, struct sl_buf *sql);

static bool is_object(const struct sl_contract_column *column)
{
    return column->field_count > 0 && column->type.kind == SL_TYPE_OBJECT;
}

static void count(const struct sl_contract_column *column, int depth, size_t *leaves, int *levels)
{
    *leaves += column->field_count == 0;
    *levels = depth > *levels ? depth : *levels;
    for (size_t i = 0; is_object(column) && i < column->field_count; i++)
        count(&column->fields[i], depth + 1, leaves, levels);
}

bool sl_nest_is_large(const struct sl_contract_column *column)
{
    size_t leaves = 0;
    int levels = 0;
    count(column, 0, &leaves, &levels);
    return leaves > FEW_LEAVES || levels > FEW_LEVELS;
}

bool sl_nest_is_piece(const struct sl_contract_column *column, int depth)
{
    return is_object(column) && depth > 0 && depth % FEW_LEVELS == 0;
}

// The member's place, path and node in three buffers, which the caller clears.
static struct at step(const struct at *outer, size_t i, struct sl_buf parts[static 3])
{
    const struct sl_contract_column *field = &outer->column->fields[i];
    struct at at = {.column = field, .depth = outer->depth + 1};
    for (size_t k = 0; k < 3; k++)
        sl_buf_reset(&parts[k]);
    sl_buf_addf(&parts[0], "%s_%zu", outer->place, i);
    sl_nest_member_path(outer->path, field, &parts[1]);
    if (sl_nest_is_piece(field, at.depth)) {
        sl_buf_addf(&parts[2], "\"~n%s\"", parts[0].text);
    } else {
        sl_buf_addf(&parts[2], "%s[", outer->node);
        sl_buf_add_sql_string(&parts[2], field->source_name);
        sl_buf_add_char(&parts[2], ']');
    }
    at.place = parts[0].text;
    at.path = parts[1].text;
    at.node = parts[2].text;
    return at;
}

// Objects before their members.
static void walk(const struct at *outer, visitor *visit, struct sl_buf *sql)
{
    struct sl_buf parts[3] = {SL_BUF_INIT, SL_BUF_INIT, SL_BUF_INIT};
    for (size_t i = 0; i < outer->column->field_count && !sql->has_failed; i++) {
        struct at at = step(outer, i, parts);
        sql->has_failed |= parts[0].has_failed || parts[1].has_failed || parts[2].has_failed;
        if (sql->has_failed)
            break;
        visit(&at, sql);
        if (is_object(at.column))
            walk(&at, visit, sql);
    }
    for (size_t k = 0; k < 3; k++)
        sl_buf_clear(&parts[k]);
}

static void walk_column(const struct sl_contract_column *column, size_t index, visitor *visit,
                        struct sl_buf *sql)
{
    char place[24], node[32];
    (void)snprintf(place, sizeof place, "%zu", index);
    (void)snprintf(node, sizeof node, "\"~n%zu\"", index);
    struct at root = {.column = column, .place = place, .path = "$", .node = node};
    walk(&root, visit, sql);
}

static size_t index_length(const char *place)
{
    size_t length = 0;
    while (place[length] && place[length] != '_')
        length++;
    return length;
}

static void add_piece(const struct at *at, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    if (!sl_nest_is_piece(at->column, at->depth))
        return;
    sl_buf_addf(&json, "json_extract(\"~j%.*s\", ", (int)index_length(at->place), at->place);
    sl_buf_add_sql_string(&json, at->path);
    sl_buf_add_char(&json, ')');
    sl_buf_add(sql, ", ");
    sl_nest_tree(at->column, at->depth, json.text, sql);
    sl_buf_addf(sql, " as \"~n%s\"", at->place);
    sql->has_failed |= json.has_failed;
}

static void add_leaf(const struct at *at, struct sl_buf *sql)
{
    if (at->column->field_count == 0)
        sl_buf_addf(sql, ", %s as \"~l%s\"", at->node, at->place);
}

// Not repeated inside of the value: the engine takes quadratic time to find what is repeated.
static void add_leaf_text(const struct at *at, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf leaf = SL_BUF_INIT;
    if (at->column->field_count > 0)
        return;
    sl_buf_addf(&leaf, "\"~l%s\"", at->place);
    sl_buf_add(sql, ", ");
    sl_nest_leaf_text(at->column, leaf.text, sql);
    sl_buf_addf(sql, " as \"~x%s\"", at->place);
    sql->has_failed |= leaf.has_failed;
}

static void add_leaf_value(const struct at *at, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf leaf = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    if (at->column->field_count > 0)
        return;
    sl_buf_addf(&leaf, "\"~l%s\"", at->place);
    sl_buf_addf(&text, "\"~x%s\"", at->place);
    sl_buf_add(sql, ", ");
    sl_nest_leaf_value(at->column, leaf.text, text.text, sql);
    sl_buf_addf(sql, " as \"~w%s\"", at->place);
    sql->has_failed |= leaf.has_failed || text.has_failed;
}

static void add_nulls(const struct at *at, struct sl_buf *sql)
{
    if (sl_nest_is_piece(at->column, at->depth)) {
        sl_buf_add(sql, ", ");
        sl_nest_tree(at->column, at->depth, "cast(null as VARCHAR)", sql);
        sl_buf_addf(sql, " as \"~n%s\"", at->place);
    } else if (at->column->field_count == 0) {
        sl_buf_addf(sql, ", cast(null as VARCHAR) as \"~l%s\", cast(null as VARCHAR) as \"~x%s\"",
                    at->place, at->place);
        sl_buf_add(sql, ", cast(null as ");
        sl_nest_type(at->column, sql);
        sl_buf_addf(sql, ") as \"~w%s\"", at->place);
    }
}

static void pack(const struct at *at, struct sl_buf *sql)
{
    struct sl_buf parts[3] = {SL_BUF_INIT, SL_BUF_INIT, SL_BUF_INIT};
    if (at->column->field_count == 0) {
        sl_buf_addf(sql, "\"~w%s\"", at->place);
        return;
    }
    if (!is_object(at->column)) {
        sl_nest_items(at->column, at->node, sql);
        return;
    }
    sl_buf_addf(sql, "case when %s is not null then struct_pack(", at->node);
    for (size_t i = 0; i < at->column->field_count && !sql->has_failed; i++) {
        struct at field = step(at, i, parts);
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, field.column->name);
        sl_buf_add(sql, " := ");
        sql->has_failed |= parts[0].has_failed || parts[1].has_failed || parts[2].has_failed;
        if (!sql->has_failed)
            pack(&field, sql);
    }
    sl_buf_add(sql, ") end");
    for (size_t k = 0; k < 3; k++)
        sl_buf_clear(&parts[k]);
}

void sl_nest_pieces(const struct sl_reading *reading, struct sl_buf *sql)
{
    walk_column(reading->column, reading->index, add_piece, sql);
}

void sl_nest_leaves(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    (void)rows;
    if (reading->nest && reading->nest->is_large)
        walk_column(reading->column, reading->index, add_leaf, sql);
}

void sl_nest_leaf_texts(const struct sl_reading *reading, enum sl_pass_rows rows,
                        struct sl_buf *sql)
{
    (void)rows;
    if (reading->nest && reading->nest->is_large)
        walk_column(reading->column, reading->index, add_leaf_text, sql);
}

void sl_nest_leaf_values(const struct sl_reading *reading, enum sl_pass_rows rows,
                         struct sl_buf *sql)
{
    (void)rows;
    if (reading->nest && reading->nest->is_large)
        walk_column(reading->column, reading->index, add_leaf_value, sql);
}

void sl_nest_pack(const struct sl_reading *reading, struct sl_buf *sql)
{
    struct at root = {.column = reading->column,
                      .place = reading->nest->place,
                      .path = "$",
                      .node = reading->nest->node};
    pack(&root, sql);
}

void sl_nest_large_nulls(const struct sl_contract_column *column, size_t index, struct sl_buf *sql)
{
    walk_column(column, index, add_nulls, sql);
}
