#include "run/versions.h"

#include <inttypes.h>

#include "step/promise.h"

static bool is_version(const struct sl_node *node)
{
    return node->kind == SL_NODE_MODEL && node->model->version_of && !sl_node_is_view(node);
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

int sl_world_check_promises(struct sl_world *world, const struct sl_map *catalog,
                            const struct sl_strs *may_break, bool only_planned,
                            struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        const struct sl_relation *now = sl_map_get(catalog, node->name);
        bool is_left_out =
            only_planned && (!node->is_selected || node->verdict == SL_VERDICT_FRESH);
        struct sl_strs broken;
        if (!is_version(node) || !now || is_left_out || sl_step_may_break(may_break, node->model))
            continue;
        if (!session)
            SL_TRY(sl_world_session(world, &session, err));
        struct sl_step_context context = {
            .project = world->project, .session = session, .arena = &world->arena, .run_id = ""};
        SL_TRY(sl_step_promise(&context, node->model, now->columns, now->count, &broken, err));
        if (broken.count)
            SL_TRY(tell_broken(world, node, &broken, diags, err));
    }
    return SL_OK;
}

static int require_versions(const struct sl_world *world, const struct sl_strs *names,
                            struct sl_err *err)
{
    for (size_t i = 0; names && i < names->count; i++) {
        const struct sl_strs name = {.items = &names->items[i], .count = 1};
        bool is_found = false;
        for (size_t k = 0; k < world->graph.count && !is_found; k++)
            is_found = is_version(&world->graph.nodes[k]) &&
                       sl_step_may_break(&name, world->graph.nodes[k].model);
        if (is_found)
            continue;
        (void)sl_fail(err, SL_E_USAGE, "--allow-breaking names '%s', which is no version",
                      names->items[i]);
        return sl_err_hint(err, "a model with 'version_of', such as revenue_v2");
    }
    return SL_OK;
}

static bool is_needed(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (is_version(node) && node->is_selected && node->verdict != SL_VERDICT_FRESH &&
            node->facts.version >= 0)
            return true;
    }
    return false;
}

int sl_world_refuse_broken(struct sl_world *world, const struct sl_strs *may_break,
                           struct sl_diags *ret_diags, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    SL_TRY(require_versions(world, may_break, err));
    if (!is_needed(world))
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
