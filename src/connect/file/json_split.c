// JSON: one object a line, or one array of objects. What is no object (or has two members of one
// name, of which one would be lost, or a name that no column can have) is corrupt; an array that is
// none fails the file, as nothing says where its next element begins.
#include "base/json.h"
#include "connect/file/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
    size_t length, size; // without and with its line end
    int64_t lines;
    int64_t position;
    size_t member_count;
    bool is_good;
};

static enum sl_json_outcome scan(struct sl_split *split, const char *end, bool is_at_end,
                                 struct object *object, size_t *ret_size)
{
    enum sl_json_type type;
    enum sl_json_outcome outcome =
        sl_json_scan(sl_split_at(split), end, is_at_end, &split->members, &split->member_capacity,
                     &object->member_count, &type, ret_size);

    object->is_good = outcome == SL_JSON_VALUE && type == SL_JSON_OBJECT &&
                      sl_text_is_utf8(sl_split_at(split), *ret_size);
    return outcome;
}

// --- one object a line

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!sl_json_is_blank(text[i]))
            return false;
    return true;
}

static int find_in_line(struct sl_split *split, struct object *ret, bool *ret_found,
                        struct sl_err *err)
{
    for (;;) {
        SL_TRY(sl_text_fill_to(&split->text, 1, err));
        *ret_found = !sl_split_is_done(split);
        if (!*ret_found)
            return SL_OK;
        SL_TRY(sl_split_line(split, &ret->length, &ret->size, err));
        if (!is_blank(sl_split_at(split), ret->length))
            break;
        sl_split_pass(split, ret->size, 1);
    }
    const char *end = sl_split_at(split) + ret->length;
    const char *from = sl_split_at(split);
    size_t size = 0;
    while (sl_json_is_blank(*from))
        from++;
    size_t indent = (size_t)(from - sl_split_at(split));
    ret->lines = 1;
    ret->position = split->line;
    split->text.start += indent;
    if (scan(split, end, true, ret, &size) == SL_JSON_MEMORY)
        return sl_fail_memory(err);
    split->text.start -= indent;
    if (!is_blank(from + size, (size_t)(end - from) - size))
        ret->is_good = false;
    return SL_OK;
}

// --- an array

static int not_an_array(struct sl_split *split, const char *what, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SOURCE_FILE, "line %lld: %s", (long long)split->line, what);
    return sl_err_hint(err,
                       "format json is one array of objects; with an object a line it is jsonl");
}

static int ends_early(struct sl_split *split, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SOURCE_FILE, "line %lld: the array ends too early",
                  (long long)split->line);
    return sl_err_hint(err, "the file is cut off, or its writer is not done");
}

// Passes blanks. '\0' at the end of the file.
static int skip_blanks(struct sl_split *split, char *ret, struct sl_err *err)
{
    for (;;) {
        SL_TRY(sl_text_fill_to(&split->text, 1, err));
        if (sl_split_is_done(split)) {
            *ret = '\0';
            return SL_OK;
        }
        char c = *sl_split_at(split);
        if (!sl_json_is_blank(c)) {
            *ret = c;
            return SL_OK;
        }
        sl_split_pass(split, 1, c == split->csv.newline);
    }
}

// Passes what stands before the next element: true if there is one.
static int go_to_element(struct sl_split *split, bool *ret_found, struct sl_err *err)
{
    char c;

    SL_TRY(skip_blanks(split, &c, err));
    if (!split->is_in_array) {
        if (c != '[')
            return not_an_array(split, "the file does not begin with an array", err);
        split->is_in_array = true;
        sl_split_pass(split, 1, 0);
        SL_TRY(skip_blanks(split, &c, err));
    }
    *ret_found = c != ']';
    if (c == ']') {
        sl_split_pass(split, 1, 0);
        SL_TRY(skip_blanks(split, &c, err));
        return sl_split_is_done(split) ? SL_OK
                                       : not_an_array(split, "more follows after the array", err);
    }
    if (split->element == 0)
        return SL_OK;
    if (sl_split_is_done(split))
        return ends_early(split, err);
    if (c != ',')
        return not_an_array(split, "a comma or ']' is missing", err);
    sl_split_pass(split, 1, 0);
    return skip_blanks(split, &c, err);
}

static int64_t count_lines(const char *text, size_t length, char newline)
{
    int64_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += text[i] == newline;
    return count;
}

// What JSON has behind the last character before the place that is wrong.
static const char *expected_behind(const char *from, const char *at)
{
    while (at > from && sl_json_is_blank(at[-1]))
        at--;
    if (at == from)
        return "an object: {...}";
    switch (at[-1]) {
    case '{':
        return "a name in quotes or }";
    case '[':
        return "a value or ]";
    case ':':
        return "a value";
    case ',':
        return "a name in quotes or a value";
    case '"':
        return "a colon, a comma or a closing bracket";
    default:
        return "a comma or a closing bracket";
    }
}

// "element 3, byte 1: found ']', expected an object: {...}"
static int fail_element(struct sl_split *split, size_t offset, struct sl_err *err)
{
    const char *from = sl_split_at(split), *at = from + offset;
    char found[2] = {*at, '\0'}, what[160];
    const char *expected = expected_behind(from, at);
    bool is_text = (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7F;

    (void)snprintf(what, sizeof what, "element %lld, byte %zu: found %s%s%s, expected %s",
                   (long long)split->element, offset + 1, is_text ? "'" : "",
                   is_text ? found : "what is no text of JSON", is_text ? "'" : "", expected);
    // Such a value may stand there: it was refused for its depth.
    if (strchr("{[", *at) && sl_str_starts(expected, "a value"))
        (void)snprintf(what, sizeof what, "element %lld is nested deeper than %d levels",
                       (long long)split->element, SL_JSON_DEEPEST);
    return not_an_array(split, what, err);
}

static int find_in_array(struct sl_split *split, struct object *ret, bool *ret_found,
                         struct sl_err *err)
{
    enum sl_json_outcome outcome;

    SL_TRY(go_to_element(split, ret_found, err));
    if (!*ret_found)
        return SL_OK;
    while ((outcome = scan(split, sl_split_end(split), split->text.is_at_end, ret, &ret->size)) ==
               SL_JSON_MORE &&
           split->text.end - split->text.start <= split->max_bytes)
        SL_TRY(sl_text_fill(&split->text, err));
    if (outcome == SL_JSON_MEMORY)
        return sl_fail_memory(err);
    split->element++;
    if (outcome == SL_JSON_MORE || (outcome == SL_JSON_VALUE && ret->size > split->max_bytes))
        return not_an_array(split, "an element is larger than a record may be", err);
    if (outcome == SL_JSON_BAD) {
        split->line += count_lines(sl_split_at(split), ret->size, split->csv.newline);
        bool is_cut =
            split->text.is_at_end && sl_split_at(split) + ret->size >= sl_split_end(split);
        return is_cut ? ends_early(split, err) : fail_element(split, ret->size, err);
    }
    ret->length = ret->size;
    ret->lines = count_lines(sl_split_at(split), ret->size, split->csv.newline);
    ret->position = split->element;
    return SL_OK;
}

static int find_object(struct sl_split *split, struct object *ret, bool *ret_found,
                       struct sl_err *err)
{
    *ret = (struct object){0};
    if (split->format == SL_SPLIT_ARRAY)
        return find_in_array(split, ret, ret_found, err);
    return find_in_line(split, ret, ret_found, err);
}

// --- columns

// A text of JSON without its escapes, NUL-terminated, in the split's scratch.
static int plain_text(struct sl_split *split, const struct sl_json_text *text, size_t *ret_length,
                      struct sl_err *err)
{
    struct sl_buf *scratch = &split->scratch;

    sl_buf_reset(scratch);
    sl_buf_add_bytes(scratch, text->text, text->length);
    SL_TRY(sl_buf_check(scratch, err));
    *ret_length = text->has_escapes ? sl_json_unescape(text, scratch->text) : text->length;
    if (scratch->capacity > 0)
        scratch->text[*ret_length] = '\0';
    return SL_OK;
}

// Names that differ in case alone are one column, as they are to the engine and to Delta: the key
// is the name in lower case, in split->raw.
static int fold(struct sl_split *split, const char *name, struct sl_err *err)
{
    sl_buf_reset(&split->raw);
    for (; *name; name++)
        sl_buf_add_char(&split->raw,
                        *name >= 'A' && *name <= 'Z' ? (char)(*name + ('a' - 'A')) : *name);
    return sl_buf_check(&split->raw, err);
}

static int enter_name(struct sl_split *split, const char *name, size_t index, struct sl_err *err)
{
    SL_TRY(fold(split, name, err));
    return sl_map_set(&split->columns, split->raw.text, (void *)(uintptr_t)(index + 1), err);
}

// The place of a member's column; SIZE_MAX, and its plain name in the scratch, if there is none.
// Members usually come in the order of the columns: `guess` is the place after the last one's.
static int find_column(struct sl_split *split, const struct sl_json_text *name, size_t guess,
                       size_t *ret, struct sl_err *err)
{
    const struct sl_strs *names = &split->names;
    size_t length;

    if (guess < names->count && !name->has_escapes && strlen(names->items[guess]) == name->length &&
        memcmp(names->items[guess], name->text, name->length) == 0) {
        *ret = guess;
        return SL_OK;
    }
    SL_TRY(plain_text(split, name, &length, err));
    SL_TRY(fold(split, split->scratch.text, err));
    *ret = (size_t)(uintptr_t)sl_map_get(&split->columns, split->raw.text) - 1;
    return SL_OK;
}

// What is wrong with the names of an object.
static int explain_names(struct sl_split *split, const struct object *object,
                         struct sl_arena *arena, struct sl_err *ret, struct sl_err *err)
{
    struct sl_strs names = {0};
    size_t length;

    for (size_t i = 0; i < object->member_count; i++) {
        SL_TRY(plain_text(split, &split->members[i].name, &length, err));
        SL_TRY(sl_strs_add(&names, arena, split->scratch.text, err));
    }
    return sl_split_check_names(&names, ret) == SL_OK
               ? sl_fail(err, SL_E_INTERNAL, "names that are good after all")
               : SL_OK;
}

static void forget_names(struct sl_split *split, size_t count)
{
    struct sl_err ignored = {0};

    for (; split->names.count > count; split->names.count--)
        if (fold(split, split->names.items[split->names.count - 1], &ignored) == SL_OK)
            sl_map_remove(&split->columns, split->raw.text);
}

static int fail_many(const struct sl_split *split, const struct object *object, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SOURCE_COLUMNS,
                  "line %lld: a record with %zu names: its objects have more than %d names, which "
                  "is the most that can be read",
                  (long long)split->line, object->member_count, SL_SPLIT_MOST_COLUMNS);
    return sl_err_hint(err, "take the record out of the file, or make its names the values of one "
                            "list: [{\"name\": ..., \"value\": ...}]");
}

// Enters the names of an object, if all of them can be columns: *ret. `seen`: per column the last
// object that had it, by its place in the file, from 1.
static int enter_object(struct sl_split *split, const struct object *object, int64_t *seen,
                        struct sl_arena *arena, bool *ret, struct sl_err *err)
{
    size_t known = split->names.count;
    size_t column = SIZE_MAX;
    size_t length;

    *ret = true;
    for (size_t i = 0; *ret && i < object->member_count; i++) {
        SL_TRY(find_column(split, &split->members[i].name, column + 1, &column, err));
        if (column == SIZE_MAX) {
            *ret = sl_split_is_column_name(split->scratch.text);
            if (!*ret)
                break;
            if (split->names.count == SL_SPLIT_MOST_COLUMNS)
                return fail_many(split, object, err);
            column = split->names.count;
            SL_TRY(sl_strs_add(&split->names, arena, split->scratch.text, err));
            SL_TRY(enter_name(split, split->names.items[column], column, err));
        } else if (seen[column] == object->position) {
            // The very same name twice makes a corrupt record, but is a name.
            SL_TRY(plain_text(split, &split->members[i].name, &length, err));
            *ret = strcmp(split->names.items[column], split->scratch.text) == 0;
        }
        seen[column] = object->position;
    }
    if (!*ret)
        forget_names(split, known);
    return SL_OK;
}

// An object whose names cannot be columns is corrupt; only if there is no other, the file fails.
int sl_json_names(struct sl_split *split, struct sl_arena *arena, struct sl_err *err)
{
    int64_t *seen = SL_NEW_ARRAY(arena, int64_t, SL_SPLIT_MOST_COLUMNS);
    struct sl_err failure = {0};
    struct object object;
    bool has_good = false;
    bool was_found;

    SL_TRY_NEW(seen, err);
    for (;;) {
        bool is_good = false;

        SL_TRY(find_object(split, &object, &was_found, err));
        if (!was_found)
            break;
        if (object.is_good)
            SL_TRY(enter_object(split, &object, seen, arena, &is_good, err));
        if (object.is_good && !is_good && failure.code == SL_OK)
            SL_TRY(explain_names(split, &object, arena, &failure, err));
        has_good = has_good || is_good;
        sl_split_pass(split, object.size, object.lines);
    }
    if (has_good || failure.code == SL_OK)
        return SL_OK;
    *err = failure;
    return err->code;
}

int sl_json_begin(struct sl_split *split, const struct sl_strs *names, struct sl_err *err)
{
    split->names = *names;
    split->values = calloc(names->count ? names->count : 1, sizeof(struct sl_json_member *));
    SL_TRY_NEW(split->values, err);
    for (size_t i = 0; i < names->count; i++)
        SL_TRY(enter_name(split, names->items[i], i, err));
    return SL_OK;
}

// Gives each member to its column; false in *ret if two have one name, or one has a name that no
// column can have.
static int sort_members(struct sl_split *split, size_t count, bool *ret, struct sl_err *err)
{
    size_t column = SIZE_MAX;

    memset(split->values, 0, split->names.count * sizeof(struct sl_json_member *));
    for (size_t i = 0; i < count; i++) {
        SL_TRY(find_column(split, &split->members[i].name, column + 1, &column, err));
        if (column == SIZE_MAX || split->values[column]) {
            *ret = false;
            return SL_OK;
        }
        split->values[column] = &split->members[i];
    }
    *ret = true;
    return SL_OK;
}

static int hand_over(struct sl_split *split, struct sl_lane *lane, int64_t position,
                     struct sl_err *err)
{
    SL_TRY(sl_lane_begin(lane, position, err));
    for (size_t i = 0; i < split->names.count; i++) {
        const struct sl_json_member *member = split->values[i];
        size_t length;

        if (!member || member->type == SL_JSON_NULL) {
            SL_TRY(sl_lane_null(lane, err));
        } else if (member->type == SL_JSON_STRING && member->value.has_escapes) {
            SL_TRY(plain_text(split, &member->value, &length, err));
            SL_TRY(sl_lane_text(lane, split->scratch.text, length, err));
        } else {
            SL_TRY(sl_lane_text(lane, member->value.text, member->value.length, err));
        }
    }
    return sl_lane_end(lane, err);
}

int sl_json_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err)
{
    struct object object;
    bool was_found;

    for (;;) {
        SL_TRY(find_object(split, &object, &was_found, err));
        if (!was_found)
            return SL_OK;
        if (object.is_good)
            SL_TRY(sort_members(split, object.member_count, &object.is_good, err));
        if (object.is_good)
            SL_TRY(hand_over(split, lane, object.position, err));
        else
            SL_TRY(sl_split_corrupt(split, lane, object.position, object.length, err));
        sl_split_pass(split, object.size, object.lines);
    }
}
