// The one list of commands, in the order of help and docs.
#include "cli/cli.h"

extern const struct sl_command sl_command_quickstart, sl_command_init, sl_command_check,
    sl_command_plan, sl_command_apply, sl_command_run, sl_command_retry, sl_command_status,
    sl_command_logs, sl_command_ls, sl_command_show, sl_command_query, sl_command_quarantine_ls,
    sl_command_quarantine_show, sl_command_quarantine_replay, sl_command_lineage,
    sl_command_explain, sl_command_config_show, sl_command_schema, sl_command_completion,
    sl_command_complete, sl_command_docs, sl_command_help, sl_command_version;

const struct sl_command *const sl_commands[] = {
    &sl_command_quickstart,
    &sl_command_init,
    &sl_command_check,
    &sl_command_plan,
    &sl_command_apply,
    &sl_command_run,
    &sl_command_retry,
    &sl_command_status,
    &sl_command_logs,
    &sl_command_ls,
    &sl_command_show,
    &sl_command_query,
    &sl_command_quarantine_ls,
    &sl_command_quarantine_show,
    &sl_command_quarantine_replay,
    &sl_command_lineage,
    &sl_command_explain,
    &sl_command_config_show,
    &sl_command_schema,
    &sl_command_completion,
    &sl_command_complete,
    &sl_command_docs,
    &sl_command_help,
    &sl_command_version,
    NULL,
};
