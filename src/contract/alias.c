#include "contract/alias.h"

// A name of a column that raw has.
struct name {
    const struct sl_column *raw;
    const struct sl_contract_alias *alias; // NULL: it is the column's own
    const char *kept;                      // "~o3": where the prepared relation has it
};

struct merger {
    const struct sl_alias_input *input;
    const struct sl_contract_column *column;
    const char *type; // of the clean column
    struct name *names;
    size_t count;
};

static const struct sl_column *find_raw(const struct sl_alias_input *input, const char *name)
{
    for (size_t i = 0; i < input->raw_count; i++)
        if (sl_str_equal(input->raw[i].name, name))
            return &input->raw[i];
    for (size_t i = 0; i < input->raw_count; i++)
        if (sl_str_equal_nocase(input->raw[i].name, name))
            return &input->raw[i];
    return NULL;
}

const struct sl_contract_alias *sl_alias_find(const struct sl_contract_table *table,
                                              const char *raw_name,
                                              const struct sl_contract_column **ret_column)
{
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].alias_count; k++)
            if (sl_str_equal_nocase(table->columns[i].aliases[k].name, raw_name)) {
                if (ret_column)
                    *ret_column = &table->columns[i];
                return &table->columns[i].aliases[k];
            }
    return NULL;
}

int sl_alias_copy(const struct sl_contract_table *table, struct sl_arena *arena,
                  struct sl_contract_table **ret, struct sl_err *err)
{
    struct sl_contract_table *copy = SL_NEW(arena, struct sl_contract_table);
    SL_TRY_NEW(copy, err);
    *copy = *table;
    copy->columns = SL_NEW_ARRAY(arena, struct sl_contract_column, copy->column_count);
    SL_TRY_NEW(copy->columns, err);
    for (size_t i = 0; i < copy->column_count; i++) {
        struct sl_contract_column *column = &copy->columns[i];
        *column = table->columns[i];
        column->aliases = SL_NEW_ARRAY(arena, struct sl_contract_alias, column->alias_count);
        SL_TRY_NEW(column->aliases, err);
        for (size_t k = 0; k < column->alias_count; k++)
            column->aliases[k] = table->columns[i].aliases[k];
    }
    *ret = copy;
    return SL_OK;
}

void sl_alias_late(const struct sl_contract_table *table, const char *raw_name, struct sl_buf *sql)
{
    const struct sl_contract_alias *alias = sl_alias_find(table, raw_name, NULL);
    if (alias && alias->until)
        sl_buf_addf(sql, " and epoch_us(\"~ingested_at\") >= %lld", (long long)alias->end_us);
}

static bool is_text(const char *type)
{
    return sl_str_equal(type, "VARCHAR") || sl_str_equal(type, "JSON");
}

static void add_text(const char *type, const char *name, struct sl_buf *sql)
{
    bool is_nested =
        sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(");
    if (is_text(type))
        sl_buf_add(sql, name);
    else
        sl_buf_addf(sql, is_nested ? "cast(to_json(%s) as VARCHAR)" : "cast(%s as VARCHAR)", name);
}

static void add_trimmed(const struct sl_contract_column *column, const char *type, const char *name,
                        struct sl_buf *sql)
{
    sl_buf_add(sql, column->is_trimmed ? "trim(" : "");
    add_text(type, name, sql);
    sl_buf_add(sql, column->is_trimmed ? ", " SL_READING_BLANKS ")" : "");
}

// Whether the row has a value under the name: what is read as null is none.
static void add_has(const struct merger *merger, const struct name *name, const char *from,
                    const char *ingested_at, struct sl_buf *sql)
{
    const struct sl_contract_column *column = merger->column;
    bool has_words = false;
    for (size_t i = 0; i < column->null_values.count; i++)
        has_words |= is_text(name->raw->type) || column->null_values.items[i][0] != '\0';
    // A row of which nobody knows when it came is read under all names.
    if (name->alias && name->alias->until)
        sl_buf_addf(sql, "coalesce(epoch_us(%s) < %lld, true) and ", ingested_at,
                    (long long)name->alias->end_us);
    if (!has_words) {
        sl_buf_addf(sql, "%s is not null", from);
        return;
    }
    sl_buf_add(sql, "coalesce(");
    add_trimmed(column, name->raw->type, from, sql);
    sl_buf_add(sql, " not in ");
    sl_sql_list(&column->null_values, sql);
    sl_buf_add(sql, ", false)");
}

static int print(const struct merger *merger, const struct sl_buf *sql, const char **ret,
                 struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    *ret = sl_arena_strndup(merger->input->arena, sql->text, sql->length);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// "~o3" if a column of the table is read from it by this name, else "~e1".
static int name_kept(const struct merger *merger, const struct sl_column *raw, const char **ret,
                     struct sl_err *err)
{
    const struct sl_contract_table *table = merger->input->table;
    size_t i = 0;
    while (i < table->column_count &&
           !sl_str_equal_nocase(table->columns[i].source_name, raw->name))
        i++;
    *ret = i < table->column_count ? sl_arena_printf(merger->input->arena, "\"~o%zu\"", i)
                                   : sl_arena_printf(merger->input->arena, "\"~e%zu\"",
                                                     (size_t)(raw - merger->input->raw));
    return *ret ? SL_OK : sl_fail_memory(err);
}

static int add_name(struct merger *merger, const char *name, const struct sl_contract_alias *alias,
                    struct sl_err *err)
{
    struct name *found = &merger->names[merger->count];
    const struct sl_column *raw = find_raw(merger->input, name);
    if (!raw)
        return SL_OK;
    *found = (struct name){.raw = raw, .alias = alias};
    merger->count++;
    return name_kept(merger, raw, &found->kept, err);
}

static bool are_mixed(const struct merger *merger)
{
    for (size_t i = 1; i < merger->count; i++)
        if (!sl_str_equal(merger->names[i].raw->type, merger->names[0].raw->type))
            return true;
    return false;
}

static void add_raw_name(const struct name *name, struct sl_buf *sql)
{
    sl_buf_add(sql, "r.");
    sl_buf_add_sql_name(sql, name->raw->name);
}

static void add_as_type(const struct name *name, const char *type, const char *from,
                        struct sl_buf *sql)
{
    if (sl_str_equal(name->raw->type, type))
        sl_buf_add(sql, from);
    else
        add_text(name->raw->type, from, sql);
}

static int add_value(const struct merger *merger, struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "case");
    for (size_t i = 0; i < merger->count; i++) {
        const struct name *name = &merger->names[i];
        SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
        add_raw_name(name, &from);
        SL_TRY(sl_buf_check(&from, err));
        sl_buf_add(&sql, " when ");
        add_has(merger, name, from.text, "r._ingested_at", &sql);
        sl_buf_add(&sql, " then ");
        add_as_type(name, merge->type, from.text, &sql);
    }
    // What is read as null stays what it is: a message or a filter may look at it.
    if (merge->has_original) {
        SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
        add_raw_name(&merger->names[0], &from);
        SL_TRY(sl_buf_check(&from, err));
        sl_buf_add(&sql, " else ");
        add_as_type(&merger->names[0], merge->type, from.text, &sql);
    }
    sl_buf_add(&sql, " end");
    return print(merger, &sql, &merge->value, err);
}

// A value is read as its own type would be if it came under no other name, so that it is the same
// before and after another name appears: a FLOAT that went through its text would be another one.
static int add_cast(const struct merger *merger, struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    size_t count = 0;
    sl_buf_add(&sql, "case");
    for (size_t i = 0; i < merger->count; i++) {
        const struct name *name = &merger->names[i];
        SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
        add_raw_name(name, &from);
        SL_TRY(sl_buf_check(&from, err));
        sl_buf_add(&sql, " when ");
        add_has(merger, name, from.text, "r._ingested_at", &sql);
        sl_buf_add(&sql, " then ");
        count += sl_reading_cast(merger->column, name->raw->type, merger->type, from.text, &sql);
    }
    sl_buf_add(&sql, " end");
    return count ? print(merger, &sql, &merge->cast, err) : SL_OK;
}

// Where formats would read the text of a value that has none.
static int add_typed(const struct merger *merger, struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    size_t count = 0;
    sl_buf_add(&sql, "case");
    for (size_t i = 0; merger->column->formats.count && i < merger->count; i++) {
        const struct name *name = &merger->names[i];
        bool is_typed = sl_reading_is_typed(merger->column, name->raw->type);
        SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
        add_raw_name(name, &from);
        SL_TRY(sl_buf_check(&from, err));
        sl_buf_add(&sql, " when ");
        add_has(merger, name, from.text, "r._ingested_at", &sql);
        sl_buf_add(&sql, is_typed ? " then true" : " then false");
        count += is_typed;
    }
    sl_buf_add(&sql, " end");
    return count ? print(merger, &sql, &merge->typed, err) : SL_OK;
}

static void add_strict(const struct merger *merger, const struct name *name, const char *text,
                       struct sl_buf *sql)
{
    if (sl_reading_is_typed(merger->column, name->raw->type))
        sl_reading_unformatted(merger->column, merger->type, text, sql);
    else
        sl_reading_strict(merger->column, merger->type, text, sql);
}

static void add_read(const struct merger *merger, const struct name *name, const char *text,
                     struct sl_buf *sql)
{
    if (sl_reading_is_exact(merger->column, name->raw->type, merger->type))
        (void)sl_reading_cast(merger->column, name->raw->type, merger->type, name->kept, sql);
    else
        add_strict(merger, name, text, sql);
}

// Two texts of one value do not differ: 1 and 1.0 of a number. Nor do two values that print alike.
static void add_pair(const struct merger *merger, const struct name *a, const struct name *b,
                     struct sl_buf *sql)
{
    enum sl_type_kind kind = merger->column->type.kind;
    SL_AUTO(sl_buf_clear) struct sl_buf first = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf second = SL_BUF_INIT;
    add_trimmed(merger->column, a->raw->type, a->kept, &first);
    add_trimmed(merger->column, b->raw->type, b->kept, &second);
    sql->has_failed |= first.has_failed || second.has_failed;
    if (sql->has_failed)
        return;
    sl_buf_add(sql, "case when ");
    add_has(merger, a, a->kept, "\"~ingested_at\"", sql);
    sl_buf_add(sql, " and ");
    add_has(merger, b, b->kept, "\"~ingested_at\"", sql);
    sl_buf_addf(sql, " then case when %s = %s then false else ", first.text, second.text);
    if (kind == SL_TYPE_TEXT || kind == SL_TYPE_OBJECT || kind == SL_TYPE_ARRAY) {
        sl_buf_add(sql, "true");
    } else {
        sl_buf_add(sql, "not coalesce(");
        add_strict(merger, a, first.text, sql);
        sl_buf_add(sql, " = ");
        add_strict(merger, b, second.text, sql);
        sl_buf_add(sql, " or ");
        add_read(merger, a, first.text, sql);
        sl_buf_add(sql, " = ");
        add_read(merger, b, second.text, sql);
        sl_buf_add(sql, ", false)");
    }
    sl_buf_add(sql, " end else false end");
}

static int add_differs(const struct merger *merger, struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (size_t i = 0; i < merger->count; i++)
        for (size_t k = i + 1; k < merger->count; k++) {
            sl_buf_add(&sql, sql.length ? " or " : "");
            add_pair(merger, &merger->names[i], &merger->names[k], &sql);
        }
    return print(merger, &sql, &merge->differs, err);
}

// customer_id '7', cust '8' differ
static int add_message(const struct merger *merger, struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "concat_ws(', '");
    for (size_t i = 0; i < merger->count; i++) {
        const struct name *name = &merger->names[i];
        sl_buf_add(&sql, ", case when ");
        add_has(merger, name, name->kept, "\"~ingested_at\"", &sql);
        sl_buf_add(&sql, " then ");
        sl_buf_add_sql_string(&sql, name->raw->name);
        sl_buf_add(&sql, " || ' ''' || left(");
        add_text(name->raw->type, name->kept, &sql);
        sl_buf_add(&sql, ", 100) || '''' end");
    }
    sl_buf_add(&sql, ") || ' differ'");
    return print(merger, &sql, &merge->message, err);
}

// Of a column that evolves out of an alias: what comes when the alias is over.
static int merge_late(const struct sl_alias_input *input, size_t index, const struct sl_merge **ret,
                      struct sl_err *err)
{
    const char *name = input->table->columns[index].source_name;
    const struct sl_contract_alias *alias = sl_alias_find(input->table, name, NULL);
    const struct sl_column *raw = find_raw(input, name);
    SL_AUTO(sl_buf_clear) struct sl_buf quoted = SL_BUF_INIT;
    if (!alias || !alias->until || !raw)
        return SL_OK;
    struct sl_merge *merge = SL_NEW(input->arena, struct sl_merge);
    SL_TRY_NEW(merge, err);
    sl_buf_add_sql_name(&quoted, raw->name);
    SL_TRY(sl_buf_check(&quoted, err));
    *merge = (struct sl_merge){.name = raw->name, .type = raw->type, .has_original = true};
    merge->value =
        sl_arena_printf(input->arena, "case when epoch_us(r._ingested_at) >= %lld then r.%s end",
                        (long long)alias->end_us, quoted.text);
    SL_TRY_NEW(merge->value, err);
    *ret = merge;
    return SL_OK;
}

int sl_alias_merge(const struct sl_alias_input *input, size_t index, const struct sl_merge **ret,
                   struct sl_err *err)
{
    const struct sl_contract_column *column = &input->table->columns[index];
    struct merger merger = {.input = input, .column = column};
    *ret = NULL;
    if (!column->alias_count)
        return merge_late(input, index, ret, err);
    merger.names = SL_NEW_ARRAY(input->arena, struct name, column->alias_count + 1);
    SL_TRY_NEW(merger.names, err);
    SL_TRY(add_name(&merger, column->source_name, NULL, err));
    bool has_own = merger.count > 0;
    for (size_t i = 0; i < column->alias_count; i++)
        SL_TRY(add_name(&merger, column->aliases[i].name, &column->aliases[i], err));
    if (merger.count == has_own)
        return SL_OK;
    struct sl_merge *merge = SL_NEW(input->arena, struct sl_merge);
    SL_TRY_NEW(merge, err);
    *merge = (struct sl_merge){.name = has_own ? merger.names[0].raw->name : column->source_name,
                               // Columns of other types meet as text.
                               .type = are_mixed(&merger) ? "VARCHAR" : merger.names[0].raw->type,
                               .has_original = has_own};
    merger.type = sl_reading_type(column, input->arena);
    SL_TRY_NEW(merger.type, err);
    SL_TRY(add_value(&merger, merge, err));
    if (are_mixed(&merger)) {
        SL_TRY(add_cast(&merger, merge, err));
        SL_TRY(add_typed(&merger, merge, err));
    }
    if (merger.count > 1) {
        SL_TRY(add_differs(&merger, merge, err));
        SL_TRY(add_message(&merger, merge, err));
    }
    *ret = merge;
    return SL_OK;
}

bool sl_alias_is_any(const struct sl_reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (readings[i].merge)
            return true;
    return false;
}

static void add_as(const char *value, const char *name, struct sl_buf *sql)
{
    sl_buf_addf(sql, "%s as ", value);
    sl_buf_add_sql_name(sql, name);
}

void sl_alias_wrap(const struct sl_reading *readings, size_t count, struct sl_buf *sql)
{
    size_t replaced = 0;
    if (!sl_alias_is_any(readings, count))
        return;
    sl_buf_add(sql, "(select *");
    for (size_t i = 0; i < count; i++) {
        const struct sl_merge *merge = readings[i].merge;
        if (!merge || !merge->has_original)
            continue;
        sl_buf_add(sql, replaced++ ? ", " : " replace (");
        add_as(merge->value, merge->name, sql);
    }
    sl_buf_add(sql, replaced ? ")" : "");
    for (size_t i = 0; i < count; i++) {
        const struct sl_merge *merge = readings[i].merge;
        if (!merge)
            continue;
        sl_buf_add(sql, ", ");
        if (merge->has_original) {
            sl_buf_add(sql, "r.");
            sl_buf_add_sql_name(sql, merge->name);
            sl_buf_addf(sql, " as \"~o%zu\"", i);
        } else {
            add_as(merge->value, merge->name, sql);
        }
        if (merge->cast)
            sl_buf_addf(sql, ", %s as \"~c%zu\"", merge->cast, i);
        if (merge->typed)
            sl_buf_addf(sql, ", %s as \"~u%zu\"", merge->typed, i);
    }
    sl_buf_add(sql, " from ");
}

void sl_alias_nulls(const struct sl_alias_input *input, struct sl_buf *sql)
{
    const struct sl_contract_table *table = input->table;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_column *raw = find_raw(input, table->columns[i].source_name);
        if (raw && (table->columns[i].alias_count ||
                    sl_alias_find(table, table->columns[i].source_name, NULL)))
            sl_buf_addf(sql, ", cast(null as %s) as \"~o%zu\"", raw->type, i);
        for (size_t k = 0; k < table->columns[i].alias_count; k++) {
            raw = find_raw(input, table->columns[i].aliases[k].name);
            if (raw)
                sl_buf_addf(sql, ", cast(null as %s) as \"~e%zu\"", raw->type,
                            (size_t)(raw - input->raw));
        }
    }
}

int sl_alias_notes(const struct sl_contract_table *table, const struct sl_column *raw,
                   size_t raw_count, struct sl_arena *arena, struct sl_strs *ret,
                   struct sl_err *err)
{
    const struct sl_alias_input input = {.raw = raw, .raw_count = raw_count};
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].alias_count; k++) {
            const struct sl_contract_alias *alias = &table->columns[i].aliases[k];
            const char *note;
            if (raw && !find_raw(&input, alias->name))
                continue;
            note = sl_arena_printf(arena, "%s also read as %s%s%s", table->columns[i].name,
                                   alias->name, alias->until ? " until " : "",
                                   alias->until ? alias->until : "");
            SL_TRY_NEW(note, err);
            SL_TRY(sl_strs_add(ret, arena, note, err));
        }
    return SL_OK;
}
