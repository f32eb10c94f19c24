// Steps that wait for a person.
#include "run/controller_inner.h"
#include "run/retry.h"

#include <string.h>

const char *sl_gate_name(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD ? node->target->name : node->name;
}

// Whoever asks for a backfill here has seen its plan.
static bool is_approved_before(const struct sl_controller *controller, const char *name)
{
    if (controller->backfill && !controller->on_gate)
        return true;
    const struct sl_strs *approved = controller->options->approved;
    return approved && sl_strs_has(approved, name);
}

// What was said of a target holds for all of its deliveries in this run.
static enum sl_gate gate_of(const struct sl_controller *controller, const char *name)
{
    const struct sl_graph *graph = controller->run->graph;
    for (size_t i = 0; i < graph->count; i++)
        if (controller->gates[i] != SL_GATE_NONE &&
            strcmp(sl_gate_name(&graph->nodes[i]), name) == 0)
            return controller->gates[i];
    return SL_GATE_NONE;
}

static void fail_unattended(struct sl_controller *controller, struct sl_outcome *outcome)
{
    const char *name = sl_gate_name(outcome->node);
    (void)sl_fail(&outcome->err, SL_E_APPROVAL, "'%s' needs the approval of a person", name);
    (void)sl_err_hint(&outcome->err,
                      "`sluice run --approve %s` gives it; under `sluice serve` the step waits for "
                      "`sluice approve`",
                      name);
    outcome->status = SL_STATUS_ERROR;
    sl_controller_finish(controller, (size_t)(outcome - controller->run->outcomes));
}

bool sl_controller_is_gated(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    const char *name = sl_gate_name(outcome->node);
    if (!sl_node_execution(outcome->node)->needs_approval ||
        controller->gates[index] == SL_GATE_OPEN || is_approved_before(controller, name))
        return false;
    enum sl_gate said = gate_of(controller, name);
    controller->gates[index] = said == SL_GATE_NONE ? SL_GATE_WAITS : said;
    if (said == SL_GATE_OPEN)
        return false;
    if (!controller->on_gate)
        fail_unattended(controller, outcome);
    else if (said == SL_GATE_NONE)
        controller->on_gate(controller, name);
    else if (said == SL_GATE_SHUT)
        sl_controller_reject(controller, index, NULL, NULL);
    return true;
}

void sl_controller_reject(struct sl_controller *controller, size_t index, const char *who,
                          const char *why)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    (void)sl_fail(&outcome->err, SL_E_REJECTED, "'%s' was rejected%s%s%s%s",
                  sl_gate_name(outcome->node), who ? " by " : "", who ? who : "", why ? ": " : "",
                  why ? why : "");
    outcome->status = SL_STATUS_ERROR;
    sl_controller_finish(controller, index);
}

void sl_controller_decide(struct sl_controller *controller, const char *name, bool is_approved,
                          const char *who, const char *why)
{
    const struct sl_graph *graph = controller->run->graph;
    for (size_t i = 0; i < graph->count; i++) {
        if (controller->gates[i] != SL_GATE_WAITS ||
            strcmp(sl_gate_name(&graph->nodes[i]), name) != 0)
            continue;
        controller->gates[i] = is_approved ? SL_GATE_OPEN : SL_GATE_SHUT;
        if (is_approved)
            sl_controller_open_again(controller, i);
        else
            sl_controller_reject(controller, i, who, why);
    }
    sl_executor_dispatch(controller->executor);
}
