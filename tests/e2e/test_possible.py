"""Contracts with rules that nothing can ever keep: `check` refuses them, and lets the ones beside them through."""
import json

import pytest

REQUIRED = {"required": True}


def quality(**implementation):
    return {"type": "custom", "engine": "sluice", "name": implementation.pop("name"), "implementation": implementation}


def column(name, type, *rules, **more):
    return {"name": name, "logicalType": type, **more, **({"quality": list(rules)} if rules else {})}


def metric(**options):
    return {"type": "library", **options}


def bounds(**options):
    return {"logicalTypeOptions": options}


def nulls(*texts):
    return {"customProperties": [{"property": "sluice.nullValues", "value": list(texts)}]}


def ordered(first, second, required=True):
    more = {"required": required}
    return [column("a", "integer", *first, **more), column("b", "integer", *second, **more)]


def weekday(*days):
    return quality(name="day", kind="weekday", days=list(days))


VALID = metric(metric="invalidValues", arguments={"validValues": ["N/A", "-"]}, mustBe=0, name="valid")
LESS = quality(name="less", kind="compare", op="<", to="b")


def compare(op, to, name="other"):
    return quality(name=name, kind="compare", op=op, to=to)


def told(project, columns):
    """(errors, warnings) that `check` has for a contract of these columns."""
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: data/t.csv\n")
    project.write("data/t.csv", ",".join(c["name"] for c in columns) + "\n")
    project.write("contracts/t.odcs.yml", json.dumps({
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active",
        "schema": [{"name": "t", "properties": columns}]}))
    found = project.json("check", exit_code=None)
    return [[d["message"] for d in found[name] if d["file"] == "contracts/t.odcs.yml"] for name in ("errors", "warnings")]


@pytest.mark.parametrize("columns, message", [
    ([column("a", "integer", physicalType="smallint", **bounds(minimum=100000))], "no value can keep its rule 'a.range'"),
    ([column("a", "integer", physicalType="smallint", **bounds(maximum=-32769))], "no value can keep its rule 'a.range'"),
    ([column("a", "number", physicalType="decimal(5,2)", **bounds(minimum=1000))], "no value can keep its rule 'a.range'"),
    ([column("a", "integer", metric(metric="nullValues", mustBeGreaterThan=0), **REQUIRED)],
     "column 'a' is required, so that it has no nulls and the check can never pass"),
    ([column("a", "integer", metric(metric="nullValues", mustBeBetween=[0, 3]), **REQUIRED)],
     "column 'a' is required, so that it has no nulls and the check can never pass"),
    ([column("a", "integer", metric(metric="nullValues", mustBeGreaterThan=101, unit="percent"))],
     "a number from 0 to 100, so that nothing can pass"),
    ([column("a", "integer", metric(metric="duplicateValues", mustBeLessThan=0))], "a whole number from 0 on, so that nothing can pass"),
    ([column("a", "string", VALID, **REQUIRED, **nulls("", "N/A", "-"))],
     "column 'a' is required, and all values of its rule 'valid' mean null ('sluice.nullValues')"),
    (ordered([LESS, compare(">", "b")], []), "no row can keep both of the rules 'less' and 'other'"),
    (ordered([LESS], [compare("<=", "a")]), "no row can keep both of the rules 'less' and 'other'"),
    (ordered([LESS], [compare("=", "a")]), "no row can keep both of the rules 'less' and 'other'"),
    ([column("a", "date", weekday("monday"), **bounds(minimum="2026-01-03", maximum="2026-01-04"))],
     "no value can keep both of its rules 'a.range' and 'day'"),
], ids=range(12))
def test_what_nothing_can_keep_is_refused(project, columns, message):
    errors, _ = told(project, columns)
    assert len(errors) == 1 and message in errors[0]


@pytest.mark.parametrize("columns", [
    [column("a", "integer", physicalType="smallint", **bounds(minimum=32767))],
    [column("a", "integer", physicalType="smallint", **bounds(maximum=-32768))],
    [column("a", "integer", **bounds(minimum=9223372036854775807))],
    [column("a", "integer", **bounds(maximum=-9223372036854775808))],
    [column("a", "number", physicalType="decimal(5,2)", **bounds(minimum=999.99))],
    [column("a", "number", physicalType="decimal(17,2)", **bounds(minimum=999999999999999.99))],
    [column("a", "integer", metric(metric="nullValues", mustBeGreaterThan=0))],
    [column("a", "integer", metric(metric="nullValues", mustBeLessThan=3), **REQUIRED)],
    [column("a", "integer", metric(metric="nullValues", mustBeGreaterThan=99, unit="percent"))],
    [column("a", "string", VALID, **REQUIRED, **nulls("", "N/A"))],
    [column("a", "string", VALID, **nulls("N/A", "-"))],
    ordered([LESS, compare("<=", "b")], []),
    ordered([compare("<=", "b", "less")], [compare("<=", "a")]),
    [column("a", "date", weekday("monday"), **bounds(minimum="2026-01-03", maximum="2026-01-05"))],
    [column("a", "date", weekday("sunday"), **bounds(minimum="2026-01-03", maximum="2026-01-04"))],
    [column("a", "date", weekday("wednesday"), **bounds(minimum="1969-12-31", maximum="1969-12-31"))],
], ids=range(16))
def test_what_something_keeps_is_none_of_it(project, columns):
    assert told(project, columns) == [[], []]


def test_rows_without_a_value_keep_comparisons_that_exclude_each_other(project):
    errors, warnings = told(project, ordered([LESS, compare(">", "b")], [], required=False))
    assert errors == [] and warnings == ["no row with a value in all they look at can keep both of the rules 'less' and 'other'"]


def test_a_column_whose_name_only_stands_in_other_words_takes_no_part(project):
    errors, warnings = told(project, [
        column("amount", "integer", quality(name="few", expression="amount < 5"), quality(name="many", expression="amount > 10 /* o */"), **REQUIRED),
        column("o", "object", properties=[column("x", "string")]), *(column(name, "string") for name in "mnut")])
    assert errors == ["no row can keep both of the rules 'few' and 'many'"] and warnings == []
