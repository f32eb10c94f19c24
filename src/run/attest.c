#include "run/attest_form.h"

#include "base/clock.h"
#include "base/fs.h"
#include "contract/change.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

struct job {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_attest_options *options;
    struct sl_arena *arena;
    json_t *subjects, *tables;
    struct sl_step_context context;
    struct sl_map seen; // names of subjects
    int64_t done_bytes, total_bytes;
};

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

// --- the statement

static bool lies_in(const char *path, const char *lake)
{
    return sl_str_starts(path, lake) && path[strlen(lake)] == '/' && !strstr(path, "/../");
}

static int fail_outside(const char *path, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_ATTESTATION, "its file '%s' lies outside the lake", path);
    return sl_err_hint(err, "what is attested must be in the lake: `sluice run --full-refresh "
                            "--select TABLE` writes it there");
}

// A file of the lake by its path there; once, however many tables name it. One that is not needed
// may go: what it says is said elsewhere, too.
static int add_subject(struct job *job, const char *path, bool is_needed, struct sl_err *err)
{
    struct sl_fs_stat stat;
    const char *lake = job->world->project->lake_folder;
    char digest[65];
    if (!lies_in(path, lake)) { // a log may name it by another way
        SL_TRY(sl_path_real(job->arena, path, &path, err));
        SL_TRY(sl_path_real(job->arena, lake, &lake, err));
    }
    const char *name = path + strlen(lake) + 1;
    if (!lies_in(path, lake))
        return fail_outside(path, err);
    if (sl_map_has(&job->seen, name))
        return SL_OK;
    SL_TRY(sl_map_set(&job->seen, name, NULL, err));
    SL_TRY(sl_fs_stat(path, &stat, err));
    SL_TRY(sl_fs_hash(path, digest, err));
    job->done_bytes += stat.size_bytes;
    sl_attest_tell(&job->options->progress, job->done_bytes, job->total_bytes);
    json_t *subject = json_pack("{s:s, s:{s:s}, s:{s:I}}", "name", name, "digest", "sha256", digest,
                                "annotations", "size", (json_int_t)stat.size_bytes);
    if (json_array_append_new(job->subjects, subject) != 0)
        return sl_fail_memory(err);
    return is_needed ? SL_OK
                     : set(json_object_get(subject, "annotations"), "needed", json_false(), err);
}

// Where the rows of raw came from: each file as it was when it was read.
static int add_sources(const struct sl_delta_snapshot *snapshot, json_t *table, struct sl_err *err)
{
    json_t *sources = json_array();
    SL_TRY(set(table, "sources", sources, err));
    for (size_t i = 0; i < snapshot->file_count; i++) {
        const char *text = snapshot->files[i].tags_json;
        json_t *tags = NULL;
        if (!text)
            continue;
        SL_TRY(sl_json_parse(text, strlen(text), "tags", &tags, err));
        if (json_array_append_new(sources, tags) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// Why kept code cannot be what the table was made with; NULL: it can be.
static int find_fault(struct job *job, const struct sl_published *published, const json_t *code,
                      const char **ret, struct sl_err *err)
{
    const char *model = sl_json_text(code, "model", NULL);
    const char *compiler = sl_json_text(code, "compiler", NULL);
    const json_t *contract = json_object_get(code, "contract");
    struct sl_contract_table *restored = NULL;
    *ret = NULL;
    if (sl_str_starts(published->table, "curated.")) {
        if (!sl_str_equal(model, published->table + strlen("curated.")) ||
            !sl_json_text(code, "text", NULL))
            *ret = "it is no model of that name";
        return SL_OK;
    }
    if (!compiler || !json_array_size(json_object_get(contract, "columns")))
        *ret = "it is no contract";
    else if (sl_str_equal(compiler, SL_CONTRACT_COMPILER_VERSION)) {
        SL_TRY(sl_contract_restore(contract, "", job->arena, &restored, err));
        *ret = restored ? NULL : "it is no contract that could be applied again";
    }
    return SL_OK;
}

// Whoever signs says that this is what the table was made with.
static int add_code(struct job *job, const struct sl_published *published, const char *fingerprint,
                    json_t *table, struct sl_err *err)
{
    struct sl_kept_code kept;
    const char *fault = NULL, *path;
    if (!sl_step_is_fingerprint(fingerprint))
        return sl_fail(err, SL_E_ATTESTATION,
                       "'%s', which %s says it was made with, is no fingerprint", fingerprint,
                       published->table);
    SL_TRY(sl_step_look_at_code(&job->context, fingerprint, &kept, err));
    int code =
        kept.state == SL_KEPT_WHOLE ? find_fault(job, published, kept.json, &fault, err) : SL_OK;
    sl_json_free(&kept.json);
    SL_TRY(code);
    if (kept.state == SL_KEPT_DAMAGED || fault)
        return sl_fail(err, SL_E_CODE_DAMAGED,
                       "what %s was made with, '_code/%s.json', is damaged: %s", published->table,
                       fingerprint, fault ? fault : kept.why);
    SL_TRY(set(table, "code", json_string(kept.state == SL_KEPT_WHOLE ? "kept" : "unknown"), err));
    if (kept.state != SL_KEPT_WHOLE)
        return job->options->unknown
                   ? sl_strs_add(job->options->unknown, job->arena, published->table, err)
                   : SL_OK;
    path = sl_arena_printf(job->arena, "%s/_code/%s.json", job->world->project->lake_folder,
                           fingerprint);
    SL_TRY_NEW(path, err);
    return add_subject(job, path, true, err);
}

static int add_record(struct job *job, const struct sl_published *published, const char *folder,
                      json_t *table, struct sl_err *err)
{
    struct sl_delta_head head;
    json_t *record = NULL;
    SL_TRY(sl_delta_head_at(folder, published->version, job->arena, &head, err));
    if (!head.record_json)
        return SL_OK;
    SL_TRY(sl_json_parse(head.record_json, strlen(head.record_json), "record", &record, err));
    SL_TRY(set(table, "record", record, err));
    const char *fingerprint = sl_json_text(record, "fingerprint", NULL);
    if (!fingerprint || sl_str_starts(published->table, "raw."))
        return SL_OK;
    return add_code(job, published, fingerprint, table, err);
}

// All that says which files the version has. What a checkpoint stands for may go, but not change.
static int add_log(struct job *job, const char *folder, int64_t version, struct sl_err *err)
{
    struct sl_delta_log_file *files;
    size_t count;
    SL_TRY(sl_delta_log_files(folder, version, job->arena, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *path = sl_path_join(job->arena, folder, files[i].path);
        SL_TRY_NEW(path, err);
        SL_TRY(add_subject(job, path, files[i].is_needed, err));
    }
    return SL_OK;
}

static int add_table(struct job *job, const struct sl_published *published, struct sl_err *err)
{
    struct sl_arena *arena = job->arena;
    struct sl_delta_snapshot snapshot;
    enum sl_layer layer;
    const char *name;
    if (!sl_table_parse(published->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", published->table);
    const char *folder = sl_table_folder(job->world->project, layer, name, arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_load(folder, published->version, job->session, arena, &snapshot, err));
    if (published->id && !sl_str_equal(published->id, snapshot.table_id))
        return sl_fail(err, SL_E_TABLE_VERSION, "%s was removed and made anew since",
                       published->table);
    json_t *table = json_pack("{s:I, s:s, s:I, s:s}", "version", (json_int_t)published->version,
                              "id", snapshot.table_id, "rows", (json_int_t)snapshot.row_count,
                              "schema", snapshot.schema_json);
    SL_TRY(set(job->tables, published->table, table, err));
    SL_TRY(add_record(job, published, folder, table, err));
    if (layer == SL_LAYER_RAW)
        SL_TRY(add_sources(&snapshot, table, err));
    SL_TRY(add_log(job, folder, published->version, err));
    for (size_t i = 0; i < snapshot.file_count; i++) {
        const char *path;
        if (sl_delta_file_path(folder, &snapshot.files[i], arena, &path, err) != SL_OK ||
            add_subject(job, path, true, err) != SL_OK)
            return sl_err_context(err, "%s", published->table);
    }
    return SL_OK;
}

// The list itself, which may go: what it says is signed.
static int add_publication(struct job *job, struct sl_err *err)
{
    const char *path = sl_arena_printf(job->arena, "%s/_publications/%020lld.json",
                                       job->world->project->lake_folder,
                                       (long long)job->options->publication->number);
    SL_TRY_NEW(path, err);
    return add_subject(job, path, false, err);
}

static int count_bytes(struct job *job, struct sl_err *err)
{
    const struct sl_publication *publication = job->options->publication;
    for (size_t i = 0; i < publication->table_count; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_delta_snapshot snapshot;
        enum sl_layer layer;
        const char *name;
        sl_arena_init(&arena, 0);
        if (!sl_table_parse(publication->tables[i].table, &layer, &name))
            continue;
        const char *folder = sl_table_folder(job->world->project, layer, name, &arena);
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_delta_load(folder, publication->tables[i].version, job->session, &arena,
                             &snapshot, err));
        job->total_bytes += snapshot.size_bytes;
    }
    return SL_OK;
}

static int state(struct job *job, json_t **ret, struct sl_err *err)
{
    const struct sl_publication *publication = job->options->publication;
    const struct sl_project *project = job->world->project;
    char at[32];
    job->subjects = json_array();
    job->tables = json_object();
    SL_AUTO(sl_json_free)
    json_t *statement =
        json_pack("{s:s, s:o, s:s, s:{s:s, s:s?, s:{s:I, s:s, s:s, s:s}, s:o}}", "_type",
                  SL_ATTEST_STATEMENT_TYPE, "subject", job->subjects, "predicateType",
                  SL_ATTEST_PREDICATE_TYPE, "predicate", "project", project->name, "environment",
                  project->environment, "publication", "number", (json_int_t)publication->number,
                  "run_id", publication->run_id, "command", publication->command, "at",
                  sl_clock_format(publication->at_us, at), "tables", job->tables);
    SL_TRY_NEW(statement, err);
    SL_TRY(count_bytes(job, err));
    SL_TRY(add_publication(job, err));
    for (size_t i = 0; i < publication->table_count; i++)
        SL_TRY(add_table(job, &publication->tables[i], err));
    *ret = statement;
    statement = NULL;
    return SL_OK;
}

// --- the envelope

static int seal(struct job *job, const json_t *statement, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf signed_bytes = SL_BUF_INIT;
    const char *payload, *signature;
    char key_id[65];
    char *text = NULL;
    SL_TRY(sl_json_print(statement, &text, err));
    int code = sl_base64_encode(text, strlen(text), job->arena, &payload, err);
    if (code == SL_OK)
        code = sl_attest_encode(text, strlen(text), &signed_bytes, err);
    free(text);
    SL_TRY(code);
    SL_TRY(sl_sign(job->options->key, signed_bytes.text, signed_bytes.length, job->arena,
                   &signature, err));
    SL_TRY(sl_sign_id(job->options->key, key_id, err));
    *ret = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payloadType", SL_ATTEST_PAYLOAD_TYPE, "payload",
                     payload, "signatures", "keyid", key_id, "sig", signature);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_world_attest(struct sl_world *world, struct sl_session *session,
                    const struct sl_attest_options *options, json_t **ret, struct sl_err *err)
{
    struct job job = {
        .world = world,
        .session = session,
        .options = options,
        .arena = &world->arena,
        .context = {
            .project = world->project, .session = session, .arena = &world->arena, .run_id = ""}};
    SL_AUTO(sl_json_free) json_t *statement = NULL;
    int code = state(&job, &statement, err);
    sl_map_clear(&job.seen);
    SL_TRY(code);
    return seal(&job, statement, ret, err);
}
