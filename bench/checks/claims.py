"""The claims of claims.json about orders, said for each of the programs that `run.py checks` compares: Sluice, dbt, plain SQL."""
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
CLAIMS = json.loads((HERE / "claims.json").read_text())
# Rows that break each claim: one id is null, so that a group of nulls is no second row of anything.
PLANTED = """select * replace (
    case when order_id = 11 then null else order_id end as order_id,
    case when order_id % 101 = 3 then -1 when order_id % 997 = 5 then 200000 else amount end as amount,
    case when order_id % 103 = 4 then 'XXX' when order_id % 1009 = 6 then 'eur' else currency end as currency,
    case when order_id % 107 = 5 then 'lost' else status end as status,
    case when order_id % 109 = 6 then 'Austria' when order_id % 113 = 7 then null else country end as country,
    case when order_id % 127 = 7 then 'nobody' when order_id % 131 = 8 then null else email end as email)
from {0} union all select * from {0} where order_id % 137 = 9"""


def check(claim):
    """As an item of `checks`."""
    arguments = {key: value for key, value in claim.items() if key not in ("name", "kind")}
    if claim["kind"] in ("not_null", "unique"):
        arguments = [claim["column"]]
    return {"name": claim["name"], claim["kind"]: arguments}


def quality(suffix=""):
    """As `quality` of a table in a contract. A suffix makes them new claims, which are looked at again."""
    entries = []
    for claim in CLAIMS:
        arguments = {key: value for key, value in claim.items() if key not in ("name", "kind", "column")}
        key = {"columns": [claim["column"]]} if claim["kind"] in ("not_null", "unique") else {"column": claim["column"]}
        entries.append({"name": claim["name"] + suffix, "type": "custom", "engine": "sluice",
                        "implementation": {"check": claim["kind"], **key, **arguments}})
    return "    quality:\n" + "".join(f"      - {json.dumps(entry)}\n" for entry in entries)


def model(table):
    """A model of rows that break the claims, which are warnings."""
    checks = "".join(f"  - {json.dumps({**check(claim), 'severity': 'warn'})}\n" for claim in CLAIMS)
    return f"/* sluice\nchecks:\n{checks}*/\n{PLANTED.format(table)}\n"


def dbt_project(folder, files):
    """A dbt project that tests the claims about Parquet files where they are."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "dbt", folder)
    columns = {}
    for claim in CLAIMS:
        name, arguments = claim["kind"], {key: value for key, value in claim.items() if key not in ("name", "kind", "column")}
        if name in ("range", "pattern"):
            name = {"range": "in_range", "pattern": "matches"}[name]
        columns.setdefault(claim["column"], []).append({name: {"name": claim["name"], **({"arguments": arguments} if arguments else {})}})
    table = {"name": "orders", "meta": {"external_location": f"read_parquet('{files}')"},
             "columns": [{"name": column, "data_tests": tests} for column, tests in columns.items()]}
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "schema.yml").write_text(json.dumps({"version": 2, "sources": [{"name": "lake", "tables": [table]}]}))


def dbt_found(folder):
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2]: result["failures"] for result in results}


def counts(connection, relation):
    """Per claim, counted plainly: rows that break it, and different values in them (rows that stand twice: their values)."""
    found = {}
    for claim in CLAIMS:
        column = claim["column"]
        condition = {
            "not_null": lambda: f"{column} is null",
            "unique": lambda: f"{column} in (select {column} from {relation} where {column} is not null group by 1 having count(*) > 1)",
            "range": lambda: f"{column} < {claim['min']} or {column} > {claim['max']}",
            "accepted_values": lambda: f"not list_contains({claim['values']}, {column})",
            "pattern": lambda: f"not regexp_matches({column}, '{claim['pattern']}')",
        }[claim["kind"]]()
        found[claim["name"]] = connection.execute(f"select count(*), count(distinct {column}) from {relation} where {condition}").fetchone()
    return found


def wanted(found, program):
    """What a program is to report: dbt counts different values where a value is not accepted, and both it and Sluice values that come twice."""
    by_value = {"ge": (), "sluice": ("unique",), "dbt": ("unique", "accepted_values")}[program]
    return {claim["name"]: found[claim["name"]][claim["kind"] in by_value] for claim in CLAIMS}
