// A program of the user's that a step runs.
#ifndef SL_STEP_PROGRAM_H
#define SL_STEP_PROGRAM_H

#include "step/step.h"

struct sl_program {
    const struct sl_strs *words; // a program and its arguments, or one text for the shell
    bool is_for_shell;
    const char *folder;             // where it runs
    const struct sl_strs *settings; // "NAME=value", beside this process's own environment
    const atomic_bool *is_aborted;  // then it gets SIGTERM, and SIGKILL four seconds later
};
// Until it has ended. What it prints goes to stderr. SL_E_TASK_FAILED, SL_E_TASK_PASSING (exit code
// 75), SL_E_INTERRUPTED. If this process dies, the program is killed with all that it has
// started.
SL_MUST int sl_program_run(const struct sl_program *program, struct sl_arena *arena,
                           struct sl_err *err);

#endif
