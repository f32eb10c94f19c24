#include "contract/personal.h"

static void add_names(const struct sl_strs *names, const char *between, struct sl_buf *sql)
{
    for (size_t i = 0; i < names->count; i++) {
        sl_buf_add(sql, i ? between : "");
        sl_buf_add_sql_name(sql, names->items[i]);
    }
}

// As clean keeps them on both sides.
static void add_kept(const struct sl_rule_site *site, const char *between, struct sl_buf *sql)
{
    for (size_t i = 0; i < site->rule->columns.count; i++) {
        sl_buf_add(sql, i ? between : "");
        sl_personal_name_in(site->table, site->rule->columns.items[i], sql);
    }
}

// "'DE', '20095' are in no row of clean.cities"
static void say(const struct sl_rule *rule, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf rest = SL_BUF_INIT;
    for (size_t i = 0; i < rule->columns.count; i++) {
        sl_buf_add(message, i ? " || ', ' || '''' || left(cast(" : "'''' || left(cast(");
        sl_buf_add_sql_name(message, rule->columns.items[i]);
        sl_buf_add(message, " as VARCHAR), 100) || ''''");
    }
    sl_buf_addf(&rest, " %s in no row of %s", rule->columns.count > 1 ? "are" : "is", rule->parent);
    sl_buf_add(message, " || ");
    sl_buf_add_sql_string(message, rest.text);
    message->has_failed |= rest.has_failed;
}

// A value that is null points to nothing, and so does a key of several columns of which one is.
// `in` over a table is one hash join; never one that the engine could turn round, which would keep
// the wide rows in memory.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    add_kept(site, " is not null and ", broken);
    sl_buf_add(broken, " is not null and (");
    add_kept(site, ", ", broken);
    sl_buf_add(broken, ") not in (select (");
    add_names(&rule->to, ", ", broken);
    sl_buf_addf(broken, ") from %s)", site->parent);
    say(rule, message);
    return true;
}

const struct sl_rule_kind sl_rule_foreign_key = {
    .name = "foreign_key",
    .summary = "A row of another table has the same values.",
    .example = "relationships: [{type: foreignKey, to: customers.id}]",
    .is_for_rows = true,
    .compile = compile,
};
