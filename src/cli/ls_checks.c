// sluice ls --checks: every kind of rule and check, with what it takes.
#include "cli/ls_checks.h"

#include "api/check.h"
#include "contract/rule.h"

// One kind, wherever it comes from.
struct entry {
    const char *name, *summary, *example;
    const char *stands;              // "column", "row", "table"
    const struct sl_rule_form *form; // NULL: a check of tables
};

struct entries {
    struct entry *items;
    size_t count;
};

// Of several columns; that of one is a word of its column. All rows are judged together, so that it
// is no predicate over one row as the other kinds are.
static const struct sl_rule_kind unique_rows = {
    .name = "unique",
    .summary = "No earlier row has the same values in the columns together; of one column: "
               "`unique: true`.",
    .example = "implementation: {kind: unique, columns: [street, city]}",
    .is_for_rows = true,
};

static const char *stands_of(const struct sl_rule_kind *kind, const struct sl_rule_form *form)
{
    bool is_of_column = !form->stands || form->stands == SL_RULE_AT_COLUMN;
    return is_of_column || !kind->is_for_rows ? "column" : "row";
}

static int add_kind(const struct sl_rule_kind *kind, const char *name, struct sl_arena *arena,
                    struct entries *ret, struct sl_err *err)
{
    const struct sl_rule_form *form = sl_rule_form_find(kind->name);
    struct entry entry = {kind->name, kind->summary, kind->example, stands_of(kind, form), form};
    if ((!name || sl_str_equal(kind->name, name)) && !SL_PUSH(arena, ret->items, ret->count, entry))
        return sl_fail_memory(err);
    return SL_OK;
}

static int collect(const char *name, struct sl_arena *arena, struct entries *ret,
                   struct sl_err *err)
{
    for (size_t i = 0; sl_rule_kinds[i]; i++)
        SL_TRY(add_kind(sl_rule_kinds[i], name, arena, ret, err));
    SL_TRY(add_kind(&unique_rows, name, arena, ret, err));
    for (size_t i = 0; sl_check_kinds[i]; i++) {
        const struct sl_check_kind *kind = sl_check_kinds[i];
        struct entry entry = {kind->name, kind->summary, kind->example, "table", NULL};
        if ((!name || sl_str_equal(kind->name, name)) &&
            !SL_PUSH(arena, ret->items, ret->count, entry))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int refuse(const char *name, struct sl_arena *arena, struct sl_err *err)
{
    struct entries all = {0};
    struct sl_strs names = {0};
    SL_TRY(collect(NULL, arena, &all, err));
    for (size_t i = 0; i < all.count; i++)
        SL_TRY(sl_strs_add(&names, arena, all.items[i].name, err));
    const char *hint = sl_did_you_mean(arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_USAGE, "there is no kind of rule or check '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice ls --checks` lists them");
}

static int options_of(const struct entry *entry, struct sl_arena *arena, const struct sl_opt **ret,
                      struct sl_err *err)
{
    static const struct sl_opt none[] = {{0}};
    *ret = none;
    return entry->form && entry->form->stands ? sl_rule_form_rows(entry->form, arena, ret, err)
                                              : SL_OK;
}

static int options_json(const struct entry *entry, struct sl_arena *arena, json_t **ret,
                        struct sl_err *err)
{
    const struct sl_opt *rows;
    json_t *list = json_array();
    *ret = list;
    SL_TRY_NEW(list, err);
    SL_TRY(options_of(entry, arena, &rows, err));
    for (; rows->name; rows++)
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", rows->name, "summary",
                                                  rows->summary, "required",
                                                  (rows->flags & SL_OPT_REQUIRED) != 0)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int entry_json(const struct entry *entry, struct sl_arena *arena, json_t **ret,
                      struct sl_err *err)
{
    json_t *options = NULL, *formats = json_array();
    bool has_formats = entry->form && sl_str_equal(entry->name, "format");
    if (options_json(entry, arena, &options, err) != SL_OK) {
        json_decref(options);
        json_decref(formats);
        return sl_fail_memory(err);
    }
    for (size_t i = 0; has_formats && sl_format_names[i]; i++)
        (void)json_array_append_new(formats, json_string(sl_format_names[i]));
    *ret = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", entry->name, "stands", entry->stands,
        "dimension", entry->form ? sl_rule_dimension_name(entry->form->dimension) : "", "summary",
        entry->summary, "example", entry->example, "options", options, "formats", formats);
    return *ret ? SL_OK : sl_fail_memory(err);
}

static int print_json(const struct entries *entries, struct sl_arena *arena, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o}", "schema", "sluice.checks/1", "checks", list);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < entries->count; i++) {
        json_t *item = NULL;
        SL_TRY(entry_json(&entries->items[i], arena, &item, err));
        if (json_array_append_new(list, item) != 0)
            return sl_fail_memory(err);
    }
    return sl_print_json(root, err);
}

static int print_list(const struct entries *entries, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 4, 0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"kind", "of a", "what holds", "example"}, err));
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->items[i];
        SL_TRY(sl_grid_row(
            &grid,
            (const char *const[]){entry->name, entry->stands, entry->summary, entry->example},
            err));
    }
    return sl_grid_print(&grid, stdout, err);
}

static int print_one(const struct entry *entry, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_opt *rows;
    SL_TRY(options_of(entry, arena, &rows, err));
    sl_buf_addf(&text, "%s (of a %s): %s\n", entry->name, entry->stands, entry->summary);
    if (entry->form)
        sl_buf_addf(&text, "dimension: %s\n", sl_rule_dimension_name(entry->form->dimension));
    sl_buf_addf(&text, "example:   %s\n", entry->example);
    for (size_t i = 0; sl_str_equal(entry->name, "format") && sl_format_names[i]; i++)
        sl_buf_addf(&text, "%s%s", i ? ", " : "formats:   ", sl_format_names[i]);
    sl_buf_add(&text, sl_str_equal(entry->name, "format") ? "\n" : "");
    for (size_t i = 0; rows[i].name; i++)
        sl_buf_addf(&text, "%s  %-14s %s%s\n", i ? "" : "options:\n", rows[i].name,
                    rows[i].flags & SL_OPT_REQUIRED ? "(required) " : "", rows[i].summary);
    SL_TRY(sl_buf_check(&text, err));
    fputs(text.text, stdout);
    return SL_OK;
}

int sl_ls_checks(const char *name, bool is_json, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct entries entries = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(collect(name, &arena, &entries, err));
    if (!entries.count)
        return refuse(name, &arena, err);
    if (is_json)
        return print_json(&entries, &arena, err);
    if (!name)
        return print_list(&entries, &arena, err);
    for (size_t i = 0; i < entries.count; i++) {
        if (i)
            putchar('\n');
        SL_TRY(print_one(&entries.items[i], &arena, err));
    }
    return SL_OK;
}
