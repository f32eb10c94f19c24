// The end of a run that had no step to run.
#include "cli/run_view.h"

static int publication_json(const struct sl_rest *rest, const struct sl_strs *tables, json_t *root,
                            struct sl_err *err)
{
    json_t *object = json_pack("{s:I, s:b, s:o}", "number", (json_int_t)rest->now.number, "is_new",
                               1, "tables", sl_json_strs(tables));
    return json_object_set_new(root, "publication", object) == 0 ? SL_OK : sl_fail_memory(err);
}

static void print_publication(const struct sl_rest *rest, const struct sl_strs *tables)
{
    printf("published #%lld", (long long)rest->now.number);
    for (size_t i = 0; i < tables->count; i++)
        printf("%s %s", i ? "," : ":", tables->items[i]);
    putchar('\n');
}

int sl_run_view_nothing(const struct sl_common *common, struct sl_world *world, const char *why,
                        const struct sl_rest *rest, struct sl_err *err)
{
    struct sl_strs tables = {0};
    bool has_published = rest && rest->is_new;
    json_int_t fresh = (json_int_t)sl_plan_count(&world->graph, SL_VERDICT_FRESH);
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s?, s:i, s:s, s:{s:I, s:i, s:i, s:i, s:I, s:i, s:i}, s:[]}", "schema",
                  "sluice.run/1", "run_id", has_published ? rest->now.run_id : NULL, "exit_code", 0,
                  "note", why, "counts", "ok", fresh, "warn", 0, "error", 0, "skipped", 0,
                  "nothing", fresh, "quarantined", 0, "set_aside_values", 0, "steps");
    SL_TRY_NEW(root, err);
    if (has_published) {
        SL_TRY(sl_rest_tables(rest, world, &world->arena, &tables, err));
        SL_TRY(publication_json(rest, &tables, root, err));
    }
    if (common->log_format == SL_LOG_JSON) {
        SL_AUTO(sl_json_free)
        json_t *fields = json_pack("{s:s?, s:s?, s:i, s:O}", "job_id", common->cli->job_id,
                                   "run_id", has_published ? rest->now.run_id : NULL, "exit_code",
                                   0, "counts", json_object_get(root, "counts"));
        sl_log(SL_LOG_INFO, fields, "%s", why);
    }
    if (common->json)
        return sl_print_json(root, err);
    if (!common->is_quiet)
        puts(why);
    if (has_published)
        print_publication(rest, &tables);
    printf("OK 0  UP TO DATE %lld  WARN 0  ERROR 0  SKIPPED 0  quarantined 0\n", (long long)fresh);
    return SL_OK;
}
