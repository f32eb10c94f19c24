"""What commands print: the JSON log, errors and their hints, names, selectors."""
import json
import os
import signal
import subprocess

from conftest import contract_text

CONTRACT = contract_text("orders") + """\
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: day, logicalType: string, required: true}
      - {name: amount, logicalType: integer}
"""
PER_DAY = """/* sluice
write: partition
partition_by: [day]
tags: [finance]
*/
select day, sum(amount)::bigint as amount from clean.orders group by day
"""
GOOD = "id,day,amount\n1,mon,10\n2,tue,20\n"


def shop(project, orders=GOOD, model=PER_DAY):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: data/orders*.csv\n")
    project.write("contracts/orders.odcs.yml", CONTRACT)
    project.write("data/orders-1.csv", orders)
    if model:
        project.write("models/per_day.sql", model)
    return project


def log_of(done):
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_the_json_log_names_the_partitions_that_were_recomputed(project):
    shop(project).run("run")
    project.write("data/orders-2.csv", "id,day,amount\n3,tue,5\n")
    lines = log_of(project.run("run", "--log-format", "json"))
    ended = {line["table"]: line for line in lines if line.get("status") == "ok"}
    assert ended["curated.per_day"]["partition"] == ["day=tue"]
    assert ended["clean.orders"]["partition"] is None


def test_an_error_in_the_json_log_is_an_object_even_with_a_secret_in_it(project):
    shop(project, model="select 'hunter22-secret'::integer as a from clean.orders")
    project.write(".env", "PATH_PART=hunter22-secret\n")
    project.write("targets/files.yml", "type: csv\npath: out/${env:PATH_PART}\ndeliver: [{table: clean.orders}]\n")
    done = project.run("run", "--log-format", "json", exit_code=5)
    errors = [line["error"] for line in log_of(done) if line["level"] == "error" and "error" in line]
    assert errors and "hunter22" not in done.stderr
    for error in errors:
        assert {"code", "message", "file", "line", "column", "hint"} <= set(error)


def test_an_unknown_selector_method_lists_those_there_are(project):
    done = shop(project).run("plan", "--select", "packge:x", exit_code=1)
    assert "known are fqn, tag, path" in done.stderr and "config.materialized" in done.stderr


def test_the_quarantine_shows_an_example_row_of_each_reason(project):
    shop(project, GOOD + "x,wed,1\n" + f"y,{'w' * 300},1\n", model=None).run("run")
    lines = project.run("quarantine", "ls").stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "id.type" in line)
    assert lines[at + 1].strip() == '{"id":"x","day":"wed","amount":"1"}'
    assert all(len(line) <= 160 for line in lines)


def test_a_record_with_a_nul_byte_is_shown(project):
    shop(project, (GOOD + "9,a\0b\n").encode(), model=None).run("run")
    assert "9,a b" in project.run("quarantine", "show", "orders").stdout
    assert "9,a b" in project.run("quarantine", "ls").stdout
    [row] = project.json("quarantine", "show", "orders")["rows"]
    assert row["payload"] == "9,a\0b"
    [group] = project.json("quarantine", "ls")["rows"]
    assert group["example_row"] == "9,a\0b"


def test_a_plan_without_nodes_is_no_plan(project):
    shop(project).run("plan", "-o", "plan.json")
    plan = json.loads((project.folder / "plan.json").read_text())
    del plan["nodes"]
    project.write("plan.json", json.dumps(plan))
    assert "nodes" in project.run("apply", "plan.json", exit_code=6).stderr
    project.write("plan.json", "{")
    assert "no plan" in project.run("apply", "plan.json", exit_code=6).stderr


def test_a_negative_number_of_threads_is_refused(project):
    for command in ["run"], ["retry"], ["apply", "plan.json"]:
        assert "--threads is '-3'" in shop(project).run(*command, "-j", "-3", exit_code=1).stderr


def test_logs_say_that_no_step_is_like_that(project):
    shop(project, model=None).run("run")
    assert "cleanse orders" in project.run("logs", "", "clean.*").stdout
    done = project.run("logs", "", "nope", exit_code=1)
    assert "has no step 'nope'" in done.stderr and "raw.orders, clean.orders" in done.stderr


def test_a_file_that_was_only_touched_changes_nothing_and_that_is_said(project):
    shop(project, model=None).run("run")
    (project.folder / "data/orders-1.csv").touch()
    assert "nothing to do" in project.run("run").stdout


def test_all_failing_checks_are_told(project):
    checks = "checks:\n  - expression: amount > 10\n  - expression: day = 'tue'\n  - row_count: {min: 1}\n"
    shop(project, model=PER_DAY.replace("*/", checks + "*/"))
    stderr = project.run("run", exit_code=3).stderr
    assert "amount > 10" in stderr and "day = 'tue'" in stderr and "row_count" not in stderr
    assert stderr.count("1 row says otherwise") >= 2


def test_a_run_that_is_at_work_is_named_and_says_how_it_is_stopped(project):
    shop(project, model="select sum(a.range + b.range)::double as a from range(1000000) a, range(1000000) b")
    running = subprocess.Popen([project.binary, "run"], cwd=project.folder, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"})
    try:
        for line in running.stderr:
            if "ingest orders" in line:
                break
        second = project.run("run", exit_code=1).stderr
        assert "SL0108" in second and f"process {running.pid}, since 2" in second and f"kill -INT {running.pid}" in second
        running.send_signal(signal.SIGINT)
        assert any("again to abort" in line for line in running.stderr)
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=60)[1]
        assert running.returncode == 130 and "`sluice run` does what is missing" in rest
    finally:
        running.kill()
        running.wait()


def test_a_model_that_writes_gets_a_hint_that_fits(project):
    shop(project, model="insert into x values (1)")
    assert "leave just the SELECT" in project.run("check", exit_code=1).stderr


def test_every_source_and_model_says_all_requirements(project):
    shop(project).write("sluice.yml", "name: shop\nchecks: {requirements: warn}\n")
    stderr = project.run("check").stderr
    everything = "consumers, grain, volume, growth, frequency, freshness, retention and compliance"
    assert stderr.count(everything) == 2
    for template in "empty", "quickstart":
        project.run("init", template, "--template", template)
        assert "SL0210" not in project.run("check", "-C", template).stderr


def test_every_document_carries_a_versioned_schema(project):
    shop(project).run("run")
    project.run("plan", "-o", "plan.json")
    commands = [
        "init new", "init drafted --from data/orders-1.csv", "quickstart demo", "check", "plan", "run", "retry", "apply plan.json",
        "status",
        "logs", "ls", "show clean.orders", "quarantine ls", "quarantine show orders", "lineage", "lineage curated.per_day.amount",
        "explain", "explain SL0101", "config show", "schema", "completion bash", "version", "help", "docs out", "query @"]
    for command in commands:
        words = ["select 1 as a" if word == "@" else word for word in command.split()]
        name = project.json(*words)["schema"]
        assert name.startswith("sluice.") and name.rsplit("/", 1)[1].isdigit(), (command, name)
    run = project.json("status")["runs"][0]["run_id"]
    assert project.json("status", run)["schema"] == "sluice.status.run/1"
    for kind in "project", "source", "contract", "model", "target", "test":
        schema = project.json("schema", kind)["kinds"][kind]
        assert schema["$id"] == f"urn:sluice:{kind}:1" and schema["$schema"].endswith("2020-12/schema")
    assert json.loads(project.run("nope", "--json", exit_code=1).stdout)["schema"] == "sluice.error/1"


def test_a_name_cannot_come_from_a_secret(project):
    shop(project).write("sec.txt", "hunter22-secret\n")
    project.write("targets/files.yml", 'type: csv\npath: out\ndeliver: [{table: clean.orders, to: "${file:sec.txt}"}]\n')
    done = project.run("check", exit_code=1)
    assert "'to' is a name and cannot hold ${...}" in done.stderr and "hunter22" not in done.stdout + done.stderr


def test_what_a_command_of_a_secret_says_is_not_shown(project):
    shop(project).write("targets/files.yml", "type: csv\npath: \"${exec:echo hunter22 >&2; echo out}\"\ndeliver: [{table: clean.orders}]\n")
    assert "hunter22" not in project.run("run").stderr
    project.write("targets/files.yml", "type: csv\npath: \"${exec:echo hunter22 >&2; exit 3}\"\ndeliver: [{table: clean.orders}]\n")
    assert "run it there" in project.run("check", exit_code=1).stderr


def test_no_log_or_list_holds_a_secret(project):
    shop(project, model="select '98765432x'::integer as a from clean.orders")
    project.write(".env", "PART=98765432x\n")
    project.write("sources/orders.yml", "path: data/orders*.csv\nowner: ${env:PART}\n")
    project.run("run", exit_code=5)
    found = [project.run(*words).stdout for words in (["ls"], ["ls", "--json"], ["logs"], ["status"])]
    found += [file.read_text() for file in (project.folder / ".sluice/logs").iterdir()]
    assert not any("98765432x" in text for text in found)


def test_the_env_file_sets_the_environment_and_settings(project):
    shop(project).write("sluice.yml", "name: shop\nchecks: {requirements: off}\nenvironments:\n  prod: {concurrency: 3}\n")
    project.write(".env", "SLUICE_ENV=prod\nSLUICE_ENGINE_THREADS=1\n")
    settings = project.json("config", "show")["settings"]
    assert settings["environment"] == {"value": "prod", "origin": "SLUICE_ENV in .env"}
    assert settings["engine.threads"] == {"value": "1", "origin": "SLUICE_ENGINE_THREADS in .env"}
    assert settings["concurrency"]["value"] == "3"
    settings = project.json("config", "show", env={"SLUICE_ENGINE_THREADS": "2"})["settings"]
    assert settings["engine.threads"]["value"] == "2"


def test_init_makes_a_source_of_each_shape_of_files(project):
    project.write("data/orders-2026-01.csv", GOOD)
    project.write("data/orders-2026-02.csv", GOOD.replace("1,mon", "7,mon").replace("2,tue", "8,tue"))
    project.write("data/customers.csv", "id;name\n1;Ann\n2;Bob\n")
    project.write("data/eu-sales.csv", "sale,amount\n1,2\n")
    project.write("data/eu-returns.csv", "SALE,amount\n9,2\n")
    project.write("data/more.jsonl", '{"a": 1}\n')
    out = project.run("init", "shop", "--from", "data/*.csv", "--from", "data/*.jsonl").stdout
    paths = {name: next(line for line in (project.folder / f"shop/sources/{name}.yml").read_text().splitlines() if line.startswith("path"))
             for name in ("orders", "customers", "eu", "more")}
    assert paths == {"orders": 'path: "../data/orders*.csv"', "customers": 'path: "../data/customers.csv"',
                     "eu": 'path: ["../data/eu-returns.csv", "../data/eu-sales.csv"]', "more": 'path: "../data/*.jsonl"'}, out
    project.run("run", "-C", "shop")
    assert {name: len(project.json("query", f"from clean.{name}", "-C", "shop")["rows"]) for name in paths} == {
        "orders": 4, "customers": 2, "eu": 2, "more": 1}


def test_init_keeps_the_usable_names_of_a_header(project):
    project.write("data/odd.csv", "id,name,Name,,_source\n1,a,b,c,d\n2,e,f,g,h\n")
    out = project.run("init", "shop", "--from", "data/odd.csv").stdout
    assert "names were changed: columns 2 and 3 have one name but for its case, 'name' and 'Name'" in out
    project.run("run", "-C", "shop")
    found = project.json("query", "select * from clean.odd order by id", "-C", "shop")
    names = [column["name"] for column in found["columns"]]
    assert names[:5] == ["id", "name", "Name_2", "column_4", "_source_2"] and found["rows"][0][:5] == [1, "a", "b", "c", "d"]


def test_a_file_whose_header_cannot_be_used_gets_a_hint_that_works(project):
    shop(project, model=None).write("data/orders-1.csv", "id,day,DAY\n1,mon,x\n")
    stderr = project.run("run", exit_code=1).stderr
    hint = stderr.split("name them in the source: ")[1].splitlines()[0]
    assert hint == 'csv: {skip_lines: 1, header: false, columns: ["id", "day", "DAY_2"]}'
    project.write("sources/orders.yml", f"path: data/orders*.csv\n{hint}\n")
    project.write("contracts/orders.odcs.yml", CONTRACT.replace("      - {name: amount, logicalType: integer}\n", ""))
    project.run("run")


def test_columns_of_lineage_are_completed(project):
    shop(project)
    assert [line.split("\t")[0] for line in project.run("complete", "lineage", "clean.orders.").stdout.splitlines()] == [
        "clean.orders.id", "clean.orders.day", "clean.orders.amount"]
    project.run("run")
    assert "curated.per_day.amount\tBIGINT" in project.run("complete", "lineage", "curated.per_day.a").stdout
    assert "clean.orders\t" in project.run("complete", "lineage", "clean.").stdout
