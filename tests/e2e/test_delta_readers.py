"""Other readers see our tables as they are: delta-rs, DuckDB's delta extension and Spark, at every version, from commits and from
checkpoints, whole and pruned by the statistics in the log."""
import datetime
import decimal
import json
import shutil

import deltalake
import duckdb
import pyarrow
import pytest

from conftest import CACHE, Project, rows_of

pytestmark = pytest.mark.xdist_group("readers")

ITEMS = 12  # files, one a run: a checkpoint lies in between
TYPES = """
select id, (id - 100)::tinyint as t, id::smallint as s, id::integer as i, (id * 1000000007)::bigint as b,
  (id / 8)::float as f, (id / 7)::double as d, case id when 3 then 'nan' when 4 then 'inf' else id::varchar end::double as odd,
  (id || '.10')::decimal(12, 2) as de, (id || '00000000000000000000.1234567891')::decimal(38, 10) as dl,
  'n' || id as v, repeat('é', 31) || id || repeat('x', 40) as long, ('x' || id)::blob as bl, id % 2 = 0 as bo,
  date '1969-12-28' + id::integer as da,
  timestamp '2024-01-01 00:00:00.123456' + to_milliseconds(id) as ts,
  (timestamp '2024-01-01 00:00:00.654321' + to_days(id::integer)) at time zone 'UTC' as tz,
  {'a': id, 'my col': [id, null]} as st, map {'k' || id: id::decimal(5, 1)} as ma, [{'name': 'n', 'x': id}] as "li st",
  nullif(id, 5) as n
from clean.items"""
PARTITIONED = """
select id, case id % 4 when 0 then null when 1 then 'a b%c/d=é' when 2 then 'x' else '+' end as v,
  (timestamp '2024-01-01 00:00:00.5' + to_days((id % 2)::integer)) at time zone 'UTC' as tz
from clean.items"""
PROJECT = {
    "sluice.yml": "name: readers\nchecks: {requirements: off}\n",
    "sources/items.yml": "path: data/*.csv\n",
    "contracts/items.odcs.yml": """
apiVersion: v3.0.2
kind: DataContract
id: items
name: items
version: 1.0.0
status: active
schema:
  - name: items
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
""",
    "models/types.sql": "/* sluice\nwrite: append\n*/" + TYPES,
    "models/parts.sql": "/* sluice\nwrite: partition\npartition_by: [v, tz]\n*/" + PARTITIONED,
}
TABLES = ["raw.items", "clean.items", "curated.types", "curated.parts"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, sluice_bin):
    made = Project(tmp_path_factory.mktemp("readers") / "project", sluice_bin)
    for path, text in PROJECT.items():
        made.write(path, text)
    for item in range(1, ITEMS + 1):
        made.write(f"data/{item}.csv", f"id\n{item}\n")
        made.run("run")
    return made


def expected(sql):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; create schema clean")
    connection.execute(f"create table clean.items as select unnest(range(1, {ITEMS + 1}))::bigint as id")
    return rows_of(connection.execute(sql).to_arrow_table())


class DuckDB:
    """DuckDB's own reader of Delta tables."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute(f"load '{CACHE}/duckdb-1.5.5/extensions/delta.duckdb_extension'; set timezone = 'UTC'")

    def arrow(self, folder, where="true"):
        return self.connection.execute(f"select * from delta_scan('{folder}') where {where}").to_arrow_table()


def log_files(project, table, pattern):
    return sorted((project.table_folder(table) / "_delta_log").glob(pattern))


def test_the_tables_have_commits_and_checkpoints(project):
    for table in TABLES:
        assert len(log_files(project, table, "*.json")) == ITEMS
        assert len(log_files(project, table, "*.checkpoint.parquet")) == 1
        assert json.loads(log_files(project, table, "_last_checkpoint")[0].read_text())["version"] == 10


def test_delta_rs_reads_every_type(project):
    assert project.rows("curated.types") == expected(TYPES)
    assert project.rows("curated.parts") == expected(PARTITIONED)


def test_duckdb_reads_every_type(project):
    assert rows_of(DuckDB().arrow(project.table_folder("curated.types"))) == expected(TYPES)
    assert rows_of(DuckDB().arrow(project.table_folder("curated.parts"))) == expected(PARTITIONED)


def test_readers_agree_on_versions_before_and_after_the_checkpoint(project):
    for version in range(ITEMS):
        assert len(project.delta("clean.items", version)) == version + 1
        assert len(project.delta("curated.types", version)) == version + 1


def test_readers_start_from_the_checkpoint_alone(project, tmp_path):
    for table in TABLES:
        copy = tmp_path / table
        shutil.copytree(project.table_folder(table), copy)
        for file in sorted((copy / "_delta_log").glob("*.json"))[:10]:
            file.unlink()
        assert len(deltalake.DeltaTable(str(copy)).to_pyarrow_table()) == ITEMS
        assert len(DuckDB().arrow(copy)) == ITEMS


def literals(row):
    """A filter for each column of a row that can be compared, as (column, SQL literal)."""
    for name, value in row.items():
        if isinstance(value, (bool, bytes, dict, list, type(None))) or value != value:
            continue
        if isinstance(value, datetime.datetime):
            yield name, f"{'timestamptz' if value.tzinfo else 'timestamp'} '{value.isoformat(sep=' ')}'"
        elif isinstance(value, datetime.date):
            yield name, f"date '{value}'"
        elif isinstance(value, (int, decimal.Decimal)):
            yield name, str(value)
        elif isinstance(value, float):
            yield name, f"'{value}'::double"
        else:
            yield name, "'" + value.replace("'", "''") + "'"


def test_pruning_by_statistics_loses_no_row(project):
    reader = DuckDB()
    for table in ("raw.items", "curated.types"):
        folder = project.table_folder(table)
        # One file a row: a bound that is too narrow would lose it.
        assert len(deltalake.DeltaTable(str(folder)).file_uris()) == ITEMS
        for row in reader.arrow(folder).to_pylist():
            for name, literal in literals(row):
                found = reader.arrow(folder, f'"{name}" = {literal}').to_pylist()
                assert row["id"] in [other["id"] for other in found], (table, name, literal)


def test_delta_rs_understands_the_statistics(project):
    actions = deltalake.DeltaTable(str(project.table_folder("curated.types"))).get_add_actions(flatten=True)
    columns = {name: actions.column(i).to_pylist() for i, name in enumerate(actions.schema.names)}
    row = columns["min.id"].index(5)
    stats = {name: values[row] for name, values in columns.items()}
    assert (stats["num_records"], stats["max.id"], stats["null_count.n"], stats["null_count.id"]) == (1, 5, 1, 0)
    assert stats["min.de"] == stats["max.de"] == decimal.Decimal("5.10")
    assert stats["max.dl"] == decimal.Decimal("500000000000000000000.1234567891")
    assert stats["min.da"] == stats["max.da"] == datetime.date(1970, 1, 2)
    assert stats["min.ts"] == datetime.datetime(2024, 1, 1, 0, 0, 0, 128456)
    assert stats["max.tz"] == datetime.datetime(2024, 1, 6, 0, 0, 0, 654321, datetime.timezone.utc)
    # Cut after 32 characters, and the maximum rounded up.
    assert stats["min.long"] == "é" * 31 + "5"
    assert stats["max.long"] == "é" * 31 + "5\U0010ffff"
    # Not a number, and infinity: JSON has neither.
    for odd in (3, 4):
        assert columns["min.odd"][columns["min.id"].index(odd)] is None


def test_the_history_is_delta_rss_too(project):
    history = deltalake.DeltaTable(str(project.table_folder("curated.types"))).history()
    assert len(history) == ITEMS
    assert history[0]["operation"] and history[0]["engineInfo"].startswith("Sluice/")


def test_we_go_on_where_another_writer_stopped_without_its_rows(project, tmp_path):
    """Its checkpoint is read; rows in clean that follow from none of raw do not stay."""
    shutil.copytree(project.folder, tmp_path / "project")
    copy = Project(tmp_path / "project", project.binary)
    folder = str(copy.table_folder("clean.items"))
    row = deltalake.DeltaTable(folder).to_pyarrow_table().slice(0, 1)
    row = row.set_column(row.schema.get_field_index("id"), "id", pyarrow.array([99], pyarrow.int64()))
    deltalake.write_deltalake(folder, row, mode="append")
    deltalake.DeltaTable(folder).create_checkpoint()
    copy.write("data/100.csv", "id\n100\n")
    assert copy.count("clean.items") == ITEMS + 1
    copy.run("run")
    assert ("100",) in copy.rows("clean.items", "id") and ("99",) not in copy.rows("clean.items", "id")
    assert copy.count("clean.items") == ITEMS + 1


def without_zone(rows):
    """Spark's Parquet files do not say that a time has one."""
    return [tuple(value.removesuffix("+00") if value else value for value in row) for row in rows]


@pytest.mark.heavy
def test_spark_reads_every_type_and_version(project, spark):
    for table, sql in (("curated.types", TYPES), ("curated.parts", PARTITIONED)):
        assert without_zone(spark.rows(project.table_folder(table))) == without_zone(expected(sql))
    for version in (0, 5, 10, 11):
        assert len(spark.rows(project.table_folder("clean.items"), version)) == version + 1


@pytest.mark.heavy
def test_spark_starts_from_the_checkpoint_alone(project, spark, tmp_path):
    for table in TABLES:
        copy = tmp_path / table
        shutil.copytree(project.table_folder(table), copy)
        for file in sorted((copy / "_delta_log").glob("*.json"))[:10]:
            file.unlink()
        assert len(spark.rows(copy)) == ITEMS
