#include "run/publications.h"

#include "api/state.h"
#include "base/fs.h"

#include <string.h>

#define MAX_BYTES ((size_t)256 << 20)

// All that are there, oldest first.
struct listed {
    int64_t *numbers;
    size_t count;
};

const char *sl_publication_path(const struct sl_project *project, int64_t number,
                                struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/_publications/%020lld.json", project->lake_folder,
                           (long long)number);
}

const char *sl_publication_hint(const struct sl_project *project, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/_publications/_last", project->lake_folder);
}

static bool is_there(const struct sl_project *project, int64_t number)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_publication_path(project, number, &arena);
    return path && sl_fs_exists(path);
}

// --- finding

static bool number_of(const char *name, int64_t *ret)
{
    char digits[21];
    if (strlen(name) != 25 || strcmp(name + 20, ".json") != 0)
        return false;
    memcpy(digits, name, 20);
    digits[20] = '\0';
    return strspn(digits, "0123456789") == 20 && sl_str_to_int64(digits, ret) && *ret > 0;
}

// Any of them may have been deleted: nothing follows from one number for another.
static int list_all(const struct sl_project *project, struct sl_arena *arena, struct listed *ret,
                    struct sl_err *err)
{
    const char *folder = sl_path_join(arena, project->lake_folder, "_publications");
    struct sl_strs names = {0};
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_list(folder, arena, &names, err));
    *ret = (struct listed){.numbers = SL_NEW_ARRAY(arena, int64_t, names.count)};
    SL_TRY_NEW(ret->numbers, err);
    for (size_t i = 0; i < names.count; i++)
        ret->count += number_of(names.items[i], &ret->numbers[ret->count]);
    return SL_OK;
}

// The hint saves listing them. It is taken away before there is a newer one, so what it names is
// the newest but for what others have published this moment.
static int find_newest(const struct sl_project *project, struct sl_arena *arena, int64_t *ret,
                       struct sl_err *err)
{
    const char *path = sl_publication_hint(project, arena), *text = "";
    size_t length = 0;
    struct listed listed;
    SL_TRY_NEW(path, err);
    *ret = 0;
    bool is_read = sl_fs_exists(path) && sl_fs_read(path, 32, arena, &text, &length, NULL) == SL_OK;
    if (!is_read || !sl_str_to_int64(text, ret) || *ret <= 0 || !is_there(project, *ret)) {
        SL_TRY(list_all(project, arena, &listed, err));
        *ret = listed.count ? listed.numbers[listed.count - 1] : 0;
    }
    while (is_there(project, *ret + 1))
        ++*ret;
    return SL_OK;
}

// --- reading

static int fail_damaged(const struct sl_project *project, int64_t number, const char *path,
                        const struct sl_err *cause, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int64_t newest;
    sl_arena_init(&arena, 0);
    bool is_newest = find_newest(project, &arena, &newest, NULL) != SL_OK || newest <= number;
    (void)sl_fail(err, SL_E_PUBLICATION, "publication %lld is damaged: %s", (long long)number,
                  cause->message);
    (void)sl_err_at(err, path, cause->line, cause->column);
    return sl_err_hint(
        err, "restore '%s' from a backup, or move it away: tables stay as they are, and %s", path,
        is_newest ? "the next run publishes again what belongs together"
                  : "the other publications are read without it");
}

static int read_file(const struct sl_project *project, int64_t number, struct sl_arena *arena,
                     struct sl_publication *ret, struct sl_err *err)
{
    const char *path = sl_publication_path(project, number, arena), *text;
    struct sl_publication publication;
    struct sl_err cause = {0};
    size_t length;
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_read(path, MAX_BYTES, arena, &text, &length, err));
    int code = sl_publication_parse(text, length, path, arena, &publication, &cause);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code == SL_OK && publication.number != number)
        code = sl_fail(&cause, SL_E_PUBLICATION, "it says that it is number %lld",
                       (long long)publication.number);
    if (code != SL_OK)
        return fail_damaged(project, number, path, &cause, err);
    *ret = publication;
    return SL_OK;
}

int sl_publication_read(const struct sl_project *project, int64_t number, struct sl_arena *arena,
                        struct sl_publication *ret, struct sl_err *err)
{
    if (number > 0 && is_there(project, number))
        return read_file(project, number, arena, ret, err);
    (void)sl_fail(err, SL_E_PUBLICATION, "there is no publication %lld", (long long)number);
    return sl_err_hint(err, "`sluice publications` lists them");
}

int sl_publication_last(const struct sl_project *project, struct sl_arena *arena,
                        struct sl_publication *ret, struct sl_err *err)
{
    int64_t number;
    SL_TRY(find_newest(project, arena, &number, err));
    if (number > 0)
        return read_file(project, number, arena, ret, err);
    *ret = (struct sl_publication){0};
    return SL_OK;
}

int sl_publication_require(const struct sl_project *project, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_publication last;
    sl_arena_init(&arena, 0);
    return sl_publication_last(project, &arena, &last, err);
}

int sl_publication_before(const struct sl_project *project, int64_t number, struct sl_arena *arena,
                          int64_t *ret, struct sl_err *err)
{
    struct listed listed;
    *ret = number - 1;
    if (number > 1 && is_there(project, *ret))
        return SL_OK;
    SL_TRY(list_all(project, arena, &listed, err));
    *ret = 0;
    for (size_t i = 0; i < listed.count && listed.numbers[i] < number; i++)
        *ret = listed.numbers[i];
    return SL_OK;
}

int sl_publication_newest(const struct sl_project *project, struct sl_arena *arena, int64_t *ret,
                          struct sl_err *err)
{
    return find_newest(project, arena, ret, err);
}

static int time_of(const struct sl_project *project, int64_t number, int64_t *ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_publication publication;
    sl_arena_init(&arena, 0);
    SL_TRY(read_file(project, number, &arena, &publication, err));
    *ret = publication.at_us;
    return SL_OK;
}

// Newest first, past damaged ones that are not of that time whatever they hold.
static int find_past_damage(const struct sl_project *project, const struct listed *listed,
                            int64_t time_us, size_t *ret_before, struct sl_err *err)
{
    struct sl_err damage = {0};
    size_t before = listed->count; // those before it may be at or before the time
    bool is_found = false;
    for (; before > 0 && !is_found; before -= !is_found) {
        struct sl_err trouble = {0};
        int64_t at_us;
        int code = time_of(project, listed->numbers[before - 1], &at_us, &trouble);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        if (code == SL_OK)
            is_found = at_us <= time_us;
        if (code == SL_OK && !is_found)
            damage.code = SL_OK;
        if (code != SL_OK)
            damage = trouble;
    }
    *ret_before = before;
    if (damage.code == SL_OK)
        return SL_OK;
    if (err)
        *err = damage;
    return (int)damage.code;
}

int sl_publication_at(const struct sl_project *project, int64_t time_us, struct sl_arena *arena,
                      struct sl_publication *ret, struct sl_err *err)
{
    struct listed listed;
    SL_TRY(list_all(project, arena, &listed, err));
    size_t low = 0, high = listed.count; // those before `low` are at or before the time
    *ret = (struct sl_publication){0};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at_us;
        if (time_of(project, listed.numbers[middle], &at_us, NULL) != SL_OK) {
            SL_TRY(find_past_damage(project, &listed, time_us, &low, err));
            break;
        }
        if (at_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? read_file(project, listed.numbers[low - 1], arena, ret, err) : SL_OK;
}

// A run of the history that ended without one, as one does while some of the tables are behind;
// false if the history knows no such run.
static bool hint_from_history(const struct sl_project *project, const char *run, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_run_row *runs;
    const char *note;
    int64_t newest;
    size_t count;
    sl_arena_init(&arena, 0);
    const struct sl_state_place place = sl_project_state(project);
    const struct sl_run_filter filter = {.id = run, .limit = 2};
    if (sl_state_read(&place, &arena, &state, &note, NULL) != SL_OK ||
        sl_state_runs(state, &filter, &arena, &runs, &count, NULL) != SL_OK || count != 1 ||
        find_newest(project, &arena, &newest, NULL) != SL_OK || newest == 0)
        return false;
    (void)sl_err_hint(err,
                      "run %.8s (%s) published nothing; `sluice rollback --to published` "
                      "goes back to what readers see, which is #%lld",
                      runs[0].id, runs[0].command, (long long)newest);
    return true;
}

// What is damaged may be any run's.
static int fail_run(const struct sl_project *project, const char *run, size_t count,
                    struct sl_err *damage, struct sl_err *err)
{
    if (damage->code != SL_OK) {
        *err = *damage;
        return sl_err_context(err, "look for run '%s'", run);
    }
    (void)sl_fail(err, SL_E_PUBLICATION, "no publication is of run '%s'", run);
    if (hint_from_history(project, run, err))
        return (int)err->code;
    return sl_err_hint(err, count ? "`sluice publications` lists them"
                                  : "nothing was published yet: `sluice run`");
}

static int find_run(const struct sl_project *project, const char *run, struct sl_arena *arena,
                    struct sl_publication *ret, struct sl_err *err)
{
    int64_t found = 0;
    const char *found_id = "";
    struct sl_err damage = {0};
    struct listed listed;
    SL_TRY(list_all(project, arena, &listed, err));
    for (size_t i = listed.count; i > 0; i--) {
        SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
        struct sl_publication publication;
        sl_arena_init(&scratch, 0);
        if (read_file(project, listed.numbers[i - 1], &scratch, &publication, &damage) != SL_OK)
            continue;
        if (!sl_str_starts(publication.run_id, run))
            continue;
        if (found && !sl_str_equal(publication.run_id, found_id))
            return sl_fail(err, SL_E_PUBLICATION, "more than one run begins with '%s': %s and %s",
                           run, found_id, publication.run_id);
        if (!found) {
            found = listed.numbers[i - 1];
            found_id = sl_arena_strdup(arena, publication.run_id);
            SL_TRY_NEW(found_id, err);
        }
    }
    return found ? read_file(project, found, arena, ret, err)
                 : fail_run(project, run, listed.count, &damage, err);
}

int sl_publication_named(const struct sl_project *project, const char *name, struct sl_arena *arena,
                         struct sl_publication *ret, struct sl_err *err)
{
    const char *digits = *name == '#' ? name + 1 : name;
    int64_t number;
    // A run's id may be all digits as far as it is given; a number is never that long.
    if (strlen(digits) < 8 && strspn(digits, "0123456789") == strlen(digits) &&
        sl_str_to_int64(digits, &number))
        return sl_publication_read(project, number, arena, ret, err);
    return find_run(project, name, arena, ret, err);
}
