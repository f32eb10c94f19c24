// What is said of each thing, out of its numbers. Pure.
#include "run/health.h"
#include "base/clock.h"
#include "base/map.h"

#include <stdio.h>
#include <string.h>

SL_IS_ALL_OF(struct sl_health_source, 136);
SL_IS_ALL_OF(struct sl_health_table, 152);
SL_IS_ALL_OF(struct sl_health_task, 104);
SL_IS_ALL_OF(struct sl_health_target, 112);
SL_IS_ALL_OF(struct sl_health_pipeline, 224);
SL_IS_ALL_OF(struct sl_lake_memory, 24);

const char *sl_health_name(enum sl_health_state state)
{
    static const char *const names[] = {"ok", "waits", "wrong"};
    return names[state];
}

// --- what travels

static const struct sl_field said_fields[] = {
    SL_FIELD(struct sl_health_said, state, SL_FIELD_ENUM),
    SL_FIELD(struct sl_health_said, text, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_said, hint, SL_FIELD_TEXT),
    {0},
};
static const struct sl_field source_fields[] = {
    SL_FIELD(struct sl_health_source, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_source, table, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_source, owner, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_health_source, said, said_fields),
    SL_FIELD(struct sl_health_source, is_reachable, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_source, files, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, newest_file, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_source, newest_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, gone_files, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, empty_since_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, gone_named, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_source, waiting_files, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, waiting_bytes, SL_FIELD_INT),
    SL_FIELD(struct sl_health_source, lag_s, SL_FIELD_INT),
    {0},
};
static const struct sl_field table_fields[] = {
    SL_FIELD(struct sl_health_table, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_table, owner, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_health_table, said, said_fields),
    SL_FIELD(struct sl_health_table, version, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, committed_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, age_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, freshness_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, is_late, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_table, verdict, SL_FIELD_ENUM),
    SL_FIELD(struct sl_health_table, why, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_table, stale_partitions, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_table, knows_partitions, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_table, lag_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, behind, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_table, rows_in, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, rows_rejected, SL_FIELD_INT),
    SL_FIELD(struct sl_health_table, bytes, SL_FIELD_INT),
    {0},
};
static const struct sl_field task_fields[] = {
    SL_FIELD(struct sl_health_task, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_task, owner, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_health_task, said, said_fields),
    SL_FIELD(struct sl_health_task, runs, SL_FIELD_INT),
    SL_FIELD(struct sl_health_task, last, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_task, last_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_task, age_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_task, is_always, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_task, verdict, SL_FIELD_ENUM),
    SL_FIELD(struct sl_health_task, why, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_task, lag_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_task, behind, SL_FIELD_TEXT),
    {0},
};
static const struct sl_field target_fields[] = {
    SL_FIELD(struct sl_health_target, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_target, table, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_target, owner, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_health_target, said, said_fields),
    SL_FIELD(struct sl_health_target, is_reachable, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_target, lost, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_target, delivered_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_target, version, SL_FIELD_INT),
    SL_FIELD(struct sl_health_target, table_version, SL_FIELD_INT),
    SL_FIELD(struct sl_health_target, lag_s, SL_FIELD_INT),
    SL_FIELD(struct sl_health_target, rows, SL_FIELD_INT),
    SL_FIELD(struct sl_health_target, table_rows, SL_FIELD_INT),
    {0},
};
static const struct sl_field part_fields[] = {
    SL_FIELD(struct sl_health_part, subject, SL_FIELD_TEXT),
    SL_FIELD_OF(struct sl_health_part, said, said_fields),
    SL_FIELD(struct sl_health_part, others, SL_FIELD_INT),
    {0},
};
static const struct sl_field pipeline_fields[] = {
    SL_FIELD(struct sl_health_pipeline, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_pipeline, owner, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_pipeline, state, SL_FIELD_ENUM),
    SL_FIELD_OF(struct sl_health_pipeline, in, part_fields),
    SL_FIELD_OF(struct sl_health_pipeline, built, part_fields),
    SL_FIELD_OF(struct sl_health_pipeline, out, part_fields),
    SL_FIELD(struct sl_health_pipeline, sources, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_pipeline, reads, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_pipeline, tables, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_pipeline, tasks, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_pipeline, targets, SL_FIELD_TEXTS),
    {0},
};
const struct sl_field sl_health_fields[] = {
    SL_FIELD(struct sl_health, at_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health, elapsed_ms, SL_FIELD_INT),
    SL_FIELD(struct sl_health, state, SL_FIELD_ENUM),
    SL_FIELD_OF(struct sl_health, lake, said_fields),
    SL_FIELD(struct sl_health, lake_code, SL_FIELD_TEXT),
    SL_FIELD_MANY(struct sl_health, sources, source_count, source_fields),
    SL_FIELD_MANY(struct sl_health, tables, table_count, table_fields),
    SL_FIELD_MANY(struct sl_health, tasks, task_count, task_fields),
    SL_FIELD_MANY(struct sl_health, targets, target_count, target_fields),
    SL_FIELD_MANY(struct sl_health, pipelines, pipeline_count, pipeline_fields),
    {0},
};
static const struct sl_field past_fields[] = {
    SL_FIELD(struct sl_health_past, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_past, has_failed, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_past, code, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_past, message, SL_FIELD_TEXT),
    SL_FIELD(struct sl_health_past, failed_us, SL_FIELD_INT),
    SL_FIELD(struct sl_health_past, done_us, SL_FIELD_INT),
    {0},
};
static const struct sl_field lake_fields[] = {
    SL_FIELD(struct sl_lake_memory, was_asked, SL_FIELD_BOOL),
    SL_FIELD(struct sl_lake_memory, has_built, SL_FIELD_BOOL),
    SL_FIELD(struct sl_lake_memory, has_delivered, SL_FIELD_BOOL),
    SL_FIELD(struct sl_lake_memory, number, SL_FIELD_TEXT),
    SL_FIELD(struct sl_lake_memory, known, SL_FIELD_TEXT),
    {0},
};
const struct sl_field sl_health_request_fields[] = {
    SL_FIELD(struct sl_health_request, pipelines, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_request, select, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_request, exclude, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_health_request, counts, SL_FIELD_BOOL),
    SL_FIELD(struct sl_health_request, sizes, SL_FIELD_BOOL),
    SL_FIELD_OF(struct sl_health_request, lake, lake_fields),
    SL_FIELD_MANY(struct sl_health_request, past, past_count, past_fields),
    {0},
};

static bool is_failed(const struct sl_step_row *row)
{
    return sl_str_equal(row->status, "error") || sl_str_equal(row->status, "partial");
}

// Both are ordered by name; a delivery that was done has an outcome of its own.
static int64_t done_us_of(const char *name, const struct sl_step_row *done, size_t count,
                          size_t *next)
{
    if (!sl_str_starts(name, "target."))
        return 0;
    while (*next < count && strcmp(done[*next].name, name) < 0)
        ++*next;
    return *next < count && sl_str_equal(done[*next].name, name) ? done[*next].ended_us : 0;
}

int sl_health_recall(struct sl_state *state, const char *environment, struct sl_arena *arena,
                     struct sl_health_request *request, struct sl_err *err)
{
    struct sl_step_row *rows, *done;
    size_t count, done_count, next = 0;
    SL_TRY(sl_state_last(state, environment, SL_OUTCOMES_OWN, arena, &rows, &count, err));
    SL_TRY(sl_state_last(state, environment, SL_OUTCOMES_DONE, arena, &done, &done_count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_health_past past = {.name = rows[i].name,
                                      .done_us = done_us_of(rows[i].name, done, done_count, &next)};
        if (is_failed(&rows[i])) {
            past.has_failed = true;
            past.code = rows[i].code;
            past.message = rows[i].message;
            past.failed_us = rows[i].ended_us;
        }
        if ((past.has_failed || past.done_us) &&
            !SL_PUSH(arena, request->past, request->past_count, past))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// --- judging

static int say(struct sl_health_said *said, enum sl_health_state state, const char *text,
               const char *hint, struct sl_err *err)
{
    SL_TRY_NEW(text, err);
    *said = (struct sl_health_said){state, text, hint};
    return SL_OK;
}

static const char *files_text(const struct sl_health_source *source, struct sl_arena *arena)
{
    char count[32], size[32], lag[32];
    return sl_arena_printf(
        arena, "%s file%s (%s) wait%s, the oldest for %s",
        sl_str_count(source->waiting_files, count), source->waiting_files == 1 ? "" : "s",
        sl_str_size(source->waiting_bytes, size), source->waiting_files == 1 ? "s" : "",
        sl_str_duration(source->lag_s < 0 ? 0 : source->lag_s, lag));
}

// A folder that is emptied when its files were taken in is as it should be, and so is one to which
// nothing comes any more: only who delivers knows. A file that the source names is meant to be
// there.
static int say_empty(struct sl_health_source *source, int64_t now_us, struct sl_arena *arena,
                     struct sl_err *err)
{
    char count[32], age[32], since[32];
    const char *what = source->gone_files == 1
                           ? "its file is"
                           : sl_arena_printf(arena, "all of its %s files are",
                                             sl_str_count(source->gone_files, count));
    SL_TRY_NEW(what, err);
    const char *text =
        sl_arena_printf(arena, "%s gone, for %s at least (since %.19sZ); the rows stay in %s", what,
                        sl_str_duration((now_us - source->empty_since_us) / 1000000, age),
                        sl_clock_format(source->empty_since_us, since), source->table);
    return source->gone_named.count
               ? say(&source->said, SL_HEALTH_WRONG, text,
                     "who writes it? `path` of the source says where it is looked for", err)
               : say(&source->said, SL_HEALTH_WAITS, text,
                     "new files are taken in when they come; if some should have come by now, look "
                     "at who delivers them",
                     err);
}

static int say_gone(struct sl_health_source *source, struct sl_arena *arena, struct sl_err *err)
{
    char count[32];
    size_t others = source->gone_named.count - 1;
    const char *more = others ? sl_arena_printf(arena, " and %s more that it names are gone",
                                                sl_str_count((int64_t)others, count))
                              : ", which it names, is gone";
    SL_TRY_NEW(more, err);
    return say(&source->said, SL_HEALTH_WRONG,
               sl_arena_printf(arena, "'%s'%s; the rows stay in %s", source->gone_named.items[0],
                               more, source->table),
               "who writes it? `path` of the source says where it is looked for", err);
}

int sl_health_judge_source(struct sl_health_source *source, const struct sl_health_limits *limits,
                           int64_t now_us, struct sl_arena *arena, struct sl_err *err)
{
    char age[32], may[32];
    if (source->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (source->gone_named.count && !source->empty_since_us)
        return say_gone(source, arena, err);
    if (source->waiting_files > 0 && limits->lag_s > 0 && source->lag_s > limits->lag_s)
        return say(&source->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "%s, and may for %s", files_text(source, arena),
                                   sl_str_duration(limits->lag_s, may)),
                   "`sluice run` takes them in; is the pipeline's trigger at work?", err);
    if (source->waiting_files > 0)
        return say(&source->said, SL_HEALTH_WAITS, files_text(source, arena),
                   "the next run takes them in", err);
    if (source->empty_since_us)
        return say_empty(source, now_us, arena, err);
    if (!source->newest_file)
        return say(&source->said, SL_HEALTH_OK,
                   source->waiting_files < 0 ? "it has no files" : "it has no files yet", NULL,
                   err);
    int64_t age_s = (now_us - source->newest_us) / 1000000;
    return say(&source->said, SL_HEALTH_OK,
               sl_arena_printf(arena, "newest is %s, %s old", source->newest_file,
                               sl_str_duration(age_s, age)),
               NULL, err);
}

static bool has_too_many_rejected(const struct sl_health_table *table, double share)
{
    return share >= 0 && table->rows_in > 0 &&
           (double)table->rows_rejected > share * (double)table->rows_in;
}

// The sentences of alerts (notify/rules.c) about the same, without the table's name.
static int judge_limits(struct sl_health_table *table, const struct sl_health_limits *limits,
                        struct sl_arena *arena, struct sl_err *err)
{
    char is[32], may[32];
    if (table->is_late)
        return say(&table->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "%s old, and may be %s",
                                   sl_str_duration(table->age_s, is),
                                   sl_str_duration(table->freshness_s, may)),
                   "look at what feeds it: no new version has come for so long", err);
    if (limits->lag_s > 0 && table->lag_s > limits->lag_s)
        return say(&table->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "behind %s for %s, and may be for %s",
                                   table->behind ? table->behind : "its inputs",
                                   sl_str_duration(table->lag_s, is),
                                   sl_str_duration(limits->lag_s, may)),
                   "`sluice run` builds it; is the pipeline's trigger at work?", err);
    if (has_too_many_rejected(table, limits->quarantine_share))
        return say(&table->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena,
                                   "%lld of %lld rows were rejected, %.3g %%, and may be "
                                   "%.3g %%",
                                   (long long)table->rows_rejected, (long long)table->rows_in,
                                   100 * (double)table->rows_rejected / (double)table->rows_in,
                                   100 * limits->quarantine_share),
                   "`sluice quarantine ls` shows the reasons", err);
    return SL_OK;
}

int sl_health_judge_table(struct sl_health_table *table, const struct sl_health_limits *limits,
                          struct sl_arena *arena, struct sl_err *err)
{
    char age[32];
    if (table->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (table->version < 0)
        return say(&table->said, SL_HEALTH_WRONG, "never built", "`sluice run` builds it", err);
    SL_TRY(judge_limits(table, limits, arena, err));
    if (table->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (table->verdict == SL_VERDICT_STALE && table->knows_partitions)
        return say(&table->said, SL_HEALTH_WAITS,
                   sl_arena_printf(arena, "%zu partition%s stale: %s",
                                   table->stale_partitions.count,
                                   table->stale_partitions.count == 1 ? " is" : "s are",
                                   table->why ? table->why : "its inputs changed"),
                   "the next run builds them", err);
    if (table->verdict == SL_VERDICT_STALE)
        return say(&table->said, SL_HEALTH_WAITS,
                   sl_arena_printf(arena, "stale: %s", table->why ? table->why : "it changed"),
                   "the next run builds it", err);
    return say(&table->said, SL_HEALTH_OK,
               sl_arena_printf(arena, "version %lld, %s old", (long long)table->version,
                               sl_str_duration(table->age_s, age)),
               NULL, err);
}

static int judge_rows(struct sl_health_target *target, struct sl_arena *arena, struct sl_err *err)
{
    char there[32], here[32];
    if (target->rows < 0 || target->table_rows < 0 || target->rows == target->table_rows)
        return SL_OK;
    const char *hint = sl_arena_printf(
        arena,
        "somebody else changed it; `sluice run --full-refresh --select %s` delivers it whole",
        target->name);
    SL_TRY_NEW(hint, err);
    return say(&target->said, SL_HEALTH_WRONG,
               sl_arena_printf(arena, "%s row%s there, and %s in version %lld of %s",
                               sl_str_count(target->rows, there), target->rows == 1 ? "" : "s",
                               sl_str_count(target->table_rows, here), (long long)target->version,
                               target->table),
               hint, err);
}

int sl_health_judge_task(struct sl_health_task *task, const struct sl_health_limits *limits,
                         struct sl_arena *arena, struct sl_err *err)
{
    char is[32], may[32];
    if (task->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (!task->last)
        return say(&task->said, SL_HEALTH_WRONG, "never run", "`sluice run` runs it", err);
    const char *when = task->age_s < 0 ? "ended well"
                                       : sl_arena_printf(arena, "ended well %s ago",
                                                         sl_str_duration(task->age_s, is));
    SL_TRY_NEW(when, err);
    if (task->is_always)
        return say(&task->said, SL_HEALTH_OK, sl_arena_printf(arena, "%s; run in every run", when),
                   NULL, err);
    if (limits->lag_s > 0 && task->lag_s > limits->lag_s)
        return say(&task->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "behind %s for %s, and may be for %s", task->behind,
                                   sl_str_duration(task->lag_s, is),
                                   sl_str_duration(limits->lag_s, may)),
                   "`sluice run` runs it; is the pipeline's trigger at work?", err);
    if (task->verdict == SL_VERDICT_STALE)
        return say(
            &task->said, SL_HEALTH_WAITS,
            sl_arena_printf(arena, "stale: %s; %s", task->why ? task->why : "it changed", when),
            "the next run runs it", err);
    return say(&task->said, SL_HEALTH_OK,
               sl_arena_printf(arena, "%s, and nothing has changed since", when), NULL, err);
}

// What was never there, and what somebody else has taken away or changed.
static int say_undelivered(struct sl_health_target *target, struct sl_arena *arena,
                           struct sl_err *err)
{
    char at[32];
    const char *hint = sl_arena_printf(
        arena, "%s; `sluice run --select %s` delivers it anew",
        target->lost ? "somebody else did that"
                     : "it is to go to another place now, or somebody else took it away",
        target->name);
    const char *when =
        target->delivered_us
            ? sl_arena_printf(arena, " at %.19sZ", sl_clock_format(target->delivered_us, at))
            : "";
    SL_TRY_NEW(hint, err);
    SL_TRY_NEW(when, err);
    if (target->lost)
        return say(&target->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "it was delivered%s, but %s", when, target->lost), hint,
                   err);
    if (target->delivered_us)
        return say(&target->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "it was delivered%s, and is not there any more", when),
                   hint, err);
    return say(&target->said, SL_HEALTH_WRONG, "never delivered", "`sluice run` delivers it", err);
}

int sl_health_judge_target(struct sl_health_target *target, const struct sl_health_limits *limits,
                           struct sl_arena *arena, struct sl_err *err)
{
    char is[32], may[32], rows[32];
    if (target->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (target->version < 0)
        return say_undelivered(target, arena, err);
    SL_TRY(judge_rows(target, arena, err));
    if (target->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    if (target->lag_s > 0 && limits->lag_s > 0 && target->lag_s > limits->lag_s)
        return say(&target->said, SL_HEALTH_WRONG,
                   sl_arena_printf(arena, "behind %s for %s, and may be for %s", target->table,
                                   sl_str_duration(target->lag_s, is),
                                   sl_str_duration(limits->lag_s, may)),
                   "`sluice run` delivers it; is the pipeline's trigger at work?", err);
    if (target->lag_s > 0)
        return say(&target->said, SL_HEALTH_WAITS,
                   sl_arena_printf(arena, "version %lld of %s stands there, %lld is the newest",
                                   (long long)target->version, target->table,
                                   (long long)target->table_version),
                   "the next run delivers it", err);
    if (target->rows >= 0)
        return say(&target->said, SL_HEALTH_OK,
                   sl_arena_printf(arena, "%s row%s, as in version %lld of %s",
                                   sl_str_count(target->rows, rows), target->rows == 1 ? "" : "s",
                                   (long long)target->version, target->table),
                   NULL, err);
    return say(&target->said, SL_HEALTH_OK,
               sl_arena_printf(arena, "version %lld of %s stands there", (long long)target->version,
                               target->table),
               NULL, err);
}

// --- summing up

// Of two that are as bad, the one with more `weight` is named.
static void take(struct sl_health_part *part, int64_t *weight, const char *subject,
                 const struct sl_health_said *said, int64_t more)
{
    bool is_worse = !part->subject || said->state > part->said.state;
    bool is_alike = part->subject && said->state == part->said.state;
    part->others = is_worse ? 0 : part->others + is_alike;
    if (!is_worse && !(is_alike && more > *weight))
        return;
    part->subject = subject;
    part->said = *said;
    *weight = more;
}

struct index {
    struct sl_map sources, tables, tasks, targets; // by name
};

static void index_clear(struct index *index)
{
    sl_map_clear(&index->sources);
    sl_map_clear(&index->tables);
    sl_map_clear(&index->tasks);
    sl_map_clear(&index->targets);
}

static int make_index(const struct sl_health *health, struct index *index, struct sl_err *err)
{
    for (size_t i = 0; i < health->source_count; i++)
        SL_TRY(sl_map_set(&index->sources, health->sources[i].name, &health->sources[i], err));
    for (size_t i = 0; i < health->table_count; i++)
        SL_TRY(sl_map_set(&index->tables, health->tables[i].name, &health->tables[i], err));
    for (size_t i = 0; i < health->task_count; i++)
        SL_TRY(sl_map_set(&index->tasks, health->tasks[i].name, &health->tasks[i], err));
    for (size_t i = 0; i < health->target_count; i++)
        SL_TRY(sl_map_set(&index->targets, health->targets[i].name, &health->targets[i], err));
    return SL_OK;
}

static void take_tables(const struct index *index, const struct sl_strs *names,
                        struct sl_health_part *part, int64_t *weight)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct sl_health_table *table = sl_map_get(&index->tables, names->items[i]);
        if (table)
            take(part, weight, table->name, &table->said, table->age_s);
    }
}

static void sum_up_pipeline(const struct index *index, struct sl_health_pipeline *pipeline)
{
    const struct sl_health_part *const parts[] = {&pipeline->in, &pipeline->built, &pipeline->out};
    int64_t in = 0, built = 0, out = 0;
    for (size_t i = 0; i < pipeline->sources.count; i++) {
        const struct sl_health_source *source =
            sl_map_get(&index->sources, pipeline->sources.items[i]);
        if (source)
            take(&pipeline->in, &in, source->name, &source->said,
                 source->said.state == SL_HEALTH_OK ? source->newest_us : source->lag_s);
    }
    take_tables(index, &pipeline->reads, &pipeline->in, &in);
    take_tables(index, &pipeline->tables, &pipeline->built, &built);
    for (size_t i = 0; i < pipeline->tasks.count; i++) {
        const struct sl_health_task *task = sl_map_get(&index->tasks, pipeline->tasks.items[i]);
        if (task)
            take(&pipeline->built, &built, task->name, &task->said, task->age_s);
    }
    for (size_t i = 0; i < pipeline->targets.count; i++) {
        const struct sl_health_target *target =
            sl_map_get(&index->targets, pipeline->targets.items[i]);
        if (target)
            take(&pipeline->out, &out, target->name, &target->said, target->lag_s);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i]->subject && parts[i]->said.state > pipeline->state)
            pipeline->state = parts[i]->said.state;
}

int sl_health_sum_up(struct sl_health *health, struct sl_err *err)
{
    SL_AUTO(index_clear) struct index index = {0};
    SL_TRY(make_index(health, &index, err));
    if (health->lake.text)
        health->state = health->lake.state;
    for (size_t i = 0; i < health->pipeline_count; i++) {
        health->pipelines[i].state = health->state; // of the lake, which all need
        sum_up_pipeline(&index, &health->pipelines[i]);
    }
    for (size_t i = 0; i < health->source_count; i++)
        if (health->sources[i].said.state > health->state)
            health->state = health->sources[i].said.state;
    for (size_t i = 0; i < health->table_count; i++)
        if (health->tables[i].said.state > health->state)
            health->state = health->tables[i].said.state;
    for (size_t i = 0; i < health->task_count; i++)
        if (health->tasks[i].said.state > health->state)
            health->state = health->tasks[i].said.state;
    for (size_t i = 0; i < health->target_count; i++)
        if (health->targets[i].said.state > health->state)
            health->state = health->targets[i].said.state;
    return SL_OK;
}
