#include "contract/lint.h"

#include <ctype.h>
#include <string.h>

struct linter {
    const struct sl_contract *contract;
    struct sl_arena *arena;
    struct sl_diags *diags;
};

static void lint_owner(const struct linter *linter)
{
    const struct sl_contract *contract = linter->contract;
    const struct sl_yaml *team = sl_yaml_get(contract->node, "team");
    if (!contract->owner && !sl_yaml_get(team, "name"))
        sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_OWNER,
                sl_yaml_place(contract->node, "team"),
                "write 'team: {members: [{username: ada@shop.example, role: owner}]}'",
                team ? "no member of the team has the role owner" : "the contract has no team");
}

static bool is_version(const char *text)
{
    int numbers = 0;
    for (numbers = 0; numbers < 3; numbers++) {
        size_t digits = strspn(text, "0123456789");
        text += digits;
        if (!digits || *text != (numbers < 2 ? '.' : '\0'))
            return false;
        text++;
    }
    return true;
}

static void lint_version(const struct linter *linter)
{
    const char *version = linter->contract->version;
    if (version && !is_version(*version == 'v' ? version + 1 : version))
        sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_VERSION,
                sl_yaml_place(linter->contract->node, "version"), "such as 1.4.2",
                "version '%s' is no number of three parts", version);
}

static void lint_status(const struct linter *linter)
{
    static const char *const known[] = {"proposed", "draft", "active", "deprecated", "retired"};
    const char *status = linter->contract->status;
    const char *hint;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!status || sl_str_equal_nocase(status, known[i]))
            return;
    hint = sl_did_you_mean(linter->arena, status, known, sizeof known / sizeof *known);
    sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_STATUS,
            sl_yaml_place(linter->contract->node, "status"),
            hint ? hint : "proposed, draft, active, deprecated or retired",
            "status '%s' is none of the standard's", status);
}

static void lint_agreements(const struct linter *linter)
{
    const struct sl_yaml *list = sl_yaml_get(linter->contract->node, "slaProperties");
    if (!list || !list->count)
        sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_AGREEMENT,
                sl_yaml_place(linter->contract->node, "slaProperties"),
                "write 'slaProperties: [{property: latency, value: 26, unit: h}]'",
                "the contract promises no service level");
}

// --- Tables ---

static void lint_key(const struct linter *linter, const struct sl_contract_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].key_position)
            return;
    sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_KEY, table->place,
            "mark its columns with 'primaryKey: true'", "table '%s' has no primary key",
            table->name);
}

static const struct sl_yaml *node_of(const struct linter *linter, const char *table)
{
    const struct sl_yaml *schema = sl_yaml_get(linter->contract->node, "schema");
    for (size_t i = 0; schema && i < schema->count; i++) {
        const struct sl_yaml *name = sl_yaml_get(schema->items[i], "name");
        if (name && sl_str_equal(name->text, table))
            return schema->items[i];
    }
    return NULL;
}

static void lint_rules(const struct linter *linter, const struct sl_contract_table *table)
{
    const struct sl_yaml *node = node_of(linter, table->name);
    if (table->rule_count || sl_yaml_get(node, "quality"))
        return;
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].rule_count; k++) {
            const char *kind = table->columns[i].rules[k].kind;
            if (strcmp(kind, "required") != 0 && strcmp(kind, "type") != 0)
                return;
        }
    sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_RULES, table->place,
            "say which values are possible: logicalTypeOptions, quality",
            "table '%s' has no rule beyond its types", table->name);
}

static void lint_examples(const struct linter *linter, const struct sl_contract_table *table)
{
    const struct sl_yaml *properties = sl_yaml_get(node_of(linter, table->name), "properties");
    for (size_t i = 0; properties && i < properties->count; i++)
        if (sl_yaml_get(properties->items[i], "examples"))
            return;
    sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_EXAMPLES, table->place,
            "write 'examples: [...]' at its columns", "no column of table '%s' has examples",
            table->name);
}

// --- Columns ---

// "customerEMail" -> "customer_e_mail": words apart, in lower case.
static char *words_of(const char *name, struct sl_arena *arena)
{
    char *words = sl_arena_alloc(arena, 2 * strlen(name) + 1);
    char *to = words;
    for (const char *c = name; words && *c; c++) {
        bool begins = c > name && isupper((unsigned char)*c) && islower((unsigned char)c[-1]);
        if (begins)
            *to++ = '_';
        *to++ = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
    }
    return words;
}

static bool has_words(const char *name, const char *words)
{
    size_t length = strlen(words);
    for (const char *at = strstr(name, words); at; at = strstr(at + 1, words))
        if ((at == name || at[-1] == '_') && (at[length] == '\0' || at[length] == '_'))
            return true;
    return false;
}

static bool looks_personal(const char *name, struct sl_arena *arena)
{
    static const char *const personal[] = {
        "email",         "e_mail",     "mail",         "phone",       "telephone",
        "mobile",        "fax",        "first_name",   "last_name",   "full_name",
        "surname",       "given_name", "family_name",  "middle_name", "maiden_name",
        "customer_name", "birthday",   "birth_date",   "birthdate",   "birth",
        "dob",           "ssn",        "iban",         "passport",    "address",
        "street",        "ip_address", "contact_name", "user_name",   "username",
        "firstname",     "lastname",   "fullname",     "salary",      "person_name",
        "employee_name"};
    char *words = words_of(name, arena);
    if (!words)
        return false;
    if (strcmp(words, "name") == 0)
        return true;
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++)
        if (has_words(words, personal[i]))
            return true;
    return false;
}

static void lint_column(const struct linter *linter, const struct sl_contract_table *table,
                        const struct sl_contract_column *column)
{
    if (sl_str_is_empty(column->description))
        sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_DESCRIPTION, column->place, NULL,
                "column '%s' of table '%s' is not described", column->name, table->name);
    if (sl_str_is_empty(column->classification) && looks_personal(column->name, linter->arena))
        sl_diag(linter->diags, SL_SEVERITY_WARNING, SL_E_LINT_CLASSIFICATION, column->place,
                "write 'classification: restricted', or 'public' if it is nobody's",
                "column '%s' of table '%s' looks personal and has no classification", column->name,
                table->name);
}

void sl_contract_lint(const struct sl_contract *contract, struct sl_arena *arena,
                      struct sl_diags *diags)
{
    struct linter linter = {.contract = contract, .arena = arena, .diags = diags};
    lint_owner(&linter);
    lint_version(&linter);
    lint_status(&linter);
    lint_agreements(&linter);
    for (size_t i = 0; i < contract->table_count; i++) {
        const struct sl_contract_table *table = &contract->tables[i];
        if (sl_str_is_empty(table->description))
            sl_diag(diags, SL_SEVERITY_WARNING, SL_E_LINT_DESCRIPTION, table->place, NULL,
                    "table '%s' is not described", table->name);
        lint_key(&linter, table);
        lint_rules(&linter, table);
        lint_examples(&linter, table);
        for (size_t k = 0; k < table->column_count; k++)
            lint_column(&linter, table, &table->columns[k]);
    }
}
