// A worker does nothing with another lake than that which is served.
#include "serve/machine_inner.h"

#include <stdlib.h>
#include <string.h>

int sl_machine_refuse_lake(const struct sl_machine *machine, struct sl_err *err)
{
    const struct sl_project *project = machine->newest->world.project;
    char here[SL_LAKE_ID_BYTES];
    SL_TRY(sl_lake_find(project, here, err));
    if (!*machine->lake || strcmp(here, machine->lake) == 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_WORKER_LAKE,
                  "the lake '%s' is another one (%s) than that which is served (%s)",
                  project->lake_folder, here, machine->lake);
    return sl_err_hint(err, "mount the same folder on all machines; `lake` in sluice.yml or --set "
                            "lake=FOLDER says where it is");
}

bool sl_machine_sees_lake(struct sl_machine *machine)
{
    struct sl_err err = {0};
    if (sl_machine_refuse_lake(machine, &err) == SL_OK) {
        if (machine->lake_error)
            sl_machine_tell(SL_LOG_INFO, NULL, "the lake is there again");
        free(machine->lake_error);
        machine->lake_error = NULL;
        return true;
    }
    if (!sl_str_equal(machine->lake_error, err.message)) {
        sl_machine_tell(SL_LOG_ERROR, NULL, "claims nothing until the lake is there: %s (%s)",
                        err.message, sl_code_info(err.code)->id);
        free(machine->lake_error);
        machine->lake_error = strdup(err.message);
    }
    return false;
}
