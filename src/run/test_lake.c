// One test: a lake in a folder of its own, and the steps that the test takes.
#include "run/test_lake.h"

#include "base/fs.h"
#include "run/mutate.h"
#include "run/test_suite.h"

#include <string.h>

struct sl_step_context sl_test_context(struct sl_test_lake *lake, struct sl_session *session)
{
    return (struct sl_step_context){.project = &lake->project,
                                    .session = session,
                                    .arena = lake->arena,
                                    .run_id = "test",
                                    .now_us = lake->clock_us,
                                    .accepted = lake->accepted,
                                    .has_few_rows = true,
                                    .stop = lake->stop};
}

struct sl_test_finding *sl_test_find(struct sl_test_lake *lake, const struct sl_err *err,
                                     const char *table)
{
    struct sl_test_finding finding = {.err = *err, .run = lake->run, .table = table};
    struct sl_test_outcome *outcome = lake->outcome;
    return SL_PUSH(lake->arena, outcome->findings, outcome->finding_count, finding)
               ? &outcome->findings[outcome->finding_count - 1]
               : NULL;
}

static const struct sl_source *own_source(const struct sl_test_lake *lake,
                                          const struct sl_node *node)
{
    for (size_t i = 0; i < lake->project.source_count; i++)
        if (sl_str_equal(lake->project.sources[i].name, node->bare))
            return &lake->project.sources[i];
    return node->source;
}

// Tests give few rows, and bad ones on purpose: no budget ends them.
static int cleanse(struct sl_test_lake *lake, const struct sl_node *node,
                   struct sl_step_context *context, struct sl_step_result *ret, struct sl_err *err)
{
    const struct sl_mutant *mutant = lake->mutant;
    struct sl_contract_table contract =
        mutant && mutant->node == node ? *mutant->contract : *node->contract;
    contract.has_budget = false;
    return sl_step_cleanse(context, own_source(lake, node), &contract, ret, err);
}

static int do_node(struct sl_test_lake *lake, const struct sl_node *node, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_step_result result = {0};
    struct sl_query query = {0};
    bool is_mutant = lake->mutant && lake->mutant->node == node;
    SL_TRY(sl_test_session(lake, &session, err));
    struct sl_step_context context = sl_test_context(lake, session);
    switch (node->kind) {
    case SL_NODE_INGEST:
        SL_TRY(sl_step_ingest(&context, own_source(lake, node), &result, err));
        break;
    case SL_NODE_CLEANSE:
        SL_TRY(cleanse(lake, node, &context, &result, err));
        break;
    case SL_NODE_MODEL:
        SL_TRY(sl_world_query(&lake->world, node, session, lake->arena, &query, err));
        SL_TRY(sl_step_model(&context, is_mutant ? lake->mutant->model : node->model, &query,
                             node->fingerprint, &result, err));
        break;
    case SL_NODE_LOAD:
    case SL_NODE_TASK:
        break;
    }
    if (result.outcome == SL_STEP_PARTIAL)
        return sl_fail(err, SL_E_SOURCE_FILE, "%s",
                       result.notes.count ? result.notes.items[0] : "a file cannot be read");
    return SL_OK;
}

static const struct sl_test_failure *expected_failure(const struct sl_test_run *run,
                                                      const struct sl_node *node,
                                                      const struct sl_graph *graph)
{
    for (size_t i = 0; i < run->failure_count; i++)
        if (sl_graph_node(graph, run->failures[i].table) == node)
            return &run->failures[i];
    return NULL;
}

// What a step came to, against what the test expects.
static int judge(struct sl_test_lake *lake, const struct sl_node *node,
                 const struct sl_test_failure *expected, const struct sl_err *failure,
                 struct sl_err *err)
{
    struct sl_err finding = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf said = SL_BUF_INIT;
    if (failure->code == SL_OK && !expected)
        return SL_OK;
    if (failure->code == SL_OK) {
        (void)sl_fail(&finding, SL_E_TEST, "'%s' was built, and should have failed", node->name);
        (void)sl_err_at(&finding, expected->place.file, expected->place.line,
                        expected->place.column);
    } else {
        sl_buf_addf(&said, "%s %s", sl_code_info(failure->code)->id, failure->message);
        SL_TRY(sl_buf_check(&said, err));
        if (expected && strstr(said.text, expected->text))
            return SL_OK;
        finding = *failure;
        (void)sl_err_context(&finding, expected ? "%s fails otherwise" : "%s", node->label);
    }
    return sl_test_find(lake, &finding, NULL) ? SL_OK : sl_fail_memory(err);
}

static bool is_blocked(const struct sl_node *node, const bool *has_failed)
{
    for (size_t i = 0; i < node->upstream_count; i++)
        if (has_failed[node->upstream[i]])
            return true;
    return false;
}

static int do_nodes(struct sl_test_lake *lake, const struct sl_test_run *run, bool *has_failed,
                    struct sl_err *err)
{
    const struct sl_graph *graph = &lake->world.graph;
    for (size_t i = 0; i < lake->test->node_count; i++) {
        size_t index = lake->test->nodes[i];
        const struct sl_node *node = &graph->nodes[index];
        struct sl_err failure = {0};
        has_failed[index] = is_blocked(node, has_failed);
        if (has_failed[index])
            continue;
        int code = do_node(lake, node, &failure);
        if (code == SL_E_INTERRUPTED || code == SL_E_MEMORY) {
            *err = failure;
            return code;
        }
        has_failed[index] = code != SL_OK;
        SL_TRY(judge(lake, node, expected_failure(run, node, graph), &failure, err));
    }
    return SL_OK;
}

// An expectation that cannot be compared is not met; the others are looked at all the same.
static int compare(struct sl_test_lake *lake, const struct sl_test_table *table, struct sl_err *err)
{
    struct sl_err failure = {0};
    int code = sl_test_compare(lake, table, &failure);
    if (code == SL_OK)
        return SL_OK;
    if (code != SL_E_INTERRUPTED && code != SL_E_MEMORY)
        return sl_test_find(lake, &failure, NULL) ? SL_OK : sl_fail_memory(err);
    *err = failure;
    return code;
}

static int do_run(struct sl_test_lake *lake, const struct sl_test_run *run, struct sl_err *err)
{
    const struct sl_graph *graph = &lake->world.graph;
    bool *has_failed = SL_NEW_ARRAY(lake->arena, bool, graph->count);
    SL_TRY_NEW(has_failed, err);
    SL_TRY(sl_test_give(lake, run, err));
    SL_TRY(do_nodes(lake, run, has_failed, err));
    for (size_t i = 0; i < run->expected_count; i++) {
        const struct sl_node *node = sl_graph_node(graph, run->expected[i].table);
        bool may_have_failed = node && expected_failure(run, node, graph);
        if (node && (!has_failed[node - graph->nodes] || may_have_failed))
            SL_TRY(compare(lake, &run->expected[i], err));
    }
    return SL_OK;
}

// The project as the test sees it: other places, the same code.
static int move_project(struct sl_test_lake *lake, const struct sl_project *project,
                        struct sl_err *err)
{
    struct sl_arena *arena = lake->arena;
    struct sl_project *own = &lake->project;
    *own = *project;
    own->folder = lake->folder;
    own->lake_folder = sl_path_join(arena, lake->folder, "lake");
    own->state_folder = sl_path_join(arena, lake->folder, "state");
    own->state_url = NULL;
    own->read_lake = NULL;
    own->budget = (struct sl_budget){.max_share = 1, .max_rows = -1};
    own->sources = SL_NEW_ARRAY(arena, struct sl_source, project->source_count);
    SL_TRY_NEW(own->lake_folder, err);
    SL_TRY_NEW(own->state_folder, err);
    SL_TRY_NEW(own->sources, err);
    for (size_t i = 0; i < own->source_count; i++) {
        struct sl_source *source = &own->sources[i];
        *source = project->sources[i];
        source->budget = own->budget;
        source->paths = (struct sl_strs){0};
        const char *path = sl_arena_printf(arena, "%s/files/%s/*", lake->folder, source->name);
        SL_TRY_NEW(path, err);
        SL_TRY(sl_strs_add(&source->paths, arena, path, err));
    }
    return SL_OK;
}

int sl_test_do(struct sl_test_bench *bench, struct sl_test_outcome *outcome, const char *folder,
               struct sl_err *err)
{
    struct sl_test_lake lake = {.test = outcome->test,
                                .outcome = outcome,
                                .clocks = &bench->clocks,
                                .accepted = &bench->world->accepted,
                                .catalog = bench->catalog,
                                .folder = folder,
                                .project_folder = bench->world->project->folder,
                                .arena = &outcome->arena,
                                .stop = &bench->stop,
                                .mutant = bench->mutant,
                                .shown_rows = bench->shown_rows};
    lake.world = *bench->world;
    lake.world.project = &lake.project;
    pthread_mutex_init(&lake.world.engine_lock, NULL);
    int code = move_project(&lake, bench->world->project, err);
    const struct sl_test *test = outcome->test->test;
    for (; code == SL_OK && lake.run < test->run_count; lake.run++) {
        lake.clock_us = test->runs[lake.run].clock_us;
        code = do_run(&lake, &test->runs[lake.run], err);
        if (outcome->finding_count)
            break; // the runs after it build on what is wrong
    }
    pthread_mutex_destroy(&lake.world.engine_lock);
    return code;
}
