"""Tables that others touched: logs cleaned up, tables removed, files rewritten or vacuumed. Whatever was done, the tables and the target
equal those of a single clean run over the same files."""
import shutil
import sqlite3

import deltalake
import pytest

from conftest import contract_text

FILES = {
    "sluice.yml": "name: others\nchecks: {requirements: off}\nquarantine: {max_share: 0.9}\n",
    "sources/items.yml": "path: data/*.csv\n",
    "contracts/items.odcs.yml": contract_text("items", "{name: id, logicalType: integer, primaryKey: true, required: true}",
                                               "{name: day, logicalType: date, required: true}"),
    "models/appended.sql": "/* sluice\nwrite: append\n*/ select id, day from clean.items\n",
    "models/days.sql": "/* sluice\nwrite: partition\npartition_by: [day]\n*/ select day, count(*) as n from clean.items group by day\n",
    "targets/out.yml": "type: sqlite\npath: out.db\ndeliver:\n  - {table: curated.appended, write: append}\n"
                       "  - {table: curated.days, write: partition, partition_by: [day]}\n",
}
TABLES = ["raw.items", "clean.items", "quarantine.items", "curated.appended", "curated.days"]
COLUMNS = {"raw.items": "id, day, _source, _position", "quarantine.items": "payload, _source, _position"}


def make(project):
    for path, text in FILES.items():
        project.write(path, text)
    add(project, 1)
    project.run("run")
    add(project, 2)
    project.run("run")
    return project


def add(project, number):
    project.write(f"data/{number}.csv", f"id,day\n{number},2026-01-0{number}\n{10 + number},2026-01-0{number + 1}\nbad{number},\n")


def state(project):
    tables = {table: project.rows(table, COLUMNS.get(table, "*")) for table in TABLES}
    with sqlite3.connect(project.folder / "out.db") as database:
        tables["target"] = [sorted(database.execute(f"select * from {name}")) for name in ("appended", "days")]
    return tables


def clean_up_log(project, tables):
    for table in tables:
        folder = project.table_folder(table)
        deltalake.DeltaTable(str(folder)).create_checkpoint()
        for commit in (folder / "_delta_log").glob("*.json"):
            commit.unlink()


def compact_and_vacuum(project, tables):
    for table in tables:
        delta = deltalake.DeltaTable(str(project.table_folder(table)))
        delta.optimize.compact()
        delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def remove(project, tables):
    for table in tables:
        shutil.rmtree(project.table_folder(table))


@pytest.mark.parametrize("tables", [[table] for table in TABLES] + [TABLES], ids=lambda tables: "+".join(tables))
@pytest.mark.parametrize("what", [clean_up_log, compact_and_vacuum, remove], ids=lambda what: what.__name__)
def test_what_others_do_to_a_table_loses_and_doubles_nothing(new_project, what, tables):
    project = make(new_project("project"))
    what(project, tables)
    add(project, 3)
    project.run("run")
    wanted = new_project("clean")
    for path, text in FILES.items():
        wanted.write(path, text)
    for number in (1, 2, 3):
        add(wanted, number)
    wanted.run("run")
    assert state(project) == state(wanted)
    assert "nothing to do" in project.run("run").stdout.lower()


def test_a_table_that_was_removed_and_built_from_other_files_is_another_one(new_project):
    project = make(new_project("project"))
    shutil.rmtree(project.table_folder("raw.items"))
    for number in (1, 2):
        (project.folder / f"data/{number}.csv").unlink()
    add(project, 3)
    project.run("run")
    assert project.rows("clean.items", "id") == [("13",), ("3",)]
    assert project.rows("curated.appended", "id") == [("13",), ("3",)]


def split_checkpoint(folder, parts):
    """A checkpoint in several parts, as the protocol allows writers to make them, and only the newest commit beside it; gives their paths."""
    import json

    import pyarrow.parquet

    log = folder / "_delta_log"
    deltalake.DeltaTable(str(folder)).create_checkpoint()
    last = json.loads((log / "_last_checkpoint").read_text())
    for commit in sorted(log.glob("*.json"))[:-1]:
        commit.unlink()
    whole = log / f"{last['version']:020}.checkpoint.parquet"
    rows = pyarrow.parquet.read_table(whole)
    paths = []
    for part in range(parts):
        paths.append(log / f"{last['version']:020}.checkpoint.{part + 1:010}.{parts:010}.parquet")
        pyarrow.parquet.write_table(rows.take(list(range(part, rows.num_rows, parts))), paths[-1])
    whole.unlink()
    (log / "_last_checkpoint").write_text(json.dumps({**last, "parts": parts}))
    return paths


@pytest.mark.parametrize("parts", [2, 3])
def test_a_checkpoint_in_several_parts_is_read_whole(new_project, parts):
    base, project = make(new_project("base")), make(new_project("project"))
    add(project, 3)
    project.run("run")
    before = state(project)
    split = {table: split_checkpoint(project.table_folder(table), parts) for table in TABLES}
    assert state(project) == before and "nothing to do" in project.run("run").stdout
    # Without _last_checkpoint the parts are found by their names.
    for table in TABLES:
        (project.table_folder(table) / "_delta_log/_last_checkpoint").unlink()
    assert state(project) == before
    for number in (3, 4):
        add(base, number)
        base.run("run")
    add(project, 4)
    project.run("run")
    assert state(project) == state(base)
    # A checkpoint that lacks a part is none: what it held is not known, and nothing is made up.
    for path in split["clean.items"][1:2]:
        path.unlink()
    done = project.run("query", "select count(*) from clean.items", exit_code=None)
    assert done.returncode == 1 and "SL05" in done.stderr
