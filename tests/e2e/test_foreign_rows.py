"""Rows that another program commits to a table of Sluice, and logs that lack a commit: noticed by the next plan and run."""
import re
import shutil

import deltalake
import pytest

from conftest import contract_text

FILES = {
    "sluice.yml": "name: foreign\nchecks: {requirements: off}\nquarantine: {max_share: 0.9}\n",
    "sources/items.yml": "path: data/*.csv\n",
    "contracts/items.odcs.yml": contract_text("items", "{name: id, logicalType: integer, primaryKey: true, required: true}",
                                               "{name: day, logicalType: date, required: true}"),
    "models/whole.sql": "select count(*) as n from clean.items\n",
    "models/appended.sql": "/* sluice\nwrite: append\n*/ select id, day from clean.items\n",
    "models/days.sql": "/* sluice\nwrite: partition\npartition_by: [day]\n*/ select day, count(*) as n from clean.items group by day\n",
    "models/history.sql": "/* sluice\nwrite: snapshot\nkey: [id]\n*/ select id, day from clean.items\n",
}
REBUILT = ["clean.items", "quarantine.items", "curated.whole", "curated.appended", "curated.days"]
TABLES = REBUILT + ["curated.history"]
STEPS = {"clean.items": "cleanse items", "quarantine.items": "cleanse items", "raw.items": "ingest items"}
COLUMNS = {"quarantine.items": "payload, _source, _position", "curated.history": "id, day, is_current"}
DIGITS = "0" * 20


def add(project, number):
    project.write(f"data/{number}.csv", f"id,day\n{number},2026-01-0{number}\n{10 + number},2026-01-0{number + 1}\nbad{number},\n")


@pytest.fixture
def built(project):
    for path, text in FILES.items():
        project.write(path, text)
    for number in (1, 2):
        add(project, number)
        project.run("run")
    return project


def content(project):
    return {table: sorted(project.rows(table, COLUMNS.get(table, "*"))) for table in TABLES}


def step_of(table):
    return STEPS.get(table, f"model {table.split('.')[1]}")


def append_a_row(project, table):
    folder = str(project.table_folder(table))
    deltalake.write_deltalake(folder, deltalake.DeltaTable(folder).to_pyarrow_table().slice(0, 1), mode="append")


@pytest.mark.parametrize("table", REBUILT)
def test_a_table_to_which_another_program_adds_rows_is_built_anew(built, table):
    before = content(built)
    append_a_row(built, table)
    assert content(built) != before
    told = built.run("plan").stdout
    assert re.search(rf"^run +{step_of(table)} .*another program changed rows of {table} \(version", told, re.MULTILINE)
    done = built.run("run")
    assert f"another program changed rows of {table}" in done.stderr
    assert content(built) == before
    assert "nothing to do" in built.run("run").stdout


def test_new_files_do_not_hide_rows_that_another_program_added(built, new_project):
    append_a_row(built, "clean.items")
    add(built, 3)
    built.run("run")
    assert sorted(built.rows("clean.items", "id")) == sorted((str(n),) for n in (1, 11, 2, 12, 3, 13))


def test_a_history_to_which_another_program_adds_rows_is_refused(built):
    before = content(built)
    published = built.json("publications")
    append_a_row(built, "curated.history")
    done = built.run("run", exit_code=1)
    assert "SL0509" in done.stderr and "another program changed rows of curated.history" in done.stderr
    assert "sluice rollback" in done.stderr and "--full-refresh --yes" in done.stderr
    assert built.json("publications") == published
    built.run("rollback", "--to", "published")
    assert content(built) == before
    assert "nothing to do" in built.run("run").stdout


def test_a_quarantine_with_rows_of_another_program_takes_no_mark(built):
    append_a_row(built, "quarantine.items")
    done = built.run("quarantine", "discard", "items", "--all", "--reason", "x", exit_code=None)
    assert done.returncode == 1 and "SL0509" in done.stderr and "sluice run" in done.stderr
    built.run("run")
    assert "another program" not in built.run("plan").stdout


def test_rows_that_are_only_moved_or_vacuumed_are_no_change(built):
    before = content(built)
    for table in TABLES:
        delta = deltalake.DeltaTable(str(built.table_folder(table)))
        delta.optimize.compact()
        delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert "another program" not in built.run("plan").stdout
    assert "another program" not in built.run("run").stderr
    assert content(built) == before


@pytest.mark.parametrize("empty", [False, True], ids=["gone", "empty"])
@pytest.mark.parametrize("table", ["raw.items", "clean.items", "quarantine.items", "curated.days"])
def test_a_log_that_lacks_a_commit_stops_its_step_and_says_what_helps(built, table, empty):
    layer, name = table.split(".")
    folder = built.table_folder(table)
    commit = folder / f"_delta_log/{DIGITS}.json"
    before = content(built)
    commit.unlink()
    if empty:
        commit.touch()
    folders = [folder] if layer in ("raw", "curated") else [built.table_folder("clean.items"), built.table_folder("quarantine.items")]
    select = ["--select", {"quarantine": "clean"}.get(layer, layer) + "." + name]
    for arguments in (["run"], ["run", "--dry-run"], ["plan"], ["run", "--full-refresh", *select], ["query", f"select count(*) from {table}"]):
        done = built.run(*arguments, exit_code=1)
        assert "SL0503" in done.stderr and ("it is empty" if empty else "is missing") in done.stderr, arguments
        assert all(f"'{folder}'" in done.stderr for folder in folders), (arguments, done.stderr)
    built.run("plan", "--json", exit_code=1)
    built.run("plan", "-o", "plan.json", exit_code=1)
    assert not (built.folder / "plan.json").exists()
    for folder in folders:
        shutil.rmtree(folder)
    built.run("run")
    after = content(built)
    assert {table: after[table] for table in REBUILT} == {table: before[table] for table in REBUILT}


def test_a_data_file_that_is_gone_or_cut_off_is_told_with_what_helps(built):
    file = next(built.table_folder("clean.items").glob("*.parquet"))
    whole = file.read_bytes()
    file.unlink()
    for arguments in (["query", "select * from clean.items"], ["show", "clean.items"]):
        done = built.run(*arguments, exit_code=1)
        assert "SL0508" in done.stderr and file.name in done.stderr and "--full-refresh --select clean.items" in done.stderr
    file.write_bytes(whole[: len(whole) // 2])
    done = built.run("query", "select * from clean.items", exit_code=1)
    assert "magic bytes" in done.stderr and "--full-refresh --select clean.items" in done.stderr
