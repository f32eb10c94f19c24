"""plan holds what will run against the columns of its inputs, as check does, before anything runs."""
import json

import pytest

from conftest import Project, contract_text

CONTRACT = contract_text("orders") + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: amount, logicalType: integer}
"""


@pytest.fixture
def shop(tmp_path, sluice_bin):
    project = Project(tmp_path, sluice_bin)
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: data/orders-*.csv\ncontract: contracts/orders.odcs.yml\n")
    project.write("contracts/orders.odcs.yml", CONTRACT)
    project.write("data/orders-1.csv", "id,amount\n1,10\n2,20\n")
    project.write("models/total.sql", "select sum(amount) as total from clean.orders\n")
    project.write("models/twice.sql", "select total * 2 as twice from curated.total\n")
    return project


def errors(project, *command):
    out = json.loads(project.run(*command, "--json", exit_code=1).stdout)
    return [(e["code"], e["file"], e["line"], e["column"], e["message"], e["hint"]) for e in out["errors"]]


@pytest.mark.parametrize("is_built", [False, True])
def test_a_column_that_is_not_there_is_told_as_check_does(shop, is_built):
    if is_built:
        shop.run("run")
    shop.write("models/total.sql", "select sum(amuont) as total from clean.orders\n")
    found = errors(shop, "plan")
    assert found == errors(shop, "check") and len(found) == 1
    assert found[0][0] == "SL0403" and found[0][1:4] == ("models/total.sql", 1, 12) and "amount" in found[0][5]
    done = shop.run("plan", exit_code=1)
    assert "models/total.sql:1:12" in done.stderr and "the project has 1 error" in done.stderr and "model total" in done.stdout
    shop.run("plan", "-o", "plan.json", exit_code=1)
    assert not (shop.folder / "plan.json").exists()
    shop.write("models/total.sql", "select sum(amount) as total from clean.orders\n")
    shop.run("plan", "-o", "plan.json")
    shop.run("apply", "plan.json")


def test_deliveries_and_checks_are_held_against_columns_too(shop):
    shop.write("models/total.sql", "/* sluice\nchecks:\n  - not_null: [totla]\n*/\nselect sum(amount) as total from clean.orders\n")
    shop.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - {table: curated.twice, to: twice, write: merge, key: [thrice]}\n")
    found = errors(shop, "plan")
    assert found == errors(shop, "check") and {e[1] for e in found} == {"models/total.sql", "targets/out.yml"}


def test_only_what_will_run_is_held(shop):
    shop.run("run")
    shop.write("models/bad.sql", "select nothing from curated.total\n")
    assert shop.run("plan", "--select", "twice").returncode == 0
    assert [e[1] for e in errors(shop, "plan", "--select", "bad")] == ["models/bad.sql"]
    # What waits for its first ingest is told later, as check does.
    shop.write("sources/later.yml", "path: data/later-*.csv\n")
    shop.write("models/bad.sql", "select nothing from raw.later\n")
    shop.run("check")
    shop.run("plan")


def test_a_column_that_comes_with_new_files_is_there(shop):
    shop.write("models/colors.sql", "select color, count(*) as n from raw.orders group by color\n")
    shop.write("data/orders-1.csv", "id,amount,color\n1,10,red\n")
    shop.run("run")
    shop.write("models/colors.sql", "select color, size, count(*) as n from raw.orders group by all\n")
    assert "size" in errors(shop, "plan")[0][4]
    shop.write("data/orders-2.csv", "id,amount,color,size\n2,20,blue,9\n")
    shop.run("plan")
    assert shop.run("run").returncode == 0
    assert sorted(shop.delta("curated.colors").to_pylist(), key=lambda r: r["color"])[0]["size"] == "9"


def test_an_unchanged_project_is_not_bound_again(shop):
    columns = shop.folder / ".sluice" / "columns.cache"
    shop.run("run")
    shop.write("models/total.sql", "select sum(amount) + 1 as total from clean.orders\n")
    shop.run("plan")
    columns.unlink(missing_ok=True)
    shop.run("plan")
    assert not columns.exists()
    shop.write("models/twice.sql", "select totale from curated.total\n")
    assert errors(shop, "plan")
    shop.write("models/twice.sql", "select total from curated.total\n")
    shop.run("plan")
    assert columns.exists()


def test_what_only_pending_files_bring_is_not_remembered(shop):
    shop.run("run")
    shop.write("models/colors.sql", "select color, count(*) as n from raw.orders group by color\n")
    shop.write("data/orders-2.csv", "id,amount,color\n2,20,blue\n")
    shop.run("plan")
    shop.write("data/orders-2.csv", "id,amount\n2,20\n")  # still to be taken in, and without it
    assert "color" in errors(shop, "plan")[0][4]


def test_a_check_that_reads_another_table_is_asked_again_when_that_one_changes(shop):
    check = "  - sql: {query: select count(*) from curated.other where b = 0, mustBe: 0}"
    shop.write("models/total.sql", f"/* sluice\nchecks:\n{check}\n*/\nselect sum(amount) as total from clean.orders\n")
    shop.write("models/other.sql", "select amount as b from clean.orders\n")
    shop.run("run")
    shop.write("models/total.sql", f"/* sluice\nchecks:\n{check}\n*/\nselect sum(amount) + 1 as total from clean.orders\n")
    shop.run("plan")
    shop.run("plan")  # remembered
    shop.write("models/other.sql", "select amount as a from clean.orders\n")
    assert ["b" in message or "b" in (hint or "") for *_, message, hint in errors(shop, "plan")] == [True]
    shop.write("models/other.sql", "select amount as b from clean.orders\n")
    shop.run("plan")


def test_a_warning_is_told_each_time(shop):
    shop.write("sources/broken.yml", "path: broken/*.csv\n")
    shop.write("broken/1.csv", "a\n1\n")
    shop.run("run")
    shop.write("broken/2.csv", "a\n2\n")
    shop.run("run")
    log = sorted((shop.folder / "lake/raw/broken/_delta_log").glob("*.json"))[0]
    log.write_text(log.read_text().replace('"metaData"', '"other"'))
    shop.write("models/total.sql", "select sum(amount) + 1 as total from clean.orders\n")
    for _ in range(2):
        [warning] = json.loads(shop.run("plan", "--json", exit_code=1).stdout)["warnings"]  # as the run would end
        assert warning["message"].startswith("raw.broken cannot be read")
