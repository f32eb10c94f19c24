// What may stand next on a command line.
#ifndef SL_CLI_COMPLETE_H
#define SL_CLI_COMPLETE_H

#include "cli/cli.h"

// Where the words end: what is known of the call so far.
struct sl_complete {
    const struct sl_command *command; // NULL: still to be named
    const char *family;               // "quarantine" without its second word; NULL else
    const struct sl_opt *row;         // whose value is to be completed; NULL: a new word
    const char *folder, *environment; // --project, --env, if given
    size_t prefix; // bytes of the last word that stand before the value: of "--env=prod", six
};
// `words` without the program's name; the last one is being written and may be "". Pure.
void sl_complete_read(const struct sl_strs *words, struct sl_complete *ret);

#endif
