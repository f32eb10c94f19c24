"""`sluice logs`: what each line says, and following a run that is at work."""
import json
import os
import signal
import sqlite3
import subprocess
import threading

import pytest

from test_serve import Service, by_hand, deliver, slow_model, until, write_shop

PATIENCE_S = 60


def lines_of(project, run_id):
    return [json.loads(line) for line in (project.folder / f".sluice/logs/{run_id}.jsonl").read_text().splitlines()]


def newest(project):
    return project.json("status")["runs"][0]["run_id"]


class Process:
    """A `sluice` at work beside the test; its lines are kept as they come."""

    def __init__(self, project, *arguments, stderr=subprocess.DEVNULL):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")} | {"NO_COLOR": "1"}
        self.process = subprocess.Popen([project.binary, *arguments], cwd=project.folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=stderr, text=True)
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


def begun(project):
    """A run at work whose slow model has begun."""
    slow_model(project)
    project.run("run", "--select", "clean.orders", "raw.orders")
    return Process(project, "run", stderr=subprocess.STDOUT)


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


def test_lines_are_those_of_the_file(project):
    by_hand(project)
    project.run("run")
    path = project.folder / f".sluice/logs/{newest(project)}.jsonl"
    text = path.read_text()
    with path.open("a") as file:
        file.write('{"step": "half')  # of a run that was killed
    assert project.run("logs", "--lines").stdout == text
    own = [line for line in text.splitlines() if json.loads(line).get("table") == "clean.orders"]
    assert own and project.run("logs", "--lines", "", "clean.orders").stdout.splitlines() == own
    assert project.run("logs", "--lines", "", "*ean.ord?rs").stdout.splitlines() == own
    assert "says nothing of 'clean.nix'" in project.run("logs", "--lines", "", "clean.nix", exit_code=1).stderr
    followed = project.run("logs", "--lines", "-f").stdout
    assert [json.loads(line) for line in followed.splitlines()] == [json.loads(line) for line in text.splitlines()]
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(project.binary), "logs", "--lines"], cwd=project.folder, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr
    path.unlink()
    path.mkdir()
    assert "cannot read" in project.run("logs", "--lines", exit_code=1).stderr


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
        until(lambda: project.json("status")["runs"][0]["status"] == "running")
        run_id = newest(project)
        with Process(project, "logs", "-f", run_id[:8], "curated.slow") as logs:
            logs.wait_for("model slow")  # at work: nothing of it has ended
            assert logs.process.poll() is None
            run.process.send_signal(signal.SIGINT)
            run.wait_for("again to abort them")  # two at once may be one
            run.process.send_signal(signal.SIGINT)
            assert logs.process.wait(timeout=PATIENCE_S) == 130
            assert all("slow" in line for line in logs.lines)


def test_a_run_that_is_killed_ends_what_follows_it(project):
    by_hand(project)
    with begun(project) as run:
        until(lambda: project.json("status")["runs"][0]["status"] == "running")
        with Process(project, "logs", "-f") as logs:
            logs.wait_for("model slow")
            run.process.kill()
            run.process.wait()
            assert logs.process.wait(timeout=PATIENCE_S) == 1


def test_a_log_that_is_replaced_is_read_from_its_beginning(project):
    by_hand(project)
    with begun(project):
        until(lambda: project.json("status")["runs"][0]["status"] == "running")
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
        until(lambda: (project.folder / f".sluice/logs/{first}.jsonl").exists())
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


def test_a_run_whose_process_is_gone_was_killed_and_says_so(project):
    """Before anybody has waited for it, after that, and when its number is another program's."""
    by_hand(project)
    slow_model(project)
    project.run("run", "--select", "clean.orders", "raw.orders")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        until(lambda: "total" in project.run("logs", run).stdout)
        before = {file: file.stat().st_mtime_ns for file in (project.folder / ".sluice").iterdir() if "state.db" not in file.name}
        service.process.kill()  # nobody waits for it yet: it is a zombie
        until(lambda: project.json("status")["runs"][0]["status"] == "killed")
        assert "killed" in project.run("status", run[:8]).stdout
        service.process.wait()
    assert project.json("status", run)["run"]["status"] == "killed"
    logs = project.run("logs", run)
    assert "total" in logs.stdout and "was killed" in logs.stderr
    assert project.json("logs", run)["status"] == "killed"
    assert before == {file: file.stat().st_mtime_ns for file in before}, "who looks writes nothing"
    other = subprocess.Popen(["sleep", "300"])
    try:
        with sqlite3.connect(project.folder / ".sluice/state.db") as database:
            database.execute("update runs set pid = ?, started_us = started_us - 60000000 where ended_us = 0", (other.pid,))
        database.close()
        assert project.json("status", run)["run"]["status"] == "killed", "that number is another program's by now"
    finally:
        other.kill()
        other.wait()


def test_a_run_that_was_killed_before_a_step_had_ended_did_not_do_nothing(project):
    by_hand(project)
    project.write("tasks/first.yml", "before: [raw.orders]\ncommand: sleep 300\n")
    with Process(project, "run", "--select", "task.first") as run:
        until(lambda: project.json("status")["runs"][:1] and (project.folder / f".sluice/logs/{newest(project)}.jsonl").exists())
        id = newest(project)
        assert project.run("logs", id).stdout == f"run {id[:8]} is at work, and no step of it has ended yet\n"
        run.process.kill()
        run.process.wait()
    assert project.run("logs", id).stdout == f"run {id[:8]} was killed before a step of it had ended\n"
    (project.folder / f".sluice/logs/{id}.jsonl").unlink()
    assert project.run("logs", id).stdout == f"run {id[:8]} was killed before a step of it had ended\n"
    assert "was killed" in project.run("logs", id, "task.first", exit_code=1).stderr


def test_a_run_that_waits_for_a_person_or_was_cancelled_in_the_queue_says_so(project):
    write_shop(project, ("all", "max_runs: 1\nselect: [curated.total]\n"))
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    project.run("run", "--select", "raw.orders", "clean.orders")
    with Service(project) as service:
        first = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        waits = f"waits for a person: `sluice approve {first[:8]} curated.total`"
        assert project.run("logs", first).stdout == f"run {first[:8]} {waits}\n"
        assert project.json("logs", first)["waits_for"] == ["curated.total"]
        assert f"it {waits}" in project.run("status", first).stdout
        assert project.json("status", first)["waits_for"] == ["curated.total"]
        second = project.json("trigger", "all")["run_id"]
        assert project.run("logs", second).stdout == f"run {second[:8]} waits in the queue\n"
        assert project.json("status", second)["run"]["status"] == "queued"
        project.run("cancel", second)
        assert project.run("logs", second).stdout == f"run {second[:8]} was cancelled before it began\n"
        document = project.json("logs", second)
        assert (document["status"], document["lines"]) == ("cancelled", [])
        project.run("approve", first, "model total")
        service.wait_for("ended: ok")
        assert project.json("logs", first)["waits_for"] == []
        assert service.end() == 0
    (project.folder / f".sluice/logs/{first}.jsonl").unlink()
    assert "SL0105" in project.run("logs", first, exit_code=1).stderr, "of one that did something the log is missed"


def test_a_run_of_the_service_without_a_step_has_no_log_and_says_why(project):
    by_hand(project)
    project.run("run")
    with Service(project) as service:
        id = project.json("trigger", "all", "--wait")["run_id"]
        assert service.end() == 0
    assert not (project.folder / f".sluice/logs/{id}.jsonl").exists()
    assert project.run("logs").stdout == f"run {id[:8]} did nothing\n"
    assert project.json("logs", id)["lines"] == []
    assert project.run("logs", "-f", id).stdout == ""
    for status, told in (("error", "failed before a step of it had ended"), ("interrupted", "was interrupted before a step of it had ended")):
        with sqlite3.connect(project.folder / ".sluice/state.db") as database:
            database.execute("update runs set status = ? where id = ?", (status, id))
        database.close()
        assert project.run("logs", id).stdout == f"run {id[:8]} {told}\n"
    with sqlite3.connect(project.folder / ".sluice/state.db") as database:
        database.execute("update runs set host = 'elsewhere' where id = ?", (id,))
    database.close()
    assert "was interrupted" in project.run("logs", id).stdout, "nothing of it is elsewhere, either"


def test_a_step_is_approved_by_any_name_that_it_has(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    project.write("models/tally.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    project.write("targets/w.yml", "type: csv\npath: out\napproval: true\ndeliver:\n  - table: clean.orders\n")
    project.write("tasks/tell.yml", "command: 'true'\napproval: true\n")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person", times=4)
        assert "more than one step" in project.run("approve", run, "model t*", exit_code=1).stderr
        assert "SL0822" in project.run("approve", run, "model none", exit_code=1).stderr
        assert project.json("approve", run, "model total")["step"] == "curated.total"
        assert "curated.tally: approved" in project.run("approve", run, "model t*").stderr, "the other waits no longer"
        assert project.json("reject", run, "task tell")["step"] == "task.tell"
        assert project.json("approve", run, "load w.orders")["step"] == "w", "what is said of a target holds for all of its deliveries"
        service.wait_for("ended: partial")
        assert service.end() == 0
    assert (project.folder / "out").exists() and project.count("curated.total") == 1
