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


NESTED = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.4.2
status: active
schema:
  - name: t
    properties:
      - {name: mail, logicalType: string, classification: internal}
      - {name: code, logicalType: string, customProperties: [{property: sluice.personal, value: {as: mask, keep_last: 4}}]}
      - {name: gone, logicalType: string, customProperties: [{property: sluice.personal, value: {as: drop}}]}
      - {name: pin, logicalType: integer, classification: restricted}
      - name: address
        logicalType: object
        properties:
          - {name: zip, logicalType: string, required: true, logicalTypeOptions: {maxLength: 5}}
          - {name: floor, logicalType: integer, physicalType: int}
      - name: items
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: sku, logicalType: string, classification: public}
            - {name: qty, logicalType: integer, logicalTypeOptions: {minimum: 1}}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
      - {metric: rowCount, name: few, mustBeLessThan: 100}
      - {metric: rowCount, name: many, mustBeGreaterThan: 10, severity: warning}
"""
MASK = "{as: mask, keep_last: 4}"
NESTED_CHANGES = [
    # what is personal now binds whoever passes it on; leave to pass it on breaks nobody
    ("classification: internal", "classification: restricted", "breaking", "2.0.0", "t.mail: classification is restricted, was internal"),
    ("classification: restricted", "classification: public", "additive", "1.5.0", "t.pin: classification is public, was restricted"),
    ("classification: restricted", "classification: pii", "same", "1.4.3", "t.pin: classification is pii, was restricted"),
    ("classification: public", "classification: confidential", "breaking", "2.0.0", "t.items[].sku: classification is confidential, was public"),
    ("classification: internal}", "classification: restricted, customProperties: [{property: sluice.personal, value: {as: mask}}]}", "breaking",
     "2.0.0", "t.mail: protected by mask, was none"),
    # a member that is new makes all of the column personal, but where it was so before or is dropped
    ("            - {name: qty", "            - {name: sec, logicalType: string, classification: pii}\n            - {name: qty", "breaking", "2.0.0",
     "t.items: it holds values of classification pii now"),
    ("          - {name: floor", "          - {name: deep, logicalType: object, properties: [{name: sec, logicalType: string, classification: pii}]}\n"
     "          - {name: floor", "breaking", "2.0.0", "t.address: it holds values of classification pii now"),
    ("            - {name: qty", "            - {name: sec, logicalType: string, classification: internal}\n            - {name: qty", "additive", "1.5.0",
     "t.items[].sec: the member is new"),
    # another protection gives other values
    (MASK, "{as: hash}", "breaking", "2.0.0", "t.code: protected by hash, was mask"),
    (MASK, "{as: mask, keep_last: 2}", "breaking", "2.0.0", "t.code: its mask has another form"),
    (MASK, "{as: mask, keep_last: 6}", "weaker", "1.5.0", "t.code: its mask has another form"),
    (", customProperties: [{property: sluice.personal, value: {as: mask, keep_last: 4}}]", "", "breaking", "2.0.0",
     "t.code: protected by none, was mask"),
    (", customProperties: [{property: sluice.personal, value: {as: drop}}]", "", "additive", "1.5.0",
     "t.gone: the column is new: protected by none, was drop"),
    (MASK, "{as: drop}", "breaking", "2.0.0", "t.code: protected by drop, was mask"),
    # what readers never had decides which rows there are, no more
    ("name: gone, logicalType: string", "name: gone, logicalType: integer", "additive", "1.5.0", "t.gone: rule gone.type is new"),
    ("name: gone, logicalType", "name: away, logicalType", "same", "1.4.3", "t.gone: the column is gone"),
    # members
    ("physicalType: int}", "physicalType: bigint}", "weaker", "1.5.0", "t.address.floor: type is BIGINT, was INTEGER"),
    ("{name: floor, logicalType: integer, physicalType: int}", "{name: floor, logicalType: string}", "breaking", "2.0.0",
     "t.address.floor: type is VARCHAR, was INTEGER"),
    ("name: floor", "name: level", "breaking", "2.0.0", "t.address.floor: the member is gone"),
    ("            - {name: qty", "            - {name: note, logicalType: string}\n            - {name: qty", "additive", "1.5.0",
     "t.items[].note: the member is new"),
    ("string, required: true, logicalType", "string, logicalType", "breaking", "2.0.0", "t.address.zip: rule address.zip.required is gone"),
    (", logicalTypeOptions: {maxLength: 5}", "", "weaker", "1.5.0", "t.address.zip: rule address.zip.length is gone"),
    (", logicalTypeOptions: {minimum: 1}", "", "weaker", "1.5.0", "t.items[].qty: rule items[].qty.range is gone"),
    ("sku, logicalType: string,", "sku, logicalType: string, logicalTypeOptions: {maxLength: 9},", "additive", "1.5.0",
     "t.items[].sku: rule items[].sku.length is new"),
    # checks of the whole table; a column of which none says any more that it is never null may have nulls
    ("    quality:\n", "    quality:\n      - {type: custom, engine: sluice, implementation: {check: {not_null: [mail, pin]}}}\n", "additive", "1.5.0",
     "t: check not_null is new"),
    ("      - {metric: rowCount, mustBeGreaterThan: 0}\n", "", "weaker", "1.5.0", "t: check rowCount is gone"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeGreaterThan: 1}", "additive", "1.5.0", "t: check rowCount is stricter"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeGreaterThan: -1}", "weaker", "1.5.0", "t: check rowCount is weaker"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeGreaterOrEqualTo: 0}", "weaker", "1.5.0", "t: check rowCount is weaker"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeBetween: [0, 9]}", "additive", "1.5.0", "t: check rowCount is stricter"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBe: 0}", "weaker", "1.5.0", "t: check rowCount is another"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustNotBe: 0}", "same", "1.4.3", "t: check rowCount is written otherwise"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeGreaterOrEqualTo: 1}", "same", "1.4.3", "t: check rowCount is written otherwise"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, mustBeGreaterThan: 0.0}", "same", "1.4.3", "t: check rowCount is written otherwise"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, name: some, mustBeGreaterThan: 5}", "additive", "1.5.0", "t: check some is stricter"),
    ("rowCount, mustBeGreaterThan: 0}", "rowCount, name: some, mustBeGreaterThan: 0}", "same", "1.4.3", "t: check some has a name now"),
    ("mustBeLessThan: 100}", "mustBeLessThan: 50}", "additive", "1.5.0", "t: check few is stricter"),
    ("mustBeLessThan: 100}", "mustBeLessOrEqualTo: 100}", "weaker", "1.5.0", "t: check few is weaker"),
    ("few, mustBeLessThan: 100}", "few, arguments: {x: 1}, mustBeLessThan: 50}", "weaker", "1.5.0", "t: check few is another"),
    ("mustBeLessThan: 100}", "mustBeLessThan: 100, severity: warning}", "weaker", "1.5.0", "t: check few only warns now"),
    ("mustBeGreaterThan: 10, severity: warning", "mustBeGreaterThan: 10", "additive", "1.5.0", "t: check many stops the step now"),
    ("mustBeGreaterThan: 10, severity", "mustBeGreaterThan: 20, severity", "same", "1.4.3", "t: check many warns otherwise"),
    ("    quality:\n", "    quality:\n      - {metric: duplicateValues, arguments: {properties: [mail]}, mustBeLessThan: 9}\n", "additive",
     "1.5.0", "t: check duplicateValues is new"),
]


def test_members_protection_classification_and_checks_have_their_level_and_version(project):
    project.write("old.yml", NESTED)
    for old, new, level, version, what in NESTED_CHANGES:
        assert NESTED.count(old) == 1, old
        project.write("new.yml", NESTED.replace(old, new))
        told = project.json("contract", "diff", "old.yml", "new.yml", exit_code=3 if version else 0)
        texts = [f"{item['table']}{'.' + item['column'] if item['column'] else ''}: {item['what']}" for item in told["differences"]]
        assert (told["level"], told["version_called_for"]) == (level, version), (old, new, texts)
        assert what is None and not texts or what in texts, texts


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


@pytest.mark.parametrize("before, version, last, exit_code", [
    ("1.0.0", "1.0.0", None, 0), ("1.0.0", "1.0.1", None, 0), ("banana", "banana", None, 0), ("banana", "1.0.0", None, 0),
    ("1.0.0", "0.9.0", "the version was 1.0.0, and is 0.9.0 now: it must not go back", 3), ("1.1", "1.0.9", "the version was 1.1.0, and is 1.0.9", 3),
    ("1.0.0", "banana", "the version was 1.0.0, and is banana now: it must not go back", 3),
])
def test_a_version_that_goes_back_is_refused_where_nothing_else_changed(project, before, version, last, exit_code):
    project.write("old.yml", CONTRACT.replace("version: 1.4.2", f"version: '{before}'"))
    project.write("new.yml", CONTRACT.replace("version: 1.4.2", f"version: '{version}'"))
    text = project.run("contract", "diff", "old.yml", "new.yml", exit_code=exit_code).stdout
    assert (last or "no difference that a reader of the tables could notice") in text.splitlines()[-1]
    assert project.json("contract", "diff", "old.yml", "new.yml", exit_code=exit_code)["is_version_too_low"] == (exit_code == 3)


@pytest.mark.parametrize("before, version, last, exit_code", [
    ("banana", "banana", "weaker: it calls for a version that is a number, such as 1.0.0, and is banana", 3),
    ("banana", "1.0.0", "weaker; the version before is no number, 1.0.0 is one", 0),
    ("1.0", "1.0", "weaker: it calls for version 1.1.0, and is 1.0", 3), ("1.0", "1.1", "weaker: it calls for version 1.1.0, and is 1.1", 0),
    ("1", "2", "weaker: it calls for version 1.1.0, and is 2", 0), ("1.0.0", "1.1.0.0", "weaker: it calls for version 1.1.0, and is 1.1.0.0", 3),
    ("1.0.0", "1.1.", "weaker: it calls for version 1.1.0, and is 1.1.", 3), ("1.0.0", "+2.0.0", "weaker: it calls for version 1.1.0, and is +2.0.0", 3),
])
def test_a_change_is_refused_where_the_version_is_no_number(project, before, version, last, exit_code):
    project.write("old.yml", CONTRACT.replace("version: 1.4.2", f"version: '{before}'"))
    project.write("new.yml", CONTRACT.replace("version: 1.4.2", f"version: '{version}'").replace("minimum: 0", "minimum: -5"))
    text = project.run("contract", "diff", "old.yml", "new.yml", exit_code=exit_code).stdout
    assert text.splitlines()[-1] == last


def test_the_same_contract_has_no_difference_and_a_broken_one_is_told_with_its_place(project):
    project.write("old.yml", CONTRACT)
    assert "no difference" in project.run("contract", "diff", "old.yml", "old.yml").stdout
    project.write("new.yml", CONTRACT.replace("logicalType: date", "logicalType: dat"))
    assert "--> new.yml:15:" in project.run("contract", "diff", "old.yml", "new.yml", exit_code=1).stderr
    assert "cannot open 'gone.yml'" in project.run("contract", "diff", "gone.yml", "old.yml", exit_code=1).stderr
    project.write("new.yml", "[1, 2]")
    assert "holds no contract" in project.run("contract", "diff", "old.yml", "new.yml", exit_code=1).stderr


@pytest.mark.parametrize("before, now, what", [
    ("hold", "warn", "only warns now, before it holds rows"), ("warn", "hold", "holds rows now, before it only warns"),
    ("reject", "warn", "only warns now, before it rejects rows"), ("hold", "reject", "rejects rows now, before it holds rows"),
])
def test_what_became_of_orphans_is_said_as_it_was(project, before, now, what):
    for name, word in (("old.yml", before), ("new.yml", now)):
        project.write(name, CONTRACT.replace("logicalType: date,", "logicalType: date, relationships: [{type: foreignKey, to: days.day, "
                                             f"customProperties: [{{property: sluice.orphans, value: {word}}}]}}],"))
    told = project.json("contract", "diff", "old.yml", "new.yml", exit_code=None)
    assert [item["what"] for item in told["differences"]] == [f"rule day.foreign_key {what}"]


NOT_NULL = "      - {type: custom, engine: sluice, implementation: {check: {not_null: [mail, pin]}}}\n"
CHECKS = NESTED.replace("    quality:\n", "    quality:\n" + NOT_NULL + """\
      - {type: custom, engine: sluice, implementation: {check: row_count_change, max_drop: 0.5}}
      - {type: custom, engine: sluice, name: fresh, dimension: timeliness, implementation: {check: max_value, column: pin, max: 5, where: pin > 0}}
""")
CHECK_CHANGES = [
    ("not_null: [mail, pin]", "not_null: [pin, mail, code]", "additive", ["t: check not_null is stricter"]),
    ("not_null: [mail, pin]", "not_null: [mail]", "breaking", ["t: check not_null is weaker", "t.pin: no check says any more that it is never null"]),
    ("not_null: [mail, pin]}", "not_null: [mail, pin]}, mostly: 0.9", "breaking",
     ["t: check not_null is weaker", "t.mail: no check says any more that it is never null", "t.pin: no check says any more that it is never null"]),
    ("not_null: [mail, pin]}", "not_null: [mail, pin]}, severity: warn", "breaking",
     ["t: check not_null only warns now", "t.mail: no check says any more that it is never null", "t.pin: no check says any more that it is never null"]),
    # the same, said in two checks
    ("{check: {not_null: [mail, pin]}}", "{check: {not_null: mail}}}\n      - {type: custom, engine: sluice, implementation: {check: {not_null: pin}}",
     "weaker", ["t: check not_null is gone", "t: check not_null is new, and another said as much", "t: check not_null is new, and another said as much"]),
    ("name: mail, logicalType: string", "name: mail, logicalType: string, required: true", "additive", ["t.mail: rule mail.required is new"]),
    ("max_drop: 0.5", "max_drop: 0.2", "additive", ["t: check row_count_change is stricter"]),
    ("max_drop: 0.5", "max_drop: 0.6", "weaker", ["t: check row_count_change is weaker"]),
    ("max_drop: 0.5", "max_drop: 0.2, versions: 3", "weaker", ["t: check row_count_change is gone", "t: check row_count_change is new"]),
    ("max: 5, where: pin > 0", "max: 5", "weaker", ["t: check fresh is another"]),
    ("dimension: timeliness", "dimension: accuracy", "same", ["t: check fresh counts for accuracy now"]),
    ("name: fresh", "name: newest", "same", ["t: check newest was named fresh"]),
    ("name: fresh", "name: newest, severity: warning", "weaker", ["t: check newest only warns now"]),
]


@pytest.mark.parametrize("old, new, level, what", CHECK_CHANGES)
def test_checks_of_every_kind_have_their_level(project, old, new, level, what):
    assert CHECKS.count(old) == 1
    project.write("old.yml", CHECKS)
    project.write("new.yml", CHECKS.replace(old, new))
    told = project.json("contract", "diff", "old.yml", "new.yml", exit_code=3)
    texts = [f"{item['table']}{'.' + item['column'] if item['column'] else ''}: {item['what']}" for item in told["differences"]]
    assert (told["level"], texts) == (level, what)


def test_two_checks_that_say_the_same_are_no_difference(project):
    project.write("old.yml", CHECKS.replace(NOT_NULL, NOT_NULL * 2))
    assert project.json("contract", "diff", "old.yml", "old.yml")["differences"] == []


DEFAULT = "customProperties: [{property: sluice.default, value: '5'}]"


@pytest.mark.parametrize("before, after, level, what", [
    (f"required: true, {DEFAULT}", DEFAULT, "same", "rule {}.required is gone"),
    ("required: true", DEFAULT, "weaker", "rule {}.required is gone"),
    (f"required: true, {DEFAULT}", "description: x", "breaking", "rule {}.required is gone"),
    ("required: true", "description: x", "breaking", "rule {}.required is gone"),
    (DEFAULT, "description: x", "breaking", "default: is gone, so values may be missing now"),
    (f"required: true, {DEFAULT}", f"required: true, {DEFAULT[:-1]}, {{property: sluice.severity, value: {{required: warn}}}}]", "same",
     "rule {}.required only warns now, before it rejects rows"),
])
@pytest.mark.parametrize("path", ["n", "o.n", "l[]"])
def test_a_default_keeps_a_value_from_being_missing_as_a_rule_does(project, before, after, level, what, path):
    head = CONTRACT[:CONTRACT.index("      - {name: amount")]
    shapes = {"n": "      - {name: n, logicalType: integer, %s}\n", "o.n": "      - {name: o, logicalType: object, properties: [{name: n, logicalType: integer, %s}]}\n",
              "l[]": "      - {name: l, logicalType: array, items: {logicalType: integer, %s}}\n"}
    for name, options in (("a", before), ("b", after)):
        project.write(f"{name}.odcs.yml", head + shapes[path] % options)
    told = project.json("contract", "diff", "a.odcs.yml", "b.odcs.yml", exit_code=3)
    levels = {f"{item['column']}: {item['what']}": item["level"] for item in told["differences"]}
    assert levels.get(f"{path}: {what.format(path)}") == level, told
