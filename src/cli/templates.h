// The sample projects, compiled in from templates/.
#ifndef SL_CLI_TEMPLATES_H
#define SL_CLI_TEMPLATES_H

#include "base/str.h"

struct sl_template_file {
    const char *path; // "quickstart/models/daily_revenue.sql"
    const char *text;
    size_t length;
};
extern const struct sl_template_file sl_template_files[]; // ends with a NULL path

// Writes the files of a template into a folder, none of which may be there (SL_E_FILE_EXISTS else,
// and nothing is written), and the JSON Schemas that their first lines name into .sluice/schema.
// *ret_paths gets the files, relative to the folder.
SL_MUST int sl_template_write(const char *name, const char *folder, struct sl_arena *arena,
                              struct sl_strs *ret_paths, struct sl_err *err);
// A name for a project in this folder, made from the folder's.
SL_MUST int sl_template_project_name(const char *folder, struct sl_arena *arena, const char **ret,
                                     struct sl_err *err);
// Writes the JSON Schema of every file kind into <folder>/.sluice/schema.
SL_MUST int sl_schemas_write(const char *folder, struct sl_err *err);

#endif
