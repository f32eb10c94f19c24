"""Kills of the service and of its workers, at random, under load: the tables are those of a run that nobody has killed."""
import contextlib
import json
import os
import pathlib
import queue
import random
import signal
import time

import pytest

from test_backfill_service import ask, back, has_ended, served, wait_until  # noqa: F401
from test_serve import PATIENCE_S, Service, deliver, slow_model, until, write_shop

PIPELINES = (("ingest", "select: [raw.orders, clean.orders]\nwhen:\n  - files: orders\n    settle: 0s\n"),
             ("report", "select: [curated.total]\nwhen:\n  - table: clean.orders\n"),
             ("all", "when:\n  - cron: '* * * * * *'\noverlap: skip\n"))


def workers_of(process):
    return [int(pid) for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def kill_someone(chance, service):
    """The service, or one of its workers."""
    workers = workers_of(service.process)
    if workers and chance.random() < 0.5:
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has just ended by itself
        return False
    service.process.kill()
    service.process.wait()
    return True


def live(project, chance, rounds):
    """So many kills, each after some lines of the log; files arrive all the time."""
    delivered = 0
    while rounds > 0:
        with Service(project) as service:
            is_dead = False
            while not is_dead and rounds > 0:
                delivered += 1
                deliver(project, delivered, rows=chance.randrange(1, 50))
                for _ in range(chance.randrange(1, 8)):
                    assert service.news.get(timeout=PATIENCE_S) is not None
                is_dead = kill_someone(chance, service)
                rounds -= 1
    return delivered


def settle(project):
    with Service(project) as service:
        service.wait_for("nothing to do: no input has changed (cron", times=2)
        assert service.end() == 0


@pytest.mark.parametrize("seed,rounds", [(1, 12), (2, 12), pytest.param(3, 200, marks=pytest.mark.heavy)])
def test_tables_are_those_of_a_run_that_nobody_has_killed(project, new_project, seed, rounds):
    write_shop(project, *PIPELINES)
    delivered = live(project, random.Random(seed), rounds)
    settle(project)
    other = write_shop(new_project("other"))
    for number in range(1, delivered + 1):
        other.write(f"data/{number}.csv", (project.folder / f"data/{number}.csv").read_text())
    other.run("run")
    for table, columns in (("clean.orders", "id, amount"), ("curated.total", "*"), ("quarantine.orders", "payload")):
        assert project.rows(table, columns) == other.rows(table, columns)
    assert not [run for run in project.json("status")["runs"] if run["status"] in ("running", "queued")]
    steps = [json.loads(line) for log in (project.folder / ".sluice/logs").glob("*.jsonl") for line in log.read_text().splitlines()]
    assert steps and all(step["run_id"] for step in steps)


class Held:
    """Where the newest publication is told of: who plans or publishes waits there, and the test knows that it does."""

    def __init__(self, project):
        self.path = project.folder / "lake/_publications/_last"
        self.kept = self.path.read_bytes()
        self.path.unlink()
        os.mkfifo(self.path)

    def kill_readers(self, service, until):
        """Workers that wait there, until the log says that one of them had to do with the run."""
        end = time.monotonic() + PATIENCE_S
        while not any(until in line for line in service.seen):
            assert time.monotonic() < end, "".join(service.seen)
            try:
                writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads
                writer = None
            if writer is not None:
                for pid in workers_of(service.process):
                    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                        os.kill(pid, signal.SIGKILL)
                os.close(writer)
            try:
                service.seen.append(service.news.get(timeout=1 if writer is not None else 0.01))
            except queue.Empty:
                pass

    def let_go(self):
        """Those that wait go on."""
        writer = os.open(self.path, os.O_RDWR)
        self.path.with_suffix(".new").write_bytes(self.kept)
        self.path.with_suffix(".new").rename(self.path)
        os.close(writer)


def test_a_worker_killed_over_the_plan_of_a_run_or_its_publication_is_followed_by_another_one(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project) as service:
        service.wait_for("ended: ok")
        held = Held(project)
        deliver(project, 2)
        held.kill_readers(service, "could not be planned, attempt 1; again in")
        held.let_go()
        service.wait_for("ended: ok")
        slow_model(project, 15)
        service.wait_for("was read anew")
        deliver(project, 3)
        service.wait_for("begins (files orders)")
        held = Held(project)
        held.kill_readers(service, "could not be published, attempt 1; again in")
        held.let_go()
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("9",)]
    assert [run["status"] for run in project.json("status")["runs"]] == ["ok"] * 3
    newest = project.json("publications")["publications"][0]
    assert newest["run_id"] == project.json("status")["runs"][0]["run_id"]


def test_a_publication_whose_worker_dies_twice_ends_its_run_once_also_when_the_service_is_told_to_end(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    slow_model(project, 15)
    with Service(project) as service:
        service.wait_for("ended: ok")
        held = None
        for number in (2, 3):
            deliver(project, number)
            service.wait_for("total ok")  # planned, and the slow one is at work
            held = Held(project)
            held.kill_readers(service, "could not be published, attempt 1; again in" if number == 2 else "attempt 2; again in 1000 ms")
            if number == 2:
                held.kill_readers(service, "attempt 2; again in 1000 ms")
                held.let_go()
                service.wait_for("ended: ok")
                service.seen.clear()
        for _ in range(3):
            service.process.send_signal(signal.SIGTERM)
            service.wait_for("ending: ")
        assert service.wait_for_end() == 130, "".join(service.seen)
        held.let_go()
        assert any("ended: interrupted" in line for line in service.seen), "".join(service.seen)
    with Service(project) as service:
        service.wait_for("ended: nothing")  # what the last one had built is published
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("9",)]
    assert project.json("publications")["publications"][0]["number"] == 3


def test_a_worker_killed_over_the_plan_of_a_backfill_is_followed_by_another_one(back):  # noqa: F811
    with Service(back) as service:
        held = Held(back)
        begun = ask(back, "POST", "/api/v1/backfills", {"tables": ["daily"]})[1]["run_id"]
        held.kill_readers(service, "could not be planned, attempt 1; again in")
        held.let_go()
        document = wait_until(back, begun, has_ended)
        assert (document["status"], document["exit_code"], document["error"]) == ("ok", 0, None), document
        assert service.end() == 0
