// libduckdb.so, loaded at run time, and the functions of its C API that we call.
#ifndef SL_ENGINE_DUCKDB_LIBRARY_H
#define SL_ENGINE_DUCKDB_LIBRARY_H

#include "base/err.h"

#include <duckdb.h>
#include <limits.h>

#define SL_DUCKDB_VERSION "v1.5.5"

// duckdb_<name> of duckdb.h each.
#define SL_DUCKDB_FUNCTIONS(X)                \
    X(create_config)                          \
    X(set_config)                             \
    X(destroy_config)                         \
    X(open_ext)                               \
    X(close)                                  \
    X(connect)                                \
    X(disconnect)                             \
    X(interrupt)                              \
    X(query)                                  \
    X(query_progress)                         \
    X(free)                                   \
    X(extract_statements)                     \
    X(extract_statements_error)               \
    X(prepare_extracted_statement)            \
    X(destroy_extracted)                      \
    X(prepare)                                \
    X(prepare_error)                          \
    X(nparams)                                \
    X(prepared_statement_type)                \
    X(prepared_statement_column_count)        \
    X(prepared_statement_column_name)         \
    X(prepared_statement_column_logical_type) \
    X(bind_value)                             \
    X(pending_prepared)                       \
    X(pending_execute_task)                   \
    X(pending_error)                          \
    X(execute_pending)                        \
    X(destroy_pending)                        \
    X(execute_prepared_streaming)             \
    X(destroy_prepare)                        \
    X(result_error)                           \
    X(result_return_type)                     \
    X(rows_changed)                           \
    X(column_count)                           \
    X(fetch_chunk)                            \
    X(destroy_result)                         \
    X(destroy_data_chunk)                     \
    X(data_chunk_get_size)                    \
    X(data_chunk_get_vector)                  \
    X(vector_get_data)                        \
    X(vector_get_validity)                    \
    X(list_vector_get_child)                  \
    X(struct_vector_get_child)                \
    X(create_logical_type)                    \
    X(destroy_logical_type)                   \
    X(get_type_id)                            \
    X(logical_type_get_alias)                 \
    X(decimal_width)                          \
    X(decimal_scale)                          \
    X(create_varchar_length)                  \
    X(create_list_value)                      \
    X(destroy_value)                          \
    X(column_type)                            \
    X(column_name)                            \
    X(column_logical_type)                    \
    X(table_description_create_ext)           \
    X(table_description_error)                \
    X(table_description_destroy)              \
    X(create_scalar_function)                 \
    X(destroy_scalar_function)                \
    X(register_scalar_function)               \
    X(scalar_function_bind_get_argument)      \
    X(scalar_function_bind_get_extra_info)    \
    X(scalar_function_bind_set_error)         \
    X(scalar_function_get_bind_data)          \
    X(scalar_function_get_client_context)     \
    X(scalar_function_add_parameter)          \
    X(scalar_function_set_bind)               \
    X(scalar_function_set_bind_data)          \
    X(scalar_function_set_bind_data_copy)     \
    X(scalar_function_set_extra_info)         \
    X(scalar_function_set_function)           \
    X(scalar_function_set_name)               \
    X(scalar_function_set_return_type)        \
    X(expression_is_foldable)                 \
    X(expression_fold)                        \
    X(destroy_expression)                     \
    X(destroy_client_context)                 \
    X(error_data_has_error)                   \
    X(destroy_error_data)                     \
    X(get_varchar)                            \
    X(vector_ensure_validity_writable)

struct sl_duckdb_library {
#define SL_DUCKDB_MEMBER(name) __typeof__(&duckdb_##name) name;
    SL_DUCKDB_FUNCTIONS(SL_DUCKDB_MEMBER)
#undef SL_DUCKDB_MEMBER
    void *handle;
    char extension_folder[PATH_MAX]; // "" if the library is one of the system's
};

// Looks in $DUCKDB_HOME/lib, $DUCKDB_HOME, SL_DUCKDB_HOME/lib (set when compiled), ../lib/sluice
// beside the program, then where the system has its libraries. SL_E_ENGINE_MISSING if there is
// none, or if the first one found is of another version.
SL_MUST int sl_duckdb_library_open(struct sl_duckdb_library *library, struct sl_err *err);
void sl_duckdb_library_close(struct sl_duckdb_library *library); // twice is fine

#endif
