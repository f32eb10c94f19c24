"""`sluice contract test`: rows tried on a contract, and nothing written."""
import xml.etree.ElementTree

import pytest

from conftest import contract_text

CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - {name: id, logicalType: integer, primaryKey: true, examples: [1, 2, 3]}
      - {name: amount, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: {minimum: 0}, examples: ["1.50", 2]}
      - name: status
        logicalType: string
        examples: [new]
        quality: [{metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}]
"""
ROWS = "id,amount,status\n1,5,new\n2,-1,new\n3,x,odd\n4,7,paid\n,1,new\n1,6,new\n"


def tree(folder):
    return sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*"))


def try_it(project, *arguments, exit_code=0):
    """The answer; nothing is left anywhere, and nothing has changed."""
    temp = project.folder.parent / "temp"
    temp.mkdir(exist_ok=True)
    before = tree(project.folder)
    told = project.json("contract", "test", *arguments, exit_code=exit_code, env={"TMPDIR": str(temp)})
    assert list(temp.iterdir()) == [] and tree(project.folder) == before
    return told


def test_files_are_judged_with_reasons_and_examples(project):
    project.write("t.odcs.yml", CONTRACT)
    project.write("rows.csv", ROWS)
    table, = try_it(project, "t.odcs.yml", "--data", "rows.csv")["tables"]
    assert [table[k] for k in ("read", "accepted", "rejected", "deduplicated", "filtered")] == [6, 2, 3, 1, 0]
    assert {r["rule"]: r["rows"] for r in table["reasons"]} == {"amount.range": 1, "amount.type": 1, "status.enum": 1, "id.required": 1}
    shown = {e["rule"]: e for e in table["examples"]}
    assert '"odd"' in shown["status.enum"]["payload"] and "-1" in shown["amount.range"]["message"]
    text = project.run("contract", "test", "t.odcs.yml", "--data", "rows.csv").stdout
    assert text.startswith("t, the files of --data: 6 read, 2 accepted, 3 rejected\n") and "amount.range" in text


def test_the_budget_decides_the_exit_code(project):
    strict = CONTRACT + "    customProperties: [{property: sluice.quarantine, value: {max_share: 0.1, min_rows: 1}}]\n"
    project.write("t.odcs.yml", strict)
    project.write("rows.csv", ROWS)
    table, = try_it(project, "t.odcs.yml", "--data", "rows.csv", exit_code=3)["tables"]
    assert table["is_over_budget"] and "rejects 3 of 6 rows" in table["budget"]
    project.write("rows.csv", "id,amount,status\n1,x,new\n2,y,new\n")
    table, = try_it(project, "t.odcs.yml", "--data", "rows.csv", exit_code=3)["tables"]
    assert "rejects all of its rows" in table["budget"]


def test_junit_names_the_rules_that_failed(project):
    project.write("t.odcs.yml", CONTRACT.replace("status: active", "status: active\nname: <&\"t\">")
                  + "    customProperties: [{property: sluice.quarantine, value: {max_rows: 0}}]\n")
    project.write("rows.csv", ROWS)
    project.run("contract", "test", "t.odcs.yml", "--data", "rows.csv", "--junit", "out.xml", exit_code=3)
    suite = xml.etree.ElementTree.parse(project.folder / "out.xml").getroot()[0]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert suite.get("failures") == "5" and failed[0] == "budget" and set(failed[1:]) == {"amount.range", "amount.type", "id.required", "status.enum"}
    project.write("rows.csv", "id,amount,status\n1,5,new\n")
    project.run("contract", "test", "t.odcs.yml", "--data", "rows.csv", "--junit", "out.xml")
    suite = xml.etree.ElementTree.parse(project.folder / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


def test_a_contract_is_tried_on_its_own_examples(project):
    project.write("t.odcs.yml", CONTRACT)
    table, = try_it(project, "t.odcs.yml")["tables"]
    assert (table["rows_of"], table["read"], table["accepted"]) == ("the contract's examples", 3, 3)
    project.write("t.odcs.yml", CONTRACT.replace("examples: [new]", "examples: [new, odd]"))
    table, = try_it(project, "t.odcs.yml")["tables"]
    assert (table["accepted"], table["reasons"][0]["rule"]) == (2, "status.enum")
    project.write("t.odcs.yml", CONTRACT.replace(", examples: [1, 2, 3]", ""))
    error = project.json("contract", "test", "t.odcs.yml", exit_code=1)["error"]
    assert "column 'id' must have a value, and has no 'examples'" in error["message"] and error["line"] == 9


def test_contracts_of_a_project_are_tried_on_the_files_of_their_sources(own_shop):
    tables = try_it(own_shop, "--all")["tables"]
    assert sorted(t["table"] for t in tables) == ["customers", "orders"]
    run = own_shop.json("query", "select count(*) as n from clean.orders")["rows"]
    orders, = [t for t in tables if t["table"] == "orders"]
    assert orders["rejected"] > 0 and [[orders["accepted"]]] == run  # what the run has made of the same files
    one, = try_it(own_shop, "orders", "--data", "data/orders-2026-03-01.csv")["tables"]
    assert one["read"] < orders["read"]
    own_shop.write("contracts/orders.odcs.yml", (own_shop.folder / "contracts/orders.odcs.yml").read_text() + "oops: [\n")
    own_shop.run("contract", "test", "orders", exit_code=1)


@pytest.mark.parametrize("arguments, message", [
    ([], "name a contract"), (["--all", "x"], "name a contract"), (["--all", "--data", "x"], "not for --all"), (["nothing"], "no file"),
    (["t.odcs.yml", "--data", "gone.csv"], "gone.csv"), (["bad.yml"], "apiVersion"),
])
def test_what_cannot_be_tried_is_told(project, arguments, message):
    project.write("t.odcs.yml", CONTRACT)
    project.write("bad.yml", "schema: []\n")
    temp = project.folder.parent / "temp"
    temp.mkdir()
    done = project.run("contract", "test", *arguments, exit_code=None, env={"TMPDIR": str(temp)})
    assert done.returncode in (1, 2), done
    assert message in done.stderr, done.stderr
    assert list(temp.iterdir()) == []


CHECKS = """    quality:
      - {metric: rowCount, mustBeGreaterThan: 5, name: enough}
      - {type: custom, engine: sluice, severity: warning, implementation: {check: {unique: [status]}}}
      - {type: custom, engine: sluice, implementation: {check: row_count_change, max_drop: 0.5}}
      - {type: custom, engine: sluice, implementation: {check: relationships, column: id, to: clean.others, field: id}}
      - {type: custom, engine: sluice, implementation: {check: not_null, columns: [id]}}
"""


def test_checks_of_the_table_are_told_as_passed_failed_or_not_judged(project):
    project.write("t.odcs.yml", CONTRACT + CHECKS)
    project.write("rows.csv", "id,amount,status\n1,5,new\n2,1,new\n3,1,paid\n")
    table, = try_it(project, "t.odcs.yml", "--data", "rows.csv", exit_code=3)["tables"]
    told = [(c["kind"], c["severity"], c["passed"]) for c in table["checks"]]
    assert told == [("metric", "fail", False), ("unique", "warn", False), ("row_count_change", "fail", None),
                    ("relationships", "fail", None), ("not_null", "fail", True)]
    assert "compares with the version before" in table["checks"][2]["unjudged"] and "clean.others" in table["checks"][3]["unjudged"]
    text = project.run("contract", "test", "t.odcs.yml", "--data", "rows.csv", "--junit", "out.xml", exit_code=3).stdout
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:]] == ["would fail", "would warn", "cannot be judged", "cannot be judged", "would pass"]
    suite = xml.etree.ElementTree.parse(project.folder / "out.xml").getroot()[0]
    assert [suite.get(k) for k in ("tests", "failures", "skipped")] == ["6", "1", "2"]
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["check metric: enough"]
    project.write("rows.csv", "id,amount,status\n" + "".join(f"{i},5,new\n" for i in range(6)))
    table, = try_it(project, "t.odcs.yml", "--data", "rows.csv")["tables"]
    assert table["checks"][0]["passed"] is True


def test_other_tables_that_checks_and_foreign_keys_read_are_those_of_the_project(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/others.yml", "path: others.csv\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("others.csv", "id\n1\n2\n")
    project.write("t.csv", "id,amount,status\n1,5,new\n2,5,new\n")
    project.write("contracts/others.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: others\nversion: 1.0.0\nstatus: active\n"
                  "schema:\n  - name: others\n    properties:\n      - {name: id, logicalType: integer, primaryKey: true}\n")
    project.write("contracts/t.odcs.yml", CONTRACT + CHECKS)
    assert try_it(project, "t", exit_code=3)["tables"][0]["checks"][3]["passed"] is None
    project.run("run", "--select", "+clean.others")
    assert try_it(project, "t", exit_code=3)["tables"][0]["checks"][3]["passed"] is True
    project.write("new.csv", "id,amount,status\n1,5,new\n7,5,new\n")
    check = try_it(project, "t", "--data", "new.csv", exit_code=3)["tables"][0]["checks"][3]
    assert (check["passed"], check["rows"]) == (False, 1) and "7" in check["example"]


def test_a_foreign_key_to_a_table_that_is_not_built_cannot_be_judged(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 0.4, min_rows: 0}\n")
    project.write("sources/others.yml", "path: others.csv\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("others.csv", "id\n1\n2\n")
    project.write("t.csv", "id,amount,status\n1,5,new\n2,-5,new\n7,5,new\n")
    project.write("contracts/others.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: others\nversion: 1.0.0\nstatus: active\n"
                  "schema:\n  - name: others\n    properties:\n      - {name: id, logicalType: integer, primaryKey: true}\n")
    project.write("contracts/t.odcs.yml", CONTRACT + "    relationships: [{type: foreignKey, from: [t.id], to: [others.id]}]\n"
                  "    quality: [{metric: rowCount, mustBeGreaterThan: 1}]\n")
    table, = try_it(project, "t")["tables"]
    assert (table["accepted"], table["rejected"], [r["rule"] for r in table["reasons"]]) == (2, 1, ["amount.range"])
    key, count = table["checks"]
    assert (key["kind"], key["name"], key["passed"], count["passed"]) == ("foreign_key", "id.foreign_key", None, True)
    assert key["unjudged"] == "table 'clean.others' does not exist yet"
    text = project.run("contract", "test", "t", "--junit", "out.xml").stdout
    assert "cannot be judged: check foreign_key 'id.foreign_key': the row has a parent in clean.others (table 'clean.others'" in text
    assert xml.etree.ElementTree.parse(project.folder / "out.xml").getroot()[0].get("skipped") == "1"
    table, = try_it(project, "contracts/t.odcs.yml", "--data", "t.csv", exit_code=None)["tables"]
    assert table["accepted"] == 2 and table["checks"][0]["passed"] is None
    project.run("run", "--select", "+clean.others")
    table, = try_it(project, "t", exit_code=3)["tables"]
    assert table["rejected"] == 2 and [c["kind"] for c in table["checks"]] == ["metric"]


def test_other_tables_are_those_that_a_run_of_the_environment_reads(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nenvironments:\n  prod: {lake: lake}\n"
                  "  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    project.write("sources/others.yml", "path: others.csv\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("others.csv", "id\n1\n2\n")
    project.write("t.csv", "id,amount,status\n1,5,new\n2,5,new\n7,5,new\n")
    project.write("contracts/others.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: others\nversion: 1.0.0\nstatus: active\n"
                  "schema:\n  - name: others\n    properties:\n      - {name: id, logicalType: integer, primaryKey: true}\n")
    project.write("contracts/t.odcs.yml", CONTRACT + "    relationships: [{type: foreignKey, from: [t.id], to: [others.id]}]\n")
    project.run("run", "--env", "prod", "--select", "+clean.others")
    table, = try_it(project, "t", "--env", "dev")["tables"]
    assert table["checks"] == [] and [r["rule"] for r in table["reasons"]] == ["id.foreign_key"]
    # What dev has built itself comes first.
    project.write("contracts/others.odcs.yml", (project.folder / "contracts/others.odcs.yml").read_text() + "    description: other\n")
    project.write("others.csv", "id\n1\n2\n7\n")
    (project.folder / "dev/lake").mkdir(parents=True, exist_ok=True)
    project.run("run", "--select", "+clean.others", "--set", "lake=dev/lake")
    table, = try_it(project, "t", "--env", "dev")["tables"]
    assert table["accepted"] == 3


def test_a_contract_that_governs_no_source_is_told_as_that(project):
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write("contracts/idle.odcs.yml", contract_text("idle", "{name: id, logicalType: integer}"))
    said = project.run("contract", "test", "idle", exit_code=1).stderr
    assert "the contract in 'contracts/idle.odcs.yml' governs no source" in said and "contract test contracts/idle.odcs.yml --data FILE" in said
    assert "no source is governed by a contract 'nobody'" in project.run("contract", "test", "nobody", exit_code=1).stderr
