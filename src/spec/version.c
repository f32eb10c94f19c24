// Versioned outputs: models that are versions of one output, and what the output's own name means.
#include "spec/load.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define LAST_VERSION 9999
#define DAY_US ((int64_t)86400 * 1000000)

static void refuse(struct sl_load *load, const struct sl_model *model, const char *key,
                   enum sl_code code, const char *hint, const char *message)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, code, sl_load_key_place(model->node, key),
            hint, "%s", message);
}

// "revenue_v2"; NULL out of memory.
static const char *name_of_version(struct sl_arena *arena, const char *output, int64_t version)
{
    return sl_arena_printf(arena, "%s_v%" PRId64, output, version);
}

static int check_day(struct sl_load *load, struct sl_model *model, struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    int64_t begin_us;

    if (!model->deprecated)
        return SL_OK;
    if (strlen(model->deprecated) == strlen("2027-01-31") &&
        sl_clock_parse(model->deprecated, &begin_us) == 0) {
        model->deprecated_until_us = begin_us + DAY_US;
        return SL_OK;
    }
    const char *message =
        sl_arena_printf(arena, "'deprecated' is '%s', which is no day", model->deprecated);
    SL_TRY_NEW(message, err);
    refuse(load, model, "deprecated", SL_E_VALUE_INVALID,
           "the last day on which it is to be read, such as 2027-01-31", message);
    model->deprecated = NULL;
    return SL_OK;
}

// `version_of` and `version` stand together, and the file's name says the same.
static int check_name(struct sl_load *load, struct sl_model *model, struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    const char *expected = name_of_version(arena, model->version_of, model->version);

    SL_TRY_NEW(expected, err);
    if (sl_str_equal(expected, model->name))
        return SL_OK;
    const char *hint =
        sl_arena_printf(arena, "name the file %s.sql, or mend the settings", expected);
    const char *message = sl_arena_printf(
        arena, "version %" PRId64 " of '%s' must be named '%s', and this file is '%s'",
        model->version, model->version_of, expected, model->name);
    SL_TRY_NEW(hint, err);
    SL_TRY_NEW(message, err);
    refuse(load, model, "version_of", SL_E_MODEL_SETTING, hint, message);
    return SL_OK;
}

int sl_version_check(struct sl_load *load, struct sl_model *model, struct sl_err *err)
{
    static const char *const hint = "a version has both: 'version_of: revenue' and 'version: 2'";
    const struct sl_yaml *number = sl_yaml_get(model->node, "version");
    bool has_number = sl_load_has(model->node, "version");
    int64_t whole;

    SL_TRY(check_day(load, model, err));
    if (has_number && (number->kind != SL_YAML_SCALAR || !sl_str_to_int64(number->text, &whole))) {
        model->version_of = NULL; // told by the reader of the settings
        return SL_OK;
    }
    if (!model->version_of && has_number)
        refuse(load, model, "version", SL_E_KEY_MISSING, hint,
               "'version' says nothing without 'version_of'");
    else if (!model->version_of && sl_load_has(model->node, "latest"))
        refuse(load, model, "latest", SL_E_KEY_MISSING, hint,
               "'latest' says nothing without 'version_of'");
    if (!model->version_of)
        return SL_OK;
    if (!has_number)
        refuse(load, model, "version_of", SL_E_KEY_MISSING, hint,
               "'version_of' needs the number of the version in 'version'");
    else if (model->version < 1 || model->version > LAST_VERSION)
        refuse(load, model, "version", SL_E_VALUE_INVALID, "versions are counted 1, 2, 3, ...",
               "'version' is no number from 1 to 9999");
    else
        return check_name(load, model, err);
    model->version_of = NULL; // as if it were of none, so that nothing else is found wrong
    return SL_OK;
}

// --- The output's own name ---

struct output {
    const char *name;
    const struct sl_model *latest, *first;
    struct sl_strs files; // of its versions
    bool has_two_latest;
};

static bool is_said(const struct sl_model *model, bool *ret_is_latest)
{
    *ret_is_latest = model->is_latest;
    return sl_load_has(model->node, "latest");
}

// `latest: true` wins; else the highest that does not say `latest: false`.
static int add_version(struct sl_load *load, struct output *output, struct sl_model *model,
                       struct sl_err *err)
{
    bool is_latest, was_latest, is_declared = is_said(model, &is_latest);
    bool was_declared = output->latest && is_said(output->latest, &was_latest);

    SL_TRY(sl_strs_add(&output->files, &load->project->arena, model->file, err));
    if (!output->first)
        output->first = model;
    if (is_declared && !is_latest)
        return SL_OK;
    if (is_declared && was_declared) {
        const char *message =
            sl_arena_printf(&load->project->arena, "'%s' says 'latest: true', as '%s' does",
                            model->file, output->latest->file);
        SL_TRY_NEW(message, err);
        refuse(load, model, "latest", SL_E_MODEL_SETTING, "take it out of one of the two", message);
        return SL_OK;
    }
    if (!output->latest || is_declared ||
        (!was_declared && model->version > output->latest->version))
        output->latest = model;
    return SL_OK;
}

static int list_outputs(struct sl_load *load, struct output **ret, size_t *ret_count,
                        struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct output *outputs = SL_NEW_ARRAY(&project->arena, struct output, project->model_count);
    size_t count = 0;

    SL_TRY_NEW(outputs, err);
    for (size_t i = 0; i < project->model_count; i++) {
        struct sl_model *model = &project->models[i];
        size_t at = 0;

        if (!model->version_of)
            continue;
        while (at < count && !sl_str_equal(outputs[at].name, model->version_of))
            at++;
        outputs[at].name = model->version_of;
        count += at == count;
        SL_TRY(add_version(load, &outputs[at], model, err));
    }
    *ret = outputs;
    *ret_count = count;
    return SL_OK;
}

// A view over the latest version, which stands nowhere but in the memory.
static int add_output(struct sl_load *load, const struct sl_model *latest, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_arena *arena = &project->arena;
    struct sl_model *model = &project->models[project->model_count];
    struct sl_yaml *node = SL_NEW(arena, struct sl_yaml);
    const char *text = sl_arena_printf(
        arena, "/* sluice\nwrite: view\n*/\nselect * from curated.%s\n", latest->name);

    SL_TRY_NEW(node, err);
    SL_TRY_NEW(text, err);
    *node = (struct sl_yaml){.place = {latest->file, 1, 1}, .text = ""};
    *model = (struct sl_model){.name = latest->version_of,
                               .file = latest->file,
                               .node = node,
                               .text = text,
                               .sql = strstr(text, "select"),
                               .sql_line = 1,
                               .sql_column = 1,
                               .description = latest->description,
                               .tags = latest->tags,
                               .write = SL_WRITE_VIEW,
                               .personal = latest->personal,
                               .stands_for = latest,
                               .requirements = latest->requirements};
    project->model_count++;
    project->output_count++;
    return sl_map_set(&project->index->models, model->name, model, err);
}

// A name can mean only one of the two.
static int refuse_file(struct sl_load *load, const struct output *output,
                       const struct sl_model *taken, struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    const char *hint =
        sl_arena_printf(arena, "make it a version too: %s_vN.sql with 'version_of: %s'",
                        output->name, output->name);

    SL_TRY_NEW(hint, err);
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
            (struct sl_place){taken->file, 1, 1}, hint,
            "'%s' has the name of the output '%s', of which '%s' is a version", taken->file,
            output->name, output->first->file);
    return SL_OK;
}

int sl_versions_name(struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct output *outputs;
    size_t count;

    SL_TRY(list_outputs(load, &outputs, &count, err));
    for (size_t i = 0; i < count; i++) {
        const struct sl_model *taken = sl_map_get(&project->index->models, outputs[i].name);

        if (taken)
            SL_TRY(refuse_file(load, &outputs[i], taken, err));
        else if (outputs[i].latest)
            SL_TRY(add_output(load, outputs[i].latest, err));
    }
    for (size_t i = 0; i < project->model_count; i++) {
        struct sl_model *model = &project->models[i];

        model->is_latest = false;
        for (size_t k = 0; k < count && model->version_of; k++)
            model->is_latest |= outputs[k].latest == model;
    }
    return SL_OK;
}

int sl_versions_deliver(struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;

    for (size_t i = 0; i < project->target_count; i++)
        for (size_t k = 0; k < project->targets[i].delivery_count; k++) {
            struct sl_delivery *delivery = &project->targets[i].deliveries[k];
            enum sl_layer layer;
            const char *name;
            const struct sl_model *model =
                sl_table_parse(delivery->table, &layer, &name) && layer == SL_LAYER_CURATED
                    ? sl_project_model(project, name)
                    : NULL;

            if (!model || !model->stands_for)
                continue;
            delivery->asked = delivery->table;
            delivery->table =
                sl_arena_printf(&project->arena, "curated.%s", model->stands_for->name);
            SL_TRY_NEW(delivery->table, err);
        }
    return SL_OK;
}

// --- What a version promises beside its columns ---

static bool is_blocking(const struct sl_yaml *check)
{
    const struct sl_yaml *severity = sl_yaml_get(check, "severity");

    return check->kind == SL_YAML_MAP && !sl_yaml_get(check, "mostly") &&
           !sl_yaml_get(check, "where") && (!severity || sl_str_equal(severity->text, "fail"));
}

static int add_columns(const struct sl_yaml *check, struct sl_arena *arena, struct sl_strs *ret,
                       struct sl_err *err)
{
    const struct sl_yaml *names = sl_yaml_get(check, "not_null");

    if (names && names->kind == SL_YAML_MAP)
        names = sl_yaml_get(names, "columns");
    else if (names && names->kind == SL_YAML_NULL)
        names = sl_yaml_get(check, "column");
    for (size_t i = 0; i < sl_load_item_count(names); i++)
        if (sl_load_item(names, i)->kind == SL_YAML_SCALAR)
            SL_TRY(sl_strs_add(ret, arena, sl_load_item(names, i)->text, err));
    return SL_OK;
}

int sl_model_never_null(const char *text, struct sl_arena *arena, struct sl_strs *ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags ignored = SL_DIAGS_INIT;
    struct sl_model_text parts;
    struct sl_yaml *node = NULL;
    const struct sl_yaml *checks;

    *ret = (struct sl_strs){0};
    sl_model_split(text, &parts);
    if (parts.settings)
        SL_TRY(sl_yaml_parse(parts.settings, parts.settings_length, "", 1, 1, arena, &ignored,
                             &node, err));
    checks = node && node->kind == SL_YAML_MAP ? sl_yaml_get(node, "checks") : NULL;
    for (size_t i = 0; checks && checks->kind == SL_YAML_LIST && i < checks->count; i++)
        if (is_blocking(checks->items[i]))
            SL_TRY(add_columns(checks->items[i], arena, ret, err));
    return SL_OK;
}
