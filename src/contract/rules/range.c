#include "contract/rule.h"

struct bound {
    const char *text;
    const char *breaks; // operator with which a value breaks it
    const char *inclusive, *exclusive;
    bool is_exclusive;
};

static bool is_ordered(enum sl_type_kind kind)
{
    return kind != SL_TYPE_TEXT && kind < SL_TYPE_JSON && kind != SL_TYPE_BOOLEAN;
}

static bool add_bound(const struct sl_rule_site *site, const struct bound *bound,
                      struct sl_buf *broken)
{
    sl_buf_addf(broken, "%s %s%s ", site->reading->value, bound->breaks,
                bound->is_exclusive ? "=" : "");
    return sl_rule_literal(site->reading, bound->text, broken);
}

static void say_bound(const struct sl_rule_site *site, const struct bound *bound,
                      struct sl_buf *message)
{
    sl_rule_says(site, message, "is %s %s",
                 bound->is_exclusive ? bound->exclusive : bound->inclusive, bound->text);
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    const struct bound bounds[] = {
        {rule->min, "<", "below the minimum", "not above", rule->is_min_exclusive},
        {rule->max, ">", "above the maximum", "not below", rule->is_max_exclusive},
    };
    size_t count = 0;
    if (!is_ordered(site->reading->column->type.kind))
        return sl_rule_refuse(site,
                              "a range needs a number, a date or a time, and column '%s' is none",
                              site->reading->column->name);
    for (size_t i = 0; i < 2; i++) {
        if (!bounds[i].text)
            continue;
        sl_buf_add(broken, count ? " or " : "");
        sl_buf_add(message, count ? " else " : rule->min && rule->max ? "case when " : "");
        if (!add_bound(site, &bounds[i], broken))
            return sl_rule_refuse(site, "'%s' is not a value of type %s", bounds[i].text,
                                  site->reading->type);
        if (rule->min && rule->max && count == 0) {
            (void)add_bound(site, &bounds[i], message);
            sl_buf_add(message, " then ");
        }
        say_bound(site, &bounds[i], message);
        count++;
    }
    if (count == 2)
        sl_buf_add(message, " end");
    return count > 0 || sl_rule_refuse(site, "it has neither a minimum nor a maximum");
}

const struct sl_rule_kind sl_rule_range = {
    .name = "range",
    .summary = "The value lies between a minimum and a maximum.",
    .example = "logicalTypeOptions: {minimum: 0, maximum: 100}",
    .compile = compile,
};
