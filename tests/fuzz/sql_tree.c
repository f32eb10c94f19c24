// Any bytes are the engine's tree, of which is told whether it reads a column, or an error that
// says why; and any bytes are the type of a struct, which has as many names as types.
#include "fuzz.h"

#include "sql/columns.h"
#include "sql/star.h"

#include <stdlib.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void read_tree(const char *text, struct sl_arena *arena)
{
    struct sl_ast *tree;
    struct sl_err err = {0};
    int code = sl_ast_parse(text, arena, &tree, &err);
    if (code != SL_OK) {
        must((code == SL_E_JSON_SYNTAX || code == SL_E_LIMIT) && err.message[0]);
        return;
    }
    (void)sl_sql_reads_column(tree, "net");
    must(!sl_sql_reads_column(NULL, "net"));
}

static void read_type(const char *text, struct sl_arena *arena)
{
    struct sl_strs names = {0}, types = {0};
    struct sl_err err = {0};
    must(sl_sql_struct_members(arena, text, &names, &types, &err) == SL_OK);
    must(names.count == types.count && (names.count == 0 || sl_sql_is_struct(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    must(text != NULL);
    read_tree(text, &arena);
    read_type(text, &arena);
    return 0;
}
