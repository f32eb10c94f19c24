// Foreign keys: which version of each parent table the rows are judged by, and what must be judged
// again when one has changed.
//
// Rows whose parent has come are in quarantine, with the rule among their reasons: those are read
// again, and of them only the ones that would be judged otherwise count. Rows whose parent has gone
// are in clean, or lost against another of their key: if keys of the parent are gone, and one of
// these rows has such a key, everything is read again.
#include "step/cleanse.h"
#include "step/schema.h"

static int position_of(struct sl_cleanse *cleanse, struct sl_cleanse_parent *parent,
                       struct sl_err *err)
{
    const struct sl_step_context *context = cleanse->context;
    struct sl_record record;
    enum sl_layer layer;
    const char *name;
    bool is_borrowed;
    if (!sl_table_parse(parent->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", parent->table);
    SL_TRY(sl_step_input(context->project, layer, name, context->session, context->arena,
                         &parent->folder, &parent->head, &record, &is_borrowed, err));
    if (parent->head.version < 0) {
        (void)sl_fail(err, SL_E_TABLE_MISSING,
                      "table '%s', to which a foreign key of '%s' leads, does not exist yet",
                      parent->table, cleanse->source->name);
        return sl_err_hint(err, "`sluice run --select +clean.%s` builds both",
                           cleanse->source->name);
    }
    parent->rows_since = sl_step_rows_since(&parent->head, &record);
    parent->built_from =
        sl_record_input(&cleanse->clean.record, parent->table, parent->head.table_id);
    return SL_OK;
}

static int add_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    struct sl_cleanse *cleanse = self;
    struct sl_cleanse_parent parent = {.rule = rule, .table = rule->parent};
    if (sl_cleanse_is_kin(cleanse, rule))
        return SL_OK;
    SL_TRY(position_of(cleanse, &parent, err));
    return SL_PUSH(cleanse->context->arena, cleanse->parents, cleanse->parent_count, parent)
               ? SL_OK
               : sl_fail_memory(err);
}

int sl_cleanse_read_parents(struct sl_cleanse *cleanse, struct sl_err *err)
{
    cleanse->parents = NULL;
    cleanse->parent_count = 0;
    return sl_contract_each_foreign_key(cleanse->contract, add_parent, cleanse, err);
}

void sl_cleanse_pin_newest(struct sl_cleanse *cleanse)
{
    for (size_t i = 0; i < cleanse->parent_count; i++)
        cleanse->parents[i].version = cleanse->parents[i].head.version;
}

bool sl_cleanse_pin_recorded(struct sl_cleanse *cleanse, const struct sl_record *record)
{
    bool are_known = true;
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        struct sl_cleanse_parent *parent = &cleanse->parents[i];
        parent->version = sl_record_input(record, parent->table, parent->head.table_id);
        are_known &= parent->version >= 0 && parent->version <= parent->head.version;
    }
    return are_known;
}

static bool is_changed(const struct sl_cleanse_parent *parent)
{
    return parent->built_from < parent->rows_since || parent->built_from > parent->head.version;
}

// Named in the record as another table than it is now.
static bool is_another(const struct sl_cleanse *cleanse, const struct sl_cleanse_parent *parent)
{
    const struct sl_record *record = &cleanse->clean.record;
    for (size_t i = 0; i < record->input_count; i++)
        if (sl_str_equal(record->inputs[i].table, parent->table))
            return parent->built_from < 0 || parent->built_from > parent->head.version;
    return false;
}

int sl_cleanse_pin_built(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    *ret_why = NULL;
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        struct sl_cleanse_parent *parent = &cleanse->parents[i];
        bool is_new = parent->built_from < 0;
        if (is_another(cleanse, parent)) {
            *ret_why =
                sl_arena_printf(cleanse->context->arena, "%s is another table now", parent->table);
            SL_TRY_NEW(*ret_why, err);
            return SL_OK;
        }
        parent->version = is_new || !is_changed(parent) ? parent->head.version : parent->built_from;
    }
    return SL_OK;
}

// Whether the pinned version may have other rows than the one that clean was built from. Of other
// versions than the newest it is not known since when they have had theirs.
static bool has_moved(const struct sl_cleanse_parent *parent)
{
    return parent->version == parent->head.version ? is_changed(parent)
                                                   : parent->version != parent->built_from;
}

// The rules that look at a table which has changed, and what is told of it.
static int list_changed(struct sl_cleanse *cleanse, struct sl_contract_change *change,
                        const char **ret_cause, struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    struct sl_strs tables = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf cause = SL_BUF_INIT;
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        const struct sl_cleanse_parent *parent = &cleanse->parents[i];
        if (!has_moved(parent))
            continue;
        if (!sl_strs_has(&tables, parent->table)) {
            sl_buf_addf(&cause, "%s%s", tables.count ? " and " : "", parent->table);
            SL_TRY(sl_strs_add(&tables, arena, parent->table, err));
        }
        if (parent->rule->severity == SL_RULE_WARN)
            continue;
        SL_TRY(sl_strs_add(&change->rules, arena, parent->rule->id, err));
        SL_TRY(sl_strs_add(&change->unproven, arena, parent->rule->id, err));
    }
    sl_buf_add(&cause, " changed");
    SL_TRY(sl_buf_check(&cause, err));
    *ret_cause = sl_arena_strdup(arena, cause.text);
    SL_TRY_NEW(*ret_cause, err);
    return SL_OK;
}

int sl_cleanse_begin_rejudging(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_record *clean = &cleanse->clean.record;
    const char *cause;
    cleanse->change = (struct sl_contract_change){0};
    SL_TRY(list_changed(cleanse, &cleanse->change, &cause, err));
    cleanse->range = (struct sl_cleanse_range){
        .from = sl_record_input(clean, cleanse->raw.name, cleanse->raw.head.table_id),
        .is_replay = true,
        .is_rejudged = true,
        .quarantine_version = cleanse->quarantine.head.version,
        .sequence = clean->sequence + 1,
        .cause = cause,
    };
    cleanse->range.to = cleanse->range.from;
    return SL_OK;
}

int sl_cleanse_decide_rejudging(struct sl_cleanse *cleanse, bool *ret, const char **ret_why,
                                struct sl_err *err)
{
    *ret = false;
    *ret_why = NULL;
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        const struct sl_cleanse_parent *parent = &cleanse->parents[i];
        *ret |= is_changed(parent);
        if (*ret_why || (parent->built_from >= 0 && !is_another(cleanse, parent)))
            continue;
        *ret_why =
            sl_arena_printf(cleanse->context->arena, "%s is another table now", parent->table);
        SL_TRY_NEW(*ret_why, err);
    }
    sl_cleanse_pin_newest(cleanse);
    return *ret && !*ret_why ? sl_cleanse_begin_rejudging(cleanse, err) : SL_OK;
}

static const struct sl_cleanse_parent *parent_of(const struct sl_cleanse *cleanse,
                                                 const struct sl_rule *rule)
{
    for (size_t i = 0; i < cleanse->parent_count; i++)
        if (cleanse->parents[i].rule == rule)
            return &cleanse->parents[i];
    return NULL;
}

static int check_columns(const struct sl_pass_parent *key, const struct sl_delta_snapshot *snapshot,
                         struct sl_err *err)
{
    const struct sl_rule *rule = key->rule;
    for (size_t i = 0; i < rule->to.count; i++) {
        const struct sl_column *column =
            sl_column_find(snapshot->columns, snapshot->column_count, rule->to.items[i]);
        if (column && sl_types_compare(column->type, key->types[i]))
            continue;
        if (!column)
            (void)sl_fail(err, SL_E_CONTRACT, "%s has no column '%s', to which a foreign key leads",
                          rule->parent, rule->to.items[i]);
        else
            (void)sl_fail(err, SL_E_CONTRACT,
                          "column '%s' is %s, and '%s' of %s is %s: they cannot be compared",
                          rule->columns.items[i], key->types[i], column->name, rule->parent,
                          column->type);
        return sl_err_at(err, rule->place.file, rule->place.line, rule->place.column);
    }
    return SL_OK;
}

// A number in the type of the column that looks for it, and null where that type has no such
// number: comparing two types in the one that holds both fails where none does (decimals of 38
// digits), and finds what is not there where it rounds (integers in a double).
void sl_cleanse_add_key(const struct sl_key_column *key, struct sl_buf *sql)
{
    const char *from = key->expression, *wanted = key->wanted;
    if (sl_str_equal(key->type, wanted) || !sl_types_compare(key->type, "DOUBLE"))
        sl_buf_add(sql, from);
    else if (sl_str_equal(wanted, "DOUBLE"))
        sl_buf_addf(sql, "try_cast(%s as DOUBLE)", from);
    else
        sl_buf_addf(sql,
                    "case when try_cast(try_cast(%s as %s) as %s) = %s then try_cast(%s as %s) end",
                    from, wanted, key->type, from, from, wanted);
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, key->name);
}

static int add_keys(struct sl_cleanse *cleanse, const struct sl_pass_parent *key,
                    const struct sl_delta_snapshot *snapshot, struct sl_buf *sql,
                    struct sl_err *err)
{
    for (size_t i = 0; i < key->rule->to.count; i++) {
        const char *name = key->rule->to.items[i];
        SL_AUTO(sl_buf_clear) struct sl_buf quoted = SL_BUF_INIT;
        sl_buf_add_sql_name(&quoted, name);
        SL_TRY(sl_buf_check(&quoted, err));
        const struct sl_key_column column = {
            .expression = sl_arena_strdup(cleanse->context->arena, quoted.text),
            .type = sl_column_find(snapshot->columns, snapshot->column_count, name)->type,
            .wanted = key->types[i],
            .name = name,
        };
        SL_TRY_NEW(column.expression, err);
        sl_buf_add(sql, i ? ", " : "");
        sl_cleanse_add_key(&column, sql);
    }
    return SL_OK;
}

int sl_cleanse_create_keys(struct sl_cleanse *cleanse, const struct sl_pass_parent *key,
                           const struct sl_delta_snapshot *snapshot, const char *relation,
                           struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    struct sl_scan scan;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(check_columns(key, snapshot, err));
    SL_TRY(sl_delta_scan(snapshot, context->arena, &scan, err));
    sl_buf_addf(&sql, "create or replace temp table %s as select distinct * from (select ",
                relation);
    SL_TRY(add_keys(cleanse, key, snapshot, &sql, err));
    sl_buf_add(&sql, " from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    sl_buf_add(&sql, ") where ");
    sl_cleanse_names_and(&key->rule->to, " is not null", &sql);
    return sl_cleanse_exec(cleanse, &sql, err);
}

// The keys that a version of the parent has; *ret is false if it is not there any more.
static int create_parent(struct sl_cleanse *cleanse, const struct sl_pass_parent *key,
                         int64_t version, const char *relation, bool *ret, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    const struct sl_cleanse_parent *parent = parent_of(cleanse, key->rule);
    struct sl_delta_snapshot snapshot;
    struct sl_err refusal = {0};
    int code = sl_delta_load(parent->folder, version, context->session, context->arena, &snapshot,
                             &refusal);
    *ret = code == SL_OK &&
           (version == parent->head.version || sl_step_has_files(&snapshot, context->arena));
    if (code != SL_OK && code != SL_E_TABLE_VERSION && err)
        *err = refusal;
    if (!*ret)
        return code == SL_E_TABLE_VERSION ? SL_OK : code;
    return sl_cleanse_create_keys(cleanse, key, &snapshot, relation, err);
}

int sl_cleanse_open_parents(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    *ret_why = NULL;
    for (size_t i = 0; i < pass->parent_count; i++) {
        const struct sl_cleanse_parent *parent = parent_of(cleanse, pass->parents[i].rule);
        bool is_there;
        if (sl_cleanse_is_kin(cleanse, pass->parents[i].rule))
            continue; // sl_cleanse_open_kin
        if (!parent)
            return sl_fail(err, SL_E_INTERNAL, "rule '%s' has no parent",
                           pass->parents[i].rule->id);
        SL_TRY(create_parent(cleanse, &pass->parents[i], parent->version, pass->parents[i].relation,
                             &is_there, err));
        if (is_there)
            continue;
        *ret_why =
            sl_arena_printf(cleanse->context->arena, "%s is not there as it was", parent->table);
        SL_TRY_NEW(*ret_why, err);
        return SL_OK;
    }
    return SL_OK;
}

// One anti join: a key of the version that clean was built from, which is not there now.
static int has_lost(struct sl_cleanse *cleanse, const struct sl_pass_parent *key, bool *ret,
                    struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    bool is_there;
    *ret = true;
    SL_TRY(create_parent(cleanse, key, parent_of(cleanse, key->rule)->built_from, "_was", &is_there,
                         err));
    if (!is_there)
        return SL_OK;
    sl_buf_add(&sql, "select count(*) from _was where (");
    sl_cleanse_names("", key->rule->to.items, key->rule->to.count, &sql);
    sl_buf_add(&sql, ") not in (select (");
    sl_cleanse_names("", key->rule->to.items, key->rule->to.count, &sql);
    sl_buf_addf(&sql, ") from %s)", key->relation);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0) > 0;
    return SL_OK;
}

int sl_cleanse_has_lost_parents(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    *ret = false;
    for (size_t i = 0; i < pass->parent_count && !*ret; i++)
        if (!sl_cleanse_is_kin(cleanse, pass->parents[i].rule) &&
            sl_strs_has(&cleanse->change.unproven, pass->parents[i].rule->id))
            SL_TRY(has_lost(cleanse, &pass->parents[i], ret, err));
    return SL_OK;
}

int sl_cleanse_add_inputs(const struct sl_cleanse *cleanse, struct sl_record *record,
                          struct sl_err *err)
{
    struct sl_table_version *inputs =
        SL_NEW_ARRAY(cleanse->context->arena, struct sl_table_version, cleanse->parent_count + 1);
    SL_TRY_NEW(inputs, err);
    inputs[record->input_count++] =
        (struct sl_table_version){cleanse->raw.name, cleanse->range.to, cleanse->raw.head.table_id};
    for (size_t i = 0; i < cleanse->parent_count; i++) {
        const struct sl_cleanse_parent *parent = &cleanse->parents[i];
        bool is_told = false;
        for (size_t k = 0; k < record->input_count; k++)
            is_told |= sl_str_equal(inputs[k].table, parent->table);
        if (!is_told)
            inputs[record->input_count++] =
                (struct sl_table_version){parent->table, parent->version, parent->head.table_id};
    }
    record->inputs = inputs;
    return SL_OK;
}
