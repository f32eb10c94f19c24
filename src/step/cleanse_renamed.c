// Under which names rows of raw are found again whose file was renamed, and read anew since.
//
// Rows of a renamed file keep their `_source`, and the records of raw say how the file is called.
// As soon as its content changes its rows are those of the new content, under the name of then:
// the record does not list it any more, and those before it tell where its rows went.
#include "base/json.h"
#include "base/map.h"
#include "step/cleanse.h"

#include <string.h>

struct move {
    const char *was, *source; // `_source` of its rows at first, and as of the version looked at
    const char *name;         // of the file; NULL: `source`
};

// `moves` has each by its `source`.
static int follow(struct sl_map *moves, const struct sl_record *record, struct sl_arena *arena,
                  struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map before = *moves;
    SL_AUTO(sl_map_clear) struct sl_map renamed = {0};
    *moves = (struct sl_map){0};
    for (size_t i = 0; i < record->renamed_count; i++) {
        const struct sl_renamed *one = &record->renamed[i];
        struct move *move = sl_map_get(&before, one->received_as);
        if (!move) {
            move = SL_NEW(arena, struct move);
            SL_TRY_NEW(move, err);
            move->was = move->source = one->received_as;
        }
        move->name = one->name;
        SL_TRY(sl_map_set(&renamed, one->received_as, move, err));
        SL_TRY(sl_map_set(moves, one->received_as, move, err));
    }
    for (const struct sl_map_entry *it = sl_map_first(&before); it; it = sl_map_next(it)) {
        struct move *move = sl_map_value(it);
        if (sl_map_has(&renamed, move->source))
            continue;
        if (move->name)
            move->source = move->name;
        move->name = NULL;
        if (!sl_map_has(moves, move->source))
            SL_TRY(sl_map_set(moves, move->source, move, err));
    }
    return SL_OK;
}

static int follow_all(struct sl_cleanse *cleanse, int64_t from, int64_t to, struct sl_map *moves,
                      struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    for (int64_t version = from; version <= to; version++) {
        struct sl_delta_head head = {0};
        struct sl_record record = {0};
        SL_TRY(sl_delta_head_at(cleanse->raw.folder, version, arena, &head, err));
        if (!head.record_json)
            continue;
        SL_TRY(sl_record_parse(head.record_json, arena, &record, err));
        SL_TRY(follow(moves, &record, arena, err));
    }
    return SL_OK;
}

int sl_cleanse_find_renamed(struct sl_cleanse *cleanse, int64_t from, int64_t to, bool *ret_is_any,
                            struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map moves = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    size_t count = 0;
    SL_TRY(follow_all(cleanse, from, to, &moves, err));
    sl_buf_add(&sql, "create or replace temp table _renamed as select * from (values ");
    for (const struct sl_map_entry *it = sl_map_first(&moves); it; it = sl_map_next(it)) {
        const struct move *move = sl_map_value(it);
        if (sl_str_equal(move->was, move->source))
            continue;
        sl_buf_add(&sql, count++ ? ", (" : "(");
        sl_buf_add_sql_string(&sql, move->was);
        sl_buf_add(&sql, ", ");
        sl_buf_add_sql_string(&sql, move->source);
        sl_buf_add(&sql, ")");
    }
    sl_buf_add(&sql, ") as renamed (was, name)");
    if (count > 0)
        SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    *ret_is_any = count > 0;
    return SL_OK;
}

// --- Rows that were written anew under another name

struct part { // of one file; empty files and those of other programs are none
    const char *received_as, *sha256, *mtime;
    bool is_taken;
};
struct parts {
    struct part *items;
    size_t count;
};

static int add_part(const struct sl_delta_file *file, struct sl_map *names, struct parts *parts,
                    struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tags = NULL;
    struct part part = {0};
    if (!file->tags_json)
        return SL_OK;
    SL_TRY(sl_json_parse(file->tags_json, strlen(file->tags_json), file->path, &tags, err));
    part.received_as =
        sl_json_text(tags, "sluice.received_as", sl_json_text(tags, "sluice.source", NULL));
    if (!part.received_as || sl_map_has(names, part.received_as))
        return SL_OK;
    part.received_as = sl_arena_strdup(arena, part.received_as);
    part.sha256 = sl_arena_strdup(arena, sl_json_text(tags, "sluice.sha256", ""));
    part.mtime = sl_arena_strdup(arena, sl_json_text(tags, "sluice.mtime_us", ""));
    if (!part.received_as || !part.sha256 || !part.mtime ||
        !SL_PUSH(arena, parts->items, parts->count, part))
        return sl_fail_memory(err);
    return sl_map_set(names, part.received_as, (void *)"", err);
}

static int list_parts(const struct sl_delta_snapshot *table, struct sl_arena *arena,
                      struct parts *parts, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map names = {0};
    for (size_t i = 0; i < table->file_count; i++)
        SL_TRY(add_part(&table->files[i], &names, parts, arena, err));
    return SL_OK;
}

// What two must have alike to be the same file: the surest first.
enum likeness { SAME_NAME, SAME_TIME, SAME_CONTENT, LIKENESSES };

static const char *key_of(const struct part *part, enum likeness likeness, struct sl_arena *arena)
{
    const char *more[LIKENESSES] = {part->received_as, part->mtime, ""};
    return sl_arena_printf(arena, "%s %s", part->sha256, more[likeness]);
}

// Each file is paired once at most.
static int pair_parts(const struct parts *then, const struct parts *now, enum likeness likeness,
                      struct sl_arena *arena, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map keys = {0};
    for (size_t i = 0; i < now->count; i++) {
        const char *key = key_of(&now->items[i], likeness, arena);
        SL_TRY_NEW(key, err);
        if (!now->items[i].is_taken && *now->items[i].sha256)
            SL_TRY(sl_map_set(&keys, key, &now->items[i], err));
    }
    for (size_t i = 0; i < then->count; i++) {
        struct part *old = &then->items[i];
        const char *key = key_of(old, likeness, arena);
        SL_TRY_NEW(key, err);
        struct part *new = old->is_taken ? NULL : sl_map_get(&keys, key);
        if (!new || new->is_taken)
            continue;
        old->is_taken = new->is_taken = true;
        if (likeness == SAME_NAME)
            continue;
        sl_buf_add(sql, "; insert into _moved values (");
        sl_buf_add_sql_string(sql, old->received_as);
        sl_buf_add(sql, ", ");
        sl_buf_add_sql_string(sql, new->received_as);
        sl_buf_add(sql, ")");
    }
    return SL_OK;
}

int sl_cleanse_find_moved(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *then,
                          const struct sl_delta_snapshot *now, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_arena *arena = cleanse->context->arena;
    struct parts parts_then = {0}, parts_now = {0};
    SL_TRY(list_parts(then, arena, &parts_then, err));
    SL_TRY(list_parts(now, arena, &parts_now, err));
    sl_buf_add(&sql, "create or replace temp table _moved (was varchar, name varchar)");
    for (int likeness = 0; likeness < LIKENESSES; likeness++)
        SL_TRY(pair_parts(&parts_then, &parts_now, (enum likeness)likeness, arena, &sql, err));
    return sl_cleanse_exec(cleanse, &sql, err);
}
