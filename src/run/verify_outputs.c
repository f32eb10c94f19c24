// What outputs' own names meant to the readers that are verified, and which tables can only be read
// by a name that means nothing any more.
#include "run/verify_job.h"

#include <string.h>

// "curated.revenue_v2" of the output "revenue": 2; 0 if it is none of its versions.
static int64_t version_of(const char *table, const char *output)
{
    size_t length = strlen(output);
    int64_t version = 0;
    const char *name = sl_str_starts(table, "curated.") ? table + strlen("curated.") : "";
    if (strncmp(name, output, length) != 0 || strncmp(name + length, "_v", 2) != 0)
        return 0;
    return sl_str_to_int64(name + length + 2, &version) ? version : 0;
}

// The tables that a recorded model names itself; none if its text cannot be read.
static int read_tables(struct sl_verify_job *job, const char *text, struct sl_strs *ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_query query = {0};
    struct sl_err unread = {0};
    const char *ast;
    *ret = (struct sl_strs){0};
    int code = job->session->kind->parse(job->session, &text, 1, job->arena, &ast, &unread);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return SL_OK;
    SL_TRY(sl_query_read(ast, text, "", 1, 1, job->arena, &diags, &query, err));
    for (size_t i = 0; i < query.table_count; i++) {
        const struct sl_table_ref *ref = &query.tables[i];
        const char *table =
            ref->layer ? sl_arena_printf(job->arena, "%s.%s", ref->layer, ref->name) : ref->name;
        SL_TRY_NEW(table, err);
        SL_TRY(sl_strs_add(ret, job->arena, table, err));
    }
    return SL_OK;
}

static const struct sl_view *view_of(const struct sl_verify_job *job, const char *table)
{
    return sl_str_starts(table, "curated.")
               ? sl_view_find(&job->world->views, "curated", table + strlen("curated."))
               : NULL;
}

// By its name, or through views.
static bool reads_output(const struct sl_verify_job *job, const struct sl_strs *tables,
                         const char *output)
{
    for (size_t i = 0; i < tables->count; i++) {
        const struct sl_view *view = view_of(job, tables->items[i]);
        if (view && (sl_str_equal(view->name, output) || sl_strs_has(&view->below, output)))
            return true;
    }
    return false;
}

static const char *text_of(const struct sl_verify_job *job, const struct sl_verified *table)
{
    return table->verdict != SL_VERIFIED_IMPOSSIBLE && sl_str_starts(table->table, "curated.")
               ? sl_map_get(&job->models, table->table + strlen("curated."))
               : NULL;
}

// One that its readers name themselves too counts only where there is no other; of several of these
// the one that the publication says.
static int64_t version_then(const struct sl_verify_job *job, const struct sl_strs *tables,
                            const char *output)
{
    int64_t pinned = 0, named = 0;
    const char *model = sl_publication_output(job->options->publication, output);
    const char *recorded = model ? sl_arena_printf(job->arena, "curated.%s", model) : NULL;
    bool is_recorded_read = false;
    for (size_t i = 0; i < job->verify->count; i++) {
        const struct sl_verified *reader = &job->verify->tables[i];
        if (!reads_output(job, &tables[i], output))
            continue;
        for (size_t k = 0; k < reader->published->input_count; k++) {
            const char *input = reader->published->inputs[k].table;
            int64_t *best = sl_strs_has(&tables[i], input) ? &pinned : &named;
            int64_t version = version_of(input, output);
            *best = version > *best ? version : *best;
            is_recorded_read |= sl_str_equal(input, recorded);
        }
    }
    if (recorded && !named && (is_recorded_read || !pinned))
        return version_of(recorded, output);
    return named ? named : pinned;
}

// NULL: it cannot be built again.
static int text_then(struct sl_verify_job *job, const struct sl_strs *tables,
                     const struct sl_model *output, const char **ret, struct sl_err *err)
{
    const char *name = output->stands_for->name;
    int64_t version = version_then(job, tables, output->name);
    *ret = NULL;
    if (version)
        name = sl_arena_printf(job->arena, "%s_v%lld", output->name, (long long)version);
    SL_TRY_NEW(name, err);
    const char *full = sl_arena_printf(job->arena, "curated.%s", name);
    SL_TRY_NEW(full, err);
    const struct sl_verified *table = sl_verify_find(job, full);
    bool is_there = table ? table->verdict != SL_VERIFIED_IMPOSSIBLE : view_of(job, full) != NULL;
    if (!is_there)
        return SL_OK;
    *ret = sl_arena_printf(job->arena, "/* sluice\nwrite: view\n*/\nselect * from %s\n", full);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// Its readers would name what is not there, and fail all the others with them.
static int rule_out_readers(struct sl_verify_job *job, const struct sl_strs *tables,
                            const char *output, struct sl_err *err)
{
    for (size_t i = 0; i < job->verify->count; i++) {
        struct sl_verified *table = &job->verify->tables[i];
        if (text_of(job, table) && reads_output(job, &tables[i], output))
            SL_TRY(sl_verify_rule_out(
                table,
                sl_arena_printf(job->arena,
                                "it reads curated.%s, and the version that it meant then cannot "
                                "be built again",
                                output),
                err));
    }
    return SL_OK;
}

static bool is_built(const struct sl_verify_job *job, const char *table)
{
    const struct sl_verified *found = sl_verify_find(job, table);
    return found ? found->verdict != SL_VERIFIED_IMPOSSIBLE : sl_map_has(&job->pins, table);
}

// Of an output's name the version of then counts, whatever it means now.
static bool is_settled(const struct sl_verify_job *job, const struct sl_view *view,
                       const char *base)
{
    for (size_t i = 0; i <= view->below.count; i++) {
        const char *name = i < view->below.count ? view->below.items[i] : view->name;
        const struct sl_model *output = sl_project_model(job->world->project, name);
        if (output && output->stands_for && sl_map_has(&job->outputs, name) &&
            sl_str_equal(output->stands_for->name, base + strlen("curated.")))
            return true;
    }
    return false;
}

bool sl_verify_has_view(const struct sl_verify_job *job, const char *name)
{
    const struct sl_view *view = sl_view_find(&job->world->views, "curated", name);
    for (size_t i = 0; view && i < view->bases.count; i++) {
        const char *base = view->bases.items[i];
        if (!is_built(job, base) &&
            !(sl_str_starts(base, "curated.") && is_settled(job, view, base)))
            return false;
    }
    for (size_t i = 0; view && i < view->below.count; i++) {
        const struct sl_model *below = sl_project_model(job->world->project, view->below.items[i]);
        if (below && below->stands_for && !sl_map_has(&job->outputs, below->name))
            return false;
    }
    return view != NULL;
}

// A view has no versions: what read one that is gone cannot be built again.
static int rule_out_lost(struct sl_verify_job *job, const struct sl_strs *tables,
                         struct sl_err *err)
{
    for (size_t i = 0; i < job->verify->count; i++) {
        struct sl_verified *table = &job->verify->tables[i];
        for (size_t k = 0; k < tables[i].count && text_of(job, table); k++) {
            const char *read = tables[i].items[k];
            const struct sl_view *view = view_of(job, read);
            if (view ? sl_verify_has_view(job, view->name)
                     : sl_verify_find(job, read) || sl_map_has(&job->pins, read))
                continue;
            const char *why =
                view ? "is over tables that are not built again now" : "is no view any more";
            SL_TRY(sl_verify_rule_out(
                table, sl_arena_printf(job->arena, "it reads %s, which %s", read, why), err));
        }
    }
    return SL_OK;
}

static size_t count_built(const struct sl_verify_job *job)
{
    size_t count = 0;
    for (size_t i = 0; i < job->verify->count; i++)
        count += job->verify->tables[i].verdict != SL_VERIFIED_IMPOSSIBLE;
    return count;
}

int sl_verify_outputs(struct sl_verify_job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    struct sl_strs *tables = SL_NEW_ARRAY(job->arena, struct sl_strs, job->verify->count);
    SL_TRY_NEW(tables, err);
    for (size_t i = 0; i < job->verify->count; i++) {
        const char *text = text_of(job, &job->verify->tables[i]);
        if (text)
            SL_TRY(read_tables(job, text, &tables[i], err));
    }
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];
        const char *text;
        if (!model->stands_for)
            continue;
        SL_TRY(text_then(job, tables, model, &text, err));
        if (text)
            SL_TRY(sl_map_set(&job->outputs, model->name, (void *)text, err));
        else
            SL_TRY(rule_out_readers(job, tables, model->name, err));
    }
    // What is ruled out takes views along, and these their readers.
    for (size_t before = SIZE_MAX; before != count_built(job);) {
        before = count_built(job);
        SL_TRY(rule_out_lost(job, tables, err));
        SL_TRY(sl_verify_look_at_inputs(job, err));
    }
    return SL_OK;
}
