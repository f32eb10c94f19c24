// The time of a test's run, for whoever asks the engine: macros that hide its functions, in a
// catalogue for each time. Sessions look there after their own: to make the macros in each of them
// took a tenth of a test's time.
#include "run/test_lake.h"
#include "run/test_suite.h"

// Everything that says what time it is, in the words of the engine.
static void add_macros(const char *catalogue, int64_t clock_us, struct sl_buf *sql)
{
    static const struct {
        const char *name, *type;
    } functions[] = {
        {"now", "TIMESTAMP WITH TIME ZONE"},
        {"get_current_timestamp", "TIMESTAMP WITH TIME ZONE"},
        {"transaction_timestamp", "TIMESTAMP WITH TIME ZONE"},
        {"current_timestamp", "TIMESTAMP WITH TIME ZONE"},
        {"current_localtimestamp", "TIMESTAMP"},
        {"current_date", "DATE"},
        {"today", "DATE"},
        {"current_localtime", "TIME"},
        {"current_time", "TIME"},
        {"get_current_time", "TIME"},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        sl_buf_addf(sql, "create macro %s.main.%s() as cast(make_timestamp(%lld::BIGINT) as %s);",
                    catalogue, functions[i].name, (long long)clock_us, functions[i].type);
    sl_buf_addf(sql,
                "create macro %s.main.age(a) as "
                "system.main.age(cast(make_timestamp(%lld::BIGINT) as date)::timestamp, "
                "a::timestamp), (a, b) as system.main.age(a, b);",
                catalogue, (long long)clock_us);
}

static const struct sl_test_clock *find_clock(const struct sl_test_clocks *clocks, int64_t clock_us)
{
    for (size_t i = 0; i < clocks->count; i++)
        if (clocks->items[i].clock_us == clock_us)
            return &clocks->items[i];
    return NULL;
}

static int make_clock(struct sl_test_bench *bench, struct sl_session *session, int64_t clock_us,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_test_clocks *clocks = &bench->clocks;
    struct sl_test_clock clock = {.clock_us = clock_us};
    if (find_clock(clocks, clock_us))
        return SL_OK;
    clock.catalogue = sl_arena_printf(&bench->world->arena, "sluice_clock_%zu", clocks->count);
    SL_TRY_NEW(clock.catalogue, err);
    SL_TRY(session->kind->attach(session, ":memory:", "duckdb", clock.catalogue, err));
    if (!SL_PUSH(&bench->world->arena, clocks->items, clocks->count, clock))
        return sl_fail_memory(err);
    add_macros(clock.catalogue, clock_us, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

int sl_test_make_clocks(struct sl_test_bench *bench, struct sl_session *session,
                        const struct sl_test *test, struct sl_err *err)
{
    for (size_t i = 0; i < test->run_count; i++)
        SL_TRY(make_clock(bench, session, test->runs[i].clock_us, err));
    return SL_OK;
}

int sl_test_drop_clocks(struct sl_test_bench *bench, struct sl_session *session, struct sl_err *err)
{
    for (size_t i = 0; i < bench->clocks.count; i++)
        SL_TRY(session->kind->detach(session, bench->clocks.items[i].catalogue, err));
    bench->clocks.count = 0;
    return SL_OK;
}

int sl_test_session(struct sl_test_lake *lake, struct sl_session **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_test_clock *clock = find_clock(lake->clocks, lake->clock_us);
    if (!clock)
        return sl_fail(err, SL_E_INTERNAL, "no clock was made for the time of the run");
    sl_buf_addf(&sql, "set search_path = current_database() || '.main,%s.main'", clock->catalogue);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_world_session(&lake->world, ret, err));
    return (*ret)->kind->exec(*ret, sql.text, NULL, err);
}
