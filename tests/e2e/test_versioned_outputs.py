"""Versioned outputs: consumers pin a version, or read the latest by the output's own name."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import READER, Project

V1 = """/* sluice
version_of: revenue
version: 1
checks: [{not_null: [day]}]
*/
select day, sum(amount) as amount, count(*) as orders from raw.orders group by all
"""
V2 = """/* sluice
version_of: revenue
version: 2
write: partition
partition_by: [day]
*/
select day, sum(amount) as revenue, count(*) as orders from raw.orders group by all
"""
FILES = {
    "sluice.yml": "name: shop\nchecks: {requirements: off}\n",
    "sources/orders.yml": "path: data/orders*.parquet\n",
    "models/revenue_v1.sql": V1,
    "models/revenue_v2.sql": V2,
    "models/pinned.sql": "select sum(amount) as total from curated.revenue_v1\n",
    "models/floating.sql": "select day, orders from curated.revenue\n",
    "targets/out.yml": "type: csv\npath: out\ndeliver:\n"
                       "  - {table: curated.revenue, write: partition, partition_by: [day]}\n"
                       "  - {table: curated.revenue_v1}\n",
}


def write_orders(project, name, *orders, amount_type="bigint"):
    """A Parquet file, so that raw has types."""
    file = project.write(f"data/{name}.parquet", "")
    values = ", ".join(f"({id}, '{day}', '{amount}'::{amount_type})" for id, day, amount in orders)
    READER.cursor().execute(f"copy (select * from (values {values}) t(id, day, amount)) to '{file}' (format parquet)")


@pytest.fixture
def shop(project):
    for path, text in FILES.items():
        project.write(path, text)
    write_orders(project, "orders1", (1, "2026-01-01", 10), (2, "2026-01-01", 20), (3, "2026-01-02", 30))
    return project


def tables(project):
    """Every version of every table, to see that nothing was written."""
    return {node["name"]: node["version"] for node in project.json("ls")["nodes"]}


def query(project, sql, *arguments):
    return [tuple(row) for row in project.json("query", sql, *arguments)["rows"]]


def errors(project, *arguments, exit_code=1):
    return project.json("check", *arguments, exit_code=exit_code)["errors"]


# --- Names ---

def test_the_outputs_name_is_its_latest_version(shop):
    assert shop.json("check")["counts"]["models"] == 4
    shop.run("run")
    assert query(shop, "select * from curated.revenue order by day") == query(shop, "select * from curated.revenue_v2 order by day")
    assert shop.rows("curated.pinned") == [("60",)]
    assert not shop.table_folder("curated.revenue").exists()
    assert sorted(folder.name for folder in (shop.folder / "out" / "revenue").iterdir() if folder.is_dir()
                  and folder.name.startswith("day=")) == ["day=2026-01-01", "day=2026-01-02"]
    assert set(verdicts(shop)) == {"fresh"}
    write_orders(shop, "orders2", (4, "2026-01-02", 5))
    shop.run("run")
    assert query(shop, "select sum(orders) from curated.floating") == [(4,)]
    assert set(verdicts(shop)) == {"fresh"}
    shop.run("verify")
    assert "4 of 4 tables equal" in shop.run("verify").stdout


def verdicts(project, *arguments):
    return [node["verdict"] for node in project.json("plan", *arguments)["nodes"]]


def test_a_version_that_is_not_the_latest_yet_moves_nothing(shop):
    shop.run("run")
    shop.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3\nlatest: false").replace("as revenue", "as eur"))
    shop.run("run")
    assert [column["name"] for column in shop.json("show", "curated.revenue")["columns"]] == ["day", "revenue", "orders"]
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\nlatest: true"))
    assert [column["name"] for column in shop.json("show", "curated.revenue")["columns"]] == ["day", "amount", "orders"]


def test_a_version_that_is_gone_is_an_unknown_table_with_those_there_are(shop):
    shop.run("run")
    (shop.folder / "models/revenue_v1.sql").unlink()
    found = errors(shop)
    assert {error["code"] for error in found} == {"SL0402"} and len(found) == 2
    assert all("there is curated.revenue_v2; curated.revenue is the latest version" in error["hint"] for error in found)


# --- Promises ---

BROKEN = {
    "a column that goes": (V1.replace(", count(*) as orders", ""), ["orders: the column is gone"]),
    "another type": (V1.replace("count(*)", "count(*)::varchar"), ["orders: type is VARCHAR, was BIGINT"]),
    "a narrower type": (V1.replace("count(*)", "count(*)::int"), ["orders: type is INTEGER, was BIGINT"]),
    "another name": (V1.replace("as orders", "as n"), ["orders: the column is gone"]),
    "nulls": (V1.replace("checks: [{not_null: [day]}]\n", ""), ["day: may be null, was never null"]),
    "nulls that only warn": (V1.replace("[{not_null: [day]}]", "[{not_null: [day], severity: warn}]"),
                             ["day: may be null, was never null"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_would_break_a_published_version_is_refused_before_anything_is_written(shop, case):
    text, expected = BROKEN[case]
    shop.run("run")
    shop.write("models/revenue_v1.sql", text)
    write_orders(shop, "orders2", (4, "2026-01-01", 10))
    before = tables(shop)
    for command in (["check"], ["plan"], ["run"], ["run", "--dry-run"], ["plan", "-o", "plan.json"]):
        found = [error for error in shop.json(*command, exit_code=1)["errors"] if "would break" in error["message"]]
        assert [error["code"] for error in found] == ["SL0409"] * len(expected)
        for error, what in zip(found, expected):
            assert what in error["message"] and "read by curated.pinned, target.out.revenue_v1" in error["message"]
            assert "version 3" in error["hint"] and "--allow-breaking revenue_v1" in error["hint"]
            assert error["file"] == "models/revenue_v1.sql"
    assert tables(shop) == before and not (shop.folder / "plan.json").exists()
    # Its readers are ready: it is done, and said.
    report = shop.json("run", "--allow-breaking", "curated.revenue_v1", "--exclude", "pinned")
    step = next(step for step in report["steps"] if step["table"] == "curated.revenue_v1")
    assert step["status"] == "warn" and any(expected[0] in note for note in step["notes"])
    shop.run("check", exit_code=None)
    assert not [error for error in shop.json("check", exit_code=None)["errors"] if error["code"] == "SL0409"]


KEPT = {
    "a new column": V1.replace("count(*) as orders", "count(*) as orders, max(amount) as largest"),
    "another order": V1.replace("day, sum(amount) as amount, count(*) as orders", "count(*) as orders, day, sum(amount) as amount"),
    "other values": V1.replace("sum(amount)", "2 * sum(amount)"),
    "one check more": V1.replace("not_null: [day]", "not_null: [day, amount]"),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_readers_do_not_notice_passes(shop, case):
    shop.run("run")
    shop.write("models/revenue_v1.sql", KEPT[case])
    shop.run("check")
    shop.run("run")
    assert set(verdicts(shop)) == {"fresh"}


def test_a_wider_type_and_a_new_member_pass_and_a_member_that_goes_does_not(shop):
    nested = "select {'a': 1::int, 'b': [{'c': 1::smallint}]} as item, 1.5::decimal(9, 2) as price, id from raw.orders"
    settings = "/* sluice\nversion_of: item\nversion: 1\n*/\n"
    shop.write("models/item_v1.sql", settings + nested)
    shop.run("run")
    shop.write("models/item_v1.sql", settings + nested.replace("decimal(9, 2)", "decimal(12, 3)").replace("1::int", "1::bigint")
               .replace("1::smallint", "1::int, 'd': 'x'"))
    shop.run("run")
    shop.write("models/item_v1.sql", settings + nested.replace("decimal(9, 2)", "decimal(12, 3)").replace("1::int", "1::bigint"))
    found = {error["message"].split(": ", 1)[1].split(";")[0] for error in errors(shop)}
    assert found == {"item.b[].c: type is SMALLINT, was INTEGER", "item.b[].d: the member is gone"}


def test_a_change_that_comes_with_the_data_fails_its_step_and_publishes_nothing(shop):
    shop.write("models/revenue_v1.sql", V1.replace("sum(amount) as amount", "max(amount) as amount"))
    shop.run("run")
    before = shop.rows("curated.revenue_v1")
    shop.write("models/revenue_v2.sql", V2.replace("sum(amount)", "count(amount)"))
    shop.write("models/pinned.sql", "select count(amount) as total from curated.revenue_v1\n")
    write_orders(shop, "orders1", (4, "2026-01-01", "many"), amount_type="varchar")
    report = shop.json("run", "--full-refresh", exit_code=None)
    step = next(step for step in report["steps"] if step["table"] == "curated.revenue_v1")
    assert step["status"] == "error" and step["error"]["code"] == "SL0409"
    assert "amount: type is VARCHAR, was BIGINT" in step["error"]["message"]
    assert shop.rows("curated.revenue_v1") == before
    shop.run("run", "--full-refresh", "--allow-breaking", "revenue_v1")
    assert "many" in [row[0] for row in shop.rows("curated.revenue_v1", "amount")]


def test_a_stored_plan_remembers_what_may_break(shop):
    shop.run("run")
    shop.write("models/revenue_v1.sql", V1.replace("count(*)", "count(*)::varchar"))
    shop.run("plan", "-o", "plan.json", "--allow-breaking", "revenue_v1")
    shop.run("apply", "plan.json")
    assert set(verdicts(shop)) == {"fresh"}
    assert "which is no version" in shop.run("plan", "--allow-breaking", "pinned", exit_code=1).stderr


# --- The latest moves ---

V3 = """/* sluice
version_of: revenue
version: 3
*/
select day::date as day, sum(amount) as eur from raw.orders group by all
"""


def notes(project, *arguments, **options):
    return project.json("plan", *arguments, **options)["notes"]


def test_a_plan_tells_what_a_new_latest_version_does_to_whom(shop):
    shop.write("models/days.sql", "select day, count(*) as n from curated.revenue group by all\n")
    shop.run("run")
    assert notes(shop) == []
    shop.write("models/revenue_v3.sql", V3)
    (note,) = notes(shop, exit_code=1)
    assert note["severity"] == "warning" and note["table"] == "curated.revenue"
    assert note["message"] == (
        "curated.revenue moves from version 2 to version 3: day: type is DATE, was VARCHAR; revenue: the column is gone; "
        "orders: the column is gone; eur: the column is new; read by curated.days (day, n), "
        "curated.floating (its SQL does not fit), target.out.revenue (day)")
    assert note["hint"] == "to stay at version 2, read curated.revenue_v2"
    assert "moves from version 2 to version 3" in shop.run("plan", exit_code=1).stderr
    causes = {node["name"]: node["why"][0] for node in shop.json("plan", exit_code=1)["nodes"] if node["why"]}
    assert causes["curated.days"] == causes["target.out.revenue"] == "curated.revenue is version 3 now, was 2"
    (error,) = errors(shop)
    assert error["file"] == "models/floating.sql"
    assert "curated.revenue is version 3 now: to stay at another one, read curated.revenue_vN" in error["hint"]
    # One reader stays, the others go along.
    shop.write("models/floating.sql", "select day, orders from curated.revenue_v2\n")
    shop.run("run")
    assert notes(shop) == [] and set(verdicts(shop)) == {"fresh"}
    assert sorted(row[1] for row in query(shop, "select * from curated.revenue order by eur")) == [30, 30]
    delivered = "".join(file.read_text() for file in (shop.folder / "out/revenue").rglob("*.csv"))
    assert "eur" in delivered and "orders" not in delivered
    # And back: what was built is there still.
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: true"))
    (note,) = notes(shop)
    assert note["message"].startswith("curated.revenue moves from version 3 to version 2: ")
    assert {node["name"] for node in shop.json("plan")["nodes"] if node["verdict"] == "stale"} == {"curated.days", "target.out.revenue"}
    shop.run("run")
    assert notes(shop) == [] and query(shop, "select sum(orders) from curated.revenue") == [(3,)]


def test_a_move_that_only_adds_is_a_note_and_a_view_between_does_not_hide_it(shop):
    shop.write("models/between.sql", "/* sluice\nwrite: view\n*/\nselect day, orders from curated.revenue where orders > 0\n")
    shop.write("models/floating.sql", "select sum(orders) as orders from curated.between\n")
    shop.run("run")
    shop.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3").replace("count(*) as orders", "count(*) as orders, 1 as more"))
    (note,) = notes(shop)
    assert note["severity"] == "note" and note["message"].endswith(
        "more: the column is new; read by target.out.revenue, curated.floating")
    why = next(node["why"] for node in shop.json("plan")["nodes"] if node["name"] == "curated.floating")
    assert why[0] == "curated.revenue is version 3 now, was 2"
    shop.run("run")
    assert notes(shop) == [] and set(verdicts(shop)) == {"fresh"}


def test_a_move_is_told_of_the_version_that_was_planned_with(tmp_path, fault_bin, sluice_bin):
    """Another environment publishes while a plan is made: the columns compared are those of the version that the plan has."""
    base = Project(tmp_path / "base", sluice_bin)
    for path, text in FILES.items():
        base.write(path, text)
    base.write("sluice.yml", FILES["sluice.yml"] + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    write_orders(base, "orders1", (1, "2026-01-01", 10), (2, "2026-01-01", 20))
    base.run("run", "--env", "prod")
    base.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3"))
    base.write("models/revenue_v2.sql", V2.replace("count(*) as orders", "count(nothing) as orders"))  # only its table tells its columns
    probe = Project(shutil.copytree(base.folder, tmp_path / "probe"), fault_bin)
    probe.run("plan", "--env", "dev", "--allow-breaking", "revenue_v2", exit_code=1, env={"SLUICE_FAULT_COUNT": str(probe.folder / "count")})
    planned = set()
    for number in range(1, int((probe.folder / "count").read_text()) + 1):
        project = Project(shutil.copytree(base.folder, tmp_path / f"stopped{number}"), fault_bin)
        process = subprocess.Popen([str(fault_bin), "plan", "--env", "dev", "--allow-breaking", "revenue_v2", "--json"], cwd=project.folder, stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "SLUICE_FAULT_STOP": str(number)})
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        project.write("models/revenue_v2.sql", V2.replace("count(*) as orders", "count(*) as orders, 1 as more"))
        project.run("run", "--env", "prod", "--select", "revenue_v2", binary=sluice_bin)
        os.kill(process.pid, signal.SIGCONT)
        plan = json.loads(process.communicate(timeout=120)[0])
        assert "nodes" in plan, f"stopped at {number}: {plan}"
        version = next(node["version"] for node in plan["nodes"] if node["name"] == "curated.revenue_v2")
        (note,) = plan["notes"]
        assert ("more: the column is gone" in note["message"]) == (version == 1), f"stopped at {number}, planned with {version}: {note['message']}"
        planned.add(version)
    assert 0 in planned, "it was never stopped after it had looked at the tables"


def test_a_version_that_is_no_whole_number_is_one_mistake(shop):
    for text in (V2.replace("version: 2", "version: 1.5"), V2.replace("version_of: revenue\n", "").replace("version: 2", "version: 1.5")):
        shop.write("models/revenue_v2.sql", text)
        (error,) = [error for error in errors(shop) if error["file"] == "models/revenue_v2.sql"]
        assert error["message"] == "'version' of model 'revenue_v2' is 1.5, expected a whole number"


def test_a_move_is_told_when_only_others_read_the_name(shop):
    for file in ("models/floating.sql", "targets/out.yml"):
        (shop.folder / file).unlink()
    shop.run("run")
    shop.write("models/revenue_v3.sql", V3)
    (note,) = notes(shop)
    assert "moves from version 2 to version 3" in note["message"] and note["message"].endswith("; nothing in the project reads it")


# --- The last day ---

def test_readers_of_a_deprecated_version_are_named_before_and_after_its_last_day(shop):
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\ndeprecated: 2026-03-31"))
    last_day, day_after = {"SLUICE_CLOCK": "2026-03-31T23:59:00Z"}, {"SLUICE_CLOCK": "2026-04-01T00:00:00Z"}
    expected = "curated.revenue_v1 is deprecated, its last day is 2026-03-31: curated.pinned, target.out.revenue_v1 still to be changed"
    found = shop.json("check", env=last_day)
    assert [note["message"] for note in found["notes"]] == [expected] and found["warnings"] == []
    assert [note["message"] for note in notes(shop, env=last_day)] == [expected]
    found = shop.json("check", env=day_after)
    assert found["notes"] == [] and [(w["code"], w["file"], w["line"]) for w in found["warnings"]] == [
        ("SL0410", "models/pinned.sql", 1), ("SL0410", "targets/out.yml", 5)]
    assert found["warnings"][0]["message"] == "curated.pinned reads curated.revenue_v1, whose last day was 2026-03-31"
    assert found["warnings"][0]["hint"] == "read curated.revenue_v2, or curated.revenue, which is always the latest version"
    assert {note["severity"] for note in notes(shop, env=day_after)} == {"warning"}
    shop.write("sluice.yml", FILES["sluice.yml"].replace("off}", "off, deprecated: error}"))
    assert shop.json("check", env=day_after, exit_code=1)["counts"]["errors"] == 2
    shop.write("sluice.yml", FILES["sluice.yml"].replace("off}", "off, deprecated: off}"))
    assert shop.json("check", env=day_after)["counts"]["warnings"] == 0


def test_a_deprecated_version_that_nothing_reads_may_be_removed(shop):
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\ndeprecated: 2026-03-31"))
    (shop.folder / "models/pinned.sql").unlink()
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("  - {table: curated.revenue_v1}\n", ""))
    for clock in ("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"):
        (note,) = shop.json("check", env={"SLUICE_CLOCK": clock})["notes"]
        assert "nothing in the project reads it, so 'models/revenue_v1.sql' may be removed" in note["message"]
    shop.run("run")
    (shop.folder / "models/revenue_v1.sql").unlink()
    shop.run("check")
    assert query(shop, "select sum(orders) from curated.revenue") == [(3,)]


def test_readers_by_the_outputs_name_read_a_deprecated_latest_version(shop):
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\ndeprecated: 2026-03-31"))
    found = shop.json("check", env={"SLUICE_CLOCK": "2026-05-01T00:00:00Z"})["warnings"]
    assert [warning["message"].split(" reads")[0] for warning in found] == ["curated.floating", "target.out.revenue"]
    assert "move the day in 'models/revenue_v2.sql'" in found[0]["hint"]


# --- Around it ---

def test_lists_say_which_version_is_what(shop):
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\ndeprecated: 2999-03-31"))
    shop.run("run")
    nodes = {node["name"]: node for node in shop.json("ls")["nodes"]}
    assert {key: nodes["curated.revenue_v1"][key] for key in ("version_of", "output_version", "is_latest", "deprecated")} == {
        "version_of": "revenue", "output_version": 1, "is_latest": False, "deprecated": "2999-03-31"}
    assert nodes["curated.revenue_v2"]["is_latest"] is True and nodes["curated.revenue"]["stands_for"] == "curated.revenue_v2"
    assert "version_of" not in nodes["curated.pinned"]
    text = shop.run("ls").stdout
    assert "model, version 1, until 2999-03-31" in text and "model, version 2, latest" in text and "view, means revenue_v2" in text
    assert shop.json("show", "revenue")["stands_for"] == "curated.revenue_v2"
    assert shop.json("show", "revenue_v1")["output_version"] == 1
    assert "of the output revenue: version 2, latest" in shop.run("show", "revenue_v2").stdout
    assert [item["table"] for item in shop.json("lineage")["outputs"]] == ["curated.revenue_v1", "curated.revenue_v2", "curated.revenue"]
    downstream = shop.run("lineage", "curated.revenue_v2", "--downstream").stdout
    assert "-> curated.revenue  (models/revenue_v2.sql: means revenue_v2)" in downstream
    assert "-> target.out.revenue.orders" in shop.run("lineage", "curated.revenue.orders", "--downstream").stdout
    properties = json.loads(shop.run("schema", "model").stdout)["properties"]
    assert {"version_of", "version", "latest", "deprecated"} <= set(properties)
    selected = {node["name"] for node in shop.json("ls", "--select", "curated.revenue+")["nodes"]}
    assert selected == {"curated.revenue", "curated.floating", "target.out.revenue"}


def test_a_target_that_waits_for_publications_takes_the_version_that_the_name_means(shop):
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("path: out\n", "path: out\nreads: published\n"))
    shop.run("run")
    write_orders(shop, "orders2", (4, "2026-01-02", 5))
    shop.run("run")
    delivered = "".join(file.read_text() for file in (shop.folder / "out/revenue").rglob("*.csv"))
    assert "35" in delivered
    assert set(verdicts(shop)) == {"fresh"}


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_gets_the_columns_of_the_version_that_the_name_means(shop, kind):
    shop.write("targets/out.yml", f"type: {kind}\npath: out.db\ndeliver:\n"
                                  "  - {table: curated.revenue, write: merge, key: [day]}\n")
    (shop.folder / "models/floating.sql").unlink()
    shop.run("run")
    shop.write("models/revenue_v3.sql", V3)
    shop.run("run")
    assert set(verdicts(shop)) == {"fresh"}
    connection = READER.cursor()
    if kind == "sqlite":
        import sqlite3
        with sqlite3.connect(shop.folder / "out.db") as base:
            assert sorted(row[1] for row in base.execute("select * from revenue")) == [30, 30]
    else:
        import duckdb
        with duckdb.connect(str(shop.folder / "out.db"), read_only=True) as base:
            assert base.execute("select eur from revenue").fetchall() == [(30,), (30,)]
    connection.close()


def test_a_rollback_takes_versions_and_what_reads_them_back(shop):
    first = shop.json("run")["run_id"]
    shop.write("models/revenue_v3.sql", V3)
    shop.write("models/floating.sql", "select day, eur as orders from curated.revenue\n")
    second = shop.json("run")["run_id"]
    assert query(shop, "select sum(orders) from curated.floating") == [(60,)]
    shop.run("rollback", second)
    assert first and query(shop, "select sum(orders) from curated.floating") == [(3,)]
    # The code of then goes with it.
    (shop.folder / "models/revenue_v3.sql").unlink()
    shop.write("models/floating.sql", FILES["models/floating.sql"])
    shop.run("check")
    shop.run("run")
    assert query(shop, "select sum(orders) from curated.floating") == [(3,)] and set(verdicts(shop)) == {"fresh"}


def test_an_environment_reads_the_others_versions_and_cannot_break_them(shop):
    shop.write("sluice.yml", FILES["sluice.yml"] + "environments:\n  prod: {lake: lake}\n"
               "  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("path: out", "path: ${env:PLACE}"))
    prod, dev = {"PLACE": "out"}, {"PLACE": "dev/out"}
    shop.run("run", "--env", "prod", env=prod)
    assert "nothing to do" in shop.run("run", "--env", "dev", env=dev).stdout
    assert shop.json("query", "select sum(orders) from curated.revenue", "--env", "dev", env=dev)["rows"] == [[3]]
    # A new version is built in dev alone, and what reads the name follows it there.
    shop.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3").replace("count(*)", "2 * count(*)"))
    (note,) = notes(shop, "--env", "dev", env=dev)
    assert "moves from version 2 to version 3" in note["message"]
    shop.run("run", "--env", "dev", env=dev)
    assert sorted(folder.name for folder in (shop.folder / "dev/lake/curated").iterdir()) == ["floating", "revenue_v3"]
    assert shop.json("query", "select sum(orders) from curated.floating", "--env", "dev", env=dev)["rows"] == [[6]]
    assert not (shop.folder / "lake/curated/revenue_v3").exists()
    # What production has published is a promise in dev too.
    shop.write("models/revenue_v1.sql", V1.replace("count(*)", "count(*)::varchar"))
    found = shop.json("run", "--env", "dev", env=dev, exit_code=1)["errors"]
    assert [error["code"] for error in found] == ["SL0409"] and not (shop.folder / "dev/lake/curated/revenue_v1").exists()


def test_verify_builds_versions_and_their_readers_again_after_the_latest_moved(shop):
    shop.write("models/revenue_v3.sql", V3.replace("version: 3", "version: 3\nlatest: false"))
    shop.run("run")
    assert "5 of 5 tables equal" in shop.run("verify").stdout
    shop.write("models/revenue_v3.sql", V3)
    done = shop.json("verify", exit_code=None)
    verdict = {table["table"]: table["result"] for table in done["tables"]}
    assert {verdict[f"curated.revenue_v{version}"] for version in (1, 2, 3)} == {"equal"} and verdict["curated.pinned"] == "equal"
    assert verdict["curated.floating"] == "equal"


READERS = {
    "append": "/* sluice\nwrite: append\n*/\nselect id, amount * 2 as twice from {}\n",
    "merge": "/* sluice\nwrite: merge\nkey: [id]\n*/\nselect id, amount from {}\n",
    "partition": "/* sluice\nwrite: partition\npartition_by: [day]\n*/\nselect day, sum(amount) as amount from {} group by all\n",
    "joined": "/* sluice\nwrite: append\n*/\nselect a.id, b.amount from {} a join curated.lines_v1 b on b.id = a.id\n",
}


def test_reading_the_name_is_as_incremental_as_reading_the_version(shop):
    shop.write("models/lines_v1.sql", "/* sluice\nversion_of: lines\nversion: 1\nwrite: append\n*/\nselect id, day, amount from raw.orders\n")
    for name, text in READERS.items():
        shop.write(f"models/{name}_name.sql", text.format("curated.lines"))
        shop.write(f"models/{name}_version.sql", text.format("curated.lines_v1"))
    shop.run("run")
    for at in range(2, 5):
        write_orders(shop, f"orders{at}", (10 * at, "2026-01-02", at), (10 * at + 1, f"2026-02-0{at}", at))
        steps = {step["table"]: step for step in shop.json("run")["steps"]}
        for name in READERS:
            by_name, by_version = steps[f"curated.{name}_name"], steps[f"curated.{name}_version"]
            assert by_name["was_full"] == by_version["was_full"] == (name == "joined"), name
            assert by_name["rows"] == by_version["rows"]
            assert shop.rows(f"curated.{name}_name") == shop.rows(f"curated.{name}_version")
    assert set(verdicts(shop)) == {"fresh"}


# --- What a run, a check and a rollback tell ---

AS_VIEW = V1.replace("version: 1\n", "version: 1\nwrite: view\n").replace("checks: [{not_null: [day]}]\n", "")


def promised(project, *command, exit_code=1, **options):
    return [error["message"] for error in project.json(*command, exit_code=exit_code, **options)["errors"] if error["code"] == "SL0409"]


@pytest.mark.parametrize("with_readers", [True, False])
def test_a_version_does_not_get_round_its_promise_by_becoming_a_view(shop, with_readers):
    if not with_readers:
        (shop.folder / "models/pinned.sql").unlink()
        shop.write("targets/out.yml", FILES["targets/out.yml"].replace("  - {table: curated.revenue_v1}\n", ""))
    shop.run("run")
    shop.write("models/revenue_v1.sql", AS_VIEW.replace("count(*)", "count(*)::varchar"))
    before, lists = tables(shop), shop.json("publications")
    for command in (["check"], ["plan"], ["run"], ["run", "--select", "raw.orders"], ["retry"]):
        found = promised(shop, *command)
        for what in ("orders: type is VARCHAR, was BIGINT", "day: may be null, was never null", "it is a view now"):
            assert any(what in message for message in found), (command, what)
    assert tables(shop) == before and shop.json("publications") == lists
    # Also where nothing is known of its columns.
    shop.write("models/revenue_v1.sql", AS_VIEW.replace("sum(amount)", "sum(no_such)"))
    assert any("it is a view now" in message for message in promised(shop, "run", "--select", "raw.orders"))
    shop.write("models/revenue_v1.sql", AS_VIEW.replace("count(*)", "count(*)::varchar"))
    # Allowed once: what is published then has no such table any more, so nothing is promised.
    shop.run("run", "--allow-breaking", "revenue_v1")
    shop.run("check")
    write_orders(shop, "orders2", (4, "2026-01-02", 5))
    shop.run("run")
    assert sorted(query(shop, "select orders from curated.revenue_v1")) == [("2",), ("2",)]
    assert set(verdicts(shop)) == {"fresh"}


def test_a_view_over_another_environments_version_keeps_its_columns(shop):
    shop.write("sluice.yml", FILES["sluice.yml"] + "environments:\n  prod: {lake: lake}\n"
               "  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    (shop.folder / "targets/out.yml").unlink()
    shop.run("run", "--env", "prod")
    shop.write("models/revenue_v1.sql", AS_VIEW.replace(", count(*) as orders", ""))
    found = promised(shop, "run", "--env", "dev")
    assert any("orders: the column is gone" in message for message in found) and not any("it is a view" in message for message in found)


def test_a_rollback_over_a_broken_promise_tells_what_the_next_run_needs(shop):
    shop.run("run")
    shop.write("models/revenue_v1.sql", V1.replace("count(*)", "count(*)::varchar"))
    second = shop.json("run", "--allow-breaking", "revenue_v1")["run_id"]
    told = shop.run("rollback", second, "--no-deliver").stderr
    assert "curated.revenue_v1 promises again what its code of now breaks" in told and "needs --allow-breaking revenue_v1" in told
    assert shop.json("rollback", "published", "--to", "--no-deliver")["needs_allow_breaking"] == ["revenue_v1"]
    assert promised(shop, "run")
    shop.run("run", "--allow-breaking", "revenue_v1")
    assert set(verdicts(shop)) == {"fresh"}
    assert shop.json("rollback", "published", "--to", "--no-deliver")["needs_allow_breaking"] == []


def test_a_rollback_names_the_target_that_keeps_a_version_that_was_not_published(shop):
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("path: out\n", "path: out\nreads: published\n"))
    (shop.folder / "models/revenue_v2.sql").unlink()
    shop.run("run")
    shop.write("models/revenue_v2.sql", V2)
    shop.run("run")
    left = shop.json("rollback", "#1", "--to", "--dry-run")["left"]
    assert left == ["curated.revenue_v2", "target.out.revenue"]
    told = shop.run("rollback", "#1", "--to").stderr
    assert "target.out.revenue keeps what it holds until the next run: its table was not published then" in told
    assert "target.out.revenue_v1" not in told


def test_a_run_says_that_the_name_moved_where_it_builds_anew(shop):
    shop.write("models/days.sql", "select day, count(*) as n from curated.revenue group by all\n")
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: false"))
    shop.run("run")
    shop.write("models/revenue_v2.sql", V2)
    steps = {step["step"]: step for step in shop.json("run")["steps"]}
    for name in ("curated.days", "curated.floating", "target.out.revenue"):
        step = next(step for step in steps.values() if step["table"] == name)
        assert step["why"] == "curated.revenue is version 2 now, was 1", name
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: false"))
    assert "(rebuilt whole: curated.revenue is version 1 now, was 2)" in shop.run("run").stderr


def test_check_refuses_to_let_through_what_is_no_version(shop):
    for command in ("check", "plan", "run"):
        assert "allow-breaking names 'revenue_v9', which is no version" in shop.run(
            command, "--allow-breaking", "revenue_v9", exit_code=1).stderr
    shop.run("check", "--allow-breaking", "revenue_v1")


def test_a_run_says_that_an_emptied_file_failed_and_that_its_rows_stay(shop):
    shop.write("sources/orders.yml", "path: data/orders*.parquet\ndrift: {emptied_files: fail}\n")
    shop.run("run")
    READER.cursor().execute("copy (select 1 as id, '' as day, 1::bigint as amount limit 0) to "
                            f"'{shop.folder / 'data/orders1.parquet'}' (format parquet)")
    told = shop.run("run", exit_code=5)
    assert "data/orders1.parquet has no rows any more, and had 3: the file fails, and its rows stay" in told.stderr
    assert query(shop, "select count(*) from raw.orders") == [(3,)]


# --- A latest version that is not there ---

FAILING_V3 = V3.replace("version: 3", "version: 3\nchecks: [{row_count: {min: 1000}}]").replace("as eur", "as eur, count(*) as orders")


def test_a_new_latest_version_that_fails_its_first_check_leaves_the_name_readable(shop):
    shop.write("models/between.sql", "/* sluice\nwrite: view\n*/\nselect day, orders from curated.revenue where orders > 0\n")
    shop.run("run")
    shop.write("models/revenue_v3.sql", FAILING_V3)
    report = shop.json("run", exit_code=3)
    step = next(step for step in report["steps"] if step["table"] == "curated.revenue_v3")
    assert step["error"]["hint"] == "nothing was published: curated.revenue_v3 has no version before"
    expected = "curated.revenue is read as curated.revenue_v2: curated.revenue_v3, its latest version, is not built yet"
    for sql in ("select sum(revenue) from curated.revenue", "select 20 * sum(orders) from curated.between"):
        found = shop.json("query", sql)
        assert [int(value) for (value,) in found["rows"]] == [60]
        assert [note["message"] for note in found["notes"]] == [expected]
        shown = shop.run("query", sql)
        assert expected in shown.stderr and expected not in shown.stdout
    shown = shop.json("show", "revenue")
    assert [column["name"] for column in shown["columns"]] == ["day", "revenue", "orders"]
    assert shown["stands_for"] == "curated.revenue_v2" == shown["view_over"][0] and shown["notes"][0]["message"] == expected
    assert "means revenue_v2" in shop.run("show", "curated.revenue").stdout
    assert shop.json("query", "select sum(revenue) from curated.revenue", "--at", "published")["notes"][0]["message"] == expected.replace(
        "is not built yet", "is not in publication 1")
    # Builds wait for the new one, and once it is there, the name is that.
    assert next(step for step in report["steps"] if step["table"] == "curated.floating")["status"] == "skipped"
    shop.write("models/revenue_v3.sql", FAILING_V3.replace("min: 1000", "min: 1"))
    shop.run("run")
    found = shop.json("query", "select sum(eur) from curated.revenue")
    assert [int(value) for (value,) in found["rows"]] == [60] and "notes" not in found


def test_no_version_at_all_is_a_missing_table_and_one_that_is_held_back_does_not_count(shop):
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\nlatest: false"))
    shop.run("run", "--select", "revenue_v1", "orders")
    done = shop.run("query", "from curated.revenue", exit_code=1)
    assert "SL0501" in done.stderr and "curated.revenue_v2" in done.stderr


def test_a_name_in_a_publication_is_the_version_that_this_lists(shop):
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: false"))
    shop.run("run")
    assert [column["name"] for column in shop.json("show", "revenue", "--at", "#1")["columns"]] == ["day", "amount", "orders"]
    (shop.folder / "models/revenue_v2.sql").unlink()
    shop.write("models/revenue_v3.sql", V3.replace("as eur", "as eur, count(*) as orders"))
    shop.run("run")
    found = shop.json("query", "select sum(amount) from curated.revenue", "--at", "#1")
    assert [int(value) for (value,) in found["rows"]] == [60]
    assert [note["message"] for note in found["notes"]] == [
        "curated.revenue is read as curated.revenue_v1: curated.revenue_v3, its latest version, is not in publication 1"]
    # Also where the file of that version is gone; and the newest is what it was.
    (shop.folder / "models/revenue_v1.sql").unlink()
    (shop.folder / "models/pinned.sql").unlink()
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("  - {table: curated.revenue_v1}\n", ""))
    found = shop.json("show", "curated.revenue", "--at", "#1")
    assert found["stands_for"] in ("curated.revenue_v1", "curated.revenue_v2") and found["rows"]
    assert query(shop, "select sum(eur) from curated.revenue", "--at", "#2") == query(shop, "select sum(eur) from curated.revenue")


def test_a_version_that_another_environment_does_not_have_yet_leaves_the_name_readable(shop):
    shop.write("sluice.yml", FILES["sluice.yml"] + "environments:\n  prod: {lake: lake}\n"
               "  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("path: out", "path: ${env:PLACE}"))
    prod, dev = {"PLACE": "out"}, {"PLACE": "dev/out"}
    shop.run("run", "--env", "prod", env=prod)
    shop.write("models/revenue_v3.sql", V3.replace("as eur", "as eur, count(*) as orders"))
    found = shop.json("query", "select sum(revenue) from curated.revenue", "--env", "dev", env=dev)
    assert [int(value) for (value,) in found["rows"]] == [60] and "curated.revenue_v2" in found["notes"][0]["message"]


def test_an_environment_refuses_to_drop_what_the_others_version_kept_null_out_of(shop):
    shop.write("sluice.yml", FILES["sluice.yml"] + "environments:\n  prod: {lake: lake}\n"
               "  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    shop.write("targets/out.yml", FILES["targets/out.yml"].replace("path: out", "path: ${env:PLACE}"))
    prod, dev = {"PLACE": "out"}, {"PLACE": "dev/out"}
    shop.run("run", "--env", "prod", env=prod)
    shop.write("models/revenue_v1.sql", V1.replace("checks: [{not_null: [day]}]\n", ""))
    for command in ("check", "plan", "run"):
        found = shop.json(command, "--env", "dev", env=dev, exit_code=1)["errors"]
        assert [error["code"] for error in found] == ["SL0409"] and "day: may be null, was never null" in found[0]["message"]
    assert not (shop.folder / "dev/lake/curated/revenue_v1").exists()


# --- Verify after the name moved ---

def verified(project, *arguments):
    done = project.json("verify", *arguments, exit_code=None)
    return {table["table"]: (table["result"], table.get("why") or "") for table in done["tables"]}


def test_a_publication_from_before_the_name_moved_is_verified_with_its_readers(shop):
    shop.write("models/between.sql", "/* sluice\nwrite: view\n*/\nselect day, orders from curated.revenue where orders > 0\n")
    shop.write("models/below.sql", "select sum(orders) as orders from curated.between\n")
    shop.run("run")
    shop.write("models/revenue_v3.sql", V3.replace("as eur", "as eur, count(*) as orders"))
    shop.run("run")
    for arguments in (["#1"], []):
        found = verified(shop, *arguments)
        assert {result for result, _ in found.values()} == {"equal"} and {"curated.floating", "curated.below"} <= set(found)
    shop.run("rollback", "--to", "#1")
    assert {result for result, _ in verified(shop).values()} == {"equal"}


def test_what_read_a_name_that_means_nothing_any_more_is_not_verifiable_and_the_rest_is(shop):
    shop.write("models/between.sql", "/* sluice\nwrite: view\n*/\nselect day, orders from curated.revenue where orders > 0\n")
    shop.write("models/below.sql", "select sum(orders) as orders from curated.between\n")
    shop.write("models/gone.sql", "/* sluice\nwrite: view\n*/\nselect id from raw.orders\n")
    shop.write("models/lost.sql", "select count(*) as n from curated.gone\n")
    shop.run("run")
    shop.write("models/revenue_v3.sql", V3.replace("as eur", "as eur, count(*) as orders"))
    shop.run("run")
    # The code of the version that the name meant is lost, and so is a view.
    (shop.folder / "models/revenue_v2.sql").unlink()
    (shop.folder / "models/gone.sql").unlink()
    (shop.folder / "models/lost.sql").unlink()
    for file in (shop.folder / "lake/_code").iterdir():
        if "as revenue" in file.read_text():
            file.unlink()
    found = verified(shop, "#1")
    assert found["curated.revenue_v1"][0] == found["curated.pinned"][0] == "equal"
    for table in ("curated.revenue_v2", "curated.floating", "curated.below", "curated.lost"):
        assert found[table][0] == "not verifiable", table
    assert "curated.gone, which is no view any more" in found["curated.lost"][1]


def test_a_view_over_what_is_not_built_again_takes_only_its_readers_along(shop):
    shop.write("models/kept.sql", "/* sluice\nwrite: view\n*/\nselect total from curated.pinned\n")
    shop.write("models/reader.sql", "select count(*) as n from curated.kept\n")
    shop.run("run")
    # Views came since, over a table that was not published.
    shop.write("models/later.sql", "select 1 as a\n")
    shop.write("models/view1.sql", "/* sluice\nwrite: view\n*/\nselect a from curated.later\n")
    shop.write("models/view2.sql", "/* sluice\nwrite: view\n*/\nselect a from curated.view1\n")
    assert {result for result, _ in verified(shop).values()} == {"equal"}
    for file in (shop.folder / "lake/_code").iterdir():
        if "sum(amount) as total" in file.read_text():
            file.unlink()
    shop.write("models/pinned.sql", "select 2 * sum(amount) as total from curated.revenue_v1\n")
    found = verified(shop)
    assert {table for table, (result, _) in found.items() if result != "equal"} == {"curated.pinned", "curated.reader"}


def test_a_preview_above_the_latest_is_not_read_by_the_name_and_a_folder_is_no_table(shop):
    shop.write("models/revenue_v2.sql", V2.replace("write: partition", "latest: false\nwrite: partition"))
    shop.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3"))
    shop.write("models/revenue_v1.sql", V1.replace("version: 1", "version: 1\nlatest: true"))
    shop.write("models/floating.sql", "select day from curated.revenue\n")
    shop.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.revenue_v1}]\n")
    shop.run("run")
    shop.write("models/revenue_v1.sql", V1)
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: true"))
    (shop.folder / "lake/curated/revenue_v2").rename(shop.folder / "gone")
    (shop.folder / "lake/curated/revenue_v2/_delta_log").mkdir(parents=True)
    told = shop.run("query", "from curated.revenue")
    assert "is read as curated.revenue_v1: curated.revenue_v2, its latest version, is not built yet" in told.stderr


def test_diff_compares_the_version_that_an_outputs_name_means(shop):
    shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect day, orders from curated.revenue_v2\n")
    shop.run("run")
    told = shop.json("diff", "curated.revenue", "curated.revenue_v2", "--key", "day")
    assert (told["a"]["name"], told["is_equal"]) == (told["b"]["name"], True) and told["a"]["name"].startswith("curated.revenue_v2@")
    assert shop.json("diff", "revenue@0", "curated.revenue_v1", "--key", "day", "--columns", "orders")["a"]["name"] == "curated.revenue_v2@0"
    done = shop.run("diff", "curated.seen", "curated.revenue_v2", exit_code=1)
    assert "'curated.seen' is a view" in done.stderr and "curated.revenue_v2" in done.stderr
    shop.write("models/revenue_v3.sql", V2.replace("version: 2", "version: 3"))  # the latest, and not built
    assert shop.json("diff", "curated.revenue", "curated.revenue_v2", "--key", "day")["is_equal"]


def columns_of(project, at):
    return [column["name"] for column in project.json("query", "from curated.revenue", "--at", at)["columns"]]


def test_a_publication_keeps_what_an_outputs_name_meant(shop):
    """Also where the table of the version that it means now is in it, and where only the name has moved."""
    preview = V2.replace("version: 2", "version: 2\nlatest: false")
    shop.write("models/revenue_v2.sql", preview)
    (shop.folder / "models/floating.sql").unlink()
    shop.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.revenue_v1}]\n")
    shop.run("run")
    assert json.loads(publication_file(shop, 1).read_text())["outputs"] == {"revenue": "revenue_v1"}
    shop.write("models/revenue_v2.sql", V2)
    shop.run("run", "--full-refresh", "--select", "revenue_v2")  # no other row, another meaning
    assert columns_of(shop, "#1") == ["day", "amount", "orders"]
    assert columns_of(shop, "published") == ["day", "revenue", "orders"] == [column["name"] for column in shop.json("show", "revenue")["columns"]]
    found = shop.json("query", "select sum(amount) from curated.revenue", "--at", "#1")
    assert [note["message"] for note in found["notes"]] == [
        "curated.revenue is read as curated.revenue_v1, its latest version in publication 1: now that is curated.revenue_v2"]
    assert [column["name"] for column in shop.json("show", "revenue", "--at", "#1")["columns"]] == ["day", "amount", "orders"]
    assert "notes" not in shop.json("query", "select sum(revenue) from curated.revenue", "--at", "published")
    assert shop.json("publications", "1")["outputs"] == {"revenue": "revenue_v1"}
    assert "curated.revenue means curated.revenue_v1" in shop.run("publications", "1").stdout
    # Two sides of one command, as of two publications.
    for sides in (["revenue@#1", "revenue"], ["revenue", "revenue@#1"]):
        told = shop.json("diff", *sides, "--key", "day", "--columns", "orders")
        assert sorted((told["a"]["name"].split("@")[0], told["b"]["name"].split("@")[0])) == ["curated.revenue_v1", "curated.revenue_v2"], sides
    shop.run("verify", "#1")
    # A rollback goes back to what readers of the name saw.
    shop.run("rollback", "#1", "--to", "--no-deliver")
    assert columns_of(shop, "published") == ["day", "amount", "orders"]


def publication_file(project, number):
    return project.folder / f"lake/_publications/{number:020}.json"


def test_a_name_that_moves_alone_is_published(shop):
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: false"))
    (shop.folder / "models/floating.sql").unlink()
    shop.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.revenue_v1}]\n")
    shop.run("run")
    before = tables(shop)
    shop.write("models/revenue_v2.sql", V2)
    shop.run("run")
    assert tables(shop) == before  # what is said of the latest is no part of a model's code
    assert json.loads(publication_file(shop, 2).read_text())["outputs"] == {"revenue": "revenue_v2"}
    shop.run("run")
    assert not publication_file(shop, 3).exists()
    assert columns_of(shop, "published") == ["day", "revenue", "orders"] and columns_of(shop, "#1") == ["day", "amount", "orders"]


def test_a_publication_that_an_earlier_release_wrote_reads_as_before(shop):
    shop.write("models/revenue_v2.sql", V2.replace("version: 2", "version: 2\nlatest: false"))
    shop.run("run")
    file = publication_file(shop, 1)
    written = json.loads(file.read_text())
    del written["outputs"], written["sha256"]
    written["schema"] = "sluice.publication/1"  # which had no digest
    file.write_text(json.dumps(written))
    shop.write("models/revenue_v2.sql", V2)
    assert columns_of(shop, "#1") == ["day", "revenue", "orders"]
