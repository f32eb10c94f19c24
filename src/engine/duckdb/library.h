// libduckdb.so, loaded at run time, and the functions of its C API that we call.
#ifndef SL_ENGINE_DUCKDB_LIBRARY_H
#define SL_ENGINE_DUCKDB_LIBRARY_H

#include "base/err.h"

#include <duckdb.h>
#include <limits.h>

#define SL_DUCKDB_VERSION "v1.5.5"

// duckdb_<name> of duckdb.h each.
#define SL_DUCKDB_FUNCTIONS(X)                                                                     \
    X(library_version)                                                                             \
    X(create_config)                                                                               \
    X(set_config)                                                                                  \
    X(destroy_config)                                                                              \
    X(open_ext)                                                                                    \
    X(close)                                                                                       \
    X(connect)                                                                                     \
    X(disconnect)                                                                                  \
    X(interrupt)                                                                                   \
    X(query_progress)                                                                              \
    X(free)                                                                                        \
    X(query)                                                                                       \
    X(prepare)                                                                                     \
    X(prepare_error)                                                                               \
    X(prepared_statement_type)                                                                     \
    X(prepared_statement_column_count)                                                             \
    X(prepared_statement_column_name)                                                              \
    X(prepared_statement_column_logical_type)                                                      \
    X(nparams)                                                                                     \
    X(bind_value)                                                                                  \
    X(execute_prepared)                                                                            \
    X(execute_prepared_streaming)                                                                  \
    X(destroy_prepare)                                                                             \
    X(result_error)                                                                                \
    X(result_return_type)                                                                          \
    X(rows_changed)                                                                                \
    X(column_count)                                                                                \
    X(column_name)                                                                                 \
    X(column_logical_type)                                                                         \
    X(fetch_chunk)                                                                                 \
    X(destroy_result)                                                                              \
    X(destroy_data_chunk)                                                                          \
    X(data_chunk_get_size)                                                                         \
    X(data_chunk_set_size)                                                                         \
    X(data_chunk_get_vector)                                                                       \
    X(data_chunk_get_column_count)                                                                 \
    X(vector_get_data)                                                                             \
    X(vector_get_validity)                                                                         \
    X(vector_reference_vector)                                                                     \
    X(list_vector_get_child)                                                                       \
    X(struct_vector_get_child)                                                                     \
    X(create_logical_type)                                                                         \
    X(destroy_logical_type)                                                                        \
    X(get_type_id)                                                                                 \
    X(logical_type_get_alias)                                                                      \
    X(decimal_width)                                                                               \
    X(decimal_scale)                                                                               \
    X(list_type_child_type)                                                                        \
    X(array_type_child_type)                                                                       \
    X(map_type_key_type)                                                                           \
    X(map_type_value_type)                                                                         \
    X(struct_type_child_count)                                                                     \
    X(struct_type_child_type)                                                                      \
    X(create_varchar_length)                                                                       \
    X(create_list_value)                                                                           \
    X(destroy_value)                                                                               \
    X(get_int64)                                                                                   \
    X(create_table_function)                                                                       \
    X(destroy_table_function)                                                                      \
    X(table_function_set_name)                                                                     \
    X(table_function_add_parameter)                                                                \
    X(table_function_set_extra_info)                                                               \
    X(table_function_set_bind)                                                                     \
    X(table_function_set_init)                                                                     \
    X(table_function_set_function)                                                                 \
    X(register_table_function)                                                                     \
    X(bind_get_extra_info)                                                                         \
    X(bind_get_parameter)                                                                          \
    X(bind_add_result_column)                                                                      \
    X(bind_set_bind_data)                                                                          \
    X(bind_set_error)                                                                              \
    X(init_set_init_data)                                                                          \
    X(init_set_error)                                                                              \
    X(function_get_extra_info)                                                                     \
    X(function_get_bind_data)                                                                      \
    X(function_get_init_data)

struct sl_duckdb_library {
#define SL_DUCKDB_MEMBER(name) __typeof__(&duckdb_##name) name;
    SL_DUCKDB_FUNCTIONS(SL_DUCKDB_MEMBER)
#undef SL_DUCKDB_MEMBER
    void *handle;
    char extension_folder[PATH_MAX]; // "" if the library is one of the system's
};

// Looks in $DUCKDB_HOME/lib, $DUCKDB_HOME, SL_DUCKDB_HOME/lib (set when compiled), ../lib/sluice
// beside the program, then where the system has its libraries. SL_E_ENGINE_MISSING if there is none,
// or if the first one found is of another version.
SL_MUST int sl_duckdb_library_open(struct sl_duckdb_library *library, struct sl_err *err);
void sl_duckdb_library_close(struct sl_duckdb_library *library); // twice is fine

#endif
