// sluice logs -f: a run's log as it grows.
#ifndef SL_CLI_LOGS_H
#define SL_CLI_LOGS_H

#include "cli/history.h"

struct sl_log_follow {
    const char *path;
    // Each whole line, in order. False: that was the last one.
    bool (*on_line)(void *self, const char *text, size_t length);
    // Asked once a second, and at first: whether nothing will come any more.
    bool (*is_over)(void *self);
    void *self;
};
// Returns when either says so. The file may not be there yet, may be replaced by another one
// (which is read from its beginning) or cut short. Waits for inotify, not for time.
SL_MUST int sl_log_follow(const struct sl_log_follow *follow, struct sl_err *err);
// A line of a run's log as text, on stdout.
void sl_log_line_print(const json_t *line);

#endif
