// What of two tables has to be read: files that only one of them has.
#include "cli/diff.h"

#include "base/fs.h"

#include <string.h>

struct files {
    struct sl_delta_file *items;
    size_t count;
};

// Two versions of one table: its folder and its id are the same.
static bool is_same_table(const struct sl_diff_side *a, const struct sl_diff_side *b,
                          struct sl_arena *arena)
{
    const char *real_a, *real_b;
    struct sl_err ignored = {0};
    return a->is_delta && b->is_delta && sl_str_equal(a->snapshot.table_id, b->snapshot.table_id) &&
           sl_path_real(arena, a->snapshot.folder, &real_a, &ignored) == SL_OK &&
           sl_path_real(arena, b->snapshot.folder, &real_b, &ignored) == SL_OK &&
           sl_str_equal(real_a, real_b);
}

// Files are sorted by path, and a path is never written twice.
static int split(const struct sl_diff_side *a, const struct sl_diff_side *b, struct files *own,
                 struct files *both, struct sl_err *err)
{
    struct sl_arena *arena = &a->lake->world.arena;
    for (size_t i = 0, k = 0; i < a->snapshot.file_count; i++) {
        const struct sl_delta_file *file = &a->snapshot.files[i];
        while (k < b->snapshot.file_count && strcmp(b->snapshot.files[k].path, file->path) < 0)
            k++;
        bool is_both =
            k < b->snapshot.file_count && sl_str_equal(b->snapshot.files[k].path, file->path);
        struct files *into = is_both ? both : own;
        if (!SL_PUSH(arena, into->items, into->count, *file))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int scan_sql(struct sl_diff_side *side, const struct files *files, struct sl_scan *ret_scan,
                    const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_arena *arena = &side->lake->world.arena;
    struct sl_session *session = side->lake->session;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan_files(&side->snapshot, files->items, files->count, arena, &scan, err));
    for (size_t i = 0; i < scan.file_count; i++) {
        if (sl_fs_exists(scan.files[i].path))
            continue;
        (void)sl_fail(err, SL_E_TABLE_VERSION, "the file '%s' of %s is gone", scan.files[i].path,
                      side->name);
        return sl_err_hint(err, "files that no newer version needs are removed by a vacuum: "
                                "compare a newer version");
    }
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    *ret = sl_arena_strdup(arena, sql.text);
    SL_TRY_NEW(*ret, err);
    *ret_scan = scan;
    return SL_OK;
}

// Rows of files that both have: the log tells their number, unless only some of them count.
static int count_rows(struct sl_diff_side *side, const struct files *files, const char *where,
                      int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const char *from;
    struct sl_scan scan;
    bool is_known = !where;
    *ret = 0;
    for (size_t i = 0; i < files->count; i++) {
        is_known = is_known && files->items[i].row_count >= 0;
        *ret += files->items[i].row_count;
    }
    if (is_known || !files->count)
        return SL_OK;
    SL_TRY(scan_sql(side, files, &scan, &from, err));
    sl_buf_addf(&sql, "select count(*) from %s", from);
    if (where)
        sl_buf_addf(&sql, " where (%s\n)", where);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(side->lake->session->kind->query(side->lake->session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

static int name_rows(struct sl_diff_side *side, const struct files *files, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "%s\n%s\n", side->snapshot.folder, side->snapshot.table_id);
    for (size_t i = 0; i < files->count; i++)
        sl_buf_addf(&text, "%s %lld %lld\n", files->items[i].path,
                    (long long)files->items[i].size_bytes, (long long)files->items[i].modified_ms);
    SL_TRY(sl_buf_check(&text, err));
    side->side.identity = sl_arena_strdup(&side->lake->world.arena, text.text);
    SL_TRY_NEW(side->side.identity, err);
    return SL_OK;
}

static int scan(struct sl_diff_side *side, const struct files *files, struct sl_err *err)
{
    side->file_count = side->snapshot.file_count;
    side->read_count = files->count;
    if (files->count) // a digest of nothing need not be kept
        SL_TRY(name_rows(side, files, err));
    SL_TRY(scan_sql(side, files, &side->scan, &side->side.sql, err));
    side->side.scan = &side->scan;
    return SL_OK;
}

static int scan_own(struct sl_diff_side *a, struct sl_diff_side *b, const char *where,
                    struct sl_err *err)
{
    struct files own_a = {0}, own_b = {0}, both = {0}, again = {0};
    SL_TRY(split(a, b, &own_a, &both, err));
    SL_TRY(split(b, a, &own_b, &again, err));
    SL_TRY(scan(a, &own_a, err));
    SL_TRY(scan(b, &own_b, err));
    SL_TRY(count_rows(a, &both, where, &a->side.same_rows, err));
    b->side.same_rows = a->side.same_rows;
    return SL_OK;
}

int sl_diff_sides_scan(struct sl_diff_side *a, struct sl_diff_side *b, const char *where,
                       struct sl_err *err)
{
    struct sl_diff_side *sides[] = {a, b};
    if (is_same_table(a, b, &a->lake->world.arena))
        return scan_own(a, b, where, err);
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        const struct files all = {sides[s]->snapshot.files, sides[s]->snapshot.file_count};
        if (sides[s]->is_delta)
            SL_TRY(scan(sides[s], &all, err));
    }
    return SL_OK;
}
