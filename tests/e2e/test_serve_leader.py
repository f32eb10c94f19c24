"""Several services over one state store in PostgreSQL and one lake: one leads, and is replaced."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from conftest import SERVERS, Postgres, Project, free_port
from receivers import hook  # noqa: F401
from test_serve import PATIENCE_S, Service, by_hand, held_by_a_task, slow_model, until, wait_until_it_is_held
from test_serve_http import UnixConnection
from test_state import url_of


def two_machines(postgres, tmp_path, sluice_bin, schema, prepare=lambda project: None):
    """Two copies of a project's files with one lake."""
    projects = []
    for name in ("one", "two"):
        project = by_hand(Project(tmp_path / name, sluice_bin))
        prepare(project)
        project.write("sluice.yml", f"name: shop\nlake: {tmp_path}/lake\nstate: {url_of(postgres, schema)}\n")
        shutil.rmtree(project.folder / "data")
        project.write("sources/orders.yml", f"path: {tmp_path}/data/*.csv\ncontract: contracts/orders.odcs.yml\n")
        projects.append(project)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1.csv").write_text("id,amount\n1,1.5\n2,2.5\n")
    return projects


@contextlib.contextmanager
def own_server():
    """A PostgreSQL that nobody else needs, its folder, and the ids of its processes."""
    with tempfile.TemporaryDirectory(prefix="sluice-pg-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        server = Postgres(free_port())
        subprocess.run([SERVERS / "pg.sh", "start", folder, str(server.port)], check=True, timeout=120)

        def processes():
            postmaster = int(pathlib.Path(folder, "data/postmaster.pid").read_text().splitlines()[0])
            return [postmaster, *map(int, pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]
        try:
            yield server, folder, processes
        finally:
            with contextlib.suppress(OSError):  # it has ended
                for pid in processes():
                    os.kill(pid, signal.SIGCONT)
            subprocess.run([SERVERS / "pg.sh", "stop", folder], timeout=60)


class StandBy(Service):
    def __enter__(self):
        self.wait_for("standing by")
        return self


def test_a_killed_leader_is_replaced_and_its_run_goes_on(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "killed", slow_model)
    with Service(one) as leader, StandBy(two) as other:
        run = one.json("trigger", "all")
        leader.wait_for("total ok")
        (two.folder / "models" / "slow.sql").unlink()
        other.process.send_signal(signal.SIGHUP)
        other.wait_for("was read anew")
        leader.process.kill()
        killed = time.monotonic()
        other.wait_for("leads from now on")
        print(f"replaced after {time.monotonic() - killed:.1f} s")
        told = other.wait_for("was killed")
        assert run["run_id"] in told["message"]
        other.wait_for("ended: nothing")  # what the killed one had built is published
        assert other.end() == 0
    assert two.json("status")["runs"][-1]["status"] == "interrupted"
    lake = Project(tmp_path, sluice_bin)
    assert lake.count("clean.orders") == 2 and lake.rows("curated.total", "orders") == [("2",)]


def test_a_leader_that_ends_is_replaced_at_once_and_one_that_was_stopped_steps_down(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "ended")
    with Service(one) as first, StandBy(two) as second:
        assert first.end() == 0
        second.wait_for("leads from now on")
        with StandBy(one) as third:
            second.process.send_signal(signal.SIGSTOP)
            third.wait_for("leads from now on")
            second.process.send_signal(signal.SIGCONT)
            second.wait_for("standing by")
            assert any("leads no more" in line or "waiting for the state store" in line for line in second.seen)
            third.project.run("trigger", "all")
            third.wait_for("ended: ok")
            assert third.end() == 0
            second.wait_for("leads from now on")
            second.wait_for("serving '")
            second.project.run("trigger", "all")
            second.wait_for("nothing to do")
            assert second.end() == 0
    assert Project(tmp_path, sluice_bin).count("clean.orders") == 2


def test_a_lock_on_a_table_of_the_state_store_ends_no_service(postgres, tmp_path, sluice_bin):
    """As VACUUM FULL takes it, for longer than a lease lasts: the loop gets round meanwhile."""
    one, two = two_machines(postgres, tmp_path, sluice_bin, "locked")
    with Service(one) as leader, StandBy(two) as other:
        one.run("trigger", "all", "--wait")
        until(lambda: is_up(two))
        answers, lock = 0, "begin; lock table locked.runs in access exclusive mode; select 'locked'; select pg_sleep(8); commit"
        with subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-c", lock, postgres.dsn], stdout=subprocess.PIPE, text=True) as locking:
            until(lambda: postgres.query("select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = 'locked.runs'::regclass and granted"))
            asked = subprocess.Popen([str(one.binary), "trigger", "all"], cwd=one.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while locking.poll() is None:
                answers += is_up(one) and is_up(two)  # one whose lead is lost may close its socket for a moment
                time.sleep(0.2)
            assert answers > 4
            asked.wait(timeout=PATIENCE_S)
        assert leader.process.poll() is None and other.process.poll() is None
        end = time.monotonic() + PATIENCE_S
        while not (leads := [project for project in (one, two) if is_up(project, "/readyz")]):
            assert time.monotonic() < end
            time.sleep(0.02)
        leads[0].run("trigger", "all", "--wait")
        assert leader.end() == 0 and other.end() == 0


def test_many_runs_that_are_kept_late_cost_no_lead(postgres, tmp_path, sluice_bin):
    """Together they take longer than a lease lasts."""
    one, _ = two_machines(postgres, tmp_path, sluice_bin, "late", prepare=held_by_a_task)
    with Service(one) as service:
        one.run("trigger", "all")
        wait_until_it_is_held(one)
        postgres.query("""create table late.mode as select 'refuse' as mode;
            create function late.mode() returns trigger language plpgsql as $$ begin
                if (select mode from late.mode) = 'refuse' then raise exception 'not now' using errcode = '57014'; end if;
                perform pg_sleep(0.3); return new;
            end $$;
            create trigger mode before insert on late.queue for each row execute function late.mode()""")
        answers = [one.json("trigger", "all") for _ in range(16)]
        assert all("could not be written down" in answer["warning"] for answer in answers)
        asked = [answer["run_id"] for answer in answers]
        service.wait_for("it is not kept in the state store", times=len(asked))
        postgres.query("update late.mode set mode = 'slow'")
        end = time.monotonic() + PATIENCE_S
        while [row for row, in postgres.query("select run_id from late.queue order by seq")] != asked:
            assert time.monotonic() < end and service.process.poll() is None
            time.sleep(0.1)
        told = one.json("status")["waiting"]
        assert len(told) == len(asked)
        service.process.kill()
        service.wait_for_end()
    assert not [line for line in service.seen if "leads no more" in line]


def test_a_run_that_ends_and_is_alerted_while_its_table_is_locked_costs_no_lead(postgres, tmp_path, sluice_bin, hook):
    def prepare(project):
        project.write("models/bad.sql", "select nope from clean.orders")
        project.write("models/other.sql", "select id from clean.orders")
        project.write("tasks/wait.yml", f"command: [sh, -c, 'until [ -e {tmp_path}/go ]; do sleep 0.1; done']\nbefore: [curated.bad, curated.total, curated.other]\n")

    one, two = two_machines(postgres, tmp_path, sluice_bin, "alerted", prepare)
    for project in (one, two):
        with (project.folder / "sluice.yml").open("a") as file:
            file.write(f"checks: {{requirements: off}}\nretry: {{attempts: 1}}\nalerts: {{when: {{row_drop: 50%}}, channels: {{hook: {{webhook: '{hook.url}'}}}}}}\n")
    with Service(one) as leader, StandBy(two) as other:
        one.run("trigger", "all")
        leader.wait_for("begins")
        lock = f"begin; lock table alerted.runs, alerted.steps in access exclusive mode; select pg_sleep({PATIENCE_S}); commit"
        with subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-c", lock, postgres.dsn], stdout=subprocess.DEVNULL) as locking:
            held = "mode = 'AccessExclusiveLock' and relation = 'alerted.steps'::regclass and granted"
            until(lambda: postgres.query(f"select 1 from pg_locks where {held}"))
            began, told = time.monotonic(), []
            (tmp_path / "go").touch()
            leader.wait_for("ended: partial")
            while not told or time.monotonic() < began + 11:  # longer than a lease lasts
                assert locking.poll() is None
                told += hook.all()
                assert not any("leads from now on" in line for line in other.seen)
                time.sleep(0.2)
            postgres.query(f"select pg_terminate_backend(pid) from pg_locks where {held}")
        assert [document["alert"]["subject"] for document in told] == ["curated.bad"]
        until(lambda: is_up(one, "/readyz"))
        assert other.end() == 0 and leader.end() == 0
        assert not any("leads no more" in line for line in leader.seen) and not any("leads from now on" in line for line in other.seen)


def test_one_whose_database_was_away_leads_again_when_it_is_back(tmp_path, sluice_bin):
    with own_server() as (server, folder, _):
        one, _ = two_machines(server, tmp_path, sluice_bin, "away")
        with Service(one) as service:
            one.run("trigger", "all", "--wait")
            subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
            service.wait_for("leads no more")
            service.wait_for("standing by: ")
            until(lambda: is_up(one))
            assert not is_up(one, "/readyz")
            subprocess.run([SERVERS / "pg.sh", "again", folder], check=True, timeout=120)
            service.wait_for("serving '")
            (tmp_path / "data" / "2.csv").write_text("id,amount\n3,1.5\n")
            one.run("trigger", "all", "--wait")
            assert service.end() == 0
    assert Project(tmp_path, sluice_bin).count("clean.orders") == 3


def test_a_run_at_work_on_another_machine_is_not_taken_for_killed(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "owned", lambda project: slow_model(project, 1))
    one.run("run")
    for project in (one, two):
        slow_model(project, 50)
    log = (tmp_path / "one.log").open("w")
    with subprocess.Popen([str(one.binary), "run", "--full-refresh"], cwd=one.folder, stdout=log, stderr=log) as run:
        while len(postgres.query("select 1 from owned.steps where name = 'curated.total'")) < 2:
            assert run.poll() is None
        assert "nothing to retry" in two.run("retry").stdout
        with Service(two) as service:
            assert service.end() == 0
        assert not any("was killed" in line for line in service.seen)
        assert [row["status"] for row in two.json("status")["runs"]] == ["running", "ok"]
        postgres.query("update owned.runs set host = 'elsewhere' where ended_us = 0")
        assert two.json("status")["runs"][0]["status"] == "running", "of another machine's processes the lease tells"
        run.kill()
    for project in (one, two):
        slow_model(project, 1)
    postgres.query("update owned.leases set until_us = 1 where name like 'run %'")  # as when it has run out
    assert two.json("status")["runs"][0]["status"] == "killed"
    again = two.run("retry").stdout
    assert "model slow" in again and "ingest" not in again

def is_up(project, path="/healthz"):
    """Its socket may be there a moment before it takes connections, or after it took the last one."""
    try:
        return ask(project, path)[0] == 200
    except OSError:
        return False


def ask(project, path, body=None):
    connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None)
    answer = connection.getresponse()
    status, document = answer.status, json.loads(answer.read())
    connection.close()
    return status, document


def test_one_that_stands_by_lives_and_is_not_ready_until_it_leads(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "ready")
    with Service(one) as leader, StandBy(two) as other:
        until(lambda: is_up(two))
        assert ask(one, "/readyz")[0] == 200
        status, document = ask(two, "/readyz")
        assert status == 503 and document["not_ready_because"].startswith("it stands by: ")
        assert ask(one, "/api/v1/pipelines/all")[1]["active_runs"] == 0
        assert not {"active_runs", "queued_runs"} & set(ask(two, "/api/v1/pipelines/all")[1])
        assert ask(two, "/healthz")[0] == 200
        refused = two.run("trigger", "all", exit_code=1).stderr
        assert "SL0825" in refused and "stands by" in refused
        connection = UnixConnection(two.folder / ".sluice" / "serve.sock")
        connection.request("POST", "/api/v1/backfills", json.dumps({"tables": ["curated.total"]}), {})
        answer = connection.getresponse()
        assert json.loads(answer.read())["error"]["code"] == "SL0825" and answer.status == 503
        connection.close()
        (service,) = [check for check in two.json("doctor", exit_code=None)["machine"] if check["check"] == "service"]
        assert service["state"] == "ok" and "leads" in service["text"]
        assert leader.end() == 0
        other.wait_for("serving '")
        assert ask(two, "/readyz")[0] == 200
        two.run("trigger", "all")
        other.wait_for("ended: ok")
        assert other.end() == 0


def wait_for_approval(project):
    project.write("models/total.sql", "/* sluice\napproval: true\n*/\nselect count(*) as orders from clean.orders")


def test_one_that_stands_by_says_who_leads_of_a_run_that_it_does_not_have(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "asked", wait_for_approval)
    with Service(one) as leader, StandBy(two) as other:
        run = one.json("trigger", "all")["run_id"]
        leader.wait_for("waits for a person")
        until(lambda: is_up(two))
        for words in (("approve", run, "curated.total"), ("reject", run, "curated.total"), ("cancel", run)):
            refused = two.run(*words, exit_code=1).stderr
            assert "SL0825" in refused and "stands by" in refused, words
        for path in ("/api/v1/active", "/api/v1/backfills", f"/api/v1/backfills/{run}"):
            status, document = ask(two, path)
            assert status == 503 and "stands by" in document["error"]["message"], path
        assert ask(one, "/api/v1/active")[1]["runs"][0]["run_id"] == run
        assert "SL0822" not in two.run("cancel", "ffffffff", exit_code=1).stderr, "of one that nobody has"
        nothing = two.run("run", "--select", "clean.orders")
        assert "nothing to do" in nothing.stdout and f"run {run[:8]} is at work on machine '" in nothing.stderr
        for wrong in ({"allow_breaking": ["nosuch"]}, {"exclude": ["nosuchthing"]}, {"exclude": ["clean.orders", "nosuchthing"]}):
            status, document = ask(one, "/api/v1/pipelines/all/runs", wrong)
            assert status == 400 and "nosuch" in document["error"]["message"], wrong
        one.run("approve", run, "curated.total")
        leader.wait_for("ended: ok")
        assert ask(one, "/api/v1/active") == (200, {"runs": []})
        assert "has ended" in two.run("cancel", run, exit_code=1).stderr
        assert leader.end() == 0 and other.end() in (0, 130)


def test_the_log_of_a_run_of_another_machine_is_told_of_and_its_steps_are_of_the_history(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "logs", wait_for_approval)
    with Service(one) as leader, StandBy(two) as other:
        run = one.json("trigger", "all")["run_id"]
        leader.wait_for("waits for a person")
        with subprocess.Popen([str(two.binary), "logs", "-f", run], cwd=two.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follow:
            told = [follow.stderr.readline() for _ in range(2)]  # in no order
            assert any(f"the log of run {run[:8]} is on machine '" in line for line in told) and any("waits for a person" in line for line in told), told
            one.run("approve", run, "curated.total")
            leader.wait_for("ended: ok")
            text, _ = follow.communicate(timeout=PATIENCE_S)
            assert follow.returncode == 0 and "model total" in text and "cleanse orders" in text
        here, there = one.run("logs", run), two.run("logs", run)
        assert "is on machine" not in here.stderr and there.stderr.count("is on machine") == 1
        assert there.stdout == here.stdout == text
        assert two.run("logs", run, "clean.*").stdout == one.run("logs", run, "clean.*").stdout
        assert two.json("logs", run)["lines"] == one.json("logs", run)["lines"]
        lines = [json.loads(line) for line in two.run("logs", "--lines", run).stdout.splitlines()]
        assert [line["table"] for line in lines] == [line["table"] for line in one.json("logs", run)["lines"]]
        for path in ("log", "steps/clean.orders/log", "log?follow=true", "steps/clean.orders/log?follow=true"):
            status, document = ask(two, f"/api/v1/runs/{run}/{path}")
            assert (status, document["error"]["code"]) == (404, "SL0880") and "is on machine '" in document["error"]["message"]
        idle = one.json("trigger", "all", "--wait")["run_id"]
        assert two.run("logs", idle).stdout == one.run("logs", idle).stdout == f"run {idle[:8]} did nothing\n"
        assert ask(two, f"/api/v1/runs/{idle}/log")[1]["error"]["code"] == "SL0822"
        postgres.query("update logs.runs set host = 'elsewhere'")
        assert two.run("logs", run).stdout == text
        assert "is on machine 'elsewhere':" in two.run("logs", run).stderr
        assert leader.end() == 0 and other.end() in (0, 130)
