#include "serve/overlap.h"

static struct sl_overlap_answer wait_or_leave_out(const struct sl_overlap_state *state)
{
    return (struct sl_overlap_answer){
        state->queued < SL_OVERLAP_QUEUE_MAX ? SL_OVERLAP_WAIT : SL_OVERLAP_LEAVE_OUT, 0, 0};
}

struct sl_overlap_answer sl_overlap_decide(const struct sl_overlap_state *state)
{
    const bool has_room = state->active < state->max_runs;
    const int64_t staying = state->active - state->cancelling;

    switch (state->overlap) {
    case SL_OVERLAP_QUEUE:
        if (has_room && !state->is_full && state->queued == 0)
            return (struct sl_overlap_answer){SL_OVERLAP_START, 0, 0};
        return wait_or_leave_out(state);
    case SL_OVERLAP_SKIP:
        // Another pipeline's runs are no reason to leave one of this out.
        if (!has_room || state->active + state->queued >= state->max_runs)
            return (struct sl_overlap_answer){SL_OVERLAP_LEAVE_OUT, 0, 0};
        if (state->is_full)
            return wait_or_leave_out(state);
        return (struct sl_overlap_answer){SL_OVERLAP_START, 0, 0};
    case SL_OVERLAP_CANCEL_OLDER: {
        const int64_t cancel = staying >= state->max_runs ? staying - state->max_runs + 1 : 0;
        const bool starts = has_room && !state->is_full;
        return (struct sl_overlap_answer){starts ? SL_OVERLAP_START : SL_OVERLAP_WAIT, cancel,
                                          state->queued};
    }
    }
    return wait_or_leave_out(state);
}
