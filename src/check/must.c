#include "check/must.h"

#include <math.h>
#include <string.h>

struct comparison {
    const char *name;
    const char *broken; // what is no longer right; NULL: of a pair
    const char *claim;
    bool is_pair;
};
// The standard says that mustBeBetween is mustBeGreaterThan and mustBeLessThan: without its bounds.
static const struct comparison operators[] = {
    {"mustBe", " <> ", "is %s", false},
    {"mustNotBe", " = ", "is not %s", false},
    {"mustBeGreaterThan", " <= ", "is greater than %s", false},
    {"mustBeGreaterOrEqualTo", " < ", "is at least %s", false},
    {"mustBeLessThan", " >= ", "is less than %s", false},
    {"mustBeLessOrEqualTo", " > ", "is at most %s", false},
    {"mustBeBetween", NULL, "is between %s, without these", true},
    {"mustNotBeBetween", NULL, "is not between %s, except these", true},
};

static bool read_number(const struct sl_yaml *node, double *ret)
{
    bool is_flag = sl_str_equal(node->text, "true") || sl_str_equal(node->text, "false");
    *ret = is_flag && node->text[0] == 't' ? 1 : 0;
    return node->kind == SL_YAML_SCALAR && (is_flag || sl_str_to_double(node->text, ret));
}

static bool is_number(const struct sl_check_input *input, const struct sl_yaml *node,
                      const char *name, double *ret)
{
    if (read_number(node, ret))
        return true;
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
            "'%s' is %s, expected a number", name,
            node->kind == SL_YAML_SCALAR ? node->text : sl_yaml_describe(node));
    return false;
}

struct written {
    struct sl_spans spans; // what is still possible after all operators so far
    struct sl_buf *broken, *claim;
};

static void narrow(const struct comparison *comparison, double a, double b, struct sl_spans *spans)
{
    bool is_open = comparison->is_pair || sl_str_ends(comparison->name, "Than");
    struct sl_span span = {a, comparison->is_pair ? b : a, is_open, is_open};
    if (strstr(comparison->name, "Not")) {
        (void)sl_spans_cut(spans, &span); // there are two of them, and room for both
        return;
    }
    if (strstr(comparison->name, "Greater"))
        span = (struct sl_span){a, INFINITY, is_open, false};
    else if (strstr(comparison->name, "Less"))
        span = (struct sl_span){-INFINITY, a, false, is_open};
    sl_spans_narrow(spans, &span);
}

static void refuse_limits(const struct sl_check_input *input, const struct sl_span_limits *limits)
{
    const char *what = limits->is_whole ? "a whole number" : "a number";
    struct sl_place place = input->arguments->place;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (sl_yaml_get(input->arguments, operators[i].name))
            place = sl_yaml_place(input->arguments, operators[i].name);
    if (isinf(limits->max))
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, NULL,
                "what is counted is %s from %g on, so that nothing can pass", what, limits->min);
    else
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, NULL,
                "what is measured is %s from %g to %g, so that nothing can pass", what, limits->min,
                limits->max);
}

static void add_pair(const struct comparison *comparison, const struct sl_yaml *pair,
                     const char *name, struct sl_buf *broken)
{
    const char *low = pair->items[0]->text, *high = pair->items[1]->text;
    if (strstr(comparison->name, "Not"))
        sl_buf_addf(broken, "(%s > %s and %s < %s)", name, low, name, high);
    else
        sl_buf_addf(broken, "%s <= %s or %s >= %s", name, low, name, high);
}

static bool add(const struct sl_check_input *input, const struct comparison *comparison,
                const struct sl_yaml *node, const char *name, struct written *written)
{
    struct sl_buf *broken = written->broken, *claim = written->claim;
    double a = 0, b = 0;
    const char *text = node->text;
    if (comparison->is_pair && (node->kind != SL_YAML_LIST || node->count != 2)) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, "write [1, 10]",
                "'%s' is %s, expected two numbers in a list", comparison->name,
                sl_yaml_describe(node));
        return false;
    }
    const struct sl_yaml *first = comparison->is_pair ? node->items[0] : node;
    if (!is_number(input, first, comparison->name, &a) ||
        (comparison->is_pair && !is_number(input, node->items[1], comparison->name, &b)))
        return false;
    if (comparison->is_pair) {
        text = sl_arena_printf(input->arena, "%s and %s", first->text, node->items[1]->text);
        if (!text || b <= a) {
            sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place, NULL,
                    "'%s': no number is between %s and %s", comparison->name, first->text,
                    node->items[1]->text);
            return false;
        }
    }
    narrow(comparison, a, b, &written->spans);
    sl_buf_add(broken, broken->length ? " or " : "");
    if (comparison->is_pair)
        add_pair(comparison, node, name, broken);
    else
        sl_buf_addf(broken, "%s%s%s", name, comparison->broken, text);
    const char *at = strstr(comparison->claim, "%s");
    sl_buf_addf(claim, "%s%.*s%s%s", claim->length ? " and " : "", (int)(at - comparison->claim),
                comparison->claim, text, at + 2);
    return true;
}

bool sl_check_must(const struct sl_check_input *input, const char *name,
                   const struct sl_span_limits *limits, struct sl_buf *broken, struct sl_buf *claim)
{
    struct written written = {.broken = broken, .claim = claim};
    bool is_right = true;
    sl_spans_init(&written.spans);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct sl_yaml *node = sl_yaml_get(input->arguments, operators[i].name);
        if (node)
            is_right &= add(input, &operators[i], node, name, &written);
    }
    if (!is_right)
        return false;
    if (!broken->length)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place,
                "write 'mustBe: 0', 'mustBeLessThan: 5', 'mustBeBetween: [1, 10]'",
                "nothing says what the result must be");
    else if (!written.spans.count)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, input->arguments->place, NULL,
                "the operators contradict each other, so that nothing can pass");
    if (!broken->length || !written.spans.count)
        return false;
    if (limits)
        sl_spans_limit(&written.spans, limits);
    if (!written.spans.count)
        refuse_limits(input, limits);
    return written.spans.count > 0;
}

bool sl_check_is_operator(const char *key)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (sl_str_equal(operators[i].name, key))
            return true;
    return false;
}

bool sl_check_must_spans(const struct sl_yaml *arguments, struct sl_spans *ret)
{
    sl_spans_init(ret);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct sl_yaml *node = sl_yaml_get(arguments, operators[i].name);
        bool is_pair = node && node->kind == SL_YAML_LIST && node->count == 2;
        double a, b;
        if (!node)
            continue;
        if (is_pair != operators[i].is_pair || !read_number(is_pair ? node->items[0] : node, &a) ||
            !read_number(is_pair ? node->items[1] : node, &b))
            return false;
        narrow(&operators[i], a, b, ret);
    }
    return true;
}
