#include "run/attest.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "urn:sluice:attestation:1"

struct job {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_attest_options *options;
    struct sl_arena *arena;
    json_t *subjects, *tables;
    struct sl_map seen; // names of subjects
    int64_t done_bytes, total_bytes;
};

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static void tell(const struct sl_attest_progress *progress, int64_t done, int64_t total)
{
    if (progress->on_file)
        progress->on_file(progress->self, done, total);
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

// A file of the lake by its path there; once, however many tables name it.
static int add_subject(struct job *job, const char *path, struct sl_err *err)
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
    tell(&job->options->progress, job->done_bytes, job->total_bytes);
    json_t *subject = json_pack("{s:s, s:{s:s}, s:{s:I}}", "name", name, "digest", "sha256", digest,
                                "annotations", "size", (json_int_t)stat.size_bytes);
    return json_array_append_new(job->subjects, subject) == 0 ? SL_OK : sl_fail_memory(err);
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

static int add_record(struct job *job, const char *folder, int64_t version, json_t *table,
                      struct sl_err *err)
{
    struct sl_delta_head head;
    json_t *record = NULL;
    SL_TRY(sl_delta_head_at(folder, version, job->arena, &head, err));
    if (!head.record_json)
        return SL_OK;
    SL_TRY(sl_json_parse(head.record_json, strlen(head.record_json), "record", &record, err));
    const char *fingerprint = sl_json_text(record, "fingerprint", NULL);
    const char *code = fingerprint ? sl_arena_printf(job->arena, "%s/_code/%s.json",
                                                     job->world->project->lake_folder, fingerprint)
                                   : NULL;
    SL_TRY(set(table, "record", record, err));
    return code && sl_fs_exists(code) ? add_subject(job, code, err) : SL_OK;
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
    SL_TRY(add_record(job, folder, published->version, table, err));
    if (layer == SL_LAYER_RAW)
        SL_TRY(add_sources(&snapshot, table, err));
    const char *commit =
        sl_arena_printf(arena, "%s/_delta_log/%020lld.json", folder, (long long)published->version);
    SL_TRY_NEW(commit, err);
    if (sl_fs_exists(commit)) // else cleaned out of the log; the files are what counts
        SL_TRY(add_subject(job, commit, err));
    for (size_t i = 0; i < snapshot.file_count; i++) {
        const char *path;
        if (sl_delta_file_path(folder, &snapshot.files[i], arena, &path, err) != SL_OK ||
            add_subject(job, path, err) != SL_OK)
            return sl_err_context(err, "%s", published->table);
    }
    return SL_OK;
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
    json_t *statement = json_pack(
        "{s:s, s:o, s:s, s:{s:s, s:s?, s:{s:I, s:s, s:s, s:s}, s:o}}", "_type", STATEMENT_TYPE,
        "subject", job->subjects, "predicateType", PREDICATE_TYPE, "predicate", "project",
        project->name, "environment", project->environment, "publication", "number",
        (json_int_t)publication->number, "run_id", publication->run_id, "command",
        publication->command, "at", sl_clock_format(publication->at_us, at), "tables", job->tables);
    SL_TRY_NEW(statement, err);
    SL_TRY(count_bytes(job, err));
    for (size_t i = 0; i < publication->table_count; i++)
        SL_TRY(add_table(job, &publication->tables[i], err));
    *ret = statement;
    statement = NULL;
    return SL_OK;
}

// --- the envelope

// "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body (DSSE, protocol.md, "Signature Definition").
static int encode(const void *body, size_t length, struct sl_buf *ret, struct sl_err *err)
{
    sl_buf_addf(ret, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, length);
    sl_buf_add_bytes(ret, body, length);
    return sl_buf_check(ret, err);
}

static int seal(struct job *job, const json_t *statement, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf signed_bytes = SL_BUF_INIT;
    const char *payload, *signature;
    char key_id[65];
    char *text = NULL;
    SL_TRY(sl_json_print(statement, &text, err));
    int code = sl_base64_encode(text, strlen(text), job->arena, &payload, err);
    if (code == SL_OK)
        code = encode(text, strlen(text), &signed_bytes, err);
    free(text);
    SL_TRY(code);
    SL_TRY(sl_sign(job->options->key, signed_bytes.text, signed_bytes.length, job->arena,
                   &signature, err));
    SL_TRY(sl_sign_id(job->options->key, key_id, err));
    *ret = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payloadType", PAYLOAD_TYPE, "payload", payload,
                     "signatures", "keyid", key_id, "sig", signature);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_world_attest(struct sl_world *world, struct sl_session *session,
                    const struct sl_attest_options *options, json_t **ret, struct sl_err *err)
{
    struct job job = {
        .world = world, .session = session, .options = options, .arena = &world->arena};
    SL_AUTO(sl_json_free) json_t *statement = NULL;
    int code = state(&job, &statement, err);
    sl_map_clear(&job.seen);
    SL_TRY(code);
    return seal(&job, statement, ret, err);
}

// --- checking

static int fail_damaged(const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_ATTESTATION, "this is no attestation: %s", what);
}

// Whether one of the signatures is this key's.
static int check_signatures(const json_t *envelope, const struct sl_sign_key *key, const void *body,
                            size_t length, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf signed_bytes = SL_BUF_INIT;
    const json_t *signature;
    size_t i;
    bool is_signed = false;
    SL_TRY(encode(body, length, &signed_bytes, err));
    json_array_foreach (json_object_get(envelope, "signatures"), i, signature) {
        bool is_ours;
        SL_TRY(sl_sign_check(key, signed_bytes.text, signed_bytes.length,
                             sl_json_text(signature, "sig", ""), &is_ours, err));
        is_signed |= is_ours;
    }
    return is_signed ? SL_OK
                     : sl_fail(err, SL_E_ATTESTATION,
                               "it is not signed by this key, or was changed afterwards");
}

static int open_envelope(const json_t *envelope, const struct sl_sign_key *key,
                         struct sl_arena *arena, json_t **ret, struct sl_err *err)
{
    const void *body;
    size_t length;
    if (!sl_str_equal(sl_json_text(envelope, "payloadType", ""), PAYLOAD_TYPE))
        return fail_damaged("its payload is of another type", err);
    SL_TRY(sl_base64_decode(sl_json_text(envelope, "payload", ""), arena, &body, &length, err));
    if (!body || length == 0)
        return fail_damaged("its payload is no base64", err);
    SL_TRY(check_signatures(envelope, key, body, length, err));
    SL_TRY(sl_json_parse(body, length, "payload", ret, err));
    if (!sl_str_equal(sl_json_text(*ret, "predicateType", ""), PREDICATE_TYPE))
        return fail_damaged("it states something else", err);
    return SL_OK;
}

// Names are ours, but whoever has the key may have written others.
static bool stays_inside(const char *name)
{
    return *name && *name != '/' && !sl_str_starts(name, "../") && !strstr(name, "/../") &&
           !sl_str_ends(name, "/..");
}

static int check_subject(const json_t *subject, const char *lake_folder, struct sl_arena *arena,
                         const char **ret_fault, int64_t *ret_bytes, struct sl_err *err)
{
    const char *name = sl_json_text(subject, "name", "");
    const char *wanted = sl_json_text(json_object_get(subject, "digest"), "sha256", "");
    const char *path = sl_path_join(arena, lake_folder, name);
    struct sl_err trouble = {0};
    struct sl_fs_stat stat;
    char digest[65];
    SL_TRY_NEW(path, err);
    *ret_fault = NULL;
    *ret_bytes = 0;
    if (!stays_inside(name) || !sl_fs_exists(path)) {
        *ret_fault = "it is gone";
        return SL_OK;
    }
    if (sl_fs_stat(path, &stat, &trouble) != SL_OK || sl_fs_hash(path, digest, &trouble) != SL_OK) {
        *ret_fault = sl_arena_strdup(arena, trouble.message);
        SL_TRY_NEW(*ret_fault, err);
        return SL_OK;
    }
    *ret_bytes = stat.size_bytes;
    if (!sl_str_equal(digest, wanted))
        *ret_fault = "its bytes are others";
    return SL_OK;
}

static int64_t sum_sizes(const json_t *subjects)
{
    const json_t *subject;
    int64_t sum = 0;
    size_t i;
    json_array_foreach (subjects, i, subject) {
        sum += sl_json_int(json_object_get(subject, "annotations"), "size", 0);
    }
    return sum;
}

static int check_subjects(struct sl_attest_verdict *verdict, const char *lake_folder,
                          const struct sl_attest_progress *progress, struct sl_arena *arena,
                          struct sl_err *err)
{
    const json_t *subjects = json_object_get(verdict->statement, "subject"), *subject;
    int64_t total = sum_sizes(subjects);
    size_t i;
    json_array_foreach (subjects, i, subject) {
        struct sl_attest_fault fault = {
            .name = sl_arena_strdup(arena, sl_json_text(subject, "name", ""))};
        int64_t bytes;
        SL_TRY_NEW(fault.name, err);
        SL_TRY(check_subject(subject, lake_folder, arena, &fault.what, &bytes, err));
        verdict->files++;
        verdict->bytes += bytes;
        tell(progress, verdict->bytes, total);
        if (fault.what && !SL_PUSH(arena, verdict->faults, verdict->fault_count, fault))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

int sl_attest_verify(const json_t *envelope, const struct sl_sign_key *key, const char *lake_folder,
                     const struct sl_attest_progress *progress, struct sl_arena *arena,
                     struct sl_attest_verdict *ret, struct sl_err *err)
{
    *ret = (struct sl_attest_verdict){0};
    SL_TRY(sl_sign_id(key, ret->key_id, err));
    SL_TRY(open_envelope(envelope, key, arena, &ret->statement, err));
    return check_subjects(ret, lake_folder, progress, arena, err);
}
