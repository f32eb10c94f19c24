// One table of a contract in words: columns, rules, checks, foreign keys, who uses it.
#include "cli/contract_show.h"
#include "contract/compile.h"

#include <string.h>

// A grid of which only the columns with a text somewhere are shown.
#define SHEET_COLUMNS 8
struct sheet {
    struct sl_arena *arena;
    const char **cells;
    size_t cell_count;
};

static int add_row(struct sheet *sheet, const char *const cells[SHEET_COLUMNS], struct sl_err *err)
{
    for (size_t i = 0; i < SHEET_COLUMNS; i++) {
        const char *cell = sl_str_is_empty(cells[i]) ? "" : cells[i];
        if (!SL_PUSH(sheet->arena, sheet->cells, sheet->cell_count, cell))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static bool is_used(const struct sheet *sheet, size_t column)
{
    for (size_t i = SHEET_COLUMNS + column; i < sheet->cell_count; i += SHEET_COLUMNS)
        if (*sheet->cells[i])
            return true;
    return false;
}

// Nothing is cut, however narrow the terminal is: it is the whole contract.
static int add_sheet(const struct sheet *sheet, const char *head, struct sl_buf *text,
                     struct sl_err *err)
{
    struct sl_grid grid;
    size_t used[SHEET_COLUMNS], count = 0;
    if (sheet->cell_count <= SHEET_COLUMNS)
        return SL_OK;
    for (size_t i = 0; i < SHEET_COLUMNS; i++)
        if (is_used(sheet, i))
            used[count++] = i;
    sl_grid_init(&grid, sheet->arena, count, 0);
    for (size_t row = 0; row < sheet->cell_count; row += SHEET_COLUMNS) {
        const char *cells[SHEET_COLUMNS];
        for (size_t i = 0; i < count; i++)
            cells[i] = sheet->cells[row + used[i]];
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    sl_buf_addf(text, "\n%s\n", head);
    return sl_grid_text(&grid, 0, text, err);
}

// The texts of one row live in the arena.
static int keep(struct sl_buf *words, struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    SL_TRY(sl_buf_check(words, err));
    *ret = sl_arena_strdup(arena, words->text);
    SL_TRY_NEW(*ret, err);
    sl_buf_reset(words);
    return SL_OK;
}

bool sl_contract_is_unique(const struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->rule_count; i++)
        if (strcmp(column->rules[i].kind, "unique") == 0 && column->rules[i].columns.count <= 1)
            return true;
    return false;
}

static const char *type_of(const struct sl_contract_column *column, char buffer[32])
{
    return column->type.kind == SL_TYPE_OBJECT  ? "OBJECT"
           : column->type.kind == SL_TYPE_ARRAY ? "ARRAY"
           : column->type.kind == SL_TYPE_JSON  ? "JSON"
                                                : sl_type_name(column->type, buffer);
}

static int add_column(struct sheet *sheet, const struct sl_contract_column *column,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    char type[32], key[16] = "";
    const char *personal, *name, *about;
    sl_contract_personal_words(&column->personal, &words);
    SL_TRY(keep(&words, sheet->arena, &personal, err));
    sl_add_plain(&words, sl_contract_path(column), SIZE_MAX);
    SL_TRY(keep(&words, sheet->arena, &name, err));
    if (column->description)
        sl_add_plain(&words, column->description, SIZE_MAX);
    SL_TRY(keep(&words, sheet->arena, &about, err));
    if (column->key_position)
        snprintf(key, sizeof key, "%d", column->key_position);
    const char *cells[SHEET_COLUMNS] = {
        name,
        sl_arena_strdup(sheet->arena, type_of(column, type)),
        column->is_required ? "yes" : "",
        sl_arena_strdup(sheet->arena, key),
        sl_contract_is_unique(column) ? "yes" : "",
        column->classification,
        personal,
        about,
    };
    SL_TRY(add_row(sheet, cells, err));
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(add_column(sheet, &column->fields[i], err));
    return SL_OK;
}

static int add_columns(const struct sl_contract_table *table, struct sl_arena *arena,
                       struct sl_buf *text, struct sl_err *err)
{
    static const char *const heads[SHEET_COLUMNS] = {
        "column", "type", "required", "key", "unique", "classification", "kept as", "description"};
    struct sheet sheet = {.arena = arena};
    SL_TRY(add_row(&sheet, heads, err));
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_column(&sheet, &table->columns[i], err));
    return add_sheet(&sheet, "columns", text, err);
}

static int add_old_names(const struct sl_contract_table *table, struct sl_arena *arena,
                         struct sl_buf *text, struct sl_err *err)
{
    static const char *const heads[SHEET_COLUMNS] = {"column", "also read as", "until"};
    struct sheet sheet = {.arena = arena};
    SL_TRY(add_row(&sheet, heads, err));
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].alias_count; k++) {
            const struct sl_contract_alias *alias = &table->columns[i].aliases[k];
            SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
            const char *cells[SHEET_COLUMNS] = {table->columns[i].name, NULL,
                                                alias->until ? alias->until : "for ever"};
            sl_add_plain(&words, alias->name, SIZE_MAX);
            SL_TRY(keep(&words, arena, &cells[1], err));
            SL_TRY(add_row(&sheet, cells, err));
        }
    return add_sheet(&sheet, "other names at the source", text, err);
}

// What the lists of columns and of their other names say already.
static bool is_plain(const struct sl_rule *rule)
{
    bool is_own = sl_contract_is_own_rule(rule) || strcmp(rule->kind, "alias") == 0;
    return is_own && rule->severity == SL_RULE_REJECT && !rule->where && !rule->mostly &&
           !rule->message;
}

// Foreign keys have a list of their own.
struct rule_sheets {
    struct sheet rules, keys;
};

static int add_rules(struct rule_sheets *sheets, const struct sl_rule *rules, size_t count,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];
        struct sheet *sheet = rule->parent ? &sheets->keys : &sheets->rules;
        const char *asks, *where = NULL, *message = NULL;
        if (is_plain(rule))
            continue;
        sl_contract_rule_words(rule, &words);
        SL_TRY(keep(&words, sheet->arena, &asks, err));
        sl_add_plain(&words, rule->where ? rule->where : "", SIZE_MAX);
        SL_TRY(keep(&words, sheet->arena, &where, err));
        sl_add_plain(&words, rule->message ? rule->message : "", SIZE_MAX);
        SL_TRY(keep(&words, sheet->arena, &message, err));
        const char *cells[SHEET_COLUMNS] = {rule->id,
                                            rule->parent ? NULL : rule->kind,
                                            asks,
                                            sl_rule_severity_name(rule->severity),
                                            where,
                                            rule->mostly,
                                            sl_rule_dimension_name(rule->dimension),
                                            message};
        SL_TRY(add_row(sheet, cells, err));
    }
    return SL_OK;
}

static int add_column_rules(struct rule_sheets *sheets, const struct sl_contract_column *column,
                            struct sl_err *err)
{
    SL_TRY(add_rules(sheets, column->rules, column->rule_count, err));
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(add_column_rules(sheets, &column->fields[i], err));
    return SL_OK;
}

static int add_all_rules(const struct sl_contract_table *table, struct sl_arena *arena,
                         struct sl_buf *text, struct sl_err *err)
{
    static const char *const heads[SHEET_COLUMNS] = {
        "rule", "kind", "what holds", "if not", "where", "for a share of", "dimension", "message"};
    struct rule_sheets sheets = {{.arena = arena}, {.arena = arena}};
    SL_TRY(add_row(&sheets.rules, heads, err));
    SL_TRY(add_row(&sheets.keys, heads, err));
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_column_rules(&sheets, &table->columns[i], err));
    SL_TRY(add_rules(&sheets, table->rules, table->rule_count, err));
    SL_TRY(add_sheet(&sheets.rules, "rules", text, err));
    return add_sheet(&sheets.keys, "foreign keys", text, err);
}

static const char *scalar_of(const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *value = sl_yaml_get(map, key);
    return value && value->kind == SL_YAML_SCALAR ? value->text : NULL;
}

// Of engine Sluice: {KIND: ARGUMENTS, name: ..., severity: ..., ...}.
static int add_check(struct sheet *sheet, const struct sl_yaml *check, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    const char *asks, *where;
    if (check->kind != SL_YAML_MAP || !check->count)
        return SL_OK;
    sl_contract_words(check->items[0], NULL, &words);
    SL_TRY(keep(&words, sheet->arena, &asks, err));
    sl_contract_words(sl_yaml_get(check, "where"), NULL, &words);
    SL_TRY(keep(&words, sheet->arena, &where, err));
    const char *cells[SHEET_COLUMNS] = {
        scalar_of(check, "name"),     check->keys[0]->text,
        scalar_of(check, "column"),   asks,
        scalar_of(check, "severity"), where,
        scalar_of(check, "mostly"),   scalar_of(check, "dimension")};
    return add_row(sheet, cells, err);
}

static int add_checks(const struct sl_contract_table *table, struct sl_arena *arena,
                      struct sl_buf *text, struct sl_err *err)
{
    static const char *const heads[SHEET_COLUMNS] = {
        "check", "kind", "column", "what holds", "if not", "where", "for a share of", "dimension"};
    struct sheet sheet = {.arena = arena};
    SL_TRY(add_row(&sheet, heads, err));
    for (size_t i = 0; table->checks && i < table->checks->count; i++)
        SL_TRY(add_check(&sheet, table->checks->items[i], err));
    return add_sheet(&sheet, "checks of the table", text, err);
}

static const struct sl_yaml *find_named(const struct sl_yaml *list, const char *name)
{
    for (size_t i = 0; list && list->kind == SL_YAML_LIST && i < list->count; i++)
        if (sl_str_equal(scalar_of(list->items[i], "name"), name))
            return list->items[i];
    return NULL;
}

// Quality that is said for people or for other engines.
static void add_unchecked(const struct sl_yaml *owner, const char *column, struct sl_buf *text)
{
    const struct sl_yaml *list = sl_yaml_get(owner, "quality");
    for (size_t i = 0; list && list->kind == SL_YAML_LIST && i < list->count; i++) {
        const char *type = scalar_of(list->items[i], "type");
        bool is_other = sl_str_equal(type, "custom") &&
                        !sl_str_equal_nocase(scalar_of(list->items[i], "engine"), "sluice");
        if (!is_other && !sl_str_equal(type, "text"))
            continue;
        sl_buf_addf(text, "  not checked%s", column ? ", " : "");
        sl_add_plain(text, column ? column : "", SIZE_MAX);
        sl_contract_more(": ", list->items[i], (const char *const[]){"type", NULL}, text);
        sl_buf_add_char(text, '\n');
    }
}

// What else the contract says of a column and of what is in it.
static void add_remarks(const struct sl_contract_column *column, const struct sl_yaml *property,
                        struct sl_buf *text)
{
    static const char *const told[] = {
        "name",          "logicalType", "physicalType",   "required",    "unique",
        "primaryKey",    "quality",     "classification", "description", "primaryKeyPosition",
        "relationships", "properties",  "items",          NULL};
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    sl_contract_more(": ", property, told, &words);
    text->has_failed |= words.has_failed;
    if (words.length) {
        sl_buf_add(text, "  ");
        sl_add_plain(text, sl_contract_path(column), SIZE_MAX);
        sl_buf_addf(text, "%s\n", words.text);
    }
    add_unchecked(property, sl_contract_path(column), text);
    for (size_t i = 0; i < column->field_count; i++) {
        const struct sl_contract_column *field = &column->fields[i];
        add_remarks(field,
                    column->type.kind == SL_TYPE_ARRAY
                        ? sl_yaml_get(property, "items")
                        : find_named(sl_yaml_get(property, "properties"), field->name),
                    text);
    }
}

static void add_more(const struct sl_contract_table *table, const struct sl_yaml *object,
                     struct sl_buf *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    for (size_t i = 0; i < table->column_count; i++)
        add_remarks(&table->columns[i],
                    find_named(sl_yaml_get(object, "properties"), table->columns[i].name), &words);
    add_unchecked(object, NULL, &words);
    text->has_failed |= words.has_failed;
    if (words.length)
        sl_buf_addf(text, "\nmore\n%s", words.text);
}

static void add_handling(const struct sl_contract_table *table, struct sl_buf *text)
{
    for (size_t i = 0; i < table->order_by.count; i++) {
        sl_buf_add(text, i ? ", " : "of rows with one key the latest is kept, by: ");
        sl_add_plain(text, table->order_by.items[i], SIZE_MAX);
    }
    sl_buf_add(text, table->order_by.count ? "\n" : "");
    if (table->filter) {
        sl_buf_add(text, "left out: rows where ");
        sl_add_plain(text, table->filter, SIZE_MAX);
        sl_buf_add_char(text, '\n');
    }
}

static void add_budget(const struct sl_budget *budget, struct sl_buf *text)
{
    sl_buf_addf(text, "quarantine at most %g %% of %lld rows or more", budget->max_share * 100,
                (long long)budget->min_rows);
    if (budget->max_rows >= 0)
        sl_buf_addf(text, ", and %lld rows", (long long)budget->max_rows);
}

static void add_uses(const struct sl_contract_table *table, const struct sl_contract_uses *uses,
                     struct sl_buf *text)
{
    bool is_used_here = false;
    for (size_t i = 0; i < uses->count; i++) {
        const struct sl_source *source = uses->items[i].source;
        const struct sl_drift *drift = &source->drift;
        if (uses->items[i].table != table)
            continue;
        sl_buf_addf(
            text,
            "%ssource %s: new columns %s, missing columns %s, other types %s, emptied files %s; ",
            is_used_here ? "" : "\n", source->name, sl_drift_words[0][drift->new_columns],
            sl_drift_words[1][drift->missing_columns], sl_drift_words[2][drift->type_change],
            sl_drift_words[3][drift->emptied_files]);
        add_budget(table->has_budget ? &table->budget : &source->budget, text);
        sl_buf_add_char(text, '\n');
        is_used_here = true;
    }
    if (!is_used_here && table->has_budget) {
        add_budget(&table->budget, text);
        sl_buf_add_char(text, '\n');
    }
}

int sl_contract_show_table(const struct sl_contract_table *table,
                           const struct sl_contract_uses *uses, struct sl_arena *arena,
                           struct sl_buf *text, struct sl_err *err)
{
    static const char *const told[] = {"name",    "description",   "properties",
                                       "quality", "relationships", NULL};
    const struct sl_yaml *object =
        find_named(sl_yaml_get(table->contract->node, "schema"), table->name);
    sl_buf_addf(text, "\n%stable ", sl_color(stdout, SL_COLOR_BOLD));
    sl_add_plain(text, table->name, SIZE_MAX);
    sl_buf_add(text, sl_color(stdout, SL_COLOR_NONE));
    if (table->description) {
        sl_buf_add(text, ": ");
        sl_add_plain(text, table->description, SIZE_MAX);
    }
    sl_contract_more("\n", object, told, text);
    sl_buf_add_char(text, '\n');
    add_handling(table, text);
    SL_TRY(add_columns(table, arena, text, err));
    SL_TRY(add_old_names(table, arena, text, err));
    SL_TRY(add_all_rules(table, arena, text, err));
    SL_TRY(add_checks(table, arena, text, err));
    add_more(table, object, text);
    add_uses(table, uses, text);
    return sl_buf_check(text, err);
}
