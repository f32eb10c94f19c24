// What each kind of channel is sent, against what its makers have published.
#include "../base/test.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sign.h"
#include "notify/message.h"

#include <string.h>

static struct sl_arena arena;

static int set_up(void **state)
{
    (void)state;
    sl_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_arena_clear(&arena);
    return 0;
}

static const char *body_of(enum sl_alert_event kind, const char *summary)
{
    struct sl_err err = {0};
    char *body = NULL;
    struct sl_alert_row alert = {.id = "alert-1",
                                 .kind = "failure",
                                 .subject = "clean.orders",
                                 .owner = "finance",
                                 .summary = summary,
                                 .code = "SL0711",
                                 .run_id = "0123456789ab",
                                 .opened_us = 1000000};
    struct sl_event event = {.id = "alert-1.raised",
                             .project = "shop",
                             .environment = "prod",
                             .event = kind,
                             .alert = &alert,
                             .at_us = 86400000000};
    assert_int_equal(sl_event_print(&event, &body, &err), SL_OK);
    const char *kept = sl_arena_strdup(&arena, body);
    free(body);
    return kept;
}

static struct sl_letter letter_of(const struct sl_channel *channel, const char *body)
{
    struct sl_err err = {0};
    struct sl_letter letter;
    assert_int_equal(sl_letter_write(channel, body, &arena, &letter, &err), SL_OK);
    return letter;
}

static json_t *parsed(const char *text)
{
    struct sl_err err = {0};
    json_t *ret = NULL;
    assert_int_equal(sl_json_parse(text, strlen(text), "body", &ret, &err), SL_OK);
    return ret;
}

static void slack_gets_a_text_without_markup_of_ours(void **state)
{
    (void)state;
    struct sl_channel channel = {.type = SL_CHANNEL_SLACK, .slack = "https://hooks.example/T/B/x"};
    struct sl_letter letter = letter_of(&channel, body_of(SL_EVENT_RAISED, "a < b & <!channel> c"));
    SL_AUTO(sl_json_free) json_t *root = parsed(letter.body);
    const char *text = sl_json_text(root, "text", "");
    assert_non_null(strstr(text, "[shop prod] a &lt; b &amp; &lt;!channel&gt; c"));
    assert_non_null(strstr(text, "sluice explain SL0711"));
    const json_t *block = json_array_get(json_object_get(root, "blocks"), 0);
    assert_string_equal(sl_json_text(block, "type", ""), "section");
    assert_string_equal(sl_json_text(json_object_get(block, "text"), "type", ""), "mrkdwn");
    assert_string_equal(letter.url, channel.slack);
}

static void a_long_text_fits_into_a_section_of_slack(void **state)
{
    (void)state;
    char longest[8001];
    memset(longest, 'x', 8000);
    longest[8000] = '\0';
    struct sl_channel channel = {.type = SL_CHANNEL_SLACK, .slack = "https://hooks.example/"};
    struct sl_letter letter = letter_of(&channel, body_of(SL_EVENT_RAISED, longest));
    SL_AUTO(sl_json_free) json_t *root = parsed(letter.body);
    assert_true(strlen(sl_json_text(root, "text", "")) <= 3000);
}

static void pagerduty_gets_an_event_of_version_2(void **state)
{
    (void)state;
    struct sl_channel channel = {.type = SL_CHANNEL_PAGERDUTY, .pagerduty = "R0123"};
    struct sl_letter letter = letter_of(&channel, body_of(SL_EVENT_RAISED, "it is bad"));
    SL_AUTO(sl_json_free) json_t *root = parsed(letter.body);
    const json_t *payload = json_object_get(root, "payload");
    assert_string_equal(letter.url, "https://events.pagerduty.com/v2/enqueue");
    assert_string_equal(sl_json_text(root, "routing_key", ""), "R0123");
    assert_string_equal(sl_json_text(root, "event_action", ""), "trigger");
    assert_string_equal(sl_json_text(root, "dedup_key", ""), "alert-1");
    assert_string_equal(sl_json_text(payload, "summary", ""), "[shop prod] it is bad");
    assert_string_equal(sl_json_text(payload, "source", ""), "shop");
    assert_string_equal(sl_json_text(payload, "severity", ""), "error");
    assert_string_equal(sl_json_text(payload, "component", ""), "clean.orders");
    assert_string_equal(sl_json_text(payload, "class", ""), "failure");
}

static void pagerduty_is_told_by_the_same_key_that_it_is_over(void **state)
{
    (void)state;
    struct sl_channel channel = {.type = SL_CHANNEL_PAGERDUTY, .pagerduty = "R0123"};
    struct sl_letter letter = letter_of(&channel, body_of(SL_EVENT_RESOLVED, "it is well"));
    SL_AUTO(sl_json_free) json_t *root = parsed(letter.body);
    assert_string_equal(sl_json_text(root, "event_action", ""), "resolve");
    assert_string_equal(sl_json_text(root, "dedup_key", ""), "alert-1");
    assert_null(json_object_get(root, "payload"));
}

static void a_webhook_gets_the_document_and_its_signature(void **state)
{
    (void)state;
    struct sl_channel channel = {
        .type = SL_CHANNEL_WEBHOOK, .webhook = "https://hook.example/", .secret = "s3cret"};
    const char *body = body_of(SL_EVENT_RAISED, "it is bad");
    struct sl_letter letter = letter_of(&channel, body);
    struct sl_err err = {0};
    char hex[65];
    assert_string_equal(letter.body, body);
    assert_int_equal(sl_hmac_hex("s3cret", body, strlen(body), hex, &err), SL_OK);
    assert_true(sl_strs_has(&letter.headers,
                            sl_arena_printf(&arena, "X-Sluice-Signature-256: sha256=%s", hex)));
    assert_true(sl_strs_has(&letter.headers, "Idempotency-Key: alert-1.raised"));
}

// RFC 4231, test case 2.
static void the_hmac_is_that_of_the_rfc(void **state)
{
    (void)state;
    struct sl_err err = {0};
    char hex[65];
    assert_int_equal(sl_hmac_hex("Jefe", "what do ya want for nothing?", 28, hex, &err), SL_OK);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void a_mail_is_plain_mime(void **state)
{
    (void)state;
    struct sl_err err = {0};
    struct sl_channel channel = {
        .type = SL_CHANNEL_EMAIL,
        .email = {.from = "sluice@shop.example", .smtp = "smtps://mail.example"}};
    assert_int_equal(sl_strs_add(&channel.email.to, &arena, "a@shop.example", &err), SL_OK);
    assert_int_equal(sl_strs_add(&channel.email.to, &arena, "b@shop.example", &err), SL_OK);
    const char *mail = letter_of(&channel, body_of(SL_EVENT_RAISED, "it is bad")).body;
    assert_non_null(strstr(mail, "From: <sluice@shop.example>\r\n"));
    assert_non_null(strstr(mail, "To: <a@shop.example>,\r\n <b@shop.example>\r\n"));
    assert_non_null(strstr(mail, "Subject: [shop prod] it is bad\r\n"));
    assert_non_null(strstr(mail, "Date: Fri, 2 Jan 1970 00:00:00 +0000\r\n"));
    assert_non_null(strstr(mail, "Message-ID: <alert-1.raised@sluice>\r\n"));
    assert_non_null(strstr(mail, "Auto-Submitted: auto-generated\r\n"));
}

static void nothing_in_a_summary_makes_a_header(void **state)
{
    (void)state;
    struct sl_channel channel = {.type = SL_CHANNEL_EMAIL,
                                 .email = {.from = "s@x", .smtp = "smtps://mail.example"}};
    const char *mail =
        letter_of(&channel, body_of(SL_EVENT_RAISED, "bad\r\nBcc: evil@x\r\n\r\nhello")).body;
    assert_null(strstr(mail, "\nBcc:"));
    mail = letter_of(&channel, body_of(SL_EVENT_RAISED, "größer als \xE2\x82\xAC 5")).body;
    assert_non_null(strstr(mail, "Subject: =?UTF-8?B?"));
    for (const char *at = mail; *at; at++)
        assert_true((unsigned char)*at < 0x80);
    for (const char *line = mail; line && *line;) {
        const char *end = strstr(line, "\r\n");
        assert_true(end && end - line <= 78 + 10);
        line = end + 2;
    }
}

static void secrets_are_masked_in_the_document(void **state)
{
    (void)state;
    sl_log_hide("hunter2-hunter2");
    assert_null(strstr(body_of(SL_EVENT_RAISED, "password hunter2-hunter2"), "hunter2"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(slack_gets_a_text_without_markup_of_ours),
        CASE(a_long_text_fits_into_a_section_of_slack),
        CASE(pagerduty_gets_an_event_of_version_2),
        CASE(pagerduty_is_told_by_the_same_key_that_it_is_over),
        CASE(a_webhook_gets_the_document_and_its_signature),
        CASE(the_hmac_is_that_of_the_rfc),
        CASE(a_mail_is_plain_mime),
        CASE(nothing_in_a_summary_makes_a_header),
        CASE(secrets_are_masked_in_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
