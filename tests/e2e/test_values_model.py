"""The contract pass against values_model.py, an independent reading of docs/values.md: random contracts and rows, seeds fixed."""
import collections
import csv
import io
import json
from random import Random

import pytest

from conftest import Project
from values_cases import EXPRESSIONS, random_columns, random_rows
from values_model import judge_row

ROWS = 200
BATCHES = 3
FILES_OF_ONE_ROW = 60
SETTINGS = "name: values\nchecks: {requirements: off}\nquarantine: {max_share: 1, max_rows: 1000000}\n"


# --- the case as a project


def invalid_values(**arguments):
    return {"type": "library", "metric": "invalidValues", "arguments": arguments, "mustBe": 0}


def expression_rule(expression):
    options = expression.options or {"expression": expression.sql}
    return {"type": "custom", "engine": "sluice", "name": expression.name,
            "implementation": {**options, "severity": expression.severity}}


def rule_of_kind(column, kind, **options):
    """A rule of a column, written as one of Sluice's own, of the column's severity."""
    return {"type": "custom", "engine": "sluice", "name": f"{column.name}.{kind}", "implementation": {"kind": kind, **options}}


def property_of(column, expressions):
    """The column as an ODCS property."""
    options = dict(column.type.declared.get("logicalTypeOptions", {}))
    quality = [expression_rule(expression) for expression in expressions if expression.column == column.name]
    for kind in ("not_in", "prefix"):
        if kind in column.rules:
            quality.append(rule_of_kind(column, kind, values=column.rules[kind]))
    custom = {"sluice.severity": column.severity, "sluice.default": column.default, "sluice.nullValues": column.null_texts,
              "sluice.trim": column.trim}
    if "pattern" in column.rules and column.type.is_text:
        options["pattern"] = column.rules["pattern"]
    elif "pattern" in column.rules:
        quality.append(invalid_values(pattern=column.rules["pattern"]))
    if "length" in column.rules:
        options["minLength"] = column.rules["length"]
    if "range" in column.rules:
        options["maximum"] = column.rules["range"]
    if "enum" in column.rules:
        quality.append(invalid_values(validValues=column.rules["enum"]))
    return {"name": column.name, **column.type.declared, "logicalTypeOptions": options, "required": column.is_required,
            "quality": quality,
            "customProperties": [{"property": key, "value": value} for key, value in custom.items() if value is not None]}


def contract_of(columns, expressions, has_key):
    key = {"name": "id", "logicalType": "integer", "physicalType": "bigint", "required": True}
    if has_key:
        key.update(primaryKey=True, primaryKeyPosition=1)
    table = {"name": "t", "properties": [key, *(property_of(column, expressions) for column in columns)],
             "quality": [expression_rule(expression) for expression in expressions if not expression.column]}
    contract = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "name": "t", "version": "1.0.0", "status": "active",
                "schema": [table]}
    return json.dumps(contract, indent=1)


class Case:
    """A contract, rows of texts by id, and what the model says of them."""

    def __init__(self, seed, folder, binary):
        random = Random(seed)
        self.folder, self.binary = folder, binary
        self.columns, self.expressions = random_columns(random), EXPRESSIONS
        self.rows = dict(enumerate(random_rows(random, self.columns, ROWS)))
        self.judge()

    def judge(self):
        self.judged = {key: judge_row(self.columns, self.expressions, row) for key, row in self.rows.items()}
        self.clean = {key: values for key, (values, broken) in self.judged.items() if not broken["reject"]}
        self.refused = {key: broken["reject"] for key, (_, broken) in self.judged.items() if broken["reject"]}

    def project(self, name, has_key):
        project = Project(self.folder / name, self.binary)
        project.write("sluice.yml", SETTINGS)
        project.write("sources/t.yml", "path: data/*.csv\n")
        project.write("contracts/t.odcs.yml", contract_of(self.columns, self.expressions, has_key))
        return project

    def write(self, project, file, keys):
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["id", *(column.name for column in self.columns)])
        writer.writerows([key, *self.rows[key]] for key in keys)
        project.write(f"data/{file}.csv", text.getvalue().encode())

    def rule_counts(self):
        """How many rows break each rule: those of quarantine the rejecting ones, the clean ones the warning ones."""
        names = [name for _, broken in self.judged.values() for name in broken["reject"] or broken["warn"]]
        return dict(collections.Counter(names))


@pytest.fixture(scope="module", params=[1, 2, 3], ids="seed{}".format)
def case(request, tmp_path_factory, sluice_bin):
    return Case(request.param, tmp_path_factory.mktemp("values"), sluice_bin)


# --- what came of it


def cells_of(rows, case):
    """The values of rows {id: {column: value}}, by id, column and received text."""
    return {(key, column.name, text): row[column.name] for key, row in rows.items()
            for column, text in zip(case.columns, case.rows[key])}


def clean_rows(project):
    rows = project.delta("clean.t").to_pylist()
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows), "a row came into the table twice"
    return found


def refused_rows(project):
    """{id: [the names of the broken rules, sorted, for every time that the row is in quarantine]}"""
    found = collections.defaultdict(list)
    for row in project.delta("quarantine.t").to_pylist():
        found[int(json.loads(row["payload"])["id"])].append(sorted(reason["rule"] for reason in row["reasons"]))
    return found


def assert_same(found, expected):
    wrong = [f"{key}: {found.get(key, 'nothing')!r}, expected {expected.get(key, 'nothing')!r}"
             for key in sorted(found.keys() | expected.keys()) if found.get(key, "nothing") != expected.get(key, "nothing")]
    assert not wrong, "\n".join(wrong)


def assert_as_judged(project, case, copies):
    """The project has the rows as the model says; `copies`: how often each id came."""
    refused = {key: [case.refused[key]] * count for key, count in copies.items() if key in case.refused}
    clean = {key: case.clean[key] for key in copies if key in case.clean}
    assert_same(refused_rows(project), refused)
    assert_same(cells_of(clean_rows(project), case), cells_of(clean, case))


def test_one_file_has_the_fates_reasons_and_values_of_the_model(case):
    assert min(len(case.clean), len(case.refused)) > ROWS / 5, "a case shows little if nearly all rows share one fate"
    project = case.project("one", has_key=False)
    case.write(project, "all", case.rows)
    cleanse = project.json("run")["steps"][-1]
    assert_as_judged(project, case, dict.fromkeys(case.rows, 1))
    assert_same({reason["rule"]: reason["rows"] for reason in cleanse["reasons"]}, case.rule_counts())


def test_batches_with_a_key_come_to_the_same_and_so_does_a_full_refresh(case):
    project = case.project("batches", has_key=True)
    for batch in range(BATCHES):
        case.write(project, f"batch-{batch}", range(batch, ROWS, BATCHES))
        project.run("run")
    assert_as_judged(project, case, dict.fromkeys(case.rows, 1))
    project.run("run", "--full-refresh")
    assert_as_judged(project, case, dict.fromkeys(case.rows, 1))


def test_one_file_per_row_comes_to_the_same_though_some_rows_come_twice(case):
    project = case.project("files", has_key=True)
    copies = {key: 2 if key % 3 == 0 else 1 for key in range(FILES_OF_ONE_ROW)}
    for key, count in copies.items():
        for copy in range(count):
            case.write(project, f"{copy}-{key:03}", [key])
    project.run("run")
    assert_as_judged(project, case, copies)
