#include "run/rollback_job.h"

static int fail_changed(const char *table, struct sl_err *err)
{
    return sl_fail(err, SL_E_TABLE_CONFLICT, "another run changed %s meanwhile", table);
}

// The inputs of a table that no step writes are known from its record alone.
static int read_inputs(const struct sl_rollback_job *job, const struct sl_back *back,
                       struct sl_published *ret, struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record;
    enum sl_layer layer;
    const char *name, *folder;
    if (!sl_table_parse(back->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", back->table);
    SL_TRY(sl_step_position(job->world->project, layer, name, job->session, job->arena, &folder,
                            &head, &record, err));
    if (head.version != ret->version)
        return fail_changed(back->table, err);
    for (size_t i = 0; i < record.input_count; i++) {
        const struct sl_table_version *from = &record.inputs[i];
        struct sl_input input = {from->table, from->version, from->id};
        if (!SL_PUSH(job->arena, ret->inputs, ret->input_count, input))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// The version that the rollback has left, while no other program has gone on from it.
static int list_table(const struct sl_rollback_job *job, const struct sl_back *back,
                      struct sl_publication *now, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&job->world->graph, back->table);
    const int64_t version = back->result->version >= 0 ? back->result->version : back->now.version;
    struct sl_published published = {back->table, version, back->now.table_id, NULL, 0};
    if (back->result->is_orphan) {
        SL_TRY(read_inputs(job, back, &published, err));
    } else {
        const struct sl_facts *facts = &node->facts;
        bool is_quarantine = !sl_str_equal(node->name, back->table);
        if (facts->trouble)
            return sl_fail(err, SL_E_PUBLICATION, "%s cannot be looked at: %s", back->table,
                           facts->trouble);
        if ((is_quarantine ? facts->quarantine_version : facts->version) != version)
            return fail_changed(back->table, err);
        published.inputs = facts->inputs;
        published.input_count = facts->input_count;
    }
    if (!SL_PUSH(job->arena, now->tables, now->table_count, published))
        return sl_fail_memory(err);
    return SL_OK;
}

// As sl_world_publish does: the publication before is read first, the tables after it.
static int publish_after(struct sl_rollback_job *job, struct sl_publication *now,
                         struct sl_err *err)
{
    struct sl_publication last;
    SL_TRY(sl_publication_last(job->world->project, job->arena, &last, err));
    SL_TRY(sl_world_look_again(job->world, err));
    for (size_t i = 0; i < job->count; i++)
        SL_TRY(list_table(job, &job->backs[i], now, err));
    sl_publication_sort(now);
    now->outputs = job->rollback->target->outputs;
    now->output_count = job->rollback->target->output_count;
    if (sl_publication_equals(&last, now)) // nothing went back, and nothing is left to publish
        return SL_OK;
    return sl_publication_write(job->world->project, &last, now, job->arena, err);
}

int sl_rollback_publish(struct sl_rollback_job *job, struct sl_err *err)
{
    struct sl_publication now;
    int code;
    do { // the number was taken by another program
        sl_err_clear(err);
        now = (struct sl_publication){
            .run_id = job->rollback->run_id, .command = "rollback", .at_us = job->rollback->now_us};
        code = publish_after(job, &now, err);
    } while (code == SL_E_FILE_EXISTS);
    SL_TRY(code);
    job->rollback->number = now.number;
    return SL_OK;
}
