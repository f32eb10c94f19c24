"""What the benchmark of checks claims about orders, without the programs that it compares with."""
import sys

import duckdb

from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
from checks import claims  # noqa: E402

ORDERS = """select i as order_id, (i * 7 % 5000)::decimal(12,2) as amount, ['EUR', 'USD', 'CZK'][1 + i % 3] as currency,
    ['new', 'paid', 'returned'][1 + i % 3] as status, ['AT', 'CH'][1 + i % 2] as country, 'c' || i || '@shop.example' as email from range(1, 3001) r(i)"""


def test_the_checks_find_in_planted_rows_what_plain_sql_counts(project):
    (project.folder / "data").mkdir()
    duckdb.execute(f"copy ({ORDERS}) to '{project.folder}/data/orders.parquet' (format parquet)")
    project.write("sluice.yml", "name: claims\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: data/orders.parquet\n")
    project.write("models/planted.sql", claims.model("raw.orders").replace("select * replace", "select * exclude (_source, _position, _ingested_at, _corrupt) replace", 1)
                  .replace("union all select *", "union all select * exclude (_source, _position, _ingested_at, _corrupt)", 1))
    step = next(step for step in project.json("run")["steps"] if step["table"] == "curated.planted")
    files = project.table_folder("curated.planted") / "*.parquet"
    wanted = claims.wanted(claims.counts(duckdb.connect(), f"read_parquet('{files}')"), "sluice")
    assert {check["name"]: check["rows"] for check in step["checks"]} == wanted
    assert len(step["checks"]) == len(claims.CLAIMS) == 7 and 0 not in wanted.values()


def test_the_checks_of_a_contract_pass_over_clean_rows(project):
    (project.folder / "data").mkdir()
    duckdb.execute(f"copy ({ORDERS}) to '{project.folder}/data/orders.parquet' (format parquet)")
    project.write("sluice.yml", "name: claims\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: data/orders.parquet\n")
    head = "apiVersion: v3.1.0\nkind: DataContract\nid: o\nname: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n"
    columns = "    properties:\n" + "".join(
        f"      - {{name: {name}, logicalType: {kind}}}\n" for name, kind in [("order_id", "integer"), ("amount", "number"), ("currency", "string"),
                                                                           ("status", "string"), ("country", "string"), ("email", "string")])
    project.write("contracts/orders.odcs.yml", head + columns)
    project.run("run")
    project.write("contracts/orders.odcs.yml", head + claims.quality(".1") + columns)
    step = next(step for step in project.json("run")["steps"] if step["table"] == "clean.orders")
    assert [check["passed"] for check in step["checks"]] == [True] * 7
    assert [check["name"] for check in step["checks"]] == [f"{claim['name']}.1" for claim in claims.CLAIMS]
