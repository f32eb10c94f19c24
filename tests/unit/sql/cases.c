#include "cases.h"

#include "base/fs.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES ((size_t)4 << 20)

static const struct sl_column orders[] = {
    {"order_id", "INTEGER"},
    {"customer_id", "INTEGER"},
    {"day", "DATE"},
    {"ts", "TIMESTAMP"},
    {"amount", "DECIMAL(12,2)"},
    {"n", "INTEGER"},
    {"currency", "VARCHAR"},
    {"address", "STRUCT(city VARCHAR, zip VARCHAR)"},
    {"tags", "VARCHAR[]"},
};
static const struct sl_column customers[] = {
    {"customer_id", "INTEGER"}, {"country", "VARCHAR"}, {"credit", "INTEGER"}};
static const struct sl_column rates[] = {
    {"currency", "VARCHAR"}, {"day", "DATE"}, {"rate", "DOUBLE"}};
static const struct sl_column symbols[] = {{"currency", "VARCHAR"}, {"name", "VARCHAR"}};

#define TABLE(name, columns)                            \
    {                                                   \
        name, columns, sizeof columns / sizeof *columns \
    }
const struct test_table test_tables[] = {
    TABLE("clean.orders", orders), TABLE("clean.customers", customers),
    TABLE("clean.rates", rates),   TABLE("clean.symbols", symbols),
    TABLE("raw.rates", rates),     {NULL, NULL, 0},
};

bool test_columns_of(void *self, const char *table, const struct sl_column **ret, size_t *ret_count)
{
    (void)self;
    for (const struct test_table *item = test_tables; item->name; item++)
        if (sl_str_equal(item->name, table)) {
            *ret = item->columns;
            *ret_count = item->count;
            return true;
        }
    return false;
}

static void append(struct sl_arena *arena, const char **text, const char *line, size_t length)
{
    *text = sl_arena_printf(arena, "%s%.*s\n", *text, (int)length, line);
    assert_non_null(*text);
}

static void read_line(struct sql_cases *cases, const char *line, size_t length)
{
    struct sql_case fresh = {.sql = "", .expected = ""};

    if (length >= 5 && strncmp(line, "-- = ", 5) == 0) {
        assert_true(cases->count > 0);
        append(&cases->arena, &cases->items[cases->count - 1].expected, line + 5, length - 5);
    } else if (length >= 3 && strncmp(line, "-- ", 3) == 0) {
        fresh.name = sl_arena_strndup(&cases->arena, line + 3, length - 3);
        assert_true(SL_PUSH(&cases->arena, cases->items, cases->count, fresh));
    } else {
        assert_true(cases->count > 0);
        append(&cases->arena, &cases->items[cases->count - 1].sql, line, length);
    }
}

static const char *read_file(struct sl_arena *arena, const char *name, const char *suffix)
{
    struct sl_err err = {0};
    const char *text = NULL;
    size_t length;
    const char *path = sl_arena_printf(arena, "%s/%s%s", TREES_FOLDER, name, suffix);

    assert_non_null(path);
    assert_int_equal(sl_fs_read(path, MAX_BYTES, arena, &text, &length, &err), SL_OK);
    return text;
}

void cases_load(struct sql_cases *cases, const char *name)
{
    const char *line, *end;
    size_t count = 0;

    *cases = (struct sql_cases){0};
    line = read_file(&cases->arena, name, ".sql");
    for (; (end = strchr(line, '\n')); line = end + 1)
        read_line(cases, line, (size_t)(end - line));
    line = read_file(&cases->arena, name, ".trees");
    for (; (end = strchr(line, '\n')); line = end + 1) {
        assert_true(count < cases->count);
        cases->items[count++].tree = sl_arena_strndup(&cases->arena, line, (size_t)(end - line));
    }
    assert_int_equal(count, cases->count);
}

void cases_clear(struct sql_cases *cases)
{
    sl_arena_clear(&cases->arena);
}

void case_query(const struct sql_case *item, struct sl_arena *arena, struct sl_query *ret)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err = {0};

    if (sl_query_read(item->tree, item->sql, "m.sql", 1, 1, arena, &diags, ret, &err) != SL_OK ||
        diags.error_count ||
        sl_query_lineage(item->tree, item->sql, test_columns_of, NULL, arena, ret, &err) != SL_OK)
        fail_msg("%s: %s", item->name,
                 diags.error_count ? diags.items[0].err.message : err.message);
}
