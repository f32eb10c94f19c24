// Arrival: tells when files of a source change, or a table gets a new version, for the triggers of
// kinds files and table. One thread, that of the loop; the looking is done by the loop's pool of
// threads, so that a slow file system holds nothing up.
//
// The folders in which files can appear are watched by inotify, each once however many triggers are
// about it, those that appear later too. Besides, all is looked at every `poll` of the trigger:
// file systems of other machines send no events, and a machine has only so many watches.
//
// What a trigger is about has a fingerprint: the names, sizes and times of a source's files, the
// newest version of a table. A change is told when the fingerprint is another than the one that was
// told last and has stayed the same for `settle`, at the latest `settle_max` after it was first
// seen. What changes and is as before in the end is no change.
#ifndef SL_SERVE_WATCH_H
#define SL_SERVE_WATCH_H

#include "spec/pipeline.h"

#include <uv.h>

struct sl_watch;

// What a trigger was about when it last started a run, as it is kept in the state store: in the
// place of a tick.
struct sl_watch_seen {
    const char *pipeline;
    const char *key;
    int64_t fingerprint; // never 0
};

#define SL_WATCH_NO_TABLE 1 // the fingerprint of a table that is not there

struct sl_watch_calls {
    // Keep the fingerprint, and start a run. May not close the watch, nor reload it.
    void (*on_change)(void *self, const struct sl_pipeline *pipeline,
                      const struct sl_trigger *trigger, int64_t fingerprint);
    // The first look at a trigger without one: to be kept, so that what comes while nobody serves
    // is told later. No run is started for what was there before. Again of a table that is gone and
    // that the pipeline does not make. May be NULL.
    void (*on_begin)(void *self, const struct sl_pipeline *pipeline,
                     const struct sl_trigger *trigger, int64_t fingerprint);
    // A warning, once: "'/data' cannot be watched: ...". May be NULL.
    void (*on_note)(void *self, const char *text);
    void *self;
    // What changes about a paused pipeline is told once it goes on (sl_watch_resume), and only
    // then. May be NULL: none is paused.
    bool (*is_paused)(void *self, const struct sl_pipeline *pipeline);
};

// `seen` (may be NULL) is only read. The project must stay until the watch is closed or has another
// one.
SL_MUST int sl_watch_new(uv_loop_t *loop, const struct sl_project *project,
                         const struct sl_watch_seen *seen, size_t seen_count,
                         const struct sl_watch_calls *calls, struct sl_watch **ret,
                         struct sl_err *err);
// Of files alone, for one trigger that the caller keeps as long as the watch: `paths` (globs) are
// copied, `seen` is what was seen last (sl_look_do).
SL_MUST int sl_watch_files(uv_loop_t *loop, const struct sl_pipeline *pipeline,
                           const struct sl_strs *paths, int64_t seen,
                           const struct sl_watch_calls *calls, struct sl_watch **ret,
                           struct sl_err *err);
// All that is watched was seen like that: told until it is otherwise.
void sl_watch_saw(struct sl_watch *watch, int64_t fingerprint);
// The trigger has seen no more than that, whatever was told since; 0: nothing yet.
void sl_watch_take_back(struct sl_watch *watch, const char *pipeline, const char *key,
                        int64_t fingerprint);
// Triggers whose pipeline and key are still there go on with what they have seen; what they were
// waiting for is looked at again.
SL_MUST int sl_watch_reload(struct sl_watch *watch, const struct sl_project *project,
                            struct sl_err *err);
// The pipeline goes on: what has changed while it was paused is looked for.
void sl_watch_resume(struct sl_watch *watch, const char *pipeline);
// Nothing is called any more. The memory goes as the loop runs on, until nothing of the watch is
// left in it.
void sl_watch_close(struct sl_watch *watch);
// How many folders are watched by events.
size_t sl_watch_folder_count(const struct sl_watch *watch);

#endif
