#include "run/attest_form.h"

#include "base/fs.h"

#include <string.h>

int sl_attest_encode(const void *body, size_t length, struct sl_buf *ret, struct sl_err *err)
{
    sl_buf_addf(ret, "DSSEv1 %zu %s %zu ", strlen(SL_ATTEST_PAYLOAD_TYPE), SL_ATTEST_PAYLOAD_TYPE,
                length);
    sl_buf_add_bytes(ret, body, length);
    return sl_buf_check(ret, err);
}

void sl_attest_tell(const struct sl_attest_progress *progress, int64_t done, int64_t total)
{
    if (progress && progress->on_file)
        progress->on_file(progress->self, done, total);
}

// --- the envelope

static int fail_damaged(const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_ATTESTATION, "this is no attestation: %s", what);
}

// What signs does not cover itself: a name of the key, and bits of base64 and members that nothing
// reads, are as they were written, or the record was changed.
static bool has_only(const json_t *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!json_is_string(json_object_get(object, names[i])) &&
            !json_is_array(json_object_get(object, names[i])))
            return false;
    return json_object_size(object) == count;
}

// Whether the text is the one that base64 has for what it stands for.
static int check_base64(const char *text, struct sl_arena *arena, bool *ret, struct sl_err *err)
{
    const void *bytes;
    const char *again;
    size_t length;
    *ret = false;
    SL_TRY(sl_base64_decode(text, arena, &bytes, &length, err));
    if (!bytes)
        return SL_OK;
    SL_TRY(sl_base64_encode(bytes, length, arena, &again, err));
    *ret = sl_str_equal(text, again);
    return SL_OK;
}

static int check_form(const json_t *envelope, struct sl_arena *arena, struct sl_err *err)
{
    static const char *const outer[] = {"payloadType", "payload", "signatures"};
    static const char *const inner[] = {"keyid", "sig"};
    const json_t *signature;
    size_t i;
    bool is_plain;
    SL_TRY(check_base64(sl_json_text(envelope, "payload", ""), arena, &is_plain, err));
    if (!is_plain || !has_only(envelope, outer, 3))
        return sl_fail(err, SL_E_ATTESTATION, "the record around what is signed was changed");
    json_array_foreach (json_object_get(envelope, "signatures"), i, signature) {
        SL_TRY(check_base64(sl_json_text(signature, "sig", ""), arena, &is_plain, err));
        if (!is_plain || !has_only(signature, inner, 2))
            return sl_fail(err, SL_E_ATTESTATION, "the record around what is signed was changed");
    }
    return SL_OK;
}

// Whether one of the signatures is this key's.
static int check_signatures(const json_t *envelope, const struct sl_sign_key *key, const void *body,
                            size_t length, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf signed_bytes = SL_BUF_INIT;
    const json_t *signature;
    char key_id[65];
    size_t i;
    bool is_signed = false;
    SL_TRY(sl_sign_id(key, key_id, err));
    SL_TRY(sl_attest_encode(body, length, &signed_bytes, err));
    json_array_foreach (json_object_get(envelope, "signatures"), i, signature) {
        bool is_ours;
        SL_TRY(sl_sign_check(key, signed_bytes.text, signed_bytes.length,
                             sl_json_text(signature, "sig", ""), &is_ours, err));
        is_signed |= is_ours;
        if (is_ours && !sl_str_equal(sl_json_text(signature, "keyid", ""), key_id)) {
            (void)sl_fail(err, SL_E_ATTESTATION, "the record names another key as the signer");
            return sl_err_hint(err, "it was changed after it was signed by key %s", key_id);
        }
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
    if (!sl_str_equal(sl_json_text(envelope, "payloadType", ""), SL_ATTEST_PAYLOAD_TYPE))
        return fail_damaged("its payload is of another type", err);
    SL_TRY(sl_base64_decode(sl_json_text(envelope, "payload", ""), arena, &body, &length, err));
    if (!body || length == 0)
        return fail_damaged("its payload is no base64", err);
    SL_TRY(check_signatures(envelope, key, body, length, err));
    SL_TRY(check_form(envelope, arena, err));
    SL_TRY(sl_json_parse(body, length, "payload", ret, err));
    const char *type = sl_json_text(*ret, "predicateType", "");
    if (sl_str_equal(type, SL_ATTEST_PREDICATE_TYPE))
        return SL_OK;
    if (!sl_str_equal(type, SL_ATTEST_PREDICATE_TYPE_1))
        return fail_damaged("it states something else", err);
    (void)sl_fail(err, SL_E_ATTESTATION,
                  "it is of a former form, which does not cover what the logs say");
    return sl_err_hint(err, "`sluice attest` signs anew what stands there now");
}

// --- files

// Names are ours, but whoever has the key may have written others.
static bool stays_inside(const char *name)
{
    return *name && *name != '/' && !sl_str_starts(name, "../") && !strstr(name, "/../") &&
           !sl_str_ends(name, "/..");
}

struct checking {
    struct sl_attest_verdict *verdict;
    const char *lake_folder;
    const struct sl_attest_progress *progress;
    struct sl_arena *arena;
    struct sl_map names; // of subjects
};

static int add_fault(struct checking *checking, const char *name, const char *what,
                     struct sl_err *err)
{
    struct sl_attest_verdict *verdict = checking->verdict;
    struct sl_attest_fault fault = {.name = sl_arena_strdup(checking->arena, name),
                                    .what = sl_arena_strdup(checking->arena, what)};
    SL_TRY_NEW(fault.name, err);
    SL_TRY_NEW(fault.what, err);
    return SL_PUSH(checking->arena, verdict->faults, verdict->fault_count, fault)
               ? SL_OK
               : sl_fail_memory(err);
}

static int check_subject(struct checking *checking, const json_t *subject, struct sl_err *err)
{
    const char *name = sl_json_text(subject, "name", "");
    const char *wanted = sl_json_text(json_object_get(subject, "digest"), "sha256", "");
    bool is_needed = sl_json_bool(json_object_get(subject, "annotations"), "needed", true);
    struct sl_err trouble = {0};
    struct sl_fs_stat stat;
    char digest[65];
    SL_TRY(sl_map_set(&checking->names, name, NULL, err));
    if (!stays_inside(name))
        return add_fault(checking, name, "it lies outside the lake", err);
    const char *path = sl_path_join(checking->arena, checking->lake_folder, name);
    SL_TRY_NEW(path, err);
    int code = sl_fs_stat(path, &stat, &trouble);
    if (code == SL_E_FILE_MISSING)
        return is_needed ? add_fault(checking, name, "it is gone", err) : SL_OK;
    if (code == SL_OK)
        code = sl_fs_hash(path, digest, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return add_fault(checking, name, trouble.message, err);
    checking->verdict->bytes += stat.size_bytes;
    return sl_str_equal(digest, wanted) ? SL_OK
                                        : add_fault(checking, name, "its bytes are others", err);
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

static int check_subjects(struct checking *checking, struct sl_err *err)
{
    struct sl_attest_verdict *verdict = checking->verdict;
    const json_t *subjects = json_object_get(verdict->statement, "subject"), *subject;
    int64_t total = sum_sizes(subjects);
    size_t i;
    json_array_foreach (subjects, i, subject) {
        SL_TRY(check_subject(checking, subject, err));
        verdict->files++;
        sl_attest_tell(checking->progress, verdict->bytes, total);
    }
    return SL_OK;
}

// --- logs

// Readers follow every file of a log that they know. One that came later says other things of the
// version than what was signed, or might.
static int check_log(struct checking *checking, const char *table, int64_t version,
                     struct sl_err *err)
{
    struct sl_arena *arena = checking->arena;
    struct sl_delta_log_file *files;
    struct sl_err trouble = {0};
    enum sl_layer layer;
    const char *bare;
    size_t count;
    if (!sl_table_parse(table, &layer, &bare) || strchr(bare, '/'))
        return add_fault(checking, table, "it is no table", err);
    const char *name = sl_arena_printf(arena, "%s/%s", sl_layer_name(layer), bare);
    SL_TRY_NEW(name, err);
    const char *folder = sl_path_join(arena, checking->lake_folder, name);
    SL_TRY_NEW(folder, err);
    int code = sl_delta_log_files(folder, version, arena, &files, &count, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return add_fault(checking, name, trouble.message, err);
    for (size_t i = 0; i < count; i++) {
        const char *file = sl_arena_printf(arena, "%s/%s", name, files[i].path);
        SL_TRY_NEW(file, err);
        if (!sl_map_has(&checking->names, file))
            SL_TRY(add_fault(checking, file, "it was not there when this was attested", err));
    }
    return SL_OK;
}

static int check_tables(struct checking *checking, struct sl_err *err)
{
    struct sl_attest_verdict *verdict = checking->verdict;
    const char *table;
    json_t *entry;
    json_object_foreach (
        json_object_get(json_object_get(verdict->statement, "predicate"), "tables"), table, entry) {
        SL_TRY(check_log(checking, table, sl_json_int(entry, "version", -1), err));
        if (!sl_str_equal(sl_json_text(entry, "code", ""), "unknown"))
            continue;
        const char *name = sl_arena_strdup(checking->arena, table);
        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(&verdict->unknown, checking->arena, name, err));
    }
    return SL_OK;
}

int sl_attest_verify(const json_t *envelope, const struct sl_sign_key *key, const char *lake_folder,
                     const struct sl_attest_progress *progress, struct sl_arena *arena,
                     struct sl_attest_verdict *ret, struct sl_err *err)
{
    struct checking checking = {
        .verdict = ret, .lake_folder = lake_folder, .progress = progress, .arena = arena};
    *ret = (struct sl_attest_verdict){0};
    SL_TRY(sl_sign_id(key, ret->key_id, err));
    SL_TRY(open_envelope(envelope, key, arena, &ret->statement, err));
    int code = check_subjects(&checking, err);
    if (code == SL_OK)
        code = check_tables(&checking, err);
    sl_map_clear(&checking.names);
    return code;
}
