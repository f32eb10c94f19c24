// Texts of known formats. What has a check digit gets the one that it needs.
#include "contract/sample_part.h"

#include <inttypes.h>
#include <string.h>

#define SHORT_EMAIL 30

// The digit that makes Luhn's sum, or that of an EAN, of the text `t` a multiple of 10.
#define LUHN_DIGIT                                                                               \
    "(10 - list_sum(list_transform(string_split(reverse(t || '0'), ''), lambda c, i: (ascii(c) " \
    "- 48) * if(i % 2 = 0, 2, 1) - if(i % 2 = 0 and c > '4', 9, 0)))::BIGINT % 10) % 10"
#define EAN_DIGIT                                                                                \
    "(10 - list_sum(list_transform(string_split(reverse(t || '0'), ''), lambda c, i: (ascii(c) " \
    "- 48) * if(i % 2 = 0, 3, 1)))::BIGINT % 10) % 10"

// $r the row's number; $h a hash of it as 32 hexadecimal digits; $1 to $9 digits that are drawn,
// $N the row's number as so many digits: $A eight, $B nine; of what has a check digit `t` is the
// text before it.
static const struct form {
    const char *format;
    const char *sql;
} forms[] = {
    {"email", "'user' || $r || '@example.com'"},
    {"uuid", "regexp_replace($h, '^(.{8})(.{4}).(.{3}).(.{3})(.{12})$', '\\1-\\2-4\\3-8\\4-\\5')"},
    {"uri", "'https://example.com/' || $r"},
    {"hostname", "'host-' || $r || '.example.com'"},
    {"ipv4", "'10.' || ($r // 65536 % 256) || '.' || ($r // 256 % 256) || '.' || ($r % 256)"},
    {"ipv6", "regexp_replace(right($h, 12) || lpad(lower(hex($r % 4294967296)), 8, '0'), "
             "'^(.{4})(.{4})(.{4})(.{4})(.{4})$', '2001:db8:\\1:\\2:\\3:0:\\4:\\5')"},
    {"mac", "regexp_replace($h, '^(..)(..)(..)(..)(..)(..).*$', '\\1:\\2:\\3:\\4:\\5:\\6')"},
    {"time", "strftime(timestamp '2024-01-01' + to_seconds($r * 7919 % 86400), '%H:%M:%S')"},
    {"datetime", "strftime(timestamp '2024-01-01' + to_seconds($r * 7919 % 63072000), "
                 "'%Y-%m-%dT%H:%M:%SZ')"},
    {"iban", "list_extract(list_transform(['$8$B0'], lambda t: 'DE' || lpad(cast(98 - cast(t || "
             "'131400' as HUGEINT) % 97 as VARCHAR), 2, '0') || t), 1)"},
    {"bic", "translate(right('$A', 4), '0123456789', 'ABCDEFGHKM') || 'DEFF' || left('$B', 3)"},
    {"isin", "list_extract(list_transform(['3028' || '$B'], lambda t: 'US' || substr(t, 5) || "
             "cast(" LUHN_DIGIT " as VARCHAR)), 1)"},
    {"card", "list_extract(list_transform(['4' || '$5$B'], lambda t: t || cast(" LUHN_DIGIT
             " as VARCHAR)), 1)"},
    {"ean",
     "list_extract(list_transform(['$3$B'], lambda t: t || cast(" EAN_DIGIT " as VARCHAR)), 1)"},
    {"e164", "'+4930$A'"},
    {"latitude", "cast(($r * 7919 % 180001 - 90000)::DECIMAL(18,0) * 0.001 as VARCHAR)"},
    {"longitude", "cast(($r * 7919 % 360001 - 180000)::DECIMAL(18,0) * 0.001 as VARCHAR)"},
    {"sha256", "sha256($h)"},
    {"md5", "$h"},
    {"hex", "left($h, 16)"},
    {"hex_color", "'#' || left($h, 6)"},
    {"base64", "base64(encode(left($h, 9)))"},
    {"semver", "$1 || '.' || $2 || '.' || $r"},
};

static void add_digits(const struct sl_sampler *sampler, int count, struct sl_buf *sql)
{
    int64_t span = 1;
    for (int i = 0; i < count; i++)
        span *= 10;
    sl_buf_add(sql, "lpad(cast(");
    sl_sample_draw(sampler, 20 + count, span, sql);
    sl_buf_addf(sql, " as VARCHAR), %d, '0')", count);
}

static void add_row_digits(const struct sl_sampler *sampler, int count, struct sl_buf *sql)
{
    int64_t span = 1;
    for (int i = 0; i < count; i++)
        span *= 10;
    sl_buf_addf(sql, "lpad(cast(%s %% %" PRId64 " as VARCHAR), %d, '0')", sampler->row, span,
                count);
}

static void add_item(const struct sl_sampler *sampler, char item, struct sl_buf *sql)
{
    if (item == 'r')
        sl_buf_add(sql, sampler->row);
    else if (item == 'h')
        sl_buf_addf(sql, "md5(%s || '-%" PRIu64 "-%zu')", sampler->row, sampler->options->seed,
                    sampler->index);
    else if (item == 'A' || item == 'B')
        add_row_digits(sampler, item == 'A' ? 8 : 9, sql);
    else
        add_digits(sampler, item - '0', sql);
}

// Within quotes what is drawn is put in between: 'a$3b' is 'a' || ... || 'b'.
static void add_form(const struct sl_sampler *sampler, const char *form, struct sl_buf *sql)
{
    bool is_quoted = false;
    for (; *form; form++) {
        bool is_item = *form == '$' && form[1] && strchr("rhAB123456789", form[1]);
        is_quoted ^= *form == '\'';
        if (!is_item) {
            sl_buf_add_bytes(sql, form, 1);
            continue;
        }
        sl_buf_add(sql, is_quoted ? "' || " : "");
        add_item(sampler, *++form, sql);
        sl_buf_add(sql, is_quoted ? " || '" : "");
    }
}

static bool add_listed(const struct sl_sampler *sampler, const char *format, struct sl_buf *sql)
{
    static const char *const countries[] = {"DE", "FR", "IT", "ES", "PL", "US", "JP", "BR"};
    static const char *const countries3[] = {"DEU", "FRA", "ITA", "ESP", "POL", "USA", "JPN"};
    static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK"};
    static const char *const languages[] = {"de", "en", "fr", "es", "it", "pl", "de-AT", "pt-BR"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo",
                                        "Australia/Sydney"};
#define LIST(texts) texts, sizeof texts / sizeof *texts
    static const struct {
        const char *format;
        const char *const *texts;
        size_t count;
    } lists[] = {{"country", LIST(countries)},
                 {"country3", LIST(countries3)},
                 {"currency", LIST(currencies)},
                 {"language", LIST(languages)},
                 {"timezone", LIST(zones)}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (sl_str_equal(lists[i].format, format)) {
            sl_sample_pick(sampler, lists[i].texts, lists[i].count, sql);
            return true;
        }
    return false;
}

bool sl_sample_format(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const char *format = sampler->format->text;
    const struct sl_rule *length = sampler->length;
    if (sl_str_equal(format, "email") && length &&
        sl_sample_bound(length->max, SHORT_EMAIL) < SHORT_EMAIL) {
        sl_buf_addf(sql, "'u' || %s || '@a.de'", sampler->row);
        return true;
    }
    if (sl_str_equal(format, "date")) {
        sl_sample_moment(sampler, sql);
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (sl_str_equal(forms[i].format, format)) {
            sl_buf_add(sql, "(");
            add_form(sampler, forms[i].sql, sql);
            sl_buf_add(sql, ")");
            return true;
        }
    return add_listed(sampler, format, sql);
}
