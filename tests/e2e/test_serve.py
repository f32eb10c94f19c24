"""The service as a team meets it: ticks, files, people and kills; tables are those of a run without it."""
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import queue
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import contract_text
from receivers import check_event

PATIENCE_S = 60


class Service:
    """`sluice serve` at work; its log is read as it comes, so that a test waits for what it says."""

    command = "serve"

    def __init__(self, project, *arguments, binary=None, env=None, listen="none"):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "NOTIFY_", "LISTEN_"))}
        environment.update(NO_COLOR="1", **(env or {}))
        self.project = project
        self.process = subprocess.Popen(
            [str(binary or project.binary), self.command, *(["--listen", listen] if listen else []), "--log-format", "json", *arguments],
            cwd=project.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.seen, self.news = [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stderr:
            self.news.put(line)
        self.news.put(None)

    def wait_for(self, text, times=1):
        """The log line with this text; those before it are kept in `seen`."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self.news.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"it never said '{text}':\n" + "".join(self.seen)) from None
            assert line is not None, f"it ended before it said '{text}':\n" + "".join(self.seen)
            self.seen.append(line)
            times -= text in line
            if times == 0:
                return json.loads(line)

    def wait_for_end(self):
        code = self.process.wait(timeout=PATIENCE_S)
        while (line := self.news.get(timeout=PATIENCE_S)) is not None:
            self.seen.append(line)
        return code

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait_for_end()

    def __enter__(self):
        self.wait_for("serving '")
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def write_shop(project, *pipelines, rows=3):
    project.write("sluice.yml", "name: shop\n")
    project.write("sources/orders.yml", "path: data/*.csv\ncontract: contracts/orders.odcs.yml\n")
    project.write("contracts/orders.odcs.yml", contract_text(
        "orders", "{name: id, logicalType: integer, required: true, primaryKey: true}", "{name: amount, logicalType: number}"))
    project.write("models/total.sql", "select count(*) as orders, sum(amount) as amount from clean.orders")
    deliver(project, 1, rows)
    for name, text in pipelines:
        project.write(f"pipelines/{name}.yml", text)
    return project


def deliver(project, number, rows=3):
    """One file of orders, as a whole at once."""
    text = "id,amount\n" + "".join(f"{number * 100000 + i},{i}.5\n" for i in range(rows))
    project.write(f"incoming/{number}.csv", text)
    (project.folder / "data").mkdir(exist_ok=True)
    (project.folder / f"incoming/{number}.csv").rename(project.folder / f"data/{number}.csv")


def workers_of(process):
    return [int(pid) for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def metrics_of(service):
    port = next(json.loads(line) for line in service.seen if "listening on port" in line)["message"].split()[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        return answer.read().decode()


def by_hand(project):
    return write_shop(project, ("all", "description: Everything\n"))


def slow_model(project, seconds=30):
    """A model that is at work until it is interrupted."""
    project.write("models/slow.sql", f"select count(*) as n from range({seconds} * 40000000) a, range(3) b, clean.orders where a.range % 7 = 1")


def test_a_tick_runs_what_is_stale_and_the_next_one_says_that_there_is_nothing(project):
    write_shop(project, ("all", "when:\n  - cron: '* * * * * *'\n"))
    with Service(project) as service:
        service.wait_for("ended: ok")
        told = service.wait_for("nothing to do: no input has changed")
        assert told["pipeline"] == "all"
        assert service.end() == 0
    assert project.count("curated.total") == 1
    runs = project.json("status")["runs"]
    assert {run["status"] for run in runs} <= {"ok", "nothing"}


def test_a_file_that_arrives_starts_a_run_and_so_does_a_new_version_of_a_table(project):
    write_shop(project, ("ingest", "select: [raw.orders, clean.orders]\nwhen:\n  - files: orders\n    settle: 0s\n"),
               ("report", "select: [curated.total]\nwhen:\n  - table: clean.orders\n    settle: 0s\n"))
    project.run("run")
    with Service(project) as service:
        deliver(project, 2)
        service.wait_for("ended: ok", times=2)
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("6",)]


def test_what_came_while_a_run_waited_that_was_cancelled_is_seen_at_the_next_look(project):
    write_shop(project, ("all", "max_runs: 1\nwhen:\n  - files: orders\n    settle: 0s\n"))
    slow_model(project)
    with Service(project, "--verbose") as service:
        first = service.wait_for("begins (files")["run_id"]
        service.wait_for("total ok")
        deliver(project, 2)
        end = time.monotonic() + PATIENCE_S
        while not (waiting := project.json("status")["waiting"]):
            assert time.monotonic() < end
        deliver(project, 3)
        assert service.wait_for("it sees what has changed since")["run_id"] == waiting[0]["run_id"]
        project.run("cancel", waiting[0]["run_id"])
        (project.folder / "models/slow.sql").unlink()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        project.run("cancel", first)
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("9",)]


def test_a_table_that_is_dropped_starts_only_who_makes_it(project):
    write_shop(project, ("own", "select: [curated.total]\nwhen:\n  - {table: curated.total, settle: 0s}\n"),
               ("report", "select: [curated.total]\nwhen:\n  - {table: clean.orders, settle: 0s}\n"))
    project.run("run")
    with Service(project) as service:
        service.wait_for("nothing to do", times=2)  # what was there when the service began
        shutil.rmtree(project.folder / "lake/curated/total")
        assert service.wait_for("ended: ok")["pipeline"] == "own"
        shutil.rmtree(project.folder / "lake/clean/orders")
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as database:
            end = time.monotonic() + PATIENCE_S
            while database.execute("select tick_us from ticks where pipeline = 'report'").fetchall() != [(1,)]:
                assert time.monotonic() < end
                time.sleep(0.05)
            asked = "select (select count(*) from runs where pipeline = 'report') + (select count(*) from queue where options like '%report%')"
            assert database.execute(asked).fetchone() == (1,)
        assert service.end() == 0


def test_a_person_starts_cancels_pauses_and_resumes(project):
    by_hand(project)
    slow_model(project)
    with Service(project) as service:
        run = project.json("trigger", "all")
        service.wait_for("cleanse orders ok")
        service.wait_for("total ok")
        project.run("cancel", run["run_id"])
        ended = service.wait_for("ended: cancelled")
        assert ended["run_id"] == run["run_id"]
        assert project.json("pause", "all", "--why", "the weekend")["is_paused"] is True
        shown = project.json("pipelines")
        assert json.dumps(shown).count("the weekend") == 1
        assert project.json("resume", "all")["is_paused"] is False
        (project.folder / "models/slow.sql").unlink()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        project.run("trigger", "all")
        service.wait_for("nothing to do")
        assert service.end() == 0
    project.run("trigger", "all", exit_code=1)


def test_a_cancelled_run_says_so_with_who_and_when(project):
    by_hand(project)
    slow_model(project)
    with Service(project, listen="127.0.0.1:0") as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        project.run("cancel", run)
        service.wait_for("ended: cancelled")
        (shown,) = project.json("status")["runs"]
        who = pwd.getpwuid(os.getuid()).pw_name
        assert (shown["status"], shown["cancelled_by"], shown["pipeline"]) == ("cancelled", who, "all")
        assert shown["cancelled_at"] >= shown["started"]
        assert f"of {run}" not in project.run("status").stdout and "cancelled" in project.run("status").stdout
        assert f"cancelled by {who} at " in project.run("status", run).stdout
        assert project.json("pipelines")["pipelines"][0]["last_run"]["status"] == "cancelled"
        assert 'sluice_runs_total{pipeline="all",status="cancelled"} 1' in metrics_of(service)
        lines = [json.loads(line) for line in (project.folder / f".sluice/logs/{run}.jsonl").read_text().splitlines()]
        assert (lines[-1]["event"], lines[-1]["status"], lines[-1]["level"]) == ("run_end", "cancelled", "warn")
        assert service.end() == 0
    with Service(project) as service:
        assert service.end() == 0
    assert len(project.json("status")["runs"]) == 1


def test_a_run_that_a_newer_one_takes_the_place_of_is_cancelled_too(project):
    by_hand(project)
    project.write("pipelines/all.yml", "max_runs: 1\noverlap: cancel_older\n")
    slow_model(project)
    with Service(project) as service:
        older = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        (project.folder / "models/slow.sql").unlink()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        newer = project.json("trigger", "all")["run_id"]
        assert service.wait_for("ended: cancelled")["run_id"] == older
        assert service.wait_for("nothing to do")["run_id"] == newer
        assert service.end() == 0
    runs = {run["run_id"]: (run["status"], run["cancelled_by"]) for run in project.json("status")["runs"]}
    assert runs == {older: ("cancelled", "(overlap)"), newer: ("nothing", None)}


def test_a_run_that_is_still_planned_when_the_service_ends_waits_for_the_next_one(project):
    """The target is looked at by the planning; it takes the connection and says nothing."""
    by_hand(project)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        project.write("targets/w.yml", f"type: postgres\ndsn: host=127.0.0.1 port={silent.getsockname()[1]} dbname=no\ndeliver:\n  - table: clean.orders\n")
        with Service(project) as service:
            run = project.json("trigger", "all")["run_id"]
            silent.settimeout(PATIENCE_S)
            held, _ = silent.accept()
            assert [row["why"] for row in project.json("status")["waiting"]] == ["it is being planned"]
            service.process.send_signal(signal.SIGTERM)
            service.wait_for("nothing new begins")
            service.process.send_signal(signal.SIGTERM)
            assert service.wait_for_end() in (0, 130)
        held.close()
    lines = [json.loads(line)["message"] for line in service.seen if run in line]
    assert any("waits for the next service" in line for line in lines) and not any("ended: " in line for line in lines)
    assert project.json("status", run)["run"]["status"] == "queued"
    (project.folder / "targets/w.yml").unlink()
    with Service(project) as service:
        assert service.wait_for("ended: ok")["run_id"] == run
        assert service.end() == 0
    assert project.count("curated.total") == 1


def test_status_says_why_a_run_waits_and_which_steps_one_at_work_is_at(project):
    write_shop(project, ("all", "max_runs: 1\n"), ("other", "select: [raw.orders]\n"))
    project.write("sluice.yml", "name: shop\nruns: {max_runs: 1}\n")
    slow_model(project)
    with Service(project, "--verbose") as service:
        first = project.json("trigger", "all")["run_id"]
        service.wait_for("model slow begins")
        if not any("total ok" in line for line in service.seen):  # in no order
            service.wait_for("total ok")
        second, third = project.json("trigger", "all")["run_id"], project.json("trigger", "other")["run_id"]
        assert {row["run_id"]: row["why"] for row in project.json("status")["waiting"]} == {
            second: "a run of its pipeline is at work", third: "as many runs are at work as `runs.max_runs` lets"}
        assert "at work: model slow, since 20" in project.run("status", first).stdout
        active = project.json("status", first)["active"]
        assert [step["step"] for step in active["running"]] == ["model slow"] and active["steps"]["ended"] >= 2
        for run in (third, second, first):
            project.run("cancel", run)
        service.wait_for("ended: cancelled")
        assert service.end() == 0
    assert project.json("status", first)["active"] is None


def tell_all(processes, number):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # one that had little to do
            os.kill(process, number)


def test_the_log_says_cancelled_too_when_the_worker_that_publishes_is_stopped_and_has_to_be_killed(project):
    by_hand(project)
    project.write("sluice.yml", "name: shop\nlineage: {openlineage: {file: lineage.ndjson}}\n")
    slow_model(project, 1)
    with Service(project, "--verbose") as service:
        for _ in range(30):  # until it is stopped before it has published
            run = project.json("trigger", "all", "--full-refresh")["run_id"]
            service.wait_for("model slow begins")
            workers = workers_of(service.process)
            service.wait_for("model slow ok")
            tell_all(workers, signal.SIGSTOP)
            if project.run("cancel", run, exit_code=None).returncode == 0:
                break
            tell_all(workers, signal.SIGCONT)
        told = service.wait_for("ended: ")
        while told["run_id"] != run:
            told = service.wait_for("ended: ")
        assert "ended: cancelled" in told["message"] and project.json("status", run)["run"]["status"] == "cancelled"
        assert service.end() == 0
    project.run("telemetry", "send")  # what the service had no time for
    events = [check_event(json.loads(line)) for line in (project.folder / "lineage.ndjson").read_text().splitlines()]
    told = [event for event in events if event["run"]["runId"] == run]  # each at least once
    assert {event["eventType"] for event in told} == {"START", "ABORT"}
    assert not any("errorMessage" in event["run"]["facets"] for event in told)


def test_a_run_that_a_busy_store_could_not_keep_goes_on(project):
    by_hand(project)
    slow_model(project)
    with Service(project, "--verbose") as service:
        project.run("trigger", "all")
        service.wait_for("model slow begins")
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db", isolation_level=None)) as database:
            database.execute("begin immediate")
            run = project.json("trigger", "all")
            assert run["status"] == "queued"
            service.wait_for("it is not kept in the state store, and goes on: ")
            database.execute("rollback")
        service.end(signal.SIGKILL)


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_cancelled_run_is_not_taken_up_again_after_a_kill(project, state):
    """Killed between the word and what comes of it: all that is there is the word, in the audit log."""
    by_hand(project)
    project.write("pipelines/all.yml", "max_runs: 1\n")
    slow_model(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        if state == "queued":
            run = project.json("trigger", "all")["run_id"]
        service.process.kill()
        service.process.wait()
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database, database:
        at_us = time.time_ns() // 1000
        database.execute("insert into audit (project, at_us, who, what, subject) values ('', ?, 'anna', 'cancel', ?)", (at_us, run))
        if state == "queued":
            database.execute("update runs set status = 'ok', ended_us = 1 where status = 'running'")
    (project.folder / "models/slow.sql").unlink()
    with Service(project) as service:
        assert service.end() == 0
    runs = {one["run_id"]: one for one in project.json("status")["runs"]}
    assert (runs[run]["status"], runs[run]["cancelled_by"]) == ("cancelled", "anna")
    assert len(runs) == (1 if state == "running" else 2)


def test_killed_right_after_the_cancel_it_stays_cancelled(project):
    by_hand(project)
    slow_model(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        project.run("cancel", run)
        service.process.kill()
        service.process.wait()
    (project.folder / "models/slow.sql").unlink()
    with Service(project) as service:
        assert service.end() == 0
    assert [(one["run_id"], one["status"]) for one in project.json("status")["runs"]] == [(run, "cancelled")]


def test_a_paused_pipeline_has_no_ticks(project):
    write_shop(project, ("all", "when:\n  - cron: '* * * * * *'\n"), ("other", "when:\n  - cron: '* * * * * *'\n"))
    project.run("run")
    with Service(project) as service:
        project.run("pause", "all")
        service.wait_for("is paused")
        before = len(service.seen)
        service.wait_for('"pipeline": "other"' if '"pipeline": ' in service.seen[-1] else '"other"', times=4)
        later = [json.loads(line) for line in service.seen[before:]]
        ticks = {line.get("run_id") for line in later if line.get("pipeline") == "all" and "cron" in line.get("message", "")}
        assert len(ticks) <= 1, "one may have been planned when it was paused"
        assert service.end() == 0


def test_a_task_that_waits_is_approved_by_its_name_too_and_a_run_that_waits_heads_the_list(project):
    by_hand(project)
    project.write("tasks/gate.yml", "after: [curated.total]\napproval: true\ncommand: 'true'\n")
    project.write("tasks/tick.yml", "command: 'true'\n")
    project.write("pipelines/tick.yml", "select: [task.tick]\n")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        for _ in range(3):
            project.run("trigger", "tick", "--wait")
        listed = project.json("status", "-n", "2")["runs"]
        assert [listed[0]["run_id"], len(listed), listed[0]["status"]] == [run, 2, "running"]
        assert run[:8] in project.run("status", "-n", "2").stdout
        shown = [one["run_id"] for one in project.json("status", "-n", "0")["runs"]]
        assert shown[0] == run and len(shown) == len(set(shown)) == 4
        project.run("approve", run, "gate")
        service.wait_for("ended: ok", times=4)
        assert project.json("status")["runs"][0]["run_id"] != run, "it is no newer than others once it has ended"
        assert service.end() == 0


def test_a_step_waits_for_a_person_whose_word_is_kept(project):
    by_hand(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    failed = project.run("run", exit_code=5)
    assert "SL0720" in failed.stderr and "--approve" in failed.stderr
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        refused = project.run("approve", run, "curated.wrong", exit_code=1).stderr
        assert "waits for nobody" in refused and "what waits is 'curated.total'" in refused
        project.run("reject", run, "curated.total", "--why", "not today")
        service.wait_for("ended: error")
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        project.run("approve", run, "curated.total", "--why", "looks fine")
        service.wait_for("ended: ok")
        project.run("pause", "all")
        project.run("resume", "all")
        service.wait_for("pipeline 'all' goes on, says")
        project.run("resume", "all")
        assert project.json("resume", "all")["was_paused"] is False
        assert project.run("resume", "tow", exit_code=1).stderr.startswith("error[SL0822]")
        assert project.json("pause", "all", "--why", "holidays")["was_paused"] is False
        assert project.json("pause", "all", "--why", "more holidays")["was_paused"] is True
        assert service.end() == 0
    assert len([line for line in service.seen if "goes on, says" in line]) == 1, "that of the pause"
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
        entries = database.execute("select what, subject, details from audit where what <> 'resume' and details is not null order by seq desc limit 4").fetchall()
    assert [(what, subject, json.loads(details)) for what, subject, details in entries] == [
        ("pause", "all", {"why": "more holidays"}), ("pause", "all", {"why": "holidays"}), ("approve", run, {"step": "curated.total", "why": "looks fine"}), ("trigger", "all", {"run_id": run})]
    assert project.rows("curated.total", "orders") == [("3",)]
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders")
    project.run("run", "--approve", "curated.total")
    assert project.rows("curated.total", "orders") == [("4",)]


def test_a_person_s_word_reaches_the_run_that_goes_on_with_the_one_it_names(project):
    by_hand(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        service.end(signal.SIGKILL)
    with Service(project) as service:
        later = service.wait_for("waits for a person")["run_id"]
        assert later != run
        project.run("approve", run, "curated.total")
        assert service.wait_for("ended: ok")["run_id"] == later
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]


def test_a_run_by_hand_beside_one_of_the_service_is_refused_and_says_what_helps(project):
    held_by_a_task(project)
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    with Service(project) as service:
        project.run("trigger", "all")
        wait_until_it_is_held(project)
        refused = [project.run(command, exit_code=1).stderr for command in ("run", "retry")]
        project.write("go", "")
        service.wait_for("waits for a person")
        refused.append(project.run("run", exit_code=1).stderr)
        for told in refused:
            assert "SL0108" in told and f"a run of the service works on this project: process {service.process.pid}, since 2" in told
            assert all(word in told for word in ("sluice trigger PIPELINE", "sluice cancel RUN", "sluice status")) and "kill" not in told
        assert service.end() == 0


def test_sigterm_lets_steps_end_and_a_second_one_interrupts(project):
    by_hand(project)
    slow_model(project)
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("total ok")
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        assert service.end() == 130
        assert any("are interrupted" in line for line in service.seen)
    (project.folder / "models/slow.sql").unlink()
    assert project.run("run").returncode == 0


def held_by_a_task(project):
    """A run that goes no further than its first step until there is a file `go`."""
    by_hand(project)
    project.write("tasks/hold.yml", "before: [raw.orders]\ncommand: touch held; until [ -e go ]; do sleep 0.02; done\n")


def has_total(project):
    return (project.table_folder("curated.total") / "_delta_log/00000000000000000000.json").exists()


def wait_until_it_is_held(project):
    end = time.monotonic() + PATIENCE_S
    while not (project.folder / "held").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pipelines_that_go_on_all_the_time_take_everything_in_batch_after_batch(project):
    write_shop(project, ("ingest", "select: [raw.orders, clean.orders]\nwhen:\n  - {files: orders, settle: 0s}\n"),
               ("report", "select: [curated.total]\nwhen:\n  - {table: clean.orders, settle: 0s}\n"))
    files = 60
    with Service(project) as service:
        for number in range(2, files + 1):
            deliver(project, number)
            time.sleep(0.05)
        end = time.monotonic() + PATIENCE_S
        while not has_total(project) or project.rows("curated.total", "orders") != [(str(3 * files),)]:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert service.end() == 0
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as database:
        ended = database.execute("select pipeline, status from runs").fetchall()
    assert {status for _, status in ended} <= {"ok", "nothing"} and 1 < ended.count(("ingest", "ok")) < files
    assert project.rows("clean.orders", "count(distinct id)") == [(str(3 * files),)]


def test_what_sigterm_has_left_undone_is_done_by_the_next_service(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all", "--full-refresh")["run_id"]
        wait_until_it_is_held(project)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        project.write("go", "")
        assert service.wait_for_end() == 0
    assert project.json("status")["runs"][0]["status"] == "interrupted"
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert service.end() == 0
    after = project.json("status")["runs"]
    assert [one["status"] for one in after] == ["ok", "interrupted"] and after[1]["run_id"] == run
    with sqlite3.connect(project.folder / ".sluice/state.db") as database:
        [(trigger, who, options)] = database.execute("select trigger_key, who, options from runs where id = ?", (after[0]["run_id"],)).fetchall()
    assert trigger == "after a stop" and who and json.loads(options)["full_refresh"]
    assert project.rows("curated.total", "orders") == [("3",)]


def test_killed_between_keeping_the_rest_of_a_run_and_its_end_the_rest_is_done_once(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all", "--full-refresh")["run_id"]
        wait_until_it_is_held(project)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        project.write("go", "")
        assert service.wait_for_end() == 0
    told = [json.loads(line)["message"] for line in service.seen]
    kept, ended = (next(i for i, text in enumerate(told) if part in text) for part in ("waits for the next service", "ended: interrupted"))
    assert kept < ended
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as database, database:
        database.execute("update runs set status = 'running', ended_us = 0 where id = ?", (run,))  # as that kill leaves it
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert not any("runs again" in line for line in service.seen)
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "interrupted"]


def test_killed_before_it_could_publish_the_next_service_does_so(project):
    by_hand(project)
    publications = project.folder / "lake/_publications"
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        before = (publications / "_last").read_bytes()
        deliver(project, 2)
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("ended: ok")
        assert service.end() == 0
    (publications / "00000000000000000002.json").unlink()  # as that kill leaves it
    (publications / "_last").write_bytes(before)
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as database, database:
        database.execute("update runs set status = 'running', ended_us = 0 where id = ?", (run,))
    with Service(project) as service:
        service.wait_for("runs again")
        service.wait_for("ended: nothing")
        project.run("trigger", "all")
        service.wait_for("nothing to do: no input has changed")
        assert service.end() == 0
    assert [one["number"] for one in project.json("publications")["publications"]] == [2, 1]
    assert "nothing to do" in project.run("run").stdout and len(project.json("publications")["publications"]) == 2


def test_killed_once_more_while_it_takes_up_a_killed_run_that_run_is_done_again_once(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        wait_until_it_is_held(project)
        service.end(signal.SIGKILL)
    with subprocess.Popen(["flock", str(project.folder / ".sluice/run.lock"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdin.write(b"x\n")
        holder.stdin.flush()
        holder.stdout.readline()
        with Service(project) as service:
            service.wait_for("runs again")
            service.wait_for("another program is at work")
            service.end(signal.SIGKILL)
        holder.stdin.close()
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as database, database:
        database.execute("update runs set status = 'running', ended_us = 0 where id = ?", (run,))  # as that kill leaves it
    project.write("go", "")
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "interrupted"]


def test_what_sigterm_has_left_undone_is_kept_though_another_program_wrote_meanwhile(project):
    held_by_a_task(project)
    with Service(project) as service:
        project.run("trigger", "all", "--full-refresh")
        wait_until_it_is_held(project)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", timeout=30)) as holder:
            holder.execute("begin immediate")  # nobody else can write
            project.write("go", "")
            service.wait_for("cannot be kept yet")
            holder.rollback()
        assert service.wait_for_end() == 0
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "interrupted"]
    assert project.rows("curated.total", "orders") == [("3",)]


def write_to_store(project, *statements):
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", timeout=30)) as database, database:
        for statement, *values in statements:
            database.execute(statement, values)


def test_what_a_drained_run_has_left_undone_is_done_though_the_store_refused_to_keep_it(project):
    held_by_a_task(project)
    with Service(project) as service:
        project.run("trigger", "all", "--full-refresh")
        wait_until_it_is_held(project)
        write_to_store(project, ["create trigger refuse before insert on queue begin select raise(abort, 'not now'); end"])
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        project.write("go", "")
        assert service.wait_for_end() == 0
    write_to_store(project, ["drop trigger refuse"])
    with Service(project) as service:
        if not any("was killed" in line for line in service.seen):
            service.wait_for("was killed: the pipeline runs again")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "interrupted"]
    assert project.rows("curated.total", "orders") == [("3",)]


def test_a_killed_run_that_was_gone_on_with_is_not_taken_up_again_though_its_end_was_not_written(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        wait_until_it_is_held(project)
        service.end(signal.SIGKILL)
    project.write("go", "")
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert service.end() == 0
    write_to_store(project, ["update runs set status = 'running', ended_us = 0 where id = ?", run])  # as a full disk has it
    with Service(project) as service:
        assert service.end() == 0
    assert not any("was killed" in line for line in service.seen)
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "interrupted"]


def test_what_stays_withheld_does_not_have_all_tables_looked_at_by_each_run(project):
    """Readers of clean.orders are no part of the pipeline: they have to be built before it is published."""
    write_shop(project, ("part", "select: [+clean.orders]\n"), ("all", "description: Everything\n"))
    project.write("sluice.yml", "name: shop\nconcurrency: 1\n")
    libc, opened = ctypes.CDLL(None), 0x20
    with Service(project) as service:
        project.run("trigger", "all", "--wait")
        deliver(project, 2)
        project.run("trigger", "part", "--wait")
        looks = []
        fd = libc.inotify_init1(os.O_NONBLOCK)
        assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(project.folder / "lake/curated/total/_delta_log"), opened) >= 0
        for _ in range(3):
            assert project.run("trigger", "part", "--wait").stdout.startswith("nothing ")
            try:
                looks.append(len(os.read(fd, 1 << 16)) > 0)
            except BlockingIOError:
                looks.append(False)
        os.close(fd)
        assert looks == [True, False, False]
        assert project.json("publications")["publications"][0]["withheld"] == 0
        project.run("trigger", "all", "--wait")
        assert project.rows("curated.total", "orders") == [("6",)]
        assert service.end() == 0


def test_status_lists_the_runs_that_wait_with_since_when_and_why(project):
    held_by_a_task(project)
    with Service(project) as service:
        project.run("trigger", "all")
        wait_until_it_is_held(project)
        second = project.json("trigger", "all")["run_id"]
        (waits,) = project.json("status")["waiting"]
        assert (waits["run_id"], waits["pipeline"], waits["why"]) == (second, "all", "a run of its pipeline is at work") and waits["since"]
        assert second[:8] in project.run("status").stdout and [run["status"] for run in project.json("status")["runs"]] == ["running"]
        service.process.kill()
        service.process.wait()
    (project.folder / ".sluice/serve.sock").unlink()
    assert [waits["why"] for waits in project.json("status")["waiting"]] == ["no service is at work"]


def test_what_was_asked_for_while_another_program_wrote_is_kept_soon_after(project):
    held_by_a_task(project)
    with Service(project) as service:
        project.run("trigger", "all")
        wait_until_it_is_held(project)
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", timeout=30)) as holder:
            holder.execute("begin immediate")  # nobody else can write
            second = project.json("trigger", "all")["run_id"]
            service.wait_for("it is not kept in the state store")
            holder.rollback()
        end = time.monotonic() + PATIENCE_S
        while [waits["run_id"] for waits in project.json("status")["waiting"]] != [second]:
            assert time.monotonic() < end
        service.process.kill()
        service.process.wait()


def test_a_cancel_that_cannot_be_written_down_says_so(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        wait_until_it_is_held(project)
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", timeout=30)) as holder:
            holder.execute("begin immediate")  # nobody else can write
            told = project.run("cancel", run).stderr
            holder.rollback()
        assert "could not be written down" in told and f"run {run[:8]}: stopping" in told
        service.wait_for("ended: cancelled")
        refused = project.run("cancel", run, exit_code=1).stderr
        assert "SL0823" in refused and "has ended: cancelled" in refused
        assert service.end() == 0


def test_a_run_that_was_drained_and_has_left_nothing_out_is_ok(project):
    by_hand(project)
    project.write("models/after.sql", "select count(*) as n from curated.total")
    project.write("tasks/hold.yml", "before: [curated.after]\nafter: [curated.total]\ncommand: touch held; until [ -e go ]; do sleep 0.02; done\n")
    with Service(project) as service:
        project.run("trigger", "all", "--select", "raw.orders", "clean.orders", "total", "hold")
        wait_until_it_is_held(project)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        project.write("go", "")
        assert service.wait_for_end() == 0
    assert not any("waits for the next service" in line for line in service.seen)
    with Service(project) as service:
        assert service.end() == 0
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_was_cancelled_is_not_gone_on_with_when_the_service_ends(project, when):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        wait_until_it_is_held(project)
        if when == "after":
            service.process.send_signal(signal.SIGTERM)
            service.wait_for("nothing new begins")
        project.run("cancel", run)
        if when == "before":
            service.process.send_signal(signal.SIGTERM)
        assert service.wait_for_end() == 0
    with Service(project) as service:
        assert service.end() == 0
    assert [one["status"] for one in project.json("status")["runs"]] == ["cancelled"]


@pytest.mark.parametrize("wait_s", [0, 0.003, 0.01, 0.03])
def test_a_file_that_came_just_before_sigterm_is_taken_in_by_the_next_service(project, wait_s):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project) as service:
        service.wait_for("ended: ok")
        deliver(project, 2)
        time.sleep(wait_s)
        assert service.end() == 0
    with Service(project) as service:
        if project.rows("curated.total", "orders") != [("6",)]:
            service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("6",)]
    assert not [one for one in project.json("status")["runs"] if one["status"] == "cancelled"]


@pytest.mark.parametrize("moment", ["begins", "ingest orders ok", "cleanse orders ok"])
def test_a_killed_service_goes_on_and_the_tables_are_those_of_an_unkilled_one(project, new_project, moment):
    by_hand(project)
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for(moment)
        service.process.kill()
        service.process.wait()
    other = by_hand(new_project("other"))
    other.run("run")
    with Service(project) as service:
        deadline = time.monotonic() + PATIENCE_S
        while not has_total(project):
            service.wait_for("run")
            assert time.monotonic() < deadline
        assert service.end() == 0
    for table, columns in (("clean.orders", "id, amount"), ("curated.total", "*")):
        assert project.rows(table, columns) == other.rows(table, columns)
    assert not [run for run in project.json("status")["runs"] if run["status"] == "running"]


def test_what_was_asked_for_survives_a_kill(project):
    by_hand(project)
    slow_model(project)
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("total ok")
        queued = project.json("trigger", "all")
        assert queued["status"] == "queued"
        service.process.kill()
        service.process.wait()
    (project.folder / "models/slow.sql").unlink()
    with Service(project) as service:
        ended = service.wait_for(queued["run_id"])
        assert ended["run_id"] == queued["run_id"]
        assert service.end() == 0


def test_what_an_environment_was_killed_over_is_not_done_in_another_one(project):
    by_hand(project)
    slow_model(project)
    project.write("sluice.yml", (project.folder / "sluice.yml").read_text() + "environments: {dev: {lake: lake-dev}}\n")
    with Service(project, "--env", "dev") as service:
        project.run("trigger", "all", "--env", "dev")
        queued = project.json("trigger", "all", "--env", "dev")
        assert queued["status"] == "queued"
        service.wait_for("begins")
        service.process.kill()
        service.process.wait()
    (project.folder / "models/slow.sql").unlink()
    with Service(project) as service:
        assert service.end() == 0
    assert not [line for line in service.seen if "was killed" in line or "begins (" in line]
    with Service(project, "--env", "dev") as service:
        service.wait_for("was killed: the pipeline runs again")
        service.wait_for("nothing to do")  # the other one of the two
        assert queued["run_id"] in "".join(service.seen) and service.end() == 0


def test_ticks_that_were_missed_are_made_up_for_as_the_pipeline_says(project):
    for policy in ("latest", "none"):
        project.write(f"pipelines/{policy}.yml", f"when:\n  - cron: '0 0 3 * * *'\ncatch_up: {policy}\n")
    write_shop(project)
    project.run("run")
    with Service(project, env={"SLUICE_CLOCK": "2026-03-01T12:00:00Z"}) as service:
        assert service.end() == 0
    with Service(project, env={"SLUICE_CLOCK": "2026-03-04T12:00:00Z"}) as service:
        told = service.wait_for("cron 0 0 3")
        service.wait_for("nothing to do")
        assert service.end() == 0
    lines = [json.loads(line) for line in service.seen]
    assert told
    assert [line["pipeline"] for line in lines if "nothing to do" in line.get("message", "")] == ["latest"]


def test_a_broken_project_is_told_and_the_service_goes_on_with_the_one_it_has(project):
    by_hand(project)
    with Service(project) as service:
        project.write("models/total.sql", "/* sluice\nwrite: sideways\n*/\nselect 1 as x")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("goes on as it was")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]


def test_one_service_a_project_and_a_run_beside_it_takes_turns(project):
    by_hand(project)
    with Service(project) as service:
        refused = project.run("serve", "--listen", "none", exit_code=1)
        assert "SL0821" in refused.stderr
        project.run("run")
        project.run("trigger", "all")
        service.wait_for("nothing to do")
        assert service.end() == 0


def test_http_asks_for_a_token_where_something_is_started(project):
    write_shop(project, ("all", "when:\n  - http: true\n"))
    project.write("sluice.yml", "name: shop\nserve:\n  tokens:\n"
                  "    - {name: airflow, value: \"${env:TOKEN}\", may: [run]}\n")
    with Service(project, listen="127.0.0.1:0", env={"TOKEN": "a-long-enough-token"}) as service:
        port = next(json.loads(line) for line in service.seen if "listening on port" in line)["message"].split()[-1]
        url = f"http://127.0.0.1:{port}/api/v1/pipelines/all/runs"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, data=b"{}", method="POST"))
        assert refused.value.code in (401, 403)
        asked = urllib.request.Request(url, data=b"{}", method="POST", headers={
            "Authorization": "Bearer a-long-enough-token", "Content-Type": "application/json"})
        run = json.load(urllib.request.urlopen(asked))
        ended = service.wait_for("ended: ok")
        assert ended["run_id"] == run["run_id"]
        shown = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": "Bearer a-long-enough-token"})
        metrics = urllib.request.urlopen(shown).read().decode()
        assert 'sluice_runs_total{pipeline="all",status="ok"} 1' in metrics
        assert service.end() == 0
    assert all("a-long-enough-token" not in line for line in service.seen)


def test_runs_of_two_pipelines_take_turns_at_a_table_and_do_not_double_it(project):
    write_shop(project, ("one", "description: one\n"), ("two", "description: two\n"), rows=20000)
    with Service(project) as service:
        first, second = project.json("trigger", "one"), project.json("trigger", "two")
        ended = {}
        while len(ended) < 2:
            line = json.loads(service.news.get(timeout=PATIENCE_S))
            if "ended:" in line["message"] or "nothing to do" in line["message"]:
                ended[line["run_id"]] = line["message"]
        assert set(ended) == {first["run_id"], second["run_id"]}
        assert service.end() == 0
    assert project.count("clean.orders") == 20000
    assert project.rows("curated.total", "orders") == [("20000",)]


def test_a_run_whose_steps_wait_for_a_worker_is_cancelled_at_once(project):
    write_shop(project, ("slow", "select: [curated.slow]\n"), ("other", "select: [curated.other]\n"))
    slow_model(project)
    project.write("models/other.sql", "select count(*) as n from clean.orders")
    project.run("run", "--select", "clean.orders", "raw.orders")
    with Service(project, "--threads", "1", "--verbose") as service:
        slow = project.json("trigger", "slow")["run_id"]
        service.wait_for("model slow begins")
        other = project.json("trigger", "other")["run_id"]
        while not any(run["run_id"] == other and run["status"] == "running" for run in project.json("status")["runs"]):
            pass
        project.run("cancel", other)
        assert service.wait_for("ended: cancelled")["run_id"] == other
        project.run("cancel", slow)
        assert service.wait_for("ended: cancelled")["run_id"] == slow
        assert service.end() == 0


def test_a_run_waits_for_another_program_at_work_on_the_project(project):
    by_hand(project)
    lock = project.folder / ".sluice" / "run.lock"
    with Service(project) as service:
        holder = subprocess.Popen(["flock", str(lock), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        holder.stdin.write(b"x\n")
        holder.stdin.flush()
        holder.stdout.readline()
        assert project.json("trigger", "all")["status"] == "queued"
        service.wait_for("another program is at work")
        holder.stdin.close()
        holder.wait()
        service.wait_for("ended: ok")
        assert service.end() == 0


def test_alerts_follow_a_project_that_was_read_anew(project):
    by_hand(project)
    with Service(project) as service:
        project.write("sluice.yml", "name: shop\nalerts:\n  channels:\n    hook: {webhook: \"http://127.0.0.1:9/x\"}\n  routes:\n    - {to: [hook]}\n")
        project.write("models/total.sql", "select amount / (count(*) - 3)::tinyint, error('broken') from clean.orders group by all")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        project.run("trigger", "all")
        service.wait_for("ended: partial")
        assert "curated.total" in project.run("alerts").stdout
        assert service.end() == 0


def test_a_state_folder_without_room_stops_no_run(project):
    by_hand(project)
    project.run("run", "--select", "raw.orders")
    with Service(project) as service:
        state = project.folder / ".sluice" / "state.db"
        holder = sqlite3.connect(state, timeout=30)
        holder.execute("begin immediate")  # nobody else can write
        asked = threading.Thread(target=project.run, args=("trigger", "all"))
        asked.start()
        service.wait_for("is not kept in the state store")
        service.wait_for("ended: ok")
        holder.rollback()
        holder.close()
        asked.join()
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]


def test_ten_thousand_missed_ticks_are_one_run(project):
    write_shop(project, ("all", "when:\n  - cron: '* * * * *'\n"))
    project.run("run")
    with Service(project, env={"SLUICE_CLOCK": "2026-03-01T12:00:00Z"}) as service:
        assert service.end() == 0
    with Service(project, env={"SLUICE_CLOCK": "2026-03-08T12:00:30Z"}) as service:
        service.wait_for("nothing to do")
        assert service.end() == 0
    told = [json.loads(line)["message"] for line in service.seen]
    assert len([text for text in told if "nothing to do" in text]) == 1
    assert any("are left out" in text and ("10080" in text or "10079" in text or "or more" in text) for text in told), told
    runs = [run for run in project.json("status")["runs"] if run["command"] == "run"]
    assert len(runs) == 2


def test_a_service_that_catches_up_with_thousands_of_ticks_still_answers(project):
    project.write("sluice.yml", "name: shop\n")
    project.write("tasks/nothing.yml", "description: Nothing\n")
    project.write("pipelines/minutes.yml", "when:\n  - cron: '* * * * *'\ncatch_up: all\n")
    with Service(project, env={"SLUICE_CLOCK": "2026-03-01T12:00:00Z"}) as service:
        assert service.end() == 0
    with Service(project, env={"SLUICE_CLOCK": "2026-03-08T12:00:30Z"}) as service:
        project.run("pause", "minutes")
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
            [(kept,)] = database.execute("select count(*) from runs where pipeline = 'minutes'").fetchall()
        assert kept < 9000, "it answered when it had kept all of them"
        service.wait_for("ended: ok", times=20)
        assert service.end() == 0
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
        ticks = [tick for (tick,) in database.execute("select tick_us from runs where tick_us > 0 order by tick_us")]
    minute = 60000000
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks) * minute, minute)) and len(ticks) >= 20, "a tick was run twice, or left out"


def test_the_numbers_are_those_of_the_service(project):
    write_shop(project, ("all", "description: Everything\n"), ("other", "select: [raw.orders]\n"))
    project.write("models/total.sql", "/* sluice\nfreshness: 2h\napproval: true\n*/\nselect count(*) as orders from clean.orders")
    project.run("run", "--approve", "curated.total")
    project.write("models/total.sql", "/* sluice\nfreshness: 2h\napproval: true\n*/\nselect count(*) + 1 as orders from clean.orders")
    with Service(project, listen="127.0.0.1:0") as service:
        port = next(json.loads(line) for line in service.seen if "listening on port" in line)["message"].split()[-1]

        def numbers():
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

        while (before := numbers())["sluice_workers"] != "0" or "sluice_health_look_timestamp_seconds" not in before:
            time.sleep(0.05)  # the worker that looks at the project's health ends with that
        assert float(before['sluice_table_freshness_seconds{table="curated.total"}']) < 600
        assert before['sluice_table_freshness_limit_seconds{table="curated.total"}'] == "7200"
        assert before["sluice_workers"] == before["sluice_pipelines_paused"] == before["sluice_approvals_waiting"] == "0"
        project.run("pause", "other")
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        at_work = numbers()
        assert at_work["sluice_pipelines_paused"] == at_work["sluice_approvals_waiting"] == at_work["sluice_runs_active"] == "1"
        assert int(at_work["sluice_workers"]) >= 1 and int(at_work["sluice_worker_memory_bytes"]) > 1000000
        shown = {pipeline["name"]: pipeline for pipeline in json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/pipelines"))["pipelines"]}
        own = {pipeline["name"]: pipeline for pipeline in project.json("pipelines")["pipelines"]}
        assert shown["all"]["active_runs"] == 1 and shown["other"]["paused"] is not None
        assert {key: value for key, value in shown["other"].items() if key not in ("active_runs", "queued_runs")} == own["other"]
        project.run("approve", run, "curated.total")
        service.wait_for("ended: ok")
        after = numbers()
        assert after['sluice_runs_total{pipeline="all",status="ok"}'] == "1" and after["sluice_approvals_waiting"] == "0"
        assert service.end() == 0


def marks_of_files(project):
    with sqlite3.connect(project.folder / ".sluice/state.db") as database:
        return database.execute("select * from ticks where trigger_key like 'files %'").fetchall()


def test_files_that_come_while_a_run_waits_ask_for_no_other_one(project):
    held_by_a_task(project)
    project.write("pipelines/all.yml", "when:\n  - files: orders\n    settle: 0s\n")
    with Service(project, "--verbose") as service:
        wait_until_it_is_held(project)
        before, end = marks_of_files(project), time.monotonic() + PATIENCE_S
        deliver(project, 2)
        while marks_of_files(project) == before:
            assert time.monotonic() < end
            time.sleep(0.02)
        before = marks_of_files(project)
        for number in range(3, 8):
            deliver(project, number)
            service.wait_for("it sees what has changed since")
        assert marks_of_files(project) == before, "a run that has not begun moves no mark"
        project.write("go", "")
        service.wait_for("ended: ok")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert marks_of_files(project) != before
    assert [one["status"] for one in project.json("status")["runs"]] == ["ok", "ok"]
    assert project.rows("curated.total", "orders") == [("21",)]


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_tasks_that_had_ended_do_not_run_again_where_a_service_goes_on(project, number):
    by_hand(project)
    project.write("tasks/first.yml", "command: 'echo first >> ran.log'\n")
    project.write("tasks/second.yml", "after: [task.first]\ncommand: 'echo second >> ran.log; until [ -e go ]; do sleep 0.1; done'\n")
    project.write("tasks/third.yml", "after: [task.second]\ncommand: 'echo third >> ran.log'\n")
    project.write("pipelines/tasks.yml", "select: [task.*]\n")

    def ran(name):
        file = project.folder / "ran.log"
        return file.read_text().split().count(name) if file.exists() else 0

    def kept():
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db")) as state:
            return state.execute("select count(*) from steps where name = 'task.first' and status = 'ok'").fetchone()[0]
    with Service(project) as service:
        project.run("trigger", "tasks")
        until(lambda: ran("second") == 1 and kept() == 1)
        service.process.send_signal(number)
        if number == signal.SIGTERM:
            service.wait_for("nothing new begins")
            project.write("go", "")
        service.wait_for_end()
    if number == signal.SIGKILL:  # so that the one that goes on is gone on with
        with Service(project) as service:
            until(lambda: ran("second") == 2)
            service.end(number)
    project.write("go", "")
    with Service(project) as service:
        service.wait_for("ended: ok")
        assert [ran(name) for name in ("first", "second", "third")] == [1, 1 if number == signal.SIGTERM else 3, 1]
        project.run("trigger", "tasks", "--wait")  # another run: what the one before left out is not left out by it
        assert [ran(name) for name in ("first", "second", "third")] == [2, 2 if number == signal.SIGTERM else 4, 2]
        assert service.end() == 0


def test_tasks_that_were_retried_by_hand_do_not_run_again_where_a_service_goes_on(project):
    by_hand(project)
    for name, after, seconds in (("first", "", 0), ("second", "after: [task.first]\n", 60), ("third", "after: [task.second]\n", 0)):
        project.write(f"tasks/{name}.yml", f"{after}command: 'echo {name} >> ran.log; test -e is_mended || sleep {seconds}'\n")
    project.write("pipelines/tasks.yml", "select: [task.*]\n")

    def ran():
        file = project.folder / "ran.log"
        return file.read_text().split() if file.exists() else []
    with Service(project) as service:
        project.run("trigger", "tasks")
        until(lambda: ran() == ["first", "second"])
        service.end(signal.SIGKILL)
    project.write("is_mended", "")
    project.run("retry")
    by_then = ran()
    assert by_then[-2:] == ["second", "third"]
    with Service(project) as service:
        service.wait_for("nothing to do")
        assert ran() == by_then
        project.run("trigger", "tasks", "--wait")  # another run
        assert ran() == by_then + ["first", "second", "third"]
        assert service.end() == 0


def test_what_files_and_tables_start_sees_that_the_lake_is_another_one(project):
    """A lake in the project's folder may be moved away and back; neither the versions nor the files that were seen are those of the other one."""
    write_shop(project, ("ingest", "select: [raw.orders, clean.orders]\nwhen:\n  - files: orders\n    settle: 0s\n"),
               ("report", "select: [curated.total]\nwhen:\n  - table: clean.orders\n    settle: 0s\n"))
    project.write("sluice.yml", "name: shop\nserve: {health: {every: 1s}}\n")
    lake, away = project.folder / "lake", project.folder / "away"

    def total_is(rows):
        until(lambda: has_total(project) and project.rows("curated.total", "orders") == [(str(rows),)])

    def no_run_is_at_work():  # nor has one yet to publish
        until(lambda: not any(run["status"] in ("queued", "running") for run in project.json("status")["runs"]))
    with Service(project) as service:
        total_is(3)
        no_run_is_at_work()
        lake.rename(away)
        deliver(project, 2)
        total_is(6)  # clean.orders has version 0 again
        no_run_is_at_work()
        shutil.rmtree(lake)
        away.rename(lake)
        total_is(6)  # of the lake of before, which had read one file
        no_run_is_at_work()
        assert service.end() == 0
    lake.rename(away)  # while nobody serves
    with Service(project) as service:
        total_is(6)
        no_run_is_at_work()
        assert service.end() == 0
