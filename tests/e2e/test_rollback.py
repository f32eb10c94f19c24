"""Rollback: all tables or none, those of yesterday's project too, and what is told where it ends in between."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import Project
from test_kill import FILES, TABLES, make
from test_publications import counts, publications

CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - {{name: id, logicalType: integer, required: true, logicalTypeOptions: {{maximum: {most}}}}}
"""


def twice(project):
    project.run("run")
    project.write("data/orders-2.csv", FILES[1])
    return project.json("run")["run_id"]


def test_an_empty_name_undoes_nothing(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    twice(project)
    before = project.json("ls")["nodes"]
    failed = project.run("rollback", "", exit_code=1)
    assert "RUN is an empty text" in failed.stderr and "was it a variable of the shell that has no value?" in failed.stderr
    assert project.json("ls")["nodes"] == before


def test_a_table_that_left_the_project_goes_back_with_the_others(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    before = {table: project.rows(table) for table in ("curated.totals", "clean.orders")}
    project.write("data/orders-2.csv", FILES[1])
    run = project.json("run")["run_id"]
    (project.folder / "models/totals.sql").unlink()
    project.run("run")
    would = project.json("rollback", run, "--dry-run")
    assert {table["table"]: table["in_project"] for table in would["tables"]}["curated.totals"] is False
    done = project.run("rollback", run, "--no-deliver")
    assert "curated.totals is no longer a table of the project, and goes back with the others" in done.stderr
    assert {table: project.rows(table) for table in before} == before
    listed = project.json("publications", str(publications(project)[0]["number"]))["tables"]
    assert [item["table"] for item in listed["curated.totals"]["inputs"]] == ["curated.daily"]


def test_a_table_that_left_the_project_and_is_gone_holds_nothing_up(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    run = twice(project)
    (project.folder / "models/totals.sql").unlink()
    shutil.rmtree(project.table_folder("curated.totals"))
    done = project.run("rollback", run)
    assert "curated.totals is no longer a table of the project, and stays as it is: " in done.stderr
    assert counts(project) == counts(project, "#1")
    again = project.json("rollback", "#1", "--to", "--no-deliver")
    assert [lost["table"] for lost in again["lost"]] == ["curated.totals"]


def test_a_table_that_cannot_be_written_is_told_before_the_first_is(tmp_path, sluice_bin):
    """Another program makes the last table of the graph one that takes new rows only."""
    project = make(tmp_path / "project", sluice_bin, 1)
    run = twice(project)
    log = sorted((project.table_folder("curated.totals") / "_delta_log").glob("*.json"))
    metadata = next(json.loads(line)["metaData"] for line in log[0].read_text().splitlines() if "metaData" in line)
    metadata["configuration"]["delta.appendOnly"] = "true"
    info = {"commitInfo": {"timestamp": 1, "operation": "SET TBLPROPERTIES"}}
    (log[0].parent / f"{len(log):020}.json").write_text(json.dumps(info) + "\n" + json.dumps({"metaData": metadata}) + "\n")
    versions = {table: len(project.records(table)) for table in ("raw.orders", "clean.orders", "curated.daily")}
    for extra in ([], ["--dry-run"]):
        failed = project.run("rollback", run, *extra, exit_code=1)
        assert "curated.totals cannot go back to version 0" in failed.stderr and "delta.appendOnly" in failed.stderr
        assert "no table was changed" in failed.stderr
    assert versions == {table: len(project.records(table)) for table in versions}


def test_a_rollback_whose_disk_fills_says_what_is_back_and_goes_on(tmp_path, fault_bin):
    """Durable operations fail with a full disk: nothing changed, or what is back is named, and the same command goes on."""
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    before = {table: base.rows(table, columns) for table, columns in TABLES.items()}
    base.write("data/orders-2.csv", FILES[1])
    base.run("run")
    probe = tmp_path / "probe"
    shutil.copytree(base.folder, probe)
    Project(probe, fault_bin).run("rollback", "2", "--no-deliver", env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    total = int((tmp_path / "count").read_text())
    told = 0
    for part in range(1, 6):
        folder = tmp_path / "full"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        failed = project.run("rollback", "2", "--no-deliver", exit_code=None, env={"SLUICE_FAULT_FAIL": f"{total * part // 7}:ENOSPC"})
        told += "SL0713" in failed.stderr
        if "SL0713" in failed.stderr:
            assert "back are " in failed.stderr and "; not yet " in failed.stderr and "run again, goes on" in failed.stderr
            assert len(publications(project)) == 2
        project.run("rollback", "#1", "--to", "--no-deliver")
        assert {table: project.rows(table, columns) for table, columns in TABLES.items()} == before
        assert counts(project, "published") == counts(project)
    assert told >= 2


# --- another program that publishes meanwhile


@pytest.fixture(scope="module")
def link(tmp_path_factory, fault_bin):
    """Which durable operation of a rollback it is that creates its publication, and the project before."""
    folder = tmp_path_factory.mktemp("link")
    base = make(folder / "base", fault_bin, 1)
    twice(base)
    probe = Project(shutil.copytree(base.folder, folder / "probe"), fault_bin)
    probe.run("rollback", "2", "--no-deliver", env={"SLUICE_FAULT_COUNT": str(folder / "count")})
    for number in range(int((folder / "count").read_text()), 0, -1):
        project = Project(shutil.copytree(base.folder, folder / f"stop-{number}"), fault_bin)
        stopped = stop_at(project, number)
        is_there = file_of(project, 3).exists()
        stopped.kill()
        stopped.communicate()
        if not is_there:
            return base, number
    raise AssertionError("no operation creates the publication")


def file_of(project, number):
    return project.folder / "lake" / "_publications" / f"{number:020}.json"


def stop_at(project, number):
    """A rollback, stopped just before a durable operation."""
    environment = {**os.environ, "NO_COLOR": "1", "SLUICE_FAULT_STOP": str(number)}
    process = subprocess.Popen([project.binary, "rollback", "2", "--no-deliver"], cwd=project.folder, env=environment, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    return process


def go_on(process):
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


@pytest.mark.xdist_group("link")
def test_a_rollback_that_loses_its_number_takes_the_next(tmp_path, link):
    base, number = link
    project = Project(shutil.copytree(base.folder, tmp_path / "project"), base.binary)
    stopped = stop_at(project, number)
    other = json.loads(file_of(project, 2).read_text()) | {"schema": "sluice.publication/1", "number": 3, "run_id": "other"}
    del other["sha256"]  # of which version 1 had none
    file_of(project, 3).write_text(json.dumps(other))
    assert go_on(stopped)[0] == 0
    assert [(item["number"], item["command"]) for item in publications(project)[:2]] == [(4, "rollback"), (3, "run")]
    assert json.loads(file_of(project, 3).read_text()) == other
    assert counts(project, "published") == counts(project) == counts(project, "#1")


@pytest.mark.xdist_group("link")
def test_a_rollback_does_not_publish_tables_that_another_run_has_changed_since(tmp_path, link):
    base, number = link
    project = Project(shutil.copytree(base.folder, tmp_path / "project"), base.binary)
    stopped = stop_at(project, number)
    other = Project(shutil.copytree(base.folder, tmp_path / "other"), base.binary)
    shutil.rmtree(other.folder / "lake")
    (other.folder / "lake").symlink_to(project.folder / "lake")
    after = counts(project, "#2")
    other.run("run")
    code, errors = go_on(stopped)
    assert code == 1 and "SL0713" in errors and "another run changed " in errors
    assert [item["command"] for item in publications(project)[:2]] == ["run", "run"]
    assert counts(project, "published") == after
    project.run("rollback", "#1", "--to", "--no-deliver")
    assert counts(project, "published") == counts(project) == counts(project, "#1")


def test_a_run_that_published_nothing_is_told_what_to_do_instead(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", CONTRACT.format(most=5))
    project.write("models/total.sql", "select count(*) as n from clean.t\n")
    project.write("data/a.csv", "id\n1\n2\n9\n")
    project.run("run")
    before = project.rows("clean.t", "id")
    project.write("contracts/t.odcs.yml", CONTRACT.format(most=10))
    replay = project.json("quarantine", "replay", "t")["run_id"]
    assert project.rows("clean.t", "id") != before
    refused = project.run("rollback", replay[:8], exit_code=1).stderr
    assert "no publication is of run" in refused
    assert f"run {replay[:8]} (replay) published nothing; `sluice rollback --to published`" in refused
    assert "which is #1" in refused
    project.run("rollback", "--to", "published")
    assert project.rows("clean.t", "id") == before
    assert "`sluice publications` lists them" in project.run("rollback", "deadbeef", exit_code=1).stderr


def test_a_rollback_that_changes_nothing_publishes_nothing(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    run = twice(project)
    assert "nothing to do: every table is as of publication #2" in project.run("rollback", "#2", "--to", "--no-deliver").stdout
    assert project.json("rollback", "#2", "--to", "--no-deliver")["publication"] is None
    project.run("rollback", run, "--no-deliver")
    assert len(publications(project)) == 3
    assert "nothing to do" in project.run("rollback", run, "--no-deliver").stdout
    assert len(publications(project)) == 3
    # Back, and not published: a rollback that was killed there.
    (project.folder / "lake/_publications" / f"{3:020}.json").unlink()
    assert "published #3" in project.run("rollback", run, "--no-deliver").stdout
