// `lineage` and `telemetry` of sluice.yml, and the environment variables by which the clients of
// OpenLineage and OpenTelemetry are set up: who is told of runs by machine. All in the project's
// arena.
//
// What the file says holds; what it does not say, a variable does. A variable that cannot be used
// is a warning, for it belongs to the machine and not to the project.
#ifndef SL_SPEC_OBSERVE_H
#define SL_SPEC_OBSERVE_H

#include "base/opt.h"

// As it is written.
struct sl_openlineage_settings {
    const char *url, *endpoint, *api_key, *file, *job_namespace, *ca_file;
};
struct sl_otlp_settings {
    const char *endpoint;
    const struct sl_yaml *headers;
    const char *service_name, *ca_file;
};
struct sl_observe_settings {
    struct sl_lineage_settings {
        struct sl_openlineage_settings openlineage;
    } lineage;
    struct sl_telemetry_settings {
        struct sl_otlp_settings otlp;
    } telemetry;
};
extern const struct sl_opt sl_lineage_rows[], sl_telemetry_rows[];

struct sl_receiver {
    const char *url;        // whole; NULL: there is none
    struct sl_strs headers; // "Name: value"; secret
    const char *ca_file;    // absolute; NULL: the machine's certificates
};
struct sl_attribute {
    const char *key, *value;
};
struct sl_observe {
    struct sl_receiver lineage; // of OpenLineage events
    const char *lineage_file;   // absolute; NULL: none
    const char *job_namespace;
    struct sl_receiver traces; // of OTLP over HTTP
    const char *service_name;
    struct sl_attribute *attributes; // of the resource
    size_t attribute_count;
};
static inline bool sl_observe_has_lineage(const struct sl_observe *observe)
{
    return observe && (observe->lineage.url || observe->lineage_file);
}
static inline bool sl_observe_has_traces(const struct sl_observe *observe)
{
    return observe && observe->traces.url;
}

// "a=1,b=two%20words" as OTEL_* variables have it: baggage of the W3C, values percent-encoded.
// False if it is none. Nothing is added then.
SL_MUST int sl_pairs_parse(const char *text, struct sl_arena *arena, struct sl_attribute **ret,
                           size_t *ret_count, bool *ret_is_valid, struct sl_err *err);

#endif
