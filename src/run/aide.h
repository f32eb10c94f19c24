// An engine in a process of its own. What a run asks the engine before its steps begin is asked
// there, so that workers can be forked from a process without the engine's threads, and an engine
// that crashes takes no run with it: another one is started once, is told what the first was told,
// and is asked again. Then that process becomes the first worker, with its engine warm.
#ifndef SL_RUN_AIDE_H
#define SL_RUN_AIDE_H

#include "run/run.h"

#include <sys/types.h>

// Forks: no engine may be open in this process. Threads take turns. The engine cannot be
// interrupted, nor tell its progress. It is closed with its process.
SL_MUST int sl_aide_open(struct sl_world *world, struct sl_engine **ret, struct sl_err *err);
bool sl_is_aide(const struct sl_engine *engine);

// sl_step_ingest_foresee of the source of this name, which reads through pipes of its own process.
SL_MUST int sl_aide_foresee(struct sl_session *session, const char *source, struct sl_arena *arena,
                            struct sl_column **ret, size_t *ret_count, struct sl_err *err);

struct sl_aide_worker {
    pid_t pid;
    int fd;
    struct sl_seat *seat; // shared with it
};
// The engine's process becomes a worker of a run, and holds its lock as all workers do; `engine`
// is closed and NULL afterwards, whatever happens. It knows the project as it was when the engine
// was opened, and makes the graph of it anew.
struct sl_aide_adoption {
    int files[2]; // of the lock, and what becomes its stderr
    // Asked again and again as long as it has not answered: false and it is killed.
    bool (*goes_on)(void *owner);
    void *owner;
};
SL_MUST int sl_aide_adopt(struct sl_engine **engine, const struct sl_aide_adoption *adoption,
                          struct sl_aide_worker *ret, struct sl_err *err);

// In that process.
_Noreturn void sl_aide_serve(int fd, struct sl_seat *seat, struct sl_world *world);

#endif
