// Source: a place outside the lake that rows come from. A source lists its parts (files, for a
// connector of files), and each part is read once, as a relation that the engine scans: so rows go
// from the part into staged Parquet without passing through the step.
//
// No row is lost on the way: what cannot be split into columns comes as a row too, with its bytes
// in
// `_corrupt`. The source counts what it handed over, and the step compares that with what the
// engine staged.
#ifndef SL_API_SOURCE_H
#define SL_API_SOURCE_H

#include "api/engine.h"

#include <stdatomic.h>

struct sl_passed_over {
    struct sl_strs texts;
    size_t *paths; // parallel
    size_t count;
};

struct sl_source_options { // from sources/NAME.yml
    struct sl_strs paths;  // files and globs, absolute
    const char *folder;    // parts below it are named relative to it; NULL: all by their paths
    const char *format;    // "auto" (by the file's name), "csv", "tsv", "jsonl", "json", "parquet"
    const char *encoding;  // "utf-8", "utf-16", "latin-1"
    const char *delimiter, *quote, *escape, *comment; // of csv and tsv; "" none
    bool has_header;
    bool mends_header;      // for drafts: names of a header that cannot be columns are replaced
    struct sl_strs columns; // names when there is no header
    int64_t skip_lines;
    int64_t max_record_bytes; // a longer record is corrupt; 0: 64 MiB
    // Filled by list(), what a path leads to and is no part: "data/x is a folder" with the place of
    // the path among all. NULL: no.
    struct sl_passed_over *passed_over;
    bool *are_matched; // filled by list(), one for each path: it leads to something. NULL: no
};

// One part that the source has now.
struct sl_source_part {
    const char *name; // for people and `_source`; identifies the part from run to run
    const char *path; // to read it
    int64_t size_bytes;
    int64_t mtime_us; // with the size: unchanged means not read again
    const char *key;  // equal for two names that lead to one part (symbolic links)
    const char *link; // equal for two keys that are one part (hard links); NULL: it has one alone
    bool is_link;     // the name stands for another one
};

// What was handed over, known at the end.
struct sl_source_end {
    int64_t records;      // all of them
    int64_t corrupt;      // of these
    int64_t position_sum; // of `_position` over all of them, modulo 2^63
    char sha256[65];      // of the part's bytes as they are stored
    bool needs_care;      // what was staged is worth nothing: start once more, with care
};

// An open part. One thread uses it.
struct sl_source_reader {
    const struct sl_source_kind *kind;
    const struct sl_column *columns; // of the source alone, unlike in any case; none: an empty part
    size_t column_count;
    _Atomic int64_t *bytes_done; // progress, may be NULL; set by the caller after opening
};

enum sl_source_look { SL_LOOK_FILLED, SL_LOOK_EMPTY, SL_LOOK_NEEDS_SESSION };

// A part that has no record any more.
struct sl_emptied {
    const char *name;
    int64_t rows; // that it had
};

struct sl_source_kind {
    const char *name;    // "file"
    const char *summary; // one sentence for docs
    // Every part there is now, sorted by name, no name twice; but two names may lead to one part.
    int (*list)(const struct sl_source_options *options, struct sl_arena *arena,
                struct sl_source_part **ret, size_t *ret_count, struct sl_err *err);
    // The key that a part of this name has, or would have.
    int (*key)(const struct sl_source_options *options, const char *name, struct sl_arena *arena,
               const char **ret, struct sl_err *err);
    // Whether bytes that are a part under one name give the same rows under the other.
    bool (*reads_alike)(const struct sl_source_options *options, const char *name,
                        const char *other);
    // Looks into a part as far as needed to know its columns. SL_E_SOURCE_FILE if it cannot be
    // read, SL_E_SOURCE_COLUMNS if its columns cannot be stored. What is in `options` and `part`
    // must live as long as the reader, which is in the arena but for what close() frees.
    int (*open)(const struct sl_source_options *options, const struct sl_source_part *part,
                struct sl_session *session, struct sl_arena *arena, struct sl_source_reader **ret,
                struct sl_err *err);
    // Whether a part has no record, as far as a quick look tells. `session` may be NULL. What is
    // wrong with the part open() tells.
    int (*is_empty)(const struct sl_source_options *options, const struct sl_source_part *part,
                    struct sl_session *session, struct sl_arena *arena, enum sl_source_look *ret,
                    struct sl_err *err);
    // Begins to hand over the part's rows: *ret_sql is a SELECT that the session may run exactly
    // once before finish(). It gives the reader's columns, `_position` BIGINT (1-based place in the
    // part; lines for text) and `_corrupt` BLOB. May be called again after finish(). `careful`: by
    // the slow way in which the engine can make no mistake.
    int (*start)(struct sl_source_reader *reader, bool careful, const char **ret_sql,
                 struct sl_err *err);
    // Like start(), of several opened parts at once, which is cheaper where each is small. Their
    // columns have the same names; the SELECT gives besides `~part` INTEGER, the reader's place.
    // finish() is called for each of them then, in their order. Not with care: where one fails or
    // needs care, each is started once more alone.
    int (*start_many)(struct sl_source_reader *const *readers, size_t count, const char **ret_sql,
                      struct sl_err *err);
    // Whether start_many takes the two together.
    bool (*goes_with)(const struct sl_source_reader *reader, const struct sl_source_reader *other);
    // After the SELECT has ended, well or not, or was never run. Fails with what is wrong with the
    // part itself: SL_E_SOURCE_FILE if it is damaged or changed while it was read.
    int (*finish)(struct sl_source_reader *reader, struct sl_source_end *ret, struct sl_err *err);
    void (*close)(struct sl_source_reader *reader); // at any time, also between start and finish
};

void sl_source_close(struct sl_source_reader **reader); // for SL_AUTO

#endif
