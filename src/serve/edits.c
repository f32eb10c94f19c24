// The project's own files: when they change, and have settled, the project is read anew.
#include "serve/edits.h"

#include "serve/watch_look.h"
#include "spec/pipeline.h"

#include <stdlib.h>

#define SETTLE_S 1
#define SETTLE_MAX_S 10
#define POLL_S 60

// All that the project is read from.
static const char *const files[] = {"sluice.yml",         ".env",
                                    "sources/**/*.yml",   "sources/**/*.yaml",
                                    "contracts/**/*.yml", "contracts/**/*.yaml",
                                    "models/**/*.sql",    "targets/**/*.yml",
                                    "targets/**/*.yaml",  "tasks/**/*.yml",
                                    "tasks/**/*.yaml",    "pipelines/**/*.yml",
                                    "pipelines/**/*.yaml"};
#define FILE_COUNT (sizeof files / sizeof *files)

struct sl_edits {
    struct sl_arena arena;
    struct sl_pipeline pipeline; // what a watch is of
    struct sl_trigger trigger;
    struct sl_strs paths;
    struct sl_watch *watch;
    void (*on_change)(void *self);
    void (*on_note)(void *self, const char *text);
    void *self;
};

static void on_change(void *self, const struct sl_pipeline *pipeline,
                      const struct sl_trigger *trigger, int64_t fingerprint)
{
    struct sl_edits *edits = self;
    (void)pipeline;
    (void)trigger;
    (void)fingerprint;
    edits->on_change(edits->self);
}

static void on_note(void *self, const char *text)
{
    struct sl_edits *edits = self;
    edits->on_note(edits->self, text);
}

static int find_paths(struct sl_edits *edits, const char *folder, struct sl_err *err)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = sl_path_join(&edits->arena, folder, files[i]);
        SL_TRY_NEW(path, err);
        SL_TRY(sl_strs_add(&edits->paths, &edits->arena, path, err));
    }
    return SL_OK;
}

static int look(const struct sl_edits *edits, int64_t *ret, struct sl_err *err)
{
    struct sl_look look = {.paths = &edits->paths};
    sl_arena_init(&look.arena, 0);
    int code = sl_look_do(&look);
    if (code == SL_OK)
        *ret = look.fingerprint;
    else
        *err = look.err;
    sl_arena_clear(&look.arena);
    return code;
}

static int open_watch(struct sl_edits *edits, uv_loop_t *loop, const char *folder,
                      struct sl_err *err)
{
    const struct sl_watch_calls calls = {.on_change = on_change, .on_note = on_note, .self = edits};
    int64_t seen;
    edits->trigger = (struct sl_trigger){.kind = SL_TRIGGER_FILES,
                                         .key = "the files",
                                         .settle_s = SETTLE_S,
                                         .settle_max_s = SETTLE_MAX_S,
                                         .poll_s = POLL_S};
    edits->pipeline = (struct sl_pipeline){
        .name = "the project", .triggers = &edits->trigger, .trigger_count = 1};
    SL_TRY(find_paths(edits, folder, err));
    SL_TRY(look(edits, &seen, err));
    return sl_watch_files(loop, &edits->pipeline, &edits->paths, seen, &calls, &edits->watch, err);
}

int sl_edits_open(const struct sl_edits_options *options, struct sl_edits **ret, struct sl_err *err)
{
    SL_AUTO(sl_edits_close) struct sl_edits *edits = calloc(1, sizeof *edits);
    SL_TRY_NEW(edits, err);
    sl_arena_init(&edits->arena, 0);
    edits->on_change = options->on_change;
    edits->on_note = options->on_note;
    edits->self = options->self;
    SL_TRY(open_watch(edits, options->loop, options->folder, err));
    *ret = edits;
    edits = NULL;
    return SL_OK;
}

int64_t sl_edits_look(const struct sl_edits *edits)
{
    struct sl_err ignored = {0};
    int64_t seen = 0;
    return edits && look(edits, &seen, &ignored) == SL_OK ? seen : 0;
}

void sl_edits_saw(struct sl_edits *edits, int64_t seen)
{
    if (edits && seen)
        sl_watch_saw(edits->watch, seen);
}

void sl_edits_close(struct sl_edits **edits)
{
    struct sl_edits *old = *edits;
    if (!old)
        return;
    if (old->watch)
        sl_watch_close(old->watch);
    sl_arena_clear(&old->arena);
    free(old);
    *edits = NULL;
}
