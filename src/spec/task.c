// tasks/*.yml
#include "spec/load.h"

#include <string.h>

static const char *const whens[] = {"changed", "always", NULL};

const struct sl_opt sl_task_rows[] = {
    {.name = "description",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_task, description),
     .summary = "What the task does.",
     .example = "Fetch the orders of the shop"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_task, tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words to select it by.",
     .example = "[finance]"},
    {.name = "after",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_task, after),
     .flags = SL_OPT_PLAIN,
     .summary = "Steps that come first: tables, deliveries as target.NAME.TABLE, tasks as "
                "task.NAME.",
     .example = "[curated.daily_revenue]"},
    {.name = "before",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_task, before),
     .flags = SL_OPT_PLAIN,
     .summary = "Steps that wait for it, named in the same way.",
     .example = "[raw.orders]"},
    {.name = "command",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_task, command),
     .flags = SL_OPT_PLAIN,
     .summary = "A text for the shell, or a list of a program and its arguments; run in the "
                "project's folder. None: the task only holds other steps together.",
     .example = "./fetch.sh"},
    {.name = "when",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_task, when),
     .otherwise = "changed",
     .summary = "Only where what it comes after has changed since it last ended well, or in every "
                "run. A task that comes after nothing is run in every run.",
     .values = whens},
    SL_EXECUTION_ROWS(offsetof(struct sl_task, execution)),
    SL_REQUIREMENT_ROWS(offsetof(struct sl_task, requirements)),
    {0},
};

static void check_command(struct sl_load *load, const struct sl_yaml *node,
                          const struct sl_yaml *command)
{
    const struct sl_yaml *first = sl_load_item_count(command) ? sl_load_item(command, 0) : NULL;

    if (sl_load_has(node, "command") &&
        (!first || (first->kind == SL_YAML_SCALAR && !*first->text)))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(node, "command"), "a command such as ./fetch.sh, or no 'command'",
                "'command' names no program");
}

int sl_task_read(struct sl_load *load, const struct sl_load_file *file, struct sl_task *ret,
                 struct sl_err *err)
{
    struct sl_yaml *node;
    const char *what = sl_arena_printf(&load->project->arena, "task '%s'", file->name);

    SL_TRY_NEW(what, err);
    sl_load_check_name(load, file->path, file->name);
    SL_TRY(sl_load_yaml(load, file->path, &node, err));
    if (node)
        SL_TRY(sl_load_read(load, sl_task_rows, node, what, ret, err));
    ret->name = file->name;
    ret->file = file->path;
    ret->node = node;
    if (node) {
        const struct sl_yaml *command = sl_yaml_get(node, "command");

        ret->is_for_shell = command && command->kind == SL_YAML_SCALAR;
        check_command(load, node, command);
    }
    sl_load_requirements(load, node, &ret->requirements);
    return sl_load_execution(load, node, &ret->execution, err);
}
