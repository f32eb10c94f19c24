// Source of files on this machine: csv, tsv, jsonl, json (also .gz and .zst) and Parquet.
//
// Text is split here, on a thread of its own, and handed to the engine through a pipe, because the
// engine's own reader loses rows of a damaged file without a word (docs/measurements.md). Parquet
// the engine reads itself.
#ifndef SL_CONNECT_FILE_SOURCE_H
#define SL_CONNECT_FILE_SOURCE_H

#include "api/source.h"

extern const struct sl_source_kind sl_source_file;

#endif
