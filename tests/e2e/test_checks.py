"""Checks of whole tables: of contracts and models, that block and that warn; what readers see; what is kept of their results."""
import json
import shutil

import pytest

from conftest import Project
from test_kill import operations

HEAD = "id,day,amount,email\n"


def rows(first, last, day="2026-01-10", email="a@x.org"):
    return "".join(f"{i},{day},{i}.50,{email}\n" for i in range(first, last + 1))


def contract(*table, column="", sla=""):
    quality = "".join(f"      - {entry}\n" for entry in table)
    return f"""
apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
{sla}
schema:
  - name: orders
    properties:
      - {{name: id, logicalType: integer, primaryKey: true, required: true}}
      - {{name: day, logicalType: date}}
      - {{name: amount, logicalType: number, physicalType: "decimal(12,2)", logicalTypeOptions: {{minimum: 0}}}}
      - name: email
        logicalType: string
        quality: [{column}]
    quality:
{quality or "      []"}"""


def shop(project, *table, files=(HEAD + rows(1, 20),), **options):
    project.write("sluice.yml", "name: checks\nchecks: {requirements: off}\nconcurrency: 1\n")
    project.write("sources/orders.yml", "path: data/orders-*.csv\n")
    project.write("contracts/orders.odcs.yml", contract(*table, **options))
    for index, text in enumerate(files):
        project.write(f"data/orders-{index + 1}.csv", text)
    return project


def versions(project, table):
    return len(list((project.table_folder(table) / "_delta_log").glob("*.json")))


def step_of(document, table):
    return next(step for step in document["steps"] if step["table"] == table)


FAILING = [
    ("{metric: rowCount, mustBeGreaterThan: 20}", "is greater than 20"),
    ("{rule: rowCount, mustBeBetween: [1, 5]}", "is between 1 and 5"),
    ("{metric: duplicateValues, arguments: {properties: [day, email]}, mustBeLessThan: 9}", "'day', 'email' is less than 9"),
    ("{type: sql, query: 'select sum(amount) from {object}', mustBeLessThan: 100}", "less than 100"),
    ("{type: sql, query: 'select count(*) from orders where id > 10;', mustNotBe: 10}", "is not 10"),
    ("{type: sql, query: 'select count(*) from clean.orders', mustBe: 19}", "is 19"),
    ("{type: sql, query: 'select (select count(*) from ${table}) - (select count(*) from raw.orders)', mustNotBe: 0}", "is not 0"),
    ("{type: custom, engine: sluice, implementation: {check: row_count, max: 3}}", "at most 3 rows"),
    ("{type: custom, engine: sluice, implementation: {check: {unique: [day]}}}", "'day' unique"),
    ("{type: custom, engine: sluice, implementation: {check: not_null, columns: [email], mostly: 0.5}}", None),
    ("{type: custom, engine: sluice, implementation: {check: freshness, column: day, max_age: 24h}}", "at most 24h old"),
    ("{type: custom, engine: sluice, implementation: {check: reconcile, expression: count(*), "
     "equals: {table: raw.orders, expression: count(*) + 1}}}", "equals count(*) + 1 of raw.orders"),
]


@pytest.mark.parametrize("entry, claim", FAILING, ids=[case[0][:60] for case in FAILING])
def test_a_check_of_a_contract_that_fails_publishes_nothing(project, entry, claim):
    shop(project, entry)
    assert project.json("check")["counts"]["errors"] == 0
    document = project.json("run", exit_code=3 if claim else 0)
    step = step_of(document, "clean.orders")
    assert [check["passed"] for check in step["checks"]] == [claim is None]
    if not claim:
        return
    assert step["error"]["code"] == "SL0703" and claim in step["error"]["message"]
    assert step["error"]["file"] == "contracts/orders.odcs.yml" and step["error"]["line"] == 19
    for table in ("clean.orders", "quarantine.orders"):
        assert not (project.table_folder(table) / "_delta_log").exists()


COLUMN_FAILING = [
    ("{metric: nullValues, mustBeLessThan: 10, unit: percent}", "less than 10 percent"),
    ("{metric: missingValues, arguments: {missingValues: [null, 'N/A']}, mustBeLessOrEqualTo: 5}", "is at most 5"),
    ("{metric: invalidValues, arguments: {pattern: '@'}, mustBeLessThan: 5}", "is less than 5"),
    ("{metric: duplicateValues, mustBeLessThan: 1, unit: percent}", "less than 1 percent"),
    ("{type: sql, query: 'select count({property}) from {object}', mustBeGreaterOrEqualTo: 20}", "is at least 20"),
    ("{type: custom, engine: sluice, implementation: {check: null_share, max: 0.1}}", "at most 0.1"),
    ("{type: custom, engine: sluice, implementation: {check: pattern, pattern: '@', mostly: 0.9}}", "at least 0.9"),
]


@pytest.mark.parametrize("entry, claim", COLUMN_FAILING, ids=[case[0][:60] for case in COLUMN_FAILING])
def test_a_check_of_a_column_blocks_or_warns(project, entry, claim):
    files = (HEAD + rows(1, 10) + rows(11, 16, email="N/A") + rows(17, 20, email=""),)
    shop(project, column=entry, files=files)
    failed = project.json("run", exit_code=3)
    assert claim in step_of(failed, "clean.orders")["error"]["message"]
    assert "'email'" in step_of(failed, "clean.orders")["error"]["message"] or "query" in claim or "sql" in entry
    project.write("contracts/orders.odcs.yml", contract(column=entry[:-1] + ", severity: warning}"))
    step = step_of(project.json("run"), "clean.orders")
    assert step["status"] == "warn" and claim in step["notes"][0]
    assert project.count("clean.orders") == 20


def test_a_failing_check_leaves_the_old_version_and_a_mended_one_publishes_the_new(project):
    shop(project, "{metric: rowCount, mustBeLessThan: 25}")
    project.run("run")
    before = project.rows("clean.orders")
    project.write("data/orders-2.csv", HEAD + rows(21, 40) + "x,2026-01-10,1,bad\n")
    failed = project.run("run", exit_code=3)
    assert "the number of rows is less than 25, but value is 40" in failed.stderr
    assert (project.rows("clean.orders"), versions(project, "quarantine.orders")) == (before, 1)
    project.run("run", exit_code=3)  # it does not go away by itself
    project.write("contracts/orders.odcs.yml", contract("{metric: rowCount, mustBeLessThan: 50}"))
    document = project.json("run")
    assert (project.count("clean.orders"), project.count("quarantine.orders")) == (40, 1)
    assert step_of(document, "clean.orders")["rows"]["in"] == 21  # only the new file
    assert "nothing to do" in project.run("run").stdout


def test_a_new_check_runs_without_new_input_and_once(project):
    shop(project)
    project.run("run")
    project.write("contracts/orders.odcs.yml", contract("{metric: rowCount, mustBeGreaterThan: 100}"))
    assert "greater than 100" in project.run("run", exit_code=3).stderr
    assert project.count("clean.orders") == 20
    project.write("contracts/orders.odcs.yml", contract("{metric: rowCount, mustBeGreaterThan: 10}"))
    step = step_of(project.json("run"), "clean.orders")
    assert step["checks"][0]["passed"] and step["rows"]["in"] == 0
    assert "nothing to do" in project.run("run").stdout


def test_a_check_that_only_the_newest_rows_make_true_is_not_asked_before(project):
    """A rule is mended and a file has come: the rows that are read again alone would fail the check."""
    shop(project, "{metric: rowCount, mustBeGreaterThan: 10}", files=(HEAD + rows(1, 20) + "21,2026-01-10,-5,a\n",))
    project.run("run")
    assert project.count("quarantine.orders") == 1
    text = contract("{metric: rowCount, mustBeGreaterThan: 30}").replace("minimum: 0", "minimum: -10")
    project.write("contracts/orders.odcs.yml", text)
    project.write("data/orders-2.csv", HEAD + rows(22, 40))
    project.run("run")
    assert (project.count("clean.orders"), project.count("quarantine.orders")) == (40, 0)


def test_a_promised_age_warns(project):
    sla = "slaProperties: [{property: freshness, value: 2, unit: d, element: orders.day}, {property: retention, value: 3, unit: y}]"
    shop(project, sla=sla)
    step = step_of(project.json("run", env={"SLUICE_CLOCK": "2026-01-20T00:00:00Z"}), "clean.orders")
    assert step["status"] == "warn" and "check freshness 'freshness' failed" in step["notes"][0]
    assert step["checks"][0]["measure"] == "2026-01-10T00:00:00.000000Z" and step["checks"][0]["severity"] == "warn"
    project.write("data/orders-2.csv", HEAD + rows(21, 30, day="2026-01-19"))
    step = step_of(project.json("run", env={"SLUICE_CLOCK": "2026-01-20T00:00:00Z"}), "clean.orders")
    assert step["status"] == "ok" and step["checks"][0]["passed"]


MODEL = "/* sluice\nwrite: {write}\n{more}checks:\n{checks}*/\nselect id, day, amount from clean.orders"


def model(project, *checks, write="full", more=""):
    text = "".join(f"  - {check}\n" for check in checks)
    project.write("models/copy.sql", MODEL.format(write=write, more=more, checks=text))


TOGETHER = ["row_count: {min: 20, max: 20}", "not_null: [id, day]", "{range: {column: amount, min: 2, max: 100}, severity: warn}", "mean: {column: amount, min: 10.5}",
            "{accepted_values: {column: day, values: [2026-01-10]}, mostly: 0.5}", "{range: {column: amount, max: 10}, where: id < 10, name: small}",
            "{max_value: {column: amount, max: 3}, where: id < 3}", "{min_value: {column: amount, min: 2}, where: id < 3, severity: warn}",
            "null_share: {column: amount, max: 0}", "unique: [id]", "{expression: amount > id + 1, severity: warn}",
            "{freshness: {column: day, max_age: 240h}, severity: warn}", "{stddev: {column: amount, max: 1}, severity: warn}", "quantile: {column: id, q: 0.5, min: 10, max: 10}"]


def test_checks_together_find_what_each_finds_alone(project):
    shop(project)
    project.run("run")

    def found(*checks):
        model(project, *checks)
        step = step_of(project.json("run", "--select", "curated.copy", env={"SLUICE_CLOCK": "2026-01-20T00:00:00Z"}), "curated.copy")
        return step["checks"], step["notes"]

    together, notes = found(*TOGETHER)
    alone = [found(check) for check in TOGETHER]
    assert together == [result for results, _ in alone for result in results]
    # one check alone shows more of its example
    assert [note[:150] for note in notes] == [note[:150] for _, found_notes in alone for note in found_notes]
    assert [result["passed"] for result in together].count(False) == len(notes) == 4
    assert [result.get("rows") for result in together if result["kind"] == "expression"] == [20]


COUNTED = {  # values, and how many of them come again; text is what no bits are counted for
    "dense": ("bigint", ["1", "3", "2"], 0), "again": ("bigint", ["1", "3", "2", "3", "3"], 1),
    "negative": ("bigint", ["-2", "-1", "0", "2"], 0), "negative_again": ("integer", ["-2", "0", "-2"], 1),
    "one": ("bigint", ["7"], 0), "none": ("bigint", [], 0), "null": ("integer", ["1", "null", "2"], 0),
    "nulls": ("integer", ["1", "null", "null"], 1), "only_nulls": ("integer", ["null", "null"], 1),
    "far": ("bigint", ["0", "1000000000"], 0), "far_again": ("bigint", ["0", "1000000000", "0"], 1),
    "ends": ("bigint", ["-9223372036854775808", "9223372036854775807"], 0), "last": ("bigint", ["9223372036854775806", "9223372036854775807"], 0),
    "ends_again": ("bigint", ["-9223372036854775808", "9223372036854775807", "-9223372036854775808"], 1),
    "small": ("tinyint", ["-128", "127"], 0), "short": ("smallint", ["5", "6", "5"], 1),
    "text": ("varchar", ["'1'", "'01'"], 0), "text_again": ("varchar", ["'a'", "'a'"], 1), "decimal": ("decimal(9,1)", ["1.1", "1.2"], 0)}


@pytest.mark.parametrize("name", COUNTED)
def test_whether_values_are_unique_is_told_for_each_type_gap_and_null(project, name):
    kind, values, again = COUNTED[name]
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    listed = " union all ".join(f"select cast({value} as {kind}) as v" for value in values) or f"select 0::{kind} as v limit 0"
    project.write("models/t.sql", "/* sluice\nchecks: [{unique: v, severity: warn}, {unique: v, where: v is null or v::varchar <> '1', severity: warn}]\n*/\n" + listed + "\n")
    checks = project.json("run")["steps"][0]["checks"]
    assert [check["rows"] for check in checks] == [again, again]


def test_an_error_of_one_check_names_it_and_no_other(project):
    shop(project)
    for check, said in [("pattern: {column: day, pattern: x}", "check pattern"), ("expression: nonsense > 1", "nonsense"),
                        ("expression: \"('a' || id)::int > 0\"", "'a1'"), ("{mean: {column: id, max: 100}, where: id / 'x' > 0}", "check mean")]:
        model(project, "row_count: {min: 1}", "not_null: id", check, "range: {column: id, min: 1}")
        step = step_of(project.json("run", exit_code=None), "curated.copy")
        assert step["error"]["file"] == "models/copy.sql" and step["error"]["line"] == 6, check
        assert said in step["error"]["message"] + str(step["error"].get("context")), step["error"]


def test_the_number_of_rows_is_held_against_versions_before(project):
    shop(project)
    model(project, "row_count_change: {max_drop: 0.2, versions: 3}")
    project.run("run")
    project.write("data/orders-2.csv", HEAD + rows(21, 40))
    project.run("run")  # 20, 40
    project.write("data/orders-2.csv", HEAD + rows(21, 30))
    project.run("run")  # 30: not below the median of 20 and 40
    project.write("data/orders-1.csv", HEAD + rows(1, 5))
    project.write("data/orders-2.csv", HEAD + rows(21, 25))
    failed = project.run("run", exit_code=3)
    assert '"rows":10,"baseline":30.0' in failed.stderr
    assert project.count("curated.copy") == 30
    model(project, "{row_count_change: {max_drop: 0.2, versions: 3}, severity: warn}")
    assert step_of(project.json("run"), "curated.copy")["status"] == "warn"
    assert project.count("curated.copy") == 10


def test_a_distribution_is_held_against_the_version_before(project):
    shop(project)
    model(project, "drift: {column: day, max: 0.3}")
    project.run("run")
    project.write("data/orders-2.csv", HEAD + rows(21, 40, day="2026-01-11"))
    failed = project.run("run", exit_code=3)
    assert "drift is 0.5" in failed.stderr
    assert project.count("curated.copy") == 20


@pytest.mark.parametrize("before, now", [("string", "integer"), ("integer", "date"), ("date", "string"), ("boolean", "number"),
                                         ("number", "timestamp")])
def test_a_distribution_is_held_against_a_version_before_whose_column_had_another_type(project, before, now):
    values = {"string": ["abc", "7"], "integer": ["1", "7"], "date": ["2026-01-01", "2026-01-02"], "boolean": ["true", "false"],
              "number": ["1.5", "7"], "timestamp": ["2026-01-01T00:00:00Z"] * 2}

    def write(kind):
        project.write("contracts/t.odcs.yml", f"""
apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties: [{{name: id, logicalType: integer}}, {{name: v, logicalType: {kind}}}]
    quality: [{{type: custom, engine: sluice, implementation: {{check: {{drift: {{column: v, max: 1}}}}}}}}]
""")
        lines = "".join(f"{i},{value}\n" for i, value in enumerate(values[kind]))
        project.write("data/t.csv", "id,v\n" + lines)

    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: data/t.csv\n")
    write(before)
    project.run("run")
    write(now)
    project.run("run")
    assert project.count("clean.t") == 2


def test_a_warning_about_rows_counts_all_of_them_each_time(project):
    shop(project)
    model(project, "{expression: id > 5, severity: warn}", "{not_null: [day], mostly: 0.9}", write="append")
    step = step_of(project.json("run"), "curated.copy")
    assert [(check["kind"], check["passed"], check.get("rows")) for check in step["checks"]] == [("expression", False, 5), ("not_null", True, None)]
    project.write("data/orders-2.csv", HEAD + rows(21, 40))
    step = step_of(project.json("run"), "curated.copy")
    assert step["checks"][0]["rows"] == 5


def test_mistakes_in_checks_of_contracts_are_told_by_check(project):
    shop(project, "{metric: duplicateValues, arguments: {properties: [nope]}, mustBe: 0}",
         "{metric: rowCount, mustBeBetween: [5, 1]}",
         "{type: sql, query: select count(*) from {object} where nope > 1, mustBe: 0}".replace("select count(*) from {object} where nope > 1",
                                                                                          "'select count(*) from {object} where nope > 1'"),
         "{type: custom, engine: sluice, implementation: {check: row_cnt, min: 1}}",
         "{type: custom, engine: sluice, implementation: {check: mean, column: day, min: many}}",
         "{type: custom, engine: sluice, implementation: {check: [a]}}")
    done = project.run("check", exit_code=1)
    for part in ("nope", "no number is between 5 and 1", "there is no check 'row_cnt'", "did you mean 'row_count'",
                 "expected a number for 'min', found 'many'", "'check' is a list, expected the kind of a check"):
        assert part in done.stderr + done.stdout, part
    assert (done.stderr + done.stdout).count("nope") >= 2


def test_the_quality_of_each_table_is_shown_in_five_scores(project):
    assert "no clean or curated tables" in shop(project).run("status", "--quality").stdout
    sla = "slaProperties: [{property: freshness, value: 2, unit: d, element: orders.day}]"
    custom = "{{type: custom, engine: sluice, {}, implementation: {{{}}}}}"
    shop(project, "{metric: rowCount, mustBeGreaterThan: 50, severity: info, dimension: coverage}",
         custom.format("name: ids", "check: no_gaps, column: id, every: integer"),
         custom.format("name: sane", "check: sum, column: amount, min: 0"), sla=sla,
         files=(HEAD + rows(1, 18) + "x,2026-01-10,1,a\n25,2026-01-10,-4,b\n",))
    model(project, "unique: [id]", "{expression: id > 3, severity: warn}")
    clock = {"SLUICE_CLOCK": "2026-01-11T00:00:00Z"}
    run = project.json("run", env=clock)
    tables = {table["table"]: table for table in project.json("status", "--quality", env=clock)["tables"]}
    scores = {name: score and round(score["score"], 3) for name, score in tables["clean.orders"]["scores"].items()}
    # completeness: (no row without an id + 1 of 2 checks) / 2; accuracy: (1 of 20 rows + 1 of 1 check) / 2
    assert scores == {"timeliness": 1.0, "completeness": 0.75, "accuracy": 0.975, "conformance": 0.95, "consistency": None}
    assert tables["clean.orders"]["scores"]["accuracy"] == {"score": 0.975, "rows": 20, "broken": 1, "checks": 1, "passed": 1}
    assert tables["clean.orders"]["scores"] == step_of(run, "clean.orders")["quality"]
    assert tables["curated.copy"]["scores"]["consistency"]["score"] == 0.5
    assert tables["clean.orders"]["age"] == {"newest": "2026-01-10T00:00:00.000000Z", "age_s": 86400, "max_age_s": 172800, "is_late": False}
    late = project.run("status", "--quality", env={"SLUICE_CLOCK": "2026-01-20T00:00:00Z"}).stdout
    assert "10 d, late" in late and "clean.orders accuracy 0.975: 1 of 20 rows broke its rules; 1 of 1 check passed" in late
    assert "3 rows say otherwise" in late and "the number of rows is greater than 50, but it is 18" in late
    # the history keeps the results of each run
    kept = step_of(project.json("status", run["run_id"][:8]), "clean.orders")
    assert kept["checks"] == step_of(run, "clean.orders")["checks"] and kept["quality"] == tables["clean.orders"]["scores"]
    assert project.run("status", "abc", "--quality", exit_code=1)


def broken_of(project):
    table, = project.json("status", "--quality")["tables"]
    return {name: (score["broken"], round(score["score"], 3)) for name, score in table["scores"].items() if score and score["rows"]}


QUALITY = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - {name: a, logicalType: integer}
      - {name: b, logicalType: integer, customProperties: [{property: sluice.severity, value: {type: quarantine_value}}]}
      - {name: c, logicalType: date}
      - {name: d, logicalType: boolean}
      - {name: e, logicalType: string, logicalTypeOptions: {maxLength: 2, pattern: "^x"}, customProperties: [{property: sluice.severity, value: warn}]}
"""


def test_a_row_that_breaks_many_rules_of_a_dimension_counts_once(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", QUALITY.replace("quarantine_value", "reject"))
    good = "1,1,2026-01-01,true,x\n"
    project.write("data/a.csv", "a,b,c,d,e\n" + good * 3 + "?,?,?,?,x\n")
    step = step_of(project.json("run"), "clean.t")
    assert len(step["reasons"]) == 4 and broken_of(project) == {"conformance": (1, 0.75)}
    assert step["quality"]["conformance"]["broken"] == 1
    assert project.records("clean.t")[-1]["broken"] == {"conformance": 1}
    assert "conformance 0.750: 1 of 4 rows broke its rules" in project.run("status", "--quality").stdout
    # a row that two rules warn of, one that one does, one without a value, one of both, one that is rejected for two reasons
    project.write("contracts/t.odcs.yml", QUALITY)
    project.write("data/a.csv", "a,b,c,d,e\n" + good * 3 + "1,1,2026-01-01,true,abc\n1,1,2026-01-01,true,ab\n"
                  "1,?,2026-01-01,true,x\n1,?,2026-01-01,true,abc\n?,1,?,true,abc\n")
    step = step_of(project.json("run"), "clean.t")
    assert sum(reason["rows"] for reason in step["reasons"]) > 5 and step["rows"]["set_aside_rows"] == 2
    assert broken_of(project) == {"conformance": (5, 0.375)}


def test_the_history_keeps_the_checks_of_a_run_that_published_nothing(project):
    shop(project, "{metric: rowCount, mustBeGreaterThan: 100, name: enough}")
    run = project.json("run", exit_code=3)
    (check,) = step_of(project.json("status", run["run_id"]), "clean.orders")["checks"]
    assert (check["name"], check["passed"], check["measure"], check["severity"]) == ("enough", False, "20", "fail")


def test_a_models_query_knows_its_table_under_three_names(project):
    shop(project)
    model(project, "sql: {query: 'select count(*) from ${table}', mustBe: 20}",
          "sql: {query: 'select count(*) from curated.copy c join clean.orders o using (id)', mustBe: 20}")
    assert project.json("check")["counts"]["errors"] == 0
    step = step_of(project.json("run"), "curated.copy")
    assert [check["passed"] for check in step["checks"]] == [True, True]
    model(project, "sql: {query: 'select count(nope) from curated.copy', mustBe: 20}")
    assert "nope" in project.run("check", exit_code=1).stderr


def test_a_check_may_be_about_some_rows_alone(project):
    shop(project, "{type: custom, engine: sluice, implementation: {check: row_count, equals: 5, where: 'id > 15'}}")
    model(project, "{row_count: {max: 4}, where: id < 5}", "{sum: {column: amount, max: 1}, where: id > 100}",
          "{not_null: [day], where: id = 1 -- the first, mostly: 0.5}")
    assert project.json("check")["counts"]["errors"] == 0
    document = project.json("run")
    assert [check["measure"] for check in step_of(document, "clean.orders")["checks"]] == ["5"]
    assert [check.get("measure") for check in step_of(document, "curated.copy")["checks"]] == ["4", None, "1.0"]
    model(project, "{row_count: {max: 4}, where: nope > 1}", "{row_count_change: {max_drop: 0}, where: id > 1}", "{row_count: {max: 4}, where: ''}")
    refused = project.run("check", exit_code=1).stderr
    for part in ("nope", "'where' has no meaning for check row_count_change", "expected a SQL condition for 'where', found an empty text"):
        assert part in refused


def test_a_table_that_a_check_reads_is_made_before(project):
    """By name alone the order would be the other one, and the first run would fail for want of the table."""
    shop(project)
    model(project, "reconcile: {expression: sum(amount), equals: {table: curated.totals, expression: sum(amount)}}")
    project.write("models/totals.sql", "select sum(amount) as amount from clean.orders")
    steps = [step["table"] for step in project.json("run")["steps"]]
    assert steps.index("curated.totals") < steps.index("curated.copy")
    assert "nothing to do" in project.run("run").stdout
    # where each reads the other, the check sees what is there
    project.write("models/totals.sql", "select sum(amount) as amount from curated.copy")
    project.run("run")
    model(project, "reconcile: {expression: count(*), equals: {table: curated.totls}}")
    refused = project.run("check", exit_code=1).stderr
    assert "check reconcile reads 'curated.totls', which nothing writes" in refused and "curated.totals" in refused


def test_killed_anywhere_readers_see_no_version_that_fails_and_a_rerun_ends_as_one_run(tmp_path, fault_bin):
    checks = ("{metric: rowCount, mustBeBetween: [9, 41]}", "{type: custom, engine: sluice, implementation: {check: no_gaps, column: id, every: integer}}")
    good = HEAD + rows(21, 40) + "x,2026-01-10,1,bad\n"
    base = shop(Project(tmp_path / "base", fault_bin), *checks)
    base.run("run")
    whole = Project(shutil.copytree(base.folder, tmp_path / "whole"), fault_bin)
    whole.write("data/orders-2.csv", good)
    total = operations(whole, fault_bin)
    torn = 0
    for kill in range(1, total + 1, 4):
        shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        project = Project(shutil.copytree(base.folder, tmp_path / "killed"), fault_bin)
        project.write("data/orders-2.csv", HEAD + rows(21, 60))  # fails: 60 rows
        project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert project.count("clean.orders") == 20
        project.write("data/orders-2.csv", good)
        project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert project.count("clean.orders") in (20, 40)
        torn += project.count("clean.orders") + project.count("quarantine.orders") == 21
        project.run("run")
        assert project.rows("clean.orders") == whole.rows("clean.orders"), f"killed at {kill} of {total}"
        assert project.count("quarantine.orders") == 1
        last = [record for record in project.records("clean.orders") if "checks" in record][-1]
        assert [check["passed"] for check in last["checks"]] == [True, True]
    assert torn  # killed between the commits of quarantine and clean


def test_a_dry_run_of_a_replay_judges_the_checks_over_the_table_as_it_would_be(project):
    bad = "21,2026-01-10,-1.00,a@x.org\n22,2026-01-10,-2.00,a@x.org\n"
    most = "{type: custom, engine: sluice, implementation: {check: row_count, max: %d}, name: most}"
    kept = "{type: custom, engine: sluice, severity: warning, implementation: {check: sum, column: amount, min: 200}}"
    more = "{type: custom, engine: sluice, implementation: {check: row_count_change, max_growth: 0.01}}"
    shop(project, most % 20, kept, files=(HEAD + rows(1, 20) + bad,)).run("run")
    stood = (versions(project, "clean.orders"), versions(project, "quarantine.orders"))
    project.write("contracts/orders.odcs.yml", contract(most % 21, kept, more).replace("minimum: 0", "minimum: -5"))
    told, = project.json("quarantine", "replay", "orders", "--dry-run", exit_code=3)["tables"]
    assert (told["read"], told["accepted"], told["full"]) == (2, 2, False)
    assert [(c["kind"], c["passed"]) for c in told["checks"]] == [("row_count", False), ("sum", True), ("row_count_change", False)]
    text = project.run("quarantine", "replay", "orders", "--dry-run", exit_code=3).stdout
    assert "would fail: check row_count 'most' failed" in text and "is 22" in text and "would pass: check sum" in text
    project.run("quarantine", "replay", "orders", exit_code=3)  # what was foreseen
    assert stood == (versions(project, "clean.orders"), versions(project, "quarantine.orders"))
    project.write("contracts/orders.odcs.yml", contract(most % 22, kept).replace("minimum: 0", "minimum: -5"))
    told, = project.json("quarantine", "replay", "orders", "--dry-run")["tables"]
    assert all(c["passed"] for c in told["checks"])
    assert step_of(project.json("quarantine", "replay", "orders"), "clean.orders")["rows"]["out"] == 2


def test_a_dry_run_takes_the_newest_files_too_where_a_check_fails_without_them(project):
    """As the run does: only what readers would see in the end must pass."""
    least = "{type: custom, engine: sluice, implementation: {check: row_count, min: %d}}"
    shop(project, least % 1, files=(HEAD + rows(1, 20) + "21,2026-01-10,-1.00,a@x.org\n",)).run("run")
    project.write("contracts/orders.odcs.yml", contract(least % 30).replace("minimum: 0", "minimum: -5"))
    project.json("quarantine", "replay", "orders", "--dry-run", exit_code=3)
    project.write("data/orders-2.csv", HEAD + rows(22, 40))
    project.run("run", "--select", "raw.orders")
    told, = project.json("quarantine", "replay", "orders", "--dry-run")["tables"]
    assert told["full"] and told["read"] == 40 and told["checks"][0]["passed"]


def test_a_range_that_was_interrupted_is_checked_with_the_tables_that_it_was_checked_with(project):
    """Quarantine is published and clean is not: a check that fails only for what has come since would leave it so."""
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nconcurrency: 1\n")
    project.write("sources/t.yml", "path: data/t-*.csv\n")
    project.write("sources/limits.yml", "path: data/limits-*.csv\n")
    project.write("contracts/t.odcs.yml", """apiVersion: v3.1.0
kind: DataContract
id: t
name: t
version: 1.0.0
status: active
schema:
  - name: t
    quality: [{type: sql, query: "select (select max(least_rows::int) from raw.limits) - count(*) from clean.t", mustBeLessOrEqualTo: 0}]
    properties: [{name: id, logicalType: integer}]
""")
    project.write("data/t-1.csv", "id\n1\n2\nx\n")
    project.write("data/limits-1.csv", "least_rows\n2\n")
    project.run("run")
    next((project.table_folder("clean.t") / "_delta_log").glob("*.json")).unlink()
    project.write("data/limits-2.csv", "least_rows\n100\n")
    step = next(step for step in project.json("run")["steps"] if step["step"] == "cleanse t")
    assert step["why"] == "the last run was interrupted"
    assert (project.count("clean.t"), project.count("quarantine.t")) == (2, 1)
    project.write("data/t-2.csv", "id\n3\n")
    assert "check sql failed" in project.run("run", exit_code=3).stderr
