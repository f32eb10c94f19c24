// Inside serve: what is watched, and the folders in which it can appear.
//
// A trigger that is watched is an item. It is looked at when a folder of it has an event, when it
// is polled, and when what was seen has to have settled. The looking is done elsewhere
// (serve/watch_look.h); what comes of it is taken in on the loop.
#ifndef SL_SERVE_WATCH_INNER_H
#define SL_SERVE_WATCH_INNER_H

#include "serve/watch.h"
#include "serve/watch_look.h"

struct sl_watch_item {
    struct sl_watch *watch;
    struct sl_watch_item *next;
    const struct sl_pipeline *pipeline;
    const struct sl_trigger *trigger;
    struct sl_arena arena;
    const char *id; // pipeline, 0x1f, key
    struct sl_strs paths;
    const char *table_folder;
    uv_timer_t poll, wait;
    int handle_count; // that are not closed yet
    uv_work_t work;
    struct sl_look look;
    bool is_looking;
    bool looks_again; // something happened meanwhile
    bool is_closing;
    bool has_failed;                  // was told that it cannot be looked at
    int64_t told;                     // fingerprint of the last change that was told; 0: none yet
    int64_t waiting;                  // another one that was seen since; 0: none
    uint64_t waiting_since;           // when it was first seen, by the loop's time
    uint64_t changing_since;          // when the first other one was
    struct sl_watch_folder **folders; // that it is in, in order of their addresses
    size_t folder_count;
};

struct sl_watch_folder {
    uv_fs_event_t event;
    struct sl_watch *watch;
    char *path;
    uint64_t device, inode;
    bool is_watched;
    bool is_doubtful; // it may have been moved or removed: events may go nowhere
    uint64_t kept_by; // number of the last look that found it
    struct sl_watch_item **items;
    size_t item_count, item_room;
};

struct sl_watch {
    uv_loop_t *loop;
    struct sl_watch_calls calls;
    struct sl_watch_item *items; // that are not closing
    struct sl_map folders;       // path -> struct sl_watch_folder
    size_t watched_count;
    size_t alive; // items and folders whose memory is still there
    bool is_closing;
    bool has_told_of_limit;
    uint64_t look_count; // that were taken in
};

// Begins a look, or another one after that which is under way.
void sl_watch_look(struct sl_watch_item *item);
// Frees the watch once it is closed and nothing is left of it.
void sl_watch_release(struct sl_watch *watch);
void sl_watch_tell(struct sl_watch *watch, const char *text);

// Takes in which folders the item's look has found. Returns whether the item has to be looked at
// again, since something may have happened in a folder before it was watched. What has no memory is
// only polled.
bool sl_watch_take_folders(struct sl_watch_item *item);
void sl_watch_leave_folders(struct sl_watch_item *item);

#endif
