// sources/*.yml
#include "spec/load.h"

#include <string.h>

#include "base/fs.h"

static const char *const connectors[] = {"file", NULL};
static const char *const formats[] = {"auto", "csv", "tsv", "jsonl", "json", "parquet", NULL};
static const char *const encodings[] = {"utf-8", "utf-16", "latin-1", NULL};
// Names that Sluice gives to columns of raw and clean tables.
static const char *const reserved[] = {"_source",  "_position", "_ingested_at",
                                       "_corrupt", "~file",     "~row"};

static const char *const new_columns[] = {"freeze", "evolve",           "quarantine_row",
                                          "fail",   "quarantine_value", NULL};
static const char *const missing_columns[] = {"empty", "fail", NULL};
static const char *const type_changes[] = {"quarantine_row", "fail", "quarantine_value", NULL};

static const char *const emptied_files[] = {"warn", "fail", "keep", NULL};

const char *const *const sl_drift_words[4] = {new_columns, missing_columns, type_changes,
                                              emptied_files};

static const struct sl_opt drift_rows[] = {
    {.name = "new_columns",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_drift, new_columns),
     .otherwise = "freeze",
     .summary = "A column that the contract does not know: stays in raw only, comes into clean as "
                "well, rejects the rows that have a value in it, has its values set aside, or "
                "fails the step.",
     .values = new_columns},
    {.name = "missing_columns",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_drift, missing_columns),
     .otherwise = "empty",
     .summary =
         "A column of the contract: is empty in the rows of files that lack it, or must be in "
         "every new or changed file, else the step fails.",
     .values = missing_columns},
    {.name = "type_change",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_drift, type_change),
     .otherwise = "quarantine_row",
     .summary = "A value that its column's type does not hold: rejects the row, is set aside where "
                "the column may be null, or fails the step.",
     .values = type_changes},
    {.name = "emptied_files",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_drift, emptied_files),
     .otherwise = "warn",
     .summary = "A file that had rows and has none now: its rows go, and the run says so; the file "
                "fails and its rows stay; or its rows stay with a warning.",
     .values = emptied_files},
    {0},
};

// The struct as the rows fill it.
struct file {
    struct sl_source source;
    int connector;
    const struct sl_yaml *node;
};

static const struct sl_opt csv_rows[] = {
    {.name = "delimiter",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_csv_options, delimiter),
     .summary = "Between two values; a comma, for tsv a tab, if nothing is said.",
     .example = ";"},
    {.name = "quote",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_csv_options, quote),
     .otherwise = "\"",
     .summary = "Around a value; empty for none."},
    {.name = "escape",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_csv_options, escape),
     .otherwise = "\"",
     .summary = "Before a quote inside quotes; empty for none."},
    {.name = "header",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_csv_options, has_header),
     .otherwise = "true",
     .summary = "Whether the first line names the columns."},
    {.name = "columns",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_csv_options, columns),
     .flags = SL_OPT_PLAIN,
     .summary = "Names of the columns when there is no header.",
     .example = "[id, amount]"},
    {.name = "encoding",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_csv_options, encoding),
     .otherwise = "utf-8",
     .summary = "How characters are written.",
     .values = encodings},
    {.name = "skip_lines",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_csv_options, skip_lines),
     .otherwise = "0",
     .summary = "Lines before the header or the first row that are left out.",
     .example = "1"},
    {.name = "comment",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_csv_options, comment),
     .otherwise = "",
     .summary = "Lines that begin with this character are left out; empty for none.",
     .example = "#"},
    {0},
};

const struct sl_opt sl_source_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct file, node)},
    {.name = "description",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, source.description),
     .summary = "What the data is.",
     .example = "Orders as exported by the shop each night"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, source.tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words to select it by.",
     .example = "[sales]"},
    {.name = "connector",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, connector),
     .otherwise = "file",
     .summary = "The kind of system that the data comes from.",
     .values = connectors},
    {.name = "path",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, source.paths),
     .summary = "Files, relative to the project; globs with *, ?, [..], **.",
     .flags = SL_OPT_REQUIRED,
     .example = "data/orders-*.csv"},
    {.name = "format",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, source.format),
     .otherwise = "auto",
     .summary =
         "How the files are written; auto tells it by their names. .gz and .zst are unpacked.",
     .values = formats},
    {.name = "csv",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct file, source.csv),
     .summary = "How csv and tsv files are written.",
     .rows = csv_rows},
    {.name = "contract",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, source.contract),
     .summary = "The contract's file; if nothing is said, the contract whose schema object has the "
                "source's name.",
     .example = "contracts/orders.odcs.yml"},
    {.name = "quarantine",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct file, source.budget),
     .summary = "How many rows may be rejected before the step fails.",
     .rows = sl_budget_rows},
    {.name = "drift",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct file, source.drift),
     .summary = "What happens when files have other columns or types than the contract.",
     .rows = drift_rows},
    {.name = "profile",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct file, source.has_profile),
     .otherwise = "false",
     .summary = "Whether a run that writes the clean table takes its profile and keeps it, for "
                "`show --profile`."},
    SL_EXECUTION_ROWS(offsetof(struct file, source.execution)),
    SL_REQUIREMENT_ROWS(offsetof(struct file, source.requirements)),
    SL_GRAIN_ROW(offsetof(struct file, source.requirements)),
    {0},
};

static void complain(struct sl_load *load, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, hint, "%s",
            message);
}

static bool is_one_character(const char *text)
{
    return strlen(text) <= 1;
}

static void check_csv_columns(struct sl_load *load, const struct sl_yaml *map)
{
    const struct sl_yaml *list = sl_yaml_get(map, "columns");

    sl_load_check_columns(load, map, "columns");
    for (size_t i = 0; i < sl_load_item_count(list); i++)
        for (size_t k = 0; k < sizeof reserved / sizeof *reserved; k++)
            if (sl_str_equal_nocase(sl_load_item(list, i)->text, reserved[k]))
                sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID,
                        sl_load_item(list, i)->place,
                        "Sluice writes a column of this name itself; choose another one",
                        "the name '%s' is reserved", reserved[k]);
}

// Whether the splitter could take one for the other, or for the end of a line.
static void check_csv_apart(struct sl_load *load, const struct sl_source *source,
                            const struct sl_yaml *map)
{
    const struct sl_csv_options *csv = &source->csv;
    const char *usual = source->format == SL_FORMAT_TSV ? "\t" : ",";
    const char *delimiter = csv->delimiter ? csv->delimiter : usual;

    if (*csv->quote && strcmp(delimiter, csv->quote) == 0)
        complain(load, sl_yaml_place(map, sl_load_has(map, "delimiter") ? "delimiter" : "quote"),
                 NULL, "'delimiter' and 'quote' are the same character");
    else if (*csv->quote && strchr(delimiter, *csv->quote))
        complain(load, sl_yaml_place(map, "delimiter"), NULL, "'delimiter' has the quote in it");
    else if (*csv->escape && strchr(delimiter, *csv->escape))
        complain(load, sl_yaml_place(map, sl_load_has(map, "delimiter") ? "delimiter" : "escape"),
                 NULL, "'delimiter' has the escape in it");
    if (strpbrk(delimiter, "\r\n") || strpbrk(csv->quote, "\r\n") || strpbrk(csv->escape, "\r\n"))
        complain(load, map->place, NULL,
                 "'delimiter', 'quote' and 'escape' cannot be the end of a line");
}

static void check_csv(struct sl_load *load, const struct sl_source *source,
                      const struct sl_yaml *map)
{
    const struct sl_csv_options *csv = &source->csv;

    if (source->format != SL_FORMAT_AUTO && source->format != SL_FORMAT_CSV &&
        source->format != SL_FORMAT_TSV) {
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, map->place,
                "take it out, or set the format to csv or tsv",
                "'csv' does nothing for format '%s'", formats[source->format]);
        return;
    }
    if (sl_load_has(map, "delimiter") && (*csv->delimiter == '\0' || strlen(csv->delimiter) > 4))
        complain(load, sl_yaml_place(map, "delimiter"),
                 "a tab is written \"\\t\", in double quotes",
                 "'delimiter' must have one to four characters");
    if (!is_one_character(csv->quote))
        complain(load, sl_yaml_place(map, "quote"), NULL,
                 "'quote' must be one character, or empty");
    if (!is_one_character(csv->escape))
        complain(load, sl_yaml_place(map, "escape"), NULL,
                 "'escape' must be one character, or empty");
    if (!is_one_character(csv->comment))
        complain(load, sl_yaml_place(map, "comment"), NULL,
                 "'comment' must be one character, or empty");
    check_csv_apart(load, source, map);
    if (csv->skip_lines < 0)
        complain(load, sl_yaml_place(map, "skip_lines"), NULL, "'skip_lines' cannot be negative");
    if (csv->columns.count && csv->has_header)
        complain(load, sl_load_key_place(map, "columns"),
                 "add 'header: false', or take 'columns' out",
                 "'columns' does nothing for files with a header");
    check_csv_columns(load, map);
}

static int join_paths(struct sl_load *load, const struct sl_yaml *map, struct sl_source *source,
                      struct sl_err *err)
{
    const struct sl_yaml *list = sl_yaml_get(map, "path");

    for (size_t i = 0; i < source->paths.count; i++) {
        const char *path = source->paths.items[i];

        if (*path == '\0' || strstr(path, "://"))
            sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, list->place,
                    "files of this machine, absolute or relative to sluice.yml",
                    "'path' is '%s', which is no file", path);
        source->paths.items[i] = sl_path_join(&load->project->arena, load->project->folder, path);
        SL_TRY_NEW(source->paths.items[i], err);
    }
    if (list && list->kind == SL_YAML_LIST && list->count == 0)
        complain(load, list->place, "name at least one file or glob", "'path' is an empty list");
    return SL_OK;
}

static int check(struct sl_load *load, const struct sl_yaml *node, struct sl_source *source,
                 struct sl_err *err)
{
    const struct sl_yaml *csv = sl_yaml_get(node, "csv");

    SL_TRY(join_paths(load, node, source, err));
    if (csv && csv->kind == SL_YAML_MAP)
        check_csv(load, source, csv);
    sl_load_check_columns(load, node, "grain");
    if (source->contract && sl_str_starts(source->contract, "./"))
        source->contract += 2;
    return SL_OK;
}

int sl_source_read(struct sl_load *load, const struct sl_load_file *file, struct sl_source *ret,
                   struct sl_err *err)
{
    struct file read = {0};
    struct sl_yaml *node;
    const char *what = sl_arena_printf(&load->project->arena, "source '%s'", file->name);

    SL_TRY_NEW(what, err);
    sl_load_check_name(load, file->path, file->name);
    SL_TRY(sl_load_yaml(load, file->path, &node, err));
    if (node)
        SL_TRY(sl_load_read(load, sl_source_rows, node, what, &read, err));
    else
        SL_TRY(sl_opt_defaults(sl_source_rows, &read, &load->project->arena, err));
    *ret = read.source;
    ret->name = file->name;
    ret->file = file->path;
    ret->node = node;
    ret->connector = connectors[read.connector];
    SL_TRY(check(load, node, ret, err));
    if (!ret->csv.delimiter)
        ret->csv.delimiter = ret->format == SL_FORMAT_TSV ? "\t" : ",";
    sl_load_budget(load, sl_yaml_get(node, "quarantine"), &load->project->budget, &ret->budget);
    sl_load_requirements(load, node, &ret->requirements);
    return sl_load_execution(load, node, &ret->execution, err);
}
