#include "cli/lake.h"

#include "base/clock.h"
#include "base/fs.h"

#include <string.h>

static int begin(struct sl_lake *lake, struct sl_err *err)
{
    SL_TRY(sl_world_session(&lake->world, &lake->session, err));
    lake->context = (struct sl_step_context){.project = lake->world.project,
                                             .views = &lake->world.views,
                                             .session = lake->session,
                                             .arena = &lake->world.arena,
                                             .run_id = ""};
    return SL_OK;
}

int sl_lake_open_bare(struct sl_lake *ret, struct sl_err *err)
{
    SL_TRY(sl_world_open_bare(&ret->world, err));
    return begin(ret, err);
}

static int open_project(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err)
{
    struct sl_world_options options = {
        .folder = common->folder,
        .environment = common->environment,
        .overrides = common->settings,
        .resolve_secrets = true,
    };
    SL_TRY(sl_world_open(&options, &ret->world, err));
    sl_note_project(common, ret->world.project);
    return SL_OK;
}

int sl_lake_open(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err)
{
    SL_TRY(open_project(common, ret, err));
    sl_warn_of_other_lake(common, ret->world.project);
    return begin(ret, err);
}

int sl_lake_open_to_write(const struct sl_common *common, struct sl_lake *ret, struct sl_err *err)
{
    SL_TRY(open_project(common, ret, err));
    SL_TRY(sl_refuse_other_lake(ret->world.project, err));
    return begin(ret, err);
}

void sl_lake_close(struct sl_lake *lake)
{
    sl_session_close(&lake->session);
    if (lake->world.project)
        sl_world_close(&lake->world);
}

const char *sl_bare_table(const char *table)
{
    enum sl_layer layer;
    const char *name;
    return sl_table_parse(table, &layer, &name) ? name : table;
}

static int add_tables(const char *lake_folder, enum sl_layer layer, struct sl_arena *arena,
                      struct sl_strs *ret, struct sl_err *err)
{
    const char *layer_name = sl_layer_name(layer);
    const char *folder = sl_path_join(arena, lake_folder, layer_name);
    struct sl_strs names = {0};
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_list(folder, arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *table = sl_arena_printf(arena, "%s.%s", layer_name, names.items[i]);
        const char *log = sl_arena_printf(arena, "%s/%s/_delta_log", folder, names.items[i]);
        SL_TRY_NEW(table, err);
        SL_TRY_NEW(log, err);
        if (sl_fs_exists(log) && !sl_strs_has(ret, table))
            SL_TRY(sl_strs_add(ret, arena, table, err));
    }
    return SL_OK;
}

int sl_lake_tables(struct sl_lake *lake, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_project *project = lake->world.project;
    for (enum sl_layer layer = SL_LAYER_RAW; layer <= SL_LAYER_CURATED; layer++) {
        SL_TRY(add_tables(project->lake_folder, layer, &lake->world.arena, ret, err));
        if (project->read_lake)
            SL_TRY(add_tables(project->read_lake, layer, &lake->world.arena, ret, err));
    }
    sl_strs_sort(ret);
    return SL_OK;
}

// The table that a name without a layer could mean: the first that is called so, or nearly so.
static const char *find_bare(const struct sl_strs *tables, const char *name, struct sl_arena *arena)
{
    const char **bare = SL_NEW_ARRAY(arena, const char *, tables->count);
    for (size_t i = 0; bare && i < tables->count; i++)
        bare[i] = strchr(tables->items[i], '.') + 1;
    const char *nearest = bare ? sl_str_nearest(name, bare, tables->count) : NULL;
    for (size_t i = 0; nearest && i < tables->count; i++)
        if (sl_str_equal(bare[i], nearest))
            return tables->items[i];
    return NULL;
}

static const struct sl_task *find_task(const struct sl_project *project, const char *name)
{
    const char *bare = sl_str_starts(name, "task.") ? name + strlen("task.") : name;
    for (size_t i = 0; i < project->task_count; i++)
        if (sl_str_equal(project->tasks[i].name, bare))
            return &project->tasks[i];
    return NULL;
}

static int missing(struct sl_lake *lake, const char *table, struct sl_err *err)
{
    const struct sl_task *task = find_task(lake->world.project, table);
    struct sl_strs tables = {0};
    if (task) {
        (void)sl_fail(err, SL_E_TABLE_MISSING, "'%s' is a task, and has no table", table);
        return sl_err_hint(err,
                           "`sluice plan --select task.%s` says whether it is due, `sluice logs` "
                           "what it did; it is written in %s",
                           task->name, task->file);
    }
    SL_TRY(sl_lake_tables(lake, &tables, err));
    const char *nearest = strchr(table, '.') ? sl_str_nearest(table, tables.items, tables.count)
                                             : find_bare(&tables, table, &lake->world.arena);
    (void)sl_fail(err, SL_E_TABLE_MISSING, "there is no table '%s'", table);
    if (nearest)
        return sl_err_hint(err, "did you mean '%s'?", nearest);
    return sl_err_hint(err, tables.count ? "`sluice ls` lists them"
                                         : "nothing was built yet: `sluice run`");
}

int sl_lake_table(struct sl_lake *lake, const char *table, enum sl_layer *ret_layer,
                  const char **ret_name, const char **ret_folder, struct sl_err *err)
{
    static const enum sl_layer order[] = {SL_LAYER_CURATED, SL_LAYER_CLEAN, SL_LAYER_RAW,
                                          SL_LAYER_QUARANTINE};
    struct sl_arena *arena = &lake->world.arena;
    enum sl_layer layer;
    const char *name;
    bool is_full = sl_table_parse(table, &layer, &name);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (is_full && order[i] != layer)
            continue;
        bool is_borrowed;
        const char *folder = sl_table_source(lake->world.project, order[i], is_full ? name : table,
                                             arena, &is_borrowed);
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

// Whether "clean.orders=12" or "orders=12" speaks of this table; "12" alone speaks of every one.
static bool speaks_of(const char *text, const char *table)
{
    const char *equals = strchr(text, '='), *bare = strchr(table, '.') + 1;
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (!equals)
        return true;
    return (strlen(table) == length && strncmp(table, text, length) == 0) ||
           (strlen(bare) == length && strncmp(bare, text, length) == 0);
}

// Every version that is asked for must be of a table that is read, and must be clear.
static int check_versions(const struct sl_as_of *as_of, const struct sl_strs *tables,
                          struct sl_err *err)
{
    for (size_t i = 0; i < as_of->versions.count; i++) {
        const char *text = as_of->versions.items[i], *equals = strchr(text, '=');
        int64_t version;
        size_t count = 0;
        if (!sl_str_to_int64(equals ? equals + 1 : text, &version) || version < 0)
            return sl_fail(err, SL_E_USAGE, "--version is '%s', expected TABLE=N", text);
        for (size_t k = 0; k < tables->count; k++)
            count += speaks_of(text, tables->items[k]);
        if (count == 0)
            return sl_fail(err, SL_E_USAGE, "--version is '%s', and no such table is read", text);
        if (count > 1 && !equals)
            return sl_fail(err, SL_E_USAGE,
                           "--version is '%s', expected TABLE=N: more than one table is read",
                           text);
    }
    return SL_OK;
}

// "published", "#12", "12", "8ba633b7": not what was meant to be a date.
static bool names_publication(const char *at)
{
    const char *rest = *at == '#' ? at + 1 : at;
    bool is_date = strlen(rest) > 4 && rest[4] == '-';
    return sl_str_equal(at, "published") ||
           (*rest && !is_date && rest[strspn(rest, "0123456789abcdef-")] == '\0');
}

// The publication that --at asks for; of number 0 if it is a time before the first.
static int find_publication(struct sl_lake *lake, const char *at, bool *ret_is_time,
                            struct sl_err *err)
{
    const struct sl_project *project = lake->world.project;
    struct sl_arena *arena = &lake->world.arena;
    struct sl_publication *ret = &lake->publication;
    int64_t time_us;
    *ret_is_time = sl_clock_parse(at, &time_us) == 0;
    if (lake->has_publication)
        return SL_OK;
    if (!*ret_is_time && !names_publication(at))
        return sl_fail(err, SL_E_USAGE,
                       "--at is '%s', expected a time like 2026-01-31T12:00:00Z, a publication "
                       "like #12, the id of a run, or published",
                       at);
    if (!project->lake_folder) { // without a project the log alone knows times
        *ret = (struct sl_publication){0};
        return *ret_is_time ? SL_OK
                            : sl_fail(err, SL_E_USAGE,
                                      "'%s' is a publication, and there is no project here that "
                                      "could have made one",
                                      at);
    }
    if (*ret_is_time)
        SL_TRY(sl_publication_at(project, time_us, arena, ret, err));
    else if (!sl_str_equal(at, "published"))
        SL_TRY(sl_publication_named(project, at, arena, ret, err));
    else
        SL_TRY(sl_publication_last(project, arena, ret, err));
    if (!*ret_is_time && ret->number == 0)
        return sl_fail(err, SL_E_PUBLICATION, "nothing was published yet");
    lake->has_publication = true;
    return SL_OK;
}

int sl_lake_find_publication(struct sl_lake *lake, const char *at, struct sl_err *err)
{
    bool is_time;
    return find_publication(lake, at, &is_time, err);
}

// Versions of a table that was removed and made again are others.
static int check_identity(const char *folder, const struct sl_published *published,
                          struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_head head;
    SL_TRY(sl_delta_head(folder, arena, &head, err));
    if (!head.table_id || !published->id || sl_str_equal(head.table_id, published->id))
        return SL_OK;
    return sl_fail(err, SL_E_TABLE_VERSION,
                   "table '%s' was removed and made again after it was published",
                   published->table);
}

static bool is_borrowed(struct sl_lake *lake, const char *table)
{
    enum sl_layer layer;
    const char *name;
    bool ret = false;
    if (sl_table_parse(table, &layer, &name))
        (void)sl_table_source(lake->world.project, layer, name, &lake->world.arena, &ret);
    return ret;
}

static int fail_unpublished(const struct sl_publication *publication, const char *table,
                            const char *at, struct sl_err *err)
{
    if (at)
        (void)sl_fail(err, SL_E_PUBLICATION,
                      "table '%s' is not in publication %lld, the last one at %s", table,
                      (long long)publication->number, at);
    else
        (void)sl_fail(err, SL_E_PUBLICATION, "publication %lld has no table '%s'",
                      (long long)publication->number, table);
    return sl_err_hint(err, "`--version %s=N` reads any version of it, whatever it belongs to",
                       table);
}

static int version_at(struct sl_lake *lake, const char *table, const char *folder, const char *at,
                      int64_t *ret, struct sl_err *err)
{
    bool is_time;
    int64_t time_us = 0;
    SL_TRY(find_publication(lake, at, &is_time, err));
    const struct sl_published *published = sl_publication_find(&lake->publication, table);
    if (published) {
        SL_TRY(check_identity(folder, published, &lake->world.arena, err));
        *ret = published->version;
        return SL_OK;
    }
    if (!is_time && is_borrowed(lake, table)) { // by the other environment's own publications
        *ret = -1;
        return SL_OK;
    }
    // What was not published then belongs to nothing that was.
    if (lake->publication.number > 0 && !is_borrowed(lake, table))
        return fail_unpublished(&lake->publication, table, is_time ? at : NULL, err);
    (void)sl_clock_parse(at, &time_us);
    if (sl_delta_version_at(folder, time_us / 1000, ret, err) != SL_OK)
        return sl_err_context(err, "table '%s'", table);
    return SL_OK;
}

static int find_version(struct sl_lake *lake, const char *table, const char *folder,
                        const struct sl_as_of *as_of, int64_t *ret, struct sl_err *err)
{
    int64_t version = -1;
    for (size_t i = 0; i < as_of->versions.count; i++) {
        const char *text = as_of->versions.items[i], *equals = strchr(text, '=');
        if (speaks_of(text, table))
            (void)sl_str_to_int64(equals ? equals + 1 : text, &version);
    }
    *ret = version;
    if (version >= 0 || !as_of->at)
        return SL_OK;
    return version_at(lake, table, folder, as_of->at, ret, err);
}

int sl_lake_has(struct sl_lake *lake, const char *table, const struct sl_as_of *as_of, bool *ret,
                struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    bool is_other, is_time;
    int64_t version = -1, time_us;
    struct sl_err ignored = {0};
    *ret = false;
    if (!sl_table_parse(table, &layer, &name))
        return SL_OK;
    struct sl_arena *arena = &lake->world.arena;
    const char *folder = sl_table_source(lake->world.project, layer, name, arena, &is_other);
    struct sl_delta_head head;
    SL_TRY_NEW(folder, err);
    // A killed run may have made no more than its folder; what is damaged is there.
    if (sl_delta_head(folder, arena, &head, &ignored) == SL_OK && head.version < 0)
        return SL_OK;
    sl_err_clear(&ignored);
    for (size_t i = 0; i < as_of->versions.count; i++)
        *ret |= speaks_of(as_of->versions.items[i], table);
    if (*ret || !as_of->at) {
        *ret = true;
        return SL_OK;
    }
    SL_TRY(find_publication(lake, as_of->at, &is_time, err));
    if (sl_publication_find(&lake->publication, table) || (is_other && !is_time))
        *ret = true;
    else if (is_other || lake->publication.number == 0)
        *ret = sl_clock_parse(as_of->at, &time_us) == 0 &&
               sl_delta_version_at(folder, time_us / 1000, &version, &ignored) == SL_OK;
    return SL_OK;
}

int sl_lake_version(struct sl_lake *lake, const char *table, const char *folder,
                    const struct sl_as_of *as_of, int64_t *ret, struct sl_err *err)
{
    struct sl_strs tables = {.items = &table, .count = 1};
    SL_TRY(check_versions(as_of, &tables, err));
    return find_version(lake, table, folder, as_of, ret, err);
}

static int view_one(struct sl_lake *lake, const char *table, const struct sl_as_of *as_of,
                    struct sl_err *err)
{
    enum sl_layer layer;
    const char *name, *folder;
    int64_t version;
    SL_TRY(sl_lake_table(lake, table, &layer, &name, &folder, err));
    SL_TRY(find_version(lake, table, folder, as_of, &version, err));
    return sl_step_view(&lake->context, layer, name, version, NULL, err);
}

static const struct sl_view *view_of(const struct sl_lake *lake, const char *table)
{
    const char *dot = strchr(table, '.');
    return sl_str_starts(table, "curated.") ? sl_view_find(&lake->world.views, "curated", dot + 1)
                                            : NULL;
}

// A view is seen as of a version or time when the tables below it are.
static int see(struct sl_lake *lake, const char *table, const struct sl_as_of *as_of,
               struct sl_err *err)
{
    const struct sl_view *view = view_of(lake, table);
    if (!view)
        return view_one(lake, table, as_of, err);
    for (size_t i = 0; i < view->bases.count; i++)
        SL_TRY(view_one(lake, view->bases.items[i], as_of, err));
    return sl_step_create_view(&lake->context, view, err);
}

// The tables that are read, in the place of views those below them.
static int add_read(struct sl_lake *lake, const char *table, struct sl_strs *ret,
                    struct sl_err *err)
{
    const struct sl_view *view = view_of(lake, table);
    for (size_t i = 0; view && i < view->bases.count; i++)
        SL_TRY(sl_strs_add(ret, &lake->world.arena, view->bases.items[i], err));
    return view ? SL_OK : sl_strs_add(ret, &lake->world.arena, table, err);
}

static int check_read(struct sl_lake *lake, const struct sl_strs *tables,
                      const struct sl_as_of *as_of, struct sl_err *err)
{
    struct sl_strs read = {0}, distinct = {0};
    for (size_t i = 0; i < tables->count; i++)
        SL_TRY(add_read(lake, tables->items[i], &read, err));
    sl_strs_sort(&read);
    for (size_t i = 0; i < read.count; i++)
        if (i == 0 || !sl_str_equal(read.items[i], read.items[i - 1]))
            SL_TRY(sl_strs_add(&distinct, &lake->world.arena, read.items[i], err));
    return check_versions(as_of, &distinct, err);
}

const struct sl_view *sl_lake_view(const struct sl_lake *lake, const char *name)
{
    return sl_view_find(&lake->world.views, "curated",
                        sl_str_starts(name, "curated.") ? name + strlen("curated.") : name);
}

int sl_lake_see(struct sl_lake *lake, const struct sl_view *view, const struct sl_as_of *as_of,
                struct sl_err *err)
{
    const char *table = sl_arena_printf(&lake->world.arena, "curated.%s", view->name);
    SL_TRY_NEW(table, err);
    const struct sl_strs tables = {.items = &table, .count = 1};
    SL_TRY(sl_lake_settle(lake, &tables, as_of, err));
    SL_TRY(check_read(lake, &tables, as_of, err));
    return see(lake, table, as_of, err);
}

// The parser speaks to writers of models.
static int fail_query(const struct sl_diags *diags, struct sl_err *err)
{
    int code = sl_diags_fail(diags, err);
    if (code != SL_E_SQL_KIND)
        return code;
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_SQL_KIND, "a query is a single SELECT or FROM, and this is not");
    return sl_err_hint(
        err, "tables are changed by `sluice run` alone; `sluice show TABLE` lists columns");
}

int sl_lake_prepare(struct sl_lake *lake, const char *sql, const struct sl_as_of *as_of,
                    struct sl_err *err)
{
    const char *ast;
    struct sl_query query = {0};
    struct sl_strs tables = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_arena *arena = &lake->world.arena;
    bool is_time;
    if (as_of->at) // also where no table is read
        SL_TRY(find_publication(lake, as_of->at, &is_time, err));
    SL_TRY(lake->session->kind->parse(lake->session, &sql, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, sql, "", 1, 1, arena, &diags, &query, err));
    if (diags.error_count)
        return fail_query(&diags, err);
    for (size_t i = 0; i < query.table_count; i++) {
        const struct sl_table_ref *ref = &query.tables[i];
        enum sl_layer layer;
        const char *name;
        const char *table = sl_arena_printf(arena, "%s%s%s", ref->layer ? ref->layer : "",
                                            ref->layer ? "." : "", ref->name);
        SL_TRY_NEW(table, err);
        if (!ref->layer || !sl_table_parse(table, &layer, &name)) {
            (void)missing(lake, table, err);
            return sl_err_at(err, "", ref->line, ref->column);
        }
        SL_TRY(sl_strs_add(&tables, arena, table, err));
    }
    SL_TRY(sl_lake_settle(lake, &tables, as_of, err));
    SL_TRY(check_read(lake, &tables, as_of, err));
    for (size_t i = 0; i < tables.count; i++) {
        int code = see(lake, tables.items[i], as_of, err);
        if (code != SL_OK)
            return code == SL_E_TABLE_MISSING
                       ? sl_err_at(err, "", query.tables[i].line, query.tables[i].column)
                       : code;
    }
    return SL_OK;
}
