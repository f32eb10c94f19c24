#include "cli/test_view.h"

#include <string.h>

const char *sl_test_status_name(enum sl_test_status status)
{
    switch (status) {
    case SL_TEST_SKIPPED:
        return "skipped";
    case SL_TEST_PASSED:
        return "passed";
    case SL_TEST_FAILED:
        return "failed";
    }
    return "";
}

static const char *kind_name(enum sl_test_difference kind)
{
    switch (kind) {
    case SL_TEST_MISSING:
        return "missing";
    case SL_TEST_UNEXPECTED:
        return "unexpected";
    case SL_TEST_DIFFERS:
        return "differs";
    }
    return "";
}

// "tests/a.yml:12", or nothing.
static const char *place_text(struct sl_arena *arena, const char *file, int line)
{
    return line > 0 ? sl_arena_printf(arena, "%s:%d", file, line) : "";
}

// One value, or what was expected and what is there.
static const char *cell(struct sl_arena *arena, const struct sl_test_row *row, size_t i)
{
    const char *expected = row->expected ? row->expected[i] : NULL;
    const char *actual = row->actual ? row->actual[i] : NULL;
    const char *one = row->kind == SL_TEST_UNEXPECTED ? actual : expected;
    if (row->kind == SL_TEST_DIFFERS && !row->is_same[i])
        return sl_arena_printf(arena, "%s, is %s", expected ? expected : "null",
                               actual ? actual : "null");
    return one ? one : "null";
}

static int print_rows(const struct sl_test_finding *finding, struct sl_buf *text,
                      struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_grid grid;
    sl_arena_init(&arena, 0);
    const char **cells = SL_NEW_ARRAY(&arena, const char *, finding->column_count + 2);
    SL_TRY_NEW(cells, err);
    sl_grid_init(&grid, &arena, finding->column_count + 2, 0);
    cells[0] = cells[1] = "";
    memcpy(cells + 2, finding->columns, finding->column_count * sizeof *cells);
    SL_TRY(sl_grid_row(&grid, cells, err));
    for (size_t i = 0; i < finding->row_count; i++) {
        const struct sl_test_row *row = &finding->rows[i];
        cells[0] = kind_name(row->kind);
        cells[1] = place_text(&arena, row->place.file, row->place.line);
        SL_TRY_NEW(cells[1], err);
        for (size_t k = 0; k < finding->column_count; k++) {
            cells[k + 2] = cell(&arena, row, k);
            SL_TRY_NEW(cells[k + 2], err);
        }
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    return sl_grid_text(&grid, 0, text, err);
}

static int describe(const struct sl_test_outcome *outcome, const struct sl_test_finding *finding,
                    struct sl_buf *text, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    const struct sl_err *what = &finding->err;
    if (what->line > 0)
        sl_buf_addf(text, "%s:%d:%d: ", what->file, what->line, what->column);
    if (outcome->test->test->run_count > 1)
        sl_buf_addf(text, "run %zu: ", finding->run + 1);
    sl_buf_addf(text, "%s [%s]\n", what->message, sl_code_info(what->code)->id);
    if (what->hint[0])
        sl_buf_addf(text, "  hint: %s\n", what->hint);
    if (finding->row_count) {
        SL_TRY(print_rows(finding, &rows, err));
        SL_TRY(sl_buf_check(&rows, err));
        for (const char *line = rows.text; *line;) {
            size_t length = strcspn(line, "\n");
            sl_buf_add(text, "  ");
            sl_buf_add_bytes(text, line, length);
            sl_buf_add_char(text, '\n');
            line += length + (line[length] == '\n');
        }
    }
    if (finding->total > (int64_t)finding->row_count)
        sl_buf_addf(text, "  ... and %lld more\n",
                    (long long)(finding->total - (int64_t)finding->row_count));
    return sl_buf_check(text, err);
}

int sl_test_print(const struct sl_test_outcome *outcome, bool is_quiet, struct sl_err *err)
{
    const struct sl_test *test = outcome->test->test;
    bool has_passed = outcome->status == SL_TEST_PASSED;
    char elapsed[32];
    if (outcome->status == SL_TEST_SKIPPED || (has_passed && is_quiet))
        return SL_OK;
    printf("%s%s%s  ", sl_color(stdout, has_passed ? SL_COLOR_GREEN : SL_COLOR_RED),
           has_passed ? "pass" : "FAIL", sl_color(stdout, SL_COLOR_NONE));
    sl_put_plain(stdout, test->title);
    printf("  %s(%s, %s)%s\n", sl_color(stdout, SL_COLOR_DIM), test->file,
           sl_str_elapsed(outcome->elapsed_us / 1000, elapsed), sl_color(stdout, SL_COLOR_NONE));
    for (size_t i = 0; i < outcome->finding_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        SL_TRY(describe(outcome, &outcome->findings[i], &text, err));
        fputs(text.text, stdout);
    }
    if (outcome->folder)
        printf("  kept in %s\n", outcome->folder);
    return SL_OK;
}

// --- JSON

static int add_values(json_t *row, const char *key, const char *const *values,
                      const struct sl_test_finding *finding, struct sl_err *err)
{
    json_t *map = values ? json_object() : json_null();
    for (size_t i = 0; values && i < finding->column_count; i++)
        (void)json_object_set_new(map, finding->columns[i],
                                  values[i] ? sl_json_string(values[i]) : json_null());
    return json_object_set_new(row, key, map) == 0 ? SL_OK : sl_fail_memory(err);
}

static int row_json(const struct sl_test_finding *finding, const struct sl_test_row *row,
                    json_t *rows, struct sl_err *err)
{
    json_t *item =
        json_pack("{s:s, s:s?, s:o, s:[]}", "kind", kind_name(row->kind), "file",
                  row->place.line ? row->place.file : NULL, "line",
                  row->place.line ? json_integer(row->place.line) : json_null(), "columns");
    if (!item || json_array_append_new(rows, item) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; row->kind == SL_TEST_DIFFERS && i < finding->column_count; i++)
        if (!row->is_same[i])
            (void)json_array_append_new(json_object_get(item, "columns"),
                                        sl_json_string(finding->columns[i]));
    SL_TRY(add_values(item, "expected", row->expected, finding, err));
    return add_values(item, "actual", row->actual, finding, err);
}

int sl_test_json(const struct sl_test_outcome *outcome, json_t **ret, struct sl_err *err)
{
    const struct sl_test *test = outcome->test->test;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:[], s:s, s:f, s:s?, s:[]}", "name", test->name, "title", test->title,
        "file", test->file, "tables", "status", sl_test_status_name(outcome->status), "elapsed_ms",
        (double)outcome->elapsed_us / 1000, "folder", outcome->folder, "findings");
    SL_TRY_NEW(root, err);
    *ret = root;
    for (size_t i = 0; i < outcome->test->tables.count; i++)
        (void)json_array_append_new(json_object_get(root, "tables"),
                                    json_string(outcome->test->tables.items[i]));
    for (size_t i = 0; i < outcome->finding_count; i++) {
        const struct sl_test_finding *finding = &outcome->findings[i];
        json_t *item = json_pack("{s:I, s:s?, s:o, s:I, s:[]}", "run", (json_int_t)finding->run + 1,
                                 "table", finding->table, "error", sl_err_json(&finding->err),
                                 "differences", (json_int_t)finding->total, "rows");
        if (!item || json_array_append_new(json_object_get(root, "findings"), item) != 0)
            return sl_fail_memory(err);
        for (size_t k = 0; k < finding->row_count; k++)
            SL_TRY(row_json(finding, &finding->rows[k], json_object_get(item, "rows"), err));
    }
    return SL_OK;
}

// --- JUnit

// XML 1.0 has no way to write most control characters.
static void add_xml(struct sl_buf *xml, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            sl_buf_add(xml, "&lt;");
            break;
        case '>':
            sl_buf_add(xml, "&gt;");
            break;
        case '&':
            sl_buf_add(xml, "&amp;");
            break;
        case '"':
            sl_buf_add(xml, "&quot;");
            break;
        case '\n':
            sl_buf_add(xml, "&#10;");
            break;
        default:
            sl_buf_add_char(xml, (unsigned char)*text < ' ' && *text != '\t' ? '?' : *text);
        }
}

static void add_attribute(struct sl_buf *xml, const char *name, const char *value)
{
    sl_buf_addf(xml, " %s=\"", name);
    add_xml(xml, value);
    sl_buf_add_char(xml, '"');
}

static int add_case(const struct sl_test_outcome *outcome, const char *project, struct sl_buf *xml,
                    struct sl_err *err)
{
    const struct sl_test *test = outcome->test->test;
    sl_buf_add(xml, "  <testcase");
    add_attribute(xml, "name", test->title);
    sl_buf_addf(xml, " classname=\"");
    add_xml(xml, project);
    sl_buf_add_char(xml, '.');
    add_xml(xml, test->name);
    sl_buf_addf(xml, "\" file=\"");
    add_xml(xml, test->file);
    sl_buf_addf(xml, "\" time=\"%.3f\">", (double)outcome->elapsed_us / 1e6);
    if (outcome->status == SL_TEST_SKIPPED)
        sl_buf_add(xml, "<skipped/>");
    for (size_t i = 0; i < outcome->finding_count && i < 1; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        for (size_t k = 0; k < outcome->finding_count; k++)
            SL_TRY(describe(outcome, &outcome->findings[k], &text, err));
        sl_buf_add(xml, "<failure");
        add_attribute(xml, "message", outcome->findings[i].err.message);
        add_attribute(xml, "type", sl_code_info(outcome->findings[i].err.code)->id);
        sl_buf_add_char(xml, '>');
        add_xml(xml, text.text);
        sl_buf_add(xml, "</failure>");
    }
    sl_buf_add(xml, "</testcase>\n");
    return sl_buf_check(xml, err);
}

int sl_test_junit(const struct sl_test_outcome *outcomes, size_t count, const char *project,
                  struct sl_buf *xml, struct sl_err *err)
{
    size_t failed = 0, skipped = 0;
    int64_t elapsed_us = 0;
    for (size_t i = 0; i < count; i++) {
        failed += outcomes[i].status == SL_TEST_FAILED;
        skipped += outcomes[i].status == SL_TEST_SKIPPED;
        elapsed_us += outcomes[i].elapsed_us;
    }
    sl_buf_addf(xml,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite "
                "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\"",
                count, failed, skipped, (double)elapsed_us / 1e6);
    add_attribute(xml, "name", project);
    sl_buf_add(xml, ">\n");
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_case(&outcomes[i], project, xml, err));
    sl_buf_add(xml, " </testsuite>\n</testsuites>\n");
    return sl_buf_check(xml, err);
}
