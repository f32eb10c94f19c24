// Shared by the files that read `lineage` and `telemetry`.
#ifndef SL_SPEC_OBSERVE_INNER_H
#define SL_SPEC_OBSERVE_INNER_H

#include "spec/load.h"
#include "spec/observe.h"

struct sl_observing {
    struct sl_load *load;
    const struct sl_yaml *map; // `openlineage` or `otlp`; NULL: the file has none
};
// A value, and who says it.
struct sl_said {
    const struct sl_yaml *map;
    const char *key;
    const char *origin; // "environment variable OPENLINEAGE_URL"; NULL: the file
    const char *text;   // NULL: nobody says anything
};
// `written` is what the file says; NULL: the variable, if there is one (NULL: there is none).
struct sl_said sl_observe_said(const struct sl_observing *it, const char *key, const char *written,
                               const char *variable);
bool sl_observe_is(const struct sl_load *load, const char *variable, const char *value);
bool sl_observe_is_true(const struct sl_load *load, const char *variable);

#endif
