// Gives every file of a folder to a fuzz target: its corpus, as a plain test.
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX_BYTES (1 << 20)

static int replay_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX_BYTES);
    FILE *file = fopen(path, "rb");

    if (!data || !file) {
        perror(path);
        exit(1);
    }
    // An allocation of the very size lets the sanitizers see a read past the end.
    size_t size = fread(data, 1, INPUT_MAX_BYTES, file);
    uint8_t *exact = realloc(data, size ? size : 1);
    fclose(file);
    if (!exact)
        exit(1);
    int result = LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return result;
}

int main(int argc, char **argv)
{
    int count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (!folder) {
        fprintf(stderr, "replay FOLDER\n");
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (replay_file(path) != 0)
            return 1;
        count++;
    }
    closedir(folder);
    printf("%d inputs\n", count);
    return count == 0;
}
