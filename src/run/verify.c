#include "run/verify_job.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

static void job_clear(struct sl_verify_job *job)
{
    sl_map_clear(&job->pins);
    sl_map_clear(&job->contracts);
    sl_map_clear(&job->models);
    sl_map_clear(&job->outputs);
}

const char *sl_verified_name(enum sl_verdict_of_table verdict)
{
    switch (verdict) {
    case SL_VERIFIED_EQUAL:
        return "equal";
    case SL_VERIFIED_DIFFERENT:
        return "differs";
    case SL_VERIFIED_UNREPEATABLE:
        return "not reproducible";
    case SL_VERIFIED_IMPOSSIBLE:
        return "not verifiable";
    case SL_VERIFIED_FAILED:
        return "failed";
    }
    return "";
}

bool sl_verify_holds(const struct sl_verify *verify)
{
    for (size_t i = 0; i < verify->count; i++)
        if (verify->tables[i].verdict != SL_VERIFIED_EQUAL)
            return false;
    return !verify->was_interrupted;
}

// --- the other world

static int write_json(struct sl_verify_job *job, const char *file, json_t *content,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = content;
    const char *path = sl_path_join(job->arena, job->project_folder, file);
    char *text = NULL;
    SL_TRY_NEW(root, err);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_json_print(root, &text, err));
    int code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

static int make_folder(struct sl_verify_job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    static const char *const folders[] = {"project/sources", "project/models", "lake", "state"};
    int code = sl_temp_make(project->temp_folder, "verify", job->arena, &job->temp, err);
    job->verify->folder = job->temp.folder;
    SL_TRY(code);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *folder = sl_path_join(job->arena, job->verify->folder, folders[i]);
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_fs_mkdirs(folder, err));
    }
    job->project_folder = sl_path_join(job->arena, job->verify->folder, "project");
    job->lake_folder = sl_path_join(job->arena, job->verify->folder, "lake");
    job->state_folder = sl_path_join(job->arena, job->verify->folder, "state");
    SL_TRY_NEW(job->project_folder, err);
    SL_TRY_NEW(job->lake_folder, err);
    SL_TRY_NEW(job->state_folder, err);
    return SL_OK;
}

static int write_project(struct sl_verify_job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    json_t *environments = json_object();
    json_t *settings =
        json_pack("{s:s, s:{s:s}, s:o}", "name", project->name ? project->name : "verify", "checks",
                  "requirements", "off", "environments", environments);
    if (settings && project->environment)
        (void)!json_object_set_new(environments, project->environment, json_object());
    SL_TRY(write_json(job, "sluice.yml", settings, err));
    for (const struct sl_map_entry *it = sl_map_first(&job->pins); it; it = sl_map_next(it)) {
        const char *file =
            sl_arena_printf(job->arena, "sources/%s.yml", sl_map_key(it) + strlen("raw."));
        SL_TRY_NEW(file, err);
        SL_TRY(write_json(job, file, json_pack("{s:s}", "path", "raw"), err));
    }
    for (const struct sl_map_entry *it = sl_map_first(&job->models); it; it = sl_map_next(it)) {
        const char *path =
            sl_arena_printf(job->arena, "%s/models/%s.sql", job->project_folder, sl_map_key(it));
        const char *table = sl_arena_printf(job->arena, "curated.%s", sl_map_key(it));
        const char *text = sl_map_value(it);
        SL_TRY_NEW(path, err);
        SL_TRY_NEW(table, err);
        if (sl_verify_find(job, table)->verdict != SL_VERIFIED_IMPOSSIBLE)
            SL_TRY(sl_fs_write(path, text, strlen(text), err));
    }
    return SL_OK;
}

// Of views nothing is kept: those of now are taken, for outputs' names over the versions of then,
// and fingerprints tell whether they still are those of then.
static int write_views(struct sl_verify_job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];
        const char *path =
            sl_arena_printf(job->arena, "%s/models/%s.sql", job->project_folder, model->name);
        const char *text = model->stands_for ? sl_map_get(&job->outputs, model->name) : model->text;
        bool is_named = false;
        SL_TRY_NEW(path, err);
        for (const struct sl_map_entry *it = sl_map_first(&job->models); it; it = sl_map_next(it))
            is_named = is_named || strcasestr(sl_map_value(it), model->name);
        for (size_t k = 0; k < project->model_count; k++)
            is_named = is_named || (project->models[k].write == SL_WRITE_VIEW && k != i &&
                                    strcasestr(project->models[k].text, model->name));
        if (model->write == SL_WRITE_VIEW && is_named && text &&
            !sl_map_has(&job->models, model->name) && sl_verify_has_view(job, model->name))
            SL_TRY(sl_fs_write(path, text, strlen(text), err));
    }
    return SL_OK;
}

// Whatever variables say, this world has a lake of its own.
static int prepare(void *self, struct sl_project *project, struct sl_err *err)
{
    struct sl_verify_job *job = self;
    const struct sl_project *own = job->world->project;
    project->lake_folder = job->lake_folder;
    project->state_folder = job->state_folder;
    project->read_lake = NULL;
    project->pins = &job->pins;
    project->memory_bytes = own->memory_bytes;
    project->threads = own->threads;
    project->concurrency = own->concurrency;
    project->temp_folder = own->temp_folder;
    project->personal_key = own->personal_key;
    project->personal_key_id = own->personal_key_id;
    for (size_t i = 0; i < project->source_count; i++) {
        struct sl_source *source = &project->sources[i];
        struct sl_contract_table *contract = sl_map_get(&job->contracts, source->name);
        source->budget = (struct sl_budget){.max_share = 1, .max_rows = -1, .min_rows = 0};
        if (contract)
            SL_TRY(sl_project_govern(project, source, contract, err));
    }
    return SL_OK;
}

static void select_up(struct sl_graph *graph, struct sl_node *node)
{
    if (node->is_selected || node->kind == SL_NODE_INGEST || node->kind == SL_NODE_TASK)
        return;
    node->is_selected = true;
    for (size_t i = 0; i < node->upstream_count; i++)
        select_up(graph, &graph->nodes[node->upstream[i]]);
}

static void select_asked(const struct sl_verify_job *job, struct sl_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_selected = false;
    for (size_t i = 0; i < job->verify->count; i++) {
        const struct sl_verified *table = &job->verify->tables[i];
        struct sl_node *node = sl_graph_node(graph, table->table);
        if (table->is_asked && table->verdict != SL_VERIFIED_IMPOSSIBLE && node)
            select_up(graph, node);
    }
}

static int build(struct sl_verify_job *job, struct sl_world *other, struct sl_run *run,
                 struct sl_err *err)
{
    struct sl_run_options options = {
        .command = "verify", .full_refresh = true, .listener = job->options->listener};
    if (other->project->diags.error_count) {
        const struct sl_diags *diags = &other->project->diags;
        for (size_t i = 0; i < diags->count; i++)
            if (diags->items[i].severity == SL_SEVERITY_ERROR) {
                *err = diags->items[i].err;
                return sl_err_context(err, "the recorded code");
            }
    }
    SL_TRY(sl_world_gather(other, false, err));
    select_asked(job, &other->graph);
    SL_TRY(sl_plan_decide(&other->graph, true, &other->arena, err));
    return sl_run(other, &options, run, err);
}

// --- what came of it

static const struct sl_outcome *outcome_of(const struct sl_run *run, const struct sl_node *node)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].node == node)
            return &run->outcomes[i];
    return NULL;
}

static int fail_table(struct sl_verify_job *job, struct sl_verified *table,
                      const struct sl_err *why, struct sl_err *err)
{
    table->verdict = SL_VERIFIED_FAILED;
    table->why = sl_arena_strdup(job->arena, why->message);
    SL_TRY_NEW(table->why, err);
    return SL_OK;
}

// Why a model may come to another result out of the same rows; NULL: it cannot.
static const char *why_unrepeatable(const struct sl_node *node)
{
    if (!node->query)
        return NULL;
    if (node->query->is_volatile && !node->query->why_every_run)
        return node->query->why_volatile ? node->query->why_volatile
                                         : "it follows the clock or chance";
    return node->query->why_every_run;
}

static int explain(struct sl_verify_job *job, const struct sl_world *other,
                   const struct sl_node *node, struct sl_verified *table, struct sl_err *err)
{
    const char *why = why_unrepeatable(node);
    for (size_t i = 0; i < node->upstream_count && !why; i++) {
        const struct sl_node *from = &other->graph.nodes[node->upstream[i]];
        const struct sl_verified *input = sl_verify_find(job, from->name);
        if (input && input->verdict == SL_VERIFIED_UNREPEATABLE)
            why = sl_arena_printf(job->arena, "it is built from %s", input->table);
    }
    if (why)
        table->verdict = SL_VERIFIED_UNREPEATABLE;
    else if (node->model && node->model->write == SL_WRITE_SNAPSHOT)
        return sl_verify_rule_out(table, "it keeps versions of rows, and its history is not in raw",
                                  err);
    table->why = why ? sl_arena_strdup(job->arena, why) : "its rows are others";
    SL_TRY_NEW(table->why, err);
    return SL_OK;
}

// What was built is what was meant only if its code is that of then.
static int look_at_built(struct sl_verify_job *job, const struct sl_world *other,
                         const struct sl_node *node, struct sl_verified *table, struct sl_err *err)
{
    if (node->model && !sl_str_equal(node->fingerprint, table->fingerprint))
        return sl_verify_rule_out(table, "its code, or a view that it reads, is not that of then",
                                  err);
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_verified *from =
            sl_verify_find(job, other->graph.nodes[node->upstream[i]].name);
        if (from && from->verdict == SL_VERIFIED_IMPOSSIBLE)
            return sl_verify_rule_out(
                table,
                sl_arena_printf(job->arena, "it is built from %s, which is not verifiable",
                                from->table),
                err);
    }
    return SL_OK;
}

// The counts of the step that read all of raw again are those of the published tables together.
static bool balance_fits(const struct sl_verified *table, bool is_quarantine)
{
    const struct sl_balance *balance = &table->balance;
    return !table->has_balance ||
           (sl_balance_closes(balance) &&
            table->rows ==
                (is_quarantine ? balance->quarantined + balance->set_aside_rows : balance->out));
}

static int verify_table(struct sl_verify_job *job, struct sl_world *other, const struct sl_run *run,
                        struct sl_session *session, struct sl_verified *table, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&other->graph, table->table);
    const struct sl_outcome *outcome = node ? outcome_of(run, node) : NULL;
    bool is_quarantine = sl_str_starts(table->table, "quarantine.");
    struct sl_err why = {0};
    enum sl_layer layer;
    const char *name;
    if (!outcome || !sl_table_parse(table->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "%s was not built", table->table);
    SL_TRY(look_at_built(job, other, node, table, err));
    if (table->verdict == SL_VERIFIED_IMPOSSIBLE)
        return SL_OK;
    table->took_us = outcome->ended_us - outcome->started_us;
    table->balance = outcome->result.balance;
    table->has_balance = outcome->result.has_balance && node->kind == SL_NODE_CLEANSE;
    if (outcome->status == SL_STATUS_WAITING) {
        (void)sl_fail(&why, SL_E_INTERRUPTED, "it was not built: interrupted");
        return fail_table(job, table, &why, err);
    }
    if (outcome->status == SL_STATUS_ERROR || outcome->status == SL_STATUS_SKIPPED)
        return fail_table(job, table, &outcome->err, err);
    int64_t since_us = sl_clock_monotonic_us();
    struct sl_verify_pair pair = {
        .session = session,
        .arena = job->arena,
        .folder = sl_table_folder(other->project, layer, name, job->arena),
        .examples = job->options->examples,
    };
    SL_TRY_NEW(pair.folder, err);
    SL_TRY(sl_verify_pair_columns(node, layer, &pair, err));
    if (sl_verify_rows(&pair, table, &why) != SL_OK)
        return why.code == SL_E_MEMORY ? sl_fail_memory(err) : fail_table(job, table, &why, err);
    table->took_us += sl_clock_monotonic_us() - since_us;
    if (table->verdict == SL_VERIFIED_DIFFERENT)
        return explain(job, other, node, table, err);
    if (balance_fits(table, is_quarantine))
        return SL_OK;
    (void)sl_fail(&why, SL_E_BALANCE, "the balance of its step does not fit its rows");
    return fail_table(job, table, &why, err);
}

static void drop_others(struct sl_verify *verify)
{
    size_t kept = 0;
    for (size_t i = 0; i < verify->count; i++)
        if (verify->tables[i].is_asked)
            verify->tables[kept++] = verify->tables[i];
    verify->count = kept;
}

// In the order of the graph, so that what a table is built from is judged before it.
static int verify_tables(struct sl_verify_job *job, struct sl_world *other,
                         const struct sl_run *run, struct sl_session *session, struct sl_err *err)
{
    for (size_t n = 0; n < other->graph.count; n++)
        for (size_t i = 0; i < job->verify->count; i++) {
            struct sl_verified *table = &job->verify->tables[i];
            if (sl_graph_node(&other->graph, table->table) == &other->graph.nodes[n] &&
                table->is_asked && table->verdict != SL_VERIFIED_IMPOSSIBLE)
                SL_TRY(verify_table(job, other, run, session, table, err));
        }
    return SL_OK;
}

static int verify_in(struct sl_verify_job *job, struct sl_err *err)
{
    SL_AUTO(sl_world_close) struct sl_world other = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_world_options options = {
        .folder = job->project_folder, .has_no_outputs = true, .prepare = prepare, .self = job};
    SL_TRY(write_project(job, err));
    SL_TRY(write_views(job, err));
    SL_TRY(sl_world_open(&options, &other, err));
    SL_TRY(build(job, &other, &run, err));
    job->verify->was_interrupted = run.was_interrupted;
    SL_TRY(sl_world_session(&other, &session, err));
    return verify_tables(job, &other, &run, session, err);
}

int sl_world_verify(struct sl_world *world, struct sl_session **session,
                    const struct sl_verify_options *options, struct sl_verify *ret,
                    struct sl_err *err)
{
    SL_AUTO(job_clear)
    struct sl_verify_job job = {
        .world = world,
        .session = *session,
        .options = options,
        .arena = &world->arena,
        .verify = ret,
        .temp = SL_TEMP_INIT,
        .context = {
            .project = world->project, .session = *session, .arena = &world->arena, .run_id = ""}};
    struct sl_err ignored = {0};
    *ret = (struct sl_verify){0};
    SL_TRY(sl_verify_list(&job, err));
    SL_TRY(sl_verify_outputs(&job, err));
    int code = make_folder(&job, err);
    // No engine may be open while workers are forked.
    sl_session_close(session);
    sl_world_close_engine(world);
    job.session = job.context.session = NULL;
    if (code == SL_OK)
        code = verify_in(&job, err);
    (void)!sl_temp_end(&job.temp, options->keep, &ignored);
    SL_TRY(code);
    drop_others(ret);
    return SL_OK;
}
