// What the parts of sample.h share: the making of one column's values.
#ifndef SL_CONTRACT_SAMPLE_PART_H
#define SL_CONTRACT_SAMPLE_PART_H

#include "contract/sample.h"
#include "contract/sample_words.h"

struct sl_sampler {
    const struct sl_sample_options *options;
    const struct sl_contract_column *column;
    const struct sl_sample_hint *hint; // NULL: none
    size_t index;                      // of the column among all, nested ones too
    const char *row;                   // SQL: the number of the row, or of an item in it
    int array_count;                   // that it is in
    size_t *next_index;                // for nested columns
    const struct sl_sample_hints *hints;
    struct sl_arena *arena;
    struct sl_strs *notes;
    bool is_distinct;   // another value in every row
    bool is_often_null; // other columns may ask for it
    bool is_wanted;     // never null: the object around asks for it
    bool has_unique_items;
    const struct sl_rule *range, *length, *words, *pattern, *format, *multiple;
    const struct sl_rule *items, *members, *wanted; // of arrays and objects: counts, names
};

// A number below `span` that the row's number, the seed and the column decide.
void sl_sample_draw(const struct sl_sampler *sampler, int salt, int64_t span, struct sl_buf *sql);
// The same, but row by row another one where no two rows may be alike.
void sl_sample_step(const struct sl_sampler *sampler, int salt, int64_t span, struct sl_buf *sql);
// The whole part of a rule's bound.
int64_t sl_sample_bound(const char *text, int64_t otherwise);
// VARCHAR SQL: a number within the column's range, of its type.
void sl_sample_number(const struct sl_sampler *sampler, struct sl_buf *sql);
// The values of a column: of an object or array as JSON.
SL_MUST int sl_sample_column(struct sl_sampler *sampler, struct sl_sample *ret, struct sl_err *err);
// Of JSON of which nothing else is said: what its rules ask for, or (`way` from 1 on) one of the
// ways to break them. False if there is none.
bool sl_sample_json(const struct sl_sampler *sampler, int way, struct sl_buf *sql);
enum { SL_SAMPLE_JSON_WAYS = 5 };
// How many items, members, ... a rule asks for at least, and how many are made at most.
struct sl_sample_count {
    int64_t least, most;
    bool has_most; // by the rule
};
struct sl_sample_count sl_sample_count_of(const struct sl_rule *rule, int64_t usual);
SL_MUST int sl_sample_nested(struct sl_sampler *sampler, struct sl_sample *ret, struct sl_err *err);

#endif
