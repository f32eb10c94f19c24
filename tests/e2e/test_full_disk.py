"""Full disks: what only reads still reads, what writes says so, leaves the old version whole and nothing of the new one."""
import contextlib
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys

import duckdb
import pytest
from test_runs import make, out, rows, step


class Disk:
    """A small disk of its own, with as many free pages or names as a test wants."""

    def __init__(self, folder, size="2m"):
        self.folder = folder
        folder.mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=500", "none", folder]).returncode != 0:
            pytest.skip("mounting a small tmpfs needs root")

    def clear(self):
        for file in self.folder.glob("filler*"):
            file.unlink()

    def leave_pages(self, count):
        self.clear()
        with open(self.folder / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while filler.write(b"x" * 4096):
                    pass
            filler.truncate(max(0, filler.tell() - 4096 * count))

    def leave_names(self, count):
        self.clear()
        with pytest.raises(OSError):
            for number in range(10000):
                (self.folder / f"filler-{number}").touch()
        for file in sorted(self.folder.glob("filler-*"))[:count]:
            file.unlink()


@pytest.fixture
def disk(tmp_path):
    small = Disk(tmp_path / "disk")
    yield small
    subprocess.run(["umount", small.folder], check=True)


def without_free_space(project, disk, name):
    (disk.folder / name).mkdir()
    (project.folder / name).symlink_to(disk.folder / name)


# --- files that may not grow


def test_a_limit_on_the_size_of_files_is_an_error_and_no_death(project):
    make(project).run("run")
    before = project.json("query", "from clean.orders order by all")["rows"]
    done = subprocess.run(["sh", "-c", f"ulimit -f 1; exec '{project.binary}' run --full-refresh"], cwd=project.folder, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 1 and "File too large" in done.stderr and "SL0103" in done.stderr, done
    assert project.json("query", "from clean.orders order by all")["rows"] == before


# --- what only reads


def leave_log(project, with_shared_memory):
    """As a run does that was killed: the last run's end is in the log beside the store alone."""
    writer = ("import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(\"update runs set command = 'retry'\"); "
              "db.commit(); os._exit(0)")
    state = project.folder / ".sluice" / "state.db"
    subprocess.run([sys.executable, "-c", writer, state], check=True)
    assert (project.folder / ".sluice" / "state.db-wal").stat().st_size > 0
    if not with_shared_memory:
        (project.folder / ".sluice" / "state.db-shm").unlink()


@pytest.mark.parametrize("what, log", [("full", "none"), ("full", "left"), ("full", "left alone"), ("read-only", "none"),
                                       ("read-only", "left")])
def test_history_is_read_where_nothing_can_be_written(project, disk, what, log):
    without_free_space(project, disk, ".sluice")
    make(project).run("run")
    if log != "none":
        leave_log(project, log == "left")
    if what == "full":
        disk.leave_pages(0)
    else:
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
    listed = project.json("status")["runs"]
    assert [run["command"] for run in listed] == ["run" if log == "none" else "retry"]
    assert "ingest orders" in project.run("status", listed[0]["run_id"]).stdout
    assert "ingest orders" in project.run("logs").stdout
    if what == "read-only":
        subprocess.run(["mount", "-o", "remount,rw", disk.folder], check=True)
    disk.clear()
    project.write("data/orders-2.csv", rows(2))
    project.run("run")
    assert len(project.json("status")["runs"]) == 2


def test_status_makes_no_store_and_leaves_a_damaged_one_alone(project):
    make(project)
    assert project.json("status")["runs"] == []
    assert not (project.folder / ".sluice" / "state.db").exists()
    damaged = project.write(".sluice/state.db", b"x" * 8192)
    done = project.run("status")
    assert "is damaged: the next run begins a new one" in done.stderr and "nothing has been run yet" in done.stdout
    assert damaged.read_bytes() == b"x" * 8192
    assert "set aside" in project.run("run").stderr
    assert len(project.json("status")["runs"]) == 1


# --- targets


def hidden(project, name="out"):
    return sorted(file.name for file in (project.folder / name).iterdir() if ".new-" in file.name)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("lack", ["pages", "names"])
def test_a_folder_on_a_full_disk_keeps_the_old_files_and_nothing_of_the_new(project, disk, kind, lack):
    """From no room at all, not even for the lock, up to where all but the list of files fits."""
    without_free_space(project, disk, "out")
    target = f"type: {kind}\npath: out\ndeliver: [{{table: curated.daily, to: daily}}]\n"
    make(project, **{"targets/out.yml": target})
    project.run("run")
    (project.folder / "out/.daily.lock").unlink()
    before = {file.name: file.read_bytes() for file in (project.folder / "out/daily").iterdir()}
    project.write("data/orders-2.csv", rows(2))
    failures = set()
    for free in range(40):
        getattr(disk, f"leave_{lack}")(free)
        load = step(project.json("run", exit_code=None), "target.out.daily")
        assert hidden(project) == []
        if load["status"] == "ok":
            break
        assert load["error"]["code"] == "SL0103" and "disk" in load["error"]["hint"], load
        failures.add(load["error"]["message"].split("/")[-1].split("'")[0])
        assert {file.name: file.read_bytes() for file in (project.folder / "out/daily").iterdir()} == before
    assert load["status"] == "ok" and failures
    assert lack == "pages" or ".daily.lock" in failures
    assert any(name.startswith("_sluice.json") for name in failures), failures


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_file_on_a_full_disk_is_told_as_one(project, disk, kind):
    without_free_space(project, disk, "out")
    target = f"type: {kind}\npath: out/base\ndeliver: [{{table: clean.orders, to: orders}}]\n"
    make(project, **{"targets/out.yml": target})
    project.run("run")
    project.write("data/orders-2.csv", "id,day,amount\n" + "".join(f"{i},2026-01-01,{i}.5\n" for i in range(100, 20000)))
    for free in (0, 1, 2, 3, 5, 8, 20, 40):
        disk.leave_pages(free)
        load = step(project.json("run", exit_code=None), "target.out.orders")
        assert load["error"]["code"] == "SL0103" and "disk" in load["error"]["hint"], (free, load)
    disk.clear()
    project.run("run")
    connect = sqlite3.connect if kind == "sqlite" else duckdb.connect
    with contextlib.closing(connect(project.folder / "out/base")) as base:
        assert base.execute("select count(*) from orders").fetchone() == (19903,)


# --- publishing


def publish_on(project, disk):
    """A project whose publications, and nothing else, are on the small disk."""
    make(project).run("run")
    shutil.move(project.folder / "lake/_publications", disk.folder / "_publications")
    (project.folder / "lake/_publications").symlink_to(disk.folder / "_publications")
    project.write("data/orders-2.csv", rows(2))


def published(project):
    assert all(file.name == "_last" or file.name.startswith("0") for file in (project.folder / "lake/_publications").iterdir())
    count = "select (select count(*) from clean.orders), (select sum(n)::int from curated.daily)"
    return project.json("query", count, "--at", "published")["rows"][0]


@pytest.mark.parametrize("lack", ["pages", "names"])
def test_a_run_that_cannot_publish_says_so_and_the_next_one_does(project, disk, lack):
    publish_on(project, disk)
    failures = 0
    for free in range(10):
        (disk.folder / "_publications/_last").unlink(missing_ok=True)  # it makes room for a publication
        getattr(disk, f"leave_{lack}")(free)
        done = project.run("run", exit_code=None)
        if done.returncode == 0:
            break
        assert "SL0103" in done.stderr and "No space left" in done.stderr and "published #" not in done.stdout, done
        assert published(project) == [3, 3]
        failures += 1
    assert failures and done.returncode == 0
    assert published(project) == [6, 6]
    disk.clear()
    assert [item["number"] for item in project.json("publications")["publications"]] == [2, 1]


@pytest.mark.parametrize("lack", ["pages", "names"])
def test_a_rollback_that_cannot_publish_says_so_and_goes_on(project, disk, lack):
    publish_on(project, disk)
    project.run("run")
    (disk.folder / "_publications/_last").unlink()
    getattr(disk, f"leave_{lack}")(0)
    failed = project.run("rollback", "2", "--no-deliver", exit_code=1)
    assert "SL0713" in failed.stderr and "all tables, but not published" in failed.stderr and "No space left" in failed.stderr
    assert published(project) == [6, 6]
    disk.clear()
    project.run("rollback", "2", "--no-deliver")
    assert published(project) == [3, 3]


# --- leftovers of killed deliveries


def test_leftovers_go_with_the_next_delivery_into_the_folder_but_not_what_is_at_work(project):
    make(project).run("run")
    folder = project.folder / "out"
    uuid = "0b9e7a52-33f3-4a55-9b2f-3e0b6a0a3c11"
    names = [f".daily.new-{uuid}", f".gone.new-{uuid}", f".busy.new-{uuid}", ".daily.new-thing", f".nolock.new-{uuid}"]
    for name in names:
        project.write(f"out/{name}/part.csv", "x")
    (folder / ".gone.lock").touch()
    with open(folder / ".busy.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project.write("data/orders-2.csv", rows(2))
        project.run("run")
        assert hidden(project) == sorted(names[2:])
    project.write("data/orders-3.csv", rows(3))
    project.run("run")
    assert hidden(project) == sorted(names[3:])
    assert len(out(project, "daily")) == 3


def test_a_delivery_that_fails_takes_its_new_folder_away(project):
    make(project, **{"models/daily.sql": "select id, '__HIVE_DEFAULT_PARTITION__' as day from clean.orders",
                     "targets/out.yml": "type: csv\npath: out\ndeliver: [{table: curated.daily, to: daily, write: partition, partition_by: [day]}]\n"})
    assert step(project.json("run", exit_code=5), "target.out.daily")["status"] == "error"
    assert hidden(project) == []


# --- what does not fit into memory


def test_a_full_disk_for_what_is_spilled_fails_its_step_and_leaves_nothing_there(project, disk):
    """2 MB for what is spilled, far less than the sort needs; the folder of the tables has room."""
    sort = "select range as n, hash(range)::varchar as h from range({}) order by h"
    settings = "name: spill\nchecks: {{requirements: off}}\nengine: {{memory: 80MB, threads: 1, temp: {}}}\nconcurrency: 1\n"
    project.write("sluice.yml", settings.format(disk.folder / "scratch"))
    project.write("models/big.sql", sort.format(10))
    project.write("models/after.sql", "select count(*) as n from curated.big")
    project.write("models/other.sql", "select 1 as n")
    project.run("run")
    project.write("models/big.sql", sort.format(2_000_000))
    project.write("models/other.sql", "select 2 as n")
    result = project.json("run", exit_code=5)
    big, after, other = (step(result, f"curated.{name}") for name in ("big", "after", "other"))
    assert big["status"] == "error" and big["attempts"] == 1 and big["worker_death"] is None, big
    assert big["error"]["code"] == "SL0103" and "disk" in big["error"]["hint"], big
    assert (after["status"], other["status"]) == ("skipped", "ok")
    assert project.count("curated.big") == 10 and project.rows("curated.after") == [("10",)]
    assert list((disk.folder / "scratch").iterdir()) == [] and list((project.folder / ".sluice" / "spill").iterdir()) == []
    # With room elsewhere the next run does what is missing.
    project.write("sluice.yml", settings.format("scratch"))
    project.run("run")
    assert project.rows("curated.after") == [("2000000",)]


# --- proof


def test_an_attestation_on_a_full_disk_is_told_and_nothing_of_it_stays(project, disk):
    without_free_space(project, disk, "proof")
    make(project).run("run")
    project.run("attest", "key", "k")
    project.run("attest", "--key", "k.key", "-o", "proof/old.json")
    old = (project.folder / "proof/old.json").read_bytes()
    for arguments in (["-o", "proof/new.json"], ["-o", "proof/old.json", "--force"]):
        disk.leave_pages(0)
        failed = project.run("attest", "--key", "k.key", *arguments, exit_code=None)
        assert failed.returncode != 0 and "SL0103" in failed.stderr and "No space left" in failed.stderr, failed
        assert [file.name for file in (project.folder / "proof").iterdir()] == ["old.json"]
        assert (project.folder / "proof/old.json").read_bytes() == old
    disk.clear()
    project.run("attest", "--key", "k.key", "-o", "proof/new.json")


@pytest.mark.parametrize("command", [["verify"], ["crashtest", "--kills", "1"]])
@pytest.mark.parametrize("free", [0, 4, 12])
def test_what_builds_tables_beside_the_lake_tells_a_full_disk_and_leaves_nothing_there(project, disk, command, free):
    temp = disk.folder / "temp"
    temp.mkdir()
    make(project).run("run")
    disk.leave_pages(free)
    failed = project.run(*command, exit_code=None, env={"TMPDIR": str(temp)})
    assert failed.returncode != 0 and "No space left" in failed.stdout + failed.stderr, failed
    assert list(temp.iterdir()) == []
    disk.clear()
    project.run("verify")


# --- snapshots and caches


@pytest.mark.parametrize("model", ["by time", "by clock"])
@pytest.mark.parametrize("lack", ["pages", "names"])
def test_a_snapshot_on_a_full_disk_stays_as_it_was_and_the_next_run_goes_on(tmp_path, sluice_bin, disk, model, lack):
    import test_snapshot

    text = (test_snapshot.BY_TIME if model == "by time" else test_snapshot.BY_CLOCK) % "keep"
    first, later = [(1, "Bonn", 1), (2, "Kiel", 1)], [(1, "Ulm", 2), (2, "Kiel", 1), (3, "Jena", 2)]
    if model == "by clock":
        first, later = [row[:2] for row in first], [row[:2] for row in later]
    columns = test_snapshot.COLUMNS if model == "by time" else test_snapshot.CLOCK_COLUMNS
    base = test_snapshot.make(tmp_path / "base", sluice_bin, text)
    small = test_snapshot.make(tmp_path / "small", sluice_bin, text)
    for folder in (small.folder, disk.folder):
        (folder / "lake").mkdir()
    without_free_space(small, disk, "lake/curated")
    for project in (base, small):
        test_snapshot.see(project, first, test_snapshot.clock_of(0))
    before = small.rows("curated.history", columns)
    failures = 0
    for free in range(40):
        getattr(disk, f"leave_{lack}")(free)
        done = test_snapshot.see(small, later, test_snapshot.clock_of(1), exit_code=None)
        if done.returncode == 0:
            break
        assert "No space left" in done.stderr and "SL01" in done.stderr, done
        disk.clear()
        assert small.rows("curated.history", columns) == before
        failures += 1
    assert failures and done.returncode == 0
    test_snapshot.see(base, later, test_snapshot.clock_of(1))
    assert small.rows("curated.history", columns) == base.rows("curated.history", columns) != before


def test_lineage_without_room_for_its_cache_answers_all_the_same(project, disk):
    make(project)
    expected = project.run("lineage", "--json").stdout
    cache = project.folder / ".sluice/lineage.cache"
    assert cache.exists()
    shutil.rmtree(project.folder / ".sluice")
    without_free_space(project, disk, ".sluice")
    for leave in (disk.leave_pages, disk.leave_names):
        for free in (0, 1):
            leave(free)
            assert project.run("lineage", "--json").stdout == expected
            disk.clear()
            assert project.run("lineage", "--json").stdout == expected  # whatever was left of the cache
            for file in (disk.folder / ".sluice").iterdir():
                assert file.name in ("models.cache", "columns.cache", "lineage.cache"), file
                file.unlink()
    project.run("lineage")
    assert cache.exists()
