// Runs a fuzz target over the files of the folders given: the corpus as plain tests. With no file
// at all it fails.
#include "base/fs.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_folder(const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names;

    SL_TRY(sl_fs_list(folder, &arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(&arena, folder, names.items[i]);
        const char *text;
        size_t length;

        SL_TRY_NEW(path, err);
        SL_TRY(sl_fs_read(path, (size_t)16 << 20, &arena, &text, &length, err));
        printf("%s\n", path);
        fflush(stdout); // so that a crash has a name
        (void)LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    }
    return names.count ? SL_OK : sl_fail(err, SL_E_FILE_MISSING, "no file in '%s'", folder);
}

int main(int argc, char **argv)
{
    struct sl_err err;

    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i], &err) != SL_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    return argc > 1 ? 0 : 1;
}
