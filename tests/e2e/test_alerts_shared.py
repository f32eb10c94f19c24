"""Alerts where the state is in PostgreSQL: whichever machine leads knows what was told, and each message is sent by one of them."""
import json
import os
import pathlib
import signal
import subprocess
import time

from receivers import hook  # noqa: F401
from test_serve import PATIENCE_S, Service, until
from test_serve_leader import StandBy, two_machines
from test_state import url_of

BAD = "select nope from clean.orders"
GOOD = "select count(*) as orders from clean.orders"


def on_two(postgres, tmp_path, sluice_bin, schema, hook, models=("total",)):
    projects = two_machines(postgres, tmp_path, sluice_bin, schema)
    for project in projects:
        with (project.folder / "sluice.yml").open("a") as file:
            file.write(f"checks: {{requirements: off}}\nretry: {{attempts: 1}}\nalerts: {{channels: {{hook: {{webhook: '{hook.url}'}}}}}}\n")
    write_models(projects, BAD, models)
    return projects


def write_models(projects, text, models=("total",)):
    for project in projects:
        for name in models:
            project.write(f"models/{name}.sql", text)


def wait_for_events(hook, count):
    documents, end = [], time.monotonic() + PATIENCE_S
    while len(documents) < count:
        assert time.monotonic() < end, documents
        documents += hook.all()
        time.sleep(0.05)
    return documents


def children(process):
    return [int(pid) for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def test_a_leader_is_killed_and_the_next_one_delivers_and_tells_once_and_of_the_end(postgres, tmp_path, sluice_bin, hook):
    one, two = on_two(postgres, tmp_path, sluice_bin, "alerting", hook)
    hook.answers = [(503, {"Retry-After": "5"}, b"")]
    with Service(one) as leader, StandBy(two) as other:
        one.run("trigger", "all")
        leader.wait_for("ended: partial")
        [refused] = wait_for_events(hook, 1)
        until(lambda: postgres.query("select attempts from alerting.outbox") == [["1"]])
        leader.process.kill()
        other.wait_for("serving '")
        [told] = wait_for_events(hook, 1)
        assert told["id"] == refused["id"] and (told["event"], told["alert"]["subject"]) == ("raised", "curated.total")
        two.run("trigger", "all")
        other.wait_for("ended: error")
        write_models((one, two), GOOD)
        other.process.send_signal(signal.SIGHUP)
        other.wait_for("was read anew")
        two.run("trigger", "all")
        other.wait_for("ended: ok")
        [over] = wait_for_events(hook, 1)
        assert over["event"] == "resolved" and over["alert"]["id"] == told["alert"]["id"] and over["alert"]["times"] == 2
        assert other.end() == 0
    assert hook.all() == [] and two.json("alerts", "ls")["alerts"] == []
    assert not list(two.folder.rglob("alerts.db*")) and not list(one.folder.rglob("alerts.db*"))


def test_a_leader_does_not_wait_for_another_that_judges_until_its_lease_is_over(postgres, tmp_path, sluice_bin, hook):
    one, _ = on_two(postgres, tmp_path, sluice_bin, "patient", hook)
    mine = "pid from pg_locks where locktype = 'advisory' and classid = 60113021"
    with Service(one) as leader:
        one.run("trigger", "all")
        leader.wait_for("ended: partial")
        [[project]] = postgres.query("select distinct project from patient.runs")
        holding = ("set search_path = patient; select pg_advisory_xact_lock(60113021, hashtext(current_schema() || ' ' || "
                   f"'{project}')); select pg_sleep(60)")
        holder = subprocess.Popen(["psql", "-X", "-q", "-c", holding, postgres.dsn], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: postgres.query(f"select {mine}"))
        one.run("trigger", "all")
        assert "lock timeout" in leader.wait_for("alerts: ")["message"]
        postgres.query(f"select pg_terminate_backend(pid) from (select {mine}) as held")
        holder.wait(timeout=PATIENCE_S)
        one.run("trigger", "all")
        leader.wait_for("ended: error")
        assert leader.end() == 0


def test_what_a_killed_sender_had_claimed_is_sent_by_another_when_the_claim_has_run_out(postgres, tmp_path, sluice_bin, hook):
    one, two = on_two(postgres, tmp_path, sluice_bin, "claimed", hook)
    hook.answers = ["hang"]
    with Service(one) as leader:
        one.run("trigger", "all")
        _, _, body, _ = hook.got.get(timeout=PATIENCE_S)
        sender = [pid for pid in children(leader.process) if b"alerts" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        leader.process.kill()
        for pid in sender:
            os.kill(pid, signal.SIGKILL)
    assert len(sender) == 1
    assert "0 messages sent" in two.run("alerts", "send").stdout
    left = int(postgres.query("select held_until_us - claimed.sluice_now() from claimed.outbox")[0][0])
    assert 0 < left < 46e6
    postgres.query("update claimed.outbox set held_until_us = 1")  # as when it has run out
    assert "1 message sent" in two.run("alerts", "send").stdout
    assert [document["id"] for document in hook.all()] == [json.loads(body)["id"]]
    assert "0 messages sent" in one.run("alerts", "send").stdout and hook.all() == []


def test_of_two_that_send_at_once_each_sends_others(postgres, tmp_path, sluice_bin, hook):
    models = [f"m{i}" for i in range(8)]
    one, two = on_two(postgres, tmp_path, sluice_bin, "together", hook, ["total", *models])
    hook.answers = [(503, {"Retry-After": "3000"}, b"")] * 9
    one.run("run", exit_code=None)
    assert len(hook.all()) == 9 and hook.answers == []
    senders = [subprocess.Popen([str(project.binary), "alerts", "send"], cwd=project.folder, stdout=subprocess.PIPE, text=True)
               for project in (one, two) for _ in range(2)]
    said = [sender.communicate(timeout=PATIENCE_S)[0] for sender in senders]
    ids = [document["id"] for document in hook.all()]
    assert len(ids) == len(set(ids)) == 9, said
    assert two.json("alerts", "ls")["unsent"] == []


def test_each_environment_sends_its_own(postgres, tmp_path, sluice_bin, hook):
    one, two = on_two(postgres, tmp_path, sluice_bin, "apart", hook)
    with (two.folder / "sluice.yml").open("a") as file:
        file.write("environments: {dev: {alerts: {channels: {other: {webhook: 'http://127.0.0.1:9/'}}}}}\n")
    hook.answers = [(503, {"Retry-After": "3000"}, b"")]
    one.run("run", exit_code=None)
    hook.all()
    assert "0 messages sent" in two.run("alerts", "send", "--env", "dev").stdout
    assert postgres.query("select attempts from apart.outbox") == [["1"]]
    assert "1 message sent" in two.run("alerts", "send").stdout


def test_a_silence_of_one_machine_holds_on_the_other(postgres, tmp_path, sluice_bin, hook):
    one, two = on_two(postgres, tmp_path, sluice_bin, "silent", hook)
    one.run("alerts", "silence", "failure", "--for", "1h", "--why", "moving")
    two.run("run", exit_code=None)
    assert hook.all() == []
    [alert] = one.json("alerts", "ls")["alerts"]
    assert alert["subject"] == "curated.total" and alert["told_at"] is None
    two.run("alerts", "silence", "failure", "--end")
    one.run("run", exit_code=None)
    assert hook.events() == [("raised", "failure", "curated.total")]


def test_alerts_of_a_file_go_along_when_the_state_moves_to_a_server(postgres, project, hook):
    settings = f"name: shop\nchecks: {{requirements: off}}\nretry: {{attempts: 1}}\nalerts: {{channels: {{hook: {{webhook: '{hook.url}'}}}}}}\n"
    project.write("sluice.yml", settings)
    project.write("sources/orders.yml", "path: data/*.csv\n")
    project.write("data/1.csv", "id,amount\n1,2\n")
    project.write("models/total.sql", "select nope from raw.orders")
    hook.answers = [(503, {"Retry-After": "3000"}, b"")]
    project.run("run", exit_code=None)
    project.run("alerts", "silence", "lag", "--for", "1h", "--why", "moving")
    [refused] = hook.all()
    [before] = project.json("alerts", "ls")["alerts"]
    project.write("sluice.yml", settings + f"state: {url_of(postgres, 'moved')}\n")
    project.run("doctor", exit_code=None)
    assert (project.folder / ".sluice" / "alerts.db").exists(), "who only looks moves nothing"
    assert postgres.query("select 1 from information_schema.schemata where schema_name = 'moved'") == []
    assert "1 message sent" in project.run("alerts", "send").stdout
    assert [document["id"] for document in hook.all()] == [refused["id"]]
    listed = project.json("alerts", "ls")
    assert listed["alerts"] == [before] and [silence["match"] for silence in listed["silences"]] == ["lag"]
    file, moved = project.folder / ".sluice" / "alerts.db", project.folder / ".sluice" / "alerts.db.moved"
    assert moved.exists() and not file.exists()
    moved.rename(file)  # as whoever is killed before it is put aside leaves it
    project.run("alerts", "send")
    again = project.json("alerts", "ls")
    assert (again["alerts"], again["silences"]) == (listed["alerts"], listed["silences"]) and moved.exists() and not file.exists()
    project.write("models/total.sql", "select amount from raw.orders")
    project.run("run")
    assert hook.events() == [("resolved", "failure", "curated.total")]


def test_many_alerts_are_judged_in_as_many_statements_as_one(postgres, tmp_path, sluice_bin, hook):
    models = [f"m{i}" for i in range(40)]
    one, _ = on_two(postgres, tmp_path, sluice_bin, "many_judged", hook, models)
    with Service(one) as leader:
        postgres.query("create sequence many_judged.statements; create function many_judged.counted() returns trigger language plpgsql as "
                       "$$begin perform nextval('many_judged.statements'); return null; end$$")
        for table in ("alerts", "outbox"):
            postgres.query(f"create trigger counted after insert on many_judged.{table} for each statement execute function many_judged.counted()")
        one.run("trigger", "all")
        leader.wait_for("ended: partial")
        assert len(wait_for_events(hook, 40)) == 40
        assert postgres.query("select last_value from many_judged.statements") == [["2"]]
        write_models([one], GOOD, models)
        leader.process.send_signal(signal.SIGHUP)
        leader.wait_for("was read anew")
        one.run("trigger", "all")
        leader.wait_for("ended: ok")
        assert {document["event"] for document in wait_for_events(hook, 40)} == {"resolved"}
        assert leader.end() == 0
    assert one.json("alerts", "ls")["alerts"] == []
