// Watches the project's own files, by inotify and by looking every minute. One thread, the loop's.
#ifndef SL_SERVE_EDITS_H
#define SL_SERVE_EDITS_H

#include "serve/watch.h"

struct sl_edits;
struct sl_edits_options {
    uv_loop_t *loop;
    const char *folder; // the project's
    // Files are other ones, or have another time, size or content, and have stayed as they are for
    // a second; what does not settle is told after ten.
    void (*on_change)(void *self);
    void (*on_note)(void *self, const char *text); // a warning: a folder cannot be watched
    void *self;
};
SL_MUST int sl_edits_open(const struct sl_edits_options *options, struct sl_edits **ret,
                          struct sl_err *err);
// What the files are like now; 0: nobody knows. To be asked before they are read, and told when
// they were: what was read is no edit, what changes meanwhile is one. `edits` may be NULL.
int64_t sl_edits_look(const struct sl_edits *edits);
void sl_edits_saw(struct sl_edits *edits, int64_t seen);
// Not from within a call. Its memory goes as the loop runs on.
void sl_edits_close(struct sl_edits **edits); // for SL_AUTO

#endif
