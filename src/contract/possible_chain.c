// Columns that must stand in an order which goes round in a circle, or from a column to one whose
// bounds leave no room for it.
#include "base/clock.h"
#include "contract/possible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32, MOST_EDGES = 512 }; // of more nothing is said

// A column that such rules look at, and the bounds that its range rules set.
struct node {
    const struct sl_contract_column *column;
    double min, max;
    bool is_min_open, is_max_open;
    const struct sl_rule *min_rule, *max_rule; // NULL: it has no such bound
};
// The value of `to` is that of `from` and `gain`, or more.
struct edge {
    size_t from, to;
    double gain;
    bool is_strict; // more
    const struct sl_rule *rule;
};
// The best that chains of so many edges say.
struct reach {
    bool is_there, is_strict;
    double gain;
    size_t edge; // the last of them
};
struct chains {
    const struct sl_possible *possible;
    struct node nodes[MOST_COLUMNS];
    size_t node_count;
    struct edge *edges;
    size_t edge_count;
    struct edge *different; // these two columns are not equal
    size_t different_count;
    struct reach *reach; // [edges of the chain - 1][from][to]
    bool is_full;
};

// --- The columns

enum order {
    ORDER_NONE,
    ORDER_EXACT,
    ORDER_DOUBLE,
    ORDER_TEXT,
    ORDER_BOOLEAN,
    ORDER_TIME,
    ORDER_DAY
};

// Values of two columns stand in one order for sure; where an integer is compared as a double, two
// may be one.
static enum order order_of(const struct sl_contract_column *column)
{
    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
        return ORDER_EXACT;
    case SL_TYPE_DOUBLE:
        return ORDER_DOUBLE;
    case SL_TYPE_TEXT:
        return ORDER_TEXT;
    case SL_TYPE_BOOLEAN:
        return ORDER_BOOLEAN;
    case SL_TYPE_TIME:
        return ORDER_TIME;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return ORDER_DAY;
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        break;
    }
    return ORDER_NONE;
}

static bool is_whole(const struct sl_contract_column *column)
{
    return column->type.kind == SL_TYPE_INTEGER || column->type.kind == SL_TYPE_DATE;
}

// Numbers, and days since 1970. False: it is not known exactly enough.
static bool read_bound(const struct sl_contract_column *column, const char *text, double *ret)
{
    int64_t time_us;
    switch (order_of(column)) {
    case ORDER_EXACT:
    case ORDER_DOUBLE:
        return strlen(text) <= 15 && sl_str_to_double(text, ret);
    case ORDER_DAY:
        if (sl_clock_parse(text, &time_us) != 0)
            return false;
        *ret = (double)time_us / 86400e6;
        return true;
    case ORDER_NONE:
    case ORDER_TEXT:
    case ORDER_BOOLEAN:
    case ORDER_TIME:
        break;
    }
    return false;
}

static void take_bounds(struct node *node, const struct sl_rule *rule)
{
    bool is_counted = is_whole(node->column);
    double value;
    if (rule->min && read_bound(node->column, rule->min, &value)) {
        bool is_open = rule->is_min_exclusive && !is_counted;
        if (is_counted)
            value = rule->is_min_exclusive ? floor(value) + 1 : ceil(value);
        if (!node->min_rule || value > node->min || (value == node->min && is_open)) {
            node->min = value;
            node->is_min_open = is_open;
            node->min_rule = rule;
        }
    }
    if (rule->max && read_bound(node->column, rule->max, &value)) {
        bool is_open = rule->is_max_exclusive && !is_counted;
        if (is_counted)
            value = rule->is_max_exclusive ? ceil(value) - 1 : floor(value);
        if (!node->max_rule || value < node->max || (value == node->max && is_open)) {
            node->max = value;
            node->is_max_open = is_open;
            node->max_rule = rule;
        }
    }
}

// MOST_COLUMNS: there is no such column, or no room for it.
static size_t node_of(struct chains *chains, const char *name)
{
    const struct sl_contract_table *table = chains->possible->table;
    const struct sl_contract_column *column = NULL;
    for (size_t i = 0; i < table->column_count && !column; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            column = &table->columns[i];
    for (size_t i = 0; column && i < chains->node_count; i++)
        if (chains->nodes[i].column == column)
            return i;
    if (!column || chains->node_count == MOST_COLUMNS) {
        chains->is_full |= column != NULL;
        return MOST_COLUMNS;
    }
    struct node *node = &chains->nodes[chains->node_count];
    *node = (struct node){.column = column};
    for (size_t i = 0; i < column->rule_count; i++)
        if (sl_possible_is_strict(&column->rules[i]) &&
            sl_str_equal(column->rules[i].kind, "range"))
            take_bounds(node, &column->rules[i]);
    return chains->node_count++;
}

// --- The rules

static void add_edge(struct chains *chains, size_t from, size_t to, bool is_strict,
                     const struct sl_rule *rule)
{
    bool is_counted = is_whole(chains->nodes[from].column) && is_whole(chains->nodes[to].column);
    if (chains->edge_count == MOST_EDGES) {
        chains->is_full = true;
        return;
    }
    chains->edges[chains->edge_count++] = (struct edge){.from = from,
                                                        .to = to,
                                                        .gain = is_strict && is_counted ? 1 : 0,
                                                        .is_strict = is_strict && !is_counted,
                                                        .rule = rule};
}

static void add_pair(struct chains *chains, const struct sl_rule *rule, const char *first,
                     const char *operation, const char *second)
{
    size_t a = node_of(chains, first), b = node_of(chains, second);
    if (a == MOST_COLUMNS || b == MOST_COLUMNS || a == b)
        return;
    enum order order = order_of(chains->nodes[a].column);
    if (order == ORDER_NONE || order != order_of(chains->nodes[b].column))
        return;
    bool is_strict = operation[1] == '\0' && *operation != '=';
    if (sl_str_equal(operation, "<>")) {
        if (chains->different_count < MOST_EDGES)
            chains->different[chains->different_count++] =
                (struct edge){.from = a, .to = b, .rule = rule};
        return;
    }
    if (*operation != '>')
        add_edge(chains, a, b, is_strict, rule);
    if (*operation != '<')
        add_edge(chains, b, a, is_strict, rule);
}

static void add_rules(struct chains *chains, const struct sl_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];
        const char *operation = NULL;
        if (!sl_possible_is_strict(rule) || rule->columns.count < 2)
            continue;
        if (sl_str_equal(rule->kind, "compare"))
            operation = rule->operation;
        else if (sl_str_equal(rule->kind, "different"))
            operation = "<>";
        else if (sl_str_equal(rule->kind, "in_order"))
            operation = sl_str_equal(rule->operation, "exactly") ? "<" : "<=";
        for (size_t a = 0; operation && a < rule->columns.count; a++)
            for (size_t b = a + 1; b < rule->columns.count; b++)
                add_pair(chains, rule, rule->columns.items[a], operation, rule->columns.items[b]);
    }
}

// --- The chains

static struct reach *reach_at(const struct chains *chains, size_t length, size_t from, size_t to)
{
    size_t count = chains->node_count;
    return &chains->reach[((length - 1) * count + from) * count + to];
}

static void extend(struct chains *chains, size_t length, size_t from, const bool *is_usable)
{
    for (size_t e = 0; e < chains->edge_count; e++) {
        const struct edge *edge = &chains->edges[e];
        if (!is_usable[edge->from] || !is_usable[edge->to])
            continue;
        struct reach before = {.is_there = edge->from == from};
        if (length > 1)
            before = *reach_at(chains, length - 1, from, edge->from);
        if (!before.is_there)
            continue;
        struct reach reach = {true, before.is_strict || edge->is_strict, before.gain + edge->gain,
                              e};
        struct reach *best = reach_at(chains, length, from, edge->to);
        if (!best->is_there || reach.gain > best->gain ||
            (reach.gain == best->gain && reach.is_strict && !best->is_strict))
            *best = reach;
    }
}

static bool is_in(const struct sl_rule *const *rules, size_t count, const struct sl_rule *rule)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i] == rule)
            return true;
    return false;
}

// The rules of a chain, each once.
static size_t list_rules(const struct chains *chains, size_t length, size_t from, size_t to,
                         const struct sl_rule **rules, size_t count)
{
    for (; length; length--) {
        const struct edge *edge = &chains->edges[reach_at(chains, length, from, to)->edge];
        if (!is_in(rules, count, edge->rule))
            rules[count++] = edge->rule;
        to = edge->from;
    }
    return count;
}

static int compare_places(const void *a, const void *b)
{
    const struct sl_rule *const *first = a, *const *second = b;
    const struct sl_place *x = &(*first)->place, *y = &(*second)->place;
    return x->line != y->line ? (x->line < y->line ? -1 : 1)
                              : (x->column > y->column) - (x->column < y->column);
}

static int tell(const struct chains *chains, const struct sl_rule **rules, size_t count,
                bool is_always, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    qsort(rules, count, sizeof *rules, compare_places);
    for (size_t i = 0; i < count; i++)
        sl_buf_addf(&names, "%s'%s'", !i ? "" : i + 1 < count ? ", " : " and ", rules[i]->id);
    SL_TRY(sl_buf_check(&names, err));
    sl_diag(chains->possible->diags, is_always ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            SL_E_CONTRACT, rules[count - 1]->place, NULL, "no row %scan keep %s the rule%s %s",
            is_always ? "" : "with a value in all they look at ",
            count == 1  ? "alone"
            : count > 2 ? "all of"
                        : "both of",
            count == 1 ? "" : "s", names.text);
    return SL_OK;
}

static bool is_circle(const struct reach *reach)
{
    return reach->is_there && (reach->gain > 0 || reach->is_strict);
}

static bool has_no_room(const struct chains *chains, size_t from, size_t to,
                        const struct reach *reach)
{
    const struct node *low = &chains->nodes[from], *high = &chains->nodes[to];
    if (!reach->is_there || !low->min_rule || !high->max_rule)
        return false;
    double least = low->min + reach->gain;
    return least > high->max ||
           (least == high->max && (reach->is_strict || low->is_min_open || high->is_max_open));
}

// Of columns that chains of `length` edges, or fewer, make equal and a rule different.
static int find_equal(const struct chains *chains, size_t length, bool is_always, bool *ret_is_told,
                      struct sl_err *err)
{
    for (size_t d = 0; d < chains->different_count; d++)
        for (size_t there = 1; there <= length; there++)
            for (size_t back = 1; back <= length; back++) {
                const struct edge *pair = &chains->different[d];
                const struct sl_rule *rules[2 * MOST_COLUMNS + 3];
                if ((there < length && back < length) || *ret_is_told ||
                    !reach_at(chains, there, pair->from, pair->to)->is_there ||
                    !reach_at(chains, back, pair->to, pair->from)->is_there)
                    continue;
                size_t count = list_rules(chains, there, pair->from, pair->to, rules, 0);
                count = list_rules(chains, back, pair->to, pair->from, rules, count);
                if (!is_in(rules, count, pair->rule))
                    rules[count++] = pair->rule;
                *ret_is_told = true;
                SL_TRY(tell(chains, rules, count, is_always, err));
            }
    return SL_OK;
}

static int find_contradiction(const struct chains *chains, size_t length, bool is_always,
                              bool *ret_is_told, struct sl_err *err)
{
    const struct sl_rule *rules[2 * MOST_COLUMNS + 3];
    for (size_t from = 0; from < chains->node_count && !*ret_is_told; from++)
        for (size_t to = 0; to < chains->node_count && !*ret_is_told; to++) {
            const struct reach *reach = reach_at(chains, length, from, to);
            bool is_round = from == to && is_circle(reach);
            if (!is_round && (from == to || !has_no_room(chains, from, to, reach)))
                continue;
            size_t count = 0;
            if (!is_round)
                rules[count++] = chains->nodes[from].min_rule;
            if (!is_round && chains->nodes[to].max_rule != rules[0])
                rules[count++] = chains->nodes[to].max_rule;
            count = list_rules(chains, length, from, to, rules, count);
            *ret_is_told = true;
            SL_TRY(tell(chains, rules, count, is_always, err));
        }
    return *ret_is_told ? SL_OK : find_equal(chains, length, is_always, ret_is_told, err);
}

// The shortest is told, and no other: what it says of others goes with it. A row without one of the
// values keeps the rules about it.
static int find_chains(struct chains *chains, bool is_always, bool *ret_is_told, struct sl_err *err)
{
    bool is_usable[MOST_COLUMNS];
    size_t count = chains->node_count;
    for (size_t i = 0; i < count; i++)
        is_usable[i] = !is_always || sl_possible_is_present(chains->nodes[i].column);
    memset(chains->reach, 0, count * count * count * sizeof *chains->reach);
    for (size_t length = 1; length <= count && !*ret_is_told; length++) {
        for (size_t from = 0; from < count; from++)
            if (is_usable[from])
                extend(chains, length, from, is_usable);
        SL_TRY(find_contradiction(chains, length, is_always, ret_is_told, err));
    }
    return SL_OK;
}

int sl_possible_chains(const struct sl_possible *possible, struct sl_err *err)
{
    const struct sl_contract_table *table = possible->table;
    struct chains chains = {.possible = possible};
    bool is_told = false;
    chains.edges = SL_NEW_ARRAY(possible->arena, struct edge, MOST_EDGES);
    chains.different = SL_NEW_ARRAY(possible->arena, struct edge, MOST_EDGES);
    SL_TRY_NEW(chains.edges, err);
    SL_TRY_NEW(chains.different, err);
    for (size_t i = 0; i < table->column_count; i++)
        add_rules(&chains, table->columns[i].rules, table->columns[i].rule_count);
    add_rules(&chains, table->rules, table->rule_count);
    if (!chains.edge_count || chains.is_full)
        return SL_OK;
    size_t most = chains.node_count * chains.node_count * chains.node_count;
    chains.reach = SL_NEW_ARRAY(possible->arena, struct reach, most);
    SL_TRY_NEW(chains.reach, err);
    SL_TRY(find_chains(&chains, true, &is_told, err));
    return is_told ? SL_OK : find_chains(&chains, false, &is_told, err);
}
