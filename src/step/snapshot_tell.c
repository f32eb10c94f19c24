// Write mode snapshot: what the history of the keys is that a run has to do with. All in the
// engine; working columns have the names that no snapshot's own column can have.
#include "step/snapshot.h"

#include <string.h>

// Of versions, events and rows: "~file" says whether a version is new, "~row" of which kind an
// event is.
#define VERSION "0"
#define GONE "1"
#define BACK "2"

int sl_snapshot_exec(struct sl_snapshot *snapshot, const struct sl_buf *sql, int64_t *ret_rows,
                     struct sl_err *err)
{
    struct sl_session *session = snapshot->step->context->session;
    SL_TRY(sl_buf_check(sql, err));
    return session->kind->exec(session, sql->text, ret_rows, err);
}

static int scan_table(struct sl_snapshot *snapshot, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_model_step *step = snapshot->step;
    struct sl_session *session = step->context->session;
    const struct sl_delta_snapshot *table = &snapshot->table;
    struct sl_scan scan = {0};
    if (table->version >= 0)
        SL_TRY(sl_delta_scan_files(table, table->files, table->file_count, step->context->arena,
                                   &scan, err));
    scan.columns = step->stored;
    scan.column_count = step->stored_count;
    scan.with_origin = scan.file_count > 0;
    sl_buf_add(sql, scan.file_count ? "(select * from "
                                    : "(select *, null::bigint as \"~file\", null::bigint as "
                                      "\"~row\" from ");
    SL_TRY(session->kind->scan_sql(session, &scan, sql, err));
    sl_buf_add(sql, ")");
    return SL_OK;
}

// _gone: keys with a current row that the result no longer has. _old: the table's rows of all keys
// that this run has to do with.
static int read_old(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "create or replace temp table _gone as select distinct %s from ",
                snapshot->key);
    SL_TRY(scan_table(snapshot, &sql, err));
    sl_buf_addf(&sql, " _a anti join _rows _b on (%s) where %s and " SL_IS_CURRENT ";",
                snapshot->match, snapshot->closes ? "true" : "false");
    sl_buf_add(&sql, "create or replace temp table _old as select * from ");
    SL_TRY(scan_table(snapshot, &sql, err));
    sl_buf_addf(&sql,
                " _a semi join (select %s from _rows union all select %s from _gone) _b on (%s)",
                snapshot->key, snapshot->key, snapshot->match);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

// One version per key and time.
static int versions_by_time(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _versions as select %s, %s as " SL_VALID_FROM
                ", \"~file\" from (select %s, 0 as \"~file\" from _old union all select %s, 1 from "
                "_rows) qualify row_number() over (partition by %s, %s order by %s%s, \"~file\") "
                "= 1",
                snapshot->columns, snapshot->updated_at, snapshot->columns, snapshot->columns,
                snapshot->key, snapshot->updated_at,
                snapshot->is_changed_code ? "\"~file\" desc, " : "", snapshot->order);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

// A version is new if it differs from what the key is now; it holds from the run's clock on, which
// never goes back within a key.
static int versions_by_clock(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _changed as select distinct %s from _rows _a where "
                "not exists (select 1 from _old _b where _b." SL_IS_CURRENT " and %s);",
                snapshot->columns, snapshot->same);
    sl_buf_addf(&sql,
                "create or replace temp table _versions as select %s, " SL_VALID_FROM
                ", 0 as \"~file\" from _old union all select %s, greatest(%s, (select "
                "max(_b." SL_VALID_FROM ") + interval 1 microsecond from _old _b where %s)), 1 "
                "from _changed _a",
                snapshot->columns, snapshot->columns_a, snapshot->clock, snapshot->match);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

int sl_snapshot_read(struct sl_snapshot *snapshot, const char *sql, struct sl_err *err)
{
    struct sl_model_step *step = snapshot->step;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "create or replace temp table _rows as %s", sql);
    if (sl_snapshot_exec(snapshot, &text, &step->balance.in, err) != SL_OK)
        return sl_err_at(err, step->model->file, step->model->sql_line, 1);
    SL_TRY(read_old(snapshot, err));
    return snapshot->updated_at ? versions_by_time(snapshot, err)
                                : versions_by_clock(snapshot, err);
}

// _touched: the keys of which there is something new.
static int find_touched(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *key = snapshot->key;
    sl_buf_addf(&sql,
                "create or replace temp table _touched as select %s from _versions where \"~file\" "
                "= 1 union select %s from _gone",
                key, key);
    if (snapshot->closes && snapshot->updated_at)
        sl_buf_addf(&sql,
                    " union select %s from _old _a semi join _rows _b on (%s) group by %s having "
                    "not bool_or(_a." SL_IS_CURRENT ")",
                    snapshot->key_a, snapshot->match, snapshot->key_a);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

// The end of a row where no other row of the key begins is when the key was found gone; a row that
// begins at another time than its version's is when it was found back.
static int old_events(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _events as select %s, _a." SL_VALID_FROM ", " VERSION
                " as \"~row\" from _versions _a semi join _touched _b on (%s)",
                snapshot->key_a, snapshot->match);
    sl_buf_addf(&sql,
                " union all select distinct %s, _a." SL_VALID_TO ", " GONE
                " from (select * from _old _a semi join _touched _b on (%s)) _a where "
                "_a." SL_VALID_TO " is not null and not exists (select 1 from _old _b where %s and "
                "_b." SL_VALID_FROM " = _a." SL_VALID_TO
                " and (_b.\"~file\", _b.\"~row\") <> (_a.\"~file\", _a.\"~row\"))",
                snapshot->key_a, snapshot->match, snapshot->match);
    if (snapshot->updated_at)
        sl_buf_addf(&sql,
                    " union all select %s, _a." SL_VALID_FROM ", " BACK
                    " from _old _a semi join _touched _b on (%s) where _a." SL_VALID_FROM
                    " is distinct from _a.%s",
                    snapshot->key_a, snapshot->match, snapshot->updated_at);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

static int new_events(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!snapshot->closes)
        return SL_OK;
    sl_buf_addf(&sql,
                "insert into _events select %s, greatest(%s, max(_a." SL_VALID_FROM ")), " GONE
                " from _events _a semi join _gone _b on (%s) group by %s",
                snapshot->key_a, snapshot->clock, snapshot->match, snapshot->key_a);
    SL_TRY(sl_snapshot_exec(snapshot, &sql, NULL, err));
    if (!snapshot->updated_at)
        return SL_OK;
    sl_buf_reset(&sql);
    sl_buf_addf(&sql,
                "insert into _events select %s, greatest(%s, max(_a." SL_VALID_FROM ")), " BACK
                " from _events _a semi join _rows _b on (%s) group by %s having "
                "last(_a.\"~row\" order by _a." SL_VALID_FROM ", _a.\"~row\") = " GONE,
                snapshot->key_a, snapshot->clock, snapshot->match, snapshot->key_a);
    return sl_snapshot_exec(snapshot, &sql, &snapshot->back, err);
}

// _result: the rows of the touched keys. What was found back only counts after it was gone, and
// shows the newest version until then.
static int build_rows(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *key = snapshot->key;
    sl_buf_addf(&sql,
                "create or replace temp table _result as with _telling as (select * from _events "
                "qualify \"~row\" <> " BACK " or lag(\"~row\") over (partition by %s order by "
                "" SL_VALID_FROM ", \"~row\") = " GONE "), ",
                key);
    sl_buf_addf(&sql,
                "_opened as (select %s, " SL_VALID_FROM ", \"~row\", lead(" SL_VALID_FROM
                ") over _w as " SL_VALID_TO ", max(" SL_VALID_FROM ") filter (\"~row\" = " VERSION
                ") over (_w rows between unbounded preceding and current row) as \"~file\" from "
                "_telling window _w as (partition by %s order by " SL_VALID_FROM ", \"~row\")) ",
                key, key);
    sl_buf_addf(&sql,
                "select %s, _b." SL_VALID_FROM ", _b." SL_VALID_TO ", _b." SL_VALID_TO
                " is null as " SL_IS_CURRENT " from _versions _a join _opened _b on (%s and "
                "_a." SL_VALID_FROM " = _b.\"~file\") where _b.\"~row\" <> " GONE,
                snapshot->columns_a, snapshot->match);
    return sl_snapshot_exec(snapshot, &sql, NULL, err);
}

// Rows that are the same as before stay in their files.
static int compare(struct sl_snapshot *snapshot, struct sl_err *err)
{
    static const char *const same_time =
        "_a." SL_VALID_FROM " = _b." SL_VALID_FROM " and _a." SL_VALID_TO
        " is not distinct from _b." SL_VALID_TO;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _added as select * from _result _a anti join _old _b "
                "on (%s and %s)",
                snapshot->same, same_time);
    SL_TRY(sl_snapshot_exec(snapshot, &sql, &snapshot->added, err));
    sl_buf_reset(&sql);
    sl_buf_addf(&sql,
                "create or replace temp table _dropped as select \"~file\", \"~row\" from (select "
                "* from _old _a semi join _touched _b on (%s)) _a anti join _result _b on (%s and "
                "%s)",
                snapshot->match, snapshot->same, same_time);
    return sl_snapshot_exec(snapshot, &sql, &snapshot->dropped, err);
}

int sl_snapshot_tell(struct sl_snapshot *snapshot, struct sl_err *err)
{
    SL_TRY(find_touched(snapshot, err));
    SL_TRY(old_events(snapshot, err));
    SL_TRY(new_events(snapshot, err));
    SL_TRY(build_rows(snapshot, err));
    return compare(snapshot, err);
}
