"""A rule over several columns is not judged where one of them failed its type: that is the one reason there is."""
import json

import pytest

from conftest import Project, contract_text

CONTRACT = contract_text("t") + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: net, logicalType: number, physicalType: "decimal(12,2)"%(net)s}
      - {name: tax, logicalType: number, physicalType: "decimal(12,2)"}
      - name: total
        logicalType: number
        physicalType: decimal(12,2)
        quality:
          - {type: custom, engine: sluice, implementation: {kind: sum_of, columns: [net, tax]}}
      - name: day
        logicalType: date
        quality:
          - {type: custom, engine: sluice, name: dated, implementation: {kind: required_if, when: "state = 'paid'"}}
      - name: state
        logicalType: string
        quality:
          - {type: custom, engine: sluice, implementation: {kind: enum, values: [open], where: "day is null"}}
      - name: place
        logicalType: object
        properties: [{name: zip, logicalType: integer}, {name: city, logicalType: string}]
      - name: items
        logicalType: array
        items: {logicalType: object, properties: [{name: qty, logicalType: integer}]}
    quality:
      - {type: custom, engine: sluice, name: both, implementation: {kind: all_or_none, columns: [net, tax]}}
      - {type: custom, engine: sluice, name: known, implementation: {expression: 'coalesce("Net", 0) > 0 or state = ''tax net'' -- net'}}
      - {type: custom, engine: sluice, name: zipped, implementation: {expression: "place is null or place.zip is not null"}}
      - {type: custom, engine: sluice, name: counted, implementation: {expression: "items is null or len(list_filter(items, lambda x: x.qty is null)) = 0"}}
"""
HEAD = "id,net,tax,total,day,state,place,items\n"
ROWS = {  # what is wrong with each row
    '1,1,2,3,2024-01-01,open,,': [],
    '2,?,2,3,2024-01-01,open,,': ["net.type"],
    '3,1,2,3,never,paid,,': ["day.type"],
    '4,1,2,4,2024-01-01,open,,': ["total.sum_of"],
    '5,1,2,3,,paid,,': ["dated", "state.enum"],
    '6,,2,2,2024-01-01,open,,': ["both", "known"],
    '7,1,2,3,2024-01-01,open,"{""zip"": ""x""}",': ["place.zip.type"],
    '8,1,2,3,2024-01-01,open,"{""city"": ""x""}",': ["zipped"],
    '9,1,2,3,2024-01-01,open,,"[{""qty"": ""x""}]"': ["items[].qty.type"],
    '10,1,2,3,2024-01-01,open,,"[{""qty"": null}]"': ["counted"],
    '11,?,?,3,never,paid,oops,oops': ["day.type", "items.type", "net.type", "place.type", "tax.type"],
}


@pytest.fixture
def project(tmp_path, sluice_bin):
    project = Project(tmp_path / "p", sluice_bin)
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", CONTRACT % {"net": ""})
    project.write("data/a.csv", HEAD + "\n".join(ROWS) + "\n")
    return project


def reasons(project, source="a"):
    rows = project.json("query", "select _position - 1, r.\"rule\" from (select _position, unnest(reasons) as r from quarantine.t "
                        f"where _source like '%{source}.csv') order by all")["rows"]
    found = {}
    for position, rule in rows:
        found.setdefault(int(position), []).append(rule)
    return found


EXPECTED = {i: rules for i, rules in enumerate(ROWS.values(), 1) if rules}


def test_what_failed_its_type_is_no_second_reason(project):
    run = project.json("run")
    assert reasons(project) == EXPECTED
    balance = run["steps"][1]["rows"]
    assert balance["in"] == balance["out"] + balance["quarantined"] == len(ROWS)
    project.run("verify", run["run_id"])
    # A replay, and rows that come later, are judged as the first ones were.
    project.write("contracts/t.odcs.yml", CONTRACT % {"net": ", logicalTypeOptions: {maximum: 1000}"})
    project.run("run")
    assert reasons(project) == EXPECTED
    project.write("data/b.csv", HEAD + "21,?,2,3,2024-01-01,open,,\n22,5,?,9,,open,,\n")
    project.run("run")
    assert reasons(project) == EXPECTED and reasons(project, "b") == {1: ["net.type"], 2: ["tax.type"]}


@pytest.mark.parametrize("severity, state", [("warn", []), ("quarantine_value", ["net.type"])])
def test_a_value_that_may_fail_its_type_makes_no_other_rule_reject_the_row(project, severity, state):
    project.write("contracts/t.odcs.yml",
                  CONTRACT % {"net": f", customProperties: [{{property: sluice.severity, value: {{type: {severity}}}}}]"})
    project.write("data/a.csv", HEAD + "1,1,2,3,2024-01-01,open,,\n2,?,2,3,2024-01-01,open,,\n3,,2,2,2024-01-01,open,,\n")
    run = project.json("run")
    assert [int(row[0]) for row in project.json("query", "select id from clean.t order by id")["rows"]] == [1, 2]
    found = reasons(project)
    assert found.get(2, []) == state and found[3] == ["both", "known"]
    project.run("verify", run["run_id"])


def test_generate_and_tests_judge_the_same(project):
    made = [json.loads(line) for line in project.run("generate", "t", "--rows", "0", "--breaking", "net.type", "--format", "jsonl").stdout.splitlines()]
    assert made and made[0]["net"]
    project.write("tests/judged.yml", "given:\n  t: {file: ../data/a.csv}\nexpect:\n  quarantine.t: ["
                  + ", ".join(f"{{_position: {i + 1}, rule: {json.dumps(rule)}}}" for i, rules in EXPECTED.items() for rule in rules) + "]\n")
    assert project.json("test")["counts"]["passed"] == 1


NAMED_ALIKE = contract_text(
    "t", "{name: id, logicalType: integer, primaryKey: true}",
    "{name: day, logicalType: date, customProperties: [{property: sluice.severity, value: {type: quarantine_value}}]}",
    "{name: net, logicalType: integer, customProperties: [{property: sluice.severity, value: {type: quarantine_value}}]}",
    "{name: shipped, logicalType: date}", "{name: state, logicalType: string}",
    "{name: place, logicalType: object, properties: [{name: day, logicalType: integer}]}",
    "{name: items, logicalType: array, items: {logicalType: integer}}") + """    quality:
      - {type: custom, engine: sluice, name: early, implementation: {expression: "day(shipped) < 20"}}
      - {type: custom, engine: sluice, name: open, implementation: {expression: "place.day < 20"}}
      - {type: custom, engine: sluice, name: small, implementation: {expression: "len(list_filter(items, lambda day: day > 20)) = 0"}}
      - {type: custom, engine: sluice, name: short, implementation: {expression: "len(state) < 5", where: "struct_pack(day := id).day > 0"}}
      - {type: custom, engine: sluice, name: paid, implementation: {expression: "state <> e'\\\\'' and coalesce(net, 0) > 0"}}
"""


def test_what_only_reads_like_a_column_that_failed_its_type_is_judged(project):
    project.write("contracts/t.odcs.yml", NAMED_ALIKE)
    head = "id,day,net,shipped,state,place,items\n"
    good = '2024-01-02,a,"{""day"": 1}",[1]'
    rows = [f"1,?,1,{good}", f"2,?,1,{good.replace('-02', '-25')}", f'3,?,1,{good.replace(": 1", ": 25")}', f"4,?,1,{good.replace('[1]', '[25]')}",
            f"5,?,1,{good.replace('a', 'abcdef', 1)}", f"6,2024-01-01,?,{good}", f"7,2024-01-01,0,{good}"]
    project.write("data/a.csv", head + "\n".join(rows) + "\n")
    run = project.json("run")
    found = reasons(project)
    assert found == {1: ["day.type"], 2: ["day.type", "early"], 3: ["day.type", "open"], 4: ["day.type", "small"], 5: ["day.type", "short"],
                     6: ["net.type"], 7: ["paid"]}
    assert [int(row[0]) for row in project.json("query", "select id from clean.t order by id")["rows"]] == [1, 6]
    project.run("verify", run["run_id"])
