#include "run/versions.h"

#include <inttypes.h>

#include "run/publications.h"
#include "step/promise.h"

static bool is_version(const struct sl_node *node)
{
    return node->kind == SL_NODE_MODEL && node->model->version_of;
}

static bool stands_for(const struct sl_node *node, const struct sl_node *version)
{
    return node->kind == SL_NODE_MODEL && node->model->stands_for == version->model;
}

bool sl_reads_by_output(const struct sl_node *reader, const struct sl_node *version)
{
    return reader->kind == SL_NODE_LOAD && reader->delivery->asked && !sl_node_is_view(version);
}

// "curated.daily, target.out.revenue": also those that read it by the output's own name.
static void add_readers(const struct sl_graph *graph, const struct sl_node *node,
                        struct sl_buf *text)
{
    for (size_t i = 0; i < node->downstream_count; i++) {
        const struct sl_node *reader = &graph->nodes[node->downstream[i]];
        if (sl_reads_by_output(reader, node))
            continue;
        if (stands_for(reader, node))
            add_readers(graph, reader, text);
        else
            sl_buf_addf(text, "%s%s", text->length ? ", " : "", reader->name);
    }
}

static int64_t next_version(const struct sl_project *project, const char *output)
{
    int64_t last = 0;
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];
        if (sl_str_equal(model->version_of, output) && model->version > last)
            last = model->version;
    }
    return last + 1;
}

static int tell_broken(struct sl_world *world, const struct sl_node *node,
                       const struct sl_strs *broken, struct sl_diags *diags, struct sl_err *err)
{
    const struct sl_model *model = node->model;
    SL_AUTO(sl_buf_clear) struct sl_buf readers = SL_BUF_INIT;
    add_readers(&world->graph, node, &readers);
    SL_TRY(sl_buf_check(&readers, err));
    int64_t next = next_version(world->project, model->version_of);
    const char *hint =
        sl_arena_printf(&world->arena,
                        "make it version %" PRId64 ": %s_v%" PRId64
                        ".sql with 'version_of: %s' and 'version: %" PRId64
                        "'; if its readers are ready, `sluice run --allow-breaking %s`",
                        next, model->version_of, next, model->version_of, next, model->name);
    SL_TRY_NEW(hint, err);
    for (size_t i = 0; i < broken->count; i++)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VERSION_BROKEN,
                (struct sl_place){model->file, model->sql_line, model->sql_column}, hint,
                "%s would break what it promises: %s; %s%s", node->name, broken->items[i],
                readers.length ? "read by " : "nothing in the project reads it",
                readers.length ? readers.text : "");
    return SL_OK;
}

// Of a version that is a view now: whether its table is this environment's own and published still.
static int look_published(struct sl_world *world, const struct sl_node *node, bool *ret_is_borrowed,
                          bool *ret, struct sl_err *err)
{
    struct sl_publication last;
    *ret = false;
    SL_TRY_NEW(sl_table_source(world->project, SL_LAYER_CURATED, node->bare, &world->arena,
                               ret_is_borrowed),
               err);
    if (*ret_is_borrowed)
        return SL_OK;
    SL_TRY(sl_publication_last(world->project, &world->arena, &last, err));
    *ret = sl_publication_find(&last, node->name) != NULL;
    return SL_OK;
}

// A version that is a view now keeps the promise of its table until a publication is made without
// it, which any run does, whatever it was asked to build.
static int look_left_out(struct sl_world *world, const struct sl_node *node, bool only_planned,
                         bool *ret, struct sl_err *err)
{
    bool is_borrowed, is_published;
    *ret = true;
    if (!is_version(node))
        return SL_OK;
    *ret = only_planned && (!node->is_selected || node->verdict == SL_VERDICT_FRESH);
    if (!sl_node_is_view(node))
        return SL_OK;
    SL_TRY(look_published(world, node, &is_borrowed, &is_published, err));
    *ret = !is_published && !is_borrowed;
    return SL_OK;
}

// `now`: NULL where its columns are not known.
static int find_broken(struct sl_world *world, const struct sl_node *node,
                       const struct sl_relation *now, struct sl_session *session,
                       struct sl_strs *ret, struct sl_err *err)
{
    bool is_borrowed, is_published;
    struct sl_step_context context = {
        .project = world->project, .session = session, .arena = &world->arena, .run_id = ""};
    *ret = (struct sl_strs){0};
    if (now)
        SL_TRY(sl_step_promise(&context, node->model, now->columns, now->count, ret, err));
    if (!sl_node_is_view(node))
        return SL_OK;
    SL_TRY(look_published(world, node, &is_borrowed, &is_published, err));
    if (is_published)
        SL_TRY(sl_strs_add(ret, &world->arena,
                           "it is a view now: other programs that read the lake lose its table",
                           err));
    return SL_OK;
}

int sl_world_check_promises(struct sl_world *world, const struct sl_map *catalog,
                            const struct sl_strs *may_break, bool only_planned,
                            struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        const struct sl_relation *now = sl_map_get(catalog, node->name);
        bool is_left_out;
        struct sl_strs broken;
        SL_TRY(look_left_out(world, node, only_planned, &is_left_out, err));
        if (is_left_out || sl_step_may_break(may_break, node->model))
            continue;
        if (!session)
            SL_TRY(sl_world_session(world, &session, err));
        SL_TRY(find_broken(world, node, now, session, &broken, err));
        if (broken.count)
            SL_TRY(tell_broken(world, node, &broken, diags, err));
    }
    return SL_OK;
}

int sl_world_require_versions(const struct sl_world *world, const struct sl_strs *names,
                              struct sl_err *err)
{
    const struct sl_project *project = world->project;
    for (size_t i = 0; names && i < names->count; i++) {
        const struct sl_strs name = {.items = &names->items[i], .count = 1};
        bool is_found = false;
        for (size_t k = 0; k < project->model_count && !is_found; k++)
            is_found =
                project->models[k].version_of && sl_step_may_break(&name, &project->models[k]);
        if (is_found)
            continue;
        (void)sl_fail(err, SL_E_USAGE, "allow-breaking names '%s', which is no version",
                      names->items[i]);
        return sl_err_hint(err, "a model with 'version_of', such as revenue_v2");
    }
    return SL_OK;
}

static int look_needed(struct sl_world *world, bool *ret, struct sl_err *err)
{
    *ret = false;
    for (size_t i = 0; i < world->graph.count && !*ret; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        bool is_left_out;
        SL_TRY(look_left_out(world, node, true, &is_left_out, err));
        *ret = !is_left_out && (sl_node_is_view(node) || node->facts.version >= 0);
    }
    return SL_OK;
}

int sl_world_refuse_broken(struct sl_world *world, const struct sl_strs *may_break,
                           struct sl_diags *ret_diags, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    bool is_needed;
    SL_TRY(sl_world_require_versions(world, may_break, err));
    SL_TRY(look_needed(world, &is_needed, err));
    if (!is_needed)
        return SL_OK;
    // What else the binding finds is told by the steps, or by `check`.
    struct sl_diags before = world->project->diags;
    world->project->diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = sl_world_bind(world, &catalog, err);
    sl_diags_clear(&world->project->diags);
    world->project->diags = before;
    SL_TRY(code);
    SL_TRY(sl_world_check_promises(world, &catalog, may_break, true, ret_diags, err));
    if (!ret_diags->error_count)
        return SL_OK;
    *err = ret_diags->items[0].err;
    return SL_E_VERSION_BROKEN;
}

int sl_world_list_broken(struct sl_world *world, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_diags before = world->project->diags;
    world->project->diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = sl_world_bind(world, &catalog, err);
    sl_diags_clear(&world->project->diags);
    world->project->diags = before;
    SL_TRY(code);
    SL_TRY(sl_world_session(world, &session, err));
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        const struct sl_relation *now = sl_map_get(&catalog, node->name);
        bool is_left_out;
        struct sl_strs broken;
        SL_TRY(look_left_out(world, node, false, &is_left_out, err));
        if (is_left_out)
            continue;
        SL_TRY(find_broken(world, node, now, session, &broken, err));
        if (broken.count)
            SL_TRY(sl_strs_add(ret, &world->arena, node->bare, err));
    }
    return SL_OK;
}

json_t *sl_notes_json(const struct sl_notes *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < notes->count; i++) {
        const struct sl_note *note = &notes->items[i];
        json_t *item = json_pack("{s:s, s:s, s:o, s:s, s:s?, s:i}", "severity",
                                 note->is_warning ? "warning" : "note", "table", note->table,
                                 "message", sl_json_string(note->text), "hint", note->hint, "file",
                                 note->place.file, "line", note->place.line);
        if (json_array_append_new(list, item) != 0) {
            sl_json_free(&list);
            return NULL;
        }
    }
    return list;
}
