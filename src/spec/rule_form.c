// How each kind of rule is written: where it may stand, and which options it takes.
#include "spec/rule_options.h"

#include <string.h>

#define BIT(kind) (1U << (kind))
#define TEXTS BIT(SL_TYPE_TEXT)
#define NUMBERS (BIT(SL_TYPE_INTEGER) | BIT(SL_TYPE_DECIMAL) | BIT(SL_TYPE_DOUBLE))
#define DAYS (BIT(SL_TYPE_DATE) | BIT(SL_TYPE_TIMESTAMP) | BIT(SL_TYPE_TIMESTAMP_NTZ))
#define AT_COLUMN SL_RULE_AT_COLUMN
#define ANYWHERE (SL_RULE_AT_COLUMN | SL_RULE_AT_TABLE)

const char *const sl_rule_dimension_names[] = {
    "accuracy", "completeness", "conformity", "consistency",
    "coverage", "timeliness",   "uniqueness", NULL};

const struct sl_rule_form sl_rule_forms[] = {
    {.name = "required", .dimension = SL_RULE_DIMENSION_COMPLETENESS},
    {.name = "type", .dimension = SL_RULE_DIMENSION_CONFORMITY},
    {.name = "alias", .dimension = SL_RULE_DIMENSION_CONSISTENCY},
    {.name = "unique",
     .stands = SL_RULE_AT_TABLE,
     .dimension = SL_RULE_DIMENSION_UNIQUENESS,
     .required = {"columns"}},
    {.name = "foreign_key", .dimension = SL_RULE_DIMENSION_CONSISTENCY},
    {.name = "expression",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .required = {"expression"},
     .has_sql = true},
    // One column
    {.name = "enum",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .required = {"values"}},
    {.name = "not_in",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .required = {"values"}},
    {.name = "range",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_ACCURACY,
     .types = NUMBERS | DAYS | BIT(SL_TYPE_TIME),
     .type_name = "numbers, dates and times",
     .optional = {"min", "max", "min_exclusive", "max_exclusive"}},
    {.name = "length",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .optional = {"min", "max"}},
    {.name = "pattern",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .required = {"pattern"}},
    {.name = "not_pattern",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .required = {"pattern"}},
    {.name = "format",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .required = {"format"}},
    {.name = "prefix",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .required = {"values"}},
    {.name = "suffix",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .required = {"values"}},
    {.name = "contains",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .required = {"values"}},
    {.name = "case",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text",
     .required = {"is"}},
    {.name = "trimmed",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text"},
    {.name = "printable",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text"},
    {.name = "digits",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS | BIT(SL_TYPE_INTEGER),
     .type_name = "text and integers",
     .optional = {"min", "max"}},
    {.name = "multiple_of",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_ACCURACY,
     .types = NUMBERS,
     .type_name = "numbers",
     .required = {"of"}},
    {.name = "decimal_places",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_ACCURACY,
     .types = NUMBERS,
     .type_name = "numbers",
     .required = {"max"}},
    {.name = "past",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_TIMELINESS,
     .types = DAYS,
     .type_name = "dates and timestamps"},
    {.name = "future",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_TIMELINESS,
     .types = DAYS,
     .type_name = "dates and timestamps"},
    {.name = "age",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_TIMELINESS,
     .types = DAYS,
     .type_name = "dates and timestamps",
     .optional = {"min_age", "max_age"}},
    {.name = "weekday",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_ACCURACY,
     .types = DAYS,
     .type_name = "dates and timestamps",
     .required = {"days"}},
    {.name = "json_valid",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS,
     .type_name = "text"},
    {.name = "json_keys",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = TEXTS | BIT(SL_TYPE_JSON),
     .type_name = "text and objects",
     .required = {"keys"}},
    {.name = "item_count",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_CONFORMITY,
     .types = BIT(SL_TYPE_ARRAY) | BIT(SL_TYPE_JSON),
     .type_name = "arrays",
     .optional = {"min", "max"}},
    {.name = "unique_items",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_UNIQUENESS,
     .types = BIT(SL_TYPE_ARRAY) | BIT(SL_TYPE_JSON),
     .type_name = "arrays"},
    {.name = "member_count",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_COMPLETENESS,
     .types = BIT(SL_TYPE_OBJECT) | BIT(SL_TYPE_JSON),
     .type_name = "objects",
     .optional = {"min", "max"}},
    {.name = "required_members",
     .stands = AT_COLUMN,
     .dimension = SL_RULE_DIMENSION_COMPLETENESS,
     .types = BIT(SL_TYPE_OBJECT) | BIT(SL_TYPE_JSON),
     .type_name = "objects",
     .required = {"members"}},
    // One column, judged by others
    {.name = "compare",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .required = {"op", "to"},
     .has_subject = true},
    {.name = "required_if",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_COMPLETENESS,
     .required = {"when"},
     .has_subject = true,
     .has_sql = true},
    {.name = "absent_if",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .required = {"when"},
     .has_subject = true,
     .has_sql = true},
    {.name = "sum_of",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .types = NUMBERS,
     .type_name = "numbers",
     .required = {"columns"},
     .optional = {"tolerance"},
     .has_subject = true},
    {.name = "product_of",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .types = NUMBERS,
     .type_name = "numbers",
     .required = {"columns"},
     .optional = {"tolerance"},
     .has_subject = true},
    // Several columns
    {.name = "one_of_columns",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_COMPLETENESS,
     .required = {"columns"},
     .optional = {"exactly"}},
    {.name = "not_both",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .required = {"columns"}},
    {.name = "all_or_none",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_COMPLETENESS,
     .required = {"columns"}},
    {.name = "in_order",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_CONSISTENCY,
     .required = {"columns"},
     .optional = {"strictly"}},
    {.name = "different",
     .stands = ANYWHERE,
     .dimension = SL_RULE_DIMENSION_UNIQUENESS,
     .required = {"columns"}},
    {0},
};

const char *const sl_format_names[] = {
    "email", "uuid",     "uri",       "hostname", "ipv4",     "ipv6",     "mac",       "date",
    "time",  "datetime", "timezone",  "country",  "country3", "currency", "language",  "iban",
    "bic",   "isin",     "card",      "ean",      "e164",     "latitude", "longitude", "sha256",
    "md5",   "hex",      "hex_color", "base64",   "semver",   NULL};

const struct sl_rule_form *sl_rule_form_find(const char *kind)
{
    for (const struct sl_rule_form *form = sl_rule_forms; form->name; form++)
        if (sl_str_equal(form->name, kind))
            return form;
    return NULL;
}

const char *sl_rule_dimension_name(enum sl_rule_dimension dimension)
{
    return dimension == SL_RULE_DIMENSION_NONE ? "" : sl_rule_dimension_names[dimension - 1];
}

const char *sl_rule_severity_name(enum sl_rule_severity severity)
{
    return severity == SL_RULE_HOLD ? "hold" : sl_rule_severity_names[severity];
}

const char *const sl_rule_severity_names[] = {[SL_RULE_REJECT] = "reject",
                                              [SL_RULE_WARN] = "warn",
                                              [SL_RULE_FAIL] = "fail",
                                              [SL_RULE_VALUE] = "quarantine_value",
                                              NULL};
static const char *const operations[] = {"=", "<>", "<", "<=", ">", ">=", NULL};
static const char *const cases[] = {"upper", "lower", NULL};

#define FIELD(member) .offset = offsetof(struct sl_rule_options, member)
#define TEXT(key, member, about)                                                \
    {                                                                           \
        .name = (key), .type = SL_OPT_STRING, FIELD(member), .summary = (about) \
    }
#define TEXT_LIST(key, member, about)                                            \
    {                                                                            \
        .name = (key), .type = SL_OPT_STRINGS, FIELD(member), .summary = (about) \
    }
#define FLAG(key, member, about)                                              \
    {                                                                         \
        .name = (key), .type = SL_OPT_BOOL, FIELD(member), .summary = (about) \
    }

// The first ones are taken by every kind.
#define COMMON 6
const struct sl_opt sl_rule_rows[] = {
    TEXT("kind", kind,
         "Kind of the rule: expression, if not given; `sluice ls --checks` lists all."),
    TEXT("where", where, "SQL over the row: the rule holds only for rows for which it is true."),
    TEXT("mostly", mostly,
         "Share of the rows that must hold, such as 0.95: those that do not only warn."),
    {.name = "severity",
     .type = SL_OPT_ENUM,
     FIELD(severity),
     .summary = "What becomes of a row that breaks the rule; quarantine_value sets only the value "
                "aside, fail stops the step.",
     .values = sl_rule_severity_names},
    TEXT("message", message, "Text of the reason, for people."),
    {.name = "dimension",
     .type = SL_OPT_ENUM,
     FIELD(dimension),
     .summary = "Dimension of quality that it counts for; by default its kind's.",
     .values = sl_rule_dimension_names},
    TEXT("expression", expression, "expression: SQL over the row, true for good ones."),
    TEXT_LIST("values", values, "enum, not_in, prefix, suffix, contains: texts."),
    TEXT("min", min, "range: least value; length, digits, item_count, member_count: least number."),
    TEXT("max", max,
         "range: greatest value; length, digits, decimal_places, item_count, member_count: "
         "greatest number."),
    FLAG("min_exclusive", is_min_exclusive, "range: values are greater than `min`."),
    FLAG("max_exclusive", is_max_exclusive, "range: values are less than `max`."),
    TEXT("pattern", pattern,
         "pattern, not_pattern: regular expression, found anywhere in the text."),
    TEXT("format", format, "format: email, uuid, iban, ..."),
    {.name = "is",
     .type = SL_OPT_ENUM,
     FIELD(letters),
     .summary = "case: of all letters.",
     .values = cases},
    TEXT("of", of, "multiple_of: the number."),
    {.name = "min_age",
     .type = SL_OPT_DURATION,
     FIELD(min_age_s),
     .summary = "age: at least so long before the row was taken in."},
    {.name = "max_age",
     .type = SL_OPT_DURATION,
     FIELD(max_age_s),
     .summary = "age: at most so long before the row was taken in."},
    TEXT_LIST("days", values, "weekday: monday, tuesday, ..."),
    TEXT_LIST("keys", values, "json_keys: names of members."),
    TEXT_LIST("members", values, "required_members: names."),
    TEXT("column", column, "At a table: the column that the rule is about."),
    {.name = "op",
     .type = SL_OPT_ENUM,
     FIELD(operation),
     .summary = "compare: how the column stands to the other.",
     .values = operations},
    TEXT("to", to, "compare: the other column."),
    TEXT("when", when, "required_if, absent_if: SQL over the row."),
    TEXT_LIST("columns", columns, "Columns, of rules over several."),
    TEXT("tolerance", tolerance, "sum_of, product_of: greatest difference; 0 if not given."),
    FLAG("exactly", is_exact, "one_of_columns: one has a value, and no more."),
    FLAG("strictly", is_exact, "in_order: no two are the same."),
    {0},
};

static const struct sl_opt *find_row(const char *name)
{
    const struct sl_opt *row = sl_rule_rows;
    while (strcmp(row->name, name) != 0)
        row++;
    return row;
}

static size_t add_rows(const char *const *names, unsigned flags, struct sl_opt *rows, size_t count)
{
    for (size_t i = 0; i < SL_RULE_OPTIONS && names[i]; i++) {
        rows[count] = *find_row(names[i]);
        rows[count++].flags |= flags;
    }
    return count;
}

int sl_rule_form_rows(const struct sl_rule_form *form, struct sl_arena *arena,
                      const struct sl_opt **ret, struct sl_err *err)
{
    size_t count = 0;
    struct sl_opt *rows = SL_NEW_ARRAY(arena, struct sl_opt, COMMON + 2 * SL_RULE_OPTIONS + 2);
    SL_TRY_NEW(rows, err);
    count = add_rows(form->required, SL_OPT_REQUIRED, rows, count);
    count = add_rows(form->optional, 0, rows, count);
    if (form->has_subject)
        rows[count++] = *find_row("column");
    for (size_t i = 0; i < COMMON; i++)
        rows[count++] = sl_rule_rows[i];
    *ret = rows;
    return SL_OK;
}
