// Any bytes are a YAML file: they give a tree or diagnostics with places, never a crash.
#include "base/yaml.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// libfyaml 0.7.12 loses a few kilobytes on some unclosed quotes. Ours are still found.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_node(const struct sl_yaml *node, int depth)
{
    must(node->place.line >= 1 && node->place.column >= 1 && node->place.file);
    must(node->text && sl_yaml_describe(node) && depth <= 256);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == SL_YAML_MAP) {
            must(node->keys[i]->kind == SL_YAML_SCALAR);
            // Found by its key: no other has the same.
            must(sl_yaml_get(node, node->keys[i]->text) == node->items[i]);
        }
        check_node(node->items[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_yaml *root = NULL;
    struct sl_err err;

    must(sl_yaml_parse((const char *)data, size, "fuzz.yml", 1, 1, &arena, &diags, &root, &err) ==
         SL_OK);
    must(root || diags.error_count > 0);
    for (size_t i = 0; i < diags.count; i++) {
        must(diags.items[i].err.line >= 1 && diags.items[i].err.column >= 1);
        // Memory that nobody wrote, in place of a text.
        must(diags.count > 1 || strcmp(diags.items[i].err.message, "a text cannot be read") != 0);
    }
    if (root) {
        check_node(root, 0);
        must(sl_yaml_to_json(root, &json, &err) == SL_OK);
    }
    return 0;
}
