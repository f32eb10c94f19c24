"""Steps run in worker processes: one that dies fails its step only, and whoever kills all of them leaves whole tables."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

SLOW = "select count(*) as n from range(60000) a, range(60000) b where (a.range * b.range) % 7 = 3"
MODELS = {
    "models/first.sql": "select 1 as n",
    "models/slow.sql": SLOW,
    "models/after.sql": "select n from curated.slow",
    "models/other.sql": "select n + 1 as n from curated.first",
}


def make(project):
    project.write("sluice.yml", "name: workers\nchecks: {requirements: off}\nconcurrency: 2\n")
    for path, text in MODELS.items():
        project.write(path, text)
    return project


def begin(project, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.Popen([project.binary, "run", *arguments], cwd=project.folder, env={**environment, "NO_COLOR": "1"}, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def children(process):
    return [int(pid) for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def seconds_used(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_worker(process):
    """The worker that is at the slow step: it alone uses up the processor."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        for pid in children(process):
            try:
                if seconds_used(pid) > 2:
                    return pid
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError("no worker was busy")


def is_there(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number, name", [(signal.SIGKILL, "Killed"), (signal.SIGSEGV, "Segmentation fault")])
def test_a_worker_that_dies_fails_its_step_only(project, number, name):
    make(project)
    process = begin(project)
    os.kill(busy_worker(process), number)
    out, err = process.communicate(timeout=120)
    text = out + err
    assert process.returncode != 0
    assert "SL0716" in text and f"signal {int(number)} ({name}; peak memory" in text
    assert re.search(r"skipped +model after", text) and re.search(r"ok +model other", text)
    assert project.rows("curated.other") == [("2",)]
    # What is missing is done by the next run, and nothing else.
    project.write("models/slow.sql", "select 7 as n")
    project.run("run")
    assert project.rows("curated.after") == [("7",)]
    assert "nothing to do" in project.run("run").stdout


def test_workers_die_with_the_controller_and_the_next_run_goes_on(project):
    make(project)
    process = begin(project)
    pid = busy_worker(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    for _ in range(100):
        if not is_there(pid):
            break
        time.sleep(0.1)
    assert not is_there(pid)
    project.write("models/slow.sql", "select 7 as n")
    project.run("run")
    assert project.rows("curated.after") == [("7",)]


def test_a_second_interrupt_ends_what_a_worker_does(project):
    make(project)
    process = begin(project)
    pid = busy_worker(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0 and "SL0716" not in out + err
    assert not is_there(pid)


def test_every_worker_spills_into_a_folder_of_its_own_that_goes_with_it(project):
    project.write("sluice.yml", "name: spill\nchecks: {requirements: off}\nengine: {memory: 450MB, temp: spilled}\nconcurrency: 2\n")
    for name in "ab":
        project.write(f"models/{name}.sql", "select range as n, hash(range)::varchar as h from range(12000000) order by h")
    process = begin(project)
    seen = set()
    while process.poll() is None:
        seen |= {path.parent.name for path in project.folder.glob("spilled/spill-*/*")}
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert len(seen) == 2
    assert list((project.folder / "spilled").iterdir()) == []


def test_what_a_killed_worker_has_spilled_goes_with_the_next_run(project):
    project.write("sluice.yml", "name: spill\nchecks: {requirements: off}\n")
    project.write("models/a.sql", "select 1 as n")
    process = begin(project)
    process.communicate()
    left, mine = (project.folder / ".sluice" / f"spill-{pid}" for pid in (process.pid, os.getpid()))
    for folder in (left, mine):
        folder.mkdir()
        (folder / "duckdb_temp_storage-0.tmp").write_text("x")
    project.write("models/a.sql", "select 2 as n")
    project.run("run")
    assert not left.exists() and mine.exists()


@pytest.mark.heavy
def test_a_worker_killed_at_any_operation_loses_nothing(new_project, fault_bin):
    """Unlike kill -9 of all of it: the controller goes on, publishes what is whole, and the next run does the rest."""
    expected = make(new_project("expected"))
    for project in [expected]:
        project.write("models/slow.sql", "select 7 as n")
        project.run("run")
    tables = {name: expected.rows(f"curated.{name}") for name in ("first", "slow", "after", "other")}
    for number in range(1, 400):
        project = make(new_project(f"killed-{number}"))
        project.write("models/slow.sql", "select 7 as n")
        done = project.run("run", binary=fault_bin, env={"SLUICE_FAULT_KILL_WORKER": str(number)}, exit_code=None)
        assert done.returncode == 0 or "SL0716" in done.stdout + done.stderr, done
        project.run("run")
        assert {name: project.rows(f"curated.{name}") for name in tables} == tables
        if done.returncode == 0 and number > 100:
            return
    raise AssertionError("the run has no end")
