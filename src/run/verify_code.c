// What the tables of a publication were made with: contracts, models, versions of raw.
#include "base/fs.h"
#include "contract/change.h"
#include "run/verify_job.h"

#include <string.h>

struct sl_verified *sl_verify_find(const struct sl_verify_job *job, const char *table)
{
    for (size_t i = 0; i < job->verify->count; i++)
        if (sl_str_equal(job->verify->tables[i].table, table))
            return &job->verify->tables[i];
    return NULL;
}

int sl_verify_rule_out(struct sl_verified *table, const char *why, struct sl_err *err)
{
    SL_TRY_NEW(why, err);
    table->verdict = SL_VERIFIED_IMPOSSIBLE;
    table->why = why;
    return SL_OK;
}

// Damaged is not gone, but of no more use.
static int not_kept(struct sl_verify_job *job, struct sl_verified *table, const char *what,
                    const char *fingerprint, const struct sl_kept_code *kept, struct sl_err *err)
{
    bool is_missing = kept->state == SL_KEPT_MISSING;
    const char *why = kept->why ? kept->why : "it cannot be applied again";
    return sl_verify_rule_out(table,
                              sl_arena_printf(job->arena, "its %s (%.8s) is not kept any more%s%s",
                                              what, fingerprint, is_missing ? "" : ": ",
                                              is_missing ? "" : why),
                              err);
}

// A table of the same name that was made since is another one, whatever its versions hold.
static const char *why_other(const char *published, const char *id)
{
    return published && id && *id && !sl_str_equal(published, id)
               ? "it was removed and made again after it was published"
               : NULL;
}

static int look_at_identity(struct sl_verify_job *job, struct sl_verified *table,
                            struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    struct sl_err gone = {0};
    int code = sl_delta_load_schema(table->folder, table->version, job->session, job->arena,
                                    &snapshot, &gone);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return sl_verify_rule_out(table, sl_arena_strdup(job->arena, gone.message), err);
    const char *why = why_other(table->published->id, snapshot.table_id);
    return why ? sl_verify_rule_out(table, why, err) : SL_OK;
}

// Without the key no protected value can be made again.
static const char *why_no_key(struct sl_verify_job *job, const struct sl_contract_table *contract)
{
    const char *own = job->world->project->personal_key_id;
    for (size_t i = 0; i < contract->column_count; i++) {
        if (!sl_personal_is_keyed(&contract->columns[i].personal))
            continue;
        if (own && sl_str_equal(own, contract->personal_key_id))
            return NULL;
        return sl_arena_printf(
            job->arena, "its personal values were protected with key %s, and 'personal.key' is %s",
            contract->personal_key_id ? contract->personal_key_id : "(unknown)",
            own ? own : "not set");
    }
    return NULL;
}

// What was judged before the rows were published, and is not judged again: other tables, the
// versions before and the clock of then decide it, and of budgets nothing is kept.
static int list_not_judged(struct sl_verify_job *job, struct sl_verified *table,
                           const struct sl_record *record, struct sl_err *err)
{
    for (size_t i = 0; i < record->check_count; i++) {
        const struct sl_check_result *check = &record->checks[i];
        const char *text = sl_arena_printf(job->arena, "check '%s' (%s then)",
                                           check->name ? check->name : check->claim,
                                           check->is_passed    ? "passed"
                                           : check->is_warning ? "warned"
                                                               : "failed");
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(&table->not_judged, job->arena, text, err));
    }
    return sl_strs_add(&table->not_judged, job->arena, "quarantine budget", err);
}

// Nothing else can take the place of a contract: a state that is not whole is none.
static int restore_kept(struct sl_verify_job *job, struct sl_verified *table,
                        const char *fingerprint, struct sl_contract_table **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_kept_code kept;
    const char *digest = sl_arena_strdup(job->arena, fingerprint);
    SL_TRY_NEW(digest, err);
    SL_TRY(sl_step_look_at_code(&job->context, fingerprint, &kept, err));
    json = kept.json;
    const char *compiler = sl_json_text(json, "compiler", SL_CONTRACT_COMPILER_VERSION);
    if (!sl_str_equal(compiler, SL_CONTRACT_COMPILER_VERSION))
        return sl_verify_rule_out(table, "another version of Sluice reads its contract otherwise",
                                  err);
    if (json)
        SL_TRY(
            sl_contract_restore(json_object_get(json, "contract"), digest, job->arena, ret, err));
    return *ret ? SL_OK : not_kept(job, table, "contract", fingerprint, &kept, err);
}

static int restore_contract(struct sl_verify_job *job, struct sl_verified *table, const char *name,
                            const char *fingerprint, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&job->world->graph, table->table);
    struct sl_contract_table *contract = NULL;
    const char *why;
    if (node && node->contract && sl_str_equal(node->fingerprint, fingerprint)) {
        contract = SL_NEW(job->arena, struct sl_contract_table);
        SL_TRY_NEW(contract, err);
        *contract = *node->contract;
    } else {
        SL_TRY(restore_kept(job, table, fingerprint, &contract, err));
        if (table->verdict == SL_VERIFIED_IMPOSSIBLE)
            return SL_OK;
    }
    why = why_no_key(job, contract);
    if (why)
        return sl_verify_rule_out(table, why, err);
    // Whether the rows may be published was judged then.
    contract->has_budget = false;
    contract->checks = NULL;
    contract->drift.missing_columns = SL_DRIFT_MISSING_EMPTY;
    return sl_map_set(&job->contracts, name, contract, err);
}

static int restore_model(struct sl_verify_job *job, struct sl_verified *table, const char *name,
                         const char *fingerprint, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_kept_code kept;
    SL_TRY(sl_step_look_at_code(&job->context, fingerprint, &kept, err));
    json = kept.json;
    const char *text = sl_json_text(json, "text", NULL);
    if (!text)
        return not_kept(job, table, "code", fingerprint, &kept, err);
    char *own = sl_arena_strdup(job->arena, text);
    SL_TRY_NEW(own, err);
    return sl_map_set(&job->models, name, own, err);
}

// Raw is where all begins: each version of it that counts must be there with all of its files.
static int pin_raw(struct sl_verify_job *job, const struct sl_input *raw, const char **ret_why,
                   struct sl_err *err)
{
    const char *table = raw->table;
    int64_t version = raw->version;
    struct sl_delta_snapshot snapshot;
    struct sl_err gone = {0};
    enum sl_layer layer;
    const char *name;
    bool is_borrowed;
    *ret_why = NULL;
    const struct sl_pin *pinned = sl_map_get(&job->pins, table);
    if (pinned && pinned->version != version) {
        *ret_why = sl_arena_printf(
            job->arena, "it is built from version %lld of %s, and another table from version %lld",
            (long long)version, table, (long long)pinned->version);
        SL_TRY_NEW(*ret_why, err);
    }
    if (pinned)
        return SL_OK;
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table);
    struct sl_pin *pin = SL_NEW(job->arena, struct sl_pin);
    SL_TRY_NEW(pin, err);
    pin->folder = sl_table_source(job->world->project, layer, name, job->arena, &is_borrowed);
    pin->version = version;
    SL_TRY_NEW(pin->folder, err);
    int code = sl_delta_load(pin->folder, version, job->session, job->arena, &snapshot, &gone);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK || snapshot.version < 0) {
        *ret_why = sl_arena_printf(job->arena, "%s cannot be read at version %lld: %s", table,
                                   (long long)version, code ? gone.message : "it is gone");
        SL_TRY_NEW(*ret_why, err);
        return SL_OK;
    }
    const char *other = why_other(raw->id, snapshot.table_id);
    if (other) {
        *ret_why = sl_arena_printf(job->arena, "%s cannot be used: %s", table, other);
        SL_TRY_NEW(*ret_why, err);
    }
    for (size_t i = 0; i < snapshot.file_count && !*ret_why; i++) {
        const char *path = sl_path_join(job->arena, pin->folder, snapshot.files[i].path);
        SL_TRY_NEW(path, err);
        if (sl_fs_exists(path))
            continue;
        *ret_why =
            sl_arena_printf(job->arena, "%s has lost its file '%s'", table, snapshot.files[i].path);
        SL_TRY_NEW(*ret_why, err);
    }
    return *ret_why ? SL_OK : sl_map_set(&job->pins, table, pin, err);
}

static int look_at_input(struct sl_verify_job *job, struct sl_verified *table,
                         const struct sl_input *input, struct sl_err *err)
{
    const struct sl_published *published =
        sl_publication_find(job->options->publication, input->table);
    const struct sl_verified *from = sl_verify_find(job, input->table);
    const char *why = NULL;
    if (sl_str_starts(input->table, "raw.")) {
        const struct sl_input raw = {input->table, published ? published->version : input->version,
                                     published ? published->id : input->id};
        SL_TRY(pin_raw(job, &raw, &why, err));
    } else if (!from) {
        why = sl_arena_printf(job->arena,
                              "it is built from %s of another environment: verify it there",
                              input->table);
        SL_TRY_NEW(why, err);
    } else if (from->verdict == SL_VERIFIED_IMPOSSIBLE) {
        why = sl_arena_printf(job->arena, "it is built from %s, which is not verifiable",
                              input->table);
        SL_TRY_NEW(why, err);
    }
    return why ? sl_verify_rule_out(table, why, err) : SL_OK;
}

static int look_at_code(struct sl_verify_job *job, struct sl_verified *table, struct sl_err *err)
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
    SL_TRY(look_at_identity(job, table, err));
    if (layer == SL_LAYER_QUARANTINE || table->verdict == SL_VERIFIED_IMPOSSIBLE)
        return SL_OK; // its clean table says
    if (sl_delta_head_at(table->folder, table->version, job->arena, &head, &gone) != SL_OK)
        return sl_verify_rule_out(table, sl_arena_strdup(job->arena, gone.message), err);
    if (head.record_json)
        SL_TRY(sl_record_parse(head.record_json, job->arena, &record, err));
    if (!record.fingerprint)
        return sl_verify_rule_out(table, "its log no longer says what it was built from", err);
    table->fingerprint = record.fingerprint;
    if (layer == SL_LAYER_CLEAN)
        SL_TRY(list_not_judged(job, table, &record, err));
    return layer == SL_LAYER_CLEAN ? restore_contract(job, table, name, record.fingerprint, err)
                                   : restore_model(job, table, name, record.fingerprint, err);
}

// What cannot be built again takes all that is built from it along.
int sl_verify_look_at_inputs(struct sl_verify_job *job, struct sl_err *err)
{
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (size_t i = 0; i < job->verify->count; i++) {
            struct sl_verified *table = &job->verify->tables[i];
            for (size_t k = 0;
                 k < table->published->input_count && table->verdict != SL_VERIFIED_IMPOSSIBLE;
                 k++) {
                SL_TRY(look_at_input(job, table, &table->published->inputs[k], err));
                has_changed |= table->verdict == SL_VERIFIED_IMPOSSIBLE;
            }
        }
    }
    return SL_OK;
}

static bool is_asked(const struct sl_verify_job *job, const char *table)
{
    const struct sl_node *node = sl_graph_node(&job->world->graph, table);
    if (!job->options->select.count && !job->options->exclude.count)
        return true;
    return node ? node->is_selected : !job->options->select.count;
}

int sl_verify_list(struct sl_verify_job *job, struct sl_err *err)
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
        const struct sl_verified *from = sl_verify_find(job, clean);
        if (!from || from->verdict == SL_VERIFIED_IMPOSSIBLE)
            SL_TRY(sl_verify_rule_out(table, from ? from->why : "its clean table was not published",
                                      err));
    }
    return sl_verify_look_at_inputs(job, err);
}
