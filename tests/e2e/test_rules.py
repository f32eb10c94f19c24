"""Rules of contracts: every kind as it is listed, conditions, shares, and rules that stop the step."""
import json
import random

import duckdb
import pytest

from conftest import contract_text

HEAD = contract_text("t") + """\
      - {name: id, logicalType: integer, physicalType: int, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(9,2)"}
      - {name: country, logicalType: string}
"""
SETTINGS = "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n"


def custom(**options):
    return {"type": "custom", "engine": "sluice", "name": options.pop("name", "rule"), "implementation": options}


def with_rule(project, rule, rows, properties=HEAD):
    project.write("sluice.yml", SETTINGS)
    project.write("sources/t.yml", "path: data/*.csv\n")
    quality = f"    quality: [{json.dumps(rule)}]\n" if rule else ""
    project.write("contracts/t.odcs.yml", properties + quality)
    add(project, "a", rows)
    return project


def add(project, file, rows):
    project.write(f"data/{file}.csv", "id,amount,country\n" + "".join(f"{row}\n" for row in rows))


def cleanse_of(report):
    return next(step for step in report["steps"] if step["step"] == "cleanse t")


def reasons_of(report):
    return {reason["rule"]: (reason["rows"], reason["warning"]) for reason in cleanse_of(report)["reasons"]}


# --- the list of kinds


TYPES = {"past": "date", "future": "date", "age": "timestamp", "weekday": "date", "range": "integer", "multiple_of": "number",
         "decimal_places": "number", "sum_of": "number", "product_of": "number", "compare": "date", "type": "integer",
         "item_count": "array", "unique_items": "array", "member_count": "object", "required_members": "object"}
OTHERS = {"ordered_at": "date", "paid_at": "date", "shipped_at": "date", "status": "string", "amount": "number", "net": "number",
          "tax": "number", "price": "number", "quantity": "integer", "email": "string", "phone": "string", "iban": "string",
          "card": "string", "street": "string", "city": "string", "postcode": "string", "sender": "string", "receiver": "string"}


def test_every_kind_is_listed_and_its_example_is_a_contract(project):
    kinds = project.json("ls", "--checks")["checks"]
    rules = [kind for kind in kinds if kind["stands"] != "table"]
    assert len(kinds) >= 40 and len(rules) >= 35
    assert all(kind["summary"] and kind["example"] for kind in kinds)
    lines = [f"      - {{name: {name}, logicalType: {type}}}" for name, type in OTHERS.items()]
    for kind in (kind for kind in rules if kind["name"] != "unique"):
        lines.append(f"      - name: of_{kind['name']}")
        if not kind["example"].startswith("logicalType:"):
            lines.append(f"        logicalType: {TYPES.get(kind['name'], 'string')}")
        if kind["example"].startswith("implementation"):
            lines.append(f"        quality: [{{type: custom, engine: sluice, name: r_{kind['name']}, {kind['example']}}}]")
        else:
            lines.append(f"        {kind['example']}")
    unique, = (kind["example"] for kind in rules if kind["name"] == "unique")
    lines.append(f"    quality: [{{type: custom, engine: sluice, name: r_unique, {unique}}}]")
    head = HEAD.split("      - {name: id", 1)[0]
    project.write("data/customers.csv", "id\n1\n")
    project.write("sources/customers.yml", "path: data/customers.csv\n")
    project.write("contracts/customers.odcs.yml", HEAD.split("schema:", 1)[0].replace("id: t", "id: customers") +
                  "schema:\n  - name: customers\n    properties: [{name: id, logicalType: string, primaryKey: true}]\n")
    project.write("contracts/t.odcs.yml", head + "\n".join(lines) + "\n")
    project.write("sluice.yml", SETTINGS)
    told = project.json("check")
    assert told["errors"] == []
    both = {kind["stands"]: kind for kind in project.json("ls", "--checks", "unique")["checks"]}
    assert sorted(both) == ["row", "table"] and "columns" in [option["name"] for option in both["row"]["options"]]
    one = project.json("ls", "--checks", "compare")["checks"]
    assert [(kind["name"], kind["dimension"]) for kind in one] == [("compare", "consistency")]
    assert [option["name"] for option in one[0]["options"] if option["required"]] == ["op", "to"]
    assert "did you mean 'compare'" in project.run("ls", "--checks", "comprae", exit_code=1).stderr


# --- conditions


def test_a_rule_with_a_condition_holds_only_where_it_is_true(project):
    rule = custom(kind="required_if", column="amount", when="id > 2", where="country = 'DE'", message="how much?")
    with_rule(project, rule, ["1,,DE", "3,,AT", "4,,DE", "5,1.00,DE", "6,,"])
    assert reasons_of(project.json("run")) == {"rule": (1, False)}
    assert project.rows("clean.t", "id") == [("1",), ("3",), ("5",), ("6",)]
    quarantine = project.delta("quarantine.t").to_pylist()
    assert [row["reasons"] for row in quarantine] == [[{"rule": "rule", "column": None, "message": "how much?"}]]


def test_a_condition_that_is_mended_reads_again_what_it_rejected(project):
    with_rule(project, custom(kind="not_both", columns=["amount", "country"]), ["1,1.00,DE", "2,1.00,AT", "3,1.00,"])
    project.run("run")
    assert project.count("quarantine.t") == 2
    with_rule(project, custom(kind="not_both", columns=["amount", "country"], where="country = 'DE'"), ["1,1.00,DE", "2,1.00,AT", "3,1.00,"])
    step = cleanse_of(project.json("run"))
    assert "2 rows of quarantine read again" in step["why"]
    assert project.rows("clean.t", "id") == [("2",), ("3",)]


# --- what cannot be computed

# Of country 'x' no number can be made, and of -1 no square root.
ODD = ["1,4.00,7", "2,4.00,x", "3,4.00,", "4,-1.00,1", "5,4.00,-7"]
WHETHER = "cast(country as INTEGER) > 0 and sqrt(amount) >= 0"


@pytest.mark.parametrize("message", [None, "a bad country"])
def test_a_row_for_which_an_expression_cannot_be_computed_is_rejected_and_says_so(project, message):
    rule = custom(kind="expression", expression=WHETHER)
    if message:
        rule["implementation"]["message"] = message
    with_rule(project, rule, ODD)
    assert reasons_of(project.json("run")) == {"rule": (3, False)}
    assert project.rows("clean.t", "id") == [("1",), ("3",)]  # null passes
    quarantine = {json.loads(row["payload"])["id"]: row["reasons"][0]["message"] for row in project.delta("quarantine.t").to_pylist()}
    unknown = f"it cannot be computed whether {WHETHER}"
    assert quarantine == {"2": unknown, "4": unknown, "5": message or f"it does not hold that {WHETHER}"}
    tried = project.json("contract", "test", "t", "--data", "data/a.csv")
    assert unknown in json.dumps(tried)
    # Mended, they come back.
    with_rule(project, custom(kind="expression", expression="try_cast(country as INTEGER) is distinct from -7"), ODD)
    project.run("run")
    assert (project.count("clean.t"), project.count("quarantine.t")) == (4, 1)


def test_a_warning_counts_what_cannot_be_computed_and_a_rule_that_fails_stops_at_it(project):
    with_rule(project, custom(kind="expression", expression=WHETHER, severity="warn"), ODD)
    assert reasons_of(project.json("run")) == {"rule": (3, True)}
    assert project.count("clean.t") == 5
    with_rule(project, custom(kind="expression", expression=WHETHER, severity="fail"), ODD[:2])
    failed = project.run("run", "--full-refresh", exit_code=4).stderr
    assert "rule 'rule', which stops the step" in failed and "it cannot be computed whether" in failed


def test_an_expression_that_can_be_computed_for_no_row_is_an_error(project):
    with_rule(project, custom(kind="expression", expression="cast('x' as INTEGER) > 0"), ODD)
    told, = (item["message"] for item in project.json("check", exit_code=1)["errors"])
    assert "'cast('x' as INTEGER) > 0' cannot be computed for any row, so that nothing can pass" in told


# --- severity fail


def test_one_row_that_breaks_a_rule_of_severity_fail_publishes_nothing(project):
    rule = custom(kind="expression", expression="amount > 0", severity="fail")
    with_rule(project, rule, ["1,1.00,DE", "2,2.00,DE"])
    project.run("run")
    before = project.rows("clean.t", "id")
    add(project, "b", ["3,3.00,DE", "4,-1.00,DE", "5,-2.00,DE"])
    failed = project.run("run", exit_code=4)
    assert "SL0711" in failed.stderr
    assert "2 rows of 'raw.t' break rule 'rule', which stops the step, such as" in failed.stderr
    assert "data/b.csv:3 (it does not hold that amount > 0), data/b.csv:4" in failed.stderr
    assert "contracts/t.odcs.yml:13" in failed.stderr
    assert project.rows("clean.t", "id") == before and project.count("quarantine.t") == 0
    project.run("run", exit_code=4)  # nor does it the second time
    add(project, "b", ["3,3.00,DE", "4,1.00,DE", "5,2.00,DE"])
    project.run("run")
    assert project.count("clean.t") == 5


def test_a_rule_that_rejected_and_fails_now_stops_at_what_is_in_quarantine(project):
    rows = ["1,1.00,DE", "2,-2.00,DE"]
    with_rule(project, custom(kind="expression", expression="amount > 0"), rows)
    project.run("run")
    with_rule(project, custom(kind="expression", expression="amount > 0", severity="fail"), rows)
    assert "1 row of 'raw.t' breaks rule 'rule'" in project.run("run", exit_code=4).stderr
    assert project.count("quarantine.t") == 1
    with_rule(project, custom(kind="expression", expression="amount > -10", severity="fail"), rows)
    project.run("run")
    assert (project.count("clean.t"), project.count("quarantine.t")) == (2, 0)


def test_a_rule_of_a_column_may_fail_too(project):
    properties = HEAD.replace("logicalType: string}", "logicalType: string, logicalTypeOptions: {format: country}, customProperties: "
                              "[{property: sluice.severity, value: {format: fail}}]}")
    with_rule(project, None, ["1,1.00,DE", "2,1.00,XX"], properties)
    failed = project.run("run", exit_code=4).stderr
    assert "rule 'country.format', which stops the step, such as" in failed and "'XX' is not a country code" in failed


# --- mostly


@pytest.mark.parametrize("good, exit_code", [(19, 0), (18, 4)])
def test_a_share_that_must_hold_only_warns_until_it_is_broken(project, good, exit_code):
    rows = [f"{i},{'1.00' if i < good else '-1.00'},DE" for i in range(20)]
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.95), rows)
    done = project.run("run", "--json", exit_code=exit_code)
    if exit_code:
        assert "must hold for a share of 0.95 of the rows, and 2 of 20 break it" in done.stdout
        assert not project.table_folder("clean.t").exists()
        return
    assert reasons_of(json.loads(done.stdout)) == {"rule": (1, True)}
    assert (project.count("clean.t"), project.count("quarantine.t")) == (20, 0)


def test_the_share_is_one_of_the_rows_of_the_condition(project):
    rows = ["1,1.00,DE", "2,-1.00,DE", "3,1.00,AT", "4,1.00,AT", "5,1.00,AT"]
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.6, where="country = 'DE'"), rows)
    assert "1 of 2 break it" in project.run("run", exit_code=4).stderr


def test_the_table_is_the_same_however_the_input_is_cut_into_runs(new_project):
    rule = custom(kind="expression", expression="amount > 0", mostly=0.5)
    rows = [f"{i},{'-1.00' if i % 4 == 0 else '1.00'},DE" for i in range(20)]
    whole, parts = with_rule(new_project("whole"), rule, []), with_rule(new_project("parts"), rule, [])
    for part in range(0, 20, 5):
        add(whole, f"p{part}", rows[part:part + 5])
        add(parts, f"p{part}", rows[part:part + 5])
        parts.run("run")
    whole.run("run")
    assert whole.rows("clean.t", "id, amount") == parts.rows("clean.t", "id, amount")
    assert whole.count("clean.t") == 20


def test_a_warning_with_a_share_is_told_only_below_it(project):
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.5, severity="warn"), ["1,1.00,DE", "2,-1.00,DE"])
    assert reasons_of(project.json("run")) == {}
    add(project, "b", ["3,-1.00,DE", "4,-1.00,DE", "5,1.00,DE"])
    assert reasons_of(project.json("run")) == {"rule": (2, True)}
    assert project.count("clean.t") == 5


def test_another_share_looks_at_all_rows_again(project):
    rows = ["1,1.00,DE", "2,-1.00,DE", "3,1.00,DE", "4,1.00,DE"]
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.5), rows)
    project.run("run")
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.9), rows)
    assert "1 of 4 break it" in project.run("run", exit_code=4).stderr
    with_rule(project, custom(kind="expression", expression="amount > 0", mostly=0.75), rows)
    assert "looks at the share of all rows" in cleanse_of(project.json("run"))["why"]
    assert project.count("clean.t") == 4


SHORT = HEAD.replace("{name: country, logicalType: string}", "{name: country, logicalType: string, logicalTypeOptions: {maxLength: %d}}")


@pytest.mark.parametrize("share, exit_code", [(0.95, 4), (0.9, 0)])
def test_rows_that_a_replay_adds_count_in_the_share(project, share, exit_code):
    """They alone break the rule too often, so that all rows are judged together: 18 of 20 keep it."""
    rule = custom(kind="expression", expression="amount > 0", mostly=share)
    rows = [f"{i},{'1.00,DE' if i < 18 else '-1.00,DEU'}" for i in range(20)]
    with_rule(project, rule, rows, SHORT % 2)
    project.run("run")
    assert (project.count("clean.t"), project.count("quarantine.t")) == (18, 2)
    with_rule(project, rule, rows, SHORT % 3)
    done = project.run("run", "--json", exit_code=exit_code)
    if exit_code:
        assert "must hold for a share of 0.95 of the rows, and 2 of 20 break it" in done.stdout
        assert (project.count("clean.t"), project.count("quarantine.t")) == (18, 2)
        return
    assert reasons_of(json.loads(done.stdout)) == {"rule": (2, True)}
    assert "too many of the rows read again break rule 'rule'" in cleanse_of(json.loads(done.stdout))["why"]
    assert (project.count("clean.t"), project.count("quarantine.t")) == (20, 0)


def test_rows_that_a_replay_adds_and_that_keep_the_share_are_all_that_is_read(project):
    rule = custom(kind="expression", expression="amount > 0", mostly=0.5)
    rows = ["1,1.00,DE", "2,-1.00,DEU", "3,1.00,DEU"]
    with_rule(project, rule, rows, SHORT % 2)
    project.run("run")
    with_rule(project, rule, rows, SHORT % 3)
    step = cleanse_of(project.json("run"))
    assert "2 rows of quarantine read again" in step["why"] and not step["was_full"]
    assert project.count("clean.t") == 3


# --- names


@pytest.mark.parametrize("name, what", [("corrupt", "could not be split"), ("x.unexpected", "does not know")])
def test_a_rule_is_not_named_like_one_that_every_table_has(project, name, what):
    rule = custom(kind="expression", expression="amount > 0") | {"name": name}
    with_rule(project, rule, ["1,1.00,DE"], HEAD.replace("required: true", "primaryKey: true"))
    refused = project.run("check", exit_code=1).stderr
    assert "SL0208" in refused and f"a rule cannot be named '{name}'" in refused and what in refused
    assert "contracts/t.odcs.yml:13" in refused


@pytest.mark.parametrize("name", ["id.required", "id.type"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "behind"])
def test_a_rule_is_not_named_like_one_that_a_column_has(project, name, is_first):
    rule = custom(kind="expression", expression="id > 0") | {"name": name}
    own = custom(kind="range", min="0") | {"name": name}
    head = HEAD.replace("    properties:\n", f"    properties:\n      - {{name: n, logicalType: integer, quality: [{json.dumps(own)}]}}\n")
    with_rule(project, None if is_first else rule, ["1,1.00,DE"], head if is_first else HEAD)
    refused = project.run("check", exit_code=1).stderr
    assert "SL0208" in refused and f"'{name}'" in refused


# --- when a row was taken in


def test_a_rule_about_time_looks_at_when_the_row_was_taken_in(project):
    properties = HEAD.replace("{name: amount, logicalType: number, physicalType: \"decimal(9,2)\"}", "{name: amount, logicalType: date, quality: "
                              "[{type: custom, engine: sluice, implementation: {kind: past}}]}")
    with_rule(project, None, ["1,2020-01-01,DE", "2,9999-01-01,DE"], properties)
    assert reasons_of(project.json("run")) == {"amount.past": (1, False)}
    project.run("run", "--full-refresh", "--select", "clean.t")
    assert project.count("quarantine.t") == 1


# --- what a change of a rule means

COMPARE = {"kind": "compare", "column": "low", "op": "<", "to": "high"}
SUM = {"kind": "sum_of", "column": "high", "columns": ["low", "id"], "tolerance": 0.1}
ONE = {"kind": "one_of_columns", "columns": ["low", "high"], "exactly": True}
RULE_CHANGES = [
    (COMPARE, {"op": "<="}, "weaker", "is weaker"),
    (COMPARE, {"op": "="}, "weaker", "is another"),
    ({**COMPARE, "op": ">="}, {"op": ">"}, "additive", "is stricter"),
    (COMPARE, {"where": "id > 1"}, "weaker", "is weaker"),
    ({**COMPARE, "where": "id > 1"}, {"where": None}, "additive", "is stricter"),
    ({**COMPARE, "where": "id > 1"}, {"where": "id > 2"}, "weaker", "is another"),
    (COMPARE, {"severity": "fail"}, "same", "stops the step now, before it rejects rows"),
    (COMPARE, {"severity": "warn"}, "weaker", "only warns now, before it rejects rows"),
    (COMPARE, {"mostly": 0.9}, "weaker", "lets a share of rows break it now, before it rejects rows"),
    ({**COMPARE, "mostly": 0.9}, {"mostly": None}, "additive", "rejects rows now, before it lets a share of rows break it"),
    ({**COMPARE, "mostly": 0.9}, {"mostly": 0.95}, "additive", "is kept by a share of 0.95 of the rows, was 0.9"),
    ({**COMPARE, "mostly": 0.9}, {"mostly": 0.5}, "weaker", "is kept by a share of 0.5 of the rows, was 0.9"),
    ({**COMPARE, "mostly": 0.9}, {"op": "<="}, "weaker", "is weaker"),
    ({**COMPARE, "mostly": 0.9}, {"where": "id > 1"}, "weaker", "is another"),
    ({**COMPARE, "mostly": 0.9, "severity": "warn"}, {"mostly": 0.5}, "same", "warns otherwise"),
    (COMPARE, {"column": "high", "op": ">", "to": "low"}, "same", "is written otherwise"),
    (COMPARE, {"column": "high", "op": ">=", "to": "low"}, "weaker", "is weaker"),
    (COMPARE, {"name": "other"}, "same", "was named rule"),
    (COMPARE, {"dimension": "accuracy"}, "same", "counts for accuracy, was consistency"),
    (SUM, {"tolerance": 0.2}, "weaker", "is weaker"),
    (SUM, {"tolerance": 0.05}, "additive", "is stricter"),
    (SUM, {"columns": ["low"]}, "weaker", "is another"),
    (ONE, {"exactly": False}, "weaker", "is weaker"),
]


def rule_contract(options, low=""):
    properties = HEAD + (
        f"      - {{name: low, logicalType: integer, quality: [{low}]}}\n      - {{name: high, logicalType: integer}}\n")
    options = {key: value for key, value in options.items() if value is not None}
    return properties + (f"    quality: [{json.dumps(custom(**options))}]\n" if options else "")


@pytest.mark.parametrize("rule, change, level, what", RULE_CHANGES)
def test_a_changed_rule_is_weaker_stricter_or_another(project, rule, change, level, what):
    project.write("old.yml", rule_contract(rule))
    project.write("new.yml", rule_contract({**rule, **change}))
    told = project.json("contract", "diff", "old.yml", "new.yml", exit_code=None)
    assert (told["level"], [item["what"] for item in told["differences"]]) == (level, [f"rule {change.get('name', 'rule')} {what}"])


@pytest.mark.parametrize("old, new, level", [
    ("kind: not_in, values: [1, 2]", "kind: not_in, values: [1]", "weaker"),
    ("kind: not_in, values: [1]", "kind: not_in, values: [1, 2]", "additive"),
    ("kind: digits, max: 5", "kind: digits, max: 10", "weaker"),
    ("kind: digits, max: 10", "kind: digits, max: 5", "additive"),
    ("kind: multiple_of, of: 2", "kind: multiple_of, of: 3", "weaker"),
    ("kind: multiple_of, of: 2", "kind: multiple_of, of: 6", "additive"),
    ("kind: range, min: 9, min_exclusive: true", "kind: range, min: 10", "same"),
])
def test_a_changed_rule_of_a_column_too(project, old, new, level):
    entry = "{{type: custom, engine: sluice, implementation: {{{}}}}}"
    project.write("old.yml", rule_contract({}, entry.format(old)))
    project.write("new.yml", rule_contract({}, entry.format(new)))
    assert project.json("contract", "diff", "old.yml", "new.yml", exit_code=None)["level"] == level


def test_a_step_that_a_rule_stops_has_a_balance_that_closes(project):
    stop = custom(kind="expression", expression="amount < 5", severity="fail")
    with_rule(project, stop, ["1,1.00,DE", "2,2.00,DE", "3,9.00,DE", "x,1.00,DE", ",1.00,DE", "6,1.00,DE"])
    report = project.json("run", exit_code=None)
    step = cleanse_of(report)
    assert step["status"] == "error" and step["versions"] == {}
    rows = step["rows"]
    assert rows["in"] == 6 and rows["quarantined"] == 3
    assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"]


# --- what is stricter, against rows

STRICTER = [
    # column (None: of the table), the rule before, the rule now, what diff says
    ("i", "kind: not_in, values: [1]", "kind: not_in, values: [1, 2]", "is stricter"),
    ("t", "kind: prefix, values: [a]", "kind: prefix, values: [ab, ac]", "is stricter"),
    ("t", "kind: suffix, values: [a, b]", "kind: suffix, values: [ba, b]", "is stricter"),
    ("t", "kind: contains, values: [a]", "kind: contains, values: [ab]", "is stricter"),
    ("t", "kind: length, max: 3", "kind: length, min: 2, max: 3", "is stricter"),
    ("i", "kind: range, min: 3, min_exclusive: true", "kind: range, min: 4", "is written otherwise"),
    ("i", "kind: range, min: 3", "kind: range, min: 3, min_exclusive: true", "is stricter"),
    ("d", "kind: range, max: 2024-01-05, max_exclusive: true", "kind: range, max: 2024-01-04", "is written otherwise"),
    ("d", "kind: range, max: 2024-01-05", "kind: range, min: 2024-01-02, max: 2024-01-05", "is stricter"),
    ("n", "kind: range, min: 1", "kind: range, min: 1.5", "is stricter"),
    ("i", "kind: multiple_of, of: 2", "kind: multiple_of, of: 6", "is stricter"),
    ("n", "kind: multiple_of, of: 0.25", "kind: multiple_of, of: 0.5", "is stricter"),
    ("i", "kind: multiple_of, of: 2", "kind: multiple_of, of: 3", "is another"),
    ("n", "kind: decimal_places, max: 1", "kind: decimal_places, max: 0", "is stricter"),
    ("d", "kind: weekday, days: [monday, friday]", "kind: weekday, days: [friday]", "is stricter"),
    ("t", "kind: digits, max: 2", "kind: digits, min: 1, max: 2", "is written otherwise"),
    (None, "kind: compare, column: i, op: <=, to: j", "kind: compare, column: i, op: <, to: j", "is stricter"),
    (None, "kind: compare, column: i, op: <, to: j", "kind: compare, column: j, op: '>', to: i", "is written otherwise"),
    (None, "kind: compare, column: i, op: '<>', to: j", "kind: compare, column: j, op: '>', to: i", "is stricter"),
    (None, "kind: sum_of, column: i, columns: [j, k], tolerance: 2", "kind: sum_of, column: i, columns: [j, k], tolerance: 1", "is stricter"),
    (None, "kind: one_of_columns, columns: [i, j, k]", "kind: one_of_columns, columns: [j, k]", "is stricter"),
    (None, "kind: one_of_columns, columns: [i, j, k]", "kind: one_of_columns, columns: [i, j, k], exactly: true", "is stricter"),
    (None, "kind: one_of_columns, columns: [i, j, k], exactly: true", "kind: one_of_columns, columns: [i, j], exactly: true", "is another"),
    (None, "kind: not_both, columns: [i, j]", "kind: not_both, columns: [i, j, k]", "is stricter"),
    (None, "kind: all_or_none, columns: [i, j]", "kind: all_or_none, columns: [i, j, k]", "is stricter"),
    (None, "kind: in_order, columns: [i, k]", "kind: in_order, columns: [i, j, k]", "is stricter"),
    (None, "kind: in_order, columns: [i, j, k]", "kind: in_order, columns: [i, j, k], strictly: true", "is stricter"),
    (None, "kind: different, columns: [i, j]", "kind: different, columns: [k, j, i]", "is stricter"),
    (None, "expression: i > 1, where: j > 1", "expression: i > 1", "is stricter"),
]


def stricter_contract(rules):
    """`rules`: (name, column, implementation)."""
    types = {"i": "logicalType: integer", "j": "logicalType: integer", "k": "logicalType: integer", "d": "logicalType: date",
             "n": "logicalType: number, physicalType: \"decimal(9,2)\"", "t": "logicalType: string"}
    entries = {column: ", ".join(f"{{type: custom, engine: sluice, name: {name}, implementation: {{{text}}}}}" for name, owner, text in rules if owner == column)
               for column in [*types, None]}
    properties = "".join(f"      - {{name: {column}, {words}, quality: [{entries[column]}]}}\n" for column, words in types.items())
    return HEAD[:HEAD.index("    properties:")] + f"    properties:\n{properties}    quality: [{entries[None]}]\n"


def test_what_diff_calls_stricter_breaks_no_row_less(project):
    for file, index in (("old.yml", 1), ("new.yml", 2)):
        project.write(file, stricter_contract([(f"r{k}", pair[0], pair[index]) for k, pair in enumerate(STRICTER)]))
    told = {item["what"].split()[1]: item["what"].split(" ", 2)[2] for item in project.json("contract", "diff", "old.yml", "new.yml", exit_code=3)["differences"]}
    assert told == {f"r{k}": pair[3] for k, pair in enumerate(STRICTER)}
    rng = random.Random(3)
    lines = [",".join([*(rng.choice(["", *map(str, range(8))]) for _ in "ijk"), f"2024-01-0{rng.randint(1, 9)}", f"{rng.randint(0, 40) / 8:.2f}",
                       "".join(rng.choice("ab1") for _ in range(rng.randint(1, 4)))]) for _ in range(400)]
    project.write("sluice.yml", SETTINGS)
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("data/a.csv", "i,j,k,d,n,t\n" + "\n".join(lines) + "\n")
    # with a condition, since no row could keep all of them
    project.write("contracts/t.odcs.yml", stricter_contract([(f"r{k}-{when}", pair[0], pair[index] + ("" if "where" in pair[index] else ", where: 'true'"))
                                                             for k, pair in enumerate(STRICTER)
                                                             for index, when in ((1, "old"), (2, "new"))]))
    project.run("run")
    broken = {}
    for row in project.delta("quarantine.t").to_pylist():
        for reason in row["reasons"]:
            broken.setdefault(reason["rule"], set()).add(row["_position"])
    for k, pair in enumerate(STRICTER):
        old, new = broken.get(f"r{k}-old", set()), broken.get(f"r{k}-new", set())
        assert {"is stricter": old < new, "is written otherwise": old == new != set(), "is another": bool(old - new and new - old)}[pair[3]], pair


def test_time_zones_are_those_of_the_engine_for_columns_and_items(project):
    zones = [row[0] for row in duckdb.sql("select name from pg_timezone_names() where name like '%/%' or name in ('UTC', 'GMT')").fetchall()]
    zone = {"logicalType": "string", "logicalTypeOptions": {"format": "timezone"}}
    columns = [{"name": "id", "logicalType": "integer"}, {"name": "a", **zone}, {"name": "b", "logicalType": "array", "items": zone}]
    contract = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active", "schema": [{"name": "t", "properties": columns}]}
    project.write("sluice.yml", SETTINGS)
    project.write("sources/t.yml", "path: data/*.jsonl\n")
    project.write("contracts/t.odcs.yml", json.dumps(contract))
    rows = [{"id": i, "a": zone, "b": ["UTC", zone]} for i, zone in enumerate([*zones, "Europe/Vienne", "utc", "europe/berlin"])]
    project.write("data/t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    project.run("run")
    broken = project.delta("quarantine.t").to_pylist()
    assert project.count("clean.t") == len(zones) > 500
    assert [[reason["rule"] for reason in row["reasons"]] for row in broken] == [["a.format", "b[].format"]] * 3


def test_kinds_of_checks_are_told_from_kinds_of_rules(project):
    kinds = project.json("ls", "--checks")["checks"]
    rules = {kind["name"] for kind in kinds if kind["stands"] != "table"}
    checks = sorted({kind["name"] for kind in kinds} - rules)
    assert "accepted_values" in checks and "drift" in checks
    project.write("sluice.yml", SETTINGS)
    quality = "".join(f"      - {json.dumps(custom(kind=kind, name=kind))}\n" for kind in [*checks, "acepted_values", "rnage"])
    project.write("contracts/t.odcs.yml", HEAD + "    quality:\n" + quality)
    hints = [error["hint"] for error in project.json("check", exit_code=1)["errors"]]
    for kind, hint in zip(checks, hints):
        assert f"check: {kind}'" in hint and "whole table" in hint, (kind, hint)
    assert "'kind: enum'" in hints[checks.index("accepted_values")] and "required: true" in hints[checks.index("not_null")]
    assert hints[-1] == "did you mean 'range'?"
    for hint in hints:  # a rule that is named is one
        named = hint.split("'kind: ")[1].split("'")[0] if "'kind: " in hint else "range"
        assert named in rules
