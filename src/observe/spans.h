// Facts as spans of OpenTelemetry, in the JSON of OTLP 1.x
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids are hexadecimal, numbers
// of 64 bits are texts. Pure.
//
// A run is one trace: a span of the run, below it one of each step, below these one of each
// attempt. Their ids follow from the run's id.
#ifndef SL_OBSERVE_SPANS_H
#define SL_OBSERVE_SPANS_H

#include "base/json.h"
#include "spec/observe.h"

// Adds the spans that a fact ends. `start` is the run's run_start. None if whoever started the run
// says that its trace is not recorded.
SL_MUST int sl_spans_add(const json_t *start, const json_t *fact, json_t *spans,
                         struct sl_err *err);
// An ExportTraceServiceRequest.
SL_MUST int sl_spans_request(const struct sl_observe *observe, const json_t *spans, json_t **ret,
                             struct sl_err *err);

#endif
