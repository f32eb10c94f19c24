#include "contract/sample_words.h"

#include "contract/sample.h"
#include "sql/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 60        // of a column
#define MOST_PATTERN_WORDS 8 // of a pattern
#define LONGEST_TEXT 200     // that is made of a number, which may be a length

struct miner {
    struct sl_sample_hints *hints;
    uint64_t seed;
    struct sl_arena *arena;
    // Of one predicate:
    struct sl_strs columns, words;
    bool is_out;
};

const struct sl_sample_hint *sl_sample_hint_of(const struct sl_sample_hints *hints,
                                               const char *path)
{
    for (size_t i = 0; i < hints->count; i++)
        if (sl_str_equal_nocase(hints->items[i].path, path))
            return &hints->items[i];
    return NULL;
}

static void add_text(struct miner *miner, struct sl_strs *list, const char *text)
{
    if (text && list->count < MOST_WORDS && !sl_strs_has(list, text))
        miner->is_out |= sl_strs_add(list, miner->arena, text, NULL) != SL_OK;
    miner->is_out |= text == NULL;
}

// --- constants

// "125" of scale 2 -> "1.25", and what is a step of one and of the last digit away from it.
static void add_scaled(struct miner *miner, int64_t value, int scale)
{
    int64_t unit = 1;
    for (int i = 0; i < scale; i++)
        unit *= 10;
    const int64_t steps[] = {0, -1, 1, -unit, unit};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t number = value + steps[i];
        int64_t whole = number / unit, rest = number % unit;
        const char *sign = number < 0 ? "-" : "";
        add_text(miner, &miner->words,
                 scale ? sl_arena_printf(miner->arena, "%s%" PRId64 ".%0*" PRId64, sign,
                                         whole < 0 ? -whole : whole, scale, rest < 0 ? -rest : rest)
                       : sl_arena_printf(miner->arena, "%" PRId64, number));
    }
}

// A number may be that of characters.
static void add_lengths(struct miner *miner, int64_t length)
{
    for (int64_t n = length - 1; n <= length + 1 && length <= LONGEST_TEXT; n++) {
        char text[LONGEST_TEXT + 2] = "";
        if (n < 0)
            continue;
        memset(text, 'x', (size_t)n);
        add_text(miner, &miner->words, sl_arena_strdup(miner->arena, text));
    }
}

static void add_number(struct miner *miner, const struct sl_ast *value)
{
    const struct sl_ast *type = sl_ast_get(value, "type");
    const char *text = sl_ast_text(value, "value");
    int64_t number, scale = 0;
    if (sl_ast_is(type, "id", "DECIMAL"))
        (void)sl_str_to_int64(sl_ast_text(sl_ast_get(type, "type_info"), "scale"), &scale);
    bool is_plain = sl_str_to_int64(text, &number) && number > -INT64_C(100000000000000000) &&
                    number < INT64_C(100000000000000000) && scale >= 0 && scale < 16;
    if (!is_plain) {
        add_text(miner, &miner->words, text);
        return;
    }
    add_scaled(miner, number, (int)scale);
    if (scale == 0)
        add_lengths(miner, number);
}

// 'ab%c_' of LIKE or GLOB -> "abcx", "abxcx".
static void add_wildcards(struct miner *miner, const char *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf least = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf more = SL_BUF_INIT;
    if (!strpbrk(text, "%_*?"))
        return;
    for (; *text; text++) {
        bool is_any = *text == '%' || *text == '*';
        bool is_one = *text == '_' || *text == '?';
        if (!is_any)
            sl_buf_add_char(&least, is_one ? 'x' : *text);
        sl_buf_add_char(&more, is_any || is_one ? 'x' : *text);
    }
    miner->is_out |= least.has_failed || more.has_failed;
    if (!miner->is_out) {
        add_text(miner, &miner->words,
                 sl_arena_strndup(miner->arena, least.length ? least.text : "", least.length));
        add_text(miner, &miner->words, sl_arena_strdup(miner->arena, more.text));
    }
}

static void add_pattern(struct miner *miner, const char *pattern)
{
    struct sl_strs texts = {0};
    const char *why;
    if (sl_pattern_samples(pattern, miner->seed, MOST_PATTERN_WORDS, miner->arena, &texts, &why,
                           NULL) != SL_OK)
        miner->is_out = true;
    for (size_t i = 0; i < texts.count; i++)
        add_text(miner, &miner->words, texts.items[i]);
}

static void add_constant(struct miner *miner, const struct sl_ast *value, const char *function)
{
    const char *type = sl_ast_text(sl_ast_get(value, "type"), "id");
    const struct sl_ast *inner = sl_ast_get(value, "value");
    if (!inner)
        return; // null
    if (inner->kind == SL_AST_NUMBER) {
        add_number(miner, value);
    } else if (inner->kind == SL_AST_BOOL) {
        add_text(miner, &miner->words, inner->truth ? "true" : "false");
        add_text(miner, &miner->words, inner->truth ? "false" : "true");
    } else if (strcmp(type, "VARCHAR") == 0) {
        add_text(miner, &miner->words, inner->text);
        if (strncmp(function, "regexp_", 7) == 0 || strcmp(function, "~") == 0)
            add_pattern(miner, inner->text);
        else
            add_wildcards(miner, inner->text);
    }
}

// --- predicates

static const char *path_of(struct miner *miner, const struct sl_ast *reference)
{
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    const struct sl_ast *name = sl_ast_first(sl_ast_get(reference, "column_names"));
    for (; name; name = name->next)
        sl_buf_addf(&path, "%s%s", path.length ? "." : "", name->text ? name->text : "");
    return path.has_failed || !path.length ? NULL : sl_arena_strdup(miner->arena, path.text);
}

// All columns and constants below the node.
static void gather(struct miner *miner, const struct sl_ast *node, const char *function)
{
    if (sl_ast_is_class(node, "COLUMN_REF")) {
        add_text(miner, &miner->columns, path_of(miner, node));
        return;
    }
    if (sl_ast_is_class(node, "CONSTANT")) {
        add_constant(miner, sl_ast_get(node, "value"), function);
        return;
    }
    if (sl_ast_is_class(node, "FUNCTION"))
        function = sl_ast_text(node, "function_name");
    for (const struct sl_ast *member = node->first; member; member = member->next)
        if (member->kind == SL_AST_MAP || member->kind == SL_AST_LIST)
            gather(miner, member, function);
}

static struct sl_sample_hint *hint_for(struct miner *miner, const char *path)
{
    for (size_t i = 0; i < miner->hints->count; i++)
        if (sl_str_equal_nocase(miner->hints->items[i].path, path))
            return &miner->hints->items[i];
    struct sl_sample_hint hint = {.path = path};
    if (!SL_PUSH(miner->arena, miner->hints->items, miner->hints->count, hint)) {
        miner->is_out = true;
        return NULL;
    }
    return &miner->hints->items[miner->hints->count - 1];
}

static void mine_predicate(struct miner *miner, const struct sl_ast *node)
{
    miner->columns = miner->words = (struct sl_strs){0};
    gather(miner, node, "");
    for (size_t i = 0; i < miner->columns.count && !miner->is_out; i++) {
        struct sl_sample_hint *hint = hint_for(miner, miner->columns.items[i]);
        for (size_t k = 0; hint && k < miner->words.count; k++)
            add_text(miner, &hint->words, miner->words.items[k]);
        for (size_t k = 0; hint && k < miner->columns.count; k++)
            if (k != i)
                add_text(miner, &hint->peers, miner->columns.items[k]);
    }
}

// What stands together in one comparison or call belongs together; what is joined by and, or, not
// does not.
static void mine(struct miner *miner, const struct sl_ast *node)
{
    bool is_joint = sl_ast_is_class(node, "CONJUNCTION") || sl_ast_is(node, "type", "OPERATOR_NOT");
    if (!is_joint) {
        mine_predicate(miner, node);
        return;
    }
    for (const struct sl_ast *part = sl_ast_first(sl_ast_get(node, "children")); part;
         part = part->next)
        mine(miner, part);
}

// --- a contract's rules

static int add_rule(const struct sl_rule *rule, struct sl_arena *arena, struct sl_strs *ret,
                    struct sl_err *err)
{
    const struct sl_rule_form *form = sl_rule_form_find(rule->kind);
    const char *const texts[] = {rule->where, form && form->has_sql ? rule->text : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!texts[i])
            continue;
        const char *sql = sl_arena_printf(arena, "select (\n%s\n)", texts[i]);
        SL_TRY_NEW(sql, err);
        SL_TRY(sl_strs_add(ret, arena, sql, err));
    }
    return SL_OK;
}

// Rules that two columns with one value break, or keep.
static void add_peers(struct miner *miner, const struct sl_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_strs *columns = &rules[i].columns;
        if (!sl_str_equal(rules[i].kind, "different") && !sl_str_equal(rules[i].kind, "compare"))
            continue;
        for (size_t k = 0; k < columns->count; k++) {
            struct sl_sample_hint *hint = hint_for(miner, columns->items[k]);
            for (size_t n = 0; hint && n < columns->count; n++)
                if (n != k)
                    add_text(miner, &hint->peers, columns->items[n]);
        }
    }
}

static int add_column(const struct sl_contract_column *column, struct sl_arena *arena,
                      struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; i < column->rule_count; i++)
        SL_TRY(add_rule(&column->rules[i], arena, ret, err));
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(add_column(&column->fields[i], arena, ret, err));
    return SL_OK;
}

int sl_sample_hints(const struct sl_contract_table *table, struct sl_session *session,
                    uint64_t seed, struct sl_arena *arena, struct sl_sample_hints *ret,
                    struct sl_err *err)
{
    struct miner miner = {.hints = ret, .seed = seed, .arena = arena};
    struct sl_strs sql = {0};
    *ret = (struct sl_sample_hints){0};
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_column(&table->columns[i], arena, &sql, err));
    for (size_t i = 0; i < table->rule_count; i++)
        SL_TRY(add_rule(&table->rules[i], arena, &sql, err));
    for (size_t i = 0; i < table->column_count; i++)
        add_peers(&miner, table->columns[i].rules, table->columns[i].rule_count);
    add_peers(&miner, table->rules, table->rule_count);
    if (!sql.count)
        return miner.is_out ? sl_fail_memory(err) : SL_OK;
    const char **json = SL_NEW_ARRAY(arena, const char *, sql.count);
    SL_TRY_NEW(json, err);
    SL_TRY(session->kind->parse(session, sql.items, sql.count, arena, json, err));
    for (size_t i = 0; i < sql.count; i++) {
        struct sl_ast *tree;
        int code = sl_ast_parse(json[i], arena, &tree, err);
        if (code == SL_E_LIMIT)
            continue; // too deep to be read
        SL_TRY(code);
        const struct sl_ast *statement = sl_ast_first(sl_ast_get(tree, "statements"));
        const struct sl_ast *item =
            sl_ast_first(sl_ast_get(sl_ast_get(statement, "node"), "select_list"));
        if (item)
            mine(&miner, item);
    }
    return miner.is_out ? sl_fail_memory(err) : SL_OK;
}
