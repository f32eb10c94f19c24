"""What a step took away: after every step a table or target holds what it held, plus `out`, less `replaced`; what is not known is null."""
import json
import sqlite3

import deltalake
import duckdb
import pytest
from test_runs import CONTRACT, FILES, rows, step

MODELS = {
    "whole": "select * from clean.orders",
    "added": "/* sluice\nwrite: append\n*/ select id, day from clean.orders",
    "merged": "/* sluice\nwrite: merge\nkey: [day]\n*/ select id, day from clean.orders",
    "daily": "/* sluice\nwrite: partition\npartition_by: [day]\n*/ select day, id, amount from clean.orders",
    # A time with a zone is written otherwise by the engine and in the log.
    "timed": "/* sluice\nwrite: partition\npartition_by: [at]\nchecks: [{unique: [_source, _position]}]\n*/ "
             "select _ingested_at as at, _source, _position from raw.orders",
}
TABLES = ["raw.orders", "clean.orders", *(f"curated.{name}" for name in MODELS)]


def make(project, models=MODELS, **more):
    for path, text in {**FILES, **more}.items():
        if not path.startswith("models/") and path != "targets/out.yml" or path in more:
            project.write(path, text)
    for name, sql in models.items():
        project.write(f"models/{name}.sql", sql)
    project.write("data/orders-1.csv", rows(1, "bad,2026-01-01,1"))
    return project


def count(project, table):
    return project.count(table) if (project.table_folder(table) / "_delta_log").exists() else 0


def test_rows_before_plus_out_less_replaced_are_the_rows_of_every_table(project):
    make(project)
    before = dict.fromkeys(TABLES, 0)

    def run(*arguments):
        done = project.json("run", *arguments)
        replaced = {}
        for one in done["steps"]:
            table, counts = one["table"], one["rows"]
            assert project.count(table) == before[table] + counts["out"] - counts["replaced"], one
            assert project.records(table)[-1]["balance"]["replaced"] == counts["replaced"]
            before[table], replaced[table] = project.count(table), (counts["replaced"], one["was_full"])
        return replaced

    assert run() == {table: (0, True) for table in TABLES}
    project.write("data/orders-2.csv", rows(2) + "99,2026-01-09,1\n")
    new = run()
    assert new["raw.orders"] == new["clean.orders"] == new["curated.added"] == (0, False)
    assert new["curated.whole"] == (3, True) and new["curated.merged"] == (3, False)
    # Three days were there, the fourth is new; of each only what stood there gave way.
    assert new["curated.daily"] == (3, False) and new["curated.timed"] == (0, False)
    project.write("data/orders-1.csv", rows(3))
    changed = run()
    assert changed["raw.orders"] == (4, False) and changed["clean.orders"] == (7, True) and changed["curated.timed"] == (4, False)
    project.write("contracts/orders.odcs.yml", CONTRACT.replace("name: amount", "name: amount, description: gross"))
    assert run("--full-refresh")["raw.orders"] == (7, True)


def test_a_file_that_changed_within_a_table_that_others_compacted_replaces_its_own_rows_alone(project):
    make(project, models={})
    project.write("data/orders-2.csv", rows(2))
    project.run("run")
    deltalake.DeltaTable(str(project.table_folder("raw.orders"))).optimize.compact()
    project.write("data/orders-2.csv", rows(5, "77,2026-01-01,1"))
    raw = step(project.json("run"), "raw.orders")
    assert (raw["rows"]["out"], raw["rows"]["replaced"]) == (4, 3)
    assert project.count("raw.orders") == 8


def test_what_the_log_does_not_count_is_not_known(project):
    make(project, models={})
    project.run("run", "--select", "raw.orders")
    log = project.table_folder("raw.orders") / "_delta_log"
    actions = [json.loads(line) for line in (log / f"{0:020}.json").read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    (log / f"{0:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions))
    project.write("data/orders-1.csv", rows(3))
    done = project.run("run", "--select", "raw.orders").stdout
    assert done.splitlines()[1].split()[-1] == "replaced" and done.splitlines()[2].split()[-1] == "?", done
    assert "replaced" not in project.records("raw.orders")[-1]["balance"]
    run_id = project.json("status")["runs"][0]["run_id"]
    assert project.json("status", run_id)["steps"][0]["rows"]["replaced"] is None
    assert " ? " in project.run("status", run_id).stdout


def test_run_and_status_say_that_a_table_was_rebuilt_whole_and_why(project):
    make(project, models={"daily": MODELS["daily"]})
    first = project.run("run")
    assert "whole" not in first.stderr and "replaced" not in first.stdout
    project.write("data/orders-1.csv", rows(3))
    second = project.run("run")
    assert "(rebuilt whole: files of raw changed or are gone)" in second.stderr
    assert "(rebuilt whole: clean.orders was built anew)" in second.stderr, second.stderr
    assert "(1 changed file)" in second.stderr
    run_id = project.json("status")["runs"][0]["run_id"]
    shown = project.run("status", run_id).stdout
    assert "whole: clean.orders was built anew" in shown and "replaced" in shown
    whole = {one["table"]: one["was_full"] for one in project.json("status", run_id)["steps"]}
    assert whole == {"raw.orders": False, "clean.orders": True, "curated.daily": True}
    project.write("models/daily.sql", "select no_such_column from clean.orders")
    failed = step(project.json("run", exit_code=1), "curated.daily")
    assert failed["was_full"] is None


# --- targets

COUNTS = {
    "parquet": lambda folder: "read_parquet('out/t/**/*.parquet')",
    "csv": lambda folder: "read_csv('out/t/**/*.csv')",
    "jsonl": lambda folder: "read_json('out/t/*.jsonl')",
    "duckdb": lambda folder: "b.t",
    "sqlite": None,
}
WRITES = {"full": "write: full", "append": "write: append", "merge": "write: merge, key: [id]",
          "partition": "write: partition, partition_by: [day]"}


def rows_at(project, kind, table="t"):
    if kind == "sqlite":
        return sqlite3.connect(project.folder / "out/base").execute(f"select count(*) from {table}").fetchone()[0]
    if kind == "duckdb":
        with duckdb.connect(str(project.folder / "out/base"), read_only=True) as connection:
            return connection.execute(f"select count(*) from {table}").fetchone()[0]
    reader = {"csv": "read_csv", "parquet": "read_parquet", "jsonl": "read_json"}[kind]
    return duckdb.sql(f"select count(*) from {reader}('{project.folder}/out/t/**/*.{kind}')").fetchone()[0]


def deliveries(project, write, count_rows, **options):
    """Loads of several runs: (replaced, whether it is what went)."""
    found, before = [], 0
    for number, text in enumerate([rows(1), rows(2), "id,day,amount\n10,2026-01-01,9\n50,2026-01-07,1\n"]):
        project.write(f"data/orders-{number}.csv", text)
        load = step(project.json("run", **options), "target.out.t")
        now, counts = count_rows(), load["rows"]
        assert counts["replaced"] is None or now == before + counts["out"] - counts["replaced"], load
        found.append(counts["replaced"])
        before = now
    return found


def make_target(project, target, write):
    make(project, models={}, **{"targets/out.yml": f"{target}\ndeliver: [{{table: clean.orders, to: t, {WRITES[write]}}}]\n"})
    (project.folder / "data/orders-1.csv").unlink()


# 6 rows in 3 days after the second run; the third changes one key and adds one.
KNOWN = {"full": [0, None, None], "append": [0, 0, None], "merge": [0, 0, 1], "partition": [0, 3, 2]}
OF_FOLDERS = {"full": [0, 3, 6], "append": [0, 0, 6], "merge": [0, 3, 6], "partition": [0, 3, 6]}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("kind", COUNTS)
def test_a_delivery_tells_what_it_replaced_where_the_target_knows(project, kind, write):
    is_folder = kind not in ("duckdb", "sqlite")
    make_target(project, f"type: {kind}\npath: {'out' if is_folder else 'out/base'}", write)
    assert deliveries(project, write, lambda: rows_at(project, kind)) == (OF_FOLDERS if is_folder else KNOWN)[write]


@pytest.mark.parametrize("write", WRITES)
def test_postgres_tells_what_a_delivery_replaced(project, postgres, write):
    make_target(project, f"type: postgres\ndsn: {postgres.dsn}\nschema: replaced_{write}", write)
    assert deliveries(project, write, lambda: int(postgres.query(f"select count(*) from replaced_{write}.t")[0][0])) == KNOWN[write]


def test_a_folder_of_a_former_sluice_does_not_tell(project):
    make_target(project, "type: csv\npath: out", "full")
    project.write("data/orders-1.csv", rows(1))
    project.run("run")
    mark = project.folder / "out/t/_sluice.json"
    mark.write_text(json.dumps({key: value for key, value in json.loads(mark.read_text()).items() if key != "all_rows"}))
    project.write("data/orders-2.csv", rows(2))
    assert step(project.json("run"), "target.out.t")["rows"]["replaced"] is None
