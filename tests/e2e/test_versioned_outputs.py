"""Versioned outputs: consumers pin a version, or read the latest by the output's own name."""
import pytest

from conftest import READER

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
