// Any bytes are what another machine handed in, or says of itself: a reply, a death with a cause,
// or an error. A death is read as it was written.
#include "fuzz.h"

#include "run/handout_wire.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void write_and_read(const struct sl_death *death)
{
    SL_AUTO(sl_json_free) json_t *reply = NULL;
    struct sl_death again = {0};
    struct sl_err err = {0};
    char *text = NULL;
    must(sl_handout_print(NULL, death, &text, &err) == SL_OK);
    must(sl_handout_parse(text, &reply, &again, &err) == SL_OK && !reply);
    must(again.err.code == death->err.code && again.signal == death->signal &&
         again.is_lost == death->is_lost && again.is_ours == death->is_ours);
    free(text);
}

static void read_end(const char *text)
{
    SL_AUTO(sl_json_free) json_t *reply = NULL;
    struct sl_death death = {0};
    struct sl_err err = {0};
    if (sl_handout_parse(text, &reply, &death, &err) != SL_OK)
        must(err.code != SL_OK && !reply);
    else if (reply)
        must(json_is_object(reply));
    else
        write_and_read(&death);
}

static void read_says(const char *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_worker_says worker = {0};
    struct sl_leader_says leader = {0};
    struct sl_err err = {0};
    sl_arena_init(&arena, 0);
    (void)!sl_says_parse(sl_worker_says_fields, text, &arena, &worker, &err);
    sl_err_clear(&err);
    if (sl_says_parse(sl_leader_says_fields, text, &arena, &leader, &err) == SL_OK)
        for (size_t i = 0; i < leader.codes.count; i++)
            must(leader.codes.items[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    must(text != NULL);
    read_end(text);
    read_says(text);
    free(text);
    return 0;
}
