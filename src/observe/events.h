// Facts as events of OpenLineage: a job for each run of a project or pipeline, and below it one for
// each step.
#ifndef SL_OBSERVE_EVENTS_H
#define SL_OBSERVE_EVENTS_H

#include "observe/datasets.h"

struct sl_events {
    const char *job_namespace;
    struct sl_look_at *look; // NULL: events say what facts do, and no more
};
// `start` is the run's run_start. *ret is NULL if the fact is no event.
SL_MUST int sl_event_of_fact(const struct sl_events *events, const json_t *start,
                             const json_t *fact, json_t **ret, struct sl_err *err);
// The id of the run that the event would be of: two of the same must come in their order. False: it
// is none.
bool sl_event_run_of_fact(const json_t *start, const json_t *fact, char ret[37]);

// What a run that was killed can no longer say: its steps that have begun and not ended, and its
// own end. Appends facts to a list.
SL_MUST int sl_facts_of_killed(json_t *const *facts, size_t count, int64_t at_us, json_t *into,
                               struct sl_err *err);

#endif
