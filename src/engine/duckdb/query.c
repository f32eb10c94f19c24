#include "engine/duckdb/query.h"

#include "api/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// What sl_duckdb_query knows of the statement before it runs.
struct shape {
    struct sl_column *columns;
    duckdb_type *types;
    size_t count;
    bool has_all_names;  // every column has its type's name
    bool has_plain_data; // add_cell can write each of them
};

// Types whose name says all, and whether add_cell can write their values.
static const struct plain {
    duckdb_type type;
    const char *name;
    bool has_plain_data;
} plains[] = {
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN", true},
    {DUCKDB_TYPE_INTEGER, "INTEGER", true},
    {DUCKDB_TYPE_BIGINT, "BIGINT", true},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT", true},
    {DUCKDB_TYPE_VARCHAR, "VARCHAR", true},
    {DUCKDB_TYPE_TINYINT, "TINYINT", false},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT", false},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER", false},
    {DUCKDB_TYPE_HUGEINT, "HUGEINT", true}, // sums and count_if
    {DUCKDB_TYPE_FLOAT, "FLOAT", false},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE", false},
    {DUCKDB_TYPE_DATE, "DATE", false},
    {DUCKDB_TYPE_TIME, "TIME", false},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP", false},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE", false},
    {DUCKDB_TYPE_BLOB, "BLOB", false},
    {DUCKDB_TYPE_UUID, "UUID", false},
};

static const struct plain *find_plain(duckdb_type type)
{
    for (size_t i = 0; i < sizeof plains / sizeof *plains; i++)
        if (plains[i].type == type)
            return &plains[i];
    return NULL;
}

static int read_column(const struct sl_duckdb_library *library, duckdb_logical_type type,
                       struct sl_arena *arena, struct shape *shape, struct sl_err *err)
{
    struct sl_column *column = &shape->columns[shape->count];
    duckdb_type id = library->get_type_id(type);
    const struct plain *plain = find_plain(id);
    char *alias = library->logical_type_get_alias(type);

    shape->types[shape->count++] = id;
    shape->has_plain_data = shape->has_plain_data && plain && plain->has_plain_data;
    if (plain && !alias)
        column->type = plain->name;
    if (id == DUCKDB_TYPE_DECIMAL && !alias) {
        column->type = sl_arena_printf(arena, "DECIMAL(%d,%d)", library->decimal_width(type),
                                       library->decimal_scale(type));
        if (!column->type) {
            library->free(alias);
            return sl_fail_memory(err);
        }
    }
    library->free(alias); // NULL is fine
    shape->has_all_names = shape->has_all_names && column->type;
    return SL_OK;
}

// The columns of a prepared statement. Types that take more than a word to name are left NULL.
static int read_shape(const struct sl_duckdb_answer *answer, struct sl_arena *arena,
                      struct shape *shape, struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;
    idx_t count = library->prepared_statement_column_count(answer->statement);

    *shape = (struct shape){.has_all_names = true, .has_plain_data = true};
    shape->columns = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(shape->columns, err);
    shape->types = SL_NEW_ARRAY(arena, duckdb_type, count);
    SL_TRY_NEW(shape->types, err);
    for (idx_t i = 0; i < count; i++) {
        const char *name = library->prepared_statement_column_name(answer->statement, i);
        duckdb_logical_type type =
            library->prepared_statement_column_logical_type(answer->statement, i);
        int code = type ? read_column(library, type, arena, shape, err) : sl_fail_memory(err);
        shape->columns[i].name = sl_arena_strdup(arena, name ? name : "");
        library->free((void *)(uintptr_t)name);
        library->destroy_logical_type(&type);
        SL_TRY(code);
        SL_TRY_NEW(shape->columns[i].name, err);
    }
    return SL_OK;
}

int sl_duckdb_each_row(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                       sl_duckdb_row *row, void *self, struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;
    uint64_t left = answer->max_rows ? answer->max_rows : UINT64_MAX;

    for (;;) {
        duckdb_data_chunk chunk;
        int code = sl_duckdb_fetch(answer, sql, &chunk, err);
        if (code != SL_OK || !chunk)
            return code;
        idx_t count = library->data_chunk_get_size(chunk);
        for (idx_t i = 0; i < count && left > 0 && code == SL_OK; i++, left--)
            code = row(self, chunk, i, err);
        library->destroy_data_chunk(&chunk);
        if (code != SL_OK || left == 0)
            return code;
    }
}

struct describe {
    const struct sl_duckdb_library *library;
    struct sl_arena *arena;
    struct sl_column *columns;
    size_t count;
};

static int describe_row(void *self, duckdb_data_chunk chunk, idx_t row, struct sl_err *err)
{
    struct describe *describe = self;
    const char *texts[2] = {NULL, NULL};

    for (idx_t i = 0; i < 2; i++) {
        duckdb_vector vector = describe->library->data_chunk_get_vector(chunk, i);
        const char *text;
        size_t length;
        if (!sl_duckdb_text(describe->library, vector, row, &text, &length))
            return sl_fail(err, SL_E_INTERNAL, "a column without a name or a type");
        texts[i] = sl_arena_strndup(describe->arena, text, length);
        SL_TRY_NEW(texts[i], err);
    }
    if (!SL_PUSH(describe->arena, describe->columns, describe->count,
                 ((struct sl_column){.name = texts[0], .type = texts[1]})))
        return sl_fail_memory(err);
    return SL_OK;
}

// In brackets, nothing but one SELECT can follow DESCRIBE.
static int run_describe(struct sl_duckdb_session *session, const char *sql, struct sl_arena *arena,
                        struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct describe describe = {.library = session->library, .arena = arena};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct sl_duckdb_sql wrapped;

    SL_TRY(sl_duckdb_wrap("describe (", sql, "\n)", &text, &wrapped, err));
    SL_TRY(sl_duckdb_prepare(session, &wrapped, &answer, err));
    SL_TRY(sl_duckdb_run(&answer, &wrapped, false, err));
    SL_TRY(sl_duckdb_each_row(&answer, &wrapped, describe_row, &describe, err));
    *ret = describe.columns;
    *ret_count = describe.count;
    return SL_OK;
}

// A prepared statement knows its columns, which takes a third of the time of DESCRIBE. That one
// names the types that take more than a word, and says what is wrong with parameters.
static int describe(struct sl_session *base, const char *sql, struct sl_arena *arena,
                    struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    const struct sl_duckdb_library *library = session->library;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct sl_duckdb_sql wrapped;
    struct shape shape = {0};

    SL_TRY(sl_duckdb_wrap("(", sql, "\n)", &text, &wrapped, err));
    SL_TRY(sl_duckdb_prepare(session, &wrapped, &answer, err));
    if (library->nparams(answer.statement) == 0 &&
        library->prepared_statement_type(answer.statement) == DUCKDB_STATEMENT_TYPE_SELECT)
        SL_TRY(read_shape(&answer, arena, &shape, err));
    if (!shape.has_all_names)
        return run_describe(session, sql, arena, ret, ret_count, err);
    *ret = shape.columns;
    *ret_count = shape.count;
    return SL_OK;
}

int sl_duckdb_describe(struct sl_session *base, const char *sql, struct sl_arena *arena,
                       struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    if (strlen(sql) < SL_DUCKDB_LONG_SQL)
        return describe(base, sql, arena, ret, ret_count, err);
    SL_TRY(sl_duckdb_hurry(base, true, err));
    int code = describe(base, sql, arena, ret, ret_count, err);
    int back = sl_duckdb_hurry(base, false, code == SL_OK ? err : NULL);
    return code == SL_OK ? back : code;
}

struct cells {
    const struct sl_duckdb_library *library;
    const struct shape *shape;
    struct sl_result *result;
};

enum { HUGE_BYTES = 41 }; // a sign, 39 digits, the end

// Digits from the last to the first: upper * 2^64 + lower by tens, in halves of 32 bits.
static const char *print_huge(duckdb_hugeint value, char *text)
{
    bool is_negative = value.upper < 0;
    uint64_t upper = (uint64_t)value.upper;
    uint64_t lower = value.lower;
    size_t at = HUGE_BYTES - 1;

    if (is_negative) {
        upper = ~upper + (lower == 0);
        lower = ~lower + 1;
    }
    uint32_t parts[4] = {(uint32_t)(upper >> 32), (uint32_t)upper, (uint32_t)(lower >> 32),
                         (uint32_t)lower};
    text[at] = '\0';
    do {
        uint64_t rest = 0;
        for (size_t i = 0; i < 4; i++) {
            rest = rest << 32 | parts[i];
            parts[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        text[--at] = (char)('0' + rest);
    } while (parts[0] || parts[1] || parts[2] || parts[3]);
    if (is_negative)
        text[--at] = '-';
    return &text[at];
}

static int add_number(const void *data, duckdb_type type, idx_t row, struct sl_result *result,
                      struct sl_err *err)
{
    char text[HUGE_BYTES];

    if (type == DUCKDB_TYPE_HUGEINT) {
        const char *number = print_huge(((const duckdb_hugeint *)data)[row], text);
        return sl_result_add_cell(result, number, strlen(number), err);
    }

    if (type == DUCKDB_TYPE_BOOLEAN)
        (void)snprintf(text, sizeof text, "%s", ((const bool *)data)[row] ? "true" : "false");
    else if (type == DUCKDB_TYPE_INTEGER)
        (void)snprintf(text, sizeof text, "%" PRId32, ((const int32_t *)data)[row]);
    else if (type == DUCKDB_TYPE_BIGINT)
        (void)snprintf(text, sizeof text, "%" PRId64, ((const int64_t *)data)[row]);
    else
        (void)snprintf(text, sizeof text, "%" PRIu64, ((const uint64_t *)data)[row]);
    return sl_result_add_cell(result, text, strlen(text), err);
}

static int add_row(void *self, duckdb_data_chunk chunk, idx_t row, struct sl_err *err)
{
    struct cells *cells = self;
    const struct sl_duckdb_library *library = cells->library;

    for (idx_t i = 0; i < cells->shape->count; i++) {
        duckdb_vector vector = library->data_chunk_get_vector(chunk, i);
        const uint64_t *validity = library->vector_get_validity(vector);
        const char *text = NULL;
        size_t length = 0;
        if (cells->shape->types[i] == DUCKDB_TYPE_VARCHAR)
            (void)sl_duckdb_text(library, vector, row, &text, &length);
        else if (sl_duckdb_is_valid(validity, row)) {
            SL_TRY(add_number(library->vector_get_data(vector), cells->shape->types[i], row,
                              cells->result, err));
            continue;
        }
        SL_TRY(sl_result_add_cell(cells->result, text, length, err));
    }
    return SL_OK;
}

// Names the types that take more than a word. Only a SELECT can be described.
static int name_types(struct sl_session *base, const char *sql, bool is_select,
                      struct sl_arena *arena, struct shape *shape, struct sl_err *err)
{
    struct sl_column *described = NULL;
    size_t count = 0;

    if (is_select)
        SL_TRY(sl_duckdb_describe(base, sql, arena, &described, &count, err));
    for (size_t i = 0; i < shape->count; i++) {
        struct sl_column *column = &shape->columns[i];
        if (!column->type && i < count)
            column->type = described[i].type;
        if (!column->type && shape->types[i] == DUCKDB_TYPE_VARCHAR)
            column->type = "VARCHAR";
        if (column->type)
            continue;
        (void)sl_fail(err, SL_E_ENGINE, "the type of column '%s' cannot be shown", column->name);
        return sl_err_hint(err, "cast it to varchar");
    }
    return SL_OK;
}

// Prepares the statement such that add_row can write what it gives: other types than those with
// plain data are cast by DuckDB itself.
static int prepare_text(struct sl_session *base, struct sl_duckdb_sql *sql, struct sl_buf *text,
                        struct sl_result *result, struct sl_duckdb_answer *answer,
                        struct shape *shape, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    bool is_select;

    SL_TRY(sl_duckdb_prepare(session, sql, answer, err));
    SL_TRY(read_shape(answer, &result->arena, shape, err));
    is_select = session->library->prepared_statement_type(answer->statement) ==
                DUCKDB_STATEMENT_TYPE_SELECT;
    session->is_used = session->is_used || !is_select;
    if (!shape->has_all_names)
        SL_TRY(name_types(base, sql->text, is_select, &result->arena, shape, err));
    for (size_t i = 0; i < shape->count; i++)
        SL_TRY(sl_result_add_column(result, shape->columns[i].name, shape->columns[i].type, err));
    if (shape->has_plain_data)
        return SL_OK;
    if (!is_select) {
        (void)sl_fail(err, SL_E_ENGINE, "the statement gives types that cannot be shown");
        return sl_err_hint(err, "cast them to varchar");
    }
    sl_duckdb_answer_clear(answer);
    SL_TRY(sl_duckdb_wrap("select cast(columns(*) as varchar) from (", sql->text, "\n)", text, sql,
                          err));
    for (size_t i = 0; i < shape->count; i++)
        shape->types[i] = DUCKDB_TYPE_VARCHAR;
    return sl_duckdb_prepare(session, sql, answer, err);
}

// Whatever a result left open is cleaned up when the connection begins its next statement. Until
// then a stream that was not read to its end would keep its transaction, and with it the files of
// databases that are detached since.
static int end_stream(struct sl_duckdb_session *session, struct sl_err *err)
{
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer next = SL_DUCKDB_ANSWER_INIT(session);

    return sl_duckdb_prepare(session, &(struct sl_duckdb_sql){.text = "select 1"}, &next, err);
}

static int read_result_shape(struct sl_duckdb_answer *answer, struct sl_arena *arena,
                             struct shape *shape, struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;
    idx_t count = library->column_count(&answer->result);

    *shape = (struct shape){.has_all_names = true, .has_plain_data = true};
    shape->columns = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(shape->columns, err);
    shape->types = SL_NEW_ARRAY(arena, duckdb_type, count);
    SL_TRY_NEW(shape->types, err);
    for (idx_t i = 0; i < count; i++) {
        const char *name = library->column_name(&answer->result, i);
        duckdb_logical_type type = library->column_logical_type(&answer->result, i);
        int code = type ? read_column(library, type, arena, shape, err) : sl_fail_memory(err);
        shape->columns[i].name = sl_arena_strdup(arena, name ? name : "");
        library->destroy_logical_type(&type);
        SL_TRY(code);
        SL_TRY_NEW(shape->columns[i].name, err);
    }
    return SL_OK;
}

// Such a statement changes nothing: it may run before it is known whether it can be shown.
static bool is_select_at_once(const char *sql)
{
    static const char word[] = "select ";
    return strncasecmp(sql, word, sizeof word - 1) == 0 && !strchr(sql, ';');
}

// Without a look at the statement before it runs; leaves *ret NULL where it gives types that must
// be cast to be shown.
static int query_at_once(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                         struct sl_result **ret, struct sl_err *err)
{
    const struct sl_duckdb_library *library = session->library;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct shape shape;

    SL_TRY(sl_result_new(0, &result, err));
    SL_TRY(sl_duckdb_run_whole(session, sql, &answer, err));
    SL_TRY(read_result_shape(&answer, &result->arena, &shape, err));
    if (!shape.has_all_names || !shape.has_plain_data)
        return SL_OK;
    for (size_t i = 0; i < shape.count; i++)
        SL_TRY(sl_result_add_column(result, shape.columns[i].name, shape.columns[i].type, err));
    SL_TRY(sl_duckdb_each_row(
        &answer, sql, add_row,
        &(struct cells){.library = library, .shape = &shape, .result = result}, err));
    *ret = result;
    result = NULL;
    return SL_OK;
}

int sl_duckdb_query(struct sl_session *base, const char *sql, int64_t max_rows,
                    struct sl_result **ret, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct sl_duckdb_sql whole = {.text = sql, .user_bytes = strlen(sql)};
    struct shape shape;

    if (session->engine->is_for_few_rows && max_rows == 0 && is_select_at_once(sql)) {
        SL_TRY(query_at_once(session, &whole, &result, err));
        if (result) {
            *ret = result;
            result = NULL;
            return SL_OK;
        }
    }
    SL_TRY(sl_result_new(0, &result, err));
    SL_TRY(prepare_text(base, &whole, &text, result, &answer, &shape, err));
    // Streamed, the rows beyond max_rows are never computed.
    SL_TRY(sl_duckdb_run(&answer, &whole, max_rows > 0, err));
    answer.max_rows = max_rows > 0 ? (uint64_t)max_rows : 0;
    SL_TRY(sl_duckdb_each_row(
        &answer, &whole, add_row,
        &(struct cells){.library = session->library, .shape = &shape, .result = result}, err));
    if (max_rows > 0) {
        sl_duckdb_answer_clear(&answer);
        SL_TRY(end_stream(session, err));
    }
    *ret = result;
    result = NULL;
    return SL_OK;
}
