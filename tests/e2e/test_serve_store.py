"""Services whose state store is frozen, locked or busy, and those that are ended while they have lost the lead."""
import contextlib
import fcntl
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import Project
from test_known_lake import delivered, with_warehouse
from test_serve import PATIENCE_S, Service, slow_model, until, write_shop
from test_serve_kills import Held
from test_serve_leader import StandBy, ask, is_up, own_server, two_machines


@pytest.mark.heavy
def test_a_frozen_state_store_keeps_no_service_from_answering_and_one_leads_when_it_goes_on(tmp_path, sluice_bin):
    """As under a machine that swaps, or a disk that hangs: connections stay, and nothing is answered."""
    def prepare(project):
        with_warehouse(tmp_path)(project)
        slow_model(project, 2)
    with own_server() as (server, _, processes):
        one, two = two_machines(server, tmp_path, sluice_bin, "frozen", prepare)
        with Service(one) as leader, StandBy(two) as other:
            one.run("trigger", "all", "--wait")
            until(lambda: is_up(two))
            (tmp_path / "data" / "2.csv").write_text("id,amount\n3,1.5\n")
            one.run("trigger", "all")
            leader.wait_for("total ok")
            frozen = processes()
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            began, answers = time.monotonic(), 0
            while time.monotonic() < began + 14:
                for project in (one, two):
                    asked = time.monotonic()
                    with contextlib.suppress(OSError):  # it closes its socket for a moment where it stands by anew
                        answers += ask(project, "/healthz")[0] == 200
                    assert time.monotonic() < asked + 6, (project.folder.name, asked - began)
                time.sleep(0.2)
            assert answers > 8
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
            until(lambda: delivered(tmp_path) == [(1,), (2,), (3,)])
            leads = []
            until(lambda: leads.extend(project for project in (one, two) if is_up(project, "/readyz")) or leads)
            (tmp_path / "data" / "3.csv").write_text("id,amount\n4,1.5\n")
            leads[0].run("trigger", "all", "--wait")
            assert leader.process.poll() is None and other.process.poll() is None
            assert sorted((leader.end(), other.end())) == [0, 0]
    assert delivered(tmp_path) == [(1,), (2,), (3,), (4,)]
    assert Project(tmp_path, sluice_bin).count("clean.orders") == 4


@pytest.mark.parametrize("after_s", [0, 0.01, 0.05, 0.2])
def test_a_service_that_is_ended_while_it_winds_up_a_lost_lead_ends_well(postgres, tmp_path, sluice_bin, after_s):
    one, two = two_machines(postgres, tmp_path, sluice_bin, f"wound_up_{int(after_s * 100)}", slow_model)
    with Service(one) as first, StandBy(two) as second:
        one.run("trigger", "all")
        first.wait_for("total ok")
        first.process.send_signal(signal.SIGSTOP)
        second.wait_for("leads from now on")
        first.process.send_signal(signal.SIGCONT)
        first.wait_for("leads no more")
        time.sleep(after_s)
        assert first.end() == 0, "".join(first.seen)
        assert second.process.poll() is None


def test_a_service_that_waits_for_its_database_is_ended_at_once(tmp_path, sluice_bin):
    with own_server() as (server, _, processes):
        one, _ = two_machines(server, tmp_path, sluice_bin, "ended_away")
        with Service(one) as service:
            one.run("trigger", "all", "--wait")
            for pid in processes():
                os.kill(pid, signal.SIGSTOP)
            service.wait_for("leads no more")
            began = time.monotonic()
            assert service.end() == 0
            assert time.monotonic() < began + 10


@contextlib.contextmanager
def run_lock_of(project):
    """As long as it is held, no run of the service begins."""
    with open(project.folder / ".sluice/run.lock", "w") as lock:
        until(lambda: not fcntl.flock(lock, fcntl.LOCK_EX))
        yield


def test_a_backfill_command_whose_service_has_lost_the_lead_says_so_and_the_next_one_does_it(postgres, tmp_path, sluice_bin):
    def prepare(project):
        project.write("models/days.sql", "/* sluice\nwrite: partition\npartition_by: [id]\n*/\nselect id, amount, (select count(*) from "
                      "range(20000000) a, range(3) b where a.range % 7 = 1) as n from clean.orders")
    one, two = two_machines(postgres, tmp_path, sluice_bin, "lost_backfill", prepare)
    (tmp_path / "data" / "1.csv").write_text("id,amount\n" + "".join(f"{i},1.5\n" for i in range(12)))
    with Service(one) as first, StandBy(two) as second:
        one.run("trigger", "all", "--wait")
        with run_lock_of(one):  # so that the service is asked to do it
            command = subprocess.Popen([str(one.binary), "backfill", "days", "--chunk", "1", "--concurrency", "1", "--yes"], cwd=one.folder, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            until(lambda: postgres.query("select 1 from lost_backfill.queue"))
        until(lambda: postgres.query("select 1 from lost_backfill.runs where command = 'backfill' and status = 'running'"))
        command.send_signal(signal.SIGSTOP)  # so that it asks no more until the service stands by
        time.sleep(0.3)
        first.process.send_signal(signal.SIGSTOP)
        second.wait_for("it goes on")
        first.process.send_signal(signal.SIGCONT)
        first.wait_for("standing by")
        until(lambda: is_up(one))
        command.send_signal(signal.SIGCONT)
        try:
            said, _ = command.communicate(timeout=PATIENCE_S)
        finally:
            command.kill()
        assert command.returncode == 1 and "SL0889" in said and "the service has ended before the backfill had" in said, said
        second.wait_for("ended: ok")
        assert first.end() == 0 and second.end() == 0
    assert [run["status"] for run in one.json("status")["runs"] if run["command"] == "backfill"] == ["ok", "interrupted"]


def locked(postgres, table, seconds):
    """Others can neither read nor write it, as under VACUUM FULL; the process that has locked it."""
    lock = f"begin; lock table {table} in access exclusive mode; select pg_sleep({seconds}); commit"
    held = f"select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = '{table}'::regclass and granted"
    locking = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-c", lock, postgres.dsn], stdout=subprocess.DEVNULL)
    until(lambda: postgres.query(held))
    return locking


def test_a_run_that_cannot_be_told_which_tasks_have_run_waits_for_the_store(postgres, tmp_path, sluice_bin):
    ran = tmp_path / "ran.log"

    def prepare(project):
        project.write("tasks/first.yml", f"command: 'echo first >> {ran}'\n")
        project.write("tasks/second.yml", f"after: [task.first]\ncommand: 'echo second >> {ran}; until [ -e {tmp_path}/go ]; do sleep 0.1; done'\n")
        project.write("pipelines/tasks.yml", "select: [task.*]\n")
    one, two = two_machines(postgres, tmp_path, sluice_bin, "untold", prepare)
    with Service(one) as first, StandBy(two) as second:
        one.run("trigger", "tasks")
        until(lambda: ran.exists() and "second" in ran.read_text())
        until(lambda: postgres.query("select 1 from untold.steps where name = 'task.first' and status = 'ok'"))
        with run_lock_of(two):
            first.process.kill()
            second.wait_for("was killed: the pipeline runs again")
            until(lambda: postgres.query("select 1 from untold.queue"))
            locking = locked(postgres, "untold.steps", 10)
        time.sleep(4)
        assert locking.poll() is None and ran.read_text().split() == ["first", "second"], "".join(second.seen)
        (tmp_path / "go").touch()
        assert locking.wait(timeout=PATIENCE_S) == 0
        second.wait_for("ended: ok")
        assert second.end() == 0
    assert ran.read_text().split() == ["first", "second", "second"]
    assert not any("may run once more" in line for line in second.seen)


def test_a_run_that_found_nothing_leaves_the_queue_when_the_store_is_busy_no_more(project):
    write_shop(project, ("all", "description: Everything\n"))
    with Service(project) as service, contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", isolation_level=None)) as state:
        project.run("trigger", "all", "--wait")
        held = Held(project)
        project.run("trigger", "all")
        state.execute("begin immediate")
        (waiting,) = state.execute("select run_id from queue").fetchall()
        held.let_go()
        told = service.wait_for("the state store: ")
        assert told["run_id"] == waiting[0]
        service.wait_for("nothing to do")
        assert state.execute("select run_id from queue").fetchall() == [waiting]
        state.execute("rollback")
        until(lambda: not state.execute("select 1 from queue").fetchall())
        assert service.end() == 0
    with Service(project) as service:
        assert service.end() == 0
    assert not any("begins (" in line for line in service.seen), "".join(service.seen)
