// A contract as <lake>/_code keeps it, however damaged: what can be restored says the same again.
#include "fuzz.h"

#include "contract/change.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *state = NULL;
    SL_AUTO(sl_json_free) json_t *again = NULL;
    struct sl_contract_table *table;
    struct sl_err err;

    if (sl_json_parse((const char *)data, size, "contract", &state, &err) != SL_OK ||
        sl_contract_restore(state, "digest", &arena, &table, &err) != SL_OK || !table)
        return 0;
    if (!table->name || sl_contract_state(table, &arena, &again, &err) != SL_OK ||
        !json_equal(again, state))
        abort();
    return 0;
}
