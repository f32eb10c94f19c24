// What `sluice diff` found, as text and as JSON.
#include "cli/diff.h"

#include <stdio.h>

static const char side_letters[] = "AB";

struct printer {
    const struct sl_diff_side *sides;
    const struct sl_compare *compare;
    int64_t limit;
};

static int query(const struct printer *printer, enum sl_compare_kind kind, struct sl_result **ret,
                 struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(sl_compare_examples_sql(printer->compare, kind, printer->limit, &sql, err));
    return printer->compare->session->kind->query(printer->compare->session, sql.text, 0, ret, err);
}

static int64_t count_of(const struct printer *printer, enum sl_compare_kind kind)
{
    const struct sl_compared *result = &printer->compare->result;
    return kind == SL_COMPARE_DIFFERING ? result->differing : result->sides[kind].only;
}

static bool has_examples(const struct printer *printer, enum sl_compare_kind kind)
{
    return printer->limit > 0 && count_of(printer, kind) > 0;
}

static const char *null_text(const char *text)
{
    return text ? text : "null";
}

// --- Text ---

static void print_sides(const struct printer *printer)
{
    char count[64], files[64];
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        const struct sl_diff_side *side = &printer->sides[s];
        printf("%c  %s%s%s  %s", side_letters[s], sl_color(stdout, SL_COLOR_BOLD), side->name,
               sl_color(stdout, SL_COLOR_NONE),
               sl_count_of(printer->compare->result.sides[s].row_count, "row", count));
        size_t read_count = side->read_count - printer->compare->result.sides[s].same_files;
        if (side->is_delta && read_count < side->file_count)
            printf(", %zu of %s to read, the others are the same", read_count,
                   sl_count_of((int64_t)side->file_count, "file", files));
        putchar('\n');
    }
}

static void print_columns(const struct printer *printer)
{
    const struct sl_compared *result = &printer->compare->result;
    const char *head = "\ncolumns\n";
    for (size_t i = 0; i < result->column_count; i++) {
        const struct sl_compared_column *column = &result->columns[i];
        const char *a = column->types[SL_SIDE_A], *b = column->types[SL_SIDE_B];
        if (sl_str_equal(a, b))
            continue;
        printf("%s  ", head);
        head = "";
        sl_put_plain(stdout, column->name);
        if (a && b)
            printf(": %s in A, %s in B\n", a, b);
        else
            printf(" %s: only in %c\n", a ? a : b, a ? 'A' : 'B');
    }
}

static void print_left_out(const struct printer *printer)
{
    const struct sl_compare_options *options = printer->compare->options;
    for (size_t i = 0; i < options->left_out.count && !options->columns.count; i++)
        printf("%s%s%s", i ? ", " : "\nnot compared unless --columns names them: ",
               options->left_out.items[i], i + 1 == options->left_out.count ? "\n" : "");
}

static void print_counts(const struct printer *printer)
{
    const struct sl_compared *result = &printer->compare->result;
    char number[32];
    printf("\nrows, ");
    for (size_t i = 0; i < result->key_count; i++) {
        printf("%s", i ? ", " : "by ");
        sl_put_plain(stdout, result->columns[i].name);
    }
    printf("%s\n", result->key_count ? "" : "as wholes");
    printf("  %s equal\n", sl_str_count(result->equal, number));
    if (result->key_count)
        printf("  %s differing\n", sl_str_count(result->differing, number));
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        printf("  %s only in %c\n", sl_str_count(result->sides[s].only, number), side_letters[s]);
}

static void print_keys(const struct printer *printer)
{
    char keys[64], rows[64];
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        const struct sl_compared_side *side = &printer->compare->result.sides[s];
        if (side->repeated_keys)
            printf("%sthe key is none in %c: %s of several rows, %s together%s\n",
                   sl_color(stdout, SL_COLOR_YELLOW), side_letters[s],
                   sl_count_of(side->repeated_keys, "key", keys),
                   sl_count_of(side->repeated_rows, "row", rows), sl_color(stdout, SL_COLOR_NONE));
        if (side->null_keys)
            printf("%s%s of %c without a whole key%s\n", sl_color(stdout, SL_COLOR_YELLOW),
                   sl_count_of(side->null_keys, "row", rows), side_letters[s],
                   sl_color(stdout, SL_COLOR_NONE));
    }
}

static int print_differing_columns(const struct printer *printer, struct sl_err *err)
{
    const struct sl_compared *result = &printer->compare->result;
    struct sl_grid grid;
    char number[32];
    sl_grid_init(&grid, printer->compare->arena, 2, 2);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"column", "differs in rows"}, err));
    for (size_t i = 0; i < result->column_count; i++)
        if (result->columns[i].differing) {
            const char *cells[] = {result->columns[i].name,
                                   sl_str_count(result->columns[i].differing, number)};
            SL_TRY(sl_grid_row(&grid, cells, err));
        }
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    putchar('\n');
    return sl_grid_print(&grid, stdout, err);
}

// One line for each value that differs; the key stands in the first one of a row.
static int add_differing_row(const struct printer *printer, const struct sl_result *rows,
                             int64_t row, struct sl_grid *grid, struct sl_err *err)
{
    const struct sl_compared *result = &printer->compare->result;
    const char **cells = SL_NEW_ARRAY(printer->compare->arena, const char *, grid->columns);
    const size_t keys = result->key_count;
    size_t at = keys;
    SL_TRY_NEW(cells, err);
    for (size_t i = 0; i < keys; i++)
        cells[i] = null_text(sl_result_text(rows, row, i));
    for (size_t i = keys; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]))
            continue;
        if (sl_str_equal(sl_result_text(rows, row, at + 2), "true")) {
            cells[keys] = result->columns[i].name;
            cells[keys + 1] = null_text(sl_result_text(rows, row, at));
            cells[keys + 2] = null_text(sl_result_text(rows, row, at + 1));
            SL_TRY(sl_grid_row(grid, cells, err));
            for (size_t k = 0; k < keys; k++)
                cells[k] = "";
        }
        at += 3;
    }
    return SL_OK;
}

static void print_example_head(const struct printer *printer, const char *what, int64_t shown,
                               int64_t all)
{
    char first[32], total[32];
    printf("\n%s%s%s", sl_color(stdout, SL_COLOR_BOLD), what, sl_color(stdout, SL_COLOR_NONE));
    if (shown < all)
        printf(", %s of %s", sl_str_count(shown, first), sl_str_count(all, total));
    putchar('\n');
    (void)printer;
}

static int print_differing(const struct printer *printer, struct sl_err *err)
{
    const struct sl_compared *result = &printer->compare->result;
    SL_AUTO(sl_result_free) struct sl_result *rows = NULL;
    struct sl_grid grid;
    SL_TRY(query(printer, SL_COMPARE_DIFFERING, &rows, err));
    print_example_head(printer, "differing", sl_result_rows(rows), result->differing);
    sl_grid_init(&grid, printer->compare->arena, result->key_count + 3, 0);
    const char **head = SL_NEW_ARRAY(printer->compare->arena, const char *, grid.columns);
    SL_TRY_NEW(head, err);
    for (size_t i = 0; i < result->key_count; i++)
        head[i] = result->columns[i].name;
    head[result->key_count] = "column";
    head[result->key_count + 1] = "A";
    head[result->key_count + 2] = "B";
    SL_TRY(sl_grid_row(&grid, head, err));
    for (int64_t row = 0; row < sl_result_rows(rows); row++)
        SL_TRY(add_differing_row(printer, rows, row, &grid, err));
    return sl_grid_print(&grid, stdout, err);
}

static int print_only(const struct printer *printer, enum sl_compare_kind kind, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *rows = NULL;
    SL_TRY(query(printer, kind, &rows, err));
    struct sl_rows printed = {.result = rows};
    print_example_head(printer, kind == SL_COMPARE_ONLY_A ? "only in A" : "only in B",
                       sl_result_rows(rows), count_of(printer, kind));
    return sl_rows_print_text(&printed, err);
}

int sl_diff_print_text(const struct sl_diff_side *sides, const struct sl_compare *compare,
                       int64_t limit, struct sl_err *err)
{
    const struct printer printer = {sides, compare, limit};
    print_sides(&printer);
    print_columns(&printer);
    print_left_out(&printer);
    print_counts(&printer);
    print_keys(&printer);
    if (sl_compare_is_equal(&compare->result)) {
        puts("\nno difference");
        return SL_OK;
    }
    SL_TRY(print_differing_columns(&printer, err));
    if (has_examples(&printer, SL_COMPARE_DIFFERING))
        SL_TRY(print_differing(&printer, err));
    if (has_examples(&printer, SL_COMPARE_ONLY_A))
        SL_TRY(print_only(&printer, SL_COMPARE_ONLY_A, err));
    return has_examples(&printer, SL_COMPARE_ONLY_B) ? print_only(&printer, SL_COMPARE_ONLY_B, err)
                                                     : SL_OK;
}

// --- JSON ---

static int append(json_t *array, json_t *item, struct sl_err *err)
{
    return json_array_append_new(array, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static json_t *side_json(const struct printer *printer, int s)
{
    const struct sl_diff_side *side = &printer->sides[s];
    const struct sl_compared_side *found = &printer->compare->result.sides[s];
    json_t *version =
        side->is_delta ? json_integer((json_int_t)side->snapshot.version) : json_null();
    json_t *files =
        side->is_delta
            ? json_pack("{s:I, s:I}", "all", (json_int_t)side->file_count, "read",
                        (json_int_t)(found->was_cached ? 0 : side->read_count - found->same_files))
            : json_null();
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "name", side->name, "version",
                     version, "rows", (json_int_t)found->row_count, "only", (json_int_t)found->only,
                     "repeated_keys", (json_int_t)found->repeated_keys, "repeated_rows",
                     (json_int_t)found->repeated_rows, "null_keys", (json_int_t)found->null_keys,
                     "was_cached", found->was_cached, "files", files);
}

static int add_columns(const struct printer *printer, json_t *columns, json_t *key,
                       struct sl_err *err)
{
    const struct sl_compared *result = &printer->compare->result;
    for (size_t i = 0; i < result->column_count; i++) {
        const struct sl_compared_column *column = &result->columns[i];
        if (column->is_key)
            SL_TRY(append(key, json_string(column->name), err));
        SL_TRY(append(columns,
                      json_pack("{s:s, s:s?, s:s?, s:I}", "name", column->name, "type_a",
                                column->types[SL_SIDE_A], "type_b", column->types[SL_SIDE_B],
                                "differing", (json_int_t)column->differing),
                      err));
    }
    return SL_OK;
}

static json_t *text_json(const char *text)
{
    return text ? json_string(text) : json_null();
}

static int add_only(const struct printer *printer, enum sl_compare_kind kind, json_t *list,
                    struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *rows = NULL;
    SL_TRY(query(printer, kind, &rows, err));
    for (int64_t row = 0; row < sl_result_rows(rows); row++) {
        json_t *item = json_object();
        SL_TRY_NEW(item, err);
        SL_TRY(append(list, item, err));
        for (size_t i = 0; i < sl_result_columns(rows); i++)
            SL_TRY(
                set(item, sl_result_name(rows, i), text_json(sl_result_text(rows, row, i)), err));
    }
    return SL_OK;
}

static int add_differing_json(const struct printer *printer, const struct sl_result *rows,
                              int64_t row, json_t *list, struct sl_err *err)
{
    const struct sl_compared *result = &printer->compare->result;
    json_t *key = json_object(), *values = json_object();
    size_t at = result->key_count;
    SL_TRY(append(list, json_pack("{s:o, s:o}", "key", key, "columns", values), err));
    for (size_t i = 0; i < result->key_count; i++)
        SL_TRY(set(key, result->columns[i].name, text_json(sl_result_text(rows, row, i)), err));
    for (size_t i = result->key_count; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]))
            continue;
        if (sl_str_equal(sl_result_text(rows, row, at + 2), "true"))
            SL_TRY(set(values, result->columns[i].name,
                       json_pack("{s:s?, s:s?}", "a", sl_result_text(rows, row, at), "b",
                                 sl_result_text(rows, row, at + 1)),
                       err));
        at += 3;
    }
    return SL_OK;
}

static int add_examples(const struct printer *printer, json_t *examples, struct sl_err *err)
{
    static const char *const names[] = {"only_a", "only_b"};
    for (int kind = SL_COMPARE_ONLY_A; kind <= SL_COMPARE_ONLY_B; kind++) {
        json_t *list = json_array();
        SL_TRY(set(examples, names[kind], list, err));
        if (has_examples(printer, (enum sl_compare_kind)kind))
            SL_TRY(add_only(printer, (enum sl_compare_kind)kind, list, err));
    }
    json_t *list = json_array();
    SL_AUTO(sl_result_free) struct sl_result *rows = NULL;
    SL_TRY(set(examples, "differing", list, err));
    if (!has_examples(printer, SL_COMPARE_DIFFERING))
        return SL_OK;
    SL_TRY(query(printer, SL_COMPARE_DIFFERING, &rows, err));
    for (int64_t row = 0; row < sl_result_rows(rows); row++)
        SL_TRY(add_differing_json(printer, rows, row, list, err));
    return SL_OK;
}

int sl_diff_print_json(const struct sl_diff_side *sides, const struct sl_compare *compare,
                       int64_t limit, struct sl_err *err)
{
    const struct printer printer = {sides, compare, limit};
    const struct sl_compared *result = &compare->result;
    json_t *columns = json_array(), *key = json_array(), *examples = json_object();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "schema", "sluice.diff/1",
        "is_equal", sl_compare_is_equal(result), "has_same_columns", result->has_same_columns, "a",
        side_json(&printer, SL_SIDE_A), "b", side_json(&printer, SL_SIDE_B), "key", key, "columns",
        columns, "equal", (json_int_t)result->equal, "differing", (json_int_t)result->differing,
        "buckets", (json_int_t)result->buckets, "differing_buckets",
        (json_int_t)result->differing_buckets, "examples", examples);
    SL_TRY_NEW(root, err);
    SL_TRY(add_columns(&printer, columns, key, err));
    SL_TRY(add_examples(&printer, examples, err));
    return sl_print_json(root, err);
}
