"""Objects with properties and arrays with items, from the contract to the table that other readers see."""
import datetime
import decimal
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import values_model as model

PROJECT = "name: nested\nchecks: {requirements: off}\n"

ADDRESS = {"name": "address", "logicalType": "object", "properties": [
    {"name": "zip", "logicalType": "string", "required": True, "logicalTypeOptions": {"pattern": "^[0-9]{5}$"}},
    {"name": "geo", "logicalType": "object", "properties": [
        {"name": "lat", "logicalType": "number", "physicalType": "decimal(12,6)", "logicalTypeOptions": {"minimum": -90, "maximum": 90}},
        {"name": "since", "logicalType": "date"}]}]}
ITEMS = {"name": "items", "logicalType": "array", "items": {"logicalType": "object", "properties": [
    {"name": "sku", "logicalType": "string", "required": True},
    {"name": "qty", "logicalType": "integer", "logicalTypeOptions": {"minimum": 1}},
    {"name": "tags", "logicalType": "array", "items": {"logicalType": "string"}}]}}
EXTRA = {"name": "extra", "logicalType": "object"}
ID = {"name": "id", "logicalType": "integer", "primaryKey": True}


def contract(project, *columns, name="orders"):
    schema = [{"name": name, "properties": [ID, *columns]}]
    project.write(f"contracts/{name}.odcs.yml", json.dumps(
        {"apiVersion": "v3.1.0", "kind": "DataContract", "id": name, "version": "1.0.0", "status": "active", "schema": schema}))


@pytest.fixture
def make(project):
    """A project with one source and its contract; gives it back after the first run."""
    def make(columns, file, content, project=project):
        project.write("sluice.yml", PROJECT)
        project.write("sources/orders.yml", f"connector: file\npath: data/*.{file.split('.', 1)[1]}\n")
        contract(project, *columns)
        if content is not None:
            project.write(f"data/{file}", content)
        return project
    return make


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def reasons(project):
    """{id: {column: message}} of the rejected rows."""
    found = {}
    for row in project.delta("quarantine.orders").to_pylist():
        key = int(json.loads(row["payload"])["id"])
        found[key] = {reason["column"]: reason["message"] for reason in row["reasons"]}
    return found


def clean(project, *columns):
    rows = project.delta("clean.orders").to_pylist()
    return {row["id"]: row[columns[0]] if len(columns) == 1 else [row[c] for c in columns] for row in rows}


GOOD = {"id": 1, "address": {"zip": "01234", "geo": {"lat": 52.123456, "since": "2024-02-29"}},
        "items": [{"sku": "a", "qty": 2, "tags": ["x", "y"]}, {"sku": "b", "qty": "3"}]}
WANTED = [{"zip": "01234", "geo": {"lat": decimal.Decimal("52.123456"), "since": datetime.date(2024, 2, 29)}},
          [{"sku": "a", "qty": 2, "tags": ["x", "y"]}, {"sku": "b", "qty": 3, "tags": None}]]


def test_nested_values_are_structs_and_lists_to_every_reader(make):
    project = make([ADDRESS, ITEMS, EXTRA], "orders.jsonl", lines(GOOD, '{"id": 2, "address": null, "items": [], "extra": {"a": 1.10}}'))
    project.run("run")
    schema = project.delta("clean.orders").schema
    assert schema.field("address").type == pa.struct(
        [("zip", pa.string()), ("geo", pa.struct([("lat", pa.decimal128(12, 6)), ("since", pa.date32())]))])
    assert schema.field("items").type.value_type == pa.struct(
        [("sku", pa.string()), ("qty", pa.int64()), ("tags", schema.field("items").type.value_type.field("tags").type)])
    assert clean(project, "address", "items") == {1: WANTED, 2: [None, []]}
    assert clean(project, "extra")[2] == '{"a": 1.10}'
    found = duckdb.sql(f"select id, address, items from delta_scan('{project.table_folder('clean.orders')}') order by id").fetchall() \
        if has_delta() else [(1, *WANTED), (2, None, [])]
    assert found == [(1, *WANTED), (2, None, [])]
    assert project.json("query", "select address.geo.lat, items[2].qty from clean.orders order by id")["rows"][0] == ["52.123456", 3]
    assert "nothing to do" in project.run("run").stdout


def has_delta():
    try:
        duckdb.execute("load delta")
        return True
    except duckdb.Error:
        return False


LINES = {"name": "lines", "logicalType": "array", "items": {"logicalType": "object", "properties": [
    {"name": "v", "logicalType": "integer", "required": True},
    {"name": "o", "logicalType": "object", "properties": [{"name": "w", "logicalType": "string", "required": True}]},
    {"name": "sub", "logicalType": "array", "items": {"logicalType": "object", "properties": [
        {"name": "v", "logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 1}},
        {"name": "deep", "logicalType": "array", "items": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 1}}}]}},
    {"name": "grid", "logicalType": "array", "items": {"logicalType": "array", "items": {"logicalType": "integer"}}},
    {"name": "tags", "logicalType": "array", "items": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 3}}}]}}
TABLE = {"name": "cells", "logicalType": "array", "items": {"logicalType": "array", "items": {"logicalType": "integer"}}}


def test_of_an_item_that_is_no_object_its_members_are_not_missed(make):
    project = make([ITEMS, LINES], "orders.jsonl", lines(
        GOOD | {"id": 9},
        {"id": 1, "items": ["x"]},
        {"id": 2, "items": [[]]},
        {"id": 3, "items": [{"sku": "a"}, "x", {"qty": 1}]},
        {"id": 4, "items": [{}]},
        {"id": 5, "lines": [{"v": 1, "o": "x"}, {"v": 2, "o": {"z": 0}}]},
        {"id": 6, "lines": [{"v": 1, "o": {}}, {"v": 2, "o": {"w": "x"}}, {"o": {"w": "y"}}]},
        {"id": 7, "lines": [{"v": 1, "sub": [4, {"v": 1}]}, {"v": 2, "sub": [{"deep": []}]}]}))
    project.run("run")
    assert reasons(project) == {
        1: {"items[]": "items[0]: '\"x\"' is not a JSON object"},
        2: {"items[]": "items[0]: '[]' is not a JSON object"},
        3: {"items[]": "items[1]: '\"x\"' is not a JSON object", "items[].sku": "items[2].sku: a value is required"},
        4: {"items[].sku": "items[0].sku: a value is required"},
        5: {"lines[].o": "'\"x\"' is not a JSON object"},
        6: {"lines[].o.w": "lines[0].o.w: a value is required", "lines[].v": "lines[2].v: a value is required"},
        7: {"lines[].sub[]": "'4' is not a JSON object", "lines[].sub[].v": "lines[1].sub[0].v: a value is required"}}


def test_items_in_two_arrays_are_named_by_both_numbers(make):
    project = make([LINES, TABLE], "orders.jsonl", lines(
        {"id": 9},
        {"id": 1, "lines": [{"v": 1, "tags": ["a", "b"]}, {"v": 1, "tags": None}, {"v": 1}, {"v": 1, "tags": []},
                            {"v": 1, "tags": ["c", "long", "d", "longer"]}]},
        {"id": 2, "lines": [None, {"v": 1, "sub": [{"v": 1}, {"v": 0}]}]},
        {"id": 3, "cells": [[1], None, [], [2, "x", 3]]},
        {"id": 4, "lines": [{"v": 1, "sub": [{"v": 1, "deep": ["ok"]}]}]},
        {"id": 5, "lines": [{"v": 1, "grid": [[1], ["z"]]}]},
        '{"id": 6, "lines": [{"v": 1}, {"v": 1, "v": 2}]}'))
    project.run("run")
    assert reasons(project) == {
        1: {"lines[].tags[]": "lines[4].tags[1]: 'long' is longer than 3 characters; lines[4].tags[3]: 'longer' is longer than 3 characters"},
        2: {"lines[].sub[].v": "lines[1].sub[1].v: '0' is below the minimum 1"},
        3: {"cells[][]": "cells[3][1]: 'x' is not an integer of 64 bits"},
        4: {"lines[].sub[].deep[]": "lines[].sub[].deep[]: 'ok' is longer than 1 characters"},
        5: {"lines[].grid[][]": "lines[].grid[][]: 'z' is not an integer of 64 bits"},
        6: {"lines[]": "lines[1]: it has a member twice"}}


def test_each_broken_leaf_is_named_by_its_path_and_its_item(make):
    project = make([ADDRESS, ITEMS], "orders.jsonl", lines(
        GOOD,
        {"id": 3, "address": {"zip": "12", "geo": {"lat": 91.5}}, "items": [{"sku": "a", "qty": 0}]},
        {"id": 4, "address": {"geo": [1]}, "items": [{"sku": "a"}, {"sku": "c", "qty": 1.5}, {"qty": "x"}]},
        {"id": 5, "address": {"zip": "11111", "geo": {"lat": 1.1234567}}, "items": {"sku": 1}},
        {"id": 6, "address": "street", "items": [{"sku": "z", "qty": q} for q in (0, -1, 1, -2, -3)]},
        {"id": 7, "address": {"zip": None}, "items": [5, None]},
        {"id": 8, "address": {}, "items": None}))
    project.run("run")
    assert reasons(project) == {
        3: {"address.zip": "'12' does not match the pattern ^[0-9]{5}$", "address.geo.lat": "'91.5' is above the maximum 90",
            "items[].qty": "items[0].qty: '0' is below the minimum 1"},
        4: {"address.zip": "a value is required", "address.geo": "'[1]' is not a JSON object",
            "items[].sku": "items[2].sku: a value is required",
            "items[].qty": "items[1].qty: '1.5' is not an integer of 64 bits: too large, or not whole; "
                           "items[2].qty: 'x' is not an integer of 64 bits"},
        5: {"address.geo.lat": "'1.1234567' is not a decimal(12,6): too many digits", "items": "'{\"sku\": 1}' is not a JSON array"},
        6: {"address": "'street' is not a JSON object",
            "items[].qty": "items[0].qty: '0' is below the minimum 1; items[1].qty: '-1' is below the minimum 1; "
                           "items[3].qty: '-2' is below the minimum 1; and 1 more"},
        7: {"address.zip": "a value is required", "items[]": "items[0]: '5' is not a JSON object"},
        8: {"address.zip": "a value is required"},
    }


def test_numbers_keep_all_their_digits(make):
    amount = {"name": "v", "logicalType": "object", "properties": [
        {"name": "d", "logicalType": "number", "physicalType": "decimal(38,20)"},
        {"name": "t", "logicalType": "string"}, {"name": "j", "logicalType": "object"},
        {"name": "l", "logicalType": "array", "items": {"logicalType": "number", "physicalType": "decimal(30,2)"}}]}
    project = make([amount], "orders.jsonl", lines(
        '{"id":1,"v":{"d":0.12345678901234567891,"t":1.10,"j":{"x":[1.10,"5"," 6 \\" 7"],"y":12345678901234567890.5},"l":[1234567890123456789012345678.25,-0.50]}}',
        '{"id":2,"v":{"d":-1,"t":{"a":1.50,"b":"2"},"j":[1e400],"l":[]}}'))
    project.run("run")
    found = clean(project, "v")
    assert found[1] == {"d": decimal.Decimal("0.12345678901234567891"), "t": "1.10",
                        "j": '{"x":[1.10,"5"," 6 \\" 7"],"y":12345678901234567890.5}',
                        "l": [decimal.Decimal("1234567890123456789012345678.25"), decimal.Decimal("-0.50")]}
    assert found[2] == {"d": decimal.Decimal("-1"), "t": '{"a":1.50,"b":"2"}', "j": "[1e400]", "l": []}


def test_parquet_and_csv_give_what_json_gives(make, new_project):
    project = make([ADDRESS, ITEMS], "orders.parquet", None)
    typed = pa.table({
        "id": [1, 2, 3],
        "address": pa.array([{"ZIP": "01234", "geo": {"since": datetime.date(2024, 2, 29), "lat": 52.123456, "more": [1]}},
                             None, {"ZIP": "1", "geo": None}]),
        "items": pa.array([[{"sku": "a", "qty": 2.0, "tags": ["x", "y"]}, {"sku": "b", "qty": 3.0, "tags": None}], [],
                           [{"sku": "c", "qty": 1.5, "tags": []}]])})
    (project.folder / "data").mkdir()
    pq.write_table(typed, project.folder / "data/orders.parquet")
    project.run("run")
    assert clean(project, "address", "items") == {1: WANTED, 2: [None, []]}
    assert reasons(project)[3] == {"address.zip": "'1' does not match the pattern ^[0-9]{5}$",
                                   "items[].qty": "items[0].qty: '1.5' is not an integer of 64 bits: too large, or not whole"}
    project = make([ADDRESS, ITEMS], "orders.csv", None, new_project("csv"))
    quoted = [json.dumps(GOOD[name]).replace('"', '""') for name in ("address", "items")]
    project.write("data/orders.csv", 'id,address,items\n1,"%s","%s"\n2,,[]\n3,"{""zip"":","[1"\n' % tuple(quoted))
    project.run("run")
    assert clean(project, "address", "items") == {1: WANTED, 2: [None, []]}
    assert reasons(project)[3] == {"address": "'{\"zip\":' is not a JSON object", "items": "'[1' is not a JSON array"}


def test_odd_members_have_a_clear_end(make):
    project = make([ADDRESS], "orders.jsonl", lines(
        '{"id":1,"address":{"zip":"11111","zip":"22222"}}',     # twice
        '{"id":2,"address":{"ZIP":"11111"}}',                   # another case: another member
        '{"id":3,"address":{"zip":"11111","unknown":{"a":1}}}', # unknown: left out
        '{"id":4,"address":{"zip":"11111","geo":{"lat":"\\ufdd01"}}}'))
    project.run("run")
    assert clean(project, "address") == {3: {"zip": "11111", "geo": None}}
    assert reasons(project) == {1: {"address": "it has a member twice"}, 2: {"address.zip": "a value is required"},
                                4: {"address": reasons(project)[4]["address"]}}


def deep_object(levels):
    prop = {"name": "a", "logicalType": "integer"}
    for _ in range(levels):
        prop = {"name": "a", "logicalType": "object", "properties": [prop]}
    return prop


def test_deep_values_and_contracts(make):
    def value(levels, leaf):
        return '{"id":%d,"a":%s}' % (levels, '{"a":' * levels + leaf + "}" * levels)
    project = make([deep_object(20)], "orders.jsonl", lines(value(20, "7"), value(19, "7"), value(21, "7"), value(450, "7")))
    project.run("run")
    found = clean(project, "a")[20]
    for _ in range(20):
        found = found["a"]
    assert found == 7
    path = ".".join("a" * 21)
    assert set(reasons(project)[21]) == {path} and set(reasons(project)[450]) == {path}
    assert list(reasons(project)[19]) == [".".join("a" * 20)]
    contract(project, deep_object(101))
    told = project.run("check", exit_code=1).stderr
    assert "more than 100 levels" in told and told.count("error[") == 1
    contract(project, {"name": "a", **nested_arrays(13)})
    assert "more than 12 levels" in project.run("check", exit_code=1).stderr


def test_values_below_many_levels(make):
    leaves = [{"name": "n", "logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 0}},
              {"name": "t", "logicalType": "string", "customProperties": [{"property": "sluice.default", "value": "none"}]},
              {"name": "l", "logicalType": "array", "items": {"logicalType": "object", "properties": [{"name": "q", "logicalType": "integer"}]}},
              {"name": 'a "quoted".name', "logicalType": "date"}]
    prop = {"name": "a", "logicalType": "object", "properties": leaves}
    for _ in range(17):
        prop = {"name": "a", "logicalType": "object", "properties": [prop, {"name": "b", "logicalType": "integer"}]}

    def value(key, inner, levels=17):
        for level in range(levels):
            inner = {"a": inner, "b": level}
        return {"id": key, "a": inner}
    good = {"n": 7, "t": None, "l": [{"q": 1}, {"q": 2}], 'a "quoted".name': "2024-02-29"}
    project = make([prop], "orders.jsonl", lines(
        value(1, good), value(2, {**good, "n": None}), value(3, {**good, "l": [{"q": 1}, {"q": "x"}]}), value(4, {**good, "n": -1}),
        value(5, "text", 10), value(6, None, 10), value(7, {**good, 'a "quoted".name': "2024-02-30"}), {"id": 8, "a": None}))
    project.run("run", "--set", "quarantine.max_share=1")
    found = clean(project, "a")
    assert sorted(found) == [1, 6, 8] and found[8] is None
    below, missing = found[1], found[6]
    for level in range(17):
        assert below["b"] == 16 - level
        below = below["a"]
    for _ in range(10):
        missing = missing["a"]
    assert missing is None
    assert below == {"n": 7, "t": "none", "l": [{"q": 1}, {"q": 2}], 'a "quoted".name': datetime.date(2024, 2, 29)}
    path = ".".join("a" * 18)
    told = reasons(project)
    assert {key: list(columns) for key, columns in told.items()} == {
        2: [f"{path}.n"], 3: [f"{path}.l[].q"], 4: [f"{path}.n"], 5: [".".join("a" * 11)], 7: [f'{path}.a "quoted".name']}
    assert "l[1].q" in told[3][f"{path}.l[].q"]


def nested_arrays(levels):
    prop = {"logicalType": "integer"}
    for _ in range(levels):
        prop = {"logicalType": "array", "items": prop}
    return prop


def test_many_properties(make):
    names = [f"p{i}" for i in range(150)]
    wide = {"name": "v", "logicalType": "object", "properties": [{"name": n, "logicalType": "integer"} for n in names]}
    project = make([wide], "orders.jsonl", lines({"id": 1, "v": {n: i for i, n in enumerate(names)}},
                                                 {"id": 2, "v": {n: "x" for n in names}}))
    project.run("run")
    assert clean(project, "v")[1] == {n: i for i, n in enumerate(names)}
    assert len(reasons(project)[2]) == 150


def test_rules_that_do_not_fit_are_errors_with_their_place(make):
    bad = {"name": "v", "logicalType": "object", "properties": [
        {"name": "k", "logicalType": "integer", "primaryKey": True}, {"name": "A", "logicalType": "string"},
        {"name": "a", "logicalType": "string"},
        {"name": "e", "logicalType": "integer", "quality": [{"type": "custom", "engine": "sluice", "name": "r",
                                                             "implementation": {"expression": "id > 0"}}]}]}
    project = make([bad], "orders.jsonl", None)
    told = project.run("check", exit_code=1).stderr
    assert "'v.k': a nested value is no primary key" in told and "stands here twice" in told
    assert "a rule of this kind is over columns of the row" in told


@pytest.mark.parametrize("others", [0, 70], ids=["small", "large"])
def test_every_leaf_reads_as_a_column_of_its_type_does(make, others):
    """The model of docs/values.md says what each text is; a leaf in an object, small or large, and one in an array must say the same."""
    texts = ["7", "+5", "007", "3.0", "3.7", "1e3", "0x10", "1_000", "", " 8 ", "12.5", ".5", "1.50000", "1.005", "1,5", "NaN", "inf",
             "1e400", "true", "NO", "on", "2", "2024-02-29", "2024-02-31", "2024-1-5", "2024-02-29T00:00:00", "2024-02-29T10:00:00Z",
             "2024-02-29 10:00+02", "24:00", "10:00", "10:00:30.5", "9:05", "{\"a\": 1}", "[1", "é", "99999999999"]
    types = {"i": ({"logicalType": "integer", "physicalType": "integer"}, model.read_integer(32)),
             "d": ({"logicalType": "number", "physicalType": "decimal(12,2)"}, model.read_decimal(12, 2)),
             "n": ({"logicalType": "number"}, model.read_double), "b": ({"logicalType": "boolean"}, model.read_boolean),
             "day": ({"logicalType": "date"}, model.read_date), "ts": ({"logicalType": "timestamp"}, model.read_timestamp(True)),
             "tod": ({"logicalType": "time"}, model.read_time)}
    members = [{"name": name, **declared} for name, (declared, _) in types.items()]
    more = [{"name": f"p{i}", "logicalType": "string"} for i in range(others)]
    columns = [{"name": "v", "logicalType": "object", "properties": members + more},
               {"name": "l", "logicalType": "array", "items": {"logicalType": "object", "properties": members}}]
    rows, wanted = [], {}
    for name, (_, read) in types.items():
        for text in texts:
            for column in ("v", "l"):
                key = len(rows) + 1
                member = {name: text}
                rows.append({"id": key, column: member if column == "v" else [{}, member]})
                trimmed = text.strip(model.BLANKS)
                wanted[key] = (column, name, None if trimmed == "" else read(trimmed), trimmed == "")
    project = make(columns, "orders.jsonl", lines(*rows))
    project.run("run", "--set", "quarantine.max_share=1")
    found, rejected = clean(project, "v", "l"), reasons(project)
    for key, (column, name, value, is_null) in wanted.items():
        if value is None and not is_null:
            path = f"v.{name}" if column == "v" else f"l[].{name}"
            assert list(rejected[key]) == [path], rows[key - 1]
            continue
        v, items = found[key]
        assert (v if column == "v" else items[1])[name] == value, rows[key - 1]
    assert len(found) + len(rejected) == len(rows)


def test_a_changed_leaf_rule_reads_what_it_rejected_again(make):
    project = make([ITEMS], "orders.jsonl", lines({"id": 1, "items": [{"sku": "a", "qty": 0}]}, {"id": 2, "items": [{"sku": "b", "qty": 4}]}))
    project.run("run")
    assert set(clean(project, "items")) == {2}
    mended = json.loads(json.dumps(ITEMS))
    mended["items"]["properties"][1]["logicalTypeOptions"]["minimum"] = 0
    contract(project, mended)
    project.run("run")
    assert set(clean(project, "items")) == {1, 2} and not reasons(project)
    mended["items"]["properties"].append({"name": "note", "logicalType": "string"})
    contract(project, mended)
    assert "cleanse orders" in project.run("run").stdout + project.run("plan").stdout
    assert clean(project, "items")[1] == [{"sku": "a", "qty": 0, "tags": None, "note": None}]


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_rule_of_a_leaf_that_follows_the_clock_has_everything_read_again(make, is_nested):
    def columns(minimum):
        rule = {"type": "custom", "engine": "sluice",
                "implementation": {"kind": "length", "max": 5, "where": "now() > timestamptz '2020-01-01'" if is_nested else "id > 0"}}
        zip_code = {"name": "zip", "logicalType": "string", "quality": [rule]}
        return [{"name": "amount", "logicalType": "integer", "logicalTypeOptions": {"minimum": minimum}},
                {"name": "address", "logicalType": "object", "properties": [zip_code]}]

    project = make(columns(5), "a.jsonl", lines({"id": 1, "amount": 1, "address": {"zip": "1"}}, {"id": 2, "amount": 7, "address": {"zip": "12"}}))
    project.run("run")
    contract(project, *columns(4))
    done = project.run("run", "-v")
    text = done.stdout + done.stderr
    assert ("it calls now()" in text) == is_nested and ("1 row of quarantine read again" in text) != is_nested, text


def test_lineage_names_the_rules_of_members(make):
    """Their ids are the reasons in quarantine, with the severity that each has."""
    items = json.loads(json.dumps(ITEMS))
    items["items"]["properties"][1]["quality"] = [{"type": "custom", "engine": "sluice", "name": "few", "severity": "warning",
                                                   "implementation": {"kind": "range", "max": 99}}]
    project = make([ADDRESS, items], "orders.jsonl", lines(GOOD, {"id": 2, "address": {"zip": "x"}, "items": [{"sku": "a", "qty": 0}]}))
    project.run("run")
    edges = {edge["from_column"]: edge["rules"] for edge in project.json("lineage", "clean.orders")["edges"] if edge["how"] == "parsed"}
    found = {column: {(rule["rule"], rule["severity"]) for rule in rules} for column, rules in edges.items()}
    assert found["address"] >= {("address.type", "reject"), ("address.geo.since.type", "reject"), ("address.zip.pattern", "reject"),
                                ("address.geo.lat.range", "reject")}
    assert found["items"] >= {("items[].qty.type", "reject"), ("items[].qty.range", "reject"), ("few", "warn")}
    broken = {reason["rule"] for row in project.delta("quarantine.orders").to_pylist() for reason in row["reasons"]}
    assert broken == {"address.zip.pattern", "items[].qty.range"}
    assert "address.zip.pattern" in project.run("lineage", "clean.orders.address").stdout
