"""`sluice diff`: against rows compared in Python, over versions, environments, deliveries and files."""
import collections
import json
import math
import os
import pty
import random
import re
import shutil
import subprocess

import duckdb
import pytest

from conftest import Project

LATE = """order_id,customer_id,order_date,amount,currency,status,email,updated_at
1116,11,2026-03-04,61.29,EUR,new,kim@example.com,2026-03-09 17:56:00
2001,1,2026-03-05,10.00,EUR,paid,ada@example.com,2026-03-05 08:00:00
2002,2,2026-03-05,20.00,EUR,paid,ben@example.com,2026-03-05 08:01:00
"""
TARGETS = {
    "sqlite": "type: sqlite\npath: out/lite.db\n",
    "duckdb": "type: duckdb\npath: out/duck.db\n",
    "parquet": "type: parquet\npath: out/pq\n",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory, sluice_bin):
    """The quickstart project after two runs, of which the second changed one order and brought two."""
    project = Project(tmp_path_factory.mktemp("diff") / "shop", sluice_bin)
    project.run("init", "--template", "quickstart")
    project.write("sluice.yml", (project.folder / "sluice.yml").read_text() + "environments:\n  prod: {lake: prodlake}\n  gone: {}\n")
    for name, text in TARGETS.items():
        project.write(f"targets/{name}.yml", f"{text}deliver:\n  - {{table: clean.orders, to: orders}}\n"
                                             f"  - {{table: quarantine.orders, to: rejected}}\n")
    project.run("run")
    project.write("data/orders-2026-03-09.csv", LATE)
    project.run("run")
    return project


@pytest.fixture
def shop(built, tmp_path):
    """The same, to be changed."""
    shutil.copytree(built.folder, tmp_path / "shop", dirs_exist_ok=True)
    return Project(tmp_path / "shop", built.binary)


def counts(found):
    return found["equal"], found["differing"], found["a"]["only"], found["b"]["only"]


def differing_columns(found):
    return {column["name"]: column["differing"] for column in found["columns"] if column["differing"]}


# --- versions of a table

def test_two_versions_by_the_contracts_key(built):
    found = built.json("diff", "clean.orders@0", "clean.orders")
    assert found["key"] == ["order_id"] and counts(found) == (111, 1, 0, 2) and not found["is_equal"]
    assert (found["a"]["name"], found["b"]["name"]) == ("clean.orders@0", "clean.orders@1")
    assert differing_columns(found) == {"amount": 1, "status": 1, "updated_at": 1, "_source": 1, "_position": 1}
    example = found["examples"]["differing"][0]
    assert example["key"] == {"order_id": "1116"} and example["columns"]["amount"] == {"a": "60.29", "b": "61.29"}
    assert "currency" not in example["columns"]
    assert [row["order_id"] for row in found["examples"]["only_b"]] == ["2001", "2002"] and found["examples"]["only_a"] == []


def test_text_tells_the_same(built):
    told = built.run("diff", "clean.orders@0", "orders@1").stdout
    for line in ("  111 equal", "  1 differing", "  0 only in A", "  2 only in B"):
        assert line in told.splitlines()
    assert re.search(r"^1116 +amount +60\.29 +61\.29$", told, re.M), told
    short = built.run("diff", "orders@0", "orders", "--summary").stdout
    assert short.splitlines()[-1].split() == ["_position", "1"] and "61.29" not in short


def test_the_exit_code_tells_only_when_asked(built):
    built.run("diff", "orders@0", "orders", exit_code=0)
    built.run("diff", "orders@0", "orders", "--exit-code", exit_code=1)
    built.run("diff", "orders", "orders@1", "--exit-code", exit_code=0)
    built.run("diff", "orders@0", "orders", "--exit-code", "--columns", "currency", "--where", "order_id < 2000", exit_code=0)


def test_a_time_is_a_version(built):
    log = sorted((built.table_folder("clean.orders") / "_delta_log").glob("*.json"))[0].read_text()
    at = next(json.loads(line)["commitInfo"]["timestamp"] for line in log.splitlines() if "commitInfo" in line)
    time = duckdb.sql(f"select strftime(make_timestamp({at + 1} * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')").fetchone()[0]
    assert built.json("diff", f"clean.orders@{time}", "clean.orders")["a"]["version"] == 0


def test_a_publication_is_one_too(built):
    assert counts(built.json("diff", "clean.orders@#1", "clean.orders@published")) == (111, 1, 0, 2)
    assert "there is no publication" in built.run("diff", "clean.orders@#9", "clean.orders", exit_code=1).stderr


def test_files_of_both_versions_are_not_read(shop):
    """Their bytes may even be gone: raw@1 has the files of raw@0 and one more."""
    files = [file for file in shop.table_folder("raw.orders").glob("*.parquet")]
    new = json.loads([line for line in (shop.table_folder("raw.orders") / "_delta_log" / f"{1:020}.json").read_text().splitlines()
                      if '"add"' in line][0])["add"]["path"]
    for file in files:
        if file.name != new:
            file.write_bytes(b"nobody reads this")
    found = shop.json("diff", "raw.orders@0", "raw.orders")
    assert counts(found) == (122, 0, 0, 3) and found["a"]["files"] == {"all": 2, "read": 0} and found["b"]["files"]["read"] == 1
    same = shop.json("diff", "raw.orders@0", "raw.orders@0")
    assert same["is_equal"] and same["equal"] == 122 and same["b"]["files"]["read"] == 0
    assert shop.json("diff", "raw.orders@1", "raw.orders@0")["a"]["only"] == 3


def test_digests_are_kept_until_the_folder_is_deleted(shop):
    """What is kept is not read again, unless --fresh says so. Rows in the same order would be compared as they lie, without digests."""
    shop.write("models/up.sql", "select * from clean.orders order by order_id")
    shop.write("models/down.sql", "select * from clean.orders order by order_id desc")
    shop.run("run")
    shutil.rmtree(shop.folder / ".sluice" / "digests", ignore_errors=True)
    tables = ("diff", "up", "down", "--key", "order_id")
    first = shop.json(*tables)
    assert first["is_equal"] and not first["a"]["was_cached"]
    assert len(list((shop.folder / ".sluice" / "digests").iterdir())) == 2
    again = shop.json(*tables)
    assert again["is_equal"] and again["a"]["was_cached"] and again["b"]["was_cached"]
    assert not shop.json(*tables, "--fresh")["a"]["was_cached"]
    assert not shop.json(*tables, "--where", "order_id > 0")["a"]["was_cached"]
    for file in (shop.folder / ".sluice" / "digests").iterdir():
        file.write_bytes(b"damaged")
    damaged = shop.json(*tables)
    assert damaged["is_equal"] and not damaged["a"]["was_cached"]
    shutil.rmtree(shop.folder / ".sluice" / "digests")
    assert shop.json(*tables)["is_equal"]


def test_environments(shop):
    (shop.folder / "data" / "orders-2026-03-09.csv").unlink()
    shop.run("run", "--env", "prod", exit_code=None)
    found = shop.json("diff", "prod:clean.orders", "clean.orders")
    assert counts(found) == (111, 1, 0, 2) and found["a"]["name"] == "prod:clean.orders@0"
    raw = shop.json("diff", "prod:raw.orders", "raw.orders")  # loaded at another time, which is no difference
    assert counts(raw) == (122, 0, 0, 3) and raw["key"] == ["_source", "_position"]
    assert shop.json("diff", "prod:raw.orders", "raw.orders", "--columns", "_ingested_at")["differing"] == 122


def test_an_added_column_and_another_type_are_told_first(shop):
    shop.write("models/one.sql", "select order_id, amount from clean.orders")
    shop.run("run", "--select", "one")
    shop.write("models/one.sql", "select order_id::varchar as order_id, amount, status from clean.orders")
    shop.run("run", "--select", "one")
    found = shop.json("diff", "one@0", "one@1", "--key", "order_id")
    assert counts(found) == (114, 0, 0, 0) and not found["has_same_columns"] and not found["is_equal"]
    types = {column["name"]: (column["type_a"], column["type_b"]) for column in found["columns"]}
    assert types == {"order_id": ("BIGINT", "VARCHAR"), "amount": ("DECIMAL(12,2)",) * 2, "status": (None, "VARCHAR")}
    told = shop.run("diff", "one@0", "one@1", "--key", "order_id").stdout
    assert "order_id: BIGINT in A, VARCHAR in B" in told and "status VARCHAR: only in B" in told
    shop.run("diff", "one@0", "one@1", "--key", "order_id", "--exit-code", exit_code=1)


# --- deliveries

@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_delivery_is_what_was_delivered(built, target):
    assert counts(built.json("diff", "clean.orders", f"target:{target}/clean.orders")) == (114, 0, 0, 0)
    assert built.json("diff", "clean.orders", f"target:{target}/orders")["is_equal"]
    assert built.json("diff", f"target:{target}/quarantine.orders", "quarantine.orders")["is_equal"]  # nested, and with nulls
    assert counts(built.json("diff", "orders@0", f"target:{target}/orders")) == (111, 1, 0, 2)


def test_what_somebody_changed_in_a_database_is_found(shop):
    connection = duckdb.connect(str(shop.folder / "out" / "duck.db"))
    connection.execute("update orders set amount = amount + 0.01 where order_id = 1004; delete from orders where order_id = 1005")
    connection.close()
    found = shop.json("diff", "clean.orders", "target:duckdb/orders")
    assert counts(found) == (112, 1, 1, 0) and differing_columns(found) == {"amount": 1}
    assert shop.json("diff", "clean.orders", "target:duckdb/orders", "--tolerance", "0.02")["differing"] == 0


def test_postgres_gives_back_what_it_was_given(new_project, postgres):
    """Every type, null and empty text, NaN and infinities, bytes, nested values, and long texts with line breaks."""
    project = new_project("pg")
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("models/types.sql", """select i as id, i::smallint as s, i::integer as n, i % 2 = 0 as b, (i / 7)::decimal(12,2) as d,
        (i / 3)::double as f, (i / 3)::float as r, case i when 3 then 'nan'::double when 4 then 'infinity'::double end as odd,
        case i % 4 when 0 then null when 1 then '' when 2 then 'a,"b"' || chr(10) || chr(92) || '.' else repeat('ä', 5000) end as t,
        date '1969-12-28' + i::integer as day, timestamp '2026-01-01 00:00:00.000001' + interval (i) hour as at,
        timestamptz '2026-03-29 00:30:00+00' + interval (i) hour as zone, encode(repeat('x', i::integer)) as bytes,
        case when i > 1 then {'a': i, 'b': [1.5, null, i]} end as nested from range(9) t(i)""")
    project.write("targets/pg.yml", "type: postgres\ndsn: ${env:DSN}\nschema: diffs\ndeliver:\n"
                  "  - {table: curated.types, to: types, write: merge, key: [id]}\n")
    # Whatever the server or the role is set to.
    env = {"DSN": postgres.dsn + " options='-c bytea_output=escape -c extra_float_digits=-4 -c datestyle=German -c timezone=Asia/Tokyo'"}
    project.run("run", env=env)
    found = project.json("diff", "types", "target:pg/types", env=env)
    assert found["key"] == ["id"] and counts(found) == (9, 0, 0, 0) and found["is_equal"], found
    postgres.query("update diffs.types set t = '' where id = 0; update diffs.types set odd = 1 where id in (3, 4);"
                   "update diffs.types set nested = '{\"a\": 2, \"b\": [1.5, null, 3]}' where id = 2; delete from diffs.types where id = 8")
    found = project.json("diff", "types", "target:pg/types", env=env)
    assert counts(found) == (4, 4, 1, 0) and differing_columns(found) == {"t": 1, "odd": 2, "nested": 1}
    values = {example["key"]["id"]: example["columns"] for example in found["examples"]["differing"]}
    assert values["0"] == {"t": {"a": None, "b": ""}} and values["3"]["odd"] == {"a": "nan", "b": "1.0"}
    postgres.query("drop table diffs.types")
    assert "has no table" in project.run("diff", "types", "target:pg/types", env=env, exit_code=1).stderr


def test_what_stands_in_postgres_before_christ_is_another_day(new_project, postgres):
    project = new_project("bc")
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("models/days.sql", """select i as id, date '0044-03-15' as day, timestamp '0044-03-15 10:00:00.5' as at,
        timestamptz '0044-03-15 10:00:00+00' as zone, date '0045-03-15 (BC)' as early, timestamp '0045-03-15 (BC) 10:00:00' as early_at,
        timestamptz '0045-03-15 (BC) 10:00:00+00' as early_zone from range(4) t(i)""")
    project.write("targets/pg.yml", f"type: postgres\ndsn: {postgres.dsn}\nschema: bc\ndeliver:\n  - {{table: curated.days, to: told}}\n")
    project.run("run")
    assert postgres.query("select distinct early, early_at, early_zone at time zone 'UTC' from bc.told") == [
        ["0045-03-15 BC", "0045-03-15 10:00:00 BC", "0045-03-15 10:00:00 BC"]]
    for name in ("curated.days", "told", "days"):  # as the file says it, as it is called there, and as a table is called for short
        assert project.json("diff", "days", f"target:pg/{name}", "--key", "id")["is_equal"]
    postgres.query("update bc.told set day = '0044-03-15 BC' where id = 1; update bc.told set at = '0044-03-15 10:00:00.5 BC' where id = 2;"
                   "update bc.told set zone = '0044-03-15 10:00:00+00 BC' where id = 3")
    found = project.json("diff", "days", "target:pg/days", "--key", "id")
    assert counts(found) == (1, 3, 0, 0) and differing_columns(found) == {"day": 1, "at": 1, "zone": 1}


# --- files, and rows compared in Python

def test_a_csv_file_with_a_table(built):
    found = built.json("diff", "data/orders-2026-03-09.csv", "clean.orders", "--where", "order_id::int in (1116, 2001, 2002)")
    assert counts(found) == (3, 0, 0, 0) and not found["has_same_columns"]
    assert {c["name"] for c in found["columns"] if not c["type_a"]} == {"_source", "_position"}


def test_a_delta_folder_with_a_version(built):
    found = built.json("diff", "lake/clean/orders@0", "clean.orders", "--key", "order_id")
    assert counts(found) == (111, 1, 0, 2) and found["a"]["version"] == 0


def test_texts_are_compared_by_the_value_they_stand_for(project):
    project.write("sluice.yml", "name: t\n")
    project.write("a.csv", "id,n,d,day,t\n1,007,1.50,2026-01-01,x\n2,1.5,1.239,2026-01-02 10:00:00,\n3,x,2,2026-01-03,y\n")
    duckdb.sql(f"""copy (select * from (values (1, 7, 1.5::decimal(8,2), date '2026-01-01', 'x'),
        (2, 2, 1.24, date '2026-01-02', null), (3, null, 2, date '2026-01-03', 'y')) v(id, n, d, day, t)) to '{project.folder}/b.parquet'""")
    found = project.json("diff", "a.csv", "b.parquet", "--key", "id")
    assert counts(found) == (1, 2, 0, 0) and differing_columns(found) == {"n": 2, "d": 1, "day": 1}
    assert found["examples"]["differing"][1] == {"key": {"id": "3"}, "columns": {"n": {"a": "x", "b": None}}}


def test_two_files_need_no_project(project):
    """The same report and exit codes; nothing is left in the folder."""
    project.write("a.csv", "id,n\n1,10\n2,20\n3,30\n")
    duckdb.sql(f"copy (select * from (values (1, 10), (2, 21), (4, 40)) v(id, n)) to '{project.folder}/b.parquet'")
    write_delta(project.folder / "t", [[[1, 0.5, "a", None]], [[2, 0.5, "b", None]]])
    asked = ["diff", "a.csv", "b.parquet", "--key", "id"]
    before = sorted(file.name for file in project.folder.iterdir())
    bare = project.json(*asked)
    assert counts(bare) == (1, 1, 1, 1) and differing_columns(bare) == {"n": 1}
    shown = project.run(*asked, "--exit-code", exit_code=1).stdout
    assert counts(project.json("diff", "./t", "./t@0", "--whole-rows"))[0] >= 1
    assert sorted(file.name for file in project.folder.iterdir()) == before
    for words, said in {("diff", "a.csv", "clean.b"): "'clean.b' is not a file", ("diff", "a.csv", "./t@#1"): "is no project here",
                        (*asked, "--project", "."): "there is no 'sluice.yml'", (*asked, "--env", "dev"): "there is no 'sluice.yml'"}.items():
        assert said in project.run(*words, exit_code=1).stderr, words
    project.write("sluice.yml", "name: t\n")
    assert project.json(*asked) == bare and project.run(*asked, "--exit-code", exit_code=1).stdout == shown


NAN = float("nan")


def row_of(random_):
    return [random_.choice([None] + list(range(1, 25))), random_.choice([None, NAN, 0.0, -0.0, 1.5, math.inf]),
            random_.choice([None, "", "a", "b'\"", "ä"]), random_.choice([None, [], [1], [1, None]])]


def same(value):
    """Equal values as one, as SQL has it: NaN is itself, and there is one zero."""
    if isinstance(value, float):
        return "nan" if value != value else value + 0.0
    return tuple(value) if isinstance(value, list) else value


def write_rows(project, name, rows):
    connection = duckdb.connect()
    connection.execute("create table t (id integer, x double, t varchar, l integer[])")
    if rows:
        connection.executemany("insert into t values (?, ?, ?, ?)", rows)
    connection.execute(f"copy t to '{project.folder / name}' (format parquet)")


def as_wholes(a, b):
    left, right = (collections.Counter(tuple(map(same, row)) for row in rows) for rows in (a, b))
    return sum((left & right).values()), sum((left - right).values()), sum((right - left).values())


@pytest.mark.parametrize("seed", range(24))
def test_random_tables_against_python(project, seed):
    """Keys that repeat and keys that are null: rows are paired one by one, and the counts close."""
    random_ = random.Random(seed)
    project.write("sluice.yml", "name: t\n")
    a = [row_of(random_) for _ in range(random_.choice([0, 1, 30, 60]))]
    b = [row if random_.random() < 0.8 else row_of(random_) for row in a] + [row_of(random_) for _ in range(random_.choice([0, 3]))]
    random_.shuffle(b)
    write_rows(project, "a.parquet", a)
    write_rows(project, "b.parquet", b)
    equal, only_a, only_b = as_wholes(a, b)
    whole = project.json("diff", "a.parquet", "b.parquet")
    assert (whole["equal"], whole["a"]["only"], whole["b"]["only"], whole["key"]) == (equal, only_a, only_b, [])
    keyed = project.json("diff", "a.parquet", "b.parquet", "--key", "id", "-n", "1000", "-o", "out.jsonl", "--force")
    keys_a, keys_b = (collections.Counter(row[0] for row in rows) for rows in (a, b))
    assert keyed["equal"] == equal
    assert keyed["a"]["only"] == sum((keys_a - keys_b).values()) and keyed["b"]["only"] == sum((keys_b - keys_a).values())
    assert keyed["equal"] + keyed["differing"] + keyed["a"]["only"] == keyed["a"]["rows"] == len(a)
    assert keyed["equal"] + keyed["differing"] + keyed["b"]["only"] == keyed["b"]["rows"] == len(b)
    assert len(keyed["examples"]["differing"]) == keyed["differing"]
    written = [json.loads(line) for line in (project.folder / "out.jsonl").read_text().splitlines()]
    assert collections.Counter(row["_diff"] for row in written) == collections.Counter(
        {"differs": keyed["differing"], "only_a": keyed["a"]["only"], "only_b": keyed["b"]["only"]})
    assert sum(row["_diff"] == "differs" and same(row["x_a"]) != same(row["x_b"]) for row in written) == differing_columns(keyed).get("x", 0)


ROWS_OF_TEXT = """select (j->>0)::integer as id, (j->>1)::double as x, j->>2 as t, (j->3)::integer[] as l
                  from read_json('{}', columns = {{'j': 'JSON'}}, format = 'unstructured', records = false)"""


def write_delta(folder, files, codec="zstd"):
    """A table of these files, each of them a list of rows or a query."""
    (folder / "_delta_log").mkdir(parents=True)
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}}
              for name, kind in (("id", "integer"), ("x", "double"), ("t", "string"), ("l", {"type": "array", "elementType": "integer", "containsNull": True}))]
    actions = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
               {"metaData": {"id": str(folder), "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "configuration": {},
                             "createdTime": 0, "schemaString": json.dumps({"type": "struct", "fields": fields})}}]
    for number, rows in enumerate(files):
        text = folder / "rows.jsonl"  # list parameters of thousands of values take the engine's Python minutes
        if not isinstance(rows, str):
            text.write_text("".join(json.dumps([row[0], None if row[1] is None else repr(row[1]), *row[2:]]) + "\n" for row in rows))
        connection = duckdb.connect()
        connection.execute(f"create table t as {rows if isinstance(rows, str) else ROWS_OF_TEXT.format(text)}")
        path = folder / f"part-{number}.parquet"
        connection.execute(f"copy t to '{path}' (format parquet, row_group_size 2048, compression {codec})")
        text.unlink(missing_ok=True)
        actions.append({"add": {"path": path.name, "partitionValues": {}, "size": path.stat().st_size, "modificationTime": 0, "dataChange": True}})
    (folder / "_delta_log" / f"{0:020}.json").write_text("\n".join(json.dumps(action) for action in actions) + "\n")


def changed(random_, files):
    """Nearly a copy: values changed at their places, and now and then rows, their order, or files."""
    files = [[list(row) for row in rows] for rows in files]
    columns = random_.sample(range(4), random_.choice([1, 1, 2, 3]))
    for rows in files:
        for _ in range(random_.choice([0, 1, 5, len(rows)]) if rows else 0):
            column = random_.choice(columns)
            random_.choice(rows)[column] = row_of(random_)[column]
    what = random_.choice(["values", "values", "values", "files", "row", "order"])
    if what == "files":
        random_.shuffle(files)
    elif what == "row":
        random_.choice(files).insert(0, row_of(random_))
    elif what == "order":
        random_.shuffle(random_.choice(files))
    return files


def key_counts(found):
    return [(found[side]["repeated_keys"], found[side]["repeated_rows"], found[side]["null_keys"]) for side in "ab"]


@pytest.mark.parametrize("seed", range(24))
def test_random_copies_against_python(project, seed):
    """Files whose bytes are mostly those of the other side's are not read as a whole: the counts are as if they were."""
    random_ = random.Random(1000 + seed)
    project.write("sluice.yml", "name: t\n")
    a = [[row_of(random_) for _ in range(random_.choice([0, 1, 40, 40, 5000] if seed % 4 == 0 else [0, 1, 40]))] for _ in range(random_.choice([1, 2, 4]))]
    b = changed(random_, a)
    write_delta(project.folder / "a", a)
    write_delta(project.folder / "b", b)
    rows_a, rows_b = ([row for rows in files for row in rows] for files in (a, b))
    equal, only_a, only_b = as_wholes(rows_a, rows_b)
    whole = project.json("diff", "./a", "./b", "-o", "out.jsonl")
    assert (whole["equal"], whole["a"]["only"], whole["b"]["only"]) == (equal, only_a, only_b)
    assert (whole["a"]["rows"], whole["b"]["rows"]) == (len(rows_a), len(rows_b))
    written = [json.loads(line) for line in (project.folder / "out.jsonl").read_text().splitlines()]
    for side, rows in (("only_a", collections.Counter(tuple(map(same, row)) for row in rows_a) - collections.Counter(tuple(map(same, row)) for row in rows_b)),
                       ("only_b", collections.Counter(tuple(map(same, row)) for row in rows_b) - collections.Counter(tuple(map(same, row)) for row in rows_a))):
        found = collections.Counter()
        for row in written:
            if row["_diff"] == side:
                found[row["id"], row["t"], tuple(row["l"]) if row["l"] is not None else None] += row["_rows"]
        wanted = collections.Counter()
        for row, count in rows.items():
            wanted[row[0], row[2], row[3]] += count
        assert found == wanted
    keyed = project.json("diff", "./a", "./b", "--key", "id")
    keys_a, keys_b = (collections.Counter(row[0] for row in rows) for rows in (rows_a, rows_b))
    assert keyed["equal"] == equal and keyed["a"]["only"] == sum((keys_a - keys_b).values()) and keyed["b"]["only"] == sum((keys_b - keys_a).values())
    assert keyed["equal"] + keyed["differing"] + keyed["b"]["only"] == len(rows_b)
    unpaired = project.json("diff", "./a", "./b", "--key", "id", "--where", "true")
    assert counts(keyed) == counts(unpaired) and key_counts(keyed) == key_counts(unpaired)


VALUES = {"x": ["null", "'nan'::double", "-0.0", "0.0", "'inf'::double", "0.5"], "t": ["null", "''", "'b''\"'", "t || '!'"],
          "l": ["null", "[]", "[null]", "[id, 1]"]}


def edits(random_, groups):
    """Which rows of a file get which values: near each other, far apart, or in every group; mostly in one column."""
    row_count = groups * 2048
    near = random_.randrange(row_count)
    places = {"near": [min(near + i, row_count - 1) for i in range(5)], "far": [random_.randrange(row_count) for _ in range(5)], "ends": [0, row_count - 1],
              "all": range(random_.randrange(2048), row_count, 2048), "many": range(0, row_count, 9)}
    rows = sorted(set(places[random_.choice(["near", "far", "far", "ends", "all", "many"])]))
    columns = random_.choice([["x"], ["t"], ["l"], ["x", "l"]])
    return [(random_.sample(rows, max(1, len(rows) // len(columns))), column, random_.choice(VALUES[column])) for column in columns]


@pytest.mark.parametrize("seed", range(16))
def test_copies_of_many_row_groups_against_a_full_join(project, seed):
    """Only row groups and columns that differ are read, and of rows that differ only the key."""
    random_ = random.Random(3000 + seed)
    project.write("sluice.yml", "name: t\n")
    repeated = seed % 4 == 1  # a key of two rows, which may both differ
    sources, copies = [], []
    for start in range(0, random_.choice([1, 2]) * 1_000_000, 1_000_000):
        groups = random_.choice([1, 3, 20, 45])
        sources.append(f"""select ({start} + i // {2 if repeated else 1})::integer as id, case i % 7 when 0 then null when 1 then 'nan' when 2 then 0 else i / 8 end::double as x,
            'name ' || i % 90 as t, case i % 5 when 0 then null when 1 then [] else [i % 3, null]::integer[] end as l, i from range({groups * 2048}) r(i)""")
        changes = edits(random_, groups) if start == 0 or random_.random() < 0.7 else []
        copy = "".join(f", if(i in {tuple(rows) if len(rows) > 1 else f'({rows[0]})'}, {value}, {column}) as {column}" for rows, column, value in changes)
        copies.append(f"select * replace ({copy[2:]}) from ({sources[-1]})" if changes else sources[-1])
    write_delta(project.folder / "a", [f"select id, x, t, l from ({source}) order by i" for source in sources])
    write_delta(project.folder / "b", [f"select id, x, t, l from ({source}) order by i" for source in copies])
    found = project.json("diff", "./a", "./b", "-k", "id", "-n", "100000", "--fresh")
    unpaired = project.json("diff", "./a", "./b", "-k", "id", "-n", "100000", "--where", "true")
    assert counts(found) == counts(unpaired) and differing_columns(found) == differing_columns(unpaired)
    for kind in ("only_a", "only_b", "differing"):
        assert sorted(map(json.dumps, found["examples"][kind])) == sorted(map(json.dumps, unpaired["examples"][kind]))
    if found["differing"]:
        assert found["a"]["repeated_keys"] >= repeated
    if repeated:
        return
    wanted = duckdb.sql(f"""select a.id, a.x is distinct from b.x, a.t is distinct from b.t, a.l is distinct from b.l
        from '{project.folder}/a/*.parquet' a full join '{project.folder}/b/*.parquet' b using (id)
        where a.x is distinct from b.x or a.t is distinct from b.t or a.l is distinct from b.l order by 1""").fetchall()
    assert found["differing"] == len(wanted) and found["a"]["only"] == found["b"]["only"] == 0
    assert [int(example["key"]["id"]) for example in found["examples"]["differing"]] == [row[0] for row in wanted]
    assert [sorted(example["columns"]) for example in found["examples"]["differing"]] == [
        sorted(name for name, differs in zip("xtl", row[1:], strict=True) if differs) for row in wanted]
    project.run("diff", "./a", "./b", "-k", "id", "-o", "out.parquet", "--fresh")
    assert duckdb.sql(f"""select count(*) from '{project.folder}/out.parquet' o join '{project.folder}/a/*.parquet' a using (id)
        join '{project.folder}/b/*.parquet' b using (id) where o._diff = 'differs' and (x_a, t_a, l_a) is not distinct from (a.x, a.t, a.l)
        and (x_b, t_b, l_b) is not distinct from (b.x, b.t, b.l)""").fetchone() == (len(wanted),)


@pytest.mark.parametrize("changed", ["i between 100 and 139", "i in (100, 103)"])
def test_rows_of_a_key_that_repeats_are_paired_as_if_all_columns_were_read(project, changed):
    project.write("sluice.yml", "name: t\n")
    rows = "select (i // 2)::integer as id, i / 8 as x, 'name ' || i as t, [i]::integer[] as l, i from range(6000) r(i)"
    for name, x in (("a", "x"), ("b", f"if({changed}, -x, x)")):
        write_delta(project.folder / name, [f"select id, {x} as x, t, l from ({rows}) order by i"])
    found, unpaired = (project.json("diff", "./a", "./b", "-k", "id", "-n", "100", *more) for more in (["--fresh"], ["--where", "true"]))
    assert counts(found) == counts(unpaired) and differing_columns(found) == differing_columns(unpaired)
    for kind in ("only_a", "only_b", "differing"):  # rows of one key come in any order
        assert sorted(map(json.dumps, found["examples"][kind])) == sorted(map(json.dumps, unpaired["examples"][kind]))
    assert ("t" in differing_columns(found)) == ("between" in changed) and found["a"]["repeated_keys"] == found["b"]["repeated_keys"] > 0


def test_copies_are_read_only_where_their_bytes_differ(project):
    """A file with the same bytes is not read, and one with the same bytes in most columns as little as can be."""
    project.write("sluice.yml", "name: t\n")
    a = [[[i, i / 8, f"name {i % 90}", [i]] for i in range(start, start + 6000)] for start in (0, 6000)]
    b = [[list(row) for row in rows] for rows in a]
    for i in (5, 2047, 2048, 5999):
        b[1][i][2] = None
    for name, files in {"a": a, "b": a, "c": b, "d": [list(reversed(rows)) for rows in a], "e": [[[*row[:1], *other[1:]] for row, other in zip(
            rows, reversed(rows), strict=True)] for rows in a]}.items():
        write_delta(project.folder / name, files, "uncompressed")
    same_bytes = project.json("diff", "./a", "./b", "-k", "id", "--fresh")
    assert counts(same_bytes) == (12000, 0, 0, 0) and same_bytes["a"]["files"] == {"all": 2, "read": 0} == same_bytes["b"]["files"]
    few = project.json("diff", "./a", "./c", "-k", "id", "--fresh")
    assert counts(few) == (11996, 4, 0, 0) and few["a"]["files"]["read"] == 1 and differing_columns(few) == {"t": 4}
    assert [example["key"]["id"] for example in few["examples"]["differing"]] == ["6005", "8047", "8048", "11999"]
    assert few["a"]["rows"] == 12000 and few["differing_buckets"] <= 4
    assert counts(project.json("diff", "./a", "./c", "-k", "id", "--where", "id >= 8048")) == (3950, 2, 0, 0)
    assert counts(project.json("diff", "./a", "./c", "-k", "id", "--columns", "x")) == (12000, 0, 0, 0)
    assert counts(project.json("diff", "./a", "./d", "-k", "id")) == (12000, 0, 0, 0)
    # Every row moved under another key: nothing is gained, and nothing lost.
    assert counts(project.json("diff", "./a", "./e", "-k", "id")) == (0, 12000, 0, 0)
    data = project.folder / "b" / "part-0.parquet"
    data.write_bytes(data.read_bytes().replace(b"name 7", b"name 9"))
    damaged = project.json("diff", "./a", "./b", "-k", "id", "--fresh")
    renamed = sum(row[2].startswith("name 7") for row in a[0])
    assert damaged["a"]["files"]["read"] == 1 and counts(damaged) == (12000 - renamed, renamed, 0, 0)


def test_a_key_that_has_become_double_is_told_though_its_other_row_is_the_same_on_both_sides(project):
    project.write("sluice.yml", "name: t\n")
    a = [[[i, i / 8, f"name {i}", [i]] for i in range(start, start + 6000)] for start in (0, 6000)]
    within, across = ([[list(row) for row in rows] for rows in a] for _ in range(2))
    within[0][3][0] = 4
    across[1][0][0] = 4
    added = [*a, [[4, 0.5, "another", [4]]]]
    for name, files in {"a": a, "within": within, "across": across, "added": added, "moved": [list(reversed(rows)) for rows in within]}.items():
        write_delta(project.folder / name, files, "uncompressed")
    for name in ("within", "across", "added", "moved"):
        found = project.json("diff", "./a", f"./{name}", "-k", "id", "--fresh")
        assert key_counts(found) == [(0, 0, 0), (1, 2, 0)], name
        assert found["b"]["files"]["read"] == {"moved": 2}.get(name, 1), name


@pytest.mark.parametrize("writer, is_paired", [("parquet-mr version 1.2.8", False), ("parquet-mr version 1.2.9", True), ("parquet-mr version 1.13.1", True),
                                               ("parquet-mr", False), ("another", True)])
def test_files_of_a_writer_that_miscounts_its_bytes_are_read(project, writer, is_paired):
    """PARQUET-816: what is not counted is not compared, so that two files could be taken for the same."""
    project.write("sluice.yml", "name: t\n")
    for name in "ab":
        write_delta(project.folder / name, [[[i, 1.0, f"name {i % 9}", [i]] for i in range(500)]])
        path = project.folder / name / "part-0.parquet"
        own = re.search(rb"DuckDB version [^(]+\(build [0-9a-f]+\)", path.read_bytes()).group()
        path.write_bytes(path.read_bytes().replace(own, f"{writer} (".encode().ljust(len(own) - 1, b"x") + b")"))
    found = project.json("diff", "./a", "./b", "-k", "id", "--fresh")
    assert counts(found) == (500, 0, 0, 0) and found["b"]["files"]["read"] == (0 if is_paired else 1)


def test_keys_that_repeat_or_are_null_are_told(project):
    project.write("sluice.yml", "name: t\n")
    write_rows(project, "a.parquet", [[1, 1.0, "a", None], [1, 2.0, "b", None], [2, 1.0, "", None], [None, 1.0, "x", None]])
    write_rows(project, "b.parquet", [[1, 1.0, "a", None], [2, 1.0, None, None], [None, 1.0, "y", None]])
    found = project.json("diff", "a.parquet", "b.parquet", "-k", "id")
    assert counts(found) == (1, 2, 1, 0)
    assert (found["a"]["repeated_keys"], found["a"]["repeated_rows"], found["a"]["null_keys"], found["b"]["null_keys"]) == (1, 2, 1, 1)
    told = project.run("diff", "a.parquet", "b.parquet", "-k", "id").stdout
    assert "the key is none in A: 1 key of several rows, 2 rows together" in told and "1 row of B without a whole key" in told


def test_without_a_key_rows_count_as_often_as_they_occur(project):
    project.write("sluice.yml", "name: t\n")
    write_rows(project, "a.parquet", [[1, 1.0, "a", None]] * 5 + [[2, 1.0, "a", [1]]])
    write_rows(project, "b.parquet", [[1, 1.0, "a", None]] * 2 + [[2, 1.0, "a", [1]]] * 2)
    found = project.json("diff", "a.parquet", "b.parquet", "-o", "out.csv")
    assert counts(found) == (3, 0, 3, 1) and found["examples"]["only_a"][0]["_rows"] == "3"
    assert (project.folder / "out.csv").read_text().splitlines()[1:] == ["only_a,1,1.0,a,,3", "only_b,2,1.0,a,[1],1"]


def test_two_values_that_change_places_are_found(project):
    """Each column by itself, and so any digest that adds up column by column, is the same."""
    project.write("sluice.yml", "name: t\n")
    rows = [[i, float(i % 7), str(i % 5), None] for i in range(5000)]
    swapped = [list(row) for row in rows]
    for i in range(0, 200, 2):
        swapped[i][2], swapped[i + 1][2] = rows[i + 1][2], rows[i][2]
    write_rows(project, "a.parquet", rows)
    write_rows(project, "b.parquet", swapped)
    assert project.json("diff", "a.parquet", "b.parquet", "-k", "id")["differing"] == 200


def test_a_long_comparison_tells_a_terminal_how_far_it_is(project):
    project.write("sluice.yml", "name: t\nengine: {threads: 1}\n")
    duckdb.sql(f"copy (select i as id, md5(i::varchar) as code, hash(i) as x from range(9000000) t(i)) to '{project.folder}/a.parquet'")
    duckdb.sql(f"copy (select * from '{project.folder}/a.parquet' order by x) to '{project.folder}/b.parquet'")
    master, slave = pty.openpty()
    done = subprocess.Popen([project.binary, "diff", "a.parquet", "b.parquet", "-k", "id"], cwd=project.folder, stderr=slave,
                            stdout=subprocess.PIPE)
    os.close(slave)
    told = b""
    try:
        while piece := os.read(master, 4096):
            told += piece
    except OSError:  # the other end was closed
        pass
    assert b"no difference" in done.communicate()[0] and done.returncode == 0
    assert re.search(rb"comparing( \d+ %)?", told) and told.endswith(b"\r\x1b[K"), told


# --- what goes wrong

@pytest.mark.parametrize("arguments, wanted", [
    (["clean.orders@9", "clean.orders"], "has no version 9: the newest is 1"),
    (["clean.orders@yesterday", "clean.orders"], "expected a time like"),
    (["clean.orders@1999-01-01", "clean.orders"], "table 'clean.orders'"),
    (["clean.order", "clean.orders"], "did you mean 'clean.orders'?"),
    (["clean.orders@-1", "clean.orders"], "'clean.orders@-1' asks for version -1, expected a number from 0 on"),
    (["clean.orders@", "clean.orders"], "no version or time is behind the '@'"),
    ([":clean.orders", "clean.orders"], "no environment is named"),
    (["prd:clean.orders", "clean.orders"], "there is no environment 'prd'"),
    (["gone:clean.orders@3", "clean.orders"], "has no version 3"),
    (["prod:clean.orders", "clean.orders"], "environment 'prod': there is no table 'clean.orders'"),
    (["target:sqlte/orders", "clean.orders"], "did you mean 'sqlite'?"),
    (["target:sqlite/order", "clean.orders"], "delivers no 'order'"),
    (["target:reports/daily_revenue", "daily_revenue"], "cannot be read back"),
    (["target:sqlite", "clean.orders"], "a delivery is target:TARGET/TABLE"),
    (["nothing.parquet", "clean.orders"], "nothing.parquet"),
    (["clean.orders", "clean.orders", "--key", "orderid"], "did you mean 'order_id'?"),
    (["clean.orders", "clean.orders", "--columns", "order_id", "amout"], "did you mean 'amount'?"),
    (["clean.orders", "clean.orders", "--key", "order_id", "--whole-rows"], "contradict each other"),
    (["clean.orders", "clean.customers", "--columns", "amount", "--whole-rows"], "no column in common"),
    (["clean.orders", "clean.customers", "--key", "order_id"], "a column of one side only"),
    (["clean.orders@0", "clean.orders", "--where", "order_idd > 1"], "did you mean 'order_id'"),
    (["clean.orders@0", "clean.orders", "--where", "true) or (true"], "syntax error"),
    (["clean.orders@0", "clean.orders", "--output", "x.txt"], "expected a file .csv, .jsonl or .parquet"),
    (["clean.orders@0", "clean.orders", "--output", "data/orders-2026-03-09.csv"], "is there already"),
    (["clean.orders@0", "clean.orders", "--tolerance", "-1"], "expected 0 or more"),
    (["clean.orders@0", "clean.orders", "-n", "-1"], "--limit"),
])
def test_mistakes_are_told(built, arguments, wanted):
    done = built.run("diff", *arguments, exit_code=1)
    assert wanted in done.stderr and done.stdout == "", done.stderr


def test_a_mistake_in_where_has_its_place(built):
    done = built.run("diff", "clean.orders@0", "clean.orders", "--where", "amount > 1\n  and statuss = 'x'", exit_code=1)
    assert "the SQL given:2:7" in done.stderr, done.stderr


def test_a_vacuumed_version_is_told(shop):
    for line in (shop.table_folder("clean.orders") / "_delta_log" / f"{0:020}.json").read_text().splitlines():
        if '"add"' in line:
            (shop.table_folder("clean.orders") / json.loads(line)["add"]["path"]).unlink()
    done = shop.run("diff", "clean.orders@0", "clean.orders", exit_code=1)
    assert "of clean.orders@0 is gone" in done.stderr and "compare a newer version" in done.stderr
