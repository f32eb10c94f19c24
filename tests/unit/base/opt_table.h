// One table with a row of each kind, for the tests of options.
#ifndef SL_TESTS_UNIT_BASE_OPT_TABLE_H
#define SL_TESTS_UNIT_BASE_OPT_TABLE_H

#include "base/opt.h"

enum shape { SHAPE_ROUND, SHAPE_SQUARE };

struct inner {
    const char *quote;
    bool header;
};
struct item {
    const char *name;
    const char *to;
    int64_t size;
    struct sl_yaml *place;
};
struct config {
    const char *path;
    const char *password;
    int64_t batch_rows;
    double share;
    bool is_strict;
    int64_t keep_seconds;
    int64_t memory_bytes;
    int shape;
    struct sl_strs tags;
    struct inner csv;
    struct inner open;
    struct sl_opt_list deliver;
    struct sl_opt_list places;
    struct sl_yaml *extra;
    struct sl_yaml *place;
};

static const char *const shapes[] = {"round", "square", NULL};

static const struct sl_opt inner_rows[] = {
    {.name = "quote",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct inner, quote),
     .otherwise = "\""},
    {.name = "header",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct inner, header),
     .otherwise = "true"},
    {0},
};
static const struct sl_opt item_rows[] = {
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct item, name),
     .flags = SL_OPT_REQUIRED},
    {.name = "to",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct item, to),
     .flags = SL_OPT_REQUIRED,
     .summary = "Where to."},
    {.name = "size", .type = SL_OPT_INT, .offset = offsetof(struct item, size), .otherwise = "5"},
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct item, place)},
    {0},
};
static const struct sl_opt config_rows[] = {
    {.name = "path",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct config, path),
     .flags = SL_OPT_REQUIRED,
     .summary = "File to read.",
     .example = "data/a.csv"},
    {.name = "password",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct config, password),
     .flags = SL_OPT_SECRET,
     .summary = "Never shown, neither in a log nor in a message, wherever it comes from: the file "
                "itself, the "
                "environment, a file beside it or the output of a command."},
    {.name = "batch_rows",
     .type = SL_OPT_INT,
     .offset = offsetof(struct config, batch_rows),
     .otherwise = "1000",
     .summary = "Rows in a batch."},
    {.name = "share",
     .type = SL_OPT_DOUBLE,
     .offset = offsetof(struct config, share),
     .otherwise = "0.25"},
    {.name = "strict", .type = SL_OPT_BOOL, .offset = offsetof(struct config, is_strict)},
    {.name = "keep",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct config, keep_seconds),
     .otherwise = "90d"},
    {.name = "memory",
     .type = SL_OPT_BYTES,
     .offset = offsetof(struct config, memory_bytes),
     .otherwise = "4GB"},
    {.name = "shape",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct config, shape),
     .otherwise = "round",
     .values = shapes},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct config, tags),
     .otherwise = "a,b"},
    {.name = "csv",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct config, csv),
     .rows = inner_rows},
    {.name = "open",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct config, open),
     .rows = inner_rows,
     .flags = SL_OPT_OPEN},
    {.name = "deliver",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct config, deliver),
     .rows = item_rows,
     .item_bytes = sizeof(struct item)},
    {.name = "places",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct config, places),
     .rows = item_rows,
     .item_bytes = sizeof(struct item),
     .flags = SL_OPT_BY_NAME},
    {.name = "extra",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct config, extra),
     .flags = SL_OPT_HIDDEN},
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct config, place)},
    {0},
};

#endif
