#include "run/verify.h"

#include "base/clock.h"
#include "base/fs.h"
#include "contract/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct job {
    struct sl_world *world; // the project's
    struct sl_session *session;
    struct sl_step_context context; // of the project's lake
    const struct sl_verify_options *options;
    struct sl_arena *arena;
    struct sl_verify *verify;
    const char *project_folder, *lake_folder, *state_folder; // of the other world
    struct sl_map pins;
    struct sl_map contracts; // source -> struct sl_contract_table
    struct sl_map models;    // name -> text
};

static void job_clear(struct job *job)
{
    sl_map_clear(&job->pins);
    sl_map_clear(&job->contracts);
    sl_map_clear(&job->models);
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

// --- what each table was made with

static struct sl_verified *find(const struct job *job, const char *table)
{
    for (size_t i = 0; i < job->verify->count; i++)
        if (sl_str_equal(job->verify->tables[i].table, table))
            return &job->verify->tables[i];
    return NULL;
}

static int rule_out(struct job *job, struct sl_verified *table, const char *why, struct sl_err *err)
{
    (void)job;
    SL_TRY_NEW(why, err);
    table->verdict = SL_VERIFIED_IMPOSSIBLE;
    table->why = why;
    return SL_OK;
}

// Nothing else can take the place of a contract: a state that is not whole is none.
static int restore_contract(struct job *job, struct sl_verified *table, const char *name,
                            const char *fingerprint, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&job->world->graph, table->table);
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    struct sl_contract_table *contract = NULL;
    if (node && node->contract && sl_str_equal(node->fingerprint, fingerprint)) {
        contract = SL_NEW(job->arena, struct sl_contract_table);
        SL_TRY_NEW(contract, err);
        *contract = *node->contract;
    } else {
        const char *digest = sl_arena_strdup(job->arena, fingerprint);
        SL_TRY_NEW(digest, err);
        SL_TRY(sl_step_find_code(&job->context, fingerprint, &kept, err));
        const char *compiler = sl_json_text(kept, "compiler", SL_CONTRACT_COMPILER_VERSION);
        if (!sl_str_equal(compiler, SL_CONTRACT_COMPILER_VERSION))
            return rule_out(job, table, "another version of Sluice reads its contract otherwise",
                            err);
        if (kept)
            SL_TRY(sl_contract_restore(json_object_get(kept, "contract"), digest, job->arena,
                                       &contract, err));
    }
    if (!contract)
        return rule_out(job, table,
                        sl_arena_printf(job->arena, "its contract (%.8s) is not kept any more",
                                        fingerprint),
                        err);
    contract->has_budget = false; // how much is rejected at once was judged when it was published
    return sl_map_set(&job->contracts, name, contract, err);
}

static int restore_model(struct job *job, struct sl_verified *table, const char *name,
                         const char *fingerprint, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    SL_TRY(sl_step_find_code(&job->context, fingerprint, &kept, err));
    const char *text = kept ? sl_json_text(kept, "text", NULL) : NULL;
    if (!text)
        return rule_out(
            job, table,
            sl_arena_printf(job->arena, "its code (%.8s) is not kept any more", fingerprint), err);
    char *own = sl_arena_strdup(job->arena, text);
    SL_TRY_NEW(own, err);
    return sl_map_set(&job->models, name, own, err);
}

// Raw is where all begins: each version of it that counts must be there with all of its files.
static int pin_raw(struct job *job, const char *table, int64_t version, const char **ret_why,
                   struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    struct sl_err gone = {0};
    enum sl_layer layer;
    const char *name;
    bool is_borrowed;
    *ret_why = NULL;
    if (sl_map_has(&job->pins, table))
        return SL_OK;
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table);
    struct sl_pin *pin = SL_NEW(job->arena, struct sl_pin);
    SL_TRY_NEW(pin, err);
    pin->folder = sl_table_source(job->world->project, layer, name, job->arena, &is_borrowed);
    pin->version = version;
    SL_TRY_NEW(pin->folder, err);
    int code =
        sl_delta_load(pin->folder, version, job->session, job->arena, &snapshot, &gone);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK || snapshot.version < 0) {
        *ret_why = sl_arena_printf(job->arena, "%s cannot be read at version %lld: %s", table,
                                   (long long)version, code ? gone.message : "it is gone");
        SL_TRY_NEW(*ret_why, err);
        return SL_OK;
    }
    for (size_t i = 0; i < snapshot.file_count && !*ret_why; i++) {
        const char *path = sl_path_join(job->arena, pin->folder, snapshot.files[i].path);
        SL_TRY_NEW(path, err);
        if (sl_fs_exists(path))
            continue;
        *ret_why = sl_arena_printf(job->arena, "%s has lost its file '%s'", table,
                                   snapshot.files[i].path);
        SL_TRY_NEW(*ret_why, err);
    }
    return *ret_why ? SL_OK : sl_map_set(&job->pins, table, pin, err);
}

static int look_at_input(struct job *job, struct sl_verified *table, const struct sl_input *input,
                         struct sl_err *err)
{
    const struct sl_published *published =
        sl_publication_find(job->options->publication, input->table);
    const struct sl_verified *from = find(job, input->table);
    const char *why = NULL;
    if (sl_str_starts(input->table, "raw.")) {
        SL_TRY(pin_raw(job, input->table, published ? published->version : input->version, &why,
                       err));
    } else if (!from) {
        why = sl_arena_printf(job->arena, "it is built from %s of another environment",
                              input->table);
        SL_TRY_NEW(why, err);
    } else if (from->verdict == SL_VERIFIED_IMPOSSIBLE) {
        why = sl_arena_printf(job->arena, "it is built from %s, which is not verifiable",
                              input->table);
        SL_TRY_NEW(why, err);
    }
    return why ? rule_out(job, table, why, err) : SL_OK;
}

static int look_at_code(struct job *job, struct sl_verified *table, struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record = {0};
    enum sl_layer layer;
    const char *name;
    struct sl_err gone = {0};
    if (!sl_table_parse(table->table, &layer, &name) || strchr(name, '/'))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table->table);
    table->folder = sl_table_folder(job->world->project, layer, name, job->arena);
    SL_TRY_NEW(table->folder, err);
    if (layer == SL_LAYER_QUARANTINE) // its clean table says
        return SL_OK;
    if (sl_delta_head_at(table->folder, table->version, job->arena, &head, &gone) != SL_OK)
        return rule_out(job, table, sl_arena_strdup(job->arena, gone.message), err);
    if (head.record_json)
        SL_TRY(sl_record_parse(head.record_json, job->arena, &record, err));
    if (!record.fingerprint)
        return rule_out(job, table, "its log no longer says what it was built from", err);
    table->fingerprint = record.fingerprint;
    return layer == SL_LAYER_CLEAN ? restore_contract(job, table, name, record.fingerprint, err)
                                   : restore_model(job, table, name, record.fingerprint, err);
}

// What cannot be built again takes all that is built from it along.
static int look_at_inputs(struct job *job, struct sl_err *err)
{
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (size_t i = 0; i < job->verify->count; i++) {
            struct sl_verified *table = &job->verify->tables[i];
            for (size_t k = 0; k < table->published->input_count &&
                               table->verdict != SL_VERIFIED_IMPOSSIBLE;
                 k++) {
                SL_TRY(look_at_input(job, table, &table->published->inputs[k], err));
                has_changed |= table->verdict == SL_VERIFIED_IMPOSSIBLE;
            }
        }
    }
    return SL_OK;
}

static bool is_asked(const struct job *job, const char *table)
{
    const struct sl_node *node = sl_graph_node(&job->world->graph, table);
    if (!job->options->select.count && !job->options->exclude.count)
        return true;
    return node ? node->is_selected : !job->options->select.count;
}

static int list_tables(struct job *job, struct sl_err *err)
{
    const struct sl_publication *publication = job->options->publication;
    struct sl_verify *verify = job->verify;
    verify->tables = SL_NEW_ARRAY(job->arena, struct sl_verified, publication->table_count);
    SL_TRY_NEW(verify->tables, err);
    if (job->options->select.count || job->options->exclude.count)
        SL_TRY(sl_graph_select(&job->world->graph, &job->options->select, &job->options->exclude,
                               job->arena, err));
    for (size_t i = 0; i < publication->table_count; i++) {
        const struct sl_published *published = &publication->tables[i];
        verify->raw_count += sl_str_starts(published->table, "raw.");
        if (sl_str_starts(published->table, "raw."))
            continue;
        verify->tables[verify->count++] =
            (struct sl_verified){.table = published->table,
                                 .version = published->version,
                                 .rows = -1,
                                 .rebuilt = -1,
                                 .published = published,
                                 .is_asked = is_asked(job, published->table)};
    }
    for (size_t i = 0; i < verify->count; i++)
        SL_TRY(look_at_code(job, &verify->tables[i], err));
    for (size_t i = 0; i < verify->count; i++) {
        struct sl_verified *table = &verify->tables[i];
        enum sl_layer layer;
        const char *name;
        if (!sl_table_parse(table->table, &layer, &name) || layer != SL_LAYER_QUARANTINE)
            continue;
        const char *clean = sl_arena_printf(job->arena, "clean.%s", name);
        SL_TRY_NEW(clean, err);
        const struct sl_verified *from = find(job, clean);
        if (!from || from->verdict == SL_VERIFIED_IMPOSSIBLE)
            SL_TRY(rule_out(job, table, from ? from->why : "its clean table was not published", err));
    }
    return look_at_inputs(job, err);
}

// --- the other world

static int write_json(struct job *job, const char *file, json_t *content, struct sl_err *err)
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

static int make_folder(struct job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    const char *base = project->temp_folder ? project->temp_folder : getenv("TMPDIR");
    static const char *const folders[] = {"project/sources", "project/models", "lake", "state"};
    char uuid[37];
    bool is_new;
    base = base && *base ? base : "/tmp";
    job->verify->folder = sl_arena_printf(job->arena, "%s/sluice-verify-%s", base, sl_uuid(uuid));
    SL_TRY_NEW(job->verify->folder, err);
    SL_TRY(sl_fs_mkdirs(base, err));
    SL_TRY(sl_fs_mkdir(job->verify->folder, &is_new, err));
    if (chmod(job->verify->folder, 0700) != 0) // rows are not for everyone who can see the folder
        return sl_fail_errno(err, errno, "'%s'", job->verify->folder);
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

static int write_project(struct job *job, struct sl_err *err)
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
        const char *path = sl_arena_printf(job->arena, "%s/models/%s.sql", job->project_folder,
                                           sl_map_key(it));
        const char *table = sl_arena_printf(job->arena, "curated.%s", sl_map_key(it));
        const char *text = sl_map_value(it);
        SL_TRY_NEW(path, err);
        SL_TRY_NEW(table, err);
        if (find(job, table)->verdict != SL_VERIFIED_IMPOSSIBLE)
            SL_TRY(sl_fs_write(path, text, strlen(text), err));
    }
    return SL_OK;
}

// Of views nothing is kept: those of now are taken, and fingerprints tell whether they still are
// those of then.
static int write_views(struct job *job, struct sl_err *err)
{
    const struct sl_project *project = job->world->project;
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];
        const char *path =
            sl_arena_printf(job->arena, "%s/models/%s.sql", job->project_folder, model->name);
        bool is_named = false;
        SL_TRY_NEW(path, err);
        for (const struct sl_map_entry *it = sl_map_first(&job->models); it; it = sl_map_next(it))
            is_named = is_named || strstr(sl_map_value(it), model->name);
        for (size_t k = 0; k < project->model_count; k++)
            is_named = is_named || (project->models[k].write == SL_WRITE_VIEW && k != i &&
                                    strstr(project->models[k].text, model->name));
        if (model->write == SL_WRITE_VIEW && is_named && !sl_map_has(&job->models, model->name))
            SL_TRY(sl_fs_write(path, model->text, strlen(model->text), err));
    }
    return SL_OK;
}

// Whatever variables say, this world has a lake of its own.
static int prepare(void *self, struct sl_project *project, struct sl_err *err)
{
    struct job *job = self;
    const struct sl_project *own = job->world->project;
    project->lake_folder = job->lake_folder;
    project->state_folder = job->state_folder;
    project->read_lake = NULL;
    project->pins = &job->pins;
    project->memory_bytes = own->memory_bytes;
    project->threads = own->threads;
    project->concurrency = own->concurrency;
    project->temp_folder = own->temp_folder;
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
    if (node->is_selected || node->kind == SL_NODE_INGEST)
        return;
    node->is_selected = true;
    for (size_t i = 0; i < node->upstream_count; i++)
        select_up(graph, &graph->nodes[node->upstream[i]]);
}

static void select_asked(const struct job *job, struct sl_graph *graph)
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

static int build(struct job *job, struct sl_world *other, struct sl_run *run, struct sl_err *err)
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

static int key_of(const struct sl_node *node, bool is_quarantine, struct sl_arena *arena,
                  struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_contract_table *contract = node->contract;
    if (node->model) {
        *ret = node->model->key.count ? node->model->key : node->model->requirements.grain;
        return SL_OK;
    }
    if (is_quarantine) {
        SL_TRY(sl_strs_add(ret, arena, "_source", err));
        return sl_strs_add(ret, arena, "_position", err);
    }
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (contract->columns[i].key_position > 0)
            SL_TRY(sl_strs_add(ret, arena, contract->columns[i].name, err));
    return SL_OK;
}

static int fail_table(struct job *job, struct sl_verified *table, const struct sl_err *why,
                      struct sl_err *err)
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
    return node->query->why_every_run ? node->query->why_every_run : node->query->why_volatile;
}

static int explain(struct job *job, const struct sl_world *other, const struct sl_node *node,
                   struct sl_verified *table, struct sl_err *err)
{
    const char *why = why_unrepeatable(node);
    for (size_t i = 0; i < node->upstream_count && !why; i++) {
        const struct sl_node *from = &other->graph.nodes[node->upstream[i]];
        const struct sl_verified *input = find(job, from->name);
        if (input && input->verdict == SL_VERIFIED_UNREPEATABLE)
            why = sl_arena_printf(job->arena, "it is built from %s", input->table);
    }
    if (why)
        table->verdict = SL_VERIFIED_UNREPEATABLE;
    else if (node->model && node->model->write == SL_WRITE_SNAPSHOT)
        return rule_out(job, table, "it keeps versions of rows, and its history is not in raw", err);
    table->why = why ? sl_arena_strdup(job->arena, why) : "its rows are others";
    SL_TRY_NEW(table->why, err);
    return SL_OK;
}

// What was built is what was meant only if its code is that of then.
static int look_at_built(struct job *job, const struct sl_world *other, const struct sl_node *node,
                         struct sl_verified *table, struct sl_err *err)
{
    if (node->model && !sl_str_equal(node->fingerprint, table->fingerprint))
        return rule_out(job, table, "its code, or a view that it reads, is not that of then", err);
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_verified *from =
            find(job, other->graph.nodes[node->upstream[i]].name);
        if (from && from->verdict == SL_VERIFIED_IMPOSSIBLE)
            return rule_out(job, table,
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
            table->rows == (is_quarantine ? balance->quarantined : balance->out));
}

static int verify_table(struct job *job, struct sl_world *other, const struct sl_run *run,
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
        .is_quarantine = is_quarantine,
        .examples = job->options->examples,
    };
    SL_TRY_NEW(pair.folder, err);
    SL_TRY(key_of(node, is_quarantine, job->arena, &pair.key, err));
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
static int verify_tables(struct job *job, struct sl_world *other, const struct sl_run *run,
                         struct sl_session *session, struct sl_err *err)
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

static int verify_in(struct job *job, struct sl_err *err)
{
    SL_AUTO(sl_world_close) struct sl_world other = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_world_options options = {
        .folder = job->project_folder, .prepare = prepare, .self = job};
    SL_TRY(write_project(job, err));
    SL_TRY(write_views(job, err));
    SL_TRY(sl_world_open(&options, &other, err));
    SL_TRY(build(job, &other, &run, err));
    job->verify->was_interrupted = run.was_interrupted;
    SL_TRY(sl_world_session(&other, &session, err));
    return verify_tables(job, &other, &run, session, err);
}

int sl_world_verify(struct sl_world *world, struct sl_session *session,
                    const struct sl_verify_options *options, struct sl_verify *ret,
                    struct sl_err *err)
{
    SL_AUTO(job_clear)
    struct job job = {.world = world,
                      .session = session,
                      .options = options,
                      .arena = &world->arena,
                      .verify = ret,
                      .context = {.project = world->project,
                                  .session = session,
                                  .arena = &world->arena,
                                  .run_id = ""}};
    struct sl_err ignored = {0};
    *ret = (struct sl_verify){0};
    SL_TRY(list_tables(&job, err));
    int code = make_folder(&job, err);
    if (code == SL_OK)
        code = verify_in(&job, err);
    if (ret->folder && !options->keep)
        (void)!sl_fs_remove_tree(ret->folder, &ignored);
    SL_TRY(code);
    drop_others(ret);
    return SL_OK;
}
