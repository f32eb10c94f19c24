#include "base/clock.h"
#include "step/step.h"

#include <string.h>

// Version of the record's own format; a record of a later one is refused, an earlier one is read.
#define RECORD_FORMAT 1

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    if (json_object_set_new(object, key, value) != 0)
        return sl_fail_memory(err);
    return SL_OK;
}

static int set_text(json_t *object, const char *key, const char *value, struct sl_err *err)
{
    return value ? set(object, key, json_string(value), err) : SL_OK;
}

static int print_balance(json_t *root, const struct sl_balance *balance, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, "balance", object, err));
    SL_TRY(set(object, "in", json_integer(balance->in), err));
    SL_TRY(set(object, "out", json_integer(balance->out), err));
    SL_TRY(set(object, "quarantined", json_integer(balance->quarantined), err));
    SL_TRY(set(object, "deduplicated", json_integer(balance->deduplicated), err));
    SL_TRY(set(object, "filtered", json_integer(balance->filtered), err));
    if (balance->set_aside_rows) {
        SL_TRY(set(object, "set_aside_rows", json_integer(balance->set_aside_rows), err));
        SL_TRY(set(object, "set_aside_values", json_integer(balance->set_aside_values), err));
    }
    return balance->replaced < 0 ? SL_OK
                                 : set(object, "replaced", json_integer(balance->replaced), err);
}

static int print_reasons(json_t *root, const struct sl_record *record, struct sl_err *err)
{
    json_t *list = json_array();
    SL_TRY(set(root, "reasons", list, err));
    for (size_t i = 0; i < record->reason_count; i++) {
        const struct sl_reason_count *reason = &record->reasons[i];
        json_t *object = json_object();
        if (json_array_append_new(list, object) != 0)
            return sl_fail_memory(err);
        SL_TRY(set_text(object, "rule", reason->rule, err));
        SL_TRY(set_text(object, "column", reason->column, err));
        SL_TRY(set(object, "rows", json_integer(reason->rows), err));
        if (reason->is_warning)
            SL_TRY(set(object, "warning", json_true(), err));
        if (reason->is_value)
            SL_TRY(set(object, "value", json_true(), err));
    }
    return SL_OK;
}

static int print_broken(json_t *root, const struct sl_broken *broken, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, "broken", object, err));
    for (int i = 0; i < SL_DIMENSIONS; i++)
        if (broken->rows[i])
            SL_TRY(set(object, sl_dimension_name((enum sl_dimension)i),
                       json_integer(broken->rows[i]), err));
    return SL_OK;
}

int sl_standing_print(json_t *root, const struct sl_standing *standing, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, "standing", object, err));
    SL_TRY(set(object, "rows", json_integer(standing->rows), err));
    json_t *rules = standing->rules.count ? json_object() : NULL;
    if (rules)
        SL_TRY(set(object, "rules", rules, err));
    for (size_t i = 0; i < standing->rules.count; i++)
        SL_TRY(set_text(rules, standing->rules.items[i], standing->dimensions.items[i], err));
    return print_broken(object, &standing->broken, err);
}

static int print_checks(json_t *root, const struct sl_record *record, struct sl_err *err)
{
    json_t *list = json_array();
    SL_TRY(set(root, "checks", list, err));
    for (size_t i = 0; i < record->check_count; i++)
        if (json_array_append_new(list, sl_check_result_json(&record->checks[i], false)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int print_same_rows(json_t *root, const struct sl_record *record, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, "same_rows", object, err));
    SL_TRY(set(object, "as", json_integer(record->same_as), err));
    return set(object, "since", json_integer(record->same_since), err);
}

// {"name in _source": "name now"}
static int print_renamed(json_t *root, const struct sl_record *record, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, "renamed", object, err));
    for (size_t i = 0; i < record->renamed_count; i++)
        SL_TRY(set_text(object, record->renamed[i].received_as, record->renamed[i].name, err));
    return SL_OK;
}

int sl_record_print_versions(json_t *root, const char *key,
                             const struct sl_table_versions *versions, struct sl_err *err)
{
    json_t *object = json_object();
    SL_TRY(set(root, key, object, err));
    for (size_t i = 0; i < versions->count; i++) {
        json_t *version = json_object();
        SL_TRY(set(object, versions->items[i].table, version, err));
        SL_TRY(set(version, "version", json_integer(versions->items[i].version), err));
        SL_TRY(set_text(version, "id", versions->items[i].id, err));
    }
    return SL_OK;
}

int sl_record_print(const struct sl_record *record, struct sl_arena *arena, const char **ret_json,
                    struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    char time[32];
    SL_TRY_NEW(root, err);
    SL_TRY(set(root, "format", json_integer(RECORD_FORMAT), err));
    SL_TRY(set_text(root, "run_id", record->run_id, err));
    SL_TRY(set_text(root, "step", record->step, err));
    SL_TRY(set(root, "sequence", json_integer(record->sequence), err));
    SL_TRY(set_text(root, "fingerprint", record->fingerprint, err));
    if (record->judged_us)
        SL_TRY(set_text(root, "judged_at", sl_clock_format(record->judged_us, time), err));
    SL_TRY(set(root, "full", json_boolean(record->was_full), err));
    const struct sl_table_versions inputs = {record->inputs, record->input_count};
    SL_TRY(sl_record_print_versions(root, "inputs", &inputs, err));
    if (record->checked_with.count)
        SL_TRY(sl_record_print_versions(root, "checked_with", &record->checked_with, err));
    if (record->has_balance)
        SL_TRY(print_balance(root, &record->balance, err));
    if (record->reason_count)
        SL_TRY(print_reasons(root, record, err));
    if (record->reason_count && record->broken.is_known)
        SL_TRY(print_broken(root, &record->broken, err));
    if (record->standing.is_known)
        SL_TRY(sl_standing_print(root, &record->standing, err));
    if (record->check_count)
        SL_TRY(print_checks(root, record, err));
    if (record->replayed.table) {
        json_t *replayed = json_object();
        SL_TRY(set(root, "replayed", replayed, err));
        SL_TRY(set_text(replayed, "table", record->replayed.table, err));
        SL_TRY(set(replayed, "version", json_integer(record->replayed.version), err));
        SL_TRY(set_text(replayed, "id", record->replayed.id, err));
        if (record->is_rejudged)
            SL_TRY(set(replayed, "rejudged", json_true(), err));
    }
    if (record->has_same_rows)
        SL_TRY(print_same_rows(root, record, err));
    if (record->renamed_count)
        SL_TRY(print_renamed(root, record, err));
    SL_TRY(sl_record_print_backfill(record, root, err));
    char *text = NULL;
    SL_TRY(sl_json_print(root, &text, err));
    *ret_json = sl_arena_strdup(arena, text);
    free(text);
    SL_TRY_NEW(*ret_json, err);
    return SL_OK;
}

static int copy_text(const json_t *root, const char *key, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    const char *text = sl_json_text(root, key, NULL);
    if (!text)
        return SL_OK;
    *ret = sl_arena_strdup(arena, text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_record_parse_versions(const json_t *versions, struct sl_arena *arena,
                             struct sl_table_versions *ret, struct sl_err *err)
{
    ret->items = SL_NEW_ARRAY(arena, struct sl_table_version, json_object_size(versions));
    SL_TRY_NEW(ret->items, err);
    const char *table;
    json_t *object;
    json_object_foreach ((json_t *)versions, table, object) {
        struct sl_table_version *version = &ret->items[ret->count++];
        version->table = sl_arena_strdup(arena, table);
        SL_TRY_NEW(version->table, err);
        version->version = sl_json_int(object, "version", -1);
        SL_TRY(copy_text(object, "id", arena, &version->id, err));
    }
    return SL_OK;
}

static int parse_reasons(const json_t *list, struct sl_arena *arena, struct sl_record *record,
                         struct sl_err *err)
{
    record->reasons = SL_NEW_ARRAY(arena, struct sl_reason_count, json_array_size(list));
    SL_TRY_NEW(record->reasons, err);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        struct sl_reason_count *reason = &record->reasons[record->reason_count++];
        const char *column = sl_json_text(item, "column", NULL);
        reason->rule = sl_arena_strdup(arena, sl_json_text(item, "rule", ""));
        SL_TRY_NEW(reason->rule, err);
        if (column) {
            reason->column = sl_arena_strdup(arena, column);
            SL_TRY_NEW(reason->column, err);
        }
        reason->rows = sl_json_int(item, "rows", 0);
        reason->is_warning = sl_json_bool(item, "warning", false);
        reason->is_value = sl_json_bool(item, "value", false);
    }
    return SL_OK;
}

static void parse_broken(const json_t *object, struct sl_broken *ret)
{
    ret->is_known = json_is_object(object);
    for (int i = 0; i < SL_DIMENSIONS; i++) {
        int64_t rows = sl_json_int(object, sl_dimension_name((enum sl_dimension)i), 0);
        ret->rows[i] = rows > 0 ? rows : 0;
    }
}

static int parse_standing(const json_t *object, struct sl_arena *arena, struct sl_standing *ret,
                          struct sl_err *err)
{
    const char *rule;
    json_t *dimension;
    ret->is_known = json_is_object(object);
    ret->rows = sl_json_int(object, "rows", 0);
    parse_broken(json_object_get(object, "broken"), &ret->broken);
    json_object_foreach (json_object_get(object, "rules"), rule, dimension) {
        const char *text = json_is_string(dimension) ? json_string_value(dimension) : "";
        const char *name = sl_arena_strdup(arena, rule);
        const char *as = sl_arena_strdup(arena, text);
        SL_TRY_NEW(name, err);
        SL_TRY_NEW(as, err);
        SL_TRY(sl_strs_add(&ret->rules, arena, name, err));
        SL_TRY(sl_strs_add(&ret->dimensions, arena, as, err));
    }
    return SL_OK;
}

static int parse_checks(const json_t *list, struct sl_arena *arena, struct sl_record *record,
                        struct sl_err *err)
{
    record->checks = SL_NEW_ARRAY(arena, struct sl_check_result, json_array_size(list));
    SL_TRY_NEW(record->checks, err);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        struct sl_check_result *check = &record->checks[record->check_count++];
        *check = (struct sl_check_result){.kind = "", .claim = ""};
        SL_TRY(copy_text(item, "kind", arena, &check->kind, err));
        SL_TRY(copy_text(item, "name", arena, &check->name, err));
        SL_TRY(copy_text(item, "claim", arena, &check->claim, err));
        SL_TRY(copy_text(item, "measure", arena, &check->measure, err));
        if (!sl_dimension_parse(sl_json_text(item, "dimension", ""), &check->dimension))
            check->dimension = SL_DIMENSION_ACCURACY;
        check->is_warning = sl_str_equal(sl_json_text(item, "severity", NULL), "warn");
        check->is_passed = sl_json_bool(item, "passed", false);
        check->rows = sl_json_int(item, "rows", -1);
        check->max_age_s = sl_json_int(item, "max_age_s", 0);
    }
    return SL_OK;
}

static int parse_renamed(const json_t *object, struct sl_arena *arena, struct sl_record *record,
                         struct sl_err *err)
{
    record->renamed = SL_NEW_ARRAY(arena, struct sl_renamed, json_object_size(object));
    SL_TRY_NEW(record->renamed, err);
    const char *received_as;
    json_t *name;
    json_object_foreach ((json_t *)object, received_as, name) {
        struct sl_renamed *renamed = &record->renamed[record->renamed_count++];
        renamed->received_as = sl_arena_strdup(arena, received_as);
        SL_TRY_NEW(renamed->received_as, err);
        renamed->name = sl_arena_strdup(arena, json_is_string(name) ? json_string_value(name) : "");
        SL_TRY_NEW(renamed->name, err);
    }
    return SL_OK;
}

int sl_record_parse(const char *json, struct sl_arena *arena, struct sl_record *ret,
                    struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_record record = {0};
    SL_TRY(sl_json_parse(json, strlen(json), "commitInfo.sluice", &root, err));
    int64_t format = sl_json_int(root, "format", 0);
    if (!json_is_object(root) || format < 1)
        return sl_fail(err, SL_E_TABLE_LOG, "a commit carries a 'sluice' record that is none");
    if (format > RECORD_FORMAT)
        return sl_fail(
            err, SL_E_TABLE_FEATURE,
            "a commit was made by a later Sluice (record format %lld, this one knows %d)",
            (long long)format, RECORD_FORMAT);
    SL_TRY(copy_text(root, "run_id", arena, &record.run_id, err));
    SL_TRY(copy_text(root, "step", arena, &record.step, err));
    SL_TRY(copy_text(root, "fingerprint", arena, &record.fingerprint, err));
    record.sequence = sl_json_int(root, "sequence", 0);
    record.was_full = sl_json_bool(root, "full", false);
    struct sl_table_versions inputs = {0};
    SL_TRY(sl_record_parse_versions(json_object_get(root, "inputs"), arena, &inputs, err));
    record.inputs = inputs.items;
    record.input_count = inputs.count;
    SL_TRY(sl_record_parse_versions(json_object_get(root, "checked_with"), arena,
                                    &record.checked_with, err));
    SL_TRY(sl_record_parse_backfill(root, arena, &record, err));
    const json_t *balance = json_object_get(root, "balance");
    if (json_is_object(balance)) {
        record.has_balance = true;
        record.balance = (struct sl_balance){
            .in = sl_json_int(balance, "in", 0),
            .out = sl_json_int(balance, "out", 0),
            .quarantined = sl_json_int(balance, "quarantined", 0),
            .deduplicated = sl_json_int(balance, "deduplicated", 0),
            .filtered = sl_json_int(balance, "filtered", 0),
            .set_aside_rows = sl_json_int(balance, "set_aside_rows", 0),
            .set_aside_values = sl_json_int(balance, "set_aside_values", 0),
            .replaced = sl_json_int(balance, "replaced", -1),
        };
    }
    SL_TRY(parse_reasons(json_object_get(root, "reasons"), arena, &record, err));
    parse_broken(json_object_get(root, "broken"), &record.broken);
    SL_TRY(parse_standing(json_object_get(root, "standing"), arena, &record.standing, err));
    SL_TRY(parse_checks(json_object_get(root, "checks"), arena, &record, err));
    (void)sl_clock_parse(sl_json_text(root, "judged_at", ""), &record.judged_us);
    const json_t *replayed = json_object_get(root, "replayed");
    record.replayed.version = sl_json_int(replayed, "version", -1);
    SL_TRY(copy_text(replayed, "table", arena, &record.replayed.table, err));
    SL_TRY(copy_text(replayed, "id", arena, &record.replayed.id, err));
    record.is_rejudged = sl_json_bool(replayed, "rejudged", false);
    const json_t *same_rows = json_object_get(root, "same_rows");
    record.has_same_rows = json_is_object(same_rows);
    record.same_as = sl_json_int(same_rows, "as", -1);
    record.same_since = sl_json_int(same_rows, "since", -1);
    SL_TRY(parse_renamed(json_object_get(root, "renamed"), arena, &record, err));
    *ret = record;
    return SL_OK;
}

int64_t sl_record_input(const struct sl_record *record, const char *table, const char *id)
{
    for (size_t i = 0; i < record->input_count; i++)
        if (sl_str_equal(record->inputs[i].table, table) && id &&
            sl_str_equal(record->inputs[i].id, id))
            return record->inputs[i].version;
    return -1;
}

bool sl_balance_closes(const struct sl_balance *balance)
{
    return balance->in ==
           balance->out + balance->quarantined + balance->deduplicated + balance->filtered;
}

int64_t sl_rows_add(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}

int sl_balance_check(const struct sl_balance *balance, const char *step, struct sl_err *err)
{
    if (sl_balance_closes(balance))
        return SL_OK;
    return sl_fail(
        err, SL_E_BALANCE,
        "%s: %lld rows in, but %lld out + %lld quarantined + %lld deduplicated + %lld filtered",
        step, (long long)balance->in, (long long)balance->out, (long long)balance->quarantined,
        (long long)balance->deduplicated, (long long)balance->filtered);
}

int sl_budget_check(const struct sl_budget *budget, const struct sl_balance *balance,
                    const char *table, bool is_new, struct sl_err *err)
{
    int64_t bad = balance->quarantined, in = balance->in;
    if (bad == 0)
        return SL_OK;
    double share = (double)bad / (double)in;
    if (budget->max_rows >= 0 && bad > budget->max_rows)
        sl_fail(err, SL_E_BUDGET, "'%s' rejects %lld of %lld rows, the budget is %lld rows", table,
                (long long)bad, (long long)in, (long long)budget->max_rows);
    else if (bad == in && budget->max_share < 1 && (is_new || in >= budget->min_rows))
        sl_fail(err, SL_E_BUDGET, "'%s' rejects all of its rows, %lld of %lld", table,
                (long long)bad, (long long)in);
    else if (in >= budget->min_rows && share > budget->max_share)
        sl_fail(err, SL_E_BUDGET, "'%s' rejects %lld of %lld rows (%.1f %%), the budget is %.1f %%",
                table, (long long)bad, (long long)in, 100 * share, 100 * budget->max_share);
    else
        return SL_OK;
    return sl_err_hint(err, "nothing was published; the reasons are counted in the report above");
}

void sl_balance_add(struct sl_balance *to, const struct sl_balance *more)
{
    to->in += more->in;
    to->out += more->out;
    to->quarantined += more->quarantined;
    to->deduplicated += more->deduplicated;
    to->filtered += more->filtered;
    to->set_aside_rows += more->set_aside_rows;
    to->set_aside_values += more->set_aside_values;
    to->replaced = sl_rows_add(to->replaced, more->replaced);
}

int sl_reasons_add(struct sl_reason_count **to, size_t *to_count,
                   const struct sl_reason_count *more, size_t count, struct sl_arena *arena,
                   struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < *to_count && !(sl_str_equal((*to)[at].rule, more[i].rule) &&
                                   sl_str_equal((*to)[at].column, more[i].column) &&
                                   (*to)[at].is_value == more[i].is_value))
            at++;
        if (at < *to_count)
            (*to)[at].rows += more[i].rows;
        else if (!SL_PUSH(arena, *to, *to_count, more[i]))
            return sl_fail_memory(err);
    }
    return SL_OK;
}
