#include "check/argument.h"

static int add_text(const struct sl_check_input *input, const struct sl_yaml *node,
                    const char *what, struct sl_strs *list, struct sl_err *err)
{
    if (node->kind == SL_YAML_SCALAR && (node->text[0] || node->is_quoted))
        return sl_strs_add(list, input->arena, node->text, err);
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
            "expected a %s, found %s", what, sl_yaml_describe(node));
    return SL_OK;
}

int sl_check_list(const struct sl_check_input *input, const struct sl_yaml *node, const char *what,
                  struct sl_strs *ret, struct sl_err *err)
{
    size_t errors = input->diags->error_count;
    struct sl_strs list = {0};
    if (!node || node->kind == SL_YAML_NULL || node->kind == SL_YAML_MAP ||
        (node->kind == SL_YAML_LIST && !node->count))
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                node ? node->place : input->arguments->place, NULL,
                "expected a %s or a list of %ss, found %s", what, what,
                node ? sl_yaml_describe(node) : "nothing");
    else if (node->kind == SL_YAML_SCALAR)
        SL_TRY(add_text(input, node, what, &list, err));
    else
        for (size_t i = 0; i < node->count; i++)
            SL_TRY(add_text(input, node->items[i], what, &list, err));
    if (input->diags->error_count == errors)
        *ret = list;
    return SL_OK;
}

const char *sl_check_text(const struct sl_check_input *input, const char *key, bool is_required)
{
    const struct sl_yaml *node = sl_yaml_get(input->arguments, key);
    if (node && node->kind == SL_YAML_SCALAR)
        return node->text;
    if (node)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "expected a value for '%s', found %s", key, sl_yaml_describe(node));
    else if (is_required)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'%s' is missing", key);
    return NULL;
}

bool sl_check_is_map(const struct sl_check_input *input, const char *const *known)
{
    const struct sl_yaml *map = input->arguments;
    size_t count = 0, errors = input->diags->error_count;
    while (known[count])
        count++;
    if (map->kind != SL_YAML_MAP) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, map->place, NULL,
                "expected a map, found %s", sl_yaml_describe(map));
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count; k++)
            is_known |= sl_str_equal(map->keys[i]->text, known[k]);
        if (!is_known)
            sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, map->keys[i]->place,
                    sl_did_you_mean(input->arena, map->keys[i]->text, known, count),
                    "unknown key '%s'", map->keys[i]->text);
    }
    return input->diags->error_count == errors;
}

int sl_check_keep(const struct sl_check_input *input, const struct sl_buf *text, const char **ret,
                  struct sl_err *err)
{
    SL_TRY(sl_buf_check(text, err));
    *ret = sl_arena_strdup(input->arena, text->text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

void sl_check_say(const struct sl_strs *names, struct sl_buf *text)
{
    for (size_t i = 0; i < names->count; i++)
        sl_buf_addf(text, "%s'%s'", i ? ", " : "", names->items[i]);
}
