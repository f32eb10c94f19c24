"""Bad days of the service: kills, full disks, states that are damaged or cannot be written, edits; each has its words, and nothing is lost."""

import contextlib
import datetime
import json
import os
import pwd
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from test_backfill_service import ask
from test_full_disk import Disk
from test_serve import Service, by_hand, deliver, slow_model, until, write_shop


def versions(project, table):
    return len(list((project.table_folder(table) / "_delta_log").glob("*.json")))


def test_a_killed_run_comes_back_with_what_it_was_asked_for(project):
    by_hand(project)
    slow_model(project)
    project.run("run", "--select", "raw.orders", "clean.orders")
    with Service(project) as service:
        run = project.json("trigger", "all", "--select", "raw.orders", "clean.orders", "slow", "--full-refresh")["run_id"]
        service.wait_for("cleanse orders ok")
        before = versions(project, "clean.orders")
        service.process.kill()
        service.process.wait()
    project.write("models/slow.sql", "select count(*) as n from clean.orders")
    with Service(project) as service:
        assert run in service.wait_for("was killed: the pipeline runs again")["message"]
        again = service.wait_for("ended: ok")["run_id"]
        assert service.end() == 0
    runs = {row["run_id"]: row for row in project.json("status")["runs"]}
    assert runs[run]["status"] == "interrupted" and runs[again]["status"] == "ok"
    assert project.count("curated.slow") == 1 and versions(project, "clean.orders") == before + 1
    assert not (project.table_folder("curated.total") / "_delta_log").exists()


def test_a_killed_run_of_no_pipeline_comes_back_with_its_selection_and_one_by_the_command_does_not(project):
    by_hand(project)
    slow_model(project)
    project.run("run", "--select", "raw.orders", "clean.orders")
    command = subprocess.Popen([str(project.binary), "run", "--select", "slow"], cwd=project.folder, stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    while not any(run["status"] == "running" for run in project.json("status")["runs"]):
        assert command.poll() is None
    command.kill()
    command.wait()
    by_command = project.json("status")["runs"][0]["run_id"]
    with Service(project) as service:
        run = ask(project, "POST", "/api/v1/runs", {"select": ["raw.orders", "clean.orders", "slow"], "full_refresh": True})[1]["run_id"]
        service.wait_for("cleanse orders ok")
        before = versions(project, "clean.orders")
        service.process.kill()
        service.process.wait()
    project.write("models/slow.sql", "select count(*) as n from clean.orders")
    with Service(project) as service:
        assert run in service.wait_for("was killed: what it was asked for is done again")["message"]
        again = service.wait_for("ended: ok")["run_id"]
        assert service.end() == 0
    runs = {row["run_id"]: row for row in project.json("status")["runs"]}
    assert runs[run]["status"] == "interrupted" and runs[again]["status"] == "ok"
    assert by_command in runs and len(runs) == 4
    assert project.count("curated.slow") == 1 and versions(project, "clean.orders") == before + 1
    assert not (project.table_folder("curated.total") / "_delta_log").exists()


# --- a full disk


@pytest.fixture
def full_disk(project, tmp_path):
    """State and lake on a small disk."""
    disk = Disk(tmp_path / "disk", "16m")
    for name in (".sluice", "lake"):
        (disk.folder / name).mkdir()
        (project.folder / name).symlink_to(disk.folder / name)
    yield disk
    subprocess.run(["umount", disk.folder], check=True)


def get(service, path):
    """What the service answers over HTTP, and with which status."""
    port = next(json.loads(line) for line in service.seen if "listening on port" in line)["message"].split()[-1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_full_disk_holds_runs_back_until_there_is_room(project, full_disk):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    project.run("run")
    with Service(project, listen="127.0.0.1:0") as service:
        service.wait_for("nothing to do")
        assert get(service, "/readyz")[0] == 200
        full_disk.leave_pages(0)
        deliver(project, 2)
        told = service.wait_for("no run begins until it can be written again")
        assert "SL0845" in told["message"] and "no space left" in told["message"] and "make room" in told["message"]
        assert all(row["why"].startswith("held back: no space left") for row in project.json("status")["waiting"])
        refused = project.run("trigger", "all", exit_code=1).stderr
        assert "SL0845" in refused or "SL0103" in refused
        status, ready = get(service, "/readyz")
        assert status == 503 and "no space left" in json.loads(ready)["held_back"]
        assert "sluice_held_back 1" in get(service, "/metrics")[1]
        assert "starts no runs: runs wait until it can be written: no space left" in project.run("doctor", exit_code=1).stdout
        full_disk.clear()
        service.wait_for("there is room again: runs begin")
        service.wait_for("ended: ok")
        assert get(service, "/readyz")[0] == 200 and "sluice_held_back 0" in get(service, "/metrics")[1]
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("6",)]


def test_a_disk_that_becomes_full_under_a_run_loses_nothing_of_its_history(project, full_disk):
    by_hand(project)
    slow_model(project, 15)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("total ok")
        full_disk.leave_pages(0)
        service.wait_for("failed: publish what was built")
        assert any("model slow error" in line and "SL0103" in line for line in service.seen)
        assert any("no run begins until it can be written again" in line for line in service.seen)
        full_disk.clear()
        service.wait_for("there is room again: runs begin")
        shown = project.json("status", run)  # the service is still at work
        assert {row["run_id"]: row["status"] for row in project.json("status")["runs"]}[run] == "partial"
        steps = {step["table"]: step["status"] for step in shown["steps"]}
        assert steps == {"raw.orders": "ok", "clean.orders": "ok", "curated.total": "ok", "curated.slow": "error"}
        assert "after a full disk" in service.wait_for("begins (")["message"]
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.count("curated.slow") == 1
    assert [row["status"] for row in project.json("status")["runs"]] == ["ok", "partial"]
    log = (project.folder / f".sluice/logs/{run}.jsonl").read_text()
    assert len([line for line in log.splitlines() if json.loads(line)["event"] == "end"]) == 4


def test_what_found_no_room_is_done_again_though_there_is_room_when_its_run_ends(project, full_disk):
    by_hand(project)
    project.run("run")
    deliver(project, 2)
    project.write("tasks/hold.yml", "before: [raw.orders]\ncommand: until [ -e go ]; do sleep 0.02; done\n")
    project.write("models/gate.sql", "/* sluice\napproval: true\n*/\nselect 1 as n")
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        service.wait_for("begins (by hand)")  # and goes on as long as nobody approves
        full_disk.leave_pages(0)
        project.write("go", "")
        service.wait_for("error after")
        if not any("no run begins until" in line for line in service.seen):  # the history may have met it before
            service.wait_for("no run begins until it can be written again")
        full_disk.clear()
        service.wait_for("there is room again: runs begin")
        project.run("approve", run, "curated.gate")
        assert service.wait_for("ended: partial")["run_id"] == run
        service.wait_for("begins (after a full disk)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("6",)]


# --- a damaged state


def test_what_a_full_disk_cut_off_is_done_again_for_whoever_asked_and_by_the_same_command(project, full_disk):
    by_hand(project)
    for name in ("slow", "quick"):
        project.write(f"models/{name}.sql", "select nope from clean.orders")
    project.run("run", exit_code=None)
    (failed,) = project.json("status")["runs"]
    assert failed["pipeline"] is None
    slow_model(project, 15)
    project.write("models/quick.sql", "select count(*) as n from clean.orders")
    with Service(project) as service:
        ask(project, "POST", f"/api/v1/runs/{failed['run_id']}/retry", {})
        service.wait_for("quick ok")
        full_disk.leave_pages(0)
        service.wait_for("model slow error")
        full_disk.clear()
        service.wait_for("begins (after a full disk)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
        asked = database.execute("select command, who from runs where trigger_key in ('by hand', 'after a full disk')").fetchall()
    assert asked == [("retry", pwd.getpwuid(os.getuid()).pw_name)] * 2


def damage(project):
    """Of another process's write the service knows, so that it reads the file again, which holds nothing that makes sense."""
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice/state.db", timeout=30)) as other:
        other.execute("pragma user_version = 4")
        other.execute("insert into audit (project, at_us, who, what) values ('', 1, 'x', 'y')")
        other.commit()
        for name in ("state.db", "state.db-wal"):
            path = project.folder / ".sluice" / name
            with open(path, "r+b") as file:
                file.write(b"\xff" * path.stat().st_size)


def test_a_state_that_another_process_sets_aside_or_a_person_removes_is_begun_anew(project):
    by_hand(project)
    with Service(project) as service:
        project.run("trigger", "all")
        ended = service.wait_for("ended: ok")["time"]
        until(lambda: (ask(project, "GET", "/healthz")[1]["looked_at"] or "") > ended)  # after that it leaves the store alone
        damage(project)
        deliver(project, 2)
        assert "the state store was damaged: set aside" in project.run("run").stderr
        deliver(project, 3)
        project.run("trigger", "all")
        told = service.wait_for("history goes on in a new one")
        assert "SL0816" in told["message"]
        run = service.wait_for("ended: ok")["run_id"]
        assert run in [row["run_id"] for row in project.json("status")["runs"]]
        for file in (project.folder / ".sluice").glob("state.db*"):
            file.unlink()
        deliver(project, 4)
        project.run("trigger", "all")
        service.wait_for("history goes on in a new one")
        run = service.wait_for("ended: ok")["run_id"]
        assert service.end() == 0
    assert [row["run_id"] for row in project.json("status")["runs"]] == [run]
    assert project.rows("curated.total", "orders") == [("12",)]


def test_a_state_that_is_damaged_while_it_serves_is_begun_anew(project):
    write_shop(project, ("all", "when:\n  - cron: '0 0 1 1 *'\n"), ("other", "select: [raw.orders]\n"))
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        project.run("pause", "other", "--why", "the weekend")
        paused = service.wait_for("is paused")["time"]
        until(lambda: (ask(project, "GET", "/healthz")[1]["looked_at"] or "") > paused)  # after that it leaves the store alone
        damage(project)
        deliver(project, 2)
        asked = project.run("trigger", "all", exit_code=None)
        told = service.wait_for("history begins anew")
        assert "SL0816" in told["message"] and "state.db.damaged-" in told["message"]
        assert asked.returncode == 0, asked.stderr
        service.wait_for("ended: ok")
        assert project.json("pipelines", "other")["pipelines"][0]["paused"] is not None
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("6",)]
    assert [row["status"] for row in project.json("status")["runs"]] == ["ok"]
    assert len(list((project.folder / ".sluice").glob("state.db.damaged-*"))) >= 1


# --- a project that is edited


def edit(project, text, by_rename=False):
    """A model, in place or as editors do: another file that takes its name."""
    path = project.folder / "models/total.sql"
    if by_rename:
        other = path.with_suffix(".sql.tmp")
        other.write_text(text)
        other.rename(path)
    else:
        path.write_text(text)


@pytest.mark.parametrize("by_rename", [False, True])
def test_a_run_at_work_keeps_the_project_it_began_with_and_the_next_has_the_new_one(project, by_rename):
    by_hand(project)
    project.write("models/gate.sql", "/* sluice\napproval: true\n*/\nselect count(*) as n from clean.orders")
    project.write("models/total.sql", "select n + 1 as orders from curated.gate")
    with Service(project) as service:
        first = project.json("trigger", "all")["run_id"]
        service.wait_for("waits for a person")
        edit(project, "select n + 2 as orders, 'new' as version from curated.gate", by_rename)
        told = service.wait_for("the project was read anew")
        assert "1 pipeline, 4 steps" in told["message"]
        project.run("approve", first, "curated.gate")
        assert service.wait_for("ended: ok")["run_id"] == first
        assert len(project.rows("curated.total", "*")[0]) == 1
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "version") == [("new",)]


def test_an_edit_that_does_not_check_is_told_once_and_changes_nothing(project):
    by_hand(project)
    with Service(project, listen="127.0.0.1:0") as service:
        edit(project, "/* sluice\nwrite: sideways\n*/\nselect 1 as x")
        service.wait_for("models/total.sql:2")
        service.wait_for("goes on as it was")
        assert "sluice_project_outdated 1" in get(service, "/metrics")[1]
        assert json.loads(get(service, "/healthz")[1])["reload_error"]
        assert "the project has 1 error" in project.run("pipelines").stderr
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        edit(project, "select count(*) + 1 as orders from clean.orders")
        service.wait_for("the project was read anew: ")
        assert "sluice_project_outdated 0" in get(service, "/metrics")[1]
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert len([line for line in service.seen if "goes on as it was" in line]) == 1
    assert project.rows("curated.total", "orders") == [("4",)]


def test_files_that_a_mistake_in_sql_kept_out_are_taken_in_after_the_edit_that_mends_it(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project) as service:
        service.wait_for("ended: ok")
        edit(project, "select no_such(amount) as orders from clean.orders")
        service.wait_for("was read anew")
        deliver(project, 2)
        service.wait_for("ended: partial")
        edit(project, "select count(*) as orders from clean.orders")
        service.wait_for("begins (after an edit)")
        service.wait_for("ended: ok")
        project.write("models/gate.sql", "/* sluice\napproval: true\n*/\nselect count(*) as n from clean.orders")
        edit(project, "select no_such(n) as orders from curated.gate")
        service.wait_for("was read anew")
        deliver(project, 3)
        run = service.wait_for("waits for a person")["run_id"]  # it is mended while a run with the mistake is at work
        edit(project, "select n as orders from curated.gate")
        service.wait_for("was read anew")
        project.run("approve", run, "curated.gate")
        assert service.wait_for("ended: partial")["run_id"] == run
        service.wait_for("begins (after an edit)")
        service.wait_for("ended: ok")
        assert project.rows("curated.total", "orders") == [("9",)]
        edit(project, "select no_such(n) as orders from curated.gate")
        service.wait_for("was read anew")
        edit(project, "select n + 1 as orders from curated.gate")
        service.wait_for("was read anew")
        assert service.end() == 0
    assert len([line for line in service.seen if "begins (after an edit)" in line]) == 2


def test_a_pipeline_that_edits_its_own_project_and_fails_waits_longer_each_time(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    project.write("tasks/edit.yml", "before: [raw.orders]\ncommand: echo \"select 1 as a -- $(date +%s%N)\" > models/note.sql\n")
    project.write("models/total.sql", "select no_such(amount) as orders from clean.orders")
    with Service(project) as service:
        service.wait_for("begins (after an edit)")
        time.sleep(8)
        service.process.kill()
        service.wait_for_end()
    assert 2 <= len([line for line in service.seen if "begins (after an edit)" in line]) <= 5


def test_files_that_a_mistake_kept_out_are_taken_in_by_the_service_that_starts_after_it_is_mended(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    edit(project, "select no_such(amount) as orders from clean.orders")
    with Service(project) as service:
        service.wait_for("ended: partial")
        assert service.end() == 0
    edit(project, "select count(*) as orders from clean.orders")
    with Service(project) as service:
        service.wait_for("begins (after a start)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]


def test_files_that_a_mistake_kept_out_are_taken_in_when_the_paused_pipeline_is_resumed(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    edit(project, "select no_such(amount) as orders from clean.orders")
    with Service(project) as service:
        service.wait_for("ended: partial")
        project.run("pause", "all")
        edit(project, "select count(*) as orders from clean.orders")
        service.wait_for("was read anew")
        project.run("resume", "all")
        service.wait_for("begins (after a pause)")
        service.wait_for("ended: ok")
        project.run("pause", "all")
        project.run("resume", "all")  # nothing has failed: nothing is asked for
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]
    assert len([line for line in service.seen if "begins (after a pause)" in line]) == 1
    assert not [line for line in service.seen if "after an edit" in line]


def test_many_edits_are_few_readings(project):
    by_hand(project)
    with Service(project) as service:
        for number in range(1000):
            project.write(f"models/m{number % 10}.sql", f"select {number} as n from clean.orders limit 1")
        service.wait_for("13 steps")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert len([line for line in service.seen if "was read anew" in line]) <= 4
    assert project.rows("curated.m9", "n") == [("999",)]


def test_no_process_of_a_service_that_watches_folders_dies_when_its_project_is_read_anew(project):
    write_shop(project, ("ingest", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project) as service:
        deliver(project, 2)
        service.wait_for("ended: ok")
        for rows in (1, 2):
            edit(project, f"select count(*) + {rows} as orders from clean.orders")
            service.wait_for("was read anew")
        assert service.end() == 0
    assert not [line for line in service.seen if "ended by signal" in line]


def test_a_project_that_says_so_is_read_anew_by_a_signal_alone(project, new_project):
    by_hand(project)
    other = by_hand(new_project("other"))
    project.write("sluice.yml", "name: shop\nserve: {reload: signal}\n")
    with Service(project) as service, Service(other) as witness:
        edit(project, "select count(*) + 1 as orders from clean.orders")
        project.write("sluice.yml", "name: shop\n")
        for rows in (1, 2):
            edit(other, f"select count(*) + {rows} as orders from clean.orders")
            witness.wait_for("was read anew")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        edit(project, "select count(*) + 2 as orders from clean.orders")
        service.wait_for("was read anew")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert len([line for line in service.seen if "was read anew" in line]) == 2
    assert project.rows("curated.total", "orders") == [("5",)]


# --- a worker that prints garbage


@pytest.mark.parametrize("serves", [False, True])
@pytest.mark.parametrize("kind", ["bytes", "object", "noise"])
def test_a_worker_that_says_what_is_no_reply_is_replaced_and_the_run_ends_well(project, fault_bin, kind, serves):
    by_hand(project)
    marker = project.folder / "marker"
    marker.touch()
    env = {"SLUICE_FAULT_WORKER": f"{kind}:{marker}"}
    if serves:
        with Service(project, binary=fault_bin, env=env) as service:
            run = project.json("trigger", "all")["run_id"]
            assert service.wait_for("ended: ok")["run_id"] == run
            assert service.end() == 0
            said = "".join(service.seen)
    else:
        said = project.run("run", binary=fault_bin, env=env).stderr
    assert not marker.exists()
    if kind != "noise":
        assert "sent what is no reply, and was killed" in said
    assert project.rows("curated.total", "orders") == [("3",)]
    assert project.count("clean.orders") == 3


# --- a clock that jumps


def test_a_clock_that_jumps_runs_no_tick_twice_and_makes_up_for_what_it_skipped(project, fault_bin):
    write_shop(project, ("monthly", "when:\n  - cron: '0 3 1 * *'\n"), ("other", "select: [raw.orders]\n"))
    project.run("run")
    clock = project.folder / "clock"

    def set_clock(text):
        at = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()
        (project.folder / "clock.new").write_text(str(int((at - time.time()) * 1e6)))
        (project.folder / "clock.new").rename(clock)

    def look():  # it does so each minute, too
        project.run("pause", "other")
        project.run("resume", "other")

    set_clock("2026-03-10T12:00:00")
    with Service(project, binary=fault_bin, env={"SLUICE_FAULT_CLOCK": str(clock)}) as service:
        look()
        service.wait_for("goes on, says")
        set_clock("2026-04-10T12:00:00")
        look()
        service.wait_for("the machine's clock was set forward by")
        service.wait_for("nothing to do: no input has changed (cron 0 3 1 * *)")
        set_clock("2026-03-10T12:00:00")
        look()
        service.wait_for("the machine's clock was set back by")
        set_clock("2026-04-11T12:00:00")
        look()
        service.wait_for("the machine's clock was set forward by")
        set_clock("2026-05-02T12:00:00")
        look()
        service.wait_for("nothing to do: no input has changed (cron 0 3 1 * *)")
        assert service.end() == 0
    assert len([line for line in service.seen if "nothing to do" in line]) == 2


# --- a state that cannot be written, or is newer


def test_a_state_folder_that_cannot_be_written_is_told_at_once(project, mortal):
    by_hand(project)
    project.run("run")
    deliver(project, 2)
    state = project.folder / ".sluice"
    for path in (state / "state.db", state):
        mode = path.stat().st_mode
        path.chmod(mode & 0o555)
        done = subprocess.run([mortal, "serve", "--listen", "none"], cwd=project.folder, capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and str(path) in done.stderr and ("SL0815" in done.stderr or "SL0104" in done.stderr), done.stderr
        path.chmod(mode)
    (state / "state.db").chmod(0o444)
    done = project.run("run", binary=mortal)  # tables do not depend on it
    assert "history is not kept" in done.stderr and "cannot be written: it is read-only" in done.stderr
    assert project.rows("curated.total", "orders") == [("6",)]


def test_a_state_folder_that_becomes_read_only_holds_runs_back_until_it_can_be_written(project, mortal):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project, binary=mortal) as service:
        service.wait_for("ended: ok")
        folders = [project.folder / ".sluice/logs", project.folder / ".sluice"]
        for folder in folders:
            folder.chmod(0o555)
        deliver(project, 2)
        told = service.wait_for("no run begins until it can be written again")
        assert "SL0845" in told["message"] and "Permission denied" in told["message"]
        assert "let the service's user write there" in told["message"] and "make room" not in told["message"]
        service.wait_for("ended: ok")  # what was at work goes on
        deliver(project, 3)
        for folder in reversed(folders):
            folder.chmod(0o755)
        service.wait_for("there is room again: runs begin")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("9",)]
    runs = [row["run_id"] for row in project.json("status")["runs"] if row["status"] == "ok"]
    assert all((project.folder / f".sluice/logs/{run}.jsonl").stat().st_size for run in runs) and len(runs) == 3


@pytest.mark.parametrize("below", ["", "clean/orders", "clean/orders/_delta_log"])
def test_what_a_lake_folder_that_cannot_be_written_kept_from_being_done_is_done_when_it_can(project, mortal, below):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    with Service(project, binary=mortal, listen="127.0.0.1:0") as service:
        service.wait_for("ended: ok")
        top = project.folder / "lake" / below
        folders = [top, *(path for path in top.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        deliver(project, 2)
        if below:
            service.wait_for("what it could not write is done again when that is possible")
            deliver(project, 3)  # another run meets the same, and the one that waits does for both
            service.wait_for("begins (files orders)")
            service.wait_for("ended: partial")
        else:
            assert "SL0845" in service.wait_for("no run begins until it can be written again")["message"]
            status, ready = get(service, "/readyz")
            assert status == 503 and "lake" in json.loads(ready)["held_back"]
            deliver(project, 3)
        time.sleep(3)  # nothing is tried meanwhile
        for folder in folders:
            folder.chmod(0o755)
        service.wait_for("begins (after a folder that could not be written)")
        service.wait_for("ended: ok")
        while project.rows("curated.total", "orders") != [("9",)]:
            service.wait_for("ended: ok")
        assert service.end() == 0
    assert len([line for line in service.seen if "is done again when that is possible" in line]) == 1
    tried = [line for line in service.seen if "begins (after a folder" in line]
    assert len(tried) == 1, "".join(service.seen)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_what_a_target_folder_that_cannot_be_written_kept_from_being_delivered_is_when_it_can(project, mortal, kind):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    project.write("targets/out.yml", f"type: {kind}\npath: out\ndeliver:\n  - table: curated.total\n")
    with Service(project, binary=mortal) as service:
        service.wait_for("ended: ok")
        target = project.folder / "out"
        folders = [target, *(path for path in target.rglob("*") if path.is_dir())]
        before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
        for folder in folders:
            folder.chmod(0o555)
        deliver(project, 2)
        assert "SL0104" in json.dumps(service.wait_for("what it could not write is done again when that is possible")) + "".join(service.seen)
        time.sleep(3)  # nothing is tried meanwhile
        assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
        for folder in folders:
            folder.chmod(0o755)
        service.wait_for("begins (after a folder that could not be written)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} != before
    assert len([line for line in service.seen if "begins (after a folder" in line]) == 1, "".join(service.seen)


def test_a_target_folder_that_is_made_below_a_folder_of_somebody_else_is_delivered_to(project, mortal, tmp_path):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    of_others = tmp_path / "srv"
    of_others.mkdir()
    of_others.chmod(0o555)
    project.write("targets/out.yml", f"type: csv\npath: {of_others}/out\ndeliver:\n  - table: curated.total\n")
    with Service(project, binary=mortal) as service:
        service.wait_for("what it could not write is done again when that is possible")
        of_others.chmod(0o755)
        (of_others / "out").mkdir()
        of_others.chmod(0o555)
        service.wait_for("begins (after a folder that could not be written)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert list((of_others / "out").rglob("*.csv"))


def test_a_newer_state_is_refused_by_the_service_and_left_alone(project):
    by_hand(project)
    project.run("run")
    state = project.folder / ".sluice/state.db"
    with contextlib.closing(sqlite3.connect(state)) as database:
        database.execute("pragma user_version = 99")
    before = state.read_bytes()
    done = project.run("serve", "--listen", "none", exit_code=1)
    assert "SL0707" in done.stderr and "later Sluice (version 99, this one knows 4)" in done.stderr and "mv " in done.stderr
    deliver(project, 2)
    assert "history is not kept" in project.run("run").stderr
    assert state.read_bytes() == before and project.rows("curated.total", "orders") == [("6",)]


# --- many ticks that were missed


def ticks_of(project, pipeline):
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
        return [tick // 1000000 for (tick,) in database.execute(
            "select tick_us from runs where pipeline = ? and tick_us > 0 order by tick_us", (pipeline,))]


def test_a_pipeline_that_makes_up_for_thousands_of_ticks_keeps_no_tick_of_others_waiting(project):
    project.write("sluice.yml", "name: shop\n")
    for policy in ("all", "latest", "none"):
        project.write(f"tasks/write_{policy}.yml", f"command: [sh, -c, 'echo x >> tick_{policy}.log']\n")
        project.write(f"pipelines/c_{policy}.yml", f"select: [write_{policy}]\nwhen: [{{every: 1s}}]\ncatch_up: {policy}\n")
    with Service(project) as service:
        for policy in ("all", "latest", "none"):
            service.wait_for(f"c_{policy}", times=2)
        service.process.kill()
        service.process.wait()
    with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database, database:
        database.execute("update ticks set tick_us = tick_us - 3000000000 where pipeline like 'c_%'")
    with Service(project) as service:
        began = time.time()

        def ticks(policy):
            return [tick for tick in ticks_of(project, f"c_{policy}") if tick > began]
        until(lambda: len(ticks("latest")) >= 6 and len(ticks("none")) >= 6)
        service.process.kill()
        service.wait_for_end()
    left_out = [line for line in service.seen if "left out" in line]
    assert len(left_out) == 2, "ticks of a time in which it served: " + "".join(left_out)
    for policy in ("latest", "none"):
        kept = ticks(policy)
        assert len(kept) >= 6 and kept == list(range(kept[0], kept[0] + len(kept))), policy


def test_when_a_new_trigger_began_is_kept_though_the_store_was_busy_then(project):
    by_hand(project)
    with Service(project) as service:
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db", isolation_level=None)) as database:
            database.execute("begin immediate")
            project.write("pipelines/hourly.yml", "when: [{every: 1h}]\n")
            service.wait_for("the state store: ")
            database.execute("rollback")
        project.run("pause", "all")
        project.run("resume", "all")
        with contextlib.closing(sqlite3.connect(project.folder / ".sluice" / "state.db")) as database:
            assert database.execute("select count(*) from ticks where pipeline = 'hourly'").fetchall() == [(1,)]
        assert service.end() == 0
