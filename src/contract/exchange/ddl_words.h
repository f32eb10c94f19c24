// The words of a statement that is not understood: for ddl.c and ddl_key.c alone. Places are bytes
// from the begin of the text; "(", quotes and comments are seen, nothing else.
#ifndef SL_CONTRACT_EXCHANGE_DDL_WORDS_H
#define SL_CONTRACT_EXCHANGE_DDL_WORDS_H

#include "contract/exchange/ddl.h"

// The next character that is neither blank nor comment.
size_t sl_ddl_skip_blanks(const char *text, size_t at);
// 1-based.
int sl_ddl_line_at(const char *text, size_t at);
// Of letters, digits and '_'; 0: none begins here.
size_t sl_ddl_word_length(const char *text);
// Up to a character of `ends` outside of quotes, comments and brackets.
size_t sl_ddl_part_end(const char *text, size_t at, const char *ends);
bool sl_ddl_is_word(const char *text, size_t at, const char *word);
// `words` ends with NULL.
bool sl_ddl_is_one_of(const char *text, size_t at, const char *const *words);
// A name at `at`, quoted or not; *ret_end is behind it. NULL: none, or no memory.
char *sl_ddl_read_name(const char *text, size_t at, size_t *ret_end, struct sl_arena *arena);
// catalogue.schema.table: the last two of them. *ret_end is behind the name and blanks.
char *sl_ddl_read_path(const char *sql, size_t at, size_t *ret_end, char **ret_schema,
                       struct sl_arena *arena);
// Behind "create [or replace] [temp] table [if not exists]" (or "type"); 0: it is another
// statement.
size_t sl_ddl_skip_create_table(const struct sl_ddl_statement *statement);

#endif
