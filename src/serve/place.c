// The service's place in the state folder: its locks and its socket. Somebody may remove the folder
// under it; then they are taken anew, or, where another one has taken them meanwhile, it ends.
#include "base/fs.h"
#include "base/log.h"
#include "run/lock.h"
#include "serve/serve_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 200 // a folder that is being removed must not be filled meanwhile
#define AGAIN_MS 2000
#define GONE (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF)

static const char *path_in_state(struct sl_service *service, struct sl_arena *arena,
                                 const char *name)
{
    return sl_path_join(arena, sl_service_project(service)->state_folder, name);
}

static bool leads_to(const char *path, int fd)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

// In the descriptor's place: workers are handed it by its number.
static int put_in_place(int fd, int in_place_of, struct sl_err *err)
{
    return dup3(fd, in_place_of, O_CLOEXEC) < 0 ? sl_fail_errno(err, errno, "a lock") : SL_OK;
}

static int fail_replaced(const char *who, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SERVE_REPLACED,
                  "the state folder was removed under this service, and %s by now", who);
    return sl_err_hint(err, "end a service before its state folder is removed");
}

static int take_serve_lock(struct sl_service *service, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;
    SL_TRY(sl_fs_mkdirs(sl_service_project(service)->state_folder, err));
    if (sl_lock_take(path, &fd, err) == SL_E_LOCKED) {
        sl_err_clear(err);
        return fail_replaced("another service is at work", err);
    }
    SL_TRY(err->code);
    return put_in_place(fd, service->serve_lock, err);
}

static int take_run_lock(struct sl_service *service, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;
    if (leads_to(path, service->run_lock))
        return SL_OK;
    SL_TRY(sl_run_lock_open(sl_service_project(service)->state_folder, &fd, err));
    if (service->has_run_lock && !sl_run_lock_take(fd))
        return fail_replaced("another program has begun to work on the project", err);
    return put_in_place(fd, service->run_lock, err);
}

static int take(struct sl_service *service, bool *ret_was_gone, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *serve_lock = path_in_state(service, &arena, "serve.lock");
    const char *run_lock = path_in_state(service, &arena, "run.lock");
    SL_TRY_NEW(serve_lock, err);
    SL_TRY_NEW(run_lock, err);
    *ret_was_gone = !leads_to(serve_lock, service->serve_lock);
    if (*ret_was_gone)
        SL_TRY(take_serve_lock(service, serve_lock, err));
    return take_run_lock(service, run_lock, err);
}

static void watch_folder(struct sl_service *service)
{
    const char *folder = sl_service_project(service)->state_folder;
    if (service->place_fd < 0)
        return;
    // The same folder once more gives the same number.
    int watch = inotify_add_watch(service->place_fd, folder, GONE | IN_ONLYDIR);
    if (watch != service->place_watch && service->place_watch >= 0)
        (void)inotify_rm_watch(service->place_fd, service->place_watch);
    service->place_watch = watch;
}

static void on_place_timer(uv_timer_t *timer);

bool sl_service_keep_place(struct sl_service *service)
{
    struct sl_err err = {0};
    bool was_gone = false, was_anew = false;
    if (service->failure.code || service->serve_lock < 0)
        return !service->failure.code;
    int code = take(service, &was_gone, &err);
    if (code == SL_E_SERVE_REPLACED) {
        sl_service_step_down(service, &err);
        return false;
    }
    if (code == SL_OK && service->http)
        code = sl_http_listen_again(service->http, &was_anew, &err);
    watch_folder(service);
    if (code != SL_OK) {
        sl_service_tell(SL_LOG_ERROR, NULL,
                        "the state folder was removed, and the lock and socket cannot be had there "
                        "again yet: %s",
                        err.message);
        (void)uv_timer_start(&service->place_timer, on_place_timer, AGAIN_MS, 0);
    } else if (was_gone || was_anew)
        sl_service_tell(SL_LOG_WARN, NULL,
                        "the state folder, or a part of it, was removed under the service: it has "
                        "taken its lock and socket there anew");
    return true;
}

// So that a state file which went with them is begun anew at once, and not with the next write.
static void on_place_timer(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    if (sl_service_keep_place(service))
        sl_service_look_for_state(service);
}

static void on_place(uv_poll_t *poll, int status, int events)
{
    struct sl_service *service = poll->data;
    char events_read[4096];
    (void)status;
    (void)events;
    while (read(service->place_fd, events_read, sizeof events_read) > 0)
        ;
    (void)uv_timer_start(&service->place_timer, on_place_timer, SETTLE_MS, 0);
}

int sl_service_watch_place(struct sl_service *service, struct sl_err *err)
{
    int code = uv_timer_init(&service->loop, &service->place_timer);
    if (code != 0)
        return sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
    service->place_timer.data = service;
    service->place_watch = -1;
    service->place_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (service->place_fd < 0) // it is seen with the next write, and once a minute
        return SL_OK;
    code = uv_poll_init(&service->loop, &service->place_poll, service->place_fd);
    service->place_poll.data = service;
    if (code == 0)
        code = uv_poll_start(&service->place_poll, UV_READABLE, on_place);
    watch_folder(service);
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no watch: %s", uv_strerror(code));
}
