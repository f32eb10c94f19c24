// What rules over several columns share.
#include "contract/rule.h"

static const struct sl_contract_column *find(const struct sl_rule_site *site, const char *name)
{
    const struct sl_contract_table *table = site->table;
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

// Where the name stands in the rule's options.
static struct sl_place place_of(const struct sl_rule *rule, const char *name)
{
    static const char *const keys[] = {"column", "to", "columns", "properties"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys && rule->node; k++) {
        const struct sl_yaml *value = sl_yaml_get(rule->node, keys[k]);
        if (value && value->kind == SL_YAML_SCALAR && sl_str_equal(value->text, name))
            return value->place;
        for (size_t i = 0; value && value->kind == SL_YAML_LIST && i < value->count; i++)
            if (sl_str_equal(value->items[i]->text, name))
                return value->items[i]->place;
    }
    return rule->place;
}

static void refuse_name(const struct sl_rule_site *site, const char *name)
{
    const struct sl_contract_table *table = site->table;
    struct sl_strs names = {0};
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_strs_add(&names, site->arena, table->columns[i].name, NULL) != SL_OK)
            break; // a hint less
    sl_diag(site->diags, SL_SEVERITY_ERROR, SL_E_RULE, place_of(site->rule, name),
            sl_did_you_mean(site->arena, name, names.items, names.count),
            "rule '%s': '%s' is no column of '%s'", site->rule->id, name, table->name);
}

const struct sl_contract_column *const *sl_rule_columns(const struct sl_rule_site *site)
{
    const struct sl_strs *names = &site->rule->columns;
    const struct sl_contract_column **columns =
        SL_NEW_ARRAY(site->arena, const struct sl_contract_column *, names->count + 1);
    bool is_good = columns != NULL;
    for (size_t i = 0; columns && i < names->count; i++) {
        columns[i] = find(site, names->items[i]);
        if (!columns[i]) {
            refuse_name(site, names->items[i]);
            is_good = false;
        }
        for (size_t k = 0; is_good && k < i; k++)
            if (columns[k] == columns[i])
                is_good = sl_rule_refuse(site, "column '%s' stands in it twice", names->items[i]);
    }
    return is_good ? columns : NULL;
}

void sl_rule_name(const struct sl_contract_column *column, struct sl_buf *sql)
{
    sl_buf_add_sql_name(sql, column->name);
}

bool sl_rule_is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

// Types that can stand side by side have the same family.
static int family(const struct sl_contract_column *column)
{
    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return SL_TYPE_INTEGER;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return SL_TYPE_DATE;
    case SL_TYPE_TEXT:
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_TIME:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return (int)column->type.kind;
    }
    return -1;
}

bool sl_rule_are_alike(const struct sl_rule_site *site,
                       const struct sl_contract_column *const *columns)
{
    char first[32], other[32];
    for (size_t i = 1; columns[i]; i++)
        if (family(columns[i]) != family(columns[0]))
            return sl_rule_refuse(site, "'%s' (%s) and '%s' (%s) cannot be compared",
                                  columns[0]->name, sl_type_name(columns[0]->type, first),
                                  columns[i]->name, sl_type_name(columns[i]->type, other));
    return true;
}

// A date is the begin of its day, and a time without zone is UTC, whatever zone the session has.
// timezone('UTC', x) gives the same and takes a hundred times as long.
void sl_rule_value(const struct sl_contract_column *column, struct sl_buf *sql)
{
    bool is_instant = column->type.kind == SL_TYPE_TIMESTAMP;
    if (is_instant)
        sl_buf_add(sql, "make_timestamp(epoch_us(");
    sl_rule_name(column, sql);
    sl_buf_add(sql, is_instant ? "))" : "");
}

void sl_rule_shows(const struct sl_contract_column *column, struct sl_buf *message)
{
    sl_buf_add_sql_string(message, column->name);
    sl_buf_add(message, " || coalesce(' ''' || left(cast(");
    sl_rule_value(column, message);
    sl_buf_add(message, " as VARCHAR), 100) || '''', ' (no value)')");
}

void sl_rule_adds(struct sl_buf *message, const char *format, ...)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    va_list args;
    va_start(args, format);
    sl_buf_vaddf(&text, format, args);
    va_end(args);
    sl_buf_add(message, " || ");
    sl_buf_add_sql_string(message, text.text);
    message->has_failed |= text.has_failed;
}

void sl_rule_taken_in(const struct sl_rule_site *site, struct sl_buf *sql)
{
    bool is_date = site->reading->column->type.kind == SL_TYPE_DATE;
    sl_buf_add(sql, is_date ? "cast(make_timestamp(epoch_us(\"~ingested_at\")) as DATE)"
                            : "make_timestamp(epoch_us(\"~ingested_at\"))");
}

bool sl_rule_count_values(const struct sl_rule_site *site, struct sl_buf *count,
                          struct sl_buf *names)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    if (!columns)
        return false;
    if (!columns[0] || !columns[1])
        return sl_rule_refuse(site, "it needs two columns or more");
    sl_buf_add(count, "(");
    for (size_t i = 0; columns[i]; i++) {
        sl_buf_add(count, i ? " + cast(" : "cast(");
        sl_rule_name(columns[i], count);
        sl_buf_add(count, " is not null as INTEGER)");
    }
    sl_buf_add(count, ")");
    sl_rule_list(&site->rule->columns, names);
    return true;
}

bool sl_rule_compile_total(const struct sl_rule_site *site, bool is_product, struct sl_buf *broken,
                           struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    const char *tolerance = site->rule->tolerance;
    SL_AUTO(sl_buf_clear) struct sl_buf total = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf limit = SL_BUF_INIT;
    double value = 0;
    bool has_double = false, are_whole = true;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!sl_rule_is_number(columns[0]->type.kind))
        return sl_rule_refuse(site, "column '%s' is no number", columns[0]->name);
    if (!columns[1])
        return sl_rule_refuse(site, is_product ? "it needs columns to be multiplied"
                                               : "it needs columns to be added up");
    if (tolerance &&
        (!sl_rule_number(tolerance, &limit) || !sl_str_to_double(tolerance, &value) || value < 0))
        return sl_rule_refuse(site, "the tolerance '%s' is not a number from 0 on", tolerance);
    for (size_t i = 0; columns[i]; i++)
        has_double |= columns[i]->type.kind == SL_TYPE_DOUBLE;
    for (size_t i = 0; columns[i]; i++)
        are_whole &= columns[i]->type.kind == SL_TYPE_INTEGER;
    for (size_t i = 1; columns[i]; i++) {
        if (i > 1)
            sl_buf_add(&total, is_product ? " * " : " + ");
        sl_buf_add(&total, is_product ? "" : "coalesce(");
        sl_rule_name(columns[i], &total);
        sl_buf_add(&total, is_product ? "" : ", 0)");
        // Sums on the way may be beyond what a column holds.
        sl_buf_add(&total, are_whole ? "::HUGEINT" : "");
    }
    // What is too large to be computed is not the total of anything.
    sl_buf_add(broken, "coalesce(try(abs(");
    sl_rule_name(columns[0], broken);
    sl_buf_addf(broken, " - (%s)) > ", total.text);
    if (tolerance || !has_double)
        sl_buf_add(broken, tolerance ? limit.text : "0");
    else
        sl_buf_addf(broken, "1e-9 * abs(%s)", total.text);
    sl_buf_add(broken, "), ");
    for (size_t i = 0; columns[i] && (i == 0 || is_product); i++) {
        sl_buf_add(broken, i ? " and " : "");
        sl_rule_name(columns[i], broken);
        sl_buf_add(broken, " is not null");
    }
    sl_buf_add(broken, ")");
    sl_rule_shows(columns[0], message);
    sl_rule_adds(message, " is not the %s of ", is_product ? "product" : "sum");
    for (size_t i = 1; columns[i]; i++) {
        sl_buf_add(message, i > 1 ? " || ', ' || " : " || ");
        sl_rule_shows(columns[i], message);
    }
    broken->has_failed |= total.has_failed || limit.has_failed;
    return true;
}

bool sl_rule_compile_pairs(const struct sl_rule_site *site, const char *operation, const char *says,
                           struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    bool is_first = true;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!columns[0] || !columns[1])
        return sl_rule_refuse(site, "it needs two columns or more");
    for (size_t i = 0; columns[i]; i++)
        for (size_t k = i + 1; columns[k]; k++) {
            sl_buf_add(broken, is_first ? "try(" : " or try(");
            sl_rule_value(columns[i], broken);
            sl_buf_addf(broken, " %s ", operation);
            sl_rule_value(columns[k], broken);
            sl_buf_add(broken, ")");
            is_first = false;
        }
    for (size_t i = 0; columns[i]; i++) {
        sl_buf_add(message, i ? " || ', ' || " : "");
        sl_rule_shows(columns[i], message);
    }
    sl_rule_adds(message, " %s", says);
    return true;
}
