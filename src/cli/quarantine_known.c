// Rows were asked for and there are none: is it because nothing of that name is known?
#include "api/state.h"
#include "cli/quarantine.h"
#include "run/publications.h"

#include <string.h>

struct asked {
    struct sl_lake *lake;
    const char *name; // of the table
};

static int has_rows(const struct asked *asked, const char *layer,
                    const struct sl_quarantine_filter *filter, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = asked->lake->session;
    sl_buf_addf(&sql, "select 1 from %s.", layer);
    sl_buf_add_sql_name(&sql, asked->name);
    sl_buf_add(&sql, " where ");
    SL_TRY(sl_quarantine_condition(filter, &sql, err));
    sl_buf_add(&sql, " limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_rows(result) > 0;
    return SL_OK;
}

static const struct sl_contract_table *find_contract(const struct asked *asked)
{
    const struct sl_project *project = asked->lake->world.project;
    for (size_t i = 0; i < project->source_count; i++)
        if (sl_str_equal(project->sources[i].name, asked->name))
            return sl_project_contract_for(project, &project->sources[i]);
    return NULL;
}

static bool has_rule(const struct sl_rule *rules, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(rules[i].id, id))
            return true;
    return false;
}

// What a contract may reject by: its rules, and those that come with each of its columns.
static bool may_reject_by(const struct sl_contract_table *contract, const char *rule)
{
    size_t column = strcspn(rule, ".[");
    if (!contract || sl_str_equal(rule, "corrupt") ||
        has_rule(contract->rules, contract->rule_count, rule))
        return true;
    for (size_t i = 0; i < contract->column_count; i++) {
        const char *name = contract->columns[i].name;
        bool is_of = strlen(name) == column && strncmp(name, rule, column) == 0 && rule[column];
        if (is_of || has_rule(contract->columns[i].rules, contract->columns[i].rule_count, rule))
            return true;
    }
    return false;
}

static int require_rule(const struct asked *asked, const char *rule, struct sl_err *err)
{
    const struct sl_quarantine_filter filter = {.rule = rule};
    bool is_known;
    SL_TRY(has_rows(asked, "quarantine", &filter, &is_known, err));
    if (is_known || may_reject_by(find_contract(asked), rule))
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "'%s' has no rule '%s'", asked->name, rule);
    return sl_err_hint(err, "`sluice quarantine ls` lists the rules that rows break");
}

static int require_source(const struct asked *asked, const char *source, struct sl_err *err)
{
    const struct sl_quarantine_filter filter = {.source = source};
    struct sl_err ignored = {0};
    bool is_known;
    SL_TRY(has_rows(asked, "quarantine", &filter, &is_known, err));
    if (is_known)
        return SL_OK;
    if (sl_step_view(&asked->lake->context, SL_LAYER_RAW, asked->name, -1, NULL, &ignored) != SL_OK)
        return SL_OK; // then nobody knows
    SL_TRY(has_rows(asked, "raw", &filter, &is_known, err));
    if (is_known)
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "no row of '%s' came from a file '%s'", asked->name, source);
    return sl_err_hint(err, "`sluice quarantine ls --by source` lists those with rejected rows");
}

static bool is_in_history(const struct sl_project *project, const char *run, struct sl_arena *arena)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_publication publication;
    struct sl_err ignored = {0};
    struct sl_run_row *runs;
    const char *note;
    size_t count = 0;
    const struct sl_state_place place = sl_project_state(project);
    const struct sl_run_filter filter = {.id = run, .limit = 1};
    return (sl_state_read(&place, arena, &state, &note, &ignored) == SL_OK &&
            sl_state_runs(state, &filter, arena, &runs, &count, &ignored) == SL_OK && count > 0) ||
           sl_publication_named(project, run, arena, &publication, &ignored) == SL_OK;
}

static int require_run(const struct asked *asked, const char *run, struct sl_err *err)
{
    const struct sl_quarantine_filter filter = {.run = run};
    bool is_known;
    SL_TRY(has_rows(asked, "quarantine", &filter, &is_known, err));
    if (is_known || is_in_history(asked->lake->world.project, run, &asked->lake->world.arena))
        return SL_OK;
    (void)sl_fail(err, SL_E_RUN_MISSING, "no run is known whose id begins with '%s'", run);
    return sl_err_hint(err, "`sluice status` lists the runs that are remembered");
}

int sl_quarantine_require_known(struct sl_lake *lake, const char *name,
                                const struct sl_quarantine_filter *filter, struct sl_err *err)
{
    const struct asked asked = {lake, name};
    if (filter->rule)
        SL_TRY(require_rule(&asked, filter->rule, err));
    if (filter->source)
        SL_TRY(require_source(&asked, filter->source, err));
    return filter->run ? require_run(&asked, filter->run, err) : SL_OK;
}
