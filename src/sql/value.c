#include "base/str.h"
#include "sql/scope.h"

static struct sl_origin *find_origin(const struct sl_sql_origins *set, const struct sl_origin *like)
{
    for (size_t i = 0; i < set->count; i++)
        if (sl_str_equal(set->items[i].column, like->column) &&
            sl_str_equal(set->items[i].table, like->table))
            return &set->items[i];
    return NULL;
}

int sl_sql_add_origin(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                      struct sl_origin origin, struct sl_err *err)
{
    struct sl_origin *known = find_origin(set, &origin);

    if (known)
        known->is_direct = known->is_direct && origin.is_direct;
    else if (!SL_PUSH(binder->arena, set->items, set->count, origin))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_sql_add_computed(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                        const struct sl_sql_origins *more, struct sl_err *err)
{
    for (size_t i = 0; i < more->count; i++) {
        struct sl_origin origin = more->items[i];

        origin.is_direct = false;
        SL_TRY(sl_sql_add_origin(binder, set, origin, err));
    }
    return SL_OK;
}

int sl_sql_add_either(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                      const struct sl_sql_origins *more, struct sl_err *err)
{
    for (size_t i = 0; i < more->count; i++)
        SL_TRY(sl_sql_add_origin(binder, set, more->items[i], err));
    return SL_OK;
}

void sl_sql_drop_expression(struct sl_sql_value *value)
{
    value->expression = NULL;
    value->table = NULL;
    value->inputs = (struct sl_strs){0};
}
