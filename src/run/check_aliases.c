// Old names of columns whose last day is over: whether rows of raw are still read under them.
#include "base/clock.h"
#include "run/check.h"
#include "step/schema.h"

// What raw has under a name that still needs the alias.
struct need {
    bool is_known;    // a table of raw could be looked at
    int64_t rows;     // of all sources of the contract
    const char *from; // "12 rows of raw.orders, from data/a.csv and 2 more files,"
};
struct look {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_contract_column *column;
    const struct sl_contract_alias *alias;
    struct need need;
};

static bool is_same_table(const struct sl_contract_table *a, const struct sl_contract_table *b)
{
    return a == b || (a && a->place.line == b->place.line && sl_str_equal(a->name, b->name) &&
                      sl_str_equal(a->place.file, b->place.file));
}

// A protected name protects rows of any time, any other one those that are read under it.
static int count(struct look *look, const struct sl_delta_snapshot *raw, struct sl_result **ret,
                 struct sl_err *err)
{
    struct sl_session *session = look->session;
    const struct sl_contract_alias *alias = look->alias;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan(raw, &look->world->arena, &scan, err));
    sl_buf_add(&sql, "select count(*), count(distinct _source), min(_source) from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    sl_buf_add(&sql, " where ");
    sl_buf_add_sql_name(&sql, sl_column_find(raw->columns, raw->column_count, alias->name)->name);
    sl_buf_add(&sql, " is not null");
    if (look->column->personal.as == SL_PERSONAL_NONE)
        sl_buf_addf(&sql, " and coalesce(_ingested_at < to_timestamp(%lld), true)",
                    (long long)(alias->end_us / 1000000));
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->query(session, sql.text, 1, ret, err);
}

static const char *describe(struct look *look, const struct sl_node *node, int64_t rows,
                            int64_t files, const char *first)
{
    char row_text[32], file_text[32];
    const char *more = "";
    if (files > 1)
        more = sl_arena_printf(&look->world->arena, " and %s more file%s",
                               sl_str_count(files - 1, file_text), files == 2 ? "" : "s");
    return more ? sl_arena_printf(&look->world->arena, "%s row%s of raw.%s, from %s%s,",
                                  sl_str_count(rows, row_text), rows == 1 ? "" : "s", node->bare,
                                  first ? first : "files nobody knows", more)
                : NULL;
}

static int look_at(struct look *look, const struct sl_node *node, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_world *world = look->world;
    struct need *need = &look->need;
    struct sl_delta_snapshot raw;
    bool is_borrowed;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_RAW, node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_load(folder, -1, look->session, &world->arena, &raw, err));
    if (raw.version < 0)
        return SL_OK;
    need->is_known = true;
    if (!sl_column_find(raw.columns, raw.column_count, look->alias->name))
        return SL_OK;
    SL_TRY(count(look, &raw, &result, err));
    int64_t rows = sl_result_int(result, 0, 0);
    if (rows && !need->rows) {
        need->from =
            describe(look, node, rows, sl_result_int(result, 0, 1), sl_result_text(result, 0, 2));
        SL_TRY_NEW(need->from, err);
    }
    need->rows += rows;
    return SL_OK;
}

static int find_need(struct look *look, const struct sl_contract_table *table, struct sl_err *err)
{
    const struct sl_graph *graph = &look->world->graph;
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        struct sl_err trouble = {0};
        if (node->kind != SL_NODE_CLEANSE || !is_same_table(node->contract, table))
            continue;
        int code = look_at(look, node, &trouble);
        if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
            *err = trouble;
            return code;
        }
        if (code != SL_OK) { // what cannot be read may need it
            look->need = (struct need){0};
            return SL_OK;
        }
    }
    return SL_OK;
}

static void tell(const struct look *look)
{
    const struct sl_contract_column *column = look->column;
    const struct sl_contract_alias *alias = look->alias;
    const struct need *need = &look->need;
    bool is_protecting = column->personal.as != SL_PERSONAL_NONE;
    const char *hint =
        is_protecting ? "move 'until' if the old name still comes; keep the alias as long as raw "
                        "has the column, for it protects what came under it"
        : need->rows  ? "move 'until' if the old name still comes; keep the alias as long as raw "
                        "holds these rows"
                      : "move 'until' if the old name still comes; drop the alias when raw holds "
                        "no rows from before that day";
    sl_diag(&look->world->project->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_ALIAS, alias->place,
            hint, "column '%s' was also read as '%s' until %s: that is over%s%s%s", column->name,
            alias->name, alias->until, need->rows ? ", and " : "", need->rows ? need->from : "",
            !need->rows     ? ""
            : is_protecting ? " have values under it"
                            : " are read under it");
}

int sl_world_check_aliases(struct sl_world *world, const struct sl_contract_table *table,
                           struct sl_session **session, struct sl_err *err)
{
    int64_t now_us = sl_clock_now_us();
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].alias_count; k++) {
            const struct sl_contract_alias *alias = &table->columns[i].aliases[k];
            if (!alias->until || now_us < alias->end_us)
                continue;
            if (!*session)
                SL_TRY(sl_world_session(world, session, err));
            struct look look = {world, *session, &table->columns[i], alias, {0}};
            SL_TRY(find_need(&look, table, err));
            if (!look.need.is_known || look.need.rows)
                tell(&look);
        }
    return SL_OK;
}
