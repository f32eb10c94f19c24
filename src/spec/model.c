// models/*.sql
#include "spec/load.h"

#include <string.h>

static const char *const write_modes[] = {"full",     "append", "partition", "merge",
                                          "snapshot", "view",   NULL};
static const char *const delete_modes[] = {"keep", "close", NULL};

const char *sl_write_mode_name(enum sl_write_mode mode)
{
    return write_modes[mode];
}

// The struct as the rows fill it.
struct file {
    struct sl_model model;
    struct sl_yaml *checks;
};

const struct sl_opt sl_model_rows[] = {
    {.name = "description",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, model.description),
     .summary = "What the table holds.",
     .example = "Revenue per day and country, in EUR"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, model.tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words to select it by.",
     .example = "[finance]"},
    {.name = "write",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, model.write),
     .otherwise = "full",
     .summary = "How new results meet old ones.",
     .values = write_modes},
    {.name = "partition_by",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, model.partition_by),
     .flags = SL_OPT_PLAIN,
     .summary = "Columns of the result whose values make a partition.",
     .example = "[day]"},
    {.name = "key",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, model.key),
     .flags = SL_OPT_PLAIN,
     .summary = "merge, snapshot: columns of the result that tell rows apart.",
     .example = "[day, country]"},
    {.name = "order_by",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, model.order_by),
     .flags = SL_OPT_PLAIN,
     .summary = "merge: of rows with one key the newest by these columns wins.",
     .example = "[updated_at]"},
    {.name = "updated_at",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, model.updated_at),
     .flags = SL_OPT_PLAIN,
     .summary = "snapshot: column with the time from which a version of a row holds; without it, "
                "the clock of the run that first sees the version.",
     .example = "updated_at"},
    {.name = "deletes",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, model.deletes),
     .otherwise = "keep",
     .summary = "snapshot: what becomes of the current row of a key that the result no longer has.",
     .values = delete_modes},
    {.name = "checks",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct file, checks),
     .summary = "What must be true of the result before it is published: a list of {kind: "
                "arguments} or names.",
     .example = "[{not_null: [day]}]"},
    {.name = "personal",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, model.personal),
     .flags = SL_OPT_PLAIN,
     .summary = "Columns of the result that may carry personal values as they are.",
     .example = "[email]"},
    {.name = "version_of",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, model.version_of),
     .flags = SL_OPT_PLAIN,
     .summary = "Output that this is a version of: the file is then named OUTPUT_vN.sql, and "
                "curated.OUTPUT is the latest version.",
     .example = "revenue"},
    {.name = "version",
     .type = SL_OPT_INT,
     .offset = offsetof(struct file, model.version),
     .summary = "Number of the version, from 1 on.",
     .example = "2"},
    {.name = "latest",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct file, model.is_latest),
     .summary = "true: this version is what curated.OUTPUT means; false: it is not yet. Without it "
                "anywhere, the highest version is.",
     .example = "false"},
    {.name = "deprecated",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, model.deprecated),
     .flags = SL_OPT_PLAIN,
     .summary = "The last day on which it is to be read: `check` and `plan` name who reads it.",
     .example = "2027-01-31"},
    {.name = "profile",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct file, model.has_profile),
     .otherwise = "false",
     .summary = "Whether a run that writes the table takes its profile and keeps it, for `show "
                "--profile`."},
    SL_EXECUTION_ROWS(offsetof(struct file, model.execution)),
    SL_REQUIREMENT_ROWS(offsetof(struct file, model.requirements)),
    SL_GRAIN_ROW(offsetof(struct file, model.requirements)),
    {0},
};

static void complain(struct sl_load *load, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_MODEL_COMMENT, place, hint, "%s",
            message);
}

// The keys of a check but those that every check may have.
static size_t count_kinds(const struct sl_yaml *item)
{
    static const char *const common[] = {"name",  "severity",  "mostly",
                                         "where", "dimension", "column"};
    size_t count = item->count;

    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        count -= sl_yaml_get(item, common[i]) != NULL;
    return count;
}

// Which kinds of checks there are is known above; here only that each is a name, or a name with its
// arguments.
static void check_checks(struct sl_load *load, const struct sl_yaml *checks)
{
    struct sl_diags *diags = &load->project->diags;
    static const char *const hint = "write '- not_null: [id]', one check an item";

    if (!checks || checks->kind == SL_YAML_NULL)
        return;
    if (checks->kind != SL_YAML_LIST) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, checks->place, hint,
                "'checks' is %s, expected a list", sl_yaml_describe(checks));
        return;
    }
    for (size_t i = 0; i < checks->count; i++) {
        const struct sl_yaml *item = checks->items[i];

        if (item->kind == SL_YAML_MAP && count_kinds(item) != 1)
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, item->place, hint,
                    "check %zu has %zu keys, expected the kind of the check alone", i + 1,
                    count_kinds(item));
        else if (item->kind == SL_YAML_LIST || item->kind == SL_YAML_NULL)
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, hint,
                    "check %zu is %s, expected a name or a map with one key", i + 1,
                    sl_yaml_describe(item));
    }
}

static void refuse(struct sl_load *load, const struct sl_yaml *node, const char *key,
                   const char *hint, const char *write)
{
    if (sl_load_has(node, key))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING,
                sl_load_key_place(node, key), hint, "'%s' cannot be with 'write: %s'", key, write);
}

static void check_snapshot(struct sl_load *load, const struct sl_yaml *node,
                           const struct sl_model *model)
{
    static const char *const hint = "this is for 'write: snapshot'";
    if (model->write == SL_WRITE_SNAPSHOT) {
        refuse(load, node, "order_by", "name the column with a version's time in 'updated_at'",
               "snapshot");
        return;
    }
    refuse(load, node, "updated_at", hint, write_modes[model->write]);
    refuse(load, node, "deletes", hint, write_modes[model->write]);
}

// A view has no rows of its own, so nothing is published that could be checked or laid out.
static void check_view(struct sl_load *load, const struct sl_yaml *node,
                       const struct sl_model *model)
{
    static const char *const hint = "a view has no table: set it in the models that read the view";
    if (model->write != SL_WRITE_VIEW)
        return;
    refuse(load, node, "partition_by", hint, "view");
    refuse(load, node, "key", hint, "view");
    refuse(load, node, "checks", hint, "view");
    refuse(load, node, "profile", hint, "view");
}

static void check_settings(struct sl_load *load, const struct sl_yaml *node,
                           const struct sl_model *model)
{
    sl_load_check_write(load, node, model->write, &model->key, &model->partition_by);
    sl_load_check_columns(load, node, "grain");
    sl_load_check_columns(load, node, "personal");
    sl_load_check_order(load, node, "order_by");
    check_checks(load, model->checks);
    check_snapshot(load, node, model);
    check_view(load, node, model);
    if (model->order_by.count && model->write != SL_WRITE_MERGE &&
        model->write != SL_WRITE_SNAPSHOT)
        sl_diag(&load->project->diags, SL_SEVERITY_WARNING, SL_E_MODEL_SETTING,
                sl_load_key_place(node, "order_by"), "the order of rows is for 'write: merge'",
                "'order_by' does nothing with 'write: %s'", write_modes[model->write]);
}

// The settings, and the place of whatever is wrong with the comment that holds them.
static int read_settings(struct sl_load *load, const struct sl_load_file *file,
                         const struct sl_model_text *text, struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_place place = {file->path, text->comment_line, text->comment_column};

    *ret = NULL;
    if (text->is_open)
        complain(load, place, "end it with */", "this comment is not closed, so there is no SQL");
    else if (text->stray_line && text->settings)
        complain(load, (struct sl_place){file->path, text->stray_line, 1},
                 "put all settings into the first one", "a second comment with settings");
    else if (text->stray_line)
        complain(load, (struct sl_place){file->path, text->stray_line, 1},
                 "move it to the top of the file",
                 "a comment with settings must stand before the SQL");
    if (!text->settings)
        return SL_OK;
    SL_TRY(sl_yaml_parse(text->settings, text->settings_length, file->path, text->settings_line,
                         text->settings_column, &project->arena, &project->diags, ret, err));
    if (*ret && (*ret)->kind != SL_YAML_MAP && (*ret)->kind != SL_YAML_NULL) {
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, (*ret)->place,
                "write keys and values, such as 'write: full'", "the settings are %s, not a map",
                sl_yaml_describe(*ret));
        *ret = NULL;
    }
    return SL_OK;
}

static int take_text(struct sl_load *load, const struct sl_load_file *file, struct sl_model *model,
                     struct sl_yaml **ret_node, struct sl_err *err)
{
    struct sl_model_text text;
    const char *bytes;
    size_t length;

    *ret_node = NULL;
    model->text = model->sql = "";
    bytes = load->model_texts ? sl_map_get(load->model_texts, file->name) : NULL;
    length = bytes ? strlen(bytes) : 0;
    if (!bytes)
        SL_TRY(sl_load_text(load, file->path, &bytes, &length, err));
    if (!bytes)
        return SL_OK;
    if (strlen(bytes) != length) {
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_SQL_SYNTAX,
                (struct sl_place){file->path, 1, 1}, NULL,
                "the file has a NUL character, so it is no text");
        return SL_OK;
    }
    sl_model_split(bytes, &text);
    model->text = bytes;
    model->sql = text.sql;
    model->sql_line = text.sql_line;
    model->sql_column = text.sql_column;
    return read_settings(load, file, &text, ret_node, err);
}

int sl_model_read(struct sl_load *load, const struct sl_load_file *file, struct sl_model *ret,
                  struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct file read = {0};
    struct sl_model model = {.sql_line = 1, .sql_column = 1};
    struct sl_yaml *node;
    const char *what = sl_arena_printf(&project->arena, "model '%s'", file->name);

    SL_TRY_NEW(what, err);
    sl_load_check_name(load, file->path, file->name);
    SL_TRY(take_text(load, file, &model, &node, err));
    if (node)
        SL_TRY(sl_load_read(load, sl_model_rows, node, what, &read, err));
    *ret = read.model;
    if (!node) {
        node = SL_NEW(&project->arena, struct sl_yaml);
        SL_TRY_NEW(node, err);
        *node = (struct sl_yaml){.place = {file->path, 1, 1}, .text = ""};
    }
    ret->name = file->name;
    ret->file = file->path;
    ret->node = node;
    ret->text = model.text;
    ret->sql = model.sql;
    ret->sql_line = model.sql_line;
    ret->sql_column = model.sql_column;
    ret->checks = read.checks;
    check_settings(load, node, ret);
    SL_TRY(sl_version_check(load, ret, err));
    sl_load_requirements(load, node, &ret->requirements);
    return sl_load_execution(load, node, &ret->execution, err);
}
