// Nested columns: an object with properties, an array with items. All of one column is read from
// one JSON text, in steps of which none costs more for a deeper type:
//
//     "~x3"  the text as received: JSON, or typed values printed as JSON with texts for leaves
//     "~j3"  the same if it is JSON; its numbers are texts behind a mark, for the engine's JSON
//            keeps no digits beyond a double's
//     "~n3"  the tree of the contract's shape with texts for leaves; what has another shape is null
//     name   the same with every leaf read by the rules of its type
//
// What has another shape is seen in "~j3", by the kinds of values at a path. A leaf outside of
// arrays has rules like a column's; for one inside they are asked of every item.
#ifndef SL_CONTRACT_NEST_H
#define SL_CONTRACT_NEST_H

#include "contract/read.h"

// Stands before a number's digits. Unicode keeps it out of texts; one that has it is refused.
#define SL_NEST_MARK "\xEF\xB7\x90"

struct sl_nest {
    const char *json;   // SQL: "~j3"
    const char *path;   // in it: $."items"[*]."qty"
    const char *node;   // SQL of the tree's part: "~n3"['address']['zip'], of an item "~e"['qty']
    const char *list;   // SQL: the items that "~e" stands for; NULL: not inside of an array
    const char *outer;  // SQL: where it is inside of two arrays, the list of the outer one's items
    const char *inner;  // SQL: and in such an item "~e" the inner array
    int array_count;    // that it is inside of
    const char *typed;  // SQL of the value that the column holds of it; NULL: the column's own
    const char *parent; // SQL: there is an object that it is a member of; NULL: it is none
    const char *sound;  // SQL: the list, with null for items in which something else stands in that
                        // object's place; NULL: not inside of an array, or no member
    // Of a large column (nest_large.c), outside of arrays:
    bool is_large;
    const char *place; // "3_0_12": the column, then the numbers of the members on the way
    int depth;         // of objects around it
};

// Makes the reading one of a nested column. `raw_type` as the engine names it.
SL_MUST int sl_nest_init(struct sl_reading *reading, struct sl_arena *arena, struct sl_err *err);
// The reading of a field of an object or array.
SL_MUST int sl_nest_field(const struct sl_reading *parent, const struct sl_contract_column *field,
                          struct sl_arena *arena, struct sl_reading *ret, struct sl_err *err);

// Layers, as in read.h. Those of leaves are needed only if a column is large.
sl_reading_layer sl_nest_text, sl_nest_value, sl_nest_held;
sl_reading_layer sl_nest_leaves, sl_nest_leaf_texts, sl_nest_leaf_values;
// ", null as ..." for what the layers add.
void sl_nest_nulls(const struct sl_contract_column *column, size_t index, struct sl_buf *sql);
// The clean type, as the engine reads it.
void sl_nest_type(const struct sl_contract_column *column, struct sl_buf *sql);

// A struct of a thousand members costs the engine a thousand vectors each time that an expression
// takes one member out of it, and one of a hundred levels a hundred. So a column with many leaves
// or levels has each leaf outside of arrays under a name of its own, its tree in pieces of a few
// levels, and all rules look at these:
//
//     "~n3_0_1"   the piece that begins at the object
//     "~l3_0_1_4" the leaf in it
//     "~x3_0_1_4" the same after blanks, null texts and default
//     "~w3_0_1_4" its value
bool sl_nest_is_large(const struct sl_contract_column *column);
// Whether the object `depth` levels down begins a piece.
bool sl_nest_is_piece(const struct sl_contract_column *column, int depth);

// Parts of them, for nest.c and nest_large.c.
void sl_nest_tree(const struct sl_contract_column *column, int depth, const char *json,
                  struct sl_buf *sql);
void sl_nest_items(const struct sl_contract_column *column, const char *node, struct sl_buf *sql);
void sl_nest_leaf_text(const struct sl_contract_column *column, const char *node,
                       struct sl_buf *sql);
// `node`: what the leaf's `text` was made of.
void sl_nest_leaf_value(const struct sl_contract_column *column, const char *node, const char *text,
                        struct sl_buf *sql);
void sl_nest_member_path(const char *outer, const struct sl_contract_column *field,
                         struct sl_buf *path);
void sl_nest_pieces(const struct sl_reading *reading, struct sl_buf *sql);
void sl_nest_pack(const struct sl_reading *reading, struct sl_buf *sql);
// ", null as ..." for all of a large column's names.
void sl_nest_large_nulls(const struct sl_contract_column *column, size_t index, struct sl_buf *sql);

// For rules over an object or array as a whole. The same object, but for a rule over its members:
// sl_nest_spread() with `is_required` then asks it only where there is an object.
SL_MUST int sl_nest_object(const struct sl_reading *reading, struct sl_arena *arena,
                           struct sl_reading *ret, struct sl_err *err);
// SQL of an array's items as values.
void sl_nest_item_values(const struct sl_reading *reading, struct sl_buf *sql);
// The same of `node`'s items without those in which a leaf cannot be read.
void sl_nest_sound_items(const struct sl_reading *reading, const char *node, struct sl_buf *sql);
// Boolean SQL: the array's item `node` has no value, as it was received.
void sl_nest_item_absent(const struct sl_reading *reading, const char *node, struct sl_buf *sql);

// The type rule of an object or array.
void sl_nest_shape(const struct sl_reading *reading, struct sl_buf *broken, struct sl_buf *message);
// A rule over one value -> over all that the reading stands for. `is_required`: it asks for a
// value.
SL_MUST int sl_nest_spread(const struct sl_reading *reading, bool is_required,
                           struct sl_buf *broken, struct sl_buf *message, struct sl_err *err);

#endif
