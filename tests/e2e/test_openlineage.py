"""Lineage events: every run and step is told, in the words of the published schemas, past receivers that are dead, slow, or refuse."""
import contextlib
import json
import signal
import subprocess
import time

import pytest

from conftest import contract_text, free_port
from receivers import Receiver, check_event, only, told
from test_serve import Service, slow_model

KEY = "lineage-key-0123456789"


@pytest.fixture
def marquez():
    with Receiver() as receiver:
        yield receiver


def shop(project, settings, model="select country, count(*) as orders, sum(amount) as amount from curated.paid group by country"):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nretry: {attempts: 1}\n" + settings)
    project.write("sources/orders.yml", "path: data/*.csv\nowner: sales\ndescription: Orders of the shop\n")
    project.write("contracts/orders.odcs.yml", contract_text(
        "orders", "{name: id, logicalType: integer, required: true, primaryKey: true}", "{name: amount, logicalType: number}",
        "{name: country, logicalType: string}",
        "{name: email, logicalType: string, classification: restricted, customProperties: [{property: sluice.personal, value: {as: mask}}]}"))
    project.write("models/paid.sql", "/* sluice\nwrite: view\n*/\nselect id, amount, upper(country) as country from clean.orders where amount > 0")
    project.write("models/sales.sql", "/* sluice\nowner: finance\ndescription: What was sold where\nchecks:\n  - not_null: country\n*/\n" + model)
    project.write("targets/out.yml", "type: parquet\npath: out\ndeliver: [{table: curated.sales}]\n")
    project.write("data/1.csv", "id,amount,country,email\n1,5,de,ada@example.com\n2,7,fr,ben@example.com\nx,1,de,c@example.com\n")
    return project


def to(receiver, more=""):
    return f"lineage:\n  openlineage:\n    url: {receiver.url}\n{more}"


def taken(receiver):
    requests = receiver.requests()
    assert {path for path, _, _ in requests} <= {"/api/v1/lineage"}
    return [check_event(document) for _, _, document in requests]


def facet(dataset, name):
    return dataset["facets"][name]


def dataset_of(event, side, ending):
    found = [dataset for dataset in event[side] if dataset["name"].endswith(ending)]
    assert len(found) == 1, [dataset["name"] for dataset in event[side]]
    return found[0]


def fields_of(dataset, column):
    return [(item["name"].split("/lake/")[-1], item["field"], how["type"], how.get("subtype"), how["masking"])
            for item in dataset["facets"]["columnLineage"]["fields"][column]["inputFields"] for how in item["transformations"]]


def test_a_run_and_each_of_its_steps_are_told(project, marquez):
    shop(project, to(marquez, f"    api_key: ${{env:KEY}}\n    file: told/lineage.ndjson\n"))
    (project.folder / "told").mkdir()
    project.run("run", env={"KEY": KEY})
    requests = marquez.requests()
    assert {headers["Authorization"] for _, headers, _ in requests} == {f"Bearer {KEY}"}
    assert {headers["Content-Type"] for _, headers, _ in requests} == {"application/json"}
    events = [check_event(document) for _, _, document in requests]
    steps = ["ingest.orders", "cleanse.orders", "model.sales", "load.out.sales"]
    for job in ["shop", *steps]:
        begin, end = told(events, job)
        assert (begin["eventType"], end["eventType"]) == ("START", "COMPLETE")
        assert begin["run"]["runId"] == end["run"]["runId"] and begin["eventTime"] <= end["eventTime"]
    assert len(events) == 10 and {event["job"]["namespace"] for event in events} == {"shop"}
    run = only(events, "shop", "START")["run"]["runId"]
    assert run == project.json("status")["runs"][0]["run_id"]
    for job in steps:
        parent = only(events, job, "START")["run"]["facets"]["parent"]
        assert (parent["run"]["runId"], parent["job"]["name"]) == (run, "shop")
    # The file has the same events.
    lines = (project.folder / "told/lineage.ndjson").read_text().splitlines()
    assert sorted(map(json.dumps, (json.loads(line) for line in lines))) == sorted(map(json.dumps, events))
    # Nothing waits, and nothing is kept of it.
    assert {file.suffix for file in (project.folder / ".sluice/telemetry").iterdir()} <= {"", ".json"}


def test_datasets_have_schema_version_lineage_and_quality(project, marquez):
    shop(project, to(marquez))
    project.run("run")
    events = taken(marquez)
    ingest, cleanse = only(events, "ingest.orders", "COMPLETE"), only(events, "cleanse.orders", "COMPLETE")
    model, load = only(events, "model.sales", "COMPLETE"), only(events, "load.out.sales", "COMPLETE")

    source = dataset_of(ingest, "inputs", "/data/*.csv")
    assert source["namespace"] == "file" and source["inputFacets"]["inputStatistics"]["rowCount"] == 3
    raw = dataset_of(ingest, "outputs", "/lake/raw/orders")
    assert raw["outputFacets"]["outputStatistics"]["rowCount"] == 3

    assert dataset_of(cleanse, "inputs", "/lake/raw/orders")["facets"]["version"] == facet(raw, "version")
    clean, rejected = dataset_of(cleanse, "outputs", "/clean/orders"), dataset_of(cleanse, "outputs", "/quarantine/orders")
    types = {field["name"]: field["type"] for field in facet(clean, "schema")["fields"]}
    assert types["id"] == "BIGINT" and list(types)[:4] == ["id", "amount", "country", "email"]
    assert clean["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert rejected["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert facet(clean, "dataQualityMetrics")["rowCount"] == 2
    assert facet(clean, "dataQualityMetrics")["columnMetrics"]["amount"] == {"nullCount": 0}
    broken = [(a["name"], a["column"], a["actual"]) for a in facet(clean, "dataQualityAssertions")["assertions"] if not a["success"]]
    assert broken == [("id.type", "id", "1")]
    assert [i["name"] for i in facet(clean, "symlinks")["identifiers"]] == ["clean.orders"]
    assert fields_of(clean, "amount") == [("raw/orders", "amount", "DIRECT", "TRANSFORMATION", False)]
    assert fields_of(clean, "email") == [("raw/orders", "email", "DIRECT", "TRANSFORMATION", True)]

    # The view between is no dataset: what it is made of stands for it.
    assert [d["name"].split("/lake/")[1] for d in model["inputs"]] == ["clean/orders"]
    assert model["inputs"][0]["facets"]["version"] == facet(clean, "version")
    sales = dataset_of(model, "outputs", "/curated/sales")
    assert fields_of(sales, "amount") == [("clean/orders", "amount", "DIRECT", "TRANSFORMATION", False)]
    deciding = {(i["field"], i["transformations"][0]["type"]) for i in facet(sales, "columnLineage")["dataset"]}
    assert deciding == {("country", "INDIRECT"), ("amount", "INDIRECT")}
    assert [a["success"] for a in facet(sales, "dataQualityAssertions")["assertions"]] == [True]
    job = model["job"]["facets"]
    assert job["sql"]["query"].strip().startswith("select country") and job["ownership"]["owners"] == [{"name": "finance"}]
    assert job["documentation"]["description"] == "What was sold where" and job["jobType"]["jobType"] == "MODEL"

    out = dataset_of(load, "outputs", "/out/sales")
    assert fields_of(out, "amount") == [("curated/sales", "amount", "DIRECT", "IDENTITY", False)]
    assert out["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_what_fails_is_told_with_its_error_and_what_never_began_is_not(project, marquez):
    shop(project, to(marquez), model="select error('no way: ' || country) as country from curated.paid")
    project.run("run", exit_code=None)
    events = taken(marquez)
    failed = only(events, "model.sales", "FAIL")
    assert "no way" in failed["run"]["facets"]["errorMessage"]["message"]
    assert only(events, "shop", "FAIL")["run"]["facets"]["errorMessage"]["message"]
    assert told(events, "load.out.sales") == []
    assert "version" not in dataset_of(failed, "outputs", "/curated/sales")["facets"]


def test_a_check_that_fails_is_an_assertion_that_failed(project, marquez):
    shop(project, to(marquez), model="select nullif(country, 'DE') as country from curated.paid")
    project.run("run", exit_code=None)
    failed = only(taken(marquez), "model.sales", "FAIL")
    assertion, = facet(dataset_of(failed, "outputs", "/curated/sales"), "dataQualityAssertions")["assertions"]
    assert (assertion["assertion"], assertion["success"], assertion["severity"], assertion["actual"]) == ("not_null", False, "error", "1")


def test_a_dead_receiver_costs_a_note_and_gets_everything_later(project):
    port = free_port()
    shop(project, f"lineage: {{openlineage: {{url: 'http://127.0.0.1:{port}'}}}}\n")
    began = time.monotonic()
    done = project.run("run")
    assert time.monotonic() - began < 20 and "published #1" in done.stdout
    assert "lineage events wait to be sent" in done.stderr
    ways = project.json("telemetry")["ways"]
    assert [(way["way"], way["sent"], way["failures"] > 0, way["waiting_runs"]) for way in ways] == [("lineage", 0, True, 1)]
    project.run("telemetry", "send", exit_code=1)
    with Receiver(port) as receiver:
        sent = project.json("telemetry", "send")
        assert sent["lineage"] == {"sent": 10, "refused": 0, "lost": 0, "has_failed": False} and sent["waiting_runs"] == 0
        events = taken(receiver)
        for job in {event["job"]["name"] for event in events}:
            assert [event["eventType"] for event in told(events, job)] == ["START", "COMPLETE"]


def test_a_server_that_fails_is_asked_again_and_what_it_refuses_is_given_up(project):
    with Receiver(answers=[500, 503, 200, 400]) as receiver:
        shop(project, to(receiver))
        done = project.run("run")
        assert "wait to be sent" not in done.stderr and "1 lineage event was refused: HTTP 400" in done.stderr
        way, = project.json("telemetry")["ways"]
        assert (way["sent"], way["refused"], way["waiting_runs"], way["failures"]) == (9, 1, 0, 0)
        assert len(taken(receiver)) == 9


def test_a_server_that_does_not_answer_holds_a_run_up_for_seconds_at_most(project):
    with Receiver(answers=["hang"] * 100) as receiver:
        shop(project, to(receiver))
        began = time.monotonic()
        done = project.run("run")
        elapsed = time.monotonic() - began
        assert elapsed < 25 and "there was no answer in time" in done.stderr
        receiver.answers.clear()
        assert project.json("telemetry", "send")["lineage"]["sent"] == 10


def test_the_key_is_never_printed(project):
    url = f"http://user:{KEY}@127.0.0.1:{free_port()}"
    shop(project, f"lineage: {{openlineage: {{url: '{url}', api_key: '${{env:KEY}}'}}}}\n")
    printed = []
    for arguments in (["run", "-v"], ["telemetry"], ["telemetry", "--json"], ["telemetry", "send"], ["config", "show"], ["check"]):
        done = project.run(*arguments, exit_code=None, env={"KEY": KEY})
        printed += [done.stdout, done.stderr]
    kept = [file.read_text(errors="replace") for file in (project.folder / ".sluice").rglob("*") if file.is_file()]
    assert not any(KEY in text for text in printed + kept)


@pytest.mark.parametrize("value, said", [
    ("marquez:5000", "'url' is no URL of http or https"), ("http://", "'url' is no URL"), ("http://marquez.example:5000", "'url' would be sent a secret without TLS")])
def test_a_url_that_cannot_be_used_is_found_by_check(project, value, said):
    shop(project, f"lineage:\n  openlineage:\n    url: '{value}'\n    api_key: {KEY}\n")
    done = project.run("check", exit_code=None)
    assert done.returncode and said in done.stderr and "sluice.yml:6:10" in done.stderr


def test_variables_of_openlineage_are_heard_where_the_project_says_nothing(project, marquez):
    shop(project, "")
    project.run("telemetry", exit_code=1)
    env = {"OPENLINEAGE_URL": marquez.url + "/", "OPENLINEAGE_ENDPOINT": "/in", "OPENLINEAGE_API_KEY": KEY, "OPENLINEAGE_NAMESPACE": "cloud",
           "OPENLINEAGE_PARENT_ID": "airflow/prod/dag.task/01947b7c-2f5e-7a8f-b1a5-0d2b7c3a9e11"}
    project.run("run", env={**env, "OPENLINEAGE_DISABLED": "true"})
    assert marquez.requests() == []
    project.run("run", "--full-refresh", env=env)
    requests = marquez.requests()
    assert {(path, headers["Authorization"]) for path, headers, _ in requests} == {("/in", f"Bearer {KEY}")}
    events = [check_event(document) for _, _, document in requests]
    assert {event["job"]["namespace"] for event in events} == {"cloud"}
    parent = only(events, "shop", "START")["run"]["facets"]["parent"]
    assert (parent["job"], parent["run"]["runId"]) == ({"namespace": "airflow/prod", "name": "dag.task"}, "01947b7c-2f5e-7a8f-b1a5-0d2b7c3a9e11")
    assert only(events, "model.sales", "START")["run"]["facets"]["parent"]["root"]["job"]["name"] == "dag.task"
    # One that cannot be used is a warning, and stops nothing.
    done = project.run("check", env={"OPENLINEAGE_URL": "marquez"})
    assert "OPENLINEAGE_URL is no URL of http or https: it is left out" in done.stdout + done.stderr


def test_a_project_that_has_changed_says_nothing_of_the_code_that_ran(project):
    port = free_port()
    shop(project, f"lineage: {{openlineage: {{url: 'http://127.0.0.1:{port}'}}}}\n")
    project.run("run")
    project.write("models/sales.sql", "select 1 as country")
    with Receiver(port) as receiver:
        project.run("telemetry", "send")
        events = taken(receiver)
    model = only(events, "model.sales", "COMPLETE")
    assert "sql" not in model["job"]["facets"] and "columnLineage" not in model["outputs"][0]["facets"]
    assert [field["name"] for field in facet(model["outputs"][0], "schema")["fields"]] == ["country", "orders", "amount"]
    assert "columnLineage" in only(events, "cleanse.orders", "COMPLETE")["outputs"][0]["facets"]


def start_slow(project):
    slow_model(project)
    process = subprocess.Popen([str(project.binary), "run"], cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process


def is_slow(requests):
    return any(document["job"]["name"] == "model.slow" for _, _, document in requests)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_is_told_while_it_goes_on_and_one_that_was_stopped_is_aborted(project, marquez, number):
    shop(project, to(marquez))
    process = start_slow(project)
    try:
        requests = marquez.wait_until(is_slow)
        assert process.poll() is None
        while process.poll() is None:  # the first Ctrl-C lets steps end, the second one interrupts them
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
    finally:
        process.kill()
    if number == signal.SIGKILL:
        end = time.monotonic() + 60
        while any((project.folder / ".sluice/telemetry").glob("*.jsonl")) and time.monotonic() < end:
            project.run("telemetry", "send")  # until the last worker is gone, the run is at work
    events = [check_event(document) for _, _, document in requests] + taken(marquez)
    assert [event["eventType"] for event in told(events, "model.slow")] == ["START", "ABORT"]
    assert [event["eventType"] for event in told(events, "shop")] == ["START", "ABORT"]
    assert [event["eventType"] for event in told(events, "cleanse.orders")] == ["START", "COMPLETE"]


def test_a_service_tells_its_runs_and_what_a_dead_receiver_missed(project):
    port = free_port()
    shop(project, f"lineage: {{openlineage: {{url: 'http://127.0.0.1:{port}', file: lineage.ndjson}}}}\n")
    project.write("pipelines/nightly.yml", "description: All\nwhen:\n  - cron: '* * * * * *'\n")
    with Service(project) as service:
        service.wait_for("ended: ok")
        if not any("not taken, and sent again later" in line for line in service.seen):
            service.wait_for("not taken, and sent again later")
        with Receiver(port) as receiver:
            requests = receiver.wait_until(lambda seen: any(
                document["job"]["name"] == "nightly" and document["eventType"] == "COMPLETE" for _, _, document in seen))
            service.wait_for("taken again")
            events = [check_event(document) for _, _, document in requests]
            assert only(events, "nightly", "START")["run"]["facets"]["nominalTime"]["nominalStartTime"].endswith(".000000Z")
            assert "columnLineage" in only(events, "model.sales", "COMPLETE")["outputs"][0]["facets"]
        assert service.end() == 0
    lines = [check_event(json.loads(line)) for line in (project.folder / "lineage.ndjson").read_text().splitlines()]
    assert [event["eventType"] for event in told(lines, "nightly")] == ["START", "COMPLETE"]
