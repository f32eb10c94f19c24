"""Traces: a run is one trace, which OpenTelemetry's own classes read, past receivers that are dead, slow, or refuse."""
import json
import time

import pytest

from conftest import free_port
from receivers import Receiver, certificate, spans_of  # noqa: F401
from test_serve import Service
from test_serve_http import UnixConnection

TOKEN = "Bearer traces-token-0123456789"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector():
    with Receiver() as receiver:
        yield receiver


def shop(project, settings, model="select count(*) as orders from raw.orders", source=""):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nretry: {attempts: 1}\n" + settings)
    project.write("sources/orders.yml", "path: data/*.csv\n" + source)
    project.write("models/total.sql", model)
    project.write("data/1.csv", "id,amount\n1,5\n2,7\n")
    return project


def to(receiver, more=""):
    return f"telemetry:\n  otlp:\n    endpoint: {receiver.url}\n{more}"


def taken(receiver, path="/v1/traces"):
    requests = receiver.requests()
    assert {where for where, _, _ in requests} <= {path}
    return spans_of(requests)


def by_name(spans):
    assert len({span.id for span in spans}) == len(spans)
    named = {}
    for span in spans:
        parent = next((other.name for other in spans if other.id == span.parent), None)
        named[f"{parent}/{span.name}" if span.name.startswith("attempt") else span.name] = span
    assert len(named) == len(spans)
    return named


def test_a_run_is_a_trace_of_steps_and_attempts(project, collector):
    shop(project, to(collector))
    began_ns = time.time_ns()
    project.run("run")
    ended_ns = time.time_ns()
    spans = by_name(taken(collector))
    assert set(spans) == {"run shop", "ingest orders", "ingest orders/attempt 1", "model total", "model total/attempt 1"}
    run, ingest, attempt = spans["run shop"], spans["ingest orders"], spans["ingest orders/attempt 1"]
    run_id = project.json("status")["runs"][0]["run_id"]
    assert {span.trace for span in spans.values()} == {run_id.replace("-", "")}
    assert (run.parent, ingest.parent, attempt.parent) == ("", run.id, ingest.id)
    for span in spans.values():
        assert began_ns <= span.start_ns <= span.end_ns <= ended_ns and span.status == 0 and span.kind == 1
        assert span.attributes["sluice.run_id"] == run_id and span.attributes["sluice.job_id"] == "shop"
        assert run.start_ns <= span.start_ns and span.end_ns <= run.end_ns
    assert run.attributes["sluice.status"] == "ok" and run.attributes["sluice.steps.ok"] == 2
    assert {key.split(".", 1)[1]: value for key, value in ingest.attributes.items() if "id" not in key} == {
        "step": "ingest orders", "kind": "ingest", "table": "raw.orders", "status": "ok", "attempts": 1,
        "rows.in": 2, "rows.out": 2, "rows.rejected": 0}
    assert run.resource["service.name"] == "sluice"


def test_retries_and_errors_are_events_with_code_and_fate(project, collector):
    shop(project, to(collector), source="retry: {attempts: 3, initial: 0s, missing_files: true}\n")
    (project.folder / "data/1.csv").unlink()
    project.run("run", exit_code=None)
    spans = by_name(taken(collector))
    ingest, run = spans["ingest orders"], spans["run shop"]
    assert {f"ingest orders/attempt {number}" for number in (1, 2, 3)} < set(spans) and "model total" not in spans
    assert (run.status, ingest.status, spans["ingest orders/attempt 2"].status) == (2, 2, 2)
    assert ingest.attributes["error.type"].startswith("SL06") and ingest.attributes["sluice.error.fate"] in ("input", "retry")
    assert ingest.message and ingest.attributes["sluice.attempts"] == 3
    assert [(name, event.get("sluice.attempt"), event.get("sluice.error.code")) for name, event, _ in ingest.events] == [
        ("retry", 1, ingest.attributes["error.type"]), ("retry", 2, ingest.attributes["error.type"]), ("exception", None, None)]
    assert ingest.events[-1][1]["exception.message"] == ingest.message
    assert run.attributes["sluice.steps.error"] == 1 and run.attributes["sluice.steps.skipped"] == 1


def test_who_started_the_run_says_which_trace_it_is_a_part_of(project, collector):
    shop(project, to(collector))
    project.run("run", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-01", "TRACESTATE": "vendor=1"})
    spans = by_name(taken(collector))
    assert {(span.trace, span.state) for span in spans.values()} == {(TRACE, "vendor=1")} and spans["run shop"].parent == PARENT
    # One that is not recorded is not recorded by us either; one that is none is ignored.
    project.run("run", "--full-refresh", env={"TRACEPARENT": f"00-{TRACE}-{PARENT}-00"})
    assert taken(collector) == []
    project.run("run", "--full-refresh", env={"TRACEPARENT": f"00-{'0' * 32}-{PARENT}-01"})
    assert by_name(taken(collector))["run shop"].parent == ""


def test_variables_of_opentelemetry_are_heard_where_the_project_says_nothing(project, collector):
    shop(project, "")
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url + "/base/", "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={TOKEN.replace(' ', '%20')},x-team=data",
            "OTEL_SERVICE_NAME": "pipelines", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,team=data%20people,service.name=other"}
    project.run("run", env=base)
    requests = collector.requests()
    assert {(path, headers["authorization"], headers["x-team"]) for path, headers, _ in requests} == {("/base/v1/traces", TOKEN, "data")}
    resource = spans_of(requests)[0].resource
    assert (resource["service.name"], resource["deployment.environment.name"], resource["team"]) == ("pipelines", "prod", "data people")
    for number, more in enumerate(({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})):
        project.write("data/2.csv", f"id,amount\n{number},1\n")
        project.run("run", env={**base, **more})
        assert collector.requests() == []
    done = project.run("check", env={**base, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', which Sluice does not speak: it is left out" in done.stdout + done.stderr
    # One for traces alone is the whole URL.
    project.write("data/2.csv", "id,amount\n9,1\n")
    project.run("run", env={**base, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.url + "/only"})
    assert taken(collector, "/only")


def test_a_dead_collector_costs_a_note_and_gets_everything_later(project):
    port = free_port()
    shop(project, f"telemetry: {{otlp: {{endpoint: 'http://127.0.0.1:{port}', headers: {{Authorization: '${{env:TOKEN}}'}}}}}}\n")
    env = {"TOKEN": TOKEN}
    done = project.run("run", env=env)
    assert "spans wait to be sent" in done.stderr
    printed = done.stdout + done.stderr + "".join(file.read_text(errors="replace") for file in (project.folder / ".sluice").rglob("*") if file.is_file())
    with Receiver(port) as receiver:
        done = project.run("telemetry", "send", "--json", "-v", env=env)
        assert json.loads(done.stdout)["traces"]["sent"] == 5
        requests = receiver.requests()
        assert {headers["Authorization"] for _, headers, _ in requests} == {TOKEN} and len(spans_of(requests)) == 5
    assert TOKEN.split()[1] not in printed + done.stdout + done.stderr


def test_what_a_collector_refuses_or_takes_in_part_is_counted(project):
    partial = (200, {}, json.dumps({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too many"}}).encode())
    with Receiver(answers=[503, partial]) as receiver:
        shop(project, to(receiver))
        done = project.run("run")
        assert "2 spans were refused: HTTP 200" in done.stderr
        way, = project.json("telemetry")["ways"]
        assert (way["way"], way["sent"], way["refused"], way["waiting_runs"]) == ("traces", 3, 2, 0)
        receiver.answers[:] = [400]
        assert "5 spans were refused: HTTP 400" in project.run("run", "--full-refresh").stderr


def test_a_collector_that_does_not_answer_holds_a_run_up_for_seconds_at_most(project):
    with Receiver(answers=["hang"] * 10) as receiver:
        shop(project, to(receiver))
        began = time.monotonic()
        assert "there was no answer in time" in project.run("run").stderr
        assert time.monotonic() - began < 25
        # What fails is left alone for a while: the next run does not wait again.
        asked = 10 - len(receiver.answers)
        project.run("run", "--full-refresh")
        assert 10 - len(receiver.answers) == asked


def test_certificates_are_checked(project, certificate):  # noqa: F811
    with Receiver(certificate=certificate) as receiver:
        shop(project, to(receiver))
        assert "certificate" in project.run("run").stderr
        assert receiver.requests() == []
        shop(project, to(receiver, f"    ca_file: {certificate[0]}\n"))
        assert project.json("telemetry", "send")["traces"]["sent"] == 5
    shop(project, to(receiver, "    ca_file: nowhere.pem\n"))
    assert "'ca_file' names a file that is not there" in project.run("check", exit_code=None).stderr


@pytest.mark.parametrize("endpoint, said", [("localhost:4317", "'endpoint' is no URL of http or https"),
                                            ("http://collector.example:4318", "'endpoint' would be sent a secret without TLS")])
def test_an_endpoint_that_cannot_be_used_is_found_by_check(project, endpoint, said):
    shop(project, f"telemetry:\n  otlp:\n    endpoint: '{endpoint}'\n    headers: {{X-Key: secret-0123456789}}\n")
    done = project.run("check", exit_code=None)
    assert done.returncode and said in done.stderr and "sluice.yml:6:15" in done.stderr


def test_a_service_tells_its_runs_as_traces_of_who_asked(project, collector):
    shop(project, to(collector))
    project.write("pipelines/all.yml", "description: All\n")
    with Service(project, listen="127.0.0.1:0") as service:
        connection = UnixConnection(project.folder / ".sluice/serve.sock")
        connection.request("POST", "/api/v1/pipelines/all/runs", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        run_id = json.loads(connection.getresponse().read())["run_id"]
        connection.close()
        requests = collector.wait_until(lambda seen: any("run all" in json.dumps(document) for _, _, document in seen))
        spans = by_name(spans_of(requests))
        assert (spans["run all"].trace, spans["run all"].parent, spans["run all"].attributes["sluice.run_id"]) == (TRACE, PARENT, run_id)
        assert spans["run all"].attributes["sluice.pipeline"] == "all" and spans["model total"].parent == spans["run all"].id
        assert service.end() == 0
