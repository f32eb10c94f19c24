// Rows that break rules get other values in the columns that these rules are about, and only there:
// so a row comes to keep all of many rules over several columns, one after the other.
#include "run/generate_job.h"

#include <string.h>

static bool names(const struct sl_rule *rule, const char *column)
{
    return sl_strs_has(&rule->columns, column) || (rule->where && strstr(rule->where, column)) ||
           (rule->text && strstr(rule->text, column));
}

static bool is_at(const char *path, const char *column)
{
    size_t length = strlen(column);
    return path && strncmp(path, column, length) == 0 &&
           (!path[length] || path[length] == '.' || path[length] == '[');
}

// list_has_any("~hit", [...]) of the rules of the column itself, or of those that name it beside
// others.
static void add_hits(const struct sl_generator *generator, size_t index, bool is_own,
                     struct sl_buf *sql)
{
    const struct sl_pass *pass = &generator->made->pass;
    const char *column = sl_contract_path(&generator->options->contract->columns[index]);
    sl_buf_add(sql, "list_has_any(\"~hit\", ['-'");
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        bool is_many = rule->rule && (rule->rule->columns.count > 1 || !rule->column);
        bool is = is_own ? !is_many && is_at(rule->column, column)
                         : rule->rule && (is_many || rule->rule->where) &&
                               (names(rule->rule, column) || is_at(rule->column, column));
        if (is)
            sl_buf_addf(sql, ", '%zu'", i);
    }
    sl_buf_add(sql, "])");
}

static int find_hits(struct sl_generator *generator, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~hits\" as select _position as \"~p\", "
                     "string_split(\"~broken\", ',') as \"~hit\" from ");
    sl_generate_add_judged(generator, "\"~candidates\"", &sql);
    SL_TRY(sl_generate_exec(generator, &sql, err));
    sl_buf_reset(&sql);
    sl_buf_addf(&sql, "create or replace temp table \"~drafts\" as select c.*, h.\"~hit\", "
                      "c._position as \"~p\" from \"~candidates\" c join \"~hits\" h on h.\"~p\" = "
                      "c._position order by c._position");
    return sl_generate_exec(generator, &sql, err);
}

int sl_generate_mend(struct sl_generator *generator, int64_t away, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_generated *made = generator->made;
    SL_TRY(find_hits(generator, err));
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select ");
    for (size_t i = 0; i < made->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        sl_buf_add_sql_name(&name, made->columns[i].name);
        SL_TRY(sl_buf_check(&name, err));
        if (i < generator->options->contract->column_count) {
            sl_buf_add(&sql, "case when ");
            add_hits(generator, i, true, &sql);
            sl_buf_addf(&sql, " or (hash(\"~i\", %zu, 33) %% 2 = 0 and ", i);
            add_hits(generator, i, false, &sql);
            sl_buf_addf(&sql, ") then %s else d.%s end as ", generator->samples[i].good, name.text);
        } else {
            sl_buf_add(&sql, "null::VARCHAR as ");
        }
        sl_buf_addf(&sql, "%s, ", name.text);
    }
    sl_buf_addf(&sql,
                "_source, \"~p\" as _position, _ingested_at, _corrupt, \"~t\", \"~wanted\" from "
                "(select *, \"~p\" + %lld as \"~i\" from \"~drafts\") d, \"~pools\"",
                (long long)away);
    return sl_generate_exec(generator, &sql, err);
}
