#include "contract/rule.h"

// ISO 3166-1 alpha-2, officially assigned.
#define COUNTRIES                                                                                \
    "AD|AE|AF|AG|AI|AL|AM|AO|AQ|AR|AS|AT|AU|AW|AX|AZ|BA|BB|BD|BE|BF|BG|BH|BI|BJ|BL|BM|BN|BO|BQ|" \
    "BR|BS|BT|BV|BW|BY|BZ|"                                                                      \
    "CA|CC|CD|CF|CG|CH|CI|CK|CL|CM|CN|CO|CR|CU|CV|CW|CX|CY|CZ|DE|DJ|DK|DM|DO|DZ|EC|EE|EG|EH|ER|" \
    "ES|ET|FI|FJ|FK|FM|FO|"                                                                      \
    "FR|GA|GB|GD|GE|GF|GG|GH|GI|GL|GM|GN|GP|GQ|GR|GS|GT|GU|GW|GY|HK|HM|HN|HR|HT|HU|ID|IE|IL|IM|" \
    "IN|IO|IQ|IR|IS|IT|JE|"                                                                      \
    "JM|JO|JP|KE|KG|KH|KI|KM|KN|KP|KR|KW|KY|KZ|LA|LB|LC|LI|LK|LR|LS|LT|LU|LV|LY|MA|MC|MD|ME|MF|" \
    "MG|MH|MK|ML|MM|MN|MO|"                                                                      \
    "MP|MQ|MR|MS|MT|MU|MV|MW|MX|MY|MZ|NA|NC|NE|NF|NG|NI|NL|NO|NP|NR|NU|NZ|OM|PA|PE|PF|PG|PH|PK|" \
    "PL|PM|PN|PR|PS|PT|PW|"                                                                      \
    "PY|QA|RE|RO|RS|RU|RW|SA|SB|SC|SD|SE|SG|SH|SI|SJ|SK|SL|SM|SN|SO|SR|SS|ST|SV|SX|SY|SZ|TC|TD|" \
    "TF|TG|TH|TJ|TK|TL|TM|"                                                                      \
    "TN|TO|TR|TT|TV|TW|TZ|UA|UG|UM|US|UY|UZ|VA|VC|VE|VG|VI|VN|VU|WF|WS|YE|YT|ZA|ZM|ZW"

// ISO 4217, list one, and the codes withdrawn since 2020 (ANG, BGN, CUC, HRK, SLL, ZWL), which data
// of their time still holds.
#define CURRENCIES                                                                                 \
    "AED|AFN|ALL|AMD|ANG|AOA|ARS|AUD|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BOV|BRL|BSD|BTN|" \
    "BWP|BYN|BZD|CAD|CDF|"                                                                         \
    "CHE|CHF|CHW|CLF|CLP|CNY|COP|COU|CRC|CUC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|FKP|" \
    "GBP|GEL|GHS|GIP|GMD|"                                                                         \
    "GNF|GTQ|GYD|HKD|HNL|HRK|HTG|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|" \
    "KWD|KYD|KZT|LAK|LBP|"                                                                         \
    "LKR|LRD|LSL|LYD|MAD|MDL|MGA|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MXV|MYR|MZN|NAD|NGN|NIO|NOK|" \
    "NPR|NZD|OMR|PAB|PEN|"                                                                         \
    "PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SLE|SLL|SOS|SRD|SSP|STN|" \
    "SVC|SYP|SZL|THB|TJS|"                                                                         \
    "TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX|USD|USN|UYI|UYU|UYW|UZS|VED|VES|VND|VUV|WST|XAF|XAG|XAU|" \
    "XBA|XBB|XBC|XBD|XCD|"                                                                         \
    "XCG|XDR|XOF|XPD|XPF|XPT|XSU|XTS|XUA|XXX|YER|ZAR|ZMW|ZWG|ZWL"

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

static const struct format {
    const char *name;
    const char *pattern; // of the whole text; NULL: a date
    const char *what;
} formats[] = {
    {"email", EMAIL, "is not an email address"},
    {"uuid", UUID, "is not a UUID"},
    {"uri", URI, "is not a URI"},
    {"date", NULL, "is not a date (YYYY-MM-DD)"},
    {"country", COUNTRIES, "is not a country code of ISO 3166 (two capital letters)"},
    {"currency", CURRENCIES, "is not a currency code of ISO 4217 (three capital letters)"},
};

static const struct format *find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (sl_str_equal(formats[i].name, name))
            return &formats[i];
    return NULL;
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
        sl_buf_addf(broken, "not regexp_full_match(%s, ", text);
        sl_buf_add_sql_string(broken, format->pattern);
        sl_buf_add(broken, ")");
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
    .summary = "The text is an email, uuid, uri, date, country or currency.",
    .compile = compile,
};
