#include "step/load.h"

static int check_columns(const struct sl_load *load, const char *const *names, size_t count,
                         const char *option, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_column *near = NULL;
        bool is_there = false;
        for (size_t k = 0; k < load->column_count && !is_there; k++) {
            is_there = sl_str_equal(load->columns[k].name, names[i]);
            if (sl_str_equal_nocase(load->columns[k].name, names[i]))
                near = &load->columns[k];
        }
        if (is_there)
            continue;
        (void)sl_fail(err, SL_E_TARGET_KEY, "'%s' names '%s', which is no column of '%s'", option,
                      names[i], load->table);
        return near ? sl_err_hint(err, "did you mean '%s'?", near->name) : SL_E_TARGET_KEY;
    }
    return SL_OK;
}

static void add_match(const struct sl_load *load, struct sl_buf *sql)
{
    for (size_t i = 0; i < load->key_count; i++) {
        sl_buf_add(sql, i ? " and _d." : "_d.");
        sl_buf_add_sql_name(sql, load->key[i]);
        sl_buf_add(sql, " is not distinct from _t.");
        sl_buf_add_sql_name(sql, load->key[i]);
    }
}

// The first key that is no key: its values, how often it is there, and whether one is null.
static int find_wrong_key(struct sl_session *session, const struct sl_load *load,
                          const char *table_sql, struct sl_result **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_target_add_names(load->key, load->key_count, &names);
    SL_TRY(sl_buf_check(&names, err));
    sl_buf_addf(&sql, "select %s, count(*) as _rows from (%s\n) _d", names.text, table_sql);
    if (load->mode != SL_LOAD_REPLACE) {
        sl_buf_addf(&sql, " semi join (%s\n) _t on (", load->rows_sql);
        add_match(load, &sql);
        sl_buf_add(&sql, ")");
    }
    sl_buf_addf(&sql, " group by %s having count(*) > 1", names.text);
    for (size_t i = 0; i < load->key_count; i++) {
        sl_buf_add(&sql, " or ");
        sl_buf_add_sql_name(&sql, load->key[i]);
        sl_buf_add(&sql, " is null");
    }
    sl_buf_add(&sql, " limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->query(session, sql.text, 1, ret, err);
}

static int refuse_key(const struct sl_load *load, const struct sl_result *result,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    bool has_null = false;
    for (size_t i = 0; i < load->key_count; i++) {
        const char *value = sl_result_text(result, 0, i);
        has_null = has_null || !value;
        sl_buf_addf(&key, "%s%s=%s", i ? ", " : "", load->key[i], value ? value : "null");
    }
    SL_TRY(sl_buf_check(&key, err));
    if (has_null)
        (void)sl_fail(err, SL_E_TARGET_KEY, "the key of '%s' is null in a row: %s", load->table,
                      key.text);
    else
        (void)sl_fail(err, SL_E_TARGET_KEY, "%s rows of '%s' have one key: %s",
                      sl_result_text(result, 0, load->key_count), load->table, key.text);
    return sl_err_hint(err, "a 'key' tells every row apart; name more columns, or deliver without "
                            "it");
}

int sl_load_check(struct sl_session *session, const struct sl_load *load, const char *table_sql,
                  struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(check_columns(load, load->key, load->key_count, "key", err));
    SL_TRY(check_columns(load, load->partition_by, load->partition_count, "partition_by", err));
    if (!load->key_count)
        return SL_OK;
    SL_TRY(find_wrong_key(session, load, table_sql, &result, err));
    return sl_result_rows(result) ? refuse_key(load, result, err) : SL_OK;
}
