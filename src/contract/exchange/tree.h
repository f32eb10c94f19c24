// Building and reading trees, and what all formats share of ODCS.
#ifndef SL_CONTRACT_EXCHANGE_TREE_H
#define SL_CONTRACT_EXCHANGE_TREE_H

#include "contract/exchange/exchange.h"
#include "spec/contract.h"

// Objects in objects: what stands deeper is carried over as a bare object, and told.
#define SL_X_DEEPEST 32

// --- Nodes. NULL when memory is out; adding NULL to something adds nothing. ---
struct sl_yaml *sl_x_map(struct sl_exchange *exchange);
struct sl_yaml *sl_x_list(struct sl_exchange *exchange);
struct sl_yaml *sl_x_text(struct sl_exchange *exchange, const char *text); // NULL in, NULL out
struct sl_yaml *sl_x_bare(struct sl_exchange *exchange, const char *text); // number, true, false
struct sl_yaml *sl_x_texts(struct sl_exchange *exchange, const struct sl_strs *texts);
void sl_x_put(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
              const struct sl_yaml *value); // replaces
void sl_x_put_text(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
                   const char *text); // NULL: nothing
void sl_x_put_true(struct sl_exchange *exchange, struct sl_yaml *map, const char *key);
void sl_x_put_int(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
                  int64_t value);
void sl_x_push(struct sl_exchange *exchange, struct sl_yaml *list, const struct sl_yaml *value);
void sl_x_remove(struct sl_yaml *map, const char *key);
// The map or list of a key, made if it is missing.
struct sl_yaml *sl_x_map_at(struct sl_exchange *exchange, struct sl_yaml *map, const char *key);
struct sl_yaml *sl_x_list_at(struct sl_exchange *exchange, struct sl_yaml *map, const char *key);

const char *sl_x_get(const struct sl_yaml *map, const char *key); // a scalar's text, or NULL
bool sl_x_is_true(const struct sl_yaml *map, const char *key);
bool sl_x_is_list(const struct sl_yaml *node); // not NULL, and a list
bool sl_x_is_map(const struct sl_yaml *node);
size_t sl_x_count(const struct sl_yaml *list); // 0 if it is no list
bool sl_x_has_text(const struct sl_yaml *list, const char *text);
char *sl_x_printf(struct sl_exchange *exchange, const char *format, ...) SL_PRINTF(2, 3);

// --- What goes wrong ---
// Something that cannot be carried over.
void sl_x_lost(struct sl_exchange *exchange, struct sl_place place, const char *format, ...)
    SL_PRINTF(3, 4);
// Whether it is a column that Sluice writes into raw and clean tables itself and no contract may
// have; then it is told as left out.
bool sl_x_is_own(struct sl_exchange *exchange, const char *name, struct sl_place place);
// The input makes no sense.
void sl_x_wrong(struct sl_exchange *exchange, struct sl_place place, const char *hint,
                const char *format, ...) SL_PRINTF(4, 5);

// --- ODCS ---
// A contract with what the standard requires; `name` as its input calls it. Its schema is empty.
struct sl_yaml *sl_x_contract(struct sl_exchange *exchange, const char *name);
struct sl_yaml *sl_x_object(struct sl_exchange *exchange, struct sl_yaml *contract,
                            const char *name); // a table, added to the contract's schema
// A property in a list `properties`; refuses a name that is there.
struct sl_yaml *sl_x_property(struct sl_exchange *exchange, struct sl_yaml *properties,
                              const char *name, struct sl_place place);
void sl_x_option(struct sl_exchange *exchange, struct sl_yaml *property, const char *key,
                 const struct sl_yaml *value);
void sl_x_custom(struct sl_exchange *exchange, struct sl_yaml *owner, const char *property,
                 const struct sl_yaml *value);
void sl_x_enum(struct sl_exchange *exchange, struct sl_yaml *property,
               const struct sl_yaml *values); // a list; nulls in it are left out
void sl_x_expression(struct sl_exchange *exchange, struct sl_yaml *owner, const char *name,
                     const char *expression);

// The type of a property: what Sluice makes of it.
struct sl_x_type {
    struct sl_type type;
    int64_t length; // of texts at most; 0: any
    bool is_object, is_array;
};
struct sl_x_type sl_x_type_of(const struct sl_yaml *property);
// Says it the way that sl_x_type_of understands.
void sl_x_set_type(struct sl_exchange *exchange, struct sl_yaml *property,
                   const struct sl_x_type *type);
// The values of a property's enum, or NULL.
const struct sl_yaml *sl_x_enum_of(const struct sl_yaml *property);

// Attributes that only Sluice reads again ("x-primaryKey"), for forms that let unknown ones stand:
// key, uniqueness, exact type, classification, old names with their last days, and an enum that
// Avro cannot say.
void sl_x_add_extensions(struct sl_exchange *exchange, const struct sl_yaml *property,
                         struct sl_yaml *to);
void sl_x_read_extensions(struct sl_exchange *exchange, const struct sl_yaml *from,
                          struct sl_yaml *property);
// Counts a part of the input that may be reached over several references; false, and told once,
// when they are too many.
bool sl_x_count_up(struct sl_exchange *exchange, struct sl_place place);

// "s.x" of a member, "tags[]" of what has no name, below `outer`; NULL: at the top.
const char *sl_x_path(struct sl_exchange *exchange, const char *outer,
                      const struct sl_yaml *property);
const char *sl_x_default_of(const struct sl_yaml *property); // NULL: none
// Its other names, as sluice.aliases has them; NULL: none.
const struct sl_yaml *sl_x_aliases_of(const struct sl_yaml *property);

// --- Types of databases ---
// A type as it was written, "varchar(20)"; false, and the column is a text, if there is none of
// this name.
bool sl_x_written_type(struct sl_exchange *exchange, struct sl_yaml *property, const char *type);
// "STRUCT(a INTEGER, b VARCHAR[])" -> the property's type, properties and items.
void sl_x_engine_type(struct sl_exchange *exchange, struct sl_yaml *property, const char *type,
                      struct sl_place place);

// A table with its columns and constraints, added to the contract.
void sl_x_table(struct sl_exchange *exchange, struct sl_yaml *contract,
                const struct sl_exchange_table *table);
void sl_x_delta_table(struct sl_exchange *exchange, struct sl_yaml *contract,
                      const struct sl_exchange_delta *table);

// Tells the keys of a contract that a form has no word for; `known`: those of columns that it has,
// custom properties among them.
void sl_x_tell_rest(struct sl_exchange *exchange, const struct sl_yaml *contract, const char *form,
                    const char *const *known);
// A foreign key; of one column it stands at the column.
struct sl_x_reference {
    const struct sl_strs *columns;
    const char *other;
    const struct sl_strs *others;
};
void sl_x_reference(struct sl_exchange *exchange, struct sl_yaml *object,
                    const struct sl_x_reference *reference);
// Writes the references of relationships as the standard allows them; what it cannot say is left
// out and told.
void sl_x_conform_references(struct sl_exchange *exchange, const struct sl_yaml *contract);
// The other way round: ids and "clean.table.column" become "table.column".
void sl_x_name_references(struct sl_exchange *exchange, const struct sl_yaml *contract);
// A default in SQL, if it is a value.
void sl_x_default(struct sl_exchange *exchange, struct sl_yaml *property,
                  const struct sl_exchange_column *column);

// --- One function each; see sl_exchange_formats. ---
void sl_x_odcs_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                      struct sl_yaml **ret);
void sl_x_odcs_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                      struct sl_buf *text);
struct sl_yaml *sl_x_odcs_v2(struct sl_exchange *exchange, const struct sl_yaml *input);
void sl_x_dbt_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                     struct sl_yaml **ret);
void sl_x_jsonschema_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                            struct sl_yaml **ret);
void sl_x_jsonschema_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                            struct sl_buf *text);
void sl_x_avro_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                      struct sl_yaml **ret);
void sl_x_avro_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                      struct sl_buf *text);
void sl_x_sql_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                     struct sl_buf *text);

#endif
