"""What a run takes up, what it leaves alone, and what it says: staleness, retry, failures that must stay where they happen."""
import gzip
import json
import os
import re
import shutil
import subprocess

import duckdb
import pytest

from conftest import Project

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: day, logicalType: date, required: true}
      - {name: amount, logicalType: number}
"""
FILES = {
    "sluice.yml": "name: runs\nchecks: {requirements: off}\nconcurrency: 1\nquarantine: {max_share: 0.9}\n",
    "sources/orders.yml": "path: data/orders-*.csv\n",
    "contracts/orders.odcs.yml": CONTRACT,
    "models/daily.sql": "select day, count(*) as n, sum(amount) as amount from clean.orders group by day\n",
    "models/reasons.sql": "select _source, count(*) as n from quarantine.orders group by _source\n",
    "targets/out.yml": "type: csv\npath: out\ndeliver:\n  - {table: curated.daily, to: daily}\n  - {table: quarantine.orders, to: bad}\n",
}


def rows(number, *more):
    lines = [f"{number * 10 + i},2026-01-0{i + 1},{i}.5" for i in range(3)] + list(more)
    return "id,day,amount\n" + "\n".join(lines) + "\n"


def make(project, files=1, **more):
    for path, text in {**FILES, **more}.items():
        project.write(path, text)
    for number in range(1, files + 1):
        project.write(f"data/orders-{number}.csv", rows(number, "bad,2026-01-01,1"))
    return project


def copy_of(project, name):
    return Project(shutil.copytree(project.folder, project.folder.parent / name, symlinks=True), project.binary)


def out(project, name):
    return sorted(line for file in (project.folder / "out" / name).glob("*.csv") for line in file.read_text().splitlines()[1:])


def step(run, table):
    return next(step for step in run["steps"] if step["table"] == table)


# --- what reads quarantine


def test_what_reads_quarantine_is_stale_when_quarantine_has_more_rows(project):
    make(project).run("run")
    assert len(out(project, "bad")) == 1
    project.write("data/orders-2.csv", rows(2, "bad too,2026-01-01,1"))
    project.run("run", "--select", "raw.orders", "--select", "clean.orders")
    assert project.count("quarantine.orders") == 2
    assert "quarantine.orders changed" in project.run("plan").stdout
    project.run("run")
    assert len(out(project, "bad")) == 2
    assert project.count("curated.reasons") == 2
    assert "nothing to do" in project.run("run").stdout


def test_what_reads_quarantine_is_right_after_a_kill_between_its_commit_and_that_of_clean(new_project, sluice_bin, fault_bin):
    expected = make(new_project("expected"), files=2)
    expected.run("run")
    base = make(new_project("base"))
    base.run("run")
    base.write("data/orders-2.csv", rows(2, "bad,2026-01-01,1"))
    base.run("run", "--select", "raw.orders")
    for limit in range(1, 200):
        project = copy_of(base, f"killed-{limit}")
        done = project.run("run", "--select", "clean.orders", binary=fault_bin, env={"SLUICE_FAULT_KILL": str(limit)}, exit_code=None)
        assert done.returncode in (0, -9)
        half = project.count("quarantine.orders") == 2 and project.count("clean.orders") == 3
        if half:
            project.run("run", "--select", "curated.reasons", "--select", "target.out.bad")
            assert len(out(project, "bad")) == 2, "quarantine is committed: it can be read"
            project.run("run")
            assert len(out(project, "bad")) == 2
            assert project.rows("curated.reasons") == expected.rows("curated.reasons")
            assert project.rows("clean.orders") == expected.rows("clean.orders")
            return
        shutil.rmtree(project.folder)
        if done.returncode == 0:
            break
    pytest.fail("no kill fell between the two commits")


# --- files that cannot be read


def test_a_lasting_unreadable_file_fails_by_itself_on_every_run(project):
    make(project, files=1, **{"sources/orders.yml": "path: data/orders-*\n"})
    project.write("data/orders-5.csv.gz", gzip.compress(rows(5).encode())[:-20])
    project.run("run", exit_code=5)
    assert project.count("curated.daily") == 3
    project.write("models/daily.sql", "select day, count(*) as orders from clean.orders group by day\n")
    project.write("models/more.sql", "select id from clean.orders\n")
    second = project.json("run", exit_code=5)
    assert step(second, "raw.orders")["status"] == "partial"
    assert "orders-5.csv.gz" in " ".join(step(second, "raw.orders")["notes"])
    assert step(second, "clean.orders")["status"] == "nothing"
    assert step(second, "curated.daily")["status"] == "ok" and step(second, "target.out.daily")["status"] == "ok"
    assert step(second, "target.out.bad")["status"] == "nothing"
    assert project.count("curated.more") == 3
    project.write("data/orders-6.csv", rows(6))
    project.run("run", exit_code=5)
    assert project.count("curated.more") == 6
    third = project.json("run", exit_code=5)
    assert {entry["status"] for entry in third["steps"]} == {"partial", "nothing"}


def test_files_of_which_none_can_be_read_are_an_error_where_there_is_no_table(project):
    make(project, files=0, **{"sources/orders.yml": "path: data/orders-*\n"})
    project.write("data/orders-5.csv.gz", gzip.compress(rows(5).encode())[:-20])
    run = project.json("run", exit_code=1)
    assert step(run, "raw.orders")["status"] == "error"
    assert step(run, "clean.orders")["status"] == "skipped"


# --- retry


def statuses(run):
    return {entry["table"]: entry["status"] for entry in run["steps"] if entry["status"] != "nothing"}


@pytest.mark.parametrize("limit", [1, 10, 30])
def test_retry_does_what_a_kill_left_undone(project, fault_bin, limit):
    make(project).run("run")
    for number in (2, 3):
        project.write(f"data/orders-{number}.csv", rows(number, "bad,2026-01-01,1"))
    project.write("models/more.sql", "select id from clean.orders\n")
    project.run("run", binary=fault_bin, env={"SLUICE_FAULT_KILL": str(20 + limit)}, exit_code=-9)
    assert project.json("retry")["exit_code"] == 0
    assert project.count("curated.more") == 9 and len(out(project, "bad")) == 3
    assert "nothing to do" in project.run("run").stdout
    assert "nothing to retry" in project.run("retry").stdout


def test_retry_in_a_project_that_never_ran_and_after_its_history_was_deleted_does_all_that_is_missing(project):
    make(project)
    assert len(statuses(project.json("retry"))) == 6
    shutil.rmtree(project.folder / ".sluice")
    project.write("models/more.sql", "select id from clean.orders\n")
    assert statuses(project.json("retry")) == {"curated.more": "ok"}
    assert "nothing to retry" in project.run("retry").stdout


def test_retry_leaves_alone_what_is_stale_but_did_not_fail(project):
    make(project).run("run")
    project.write("data/orders-2.csv", rows(2))
    project.write("models/bad.sql", "select 1/0 as x, error('no') as y from clean.orders\n")
    project.run("run", "--select", "curated.bad", exit_code=1)
    assert statuses(project.json("retry", exit_code=1)) == {"curated.bad": "error"}


# --- models that follow the clock or files


@pytest.mark.parametrize("settings", ["", "/* sluice\nwrite: partition\npartition_by: [day]\n*/ ", "/* sluice\nwrite: append\n*/ ",
                                      "/* sluice\nwrite: merge\nkey: [id]\n*/ "], ids=["full", "partition", "append", "merge"])
def test_a_model_that_follows_the_clock_or_files_is_built_whole_on_every_run(project, settings):
    make(project, **{
        "models/recent.sql": settings + "select id, day from clean.orders where day <= current_date",
        "models/limits.sql": settings + f"select id, day from clean.orders where id in (select column0 from read_csv('{project.folder}/limits.csv', header = false))",
        "models/stamped.sql": settings + "select id, day, now() as loaded_at from clean.orders",
        "limits.csv": "10\n11\n",
    })
    project.run("run")
    assert project.count("curated.limits") == 2
    for _ in range(2):  # the second reads what the SQL depends on from the cache
        assert "it reads current_date" in project.run("plan").stdout
    project.write("limits.csv", "10\n")
    run = project.json("run")
    assert statuses(run) == {"curated.recent": "ok", "curated.limits": "ok"}
    assert step(run, "curated.recent")["why"] == "it reads current_date"
    assert step(run, "curated.limits")["why"] == "it reads what read_csv() gives"
    assert project.count("curated.limits") == 1 and project.count("curated.recent") == 3
    project.write("data/orders-2.csv", rows(2))
    assert step(project.json("run"), "curated.recent")["why"] == "it reads current_date"
    assert project.count("curated.recent") == 6


# --- environments and targets


TARGETS = {
    "csv": "type: csv\npath: out\ndeliver:\n  - {table: curated.daily, to: daily}\n",
    "parquet": "type: parquet\npath: out\ndeliver:\n  - {table: curated.daily, to: daily, write: merge, key: [day]}\n",
    "sqlite": "type: sqlite\npath: out.db\ndeliver:\n  - {table: curated.daily, to: daily, write: append}\n",
    "duckdb": "type: duckdb\npath: out.db\ndeliver:\n  - {table: curated.daily, to: daily}\n",
}


def out_files(project):
    places = [project.folder / "out.db", *(project.folder / "out").rglob("*.*")]
    return {str(place): place.read_bytes() for place in places if place.is_file()}


@pytest.mark.parametrize("kind", TARGETS)
def test_an_environment_does_not_overwrite_what_another_delivered(project, kind):
    make(project, **{
        "sluice.yml": FILES["sluice.yml"] + "environments:\n  dev: {lake: lake-dev}\n  fast: {concurrency: 4}\n",
        "targets/out.yml": TARGETS[kind],
    })
    project.run("run")
    before = out_files(project)
    assert "target.out.daily" in str(statuses(project.json("-e", "dev", "run", exit_code=None)))
    project.write("data/orders-2.csv", rows(2))
    for arguments in (["run"], ["run"], ["run", "--full-refresh"]):
        run = project.json("-e", "dev", *arguments, exit_code=None)
        load = step(run, "target.out.daily")
        assert (load["status"], load["error"]["code"]) == ("error", "SL0803")
        assert "by project 'runs', no environment, from another lake" in load["error"]["message"]
        assert run["exit_code"] in (1, 5)
        assert out_files(project) == before
    # Who shares the lake shares the delivery, and a lake that is built anew delivers anew.
    assert statuses(project.json("-e", "fast", "run"))["target.out.daily"] == "ok"
    assert "nothing to do" in project.run("run").stdout
    shutil.rmtree(project.folder / "lake")
    assert statuses(project.json("run"))["target.out.daily"] == "ok"


@pytest.mark.parametrize("settings", ["", "write: append", "write: merge\nkey: [x]", "write: partition\npartition_by: [x]"])
@pytest.mark.parametrize("end", [";", ";;", "; -- c", "; /* c */ ;\n"])
def test_a_model_may_end_in_semicolons_and_comments(project, settings, end):
    project.write("sluice.yml", "name: ends\nchecks: {requirements: off}\n")
    project.write("models/a.sql", (f"/* sluice\n{settings}\n*/\n" if settings else "") + "select 1 as x, 2 as y" + end)
    project.run("check")
    project.run("run")
    assert project.count("curated.a") == 1


@pytest.mark.parametrize("kind", ["csv", "sqlite", "duckdb"])
def test_environments_and_names_of_one_lake_continue_each_others_deliveries(project, kind):
    place = {"csv": "path: out", "sqlite": "path: out.db", "duckdb": "path: out.db"}[kind]
    project.write("sluice.yml", "name: one\nchecks: {requirements: off}\nenvironments: {dev: {concurrency: 1}}\n")
    project.write("sources/items.yml", "path: data/*.csv\n")
    project.write("models/items.sql", "/* sluice\nwrite: append\n*/ select a from raw.items\n")
    project.write("targets/out.yml", f"type: {kind}\n{place}\ndeliver: [{{table: curated.items, to: items, write: append}}]\n")
    for number, arguments in enumerate((["run"], ["-e", "dev", "run"], ["run"], ["--set", "name=two", "run"])):
        project.write(f"data/{number}.csv", f"a\n{number}\n")
        load = step(project.json(*arguments), "target.out.items")
        assert load["status"] == "ok" and load["rows"]["out"] == 1 and (number == 0) == (load["why"] == "never delivered")


# --- what cannot be looked at


BESIDE = {"sources/other.yml": "path: more/other-*.csv\n", "more/other-1.csv": "a\n1\n", "models/beside.sql": "select a from raw.other\n"}


def test_a_folder_that_cannot_be_listed_fails_its_own_step_only(project):
    make(project, **BESIDE, **{"sources/orders.yml": "path: data/**/orders-*.csv\n"}).run("run")
    (project.folder / "data" / "/".join(["d"] * 120)).mkdir(parents=True)  # deeper than we look: an error for root too
    project.write("more/other-2.csv", "a\n2\n")
    project.write("data/orders-2.csv", rows(2))
    assert re.search(r"run +ingest orders .*it cannot be looked at: more than 100 folders", project.run("plan").stdout)
    run = project.json("run", exit_code=5)
    found = statuses(run)
    assert found["raw.orders"] == "error" and found["clean.orders"] == "skipped" and found["curated.daily"] == "skipped"
    assert "'ingest orders' failed" in step(run, "clean.orders")["error"]["message"]
    assert found["raw.other"] == "ok" and found["curated.beside"] == "ok"


@pytest.mark.parametrize("table", ["raw.orders", "clean.orders", "quarantine.orders", "curated.daily"])
def test_a_damaged_commit_fails_the_steps_that_need_it_and_no_other(project, table):
    make(project, **BESIDE).run("run")
    (project.table_folder(table) / "_delta_log" / f"{0:020}.json").write_text("{broken\n")
    project.write("more/other-2.csv", "a\n2\n")
    project.write("data/orders-2.csv", rows(2))
    assert "cannot be looked at: " in project.run("plan", exit_code=1).stdout
    found = statuses(project.json("run", exit_code=5))
    owner = table.replace("quarantine", "clean")
    assert found[owner] == "error" and found["curated.beside"] == "ok"
    assert found["target.out.daily"] == "skipped"
    if table == "curated.daily":
        assert "target.out.bad" not in found or found["target.out.bad"] == "ok"
    project.run("check", exit_code=None)
    assert f"{owner} cannot be looked at" in project.run("ls").stderr


def test_what_reads_a_damaged_table_is_not_fresh_by_itself(project):
    make(project).run("run")
    (project.table_folder("clean.orders") / "_delta_log" / f"{0:020}.json").write_text("{broken\n")
    run = project.json("run", "--select", "curated.daily", exit_code=1)
    assert statuses(run) == {"curated.daily": "error"}


# --- what plan and run say


def test_a_vanished_file_is_reported_whatever_else_runs(project):
    make(project, files=2).run("run")
    (project.folder / "data" / "orders-1.csv").unlink()
    gone = "ingest orders: 1 file gone since the last run; the rows stay in raw.orders"
    assert gone in project.run("plan").stderr
    project.write("models/more.sql", "select id from clean.orders\n")
    assert gone in project.run("plan").stderr
    assert gone in project.run("run", "--dry-run").stderr
    done = project.run("run")
    assert gone in done.stderr and project.count("curated.more") == 6
    assert gone in project.run("run").stderr
    project.write("data/orders-3.csv", rows(3))
    done = project.run("run")
    told = done.stdout + done.stderr
    assert told.count("orders-1.csv is gone") == 1 and gone not in told


def test_the_plan_says_what_will_change_and_which_partitions(project):
    make(project, **{"models/daily.sql": "/* sluice\nwrite: partition\npartition_by: [day]\n*/ select day, count(*) as n from clean.orders group by day\n"})
    assert "clean.orders will be built" in project.run("plan", "--why").stdout
    project.run("run")
    project.write("data/orders-2.csv", rows(2))
    assert re.search(r"after +model daily .* clean.orders will change\n", project.run("plan").stdout)
    project.run("run", "--select", "raw.orders", "--select", "clean.orders")
    plan = project.run("plan").stdout
    assert re.search(r"clean.orders changed: version 1, built from 0: 3 partitions: day=2026-01-01; day=2026-01-02; day=2026-01-03\n", plan), plan
    project.run("run")
    project.write("data/orders-3.csv", "id,day,amount\n" + "".join(f"{100 + i},2026-02-{i + 1:02},1\n" for i in range(5)))
    project.run("run", "--select", "raw.orders", "--select", "clean.orders")
    assert "5 partitions: day=2026-02-01; day=2026-02-02; day=2026-02-03; and 2 more" in project.run("plan").stdout


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "csv"])
def test_the_plan_names_the_partitions_of_a_delivery_as_the_run_does(project, kind):
    """A folder is written whole, and the plan says that."""
    target = f"type: {kind}\npath: out/base\ndeliver:\n  - {{table: clean.orders, to: orders, write: partition, partition_by: [day, id]}}\n"
    make(project).write("targets/out.yml", target)
    project.run("run")
    project.write("data/orders-2.csv", rows(2))
    project.run("run")
    project.write("data/orders-3.csv", "id,day,amount\n31,2026-01-01,1\n10,2026-02-01,2\n")
    project.run("run", "--select", "raw.orders", "--select", "clean.orders")
    node = next(node for node in project.json("plan")["nodes"] if node["name"] == "target.out.orders")
    done = step(project.json("run"), "target.out.orders")
    if kind == "csv":
        assert "partitions" not in node and node["why"][-1] == done["why"] == "its table changed"
        assert done["partition"] is None and done["was_full"]
        return
    touched = ["day=2026-01-01, id=10", "day=2026-01-01, id=31", "day=2026-02-01, id=10"]
    assert node["partitions"] == done["partition"] == touched and not done["was_full"]
    project.write("data/orders-4.csv", "id,day,amount\n41,2026-01-01,1\n")
    project.run("run", "--select", "raw.orders", "--select", "clean.orders")
    assert "1 partition: day=2026-01-01, id=41" in project.run("plan").stdout
    assert "asked for by --full-refresh" in project.run("plan", "--full-refresh", "--select", "target.out.orders").stdout


# --- types that no column holds together


@pytest.mark.parametrize("nested", ["{'a': 1, 'b': 'x'}", "[1, 2]", "map {'k': 1}"])
@pytest.mark.parametrize("text_is", ["first", "second", "later"])
def test_text_beside_a_nested_type_is_told_to_be_split_off_and_that_helps(project, nested, text_is):
    project.write("sluice.yml", FILES["sluice.yml"])
    project.write("sources/t.yml", "path: data/*.parquet\n")
    (project.folder / "data").mkdir()

    def put(name, value):
        duckdb.sql(f"copy (select {value} as v) to '{project.folder}/data/{name}.parquet'")

    put("b-nested", nested)
    if text_is == "later":
        project.run("run")
    put("a-text" if text_is == "first" else "c-text", "'some text'")
    for arguments in ([], ["--full-refresh"]):
        notes = step(project.json("run", *arguments, exit_code=5), "raw.t")["notes"]
        assert "-text.parquet': column 'v' is VARCHAR in the file" in notes[0]
        assert notes[0].endswith("no type holds both: give the files of each type a source of their own, with paths that tell them apart")
    project.write("sources/t.yml", "path: data/*-nested.parquet\n")
    project.write("sources/u.yml", "path: data/*-text.parquet\n")
    project.run("run")
    assert project.count("raw.t") == project.count("raw.u") == 1


# --- disks


def test_a_run_goes_on_where_only_the_history_cannot_be_written(project):
    make(project)
    project.write(".sluice/state.db/file", "a folder in the way")
    done = project.run("run")
    assert "history is not kept" in done.stderr and project.count("curated.daily") == 3
    project.write("models/more.sql", "select id from clean.orders")
    assert "history cannot be read" in project.run("retry").stderr
    assert project.count("curated.more") == 3


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("full", [".sluice", "lake"])
def test_a_full_disk_is_told_as_one_with_the_folder(project, small_disk, full):
    make(project)
    (project.folder / full).symlink_to(small_disk)
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        with pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
    if full == ".sluice":
        project.write("sluice.yml", FILES["sluice.yml"] + "engine: {temp: /tmp}\n")
        (small_disk / "run.lock").touch()
        done = project.run("run")
        assert re.search(r"history is not kept: .*no space left to write '.*/disk/state.db'", done.stderr), done.stderr
        assert project.count("curated.daily") == 3
    else:
        run = project.json("run", exit_code=1)
        error = step(run, "raw.orders")["error"]
        assert error["code"] == "SL0103" and "lake/raw/orders" in error["message"] and error["hint"].startswith("make room")


# --- what a failed step staged


def data_files(project):
    return {str(file) for file in (project.folder / "lake").rglob("*.parquet") if "_delta_log" not in file.parts}


@pytest.mark.parametrize("settings", ["", "write: partition\npartition_by: [day]\n", "write: merge\nkey: [id]\n", "write: append\n"],
                         ids=["full", "partition", "merge", "append"])
def test_a_failing_check_leaves_no_data_files_behind(project, settings):
    model = "/* sluice\n" + settings + "checks: [{expression: id < 20}]\n*/ select id, day from clean.orders"
    make(project, **{"models/checked.sql": model}).run("run")
    project.write("data/orders-2.csv", rows(2))
    project.run("run", "--exclude", "curated.checked")
    before = data_files(project)
    for _ in range(2):
        project.run("run", exit_code=3)
        assert data_files(project) == before
    assert project.count("curated.checked") == 3


def test_a_quarantine_over_its_budget_and_a_bad_file_leave_no_data_files_behind(project):
    make(project, **{"sluice.yml": FILES["sluice.yml"].replace("0.9", "0.4, min_rows: 1"), "sources/orders.yml": "path: data/*\n"}).run("run")
    project.write("data/orders-2.csv", rows(2, *["bad,2026-01-01,1"] * 9))
    project.run("run", "--select", "raw.orders")
    before = data_files(project)
    project.write("data/broken.csv.gz", gzip.compress(rows(5).encode())[:-20])
    for _ in range(2):
        project.run("run", exit_code=4)
        assert data_files(project) == before


def test_a_commit_that_failed_half_way_never_loses_a_file_that_the_log_names(new_project, fault_bin):
    done = False
    base = make(new_project("base"))
    base.run("run")
    base.write("data/orders-2.csv", rows(2, "bad,2026-01-01,1"))
    for limit in range(1, 400, 31):
        project = copy_of(base, f"failed-{limit}")
        done = project.run("run", binary=fault_bin, env={"SLUICE_FAULT_FAIL": f"{limit}:EIO", "SLUICE_RETRY_ATTEMPTS": "1"}, exit_code=None).returncode == 0
        for table in ("raw.orders", "clean.orders", "quarantine.orders", "curated.daily", "curated.reasons"):
            project.rows(table)
        project.run("run")
        assert project.count("clean.orders") == 6 and project.count("quarantine.orders") == 2
        shutil.rmtree(project.folder)
        if done and limit > 150:
            break
