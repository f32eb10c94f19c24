#include "cli/lake.h"

#include "base/clock.h"
#include "base/fs.h"

#include <string.h>

int sl_lake_open(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err)
{
    struct sl_world_options options = {.folder = common->folder, .environment = common->environment};
    SL_TRY(sl_world_open(&options, &ret->world, err));
    SL_TRY(sl_world_session(&ret->world, &ret->session, err));
    ret->context = (struct sl_step_context){
        .project = ret->world.project, .session = ret->session, .arena = &ret->world.arena, .run_id = ""};
    return SL_OK;
}

void sl_lake_close(struct sl_lake *lake)
{
    sl_session_close(&lake->session);
    if (lake->world.project)
        sl_world_close(&lake->world);
}

int sl_lake_tables(struct sl_lake *lake, struct sl_strs *ret, struct sl_err *err)
{
    struct sl_arena *arena = &lake->world.arena;
    for (int layer = SL_LAYER_RAW; layer <= SL_LAYER_CURATED; layer++) {
        const char *layer_name = sl_layer_name((enum sl_layer)layer);
        const char *folder = sl_path_join(arena, lake->world.project->lake_folder, layer_name);
        struct sl_strs names = {0};
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_fs_list(folder, arena, &names, err));
        for (size_t i = 0; i < names.count; i++) {
            const char *table = sl_arena_printf(arena, "%s.%s", layer_name, names.items[i]);
            const char *log = sl_arena_printf(arena, "%s/%s/_delta_log", folder, names.items[i]);
            SL_TRY_NEW(table, err);
            SL_TRY_NEW(log, err);
            if (sl_fs_exists(log))
                SL_TRY(sl_strs_add(ret, arena, table, err));
        }
    }
    sl_strs_sort(ret);
    return SL_OK;
}

static int missing(struct sl_lake *lake, const char *table, struct sl_err *err)
{
    struct sl_strs tables = {0};
    SL_TRY(sl_lake_tables(lake, &tables, err));
    const char *hint = sl_did_you_mean(&lake->world.arena, table, tables.items, tables.count);
    (void)sl_fail(err, SL_E_TABLE_MISSING, "there is no table '%s'", table);
    return sl_err_hint(err, "%s", hint ? hint : tables.count ? "`sluice ls` lists them" : "nothing was built yet: `sluice run`");
}

int sl_lake_table(struct sl_lake *lake, const char *table, enum sl_layer *ret_layer, const char **ret_name,
                  const char **ret_folder, struct sl_err *err)
{
    static const enum sl_layer order[] = {SL_LAYER_CURATED, SL_LAYER_CLEAN, SL_LAYER_RAW, SL_LAYER_QUARANTINE};
    struct sl_arena *arena = &lake->world.arena;
    enum sl_layer layer;
    const char *name;
    bool is_full = sl_table_parse(table, &layer, &name);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (is_full && order[i] != layer)
            continue;
        const char *folder = sl_table_folder(lake->world.project, order[i], is_full ? name : table, arena);
        const char *log = folder ? sl_path_join(arena, folder, "_delta_log") : NULL;
        SL_TRY_NEW(log, err);
        if (!sl_fs_exists(log))
            continue;
        *ret_layer = order[i];
        *ret_name = is_full ? name : table;
        *ret_folder = folder;
        return SL_OK;
    }
    return missing(lake, table, err);
}

// "clean.orders=12" for this table, or "12" alone; -1 if none speaks of it.
static int asked_version(const char *table, const struct sl_as_of *as_of, int64_t *ret, struct sl_err *err)
{
    *ret = -1;
    for (size_t i = 0; i < as_of->versions.count; i++) {
        const char *text = as_of->versions.items[i], *equals = strchr(text, '=');
        const char *number = equals ? equals + 1 : text;
        int64_t version;
        if (!sl_str_to_int64(number, &version) || version < 0)
            return sl_fail(err, SL_E_USAGE, "--version takes TABLE=N, found '%s'", text);
        if (!equals || (strlen(table) == (size_t)(equals - text) && strncmp(table, text, (size_t)(equals - text)) == 0))
            *ret = version;
    }
    return SL_OK;
}

int sl_lake_version(struct sl_lake *lake, const char *table, const char *folder, const struct sl_as_of *as_of, int64_t *ret,
                    struct sl_err *err)
{
    int64_t time_us;
    (void)lake;
    SL_TRY(asked_version(table, as_of, ret, err));
    if (*ret >= 0 || !as_of->at)
        return SL_OK;
    if (sl_clock_parse(as_of->at, &time_us) != 0)
        return sl_fail(err, SL_E_USAGE, "--at takes a date or a time like 2026-01-31T12:00:00Z, found '%s'", as_of->at);
    if (sl_delta_version_at(folder, time_us / 1000, ret, err) != SL_OK)
        return sl_err_context(err, "table '%s'", table);
    return SL_OK;
}

static int view_one(struct sl_lake *lake, const struct sl_table_ref *ref, const struct sl_as_of *as_of, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name, *folder;
    int64_t version;
    const char *table = sl_arena_printf(&lake->world.arena, "%s.%s", ref->layer, ref->name);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_lake_table(lake, table, &layer, &name, &folder, err));
    SL_TRY(sl_lake_version(lake, table, folder, as_of, &version, err));
    return sl_step_view(&lake->context, layer, name, version, NULL, err);
}

int sl_lake_prepare(struct sl_lake *lake, const char *sql, const struct sl_as_of *as_of, struct sl_err *err)
{
    const char *ast;
    struct sl_query query = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_TRY(lake->session->kind->parse(lake->session, &sql, 1, &lake->world.arena, &ast, err));
    SL_TRY(sl_query_read(ast, sql, "", 1, 1, &lake->world.arena, &diags, &query, err));
    if (diags.error_count) {
        *err = diags.items[0].err;
        return err->code;
    }
    for (size_t i = 0; i < query.table_count; i++) {
        enum sl_layer layer;
        const char *name;
        char table[160];
        snprintf(table, sizeof table, "%s.%s", query.tables[i].layer ? query.tables[i].layer : "", query.tables[i].name);
        if (query.tables[i].layer && sl_table_parse(table, &layer, &name))
            SL_TRY(view_one(lake, &query.tables[i], as_of, err));
        else
            return missing(lake, query.tables[i].name, err);
    }
    return SL_OK;
}

static int print_rows_json(const struct sl_result *result, int64_t count, struct sl_err *err)
{
    json_t *columns = json_array(), *rows = json_array();
    SL_AUTO(sl_json_free) json_t *root = json_pack("{s:s, s:o, s:o, s:b}", "schema", "sluice.query/1", "columns", columns, "rows",
                                                   rows, "is_cut", count < sl_result_rows(result));
    SL_TRY_NEW(root, err);
    for (size_t c = 0; c < sl_result_columns(result); c++)
        if (json_array_append_new(columns, json_pack("{s:s, s:s}", "name", sl_result_name(result, c), "type",
                                                     sl_result_type(result, c))) != 0)
            return sl_fail_memory(err);
    for (int64_t r = 0; r < count; r++) {
        json_t *row = json_array();
        if (json_array_append_new(rows, row) != 0)
            return sl_fail_memory(err);
        for (size_t c = 0; c < sl_result_columns(result); c++) {
            const char *text = sl_result_text(result, r, c);
            if (json_array_append_new(row, text ? json_string(text) : json_null()) != 0)
                return sl_fail_memory(err);
        }
    }
    return sl_print_json(root, err);
}

static void print_csv_cell(const char *text)
{
    if (!text || !strpbrk(text, ",\"\r\n")) {
        fputs(text ? text : "", stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_rows_csv(const struct sl_result *result, int64_t count)
{
    size_t columns = sl_result_columns(result);
    for (int64_t r = -1; r < count; r++)
        for (size_t c = 0; c < columns; c++) {
            print_csv_cell(r < 0 ? sl_result_name(result, c) : sl_result_text(result, r, c));
            putchar(c + 1 < columns ? ',' : '\n');
        }
}

static bool is_number(const char *type)
{
    return strstr(type, "INT") || sl_str_starts(type, "DECIMAL") || sl_str_equal(type, "DOUBLE") || sl_str_equal(type, "FLOAT");
}

static int print_rows_text(const struct sl_result *result, int64_t count, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    size_t columns = sl_result_columns(result);
    unsigned right = 0;
    sl_arena_init(&arena, 0);
    const char **cells = SL_NEW_ARRAY(&arena, const char *, columns);
    SL_TRY_NEW(cells, err);
    for (size_t c = 0; c < columns; c++) {
        cells[c] = sl_result_name(result, c);
        right |= is_number(sl_result_type(result, c)) ? 1u << c % 32 : 0;
    }
    struct sl_grid grid;
    sl_grid_init(&grid, &arena, columns, right);
    SL_TRY(sl_grid_row(&grid, cells, err));
    for (int64_t r = 0; r < count; r++) {
        for (size_t c = 0; c < columns; c++)
            cells[c] = sl_result_text(result, r, c);
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    sl_grid_print(&grid, stdout);
    return SL_OK;
}

int sl_lake_print(const struct sl_result *result, enum sl_rows_format format, int64_t limit, struct sl_err *err)
{
    int64_t count = sl_result_rows(result);
    bool is_cut = limit > 0 && count > limit;
    if (is_cut)
        count = limit;
    switch (format) {
    case SL_ROWS_JSON:
        return print_rows_json(result, count, err);
    case SL_ROWS_CSV:
        print_rows_csv(result, count);
        return SL_OK;
    case SL_ROWS_TEXT:
        break;
    }
    SL_TRY(print_rows_text(result, count, err));
    if (is_cut)
        printf("... only the first %lld rows; --limit 0 shows all\n", (long long)count);
    return SL_OK;
}
