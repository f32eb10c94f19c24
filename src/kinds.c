// The one list of everything that plugs in.
#include "api/kinds.h"
#include "connect/database/target.h"
#include "connect/file/source.h"
#include "connect/folder/target.h"
#include "connect/postgres/target.h"
#include "engine/duckdb/duckdb_engine.h"

static const struct sl_engine_kind *const engines[] = {&sl_engine_duckdb, NULL};
static const struct sl_target_kind *const targets[] = {&sl_target_parquet,
                                                       &sl_target_csv,
                                                       &sl_target_jsonl,
                                                       &sl_target_sqlite,
                                                       &sl_target_duckdb,
                                                       &sl_target_postgres,
                                                       NULL};
static const struct sl_source_kind *const sources[] = {&sl_source_file, NULL};

const struct sl_kinds sl_kinds = {.engines = engines, .targets = targets, .sources = sources};
