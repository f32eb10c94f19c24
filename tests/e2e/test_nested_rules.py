"""Rules over whole objects and arrays: how many items or members there are, which of them must be there, what comes twice."""
import csv
import decimal
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import jsonschema
import pytest
import yaml

from conftest import contract_text
from test_contract_exchange import check_odcs

PROJECT = "name: nested\nchecks: {requirements: off}\n"

ID = {"name": "id", "logicalType": "integer", "primaryKey": True}


def array(items, **options):
    return {"logicalType": "array", "items": items, "logicalTypeOptions": options}


def thing(*members, **options):
    return {"logicalType": "object", "properties": list(members), "logicalTypeOptions": options}


def named(name, column, **more):
    return {"name": name, **column, **more}


NUMBER = {"logicalType": "number", "physicalType": "decimal(12,2)"}
DOUBLE = {"logicalType": "number"}
TEXT = {"logicalType": "string"}
POINT = thing(named("x", NUMBER), named("y", TEXT), named("z", array(NUMBER)))


def make(project, *columns, rows=None, name="data/orders.jsonl"):
    project.write("sluice.yml", PROJECT)
    project.write("sources/orders.yml", f"connector: file\npath: data/*.{name.split('.', 1)[1]}\n")
    project.write("contracts/orders.odcs.yml", contract_text("orders", *(json.dumps(column) for column in (ID, *columns))))
    if rows is not None:
        project.write(name, "".join(json.dumps(row) + "\n" for row in rows))
    return project


def reasons(project):
    """{id: {(rule, message), ...}} of the rejected rows."""
    return {int(json.loads(row["payload"])["id"]): {(reason["rule"], reason["message"]) for reason in row["reasons"]}
            for row in project.delta("quarantine.orders").to_pylist()}


def broken_rules(project):
    return {key: sorted(rule for rule, _ in found) for key, found in reasons(project).items()}


# --- The model: what each rule says of a value of JSON, by its declared type ---

def present(value, column):
    """The value as the table holds it: None for nothing, an empty text and what is of another shape."""
    kind = column["logicalType"]
    if value is None or value == "":
        return None
    if kind == "array":
        return [present(item, column["items"]) for item in value] if isinstance(value, list) else None
    if kind == "object":
        return {member["name"]: present(value.get(member["name"]), member) for member in column["properties"]} \
            if isinstance(value, dict) else None
    if kind == "number":
        try:
            number = decimal.Decimal(str(value))
        except decimal.InvalidOperation:
            return None
        return number if number.is_finite() else None
    return str(value)


def is_unreadable(item, column):
    return column["logicalType"] == "number" and item not in (None, "") and present(item, column) is None


def key_of(value):
    if isinstance(value, dict):
        return tuple((name, key_of(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(key_of(item) for item in value), "list"
    return value


def judge(value, column, path, found):
    options = column.get("logicalTypeOptions", {})
    kind = column["logicalType"]
    if is_unreadable(value, column):
        found.add(f"{path}.type")
    if kind == "array" and isinstance(value, list):
        items = column["items"]
        if not options.get("minItems", 0) <= len(value) <= options.get("maxItems", len(value)):
            found.add(f"{path}.item_count")
        keys = [key_of(present(item, items)) for item in value if not is_unreadable(item, items)]
        if options.get("uniqueItems") and len(set(keys)) < len(keys):
            found.add(f"{path}.unique_items")
        for item in value:
            judge(item, items, f"{path}[]", found)
    if kind == "object" and isinstance(value, dict):
        held = {member["name"] for member in column["properties"]
                if present(value.get(member["name"]), member) is not None or is_unreadable(value.get(member["name"]), member)}
        count = len(held)
        if not options.get("minProperties", 0) <= count <= options.get("maxProperties", count):
            found.add(f"{path}.member_count")
        for member in column["properties"]:
            if member["name"] in options.get("required", []) and member["name"] not in held:
                found.add(f"{path}.{member['name']}.required")
            judge(value.get(member["name"]), member, f"{path}.{member['name']}", found)


def random_value(dice, column, depth=0):
    kind = column["logicalType"]
    if dice.random() < 0.12:
        return None
    if kind == "array":
        return [random_value(dice, column["items"], depth + 1) for _ in range(dice.choice([0, 1, 2, 2, 3, 3, 4, 6]))]
    if kind == "object":
        members = [member for member in column["properties"] if dice.random() < 0.8]
        dice.shuffle(members)
        return {member["name"]: random_value(dice, member, depth + 1) for member in members}
    if kind == "number":
        return dice.choice([1, 1.0, "1.0", "1", 2, 2.5, "2.50", -3, 0, -0.0, "", 4, 5, 6, 7, 8] + ["NaN"] * (dice.random() < 0.2))
    return dice.choice(["", "a", "b", "A", "é", "c", "d", "e", "1", "1.0", "'", '"', "null"])


COLUMNS = {
    "numbers": array(NUMBER, minItems=1, maxItems=4, uniqueItems=True),
    "doubles": array(DOUBLE, uniqueItems=True),
    "texts": array(TEXT, uniqueItems=True, maxItems=5),
    "grid": array(array(NUMBER, uniqueItems=True, maxItems=3), uniqueItems=True, minItems=1),
    "points": array(named("", POINT) | {"logicalTypeOptions": {"minProperties": 1, "maxProperties": 2, "required": ["x"]}}, uniqueItems=True),
    "point": POINT | {"logicalTypeOptions": {"minProperties": 2, "required": ["y", "z"]}},
    "deep": thing(named("inner", thing(named("list", array(TEXT, minItems=2, uniqueItems=True)), named("k", TEXT), minProperties=2)),
                  named("many", array(thing(named("tags", array(TEXT, uniqueItems=True, minItems=1)), named("q", NUMBER), minProperties=2)))),
}


@pytest.mark.parametrize("others", [0, 70], ids=["small", "large"])
def test_all_rules_say_what_the_model_says(project, others):
    """Random nested data; a column of many members has its leaves under other names (nest_large.c)."""
    dice = random.Random(20)
    more = [named(f"p{i}", TEXT) for i in range(others)]
    columns = {name: column | {"properties": column["properties"] + more} if others and name in ("deep",) else column
               for name, column in COLUMNS.items()}
    rows = [{"id": i} | {name: random_value(dice, column) for name, column in columns.items() if dice.random() < 0.4} for i in range(600)]
    wanted = {}
    for row in rows:
        found = set()
        for name, column in columns.items():
            judge(row.get(name), column, name, found)
        if found:
            wanted[row["id"]] = sorted(found)
    make(project, *(named(name, column) for name, column in columns.items()), rows=rows)
    project.run("run", "--set", "quarantine.max_share=1")
    found = broken_rules(project)
    for row in rows:
        assert found.get(row["id"]) == wanted.get(row["id"]), row
    assert {rule for rules in wanted.values() for rule in rules} >= {
        "numbers.item_count", "numbers.unique_items", "doubles.unique_items", "doubles[].type", "texts.unique_items", "grid[].unique_items",
        "grid.unique_items", "grid[].item_count", "points.unique_items", "points[].member_count", "points[].x.required", "point.member_count",
        "point.z.required", "deep.inner.list.unique_items", "deep.inner.list.item_count", "deep.inner.member_count",
        "deep.many[].tags.unique_items", "deep.many[].member_count"}
    assert {row["id"] for row in project.delta("clean.orders").to_pylist()} == {row["id"] for row in rows} - set(wanted)


# --- Other forms of schema ---

EXCHANGED = [
    named("tags", array(TEXT, minItems=1, maxItems=3, uniqueItems=True)),
    named("home", thing(named("zip", TEXT), named("city", TEXT), named("geo", thing(named("lat", DOUBLE), named("lon", DOUBLE), minProperties=2)),
                        minProperties=2, maxProperties=3, required=["zip"])),
    named("lines", array(thing(named("codes", array(TEXT, maxItems=2)), required=["codes"]), minItems=1)),
    named("any", {"logicalType": "object", "logicalTypeOptions": {"minProperties": 1, "required": ["a"]}}),
    named("list", {"logicalType": "array", "logicalTypeOptions": {"uniqueItems": True}}),
]


def form_of(project, form, *options):
    told = project.json("contract", "export", "contracts/orders.odcs.yml", "--format", form, *options)
    return told["text"], [item["message"] for item in told["warnings"]]


def options_of(column, path=""):
    """{path: options, required} of the column and all in it."""
    path = path + "." + column["name"] if column.get("name") and path else path or column["name"]
    found = {path: (column.get("logicalTypeOptions", {}), bool(column.get("required")))}
    for member in column.get("properties", []):
        found |= options_of(member, path)
    if "items" in column:
        found |= options_of(column["items"], path + "[]")
    return found


def test_json_schema_says_the_same_and_comes_back(project):
    make(project, *EXCHANGED)
    text, lost = form_of(project, "jsonschema")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert lost == []
    parts = schema["properties"]
    assert [parts["tags"][key] for key in ("minItems", "maxItems", "uniqueItems")] == [1, 3, True]
    assert [parts["home"][key] for key in ("minProperties", "maxProperties", "required")] == [2, 3, ["zip"]]
    assert parts["home"]["properties"]["zip"]["type"] == "string" and parts["home"]["properties"]["city"]["type"] == ["string", "null"]
    assert parts["home"]["properties"]["geo"]["minProperties"] == 2
    assert (parts["lines"]["minItems"], parts["lines"]["items"]["required"], parts["lines"]["items"]["properties"]["codes"]["maxItems"]) == (1, ["codes"], 2)
    assert (parts["any"]["minProperties"], parts["any"]["required"], parts["list"]["uniqueItems"]) == (1, ["a"], True)
    project.write("back.json", text)
    told = project.json("contract", "import", "back.json")
    assert told["warnings"] == []
    check_odcs(told["contract"])
    back = {}
    for column in told["contract"]["schema"][0]["properties"]:
        back |= options_of(column)
    for column in EXCHANGED:
        for path, (options, required) in options_of(column).items():
            if path in ("home", "lines[]"):  # what an object requires of its members stands at them now
                options = {key: value for key, value in options.items() if key != "required"}
            assert back[path] == (options, required or path in ("home.zip", "lines[].codes")), path


def test_values_that_a_validator_of_json_schema_takes_are_those_that_come_into_clean(project):
    """Over rows without nulls, of which the two have another opinion."""
    dice = random.Random(5)

    def value(column):
        kind = column["logicalType"]
        if kind == "array":
            return [value(column["items"]) for _ in range(dice.choice([0, 1, 2, 2, 3, 4]))]
        if kind == "object":
            return {member["name"]: value(member) for member in column["properties"] if dice.random() < 0.8}
        return dice.choice("abcde") if kind == "string" else dice.choice([1.5, 2.5])

    columns = EXCHANGED[:3]
    rows = [{"id": i} | {column["name"]: value(column) for column in columns} for i in range(300)]
    make(project, *columns, rows=rows)
    validator = jsonschema.Draft202012Validator(json.loads(form_of(project, "jsonschema")[0]))
    project.run("run", "--set", "quarantine.max_share=1")
    wanted = {row["id"] for row in rows if validator.is_valid(row)}
    assert {row["id"] for row in project.delta("clean.orders").to_pylist()} == wanted
    assert 10 < len(wanted) < 290


def test_what_json_schema_asks_beyond_a_contract_is_told(project):
    project.write("sluice.yml", PROJECT)
    project.write("a.json", json.dumps({"title": "t", "type": "object", "minProperties": 1, "properties": {
        "a": {"type": "object", "minProperties": 3, "properties": {"x": {"type": "string"}}},
        "b": {"type": "string", "minItems": 1}, "c": {"type": "object", "required": ["k"]}}}))
    told = project.json("contract", "import", "a.json")
    assert sorted(item["message"] for item in told["warnings"]) == [
        "'minItems' has no counterpart here", "'minProperties' has no counterpart here", "'minProperties' has no counterpart here"]
    assert told["contract"]["schema"][0]["properties"][2]["logicalTypeOptions"] == {"required": ["k"]}
    project.write("b.json", '{"title": "t", "properties": {"a": {"type": "array", "minItems": 2.0, "maxItems": 1e1, "uniqueItems": false}}}')
    found = project.json("contract", "import", "b.json")["contract"]["schema"][0]["properties"][0]["logicalTypeOptions"]
    assert json.dumps(found) == '{"minItems": 2, "maxItems": 10, "uniqueItems": false}'


@pytest.mark.parametrize("form", ["avro", "sql"])
def test_what_avro_and_sql_cannot_say_is_told(project, form):
    make(project, *EXCHANGED)
    _, lost = form_of(project, form)
    for part in ["'tags': 'minItems'", "'tags': 'maxItems'", "'tags': 'uniqueItems'", "'home': 'minProperties'", "'home': 'required'",
                 "'home.geo': 'minProperties'", "'lines[]': 'required'", "'lines[].codes': 'maxItems'", "'any': 'required'", "'list': 'uniqueItems'"]:
        assert sum(part in message for message in lost) == 1, (part, lost)


def test_the_standard_accepts_what_is_exported(project):
    make(project, *EXCHANGED)
    text, lost = form_of(project, "odcs")
    contract = check_odcs(yaml.safe_load(text))
    assert [column.get("logicalTypeOptions") for column in contract["schema"][0]["properties"][1:]] == [
        column["logicalTypeOptions"] for column in EXCHANGED]
    assert lost == []


# --- Versions of a contract ---

@pytest.mark.parametrize("before, now, level, what", [
    (array(TEXT), array(TEXT, minItems=1), "additive", "rule v.item_count is new"),
    (array(TEXT, minItems=1), array(TEXT, minItems=2), "additive", "rule v.item_count is stricter"),
    (array(TEXT, minItems=9), array(TEXT, minItems=10), "additive", "rule v.item_count is stricter"),
    (array(TEXT, maxItems=10), array(TEXT, maxItems=9), "additive", "rule v.item_count is stricter"),
    (array(TEXT, maxItems=9), array(TEXT, maxItems=10), "weaker", "rule v.item_count is weaker"),
    (array(TEXT, uniqueItems=True), array(TEXT), "weaker", "rule v.unique_items is gone"),
    (thing(named("a", TEXT), named("b", TEXT), maxProperties=1), thing(named("a", TEXT), named("b", TEXT)), "weaker", "rule v.member_count is gone"),
    (thing(named("a", TEXT)), thing(named("a", TEXT), required=["a"]), "additive", "rule v.a.required is new"),
    (thing(named("a", TEXT), required=["a"]), thing(named("a", TEXT)), "breaking", "rule v.a.required is gone"),
    (thing(named("a", TEXT), required=["a"]), thing(named("a", TEXT) | {"required": True}), None, None),
    ({"logicalType": "object", "logicalTypeOptions": {"required": ["a", "b"]}}, {"logicalType": "object", "logicalTypeOptions": {"required": ["a"]}},
     "breaking", "rule v.required_members is weaker"),
    ({"logicalType": "object", "logicalTypeOptions": {"required": ["a"]}}, {"logicalType": "object", "logicalTypeOptions": {"required": ["a", "b"]}},
     "additive", "rule v.required_members is stricter"),
])
def test_what_a_version_changes(project, before, now, level, what):
    project.write("sluice.yml", PROJECT)
    for name, column in (("old", before), ("new", now)):
        project.write(f"{name}.odcs.yml", contract_text("orders", json.dumps(ID), json.dumps(named("v", column))))
    told = project.json("contract", "diff", "old.odcs.yml", "new.odcs.yml", exit_code=None)
    assert [(change["level"], change["what"]) for change in told["differences"]] == ([(level, what)] if level else [])
    assert told["version_called_for"] == {"breaking": "2.0.0", None: None}.get(level, "1.1.0")


# --- Rows made for the rules ---

MADE = {
    "array": [named("v", array(NUMBER, minItems=1, maxItems=3, uniqueItems=True))],
    "flags": [named("v", array({"logicalType": "boolean", "required": True}, uniqueItems=True, minItems=2))],
    "object": [named("v", thing(named("x", NUMBER), named("y", TEXT), named("z", TEXT), minProperties=2, maxProperties=2, required=["x"]))],
    "inner": [named("v", array(thing(named("t", array(TEXT, uniqueItems=True, minItems=1)), named("u", TEXT), minProperties=1), maxItems=2))],
    "grid": [named("v", array(array(NUMBER, uniqueItems=True, minItems=2), maxItems=2))],
    "objects": [named("v", array(thing(named("p", TEXT), named("q", NUMBER)), uniqueItems=True, minItems=2))],
    "json": [named("j", {"logicalType": "array", "logicalTypeOptions": {"minItems": 1, "maxItems": 2, "uniqueItems": True}}),
             named("k", {"logicalType": "object", "logicalTypeOptions": {"minProperties": 2, "maxProperties": 3, "required": ["a"]}})],
    "wanted": [named("v", thing(named("p", TEXT), named("q", NUMBER)), quality=[
        {"type": "custom", "engine": "sluice", "implementation": {"kind": "required_members", "members": ["p", "q"]}}])],
}


@pytest.mark.parametrize("case", MADE)
def test_rows_are_made_that_keep_the_rules_and_that_break_each_of_them(project, case):
    make(project, *MADE[case])
    project.write("sources/orders.yml", "connector: file\npath: data/*.csv\n")
    (project.folder / "data").mkdir()
    out = project.json("generate", "orders", "-n", 30, "--breaking", "each", "--labels", "-o", "data/orders.csv")
    assert out["impossible"] == [] and {rule.rsplit(".", 1)[1] for rule in out["breaking"]} >= {"type"}
    kinds = {"unique_items", "item_count", "member_count", "required_members"}
    assert kinds & {rule.rsplit(".", 1)[1] for rule in out["breaking"]}
    project.run("run", "--set", "quarantine.max_share=1")
    lines = list(csv.DictReader((project.folder / "data/orders.csv").open()))
    found = {row["_position"]: [reason["rule"] for reason in row["reasons"]] for row in project.delta("quarantine.orders").to_pylist()}
    assert found == {i + 2: [line["_breaks"]] for i, line in enumerate(lines) if line["_breaks"]}
    assert project.count("clean.orders") == 30


def test_a_test_is_missed_that_a_rule_of_a_whole_array_needs(project):
    """`test --mutate` takes the rules away one by one, and gives the row of a test that would notice."""
    make(project, named("tags", array(TEXT, minItems=1, maxItems=2, uniqueItems=True)), rows=[])
    project.write("tests/orders.yml", 'given: {orders: [{id: 1, tags: "[]"}, {id: 2, tags: "[1]"}]}\nexpect: {clean.orders: [{id: 2}]}\n')
    mutants = {mutant["rule"]: mutant for mutant in project.json("test", "--mutate")["mutants"]}
    assert mutants["tags.item_count"]["status"] == "killed" and mutants["tags.unique_items"]["status"] == "survived"
    row = mutants["tags.unique_items"]["row"]
    assert len(set(json.loads(row["tags"]))) < len(json.loads(row["tags"]))
    project.write("tests/twice.yml", f"given: {{orders: [{json.dumps(row)}]}}\nexpect: {{quarantine.orders: [{{rule: tags.unique_items}}]}}\n")
    assert {m["rule"]: m["status"] for m in project.json("test", "--mutate")["mutants"]}["tags.unique_items"] == "killed"


# --- Runs after runs ---

def test_what_a_looser_rule_lets_pass_comes_back_and_a_stricter_one_takes(project):
    rows = [{"id": 1, "v": [1]}, {"id": 2, "v": [1, 2]}, {"id": 3, "v": [1, 2, 3]}, {"id": 4, "v": [1, 1]}, {"id": 5, "v": None}]
    make(project, named("v", array(NUMBER, maxItems=2, uniqueItems=True)), rows=rows)
    first = project.json("run", "--set", "quarantine.max_share=1")["run_id"]
    assert broken_rules(project) == {3: ["v.item_count"], 4: ["v.unique_items"]}
    project.run("verify", first)
    for options, wanted in (({"maxItems": 3, "uniqueItems": True}, {4: ["v.unique_items"]}), ({"maxItems": 3}, {}),
                            ({"minItems": 2}, {1: ["v.item_count"]}), ({"minItems": 2, "maxItems": 2}, {1: ["v.item_count"], 3: ["v.item_count"]})):
        make(project, named("v", array(NUMBER, **options)))
        project.run("run", "--set", "quarantine.max_share=1")
        assert broken_rules(project) == wanted, options
        assert sorted(row["id"] for row in project.delta("clean.orders").to_pylist()) == [i for i in range(1, 6) if i not in wanted]


def test_typed_sources_are_judged_as_texts_are(project):
    """Lists of a Parquet file, with NaN in them: no number that a table holds, so that the type rule tells it, and only that."""
    make(project, named("v", array(DOUBLE, uniqueItems=True, minItems=1)), named("p", POINT | {"logicalTypeOptions": {"minProperties": 2}}))
    project.write("sources/orders.yml", "connector: file\npath: data/*.parquet\n")
    nan = float("nan")
    rows = [{"id": 1, "v": [1.0, 2.0], "p": {"x": 1.0, "y": "a", "z": None}}, {"id": 2, "v": [0.0, -0.0], "p": None},
            {"id": 3, "v": [nan, nan], "p": None}, {"id": 4, "v": [None, None], "p": None}, {"id": 5, "v": [], "p": {"x": None, "y": "a", "z": None}},
            {"id": 6, "v": None, "p": {"x": None, "y": None, "z": [1.5]}}, {"id": 7, "v": [None, nan], "p": {"x": 2.0, "y": None, "z": []}}]
    kind = pa.schema([("id", pa.int64()), ("v", pa.list_(pa.float64())),
                      ("p", pa.struct([("x", pa.float64()), ("y", pa.string()), ("z", pa.list_(pa.float64()))]))])
    (project.folder / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, kind), project.folder / "data/a.parquet")
    project.run("run", "--set", "quarantine.max_share=1")
    assert broken_rules(project) == {2: ["v.unique_items"], 3: ["v[].type"], 4: ["v.unique_items"], 5: ["p.member_count", "v.item_count"],
                                     6: ["p.member_count"], 7: ["v[].type"]}


def test_reasons_carry_what_was_received(project):
    rule = {"type": "custom", "engine": "sluice", "implementation": {"kind": "required_members", "members": ["x", "y"], "where": "id > 1"}}
    rows = [{"id": 1, "a": [1, 2, 1.0, 3], "o": {"x": None, "y": None, "z": [7]}, "l": [["a", "a"], [None, None], []], "j": [1, {"b": 1}, {"b": 1}],
             "k": {"a": None}, "d": {"k": 1}},
            {"id": 2, "a": [], "o": {"x": 1, "z": [1]}, "l": [["it's", "it's"]], "j": {"a": 1}, "k": [1]},
            {"id": 3, "a": ["x" * 60] * 5, "o": {"y": "q"}, "l": [], "j": [None, None], "k": {"a": 1, "b": 2, "c": None}, "d": None}]
    make(project, named("a", array(TEXT, minItems=1, maxItems=3, uniqueItems=True)), named("o", POINT, quality=[rule]),
         named("l", array(array(TEXT, uniqueItems=True), minItems=1)), named("j", {"logicalType": "array", "logicalTypeOptions": {"uniqueItems": True}}),
         named("k", {"logicalType": "object", "logicalTypeOptions": {"maxProperties": 1, "required": ["a"]}}), rows=rows)
    project.run("run", "--set", "quarantine.max_share=1")
    cut = json.dumps(["x" * 60] * 5)[:100]
    assert reasons(project) == {
        1: {("a.item_count", "'[1, 2, 1.0, 3]' has 4 items, more than 3"),
            ("l[].unique_items", "l[0]: '[\"a\",\"a\"]' has 'a' 2 times; l[1]: '[null,null]' has null 2 times"),
            ("j.unique_items", "'[1, {\"b\": 1}, {\"b\": 1}]' has '{\"b\":1}' 2 times"),
            ("k.required_members", "'{\"a\": null}' has no value for 'a'")},
        2: {("a.item_count", "'[]' has 0 items, fewer than 1"), ("o.required_members", "'{\"x\": 1, \"z\": [1]}' has no value for 'y'"),
            ("l[].unique_items", "l[0]: '[\"it''s\",\"it''s\"]' has 'it''s' 2 times".replace("''", "'")), ("j.type", "'{\"a\": 1}' is not a JSON array"),
            ("k.type", "'[1]' is not a JSON object")},
        3: {("a.item_count", f"'{cut}…' has 5 items, more than 3"), ("a.unique_items", f"'{cut}…' has '{'x' * 60}' 5 times"),
            ("o.required_members", "'{\"y\": \"q\"}' has no value for 'x'"), ("l.item_count", "'[]' has 0 items, fewer than 1"),
            ("j.unique_items", "'[null, null]' has null 2 times"),
            ("k.member_count", "'{\"a\": 1, \"b\": 2, \"c\": null}' has 2 members with a value, more than 1")}}


TWICE = {"date": ("2024-01-01", "2024-01-01T00:00:00"), "timestamp": ("2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"), "time": ("10:00", "10:00:00.0"),
         "integer": (1, "1.0"), "number": (0, "-0.0"), "boolean": (True, "yes"), "string": ("a", "a"), "object": ({"b": 1}, {"b": 1}), "array": ([1, "x"], [1, "x"])}


def test_items_of_every_type_are_compared_as_values(project):
    inner = thing(named("a", {"logicalType": "date"}), named("l", array({"logicalType": "integer"})), named("j", {"logicalType": "object"}))
    columns = [named(f"c_{kind}", array({"logicalType": kind}, uniqueItems=True)) for kind in TWICE]
    columns += [named("c_inner", array(inner, uniqueItems=True)), named("c_json", {"logicalType": "array", "logicalTypeOptions": {"uniqueItems": True}})]
    rows = [{"id": i, f"c_{kind}": list(values)} for i, (kind, values) in enumerate(TWICE.items())]
    rows += [{"id": 20, "c_inner": [{"a": "2024-01-01", "l": [1, None], "j": {"x": 1}}, {"j": {"x": 1}, "l": ["1", ""], "a": "2024-01-01T00:00"}]},
             {"id": 21, "c_inner": [{"l": [1, None]}, {"l": [None, 1]}, {"l": [1]}, {"l": []}, {}, None]}, {"id": 22, "c_inner": [{}, {"a": None}]},
             {"id": 23, "c_json": [1, 1.0, "1", {"a": 1, "b": 2}, {"b": 2, "a": 1}]}, {"id": 24, "c_json": [{"a": 1}, {"a":   1}]}]
    make(project, *columns, rows=rows)
    project.run("run", "--set", "quarantine.max_share=1")
    wanted = {i: [f"c_{kind}.unique_items"] for i, kind in enumerate(TWICE)}
    assert broken_rules(project) == wanted | {20: ["c_inner.unique_items"], 22: ["c_inner.unique_items"], 24: ["c_json.unique_items"]}


@pytest.mark.parametrize("severity, code, clean", [("warn", 0, 2), ("fail", 4, 0)])
def test_severities_and_shares_hold_for_them_too(project, severity, code, clean):
    custom = [{"property": "sluice.severity", "value": {"item_count": severity}}]
    make(project, named("v", array(NUMBER, minItems=2), customProperties=custom), rows=[{"id": 1, "v": [1]}, {"id": 2, "v": [1, 2]}])
    project.run("run", exit_code=code)
    assert (project.table_folder("clean.orders").exists() and project.count("clean.orders")) == clean
