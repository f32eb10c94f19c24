// The load step: brings a delivery from the version it stands at to the table's newest.
#include "step/load.h"
#include "api/kinds.h"
#include "base/hash.h"
#include "plan/plan.h"
#include "step/view.h"

#include <string.h>

struct load_step {
    struct sl_step_context *context;
    const struct sl_target *target;
    const struct sl_delivery *delivery;
    const struct sl_target_kind *kind;
    void *self;
    enum sl_layer layer;
    const char *name, *folder;
    const struct sl_view *view; // delivered whole, as version 0 of a table that its inputs name
    struct sl_delta_snapshot snapshot;
    int64_t rows_since; // the first version with the snapshot's rows
    struct sl_target_position position;
    const char *from_identity; // what its table_id was taken from
    struct sl_load load;
    const char *why;
};

static const struct sl_target_kind *find_kind(const char *type)
{
    for (size_t i = 0; sl_kinds.targets[i]; i++)
        if (sl_str_equal(sl_kinds.targets[i]->name, type))
            return sl_kinds.targets[i];
    return NULL;
}

static int open_target(const struct sl_target *target, struct sl_session *session,
                       struct sl_arena *arena, const struct sl_target_kind **ret_kind,
                       void **ret_self, struct sl_err *err)
{
    const struct sl_target_kind *kind = find_kind(target->type);
    struct sl_target_options options = {
        .name = target->name, .path = target->path, .dsn = target->dsn, .schema = target->schema};
    if (!kind)
        return sl_fail(err, SL_E_INTERNAL, "no target of type '%s'", target->type);
    *ret_kind = kind;
    return kind->open(&options, session, arena, ret_self, err);
}

bool sl_step_load_needs_session(const struct sl_target *target)
{
    const struct sl_target_kind *kind = find_kind(target->type);
    return kind && kind->needs_session_for_position;
}

// Who delivers. What is kept at the target as the table's identity is
// "<table id>@<digest of the lake's place>@<project>[:<environment>]", so that a delivery of
// another environment is told from one of a lake that was made anew or moved.
struct owner {
    const char *identity; // whole, as the target has it
    const char *lake;     // NULL: a former Sluice delivered it
    const char *name;
};

static int find_own(const struct sl_project *project, struct sl_arena *arena, struct owner *ret,
                    struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    const char *lake = project->lake_folder;
    size_t length = strlen(project->folder);
    // A project that was moved or cloned has the same lake within it.
    if (strncmp(lake, project->folder, length) == 0 && lake[length] == '/')
        lake += length;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, lake);
    SL_TRY(sl_hash_end(hash, hex, err));
    ret->lake = sl_arena_strndup(arena, hex, 16);
    ret->name = project->environment
                    ? sl_arena_printf(arena, "%s:%s", project->name, project->environment)
                    : sl_arena_strdup(arena, project->name);
    SL_TRY_NEW(ret->lake, err);
    SL_TRY_NEW(ret->name, err);
    return SL_OK;
}

// Takes the owner off the identity.
static int split_identity(struct sl_target_position *position, struct sl_arena *arena,
                          struct owner *ret, struct sl_err *err)
{
    const char *id = position->table_id, *lake = id ? strchr(id, '@') : NULL;
    const char *name = lake ? strchr(lake + 1, '@') : NULL;
    *ret = (struct owner){.identity = id};
    if (!name)
        return SL_OK;
    position->table_id = sl_arena_strndup(arena, id, (size_t)(lake - id));
    ret->lake = sl_arena_strndup(arena, lake + 1, (size_t)(name - lake - 1));
    ret->name = name + 1;
    SL_TRY_NEW(position->table_id, err);
    SL_TRY_NEW(ret->lake, err);
    return SL_OK;
}

// Environments with tables of their own must not take turns in overwriting one delivery.
static int refuse_other_owner(const struct sl_target *target, const struct sl_delivery *delivery,
                              const struct owner *owner, struct sl_err *err)
{
    const char *environment = strchr(owner->name, ':');
    struct sl_place place = sl_yaml_place(target->node, target->path ? "path" : "dsn");
    int length = environment ? (int)(environment - owner->name) : (int)strlen(owner->name);
    (void)sl_fail(err, SL_E_TARGET_FOREIGN,
                  "'%s' was delivered there by project '%.*s', %s%s%s, from another lake",
                  delivery->to, length, owner->name,
                  environment ? "environment '" : "no environment",
                  environment ? environment + 1 : "", environment ? "'" : "");
    (void)sl_err_hint(err,
                      "give each environment a place of its own, for example by ${env:NAME}; or "
                      "remove what is there");
    return sl_err_at(err, place.file ? place.file : target->file, place.line, place.column);
}

static int read_position(const struct sl_project *project, const struct sl_target *target,
                         const struct sl_delivery *delivery, const struct sl_target_kind *kind,
                         void *self, struct sl_arena *arena, struct sl_target_position *ret,
                         const char **ret_identity, struct sl_err *err)
{
    struct sl_delta_head head;
    struct owner own, owner;
    enum sl_layer layer;
    const char *name, *folder;
    SL_TRY(kind->position(self, delivery->table, delivery->to, ret, err));
    SL_TRY(find_own(project, arena, &own, err));
    SL_TRY(split_identity(ret, arena, &owner, err));
    *ret_identity = owner.identity;
    if (ret->version < 0 || !owner.lake || sl_str_equal(owner.lake, own.lake) ||
        sl_str_equal(owner.name, own.name) || !sl_table_parse(delivery->table, &layer, &name))
        return SL_OK;
    folder = sl_table_folder(project, layer, name, arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_head(folder, arena, &head, err));
    return sl_str_equal(ret->table_id, head.table_id)
               ? SL_OK
               : refuse_other_owner(target, delivery, &owner, err);
}

int sl_step_load_position(const struct sl_project *project, const struct sl_target *target,
                          const struct sl_delivery *delivery, struct sl_session *session,
                          struct sl_arena *arena, struct sl_target_position *ret,
                          struct sl_err *err)
{
    const struct sl_target_kind *kind;
    void *self = NULL;
    SL_TRY(open_target(target, session, arena, &kind, &self, err));
    const char *identity;
    int code = read_position(project, target, delivery, kind, self, arena, ret, &identity, err);
    kind->close(self);
    return code;
}

static int count_rows(const struct sl_target_kind *kind, void *self, const char *to,
                      struct sl_session *session, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const char *from;
    *ret = -1;
    if (kind->count)
        return kind->count(self, to, ret, err);
    if (!kind->read)
        return SL_OK;
    SL_TRY(kind->read(self, to, "_sluice_counted", &from, err));
    sl_buf_addf(&sql, "select count(*) from %s", from);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

int sl_step_load_count(const struct sl_target *target, const struct sl_delivery *delivery,
                       struct sl_session *session, struct sl_arena *arena, int64_t *ret,
                       struct sl_err *err)
{
    const struct sl_target_kind *kind;
    void *self = NULL;
    SL_TRY(open_target(target, session, arena, &kind, &self, err));
    int code = count_rows(kind, self, delivery->to, session, ret, err);
    kind->close(self);
    return code;
}

static enum sl_load_mode mode_of(const struct sl_delivery *delivery)
{
    switch ((enum sl_write_mode)delivery->write) {
    case SL_WRITE_FULL:
        return SL_LOAD_REPLACE;
    case SL_WRITE_APPEND:
        return SL_LOAD_APPEND;
    case SL_WRITE_PARTITION:
        return SL_LOAD_PARTITIONS;
    case SL_WRITE_MERGE:
        return SL_LOAD_MERGE;
    case SL_WRITE_SNAPSHOT:
    case SL_WRITE_VIEW:
        break; // of models only
    }
    return SL_LOAD_REPLACE;
}

static int scan_files(struct load_step *step, const struct sl_delta_file *files, size_t count,
                      struct sl_buf *sql, struct sl_err *err)
{
    struct sl_scan scan;
    struct sl_session *session = step->context->session;
    if (step->view) {
        sl_buf_addf(sql, "%s.", sl_layer_name(step->layer));
        sl_buf_add_sql_name(sql, step->name);
        return SL_OK;
    }
    SL_TRY(sl_delta_scan_files(&step->snapshot, files, count, step->context->arena, &scan, err));
    return session->kind->scan_sql(session, &scan, sql, err);
}

static int keep(struct load_step *step, const struct sl_buf *sql, const char **ret,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    *ret = sl_arena_strdup(step->context->arena, sql->text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int whole(struct load_step *step, const char *why, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY_NEW(why, err);
    step->why = why;
    step->load.mode = SL_LOAD_REPLACE;
    step->load.expected_rows = step->snapshot.row_count;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(scan_files(step, step->snapshot.files, step->snapshot.file_count, &sql, err));
    return keep(step, &sql, &step->load.rows_sql, err);
}

static int appended(struct load_step *step, const struct sl_delta_changes *changes,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t rows = 0;
    for (size_t i = 0; i < changes->added_count && rows >= 0; i++)
        rows = changes->added[i].row_count < 0 ? -1 : rows + changes->added[i].row_count;
    step->why = "new rows";
    step->load.expected_rows = rows;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(scan_files(step, changes->added, changes->added_count, &sql, err));
    return keep(step, &sql, &step->load.rows_sql, err);
}

// Rows that came and rows that went, as views _came and _went: what a rewrite merely moved cancels
// out.
static int difference(struct load_step *step, const struct sl_delta_changes *changes,
                      struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf added = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf removed = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(scan_files(step, changes->added, changes->added_count, &added, err));
    SL_TRY(scan_files(step, changes->removed, changes->removed_count, &removed, err));
    SL_TRY(sl_buf_check(&added, err));
    SL_TRY(sl_buf_check(&removed, err));
    sl_buf_addf(
        &sql,
        "create or replace temp table _came as (select * from %s) except all (select * from %s); "
        "create or replace temp table _went as (select * from %s) except all (select * from %s)",
        added.text, removed.text, removed.text, added.text);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static int merged(struct load_step *step, const struct sl_delta_changes *changes,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf keys = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(difference(step, changes, err));
    step->why = "changed rows";
    step->load.rows_sql = "select * from _came";
    sl_target_add_names(step->load.key, step->load.key_count, &keys);
    SL_TRY(sl_buf_check(&keys, err));
    sl_buf_addf(&sql, "select %s from _went except select %s from _came", keys.text, keys.text);
    return keep(step, &sql, &step->load.deleted_keys_sql, err);
}

static int partitions(struct load_step *step, const struct sl_delta_changes *changes,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf touched = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(difference(step, changes, err));
    step->why = "changed partitions";
    sl_target_add_names(step->load.partition_by, step->load.partition_count, &names);
    SL_TRY(sl_buf_check(&names, err));
    sl_buf_addf(&touched, "select %s from _came union select %s from _went", names.text,
                names.text);
    SL_TRY(keep(step, &touched, &step->load.partitions_sql, err));
    sl_buf_add(&sql, "select _d.* from ");
    SL_TRY(scan_files(step, step->snapshot.files, step->snapshot.file_count, &sql, err));
    sl_buf_addf(&sql, " _d semi join (%s) _t on (", touched.text);
    for (size_t i = 0; i < step->load.partition_count; i++) {
        sl_buf_add(&sql, i ? " and _t." : "_t.");
        sl_buf_add_sql_name(&sql, step->load.partition_by[i]);
        sl_buf_add(&sql, " is not distinct from _d.");
        sl_buf_add_sql_name(&sql, step->load.partition_by[i]);
    }
    sl_buf_add(&sql, ")");
    return keep(step, &sql, &step->load.rows_sql, err);
}

// Anything but a continuation of what stands at the target is delivered whole.
static int choose(struct load_step *step, struct sl_err *err)
{
    const struct sl_target_position *position = &step->position;
    struct sl_delta_changes changes;
    const char *why;
    step->load.mode = mode_of(step->delivery);
    step->load.expected_rows = -1;
    if (step->context->full_refresh)
        return whole(step, "asked for by --full-refresh", err);
    if (position->version < 0)
        return whole(step,
                     position->lost ? sl_arena_printf(step->context->arena,
                                                      "delivered before, but %s", position->lost)
                                    : "never delivered",
                     err);
    if (!sl_str_equal(position->fingerprint, step->load.fingerprint))
        return whole(step, "its delivery changed", err);
    if (!sl_str_equal(position->table_id, step->snapshot.table_id) ||
        position->version > step->snapshot.version)
        return whole(step,
                     step->view ? "the view or what it reads changed" : "it is another table now",
                     err);
    if (step->load.mode == SL_LOAD_REPLACE || !step->kind->can(step->load.mode))
        return whole(step, "its table changed", err);
    struct sl_step_range range = {.table = step->delivery->table,
                                  .folder = step->folder,
                                  .from = position->version,
                                  .to = step->snapshot.version,
                                  .needs_removed = step->load.mode != SL_LOAD_APPEND};
    SL_TRY(sl_step_changes(step->context, &range, &changes, &why, err));
    if (why)
        return whole(step, why, err);
    if (changes.schema_changed)
        return whole(step, "its table has other columns now", err);
    if (changes.removed_count && (changes.kept_count == 0 || step->load.mode == SL_LOAD_APPEND))
        return whole(step, "its table was rewritten", err);
    switch (step->load.mode) {
    case SL_LOAD_APPEND:
        return appended(step, &changes, err);
    case SL_LOAD_MERGE:
        return merged(step, &changes, err);
    case SL_LOAD_PARTITIONS:
        return partitions(step, &changes, err);
    case SL_LOAD_REPLACE:
        break;
    }
    return SL_OK;
}

static int check(struct load_step *step, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(scan_files(step, step->snapshot.files, step->snapshot.file_count, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    return sl_load_check(step->context->session, &step->load, sql.text, err);
}

static int find_rows_since(struct load_step *step, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    struct sl_delta_head head;
    struct sl_record record;
    const char *folder;
    SL_TRY(sl_step_position(context->project, step->layer, step->name, context->session,
                            context->arena, &folder, &head, &record, err));
    step->rows_since = head.version == step->snapshot.version ? sl_step_rows_since(&head, &record)
                                                              : step->snapshot.version;
    return SL_OK;
}

// The view in the session, and what stands for a snapshot of it.
static int look_at_view(struct load_step *step, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    struct sl_delta_snapshot *snapshot = &step->snapshot;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    *snapshot = (struct sl_delta_snapshot){.row_count = -1};
    SL_TRY(sl_step_view_identity(context->project, step->view, context->session, context->arena,
                                 &snapshot->table_id, err));
    SL_TRY(sl_step_view(context, step->layer, step->name, -1, NULL, err));
    sl_buf_add(&sql, "select * from ");
    SL_TRY(scan_files(step, NULL, 0, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    return context->session->kind->describe(context->session, sql.text, context->arena,
                                            &snapshot->columns, &snapshot->column_count, err);
}

static int look_at_table(struct load_step *step, struct sl_err *err)
{
    int64_t version = step->context->is_pinned ? step->context->pinned_version : -1;
    SL_TRY(sl_delta_load(step->folder, version, step->context->session, step->context->arena,
                         &step->snapshot, err));
    if (step->snapshot.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "table '%s' does not exist yet",
                       step->delivery->table);
    return find_rows_since(step, err);
}

static int describe_load(struct load_step *step, const char *fingerprint, struct sl_err *err)
{
    const struct sl_delivery *delivery = step->delivery;
    struct sl_arena *arena = step->context->arena;
    struct owner own;
    SL_TRY(find_own(step->context->project, arena, &own, err));
    SL_TRY(step->view ? look_at_view(step, err) : look_at_table(step, err));
    step->load = (struct sl_load){
        .table = delivery->table,
        .to = delivery->to,
        .from_version = step->position.version,
        .to_version = step->snapshot.version,
        .fingerprint = fingerprint,
        .table_id = sl_arena_printf(arena, "%s@%s@%s", step->snapshot.table_id, own.lake, own.name),
        .from_table_id = step->from_identity,
        .columns = step->snapshot.columns,
        .column_count = step->snapshot.column_count,
        .key = delivery->key.items,
        .key_count = delivery->key.count,
        .partition_by = delivery->partition_by.items,
        .partition_count = delivery->write == SL_WRITE_PARTITION ? delivery->partition_by.count : 0,
    };
    SL_TRY_NEW(step->load.table_id, err);
    return SL_OK;
}

static bool is_current(const struct load_step *step)
{
    return !step->context->full_refresh && step->position.version >= step->rows_since &&
           step->position.version <= step->snapshot.version &&
           sl_str_equal(step->position.fingerprint, step->load.fingerprint) &&
           sl_str_equal(step->position.table_id, step->snapshot.table_id);
}

static int hint_space(int code, struct sl_err *err)
{
    if (code == SL_E_NO_SPACE && err && !err->hint[0])
        (void)sl_err_hint(err, "what was delivered before is still there; free space on that disk, "
                               "and run again");
    return code;
}

static int name_partitions(struct load_step *step, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = step->context->session;
    const struct sl_strs *columns = &step->delivery->partition_by;
    const char **values = SL_NEW_ARRAY(step->context->arena, const char *, columns->count);
    SL_TRY_NEW(values, err);
    if (step->load.mode != SL_LOAD_PARTITIONS)
        return SL_OK;
    sl_buf_addf(&sql, "select * from (%s) order by all", step->load.partitions_sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        for (size_t i = 0; i < columns->count; i++)
            values[i] = sl_result_text(result, row, i);
        SL_TRY(sl_step_name_partition(columns, values, step->context->arena, ret, err));
    }
    return SL_OK;
}

// What is to be delivered, if anything is.
static int look(struct load_step *step, const char *fingerprint, bool *ret_is_stale,
                struct sl_err *err)
{
    SL_TRY(read_position(step->context->project, step->target, step->delivery, step->kind,
                         step->self, step->context->arena, &step->position, &step->from_identity,
                         err));
    SL_TRY(describe_load(step, fingerprint, err));
    *ret_is_stale = !is_current(step);
    return *ret_is_stale ? choose(step, err) : SL_OK;
}

static int deliver(struct load_step *step, const char *fingerprint, struct sl_step_result *ret,
                   struct sl_err *err)
{
    struct sl_loaded loaded = {0};
    bool is_stale;
    SL_TRY(look(step, fingerprint, &is_stale, err));
    if (!is_stale)
        return SL_OK;
    SL_TRY(check(step, err));
    SL_TRY(name_partitions(step, &ret->partitions, err));
    SL_TRY(hint_space(step->kind->load(step->self, &step->load, &loaded, err), err));
    ret->outcome = SL_STEP_DONE;
    ret->was_full = step->load.mode == SL_LOAD_REPLACE;
    ret->why = step->why;
    ret->has_balance = true;
    ret->balance = (struct sl_balance){
        .in = step->load.expected_rows >= 0 ? step->load.expected_rows : loaded.rows,
        .out = loaded.rows,
        .replaced = loaded.replaced};
    return sl_balance_check(&ret->balance, "load", err);
}

static int begin(struct load_step *step, char fingerprint[65], struct sl_err *err)
{
    const struct sl_delivery *delivery = step->delivery;
    struct sl_step_context *context = step->context;
    SL_TRY(sl_delivery_fingerprint(step->target, delivery, fingerprint, err));
    if (!sl_table_parse(delivery->table, &step->layer, &step->name))
        return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", delivery->table);
    step->view = sl_view_find(context->views, sl_layer_name(step->layer), step->name);
    step->folder = sl_table_folder(context->project, step->layer, step->name, context->arena);
    SL_TRY_NEW(step->folder, err);
    return open_target(step->target, context->session, context->arena, &step->kind, &step->self,
                       err);
}

// The table of another environment, or a view of such: that one delivers it.
static int look_borrowed(const struct sl_step_context *context, const struct sl_delivery *delivery,
                         bool *ret, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    *ret = false;
    if (!sl_table_parse(delivery->table, &layer, &name))
        return SL_OK;
    const struct sl_view *view = sl_view_find(context->views, sl_layer_name(layer), name);
    if (view)
        return sl_step_view_is_borrowed(context->project, view, context->arena, ret, err);
    SL_TRY_NEW(sl_table_source(context->project, layer, name, context->arena, ret), err);
    return SL_OK;
}

int sl_step_load(struct sl_step_context *context, const struct sl_target *target,
                 const struct sl_delivery *delivery, struct sl_step_result *ret, struct sl_err *err)
{
    struct load_step step = {.context = context, .target = target, .delivery = delivery};
    char fingerprint[65];
    bool is_borrowed;
    *ret = (struct sl_step_result){.outcome = SL_STEP_NOTHING};
    SL_TRY(look_borrowed(context, delivery, &is_borrowed, err));
    if (is_borrowed || (context->is_pinned && context->pinned_version < 0))
        return SL_OK;
    SL_TRY(begin(&step, fingerprint, err));
    int code = deliver(&step, fingerprint, ret, err);
    step.kind->close(step.self);
    return code == SL_OK ? SL_OK : sl_err_context(err, "target '%s'", target->name);
}

static int foresee(struct load_step *step, const char *fingerprint, struct sl_forecast *ret,
                   struct sl_err *err)
{
    bool is_stale;
    SL_TRY(look(step, fingerprint, &is_stale, err));
    if (!is_stale)
        return SL_OK;
    ret->is_whole = step->load.mode == SL_LOAD_REPLACE;
    ret->why = step->why;
    return name_partitions(step, &ret->partitions, err);
}

int sl_step_load_foresee(struct sl_step_context *context, const struct sl_target *target,
                         const struct sl_delivery *delivery, struct sl_forecast *ret,
                         struct sl_err *err)
{
    struct load_step step = {.context = context, .target = target, .delivery = delivery};
    char fingerprint[65];
    bool is_borrowed;
    *ret = (struct sl_forecast){0};
    SL_TRY(look_borrowed(context, delivery, &is_borrowed, err));
    if (is_borrowed)
        return SL_OK;
    SL_TRY(begin(&step, fingerprint, err));
    int code = foresee(&step, fingerprint, ret, err);
    step.kind->close(step.self);
    return code;
}
