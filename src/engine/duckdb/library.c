#include "engine/duckdb/library.h"

#include "base/fs.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "libduckdb.so"

struct place {
    char home[PATH_MAX]; // where extensions/ is
    const char *folder;  // of the library, below home: "/lib" or ""
};

static void set_home(struct place *place, const char *home, const char *folder)
{
    place->folder = folder;
    if (home && (size_t)snprintf(place->home, sizeof place->home, "%s", home) < sizeof place->home)
        return;
    place->home[0] = '\0'; // not set, or longer than any path can be
}

static void set_beside_program(struct place *place)
{
    char program[PATH_MAX - 32];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    set_home(place, NULL, "");
    if (length <= 0)
        return;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (!slash)
        return;
    *slash = '\0';
    (void)snprintf(place->home, sizeof place->home, "%s/../lib/sluice", program);
}

// ISO C has no conversion from object to function pointers; POSIX promises that both look the same.
static void set_function(void *function, void *symbol)
{
    memcpy(function, &symbol, sizeof symbol);
}

static int check_version(void *handle, const char *path, struct sl_err *err)
{
    __typeof__(&duckdb_library_version) version = NULL;

    set_function(&version, dlsym(handle, "duckdb_library_version"));
    if (version && sl_str_equal(version(), SL_DUCKDB_VERSION))
        return SL_OK;
    (void)sl_fail(err, SL_E_ENGINE_MISSING, "'%s' is DuckDB %s, and Sluice needs %s", path,
                  version ? version() : "of no known version", SL_DUCKDB_VERSION);
    return sl_err_hint(err, "`make deps` fetches it; DUCKDB_HOME names a folder that has it");
}

static int fill_functions(struct sl_duckdb_library *library, const char *path, struct sl_err *err)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define SL_DUCKDB_ROW(name) {"duckdb_" #name, offsetof(struct sl_duckdb_library, name)},
        SL_DUCKDB_FUNCTIONS(SL_DUCKDB_ROW)
#undef SL_DUCKDB_ROW
    };

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *symbol = dlsym(library->handle, functions[i].name);
        if (!symbol)
            return sl_fail(err, SL_E_ENGINE_MISSING, "'%s' has no function '%s'", path,
                           functions[i].name);
        set_function((char *)library + functions[i].offset, symbol);
    }
    return SL_OK;
}

// The library has 40,000 symbols of its own to find when it is loaded: a fifth of a short command,
// if each is looked for in all libraries of the program first. What was put before the C library,
// though, must be before this one, too: what is preloaded, or the allocator of a sanitizer.
static int binding(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    bool is_plain =
        libc && !getenv("LD_PRELOAD") && dlsym(libc, "malloc") == dlsym(RTLD_DEFAULT, "malloc");

    if (libc)
        dlclose(libc);
    return is_plain ? RTLD_DEEPBIND : 0;
}

// *ret_is_there is false if the system's loader knows no such file. `path` with a slash must load.
static int load(struct sl_duckdb_library *library, const char *path, bool *ret_is_there,
                struct sl_err *err)
{
    *ret_is_there = true;
    // Stays in memory when closed: C++ code with threads is not safe to unload.
    library->handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE | binding());
    if (!library->handle && !strchr(path, '/')) {
        *ret_is_there = false;
        return SL_OK;
    }
    if (!library->handle)
        return sl_fail(err, SL_E_ENGINE_MISSING, "'%s' cannot be loaded: %s", path, dlerror());
    SL_TRY(check_version(library->handle, path, err));
    return fill_functions(library, path, err);
}

static int find_and_load(struct sl_duckdb_library *library, struct sl_err *err)
{
    struct place places[4];
    char path[PATH_MAX + 32];
    bool is_there;

    set_home(&places[0], getenv("DUCKDB_HOME"), "/lib");
    set_home(&places[1], getenv("DUCKDB_HOME"), "");
    set_home(&places[2], SL_DUCKDB_HOME, "/lib");
    set_beside_program(&places[3]);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].home[0] == '\0')
            continue;
        (void)snprintf(path, sizeof path, "%s%s/" FILE_NAME, places[i].home, places[i].folder);
        if (!sl_fs_exists(path))
            continue;
        if (snprintf(library->extension_folder, sizeof library->extension_folder, "%s/extensions",
                     places[i].home) >= (int)sizeof library->extension_folder)
            library->extension_folder[0] = '\0';
        return load(library, path, &is_there, err);
    }
    SL_TRY(load(library, FILE_NAME, &is_there, err));
    if (is_there)
        return SL_OK;
    (void)sl_fail(err, SL_E_ENGINE_MISSING,
                  "'" FILE_NAME "' is neither in DUCKDB_HOME nor beside the program nor in the "
                  "system");
    return sl_err_hint(err, "`make deps` fetches it; DUCKDB_HOME names a folder that has it");
}

int sl_duckdb_library_open(struct sl_duckdb_library *library, struct sl_err *err)
{
    int code;

    *library = (struct sl_duckdb_library){0};
    code = find_and_load(library, err);
    if (code != SL_OK)
        sl_duckdb_library_close(library);
    return code;
}

void sl_duckdb_library_close(struct sl_duckdb_library *library)
{
    if (library->handle)
        dlclose(library->handle);
    library->handle = NULL;
}
