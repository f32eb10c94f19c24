// sluice verify: builds a publication again from raw, and compares.
#include "run/verify.h"

#include "base/clock.h"
#include "cli/lake.h"

#include <string.h>

#define SHOW_EVERY_US 200000

struct verify_options {
    struct sl_common common;
    const char *name;
    struct sl_strs select, exclude;
    int64_t limit;
    bool keep;
};

static const struct sl_opt rows[] = {
    {"name", SL_OPT_STRING, offsetof(struct verify_options, name), NULL,
     "The publication: its number (#12), or the run that made it; the newest, `published`, if "
     "nothing is said.",
     SL_OPT_POSITIONAL, .placeholder = "RUN"},
    {"select", SL_OPT_STRINGS, offsetof(struct verify_options, select), NULL,
     "Tables to verify, as `run` takes them; what they are built from is built again as well.",
     SL_OPT_WORDS, .letter = 's', .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct verify_options, exclude), NULL,
     "Tables to leave out.", SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"limit", SL_OPT_INT, offsetof(struct verify_options, limit), "5",
     "Example rows of each table that differs.", 0, .letter = 'n', .placeholder = "N"},
    {"keep", SL_OPT_BOOL, offsetof(struct verify_options, keep), "false",
     "Leave the lake that was built, and say where it is.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int find_publication(const struct verify_options *options, struct sl_lake *lake,
                            struct sl_publication *ret, struct sl_err *err)
{
    const struct sl_project *project = lake->world.project;
    if (options->name && !sl_str_equal(options->name, "published"))
        return sl_publication_named(project, options->name, &lake->world.arena, ret, err);
    SL_TRY(sl_publication_last(project, &lake->world.arena, ret, err));
    if (ret->number > 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_PUBLICATION, "nothing was published yet");
    return sl_err_hint(err, "`sluice run` ends in a publication");
}

// --- while it goes

struct progress {
    int64_t shown_us, ended;
    bool is_live, is_shown;
};

static void on_start(void *self, const struct sl_outcome *outcome)
{
    (void)self;
    (void)outcome;
}

static void on_end(void *self, const struct sl_outcome *outcome)
{
    struct progress *progress = self;
    (void)outcome;
    progress->ended++;
}

static void on_tick(void *self, const struct sl_outcome *const *running, size_t count)
{
    struct progress *progress = self;
    int64_t now_us = sl_clock_monotonic_us();
    if (!progress->is_live || !count || now_us - progress->shown_us < SHOW_EVERY_US)
        return;
    progress->shown_us = now_us;
    progress->is_shown = true;
    fprintf(stderr, "\r\033[Kbuilding %s again, %lld steps done", running[0]->node->name,
            (long long)progress->ended);
}

static void on_interrupt(void *self, int times)
{
    (void)self;
    (void)times;
}

// --- what came of it

static int64_t count_verdict(const struct sl_verify *verify, enum sl_verdict_of_table verdict)
{
    int64_t count = 0;
    for (size_t i = 0; i < verify->count; i++)
        count += verify->tables[i].verdict == verdict;
    return count;
}

static void join(const struct sl_strs *names, struct sl_buf *text)
{
    for (size_t i = 0; i < names->count; i++)
        sl_buf_addf(text, "%s%s", i ? ", " : "", names->items[i]);
}

static void describe(const struct sl_verified *table, struct sl_buf *text)
{
    char count[64];
    if (table->verdict == SL_VERIFIED_EQUAL && table->rounded.count) {
        sl_buf_add(text, "but for the last digits of ");
        join(&table->rounded, text);
    }
    if (table->why)
        sl_buf_add(text, table->why);
    if (table->verdict != SL_VERIFIED_DIFFERENT && table->verdict != SL_VERIFIED_UNREPEATABLE)
        return;
    if (table->missing)
        sl_buf_addf(text, "; only published: %s", sl_count_of(table->missing, "row", count));
    if (table->extra)
        sl_buf_addf(text, "; only rebuilt: %s", sl_count_of(table->extra, "row", count));
    if (table->differing)
        sl_buf_addf(text, "; different: %s", sl_count_of(table->differing, "row", count));
    if (table->columns.count) {
        sl_buf_add(text, ", in ");
        join(&table->columns, text);
    }
}

static int print_grid(const struct sl_verify *verify, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 6, 0x16);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"table", "version", "rows", "digest", "time", ""}, err));
    for (size_t i = 0; i < verify->count; i++) {
        const struct sl_verified *table = &verify->tables[i];
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        char version[32], count[32], time[32];
        describe(table, &text);
        SL_TRY(sl_buf_check(&text, err));
        const char *cells[] = {
            sl_arena_strdup(arena, table->table),
            sl_arena_strdup(arena, sl_str_count(table->version, version)),
            table->rows < 0 ? "" : sl_arena_strdup(arena, sl_str_count(table->rows, count)),
            sl_verified_name(table->verdict),
            table->took_us ? sl_arena_strdup(arena, sl_str_elapsed(table->took_us / 1000, time))
                           : "",
            sl_arena_strdup(arena, text.text ? text.text : "")};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    return sl_grid_print(&grid, stdout, err);
}

// {"_diff": "differs", "id": 3, "amount_a": 1, "amount_b": 2} as "id 3: amount 1, rebuilt 2".
static int print_example(const char *json, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *row = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *key;
    json_t *value;
    SL_TRY(sl_json_parse_data(json, strlen(json), "example", &row, err));
    const char *kind = sl_json_text(row, "_diff", "");
    sl_buf_add(&text, sl_str_equal(kind, "only_a")   ? "  only published:"
                      : sl_str_equal(kind, "only_b") ? "  only rebuilt:"
                                                     : "  published, rebuilt:");
    json_object_foreach (row, key, value) {
        char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        SL_TRY_NEW(shown, err);
        if (!sl_str_equal(key, "_diff") && !json_is_null(value))
            sl_buf_addf(&text, " %s=%s", key, shown);
        free(shown);
    }
    SL_TRY(sl_buf_check(&text, err));
    sl_put_plain(stdout, text.text);
    putchar('\n');
    return SL_OK;
}

static int print_examples(const struct sl_verify *verify, struct sl_err *err)
{
    for (size_t i = 0; i < verify->count; i++) {
        const struct sl_verified *table = &verify->tables[i];
        if (table->examples.count)
            printf("\n%s (_a: published, _b: rebuilt)\n", table->table);
        for (size_t k = 0; k < table->examples.count; k++)
            SL_TRY(print_example(table->examples.items[k], err));
    }
    return SL_OK;
}

static int print_not_judged(const struct sl_verify *verify, struct sl_err *err)
{
    for (size_t i = 0; i < verify->count; i++) {
        const struct sl_verified *table = &verify->tables[i];
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        if (!table->not_judged.count)
            continue;
        sl_buf_addf(&text, "%s: not judged again: ", table->table);
        join(&table->not_judged, &text);
        SL_TRY(sl_buf_check(&text, err));
        sl_put_plain(stdout, text.text);
        putchar('\n');
    }
    return SL_OK;
}

static void print_summary(const struct verify_options *options,
                          const struct sl_publication *publication, const struct sl_verify *verify)
{
    char tables[64];
    printf("\npublication #%lld of run %.8s: %lld of %s equal what is built from raw\n",
           (long long)publication->number, publication->run_id,
           (long long)count_verdict(verify, SL_VERIFIED_EQUAL),
           sl_count_of((int64_t)verify->count, "table", tables));
    if (options->keep)
        printf("kept: %s\n", verify->folder);
}

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static json_t *count_or_null(int64_t count)
{
    return count < 0 ? json_null() : json_integer(count);
}

static int add_table(json_t *list, const struct sl_verified *table, struct sl_err *err)
{
    json_t *examples = json_array();
    json_t *object = json_pack(
        "{s:s, s:I, s:s, s:b, s:s?, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o}", "table",
        table->table, "version", (json_int_t)table->version, "result",
        sl_verified_name(table->verdict), "holds", table->verdict == SL_VERIFIED_EQUAL, "why",
        table->why, "rows", count_or_null(table->rows), "rebuilt", count_or_null(table->rebuilt),
        "only_published", (json_int_t)table->missing, "only_rebuilt", (json_int_t)table->extra,
        "differing", (json_int_t)table->differing, "columns", sl_json_strs(&table->columns),
        "rounded", sl_json_strs(&table->rounded), "not_judged", sl_json_strs(&table->not_judged),
        "elapsed_ms", (json_int_t)(table->took_us / 1000), "examples", examples);
    if (!object || json_array_append_new(list, object) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < table->examples.count; i++) {
        const char *text = table->examples.items[i];
        json_t *example = NULL;
        SL_TRY(sl_json_parse_data(text, strlen(text), "example", &example, err));
        if (json_array_append_new(examples, example) != 0)
            return sl_fail_memory(err);
    }
    const struct sl_balance *balance = &table->balance;
    if (!table->has_balance)
        return SL_OK;
    return set(object, "balance",
               json_pack("{s:I, s:I, s:I, s:I, s:I}", "in", (json_int_t)balance->in, "out",
                         (json_int_t)balance->out, "quarantined", (json_int_t)balance->quarantined,
                         "deduplicated", (json_int_t)balance->deduplicated, "filtered",
                         (json_int_t)balance->filtered),
               err);
}

static int print_json(const struct verify_options *options,
                      const struct sl_publication *publication, const struct sl_verify *verify,
                      struct sl_err *err)
{
    json_t *tables = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:b, s:{s:I, s:s}, s:s?, s:o}", "schema", "sluice.verify/1",
                             "holds", sl_verify_holds(verify), "publication", "number",
                             (json_int_t)publication->number, "run_id", publication->run_id,
                             "folder", options->keep ? verify->folder : NULL, "tables", tables);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < verify->count; i++)
        SL_TRY(add_table(tables, &verify->tables[i], err));
    return sl_print_json(root, err);
}

static int run_verify(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct verify_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    struct sl_publication publication;
    struct sl_verify verify;
    struct progress progress = {.is_live = sl_is_terminal(stderr) && !options->common.is_quiet &&
                                           options->common.log_format == SL_LOG_TEXT};
    struct sl_listener listener = {.on_start = on_start,
                                   .on_end = on_end,
                                   .on_tick = on_tick,
                                   .on_interrupt = on_interrupt,
                                   .self = &progress};
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(find_publication(options, &lake, &publication, err));
    struct sl_verify_options verify_options = {.publication = &publication,
                                               .select = options->select,
                                               .exclude = options->exclude,
                                               .examples = options->limit,
                                               .keep = options->keep,
                                               .listener = &listener};
    int code = sl_world_verify(&lake.world, &lake.session, &verify_options, &verify, err);
    if (progress.is_shown)
        fputs("\r\033[K", stderr);
    SL_TRY(code);
    *ret_exit = verify.was_interrupted ? 130 : !sl_verify_holds(&verify);
    if (options->common.json)
        return print_json(options, &publication, &verify, err);
    SL_TRY(print_grid(&verify, &lake.world.arena, err));
    SL_TRY(print_examples(&verify, err));
    SL_TRY(print_not_judged(&verify, err));
    print_summary(options, &publication, &verify);
    return SL_OK;
}

static const char *const examples[] = {"sluice verify", "sluice verify '#12' --json",
                                       "sluice verify --select clean.orders", NULL};

const struct sl_command sl_command_verify = {
    .name = "verify",
    .summary = "Build a publication again from raw with the recorded code, and compare every row.",
    .details =
        "The clean, quarantine and curated tables are built in a lake of their own, below "
        "engine.temp or the system's folder for temporary\n"
        "files, from raw as it was published, with the contracts and models that the tables were "
        "made with; the project's lake is only\n"
        "read, nothing is delivered, and no task is run. The exit code is 0 only if every table "
        "holds the same "
        "rows. A table whose code is not kept any\n"
        "more, or that was removed and made again, is not verifiable, and one that reads the clock "
        "is "
        "not reproducible: with them it is "
        "1 as well.",
    .rows = rows,
    .options_bytes = sizeof(struct verify_options),
    .examples = examples,
    .run = run_verify,
};
