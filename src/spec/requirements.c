#include "spec/load.h"

#include "base/buf.h"

// What must be written down where. A target only needs someone who answers for it: the rest is said
// of its tables.
enum requirement {
    NEED_OWNER = 1,
    NEED_CONSUMERS = 2,
    NEED_GRAIN = 4,
    NEED_VOLUME = 8,
    NEED_GROWTH = 16,
    NEED_FREQUENCY = 32,
    NEED_FRESHNESS = 64,
    NEED_RETENTION = 128,
    NEED_COMPLIANCE = 256,
};
#define NEEDS_OF_TABLE                                                                       \
    (NEED_OWNER | NEED_CONSUMERS | NEED_GRAIN | NEED_VOLUME | NEED_GROWTH | NEED_FREQUENCY | \
     NEED_FRESHNESS | NEED_RETENTION | NEED_COMPLIANCE)
#define NEEDS_OF_TARGET NEED_OWNER

const struct sl_opt sl_budget_rows[] = {
    {.name = "max_share",
     .type = SL_OPT_DOUBLE,
     .offset = offsetof(struct sl_budget, max_share),
     .summary = "Share of the input rows that may be rejected before the step fails; 0.2 if "
                "nothing is said.",
     .example = "0.05"},
    {.name = "max_rows",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_budget, max_rows),
     .summary = "Number of rows that may be rejected; no limit if nothing is said.",
     .example = "10000"},
    {.name = "min_rows",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_budget, min_rows),
     .summary = "The share counts from this many input rows on; 100 if nothing is said.",
     .example = "100"},
    {0},
};

// Grain is not among them: what one row stands for differs from table to table.
const struct sl_opt sl_default_rows[] = {
    SL_REQUIREMENT_ROWS(0),
    {0},
};

void sl_load_budget(struct sl_load *load, const struct sl_yaml *map, const struct sl_budget *base,
                    struct sl_budget *budget)
{
    struct sl_diags *diags = &load->project->diags;

    if (!sl_load_has(map, "max_share"))
        budget->max_share = base->max_share;
    else if (!(budget->max_share >= 0 && budget->max_share <= 1))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "max_share"),
                "a share is a number from 0 to 1: 0.05 is 5 %",
                "'max_share' is not between 0 and 1");
    if (!sl_load_has(map, "max_rows"))
        budget->max_rows = base->max_rows;
    else if (budget->max_rows < 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "max_rows"), NULL,
                "'max_rows' cannot be negative");
    if (!sl_load_has(map, "min_rows"))
        budget->min_rows = base->min_rows;
    else if (budget->min_rows < 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "min_rows"), NULL,
                "'min_rows' cannot be negative");
}

void sl_load_requirements(const struct sl_load *load, const struct sl_yaml *map,
                          struct sl_requirements *requirements)
{
    const struct sl_requirements *defaults = &load->defaults;

    if (!sl_load_has(map, "freshness"))
        requirements->freshness_s = defaults->freshness_s;
    if (!sl_load_has(map, "retention"))
        requirements->retention_s = defaults->retention_s;
    if (!requirements->owner)
        requirements->owner = defaults->owner;
    if (!requirements->volume)
        requirements->volume = defaults->volume;
    if (!requirements->growth)
        requirements->growth = defaults->growth;
    if (!requirements->frequency)
        requirements->frequency = defaults->frequency;
    if (requirements->consumers.count == 0)
        requirements->consumers = defaults->consumers;
    if (requirements->compliance.count == 0)
        requirements->compliance = defaults->compliance;
}

static unsigned missing_of(const struct sl_requirements *requirements)
{
    unsigned missing = 0;

    missing |= sl_str_is_empty(requirements->owner) ? NEED_OWNER : 0;
    missing |= requirements->consumers.count == 0 ? NEED_CONSUMERS : 0;
    missing |= requirements->grain.count == 0 ? NEED_GRAIN : 0;
    missing |= sl_str_is_empty(requirements->volume) ? NEED_VOLUME : 0;
    missing |= sl_str_is_empty(requirements->growth) ? NEED_GROWTH : 0;
    missing |= sl_str_is_empty(requirements->frequency) ? NEED_FREQUENCY : 0;
    missing |= requirements->freshness_s < 0 ? NEED_FRESHNESS : 0;
    missing |= requirements->retention_s < 0 ? NEED_RETENTION : 0;
    missing |= requirements->compliance.count == 0 ? NEED_COMPLIANCE : 0;
    return missing;
}

// "owner, grain and freshness"
static void describe(unsigned missing, struct sl_buf *text)
{
    static const char *const names[] = {"owner",     "consumers", "grain",
                                        "volume",    "growth",    "frequency",
                                        "freshness", "retention", "compliance"};
    size_t left = (size_t)__builtin_popcount(missing);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(missing & (1U << i)))
            continue;
        sl_buf_add(text, names[i]);
        left--;
        sl_buf_add(text, left > 1 ? ", " : left == 1 ? " and " : "");
    }
}

static void check(struct sl_project *project, const char *file, const char *name,
                  const struct sl_requirements *requirements, unsigned needed)
{
    unsigned missing = missing_of(requirements) & needed;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    if (!missing)
        return;
    describe(missing, &text);
    sl_diag(&project->diags,
            project->requirements_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            SL_E_REQUIREMENT_MISSING, (struct sl_place){file, 1, 1},
            "write it down in this file, or for all files under 'defaults' in sluice.yml",
            "'%s' does not say its %s", name, text.text);
}

void sl_project_check_requirements(struct sl_project *project)
{
    if (project->requirements_level == SL_LEVEL_OFF)
        return;
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];

        check(project, source->file, source->name, &source->requirements, NEEDS_OF_TABLE);
    }
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];

        if (!model->stands_for)
            check(project, model->file, model->name, &model->requirements, NEEDS_OF_TABLE);
    }
    for (size_t i = 0; i < project->target_count; i++) {
        const struct sl_target *target = &project->targets[i];

        check(project, target->file, target->name, &target->requirements, NEEDS_OF_TARGET);
    }
    sl_diags_sort(&project->diags);
}
