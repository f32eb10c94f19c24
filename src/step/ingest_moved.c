// Parts whose content the table has already, under another name or another time: such a part is not
// read again. The files that hold its rows get other tags instead, in a commit that changes no row,
// so that its name and time are known from then on. Its rows keep the `_source` under which they
// came, as long as no other part of that name comes.
//
// Content is compared by size and SHA-256. A name changed without the time: a file of the same
// content that is of another time is another delivery, and its rows count. What the table has of a
// part can go to another name only if the part itself is gone or has other content now: of two
// files that are there at once each counts.
#include "step/ingest.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

// What the table holds of parts that are not there any more as they were.
struct lost {
    struct sl_ingested **items; // by size, hash and name
    size_t count;
};

static int compare_content(const struct sl_ingested *part, int64_t size_bytes, const char *sha256)
{
    if (part->size_bytes != size_bytes)
        return part->size_bytes < size_bytes ? -1 : 1;
    return sha256 ? strcmp(part->sha256, sha256) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct sl_ingested *x = *(struct sl_ingested *const *)a;
    const struct sl_ingested *y = *(struct sl_ingested *const *)b;
    int order = compare_content(x, y->size_bytes, y->sha256);

    return order ? order : strcmp(x->name, y->name);
}

static int collect_lost(struct sl_ingest *ingest, struct lost *ret, struct sl_err *err)
{
    struct lost lost = {.items = SL_NEW_ARRAY(ingest->arena, struct sl_ingested *,
                                              sl_map_count(&ingest->ingested))};

    SL_TRY_NEW(lost.items, err);
    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        struct sl_ingested *part = sl_map_value(it);

        if (!part->is_found && *part->sha256)
            lost.items[lost.count++] = part;
    }
    if (lost.count > 0)
        qsort(lost.items, lost.count, sizeof *lost.items, compare);
    *ret = lost;
    return SL_OK;
}

// The first of a size, or of a size and hash; `count` if there is none.
static size_t find_first(const struct lost *lost, int64_t size_bytes, const char *sha256)
{
    size_t low = 0;
    size_t high = lost->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_content(lost->items[middle], size_bytes, sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lost->count && compare_content(lost->items[low], size_bytes, sha256) == 0
               ? low
               : lost->count;
}

// Whether a part of this size may have come from elsewhere than from under its own name.
static bool may_have_moved(const struct sl_ingest *ingest, const struct lost *lost, size_t index)
{
    int64_t size_bytes = ingest->parts[index].size_bytes;

    for (size_t i = find_first(lost, size_bytes, NULL);
         i < lost->count && lost->items[i]->size_bytes == size_bytes; i++)
        if (lost->items[i] != ingest->before[index] &&
            lost->items[i]->mtime_us == ingest->parts[index].mtime_us)
            return true;
    return false;
}

// NULL: it cannot be read, which is told when that is tried for its rows.
static const char *hash_part(struct sl_ingest *ingest, size_t index, const char **hashes)
{
    char sha256[65];

    if (!hashes[index] && sl_fs_hash(ingest->parts[index].path, sha256, NULL) == SL_OK)
        hashes[index] = sl_arena_strdup(ingest->arena, sha256);
    return hashes[index];
}

static void find_touched(struct sl_ingest *ingest, const char **hashes)
{
    for (size_t i = 0; i < ingest->part_count; i++) {
        struct sl_ingested *before = ingest->before[i];

        if (!before || before->is_found || before->size_bytes != ingest->parts[i].size_bytes ||
            !*before->sha256 || !sl_ingest_reads_as_before(ingest, before) ||
            !sl_str_equal(hash_part(ingest, i, hashes), before->sha256))
            continue;
        ingest->is_same[i] = before->is_found = true;
        before->mtime_us = ingest->parts[i].mtime_us;
    }
}

static int take_over(struct sl_ingest *ingest, size_t index, struct sl_ingested *from,
                     struct sl_err *err)
{
    const char *note;

    from->is_found = from->is_listed = true;
    from->name_now = ingest->parts[index].name;
    from->mtime_us = ingest->parts[index].mtime_us;
    ingest->before[index] = from;
    ingest->is_same[index] = true;
    note = sl_arena_printf(ingest->arena, "%s is now %s", from->name, from->name_now);
    SL_TRY_NEW(note, err);
    return sl_strs_add(&ingest->renames, ingest->arena, note, err);
}

static int find_renamed(struct sl_ingest *ingest, size_t index, const struct lost *lost,
                        const char **hashes, struct sl_err *err)
{
    const struct sl_source_part *part = &ingest->parts[index];
    const char *sha256;

    if (!may_have_moved(ingest, lost, index) || !(sha256 = hash_part(ingest, index, hashes)))
        return SL_OK;
    for (size_t i = find_first(lost, part->size_bytes, sha256);
         i < lost->count && compare_content(lost->items[i], part->size_bytes, sha256) == 0; i++)
        if (!lost->items[i]->is_found && lost->items[i]->mtime_us == part->mtime_us &&
            sl_ingest_reads_as_before(ingest, lost->items[i]) &&
            ingest->kind->reads_alike(&ingest->options, lost->items[i]->name, part->name))
            return take_over(ingest, index, lost->items[i], err);
    return SL_OK;
}

// A part whose content went to another name begins anew; one over which another was moved, and that
// went nowhere, is replaced by that one.
static void settle(struct sl_ingest *ingest, struct sl_ingested *const *listed)
{
    for (size_t i = 0; i < ingest->part_count; i++) {
        if (listed[i] == ingest->before[i] && listed[i] && !ingest->is_same[i] &&
            listed[i]->name_now != listed[i]->name)
            ingest->before[i] = NULL;
        if (listed[i] && listed[i] != ingest->before[i] && !listed[i]->is_found)
            listed[i]->gives_way = true;
    }
}

static bool is_anything_elsewhere(const struct sl_ingest *ingest, const struct lost *lost)
{
    for (size_t i = 0; i < ingest->part_count; i++)
        if (!(ingest->before[i] && ingest->before[i]->is_found) && may_have_moved(ingest, lost, i))
            return true;
    return false;
}

int sl_ingest_find_moved(struct sl_ingest *ingest, struct sl_err *err)
{
    const char **hashes = SL_NEW_ARRAY(ingest->arena, const char *, ingest->part_count);
    struct sl_ingested **listed =
        SL_NEW_ARRAY(ingest->arena, struct sl_ingested *, ingest->part_count);
    struct lost lost;
    size_t known = 0;

    ingest->is_same = SL_NEW_ARRAY(ingest->arena, bool, ingest->part_count);
    SL_TRY_NEW(hashes, err);
    SL_TRY_NEW(listed, err);
    SL_TRY_NEW(ingest->is_same, err);
    for (size_t i = 0; i < ingest->part_count; i++) {
        listed[i] = ingest->before[i];
        if (!sl_ingest_is_known(ingest, i))
            continue;
        listed[i]->is_found = true;
        known++;
    }
    if (known == ingest->part_count)
        return SL_OK;
    SL_TRY(collect_lost(ingest, &lost, err));
    if (!ingest->context && !is_anything_elsewhere(ingest, &lost))
        return SL_OK;
    // First those that are where they were: what they have is no other's.
    find_touched(ingest, hashes);
    SL_TRY(collect_lost(ingest, &lost, err));
    for (size_t i = 0; i < ingest->part_count; i++)
        if (!ingest->is_same[i] && !sl_ingest_is_known(ingest, i))
            SL_TRY(find_renamed(ingest, i, &lost, hashes, err));
    settle(ingest, listed);
    return SL_OK;
}

// --- in the commit

int sl_ingest_print_tags(const struct sl_ingest *ingest, const struct sl_ingested *part,
                         const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;

    sl_buf_add(&json, "{\"sluice.source\":");
    sl_buf_add_json_string(&json, part->name_now);
    sl_buf_addf(&json,
                ",\"sluice.size\":\"%lld\",\"sluice.mtime_us\":\"%lld\",\"sluice.sha256\":\"%s\"",
                (long long)part->size_bytes, (long long)part->mtime_us, part->sha256);
    if (*part->reading)
        sl_buf_addf(&json, ",\"sluice.reading\":\"%s\"", part->reading);
    if (*part->columns) {
        sl_buf_add(&json, ",\"sluice.columns\":");
        sl_buf_add_json_string(&json, part->columns);
    }
    if (!sl_str_equal(part->received_as, part->name_now)) {
        sl_buf_add(&json, ",\"sluice.received_as\":");
        sl_buf_add_json_string(&json, part->received_as);
    }
    sl_buf_add_char(&json, '}');
    SL_TRY(sl_buf_check(&json, err));
    *ret = sl_arena_strdup(ingest->arena, json.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int retag(struct sl_ingest *ingest, const struct sl_ingested *part, struct sl_err *err)
{
    const char *tags;

    SL_TRY(sl_ingest_print_tags(ingest, part, &tags, err));
    for (size_t i = 0; i < part->files.count; i++) {
        SL_TRY(sl_strs_add(&ingest->retagged, ingest->arena, part->files.items[i], err));
        SL_TRY(sl_strs_add(&ingest->retags_json, ingest->arena, tags, err));
    }
    return SL_OK;
}

// Rows under the name of another part that brings rows of its own could not be told from those.
static int mark_relabelled(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map taken = {0};
    bool has_more = true;

    for (size_t i = 0; i < ingest->job_count; i++)
        if (ingest->jobs[i].is_staged)
            SL_TRY(sl_map_set(&taken, ingest->jobs[i].part->name, NULL, err));
    while (has_more) {
        has_more = false;
        for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
             it = sl_map_next(it)) {
            struct sl_ingested *part = sl_map_value(it);

            if (part->gives_way || part->is_relabelled || !sl_map_has(&taken, part->received_as) ||
                sl_str_equal(part->received_as, part->name_now))
                continue;
            SL_TRY(sl_map_set(&taken, part->name_now, NULL, err));
            part->is_relabelled = has_more = true;
        }
    }
    return SL_OK;
}

static int find_files(struct sl_ingest *ingest, const struct sl_ingested *part, struct sl_scan *ret,
                      int64_t *ret_rows, struct sl_err *err)
{
    struct sl_delta_file *files =
        SL_NEW_ARRAY(ingest->arena, struct sl_delta_file, part->files.count);
    size_t count = 0;

    SL_TRY_NEW(files, err);
    *ret_rows = 0;
    for (size_t i = 0; i < ingest->snapshot.file_count; i++)
        for (size_t k = 0; k < part->files.count; k++)
            if (sl_str_equal(ingest->snapshot.files[i].path, part->files.items[k])) {
                files[count++] = ingest->snapshot.files[i];
                *ret_rows = sl_rows_add(*ret_rows, ingest->snapshot.files[i].row_count);
            }
    return sl_delta_scan_files(&ingest->snapshot, files, count, ingest->arena, ret, err);
}

// The rows of one part, with the name that it has now, and the types that the table has.
static int stage_relabelled(struct sl_ingest *ingest, const struct sl_ingested *part, size_t index,
                            struct sl_staged *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = ingest->context->session;
    struct sl_stage_options options = {.folder = ingest->folder,
                                       .file_size_bytes = SL_INGEST_FILE_BYTES};
    struct sl_scan scan;
    int64_t rows;

    SL_TRY(find_files(ingest, part, &scan, &rows, err));
    sl_buf_add(&sql, "select * replace (");
    sl_buf_add_sql_string(&sql, part->is_relabelled ? part->name_now : part->received_as);
    sl_buf_add(&sql, " as _source");
    sl_ingest_add_retyped(ingest, &sql);
    sl_buf_add(&sql, ") from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    options.file_prefix =
        sl_arena_printf(ingest->arena, "%s-renamed-%05zu", ingest->file_prefix, index);
    SL_TRY_NEW(options.file_prefix, err);
    SL_TRY(session->kind->stage(session, sql.text, &options, ingest->arena, ret, err));
    if (rows < 0 || ret->row_count == rows) // the log need not say how many there are
        return SL_OK;
    return sl_fail(err, SL_E_BALANCE, "'%s' has %lld rows in the table, and %lld were staged again",
                   part->name_now, (long long)rows, (long long)ret->row_count);
}

static int stage_again(struct sl_ingest *ingest, struct sl_ingested *part, size_t index,
                       struct sl_err *err)
{
    struct sl_staged staged = {0};
    const char *tags;

    if (part->files.count > 0)
        SL_TRY(stage_relabelled(ingest, part, index, &staged, err));
    if (part->is_relabelled)
        part->received_as = part->name_now;
    if (staged.file_count == 0 && ingest->is_retyped) {
        const char *prefix =
            sl_arena_printf(ingest->arena, "%s-empty-%05zu", ingest->file_prefix, index);
        SL_TRY_NEW(prefix, err);
        SL_TRY(sl_ingest_stage_nothing(ingest, prefix, &staged, err));
    }
    if (staged.file_count == 0) // it has no rows, or loose ones alone
        return retag(ingest, part, err);
    SL_TRY(sl_ingest_print_tags(ingest, part, &tags, err));
    for (size_t i = 0; i < staged.file_count; i++)
        if (!SL_PUSH(ingest->arena, ingest->staged.files, ingest->staged.file_count,
                     staged.files[i]) ||
            !SL_PUSH(ingest->arena, ingest->tags_json, ingest->tag_count, tags))
            return sl_fail_memory(err);
    ingest->staged.row_count += staged.row_count;
    for (size_t i = 0; i < part->files.count; i++)
        SL_TRY(sl_strs_add(&ingest->removed, ingest->arena, part->files.items[i], err));
    return SL_OK;
}

int sl_ingest_keep_moved(struct sl_ingest *ingest, struct sl_err *err)
{
    size_t index = 0;

    // A table that is replaced as a whole keeps no file.
    if (ingest->is_fresh)
        return SL_OK;
    SL_TRY(mark_relabelled(ingest, err));
    SL_TRY(sl_ingest_rewrite_loose(ingest, err));
    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        struct sl_ingested *part = sl_map_value(it);

        if (part->is_relabelled || (ingest->is_retyped && !part->gives_way))
            SL_TRY(stage_again(ingest, part, index++, err));
    }
    for (size_t i = 0; !ingest->is_retyped && i < ingest->part_count; i++) {
        const struct sl_ingested *part = ingest->before[i];

        if (ingest->is_same[i] && !part->gives_way && !part->is_relabelled)
            SL_TRY(retag(ingest, part, err));
    }
    return SL_OK;
}
