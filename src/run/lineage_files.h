// Models that read files by functions of the engine, past the tables.
#ifndef SL_RUN_LINEAGE_FILES_H
#define SL_RUN_LINEAGE_FILES_H

#include "run/world.h"

// Whether any of `files` (struct sl_query) may be one of the source that `node`, an ingest or a
// cleanse, reads, or one of the tables that its rows are kept in, in each of the lakes. What cannot
// be told is so. Without a source only the tables count.
SL_MUST int sl_lineage_reads_files(struct sl_world *world, const struct sl_strs *files,
                                   const struct sl_node *node, bool *ret, struct sl_err *err);

#endif
