// Several checks of a table in one scan of it.
#include "api/check.h"

static void add_condition(const struct sl_check *check, struct sl_buf *sql)
{
    sl_buf_add(sql, "count_if(");
    if (check->where)
        sl_buf_addf(sql, "(%s\n) and ", check->where);
    sl_buf_addf(sql, "(%s\n))", check->breaks_row);
}

// What a check found, out of the one row of all aggregates.
static void add_found(const struct sl_check *check, size_t number, struct sl_buf *sql)
{
    sl_buf_addf(sql, "%sselect %zu::bigint, ", number ? "\nunion all " : "\n", number);
    if (check->breaks_row) {
        sl_buf_addf(sql, "\"~%zu\"::bigint, null::varchar from \"~all\"", number);
        return;
    }
    sl_buf_addf(sql, "coalesce(%s, false)::bigint, m.", check->broken);
    sl_buf_add_sql_name(sql, check->measure);
    sl_buf_addf(sql,
                "::varchar from (with " SL_CHECKED_MEMBERS
                " as (select \"~%zu\".* from \"~all\") %s) m",
                number, check->over ? check->over : "select * from " SL_CHECKED_MEMBERS);
}

void sl_checks_together(const struct sl_check *const *checks, size_t count, struct sl_buf *sql)
{
    sl_buf_add(sql, "with \"~all\" as materialized (select ");
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        if (checks[i]->breaks_row)
            add_condition(checks[i], sql);
        else
            sl_buf_addf(sql, "struct_pack(%s)", checks[i]->members);
        sl_buf_addf(sql, " as \"~%zu\"", i);
    }
    sl_buf_add(sql, " from " SL_CHECKED ")");
    for (size_t i = 0; i < count; i++)
        add_found(checks[i], i, sql);
}
