#include "cli/test_record.h"

#include "base/clock.h"
#include "base/fs.h"
#include "cli/lake.h"

#include <string.h>

#define MOST_RESULT_ROWS 1000

struct recorder {
    struct sl_test_recording *recording;
    struct sl_world *world;
    struct sl_arena *arena;
    struct sl_session *session;
    struct sl_step_context context;
    const char *path;
    struct sl_strs given;     // "raw.orders", "clean.customers"
    const char *first_sample; // SQL of the first one's rows
    const struct sl_node *first;
    struct sl_strs raw_names, raw_samples; // of sources: "orders" and the SQL of its rows
    struct sl_buf text;                    // of the file
    struct sl_record_watch watch;
};

static const struct sl_node *node_of(struct recorder *recorder, const char *table,
                                     struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&recorder->world->graph, table);
    if (node && node->kind != SL_NODE_INGEST && node->kind != SL_NODE_LOAD)
        return node;
    (void)sl_fail(err, SL_E_TABLE_MISSING, "'%s' is no table that a test can expect", table);
    (void)sl_err_hint(err, "a table clean.x, quarantine.x or curated.x: `sluice ls` lists them");
    return NULL;
}

static int need(struct recorder *recorder, const char *table, struct sl_err *err);
static int need_inputs(struct recorder *recorder, const struct sl_node *node, struct sl_err *err);

struct child {
    struct recorder *recorder;
    const struct sl_node *node;
};

static bool is_protected(const struct sl_contract_table *contract, const struct sl_strs *names)
{
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (contract->columns[i].personal.as != SL_PERSONAL_NONE &&
            sl_strs_has(names, contract->columns[i].name))
            return true;
    return false;
}

// A parent with protected keys is built from its source: what clean has of them is found from no
// row as received, and holds under one key of the project only.
static int need_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct child *child = self;
    struct recorder *recorder = child->recorder;
    const struct sl_node *parent = sl_graph_node(&recorder->world->graph, rule->parent);
    if (sl_str_equal(rule->parent, child->node->name))
        return SL_OK;
    if (!parent || parent->kind != SL_NODE_CLEANSE || !is_protected(parent->contract, &rule->to))
        return need(recorder, rule->parent, err);
    const char *raw = sl_arena_printf(recorder->arena, "raw.%s", parent->bare);
    SL_TRY_NEW(raw, err);
    return sl_strs_has(&recorder->given, raw) ? SL_OK : need_inputs(recorder, parent, err);
}

static int need_inputs(struct recorder *recorder, const struct sl_node *node, struct sl_err *err)
{
    if (node->kind == SL_NODE_CLEANSE) {
        const char *raw = sl_arena_printf(recorder->arena, "raw.%s", node->bare);
        struct child child = {recorder, node};
        SL_TRY_NEW(raw, err);
        SL_TRY(need(recorder, raw, err));
        return sl_contract_each_foreign_key(node->contract, need_parent, &child, err);
    }
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        const char *table = sl_arena_printf(recorder->arena, "%s.%s", ref->layer, ref->name);
        SL_TRY_NEW(table, err);
        SL_TRY(need(recorder, table, err));
    }
    return SL_OK;
}

// What is tested itself is built, everything else is given.
static int need(struct recorder *recorder, const char *table, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&recorder->world->graph, table);
    for (size_t i = 0; i < recorder->recording->tables.count; i++)
        if (sl_graph_node(&recorder->world->graph, recorder->recording->tables.items[i]) == node)
            return SL_OK;
    if (sl_strs_has(&recorder->given, table))
        return SL_OK;
    return sl_strs_add(&recorder->given, recorder->arena, table, err);
}

static int find_inputs(struct recorder *recorder, struct sl_err *err)
{
    const struct sl_strs *tables = &recorder->recording->tables;
    if (tables->count == 0)
        return sl_fail(err, SL_E_USAGE, "--record needs the tables to test: --from curated.x");
    for (size_t i = 0; i < tables->count; i++) {
        const struct sl_node *node = node_of(recorder, tables->items[i], err);
        if (!node)
            return err->code;
        SL_TRY(need_inputs(recorder, node, err));
    }
    return SL_OK;
}

// --- rows as YAML

static bool is_plain(const char *text, const char *type)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_.-");
    bool looks_typed = strspn(text, "0123456789.-+eE") == length || sl_str_equal(text, "true") ||
                       sl_str_equal(text, "false");
    if (length == 0 || text[length] != '\0' || sl_str_equal_nocase(text, "null") ||
        (text[0] == '-' && length == 1))
        return false;
    return !sl_str_equal(type, "VARCHAR") || !looks_typed;
}

static void add_value(struct sl_buf *text, const char *value, const char *type)
{
    bool is_nested =
        sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT") || sl_str_starts(type, "MAP");
    if (!value)
        sl_buf_add(text, "null");
    else if (is_nested || is_plain(value, type))
        sl_buf_add(text, value);
    else
        sl_buf_add_json_string(text, value);
}

static void add_name(struct sl_buf *text, const char *name)
{
    if (is_plain(name, "VARCHAR"))
        sl_buf_add(text, name);
    else
        sl_buf_add_json_string(text, name);
}

// --- the sample

// Columns of the input that the test gives.
static int list_columns(struct recorder *recorder, const char *table, struct sl_buf *sql,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf all = SL_BUF_INIT;
    struct sl_column *columns;
    size_t count, listed = 0;
    bool is_raw = sl_str_starts(table, "raw.");
    sl_buf_addf(&all, "select * from %s", table);
    SL_TRY(sl_buf_check(&all, err));
    SL_TRY(recorder->session->kind->describe(recorder->session, all.text, recorder->arena, &columns,
                                             &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *type = columns[i].type;
        bool is_nested =
            sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT") || sl_str_starts(type, "MAP");
        // A test has its own.
        bool is_own = sl_str_equal(columns[i].name, "_source") ||
                      sl_str_equal(columns[i].name, "_position") ||
                      (is_raw && (sl_str_equal(columns[i].name, "_ingested_at") ||
                                  sl_str_equal(columns[i].name, "_corrupt")));
        if (is_own)
            continue;
        sl_buf_add(sql, listed++ ? ", " : "");
        sl_buf_add(sql, is_nested ? "to_json(" : "");
        sl_buf_add_sql_name(sql, columns[i].name);
        sl_buf_add(sql, is_nested ? ") as " : " as ");
        sl_buf_add_sql_name(sql, columns[i].name);
    }
    return SL_OK;
}

static bool has_columns(const struct sl_result *result, const struct sl_strs *names)
{
    size_t found = 0;
    for (size_t i = 0; i < names->count; i++)
        for (size_t k = 0; k < sl_result_columns(result); k++)
            found += sl_str_equal(sl_result_name(result, k), names->items[i]);
    return names->count && found == names->count;
}

static int key_of(struct recorder *recorder, const struct sl_node *node, struct sl_strs *ret,
                  struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    if (node->kind == SL_NODE_MODEL)
        *ret = node->model->key;
    for (size_t i = 0; node->contract && i < node->contract->column_count; i++)
        if (node->contract->columns[i].key_position > 0)
            SL_TRY(sl_strs_add(ret, recorder->arena, node->contract->columns[i].name, err));
    return SL_OK;
}

static void add_key(struct sl_buf *sql, const struct sl_strs *key)
{
    for (size_t i = 0; i < key->count; i++) {
        sl_buf_add(sql, i ? ", cast(" : "cast(");
        sl_buf_add_sql_name(sql, key->items[i]);
        sl_buf_add(sql, " as varchar)"); // one of both may be raw
    }
}

struct link {
    const char *parent;
    const struct sl_rule *rule;
};

static int find_link(void *self, struct sl_rule *rule, struct sl_err *err)
{
    struct link *link = self;
    (void)err;
    if (!link->rule && sl_str_equal(rule->parent, link->parent))
        link->rule = rule;
    return SL_OK;
}

static const char *source_name(const struct sl_contract_table *contract, const char *column)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_str_equal(contract->columns[i].name, column))
            return contract->columns[i].source_name;
    return column;
}

// The names in raw; of no contract they stay as they are.
static int source_names(struct recorder *recorder, const struct sl_contract_table *contract,
                        const struct sl_strs *names, struct sl_strs *ret, struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    for (size_t i = 0; i < names->count; i++)
        SL_TRY(sl_strs_add(ret, recorder->arena,
                           contract ? source_name(contract, names->items[i]) : names->items[i],
                           err));
    return SL_OK;
}

// Rows that foreign keys of the rows of the index-th source lead to.
static int add_link(struct recorder *recorder, const struct sl_node *node, size_t index,
                    size_t *count, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_graph *graph = &recorder->world->graph;
    bool is_raw = node->kind == SL_NODE_INGEST;
    const char *child_name =
        sl_arena_printf(recorder->arena, "clean.%s", recorder->raw_names.items[index]);
    struct link link = {.parent = is_raw ? sl_arena_printf(recorder->arena, "clean.%s", node->bare)
                                         : node->name};
    SL_TRY_NEW(child_name, err);
    SL_TRY_NEW(link.parent, err);
    const struct sl_node *child = sl_graph_node(graph, child_name);
    const struct sl_node *parent = sl_graph_node(graph, link.parent);
    if (child && child->contract)
        SL_TRY(sl_contract_each_foreign_key(child->contract, find_link, &link, err));
    if (!link.rule)
        return SL_OK;
    struct sl_strs from, to;
    SL_TRY(source_names(recorder, child->contract, &link.rule->columns, &from, err));
    SL_TRY(source_names(recorder, is_raw && parent ? parent->contract : NULL, &link.rule->to, &to,
                        err));
    sl_buf_add(sql, (*count)++ ? " or (" : " (");
    add_key(sql, &to);
    sl_buf_add(sql, ") in (select (");
    add_key(sql, &from);
    sl_buf_addf(sql, ") from (%s))", recorder->raw_samples.items[index]);
    return SL_OK;
}

static int add_parents(struct recorder *recorder, const struct sl_node *node, size_t *ret_links,
                       struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf links = SL_BUF_INIT;
    *ret_links = 0;
    for (size_t i = 0; i < recorder->raw_names.count; i++)
        if (node->kind != SL_NODE_INGEST || !sl_str_equal(recorder->raw_names.items[i], node->bare))
            SL_TRY(add_link(recorder, node, i, ret_links, &links, err));
    SL_TRY(sl_buf_check(&links, err));
    if (*ret_links)
        sl_buf_addf(sql, " and (%s)", links.text);
    return SL_OK;
}

// Rows that belong to those of the first input, if the key of one of both is in the other.
static int add_semi_join(struct recorder *recorder, const struct sl_node *node, const char *table,
                         struct sl_buf *sql, struct sl_err *err)
{
    struct sl_strs keys[2];
    if (!recorder->first)
        return SL_OK;
    SL_TRY(key_of(recorder, node, &keys[0], err));
    SL_TRY(key_of(recorder, recorder->first, &keys[1], err));
    for (size_t i = 0; i < 2; i++) {
        SL_AUTO(sl_result_free) struct sl_result *own = NULL;
        SL_AUTO(sl_result_free) struct sl_result *first = NULL;
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        sl_buf_addf(&text, "select * from %s limit 0", table);
        SL_TRY(sl_buf_check(&text, err));
        SL_TRY(recorder->session->kind->query(recorder->session, text.text, 1, &own, err));
        SL_TRY(recorder->session->kind->query(recorder->session, recorder->first_sample, 1, &first,
                                              err));
        if (!has_columns(own, &keys[i]) || !has_columns(first, &keys[i]))
            continue;
        sl_buf_add(sql, " and (");
        add_key(sql, &keys[i]);
        sl_buf_add(sql, ") in (select (");
        add_key(sql, &keys[i]);
        sl_buf_addf(sql, ") from (%s))", recorder->first_sample);
        return SL_OK;
    }
    return SL_OK;
}

// What later samples are chosen by.
static int keep_sample(struct recorder *recorder, const struct sl_node *node, const char *sql,
                       struct sl_err *err)
{
    const char *kept = sl_arena_strdup(recorder->arena, sql);
    SL_TRY_NEW(kept, err);
    if (!recorder->first) {
        recorder->first = node;
        recorder->first_sample = kept;
    }
    if (node->kind != SL_NODE_INGEST)
        return SL_OK;
    SL_TRY(sl_strs_add(&recorder->raw_names, recorder->arena, node->bare, err));
    return sl_strs_add(&recorder->raw_samples, recorder->arena, kept, err);
}

static int sample(struct recorder *recorder, const char *table, struct sl_result **ret,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_node *node = sl_graph_node(&recorder->world->graph, table);
    enum sl_layer layer;
    const char *name;
    int64_t version;
    size_t links;
    if (!node || !sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table);
    SL_TRY(sl_step_view(&recorder->context, layer, name, -1, &version, err));
    sl_buf_add(&sql, "select ");
    SL_TRY(list_columns(recorder, table, &sql, err));
    sl_buf_addf(&sql, " from %s t where %s", table,
                layer == SL_LAYER_RAW ? "_corrupt is null" : "true");
    SL_TRY(add_parents(recorder, node, &links, &sql, err));
    if (!links && layer != SL_LAYER_RAW)
        SL_TRY(add_semi_join(recorder, node, table, &sql, err));
    // The same rows each time, and not just those of the first file.
    sl_buf_addf(&sql, " order by hash(t) limit %lld",
                (long long)recorder->recording->rows * (long long)(links ? links : 1));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(recorder->session->kind->query(recorder->session, sql.text, 0, ret, err));
    return keep_sample(recorder, node, sql.text, err);
}

static int watch(struct recorder *recorder, const char *table, const char *column,
                 struct sl_err *err)
{
    return sl_record_watch_add(&recorder->watch, table, column, &recorder->recording->unprotected,
                               err);
}

static int give(struct recorder *recorder, const char *table, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_buf *text = &recorder->text;
    bool is_raw = sl_str_starts(table, "raw.");
    SL_TRY(sample(recorder, table, &result, err));
    sl_buf_addf(text, "  %s:", is_raw ? sl_bare_table(table) : table);
    if (sl_result_rows(result) == 0)
        sl_buf_add(text, " []");
    sl_buf_add_char(text, '\n');
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        sl_buf_add(text, "    - {");
        for (size_t i = 0, listed = 0; i < sl_result_columns(result); i++) {
            const char *value = sl_result_text(result, row, i);
            if (!value && row > 0)
                continue; // the first row names them all
            if (value)
                SL_TRY(watch(recorder, table, sl_result_name(result, i), err));
            sl_buf_add(text, listed++ ? ", " : "");
            add_name(text, sl_result_name(result, i));
            sl_buf_add(text, ": ");
            add_value(text, value, sl_result_type(result, i));
        }
        sl_buf_add(text, "}\n");
    }
    recorder->recording->given += sl_result_rows(result);
    return SL_OK;
}

// --- what comes of it

static int expect_rows(struct recorder *recorder, const struct sl_test_outcome *outcome,
                       struct sl_err *err)
{
    struct sl_buf *text = &recorder->text;
    const struct sl_strs *tables = &recorder->recording->tables;
    for (size_t t = 0; t < tables->count; t++) {
        const struct sl_test_finding *finding = NULL;
        for (size_t i = 0; outcome && i < outcome->finding_count; i++)
            if (sl_str_equal(outcome->findings[i].table, tables->items[t]))
                finding = &outcome->findings[i];
        sl_buf_addf(text, "  %s:\n    columns: all\n    rows:%s\n", tables->items[t],
                    finding ? "" : " []");
        for (size_t i = 0; finding && i < finding->row_count; i++) {
            sl_buf_add(text, "      - {");
            for (size_t k = 0; k < finding->column_count; k++) {
                sl_buf_add(text, k ? ", " : "");
                add_name(text, finding->columns[k]);
                sl_buf_add(text, ": ");
                const char *value = finding->rows[i].actual[k];
                if (value)
                    SL_TRY(watch(recorder, tables->items[t], finding->columns[k], err));
                if (value && is_plain(value, ""))
                    sl_buf_add(text, value);
                else
                    add_value(text, value, "VARCHAR");
            }
            sl_buf_add(text, "}\n");
        }
        recorder->recording->expected += finding ? finding->total : 0;
    }
    return SL_OK;
}

static int write_file(struct recorder *recorder, struct sl_err *err)
{
    const char *folder = sl_path_folder(recorder->arena, recorder->path);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_buf_check(&recorder->text, err));
    SL_TRY(sl_fs_mkdirs(folder, err));
    return sl_fs_write(recorder->path, recorder->text.text, recorder->text.length, err);
}

// Reads the file as `sluice test` does, and runs it.
static int try_file(struct recorder *recorder, struct sl_test_outcome *outcome, struct sl_err *err)
{
    struct sl_test_suite suite;
    SL_TRY(sl_test_suite_load(recorder->world, &suite, err));
    SL_TRY(sl_world_require_valid(recorder->world, err));
    struct sl_test_options options = {.shown_rows = MOST_RESULT_ROWS};
    for (size_t i = 0; i < suite.count; i++) {
        const struct sl_test_case *test = &suite.cases[i];
        if (sl_str_equal(test->test->file, recorder->recording->file))
            return sl_test_run(recorder->world, &test, 1, &options, outcome, err);
    }
    return sl_fail(err, SL_E_INTERNAL, "the test that was written is not there");
}

static int outcome_failed(const struct sl_test_outcome *outcome, struct sl_err *err)
{
    for (size_t i = 0; i < outcome->finding_count; i++) {
        const struct sl_test_finding *finding = &outcome->findings[i];
        if (!finding->table) {
            *err = finding->err;
            return err->code;
        }
        if (finding->total > MOST_RESULT_ROWS)
            return sl_fail(err, SL_E_LIMIT, "%lld rows come of the sample, at most %d are recorded",
                           (long long)finding->total, MOST_RESULT_ROWS);
    }
    return SL_OK;
}

static void outcome_clear(struct sl_test_outcome *outcome)
{
    sl_arena_clear(&outcome->arena);
}

static int write_test(struct recorder *recorder, struct sl_err *err)
{
    SL_AUTO(outcome_clear) struct sl_test_outcome outcome = {0};
    SL_AUTO(outcome_clear) struct sl_test_outcome again = {0};
    char clock[32];
    sl_buf_addf(&recorder->text,
                "# yaml-language-server: $schema=../.sluice/schema/test.json\nname: %s, as recorded"
                "\nclock: \"%.19sZ\"\ngiven:\n",
                recorder->recording->name, sl_clock_format(sl_clock_now_us(), clock));
    for (size_t i = 0; i < recorder->given.count; i++)
        SL_TRY(give(recorder, recorder->given.items[i], err));
    sl_buf_add(&recorder->text, "expect:\n");
    size_t begin = recorder->text.length;
    SL_TRY(expect_rows(recorder, NULL, err));
    SL_TRY(write_file(recorder, err));
    SL_TRY(try_file(recorder, &outcome, err));
    SL_TRY(outcome_failed(&outcome, err));
    recorder->text.length = begin;
    recorder->text.text[begin] = '\0';
    SL_TRY(expect_rows(recorder, &outcome, err));
    SL_TRY(write_file(recorder, err));
    SL_TRY(try_file(recorder, &again, err));
    if (again.status == SL_TEST_PASSED)
        return SL_OK;
    *err = again.findings[0].err;
    return sl_err_context(err, "what was recorded does not come out the same twice");
}

static void recorder_clear(struct recorder *recorder)
{
    sl_buf_clear(&recorder->text);
    sl_session_close(&recorder->session);
    sl_record_watch_clear(&recorder->watch);
}

int sl_test_record(struct sl_test_recording *recording, struct sl_err *err)
{
    struct sl_world *world = recording->world;
    SL_AUTO(recorder_clear)
    struct recorder recorder = {.recording = recording, .world = world, .arena = &world->arena};
    sl_buf_init(&recorder.text);
    size_t plain = strspn(recording->name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (plain == 0 || recording->name[plain])
        return sl_fail(err, SL_E_USAGE,
                       "--record is '%s', expected lower-case letters, digits and underscores",
                       recording->name);
    if (recording->rows < 1)
        return sl_fail(err, SL_E_USAGE, "--rows is '%lld', expected 1 or more",
                       (long long)recording->rows);
    recording->file = sl_arena_printf(recorder.arena, "tests/%s.yml", recording->name);
    SL_TRY_NEW(recording->file, err);
    recorder.path = sl_path_join(recorder.arena, world->project->folder, recording->file);
    SL_TRY_NEW(recorder.path, err);
    bool was_there = sl_fs_exists(recorder.path);
    if (was_there && !recording->overwrites) {
        (void)sl_fail(err, SL_E_FILE_EXISTS, "there is a test '%s'", recording->file);
        return sl_err_hint(err, "another name, or --force to overwrite it");
    }
    SL_TRY(find_inputs(&recorder, err));
    SL_TRY(sl_record_watch_open(world, &recorder.watch, err));
    SL_TRY(sl_world_session(world, &recorder.session, err));
    recorder.context = (struct sl_step_context){.project = world->project,
                                                .session = recorder.session,
                                                .arena = recorder.arena,
                                                .run_id = ""};
    int code = write_test(&recorder, err);
    if (code != SL_OK && !was_there && sl_fs_remove(recorder.path, NULL) != SL_OK)
        return code; // it says that it is recorded; the next --record needs --force
    return code;
}
