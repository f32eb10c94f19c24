// What a child process writes to its stderr. It is kept back while the child is at work: if that
// dies, its last lines tell of what; else they go on to this process's own stderr, as they are.
#ifndef SL_RUN_LAST_WORDS_H
#define SL_RUN_LAST_WORDS_H

#include "base/json.h"
#include "run/worker.h"

#include <uv.h>

struct sl_last_words;
// The child's stderr has to become *ret_write_fd, which the caller closes. One thread, the loop's.
SL_MUST int sl_last_words_open(uv_loop_t *loop, struct sl_last_words **ret, int *ret_write_fd,
                               struct sl_err *err);
// In a forked child: of another one.
void sl_last_words_forget(const struct sl_last_words *words);
// From now on what it writes is a task's: lines of a JSON log are of level info and have these
// fields (a reference is taken), whose "step" is named in front. NULL: it is the child's own again.
void sl_last_words_name(struct sl_last_words *words, json_t *fields);
void sl_last_words_pass_on(struct sl_last_words *words);
// Of a child that is dead: at most 20 lines, secrets masked; what came before is passed on.
void sl_last_words_take(struct sl_last_words *words, char ret[SL_LAST_WORDS_BYTES]);
void sl_last_words_close(struct sl_last_words **words); // passes on what nobody took

#endif
