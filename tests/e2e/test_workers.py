"""Steps run in worker processes: one that dies has its step tried once more, then fails that step only, and whoever kills all of
them leaves whole tables."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import Project, contract_text
from test_retry import read_until

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


def busy_worker(process, seconds=0.7, but=None):
    """The worker that is at the slow step: it alone uses up the processor."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        for pid in children(process):
            try:
                if seconds_used(pid) > seconds and pid != but:
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
def test_a_step_that_kills_its_worker_twice_fails_and_it_only(project, number, name):
    make(project)
    process = begin(project, "--json")
    first = busy_worker(process)
    os.kill(first, number)
    os.kill(busy_worker(process, but=first), number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 5
    died = f"its worker process was ended by signal {int(number)} ({name}; peak memory"
    assert err.count(died) == 2 and err.count("it is tried again") == 1
    steps = {step["step"]: step for step in json.loads(out)["steps"]}
    slow = steps["model slow"]
    assert slow["status"] == "error" and slow["error"]["code"] == "SL0716" and slow["attempts"] == 2
    assert slow["worker_death"]["signal"] == number and slow["worker_death"]["exit_code"] is None
    assert slow["worker_death"]["peak_memory_bytes"] > 1_000_000
    assert (steps["model after"]["status"], steps["model after"]["attempts"], steps["model after"]["worker_death"]) == ("skipped", 0, None)
    assert (steps["model other"]["status"], steps["model other"]["attempts"]) == ("ok", 1)
    assert project.rows("curated.other") == [("2",)]
    # What is missing is done by the next run, and nothing else.
    project.write("models/slow.sql", "select 7 as n")
    project.run("run")
    assert project.rows("curated.after") == [("7",)]
    assert "nothing to do" in project.run("run").stdout


def test_a_step_whose_worker_died_is_done_by_another_one(project):
    make(project)
    project.write("size.csv", "n\n60000\n")
    project.write("models/slow.sql", f"select count(*) as n from (select unnest(range(n)) as y from read_csv('{project.folder}/size.csv')) b, range(60000) a where (a.range * y) % 7 = 3")
    process = begin(project)
    pid = busy_worker(process)
    project.write("size.csv", "n\n7\n")
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert "model slow: its worker process was ended by signal 9" in err and "it is tried again" in err and "at attempt 2" in err
    assert "SL0716" not in out + err
    assert project.rows("curated.after") == project.rows("curated.slow") == [(str(6 * 60000 // 7),)]
    assert "    attempts: 2" in project.run("logs").stdout
    kept = [line for line in project.json("logs")["lines"] if line["step"] == "model slow"]
    assert len(kept) == 1 and kept[0]["attempts"] == 2 and kept[0]["status"] == "ok" and kept[0]["worker_death"]["signal"] == 9
    status = project.json("status", kept[0]["run_id"])
    assert [step["attempts"] for step in status["steps"] if step["step"] == "model slow"] == [2]


def test_the_controller_of_a_run_has_no_engine_and_one_worker_is_enough(project):
    """What the engine is asked before the first step (here to parse the models) it is asked in the process that then does that step."""
    project.write("sluice.yml", "name: one\nchecks: {requirements: off}\nconcurrency: 1\n")
    project.write("models/slow.sql", SLOW)
    process = begin(project)
    pid = busy_worker(process)
    has_engine = {name: "libduckdb" in pathlib.Path(f"/proc/{name}/maps").read_text() for name in (process.pid, pid)}
    assert has_engine == {process.pid: False, pid: True}
    lock = (project.folder / ".sluice" / "run.lock").stat()
    held = {file.stat().st_ino for file in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    assert lock.st_ino in held  # as long as it is at work no other run begins
    for said in ("again to abort", "interrupted again"):
        process.send_signal(signal.SIGINT)
        read_until(process, said)
    process.communicate(timeout=60)


def kill_first(process, count):
    """So many of the processes that it starts, each as soon as it is there."""
    seen = set()
    while len(seen) < count and process.poll() is None:
        try:
            fresh = set(children(process)) - seen
        except OSError:  # it has ended
            break
        for pid in fresh:
            os.kill(pid, signal.SIGKILL)
        seen |= fresh
        time.sleep(0.0005)
    out, err = process.communicate(timeout=120)
    return seen, out, err


def test_an_engine_that_dies_while_it_is_planned_is_followed_by_another(project):
    """The second knows what the first was told, and becomes the first worker."""
    make(project)
    project.write("models/slow.sql", "select 7 as n")
    process = begin(project)
    killed, out, err = kill_first(process, 1)
    assert len(killed) == 1 and process.returncode == 0, out + err
    # On a busy machine it may have got as far as its first step.
    assert "SL0716" not in err
    assert project.rows("curated.after") == [("7",)] and project.rows("curated.other") == [("2",)]


def test_a_run_under_a_low_limit_of_open_files_says_so(project):
    make(project)
    told = set()
    for most in range(8, 26):
        project.write("models/slow.sql", f"select {most} as n")
        done = subprocess.run(["sh", "-c", f"ulimit -n {most}; exec '{project.binary}' run"], cwd=project.folder, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"}, timeout=120)
        text = done.stdout + done.stderr
        assert "out of memory" not in text and done.returncode >= 0, (most, text)
        if done.returncode:
            told.add("Too many open files" in text and "ulimit -n" in text)
    assert True in told
    project.run("run")
    assert project.rows("curated.after") == [("25",)]


@pytest.mark.parametrize("is_stopped", [False, True])
def test_workers_die_with_the_controller_and_the_next_run_goes_on(project, is_stopped):
    make(project)
    process = begin(project)
    pid = busy_worker(process)
    if is_stopped:
        os.kill(pid, signal.SIGSTOP)
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
    err = read_until(process, "again to abort")  # two at once would be one
    process.send_signal(signal.SIGINT)
    err += process.stderr.read()
    out = process.communicate(timeout=120)[0]
    assert process.returncode != 0 and "SL0716" not in out + err
    assert not is_there(pid)


def test_a_worker_that_was_stopped_does_not_keep_an_interrupted_run_from_ending(project):
    make(project)
    process = begin(project)
    pid = busy_worker(process)
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "its worker process was stopped and did not go on" in err, out + err
    assert not is_there(pid)
    project.write("models/slow.sql", "select 7 as n")
    project.run("run")  # the lock is free, and what there is whole
    assert project.rows("curated.after") == [("7",)] and project.rows("curated.other") == [("2",)]


def test_a_worker_that_is_let_go_on_ends_what_it_was_at(project):
    """An interrupted run waits for a worker at work, and for one that is stopped for a moment."""
    make(project)
    project.write("models/slow.sql", "select count(*) as n from range(60000) a, range(8000) b where (a.range * b.range) % 7 = 3")
    process = begin(project)
    pid = busy_worker(process)
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130 and "did not go on" not in err, out + err
    assert project.count("curated.slow") == 1


def test_three_interrupts_kill_workers_that_do_not_listen(project):
    make(project)
    process = begin(project)
    pid = busy_worker(process)
    os.kill(pid, signal.SIGSTOP)
    err = ""
    for said in ("again to abort", "interrupted again", "interrupted once more: workers are killed"):  # two at once would be one
        process.send_signal(signal.SIGINT)
        err += read_until(process, said)
    err += process.stderr.read()
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "interrupted three times" in err, out + err
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
    died = again = 0
    for number in range(1, int((counted.folder / "count").read_text()) + 1):
        project = make(new_project(f"killed-{number}"))
        project.write("models/slow.sql", "select 7 as n")
        done = project.run("run", "--json", binary=fault_bin, env={"SLUICE_FAULT_KILL_WORKER": str(number)})
        killed = [step for step in json.loads(done.stdout)["steps"] if step["attempts"] == 2]
        assert len(killed) == ("it is tried again" in done.stderr) and "SL0716" not in done.stderr
        for step in killed:
            assert step["status"] == "ok" and step["worker_death"]["signal"] == 9
            assert step["worker_death"]["stderr"][-1].startswith(f"killed at operation {number} ("), step
        died += len(killed)
        again += any("an attempt that failed had committed it" in step["why"] for step in killed)
        # One run does it all, whichever of its workers died: also what reads a table whose commit was the last thing it did.
        assert {name: project.rows(f"curated.{name}") for name in tables} == tables
        assert "nothing to do" in project.run("run").stdout
    assert died > 10  # the others were operations of the controller
    assert again


def test_the_last_words_of_a_worker_are_in_the_report_and_in_the_log_without_secrets(project, fault_bin):
    """From its second durable operation on each worker is killed; what it says has a word that is a secret here."""
    project.write("sluice.yml", "name: words\nchecks: {requirements: off}\n")
    project.write("targets/db.yml", "type: postgres\ndsn: ${env:DSN}\ndeliver: [{table: curated.a, to: a}]\n")
    project.write("models/a.sql", "select 1 as n")
    env = {"SLUICE_FAULT_KILL_WORKER": "20+", "DSN": "killed at operation"}
    done = project.run("run", "--select", "a", binary=fault_bin, env=env, exit_code=1)
    assert "SL0716" in done.stderr and "the last lines of its worker:" in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("  | ")]
    assert len(said) == 1 and re.fullmatch(r"  \| \*\*\* \d+ \(\w+\)", said[0]), done.stderr
    assert said[0].strip() in project.run("logs").stdout
    assert not [file for file in project.folder.glob(".sluice/**/*") if file.is_file() and b"killed at op" in file.read_bytes()]


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


@pytest.mark.parametrize("each", [5, pytest.param(2, marks=pytest.mark.heavy)])
def test_a_step_of_two_commits_whose_worker_died_reports_both(tmp_path, sluice_bin, fault_bin, each):
    """New rows and a replay: wherever the worker is killed, what both of its commits counted is what the run says."""
    contract = contract_text("orders", "{name: id, logicalType: integer, primaryKey: true}",
                             "{name: amount, logicalType: integer, logicalTypeOptions: {maximum: 10}}")
    made = Project(tmp_path / "made", sluice_bin)
    made.write("sluice.yml", "name: twice\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    made.write("sources/orders.yml", "path: data/*.csv\ncontract: contracts/orders.odcs.yml\n")
    made.write("contracts/orders.odcs.yml", contract)
    made.write("data/1.csv", "id,amount\n1,5\n2,50\n3,500\n")
    made.run("run")
    made.write("data/2.csv", "id,amount\n4,6\n5,60\n6,600\n")
    made.run("run", "--select", "raw.orders")
    made.write("contracts/orders.odcs.yml", contract.replace("maximum: 10", "maximum: 100"))

    def run(name, **fault):
        shutil.copytree(made.folder, tmp_path / name)
        project = Project(tmp_path / name, fault_bin)
        [step] = [step for step in project.json("run", "--select", "clean.orders", env=fault)["steps"] if step["step"] == "cleanse orders"]
        return project, step

    whole, expected = run("whole", SLUICE_FAULT_COUNT=str(tmp_path / "count"))
    ids = [record["run_id"] for record in whole.records("clean.orders")]
    assert ids.count(ids[-1]) == 2, "the step commits clean twice in this run"
    assert expected["rows"]["in"] == 5 and expected["rows"]["quarantined"] == 2
    told = ("status", "rows", "reasons")
    rows, again = whole.rows("clean.orders"), 0
    for number in range(1, int((tmp_path / "count").read_text()) + 1, each):
        project, step = run(f"killed-{number}", SLUICE_FAULT_KILL_WORKER=str(number))
        if step["attempts"] == 2:
            assert {key: step[key] for key in told} == {key: expected[key] for key in told}, number
            again += 1
        assert project.rows("clean.orders") == rows
        shutil.rmtree(project.folder)
    assert again > 1
