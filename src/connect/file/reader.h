// The parts of the file source, shared between its files.
#ifndef SL_CONNECT_FILE_READER_H
#define SL_CONNECT_FILE_READER_H

#include "connect/file/split.h"

struct sl_file_reader {
    struct sl_source_reader base;
    const struct sl_source_options *options;
    const struct sl_source_part *part;
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_text_reader *text; // NULL: Parquet
};

// Text: a thread that splits, and a pipe that the engine reads.
SL_MUST int sl_text_reader_open(struct sl_file_reader *reader, enum sl_split_format format,
                                const char *delimiter, struct sl_err *err);
SL_MUST int sl_text_reader_start(struct sl_file_reader *reader, bool careful, const char **ret_sql,
                                 struct sl_err *err);
// One thread and one pipe for all of them.
SL_MUST int sl_text_reader_start_many(struct sl_file_reader *const *readers, size_t count,
                                      const char **ret_sql, struct sl_err *err);
bool sl_text_reader_goes_with(const struct sl_file_reader *reader,
                              const struct sl_file_reader *other);
SL_MUST int sl_text_reader_finish(struct sl_file_reader *reader, struct sl_source_end *ret,
                                  struct sl_err *err);
// Counts the records without an engine.
SL_MUST int sl_text_reader_count(struct sl_file_reader *reader, int64_t *ret, struct sl_err *err);
void sl_text_reader_close(struct sl_file_reader *reader);

SL_MUST int sl_parquet_open(struct sl_file_reader *reader, struct sl_err *err);
SL_MUST int sl_parquet_start(struct sl_file_reader *reader, const char **ret_sql,
                             struct sl_err *err);
SL_MUST int sl_parquet_finish(struct sl_file_reader *reader, struct sl_source_end *ret,
                              struct sl_err *err);

#endif
