// Giving up rows of quarantine: they stay, with who did it, when and why.
#include "base/clock.h"
#include "contract/compile.h"
#include "step/step.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_BYTES = 256 << 20 };

struct discarding {
    struct sl_step_context *context;
    const struct sl_discard *discard;
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record; // of it
    struct sl_delta_snapshot before;
    const char **removed;
    size_t removed_count;
    int64_t rows; // of the files that are written anew; -1: the log does not say
};

// Every column of today's, for tables of an earlier version lack some.
static int add_rows(struct discarding *discarding, const struct sl_delta_file *files, size_t count,
                    struct sl_buf *sql, struct sl_err *err)
{
    struct sl_step_context *context = discarding->context;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan_files(&discarding->before, files, count, context->arena, &scan, err));
    scan.with_origin = true;
    sl_buf_add(sql, "(select ");
    for (size_t i = 0; i < sl_quarantine_column_count; i++) {
        sl_buf_addf(sql, "%scast(null as %s) as ", i ? ", " : "", sl_quarantine_columns[i].type);
        sl_buf_add_sql_name(sql, sl_quarantine_columns[i].name);
    }
    sl_buf_add(sql, " where false union all by name select * from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, sql, err));
    sl_buf_add(sql, ")");
    return SL_OK;
}

static void add_condition(const struct sl_discard *discard, struct sl_buf *sql)
{
    sl_buf_addf(sql, "((%s) and discarded_at is %snull)", discard->where,
                discard->is_undone ? "not " : "");
}

static int choose_files(struct discarding *discarding, struct sl_delta_file **ret,
                        size_t *ret_count, int64_t *ret_rows, struct sl_err *err)
{
    struct sl_step_context *context = discarding->context;
    struct sl_delta_snapshot *before = &discarding->before;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql, "select \"~file\", count(*) from ");
    SL_TRY(add_rows(discarding, before->files, before->file_count, &sql, err));
    sl_buf_add(&sql, " where ");
    add_condition(discarding->discard, &sql);
    sl_buf_add(&sql, " group by 1 order by 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(context->session->kind->query(context->session, sql.text, 0, &result, err));
    *ret_count = (size_t)sl_result_rows(result);
    *ret = SL_NEW_ARRAY(context->arena, struct sl_delta_file, *ret_count);
    SL_TRY_NEW(*ret, err);
    discarding->removed = SL_NEW_ARRAY(context->arena, const char *, *ret_count);
    SL_TRY_NEW(discarding->removed, err);
    *ret_rows = 0;
    for (size_t i = 0; i < *ret_count; i++) {
        size_t index;
        SL_TRY(sl_file_index(result, (int64_t)i, before->file_count, &index, err));
        (*ret)[i] = before->files[index];
        discarding->removed[discarding->removed_count++] = before->files[index].path;
        discarding->rows = sl_rows_add(discarding->rows, before->files[index].row_count);
        *ret_rows += sl_result_int(result, (int64_t)i, 1);
    }
    return SL_OK;
}

static int add_marked(struct discarding *discarding, const struct sl_delta_file *files,
                      size_t count, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_discard *discard = discarding->discard;
    char at[32];
    sl_clock_format(discarding->context->now_us, at);
    sl_buf_add(sql, "select * exclude (\"~file\", \"~row\", \"~hit\") replace (");
    if (discard->is_undone) {
        sl_buf_add(sql, "case when not \"~hit\" then discarded_at end as discarded_at, "
                        "case when not \"~hit\" then discarded_by end as discarded_by, "
                        "case when not \"~hit\" then discard_reason end as discard_reason");
    } else {
        sl_buf_addf(sql,
                    "case when \"~hit\" then timestamptz '%s' else discarded_at end as "
                    "discarded_at, case when \"~hit\" then ",
                    at);
        sl_buf_add_sql_string(sql, discard->by);
        sl_buf_add(sql, " else discarded_by end as discarded_by, case when \"~hit\" then ");
        sl_buf_add_sql_string(sql, discard->reason);
        sl_buf_add(sql, " else discard_reason end as discard_reason");
    }
    sl_buf_add(sql, ") from (select *, coalesce(");
    add_condition(discard, sql);
    sl_buf_add(sql, ", false) as \"~hit\" from ");
    SL_TRY(add_rows(discarding, files, count, sql, err));
    sl_buf_add(sql, ") order by _source, _position");
    return sl_buf_check(sql, err);
}

// All rows that are given up with these, or without them.
static int count_given_up(struct discarding *discarding, struct sl_standing *ret,
                          struct sl_err *err)
{
    struct sl_step_context *context = discarding->context;
    const struct sl_discard *discard = discarding->discard;
    const struct sl_contract_table *contract = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    *ret = (struct sl_standing){0};
    for (size_t i = 0; i < context->project->source_count; i++)
        if (sl_str_equal(context->project->sources[i].name, discard->name))
            contract = sl_project_contract_for(context->project, &context->project->sources[i]);
    if (!contract)
        return SL_OK;
    sl_buf_add(&sql, "(select reasons, set_aside is not null as is_published from ");
    SL_TRY(
        add_rows(discarding, discarding->before.files, discarding->before.file_count, &sql, err));
    sl_buf_addf(&sql, " where %scoalesce(",
                discard->is_undone ? "discarded_at is not null and not "
                                   : "discarded_at is not null or ");
    add_condition(discard, &sql);
    sl_buf_add(&sql, ", false))");
    SL_TRY(sl_buf_check(&sql, err));
    const struct sl_standing_count count = {.session = context->session,
                                            .contract = contract,
                                            .before = &discarding->record.standing,
                                            .relation = sql.text,
                                            .arena = context->arena};
    return sl_standing_count(&count, ret, err);
}

// The record of the table's last commit goes on, for its position is the same, with what was done.
static int print_record(struct discarding *discarding, int64_t rows, const char **ret,
                        struct sl_err *err)
{
    const struct sl_discard *discard = discarding->discard;
    const char *last = discarding->head.record_json;
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_standing standing;
    char *text = NULL;
    SL_TRY(sl_json_parse(last, strlen(last), "commitInfo.sluice", &root, err));
    json_t *done = json_pack("{s:s, s:s?, s:I, s:b}", "by", discard->by, "reason", discard->reason,
                             "rows", (json_int_t)rows, "undone", discard->is_undone);
    if (!done || json_object_set_new(root, "discard", done) != 0)
        return sl_fail_memory(err);
    SL_TRY(count_given_up(discarding, &standing, err));
    if (standing.is_known)
        SL_TRY(sl_standing_print(root, &standing, err));
    SL_TRY(sl_json_print(root, &text, err));
    *ret = sl_arena_strdup(discarding->context->arena, text);
    free(text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// The mark would be made by a commit of ours, and hide whose rows stand there.
static int refuse_foreign(const struct discarding *discarding, struct sl_err *err)
{
    struct sl_arena *arena = discarding->context->arena;
    const char *table = sl_arena_printf(arena, "quarantine.%s", discarding->discard->name), *why;
    SL_TRY_NEW(table, err);
    SL_TRY(sl_step_changed_by(&discarding->head, table, arena, &why, err));
    if (!why)
        return SL_OK;
    (void)sl_fail(err, SL_E_TABLE_FOREIGN, "%s", why);
    return sl_err_hint(err, "`sluice run` builds it anew; then discard again");
}

static int rewrite(struct discarding *discarding, const struct sl_delta_file *files, size_t count,
                   int64_t rows, struct sl_err *err)
{
    struct sl_step_context *context = discarding->context;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_stage_options options = {.folder = discarding->folder,
                                       .file_size_bytes = FILE_SIZE_BYTES};
    struct sl_staged staged = {0};
    int64_t version;
    SL_TRY(add_marked(discarding, files, count, &sql, err));
    SL_TRY(sl_step_staging(context, discarding->folder, &options.file_prefix, err));
    SL_TRY(context->session->kind->stage(context->session, sql.text, &options, context->arena,
                                         &staged, err));
    if (discarding->rows >= 0 && staged.row_count != discarding->rows)
        return sl_fail(err, SL_E_BALANCE, "%lld rows are in quarantine, but %lld were written",
                       (long long)discarding->rows, (long long)staged.row_count);
    struct sl_delta_commit commit = {
        .mode = SL_DELTA_REWRITE,
        .base_version = discarding->before.version,
        .columns = sl_quarantine_columns,
        .column_count = sl_quarantine_column_count,
        .staged = &staged,
        .staged_folder = "",
        .removed = discarding->removed,
        .removed_count = discarding->removed_count,
        .operation = "UPDATE",
    };
    SL_TRY(print_record(discarding, rows, &commit.record_json, err));
    return sl_step_commit(context, discarding->folder, &commit, &version, err);
}

// There is nothing to mark: no table, one without a record, or another environment's.
static int fail_missing(const struct discarding *discarding, struct sl_err *err)
{
    const struct sl_project *project = discarding->context->project;
    const char *name = discarding->discard->name;
    bool is_borrowed = false;
    const char *folder = sl_table_source(project, SL_LAYER_QUARANTINE, name,
                                         discarding->context->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    if (is_borrowed) {
        (void)sl_fail(err, SL_E_TABLE_MISSING,
                      "table 'quarantine.%s' is read from environment '%s', and this one has none "
                      "of its own",
                      name, project->read_environment);
        return sl_err_hint(err, "only there its rows can be given up: --env %s",
                           project->read_environment);
    }
    (void)sl_fail(err, SL_E_TABLE_MISSING, "table 'quarantine.%s' %s", name,
                  discarding->head.version < 0 ? "does not exist yet"
                                               : "no longer says what it was built from");
    return sl_err_hint(err, "`sluice run --select clean.%s` builds it", name);
}

int sl_step_discard(struct sl_step_context *context, const struct sl_discard *discard,
                    int64_t *ret_rows, struct sl_err *err)
{
    struct discarding discarding = {.context = context, .discard = discard};
    struct sl_delta_file *files;
    size_t count;
    SL_TRY(sl_step_position(context->project, SL_LAYER_QUARANTINE, discard->name, context->session,
                            context->arena, &discarding.folder, &discarding.head,
                            &discarding.record, err));
    if (discarding.head.version < 0 || !discarding.head.record_json)
        return fail_missing(&discarding, err);
    SL_TRY(refuse_foreign(&discarding, err));
    SL_TRY(sl_delta_load(discarding.folder, discarding.head.version, context->session,
                         context->arena, &discarding.before, err));
    SL_TRY(choose_files(&discarding, &files, &count, ret_rows, err));
    if (context->dry_run || *ret_rows == 0)
        return SL_OK;
    return rewrite(&discarding, files, count, *ret_rows, err);
}
