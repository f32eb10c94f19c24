// Any bytes are the record of a task that is printed and read again as it was, or an error that
// says why. One with a byte changed is not taken.
#include "fuzz.h"

#include "step/task.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_same(const struct sl_task_record *a, const struct sl_task_record *b)
{
    must(a->runs == b->runs && strcmp(a->run_id, b->run_id) == 0);
    must(strcmp(a->fingerprint, b->fingerprint) == 0 && a->inputs.count == b->inputs.count);
    for (size_t i = 0; i < a->inputs.count; i++) {
        const struct sl_table_version *one = &a->inputs.items[i], *other = &b->inputs.items[i];
        must(one->table && strcmp(one->table, other->table) == 0);
        must(one->version == other->version && sl_str_equal(one->id, other->id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_task_record record = {0}, again = {0};
    struct sl_err err = {0};
    char *text = NULL;

    sl_arena_init(&arena, 0);
    if (sl_task_record_parse((const char *)data, size, "record", &arena, &record, &err) != SL_OK) {
        must(err.code != SL_E_INTERNAL && err.message[0]);
        return 0;
    }
    must(record.runs > 0 && record.run_id && record.fingerprint);
    must(sl_task_record_print("t", &record, &text, &err) == SL_OK);
    must(sl_task_record_parse(text, strlen(text), "again", &arena, &again, &err) == SL_OK);
    check_same(&record, &again);
    text[strlen(text) / 2] ^= 1;
    must(sl_task_record_parse(text, strlen(text), "changed", &arena, &again, &err) != SL_OK);
    free(text);
    return 0;
}
