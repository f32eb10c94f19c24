// Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
// PagerDuty: https://developer.pagerduty.com/docs/send-alert-event (Events API v2)
// Mail: RFC 5322, MIME (RFC 2045, 2047), Auto-Submitted (RFC 3834)
#include "notify/message.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"
#define PAGERDUTY_SUMMARY_BYTES 1024
#define SLACK_TEXT_BYTES 2800 // of a section's 3000, for what escapes add

static const char *severity_of(const char *kind)
{
    return strcmp(kind, "failure") == 0 || strcmp(kind, "sla") == 0 ? "error" : "warning";
}

static json_t *time_json(int64_t time_us)
{
    char text[32];
    return time_us ? json_string(sl_clock_format(time_us, text)) : json_null();
}

static json_t *text_json(const char *text)
{
    return sl_str_is_empty(text) ? json_null() : sl_json_string(text);
}

int sl_event_print(const struct sl_event *event, char **ret, struct sl_err *err)
{
    const struct sl_alert_row *alert = event->alert;
    bool is_test = event->event == SL_EVENT_NONE;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I}}",
        "schema", "sluice.alert/1", "id", event->id, "event",
        is_test ? "test" : sl_alert_event_name(event->event), "at", time_json(event->at_us),
        "project", text_json(event->project), "environment", text_json(event->environment), "alert",
        "id", alert->id, "kind", alert->kind, "subject", text_json(alert->subject), "owner",
        text_json(alert->owner), "severity", severity_of(alert->kind), "summary",
        text_json(alert->summary), "code", text_json(alert->code), "run_id",
        text_json(alert->run_id), "opened_at", time_json(alert->opened_us), "closed_at",
        time_json(alert->closed_us), "times", (json_int_t)alert->times);
    SL_TRY_NEW(root, err);
    return sl_log_print(root, ret, err);
}

// --- the parts of a document

struct parts {
    const char *id, *event, *at, *project, *environment;
    const char *alert_id, *kind, *subject, *owner, *severity, *summary, *code, *run_id;
    const json_t *root;
};

static struct parts parts_of(const json_t *root)
{
    const json_t *alert = json_object_get(root, "alert");
    return (struct parts){
        .id = sl_json_text(root, "id", ""),
        .event = sl_json_text(root, "event", ""),
        .at = sl_json_text(root, "at", ""),
        .project = sl_json_text(root, "project", ""),
        .environment = sl_json_text(root, "environment", ""),
        .alert_id = sl_json_text(alert, "id", ""),
        .kind = sl_json_text(alert, "kind", ""),
        .subject = sl_json_text(alert, "subject", ""),
        .owner = sl_json_text(alert, "owner", ""),
        .severity = sl_json_text(alert, "severity", "warning"),
        .summary = sl_json_text(alert, "summary", ""),
        .code = sl_json_text(alert, "code", ""),
        .run_id = sl_json_text(alert, "run_id", ""),
        .root = root,
    };
}

static bool is(const struct parts *parts, const char *event)
{
    return strcmp(parts->event, event) == 0;
}

// "[shop prod]", the beginning of every subject line.
static void add_head(const struct parts *parts, struct sl_buf *text)
{
    sl_buf_addf(text, "[%s%s%s] ", parts->project, *parts->environment ? " " : "",
                parts->environment);
    if (is(parts, "repeated"))
        sl_buf_add(text, "still: ");
    sl_buf_add(text, parts->summary);
}

// Lines under it, each "name: value".
static void add_details(const struct parts *parts, struct sl_buf *text)
{
    if (*parts->owner)
        sl_buf_addf(text, "owner: %s\n", parts->owner);
    sl_buf_addf(text, "kind: %s\n", parts->kind);
    if (*parts->run_id)
        sl_buf_addf(text, "run: %s (sluice status %.8s)\n", parts->run_id, parts->run_id);
    if (*parts->code)
        sl_buf_addf(text, "error: %s (sluice explain %s)\n", parts->code, parts->code);
}

// At most so many bytes, and no half of a character.
static const char *cut(const char *text, size_t most, struct sl_arena *arena)
{
    size_t length = strlen(text);
    if (length <= most)
        return sl_arena_strdup(arena, text);
    length = most;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return sl_arena_strndup(arena, text, length);
}

static int print(json_t *json, struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    char *text = NULL;
    SL_TRY_NEW(json, err);
    SL_TRY(sl_json_print(json, &text, err));
    *ret = sl_arena_strdup(arena, text);
    free(text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// --- Slack

static void add_escaped(const char *text, struct sl_buf *out)
{
    for (; *text; text++)
        if (*text == '&')
            sl_buf_add(out, "&amp;");
        else if (*text == '<')
            sl_buf_add(out, "&lt;");
        else if (*text == '>')
            sl_buf_add(out, "&gt;");
        else
            sl_buf_add_char(out, *text);
}

static int write_slack(const struct parts *parts, struct sl_arena *arena, const char **ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf head = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf details = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    add_head(parts, &head);
    add_details(parts, &details);
    SL_TRY(sl_buf_check(&head, err));
    SL_TRY(sl_buf_check(&details, err));
    const char *icon = is(parts, "resolved") ? ":white_check_mark: "
                       : is(parts, "test")   ? ":wave: "
                                             : ":rotating_light: ";
    const char *first = cut(head.text, SLACK_TEXT_BYTES / 2, arena);
    const char *rest = cut(details.text, SLACK_TEXT_BYTES / 2, arena);
    SL_TRY_NEW(first, err);
    SL_TRY_NEW(rest, err);
    sl_buf_add(&text, icon);
    add_escaped(first, &text);
    sl_buf_add(&text, "\n");
    add_escaped(rest, &text);
    SL_TRY(sl_buf_check(&text, err));
    // `text` is what notifications show; the block keeps names like raw_orders_ from being italics.
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:[{s:s, s:{s:s, s:s, s:b}}]}", "text", text.text, "blocks", "type",
                  "section", "text", "type", "mrkdwn", "text", text.text, "verbatim", 1);
    return print(root, arena, ret, err);
}

// --- PagerDuty

static int write_pagerduty(const struct sl_channel *channel, const struct parts *parts,
                           struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf head = SL_BUF_INIT;
    bool is_resolved = is(parts, "resolved");
    add_head(parts, &head);
    SL_TRY(sl_buf_check(&head, err));
    const char *summary = cut(head.text, PAGERDUTY_SUMMARY_BYTES, arena);
    SL_TRY_NEW(summary, err);
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:s}", "routing_key", channel->pagerduty, "event_action",
                             is_resolved ? "resolve" : "trigger", "dedup_key", parts->alert_id);
    SL_TRY_NEW(root, err);
    if (is_resolved)
        return print(root, arena, ret, err);
    json_t *payload =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "summary", summary, "source",
                  parts->project, "severity", is(parts, "test") ? "info" : parts->severity,
                  "timestamp", parts->at, "component", parts->subject, "group", parts->owner,
                  "class", parts->kind, "custom_details", json_object_get(parts->root, "alert"));
    if (json_object_set_new(root, "payload", payload) != 0 ||
        json_object_set_new(root, "client", json_string("Sluice")) != 0)
        return sl_fail_memory(err);
    return print(root, arena, ret, err);
}

// --- mail

// "=?UTF-8?B?...?=" in words of at most 75 bytes, where it is no plain ASCII.
static int add_header_text(const char *text, struct sl_arena *arena, struct sl_buf *out,
                           struct sl_err *err)
{
    bool is_plain = strlen(text) < 200;
    for (const char *at = text; *at; at++)
        is_plain = is_plain && *at >= ' ' && *at < 0x7f;
    if (is_plain && !strstr(text, "=?")) {
        sl_buf_add(out, text);
        return SL_OK;
    }
    for (const char *at = text; *at;) {
        const char *piece = cut(at, 42, arena), *encoded;
        SL_TRY_NEW(piece, err);
        size_t length = strlen(piece);
        if (length == 0) // no UTF-8: byte by byte
            length = 1;
        SL_TRY(sl_base64_encode(at, length, arena, &encoded, err));
        sl_buf_addf(out, "%s=?UTF-8?B?%s?=", at == text ? "" : "\r\n ", encoded);
        at += length;
    }
    return SL_OK;
}

static int add_mail_body(const char *text, struct sl_arena *arena, struct sl_buf *out,
                         struct sl_err *err)
{
    const char *encoded;
    SL_TRY(sl_base64_encode(text, strlen(text), arena, &encoded, err));
    for (size_t length = strlen(encoded); length > 0;) {
        size_t line = length < 76 ? length : 76;
        sl_buf_addf(out, "%.*s\r\n", (int)line, encoded);
        encoded += line;
        length -= line;
    }
    return SL_OK;
}

static void add_date(const char *at, struct sl_buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t at_us = 0;
    struct tm tm = {0};
    if (sl_clock_parse(at, &at_us) != 0)
        return;
    time_t seconds = (time_t)(at_us / 1000000);
    gmtime_r(&seconds, &tm);
    sl_buf_addf(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int write_mail(const struct sl_channel *channel, const struct parts *parts,
                      struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf mail = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf head = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_email *email = &channel->email;
    add_head(parts, &head);
    SL_TRY(sl_buf_check(&head, err));
    sl_buf_addf(&text, "%s\n\n", head.text);
    add_details(parts, &text);
    sl_buf_addf(&text, "at: %s\n", parts->at);
    SL_TRY(sl_buf_check(&text, err));
    sl_buf_addf(&mail, "From: <%s>\r\nTo: ", email->from);
    for (size_t i = 0; i < email->to.count; i++)
        sl_buf_addf(&mail, "%s<%s>", i ? ",\r\n " : "", email->to.items[i]);
    sl_buf_add(&mail, "\r\nSubject: ");
    for (char *at = head.text; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    SL_TRY(add_header_text(cut(head.text, 500, arena), arena, &mail, err));
    sl_buf_add(&mail, "\r\n");
    add_date(parts->at, &mail);
    // All messages of one alert are one thread; a message that comes twice has one id.
    sl_buf_addf(&mail, "Message-ID: <%s@sluice>\r\nReferences: <%s@sluice>\r\n", parts->id,
                parts->alert_id);
    sl_buf_add(&mail, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n");
    SL_TRY(add_mail_body(text.text, arena, &mail, err));
    SL_TRY(sl_buf_check(&mail, err));
    *ret = sl_arena_strdup(arena, mail.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// --- all

static int add_header(struct sl_letter *letter, struct sl_arena *arena, const char *name,
                      const char *value, struct sl_err *err)
{
    const char *line = sl_arena_printf(arena, "%s: %s", name, value);
    SL_TRY_NEW(line, err);
    return sl_strs_add(&letter->headers, arena, line, err);
}

static int write_webhook(const struct sl_channel *channel, const struct parts *parts,
                         const char *body, struct sl_arena *arena, struct sl_letter *ret,
                         struct sl_err *err)
{
    char hex[65];
    ret->body = sl_arena_strdup(arena, body);
    SL_TRY_NEW(ret->body, err);
    SL_TRY(add_header(ret, arena, "Idempotency-Key", parts->id, err));
    for (size_t i = 0; i < channel->headers.count; i++)
        SL_TRY(sl_strs_add(&ret->headers, arena, channel->headers.items[i], err));
    if (!channel->secret)
        return SL_OK;
    SL_TRY(sl_hmac_hex(channel->secret, body, strlen(body), hex, err));
    const char *signature = sl_arena_printf(arena, "sha256=%s", hex);
    SL_TRY_NEW(signature, err);
    return add_header(ret, arena, "X-Sluice-Signature-256", signature, err);
}

int sl_letter_write(const struct sl_channel *channel, const char *body, struct sl_arena *arena,
                    struct sl_letter *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    *ret = (struct sl_letter){0};
    SL_TRY(sl_json_parse(body, strlen(body), "the outbox", &root, err));
    const struct parts parts = parts_of(root);
    switch ((enum sl_channel_type)channel->type) {
    case SL_CHANNEL_EMAIL:
        ret->is_mail = true;
        ret->url = channel->email.smtp;
        return write_mail(channel, &parts, arena, &ret->body, err);
    case SL_CHANNEL_SLACK:
        ret->url = channel->slack;
        SL_TRY(write_slack(&parts, arena, &ret->body, err));
        break;
    case SL_CHANNEL_PAGERDUTY:
        ret->url = channel->url ? channel->url : PAGERDUTY_URL;
        SL_TRY(write_pagerduty(channel, &parts, arena, &ret->body, err));
        break;
    case SL_CHANNEL_WEBHOOK:
        ret->url = channel->webhook;
        SL_TRY(write_webhook(channel, &parts, body, arena, ret, err));
        break;
    }
    return add_header(ret, arena, "Content-Type", "application/json", err);
}
