"""Backfills that `sluice serve` does: asked over HTTP or by the command, killed, cancelled, beside its runs."""
import contextlib
import fcntl
import http.server
import json
import shutil
import sqlite3
import signal
import socketserver
import subprocess
import threading
import time

import pytest

from conftest import Project
from test_backfill import DAYS, PROJECT, day, done_chunks, from_scratch, make, position, rates, sales
from test_full_disk import Disk
from test_serve import PATIENCE_S, Service, until
from test_serve_http import UnixConnection

# Each partition takes a while, so that something can happen in between.
SLOW = """/* sluice
write: partition
partition_by: [day]
*/
select s.day, sum(s.amount * r.rate)::bigint as amount, (select count(*) from range(%d) a where a.range %% 7 = 1) as n
from clean.sales s join clean.rates r on r.day = s.day group by all
"""
# The day whose rate is 9 takes longer than it may.
PATIENT = """/* sluice
write: partition
partition_by: [day]
timeout: 3s
retry: {attempts: 2, initial: 1s, max: 1s}
*/
select s.day, sum(s.amount * r.rate)::bigint as amount,
       max((select count(*) from range(case when r.rate = 9 then 30000000000 else 10 end) a where a.range % 7 = 1)) as n
from clean.sales s join clean.rates r on r.day = s.day group by all
"""
PIPELINE = {"pipelines/all.yml": "description: Everything\n"}


@pytest.fixture(scope="module")
def served(tmp_path_factory, sluice_bin):
    project = make(Project(tmp_path_factory.mktemp("served") / "project", sluice_bin), {**PROJECT, **PIPELINE})
    project.run("run")
    return project


@pytest.fixture
def back(served, tmp_path):
    shutil.copytree(served.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project", served.binary)


@pytest.fixture(scope="module")
def served_slowly(served, tmp_path_factory):
    """Chunks take about a third of a second."""
    folder = tmp_path_factory.mktemp("slow") / "project"
    shutil.copytree(served.folder, folder, symlinks=True)
    project = Project(folder, served.binary)
    project.write("models/daily.sql", SLOW % 180_000_000)
    project.run("run")
    return project


@pytest.fixture
def slow(served_slowly, tmp_path):
    shutil.copytree(served_slowly.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project", served_slowly.binary)


def correct(project, **other):
    project.write("data/rates.csv", rates(**(other or {"d2": 3, "d5": 4})))
    project.run("run", "--select", "raw.rates", "clean.rates")


def ask(project, method, path, body=None):
    connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def wait_until(project, run, is_so):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        status, document = ask(project, "GET", f"/api/v1/backfills/{run}")
        assert status == 200, document
        if is_so(document):
            return document
        time.sleep(0.01)
    raise AssertionError(document)


def has_ended(document):
    return document["exit_code"] is not None


def test_its_plan_is_shown_first_and_then_it_is_done(back):
    correct(back)
    before, expected = position(back), from_scratch(back)
    body = {"tables": ["daily"], "from": day(2), "to": day(5), "chunk": 2, "concurrency": 1, "order": "newest"}
    with Service(back) as service:
        status, plan = ask(back, "POST", "/api/v1/backfills", {**body, "dry_run": True})
        assert status == 200 and plan["schema"] == "sluice.backfill/1" and plan["tables"][0]["partitions"] == 4 and plan["tables"][0]["chunks"] == 2
        assert plan == {**back.json("backfill", "daily", "--from", day(2), "--to", day(5), "--chunk", 2, "--concurrency", 1, "--order", "newest", "--dry-run"), "id": plan["id"]}
        assert len(back.records("curated.daily")) == 1
        status, begun = ask(back, "POST", "/api/v1/backfills", body)
        assert status == 202 and begun["status"] == "running"
        document = wait_until(back, begun["run_id"], has_ended)
        assert (document["status"], document["exit_code"], document["error"]) == ("ok", 0, None)
        assert document["progress"]["partitions_done"] == document["progress"]["partitions_total"] == 4
        assert document["backfill_id"] == begun["run_id"]
        assert ask(back, "GET", "/api/v1/backfills")[1]["backfills"] == [document]
        run = ask(back, "GET", f"/api/v1/runs/{begun['run_id']}")[1]
        assert (run["command"], run["status"], run["pipeline"]) == ("backfill", "ok", None)
        steps = ask(back, "GET", f"/api/v1/runs/{begun['run_id']}/steps")[1]["steps"]
        assert steps[0]["details"]["partition"] == [f"day={day(n)}" for n in (5, 4, 3, 2)]
        audit = ask(back, "GET", f"/api/v1/audit?subject={begun['run_id']}")[1]["entries"]
        assert [entry["what"] for entry in audit] == ["backfill"] and audit[0]["details"]["tables"] == ["daily"]
        assert service.end() == 0
    assert done_chunks(back) == [[[day(5)], [day(4)]], [[day(3)], [day(2)]]]
    assert position(back) == before
    back.run("run")
    assert {table: back.rows(table) for table in expected} == expected


def test_killed_after_its_last_chunk_the_next_service_publishes_it(back):
    (back.folder / "models/total.sql").unlink()
    back.run("run")
    publications = back.folder / "lake/_publications"
    before = (publications / "_last").read_bytes()
    with Service(back) as service:
        begun = ask(back, "POST", "/api/v1/backfills", {"tables": ["daily"]})[1]["run_id"]
        number = wait_until(back, begun, has_ended)["published"]
        assert service.end() == 0
    (publications / f"{number:020}.json").unlink()  # as that kill leaves it
    (publications / "_last").write_bytes(before)
    with contextlib.closing(sqlite3.connect(back.folder / ".sluice/state.db")) as database, database:
        database.execute("update runs set status = 'running', ended_us = 0 where id = ?", (begun,))
    done = done_chunks(back)
    with Service(back) as service:
        service.wait_for("it goes on")
        document = wait_until(back, begun, lambda document: has_ended(document) and begun in document["continues"])
        assert (document["exit_code"], document["error"], document["published"]) == (0, None, number), document
        assert service.end() == 0
    assert done_chunks(back) == done


@pytest.mark.parametrize("body, status, code", [
    ({"tables": ["daily"], "partition": ["day=soon"]}, "error", "SL0851"),
])
def test_what_only_the_engine_sees_is_told_at_its_end(back, body, status, code):
    with Service(back) as service:
        begun = ask(back, "POST", "/api/v1/backfills", body)[1]
        document = wait_until(back, begun["run_id"], has_ended)
        assert (document["status"], document["exit_code"], document["error"]["code"]) == (status, 1, code)
        assert service.end() == 0


@pytest.mark.parametrize("body, code", [
    ({}, "SL0901"), ({"tables": ["daily"], "resume": "0123"}, "SL0901"), ({"tables": ["daily"], "chunk": -1}, "SL0901"),
    ({"tables": ["daily"], "order": "sideways"}, "SL0826"), ({"tables": 5}, "SL0826"), ({"tables": ["daily"], "speed": 1}, "SL0826"),
])
def test_what_cannot_be_asked_is_refused_at_once(back, body, code):
    with Service(back) as service:
        status, answer = ask(back, "POST", "/api/v1/backfills", body)
        assert (status, answer["error"]["code"]) == (400, code)
        assert ask(back, "GET", "/api/v1/backfills/ffff")[0] == 404
        assert service.end() == 0


@pytest.mark.parametrize("body, status, code, says", [
    ({"tables": ["nix"]}, 400, "SL0850", "no table 'nix'"),
    ({"tables": ["daily", "total"]}, 400, "SL0850", "curated.total"),
    ({"tables": ["clean.sales"]}, 400, "SL0850", "clean.sales"),
    ({"tables": ["daily"], "partition": ["week=1"]}, 400, "SL0851", "'week' is no partition column"),
    ({"tables": ["daily"], "partition": ["day"]}, 400, "SL0851", "'day' is no partition"),
    ({"tables": ["daily"], "partition": [f"day={day(5)},"]}, 400, "SL0851", "nothing follows the last comma"),
    ({"tables": ["daily"], "from": day(5), "to": day(2)}, 400, "SL0851", f"--from {day(5)} is later than --to {day(2)}"),
    ({"resume": "0123"}, 404, "SL0853", "'0123'"),
])
def test_what_the_project_or_its_tables_do_not_have_is_refused_before_a_run_begins(back, body, status, code, says):
    with Service(back) as service:
        before = ask(back, "GET", "/api/v1/runs")[1]
        told, answer = ask(back, "POST", "/api/v1/backfills", body)
        assert (told, answer["error"]["code"]) == (status, code) and says in answer["error"]["message"], answer
        assert ask(back, "GET", "/api/v1/runs")[1] == before and ask(back, "GET", "/api/v1/backfills")[1]["backfills"] == []
        assert service.end() == 0


def test_killed_in_the_middle_the_next_service_goes_on_and_does_no_chunk_twice(slow):
    correct(slow)
    before, expected = position(slow), from_scratch(slow, ["curated.daily"])
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]
        wait_until(slow, begun["run_id"], lambda document: document["progress"] and document["progress"]["ended"] >= 2)
        service.end(signal.SIGKILL)
    done = done_chunks(slow)
    assert 2 <= len(done) < DAYS
    with contextlib.closing(sqlite3.connect(slow.folder / ".sluice/state.db")) as database, database:
        assert database.execute("delete from audit where what = 'backfill'").rowcount == 1  # as where a full disk kept it out
    with Service(slow, "--threads", "1") as service:
        service.wait_for("it goes on")
        service.wait_for("ended: ok")
        listed = ask(slow, "GET", "/api/v1/backfills")[1]["backfills"]
        assert [(one["status"], one["backfill_id"], one["is_resumed"]) for one in listed] == [("ok", begun["run_id"], True)]
        assert ask(slow, "GET", f"/api/v1/runs/{begun['run_id']}")[1]["status"] == "interrupted"
        # Whoever has the first run's id is answered with the run that went on with it.
        assert ask(slow, "GET", f"/api/v1/backfills/{begun['run_id']}") == (200, listed[0])
        assert listed[0]["run_id"] != begun["run_id"] and listed[0]["continues"] == [begun["run_id"]]
        assert service.end() == 0
    flat = [values[0] for chunk in done_chunks(slow) for values in chunk]
    assert sorted(flat) == [day(number) for number in range(1, DAYS + 1)]
    assert position(slow) == before
    assert slow.rows("curated.daily") == expected["curated.daily"]


def test_what_an_environment_was_killed_over_goes_on_in_that_one_alone(slow):
    correct(slow)
    slow.write("sluice.yml", (slow.folder / "sluice.yml").read_text() + "environments: {dev: {lake: lake-dev}}\n")
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]["run_id"]
        wait_until(slow, begun, lambda document: document["progress"] and document["progress"]["ended"] >= 1)
        service.end(signal.SIGKILL)
    with Service(slow, "--env", "dev") as service:
        assert ask(slow, "GET", "/api/v1/backfills")[1]["backfills"] == []
        assert service.end() == 0
        assert not any("it goes on" in line for line in service.seen)
    with Service(slow) as service:
        service.wait_for("it goes on")
        service.wait_for("ended: ok")
        assert service.end() == 0


@pytest.mark.parametrize("signals", [1, 2])
def test_drained_the_next_service_goes_on_and_does_no_chunk_twice(slow, signals):
    correct(slow)
    before, expected = position(slow), from_scratch(slow, ["curated.daily"])
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]["run_id"]
        wait_until(slow, begun, lambda document: document["progress"] and document["progress"]["ended"] >= 2)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("nothing new begins")
        if signals == 2:
            service.process.send_signal(signal.SIGTERM)
        assert service.wait_for_end() in ((0,) if signals == 1 else (130, 0))  # 0: the chunk had ended before it was told twice
        assert any("what is missing waits for the next service" in line for line in service.seen)
        lines = [json.loads(line)["message"] for line in service.seen]
        assert len([line for line in lines if "did not begin: interrupted" in line]) == 1 and not [line for line in lines if "skipped after" in line]
    assert 2 <= len(done_chunks(slow)) < DAYS
    if signals == 2:  # as a kill leaves it once the rest is kept
        with contextlib.closing(sqlite3.connect(slow.folder / ".sluice/state.db")) as database, database:
            database.execute("update runs set status = 'running', ended_us = 0 where id = ?", (begun,))
    with Service(slow, "--threads", "1") as service:
        service.wait_for("ended: ok")
        (listed,) = ask(slow, "GET", "/api/v1/backfills")[1]["backfills"]
        assert (listed["status"], listed["backfill_id"], listed["is_resumed"]) == ("ok", begun, True)
        assert ask(slow, "GET", f"/api/v1/runs/{begun}")[1]["status"] == "interrupted"
        assert service.end() == 0
    with Service(slow) as service:
        assert ask(slow, "GET", "/api/v1/backfills")[1]["backfills"] == []
        assert service.end() == 0
    flat = [values[0] for chunk in done_chunks(slow) for values in chunk]
    assert sorted(flat) == [day(number) for number in range(1, DAYS + 1)]
    assert position(slow) == before
    assert slow.rows("curated.daily") == expected["curated.daily"]


def test_a_cancelled_one_is_not_gone_on_with_after_a_drain_or_a_kill(slow):
    correct(slow)
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]["run_id"]
        wait_until(slow, begun, lambda document: document["progress"] and document["progress"]["ended"] >= 1)
        assert ask(slow, "POST", f"/api/v1/backfills/{begun}/cancel")[0] == 202
        service.end(signal.SIGKILL)
    done = done_chunks(slow)
    with Service(slow) as service:
        assert ask(slow, "GET", "/api/v1/backfills")[1]["backfills"] == []
        assert ask(slow, "GET", f"/api/v1/runs/{begun}")[1]["status"] == "cancelled"
        assert service.end() == 0
    assert done_chunks(slow) == done


def test_a_command_whose_service_is_drained_says_how_it_goes_on(slow):
    correct(slow)
    with Service(slow, "--threads", "1") as service:
        first = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]["run_id"]
        wait_until(slow, first, lambda document: document["progress"])
        command = subprocess.Popen([str(slow.binary), "backfill", "daily", "--chunk", "1", "--yes", "--json"], cwd=slow.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while len(ask(slow, "GET", "/api/v1/backfills")[1]["backfills"]) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        asked = next(one["run_id"] for one in ask(slow, "GET", "/api/v1/backfills")[1]["backfills"] if one["run_id"] != first)
        service.process.send_signal(signal.SIGTERM)
        assert service.wait_for_end() == 0
        output, _ = command.communicate(timeout=PATIENCE_S)
    error = json.loads(output)["error"]
    assert command.returncode == 1 and error["code"] == "SL0889" and f"`sluice backfill --resume {asked}`" in error["hint"], error


class Busy(socketserver.ThreadingUnixStreamServer):
    """Passes requests on to the service; of those that follow what it took, some are told that it is busy."""

    daemon_threads = True

    def __init__(self, folder, service_folder):
        folder.mkdir(mode=0o700)
        self.real, self.refused, self.lock = service_folder / "serve.sock", [], threading.Lock()
        super().__init__(str(folder / "serve.sock"), BusyHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def is_busy(self, path):
        with self.lock:
            kind = path.rsplit("/", 1)[-1][:5] if path.endswith("steps") else "end"
            self.refused.append(kind)
            return self.refused.count(kind) <= 2


class BusyHandler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return ""

    def log_message(self, *unused):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, text = 503, json.dumps({"error": {"code": "SL0825", "message": "16 requests wait for an answer already", "hint": None}}).encode()
        if self.command == "POST" or not self.server.is_busy(self.path):
            connection = UnixConnection(self.server.real)
            connection.request(self.command, self.path, body, {})
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
            connection.close()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = pass_on


def test_commands_that_wait_go_on_when_the_service_is_busy_meanwhile(back, tmp_path):
    correct(back)
    shutil.copytree(back.folder, tmp_path / "beside", ignore=shutil.ignore_patterns(".sluice"))
    beside = Project(tmp_path / "beside", back.binary)
    with Service(back) as service, Busy(beside.folder / ".sluice", back.folder / ".sluice") as busy:
        with open(beside.folder / ".sluice" / "run.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = beside.run("backfill", "daily", "--from", day(7), "--yes")
        assert "the service does it" in done.stderr and done.stdout.splitlines()[-1].startswith("ok  2 partitions")
        assert busy.refused.count("end") >= 3
        busy.refused.clear()
        assert beside.json("trigger", "all", "--wait")["status"] == "ok"
        assert busy.refused.count("end") >= 3 and busy.refused.count("steps") == 3
        busy.shutdown()
        assert service.end() == 0


@contextlib.contextmanager
def at_work(project, *arguments):
    """A service whose run holds the project until the file is there that it waits for; and that file."""
    project.write("tasks/gate.yml", "command: 'until [ -e open ]; do sleep 0.05; done'\n")
    project.write("pipelines/gate.yml", "select: [task.gate]\n")
    with Service(project, *arguments) as service:
        project.json("trigger", "gate")
        service.wait_for("begins (")
        yield service, project.folder / "open"


def by_the_service(project, gate, *arguments):
    """What the command prints that asks the service, which can begin with it once it has been asked."""
    command = subprocess.Popen([str(project.binary), *arguments], cwd=project.folder, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = command.stderr.readline()
    while said and "the service does it" not in said:
        said = command.stderr.readline()
    gate.touch()
    told = said + command.stderr.read()
    assert command.wait(timeout=PATIENCE_S) == 0 and "the service does it" in said, told
    return command.stdout.read()


@contextlib.contextmanager
def asked_by_command(project, *arguments):
    """The service does a backfill of one chunk for a command, which is stopped before it is at work."""
    with at_work(project, "--threads", "1") as (service, gate):
        command = subprocess.Popen([str(project.binary), "backfill", "daily", "--from", day(6), "--yes", *arguments], cwd=project.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while not (listed := ask(project, "GET", "/api/v1/backfills")[1]["backfills"]):
            assert time.monotonic() < end and command.poll() is None
        asked = listed[0]["run_id"]
        command.send_signal(signal.SIGSTOP)
        gate.touch()
        wait_until(project, asked, lambda document: document["progress"] and document["progress"]["running"])
        yield service, command, asked
        command.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("arguments, code", [([], 0), (["--json"], 0), (["--downstream"], 1)])
def test_a_command_whose_backfill_ended_just_before_the_service_is_told_so(slow, arguments, code):
    correct(slow)
    with asked_by_command(slow, *arguments) as (service, command, asked):
        assert service.end() == 0
    output, said = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == code, said
    if "--json" in arguments:
        document = json.loads(output)
        assert (document["run_id"], document["status"], document["exit_code"], document["error"]) == (asked, "ok", 0, None)
        assert [step["table"] for step in document["steps"]] == ["curated.daily"]
    else:
        assert output.splitlines()[-1] == f"ok  run {asked[:8]}" and ("SL0889" in said) == (code == 1)
    assert [values for chunk in done_chunks(slow)[-1:] for values in chunk] == [[day(number)] for number in range(6, DAYS + 1)]


def test_that_what_reads_the_tables_could_not_be_asked_for_is_told_to_the_command(slow, tmp_path):
    disk = Disk(tmp_path / "disk", "16m")
    try:
        shutil.move(slow.folder / ".sluice", disk.folder / "state")
        (slow.folder / ".sluice").symlink_to(disk.folder / "state")
        correct(slow)
        with asked_by_command(slow, "--downstream") as (service, command, asked):
            disk.leave_pages(0)
            document = wait_until(slow, asked, has_ended)
            assert (document["exit_code"], document["downstream_run_id"], document["downstream_error"]["code"]) == (0, None, "SL0845"), document
            command.send_signal(signal.SIGCONT)
            output, said = command.communicate(timeout=PATIENCE_S)
            disk.clear()
            service.wait_for("there is room again")
            assert service.end() == 0
    finally:
        subprocess.run(["umount", disk.folder], check=True)
    assert command.returncode == 1 and output.splitlines()[-1].startswith("ok  3 partitions")
    assert "what reads the tables was not run" in said and "SL0845" in said


def test_what_reads_the_tables_is_run_by_the_service_after_it(slow):
    correct(slow)
    expected = from_scratch(slow)
    with at_work(slow, "--threads", "2") as (service, gate):
        printed = by_the_service(slow, gate, "backfill", "daily", "--yes", "--downstream")
        (document,) = ask(slow, "GET", "/api/v1/backfills")[1]["backfills"]
        run = document["downstream_run_id"]
        assert f"run {run[:8]}" in printed.splitlines()[-1] and printed.splitlines()[-1].startswith("ok")
        shown = ask(slow, "GET", f"/api/v1/runs/{run}")[1]
        assert (shown["status"], shown["trigger"]) == ("ok", "after a backfill")
        assert [step["step"] for step in ask(slow, "GET", f"/api/v1/runs/{run}/steps")[1]["steps"]] == ["curated.total"]
        failed = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "partition": ["day=soon"], "downstream": True})[1]["run_id"]
        assert wait_until(slow, failed, has_ended)["downstream_run_id"] is None
        assert service.end() == 0
    assert slow.rows("curated.total") == expected["curated.total"]


def test_what_reads_the_tables_is_asked_for_before_the_end_of_it_is_told(back):
    """So that a kill between the two loses neither."""
    correct(back)
    watch = ("create table told (id text, asked int); create trigger ends after update of ended_us on runs when new.ended_us > 0 and "
             "new.command = 'backfill' begin insert into told select new.id, count(*) from runs where trigger_key = 'after a backfill'; end")
    with contextlib.closing(sqlite3.connect(back.folder / ".sluice/state.db")) as database:
        database.executescript(watch)
    with Service(back) as service:
        run = ask(back, "POST", "/api/v1/backfills", {"tables": ["daily"], "downstream": True})[1]["run_id"]
        document = wait_until(back, run, has_ended)
        service.wait_for("begins (after a backfill)")
        service.wait_for("ended: ok")
        assert ask(back, "GET", f"/api/v1/runs/{document['downstream_run_id']}")[1]["status"] == "ok"
        assert service.end() == 0
    with contextlib.closing(sqlite3.connect(back.folder / ".sluice/state.db")) as database:
        assert database.execute("select * from told where id = ?", (run,)).fetchall() == [(run, 1)]


def test_cancelled_it_can_go_on(slow):
    correct(slow)
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]
        wait_until(slow, begun["run_id"], lambda document: document["progress"] and document["progress"]["ended"] >= 1)
        waiting = ask(slow, "POST", "/api/v1/backfills", {"tables": ["curated.daily"]})[1]
        assert waiting["status"] == "queued", "one at a time for a table"
        assert [row["why"] for row in slow.json("status")["waiting"]] == ["another backfill is at work"]
        assert ask(slow, "POST", f"/api/v1/backfills/{waiting['run_id']}/cancel")[1]["status"] == "cancelled"
        assert ask(slow, "POST", f"/api/v1/backfills/{begun['run_id']}/cancel")[0] == 202
        document = wait_until(slow, begun["run_id"], has_ended)
        assert (document["status"], document["exit_code"]) == ("cancelled", 130)
        assert len(done_chunks(slow)) < DAYS
        again = ask(slow, "POST", "/api/v1/backfills", {"resume": begun["run_id"][:8]})[1]
        wait_until(slow, again["run_id"], lambda document: document["progress"] and document["progress"]["ended"] >= 1)
        assert service.end() == 0
    lines = [json.loads(line)["message"] for line in service.seen]
    assert len([line for line in lines if "did not begin: interrupted" in line]) == 2 and not [line for line in lines if "skipped after" in line]
    with Service(slow) as service:
        status, document = ask(slow, "GET", f"/api/v1/backfills/{begun['run_id']}")
        assert status == 200 and again["run_id"] in document["continues"], "found by the id that people hold"
        document = wait_until(slow, begun["run_id"], has_ended)
        assert begun["run_id"] in document["continues"]
        assert (document["status"], document["backfill_id"]) == ("ok", begun["run_id"])
        assert service.end() == 0
    flat = [values[0] for chunk in done_chunks(slow) for values in chunk]
    assert sorted(flat) == [day(number) for number in range(1, DAYS + 1)]


def test_killed_twice_it_is_cancelled_by_the_id_that_it_was_begun_with(slow):
    correct(slow)
    with Service(slow, "--threads", "1") as service:
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1, "concurrency": 1})[1]["run_id"]
        wait_until(slow, begun, lambda document: document["progress"] and document["progress"]["ended"] >= 1)
        service.end(signal.SIGKILL)
    with Service(slow, "--threads", "1") as service:
        second = wait_until(slow, begun, lambda document: document["progress"])["run_id"]
        service.end(signal.SIGKILL)
    with Service(slow, "--threads", "1") as service:
        third = wait_until(slow, begun, lambda document: document["progress"])["run_id"]
        assert len({begun, second, third}) == 3
        assert f"run {third[:8]}: stopping" in slow.run("cancel", begun).stderr
        document = wait_until(slow, begun, has_ended)
        assert (document["run_id"], document["status"]) == (third, "cancelled")
        for old in (begun, second):  # now it has ended
            status, problem = ask(slow, "POST", f"/api/v1/backfills/{old}/cancel")
            assert status == 409 and "SL0823" in json.dumps(problem), problem
        assert service.end() == 0


def test_a_run_takes_its_turn_between_chunks(slow):
    """A step of a run that wants the table does not wait for the end of the backfill."""
    correct(slow)
    slow.write("data/sales-2.csv", sales((day(3), "new", 100)))
    slow.write("tasks/gate.yml", "after: [clean.sales]\nbefore: [curated.daily]\ncommand: 'echo >began; until [ -e open ]; do sleep 0.05; done'\n")
    with Service(slow, "--threads", "2") as service:
        run = slow.json("trigger", "all")["run_id"]
        until((slow.folder / "began").exists)
        begun = ask(slow, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1, "concurrency": 2})[1]
        wait_until(slow, begun["run_id"], lambda document: document["progress"] and document["progress"]["running"] > 0)
        (slow.folder / "open").touch()
        ended = {}
        while len(ended) < 2:
            line = json.loads(service.news.get(timeout=PATIENCE_S))
            if "ended:" in line["message"]:
                ended[line["run_id"]] = line["message"]
        assert list(ended) == [run, begun["run_id"]] and all("ended: ok" in text for text in ended.values())
        assert service.end() == 0
    slow.run("run")
    assert slow.rows("curated.daily") == from_scratch(slow, ["curated.daily"])["curated.daily"]


def test_the_command_asks_the_service_that_holds_the_project(slow):
    correct(slow)
    with at_work(slow, "--threads", "1") as (service, gate):
        printed = by_the_service(slow, gate, "backfill", "daily", "--from", day(7), "--yes")
        assert printed.splitlines()[-1].startswith("ok  2 partitions")
        printed = slow.run("backfill", "daily", "--from", day(8), "--yes", "--detach", "-q").stdout
        assert printed.endswith("\n") and len(printed) == 37, "only the id"
        printed = printed.strip()
        assert wait_until(slow, printed, has_ended)["status"] == "ok"
        document = json.loads(slow.run("backfill", "daily", "--from", day(8), "--yes", "--detach", "--json").stdout)
        assert document["run_id"] and document["status"] in ("running", "queued")
        service.end()
    assert "SL0827" in slow.run("backfill", "daily", "--yes", "--detach", exit_code=1).stderr


def test_nobody_comes_between_a_backfill_by_hand_and_what_reads_its_tables(back):
    correct(back)
    path = back.folder / ".sluice/run.lock"
    command = subprocess.Popen([back.binary, "backfill", "daily", "--yes", "--downstream"], cwd=back.folder, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + PATIENCE_S
    while not path.read_text().startswith(f"{command.pid} "):
        assert time.monotonic() < end and command.poll() is None
    with open(path, "r+") as lock:  # as a service waits for it, but without a pause
        while command.poll() is None:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break  # and it is not given back
            time.sleep(0.001)
        out, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0 and "model total" in out, errors


def test_the_command_says_what_goes_on_when_the_service_is_killed(slow):
    correct(slow)
    with at_work(slow, "--threads", "1") as (service, _):
        command = subprocess.Popen([slow.binary, "backfill", "daily", "--from", day(7), "--yes"], cwd=slow.folder, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = command.stderr.readline()
        while "the service does it" not in said:
            assert said, "it has ended"
            said = command.stderr.readline()
        run = said.split("run ")[1][:8]
        service.end(signal.SIGKILL)
        rest = command.communicate(timeout=PATIENCE_S)[1]
    assert command.returncode == 1 and "another run" not in rest, rest
    assert "SL0889" in rest and f"backfill --resume {run}" in rest


def test_a_chunk_over_its_timeout_is_stopped_and_tried_again_and_the_others_are_done(back):
    back.write("models/daily.sql", PATIENT)
    back.run("run")
    correct(back, d3=9, d4=2)
    done = back.run("backfill", "daily", "--from", day(3), "--to", day(4), "--chunk", 1, "--yes", exit_code=5)
    assert "attempt 1 failed (SL0717)" in done.stderr and f"day={day(3)}: SL0717" in done.stderr
    assert done_chunks(back) == [[[day(4)]]]
    run = next(run for run in back.json("status")["runs"] if run["command"] == "backfill")
    assert run["status"] == "partial"


def test_a_table_with_approval_waits_for_a_person_once(back):
    back.write("models/daily.sql", PROJECT["models/daily.sql"].replace("partition_by", "approval: true\npartition_by"))
    correct(back)
    with Service(back) as service:
        begun = ask(back, "POST", "/api/v1/backfills", {"tables": ["daily"], "chunk": 1})[1]
        service.wait_for("waits for a person")
        assert [one["step"] for one in ask(back, "GET", "/api/v1/approvals")[1]["approvals"]] == ["curated.daily"]
        back.run("approve", begun["run_id"], "curated.daily")
        assert wait_until(back, begun["run_id"], has_ended)["status"] == "ok"
        assert service.end() == 0
    assert sum("waits for a person" in line for line in service.seen) == 1
    assert len(done_chunks(back)) == DAYS
    back.run("backfill", "daily", "--yes")  # whoever says so has seen the plan


def test_runs_of_no_pipeline_and_retries(back):
    back.write("data/sales-2.csv", sales((day(3), "new", 1000000)))  # the model's check fails
    with Service(back) as service:
        run = ask(back, "POST", "/api/v1/runs", {"select": ["raw.sales", "clean.sales"]})[1]["run_id"]
        assert service.wait_for("ended: ok")["run_id"] == run
        assert ask(back, "GET", f"/api/v1/runs/{run}")[1]["pipeline"] is None
        failed = ask(back, "POST", "/api/v1/runs", {})[1]["run_id"]
        service.wait_for("ended: error")
        back.write("data/rates.csv", rates(d3=0))
        assert ask(back, "POST", f"/api/v1/runs/{run}/retry", {})[1]["error"]["code"] == "SL0823"
        run = ask(back, "POST", "/api/v1/runs", {"select": ["raw.rates", "clean.rates"]})[1]["run_id"]
        service.wait_for("ended: ok")
        again = ask(back, "POST", f"/api/v1/runs/{failed}/retry", {})[1]["run_id"]
        assert service.wait_for("ended: ok")["run_id"] == again
        assert ask(back, "GET", f"/api/v1/runs/{again}")[1]["command"] == "retry"
        status, told = ask(back, "POST", "/api/v1/runs", {"select": ["nothing.there"]})
        assert (status, told["error"]["code"]) == (400, "SL0705")
        assert service.end() == 0
    expected = from_scratch(back)
    assert {table: back.rows(table) for table in expected} == expected
