// pipelines/*.yml: a selection of steps, and when it runs.
//
// A project without such files has one pipeline of the project's own name that selects everything
// and is started by hand.
#ifndef SL_SPEC_PIPELINE_H
#define SL_SPEC_PIPELINE_H

#include "spec/project.h"

struct sl_schedule;

enum sl_trigger_kind {
    SL_TRIGGER_CRON,
    SL_TRIGGER_EVERY,
    SL_TRIGGER_FILES,
    SL_TRIGGER_TABLE,
    SL_TRIGGER_HTTP
};
const char *sl_trigger_kind_name(enum sl_trigger_kind kind); // "cron", "every", ...

// One item of `when`: any of a pipeline's triggers starts a run of it.
struct sl_trigger {
    enum sl_trigger_kind kind;
    // Says which trigger it is, the same for as long as what it says of the time is the same:
    // "cron 0 3 * * MON-FRI Europe/Berlin", "every 15m", "files orders", "table curated.rates",
    // "http". Under it, and the pipeline's name, the last tick is kept in state. No two of a
    // pipeline are the same. A calendar is no part of it: days that are left out from now on make
    // no other schedule.
    const char *key;
    const char *text; // cron, every: as it is written; files: the source; table: the table; else ""
    const struct sl_schedule *schedule; // cron, every; else NULL
    const struct sl_source *source;     // files; else NULL
    const char *table;                  // table: "curated.rates"; else NULL
    enum sl_layer layer;                // table: its layer and name
    const char *table_name;
    bool is_of_pipeline; // table: a step of the pipeline makes it (sl_pipelines_find_own)
    // files, table:
    int64_t settle_s;     // so long nothing has changed before the run begins: 2; tables: 0
    int64_t settle_max_s; // what keeps changing is not waited for any longer: 600
    int64_t poll_s;       // how often is looked where no event comes: 60
    const struct sl_yaml *node;
};

// What becomes of ticks that came while nobody served. In the order of the words.
enum sl_catch_up { SL_CATCH_UP_LATEST, SL_CATCH_UP_ALL, SL_CATCH_UP_NONE };
const char *sl_catch_up_name(enum sl_catch_up catch_up);
// What becomes of a tick that comes while the pipeline has all the runs that it may have.
enum sl_overlap { SL_OVERLAP_QUEUE, SL_OVERLAP_SKIP, SL_OVERLAP_CANCEL_OLDER };
const char *sl_overlap_name(enum sl_overlap overlap);

struct sl_pipeline {
    const char *name;           // file stem
    const char *file;           // "pipelines/nightly.yml"; of the one that no file says: sluice.yml
    const struct sl_yaml *node; // NULL: no file says it
    const char *description;    // NULL: not written down
    const char *owner;          // the project's if the file says nothing; NULL: neither says it
    struct sl_strs tags;
    struct sl_strs select, exclude; // as --select and --exclude
    struct sl_trigger *triggers;    // in the order of `when`
    size_t trigger_count;           // 0: by hand only
    int catch_up;                   // enum sl_catch_up
    int overlap;                    // enum sl_overlap
    int64_t max_runs;               // at once, from 1 on
    int64_t deadline_s;             // of a run, from its start on; 0: none
    bool full_refresh;
};

// Of a project that is put together by hand, too.
const struct sl_pipeline *sl_project_pipeline(const struct sl_project *project, const char *name);
// What a trigger waits for, in words: "cron 0 3 * * MON-FRI (Europe/Berlin)", "every 15m",
// "files of orders", "new version of curated.rates", "HTTP".
const char *sl_trigger_words(const struct sl_trigger *trigger, struct sl_arena *arena);

#endif
