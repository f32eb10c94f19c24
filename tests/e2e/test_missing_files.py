"""A data file of the lake that another program has removed: `plan` says so before a step stumbles over it."""
import os
import socket

import pytest

from conftest import READER, Project
from test_kill import FILES, PROJECT, make


def remove(project, table):
    file = sorted(project.table_folder(table).rglob("*.parquet"))[0]
    file.rename(project.folder / file.name)
    return file


def missing(project, **arguments):
    return [file for node in project.json("plan", **arguments)["nodes"] for file in node.get("missing_files", [])]


@pytest.fixture
def shop(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    return project


@pytest.mark.parametrize("table", ["clean.orders", "curated.latest", "curated.daily"])
def test_a_plan_names_the_file_that_a_step_will_miss(shop, table):
    shop.write("data/orders-2.csv", FILES[1])
    shop.run("plan")
    file = remove(shop, table)
    name = str(file.relative_to(shop.table_folder(table)))
    for command in (["plan"], ["plan", "--why"], ["run", "--dry-run"], ["plan", "-o", "plan.json"]):
        told = shop.run(*command, exit_code=1)
        assert "SL0508" in told.stderr and f"{table} lacks '{name}', a data file of its version 0" in told.stderr
        assert "another program has removed it" in told.stderr and "sluice rollback" in told.stderr
        assert "wrote" not in told.stdout + told.stderr
    assert not (shop.folder / "plan.json").exists(), "what would fail is not there to be applied"
    assert {"table": table, "version": 0, "file": name, "count": 1, "is_read": True} in missing(shop, exit_code=1)
    if table != "curated.daily":  # of that all partitions are written anew, as it comes out
        failed = shop.run("run", exit_code=5).stderr
        assert "SL0508" in failed and f"{table} lacks '{name}', a data file" in failed and "SL0105" not in failed
        assert f"--full-refresh --select {table}" in failed and "sluice rollback" in failed
    (shop.folder / file.name).rename(file)
    assert missing(shop) == []
    shop.run("plan", "-o", "plan.json")
    shop.run("apply", "plan.json")


@pytest.mark.parametrize("table", ["raw.orders", "quarantine.orders", "curated.raw_lines"])
def test_a_step_that_goes_on_does_not_mind_what_it_has_read(shop, table):
    """The run goes through, and so does the plan: with a warning, for the rows are gone all the same."""
    file = remove(shop, table)
    name = str(file.relative_to(shop.table_folder(table)))
    for has_news in (False, True):
        if has_news:
            shop.write("data/orders-2.csv", FILES[1])
        told = shop.run("plan", "-o", "plan.json").stderr
        assert f"warning: {table} lacks '{name}'" in told and "may do without it" in told and "SL0508" not in told
        assert missing(shop) == [{"table": table, "version": 0, "file": name, "count": 1, "is_read": False}]
    shop.run("apply", "plan.json")
    if table == "raw.orders":  # a contract that changes is held against all rows
        shop.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 1"))
        assert "SL0508" in shop.run("plan", exit_code=1).stderr
        assert "error[SL0508]: raw.orders lacks" in shop.run("run", exit_code=1).stderr


def test_what_is_not_read_is_a_warning(shop):
    remove(shop, "curated.totals")  # of full: what it was is not read
    remove(shop, "clean.orders")
    assert "nothing" in shop.run("run").stdout
    assert [file["table"] for file in missing(shop)] == ["clean.orders", "curated.totals"]
    shop.write("models/totals.sql", PROJECT["models/totals.sql"].replace("count(*)", "count(day)"))
    shop.run("plan")
    shop.write("models/count.sql", "select count(*) as n from clean.orders")
    assert "clean.orders lacks" in shop.run("plan", exit_code=1).stderr
    assert "warning: clean.orders lacks" in shop.run("plan", "--exclude", "curated.count").stderr
    shop.run("plan", "--full-refresh")
    shop.run("run", "--full-refresh")
    shop.run("plan")


def test_a_file_below_a_view_is_looked_at(shop):
    shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect * from clean.orders")
    shop.run("run")
    remove(shop, "clean.orders")
    shop.write("models/count.sql", "select count(*) as n from curated.seen")
    assert "clean.orders lacks" in shop.run("plan", exit_code=1).stderr


def test_of_tables_that_nothing_reads_only_so_much_is_looked_at(shop):
    remove(shop, "quarantine.orders")
    assert [file["table"] for file in missing(shop)] == ["quarantine.orders"]
    checkpoint = shop.table_folder("quarantine.orders") / "_delta_log/_last_checkpoint"
    checkpoint.write_text('{"version": 0, "size": 10001}')
    assert missing(shop) == [], "its log would take long to read"


@pytest.mark.parametrize("read", ["a changed file", "a view"])
def test_what_makes_a_step_read_all_is_seen(shop, read):
    if read == "a view":
        shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect a.id from clean.orders a join clean.orders b using (id)\n")
        shop.write("models/ids.sql", "/* sluice\nwrite: append\n*/\nselect id from curated.seen\n")
        shop.run("run")
        remove(shop, "clean.orders")
        shop.write("data/orders-2.csv", FILES[1])
    else:
        shop.write("data/orders-2.csv", FILES[1])
        shop.run("run")
        files = sorted(shop.table_folder("raw.orders").rglob("*.parquet"))
        [file] = [file for file in files if READER.cursor().execute(f"select any_value(_source) from '{file}'").fetchone()[0].endswith("orders-1.csv")]
        file.unlink()
        last = FILES[1].splitlines()[-1]
        shop.write("data/orders-2.csv", FILES[1] + "99999" + last[last.index(","):] + "\n")
    assert "SL0508" in shop.run("plan", exit_code=1).stderr
    assert "SL0508" in shop.run("run", exit_code=5).stderr


def partitions(project, exit_code=0):
    nodes = project.json("plan", exit_code=exit_code)["nodes"]
    return {node["name"]: node.get("partitions") for node in nodes if node["verdict"] == "stale"}


def test_what_reads_no_such_table_is_foreseen_all_the_same(tmp_path, sluice_bin):
    shop = Project(tmp_path, sluice_bin)
    shop.write("sluice.yml", "name: shop\nchecks: {requirements: off}\n")
    for name in ["a", "b"]:
        shop.write(f"sources/{name}.yml", f"path: data/{name}-*.csv\n")
        shop.write(f"data/{name}-1.csv", "day,n\n2026-01-01,1\n2026-01-02,2\n")
        shop.write(f"models/by_{name}.sql", "/* sluice\nwrite: partition\npartition_by: [day]\n*/\n"
                   f"select day, sum(n::int) as n from raw.{name} group by day\n")
    shop.run("run")
    for name in ["a", "b"]:
        shop.write(f"data/{name}-2.csv", "day,n\n2026-01-02,3\n")
    shop.run("run", "--select", "raw.a", "raw.b")
    both = {"curated.by_a": ["day=2026-01-02"], "curated.by_b": ["day=2026-01-02"]}
    assert partitions(shop) == both
    file = remove(shop, "raw.b")
    told = partitions(shop, exit_code=None)
    assert told["curated.by_a"] == both["curated.by_a"] and not told["curated.by_b"]
    (shop.folder / file.name).rename(file)
    assert partitions(shop) == both


def test_each_path_of_a_list_that_matches_nothing_is_told(new_project):
    """What the others match does not make up for a slip in one of them."""
    project = new_project("paths")
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write("sources/t.yml", 'path:\n  - "data/t*"\n  - "data/nothing here"\n  - data/o[1].csv\n')
    project.write("data/t1.csv", "a\n1\n")
    project.write("data/o[1].csv", "a\n2\n")
    places = ["nothing here' (sources/t.yml:3:5)", "data/o[1].csv' (sources/t.yml:4:5)"]

    def told(*command):
        text = project.run(*command).stderr
        assert text.count("SL0602: no file matches") == 2 and all(text.count(place) == 1 for place in places), (command, text)

    for command in [("plan",), ("run", "--dry-run"), ("run",), ("run",), ("plan",)]:
        told(*command)
    step, = [step for step in project.json("plan")["nodes"] if step["name"] == "raw.t"]
    assert len(step["unmatched_paths"]) == 2
    first, second = [item for item in project.json("check")["warnings"] if item["code"] == "SL0602"]
    assert (first["line"], second["line"]) == (3, 4)
    assert "'[[]' is the character '[' itself" in second["hint"] and "relative" in first["hint"]
    project.write("sources/t.yml", 'path:\n  - data/t*\n  - data/o[[]1].csv\n')
    assert "SL0602" not in project.run("run").stderr
    assert sorted(a for a, in project.rows("raw.t", "a")) == ["1", "2"]
    project.write("sources/u.yml", 'path: data/o[1].csv\n')
    assert "'[[]' is the character" in project.run("run", "--select", "raw.u", exit_code=None).stderr


def test_what_is_no_file_is_told_and_passed_over(new_project):
    """Links that lead nowhere, fifos, sockets and folders; a fifo blocks nothing."""
    project = new_project("odd")
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write("sources/t.yml", 'path:\n  - "data/*"\n  - deep/**\n')
    project.write("data/t.csv", "a\n1\n")
    project.write("deep/in/t.csv", "a\n2\n")
    data = project.folder / "data"
    (data / "folder").mkdir()
    (data / "lost.csv").symlink_to("nowhere.csv")
    (data / "good.csv").symlink_to("t.csv")
    os.mkfifo(data / "pipe.csv")
    os.mkfifo(project.folder / "deep" / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.getcwd()
        os.chdir(data)  # names of sockets are short
        server.bind("s.csv")
        os.chdir(folder)
    expected = {"'data/folder' is a folder", "'data/lost.csv' is a link that leads nowhere", "'data/pipe.csv' is a fifo", "'data/s.csv' is a socket"}
    for command in [("plan",), ("run", "--dry-run"), ("run",), ("run",), ("plan",), ("check",)]:
        text = project.run(*command, exit_code=None, timeout=60).stderr
        found = {line.split("SL0602: ")[-1].split("SL0602]: ")[-1].split(" and is passed over")[0] for line in text.splitlines() if "passed over" in line}
        assert found == expected | {"'deep/pipe.csv' is a fifo"}, (command, text)
        assert text.count("sources/t.yml:2:5") == 4 or command == ("check",), text
    assert sorted(row["a"] for row in project.delta("raw.t").to_pylist()) == ["1", "2"]


@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_a_path_that_names_what_is_no_file_fails(new_project, kind):
    project = new_project("exact")
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write("sources/t.yml", "path: data/x.csv\n")
    path = project.folder / "data" / "x.csv"
    path.parent.mkdir()
    {"fifo": lambda: os.mkfifo(path), "folder": path.mkdir, "link": lambda: path.symlink_to("y.csv")}[kind]()
    told = project.run("run", exit_code=None, timeout=60)
    what = {"fifo": "is a fifo", "folder": "is a folder", "link": "is a link that leads nowhere"}[kind]
    assert told.returncode != 0 and f"'data/x.csv' {what}" in told.stdout + told.stderr
    assert what in project.run("check", exit_code=None, timeout=60).stderr
