"""Models with `write: view`: no table, and yet everything that reads one gets what a table would give."""
import random
import shutil

import pytest

from conftest import Project

FILES = {
    "sluice.yml": "name: views\nchecks: {requirements: off}\n",
    "sources/orders.yml": "path: data/orders*.csv\n",
    "sources/rates.yml": "path: data/rates*.csv\n",
    "models/eur.sql": """/* sluice
write: view
*/
select id, day, sum(amount::bigint * rate::bigint) as eur from raw.orders join raw.rates using (currency) group by all; -- in EUR
""",
    "models/big.sql": "/* sluice\nwrite: view\n*/\nselect * from curated.eur where eur > 10\n",
    "models/daily.sql": "/* sluice\nwrite: partition\npartition_by: [day]\n*/\nselect day, sum(eur) as eur, count(*) as n from curated.big group by all\n",
    "models/joined.sql": "/* sluice\nwrite: append\n*/\nselect o.id, o.amount, b.eur from raw.orders o left join curated.big b on b.id = o.id\n",
    "models/merged.sql": """/* sluice
write: merge
key: [id]
checks: [{relationships: {column: id, to: curated.eur, field: id}}]
*/
select id, eur from curated.big
""",
    "targets/out.yml": "type: csv\npath: out\ndeliver:\n  - {table: curated.big}\n",
}
ORDERS = "id,day,amount,currency\n1,2026-01-01,10,EUR\n2,2026-01-01,20,USD\n3,2026-01-02,30,EUR\n"
RATES = "currency,rate\nEUR,1\nUSD,2\n"
TABLES = ["curated.daily", "curated.joined", "curated.merged"]


def make(folder, binary, as_views=True):
    project = Project(folder, binary)
    for path, text in FILES.items():
        project.write(path, text if as_views else text.replace("write: view", "write: full"))
    project.write("data/orders1.csv", ORDERS)
    project.write("data/rates.csv", RATES)
    return project


def verdicts(project, *arguments):
    return {node["name"]: node["verdict"] for node in project.json("plan", *arguments)["nodes"]}


@pytest.fixture
def views(project):
    return make(project.folder, project.binary)


def test_a_view_has_no_table_and_what_reads_it_is_what_a_table_would_give(views, new_project):
    tables = make(new_project("tables").folder, views.binary, as_views=False)
    random_ = random.Random(7)
    for step in range(4):
        for project in (views, tables):
            project.run("run")
        for table in TABLES:
            assert views.rows(table) == tables.rows(table), f"{table} after step {step}"
        assert rows_of_csv(views) == rows_of_csv(tables)
        assert not (views.table_folder("curated.big")).exists() and not (views.table_folder("curated.eur")).exists()
        assert "nothing to do" in views.run("run").stdout
        text = "id,day,amount,currency\n" + "".join(
            f"{random_.randint(1, 9)},2026-01-0{random_.randint(1, 4)},{random_.randint(1, 50)},{random_.choice(['EUR', 'USD'])}\n"
            for _ in range(5))
        for project in (views, tables):
            if step == 1:
                project.write("data/rates.csv", RATES.replace("USD,2", "USD,3"))
            else:
                project.write(f"data/orders{step + 2}.csv", text)


def rows_of_csv(project):
    return sorted(sorted(file.read_text().splitlines()) for file in (project.folder / "out" / "big").glob("*.csv"))


def test_a_change_below_a_view_reaches_what_reads_it_and_says_its_way(views):
    views.run("run")
    assert set(verdicts(views).values()) == {"fresh"}
    views.write("data/rates.csv", RATES.replace("USD,2", "USD,3"))
    found = verdicts(views)
    assert found["raw.rates"] == "stale" and found["raw.orders"] == "fresh"
    assert {name for name, verdict in found.items() if verdict == "after_inputs"} == {
        "curated.eur", "curated.big", "curated.daily", "curated.joined", "curated.merged", "target.out.big"}
    done = {step["table"]: step["status"] for step in views.json("run")["steps"]}
    assert done["curated.daily"] == done["target.out.big"] == "ok"
    assert ("60", "2026-01-01", "1") in [tuple(row[i] for i in (1, 0, 2)) for row in views.rows("curated.daily")]


def test_a_changed_view_makes_stale_what_reads_it(views):
    views.run("run")
    changed = FILES["models/eur.sql"].replace("group by", "where id <> '3' group by")
    views.write("models/eur.sql", changed)
    found = verdicts(views)
    assert {name for name, verdict in found.items() if verdict == "stale"} == {
        "curated.daily", "curated.joined", "curated.merged", "target.out.big"}
    views.run("run")
    assert views.rows("curated.merged", "id") == [("2",)]
    views.write("models/eur.sql", changed + "-- only a comment\n")
    assert set(verdicts(views).values()) == {"fresh"}


def test_a_view_that_follows_the_clock_makes_its_readers_run_every_time(views):
    views.write("models/eur.sql", FILES["models/eur.sql"].replace("group by", "where current_date > date '2000-01-01' group by"))
    views.run("run")
    nodes = {node["name"]: node for node in views.json("plan", "--select", "daily")["nodes"]}
    assert nodes["curated.daily"]["verdict"] == "stale" and "current_date" in nodes["curated.daily"]["why"][0]


def test_a_view_is_selected_with_what_reads_it(views):
    views.run("run")
    views.write("data/rates.csv", RATES.replace("USD,2", "USD,3"))
    steps = {step["table"] for step in views.json("run", "--select", "rates", "daily")["steps"]}
    assert steps == {"raw.rates", "curated.eur", "curated.big", "curated.daily"}
    assert views.rows("curated.daily", "day, eur")[0] == ("2026-01-01", "60")
    names = {node["name"]: node["kind"] for node in views.json("ls", "--select", "config.write:view")["nodes"]}
    assert names == {"curated.eur": "view", "curated.big": "view"}
    views.run("plan", "-o", "plan.json")
    views.run("apply", "plan.json")
    assert set(verdicts(views).values()) == {"fresh"}


def test_query_and_show_see_a_view_as_of_any_time(views):
    views.run("run")
    views.write("data/rates.csv", RATES.replace("USD,2", "USD,3"))
    views.run("run")
    ask = "select id, eur from curated.big order by id"
    assert views.run("query", ask, "--format", "csv").stdout.split() == ["id,eur", "2,60", "3,30"]
    assert views.run("query", ask, "--format", "csv", "--version", "raw.rates=0").stdout.split() == ["id,eur", "2,40", "3,30"]
    assert "no such table is read" in views.run("query", ask, "--version", "curated.big=0", exit_code=1).stderr
    shown = views.json("show", "big")
    assert shown["view_over"] == ["raw.orders", "raw.rates"] and len(shown["rows"]) == 2
    assert "a view over raw.orders, raw.rates" in views.run("show", "curated.eur").stdout
    types = {column["name"]: column["type"] for column in shown["columns"]}
    assert types["eur"] == "BIGINT"  # as a table would have it, and not as sum() gives it


def test_a_failing_input_skips_what_reads_the_view(views):
    views.run("run")
    views.write("models/slow.sql", "select id, day, amount::int + error('on purpose')::int as amount, currency from raw.orders")
    views.write("models/eur.sql", FILES["models/eur.sql"].replace("raw.orders", "curated.slow"))
    report = {step["table"]: step["status"] for step in views.json("run", exit_code=1)["steps"]}
    assert report["curated.slow"] == "error" and report["curated.daily"] == report["target.out.big"] == "skipped"


def test_mistakes_around_views_are_told_before_anything_runs(views):
    views.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - {table: curated.big, write: append}\n")
    assert "can only be delivered whole" in views.run("check", exit_code=1).stderr + views.run("check", exit_code=1).stdout
    views.write("targets/out.yml", FILES["targets/out.yml"])
    views.write("models/eur.sql", "/* sluice\nwrite: view\n*/\nselect id, day, eur from curated.big")
    text = views.run("check", exit_code=1)
    assert "SL0404" in text.stdout + text.stderr  # it reads itself
    assert views.run("query", "from curated.big", exit_code=1).returncode == 1
    views.write("models/eur.sql", FILES["models/eur.sql"].replace("rate::bigint", "rat::bigint"))
    text = views.run("check", exit_code=1)
    assert "models/eur.sql:4" in text.stdout + text.stderr


def test_a_view_becomes_a_table_and_a_table_a_view(views):
    views.run("run")
    before = {table: views.rows(table) for table in TABLES}
    views.write("models/big.sql", FILES["models/big.sql"].replace("view", "full"))
    views.run("run")
    assert views.count("curated.big") == 2
    views.write("models/big.sql", FILES["models/big.sql"])
    views.write("data/orders2.csv", "id,day,amount,currency\n4,2026-01-03,50,EUR\n")
    views.run("run")
    assert views.run("query", "select count(*) from curated.big", "--format", "csv").stdout.split()[1] == "3"
    assert len(views.rows("curated.merged")) == len(before["curated.merged"]) + 1


def test_killed_on_the_way_a_rerun_delivers_the_view_once(tmp_path, fault_bin):
    base = make(tmp_path / "base", fault_bin)
    base.run("run")
    base.write("data/orders2.csv", "id,day,amount,currency\n4,2026-01-03,50,EUR\n")
    whole = Project(tmp_path / "whole", fault_bin)
    shutil.copytree(base.folder, whole.folder, dirs_exist_ok=True)
    counted = tmp_path / "count"
    whole.run("run", env={"SLUICE_FAULT_COUNT": str(counted)})
    expected, total = {table: whole.rows(table) for table in TABLES}, int(counted.read_text())
    for kill in range(1, total + 1, max(1, total // 12)):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        assert project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)}).returncode == -9
        project.run("run")
        assert {table: project.rows(table) for table in TABLES} == expected, f"killed at {kill} of {total}"
        assert rows_of_csv(project) == rows_of_csv(whole)
