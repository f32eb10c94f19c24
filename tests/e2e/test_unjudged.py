"""What a value that failed its type has to do with rules: over several columns, over items, and when the contract changes."""
import json

import pytest

from conftest import Project, contract_text


@pytest.fixture
def project(tmp_path, sluice_bin):
    project = Project(tmp_path / "p", sluice_bin)
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*\n")
    return project


def contract(project, *columns, quality=()):
    text = contract_text("t", "{name: id, logicalType: integer, primaryKey: true}", *map(json.dumps, columns))
    project.write("contracts/t.odcs.yml", text + (f"    quality: {json.dumps(list(quality))}\n" if quality else ""))


def severity(value, **more):
    return {"customProperties": [{"property": "sluice.severity", "value": {"type": value}}], **more}


def custom(name, **implementation):
    return {"type": "custom", "engine": "sluice", "name": name, "implementation": implementation}


def integer(name, **more):
    return {"name": name, "logicalType": "integer", **more}


def tables(project):
    clean = sorted(row["id"] for row in project.delta("clean.t").to_pylist()) if project.table_folder("clean.t").exists() else []
    quarantine = {int(json.loads(row["payload"])["id"]): sorted(reason["rule"] for reason in row["reasons"])
                  for row in project.delta("quarantine.t").to_pylist()} if project.table_folder("quarantine.t").exists() else {}
    return clean, quarantine


def run(project):
    """What the tables hold after a run that reads again what the change asks for; the same as if all were."""
    project.run("verify", project.json("run")["run_id"])
    found = tables(project)
    project.run("run", "--full-refresh", "--select", "clean.t")
    assert tables(project) == found
    return found


@pytest.mark.parametrize("kind, values", [("all_or_none", "1,,?"), ("not_both", "1,2,?"), ("different", "1,1,?"), ("in_order", "2,1,?")])
@pytest.mark.parametrize("how", ["reject", "warn", "quarantine_value"])
def test_a_rule_over_fewer_columns_judges_what_it_did_not(project, kind, values, how):
    rows = ["1," + values, "2,,,", "3,1,,"]
    project.write("data/a.csv", "id,a,b,c\n" + "\n".join(rows) + "\n")
    columns = integer("a"), integer("b"), integer("c", **severity(how))
    contract(project, *columns, quality=[custom("z", kind=kind, columns=["a", "b", "c"])])
    project.run("run")
    assert "z" not in tables(project)[1].get(1, [])
    contract(project, *columns, quality=[custom("z", kind=kind, columns=["a", "b"])])
    clean, quarantine = run(project)
    assert 1 not in clean and quarantine[1] == (["c.type", "z"] if how != "warn" else ["z"])


@pytest.mark.parametrize("values", ["1e16,1,-1e16,0", "1e16,-1e16,1,0"])
def test_the_order_in_which_doubles_are_added_up_counts(project, values):
    project.write("data/a.csv", f"id,a,b,c,total\n1,{values}\n2,1,1,1,3\n3,1,1,1,4\n")
    for order in (["a", "b", "c"], ["a", "c", "b"]):
        contract(project, *({"name": name, "logicalType": "number"} for name in "abc"),
                 {"name": "total", "logicalType": "number", "quality": [custom("sum", kind="sum_of", columns=order)]})
        clean, quarantine = run(project)
        assert (1 in clean) != (1 in quarantine) and quarantine[3] == ["sum"]


def test_of_doubles_no_tolerance_is_not_0(project):
    project.write("data/a.csv", "id,a,b,total\n1,0.1,0.2,0.3\n2,1,1,2\n3,5e9,5e9,10000000001\n")
    for tolerance, broken in ((None, {}), (0, {1, 3}), (None, {}), (0.001, {3})):
        more = {} if tolerance is None else {"tolerance": tolerance}
        contract(project, *({"name": name, "logicalType": "number"} for name in "ab"),
                 {"name": "total", "logicalType": "number", "quality": [custom("sum", kind="sum_of", columns=["a", "b"], **more)]})
        assert set(run(project)[1]) == set(broken), tolerance


def test_totals_that_are_too_large_are_computed_or_wrong(project):
    big = 9 * 10**18
    rows = {1: (big, big, -big, big), 2: (big, big, big, 5), 3: (1, 2, 3, 6), 4: (big, big, "", 5), 5: ("", "", "", ""), 6: (big, 0, 2, 0)}
    project.write("data/a.csv", "id,a,b,c,total\n" + "".join(f"{i},{','.join(map(str, row))}\n" for i, row in rows.items()))
    for kind, broken in (("sum_of", {2, 4, 6}), ("product_of", {1, 2})):
        for logical in ({"logicalType": "integer"}, {"logicalType": "number", "physicalType": "decimal(38,0)"}):
            contract(project, *({"name": name, **logical} for name in "abc"),
                     {"name": "total", **logical, "quality": [custom("total", kind=kind, columns=["a", "b", "c"])]})
            assert set(run(project)[1]) == broken, (kind, logical)


@pytest.mark.parametrize("expression, broken", [("coalesce(COLUMNS('^a$'), 0) + coalesce(b, 1) > 0", {2}), ("coalesce(b, 1) * 2 > 0", {2, 4})])
def test_an_expression_over_columns_by_a_pattern_looks_at_them_all(project, expression, broken):
    project.write("data/a.csv", "id,a,b\n1,?,\n2,,0\n3,1,1\n4,?,0\n")
    contract(project, integer("a", **severity("warn")), integer("b"), quality=[custom("some", expression=expression)])
    assert set(run(project)[1]) == broken


def test_a_member_named_by_a_star_is_no_pattern(project):
    """The engine's paths take it for every member."""
    project.write("data/a.jsonl", "".join(f'{{"id": {i}, "o": {o}}}\n' for i, o in enumerate(
        ['{"*": 1, "**": "x", "b": 2}', '{"**": 1, "b": 2, "c": 3}', '{"*": null, "**": 1, "b": 2}', '{"*": 1, "b": 2}'], 1)))
    contract(project, {"name": "o", "logicalType": "object", "logicalTypeOptions": {"required": ["*", "**", "b"]}})
    assert set(run(project)[1]) == {2, 3, 4}


def test_an_item_that_cannot_be_read_is_like_no_other(project):
    items = {1: [{"q": "x"}, {"q": "y"}], 2: [{"q": 1}, {"q": "x"}, {"q": 1}], 3: [{"q": 1}, {"q": "x"}], 4: [{"q": None}, {}], 5: ["x", "y"],
             6: [{"q": 1, "l": ["x"]}, {"q": 1, "l": ["y"]}], 7: [{"q": 1, "l": "x"}, {"q": 1, "l": "y"}], 8: [{"q": 1, "l": [1, 2]}, {"q": 1, "l": [1]}]}
    grid = {11: [["x"], ["y"]], 12: [["x"], [None], [None]], 13: [[1, "x"], [1, "y"], [1]]}
    rows = [{"id": i, "items": value} for i, value in items.items()] + [{"id": i, "grid": value} for i, value in grid.items()]
    project.write("data/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    for how in ("reject", "warn"):
        more = severity(how)
        thing = {"logicalType": "object", **more, "properties": [integer("q", **more), {
            "name": "l", "logicalType": "array", **more, "items": {"logicalType": "integer", **more}}]}
        contract(project, {"name": "items", "logicalType": "array", "logicalTypeOptions": {"uniqueItems": True}, "items": thing},
                 {"name": "grid", "logicalType": "array", "logicalTypeOptions": {"uniqueItems": True},
                  "items": {"logicalType": "array", "items": {"logicalType": "integer", **more}}})
        twice = {2: ["items.unique_items"], 4: ["items.unique_items"], 12: ["grid.unique_items"]}
        types = {1: ["items[].q.type"], 2: ["items[].q.type"], 3: ["items[].q.type"], 5: ["items[].type"], 6: ["items[].l[].type"],
                 7: ["items[].l.type"], 11: ["grid[][].type"], 12: ["grid[][].type"], 13: ["grid[][].type"]}
        wanted = twice if how == "warn" else {i: sorted(twice.get(i, []) + types.get(i, [])) for i in twice | types}
        assert run(project)[1] == wanted


def test_json_of_another_shape_has_one_reason(project):
    rows = [{"id": 1, "l": {"a": 1}, "o": [1], "w": {"a": 1}}, {"id": 2, "l": [1], "o": {"k": 1}, "w": [1]}, {"id": 3, "l": "x", "o": 5},
            {"id": 4, "l": [1, 1, 1], "o": {}}, {"id": 5, "n": {"l": {"a": 1}}}, {"id": 6, "n": {"l": [1, 1]}}]
    project.write("data/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    array = {"logicalType": "array", "logicalTypeOptions": {"minItems": 1, "maxItems": 2, "uniqueItems": True}}
    columns = [{"name": "l", **array}, {"name": "o", "logicalType": "object", "logicalTypeOptions": {"minProperties": 1, "required": ["k"]}},
               {"name": "w", "logicalType": "array"}, {"name": "n", "logicalType": "object", "properties": [{"name": "l", **array}]}]
    contract(project, *columns)
    wanted = {1: ["l.type", "o.type"], 3: ["l.type", "o.type"], 4: ["l.item_count", "l.unique_items", "o.member_count", "o.required_members"],
              5: ["n.l.type"], 6: ["n.l.unique_items"]}
    assert run(project) == ([2], wanted)
    said = {reason["message"] for row in project.delta("quarantine.t").to_pylist() for reason in row["reasons"] if reason["rule"] == "l.type"}
    assert said == {"'{\"a\": 1}' is not a JSON array", "'x' is not a JSON array"}
    contract(project, *({key: value for key, value in column.items() if key != "logicalTypeOptions"} for column in columns))
    assert run(project)[1] == {3: ["l.type", "o.type"], 5: ["n.l.type"], 6: ["n.l.unique_items"]}
    contract(project, *columns)
    assert run(project) == ([2], wanted)


def test_a_quoted_name_with_a_quote_in_it_is_a_columns_name(project):
    project.write("data/a.csv", 'id,"we""ird"\n1,1\n2,x\n3,0\n')
    contract(project, integer('we"ird'), quality=[custom("quoted", expression='coalesce("WE""ird", 0) > 0')])
    assert run(project) == ([1], {2: ['we"ird.type'], 3: ["quoted"]})
