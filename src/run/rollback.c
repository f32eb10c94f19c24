#include "base/fs.h"
#include "run/lock.h"
#include "run/rollback_job.h"

#include <stdlib.h>
#include <string.h>

#define LISTED_BYTES 300 // of a list of tables in a message

static int fail_gone(const char *table, int64_t version, const char *why, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_TABLE_VERSION, "%s cannot go back to version %lld: %s", table,
                  (long long)version, why);
    return sl_err_hint(err, "no table was changed");
}

// --- what is to be done

static int check_files(const struct sl_rollback_job *job, const struct sl_back *back,
                       struct sl_err *err)
{
    for (size_t i = 0; i < back->then.file_count; i++) {
        const char *path;
        if (sl_delta_file_path(back->folder, &back->then.files[i], job->arena, &path, err) != SL_OK)
            return sl_err_context(err, "%s cannot go back", back->table);
        if (sl_fs_exists(path))
            continue;
        const char *why =
            sl_arena_printf(job->arena, "its data file '%s' is gone (vacuumed, or removed)",
                            back->then.files[i].path);
        SL_TRY_NEW(why, err);
        return fail_gone(back->table, back->then.version, why, err);
    }
    return SL_OK;
}

static bool is_same_table(const struct sl_delta_snapshot *a, const struct sl_delta_snapshot *b)
{
    if (a->file_count != b->file_count || !sl_str_equal(a->schema_json, b->schema_json))
        return false;
    for (size_t i = 0; i < a->file_count; i++)
        if (!sl_str_equal(a->files[i].path, b->files[i].path) ||
            !sl_str_equal(a->files[i].tags_json, b->files[i].tags_json))
            return false;
    return true;
}

static int load(struct sl_rollback_job *job, struct sl_back *back, int64_t version,
                struct sl_err *err)
{
    struct sl_err cause = {0};
    int code = sl_delta_load(back->folder, version, job->session, job->arena, &back->then, &cause);
    if (code == SL_E_TABLE_VERSION)
        return fail_gone(back->table, version, cause.message, err);
    if (code != SL_OK) {
        *err = cause;
        return code;
    }
    return sl_delta_load(back->folder, -1, job->session, job->arena, &back->now, err);
}

static int read_records(struct sl_rollback_job *job, struct sl_back *back, enum sl_layer layer,
                        const char *name, struct sl_err *err)
{
    struct sl_delta_head head, then;
    SL_TRY(sl_step_position(job->world->project, layer, name, job->session, job->arena,
                            &back->folder, &head, &back->record, err));
    back->since = sl_step_rows_since(&head, &back->record);
    SL_TRY(sl_delta_head_at(back->folder, back->then.version, job->arena, &then, err));
    if (!then.record_json)
        return fail_gone(back->table, back->then.version,
                         "its log no longer says what it was built from", err);
    back->then_record = then.record_json;
    return SL_OK;
}

static int add(struct sl_rollback_job *job, const char *table, struct sl_err *err)
{
    const struct sl_published *published = sl_publication_find(job->rollback->target, table);
    struct sl_back *back = &job->backs[job->count];
    enum sl_layer layer;
    const char *name;
    *back = (struct sl_back){.table = table};
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table);
    back->folder = sl_table_folder(job->world->project, layer, name, job->arena);
    SL_TRY_NEW(back->folder, err);
    if (!published) {
        const char *log = sl_path_join(job->arena, back->folder, "_delta_log");
        SL_TRY_NEW(log, err);
        return sl_fs_exists(log) ? sl_strs_add(&job->rollback->left, job->arena, table, err)
                                 : SL_OK;
    }
    SL_TRY(load(job, back, published->version, err));
    if (back->now.version < 0)
        return fail_gone(table, published->version, "the table is gone", err);
    if (published->id && !sl_str_equal(published->id, back->now.table_id))
        return fail_gone(table, published->version, "it was removed and made anew since", err);
    SL_TRY(read_records(job, back, layer, name, err));
    SL_TRY(check_files(job, back, err));
    struct sl_rolled_back result = {.table = table,
                                    .from = back->now.version,
                                    .to = published->version,
                                    .version = -1,
                                    .rows_from = back->now.row_count,
                                    .rows_to = back->then.row_count};
    job->rollback->tables[job->count] = result;
    back->result = &job->rollback->tables[job->count++];
    return SL_OK;
}

static const struct sl_back *find(const struct sl_rollback_job *job, const char *table)
{
    for (size_t i = 0; i < job->count; i++)
        if (sl_str_equal(job->backs[i].table, table))
            return &job->backs[i];
    return NULL;
}

// What no step writes any more was part of the state to go back to all the same: the code may come
// back by another way. If it cannot, that is no reason to leave all the others as they are.
static int add_orphans(struct sl_rollback_job *job, struct sl_err *err)
{
    const struct sl_publication *target = job->rollback->target;
    for (size_t i = 0; i < target->table_count; i++) {
        const char *table = target->tables[i].table;
        struct sl_err cause = {0};
        if (find(job, table))
            continue;
        int code = add(job, table, &cause);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        if (code == SL_OK) {
            job->backs[job->count - 1].result->is_orphan = true;
            continue;
        }
        struct sl_lost lost = {table, sl_arena_strdup(job->arena, cause.message)};
        SL_TRY_NEW(lost.because, err);
        if (!SL_PUSH(job->arena, job->rollback->lost, job->rollback->lost_count, lost))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// They get nothing of a table that the publication does not list, whatever they hold of it.
static int leave_targets(struct sl_rollback_job *job, struct sl_err *err)
{
    const struct sl_graph *graph = &job->world->graph;
    struct sl_strs *left = &job->rollback->left;
    const size_t table_count = left->count;
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        bool is_left = false;
        if (node->kind != SL_NODE_LOAD || node->target->reads != SL_READS_PUBLISHED)
            continue;
        for (size_t k = 0; k < table_count && !is_left; k++)
            is_left = sl_str_equal(left->items[k], node->delivery->table);
        if (is_left)
            SL_TRY(sl_strs_add(left, job->arena, node->name, err));
    }
    return SL_OK;
}

// In the order of the graph; of a cleanse step the quarantine first, as the step itself does.
static int collect(struct sl_rollback_job *job, struct sl_err *err)
{
    const struct sl_graph *graph = &job->world->graph;
    size_t count = 2 * graph->count + job->rollback->target->table_count;
    job->backs = SL_NEW_ARRAY(job->arena, struct sl_back, count);
    job->rollback->tables = SL_NEW_ARRAY(job->arena, struct sl_rolled_back, count);
    SL_TRY_NEW(job->backs, err);
    SL_TRY_NEW(job->rollback->tables, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (!sl_node_has_table(node))
            continue;
        if (node->kind == SL_NODE_CLEANSE) {
            const char *quarantine = sl_arena_printf(job->arena, "quarantine.%s", node->bare);
            SL_TRY_NEW(quarantine, err);
            SL_TRY(add(job, quarantine, err));
        }
        SL_TRY(add(job, node->name, err));
    }
    SL_TRY(add_orphans(job, err));
    SL_TRY(leave_targets(job, err));
    job->rollback->table_count = job->count;
    return SL_OK;
}

// --- doing it

// The number under which an input's rows of then stand now.
static int64_t version_now(const struct sl_rollback_job *job, const char *table, int64_t otherwise)
{
    const struct sl_back *input = find(job, table);
    if (!input)
        return otherwise;
    return input->result->version >= 0 ? input->result->version : input->now.version;
}

// In a dry run: the input would get a new version.
static bool will_change(const struct sl_rollback_job *job, const char *table)
{
    const struct sl_back *input = find(job, table);
    return job->is_dry && input && input->result->is_needed;
}

static bool has_input(const struct sl_rollback_job *job, const struct sl_back *back,
                      const char *table, int64_t version)
{
    const struct sl_back *input = find(job, table);
    for (size_t i = 0; i < back->record.input_count; i++) {
        const struct sl_table_version *built_from = &back->record.inputs[i];
        if (!sl_str_equal(built_from->table, table))
            continue;
        bool is_same = input && input->result->version < 0 && built_from->version >= input->since &&
                       built_from->version <= version;
        return built_from->version == version || is_same;
    }
    return false;
}

// The record that the version had, with the inputs under their numbers of now. *ret_is_said: the
// newest record says the same.
static int rewrite_record(const struct sl_rollback_job *job, const struct sl_back *back,
                          json_t **ret, bool *ret_is_said, struct sl_err *err)
{
    static const char *const of_its_own_time[] = {"balance",      "reasons",   "replayed",
                                                  "checked_with", "same_rows", "full"};
    SL_AUTO(sl_json_free) json_t *record = NULL;
    const char *table;
    json_t *input;
    SL_TRY(sl_json_parse(back->then_record, strlen(back->then_record), back->table, &record, err));
    *ret_is_said =
        sl_str_equal(back->record.fingerprint, sl_json_text(record, "fingerprint", NULL));
    json_object_foreach (json_object_get(record, "inputs"), table, input) {
        int64_t version = version_now(job, table, sl_json_int(input, "version", -1));
        *ret_is_said &= has_input(job, back, table, version) && !will_change(job, table);
        if (json_object_set_new(input, "version", json_integer(version)) != 0)
            return sl_fail_memory(err);
    }
    for (size_t i = 0; i < sizeof of_its_own_time / sizeof *of_its_own_time; i++)
        (void)json_object_del(record, of_its_own_time[i]);
    if (json_object_set_new(record, "run_id", json_string(job->rollback->run_id)) != 0 ||
        json_object_set_new(record, "restored", json_integer(back->then.version)) != 0)
        return sl_fail_memory(err);
    *ret = record;
    record = NULL;
    return SL_OK;
}

// Two beyond both tables of a step: a rollback that is killed between quarantine and clean leaves
// no pair that looks like a step to be gone on with.
static int64_t next_sequence(const struct sl_rollback_job *job, const struct sl_back *back,
                             const char *step)
{
    int64_t newest = back->record.sequence;
    for (size_t i = 0; i < job->count; i++)
        if (sl_str_equal(job->backs[i].record.step, step) && job->backs[i].record.sequence > newest)
            newest = job->backs[i].record.sequence;
    return newest + 2;
}

static struct sl_delta_commit commit_of(const struct sl_back *back)
{
    return (struct sl_delta_commit){.mode = SL_DELTA_RESTORE,
                                    .base_version = back->now.version,
                                    .columns = back->then.columns,
                                    .column_count = back->then.column_count,
                                    .partition_columns = back->then.partition_columns,
                                    .partition_count = back->then.partition_count,
                                    .staged_folder = "",
                                    .restored = &back->then,
                                    .operation = "RESTORE"};
}

static int restore(struct sl_rollback_job *job, struct sl_back *back, int64_t sequence,
                   struct sl_err *err)
{
    const char *step = sl_json_text(back->next, "step", "");
    int64_t version;
    bool was_done;
    char *text = NULL;
    if (json_object_set_new(back->next, "sequence", json_integer(sequence)) != 0)
        return sl_fail_memory(err);
    SL_TRY(sl_json_print(back->next, &text, err));
    struct sl_delta_commit commit = commit_of(back);
    commit.app_id = step;
    commit.app_version = sequence;
    commit.record_json = text;
    int code =
        sl_delta_commit(back->folder, &commit, job->session, job->arena, &version, &was_done, err);
    free(text);
    SL_TRY(code);
    if (was_done)
        return sl_fail(err, SL_E_TABLE_CONFLICT, "another run changed %s meanwhile", back->table);
    back->result->version = version;
    return SL_OK;
}

// The other table of a cleanse step; NULL: there is none, or it was not published.
static struct sl_back *partner(struct sl_rollback_job *job, const struct sl_back *back)
{
    const char *name = strchr(back->table, '.');
    for (size_t i = 0; i < job->count; i++) {
        struct sl_back *other = &job->backs[i];
        bool is_pair =
            other != back &&
            (sl_str_starts(back->table, "clean.") || sl_str_starts(back->table, "quarantine.")) &&
            (sl_str_starts(other->table, "clean.") || sl_str_starts(other->table, "quarantine."));
        if (is_pair && sl_str_equal(strchr(other->table, '.'), name))
            return other;
    }
    return NULL;
}

// Whether all that the version was built from is decided: its numbers are known then.
static int can_be_decided(const struct sl_rollback_job *job, const struct sl_back *back, bool *ret,
                          struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *record = NULL;
    const char *table;
    json_t *input;
    *ret = true;
    SL_TRY(sl_json_parse(back->then_record, strlen(back->then_record), back->table, &record, err));
    json_object_foreach (json_object_get(record, "inputs"), table, input) {
        const struct sl_back *built_from = find(job, table);
        *ret &= !built_from || built_from == back || built_from->is_done;
    }
    return SL_OK;
}

static int decide(struct sl_rollback_job *job, struct sl_back *back, struct sl_err *err)
{
    bool is_said;
    sl_json_free(&back->next);
    SL_TRY(rewrite_record(job, back, &back->next, &is_said, err));
    back->result->is_needed = !is_said || !is_same_table(&back->then, &back->now);
    return SL_OK;
}

// Both tables of a cleanse step or none, with one sequence number: else they would look torn.
static int bring_back(struct sl_rollback_job *job, struct sl_back *back, struct sl_err *err)
{
    struct sl_back *other = partner(job, back);
    SL_TRY(decide(job, back, err));
    if (other)
        SL_TRY(decide(job, other, err));
    bool is_needed = back->result->is_needed || (other && other->result->is_needed);
    back->result->is_needed = is_needed;
    int64_t sequence = next_sequence(job, back, sl_json_text(back->next, "step", ""));
    if (is_needed && !job->is_dry)
        SL_TRY(restore(job, back, sequence, err));
    back->is_done = true;
    if (!other)
        return SL_OK;
    other->result->is_needed = is_needed;
    if (is_needed && !job->is_dry)
        SL_TRY(restore(job, other, sequence, err));
    other->is_done = true;
    return SL_OK;
}

// What a version was built from comes before it, whatever the models read today. The newest
// sequence numbers stay as they were found: those of the rollback are not among them.
static int roll_back(struct sl_rollback_job *job, struct sl_err *err)
{
    for (bool has_moved = true; has_moved;) {
        has_moved = false;
        for (size_t i = 0; i < job->count; i++) {
            bool is_ready;
            if (job->backs[i].is_done)
                continue;
            SL_TRY(can_be_decided(job, &job->backs[i], &is_ready, err));
            if (!is_ready)
                continue;
            SL_TRY(bring_back(job, &job->backs[i], err));
            has_moved = true;
        }
    }
    for (size_t i = 0; i < job->count; i++)
        if (!job->backs[i].is_done)
            return sl_fail(err, SL_E_INTERNAL, "%s was built from itself", job->backs[i].table);
    return SL_OK;
}

// All that would be refused is, before the first table is written.
static int check_all(struct sl_rollback_job *job, struct sl_err *err)
{
    job->is_dry = true;
    SL_TRY(roll_back(job, err));
    for (size_t i = 0; i < job->count; i++) {
        const struct sl_back *back = &job->backs[i];
        const struct sl_delta_commit commit = commit_of(back);
        if (!back->result->is_needed)
            continue;
        if (sl_delta_commit_check(back->folder, &commit, job->session, err) != SL_OK) {
            (void)sl_err_context(err, "%s cannot go back to version %lld", back->table,
                                 (long long)back->then.version);
            return sl_err_hint(err, "no table was changed");
        }
    }
    job->is_dry = job->rollback->dry_run;
    for (size_t i = 0; i < job->count && !job->is_dry; i++) {
        job->backs[i].is_done = false;
        job->backs[i].result->is_needed = false;
    }
    return SL_OK;
}

// The names of the tables that have a new version, or that have none yet.
static void list(const struct sl_rollback_job *job, bool is_back, struct sl_buf *ret)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct sl_back *back = &job->backs[i];
        bool is_listed = is_back ? back->result->version >= 0 : !back->is_done;
        if (is_listed && ret->length < LISTED_BYTES)
            sl_buf_addf(ret, "%s%s", ret->length ? ", " : "", back->table);
        else if (is_listed && !sl_str_ends(ret->text, ", ..."))
            sl_buf_add(ret, ", ...");
    }
}

static int fail_half(const struct sl_rollback_job *job, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf done = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf open = SL_BUF_INIT;
    const struct sl_err cause = *err;
    list(job, true, &done);
    list(job, false, &open);
    SL_TRY(sl_buf_check(&done, err));
    SL_TRY(sl_buf_check(&open, err));
    if (done.length == 0)
        return (int)cause.code;
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_ROLLBACK_HALF, "back are %s; %s%s: %s", done.text,
                  open.length ? "not yet " : "all tables, but not published", open.text,
                  cause.message);
    return sl_err_hint(err, "the same command, run again, goes on; until then whoever reads a "
                            "publication sees the state of before");
}

int sl_world_rollback(struct sl_world *world, struct sl_session *session,
                      struct sl_rollback *rollback, struct sl_err *err)
{
    struct sl_rollback_job job = {
        .world = world, .session = session, .rollback = rollback, .arena = &world->arena};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    SL_TRY(sl_publication_require(world->project, err));
    if (!rollback->dry_run)
        SL_TRY(sl_run_lock(world->project->state_folder, &lock_fd, err));
    SL_TRY(collect(&job, err));
    int code = check_all(&job, err);
    if (code == SL_OK && !rollback->dry_run) {
        code = roll_back(&job, err);
        if (code == SL_OK)
            code = sl_rollback_publish(&job, err);
        if (code != SL_OK)
            code = fail_half(&job, err);
    }
    for (size_t i = 0; i < job.count; i++)
        sl_json_free(&job.backs[i].next);
    return code;
}
