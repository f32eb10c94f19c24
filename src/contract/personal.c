#include "contract/personal.h"

#include "contract/alias.h"

#include <openssl/evp.h>
#include <string.h>

// HMAC (RFC 2104) with SHA-256 is two hashes, each over a block that is made of the key alone, and
// then a text.
enum { BLOCK_BYTES = 64, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

bool sl_personal_is_protected(const struct sl_contract_column *column)
{
    return column->personal.as != SL_PERSONAL_NONE && column->personal.as != SL_PERSONAL_DROP;
}

bool sl_personal_is_any_protected(const struct sl_contract_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].personal.as != SL_PERSONAL_NONE)
            return true;
    return false;
}

static const struct sl_contract_column *if_protected(const struct sl_contract_column *column)
{
    return column->personal.as == SL_PERSONAL_NONE ? NULL : column;
}

const struct sl_contract_column *sl_personal_of_raw(const struct sl_contract_table *table,
                                                    const char *raw_name)
{
    const struct sl_contract_column *renamed = NULL;
    bool is_read = false;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!sl_str_equal_nocase(table->columns[i].source_name, raw_name))
            continue;
        if (if_protected(&table->columns[i]))
            return &table->columns[i];
        is_read = true;
    }
    (void)sl_alias_find(table, raw_name, &renamed);
    if (renamed && if_protected(renamed))
        return renamed;
    for (size_t i = 0; i < table->column_count && !renamed && !is_read; i++)
        if (sl_str_equal_nocase(table->columns[i].name, raw_name))
            return if_protected(&table->columns[i]);
    return NULL;
}

static void add_block(const char *variable, struct sl_buf *sql)
{
    sl_buf_addf(sql, "cast(coalesce(getvariable('%s'), error('there is no key')) as BLOB)",
                variable);
}

static void add_hmac(const char *value, struct sl_buf *sql)
{
    sl_buf_add(sql, "sha256(");
    add_block("sluice_outer", sql);
    sl_buf_add(sql, " || unhex(sha256(");
    add_block("sluice_inner", sql);
    sl_buf_addf(sql, " || encode(cast(%s as VARCHAR)))))", value);
}

static void add_fill(const struct sl_personal *personal, const char *count, struct sl_buf *sql)
{
    sl_buf_add(sql, "repeat(");
    sl_buf_add_sql_string(sql, personal->character);
    sl_buf_addf(sql, ", %s)", count);
}

// A value that has no more than what is kept would be shown whole: nothing of it is kept.
static void add_ends(const struct sl_personal *personal, const char *text, struct sl_buf *sql)
{
    long long first = (long long)personal->keep_first, last = (long long)personal->keep_last;
    sl_buf_addf(sql,
                "list_transform([%s], lambda z: case when length(z) > %lld then left(z, %lld)"
                " || ",
                text, first + last, first);
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    sl_buf_addf(&count, "length(z) - %lld", first + last);
    add_fill(personal, count.text, sql);
    sl_buf_addf(sql, " || right(z, %lld) else ", last);
    add_fill(personal, "length(z)", sql);
    sl_buf_add(sql, " end)[1]");
    sql->has_failed |= count.has_failed;
}

// What is no address is masked as a whole.
static void add_domain(const struct sl_personal *personal, const char *text, struct sl_buf *sql)
{
    sl_buf_addf(sql,
                "list_transform([%s], lambda z: case when regexp_full_match(z, "
                "'[^@]+@[^@]+') then ",
                text);
    add_fill(personal, "length(split_part(z, '@', 1))", sql);
    sl_buf_add(sql, " || '@' || split_part(z, '@', 2) else ");
    add_fill(personal, "length(z)", sql);
    sl_buf_add(sql, " end)[1]");
}

void sl_personal_value(const struct sl_personal *personal, const char *value, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "cast(%s as VARCHAR)", value);
    switch (personal->as) {
    case SL_PERSONAL_NONE:
        sl_buf_add(sql, value);
        break;
    case SL_PERSONAL_MASK:
        if (personal->keep_domain)
            add_domain(personal, text.text, sql);
        else
            add_ends(personal, text.text, sql);
        break;
    case SL_PERSONAL_HASH:
        add_hmac(value, sql);
        break;
    case SL_PERSONAL_TOKEN:
        sl_buf_add_sql_string(sql, personal->prefix);
        sl_buf_add(sql, " || left(");
        add_hmac(value, sql);
        sl_buf_addf(sql, ", %lld)", (long long)personal->length);
        break;
    case SL_PERSONAL_DROP:
        sl_buf_add(sql, "cast(null as VARCHAR)");
        break;
    }
    sql->has_failed |= text.has_failed;
}

void sl_personal_name_in(const struct sl_contract_table *table, const char *column,
                         struct sl_buf *sql)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, column) &&
            sl_personal_is_protected(&table->columns[i])) {
            sl_buf_addf(sql, "\"~z%zu\"", i);
            return;
        }
    sl_buf_add_sql_name(sql, column);
}

// Also of one that is not protected itself and shows what another one of the raw column protects.
static bool is_personal(const struct sl_contract_table *table,
                        const struct sl_contract_column *column)
{
    if (if_protected(column) || sl_personal_of_raw(table, column->source_name))
        return true;
    for (size_t i = 0; i < column->alias_count; i++)
        if (sl_personal_of_raw(table, column->aliases[i].name))
            return true;
    return false;
}

static bool is_personal_name(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return is_personal(table, &table->columns[i]);
    return false;
}

bool sl_personal_is_bare_twin(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return !if_protected(&table->columns[i]) && is_personal(table, &table->columns[i]);
    return false;
}

bool sl_personal_is_judged(const struct sl_contract_table *table, const struct sl_rule *rule,
                           const struct sl_reading *reading)
{
    bool is_found = reading && is_personal(table, &table->columns[reading->index]);
    for (size_t i = 0; i < rule->columns.count; i++)
        is_found |= is_personal_name(table, rule->columns.items[i]);
    return is_found;
}

void sl_personal_message(const struct sl_rule *rule, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "a personal value, which is not shown, breaks '%s'", rule->id);
    sl_buf_add_sql_string(sql, text.text);
    sql->has_failed |= text.has_failed;
}

static void add_variable(const char *name, const unsigned char block[BLOCK_BYTES],
                         unsigned char pad, struct sl_buf *sql)
{
    sl_buf_addf(sql, "set variable %s = unhex('", name);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        sl_buf_addf(sql, "%02x", block[i] ^ pad);
    sl_buf_add(sql, "'); ");
}

int sl_personal_key_sql(const char *key, struct sl_buf *sql, struct sl_err *err)
{
    unsigned char block[BLOCK_BYTES] = {0};
    size_t length = strlen(key);
    if (length <= BLOCK_BYTES)
        memcpy(block, key, length);
    else if (EVP_Digest(key, length, block, NULL, EVP_sha256(), NULL) != 1)
        return sl_fail(err, SL_E_INTERNAL, "a hash cannot be computed");
    add_variable("sluice_inner", block, INNER_PAD, sql);
    add_variable("sluice_outer", block, OUTER_PAD, sql);
    return sl_buf_check(sql, err);
}
