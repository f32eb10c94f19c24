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
    time.sleep(0.5)  # two at once would be one
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
        seen |= {path.parent.name for path in project.folder.glob("spilled/sluice-spill-*/*")}
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert len(seen) == 2
    assert list((project.folder / "spilled").iterdir()) == []


def test_what_a_killed_worker_has_spilled_goes_with_the_next_run_and_nothing_else(project):
    project.write("sluice.yml", "name: spill\nchecks: {requirements: off}\nengine: {temp: scratch}\n")
    project.write("models/a.sql", "select 1 as n")
    project.run("run")
    spill, scratch = project.folder / ".sluice" / "spill", project.folder / "scratch"
    assert list(spill.iterdir()) == []
    folders = {name: scratch / name for name in ("sluice-spill-1", "sluice-spill-2", "spill-3", "mine")}
    folders["inside"] = spill / "4"
    for folder in folders.values():
        folder.mkdir()
        (folder / "duckdb_temp_storage-0.tmp").write_text("x")
    for number, folder in {"1": "sluice-spill-1", "5": "mine", "6": "sluice-spill-2"}.items():
        (spill / number).symlink_to(folders[folder])
    project.write("models/a.sql", "select 2 as n")
    project.run("run")
    assert {name for name, folder in folders.items() if folder.exists()} == {"sluice-spill-2", "spill-3", "mine"}
    assert list(spill.iterdir()) == []


@pytest.mark.heavy
def test_a_worker_killed_at_any_operation_loses_nothing(new_project, fault_bin):
    """Unlike kill -9 of all of it: the controller goes on, publishes what is whole, and the next run does the rest."""
    expected = make(new_project("expected"))
    for project in [expected]:
        project.write("models/slow.sql", "select 7 as n")
        project.run("run")
    tables = {name: expected.rows(f"curated.{name}") for name in ("first", "slow", "after", "other")}
    counted = make(new_project("counted"))
    counted.write("models/slow.sql", "select 7 as n")
    counted.run("run", binary=fault_bin, env={"SLUICE_FAULT_COUNT": str(counted.folder / "count")})
    died = 0
    for number in range(1, int((counted.folder / "count").read_text()) + 1):
        project = make(new_project(f"killed-{number}"))
        project.write("models/slow.sql", "select 7 as n")
        done = project.run("run", binary=fault_bin, env={"SLUICE_FAULT_KILL_WORKER": str(number)}, exit_code=None)
        died += "SL0716" in done.stdout + done.stderr
        assert (done.returncode != 0) == ("SL0716" in done.stdout + done.stderr), done
        project.run("run")
        assert {name: project.rows(f"curated.{name}") for name in tables} == tables
    assert died > 10  # the others were operations of the controller


def shares(project, *arguments):
    """Memory and threads that each step of a run had, in the order of the models."""
    project.run("run", *arguments)
    return [project.rows(f"curated.{path.stem}", "memory, threads")[0] for path in sorted((project.folder / "models").glob("*.sql"))]


def test_steps_share_memory_and_threads(project):
    project.write("sluice.yml", "name: shares\nchecks: {requirements: off}\nengine: {memory: 4GB, threads: 4}\nconcurrency: 4\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "a\n1\n")
    select = "select current_setting('memory_limit') as memory, current_setting('threads') as threads, count(*) as n from range(300000000) t(i) where i % 7 = {}"
    for name in "abcd":
        project.write(f"models/{name}.sql", select.format(1) + " and (select count(*) from raw.t) > 0")
    all_of_it = [("3.7 GiB", "4")]
    # The source alone, then four at once: whoever begins has a quarter.
    assert shares(project)[0] == ("953.6 MiB", "1")
    # What is fresh takes no share: neither of one that is built alone ...
    project.write("models/a.sql", select.format(2) + " and (select count(*) from raw.t) > 0")
    assert shares(project)[:1] == all_of_it
    # ... nor does a source with nothing new keep four from being counted.
    for name in "abcd":
        project.write(f"models/{name}.sql", select.format(3) + " and (select count(*) from raw.t) > 0")
    assert shares(project)[0] == ("953.6 MiB", "1")
