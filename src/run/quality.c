#include "run/quality.h"

#include "contract/compile.h"
#include "contract/dimension.h"

#include <stdlib.h>
#include <string.h>

enum { COMMITS = 100 }; // to look back for rows and checks

static void add_rules(const struct sl_rule *rules, size_t count, struct sl_score *scores)
{
    for (size_t i = 0; i < count; i++)
        scores[sl_contract_dimension(&rules[i])].has_rules = true;
}

static void find_rules(const struct sl_contract_table *contract, struct sl_score *scores)
{
    for (size_t i = 0; i < contract->column_count; i++) {
        const struct sl_contract_column *column = &contract->columns[i];
        add_rules(column->rules, column->rule_count, scores);
        if (column->type.kind != SL_TYPE_TEXT)
            scores[sl_dimension_of_rule("type")].has_rules = true;
        if (sl_contract_is_required(column))
            scores[sl_dimension_of_rule("required")].has_rules = true;
    }
    add_rules(contract->rules, contract->rule_count, scores);
}

static double value_of(const struct sl_score *score, int64_t rows_in)
{
    double sum = 0;
    int parts = 0;
    if (score->has_rules && rows_in > 0) {
        sum += 1 - (double)score->broken / (double)rows_in;
        parts++;
    }
    if (score->checks) {
        sum += (double)score->passed / (double)score->checks;
        parts++;
    }
    return parts ? sum / parts : -1;
}

void sl_quality_score(struct sl_quality *quality, const struct sl_contract_table *contract)
{
    struct sl_score *scores = quality->scores;
    memset(scores, 0, sizeof quality->scores);
    if (contract)
        find_rules(contract, scores);
    for (size_t i = 0; contract && i < quality->reason_count; i++) {
        const struct sl_reason_count *reason = &quality->reasons[i];
        struct sl_score *score = &scores[sl_contract_dimension_named(contract, reason->rule)];
        score->has_rules = true;
        if (!quality->broken.is_known)
            score->broken += reason->rows;
    }
    for (size_t i = 0; i < SL_DIMENSIONS; i++) {
        if (quality->broken.is_known)
            scores[i].broken = quality->broken.rows[i];
        if (scores[i].broken > quality->rows_in)
            scores[i].broken = quality->rows_in;
    }
    for (size_t i = 0; i < quality->check_count; i++) {
        scores[quality->checks[i].dimension].checks++;
        scores[quality->checks[i].dimension].passed += quality->checks[i].is_passed;
    }
    for (size_t i = 0; i < SL_DIMENSIONS; i++)
        scores[i].value = value_of(&scores[i], quality->rows_in);
}

static int parse_record(const struct sl_delta_commit_info *commit, struct sl_arena *arena,
                        struct sl_record *ret, bool *ret_is_there, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *info = NULL;
    char *text = NULL;
    SL_TRY(sl_json_parse(commit->json, strlen(commit->json), "commitInfo", &info, err));
    const json_t *record = json_object_get(info, "sluice");
    *ret_is_there = json_is_object(record);
    if (!*ret_is_there)
        return SL_OK;
    SL_TRY(sl_json_print(record, &text, err));
    int code = sl_record_parse(text, arena, ret, err);
    free(text);
    return code;
}

// Rows of a replay are those that were rejected before: what comes of them says nothing of all.
static bool took_rows(const struct sl_record *record)
{
    return record->has_balance && record->balance.in > 0 && !record->replayed.table;
}

static int read_commits(const char *folder, struct sl_arena *arena, struct sl_quality *ret,
                        struct sl_err *err)
{
    struct sl_delta_commit_info *commits;
    size_t count;
    bool is_newest = true;
    SL_TRY(sl_delta_history(folder, COMMITS, arena, &commits, &count, err));
    ret->version = count ? commits[0].version : -1;
    ret->time_ms = count ? commits[0].timestamp_ms : 0;
    for (size_t i = 0; i < count && !ret->rows_in; i++) {
        struct sl_record record = {0};
        bool is_there;
        SL_TRY(parse_record(&commits[i], arena, &record, &is_there, err));
        if (!is_there)
            continue;
        if (is_newest) {
            ret->checks = record.checks;
            ret->check_count = record.check_count;
        }
        is_newest = false;
        if (!took_rows(&record))
            continue;
        ret->rows_in = record.balance.in;
        ret->reasons = record.reasons;
        ret->reason_count = record.reason_count;
        ret->broken = record.broken;
    }
    return SL_OK;
}

// What the log says of all rows; else, of tables of earlier versions, the newest commit with rows.
static void take_standing(struct sl_quality *quality, const struct sl_standing *standing,
                          const struct sl_standing *given_up)
{
    quality->rows_in = standing->rows - given_up->rows;
    quality->broken = standing->broken;
    quality->broken.is_known = true;
    for (size_t i = 0; i < SL_DIMENSIONS; i++) {
        quality->broken.rows[i] -= given_up->broken.rows[i];
        if (quality->broken.rows[i] < 0)
            quality->broken.rows[i] = 0;
    }
}

// Of the newest commit of ours: other programs move rows to other files.
static int read_newest(const char *folder, struct sl_arena *arena, struct sl_standing *ret,
                       struct sl_err *err)
{
    struct sl_delta_commit_info *commits;
    struct sl_record record = {0};
    size_t count;
    bool is_there = false;
    SL_TRY(sl_delta_history(folder, COMMITS, arena, &commits, &count, err));
    for (size_t i = 0; i < count && !is_there; i++)
        SL_TRY(parse_record(&commits[i], arena, &record, &is_there, err));
    *ret = record.standing;
    return SL_OK;
}

static int read_standing(const struct sl_node *node, const struct sl_project *project,
                         const char *folder, struct sl_arena *arena, struct sl_quality *quality,
                         struct sl_err *err)
{
    struct sl_standing standing, given_up;
    const char *quarantine = sl_table_folder(project, SL_LAYER_QUARANTINE, node->bare, arena);
    SL_TRY_NEW(quarantine, err);
    SL_TRY(read_newest(folder, arena, &standing, err));
    SL_TRY(read_newest(quarantine, arena, &given_up, err));
    if (standing.is_known)
        take_standing(quality, &standing, &given_up);
    return SL_OK;
}

int sl_quality_read(const struct sl_node *node, const struct sl_project *project,
                    struct sl_arena *arena, struct sl_quality *ret, struct sl_err *err)
{
    enum sl_layer layer = node->kind == SL_NODE_CLEANSE ? SL_LAYER_CLEAN : SL_LAYER_CURATED;
    const char *folder = sl_table_folder(project, layer, node->bare, arena);
    SL_TRY_NEW(folder, err);
    *ret = (struct sl_quality){.table = node->name};
    SL_TRY(read_commits(folder, arena, ret, err));
    if (node->kind == SL_NODE_CLEANSE)
        SL_TRY(read_standing(node, project, folder, arena, ret, err));
    sl_quality_score(ret, node->contract);
    return SL_OK;
}

static json_t *score_json(const struct sl_quality *quality, const struct sl_score *score)
{
    if (score->value < 0)
        return json_null();
    return json_pack("{s:f, s:o, s:o, s:I, s:I}", "score", score->value, "rows",
                     score->has_rules ? json_integer(quality->rows_in) : json_null(), "broken",
                     score->has_rules ? json_integer(score->broken) : json_null(), "checks",
                     (json_int_t)score->checks, "passed", (json_int_t)score->passed);
}

json_t *sl_quality_json(const struct sl_quality *quality)
{
    SL_AUTO(sl_json_free) json_t *object = json_object();
    for (size_t i = 0; i < SL_DIMENSIONS; i++)
        if (json_object_set_new(object, sl_dimension_name((enum sl_dimension)i),
                                score_json(quality, &quality->scores[i])) != 0)
            return NULL;
    json_t *ret = object;
    object = NULL;
    return ret;
}
