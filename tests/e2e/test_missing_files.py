"""A data file of the lake that another program has removed: `plan` says so before a step stumbles over it."""
import pytest

from test_kill import FILES, PROJECT, make


def remove(project, table):
    file = sorted(project.table_folder(table).rglob("*.parquet"))[0]
    file.rename(project.folder / file.name)
    return file


@pytest.fixture
def shop(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    return project


@pytest.mark.parametrize("table", ["clean.orders", "quarantine.orders", "curated.daily"])
def test_a_plan_names_the_file_that_a_step_will_miss(shop, table):
    shop.write("data/orders-2.csv", FILES[1])
    shop.run("plan")
    file = remove(shop, table)
    name = str(file.relative_to(shop.table_folder(table)))
    for command in (["plan"], ["plan", "--why"], ["run", "--dry-run"], ["plan", "-o", "plan.json"]):
        told = shop.run(*command, exit_code=1).stderr
        assert "SL0508" in told and f"{table} lacks '{name}', a data file of its version 0" in told
        assert "another program has removed it" in told and "sluice rollback" in told
    nodes = {node["name"]: node for node in shop.json("plan", exit_code=1)["nodes"]}
    node = nodes[table.replace("quarantine", "clean")]
    assert {"table": table, "version": 0, "file": name, "count": 1} in node["missing_files"]
    (shop.folder / file.name).rename(file)
    assert "missing_files" not in str(shop.json("plan"))


def test_what_is_not_read_is_not_looked_at(shop):
    remove(shop, "curated.totals")  # of full: what it was is not read
    remove(shop, "clean.orders")
    assert "nothing" in shop.run("run").stdout
    shop.run("plan")
    shop.write("models/totals.sql", PROJECT["models/totals.sql"].replace("count(*)", "count(day)"))
    shop.run("plan")
    shop.write("models/count.sql", "select count(*) as n from clean.orders")
    assert "clean.orders lacks" in shop.run("plan", exit_code=1).stderr
    assert "clean.orders lacks" not in shop.run("plan", "--exclude", "curated.count").stderr
    shop.run("plan", "--full-refresh")
    shop.run("run", "--full-refresh")
    shop.run("plan")


def test_a_file_below_a_view_is_looked_at(shop):
    shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect * from clean.orders")
    shop.run("run")
    remove(shop, "clean.orders")
    shop.write("models/count.sql", "select count(*) as n from curated.seen")
    assert "clean.orders lacks" in shop.run("plan", exit_code=1).stderr
