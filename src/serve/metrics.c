#include "serve/metrics.h"

#include "base/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 5000, BUCKETS = 11, LABELS = 3 };

enum family_name {
    STEPS,
    STEP_DURATION,
    STEP_RETRIES,
    STEP_MEMORY,
    ROWS_IN,
    ROWS_OUT,
    ROWS_REJECTED,
    TABLE_COMMITTED,
    TABLE_LIMIT,
    RUNS_STARTED,
    RUNS,
    RUN_DURATION,
    TICK_DELAY,
    TICKS_SKIPPED,
    DEADLINES,
    WORKER_DEATHS,
    LAKE_REACHABLE,
    SOURCE_REACHABLE,
    SOURCE_LAG,
    SOURCE_FILES,
    SOURCE_BYTES,
    TABLE_LAG,
    TARGET_REACHABLE,
    TARGET_LAG,
    TARGET_ROWS,
    HEALTH,
    LOOKED_AT,
    LOOK_TIME,
    LINEAGE_EVENTS,
    SPANS,
    TELEMETRY_FAILURES,
    FAMILY_COUNT,
};

enum family_type { COUNTER, GAUGE, HISTOGRAM };

static const double of_work[BUCKETS] = {0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600};
static const double of_delay[BUCKETS] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30};

static const struct family {
    const char *name, *help;
    enum family_type type;
    const char *labels[LABELS]; // up to a NULL
    const double *buckets;
} families[FAMILY_COUNT] = {
    [STEPS] = {"sluice_steps_total",
               "Steps that ended, by what became of them.",
               COUNTER,
               {"pipeline", "kind", "status"}},
    [STEP_DURATION] =
        {"sluice_step_duration_seconds", "Time that steps took.", HISTOGRAM, {"kind"}, of_work},
    [STEP_RETRIES] = {"sluice_step_retries_total",
                      "Attempts at steps after the first.",
                      COUNTER,
                      {"kind"}},
    [STEP_MEMORY] = {"sluice_step_peak_memory_bytes",
                     "Most memory that a worker held at a step since the service began.",
                     GAUGE,
                     {"kind"}},
    [ROWS_IN] = {"sluice_rows_in_total", "Rows that steps read for a table.", COUNTER, {"table"}},
    [ROWS_OUT] = {"sluice_rows_out_total", "Rows that steps wrote to a table.", COUNTER, {"table"}},
    [ROWS_REJECTED] = {"sluice_rows_rejected_total",
                       "Rows that went to quarantine.",
                       COUNTER,
                       {"table"}},
    [TABLE_COMMITTED] = {"sluice_table_last_commit_timestamp_seconds",
                         "When the table got its newest version.",
                         GAUGE,
                         {"table"}},
    [TABLE_LIMIT] = {"sluice_table_freshness_limit_seconds",
                     "How old the table may become, as its requirements say.",
                     GAUGE,
                     {"table"}},
    [RUNS_STARTED] = {"sluice_runs_started_total",
                      "Runs that began.",
                      COUNTER,
                      {"pipeline", "trigger"}},
    [RUNS] = {"sluice_runs_total",
              "Runs that ended, by what became of them.",
              COUNTER,
              {"pipeline", "status"}},
    [RUN_DURATION] =
        {"sluice_run_duration_seconds", "Time that runs took.", HISTOGRAM, {"pipeline"}, of_work},
    [TICK_DELAY] = {"sluice_tick_delay_seconds",
                    "From a tick of a schedule to its run's start.",
                    HISTOGRAM,
                    {NULL},
                    of_delay},
    [TICKS_SKIPPED] = {"sluice_ticks_skipped_total",
                       "Ticks that started no run.",
                       COUNTER,
                       {"pipeline", "reason"}},
    [DEADLINES] = {"sluice_deadlines_missed_total",
                   "Runs that took longer than their deadline.",
                   COUNTER,
                   {"pipeline"}},
    [WORKER_DEATHS] = {"sluice_worker_deaths_total",
                       "Worker processes that crashed or were killed.",
                       COUNTER,
                       {NULL}},
    [LAKE_REACHABLE] = {"sluice_lake_reachable",
                        "1: the lake was there when it was looked at last; 0: it was not, or it "
                        "was another one.",
                        GAUGE,
                        {NULL}},
    [SOURCE_REACHABLE] = {"sluice_source_reachable",
                          "1: the source could be listed when it was looked at last.",
                          GAUGE,
                          {"source"}},
    [SOURCE_LAG] = {"sluice_source_lag_seconds",
                    "Age of the oldest file that waits to be taken in; 0: none waits.",
                    GAUGE,
                    {"source"}},
    [SOURCE_FILES] = {"sluice_source_waiting_files",
                      "New and changed files that wait to be taken in.",
                      GAUGE,
                      {"source"}},
    [SOURCE_BYTES] = {"sluice_source_waiting_bytes",
                      "Bytes of the files that wait to be taken in.",
                      GAUGE,
                      {"source"}},
    [TABLE_LAG] = {"sluice_table_lag_seconds",
                   "Since an input has had rows that the table was not built from; 0: it has all.",
                   GAUGE,
                   {"table"}},
    [TARGET_REACHABLE] = {"sluice_target_reachable",
                          "1: the target answered when it was looked at last.",
                          GAUGE,
                          {"target"}},
    [TARGET_LAG] = {"sluice_target_lag_seconds",
                    "Since the table has had rows that were not delivered; 0: all were.",
                    GAUGE,
                    {"target"}},
    [TARGET_ROWS] = {"sluice_target_rows",
                     "Rows at the target when they were counted last.",
                     GAUGE,
                     {"target"}},
    [HEALTH] = {"sluice_health",
                "Whether data gets in, gets built and gets out: 0 ok, 1 waits, 2 wrong.",
                GAUGE,
                {"pipeline", "part"}},
    [LOOKED_AT] = {"sluice_health_look_timestamp_seconds",
                   "When sources, tables and targets were looked at last.",
                   GAUGE,
                   {NULL}},
    [LOOK_TIME] = {"sluice_health_look_duration_seconds",
                   "Time that the last look took.",
                   GAUGE,
                   {NULL}},
    [LINEAGE_EVENTS] = {"sluice_lineage_events_total",
                        "OpenLineage events of this project ever, by what became of them.",
                        COUNTER,
                        {"to", "outcome"}},
    [SPANS] = {"sluice_spans_total",
               "OpenTelemetry spans of this project ever, by what became of them.",
               COUNTER,
               {"outcome"}},
    [TELEMETRY_FAILURES] = {"sluice_telemetry_failures",
                            "Attempts that failed since a receiver last took something.",
                            GAUGE,
                            {"to"}},
};

struct series {
    double value; // HISTOGRAM: the sum
    uint64_t count, buckets[BUCKETS];
};

struct sl_metrics {
    struct sl_map series[FAMILY_COUNT]; // labels as they are printed -> struct series
    uint64_t dropped;
};

int sl_metrics_new(struct sl_metrics **ret, struct sl_err *err)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? SL_OK : sl_fail_memory(err);
}

void sl_metrics_free(struct sl_metrics **metrics)
{
    if (!metrics || !*metrics)
        return;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        const struct sl_map_entry *it = sl_map_first(&(*metrics)->series[i]);

        for (; it; it = sl_map_next(it))
            free(sl_map_value(it));
        sl_map_clear(&(*metrics)->series[i]);
    }
    free(*metrics);
    *metrics = NULL;
}

// Escaped as the text format wants it: backslash, quote, newline.
static void add_label(struct sl_buf *text, const char *name, const char *value)
{
    sl_buf_addf(text, "%s%s=\"", text->length ? "," : "", name);
    for (; value && *value; value++) {
        if (*value == '\\' || *value == '"')
            sl_buf_add_char(text, '\\');
        if (*value == '\n')
            sl_buf_add(text, "\\n");
        else
            sl_buf_add_char(text, *value);
    }
    sl_buf_add_char(text, '"');
}

static void key_of(enum family_name name, const char *const values[LABELS], struct sl_buf *key)
{
    for (int i = 0; i < LABELS && families[name].labels[i]; i++)
        add_label(key, families[name].labels[i], values[i]);
}

// NULL: there is no memory, or there are too many already.
static struct series *find(struct sl_metrics *metrics, enum family_name name,
                           const char *const values[LABELS])
{
    struct sl_map *map = &metrics->series[name];
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    struct sl_err ignored;

    key_of(name, values, &key);
    if (key.has_failed) {
        metrics->dropped++;
        return NULL;
    }
    struct series *series = sl_map_get(map, key.text);
    if (series)
        return series;
    series = sl_map_count(map) < MOST_SERIES ? calloc(1, sizeof *series) : NULL;
    if (!series || sl_map_set(map, key.text, series, &ignored) != SL_OK) {
        free(series);
        metrics->dropped++;
        return NULL;
    }
    return series;
}

static void add(struct sl_metrics *metrics, enum family_name name, const char *one, const char *two,
                double value)
{
    struct series *series = find(metrics, name, (const char *const[LABELS]){one, two});

    if (series)
        series->value += value;
}

static void set(struct sl_metrics *metrics, enum family_name name, const char *label, double value)
{
    struct series *series = find(metrics, name, (const char *const[LABELS]){label});

    if (series)
        series->value = value;
}

static void take_away(struct sl_metrics *metrics, enum family_name name, const char *one,
                      const char *two)
{
    struct sl_map *map = &metrics->series[name];
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;

    key_of(name, (const char *const[LABELS]){one, two}, &key);
    if (key.has_failed || !sl_map_has(map, key.text))
        return;
    free(sl_map_get(map, key.text));
    sl_map_remove(map, key.text);
}

static void set_or_take(struct sl_metrics *metrics, enum family_name name, const char *label,
                        int64_t value)
{
    if (value < 0)
        take_away(metrics, name, label, NULL);
    else
        set(metrics, name, label, (double)value);
}

static void observe(struct sl_metrics *metrics, enum family_name name, const char *label,
                    double value)
{
    struct series *series = find(metrics, name, (const char *const[LABELS]){label});

    if (!series)
        return;
    series->value += value;
    series->count++;
    for (int i = 0; i < BUCKETS; i++)
        series->buckets[i] += value <= families[name].buckets[i];
}

void sl_metrics_step_ended(struct sl_metrics *metrics, const struct sl_metrics_step *step)
{
    struct series *steps =
        find(metrics, STEPS, (const char *const[LABELS]){step->pipeline, step->kind, step->status});
    struct series *memory = find(metrics, STEP_MEMORY, (const char *const[LABELS]){step->kind});

    if (steps)
        steps->value++;
    if (memory && (double)step->peak_memory_bytes > memory->value)
        memory->value = (double)step->peak_memory_bytes;
    observe(metrics, STEP_DURATION, step->kind, step->elapsed_s);
    add(metrics, STEP_RETRIES, step->kind, NULL, (double)step->retries);
    if (!step->table)
        return;
    add(metrics, ROWS_IN, step->table, NULL, (double)step->rows_in);
    add(metrics, ROWS_OUT, step->table, NULL, (double)step->rows_out);
    add(metrics, ROWS_REJECTED, step->table, NULL, (double)step->rows_rejected);
    if (step->committed_us > 0)
        set(metrics, TABLE_COMMITTED, step->table, (double)step->committed_us / 1e6);
}

void sl_metrics_run_started(struct sl_metrics *metrics, const char *pipeline, const char *trigger,
                            double tick_delay_s)
{
    add(metrics, RUNS_STARTED, pipeline, trigger, 1);
    if (tick_delay_s >= 0)
        observe(metrics, TICK_DELAY, NULL, tick_delay_s);
}

void sl_metrics_run_ended(struct sl_metrics *metrics, const char *pipeline, const char *status,
                          double elapsed_s)
{
    add(metrics, RUNS, pipeline, status, 1);
    observe(metrics, RUN_DURATION, pipeline, elapsed_s);
}

void sl_metrics_tick_skipped(struct sl_metrics *metrics, const char *pipeline, const char *why)
{
    add(metrics, TICKS_SKIPPED, pipeline, why, 1);
}

void sl_metrics_deadline_missed(struct sl_metrics *metrics, const char *pipeline)
{
    add(metrics, DEADLINES, pipeline, NULL, 1);
}

void sl_metrics_worker_died(struct sl_metrics *metrics)
{
    add(metrics, WORKER_DEATHS, NULL, NULL, 1);
}

void sl_metrics_told(struct sl_metrics *metrics, const struct sl_metrics_told *told)
{
    const struct {
        const char *outcome;
        int64_t count;
    } outcomes[] = {{"sent", told->sent}, {"refused", told->refused}, {"lost", told->lost}};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        const char *outcome = outcomes[i].outcome;
        struct series *series =
            told->is_spans
                ? find(metrics, SPANS, (const char *const[LABELS]){outcome})
                : find(metrics, LINEAGE_EVENTS, (const char *const[LABELS]){told->to, outcome});
        if (series)
            series->value = (double)outcomes[i].count;
    }
    set(metrics, TELEMETRY_FAILURES, told->to, (double)told->failures);
}

void sl_metrics_table(struct sl_metrics *metrics, const char *table, int64_t committed_us,
                      int64_t freshness_s)
{
    if (committed_us > 0)
        set(metrics, TABLE_COMMITTED, table, (double)committed_us / 1e6);
    if (freshness_s > 0)
        set(metrics, TABLE_LIMIT, table, (double)freshness_s);
}

void sl_metrics_source(struct sl_metrics *metrics, const char *source, bool is_reachable,
                       int64_t lag_s, int64_t files, int64_t bytes)
{
    set(metrics, SOURCE_REACHABLE, source, is_reachable);
    set_or_take(metrics, SOURCE_LAG, source, lag_s);
    set_or_take(metrics, SOURCE_FILES, source, is_reachable ? files : -1);
    set_or_take(metrics, SOURCE_BYTES, source, is_reachable ? bytes : -1);
}

static void forget(struct sl_metrics *metrics, enum family_name name)
{
    struct sl_map *map = &metrics->series[name];
    for (const struct sl_map_entry *at = sl_map_first(map); at; at = sl_map_next(at))
        free(sl_map_value(at));
    sl_map_clear(map);
}

void sl_metrics_lake(struct sl_metrics *metrics, bool is_reachable)
{
    set(metrics, LAKE_REACHABLE, NULL, is_reachable);
    if (is_reachable)
        return;
    forget(metrics, TABLE_LAG);
    forget(metrics, TARGET_LAG);
    forget(metrics, TARGET_ROWS);
    forget(metrics, TARGET_REACHABLE);
}

void sl_metrics_table_lag(struct sl_metrics *metrics, const char *table, int64_t lag_s)
{
    set_or_take(metrics, TABLE_LAG, table, lag_s);
}

void sl_metrics_target(struct sl_metrics *metrics, const char *target, bool is_reachable,
                       int64_t lag_s, int64_t rows)
{
    set(metrics, TARGET_REACHABLE, target, is_reachable);
    set_or_take(metrics, TARGET_LAG, target, lag_s);
    set_or_take(metrics, TARGET_ROWS, target, rows);
}

void sl_metrics_health(struct sl_metrics *metrics, const char *pipeline, const char *part,
                       int state)
{
    if (state < 0) {
        take_away(metrics, HEALTH, pipeline, part);
        return;
    }
    struct series *series = find(metrics, HEALTH, (const char *const[LABELS]){pipeline, part});

    if (series)
        series->value = state;
}

void sl_metrics_looked(struct sl_metrics *metrics, int64_t at_us, double elapsed_s)
{
    set(metrics, LOOKED_AT, NULL, (double)at_us / 1e6);
    set(metrics, LOOK_TIME, NULL, elapsed_s);
}

// --- printing

static void add_head(struct sl_buf *text, const char *name, const char *help, const char *type)
{
    sl_buf_addf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// All digits of what is counted, three of what is measured.
static void add_number(struct sl_buf *text, double value)
{
    if (value == floor(value) && fabs(value) < 9e15)
        sl_buf_addf(text, " %.0f\n", value);
    else
        sl_buf_addf(text, " %.6f\n", value);
}

static void add_histogram(struct sl_buf *text, const struct family *family, const char *labels,
                          const struct series *series)
{
    const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";

    for (int i = 0; i < BUCKETS; i++)
        sl_buf_addf(text, "%s_bucket{%s%sle=\"%g\"} %llu\n", family->name, labels, comma,
                    family->buckets[i], (unsigned long long)series->buckets[i]);
    sl_buf_addf(text, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum%s%s%s", family->name, labels, comma,
                (unsigned long long)series->count, family->name, open, labels, close);
    add_number(text, series->value);
    sl_buf_addf(text, "%s_count%s%s%s %llu\n", family->name, open, labels, close,
                (unsigned long long)series->count);
}

static void add_family(struct sl_buf *text, const struct family *family,
                       const struct sl_map *series)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    add_head(text, family->name, family->help, types[family->type]);
    for (const struct sl_map_entry *it = sl_map_first(series); it; it = sl_map_next(it)) {
        const struct series *one = sl_map_value(it);
        const char *labels = sl_map_key(it);

        if (family->type == HISTOGRAM) {
            add_histogram(text, family, labels, one);
        } else {
            sl_buf_add(text, family->name);
            if (*labels)
                sl_buf_addf(text, "{%s}", labels);
            add_number(text, one->value);
        }
    }
}

static void add_freshness(struct sl_buf *text, const struct sl_metrics *metrics, int64_t now_us)
{
    const struct sl_map *series = &metrics->series[TABLE_COMMITTED];

    add_head(text, "sluice_table_freshness_seconds", "Since the table got its newest version.",
             "gauge");
    for (const struct sl_map_entry *it = sl_map_first(series); it; it = sl_map_next(it)) {
        double age = (double)now_us / 1e6 - ((const struct series *)sl_map_value(it))->value;

        sl_buf_addf(text, "sluice_table_freshness_seconds{%s}", sl_map_key(it));
        add_number(text, age > 0 ? age : 0);
    }
}

static void add_now(struct sl_buf *text, const struct sl_metrics_now *now)
{
    const struct {
        const char *name, *help;
        int64_t value;
    } gauges[] = {
        {"sluice_runs_active", "Runs at work.", now->active_runs},
        {"sluice_runs_queued", "Runs that wait for their turn.", now->queued_runs},
        {"sluice_steps_active", "Steps at work.", now->active_steps},
        {"sluice_steps_ready", "Steps that wait for a worker or a slot.", now->ready_steps},
        {"sluice_workers", "Worker processes.", now->workers},
        {"sluice_worker_memory_bytes", "Memory of all workers.", now->worker_memory_bytes},
        {"sluice_approvals_waiting", "Steps that wait for a person.", now->waiting_approvals},
        {"sluice_pipelines_paused", "Pipelines whose triggers start nothing.",
         now->paused_pipelines},
        {"sluice_alerts_open", "What is wrong now.", now->open_alerts},
        {"sluice_alerts_undelivered", "Alerts that nobody has received yet.",
         now->undelivered_alerts},
        {"sluice_steps_handed_out", "Steps that other machines have, or were offered.",
         now->handed_steps},
        {"sluice_leader", "1: this process starts the runs.", now->is_leader},
        {"sluice_held_back", "1: no run begins until there is room to write.", now->is_held_back},
        {"sluice_project_outdated",
         "1: the project's files have errors; an earlier reading is used.", now->is_outdated},
    };

    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        add_head(text, gauges[i].name, gauges[i].help, "gauge");
        sl_buf_addf(text, "%s %lld\n", gauges[i].name, (long long)gauges[i].value);
    }
}

// A name is told once, with the slots of all that have it.
static int64_t slots_of_name(const struct sl_metrics_now *now, size_t first)
{
    const char *name = now->machines[first].name;
    int64_t slots = 0;

    for (size_t i = 0; i < first; i++)
        if (strcmp(now->machines[i].name, name) == 0)
            return -1;
    for (size_t i = first; i < now->machine_count; i++)
        if (now->machines[i].is_of_use && strcmp(now->machines[i].name, name) == 0)
            slots += now->machines[i].slots;
    return slots;
}

static void add_machines(struct sl_buf *text, const struct sl_metrics_now *now)
{
    add_head(text, "sluice_machine_slots",
             "Steps at once that `sluice worker` on another machine does for this service.",
             "gauge");
    for (size_t i = 0; i < now->machine_count; i++) {
        const int64_t slots = slots_of_name(now, i);
        struct sl_buf labels = SL_BUF_INIT;

        if (slots < 0)
            continue;
        add_label(&labels, "machine", now->machines[i].name);
        if (!labels.has_failed)
            sl_buf_addf(text, "sluice_machine_slots{%s} %lld\n", labels.text, (long long)slots);
        sl_buf_clear(&labels);
    }
}

void sl_metrics_print(struct sl_metrics *metrics, const struct sl_metrics_now *now,
                      struct sl_buf *text)
{
    add_head(text, "sluice_build_info", "Version of the program.", "gauge");
    sl_buf_add(text, "sluice_build_info{version=\"" SL_VERSION "\"} 1\n");
    for (int i = 0; i < FAMILY_COUNT; i++)
        add_family(text, &families[i], &metrics->series[i]);
    add_freshness(text, metrics, now->now_us);
    add_now(text, now);
    add_machines(text, now);
    add_head(text, "sluice_alerts_sent_total", "Messages of alerts that were taken.", "counter");
    sl_buf_addf(text, "sluice_alerts_sent_total %lld\n", (long long)now->sent_alerts);
    add_head(text, "sluice_metrics_dropped_total",
             "Values that were not counted: too many series, or no memory.", "counter");
    sl_buf_addf(text, "sluice_metrics_dropped_total %llu\n", (unsigned long long)metrics->dropped);
}
