// What the files of the generator share.
#ifndef SL_RUN_GENERATE_JOB_H
#define SL_RUN_GENERATE_JOB_H

#include "contract/sample.h"
#include "run/generate.h"

// A raw column that is another name of a column of the contract. It stands behind those of the
// contract in sl_generated.columns.
struct sl_generate_alias {
    const char *name;
    size_t column; // of the contract
};
enum { SL_GENERATE_ODDS = 64 }; // values of each set of rules in "~odds" (generate_pools.c)
struct sl_generator {
    struct sl_session *session;
    const struct sl_generate_options *options;
    struct sl_arena *arena;
    struct sl_generated *made;
    const struct sl_sample *own_samples; // without foreign keys
    const struct sl_sample *samples;
    const struct sl_sample *other_samples; // of another seed: what comes under other names
    size_t sample_notes;                   // of the notes: those of the samples, which come first
    const struct sl_generate_alias *aliases;
    size_t alias_count;
    int64_t ingested_us;                // when the rows come
    int64_t base_rows;                  // of "~base"
    const struct sl_sample_pool *pools; // NULL: candidates are made without
};
// Rows to look for, a chunk of them at a time.
struct sl_generate_search {
    struct sl_generate_target *targets;
    size_t count;
    bool is_single; // into "~singles", several for each; else into "~generated"
};

SL_MUST int sl_generate_exec(struct sl_generator *generator, const struct sl_buf *sql,
                             struct sl_err *err);
// Of a rule of the pass, or behind these of one over all rows (unique).
const char *sl_generate_rule_name(const struct sl_generated *generated, size_t rule);
bool sl_generate_is_unique(const struct sl_generated *generated, size_t rule);
// "~targets": what is looked for, with the rules that are to be broken and their names.
SL_MUST int sl_generate_list_targets(struct sl_generator *generator,
                                     const struct sl_generate_search *search, struct sl_err *err);
// "~open": the targets from..to without a row, but those that a unique is in.
SL_MUST int sl_generate_open(struct sl_generator *generator,
                             const struct sl_generate_search *search, size_t from, size_t to,
                             struct sl_err *err);
// "~candidates": rows first, first + 1, ... of good ones, or `count` for each target of "~open".
SL_MUST int sl_generate_candidates(struct sl_generator *generator, int64_t first, int64_t count,
                                   bool is_good, struct sl_err *err);
// Gives "~candidates" that are no good rows other values where their rules are broken: those of the
// rows that many numbers away (generate_mend.c).
SL_MUST int sl_generate_mend(struct sl_generator *generator, int64_t away, struct sl_err *err);
// "~base": the good rows that there are, for rows that differ from them in few columns.
SL_MUST int sl_generate_base(struct sl_generator *generator, struct sl_err *err);
// Moves ingested_us to today if a rule over the clock is among those of the columns.
void sl_generate_find_clock(struct sl_generator *generator,
                            const struct sl_contract_column *columns, size_t count);
// SL_E_LIMIT: names the rules that the last candidates break most.
SL_MUST int sl_generate_too_few(struct sl_generator *generator, int64_t found, struct sl_err *err);
// Keeps what the pass says to break just what it is to break.
SL_MUST int sl_generate_judge(struct sl_generator *generator, bool is_good, struct sl_err *err);
SL_MUST int sl_generate_keep(struct sl_generator *generator,
                             const struct sl_generate_search *search, struct sl_err *err);
// From (select the prepared relation's columns, "~broken" from it) c.
void sl_generate_add_judged(const struct sl_generator *generator, const char *raw,
                            struct sl_buf *sql);
// ", 'generated' as _source, ...": what raw tables have besides.
void sl_generate_add_own(const struct sl_generator *generator, const char *position,
                         struct sl_buf *sql);
// Tries for every target that has no row.
SL_MUST int sl_generate_try(struct sl_generator *generator, const struct sl_generate_search *search,
                            int64_t *first, struct sl_err *err);
// Puts rows for two rules together out of rows for each (generate_pairs.c).
SL_MUST int sl_generate_join_pairs(struct sl_generator *generator, int64_t *first,
                                   struct sl_err *err);
// Rows with a value that a good row has (generate_unique.c).
SL_MUST int sl_generate_uniques(struct sl_generator *generator, int64_t *first, struct sl_err *err);
// No row can break both rules of the target (generate_excluded.c): true only where that is proven.
bool sl_generate_are_exclusive(const struct sl_generated *made,
                               const struct sl_generate_target *target);
// Boolean SQL for the sampler: the row is to break a rule of what is at the path.
void sl_generate_add_touches(const void *self, const char *path, struct sl_buf *sql);
// "(-2, 3, 7": the rules of what is at the path or in it, NULL: those over the row; of the other
// name of a column.
void sl_generate_add_rules_at(const struct sl_generator *generator, const char *path,
                              struct sl_buf *sql);
void sl_generate_add_rules_of_alias(const struct sl_generator *generator,
                                    const struct sl_generate_alias *alias, struct sl_buf *sql);
void sl_generate_tell(const struct sl_generator *generator, size_t tried, size_t count);

#endif
