// customProperties: what the standard has no word for. Names that begin with "sluice." are ours,
// and read strictly.
#include "spec/contract_file.h"

#include "spec/value_format.h"

#include <string.h>

#define PREFIX "sluice."

// Where a property is read, and who reads it.
struct reading {
    const char *name; // without the prefix
    int (*read)(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                struct sl_err *err);
};

static void complain(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                     enum sl_code code, const char *expected)
{
    struct sl_place place = custom->value ? custom->value->place : custom->node->place;

    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, code, place, NULL,
            "'%s' is %s, expected %s", custom->property, sl_yaml_describe(custom->value), expected);
}

// A list of texts, or one text.
static int read_texts(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                      struct sl_strs *ret, struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    if (sl_load_item_count(custom->value) == 0)
        complain(reader, custom, SL_E_VALUE_TYPE, "a text or a list of texts");
    for (size_t i = 0; i < sl_load_item_count(custom->value); i++) {
        const struct sl_yaml *item = sl_load_item(custom->value, i);

        if (item->kind == SL_YAML_LIST || item->kind == SL_YAML_MAP)
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                    "an item of '%s' is %s, expected a text", custom->property,
                    sl_yaml_describe(item));
        else
            SL_TRY(sl_strs_add(ret, &reader->project->arena, item->text, err));
    }
    return SL_OK;
}

static bool is_time(enum sl_type_kind kind)
{
    return kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ ||
           kind == SL_TYPE_TIME;
}

static bool is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

static const char *check_format(struct sl_odcs_reader *reader, const char *format,
                                struct sl_strs words[2], struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_number_format number;
    const char *own[2], *wrong;

    if (is_number(reader->column->type.kind))
        return sl_number_format_read(format, arena, &number);
    wrong = sl_boolean_format_read(format, arena, &own[0], &own[1]);
    for (size_t k = 0; !wrong && k < 2; k++) {
        for (size_t i = 0; i < words[!k].count; i++)
            if (sl_str_equal_nocase(words[!k].items[i], own[k]))
                return "a word of it means the other value in the format before";
        if (sl_strs_add(&words[k], arena, own[k], err) != SL_OK)
            return "there is no memory left";
    }
    return wrong;
}

// Of numbers and booleans.
static int check_formats(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                         struct sl_err *err)
{
    const struct sl_contract_column *column = reader->column;
    bool is_boolean = column->type.kind == SL_TYPE_BOOLEAN;
    struct sl_strs words[2] = {{0}};

    for (size_t i = 0; i < column->formats.count; i++) {
        const char *wrong = check_format(reader, column->formats.items[i], words, err);
        if (wrong)
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                    sl_load_item(custom->value, i)->place,
                    is_boolean ? "write the words for true and false: ja/nein"
                               : "write a number as the source does: 1.234,56 or 1 234,56 or "
                                 "1'234.50, (12.50) if brackets mean minus",
                    "column '%s': '%s' is no format of a %s: %s", column->name,
                    column->formats.items[i], is_boolean ? "boolean" : "number", wrong);
    }
    return SL_OK;
}

static int read_formats(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                        struct sl_err *err)
{
    struct sl_contract_column *column = reader->column;
    struct sl_place place = custom->value ? custom->value->place : custom->node->place;

    SL_TRY(read_texts(reader, custom, &column->formats, err));
    column->formats_node = custom->value;
    if (is_number(column->type.kind) || column->type.kind == SL_TYPE_BOOLEAN)
        return check_formats(reader, custom, err);
    if (!is_time(column->type.kind)) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place,
                "formats are for numbers, booleans, dates, timestamps and times",
                "column '%s' has formats but is none of these", column->name);
        return SL_OK;
    }
    for (size_t i = 0; i < column->formats.count; i++)
        if (!strchr(column->formats.items[i], '%'))
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                    sl_load_item(custom->value, i)->place,
                    "strptime's words begin with %: %d.%m.%Y", "'%s' is no format",
                    column->formats.items[i]);
    return SL_OK;
}

static int read_default(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                        struct sl_err *err)
{
    (void)err;
    if (!custom->value || custom->value->kind != SL_YAML_SCALAR)
        complain(reader, custom, SL_E_VALUE_TYPE, "a single value");
    else
        reader->column->otherwise = custom->value->text;
    return SL_OK;
}

static int read_null_values(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                            struct sl_err *err)
{
    return read_texts(reader, custom, &reader->column->null_values, err);
}

static int read_trim(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                     struct sl_err *err)
{
    const struct sl_yaml *value = custom->value;
    bool is_true =
        value && value->kind == SL_YAML_SCALAR && sl_str_equal_nocase(value->text, "true");
    bool is_false =
        value && value->kind == SL_YAML_SCALAR && sl_str_equal_nocase(value->text, "false");

    (void)err;
    if (!is_true && !is_false)
        complain(reader, custom, SL_E_VALUE_TYPE, "true or false");
    else
        reader->column->is_trimmed = is_true;
    return SL_OK;
}

// `is_any`: for rules of any kind, one by one.
static void set_severity(struct sl_odcs_reader *reader, const struct sl_yaml *value, size_t kind,
                         bool is_any)
{
    enum sl_rule_severity severity = SL_RULE_REJECT;
    bool is_hold = value->kind == SL_YAML_SCALAR && !is_any &&
                   sl_str_equal(sl_rule_forms[kind].name, "foreign_key") &&
                   sl_str_equal_nocase(value->text, sl_rule_severity_name(SL_RULE_HOLD));

    if (is_hold)
        severity = SL_RULE_HOLD;
    else if (value->kind == SL_YAML_SCALAR &&
             sl_odcs_report_hold(reader, value->text, value->place))
        return;
    else if (value->kind != SL_YAML_SCALAR || !sl_odcs_severity(value->text, &severity)) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, value->place, NULL,
                "severity '%s' of column '%s' is not known, expected reject, "
                "quarantine_value, warn or fail",
                value->kind == SL_YAML_SCALAR ? value->text : sl_yaml_describe(value),
                reader->column->name);
        return;
    }
    reader->severities.is_set[kind] = true;
    reader->severities.severity[kind] = severity;
}

static int read_severity(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                         struct sl_err *err)
{
    const struct sl_yaml *value = custom->value;

    if (!value || value->kind == SL_YAML_LIST || value->kind == SL_YAML_NULL) {
        complain(reader, custom, SL_E_VALUE_TYPE,
                 "reject, quarantine_value, warn, fail, or a map {rule kind: severity}");
        return SL_OK;
    }
    for (size_t k = 0; value->kind == SL_YAML_SCALAR && sl_rule_forms[k].name; k++) {
        set_severity(reader, value, k, true);
        if (!reader->severities.is_set[k])
            return SL_OK;
    }
    for (size_t i = 0; value->kind == SL_YAML_MAP && i < value->count; i++) {
        const struct sl_rule_form *form = sl_rule_form_find(value->keys[i]->text);

        if (form)
            set_severity(reader, value->items[i], (size_t)(form - sl_rule_forms), false);
        else
            SL_TRY(sl_odcs_unknown_kind(reader, value->keys[i], SL_E_KEY_UNKNOWN, err));
    }
    return SL_OK;
}

static bool has_column(const struct sl_contract_table *table, const char *name, size_t length)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strlen(table->columns[i].name) == length &&
            strncasecmp(table->columns[i].name, name, length) == 0)
            return true;
    return false;
}

static int check_order_item(struct sl_odcs_reader *reader, const struct sl_yaml *item,
                            struct sl_err *err)
{
    const struct sl_contract_table *table = reader->table;
    const char *blank = strrchr(item->text, ' ');
    struct sl_strs names = {0};
    char *name;

    if (blank && !sl_str_equal_nocase(blank, " asc") && !sl_str_equal_nocase(blank, " desc"))
        blank = NULL;
    name = sl_arena_strndup(&reader->project->arena, item->text,
                            blank ? (size_t)(blank - item->text) : strlen(item->text));
    SL_TRY_NEW(name, err);
    if (has_column(table, name, strlen(name)))
        return SL_OK;
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(sl_strs_add(&names, &reader->project->arena, table->columns[i].name, err));
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, item->place,
            sl_did_you_mean(&reader->project->arena, name, names.items, names.count),
            "'" PREFIX "orderBy' names '%s', which is no column of '%s'", name, table->name);
    return SL_OK;
}

static int read_order_by(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                         struct sl_err *err)
{
    SL_TRY(read_texts(reader, custom, &reader->table->order_by, err));
    reader->table->order_node = custom->value;
    for (size_t i = 0; i < sl_load_item_count(custom->value); i++)
        if (sl_load_item(custom->value, i)->kind == SL_YAML_SCALAR)
            SL_TRY(check_order_item(reader, sl_load_item(custom->value, i), err));
    if (reader->key_count == 0)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, custom->node->place,
                "mark the columns of the key with 'primaryKey: true'",
                "'" PREFIX "orderBy' does nothing: table '%s' has no primary key",
                reader->table->name);
    return SL_OK;
}

static int read_filter(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                       struct sl_err *err)
{
    (void)err;
    if (!custom->value || custom->value->kind != SL_YAML_SCALAR || *custom->value->text == '\0')
        complain(reader, custom, SL_E_VALUE_TYPE, "an SQL expression over the raw columns");
    else {
        reader->table->filter = custom->value->text;
        reader->table->filter_place = custom->value->place;
    }
    return SL_OK;
}

static int read_quarantine(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                           struct sl_err *err)
{
    struct sl_project *project = reader->project;
    struct sl_load load = {.project = project};

    if (!custom->value || custom->value->kind != SL_YAML_MAP) {
        complain(reader, custom, SL_E_VALUE_TYPE, "a map such as {max_share: 0.1}");
        return SL_OK;
    }
    SL_TRY(sl_opt_read(sl_budget_rows, custom->value, "'" PREFIX "quarantine'",
                       &reader->table->budget, NULL, &project->arena, &project->diags, err));
    sl_load_budget(&load, custom->value, &project->budget, &reader->table->budget);
    reader->table->has_budget = true;
    return SL_OK;
}

static int read_orphans(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                        struct sl_err *err)
{
    static const enum sl_rule_severity severities[] = {SL_RULE_REJECT, SL_RULE_HOLD, SL_RULE_WARN};
    const struct sl_yaml *value = custom->value;

    (void)err;
    reader->has_orphans = false;
    for (size_t i = 0; value && value->kind == SL_YAML_SCALAR && i < 3; i++)
        if (sl_str_equal_nocase(value->text, sl_rule_severity_name(severities[i]))) {
            reader->has_orphans = true;
            reader->orphans = severities[i];
        }
    if (!reader->has_orphans)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                value ? value->place : custom->node->place, NULL,
                "'" PREFIX "orphans' is %s%s%s, expected reject, hold or warn",
                value && value->kind == SL_YAML_SCALAR ? "'" : "",
                value && value->kind == SL_YAML_SCALAR ? value->text : sl_yaml_describe(value),
                value && value->kind == SL_YAML_SCALAR ? "'" : "");
    return SL_OK;
}

static const struct reading column_readings[] = {
    {"formats", read_formats},        {"default", read_default},
    {"nullValues", read_null_values}, {"trim", read_trim},
    {"severity", read_severity},      {"personal", sl_odcs_personal},
    {"aliases", sl_odcs_aliases},     {0},
};
static const struct reading table_readings[] = {
    {"orderBy", read_order_by},
    {"filter", read_filter},
    {"quarantine", read_quarantine},
    {0},
};

static const struct reading relationship_readings[] = {{"orphans", read_orphans}, {0}};

static const struct reading *find(const struct reading *readings, const char *name)
{
    for (; readings->name; readings++)
        if (strcmp(readings->name, name) == 0)
            return readings;
    return NULL;
}

static void report_unknown(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                           const struct reading *readings)
{
    const char *name = custom->property + strlen(PREFIX);
    const char *names[8];
    size_t count = 0;
    const char *hint = NULL;
    const char *nearest;

    for (const struct reading *reading = readings; reading && reading->name; reading++)
        names[count++] = reading->name;
    nearest = count ? sl_str_nearest(name, names, count) : NULL;
    if (nearest)
        hint = sl_arena_printf(&reader->project->arena, "did you mean '" PREFIX "%s'?", nearest);
    else if (find(column_readings, name))
        hint = "it belongs to a column";
    else if (find(table_readings, name))
        hint = "it belongs to a schema object";
    else if (find(relationship_readings, name))
        hint = "it belongs to an entry of 'relationships'";
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN,
            sl_yaml_place(custom->node, "property"), hint, "unknown custom property '%s'",
            custom->property);
}

static bool is_repeated(const struct sl_odcs_custom *items, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sl_str_equal(items[i].property, items[index].property))
            return true;
    return false;
}

static int read_all(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                    const struct reading *readings, struct sl_err *err)
{
    const struct sl_odcs_custom *items = custom->items;

    for (size_t i = 0; i < custom->count; i++) {
        const struct reading *reading;

        if (!items[i].property || !sl_str_starts(items[i].property, PREFIX))
            continue;
        reading = readings ? find(readings, items[i].property + strlen(PREFIX)) : NULL;
        if (is_repeated(items, i))
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
                    sl_yaml_place(items[i].node, "property"), NULL, "'%s' stands here twice",
                    items[i].property);
        else if (reading)
            SL_TRY(reading->read(reader, &items[i], err));
        else
            report_unknown(reader, &items[i], readings);
    }
    return SL_OK;
}

int sl_odcs_column_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                          struct sl_err *err)
{
    reader->severities = (struct sl_odcs_severities){0};
    return read_all(reader, custom, column_readings, err);
}

int sl_odcs_table_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                         struct sl_err *err)
{
    return read_all(reader, custom, table_readings, err);
}

int sl_odcs_relationship_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                                struct sl_err *err)
{
    reader->has_orphans = false;
    return read_all(reader, custom, relationship_readings, err);
}

int sl_odcs_contract_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                            struct sl_err *err)
{
    return read_all(reader, custom, NULL, err);
}
