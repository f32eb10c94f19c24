#include "base/libpq.h"

#include <dlfcn.h>
#include <string.h>

int sl_libpq_load(struct sl_libpq *ret, struct sl_err *err)
{
    // It stays until the process ends: libraries under it allocate once for each time they are
    // loaded.
    struct sl_libpq libpq = {.handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)};
    if (!libpq.handle) {
        (void)sl_fail(err, SL_E_TARGET_LIBRARY, "libpq is not installed: %s", dlerror());
        return sl_err_hint(err, "apt-get install libpq5");
    }
    // A function pointer may not be assigned from void *, but its bytes may.
#define LOAD(name)                                                                \
    do {                                                                          \
        void *symbol = dlsym(libpq.handle, #name);                                \
        memcpy(&libpq.name, &symbol, sizeof symbol);                              \
        if (!symbol) {                                                            \
            dlclose(libpq.handle);                                                \
            return sl_fail(err, SL_E_TARGET_LIBRARY, "libpq has no '%s'", #name); \
        }                                                                         \
    } while (0);
    SL_LIBPQ_FUNCTIONS(LOAD)
#undef LOAD
    *ret = libpq;
    return SL_OK;
}

void sl_libpq_unload(struct sl_libpq *libpq)
{
    if (libpq->handle)
        dlclose(libpq->handle);
    libpq->handle = NULL;
}

int sl_libpq_fail(const char *message, enum sl_code code, struct sl_err *err)
{
    size_t length = strlen(message);
    while (length && message[length - 1] == '\n')
        length--;
    return sl_fail(err, code, "%.*s", (int)length, message);
}

bool sl_libpq_is_torn(const PQconninfoOption *options)
{
    for (; options->keyword; options++) {
        const char *value = options->val ? options->val : "";
        if (strcmp(options->keyword, "port") == 0 && value[strspn(value, "0123456789, ")])
            return true;
        if (strcmp(options->keyword, "host") == 0 && *value && strchr(value + 1, '@'))
            return true;
    }
    return false;
}
