// A contract -> CREATE TABLE, in the words of DuckDB, PostgreSQL or Spark.
#include "contract/exchange/sql.h"

#include <string.h>

static const char *const spark_comments = "COMMENT ";

static const struct sl_x_dialect dialects[] = {
    {.name = "duckdb",
     .quote = '"',
     .has_checks = true,
     .has_keys = true,
     .has_members = true,
     .json = "JSON",
     .types = {"VARCHAR", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP",
               "TIME"},
     .integers = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"},
     .decimal = "DECIMAL",
     .open = "STRUCT(",
     .colon = " ",
     .close = ")",
     .list = NULL},
    {.name = "postgres",
     .quote = '"',
     .has_checks = true,
     .has_keys = true,
     .json = "jsonb",
     .types = {"text", "double precision", "boolean", "date", "timestamp with time zone",
               "timestamp", "time"},
     .integers = {"smallint", "smallint", "integer", "bigint"},
     .decimal = "numeric",
     .has_lengths = true},
    {.name = "spark",
     .quote = '`',
     .has_escapes = true,
     .json = "STRING",
     .types = {"STRING", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "STRING"},
     .integers = {"TINYINT", "SMALLINT", "INT", "BIGINT"},
     .decimal = "DECIMAL",
     .open = "STRUCT<",
     .colon = ": ",
     .close = ">",
     .list = "ARRAY<"},
};

static const char *table_name(const struct sl_x_writer *writer)
{
    return sl_x_get(writer->object, "name");
}

static void add_type(struct sl_x_writer *writer, const struct sl_yaml *property,
                     struct sl_buf *text);

static void add_nested(struct sl_x_writer *writer, const struct sl_yaml *property, bool is_array,
                       struct sl_buf *text)
{
    const struct sl_x_dialect *dialect = writer->dialect;
    const struct sl_yaml *properties = sl_yaml_get(property, "properties");
    const struct sl_yaml *items = sl_yaml_get(property, "items");
    if (is_array && sl_x_is_map(items) && dialect->open) {
        sl_buf_add(text, dialect->list ? dialect->list : "");
        add_type(writer, items, text);
        sl_buf_add(text, dialect->list ? dialect->close : "[]");
    } else if (!is_array && sl_x_count(properties) && dialect->open) {
        sl_buf_add(text, dialect->open);
        for (size_t i = 0; i < properties->count; i++) {
            sl_buf_add(text, i ? ", " : "");
            sl_x_sql_name(writer, text, sl_x_get(properties->items[i], "name"));
            sl_buf_add(text, dialect->colon);
            add_type(writer, properties->items[i], text);
        }
        sl_buf_add(text, dialect->close);
    } else {
        if (sl_x_is_map(items) || sl_x_count(properties))
            sl_x_lost(writer->exchange, property->place,
                      "column '%s': what is inside is not described in %s",
                      sl_x_get(property, "name") ? sl_x_get(property, "name") : "", dialect->name);
        sl_buf_add(text, dialect->json);
    }
}

static void add_type(struct sl_x_writer *writer, const struct sl_yaml *property,
                     struct sl_buf *text)
{
    const struct sl_x_dialect *dialect = writer->dialect;
    struct sl_x_type type = sl_x_type_of(property);
    switch (type.type.kind) {
    case SL_TYPE_TEXT:
        if (type.length && dialect->has_lengths)
            sl_buf_addf(text, "varchar(%lld)", (long long)type.length);
        else
            sl_buf_add(text, dialect->types[0]);
        return;
    case SL_TYPE_INTEGER:
        sl_buf_add(text, dialect->integers[type.type.bits == 8    ? 0
                                           : type.type.bits == 16 ? 1
                                           : type.type.bits == 32 ? 2
                                                                  : 3]);
        return;
    case SL_TYPE_DECIMAL:
        sl_buf_addf(text, "%s(%d,%d)", dialect->decimal, type.type.precision, type.type.scale);
        return;
    case SL_TYPE_DOUBLE:
        sl_buf_add(text, dialect->types[1]);
        return;
    case SL_TYPE_BOOLEAN:
        sl_buf_add(text, dialect->types[2]);
        return;
    case SL_TYPE_DATE:
        sl_buf_add(text, dialect->types[3]);
        return;
    case SL_TYPE_TIMESTAMP:
        sl_buf_add(text, dialect->types[4]);
        return;
    case SL_TYPE_TIMESTAMP_NTZ:
        sl_buf_add(text, dialect->types[5]);
        return;
    case SL_TYPE_TIME:
        sl_buf_add(text, dialect->types[6]);
        return;
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        add_nested(writer, property, type.is_array, text);
        return;
    }
}

static void add_column(struct sl_x_writer *writer, const struct sl_yaml *property)
{
    enum sl_type_kind kind = sl_x_type_of(property).type.kind;
    const char *otherwise = sl_x_default_of(property);
    const char *about = sl_x_get(property, "description");
    bool is_spark = !writer->dialect->has_checks;
    sl_x_sql_line(writer);
    sl_x_sql_name(writer, writer->text, sl_x_get(property, "name"));
    sl_buf_add_char(writer->text, ' ');
    add_type(writer, property, writer->text);
    if (otherwise && !is_spark) {
        sl_buf_add(writer->text, " DEFAULT ");
        sl_x_sql_literal(writer, writer->text, kind, otherwise);
    }
    bool is_required =
        sl_x_is_true(property, "required") && sl_x_sql_is_rejecting(property, "required");
    if (is_required || sl_x_is_true(property, "primaryKey"))
        sl_buf_add(writer->text, " NOT NULL");
    if (sl_x_is_true(property, "unique") && writer->dialect->has_keys)
        sl_buf_add(writer->text, " UNIQUE");
    if (about && is_spark) {
        sl_buf_addf(writer->text, " %s", spark_comments);
        sl_x_sql_string(writer, writer->text, about);
    } else if (about) {
        sl_buf_add(&writer->after, "COMMENT ON COLUMN ");
        sl_x_sql_name(writer, &writer->after, table_name(writer));
        sl_buf_add_char(&writer->after, '.');
        sl_x_sql_name(writer, &writer->after, sl_x_get(property, "name"));
        sl_buf_add(&writer->after, " IS ");
        sl_x_sql_string(writer, &writer->after, about);
        sl_buf_add(&writer->after, ";\n");
    }
    if (!writer->dialect->has_keys && sl_x_is_true(property, "unique"))
        sl_x_lost(writer->exchange, property->place, "column '%s': Spark has no UNIQUE",
                  sl_x_get(property, "name"));
}

static int64_t position_of(const struct sl_yaml *property, size_t index)
{
    int64_t position;
    const char *text = sl_x_get(property, "primaryKeyPosition");
    return text && sl_str_to_int64(text, &position) && position > 0 ? position
                                                                    : (int64_t)(index + 1000000);
}

static void add_key(struct sl_x_writer *writer, const struct sl_yaml *properties)
{
    int64_t last = 0;
    bool is_open = false;
    for (;;) { // in the order of the positions
        const struct sl_yaml *next = NULL;
        int64_t least = INT64_MAX;
        for (size_t i = 0; i < sl_x_count(properties); i++) {
            int64_t position = position_of(properties->items[i], i);
            if (sl_x_is_true(properties->items[i], "primaryKey") && position > last &&
                position < least) {
                least = position;
                next = properties->items[i];
            }
        }
        if (!next)
            break;
        if (!writer->dialect->has_keys) {
            sl_x_lost(writer->exchange, next->place, "Spark has no PRIMARY KEY");
            return;
        }
        if (!is_open)
            sl_x_sql_line(writer);
        sl_buf_add(writer->text, is_open ? ", " : "PRIMARY KEY (");
        sl_x_sql_name(writer, writer->text, sl_x_get(next, "name"));
        is_open = true;
        last = least;
    }
    sl_buf_add(writer->text, is_open ? ")" : "");
}

static void add_comment(struct sl_x_writer *writer)
{
    const char *about = sl_x_get(writer->object, "description");
    if (!writer->dialect->has_checks)
        sl_buf_add(writer->text, " USING DELTA");
    if (about && !writer->dialect->has_checks) {
        sl_buf_addf(writer->text, " %s", spark_comments);
        sl_x_sql_string(writer, writer->text, about);
    }
    sl_buf_add(writer->text, ";\n");
    if (about && writer->dialect->has_checks) {
        sl_buf_add(writer->text, "COMMENT ON TABLE ");
        sl_x_sql_name(writer, writer->text, table_name(writer));
        sl_buf_add(writer->text, " IS ");
        sl_x_sql_string(writer, writer->text, about);
        sl_buf_add(writer->text, ";\n");
    }
    sl_buf_add(writer->text, writer->after.text);
}

// The part behind the last '.' of "customers.id", if the part before it is a table that stands
// before this one, or this one; else NULL.
static const char *column_there(const struct sl_x_writer *writer, const char *reference,
                                const char **ret_table)
{
    const char *dot = reference ? strrchr(reference, '.') : NULL;
    for (size_t i = 0; dot && i < sl_x_count(writer->tables); i++) {
        const char *name = sl_x_get(writer->tables->items[i], "name");
        if (name && strncmp(name, reference, (size_t)(dot - reference)) == 0 &&
            !name[dot - reference]) {
            *ret_table = name;
            return dot + 1;
        }
        if (writer->tables->items[i] == writer->object)
            break;
    }
    return NULL;
}

// `column`: the relation stands at a column, which is its `from`; NULL: at the table.
static void add_references(struct sl_x_writer *writer, const struct sl_yaml *owner,
                           const char *column)
{
    const struct sl_yaml *relations = sl_yaml_get(owner, "relationships");
    for (size_t i = 0; i < sl_x_count(relations); i++) {
        const struct sl_yaml *relation = relations->items[i];
        const struct sl_yaml *from = sl_yaml_get(relation, "from");
        const struct sl_yaml *to = sl_yaml_get(relation, "to");
        const char *first = sl_x_count(to) ? to->items[0]->text : sl_x_get(relation, "to");
        const char *table = NULL;
        const char *there = column_there(writer, first, &table);
        bool is_list = sl_x_count(from) && sl_x_count(from) == sl_x_count(to);
        if (!there || !writer->dialect->has_keys || (!is_list && !(column && !sl_x_count(to)))) {
            sl_x_lost(writer->exchange, relation->place,
                      "'%s': the reference to '%s' is left out: %s", sl_x_get(owner, "name"),
                      first ? first : "",
                      !writer->dialect->has_keys ? "the dialect has no foreign keys"
                      : there                    ? "it does not say as many columns here as there"
                                                 : "no table before this one is it");
            continue;
        }
        sl_x_sql_line(writer);
        sl_buf_add(writer->text, "FOREIGN KEY");
        if (is_list) {
            sl_x_sql_names(writer, from, true);
        } else {
            sl_buf_add(writer->text, " (");
            sl_x_sql_name(writer, writer->text, column);
            sl_buf_add(writer->text, ")");
        }
        sl_buf_add(writer->text, " REFERENCES ");
        sl_x_sql_name(writer, writer->text, table);
        if (is_list) {
            sl_x_sql_names(writer, to, true);
        } else {
            sl_buf_add(writer->text, " (");
            sl_x_sql_name(writer, writer->text, there);
            sl_buf_add(writer->text, ")");
        }
    }
}

static void add_table(struct sl_x_writer *writer)
{
    const struct sl_yaml *properties = sl_yaml_get(writer->object, "properties");
    sl_buf_add(writer->text, "CREATE TABLE ");
    sl_x_sql_name(writer, writer->text, table_name(writer));
    sl_buf_add(writer->text, " (");
    writer->is_first = true;
    for (size_t i = 0; i < sl_x_count(properties); i++)
        add_column(writer, properties->items[i]);
    add_key(writer, properties);
    for (size_t i = 0; i < sl_x_count(properties); i++) {
        sl_x_sql_checks(writer, properties->items[i]);
        add_references(writer, properties->items[i], sl_x_get(properties->items[i], "name"));
    }
    sl_x_sql_table_checks(writer);
    add_references(writer, writer->object, NULL);
    sl_buf_add(writer->text, "\n)");
    add_comment(writer);
}

void sl_x_sql_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                     struct sl_buf *text)
{
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    static const char *const known[] = {"sluice.default", "relationships", NULL};
    const struct sl_x_dialect *dialect = &dialects[0];
    sl_x_name_references(exchange, contract);
    sl_x_tell_rest(exchange, contract, "SQL", known);
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (sl_str_equal(dialects[i].name, exchange->dialect))
            dialect = &dialects[i];
    for (size_t i = 0; i < sl_x_count(tables); i++) {
        struct sl_x_writer writer = {.exchange = exchange,
                                     .dialect = dialect,
                                     .text = text,
                                     .tables = tables,
                                     .object = tables->items[i],
                                     .after = SL_BUF_INIT};
        sl_buf_add(text, i ? "\n" : "");
        if (!sl_x_count(sl_yaml_get(writer.object, "properties")))
            sl_x_wrong(exchange, writer.object->place, NULL, "table '%s' has no columns",
                       table_name(&writer));
        else
            add_table(&writer);
        exchange->has_failed |= writer.after.has_failed;
        sl_buf_clear(&writer.after);
    }
}
