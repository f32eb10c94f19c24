#include "step/compare_files.h"

#include "api/target.h"
#include "base/fs.h"

#include <string.h>
#include <strings.h>

// Of more files the pairing itself would take long.
#define MOST_FILES 2000
// Row groups of a range, about two million rows, and how many with the same bytes may lie between
// two that differ. More of them in a large file, since each range opens it again.
#define RANGE_GROUPS 16
#define SAME_GROUPS 2
#define RANGES 16

struct chunk {
    const char *codec;
    int64_t offset, bytes;
};
struct group {
    int64_t row_count;
    struct chunk *chunks; // per leaf
    size_t leaf_count;
};
struct file {
    const char *path, *form; // digest of its schema and of who wrote it
    const struct sl_scan_file *scan;
    const char **leaves; // path of each in the schema: "a, list, element"
    struct group *groups;
    size_t group_count;
    bool is_taken;
};
struct files {
    struct file *items;
    size_t count;
};

static void add_paths(const struct sl_scan *scan, struct sl_buf *sql)
{
    for (size_t i = 0; i < scan->file_count; i++) {
        sl_buf_add(sql, i ? ", " : "([");
        sl_buf_add_sql_string(sql, scan->files[i].path);
    }
    sl_buf_add(sql, "])");
}

// PARQUET-816: parquet-mr before 1.2.9 counts a chunk's dictionary page header as none of its
// bytes, so that its last ones would not be compared. Who does not say who he is may be one of
// them.
#define COUNTS_ALL                                                                           \
    "coalesce(not starts_with(lower(created_by), 'parquet-mr') or "                          \
    "list_transform(regexp_extract_all(split_part(created_by, '(', 1), '[0-9]+')[:3], x -> " \
    "cast(x as bigint)) >= [1, 2, 9], false)"

static void add_metadata_sql(const struct sl_scan *scan, struct sl_buf *sql)
{
    sl_buf_add(sql, "with s as (select file_name, string_agg(cast({'a': name, 'b': type, 'c': "
                    "type_length, 'd': repetition_type, 'e': num_children, 'f': converted_type, "
                    "'g': scale, 'h': precision, 'i': logical_type} as varchar), chr(10)) as t "
                    "from parquet_schema");
    add_paths(scan, sql);
    sl_buf_add(sql, " group by 1), w as (select file_name, created_by from parquet_file_metadata");
    add_paths(scan, sql);
    sl_buf_add(sql, " where " COUNTS_ALL
                    ") select m.file_name, md5(concat(t, chr(10), created_by)), row_group_id, "
                    "row_group_num_rows, path_in_schema, compression, "
                    "least(nullif(dictionary_page_offset, 0), data_page_offset), "
                    "total_compressed_size from parquet_metadata");
    add_paths(scan, sql);
    sl_buf_add(sql, " m join s using (file_name) join w using (file_name) order by m.file_name, "
                    "row_group_id, column_id");
}

enum cell { FILE_NAME, FORM, GROUP, ROWS, LEAF, CODEC, OFFSET, BYTES };

static int add_chunk(const struct sl_compare *compare, const struct sl_result *result, int64_t row,
                     struct files *files, struct sl_err *err)
{
    struct sl_arena *arena = compare->arena;
    const char *path = sl_result_text(result, row, FILE_NAME);
    bool is_new = !files->count || !sl_str_equal(files->items[files->count - 1].path, path);
    if (is_new) {
        struct file file = {.path = sl_arena_strdup(arena, path),
                            .form = sl_arena_strdup(arena, sl_result_text(result, row, FORM))};
        SL_TRY_NEW(file.path, err);
        SL_TRY_NEW(file.form, err);
        if (!SL_PUSH(arena, files->items, files->count, file))
            return sl_fail_memory(err);
    }
    struct file *file = &files->items[files->count - 1];
    size_t number = (size_t)sl_result_int(result, row, GROUP);
    struct group group = {.row_count = sl_result_int(result, row, ROWS)};
    if (number >= file->group_count && !SL_PUSH(arena, file->groups, file->group_count, group))
        return sl_fail_memory(err);
    struct group *into = &file->groups[file->group_count - 1];
    struct chunk chunk = {.codec = sl_arena_strdup(arena, sl_result_text(result, row, CODEC)),
                          .offset = sl_result_int(result, row, OFFSET),
                          .bytes = sl_result_int(result, row, BYTES)};
    SL_TRY_NEW(chunk.codec, err);
    if (file->group_count == 1) {
        size_t count = into->leaf_count;
        const char *leaf = sl_arena_strdup(arena, sl_result_text(result, row, LEAF));
        SL_TRY_NEW(leaf, err);
        if (!SL_PUSH(arena, file->leaves, count, leaf))
            return sl_fail_memory(err);
    }
    return SL_PUSH(arena, into->chunks, into->leaf_count, chunk) ? SL_OK : sl_fail_memory(err);
}

static bool link_file(const struct sl_scan *scan, struct file *file)
{
    for (size_t i = 0; i < scan->file_count && !file->scan; i++)
        if (sl_str_equal(scan->files[i].path, file->path))
            file->scan = &scan->files[i];
    return file->scan != NULL;
}

// Files whose metadata cannot be read are in no pair: the scan says what is wrong with them.
static int read_files(const struct sl_compare *compare, int side, struct files *ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err ignored = {0};
    struct files files = {0};
    add_metadata_sql(compare->sides[side]->scan, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    if (compare->session->kind->query(compare->session, sql.text, 0, &result, &ignored) != SL_OK)
        return SL_OK;
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        SL_TRY(add_chunk(compare, result, row, &files, err));
    for (size_t i = 0; i < files.count; i++)
        if (!link_file(compare->sides[side]->scan, &files.items[i]))
            return SL_OK;
    *ret = files;
    return SL_OK;
}

static bool has_same_rows(const struct file *a, const struct file *b)
{
    if (a->group_count != b->group_count || !a->group_count)
        return false;
    for (size_t g = 0; g < a->group_count; g++)
        if (a->groups[g].row_count != b->groups[g].row_count ||
            a->groups[g].leaf_count != b->groups[g].leaf_count ||
            a->groups[g].leaf_count != a->groups[0].leaf_count)
            return false;
    return true;
}

static bool has_same_size(const struct chunk *a, const struct chunk *b)
{
    return a->bytes == b->bytes && sl_str_equal(a->codec, b->codec);
}

static bool has_same_sizes(const struct file *a, const struct file *b, size_t leaf)
{
    for (size_t g = 0; g < a->group_count; g++)
        if (!has_same_size(&a->groups[g].chunks[leaf], &b->groups[g].chunks[leaf]))
            return false;
    return true;
}

static bool has_same_partition(const struct sl_compare *compare, const struct file *a,
                               const struct file *b)
{
    for (size_t i = 0; i < compare->sides[SL_SIDE_A]->scan->partition_count; i++)
        if (!sl_str_equal(a->scan->partition[i], b->scan->partition[i]))
            return false;
    return true;
}

// How many columns may have the same bytes; 0: no pair.
static size_t likeness(const struct sl_compare *compare, const struct file *a, const struct file *b)
{
    size_t count = 0;
    if (b->is_taken || !sl_str_equal(a->form, b->form) || !has_same_rows(a, b) ||
        !has_same_partition(compare, a, b))
        return 0;
    for (size_t leaf = 0; leaf < a->groups[0].leaf_count; leaf++)
        count += has_same_sizes(a, b, leaf);
    return 2 * count >= a->groups[0].leaf_count ? count : 0;
}

// Per group of rows, whether the leaf has the same bytes.
static int compare_leaf(const struct file *a, const struct file *b, size_t leaf, bool *ret_is_same,
                        struct sl_err *err)
{
    for (size_t g = 0; g < a->group_count; g++) {
        const struct chunk *left = &a->groups[g].chunks[leaf], *right = &b->groups[g].chunks[leaf];
        ret_is_same[g] = has_same_size(left, right);
        if (ret_is_same[g])
            SL_TRY(sl_fs_same_bytes(&(struct sl_fs_range){a->path, left->offset},
                                    &(struct sl_fs_range){b->path, right->offset}, left->bytes,
                                    &ret_is_same[g], err));
    }
    return SL_OK;
}

// "a, list, element" is of the column a. One whose own name has a comma may be taken for another's
// too, which then is looked at for nothing.
static bool is_of(const char *leaf, const char *column)
{
    size_t length = strlen(column);
    return strncasecmp(leaf, column, length) == 0 &&
           (leaf[length] == '\0' || strncmp(leaf + length, ", ", 2) == 0);
}

static bool is_known(const struct sl_compare *compare, const char *leaf)
{
    const struct sl_scan *scan = compare->sides[SL_SIDE_A]->scan;
    for (size_t i = 0; i < scan->column_count; i++)
        if (is_of(leaf, scan->columns[i].name))
            return true;
    return false;
}

// Whether the leaf is of a column that is compared.
static bool mark_column(const struct sl_compare *compare, const char *leaf,
                        struct sl_file_pair *pair)
{
    const struct sl_compared *result = &compare->result;
    bool is_compared = false;
    for (size_t i = 0; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]) || !is_of(leaf, result->columns[i].name))
            continue;
        is_compared = true;
        pair->differing_count += !pair->differs[i];
        pair->differs[i] = true;
    }
    return is_compared;
}

static size_t at_least(size_t number, size_t least)
{
    return number > least ? number : least;
}

// Whether a group begins another range: one range would be one thread's.
static bool is_too_far(size_t group_count, size_t first, size_t last, size_t group)
{
    size_t share = (group_count + RANGES - 1) / RANGES;
    size_t most = group_count < 2 * RANGE_GROUPS ? (group_count + 1) / 2 : RANGE_GROUPS;
    return group - first >= at_least(share, most) ||
           group - last - 1 > at_least(share, SAME_GROUPS);
}

static int add_ranges(const struct sl_compare *compare, const struct file *file,
                      const bool *is_same, struct sl_file_pair *pair, struct sl_err *err)
{
    int64_t begin = 0;
    for (size_t g = 0, first = 0, last = 0; g < file->group_count; g++) {
        const struct sl_row_range range = {begin, begin + file->groups[g].row_count};
        begin = range.end;
        if (is_same[g])
            continue;
        if (!pair->range_count || is_too_far(file->group_count, first, last, g)) {
            if (!SL_PUSH(compare->arena, pair->ranges, pair->range_count, range))
                return sl_fail_memory(err);
            first = g;
        }
        pair->ranges[pair->range_count - 1].end = range.end;
        last = g;
    }
    return SL_OK;
}

// A leaf that nobody knows makes no pair.
static int look_at_bytes(const struct sl_compare *compare, const struct file *a,
                         const struct file *b, struct sl_file_pair *pair, struct sl_err *err)
{
    const size_t count = a->group_count;
    bool *is_same = SL_NEW_ARRAY(compare->arena, bool, count);
    bool *has_same = SL_NEW_ARRAY(compare->arena, bool, count);
    SL_TRY_NEW(is_same, err);
    SL_TRY_NEW(has_same, err);
    memset(has_same, true, count);
    for (size_t leaf = 0; leaf < a->groups[0].leaf_count && !pair->is_dropped; leaf++) {
        SL_TRY(compare_leaf(a, b, leaf, is_same, err));
        if (!memchr(is_same, 0, count)) // a group that differs
            continue;
        pair->is_dropped = !is_known(compare, a->leaves[leaf]);
        if (!mark_column(compare, a->leaves[leaf], pair))
            continue;
        for (size_t g = 0; g < count; g++)
            has_same[g] = has_same[g] && is_same[g];
    }
    if (2 * pair->differing_count > compare->result.column_count)
        pair->is_dropped = true;
    return add_ranges(compare, a, has_same, pair, err);
}

static int pair_file(const struct sl_compare *compare, struct files *files, size_t index,
                     struct sl_file_pair *ret, bool *ret_is_pair, struct sl_err *err)
{
    struct file *a = &files[SL_SIDE_A].items[index], *best = NULL;
    size_t most = 0;
    for (size_t k = 0; k < files[SL_SIDE_B].count; k++) {
        size_t count = likeness(compare, a, &files[SL_SIDE_B].items[k]);
        if (count <= most)
            continue;
        most = count;
        best = &files[SL_SIDE_B].items[k];
    }
    *ret_is_pair = best != NULL;
    if (!best)
        return SL_OK;
    best->is_taken = true;
    *ret = (struct sl_file_pair){
        .files = {(size_t)(a->scan - compare->sides[SL_SIDE_A]->scan->files),
                  (size_t)(best->scan - compare->sides[SL_SIDE_B]->scan->files)},
        .differs = SL_NEW_ARRAY(compare->arena, bool, compare->result.column_count)};
    SL_TRY_NEW(ret->differs, err);
    for (size_t g = 0; g < a->group_count; g++)
        ret->row_count += a->groups[g].row_count;
    return look_at_bytes(compare, a, best, ret, err);
}

static bool can_pair(const struct sl_compare *compare)
{
    const struct sl_scan *a = compare->sides[SL_SIDE_A]->scan, *b = compare->sides[SL_SIDE_B]->scan;
    const struct sl_scan *scans[] = {a, b};
    if (!a || !b || compare->options->where || a->partition_count != b->partition_count)
        return false;
    for (size_t i = 0; i < a->partition_count; i++)
        if (!sl_str_equal(a->partition_columns[i], b->partition_columns[i]))
            return false;
    for (size_t i = 0; i < compare->result.column_count; i++)
        if (sl_compared_has_both(&compare->result.columns[i]) &&
            compare->result.columns[i].how != SL_COMPARE_AS_IS)
            return false;
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        if (!scans[s]->file_count || scans[s]->file_count > MOST_FILES)
            return false;
        for (size_t i = 0; i < scans[s]->column_count; i++)
            if (sl_is_origin_name(scans[s]->columns[i].name))
                return false;
        for (size_t i = 0; i < scans[s]->file_count; i++) // the engine takes it for a pattern
            if (strpbrk(scans[s]->files[i].path, "*?["))
                return false;
    }
    return true;
}

int sl_compare_pair_files(const struct sl_compare *compare, struct sl_file_pair **ret,
                          size_t *ret_count, struct sl_err *err)
{
    struct files files[SL_SIDE_COUNT] = {0};
    struct sl_file_pair pair;
    bool is_pair;
    *ret = NULL;
    *ret_count = 0;
    if (!can_pair(compare))
        return SL_OK;
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        SL_TRY(read_files(compare, s, &files[s], err));
    for (size_t i = 0; i < files[SL_SIDE_A].count; i++) {
        SL_TRY(pair_file(compare, files, i, &pair, &is_pair, err));
        if (is_pair && !pair.is_dropped && !SL_PUSH(compare->arena, *ret, *ret_count, pair))
            return sl_fail_memory(err);
    }
    return SL_OK;
}
