// Protection of personal values: customProperties "sluice.personal" of a column.
#include "spec/contract_file.h"

#include <string.h>

static const char *const forms[] = {"none", "mask", "hash", "token", "drop", NULL};

// As the rows fill it.
struct personal {
    int as; // index into forms; -1: not said
    int64_t keep_first, keep_last, length;
    bool keep_domain;
    const char *character, *prefix;
};

static const struct sl_opt rows[] = {
    {.name = "as",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct personal, as),
     .flags = SL_OPT_REQUIRED,
     .values = forms},
    {.name = "keep_first", .type = SL_OPT_INT, .offset = offsetof(struct personal, keep_first)},
    {.name = "keep_last", .type = SL_OPT_INT, .offset = offsetof(struct personal, keep_last)},
    {.name = "keep_domain", .type = SL_OPT_BOOL, .offset = offsetof(struct personal, keep_domain)},
    {.name = "character",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct personal, character),
     .otherwise = "*"},
    {.name = "length",
     .type = SL_OPT_INT,
     .offset = offsetof(struct personal, length),
     .otherwise = "16"},
    {.name = "prefix",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct personal, prefix),
     .otherwise = ""},
    {0},
};

const char *sl_personal_name(enum sl_personal_as as)
{
    return forms[as];
}

bool sl_personal_is_keyed(const struct sl_personal *personal)
{
    return personal->as == SL_PERSONAL_HASH || personal->as == SL_PERSONAL_TOKEN;
}

bool sl_personal_is_sensitive(const char *classification)
{
    static const char *const words[] = {"restricted", "confidential", "pii", "personal",
                                        "sensitive"};

    for (size_t i = 0; classification && i < sizeof words / sizeof *words; i++)
        if (sl_str_equal_nocase(classification, words[i]))
            return true;
    return false;
}

const char *sl_personal_classification(const struct sl_contract_column *column)
{
    if (sl_personal_is_sensitive(column->classification))
        return column->classification;
    for (size_t i = 0; i < column->field_count; i++) {
        const char *found = sl_personal_classification(&column->fields[i]);

        if (sl_personal_is_sensitive(found))
            return found;
    }
    return column->classification;
}

const char *sl_personal_followed(const struct sl_contract_column *column)
{
    const char *classification = sl_personal_classification(column);

    if (sl_personal_is_sensitive(classification))
        return classification;
    return column->personal.as == SL_PERSONAL_NONE ? NULL : "personal";
}

static void refuse(struct sl_odcs_reader *reader, struct sl_place place, const char *hint,
                   const char *name, const char *what)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, hint,
            "column '%s': %s", name, what);
}

// Options of another form would do nothing.
static void check_options(struct sl_odcs_reader *reader, const struct sl_yaml *map, int as)
{
    static const struct {
        const char *key;
        enum sl_personal_as as;
    } options[] = {{"keep_first", SL_PERSONAL_MASK},  {"keep_last", SL_PERSONAL_MASK},
                   {"keep_domain", SL_PERSONAL_MASK}, {"character", SL_PERSONAL_MASK},
                   {"length", SL_PERSONAL_TOKEN},     {"prefix", SL_PERSONAL_TOKEN}};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (sl_load_has(map, options[i].key) && (int)options[i].as != as)
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_load_key_place(map, options[i].key), NULL, "'%s' is for 'as: %s'",
                    options[i].key, sl_personal_name(options[i].as));
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static void check_values(struct sl_odcs_reader *reader, const struct sl_yaml *map,
                         const struct personal *read)
{
    const char *name = reader->column->name;

    if (read->keep_first < 0 || read->keep_last < 0)
        refuse(reader, map->place, NULL, name, "it cannot keep less than 0 characters");
    if (read->keep_domain && (read->keep_first || read->keep_last))
        refuse(reader, sl_yaml_place(map, "keep_domain"), NULL, name,
               "it keeps characters or the domain, not both");
    if (count_characters(read->character) != 1)
        refuse(reader, sl_yaml_place(map, "character"), NULL, name, "expected a single character");
    if (read->length < 8 || read->length > 64)
        refuse(reader, sl_yaml_place(map, "length"), NULL, name,
               "a token has from 8 to 64 hexadecimal digits");
}

int sl_odcs_personal(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                     struct sl_err *err)
{
    struct sl_project *project = reader->project;
    struct personal read = {.as = -1};
    size_t errors_before = project->diags.error_count;

    if (!custom->value || custom->value->kind != SL_YAML_MAP) {
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                custom->value ? custom->value->place : custom->node->place, NULL,
                "'sluice.personal' is %s, expected a map such as {as: hash}",
                sl_yaml_describe(custom->value));
        return SL_OK;
    }
    SL_TRY(sl_opt_read(rows, custom->value, "'sluice.personal'", &read, NULL, &project->arena,
                       &project->diags, err));
    if (read.as < 0 || project->diags.error_count > errors_before)
        return SL_OK;
    check_options(reader, custom->value, read.as);
    check_values(reader, custom->value, &read);
    reader->column->personal = (struct sl_personal){.as = (enum sl_personal_as)read.as,
                                                    .is_given_free = read.as == SL_PERSONAL_NONE,
                                                    .keep_first = read.keep_first,
                                                    .keep_last = read.keep_last,
                                                    .keep_domain = read.keep_domain,
                                                    .character = read.character,
                                                    .length = read.length,
                                                    .prefix = read.prefix,
                                                    .place = custom->value->place};
    return SL_OK;
}

static void check_fields(struct sl_odcs_reader *reader, struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->field_count; i++) {
        struct sl_contract_column *field = &column->fields[i];

        if (field->personal.as != SL_PERSONAL_NONE || field->personal.is_given_free)
            refuse(reader, field->personal.place, "protect the column that it is in", field->path,
                   "'sluice.personal' is for whole columns");
        field->personal = column->personal; // so that no reason shows its value
        check_fields(reader, field);
    }
}

static bool is_in_order(const struct sl_contract_table *table, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < table->order_by.count; i++) {
        const char *item = table->order_by.items[i];

        if (strncasecmp(item, name, length) == 0 && (item[length] == '\0' || item[length] == ' '))
            return true;
    }
    return false;
}

// What is compared with rows of clean must be told apart by what clean keeps.
static const char *what_compares(const struct sl_contract_table *table,
                                 const struct sl_contract_column *column)
{
    if (column->key_position > 0)
        return "it is in the primary key";
    for (size_t i = 0; i < column->rule_count; i++) {
        if (sl_str_equal(column->rules[i].kind, "unique"))
            return "it is unique";
        if (column->rules[i].parent)
            return "it is in a foreign key";
    }
    for (size_t i = 0; i < table->rule_count; i++) {
        const struct sl_rule *rule = &table->rules[i];

        for (size_t k = 0; k < rule->columns.count; k++) {
            if (!sl_str_equal_nocase(rule->columns.items[k], column->name))
                continue;
            if (rule->parent)
                return "it is in a foreign key";
            if (sl_str_equal(rule->kind, "unique"))
                return "it is unique together with others";
        }
    }
    return NULL;
}

static int check_column(struct sl_odcs_reader *reader, struct sl_contract_column *column,
                        struct sl_err *err)
{
    const struct sl_personal *personal = &column->personal;
    const char *compares = what_compares(reader->table, column);

    if (personal->as == SL_PERSONAL_NONE)
        return SL_OK;
    if (column->field_count && personal->as != SL_PERSONAL_DROP)
        refuse(reader, personal->place, NULL, column->name,
               "an object or array can only be protected by 'as: drop'");
    if (is_in_order(reader->table, column->name))
        refuse(reader, personal->place, "order by a column that is not personal", column->name,
               "'sluice.orderBy' names it, and its order is not kept by what protects it");
    if (compares && personal->as == SL_PERSONAL_TOKEN && personal->length < 16)
        refuse(reader, personal->place, "use 16 digits or more, or 'as: hash'", column->name,
               "so short a token may be that of two values, and rows are compared by it");
    if (!compares || sl_personal_is_keyed(personal))
        return SL_OK;
    compares =
        sl_arena_printf(&reader->project->arena, "%s, and 'as: %s' does not tell its values apart",
                        compares, sl_personal_name(personal->as));
    SL_TRY_NEW(compares, err);
    refuse(reader, personal->place, "use 'as: hash' or 'as: token'", column->name, compares);
    return SL_OK;
}

int sl_odcs_check_personal(struct sl_odcs_reader *reader, struct sl_err *err)
{
    for (size_t i = 0; i < reader->table->column_count; i++) {
        check_fields(reader, &reader->table->columns[i]);
        SL_TRY(check_column(reader, &reader->table->columns[i], err));
    }
    return SL_OK;
}

void sl_personal_check_key(struct sl_project *project, const struct sl_contract_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];

        if (!sl_personal_is_keyed(&column->personal) || project->personal_key)
            continue;
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, column->personal.place,
                "write personal: {key: \"${env:NAME}\"} in sluice.yml",
                "column '%s' is protected by 'as: %s', which needs a key", column->name,
                sl_personal_name(column->personal.as));
    }
}
