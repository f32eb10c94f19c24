// sluice lake: which lake the history is of.
#include "cli/cli.h"
#include "run/known_lake.h"

#include <pwd.h>
#include <unistd.h>

int sl_refuse_other_lake(const struct sl_project *project, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const struct sl_state_place place = sl_project_state(project);
    struct sl_err ignored = {0};
    const char *note;
    sl_arena_init(&arena, 0);
    if (sl_state_read(&place, &arena, &state, &note, &ignored) != SL_OK)
        state = NULL; // the run says so
    if (sl_lake_is_refused(sl_lake_look(project, state, NULL, err)))
        return (int)err->code;
    sl_err_clear(err);
    return SL_OK;
}

void sl_warn_of_other_lake(const struct sl_common *common, const struct sl_project *project)
{
    char here[SL_LAKE_ID_BYTES];
    struct sl_err err = {0};
    if (common->is_quiet ||
        (project->state_url && sl_lake_find(project, here, &err) == SL_OK)) // a server is not asked
        return;
    sl_err_clear(&err);
    if (sl_refuse_other_lake(project, &err) != SL_OK)
        sl_tell(common, SL_LOG_WARN, "%s (%s): tables are missing here; `sluice lake` says more",
                err.message, sl_code_info(err.code)->id);
}

struct lake_options {
    struct sl_common common;
    bool adopt;
};

static const struct sl_opt rows[] = {
    {"adopt", SL_OPT_BOOL, offsetof(struct lake_options, adopt), "false",
     "From now on it is the one that is here; made, where there is none.", 0},
    SL_COMMON_ROWS,
    {0},
};

struct visit {
    const struct lake_options *options;
    struct sl_arena arena;
    struct sl_project *project;
    struct sl_state *state;
    const char *remembered; // NULL: none
    const char *number;     // here; NULL: none
    struct sl_err none;     // why
};

static void visit_clear(struct visit *visit)
{
    sl_state_close(&visit->state);
    sl_project_free(&visit->project);
    sl_arena_clear(&visit->arena);
}

static int open(struct visit *visit, struct sl_err *err)
{
    const struct sl_common *common = &visit->options->common;
    const struct sl_project_options options = {.folder = common->folder,
                                               .environment = common->environment,
                                               .overrides = common->settings,
                                               .resolve_secrets = true};
    const char *note = NULL;
    sl_arena_init(&visit->arena, 0);
    SL_TRY(sl_project_load(&options, &visit->project, err));
    sl_note_project(common, visit->project);
    const struct sl_state_place place = sl_project_state(visit->project);
    if (visit->options->adopt)
        SL_TRY(sl_state_open(&place, &visit->arena, &visit->state, &note, err));
    else
        SL_TRY(sl_state_read(&place, &visit->arena, &visit->state, &note, err));
    if (note)
        sl_tell(common, SL_LOG_WARN, "%s", note);
    return sl_state_lake(visit->state, visit->project->environment, &visit->arena,
                         &visit->remembered, err);
}

static int look(struct visit *visit, struct sl_err *err)
{
    char here[SL_LAKE_ID_BYTES];
    if (sl_lake_find(visit->project, here, &visit->none) != SL_OK)
        return SL_OK;
    visit->number = sl_arena_strdup(&visit->arena, here);
    SL_TRY_NEW(visit->number, err);
    return SL_OK;
}

static int adopt(struct visit *visit, struct sl_err *err)
{
    const struct passwd *user = getpwuid(geteuid());
    char here[SL_LAKE_ID_BYTES];
    SL_TRY(sl_lake_adopt(visit->project, visit->state, user ? user->pw_name : "unknown",
                         &visit->arena, &visit->remembered, here, err));
    visit->number = sl_arena_strdup(&visit->arena, here);
    SL_TRY_NEW(visit->number, err);
    return SL_OK;
}

static int print_json(const struct visit *visit, const char *status, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:o, s:s}", "schema", "sluice.lake/1", "lake",
                  visit->project->lake_folder, "number", sl_json_string_or_null(visit->number),
                  "remembered", sl_json_string_or_null(visit->remembered), "status", status);
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

static int print_adopted(struct visit *visit, struct sl_err *err)
{
    const char *before = visit->remembered;
    const bool is_new = !sl_str_equal(before, visit->number);
    visit->remembered = visit->number;
    if (visit->options->common.json)
        return print_json(visit, "adopted", err);
    printf("%s is the lake %s: number %s", visit->project->lake_folder,
           is_new ? "from now on" : "already", visit->number);
    if (is_new && before)
        printf(", was %s", before);
    putchar('\n');
    return SL_OK;
}

static int run_lake(const void *self, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(visit_clear) struct visit visit = {.options = self};
    struct sl_err refused = {0};
    SL_TRY(open(&visit, err));
    if (visit.options->adopt) {
        SL_TRY(adopt(&visit, err));
        return print_adopted(&visit, err);
    }
    SL_TRY(look(&visit, err));
    bool is_wrong = sl_lake_is_refused(sl_lake_look(visit.project, visit.state, NULL, &refused));
    const char *status = is_wrong                                       ? "wrong"
                         : !visit.remembered                            ? "new"
                         : sl_str_equal(visit.remembered, visit.number) ? "ok"
                                                                        : "other";
    *ret_exit = is_wrong;
    if (visit.options->common.json)
        return print_json(&visit, status, err);
    printf("lake        %s\nnumber      %s\nremembered  %s\n", visit.project->lake_folder,
           visit.number ? visit.number : "none", visit.remembered ? visit.remembered : "none");
    if (is_wrong)
        printf("\n%s\n%s\n", refused.message, refused.hint);
    else if (visit.none.code == SL_E_LAKE_UNREADABLE)
        printf("\n%s\n%s\n", visit.none.message, visit.none.hint);
    return SL_OK;
}

static const char *const examples[] = {"sluice lake", "sluice lake --adopt", NULL};

const struct sl_command sl_command_lake = {
    .name = "lake",
    .summary = "Say which lake the state store knows, and whether it is the one that is here.",
    .details =
        "A lake has a number, in its file `_lake`, and the state store remembers it. Where "
        "another lake is found, or an empty folder, as when a file\n"
        "system is not mounted, no run begins (SL0895). --adopt is for a lake that was moved "
        "without that file, or that is to begin anew:\n"
        "what it lacks is built by the next run, and targets are delivered whole.",
    .rows = rows,
    .options_bytes = sizeof(struct lake_options),
    .examples = examples,
    .run = run_lake,
};
