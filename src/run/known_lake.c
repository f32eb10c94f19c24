#include "run/known_lake.h"

#include "api/queue.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

// What is found here and what is remembered.
struct seen {
    char here[SL_LAKE_ID_BYTES]; // "": it has none, or it cannot be read
    struct sl_err unread;        // why it cannot
    struct sl_lake_memory memory;
    bool fits;
};

static bool is_empty(const struct sl_project *project, struct sl_arena *arena)
{
    struct sl_strs names = {0};
    struct sl_err ignored = {0};
    return sl_fs_list(project->lake_folder, arena, &names, &ignored) != SL_OK || names.count == 0;
}

static int find_here(const struct sl_project *project, struct seen *ret, struct sl_err *err)
{
    const int code = sl_lake_find(project, ret->here, &ret->unread);
    if (code == SL_OK || code == SL_E_LAKE_UNREADABLE)
        return SL_OK;
    sl_err_clear(&ret->unread);
    return code == SL_E_WORKER_LAKE ? SL_OK : sl_fail_memory(err);
}

// --- whether another one is refused

static bool is_within(const struct sl_project *project, struct sl_arena *arena)
{
    const char *lake, *folder;
    struct sl_err ignored = {0};
    if (sl_path_real(arena, project->lake_folder, &lake, &ignored) != SL_OK ||
        sl_path_real(arena, project->folder, &folder, &ignored) != SL_OK)
        return false;
    size_t length = strlen(folder);
    return strncmp(lake, folder, length) == 0 && lake[length] == '/';
}

// Of a state in the project's folder: `rm -rf lake` is a way to begin anew, as long as nothing can
// be lost that the next run does not make again.
static bool is_guarded(const struct sl_project *project, const struct sl_lake_memory *memory,
                       struct sl_arena *arena)
{
    return project->state_url || (!is_within(project, arena) && memory->has_delivered);
}

// --- remembering

static void recall_number(const struct sl_project *project, struct sl_state *state,
                          const char *known, struct sl_arena *arena, struct sl_lake_memory *ret)
{
    struct sl_err ignored = {0};
    *ret = (struct sl_lake_memory){.known = known};
    ret->was_asked =
        state && sl_state_lake(state, project->environment, arena, &ret->number, &ignored) == SL_OK;
}

// A store of before it kept numbers: what it has built is somewhere.
static int recall_steps(const struct sl_project *project, struct sl_state *state,
                        struct sl_arena *arena, struct sl_lake_memory *ret, struct sl_err *err)
{
    struct sl_step_row *rows;
    size_t count;
    if (!ret->was_asked || (project->state_url && ret->number)) // it makes no difference
        return SL_OK;
    SL_TRY(sl_state_last(state, project->environment, SL_OUTCOMES_DONE, arena, &rows, &count, err));
    ret->has_built = count > 0;
    for (size_t i = 0; i < count && !ret->has_delivered; i++)
        ret->has_delivered = sl_str_starts(rows[i].name, "target.");
    return SL_OK;
}

int sl_lake_recall(const struct sl_project *project, struct sl_state *state, const char *known,
                   const bool *has_delivered, struct sl_arena *arena, struct sl_lake_memory *ret,
                   struct sl_err *err)
{
    recall_number(project, state, known, arena, ret);
    if (ret->number && has_delivered) {
        ret->has_delivered = *has_delivered;
        return SL_OK;
    }
    return recall_steps(project, state, arena, ret, err);
}

// --- looking

static int hint(const struct sl_project *project, struct sl_err *err)
{
    return sl_err_hint(err,
                       "mount the lake, or say where it is with `lake` in sluice.yml or --set "
                       "lake=FOLDER. If this is the one to go on with: `sluice lake --adopt%s%s`; "
                       "the next run then builds what it lacks, and replaces what targets hold",
                       project->environment ? " -e " : "",
                       project->environment ? project->environment : "");
}

static int refuse(const struct sl_project *project, const struct seen *seen, struct sl_err *err)
{
    const char *lake = project->lake_folder;
    if (seen->unread.code) {
        *err = seen->unread;
        return (int)err->code;
    }
    if (*seen->here)
        (void)sl_fail(err, SL_E_LAKE_OTHER,
                      "the lake '%s' is another one (number %s) than that which the state store "
                      "knows (%s)",
                      lake, seen->here, seen->memory.number);
    else if (seen->memory.number)
        (void)sl_fail(err, SL_E_LAKE_OTHER,
                      "the lake '%s' %s, and that which the state store knows is number %s", lake,
                      sl_fs_exists(lake) ? "has no number" : "is not there", seen->memory.number);
    else
        (void)sl_fail(err, SL_E_LAKE_OTHER,
                      "the lake '%s' %s, and the state store knows of tables that were built", lake,
                      sl_fs_exists(lake) ? "is empty" : "is not there");
    return hint(project, err);
}

static int refuse_unknown(const struct sl_project *project, const struct seen *seen, bool is_empty,
                          struct sl_err *err)
{
    if (seen->unread.code)
        return refuse(project, seen, err);
    (void)sl_fail(err, SL_E_LAKE_OTHER,
                  "the lake '%s' %s, and the state store cannot be asked for more",
                  project->lake_folder,
                  !sl_fs_exists(project->lake_folder) ? "is not there"
                  : is_empty                          ? "is empty"
                                                      : "is another one than before");
    return sl_err_hint(err, "mount the lake, or run it when the state store can be reached");
}

// The store cannot be asked.
static bool is_plausible(const struct sl_project *project, const struct seen *seen,
                         const char *known, struct sl_arena *arena)
{
    if (!sl_str_is_empty(known))
        return strcmp(known, seen->here) == 0;
    return *seen->here || !project->state_url || !(seen->unread.code || is_empty(project, arena));
}

static int judge(const struct sl_project *project, struct sl_arena *arena, struct seen *seen,
                 struct sl_err *err)
{
    const struct sl_lake_memory *memory = &seen->memory;
    bool refuses = false;
    if (!memory->was_asked)
        return is_plausible(project, seen, memory->known, arena)
                   ? SL_OK
                   : refuse_unknown(project, seen, is_empty(project, arena), err);
    if (memory->number)
        refuses = !seen->fits && is_guarded(project, memory, arena);
    else if (!*seen->here && is_empty(project, arena))
        refuses = is_guarded(project, memory, arena) && memory->has_built;
    return refuses ? refuse(project, seen, err) : SL_OK;
}

static int compare(const struct sl_project *project, struct seen *seen, struct sl_err *err)
{
    SL_TRY(find_here(project, seen, err));
    seen->fits = !seen->memory.number || strcmp(seen->memory.number, seen->here) == 0;
    return SL_OK;
}

static int look(const struct sl_project *project, struct sl_state *state, const char *known,
                struct sl_arena *arena, struct seen *ret, struct sl_err *err)
{
    *ret = (struct seen){0};
    recall_number(project, state, known, arena, &ret->memory);
    SL_TRY(compare(project, ret, err));
    if (!ret->fits || (!ret->memory.number && !*ret->here))
        SL_TRY(recall_steps(project, state, arena, &ret->memory, err));
    return judge(project, arena, ret, err);
}

bool sl_lake_is_refused(int code)
{
    return code == SL_E_LAKE_OTHER || code == SL_E_LAKE_UNREADABLE;
}

int sl_lake_look(const struct sl_project *project, struct sl_state *state, const char *known,
                 struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct seen seen;
    sl_arena_init(&arena, 0);
    return look(project, state, known, &arena, &seen, err);
}

int sl_lake_judge(const struct sl_project *project, const struct sl_lake_memory *memory,
                  struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct seen seen = {.memory = *memory};
    sl_arena_init(&arena, 0);
    SL_TRY(compare(project, &seen, err));
    return judge(project, &arena, &seen, err);
}

static int keep(const struct sl_project *project, struct sl_state *state, struct seen *seen,
                struct sl_arena *arena, struct sl_err *err)
{
    struct sl_err unwritten = {0};
    if (!*seen->here && sl_lake_name(project, seen->here, &unwritten) != SL_OK) {
        *seen->here = '\0';
        return SL_OK; // the steps meet that, too, and say so
    }
    SL_TRY(sl_state_keep_lake(state, project->environment, seen->here, seen->fits, err));
    // Of two machines that each see a lake of their own, one is first.
    return sl_state_lake(state, project->environment, arena, &seen->memory.number, err);
}

int sl_lake_require(const struct sl_project *project, struct sl_state *state, char *known,
                    struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err unwritten = {0};
    struct seen seen;
    sl_arena_init(&arena, 0);
    SL_TRY(look(project, state, known, &arena, &seen, err));
    if (!seen.memory.was_asked)
        return SL_OK;
    if (seen.memory.number && seen.fits) {
        if (known)
            memcpy(known, seen.here, SL_LAKE_ID_BYTES);
        return SL_OK;
    }
    if (seen.unread.code) { // the steps say what they cannot do
        sl_log(SL_LOG_WARN, NULL, "%s", seen.unread.message);
        return SL_OK;
    }
    if (!seen.fits)
        sl_log(SL_LOG_WARN, NULL,
               "the lake '%s' is not the one of before: its tables are built anew",
               project->lake_folder);
    if (keep(project, state, &seen, &arena, &unwritten) != SL_OK)
        return unwritten.code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK; // the next run's
    if (*seen.here && !sl_str_equal(seen.memory.number, seen.here))
        return refuse(project, &seen, err);
    if (known)
        memcpy(known, seen.here, SL_LAKE_ID_BYTES);
    return SL_OK;
}

static int adopt(const struct sl_project *project, struct sl_state *state, const char *who,
                 const char *before, const char *number, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *details = json_pack("{s:s, s:s, s:s*}", "lake", project->lake_folder, "number", number,
                                "before", before);
    char *text = details ? json_dumps(details, JSON_COMPACT) : NULL;
    SL_TRY_NEW(text, err);
    const struct sl_audit_entry entry = {.at_us = sl_clock_now_us(),
                                         .who = who,
                                         .what = "adopt lake",
                                         .subject = project->environment,
                                         .details_json = text};
    int code = sl_state_adopt_lake(state, project->environment, number, &entry, err);
    free(text);
    return code;
}

int sl_lake_adopt(const struct sl_project *project, struct sl_state *state, const char *who,
                  struct sl_arena *arena, const char **ret_before, char ret[SL_LAKE_ID_BYTES],
                  struct sl_err *err)
{
    SL_TRY(sl_state_lake(state, project->environment, arena, ret_before, err));
    SL_TRY(sl_lake_name(project, ret, err));
    return adopt(project, state, who, *ret_before, ret, err);
}
