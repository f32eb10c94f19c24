"""Deliveries: every kind of target with every write mode holds what the table holds, after each of several runs."""
import json
import sqlite3

import duckdb
import pytest

HEAD = "id,day,amount,name\n"
BATCHES = [
    HEAD + "".join(f"{i},2026-01-0{1 + i % 3},{i}.25,n{i}\n" for i in range(1, 31)),
    HEAD + "".join(f"{i},2026-01-0{1 + i % 3},{i}.75,\"quoted, {i}\"\n" for i in range(31, 41)),
    HEAD + "5,2026-01-09,5.00,changed\n41,2026-01-02,,\n",
]
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: t
name: things
version: 1.0.0
status: active
schema:
  - name: things
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: day, logicalType: date}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)"}
      - {name: name, logicalType: string}
"""
WRITES = {
    "full": "write: full",
    "append": "write: append",
    "merge": "write: merge, key: [id]",
    "partition": "write: partition, partition_by: [day]",
}
COLUMNS = "id, day, amount, name"


def make(project, target, write):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/things.yml", "path: data/*.csv\n")
    project.write("contracts/things.yml", CONTRACT)
    project.write("models/things.sql", f"select {COLUMNS} from clean.things")
    project.write("targets/out.yml", f"{target}deliver:\n  - {{table: clean.things, to: delivered, {WRITES[write]}}}\n")


def expected(project):
    table = project.delta("clean.things")
    connection = duckdb.connect()
    connection.register("t", table)
    return connection.execute(f"select id::varchar, day::varchar, amount::double::varchar, name from t order by id").fetchall()


def from_duckdb(sql, *setup):
    connection = duckdb.connect()
    for statement in setup:
        connection.execute(statement)
    return connection.execute(f"select id::varchar, day::varchar, amount::double::varchar, name from {sql} order by id::int").fetchall()


READERS = {
    "parquet": ("type: parquet\npath: out\n", lambda p: from_duckdb(
        f"read_parquet('{p}/out/delivered/**/*.parquet', hive_partitioning=true, hive_types_autocast=true)")),
    "csv": ("type: csv\npath: out\n", lambda p: from_duckdb(
        f"read_csv('{p}/out/delivered/**/*.csv', hive_partitioning=true, union_by_name=true)")),
    "jsonl": ("type: jsonl\npath: out\n", lambda p: from_duckdb(
        f"read_json('{p}/out/delivered/**/*.jsonl', hive_partitioning=true, union_by_name=true)")),
    "duckdb": ("type: duckdb\npath: out/base.duckdb\n", lambda p: from_duckdb(
        "b.delivered", f"attach '{p}/out/base.duckdb' as b (read_only)")),
    "sqlite": ("type: sqlite\npath: out/base.sqlite\n", lambda p: [
        (str(i), str(d)[:10] if d else None, str(float(a)) if a is not None else None, n)
        for i, d, a, n in sqlite3.connect(p / "out/base.sqlite").execute(f"select {COLUMNS} from delivered order by id")]),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("kind", READERS)
def test_a_target_holds_what_its_table_holds_after_every_run(project, kind, write):
    target, read = READERS[kind]
    make(project, target, write)
    for number, batch in enumerate(BATCHES):
        project.write(f"data/{number}.csv", batch)
        project.run("run")
        assert read(project.folder) == expected(project), f"after run {number + 1}"
        assert "nothing to do" in project.run("run").stdout
    project.run("run", "--full-refresh")
    assert read(project.folder) == expected(project)


@pytest.mark.parametrize("write", WRITES)
def test_postgres_holds_what_its_table_holds_after_every_run(project, postgres, write):
    schema = f"s_{write}"
    make(project, f"type: postgres\ndsn: ${{env:WAREHOUSE}}\nschema: {schema}\n", write)
    environment = {"WAREHOUSE": postgres.dsn + " password=hunter2hunter2"}
    read = f"select id, day, amount::float8, name from {schema}.delivered order by id"
    for number, batch in enumerate(BATCHES):
        project.write(f"data/{number}.csv", batch)
        done = project.run("run", env=environment)
        assert "hunter2" not in done.stdout + done.stderr
        found = [tuple(cell or None for cell in row) for row in postgres.query(read)]
        wanted = [(i, d, a and (a[:-2] if a.endswith(".0") else a), n) for i, d, a, n in expected(project)]
        assert found == wanted, f"after run {number + 1}"
        assert "nothing to do" in project.run("run", env=environment).stdout


def test_postgres_readers_with_views_keep_them(project, postgres):
    make(project, f"type: postgres\ndsn: {postgres.dsn}\nschema: s_view\n", "full")
    project.write("data/0.csv", BATCHES[0])
    project.run("run")
    postgres.query("create view s_view.v as select count(*) as n from s_view.delivered")
    project.write("data/1.csv", BATCHES[1])
    project.run("run")
    assert postgres.query("select n from s_view.v") == [["40"]]


def test_what_sluice_did_not_write_is_never_overwritten(project, postgres):
    make(project, "type: csv\npath: out\n", "full")
    project.write("data/0.csv", BATCHES[0])
    project.write("out/delivered/mine.txt", "precious")
    assert "SL0803" in project.run("run", exit_code=5).stderr
    assert (project.folder / "out/delivered/mine.txt").read_text() == "precious"
    postgres.query("create schema s_foreign; create table s_foreign.delivered (x int); insert into s_foreign.delivered values (7)")
    project.write("targets/out.yml", f"type: postgres\ndsn: {postgres.dsn}\nschema: s_foreign\n"
                                     "deliver: [{table: clean.things, to: delivered}]\n")
    assert "SL0803" in project.run("run", exit_code=1).stderr
    assert postgres.query("select x from s_foreign.delivered") == [["7"]]


def test_a_target_that_cannot_be_reached_fails_its_own_step_only(project):
    make(project, "type: postgres\ndsn: host=127.0.0.1 port=1 user=x dbname=x connect_timeout=2\n", "full")
    project.write("data/0.csv", BATCHES[0])
    done = project.run("run", exit_code=5)
    assert "SL0801" in done.stderr
    assert project.count("clean.things") == 30
    assert json.loads(project.run("run", "--json", exit_code=1).stdout)["counts"]["error"] == 1


@pytest.mark.parametrize("path, target", [
    ("data/**/*.csv", "type: csv\npath: data\n"), ('"**/*.csv"', "type: csv\npath: out\n"), ("data/*", "type: sqlite\npath: data/shop.db\n")])
def test_a_delivery_where_a_source_reads_is_refused_by_every_command(project, path, target):
    make(project, target, "full")
    project.write("sources/things.yml", f"path: {path}\nformat: csv\n")
    project.write("data/0.csv", BATCHES[0])
    for command in ("check", "plan", "run"):
        done = project.run(command, exit_code=None)
        assert done.returncode != 0
        assert "which source 'things' reads" in done.stdout + done.stderr
        assert "sources/things.yml" in done.stdout + done.stderr
    assert not (project.folder / "lake").exists()


@pytest.mark.parametrize("dsn, pieces", [
    ("host=127.0.0.1 port=1 user=x password=Winter 2024secret!", ["Winter", "2024secret"]),
    ("postgresql://x@127.0.0.1:1/x?password=Tom&Jerry2024", ["Tom", "Jerry2024"]),
    ("postgresql://x:Tom/Jerry2024@127.0.0.1:1/x", ["Tom", "Jerry2024"]),
    ("postgresql://x:Tom@Jerry2024@127.0.0.1:1/x", ["Tom", "Jerry2024"]),
])
def test_of_a_dsn_that_cannot_be_read_nothing_is_shown_or_kept(project, dsn, pieces):
    make(project, "type: postgres\ndsn: ${env:WAREHOUSE}\n", "full")
    project.write("data/0.csv", BATCHES[0])
    done = project.run("run", exit_code=5, env={"WAREHOUSE": dsn})
    logs = project.run("logs", env={"WAREHOUSE": dsn})
    assert "SL0205" in done.stderr and "dsn cannot be read" in done.stderr and "password='...'" in done.stderr
    shown = done.stdout + done.stderr + logs.stdout + logs.stderr
    kept = b"".join(f.read_bytes() for f in (project.folder / ".sluice").rglob("*") if f.is_file())
    for piece in pieces:
        assert piece not in shown
        assert piece.encode() not in kept
