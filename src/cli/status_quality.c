#include "cli/status_quality.h"

#include "base/clock.h"
#include "run/quality.h"

#include <string.h>

struct all {
    struct sl_world world;
    struct sl_quality *tables;
    size_t count;
    int64_t now_us;
};

static void all_clear(struct all *all)
{
    sl_world_close(&all->world);
}

static int read_all(const struct sl_common *common, struct all *ret, struct sl_err *err)
{
    SL_TRY(sl_open_world(common, &ret->world, err));
    const struct sl_graph *graph = &ret->world.graph;
    ret->now_us = sl_clock_now_us();
    ret->tables = SL_NEW_ARRAY(&ret->world.arena, struct sl_quality, graph->count);
    SL_TRY_NEW(ret->tables, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        struct sl_quality *quality = &ret->tables[ret->count];
        if (node->kind != SL_NODE_CLEANSE && node->kind != SL_NODE_MODEL)
            continue;
        SL_TRY(sl_quality_read(node, ret->world.project, &ret->world.arena, quality, err));
        ret->count += quality->version >= 0;
    }
    return SL_OK;
}

// How old the newest value is now, of the check whose bound it is nearest to or furthest past.
struct age {
    const struct sl_check_result *check; // NULL: none is about it
    int64_t age_s;
    double used; // of what is allowed
};

static struct age find_age(const struct sl_quality *quality, int64_t now_us)
{
    struct age age = {0};
    for (size_t i = 0; i < quality->check_count; i++) {
        const struct sl_check_result *check = &quality->checks[i];
        int64_t newest_us;
        if (!check->max_age_s || !check->measure || sl_clock_parse(check->measure, &newest_us) != 0)
            continue;
        int64_t age_s = (now_us - newest_us) / 1000000;
        double used = (double)age_s / (double)check->max_age_s;
        if (!age.check || used > age.used)
            age = (struct age){check, age_s, used};
    }
    return age;
}

static const char *score_text(const struct sl_score *score, char buffer[32])
{
    if (score->value < 0)
        return "-";
    // Only what is perfect reads so.
    double shown = score->value > 0.9995 && score->value < 1 ? 0.999 : score->value;
    snprintf(buffer, 32, "%.3f", shown);
    return buffer;
}

static const char *age_text(const struct age *age, char buffer[64])
{
    char elapsed[32];
    int64_t days = age->age_s / 86400;
    if (!age->check)
        return "";
    if (days >= 3)
        snprintf(elapsed, sizeof elapsed, "%lld d", (long long)days);
    else
        (void)sl_str_elapsed(age->age_s * 1000, elapsed);
    snprintf(buffer, 64, "%s%s", elapsed, age->used > 1 ? ", late" : "");
    return buffer;
}

static int add_table(struct sl_grid *grid, const struct all *all, const struct sl_quality *quality,
                     struct sl_err *err)
{
    char texts[SL_DIMENSIONS][32], version[32], text[64];
    struct age age = find_age(quality, all->now_us);
    snprintf(version, sizeof version, "%lld", (long long)quality->version);
    const char *cells[] = {quality->table,
                           version,
                           score_text(&quality->scores[SL_DIMENSION_TIMELINESS], texts[0]),
                           score_text(&quality->scores[SL_DIMENSION_COMPLETENESS], texts[1]),
                           score_text(&quality->scores[SL_DIMENSION_ACCURACY], texts[2]),
                           score_text(&quality->scores[SL_DIMENSION_CONFORMANCE], texts[3]),
                           score_text(&quality->scores[SL_DIMENSION_CONSISTENCY], texts[4]),
                           age_text(&age, text)};
    return sl_grid_row(grid, cells, err);
}

static int say_score(const struct sl_quality *quality, enum sl_dimension dimension,
                     struct sl_buf *text, struct sl_err *err)
{
    const struct sl_score *score = &quality->scores[dimension];
    char numbers[2][32], value[32];
    if (score->value < 0)
        return SL_OK;
    sl_buf_addf(text, "%s %s %s: ", quality->table, sl_dimension_name(dimension),
                score_text(score, value));
    if (score->has_rules && quality->rows_in)
        sl_buf_addf(text, "%s of %s rows broke its rules", sl_str_count(score->broken, numbers[0]),
                    sl_str_count(quality->rows_in, numbers[1]));
    if (score->checks)
        sl_buf_addf(text, "%s%lld of %lld check%s passed",
                    score->has_rules && quality->rows_in ? "; " : "", (long long)score->passed,
                    (long long)score->checks, score->checks == 1 ? "" : "s");
    sl_buf_add(text, "\n");
    for (size_t i = 0; i < quality->check_count; i++) {
        const struct sl_check_result *check = &quality->checks[i];
        if (check->dimension != dimension || check->is_passed)
            continue;
        sl_buf_addf(text, "    %s: %s, but ", check->name ? check->name : check->kind,
                    check->claim);
        if (check->rows >= 0)
            sl_buf_addf(text, "%s row%s otherwise\n", sl_str_count(check->rows, numbers[0]),
                        check->rows == 1 ? " says" : "s say");
        else
            sl_buf_addf(text, "it is %s\n", check->measure ? check->measure : "not there");
    }
    return sl_buf_check(text, err);
}

static int print_text(struct all *all, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_grid grid;
    if (!all->count) {
        puts("there are no clean or curated tables yet");
        return SL_OK;
    }
    sl_grid_init(&grid, &all->world.arena, 8, 0x7E);
    SL_TRY(sl_grid_row(&grid,
                       (const char *const[]){"table", "version", "timeliness", "completeness",
                                             "accuracy", "conformance", "consistency", "age"},
                       err));
    for (size_t i = 0; i < all->count; i++) {
        SL_TRY(add_table(&grid, all, &all->tables[i], err));
        for (int dimension = 0; dimension < SL_DIMENSIONS; dimension++)
            SL_TRY(say_score(&all->tables[i], (enum sl_dimension)dimension, &text, err));
    }
    SL_TRY(sl_grid_print(&grid, stdout, err));
    if (text.length) {
        putchar('\n');
        sl_print_masked(text.text, stdout);
    }
    return SL_OK;
}

static json_t *age_json(const struct sl_quality *quality, int64_t now_us)
{
    struct age age = find_age(quality, now_us);
    if (!age.check)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:b}", "newest", age.check->measure, "age_s",
                     (json_int_t)age.age_s, "max_age_s", (json_int_t)age.check->max_age_s,
                     "is_late", age.used > 1);
}

static int add_json(json_t *list, const struct sl_quality *quality, int64_t now_us,
                    struct sl_err *err)
{
    char time[32];
    json_t *checks = json_array();
    json_t *table = json_pack("{s:s, s:I, s:s, s:I, s:o, s:o, s:o}", "table", quality->table,
                              "version", (json_int_t)quality->version, "time",
                              sl_clock_format(quality->time_ms * 1000, time), "rows_in",
                              (json_int_t)quality->rows_in, "scores", sl_quality_json(quality),
                              "checks", checks, "age", age_json(quality, now_us));
    if (json_array_append_new(list, table) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < quality->check_count; i++)
        if (json_array_append_new(checks, sl_check_result_json(&quality->checks[i], false)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int print_json(const struct all *all, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o}", "schema", "sluice.status.quality/1", "tables", list);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < all->count; i++)
        SL_TRY(add_json(list, &all->tables[i], all->now_us, err));
    return sl_print_json(root, err);
}

int sl_status_quality(const struct sl_common *common, struct sl_err *err)
{
    SL_AUTO(all_clear) struct all all = {0};
    SL_TRY(read_all(common, &all, err));
    return common->json ? print_json(&all, err) : print_text(&all, err);
}
