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

// Writes the files of a template into a folder, which must be empty or missing (SL_E_FILE_EXISTS else), and the JSON Schemas that its
// first lines name into .sluice/schema.
SL_MUST int sl_template_write(const char *name, const char *folder, struct sl_err *err);
// Writes the JSON Schema of every file kind into <folder>/.sluice/schema.
SL_MUST int sl_schemas_write(const char *folder, struct sl_err *err);

#endif
