// sluice diff: what two tables, versions, environments, deliveries or files do not have in common.
#include "cli/diff.h"
#include "cli/export_file.h"
#include "cli/watch.h"

#include "base/fs.h"

#include <string.h>

struct diff_options {
    struct sl_common common;
    const char *a, *b;
    struct sl_strs key, columns;
    bool whole_rows;
    const char *where, *output;
    double tolerance;
    int64_t limit;
    bool summary, force, fresh, exit_code;
};

// clang-format off
static const struct sl_opt rows[] = {
    {"a", SL_OPT_STRING, offsetof(struct diff_options, a), NULL,
     "A table (clean.orders), one of its versions (clean.orders@12, clean.orders@2026-01-31), that of another environment "
     "(prod:clean.orders), a delivery (target:warehouse/clean.orders), or a file.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "TABLE|FILE"},
    {"b", SL_OPT_STRING, offsetof(struct diff_options, b), NULL, "What to compare it with, of the same kinds.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "TABLE|FILE"},
    {"key", SL_OPT_STRINGS, offsetof(struct diff_options, key), NULL,
     "Columns that tell rows apart; else the key or grain that the project says.", SL_OPT_WORDS, .letter = 'k',
     .placeholder = "COLUMN"},
    {"whole_rows", SL_OPT_BOOL, offsetof(struct diff_options, whole_rows), "false",
     "Compare rows as wholes, as often as each occurs, whatever the key.", 0},
    {"columns", SL_OPT_STRINGS, offsetof(struct diff_options, columns), NULL,
     "Compare these columns only, and the key.", SL_OPT_WORDS, .placeholder = "COLUMN"},
    {"where", SL_OPT_STRING, offsetof(struct diff_options, where), NULL,
     "Compare only rows for which this holds, in SQL.", 0, .placeholder = "SQL"},
    {"tolerance", SL_OPT_DOUBLE, offsetof(struct diff_options, tolerance), "0",
     "Numbers that are no further apart are equal.", 0, .placeholder = "NUMBER"},
    {"limit", SL_OPT_INT, offsetof(struct diff_options, limit), "5", "Example rows of each kind.", 0,
     .letter = 'n', .placeholder = "N"},
    {"summary", SL_OPT_BOOL, offsetof(struct diff_options, summary), "false", "Counts only, no example rows.", 0},
    {"output", SL_OPT_STRING, offsetof(struct diff_options, output), NULL,
     "Write every row that differs to a file: .csv, .jsonl or .parquet.", 0, .letter = 'o', .placeholder = "FILE"},
    {"force", SL_OPT_BOOL, offsetof(struct diff_options, force), "false", "Write over a file that is there.", 0},
    {"fresh", SL_OPT_BOOL, offsetof(struct diff_options, fresh), "false",
     "Read the data anew, and use no digests that were kept from before.", 0},
    {"exit_code", SL_OPT_BOOL, offsetof(struct diff_options, exit_code), "false",
     "End with 1 if they differ.", 0},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

static int check_options(const struct diff_options *options, struct sl_err *err)
{
    SL_TRY(sl_require_limit(options->limit, err));
    if (options->tolerance < 0 || options->tolerance != options->tolerance)
        return sl_fail(err, SL_E_USAGE, "--tolerance is '%g', expected 0 or more",
                       options->tolerance);
    if (options->whole_rows && options->key.count)
        return sl_fail(err, SL_E_USAGE, "--key and --whole-rows contradict each other");
    return SL_OK;
}

// "a,b" is two columns.
static int split_names(const struct sl_strs *list, struct sl_arena *arena, struct sl_strs *ret,
                       struct sl_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *at = list->items[i];
        while (*at) {
            size_t length = strcspn(at, ",");
            const char *name = sl_arena_strndup(arena, at, length);
            SL_TRY_NEW(name, err);
            if (length)
                SL_TRY(sl_strs_add(ret, arena, name, err));
            at += length + (at[length] == ',');
        }
    }
    return SL_OK;
}

static bool has_columns(const struct sl_compare_side *side, const struct sl_strs *names)
{
    for (size_t i = 0; i < names->count; i++) {
        bool is_there = false;
        for (size_t k = 0; k < side->column_count && !is_there; k++)
            is_there = sl_str_equal_nocase(side->columns[k].name, names->items[i]);
        if (!is_there)
            return false;
    }
    return names->count > 0;
}

// The key that one side has, if it is one for both.
static void choose_key(const struct diff_options *options, const struct sl_diff_side *sides,
                       struct sl_compare_options *compared)
{
    for (int s = 0; s < SL_SIDE_COUNT && !options->whole_rows && !compared->key.count; s++)
        if (has_columns(&sides[SL_SIDE_A].side, &sides[s].key) &&
            has_columns(&sides[SL_SIDE_B].side, &sides[s].key))
            compared->key = sides[s].key;
}

static int place_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

// One expression, and over the columns of both: the place of a mistake is that in its own text.
static int check_where(const struct sl_diff_side *side, const char *where, struct sl_err *err)
{
    struct sl_session *session = side->lake->session;
    for (int brackets = 0; brackets < 2; brackets++) { // without, no bracket can be closed
        SL_AUTO(sl_buf_clear) struct sl_buf head = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        struct sl_column *columns;
        size_t count;
        sl_buf_add(&head, "select 1 from (select ");
        for (size_t c = 0; c < side->side.column_count; c++) {
            sl_buf_addf(&head, "%scast(null as %s) as ", c ? ", " : "", side->side.columns[c].type);
            sl_buf_add_sql_name(&head, side->side.columns[c].name);
        }
        sl_buf_add(&head, ") where ");
        sl_buf_addf(&sql, brackets ? "%s(\n%s\n)" : "%s\n%s", head.text, where);
        SL_TRY(sl_buf_check(&head, err));
        SL_TRY(sl_buf_check(&sql, err));
        if (session->kind->describe(session, sql.text, &side->lake->world.arena, &columns, &count,
                                    err) == SL_OK)
            continue;
        int line = err->line - place_lines(head.text) - 1;
        err->line = line > 0 ? line : 0;
        return sl_err_context(err, "--where, over %s", side->name);
    }
    return SL_OK;
}

static int write_output(const struct sl_compare *compare, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf query = SL_BUF_INIT;
    SL_TRY(sl_compare_output_sql(compare, &query, err));
    SL_TRY(sl_buf_check(&query, err));
    return sl_export_write(compare->session, query.text, path, NULL, err);
}

struct sides {
    struct sl_diff_side items[SL_SIDE_COUNT];
};

static void sides_clear(struct sides *sides)
{
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        sl_diff_side_clear(&sides->items[s]);
}

// Files can be compared where there is no project, unless one is asked for.
static int open_lake(const struct diff_options *options, const struct sl_diff_ref *refs,
                     struct sl_lake *lake, struct sl_err *err)
{
    const struct sl_common *common = &options->common;
    bool is_asked = common->folder || common->environment || common->settings.count;
    int code = sl_lake_open(common, lake, err);
    if (code != SL_E_PROJECT_MISSING || is_asked)
        return code;
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        if (refs[s].kind != SL_DIFF_FILE)
            return sl_err_context(err, "'%s' is not a file", refs[s].text);
    sl_err_clear(err);
    return sl_lake_open_bare(lake, err);
}

static int open_sides(struct sl_lake *lake, const struct diff_options *options,
                      const struct sl_diff_ref *refs, struct sides *sides, struct sl_err *err)
{
    static const char *const temps[] = {"_diff_rows_a", "_diff_rows_b"};
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        SL_TRY(
            sl_diff_side_open(lake, &options->common, &refs[s], temps[s], &sides->items[s], err));
    return SL_OK;
}

static int compare(const struct diff_options *options, struct sides *sides,
                   struct sl_compare_options *asked, struct sl_compare *ret, struct sl_err *err)
{
    struct sl_lake *lake = sides->items[0].lake;
    *ret = (struct sl_compare){.session = lake->session,
                               .arena = &lake->world.arena,
                               .sides = {&sides->items[0].side, &sides->items[1].side},
                               .options = asked};
    *asked = (struct sl_compare_options){.where = options->where,
                                         .tolerance = options->tolerance,
                                         .needs_rows = options->output != NULL,
                                         .only_differing = options->output == NULL};
    SL_TRY(split_names(&options->key, ret->arena, &asked->key, err));
    SL_TRY(split_names(&options->columns, ret->arena, &asked->columns, err));
    choose_key(options, sides->items, asked);
    asked->left_out = sides->items[sides->items[0].left_out.count ? 0 : 1].left_out;
    if (!options->fresh && lake->world.project->state_folder) {
        asked->digests = sl_path_join(ret->arena, lake->world.project->state_folder, "digests");
        SL_TRY_NEW(asked->digests, err);
    }
    SL_TRY(sl_compare_columns(ret, err));
    options->common.cli->sql = options->where;
    for (int s = 0; s < SL_SIDE_COUNT && options->where; s++)
        SL_TRY(check_where(&sides->items[s], options->where, err));
    SL_TRY(sl_diff_sides_scan(&sides->items[0], &sides->items[1], options->where, err));
    return sl_compare_rows(ret, err);
}

static int run_diff(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct diff_options *options = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sides_clear) struct sides sides = {0};
    struct sl_compare_options asked;
    struct sl_compare compared;
    struct sl_diff_ref refs[SL_SIDE_COUNT];
    sl_arena_init(&arena, 0);
    SL_TRY(check_options(options, err));
    if (options->output)
        SL_TRY(sl_export_check("--output", options->output, options->force, err));
    SL_TRY(sl_diff_ref_parse(options->a, &arena, &refs[SL_SIDE_A], err));
    SL_TRY(sl_diff_ref_parse(options->b, &arena, &refs[SL_SIDE_B], err));
    SL_TRY(open_lake(options, refs, &lake, err));
    SL_AUTO(sl_watch_end) struct sl_watch watch = {0};
    sl_watch_begin(&watch, &options->common, lake.session, "comparing");
    SL_TRY(open_sides(&lake, options, refs, &sides, err));
    SL_TRY(compare(options, &sides, &asked, &compared, err));
    if (options->output)
        SL_TRY(write_output(&compared, options->output, err));
    sl_watch_end(&watch);
    int64_t limit = options->summary ? 0 : options->limit;
    if (options->common.json)
        SL_TRY(sl_diff_print_json(sides.items, &compared, limit, err));
    else
        SL_TRY(sl_diff_print_text(sides.items, &compared, limit, err));
    if (options->exit_code && !sl_compare_is_equal(&compared.result))
        *ret_exit = 1;
    return SL_OK;
}

static const char *const examples[] = {
    "sluice diff clean.orders@11 clean.orders",
    "sluice diff prod:curated.daily_revenue curated.daily_revenue --key day country",
    "sluice diff curated.daily_revenue target:warehouse/curated.daily_revenue --exit-code",
    "sluice diff old.parquet new.csv --key id",
    "sluice diff old.parquet clean.orders --where \"day >= '2026-01-01'\" -o diff.csv",
    NULL};

const struct sl_command sl_command_diff = {
    .name = "diff",
    .summary =
        "Compare two tables, versions, environments, deliveries or files, by key and column.",
    .details =
        "Files that two versions of a table share are not read, nor what has the same bytes in "
        "both. "
        "Of all else one scan takes a digest, and only rows of "
        "buckets whose\n"
        "digests differ are looked at again; digests are kept in the state folder, which may be "
        "deleted. Values are "
        "compared, not how they\n"
        "are stored: a decimal with a double, a text with a date. A key that several rows have is "
        "reported, and its "
        "rows are paired one by\n"
        "one. Two files, or folders of tables, need no project. The exit code is 0 whether they "
        "differ or not; with\n--exit-code it is 1 if they do.",
    .rows = rows,
    .options_bytes = sizeof(struct diff_options),
    .examples = examples,
    .run = run_diff,
};
