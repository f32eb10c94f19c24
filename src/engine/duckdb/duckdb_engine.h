// DuckDB as an engine, in this process, through its C API. libduckdb.so is loaded with dlopen by
// the first open, so that commands that need no engine start without it.
//
// Sessions. Each has a catalogue of its own: a database in memory, attached as session_N, so that
// the views raw.x, clean.x, ... of two sessions never meet. All share memory limit, threads and
// loaded extensions. Times are in UTC, nothing is ever downloaded.
//
// Types. Text is DuckDB's own text form (cast to VARCHAR) for every type. json_serialize_sql gives
// the `position` of a syntax error in characters; every other position of DuckDB is in bytes.
//
// Staged files are Parquet version 1 with ZSTD compression (a third of SNAPPY's size for about a
// quarter more time to write). A query without rows gives no file. With partition columns each
// partition has a file of its own whatever file_size_bytes says (DuckDB cannot do both), more than
// one for very large ones, and its rows may change their order. Statistics are those of whole
// columns, not of nested fields; min and max of texts of more than 256 bytes are bounds near them,
// or unknown. HUGEINT is refused: DuckDB would write it as DOUBLE. PIVOT needs its IN list, for
// without one it is several statements.
//
// Scans without origin leave out the files of partitions that a filter excludes, as long as each
// file's path has its values (`day=2024-01-31/`). With the origin they are only filtered by row.
//
// Streams. `COPY (...) TO '/dev/fd/N' (FORMAT csv)` writes to the pipe N while the query runs, from
// the thread that runs it, with the first bytes after the first rows. So it blocks when the pipe is
// full: another thread must read. A reader that closes early makes it fail with "Broken pipe",
// provided that the process ignores SIGPIPE. N stays open: close it to end the stream.
#ifndef SL_ENGINE_DUCKDB_DUCKDB_ENGINE_H
#define SL_ENGINE_DUCKDB_DUCKDB_ENGINE_H

#include "api/engine.h"

extern const struct sl_engine_kind sl_engine_duckdb;

// Loads an extension that is installed with Sluice ("delta", "postgres_scanner") from its file,
// <home>/extensions/NAME.duckdb_extension, for all sessions of the engine. Again is fine.
// SL_E_ENGINE_EXTENSION if there is no such file. `session` must be one of sl_engine_duckdb.
SL_MUST int sl_duckdb_load_extension(struct sl_session *session, const char *name,
                                     struct sl_err *err);

#endif
