// Binding: the checks of a table against its columns.
#include "api/check.h"
#include "base/hash.h"
#include "run/bind.h"
#include "step/schema.h"

#include <string.h>

static int create_temp_view(struct sl_binder *binder, const char *name, const char *select,
                            struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp view ");
    sl_buf_add_sql_name(&sql, name);
    sl_buf_addf(&sql, " as %s", select);
    SL_TRY(sl_buf_check(&sql, err));
    return binder->session->kind->exec(binder->session, sql.text, NULL, err);
}

// The relations that checks read, with the columns as they are stored and no rows.
static int create_checked(struct sl_binder *binder, const struct sl_relation *columns,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = binder->session;
    struct sl_column *stored =
        SL_NEW_ARRAY(&binder->world->arena, struct sl_column, columns->count);
    SL_TRY_NEW(stored, err);
    for (size_t i = 0; i < columns->count; i++)
        stored[i] =
            (struct sl_column){columns->columns[i].name, sl_storage_type(columns->columns[i].type)};
    struct sl_scan scan = {.columns = stored, .column_count = columns->count};
    sl_buf_add(&sql, "select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(create_temp_view(binder, SL_CHECKED, sql.text, err));
    SL_TRY(create_temp_view(binder, SL_CHECKED_BEFORE, sql.text, err));
    SL_TRY(create_temp_view(binder, SL_CHECKED_VERSIONS,
                            "select 0::bigint as version, 0::bigint as row_count where false",
                            err));
    return create_temp_view(binder, SL_CHECKED_RUN, "select 0::bigint as now_us", err);
}

static int unknown_table(struct sl_binder *binder, const struct sl_check *check, const char *name,
                         struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_strs names = {0};
    for (size_t i = 0; i < world->graph.count; i++)
        if (world->graph.nodes[i].kind != SL_NODE_LOAD)
            SL_TRY(sl_strs_add(&names, &world->arena, world->graph.nodes[i].name, err));
    sl_diag(&world->project->diags, SL_SEVERITY_ERROR, SL_E_SQL_TABLE, check->place,
            sl_did_you_mean(&world->arena, name, names.items, names.count),
            "check %s reads '%s', which nothing writes", check->kind, name);
    return SL_OK;
}

// A check that reads a table whose columns nobody knows yet cannot be judged.
static int view_read(struct sl_binder *binder, const struct sl_check *check,
                     const struct sl_table_ref *ref, bool *ret_is_known, struct sl_err *err)
{
    struct sl_bound_table *table = sl_binder_table(binder, ref);
    *ret_is_known &= table != NULL;
    const char *name = sl_arena_printf(&binder->world->arena, "%s.%s", ref->layer, ref->name);
    SL_TRY_NEW(name, err);
    if (!table && !sl_graph_node(&binder->world->graph, name))
        return unknown_table(binder, check, name, err);
    return table ? sl_binder_view(binder->session, ref, table, err) : SL_OK;
}

// The checked table under its own name.
static int view_own(struct sl_binder *binder, const struct sl_bound_checks *checks,
                    const struct sl_table_ref *ref, bool *ret_is_own, struct sl_err *err)
{
    struct sl_bound_table own = {.relation = *checks->columns};
    const char *name = sl_arena_printf(&binder->world->arena, "%s.%s", ref->layer, ref->name);
    SL_TRY_NEW(name, err);
    *ret_is_own = sl_str_equal(name, checks->table);
    return *ret_is_own ? sl_binder_view(binder->session, ref, &own, err) : SL_OK;
}

static int view_any(struct sl_binder *binder, const struct sl_bound_checks *checks,
                    const struct sl_check *check, bool *ret_is_known, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_session *session = binder->session;
    struct sl_arena *arena = &binder->world->arena;
    struct sl_query query = {0};
    const char *text = check->measured_sql, *ast;
    SL_TRY(session->kind->parse(session, &text, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, text, "", 1, 1, arena, &diags, &query, err));
    for (size_t i = 0; i < query.table_count; i++) {
        const struct sl_table_ref *ref = &query.tables[i];
        bool is_own = false;
        if (ref->layer)
            SL_TRY(view_own(binder, checks, ref, &is_own, err));
        if (ref->layer && !is_own)
            SL_TRY(view_read(binder, check, ref, ret_is_known, err));
        else if (!ref->layer && sl_strs_has(&checks->aliases, ref->name))
            SL_TRY(create_temp_view(binder, ref->name, "select * from " SL_CHECKED, err));
    }
    return SL_OK;
}

static int view_reads(struct sl_binder *binder, const struct sl_bound_checks *checks,
                      const struct sl_check *check, bool *ret_is_known, struct sl_err *err)
{
    enum sl_layer layer;
    struct sl_table_ref ref = {0};
    *ret_is_known = true;
    if (check->reads_any)
        return view_any(binder, checks, check, ret_is_known, err);
    if (!check->reads || !sl_table_parse(check->reads, &layer, &ref.name))
        return SL_OK;
    ref.layer = sl_layer_name(layer);
    return view_read(binder, check, &ref, ret_is_known, err);
}

static int describe_where(struct sl_binder *binder, const struct sl_check *check,
                          struct sl_err *err)
{
    struct sl_session *session = binder->session;
    struct sl_column *columns;
    size_t count;
    const char *sql = sl_arena_printf(&binder->world->arena,
                                      "select 1 from " SL_CHECKED " where (%s\n)", check->where);
    SL_TRY_NEW(sql, err);
    return session->kind->describe(session, sql, &binder->world->arena, &columns, &count, err);
}

static int bind_check(struct sl_binder *binder, const struct sl_bound_checks *checks,
                      const struct sl_check *check, bool *ret_is_sound, struct sl_err *err)
{
    struct sl_session *session = binder->session;
    struct sl_column *columns;
    struct sl_err found = {0};
    size_t count;
    bool is_known;
    SL_TRY(view_reads(binder, checks, check, &is_known, err));
    *ret_is_sound &= is_known;
    if (!is_known)
        return SL_OK;
    int code = SL_OK;
    if (check->where)
        code = describe_where(binder, check, &found);
    if (code == SL_OK)
        code = session->kind->describe(session, check->failing_sql, &binder->world->arena, &columns,
                                       &count, &found);
    if (code == SL_OK)
        return SL_OK;
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED || code == SL_E_INTERNAL) {
        *err = found;
        return code;
    }
    *ret_is_sound = false;
    sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, checks->code, check->place,
            found.hint[0] ? found.hint : NULL, "check %s: %s", check->kind, found.message);
    return SL_OK;
}

static int key_of(const struct sl_bound_checks *checks, const struct sl_check *compiled,
                  size_t count, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "checks");
    for (size_t i = 0; i < checks->columns->count; i++) {
        sl_hash_add(hash, checks->columns->columns[i].name);
        sl_hash_add(hash, checks->columns->columns[i].type);
    }
    for (size_t i = 0; i < count; i++) {
        sl_hash_add(hash, compiled[i].failing_sql);
        sl_hash_add(hash, compiled[i].where);
    }
    return sl_hash_end(hash, ret_hex, err);
}

// What was found sound is remembered as a relation without columns. The key has nothing of other
// tables: checks that read one are not remembered here. (A whole project that was found sound is,
// by all of its code and the columns that there are: see run/unbound.c.)
int sl_bind_checks(struct sl_binder *binder, const struct sl_bound_checks *checks,
                   struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    SL_AUTO(sl_diags_clear)
    struct sl_diags known = SL_DIAGS_INIT; // whoever binds all has told them
    struct sl_diags *told =
        binder->bound_of == SL_BOUND_ALL ? &known : &binder->world->project->diags;
    struct sl_relation nothing = {0};
    struct sl_check *compiled;
    size_t count;
    bool is_sound = true, is_known = false, reads = false;
    char key[65];
    SL_TRY(sl_checks_compile(checks->list, arena, told, &compiled, &count, err));
    if (!count)
        return SL_OK;
    SL_TRY(key_of(checks, compiled, count, key, err));
    for (size_t i = 0; i < count; i++)
        reads |= compiled[i].reads || compiled[i].reads_any;
    if (!reads)
        SL_TRY(sl_column_cache_find(&binder->cache, key, arena, &nothing, &is_known, err));
    if (is_known)
        return SL_OK;
    SL_TRY(sl_binder_open_session(binder, err));
    SL_TRY(create_checked(binder, checks->columns, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(bind_check(binder, checks, &compiled[i], &is_sound, err));
    return is_sound && !reads
               ? sl_column_cache_add(&binder->cache, key, &(struct sl_relation){0}, err)
               : SL_OK;
}
