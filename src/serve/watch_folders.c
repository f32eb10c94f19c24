#include "serve/watch_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct sl_watch_folder *folder = event->data;

    (void)status;
    // Of the folder itself: another one with its path may have its number, too.
    if ((events & UV_RENAME) && name && strcmp(name, sl_path_name(folder->path)) == 0)
        folder->is_doubtful = true;
    for (size_t i = 0; i < folder->item_count; i++)
        if (!uv_is_active((uv_handle_t *)&folder->items[i]->wait))
            sl_watch_look(folder->items[i]); // else it is looked at when that is over
}

static void on_folder_closed(uv_handle_t *handle)
{
    struct sl_watch_folder *folder = handle->data;
    struct sl_watch *watch = folder->watch;

    free(folder->items);
    free(folder->path);
    free(folder);
    watch->alive--;
    sl_watch_release(watch);
}

// True if there is to be looked again: of what happened in it until now nothing was told, or it is
// gone since it was found, and another one has to be watched in its place.
static bool start_folder(struct sl_watch_folder *folder)
{
    struct sl_watch *watch = folder->watch;
    char text[512];
    const int code = uv_fs_event_start(&folder->event, on_event, folder->path, 0);

    folder->is_watched = code == 0;
    watch->watched_count += folder->is_watched;
    if (code == 0 || code == UV_ENOENT)
        return true;
    if (watch->has_told_of_limit)
        return false;
    watch->has_told_of_limit = true;
    (void)snprintf(text, sizeof text,
                   "'%.300s' cannot be watched: %s%s; such folders are looked at every `poll`",
                   folder->path, uv_strerror(code),
                   code == UV_ENOSPC ? " (fs.inotify.max_user_watches is reached)" : "");
    sl_watch_tell(watch, text);
    return false;
}

static void stop_folder(struct sl_watch_folder *folder)
{
    if (folder->is_watched)
        (void)uv_fs_event_stop(&folder->event);
    folder->watch->watched_count -= folder->is_watched;
    folder->is_watched = false;
}

static struct sl_watch_folder *open_folder(struct sl_watch *watch,
                                           const struct sl_look_folder *found, bool *is_new)
{
    struct sl_watch_folder *folder = calloc(1, sizeof *folder);
    struct sl_err err = {0};

    if (!folder)
        return NULL;
    folder->watch = watch;
    folder->path = strdup(found->path);
    if (!folder->path || sl_map_set(&watch->folders, found->path, folder, &err) != SL_OK) {
        free(folder->path);
        free(folder);
        return NULL;
    }
    folder->device = found->device;
    folder->inode = found->inode;
    (void)uv_fs_event_init(watch->loop, &folder->event); // never fails
    folder->event.data = folder;
    watch->alive++;
    *is_new |= start_folder(folder);
    return folder;
}

static bool enter(struct sl_watch_folder *folder, struct sl_watch_item *item)
{
    if (folder->item_count == folder->item_room) {
        const size_t room = folder->item_room ? 2 * folder->item_room : 4;
        struct sl_watch_item **items = reallocarray(folder->items, room, sizeof *items);
        if (!items)
            return false;
        folder->items = items;
        folder->item_room = room;
    }
    folder->items[folder->item_count++] = item;
    return true;
}

static void leave(struct sl_watch_folder *folder, const struct sl_watch_item *item)
{
    for (size_t i = 0; i < folder->item_count; i++)
        if (folder->items[i] == item) {
            folder->items[i] = folder->items[--folder->item_count];
            break;
        }
    if (folder->item_count)
        return;
    sl_map_remove(&folder->watch->folders, folder->path);
    stop_folder(folder);
    uv_close((uv_handle_t *)&folder->event, on_folder_closed);
}

void sl_watch_leave_folders(struct sl_watch_item *item)
{
    for (size_t i = 0; i < item->folder_count; i++)
        leave(item->folders[i], item);
    free(item->folders);
    item->folders = NULL;
    item->folder_count = 0;
}

// The folder of that name, watched if that is possible. *is_new: there is to be looked again.
static struct sl_watch_folder *find_folder(struct sl_watch *watch,
                                           const struct sl_look_folder *found, bool *is_new)
{
    struct sl_watch_folder *folder = sl_map_get(&watch->folders, found->path);

    if (!folder)
        return open_folder(watch, found, is_new);
    // Another folder of that name, whose events go nowhere; or there may be room for it by now.
    if (folder->device != found->device || folder->inode != found->inode || !folder->is_watched ||
        folder->is_doubtful) {
        stop_folder(folder);
        folder->is_doubtful = false;
        folder->device = found->device;
        folder->inode = found->inode;
        *is_new |= start_folder(folder);
    }
    return folder;
}

static bool is_in(const struct sl_watch_item *item, const struct sl_watch_folder *folder)
{
    for (size_t i = 0; i < folder->item_count; i++)
        if (folder->items[i] == item)
            return true;
    return false;
}

bool sl_watch_take_folders(struct sl_watch_item *item)
{
    const size_t count = item->look.folder_count;
    struct sl_watch_folder **folders = calloc(count ? count : 1, sizeof *folders);
    const uint64_t number = ++item->watch->look_count;
    size_t kept = 0;
    bool is_new = false;

    if (!folders)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct sl_watch_folder *folder = find_folder(item->watch, &item->look.folders[i], &is_new);
        if (!folder || !(is_in(item, folder) || enter(folder, item)))
            continue;
        folder->kept_by = number;
        folders[kept++] = folder;
    }
    for (size_t i = 0; i < item->folder_count; i++)
        if (item->folders[i]->kept_by != number)
            leave(item->folders[i], item);
    free(item->folders);
    item->folders = folders;
    item->folder_count = kept;
    return is_new;
}
