// sluice attest: a signed record of what was published, and its check.
#include "run/attest.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/lake.h"

#include <string.h>
#include <sys/stat.h>

#define ENVELOPE_MAX_BYTES ((size_t)1 << 30)
#define KEY_MAX_BYTES ((size_t)64 << 10)
#define PROGRESS_EVERY_US 200000

static int read_key(const char *path, struct sl_arena *arena, struct sl_sign_key **ret,
                    struct sl_err *err)
{
    const char *text;
    size_t length;
    SL_TRY(sl_fs_read(path, KEY_MAX_BYTES, arena, &text, &length, err));
    return sl_sign_read(text, length, path, ret, err);
}

// On a terminal, how far the hashing has come.
struct progress {
    int64_t shown_us;
    bool is_shown;
};

static void on_file(void *self, int64_t done_bytes, int64_t total_bytes)
{
    struct progress *progress = self;
    int64_t now_us = sl_clock_monotonic_us();
    char done[32], total[32];
    if (!sl_is_terminal(stderr) || now_us - progress->shown_us < PROGRESS_EVERY_US)
        return;
    progress->shown_us = now_us;
    progress->is_shown = true;
    fprintf(stderr, "\r\033[Khashed %s of %s", sl_str_size(done_bytes, done),
            sl_str_size(total_bytes, total));
}

static void end_progress(const struct progress *progress)
{
    if (progress->is_shown)
        fputs("\r\033[K", stderr);
}

// --- attest

struct attest_options {
    struct sl_common common;
    const char *name, *key, *output;
    bool force;
};

static const struct sl_opt attest_rows[] = {
    {"name", SL_OPT_STRING, offsetof(struct attest_options, name), NULL,
     "The publication: its number, or the run that made it; the newest if nothing is said.",
     SL_OPT_POSITIONAL, .placeholder = "NAME"},
    {"key", SL_OPT_STRING, offsetof(struct attest_options, key), NULL,
     "The private key, Ed25519 as PEM.", SL_OPT_REQUIRED, .placeholder = "FILE"},
    {"output", SL_OPT_STRING, offsetof(struct attest_options, output), NULL,
     "The file to write; standard output if nothing is said.", 0, .letter = 'o',
     .placeholder = "FILE"},
    {"force", SL_OPT_BOOL, offsetof(struct attest_options, force), "false",
     "Write over a file that is there.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int find_publication(const struct attest_options *options, struct sl_lake *lake,
                            struct sl_publication *ret, struct sl_err *err)
{
    const struct sl_project *project = lake->world.project;
    if (options->name)
        return sl_publication_named(project, options->name, &lake->world.arena, ret, err);
    SL_TRY(sl_publication_last(project, &lake->world.arena, ret, err));
    if (ret->number > 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_PUBLICATION, "nothing was published yet");
    return sl_err_hint(err, "`sluice run` ends in a publication");
}

static int write_envelope(const struct attest_options *options, const json_t *envelope,
                          struct sl_err *err)
{
    char *text = NULL;
    if (!options->output)
        return sl_print_json(envelope, err);
    SL_TRY(sl_json_print(envelope, &text, err));
    int code = options->force ? sl_fs_write(options->output, text, strlen(text), err)
                              : sl_fs_create(options->output, text, strlen(text), err);
    free(text);
    return code == SL_E_FILE_EXISTS ? sl_err_hint(err, "`--force` writes over it") : code;
}

static void print_unknown(FILE *to, const struct sl_strs *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        fprintf(to, "%s: what it was made with is unknown, for it is not kept or cannot be read\n",
                tables->items[i]);
}

static int run_attest(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct attest_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_sign_free) struct sl_sign_key *key = NULL;
    SL_AUTO(sl_json_free) json_t *envelope = NULL;
    struct sl_publication publication;
    struct progress progress = {0};
    struct sl_strs unknown = {0};
    char time[32];
    (void)ret_exit;
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(read_key(options->key, &lake.world.arena, &key, err));
    if (!sl_sign_is_private(key)) {
        (void)sl_fail(err, SL_E_VALUE_INVALID, "'%s' is a public key", options->key);
        return sl_err_hint(err, "sign with the private one; the public one is for `attest verify`");
    }
    SL_TRY(find_publication(options, &lake, &publication, err));
    struct sl_attest_options attest_options = {.publication = &publication,
                                               .key = key,
                                               .progress = {on_file, &progress},
                                               .unknown = &unknown};
    int code = sl_world_attest(&lake.world, lake.session, &attest_options, &envelope, err);
    end_progress(&progress);
    SL_TRY(code);
    SL_TRY(write_envelope(options, envelope, err));
    print_unknown(stderr, &unknown);
    if (options->output && !options->common.is_quiet && !options->common.json)
        printf("attested publication #%lld, %s, run %.8s: %s\n", (long long)publication.number,
               sl_time_text(publication.at_us, time), publication.run_id, options->output);
    return SL_OK;
}

// --- attest verify

struct verify_options {
    struct sl_common common;
    const char *file, *key, *lake;
};

static const struct sl_opt verify_rows[] = {
    {"file", SL_OPT_STRING, offsetof(struct verify_options, file), NULL, "The attestation.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "FILE"},
    {"key", SL_OPT_STRING, offsetof(struct verify_options, key), NULL,
     "The public key, Ed25519 as PEM.", SL_OPT_REQUIRED, .placeholder = "FILE"},
    {"lake", SL_OPT_STRING, offsetof(struct verify_options, lake), NULL,
     "Folder of the tables; that of the project if nothing is said.", 0, .placeholder = "DIR"},
    SL_COMMON_ROWS,
    {0},
};

static int find_lake(const struct verify_options *options, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    struct sl_project_options project_options = {.folder = options->common.folder,
                                                 .environment = options->common.environment,
                                                 .overrides = options->common.settings};
    *ret = options->lake;
    if (options->lake)
        return SL_OK;
    SL_TRY(sl_project_load(&project_options, &project, err));
    *ret = sl_arena_strdup(arena, project->lake_folder);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int print_verdict_json(const struct sl_attest_verdict *verdict, struct sl_err *err)
{
    const json_t *predicate = json_object_get(verdict->statement, "predicate");
    json_t *faults = json_array(), *unknown = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:b, s:s, s:O, s:I, s:I, s:o, s:o}", "schema", "sluice.attest.verify/1",
                  "holds", verdict->fault_count == 0, "key_id", verdict->key_id, "publication",
                  json_object_get(predicate, "publication"), "files", (json_int_t)verdict->files,
                  "bytes", (json_int_t)verdict->bytes, "faults", faults, "unknown_code", unknown);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < verdict->unknown.count; i++)
        if (json_array_append_new(unknown, sl_json_string(verdict->unknown.items[i])) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < verdict->fault_count; i++)
        if (json_array_append_new(faults, json_pack("{s:s, s:s}", "file", verdict->faults[i].name,
                                                    "fault", verdict->faults[i].what)) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static void print_verdict(const struct sl_attest_verdict *verdict)
{
    const json_t *publication =
        json_object_get(json_object_get(verdict->statement, "predicate"), "publication");
    char files[64], size[32];
    print_unknown(stdout, &verdict->unknown);
    for (size_t i = 0; i < verdict->fault_count; i++) {
        sl_put_plain(stdout, verdict->faults[i].name);
        fputs(": ", stdout);
        sl_put_plain(stdout, verdict->faults[i].what);
        putchar('\n');
    }
    if (!verdict->fault_count)
        printf("it holds: publication #%lld of run %.8s, %s, %s, signed by key %.16s\n",
               (long long)sl_json_int(publication, "number", 0),
               sl_json_text(publication, "run_id", ""), sl_count_of(verdict->files, "file", files),
               sl_str_size(verdict->bytes, size), verdict->key_id);
}

static int report(const struct verify_options *options, struct sl_attest_verdict *verdict,
                  struct sl_err *err)
{
    char count[64], all[32];
    if (options->common.json)
        SL_TRY(print_verdict_json(verdict, err));
    else
        print_verdict(verdict);
    fflush(stdout);
    if (!verdict->fault_count)
        return SL_OK;
    options->common.cli->is_reported = options->common.json;
    return sl_fail(err, SL_E_ATTESTATION, "%s of %s not as attested",
                   sl_count_of((int64_t)verdict->fault_count, "file", count),
                   sl_str_count(verdict->files, all));
}

static int run_verify(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct verify_options *options = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_sign_free) struct sl_sign_key *key = NULL;
    SL_AUTO(sl_json_free) json_t *envelope = NULL;
    struct progress progress = {0};
    const struct sl_attest_progress told = {on_file, &progress};
    struct sl_attest_verdict verdict = {0};
    struct sl_fs_stat stat;
    const char *lake, *text;
    size_t length;
    (void)ret_exit;
    sl_arena_init(&arena, 0);
    SL_TRY(find_lake(options, &arena, &lake, err));
    if (sl_fs_stat(lake, &stat, err) != SL_OK)
        return sl_err_hint(err, "--lake names the folder of the tables");
    SL_TRY(read_key(options->key, &arena, &key, err));
    SL_TRY(sl_fs_read(options->file, ENVELOPE_MAX_BYTES, &arena, &text, &length, err));
    SL_TRY(sl_json_parse(text, length, options->file, &envelope, err));
    int code = sl_attest_verify(envelope, key, lake, &told, &arena, &verdict, err);
    end_progress(&progress);
    if (code == SL_OK)
        code = report(options, &verdict, err);
    else
        code = sl_err_context(err, "'%s'", options->file);
    sl_json_free(&verdict.statement);
    return code;
}

// --- attest key

struct key_options {
    struct sl_common common;
    const char *output;
};

static const struct sl_opt key_rows[] = {
    {"output", SL_OPT_STRING, offsetof(struct key_options, output), NULL,
     "NAME.key and NAME.pub are written.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "NAME"},
    SL_COMMON_ROWS,
    {0},
};

static int run_key(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct key_options *options = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *private_pem, *public_pem;
    (void)ret_exit;
    sl_arena_init(&arena, 0);
    const char *private_path = sl_arena_printf(&arena, "%s.key", options->output);
    const char *public_path = sl_arena_printf(&arena, "%s.pub", options->output);
    SL_TRY_NEW(private_path, err);
    SL_TRY_NEW(public_path, err);
    SL_TRY(sl_sign_new_pair(&arena, &private_pem, &public_pem, err));
    mode_t mask = umask(077); // nobody else may read the private key
    int code = sl_fs_create(private_path, private_pem, strlen(private_pem), err);
    (void)umask(mask);
    SL_TRY(code);
    SL_TRY(sl_fs_create(public_path, public_pem, strlen(public_pem), err));
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root = json_pack("{s:s, s:s, s:s}", "schema", "sluice.attest.key/1", "private",
                                 private_path, "public", public_path);
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    printf("wrote %s, which signs and must stay secret, and %s, which checks\n", private_path,
           public_path);
    return SL_OK;
}

static const char *const attest_examples[] = {
    "sluice attest key sluice", "sluice attest --key sluice.key -o attestation.json",
    "sluice attest '#12' --key sluice.key -o attestation-12.json", NULL};
static const char *const verify_examples[] = {
    "sluice attest verify attestation.json --key sluice.pub",
    "sluice attest verify attestation.json --key sluice.pub --lake /mnt/copy/lake", NULL};
static const char *const key_examples[] = {"sluice attest key sluice", NULL};

const struct sl_command sl_command_attest = {
    .name = "attest",
    .summary = "Write a signed record of a publication: code, contracts, inputs, positions, "
               "balances, files.",
    .details =
        "The record is a DSSE envelope around an in-toto statement; its subjects are the files of "
        "the lake, by their SHA-256. Whoever has\n"
        "it, the public key and a copy of the lake can check all of them, without the project and "
        "without a network.",
    .rows = attest_rows,
    .options_bytes = sizeof(struct attest_options),
    .examples = attest_examples,
    .run = run_attest,
};
const struct sl_command sl_command_attest_verify = {
    .name = "attest verify",
    .summary = "Check an attestation: its signature, and every file of the lake that it names.",
    .details =
        "One changed byte in a data file, a file of a log, the kept contracts and models or the "
        "record makes it fail, and so does\n"
        "a file that is gone, or one that came to a log and that readers of the version would "
        "follow. Neither the project nor a network\nis needed.",
    .rows = verify_rows,
    .options_bytes = sizeof(struct verify_options),
    .examples = verify_examples,
    .run = run_verify,
};
const struct sl_command sl_command_attest_key = {
    .name = "attest key",
    .summary = "Make a pair of keys (Ed25519) to attest with.",
    .rows = key_rows,
    .options_bytes = sizeof(struct key_options),
    .examples = key_examples,
    .run = run_key,
};
