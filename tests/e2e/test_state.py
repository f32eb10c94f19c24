"""The state store in PostgreSQL: what every kind of store must do, and a project whose history is there."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time

import pytest

from conftest import SERVERS, Postgres, free_port
from test_serve import until

ORDERS = "order_id,amount\n1,10\n2,20\n"


def url_of(postgres, schema):
    return f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres?schema={schema}"


def new_shop(project, state):
    project.write("sluice.yml", f"name: shop\nstate: {state}\nchecks: {{requirements: off}}\n")
    project.write("sources/orders.yml", "path: data/orders*.csv\n")
    project.write("data/orders-1.csv", ORDERS)
    return project


@pytest.mark.parametrize("suite", ["queue", "leases", "many", "size"])
def test_every_kind_does_the_same(postgres, sluice_bin, suite):
    binary = pathlib.Path(sluice_bin).parents[1] / "tests" / "unit" / "state" / f"test_{suite}"
    done = subprocess.run([binary], env=dict(os.environ, SLUICE_TEST_STATE=url_of(postgres, "conform")), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout + done.stderr


def test_a_projects_history_is_in_the_database(postgres, project, monkeypatch):
    monkeypatch.setenv("STATE_URL", url_of(postgres, "history"))
    new_shop(project, "${env:STATE_URL}")
    assert project.json("status")["runs"] == []
    assert postgres.query("select count(*) from pg_namespace where nspname = 'history'") == [["0"]]  # reading makes nothing
    run = project.json("run")["run_id"]
    assert [row["run_id"] for row in project.json("status")["runs"]] == [run]
    assert not (project.folder / ".sluice" / "state.db").exists()
    assert (project.folder / ".sluice" / "logs" / f"{run}.jsonl").exists()
    assert postgres.query("select project, status from history.runs") == [["shop", "ok"]]
    steps = postgres.query(f"select name, status, rows_in from history.steps where run_id = '{run}' order by seq")
    assert [step[1] for step in steps] == ["ok"] * len(steps) and steps


def test_projects_share_a_database_and_see_their_own(postgres, new_project):
    one, two = (new_shop(new_project(name), url_of(postgres, "shared")) for name in ("one", "two"))
    two.write("sluice.yml", (two.folder / "sluice.yml").read_text().replace("name: shop", "name: store"))
    first, second = one.json("run")["run_id"], two.json("run")["run_id"]
    assert [row["run_id"] for row in one.json("status")["runs"]] == [first]
    assert [row["run_id"] for row in two.json("status")["runs"]] == [second]


def test_a_later_version_is_refused_with_what_helps(postgres, project):
    new_shop(project, url_of(postgres, "later"))
    project.run("run")
    postgres.query("update later.version set version = 99")
    done = project.run("status", exit_code=None)
    assert done.returncode != 0
    assert "SL0707" in done.stderr and "later Sluice (version 99, this one knows 4)" in done.stderr and "`?schema=NAME` in `state:`" in done.stderr
    project.write("data/orders-2.csv", ORDERS)
    project.write("sluice.yml", (project.folder / "sluice.yml").read_text() + "alerts: {channels: {ops: {slack: 'http://127.0.0.1:9/hook'}}}\n")
    done = project.run("run")  # tables do not depend on it
    assert "history is not kept" in done.stderr and done.stderr.count("nobody is alerted") == 1
    assert postgres.query("select count(*) from later.runs") == [["1"]]


def test_the_password_is_never_printed(project):
    new_shop(project, f"postgresql://anna:s3cret-pass@127.0.0.1:{free_port()}/postgres")
    done = project.run("run", exit_code=1)  # a lake that is empty, and nobody to say whether it should be
    assert "history is not kept" in done.stderr and "SL0895" in done.stderr and "s3cret-pass" not in done.stderr + done.stdout
    for command in (["config", "show"], ["status"], ["status", "--json"]):
        done = project.run(*command, exit_code=None)
        assert "s3cret-pass" not in done.stderr + done.stdout
    assert done.returncode != 0 and "SL0810" in done.stderr + done.stdout


@pytest.mark.parametrize("state, says", [
    ("postgresql://h/d?schema=No-Name", "schema"),
    ("postgresql://h:port/d", "URL"),
])
def test_a_url_that_cannot_be_read_is_told(project, state, says):
    new_shop(project, f'"{state}"')
    done = project.run("status", exit_code=None)
    assert done.returncode != 0 and says in done.stderr


def test_a_server_that_was_restarted_is_found_again(sluice_bin):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
    folder.chmod(0o755)
    server = Postgres(free_port())
    binary = pathlib.Path(sluice_bin).parents[1] / "tests" / "unit" / "state" / "state_again"
    try:
        subprocess.run([SERVERS / "pg.sh", "start", folder, str(server.port)], check=True, timeout=120)
        with subprocess.Popen([binary, url_of(server, "again")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            def say(word):
                program.stdin.write(word + "\n")
                program.stdin.flush()
                return program.stdout.readline().strip()
            assert say("write") == "ok"
            subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
            assert say("write") == "SL0810"
            assert say("listen") == "SL0810"
            subprocess.run([SERVERS / "pg.sh", "again", folder], check=True, timeout=120)
            assert say("write") == "ok"
            assert say("listen") == "ok"
            assert say("read") == "2"
            program.stdin.close()
            assert program.wait(timeout=30) == 0
        subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_several_processes_may_make_the_store_at_once(postgres, sluice_bin):
    binary = pathlib.Path(sluice_bin).parents[1] / "tests" / "unit" / "state" / "state_again"
    programs = [subprocess.Popen([binary, url_of(postgres, "at_once")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(6)]
    for program in programs:
        out, err = program.communicate("write\n", timeout=60)
        assert (program.returncode, out) == (0, "ok\n"), err
    assert postgres.query("select count(*) from at_once.audit") == [["6"]]
    assert postgres.query("select version from at_once.version") == [["4"]]


def test_a_user_who_may_not_make_a_schema_can_use_one_of_its_own(postgres, project):
    postgres.query("create user clerk; create schema desk authorization clerk")
    new_shop(project, url_of(postgres, "desk").replace("postgres@", "clerk@"))
    run = project.json("run")["run_id"]
    assert [row["run_id"] for row in project.json("status")["runs"]] == [run]
    project.write("sluice.yml", (project.folder / "sluice.yml").read_text().replace("schema=desk", "schema=other"))
    done = project.run("run", "--full-refresh")
    assert "history is not kept: state store: " in done.stderr and "permission denied" in done.stderr


def test_a_history_of_version_1_is_kept(project):
    """As a project has it that Sluice has run before."""
    new_shop(project, ".sluice")
    run = project.json("run")["run_id"]
    path = project.folder / ".sluice" / "state.db"
    database = sqlite3.connect(path)
    runs = database.execute("select id, command, environment, status, started_us, ended_us, pid, ok, warn, error, skipped, quarantined from runs").fetchall()
    columns = ("run_id, name, label, status, why, code, message, place, details, started_us, ended_us, has_balance, rows_in, rows_out, quarantined, "
               "deduplicated, filtered, bytes_in, bytes_out")
    steps = database.execute(f"select {columns} from steps").fetchall()
    database.close()
    path.unlink()
    database = sqlite3.connect(path)
    database.executescript("""
        pragma journal_mode = wal;
        create table runs (id text primary key, command text not null, environment text, status text not null, started_us integer not null,
            ended_us integer not null, pid integer not null, ok integer not null, warn integer not null, error integer not null,
            skipped integer not null, quarantined integer not null) without rowid;
        create index runs_started on runs (started_us desc);
        create table steps (seq integer primary key, run_id text not null, name text not null, label text not null, status text not null, why text,
            code text, message text, place text, details text, started_us integer not null, ended_us integer not null, has_balance integer not null,
            rows_in integer not null, rows_out integer not null, quarantined integer not null, deduplicated integer not null,
            filtered integer not null, bytes_in integer not null, bytes_out integer not null);
        create index steps_run on steps (run_id, seq);
        create index steps_name on steps (name, seq desc);
        pragma user_version = 1;""")
    database.executemany(f"insert into runs values ({', '.join('?' * 12)})", runs)
    database.executemany(f"insert into steps values (null, {', '.join('?' * 19)})", steps)
    database.commit()
    database.close()
    before = path.read_bytes()
    assert [row["run_id"] for row in project.json("status")["runs"]] == [run]
    assert path.read_bytes() == before  # looking at it changes nothing
    project.write("data/orders-2.csv", ORDERS)
    second = project.json("run")["run_id"]
    assert [row["run_id"] for row in project.json("status")["runs"]] == [second, run]
    shown = json.loads(project.run("status", run, "--json").stdout)
    assert len(shown["steps"]) == len(steps)


@pytest.mark.parametrize("version", [2, 3])
def test_a_history_of_an_earlier_version_is_kept(postgres, project, new_project, version):
    schema = f"older{version}"
    one, two = new_shop(project, ".sluice"), new_shop(new_project("two"), url_of(postgres, schema))
    runs_drop = ["options", "owner"] if version == 2 else []
    drops = [f"alter table runs drop column {column}" for column in runs_drop] + ["alter table steps drop column machine"]
    for shop in (one, two):
        runs = [shop.json("run")["run_id"]]
        if shop is one:
            with contextlib.closing(sqlite3.connect(shop.folder / ".sluice" / "state.db")) as database:
                database.executescript("; ".join([*drops, f"pragma user_version = {version}"]))
        else:
            gone = "drop table alerts, outbox, silences"
            postgres.query("; ".join([f"set search_path = {schema}", *drops, gone, f"update version set version = {version}"]))
        assert [row["run_id"] for row in shop.json("status")["runs"]] == runs
        shop.write("data/orders-2.csv", ORDERS)
        runs.insert(0, shop.json("run")["run_id"])
        assert [row["run_id"] for row in shop.json("status")["runs"]] == runs
        assert {step["machine"] for step in shop.json("status", runs[1])["steps"]} == {None}
        assert {step["machine"] for step in shop.json("status", runs[0])["steps"]} == {socket.gethostname()}
    assert postgres.query(f"select version from {schema}.version") == [["4"]]


def test_a_history_of_version_3_gets_tables_for_alerts(postgres, project):
    shop = new_shop(project, url_of(postgres, "third"))
    run = shop.json("run")["run_id"]
    postgres.query("alter table third.steps drop column machine; drop table third.alerts, third.outbox, third.silences; update third.version set version = 3")
    shop.run("alerts", "silence", "lag", "--for", "1h", "--why", "moving")
    assert shop.json("status")["runs"][0]["run_id"] == run
    assert postgres.query("select version from third.version") == [["4"]]
    assert [silence["match"] for silence in shop.json("alerts", "ls")["silences"]] == ["lag"]
    postgres.query("update third.version set version = 5")
    assert "written by a later Sluice (version 5, this one knows 4)" in shop.run("alerts", "ls", exit_code=1).stderr


def test_steps_that_end_while_the_database_is_away_are_written_once_when_it_is_back(project, sluice_bin):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
    folder.chmod(0o755)
    server = Postgres(free_port())
    new_shop(project, url_of(server, "away"))
    project.write("models/first.sql", "select count(*) as n from raw.orders")
    project.write("models/second.sql", "select n from curated.first")
    project.write("models/last.sql", "select n from curated.second")
    for name, then in (("second", "last"), ("first", "second")):
        project.write(f"tasks/after_{name}.yml", f"after: [curated.{name}]\nbefore: [curated.{then}]\ncommand: 'until [ -e go_{then} ]; do sleep 0.05; done'\n")
    try:
        subprocess.run([SERVERS / "pg.sh", "start", folder, str(server.port)], check=True, timeout=120)
        project.run("run", "--select", "raw.orders")
        with subprocess.Popen([project.binary, "run"], cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            while not server.query("select 1 from away.steps where name = 'curated.first'"):
                assert run.poll() is None
            subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
            (project.folder / "go_second").touch()
            until(lambda: list(project.table_folder("curated.second").glob("_delta_log/*.json")) or run.poll() is not None)
            time.sleep(0.5)  # the controller hears of its end
            subprocess.run([SERVERS / "pg.sh", "again", folder], check=True, timeout=120)
            (project.folder / "go_last").touch()
            said = run.stderr.read()
        assert run.returncode == 0, said
        names = [row[0] for row in server.query("select name from away.steps where name like 'curated.%' order by name")]
        assert names == ["curated.first", "curated.last", "curated.second"] and "history is not kept" not in said
        assert server.query("select status from away.runs order by started_us") == [["ok"], ["ok"]]
        subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
