// Finds out how one data file is written, by opening it the way the ingest step will.
#ifndef SL_CLI_LOOK_H
#define SL_CLI_LOOK_H

#include "api/engine.h"
#include "api/source.h"

#define SL_LOOK_ENCODINGS 3
extern const char *const sl_look_encodings[SL_LOOK_ENCODINGS];

struct sl_look {
    const struct sl_source_part *part;
    const char *problem; // why no source can be drafted from it, or NULL
    bool is_empty;       // the problem is that it has no bytes but can be read: harms no source
    const char *format;  // "csv", "jsonl", "json", "parquet"
    struct sl_source_options options; // paths unset; format "auto" where the name tells it
    unsigned encodings;               // 1 << i: sl_look_encodings[i] reads it rightly
    const char *remark;               // why names of the header were changed, or NULL
    const struct sl_column *columns;
    size_t column_count;
};

// Whether the file's name, without what says that it is packed, ends in what tells its format.
bool sl_look_is_named(const char *path);
// Opens the file as the options say, in the arena; NULL if it cannot be read so, with the reason in
// err.
struct sl_source_reader *sl_look_open(struct sl_session *session, const struct sl_source_part *part,
                                      const struct sl_source_options *options,
                                      struct sl_arena *arena, struct sl_err *err);
// Fails for want of memory alone: all else is the file's problem. `part` must live as long.
SL_MUST int sl_look_at(struct sl_session *session, const struct sl_source_part *part,
                       struct sl_arena *arena, struct sl_look *ret, struct sl_err *err);

#endif
