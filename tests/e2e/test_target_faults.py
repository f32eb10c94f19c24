"""Deliveries under what a target, its owner or its other writers do to it: no row is lost, none is doubled, and what is wrong
is said."""
import json
import math
import sqlite3
import subprocess

import duckdb
import pytest

DATABASES = {"sqlite": "type: sqlite\npath: out/base.sqlite\n", "duckdb": "type: duckdb\npath: out/base.duckdb\n"}
FOLDERS = {kind: f"type: {kind}\npath: out\n" for kind in ("parquet", "csv", "jsonl")}


def make(project, target, delivery="{table: curated.m}", model="select id::integer as id, v from raw.o", settings="", data=True):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/o.yml", "path: data/*.csv\n")
    project.write("models/m.sql", f"/* sluice\n{settings or 'description: m'}\n*/\n{model}")
    project.write("targets/out.yml", f"{target}deliver:\n  - {delivery}\n")
    if data:
        project.write("data/1.csv", "id,v\n1,a\n2,b\n")


def postgres_target(postgres, schema):
    return f"type: postgres\ndsn: {postgres.dsn}\nschema: {schema}\n"


def refused(project):
    done = project.run("run", exit_code=None)
    assert done.returncode != 0, done.stdout
    return done


def rows(project, kind, sql="select * from m order by all"):
    if kind == "sqlite":
        with sqlite3.connect(project.folder / "out/base.sqlite") as base:
            return base.execute(sql.replace("order by all", "order by 1, 2")).fetchall()
    with duckdb.connect() as connection:
        if kind == "duckdb":
            connection.execute(f"attach '{project.folder}/out/base.duckdb' as b (read_only); use b")
        else:
            reader = {"parquet": "parquet", "csv": "csv", "jsonl": "json"}[kind]
            connection.execute(f"create view m as from read_{reader}('{project.folder}/out/m/**/*.{kind}')")
        return connection.execute(sql).fetchall()


# PostgreSQL: what the server does with the rows

@pytest.mark.parametrize("value", ["\\.", "a\n\\.\nb"])
def test_postgres_gets_rows_behind_a_value_that_looks_like_the_end(project, postgres, value):
    make(project, postgres_target(postgres, "f_end"), model="select v from raw.o", data=False)
    project.write("data/1.csv", f'id,v\n1,a\n2,"{value}"\n3,c\n4,\n')
    project.run("run", "--full-refresh")
    assert postgres.query("select count(*), count(v) from f_end.m") == [["4", "3"]]
    assert postgres.query(f"select count(*) from f_end.m where v = E'{value.encode('unicode_escape').decode()}'") == [["1"]]


@pytest.mark.parametrize("write", ["full", "append"])
def test_rows_that_the_server_drops_fail_the_delivery(project, postgres, write):
    schema = f"f_rule_{write}"
    make(project, postgres_target(postgres, schema), f"{{table: curated.m, write: {write}}}", settings="write: append")
    project.run("run")
    postgres.query(f"create rule r as on insert to {schema}.m where new.id = 3 do instead nothing")
    project.write("data/2.csv", "id,v\n3,c\n4,d\n")
    assert "SL0701" in refused(project).stderr
    assert postgres.query(f"select count(*) from {schema}.m") == [["2"]]
    postgres.query(f"drop rule r on {schema}.m")
    project.run("run")
    assert postgres.query(f"select id from {schema}.m order by id") == [["1"], ["2"], ["3"], ["4"]]


def test_rows_that_the_server_keeps_fail_the_delivery(project, postgres):
    make(project, postgres_target(postgres, "f_keep"), "{table: curated.m, write: partition, partition_by: [id]}",
         settings="write: partition\npartition_by: [id]", model="select id::integer as id, max(v) as v from raw.o group by all")
    project.run("run")
    postgres.query("create rule r as on delete to f_keep.m do instead nothing")
    project.write("data/2.csv", "id,v\n2,z\n")
    assert "SL0701" in refused(project).stderr
    assert postgres.query("select id, v from f_keep.m order by id") == [["1", "a"], ["2", "b"]]


# PostgreSQL: columns, keys and what hangs on a table

def test_postgres_values_reach_their_columns_whatever_their_order(project, postgres):
    make(project, postgres_target(postgres, "f_order"), model="select id::varchar as a, v as b from raw.o")
    project.run("run")
    postgres.query("create view f_order.w as select a from f_order.m")
    project.write("models/m.sql", "select v as b, id::varchar as a from raw.o")
    project.run("run")
    assert postgres.query("select a, b from f_order.m order by a") == [["1", "a"], ["2", "b"]]


def test_postgres_append_survives_a_table_made_anew_in_another_order(project, postgres):
    make(project, postgres_target(postgres, "f_dba"), "{table: curated.m, write: append}",
         model="select v as a, id::varchar as b from raw.o", settings="write: append")
    project.run("run")
    postgres.query("create table f_dba.n (b text, a text); insert into f_dba.n select b, a from f_dba.m; "
                   "drop table f_dba.m; alter table f_dba.n rename to m")
    project.write("data/2.csv", "id,v\n3,c\n")
    project.run("run")
    assert postgres.query("select a, b from f_dba.m order by a") == [["a", "1"], ["b", "2"], ["c", "3"]]


def test_postgres_table_keeps_views_grants_and_indexes_when_columns_come(project, postgres):
    make(project, postgres_target(postgres, "f_add"))
    project.run("run")
    postgres.query("create view f_add.w as select v from f_add.m; create index i on f_add.m (v); "
                   "create role f_reader; grant select on f_add.m to f_reader")
    project.write("models/m.sql", "select id::integer as id, v, id::integer * 2 as twice from raw.o")
    project.run("run")
    assert postgres.query("select id, v, twice from f_add.m order by id") == [["1", "a", "2"], ["2", "b", "4"]]
    assert postgres.query("select count(*) from f_add.w") == [["2"]]
    assert postgres.query("select indexname from pg_indexes where schemaname = 'f_add' and tablename = 'm'") == [["i"]]
    assert postgres.query("select has_table_privilege('f_reader', 'f_add.m', 'select')") == [["t"]]
    project.write("models/m.sql", "select id::integer as id, id::integer * 2 as twice from raw.o")
    failed = refused(project)
    assert "SL0802" in failed.stderr and "drop the views" in failed.stderr
    postgres.query("drop view f_add.w")
    project.run("run")
    assert postgres.query("select * from f_add.m order by id") == [["1", "2"], ["2", "4"]]


def test_postgres_continues_only_what_has_the_delivered_columns(project, postgres):
    make(project, postgres_target(postgres, "f_type"), "{table: curated.m, write: append}", settings="write: append",
         model="select id::double as d, v from raw.o")
    project.run("run")
    postgres.query("alter table f_type.m alter column d type integer; alter table f_type.m add column theirs text")
    project.write("data/2.csv", "id,v\n3,c\n")
    failed = refused(project)
    assert "SL0802" in failed.stderr and "--full-refresh" in failed.stderr
    postgres.query("alter table f_type.m alter column d type double precision")
    project.run("run")
    assert postgres.query("select d, theirs from f_type.m order by d") == [["1", ""], ["2", ""], ["3", ""]]


def test_postgres_primary_key_follows_the_delivery(project, postgres):
    key = ("select string_agg(a.attname, ',' order by a.attname) from pg_constraint c join pg_attribute a on a.attrelid = "
           "c.conrelid and a.attnum = any(c.conkey) where contype = 'p' and conrelid = 'f_key.m'::regclass")
    not_null = "select count(*) from pg_attribute where attrelid = 'f_key.m'::regclass and attnum > 0 and attnotnull"
    for columns, wanted in ((["id"], "id"), (["id", "v"], "id,v"), ([], "")):
        delivery = "{table: curated.m, write: %s, key: %s}" % ("merge" if columns else "full", json.dumps(columns))
        make(project, postgres_target(postgres, "f_key"), delivery if columns else "{table: curated.m}")
        project.run("run")
        assert postgres.query(key) == [[wanted]]
        assert postgres.query(not_null) == [[str(len(columns))]]


@pytest.mark.parametrize("name", ["a" + "ü" * 30, "a" + "ü" * 40, "b" * 100])
def test_postgres_takes_long_names_in_any_script(project, postgres, name):
    make(project, postgres_target(postgres, "f_long"), f"{{table: curated.m, to: {name}, write: merge, key: [id]}}",
         settings="write: merge\nkey: [id]")
    for number in (1, 2, 3):
        project.write(f"data/{number}.csv", f"id,v\n{number},{number}\n")
        project.run("run")
    assert postgres.query(f'select count(*) from f_long."{name}"') == [["3"]]


# Keys

@pytest.mark.parametrize("kind", [*DATABASES, *FOLDERS, "postgres"])
def test_a_key_that_does_not_tell_rows_apart_is_refused(project, postgres, kind):
    target = {**DATABASES, **FOLDERS}.get(kind) or postgres_target(postgres, "f_unique")
    make(project, target, "{table: curated.m, write: merge, key: [id]}", settings="write: append")
    project.run("run")
    project.write("data/2.csv", "id,v\n1,c\n")  # its other row was delivered before
    failed = refused(project)
    assert "SL0804" in failed.stderr and "id=1" in failed.stderr
    project.write("data/2.csv", "id,v\n4,c\n4,d\n")
    assert "id=4" in refused(project).stderr
    project.write("data/2.csv", "id,v\n,c\n")
    assert "id=null" in refused(project).stderr
    if kind == "postgres":
        assert postgres.query("select id, v from f_unique.m order by id") == [["1", "a"], ["2", "b"]]
    else:
        assert rows(project, kind) == [(1, "a"), (2, "b")]
    project.write("targets/out.yml", target + "deliver: [{table: curated.m, write: merge, key: [ID]}]\n")
    assert "did you mean 'id'?" in refused(project).stderr
    project.write("targets/out.yml", target + "deliver: [{table: curated.m, write: append}]\n")
    project.run("run")


@pytest.mark.parametrize("write", ["write: merge, key: [d]", "write: partition, partition_by: [d]"])
def test_sqlite_refuses_nan_where_rows_are_found_by_it(project, write):
    make(project, DATABASES["sqlite"], "{table: curated.m, %s}" % write,
         model="select case id when '1' then 'nan'::double else id::double end as d, v from raw.o")
    failed = refused(project)
    assert "SL0804" in failed.stderr and "NaN" in failed.stderr
    project.write("targets/out.yml", DATABASES["sqlite"] + "deliver: [{table: curated.m}]\n")
    project.run("run")
    assert rows(project, "sqlite", "select v, d from m order by v") == [("a", None), ("b", 2.0)]


# More than one writer

@pytest.mark.parametrize("kind", [*DATABASES, *FOLDERS])
def test_two_runs_that_share_a_target_append_once(project, kind):
    make(project, {**DATABASES, **FOLDERS}[kind], "{table: curated.m, write: append}", settings="write: append")
    project.run("run")
    for number in range(2, 7):
        project.write("data/next.csv", f"id,v\n{number + 1},x\n")
        (project.folder / "data/next.csv").rename(project.folder / f"data/{number}.csv")
        runs = []
        for state in ("one", "two"):
            runs.append(subprocess.Popen([str(project.binary), "run"], cwd=project.folder, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True,
                                         env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1", "SLUICE_STATE": state}))
        for run in runs:
            out = run.communicate(timeout=120)[0]
            assert run.returncode == 0, out
        assert len(rows(project, kind)) == number + 1


def test_many_deliveries_share_a_duckdb_file(new_project):
    for attempt in range(3):
        project = new_project(f"p{attempt}")
        make(project, DATABASES["duckdb"])
        project.write("sluice.yml", "name: t\nconcurrency: 4\nchecks: {requirements: off}\n")
        deliver = "deliver:\n" + "".join(f"  - {{table: curated.m{i}, to: m{i}}}\n" for i in range(8))
        (project.folder / "models/m.sql").unlink()
        for i in range(8):
            project.write(f"models/m{i}.sql", f"select id, v, {i} as n from raw.o")
        project.write("targets/out.yml", DATABASES["duckdb"] + deliver)
        project.write("targets/other.yml", DATABASES["sqlite"] + deliver)
        project.run("run")
        for kind in DATABASES:
            for i in range(8):
                assert rows(project, kind, f"select count(*), min(n) from m{i}") == [(2, i)]


# Damage

@pytest.mark.parametrize("kind", [*DATABASES, "postgres"])
def test_a_dropped_table_is_delivered_again(project, postgres, kind):
    make(project, DATABASES.get(kind) or postgres_target(postgres, "f_drop"), "{table: curated.m, write: append}",
         settings="write: append")
    for number in (1, 2):
        project.run("run")
        if kind == "postgres":
            postgres.query("drop table f_drop.m")
        elif kind == "sqlite":
            with sqlite3.connect(project.folder / "out/base.sqlite") as base:
                base.execute("drop table m")
        else:
            with duckdb.connect(str(project.folder / "out/base.duckdb")) as base:
                base.execute("drop table m")
        if number == 2:
            project.write("data/2.csv", "id,v\n3,c\n")
        project.run("run")
        count = "select count(*) from %sm"
        found = postgres.query(count % "f_drop.")[0][0] if kind == "postgres" else rows(project, kind, count % "")[0][0]
        assert int(found) == number + 1


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_whose_files_went_or_changed_is_delivered_again(project, kind):
    make(project, FOLDERS[kind], "{table: curated.m, write: append}", settings="write: append")
    project.run("run")
    next((project.folder / "out/m").glob(f"*.{kind}")).unlink()
    project.run("run")
    assert len(rows(project, kind)) == 2
    next((project.folder / "out/m").glob(f"*.{kind}")).write_text("")
    project.write("data/2.csv", "id,v\n3,c\n")
    project.run("run")
    assert len(rows(project, kind)) == 3
    for damaged in ("{", "[]", '{"version": -2, "files": {}}', '{"version": 1, "files": {"x": "1"}}'):
        (project.folder / "out/m/_sluice.json").write_text(damaged)
        project.run("run")
        assert len(rows(project, kind)) == 3
    assert "nothing to do" in project.run("run").stdout


# What a format cannot hold

@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_text_that_means_null_in_a_folder_is_refused(project, kind):
    make(project, FOLDERS[kind], "{table: curated.m, write: partition, partition_by: [v]}", data=False)
    project.write("data/1.csv", "id,v\n1,\n2,b\n3,__HIVE_DEFAULT_PARTITION__\n")
    assert "SL0802" in refused(project).stderr
    project.write("data/1.csv", "id,v\n1,\n2,b\n3,\n")
    project.run("run")
    assert rows(project, kind, "select count(*) from m") == [(3,)]


NESTED = ("select id::integer as id, {'a': [1.5, 'nan'::double], 't': 'x:NaN,\"Infinity'} as s, "
          "case id when '1' then '-inf' when '2' then 'nan' end::double as d, null::integer[] as n from raw.o")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "sqlite", "postgres"])
def test_nested_values_and_numbers_that_json_lacks_are_written_as_json(project, postgres, kind):
    make(project, {**DATABASES, **FOLDERS}.get(kind) or postgres_target(postgres, "f_json"), model=NESTED, data=False)
    project.write("data/1.csv", "id,v\n1,a\n2,b\n3,c\n")
    project.run("run")
    wanted = {"a": [1.5, "NaN"], "t": 'x:NaN,"Infinity'}
    if kind == "jsonl":
        def refuse(name):
            raise AssertionError(f"{name} is no JSON")
        text = next((project.folder / "out/m").glob("*.jsonl")).read_text()
        found = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
        assert [row["d"] for row in found] == ["-Infinity", "NaN", None]
        assert all(row["s"] == wanted and row["n"] is None for row in found)
    elif kind == "csv":
        found = rows(project, kind, "select s::varchar, d, n from m order by id")
        assert all(json.loads(row[0]) == wanted and row[2] is None for row in found)
        assert float(found[0][1]) == -math.inf and math.isnan(float(found[1][1]))
    elif kind == "sqlite":
        found = rows(project, kind, "select s, n from m order by id")
        assert all(json.loads(row[0]) == wanted and row[1] is None for row in found)
    else:
        found = postgres.query("select s, d, n is null from f_json.m order by id")
        assert all(json.loads(row[0]) == wanted and row[2] == "t" for row in found)
        assert [row[1] for row in found] == ["-Infinity", "NaN", ""]


@pytest.mark.parametrize("to", ["a/b", ".m", "_sluice_loads"])
def test_check_refuses_a_name_that_a_run_could_not_use(project, to):
    make(project, FOLDERS["csv"], f"{{table: curated.m, to: {to}}}")
    assert "SL0205" in project.run("check", exit_code=1).stderr
