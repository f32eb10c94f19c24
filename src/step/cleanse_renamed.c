// Under which names rows of raw are found again whose file was renamed, and read anew since.
//
// Rows of a renamed file keep their `_source`, and the records of raw say how the file is called.
// As soon as its content changes its rows are those of the new content, under the name of then:
// the record does not list it any more, and those before it tell where its rows went.
#include "base/map.h"
#include "step/cleanse.h"

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
