// Any bytes are a kept profile that is printed and read again as it was, or an error that says why.
// What was sealed is not taken with a byte changed.
#include "fuzz.h"

#include "base/seal.h"
#include "step/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_column(const struct sl_profile *profile, const struct sl_profile_column *column)
{
    char label[40];

    must(column->name && column->type && column->kind <= SL_PROFILE_OTHER);
    must(column->values >= 0 && column->values <= profile->row_count && column->distinct >= 0);
    must(column->top_count <= SL_PROFILE_TOPS && column->bin_count <= SL_PROFILE_BINS);
    for (size_t i = 0; i < column->top_count; i++)
        must(column->tops[i].value && column->tops[i].count >= 0);
    for (size_t i = 0; i < column->bin_count; i++) {
        must(column->bins[i] >= 0);
        sl_profile_bin_label(column, i, label);
        must(label[0]);
    }
}

static json_t *print(const struct sl_profile *profile)
{
    json_t *columns = sl_profile_columns_json(profile);
    json_t *root =
        json_pack("{s:s, s:I, s:b, s:o}", "table_id", "t", "rows", (json_int_t)profile->row_count,
                  "is_exact", profile->is_exact, "columns", columns);

    must(root != NULL);
    return root;
}

static void check_again(const struct sl_profile *profile, struct sl_arena *arena)
{
    SL_AUTO(sl_json_free) json_t *first = print(profile);
    SL_AUTO(sl_json_free) json_t *second = NULL;
    struct sl_kept_profile again;
    struct sl_err err = {0};
    char *text = NULL;

    must(sl_json_seal(first, &text, &err) == SL_OK);
    must(sl_profile_parse(text, strlen(text), "again", "t", arena, &again, &err) == SL_OK);
    second = print(&again.profile);
    must(json_equal(first, second));
    must(sl_profile_parse(text, strlen(text), "again", "other", arena, &again, &err) != SL_OK);
    text[strlen(text) / 2] ^= 1;
    must(sl_profile_parse(text, strlen(text), "again", "t", arena, &again, &err) ==
         SL_E_JSON_SYNTAX);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_kept_profile kept;
    struct sl_err err = {0};

    sl_arena_init(&arena, 0);
    if (sl_profile_parse((const char *)data, size, "profile", NULL, &arena, &kept, &err) != SL_OK) {
        must(err.code == SL_E_JSON_SYNTAX && err.message[0]);
        return 0;
    }
    must(kept.is_there && kept.at && kept.run_id);
    for (size_t i = 0; i < kept.profile.column_count; i++)
        check_column(&kept.profile, &kept.profile.columns[i]);
    check_again(&kept.profile, &arena);
    return 0;
}
