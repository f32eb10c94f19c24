// Every setting with its value and where it came from.
#include "spec/load.h"

struct show {
    const struct sl_project *project;
    int (*each)(void *self, const char *key, const char *value, const char *origin);
    void *self;
    struct sl_err *err;
};

// Maps and lists inside of others are not shown: they may hold secrets that were written out.
static const char *describe_item(const struct sl_yaml *node)
{
    if (node->kind == SL_YAML_MAP)
        return "{...}";
    return node->kind == SL_YAML_LIST ? "[...]" : node->text;
}

// The value as it is written in the file: a ${...} is shown as such, never what it gives.
static void describe(const struct sl_yaml *node, struct sl_buf *out)
{
    if (node->kind == SL_YAML_MAP) {
        for (size_t i = 0; i < node->count; i++)
            sl_buf_addf(out, "%s%s: %s", i ? ", " : "{", node->keys[i]->text,
                        describe_item(node->items[i]));
        sl_buf_add(out, node->count ? "}" : "{}");
        return;
    }
    if (node->kind != SL_YAML_LIST) {
        sl_buf_add(out, node->text);
        return;
    }
    sl_buf_add_char(out, '[');
    for (size_t i = 0; i < node->count; i++) {
        const struct sl_yaml *item = node->items[i];
        const struct sl_yaml *name = item->kind == SL_YAML_MAP ? sl_yaml_get(item, "name") : NULL;
        sl_buf_addf(out, "%s%s", i ? ", " : "", name ? name->text : describe_item(item));
    }
    sl_buf_add_char(out, ']');
}

static void describe_origin(const struct show *show, const struct sl_yaml *node,
                            const struct sl_yaml *of_section, struct sl_buf *out)
{
    if (node->place.line == 0)
        sl_buf_add(out, node->place.file);
    else
        sl_buf_addf(out, "%s:%d", node->place.file, node->place.line);
    if (node == of_section)
        sl_buf_addf(out, " (environment %s)", show->project->environment);
}

static int show_setting(const struct show *show, const struct sl_opt *group,
                        const struct sl_opt *row)
{
    const struct sl_spec_index *index = show->project->index;
    const struct sl_yaml *map = group ? sl_yaml_get(index->settings, group->name) : index->settings;
    const struct sl_yaml *section =
        group ? sl_yaml_get(index->section, group->name) : index->section;
    const struct sl_yaml *node = sl_load_has(map, row->name) ? sl_yaml_get(map, row->name) : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf origin = SL_BUF_INIT;

    sl_buf_addf(&key, "%s%s%s", group ? group->name : "", group ? "." : "", row->name);
    if (node) {
        describe(node, &value);
        describe_origin(show, node, sl_yaml_get(section, row->name), &origin);
    } else {
        sl_buf_add(&value, row->otherwise ? row->otherwise : "");
        sl_buf_add(&origin, "default");
    }
    SL_TRY(sl_buf_check(&key, show->err));
    SL_TRY(sl_buf_check(&value, show->err));
    SL_TRY(sl_buf_check(&origin, show->err));
    return show->each(show->self, key.text, value.text, origin.text);
}

int sl_project_settings(const struct sl_project *project,
                        int (*each)(void *self, const char *key, const char *value,
                                    const char *origin),
                        void *self, struct sl_err *err)
{
    struct show show = {.project = project, .each = each, .self = self, .err = err};

    SL_TRY(each(self, "environment", project->environment ? project->environment : "",
                project->index->environment_origin));
    for (const struct sl_opt *row = sl_project_rows; row->name; row++) {
        if (row->type == SL_OPT_LIST)
            continue;
        if (row->type != SL_OPT_OBJECT)
            SL_TRY(show_setting(&show, NULL, row));
        else
            for (const struct sl_opt *inner = row->rows; inner->name; inner++)
                SL_TRY(show_setting(&show, row, inner));
    }
    return SL_OK;
}
