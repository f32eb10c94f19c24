#include "contract/compile.h"

#include "contract/alias.h"
#include "contract/aside.h"
#include "contract/drift.h"
#include "contract/flag.h"
#include "contract/guard.h"
#include "contract/nest.h"
#include "contract/personal.h"
#include "contract/relation.h"

#include <stdlib.h>
#include <string.h>

const struct sl_column sl_quarantine_columns[] = {
    {"payload", "VARCHAR"},
    {"reasons", "STRUCT(\"rule\" VARCHAR, \"column\" VARCHAR, message VARCHAR)[]"},
    {"at", "TIMESTAMP WITH TIME ZONE"},
    {"run_id", "VARCHAR"},
    {"_source", "VARCHAR"},
    {"_position", "BIGINT"},
    {"corrupt", "BLOB"},
    {"discarded_at", "TIMESTAMP WITH TIME ZONE"},
    {"discarded_by", "VARCHAR"},
    {"discard_reason", "VARCHAR"},
    {"waits_for", "VARCHAR"},
    {"set_aside", "VARCHAR[]"},
};
const size_t sl_quarantine_column_count =
    sizeof sl_quarantine_columns / sizeof *sl_quarantine_columns;

struct compiler {
    const struct sl_contract_table *table;
    const struct sl_column *raw;
    size_t raw_count;
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_diags *diags;
    struct sl_pass *pass;
    struct sl_reading *readings; // per contract column
};

static int keep(struct compiler *compiler, const struct sl_buf *sql, const char **ret,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    const char *text = sl_arena_strndup(compiler->arena, sql->text, sql->length);
    SL_TRY_NEW(text, err);
    *ret = text;
    return SL_OK;
}

static bool is_reserved(const char *name)
{
    return name[0] == '~' || sl_str_equal_nocase(name, "_source") ||
           sl_str_equal_nocase(name, "_position");
}

int sl_contract_columns(const struct sl_contract_table *table, struct sl_arena *arena,
                        struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    size_t count = 0;
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, table->column_count + 2);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];
        if (column->personal.as == SL_PERSONAL_DROP)
            continue;
        columns[count].name = column->name;
        columns[count].type =
            sl_personal_is_protected(column) ? SL_PERSONAL_TYPE : sl_reading_type(column, arena);
        SL_TRY_NEW(columns[count++].type, err);
    }
    columns[count++] = (struct sl_column){"_source", "VARCHAR"};
    columns[count++] = (struct sl_column){"_position", "BIGINT"};
    *ret = columns;
    *ret_count = count;
    return SL_OK;
}

static bool is_number(const char *type)
{
    static const char *const numbers[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                          "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                          "UBIGINT", "UHUGEINT", "DOUBLE",    "FLOAT"};
    bool is_found = sl_str_starts(type, "DECIMAL(");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        is_found |= sl_str_equal(type, numbers[i]);
    return is_found;
}

bool sl_types_compare(const char *a, const char *b)
{
    return sl_str_equal(a, b) || (is_number(a) && is_number(b));
}

static const struct sl_column *find_raw(const struct compiler *compiler, const char *name)
{
    for (size_t i = 0; i < compiler->raw_count; i++)
        if (sl_str_equal(compiler->raw[i].name, name))
            return &compiler->raw[i];
    for (size_t i = 0; i < compiler->raw_count; i++)
        if (sl_str_equal_nocase(compiler->raw[i].name, name))
            return &compiler->raw[i];
    return NULL;
}

static int init_readings(struct compiler *compiler, struct sl_err *err)
{
    const struct sl_contract_table *table = compiler->table;
    const struct sl_alias_input input = {table, compiler->raw, compiler->raw_count,
                                         compiler->arena};
    compiler->readings = SL_NEW_ARRAY(compiler->arena, struct sl_reading, table->column_count);
    SL_TRY_NEW(compiler->readings, err);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];
        const struct sl_column *raw = find_raw(compiler, column->source_name);
        const struct sl_merge *merge;
        struct sl_column merged;
        SL_TRY(sl_alias_merge(&input, i, &merge, err));
        if (merge) {
            merged = (struct sl_column){merge->name, merge->type};
            raw = &merged;
        }
        SL_TRY(sl_reading_init(&compiler->readings[i], column, raw, i, compiler->arena, err));
        compiler->readings[i].merge = merge;
        if (sl_aside_is_column(table, column))
            SL_TRY(sl_reading_set_aside(&compiler->readings[i], compiler->arena, err));
        if (is_reserved(column->name))
            sl_diag(compiler->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, column->place, NULL,
                    "column name '%s' is reserved", column->name);
        if (!raw)
            sl_diag(compiler->diags,
                    table->drift.missing_columns == SL_DRIFT_MISSING_FAIL ? SL_SEVERITY_ERROR
                                                                          : SL_SEVERITY_WARNING,
                    SL_E_CONTRACT_COLUMN, column->place, NULL, "the source has no column '%s'",
                    column->source_name);
    }
    return SL_OK;
}

// The rule as SL_PASS_FLAGGED evaluates it.
static int add_flagged(struct compiler *compiler, const struct sl_rule_kind *kind,
                       const struct sl_rule_site *site, struct sl_pass_rule *compiled,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf flagged = SL_BUF_INIT;
    struct sl_rule_site quick = *site;
    struct sl_reading reading;
    compiled->flagged = compiled->broken;
    if (!site->reading || kind == &sl_rule_foreign_key)
        return SL_OK;
    SL_TRY(sl_reading_flagged(site->reading, compiler->arena, &reading, err));
    quick.reading = &reading;
    if (reading.nest) // one form for all rows
        return SL_OK;
    if (!sl_rule_compile(kind, &quick, &broken, &message))
        return sl_fail(err, SL_E_INTERNAL, "rule '%s' compiles once only", site->rule->id);
    // A row without a value is bad in any case if one is required; an expression is over the row.
    bool is_guarded =
        reading.guard && !reading.is_required && kind != &sl_rule_required && !kind->is_for_rows;
    SL_TRY(sl_buf_check(&broken, err));
    sl_buf_addf(&flagged, is_guarded ? "%s and (%s)" : "%s%s", is_guarded ? reading.guard : "",
                broken.text);
    return keep(compiler, &flagged, &compiled->flagged, err);
}

static int add_types(struct compiler *compiler, const struct sl_rule *rule, const char ***ret,
                     struct sl_err *err)
{
    const char **types = SL_NEW_ARRAY(compiler->arena, const char *, rule->columns.count);
    SL_TRY_NEW(types, err);
    for (size_t i = 0; i < rule->columns.count; i++)
        for (size_t k = 0; k < compiler->table->column_count; k++)
            if (sl_str_equal_nocase(compiler->table->columns[k].name, rule->columns.items[i]))
                types[i] = sl_personal_is_protected(&compiler->table->columns[k])
                               ? SL_PERSONAL_TYPE
                               : compiler->readings[k].type;
    *ret = types;
    return SL_OK;
}

// The test is made once for each row, as "~p0", and rules and reasons look at that.
static int add_parent(struct compiler *compiler, const struct sl_rule *rule, const char *relation,
                      struct sl_buf *broken, struct sl_err *err)
{
    struct sl_pass *pass = compiler->pass;
    struct sl_pass_parent parent = {.rule = rule, .relation = relation};
    SL_TRY(keep(compiler, broken, &parent.orphan, err));
    SL_TRY(add_types(compiler, rule, &parent.types, err));
    sl_buf_reset(broken);
    sl_buf_addf(broken, "\"~p%zu\"", pass->parent_count);
    return SL_PUSH(compiler->arena, pass->parents, pass->parent_count, parent)
               ? SL_OK
               : sl_fail_memory(err);
}

// The columns that a rule of the table names, as the contract writes them.
static int add_unique_columns(const struct sl_rule_site *site, struct sl_pass_unique *unique,
                              struct sl_err *err)
{
    const struct sl_rule *rule = site->rule;
    const struct sl_contract_column *const *columns = NULL;
    if (rule->where || rule->mostly)
        sl_rule_refuse(site, "it is over all rows: 'where' and 'mostly' have no place here");
    else if (!rule->columns.count)
        sl_rule_refuse(site, "it names no columns");
    else
        columns = sl_rule_columns(site);
    for (size_t i = 0; columns && columns[i]; i++)
        SL_TRY(sl_strs_add(&unique->columns, site->arena, columns[i]->name, err));
    return SL_OK;
}

static int add_unique(struct compiler *compiler, const struct sl_rule_site *site,
                      struct sl_err *err)
{
    struct sl_pass *pass = compiler->pass;
    const struct sl_reading *reading = site->reading;
    struct sl_pass_unique unique = {.rule = site->rule,
                                    .column = reading ? reading->column->name : NULL,
                                    .is_warning = site->rule->severity == SL_RULE_WARN};
    if (reading)
        SL_TRY(sl_strs_add(&unique.columns, compiler->arena, unique.column, err));
    else
        SL_TRY(add_unique_columns(site, &unique, err));
    if (!unique.columns.count)
        return SL_OK; // reported
    return SL_PUSH(compiler->arena, pass->uniques, pass->unique_count, unique)
               ? SL_OK
               : sl_fail_memory(err);
}

// A rule over one nested value -> over all that the reading stands for.
static int spread(struct compiler *compiler, const struct sl_rule_kind *kind,
                  const struct sl_reading *reading, struct sl_buf *broken, struct sl_buf *message,
                  struct sl_err *err)
{
    struct sl_reading object;
    if (!kind->is_for_members || !reading->column->field_count)
        return sl_nest_spread(reading, kind == &sl_rule_required, broken, message, err);
    SL_TRY(sl_nest_object(reading, compiler->arena, &object, err));
    return sl_nest_spread(&object, true, broken, message, err);
}

static int add_rule(struct compiler *compiler, const struct sl_rule *rule,
                    struct sl_reading *reading, bool is_declared, struct sl_err *err)
{
    struct sl_pass *pass = compiler->pass;
    struct sl_rule_site site = {.rule = rule,
                                .table = compiler->table,
                                .reading = reading,
                                .arena = compiler->arena,
                                .diags = compiler->diags};
    struct sl_pass_rule compiled = {.name = rule->id,
                                    .column = reading ? sl_contract_path(reading->column) : NULL,
                                    .is_warning = rule->severity == SL_RULE_WARN || rule->mostly,
                                    .is_stop = rule->severity == SL_RULE_FAIL && !rule->mostly,
                                    .is_held = rule->severity == SL_RULE_HOLD,
                                    .kind = rule->kind,
                                    .rule = is_declared ? rule : NULL};
    const struct sl_rule_kind *kind = sl_rule_kind_find(rule->kind);
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
    if (!sl_aside_check(compiler->table, reading ? reading->column : NULL, rule, compiler->diags))
        return SL_OK;
    compiled.is_value = reading && sl_aside_is_rule(compiler->table, reading->column, rule);
    // Nothing to compare: the source has the column under one name only.
    if (kind == &sl_rule_alias && !(reading && reading->merge && reading->merge->differs))
        return SL_OK;
    if (sl_str_equal(rule->kind, "unique"))
        return add_unique(compiler, &site, err);
    if (!kind || (!reading && !kind->is_for_rows)) {
        sl_diag(compiler->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, rule->place, NULL,
                "rule '%s' of kind '%s' is not evaluated", rule->id, rule->kind);
        return SL_OK;
    }
    if (reading) {
        reading->is_required |= kind == &sl_rule_required && !compiled.is_warning;
        reading->is_type_warned |= kind == &sl_rule_type && compiled.is_warning;
    }
    site.parent = sl_arena_printf(compiler->arena, "_parent%zu", pass->parent_count);
    SL_TRY_NEW(site.parent, err);
    if (reading && reading->column->field_count && kind == &sl_rule_type)
        sl_nest_shape(reading, &broken, &message);
    else if (!sl_rule_compile(kind, &site, &broken, &message))
        return SL_OK;
    else if (reading && reading->nest && kind != &sl_rule_alias)
        SL_TRY(spread(compiler, kind, reading, &broken, &message, err));
    if (kind == &sl_rule_foreign_key)
        SL_TRY(add_parent(compiler, rule, site.parent, &broken, err));
    if (rule->message && kind->has_own_message) {
        // It has been put where it belongs.
    } else if (rule->message) {
        sl_buf_reset(&message);
        sl_buf_add_sql_string(&message, rule->message);
    } else if (sl_personal_is_judged(compiler->table, rule, reading)) {
        sl_buf_reset(&message);
        sl_personal_message(rule, &message);
    }
    SL_TRY(keep(compiler, &broken, &compiled.broken, err));
    SL_TRY(keep(compiler, &message, &compiled.message, err));
    SL_TRY(add_flagged(compiler, kind, &site, &compiled, err));
    if (compiled.is_value)
        SL_TRY(sl_aside_take(&compiled, pass->rule_count, compiler->arena, err));
    compiled.flag = compiled.flagged;
    pass->warning_count += compiled.is_warning;
    return SL_PUSH(compiler->arena, pass->rules, pass->rule_count, compiled) ? SL_OK
                                                                             : sl_fail_memory(err);
}

const char *sl_contract_path(const struct sl_contract_column *column)
{
    return column->path ? column->path : column->name;
}

int sl_contract_own_rule(const struct sl_contract_column *column, const char *kind,
                         struct sl_arena *arena, struct sl_rule **ret, bool *ret_is_declared,
                         struct sl_err *err)
{
    const struct sl_rule *declared = NULL;
    for (size_t i = 0; i < column->rule_count && !declared; i++)
        if (sl_str_equal(column->rules[i].kind, kind))
            declared = &column->rules[i];
    struct sl_rule *rule = SL_NEW(arena, struct sl_rule);
    SL_TRY_NEW(rule, err);
    if (declared)
        *rule = *declared;
    else
        *rule = (struct sl_rule){.kind = kind,
                                 .column = sl_contract_path(column),
                                 .place = column->place,
                                 .dimension = sl_rule_form_find(kind)->dimension};
    if (!rule->id)
        rule->id = sl_arena_printf(arena, "%s.%s", sl_contract_path(column), kind);
    SL_TRY_NEW(rule->id, err);
    if (column->key_position > 0 && rule->severity == SL_RULE_WARN)
        rule->severity = SL_RULE_REJECT;
    *ret = rule;
    *ret_is_declared = declared != NULL;
    return SL_OK;
}

bool sl_contract_is_own_rule(const struct sl_rule *rule)
{
    return sl_str_equal(rule->kind, "required") || sl_str_equal(rule->kind, "type");
}

bool sl_contract_is_required(const struct sl_contract_column *column)
{
    bool is_declared = false;
    for (size_t i = 0; i < column->rule_count; i++)
        is_declared |= sl_str_equal(column->rules[i].kind, "required");
    return column->is_required || column->key_position > 0 || is_declared;
}

static int add_own_rule(struct compiler *compiler, struct sl_reading *reading, const char *kind,
                        struct sl_err *err)
{
    struct sl_rule *rule;
    bool is_declared;
    SL_TRY(sl_contract_own_rule(reading->column, kind, compiler->arena, &rule, &is_declared, err));
    return add_rule(compiler, rule, reading, is_declared, err);
}

// A column's rules, then those of what is nested in it.
static int add_column_rules(struct compiler *compiler, struct sl_reading *reading,
                            struct sl_err *err)
{
    const struct sl_contract_column *column = reading->column;
    size_t before = compiler->pass->rule_count;
    if (sl_contract_is_required(column))
        SL_TRY(add_own_rule(compiler, reading, "required", err));
    if (column->type.kind != SL_TYPE_TEXT)
        SL_TRY(add_own_rule(compiler, reading, "type", err));
    for (size_t r = 0; r < column->rule_count; r++)
        if (!sl_contract_is_own_rule(&column->rules[r]))
            SL_TRY(add_rule(compiler, &column->rules[r], reading, true, err));
    SL_TRY(sl_flag_shorten(reading, compiler->pass->rules + before,
                           compiler->pass->rule_count - before, compiler->arena, err));
    for (size_t i = 0; i < column->field_count; i++) {
        struct sl_reading field;
        SL_TRY(sl_nest_field(reading, &column->fields[i], compiler->arena, &field, err));
        SL_TRY(add_column_rules(compiler, &field, err));
    }
    return SL_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct sl_column *const *one = a, *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

// By name: raw's order is that in which its files came.
static int add_drift_rules(struct compiler *compiler, struct sl_err *err)
{
    const struct sl_contract_table *table = compiler->table;
    struct sl_pass *pass = compiler->pass;
    const struct sl_column **unknown =
        SL_NEW_ARRAY(compiler->arena, const struct sl_column *, compiler->raw_count);
    size_t count = 0;
    SL_TRY_NEW(unknown, err);
    if (table->drift.new_columns == SL_DRIFT_FREEZE || table->drift.new_columns == SL_DRIFT_EVOLVE)
        return SL_OK;
    for (size_t i = 0; i < compiler->raw_count; i++)
        if (sl_drift_may_be_unknown(table, &compiler->raw[i]))
            unknown[count++] = &compiler->raw[i];
    if (count)
        qsort(unknown, count, sizeof *unknown, by_name);
    for (size_t i = 0; i < count; i++) {
        struct sl_pass_rule rule;
        SL_TRY(sl_drift_rule(table, unknown[i], (size_t)(unknown[i] - compiler->raw),
                             compiler->arena, &rule, err));
        rule.is_value = table->drift.new_columns == SL_DRIFT_QUARANTINE_VALUE;
        if (!SL_PUSH(compiler->arena, pass->rules, pass->rule_count, rule))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int add_rules(struct compiler *compiler, struct sl_err *err)
{
    const struct sl_contract_table *table = compiler->table;
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_column_rules(compiler, &compiler->readings[i], err));
    for (size_t r = 0; r < table->rule_count; r++)
        SL_TRY(add_rule(compiler, &table->rules[r], NULL, true, err));
    SL_TRY(sl_guard_rules(table, compiler->pass, compiler->session, compiler->arena, err));
    return add_drift_rules(compiler, err);
}

static int add_key(struct compiler *compiler, struct sl_err *err)
{
    const struct sl_contract_table *table = compiler->table;
    const char **key = SL_NEW_ARRAY(compiler->arena, const char *, table->column_count);
    SL_TRY_NEW(key, err);
    // Positions need not be dense: 1, 2 or 10, 20.
    for (int position = 0; compiler->pass->key_count < table->column_count;) {
        const struct sl_contract_column *next = NULL;
        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].key_position > position &&
                (!next || table->columns[i].key_position < next->key_position))
                next = &table->columns[i];
        if (!next)
            break;
        position = next->key_position;
        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].key_position == position)
                key[compiler->pass->key_count++] = table->columns[i].name;
    }
    compiler->pass->key = key;
    return SL_OK;
}

size_t sl_order_name_length(const char *entry, bool *ret_is_desc)
{
    bool is_asc = sl_str_ends(entry, " asc") || sl_str_ends(entry, " ASC");
    bool is_desc = sl_str_ends(entry, " desc") || sl_str_ends(entry, " DESC");
    size_t length = strlen(entry) - (is_asc ? 4 : is_desc ? 5 : 0);
    while (length > 0 && entry[length - 1] == ' ')
        length--;
    *ret_is_desc = !is_asc;
    return length;
}

static int read_order(struct compiler *compiler, size_t index, const char **ret_name,
                      bool *ret_is_desc, struct sl_err *err)
{
    const struct sl_contract_table *table = compiler->table;
    const char *entry = table->order_by.items[index];
    size_t length = sl_order_name_length(entry, ret_is_desc);
    const char *name = sl_arena_strndup(compiler->arena, entry, length);
    SL_TRY_NEW(name, err);
    *ret_name = NULL;
    for (size_t i = 0; i < compiler->table->column_count; i++)
        if (sl_str_equal_nocase(compiler->table->columns[i].name, name))
            *ret_name = compiler->table->columns[i].name;
    if (!*ret_name)
        sl_diag(compiler->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                table->order_node ? sl_contract_text_place(table->order_node, index) : table->place,
                NULL, "orderBy names '%s', which is not a column of the contract", name);
    return SL_OK;
}

static int add_order(struct compiler *compiler, struct sl_err *err)
{
    const struct sl_strs *order_by = &compiler->table->order_by;
    struct sl_pass *pass = compiler->pass;
    const char **columns = SL_NEW_ARRAY(compiler->arena, const char *, order_by->count + 2);
    SL_TRY_NEW(columns, err);
    bool *is_desc = SL_NEW_ARRAY(compiler->arena, bool, order_by->count + 2);
    SL_TRY_NEW(is_desc, err);
    for (size_t i = 0; i < order_by->count; i++) {
        SL_TRY(
            read_order(compiler, i, &columns[pass->order_count], &is_desc[pass->order_count], err));
        pass->order_count += columns[pass->order_count] != NULL;
    }
    // Ties: the later by file name and position. No two rows of raw are equal in both, so the order
    // is total.
    columns[pass->order_count] = "_source";
    is_desc[pass->order_count++] = true;
    columns[pass->order_count] = "_position";
    is_desc[pass->order_count++] = true;
    pass->order_columns = columns;
    pass->order_is_desc = is_desc;
    return SL_OK;
}

static int add_judged(struct compiler *compiler, struct sl_err *err)
{
    struct sl_pass *pass = compiler->pass;
    for (size_t i = 0; i < compiler->table->column_count; i++) {
        const struct sl_contract_column *column = &compiler->table->columns[i];
        struct sl_column judged = {.name = column->name};
        if (column->personal.as == SL_PERSONAL_NONE)
            continue;
        judged.type = sl_reading_type(column, compiler->arena);
        SL_TRY_NEW(judged.type, err);
        if (!SL_PUSH(compiler->arena, pass->judged, pass->judged_count, judged))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int add_columns(struct compiler *compiler, struct sl_err *err)
{
    struct sl_pass *pass = compiler->pass;
    SL_TRY(add_judged(compiler, err));
    SL_TRY(sl_contract_columns(compiler->table, compiler->arena, &pass->columns,
                               &pass->column_count, err));
    pass->typed = SL_NEW_ARRAY(compiler->arena, const char *, pass->column_count);
    SL_TRY_NEW(pass->typed, err);
    for (size_t i = 0; i < pass->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        sl_personal_name_in(compiler->table, pass->columns[i].name, &name);
        SL_TRY(keep(compiler, &name, &pass->typed[i], err));
    }
    return SL_OK;
}

void sl_pass_kept(const struct sl_pass *pass, const char *column, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->column_count; i++)
        if (sl_str_equal(pass->columns[i].name, column)) {
            sl_buf_add(sql, pass->typed[i]);
            return;
        }
    sl_buf_add_sql_name(sql, column);
}

int sl_contract_compile(const struct sl_contract_table *table, const struct sl_column *raw,
                        size_t raw_count, struct sl_session *session, struct sl_arena *arena,
                        struct sl_diags *diags, struct sl_pass *ret, struct sl_err *err)
{
    struct sl_pass pass = {0};
    SL_TRY(sl_drift_extend(table, raw, raw_count, arena, &table, err));
    struct compiler compiler = {.table = table,
                                .raw = raw,
                                .raw_count = raw_count,
                                .session = session,
                                .arena = arena,
                                .diags = diags,
                                .pass = &pass};
    SL_TRY(add_columns(&compiler, err));
    SL_TRY(add_key(&compiler, err));
    SL_TRY(add_order(&compiler, err));
    SL_TRY(init_readings(&compiler, err));
    SL_TRY(add_rules(&compiler, err));
    struct sl_relation_input input = {.table = table,
                                      .raw = raw,
                                      .raw_count = raw_count,
                                      .readings = compiler.readings,
                                      .arena = arena};
    for (size_t i = 0; i < table->column_count; i++)
        input.has_protected |= sl_personal_is_protected(&table->columns[i]);
    SL_TRY(sl_relation_build(&input, &pass, err));
    *ret = pass;
    return SL_OK;
}
