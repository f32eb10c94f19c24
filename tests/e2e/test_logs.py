"""`sluice logs`: what each line says, and following a run that is at work."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from test_serve import Service, by_hand, deliver, slow_model, write_shop

PATIENCE_S = 60


def lines_of(project, run_id):
    return [json.loads(line) for line in (project.folder / f".sluice/logs/{run_id}.jsonl").read_text().splitlines()]


def newest(project):
    return project.json("status")["runs"][0]["run_id"]


class Process:
    """A `sluice` at work beside the test; its lines are kept as they come."""

    def __init__(self, project, *arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")} | {"NO_COLOR": "1"}
        self.process = subprocess.Popen([project.binary, *arguments], cwd=project.folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines, self.came = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.came:
                self.lines.append(line)
                self.came.notify_all()

    def wait_for(self, text):
        with self.came:
            assert self.came.wait_for(lambda: any(text in line for line in self.lines), PATIENCE_S), self.lines

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def wait_until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(project):
    """A run at work whose slow model has begun."""
    slow_model(project)
    project.run("run", "--select", "clean.orders", "raw.orders")
    return Process(project, "run")


def test_each_line_says_job_run_step_attempt_table_rows_and_level(project):
    by_hand(project)
    project.write("data/bad.csv", "id,amount\nx,1\n")
    project.run("run", exit_code=None)
    run_id = newest(project)
    lines = lines_of(project, run_id)
    assert all((line["job_id"], line["run_id"]) == ("shop", run_id) and line["time"] and line["level"] for line in lines)
    assert lines[-1]["event"] == "run_end" and lines[-1]["status"] in ("ok", "warn")
    ends = {line["table"]: line for line in lines if line["event"] == "end"}
    clean = ends["clean.orders"]
    assert (clean["step"], clean["attempt"], clean["partition"], clean["level"]) == ("cleanse orders", 1, None, "info")
    assert (clean["rows"]["in"], clean["rows"]["out"], clean["rows"]["rejected"]) == (4, 3, 1)
    assert list(ends) == ["raw.orders", "clean.orders", "curated.total"]


def test_a_failure_has_its_code_and_fate_and_a_level(project):
    by_hand(project)
    project.write("models/total.sql", "select error('boom') as amount from clean.orders")
    project.run("run", exit_code=None)
    (line,) = project.json("logs", "", "curated.total")["lines"]
    assert (line["level"], line["error"]["fate"]) == ("error", "input") and line["error"]["code"].startswith("SL")
    assert [line["table"] for line in project.json("logs", "--level", "error")["lines"]] == ["curated.total"]
    assert "boom" in project.run("logs", "--level", "warn").stdout and "clean.orders" not in project.run("logs", "--level", "warn").stdout


def test_since_is_a_time_or_so_long_ago(project):
    by_hand(project)
    project.run("run")
    assert len(project.json("logs", "--since", "1h")["lines"]) == 3
    assert project.json("logs", "--since", "2099-01-01")["lines"] == []
    assert "has no such lines" in project.run("logs", "--since", "2099-01-01").stdout
    assert "no time and no duration" in project.run("logs", "--since", "soon", exit_code=1).stderr


def test_following_a_run_that_has_ended_prints_it_and_ends(project):
    by_hand(project)
    project.run("run")
    told = project.run("logs", "-f").stdout
    assert "ingest orders" in told and "the run has ended after" in told
    events = [json.loads(line) for line in project.run("logs", "-f", "--json").stdout.splitlines()]
    assert [line["event"] for line in events if line["event"] != "begin"] == ["end", "end", "end", "run_end"]
    only = [json.loads(line)["table"] for line in project.run("logs", "-f", "--json", "", "curated.*").stdout.splitlines()]
    assert set(only) == {"curated.total"}


def test_the_exit_code_is_that_of_the_run(project):
    by_hand(project)
    project.write("models/total.sql", "select error('boom') as amount from clean.orders")
    project.run("run", exit_code=5)
    project.run("logs", "-f", exit_code=5)
    project.run("run", "--select", "curated.total", exit_code=1)
    project.run("logs", "-f", exit_code=1)


def test_a_run_of_another_terminal_is_followed_to_its_end(project):
    by_hand(project)
    with begun(project) as run:
        wait_until(lambda: project.json("status")["runs"][0]["status"] == "running")
        run_id = newest(project)
        with Process(project, "logs", "-f", run_id[:8], "curated.slow") as logs:
            logs.wait_for("model slow")  # at work: nothing of it has ended
            assert logs.process.poll() is None
            run.process.send_signal(signal.SIGINT)
            run.process.send_signal(signal.SIGINT)
            assert logs.process.wait(timeout=PATIENCE_S) == 130
            assert all("slow" in line for line in logs.lines)


def test_a_run_that_is_killed_ends_what_follows_it(project):
    by_hand(project)
    with begun(project) as run:
        wait_until(lambda: project.json("status")["runs"][0]["status"] == "running")
        with Process(project, "logs", "-f") as logs:
            logs.wait_for("model slow")
            run.process.kill()
            run.process.wait()
            assert logs.process.wait(timeout=PATIENCE_S) == 1


def test_a_log_that_is_replaced_is_read_from_its_beginning(project):
    by_hand(project)
    with begun(project):
        wait_until(lambda: project.json("status")["runs"][0]["status"] == "running")
        log = project.folder / f".sluice/logs/{newest(project)}.jsonl"
        with Process(project, "logs", "-f") as logs:
            logs.wait_for("model slow")
            log.rename(log.with_suffix(".1"))
            log.write_text(json.dumps({"event": "end", "step": "another file", "table": "x", "status": "ok", "time": "2026-01-01T00:00:00Z"}) + "\n")
            logs.wait_for("another file")
            with log.open("a") as file:
                file.write(json.dumps({"event": "end", "step": "half a", "status": "ok"})[:10])
                file.flush()
                file.write(json.dumps({"event": "end", "step": "half a line", "status": "ok"})[10:] + "\n")
                file.write(json.dumps({"event": "run_end", "status": "ok", "elapsed_ms": 5, "time": "2026-01-01T00:00:00Z"}) + "\n")
            assert logs.process.wait(timeout=PATIENCE_S) == 0


def test_a_run_of_the_service_is_followed_from_the_queue_on(project):
    write_shop(project, ("all", "max_runs: 1\n"))
    slow_model(project)
    project.run("run", "--select", "clean.orders", "raw.orders")
    with Service(project) as service:
        first = project.json("trigger", "all")["run_id"]
        wait_until(lambda: (project.folder / f".sluice/logs/{first}.jsonl").exists())
        second = project.json("trigger", "all")["run_id"]
        with Process(project, "logs", "-f", second) as logs:
            project.write("models/slow.sql", "select 1 as n")
            service.process.send_signal(signal.SIGHUP)
            service.wait_for("read anew")
            project.run("cancel", first)
            logs.wait_for("model slow")
            logs.wait_for("the run has ended")
            assert logs.process.wait(timeout=PATIENCE_S) == 0
        assert service.end() == 0
