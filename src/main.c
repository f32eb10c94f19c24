#include "cli/cli.h"

#include <signal.h>

int main(int argc, char **argv)
{
    // A closed terminal or pipe, or a limit on the size of files, must not end a run half-way: what
    // writes is told.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return sl_cli_main(argc, argv);
}
