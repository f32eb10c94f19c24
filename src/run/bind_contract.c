// The contract of a step that is about to run, against what it reads: as `check` does.
#include "api/kinds.h"
#include "base/hash.h"
#include "contract/compile.h"
#include "run/bind.h"

static int key_of(const struct sl_node *node, const struct sl_column *raw, size_t count,
                  char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "contract");
    sl_hash_add(hash, sl_kinds.engines[0]->name);
    sl_hash_add(hash, sl_kinds.engines[0]->version);
    sl_hash_add(hash, node->fingerprint);
    for (size_t i = 0; i < count; i++) {
        sl_hash_add(hash, raw[i].name);
        sl_hash_add(hash, raw[i].type);
    }
    return sl_hash_end(hash, ret_hex, err);
}

// What was found sound is remembered as a relation without columns; warnings are told each time.
static int bind_rules(struct sl_binder *binder, const struct sl_node *node,
                      const struct sl_relation *raw, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_diags *diags = &world->project->diags;
    struct sl_relation columns = {0};
    bool is_known;
    char key[65];
    if (raw) {
        columns = *raw;
    } else {
        struct sl_column *foreseen;
        SL_TRY(sl_contract_foresee_raw(node->contract, NULL, 0, &world->arena, &foreseen,
                                       &columns.count, err));
        columns.columns = foreseen;
    }
    SL_TRY(key_of(node, columns.columns, columns.count, key, err));
    SL_TRY(sl_column_cache_find(&binder->cache, key, &world->arena, &(struct sl_relation){0},
                                &is_known, err));
    if (is_known)
        return SL_OK;
    size_t before = diags->count;
    SL_TRY(sl_binder_open_session(binder, err));
    SL_TRY(sl_contract_check(node->contract, columns.columns, columns.count, binder->session,
                             &world->arena, diags, err));
    return diags->count == before
               ? sl_column_cache_add(&binder->cache, key, &(struct sl_relation){0}, err)
               : SL_OK;
}

int sl_bind_contract(struct sl_binder *binder, const struct sl_node *node,
                     const struct sl_relation *raw, struct sl_err *err)
{
    SL_TRY(sl_world_check_foreign_keys_of(binder->world, binder->catalog, node->contract, err));
    return bind_rules(binder, node, raw, err);
}
