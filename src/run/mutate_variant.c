#include "run/mutate_variant.h"

#include "contract/compile.h"
#include "run/mutate_accepts.h"

enum { ROWS = 40 };

struct maker {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_mutant *mutant;
    int64_t threads;
    struct sl_arena *arena;
    struct sl_mutant_inputs *inputs;
};

static bool is_number(const char *type)
{
    return sl_types_compare(type, "BIGINT");
}

static bool is_time(const char *type)
{
    return sl_str_equal(type, "DATE") || sl_str_starts(type, "TIMESTAMP");
}

// What a column of the type has in row "~n": in each input the same, so that rows find each other.
static void add_value(const char *type, struct sl_buf *sql)
{
    if (is_number(type))
        sl_buf_add(sql, "cast(\"~n\" as VARCHAR)");
    else if (sl_str_equal(type, "DATE"))
        sl_buf_add(sql, "cast(date '2023-06-01' + cast(\"~n\" as INTEGER) as VARCHAR)");
    else if (is_time(type))
        sl_buf_add(sql, "cast(timestamp '2023-06-01' + to_days(cast(\"~n\" as INTEGER)) as VARCHAR)"
                        " || case when '");
    else if (sl_str_equal(type, "VARCHAR"))
        sl_buf_add(sql, "'a' || \"~n\"");
    else if (sl_str_equal(type, "BOOLEAN"))
        sl_buf_add(sql, "'true'");
    else
        sl_buf_add(sql, "cast(null as VARCHAR)");
    if (is_time(type) && !sl_str_equal(type, "DATE"))
        sl_buf_addf(sql, "%s' = 'TIMESTAMP WITH TIME ZONE' then '+00' else '' end", type);
}

static int make_table(struct maker *maker, const char *name, const struct sl_relation *known,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_mutant_input input = {.name = name, .order = "\"~n\""};
    input.relation = sl_arena_printf(maker->arena, "\"~given%zu\"", maker->inputs->count);
    input.columns = SL_NEW_ARRAY(maker->arena, struct sl_column, known->count + 1);
    SL_TRY_NEW(input.relation, err);
    SL_TRY_NEW(input.columns, err);
    sl_buf_addf(&sql, "create or replace temp table %s as select \"~n\"", input.relation);
    for (size_t i = 0; i < known->count; i++) {
        const char *column = known->columns[i].name;
        if (sl_str_equal(column, "_source") || sl_str_equal(column, "_position"))
            continue;
        input.columns[input.count++] = known->columns[i];
        sl_buf_add(&sql, ", ");
        add_value(known->columns[i].type, &sql);
        sl_buf_add(&sql, " as ");
        sl_buf_add_sql_name(&sql, column);
    }
    sl_buf_addf(&sql, " from (select range + 1 as \"~n\" from range(%d))", ROWS);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(maker->session->kind->exec(maker->session, sql.text, NULL, err));
    return SL_PUSH(maker->arena, maker->inputs->items, maker->inputs->count, input)
               ? SL_OK
               : sl_fail_memory(err);
}

// Whether the rows of the input added last are such that the contract could have let them through.
static int is_accepted(struct maker *maker, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    const size_t index = maker->inputs->count - 1;
    const struct sl_mutant_variant all = {.rows = ROWS};
    struct sl_test_case read;
    bool is_usable;
    sl_buf_addf(&yaml, "{given: {%s: ", maker->inputs->items[index].name);
    SL_TRY(sl_mutant_add_rows(maker->session, maker->inputs, index, &all, &yaml, err));
    // Something must be expected; the test itself is not run.
    sl_buf_addf(&yaml, "}, expect: {%s: []}}", maker->mutant->table);
    SL_TRY(sl_buf_check(&yaml, err));
    const char *text = sl_arena_strdup(maker->arena, yaml.text);
    SL_TRY_NEW(text, err);
    SL_TRY(sl_mutant_read_test(maker->world, text, 0, &read, &is_usable, err));
    *ret = true;
    return is_usable ? sl_mutant_accepts(maker->world, read.test, maker->threads, ret, err) : SL_OK;
}

// The rows that the contract's own generator gives; those that keys find each other by stay as they
// are in every input, unless `is_whole`.
static int take_generated(struct maker *maker, const struct sl_contract_table *contract,
                          const struct sl_generated *made, bool is_whole, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_mutant_input *input = &maker->inputs->items[maker->inputs->count - 1];
    const char *canonical = input->relation;
    sl_buf_add(&sql, "create or replace temp table \"~accepted\" as select g.\"~n\"");
    for (size_t i = 0; i < input->count; i++) {
        const char *name = input->columns[i].name;
        bool is_key = false;
        for (size_t k = 0; k < contract->column_count; k++)
            is_key |= sl_str_equal(contract->columns[k].name, name) &&
                      contract->columns[k].key_position > 0;
        sl_buf_add(&sql, !is_whole && is_key ? ", c." : ", cast(g.");
        sl_buf_add_sql_name(&sql, name);
        sl_buf_add(&sql, !is_whole && is_key ? "" : " as VARCHAR) as ");
        if (is_whole || !is_key)
            sl_buf_add_sql_name(&sql, name);
    }
    sl_buf_add(&sql, " from (select row_number() over (order by _position) as \"~n\", * from (");
    sl_pass_relation(&made->pass, SL_PASS_ALL, "(select * from \"~generated\")", "", &sql);
    sl_buf_addf(&sql, ") p) g join %s c on c.\"~n\" = g.\"~n\"", canonical);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(maker->session->kind->exec(maker->session, sql.text, NULL, err));
    input->relation = sl_arena_printf(maker->arena, "\"~accepted%zu%s\"", maker->inputs->count,
                                      is_whole ? "w" : "");
    SL_TRY_NEW(input->relation, err);
    sl_buf_reset(&sql);
    sl_buf_addf(&sql, "create or replace temp table %s as from \"~accepted\"", input->relation);
    SL_TRY(sl_buf_check(&sql, err));
    return maker->session->kind->exec(maker->session, sql.text, NULL, err);
}

// Made up values are kept where the contract lets them be, for they are the same in all inputs.
static int make_acceptable(struct maker *maker, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_strs none = {0};
    struct sl_contract_table *contract;
    struct sl_generated made;
    struct sl_err refusal = {0};
    const char *canonical = maker->inputs->items[maker->inputs->count - 1].relation;
    bool is_fine;
    SL_TRY(is_accepted(maker, &is_fine, err));
    if (is_fine)
        return SL_OK;
    SL_TRY(sl_mutant_restate(node->contract, &none, maker->arena, &contract, err));
    const struct sl_generate_options options = {
        .project = maker->world->project, .contract = contract, .rows = ROWS, .seed = 1};
    int code = sl_generate(maker->session, &options, maker->arena, &made, &refusal);
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
        *err = refusal;
        return code;
    }
    for (int whole = 0; whole < 2 && code == SL_OK && !is_fine; whole++) {
        maker->inputs->items[maker->inputs->count - 1].relation = canonical;
        SL_TRY(take_generated(maker, contract, &made, whole, err));
        SL_TRY(is_accepted(maker, &is_fine, err));
    }
    return SL_OK;
}

static const char *type_of(const struct sl_generated *made, const struct sl_contract_table *table,
                           const char *source_name)
{
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < made->pass.column_count; k++)
            if (sl_str_equal(table->columns[i].source_name, source_name) &&
                sl_str_equal(table->columns[i].name, made->pass.columns[k].name))
                return made->pass.columns[k].type;
    return "VARCHAR";
}

int sl_mutant_source(const struct sl_mutant *mutant, const struct sl_generated *made,
                     struct sl_arena *arena, struct sl_mutant_input *ret, struct sl_err *err)
{
    const struct sl_node *node = mutant->node;
    *ret = (struct sl_mutant_input){.name = node->source ? node->source->name : node->bare,
                                    .relation = "\"~generated\"",
                                    .order = "\"~order\"",
                                    .is_source = true};
    ret->columns = SL_NEW_ARRAY(arena, struct sl_column, made->column_count + 1);
    SL_TRY_NEW(ret->columns, err);
    for (size_t i = 0; i < made->column_count; i++)
        ret->columns[ret->count++] = (struct sl_column){
            made->columns[i].name, type_of(made, node->contract, made->columns[i].name)};
    return SL_OK;
}

// Few rows are as good where the contract lets no more be found.
static int make_source(struct maker *maker, bool *ret_is_made, struct sl_err *err)
{
    static const int64_t counts[] = {ROWS, 4, 1};
    const struct sl_mutant *mutant = maker->mutant;
    struct sl_generated *made = SL_NEW(maker->arena, struct sl_generated);
    struct sl_mutant_input input;
    SL_TRY_NEW(made, err);
    *ret_is_made = false;
    for (size_t i = 0; i < 3 && !*ret_is_made; i++)
        SL_TRY(sl_mutant_generate(maker->world, maker->session, mutant, counts[i], made,
                                  ret_is_made, err));
    if (!*ret_is_made)
        return SL_OK;
    SL_TRY(sl_mutant_source(mutant, made, maker->arena, &input, err));
    maker->inputs->made = made;
    return SL_PUSH(maker->arena, maker->inputs->items, maker->inputs->count, input)
               ? SL_OK
               : sl_fail_memory(err);
}

static bool has_input(const struct maker *maker, const char *name)
{
    const struct sl_generated *made = maker->inputs->made;
    for (size_t i = 0; i < maker->inputs->count; i++)
        if (sl_str_equal(maker->inputs->items[i].name, name))
            return true;
    for (size_t i = 0; made && i < made->pass.parent_count; i++)
        if (sl_str_equal(made->pass.parents[i].rule->parent, name))
            return true;
    return false;
}

// Tables that the model or checks read.
static int make_upstream(struct maker *maker, struct sl_err *err)
{
    const struct sl_node *node = maker->mutant->node;
    struct sl_map catalog = {0};
    size_t count = node->upstream_count;
    if (node->contract && count <= 1)
        return SL_OK;
    int code = sl_world_bind(maker->world, &catalog, err);
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        const struct sl_node *from = &maker->world->graph.nodes[node->upstream[i]];
        const struct sl_relation *known = sl_map_get(&catalog, from->name);
        bool is_own_raw = node->contract && from->kind == SL_NODE_INGEST;
        if (is_own_raw || !known || has_input(maker, from->name))
            continue;
        struct sl_err refusal = {0};
        code = make_table(maker, from->kind == SL_NODE_INGEST ? from->bare : from->name, known,
                          &refusal);
        if (code == SL_OK && from->kind == SL_NODE_CLEANSE && from->source)
            code = make_acceptable(maker, from, &refusal);
        if (code != SL_OK && err)
            *err = refusal;
    }
    sl_map_clear(&catalog);
    return code;
}

int sl_mutant_inputs(struct sl_world *world, struct sl_session *session,
                     const struct sl_mutant *mutant, int64_t threads, struct sl_mutant_inputs *ret,
                     struct sl_err *err)
{
    struct maker maker = {world, session, mutant, threads, &world->arena, ret};
    bool is_made = true;
    *ret = (struct sl_mutant_inputs){0};
    if (mutant->contract)
        SL_TRY(make_source(&maker, &is_made, err));
    return is_made ? make_upstream(&maker, err) : SL_OK;
}

// --- one of them

static const char *otherwise(const struct sl_column *column, enum sl_mutant_form form)
{
    bool is_big = form == SL_MUTANT_BIG;
    if (form == SL_MUTANT_NULL)
        return "cast(null as VARCHAR)";
    if (form == SL_MUTANT_ZERO)
        return sl_str_equal(column->type, "BOOLEAN") ? "'false'" : "'0'";
    if (is_number(column->type))
        return is_big ? "'1000000'" : "'-1000000'";
    if (is_time(column->type))
        return is_big ? "'2999-12-31'" : "'1900-01-01'";
    return is_big ? "repeat('z', 300)" : "''";
}

static void add_select(const struct sl_mutant_input *input, const struct sl_column *other,
                       enum sl_mutant_form form, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < input->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        if (&input->columns[i] != other) {
            sl_buf_add_sql_name(sql, input->columns[i].name);
            continue;
        }
        if (form == SL_MUTANT_SAME) {
            sl_buf_add(sql, "first(");
            sl_buf_add_sql_name(sql, other->name);
            sl_buf_addf(sql, " order by %s) over ()", input->order);
        } else {
            sl_buf_add(sql, otherwise(other, form));
        }
        sl_buf_add(sql, " as ");
        sl_buf_add_sql_name(sql, other->name);
    }
    sl_buf_addf(sql, " from %s", input->relation);
}

static bool is_sorted(enum sl_mutant_form form)
{
    return form == SL_MUTANT_LEAST || form == SL_MUTANT_MOST;
}

void sl_mutant_add_which(const struct sl_mutant_variant *variant, struct sl_buf *sql)
{
    if (is_sorted(variant->form))
        sl_buf_add(sql, "true");
    else
        sl_buf_addf(sql,
                    "\"~order\" in (select \"~order\" from \"~generated\" order by \"~order\" "
                    "limit %lld)",
                    (long long)(variant->form == SL_MUTANT_TWICE ? 1 : variant->rows));
}

static void add_query(const struct sl_mutant_input *input, bool is_about,
                      const struct sl_mutant_variant *variant, struct sl_buf *sql)
{
    enum sl_mutant_form form = variant->form;
    const struct sl_column *column = is_about ? &input->columns[variant->column] : NULL;
    bool sorts = column && is_sorted(form);
    sl_buf_add(sql, "select * from (");
    add_select(input, sorts ? NULL : column, form, sql);
    sl_buf_add(sql, " order by ");
    if (sorts) {
        sl_buf_add(sql, "try_cast(");
        sl_buf_add_sql_name(sql, column->name);
        sl_buf_addf(sql, " as DOUBLE) %s nulls last, ", form == SL_MUTANT_MOST ? "desc" : "asc");
    }
    sl_buf_addf(sql, "%s limit %lld)%s", input->order,
                (long long)(form == SL_MUTANT_TWICE ? 1 : variant->rows),
                form == SL_MUTANT_TWICE ? ", range(2)" : "");
    if (!input->also)
        return;
    struct sl_mutant_input also = *input;
    also.relation = input->also;
    sl_buf_add(sql, " union all ");
    add_select(&also, NULL, form, sql);
}

static void add_row(const struct sl_mutant_input *input, const struct sl_result *result,
                    int64_t row, struct sl_buf *yaml)
{
    sl_buf_add(yaml, row ? ", {" : "{");
    for (size_t i = 0; i < input->count; i++) {
        const char *value = sl_result_text(result, row, i);
        sl_buf_add(yaml, i ? ", " : "");
        sl_buf_add_json_string(yaml, input->columns[i].name);
        sl_buf_add(yaml, ": ");
        if (value)
            sl_buf_add_json_string(yaml, value);
        else
            sl_buf_add(yaml, "null");
    }
    sl_buf_add(yaml, "}");
}

int sl_mutant_add_rows(struct sl_session *session, const struct sl_mutant_inputs *inputs,
                       size_t index, const struct sl_mutant_variant *variant, struct sl_buf *yaml,
                       struct sl_err *err)
{
    const struct sl_mutant_input *input = &inputs->items[index];
    bool is_about = variant->form > SL_MUTANT_TWICE && variant->input == index;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    add_query(input, is_about, variant, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    sl_buf_add(yaml, "[");
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        add_row(input, result, row, yaml);
    sl_buf_add(yaml, "]");
    return SL_OK;
}
