#include "cli/output.h"

const char *sl_output_text(const struct sl_model *model, struct sl_arena *arena)
{
    if (model->stands_for)
        return sl_arena_printf(arena, "means %s", model->stands_for->name);
    const char *until =
        model->deprecated ? sl_arena_printf(arena, "until %s", model->deprecated) : "";
    if (!model->version_of || !until)
        return until;
    return sl_arena_printf(arena, "version %lld%s%s%s", (long long)model->version,
                           model->is_latest ? ", latest" : "", *until ? ", " : "", until);
}

int sl_output_add(json_t *object, const struct sl_model *model, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *more = json_object();
    int failed = more ? 0 : -1;
    if (more && model->version_of)
        failed = json_object_update_missing_new(
            more, json_pack("{s:s, s:I, s:b}", "version_of", model->version_of, "output_version",
                            (json_int_t)model->version, "is_latest", model->is_latest));
    if (!failed && model->deprecated)
        failed = json_object_set_new(more, "deprecated", json_string(model->deprecated));
    if (!failed && model->stands_for)
        failed = json_object_set_new(more, "stands_for",
                                     json_sprintf("curated.%s", model->stands_for->name));
    return !failed && json_object_update(object, more) == 0 ? SL_OK : sl_fail_memory(err);
}
