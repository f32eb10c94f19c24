// What every column can have (generate_pools.c).
#ifndef SL_RUN_GENERATE_POOLS_H
#define SL_RUN_GENERATE_POOLS_H

#include "run/generate_job.h"

// "~pools": one row with the lists that struct sl_sample_pool tells of; without any lists.
SL_MUST int sl_generate_no_pools(struct sl_generator *generator, struct sl_err *err);
// Sets generator->pools; only candidates are made with them from then on. `sampling` without pools.
SL_MUST int sl_generate_pools(struct sl_generator *generator,
                              const struct sl_sample_options *sampling, struct sl_err *err);
#endif
