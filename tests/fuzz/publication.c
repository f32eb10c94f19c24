// Any bytes are a publication that is printed and read again as it was, or an error that says why.
#include "fuzz.h"

#include "plan/publication.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_tables(const struct sl_publication *publication)
{
    for (size_t i = 0; i < publication->table_count; i++) {
        const struct sl_published *table = &publication->tables[i];

        must(table->table && table->version >= 0);
        must(i == 0 || strcmp(publication->tables[i - 1].table, table->table) < 0);
        must(sl_publication_find(publication, table->table) == table);
        for (size_t j = 0; j < table->input_count; j++)
            must(table->inputs[j].table != NULL);
    }
}

static void check_withheld(const struct sl_publication *a, const struct sl_publication *b)
{
    must(a->withheld_count == b->withheld_count);
    for (size_t i = 0; i < a->withheld_count; i++) {
        must(strcmp(a->withheld[i].table, b->withheld[i].table) == 0);
        must(strcmp(a->withheld[i].because, b->withheld[i].because) == 0);
        must(a->withheld[i].version == b->withheld[i].version);
    }
}

static void check_inputs(const struct sl_publication *a, const struct sl_publication *b)
{
    for (size_t i = 0; i < a->table_count; i++) {
        const struct sl_published *one = &a->tables[i], *other = &b->tables[i];

        must(one->input_count == other->input_count);
        for (size_t j = 0; j < one->input_count; j++) {
            must(strcmp(one->inputs[j].table, other->inputs[j].table) == 0);
            must(one->inputs[j].version == other->inputs[j].version);
            must(sl_str_equal(one->inputs[j].id, other->inputs[j].id));
        }
    }
}

static void check_again(const struct sl_publication *publication, struct sl_arena *arena)
{
    struct sl_publication again;
    struct sl_err err = {0};
    const char *text;

    must(sl_publication_seal(publication, arena, &text, &err) == SL_OK);
    must(sl_publication_parse(text, strlen(text), "again", arena, &again, &err) == SL_OK);
    must(again.number == publication->number && again.at_us == publication->at_us);
    must(strcmp(again.run_id, publication->run_id) == 0);
    must(strcmp(again.command, publication->command) == 0);
    must(sl_publication_equals(&again, publication));
    check_inputs(&again, publication);
    check_withheld(&again, publication);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_publication publication;
    struct sl_err err = {0};

    sl_arena_init(&arena, 0);
    if (sl_publication_parse((const char *)data, size, "publication", &arena, &publication, &err) !=
        SL_OK) {
        must(err.code == SL_E_PUBLICATION || err.code == SL_E_JSON_SYNTAX);
        must(err.message[0]);
        return 0;
    }
    must(publication.number > 0);
    check_tables(&publication);
    check_again(&publication, &arena);
    return 0;
}
