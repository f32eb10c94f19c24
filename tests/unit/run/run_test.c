#include "run_test.h"

#include "api/kinds.h"
#include "base/log.h"
#include "connect/file/source.h"
#include "connect/folder/target.h"
#include "engine/duckdb/duckdb_engine.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#define PATIENCE_S 20

// --- an engine that can be made to wait

static struct sl_engine_kind meeting_engine;
// Steps run in processes of their own.
static struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t has_come;
    int wanted, present;
    bool was_missed;
} * meeting;

static void share_meeting(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    void *at =
        mmap(NULL, sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(at != MAP_FAILED);
    meeting = at;
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&meeting->lock, &mutex);
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&meeting->has_come, &condition);
}

static void wait_for_others(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&meeting->lock);
    meeting->present++;
    pthread_cond_broadcast(&meeting->has_come);
    while (meeting->present < meeting->wanted && !meeting->was_missed)
        if (pthread_cond_timedwait(&meeting->has_come, &meeting->lock, &until) == ETIMEDOUT)
            meeting->was_missed = true;
    pthread_mutex_unlock(&meeting->lock);
}

static int connect_and_wait(struct sl_engine *engine, struct sl_session **ret, struct sl_err *err)
{
    SL_TRY(sl_engine_duckdb.connect(engine, ret, err));
    wait_for_others();
    return SL_OK;
}

static int open_engine(const struct sl_engine_options *options, struct sl_engine **ret,
                       struct sl_err *err)
{
    SL_TRY(sl_engine_duckdb.open(options, ret, err));
    (*ret)->kind = &meeting_engine;
    return SL_OK;
}

static const struct sl_engine_kind *const engines[] = {&meeting_engine, NULL};
static const struct sl_target_kind *const targets[] = {&sl_target_csv, NULL};
static const struct sl_source_kind *const sources[] = {&sl_source_file, NULL};
const struct sl_kinds sl_kinds = {.engines = engines, .targets = targets, .sources = sources};

void meet(int count)
{
    pthread_mutex_lock(&meeting->lock);
    meeting->wanted = count;
    meeting->present = 0;
    meeting->was_missed = false;
    pthread_mutex_unlock(&meeting->lock);
}

bool meeting_was_held(void)
{
    pthread_mutex_lock(&meeting->lock);
    bool was_held = meeting->present >= meeting->wanted && !meeting->was_missed;
    pthread_mutex_unlock(&meeting->lock);
    return was_held;
}

// --- projects

int begin(void **state)
{
    if (!meeting)
        share_meeting();
    meeting_engine = sl_engine_duckdb;
    meeting_engine.open = open_engine;
    meeting_engine.connect = connect_and_wait;
    meet(0);
    sl_log_open(STDERR_FILENO, SL_LOG_TEXT, SL_LOG_ERROR);
    if (enter_folder(state) != 0)
        return -1;
    put("sluice.yml", "name: shop\nchecks: {requirements: off}\nengine: {threads: 2}\n");
    return 0;
}

int end(void **state)
{
    return leave_folder(state);
}

void put(const char *path, const char *text)
{
    struct sl_arena arena = {0};
    struct sl_err err = {0};

    sl_arena_init(&arena, 0);
    assert_int_equal(sl_fs_mkdirs(sl_path_folder(&arena, path), &err), SL_OK);
    sl_arena_clear(&arena);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void put_files(const struct file *files)
{
    for (size_t i = 0; i < MOST_FILES && files[i].path; i++)
        put(files[i].path, files[i].text);
}

void put_sources(void)
{
    put("data/orders-1.csv",
        "id,day,amount\n1,2026-01-01,1.50\n2,2026-01-02,2.50\nx,2026-01-02,1\n");
    put("sources/orders.yml", "path: data/orders-*.csv\n");
    put("contracts/orders.yml",
        "apiVersion: v3.0.2\nkind: DataContract\nid: orders\nname: orders\nversion: 1.0.0\n"
        "status: active\nschema:\n  - name: orders\n    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true}\n"
        "      - {name: day, logicalType: date}\n"
        "      - {name: amount, logicalType: number, physicalType: \"decimal(9,2)\"}\n");
    put("data/customers.csv", "id,name\n1,Ada\n");
    put("sources/customers.yml", "path: data/customers.csv\n");
    put("contracts/customers.yml",
        "apiVersion: v3.0.2\nkind: DataContract\nid: customers\nname: customers\nversion: 1.0.0\n"
        "status: active\nschema:\n  - name: customers\n    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true}\n"
        "      - {name: name, logicalType: string}\n");
}

// --- worlds and runs

void open_world(struct sl_world *world)
{
    struct sl_world_options options = {.resolve_secrets = true};
    struct sl_err err = {0};

    if (sl_world_open(&options, world, &err) != SL_OK)
        fail_msg("%s", err.message);
}

void open_plan(struct sl_world *world, const char *select)
{
    struct sl_strs in = {.items = &select, .count = select ? 1 : 0}, out = {0};
    struct sl_err err = {0};

    open_world(world);
    if (world->project->diags.count)
        fail_msg("%s", world->project->diags.items[0].err.message);
    if (sl_world_gather(world, true, &err) != SL_OK ||
        sl_graph_select(&world->graph, &in, &out, &world->arena, &err) != SL_OK ||
        sl_plan_decide(&world->graph, false, &world->arena, &err) != SL_OK)
        fail_msg("%s", err.message);
}

struct sl_node *node_of(struct sl_world *world, const char *name)
{
    struct sl_node *node = sl_graph_node(&world->graph, name);

    if (!node)
        fail_msg("there is no step '%s'", name);
    return node;
}

static void note(struct seen *seen, const char *sign, const struct sl_outcome *outcome)
{
    const char *event = sl_arena_printf(&seen->arena, "%s%s", sign, outcome->node->name);

    assert_non_null(event);
    assert_true(seen->count < COUNT_OF(seen->events));
    seen->events[seen->count++] = event;
}

static void on_start(void *self, const struct sl_outcome *outcome)
{
    struct seen *seen = self;

    note(seen, "+", outcome);
    if (++seen->running > seen->most_running)
        seen->most_running = seen->running;
}

static bool was_started(const struct sl_outcome *outcome)
{
    return outcome->status != SL_STATUS_SKIPPED && outcome->status != SL_STATUS_NOTHING;
}

static void on_end(void *self, const struct sl_outcome *outcome)
{
    struct seen *seen = self;

    note(seen, "-", outcome);
    seen->running -= was_started(outcome);
}

void seen_clear(struct seen *seen)
{
    sl_arena_clear(&seen->arena);
}

size_t place_of(const struct seen *seen, const char *event)
{
    for (size_t i = 0; i < seen->count; i++)
        if (strcmp(seen->events[i], event) == 0)
            return i;
    fail_msg("'%s' did not happen", event);
    return 0;
}

void run_all(struct sl_world *world, int64_t jobs, bool fail_fast, struct seen *seen,
             struct sl_run *ret)
{
    struct sl_listener listener = {.on_start = on_start, .on_end = on_end, .self = seen};
    struct sl_run_options options = {
        .command = "run", .concurrency = jobs, .fail_fast = fail_fast, .listener = &listener};
    struct sl_err err = {0};

    *seen = (struct seen){0};
    sl_arena_init(&seen->arena, 0);
    if (sl_run(world, &options, ret, &err) != SL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(seen->running, 0);
}

const struct sl_outcome *outcome_of(const struct sl_run *run, const char *name)
{
    for (size_t i = 0; i < run->count; i++)
        if (strcmp(run->outcomes[i].node->name, name) == 0)
            return &run->outcomes[i];
    fail_msg("there is no step '%s'", name);
    return NULL;
}
