// Models with a last day, and who still reads them.
#include "run/versions.h"

struct teller {
    struct sl_world *world;
    struct sl_notes *ret;
    bool is_over; // the last day of the model at hand
};

static int add(struct sl_world *world, struct sl_notes *notes, struct sl_note note,
               struct sl_err *err)
{
    SL_TRY_NEW(note.text, err);
    return SL_PUSH(&world->arena, notes->items, notes->count, note) ? SL_OK : sl_fail_memory(err);
}

// Where a step reads a table.
static struct sl_place place_of(const struct sl_node *reader, const struct sl_node *read)
{
    if (reader->kind == SL_NODE_LOAD)
        return sl_yaml_place(reader->delivery->node, "table");
    if (reader->kind != SL_NODE_MODEL)
        return (struct sl_place){reader->file, 1, 1};
    const struct sl_model *model = reader->model;
    for (size_t i = 0; i < reader->query->table_count; i++) {
        const struct sl_table_ref *ref = &reader->query->tables[i];
        bool is_first = ref->line <= 1;
        if (sl_str_equal(ref->layer, "curated") && sl_str_equal(ref->name, read->bare))
            return (struct sl_place){model->file, model->sql_line + ref->line - 1,
                                     is_first ? model->sql_column + ref->column - 1 : ref->column};
    }
    return (struct sl_place){model->file, model->sql_line, model->sql_column};
}

static const struct sl_model *latest_of(const struct sl_project *project, const char *output)
{
    const struct sl_model *own = output ? sl_project_model(project, output) : NULL;
    return own ? own->stands_for : NULL;
}

static const char *way_out(struct sl_world *world, const struct sl_model *model)
{
    const struct sl_model *latest = latest_of(world->project, model->version_of);
    if (latest && latest != model)
        return sl_arena_printf(&world->arena,
                               "read curated.%s, or curated.%s, which is always the latest version",
                               latest->name, model->version_of);
    return sl_arena_printf(&world->arena, "read another table, or move the day in '%s'",
                           model->file);
}

// Who reads it by the output's own name reads it too.
static int tell_readers(struct teller *teller, const struct sl_node *node,
                        const struct sl_node *read, struct sl_buf *names, struct sl_err *err)
{
    struct sl_world *world = teller->world;
    struct sl_arena *arena = &world->arena;
    for (size_t i = 0; i < read->downstream_count; i++) {
        const struct sl_node *reader = &world->graph.nodes[read->downstream[i]];
        if (sl_reads_by_output(reader, read))
            continue;
        if (reader->kind == SL_NODE_MODEL && reader->model->stands_for == node->model) {
            SL_TRY(tell_readers(teller, node, reader, names, err));
            continue;
        }
        sl_buf_addf(names, "%s%s", names->length ? ", " : "", reader->name);
        struct sl_note note = {
            .is_warning = true,
            .table = node->name,
            .place = place_of(reader, read),
            .text = sl_arena_printf(arena, "%s reads %s, whose last day was %s", reader->name,
                                    node->name, node->model->deprecated),
            .hint = way_out(world, node->model),
        };
        SL_TRY_NEW(note.hint, err);
        if (teller->is_over)
            SL_TRY(add(world, teller->ret, note, err));
    }
    return SL_OK;
}

static int tell_model(struct teller *teller, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_model *model = node->model;
    struct sl_arena *arena = &teller->world->arena;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    SL_TRY(tell_readers(teller, node, node, &names, err));
    SL_TRY(sl_buf_check(&names, err));
    if (names.length && teller->is_over)
        return SL_OK;
    struct sl_note note = {
        .table = node->name, .place = sl_yaml_place(model->node, "deprecated"), .hint = ""};
    if (names.length)
        note.text =
            sl_arena_printf(arena, "%s is deprecated, its last day is %s: %s still to be changed",
                            node->name, model->deprecated, names.text);
    else
        note.text = sl_arena_printf(arena,
                                    "%s is deprecated, its last day %s %s: nothing in the project "
                                    "reads it, so '%s' may be removed",
                                    node->name, teller->is_over ? "was" : "is", model->deprecated,
                                    model->file);
    return add(teller->world, teller->ret, note, err);
}

int sl_world_deprecated(struct sl_world *world, int64_t now_us, struct sl_notes *ret,
                        struct sl_err *err)
{
    struct teller teller = {.world = world, .ret = ret};
    if (world->project->deprecated_level == SL_LEVEL_OFF)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_MODEL || !node->model->deprecated)
            continue;
        teller.is_over = now_us >= node->model->deprecated_until_us;
        SL_TRY(tell_model(&teller, node, err));
    }
    return SL_OK;
}
