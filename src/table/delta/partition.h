// Values of partition columns and of statistics, from the engine's text to the protocol's.
#ifndef SL_TABLE_DELTA_PARTITION_H
#define SL_TABLE_DELTA_PARTITION_H

#include "api/engine.h"
#include "base/buf.h"

// The text of a partition value ("Partition Value Serialization"); NULL stays NULL. A value that is
// in this form already stays as it is. SL_E_TABLE_SCHEMA for what Delta cannot keep: an empty text
// (it would become null), dates before the year 1 or after 9999.
SL_MUST int sl_delta_partition_value(const struct sl_column *column, const char *text,
                                     struct sl_arena *arena, const char **ret, struct sl_err *err);
// SL_E_TABLE_SCHEMA for a column that cannot partition a table: BLOB and nested types.
SL_MUST int sl_delta_partition_check(const struct sl_column *column, struct sl_err *err);

// Appends the stats of a staged file as JSON ("Per-file Statistics"): number of rows; minimum,
// maximum and null count of the first 32 columns that are no partition columns. Bounds that JSON or
// Delta cannot express exactly are left out.
void sl_delta_stats_print(const struct sl_staged_file *file, const struct sl_column *columns,
                          size_t column_count, const char *const *partition_columns,
                          size_t partition_count, struct sl_buf *json);

#endif
