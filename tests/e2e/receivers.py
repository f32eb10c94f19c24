"""Servers that take alerts, lineage events and traces, and what the published descriptions of these say of them."""
import base64
import http.server
import json
import queue
import ssl
import subprocess
import threading
import time

import jsonschema
import pytest
import referencing
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from conftest import ROOT

SCHEMAS = ROOT / "tests" / "fixtures" / "openlineage"


class Receiver:
    """A web server that keeps what it gets. It answers as it is told: a status, (status, headers, body), or "hang"; 200 when nothing is said."""

    well = b"{}"  # the body that goes with 200

    def __init__(self, port=0, answers=(), certificate=None):
        receiver = self
        self.got, self.answers, self.end = queue.Queue(), list(answers), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                receiver.got.put((self.path, dict(self.headers), body, answer))
                if answer == "hang":
                    receiver.end.wait(60)
                    self.close_connection = True
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, receiver.well)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that has gone away

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.end.set()
        self.server.shutdown()
        self.server.server_close()

    def requests(self):
        """(path, headers, document) of all that it has taken so far."""
        taken = []
        while not self.got.empty():
            path, headers, body, answer = self.got.get()
            if answer == 200 or isinstance(answer, tuple) and answer[0] < 300:
                taken.append((path, headers, json.loads(body)))
        return taken

    def wait_until(self, is_enough, patience_s=60):
        """What it took, as soon as that is enough."""
        taken, end = [], time.monotonic() + patience_s
        while not is_enough(taken):
            path, headers, body, answer = self.got.get(timeout=max(end - time.monotonic(), 0.001))
            if answer == 200:
                taken.append((path, headers, json.loads(body)))
        return taken


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of 127.0.0.1 and 127.0.0.2, made by itself."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "server.pem", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2"], check=True, capture_output=True, timeout=60)
    return pem, key


# --- alerts

class Hook(Receiver):
    """A channel of alerts."""

    well = b"ok"

    def __init__(self, certificate=None):
        super().__init__(certificate=certificate)
        self.url += "/in"

    def all(self):
        """The documents that came so far, also those that were refused."""
        documents = []
        while not self.got.empty():
            documents.append(json.loads(self.got.get()[2]))
        return documents

    def events(self):
        return [(d["event"], d["alert"]["kind"], d["alert"]["subject"]) for d in self.all()]


@pytest.fixture
def hook():
    with Hook() as server:
        yield server


# --- OpenLineage

def registry():
    files = [SCHEMAS / "OpenLineage.json", *sorted((SCHEMAS / "facets").glob("*.json"))]
    documents = [json.loads(file.read_text()) for file in files]
    return referencing.Registry().with_resources(
        (document["$id"], referencing.Resource.from_contents(document)) for document in documents), {
            document["$id"]: document for document in documents}


REGISTRY, DOCUMENTS = registry()


def check_against(document, reference):
    jsonschema.Draft202012Validator({"$ref": reference}, registry=REGISTRY,
                                    format_checker=jsonschema.FormatChecker()).validate(document)


def check_event(event):
    """The event is what the published schemas say, each of its facets too."""
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    check_against(event, "https://openlineage.io/spec/2-0-2/OpenLineage.json")
    check_against(event, event["schemaURL"])
    count = 0
    for holder in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            for key, facet in holder.get(kind, {}).items():
                check_against(facet, facet["_schemaURL"])
                known = DOCUMENTS[facet["_schemaURL"].split("#")[0]]
                # Nothing that the schema does not know, either: a facet's keys are its own.
                assert key in known["properties"]
                definition = known["$defs"][facet["_schemaURL"].rsplit("/", 1)[1]]
                keys = {key for part in definition.get("allOf", [definition]) for key in part.get("properties", {})}
                assert set(facet) <= keys | {"_producer", "_schemaURL"}, (key, set(facet) - keys)
                count += 1
    assert count >= 2
    return event


def told(events, job, kind=None):
    """The events of a job."""
    return [event for event in events if event["job"]["name"] == job and kind in (None, event["eventType"])]


def only(events, job, kind):
    found = told(events, job, kind)
    assert len(found) == 1, [(event["eventType"], event["job"]["name"]) for event in events]
    return found[0]


# --- OpenTelemetry

def parse_traces(document):
    """An ExportTraceServiceRequest, read by OpenTelemetry's own classes: the JSON of OTLP is that of Protocol Buffers, but for ids,
    which are hexadecimal and not base64 there. What the message does not know is an error."""
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if key in span:
                        raw = bytes.fromhex(span[key])
                        assert len(raw) == size and any(raw) and span[key] == span[key].lower()
                        span[key] = base64.b64encode(raw).decode()
    return json_format.ParseDict(document, ExportTraceServiceRequest())


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


class Span:
    def __init__(self, span, resource):
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.name, self.state, self.kind = span.name, span.trace_state, span.kind
        self.start_ns, self.end_ns = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = {item.key: value_of(item.value) for item in span.attributes}
        self.events = [(event.name, {item.key: value_of(item.value) for item in event.attributes}, event.time_unix_nano) for event in span.events]
        self.status, self.message = span.status.code, span.status.message
        self.resource = {item.key: value_of(item.value) for item in resource.attributes}


def spans_of(requests):
    spans = []
    for _, _, document in requests:
        for resource in parse_traces(document).resource_spans:
            for scope in resource.scope_spans:
                assert scope.scope.name == "sluice"
                spans += [Span(span, resource.resource) for span in scope.spans]
    return spans
