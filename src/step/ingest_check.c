// What `check` can tell of a source's files before a run reads them.
#include "step/ingest.h"

#include "base/fs.h"

#include <string.h>

#define MOST_FILES 20
#define MOST_BYTES ((int64_t)256 << 20)

struct sl_place sl_ingest_path_place(const struct sl_source *source, size_t index)
{
    const struct sl_yaml *list = sl_yaml_get(source->node, "path");

    return list && list->kind == SL_YAML_LIST && index < list->count
               ? list->items[index]->place
               : sl_yaml_place(source->node, "path");
}

// "[x]" in the name of a file that is there would have to be written as "[[]x]".
const char *sl_ingest_path_hint(const char *path, struct sl_arena *arena)
{
    struct sl_buf literal = SL_BUF_INIT;
    struct sl_strs found = {0};
    const char *hint = "paths are relative to the folder of sluice.yml";

    for (const char *at = path; *at; at++)
        if (*at == '[')
            sl_buf_add(&literal, "[[]");
        else
            sl_buf_add_char(&literal, *at);
    if (strchr(path, '[') && sl_buf_check(&literal, NULL) == SL_OK &&
        sl_fs_glob(literal.text, arena, &found, NULL) == SL_OK && found.count > 0)
        hint = "'[...]' stands for one of the characters in it; '[[]' is the character '[' itself";
    sl_buf_clear(&literal);
    return hint;
}

// A failure of the source itself is told; any other ends the check.
static int tell(struct sl_diags *diags, const struct sl_err *trouble, struct sl_place place,
                struct sl_err *err)
{
    if (trouble->code == SL_E_MEMORY || trouble->code == SL_E_INTERRUPTED ||
        trouble->code == SL_E_INTERNAL) {
        if (err)
            *err = *trouble;
        return (int)trouble->code;
    }
    sl_diag(diags, SL_SEVERITY_WARNING, trouble->code, place,
            trouble->hint[0] ? trouble->hint : NULL, "%s", trouble->message);
    return SL_OK;
}

// Each path by itself: what the others match does not make up for a slip in one of them.
static int check_path(struct sl_ingest *ingest, size_t index, struct sl_diags *diags,
                      struct sl_err *err)
{
    const char *path = ingest->source->paths.items[index];
    struct sl_source_options options = ingest->options;
    struct sl_source_part *parts;
    struct sl_passed_over passed = {0};
    struct sl_err trouble = {0};
    size_t count = 0;

    if (strstr(path, "://"))
        return SL_OK; // told by the reader of the file
    options.passed_over = &passed;
    options.paths = (struct sl_strs){.items = &ingest->source->paths.items[index], .count = 1};
    if (ingest->kind->list(&options, ingest->arena, &parts, &count, &trouble) != SL_OK)
        return tell(diags, &trouble, sl_ingest_path_place(ingest->source, index), err);
    for (size_t i = 0; i < passed.count; i++)
        sl_diag(diags, SL_SEVERITY_WARNING, SL_E_SOURCE_EMPTY,
                sl_ingest_path_place(ingest->source, index), "the path is to lead to files alone",
                "%s and is passed over", passed.texts.items[i]);
    if (count == 0)
        sl_diag(diags, SL_SEVERITY_WARNING, SL_E_SOURCE_EMPTY,
                sl_ingest_path_place(ingest->source, index),
                sl_ingest_path_hint(path, ingest->arena), "no file matches '%s'", path);
    return SL_OK;
}

// One file stands for the others: their names and headers are mostly made alike.
static int check_first(struct sl_ingest *ingest, struct sl_session *session,
                       struct sl_source_check *check, struct sl_err *err)
{
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = NULL;
    struct sl_err trouble = {0};

    if (ingest->kind->list(&ingest->options, ingest->arena, &ingest->parts, &ingest->part_count,
                           &trouble) != SL_OK ||
        ingest->part_count == 0)
        return SL_OK; // told with its path
    if (ingest->kind->open(&ingest->options, &ingest->parts[0], session, ingest->arena, &reader,
                           &trouble) == SL_OK) {
        check->columns = reader->columns;
        check->column_count = reader->column_count;
        return SL_OK;
    }
    if (trouble.code == SL_E_VALUE_INVALID)
        return SL_OK; // told by the reader of the file
    return tell(check->diags, &trouble, sl_yaml_place(ingest->source->node, "path"), err);
}

int sl_step_ingest_check(const struct sl_project *project, const struct sl_source *source,
                         struct sl_session *session, struct sl_arena *arena,
                         struct sl_source_check *check, struct sl_err *err)
{
    struct sl_ingest ingest = {.project = project, .source = source, .arena = arena};

    SL_TRY(sl_ingest_describe(&ingest, err));
    for (size_t i = 0; i < source->paths.count; i++)
        SL_TRY(check_path(&ingest, i, check->diags, err));
    return session ? check_first(&ingest, session, check, err) : SL_OK;
}

static bool is_little(const struct sl_ingest *ingest)
{
    int64_t size_bytes = 0;

    for (size_t i = 0; i < ingest->part_count; i++)
        size_bytes += ingest->parts[i].size_bytes;
    return ingest->part_count > 0 && ingest->part_count <= MOST_FILES && size_bytes <= MOST_BYTES;
}

static int foresee(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_TRY(sl_ingest_look(ingest, ingest->context->session, err));
    if (!is_little(ingest))
        return SL_OK;
    SL_TRY(sl_ingest_choose(ingest, err));
    SL_TRY(sl_ingest_open(ingest, err));
    return ingest->result.failed_parts ? SL_OK : sl_ingest_columns(ingest, err);
}

int sl_step_ingest_foresee(struct sl_step_context *context, const struct sl_source *source,
                           struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_ingest_clear)
    struct sl_ingest ingest = {
        .project = context->project, .source = source, .arena = context->arena, .context = context};
    struct sl_err trouble = {0};
    int code = foresee(&ingest, &trouble);

    *ret = ingest.columns;
    *ret_count = code == SL_OK ? ingest.column_count : 0;
    if (code != SL_E_MEMORY && code != SL_E_INTERRUPTED && code != SL_E_INTERNAL)
        return SL_OK; // the run will tell
    if (err)
        *err = trouble;
    return code;
}
