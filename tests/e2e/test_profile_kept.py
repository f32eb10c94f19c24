"""`profile: true`: the run that writes a table takes its profile and keeps it; whatever becomes of that, the table is right."""
import os
import shutil
import subprocess

import pytest

from conftest import Project, contract_text

FILES = {
    "sluice.yml": "name: t\nchecks: {requirements: off}\n",
    "sources/orders.yml": "path: data/*.csv\nprofile: true\n",
    "contracts/orders.odcs.yml": contract_text(
        "orders", "{name: id, logicalType: integer, primaryKey: true, required: true}", "{name: day, logicalType: date}",
        '{name: amount, logicalType: number, physicalType: "decimal(12,2)", logicalTypeOptions: {minimum: 0}}',
        "{name: email, logicalType: string, customProperties: [{property: sluice.personal, value: {as: mask}}]}"),
    "models/daily.sql": "/* sluice\nprofile: true\n*/\nselect day, sum(amount) as amount from clean.orders group by all",
    "models/plain.sql": "select day from curated.daily",
}


def lines(number):
    return "id,day,amount,email\n" + "".join(
        f"{number * 10 + i},2026-01-0{i + 1},{i}.5,somebody{i}@example.com\n" for i in range(5)) + f"{number * 10 + 9},2026-01-01,-1,x@y.zz\n"


@pytest.fixture
def shop(project):
    for path, text in FILES.items():
        project.write(path, text)
    project.write("data/1.csv", lines(1))
    return project


def kept(project, table):
    return sorted(int(file.stem) for file in (project.folder / "lake/_profiles" / table).glob("*.json"))


def show(project, table, *arguments):
    found = project.json("show", table, "--profile", *arguments)
    for column in found["columns"]:
        for key in ("mean", "stddev"):  # sums of floating numbers depend on the order of rows
            column[key] = round(float(column[key]), 9) if column[key] and column["kind"] == "number" else column[key]
    return found


def counted(project, table, *arguments):
    """The profile as it is counted from the rows."""
    folder = project.folder / "lake/_profiles"
    folder.rename(folder.with_name("away"))
    found = show(project, table, *arguments)
    folder.with_name("away").rename(folder)
    assert found.pop("kept") is None
    return found


def steps(run):
    return {step["table"]: step for step in run["steps"]}


def test_what_a_run_kept_is_what_is_counted(shop):
    done = shop.json("run")
    found = {table: step["profile"] for table, step in steps(done).items() if table != "raw.orders"}
    assert found == {"clean.orders": {"table": "clean.orders", "version": 0}, "curated.plain": None,
                     "curated.daily": {"table": "curated.daily", "version": 0}}
    for table in ("clean.orders", "curated.daily"):
        answer = show(shop, table)
        assert answer.pop("kept") == {"version": 0, "at": done["started"], "run_id": done["run_id"]}
        assert answer == counted(shop, table)
    assert show(shop, "curated.plain")["kept"] is None and kept(shop, "curated.plain") == []
    text = shop.run("show", "daily", "--profile").stdout
    assert text.splitlines()[1] == f"profiled by the run of {done['started']}"
    away = shop.folder / "lake/_profiles"
    shutil.rmtree(away)
    assert shop.run("show", "daily", "--profile").stdout == text.replace(text.splitlines()[1] + "\n", "")


def test_nothing_but_what_is_published_is_in_it(shop):
    shop.run("run")
    text = (shop.folder / "lake/_profiles/clean.orders/00000000000000000000.json").read_text()
    assert "somebody" not in text and "example.com" not in text and '"email"' in text
    assert '"-1' not in text


def test_each_version_has_its_own_and_the_oldest_go(shop):
    shop.run("run")
    for number in range(2, 25):
        shop.write(f"data/{number}.csv", lines(number))
        shop.run("run", "--select", "raw.orders", "--select", "clean.orders")
    assert kept(shop, "clean.orders") == list(range(4, 24))
    assert kept(shop, "curated.daily") == [0]
    for version in (23, 5, 3):
        answer = show(shop, "clean.orders", "--version", str(version))
        assert (answer.pop("kept") or {"version": None})["version"] == (version if version > 3 else None)
        assert answer == counted(shop, "clean.orders", "--version", str(version)) and answer["rows"] == 5 * version + 5


def test_columns_and_samples(shop):
    shop.run("run")
    some = show(shop, "clean.orders", "--columns", "amount", "ID")
    assert [column["name"] for column in some["columns"]] == ["amount", "id"] and some.pop("kept")["version"] == 0
    assert some == counted(shop, "clean.orders", "--columns", "amount", "ID")
    assert show(shop, "clean.orders", "--sample", "3")["kept"] is None
    assert "did you mean 'amount'?" in shop.run("show", "clean.orders", "--profile", "--columns", "amout", exit_code=1).stderr


def test_to_ask_for_it_builds_nothing_anew(shop):
    shop.write("sources/orders.yml", "path: data/*.csv\n")
    shop.write("models/daily.sql", FILES["models/daily.sql"].replace("profile: true", "description: x"))
    shop.run("run")
    shop.write("sources/orders.yml", FILES["sources/orders.yml"])
    shop.write("models/daily.sql", FILES["models/daily.sql"])
    assert not {step["status"] for step in shop.json("run")["steps"]} - {"nothing"}
    assert kept(shop, "clean.orders") == [] and show(shop, "clean.orders")["kept"] is None
    shop.write("data/2.csv", lines(2))
    shop.run("run")
    assert kept(shop, "clean.orders") == [1] and kept(shop, "curated.daily") == [1]


def test_a_version_with_the_same_rows_has_that_of_the_one_before(shop):
    shop.run("run")
    shop.write("data/2.csv", "id,day,amount,email\nnone,2026-01-01,1,\n")
    assert steps(shop.json("run"))["clean.orders"]["profile"] is None, "nothing was taken"
    answer = show(shop, "clean.orders")
    assert answer["version"] == 1 and answer.pop("kept")["version"] == 0 and kept(shop, "clean.orders") == [0]
    assert answer == counted(shop, "clean.orders")
    assert "at version 0, which has the same rows" in shop.run("show", "clean.orders", "--profile").stdout


def test_a_table_that_is_made_again_does_not_take_the_old_ones(shop):
    shop.run("run")
    shop.write("data/2.csv", lines(2))
    shop.run("run")
    assert kept(shop, "curated.daily") == [0, 1]
    shutil.rmtree(shop.table_folder("curated.daily"))
    shop.write("models/daily.sql", "select day, sum(amount) + 1 as amount from clean.orders group by all")
    shop.run("run", "--select", "curated.daily")
    answer = show(shop, "curated.daily")
    assert answer.pop("kept") is None and answer["version"] == 0
    assert answer == counted(shop, "curated.daily")
    shop.write("models/daily.sql", "/* sluice\nprofile: true\n*/\nselect day, sum(amount) + 2 as amount from clean.orders group by all")
    shutil.rmtree(shop.table_folder("curated.daily"))
    shop.run("run", "--select", "curated.daily")
    assert kept(shop, "curated.daily") == [0] and show(shop, "curated.daily")["kept"]["version"] == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", "changed", "not read"])
def test_what_is_damaged_is_counted_again(shop, damage):
    shop.run("run")
    file = shop.folder / "lake/_profiles/clean.orders/00000000000000000000.json"
    wanted = counted(shop, "clean.orders")
    if damage == "changed":
        file.write_text(file.read_text().replace('"rows":5', '"rows":6', 1))
    elif damage == "not read":
        file.unlink()
        file.mkdir()
    else:
        file.write_text(damage)
    answer = show(shop, "clean.orders")
    assert answer.pop("kept") is None and answer == wanted


def test_a_profile_that_cannot_be_kept_fails_nothing(shop):
    shop.write("lake/_profiles", "in the way")
    done = shop.json("run", exit_code=None)
    found = steps(done)["clean.orders"]
    assert done["exit_code"] == 0 and found["status"] == "warn" and found["profile"] is None
    assert any("the profile of clean.orders was not kept" in note for note in found["notes"])
    assert shop.count("clean.orders") == 5 and show(shop, "clean.orders")["kept"] is None
    assert not {step["status"] for step in shop.json("run")["steps"]} - {"nothing"}


def test_a_full_disk_fails_nothing(shop):
    small = shop.folder / "lake/_profiles"
    small.mkdir(parents=True)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "none", small]).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        done = shop.json("run")
        found = steps(done)
        assert all(any("was not kept" in note for note in found[table]["notes"]) for table in ("clean.orders", "curated.daily"))
        assert shop.count("clean.orders") == 5
        assert show(shop, "clean.orders")["kept"] is None
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_view_has_none(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("models/v.sql", "/* sluice\nwrite: view\nprofile: true\n*/\nselect 1 as a")
    assert "'profile' cannot be with 'write: view'" in project.run("check", exit_code=None).stderr


def test_killed_anywhere_the_tables_are_whole_and_the_profile_can_be_had(shop, tmp_path, fault_bin):
    whole = Project(shutil.copytree(shop.folder, tmp_path / "whole"), fault_bin)
    whole.run("run", env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    wanted = {table: counted(whole, table)["columns"] for table in ("clean.orders", "curated.daily")}
    for at in range(3, int((tmp_path / "count").read_text()) + 1, 6):
        killed = Project(shutil.copytree(shop.folder, tmp_path / f"killed-{at}"), fault_bin)
        killed.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(at)})
        killed.run("run")
        assert {table: show(killed, table)["columns"] for table in wanted} == wanted, at
        shutil.rmtree(killed.folder)


def test_crashtest_passes(shop):
    shutil.rmtree(shop.folder / "models")
    shop.write("models/daily.sql", FILES["models/daily.sql"])
    done = shop.json("crashtest", "--kills", "8", timeout=900)
    assert done["failures"] == []
