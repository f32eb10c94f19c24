// Which rules are stricter than others of their kind: all kinds, in both directions.
#include "contract/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

// Columns by type: i an integer, n a decimal, f a double, d a date, z a timestamp, c a time of day,
// t a text, o.k and l[].k integers of members.
static const char contract[] =
    "{'columns': [{'name': 'i', 'kind': %d}, {'name': 'n', 'kind': %d}, {'name': 'f', 'kind': %d},"
    "{'name': 'd', 'kind': %d}, {'name': 'z', 'kind': %d}, {'name': 'c', 'kind': %d},"
    "{'name': 't', 'kind': %d}, {'name': 'o', 'kind': %d, 'fields': [{'name': 'k', 'kind': %d}]},"
    "{'name': 'l', 'kind': %d, 'fields': [{'name': '', 'kind': %d, 'fields': [{'name': 'k', "
    "'kind': %d}]}]}]}";

enum order { SAME, STRICTER, ANOTHER };

// What stands in `now` and not in `before` is put over it.
static const struct {
    const char *kind, *before, *now;
    enum order order; // of now
} pairs[] = {
    {"required", "", "", SAME},
    {"required", "'where': 'i > 1'", "'where': null", STRICTER},
    {"type", "", "", SAME},
    {"alias", "", "", SAME},
    {"unique", "'columns': ['i', 'n']", "'columns': ['n']", STRICTER},
    {"foreign_key", "'parent': 'clean.a', 'columns': ['i'], 'to': ['k']", "'message': 'x'", SAME},
    {"foreign_key", "'parent': 'clean.a', 'columns': ['i'], 'to': ['k']", "'parent': 'clean.b'",
     ANOTHER},
    {"expression", "'text': 'i > 1'", "'text': 'i > 2'", ANOTHER},
    {"expression", "'text': 'i > 1', 'where': 'n > 1'", "'where': null", STRICTER},
    {"expression", "'text': 'i > 1', 'where': 'n > 1'", "'where': 'n > 2'", ANOTHER},
    {"enum", "'values': ['a', 'b']", "'values': ['b']", STRICTER},
    {"enum", "'values': ['a', 'b']", "'values': ['b', 'a']", SAME},
    {"enum", "'values': ['a', 'b']", "'values': ['b', 'c']", ANOTHER},
    {"not_in", "'values': ['a']", "'values': ['a', 'b']", STRICTER},
    {"range", "'column': 'i', 'min': '1'", "'min': '2'", STRICTER},
    {"range", "'column': 'i', 'min': '1'", "'min': '2', 'max': '5'", STRICTER},
    {"range", "'column': 'i', 'min': '1'", "'min': null, 'max': '5'", ANOTHER},
    {"range", "'column': 'i', 'min': '9', 'min_exclusive': true",
     "'min': '10', 'min_exclusive': false", SAME},
    {"range", "'column': 'i', 'max': '9.5'", "'max': '10', 'max_exclusive': true", SAME},
    {"range", "'column': 'i', 'min': '90071992547409921'", "'min': '90071992547409922'", ANOTHER},
    {"range", "'column': 'n', 'min': '9', 'min_exclusive': true",
     "'min': '10', 'min_exclusive': false", STRICTER},
    {"range", "'column': 'f', 'min': '1'", "'min_exclusive': true", STRICTER},
    {"range", "'column': 'f', 'min': '1e3'", "'min': '1000.0'", SAME},
    {"range", "'column': 'd', 'min': '2024-01-31', 'min_exclusive': true",
     "'min': '2024-02-01', 'min_exclusive': false", SAME},
    {"range", "'column': 'd', 'max': '2024-01-31'", "'max': '2023-12-31'", STRICTER},
    {"range", "'column': 'z', 'max': '2024-01-31T00:00:00Z'", "'max': '2024-01-31'", SAME},
    {"range", "'column': 'z', 'max': '2024-01-31T00:00:00Z'", "'max': '2024-01-31T01:00:00+02:00'",
     STRICTER},
    {"range", "'column': 'c', 'min': '09:00'", "'min': '09:00:00'", SAME},
    {"range", "'column': 'c', 'min': '09:00'", "'min': '09:00:00.5'", STRICTER},
    {"range", "'column': 'o.k', 'min': '9'", "'min': '10'", STRICTER},
    {"range", "'column': 'l[].k', 'min': '9'", "'min': '10'", STRICTER},
    {"range", "'column': 'gone', 'min': '9'", "'min': '10'", ANOTHER},
    {"length", "'column': 't', 'max': '9'", "'max': '8'", STRICTER},
    {"length", "'column': 't', 'max': '9'", "'min': '0'", SAME},
    {"pattern", "'text': 'a'", "'text': 'b'", ANOTHER},
    {"not_pattern", "'text': 'a'", "'text': 'b'", ANOTHER},
    {"format", "'text': 'email'", "'text': 'uuid'", ANOTHER},
    {"prefix", "'values': ['a', 'b']", "'values': ['a']", STRICTER},
    {"prefix", "'values': ['a']", "'values': ['ab', 'ac']", STRICTER},
    {"prefix", "'values': ['a']", "'values': ['ba']", ANOTHER},
    {"suffix", "'values': ['a']", "'values': ['ba']", STRICTER},
    {"contains", "'values': ['a']", "'values': ['bac']", STRICTER},
    {"case", "'text': 'upper'", "'text': 'lower'", ANOTHER},
    {"trimmed", "", "", SAME},
    {"printable", "", "", SAME},
    {"digits", "'column': 't', 'max': '9'", "'max': '8'", STRICTER},
    {"digits", "'column': 't', 'max': '9'", "'min': '1'", SAME},
    {"multiple_of", "'column': 'i', 'text': '5'", "'text': '10'", STRICTER},
    {"multiple_of", "'column': 'n', 'text': '0.05'", "'text': '0.1'", STRICTER},
    {"multiple_of", "'column': 'n', 'text': '0.05'", "'text': '0.07'", ANOTHER},
    {"multiple_of", "'column': 'n', 'text': '0.5'", "'text': '0.50'", SAME},
    {"multiple_of", "'column': 'f', 'text': '5'", "'text': '10'", ANOTHER},
    {"decimal_places", "'column': 'n', 'max': '3'", "'max': '2'", STRICTER},
    {"past", "", "", SAME},
    {"future", "", "", SAME},
    {"age", "'column': 'd', 'max': '86400'", "'max': '3600'", STRICTER},
    {"weekday", "'values': ['monday', 'friday']", "'values': ['friday']", STRICTER},
    {"json_valid", "", "", SAME},
    {"json_keys", "'values': ['a']", "'values': ['a', 'b']", STRICTER},
    {"item_count", "'column': 'l', 'min': '1'", "'min': '2'", STRICTER},
    {"item_count", "'column': 'l', 'max': '9'", "'min': '0'", SAME},
    {"unique_items", "'column': 'l'", "'message': 'x'", SAME},
    {"member_count", "'column': 'o', 'max': '10'", "'max': '9'", STRICTER},
    {"required_members", "'column': 'o', 'values': ['a']", "'values': ['a', 'b']", STRICTER},
    {"required_members", "'column': 'o', 'values': ['a']", "'values': ['b']", ANOTHER},
    {"compare", "'columns': ['i', 'n'], 'operation': '<='", "'operation': '<'", STRICTER},
    {"compare", "'columns': ['i', 'n'], 'operation': '<>'", "'operation': '<'", STRICTER},
    {"compare", "'columns': ['i', 'n'], 'operation': '<'", "'operation': '='", ANOTHER},
    {"compare", "'columns': ['i', 'n'], 'operation': '<'",
     "'columns': ['n', 'i'], 'operation': '>'", SAME},
    {"compare", "'columns': ['i', 'n'], 'operation': '<='",
     "'columns': ['n', 'i'], 'operation': '>'", STRICTER},
    {"compare", "'columns': ['i', 'n'], 'operation': '<'", "'columns': ['i', 'f']", ANOTHER},
    {"required_if", "'text': 'i > 1'", "'text': 'i > 2'", ANOTHER},
    {"absent_if", "'text': 'i > 1'", "'text': 'i > 2'", ANOTHER},
    {"sum_of", "'columns': ['i', 'n'], 'tolerance': '0.1'", "'tolerance': null", STRICTER},
    {"sum_of", "'columns': ['i', 'n']", "'tolerance': '0'", SAME},
    {"sum_of", "'columns': ['i', 'f'], 'tolerance': '0.1'", "'tolerance': null", ANOTHER},
    {"sum_of", "'columns': ['i', 'f']", "'tolerance': '0'", ANOTHER},
    {"sum_of", "'columns': ['i', 'n', 'f']", "'columns': ['i', 'f', 'n']", ANOTHER},
    {"sum_of", "'columns': ['i', 'n', 'f']", "'columns': ['n', 'f', 'i']", ANOTHER},
    {"product_of", "'columns': ['i', 'n', 'f'], 'tolerance': '0.1'", "'tolerance': '0.05'",
     STRICTER},
    {"one_of_columns", "'columns': ['i', 'n', 'f']", "'columns': ['n', 'f']", STRICTER},
    {"one_of_columns", "'columns': ['i', 'n', 'f']",
     "'columns': ['n', 'f'], 'operation': 'exactly'", STRICTER},
    {"one_of_columns", "'columns': ['i', 'n', 'f'], 'operation': 'exactly'",
     "'columns': ['n', 'f']", ANOTHER},
    {"not_both", "'columns': ['n', 'f']", "'columns': ['i', 'n', 'f']", STRICTER},
    {"all_or_none", "'columns': ['n', 'f']", "'columns': ['i', 'n', 'f']", STRICTER},
    {"in_order", "'columns': ['i', 'f']", "'columns': ['i', 'n', 'f']", STRICTER},
    {"in_order", "'columns': ['i', 'f']", "'columns': ['f', 'n', 'i']", ANOTHER},
    {"in_order", "'columns': ['i', 'f']", "'operation': 'exactly'", STRICTER},
    {"different", "'columns': ['n', 'f']", "'columns': ['i', 'f', 'n']", STRICTER},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static json_t *parse(const char *text)
{
    char json[2048];
    size_t i = 0;
    for (; text[i]; i++)
        json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    json[i] = '\0';
    json_t *value = json_loads(json, 0, NULL);
    if (!value)
        fail_msg("%s", json);
    return value;
}

static json_t *rule_of(size_t i, const char *text)
{
    char json[1024];
    (void)snprintf(json, sizeof json, "{'kind': '%s'%s%s}", pairs[i].kind, *text ? ", " : "", text);
    return parse(json);
}

static void each_pair_compares_in_both_directions(void **state)
{
    char text[2048];
    (void)state;
    (void)snprintf(text, sizeof text, contract, SL_TYPE_INTEGER, SL_TYPE_DECIMAL, SL_TYPE_DOUBLE,
                   SL_TYPE_DATE, SL_TYPE_TIMESTAMP, SL_TYPE_TIME, SL_TYPE_TEXT, SL_TYPE_OBJECT,
                   SL_TYPE_INTEGER, SL_TYPE_ARRAY, SL_TYPE_OBJECT, SL_TYPE_INTEGER);
    SL_AUTO(sl_json_free) json_t *columns = parse(text);
    for (size_t i = 0; i < PAIRS; i++) {
        SL_AUTO(sl_json_free) json_t *before = rule_of(i, pairs[i].before);
        SL_AUTO(sl_json_free) json_t *changes = rule_of(i, pairs[i].now);
        SL_AUTO(sl_json_free) json_t *now = json_deep_copy(before);
        assert_int_equal(json_object_update(now, changes), 0);
        bool is_weaker = sl_contract_rule_is_weaker(columns, before, now);
        bool is_stricter = sl_contract_rule_is_weaker(columns, now, before);
        if (is_weaker != (pairs[i].order == SAME) || is_stricter != (pairs[i].order != ANOTHER))
            fail_msg("%s {%s} -> {%s}: weaker %d, stricter %d", pairs[i].kind, pairs[i].before,
                     pairs[i].now, is_weaker, is_stricter);
    }
}

// A new kind must say how it compares, and have a pair here.
static void every_kind_says_how_it_compares(void **state)
{
    (void)state;
    for (const struct sl_rule_form *form = sl_rule_forms; form->name; form++) {
        bool is_here = false;
        for (size_t i = 0; i < PAIRS; i++)
            is_here |= strcmp(pairs[i].kind, form->name) == 0;
        if (!sl_contract_compares(form->name) || !is_here)
            fail_msg("it is not said how rules of kind %s compare", form->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_compares_in_both_directions),
        cmocka_unit_test(every_kind_says_how_it_compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
