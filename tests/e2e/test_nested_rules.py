"""Rules over whole objects and arrays: how many items or members there are, which of them must be there, what comes twice."""
import decimal
import json
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import contract_text

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
