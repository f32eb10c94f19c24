// Rows that break two rules, put together out of rows that break one each. Most pairs are of rules
// over different columns, or over different members of one, and that is a row at once; what is left
// is tried like a single rule.
#include "run/generate_job.h"

#include <string.h>

#define PAIRS_AT_ONCE 2000

// Where a rule over a member stands in the JSON of its column: "a.b", up to the first array.
struct spot {
    const char *path; // behind the column's name; "" the array that the column is
    bool is_in_array;
};

static const struct sl_contract_column *column_of(const struct sl_generator *generator,
                                                  const char *path, size_t index)
{
    const struct sl_contract_column *column = &generator->options->contract->columns[index];
    size_t length = strlen(column->name);
    return path && strncmp(path, column->name, length) == 0 &&
                   (path[length] == '.' || path[length] == '[')
               ? column
               : NULL;
}

// False for what is no rule over a member of the column.
static bool find_spot(struct sl_generator *generator, size_t rule, size_t index, struct spot *ret)
{
    const char *path = generator->made->pass.rules[rule].column;
    const struct sl_contract_column *column = column_of(generator, path, index);
    if (!column)
        return false;
    path += strlen(column->name);
    path += *path == '.';
    const char *array = strstr(path, "[]");
    ret->path = array ? sl_arena_strndup(generator->arena, path, (size_t)(array - path)) : path;
    ret->is_in_array = array != NULL;
    return ret->path != NULL;
}

// The member that the path goes on with; NULL: none. Its names may have dots.
static const struct sl_contract_column *next_member(const struct sl_contract_column *at,
                                                    const char **path)
{
    const struct sl_contract_column *found = NULL;
    size_t most = 0;
    for (size_t i = 0; i < at->field_count; i++) {
        size_t length = strlen(at->fields[i].name);
        bool is = strncmp(*path, at->fields[i].name, length) == 0 &&
                  ((*path)[length] == '.' || !(*path)[length]);
        if (is && length > most) {
            found = &at->fields[i];
            most = length;
        }
    }
    if (found)
        *path += most + ((*path)[most] == '.');
    return found;
}

// What becomes of a column of JSON: both sides as SQL.
struct sides {
    const struct sl_contract_column *column;
    const char *x, *y;
};

// x with another value at the spot: json_merge_patch(x, {"a": {"b": value}}).
static void add_patched(const struct sides *sides, const struct spot *spot, const char *value,
                        struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf end = SL_BUF_INIT;
    const struct sl_contract_column *at = sides->column;
    const char *path = spot->path;
    sl_buf_addf(sql, "cast(json_merge_patch(cast(%s as JSON), ", sides->x);
    while (*path && (at = next_member(at, &path))) {
        sl_buf_add(sql, "json_object(");
        sl_buf_add_sql_string(sql, at->source_name);
        sl_buf_add(sql, ", ");
        sl_buf_add(&end, ")");
    }
    sl_buf_addf(sql, "%s%s) as VARCHAR)", value, end.length ? end.text : "");
    sql->has_failed |= end.has_failed;
}

// What one side has at the spot.
static void add_extract(const struct sides *sides, const struct spot *spot, const char *side,
                        struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_contract_column *at = sides->column;
    const char *path = spot->path;
    sl_buf_add(&text, "$");
    while (*path && (at = next_member(at, &path))) {
        sl_buf_add(&text, ".");
        sl_buf_add_json_string(&text, at->source_name);
    }
    sl_buf_addf(sql, "json_extract(cast(%s as JSON), ", side);
    if (text.has_failed)
        sql->has_failed = true;
    else
        sl_buf_add_sql_string(sql, text.text);
    sl_buf_add(sql, ")");
}

// Of two lists the items of both, else what y has.
static void add_merged(const struct sides *sides, const struct spot *spot, bool is_joined,
                       struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    if (is_joined) {
        sl_buf_add(&value, "to_json(list_concat(cast(");
        add_extract(sides, spot, sides->x, &value);
        sl_buf_add(&value, " as JSON[]), cast(");
        add_extract(sides, spot, sides->y, &value);
        sl_buf_add(&value, " as JSON[])))");
    } else {
        add_extract(sides, spot, sides->y, &value);
    }
    if (value.has_failed)
        sql->has_failed = true;
    else if (*spot->path)
        add_patched(sides, spot, value.text, sql);
    else
        sl_buf_addf(sql, "cast(%s as VARCHAR)", value.text);
}

static void add_is_list(const struct sides *sides, const struct spot *spot, struct sl_buf *sql)
{
    const char *const both[] = {sides->x, sides->y};
    for (size_t i = 0; i < 2; i++) {
        sl_buf_add(sql, " and json_type(");
        add_extract(sides, spot, both[i], sql);
        sl_buf_add(sql, ") = 'ARRAY'");
    }
}

static void add_case(const struct sides *sides, const struct spot *spot, bool is_joined,
                     const char *rules, struct sl_buf *sql)
{
    sl_buf_addf(sql, " when \"~patch\" in (%s)", rules);
    if (is_joined)
        sl_buf_addf(sql, " and \"~base\" in (%s)", rules);
    sl_buf_addf(sql, " and json_valid(%s) and json_valid(%s) then ", sides->x, sides->y);
    if (is_joined) {
        sl_buf_add(sql, "case when true");
        add_is_list(sides, spot, sql);
        sl_buf_add(sql, " then ");
    }
    add_merged(sides, spot, is_joined, sql);
    sl_buf_add(sql, is_joined ? " end" : "");
}

// Rules of the members at one spot share what becomes of the column.
static int add_nested(struct sl_generator *generator, size_t index, const struct sides *sides,
                      struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_pass *pass = &generator->made->pass;
    bool *is_done = SL_NEW_ARRAY(generator->arena, bool, pass->rule_count + 1);
    SL_TRY_NEW(is_done, err);
    memset(is_done, 0, pass->rule_count + 1);
    for (size_t i = 0; i < pass->rule_count; i++) {
        struct spot spot, other;
        SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
        if (is_done[i] || !find_spot(generator, i, index, &spot))
            continue;
        for (size_t k = i; k < pass->rule_count; k++)
            if (find_spot(generator, k, index, &other) && sl_str_equal(other.path, spot.path) &&
                other.is_in_array == spot.is_in_array) {
                sl_buf_addf(&rules, "%s%zu", rules.length ? ", " : "", k);
                is_done[k] = true;
            }
        SL_TRY(sl_buf_check(&rules, err));
        if (spot.is_in_array)
            add_case(sides, &spot, true, rules.text, sql);
        if (*spot.path)
            add_case(sides, &spot, false, rules.text, sql);
    }
    return SL_OK;
}

// The column as the one row has it, but what the other's rule is about as that one has it.
static int add_column(struct sl_generator *generator, size_t index, struct sl_buf *sql,
                      struct sl_err *err)
{
    const struct sl_contract_table *contract = generator->options->contract;
    bool is_alias = index >= contract->column_count;
    const struct sl_generate_alias *alias =
        is_alias ? &generator->aliases[index - contract->column_count] : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf x = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf y = SL_BUF_INIT;
    sl_buf_add_sql_name(&name, generator->made->columns[index].name);
    SL_TRY(sl_buf_check(&name, err));
    sl_buf_addf(&x, "x.%s", name.text);
    sl_buf_addf(&y, "y.%s", name.text);
    SL_TRY(sl_buf_check(&x, err));
    SL_TRY(sl_buf_check(&y, err));
    struct sides sides = {&contract->columns[alias ? alias->column : index], x.text, y.text};
    sl_buf_add(sql, "case");
    if (sides.column->field_count && !alias)
        SL_TRY(add_nested(generator, index, &sides, sql, err));
    sl_buf_add(sql, " when \"~patch\" in ");
    if (alias)
        sl_generate_add_rules_of_alias(generator, alias, sql);
    else
        sl_generate_add_rules_at(generator, sl_contract_path(sides.column), sql);
    sl_buf_addf(sql, " then %s when \"~patch\" in ", y.text);
    sl_generate_add_rules_at(generator, NULL, sql);
    sl_buf_addf(sql, " and hash(x.\"~n\", y.\"~n\", %zu) %% 2 = 0 then %s else %s end as %s", index,
                y.text, x.text, name.text);
    return SL_OK;
}

static int make_candidates(struct sl_generator *generator, int64_t first, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *position = sl_arena_printf(generator->arena,
                                           "%lld + row_number() over (order by \"~g\", x.\"~n\", "
                                           "y.\"~n\")",
                                           (long long)first);
    SL_TRY_NEW(position, err);
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select ");
    for (size_t i = 0; i < generator->made->column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        SL_TRY(add_column(generator, i, &sql, err));
    }
    sl_generate_add_own(generator, position, &sql);
    // A rule over the row needs all of its row; of the other one column does.
    sl_buf_add(&sql, ", \"~g\" as \"~t\", \"~wanted\" from (select *, case when \"~b\" in ");
    sl_generate_add_rules_at(generator, NULL, &sql);
    sl_buf_add(&sql, " then \"~b\" else \"~a\" end as \"~base\", case when \"~b\" in ");
    sl_generate_add_rules_at(generator, NULL, &sql);
    sl_buf_add(&sql, " then \"~a\" else \"~b\" end as \"~patch\" from \"~open\") o join "
                     "\"~singles\" x on x.\"~rule\" = o.\"~base\" join \"~singles\" y on "
                     "y.\"~rule\" = o.\"~patch\"");
    return sl_generate_exec(generator, &sql, err);
}

static int find_singles(struct sl_generator *generator, int64_t *first, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_generated *made = generator->made;
    struct sl_generate_search singles = {.count = made->pass.rule_count, .is_single = true};
    singles.targets = SL_NEW_ARRAY(generator->arena, struct sl_generate_target, singles.count + 1);
    SL_TRY_NEW(singles.targets, err);
    for (size_t i = 0; i < singles.count; i++) {
        singles.targets[i] = (struct sl_generate_target){.rules = {i, i}, .count = 1};
        singles.targets[i].is_found = true; // but those of a pair
    }
    for (size_t i = 0; i < made->target_count; i++)
        for (size_t k = 0; k < 2; k++)
            if (!sl_generate_is_unique(made, made->targets[i].rules[k]))
                singles.targets[made->targets[i].rules[k]].is_found = false;
    sl_buf_add(&sql, "create or replace temp table \"~singles\" as select ");
    for (size_t i = 0; i < made->column_count; i++) {
        sl_buf_add(&sql, "null::VARCHAR as ");
        sl_buf_add_sql_name(&sql, made->columns[i].name);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "null::BIGINT as \"~rule\", null::BIGINT as \"~n\" where false");
    SL_TRY(sl_generate_exec(generator, &sql, err));
    SL_TRY(sl_generate_list_targets(generator, &singles, err));
    return sl_generate_try(generator, &singles, first, err);
}

// Rows that reject nobody are not put together: each is to have a key of its own.
static bool is_rejecting(const struct sl_generated *made, size_t rule)
{
    return !sl_generate_is_unique(made, rule) && !made->pass.rules[rule].is_warning &&
           !made->pass.rules[rule].is_value;
}

int sl_generate_join_pairs(struct sl_generator *generator, int64_t *first, struct sl_err *err)
{
    struct sl_generated *made = generator->made;
    struct sl_generate_search pairs = {made->targets, made->target_count, false};
    SL_TRY(find_singles(generator, first, err));
    SL_TRY(sl_generate_list_targets(generator, &pairs, err));
    for (size_t from = 0, to = 0; from < pairs.count; from = to) {
        to = from + PAIRS_AT_ONCE < pairs.count ? from + PAIRS_AT_ONCE : pairs.count;
        for (size_t i = from; i < to; i++) // left for later
            made->targets[i].is_found = !is_rejecting(made, made->targets[i].rules[0]) &&
                                        !is_rejecting(made, made->targets[i].rules[1]);
        SL_TRY(sl_generate_open(generator, &pairs, from, to, err));
        for (size_t i = from; i < to; i++)
            made->targets[i].is_found = false;
        SL_TRY(make_candidates(generator, *first, err));
        SL_TRY(sl_generate_keep(generator, &pairs, err));
        *first += (int64_t)(to - from) * 16;
        if (pairs.count > PAIRS_AT_ONCE)
            sl_generate_tell(generator, to, pairs.count);
    }
    return SL_OK;
}
