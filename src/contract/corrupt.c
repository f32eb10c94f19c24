// RE2 knows no nesting, so a record is first held against a regular expression for texts that are
// JSON but for their brackets: as much of the record as is of that form is what is right. If all of
// it is, the brackets, colons or names are not.
#include "contract/corrupt.h"

#include "base/json.h"

#define SPACE "[ \\t\\r\\n]*"
#define TEXT "\"(?:[^\"\\\\\\x00-\\x1f]|\\\\(?:[\"\\\\/bfnrt]|u[0-9a-fA-F]{4}))*\""
#define NUMBER "-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?"
#define VALUE "(?:" TEXT "|" NUMBER "|true|false|null)"
#define UNIT "(?:(?:" SPACE "[{\\[])+" SPACE "[}\\]]|(?:" SPACE "[{\\[])*" SPACE VALUE ")"
#define RIGHT                                                                         \
    "^(?:" UNIT "(?:" SPACE "[}\\]]|" SPACE "[,:]" UNIT ")*(?:" SPACE "[,:](?:" SPACE \
    "[{\\[])*)?|(?:" SPACE "[{\\[])*)" SPACE

// As much of a text as has no escape of the character 0, or none of half of a surrogate pair.
#define PLAIN "[^\\\\]|\\\\[^u]"
#define HEX "[0-9a-fA-F]"
#define WITHOUT_ZERO "^(?:" PLAIN "|\\\\u(?:0{0,3}[1-9a-fA-F]" HEX "*))*"
#define WITHOUT_HALVES                                                                     \
    "^(?:" PLAIN "|\\\\u(?:[0-9abcefABCEF]" HEX "{3}|[dD][0-7]" HEX "{2}|[dD][89abAB]" HEX \
    "{2}\\\\u[dD][c-fC-F]" HEX "{2}))*"

#define MOST_CHARACTERS "65536" // that are looked at
#define OTHERWISE "'the record could not be split into columns'"
// The engine's functions for the part that is right (p) and the rest of the text (t).
#define REST "substr(t, length(p) + 1)"
#define LAST "right(rtrim(p, ' \t\r\n'), 1)"
#define WITHOUT_TEXTS "regexp_replace(t, '" TEXT "', '', 'g')"
#define OPENED "length(regexp_replace(" WITHOUT_TEXTS ", '[^{\\[]', '', 'g'))"
#define CLOSED "length(regexp_replace(" WITHOUT_TEXTS ", '[^}\\]]', '', 'g'))"

// Bytes by their hexadecimal digits: those that are UTF-8 (RFC 3629, section 4), and all but 00.
#define DIGIT "[0-9A-F]"
#define TAIL "[89AB]" DIGIT
#define IS_UTF8                                                              \
    "^(?:[0-7]" DIGIT "|(?:C[2-9A-F]|D" DIGIT ")" TAIL "|E0[AB]" DIGIT TAIL  \
    "|E[1-9A-CEF]" TAIL TAIL "|ED[89]" DIGIT TAIL "|F0[9AB]" DIGIT TAIL TAIL \
    "|F[123]" TAIL TAIL TAIL "|F48" DIGIT TAIL TAIL ")*"
#define NO_ZERO "^(?:0[1-9A-F]|[1-9A-F]" DIGIT ")*"

static void add_found(bool is_hidden, struct sl_buf *sql)
{
    sl_buf_add(sql, is_hidden ? "'byte ' || (strlen(p) + 1) || ': found something else, expected '"
                              : "'byte ' || (strlen(p) + 1) || ': found ''' || "
                                "left(regexp_extract(" REST ", '^([A-Za-z0-9_.+-]+|(?s:.))'), 20) "
                                "|| ''', expected '");
}

// An escape that JSON allows by its form, behind as much of the text as `before` matches.
static void add_escape(const char *before, const char *escape, const char *message,
                       struct sl_buf *sql)
{
    sl_buf_addf(sql,
                "when " REST " = '' and starts_with(substr(t, "
                "length(regexp_extract(t, '%s')) + 1), '%s') "
                "then 'byte ' || (strlen(regexp_extract(t, '%s')) + 1) || ': %s' ",
                before, escape, before, message);
}

static void add_whole(struct sl_buf *sql)
{
    add_escape(WITHOUT_ZERO, "\\u0000",
               "found the escape \\u0000, a character that no text of a table can have", sql);
    add_escape(WITHOUT_HALVES, "\\u",
               "found an escape that is half of a surrogate pair, expected both halves", sql);
    // Many brackets that one value after the other opens and closes are no depth.
    sl_buf_addf(sql,
                "when " REST " = '' and json_valid(t) and " OPENED " > %d then case when "
                "regexp_matches(" WITHOUT_TEXTS ", '(?:[{\\[][^{}\\[\\]]*){%d}[{\\[]') then "
                "'it is nested deeper than %d levels' else 'it is nested deeper than %d levels, or "
                "an object has a name twice, or one that no column can have' end ",
                SL_JSON_DEEPEST, SL_JSON_DEEPEST, SL_JSON_DEEPEST, SL_JSON_DEEPEST);
    sl_buf_add(sql,
               "when " REST " = '' and json_valid(t) and regexp_matches(t, '^" SPACE "[{]') then "
               "'the object has a name twice, or one that no column can have' "
               "when " REST " = '' and json_valid(t) then 'found ' || case when regexp_matches(t, "
               "'^" SPACE "\\[') then 'an array' else 'a single value' end || ', expected an "
               "object: {...}' "
               "when " REST " = '' and " OPENED " > " CLOSED
               " then 'byte ' || (strlen(p) + 1) || ': found the end of the "
               "record, expected what closes it: a bracket is open' "
               "when " REST " = '' then 'the brackets, colons and commas of the record do not fit "
               "together' ");
}

void sl_corrupt_says(bool is_hidden, struct sl_buf *sql)
{
    sl_buf_add(sql, "list_extract(list_transform([try(decode(\"~corrupt\"))], lambda t: case "
                    "when t is null then 'byte ' || (length(regexp_extract(hex(\"~corrupt\"), "
                    "'" IS_UTF8 "')) // 2 + 1) || ': found invalid UTF-8' "
                    "when contains(t, chr(0)) then 'byte ' || (length(regexp_extract(hex("
                    "\"~corrupt\"), '" NO_ZERO "')) // 2 + 1) || ': found a NUL character' when "
                    "regexp_matches(_source, '(?i)[.][ct]sv([.](gz|zst))?$') or not "
                    "(coalesce(regexp_matches(t, '^" SPACE "[{]'), false) or "
                    "regexp_matches(_source, '(?i)[.](jsonl|ndjson|json)([.](gz|zst))?$')) or "
                    "length(t) > " MOST_CHARACTERS " then " OTHERWISE " else "
                    "list_extract(list_transform([regexp_extract(t, '" RIGHT "')], lambda p: "
                    "case ");
    add_whole(sql);
    sl_buf_add(sql, "when json_valid(p) then ");
    add_found(is_hidden, sql);
    sl_buf_add(sql, " || 'the end of the record' when " REST " like '\"%' and " LAST
                    " in ('', ',', ':', '[', '{') then 'byte ' || (strlen(p) + 1) || ': found a "
                    "text without an end, or with an escape or character that JSON does not have' "
                    "else ");
    add_found(is_hidden, sql);
    sl_buf_add(sql, " || case " LAST " when '' then 'an object: {...}' when '{' then 'a name in "
                    "quotes or }' when '[' then 'a value or ]' when ':' then 'a value' when ',' "
                    "then 'a name in quotes or a value' when '\"' then 'a colon, a comma or a "
                    "closing bracket' else 'a comma or a closing bracket' end end), 1) end), 1)");
}
