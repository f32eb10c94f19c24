// What an output's own name means to those who read rows: of a publication what it meant then, and
// while its latest version is not there another one.
#include "cli/lake.h"
#include "run/views.h"

#include <string.h>

struct candidate {
    const char *name;             // "revenue_v1"
    const struct sl_model *model; // NULL: its file is gone
    int64_t version;
};

// 2 of "curated.revenue_v2" for the output "revenue"; 0 if it is none of its versions.
static int64_t version_of(const char *table, const char *output)
{
    static const char prefix[] = "curated.";
    size_t length = strlen(output);
    int64_t version = 0;
    if (!sl_str_starts(table, prefix))
        return 0;
    const char *name = table + strlen(prefix);
    if (strncmp(name, output, length) != 0 || strncmp(name + length, "_v", 2) != 0)
        return 0;
    return sl_str_to_int64(name + length + 2, &version) ? version : 0;
}

// A file that says `latest: false` is not to be read by the name; another model may be called so.
static bool is_eligible(const struct sl_model *model, const char *output)
{
    return !model || (sl_str_equal(model->version_of, output) && model->write != SL_WRITE_VIEW &&
                      (model->is_latest || !sl_yaml_get(model->node, "latest")));
}

// Versions with a file come before those without.
static bool is_better(const struct candidate *a, const struct candidate *than)
{
    bool has_file = a->model, had_file = than->model;
    if (!than->name || has_file != had_file)
        return !than->name || has_file;
    return a->version > than->version;
}

// Whatever the name has been made to mean since.
static const struct sl_model *latest_of(const struct sl_lake *lake, const char *output)
{
    const struct sl_project *project = lake->world.project;
    for (size_t i = 0; i < project->model_count; i++)
        if (project->models[i].is_latest && sl_str_equal(project->models[i].version_of, output))
            return &project->models[i];
    return NULL;
}

static int find_version(struct sl_lake *lake, const char *output, const struct sl_as_of *as_of,
                        struct candidate *ret, struct sl_err *err)
{
    const struct sl_model *latest = latest_of(lake, output);
    // Those above one that is said to be the latest are not it yet.
    int64_t most = latest && sl_yaml_get(latest->node, "latest") ? latest->version : INT64_MAX;
    struct sl_strs tables = {0};
    *ret = (struct candidate){0};
    SL_TRY(sl_lake_tables(lake, &tables, err));
    for (size_t i = 0; i < tables.count; i++) {
        struct candidate found = {.name = sl_bare_table(tables.items[i]),
                                  .version = version_of(tables.items[i], output)};
        bool is_there;
        found.model = sl_project_model(lake->world.project, found.name);
        if (found.version < 1 || found.version > most || !is_eligible(found.model, output) ||
            !is_better(&found, ret))
            continue;
        SL_TRY(sl_lake_has(lake, tables.items[i], as_of, &is_there, err));
        if (is_there)
            *ret = found;
    }
    return SL_OK;
}

// "which it meant in publication 1: it is curated.revenue_v2 now", or why the latest is not read.
static const char *reason(const struct sl_lake *lake, const char *latest, const char *at,
                          bool is_latest_there)
{
    struct sl_arena *arena = (struct sl_arena *)&lake->world.arena;
    long long number = (long long)lake->publication.number;
    if (is_latest_there)
        return sl_arena_printf(arena,
                               ", its latest version in publication %lld: now that is "
                               "curated.%s",
                               number, latest);
    if (at && number)
        return sl_arena_printf(
            arena, ": curated.%s, its latest version, is not in publication %lld", latest, number);
    return sl_arena_printf(arena, ": curated.%s, its latest version, %s", latest,
                           at ? "was not there then" : "is not built yet");
}

static int add_note(struct sl_lake *lake, const struct sl_model *output, const char *meant,
                    const char *because, struct sl_err *err)
{
    struct sl_arena *arena = &lake->world.arena;
    const char *table = sl_arena_printf(arena, "curated.%s", output->name);
    SL_TRY_NEW(table, err);
    SL_TRY_NEW(because, err);
    struct sl_note note = {
        .table = table,
        .place = {output->file, 1, 1},
        .text = sl_arena_printf(arena, "%s is read as curated.%s%s", table, meant, because),
        .hint = "",
    };
    SL_TRY_NEW(note.text, err);
    return SL_PUSH(arena, lake->notes.items, lake->notes.count, note) ? SL_OK : sl_fail_memory(err);
}

static bool is_view(const struct sl_lake *lake, const char *model)
{
    const struct sl_model *found = sl_project_model(lake->world.project, model);
    return found && found->write == SL_WRITE_VIEW;
}

static int is_readable(struct sl_lake *lake, const char *model, const struct sl_as_of *as_of,
                       bool *ret, struct sl_err *err)
{
    const char *table = sl_arena_printf(&lake->world.arena, "curated.%s", model);
    SL_TRY_NEW(table, err);
    *ret = is_view(lake, model);
    return *ret ? SL_OK : sl_lake_has(lake, table, as_of, ret, err);
}

// What the publication that is read says; NULL: nothing that can be read.
static int find_then(struct sl_lake *lake, const char *output, const struct sl_as_of *as_of,
                     const char **ret, struct sl_err *err)
{
    bool is_there = false;
    *ret = NULL;
    if (!as_of->at)
        return SL_OK;
    SL_TRY(sl_lake_find_publication(lake, as_of->at, err));
    const char *model = sl_publication_output(&lake->publication, output);
    if (model)
        SL_TRY(is_readable(lake, model, as_of, &is_there, err));
    const struct sl_view *view = is_there ? sl_lake_view(lake, model) : NULL;
    bool is_circular = view && sl_strs_has(&view->below, output); // its file reads the name now
    *ret = is_there && !is_circular ? model : NULL;
    return SL_OK;
}

// Where no version is there at all, the latest is what is missed.
static int settle_output(struct sl_lake *lake, const char *name, const struct sl_as_of *as_of,
                         struct sl_err *err)
{
    const struct sl_model *output = sl_project_model(lake->world.project, name);
    const struct sl_model *latest = latest_of(lake, name);
    struct candidate found = {0};
    bool is_there;
    if (!output || !output->stands_for || !latest)
        return SL_OK;
    SL_TRY(find_then(lake, name, as_of, &found.name, err));
    SL_TRY(is_readable(lake, latest->name, as_of, &is_there, err));
    if (!found.name && !is_there)
        SL_TRY(find_version(lake, name, as_of, &found, err));
    const char *meant = found.name ? found.name : latest->name;
    if (!sl_str_equal(meant, latest->name))
        SL_TRY(add_note(lake, output, meant, reason(lake, latest->name, as_of->at, is_there), err));
    // It may mean another one as of what was asked for before.
    return sl_str_equal(meant, output->stands_for->name)
               ? SL_OK
               : sl_views_turn(&lake->world, name, meant, err);
}

int sl_lake_settle(struct sl_lake *lake, const struct sl_strs *tables, const struct sl_as_of *as_of,
                   struct sl_err *err)
{
    for (size_t i = 0; i < tables->count; i++) {
        const struct sl_view *view = sl_str_starts(tables->items[i], "curated.")
                                         ? sl_lake_view(lake, tables->items[i])
                                         : NULL;
        for (size_t k = 0; view && k < view->below.count; k++)
            SL_TRY(settle_output(lake, view->below.items[k], as_of, err));
        if (view)
            SL_TRY(settle_output(lake, view->name, as_of, err));
    }
    return SL_OK;
}

int sl_lake_add_notes(const struct sl_lake *lake, json_t *object, struct sl_err *err)
{
    if (!lake->notes.count)
        return SL_OK;
    json_t *notes = sl_notes_json(&lake->notes);
    return notes && json_object_set_new(object, "notes", notes) == 0 ? SL_OK : sl_fail_memory(err);
}
