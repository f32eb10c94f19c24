"""`sluice doctor`: data gets in, gets built and gets out, or what is wrong and what to do."""
import json
import os
import shutil
import sqlite3
import time

import pytest

from conftest import contract_text, new_project  # noqa: F401
from test_serve import Service, deliver, write_shop

TARGET = "type: {type}\npath: {path}\ndeliver:\n  - table: clean.orders\n"


def look(project, *arguments, exit_code=0):
    return project.json("doctor", *arguments, exit_code=exit_code)


def of(document, kind, name):
    (found,) = [item for item in document[f"{kind}s"] if item[kind] == name]
    return found


def by_hand(project, type="csv", path="out"):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("targets/w.yml", TARGET.format(type=type, path=path))
    return project


def test_a_project_that_was_run_is_well_and_says_what_it_saw(project):
    by_hand(project)
    project.run("run")
    document = look(project)
    assert (document["schema"], document["state"]) == ("sluice.doctor/1", "ok")
    source = of(document, "source", "orders")
    assert (source["is_reachable"], source["files"], source["newest_file"], source["waiting_files"], source["lag_s"]) == (True, 1, "data/1.csv", 0, 0)
    table = of(document, "table", "clean.orders")
    assert (table["version"], table["plan"], table["is_late"], table["rows_in"], table["rows_rejected"]) == (0, "fresh", False, 3, 0)
    target = of(document, "target", "target.w.orders")
    assert (target["rows"], target["table_rows"], target["version"], target["lag_s"]) == (3, 3, 0, 0)
    assert target["delivered_at"].startswith("20")
    (pipeline,) = document["pipelines"]
    assert (pipeline["pipeline"], pipeline["state"]) == ("all", "ok")
    assert pipeline["gets_in"]["subject"] == "orders" and pipeline["gets_out"]["subject"] == "target.w.orders"
    checks = {check["check"]: check["state"] for check in document["machine"]}
    assert set(checks) == {"state", "lake disk", "state disk", "permissions", "engine", "clock", "secrets", "alerts", "service"}
    text = project.run("doctor").stdout
    assert "gets in" in text and "orders: newest is data/1.csv" in text and "3 rows, as in version 0 of clean.orders" in text


def test_it_changes_nothing(project):
    by_hand(project)
    project.run("run")
    before = {file: file.stat().st_mtime_ns for file in project.folder.rglob("*") if ".sluice" not in file.parts}
    look(project)
    assert {file: file.stat().st_mtime_ns for file in project.folder.rglob("*") if ".sluice" not in file.parts} == before


def test_files_that_wait_are_counted_and_aged(project):
    by_hand(project)
    project.run("run")
    deliver(project, 2)
    deliver(project, 3)
    an_hour_ago = time.time() - 3600
    os.utime(project.folder / "data/2.csv", (an_hour_ago, an_hour_ago))
    document = look(project)  # nothing is missed: the exit code is 0
    source = of(document, "source", "orders")
    assert (source["state"], source["waiting_files"], source["newest_file"]) == ("waits", 2, "data/3.csv")
    assert source["waiting_bytes"] == sum((project.folder / f"data/{n}.csv").stat().st_size for n in (2, 3))
    assert 3600 <= source["lag_s"] < 3700
    assert document["pipelines"][0]["gets_in"]["text"].endswith("the oldest for 1 h")
    assert of(document, "table", "clean.orders")["plan"] == "after"
    project.write("sluice.yml", "name: shop\nalerts: {when: {lag: 10m}}\n")
    late = look(project, exit_code=1)
    assert of(late, "source", "orders")["state"] == "wrong" and "may for 10 min" in late["pipelines"][0]["gets_in"]["text"]


def test_a_source_that_is_gone_is_wrong_with_what_to_do(project):
    by_hand(project)
    project.run("run")
    shutil.rmtree(project.folder / "data")
    document = look(project, exit_code=1)
    source = of(document, "source", "orders")
    assert (source["state"], source["is_reachable"], source["lag_s"]) == ("wrong", False, None)
    assert "data/*.csv" in source["text"]


def test_a_folder_whose_files_are_all_gone_says_since_when(project):
    by_hand(project)
    document = look(project, exit_code=1)
    assert of(document, "source", "orders")["empty_since"] is None
    project.run("run")
    deliver(project, 2)
    project.run("run")
    for file in (project.folder / "data").iterdir():
        file.unlink()
    an_hour_ago = time.time() - 3600
    os.utime(project.folder / "data", (an_hour_ago, an_hour_ago))  # before they were read: the time of that is known, too
    document = look(project)  # files that were taken in may go: no error
    source = of(document, "source", "orders")
    assert (source["state"], source["is_reachable"], source["files"], source["gone_files"], source["waiting_files"]) == ("waits", True, 0, 2, 0)
    assert source["text"].startswith("all of its 2 files are gone, for ") and "raw.orders" in source["text"] and source["hint"]
    committed = of(document, "table", "raw.orders")["committed_at"]
    assert source["empty_since"] == committed
    os.utime(project.folder / "data")
    assert of(look(project), "source", "orders")["empty_since"] > committed
    assert "since 20" in project.run("doctor").stdout
    deliver(project, 3)
    source = of(look(project), "source", "orders")
    assert (source["waiting_files"], source["empty_since"]) == (1, None)


def test_a_file_that_a_source_names_has_to_be_there(project):
    by_hand(project)
    project.write("sources/orders.yml", "path: data/1.csv\ncontract: contracts/orders.odcs.yml\n")
    project.run("run")
    (project.folder / "data/1.csv").unlink()
    source = of(look(project, exit_code=1), "source", "orders")
    assert (source["state"], source["gone_files"]) == ("wrong", 1) and source["text"].startswith("its file is gone")


def test_each_file_that_a_source_names_has_to_be_there(project):
    by_hand(project)
    deliver(project, 2)
    (project.folder / "data/2.csv").rename(project.folder / "fixed.csv")
    project.write("sources/orders.yml", "path: [data/*.csv, ./fixed.csv, never.csv]\ncontract: contracts/orders.odcs.yml\n")
    project.run("run")
    assert of(look(project), "source", "orders")["state"] == "ok", "what never came is not gone"
    (project.folder / "fixed.csv").unlink()
    source = of(look(project, exit_code=1), "source", "orders")
    assert (source["state"], source["files"], source["gone_files"]) == ("wrong", 1, 1)
    assert source["text"] == "'fixed.csv', which it names, is gone; the rows stay in raw.orders" and source["hint"]
    (project.folder / "data/1.csv").unlink()
    source = of(look(project, exit_code=1), "source", "orders")
    assert (source["state"], source["files"]) == ("wrong", 0) and source["text"].startswith("all of its 2 files are gone")


def test_a_task_that_was_forced_and_failed_is_wrong_although_it_is_fresh(project):
    by_hand(project)
    project.write("tasks/tell.yml", "after: [curated.total]\ncommand: '[ ! -e broken ]'\n")
    project.run("run")
    project.write("broken", "")
    project.run("run", "--full-refresh", "--select", "task.tell", exit_code=None)
    task = of(look(project, exit_code=1), "task", "task.tell")
    assert (task["state"], task["last"], task["plan"], task["runs"]) == ("wrong", "failed", "fresh", 1) and "SL0722" in task["text"]
    project.write("models/total.sql", "select error('boom') as orders from clean.orders")
    steps = {step["table"]: step["status"] for step in project.json("run", exit_code=None)["steps"]}
    assert steps["task.tell"] == "skipped"
    task = of(look(project, exit_code=1), "task", "task.tell")
    assert (task["state"], task["last"]) == ("wrong", "failed"), "one that was skipped hides no failure"
    (project.folder / "broken").unlink()
    project.write("models/total.sql", "select count(*) as orders, sum(amount) as amount from clean.orders")
    project.run("run", "--full-refresh")
    assert of(look(project), "task", "task.tell")["last"] == "ok"


def test_what_another_environment_came_to_is_not_told(project):
    by_hand(project)
    project.write("sluice.yml", "name: shop\nenvironments:\n  prod: {lake: lake}\n  dev: {lake: dev}\n")  # one state folder
    project.write("models/total.sql", "select error('boom') as orders from clean.orders")
    project.run("run", "--env", "prod", exit_code=None)
    assert "boom" in of(look(project, "--env", "prod", exit_code=1), "table", "curated.total")["text"]
    assert of(look(project, "--env", "dev", exit_code=1), "table", "curated.total")["text"] == "never built"


def test_tasks_are_built_like_tables(project):
    by_hand(project)
    project.write("tasks/tell.yml", "after: [curated.total]\ncommand: '[ ! -e broken ]'\n")
    project.write("tasks/fetch.yml", "command: 'true'\n")
    project.write("tasks/both.yml", "after: [task.tell, task.fetch]\n")
    project.write("pipelines/programs.yml", "select: [task.tell, task.both]\n")
    document = look(project, exit_code=1)
    programs = next(item for item in document["pipelines"] if item["pipeline"] == "programs")
    assert (programs["tasks"], programs["state"]) == (["task.tell"], "wrong"), "one without a program does nothing"
    assert (programs["gets_built"]["subject"], programs["gets_built"]["text"]) == ("task.tell", "never run")
    assert programs["gets_in"] is None and programs["gets_out"] is None
    task = of(document, "task", "task.tell")
    assert (task["last"], task["last_at"], task["runs"]) == (None, None, 0)
    project.run("run")
    document = look(project)
    task = of(document, "task", "task.tell")
    assert (task["state"], task["last"], task["plan"], task["runs"], task["why"]) == ("ok", "ok", "fresh", 1, None)
    assert task["last_at"] and 0 <= task["age_s"] < 60
    fetch = of(document, "task", "task.fetch")
    assert (fetch["state"], fetch["is_always"]) == ("ok", True) and "run in every run" in fetch["text"]
    text = project.run("doctor").stdout
    assert "task.tell: ended well" in text and "task.fetch: ended well" in text and "programs" in text
    deliver(project, 2)
    project.run("run", "--select", "raw.orders", "clean.orders", "curated.total")
    document = look(project)
    task = of(document, "task", "task.tell")
    assert (task["state"], task["last"], task["plan"], task["behind"]) == ("waits", "ok", "stale", "curated.total")
    assert "curated.total" in task["why"] and task["text"].startswith("stale: ")
    project.write("broken", "")
    project.run("run", exit_code=None)
    document = look(project, exit_code=1)
    failed = of(document, "task", "task.tell")
    assert (failed["state"], failed["last"]) == ("wrong", "failed") and failed["last_at"] > task["last_at"] and "SL0722" in failed["text"]
    assert next(item for item in document["pipelines"] if item["pipeline"] == "programs")["gets_built"]["state"] == "wrong"
    (project.folder / "broken").unlink()
    project.run("run")
    assert look(project)["state"] == "ok"
    (project.table_folder("clean.orders").parents[1] / "_tasks/tell.json").write_text("{")
    assert of(look(project, exit_code=1), "task", "task.tell")["state"] == "wrong"


@pytest.mark.parametrize("type, path", [("csv", "out"), ("sqlite", "out.db"), ("duckdb", "out.duckdb")])
def test_a_delivery_that_somebody_took_away_was_delivered(project, type, path):
    by_hand(project, type, path)
    project.run("run")
    there = project.folder / path
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    target = of(look(project, exit_code=1), "target", "target.w.orders")
    assert (target["state"], target["version"]) == ("wrong", None) and target["delivered_at"]
    assert target["text"].startswith("it was delivered at 20") and target["text"].endswith("is not there any more")
    assert "--select target.w.orders" in target["hint"]
    project.run("run", "--select", "target.w.orders")
    assert of(look(project), "target", "target.w.orders")["state"] == "ok"


def test_a_delivered_file_that_another_program_changed_is_named(project):
    by_hand(project)
    project.run("run")
    (file,) = (project.folder / "out").rglob("*.csv")
    file.write_text("mine\n")
    target = of(look(project, exit_code=1), "target", "target.w.orders")
    assert target["lost"] == f"'{file.name}' of it was changed" and target["text"].endswith(target["lost"])
    plan = {node["name"]: node for node in project.json("plan")["nodes"]}
    assert plan["target.w.orders"]["why"] == [f"delivered before, but '{file.name}' of it was changed"]
    file.unlink()
    assert "is gone" in of(look(project, exit_code=1), "target", "target.w.orders")["lost"]
    project.run("run")
    assert look(project)["state"] == "ok"


def test_nothing_was_built_yet(project):
    document = look(by_hand(project), exit_code=1)
    assert of(document, "table", "clean.orders")["text"] == "never built"
    assert of(document, "target", "target.w.orders")["text"] == "never delivered"
    assert of(document, "source", "orders")["state"] == "waits"


def test_a_table_that_is_too_old_is_wrong(project):
    by_hand(project)
    project.write("sources/orders.yml", "path: data/*.csv\ncontract: contracts/orders.odcs.yml\nfreshness: 2h\n")
    project.run("run")
    assert of(look(project), "table", "clean.orders")["freshness_s"] == 7200
    log = project.table_folder("clean.orders") / "_delta_log/00000000000000000000.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["timestamp"] -= 3 * 3600 * 1000
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = of(look(project, exit_code=1), "table", "clean.orders")
    assert (table["state"], table["is_late"], table["text"]) == ("wrong", True, "3 h old, and may be 2 h")


def test_a_step_that_failed_is_wrong_until_it_is_mended(project):
    by_hand(project)
    project.run("run")
    project.write("models/total.sql", "select count(*) as orders, error('boom') as amount from clean.orders")
    project.run("run", exit_code=None)
    document = look(project, exit_code=1)
    table = of(document, "table", "curated.total")
    assert table["state"] == "wrong" and "boom" in table["text"] and "sluice logs" in table["hint"]
    project.write("models/total.sql", "select count(*) as orders, sum(amount) as amount from clean.orders")
    project.run("run")
    assert look(project)["state"] == "ok"


def test_a_stale_table_names_its_partitions(project):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("models/total.sql", "/* sluice\nwrite: partition\npartition_by: [part]\n*/\n"
                  "select id // 100000 as part, count(*) as orders from clean.orders group by all")
    deliver(project, 2)
    project.run("run")
    deliver(project, 3)
    project.run("run", "--select", "raw.orders", "clean.orders")
    table = of(look(project), "table", "curated.total")
    assert (table["state"], table["plan"], table["stale_partitions"], table["behind"]) == ("waits", "stale", ["part=3"], "clean.orders")
    assert table["text"].startswith("1 partition is stale")


@pytest.mark.parametrize("type, path", [("csv", "out"), ("jsonl", "out"), ("parquet", "out"), ("sqlite", "out.db"), ("duckdb", "out.duckdb")])
def test_rows_at_every_kind_of_target_are_counted(project, type, path):
    by_hand(project, type, path)
    deliver(project, 2, rows=5)
    project.run("run")
    target = of(look(project), "target", "target.w.orders")
    assert (target["rows"], target["table_rows"], target["is_reachable"]) == (8, 8, True)
    assert of(look(project, "--no-count"), "target", "target.w.orders")["rows"] is None
    deliver(project, 3)
    project.run("run", "--select", "raw.orders", "clean.orders")
    target = of(look(project), "target", "target.w.orders")
    assert (target["state"], target["version"], target["table_version"], target["rows"], target["table_rows"]) == ("waits", 0, 1, 8, 8)


def test_rows_that_somebody_took_from_a_target_are_missed(project):
    by_hand(project, "sqlite", "out.db")
    project.run("run")
    with sqlite3.connect(project.folder / "out.db") as database:
        database.execute("delete from orders where id = 100001")
    database.close()
    target = of(look(project, exit_code=1), "target", "target.w.orders")
    assert (target["state"], target["rows"], target["table_rows"]) == ("wrong", 2, 3)
    project.run("run", "--full-refresh", "--select", "target.w.orders")  # as the hint says
    assert "--full-refresh --select target.w.orders" in target["hint"]
    assert look(project)["state"] == "ok"


def test_rows_in_postgres_are_counted_there(project, postgres):
    write_shop(project, ("all", "description: Everything\n"))
    project.write("targets/w.yml", f"type: postgres\ndsn: {postgres.dsn}\nschema: doctor\ndeliver:\n  - table: clean.orders\n")
    project.run("run")
    assert of(look(project), "target", "target.w.orders")["rows"] == 3
    postgres.query("delete from doctor.orders where id = 100000")
    assert "2 rows there, and 3 in version 0" in of(look(project, exit_code=1), "target", "target.w.orders")["text"]
    postgres.query("drop schema doctor cascade")
    project.write("targets/w.yml", "type: postgres\ndsn: host=127.0.0.1 port=1 dbname=no\ndeliver:\n  - table: clean.orders\n")
    target = of(look(project, exit_code=1), "target", "target.w.orders")
    assert (target["state"], target["is_reachable"], target["rows"]) == ("wrong", False, None)


def test_one_pipeline_or_a_selection_alone_is_looked_at(project):
    write_shop(project, ("in", "select: [raw.orders, clean.orders]\n"), ("out", "select: [curated.total]\n"))
    project.run("run")
    shutil.rmtree(project.folder / "data")
    both = look(project, exit_code=1)
    assert [(p["pipeline"], p["state"]) for p in both["pipelines"]] == [("in", "wrong"), ("out", "ok")]
    (out,) = look(project, "out")["pipelines"]
    assert (out["reads"], out["gets_in"]["subject"], out["sources"]) == (["clean.orders"], "clean.orders", [])
    selected = look(project, "--select", "curated.total")
    assert [p["pipeline"] for p in selected["pipelines"]] == ["out"] and selected["sources"] == []
    assert "SL0840" in project.run("doctor", "ot", exit_code=1).stderr
    assert "error" in project.json("doctor", "nope", exit_code=1)


def test_a_trigger_needs_a_service_that_is_alive(project):
    write_shop(project, ("all", "when:\n  - cron: '0 3 * * *'\n"))
    project.run("run")

    def service(exit_code):
        (found,) = [check for check in look(project, exit_code=exit_code)["machine"] if check["check"] == "service"]
        return found
    assert service(1)["text"] == "none is alive, so 1 trigger starts nothing"
    with Service(project) as serving:
        assert service(0)["text"].startswith("serves since")
        assert serving.end() == 0


def test_a_state_that_cannot_be_read_is_told_with_the_rest(project):
    by_hand(project)
    project.run("run")
    with sqlite3.connect(project.folder / ".sluice/state.db") as database:
        database.execute("pragma user_version = 99")
    database.close()
    document = look(project, exit_code=1)
    (state,) = [check for check in document["machine"] if check["check"] == "state"]
    assert state["state"] == "wrong" and "later Sluice" in state["text"]
    assert document["pipelines"][0]["state"] == "ok"


def test_a_clock_that_was_set_back_is_noticed(project):
    by_hand(project)
    project.run("run", env={"SLUICE_CLOCK": "2099-01-01T00:00:00Z"})
    document = look(project, exit_code=1)
    (clock,) = [check for check in document["machine"] if check["check"] == "clock"]
    assert clock["state"] == "wrong" and "from now" in clock["text"]
