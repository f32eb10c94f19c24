"""sluice generate: every kind of rule has a row that breaks it alone, whatever else the contract asks for."""
import csv
import io
import json

import pytest

MEMBERS = [{"name": name, "logicalType": kind} for name, kind in [("n", "string"), ("p", "integer"), ("q", "string"), ("r", "date")]]
FIELDS = {
    "required": [{"name": "a", "logicalType": "string", "required": True}],
    "type": [{"name": "a", "logicalType": "integer"}],
    "alias": [{"name": "a", "logicalType": "integer", "customProperties": [{"property": "sluice.aliases", "value": [{"name": "a_old", "until": "2999-12-31"}]}]}],
    "range": [{"name": "a", "logicalType": "integer", "logicalTypeOptions": {"minimum": 3, "maximum": 100}}],
    "length": [{"name": "a", "logicalType": "string", "logicalTypeOptions": {"minLength": 2, "maxLength": 9}}],
    "pattern": [{"name": "a", "logicalType": "string", "logicalTypeOptions": {"pattern": "^[A-Z]{2}[0-9]+$"}}],
    "format": [{"name": "a", "logicalType": "string", "logicalTypeOptions": {"format": "iban"}}],
    "multiple_of": [{"name": "a", "logicalType": "number", "physicalType": "decimal(9,3)", "logicalTypeOptions": {"multipleOf": 0.05}}],
    "unique": [{"name": "a", "logicalType": "string", "unique": True}],
    "item_count": [{"name": "a", "logicalType": "array", "items": {"logicalType": "string"}, "logicalTypeOptions": {"minItems": 2, "maxItems": 4}}],
    "unique_items": [{"name": "a", "logicalType": "array", "items": {"logicalType": "integer"}, "logicalTypeOptions": {"uniqueItems": True}}],
    "member_count": [{"name": "a", "logicalType": "object", "properties": MEMBERS, "logicalTypeOptions": {"minProperties": 2, "maxProperties": 3}}],
    "foreign_key": [{"name": "a", "logicalType": "integer", "relationships": [{"type": "foreignKey", "to": "parents.id"}]}],
}


def ruled(rule, *fields):
    """Columns of these types; the rule stands at the first one."""
    made = [{"name": name, **({"logicalType": kind} if isinstance(kind, str) else kind)} for name, kind in fields]
    made[0]["quality"] = [{"type": "custom", "engine": "sluice", "name": rule["kind"], "implementation": rule}]
    return made


DECIMAL = {"logicalType": "number", "physicalType": "decimal(12,4)"}
WHOLE = {"logicalType": "integer", "logicalTypeOptions": {"minimum": 0, "maximum": 40}}
AT_COLUMN = {
    "enum": ruled({"kind": "enum", "values": ["new", "paid"]}, ("a", "string")),
    "not_in": ruled({"kind": "not_in", "values": ["test", "dummy"]}, ("a", "string")),
    "not_pattern": ruled({"kind": "not_pattern", "pattern": "(?i)lorem ipsum"}, ("a", "string")),
    "prefix": ruled({"kind": "prefix", "values": ["DE-", "AT-"]}, ("a", "string")),
    "suffix": ruled({"kind": "suffix", "values": [".com", ".org"]}, ("a", "string")),
    "contains": ruled({"kind": "contains", "values": ["@"]}, ("a", "string")),
    "case": ruled({"kind": "case", "is": "upper"}, ("a", "string")),
    "trimmed": ruled({"kind": "trimmed"}, ("a", "string")),
    "printable": ruled({"kind": "printable"}, ("a", "string")),
    "digits": ruled({"kind": "digits", "min": 8, "max": 8}, ("a", "string")),
    "decimal_places": ruled({"kind": "decimal_places", "max": 2}, ("a", DECIMAL)),
    "past": ruled({"kind": "past"}, ("a", "date")),
    "future": ruled({"kind": "future"}, ("a", "timestamp")),
    "age": ruled({"kind": "age", "max_age": "90d"}, ("a", "date")),
    "weekday": ruled({"kind": "weekday", "days": ["monday", "tuesday"]}, ("a", "date")),
    "json_valid": ruled({"kind": "json_valid"}, ("a", "string")),
    "json_keys": ruled({"kind": "json_keys", "keys": ["id", "it's"]}, ("a", "string")),
    "required_members": ruled({"kind": "required_members", "members": ["n", "p"]}, ("a", {"logicalType": "object", "properties": MEMBERS})),
    "compare": ruled({"kind": "compare", "op": ">=", "to": "b"}, ("a", "date"), ("b", "date")),
    "required_if": ruled({"kind": "required_if", "when": "b = 'shipped'"}, ("a", "string"), ("b", "string")),
    "absent_if": ruled({"kind": "absent_if", "when": "b = 'draft'"}, ("a", "string"), ("b", "string")),
    "sum_of": ruled({"kind": "sum_of", "columns": ["b", "c"]}, ("a", "integer"), ("b", WHOLE), ("c", WHOLE)),
    "product_of": ruled({"kind": "product_of", "columns": ["b", "c"]}, ("a", "integer"), ("b", WHOLE), ("c", WHOLE)),
    "expression": ruled({"kind": "expression", "expression": "a is null or a <> 17"}, ("a", WHOLE)),
}
AT_ROW = {
    "one_of_columns": ({"columns": ["a", "b", "c"], "exactly": True}, ["string", "string", "string"]),
    "not_both": ({"columns": ["a", "b"]}, ["string", "string"]),
    "all_or_none": ({"columns": ["a", "b", "c"]}, ["string", "string", "string"]),
    "in_order": ({"columns": ["a", "b", "c"]}, ["date", "date", "date"]),
    "different": ({"columns": ["a", "b"]}, ["string", "string"]),
}
SETTINGS = "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000000}\n"


def contract_of(tables):
    return json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active",
                       "schema": [{"name": name, **table} for name, table in tables.items()]})


def parts_of(kind, prefix):
    """The columns and rules of the table for one kind of rule, with names of their own."""
    if kind in AT_ROW:
        options, types = AT_ROW[kind]
        fields = [{"name": name, "logicalType": logical} for name, logical in zip("abc", types)]
        rules = [{"type": "custom", "engine": "sluice", "name": kind, "implementation": {"kind": kind, **options}}]
    else:
        fields, rules = FIELDS.get(kind) or AT_COLUMN[kind], []
    texts = json.dumps([fields, rules])
    for name in "abc":  # names stand in lists, options and conditions
        texts = texts.replace(f'"{name}"', f'"{prefix}{name}"').replace(f'"{name} ', f'"{prefix}{name} ').replace(f" {name} ", f" {prefix}{name} ")
    return json.loads(texts.replace('"a_old"', f'"{prefix}a_old"').replace(f'"name": "{kind}"', f'"name": "{prefix}{kind}"'))


def rule_kinds(project):
    return sorted({check["name"] for check in project.json("ls", "--checks")["checks"] if check["stands"] != "table"})


def prepare(project, kinds):
    project.write("sluice.yml", SETTINGS)
    fields, rules = [{"name": "id", "logicalType": "integer", "primaryKey": True}], []
    for number, kind in enumerate(kinds):
        own = parts_of(kind, f"k{number}_")
        fields += own[0]
        rules += own[1]
    tables = {"parents": {"properties": [{"name": "id", "logicalType": "integer", "primaryKey": True}]}, "t": {"properties": fields, "quality": rules}}
    project.write("contracts/t.odcs.yml", contract_of(tables))
    for table in tables:
        project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
    project.write("data/parents-1.csv", "id\n1\n2\n3\n")
    project.run("run", "--select", "+clean.parents")


def generate(project, *arguments):
    out = project.json("generate", "t", *arguments, "--labels", "-o", "data/t-1.csv", "--force")
    lines = list(csv.DictReader(io.StringIO((project.folder / "data/t-1.csv").read_text())))
    return out, lines


def judge(project, lines):
    """A run says of each row what its label says."""
    project.run("run")
    broken = {}
    for row in project.delta("quarantine.t").to_pylist():
        broken[row["_position"]] = ", ".join(reason["rule"] for reason in row["reasons"] if reason["rule"] != "_breaks.unexpected")
    assert broken == {i + 2: line["_breaks"] for i, line in enumerate(lines) if line["_breaks"]}


# The kinds of this list are those of the program: see the test that compares them.
KINDS = sorted([*FIELDS, *AT_COLUMN, *AT_ROW])


def test_all_kinds_that_are_listed_are_here(project):
    project.write("sluice.yml", SETTINGS)
    assert rule_kinds(project) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_breaks_just_the_rule(project, kind):
    prepare(project, [kind])
    out, lines = generate(project, "-n", 20, "--breaking", "each")
    assert out["impossible"] == [] and out["not_found"] == []
    assert any(kind in name for name in out["breaking"]), out["breaking"]
    assert [line["_breaks"] for line in lines] == [""] * 20 + out["breaking"]
    judge(project, lines)


def test_rows_break_rules_over_json_of_which_nothing_else_is_said(project):
    rules = [({"kind": "item_count", "min": 2, "max": 4}, "array"), ({"kind": "unique_items"}, "array"),
             ({"kind": "member_count", "min": 1, "max": 3}, "object"), ({"kind": "required_members", "members": ["n", "it is"]}, "object")]
    fields = [{**ruled(rule, ("a", kind))[0], "name": f"k{number}"} for number, (rule, kind) in enumerate(rules)]
    project.write("sluice.yml", SETTINGS)
    project.write("contracts/t.odcs.yml", contract_of({"t": {"properties": [{"name": "id", "logicalType": "integer", "primaryKey": True}, *fields]}}))
    project.write("sources/t.yml", "path: data/t-*.csv\n")
    (project.folder / "data").mkdir()
    out, lines = generate(project, "-n", 20, "--breaking", "each")
    assert out["impossible"] == [] and out["not_found"] == []
    assert {rule["kind"] for rule, _ in rules} <= set(out["breaking"]), out["breaking"]
    judge(project, lines)


def test_for_a_member_that_is_left_out_another_one_comes_where_their_number_is_fixed(project):
    object_ = {"name": "a", "logicalType": "object", "properties": MEMBERS, "logicalTypeOptions": {"minProperties": 2, "maxProperties": 2}}
    object_["quality"] = [{"type": "custom", "engine": "sluice", "name": "n", "implementation": {"kind": "required_members", "members": ["n"]}}]
    project.write("sluice.yml", SETTINGS)
    project.write("contracts/t.odcs.yml", contract_of({"t": {"properties": [{"name": "id", "logicalType": "integer", "primaryKey": True}, object_]}}))
    project.write("sources/t.yml", "path: data/t-*.csv\n")
    (project.folder / "data").mkdir()
    out, lines = generate(project, "-n", 20, "--breaking", "each")
    assert out["not_found"] == [] and {"n", "a.member_count"} <= set(out["breaking"])
    judge(project, lines)


def test_rows_for_all_kinds_in_one_contract(project):
    prepare(project, KINDS)
    out, lines = generate(project, "-n", 50, "--breaking", "each")
    assert out["impossible"] == [] and out["not_found"] == [] and out["notes"] == []
    for kind in KINDS:
        assert any(kind in name for name in out["breaking"]), (kind, out["breaking"])
    judge(project, lines)


def test_a_contract_of_a_hundred_narrow_columns_has_rows(project):
    formats, = (check["formats"] for check in project.json("ls", "--checks", "format")["checks"])
    texts = [{"logicalType": "string", "required": True, "logicalTypeOptions": {"format": name}} for name in formats]
    days = [{"logicalType": "date", "logicalTypeOptions": {"minimum": "2020-01-01", "maximum": "2020-03-01"}}] * 8
    codes = [{"logicalType": "string", "required": True, "logicalTypeOptions": {"pattern": "^(SKU|ART)-[a-f0-9]{8}$"}}] * 8
    columns = [{"name": f"c{n}", **column} for n, column in enumerate((texts * 3 + days + codes)[:100])]
    inner = {"logicalType": "array", "items": {"logicalType": "object", "properties": columns[:29]}}
    deep = {"name": "deep", "logicalType": "object", "properties": [{"name": "lines", **inner}]}
    table = {"properties": [{"name": "id", "logicalType": "integer", "primaryKey": True}, *columns, deep]}
    project.write("sluice.yml", SETTINGS)
    project.write("contracts/t.odcs.yml", contract_of({"t": table}))
    project.write("sources/t.yml", "path: data/t-*.csv\n")
    (project.folder / "data").mkdir()
    out, lines = generate(project, "-n", 200)
    assert out["count"] == len(lines) == 200
    project.run("run")
    assert project.count("clean.t") == 200
