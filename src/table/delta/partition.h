// Values of partition columns and of statistics, from the engine's text to the protocol's.
#ifndef SL_TABLE_DELTA_PARTITION_H
#define SL_TABLE_DELTA_PARTITION_H

#include "api/engine.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "table/delta/delta.h"

// The text of a partition value ("Partition Value Serialization"); NULL stays NULL. A value that is
// in this form already stays as it is. SL_E_TABLE_SCHEMA for what Delta cannot keep: an empty text
// (it would become null), dates before the year 1 or after 9999.
SL_MUST int sl_delta_partition_value(const struct sl_column *column, const char *text,
                                     struct sl_arena *arena, const char **ret, struct sl_err *err);

// Lists of partition values, to find the files that belong to one of them.
struct sl_delta_partition_set {
    struct sl_map keys;
    const struct sl_column *columns; // of the partition, in order
    size_t column_count;
};
void sl_delta_partition_set_clear(struct sl_delta_partition_set *set);
// Adds a list as an engine gives it; a value that Delta cannot keep fails as above.
SL_MUST int sl_delta_partition_set_add(struct sl_delta_partition_set *set,
                                       const char *const *values, struct sl_err *err);
// Whether the values of an action are in the set. A map without a column's value has null there.
SL_MUST int sl_delta_partition_set_has(const struct sl_delta_partition_set *set,
                                       const json_t *partition_values, bool *ret,
                                       struct sl_err *err);

// Appends the stats of a staged file as JSON ("Per-file Statistics"): number of rows; minimum,
// maximum and null count of the first 32 columns that are no partition columns. Bounds that JSON or
// Delta cannot express exactly are left out.
void sl_delta_stats_print(const struct sl_staged_file *file, const struct sl_column *columns,
                          size_t column_count, const struct sl_delta_partition_set *partitions,
                          struct sl_buf *json);

#endif
