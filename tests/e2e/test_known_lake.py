"""A lake that is missing, empty or another one than the state store knows: nothing begins, and targets keep what they have."""
import contextlib
import shutil
import sqlite3
import subprocess
import time

import pytest
from conftest import SERVERS, Project
from receivers import hook  # noqa: F401
from test_serve import Service, by_hand, until
from test_serve_http import UnixConnection
from test_serve_leader import StandBy, ask, own_server, two_machines

WAREHOUSE = """type: sqlite
path: {path}
deliver:
  - {{table: clean.orders, write: {write}}}
"""


def with_warehouse(tmp_path, write="append"):
    def prepare(project):
        project.write("targets/warehouse.yml", WAREHOUSE.format(path=tmp_path / "warehouse.db", write=write))
    return prepare


def delivered(tmp_path):
    with sqlite3.connect(tmp_path / "warehouse.db") as db:
        return db.execute("select id from orders order by id").fetchall()


def archive(tmp_path):
    """What was read is gone from the source: a lake that is built anew has less."""
    (tmp_path / "data" / "1.csv").unlink()
    (tmp_path / "data" / "2.csv").write_text("id,amount\n3,3.5\n")


def built(postgres, tmp_path, sluice_bin, schema):
    one, two = two_machines(postgres, tmp_path, sluice_bin, schema, with_warehouse(tmp_path))
    one.run("run")
    assert delivered(tmp_path) == [(1,), (2,)]
    archive(tmp_path)
    return one, two


def unmount(tmp_path, with_folder=True):
    (tmp_path / "lake").rename(tmp_path / "lake.x")
    if with_folder:
        (tmp_path / "lake").mkdir()


def mount(tmp_path):
    if (tmp_path / "lake").exists():
        assert not list((tmp_path / "lake").iterdir()), "something was written"
        (tmp_path / "lake").rmdir()
    (tmp_path / "lake.x").rename(tmp_path / "lake")


def numbers(project):
    connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return lines


def lake_check(project):
    return [check for check in project.json("doctor", exit_code=None)["machine"] if check["check"] == "lake"]


@pytest.mark.parametrize("with_folder", [True, False])
def test_neither_a_run_nor_a_service_begins_where_the_lake_is_not_mounted(postgres, tmp_path, sluice_bin, with_folder):
    one, two = built(postgres, tmp_path, sluice_bin, f"unmounted_{int(with_folder)}")
    assert not lake_check(one) and one.json("lake")["status"] == "ok"
    unmount(tmp_path, with_folder)
    for arguments in (["run"], ["run", "--full-refresh"], ["serve", "--listen", "none"]):
        told = one.run(*arguments, exit_code=None)
        assert told.returncode == 1 and "SL0895" in told.stderr, (arguments, told.stderr)
        assert f"{tmp_path}/lake' " in told.stderr and "sluice lake --adopt" in told.stderr and "mount" in told.stderr
    (found,) = lake_check(two)
    assert found["state"] == "wrong" and "SL0895" in found["text"] and "--adopt" in found["hint"]
    assert one.json("lake", exit_code=1)["status"] == "wrong"
    assert delivered(tmp_path) == [(1,), (2,)]
    mount(tmp_path)
    assert one.json("status")["runs"][0]["status"] == "ok", "what was refused is no run"
    one.run("run")
    assert delivered(tmp_path) == [(1,), (2,), (3,)]


def test_a_plan_and_a_backfill_are_refused_too(postgres, tmp_path, sluice_bin):
    one, _ = two_machines(postgres, tmp_path, sluice_bin, "planned_lake", with_warehouse(tmp_path))
    one.write("models/days.sql", "/* sluice\nwrite: partition\npartition_by: [id]\n*/\nselect id, amount from clean.orders")
    one.run("run")
    archive(tmp_path)
    unmount(tmp_path)
    (tmp_path / "plan.json").write_text(one.run("plan", "--json").stdout)
    assert "SL0895" in one.run("apply", tmp_path / "plan.json", exit_code=1).stderr
    for nowhere in ([], ["--set", f"lake={tmp_path}/nowhere"]):
        told = one.run("backfill", "days", "-p", "id=1", "--yes", *nowhere, exit_code=1).stderr
        assert "SL0895" in told and "SL0501" not in told
    mount(tmp_path)
    # A copy of before, with a number of its own.
    shutil.copytree(tmp_path / "lake", tmp_path / "copy")
    (tmp_path / "lake").rename(tmp_path / "lake.x")
    (tmp_path / "copy").rename(tmp_path / "lake")
    (tmp_path / "lake" / "_lake").write_text("0" * 36)
    told = one.run("backfill", "days", "-p", "id=1", "--yes", exit_code=1).stderr
    assert "SL0895" in told and "another one (number 000" in told
    shutil.rmtree(tmp_path / "lake")
    mount(tmp_path)
    assert delivered(tmp_path) == [(1,), (2,)]


def test_what_only_reads_warns_that_the_lake_is_away(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "read_lake")
    reads = (["plan"], ["run", "--dry-run"], ["ls"], ["query", "select 1"], ["quarantine", "ls"])
    assert not any("SL0895" in one.run(*words).stderr for words in reads)
    unmount(tmp_path)
    for words in reads:
        assert one.run(*words).stderr.count("SL0895") == 1, words
        assert "SL0895" not in one.run(*words, "--quiet").stderr, words
    for writes in (["rollback", "#1"], ["quarantine", "discard", "orders", "--reason", "none", "--all"]):
        told = one.run(*writes, exit_code=1)
        assert told.stderr.count("SL0895") == 1 and not told.stdout, writes
    told = one.run("show", "clean.orders", exit_code=None)
    assert told.returncode and "SL0895" in told.stderr
    assert not list((tmp_path / "lake").iterdir())
    mount(tmp_path)
    assert not any("SL0895" in one.run(*words).stderr for words in reads)


def test_one_that_stands_by_without_the_lake_takes_no_lead_until_it_is_there(postgres, tmp_path, sluice_bin):
    one, two = built(postgres, tmp_path, sluice_bin, "lake_takeover")
    (tmp_path / "here").symlink_to(tmp_path / "lake")
    two.write("sluice.yml", (two.folder / "sluice.yml").read_text().replace(f"{tmp_path}/lake", f"{tmp_path}/here"))
    with Service(one) as leader, StandBy(two) as other:
        (tmp_path / "here").unlink()
        (tmp_path / "here").mkdir()
        other.wait_for("takes no lead")
        leader.process.kill()
        leader.process.wait()
        until(lambda: "lake" in ask(two, "/readyz")[1]["not_ready_because"])
        time.sleep(5)  # longer than the lease holds
        status, document = ask(two, "/readyz")
        assert status == 503 and f"{tmp_path}/here" in document["not_ready_because"]
        assert sum("takes no lead" in line for line in other.seen) == 1
        assert not any("leads from now on" in line for line in other.seen)
        assert not list((tmp_path / "here").iterdir()) and delivered(tmp_path) == [(1,), (2,)]
        (tmp_path / "here").rmdir()
        (tmp_path / "here").symlink_to(tmp_path / "lake")
        other.wait_for("leads from now on")
        other.wait_for("serving '")
        assert ask(two, "/readyz")[0] == 200
        two.run("trigger", "all", "--wait")
        assert other.end() == 0
    assert delivered(tmp_path) == [(1,), (2,), (3,)]


def test_a_leader_under_which_the_lake_goes_refuses_runs_until_it_is_back(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_goes")
    with Service(one) as service:
        assert ask(one, "/readyz")[0] == 200
        unmount(tmp_path)
        told = one.run("trigger", "all", "--wait", exit_code=None)
        assert told.returncode == 1
        service.wait_for("SL0895")
        status, document = ask(one, "/readyz")
        assert status == 503 and "the lake is wrong" in document["not_ready_because"]
        assert ask(one, "/healthz")[0] == 200
        assert delivered(tmp_path) == [(1,), (2,)]
        mount(tmp_path)
        assert ask(one, "/readyz")[0] == 200
        one.run("trigger", "all", "--wait")
        assert delivered(tmp_path) == [(1,), (2,), (3,)]
        assert service.end() == 0


def test_without_the_lake_nothing_but_that_is_told(postgres, tmp_path, sluice_bin, hook):
    one, _ = two_machines(postgres, tmp_path, sluice_bin, "lake_told", with_warehouse(tmp_path))
    one.write("tasks/tell.yml", "after: [clean.orders]\ncommand: 'true'\n")
    with (one.folder / "sluice.yml").open("a") as file:
        file.write(f"serve: {{health: {{every: 1s}}}}\nalerts: {{when: {{lag: 2s}}, channels: {{hook: {{webhook: '{hook.url}'}}}}}}\n")
    events = []

    def told():
        events.extend(hook.events())
        return events

    def another_look():
        before = ask(one, "/healthz")[1]["looked_at"]
        until(lambda: ask(one, "/healthz")[1]["looked_at"] != before)

    one.run("run")
    lake_is = [("raised", "failure", "project.lake"), ("resolved", "failure", "project.lake")]
    waits = ("raised", "lag", "raw.orders")
    with Service(one) as service:
        another_look()
        for with_folder in (False, True):
            unmount(tmp_path, with_folder)
            until(lambda: told()[-1:] == lake_is[:1])
            another_look()
            status, document = ask(one, "/healthz")
            assert status == 200 and not document["is_ready"] and "SL0895" in document["not_ready_because"]
            for path, body in (("quarantine/orders/discard", {"reason": "none", "all": True, "confirm": True}), ("runs/" + "0" * 8 + "/rollback", {"confirm": True})):
                status, document = ask(one, f"/api/v1/{path}", body)
                assert status >= 400 and document["error"]["code"] == "SL0895", (path, document)
            document = one.json("doctor", exit_code=1)
            assert document["state"] == "wrong" and "SL0895" in document["lake"]["text"] and not document["tables"] + document["tasks"] + document["targets"]
            assert [(source["state"], source["waiting_files"], source["lag_s"]) for source in document["sources"]] == [("ok", None, None)]
            assert document["pipelines"][0]["gets_built"] is None and document["pipelines"][0]["state"] == "wrong"
            text = one.run("doctor", exit_code=1).stdout
            assert text.startswith("wrong  lake: ") and text.count("wrong") == 1 and "sluice run" not in text
            lines = numbers(one)
            assert "sluice_lake_reachable 0" in lines and 'sluice_source_reachable{source="orders"} 1' in lines
            assert not [line for line in lines if line.startswith(("sluice_table_lag", "sluice_target_", "sluice_source_lag", "sluice_source_waiting"))]
            assert one.run("trigger", "all", "--wait", exit_code=None).returncode == 1  # which is no other alert
            mount(tmp_path)
            until(lambda: told()[-1:] == lake_is[1:])
            assert "sluice_lake_reachable 1" in numbers(one) and 'sluice_table_lag_seconds{table="clean.orders"} 0' in numbers(one)
            another_look()
            assert ask(one, "/healthz")[1]["is_ready"]
            assert "lake" not in one.run("doctor", exit_code=None).stdout.splitlines()[0]
            if not with_folder:  # then it goes again, while one alert is there
                assert told() == lake_is
                (tmp_path / "data" / "2.csv").write_text("id,amount\n3,3.5\n")
                until(lambda: told()[2:] == [waits])
        assert told() == lake_is + [waits] + lake_is, "it stays raised"
        one.run("trigger", "all", "--wait")
        until(lambda: ("resolved", "lag", "raw.orders") in told())
        assert service.end() == 0


def test_files_that_came_while_the_lake_was_away_are_read_when_it_is_back(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_away")
    one.write("pipelines/files.yml", "when:\n  - files: orders\n    settle: 0s\n")
    with Service(one) as service:
        until(lambda: delivered(tmp_path) == [(1,), (2,), (3,)])
        service.wait_for("ended: ok")
        unmount(tmp_path)
        (tmp_path / "data" / "3.csv").write_text("id,amount\n4,4.5\n")
        service.wait_for("SL0895")
        mount(tmp_path)
        service.wait_for("begins (after the lake was away)")
        until(lambda: delivered(tmp_path) == [(1,), (2,), (3,), (4,)])
        assert service.end() == 0


def test_what_failed_for_the_lake_went_under_it_is_done_when_it_is_back(postgres, tmp_path, sluice_bin):
    """A step says that a file is missing; a task has ended well, and nothing is written where the lake was."""
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_dropped")
    one.write("tasks/wait.yml", f"before: [raw.orders]\ncommand: 'echo ran >> ran.log; until [ -e {tmp_path}/go ]; do sleep 0.1; done'\n")
    one.write("pipelines/files.yml", "when:\n  - files: orders\n    settle: 0s\n")
    with Service(one) as service:
        until((one.folder / "ran.log").exists)
        unmount(tmp_path, with_folder=False)
        (tmp_path / "go").touch()
        service.wait_for("what is missing is done when the lake is there again")
        assert not (tmp_path / "lake").exists()
        mount(tmp_path)
        service.wait_for("begins (after the lake was away)")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert any("SL0895" in line and "went while the program was at work" in line for line in service.seen)
    assert (one.folder / "ran.log").read_text().count("ran") == 2 and delivered(tmp_path) == [(1,), (2,), (3,)]


def files_of(folder):
    return sorted((str(file.relative_to(folder)), file.read_bytes()) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("is_served", [True, False])
def test_a_run_under_which_another_lake_is_mounted_writes_nothing_to_that_one(postgres, tmp_path, sluice_bin, is_served):
    one, _ = two_machines(postgres, tmp_path, sluice_bin, f"swapped_{int(is_served)}", with_warehouse(tmp_path, "full"))
    with (one.folder / "sluice.yml").open("a") as file:
        file.write("pools: {one: 1}\n")
    with (one.folder / "targets/warehouse.yml").open("a") as file:
        file.write("pool: one\n")
    one.write("models/late.sql", "/* sluice\npool: one\n*/\nselect count(*) as orders from clean.orders")
    one.write("tasks/gate.yml", "pool: one\npriority: 9\ncommand: 'touch at_gate; until [ -e is_open ]; do sleep 0.05; done'\n")
    one.write("is_open", "")
    one.run("run")
    for name in ("is_open", "at_gate"):
        (one.folder / name).unlink()
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "lake", other)
    (other / "_lake").write_text("0" * 36)
    before = files_of(other)
    (tmp_path / "data" / "2.csv").write_text("id,amount\n3,3.5\n")
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(one)) if is_served else None
        command = stack.enter_context(subprocess.Popen([str(one.binary), *(["trigger", "all", "--wait"] if is_served else ["run"])], cwd=one.folder,
                                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        until(lambda: (one.folder / "at_gate").exists() and (tmp_path / "lake/curated/total/_delta_log/00000000000000000001.json").exists())
        unmount(tmp_path, with_folder=False)
        other.rename(tmp_path / "lake")
        one.write("is_open", "")
        told, _ = command.communicate(timeout=60)
        assert command.returncode in (1, 5) and (is_served or told.count("not the one any more over which the run began") >= 3), told
        assert files_of(tmp_path / "lake") == before and delivered(tmp_path) == [(1,), (2,)]
        (tmp_path / "lake").rename(other)
        mount(tmp_path)
        one.run(*(["trigger", "all", "--wait"] if is_served else ["run"]))  # of a person's run nothing is done again unasked
        assert not is_served or service.end() == 0
    assert delivered(tmp_path) == [(1,), (2,), (3,)]
    assert one.json("query", "select orders from curated.late")["rows"] == [[3]]


def test_no_service_makes_the_folder_of_a_lake_that_is_away(tmp_path, sluice_bin):
    """Also where the state store goes, too, and it is looked for room again and again."""
    with own_server() as (server, folder, _):
        one, _ = two_machines(server, tmp_path, sluice_bin, "both_away", with_warehouse(tmp_path))
        one.write("pipelines/files.yml", "when:\n  - files: orders\n    settle: 0s\n")
        with Service(one) as service:
            service.wait_for("ended: ok")
            unmount(tmp_path, with_folder=False)
            subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
            (tmp_path / "data" / "2.csv").write_text("id,amount\n3,3.5\n")
            service.wait_for("standing by, and takes no lead")
            time.sleep(2)
            assert not (tmp_path / "lake").exists()
            subprocess.run([SERVERS / "pg.sh", "again", folder], check=True, timeout=120)
            mount(tmp_path)
            until(lambda: len(delivered(tmp_path)) == 3)
            assert service.end() == 0


def test_a_lake_that_is_to_begin_anew_is_adopted_also_under_a_leader(postgres, tmp_path, sluice_bin):
    one, two = built(postgres, tmp_path, sluice_bin, "lake_adopted")
    with Service(one) as service:
        before = one.json("lake")["number"]
        unmount(tmp_path)
        assert one.run("trigger", "all", "--wait", exit_code=None).returncode == 1
        assert f"was {before}" in two.run("lake", "--adopt").stdout
        assert one.json("lake")["status"] == "ok" and one.json("lake")["number"] != before
        one.run("trigger", "all", "--wait")
        # The old one is another one by now.
        (tmp_path / "lake").rename(tmp_path / "lake.y")
        (tmp_path / "lake.x").rename(tmp_path / "lake")
        assert one.run("trigger", "all", "--wait", exit_code=None).returncode == 1
        assert "another one" in ask(one, "/readyz")[1]["not_ready_because"]
        assert service.end() == 0
    assert delivered(tmp_path) == [(3,)], "as asked for: delivered whole out of what there is"
    assert postgres.query("select what from lake_adopted.audit where what = 'adopt lake'")


def test_a_state_of_before_is_asked_what_it_has_built(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_before")
    postgres.query("delete from lake_before.leases where name = 'lake'")
    (tmp_path / "lake" / "_lake").unlink()
    unmount(tmp_path)
    assert "SL0895" in one.run("run", exit_code=1).stderr
    mount(tmp_path)
    assert delivered(tmp_path) == [(1,), (2,)]
    one.run("run")
    assert delivered(tmp_path) == [(1,), (2,), (3,)] and one.json("lake")["status"] == "ok"


def test_without_the_state_store_an_empty_lake_is_refused(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_unasked")
    nowhere = "state=postgresql://nobody@127.0.0.1:1/none"
    unmount(tmp_path)
    assert "SL0895" in one.run("run", "--set", nowhere, exit_code=1).stderr
    mount(tmp_path)
    assert delivered(tmp_path) == [(1,), (2,)]
    one.run("run", "--set", nowhere)
    assert delivered(tmp_path) == [(1,), (2,), (3,)]


def test_environments_have_lakes_of_their_own(postgres, tmp_path, sluice_bin):
    one, _ = built(postgres, tmp_path, sluice_bin, "lake_env")
    text = (one.folder / "sluice.yml").read_text()
    one.write("sluice.yml", text + f"environments:\n  dev: {{lake: {tmp_path}/dev}}\n")
    (one.folder / "targets/warehouse.yml").unlink()
    one.run("-e", "dev", "run")
    assert one.json("-e", "dev", "lake")["number"] != one.json("lake")["number"]
    shutil.rmtree(tmp_path / "dev")
    assert "lake --adopt -e dev" in one.run("-e", "dev", "run", exit_code=1).stderr


# --- a state in the project's folder

@pytest.mark.parametrize("write, lake, is_refused", [
    ("full", "lake", False), ("append", "lake", False), ("full", "../lake", True), (None, "../lake", False)])
def test_a_local_state_refuses_another_lake_outside_the_project_that_was_delivered(tmp_path, sluice_bin, write, lake, is_refused):
    project = by_hand(Project(tmp_path / "one", sluice_bin))
    project.write("sluice.yml", f"name: shop\nlake: {lake}\n")
    if write:
        with_warehouse(tmp_path, write)(project)
    project.run("run")
    shutil.rmtree(project.folder / lake)
    told = project.run("run", exit_code=1 if is_refused else 0)
    assert ("SL0895" if is_refused else "not the one of before") in told.stderr
    project.run("run", exit_code=1 if is_refused else 0)
    if is_refused:
        project.run("lake", "--adopt")
        assert project.run("run").stderr.count("lake") == 0
    shutil.rmtree(project.folder / lake)
    shutil.rmtree(project.folder / ".sluice")
    assert "lake" not in project.run("run").stderr, "both gone is a beginning"


def test_a_lake_that_moves_keeps_its_number(tmp_path, sluice_bin):
    project = by_hand(Project(tmp_path / "one", sluice_bin))
    project.write("sluice.yml", "name: shop\nlake: lake\n")
    with_warehouse(tmp_path)(project)
    project.run("run")
    (project.folder / "lake").rename(tmp_path / "moved")
    project.write("sluice.yml", f"name: shop\nlake: {tmp_path}/moved\n")
    assert project.run("run").stderr.count("lake") == 0 and project.json("lake")["status"] == "ok"
