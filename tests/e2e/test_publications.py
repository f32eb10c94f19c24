"""Publications: what belongs together is read together, and goes back together."""
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import deltalake
import pytest

from conftest import Project, rows_of, some_of
from test_kill import FILES, HEAD, PROJECT, TABLES, balances_close, clean_runs, contents, make  # noqa: F401

BROKEN_DAILY = PROJECT["models/daily.sql"].replace("{not_null: [day]}", "{expression: orders > 100}")
COUNT = "select (select count(*) from clean.orders) as clean, (select sum(orders)::int from curated.daily) as daily"


def publications(project):
    return project.json("publications")["publications"]


def counts(project, at=None):
    """Rows of clean, and how many rows of clean the model has seen."""
    return project.json("query", COUNT, *(["--at", at] if at else []))["rows"][0]


def test_a_run_ends_in_one_publication_and_nothing_new_in_none(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    first = project.json("run")
    assert first["publication"] == {"number": 1, "is_new": True, "withheld": []}
    listed = project.json("publications", "1")
    assert sorted(listed["tables"]) == sorted(TABLES)
    assert listed["run_id"] == first["run_id"]
    assert project.json("publications", first["run_id"][:8]) == listed
    project.run("run")
    assert len(publications(project)) == 1
    project.write("data/orders-2.csv", FILES[1])
    assert "published #2" in project.run("run").stdout
    assert [(p["number"], p["tables"], p["withheld"]) for p in publications(project)] == [(2, 7, 0), (1, 7, 0)]
    before, after = counts(project, "#1"), counts(project)
    assert before[0] == before[1] and after[0] == after[1] and before != after
    assert counts(project, "published") == after
    assert counts(project, project.json("publications", "1")["at"]) == before


def test_what_belongs_to_a_step_that_failed_is_withheld_and_independent_tables_go_on(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("sources/events.yml", "path: data/events.csv\n")
    project.write("data/events.csv", "a\n1\n")
    project.run("run")
    before = counts(project)
    project.write("models/daily.sql", BROKEN_DAILY)
    project.write("data/orders-2.csv", FILES[1])
    project.write("data/events.csv", "a\n1\n2\n")
    failed = project.run("run", exit_code=3)
    assert "version 1 of clean.orders is not published: curated.daily is not built from clean.orders as it is now" in failed.stderr
    newest, published = counts(project), counts(project, "published")
    assert newest[0] > newest[1]  # clean is ahead of the model
    assert published == before
    listed = project.json("publications", "2")
    assert listed["tables"]["raw.events"]["version"] == 1
    # Raw has gone on, but clean as it was published is built from the raw of then; so are the models over raw.
    assert {item["table"] for item in listed["withheld"]} == {
        "raw.orders", "clean.orders", "quarantine.orders", "curated.raw_lines", "curated.latest"}
    project.write("models/daily.sql", PROJECT["models/daily.sql"])
    project.run("run")
    assert counts(project, "published") == counts(project)
    assert publications(project)[0]["withheld"] == 0


def test_a_reader_that_polls_during_bad_builds_never_sees_tables_that_do_not_belong_together(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    seen, wrong, is_done = set(), [], threading.Event()

    def poll():
        folder = project.folder / "lake" / "_publications"
        while not is_done.is_set():
            tables = json.loads(max(folder.glob("0*.json")).read_text())["tables"]
            found = [deltalake.DeltaTable(str(project.table_folder(table)), version=tables[table]["version"]).to_pyarrow_table()
                     for table in ("clean.orders", "curated.daily")]
            total = sum(found[1].column("orders").to_pylist())
            seen.add(len(found[0]))
            if len(found[0]) != total:
                wrong.append((len(found[0]), total))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for round in range(12):
            is_bad = round % 4 != 3
            project.write("models/daily.sql", BROKEN_DAILY if is_bad else PROJECT["models/daily.sql"])
            project.write(f"data/orders-{round + 2}.csv", HEAD + f"{1000 + round},2026-01-01,1.00,1\n")
            project.run("run", exit_code=3 if is_bad else 0)
    finally:
        is_done.set()
        reader.join()
    assert not wrong
    assert max(seen) <= 40 + 12 and len(seen) > 1


def poll_newest(project, is_done):
    """Reads what the newest publication lists, over and over: how many times, the builds seen, and what is wrong."""
    folder, reads, seen, wrong = project.folder / "lake" / "_publications", 0, set(), []
    while not is_done.is_set():
        tables = json.loads(max(folder.glob("0*.json")).read_text())["tables"]
        at = {table: deltalake.DeltaTable(str(project.table_folder(table)), version=tables[table]["version"]) for table in tables}
        [model] = at["curated.newest"].to_pyarrow_table().to_pylist()
        raw = at["raw.build"].to_pyarrow_table().column("n").to_pylist()
        if raw != [str(model["newest"])] * model["rows"] or model["newest"] % 2:
            wrong.append((model, raw))
        seen.add(model["newest"])
        reads += 1
    return reads, seen, wrong


@pytest.mark.heavy
def test_a_reader_that_polls_during_hundreds_of_builds_half_of_them_bad_sees_none_of_those(project):
    """A slow machine does as many of them as half a minute allows, and 40 at least."""
    project.write("sluice.yml", "name: hundreds\n")
    project.write("sources/build.yml", "path: build.csv\n")
    project.write("models/newest.sql", "/* sluice\nchecks: [{expression: newest % 2 = 0}]\n*/\n"
                  "select max(n::int) as newest, count(*) as rows from raw.build\n")
    is_done, end = threading.Event(), time.monotonic() + 30
    with ThreadPoolExecutor(1) as pool:
        try:
            for build in range(500):
                if build >= 40 and time.monotonic() > end:
                    break
                project.write("build.csv", "n\n" + f"{build}\n" * (1 + build % 5))
                project.run("run", exit_code=3 if build % 2 else 0)
                if build == 0:
                    polled = pool.submit(poll_newest, project, is_done)
                builds = build + 1
        finally:
            is_done.set()
        reads, seen, wrong = polled.result()
    print(f"{builds} builds, {reads} reads of {len(seen)} of them")
    assert wrong == []
    assert publications(project)[0]["number"] == (builds + 1) // 2
    assert reads > builds and len(seen) > builds // 8


def test_what_a_killed_run_could_not_publish_the_next_one_does(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    shutil.rmtree(project.folder / "lake" / "_publications")
    assert "nothing to do" in project.run("run").stdout
    assert [p["number"] for p in publications(project)] == [1]
    assert counts(project, "published") == counts(project)


def test_a_rollback_brings_tables_positions_and_targets_back(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    project.write("data/orders-2.csv", FILES[1])
    run = project.json("run")["run_id"]
    versions = {table: len(project.records(table)) for table in TABLES}
    would = project.json("rollback", run, "--dry-run")
    assert {table["table"] for table in would["tables"] if table["changes"]} == set(TABLES)
    assert versions == {table: len(project.records(table)) for table in TABLES}
    assert contents(project) == clean_runs[1]
    done = project.run("rollback", run[:8])
    assert "7 tables as of publication #1" in done.stdout and "published #3" in done.stdout
    assert contents(project) == clean_runs[0]
    again = project.json("rollback", "#1", "--to", "--no-deliver")
    assert not any(table["changes"] for table in again["tables"])
    # The second file is new again; after it all is as if nothing had been rolled back.
    assert "1 new file" in project.run("plan", "--why").stdout
    project.run("run")
    assert contents(project) == clean_runs[1]
    balances_close(project)
    # A rollback can be rolled back.
    project.run("rollback", "1", "--to")
    assert contents(project) == clean_runs[0]
    project.run("rollback", "#2", "--to")
    assert contents(project) == clean_runs[1]
    assert "nothing to do" in project.run("run").stdout


def test_a_rollback_brings_the_columns_back_too(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    before = project.rows("curated.daily")
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("select day,", "select day, 1 as extra,"))
    run = project.json("run")["run_id"]
    assert project.rows("curated.daily") != before
    project.run("rollback", run)
    assert project.rows("curated.daily") == before
    assert "its SQL or settings changed" in project.run("plan", "--why").stdout


def test_a_table_whose_files_are_gone_cannot_go_back_and_then_none_does(tmp_path, sluice_bin, clean_runs):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    old = set(project.table_folder("curated.totals").glob("*.parquet"))
    project.write("data/orders-2.csv", FILES[1])
    run = project.json("run")["run_id"]
    for file in old:
        file.unlink()
    failed = project.run("rollback", run, exit_code=1)
    assert "SL0502" in failed.stderr and "curated.totals cannot go back to version 0: its data file '" in failed.stderr
    assert contents(project) == clean_runs[1]


@pytest.mark.parametrize("name, message", [
    ("99", "there is no publication 99"),
    ("deadbeef", "no publication is of run 'deadbeef'"),
    ("#1", "nothing was published before it"),
])
def test_a_name_of_no_publication_is_refused(tmp_path, sluice_bin, name, message):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    failed = project.run("rollback", name, exit_code=1)
    assert "SL0507" in failed.stderr and message in failed.stderr


def kill_rollback(tmp_path, fault_bin, clean_runs, choose):
    """Kills the rollback at those of its operations that `choose` takes; done again, or gone on from with a run, all is as it should be."""
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    base.write("data/orders-2.csv", FILES[1])
    base.run("run")
    probe = tmp_path / "probe"
    shutil.copytree(base.folder, probe)
    Project(probe, fault_bin).run("rollback", "2", env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    total = int((tmp_path / "count").read_text())
    assert total > 30
    for kill in choose(total):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        killed = project.run("rollback", "2", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert killed.returncode == -9, f"operation {kill} of {total}\n{killed.stderr}"
        if kill % 2:
            project.run("rollback", "1", "--to")
            assert contents(project) == clean_runs[0], f"killed at operation {kill} of {total}, rolled back again"
        project.run("run")
        assert contents(project) == clean_runs[1], f"killed at operation {kill} of {total}, then run"
        balances_close(project)
        assert counts(project, "published") == counts(project)


def few(total):
    return some_of(total, 5)


def test_a_killed_rollback_is_done_again_or_undone_by_a_run(tmp_path, fault_bin, clean_runs):
    kill_rollback(tmp_path, fault_bin, clean_runs, few)


@pytest.mark.heavy
def test_a_rollback_killed_at_more_durable_operations(tmp_path, fault_bin, clean_runs):
    kill_rollback(tmp_path, fault_bin, clean_runs, lambda total: some_of(total, 5, offset=2, but=few(total)))


def test_a_target_that_reads_what_is_published_waits_for_what_belongs_together(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("targets/files.yml", "type: parquet\npath: out\nreads: published\ndeliver:\n"
                  "  - {table: curated.daily, write: partition, partition_by: [day]}\n  - {table: curated.raw_lines, write: append}\n")
    project.run("run")
    lines = rows_of(f"{project.folder}/out/raw_lines/**/*.parquet")
    assert lines == project.rows("curated.raw_lines")
    project.write("models/daily.sql", BROKEN_DAILY)
    project.write("data/orders-2.csv", FILES[1])
    project.run("run", exit_code=3)
    # The model over raw has gone on, but it does not belong to the daily revenue as it is.
    assert project.rows("curated.raw_lines") != lines
    assert rows_of(f"{project.folder}/out/raw_lines/**/*.parquet") == lines
    project.write("models/daily.sql", PROJECT["models/daily.sql"])
    project.run("run")
    assert rows_of(f"{project.folder}/out/raw_lines/**/*.parquet") == project.rows("curated.raw_lines")
    assert rows_of(f"{project.folder}/out/daily/**/*.parquet") == project.rows("curated.daily")
    assert "nothing to do" in project.run("run").stdout
    project.run("rollback", "1", "--to")
    assert rows_of(f"{project.folder}/out/raw_lines/**/*.parquet") == lines
