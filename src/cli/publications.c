// sluice publications: which versions of the tables belonged together, and since when.
#include "run/publications.h"
#include "cli/cli.h"

struct publications_options {
    struct sl_common common;
    const char *name;
    int64_t limit;
};

static const struct sl_opt rows[] = {
    {"name", SL_OPT_STRING, offsetof(struct publications_options, name), NULL,
     "Number, run, or beginning of a run's id: its tables and their versions.", SL_OPT_POSITIONAL,
     .placeholder = "NAME"},
    {"limit", SL_OPT_INT, offsetof(struct publications_options, limit), "20",
     "Publications to list at most, newest first; 0: all.", 0, .letter = 'n', .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};

// How many tables have another version than in the publication before.
static int64_t count_changed(const struct sl_publication *before, const struct sl_publication *now)
{
    int64_t changed = 0;
    for (size_t i = 0; i < now->table_count; i++) {
        const struct sl_published *old = sl_publication_find(before, now->tables[i].table);
        changed += !old || old->version != now->tables[i].version ||
                   !sl_str_equal(old->id, now->tables[i].id);
    }
    return changed;
}

static int add_row(const struct sl_publication *before, const struct sl_publication *now,
                   struct sl_grid *grid, json_t *list, struct sl_err *err)
{
    char number[32], at[32], tables[32], changed[32], withheld[32];
    int64_t changed_count = count_changed(before, now);
    (void)snprintf(number, sizeof number, "#%lld", (long long)now->number);
    const char *cells[] = {number,
                           sl_time_text(now->at_us, at),
                           now->command,
                           sl_arena_strndup(grid->arena, now->run_id, 8),
                           sl_str_count((int64_t)now->table_count, tables),
                           sl_str_count(changed_count, changed),
                           sl_str_count((int64_t)now->withheld_count, withheld)};
    json_t *item = json_pack(
        "{s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "number", (json_int_t)now->number, "at", at,
        "command", now->command, "run_id", now->run_id, "tables", (json_int_t)now->table_count,
        "changed", (json_int_t)changed_count, "withheld", (json_int_t)now->withheld_count);
    if (json_array_append_new(list, item) != 0)
        return sl_fail_memory(err);
    return sl_grid_row(grid, cells, err);
}

// The others are listed all the same.
static int add_damaged(int64_t number, const struct sl_err *damage, struct sl_grid *grid,
                       json_t *list, struct sl_err *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "#%lld", (long long)number);
    json_t *item =
        json_pack("{s:I, s:o}", "number", (json_int_t)number, "error", sl_err_json(damage));
    if (json_array_append_new(list, item) != 0)
        return sl_fail_memory(err);
    return sl_grid_row(grid, (const char *const[]){text, "is damaged", "", "", "", "", ""}, err);
}

static int list_all(const struct publications_options *options, struct sl_world *world,
                    struct sl_grid *grid, json_t *list, struct sl_err *err)
{
    const struct sl_project *project = world->project;
    struct sl_arena *arena = &world->arena;
    struct sl_publication now = {0}, before;
    struct sl_err damage = {0}, damage_before;
    int64_t number, next;
    SL_TRY(sl_publication_newest(project, arena, &number, err));
    if (number > 0)
        (void)!sl_publication_read(project, number, arena, &now, &damage);
    for (int64_t count = 0; number > 0 && (!options->limit || count < options->limit); count++) {
        SL_TRY(sl_publication_before(project, number, arena, &next, err));
        before = (struct sl_publication){0}; // of number 0: now is the oldest that was kept
        sl_err_clear(&damage_before);
        if (next > 0)
            (void)!sl_publication_read(project, next, arena, &before, &damage_before);
        if (damage.code == SL_OK)
            SL_TRY(add_row(&before, &now, grid, list, err));
        else
            SL_TRY(add_damaged(number, &damage, grid, list, err));
        if (damage.code != SL_OK)
            sl_tell(&options->common, SL_LOG_WARN, "%s; %s", damage.message, damage.hint);
        number = next;
        now = before;
        damage = damage_before;
    }
    return SL_OK;
}

static int print_all(const struct publications_options *options, struct sl_world *world,
                     struct sl_err *err)
{
    struct sl_grid grid;
    SL_AUTO(sl_json_free) json_t *list = json_array();
    sl_grid_init(&grid, &world->arena, 7, 0x70);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"", "published", "by", "run", "tables", "changed", "withheld"},
        err));
    SL_TRY(list_all(options, world, &grid, list, err));
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root =
            json_pack("{s:s, s:O}", "schema", "sluice.publications/1", "publications", list);
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    if (!sl_grid_is_empty(&grid))
        return sl_grid_print(&grid, stdout, err);
    puts("nothing was published yet: `sluice run`");
    return SL_OK;
}

static int show_one(const struct publications_options *options, struct sl_world *world,
                    struct sl_err *err)
{
    struct sl_publication publication;
    struct sl_grid grid;
    char time[32], version[32];
    SL_TRY(sl_publication_named(world->project, options->name, &world->arena, &publication, err));
    if (options->common.json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_publication_print(&publication, &root, err));
        return sl_print_json(root, err);
    }
    printf("publication #%lld, %s, by %s %s\n\n", (long long)publication.number,
           sl_time_text(publication.at_us, time), publication.command, publication.run_id);
    sl_grid_init(&grid, &world->arena, 2, 0x2);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"table", "version"}, err));
    for (size_t i = 0; i < publication.table_count; i++) {
        const char *cells[] = {publication.tables[i].table,
                               sl_str_count(publication.tables[i].version, version)};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    SL_TRY(sl_grid_print(&grid, stdout, err));
    for (size_t i = 0; i < publication.output_count; i++)
        printf("%scurated.%s means curated.%s\n", i ? "" : "\n", publication.outputs[i].name,
               publication.outputs[i].model);
    for (size_t i = 0; i < publication.withheld_count; i++)
        printf("\nversion %lld of %s was withheld: %s\n",
               (long long)publication.withheld[i].version, publication.withheld[i].table,
               publication.withheld[i].because);
    return SL_OK;
}

static int run_publications(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct publications_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_world_options world_options = {.folder = options->common.folder,
                                             .environment = options->common.environment,
                                             .overrides = options->common.settings};
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(sl_world_open(&world_options, &world, err));
    sl_note_project(&options->common, world.project);
    return options->name ? show_one(options, &world, err) : print_all(options, &world, err);
}

static const char *const examples[] = {"sluice publications", "sluice publications 12 --json",
                                       "sluice query \"from curated.daily_revenue\" --at '#12'",
                                       NULL};

const struct sl_command sl_command_publications = {
    .name = "publications",
    .summary = "List the publications: which versions of all tables belong together.",
    .details = "A run ends in a publication if anything has changed: the newest list of versions "
               "in which every table is built from\n"
               "versions that are in the list. What belongs to a step that failed is withheld "
               "until it has gone well.",
    .rows = rows,
    .options_bytes = sizeof(struct publications_options),
    .examples = examples,
    .run = run_publications,
};
