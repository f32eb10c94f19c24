"""What plan says beforehand that a run will take, and what runs say of it afterwards. No time is asserted: only what follows from what."""
import json
import shutil
import sqlite3
import statistics

import pytest

from conftest import contract_text

CONTRACT = contract_text("orders", "{name: id, logicalType: integer, primaryKey: true, required: true}", "{name: amount, logicalType: integer}")
SETTINGS = "name: costs\nchecks: {requirements: off}\nconcurrency: 1\nquarantine: {max_share: 0.9}\n"
FILES = {
    "sluice.yml": SETTINGS,
    "sources/orders.yml": "path: data/orders-*.csv\n",
    "contracts/orders.odcs.yml": CONTRACT,
    "models/daily.sql": "select id % 10 as d, sum(amount) as amount from clean.orders group by all\n",
    "targets/out.yml": "type: csv\npath: out\ndeliver:\n  - {table: curated.daily, to: daily}\n",
}


def add_file(project, number, rows=1000):
    first = 100000 * number
    project.write(f"data/orders-{number}.csv", "id,amount\n" + "".join(f"{first + i},{i % 7 + 10}\n" for i in range(rows)))


def make(project, **more):
    for path, text in {**FILES, **more}.items():
        project.write(path, text)
    add_file(project, 1)
    return project


def by_table(document, key):
    return {step[key]: step for step in document["nodes" if key == "name" else "steps"]}


def estimates(project, *arguments):
    return {name: node.get("estimate") for name, node in by_table(project.json("plan", *arguments), "name").items()}


def test_before_anything_ran_only_the_source_is_known(project):
    plan = make(project).json("plan")
    found = estimates(project)
    size = (project.folder / "data/orders-1.csv").stat().st_size
    assert found["raw.orders"] == {"rows_in": None, "rows_out": None, "bytes_in": size, "files_in": 1, "elapsed_ms": None,
                                   "cost": None, "basis": None}
    assert all(estimate["elapsed_ms"] is None and estimate["rows_in"] is None for name, estimate in found.items())
    assert plan["estimate"]["steps"] == plan["estimate"]["unknown_steps"] == 4
    assert "estimated: nothing yet" in project.run("plan").stdout


def test_rows_come_from_what_earlier_files_held_and_go_down_the_graph(project):
    make(project).run("run")
    add_file(project, 2, rows=500)
    found = estimates(project)
    assert found["raw.orders"]["rows_in"] == pytest.approx(500, rel=0.05)
    assert found["clean.orders"]["rows_in"] == found["raw.orders"]["rows_out"] == found["raw.orders"]["rows_in"]
    assert found["curated.daily"]["rows_in"] == 1000 + found["clean.orders"]["rows_out"]  # it is built whole
    assert all(estimate["basis"] == "1 run of this step" for estimate in found.values())
    assert all(estimate["elapsed_ms"] > 0 for estimate in found.values())
    step = by_table(project.json("run"), "table")
    assert step["curated.daily"]["rows_read"] == 1500
    assert step["clean.orders"]["rows_read"] == 500


def test_what_small_runs_took_is_not_multiplied(project):
    """Runs of one row tell what a step takes at least: 500 rows take no 500 times as long, and a sum by key gives no row for each of them."""
    make(project, **{"models/daily.sql": "/* sluice\nwrite: merge\nkey: d\n*/\nselect id % 10 as d, max(amount) as amount from clean.orders group by all\n"})
    project.run("run")
    most = {}
    for number in range(2, 9):
        add_file(project, number, rows=1)
        for step in project.json("run")["steps"]:
            most[step["table"]] = max(step["elapsed_ms"], most.get(step["table"], 0))
    project.write("contracts/orders.odcs.yml", CONTRACT.replace("{name: amount, logicalType: integer}",
                                                                "{name: amount, logicalType: integer, logicalTypeOptions: {minimum: 1}}"))
    project.write("models/daily.sql", "/* sluice\nwrite: merge\nkey: d\n*/\nselect id % 10 as d, max(amount + 0) as amount from clean.orders group by all\n")
    found = estimates(project)
    assert found["clean.orders"]["rows_in"] == 1007 and found["curated.daily"]["rows_out"] == 10
    for table in ("clean.orders", "curated.daily"):
        assert 0 < found[table]["elapsed_ms"] <= most[table] + 1007 / 20 + 1


def test_the_run_stores_the_estimate_beside_what_came_out(project):
    make(project).run("run")
    add_file(project, 2)
    planned = estimates(project)
    run = project.json("run")
    assert {step["table"]: step["estimate"] for step in run["steps"]} == planned
    stored = project.json("status", run["run_id"])["steps"]
    assert {step["table"]: step["estimate"] for step in stored} == planned
    assert all(step["peak_memory_bytes"] > 1_000_000 for step in stored)
    add_file(project, 3)
    peaks = [max(step["peak_memory_bytes"] for step in project.json("status", one["run_id"])["steps"])
             for one in project.json("status")["runs"]]
    assert project.json("plan")["estimate"]["memory_bytes"] == int(statistics.median(peaks))
    shown = project.run("run", "-v").stderr
    assert "rows read, it read 1,000" in shown and "- estimated " in shown


def test_status_scores_the_estimates(project):
    make(project).run("run")
    assert project.json("status")["estimates"] == {"steps": 0, "time_factor": None, "rows_factor": None}
    assert "estimates" not in project.run("status").stdout
    add_file(project, 2)
    steps = project.json("run")["steps"]

    def factors(actual, estimated):
        pairs = [(actual(step), step["estimate"][estimated]) for step in steps]
        return statistics.median(max(a / b, b / a) for a, b in pairs if a and b)

    score = project.json("status")["estimates"]
    assert score["steps"] == len(steps) == 4
    assert score["rows_factor"] == pytest.approx(factors(lambda step: step["rows_read"], "rows_in"))
    assert score["time_factor"] == pytest.approx(factors(lambda step: step["elapsed_ms"], "elapsed_ms"))
    assert f"estimates within x{score['time_factor']:.1f} of the time" in project.run("status").stdout
    assert "furthest off" not in project.run("status").stdout
    with sqlite3.connect(project.folder / ".sluice/state.db") as database:
        database.execute("update steps set details = json_set(details, '$.estimate.rows_in', 2, '$.rows_read', 420003) where json_extract(details, '$.estimate') is not null")
        run = database.execute("select run_id from steps where json_extract(details, '$.estimate') is not null order by seq desc limit 1").fetchone()[0]
    database.close()
    told = project.run("status").stdout
    assert "more than x100 of the rows read" in told
    assert f"furthest off: run {run[:8]}, " in told and ": 2 rows estimated, 420,003 read\n" in told


def test_money_is_time_at_the_declared_price(project):
    make(project, **{"sluice.yml": SETTINGS + "engine: {price_per_hour: 7200, currency: EUR}\n"}).run("run")
    add_file(project, 2)
    plan = project.json("plan")
    nodes = [node["estimate"] for node in plan["nodes"]]
    assert all(one["cost"] == pytest.approx(one["elapsed_ms"] / 1000 * 2) for one in nodes)
    assert plan["estimate"]["cost"] == pytest.approx(sum(one["cost"] for one in nodes))
    assert plan["estimate"]["elapsed_ms"] == sum(one["elapsed_ms"] for one in nodes)
    assert plan["estimate"]["currency"] == "EUR"
    text = project.run("plan").stdout
    assert text.splitlines()[0].split() == ["plan", "step", "size", "time", "cost", "why"]
    assert " EUR" in text.splitlines()[-1] and "at least" not in text.splitlines()[-1]


def test_an_environment_goes_by_its_own_history_and_price(project):
    make(project, **{"sluice.yml": SETTINGS + "engine: {price_per_hour: 7200}\n"
                     "environments: {big: {lake: big, engine: {price_per_hour: 14400}}}\n"})
    (project.folder / "targets/out.yml").unlink()
    project.run("run")
    fresh = project.json("plan", "--env", "big")["estimate"]
    assert fresh["unknown_steps"] == 3 and fresh["memory_bytes"] is None
    project.run("run", "--env", "big")
    add_file(project, 2)
    plan = project.json("plan", "--env", "big")
    assert all(node["estimate"]["basis"] == "1 run of this step" for node in plan["nodes"])
    assert all(node["estimate"]["cost"] == pytest.approx(node["estimate"]["elapsed_ms"] / 1000 * 4) for node in plan["nodes"])


def test_a_step_never_timed_makes_the_sum_a_least_one(project):
    make(project).run("run")
    project.write("models/pairs.sql", "select a.id from clean.orders a join clean.orders b on a.id = b.id\n")
    project.write("sources/other.yml", "path: data/other.jsonl\n")
    project.write("data/other.jsonl", '{"a": 1}\n')
    project.write("models/others.sql", "select * from raw.other\n")
    plan = project.json("plan")
    found = {node["name"]: node.get("estimate") for node in plan["nodes"]}
    assert found["curated.daily"] is None  # it is up to date
    assert found["curated.pairs"]["basis"] == "steps of its kind"
    assert found["raw.other"]["basis"] == "steps of its kind" and found["raw.other"]["rows_in"] is None
    assert found["curated.others"]["elapsed_ms"] is None
    assert plan["estimate"]["unknown_steps"] == 1
    assert "at least" in project.run("plan").stdout.splitlines()[-1]


def test_a_stored_plan_holds_whatever_is_estimated_meanwhile(project):
    make(project).run("run")
    add_file(project, 2)
    project.run("plan", "-o", "plan.json")
    project.json("plan")
    (project.folder / ".sluice" / "state.db").unlink()  # then nothing can be estimated any more
    for rest in (project.folder / ".sluice").glob("state.db-*"):
        rest.unlink()
    run = project.json("apply", "plan.json")
    assert [step["status"] for step in run["steps"]] == ["ok"] * 4
    assert all(step["estimate"]["elapsed_ms"] is None for step in run["steps"])


@pytest.mark.parametrize("price", ["-1", ".nan", "1e13"])
def test_a_price_that_is_none_is_refused(project, price):
    make(project, **{"sluice.yml": SETTINGS + f"engine: {{price_per_hour: {price}}}\n"})
    done = project.run("check", exit_code=1)
    assert "price_per_hour" in done.stdout + done.stderr and "sluice.yml:5:" in done.stdout + done.stderr


# --- what a change means


def impact(project, table):
    plan = project.json("plan", "--why")
    return next(node for node in plan["nodes"] if node["name"] == table).get("impact")


IMPACT = {
    "contracts/orders.odcs.yml": CONTRACT.replace("amount, logicalType: integer", "amount, logicalType: integer, logicalTypeOptions: {maximum: 50}"),
    "models/top.sql": "select max(d) as d from curated.daily\n",
}


def test_why_names_what_a_changed_contract_reaches(project):
    make(project, **IMPACT).run("run")
    assert impact(project, "clean.orders") is None
    project.write("contracts/orders.odcs.yml", IMPACT["contracts/orders.odcs.yml"].replace("maximum: 50", "maximum: 60"))
    told = impact(project, "clean.orders")
    assert told == ["contract: amount: rule amount.range is weaker (weaker)",
                    "reaches curated.daily (amount), curated.top, target.out.daily (amount)",
                    "where rows come or go, all columns of these tables may change"]
    text = project.run("plan", "--why").stdout
    assert all(line in text for line in told)
    assert "reaches" not in project.run("plan").stdout
    assert "impact" not in json.dumps(project.json("plan"))


def test_why_names_what_a_changed_model_reaches(project):
    make(project, **IMPACT).run("run")
    project.write("models/daily.sql", "select (id % 10)::varchar as d, count(*) as n from clean.orders group by all\n")
    told = impact(project, "curated.daily")
    assert told == ["column d is VARCHAR, was BIGINT", "column amount is gone", "column n is new",
                    "reaches curated.top (d), target.out.daily (d, n)"]
    project.write("models/daily.sql", "select id % 10 as d, sum(amount) + 1 as amount from clean.orders group by all\n")
    assert impact(project, "curated.daily") == ["reaches curated.top, target.out.daily (amount)"]


@pytest.mark.parametrize("before, now, reached", [
    ("select id, amount, amount + 1 as more from clean.orders", "select id,  amount, amount + 2 as more from clean.orders", ["more"]),
    ("select id % 9 as k, sum(amount) as s, count(*) as n from clean.orders group by all",
     "select id % 9 as k, sum(amount) as s, count(*) + 1 as n from clean.orders group by all", ["n"]),
    ("select id % 9 as k, sum(amount) as s from clean.orders group by all", "select id % 8 as k, sum(amount) as s from clean.orders group by all", ["k", "s"]),
    ("select id % 9 as k, sum(amount) as s from clean.orders group by 1", "select id % 8 as k, sum(amount) as s from clean.orders group by 1", ["k", "s"]),
    ("select id as k, amount as s from clean.orders", "select id as k, amount as s from clean.orders where id > 5", ["k", "s"]),
    ("select id as k, amount * 2 as s, s + 1 as t from clean.orders", "select id as k, amount * 3 as s, s + 1 as t from clean.orders", ["k", "s", "t"]),
    ("select distinct id % 9 as k, 1 as s from clean.orders", "select distinct id % 9 as k, 2 as s from clean.orders", ["k", "s"]),
    ("select 1 as k, max(amount) as s from clean.orders", "select 1 as k, amount as s from clean.orders", ["k", "s"]),
    ("select *, 1 as s from clean.orders", "select *, 2 as s from clean.orders", ["id", "amount", "_source", "_position", "s"]),
    ("select id as k, unnest([1]) as s from clean.orders", "select id as k, unnest([1, 2]) as s from clean.orders", ["k", "s"]),
])
def test_why_names_the_columns_whose_expressions_changed(project, before, now, reached):
    make(project, **{"models/daily.sql": before + "\n", "models/next.sql": "select * from curated.daily\n"}).run("run")
    project.write("models/daily.sql", now + "\n")
    assert f"curated.next ({', '.join(reached)})" in impact(project, "curated.daily")[0]


def test_a_contract_of_which_nothing_is_kept_is_said(project):
    make(project, **IMPACT).run("run")
    shutil.rmtree(project.folder / "lake" / "_code")
    project.write("contracts/orders.odcs.yml", CONTRACT)
    assert impact(project, "clean.orders")[0] == "what the contract was before is not kept any more"
