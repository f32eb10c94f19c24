// dbt's node selection: METHOD:VALUE with + graph operators; several arguments are united, commas
// intersect.
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct term {
    bool with_upstream, with_downstream, with_family; // +x, x+, @x
    int64_t up_steps, down_steps;                     // 2+x+1; -1: all
    const char *method;                               // NULL: by name
    const char *value;
};

struct selection {
    const struct sl_graph *graph;
    struct sl_arena *arena;
};

// Whether the value is the name, or the beginning of it up to a dot: "curated" of "curated.daily".
static bool begins(const char *value, const char *name)
{
    size_t length = strlen(value);
    return strncmp(name, value, length) == 0 && name[length] == '.';
}

// dbt's path of a model is that of its file, below the folder of its kind: "finance.daily" of
// models/finance/daily.sql.
static bool by_folder(const struct sl_node *node, const char *value)
{
    char path[256];
    const char *below = strchr(node->file, '/'), *slash = strrchr(node->file, '/');
    if (node->kind == SL_NODE_CLEANSE || node->kind == SL_NODE_LOAD || !below || below == slash)
        return false;
    snprintf(path, sizeof path, "%.*s.%s", (int)(slash - below - 1), below + 1, node->bare);
    for (char *c = path; *c; c++)
        *c = *c == '/' ? '.' : *c;
    return begins(value, path) || sl_str_glob(value, path);
}

static bool by_name(const struct sl_node *node, const char *value)
{
    if (sl_str_glob(value, node->name) || sl_str_glob(value, node->label) ||
        begins(value, node->name) || by_folder(node, value))
        return true;
    // "warehouse.daily", as in "load warehouse.daily".
    if (node->kind == SL_NODE_LOAD && sl_str_glob(value, node->name + strlen("target.")))
        return true;
    if (node->kind != SL_NODE_LOAD &&
        sl_str_glob(value, node->bare)) // a delivery often has its table's name
        return true;
    if (node->kind == SL_NODE_CLEANSE && sl_str_equal(value, "quarantine"))
        return true;
    if (node->kind != SL_NODE_CLEANSE || !sl_str_starts(value, "quarantine."))
        return false;
    return sl_str_glob(value + strlen("quarantine."), node->bare);
}

static bool by_tag(const struct sl_node *node, const char *value)
{
    for (size_t i = 0; i < node->tags->count; i++)
        if (sl_str_glob(value, node->tags->items[i]))
            return true;
    return false;
}

static bool by_path(const struct sl_node *node, const char *value)
{
    size_t length = strlen(value);
    while (length && value[length - 1] == '/')
        length--;
    bool is_below = strncmp(node->file, value, length) == 0 &&
                    (node->file[length] == '/' || node->file[length] == '\0');
    return is_below || sl_str_glob(value, node->file);
}

static bool by_file(const struct sl_node *node, const char *value)
{
    const char *slash = strrchr(node->file, '/');
    return sl_str_glob(value, slash ? slash + 1 : node->file);
}

static bool by_source(const struct sl_node *node, const char *value)
{
    return node->kind == SL_NODE_INGEST &&
           (sl_str_glob(value, node->bare) || sl_str_glob(value, node->name) ||
            begins(value, node->name));
}

// dbt: new = not built yet, modified = new or built with other code, old = built, unmodified =
// built with this code.
static bool by_state(const struct sl_node *node, const char *value)
{
    bool is_new = node->facts.version < 0;
    bool is_modified = is_new || (node->kind != SL_NODE_INGEST &&
                                  !sl_str_equal(node->facts.fingerprint, node->fingerprint));
    if (sl_str_equal(value, "new"))
        return is_new;
    if (sl_str_equal(value, "old"))
        return !is_new;
    return sl_str_equal(value, "unmodified") ? !is_modified : is_modified;
}

static bool by_result(const struct sl_node *node, const char *value)
{
    const char *wanted = sl_str_equal(value, "success") || sl_str_equal(value, "pass") ? "ok"
                         : sl_str_equal(value, "fail")                                 ? "error"
                                                                                       : value;
    return sl_str_equal(node->facts.last_status, wanted);
}

static bool by_type(const struct sl_node *node, const char *value)
{
    static const char *const names[] = {[SL_NODE_INGEST] = "source",
                                        [SL_NODE_CLEANSE] = "contract",
                                        [SL_NODE_MODEL] = "model",
                                        [SL_NODE_LOAD] = "target",
                                        [SL_NODE_TASK] = "task"};
    return sl_str_equal(names[node->kind], value);
}

static bool by_write(const struct sl_node *node, const char *value)
{
    if (node->kind == SL_NODE_MODEL)
        return sl_str_equal(sl_write_mode_name((enum sl_write_mode)node->model->write), value);
    return node->kind == SL_NODE_LOAD &&
           sl_str_equal(sl_write_mode_name((enum sl_write_mode)node->delivery->write), value);
}

// dbt's words beside ours: a table is built whole, an incremental one is continued.
static bool by_materialized(const struct sl_node *node, const char *value)
{
    bool is_full = by_write(node, "full");
    bool has_mode = node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD;
    if (sl_str_equal(value, "table"))
        return is_full;
    if (!sl_str_equal(value, "incremental"))
        return by_write(node, value);
    return has_mode && !is_full && !by_write(node, "view") && !by_write(node, "snapshot");
}

static bool by_partition(const struct sl_node *node, const char *value)
{
    const struct sl_strs *columns = node->kind == SL_NODE_MODEL  ? &node->model->partition_by
                                    : node->kind == SL_NODE_LOAD ? &node->delivery->partition_by
                                                                 : NULL;
    for (size_t i = 0; columns && i < columns->count; i++)
        if (sl_str_glob(value, columns->items[i]))
            return true;
    return false;
}

static const struct method {
    const char *name;
    bool (*matches)(const struct sl_node *node, const char *value);
    const char *const *values; // the only ones allowed, or NULL
} methods[] = {
    {"fqn", by_name, NULL},
    {"tag", by_tag, NULL},
    {"path", by_path, NULL},
    {"file", by_file, NULL},
    {"source", by_source, NULL},
    {"state", by_state, (const char *const[]){"new", "old", "modified", "unmodified", NULL}},
    {"result", by_result,
     (const char *const[]){"ok", "error", "skipped", "success", "pass", "fail", NULL}},
    {"resource_type", by_type,
     (const char *const[]){"source", "contract", "model", "target", "task", NULL}},
    {"config.write", by_write,
     (const char *const[]){"full", "append", "partition", "merge", "snapshot", "view", NULL}},
    {"config.materialized", by_materialized,
     (const char *const[]){"full", "append", "partition", "merge", "snapshot", "view", "table",
                           "incremental", NULL}},
    {"config.tags", by_tag, NULL},
    {"config.partition_by", by_partition, NULL},
};
#define METHOD_COUNT (sizeof methods / sizeof *methods)

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (sl_str_equal(methods[i].name, name))
            return &methods[i];
    return NULL;
}

// "full, append, partition"
static void add_words(struct sl_buf *text, const char *word)
{
    sl_buf_addf(text, "%s%s", text->length ? ", " : "", word);
}

static int fail_method(const char *name, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf known = SL_BUF_INIT;
    const char *names[METHOD_COUNT];
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        names[i] = methods[i].name;
        add_words(&known, names[i]);
    }
    const char *meant = sl_did_you_mean(arena, name, names, METHOD_COUNT);
    (void)sl_fail(err, SL_E_SELECTOR, "selector method '%s:' is not known", name);
    return sl_err_hint(err, "%s%sknown are %s", meant ? meant : "", meant ? " " : "", known.text);
}

static int fail_value(const struct method *method, const char *value, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf known = SL_BUF_INIT;
    for (size_t i = 0; method->values[i]; i++)
        add_words(&known, method->values[i]);
    (void)sl_fail(err, SL_E_SELECTOR, "selector '%s:' does not know '%s'", method->name, value);
    return sl_err_hint(err, "known are %s", known.text);
}

static int parse_value(const char *text, struct term *term, struct sl_arena *arena,
                       struct sl_err *err)
{
    const char *colon = strchr(text, ':');
    term->value = text;
    if (!colon)
        return SL_OK;
    term->method = sl_arena_strndup(arena, text, (size_t)(colon - text));
    SL_TRY_NEW(term->method, err);
    term->value = colon + 1;
    const struct method *method = find_method(term->method);
    if (!method)
        return fail_method(term->method, arena, err);
    if (!method->values)
        return SL_OK;
    for (size_t i = 0; method->values[i]; i++)
        if (sl_str_equal(method->values[i], term->value))
            return SL_OK;
    return fail_value(method, term->value, err);
}

// "2+tag:x+1", "@x", "+x"
static int parse_term(const char *text, struct sl_arena *arena, struct term *ret,
                      struct sl_err *err)
{
    struct term term = {.up_steps = -1, .down_steps = -1};
    if (*text == '@') {
        term.with_family = true;
        text++;
    }
    const char *plus = strchr(text, '+');
    size_t digits = strspn(text, "0123456789");
    if (plus && (size_t)(plus - text) == digits) {
        term.with_upstream = true;
        if (digits)
            term.up_steps = strtoll(text, NULL, 10);
        text = plus + 1;
    }
    char *rest = sl_arena_strdup(arena, text);
    SL_TRY_NEW(rest, err);
    char *last = strrchr(rest, '+');
    if (last && strspn(last + 1, "0123456789") == strlen(last + 1)) {
        term.with_downstream = true;
        if (last[1])
            term.down_steps = strtoll(last + 1, NULL, 10);
        *last = '\0';
    }
    if (*rest == '\0' || strchr(rest, '+'))
        return sl_fail(err, SL_E_SELECTOR, "selector '%s' cannot be read", text);
    SL_TRY(parse_value(rest, &term, arena, err));
    *ret = term;
    return SL_OK;
}

// Marks what can be reached within `steps` (-1: any number) from the marked nodes, as rings growing
// outwards.
static void spread(const struct sl_graph *graph, int64_t *distance, bool is_upstream, int64_t steps)
{
    for (size_t n = 0; n < graph->count; n++) {
        size_t i =
            is_upstream ? graph->count - 1 - n : n; // topological order, so one sweep is enough
        const struct sl_node *node = &graph->nodes[i];
        if (distance[i] < 0 || (steps >= 0 && distance[i] >= steps))
            continue;
        size_t count = is_upstream ? node->upstream_count : node->downstream_count;
        const size_t *next = is_upstream ? node->upstream : node->downstream;
        for (size_t k = 0; k < count; k++)
            if (distance[next[k]] < 0 || distance[next[k]] > distance[i] + 1)
                distance[next[k]] = distance[i] + 1;
    }
}

static int spread_into(const struct selection *selection, const bool *seeds, bool is_upstream,
                       int64_t steps, bool *marks, struct sl_err *err)
{
    size_t count = selection->graph->count;
    int64_t *distance = SL_NEW_ARRAY(selection->arena, int64_t, count);
    SL_TRY_NEW(distance, err);
    for (size_t i = 0; i < count; i++)
        distance[i] = seeds[i] ? 0 : -1;
    spread(selection->graph, distance, is_upstream, steps);
    for (size_t i = 0; i < count; i++)
        marks[i] = marks[i] || distance[i] >= 0;
    return SL_OK;
}

static int match_term(const struct selection *selection, const char *text, bool *marks,
                      struct sl_err *err)
{
    struct term term;
    SL_TRY(parse_term(text, selection->arena, &term, err));
    size_t count = selection->graph->count;
    bool *seeds = SL_NEW_ARRAY(selection->arena, bool, count);
    SL_TRY_NEW(seeds, err);
    const struct method *method = find_method(term.method ? term.method : "fqn");
    for (size_t i = 0; i < count; i++) {
        const struct sl_node *node = &selection->graph->nodes[i];
        // A bare word may also be a path, as in dbt.
        seeds[i] = method->matches(node, term.value) ||
                   (!term.method && strchr(term.value, '/') && by_path(node, term.value));
        marks[i] = seeds[i];
    }
    if (term.with_upstream)
        SL_TRY(spread_into(selection, seeds, true, term.up_steps, marks, err));
    if (term.with_downstream)
        SL_TRY(spread_into(selection, seeds, false, term.down_steps, marks, err));
    if (!term.with_family)
        return SL_OK;
    // @x: x, all that comes after it, and everything those need.
    bool *family = SL_NEW_ARRAY(selection->arena, bool, count);
    SL_TRY_NEW(family, err);
    SL_TRY(spread_into(selection, seeds, false, -1, family, err));
    return spread_into(selection, family, true, -1, marks, err);
}

static int match_argument(const struct selection *selection, const char *argument, bool *marks,
                          struct sl_err *err)
{
    size_t count = selection->graph->count;
    bool *all = SL_NEW_ARRAY(selection->arena, bool, count);
    bool *one = SL_NEW_ARRAY(selection->arena, bool, count);
    SL_TRY_NEW(all, err);
    SL_TRY_NEW(one, err);
    memset(all, true, count * sizeof *all);
    for (const char *text = argument;; text++) {
        size_t length = strcspn(text, ",");
        const char *part = sl_arena_strndup(selection->arena, text, length);
        SL_TRY_NEW(part, err);
        SL_TRY(match_term(selection, part, one, err));
        for (size_t i = 0; i < count; i++)
            all[i] = all[i] && one[i];
        text += length;
        if (!*text)
            break;
    }
    for (size_t i = 0; i < count; i++)
        marks[i] = marks[i] || all[i];
    return SL_OK;
}

// How long the selector at the beginning of `text` is: up to a blank, but for "load
// warehouse.daily" and the like, which are steps as the run prints them.
static int argument_length(const struct selection *selection, const char *text, size_t *ret,
                           struct sl_err *err)
{
    size_t first = strcspn(text, " \t");
    const char *second = text + first + 1;
    struct term term;
    *ret = first;
    if (text[first] != ' ' || memchr(text, ',', first) || memchr(text, ':', first))
        return SL_OK;
    const char *step =
        sl_arena_strndup(selection->arena, text, first + 1 + strcspn(second, ", \t"));
    SL_TRY_NEW(step, err);
    if (strchr(step, ':') || parse_term(step, selection->arena, &term, NULL) != SL_OK)
        return SL_OK;
    for (size_t i = 0; i < selection->graph->count; i++)
        if (sl_str_glob(term.value, selection->graph->nodes[i].label))
            *ret = first + 1 + strcspn(second, " \t");
    return SL_OK;
}

// Each argument may hold several selectors separated by blanks, as when quoted in a shell.
static int match_list(const struct selection *selection, const struct sl_strs *list, bool *marks,
                      struct sl_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->items[i];
        while (*(text += strspn(text, " \t"))) {
            size_t length;
            SL_TRY(argument_length(selection, text, &length, err));
            const char *argument = sl_arena_strndup(selection->arena, text, length);
            SL_TRY_NEW(argument, err);
            SL_TRY(match_argument(selection, argument, marks, err));
            text += length;
        }
    }
    return SL_OK;
}

int sl_graph_select(struct sl_graph *graph, const struct sl_strs *select,
                    const struct sl_strs *exclude, struct sl_arena *arena, struct sl_err *err)
{
    struct selection selection = {.graph = graph, .arena = arena};
    bool *in = SL_NEW_ARRAY(arena, bool, graph->count);
    bool *out = SL_NEW_ARRAY(arena, bool, graph->count);
    SL_TRY_NEW(in, err);
    SL_TRY_NEW(out, err);
    if (select->count)
        SL_TRY(match_list(&selection, select, in, err));
    else
        memset(in, true, graph->count * sizeof *in);
    SL_TRY(match_list(&selection, exclude, out, err));
    size_t count = 0;
    for (size_t i = graph->count; i-- > 0;) { // what reads a view comes behind it
        struct sl_node *node = &graph->nodes[i];
        node->is_selected = in[i] && !out[i];
        for (size_t k = 0; k < node->downstream_count && sl_node_is_view(node); k++)
            node->is_selected |= graph->nodes[node->downstream[k]].is_selected;
        count += node->is_selected;
    }
    if (count || (!select->count && !exclude->count))
        return SL_OK;
    // Asking for a state or a result that nothing has is an answer, not a mistake.
    for (size_t i = 0; i < select->count; i++)
        if (strstr(select->items[i], "state:") || strstr(select->items[i], "result:"))
            return SL_OK;
    (void)sl_fail(err, SL_E_SELECTOR, "the selection matches nothing");
    return sl_err_hint(err, "`sluice ls` lists what can be selected");
}

int sl_graph_require_matches(struct sl_graph *graph, const struct sl_strs *texts,
                             struct sl_arena *arena, struct sl_err *err)
{
    struct selection selection = {.graph = graph, .arena = arena};
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i];
        const struct sl_strs one = {.items = &texts->items[i], .count = 1};
        bool *marks = SL_NEW_ARRAY(arena, bool, graph->count);
        SL_TRY_NEW(marks, err);
        SL_TRY(match_list(&selection, &one, marks, err));
        if (strstr(text, "state:") || strstr(text, "result:") ||
            memchr(marks, 1, graph->count * sizeof *marks))
            continue;
        (void)sl_fail(err, SL_E_SELECTOR, "nothing is '%s', which is to be left out", text);
        return sl_err_hint(err, "`sluice ls` lists what can be selected");
    }
    return SL_OK;
}
