// Rules over parts of a nested column: of what shape they are, and what is asked of every item.
#include "contract/nest.h"

#include <stdio.h>
#include <string.h>

// Arrays in each other up to which reasons name an item by its numbers.
#define MOST_LABELLED 2

static bool is_object(const struct sl_contract_column *column)
{
    return column->type.kind == SL_TYPE_OBJECT;
}

// json_type(...), json_keys(...), ... of the reading's path
static void at_path(const struct sl_reading *reading, const char *function, struct sl_buf *sql)
{
    sl_buf_addf(sql, "%s(%s, ", function, reading->nest->json);
    sl_buf_add_sql_string(sql, reading->nest->path);
    sl_buf_add_char(sql, ')');
}

static void add_shape_broken(const struct sl_reading *reading, const char *kind,
                             struct sl_buf *broken)
{
    bool has_keys = is_object(reading->column);
    if (reading->nest->list) {
        sl_buf_add(broken, "len(list_filter(");
        at_path(reading, "json_type", broken);
        sl_buf_addf(broken, ", lambda \"~t\": \"~t\" not in ('%s', 'NULL'))) > 0", kind);
        if (!has_keys)
            return;
        sl_buf_add(broken, " or len(list_filter(");
        at_path(reading, "json_keys", broken);
        sl_buf_add(broken, ", lambda \"~k\": len(\"~k\") <> list_unique(\"~k\"))) > 0");
        return;
    }
    at_path(reading, "json_type", broken);
    sl_buf_addf(broken, " not in ('%s', 'NULL')", kind);
    if (!has_keys)
        return;
    sl_buf_add(broken, " or len(");
    at_path(reading, "json_keys", broken);
    sl_buf_add(broken, ") <> list_unique(");
    at_path(reading, "json_keys", broken);
    sl_buf_add_char(broken, ')');
}

// "items[3]: " of the first item that is of another kind, or else has a member twice. Paths to
// members leave out the items that do not have them, and so lose the count.
static void add_shape_label(const struct sl_reading *reading, const char *kind, struct sl_buf *sql)
{
    const char *path = reading->column->path;
    SL_AUTO(sl_buf_clear) struct sl_buf start = SL_BUF_INIT;
    if (reading->nest->array_count != 1 || !sl_str_ends(path, "[]"))
        return;
    sl_buf_add_bytes(&start, path, strlen(path) - 1);
    sl_buf_add_sql_string(sql, start.text);
    sl_buf_add(sql, " || (coalesce(list_position(list_transform(");
    at_path(reading, "json_type", sql);
    sl_buf_addf(sql, ", lambda \"~t\": \"~t\" not in ('%s', 'NULL')), true)", kind);
    if (is_object(reading->column)) {
        sl_buf_add(sql, ", list_position(list_transform(");
        at_path(reading, "json_keys", sql);
        sl_buf_add(sql, ", lambda \"~k\": len(\"~k\") <> list_unique(\"~k\")), true)");
    }
    sl_buf_add(sql, ") - 1) || ']: ' || ");
    sql->has_failed |= start.has_failed;
}

// The first value of another kind, cut short, and what it is not; else a member stands twice.
static void add_shape_message(const struct sl_reading *reading, const char *kind,
                              struct sl_buf *message)
{
    bool is_root = strcmp(reading->nest->path, "$") == 0;
    SL_AUTO(sl_buf_clear) struct sl_buf values = SL_BUF_INIT;
    if (is_root)
        sl_buf_addf(&values, "[%s]", reading->text);
    else if (reading->nest->list)
        at_path(reading, "json_extract", &values);
    else {
        sl_buf_add_char(&values, '[');
        at_path(reading, "json_extract", &values);
        sl_buf_add_char(&values, ']');
    }
    add_shape_label(reading, kind, message);
    sl_buf_addf(message,
                "coalesce('''' || left(regexp_replace(cast(list_filter(%s, lambda \"~t\": "
                "coalesce(try(json_type(\"~t\")), '') not in ('%s', 'NULL'))[1] as VARCHAR), "
                "'\"" SL_NEST_MARK "([^\"]*)\"', '\\1', 'g'), 100) || ''' is not a JSON %s', "
                "'it has a member twice')",
                values.text, kind, is_object(reading->column) ? "object" : "array");
    message->has_failed |= values.has_failed;
}

void sl_nest_shape(const struct sl_reading *reading, struct sl_buf *broken, struct sl_buf *message)
{
    const char *kind = is_object(reading->column) ? "OBJECT" : "ARRAY";
    if (strcmp(reading->nest->path, "$") == 0) {
        sl_buf_addf(broken, "%s is not null and (%s is null or json_type(%s, '$') <> '%s' or ",
                    reading->text, reading->nest->json, reading->nest->json, kind);
        add_shape_broken(reading, kind, broken);
        sl_buf_add_char(broken, ')');
    } else {
        add_shape_broken(reading, kind, broken);
    }
    add_shape_message(reading, kind, message);
}

// "items[3].qty: ", "items[3].tags[0]: ": an item is soon found by its number then. `index` is SQL
// of the number, in two arrays of both with the path between them.
static void add_label(const struct sl_reading *reading, const char *index, struct sl_buf *sql)
{
    const char *path = reading->column->path;
    const char *first = strstr(path, "[]"), *last = first;
    SL_AUTO(sl_buf_clear) struct sl_buf part = SL_BUF_INIT;
    if (!first || reading->nest->array_count > MOST_LABELLED) {
        sl_buf_addf(&part, "%s: ", path);
        sl_buf_add_sql_string(sql, part.text);
    } else {
        if (reading->nest->array_count == 2)
            last = strstr(first + 2, "[]");
        sl_buf_add_bytes(&part, path, (size_t)(first + 1 - path));
        sl_buf_add_sql_string(sql, part.text);
        sl_buf_addf(sql, " || %s || ", index);
        sl_buf_reset(&part);
        sl_buf_addf(&part, "%s: ", last + 1);
        sl_buf_add_sql_string(sql, part.text);
    }
    sql->has_failed |= part.has_failed;
}

// Of items in two arrays their numbers as "3].tags[0", in the order of the list.
static void add_numbers(const struct sl_reading *reading, struct sl_buf *sql)
{
    const struct sl_nest *nest = reading->nest;
    const char *first = strstr(reading->column->path, "[]");
    const char *last = strstr(first + 2, "[]");
    SL_AUTO(sl_buf_clear) struct sl_buf between = SL_BUF_INIT;
    sl_buf_add_bytes(&between, first + 1, (size_t)(last - first));
    sl_buf_addf(sql,
                "flatten(list_transform(%s, lambda \"~e\", \"~o\": list_transform(%s, "
                "lambda \"~x\", \"~i\": (\"~o\" - 1) || ",
                nest->outer, nest->inner);
    sl_buf_add_sql_string(sql, between.text);
    sl_buf_add(sql, " || (\"~i\" - 1))))");
    sql->has_failed |= between.has_failed;
}

// What is said of the items that break a rule; null for the others. With two arrays the numbers are
// put before what is left open for them, outside of the lambda, where they are made but once.
static void add_says(const struct sl_reading *reading, const char *list, const char *broken,
                     const char *message, struct sl_buf *sql)
{
    bool has_two = reading->nest->array_count == 2;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    sl_buf_addf(&says, "list_transform(%s, lambda \"~e\", \"~i\": case when %s then ", list,
                broken);
    if (!has_two)
        add_label(reading, "(\"~i\" - 1)", &says);
    sl_buf_addf(&says, "%s(%s) end)", has_two ? "" : " || ", message);
    if (has_two) {
        sl_buf_addf(sql, "list_transform(list_zip(%s, ", says.text);
        add_numbers(reading, sql);
        sl_buf_add(sql, "), lambda \"~z\": ");
        add_label(reading, "\"~z\"[2]", sql);
        sl_buf_add(sql, " || \"~z\"[1])");
    } else {
        sl_buf_add(sql, says.text);
    }
    sql->has_failed |= says.has_failed;
}

// " and ..." for each leaf: it has no text, or a value. `depth` tells the lambdas apart.
static void add_readable(const struct sl_contract_column *column, const char *node, int depth,
                         struct sl_buf *sql)
{
    char item[16];
    SL_AUTO(sl_buf_clear) struct sl_buf part = SL_BUF_INIT;
    if (is_object(column) && column->field_count) {
        for (size_t i = 0; i < column->field_count; i++) {
            sl_buf_reset(&part);
            sl_buf_addf(&part, "%s[", node);
            sl_buf_add_sql_string(&part, column->fields[i].source_name);
            sl_buf_add_char(&part, ']');
            add_readable(&column->fields[i], part.text, depth, sql);
        }
    } else if (column->field_count) {
        (void)snprintf(item, sizeof item, "\"~g%d\"", depth);
        add_readable(column->fields, item, depth + 1, &part);
        if (part.length)
            sl_buf_addf(sql,
                        " and coalesce(list_bool_and(list_transform(%s, lambda %s: true%s)), true)",
                        node, item, part.text);
    } else if (column->type.kind != SL_TYPE_TEXT) {
        SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
        sl_nest_leaf_text(column, node, &part);
        sl_nest_leaf_value(column, node, part.text, &value);
        sl_buf_addf(sql, " and ((%s) is null or (%s) is not null)", part.text, value.text);
        sql->has_failed |= value.has_failed;
    }
    sql->has_failed |= part.has_failed;
}

void sl_nest_sound_items(const struct sl_reading *reading, const char *node, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf readable = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sound = SL_BUF_INIT;
    add_readable(reading->column->fields, "\"~g0\"", 1, &readable);
    sl_buf_addf(&sound, "list_filter(%s, lambda \"~g0\": true%s)", node,
                readable.length ? readable.text : "");
    sl_nest_items(reading->column, sound.text, sql);
    sql->has_failed |= readable.has_failed || sound.has_failed;
}

int sl_nest_spread(const struct sl_reading *reading, bool is_required, struct sl_buf *broken,
                   struct sl_buf *message, struct sl_err *err)
{
    const struct sl_nest *nest = reading->nest;
    const char *list = is_required && nest->sound ? nest->sound : nest->list;
    SL_AUTO(sl_buf_clear) struct sl_buf one = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    if (is_required && nest->parent)
        sl_buf_addf(&one, "case when %s then %s else false end", broken->text, nest->parent);
    else
        sl_buf_add(&one, broken->text);
    SL_TRY(sl_buf_check(&one, err));
    if (!nest->list) {
        sl_buf_reset(broken);
        sl_buf_add(broken, one.text);
        return sl_buf_check(broken, err);
    }
    sl_buf_add(&says, "list_filter(");
    add_says(reading, list, one.text, message->text, &says);
    sl_buf_add(&says, ", lambda \"~m\": \"~m\" is not null)");
    SL_TRY(sl_buf_check(&says, err));
    sl_buf_reset(broken);
    sl_buf_addf(broken, "coalesce(list_bool_or(list_transform(%s, lambda \"~e\": %s)), false)",
                list, one.text);
    sl_buf_reset(message);
    sl_buf_addf(message,
                "array_to_string((%s)[1:3], '; ') || case when len(%s) > 3 then '; and ' || "
                "(len(%s) - 3) || ' more' else '' end",
                says.text, says.text, says.text);
    SL_TRY(sl_buf_check(broken, err));
    return sl_buf_check(message, err);
}
