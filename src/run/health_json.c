// A look as the document that `sluice doctor --json` prints and /healthz answers.
#include "run/health.h"

static json_t *text(const char *value)
{
    return value ? sl_json_string(value) : json_null();
}

static json_t *number(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

static json_t *source_json(const struct sl_health_source *source)
{
    return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:b, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o}",
                     "source", text(source->name), "table", source->table, "owner",
                     text(source->owner), "state", sl_health_name(source->said.state), "text",
                     text(source->said.text), "hint", text(source->said.hint), "is_reachable",
                     source->is_reachable, "files", (json_int_t)source->files, "newest_file",
                     text(source->newest_file), "newest_at", sl_json_time(source->newest_us),
                     "gone_files", (json_int_t)source->gone_files, "empty_since",
                     sl_json_time(source->empty_since_us), "waiting_files",
                     number(source->waiting_files), "waiting_bytes", number(source->waiting_bytes),
                     "lag_s", number(source->lag_s));
}

static const char *verdict_name(enum sl_verdict verdict)
{
    static const char *const names[] = {
        [SL_VERDICT_FRESH] = "fresh", [SL_VERDICT_STALE] = "stale", [SL_VERDICT_AFTER] = "after"};
    return names[verdict];
}

static json_t *table_json(const struct sl_health_table *table)
{
    json_t *partitions =
        table->knows_partitions ? sl_json_strs(&table->stale_partitions) : json_null();
    double share = table->rows_in > 0 ? (double)table->rows_rejected / (double)table->rows_in : 0;
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o}",
        "table", text(table->name), "owner", text(table->owner), "state",
        sl_health_name(table->said.state), "text", text(table->said.text), "hint",
        text(table->said.hint), "version", number(table->version), "committed_at",
        sl_json_time(table->committed_us), "age_s", number(table->age_s), "freshness_s",
        number(table->freshness_s), "is_late", table->is_late, "plan", verdict_name(table->verdict),
        "why", text(table->why), "stale_partitions", partitions, "lag_s", number(table->lag_s),
        "behind", text(table->behind), "rows_in", number(table->rows_in), "rows_rejected",
        number(table->rows_rejected), "rejected_share",
        table->rows_in > 0 ? json_real(share) : json_null(), "bytes", number(table->bytes));
}

static json_t *task_json(const struct sl_health_task *task)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:b, s:s, s:o, s:o, s:o}",
                     "task", text(task->name), "owner", text(task->owner), "state",
                     sl_health_name(task->said.state), "text", text(task->said.text), "hint",
                     text(task->said.hint), "runs", (json_int_t)(task->runs < 0 ? 0 : task->runs),
                     "last", text(task->last), "last_at", sl_json_time(task->last_us), "age_s",
                     number(task->age_s), "is_always", task->is_always, "plan",
                     verdict_name(task->verdict), "why", text(task->why), "lag_s",
                     number(task->lag_s), "behind", text(task->behind));
}

static json_t *target_json(const struct sl_health_target *target)
{
    return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "target", text(target->name), "table", target->table, "owner",
                     text(target->owner), "state", sl_health_name(target->said.state), "text",
                     text(target->said.text), "hint", text(target->said.hint), "is_reachable",
                     target->is_reachable, "lost", text(target->lost), "delivered_at",
                     sl_json_time(target->delivered_us), "version", number(target->version),
                     "table_version", number(target->table_version), "lag_s", number(target->lag_s),
                     "rows", number(target->rows), "table_rows", number(target->table_rows));
}

static json_t *part_json(const struct sl_health_part *part)
{
    if (!part->subject)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:o, s:I}", "state", sl_health_name(part->said.state),
                     "subject", text(part->subject), "text", text(part->said.text), "hint",
                     text(part->said.hint), "others", (json_int_t)part->others);
}

static json_t *pipeline_json(const struct sl_health_pipeline *pipeline)
{
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pipeline", text(pipeline->name),
        "owner", text(pipeline->owner), "state", sl_health_name(pipeline->state), "gets_in",
        part_json(&pipeline->in), "gets_built", part_json(&pipeline->built), "gets_out",
        part_json(&pipeline->out), "sources", sl_json_strs(&pipeline->sources), "reads",
        sl_json_strs(&pipeline->reads), "tables", sl_json_strs(&pipeline->tables), "tasks",
        sl_json_strs(&pipeline->tasks), "targets", sl_json_strs(&pipeline->targets));
}

static json_t *lake_json(const struct sl_health_said *said)
{
    return said->text ? json_pack("{s:s, s:o, s:o}", "state", sl_health_name(said->state), "text",
                                  text(said->text), "hint", text(said->hint))
                      : json_null();
}

json_t *sl_health_json(const struct sl_health *health)
{
    json_t *pipelines = json_array(), *sources = json_array(), *tables = json_array(),
           *tasks = json_array(), *targets = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
                             "sluice.health/1", "at", sl_json_time(health->at_us), "elapsed_ms",
                             (json_int_t)health->elapsed_ms, "state", sl_health_name(health->state),
                             "lake", lake_json(&health->lake), "pipelines", pipelines, "sources",
                             sources, "tables", tables, "tasks", tasks, "targets", targets);
    bool is_whole = root != NULL;
    for (size_t i = 0; is_whole && i < health->pipeline_count; i++)
        is_whole = json_array_append_new(pipelines, pipeline_json(&health->pipelines[i])) == 0;
    for (size_t i = 0; is_whole && i < health->source_count; i++)
        is_whole = json_array_append_new(sources, source_json(&health->sources[i])) == 0;
    for (size_t i = 0; is_whole && i < health->table_count; i++)
        is_whole = json_array_append_new(tables, table_json(&health->tables[i])) == 0;
    for (size_t i = 0; is_whole && i < health->task_count; i++)
        is_whole = json_array_append_new(tasks, task_json(&health->tasks[i])) == 0;
    for (size_t i = 0; is_whole && i < health->target_count; i++)
        is_whole = json_array_append_new(targets, target_json(&health->targets[i])) == 0;
    return is_whole ? json_incref(root) : NULL;
}
