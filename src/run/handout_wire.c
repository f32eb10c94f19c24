#include "run/handout_wire.h"

#include "run/work.h"

#include <string.h>

SL_IS_ALL_OF(struct sl_death, 5816);

static const struct sl_field death_fields[] = {
    SL_FIELD_OF(struct sl_death, err, sl_err_fields),
    SL_FIELD(struct sl_death, signal, SL_FIELD_ENUM),
    SL_FIELD(struct sl_death, exit_code, SL_FIELD_ENUM),
    SL_FIELD(struct sl_death, is_ours, SL_FIELD_BOOL),
    SL_FIELD(struct sl_death, is_lost, SL_FIELD_BOOL),
    SL_FIELD(struct sl_death, jobs_before, SL_FIELD_SIZE),
    SL_FIELD(struct sl_death, peak_memory_bytes, SL_FIELD_INT),
    SL_FIELD_CHARS_OF(struct sl_death, output),
    {0},
};
const struct sl_field sl_worker_says_fields[] = {
    SL_FIELD(struct sl_worker_says, machine, SL_FIELD_TEXT),
    SL_FIELD(struct sl_worker_says, codes, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_worker_says, slots, SL_FIELD_INT),
    {0},
};
const struct sl_field sl_leader_says_fields[] = {
    SL_FIELD(struct sl_leader_says, codes, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_leader_says, lake, SL_FIELD_TEXT),
    SL_FIELD(struct sl_leader_says, unclaimed, SL_FIELD_INT),
    SL_FIELD(struct sl_leader_says, unclaimed_us, SL_FIELD_INT),
    SL_FIELD(struct sl_leader_says, unclaimed_step, SL_FIELD_TEXT),
    SL_FIELD(struct sl_leader_says, unclaimed_old, SL_FIELD_BOOL),
    {0},
};

const char *sl_handout_advice(bool is_old)
{
    return is_old
               ? "the run began with an earlier version of the project, and no worker has that: "
                 "start `sluice worker` with the files of that version, or cancel the run "
                 "(`sluice cancel RUN`), and the next one begins"
               : "`sluice worker` with the files of this project does; one that does not see the "
                 "lake claims nothing, and its log says so";
}

int sl_says_print(const struct sl_field *fields, const void *says, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = sl_fields_pack(fields, says);
    SL_TRY_NEW(object, err);
    return sl_json_print(object, ret, err);
}

int sl_says_parse(const struct sl_field *fields, const char *text, struct sl_arena *arena,
                  void *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = NULL;
    SL_TRY(sl_json_parse(text, strlen(text), "the state store", &object, err));
    return sl_fields_unpack(fields, object, arena, ret, err);
}

char *sl_handout_prefix(const char *environment, const char *code, struct sl_arena *arena)
{
    const char *name = environment ? environment : "";
    return code ? sl_arena_printf(arena, "%s/%s/", name, code)
                : sl_arena_printf(arena, "%s/", name);
}

int sl_handout_print(const json_t *reply, const struct sl_death *death, char **ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *object = reply ? json_pack("{s:O}", "reply", reply)
                           : json_pack("{s:o}", "death", sl_fields_pack(death_fields, death));
    SL_TRY_NEW(object, err);
    return sl_json_print(object, ret, err);
}

int sl_handout_parse(const char *text, json_t **ret_reply, struct sl_death *ret_death,
                     struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *object = NULL;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_json_parse(text, strlen(text), "a worker's reply", &object, err));
    json_t *reply = json_object_get(object, "reply"), *death = json_object_get(object, "death");
    *ret_reply = NULL;
    if (json_is_object(reply)) {
        *ret_reply = json_incref(reply);
        return SL_OK;
    }
    if (!json_is_object(death))
        return sl_fail(err, SL_E_WORKER_REPLY, "a worker's reply is neither a reply nor a death");
    struct sl_death told = {0};
    SL_TRY(sl_fields_unpack(death_fields, death, &arena, &told, err));
    if (told.err.code <= SL_OK || told.err.code >= SL_CODE_COUNT)
        return sl_fail(err, SL_E_WORKER_REPLY, "a worker's death has no cause");
    *ret_death = told;
    return SL_OK;
}
