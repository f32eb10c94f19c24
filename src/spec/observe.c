// `lineage` and `telemetry` of sluice.yml.
#include "spec/observe.h"

#include "base/fs.h"
#include "base/log.h"
#include "spec/observe_inner.h"

#include <string.h>

#define LINEAGE_ENDPOINT "api/v1/lineage"
#define TRACES_ENDPOINT "v1/traces"
#define LEAST_SECRET 8

static const struct sl_opt openlineage_rows[] = {
    {.name = "url",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, url),
     .summary = "Server that takes OpenLineage events, such as Marquez; else OPENLINEAGE_URL.",
     .example = "https://lineage.shop.example"},
    {.name = "endpoint",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, endpoint),
     .summary = "Path of the server; else OPENLINEAGE_ENDPOINT, else api/v1/lineage.",
     .example = "api/v1/lineage"},
    {.name = "api_key",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, api_key),
     .flags = SL_OPT_SECRET,
     .summary = "Sent as `Authorization: Bearer KEY`; else OPENLINEAGE_API_KEY.",
     .example = "${env:LINEAGE_KEY}"},
    {.name = "file",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, file),
     .summary = "File that events are appended to, one a line; with `url` or alone.",
     .example = "lineage.ndjson"},
    {.name = "namespace",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, job_namespace),
     .summary = "Namespace of jobs; else OPENLINEAGE_NAMESPACE, else the project's name, with that "
                "of an environment behind a dot.",
     .example = "shop"},
    {.name = "ca_file",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_openlineage_settings, ca_file),
     .summary = "Certificates to trust in place of the machine's.",
     .example = "certs/ca.pem"},
    {0},
};
static const struct sl_opt otlp_rows[] = {
    {.name = "endpoint",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_otlp_settings, endpoint),
     .summary = "Collector that takes OTLP over HTTP; traces go to its path v1/traces. Else "
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which is the whole URL, or "
                "OTEL_EXPORTER_OTLP_ENDPOINT.",
     .example = "http://localhost:4318"},
    {.name = "headers",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct sl_otlp_settings, headers),
     .summary = "Headers to send along; else OTEL_EXPORTER_OTLP_TRACES_HEADERS or "
                "OTEL_EXPORTER_OTLP_HEADERS.",
     .example = "{Authorization: \"Bearer ${env:TRACES_TOKEN}\"}"},
    {.name = "service_name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_otlp_settings, service_name),
     .summary = "Name of the service in traces; else OTEL_SERVICE_NAME, else `sluice`.",
     .example = "shop-pipelines"},
    {.name = "ca_file",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_otlp_settings, ca_file),
     .summary = "Certificates to trust in place of the machine's; else "
                "OTEL_EXPORTER_OTLP_CERTIFICATE.",
     .example = "certs/ca.pem"},
    {0},
};
const struct sl_opt sl_lineage_rows[] = {
    {.name = "openlineage",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_lineage_settings, openlineage),
     .summary = "Events of the OpenLineage standard.",
     .rows = openlineage_rows},
    {0},
};
const struct sl_opt sl_telemetry_rows[] = {
    {.name = "otlp",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_telemetry_settings, otlp),
     .summary = "OpenTelemetry traces, over OTLP/HTTP with JSON.",
     .rows = otlp_rows},
    {0},
};

// --- checks

static void tell(struct sl_observing *it, struct sl_said said, const char *hint,
                 const char *message)
{
    struct sl_diags *diags = &it->load->project->diags;
    if (said.origin)
        sl_diag(diags, SL_SEVERITY_WARNING, SL_E_OBSERVE_VARIABLE, (struct sl_place){0}, hint,
                "%s %s: it is left out", said.origin, message);
    else
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(said.map, said.key),
                hint, "'%s' %s", said.key, message);
}

static bool is_reference(const struct sl_observing *it, const char *text)
{
    return !it->load->resolver && text && strstr(text, "${");
}

// The URL itself may hold a secret and is not said.
static bool is_url(struct sl_observing *it, struct sl_said said)
{
    const char *host = strstr(said.text, "://");
    bool is_http = sl_str_starts(said.text, "http://") || sl_str_starts(said.text, "https://");
    if (is_reference(it, said.text))
        return true;
    for (const char *at = said.text; *at; at++)
        is_http &= (unsigned char)*at > ' ' && *at != 0x7f;
    if (is_http && host[3] && !strchr("/:?#", host[3]))
        return true;
    tell(it, said, "such as https://host.example:4318", "is no URL of http or https");
    return false;
}

// A secret goes over TLS, or to this machine.
static bool keeps_secrets(struct sl_observing *it, struct sl_said said,
                          const struct sl_receiver *receiver)
{
    bool is_plain = sl_str_starts(said.text, "http://") && !sl_url_is_local(said.text);
    if (!is_plain || (receiver->headers.count == 0 && !strchr(said.text, '@')))
        return true;
    tell(it, said, "write https://", "would be sent a secret without TLS");
    return false;
}

static int take_ca_file(struct sl_observing *it, struct sl_said said, struct sl_receiver *ret,
                        struct sl_err *err)
{
    struct sl_project *project = it->load->project;
    if (!said.text || is_reference(it, said.text))
        return SL_OK;
    ret->ca_file = sl_path_join(&project->arena, project->folder, said.text);
    SL_TRY_NEW(ret->ca_file, err);
    if (!sl_fs_exists(ret->ca_file))
        tell(it, said, "a path is relative to the folder of sluice.yml",
             "names a file that is not there");
    return SL_OK;
}

// The whole URL, if all of it can be used. `path` NULL: it is whole as it is.
static int take_url(struct sl_observing *it, struct sl_said said, const char *path,
                    struct sl_receiver *ret, struct sl_err *err)
{
    if (!is_url(it, said) || !keeps_secrets(it, said, ret))
        return SL_OK;
    size_t length = strlen(said.text);
    while (length > 0 && said.text[length - 1] == '/')
        length--;
    while (path && *path == '/')
        path++;
    ret->url =
        path ? sl_arena_printf(&it->load->project->arena, "%.*s/%s", (int)length, said.text, path)
             : said.text;
    SL_TRY_NEW(ret->url, err);
    if (strchr(ret->url, '@'))
        sl_log_hide(ret->url);
    return SL_OK;
}

static bool is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

// --- OpenLineage

static int take_key(struct sl_observing *it, struct sl_said said, struct sl_receiver *ret,
                    struct sl_err *err)
{
    if (!said.text)
        return SL_OK;
    sl_log_hide(said.text);
    if (!is_line(said.text)) {
        tell(it, said, "it is one line", "has control characters");
        return SL_OK;
    }
    const char *line =
        sl_arena_printf(&it->load->project->arena, "Authorization: Bearer %s", said.text);
    SL_TRY_NEW(line, err);
    return sl_strs_add(&ret->headers, &it->load->project->arena, line, err);
}

static int name_jobs(struct sl_observing *it, struct sl_said said, struct sl_observe *ret,
                     struct sl_err *err)
{
    struct sl_project *project = it->load->project;
    ret->job_namespace = said.text;
    if (!said.text || !*said.text)
        ret->job_namespace =
            project->environment
                ? sl_arena_printf(&project->arena, "%s.%s", project->name, project->environment)
                : project->name;
    SL_TRY_NEW(ret->job_namespace, err);
    return SL_OK;
}

static int load_lineage(struct sl_observing *it, const struct sl_openlineage_settings *values,
                        struct sl_observe *ret, struct sl_err *err)
{
    struct sl_project *project = it->load->project;
    const struct sl_yaml *map = it->map;
    bool is_off = sl_observe_is_true(it->load, "OPENLINEAGE_DISABLED");
    struct sl_said url = sl_observe_said(it, "url", values->url, "OPENLINEAGE_URL");
    struct sl_said endpoint =
        sl_observe_said(it, "endpoint", values->endpoint, "OPENLINEAGE_ENDPOINT");
    struct sl_said space =
        sl_observe_said(it, "namespace", values->job_namespace, "OPENLINEAGE_NAMESPACE");
    struct sl_said key = sl_observe_said(it, "api_key", values->api_key, "OPENLINEAGE_API_KEY");
    SL_TRY(name_jobs(it, space, ret, err));
    if (url.text) {
        const struct sl_said ca = {.map = map, .key = "ca_file", .text = values->ca_file};
        SL_TRY(take_key(it, key, &ret->lineage, err));
        SL_TRY(take_ca_file(it, ca, &ret->lineage, err));
        SL_TRY(take_url(it, url, endpoint.text ? endpoint.text : LINEAGE_ENDPOINT, &ret->lineage,
                        err));
    }
    if (values->file && !is_reference(it, values->file)) {
        ret->lineage_file = sl_path_join(&project->arena, project->folder, values->file);
        SL_TRY_NEW(ret->lineage_file, err);
    }
    if (is_off) {
        ret->lineage.url = NULL;
        ret->lineage_file = NULL;
    }
    return SL_OK;
}

// --- OpenTelemetry

// A scheme before it ("Bearer") is no secret, and a short value is a name: where it was hidden, the
// same word would be missing everywhere.
static void hide_value(const char *value)
{
    const char *space = strrchr(value, ' ');
    if (strlen(value) >= LEAST_SECRET)
        sl_log_hide(value);
    if (space && strlen(space + 1) >= LEAST_SECRET)
        sl_log_hide(space + 1);
}

static int take_headers(struct sl_observing *it, const struct sl_otlp_settings *values,
                        struct sl_receiver *ret, struct sl_err *err)
{
    struct sl_arena *arena = &it->load->project->arena;
    struct sl_said said = sl_observe_said(it, "headers", NULL, "OTEL_EXPORTER_OTLP_TRACES_HEADERS");
    struct sl_attribute *pairs = NULL;
    size_t count = 0;
    bool is_valid;
    if (values->headers)
        return sl_load_headers(it->load, values->headers, &ret->headers, err);
    if (!said.text)
        said = sl_observe_said(it, "headers", NULL, "OTEL_EXPORTER_OTLP_HEADERS");
    if (!said.text)
        return SL_OK;
    SL_TRY(sl_pairs_parse(said.text, arena, &pairs, &count, &is_valid, err));
    for (size_t i = 0; i < count; i++)
        is_valid &= is_line(pairs[i].value) && !strpbrk(pairs[i].key, " :\t");
    if (!is_valid) {
        tell(it, said, "such as authorization=Bearer%20TOKEN,x-team=data", "holds no headers");
        return SL_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const char *line = sl_arena_printf(arena, "%s: %s", pairs[i].key, pairs[i].value);
        SL_TRY_NEW(line, err);
        hide_value(pairs[i].value);
        SL_TRY(sl_strs_add(&ret->headers, arena, line, err));
    }
    return SL_OK;
}

static int take_attributes(struct sl_observing *it, bool has_name, struct sl_observe *ret,
                           struct sl_err *err)
{
    struct sl_said said = sl_observe_said(it, "", NULL, "OTEL_RESOURCE_ATTRIBUTES");
    bool is_valid;
    if (!said.text)
        return SL_OK;
    SL_TRY(sl_pairs_parse(said.text, &it->load->project->arena, &ret->attributes,
                          &ret->attribute_count, &is_valid, err));
    if (!is_valid)
        tell(it, said, "such as deployment.environment.name=prod", "holds no attributes");
    for (size_t i = 0; i < ret->attribute_count && !has_name; i++)
        if (strcmp(ret->attributes[i].key, "service.name") == 0)
            ret->service_name = ret->attributes[i].value;
    return SL_OK;
}

static int load_traces(struct sl_observing *it, const struct sl_otlp_settings *values,
                       struct sl_observe *ret, struct sl_err *err)
{
    struct sl_said url = sl_observe_said(it, "endpoint", values->endpoint, NULL);
    const char *path = TRACES_ENDPOINT;
    if (!url.text) {
        url = sl_observe_said(it, "endpoint", NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        path = NULL;
    }
    if (!url.text) {
        url = sl_observe_said(it, "endpoint", NULL, "OTEL_EXPORTER_OTLP_ENDPOINT");
        path = TRACES_ENDPOINT;
    }
    struct sl_said name =
        sl_observe_said(it, "service_name", values->service_name, "OTEL_SERVICE_NAME");
    ret->service_name = name.text ? name.text : "sluice";
    if (!url.text || sl_observe_is_true(it->load, "OTEL_SDK_DISABLED") ||
        sl_observe_is(it->load, "OTEL_TRACES_EXPORTER", "none"))
        return SL_OK;
    struct sl_said protocol =
        sl_observe_said(it, "endpoint", NULL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
    if (!protocol.text)
        protocol = sl_observe_said(it, "endpoint", NULL, "OTEL_EXPORTER_OTLP_PROTOCOL");
    if (url.origin && protocol.text && strcmp(protocol.text, "grpc") == 0) {
        tell(it, protocol, "http/json; a collector listens for it on port 4318",
             "is 'grpc', which Sluice does not speak");
        return SL_OK;
    }
    SL_TRY(take_headers(it, values, &ret->traces, err));
    SL_TRY(take_attributes(it, name.text != NULL, ret, err));
    SL_TRY(take_ca_file(
        it, sl_observe_said(it, "ca_file", values->ca_file, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        &ret->traces, err));
    return take_url(it, url, path, &ret->traces, err);
}

int sl_load_observe(struct sl_load *load, const struct sl_yaml *settings,
                    const struct sl_observe_settings *values, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_observe *observe = SL_NEW(&project->arena, struct sl_observe);
    SL_TRY_NEW(observe, err);
    *observe = (struct sl_observe){0};
    struct sl_observing lineage = {
        .load = load,
        .map = sl_yaml_get(sl_yaml_get(settings, "lineage"), "openlineage"),
    };
    struct sl_observing traces = {.load = load,
                                  .map = sl_yaml_get(sl_yaml_get(settings, "telemetry"), "otlp")};
    SL_TRY(load_lineage(&lineage, &values->lineage.openlineage, observe, err));
    SL_TRY(load_traces(&traces, &values->telemetry.otlp, observe, err));
    project->observe =
        sl_observe_has_lineage(observe) || sl_observe_has_traces(observe) ? observe : NULL;
    return SL_OK;
}
