"""The files of publications: any may be deleted or damaged, and what is said of them is the same everywhere."""
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from test_publications import COUNT, counts, publications
from test_kill import FILES, HEAD, PROJECT, make


def file_of(project, number):
    return project.folder / "lake" / "_publications" / f"{number:020}.json"


@pytest.fixture(scope="module")
def five(tmp_path_factory, sluice_bin):
    """Five publications; the ids of their runs and their times."""
    project = make(tmp_path_factory.mktemp("five") / "project", sluice_bin, 1)
    runs = [project.json("run")["run_id"]]
    for number in range(2, 6):
        project.write(f"data/orders-{number}.csv", HEAD + f"{1000 + number},2026-01-01,1.00,1\n")
        runs.append(project.json("run")["run_id"])
    project.runs = runs
    project.times = [json.loads(file_of(project, number).read_text())["at"] for number in range(1, 6)]
    project.rows_at = [counts(project, f"#{number}") for number in range(1, 6)]
    return project


@pytest.fixture
def own_five(five, tmp_path):
    project = type(five)(tmp_path / "project", five.binary)
    shutil.rmtree(project.folder)
    shutil.copytree(five.folder, project.folder)
    project.runs, project.times, project.rows_at = five.runs, five.times, five.rows_at
    return project


@pytest.mark.parametrize("gone", [[3], [2], [4], [1, 2], [2, 4], [1, 3]])
@pytest.mark.parametrize("with_hint", [True, False])
def test_any_publication_may_be_deleted_and_the_others_are_found(own_five, gone, with_hint):
    for number in gone:
        file_of(own_five, number).unlink()
    if not with_hint:
        (own_five.folder / "lake/_publications/_last").unlink()
    left = [number for number in range(1, 6) if number not in gone]
    assert [listed["number"] for listed in publications(own_five)] == left[::-1]
    for number in left:
        assert own_five.json("publications", own_five.runs[number - 1][:13])["number"] == number
    for number in range(1, 6):  # at its time, the newest that is left of those before
        before = [one for one in left if one <= number]
        if before:
            assert counts(own_five, own_five.times[number - 1]) == own_five.rows_at[before[-1] - 1]
    assert counts(own_five, "published") == own_five.rows_at[4]
    assert "nothing to do" in own_five.run("run").stdout
    assert [listed["number"] for listed in publications(own_five)] == left[::-1]


def test_a_run_whose_state_before_is_deleted_is_not_undone_to_an_older_one(own_five):
    file_of(own_five, 3).unlink()
    failed = own_five.run("rollback", own_five.runs[3], exit_code=1)
    assert "SL0507" in failed.stderr and "publication 3, which tells what was before run" in failed.stderr
    assert "`sluice rollback '#2' --to`" in failed.stderr
    assert len(publications(own_five)) == 4
    own_five.run("rollback", "#2", "--to")
    assert counts(own_five) == own_five.rows_at[1]


DAMAGES = {
    "cut": lambda text: text[:-20],
    "empty": lambda text: "",
    "form": lambda text: text.replace("sluice.publication/3", "sluice.publication/9"),
    "copied": lambda text: text.replace('"number":5', '"number":4'),
    "no version": lambda text: text.replace('"version"', '"revision"'),
    "no tables": lambda text: text.replace('"tables"', '"tabloids"'),
    "no time": lambda text: text.replace('"at":"2', '"at":"x'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_publication_is_told_before_anything_is_done(own_five, damage):
    file = file_of(own_five, 5)
    whole = file.read_text()
    file.write_text(DAMAGES[damage](whole))
    assert file.read_text() != whole
    own_five.write("data/orders-6.csv", HEAD + "1006,2026-01-01,1.00,1\n")
    versions = len(own_five.records("raw.orders"))
    errors = set()
    for command in (["plan"], ["run"], ["run", "--dry-run"], ["retry"], ["rollback", "#2", "--to"]):
        failed = own_five.run(*command, exit_code=1)
        assert "SL0507" in failed.stderr and "publication 5 is damaged" in failed.stderr
        assert str(file) in failed.stderr and "move it away" in failed.stderr and "next run publishes again" in failed.stderr
        errors.add(failed.stderr)
    assert len(errors) == 1
    assert len(own_five.records("raw.orders")) == versions
    assert own_five.json("ls")
    listed = own_five.json("publications")["publications"]
    assert listed[0]["number"] == 5 and listed[0]["error"]["code"] == "SL0507"
    assert [one["number"] for one in listed[1:]] == [4, 3, 2, 1] and listed[1]["tables"] == 7
    file.rename(own_five.folder / "aside.json")
    own_five.run("run")
    assert [listed["number"] for listed in publications(own_five)] == [5, 4, 3, 2, 1]
    assert counts(own_five, "published") == counts(own_five)


def test_one_changed_byte_of_a_publication_is_told(own_five):
    file = file_of(own_five, 5)
    whole = file.read_bytes()
    assert len(json.loads(whole)["sha256"]) == 64
    own_five.run("query", COUNT, "--at", "#5")
    # Also where the list stays one that could have been written, and in each part of the file.
    number = whole.index(b'"version":') + len(b'"version":')
    for at in [number, whole.index(b'"run_id":"') + 12, whole.index(b"publication/3") + 12, whole.rindex(b'"sha256"') + 3, len(whole) - 10]:
        changed = bytearray(whole)
        changed[at] = ord("1") if changed[at] != ord("1") else ord("0")
        file.write_bytes(bytes(changed))
        for command in (["plan"], ["query", COUNT, "--at", "#5"], ["query", COUNT, "--at", "published"], ["verify"]):
            assert "publication 5 is damaged" in own_five.run(*command, exit_code=1).stderr
    file.write_bytes(whole)
    assert counts(own_five, "#5") == own_five.rows_at[4]


def test_publications_of_before_there_was_a_digest_are_read(own_five):
    for number in (4, 5):
        file = file_of(own_five, number)
        old = json.loads(file.read_text())
        del old["sha256"]
        old["schema"] = "sluice.publication/1"
        file.write_text(json.dumps(old))
    assert [counts(own_five, f"#{number}") for number in (4, 5)] == own_five.rows_at[3:]
    assert "nothing to do" in own_five.run("run").stdout


def second_form(text):
    """A publication as it was written when its digest was of the bytes before that member."""
    old = json.loads(text)
    del old["sha256"]
    old["schema"] = "sluice.publication/2"
    before = json.dumps(old, separators=(",", ":"), ensure_ascii=False)[:-1].encode()
    digest = hashlib.sha256(len(before).to_bytes(8, "little") + before).hexdigest()
    return before + f',"sha256":"{digest}"}}'.encode()


def test_publications_of_the_second_form_are_read_and_checked(own_five):
    files = [file_of(own_five, number) for number in (4, 5)]
    for file in files:
        file.write_bytes(second_form(file.read_text()))
    assert [counts(own_five, f"#{number}") for number in (4, 5)] == own_five.rows_at[3:]
    assert "nothing to do" in own_five.run("run").stdout
    whole = files[1].read_bytes()
    files[1].write_bytes(whole.replace(b'"version":', b'"version":1', 1))
    assert "publication 5 is damaged" in own_five.run("plan", exit_code=1).stderr
    old = json.loads(whole)
    del old["sha256"]
    files[1].write_text(json.dumps(old))  # since the second form there is a digest
    assert "publication 5 is damaged" in own_five.run("plan", exit_code=1).stderr


def test_a_missing_publication_is_told_also_where_no_table_is_read(own_five):
    assert "there is no publication 9" in own_five.run("query", "--at", "#9", "select 1", exit_code=1).stderr
    assert own_five.json("query", "--at", "#4", "select 1")["rows"] == [[1]]
    assert "--at is 'soon'" in own_five.run("query", "--at", "soon", "select 1", exit_code=1).stderr


def test_an_older_publication_that_is_damaged_stops_nothing_but_what_asks_for_it(own_five):
    file_of(own_five, 3).write_text("{")
    assert "nothing to do" in own_five.run("run").stdout
    assert own_five.json("publications", own_five.runs[1])["number"] == 2
    failed = own_five.run("query", COUNT, "--at", "#3", exit_code=1)
    assert "publication 3 is damaged" in failed.stderr and "the other publications are read without it" in failed.stderr
    failed = own_five.run("publications", own_five.runs[2], exit_code=1)
    assert "publication 3 is damaged" in failed.stderr
    file_of(own_five, 3).unlink()
    assert counts(own_five, own_five.times[2]) == own_five.rows_at[1]


@pytest.mark.parametrize("damaged", [1, 2, 3, 4])
def test_a_damaged_older_publication_stops_only_the_times_that_may_be_its_own(own_five, damaged):
    file_of(own_five, damaged).write_text("{")
    for number in range(1, 6):
        if number in (damaged - 1, damaged):  # it may be of any time after the one before it
            assert f"publication {damaged} is damaged" in own_five.run("query", COUNT, "--at", own_five.times[number - 1], exit_code=1).stderr
        else:
            assert counts(own_five, own_five.times[number - 1]) == own_five.rows_at[number - 1]
    assert counts(own_five, "2050-01-01") == own_five.rows_at[4]


def test_a_replay_writes_nothing_where_the_newest_publication_is_damaged(own_five):
    own_five.write("data/orders-6.csv", HEAD + "1006,2026-01-01,-5.00,1\n")
    own_five.run("run", exit_code=None)
    contract = own_five.folder / "contracts/orders.odcs.yml"
    contract.write_text(contract.read_text().replace("minimum: 0", "minimum: -10"))
    file_of(own_five, 6).write_text("{")
    before = len(own_five.records("clean.orders"))
    assert "publication 6 is damaged" in own_five.run("quarantine", "replay", "orders", exit_code=1).stderr
    assert len(own_five.records("clean.orders")) == before


def test_a_time_of_publications_mixes_nothing_in_that_was_not_published(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    first = project.json("publications", "1")["at"]
    # A new model over what is ahead of the publication: built, and not published.
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("{not_null: [day]}", "{expression: orders > 100}"))
    project.write("models/fresh.sql", "select count(*) as orders from clean.orders\n")
    project.write("data/orders-2.csv", FILES[1])
    project.run("run", exit_code=3)
    assert "curated.fresh" not in project.json("publications", "1")["tables"]
    question = "select (select count(*) from clean.orders) as clean, (select max(orders) from curated.fresh) as fresh"
    failed = project.run("query", question, "--at", "2099-01-01", exit_code=1)
    assert "SL0507" in failed.stderr and "table 'curated.fresh' is not in publication 1, the last one at 2099-01-01" in failed.stderr
    assert "--version curated.fresh=N" in failed.stderr
    assert project.json("query", question, "--at", "2099-01-01", "--version", "curated.fresh=0")["rows"]
    assert counts(project, first) == counts(project, "#1")


def test_of_two_programs_that_publish_at_once_the_second_finds_what_the_first_has_published(tmp_path, sluice_bin):
    """Two copies of a project with one lake, each with its own lock: without a race only one of them has something to say."""
    project = make(tmp_path / "one", sluice_bin, 1)
    project.run("run")
    other = type(project)(tmp_path / "two", sluice_bin)
    shutil.rmtree(other.folder)
    shutil.copytree(project.folder, other.folder, ignore=shutil.ignore_patterns("lake"))
    (other.folder / "lake").symlink_to(project.folder / "lake")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    for _ in range(8):
        shutil.rmtree(project.folder / "lake" / "_publications")
        both = [subprocess.Popen([sluice_bin, "run"], cwd=one.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                for one in (project, other)]
        assert [process.communicate(timeout=120)[1] for process in both] == [b"", b""]
        assert [process.returncode for process in both] == [0, 0]
        assert [listed["number"] for listed in publications(project)] == [1]
