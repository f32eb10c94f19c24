"""Source files under other names and times: their rows stay exactly once, nothing after raw is built again, and that is said."""
import gzip
import json
import os
import shutil
import subprocess

import deltalake
import pytest

from conftest import Project, contract_text
from test_kill import FILES, PROJECT, balances_close, contents, make, operations

EVERYWHERE = {
    **PROJECT,
    "models/quarantined.sql": "select _source, _position from quarantine.orders",
    "targets/raw.yml": "type: csv\npath: out/raw\ndeliver:\n  - {table: raw.orders, to: raw, write: append}\n",
}


@pytest.fixture
def project(tmp_path, sluice_bin):
    project = Project(tmp_path / "project", sluice_bin)
    for path, text in EVERYWHERE.items():
        project.write(path, text)
    for number, text in enumerate(FILES, 1):
        project.write(f"data/orders-{number}.csv", text)
    project.run("run")
    return project


def move(project, source, target):
    (project.folder / "data" / source).rename(project.folder / "data" / target)


def everything(project):
    tables = contents(project)
    tables["target.raw"] = sorted((file.name, file.read_text()) for file in (project.folder / "out" / "raw").rglob("*.csv"))
    return tables


def versions(project, without="raw.orders"):
    return {str(folder.parent): len(list(folder.glob("*.json"))) for folder in (project.folder / "lake").rglob("_delta_log")
            if not str(folder.parent).endswith(without.replace(".", "/"))}


def must_be_settled(project):
    assert "0 steps to run, 0 after" in project.run("plan").stdout
    log = sorted((project.table_folder("raw.orders") / "_delta_log").iterdir())
    assert "nothing to do" in project.run("run").stdout
    assert log == sorted((project.table_folder("raw.orders") / "_delta_log").iterdir())


def test_a_renamed_file_is_told_and_its_rows_stay(project):
    before, built = everything(project), versions(project)
    move(project, "orders-1.csv", "orders-one.csv")
    now = "data/orders-1.csv is now data/orders-one.csv"
    planned = project.run("plan")
    assert now in planned.stdout and "gone" not in planned.stderr and "1 step to run, 0 after" in planned.stdout
    node = next(node for node in project.json("plan")["nodes"] if node["name"] == "raw.orders")
    assert node["renamed_files"] == 1 and node["new_files"] == node["vanished_files"] == 0
    done = project.run("run")
    told = done.stdout + done.stderr
    assert told.count(now) == 1 and "gone" not in told and "1 renamed file" in told
    must_be_settled(project)
    assert everything(project) == before and versions(project) == built
    assert "data/orders-1.csv" in project.run("quarantine", "show", "orders").stdout
    # Then it changes, and its rows are replaced, whatever name they came under.
    project.write("data/orders-one.csv", FILES[0] + "99,2026-01-01,1.50,1\n")
    project.run("run")
    assert project.count("raw.orders") == len(before["raw.orders"]) + 1
    assert "orders-1.csv" not in str(project.rows("raw.orders", "_source"))
    balances_close(project)
    must_be_settled(project)


def test_a_plan_with_a_renamed_file_is_applied_unless_it_is_renamed_again(project):
    before = everything(project)
    move(project, "orders-1.csv", "orders-one.csv")
    project.run("plan", "-o", "plan.json")
    move(project, "orders-one.csv", "orders-eins.csv")
    project.run("apply", "plan.json", exit_code=6)
    move(project, "orders-eins.csv", "orders-one.csv")
    project.run("apply", "plan.json")
    must_be_settled(project)
    assert everything(project) == before


def test_a_touched_file_is_looked_at_once(project):
    before, built = everything(project), versions(project)
    for time in (1_700_000_000, 1_800_000_000):
        os.utime(project.folder / "data" / "orders-1.csv", (time, time))
        assert "nothing to do" in project.run("run").stdout
        must_be_settled(project)
    assert everything(project) == before and versions(project) == built
    project.write("data/orders-3.csv", "id,day,amount,updated\n500,2026-01-01,1.50,1\n")
    project.run("run")
    assert project.count("clean.orders") == len(before["clean.orders"]) + 1
    balances_close(project)
    must_be_settled(project)


def test_other_readers_and_writers_go_on_after_many_names(project):
    raw = "* exclude (_ingested_at)"
    before = project.rows("raw.orders", raw)
    name = "orders-1.csv"
    for number in range(12):  # over a checkpoint
        move(project, name, f"orders-x{number}.csv")
        name = f"orders-x{number}.csv"
        project.run("run")
        assert project.rows("raw.orders", raw) == before
    table = deltalake.DeltaTable(str(project.table_folder("raw.orders")))
    assert len(table.file_uris()) == 2
    must_be_settled(project)
    table.optimize.compact()
    project.run("run")
    assert project.rows("raw.orders", raw) == before
    must_be_settled(project)
    # The name of before comes back with other rows, and the two are told apart.
    project.write("data/orders-1.csv", "id,day,amount,updated\n500,2026-01-01,1.50,1\n")
    project.run("run")
    sources = [row for row in project.rows("raw.orders", "_source")]
    assert len(sources) == len(before) + 1 and sum("orders-1.csv" in str(row) for row in sources) == 1
    assert len(project.rows("raw.orders", "distinct _source, _position")) == len(before) + 1
    must_be_settled(project)


def test_killed_anywhere_a_file_under_another_name_counts_once(tmp_path, fault_bin):
    base = make(tmp_path / "base", fault_bin, 2)
    base.run("run")
    expected = contents(base)

    def change(folder):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        changed = Project(folder, fault_bin)
        move(changed, "orders-1.csv", "orders-9.csv")
        os.utime(changed.folder / "data" / "orders-2.csv", (1_700_000_000, 1_700_000_000))
        return changed

    total = operations(change(tmp_path / "probe"), fault_bin)
    assert 3 <= total < 40
    for kill in range(1, total + 1):
        project = change(tmp_path / "killed")
        project.run("run", exit_code=-9, env={"SLUICE_FAULT_KILL": str(kill)})
        project.run("run")
        assert contents(project) == expected, f"killed at operation {kill} of {total}"
        must_be_settled(project)


def test_killed_anywhere_a_new_file_under_an_old_name_doubles_nothing(tmp_path, fault_bin):
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    move(base, "orders-1.csv", "orders-9.csv")
    base.run("run")

    def change(folder):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        changed = Project(folder, fault_bin)
        changed.write("data/orders-1.csv", FILES[1])
        return changed

    once = change(tmp_path / "once")
    once.run("run")
    expected = contents(once)
    assert len(expected["raw.orders"]) == sum(text.count("\n") - 1 for text in FILES)
    total = operations(change(tmp_path / "probe"), fault_bin)
    for kill in range(1, total + 1, 5):
        project = change(tmp_path / "killed")
        project.run("run", exit_code=-9, env={"SLUICE_FAULT_KILL": str(kill)})
        project.run("run")
        assert contents(project) == expected, f"killed at operation {kill} of {total}"
        balances_close(project)


def test_a_file_that_could_not_be_read_beside_a_touched_one_adds_no_column(project):
    before = project.delta("raw.orders").schema.names
    os.utime(project.folder / "data" / "orders-1.csv", (1e9, 1e9))
    whole = gzip.compress(b"order_id,extra\n" + b"1,x\n" * 10000)
    project.write("data/zz.csv.gz", whole[:len(whole) // 2])
    (project.folder / "sources" / "orders.yml").write_text("path: [data/*.csv, data/*.csv.gz]\n")
    project.run("run", exit_code=None)
    assert project.delta("raw.orders").schema.names == before


def test_a_renamed_file_makes_room_though_the_log_counts_no_rows(project):
    """Statistics are optional in the Delta protocol."""
    move(project, "orders-1.csv", "orders-one.csv")
    project.run("run")
    for file in (project.table_folder("raw.orders") / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in file.read_text().splitlines()]
        for action in actions:
            action.get("add", {}).pop("stats", None)
        file.write_text("".join(json.dumps(action) + "\n" for action in actions))
    rows = project.count("raw.orders")
    project.write("data/orders-1.csv", FILES[0].splitlines()[0] + "\n" + FILES[0].splitlines()[1] + "\n")
    project.run("run", "--select", "raw.orders")
    assert project.count("raw.orders") == rows + 1
    assert {row["_source"] for row in project.delta("raw.orders").to_pylist()} >= {"data/orders-1.csv", "data/orders-one.csv"}


def test_equal_deliveries_of_different_times_all_count(project):
    """An inbox that is emptied after each run: another file of the same content is not the one before under another name."""
    before = project.count("raw.orders")
    text = FILES[0].splitlines()[0] + "\n" + FILES[0].splitlines()[1] + "\n"
    for day in (1, 2, 3):
        file = project.write(f"data/orders-day-{day}.csv", text)
        project.run("run", "--select", "raw.orders")
        file.unlink()
    assert project.count("raw.orders") == before + 3


def test_a_lake_that_cannot_be_written_is_as_good_without_the_new_time(project):
    before = everything(project)
    os.utime(project.folder / "data" / "orders-1.csv", (1e9, 1e9))
    log = project.table_folder("raw.orders") / "_delta_log"
    subprocess.run(["mount", "--bind", log, log], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", log], check=True)
        done = project.run("run")
    finally:
        subprocess.run(["umount", log], check=True)
    assert "new names or times of files cannot be remembered" in done.stdout + done.stderr
    assert everything(project) == before
    project.run("run")
    must_be_settled(project)


def test_what_was_given_up_of_a_renamed_file_stays_so_when_another_one_comes_under_its_old_name(tmp_path, sluice_bin):
    """And the same row of that other file is a row that nobody has given up."""
    project = Project(tmp_path / "project", sluice_bin)
    for path, text in PROJECT.items():
        if not path.startswith("targets/"):
            project.write(path, text)
    project.write("data/orders-1.csv", FILES[0])
    project.run("run")
    project.run("quarantine", "discard", "orders", "--all", "--reason", "never meant")
    given_up = dict(project.rows("quarantine.orders", '_position, "at"'))
    move(project, "orders-1.csv", "orders-one.csv")
    project.write("data/orders-1.csv", FILES[0].replace("41,2026-01-01,-3", "71,2026-01-01,-3"))
    project.run("run")
    rows = project.delta("quarantine.orders").to_pylist()
    assert {(row["_source"], str(row["_position"])) for row in rows if row["discard_reason"]} == {("data/orders-one.csv", place) for place in given_up}
    assert {(row["_source"], str(row["_position"])) for row in rows if not row["discard_reason"]} == {("data/orders-1.csv", place) for place in given_up}
    times = project.rows("quarantine.orders", '_source, _position, "at"')
    assert {place: at for place, source, at in times if source == "data/orders-one.csv"} == given_up


def test_a_row_is_no_renamed_one_because_another_file_had_the_same_in_its_place(tmp_path, sluice_bin):
    """Both rows had come at the same time, in the same line; a mark belongs to the file that was renamed."""
    project = Project(tmp_path / "project", sluice_bin)
    project.write("sluice.yml", "name: same\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", contract_text("t", "{name: id, logicalType: integer, logicalTypeOptions: {minimum: 2}}"))
    project.write("data/a.csv", "id\n1\n5\n")
    project.write("data/b.csv", "id\n1\n6\n")
    project.run("run")
    project.run("quarantine", "discard", "t", "--source", "data/b.csv", "--reason", "never meant")
    project.write("data/a.csv", "id\n7\n8\n9\n")
    move(project, "b.csv", "bb.csv")
    project.write("data/b.csv", "id\n1\n11\n")
    project.run("run")
    rows = project.delta("quarantine.t").to_pylist()
    assert {(row["_source"], row["discard_reason"]) for row in rows} == {("data/bb.csv", "never meant"), ("data/b.csv", None)}
    assert sorted(row["id"] for row in project.delta("clean.t").to_pylist()) == [6, 7, 8, 9, 11]
