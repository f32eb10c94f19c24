// sluice config show: every setting with its value and where it came from. sluice schema: JSON
// Schema of the project's files.
#include "cli/cli.h"

struct config_options {
    struct sl_common common;
    bool origin;
    const char *kind; // schema
};

static const struct sl_opt config_rows[] = {
    {"origin", SL_OPT_BOOL, offsetof(struct config_options, origin), "false",
     "Say where each value came from.", 0},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt schema_rows[] = {
    {"kind", SL_OPT_STRING, offsetof(struct config_options, kind), NULL,
     "project, source, contract, model or target; without one, all in one document.",
     SL_OPT_POSITIONAL, .placeholder = "KIND"},
    SL_COMMON_ROWS,
    {0},
};

struct printer {
    const struct config_options *options;
    struct sl_grid grid;
    json_t *settings;
};

static int each_setting(void *self, const char *key, const char *value, const char *origin)
{
    struct printer *printer = self;
    struct sl_err ignored = {0};
    bool is_set = !sl_str_is_empty(value);
    if (printer->settings)
        return json_object_set_new(
            printer->settings, key,
            json_pack("{s:s?, s:s}", "value", is_set ? value : NULL, "origin", origin));
    return sl_grid_row(&printer->grid, (const char *const[]){key, is_set ? value : "-", origin},
                       &ignored);
}

static int run_config_show(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct config_options *options = self;
    struct sl_project_options project_options = {.folder = options->common.folder,
                                                 .environment = options->common.environment,
                                                 .overrides = options->common.settings};
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct printer printer = {.options = options};
    (void)ret_exit;
    SL_TRY(sl_project_load(&project_options, &project, err));
    sl_note_project(&options->common, project);
    sl_grid_init(&printer.grid, &project->arena, options->origin ? 3 : 2, 0);
    if (options->common.json) {
        printer.settings = json_object();
        root = json_pack("{s:s, s:o}", "schema", "sluice.config/1", "settings", printer.settings);
        SL_TRY_NEW(root, err);
    } else {
        SL_TRY(
            sl_grid_row(&printer.grid, (const char *const[]){"setting", "value", "origin"}, err));
    }
    SL_TRY(sl_project_settings(project, each_setting, &printer, err));
    if (options->common.json)
        return sl_print_json(root, err);
    return sl_grid_print(&printer.grid, stdout, err);
}

// The named kind as it is, or, `as_map`, by its name: {"source": {...}}; `kind` NULL: all of them.
static void add_schemas(const char *kind, bool as_map, struct sl_buf *text)
{
    size_t count = 0;
    sl_buf_add(text, as_map ? "{" : "");
    for (const struct sl_file_kind *it = sl_file_kinds; it->name; it++) {
        if (kind && !sl_str_equal(kind, it->name))
            continue;
        if (as_map) {
            sl_buf_add(text, count++ ? ", " : "");
            sl_buf_add_json_string(text, it->name);
            sl_buf_add(text, ": ");
        }
        sl_file_kind_schema(it, text);
    }
    sl_buf_add(text, as_map ? "}" : "");
}

static int require_kind(const char *kind, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *names[16];
    size_t count = 0;
    sl_arena_init(&arena, 0);
    for (const struct sl_file_kind *it = sl_file_kinds; it->name; it++) {
        names[count++] = it->name;
        if (sl_str_equal(kind, it->name))
            return SL_OK;
    }
    const char *hint = sl_did_you_mean(&arena, kind, names, count);
    (void)sl_fail(err, SL_E_USAGE, "there is no file kind '%s'", kind);
    return sl_err_hint(err, "%s", hint ? hint : "project, source, contract, model, target");
}

static int run_schema(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct config_options *options = self;
    bool is_document = options->common.json;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    (void)ret_exit;
    if (options->kind)
        SL_TRY(require_kind(options->kind, err));
    sl_buf_add(&text, is_document ? "{\"schema\":\"sluice.schema/1\",\"kinds\":" : "");
    add_schemas(options->kind, is_document || !options->kind, &text);
    sl_buf_add(&text, is_document ? "}" : "");
    SL_TRY(sl_buf_check(&text, err));
    puts(text.text);
    return SL_OK;
}

static const char *const config_examples[] = {"sluice config show --origin --env prod", NULL};
static const char *const schema_examples[] = {"sluice schema source > source.schema.json", NULL};

const struct sl_command sl_command_config_show = {
    .name = "config show",
    .summary = "Print the settings in force; --origin says where each came from.",
    .rows = config_rows,
    .options_bytes = sizeof(struct config_options),
    .examples = config_examples,
    .run = run_config_show,
};
const struct sl_command sl_command_schema = {
    .name = "schema",
    .summary = "Print the JSON Schema of the project's files, for editors.",
    .details = "Without --json it is the schema itself, or, of all kinds, a map of them.",
    .rows = schema_rows,
    .options_bytes = sizeof(struct config_options),
    .examples = schema_examples,
    .run = run_schema,
};
