// The columns of a raw table: what the source's parts have, under one name and type each.
//
// A column that the table has keeps its type (but see ingest_retype.c), and a part that has another
// is cast, value by value where the types do not tell that nothing is lost. New columns of several
// types get the type that the engine gives to all of them together if it holds each of them, else
// text. A column without a type, for it holds only nulls, waits for a part that gives it one, or is
// a text that the contract reads. A member or item without one cannot wait, for lists of nulls have
// lengths and objects have other members: it is a text, which holds whatever value comes.
#include "step/ingest.h"

#include "spec/contract.h"
#include "step/cast.h"
#include "step/schema.h"
#include "table/delta/schema.h"

#include <string.h>

static const struct sl_column own_columns[] = {
    {"_source", "VARCHAR"},
    {"_position", "BIGINT"},
    {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
    {"_corrupt", "BLOB"},
};
#define OWN_COUNT (sizeof own_columns / sizeof *own_columns)

struct merger {
    struct sl_ingest *ingest;
    struct sl_column *columns;
    size_t count;
    size_t fixed_count;   // of the table
    struct sl_map places; // lower-case name -> place, from 1
};

static char *lower(struct sl_arena *arena, const char *name)
{
    char *copy = sl_arena_strdup(arena, name);

    for (char *at = copy; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    return copy;
}

// Types that a table cannot hold anywhere in them become text.
static int storable(struct sl_column *column, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    struct sl_err refused = {0};
    bool has_ntz = false;
    int code;

    if (sl_type_find_unknown(column->type)) // not before it is known
        return SL_OK;
    column->type = sl_storage_type(column->type);
    code = sl_delta_type_print(column->name, column->type, &json, &has_ntz, &refused);
    if (code == SL_E_TABLE_SCHEMA)
        column->type = "VARCHAR";
    else if (code != SL_OK)
        *err = refused;
    return code == SL_E_TABLE_SCHEMA ? SL_OK : code;
}

static bool holds(const char *type, const char *a, const char *b)
{
    return sl_type_widens(a, type) && sl_type_widens(b, type);
}

// `both`: the engine's type for the two, NULL for none. Nested types are the engine's to bring
// together; their values are looked at.
static const char *common_type(const char *a, const char *b, const char *both)
{
    bool is_nested = both && (sl_str_ends(both, "]") || sl_str_starts(both, "STRUCT(") ||
                              sl_str_starts(both, "MAP("));

    if (is_nested || (both && holds(both, a, b)))
        return both;
    return holds("DOUBLE", a, b) ? "DOUBLE" : "VARCHAR";
}

// The engine's type for both; NULL if it has none. As typeof() says it, since a result has INTEGER
// where nothing has a type.
static int ask_type(struct merger *merger, const char *a, const char *b, const char **ret,
                    struct sl_err *err)
{
    struct sl_session *session = merger->ingest->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    int code;

    *ret = NULL;
    sl_buf_addf(&sql,
                "select typeof(a) from (select cast(null as %s) as a union all select cast(null as "
                "%s)) limit 1",
                a, b);
    SL_TRY(sl_buf_check(&sql, err));
    code = session->kind->query(session, sql.text, 0, &result, err);
    if (code == SL_E_ENGINE)
        sl_err_clear(err);
    if (code != SL_OK)
        return code == SL_E_ENGINE ? SL_OK : code;
    *ret = sl_arena_strdup(merger->ingest->arena, sl_result_text(result, 0, 0));
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int unify(struct merger *merger, struct sl_column *column, const char *type,
                 struct sl_err *err)
{
    const char *both;

    SL_TRY(ask_type(merger, column->type, type, &both, err));
    column->type = common_type(column->type, type, both);
    return storable(column, err);
}

// Places that no part gave a type are texts.
static int settle(struct merger *merger, struct sl_err *err)
{
    for (size_t i = merger->fixed_count; i < merger->count; i++) {
        struct sl_column *column = &merger->columns[i];

        if (!sl_type_find_unknown(column->type))
            continue;
        column->type = sl_type_fill_unknown(column->type, "VARCHAR", merger->ingest->arena);
        SL_TRY_NEW(column->type, err);
        SL_TRY(storable(column, err));
    }
    return SL_OK;
}

// The table has the column. Other types than nested ones are cast value by value.
static int fit_in(struct merger *merger, struct sl_column *column, const char *type,
                  struct sl_err *err)
{
    struct sl_column both = *column;

    if (!sl_type_is_nested(column->type) || !sl_type_is_nested(type) ||
        sl_str_equal(column->type, type))
        return SL_OK;
    SL_TRY(ask_type(merger, column->type, type, &both.type, err));
    if (!both.type)
        return SL_OK;
    both.type = sl_type_fill_unknown(both.type, "VARCHAR", merger->ingest->arena);
    SL_TRY_NEW(both.type, err);
    SL_TRY(storable(&both, err));
    return sl_ingest_retype(merger->ingest, column, both.type, err);
}

static int add_column(struct merger *merger, struct sl_column column, struct sl_err *err)
{
    struct sl_arena *arena = merger->ingest->arena;
    const char *key = lower(arena, column.name);
    size_t place;

    SL_TRY_NEW(key, err);
    SL_TRY(storable(&column, err));
    place = (size_t)(uintptr_t)sl_map_get(&merger->places, key);
    if (place > 0) {
        struct sl_column *known = &merger->columns[place - 1];

        if (place <= merger->fixed_count)
            return fit_in(merger, known, column.type, err);
        return sl_str_equal(known->type, column.type) ? SL_OK
                                                      : unify(merger, known, column.type, err);
    }
    if (!SL_PUSH(arena, merger->columns, merger->count, column))
        return sl_fail_memory(err);
    return sl_map_set(&merger->places, key, (void *)(uintptr_t)merger->count, err);
}

// The contract reads any scalar out of texts.
static bool is_text_enough(const struct sl_contract_table *contract, const char *name)
{
    for (size_t i = 0; contract && i < contract->column_count; i++) {
        const struct sl_contract_column *column = &contract->columns[i];
        if (sl_str_equal_nocase(column->source_name, name))
            return column->type.kind != SL_TYPE_OBJECT && column->type.kind != SL_TYPE_ARRAY;
    }
    return false;
}

// Columns that hold only nulls, as texts where the contract has them: they are there.
static int add_unknown(struct merger *merger, struct sl_err *err)
{
    struct sl_ingest *ingest = merger->ingest;
    const struct sl_contract_table *contract =
        sl_project_contract_for(ingest->project, ingest->source);
    for (size_t i = 0; i < ingest->job_count; i++) {
        const struct sl_source_reader *reader = ingest->jobs[i].reader;
        for (size_t k = 0; reader && k < reader->column_count; k++) {
            struct sl_column column = {reader->columns[k].name, "VARCHAR"};
            if (sl_str_equal(reader->columns[k].type, SL_UNKNOWN_TYPE) &&
                is_text_enough(contract, column.name) &&
                !sl_column_find(merger->columns, merger->count, column.name))
                SL_TRY(add_column(merger, column, err));
        }
    }
    return SL_OK;
}

static int merge(struct merger *merger, struct sl_err *err)
{
    struct sl_ingest *ingest = merger->ingest;

    for (size_t i = 0; !ingest->is_fresh && i < ingest->snapshot.column_count; i++)
        SL_TRY(add_column(merger, ingest->snapshot.columns[i], err));
    merger->fixed_count = merger->count;
    for (size_t i = 0; i < ingest->job_count; i++) {
        const struct sl_source_reader *reader = ingest->jobs[i].reader;

        for (size_t k = 0; reader && k < reader->column_count; k++)
            if (!sl_str_equal(reader->columns[k].type, SL_UNKNOWN_TYPE))
                SL_TRY(add_column(merger, reader->columns[k], err));
    }
    SL_TRY(add_unknown(merger, err));
    SL_TRY(settle(merger, err));
    for (size_t i = 0; i < OWN_COUNT; i++)
        SL_TRY(add_column(merger, own_columns[i], err));
    ingest->columns = merger->columns;
    ingest->column_count = merger->count;
    return SL_OK;
}

int sl_ingest_columns(struct sl_ingest *ingest, struct sl_err *err)
{
    struct merger merger = {.ingest = ingest};
    int code = merge(&merger, err);

    sl_map_clear(&merger.places);
    return code;
}

const struct sl_column *sl_ingest_column(const struct sl_ingest *ingest, const char *name)
{
    for (size_t i = 0; i < ingest->column_count; i++)
        if (sl_str_equal_nocase(ingest->columns[i].name, name))
            return &ingest->columns[i];
    return NULL;
}
