// What quarantine knows of its rows beside the rows themselves, when it is written anew: marks of
// those given up, and since when each has been there.
//
// Both belong to a row of raw, and raw as it was when quarantine was written says to which one:
// what quarantine shows of the row may be masked, and changes with raw's columns, the contract's
// protections and their key. Where raw is not there any more as it was, what is shown has to do.
#include "contract/personal.h"
#include "step/cleanse.h"
#include "step/schema.h"

#include <string.h>

static int note(struct sl_cleanse *cleanse, const char *text, struct sl_err *err)
{
    return sl_strs_add(&cleanse->notes, cleanse->context->arena, text, err);
}

static int scan(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *table,
                struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan(table, cleanse->context->arena, &scan, err));
    return session->kind->scan_sql(session, &scan, sql, err);
}

static int count_rows(struct sl_cleanse *cleanse, const char *table, int64_t *ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_addf(&sql, "select count(*) from %s", table);
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// What another program has written since knows nothing of them.
static int load_own(struct sl_cleanse *cleanse, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    const struct sl_delta_head *head = &cleanse->quarantine.head;
    bool is_behind = head->record_version >= 0 && head->foreign_version > head->record_version;
    return sl_delta_load(cleanse->quarantine.folder,
                         is_behind ? head->record_version : head->version,
                         cleanse->context->session, cleanse->context->arena, ret, err);
}

// Each once: a program that has written between two commits of ours may have doubled them.
static const char *each(const struct sl_cleanse *cleanse)
{
    return cleanse->changed_by ? "distinct on (_source, _position) " : "";
}

static int find_marked(struct sl_cleanse *cleanse, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot quarantine;
    *ret = 0;
    SL_TRY(load_own(cleanse, &quarantine, err));
    if (!sl_column_find(quarantine.columns, quarantine.column_count, "discarded_at"))
        return SL_OK;
    if (!sl_step_has_files(&quarantine, cleanse->context->arena))
        return note(cleanse, "files of quarantine are gone: what was discarded is no longer known",
                    err);
    sl_buf_addf(&sql,
                "create or replace temp table _discarded as select %s_source, _position, payload, "
                "corrupt, discarded_at, discarded_by, discard_reason from ",
                each(cleanse));
    SL_TRY(scan(cleanse, &quarantine, &sql, err));
    sl_buf_add(&sql, " where discarded_at is not null");
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    return count_rows(cleanse, "_discarded", ret, err);
}

// Raw as quarantine was written from it; *ret is false if it is not there any more.
static int load_former(struct sl_cleanse *cleanse, int64_t version,
                       struct sl_delta_snapshot *ret_raw, bool *ret, struct sl_err *err)
{
    struct sl_err refusal = {0};
    *ret = false;
    if (version < 0 || version > cleanse->raw.head.version)
        return SL_OK;
    int code = sl_delta_load(cleanse->raw.folder, version, cleanse->context->session,
                             cleanse->context->arena, ret_raw, &refusal);
    if (code == SL_E_TABLE_VERSION)
        return SL_OK;
    if (code != SL_OK && err)
        *err = refusal;
    *ret = code == SL_OK && sl_step_has_files(ret_raw, cleanse->context->arena);
    return code;
}

static bool is_nested(const char *type)
{
    return sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(");
}

// A value as the other type has it: of a struct with members that the other one lacks, too.
static void add_cast(const char *value, const char *from, const char *to, struct sl_buf *sql)
{
    sl_buf_addf(sql, is_nested(from) ? "try_cast(to_json(%s) as %s)" : "try_cast(%s as %s)", value,
                to);
}

// Raw has another type for the column now: 1 is 1.0, and {a: 1} is {a: 1, b: null}. What one type
// rounds away counts: so both ways, but for a struct that has got members.
static void add_same_value(const struct sl_column *now, const char *now_value,
                           const struct sl_column *then, const char *then_value, struct sl_buf *sql)
{
    bool is_text = sl_str_equal(now->type, "VARCHAR") || sl_str_equal(then->type, "VARCHAR");
    sl_buf_addf(sql, " and (cast(%s as VARCHAR) is not distinct from cast(%s as VARCHAR)",
                now_value, then_value);
    if (!is_text) {
        sl_buf_addf(sql, " or coalesce(%s = ", now_value);
        add_cast(then_value, then->type, now->type, sql);
        if (!is_nested(now->type)) {
            sl_buf_addf(sql, " and %s = ", then_value);
            add_cast(now_value, now->type, then->type, sql);
        }
        sl_buf_add(sql, ", false)");
    }
    sl_buf_add(sql, ")");
}

// " and n.a is not distinct from o.a": a column that one of them lacks is null there.
static void add_same(const struct sl_column *column, const struct sl_column *other,
                     const char *relation, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf now = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf then = SL_BUF_INIT;
    if (sl_str_equal(column->name, "_ingested_at"))
        return;
    sl_buf_addf(&now, "%s.", relation);
    sl_buf_add_sql_name(&now, column->name);
    sl_buf_add(&then, "o.");
    sl_buf_add_sql_name(&then, other ? other->name : column->name);
    sql->has_failed |= now.has_failed || then.has_failed;
    if (sql->has_failed)
        return;
    if (!other)
        sl_buf_addf(sql, " and %s is null", now.text);
    else if (sl_str_equal(column->type, other->type))
        sl_buf_addf(sql, " and %s is not distinct from %s", now.text, then.text);
    else
        add_same_value(column, now.text, other, then.text, sql);
}

// Of rows that came from one file, which may have another name now.
static void add_same_received(const struct sl_delta_snapshot *now,
                              const struct sl_delta_snapshot *then, struct sl_buf *sql)
{
    for (size_t i = 0; i < now->column_count; i++)
        if (!sl_str_equal(now->columns[i].name, "_source"))
            add_same(&now->columns[i],
                     sl_column_find(then->columns, then->column_count, now->columns[i].name), "n",
                     sql);
    for (size_t i = 0; i < then->column_count; i++)
        if (!sl_column_find(now->columns, now->column_count, then->columns[i].name))
            add_same(&then->columns[i], NULL, "o", sql);
}

static bool has_file(const struct sl_delta_snapshot *table, const struct sl_delta_file *file)
{
    for (size_t first = 0, end = table->file_count; first < end;) {
        size_t middle = first + (end - first) / 2;
        int order = strcmp(table->files[middle].path, file->path);
        if (order == 0)
            return true;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return false;
}

// Rows for which `condition` is true, in files that the other version of the table does not have.
static int add_own_rows(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *table,
                        const struct sl_delta_snapshot *other, const char *condition,
                        struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_arena *arena = cleanse->context->arena;
    struct sl_delta_file *files = SL_NEW_ARRAY(arena, struct sl_delta_file, table->file_count + 1);
    struct sl_scan scan;
    size_t count = 0;
    SL_TRY_NEW(files, err);
    for (size_t i = 0; i < table->file_count; i++)
        if (!has_file(other, &table->files[i]))
            files[count++] = table->files[i];
    SL_TRY(sl_delta_scan_files(table, files, count, arena, &scan, err));
    sl_buf_add(sql, "(select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, sql, err));
    sl_buf_addf(sql, " where %s)", condition);
    return SL_OK;
}

// Rows of a renamed file get its new name as soon as another file comes under the old one, and keep
// the time at which they came. A row of that other file is not theirs, be it the same.
static int find_relabelled(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *now,
                           const struct sl_delta_snapshot *then, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(sl_cleanse_find_moved(cleanse, then, now, err));
    sl_buf_add(&sql, "create or replace temp table _relabelled as select o._source as was, "
                     "o._position as \"position\", m.name from _older o join _moved m on m.was = "
                     "o._source join ");
    SL_TRY(add_own_rows(cleanse, now, then, "_ingested_at in (select _ingested_at from _older)",
                        &sql, err));
    sl_buf_add(&sql, " n on n._source = m.name and n._position = o._position and n._ingested_at = "
                     "o._ingested_at");
    add_same_received(now, then, &sql);
    sl_buf_add(&sql, "; drop table _moved");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Rows of a renamed file are under its new name as soon as its content has changed.
static int find_renamed(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *now,
                        const struct sl_delta_snapshot *then, const char *rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_any;
    const char *places = sl_arena_printf(
        cleanse->context->arena,
        "(_source, _position) in (select (m.name, r._position) from %s r join _renamed m on m.was "
        "= r._source)",
        rows);
    SL_TRY_NEW(places, err);
    SL_TRY(sl_cleanse_find_renamed(cleanse, then->version, now->version, &is_any, err));
    if (!is_any)
        return SL_OK;
    sl_buf_add(&sql, "insert into _relabelled select min(o._source), o._position, m.name from "
                     "_older o join _renamed m on m.was = o._source join ");
    SL_TRY(add_own_rows(cleanse, now, then, places, &sql, err));
    sl_buf_add(&sql, " n on n._source = m.name and n._position = o._position");
    add_same_received(now, then, &sql);
    sl_buf_addf(&sql,
                " where (o._source, o._position) not in (select (_source, _position) from _still "
                "union all select (was, \"position\") from _relabelled) and (m.name, o._position) "
                "not in (select (_source, _position) from _still) group by o._position, m.name; "
                "drop table _renamed");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Takes out of the temporary table `rows` those in whose place raw has another row now. What is in
// one file of both versions is the same.
static int keep_same_rows(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *now,
                          const struct sl_delta_snapshot *then, const char *rows,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *places =
        sl_arena_printf(cleanse->context->arena,
                        "(_source, _position) in (select (_source, _position) from %s)", rows);
    SL_TRY_NEW(places, err);
    sl_buf_add(&sql, "create or replace temp table _newer as select * from ");
    SL_TRY(add_own_rows(cleanse, now, then, places, &sql, err));
    sl_buf_add(&sql, "; create or replace temp table _older as select * from ");
    SL_TRY(add_own_rows(cleanse, then, now, places, &sql, err));
    sl_buf_add(&sql, "; create or replace temp table _still as select n._source, n._position from "
                     "_newer n join _older o on n._source = o._source and n._position = "
                     "o._position");
    add_same_received(now, then, &sql);
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    SL_TRY(find_relabelled(cleanse, now, then, err));
    SL_TRY(find_renamed(cleanse, now, then, rows, err));
    sl_buf_reset(&sql);
    sl_buf_addf(&sql,
                "delete from %s where (_source, _position) in (select (_source, _position) from "
                "_newer) and (_source, _position) not in (select (_source, _position) from _still "
                "union all select (was, \"position\") from _relabelled); "
                "update %s as r set _source = l.name from _relabelled l where r._source = l.was "
                "and r._position = l.\"position\"; "
                "drop table _newer; drop table _older; drop table _still; drop table _relabelled",
                rows, rows);
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Whether rows that quarantine shows alike may be different ones.
static bool hides_rows(const struct sl_contract_table *table)
{
    bool is_hidden = false;
    for (size_t i = 0; i < table->column_count; i++)
        is_hidden |= table->columns[i].personal.as == SL_PERSONAL_MASK ||
                     table->columns[i].personal.as == SL_PERSONAL_DROP;
    return is_hidden;
}

static int keep_shown_rows(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    cleanse->are_discarded_shown = true;
    if (hides_rows(cleanse->contract)) {
        SL_TRY(note(cleanse,
                    "raw is not there as it was, and quarantine shows personal columns masked: "
                    "what was discarded is no longer known",
                    err));
        sl_buf_add(&sql, "delete from _discarded");
        return sl_cleanse_exec(cleanse, &sql, err);
    }
    if (!sl_personal_is_any_protected(cleanse->contract))
        return SL_OK;
    sl_buf_add(&sql, "delete from _discarded where corrupt is not null"); // only its length
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Since when rows have been in quarantine.
static int find_seen(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot quarantine;
    SL_TRY(load_own(cleanse, &quarantine, err));
    if (!sl_step_has_files(&quarantine, context->arena))
        return SL_OK;
    cleanse->has_seen = true;
    sl_buf_addf(&sql,
                "create or replace temp table _seen as select %s_source, _position, "
                "list_transform(reasons, lambda r: r.\"rule\") as \"rules\", \"at\", run_id",
                each(cleanse));
    sl_buf_add(&sql, cleanse->are_seen_shown ? ", payload, corrupt from " : " from ");
    SL_TRY(scan(cleanse, &quarantine, &sql, err));
    return sl_cleanse_exec(cleanse, &sql, err);
}

int sl_cleanse_recall(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                      struct sl_err *err)
{
    const struct sl_cleanse_range *range = &cleanse->range;
    struct sl_delta_snapshot former;
    int64_t marked, version;
    bool is_there;
    cleanse->has_discarded = cleanse->are_discarded_shown = false;
    cleanse->has_seen = cleanse->are_seen_shown = false;
    if (range->is_resumed || !(range->is_full || range->is_replay) ||
        cleanse->quarantine.head.version < 0)
        return SL_OK;
    SL_TRY(find_marked(cleanse, &marked, err));
    cleanse->has_discarded = marked > 0;
    version =
        sl_record_input(&cleanse->quarantine.record, cleanse->raw.name, cleanse->raw.head.table_id);
    if (version == raw->version)
        return find_seen(cleanse, err);
    SL_TRY(load_former(cleanse, version, &former, &is_there, err));
    cleanse->are_seen_shown = !is_there;
    SL_TRY(find_seen(cleanse, err));
    if (cleanse->has_seen && is_there)
        SL_TRY(keep_same_rows(cleanse, raw, &former, "_seen", err));
    if (!marked)
        return SL_OK;
    return is_there ? keep_same_rows(cleanse, raw, &former, "_discarded", err)
                    : keep_shown_rows(cleanse, err);
}

// The same row of raw, with a reason that it still has. Another one in its place, as in a file that
// is written anew each day, is as old as its run.
void sl_cleanse_add_seen(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    if (!cleanse->has_seen)
        return;
    sl_buf_add(sql, " left join _seen f on s._source = f._source and s._position = f._position and "
                    "list_has_any(list_transform(s.reasons, lambda r: r.\"rule\"), f.\"rules\")");
    if (cleanse->are_seen_shown)
        sl_buf_add(sql, " and s.payload is not distinct from f.payload and s.corrupt is not "
                        "distinct from f.corrupt");
}
