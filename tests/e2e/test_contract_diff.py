"""`sluice contract diff`: what a reader of the tables would notice, and the version number it calls for."""
import pytest

CONTRACT = """apiVersion: v3.0.2
kind: DataContract
id: t
version: 1.4.2
status: active
description: {purpose: one}
schema:
  - name: t
    properties:
      - {name: id, logicalType: integer, physicalType: int, primaryKey: true, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(9,2)", required: true, logicalTypeOptions: {minimum: 0, maximum: 10}}
      - name: state
        logicalType: string
        quality: [{type: library, rule: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}]
      - {name: day, logicalType: date, customProperties: [{property: sluice.formats, value: ["%Y-%m-%d"]}]}
"""
CHANGES = [
    ("purpose: one", "purpose: two", "same", None, None),
    ("physicalType: int,", "physicalType: bigint,", "weaker", "1.5.0", "t.id: type is BIGINT, was INTEGER"),
    ("decimal(9,2)", "decimal(12,2)", "weaker", "1.5.0", "t.amount: type is DECIMAL(12,2), was DECIMAL(9,2)"),
    ("decimal(9,2)", "decimal(9,4)", "breaking", "2.0.0", "t.amount: type is DECIMAL(9,4), was DECIMAL(9,2)"),
    ("logicalType: date,", "logicalType: timestamp,", "breaking", "2.0.0", "t.day: type is TIMESTAMP WITH TIME ZONE, was DATE"),
    ("primaryKey: true, ", "", "breaking", "2.0.0", "t.id: its place in the primary key is another"),
    ('"decimal(9,2)", required: true', '"decimal(9,2)"', "breaking", "2.0.0", "t.amount: rule amount.required is gone"),
    ("minimum: 0", "minimum: -5", "weaker", "1.5.0", "t.amount: rule amount.range is weaker"),
    ("minimum: 0", "minimum: 5", "additive", "1.5.0", "t.amount: rule amount.range is stricter"),
    ("minimum: 0, maximum: 10", "minimum: -1, maximum: 9", "weaker", "1.5.0", "t.amount: rule amount.range is another"),
    ("[new, paid]", "[new, paid, sent]", "weaker", "1.5.0", "t.state: rule state.enum is weaker"),
    ("[new, paid]", "[new]", "additive", "1.5.0", "t.state: rule state.enum is stricter"),
    ("logicalType: string\n        quality", "logicalType: string\n        unique: true\n        quality", "additive", "1.5.0",
     "t.state: rule state.unique is new"),
    ("logicalType: date,", "logicalType: date, relationships: [{to: days.day}],", "additive", "1.5.0", "t.day: rule day.foreign_key is new"),
    ('["%Y-%m-%d"]', '["%Y-%m-%d", "%d.%m.%Y"]', "weaker", "1.5.0", "t.day: formats: texts are read otherwise"),
    ("      - {name: day", "      - {name: note, logicalType: string}\n      - {name: day", "additive", "1.5.0", "t.note: the column is new"),
    ("name: day, logicalType", "name: date, logicalType", "breaking", "2.0.0", "t.day: the column is gone"),
    ("  - name: t\n", "  - name: u\n", "breaking", "2.0.0", "t: the table is gone"),
]


def test_every_change_has_its_level_and_version(project):
    project.write("old.yml", CONTRACT)
    for old, new, level, version, what in CHANGES:
        assert CONTRACT.count(old) == 1, old
        project.write("new.yml", CONTRACT.replace(old, new))
        told = project.json("contract", "diff", "old.yml", "new.yml", exit_code=3 if version else 0)
        assert (told["level"], told["version_called_for"]) == (level, version), (old, new, told)
        texts = [f"{item['table']}{'.' + item['column'] if item['column'] else ''}: {item['what']}" for item in told["differences"]]
        assert what is None and not texts or what in texts, texts


@pytest.mark.parametrize("version, exit_code", [("1.4.2", 3), ("1.4.9", 3), ("1.5.0", 0), ("1.5.1", 0), ("2.0.0", 0), ("next", 3)])
def test_the_exit_code_says_whether_the_version_is_high_enough(project, version, exit_code):
    project.write("old.yml", CONTRACT)
    project.write("new.yml", CONTRACT.replace("minimum: 0", "minimum: -5").replace("1.4.2", version))
    text = project.run("contract", "diff", "old.yml", "new.yml", exit_code=exit_code).stdout
    assert text.splitlines()[-1] == f"weaker: it calls for version 1.5.0, and is {version}"


def test_the_same_contract_has_no_difference_and_a_broken_one_is_told_with_its_place(project):
    project.write("old.yml", CONTRACT)
    assert "no difference" in project.run("contract", "diff", "old.yml", "old.yml").stdout
    project.write("new.yml", CONTRACT.replace("logicalType: date", "logicalType: dat"))
    assert "--> new.yml:15:" in project.run("contract", "diff", "old.yml", "new.yml", exit_code=1).stderr
    assert "cannot open 'gone.yml'" in project.run("contract", "diff", "gone.yml", "old.yml", exit_code=1).stderr
    project.write("new.yml", "[1, 2]")
    assert "holds no contract" in project.run("contract", "diff", "old.yml", "new.yml", exit_code=1).stderr
