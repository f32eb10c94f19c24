#include "contract/relation.h"

#include "contract/alias.h"
#include "contract/aside.h"
#include "contract/corrupt.h"
#include "contract/nest.h"
#include "contract/personal.h"

#define REASON_TYPE "STRUCT(\"rule\" VARCHAR, \"column\" VARCHAR, message VARCHAR)[]"

static int keep(const struct sl_relation_input *input, const struct sl_buf *sql, const char **ret,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    const char *text = sl_arena_strndup(input->arena, sql->text, sql->length);
    SL_TRY_NEW(text, err);
    *ret = text;
    return SL_OK;
}

static void literal(const char *text, struct sl_buf *sql)
{
    if (text)
        sl_buf_add_sql_string(sql, text);
    else
        sl_buf_add(sql, "cast(null as VARCHAR)");
}

// DuckDB pushes a filter through projections and then computes every cast again for each mention;
// it does not push what is volatile. random() is never below 0: it decides nothing and keeps the
// filter where it is (docs/measurements.md).
static void add_flag(const struct sl_pass *pass, enum sl_pass_rows rows, struct sl_buf *sql)
{
    sl_buf_add(sql, ", coalesce(\"~corrupt\" is not null");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (!pass->rules[i].is_warning && !pass->rules[i].is_value &&
            (rows == SL_PASS_ALL || pass->rules[i].flag))
            sl_buf_addf(sql, " or (%s)",
                        rows == SL_PASS_ALL ? pass->rules[i].broken : pass->rules[i].flag);
    sl_buf_add(sql, ", random() < 0) as \"~bad\"");
    sl_aside_add_flag(pass, sql);
}

// What clean keeps of protected columns, beside the values as received, which rules judge.
static void add_protected(const struct sl_relation_input *input, struct sl_buf *sql)
{
    if (!input->has_protected)
        return;
    sl_buf_add(sql, "(select *");
    for (size_t i = 0; i < input->table->column_count; i++) {
        const struct sl_contract_column *column = &input->table->columns[i];
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        if (!sl_personal_is_protected(column))
            continue;
        sl_buf_add_sql_name(&name, column->name);
        sl_buf_add(sql, ", ");
        sl_personal_value(&column->personal, name.text, sql);
        sl_buf_addf(sql, " as \"~z%zu\"", i);
        sql->has_failed |= name.has_failed;
    }
    sl_buf_add(sql, " from ");
}

// Above the columns and below the flag.
static void add_orphans(const struct sl_pass *pass, enum sl_pass_rows rows, struct sl_buf *sql)
{
    if (!pass->parent_count)
        return;
    sl_buf_add(sql, "(select *");
    for (size_t i = 0; i < pass->parent_count && rows != SL_PASS_GOOD; i++)
        sl_buf_addf(sql, ", %s as \"~p%zu\"", pass->parents[i].orphan, i);
    sl_buf_add(sql, " from ");
}

static bool has_large(const struct sl_relation_input *input)
{
    for (size_t i = 0; i < input->table->column_count; i++)
        if (input->readings[i].nest && input->readings[i].nest->is_large)
            return true;
    return false;
}

// Each layer is a projection over the one below, so that nothing is computed twice; the outermost
// comes first.
static void add_layers(const struct sl_relation_input *input, enum sl_pass_rows rows,
                       struct sl_buf *sql)
{
    static sl_reading_layer *const layers[] = {
        sl_reading_held,  sl_nest_leaf_values, sl_nest_leaf_texts, sl_nest_leaves,
        sl_reading_value, sl_reading_text,     sl_reading_trimmed, sl_reading_doubt,
    };
    for (size_t layer = 0; layer < sizeof layers / sizeof *layers; layer++) {
        bool is_of_leaves = layers[layer] == sl_nest_leaf_values ||
                            layers[layer] == sl_nest_leaf_texts || layers[layer] == sl_nest_leaves;
        if (is_of_leaves && !has_large(input))
            continue;
        sl_buf_add(sql, "(select *");
        for (size_t i = 0; i < input->table->column_count; i++)
            layers[layer](&input->readings[i], rows, sql);
        sl_buf_add(sql, " from ");
    }
}

static bool is_bookkeeping(const char *name)
{
    static const char *const names[] = {"_source", "_position", "_ingested_at", "_corrupt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal(name, names[i]))
            return true;
    return false;
}

// Columns that no contract column reads are still part of what was received.
static bool is_read(const struct sl_relation_input *input, const char *raw_name)
{
    for (size_t i = 0; i < input->table->column_count; i++)
        if (sl_str_equal(input->readings[i].raw_name, raw_name))
            return true;
    return false;
}

static void add_raw_columns(const struct sl_relation_input *input, struct sl_buf *sql)
{
    for (size_t i = 0; i < input->table->column_count; i++) {
        const struct sl_merge *merge = input->readings[i].merge;
        sl_reading_raw(&input->readings[i], SL_PASS_ALL, sql);
        if (merge && merge->has_original)
            sl_buf_addf(sql, ", r.\"~o%zu\"", i);
    }
    for (size_t i = 0; i < input->raw_count; i++) {
        if (is_bookkeeping(input->raw[i].name) || is_read(input, input->raw[i].name))
            continue;
        sl_buf_add(sql, ", r.");
        sl_buf_add_sql_name(sql, input->raw[i].name);
        sl_buf_addf(sql, " as \"~e%zu\"", i);
    }
    // A filter that cannot be computed for a row does not leave it out. A corrupt line is never
    // left out silently.
    if (input->table->filter)
        sl_buf_addf(sql,
                    ", _corrupt is null and coalesce(try(cast((\n%s\n) as BOOLEAN)), false) as "
                    "\"~filtered\"",
                    input->table->filter);
}

static int add_head(const struct sl_relation_input *input, struct sl_pass *pass,
                    enum sl_pass_rows rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "(select *");
    if (rows != SL_PASS_GOOD)
        add_flag(pass, rows, &sql);
    sl_buf_add(&sql, " from ");
    add_orphans(pass, rows, &sql);
    add_protected(input, &sql);
    (void)sl_aside_add_layers(input, pass, rows, &sql);
    add_layers(input, rows, &sql);
    sl_buf_add(&sql, "(select ");
    return keep(input, &sql, &pass->heads[rows], err);
}

static int add_relation(const struct sl_relation_input *input, struct sl_pass *pass,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (enum sl_pass_rows rows = 0; rows < SL_PASS_ROWS; rows++)
        SL_TRY(add_head(input, pass, rows, err));
    sl_buf_add(&sql, "r._source, r._position, r._corrupt as \"~corrupt\", r._ingested_at as "
                     "\"~ingested_at\"");
    add_raw_columns(input, &sql);
    sl_buf_add(&sql, " from ");
    sl_alias_wrap(input->readings, input->table->column_count, &sql);
    SL_TRY(keep(input, &sql, &pass->select, err));
    sl_buf_reset(&sql);
    size_t aside = sl_aside_add_layers(input, pass, SL_PASS_ALL, &sql);
    bool is_wrapped = sl_alias_is_any(input->readings, input->table->column_count);
    pass->tail =
        sl_arena_printf(input->arena, "%s as r)))))))%s%s%s%.*s", is_wrapped ? " as r)" : "",
                        has_large(input) ? ")))" : "", pass->parent_count ? ")" : "",
                        input->has_protected ? ")" : "", (int)aside, ")))");
    return pass->tail ? SL_OK : sl_fail_memory(err);
}

// [{rule, column, message}, ...] without those that hold.
static void add_reason_list(const struct sl_pass *pass, bool is_warning, struct sl_buf *sql)
{
    size_t count = 0;
    sl_buf_add(sql, "list_filter([");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        if (rule->is_warning != is_warning)
            continue;
        sl_buf_addf(sql, "%scase when %s then {'rule': ", count++ ? ", " : "", rule->broken);
        literal(rule->name, sql);
        sl_buf_add(sql, ", 'column': ");
        literal(rule->column, sql);
        sl_buf_addf(sql, ", 'message': %s} end", rule->message);
    }
    sl_buf_add(sql, "], lambda z: z is not null)");
}

static int add_reasons(const struct sl_relation_input *input, struct sl_pass *pass,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "case when \"~corrupt\" is not null then [{'rule': 'corrupt', 'column': "
                     "cast(null as VARCHAR), 'message': ");
    sl_corrupt_says(sl_personal_is_any_protected(input->table), &sql);
    sl_buf_add(&sql, "}]");
    if (pass->rule_count > pass->warning_count) {
        sl_buf_add(&sql, " else ");
        add_reason_list(pass, false, &sql);
    } else {
        sl_buf_add(&sql, " else cast([] as " REASON_TYPE ")");
    }
    sl_buf_add(&sql, " end");
    SL_TRY(keep(input, &sql, &pass->reasons, err));
    if (!pass->warning_count)
        return SL_OK;
    sl_buf_reset(&sql);
    add_reason_list(pass, true, &sql);
    return keep(input, &sql, &pass->warnings, err);
}

static int add_waits_for(const struct sl_relation_input *input, struct sl_pass *pass,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf tables = SL_BUF_INIT;
    sl_buf_add(&sql, "case when \"~corrupt\" is null and not coalesce(false");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        if (!rule->is_warning && !rule->is_held && !rule->is_value)
            sl_buf_addf(&sql, " or (%s)", rule->broken);
        if (!rule->is_held || !rule->rule || !rule->rule->parent)
            continue;
        sl_buf_addf(&tables, "%scase when %s then ", tables.length ? ", " : "", rule->broken);
        sl_buf_add_sql_string(&tables, rule->rule->parent);
        sl_buf_add(&tables, " end");
    }
    SL_TRY(sl_buf_check(&tables, err));
    sl_buf_addf(&sql,
                ", false) then nullif(array_to_string(list_sort(list_distinct(list_filter(cast([%s]"
                " as VARCHAR[]), lambda z: z is not null))), ', '), '') end",
                tables.text);
    if (!tables.length) {
        pass->waits_for = "cast(null as VARCHAR)";
        return SL_OK;
    }
    return keep(input, &sql, &pass->waits_for, err);
}

// As received: text, whole numbers, booleans and nested values as what they are in JSON, everything
// else as its text, because a JSON number would lose digits of decimals and cannot say NaN.
static bool is_json_value(const char *type)
{
    static const char *const direct[] = {"VARCHAR", "BOOLEAN",  "TINYINT",   "SMALLINT", "INTEGER",
                                         "BIGINT",  "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"};
    bool is_direct =
        sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(");
    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
        is_direct |= sl_str_equal(type, direct[i]);
    return is_direct;
}

static size_t reading_of(const struct sl_relation_input *input, const char *raw_name)
{
    size_t i = 0;
    while (i < input->table->column_count && !sl_str_equal(input->readings[i].raw_name, raw_name))
        i++;
    return i;
}

// "~r3" or "~e3": where the relation has a raw column as received.
static void add_raw_name(const struct sl_relation_input *input, size_t index, struct sl_buf *sql)
{
    size_t reading = reading_of(input, input->raw[index].name);
    bool is_in_contract = reading < input->table->column_count;
    const char *letter = !is_in_contract ? "e" : input->readings[reading].merge ? "o" : "r";
    sl_buf_addf(sql, "\"~%s%zu\"", letter, is_in_contract ? reading : index);
}

// How the raw column's values are protected, if any column reads it as personal, or has ever done
// so: under its old name, and after its last day, come the same values.
static const struct sl_personal *protection_of(const struct sl_relation_input *input,
                                               const char *raw_name)
{
    const struct sl_contract_column *column = sl_personal_of_raw(input->table, raw_name);
    return column ? &column->personal : NULL;
}

static void add_payload_value(const struct sl_relation_input *input, size_t index,
                              struct sl_buf *sql)
{
    const struct sl_personal *personal = protection_of(input, input->raw[index].name);
    bool is_json = is_json_value(input->raw[index].type);
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    add_raw_name(input, index, &name);
    if (personal)
        sl_personal_value(personal, name.text, sql);
    else
        sl_buf_addf(sql, is_json ? "%s" : "cast(%s as VARCHAR)", name.text);
    sql->has_failed |= name.has_failed;
}

static int add_payload(const struct sl_relation_input *input, struct sl_pass *pass,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_first = true;
    sl_buf_add(&sql, "case when \"~corrupt\" is null then cast(json_object(");
    for (size_t i = 0; i < input->raw_count; i++) {
        if (is_bookkeeping(input->raw[i].name))
            continue;
        sl_buf_add(&sql, is_first ? "" : ", ");
        sl_buf_add_sql_string(&sql, input->raw[i].name);
        sl_buf_add(&sql, ", ");
        add_payload_value(input, i, &sql);
        is_first = false;
    }
    sl_buf_add(&sql, ") as VARCHAR) end");
    return keep(input, &sql, &pass->payload, err);
}

static int add_received(const struct sl_relation_input *input, struct sl_pass *pass,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "_source, _position, \"~ingested_at\" as _ingested_at, \"~corrupt\" as "
                     "_corrupt");
    for (size_t i = 0; i < input->raw_count; i++) {
        if (is_bookkeeping(input->raw[i].name))
            continue;
        sl_buf_add(&sql, ", ");
        add_raw_name(input, i, &sql);
        sl_buf_add(&sql, " as ");
        sl_buf_add_sql_name(&sql, input->raw[i].name);
    }
    return keep(input, &sql, &pass->received, err);
}

int sl_relation_build(const struct sl_relation_input *input, struct sl_pass *pass,
                      struct sl_err *err)
{
    SL_TRY(add_relation(input, pass, err));
    SL_TRY(add_reasons(input, pass, err));
    SL_TRY(add_waits_for(input, pass, err));
    SL_TRY(add_payload(input, pass, err));
    SL_TRY(add_received(input, pass, err));
    SL_TRY(sl_aside_build(input, pass, err));
    pass->is_bad = "\"~bad\"";
    pass->filter = input->table->filter ? "\"~filtered\"" : NULL;
    // A line that could not be split may hold what is personal anywhere.
    pass->corrupt =
        sl_personal_is_any_protected(input->table)
            ? "encode(octet_length(\"~corrupt\") || ' bytes that are not shown, for the "
              "table has personal columns')"
            : "\"~corrupt\"";
    return SL_OK;
}

void sl_pass_relation(const struct sl_pass *pass, enum sl_pass_rows rows, const char *raw_sql,
                      const char *keep_columns, struct sl_buf *sql)
{
    sl_buf_add(sql, pass->heads[rows]);
    if (keep_columns)
        sl_buf_add(sql, keep_columns);
    sl_buf_add(sql, pass->select);
    sl_buf_add(sql, raw_sql);
    sl_buf_add(sql, pass->tail);
}
