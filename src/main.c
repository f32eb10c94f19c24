#include "cli/cli.h"

#include <signal.h>

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); // a closed terminal or pipe must not end a run half-way
    return sl_cli_main(argc, argv);
}
