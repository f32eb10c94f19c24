// The log sink: the only global. Off until sl_log_open; every line is one write, safe from any
// thread.
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include "base/err.h"
#include "base/json.h"

enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARN, SL_LOG_ERROR, SL_LOG_OFF };
enum sl_log_format { SL_LOG_TEXT, SL_LOG_JSON };

void sl_log_open(int fd, enum sl_log_format format, enum sl_log_level least);
enum sl_log_format sl_log_format(void);
// One line. `fields` (may be NULL, not stolen) are added to a JSON line: job_id, run_id, step,
// table, partition, rows, error.
void sl_log(enum sl_log_level level, const json_t *fields, const char *format, ...) SL_PRINTF(3, 4);
// Text that must never be printed: every later log line shows *** in its place, also where it is
// percent-decoded. Of a URL with a password that, "user:password" and the passwords among its
// options are hidden by themselves too. What is shorter than 4 bytes is ignored.
void sl_log_hide(const char *secret);
// The same masking for any other output; returns `text` itself if nothing was hidden, else a copy
// in the arena.
const char *sl_log_mask(const char *text, struct sl_arena *arena);
// Masked JSON, compact, that stays JSON: a number that is a secret becomes a text. free() it.
SL_MUST int sl_log_print(const json_t *json, char **ret, struct sl_err *err);

#endif
