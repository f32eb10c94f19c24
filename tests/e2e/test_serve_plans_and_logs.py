"""Plans that are done over HTTP, and logs of steps, also as they grow."""
import json
import signal
import threading
import time

import pytest

from test_backfill_service import ask
from test_serve import PATIENCE_S, Service, by_hand, deliver
from test_serve_http import UnixConnection, wait_until_gone

GATED = "/* sluice\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders"


def shop(project):
    by_hand(project)
    project.run("run")
    return project


def follow(project, path):
    connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"], answer.headers["Transfer-Encoding"]) == (200, "application/x-ndjson", "chunked")
    return connection, answer


def test_a_plan_is_done_as_long_as_it_holds(project):
    shop(project)
    deliver(project, 2)
    with Service(project) as service:
        plan = ask(project, "GET", "/api/v1/plan?select=raw.orders%2B")[1]
        status, told = ask(project, "POST", "/api/v1/plans", {"plan": plan, "dry_run": True})
        assert status == 200 and told["schema"] == plan["schema"] and project.count("clean.orders") == 3
        status, begun = ask(project, "POST", "/api/v1/plans", {"plan": plan})
        assert status == 202, begun
        service.wait_for("ended: ok")
        run = ask(project, "GET", f"/api/v1/runs/{begun['run_id']}")[1]
        assert (run["command"], run["status"], run["pipeline"]) == ("apply", "ok", None) and project.count("clean.orders") == 6
        assert ask(project, "GET", f"/api/v1/audit?subject={begun['run_id']}")[1]["entries"][0]["what"] == "apply"
        before = ask(project, "GET", "/api/v1/runs")[1]
        status, told = ask(project, "POST", "/api/v1/plans", {"plan": plan})
        assert (status, told["error"]["code"]) == (409, "SL0704"), told
        for wrong, expected in (({}, 409), ({"schema": plan["schema"], "nodes": []}, 409)):
            status, told = ask(project, "POST", "/api/v1/plans", {"plan": wrong})
            assert status == expected, told
        assert ask(project, "POST", "/api/v1/plans", {"plan": "plan.json"})[0] == 400
        assert ask(project, "POST", "/api/v1/plans", {})[0] == 400
        assert ask(project, "GET", "/api/v1/runs")[1] == before
        project.run("plan", "-o", "plan.json", "--full-refresh", "--select", "total")
        status, begun = ask(project, "POST", "/api/v1/plans", {"plan": json.loads((project.folder / "plan.json").read_text())})
        assert status == 202, begun
        service.wait_for("ended: ok")
        steps = ask(project, "GET", f"/api/v1/runs/{begun['run_id']}/steps")[1]["steps"]
        assert [(step["step"], step["status"]) for step in steps] == [("curated.total", "ok")]
        assert service.end() == 0


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_plan_that_holds_no_more_when_its_turn_comes_is_refused(project, is_killed):
    shop(project)
    project.write("sluice.yml", "name: shop\nruns: {max_runs: 1}\n")
    project.write("models/gated.sql", GATED)
    deliver(project, 2)
    with Service(project) as service:
        first = project.json("trigger", "all", "--select", "gated")["run_id"]
        service.wait_for("waits for a person")
        plan = ask(project, "GET", "/api/v1/plan?select=raw.orders%2B&exclude=gated")[1]
        status, begun = ask(project, "POST", "/api/v1/plans", {"plan": plan})
        assert (status, begun["status"]) == (202, "queued")
        deliver(project, 3)
        if not is_killed:
            project.run("cancel", first)
            refused = service.wait_for("SL0704")
            assert refused["run_id"] == begun["run_id"] and "'raw.orders' changed since the plan was made" in refused["message"]
        service.end(signal.SIGKILL)
    with Service(project) as service:
        if is_killed:  # the plan has waited in the state store
            project.run("cancel", next(run["run_id"] for run in ask(project, "GET", "/api/v1/runs")[1]["runs"] if run["status"] in ("queued", "running") and run["command"] == "run"))
            service.wait_for("SL0704")
        assert ask(project, "GET", f"/api/v1/runs/{begun['run_id']}")[1]["status"] == "error"
        entries = ask(project, "GET", f"/api/v1/audit?subject={begun['run_id']}")[1]["entries"]
        assert (entries[0]["what"], entries[0]["details"]["code"]) == ("refuse", "SL0704")
        assert project.count("clean.orders") == 3
        assert service.end() == 0


def test_the_command_says_whether_a_plan_holds(project):
    shop(project)
    deliver(project, 2)
    project.run("plan", "-o", "plan.json")
    assert "the plan holds" in project.run("apply", "plan.json", "--dry-run").stdout and project.count("clean.orders") == 3
    project.run("run")
    assert "SL0704" in project.run("apply", "plan.json", "--dry-run", exit_code=6).stderr


def test_the_log_of_a_step_is_its_lines_of_the_run(project):
    shop(project)
    run = project.json("status")["runs"][0]["run_id"]
    own = [line for line in (project.folder / f".sluice/logs/{run}.jsonl").read_text().splitlines() if json.loads(line).get("table") == "clean.orders"]
    with Service(project) as service:
        for name in ("clean.orders", "cleanse%20orders"):
            connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
            connection.request("GET", f"/api/v1/runs/{run[:8]}/steps/{name}/log")
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
            assert answer.read().decode().splitlines() == own and own
        assert ask(project, "GET", f"/api/v1/runs/{run}/steps/clean.nix/log")[0] == 404
        assert ask(project, "GET", "/api/v1/runs/0123/steps/clean.orders/log")[0] == 404
        assert ask(project, "GET", "/api/v1/runs/0123/log?follow=true")[0] == 404
        # One that has ended is followed to its end.
        connection, answer = follow(project, f"/api/v1/runs/{run}/steps/clean.orders/log?follow=true")
        assert answer.read().decode().splitlines() == own
        assert service.end() == 0


def test_the_log_of_a_step_out_of_a_large_log_holds_up_nothing(project):
    """Lines that name the step without being its own are read one by one; the loop, on which ticks and requests are, does not wait for it."""
    shop(project)
    run = project.json("status")["runs"][0]["run_id"]
    log = project.folder / f".sluice/logs/{run}.jsonl"
    lines = log.read_text().splitlines()
    other = json.dumps({**next(json.loads(line) for line in lines if json.loads(line).get("table") == "raw.orders"), "said": "before clean.orders"})
    own = [line for line in lines if json.loads(line).get("table") == "clean.orders"]
    with log.open("a") as file:
        while file.tell() < 60_000_000:
            file.write("".join(f"{other}\n" for _ in range(5_000)))
    with Service(project) as service:
        asked = UnixConnection(project.folder / ".sluice" / "serve.sock")
        asked.request("GET", f"/api/v1/runs/{run}/steps/clean.orders/log")
        begun, waits, is_done = time.monotonic(), [], threading.Event()

        def read():
            answer = asked.getresponse()
            assert answer.status == 200 and answer.read().decode().splitlines() == own
            is_done.set()
        reader = threading.Thread(target=read)
        reader.start()
        while not is_done.wait(0.01):
            before = time.monotonic()
            assert ask(project, "GET", "/readyz")[0] == 200
            waits.append(time.monotonic() - before)
            assert time.monotonic() - begun < PATIENCE_S
        reader.join()
        took = time.monotonic() - begun
        assert len(waits) > 2 and sorted(waits)[len(waits) // 2] < took / 2, (waits, took)
        connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
        connection.request("GET", f"/api/v1/runs/{run}/steps/raw.orders/log")
        answer = connection.getresponse()
        assert answer.status == 200 and len(answer.read()) > 50_000_000
        assert ask(project, "GET", f"/api/v1/runs/{run}/steps/clean.nix/log")[0] == 404
        assert service.end() == 0


def test_a_log_is_followed_while_the_run_is_at_work(project):
    shop(project)
    project.write("models/total.sql", GATED)
    project.write("models/a.sql", "select count(*) as n from clean.orders")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        connection, answer = follow(project, f"/api/v1/runs/{run}/log?follow=true")
        gone, unread = follow(project, f"/api/v1/runs/{run}/steps/curated.total/log?follow=true")
        step, lines = follow(project, f"/api/v1/runs/{run}/steps/curated.a/log?follow=true")
        assert json.loads(answer.readline())["table"] == "curated.a" and json.loads(lines.readline())["table"] == "curated.a"
        followers = children_of(service.process.pid, "logs")
        assert len(followers) == 3
        unread.close()
        gone.close()
        project.run("approve", run, "curated.total")
        rest = [json.loads(line) for line in answer.read().decode().splitlines()]
        assert rest[-1]["event"] == "run_end" and "curated.total" in {line.get("table") for line in rest}
        lines.read()
        for pid in followers:
            wait_until_gone(pid)
        assert service.end() == 0


def children_of(parent, word):
    """Processes of a service whose command line has that word."""
    import pathlib
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == parent and word.encode() in words:
            found.append(int(folder.name))
    return found


def test_followers_are_bounded_and_end_with_the_service(project):
    shop(project)
    project.write("models/total.sql", GATED)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        open_ones = [follow(project, f"/api/v1/runs/{run}/log?follow=true") for _ in range(32)]
        status, told = ask(project, "GET", f"/api/v1/runs/{run}/log?follow=true")
        assert (status, told["error"]["code"]) == (503, "SL0825")
        assert ask(project, "GET", "/api/v1/tables")[0] == 200, "they take no place from others"
        open_ones.pop()[0].close()
        pids = children_of(service.process.pid, "logs")
        service.end(signal.SIGKILL)  # then the run was killed, which they see
        for pid in pids:
            wait_until_gone(pid)
