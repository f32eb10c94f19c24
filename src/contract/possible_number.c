#include "base/clock.h"
#include "contract/possible.h"
#include "contract/rule.h"

#include <math.h>

#define MOST_UNITS INT64_C(1000000000000000)
#define DEEPEST_SCALE 6
#define UNITS_OF_ONE INT64_C(1000000) // 10 to the power of DEEPEST_SCALE
#define DOUBLE_BITS 53
#define DOUBLE_DIGITS 15
#define DAY_US INT64_C(86400000000)

// What the rules leave of a column: multiples of `step` from `low` to `high`, in millionths, of
// dates in microseconds.
struct lattice {
    const struct sl_possible *possible;
    const struct sl_contract_column *column;
    int64_t step, low, high;
    bool has_low, has_high, is_low_open, is_high_open;
    bool is_unknown;                        // a number is too large, or not plain
    const struct sl_rule *lowest, *highest; // whose bounds they are
    const struct sl_rule **steps;
    size_t step_count;
};

// "-12.5" in millionths; false if it has more places, an exponent or too many digits.
static bool read_units(const char *text, int64_t *ret)
{
    bool is_negative = *text == '-';
    int64_t units = 0;
    int places = -1;
    text += *text == '-' || *text == '+';
    for (; *text; text++) {
        if (*text == '.' && places < 0) {
            places = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || units > MOST_UNITS)
            return false;
        if (places == DEEPEST_SCALE && *text != '0')
            return false;
        if (places == DEEPEST_SCALE)
            continue;
        units = units * 10 + (*text - '0');
        places += places >= 0;
    }
    for (int i = places < 0 ? 0 : places; i < DEEPEST_SCALE; i++)
        units = units > MOST_UNITS ? units : units * 10;
    *ret = is_negative ? -units : units;
    return units <= MOST_UNITS;
}

static bool read_bound(const struct lattice *lattice, const char *text, int64_t *ret)
{
    return lattice->column->type.kind == SL_TYPE_DATE ? sl_clock_parse(text, ret) == 0
                                                      : read_units(text, ret);
}

static int64_t remainder_of(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return rest < 0 ? rest + step : rest;
}

// The step becomes the smallest one that is a multiple of both.
static void add_step(struct lattice *lattice, int64_t step)
{
    int64_t a = lattice->step, b = step;
    if (!a || step <= 0) {
        lattice->step = step > 0 ? step : a;
        return;
    }
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    if (lattice->step / a > MOST_UNITS / step)
        lattice->is_unknown = true;
    else
        lattice->step = lattice->step / a * step;
}

static int64_t step_of_places(int64_t places)
{
    int64_t step = UNITS_OF_ONE;
    for (int64_t i = 0; i < places; i++)
        step /= 10;
    return step;
}

// A step that is too fine to be told leaves more than there is, not less.
static void add_type(struct lattice *lattice)
{
    const struct sl_type *type = &lattice->column->type;
    if (type->kind == SL_TYPE_DATE)
        add_step(lattice, DAY_US);
    else if (type->kind == SL_TYPE_INTEGER)
        add_step(lattice, UNITS_OF_ONE);
    else if (type->scale <= DEEPEST_SCALE)
        add_step(lattice, step_of_places(type->scale));
    else
        lattice->is_unknown = true;
}

static void add_range(struct lattice *lattice, const struct sl_rule *rule)
{
    int64_t low, high;
    if ((rule->min && !read_bound(lattice, rule->min, &low)) ||
        (rule->max && !read_bound(lattice, rule->max, &high))) {
        lattice->is_unknown = true;
        return;
    }
    if (rule->min) {
        if (!lattice->has_low || low > lattice->low ||
            (low == lattice->low && rule->is_min_exclusive)) {
            lattice->low = low;
            lattice->is_low_open = rule->is_min_exclusive;
            lattice->lowest = rule;
        }
        lattice->has_low = true;
    }
    if (rule->max) {
        if (!lattice->has_high || high < lattice->high ||
            (high == lattice->high && rule->is_max_exclusive)) {
            lattice->high = high;
            lattice->is_high_open = rule->is_max_exclusive;
            lattice->highest = rule;
        }
        lattice->has_high = true;
    }
}

static int add_multiple(struct lattice *lattice, const struct sl_rule *rule, struct sl_err *err)
{
    bool is_places = sl_str_equal(rule->kind, "decimal_places");
    int64_t units = 0;
    bool is_known = is_places ? sl_str_to_int64(rule->max, &units) && units >= 0
                              : read_units(rule->text, &units) && units > 0;
    if (is_places && units > DEEPEST_SCALE)
        return SL_OK;
    if (!is_known) {
        lattice->is_unknown = true;
        return SL_OK;
    }
    add_step(lattice, is_places ? step_of_places(units) : units);
    return SL_PUSH(lattice->possible->arena, lattice->steps, lattice->step_count, rule)
               ? SL_OK
               : sl_fail_memory(err);
}

// The rules that take part, in the order of the contract, each once.
static int tell(const struct lattice *lattice, struct sl_err *err)
{
    const struct sl_contract_column *column = lattice->column;
    const struct sl_rule **rules =
        SL_NEW_ARRAY(lattice->possible->arena, const struct sl_rule *, column->rule_count);
    size_t count = 0;
    SL_TRY_NEW(rules, err);
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool takes_part = rule == lattice->lowest || rule == lattice->highest;
        for (size_t k = 0; k < lattice->step_count; k++)
            takes_part |= lattice->steps[k] == rule;
        if (takes_part)
            rules[count++] = rule;
    }
    return sl_possible_excludes_all(lattice->possible, column, rules, count, err);
}

// The least number above all of the type.
static double end_of(const struct sl_type *type)
{
    return type->kind == SL_TYPE_INTEGER ? ldexp(1, type->bits - 1)
                                         : pow(10, type->precision - type->scale);
}

// A bound that lies beyond what the type holds. At the very end of types with more digits than a
// double has it is not told from one that does not.
static int check_type(const struct sl_possible *possible, const struct sl_contract_column *column,
                      const struct sl_rule *rule, struct sl_err *err)
{
    const struct sl_type *type = &column->type;
    bool is_integer = type->kind == SL_TYPE_INTEGER;
    bool is_exact = is_integer ? type->bits < DOUBLE_BITS : type->precision <= DOUBLE_DIGITS;
    double end = end_of(type), bound;
    double least = is_integer && is_exact ? -end - 1 : -end;
    bool is_above = rule->min && sl_str_to_double(rule->min, &bound) &&
                    (bound > end || (is_exact && bound >= end));
    bool is_below = rule->max && sl_str_to_double(rule->max, &bound) &&
                    (bound < least || (is_exact && bound <= least));
    return is_above || is_below ? sl_possible_excludes_all(possible, column, &rule, 1, err) : SL_OK;
}

static bool falls_on(const struct sl_rule *rule, int64_t day)
{
    static const char *const days[] = {"thursday", "friday",  "saturday", "sunday",
                                       "monday",   "tuesday", "wednesday"}; // from 1970-01-01
    for (size_t i = 0; i < rule->values.count; i++)
        if (sl_str_equal_nocase(rule->values.items[i], days[(day % 7 + 7) % 7]))
            return true;
    return false;
}

// A few days of which none is such a day of the week.
static int check_weekday(const struct lattice *lattice, const struct sl_rule *rule,
                         struct sl_err *err)
{
    const struct sl_rule *rules[3];
    size_t count = 0;
    int64_t low = lattice->low + (lattice->is_low_open ? DAY_US : 0);
    int64_t high = lattice->high - (lattice->is_high_open ? DAY_US : 0);
    if (lattice->is_unknown || !lattice->has_low || !lattice->has_high || low > high ||
        high - low >= 6 * DAY_US || low % DAY_US || high % DAY_US)
        return SL_OK;
    for (int64_t day = low; day <= high; day += DAY_US)
        if (falls_on(rule, day / DAY_US))
            return SL_OK;
    for (size_t i = 0; i < lattice->column->rule_count; i++) {
        const struct sl_rule *own = &lattice->column->rules[i];
        if (own == lattice->lowest || own == lattice->highest || own == rule)
            rules[count++] = own;
    }
    return sl_possible_excludes_all(lattice->possible, lattice->column, rules, count, err);
}

static int check_weekdays(const struct lattice *lattice, struct sl_err *err)
{
    const struct sl_contract_column *column = lattice->column;
    for (size_t i = 0; column->type.kind == SL_TYPE_DATE && i < column->rule_count; i++)
        if (sl_possible_is_strict(&column->rules[i]) &&
            sl_str_equal(column->rules[i].kind, "weekday"))
            SL_TRY(check_weekday(lattice, &column->rules[i], err));
    return SL_OK;
}

// The rules of one column, one after the other.
static int add_rules(struct lattice *lattice, struct sl_err *err)
{
    const struct sl_contract_column *column = lattice->column;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        if (!sl_possible_is_strict(rule))
            continue;
        if (sl_str_equal(rule->kind, "range")) {
            if (column->type.kind != SL_TYPE_DATE)
                SL_TRY(check_type(lattice->possible, column, rule, err));
            add_range(lattice, rule);
        } else if (sl_str_equal(rule->kind, "multiple_of") ||
                   sl_str_equal(rule->kind, "decimal_places")) {
            SL_TRY(add_multiple(lattice, rule, err));
        }
    }
    return SL_OK;
}

static int check_column(const struct sl_possible *possible, const struct sl_contract_column *column,
                        struct sl_err *err)
{
    struct lattice lattice = {.possible = possible, .column = column};
    enum sl_type_kind kind = column->type.kind;
    // A double need only be near a multiple.
    if (kind != SL_TYPE_INTEGER && kind != SL_TYPE_DECIMAL && kind != SL_TYPE_DATE)
        return SL_OK;
    add_type(&lattice);
    SL_TRY(add_rules(&lattice, err));
    SL_TRY(check_weekdays(&lattice, err));
    // Where no number at all is between the bounds, the reader of the contract has said so.
    if (lattice.is_unknown || !lattice.has_low || !lattice.has_high || lattice.low > lattice.high ||
        (lattice.low == lattice.high && (lattice.is_low_open || lattice.is_high_open)))
        return SL_OK;
    int64_t rest = remainder_of(lattice.low, lattice.step);
    int64_t first = lattice.low;
    if (rest || lattice.is_low_open)
        first += lattice.step - rest;
    bool is_left = first < lattice.high || (first == lattice.high && !lattice.is_high_open);
    return is_left ? SL_OK : tell(&lattice, err);
}

static int check_columns(const struct sl_possible *possible,
                         const struct sl_contract_column *columns, size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        SL_TRY(check_column(possible, &columns[i], err));
        SL_TRY(check_columns(possible, columns[i].fields, columns[i].field_count, err));
    }
    return SL_OK;
}

int sl_possible_numbers(const struct sl_possible *possible, struct sl_err *err)
{
    return check_columns(possible, possible->table->columns, possible->table->column_count, err);
}
