"""`sluice worker`: steps of a service on other machines, over one state store in PostgreSQL and one lake. Machines are copies of a project."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import time
import urllib.request

import pytest

from conftest import Project
from test_serve import PATIENCE_S, Service, by_hand, slow_model, until
from test_serve_leader import StandBy
from test_state import url_of
from test_workers import seconds_used

REMOTE = "serve:\n  workers: remote\n"


class Worker(Service):
    """`sluice worker` at work."""

    command = "worker"

    def __init__(self, project, *arguments, **options):
        super().__init__(project, *arguments, listen=None, **options)

    def __enter__(self):
        self.wait_for("steps at once, code")
        return self


def machines(postgres, tmp_path, sluice_bin, schema, count, prepare=lambda project: None, settings=REMOTE):
    """Copies of a project's files with one lake and one folder of data."""
    projects = []
    for number in range(count):
        project = by_hand(Project(tmp_path / f"m{number}", sluice_bin))
        prepare(project)
        project.write("sluice.yml", f"name: shop\nlake: {tmp_path}/lake\nstate: {url_of(postgres, schema)}\n{settings}")
        project.write("sources/orders.yml", f"path: {tmp_path}/data/*.csv\ncontract: contracts/orders.odcs.yml\n")
        projects.append(project)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1.csv").write_text("id,amount\n1,1.5\n2,2.5\n")
    return projects


def lake_of(tmp_path, sluice_bin):
    return Project(tmp_path, sluice_bin)


def steps_of(project):
    """What became of the steps of the newest run."""
    shown = project.json("logs", project.json("status")["runs"][-1]["run_id"])
    return {step["step"]: step for step in shown["steps"]}


def same_as_alone(tmp_path, sluice_bin, tables=("clean.orders", "curated.total")):
    """Every table is that of a run of one process that nobody has killed."""
    alone = by_hand(Project(tmp_path / "alone", sluice_bin))
    for file in (alone.folder / "data").glob("*"):
        file.unlink()
    for file in (tmp_path / "data").glob("*.csv"):
        alone.write(f"data/{file.name}", file.read_text())
    alone.run("run")
    lake = lake_of(tmp_path, sluice_bin)
    for table in tables:
        columns = "id, amount" if table == "clean.orders" else "*"
        assert lake.rows(table, columns) == alone.rows(table, columns)


def test_steps_run_on_two_workers_and_none_here(postgres, tmp_path, sluice_bin):
    def many(project):
        for number in range(8):
            project.write(f"models/m{number}.sql", f"select {number} as n, count(*) as orders from clean.orders")
        slow_model(project, 5)  # one for each, as each does one step at a time
        project.write("models/slow2.sql", (project.folder / "models/slow.sql").read_text())

    leader, one, two = machines(postgres, tmp_path, sluice_bin, "two_workers", 3, many)
    with Service(leader) as service, Worker(one, "--name", "one", "--slots", "1") as first, Worker(two, "--name", "two", "--slots", "1") as second:
        service.wait_for("the worker '", times=2)
        leader.json("trigger", "all")
        service.wait_for("ended: ok")
        assert first.end() == 0 and second.end() == 0 and service.end() == 0
    lines = [json.loads(line) for worker in (first, second) for line in worker.seen if "handed in" in line]
    assert sorted(line["step"] for line in lines) == sorted(["raw.orders", "clean.orders", "curated.total", "curated.slow", "curated.slow2"] + [f"curated.m{n}" for n in range(8)])
    assert all(line["run_id"] and line["job_id"] and line["attempt"] == 1 for line in lines)
    assert all(any("handed in" in line for line in worker.seen) for worker in (first, second))
    assert postgres.query("select count(*) from two_workers.jobs") == [["0"]]
    same_as_alone(tmp_path, sluice_bin)


def wait_until_unclaimed_is_said(project):
    """The leader says how it is once a second."""
    end = time.monotonic() + PATIENCE_S
    while not project.json("status")["unclaimed"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_steps_that_no_worker_claims_are_told_of_and_stay_claimable(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "nobody_claims", 2)
    with Service(leader) as service:
        run = leader.json("trigger", "all")["run_id"]
        told = service.wait_for("no worker claims what is ready")
        assert told["level"] == "warn" and "1 step (raw.orders), for " in told["message"]
        wait_until_unclaimed_is_said(leader)
        for shown in (leader.run("status").stdout, leader.run("status", run).stdout, leader.run("doctor", exit_code=1).stdout):
            assert "no worker claims what is ready: 1 step (raw.orders), since 20" in shown
        assert "raw.orders" in leader.json("status")["unclaimed"]
        with Worker(one, "--name", "one") as worker:
            service.wait_for("ended: ok")
            over = "no step waits for a worker any more"  # it is looked once a second whether that is so
            if not any(over in line for line in service.seen):
                service.wait_for(over)
            assert worker.end() == 0
        assert service.end() == 0
    assert leader.json("status")["unclaimed"] is None
    same_as_alone(tmp_path, sluice_bin)


@pytest.mark.parametrize("workers", ["both", "remote"])
def test_steps_that_a_worker_does_not_claim_although_it_is_there(postgres, tmp_path, sluice_bin, workers):
    """Its word stays in the state store, and nothing comes: the service does them itself where it may."""
    schema = f"deaf_{workers}"
    leader, one = machines(postgres, tmp_path, sluice_bin, schema, 2, settings=f"serve:\n  workers: {workers}\nconcurrency: 1\n")
    slow_model(leader, 4)
    slow_model(one, 4)
    with Service(leader) as service, Worker(one, "--name", "one", "--slots", "4") as worker:
        service.wait_for("the worker 'one'")
        worker.process.kill()
        worker.process.wait()
        postgres.query(f"update {schema}.leases set until_us = until_us + 600000000 where name = 'worker one'")
        leader.run("trigger", "all")
        if workers == "both":
            service.wait_for("ended: ok")
        else:
            assert "1 step (raw.orders)" in service.wait_for("no worker claims what is ready")["message"]
            with Worker(one, "--name", "two") as second:
                service.wait_for("ended: ok")
                assert second.end() == 0
        assert service.end() == 0
    same_as_alone(tmp_path, sluice_bin)


def with_slow(seconds):
    return lambda project: slow_model(project, seconds)


def processes_of(worker):
    """The worker's processes: what a machine that freezes or dies takes with it."""
    children = pathlib.Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read_text().split()
    return [worker.process.pid, *map(int, children)]


def used_below(worker):
    """Seconds of processor that the worker's processes have used."""
    with contextlib.suppress(OSError):  # one that has ended meanwhile
        return sum(map(seconds_used, processes_of(worker)[1:]))
    return 0


def send_all(worker, number):
    for pid in processes_of(worker):
        with contextlib.suppress(ProcessLookupError):  # one that has ended meanwhile
            os.kill(pid, number)


def who_begins(step, *workers):
    """The worker that begins the step, and the others."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for worker in workers:
            while not worker.news.empty():
                line = worker.news.get()
                worker.seen.append(line)
                if '"begins"' in line and f'"{step}"' in line:
                    return worker, [other for other in workers if other is not worker]
        time.sleep(0.01)
    raise AssertionError(f"nobody begins {step}")


def test_the_step_of_a_worker_that_is_killed_is_another_ones_within_seconds(postgres, tmp_path, sluice_bin):
    leader, one, two = machines(postgres, tmp_path, sluice_bin, "killed_worker", 3, with_slow(4))
    with Service(leader) as service, Worker(one, "--name", "one", "-v") as first, Worker(two, "--name", "two", "-v") as second:
        service.wait_for("the worker '", times=2)
        leader.json("trigger", "all")
        victim, (other,) = who_begins("curated.slow", first, second)
        victim.process.kill()
        killed = time.monotonic()
        other.wait_for('"curated.slow"')
        took = time.monotonic() - killed
        print(f"taken over after {took:.1f} s")
        assert took < 15
        service.wait_for("is gone")
        service.wait_for("ended: ok")
        assert other.end() == 0 and service.end() == 0
    slow = [line for line in map(json.loads, other.seen) if line.get("step") == "curated.slow"]
    assert {line["attempt"] for line in slow} == {2}
    assert len(lake_of(tmp_path, sluice_bin).records("curated.slow")) == 1
    same_as_alone(tmp_path, sluice_bin)


def test_a_worker_that_was_stopped_hands_in_nothing_of_what_it_lost(postgres, tmp_path, sluice_bin):
    leader, one, two = machines(postgres, tmp_path, sluice_bin, "stopped_worker", 3, with_slow(15))
    with Service(leader) as service, Worker(one, "--name", "one", "-v") as first, Worker(two, "--name", "two", "-v") as second:
        service.wait_for("the worker '", times=2)
        leader.json("trigger", "all")
        victim, (other,) = who_begins("curated.slow", first, second)
        send_all(victim, signal.SIGSTOP)
        other.wait_for('"curated.slow"')
        service.wait_for("ended: ok")
        for pid in processes_of(victim)[1:]:  # only its processes: they do the step to the end, and find it done
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        os.kill(victim.process.pid, signal.SIGCONT)
        victim.wait_for("the step is another worker's by now" if not is_killed(victim) else "killed: ")
        leader.json("trigger", "all")  # it goes on with what comes
        service.wait_for("nothing to do")
        assert victim.end() == 0 and other.end() == 0 and service.end() == 0
    assert len(lake_of(tmp_path, sluice_bin).records("curated.slow")) == 1
    same_as_alone(tmp_path, sluice_bin)


def is_killed(worker):
    """Whether the next of the two ends of a lost step is that it is killed, not that what it came to is refused."""
    line = worker.news.get(timeout=30)
    while "killed: " not in line and "another worker's by now" not in line:
        worker.seen.append(line)
        line = worker.news.get(timeout=30)
    worker.news.queue.appendleft(line)
    return "killed: " in line


def test_a_step_that_loses_its_workers_again_and_again_fails(postgres, tmp_path, sluice_bin):
    settings = REMOTE + "retry:\n  attempts: 1\n"
    leader, one, two, three = machines(postgres, tmp_path, sluice_bin, "lost_twice", 4, with_slow(30), settings)
    with (Service(leader) as service, Worker(one, "--name", "one", "-v") as first, Worker(two, "--name", "two", "-v") as second,
          Worker(three, "--name", "three", "-v") as third):
        workers = [first, second, third]
        service.wait_for("the worker '", times=3)
        leader.json("trigger", "all")
        for _ in range(2):
            victim, workers = who_begins("curated.slow", *workers)
            victim.process.kill()
        failed = {}
        while "error" not in failed:
            failed = service.wait_for("SL0860")
        assert "was not heard of" in failed["error"]["message"]
        service.wait_for("ended: partial")
        assert service.end() == 0, service.seen[-8:]


def test_a_leader_that_is_killed_is_replaced_and_no_step_is_doubled(postgres, tmp_path, sluice_bin):
    one, two, three = machines(postgres, tmp_path, sluice_bin, "killed_leader", 3, with_slow(45))
    with Service(one) as leader, StandBy(two) as other, Worker(three, "--name", "three", "-v") as worker:
        leader.wait_for("the worker 'three'")
        one.json("trigger", "all")
        who_begins("curated.slow", worker)
        leader.process.kill()
        killed = time.monotonic()
        other.wait_for("leads from now on")
        took = time.monotonic() - killed
        print(f"replaced after {took:.1f} s")
        assert took < 15
        worker.wait_for("killed: who serves now wants it no longer")
        other.wait_for("ended: ok")
        assert worker.end() == 0 and other.end() == 0
    lake = lake_of(tmp_path, sluice_bin)
    assert [len(lake.records(table)) for table in ("raw.orders", "clean.orders", "curated.total", "curated.slow")] == [1, 1, 1, 1]
    assert two.json("status")["runs"][-1]["status"] == "interrupted"
    same_as_alone(tmp_path, sluice_bin)


def wait_until_said(worker, step, *texts):
    end = time.monotonic() + PATIENCE_S
    while not any(f'"{step}"' in line and any(text in line for text in texts) for line in read_all(worker)):
        assert time.monotonic() < end, worker.seen
        time.sleep(0.05)


def test_a_run_that_is_cancelled_and_a_timeout_reach_the_worker(postgres, tmp_path, sluice_bin):
    def slow_and_late(project):
        slow_model(project)
        project.write("models/late.sql", "/* sluice\ntimeout: 2s\n*/\n" + (project.folder / "models/slow.sql").read_text())

    leader, one = machines(postgres, tmp_path, sluice_bin, "cancelled", 2, slow_and_late)
    with Service(leader) as service, Worker(one, "--name", "one", "--slots", "4", "-v") as worker:
        service.wait_for("the worker 'one'")
        run = leader.json("trigger", "all")
        service.wait_for("SL0717")
        wait_until_said(worker, "curated.late", "interrupted, as the service asks")
        leader.run("cancel", run["run_id"])
        service.wait_for("ended: ")
        # Where the worker hears of it late the run has ended, and wants the step no longer.
        wait_until_said(worker, "curated.slow", "interrupted, as the service asks", "wants it no longer")
        assert worker.end() == 0 and service.end() == 0


def test_a_step_that_is_cancelled_before_a_worker_has_it_was_done_by_no_machine(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "unclaimed", 2)
    with Service(leader) as service, Worker(one, "--name", "one") as worker:
        service.wait_for("the worker 'one'")
        send_all(worker, signal.SIGSTOP)
        run = leader.json("trigger", "all")["run_id"]
        end = time.monotonic() + 60
        while postgres.query("select count(*) from unclaimed.jobs") == [["0"]]:
            assert time.monotonic() < end
            time.sleep(0.02)
        leader.run("cancel", run)
        service.wait_for("ended: ")
        machines_of = {step["table"]: step["machine"] for step in leader.json("status", run)["steps"]}
        assert "raw.orders" in machines_of and set(machines_of.values()) == {None}, machines_of
        send_all(worker, signal.SIGCONT)
        assert worker.end() == 0 and service.end() == 0


def begins_of(service):
    return sorted(json.loads(line)["table"] for line in service.seen if ' begins"' in line and '"attempt"' in line)


def test_what_a_step_may_take_is_counted_from_where_a_worker_has_it(postgres, tmp_path, sluice_bin):
    """One of two workers is frozen: of what was handed out for both, the other one does the quick steps after the slow one."""
    quick = [f"curated.q{number}" for number in range(3)]

    def slow_and_quick(project):
        slow_model(project, 5)
        (project.folder / "models/slow.sql").rename(project.folder / "models/a_slow.sql")
        for table in quick:
            project.write(f"models/{table[8:]}.sql", "/* sluice\ntimeout: 4s\n*/\nselect count(*) as n from clean.orders")

    leader, one, two = machines(postgres, tmp_path, sluice_bin, "counted", 3, slow_and_quick)
    leader.run("run", "--select", "raw.orders", "clean.orders")
    with Service(leader, "-v") as service, Worker(one, "--name", "one", "--slots", "1") as first, Worker(two, "--name", "two", "--slots", "5") as second:
        service.wait_for("the worker '", times=2)
        send_all(second, signal.SIGSTOP)
        run = leader.json("trigger", "all")["run_id"]
        service.wait_for("ended: ok")
        assert first.end() == 0 and service.end() == 0
    order = [json.loads(line)["step"] for line in first.seen if "handed in" in line]
    assert order.index("curated.a_slow") < max(map(order.index, quick)), "the slow one came last: nothing is tested"
    assert begins_of(service) == sorted(order) and len(set(order)) == len(order)
    for step in leader.json("status", run)["steps"]:
        assert step["table"] in order and step["status"] == "ok" and step["machine"] == "one" and step["attempts"] == 1
    assert leader.run("status", run).stdout.count("on 'one'") == len(order)


def test_a_step_that_comes_back_has_not_begun(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "came_back", 2)
    with Service(leader, "-v") as service, Worker(one, "--name", "one") as worker:
        service.wait_for("the worker 'one'")
        send_all(worker, signal.SIGSTOP)
        leader.json("trigger", "all")
        service.wait_for("the worker 'one' is gone")
        assert begins_of(service) == []
        send_all(worker, signal.SIGCONT)
        service.wait_for("ended: ok")
        assert worker.end() == 0 and service.end() == 0
    assert begins_of(service) == ["clean.orders", "curated.total", "raw.orders"]


def read_all(worker):
    while not worker.news.empty():
        worker.seen.append(worker.news.get())
    return worker.seen


def test_a_worker_that_is_told_to_end_ends_its_steps_first_and_twice_gives_them_back(postgres, tmp_path, sluice_bin):
    leader, one, two = machines(postgres, tmp_path, sluice_bin, "drained", 3, with_slow(15))
    with Service(leader) as service, Worker(one, "--name", "one", "-v") as first:
        service.wait_for("the worker 'one'")
        leader.json("trigger", "all")
        who_begins("curated.slow", first)
        assert first.end() == 0
        service.wait_for("ended: ok")
        assert "handed in" in first.seen[-1]
        (tmp_path / "data" / "2.csv").write_text("id,amount\n3,1.5\n")
        with Worker(one, "--name", "one", "-v") as first:
            service.wait_for("the worker 'one'")
            leader.json("trigger", "all")
            who_begins("curated.slow", first)
            first.process.send_signal(signal.SIGTERM)
            first.wait_for("steps at work end")
            assert first.end() == 130
        with Worker(two, "--name", "two", "-v") as second:
            service.wait_for("ended: ok")
            assert second.end() == 0 and service.end() == 0
    lines = [line for line in map(json.loads, second.seen) if line.get("step") == "curated.slow"]
    assert {line["attempt"] for line in lines} == {2}
    same_as_alone(tmp_path, sluice_bin)


def test_a_worker_with_another_project_says_so_and_claims_nothing_until_it_has_the_same(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "other_code", 2)
    model = one.folder / "models" / "total.sql"
    text = model.read_text()
    model.write_text(text + " ")
    with Service(leader) as service, Worker(one, "--name", "one") as worker:
        service.wait_for("the worker 'one'")
        told = worker.wait_for("another one than that which is served")["message"]
        assert "SIGHUP" in told and told.count("code ") == 1
        run = leader.json("trigger", "all")
        time.sleep(2.5)  # nobody does it, and nothing more is said
        assert not any("another one" in line or "handed in" in line for line in read_all(worker)[2:])
        model.write_text(text)
        worker.process.send_signal(signal.SIGHUP)
        assert service.wait_for("ended: ok")["run_id"] == run["run_id"]
        leader.write("models/more.sql", "select count(*) as n from clean.orders")
        one.write("models/more.sql", "select count(*) as n from clean.orders")
        service.process.send_signal(signal.SIGHUP)  # the worker follows by itself
        worker.wait_for("the project was read anew")
        leader.json("trigger", "all")
        service.wait_for("ended: ok")
        assert worker.end() == 0 and service.end() == 0
    assert lake_of(tmp_path, sluice_bin).rows("curated.more", "n") == [("2",)]


def test_a_run_keeps_the_project_that_it_began_with_on_other_machines_too(postgres, tmp_path, sluice_bin):
    def then(project):
        slow_model(project, 8)
        project.write("models/after.sql", "select n, 'old' as made_by from curated.slow")

    leader, one = machines(postgres, tmp_path, sluice_bin, "generations", 2, then)
    with Service(leader) as service, Worker(one, "--name", "one", "-v") as worker:
        service.wait_for("the worker 'one'")
        leader.json("trigger", "all")
        who_begins("curated.slow", worker)
        for project in (leader, one):
            project.write("models/after.sql", "select n, 'new' as made_by from curated.slow")
        service.process.send_signal(signal.SIGHUP)
        worker.wait_for("the project was read anew")
        service.wait_for("ended: ok")
        lake = lake_of(tmp_path, sluice_bin)
        assert lake.rows("curated.after", "made_by") == [("old",)]
        leader.json("trigger", "all")
        service.wait_for("ended: ok")
        assert lake.rows("curated.after", "made_by") == [("new",)]
        assert worker.end() == 0 and service.end() == 0


def test_a_run_whose_version_no_worker_has_any_more_says_so_and_the_next_begins_when_it_is_cancelled(postgres, tmp_path, sluice_bin):
    def then(project):
        project.write("models/first.sql", "/* sluice\napproval: true\n*/\nselect count(*) as n from clean.orders")

    leader, one = machines(postgres, tmp_path, sluice_bin, "no_version", 2, then)
    with Service(leader) as service:
        with Worker(one, "--name", "one") as worker:
            service.wait_for("the worker 'one'")
            old = leader.json("trigger", "all")["run_id"]
            service.wait_for("waits for a person")
            assert worker.end() == 0
        for project in (leader, one):
            project.write("models/first.sql", "select count(*) + 1 as n from clean.orders")
        service.process.send_signal(signal.SIGHUP)
        with Worker(one, "--name", "one") as worker:
            service.wait_for("the worker 'one' is there")
            leader.run("approve", old, "curated.first")
            told = service.wait_for("no worker claims what is ready")["message"]
            assert "earlier version of the project" in told and "`sluice cancel RUN`" in told and "the files of this project" not in told
            wait_until_unclaimed_is_said(leader)
            assert "earlier version of the project" in leader.json("status")["unclaimed"]
            new = leader.json("trigger", "all")["run_id"]
            leader.run("cancel", old)
            service.wait_for("ended: ok")
            assert leader.json("status", new)["run"]["status"] == "ok"
            assert worker.end() == 0
        assert service.end() == 0


def test_what_does_not_fit_here_goes_to_others_and_steps_come_back_when_nobody_is_left(postgres, tmp_path, sluice_bin):
    def two_slow(project):
        slow_model(project, 15)
        project.write("models/slow2.sql", (project.folder / "models/slow.sql").read_text())

    leader, one = machines(postgres, tmp_path, sluice_bin, "both", 2, two_slow, settings="concurrency: 1\n")
    with Service(leader) as service, Worker(one, "--name", "one", "--slots", "1", "-v") as worker:
        service.wait_for("the worker 'one'")
        leader.json("trigger", "all")
        worker.wait_for('"begins"')
        service.wait_for("ended: ok")
        assert worker.end() == 0
        (tmp_path / "data" / "2.csv").write_text("id,amount\n3,1.5\n")
        service.wait_for("is gone")
        leader.json("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    same_as_alone(tmp_path, sluice_bin)


def test_a_worker_whose_lake_is_away_waits_for_it_and_its_step_goes_on(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "worker_lake_away", 2, with_slow(40))
    mounted, elsewhere = tmp_path / "mounted", tmp_path / "elsewhere"

    def mount(folder):  # without a moment in which there is none
        (tmp_path / "next").symlink_to(folder)
        (tmp_path / "next").rename(mounted)

    mount(tmp_path / "lake")
    with Service(leader) as service, Worker(one, "--name", "one", "-v", "--slots", "1", "--set", f"lake={mounted}") as worker:
        service.wait_for("the worker 'one'")
        leader.json("trigger", "all")
        who_begins("curated.slow", worker)
        begun = used_below(worker)
        until(lambda: used_below(worker) > begun + 0.7)  # it has opened what it reads
        mounted.unlink()
        assert "SL0861" in worker.wait_for("claims nothing until the lake is there")["message"]
        elsewhere.mkdir()
        (elsewhere / "_lake").write_text("0" * 36)
        mount(elsewhere)
        assert "another one" in worker.wait_for("claims nothing until the lake is there")["message"]
        mount(tmp_path / "lake")
        worker.wait_for("the lake is there again")
        worker.wait_for("handed in")
        service.wait_for("ended: ok")
        mounted.unlink()
        worker.wait_for("claims nothing until the lake is there")
        run = leader.json("trigger", "all", "--full-refresh")["run_id"]
        service.wait_for("no worker claims what is ready")
        mount(tmp_path / "lake")
        service.wait_for("ended: ok")
        assert worker.end() == 0 and service.end() == 0
    told = "".join(worker.seen)
    assert told.count("is not on this machine") == 2 and told.count("is another one") == 1 and "was told to end" not in told
    assert {step["machine"] for step in leader.json("status", run)["steps"]} == {"one"}


def test_refusals_say_what_to_do(postgres, tmp_path, sluice_bin):
    leader, one, two = machines(postgres, tmp_path, sluice_bin, "refused", 3)
    told = one.run("worker", exit_code=None)
    assert told.returncode != 0 and "SL0861" in told.stderr
    with Service(leader) as service:
        told = one.run("worker", "--set", f"lake={tmp_path}/elsewhere", exit_code=None)
        assert "SL0861" in told.stderr and "is not on this machine" in told.stderr
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "_lake").write_text("0" * 36)
        told = one.run("worker", "--set", f"lake={tmp_path}/elsewhere", exit_code=None)
        assert "SL0861" in told.stderr and "another one" in told.stderr
        with Worker(one, "--name", "one"):
            told = one.run("worker", "--name", "one", exit_code=None)
            assert "SL0862" in told.stderr and "--name" in told.stderr
            told = two.run("worker", "--name", "one", exit_code=None)  # another folder, as on another machine
            assert "SL0862" in told.stderr and "--name" in told.stderr
            with Worker(two, "--name", "one more") as more:
                more.process.kill()
            with Worker(one, "--name", "one more") as again:  # a killed one's name is free
                assert again.end() == 0
        assert service.end() == 0
    told = one.run("worker", "--state", str(tmp_path / "state"), exit_code=None)
    assert "SL0863" in told.stderr
    two.write("sluice.yml", f"name: shop\nlake: {tmp_path}/lake\n{REMOTE}")
    told = two.run("serve", "--listen", "none", exit_code=None)
    assert "SL0863" in told.stderr


def test_metrics_tell_of_machines_and_what_they_have(postgres, tmp_path, sluice_bin):
    (leader,) = machines(postgres, tmp_path, sluice_bin, "metrics", 1)
    with Service(leader, listen="127.0.0.1:0") as service, Worker(leader, "--name", "one", "--slots", "3") as worker:  # in one folder
        port = [json.loads(line) for line in service.seen if "listening on port" in line][0]["message"].split()[-1]
        service.wait_for("the worker 'one'")
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        assert 'sluice_machine_slots{machine="one"} 3' in text
        assert "sluice_steps_handed_out 0" in text
        leader.json("trigger", "all")
        service.wait_for("ended: ok")
        assert worker.end() == 0 and service.end() == 0
    same_as_alone(tmp_path, sluice_bin)


def test_a_worker_tells_systemd_when_it_is_ready_alive_read_anew_and_ending(postgres, tmp_path, sluice_bin):
    leader, one = machines(postgres, tmp_path, sluice_bin, "systemd", 2)
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, Service(leader):
        systemd.bind(str(path))
        systemd.settimeout(60)

        def wait_for(line):
            told = []
            while line not in told:
                told = systemd.recv(4096).decode().splitlines()
            return told

        with Worker(one, "--slots", "3", env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}) as worker:
            assert [line for line in wait_for("READY=1") if line.startswith("STATUS=3 steps at once, code ")]
            for _ in range(3):
                wait_for("WATCHDOG=1")
            worker.process.send_signal(signal.SIGHUP)
            wait_for("RELOADING=1")
            wait_for("READY=1")
            worker.process.send_signal(signal.SIGTERM)
            assert "STATUS=steps at work end, nothing new is claimed" in wait_for("STOPPING=1")
            assert worker.wait_for_end() == 0
