"""Kills, full disks and numbers that cannot be read where the state store is told which lake its history is of."""
import contextlib
import shutil
import sqlite3
import subprocess

import pytest
from conftest import Project
from test_full_disk import Disk
from test_known_lake import delivered, lake_check, unmount, with_warehouse
from test_serve import Service, by_hand
from test_serve_leader import StandBy, ask, two_machines


class Shop:
    """A project that is delivered out of a lake beside it, which one only so loses."""

    def __init__(self, folder, binary, postgres=None, schema=None):
        folder.mkdir()
        self.folder, self.schema, self.postgres = folder, schema, postgres
        if postgres:
            self.project, _ = two_machines(postgres, folder, binary, schema, with_warehouse(folder))
            return
        self.project = by_hand(Project(folder / "one", binary))
        self.project.write("sluice.yml", "name: shop\nlake: ../lake\n")
        with_warehouse(folder)(self.project)
        self.project.write("data/1.csv", "id,amount\n1,1.5\n2,2.5\n")

    def lake(self):
        return self.project.json("lake", exit_code=None)

    def refuses(self):
        told = self.project.run("run", exit_code=None)
        return told.returncode == 1 and "SL0895" in told.stderr

    def adoptions(self):
        if self.postgres:
            return len(self.postgres.query(f"select 1 from {self.schema}.audit where what = 'adopt lake'"))
        with contextlib.closing(sqlite3.connect(self.project.folder / ".sluice/state.db")) as state:
            return len(state.execute("select 1 from audit where what = 'adopt lake'").fetchall())


@pytest.fixture(params=["sqlite", "postgres"])
def new_shop(request, tmp_path, fault_bin):
    """new_shop(number): one that was not run yet."""
    kind = request.param
    server = request.getfixturevalue("postgres") if kind == "postgres" else None
    return lambda number: Shop(tmp_path / f"shop-{number}", fault_bin, server, f"{request.node.originalname[5:40]}_{number}")


def test_killed_where_the_lake_becomes_known_a_run_is_followed_by_one_that_goes_on(new_shop):
    number, is_known = 0, False
    while not is_known:
        number += 1
        shop = new_shop(number)
        killed = shop.project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(number)})
        assert killed.returncode == -9, (number, killed.stderr)
        lake = shop.lake()
        is_known = lake["remembered"] is not None
        assert lake["status"] == ("ok" if is_known else "new"), (number, lake)
        shop.project.run("run")
        assert delivered(shop.folder) == [(1,), (2,)] and shop.lake()["status"] == "ok"
        assert not is_known or shop.lake()["number"] == lake["number"]
    assert number > 5
    unmount(shop.folder)
    assert shop.refuses() and delivered(shop.folder) == [(1,), (2,)]


def test_where_the_lake_cannot_be_made_known_for_want_of_room_the_next_run_does_so(new_shop):
    number, is_known = 0, False
    while not is_known:
        number += 1
        shop = new_shop(number)
        failed = shop.project.run("run", exit_code=None, env={"SLUICE_FAULT_FAIL": f"{number}+:ENOSPC", "SLUICE_RETRY_ATTEMPTS": "1"})
        assert failed.returncode in (1, 5) and "injected" in failed.stdout + failed.stderr, (number, failed)
        lake = shop.lake()
        is_known = lake["remembered"] is not None
        assert lake["status"] == ("ok" if is_known else "new"), (number, lake)
        shop.project.run("run")
        assert delivered(shop.folder) == [(1,), (2,)] and shop.lake()["status"] == "ok", number
    assert number > 5


def empty_lake(shop):
    """One that was built, and another, empty one in its place."""
    shop.project.run("run")
    unmount(shop.folder)
    return shop.lake()["remembered"]


def adopt_at(shop, before, env):
    """Whether the lake was adopted; all or nothing of it."""
    shutil.rmtree(shop.folder / "lake")
    (shop.folder / "lake").mkdir()
    done = shop.project.run("lake", "--adopt", exit_code=None, env=env)
    lake, is_adopted = shop.lake(), shop.adoptions() == 1
    assert done.returncode != 0 or is_adopted, done
    assert lake["remembered"] == (lake["number"] if is_adopted else before) and shop.adoptions() in (0, 1), (env, lake, done.stderr)
    assert is_adopted or shop.refuses(), env
    assert delivered(shop.folder) == [(1,), (2,)]
    return done, is_adopted


def test_killed_over_adopt_it_is_adopted_with_who_said_so_or_not_at_all(new_shop):
    shop = new_shop(0)
    before, number, is_adopted = empty_lake(shop), 0, False
    while not is_adopted:
        number += 1
        done, is_adopted = adopt_at(shop, before, {"SLUICE_FAULT_KILL": str(number)})
        assert done.returncode == -9, (number, done)
    assert number > 5
    shop.project.run("run")
    shop.project.run("run")
    assert delivered(shop.folder) == [(1,), (2,)] and shop.lake()["status"] == "ok"


@pytest.mark.parametrize("errno, says", [("ENOSPC", "SL0103"), ("EACCES", "SL0104"), ("EIO", "SL01")])
def test_adopt_on_a_disk_that_fails_says_so_and_is_made_whole_by_the_next_one(new_shop, errno, says):
    shop = new_shop(errno.lower())
    before, number, is_adopted = empty_lake(shop), 0, False
    while not is_adopted:
        number += 1
        done, is_adopted = adopt_at(shop, before, {"SLUICE_FAULT_FAIL": f"{number}:{errno}"})
        assert done.returncode == 0 or (done.returncode == 1 and says in done.stderr and "injected" in done.stderr), (number, done)
    assert number > 5
    shop.project.run("lake", "--adopt")
    shop.project.run("run")
    assert delivered(shop.folder) == [(1,), (2,)] and shop.lake()["status"] == "ok"


@pytest.fixture
def disk(tmp_path):
    small = Disk(tmp_path / "disk")
    yield small
    subprocess.run(["umount", small.folder], check=True)


@pytest.mark.parametrize("what", ["state", "lake"])
def test_adopt_on_a_full_disk_says_so_and_leaves_the_lake_of_before(tmp_path, sluice_bin, disk, what):
    shop = Shop(tmp_path / "shop", sluice_bin)
    folder = shop.folder / "lake" if what == "lake" else shop.project.folder / ".sluice"
    (disk.folder / "it").mkdir()
    if what == "state":
        folder.symlink_to(disk.folder / "it")
    before = empty_lake(shop)
    if what == "lake":
        folder.rmdir()
        folder.symlink_to(disk.folder / "it")
    failures = 0
    for free in range(40):
        disk.leave_pages(free)
        done = shop.project.run("lake", "--adopt", exit_code=None)
        if done.returncode == 0:
            break
        assert done.returncode == 1 and "SL0103" in done.stderr, (free, done)
        failures += 1
        disk.clear()
        assert shop.lake()["remembered"] == before and shop.adoptions() == 0 and shop.refuses()
    assert failures and done.returncode == 0 and shop.adoptions() == 1
    disk.clear()
    shop.project.run("run")
    assert shop.lake()["status"] == "ok"


# --- a number that cannot be read


def make_unreadable(file, how):
    """Gives back what mends it."""
    kept = file.read_bytes()
    if how == "no permission":
        file.chmod(0)
        return lambda: file.chmod(0o644)
    file.unlink()
    if how == "no file":
        file.mkdir()
        return lambda: (file.rmdir(), file.write_bytes(kept))
    file.write_bytes(b"\0" * len(kept))
    return lambda: file.write_bytes(kept)


@pytest.mark.parametrize("how, says", [("no permission", "Permission denied"), ("no file", "it is a folder"), ("damaged", "not the number of a lake")])
def test_a_number_that_cannot_be_read_is_not_taken_for_none(postgres, tmp_path, mortal, how, says):
    schema = "unread_" + how.replace(" ", "_")
    one, two = two_machines(postgres, tmp_path, mortal, schema, with_warehouse(tmp_path))
    one.run("run")
    before = one.json("lake")["number"]
    (tmp_path / "data" / "2.csv").write_text("id,amount\n3,3.5\n")
    with Service(one) as leader, StandBy(two) as other:
        mend = make_unreadable(tmp_path / "lake" / "_lake", how)
        for arguments in (["run"], ["lake", "--adopt"], ["backfill", "clean.orders", "--dry-run"], ["run", "--set", "state=postgresql://nobody@127.0.0.1:1/none"]):
            told = one.run(*arguments, exit_code=1).stderr
            assert "SL0896" in told and says in told and f"{tmp_path}/lake/_lake" in told, (arguments, told)
            assert "mount the lake" not in told and ("remove it if it is none" in told) == (how != "no permission"), (arguments, told)
        (found,) = lake_check(one)
        assert found["state"] == "wrong" and "SL0896" in found["text"]
        assert one.json("lake", exit_code=1)["remembered"] == before
        assert one.run("trigger", "all", "--wait", exit_code=None).returncode == 1
        leader.wait_for("SL0896")
        assert says in ask(one, "/readyz")[1]["not_ready_because"]
        other.wait_for("takes no lead")
        assert delivered(tmp_path) == [(1,), (2,)]
        mend()
        other.wait_for("the lake is there again")
        one.run("trigger", "all", "--wait")
        assert delivered(tmp_path) == [(1,), (2,), (3,)]
        assert leader.end() == 0
        other.wait_for("serving '")
        assert other.end() == 0
    assert not postgres.query(f"select 1 from {schema}.audit where what = 'adopt lake'")


def test_a_damaged_number_is_removed_and_the_lake_adopted(tmp_path, sluice_bin):
    shop = Shop(tmp_path / "shop", sluice_bin)
    shop.project.run("run")
    (shop.folder / "lake/_lake").write_text("nonsense")
    shop.project.write("data/2.csv", "id,amount\n3,3.5\n")
    assert "SL0896" in shop.project.run("run", exit_code=1).stderr
    (shop.folder / "lake/_lake").unlink()
    assert shop.refuses()
    shop.project.run("lake", "--adopt")
    shop.project.run("run")
    assert shop.lake()["status"] == "ok" and delivered(shop.folder) == [(1,), (2,), (3,)]


def test_where_only_tables_can_be_lost_a_number_that_cannot_be_read_is_told_and_kept(tmp_path, mortal):
    project = by_hand(Project(tmp_path / "one", mortal))
    project.run("run")
    before = project.json("lake")["number"]
    mend = make_unreadable(project.folder / "lake/_lake", "no permission")
    project.write("data/2.csv", "id,amount\n3,3.5\n")
    assert "Permission denied" in project.run("lake").stdout
    told = project.run("run").stderr
    assert "cannot be read" in told and "built anew" not in told
    mend()
    found = project.json("lake")
    assert (found["status"], found["number"], found["remembered"]) == ("ok", before, before)
