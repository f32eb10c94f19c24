// Any bytes are one of a project's files, which the first byte chooses: the project is loaded with
// diagnostics that have a code and a message, or an error says why there is none. A variable of
// `.env` is one line of text.
#include "fuzz.h"

#include "base/fs.h"
#include "spec/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *path, *text;
} files[] = {
    {"sluice.yml", "name: fuzz\n"},
    {"sources/orders.yml", "path: data/orders.csv\n"},
    {"targets/files.yml",
     "type: parquet\npath: ${env:SL_FUZZ_OUT}\ndeliver: [{table: clean.orders}]\n"},
    {"models/daily.sql", "select * from clean.orders\n"},
    {"contracts/orders.odcs.yml",
     "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n"
     "  - {name: orders, properties: [{name: id, logicalType: integer}]}\n"},
    {".env", ""},
    {"pipelines/all.yml", "when: [{cron: '0 3 * * *'}]\n"},
};
#define FILE_COUNT (sizeof files / sizeof *files)
#define ENV 5

static char folder[] = "/tmp/sluice-fuzz-XXXXXX";

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void put(size_t at, const char *text, size_t length)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, files[at].path);
    FILE *file = fopen(path, "w");
    must(file != NULL && fwrite(text, 1, length, file) == length);
    must(fclose(file) == 0);
}

static void make(void)
{
    static const char *const folders[] = {"sources", "targets", "models", "contracts", "pipelines"};
    char path[128];
    must(mkdtemp(folder) != NULL && unsetenv("SL_FUZZ_OUT") == 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        must(sl_fs_mkdirs(path, NULL) == SL_OK);
    }
    for (size_t i = 0; i < FILE_COUNT; i++)
        put(i, files[i].text, strlen(files[i].text));
}

static void load(bool is_env, const char *environment)
{
    // Commands in a project's files are run when secrets are resolved: only `.env` may have any.
    const struct sl_project_options options = {
        .folder = folder, .environment = environment, .resolve_secrets = is_env};
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    struct sl_err err = {0};
    if (sl_project_load(&options, &project, &err) != SL_OK) {
        must(err.code != SL_OK && err.message[0] && !is_env);
        return;
    }
    for (size_t i = 0; i < project->diags.count; i++) {
        const struct sl_err *told = &project->diags.items[i].err;
        must(told->code != SL_OK && told->code != SL_E_INTERNAL && told->message[0]);
    }
    for (size_t i = 0; is_env && i < project->target_count; i++)
        must(!project->targets[i].path || !strchr(project->targets[i].path, '\n'));
}

static void remove_folder(void)
{
    struct sl_err ignored = {0};
    (void)!sl_fs_remove_tree(folder, &ignored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_made;
    if (size < 1)
        return 0;
    if (!is_made) {
        make();
        must(atexit(remove_folder) == 0);
    }
    is_made = true;
    size_t at = data[0] % FILE_COUNT;
    put(at, (const char *)data + 1, size - 1);
    load(at == ENV, NULL);
    if (at == 0)
        load(false, "dev");
    put(at, files[at].text, strlen(files[at].text));
    return 0;
}
