// Two contracts as <lake>/_code keeps them, [before, now], however damaged, can be compared.
#include "fuzz.h"

#include "contract/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *both = NULL;
    struct sl_contract_change change;
    struct sl_err err;

    if (sl_json_parse((const char *)data, size, "contracts", &both, &err) != SL_OK)
        return 0;
    const json_t *before = json_array_get(both, 0), *now = json_array_get(both, 1);
    (void)!sl_contract_compare(before, now, &arena, &change, &err);
    (void)!sl_contract_compare(now, before, &arena, &change, &err);
    return 0;
}
