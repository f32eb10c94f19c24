#include "contract/nest.h"

#include <stdio.h>
#include <string.h>

#define HAS_MARK "\\x{FDD0}|\\\\[u][fF][dD][dD]0"
// Everything up to the next number outside of texts, and the number, or the end.
#define NUMBERS "((?:\"(?:[^\"\\\\]|\\\\.)*\"|-[^0-9\"]|[^\"0-9-])*)(-?[0-9][-+.0-9eE]*|$)"
#define BLANKS "' \t\r\n\xC2\xA0'"

static const char *print(struct sl_arena *arena, const struct sl_buf *sql)
{
    return sql->has_failed ? NULL : sl_arena_strndup(arena, sql->text, sql->length);
}

static bool is_nested(const struct sl_contract_column *column)
{
    return column->field_count > 0;
}

static bool is_object(const struct sl_contract_column *column)
{
    return column->type.kind == SL_TYPE_OBJECT;
}

void sl_nest_type(const struct sl_contract_column *column, struct sl_buf *sql)
{
    char name[32];
    struct sl_type type = column->type;
    if (!is_nested(column)) {
        sl_buf_add(sql, type.kind == SL_TYPE_TIME ? "VARCHAR" : sl_type_name(type, name));
    } else if (is_object(column)) {
        for (size_t i = 0; i < column->field_count; i++) {
            sl_buf_add(sql, i ? ", " : "STRUCT(");
            sl_buf_add_sql_name(sql, column->fields[i].name);
            sl_buf_add_char(sql, ' ');
            sl_nest_type(&column->fields[i], sql);
        }
        sl_buf_add_char(sql, ')');
    } else {
        sl_nest_type(column->fields, sql);
        sl_buf_add(sql, "[]");
    }
}

// {"zip":"VARCHAR","items":["VARCHAR"]}. `depth`: -1 where no pieces begin.
static void add_shape(const struct sl_contract_column *column, int depth, bool is_first,
                      struct sl_buf *json)
{
    if (!is_nested(column) || (!is_first && sl_nest_is_piece(column, depth))) {
        sl_buf_add(json, "\"VARCHAR\"");
        return;
    }
    sl_buf_add_char(json, is_object(column) ? '{' : '[');
    for (size_t i = 0; i < column->field_count; i++) {
        if (is_object(column)) {
            sl_buf_add(json, i ? "," : "");
            sl_buf_add_json_string(json, column->fields[i].source_name);
            sl_buf_add_char(json, ':');
        }
        add_shape(&column->fields[i], depth < 0 || !is_object(column) ? -1 : depth + 1, false,
                  json);
    }
    sl_buf_add_char(json, is_object(column) ? '}' : ']');
}

void sl_nest_tree(const struct sl_contract_column *column, int depth, const char *json,
                  struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf shape = SL_BUF_INIT;
    add_shape(column, depth, true, &shape);
    sl_buf_addf(sql, "json_transform(%s, ", json);
    sl_buf_add_sql_string(sql, shape.text);
    sl_buf_add_char(sql, ')');
    sql->has_failed |= shape.has_failed;
}

// A leaf as it came, without the mark: its text, or JSON for an object or array.
static void add_leaf(const struct sl_contract_column *column, const char *node, struct sl_buf *sql)
{
    if (column->type.kind == SL_TYPE_TEXT || column->type.kind == SL_TYPE_JSON)
        sl_buf_addf(sql,
                    "case when contains(%s, '" SL_NEST_MARK
                    "') then ltrim(regexp_replace(%s, '\"" SL_NEST_MARK
                    "([^\"]*)\"', '\\1', 'g'), '" SL_NEST_MARK "') else %s end",
                    node, node, node);
    else
        sl_buf_addf(sql, "ltrim(%s, '" SL_NEST_MARK "')", node);
}

// The same after blanks, null texts and default.
void sl_nest_leaf_text(const struct sl_contract_column *column, const char *node,
                       struct sl_buf *sql)
{
    if (column->otherwise)
        sl_buf_add(sql, "coalesce(");
    for (size_t i = 0; i < column->null_values.count; i++)
        sl_buf_add(sql, "nullif(");
    if (column->is_trimmed)
        sl_buf_add(sql, "trim(");
    add_leaf(column, node, sql);
    if (column->is_trimmed)
        sl_buf_add(sql, ", " BLANKS ")");
    for (size_t i = 0; i < column->null_values.count; i++) {
        sl_buf_add(sql, ", ");
        sl_buf_add_sql_string(sql, column->null_values.items[i]);
        sl_buf_add_char(sql, ')');
    }
    if (!column->otherwise)
        return;
    sl_buf_add(sql, ", ");
    sl_buf_add_sql_string(sql, column->otherwise);
    sl_buf_add_char(sql, ')');
}

// Formats are of texts: not of JSON's numbers and of values that raw has as the leaf's type. A
// default is a text, and not what its value was made of.
static void add_strict(const struct sl_contract_column *column, const char *type, const char *node,
                       const char *text, struct sl_buf *sql)
{
    bool is_marked = sl_reading_is_number(column->type.kind) && !column->is_typed;
    if (!column->formats.count || (!is_marked && !column->is_typed)) {
        sl_reading_strict(column, type, text, sql);
        return;
    }
    sl_buf_addf(sql,
                is_marked ? "case when %s = '" SL_NEST_MARK "' || %s then "
                          : "case when %s = %s then ",
                node, text);
    sl_reading_unformatted(column, type, text, sql);
    sl_buf_add(sql, " else ");
    sl_reading_strict(column, type, text, sql);
    sl_buf_add(sql, " end");
}

void sl_nest_leaf_value(const struct sl_contract_column *column, const char *node, const char *text,
                        struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    sl_nest_type(column, &type);
    add_strict(column, type.text ? type.text : "", node, text, &value);
    if (sl_reading_has_years(column->type.kind)) {
        sl_buf_addf(sql, "case when (%s) ", value.text);
        sl_reading_years(column, sql);
        sl_buf_addf(sql, " then %s end", value.text);
    } else {
        sl_buf_add(sql, value.text);
    }
    sql->has_failed |= value.has_failed || type.has_failed;
}

static void add_leaf_value(const struct sl_contract_column *column, const char *node,
                           struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_nest_leaf_text(column, node, &text);
    sl_nest_leaf_value(column, node, text.text, sql);
    sql->has_failed |= text.has_failed;
}

// `depth` tells the lambdas in each other apart.
static void add_value(const struct sl_contract_column *column, const char *node, int depth,
                      struct sl_buf *sql)
{
    char item[16];
    if (!is_nested(column)) {
        add_leaf_value(column, node, sql);
    } else if (is_object(column)) {
        sl_buf_addf(sql, "case when %s is not null then struct_pack(", node);
        for (size_t i = 0; i < column->field_count; i++) {
            const struct sl_contract_column *field = &column->fields[i];
            SL_AUTO(sl_buf_clear) struct sl_buf part = SL_BUF_INIT;
            sl_buf_add(&part, node);
            sl_buf_add_char(&part, '[');
            sl_buf_add_sql_string(&part, field->source_name);
            sl_buf_add_char(&part, ']');
            sl_buf_add(sql, i ? ", " : "");
            sl_buf_add_sql_name(sql, field->name);
            sl_buf_add(sql, " := ");
            add_value(field, part.text, depth, sql);
            sql->has_failed |= part.has_failed;
        }
        sl_buf_add(sql, ") end");
    } else {
        (void)snprintf(item, sizeof item, "\"~v%d\"", depth);
        sl_buf_addf(sql, "list_transform(%s, lambda %s: ", node, item);
        add_value(column->fields, item, depth + 1, sql);
        sl_buf_add_char(sql, ')');
    }
}

void sl_nest_items(const struct sl_contract_column *column, const char *node, struct sl_buf *sql)
{
    add_value(column, node, 0, sql);
}

// Typed values print as JSON with texts for leaves, for a JSON number would lose digits of
// decimals. What the contract has no shape for stays as it is. Leaves are told of the type that
// they have.
struct walker {
    const char *at;
    struct sl_buf *sql;
};

// Bytes up to the end of a field's type, a name, or a list's brackets.
static size_t base_length(const char *at)
{
    int depth = 0;
    char quote = 0;
    size_t length = 0;
    for (; at[length]; length++) {
        char c = at[length];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (depth == 0 && strchr(",)[", c))
            break;
        else
            depth += (c == '(') - (c == ')');
    }
    return length;
}

static size_t lists_length(const char *at)
{
    size_t length = 0;
    while (at[length] == '[')
        length += strcspn(at + length, "]") + 1;
    return length;
}

static struct sl_contract_column *find_field(const struct sl_contract_column *column,
                                             const char *name)
{
    for (size_t i = 0; column && is_object(column) && i < column->field_count; i++)
        if (sl_str_equal_nocase(column->fields[i].source_name, name))
            return &column->fields[i];
    return NULL;
}

static void walk_type(struct walker *walker, struct sl_contract_column *column);

// A member's name, which is passed on, and its type.
static void walk_member(struct walker *walker, const struct sl_contract_column *column)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    if (*walker->at == '"') {
        for (walker->at++; *walker->at && !(walker->at[0] == '"' && walker->at[1] != '"');
             walker->at++) {
            walker->at += *walker->at == '"';
            sl_buf_add_char(&name, *walker->at);
        }
        walker->at += *walker->at == '"';
    } else {
        while (*walker->at && !strchr(" ,()", *walker->at))
            sl_buf_add_char(&name, *walker->at++);
    }
    walker->at += *walker->at == ' ';
    struct sl_contract_column *field = name.text ? find_field(column, name.text) : NULL;
    // json_transform knows members by their very name
    sl_buf_add_sql_name(walker->sql, field ? field->source_name : name.text ? name.text : "");
    sl_buf_add_char(walker->sql, ' ');
    walk_type(walker, field);
    walker->sql->has_failed |= name.has_failed;
}

static void tell_type(struct sl_contract_column *leaf, const char *at, size_t length)
{
    char type[64];
    if (leaf->formats.count && length < sizeof type) {
        memcpy(type, at, length);
        type[length] = '\0';
        leaf->is_typed = sl_reading_is_typed(leaf, type);
    }
}

static void walk_type(struct walker *walker, struct sl_contract_column *column)
{
    size_t base = base_length(walker->at);
    size_t lists = lists_length(walker->at + base);
    const char *start = walker->at;
    bool is_struct = strncmp(start, "STRUCT(", 7) == 0;
    bool is_map = strncmp(start, "MAP(", 4) == 0;
    struct sl_contract_column *item = column;
    for (const char *at = start + base; item && at < start + base + lists; at = strchr(at, ']') + 1)
        item = item->type.kind == SL_TYPE_ARRAY && is_nested(item) ? item->fields : NULL;
    if (is_struct && item && is_object(item)) {
        sl_buf_add(walker->sql, "STRUCT(");
        for (walker->at += 7; *walker->at && *walker->at != ')'; walker->at += *walker->at == ',') {
            walker->at += *walker->at == ' ';
            sl_buf_add(walker->sql, walker->sql->text[walker->sql->length - 1] == '(' ? "" : ", ");
            walk_member(walker, item);
        }
        sl_buf_add_char(walker->sql, ')');
    } else if (is_struct || is_map || (column && !item) ||
               (item && item->type.kind == SL_TYPE_JSON)) {
        sl_buf_add_bytes(walker->sql, start, base);
    } else {
        sl_buf_add(walker->sql, "VARCHAR");
        if (item)
            tell_type(item, start, base);
    }
    sl_buf_add_bytes(walker->sql, start + base, lists);
    walker->at = start + base + lists;
}

static bool is_text(const struct sl_reading *reading)
{
    return sl_str_equal(reading->raw_type, "VARCHAR") || sl_str_equal(reading->raw_type, "JSON");
}

// Maps print as they are.
static bool has_json_numbers(const struct sl_reading *reading)
{
    return !reading->raw_name || is_text(reading) || strstr(reading->raw_type, "MAP(") != NULL;
}

static bool copy_fields(struct sl_contract_column *column, struct sl_arena *arena)
{
    const struct sl_contract_column *before = column->fields;
    if (!is_nested(column))
        return true;
    column->fields = SL_NEW_ARRAY(arena, struct sl_contract_column, column->field_count);
    for (size_t i = 0; column->fields && i < column->field_count; i++) {
        column->fields[i] = before[i];
        if (!copy_fields(&column->fields[i], arena))
            return false;
    }
    return column->fields != NULL;
}

static const char *received(const struct sl_reading *reading, struct sl_contract_column *column,
                            struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct walker walker = {reading->raw_type, &sql};
    sl_buf_addf(&sql, "cast(to_json(cast(\"~r%zu\" as ", reading->index);
    walk_type(&walker, column);
    sl_buf_add(&sql, ")) as VARCHAR)");
    return print(arena, &sql);
}

int sl_nest_init(struct sl_reading *reading, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_nest *nest = SL_NEW(arena, struct sl_nest);
    struct sl_contract_column *column;
    SL_TRY_NEW(nest, err);
    nest->json = sl_arena_printf(arena, "\"~j%zu\"", reading->index);
    SL_TRY_NEW(nest->json, err);
    nest->node = sl_arena_printf(arena, "\"~n%zu\"", reading->index);
    SL_TRY_NEW(nest->node, err);
    nest->path = "$";
    nest->place = sl_arena_printf(arena, "%zu", reading->index);
    SL_TRY_NEW(nest->place, err);
    nest->is_large = sl_nest_is_large(reading->column);
    reading->nest = nest;
    if (!reading->raw_name || is_text(reading) || !strpbrk(reading->raw_type, "(["))
        return SL_OK;
    column = SL_NEW(arena, struct sl_contract_column);
    SL_TRY_NEW(column, err);
    *column = *reading->column;
    if (!copy_fields(column, arena))
        return sl_fail_memory(err);
    reading->received = received(reading, column, arena);
    SL_TRY_NEW(reading->received, err);
    reading->column = column;
    return SL_OK;
}

void sl_nest_member_path(const char *outer, const struct sl_contract_column *field,
                         struct sl_buf *path)
{
    sl_buf_addf(path, "%s.\"", outer);
    for (const char *at = field->source_name; *at; at++) {
        sl_buf_add(path, *at == '"' || *at == '\\' ? "\\" : "");
        sl_buf_add_char(path, *at);
    }
    sl_buf_add_char(path, '"');
}

// A member of a large column's object has names of its own.
static int name_field(const struct sl_reading *parent, const struct sl_contract_column *field,
                      struct sl_arena *arena, struct sl_nest *nest, struct sl_err *err)
{
    const struct sl_nest *outer = parent->nest;
    if (!outer->is_large)
        return SL_OK;
    nest->depth++;
    nest->place =
        sl_arena_printf(arena, "%s_%zu", outer->place, (size_t)(field - parent->column->fields));
    SL_TRY_NEW(nest->place, err);
    if (!is_nested(field)) {
        nest->typed = sl_arena_printf(arena, "\"~w%s\"", nest->place);
        SL_TRY_NEW(nest->typed, err);
        nest->node = sl_arena_printf(arena, "\"~l%s\"", nest->place);
        SL_TRY_NEW(nest->node, err);
    } else if (sl_nest_is_piece(field, nest->depth)) {
        nest->node = sl_arena_printf(arena, "\"~n%s\"", nest->place);
        SL_TRY_NEW(nest->node, err);
    }
    return SL_OK;
}

// What is no object has a tree all the same, in which no member has a value. The kinds are asked
// for such a tree only: an object without any of the members is as empty.
static int add_sound(const struct sl_reading *parent, struct sl_arena *arena, struct sl_nest *nest,
                     struct sl_err *err)
{
    const struct sl_nest *outer = parent->nest;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "case when len(list_filter(json_type(%s, ", outer->json);
    sl_buf_add_sql_string(&sql, outer->path);
    sl_buf_addf(&sql,
                "), lambda \"~t\": \"~t\" not in ('OBJECT', 'NULL'))) > 0 then "
                "list_transform(%s, lambda \"~e\": case when ",
                outer->list);
    for (size_t i = 0; i < parent->column->field_count; i++) {
        sl_buf_addf(&sql, "%s%s[", i ? " or " : "", outer->node);
        sl_buf_add_sql_string(&sql, parent->column->fields[i].source_name);
        sl_buf_add(&sql, "] is not null");
    }
    sl_buf_addf(&sql, " then \"~e\" end) else %s end", outer->list);
    nest->sound = print(arena, &sql);
    SL_TRY_NEW(nest->sound, err);
    return SL_OK;
}

static int place_field(const struct sl_reading *parent, const struct sl_contract_column *field,
                       struct sl_arena *arena, struct sl_nest *nest, struct sl_err *err)
{
    const struct sl_nest *outer = parent->nest;
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf node = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf guard = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf typed = SL_BUF_INIT;
    *nest = *outer;
    sl_nest_member_path(outer->path, field, &path);
    sl_buf_addf(&node, "%s[", outer->node);
    sl_buf_add_sql_string(&node, field->source_name);
    sl_buf_add_char(&node, ']');
    if (outer->list) {
        sl_buf_addf(&guard, "%s is not null", outer->node);
    } else {
        sl_buf_addf(&guard, "coalesce(json_type(%s, ", outer->json);
        sl_buf_add_sql_string(&guard, outer->path);
        sl_buf_add(&guard, "), '') = 'OBJECT'");
    }
    // Made once for the row, and looked up by every rule.
    sl_buf_addf(&typed, "struct_extract(%s, ", outer->typed ? outer->typed : parent->value);
    sl_buf_add_sql_string(&typed, field->name);
    sl_buf_add_char(&typed, ')');
    nest->typed = print(arena, &typed);
    SL_TRY_NEW(nest->typed, err);
    nest->path = print(arena, &path);
    SL_TRY_NEW(nest->path, err);
    nest->node = print(arena, &node);
    SL_TRY_NEW(nest->node, err);
    nest->parent = print(arena, &guard);
    SL_TRY_NEW(nest->parent, err);
    SL_TRY(name_field(parent, field, arena, nest, err));
    return outer->list ? add_sound(parent, arena, nest, err) : SL_OK;
}

static int place_item(const struct sl_reading *parent, struct sl_arena *arena, struct sl_nest *nest,
                      struct sl_err *err)
{
    const struct sl_nest *outer = parent->nest;
    *nest = *outer;
    nest->is_large = false;
    nest->parent = NULL;
    nest->sound = NULL;
    nest->array_count++;
    nest->outer = outer->list;
    nest->inner = outer->node;
    nest->path = sl_arena_printf(arena, "%s[*]", outer->path);
    SL_TRY_NEW(nest->path, err);
    nest->list = outer->list
                     ? sl_arena_printf(arena, "flatten(list_transform(%s, lambda \"~e\": %s))",
                                       outer->list, outer->node)
                     : outer->node;
    SL_TRY_NEW(nest->list, err);
    nest->node = "\"~e\"";
    return SL_OK;
}

int sl_nest_field(const struct sl_reading *parent, const struct sl_contract_column *field,
                  struct sl_arena *arena, struct sl_reading *ret, struct sl_err *err)
{
    struct sl_nest *nest = SL_NEW(arena, struct sl_nest);
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY_NEW(nest, err);
    if (is_object(parent->column))
        SL_TRY(place_field(parent, field, arena, nest, err));
    else
        SL_TRY(place_item(parent, arena, nest, err));
    *ret = (struct sl_reading){.column = field,
                               .raw_name = parent->raw_name,
                               .raw_type = "VARCHAR",
                               .index = parent->index,
                               .nest = nest};
    ret->type = sl_reading_type(field, arena);
    SL_TRY_NEW(ret->type, err);
    if (is_nested(field))
        sl_buf_addf(&sql,
                    "regexp_replace(cast(to_json(%s) as VARCHAR), '\"" SL_NEST_MARK
                    "([^\"]*)\"', '\\1', 'g')",
                    nest->node);
    else
        add_leaf(field, nest->node, &sql);
    ret->received = print(arena, &sql);
    SL_TRY_NEW(ret->received, err);
    sl_buf_reset(&sql);
    if (is_nested(field))
        sl_buf_add(&sql, ret->received);
    else if (nest->is_large)
        sl_buf_addf(&sql, "\"~x%s\"", nest->place);
    else
        sl_nest_leaf_text(field, nest->node, &sql);
    ret->text = print(arena, &sql);
    SL_TRY_NEW(ret->text, err);
    sl_buf_reset(&sql);
    if (is_nested(field))
        sl_buf_add(&sql, nest->node);
    else if (!nest->list)
        sl_buf_add(&sql, nest->typed);
    else
        add_leaf_value(field, nest->node, &sql);
    ret->value = print(arena, &sql);
    SL_TRY_NEW(ret->value, err);
    ret->absent = sl_arena_printf(arena, "%s is null", is_nested(field) ? nest->node : ret->text);
    SL_TRY_NEW(ret->absent, err);
    return SL_OK;
}

int sl_nest_object(const struct sl_reading *reading, struct sl_arena *arena, struct sl_reading *ret,
                   struct sl_err *err)
{
    struct sl_nest *nest = SL_NEW(arena, struct sl_nest);
    struct sl_reading member;
    SL_TRY_NEW(nest, err);
    SL_TRY(sl_nest_field(reading, &reading->column->fields[0], arena, &member, err));
    *nest = *reading->nest;
    nest->parent = member.nest->parent;
    nest->sound = member.nest->sound;
    *ret = *reading;
    ret->nest = nest;
    return SL_OK;
}

// Made once for the row, but where that would be taken out of a large column.
void sl_nest_item_values(const struct sl_reading *reading, struct sl_buf *sql)
{
    const struct sl_nest *nest = reading->nest;
    bool is_root = strcmp(nest->path, "$") == 0;
    if (is_root || (!nest->list && !nest->is_large))
        sl_buf_add(sql, is_root ? reading->value : nest->typed);
    else
        sl_nest_items(reading->column, nest->node, sql);
}

void sl_nest_item_absent(const struct sl_reading *reading, const char *node, struct sl_buf *sql)
{
    const struct sl_contract_column *item = reading->column->fields;
    if (is_nested(item))
        sl_buf_add(sql, node);
    else
        sl_nest_leaf_text(item, node, sql);
    sl_buf_add(sql, " is null");
}

void sl_nest_text(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_contract_column *column = reading->column;
    size_t i = reading->index;
    (void)rows;
    if (column->otherwise)
        sl_buf_add(&text, "coalesce(");
    sl_buf_addf(&text, "case when \"~t%zu\" not in ", i);
    sl_sql_list(&column->null_values, &text);
    sl_buf_addf(&text, " then \"~t%zu\" end", i);
    if (column->otherwise) {
        sl_buf_add(&text, ", ");
        sl_buf_add_sql_string(&text, column->otherwise);
        sl_buf_add_char(&text, ')');
    }
    sl_buf_addf(sql, ", %s as \"~x%zu\", case when json_valid(%s) and not regexp_matches(%s, ",
                text.text, i, text.text, text.text);
    sl_buf_addf(sql, "'" HAS_MARK "') and regexp_matches(%s, '^\\s*[\\[{]') then ", text.text);
    // The pattern comes to an end in a last, empty number, which is cut off again.
    if (has_json_numbers(reading))
        sl_buf_addf(
            sql, "left(regexp_replace(%s, '" NUMBERS "', '\\1\"" SL_NEST_MARK "\\2\"', 'g'), -3)",
            text.text);
    else
        sl_buf_add(sql, text.text);
    sl_buf_addf(sql, " end as \"~j%zu\"", i);
    sql->has_failed |= text.has_failed;
}

void sl_nest_value(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    bool is_large = reading->nest->is_large;
    (void)rows;
    sl_buf_add(sql, ", ");
    sl_nest_tree(reading->column, is_large ? 0 : -1, reading->nest->json, sql);
    sl_buf_addf(sql, " as %s", reading->nest->node);
    if (is_large)
        sl_nest_pieces(reading, sql);
}

void sl_nest_held(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    (void)rows;
    sl_buf_add(sql, ", ");
    if (reading->nest->is_large)
        sl_nest_pack(reading, sql);
    else
        sl_nest_items(reading->column, reading->nest->node, sql);
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, reading->column->name);
}

void sl_nest_nulls(const struct sl_contract_column *column, size_t index, struct sl_buf *sql)
{
    bool is_large = sl_nest_is_large(column);
    sl_buf_addf(sql, ", cast(null as VARCHAR) as \"~j%zu\", ", index);
    sl_nest_tree(column, is_large ? 0 : -1, "cast(null as VARCHAR)", sql);
    sl_buf_addf(sql, " as \"~n%zu\"", index);
    if (is_large)
        sl_nest_large_nulls(column, index, sql);
}
