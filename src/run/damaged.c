// What has come upon a damaged or missing file of a lake is told which table's it is, and what
// helps.
#include "run/damaged.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

// A file of a table, as a message quotes it.
struct found {
    const char *lake;
    enum sl_layer layer;
    char name[128];
    char file[512]; // within the table's folder; "": the folder itself
};

int sl_missing_hint(struct sl_err *err, const char *table)
{
    return sl_err_hint(err,
                       "restore it from a backup; or `sluice rollback` to a publication that does "
                       "not need it; or `sluice run --full-refresh --select %s` builds the table "
                       "anew",
                       table);
}

// What follows the layer's folder, in a path between quotes.
static bool find_in_lake(const char *message, const char *lake, struct found *ret)
{
    size_t length = lake ? strlen(lake) : 0;
    const char *at = length ? strstr(message, lake) : NULL;
    if (!at || at == message || !strchr("\"'", at[-1]) || at[length] != '/')
        return false;
    const char quote[] = {at[-1], '\0'};
    for (int i = SL_LAYER_RAW; i <= SL_LAYER_CURATED; i++) {
        const char *layer = sl_layer_name((enum sl_layer)i);
        const char *rest = at + length + 1;
        if (!sl_str_starts(rest, layer) || rest[strlen(layer)] != '/')
            continue;
        rest += strlen(layer) + 1;
        size_t path = strcspn(rest, quote), name = strcspn(rest, "/");
        name = name < path ? name : path;
        *ret = (struct found){.lake = lake, .layer = (enum sl_layer)i};
        (void)snprintf(ret->name, sizeof ret->name, "%.*s", (int)name, rest);
        if (name < path)
            (void)snprintf(ret->file, sizeof ret->file, "%.*s", (int)(path - name - 1),
                           rest + name + 1);
        return name > 0;
    }
    return false;
}

static int hint_at_build(const struct found *found, struct sl_err *err)
{
    char table[160];
    enum sl_layer layer = found->layer == SL_LAYER_QUARANTINE ? SL_LAYER_CLEAN : found->layer;
    (void)snprintf(table, sizeof table, "%s.%s", sl_layer_name(layer), found->name);
    return sl_missing_hint(err, table);
}

static int explain_missing(const struct found *found, struct sl_err *err)
{
    sl_err_clear(err);
    (void)sl_fail(
        err, SL_E_TABLE_FILE,
        "%s.%s lacks '%s', a data file that its log names: another program has removed it",
        sl_layer_name(found->layer), found->name, found->file);
    return hint_at_build(found, err);
}

// No step reads a table whose log cannot be read, not even to build it anew: its folder has to go.
static int hint_at_folders(const struct found *found, struct sl_err *err)
{
    const char *lake = found->lake, *name = found->name;
    switch (found->layer) {
    case SL_LAYER_RAW:
        return sl_err_hint(err,
                           "restore it from a backup; or, if the source still has all of its "
                           "files, move the folder '%s/raw/%s' away: the next run reads them "
                           "again. What only raw still had is lost by that",
                           lake, name);
    case SL_LAYER_CLEAN:
    case SL_LAYER_QUARANTINE:
        return sl_err_hint(err,
                           "restore it from a backup; or move the folders '%s/clean/%s' and "
                           "'%s/quarantine/%s' away: the next run builds both anew from raw.%s; "
                           "rows that were given up in quarantine are to be given up again",
                           lake, name, lake, name, name);
    case SL_LAYER_CURATED:
        return sl_err_hint(err,
                           "restore it from a backup; or move the folder '%s/curated/%s' away: the "
                           "next run builds the table anew from what it reads (of a snapshot, "
                           "without its history)",
                           lake, name);
    }
    return (int)err->code;
}

// What the machine refuses is the same wherever it is met.
static void hint_at_machine(struct sl_err *err)
{
    if (err->hint[0])
        return;
    if (err->code == SL_E_NO_SPACE)
        (void)sl_err_hint(err, "make room and run it again: what was published stands, and what is "
                               "missing is done then");
    else if (err->code == SL_E_NO_PERMISSION && strstr(err->message, "Read-only file system"))
        (void)sl_err_hint(err, "mount its file system for writing, or choose a folder elsewhere");
    else if (err->code == SL_E_NO_PERMISSION)
        (void)sl_err_hint(err, "who runs this must own it, or be let by its mode: see `ls -ld`");
}

// A partition is a folder, "column=value". Of the table's files no other name is made of data.
static int explain_partition(const struct found *found, struct sl_err *err)
{
    const char *at = found->file;
    size_t length = strcspn(at, "/");
    while (length <= NAME_MAX && at[length] == '/') {
        at += length + 1;
        length = strcspn(at, "/");
    }
    const char *equals = memchr(at, '=', length);
    if (!equals)
        return (int)err->code;
    int column = (int)(equals - at);
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_LIMIT,
                  "%s.%s is partitioned by '%.*s', and a value of it is too long for the name of a "
                  "folder: '%.40s...'",
                  sl_layer_name(found->layer), found->name, column, at, equals + 1);
    return sl_err_hint(err,
                       "folders have names of at most %d bytes: partition by what is shorter, as "
                       "left(%.*s, 20), or by no such column",
                       NAME_MAX, column, at);
}

int sl_lakes_explain(const struct sl_lakes *lakes, struct sl_err *err)
{
    struct found found;
    bool is_found = false;
    hint_at_machine(err);
    for (size_t i = 0; i < SL_MOST_LAKES && !is_found; i++)
        is_found = find_in_lake(err->message, lakes->folders[i], &found);
    if (!is_found)
        return (int)err->code;
    if (err->code == SL_E_FILE_MISSING && found.file[0])
        return explain_missing(&found, err);
    if (err->code == SL_E_IO && strstr(err->message, "File name too long"))
        return explain_partition(&found, err);
    if (err->code == SL_E_TABLE_LOG && !err->hint[0])
        return hint_at_folders(&found, err);
    // As it is cut off, or no Parquet at all.
    if ((err->code == SL_E_ENGINE || err->code == SL_E_IO) && !err->hint[0] &&
        sl_str_ends(found.file, ".parquet") && strstr(err->message, "magic bytes"))
        return hint_at_build(&found, err);
    return (int)err->code;
}

int sl_lake_explain(const struct sl_project *project, struct sl_err *err)
{
    const struct sl_lakes lakes = {
        {project->lake_folder, project->read_lake, project->read_lake_behind}};
    return sl_lakes_explain(&lakes, err);
}
