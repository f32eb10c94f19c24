#include "run/work_plan.h"

#include "base/clock.h"
#include "base/hash.h"
#include "run/backfill.h"
#include "run/lineage.h"
#include "run/publications.h"
#include "run/versions.h"
#include "run/work.h"

#include <string.h>

// For how long it is taken for granted that what was withheld is withheld still.
#define WITHHELD_US INT64_C(60000000)

SL_IS_ALL_OF(struct sl_planned_node, 40);

const struct sl_field sl_plan_request_fields[] = {
    SL_FIELD(struct sl_plan_request, select, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_plan_request, exclude, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_plan_request, may_break, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_plan_request, done, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_plan_request, full_refresh, SL_FIELD_BOOL),
    {0},
};
static const struct sl_field node_fields[] = {
    SL_FIELD(struct sl_planned_node, name, SL_FIELD_TEXT),
    SL_FIELD(struct sl_planned_node, is_selected, SL_FIELD_BOOL),
    SL_FIELD(struct sl_planned_node, verdict, SL_FIELD_ENUM),
    SL_FIELD(struct sl_planned_node, moved, SL_FIELD_TEXT),
    SL_FIELD(struct sl_planned_node, version, SL_FIELD_INT),
    SL_FIELD(struct sl_planned_node, rows, SL_FIELD_INT),
    {0},
};
const struct sl_field sl_plan_reply_fields[] = {
    SL_FIELD_OF(struct sl_plan_reply, err, sl_err_fields),
    SL_FIELD_MANY(struct sl_plan_reply, nodes, node_count, node_fields),
    SL_FIELD(struct sl_plan_reply, due, SL_FIELD_INT),
    {0},
};
const struct sl_field sl_publish_request_fields[] = {
    SL_FIELD(struct sl_publish_request, run_id, SL_FIELD_TEXT),
    SL_FIELD(struct sl_publish_request, command, SL_FIELD_TEXT),
    {0},
};
const struct sl_field sl_publish_reply_fields[] = {
    SL_FIELD_OF(struct sl_publish_reply, err, sl_err_fields),
    SL_FIELD(struct sl_publish_reply, number, SL_FIELD_INT),
    SL_FIELD(struct sl_publish_reply, is_new, SL_FIELD_BOOL),
    SL_FIELD(struct sl_publish_reply, tables, SL_FIELD_TEXTS),
    {0},
};

const struct sl_field sl_health_reply_fields[] = {
    SL_FIELD_OF(struct sl_health_reply, err, sl_err_fields),
    SL_FIELD_OF(struct sl_health_reply, health, sl_health_fields),
    {0},
};

// --- planning

static bool asks_for(const struct sl_strs *list, const char *method)
{
    for (size_t i = 0; i < list->count; i++)
        if (strstr(list->items[i], method))
            return true;
    return false;
}

// The graph is kept: other plans, and looks at health, decide over it too.
static void mark_done(struct sl_graph *graph, const struct sl_strs *done)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_done = false;
    for (size_t i = 0; i < done->count; i++) {
        struct sl_node *node = sl_graph_node(graph, done->items[i]);
        if (node)
            node->is_done = true;
    }
}

// What state: asks is known only once all is looked at. The history, which result: asks, is open in
// the process that this one was forked from, and SQLite may not be used on both sides.

static int decide(struct sl_world *world, const struct sl_plan_request *request, struct sl_err *err)
{
    struct sl_graph *graph = &world->graph;
    if (asks_for(&request->select, "result:") || asks_for(&request->exclude, "result:"))
        return sl_fail(err, SL_E_SELECTOR, "a service does not select by `result:`");
    if (asks_for(&request->select, "state:") || asks_for(&request->exclude, "state:")) {
        SL_TRY(sl_world_gather(world, false, err));
        SL_TRY(sl_graph_select(graph, &request->select, &request->exclude, &world->arena, err));
    } else {
        SL_TRY(sl_graph_select(graph, &request->select, &request->exclude, &world->arena, err));
        SL_TRY(sl_world_gather_selected(world, err));
    }
    mark_done(graph, &request->done);
    const int code = sl_plan_decide(graph, request->full_refresh, &world->arena, err);
    mark_done(graph, &(const struct sl_strs){0}); // of this plan alone
    return code;
}

// The first one is told, and how many more there are: who serves sees no list.
static int fail_diags(const struct sl_diags *diags, struct sl_err *err)
{
    enum sl_code code = err->code ? err->code : SL_E_PROJECT_INVALID;
    for (size_t i = 0; i < diags->count; i++) {
        const struct sl_err *first = &diags->items[i].err;
        if (diags->items[i].severity != SL_SEVERITY_ERROR)
            continue;
        sl_err_clear(err);
        (void)sl_fail(err, code, "%s%s", first->message,
                      diags->error_count > 1 ? " (and there are more errors)" : "");
        (void)sl_err_hint(err, "%s", first->hint[0] ? first->hint : "`sluice check` shows all");
        return sl_err_at(err, first->file, first->line, first->column);
    }
    return sl_fail(err, code, "the project has errors");
}

static int refuse(struct sl_world *world, const struct sl_plan_request *request, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags leaks = SL_DIAGS_INIT;
    SL_AUTO(sl_diags_clear) struct sl_diags broken = SL_DIAGS_INIT;
    SL_AUTO(sl_diags_clear) struct sl_diags unbound = SL_DIAGS_INIT;
    int code = sl_world_refuse_leaks(world, &leaks, err);
    if (code != SL_OK)
        return code == SL_E_PERSONAL ? fail_diags(&leaks, err) : code;
    code = sl_world_refuse_broken(world, &request->may_break, &broken, err);
    if (code != SL_OK)
        return code == SL_E_VERSION_BROKEN ? fail_diags(&broken, err) : code;
    SL_TRY(sl_world_find_unbound(world, SL_BOUND_SEEN, &unbound, err));
    return unbound.error_count ? fail_diags(&unbound, err) : SL_OK;
}

static bool is_read_by_selected(const struct sl_graph *graph, const struct sl_node *node)
{
    for (size_t i = 0; i < node->downstream_count; i++)
        if (graph->nodes[node->downstream[i]].is_selected)
            return true;
    return false;
}

static int list(struct sl_world *world, struct sl_plan_reply *reply, struct sl_err *err)
{
    const struct sl_graph *graph = &world->graph;
    reply->nodes = SL_NEW_ARRAY(&world->arena, struct sl_planned_node, graph->count);
    SL_TRY_NEW(reply->nodes, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (!node->is_selected && !is_read_by_selected(graph, node))
            continue;
        reply->nodes[reply->node_count++] =
            (struct sl_planned_node){node->name,  node->is_selected,   node->verdict,
                                     node->moved, node->facts.version, node->facts.rows};
    }
    return SL_OK;
}

// What `sluice apply` says of it, said once more where nothing comes in between.
static int require_holds(struct sl_world *world, const json_t *stored, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *now = NULL;
    SL_TRY(sl_plan_print(&world->graph, world->project, &now, err));
    if (sl_plan_compare(stored, now, err) == SL_OK)
        return SL_OK;
    return sl_err_hint(err, "make a new one: `sluice plan`, or GET /api/v1/plan");
}

static int decide_as_planned(struct sl_world *world, const struct sl_plan_request *request,
                             const json_t *stored, struct sl_err *err)
{
    struct sl_graph *graph = &world->graph;
    struct sl_err cause = {0};
    int code = sl_graph_select(graph, &request->select, &request->exclude, &world->arena, &cause);
    if (code == SL_E_SELECTOR)
        return sl_fail(err, SL_E_PLAN_CHANGED, "the project has other steps than the plan: %s",
                       cause.message);
    if (code != SL_OK) {
        *err = cause;
        return code;
    }
    SL_TRY(sl_world_gather(world, false, err));
    SL_TRY(sl_plan_decide(graph, request->full_refresh, &world->arena, err));
    return require_holds(world, stored, err);
}

static bool is_published(const struct sl_publication *last, const struct sl_node *node)
{
    const struct sl_published *table = sl_publication_find(last, node->name);
    return node->facts.version < 0 || node->facts.is_borrowed || !sl_node_has_table(node) ||
           (table && table->version == node->facts.version);
}

// Of the selected tables that are not published as they stand: which, and since which publication.
// "": all are.
static int print_unpublished(const struct sl_world *world, const struct sl_publication *last,
                             char ret[65], struct sl_err *err)
{
    const struct sl_graph *graph = &world->graph;
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    bool is_all = true;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add_bytes(hash, &last->number, sizeof last->number);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (!node->is_selected || is_published(last, node))
            continue;
        sl_hash_add(hash, node->name);
        sl_hash_add_bytes(hash, &node->facts.version, sizeof node->facts.version);
        is_all = false;
    }
    SL_TRY(sl_hash_end(hash, ret, err));
    if (is_all)
        *ret = '\0';
    return SL_OK;
}

// What a run before could not publish any more, because it was killed or had no room. Only if a
// selected table is not published as it stands all others are looked at; while it is withheld, once
// a minute.
static int has_rest(struct sl_world *world, bool *ret, struct sl_err *err)
{
    struct sl_publication last, now = {0};
    const int64_t now_us = sl_clock_monotonic_us();
    char unpublished[65];
    SL_TRY(sl_publication_last(world->project, &world->arena, &last, err));
    SL_TRY(print_unpublished(world, &last, unpublished, err));
    if (!*unpublished ||
        (strcmp(unpublished, world->withheld) == 0 && now_us < world->withheld_until_us))
        return SL_OK;
    SL_TRY(sl_world_look_again(world, err));
    SL_TRY(sl_plan_publish(&world->graph, &last, &world->arena, &now, err));
    *ret = !sl_publication_equals(&last, &now);
    if (!*ret) {
        memcpy(world->withheld, unpublished, sizeof unpublished);
        world->withheld_until_us = now_us + WITHHELD_US;
    }
    return SL_OK;
}

// `stored`: the plan that must still hold; NULL: any.
static int plan(struct sl_world *world, const json_t *told, const json_t *stored,
                struct sl_plan_reply *reply, struct sl_err *err)
{
    struct sl_plan_request request = {0};
    bool is_to_publish = false;
    SL_TRY(sl_fields_unpack(sl_plan_request_fields, told, &world->arena, &request, err));
    SL_TRY(sl_world_require_valid(world, err));
    SL_TRY(sl_publication_require(world->project, err));
    SL_TRY(stored ? decide_as_planned(world, &request, stored, err) : decide(world, &request, err));
    reply->due = (int64_t)(sl_plan_count(&world->graph, SL_VERDICT_STALE) +
                           sl_plan_count(&world->graph, SL_VERDICT_AFTER));
    if (!reply->due && !stored)
        SL_TRY(has_rest(world, &is_to_publish, err));
    reply->due += is_to_publish;
    if (!reply->due)
        return SL_OK;
    SL_TRY(refuse(world, &request, err));
    SL_TRY(sl_world_measure(world, err));
    return list(world, reply, err);
}

// --- publishing

// A worker before this one did it, and died before it could say so.
static int find_before(struct sl_world *world, struct sl_rest *rest, bool *ret_is_new,
                       struct sl_err *err)
{
    int64_t number;
    *ret_is_new = true;
    rest->before = (struct sl_publication){0};
    SL_TRY(sl_publication_before(world->project, rest->now.number, &world->arena, &number, err));
    return number > 0
               ? sl_publication_read(world->project, number, &world->arena, &rest->before, err)
               : SL_OK;
}

static int publish(struct sl_world *world, const json_t *told, struct sl_publish_reply *reply,
                   struct sl_err *err)
{
    struct sl_publish_request request = {0};
    struct sl_rest rest = {0};
    SL_TRY(sl_fields_unpack(sl_publish_request_fields, told, &world->arena, &request, err));
    const struct sl_publish_options options = {
        .run_id = request.run_id, .command = request.command, .at_us = sl_clock_now_us()};
    SL_TRY(sl_publication_last(world->project, &world->arena, &rest.before, err));
    sl_world_forget(world);
    SL_TRY(sl_world_publish(world, &options, &rest.now, &reply->is_new, err));
    reply->number = rest.now.number;
    if (!reply->is_new && sl_str_equal(rest.now.run_id, request.run_id))
        SL_TRY(find_before(world, &rest, &reply->is_new, err));
    return reply->is_new ? sl_rest_tables(&rest, world, &world->arena, &reply->tables, err) : SL_OK;
}

// --- planning a backfill

static bool has_chunks(const struct sl_backfill_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].found.count)
            return true;
    return false;
}

// *ret_rest: there is no chunk, and what was built before is to be published.
static int plan_backfill(struct sl_world *world, const json_t *told, struct sl_backfill_plan *ret,
                         bool *ret_rest, struct sl_err *err)
{
    struct sl_rest rest = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_diags_clear) struct sl_diags leaks = SL_DIAGS_INIT;
    struct sl_backfill_asked asked;
    SL_TRY(sl_backfill_asked_parse(told, &world->arena, &asked, err));
    asked.options.asks_no_history = true; // see above
    SL_TRY(sl_world_require_valid(world, err));
    SL_TRY(sl_publication_require(world->project, err));
    SL_TRY(sl_world_gather(world, false, err));
    SL_TRY(sl_world_session(world, &session, err));
    SL_TRY(sl_world_backfill_plan(world, session, &asked.options, ret, err));
    if (!has_chunks(ret))
        SL_TRY(sl_world_rest(world, &rest, err));
    *ret_rest = rest.is_new;
    int code = sl_world_refuse_leaks(world, &leaks, err);
    return code == SL_E_PERSONAL ? fail_diags(&leaks, err) : code;
}

static json_t *answer_backfill(struct sl_world *world, const json_t *told)
{
    struct sl_backfill_plan plan = {0};
    struct sl_err err = {0};
    bool has_rest = false;
    if (plan_backfill(world, told, &plan, &has_rest, &err) == SL_OK)
        return json_pack("{s:o, s:b}", "plan", sl_backfill_plan_pack(&plan), "rest", (int)has_rest);
    return json_pack("{s:o}", "err", sl_fields_pack(sl_err_fields, &err));
}

// --- looking

static int look(struct sl_world *world, const json_t *told, struct sl_health *ret,
                struct sl_err *err)
{
    struct sl_health_request request = {0};
    SL_TRY(sl_fields_unpack(sl_health_request_fields, told, &world->arena, &request, err));
    SL_TRY(sl_world_require_valid(world, err));
    return sl_health_look(world, &request, ret, err);
}

bool sl_work_errand(struct sl_world *world, const json_t *request, json_t **ret_reply)
{
    const json_t *to_plan = json_object_get(request, "plan");
    const json_t *to_publish = json_object_get(request, "publish");
    const json_t *to_look = json_object_get(request, "look");
    const json_t *to_backfill = json_object_get(request, "backfill");
    struct sl_plan_reply planned = {0};
    struct sl_publish_reply published = {0};
    struct sl_health_reply seen = {0};
    if (to_backfill) {
        *ret_reply = answer_backfill(world, to_backfill);
    } else if (to_plan) {
        const json_t *stored = json_object_get(request, "holds");
        (void)!plan(world, to_plan, stored, &planned, &planned.err);
        *ret_reply = sl_fields_pack(sl_plan_reply_fields, &planned);
    } else if (to_publish) {
        if (publish(world, to_publish, &published, &published.err) != SL_OK)
            (void)sl_err_context(&published.err, "publish what was built");
        *ret_reply = sl_fields_pack(sl_publish_reply_fields, &published);
    } else if (to_look) {
        (void)!look(world, to_look, &seen.health, &seen.err);
        *ret_reply = sl_fields_pack(sl_health_reply_fields, &seen);
    }
    return to_plan || to_publish || to_backfill || to_look;
}
