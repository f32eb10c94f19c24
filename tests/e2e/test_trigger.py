"""`sluice trigger`: a run of the service that the command waits for, and what is told of it."""
import json
import signal
import sqlite3
import subprocess

import pytest

from test_backfill_service import ask
from test_serve import Service, by_hand


def shop(project):
    by_hand(project)
    project.run("run")
    return project


def test_it_waits_for_the_end_and_prints_the_log_as_it_grows(project):
    by_hand(project)
    with Service(project) as service:
        done = project.run("trigger", "all", "--wait")
        lines = done.stdout.splitlines()
        assert any("cleanse orders" in line for line in lines) and any("the run has ended" in line for line in lines)
        assert lines[-1].startswith("ok  in ")
        assert project.run("trigger", "all", "-w").stdout.startswith("nothing  in ")
        told = project.json("trigger", "all", "--wait", "--full-refresh")
        assert (told["status"], told["exit_code"], told["pipeline"]) == ("ok", 0, "all")
        assert {step["step"] for step in told["steps"]} >= {"raw.orders", "clean.orders", "curated.total"}
        assert service.end() == 0


@pytest.mark.parametrize("files, code, status", [
    ({"models/total.sql": "select error('broken') as orders from clean.orders"}, 1, "error"),
    ({"models/total.sql": "/* sluice\nchecks: [{expression: orders > 1000}]\n*/\nselect count(*) as orders from clean.orders"}, 3, "error"),
    ({"models/total.sql": "select error('broken') as orders from clean.orders", "models/other.sql": "select 1 as n from clean.orders"}, 5, "partial"),
])
def test_its_exit_code_is_that_of_a_run(project, files, code, status):
    shop(project)
    for path, text in files.items():
        project.write(path, text)
    with Service(project) as service:
        told = json.loads(project.run("trigger", "all", "--wait", "--json", exit_code=code).stdout)
        assert (told["status"], told["exit_code"]) == (status, code)
        project.run("logs", "-f", told["run_id"], exit_code=code)
        assert service.end() == 0
    (project.folder / f".sluice/logs/{told['run_id']}.jsonl").unlink()
    project.run("logs", "-f", told["run_id"], exit_code=code)
    if status != "partial":  # whose other half is done
        project.run("run", exit_code=code)


def test_ctrl_c_ends_the_command_and_not_the_run(project):
    shop(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders")
    with Service(project) as service:
        waits = subprocess.Popen([project.binary, "trigger", "all", "--wait"], cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        service.wait_for("waits for a person")
        waits.send_signal(signal.SIGINT)
        assert waits.wait(timeout=60) != 0
        waits.communicate()
        run = ask(project, "GET", "/api/v1/active")[1]["runs"][0]["run_id"]
        project.run("approve", run, "curated.total")
        service.wait_for("ended: ok")
        assert service.end() == 0


def test_a_service_that_dies_is_told(project):
    shop(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders")
    with Service(project) as service:
        waits = subprocess.Popen([project.binary, "trigger", "all", "--wait"], cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        service.wait_for("waits for a person")
        service.end(signal.SIGKILL)
        _, told = waits.communicate(timeout=60)
        assert waits.returncode == 1 and "SL0827" in told


def test_a_run_whose_process_is_gone_is_over(project):
    shop(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders")
    gone = subprocess.Popen(["true"])
    gone.wait()
    with Service(project) as service:
        waits = subprocess.Popen([project.binary, "trigger", "all", "--wait"], cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        service.wait_for("waits for a person")
        with sqlite3.connect(project.folder / ".sluice/state.db") as database:
            database.execute("update runs set pid = ? where ended_us = 0", (gone.pid,))
        database.close()
        told, _ = waits.communicate(timeout=60)
        assert waits.returncode == 1 and told.splitlines()[-1].startswith("killed  run "), told
        service.end(signal.SIGKILL)


def test_what_has_errors_since_is_a_warning(project):
    shop(project)
    with Service(project) as service:
        assert project.json("trigger", "all")["outdated"] is None
        good = (project.folder / "models/total.sql").read_text()
        project.write("models/total.sql", "select from where")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("total.sql")
        done = project.run("trigger", "all", exit_code=None)
        assert "the service works with the project as it was read before" in done.stderr, done.stderr
        project.write("models/total.sql", good)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        assert "as it was read before" not in project.run("trigger", "all").stderr
        assert service.end() == 0


def test_a_step_is_approved_before_by_who_may(project):
    shop(project)
    project.write("models/total.sql", "/* sluice\napproval: [nobody.else]\n*/\nselect count(*) + 1 as orders from clean.orders")
    project.write("models/other.sql", "/* sluice\napproval: true\n*/\nselect count(*) + 2 as orders from clean.orders")
    with Service(project) as service:
        status, answer = ask(project, "POST", "/api/v1/pipelines/all/runs", {"approve": ["curated.total"]})
        assert (status, answer["error"]["code"]) == (403, "SL0824"), answer
        status, answer = ask(project, "POST", "/api/v1/runs", {"approve": ["curated.nix"]})
        assert (status, answer["error"]["code"]) == (404, "SL0822"), answer
        told = project.json("trigger", "all", "--select", "other", "--approve", "curated.other", "--wait")
        assert told["status"] == "ok" and project.rows("curated.other", "orders") == [("5",)]
        entry = ask(project, "GET", "/api/v1/audit?subject=all")[1]["entries"][0]
        assert (entry["what"], entry["details"]) == ("trigger", {"run_id": told["run_id"], "select": ["other"], "approve": ["curated.other"]})
        assert service.end() == 0


def test_after_the_first_error_nothing_new_begins_if_that_was_asked(project):
    shop(project)
    project.write("models/a.sql", "select error('broken') as n from clean.orders")
    for name in "bcd":
        project.write(f"models/{name}.sql", "select count(*) as n from clean.orders")
    with Service(project, "--threads", "1") as service:
        status, begun = ask(project, "POST", "/api/v1/pipelines/all/runs", {"fail_fast": True, "select": ["a", "b", "c", "d"]})
        assert status == 202, begun
        service.wait_for("ended: ")
        steps = {step["step"]: step["status"] for step in ask(project, "GET", f"/api/v1/runs/{begun['run_id']}/steps")[1]["steps"]}
        assert steps["curated.a"] == "error" and "skipped" in steps.values(), steps
        assert service.end() == 0


@pytest.mark.parametrize("path, body", [
    ("pipelines/all/runs", {"select": ["nix"]}), ("pipelines/all/runs", {"select": ["colour:red"]}), ("runs", {"select": ["+nix"]}),
    ("runs", {"select": ["total"], "exclude": ["total"]}),
])
def test_what_selects_nothing_is_refused_before_a_run_begins(project, path, body):
    shop(project)
    with Service(project) as service:
        before = ask(project, "GET", "/api/v1/runs")[1]
        status, answer = ask(project, "POST", "/api/v1/" + path, body)
        assert status == 400 and "error" in answer, answer
        assert ask(project, "GET", "/api/v1/runs")[1] == before
        assert service.end() == 0
