"""kill -9, failing disks, and several runs on the way: every table and every target equals the one of a single clean run."""
import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import Project, rows_of, some_of

PROJECT = {
    "sluice.yml": "name: kill\nchecks: {requirements: off}\nconcurrency: 1\n",
    "sources/orders.yml": "path: data/orders-*.csv\n",
    "contracts/orders.odcs.yml": """
apiVersion: v3.0.2
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    customProperties: [{property: sluice.orderBy, value: [updated]}]
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: day, logicalType: date, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)", logicalTypeOptions: {minimum: 0}}
      - {name: updated, logicalType: integer}
""",
    "models/daily.sql": """/* sluice
write: partition
partition_by: [day]
checks: [{not_null: [day]}]
*/
select day, count(*) as orders, sum(amount) as amount from clean.orders group by all""",
    "models/raw_lines.sql": """/* sluice
write: append
*/
select id, amount, _source from raw.orders""",
    "models/latest.sql": """/* sluice
write: merge
key: [day]
order_by: [id]
*/
select try_cast(day as date) as day, try_cast(id as bigint) as id from raw.orders where try_cast(day as date) is not null""",
    "models/totals.sql": "select count(*) as days, sum(amount) as amount from curated.daily",
    "targets/files.yml": """type: parquet
path: out
deliver:
  - {table: curated.daily, write: partition, partition_by: [day]}
  - {table: curated.raw_lines, write: append}
""",
    "targets/base.yml": """type: sqlite
path: out/base.sqlite
deliver:
  - {table: curated.daily, write: merge, key: [day]}
""",
}
HEAD = "id,day,amount,updated\n"
FILES = [
    HEAD + "".join(f"{i},2026-01-{1 + i % 5:02},{i}.50,1\n" for i in range(1, 41)) + "x,2026-01-01,1,1\n41,2026-01-01,-3,1\n",
    HEAD + "".join(f"{i},2026-01-{1 + i % 5:02},{i}.75,2\n" for i in range(30, 60)) + "61,2026-02-31,1,1\n62,1,2,3,4,5\n",
]
TABLES = {
    "raw.orders": "* exclude (_ingested_at)",
    "clean.orders": "*",
    "quarantine.orders": '* exclude ("at", run_id)',
    "curated.daily": "*",
    "curated.raw_lines": "*",
    "curated.latest": "*",
    "curated.totals": "*",
}


def make(folder, binary, files):
    project = Project(folder, binary)
    for path, text in PROJECT.items():
        project.write(path, text)
    for index in range(files):
        project.write(f"data/orders-{index + 1}.csv", FILES[index])
    return project


def contents(project):
    import sqlite3

    found = {table: project.rows(table, columns) for table, columns in TABLES.items()}
    for name in ("daily", "raw_lines"):
        found[f"out/{name}"] = rows_of(f"{project.folder}/out/{name}/**/*.parquet")
    with sqlite3.connect(project.folder / "out" / "base.sqlite") as base:
        found["base.sqlite"] = sorted(map(str, base.execute("select * from daily").fetchall()))
    return found


def balances_close(project):
    for table in TABLES:
        for record in project.records(table):
            rows = record.get("balance")
            if rows:
                assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record


@pytest.fixture(scope="module")
def clean_runs(tmp_path_factory, sluice_bin):
    """What a single run over one file, and over both, gives."""
    expected = []
    for files in (1, 2):
        project = make(tmp_path_factory.mktemp("clean") / "project", sluice_bin, files)
        project.run("run")
        expected.append(contents(project))
    assert expected[0] != expected[1]
    return expected


def test_a_second_run_does_nothing_and_says_so(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 2)
    project.run("run")
    versions = [len(list((project.table_folder(table) / "_delta_log").glob("*.json"))) for table in TABLES]
    again = project.run("run")
    assert "nothing to do" in again.stdout
    assert versions == [len(list((project.table_folder(table) / "_delta_log").glob("*.json"))) for table in TABLES]
    assert contents(project) == clean_runs[1]


def test_grown_input_gives_what_one_run_over_all_of_it_gives(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    assert contents(project) == clean_runs[0]
    project.write("data/orders-2.csv", FILES[1])
    project.run("run")
    assert contents(project) == clean_runs[1]
    balances_close(project)


def test_a_changed_file_is_a_new_version_of_its_rows(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 2)
    project.write("data/orders-1.csv", HEAD + "7,2026-01-03,1000.00,9\n")
    project.run("run")
    project.write("data/orders-1.csv", FILES[0])
    project.run("run")
    assert contents(project) == clean_runs[1]


def test_deleting_the_state_loses_history_only(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    shutil.rmtree(project.folder / ".sluice")
    assert "nothing to do" in project.run("run").stdout
    project.write("data/orders-2.csv", FILES[1])
    shutil.rmtree(project.folder / ".sluice")
    project.run("run")
    assert contents(project) == clean_runs[1]


def done_by(run):
    """What a run says of each step that makes a table, whoever did it."""
    return {step["step"]: (step["status"], step["rows"]) for step in run["steps"] if not step["step"].startswith("load ")}


def operations(project, fault_bin):
    """How many durable operations a run makes."""
    count = project.folder / "count"
    project.run("run", binary=fault_bin, env={"SLUICE_FAULT_COUNT": str(count)})
    return int(count.read_text())


def kill_at(tmp_path, fault_bin, clean_runs, choose, of_worker=False):
    """Kills at those operations of the run over the second file that `choose` takes of their number, and reruns; each time all must be
    as it should. Of a worker alone: then the step is tried again, and the same run comes to its end."""
    retried = 0
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    probe = tmp_path / "probe"
    shutil.copytree(base.folder, probe)
    (probe / "data" / "orders-2.csv").write_text(FILES[1])
    shutil.copytree(probe, tmp_path / "whole")
    done = done_by(Project(tmp_path / "whole", fault_bin).json("run"))
    total = operations(Project(probe, fault_bin), fault_bin)
    assert total > 50
    for kill in choose(total):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        project.write("data/orders-2.csv", FILES[1])
        if of_worker:
            run = project.json("run", env={"SLUICE_FAULT_KILL_WORKER": str(kill)})
            retried += any(step["attempts"] == 2 for step in run["steps"])
            assert done_by(run) == done, f"killed at operation {kill} of {total}"
        else:
            killed = project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
            assert killed.returncode == -9, f"operation {kill} of {total} did not kill: {killed.returncode}\n{killed.stderr}"
            project.run("run")
        assert contents(project) == clean_runs[1], f"killed at operation {kill} of {total}"
        balances_close(project)
    assert retried or not of_worker


def few(total):
    return some_of(total, 7)


def few_of_workers(total):
    return some_of(total, 23)


def test_killed_at_durable_operations_a_rerun_completes_the_work(tmp_path, fault_bin, clean_runs):
    kill_at(tmp_path, fault_bin, clean_runs, few)


@pytest.mark.heavy
def test_killed_at_all_other_durable_operations_a_rerun_completes_the_work(tmp_path, fault_bin, clean_runs):
    kill_at(tmp_path, fault_bin, clean_runs, lambda total: some_of(total, 1, but=few(total)))


def test_a_worker_killed_at_durable_operations_has_its_step_done_in_the_same_run(tmp_path, fault_bin, clean_runs):
    kill_at(tmp_path, fault_bin, clean_runs, few_of_workers, of_worker=True)


@pytest.mark.heavy
def test_a_worker_killed_at_more_durable_operations_has_its_step_done_in_the_same_run(tmp_path, fault_bin, clean_runs):
    """Every fifth; test_workers.py takes each one of a smaller project."""
    kill_at(tmp_path, fault_bin, clean_runs, lambda total: some_of(total, 5, offset=1, but=few_of_workers(total)), of_worker=True)


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO", "EACCES"])
def test_a_failing_disk_is_reported_and_the_old_versions_stay(tmp_path, fault_bin, clean_runs, errno):
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    for operation in range(5, 60, 9):
        folder = tmp_path / "failed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        project.write("data/orders-2.csv", FILES[1])
        failed = project.run("run", exit_code=None, env={"SLUICE_FAULT_FAIL": f"{operation}:{errno}", "SLUICE_RETRY_ATTEMPTS": "1"})
        assert failed.returncode in (0, 1, 5), failed.stderr
        for table, columns in TABLES.items():  # readable, and one version or the other
            project.rows(table, columns)
        project.run("run")
        assert contents(project) == clean_runs[1], f"failed at operation {operation}"


def test_a_full_disk_is_a_clear_error_and_a_rerun_with_space_completes(tmp_path, sluice_bin, clean_runs):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", disk]).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        project = make(tmp_path / "project", sluice_bin, 2)
        project.write("sluice.yml", PROJECT["sluice.yml"] + f"lake: {disk}/lake\n")
        project.write("data/orders-3.csv", HEAD + "".join(f"{i},2026-01-01,{i * 7919 % 100003}.13,{i * 31 % 1009}\n"
                                                          for i in range(100, 300000)))
        full = project.run("run", exit_code=None)
        assert full.returncode in (1, 5), full.stderr
        assert re.search("no space left|No space left", full.stdout + full.stderr), full.stderr
        (project.folder / "data/orders-3.csv").unlink()
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        project.run("run")
        (project.folder / "lake").symlink_to(disk / "lake")
        assert contents(project) == clean_runs[1]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_failing_branch_does_not_stop_the_others_and_retry_does_what_is_missing(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 2)
    broken = PROJECT["models/daily.sql"].replace("sum(amount)", "sum(amount) + cast(error('broken on purpose') as int)")
    project.write("models/daily.sql", broken)
    done = project.run("run", exit_code=5)
    assert "broken on purpose" in done.stderr
    assert project.rows("curated.raw_lines")
    report = project.json("status", project.json("status")["runs"][0]["run_id"])
    statuses = {step["table"]: step["status"] for step in report["steps"]}
    assert statuses["curated.daily"] == "error" and statuses["curated.totals"] == "skipped"
    project.write("models/daily.sql", PROJECT["models/daily.sql"])
    retried = project.json("retry")
    assert {step["table"] for step in retried["steps"]} == {
        "curated.daily", "curated.totals", "target.files.daily", "target.base.daily"}
    assert contents(project) == clean_runs[1]


def test_a_check_that_fails_publishes_nothing(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("{not_null: [day]}", "{expression: orders > 100}"))
    project.write("data/orders-2.csv", FILES[1])
    failed = project.run("run", exit_code=3)
    assert "SL0703" in failed.stderr
    assert project.rows("curated.daily") == clean_runs[0]["curated.daily"]


def test_more_rejects_than_the_budget_publish_nothing_and_end_with_4(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    rows = "".join(f"{i},2026-01-01,{'x' if i % 4 == 0 else '1.00'},1\n" for i in range(1, 201))
    project.write("data/orders-1.csv", HEAD + rows)
    done = project.run("run", exit_code=4)
    assert "budget" in done.stderr
    assert not (project.table_folder("clean.orders") / "_delta_log").exists()
    assert not (project.table_folder("quarantine.orders") / "_delta_log").exists()
    project.write("sources/orders.yml", "path: data/orders-*.csv\nquarantine: {max_share: 0.5}\n")
    project.run("run")
    assert project.count("quarantine.orders") == 50 and project.count("clean.orders") == 150


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 2)
    environment = dict(os.environ, NO_COLOR="1")
    running = [subprocess.Popen([str(sluice_bin), "run"], cwd=project.folder, env=environment, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0 or (process.returncode == 1 and "SL0108" in errors), errors
    project.run("run")
    assert contents(project) == clean_runs[1]


def test_ctrl_c_leaves_tables_whole(tmp_path, sluice_bin, clean_runs):
    import signal
    import time

    project = make(tmp_path / "project", sluice_bin, 2)
    project.write("sluice.yml", PROJECT["sluice.yml"].replace("concurrency: 1", "concurrency: 2"))  # the others go on beside it
    project.write("models/slow.sql", "select sum(a.range * b.range) as s from range(100000) a, range(100000) b, (select count(*) from clean.orders)")
    process = subprocess.Popen([str(sluice_bin), "run"], cwd=project.folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, env=dict(os.environ, NO_COLOR="1"))
    deadline = time.monotonic() + 240
    while not (project.table_folder("curated.totals") / "_delta_log").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert process.wait(timeout=10) == 130
    (project.folder / "models/slow.sql").unlink()
    project.run("run")
    assert contents(project) == clean_runs[1]
