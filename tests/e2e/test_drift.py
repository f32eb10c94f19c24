"""Files whose columns or types are no longer the contract's: what each policy of a source makes of them."""
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import contract_text

PROJECT = "name: drift\nchecks: {requirements: off}\n"
COLUMNS = [{"name": "id", "logicalType": "integer", "primaryKey": True}, {"name": "amount", "logicalType": "integer"}]


@pytest.fixture
def shop(project):
    project.write("sluice.yml", PROJECT)
    policy(project)
    project.write("contracts/orders.odcs.yml", json.dumps(
        {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "orders", "version": "1.0.0", "status": "active",
         "schema": [{"name": "orders", "properties": COLUMNS}]}))
    project.write("data/a.jsonl", '{"id": 1, "amount": 5}\n{"id": 2, "amount": 6}\n')
    project.run("run")
    return project


def policy(project, **drift):
    lines = "".join(f"  {key}: {value}\n" for key, value in drift.items())
    project.write("sources/orders.yml", "connector: file\npath: data/*.jsonl\n" + (f"drift:\n{lines}" if drift else ""))


def clean(project):
    return {row["id"]: row for row in project.delta("clean.orders").to_pylist()}


def same_as_from_scratch(project):
    before = project.rows("clean.orders"), project.rows("quarantine.orders", ["payload", "reasons"])
    project.run("run", "--full-refresh")
    assert (project.rows("clean.orders"), project.rows("quarantine.orders", ["payload", "reasons"])) == before


MORE = '{"id": 3, "amount": 7, "note": "new"}\n{"id": 4, "amount": 8, "note": null}\n'


@pytest.mark.parametrize("before, now, line", [
    ({}, {"new_columns": "evolve"}, "drift: new_columns is evolve, was freeze (additive)"),
    ({"new_columns": "evolve"}, {}, "drift: new_columns is freeze, was evolve (breaking)"),
    ({"new_columns": "evolve"}, {"new_columns": "fail"}, "drift: new_columns is fail, was evolve (breaking)"),
    ({"new_columns": "fail"}, {"new_columns": "evolve"}, "drift: new_columns is evolve, was fail (weaker)"),
    ({"new_columns": "quarantine_row"}, {"new_columns": "fail"}, "drift: new_columns is fail, was quarantine_row (same)"),
    ({}, {"missing_columns": "fail"}, "drift: missing_columns is fail, was empty (additive)"),
    ({"missing_columns": "fail"}, {}, "drift: missing_columns is empty, was fail (weaker)"),
    ({}, {"type_change": "fail"}, "drift: type_change is fail, was quarantine_row (same)"),
    ({}, {"new_columns": "quarantine_value"}, "drift: new_columns is quarantine_value, was freeze (same)"),
    ({"new_columns": "quarantine_value"}, {"new_columns": "evolve"}, "drift: new_columns is evolve, was quarantine_value (additive)"),
    ({"new_columns": "quarantine_value"}, {"new_columns": "quarantine_row"}, "drift: new_columns is quarantine_row, was quarantine_value (additive)"),
    ({}, {"type_change": "quarantine_value"}, "drift: type_change is quarantine_value, was quarantine_row (weaker)"),
    ({"type_change": "quarantine_value"}, {"type_change": "fail"}, "drift: type_change is fail, was quarantine_value (additive)"),
])
def test_plan_tells_what_another_policy_means_for_readers(shop, before, now, line):
    policy(shop, **before)
    shop.run("run")
    policy(shop, **now)
    assert line in shop.run("plan", "--why").stdout


def test_freeze_keeps_a_new_column_in_raw_only(shop):
    shop.write("data/b.jsonl", MORE)
    told = shop.run("run").stdout
    assert "clean.orders: columns that stay in raw only (drift: freeze): note" in told
    assert set(clean(shop)) == {1, 2, 3, 4} and "note" not in clean(shop)[3]
    shop.write("data/c.jsonl", '{"id": 5, "amount": 7}\n')
    step = next(step for step in shop.json("run")["steps"] if step["table"] == "clean.orders")
    assert step["raw_only"] == ["note"] and step["status"] == "ok"
    assert shop.json("query", "select note from raw.orders where id = '3'")["rows"] == [["new"]]


def test_evolve_takes_a_new_column_over_and_keeps_it(shop):
    policy(shop, new_columns="evolve")
    shop.write("data/b.jsonl", MORE)
    shop.run("run")
    assert {i: row["note"] for i, row in clean(shop).items()} == {1: None, 2: None, 3: "new", 4: None}
    shop.write("data/c.jsonl", '{"id": 5, "amount": 9}\n')
    shop.run("run")
    assert clean(shop)[5]["note"] is None and clean(shop)[3]["note"] == "new"
    same_as_from_scratch(shop)
    shop.write("models/notes.sql", "select note from clean.orders where note is not null")
    shop.run("check")
    shop.run("run")
    assert shop.json("query", "select * from curated.notes")["rows"] == [["new"]]


def test_evolve_never_rejects_a_row_for_a_new_column(shop):
    import pyarrow as pa
    import pyarrow.parquet as pq
    policy(shop, new_columns="evolve")
    (shop.folder / "data/a.jsonl").unlink()
    shop.write("sources/orders.yml", "connector: file\npath: data/*.parquet\ndrift: {new_columns: evolve}\n")
    pq.write_table(pa.table({"id": [1, 2], "amount": [5, 6], "ratio": [0.5, float("nan")], "parts": [[1], None]}), shop.folder / "data/a.parquet")
    shop.run("run")
    assert {i: (row["ratio"], row["parts"]) for i, row in clean(shop).items()} == {1: (0.5, "[1]"), 2: (None, None)}


def test_quarantine_row_rejects_rows_with_a_value_in_it(shop):
    policy(shop, new_columns="quarantine_row")
    shop.write("data/b.jsonl", MORE)
    shop.run("run")
    assert set(clean(shop)) == {1, 2, 4}
    rejected, = shop.delta("quarantine.orders").to_pylist()
    assert rejected["reasons"] == [{"rule": "note.unexpected", "column": "note", "message": "unexpected column, with the value 'new'"}]
    same_as_from_scratch(shop)
    policy(shop)  # taken back: the row comes in
    shop.run("run")
    assert set(clean(shop)) == {1, 2, 3, 4} and not shop.rows("quarantine.orders")


def test_fail_names_file_and_column_and_publishes_nothing(shop):
    policy(shop, new_columns="fail")
    shop.write("data/b.jsonl", MORE)
    told = shop.run("run", exit_code=None)
    assert told.returncode != 0 and "SL0710" in told.stderr
    assert "'data/b.jsonl' record 1, column 'note': unexpected column, with the value 'new'" in told.stderr
    assert set(clean(shop)) == {1, 2}
    shop.write("data/b.jsonl", '{"id": 3, "amount": 7}\n')
    shop.run("run")
    assert set(clean(shop)) == {1, 2, 3}


def test_a_changed_type_fails_the_step_where_the_policy_says_so(shop):
    policy(shop, type_change="fail")
    shop.write("data/b.jsonl", '{"id": 3, "amount": "7 EUR"}\n')
    told = shop.run("run", exit_code=None)
    assert told.returncode != 0 and "'data/b.jsonl' record 1, column 'amount': '7 EUR' is not an integer" in told.stderr
    assert set(clean(shop)) == {1, 2}
    policy(shop)
    shop.run("run")
    assert set(clean(shop)) == {1, 2} and len(shop.rows("quarantine.orders")) == 1


def test_a_missing_column_fails_where_the_policy_says_so(shop):
    shop.write("data/a.jsonl", '{"id": 1}\n')
    shop.run("run", "--full-refresh")
    policy(shop, missing_columns="fail")
    (shop.folder / "lake").rename(shop.folder / "old")
    told = shop.run("run", exit_code=None)
    assert told.returncode != 0 and "the source has no column 'amount'" in told.stderr + told.stdout


def lacks(shop, file, column="amount"):
    told = shop.run("run", exit_code=None)
    assert told.returncode != 0 and f"'{file}' has no column '{column}'" in told.stderr and "SL0710" in told.stderr
    return told


@pytest.fixture
def strict(shop):
    policy(shop, missing_columns="fail")
    shop.run("run")
    return shop


def test_a_later_file_that_lacks_a_column_fails_and_goes_on_failing(strict):
    strict.write("data/b.jsonl", '{"id": 3, "amount": 7}\n{"id": 4}\n')  # a member that some records lack is not missing
    strict.run("run")
    strict.write("data/c.jsonl", '{"id": 5}\n')
    lacks(strict, "data/c.jsonl")
    lacks(strict, "data/c.jsonl")  # raw has the file now, and nothing is new
    strict.write("data/d.jsonl", '{"id": 6, "amount": 1}\n')
    lacks(strict, "data/c.jsonl")
    assert set(clean(strict)) == {1, 2, 3, 4}
    strict.write("data/c.jsonl", '{"id": 5, "amount": 9}\n')
    strict.run("run")
    assert set(clean(strict)) == {1, 2, 3, 4, 5, 6}
    same_as_from_scratch(strict)


def test_another_policy_takes_the_file_that_lacks_a_column(strict):
    strict.write("data/c.jsonl", '{"id": 5}\n')
    lacks(strict, "data/c.jsonl")
    policy(strict)
    strict.run("run")
    assert clean(strict)[5]["amount"] is None
    policy(strict, missing_columns="fail")  # of what was taken before nothing is asked
    strict.run("run")
    strict.run("run", "--full-refresh")
    strict.run("verify")
    assert set(clean(strict)) == {1, 2, 5}


def test_the_first_run_sees_which_of_its_files_lacks_a_column(strict):
    strict.write("data/b.jsonl", '{"id": 3}\n')
    (strict.folder / "lake").rename(strict.folder / "old")
    lacks(strict, "data/b.jsonl")
    assert not (strict.folder / "lake/clean/orders").exists()


def test_a_changed_file_and_a_header_without_rows_are_judged_as_well(strict):
    strict.write("sources/orders.yml", "connector: file\npath: data/*.csv\ndrift: {missing_columns: fail}\n")
    strict.write("data/a.csv", "id,AMOUNT\n1,5\n")
    strict.run("run", "--full-refresh")
    strict.write("data/a.csv", "id,amounts\n1,5\n")
    lacks(strict, "data/a.csv")
    strict.write("data/a.csv", "id,amount\n1,5\n")
    strict.write("data/b.csv", "id\n")
    lacks(strict, "data/b.csv")
    strict.write("data/b.csv", "")  # no columns, for it has no records
    strict.run("run")


def test_a_nested_member_is_no_column(strict):
    strict.write("data/b.jsonl", '{"id": 3, "more": {"amount": 7}}\n')
    lacks(strict, "data/b.jsonl")


def test_a_column_that_the_contract_gains_is_asked_of_new_files_only(strict):
    contract = json.loads((strict.folder / "contracts/orders.odcs.yml").read_text())
    contract["schema"][0]["properties"].append({"name": "note", "logicalType": "string"})
    strict.write("contracts/orders.odcs.yml", json.dumps(contract))
    strict.write("data/b.jsonl", '{"id": 3, "amount": 7, "note": "x"}\n')
    strict.run("run")
    assert clean(strict)[1]["note"] is None and clean(strict)[3]["note"] == "x"
    strict.write("data/c.jsonl", '{"id": 4, "amount": 7}\n')
    lacks(strict, "data/c.jsonl", "note")


def test_an_unknown_policy_is_refused_with_its_place(shop):
    policy(shop, new_columns="evolv")
    assert "did you mean 'evolve'" in shop.run("check", exit_code=1).stderr


EMPTIED = {"zero": ("a.csv", "id,amount\n1,5\n2,6\n", ""), "header": ("a.csv", "id,amount\n1,5\n2,6\n", "id,amount\n"),
           "lines": ("a.jsonl", '{"id": 1, "amount": 5}\n{"id": 2, "amount": 6}\n', "\n"), "array": ("a.json", '[{"id": 1, "amount": 5}, {"id": 2, "amount": 6}]', "[]")}


def emptied(shop, kind, policy_line=""):
    name, full, empty = EMPTIED[kind]
    for old in (shop.folder / "data").iterdir():
        old.unlink()
    (shop.folder / "lake").rename(shop.folder / "old")
    shop.write("sources/orders.yml", f"connector: file\npath: data/a.*\n{policy_line}")
    shop.write(f"data/{name}", full)
    shop.run("run")
    shop.write(f"data/{name}", empty)
    return f"data/{name}", full


@pytest.mark.parametrize("kind", sorted(EMPTIED))
def test_a_file_that_becomes_empty_is_told_by_plan_and_run(shop, kind):
    file, _ = emptied(shop, kind)
    told = shop.run("plan")
    assert f"{file} has no rows any more, and had 2: they leave the tables" in told.stdout + told.stderr
    assert next(n for n in shop.json("plan")["nodes"] if n["name"] == "raw.orders")["emptied_files"] == [{"file": file, "rows": 2}]
    step = next(step for step in shop.json("run")["steps"] if step["table"] == "raw.orders")
    assert step["emptied_files"] == [{"file": file, "rows": 2}] and any("has no rows any more" in note for note in step["notes"])
    assert not clean(shop)
    assert "no rows any more" not in shop.run("plan").stderr


def test_parquet_without_rows_counts_as_emptied(shop):
    import pyarrow as pa
    import pyarrow.parquet as pq
    emptied(shop, "zero")
    (shop.folder / "data/a.csv").unlink()
    (shop.folder / "lake").rename(shop.folder / "older")
    table = pa.table({"id": [1, 2], "amount": [5, 6]})
    pq.write_table(table, shop.folder / "data/a.parquet")
    shop.run("run")
    pq.write_table(table.slice(0, 0), shop.folder / "data/a.parquet")
    assert next(n for n in shop.json("plan")["nodes"] if n["name"] == "raw.orders")["emptied_files"] == [{"file": "data/a.parquet", "rows": 2}]
    assert "data/a.parquet has no rows any more, and had 2" in shop.run("run").stderr


def test_an_emptied_file_keeps_its_rows_where_the_policy_says_so(shop):
    file, full = emptied(shop, "header", "drift: {emptied_files: keep}\n")
    for arguments in ([], [], ["--full-refresh"]):
        assert f"{file} has no rows any more, and had 2: they stay" in shop.run("run", *arguments).stderr
        assert set(clean(shop)) == {1, 2}
    shop.write("data/a.jsonl", '{"id": 3, "amount": 6}\n')
    shop.run("run")
    assert set(clean(shop)) == {1, 2, 3}
    shop.write(file, full + "4,7\n")
    shop.run("run")
    assert set(clean(shop)) == {1, 2, 3, 4}


def test_an_emptied_file_fails_where_the_policy_says_so(shop):
    file, full = emptied(shop, "zero", "drift: {emptied_files: fail}\n")
    assert f"{file} has no rows any more, and had 2: the file will fail" in shop.run("plan").stderr
    told = shop.run("run", exit_code=None)
    assert told.returncode != 0 and f"{file} has no rows any more, and had 2" in told.stderr
    assert set(clean(shop)) == {1, 2}
    assert shop.run("run", exit_code=None).returncode != 0
    shop.write("sources/orders.yml", "connector: file\npath: data/a.*\n")
    shop.run("run")
    assert not clean(shop)


def test_a_parquet_column_of_nulls_waits_for_its_type(project):
    """Arrow writes a column without values with a type of its own, which the engine calls an integer."""
    deep = pa.array([None, {"n": None}], pa.struct([("n", pa.null())]))
    project.write("sluice.yml", "name: nulls\nlake: lake\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    def write(day, **columns):
        (project.folder / "data").mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": pa.array([day * 10, day * 10 + 1]), "deep": deep, **columns}), project.folder / "data" / f"{day}.parquet")
    nothing = pa.nulls(2)
    write(1, a=nothing, b=nothing, c=nothing, n=pa.array([7, None], pa.int32()))
    project.run("run")
    assert set(project.delta("raw.t").schema.names) == {"id", "deep", "n", "_source", "_position", "_ingested_at", "_corrupt"}
    write(2, a=pa.array(["x", None]), b=pa.array([{"k": [1]}, None]), c=nothing, n=nothing)
    write(3, a=nothing, b=nothing, c=pa.array([1.5, None]), n=nothing)
    project.run("run")
    write(4, a=nothing, b=nothing, c=nothing, n=nothing)
    project.run("run")
    assert project.json("run")["steps"] == []
    rows = {row["id"]: (row["a"], row["b"], row["c"], row["n"]) for row in project.delta("raw.t").to_pylist()}
    empty = (None, None, None, None)
    assert rows == {10: (None, None, None, 7), 11: empty, 20: ("x", {"k": [1]}, None, None), 21: empty, 30: (None, None, 1.5, None), 31: empty,
                    40: empty, 41: empty}


@pytest.mark.parametrize("policy", ["fail", "empty"])
def test_a_parquet_column_of_nulls_that_the_contract_has_is_not_missing(project, policy):
    project.write("sluice.yml", "name: nulls\nlake: lake\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", f"path: data/*.parquet\ndrift: {{missing_columns: {policy}}}\n")
    project.write("contracts/t.odcs.yml", contract_text("t", "{name: id, logicalType: integer}", "{name: s, logicalType: number, physicalType: double}"))
    (project.folder / "data").mkdir()
    pq.write_table(pa.table({"id": [1], "s": pa.nulls(1)}), project.folder / "data" / "1.parquet")
    first = project.run("run")
    assert "no column 's'" not in first.stdout + first.stderr
    pq.write_table(pa.table({"id": [2], "s": [0.1]}), project.folder / "data" / "2.parquet")
    project.run("run")
    assert {row["id"]: row["s"] for row in project.delta("clean.t").to_pylist()} == {1: None, 2: 0.1}

def nested_file(project, name, **columns):
    (project.folder / "data").mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), project.folder / "data" / f"{name}.parquet")


NOTHING = pa.null()
LATER = {  # what the first file has without a type, the type in the second file, its value, and what the table has of it
    "member": (pa.struct([("a", pa.int64()), ("n", NOTHING)]), {"a": 1, "n": None}, pa.struct([("a", pa.int64()), ("n", pa.string())]), {"a": 2, "n": "x"}),
    "item": (pa.list_(NOTHING), [None, None], pa.list_(pa.string()), ["x", None]),
    "empty": (pa.list_(NOTHING), [], pa.list_(pa.string()), ["x"]),
    "value": (pa.map_(pa.string(), NOTHING), [("k", None)], pa.map_(pa.string(), pa.string()), [("k", "x"), ("l", None)]),
    "deep": (pa.struct([("l", pa.list_(pa.struct([("m", NOTHING), ("b", pa.int32())])))]), {"l": [{"m": None, "b": 7}]},
             pa.struct([("l", pa.list_(pa.struct([("m", pa.string()), ("b", pa.int32())])))]), {"l": [{"m": "x", "b": None}, None]}),
    "struct": (pa.struct([("a", pa.int64()), ("n", NOTHING)]), {"a": 1, "n": None},
               pa.struct([("a", pa.int64()), ("n", pa.struct([("x", pa.int32())]))]), {"a": 2, "n": {"x": 5}}),
    "list": (pa.list_(NOTHING), [None, None], pa.list_(pa.list_(pa.int64())), [[1, 2], None, []]),
    "items": (pa.list_(NOTHING), [None], pa.list_(pa.struct([("x", pa.string()), ("y", pa.list_(pa.int32()))])), [{"x": "a", "y": [1]}, None]),
    "values": (pa.map_(pa.string(), NOTHING), [("k", None)], pa.map_(pa.string(), pa.struct([("x", pa.int32())])), [("k", {"x": 1})]),
    "number": (pa.struct([("a", NOTHING), ("\"NULL\" b", pa.int32())]), {"a": None, "\"NULL\" b": 3},
               pa.struct([("a", pa.int64()), ("\"NULL\" b", pa.int32())]), {"a": 2**60, "\"NULL\" b": 4}),
}


@pytest.mark.parametrize("place", sorted(LATER))
@pytest.mark.parametrize("runs", [1, 2])
def test_a_place_in_a_nested_column_without_a_type_takes_what_comes(project, place, runs):
    first_type, first, later_type, later = LATER[place]
    project.write("sluice.yml", "name: nulls\nlake: lake\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    nested_file(project, "1", id=pa.array([1, 2]), s=pa.array([first, None], first_type))
    if runs == 2:
        project.run("run")
    nested_file(project, "2", id=pa.array([3, 4]), s=pa.array([later, None], later_type))
    project.run("run")
    assert project.json("run")["steps"] == []
    rows = {row["id"]: row["s"] for row in project.delta("raw.t").to_pylist()}
    if place == "number" and runs == 2:
        later = {"a": str(2**60), "\"NULL\" b": 4}
    assert rows == {1: first, 2: None, 3: later, 4: None}
    (project.folder / "data" / "1.parquet").rename(project.folder / "data" / "0.parquet")
    nested_file(project, "3", id=pa.array([5]), s=pa.array([first], first_type))
    project.run("run")
    table = project.delta("raw.t").to_pylist()
    assert {row["id"]: row["s"] for row in table} == {**rows, 5: first} and len(table) == 5
    assert {row["id"]: row["_source"] for row in table} == {1: "data/1.parquet", 2: "data/1.parquet", 3: "data/2.parquet", 4: "data/2.parquet", 5: "data/3.parquet"}


def test_new_files_may_each_bring_another_type_to_a_place_that_had_none(project):
    """Neither is refused, whatever the order of their names."""
    project.write("sluice.yml", "name: nulls\nlake: lake\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    number, text = pa.int64(), pa.string()
    nested_file(project, "1", id=pa.array([1]), l=pa.array([[None]], pa.list_(NOTHING)))
    project.run("run")
    nested_file(project, "2", id=pa.array([2]), l=pa.array([[{"q": 1}]], pa.list_(pa.struct([("q", number)]))))
    nested_file(project, "3", id=pa.array([3]), l=pa.array([[{"q": 2, "r": {"t": "x"}}]], pa.list_(pa.struct([("q", number), ("r", pa.struct([("t", text)]))]))))
    told = project.run("run")
    assert (told.stdout + told.stderr).count("written anew as STRUCT") == 1
    assert {row["id"]: row["l"] for row in project.delta("raw.t").to_pylist()} == {
        1: [None], 2: [{"q": 1, "r": None}], 3: [{"q": 2, "r": {"t": "x"}}]}


def test_of_a_refused_file_it_is_not_told_that_rows_are_written_anew(project):
    project.write("sluice.yml", "name: nulls\nlake: lake\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    bare = pa.struct([("a", pa.int64()), ("n", NOTHING)])
    nested_file(project, "1", id=pa.array([1]), l=pa.array([[None]], pa.list_(NOTHING)), big=pa.array([{"a": 2**62 + 1, "n": None}], bare))
    project.run("run")
    full = pa.struct([("a", pa.float64()), ("n", pa.struct([("x", pa.int32())]))])
    nested_file(project, "2", id=pa.array([2]), l=pa.array([[{"q": 1}]], pa.list_(pa.struct([("q", pa.int64())]))), big=pa.array([{"a": 1.5, "n": {"x": 1}}], full))
    told = project.run("run", exit_code=None)
    assert told.returncode != 0 and "exactly" in told.stdout + told.stderr and "written anew" not in told.stdout + told.stderr, told.stdout + told.stderr
    assert [row["id"] for row in project.delta("raw.t").to_pylist()] == [1]


def test_a_table_whose_rows_get_a_type_keeps_those_of_files_that_are_gone(project):
    """Renamed, vanished, empty and changed files before; the contract reads the new values."""
    project.write("sluice.yml", "name: nulls\nlake: lake\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    project.write("contracts/t.odcs.yml", contract_text("t", "{name: id, logicalType: integer, required: true, primaryKey: true}",
                  "{name: s, logicalType: object, properties: [{name: a, logicalType: integer}, {name: n, logicalType: object, properties: [{name: x, logicalType: integer}]}]}"))
    bare = pa.struct([("a", pa.int64()), ("n", NOTHING)])
    for name, ids in {"gone": [1, 2], "moved": [3], "empty": [], "changed": [4, 5]}.items():
        nested_file(project, name, id=pa.array(ids, pa.int64()), s=pa.array([{"a": i, "n": None} for i in ids], bare))
    project.run("run")
    folder = project.folder / "data"
    (folder / "gone.parquet").unlink()
    (folder / "moved.parquet").rename(folder / "new.parquet")
    nested_file(project, "changed", id=pa.array([4, 6]), s=pa.array([None, {"a": 6, "n": None}], bare))
    full = pa.struct([("a", pa.int64()), ("n", pa.struct([("x", pa.int32())]))])
    nested_file(project, "typed", id=pa.array([7]), s=pa.array([{"a": 7, "n": {"x": 1}}], full))
    told = project.run("run")
    assert "written anew as STRUCT" in told.stdout + told.stderr
    rows = {row["id"]: row["s"] for row in project.delta("clean.t").to_pylist()}
    assert rows == {1: {"a": 1, "n": None}, 2: {"a": 2, "n": None}, 3: {"a": 3, "n": None}, 4: None, 6: {"a": 6, "n": None}, 7: {"a": 7, "n": {"x": 1}}}
    assert sorted(row["id"] for row in project.delta("raw.t").to_pylist()) == [1, 2, 3, 4, 6, 7]
    assert project.json("run")["steps"] == []


def test_a_text_that_stands_where_an_object_comes_stays_a_text(project):
    project.write("sluice.yml", "name: nulls\nlake: lake\n")
    project.write("sources/t.yml", "path: data/*.parquet\n")
    nested_file(project, "1", id=pa.array([1]), s=pa.array([["x"]]))
    project.run("run")
    nested_file(project, "2", id=pa.array([2]), s=pa.array([[{"x": 1}]]))
    project.run("run", exit_code=None)
    assert {row["id"]: row["s"] for row in project.delta("raw.t").to_pylist()}[1] == ["x"]


@pytest.mark.parametrize("policy_of_new", ["quarantine_row", "quarantine_value"])
def test_reasons_of_unexpected_columns_are_sorted_by_name_whatever_came_first(new_project, policy_of_new):
    told = []
    for order in ("zb", "bz"):
        project = new_project(order)
        project.write("sluice.yml", PROJECT + "quarantine: {max_share: 1}\n")
        policy(project, new_columns=policy_of_new)
        project.write("contracts/orders.odcs.yml", json.dumps(
            {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "orders", "version": "1.0.0", "status": "active",
             "schema": [{"name": "orders", "properties": COLUMNS}]}))
        project.write("data/a.jsonl", "".join(json.dumps({"id": i, name: "x"}) + "\n" for i, name in enumerate(order))
                      + json.dumps({"id": 3, **{name: "y" for name in order}}) + "\n")
        project.run("run")
        rows = {row["_position"]: row for row in project.delta("quarantine.orders").to_pylist()}
        told.append(([reason["rule"] for reason in rows[3]["reasons"]], rows[3]["set_aside"]))
    assert told[0] == told[1] and told[0][0] == ["b.unexpected", "z.unexpected"]
