// A line of the log about something that has a name of its own.
#ifndef SL_SERVE_TELL_H
#define SL_SERVE_TELL_H

#include "base/log.h"

#include <stdarg.h>

// `subject` (may be NULL) comes before the text where the log is text; where it is JSON the fields
// (may be NULL, stolen) say it.
void sl_tell_about(enum sl_log_level level, json_t *fields, const char *subject, const char *format,
                   va_list arguments) SL_PRINTF(4, 0);

#endif
