// Trees as text again.
#include "base/buf.h"
#include "base/str.h"
#include "base/yaml.h"

#include <ctype.h>
#include <string.h>

#define INDENT 2

// Whether a text means the same without quotes, for readers of YAML 1.1 too (which know yes and no,
// and dates).
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no",   "on",
                                        "off",  "y",     "n",   "null", NULL};
    for (size_t i = 0; words[i]; i++)
        if (sl_str_equal_nocase(words[i], text))
            return false;
    if (!isalpha((unsigned char)*text) && *text != '_' && *text != '/')
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_ ./()%+-@", *c))
            return false;
    return text[strlen(text) - 1] != ' ';
}

static void print_scalar(const struct sl_yaml *node, struct sl_buf *text)
{
    if (node->kind == SL_YAML_NULL)
        sl_buf_add(text, "null");
    else if (!node->is_quoted || is_plain(node->text))
        sl_buf_add(text, node->text);
    else
        sl_buf_add_json_string(text, node->text);
}

static bool is_container(const struct sl_yaml *node)
{
    return (node->kind == SL_YAML_LIST || node->kind == SL_YAML_MAP) && node->count > 0;
}

// A list of scalars stands in one line, unless that gets long.
static bool is_inline(const struct sl_yaml *list)
{
    size_t length = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_container(list->items[i]))
            return false;
        length += strlen(list->items[i]->text) + 2;
    }
    return list->kind == SL_YAML_LIST && length < 80;
}

static void print_leaf(const struct sl_yaml *node, struct sl_buf *text)
{
    if (node->kind == SL_YAML_MAP) {
        sl_buf_add(text, "{}");
    } else if (node->kind == SL_YAML_LIST) {
        sl_buf_add_char(text, '[');
        for (size_t i = 0; i < node->count; i++) {
            sl_buf_add(text, i ? ", " : "");
            print_leaf(node->items[i], text);
        }
        sl_buf_add_char(text, ']');
    } else {
        print_scalar(node, text);
    }
}

// The cursor stands where the node's first line begins; it ends at the beginning of a line.
static void print_block(const struct sl_yaml *node, int indent, struct sl_buf *text)
{
    bool is_map = node->kind == SL_YAML_MAP;
    for (size_t i = 0; i < node->count; i++) {
        const struct sl_yaml *item = node->items[i];
        bool is_block = is_container(item) && !is_inline(item);
        if (i)
            sl_buf_addf(text, "%*s", indent, "");
        if (is_map) {
            struct sl_yaml key = *node->keys[i];
            print_scalar(&key, text);
            sl_buf_add(text, ":");
        } else {
            sl_buf_add(text, "-");
        }
        if (!is_block) {
            sl_buf_add_char(text, ' ');
            print_leaf(item, text);
            sl_buf_add_char(text, '\n');
        } else if (is_map) {
            sl_buf_addf(text, "\n%*s", indent + INDENT, "");
            print_block(item, indent + INDENT, text);
        } else {
            sl_buf_add_char(text, ' ');
            print_block(item, indent + INDENT, text);
        }
    }
}

void sl_yaml_print(const struct sl_yaml *node, struct sl_buf *text)
{
    if (is_container(node)) {
        print_block(node, 0, text);
    } else {
        print_leaf(node, text);
        sl_buf_add_char(text, '\n');
    }
}

// RFC 8259, section 6.
static bool is_json_number(const char *text)
{
    const char *at = text + (*text == '-');
    size_t digits = strspn(at, "0123456789");
    if (!digits || (digits > 1 && *at == '0'))
        return false;
    at += digits;
    if (*at == '.') {
        digits = strspn(at + 1, "0123456789");
        at += digits + 1;
        if (!digits)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '-' || at[1] == '+');
        digits = strspn(at, "0123456789");
        at += digits;
        if (!digits)
            return false;
    }
    return *at == '\0';
}

static void print_json_scalar(const struct sl_yaml *node, struct sl_buf *text)
{
    double number;
    if (node->is_quoted)
        sl_buf_add_json_string(text, node->text);
    else if (is_json_number(node->text))
        sl_buf_add(text, node->text);
    else if (sl_str_equal_nocase(node->text, "true") || sl_str_equal_nocase(node->text, "false"))
        sl_buf_add(text, tolower((unsigned char)*node->text) == 't' ? "true" : "false");
    else if (sl_str_to_double(node->text, &number) && number - number == 0)
        sl_buf_addf(text, "%.17g", number);
    else
        sl_buf_add_json_string(text, node->text);
}

static void print_json(const struct sl_yaml *node, int indent, struct sl_buf *text)
{
    bool is_map = node->kind == SL_YAML_MAP;
    if (node->kind == SL_YAML_NULL || node->kind == SL_YAML_SCALAR) {
        if (node->kind == SL_YAML_NULL)
            sl_buf_add(text, "null");
        else
            print_json_scalar(node, text);
        return;
    }
    bool is_line = !is_map && is_inline(node);
    sl_buf_add_char(text, is_map ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        sl_buf_add(text, i ? (is_line ? ", " : ",") : "");
        if (!is_line)
            sl_buf_addf(text, "\n%*s", indent + INDENT, "");
        if (is_map) {
            sl_buf_add_json_string(text, node->keys[i]->text);
            sl_buf_add(text, ": ");
        }
        print_json(node->items[i], indent + INDENT, text);
    }
    if (node->count && !is_line)
        sl_buf_addf(text, "\n%*s", indent, "");
    sl_buf_add_char(text, is_map ? '}' : ']');
}

void sl_yaml_print_json(const struct sl_yaml *node, struct sl_buf *text)
{
    print_json(node, 0, text);
    sl_buf_add_char(text, '\n');
}
