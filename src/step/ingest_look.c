// What the source has, what the raw table has of it, and the difference.
#include "step/ingest.h"

#include "api/kinds.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"

#include <string.h>

#define MOST_NOTES 20

static const char *const formats[] = {
    [SL_FORMAT_AUTO] = "auto",   [SL_FORMAT_CSV] = "csv",   [SL_FORMAT_TSV] = "tsv",
    [SL_FORMAT_JSONL] = "jsonl", [SL_FORMAT_JSON] = "json", [SL_FORMAT_PARQUET] = "parquet",
};
static const char *const encodings[] = {
    [SL_ENCODING_UTF8] = "utf-8", [SL_ENCODING_UTF16] = "utf-16", [SL_ENCODING_LATIN1] = "latin-1"};

static int find_kind(struct sl_ingest *ingest, struct sl_err *err)
{
    for (size_t i = 0; sl_kinds.sources[i]; i++)
        if (sl_str_equal(sl_kinds.sources[i]->name, ingest->source->connector)) {
            ingest->kind = sl_kinds.sources[i];
            return SL_OK;
        }
    return sl_fail(err, SL_E_INTERNAL, "there is no connector '%s'", ingest->source->connector);
}

static void set_options(struct sl_ingest *ingest)
{
    const struct sl_source *source = ingest->source;

    ingest->options = (struct sl_source_options){
        .paths = source->paths,
        .folder = ingest->project->folder,
        .format = formats[source->format],
        .encoding = encodings[source->csv.encoding],
        .delimiter = source->csv.delimiter,
        .quote = source->csv.quote,
        .escape = source->csv.escape,
        .comment = source->csv.comment,
        .has_header = source->csv.has_header,
        .columns = source->csv.columns,
        .skip_lines = source->csv.skip_lines,
    };
}

static int digest_options(struct sl_ingest *ingest, struct sl_err *err)
{
    const struct sl_source_options *options = &ingest->options;
    const char *texts[] = {options->format, options->encoding, options->delimiter,
                           options->quote,  options->escape,   options->comment};
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];

    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, ingest->kind->name);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        sl_hash_add(hash, texts[i]);
    sl_hash_add_bytes(hash, &options->has_header, sizeof options->has_header);
    sl_hash_add_bytes(hash, &options->skip_lines, sizeof options->skip_lines);
    for (size_t i = 0; i < options->columns.count; i++)
        sl_hash_add(hash, options->columns.items[i]);
    SL_TRY(sl_hash_end(hash, hex, err));
    ingest->reading = sl_arena_strndup(ingest->arena, hex, 16);
    SL_TRY_NEW(ingest->reading, err);
    return SL_OK;
}

int sl_ingest_describe(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_TRY(find_kind(ingest, err));
    set_options(ingest);
    return digest_options(ingest, err);
}

// --- what the table holds

static int64_t read_number(const json_t *tags, const char *key)
{
    int64_t value;

    return sl_str_to_int64(sl_json_text(tags, key, ""), &value) ? value : -1;
}

int sl_ingest_enter(struct sl_ingest *ingest, const char *name, struct sl_ingested **ret,
                    struct sl_err *err)
{
    struct sl_ingested *found = sl_map_get(&ingest->ingested, name);

    if (!found) {
        found = SL_NEW(ingest->arena, struct sl_ingested);
        SL_TRY_NEW(found, err);
        *found = (struct sl_ingested){
            .size_bytes = -1, .mtime_us = -1, .sha256 = "", .reading = "", .columns = ""};
        found->name = sl_arena_strdup(ingest->arena, name);
        SL_TRY_NEW(found->name, err);
        found->received_as = found->name_now = found->name;
        SL_TRY(sl_map_set(&ingest->ingested, name, found, err));
    }
    *ret = found;
    return SL_OK;
}

static int add_file(struct sl_ingest *ingest, const struct sl_delta_file *file, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tags = NULL;
    struct sl_ingested *found;
    const char *name = NULL;

    if (file->tags_json) {
        SL_TRY(sl_json_parse(file->tags_json, strlen(file->tags_json), file->path, &tags, err));
        name = sl_json_text(tags, "sluice.source", NULL);
    }
    if (!name)
        return SL_PUSH(ingest->arena, ingest->loose, ingest->loose_count, *file)
                   ? SL_OK
                   : sl_fail_memory(err);
    SL_TRY(sl_ingest_enter(ingest, name, &found, err));
    if (found->files.count == 0) {
        found->sha256 = sl_arena_strdup(ingest->arena, sl_json_text(tags, "sluice.sha256", ""));
        SL_TRY_NEW(found->sha256, err);
        found->reading = sl_arena_strdup(ingest->arena, sl_json_text(tags, "sluice.reading", ""));
        SL_TRY_NEW(found->reading, err);
        found->columns = sl_arena_strdup(ingest->arena, sl_json_text(tags, "sluice.columns", ""));
        SL_TRY_NEW(found->columns, err);
        found->received_as =
            sl_arena_strdup(ingest->arena, sl_json_text(tags, "sluice.received_as", found->name));
        SL_TRY_NEW(found->received_as, err);
        found->size_bytes = read_number(tags, "sluice.size");
        found->mtime_us = read_number(tags, "sluice.mtime_us");
    }
    found->rows = sl_rows_add(found->rows, file->row_count);
    return sl_strs_add(&found->files, ingest->arena, file->path, err);
}

// --- which part is which

static int add_note(struct sl_ingest *ingest, const char *note, struct sl_err *err)
{
    SL_TRY_NEW(note, err);
    return sl_strs_add(&ingest->result.notes, ingest->arena, note, err);
}

// What the table holds under a name that the source no longer lists, by where it leads: a part that
// is spelled otherwise now, or a link to it, is no new one.
static int find_renamed(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map keys = {0};

    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        struct sl_ingested *found = sl_map_value(it);
        const char *key;

        if (found->is_listed)
            continue;
        SL_TRY(ingest->kind->key(&ingest->options, found->name, ingest->arena, &key, err));
        SL_TRY(sl_map_set(&keys, key, found, err));
    }
    for (size_t i = 0; i < ingest->part_count; i++) {
        struct sl_ingested *found = sl_map_get(&keys, ingest->parts[i].key);

        if (found && !ingest->before[i] && !found->is_listed)
            ingest->before[i] = found;
        if (found)
            found->is_listed = true;
    }
    return SL_OK;
}

static const char *identity(const struct sl_source_part *part)
{
    return part->link ? part->link : part->key;
}

// Of two names of one part the one to stay with: which the table knows, which is no link, which is
// first.
static bool is_better(const struct sl_ingest *ingest, size_t later, size_t earlier)
{
    if (!ingest->before[later] != !ingest->before[earlier])
        return ingest->before[later] != NULL;
    return !ingest->parts[later].is_link && ingest->parts[earlier].is_link;
}

// A part that the source lists under several names is read once. Where the table has rows of
// several names from earlier they stay apart, until it is built anew.
static int join_twins(struct sl_ingest *ingest, bool is_whole, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map seen = {0};
    size_t kept = 0;

    for (size_t i = 0; i < ingest->part_count; i++) {
        const char *id = identity(&ingest->parts[i]);
        size_t earlier = (size_t)(uintptr_t)sl_map_get(&seen, id);

        if (earlier == 0 || is_better(ingest, i, earlier - 1))
            SL_TRY(sl_map_set(&seen, id, (void *)(uintptr_t)(i + 1), err));
    }
    // The map's places are of the parts as they were listed.
    struct sl_source_part *listed = ingest->parts;
    ingest->parts = SL_NEW_ARRAY(ingest->arena, struct sl_source_part, ingest->part_count);
    SL_TRY_NEW(ingest->parts, err);
    for (size_t i = 0; i < ingest->part_count; i++) {
        size_t best = (size_t)(uintptr_t)sl_map_get(&seen, identity(&listed[i])) - 1;

        if (best != i && (is_whole || !ingest->before[i])) {
            SL_TRY(add_note(ingest,
                            sl_arena_printf(ingest->arena, "%s is the same file as %s: read once",
                                            listed[i].name, listed[best].name),
                            err));
            continue;
        }
        ingest->parts[kept] = listed[i];
        ingest->before[kept++] = ingest->before[i];
    }
    ingest->part_count = kept;
    return SL_OK;
}

static int match(struct sl_ingest *ingest, struct sl_err *err)
{
    ingest->before = SL_NEW_ARRAY(ingest->arena, struct sl_ingested *, ingest->part_count);
    SL_TRY_NEW(ingest->before, err);
    for (size_t i = 0; i < ingest->part_count; i++) {
        ingest->before[i] = sl_map_get(&ingest->ingested, ingest->parts[i].name);
        if (ingest->before[i])
            ingest->before[i]->is_listed = true;
    }
    SL_TRY(find_renamed(ingest, err));
    SL_TRY(join_twins(ingest, ingest->context && ingest->context->full_refresh, err));
    return sl_ingest_find_moved(ingest, err);
}

int sl_ingest_look(struct sl_ingest *ingest, struct sl_session *session, struct sl_err *err)
{
    SL_TRY(sl_ingest_describe(ingest, err));
    ingest->folder =
        sl_table_folder(ingest->project, SL_LAYER_RAW, ingest->source->name, ingest->arena);
    SL_TRY_NEW(ingest->folder, err);
    SL_TRY(sl_delta_load(ingest->folder, -1, session, ingest->arena, &ingest->snapshot, err));
    for (size_t i = 0; i < ingest->snapshot.file_count; i++)
        SL_TRY(add_file(ingest, &ingest->snapshot.files[i], err));
    ingest->needs_session = ingest->loose_count > 0 && !session;
    if (ingest->needs_session)
        return SL_OK;
    if (ingest->loose_count > 0)
        SL_TRY(sl_ingest_look_loose(ingest, session, err));
    ingest->options.are_matched =
        SL_NEW_ARRAY(ingest->arena, bool, ingest->options.paths.count + 1);
    SL_TRY_NEW(ingest->options.are_matched, err);
    ingest->options.passed_over = &ingest->passed_over;
    SL_TRY(ingest->kind->list(&ingest->options, ingest->arena, &ingest->parts, &ingest->part_count,
                              err));
    return match(ingest, err);
}

void sl_ingest_clear(struct sl_ingest *ingest)
{
    for (size_t i = 0; i < ingest->job_count; i++)
        sl_source_close(&ingest->jobs[i].reader);
    sl_map_clear(&ingest->ingested);
}

bool sl_ingest_reads_as_before(const struct sl_ingest *ingest, const struct sl_ingested *before)
{
    return !*before->reading || sl_str_equal(before->reading, ingest->reading);
}

bool sl_ingest_is_known(const struct sl_ingest *ingest, size_t index)
{
    const struct sl_source_part *part = &ingest->parts[index];
    const struct sl_ingested *before = ingest->before[index];

    if (before && !sl_ingest_reads_as_before(ingest, before))
        return false;
    if (before && before->files.count == 0) // known by its rows alone
        return part->mtime_us <= before->ingested_us;
    return before && before->size_bytes == part->size_bytes && before->mtime_us == part->mtime_us;
}

// --- what is read

static int note_renamed(struct sl_ingest *ingest, struct sl_err *err)
{
    size_t count = ingest->renames.count;

    for (size_t i = 0; i < count && i < MOST_NOTES; i++)
        SL_TRY(add_note(ingest, ingest->renames.items[i], err));
    if (count > MOST_NOTES)
        SL_TRY(add_note(ingest,
                        sl_arena_printf(ingest->arena, "%zu more files have other names now",
                                        count - MOST_NOTES),
                        err));
    return SL_OK;
}

static int note_vanished(struct sl_ingest *ingest, struct sl_err *err)
{
    size_t count = 0;

    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        const struct sl_ingested *found = sl_map_value(it);

        if (found->is_listed)
            continue;
        ingest->is_fresh = false;
        if (++count <= MOST_NOTES)
            SL_TRY(add_note(
                ingest, sl_arena_printf(ingest->arena, "%s is gone; its rows stay", found->name),
                err));
    }
    if (count > MOST_NOTES)
        SL_TRY(add_note(ingest,
                        sl_arena_printf(ingest->arena, "%zu more files are gone; their rows stay",
                                        count - MOST_NOTES),
                        err));
    return SL_OK;
}

// With other options the whole table is built anew, so that none of its columns is left over.
static bool reads_all(const struct sl_ingest *ingest)
{
    return ingest->context->full_refresh || ingest->is_read_otherwise;
}

static int choose_part(struct sl_ingest *ingest, size_t index, struct sl_err *err)
{
    const struct sl_source_part *part = &ingest->parts[index];
    struct sl_ingest_job job = {.part = part, .before = ingest->before[index]};

    if (!reads_all(ingest) && (sl_ingest_is_known(ingest, index) || ingest->is_same[index]))
        return SL_OK;
    if (!SL_PUSH(ingest->arena, ingest->jobs, ingest->job_count, job))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_ingest_choose(struct sl_ingest *ingest, struct sl_err *err)
{
    // Rows that no part stands behind could not be read again.
    for (size_t i = 0; i < ingest->part_count; i++)
        ingest->is_read_otherwise |=
            ingest->before[i] && !sl_ingest_reads_as_before(ingest, ingest->before[i]);
    ingest->is_fresh = reads_all(ingest) && !ingest->has_foreign_rows;
    SL_TRY(note_renamed(ingest, err));
    SL_TRY(note_vanished(ingest, err));
    for (size_t i = 0; i < ingest->part_count; i++)
        SL_TRY(choose_part(ingest, i, err));
    return SL_OK;
}

// --- pending

static int digest_parts(const struct sl_ingest *ingest, const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];

    SL_TRY(sl_hash_new(&hash, err));
    for (size_t i = 0; i < ingest->part_count; i++) {
        const struct sl_source_part *part = &ingest->parts[i];

        sl_hash_add(hash, part->name);
        sl_hash_add_bytes(hash, &part->size_bytes, sizeof part->size_bytes);
        sl_hash_add_bytes(hash, &part->mtime_us, sizeof part->mtime_us);
    }
    SL_TRY(sl_hash_end(hash, hex, err));
    *ret = sl_arena_strdup(ingest->arena, hex);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// A changed file whose rows will go: it had some, is smaller now and has none.
static int find_emptied(const struct sl_ingest *ingest, size_t index, struct sl_session *session,
                        struct sl_pending *pending, struct sl_err *err)
{
    const struct sl_source_part *part = &ingest->parts[index];
    const struct sl_ingested *before = ingest->before[index];
    struct sl_emptied emptied = {part->name, before ? before->rows : 0};
    enum sl_source_look look;

    if (emptied.rows <= 0 || (before->size_bytes >= 0 && part->size_bytes >= before->size_bytes))
        return SL_OK;
    SL_TRY(ingest->kind->is_empty(&ingest->options, part, session, ingest->arena, &look, err));
    pending->needs_session |= look == SL_LOOK_NEEDS_SESSION;
    if (look != SL_LOOK_EMPTY)
        return SL_OK;
    return SL_PUSH(ingest->arena, pending->emptied, pending->emptied_count, emptied)
               ? SL_OK
               : sl_fail_memory(err);
}

// At most so many of a source: a folder may have thousands.
static int find_passed_over(const struct sl_ingest *ingest, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_passed_over *passed = &ingest->passed_over;

    for (size_t i = 0; i < passed->count && i <= MOST_NOTES; i++) {
        struct sl_place place = sl_ingest_path_place(ingest->source, passed->paths[i]);
        const char *file = place.file ? place.file : ingest->source->file;
        const char *text =
            i < MOST_NOTES
                ? sl_arena_printf(ingest->arena, "%s and is passed over (%s:%d:%d)",
                                  passed->texts.items[i], file, place.line, place.column)
                : sl_arena_printf(ingest->arena, "%zu more that are no files are passed over (%s)",
                                  passed->count - MOST_NOTES, file);
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, ingest->arena, text, err));
    }
    return SL_OK;
}

// Paths that match nothing although others do: a slip in one of them. If none does, the step fails.
static int find_unmatched(const struct sl_ingest *ingest, struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; ingest->part_count > 0 && i < ingest->options.paths.count; i++) {
        struct sl_place place = sl_ingest_path_place(ingest->source, i);
        const char *text;

        if (ingest->options.are_matched[i])
            continue;
        text = sl_arena_printf(
            ingest->arena, "no file matches '%s' (%s:%d:%d)", ingest->options.paths.items[i],
            place.file ? place.file : ingest->source->file, place.line, place.column);
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, ingest->arena, text, err));
    }
    return SL_OK;
}

// Where the file of a path without a wildcard is; its name is one of the two.
static int names_of(const struct sl_ingest *ingest, const char *path, const char **ret_whole,
                    const char **ret_relative, struct sl_err *err)
{
    struct sl_arena *arena = ingest->arena;
    const char *folder = sl_path_clean(arena, ingest->project->folder);
    const char *joined = sl_path_join(arena, ingest->project->folder, path);

    SL_TRY_NEW(folder, err);
    SL_TRY_NEW(joined, err);
    *ret_whole = sl_path_clean(arena, joined);
    SL_TRY_NEW(*ret_whole, err);
    *ret_relative = sl_path_relative(arena, folder, *ret_whole);
    SL_TRY_NEW(*ret_relative, err);
    return SL_OK;
}

static int find_gone(const struct sl_ingest *ingest, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_strs *paths = &ingest->options.paths;

    for (size_t i = 0; i < paths->count; i++) {
        const struct sl_ingested *found;
        const char *whole, *relative;

        if (ingest->options.are_matched[i] || strpbrk(paths->items[i], "*?["))
            continue;
        SL_TRY(names_of(ingest, paths->items[i], &whole, &relative, err));
        found = sl_map_get(&ingest->ingested, relative);
        if (!found)
            found = sl_map_get(&ingest->ingested, whole);
        if (found && !found->is_listed)
            SL_TRY(sl_strs_add(ret, ingest->arena, found->name, err));
    }
    return SL_OK;
}

static void find_newest(const struct sl_ingest *ingest, struct sl_pending *pending)
{
    pending->files = (int64_t)ingest->part_count;
    for (size_t i = 0; i < ingest->part_count; i++)
        if (!pending->newest || ingest->parts[i].mtime_us > pending->newest_us) {
            pending->newest = ingest->parts[i].name;
            pending->newest_us = ingest->parts[i].mtime_us;
        }
}

int sl_step_ingest_pending(const struct sl_project *project, const struct sl_source *source,
                           struct sl_session *session, struct sl_arena *arena,
                           struct sl_pending *ret, struct sl_err *err)
{
    SL_AUTO(sl_ingest_clear)
    struct sl_ingest ingest = {.project = project, .source = source, .arena = arena};
    struct sl_pending pending = {0};

    SL_TRY(sl_ingest_look(&ingest, session, err));
    if (ingest.needs_session) {
        *ret = (struct sl_pending){.needs_session = true};
        return SL_OK;
    }
    for (size_t i = 0; i < ingest.part_count; i++) {
        const struct sl_ingested *before = ingest.before[i];

        if (ingest.is_same[i] ? before->name_now != before->name : sl_ingest_is_known(&ingest, i))
            continue;
        pending.is_read_otherwise |= before && !sl_ingest_reads_as_before(&ingest, before);
        pending.new_files += ingest.before[i] == NULL;
        pending.changed_files += ingest.before[i] != NULL;
        pending.new_bytes += ingest.parts[i].size_bytes;
        if (!pending.waiting_since_us || ingest.parts[i].mtime_us < pending.waiting_since_us)
            pending.waiting_since_us = ingest.parts[i].mtime_us;
        SL_TRY(find_emptied(&ingest, i, session, &pending, err));
    }
    for (const struct sl_map_entry *it = sl_map_first(&ingest.ingested); it; it = sl_map_next(it)) {
        const struct sl_ingested *found = sl_map_value(it);

        pending.vanished_files += !found->is_listed;
        pending.changed_files += found->gives_way; // another file was moved over it
    }
    if (pending.needs_session) {
        *ret = (struct sl_pending){.needs_session = true};
        return SL_OK;
    }
    pending.renamed = ingest.renames;
    find_newest(&ingest, &pending);
    SL_TRY(find_gone(&ingest, &pending.gone, err));
    SL_TRY(find_unmatched(&ingest, &pending.unmatched, err));
    SL_TRY(find_passed_over(&ingest, &pending.unmatched, err));
    SL_TRY(digest_parts(&ingest, &pending.listing, err));
    *ret = pending;
    return SL_OK;
}
