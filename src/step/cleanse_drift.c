// Sources whose drift policy says fail: nothing of the range is published, and the first row that
// does not fit is named.
#include "base/json.h"
#include "base/map.h"
#include "contract/drift.h"
#include "step/cleanse.h"

#include <string.h>

static bool is_type_rule(const struct sl_pass_rule *rule)
{
    return !rule->is_warning &&
           (rule->rule ? sl_str_equal(rule->rule->kind, "type") : sl_str_ends(rule->name, ".type"));
}

// The rules whose breach fails the step, as a SQL list; false if there are none.
static bool add_rules(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    const struct sl_drift *drift = &cleanse->contract->drift;
    size_t count = 0;
    for (size_t i = 0; i < cleanse->pass.rule_count; i++) {
        const struct sl_pass_rule *rule = &cleanse->pass.rules[i];
        bool is_new = drift->new_columns == SL_DRIFT_FAIL && !rule->rule &&
                      sl_str_ends(rule->name, SL_DRIFT_RULE_SUFFIX);
        bool is_type = drift->type_change == SL_DRIFT_TYPE_FAIL && is_type_rule(rule);
        if (!is_new && !is_type)
            continue;
        sl_buf_add(sql, count++ ? ", " : "(");
        sl_buf_add_sql_string(sql, rule->name);
    }
    sl_buf_add(sql, ")");
    return count > 0;
}

int sl_cleanse_refuse_drift(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (cleanse->balance.quarantined + cleanse->balance.set_aside_rows == 0 ||
        !add_rules(cleanse, &rules))
        return SL_OK;
    SL_TRY(sl_buf_check(&rules, err));
    sl_buf_addf(&sql,
                "select _source, _position, z.\"column\", z.message from (select _source, "
                "_position, unnest(reasons) as z from _bad) where z.\"rule\" in %s order by "
                "_source, _position, z.\"rule\" limit 1",
                rules.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_DRIFT, "'%s' record %lld, column '%s': %s",
                  sl_result_text(result, 0, 0), (long long)sl_result_int(result, 0, 1),
                  sl_result_text(result, 0, 2), sl_result_text(result, 0, 3));
    return sl_err_hint(err, "mend the file or the contract, or choose another 'drift' in %s",
                       cleanse->source->file);
}

// --- columns that a file lacks

struct part {
    struct sl_cleanse *cleanse;
    const struct sl_delta_snapshot *raw;
    const struct sl_delta_file *file;
};

static int parse_tags(const struct sl_delta_file *file, json_t **ret, struct sl_err *err)
{
    *ret = NULL;
    return file->tags_json
               ? sl_json_parse(file->tags_json, strlen(file->tags_json), file->path, ret, err)
               : SL_OK;
}

// What a part is known by: a file that is read again as it was is none to judge.
static int name_content(const json_t *tags, struct sl_arena *arena, const char **ret,
                        struct sl_err *err)
{
    *ret = sl_arena_printf(arena, "%s %s", sl_json_text(tags, "sluice.sha256", ""),
                           sl_json_text(tags, "sluice.reading", ""));
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int collect_known(const struct sl_delta_changes *changes, struct sl_arena *arena,
                         struct sl_map *known, struct sl_err *err)
{
    for (size_t i = 0; i < changes->removed_count; i++) {
        SL_AUTO(sl_json_free) json_t *tags = NULL;
        const char *content;
        SL_TRY(parse_tags(&changes->removed[i], &tags, err));
        SL_TRY(name_content(tags, arena, &content, err));
        SL_TRY(sl_map_set(known, content, NULL, err));
    }
    return SL_OK;
}

static bool has_column(const json_t *columns, const char *name)
{
    for (size_t i = 0; i < json_array_size(columns); i++)
        if (sl_str_equal_nocase(json_string_value(json_array_get(columns, i)), name))
            return true;
    return false;
}

// When the rows of a part came, which is one time for all; *ret is false of a part without rows, to
// which no value is missing.
static int find_time(const struct part *part, int64_t *ret_us, bool *ret, struct sl_err *err)
{
    struct sl_step_context *context = part->cleanse->context;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan_files(part->raw, part->file, 1, context->arena, &scan, err));
    sl_buf_add(&sql, "select epoch_us(min(_ingested_at)), count(_ingested_at) from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    SL_TRY(sl_cleanse_query(part->cleanse, &sql, &result, err));
    *ret = sl_result_int(result, 0, 1) > 0;
    *ret_us = *ret ? sl_result_int(result, 0, 0) : 0;
    return SL_OK;
}

static int has_alias(const struct part *part, const json_t *columns,
                     const struct sl_contract_column *column, bool *ret, struct sl_err *err)
{
    bool is_timed = false;
    int64_t came_us = 0;
    *ret = false;
    for (size_t i = 0; i < column->alias_count && !*ret; i++) {
        const struct sl_contract_alias *alias = &column->aliases[i];
        if (!has_column(columns, alias->name))
            continue;
        if (alias->until)
            SL_TRY(find_time(part, &came_us, &is_timed, err));
        *ret = !alias->until || !is_timed || came_us < alias->end_us;
    }
    return SL_OK;
}

static int refuse_file(const struct part *part, const struct sl_map *known, struct sl_err *err)
{
    struct sl_cleanse *cleanse = part->cleanse;
    const struct sl_delta_file *file = part->file;
    SL_AUTO(sl_json_free) json_t *tags = NULL;
    SL_AUTO(sl_json_free) json_t *columns = NULL;
    const char *content, *list;
    bool is_there;
    SL_TRY(parse_tags(file, &tags, err));
    list = sl_json_text(tags, "sluice.columns", "");
    SL_TRY(name_content(tags, cleanse->context->arena, &content, err));
    if (!*list || sl_map_has(known, content))
        return SL_OK;
    SL_TRY(sl_json_parse(list, strlen(list), file->path, &columns, err));
    for (size_t i = 0; i < cleanse->contract->column_count; i++) {
        const char *name = cleanse->contract->columns[i].source_name;
        SL_TRY(has_alias(part, columns, &cleanse->contract->columns[i], &is_there, err));
        if (is_there || has_column(columns, name))
            continue;
        (void)sl_fail(err, SL_E_DRIFT, "'%s' has no column '%s'",
                      sl_json_text(tags, "sluice.source", file->path), name);
        return sl_err_hint(err,
                           "mend the file or the contract, or choose another "
                           "'drift: {missing_columns: ...}' in %s",
                           cleanse->source->file);
    }
    return SL_OK;
}

// Of the files that raw has and clean has not taken. Raw keeps a column for ever, so its own
// columns do not tell.
int sl_cleanse_refuse_missing(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                              struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map known = {0};
    int64_t from = sl_cleanse_raw_input(cleanse, &cleanse->clean.record);
    struct sl_delta_changes changes;
    const char *unknown = NULL;
    struct sl_step_range range = {.table = cleanse->raw.name,
                                  .folder = cleanse->raw.folder,
                                  .from = from,
                                  .to = cleanse->range.to};
    if (cleanse->contract->drift.missing_columns != SL_DRIFT_MISSING_FAIL)
        return SL_OK;
    if (from > range.to)
        range.from = -1;
    SL_TRY(sl_step_changes(cleanse->context, &range, &changes, &unknown, err));
    if (unknown) {
        range.from = -1; // all that raw has
        SL_TRY(sl_step_changes(cleanse->context, &range, &changes, &unknown, err));
    }
    SL_TRY(collect_known(&changes, cleanse->context->arena, &known, err));
    for (size_t i = 0; i < changes.added_count; i++)
        SL_TRY(refuse_file(&(struct part){cleanse, raw, &changes.added[i]}, &known, err));
    return SL_OK;
}
