// One side of `sluice diff`: a table's version, a delivery, or a file.
#include "cli/diff.h"

#include "api/kinds.h"
#include "base/fs.h"
#include "cli/look.h"

#include <string.h>

#define TARGET_PREFIX "target:"

static int fail_ref(const char *text, const char *problem, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_USAGE, "'%s' is nothing that can be compared: %s", text, problem);
    return sl_err_hint(err, "write clean.orders, clean.orders@12, clean.orders@2026-01-31, "
                            "prod:clean.orders, target:warehouse/clean.orders, or a file");
}

// "12" or a time; whether it is one is told where it is looked up.
static int take_as_of(const char *text, struct sl_arena *arena, struct sl_diff_ref *ret,
                      struct sl_err *err)
{
    int64_t version;
    if (!sl_str_to_int64(text, &version)) {
        ret->as_of.at = text;
        return SL_OK;
    }
    if (version >= 0)
        return sl_strs_add(&ret->as_of.versions, arena, text, err);
    (void)sl_fail(err, SL_E_USAGE, "'%s' asks for version %s, expected a number from 0 on",
                  ret->text, text);
    return sl_err_hint(err, "versions are not counted from the end: `sluice show %s` lists them",
                       ret->name);
}

static int parse_target(struct sl_arena *arena, struct sl_diff_ref *ref, struct sl_err *err)
{
    const char *rest = ref->text + strlen(TARGET_PREFIX), *slash = strchr(rest, '/');
    if (!slash || slash == rest || !slash[1])
        return fail_ref(ref->text, "a delivery is target:TARGET/TABLE", err);
    ref->kind = SL_DIFF_TARGET;
    ref->target = sl_arena_strndup(arena, rest, (size_t)(slash - rest));
    ref->name = slash + 1;
    SL_TRY_NEW(ref->target, err);
    return SL_OK;
}

static int parse_table(struct sl_arena *arena, struct sl_diff_ref *ref, struct sl_err *err)
{
    const char *at = strchr(ref->text, '@'), *colon = strchr(ref->text, ':');
    const char *begin = ref->text;
    if (colon && (!at || colon < at)) {
        if (colon == ref->text)
            return fail_ref(ref->text, "no environment is named before the ':'", err);
        ref->environment = sl_arena_strndup(arena, ref->text, (size_t)(colon - ref->text));
        SL_TRY_NEW(ref->environment, err);
        begin = colon + 1;
    }
    ref->name = sl_arena_strndup(arena, begin, at ? (size_t)(at - begin) : strlen(begin));
    SL_TRY_NEW(ref->name, err);
    if (!*ref->name)
        return fail_ref(ref->text, "no table is named", err);
    if (at && !at[1])
        return fail_ref(ref->text, "no version or time is behind the '@'", err);
    return at ? take_as_of(at + 1, arena, ref, err) : SL_OK;
}

int sl_diff_ref_parse(const char *text, struct sl_arena *arena, struct sl_diff_ref *ret,
                      struct sl_err *err)
{
    struct sl_diff_ref ref = {.text = text, .name = text};
    if (sl_str_starts(text, TARGET_PREFIX)) {
        SL_TRY(parse_target(arena, &ref, err));
    } else if (strchr(text, '/') || sl_look_is_named(text)) {
        const char *at = strrchr(text, '@');
        ref.kind = SL_DIFF_FILE;
        // A file may have one in its name.
        if (at && at > text && at[1] && !strchr(at, '/') && !sl_look_is_named(text)) {
            ref.name = sl_arena_strndup(arena, text, (size_t)(at - text));
            SL_TRY_NEW(ref.name, err);
            SL_TRY(take_as_of(at + 1, arena, &ref, err));
        }
    } else {
        SL_TRY(parse_table(arena, &ref, err));
    }
    *ret = ref;
    return SL_OK;
}

void sl_diff_side_clear(struct sl_diff_side *side)
{
    if (side->target_self)
        side->target->close(side->target_self);
    if (side->other.world.project)
        sl_world_close(&side->other.world);
}

// --- Tables ---

static int first_error(const struct sl_diags *diags, enum sl_code code, struct sl_err *err)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].err.code == code) {
            *err = diags->items[i].err;
            return (int)code;
        }
    return SL_OK;
}

static int open_environment(struct sl_diff_side *side, const struct sl_common *common,
                            struct sl_err *err)
{
    struct sl_world_options options = {.folder = common->folder,
                                       .environment = side->ref.environment,
                                       .overrides = common->settings,
                                       .resolve_secrets = true};
    SL_TRY(sl_world_open(&options, &side->other.world, err));
    side->other.session = side->lake->session;
    return first_error(&side->other.world.project->diags, SL_E_ENVIRONMENT_UNKNOWN, err);
}

static int add_key(struct sl_diff_side *side, const char *column, struct sl_err *err)
{
    return sl_strs_add(&side->key, &side->lake->world.arena, column, err);
}

// The primary key of the contract that made a clean table.
static int key_of_contract(struct sl_diff_side *side, const struct sl_project *project,
                           const char *name, struct sl_err *err)
{
    const struct sl_source *source = sl_project_source(project, name);
    const struct sl_contract_table *contract =
        source ? sl_project_contract_for(project, source) : NULL;
    for (int position = 1; contract && position <= (int)contract->column_count; position++)
        for (size_t i = 0; i < contract->column_count; i++)
            if (contract->columns[i].key_position == position)
                SL_TRY(add_key(side, contract->columns[i].name, err));
    return SL_OK;
}

static int leave_out(struct sl_diff_side *side, const char *column, struct sl_err *err)
{
    return sl_strs_add(&side->left_out, &side->lake->world.arena, column, err);
}

static int key_of_position(struct sl_diff_side *side, struct sl_err *err)
{
    SL_TRY(add_key(side, "_source", err));
    return add_key(side, "_position", err);
}

static int key_of_table(struct sl_diff_side *side, const struct sl_project *project,
                        enum sl_layer layer, const char *name, struct sl_err *err)
{
    const struct sl_model *model;
    switch (layer) {
    case SL_LAYER_RAW:
        SL_TRY(leave_out(side, "_ingested_at", err));
        return key_of_position(side, err);
    case SL_LAYER_QUARANTINE:
        SL_TRY(leave_out(side, "at", err));
        SL_TRY(leave_out(side, "run_id", err));
        return key_of_position(side, err);
    case SL_LAYER_CLEAN:
        return key_of_contract(side, project, name, err);
    case SL_LAYER_CURATED:
        model = sl_project_model(project, name);
        if (model)
            side->key = model->key.count ? model->key : model->requirements.grain;
        return SL_OK;
    }
    return SL_OK;
}

static int load_table(struct sl_diff_side *side, const char *table, const char *folder,
                      int64_t version, struct sl_err *err)
{
    struct sl_arena *arena = &side->lake->world.arena;
    SL_TRY(sl_delta_load(folder, version, side->lake->session, arena, &side->snapshot, err));
    side->is_delta = true;
    side->name =
        sl_arena_printf(arena, "%s%s%s@%lld", side->ref.environment ? side->ref.environment : "",
                        side->ref.environment ? ":" : "", table, (long long)side->snapshot.version);
    SL_TRY_NEW(side->name, err);
    side->side.columns = side->snapshot.columns;
    side->side.column_count = side->snapshot.column_count;
    return SL_OK;
}

// An output's own name means one of its versions. Other views have no files to compare.
static int resolve_view(struct sl_diff_side *side, struct sl_lake *lake, const char **ret,
                        struct sl_err *err)
{
    struct sl_arena *arena = &side->lake->world.arena;
    const struct sl_view *view = sl_lake_view(lake, side->ref.name);
    SL_AUTO(sl_buf_clear) struct sl_buf below = SL_BUF_INIT;
    *ret = side->ref.name;
    if (!view)
        return SL_OK;
    const char *table = sl_arena_printf(arena, "curated.%s", view->name);
    SL_TRY_NEW(table, err);
    const struct sl_strs tables = {.items = &table, .count = 1};
    SL_TRY(sl_lake_settle(lake, &tables, &side->ref.as_of, err));
    view = sl_lake_view(lake, view->name); // it may mean another version now
    if (view->same_as) {
        *ret = view->same_as;
        return SL_OK;
    }
    for (size_t i = 0; i < view->bases.count; i++)
        sl_buf_addf(&below, "%s%s", i ? ", " : "", view->bases.items[i]);
    SL_TRY(sl_buf_check(&below, err));
    (void)sl_fail(err, SL_E_TABLE_MISSING, "'%s' is a view, which has no rows of its own", table);
    return sl_err_hint(err, "compare a table below it: %s", below.text);
}

static int open_table(struct sl_diff_side *side, const struct sl_common *common, struct sl_err *err)
{
    struct sl_lake *lake = side->lake;
    const char *name, *folder, *table, *meant;
    enum sl_layer layer;
    int64_t version;
    if (side->ref.environment) {
        SL_TRY(open_environment(side, common, err));
        lake = &side->other;
    }
    lake->has_publication = false; // the other side may ask for another one
    SL_TRY(resolve_view(side, lake, &meant, err));
    int code = sl_lake_table(lake, meant, &layer, &name, &folder, err);
    if (code != SL_OK && side->ref.environment)
        return sl_err_context(err, "environment '%s'", side->ref.environment);
    SL_TRY(code);
    table = sl_arena_printf(&side->lake->world.arena, "%s.%s", sl_layer_name(layer), name);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_lake_version(lake, table, folder, &side->ref.as_of, &version, err));
    SL_TRY(key_of_table(side, lake->world.project, layer, name, err));
    return load_table(side, table, folder, version, err);
}

// --- Deliveries ---

// By its table or its name there; else by the table's name without the layer, as long as that is of
// one delivery.
static const struct sl_delivery *find_delivery(const struct sl_target *target, const char *name)
{
    const struct sl_delivery *bare = NULL;
    size_t bare_count = 0;
    for (size_t i = 0; i < target->delivery_count; i++) {
        const struct sl_delivery *delivery = &target->deliveries[i];
        if (sl_str_equal(delivery->table, name) || sl_str_equal(delivery->to, name) ||
            sl_str_equal(delivery->asked, name))
            return delivery;
        if (sl_str_equal(sl_bare_table(delivery->table), name)) {
            bare = delivery;
            bare_count++;
        }
    }
    return bare_count == 1 ? bare : NULL;
}

static int fail_target(const struct sl_diff_side *side, const struct sl_target *target,
                       struct sl_err *err)
{
    const struct sl_project *project = side->lake->world.project;
    struct sl_arena *arena = &side->lake->world.arena;
    struct sl_strs names = {0};
    for (size_t i = 0; !target && i < project->target_count; i++)
        SL_TRY(sl_strs_add(&names, arena, project->targets[i].name, err));
    for (size_t i = 0; target && i < target->delivery_count; i++)
        SL_TRY(sl_strs_add(&names, arena, target->deliveries[i].table, err));
    const char *wanted = target ? side->ref.name : side->ref.target;
    const char *nearest = sl_str_nearest(wanted, names.items, names.count);
    if (target)
        (void)sl_fail(err, SL_E_USAGE, "target '%s' delivers no '%s'", target->name, wanted);
    else
        (void)sl_fail(err, SL_E_USAGE, "there is no target '%s'", wanted);
    if (nearest)
        return sl_err_hint(err, "did you mean '%s'?", nearest);
    return sl_err_hint(err, "`sluice ls` lists them");
}

static int describe(struct sl_diff_side *side, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *columns;
    sl_buf_addf(&sql, "select * from %s", side->side.sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(side->lake->session->kind->describe(side->lake->session, sql.text,
                                               &side->lake->world.arena, &columns,
                                               &side->side.column_count, err));
    side->side.columns = columns;
    return SL_OK;
}

static int open_target(struct sl_diff_side *side, const char *temp, struct sl_err *err)
{
    struct sl_lake *lake = side->lake;
    const struct sl_target *target = sl_project_target(lake->world.project, side->ref.target);
    const struct sl_delivery *delivery = target ? find_delivery(target, side->ref.name) : NULL;
    enum sl_layer layer;
    const char *name;
    if (!delivery)
        return fail_target(side, target, err);
    for (size_t i = 0; sl_kinds.targets[i]; i++)
        if (sl_str_equal(sl_kinds.targets[i]->name, target->type))
            side->target = sl_kinds.targets[i];
    if (!side->target || !side->target->read) {
        (void)sl_fail(err, SL_E_USAGE, "what a target of type '%s' holds cannot be read back",
                      target->type);
        return sl_err_hint(err, "name one of its files instead");
    }
    const struct sl_target_options options = {
        .name = target->name, .path = target->path, .dsn = target->dsn, .schema = target->schema};
    SL_TRY(
        side->target->open(&options, lake->session, &lake->world.arena, &side->target_self, err));
    if (side->target->read(side->target_self, delivery->to, temp, &side->side.sql, err) != SL_OK)
        return sl_err_context(err, "read '%s' of target '%s'", delivery->to, target->name);
    side->side.has_other_types = true;
    side->key = delivery->key;
    if (!side->key.count && sl_table_parse(delivery->table, &layer, &name))
        SL_TRY(key_of_table(side, lake->world.project, layer, name, err));
    return describe(side, err);
}

// --- Files ---

// Parquet files are scanned where they are.
static int open_parquet(struct sl_diff_side *side, const char *pattern, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_arena *arena = &side->lake->world.arena;
    struct sl_strs files = {0};
    SL_TRY(sl_fs_glob(pattern, arena, &files, err));
    if (!files.count)
        return sl_fail(err, SL_E_FILE_MISSING, "there is no file '%s'", pattern);
    SL_AUTO(sl_buf_clear) struct sl_buf identity = SL_BUF_INIT;
    for (size_t i = 0; i < files.count; i++) {
        struct sl_fs_stat stat;
        SL_TRY(sl_fs_stat(files.items[i], &stat, err));
        sl_buf_addf(&identity, "%s %lld %lld\n", files.items[i], (long long)stat.size_bytes,
                    (long long)stat.mtime_us);
    }
    sl_buf_add(&sql, "read_parquet(");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_add(&sql, ", union_by_name = true, hive_partitioning = false)");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&identity, err));
    side->side.sql = sl_arena_strdup(arena, sql.text);
    side->side.identity = sl_arena_strdup(arena, identity.text);
    SL_TRY_NEW(side->side.sql, err);
    SL_TRY_NEW(side->side.identity, err);
    return describe(side, err);
}

static int fetch_once(struct sl_diff_side *side, struct sl_source_reader *reader, bool careful,
                      const char *temp, struct sl_source_end *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = side->lake->session;
    struct sl_err ignored = {0};
    const char *from;
    SL_TRY(reader->kind->start(reader, careful, &from, err));
    sl_buf_addf(&sql,
                "create or replace temp table %s as select * exclude (_position, _corrupt) "
                "from (%s)",
                temp, from);
    int code = sl_buf_check(&sql, err);
    if (code == SL_OK)
        code = session->kind->exec(session, sql.text, NULL, err);
    int ended = reader->kind->finish(reader, ret, code == SL_OK ? err : &ignored);
    return code != SL_OK ? code : ended;
}

static int fetch(struct sl_diff_side *side, struct sl_source_reader *reader, const char *temp,
                 struct sl_err *err)
{
    struct sl_source_end end;
    SL_TRY(fetch_once(side, reader, false, temp, &end, err));
    if (end.needs_care)
        SL_TRY(fetch_once(side, reader, true, temp, &end, err));
    if (end.corrupt)
        return sl_fail(err, SL_E_SOURCE_FILE, "%lld records of '%s' cannot be split into columns",
                       (long long)end.corrupt, side->ref.name);
    side->side.sql = temp;
    return describe(side, err);
}

// Other files are read as a source would read them: every value of CSV is a text.
static int open_text(struct sl_diff_side *side, const char *temp, struct sl_err *err)
{
    struct sl_arena *arena = &side->lake->world.arena;
    const struct sl_source_kind *kind = sl_kinds.sources[0];
    struct sl_source_options options = {
        .paths = {.items = &side->ref.name, .count = 1}, .format = "auto", .encoding = "utf-8"};
    struct sl_source_part *parts;
    struct sl_look look;
    size_t count;
    SL_TRY(kind->list(&options, arena, &parts, &count, err));
    if (count != 1)
        return sl_fail(err, SL_E_FILE_MISSING, "'%s' is not one file", side->ref.name);
    SL_TRY(sl_look_at(side->lake->session, &parts[0], arena, &look, err));
    if (look.problem)
        return sl_fail(err, SL_E_SOURCE_FILE, "'%s': %s", side->ref.name, look.problem);
    SL_AUTO(sl_source_close)
    struct sl_source_reader *reader =
        sl_look_open(side->lake->session, &parts[0], &look.options, arena, err);
    if (!reader)
        return err->code;
    side->side.has_other_types = true;
    side->side.blank_is_null = sl_str_equal(look.format, "csv");
    return fetch(side, reader, temp, err);
}

static int open_file(struct sl_diff_side *side, const char *temp, struct sl_err *err)
{
    struct sl_arena *arena = &side->lake->world.arena;
    struct sl_fs_stat stat = {0};
    const char *path = side->ref.name;
    int64_t version;
    bool is_pattern = strpbrk(path, "*?[") != NULL;
    if (!is_pattern)
        SL_TRY(sl_fs_stat(path, &stat, err));
    const char *log = sl_path_join(arena, path, "_delta_log");
    SL_TRY_NEW(log, err);
    if (stat.is_folder && sl_fs_exists(log)) {
        const char *called = sl_arena_printf(arena, ".%s", path); // as "layer.table"
        SL_TRY_NEW(called, err);
        side->lake->has_publication = false;
        SL_TRY(sl_lake_version(side->lake, called, path, &side->ref.as_of, &version, err));
        return load_table(side, path, path, version, err);
    }
    if (side->ref.as_of.at || side->ref.as_of.versions.count)
        return fail_ref(side->ref.text, "only tables have versions", err);
    if (stat.is_folder) {
        path = sl_path_join(arena, path, "*.parquet");
        SL_TRY_NEW(path, err);
    }
    if (stat.is_folder || sl_str_ends(path, ".parquet"))
        return open_parquet(side, path, err);
    return open_text(side, temp, err);
}

int sl_diff_side_open(struct sl_lake *lake, const struct sl_common *common,
                      const struct sl_diff_ref *ref, const char *temp, struct sl_diff_side *ret,
                      struct sl_err *err)
{
    ret->ref = *ref;
    ret->name = ref->text;
    ret->lake = lake;
    switch (ref->kind) {
    case SL_DIFF_TABLE:
        return open_table(ret, common, err);
    case SL_DIFF_TARGET:
        return open_target(ret, temp, err);
    case SL_DIFF_FILE:
        return open_file(ret, temp, err);
    }
    return SL_OK;
}
