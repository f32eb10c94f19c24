#include "plan/publication.h"

#include "base/clock.h"
#include "base/seal.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA "sluice.publication/3"
// Its digest was of other bytes; see base/seal.h.
#define SCHEMA_SECOND "sluice.publication/2"
// It had no digest.
#define SCHEMA_FIRST "sluice.publication/1"

// --- reading

static int fail_table(const char *table, const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_PUBLICATION, "what it says of '%s' is %s", table, what);
}

static int read_inputs(const json_t *list, struct sl_arena *arena, struct sl_published *ret,
                       struct sl_err *err)
{
    size_t i;
    const json_t *item;
    if (list && !json_is_array(list))
        return fail_table(ret->table, "no list of inputs", err);
    json_array_foreach (list, i, item) {
        const char *table = sl_json_text(item, "table", NULL);
        if (!table || !json_is_integer(json_object_get(item, "version")))
            return fail_table(ret->table, "no list of inputs with their versions", err);
        struct sl_input input = {sl_arena_strdup(arena, table), sl_json_int(item, "version", -1),
                                 sl_arena_strdup(arena, sl_json_text(item, "id", NULL))};
        SL_TRY_NEW(input.table, err);
        if (!SL_PUSH(arena, ret->inputs, ret->input_count, input))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int read_tables(json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                       struct sl_err *err)
{
    json_t *tables = json_object_get(root, "tables"), *item;
    const char *table;
    if (!json_is_object(tables))
        return sl_fail(err, SL_E_PUBLICATION, "it lists no tables");
    json_object_foreach (tables, table, item) {
        struct sl_published published = {
            .table = sl_arena_strdup(arena, table),
            .version = sl_json_int(item, "version", -1),
            .id = sl_arena_strdup(arena, sl_json_text(item, "id", NULL))};
        SL_TRY_NEW(published.table, err);
        if (published.version < 0)
            return fail_table(table, "no version", err);
        SL_TRY(read_inputs(json_object_get(item, "inputs"), arena, &published, err));
        if (!SL_PUSH(arena, ret->tables, ret->table_count, published))
            return sl_fail_memory(err);
    }
    sl_publication_sort(ret);
    return SL_OK;
}

static int read_withheld(const json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                         struct sl_err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(root, "withheld"), i, item) {
        struct sl_withheld withheld = {sl_arena_strdup(arena, sl_json_text(item, "table", "")),
                                       sl_json_int(item, "version", -1),
                                       sl_arena_strdup(arena, sl_json_text(item, "because", ""))};
        SL_TRY_NEW(withheld.table, err);
        SL_TRY_NEW(withheld.because, err);
        if (!SL_PUSH(arena, ret->withheld, ret->withheld_count, withheld))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int read_outputs(json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                        struct sl_err *err)
{
    json_t *outputs = json_object_get(root, "outputs"), *item;
    const char *name;
    if (outputs && !json_is_object(outputs))
        return sl_fail(err, SL_E_PUBLICATION, "its 'outputs' is no object");
    json_object_foreach (outputs, name, item) {
        const char *model = json_string_value(item);
        if (!model)
            return sl_fail(err, SL_E_PUBLICATION, "what it says of output '%s' is no version",
                           name);
        struct sl_published_output output = {sl_arena_strdup(arena, name),
                                             sl_arena_strdup(arena, model)};
        SL_TRY_NEW(output.name, err);
        SL_TRY_NEW(output.model, err);
        if (!SL_PUSH(arena, ret->outputs, ret->output_count, output))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// One changed byte is told, also where it leaves a list of other versions.
static int check_seal(const json_t *root, enum sl_seal seal, struct sl_err *err)
{
    const char *schema = sl_json_text(root, "schema", "");
    bool is_first = sl_str_equal(schema, SCHEMA_FIRST);
    if (!is_first && !sl_str_equal(schema, SCHEMA_SECOND) && !sl_str_equal(schema, SCHEMA))
        return sl_fail(err, SL_E_PUBLICATION, "it is of the form '%s', expected '" SCHEMA "'",
                       schema);
    if (seal == SL_SEAL_BROKEN || (seal == SL_SEAL_NONE && !is_first))
        return sl_fail(err, SL_E_PUBLICATION,
                       "it is not what was written: its digest is another one");
    return SL_OK;
}

static int read_root(json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                     struct sl_err *err)
{
    ret->number = sl_json_int(root, "number", 0);
    ret->run_id = sl_arena_strdup(arena, sl_json_text(root, "run_id", ""));
    ret->command = sl_arena_strdup(arena, sl_json_text(root, "command", ""));
    SL_TRY_NEW(ret->run_id, err);
    SL_TRY_NEW(ret->command, err);
    if (ret->number <= 0)
        return sl_fail(err, SL_E_PUBLICATION, "it has no number");
    if (sl_clock_parse(sl_json_text(root, "at", ""), &ret->at_us) != 0)
        return sl_fail(err, SL_E_PUBLICATION, "it does not say when it was made");
    SL_TRY(read_tables(root, arena, ret, err));
    SL_TRY(read_outputs(root, arena, ret, err));
    return read_withheld(root, arena, ret, err);
}

int sl_publication_parse(const char *text, size_t length, const char *name, struct sl_arena *arena,
                         struct sl_publication *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_publication publication = {0};
    enum sl_seal seal;
    SL_TRY(sl_json_unseal(text, length, name, &root, &seal, err));
    SL_TRY(check_seal(root, seal, err));
    SL_TRY(read_root(root, arena, &publication, err));
    *ret = publication;
    return SL_OK;
}

// --- writing

static int print_inputs(const struct sl_published *published, json_t *object, struct sl_err *err)
{
    json_t *list = json_array();
    if (json_object_set_new(object, "inputs", list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < published->input_count; i++) {
        const struct sl_input *input = &published->inputs[i];
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:I, s:s?}", "table", input->table, "version",
                                            (json_int_t)input->version, "id", input->id)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// Nothing where there is none, as earlier versions wrote it.
static int print_outputs(const struct sl_publication *publication, json_t *root, struct sl_err *err)
{
    if (!publication->output_count)
        return SL_OK;
    json_t *outputs = json_object();
    if (json_object_set_new(root, "outputs", outputs) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < publication->output_count; i++)
        if (json_object_set_new(outputs, publication->outputs[i].name,
                                json_string(publication->outputs[i].model)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

int sl_publication_print(const struct sl_publication *publication, json_t **ret, struct sl_err *err)
{
    char at[32];
    json_t *tables = json_object(), *withheld = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "schema", SCHEMA, "number",
                  (json_int_t)publication->number, "run_id", publication->run_id, "command",
                  publication->command, "at", sl_clock_format(publication->at_us, at), "tables",
                  tables, "withheld", withheld);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < publication->table_count; i++) {
        const struct sl_published *published = &publication->tables[i];
        json_t *item = json_pack("{s:I, s:s?}", "version", (json_int_t)published->version, "id",
                                 published->id);
        if (json_object_set_new(tables, published->table, item) != 0)
            return sl_fail_memory(err);
        SL_TRY(print_inputs(published, item, err));
    }
    for (size_t i = 0; i < publication->withheld_count; i++) {
        const struct sl_withheld *item = &publication->withheld[i];
        if (json_array_append_new(withheld, json_pack("{s:s, s:I, s:s}", "table", item->table,
                                                      "version", (json_int_t)item->version,
                                                      "because", item->because)) != 0)
            return sl_fail_memory(err);
    }
    SL_TRY(print_outputs(publication, root, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

int sl_publication_seal(const struct sl_publication *publication, struct sl_arena *arena,
                        const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    char *text = NULL;
    SL_TRY(sl_publication_print(publication, &root, err));
    SL_TRY(sl_json_seal(root, &text, err));
    *ret = sl_arena_strdup(arena, text);
    free(text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
