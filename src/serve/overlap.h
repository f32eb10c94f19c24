// What becomes of a run that is asked for while others of its pipeline are at work. Pure.
#ifndef SL_SERVE_OVERLAP_H
#define SL_SERVE_OVERLAP_H

#include "spec/pipeline.h"

#define SL_OVERLAP_QUEUE_MAX 10000 // runs of a pipeline that wait; more are left out

struct sl_overlap_state {
    enum sl_overlap overlap;
    int64_t max_runs;   // of the pipeline at once
    int64_t active;     // runs of it at work, with those that are being cancelled
    int64_t cancelling; // of these
    int64_t queued;     // runs of it that wait
    bool is_full;       // there are as many runs in all as there may be
};

enum sl_overlap_verdict { SL_OVERLAP_START, SL_OVERLAP_WAIT, SL_OVERLAP_LEAVE_OUT };

struct sl_overlap_answer {
    enum sl_overlap_verdict verdict;
    int64_t cancel; // so many of the oldest runs that are not being cancelled yet
    int64_t drop;   // so many of those that wait: all of them, for this one comes in their place
};

struct sl_overlap_answer sl_overlap_decide(const struct sl_overlap_state *state);

#endif
