"""Errors that may pass are tried again and others are not; steps and runs have time limits; pools and priorities choose what is next."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

from conftest import SERVERS, Postgres, free_port

FAST = "retry: {attempts: 20, initial: 1s, factor: 1, max_time: 5m, jitter: false}\n"
SLOW = "select count(*) as n from range(600000) a, range(600000) b where (a.range * b.range) % 7 = 3"
UNREACHABLE = "type: postgres\ndsn: host=127.0.0.1 port=1 user=x dbname=x connect_timeout=2\n"


def make(project, settings="", **files):
    project.write("sluice.yml", f"name: r\nchecks: {{requirements: off}}\nconcurrency: 2\n{settings}")
    project.write("models/m.sql", "select 1 as n")
    for name, text in files.items():
        project.write(name.replace("__", "/") + (".sql" if name.startswith("models") else ".yml"), text)
    return project


def begin(project, *arguments, **env):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.Popen([project.binary, "run", *arguments], cwd=project.folder, text=True, stdin=subprocess.DEVNULL,
                            env={**environment, "NO_COLOR": "1", **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_until(process, text):
    """What the run has said on stderr until a line has `text`: an event, no pause."""
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it never said {text!r}: {said}")


def steps_of(report):
    return {step["step"]: step for step in report["steps"]}


class Server:
    """A PostgreSQL of its own, that can be stopped and started."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        subprocess.run([SERVERS / "pg.sh", "start", self.folder, str(self.port)], check=True, timeout=120)
        self.postgres = Postgres(self.port)

    def call(self, word):
        subprocess.run([SERVERS / "pg.sh", word, self.folder], check=True, timeout=120)


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    subprocess.run([SERVERS / "pg.sh", "stop", server.folder], timeout=60)
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.mark.xdist_group("retry")
def test_a_delivery_is_made_when_its_server_is_back(project, server):
    make(project, FAST, targets__w=f"type: postgres\ndsn: {server.postgres.dsn}\nschema: r_back\ndeliver: [{{table: curated.m}}]\n")
    server.call("stop")
    process = begin(project, "--json")
    try:
        said = read_until(process, "it is tried again")
    finally:
        server.call("again")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert "load w.m: connection to server" in said and "in 1.00 s (attempt 2)" in said
    report = json.loads(out)
    load = steps_of(report)["load w.m"]
    assert report["status"] == "ok" and load["status"] == "ok" and load["attempts"] >= 2
    assert [(item["attempt"], item["code"], item["wait_ms"]) for item in load["retried"]] == [
        (number, "SL0801", 1000) for number in range(1, load["attempts"])]
    assert all(item["message"] == item["message"].strip() for item in load["retried"]), "libpq ends what it says with a new line"
    assert steps_of(report)["model m"]["retried"] == []
    assert server.postgres.query("select n from r_back.m") == [["1"]]
    # What was tried is kept.
    kept = [line for line in project.json("logs")["lines"] if line["step"] == "load w.m"]
    assert kept[0]["retried"] == load["retried"]
    assert "    attempt 1: SL0801: " in project.run("logs").stdout and "tried again after 1.00 s" in project.run("logs").stdout
    assert f"at attempt {load['attempts']}" in project.run("status", report["run_id"]).stdout
    assert steps_of(project.json("status", report["run_id"]))["load w.m"]["attempts"] == load["attempts"]


def hold_lock(server, table):
    holder = subprocess.Popen(["psql", "-X", "-q", server.postgres.dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write(f"begin; lock table {table}; select 'held';\n")
    holder.stdin.flush()
    while "held" not in holder.stdout.readline():
        pass
    return holder


@pytest.mark.xdist_group("retry")
def test_a_lock_of_another_session_is_waited_for(project, server):
    make(project, FAST, targets__w=f"type: postgres\ndsn: {server.postgres.dsn} options='-c lock_timeout=500'\nschema: r_lock\n"
                                   "deliver: [{table: curated.m}]\n")
    project.run("run")
    project.write("models/m.sql", "select 2 as n")
    holder = hold_lock(server, "r_lock.m")
    process = begin(project, "--json")
    read_until(process, "it is tried again")
    holder.communicate("rollback;\n", timeout=60)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert {item["code"] for item in steps_of(json.loads(out))["load w.m"]["retried"]} == {"SL0805"}
    assert server.postgres.query("select n from r_lock.m") == [["2"]]


@pytest.mark.xdist_group("retry")
def test_a_delivery_that_hangs_is_stopped_and_made_later_once(project, server):
    """The client waits inside of libpq, where it cannot be interrupted: it is killed, and the server rolls back."""
    target = f"type: postgres\ndsn: {server.postgres.dsn}\nschema: r_hang\ndeliver: [{{table: curated.m, write: append}}]\n"
    make(project, "", targets__w=target)
    project.write("models/m.sql", "/* sluice\nwrite: append\n*/\nselect n::integer as n from raw.o")
    project.write("sources/o.yml", "path: data/*.csv\n")
    project.write("data/1.csv", "n\n1\n2\n")
    project.run("run")
    project.write("data/2.csv", "n\n3\n4\n")
    project.write("targets/w.yml", target + "timeout: 5s\nretry: {attempts: 20, initial: 1s, factor: 1, jitter: false}\n")
    holder = hold_lock(server, "r_hang.m")
    process = begin(project, "--json")
    said = read_until(process, "it is tried again")
    holder.communicate("rollback;\n", timeout=60)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    load = steps_of(json.loads(out))["load w.m"]
    assert "load w.m: it took longer than its timeout of 5.00 s" in said
    assert load["retried"][0]["code"] == "SL0717" and load["worker_death"]["signal"] == 9
    assert server.postgres.query("select n from r_hang.m order by n") == [["1"], ["2"], ["3"], ["4"]]


@pytest.fixture(scope="module")
def secretive(server):
    """Where to connect to as somebody who needs a password, which is 'right'."""
    server.postgres.query("create role secretive login password 'right'; grant create on database postgres to secretive")
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all secretive 127.0.0.1/32 scram-sha-256\n{before}")
    server.postgres.query("select pg_reload_conf()")
    dsn = f"host=127.0.0.1 port={server.port} user=secretive dbname=postgres"
    while subprocess.run(["psql", "-X", "-q", "-c", "select 1", f"{dsn} password=wrong"], capture_output=True, timeout=60).returncode == 0:
        pass  # the server reads it in its own time
    return dsn


@pytest.mark.xdist_group("retry")
def test_a_wrong_password_is_not_tried_again(project, secretive):
    make(project, FAST, targets__w=f"type: postgres\ndsn: {secretive} password=wrong\ndeliver: [{{table: curated.m}}]\n")
    report = json.loads(project.run("run", "--json", exit_code=5).stdout)
    load = steps_of(report)["load w.m"]
    assert (load["error"]["code"], load["error"]["fate"], load["attempts"]) == ("SL0807", "input", 1)


@pytest.mark.xdist_group("retry")
def test_a_server_that_is_full_is_tried_again(project, server, secretive):
    """It says so after it has checked the password."""
    make(project, FAST, targets__w=f"type: postgres\ndsn: {secretive} password=right\nschema: r_full\ndeliver: [{{table: curated.m}}]\n")
    server.postgres.query("alter role secretive connection limit 0")
    process = begin(project, "--json")
    try:
        said = read_until(process, "it is tried again")
    finally:
        server.postgres.query("alter role secretive connection limit -1")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert "too many connections for role" in said
    assert {item["code"] for item in steps_of(json.loads(out))["load w.m"]["retried"]} == {"SL0801"}
    assert server.postgres.query("select n from r_full.m") == [["1"]]


@pytest.mark.xdist_group("retry")
def test_a_mistake_that_a_step_over_its_timeout_comes_upon_is_told_and_not_tried_again(project, server, secretive):
    make(project, FAST, targets__w=f"type: postgres\ndsn: {secretive} password=wrong\ndeliver: [{{table: curated.m}}]\ntimeout: 1s\n")
    for number in range(5):
        project.write("models/m.sql", f"select {number} + count(*) as n from range(30000) a, range(30000) b where (a.range * b.range) % 7 = 3")
        process = begin(project, "--json", "-v", "--log-format", "json")
        read_until(process, "model m: started")
        holder = hold_lock(server, "pg_catalog.pg_authid in access exclusive mode")  # whoever logs in waits for it
        waits = False
        while not waits and process.poll() is None:
            holder.stdin.write("select 'waits' from pg_locks where not granted limit 1; select 'asked';\n")
            holder.stdin.flush()
            for line in holder.stdout:
                waits = waits or "waits" in line
                if "asked" in line:
                    break
        time.sleep(1.5)  # its time is over then; it is killed 5 seconds later
        holder.communicate("rollback;\n", timeout=60)
        out, err = process.communicate(timeout=300)
        load = steps_of(json.loads(out))["load w.m"]
        if waits and not load.get("worker_death"):  # else this machine was too slow
            break
    assert waits and load["elapsed_ms"] > 1000, out + err
    assert (process.returncode, load["error"]["code"], load["attempts"]) == (5, "SL0807", 1), out + err


def test_a_locked_sqlite_file_is_waited_for(project):
    make(project, FAST, targets__w="type: sqlite\npath: out/base.sqlite\ndeliver: [{table: curated.m}]\n")
    project.run("run")
    project.write("models/m.sql", "select 2 as n")
    other = sqlite3.connect(project.folder / "out/base.sqlite", isolation_level=None)
    other.execute("begin immediate")  # others may read, nobody else write
    process = begin(project, "--json")
    said = read_until(process, "it is tried again")
    other.execute("rollback")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert "base.sqlite' is locked by another program" in said
    assert {item["code"] for item in steps_of(json.loads(out))["load w.m"]["retried"]} == {"SL0805"}
    assert other.execute("select n from m").fetchall() == [(2,)]


def test_files_that_come_later_are_waited_for_where_that_is_asked_for(project):
    make(project, "", sources__o="path: data/*.csv\nretry: {attempts: 50, initial: 1s, factor: 1, jitter: false, missing_files: true}\n")
    process = begin(project, "--json")
    said = read_until(process, "it is tried again")
    assert "ingest o: " in said
    project.write("late.csv", "id\n1\n2\n")
    (project.folder / "data").mkdir()
    (project.folder / "late.csv").rename(project.folder / "data/o.csv")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert project.count("raw.o") == 2
    assert {item["code"] for item in steps_of(json.loads(out))["ingest o"]["retried"]} == {"SL0602"}


@pytest.mark.parametrize("files, code", [
    ({"sources__o": "path: data/*.csv\n"}, "SL0602"),                   # no file: a mistake, unless said otherwise
    ({"models__b": "select error('no such day') as n"}, "SL0112"),      # the user's SQL
    ({"models__b": "/* sluice\nchecks: [{expression: n > 1}]\n*/\nselect 1 as n"}, "SL0703"),
    ({"targets__w": "type: postgres\ndsn: host=127.0.0.1 port=1 user=x password=a b\ndeliver: [{table: curated.m}]\n"}, "SL0205"),
])
def test_a_mistake_of_the_user_is_not_tried_again(project, files, code):
    make(project, FAST, **files)
    done = project.run("run", "--json", exit_code=None)
    failed = [step for step in json.loads(done.stdout)["steps"] if step["status"] == "error"]
    assert [(step["error"]["code"], step["attempts"], step["retried"]) for step in failed] == [(code, 1, [])]
    assert "tried again" not in done.stderr


def test_attempts_and_their_time_are_limited(new_project):
    said = {}
    for name, retry in {"one": "{attempts: 1}", "three": "{attempts: 3, initial: 0s}", "time": "{attempts: 9, initial: 2s, max_time: 1s, jitter: false}"}.items():
        project = make(new_project(name), f"retry: {retry}\n", targets__w=UNREACHABLE + "deliver: [{table: curated.m}]\n")
        load = steps_of(json.loads(project.run("run", "--json", exit_code=5).stdout))["load w.m"]
        said[name] = load["attempts"]
        assert load["status"] == "error" and len(load["retried"]) == load["attempts"] - 1
    assert said == {"one": 1, "three": 3, "time": 1}
    # What is laid over sluice.yml goes key by key; a file has the last word.
    settings = "retry: {attempts: 2, initial: 0s}\nenvironments: {dev: {retry: {attempts: 4}, lake: dev}, own: {lake: own}}\n"
    project = make(new_project("layers"), settings, targets__w=UNREACHABLE + "deliver: [{table: curated.m}]\n")
    def attempts(*arguments, **env):
        return steps_of(json.loads(project.run("run", "--json", *arguments, exit_code=None, env=env).stdout))["load w.m"]["attempts"]
    assert (attempts(), attempts("--env", "dev"), attempts("--set", "retry.attempts=3"), attempts(SLUICE_RETRY_ATTEMPTS="1")) == (2, 4, 3, 1)
    project.write("targets/w.yml", UNREACHABLE + "retry: {attempts: 5}\ndeliver: [{table: curated.m}]\n")
    assert attempts("--env", "own") == 5


def test_waits_grow_and_are_the_same_again_where_the_clock_is_fixed(new_project):
    def waits(name, retry, **env):
        project = make(new_project(name), "", targets__w=UNREACHABLE + f"retry: {retry}\ndeliver: [{{table: curated.m}}]\n")
        return [item["wait_ms"] for item in steps_of(json.loads(project.run("run", "--json", exit_code=5, env=env).stdout))["load w.m"]["retried"]]
    assert waits("grow", "{attempts: 4, initial: 1s, factor: 1.5, max: 2s, jitter: false}") == [1000, 1500, 2000]
    jittered = "{attempts: 4, initial: 1s, factor: 1}"
    clock = {"SLUICE_CLOCK": "2026-01-31T00:00:00Z"}
    first = waits("first", jittered, **clock)
    assert first == waits("second", jittered, **clock)
    assert len(set(first)) == 3 and all(0 <= wait <= 1000 for wait in first)


def test_a_step_that_waits_holds_no_worker_and_an_interrupt_ends_its_wait(project):
    make(project, "retry: {attempts: 9, initial: 10m, max: 10m, max_time: 2h, jitter: false}\n",
         models__after="select n + 1 as n from curated.m", targets__w=UNREACHABLE + "deliver: [{table: curated.m}]\npriority: 9\n")
    process = begin(project, "--json", "-j", "1")
    said = read_until(process, "it is tried again")
    while "model after" not in said:  # the one worker goes on with others
        line = process.stderr.readline()
        assert line, said
        said += line
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert process.returncode == 130
    report = json.loads(out)
    load = steps_of(report)["load w.m"]
    assert report["status"] == "interrupted"
    assert (load["status"], load["error"]["code"], load["attempts"], load["retried"][0]["wait_ms"]) == ("error", "SL0801", 1, 600000)
    assert project.rows("curated.after") == [("2",)]


def test_the_first_error_ends_waits_where_it_ends_the_run(project):
    make(project, "retry: {attempts: 9, initial: 10m, max: 10m, max_time: 2h, jitter: false}\n",
         models__m="/* sluice\npriority: 2\n*/\nselect 1 as n", models__bad="/* sluice\npriority: -1\n*/\nselect error('no') as n",
         targets__w=UNREACHABLE + "deliver: [{table: curated.m}]\n")
    steps = steps_of(json.loads(project.run("run", "--json", "--fail-fast", "-j", "1", exit_code=5, timeout=120).stdout))
    assert (steps["load w.m"]["error"]["code"], steps["model bad"]["error"]["code"]) == ("SL0801", "SL0112")


def test_a_log_in_json_tells_of_attempts(project):
    make(project, "retry: {attempts: 2, initial: 0s}\n", targets__w=UNREACHABLE + "deliver: [{table: curated.m}]\n")
    done = project.run("run", "--log-format", "json", exit_code=5)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    load = [line for line in lines if line.get("step") == "load w.m"]
    assert [(line["status"], line.get("attempt"), line.get("attempts")) for line in load] == [("waiting", 1, None), ("error", 2, 2)]
    assert (load[0]["error"]["code"], load[0]["error"]["fate"], load[0]["wait_ms"]) == ("SL0801", "retry", 0)
    assert (lines[-1]["exit_code"], lines[-1]["run_status"]) == (5, "partial")


# Time limits

def test_a_step_over_its_timeout_fails_alone(project):
    make(project, "", models__slow=f"/* sluice\ntimeout: 1s\nretry: {{attempts: 1}}\n*/\n{SLOW}", models__after="select n from curated.slow",
         models__other="select n + 1 as n from curated.m")
    done = project.run("run", "--json", exit_code=5)
    report = json.loads(done.stdout)
    steps = steps_of(report)
    slow = steps["model slow"]
    assert (report["status"], slow["status"], slow["error"]["code"], slow["attempts"]) == ("partial", "error", "SL0717", 1)
    assert "timeout of 1.00 s" in slow["error"]["message"] and "models/slow.sql" in slow["error"]["hint"]
    assert (steps["model after"]["status"], steps["model other"]["status"]) == ("skipped", "ok")
    assert not list(project.table_folder("curated.slow").rglob("*.parquet")) and not (project.table_folder("curated.slow") / "_delta_log").exists()
    project.write("models/slow.sql", "/* sluice\ntimeout: 60s\n*/\nselect 7 as n")
    project.run("run")
    assert project.rows("curated.after") == [("7",)]


def test_a_worker_that_does_not_end_in_time_is_killed_and_replaced(project):
    make(project, "retry: {attempts: 1}\n", models__slow=f"/* sluice\ntimeout: 4s\n*/\n{SLOW}", models__tail="/* sluice\npriority: -1\n*/\nselect 2 as n")
    process = begin(project, "--json", "-v", "--log-format", "json", "-j", "1")
    read_until(process, "model slow: started")
    worker, = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGSTOP)
    out, err = process.communicate(timeout=120)
    steps = steps_of(json.loads(out))
    slow = steps["model slow"]
    assert (slow["error"]["code"], slow["worker_death"]["signal"], slow["attempts"]) == ("SL0717", 9, 1), out + err
    assert (steps["model tail"]["status"], project.rows("curated.tail")) == ("ok", [("2",)])


def test_a_timeout_is_tried_again_as_any_error_that_may_pass(project):
    make(project, "", models__slow=f"/* sluice\ntimeout: 1s\nretry: {{attempts: 2, initial: 0s}}\n*/\n{SLOW}")
    slow = steps_of(json.loads(project.run("run", "--json", exit_code=5).stdout))["model slow"]
    assert (slow["attempts"], slow["error"]["code"], [item["code"] for item in slow["retried"]]) == (2, "SL0717", ["SL0717"])


def test_a_run_over_its_deadline_ends(project):
    make(project, "deadline: 8s\n", models__slow=SLOW, models__after="select n from curated.slow",
         targets__w=UNREACHABLE + "retry: {attempts: 9, initial: 10m, max: 10m, jitter: false, max_time: 2h}\ndeliver: [{table: curated.m}]\n")
    report = json.loads(project.run("run", "--json", exit_code=5, timeout=60).stdout)
    steps = steps_of(report)
    assert (report["status"], steps["model slow"]["error"]["code"], steps["model after"]["status"]) == ("partial", "SL0718", "skipped")
    assert steps["load w.m"]["error"]["code"] == "SL0801"
    assert [run["status"] for run in project.json("status")["runs"]] == ["partial"]
    assert project.rows("curated.m") == [("1",)]


# Which is next

def begun(project, *arguments, exit_code=0):
    """Labels in the order in which their steps began."""
    done = project.run("run", "-v", "--log-format", "json", *arguments, exit_code=exit_code)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return [line["step"] for line in lines if line.get("status") == "running"]


def test_of_steps_that_are_ready_the_highest_priority_is_first_and_then_the_order_of_the_graph(project):
    make(project)
    for name, priority in {"a": 0, "b": 5, "c": 0, "d": -1, "e": 7}.items():
        project.write(f"models/{name}.sql", f"/* sluice\npriority: {priority}\n*/\nselect 1 as n")
    assert begun(project, "-j", "1") == ["model e", "model b", "model a", "model c", "model m", "model d"]


def overlap(project, names):
    """How many of the steps were at work at once at most, by the run's own times."""
    events = []
    for line in project.json("logs")["lines"]:
        if line["table"] in names:
            end = time.mktime(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")) + float(line["time"][19:26])
            events += [(end - line["elapsed_ms"] / 1000 + 0.002, 1), (end - 0.002, -1)]
    most = running = 0
    for _, change in sorted(events):
        running += change
        most = max(most, running)
    return most


@pytest.mark.parametrize("setting, most", [("pool: narrow\n", 1), ("", 4)])
def test_steps_of_a_pool_share_its_slots(project, setting, most):
    make(project, "pools: {narrow: 1, wide: 9}\n")
    work = "select count(*) as n from range(20000) a, range(1000) b where (a.range * b.range) % 7 = 3"
    names = [f"w{i}" for i in range(4)]
    for name in names:
        project.write(f"models/{name}.sql", f"/* sluice\ndescription: w\n{setting}*/\n{work}")
    project.run("run", "-j", "4", env={"SLUICE_ENGINE_MEMORY": "2GB"})
    found = overlap(project, [f"curated.{name}" for name in names])
    assert found == 1 if most == 1 else found > 1


def test_deliveries_to_one_target_are_limited_by_it(project):
    make(project)
    work = "select range as n, hash(range)::varchar as h from range(300000)"
    names = [f"w{i}" for i in range(4)]
    for name in names:
        project.write(f"models/{name}.sql", work)
    project.write("targets/t.yml", "type: csv\npath: out\nconcurrency: 1\ndeliver:\n" + "".join(f"  - table: curated.{name}\n" for name in names))
    project.run("run", "-j", "4", env={"SLUICE_ENGINE_MEMORY": "2GB"})
    assert overlap(project, [f"target.t.{name}" for name in names]) == 1
    assert all((project.folder / "out" / name).is_dir() for name in names)


@pytest.mark.parametrize("settings, model, message", [
    ("pools: {warehouse: 2}\n", "pool: warehose", "there is no pool 'warehose'"),
    ("", "pool: warehouse", "there is no pool 'warehouse'"),
    ("pools: {warehouse: none}\n", "pool: warehouse", "pool 'warehouse' must have from 1 to 1000 slots"),
    ("pools: [warehouse]\n", "priority: 1", "'pools' is a list"),
    ("retry: {attempts: 0}\n", "priority: 1", "'attempts' must be from 1 to 1000"),
    ("retry: {factor: 0.5}\n", "priority: 1", "'factor' must be from 1 to 1000"),
    ("", "retry: {attempts: many}", "'attempts'"),
    ("", "timeout: 0s", "'timeout' must be from 1s to 366d"),
    ("deadline: 0s\n", "priority: 1", "'deadline' must be from 1s to 366d"),
    ("", "priority: 2000000", "'priority' must be from -1000000 to 1000000"),
])
def test_what_is_wrong_is_told_with_its_place(project, settings, model, message):
    make(project, settings, models__x=f"/* sluice\n{model}\n*/\nselect 1 as n")
    done = project.run("check", exit_code=1)
    assert message in done.stdout + done.stderr
    assert ("sluice.yml:" if settings and "pool 'ware" not in message or "slots" in message else "models/x.sql:2:") in done.stdout + done.stderr


def test_settings_of_how_a_step_runs_make_nothing_stale(project):
    make(project, "pools: {p: 1}\n")
    project.run("run")
    project.write("models/m.sql", "/* sluice\npool: p\npriority: 3\ntimeout: 1h\nretry: {attempts: 2}\n*/\nselect 1 as n")
    assert "nothing to do" in project.run("run").stdout


# What a run came to

def test_a_run_that_did_something_and_failed_at_something_is_partial_wherever_it_is_told_of(project):
    make(project, models__bad="select error('no') as n")

    def states(exit_code):
        report = json.loads(project.run("run", "--json", exit_code=exit_code).stdout)
        newest = project.json("status")["runs"][0]
        kept = project.json("status", report["run_id"])["run"]
        assert report["exit_code"] == exit_code and report["run_id"] == newest["run_id"]
        assert f"{report['run_id'][:8]}  {report['status']} " in project.run("status").stdout
        assert report["status"] == newest["status"] == kept["status"]
        return report["status"], report["counts"]["ok"] + report["counts"]["warn"] - report["counts"]["nothing"], report["counts"]["error"]
    assert states(5) == ("partial", 1, 1)
    assert states(1) == ("error", 0, 1)
    # The worst failure has the exit code, and what was done is done all the same.
    project.write("models/bad.sql", "/* sluice\nchecks: [{expression: n > 1}]\n*/\nselect 1 as n")
    project.write("models/m.sql", "select 2 as n")
    assert states(3) == ("partial", 1, 1)
    project.write("models/bad.sql", "select 3 as n")
    assert states(0) == ("ok", 1, 0)


def test_a_file_that_cannot_be_read_makes_the_run_partial(project):
    make(project, sources__o="path: data/*\n")
    project.write("data/good.csv", "id\n1\n")
    project.write("data/bad.csv.gz", b"this is no gzip")
    report = json.loads(project.run("run", "--json", exit_code=5).stdout)
    assert report["status"] == "partial" and report["counts"]["partial"] == 1 and report["counts"]["error"] == 0
    assert project.json("status")["runs"][0]["status"] == "partial" and project.count("raw.o") == 1


# Memory

def test_a_worker_that_holds_too_much_memory_fails_its_step_only(project):
    make(project, "engine: {memory: 2GB, worker_memory: 200MB, threads: 1}\n",
         models__big="/* sluice\npriority: 1\n*/\nselect string_agg(hash(range)::varchar, ',' order by range desc) as t, count(distinct range) as n from range(20000000)",
         models__other="select n + 1 as n from curated.m")
    report = json.loads(project.run("run", "--json", exit_code=5).stdout)
    steps = steps_of(report)
    big = steps["model big"]
    assert (big["error"]["code"], big["attempts"]) == ("SL0719", 1), big
    assert big["peak_memory_bytes"] > 200_000_000 and big["worker_death"]["peak_memory_bytes"] > 200_000_000
    assert steps["model other"]["status"] == "ok"
