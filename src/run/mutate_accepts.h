// Whether a contract lets rows of its clean table be: a test of a model gives these as they are,
// and no source would bring others.
#ifndef SL_RUN_MUTATE_ACCEPTS_H
#define SL_RUN_MUTATE_ACCEPTS_H

#include "run/mutate.h"

// A test out of YAML in one line. What the text cannot mean is no mistake of the project: then
// *ret_is_usable is false.
SL_MUST int sl_mutant_read_test(struct sl_world *world, const char *text, size_t number,
                                struct sl_test_case *ret, bool *ret_is_usable, struct sl_err *err);
// The contract of a clean table as it judges values that were read before: without formats, masks
// and what is judged of received values alone, without checks of the whole table and without the
// foreign keys to tables other than `parents`.
SL_MUST int sl_mutant_restate(const struct sl_contract_table *contract,
                              const struct sl_strs *parents, struct sl_arena *arena,
                              struct sl_contract_table **ret, struct sl_err *err);
// Whether the clean tables that the test gives are such that a cleanse could have made them: each
// row is in clean as it is given. Foreign keys count where the test gives the other table too.
SL_MUST int sl_mutant_accepts(struct sl_world *world, const struct sl_test *test, int64_t threads,
                              bool *ret, struct sl_err *err);

#endif
