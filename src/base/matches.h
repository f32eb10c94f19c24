// Conditions that a text has a pattern, as SQL.
#ifndef SL_BASE_MATCHES_H
#define SL_BASE_MATCHES_H

#include "base/buf.h"

// The engine's own function of a text and a constant pattern, over base/dfa.h; it refuses patterns
// of which no table can be made. For people's eyes: regexp_matches.
#define SL_MATCHES_FUNCTION "~matches"

// A condition: the pattern (RE2) is found in `text`, which is SQL. Says what regexp_matches says,
// in less time. The engine computes regexp_full_match once for each text of a Parquet dictionary,
// and regexp_matches for each row: a pattern that takes the whole text anyhow is written as the
// former.
void sl_buf_add_sql_matches(struct sl_buf *buf, const char *text, const char *pattern);
// As regexp_full_match: the whole text is one that the pattern describes.
void sl_buf_add_sql_matches_whole(struct sl_buf *buf, const char *text, const char *pattern);

#endif
