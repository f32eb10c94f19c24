// sluice show TABLE: columns, versions, and some rows; or what its values are.
#include "base/clock.h"
#include "cli/output.h"
#include "cli/profile.h"

struct show_options {
    struct sl_common common;
    const char *table;
    struct sl_as_of as_of;
    int64_t limit;
    bool profile;
    struct sl_strs columns;
    int64_t sample;
};

static const struct sl_opt rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct show_options, table), NULL,
     "layer.table, or a name alone.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "TABLE"},
    SL_AS_OF_ROWS(struct show_options),
    {"limit", SL_OPT_INT, offsetof(struct show_options, limit), "5", "Rows to show.", 0,
     .letter = 'n', .placeholder = "N"},
    {"profile", SL_OPT_BOOL, offsetof(struct show_options, profile), "false",
     "Per column: counts, nulls, distinct and most frequent values, quantiles, a histogram.", 0},
    {"columns", SL_OPT_STRINGS, offsetof(struct show_options, columns), NULL,
     "With --profile: of these columns only.", SL_OPT_WORDS, .placeholder = "COLUMN"},
    {"sample", SL_OPT_INT, offsetof(struct show_options, sample), "0",
     "With --profile: of so many rows, drawn at random; 0: of all.", 0, .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};

struct shown {
    const char *table;
    struct sl_delta_snapshot snapshot;
    struct sl_delta_commit_info *history;
    size_t history_count;
};

static void print_head(const struct shown *shown)
{
    const struct sl_delta_snapshot *snapshot = &shown->snapshot;
    char count[64], files[64], size[32], time[32];
    printf("%s%s%s, version %lld of %s\n%s, %s in %s\n", sl_color(stdout, SL_COLOR_BOLD),
           shown->table, sl_color(stdout, SL_COLOR_NONE), (long long)snapshot->version,
           sl_clock_format(snapshot->timestamp_ms * 1000, time),
           sl_count_of(snapshot->row_count, "row", count), sl_str_size(snapshot->size_bytes, size),
           sl_count_of((int64_t)snapshot->file_count, "file", files));
    sl_print_masked(snapshot->folder, stdout);
    putchar('\n');
    for (size_t i = 0; i < snapshot->partition_count; i++)
        printf("%s%s%s", i ? ", " : "partitioned by ", snapshot->partition_columns[i],
               i + 1 == snapshot->partition_count ? "\n" : "");
}

static int print_columns(const struct shown *shown, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 2, 0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"column", "type"}, err));
    for (size_t i = 0; i < shown->snapshot.column_count; i++)
        SL_TRY(sl_grid_row(
            &grid,
            (const char *const[]){shown->snapshot.columns[i].name, shown->snapshot.columns[i].type},
            err));
    putchar('\n');
    return sl_grid_print(&grid, stdout, err);
}

static int print_history(const struct shown *shown, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 3, 1);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"version", "time", "operation"}, err));
    for (size_t i = 0; i < shown->history_count; i++) {
        char time[32], version[32];
        snprintf(version, sizeof version, "%lld", (long long)shown->history[i].version);
        const char *cells[] = {version,
                               sl_clock_format(shown->history[i].timestamp_ms * 1000, time),
                               shown->history[i].operation};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    putchar('\n');
    return sl_grid_print(&grid, stdout, err);
}

static int fetch_rows(struct sl_lake *lake, const struct shown *shown, int64_t limit,
                      struct sl_result **ret, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!sl_table_parse(shown->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is not a table name", shown->table);
    SL_TRY(sl_step_view(&lake->context, layer, name, shown->snapshot.version, NULL, err));
    sl_buf_addf(&sql, "select * from %s.", sl_layer_name(layer));
    sl_buf_add_sql_name(&sql, name);
    sl_buf_addf(&sql, " limit %lld", (long long)limit);
    SL_TRY(sl_buf_check(&sql, err));
    return lake->session->kind->query(lake->session, sql.text, 0, ret, err);
}

// The project may have mistakes, and a table no model any more.
static const struct sl_model *model_of(const struct sl_lake *lake, const char *table)
{
    const struct sl_node *node =
        lake->world.has_graph ? sl_graph_node(&lake->world.graph, table) : NULL;
    return node ? node->model : NULL;
}

static int add_output(const struct sl_lake *lake, const char *table, json_t *root,
                      struct sl_err *err)
{
    const struct sl_model *model = model_of(lake, table);
    return model ? sl_output_add(root, model, err) : SL_OK;
}

// "of the output revenue: version 2, latest"
static int print_output(struct sl_lake *lake, const char *table, struct sl_err *err)
{
    const struct sl_model *model = model_of(lake, table);
    const char *text = model ? sl_output_text(model, &lake->world.arena) : "";
    SL_TRY_NEW(text, err);
    if (!*text)
        return SL_OK;
    if (model->version_of)
        printf("of the output %s: %s\n", model->version_of, text);
    else
        puts(text);
    return SL_OK;
}

// A view has no versions, no rows of its own and no folder: what it reads, its columns, some rows.
static int show_view(struct sl_lake *lake, const struct sl_view *view,
                     const struct show_options *options, struct sl_err *err)
{
    struct sl_arena *arena = &lake->world.arena;
    struct shown shown = {.table = sl_arena_printf(arena, "curated.%s", view->name)};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY_NEW(shown.table, err);
    SL_TRY(sl_lake_see(lake, view, &options->as_of, err));
    view = sl_lake_view(lake, view->name);
    sl_buf_add(&sql, "select * from curated.");
    sl_buf_add_sql_name(&sql, view->name);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(lake->session->kind->describe(lake->session, sql.text, arena, &shown.snapshot.columns,
                                         &shown.snapshot.column_count, err));
    sl_buf_addf(&sql, " limit %lld", (long long)options->limit);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(lake->session->kind->query(lake->session, sql.text, 0, &result, err));
    struct sl_rows printed = {.result = result};
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "sluice.show/1", "table", shown.table,
                                 "view_over", sl_json_strs(&view->bases));
        SL_TRY_NEW(root, err);
        SL_TRY(add_output(lake, shown.table, root, err));
        SL_TRY(sl_lake_add_notes(lake, root, err));
        return sl_rows_print_json(&printed, root, err);
    }
    sl_tell_notes(&options->common, &lake->notes);
    printf("%s%s%s, a view over", sl_color(stdout, SL_COLOR_BOLD), shown.table,
           sl_color(stdout, SL_COLOR_NONE));
    for (size_t i = 0; i < view->bases.count; i++)
        printf("%s %s", i ? "," : "", view->bases.items[i]);
    putchar('\n');
    SL_TRY(print_output(lake, shown.table, err));
    SL_TRY(print_columns(&shown, arena, err));
    if (options->limit == 0)
        return SL_OK;
    putchar('\n');
    return sl_rows_print_text(&printed, err);
}

static json_t *commit_json(const struct sl_delta_commit_info *commit)
{
    char time[32];
    return json_pack("{s:I, s:s, s:s?}", "version", (json_int_t)commit->version, "time",
                     sl_clock_format(commit->timestamp_ms * 1000, time), "operation",
                     commit->operation);
}

static int print_json(const struct sl_lake *lake, const struct shown *shown,
                      const struct sl_rows *sample, struct sl_err *err)
{
    const struct sl_delta_snapshot *snapshot = &shown->snapshot;
    char time[32];
    json_t *history = json_array(), *partition_by = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:s, s:o, s:o}", "schema", "sluice.show/1",
                  "table", shown->table, "version", (json_int_t)snapshot->version, "time",
                  sl_clock_format(snapshot->timestamp_ms * 1000, time), "row_count",
                  (json_int_t)snapshot->row_count, "size_bytes", (json_int_t)snapshot->size_bytes,
                  "file_count", (json_int_t)snapshot->file_count, "folder", snapshot->folder,
                  "partition_by", partition_by, "history", history);
    SL_TRY_NEW(root, err);
    SL_TRY(add_output(lake, shown->table, root, err));
    for (size_t i = 0; i < snapshot->partition_count; i++)
        if (json_array_append_new(partition_by, json_string(snapshot->partition_columns[i])) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < shown->history_count; i++)
        if (json_array_append_new(history, commit_json(&shown->history[i])) != 0)
            return sl_fail_memory(err);
    return sl_rows_print_json(sample, root, err);
}

static int check_options(const struct show_options *options, struct sl_err *err)
{
    SL_TRY(sl_require_limit(options->limit, err));
    if (!options->profile && (options->columns.count || options->sample))
        return sl_fail(err, SL_E_USAGE, "%s goes with --profile",
                       options->columns.count ? "--columns" : "--sample");
    if (options->sample < 0)
        return sl_fail(err, SL_E_USAGE, "--sample is '%lld', expected 0 or more",
                       (long long)options->sample);
    return SL_OK;
}

static int show_profile(struct sl_lake *lake, const struct show_options *options,
                        const struct shown *shown, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    SL_AUTO(sl_buf_clear) struct sl_buf view = SL_BUF_INIT;
    if (!sl_table_parse(shown->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is not a table name", shown->table);
    SL_TRY(sl_step_view(&lake->context, layer, name, shown->snapshot.version, NULL, err));
    sl_buf_addf(&view, "%s.", sl_layer_name(layer));
    sl_buf_add_sql_name(&view, name);
    SL_TRY(sl_buf_check(&view, err));
    const struct sl_profile_options asked = {.table = shown->table,
                                             .folder = shown->snapshot.folder,
                                             .table_id = shown->snapshot.table_id,
                                             .version = shown->snapshot.version,
                                             .columns = shown->snapshot.columns,
                                             .column_count = shown->snapshot.column_count,
                                             .wanted = options->columns,
                                             .rows = shown->snapshot.row_count,
                                             .sample = options->sample,
                                             .view = view.text,
                                             .common = &options->common};
    return sl_profile_show(lake, &asked, err);
}

static int run_show(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct show_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct shown shown = {0};
    enum sl_layer layer;
    const char *name, *folder;
    int64_t version;
    (void)ret_exit;
    SL_TRY(check_options(options, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    struct sl_arena *arena = &lake.world.arena;
    const struct sl_view *view = sl_lake_view(&lake, options->table);
    if (view)
        return show_view(&lake, view, options, err);
    SL_TRY(sl_lake_table(&lake, options->table, &layer, &name, &folder, err));
    shown.table = sl_arena_printf(arena, "%s.%s", sl_layer_name(layer), name);
    SL_TRY_NEW(shown.table, err);
    SL_TRY(sl_lake_version(&lake, shown.table, folder, &options->as_of, &version, err));
    SL_TRY(sl_delta_load(folder, version, lake.session, arena, &shown.snapshot, err));
    if (options->profile)
        return show_profile(&lake, options, &shown, err);
    SL_TRY(sl_delta_history(folder, 10, arena, &shown.history, &shown.history_count, err));
    SL_TRY(fetch_rows(&lake, &shown, options->limit, &result, err));
    struct sl_rows printed = {.result = result};
    if (options->common.json)
        return print_json(&lake, &shown, &printed, err);
    print_head(&shown);
    SL_TRY(print_output(&lake, shown.table, err));
    SL_TRY(print_columns(&shown, arena, err));
    SL_TRY(print_history(&shown, arena, err));
    if (options->limit == 0)
        return SL_OK;
    putchar('\n');
    return sl_rows_print_text(&printed, err);
}

static const char *const examples[] = {
    "sluice show clean.orders", "sluice show daily_revenue --version 3 -n 20",
    "sluice show clean.orders --profile --columns amount status", NULL};

const struct sl_command sl_command_show = {
    .name = "show",
    .summary = "Show a table: columns, versions and some rows, or the profile of its values.",
    .rows = rows,
    .options_bytes = sizeof(struct show_options),
    .examples = examples,
    .run = run_show,
};
