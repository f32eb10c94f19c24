"""`sluice crashtest`: on the user's own project, in lakes of its own."""
import json
import os
import signal
import subprocess
import time

import pytest

from test_kill import PROJECT, make
from test_verify import hashes


@pytest.fixture
def project(tmp_path, sluice_bin):
    return make(tmp_path / "project", sluice_bin, 2)


def crashtest(project, *arguments, exit_code=0, **options):
    report = json.loads(project.run("crashtest", *arguments, "--json", exit_code=exit_code, **options).stdout)
    assert report["holds"] == (exit_code == 0), report
    return report


def test_killed_runs_give_what_an_undisturbed_one_gives_and_the_project_is_left_alone(project, tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()
    before = hashes(project.folder)
    report = crashtest(project, "--kills", "6", "--seed", "3", env={"TMPDIR": str(temp)})
    assert hashes(project.folder) == before | {path: digest for path, digest in hashes(project.folder).items()
                                               if path.startswith(".sluice")}
    assert not (project.folder / "lake").exists() and not (project.folder / "out").exists()
    assert list(temp.iterdir()) == []
    for phase in ("first", "refresh"):
        assert report["phases"][phase]["kills"] == 6 and report["phases"][phase]["steps"] > 30
    assert (report["reruns_equal"], report["rows_lost"], report["rows_doubled"], report["failures"]) == (12, 0, 0, [])
    assert report["tables"] == 7 and report["publications_seen"] >= 12
    again = crashtest(project, "--at", "20", "--keep", env={"TMPDIR": str(temp)})
    assert again["reruns_equal"] == 1 and os.path.isdir(again["folder"] + "/lake/clean/orders/_delta_log")
    assert os.stat(again["folder"]).st_mode & 0o077 == 0
    printed = project.run("crashtest", "--at", "refresh:9", "--select", "clean.orders").stdout
    assert "killed at 1 of" in printed and "1 reruns equal, 3 tables each; 0 rows lost, 0 doubled" in printed


@pytest.mark.heavy
def test_every_durable_step(project):
    """Of a few tables and a target; test_kill.py takes all of the whole project, but no refresh."""
    for file in ("models/raw_lines.sql", "models/latest.sql", "models/totals.sql", "targets/base.yml"):
        (project.folder / file).unlink()
    project.write("targets/files.yml", "type: parquet\npath: out\ndeliver: [{table: curated.daily, write: partition, partition_by: [day]}]\n")
    report = crashtest(project, "--kills", "all", timeout=1800)
    assert all(phase["kills"] == phase["steps"] > 30 for phase in report["phases"].values())


@pytest.mark.heavy
def test_many_durable_steps_of_all_kinds_of_tables(project):
    report = crashtest(project, "--kills", "20", "--seed", "7", timeout=1800)
    assert all(phase["kills"] == 20 for phase in report["phases"].values())


def test_what_follows_the_clock_is_left_out_by_name(project):
    project.write("models/stamped.sql", "select id, now() as made_at from clean.orders")
    project.write("models/counted.sql", "select max(made_at) as made_at from curated.stamped")
    report = crashtest(project, "--kills", "1")
    assert sorted(report["not_compared"]) == ["curated.counted", "curated.stamped"]


def test_the_variable_alone_kills_nobody(project):
    for value in ("1", "3:x", "0:0", "3:", "99:00000000-0000-0000-0000-000000000000", ":", "-1:a"):
        project.run("run", env={"SLUICE_CRASHTEST": value})
    read, write = os.pipe()
    with open(project.folder / "page", "w+b") as file:
        file.write(b"\0" * 96)
        file.flush()
        for fd in (read, file.fileno()):
            environment = dict(os.environ, SLUICE_CRASHTEST=f"{fd}:")
            subprocess.run([str(project.binary), "run", "--full-refresh"], cwd=project.folder, env=environment, pass_fds=[fd], check=True,
                           capture_output=True)


def test_a_project_that_does_not_run_and_wrong_options_are_told(project):
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "error('broken on purpose')"))
    failed = project.run("crashtest", exit_code=1)
    assert "a run that nobody kills does not end well" in failed.stderr and "broken on purpose" in failed.stderr
    for arguments in (["--kills", "0"], ["--kills", "x"], ["--at", "first:1"], ["--at", "refresh:0"]):
        assert "expected" in project.run("crashtest", *arguments, exit_code=1).stderr


def test_an_interrupt_ends_it_and_nothing_stays(project, tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()
    process = subprocess.Popen([str(project.binary), "crashtest", "--kills", "all"], cwd=project.folder,
                               env=dict(os.environ, TMPDIR=str(temp)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(temp.glob("*/lake/_publications")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130 and list(temp.iterdir()) == []


def test_an_environment_that_reads_another_ones_tables_is_tested_with_tables_of_its_own(project):
    project.write("sluice.yml", PROJECT["sluice.yml"] + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    project.run("run", "--env", "prod", "--exclude", "target.*")
    before = hashes(project.folder / "lake")
    report = crashtest(project, "--env", "dev", "--kills", "3")
    assert report["tables"] == 7 and report["reruns_equal"] == 6 and report["publications_seen"] >= 6
    assert all(phase["steps"] > 30 for phase in report["phases"].values())
    assert hashes(project.folder / "lake") == before and not (project.folder / "dev/lake").exists()


def test_a_test_that_has_tested_nothing_is_no_success(project):
    failed = project.run("crashtest", "--at", "99999", exit_code=1).stderr
    assert "SL0715" in failed and "step 99999 is never reached: the first run has" in failed
    for model in ("daily", "raw_lines", "latest", "totals"):
        (project.folder / f"models/{model}.sql").unlink()
    for target in ("files", "base"):
        (project.folder / f"targets/{target}.yml").unlink()
    project.write("models/now.sql", "select now() as at_time")
    failed = project.run("crashtest", "--kills", "1", "--select", "curated.now", exit_code=1).stderr
    assert "SL0715" in failed and "no table was compared" in failed
