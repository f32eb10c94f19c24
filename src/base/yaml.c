// Builds the tree from libfyaml's events, which carry the marks of their tokens. Documents are not
// used: they recurse, resolve aliases and compare keys in ways that are not ours.
#include "base/yaml.h"

#include "base/map.h"
#include "base/yaml_text.h"

#include <libfyaml.h>
#include <string.h>

#define MOST_BYTES ((size_t)8 << 20)
#define DEEPEST 256

// A list or map that is being filled.
struct frame {
    struct sl_yaml *node;
    struct sl_yaml *key; // map: the key whose value comes next
    struct sl_map keys;  // map: key nodes by their text
    bool is_left_out;    // the key stood there before: its value goes nowhere
};

struct builder {
    struct fy_diag *fy_diag;
    struct fy_parser *fy_parser;
    const char *text;
    size_t length;
    struct frame frames[DEEPEST];
    size_t depth;
    struct sl_yaml *root;
    bool is_stopped; // a mistake after which nothing makes sense
    size_t left_out; // mistakes that the rest of the text does not suffer from
    size_t document_count;
    struct sl_place last; // of the last event that has one; empty values have none of their own
    int first_line;
    int first_column;
    struct sl_arena *arena;
    struct sl_diags *diags;
    struct sl_err *err;
};

static void builder_clear(struct builder *builder)
{
    for (size_t i = 0; i < DEEPEST; i++)
        sl_map_clear(&builder->frames[i].keys);
    if (builder->fy_parser)
        fy_parser_destroy(builder->fy_parser);
    if (builder->fy_diag)
        fy_diag_destroy(builder->fy_diag);
}

static void discard_output(struct fy_diag *diag, void *user, const char *bytes, size_t length)
{
    (void)diag;
    (void)user;
    (void)bytes;
    (void)length;
}

static int open_parser(struct builder *builder)
{
    struct fy_diag_cfg diag_config;
    struct fy_parse_cfg config = {
        // The library's own depth limit may be as low as 64; ours is checked event by event.
        .flags =
            FYPCF_QUIET | FYPCF_DISABLE_DEPTH_LIMIT | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
    };

    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = discard_output;
    diag_config.level = FYET_ERROR;
    builder->fy_diag = fy_diag_create(&diag_config);
    SL_TRY_NEW(builder->fy_diag, builder->err);
    fy_diag_set_collect_errors(builder->fy_diag, true);
    config.diag = builder->fy_diag;
    builder->fy_parser = fy_parser_create(&config);
    SL_TRY_NEW(builder->fy_parser, builder->err);
    if (fy_parser_set_string(builder->fy_parser, builder->text, builder->length) != 0)
        return sl_fail_memory(builder->err);
    return SL_OK;
}

// The place in the user's file of a 0-based line and column of the text.
static struct sl_place place_at(const struct builder *builder, int line, int column)
{
    return (struct sl_place){
        .file = builder->last.file,
        .line = builder->first_line + line,
        .column = column + (line == 0 ? builder->first_column : 1),
    };
}

static void note_place(struct builder *builder, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark && mark->line >= 0)
        builder->last = place_at(builder, mark->line, mark->column);
}

static void complain(struct builder *builder, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(builder->diags, SL_SEVERITY_ERROR, SL_E_YAML_SYNTAX, place, hint, "%s", message);
}

static struct sl_yaml *new_node(struct builder *builder, enum sl_yaml_kind kind)
{
    struct sl_yaml *node = SL_NEW(builder->arena, struct sl_yaml);

    if (node) {
        node->kind = kind;
        node->place = builder->last;
        node->text = "";
    }
    return node;
}

static int take_key(struct builder *builder, struct frame *frame, struct sl_yaml *key)
{
    const struct sl_yaml *first;

    frame->key = key;
    if (key->kind == SL_YAML_NULL) {
        complain(builder, key->place, "put the name in quotes if it is meant as a text",
                 "a key is missing or null");
        return SL_OK;
    }
    if (!key->is_quoted && strcmp(key->text, "<<") == 0)
        complain(builder, key->place, "write the keys out", "merge keys ('<<') are not allowed");
    first = sl_map_get(&frame->keys, key->text);
    if (!first)
        return sl_map_set(&frame->keys, key->text, key, builder->err);
    sl_diag(builder->diags, SL_SEVERITY_ERROR, SL_E_YAML_SYNTAX, key->place, NULL,
            "key '%s' stands here twice, first in line %d", key->text, first->place.line);
    frame->is_left_out = true;
    builder->left_out++;
    return SL_OK;
}

static int add_value(struct builder *builder, struct sl_yaml *parent, struct sl_yaml *key,
                     struct sl_yaml *value)
{
    size_t key_count = parent->count;

    if (key && !SL_PUSH(builder->arena, parent->keys, key_count, key))
        return sl_fail_memory(builder->err);
    if (!SL_PUSH(builder->arena, parent->items, parent->count, value))
        return sl_fail_memory(builder->err);
    return SL_OK;
}

static int take_node(struct builder *builder, struct sl_yaml *node)
{
    struct frame *frame = builder->depth ? &builder->frames[builder->depth - 1] : NULL;
    struct sl_yaml *key;

    SL_TRY_NEW(node, builder->err);
    if (!frame) {
        builder->root = node;
        return SL_OK;
    }
    if (frame->node->kind == SL_YAML_MAP && !frame->key)
        return take_key(builder, frame, node);
    key = frame->key;
    frame->key = NULL;
    if (frame->is_left_out) {
        frame->is_left_out = false;
        return SL_OK;
    }
    return add_value(builder, frame->node, key, node);
}

static int open_frame(struct builder *builder, enum sl_yaml_kind kind)
{
    struct frame *parent = builder->depth ? &builder->frames[builder->depth - 1] : NULL;
    struct sl_yaml *node;

    if (parent && parent->node->kind == SL_YAML_MAP && !parent->key) {
        complain(builder, builder->last, NULL, "a key must be a plain text, not a list or a map");
        builder->is_stopped = true;
        return SL_OK;
    }
    if (builder->depth == DEEPEST) {
        complain(builder, builder->last, NULL,
                 "lists and maps stand more than 256 levels deep in each other");
        builder->is_stopped = true;
        return SL_OK;
    }
    node = new_node(builder, kind);
    SL_TRY(take_node(builder, node));
    builder->frames[builder->depth++].node = node;
    return SL_OK;
}

static int close_frame(struct builder *builder)
{
    struct frame *frame = &builder->frames[--builder->depth];

    sl_map_clear(&frame->keys);
    *frame = (struct frame){0};
    return SL_OK;
}

static bool is_null_text(const char *text)
{
    return *text == '\0' || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
           !strcmp(text, "NULL");
}

// Where a place stands in the text, as a 0-based column.
static int text_column(const struct builder *builder, struct sl_place place)
{
    return place.column - (place.line == builder->first_line ? builder->first_column : 1);
}

static bool is_blank(const char *text, size_t from, size_t to)
{
    while (from < to && memchr(" \t\r\n", text[from], 4))
        from++;
    return from >= to;
}

// Blocks are read from the file too: some of libfyaml's hold bytes that were never written. And it
// takes lines for part of a block that are not indented deeper than what it belongs to, so that the
// keys after an empty block would vanish.
static int take_block(struct builder *builder, struct sl_yaml *node, struct fy_token *token)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_yaml_block block = {
        .start = fy_token_start_mark(token)->input_pos,
        .is_folded = fy_token_scalar_style(token) == FYSS_FOLDED,
    };
    const struct frame *frame;
    size_t end;

    if (builder->depth == 0) {
        complain(builder, node->place, "put it below a key", "a block of text cannot stand alone");
        return SL_OK;
    }
    frame = &builder->frames[builder->depth - 1];
    block.least = text_column(builder, (frame->key ? frame->key : frame->node)->place);
    end = sl_yaml_unblock(builder->text, builder->length, &block, &text);
    SL_TRY(sl_buf_check(&text, builder->err));
    if (!is_blank(builder->text, end, fy_token_end_mark(token)->input_pos))
        complain(builder, node->place, "write \"\" for an empty text",
                 "a block of text must be indented deeper than its key");
    node->text = sl_arena_strndup(builder->arena, text.text, text.length);
    SL_TRY_NEW(node->text, builder->err);
    return SL_OK;
}

// libfyaml 0.7.12 garbles quoted texts with several quotes in a row, so their meaning is read from
// the file.
static int take_quoted(struct builder *builder, struct sl_yaml *node, struct fy_token *token,
                       char quote)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    size_t start = fy_token_start_mark(token)->input_pos;
    bool is_good = sl_yaml_unquote(builder->text, builder->length, start, quote, &text);
    int line;
    int column;

    SL_TRY(sl_buf_check(&text, builder->err));
    node->place.column--; // the mark is behind the quote
    if (!is_good)
        complain(builder, node->place, NULL, "a quoted text cannot be read");
    else if (sl_yaml_bad_byte(text.text, text.length, &line, &column) < text.length)
        complain(builder, node->place, NULL, "a text holds a NUL character");
    node->text = sl_arena_strndup(builder->arena, text.text, text.length);
    SL_TRY_NEW(node->text, builder->err);
    return SL_OK;
}

static int take_plain(struct builder *builder, struct sl_yaml *node, struct fy_token *token)
{
    size_t length = 0;
    const char *text = fy_token_get_text(token, &length);
    int line;
    int column;

    SL_TRY_NEW(text, builder->err);
    if (sl_yaml_bad_byte(text, length, &line, &column) < length)
        complain(builder, node->place, "put it in double quotes", "a text cannot be read");
    node->text = sl_arena_strndup(builder->arena, text, length);
    SL_TRY_NEW(node->text, builder->err);
    return SL_OK;
}

static int take_text(struct builder *builder, struct sl_yaml *node, struct fy_token *token)
{
    switch (fy_token_scalar_style(token)) {
    case FYSS_SINGLE_QUOTED:
        return take_quoted(builder, node, token, '\'');
    case FYSS_DOUBLE_QUOTED:
        return take_quoted(builder, node, token, '"');
    case FYSS_LITERAL:
    case FYSS_FOLDED:
        return take_block(builder, node, token);
    case FYSS_ANY:
    case FYSS_PLAIN:
    case FYSS_MAX:
        return take_plain(builder, node, token);
    }
    return SL_OK;
}

static int take_scalar(struct builder *builder, struct fy_token *token)
{
    struct sl_yaml *node = new_node(builder, SL_YAML_NULL);

    SL_TRY_NEW(node, builder->err);
    if (token) {
        SL_TRY(take_text(builder, node, token));
        node->is_quoted = fy_token_scalar_style(token) != FYSS_PLAIN;
    }
    if (node->is_quoted || !is_null_text(node->text))
        node->kind = SL_YAML_SCALAR;
    else
        node->text = "";
    return take_node(builder, node);
}

// What YAML has and project files have not. Ignoring it would give another meaning than the one
// written.
static void refuse_tag(struct builder *builder, const struct fy_token *tag)
{
    if (tag)
        complain(builder, builder->last, "put a text in quotes instead",
                 "tags ('!') are not allowed");
}

static int take_alias(struct builder *builder)
{
    struct sl_place place = builder->last;

    place.column--; // the mark is behind the '*'
    complain(builder, place, "put a text that begins with '*' in quotes",
             "aliases ('*') are not allowed");
    return take_scalar(builder, NULL);
}

static int take_event(struct builder *builder, struct fy_event *event)
{
    note_place(builder, event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (++builder->document_count > 1) {
            complain(builder, builder->last, NULL,
                     "a file holds one YAML document, here begins a second");
            builder->is_stopped = true;
        }
        return SL_OK;
    case FYET_MAPPING_START:
        refuse_tag(builder, event->mapping_start.tag);
        return open_frame(builder, SL_YAML_MAP);
    case FYET_SEQUENCE_START:
        refuse_tag(builder, event->sequence_start.tag);
        return open_frame(builder, SL_YAML_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return close_frame(builder);
    case FYET_SCALAR:
        refuse_tag(builder, event->scalar.tag);
        return take_scalar(builder, event->scalar.value);
    case FYET_ALIAS:
        return take_alias(builder);
    case FYET_STREAM_END:
        builder->is_stopped = true;
        return SL_OK;
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_DOCUMENT_END:
        return SL_OK;
    }
    return SL_OK;
}

static void report_syntax(struct builder *builder)
{
    const struct fy_diag_error *error;
    void *at = NULL;
    bool is_reported = false;

    while ((error = fy_diag_errors_iterate(builder->fy_diag, &at))) {
        const char *message = error->msg ? error->msg : "not valid YAML";

        complain(builder, place_at(builder, error->line - 1, error->column - 1),
                 strstr(message, "tab ") ? "indent with spaces" : NULL, message);
        is_reported = true;
    }
    if (!is_reported)
        complain(builder, builder->last, NULL, "not valid YAML");
}

static int run_parser(struct builder *builder)
{
    while (!builder->is_stopped) {
        struct fy_event *event = fy_parser_parse(builder->fy_parser);
        int code;

        if (!event) {
            report_syntax(builder);
            return SL_OK;
        }
        code = take_event(builder, event);
        fy_parser_event_free(builder->fy_parser, event);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

// True if the text is fit for the parser. Tells the first bad byte otherwise.
static bool check_bytes(struct builder *builder)
{
    int line;
    int column;
    size_t bad;

    if (builder->length > MOST_BYTES) {
        sl_diag(builder->diags, SL_SEVERITY_ERROR, SL_E_FILE_TOO_LARGE, builder->last,
                "is this a data file?", "the file is larger than 8 MiB");
        return false;
    }
    bad = sl_yaml_bad_byte(builder->text, builder->length, &line, &column);
    if (bad == builder->length)
        return true;
    complain(builder, place_at(builder, line, column), "save the file as UTF-8",
             builder->text[bad] ? "not valid UTF-8" : "a NUL character, so this is no text");
    return false;
}

int sl_yaml_parse(const char *text, size_t length, const char *file, int first_line,
                  int first_column, struct sl_arena *arena, struct sl_diags *diags,
                  struct sl_yaml **ret, struct sl_err *err)
{
    bool has_mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; // byte order mark
    SL_AUTO(builder_clear)
    struct builder builder = {
        .text = has_mark ? text + 3 : text,
        .length = has_mark ? length - 3 : length,
        .first_line = first_line,
        .first_column = first_column,
        .last = {.file = sl_arena_strdup(arena, file), .line = first_line, .column = first_column},
        .arena = arena,
        .diags = diags,
        .err = err,
    };
    size_t errors_before = diags->error_count;

    if (file)
        SL_TRY_NEW(builder.last.file, err);
    if (builder.length > 0 && check_bytes(&builder)) {
        SL_TRY(open_parser(&builder));
        SL_TRY(run_parser(&builder));
    }
    if (!builder.root) {
        builder.root = new_node(&builder, SL_YAML_NULL);
        SL_TRY_NEW(builder.root, err);
        builder.root->place = place_at(&builder, 0, 0);
    }
    *ret = diags->error_count == errors_before + builder.left_out ? builder.root : NULL;
    return SL_OK;
}
