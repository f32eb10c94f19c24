// How far a backfill has come, out of the commits themselves.
#include "step/backfill.h"
#include "step/model.h"

int sl_backfill_key(const char *const *values, size_t width, struct sl_buf *text,
                    struct sl_err *err)
{
    for (size_t i = 0; i < width; i++) {
        sl_buf_add(text, i ? "," : "");
        if (values[i])
            sl_buf_add_json_string(text, values[i]);
        else
            sl_buf_add(text, "null");
    }
    return sl_buf_check(text, err);
}

static int add(const struct sl_backfill_mark *mark, struct sl_map *map, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    for (size_t i = 0; i < mark->partition_count; i++) {
        sl_buf_reset(&key);
        SL_TRY(sl_backfill_key(mark->partitions[i], mark->width, &key, err));
        SL_TRY(sl_map_set(map, key.text, (void *)mark->id, err));
    }
    return SL_OK;
}

static int parse_record(const struct sl_delta_commit_info *info, struct sl_arena *arena,
                        struct sl_record *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    *ret = (struct sl_record){0};
    SL_TRY(sl_json_parse(info->json, strlen(info->json), "commitInfo", &root, err));
    const json_t *sluice = json_object_get(root, "sluice");
    if (!json_is_object(json_object_get(sluice, "backfill")))
        return SL_OK;
    ret->run_id = sl_arena_strdup(arena, sl_json_text(sluice, "run_id", ""));
    SL_TRY_NEW(ret->run_id, err);
    return sl_record_parse_backfill(sluice, arena, ret, err);
}

int sl_backfill_trace(const char *folder, const char *run_id, struct sl_arena *arena,
                      struct sl_backfill_trace *trace, struct sl_err *err)
{
    struct sl_delta_commit_info *infos;
    size_t count;
    SL_TRY(sl_delta_history(folder, 0, arena, &infos, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_record record;
        SL_TRY(parse_record(&infos[i], arena, &record, err));
        if (!record.backfill.id || !sl_str_equal(record.run_id, run_id))
            continue;
        (void)snprintf(trace->id, sizeof trace->id, "%s", record.backfill.id);
        trace->chunks++;
        trace->partitions += (int64_t)record.backfill.partition_count;
    }
    return SL_OK;
}

static bool is_meant(const struct sl_record *record, const char *id)
{
    return record->backfill.id && (sl_str_starts(record->backfill.id, id) ||
                                   (record->run_id && sl_str_starts(record->run_id, id)));
}

// Each commit counts what was done with it: one that does not go before the last one in that was
// taken back by a rollback. So may all have been that stand before one which is of no part of it.
int sl_backfill_done(const char *folder, const char *id, int64_t since, struct sl_arena *arena,
                     struct sl_map *map, struct sl_err *err)
{
    struct sl_delta_commit_info *infos;
    size_t count;
    struct sl_delta_head head;
    int64_t expected = -1;
    SL_TRY(sl_delta_head(folder, arena, &head, err));
    if (head.version < since)
        return SL_OK;
    size_t limit = since > 0 ? (size_t)(head.version - since + 1) : 0;
    SL_TRY(sl_delta_history(folder, limit, arena, &infos, &count, err));
    for (size_t i = 0; i < count && expected != 0; i++) {
        struct sl_record record;
        SL_TRY(parse_record(&infos[i], arena, &record, err));
        const struct sl_backfill_mark *mark = &record.backfill;
        const bool is_of_it = mark->id && sl_str_equal(mark->id, id);
        if (!is_of_it && sl_str_equal(infos[i].operation, "RESTORE"))
            return SL_OK;
        if (!is_of_it || (expected > 0 && mark->done != expected))
            continue;
        SL_TRY(add(mark, map, err));
        expected = mark->done - (int64_t)mark->partition_count;
    }
    return SL_OK;
}

static bool same_inputs(const struct sl_model_step *step)
{
    const struct sl_record *record = &step->record;
    const struct sl_table_versions *ahead =
        record->ahead_count ? &record->ahead[record->ahead_count - 1] : NULL;
    for (size_t i = 0; i < step->input_count; i++) {
        const struct sl_model_input *input = &step->inputs[i];
        bool is_same = !ahead && input->version == input->built_from;
        for (size_t k = 0; ahead && k < ahead->count; k++)
            is_same |= sl_str_equal(ahead->items[k].table, input->table) &&
                       sl_str_equal(ahead->items[k].id, input->id) &&
                       ahead->items[k].version == input->version;
        if (!is_same)
            return false;
    }
    return true;
}

static int find_mark(const struct sl_model_step *step, const char *id, struct sl_backfill_mark *ret,
                     struct sl_err *err)
{
    struct sl_delta_commit_info *infos;
    size_t count;
    SL_TRY(sl_delta_history(step->folder, 0, step->context->arena, &infos, &count, err));
    for (size_t i = 0; i < count && !ret->id; i++) {
        struct sl_record record;
        SL_TRY(parse_record(&infos[i], step->context->arena, &record, err));
        if (is_meant(&record, id))
            *ret = record.backfill;
    }
    return SL_OK;
}

int sl_step_backfill_state(struct sl_step_context *context, const struct sl_model *model,
                           const struct sl_query *query, const char *fingerprint, const char *id,
                           struct sl_backfill_state *ret, struct sl_err *err)
{
    struct sl_model_step step = {
        .context = context, .model = model, .query = query, .fingerprint = fingerprint};
    *ret = (struct sl_backfill_state){0};
    SL_TRY(sl_model_look(&step, err));
    if (step.head.version < 0)
        return SL_OK;
    const struct sl_backfill_mark *newest = &step.record.backfill;
    if (newest->id && (!id || is_meant(&step.record, id))) {
        ret->mark = *newest;
        ret->is_newest = true;
        ret->is_same_inputs = step.head.record_version == step.head.version && same_inputs(&step);
    } else if (id) {
        SL_TRY(find_mark(&step, id, &ret->mark, err));
    }
    return SL_OK;
}
