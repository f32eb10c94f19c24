#include "base/matches.h"
#include "contract/rule.h"
#include "contract/rules/codes.h"
#include "contract/rules/zones.h"

// Letters and digits of any script, so that internationalised addresses pass; no quoted local
// parts. Bounded repetitions ({1,63}) would make RE2 fifty times slower here, so lengths are not
// looked at.
#define LOCAL "[^\\s@\"(),:;<>\\[\\]\\\\.]+"
#define LABEL "[\\pL\\pN]+(?:-+[\\pL\\pN]+)*"
#define EMAIL LOCAL "(?:\\." LOCAL ")*@(?:" LABEL "\\.)+(?:\\pL\\pL+|xn--[A-Za-z0-9-]+)"

#define UUID "(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

// RFC 3986: a scheme and something after it; letters beyond ASCII as in RFC 3987.
#define URI_CHARACTER "[^\\s<>\"{}|\\\\^`]"
#define URI "[A-Za-z][A-Za-z0-9+.-]*:/{0,3}[^\\s/<>\"{}|\\\\^`]" URI_CHARACTER "*"

#define BYTE "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define IPV4 BYTE "[.]" BYTE "[.]" BYTE "[.]" BYTE
#define H "[0-9A-Fa-f]{1,4}"
// RFC 4291: eight groups, of which "::" stands for one or more; the last two may be an IPv4
// address.
#define IPV6                                                                                    \
    "(?:" H ":){7}" H "|(?:" H ":){1,7}:|(?:" H ":){1,6}:" H "|(?:" H ":){1,5}(?::" H "){1,2}|" \
    "(?:" H ":){1,4}(?::" H "){1,3}|(?:" H ":){1,3}(?::" H "){1,4}|"                            \
    "(?:" H ":){1,2}(?::" H "){1,5}|" H ":(?::" H "){1,6}|:(?:(?::" H "){1,7}|:)|"              \
    "(?:" H ":){6}" IPV4 "|::(?:" H ":){0,5}" IPV4 "|" H "::(?:" H ":){0,4}" IPV4 "|"           \
    "(?:" H ":){2}:(?:" H ":){0,3}" IPV4 "|(?:" H ":){3}:(?:" H ":){0,2}" IPV4 "|"              \
    "(?:" H ":){4}:(?:" H ":)?" IPV4 "|(?:" H ":){5}:" IPV4

#define NAME "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
#define CLOCK "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]+)?"
// https://semver.org, version 2
#define NUMBER "(?:0|[1-9][0-9]*)"
#define PART "(?:" NUMBER "|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
#define SEMVER                                                                           \
    NUMBER "[.]" NUMBER "[.]" NUMBER "(?:-" PART "(?:[.]" PART ")*)?(?:[+][0-9A-Za-z-]+" \
           "(?:[.][0-9A-Za-z-]+)*)?"

// The digits of a text, by a number for each character: '0' is 0, 'A' is 10.
#define VALUES "list_transform(string_split($, ''), lambda c: ascii(c) - if(c <= '9', 48, 55))"
// ISO 7064 mod 97 of an IBAN, whose first four characters count as its last.
#define MOD97                                                                             \
    "list_reduce(list_transform(string_split(substr($, 5) || left($, 4), ''), lambda c: " \
    "ascii(c) - if(c <= '9', 48, 55)), lambda a, b: (a * if(b > 9, 100, 10) + b) % 97) = 1"
// Luhn's sum of the digits of `text`: from the right every second digit is doubled.
#define LUHN(text)                                                                                 \
    "list_sum(list_transform(string_split(reverse(" text "), ''), lambda c, i: (ascii(c) - 48) * " \
    "if(i % 2 = 0, 2, 1) - if(i % 2 = 0 and c > '4', 9, 0))) % 10 = 0"
#define ISIN_DIGITS \
    "list_aggregate(list_transform(" VALUES ", lambda v: cast(v as VARCHAR)), 'string_agg', '')"
#define EAN                                                                                   \
    "length($) in (8, 12, 13, 14) and list_sum(list_transform(string_split(reverse($), ''), " \
    "lambda c, i: (ascii(c) - 48) * if(i % 2 = 0, 3, 1))) % 10 = 0"
#define CARD_DIGITS "replace(replace($, ' ', ''), '-', '')"

static const struct format {
    const char *name;
    const char *pattern; // of the whole text; NULL: a date
    const char *what;
    const char *holds; // SQL that is true as well, where $ is the text; NULL: the pattern says all
} formats[] = {
    {"email", EMAIL, "is not an email address", NULL},
    {"uuid", UUID, "is not a UUID", NULL},
    {"uri", URI, "is not a URI", NULL},
    {"hostname", NAME "(?:[.]" NAME ")*", "is not a host name",
     "length($) <= 253 and list_max(list_transform(string_split($, '.'), lambda p: length(p))) "
     "<= 63"},
    {"ipv4", IPV4, "is not an IPv4 address", NULL},
    {"ipv6", IPV6, "is not an IPv6 address", NULL},
    {"mac", "[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})",
     "is not a MAC address", NULL},
    {"date", NULL, "is not a date (YYYY-MM-DD)", NULL},
    {"time", CLOCK, "is not a time of day (HH:MM:SS)", NULL},
    {"datetime", "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]" CLOCK "(?:[Zz]|[+-][0-2][0-9]:[0-5][0-9])",
     "is not a date and time of RFC 3339", "try_cast(left($, 10) as DATE) is not null"},
    {"timezone", ZONES, "is not the name of a time zone", NULL},
    {"country", COUNTRIES, "is not a country code of ISO 3166 (two capital letters)", NULL},
    {"country3", COUNTRIES3, "is not a country code of ISO 3166 (three capital letters)", NULL},
    {"currency", CURRENCIES, "is not a currency code of ISO 4217 (three capital letters)", NULL},
    {"language", "(?:" LANGUAGES ")(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?",
     "is not a language code of ISO 639 (de, de-AT)", NULL},
    {"iban", "(?:" COUNTRIES "|XK)[0-9]{2}[A-Z0-9]+", "is not an IBAN",
     "length($) between 15 and 34 and " MOD97},
    {"bic", "[A-Z]{4}(?:" COUNTRIES "|XK)[A-Z0-9]{2}(?:[A-Z0-9]{3})?", "is not a BIC", NULL},
    {"isin", "[A-Z]{2}[A-Z0-9]{9}[0-9]", "is not an ISIN", LUHN(ISIN_DIGITS)},
    {"card", "[0-9]+(?:[ -][0-9]+)*", "is not the number of a card",
     "length(" CARD_DIGITS ") between 12 and 19 and " LUHN(CARD_DIGITS)},
    {"ean", "[0-9]+", "is not an EAN or GTIN", EAN},
    {"e164", "[+][1-9][0-9]+", "is not a phone number of E.164 (+49301234567)",
     "length($) between 8 and 16"},
    {"latitude", "[+-]?[0-9]+(?:[.][0-9]+)?", "is not a latitude (-90 to 90)",
     "abs(try_cast($ as DOUBLE)) <= 90"},
    {"longitude", "[+-]?[0-9]+(?:[.][0-9]+)?", "is not a longitude (-180 to 180)",
     "abs(try_cast($ as DOUBLE)) <= 180"},
    {"sha256", "[0-9A-Fa-f]+", "is not a SHA-256 (64 hexadecimal digits)", "length($) = 64"},
    {"md5", "[0-9A-Fa-f]+", "is not an MD5 (32 hexadecimal digits)", "length($) = 32"},
    {"hex", "(?:[0-9A-Fa-f][0-9A-Fa-f])+", "is not hexadecimal", NULL},
    {"hex_color", "#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})",
     "is not a colour (#rrggbb)", NULL},
    {"base64", "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)",
     "is not base64", NULL},
    {"semver", SEMVER, "is not a semantic version (1.2.3)", NULL},
};

static const struct format *find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (sl_str_equal(formats[i].name, name))
            return &formats[i];
    return NULL;
}

const char *sl_format_pattern(const char *name)
{
    const struct format *format = name ? find(name) : NULL;
    return format ? format->pattern : NULL;
}

static void add_holds(const char *holds, const char *text, struct sl_buf *sql)
{
    for (; *holds; holds++)
        if (*holds == '$')
            sl_buf_add(sql, text);
        else
            sl_buf_add_bytes(sql, holds, 1);
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    const char *text = site->reading->text;
    const struct format *format = find(rule->text);
    if (!format) {
        sl_diag(site->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, rule->place, NULL,
                "format '%s' is not evaluated", rule->text ? rule->text : "");
        return false;
    }
    if (site->reading->column->type.kind != SL_TYPE_TEXT)
        return sl_rule_refuse(site, "format '%s' is for text, and column '%s' is none",
                              format->name, site->reading->column->name);
    if (format->pattern) {
        sl_buf_add(broken, format->holds ? "case when " : "not ");
        sl_buf_add_sql_matches_whole(broken, text, format->pattern);
        if (format->holds) {
            sl_buf_add(broken, " then not coalesce(");
            add_holds(format->holds, text, broken);
            sl_buf_addf(broken, ", false) else %s is not null end", text);
        }
    } else { // prints as it was read: no other form of date, and no year beyond four digits
        sl_buf_addf(broken,
                    "%s is not null and not coalesce(strlen(%s) = 10 and cast(try_cast(%s as DATE) "
                    "as VARCHAR) = %s, false)",
                    text, text, text, text);
    }
    sl_rule_says(site, message, "%s", format->what);
    return true;
}

const struct sl_rule_kind sl_rule_format = {
    .name = "format",
    .summary = "The text is of a known format, such as email, uuid, iban or country.",
    .example = "logicalTypeOptions: {format: iban}",
    .compile = compile,
};
