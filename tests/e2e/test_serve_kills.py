"""Kills of the service and of its workers, at random, under load: the tables are those of a run that nobody has killed."""
import json
import os
import pathlib
import random
import signal

import pytest

from test_serve import PATIENCE_S, Service, deliver, write_shop

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
