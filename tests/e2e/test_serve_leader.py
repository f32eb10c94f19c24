"""Several services over one state store in PostgreSQL and one lake: one leads, and is replaced."""
import json
import shutil
import signal
import subprocess
import time

from conftest import Project
from test_serve import PATIENCE_S, Service, by_hand, slow_model
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
        other.wait_for("ended: nothing")
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
            assert second.wait_for_end() == 1
            assert any("leads no more" in line for line in second.seen) and any("SL0813" in line for line in second.seen)
            third.project.run("trigger", "all")
            third.wait_for("ended: ok")
            assert third.end() == 0
    assert Project(tmp_path, sluice_bin).count("clean.orders") == 2


def test_a_run_at_work_on_another_machine_is_not_taken_for_killed(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "owned", lambda project: slow_model(project, 6))
    one.run("run")
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
    postgres.query("update owned.leases set until_us = 1 where name like 'run %'")  # as when it has run out
    assert two.json("status")["runs"][0]["status"] == "killed"
    again = two.run("retry").stdout
    assert "model slow" in again and "ingest" not in again

def ask(project, path):
    connection = UnixConnection(project.folder / ".sluice" / "serve.sock")
    connection.request("GET", path)
    answer = connection.getresponse()
    status, document = answer.status, json.loads(answer.read())
    connection.close()
    return status, document


def test_one_that_stands_by_lives_and_is_not_ready_until_it_leads(postgres, tmp_path, sluice_bin):
    one, two = two_machines(postgres, tmp_path, sluice_bin, "ready")
    with Service(one) as leader, StandBy(two) as other:
        end = time.monotonic() + PATIENCE_S
        while not (two.folder / ".sluice" / "serve.sock").exists():
            assert time.monotonic() < end
        assert ask(one, "/readyz")[0] == 200
        status, document = ask(two, "/readyz")
        assert status == 503 and document["not_ready_because"].startswith("it stands by: ")
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
