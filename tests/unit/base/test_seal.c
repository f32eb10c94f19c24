#include "test.h"

#include "base/buf.h"
#include "base/seal.h"

#include <stdlib.h>

static enum sl_seal unseal(const char *text, size_t length, json_t **ret)
{
    struct sl_err err = {0};
    enum sl_seal seal = SL_SEAL_NONE;

    assert_int_equal(sl_json_unseal(text, length, "file.json", ret, &seal, &err), SL_OK);
    return seal;
}

static enum sl_seal seal_of(const char *text, size_t length)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    return unseal(text, length, &json);
}

static char *seal_some(void)
{
    SL_AUTO(sl_json_free)
    json_t *json = json_pack("{s:s, s:i, s:[f, n], s:s}", "name", "Zürich", "number", 7, "values",
                             0.1, "quoted", "\"sha256\":\"");
    struct sl_err err = {0};
    char *text = NULL;

    assert_int_equal(sl_json_seal(json, &text, &err), SL_OK);
    return text;
}

static void what_was_sealed_is_whole_and_comes_back_without_the_digest(void **state)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *text = seal_some();

    (void)state;
    assert_int_equal(unseal(text, strlen(text), &json), SL_SEAL_WHOLE);
    assert_int_equal(json_object_size(json), 4);
    assert_null(json_object_get(json, "sha256"));
    assert_string_equal(sl_json_text(json, "name", NULL), "Zürich");
    free(text);
}

// What is no JSON any more, or has lost the member's name, says that itself.
static void every_changed_byte_is_told(void **state)
{
    char *text = seal_some();
    size_t length = strlen(text), broken = 0;
    const char *name = strstr(text, ",\"sha256");

    (void)state;
    for (size_t i = 0; i < length; i++) {
        SL_AUTO(sl_json_free) json_t *json = NULL;
        struct sl_err err = {0};
        enum sl_seal seal;
        char before = text[i];

        text[i] = before == '1' ? '0' : '1';
        if (sl_json_unseal(text, length, "file.json", &json, &seal, &err) == SL_OK) {
            bool is_in_name = text + i > name && text + i < name + strlen(",\"sha256");
            assert_int_equal(seal, is_in_name ? SL_SEAL_NONE : SL_SEAL_BROKEN);
            broken += seal == SL_SEAL_BROKEN;
        }
        text[i] = before;
    }
    assert_true(broken > 64);
    free(text);
}

// Bytes that mean the same, or stand twice, are not what was written either.
static void another_form_of_the_same_values_is_told(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1, \"sha256\":\"x\"}",
        "{\"sha256\":\"x\"}",
        "{\"sha256\":null}",
        "{\"sha256\":\"\",\"a\":[1]}",
    };
    char *text = seal_some();
    SL_AUTO(sl_buf_clear) struct sl_buf longer = SL_BUF_INIT;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(seal_of(texts[i], strlen(texts[i])), SL_SEAL_BROKEN);
    sl_buf_addf(&longer, "%s\n", text);
    assert_int_equal(seal_of(longer.text, longer.length), SL_SEAL_BROKEN);
    sl_buf_clear(&longer);
    sl_buf_addf(&longer, "{\"name\":\"Bern\",%s", text + 1);
    assert_int_equal(seal_of(longer.text, longer.length), SL_SEAL_BROKEN);
    free(text);
}

static void what_has_no_digest_says_so(void **state)
{
    static const char *const texts[] = {"{}", "[]", "7", "null", "{\"a\":{\"sha256\":\"x\"}}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(seal_of(texts[i], strlen(texts[i])), SL_SEAL_NONE);
}

static void what_is_no_json_is_told_with_its_place(void **state)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err err = {0};
    enum sl_seal seal;

    (void)state;
    assert_int_equal(sl_json_unseal("{\"a\":\n1", 7, "file.json", &json, &seal, &err),
                     SL_E_JSON_SYNTAX);
    assert_int_equal(err.line, 2);
    assert_null(json);
}

// Files in lakes are for ever. Digests by another program: of the frame and the object's bytes,
// and, in publications of form 2, of the frame and the bytes before the member.
static void files_of_earlier_versions_are_whole(void **state)
{
    static const char *const texts[] = {
        "{\"table\":\"clean.orders\",\"rows\":7"
        ",\"sha256\":\"2babdab2c2a06a8f71de74f250e5c80dcc4af8c2e218475edc1096f29fa683bf\"}",
        "{\"table\":\"clean.orders\",\"rows\":7"
        ",\"sha256\":\"9fc470b35d049e51dcb1b9909727217ba6b247d89bb501017d9365b3a6e872d7\"}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(seal_of(texts[i], strlen(texts[i])), SL_SEAL_WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_is_whole_and_comes_back_without_the_digest),
        cmocka_unit_test(every_changed_byte_is_told),
        cmocka_unit_test(another_form_of_the_same_values_is_told),
        cmocka_unit_test(what_has_no_digest_says_so),
        cmocka_unit_test(what_is_no_json_is_told_with_its_place),
        cmocka_unit_test(files_of_earlier_versions_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
