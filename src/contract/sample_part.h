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
    const char *value;                 // SQL in whose place odd values use it; NULL: none
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
    const struct sl_rule *range, *length, *words, *pattern, *format, *multiple, *age, *past,
        *future, *digits, *places, *keys, *json;
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
bool sl_sample_is_number(const struct sl_contract_column *column);
bool sl_sample_is_moment(const struct sl_contract_column *column);
// VARCHAR SQL: one of the texts.
void sl_sample_pick(const struct sl_sampler *sampler, const char *const *texts, size_t count,
                    struct sl_buf *sql);
// Whether the column has a format of numbers or booleans; the SQL of a value in the first of these.
bool sl_sample_is_written(const struct sl_contract_column *column);
void sl_sample_written(const struct sl_sampler *sampler, struct sl_buf *value);
// A value of the column's type; a text of its format, false if there is none to be made.
void sl_sample_typed(const struct sl_sampler *sampler, struct sl_buf *sql);
bool sl_sample_format(const struct sl_sampler *sampler, struct sl_buf *sql);
// The value with what must stand in front of it, behind or inside, but that of `without` (or NULL).
void sl_sample_affixes(const struct sl_sampler *sampler, const char *value,
                       const struct sl_rule *without, struct sl_buf *sql);
// A word of the rules' SQL, of which the column must have some.
bool sl_sample_has_words(const struct sl_sampler *sampler);
void sl_sample_word(const struct sl_sampler *sampler, struct sl_buf *sql);
// A day or time: within the rules; an interval after another one; around the one that the SQL
// `word` is.
void sl_sample_moment(const struct sl_sampler *sampler, struct sl_buf *sql);
void sl_sample_moment_at(const struct sl_sampler *sampler, const char *from, const char *plus,
                         struct sl_buf *sql);
void sl_sample_word_moment(const struct sl_sampler *sampler, const char *word, int salt,
                           struct sl_buf *sql);
// So many seconds (SQL) after the row was taken in.
void sl_sample_moment_away(const struct sl_sampler *sampler, const char *seconds,
                           struct sl_buf *sql);
// " when 3 then ..." for what rules over the clock do not allow; counts the branches.
void sl_sample_moments_beyond(const struct sl_sampler *sampler, int *branch, struct sl_buf *sql);
// What hardly keeps all rules, made of the SQL of a value.
SL_MUST int sl_sample_odd(struct sl_sampler *sampler, const char *value, struct sl_buf *sql,
                          struct sl_err *err);
// The text of a value as JSON: " || '"name":' || " in front of the member at that position.
void sl_sample_as_json(const struct sl_contract_column *column, const char *text,
                       struct sl_buf *sql);
void sl_sample_member(const struct sl_contract_column *field, size_t position,
                      struct sl_buf *object);
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
