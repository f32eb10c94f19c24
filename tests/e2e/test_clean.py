"""`clean` removes what killed runs and tests have left behind, and nothing else: every version stays readable."""
import fcntl
import os
import shutil
import subprocess
import time
import uuid

import pytest

from conftest import Project, some_of
from test_kill import FILES, PROJECT, clean_runs, contents, make, operations  # noqa: F401

OLD = time.time() - 3 * 86400
NAME = "part-{}-00000-0.parquet"


@pytest.fixture
def own(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    return project


def age(folder):
    """As if all of it had been written three days ago."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (OLD, OLD), follow_symlinks=False)


def data_files(project):
    return {str(path.relative_to(project.folder / "lake")) for path in (project.folder / "lake").rglob("*.parquet") if "_delta_log" not in path.parts}


def folders(project, temp, *arguments):
    """Those below `temp`; the machine may have others."""
    found = project.json("clean", *arguments, env={"TMPDIR": str(temp)})["folders"]
    return [item for item in found if item["path"].startswith(str(temp))]


def leave(project, *places, content=b"left"):
    """Data files that no log names, old ones."""
    paths = []
    for place in places:
        path = project.folder / "lake" / place / NAME.format(uuid.uuid4())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for entry in (path, path.parent):
            os.utime(entry, (OLD, OLD))
        paths.append(str(path.relative_to(project.folder / "lake")))
    return set(paths)


def test_leftovers_are_listed_and_removed_and_counted(own):
    before = data_files(own)
    left = leave(own, "raw/orders", "clean/orders", "curated/daily/day=2026-01-01", "curated/never_built", "raw/orders/~part=3")
    told = own.json("clean", "--dry-run")
    assert {item["path"] for item in told["list"]} == left and told["dry_run"] and told["files"] == 5 and told["bytes"] == 20
    assert {item["table"]: item["files"] for item in told["tables"]} == {"raw.orders": 2, "clean.orders": 1, "curated.daily": 1, "curated.never_built": 1}
    assert data_files(own) == before | left
    assert "5 files and 0 folders, 20 B, would be removed" in own.run("clean", "--dry-run").stdout
    done = own.json("clean")
    assert {item["path"] for item in done["list"]} == left and not done["dry_run"] and done["bytes"] == 20
    assert data_files(own) == before
    assert not (own.folder / "lake/raw/orders/~part=3").exists(), "folders that are empty now are gone"
    assert own.run("clean").stdout == "nothing was left behind\n"
    own.run("run")


def test_what_is_young_or_not_ours_stays(own):
    young = own.folder / "lake/raw/orders" / NAME.format(uuid.uuid4())
    young.write_bytes(b"young")
    lake = own.folder / "lake"
    others = ["raw/orders/mine.parquet", "raw/orders/part-00000-" + str(uuid.uuid4()) + ".snappy.parquet", "raw/orders/part-1.csv",
              "_profiles/" + NAME.format(uuid.uuid4()), "_code/" + NAME.format(uuid.uuid4()), "raw/orders/_change_data/" + NAME.format(uuid.uuid4()),
              "raw/.hidden/" + NAME.format(uuid.uuid4()), "other/table/" + NAME.format(uuid.uuid4())]
    for path in others:
        (lake / path).parent.mkdir(parents=True, exist_ok=True)
        (lake / path).write_bytes(b"x")
        os.utime(lake / path, (OLD, OLD))
    assert own.json("clean")["list"] == []
    assert all((lake / path).exists() for path in others) and young.exists()
    assert [item["path"] for item in own.json("clean", "--older-than", "0s")["list"]] == [str(young.relative_to(lake))]
    assert all((lake / path).exists() for path in others)
    assert "--older-than" in own.run("clean", "--older-than", "soon", exit_code=1).stderr
    own.run("run")


def test_tables_of_other_programs_and_links_are_left_alone(own):
    import deltalake
    import pyarrow
    lake = own.folder / "lake"
    deltalake.write_deltalake(str(lake / "curated/foreign"), pyarrow.table({"a": [1, 2]}))
    left = leave(own, "curated/foreign")
    shutil.copytree(lake / "curated/daily", own.folder / "elsewhere")
    (lake / "curated/linked").symlink_to(own.folder / "elsewhere")
    outside = own.folder / "elsewhere" / NAME.format(uuid.uuid4())
    outside.write_bytes(b"x")
    broken = leave(own, "clean/orders")
    log = next((lake / "clean/orders/_delta_log").glob("*.json"))
    whole = log.read_bytes()
    log.write_bytes(b"{torn")
    age(own.folder / "elsewhere")
    told = own.json("clean")
    skipped = {item["table"]: item["because"] for item in told["skipped"]}
    assert skipped.pop("curated.foreign") == "its log has no record of Sluice" and list(skipped) == ["clean.orders"]
    assert told["list"] == [] and outside.exists() and left | broken <= data_files(own)
    assert "curated.foreign was left alone" in own.run("clean").stderr
    log.write_bytes(whole)
    assert {item["path"] for item in own.json("clean")["list"]} == broken


def test_a_log_that_was_lost_or_put_back_costs_no_rows(own):
    own.write("data/orders-2.csv", FILES[1])
    own.run("run")
    files = data_files(own)
    age(own.folder / "lake")
    log = own.folder / "lake/raw/orders/_delta_log"
    newest = sorted(log.glob("*.json"))[-1]
    newest.rename(own.folder / "newest")
    told = {item["table"]: item["because"] for item in own.json("clean")["skipped"]}
    assert told == {"raw.orders": "its log ends before the version that was published"} and data_files(own) == files
    log.rename(own.folder / "log")
    told = {item["table"]: item["because"] for item in own.json("clean")["skipped"]}
    assert told == {"raw.orders": "its log is gone, and it was published"} and data_files(own) == files
    (own.folder / "log").rename(log)
    (own.folder / "newest").rename(newest)
    assert own.json("clean")["list"] == [] and data_files(own) == files
    own.run("verify")


def test_every_version_stays_readable(own):
    """Replaced and rolled back rows are of versions that are there: their files are named."""
    own.write("data/orders-2.csv", FILES[1])
    own.run("run")
    own.run("run", "--full-refresh")
    own.run("rollback", own.json("publications")["publications"][0]["run_id"])
    versions = {node["name"]: node["version"] for node in own.json("ls")["nodes"] if node["version"] is not None and "." in node["name"] and not node["name"].startswith("target")}

    def rows():
        return {(table, version): own.json("query", f"select count(*), sum(hash(t)) from {table} t", "--version", f"{table}={version}")["rows"]
                for table, newest in versions.items() for version in range(newest + 1)}

    before, files = rows(), data_files(own)
    left = leave(own, "raw/orders", "clean/orders", "curated/daily")
    age(own.folder / "lake")
    assert {item["path"] for item in own.json("clean")["list"]} == left
    assert data_files(own) == files and rows() == before and len(before) > 10
    own.run("verify")


def test_a_run_at_work_is_not_disturbed(own):
    leave(own, "raw/orders")
    with open(own.folder / ".sluice/run.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run works on this project" in own.run("clean", exit_code=None).stderr
        assert own.json("clean", "--dry-run")["files"] == 1
    assert own.json("clean")["files"] == 1


def test_an_environment_cleans_only_its_own_lake(own):
    own.write("sluice.yml", PROJECT["sluice.yml"] + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    left = leave(own, "raw/orders")
    assert own.json("clean", "--env", "dev")["files"] == 0 and left <= data_files(own)
    assert own.json("clean", "--env", "prod")["files"] == 1


def test_a_folder_that_cannot_be_removed_is_named_and_the_rest_goes(own, tmp_path):
    temp = tmp_path / "temp"
    stuck, dead = temp / f"sluice-test-{uuid.UUID(int=0)}", temp / f"sluice-test-{uuid.UUID(int=1)}"
    for folder in (stuck, dead):
        folder.mkdir(parents=True)
        (folder / ".running").write_bytes(b"")
    deepest = stuck.joinpath(*["d"] * 250)
    for parent in [*reversed(deepest.parents), deepest]:
        parent.mkdir(exist_ok=True)
    for folder in (stuck, dead):
        age(folder)
    left = leave(own, "raw/orders")
    told = own.json("clean", env={"TMPDIR": str(temp)})
    assert {item["path"] for item in told["list"]} == left
    assert [item["path"] for item in told["folders"] if item["path"].startswith(str(temp))] == [str(dead)] and not dead.exists()
    [skipped] = told["skipped"]
    assert skipped["table"] == str(stuck) and "more than 200 folders below each other" in skipped["because"]
    done = own.run("clean", "--older-than", "0s", env={"TMPDIR": str(temp)})  # not taken for one that is kept
    assert f"{stuck} was left alone" in done.stderr
    shutil.rmtree(stuck / "d" / "d")
    own.run("clean", "--older-than", "0s", env={"TMPDIR": str(temp)})
    assert not list(temp.iterdir())


def test_a_layer_that_cannot_be_read_is_named_and_the_rest_goes(own):
    left = leave(own, "raw/orders", "curated/daily")
    shutil.rmtree(own.folder / "lake/clean")
    (own.folder / "lake/clean").write_text("no folder")
    told = own.json("clean")
    assert {item["path"] for item in told["list"]} == left and [item["table"] for item in told["skipped"]] == ["clean"]


@pytest.mark.parametrize("word", ["test", "verify", "crashtest"])
def test_folders_of_killed_commands_go_and_others_stay(own, tmp_path, word):
    temp = tmp_path / "temp"
    temp.mkdir()
    dead, kept, busy, young = (temp / f"sluice-{word}-{uuid.uuid4()}" for _ in range(4))
    for folder in (dead, kept, busy, young, temp / "sluice-other-1"):
        (folder / "lake").mkdir(parents=True)
        (folder / "lake/rows").write_bytes(b"12345")
        if folder != kept:
            (folder / ".running").write_bytes(b"")
        if folder != young:
            age(folder)
    with open(busy / ".running", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert folders(own, temp, "--dry-run") == [{"path": str(dead), "bytes": 5}] and dead.exists()
        assert folders(own, temp) == [{"path": str(dead), "bytes": 5}]
    assert sorted(path.name for path in temp.iterdir()) == sorted([kept.name, busy.name, young.name, "sluice-other-1"])


def test_a_killed_verify_leaves_a_folder_that_is_found(own, tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()
    own.run("verify", env={"TMPDIR": str(temp)})
    assert list(temp.iterdir()) == []
    own.run("verify", "--keep", env={"TMPDIR": str(temp)})
    kept, = temp.iterdir()
    assert not (kept / ".running").exists()
    running = subprocess.Popen([str(own.binary), "verify"], cwd=own.folder, env={**os.environ, "TMPDIR": str(temp)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while not (found := [path for path in temp.iterdir() if (path / ".running").exists()]) and running.poll() is None and time.time() < deadline:
        pass
    assert found, "it ended before it was seen"
    running.kill()
    running.wait()
    age(found[0])
    assert [item["path"] for item in folders(own, temp)] == [str(found[0])]
    assert list(temp.iterdir()) == [kept]


def killed_runs(tmp_path, fault_bin, clean_runs, choose):
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    base.write("data/orders-2.csv", FILES[1])
    probe = Project(shutil.copytree(base.folder, tmp_path / "probe"), fault_bin)
    total = operations(probe, fault_bin)
    found = 0
    for number in choose(total):
        project = Project(shutil.copytree(base.folder, tmp_path / "killed"), fault_bin)
        project.run("run", env={"SLUICE_FAULT_KILL": str(number)}, exit_code=None)
        before = data_files(project)
        told = {item["path"] for item in project.json("clean", "--older-than", "0s")["list"]}
        assert data_files(project) == {path for path in before if path not in told}
        found += len(told)
        project.run("run")
        assert contents(project) == clean_runs[1], f"killed before operation {number}"
        assert project.json("clean", "--older-than", "0s")["files"] == 0, "a run that went well leaves nothing"
        shutil.rmtree(project.folder)
    assert found > 0


def few(total):
    return some_of(total, 11)


def test_after_a_kill_the_leftovers_go_and_a_rerun_completes_the_work(tmp_path, fault_bin, clean_runs):
    killed_runs(tmp_path, fault_bin, clean_runs, few)


@pytest.mark.heavy
def test_after_a_kill_at_more_operations_the_leftovers_go_and_a_rerun_completes_the_work(tmp_path, fault_bin, clean_runs):
    """Every third; test_kill.py takes each one, without what `clean` removes."""
    killed_runs(tmp_path, fault_bin, clean_runs, lambda total: some_of(total, 5, offset=2, but=few(total)))


def test_killed_itself_it_goes_on_where_it_stopped(tmp_path, fault_bin):
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    files = data_files(base)
    left = leave(base, "raw/orders", "clean/orders", "curated/daily/day=2026-01-01")
    probe = Project(shutil.copytree(base.folder, tmp_path / "probe"), fault_bin)
    count = probe.folder / "count"
    probe.run("clean", env={"SLUICE_FAULT_COUNT": str(count)})
    for number in range(1, int(count.read_text()) + 1):
        project = Project(shutil.copytree(base.folder, tmp_path / "killed"), fault_bin)
        project.run("clean", env={"SLUICE_FAULT_KILL": str(number)}, exit_code=None)
        assert files <= data_files(project) <= files | left
        project.run("clean")
        assert data_files(project) == files
        shutil.rmtree(project.folder)
