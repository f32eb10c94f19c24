// What commands that look at past runs share.
#ifndef SL_CLI_HISTORY_H
#define SL_CLI_HISTORY_H

#include "api/leases.h"
#include "cli/cli.h"
#include "run/run_status.h"
#include "step/backfill.h"

struct sl_cli_history {
    struct sl_arena arena;
    struct sl_project *project;
    struct sl_state *state;
};
SL_MUST int sl_cli_history_open(const struct sl_common *common, struct sl_cli_history *ret,
                                struct sl_err *err);
void sl_cli_history_close(struct sl_cli_history *history); // for SL_AUTO
// The run whose id begins so; NULL or "": the newest. `with_waiting`: also one that is queued.
SL_MUST int sl_cli_find_run(struct sl_cli_history *history, const char *id, bool with_waiting,
                            struct sl_run_row *ret, struct sl_err *err);
// What a person has to approve in it: "curated.total". Nothing where it is not at work.
SL_MUST int sl_cli_run_waits(struct sl_cli_history *history, const struct sl_run_row *run,
                             struct sl_strs *ret, struct sl_err *err);
// What a backfill's run has committed; nothing of one that is none, or of tables that are no more.
SL_MUST int sl_cli_backfill_trace(struct sl_cli_history *history, const struct sl_run_row *run,
                                  struct sl_backfill_trace *ret, struct sl_err *err);
// Of a state on a server: the lease of the service that leads; left_ms is 0 if none does.
SL_MUST int sl_cli_leader(struct sl_state *state, const struct sl_project *project,
                          struct sl_arena *arena, struct sl_lease *ret, struct sl_err *err);
// "3 steps (curated.total) wait for a worker since 2026-01-31 12:00:00: nobody claims them; ...",
// if whoever leads the service says so; else *ret is NULL. Only of a state in PostgreSQL.
SL_MUST int sl_cli_unclaimed(struct sl_state *state, const struct sl_project *project,
                             struct sl_arena *arena, const char **ret, struct sl_err *err);
// "waits for a person: `sluice approve 4f1c0b2e curated.total`"; NULL: out of memory.
const char *sl_cli_waits_text(const struct sl_run_row *run, const struct sl_strs *waits,
                              struct sl_arena *arena);

#endif
