"""How the project is, as the service tells it: /healthz, /readyz, numbers and alerts between runs."""
import fcntl
import json
import os
import queue
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conftest import free_port
from receivers import Hook, hook  # noqa: F401
from test_serve import PATIENCE_S, Service, deliver, slow_model, write_shop

QUICK = "serve: {health: {every: 1s}}\n"


class Asked(Service):
    """A service that can be asked over TCP."""

    def __init__(self, project, *arguments, **options):
        self.port = free_port()
        super().__init__(project, *arguments, listen=f"127.0.0.1:{self.port}", **options)

    def ask(self, path, token=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def health(self):
        status, text = self.ask("/healthz")
        assert status == 200
        return json.loads(text)

    def wait_until(self, holds):
        """Asks until what it says holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds(health := self.health()):
            assert time.monotonic() < end, health
            time.sleep(0.05)
        return health

    def number(self, name):
        (line,) = [line for line in self.ask("/metrics")[1].splitlines() if line.startswith(name + " ") or line.startswith(name + "{")]
        return float(line.split(" ")[-1])


def part(health, name):
    return health["pipelines"][0][name] or {}


def test_a_look_that_takes_too_long_is_ended_and_told(project):
    """The target takes the connection and says nothing, until it is gone."""
    write_shop(project, ("all", "description: Everything\n"))
    project.run("run")
    silent = socket.create_server(("127.0.0.1", 0))
    project.write("sluice.yml", "name: shop\nserve: {health: {every: 1s, limit: 1s}}\n")
    project.write("targets/w.yml", f"type: postgres\ndsn: host=127.0.0.1 port={silent.getsockname()[1]} dbname=no\ndeliver:\n  - table: clean.orders\n")
    with Asked(project) as service:
        assert "SL0890" in service.wait_for("how the project is cannot be seen")["message"]
        health = service.wait_until(lambda health: health["look_error"])
        assert "longer than 1" in health["look_error"] and (health["status"], health["looked_at"]) == ("degraded", None)
        assert service.ask("/readyz")[0] == 200
        silent.close()
        health = service.wait_until(lambda health: health["looked_at"])
        assert health["look_error"] is None
        assert service.end() == 0


def test_what_the_doctor_says_is_told_and_renewed(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("sluice.yml", "name: shop\n" + QUICK)
    project.write("targets/w.yml", "type: sqlite\npath: out.db\ndeliver:\n  - table: clean.orders\n")
    with Asked(project) as service:
        health = service.wait_until(lambda health: health["looked_at"])
        assert (health["status"], health["is_ready"]) == ("degraded", True)  # nothing was ever built
        assert part(health, "gets_built")["text"] == "never built"
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        health = service.wait_until(lambda health: health["status"] == "ok")
        assert (health["pipelines"][0]["last_run"], part(health, "gets_out")["text"]) == ("ok", "3 rows, as in version 0 of clean.orders")
        whole = json.loads(service.ask("/api/v1/health")[1])
        assert whole["schema"] == "sluice.health/1" and {table["table"] for table in whole["tables"]} == {"raw.orders", "clean.orders", "curated.total"}
        deliver(project, 2)  # nobody runs it
        service.wait_until(lambda health: part(health, "gets_in")["state"] == "waits")
        assert service.number('sluice_source_waiting_files{source="orders"}') == 1
        assert service.number('sluice_target_rows{target="target.w.orders"}') == 3
        assert service.number('sluice_health{pipeline="all",part="in"}') == 1
        with sqlite3.connect(project.folder / "out.db") as database:
            database.execute("delete from orders")
        database.close()
        health = service.wait_until(lambda health: health["status"] == "degraded")
        assert part(health, "gets_out")["text"].startswith("0 rows there, and 3 in version 0")
        doctor = project.json("doctor", exit_code=1)
        assert doctor["pipelines"][0]["gets_out"] == part(health, "gets_out")
        assert service.end() == 0


def test_a_source_that_goes_and_comes_is_told_without_a_run(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("sluice.yml", "name: shop\n" + QUICK)
    project.run("run")
    with Asked(project) as service:
        service.wait_until(lambda health: health["status"] == "ok" and health["looked_at"])
        (project.folder / "data").rename(project.folder / "elsewhere")
        service.wait_until(lambda health: part(health, "gets_in").get("state") == "wrong")
        assert service.number('sluice_source_reachable{source="orders"}') == 0
        assert "sluice_source_lag_seconds{" not in service.ask("/metrics")[1]
        (project.folder / "elsewhere").rename(project.folder / "data")
        service.wait_until(lambda health: health["status"] == "ok")
        assert not [line for line in service.seen if "begins" in line]
        assert service.end() == 0


def test_a_step_that_failed_is_wrong_until_it_ends_well_also_after_a_restart(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("models/total.sql", "select error('boom') as amount from clean.orders")
    with Asked(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: partial")
        health = service.wait_until(lambda health: "boom" in part(health, "gets_built").get("text", ""))
        assert health["pipelines"][0]["last_run"] == "partial"
        assert service.end() == 0
    with Asked(project) as service:
        service.wait_until(lambda health: "boom" in part(health, "gets_built").get("text", ""))
        project.write("models/total.sql", "select count(*) as orders from clean.orders")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("read anew")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        service.wait_until(lambda health: health["status"] == "ok")
        assert service.end() == 0


def test_it_is_not_ready_while_it_drains_and_lives_all_the_same(project):
    write_shop(project, ("all", "description: Everything\n"))
    slow_model(project)
    with Asked(project, "--verbose") as service:
        assert service.ask("/readyz")[0] == 200
        project.run("trigger", "all")
        service.wait_for("model slow begins")
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("ending")
        status, text = service.ask("/readyz")
        assert (status, json.loads(text)["not_ready_because"]) == (503, "it is ending: no run begins any more")
        assert service.health()["is_ready"] is False
        service.end()  # the second time: the model is interrupted


def test_what_rings_while_it_ends_finds_nothing_that_is_gone(project):
    """Its idle workers are stopped, so that ending takes seconds, in which it would look for the run lock again and again."""
    write_shop(project, ("all", "description: Everything\n"))
    with Asked(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        service.wait_until(lambda health: health["status"] == "ok")
        workers = subprocess.run(["pgrep", "-P", str(service.process.pid)], capture_output=True, text=True).stdout.split()
        assert workers
        with open(project.folder / ".sluice" / "run.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert project.json("trigger", "all")["status"] == "queued"
            service.wait_for("another program is at work")
            for worker in workers:
                os.kill(int(worker), signal.SIGSTOP)
            assert service.end() == 0


def test_without_its_state_it_lives_and_is_not_ready(project):
    write_shop(project, ("all", "description: Everything\n"))
    with Asked(project) as service:
        service.wait_until(lambda health: health["looked_at"])
        with sqlite3.connect(project.folder / ".sluice/state.db") as database:
            database.execute("alter table pauses rename to elsewhere")
        status, text = service.ask("/readyz")
        assert status == 503 and json.loads(text)["not_ready_because"].startswith("the state store: ")
        assert service.health()["is_ready"] is True  # liveness does not ask it
        with sqlite3.connect(project.folder / ".sluice/state.db") as database:
            database.execute("alter table elsewhere rename to pauses")
        database.close()
        assert service.ask("/readyz")[0] == 200
        assert service.end() == 0


def test_with_tokens_strangers_learn_only_whether_all_is_well(project):
    write_shop(project, ("all", "description: Everything\n"))
    token = "read-0123456789abcdef"
    project.write("sluice.yml", f"name: shop\nserve:\n  tokens:\n    - {{name: dashboards, value: {token}}}\n")
    with Asked(project) as service:
        assert set(json.loads(service.ask("/healthz")[1])) == {"status", "is_ready", "since", "looked_at"}
        assert service.ask("/readyz")[0] == 200
        assert json.loads(service.ask("/healthz", token)[1])["pipelines"][0]["pipeline"] == "all"
        assert service.ask("/api/v1/health")[0] == 401
        assert service.end() == 0


def next_of(hook):
    return json.loads(hook.got.get(timeout=PATIENCE_S)[2])


def test_a_table_that_gets_too_old_between_runs_is_one_alert_and_one_recovery(project, hook):  # noqa: F811
    write_shop(project, ("all", "description: Everything\n"))
    project.write("sluice.yml", f"name: shop\n{QUICK}alerts:\n  channels:\n    hook: {{webhook: '{hook.url}'}}\n")
    project.write("models/total.sql", "/* sluice\nfreshness: 3s\n*/\nselect count(*) as orders from clean.orders")
    project.run("run")
    with Asked(project) as service:
        raised = next_of(hook)
        assert (raised["event"], raised["alert"]["kind"], raised["alert"]["subject"]) == ("raised", "sla", "curated.total")
        assert "old, and may be 3 s" in raised["alert"]["summary"]
        first = service.health()["looked_at"]
        service.wait_until(lambda health: health["looked_at"] > first)
        second = service.health()["looked_at"]
        service.wait_until(lambda health: health["looked_at"] > second)
        assert hook.got.empty()  # looked at twice since: one alert per miss
        project.write("models/total.sql", "/* sluice\nfreshness: 1h\n*/\nselect count(*) as orders from clean.orders")
        service.process.send_signal(signal.SIGHUP)
        resolved = next_of(hook)
        assert (resolved["event"], resolved["alert"]["id"]) == ("resolved", raised["alert"]["id"])
        assert not [line for line in service.seen if "begins" in line]
        assert service.end() == 0


def test_files_that_nobody_takes_in_are_an_alert(project, hook):  # noqa: F811
    write_shop(project, ("all", "description: Everything\n"))
    project.write("sluice.yml", f"name: shop\n{QUICK}alerts:\n  channels:\n    hook: {{webhook: '{hook.url}'}}\n  when: {{lag: 2s}}\n")
    project.run("run")
    with Asked(project) as service:
        deliver(project, 2)
        raised = next_of(hook)
        assert (raised["event"], raised["alert"]["kind"], raised["alert"]["subject"]) == ("raised", "lag", "raw.orders")
        assert "has been behind its files for" in raised["alert"]["summary"]
        project.run("trigger", "all")
        assert next_of(hook)["event"] == "resolved"
        assert service.end() == 0


def looked_at_again(service):
    """Waits for a look that has begun after this call."""
    for _ in range(2):
        last = service.health()["looked_at"]
        service.wait_until(lambda health: health["looked_at"] > last)


def test_a_pipeline_of_tasks_alone_is_told_of(project):
    write_shop(project, ("programs", "select: [task.tell]\n"))
    project.write("sluice.yml", "name: shop\n" + QUICK)
    project.write("tasks/tell.yml", "after: [curated.total]\ncommand: '[ ! -e broken ]'\n")
    project.run("run")
    with Asked(project) as service:
        health = service.wait_until(lambda health: part(health, "gets_built").get("state") == "ok")
        assert part(health, "gets_built")["subject"] == "task.tell"
        project.write("broken", "")
        project.run("trigger", "programs", "--full-refresh")  # nothing that it comes after has changed
        service.wait_for("ended: error")
        health = service.wait_until(lambda health: part(health, "gets_built")["state"] == "wrong")
        assert "SL0722" in part(health, "gets_built")["text"]
        (task,) = json.loads(service.ask("/api/v1/health")[1])["tasks"]
        assert (task["last"], task["plan"], task["runs"]) == ("failed", "fresh", 1) and task["last_at"]
        (project.folder / "broken").unlink()
        project.run("trigger", "programs", "--full-refresh")
        service.wait_until(lambda health: part(health, "gets_built")["state"] == "ok")
        assert service.end() == 0


def test_a_step_that_is_fresh_in_a_run_is_not_done_by_it(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("sluice.yml", "name: shop\n" + QUICK)
    project.write("targets/w.yml", "type: csv\npath: out\ndeliver:\n  - table: curated.total\n")
    project.write("tasks/tick.yml", "command: 'true'\n")  # run in every run
    project.write("tasks/tell.yml", "after: [curated.total]\ncommand: '[ ! -e broken ]'\n")
    project.run("run")
    project.write("broken", "")
    with Asked(project) as service:
        service.wait_until(lambda health: health["looked_at"])

        def of(kind, name):
            (found,) = [item for item in json.loads(service.ask("/api/v1/health")[1])[f"{kind}s"] if item[kind] == name]
            return found

        first = of("target", "target.w.total")["delivered_at"]
        assert first
        project.run("trigger", "all", "--full-refresh", "--select", "task.tell")
        service.wait_for("ended: error")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        looked_at_again(service)
        assert of("target", "target.w.total")["delivered_at"] == first
        assert (of("task", "task.tell")["last"], of("task", "task.tell")["plan"]) == ("failed", "fresh")
        (project.folder / "broken").unlink()
        deliver(project, 2)
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        looked_at_again(service)
        assert of("target", "target.w.total")["delivered_at"] > first
        assert of("task", "task.tell")["last"] == "ok"
        assert service.end() == 0
