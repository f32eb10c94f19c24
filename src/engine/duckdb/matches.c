#include "engine/duckdb/matches.h"

#include "base/dfa.h"
#include "base/matches.h"
#include "engine/duckdb/session.h"

#include <stdlib.h>
#include <string.h>

// Callbacks get a handle that only the library can read. All engines of a process load the same
// one.
static _Atomic(__typeof__(&duckdb_scalar_function_bind_get_extra_info)) read_library;
static _Atomic(__typeof__(&duckdb_scalar_function_get_bind_data)) read_bound;

// What a statement is bound with: a table of its own, which goes with it.
struct bound {
    const struct sl_duckdb_library *library;
    struct sl_dfa *dfa; // lies behind this
};

static struct bound *new_bound(const struct sl_duckdb_library *library, const struct sl_dfa *dfa)
{
    struct bound *bound = malloc(sizeof *bound + dfa->bytes);

    if (!bound)
        return NULL;
    *bound = (struct bound){library, (struct sl_dfa *)(bound + 1)};
    memcpy(bound->dfa, dfa, dfa->bytes);
    return bound;
}

static void *copy_bound(void *data)
{
    const struct bound *bound = data;

    return new_bound(bound->library, bound->dfa);
}

// The constant argument; NULL if it is none. The library frees it.
static char *read_pattern(const struct sl_duckdb_library *library, duckdb_bind_info info)
{
    duckdb_expression argument = library->scalar_function_bind_get_argument(info, 1);
    duckdb_client_context context = NULL;
    duckdb_value value = NULL;
    duckdb_error_data error = NULL;
    char *pattern = NULL;

    library->scalar_function_get_client_context(info, &context);
    if (library->expression_is_foldable(argument)) {
        error = library->expression_fold(context, argument, &value);
        if (!library->error_data_has_error(error) && value)
            pattern = library->get_varchar(value);
    }
    library->destroy_error_data(&error);
    library->destroy_value(&value);
    library->destroy_client_context(&context);
    library->destroy_expression(&argument);
    return pattern;
}

static void bind_pattern(duckdb_bind_info info)
{
    const struct sl_duckdb_library *library = read_library(info);
    struct sl_arena arena;
    struct sl_dfa *dfa = NULL;
    struct bound *bound = NULL;
    char *pattern = read_pattern(library, info);

    sl_arena_init(&arena, 0);
    if (pattern && sl_dfa_of_pattern(pattern, &arena, &dfa, NULL) == SL_OK && dfa)
        bound = new_bound(library, dfa);
    sl_arena_clear(&arena);
    library->free(pattern);
    if (!bound) {
        library->scalar_function_bind_set_error(
            info, "\"" SL_MATCHES_FUNCTION "\" takes a constant pattern of its own kind");
        return;
    }
    library->scalar_function_set_bind_data(info, bound, free);
    library->scalar_function_set_bind_data_copy(info, copy_bound);
}

static void match_texts(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct bound *bound = read_bound(info);
    const struct sl_duckdb_library *library = bound->library;
    duckdb_vector vector = library->data_chunk_get_vector(input, 0);
    const duckdb_string_t *texts = library->vector_get_data(vector);
    const uint64_t *validity = library->vector_get_validity(vector);
    idx_t count = library->data_chunk_get_size(input);
    bool *results = library->vector_get_data(output);
    uint64_t *nulls = NULL;

    if (validity) {
        library->vector_ensure_validity_writable(output);
        nulls = library->vector_get_validity(output);
    }
    for (idx_t row = 0; row < count; row++) {
        const duckdb_string_t *text = &texts[row];
        uint32_t length = text->value.inlined.length;
        if (!sl_duckdb_is_valid(validity, row)) {
            nulls[row / 64] &= ~(UINT64_C(1) << row % 64);
            continue;
        }
        results[row] = sl_dfa_matches(bound->dfa,
                                      length <= sizeof text->value.inlined.inlined
                                          ? text->value.inlined.inlined
                                          : text->value.pointer.ptr,
                                      length);
    }
}

int sl_duckdb_add_matches(const struct sl_duckdb_library *library, duckdb_connection connection,
                          struct sl_err *err)
{
    duckdb_scalar_function function = library->create_scalar_function();
    duckdb_logical_type text = library->create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type boolean = library->create_logical_type(DUCKDB_TYPE_BOOLEAN);

    read_library = library->scalar_function_bind_get_extra_info;
    read_bound = library->scalar_function_get_bind_data;
    library->scalar_function_set_name(function, SL_MATCHES_FUNCTION);
    library->scalar_function_add_parameter(function, text);
    library->scalar_function_add_parameter(function, text);
    library->scalar_function_set_return_type(function, boolean);
    library->scalar_function_set_extra_info(function, (void *)library, NULL);
    library->scalar_function_set_bind(function, bind_pattern);
    library->scalar_function_set_function(function, match_texts);
    duckdb_state state = library->register_scalar_function(connection, function);
    library->destroy_logical_type(&text);
    library->destroy_logical_type(&boolean);
    library->destroy_scalar_function(&function);
    if (state != DuckDBSuccess)
        return sl_fail(err, SL_E_ENGINE, "DuckDB does not take the function \"%s\"",
                       SL_MATCHES_FUNCTION);
    return SL_OK;
}
