"""What check calls an error, plan and every run refuse with the same code, before anything is done."""
import json
import shutil

import pytest

from conftest import Project

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: amount, logicalType: integer}
      - {name: email, logicalType: string}
"""
FILES = {
    "sluice.yml": "name: shop\nchecks: {requirements: off}\n",
    "sources/orders.yml": "path: data/orders*.csv\ncontract: contracts/orders.odcs.yml\n",
    "contracts/orders.odcs.yml": CONTRACT,
    "data/orders1.csv": "id,amount,email\n1,10,ada@example.com\n2,20,ben@example.com\n",
    "models/revenue_v1.sql": "/* sluice\nversion_of: revenue\nversion: 1\n*/\nselect sum(amount) as amount from clean.orders\n",
    "models/seen.sql": "/* sluice\nwrite: view\n*/\nselect amount from curated.revenue\n",
    "targets/out.yml": "type: csv\npath: out\ndeliver:\n  - {table: curated.revenue_v1}\n",
}
V2 = "/* sluice\nversion_of: revenue\nversion: 2\n*/\nselect sum(amount) as eur from clean.orders\n"


def model(sql, *settings):
    head = "/* sluice\n" + "".join(f"{line}\n" for line in settings) + "*/\n" if settings else ""
    return {"models/bad.sql": head + sql + "\n"}


def contract(old, new):
    return {"contracts/orders.odcs.yml": CONTRACT.replace(old, new)}


def quality(item):
    return {"contracts/orders.odcs.yml": CONTRACT + f"    quality:\n      - {item}\n"}


def column(text):
    return contract("{name: amount, logicalType: integer}", text)


def delivery(text):
    return {"targets/out.yml": f"type: csv\npath: out\ndeliver:\n  - {{table: curated.revenue_v1, {text}}}\n"}


PERSONAL = contract("{name: email, logicalType: string}", "{name: email, logicalType: string, classification: personal}")
BROKEN = {  # what is written into a project that was run: the code of what is wrong then
    "an output moves on and a view over it does not fit": ({"models/revenue_v2.sql": V2}, "SL0403"),
    "a view of a column that is not there": (
        {"models/seen.sql": "/* sluice\nwrite: view\n*/\nselect nothing from curated.revenue\n"}, "SL0403"),
    "a view passes personal values on": (
        PERSONAL | {"models/seen.sql": "/* sluice\nwrite: view\n*/\nselect email from clean.orders\n"}, "SL0408"),
    "a model passes personal values on": (PERSONAL | model("select email from clean.orders"), "SL0408"),
    "a column that is not there": (model("select nothing from clean.orders"), "SL0403"),
    "a type that does not fit": (model("select email + amount as x from clean.orders"), "SL0407"),
    "a column twice": (model("select id, id as ID from clean.orders"), "SL0403"),
    "a key that is no column": (model("select id from clean.orders", "write: merge", "key: [nothing]"), "SL0406"),
    "a check of no column": (model("select id from clean.orders", "checks: [{not_null: [nothing]}]"), "SL0406"),
    "a check without its bound": (model("select id from clean.orders", "checks: [{range: {column: id}}]"), "SL0203"),
    "a check that does not exist": (model("select id from clean.orders", "checks: [{nothing: [id]}]"), "SL0205"),
    "a check of no table": (
        model("select id from clean.orders", "checks:", "  - sql: {query: select count(*) from curated.none, mustBe: 0}"), "SL0402"),
    "a check of a contract that is no SQL": (
        quality("{type: sql, query: select count(*) from orders where nothing, mustBe: 0}"), "SL0301"),
    "a rule over no column": (
        quality("{type: library, metric: duplicateValues, arguments: {properties: [nothing]}, mustBe: 0}"), "SL0303"),
    "a pattern that does not compile": (
        column("{name: amount, logicalType: string, logicalTypeOptions: {pattern: '('}}"), None),
    "bounds that nothing keeps": (
        column("{name: amount, logicalType: integer, logicalTypeOptions: {minimum: 10, maximum: 5}}"), None),
    "a foreign key to no column": (
        column("{name: amount, logicalType: integer, relationships: [{to: orders.nothing}]}"), None),
    "a foreign key to no column of a model": (
        column("{name: amount, logicalType: integer, relationships: [{to: curated.total.nothing}]}")
        | {"models/total.sql": "select 1 as amount\n"}, "SL0301"),
    "a key of a delivery that is no column": (delivery("write: merge, key: [nothing]"), "SL0205"),
    "a table that nothing writes": (model("select 1 as a from curated.nothing"), "SL0402"),
    "a circle": ({"models/a.sql": "select * from curated.b\n", "models/b.sql": "select * from curated.a\n"}, "SL0404"),
    "a promise that is broken": (
        {"models/revenue_v1.sql": FILES["models/revenue_v1.sql"].replace("as amount", "as other"),
         "models/seen.sql": "/* sluice\nwrite: view\n*/\nselect 1 as a\n"}, "SL0409"),
}
# Said by check alone: nothing that a table holds hangs on it, and a run at night shall not stop at the day that a date is over.
ONLY_CHECKED = {
    "requirements": {"sluice.yml": "name: shop\nchecks: {requirements: error}\n"},
    "readers of what is past its last day": {
        "sluice.yml": "name: shop\nchecks: {requirements: off, deprecated: error}\n",
        "models/revenue_v1.sql": FILES["models/revenue_v1.sql"].replace("version: 1\n", "version: 1\ndeprecated: 2020-01-01\n")},
    "a test that says nothing": {"tests/total.yml": "model: nothing\n"},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory, sluice_bin):
    project = Project(tmp_path_factory.mktemp("refused") / "shop", sluice_bin)
    for path, text in FILES.items():
        project.write(path, text)
    project.run("run")
    project.write("data/orders2.csv", "id,amount,email\n3,30,cleo@example.com\n")
    return project


@pytest.fixture
def shop(built, tmp_path):
    shutil.copytree(built.folder, tmp_path / "shop")
    return Project(tmp_path / "shop", built.binary)


def codes(done):
    """Of a report with a list of errors, or of an error that ended the command."""
    report = json.loads(done.stdout)
    return {error["code"] for error in report.get("errors", [])} or {report["error"]["code"]}


def tables(project):
    return {str(file) for file in (project.folder / "lake").rglob("_delta_log/*.json")}


@pytest.mark.parametrize("name", BROKEN)
def test_what_check_refuses_plan_and_runs_refuse(shop, name):
    files, code = BROKEN[name]
    shop.run("plan", "-o", "before.json")
    for path, text in files.items():
        shop.write(path, text)
    found = codes(shop.run("check", "--json", exit_code=1))
    assert not code or code in found
    for command in (["plan"], ["run", "--dry-run"]):
        done = shop.run(*command, "--json", exit_code=1)
        assert code is None or codes(done) & found or f"[{code}]" in done.stderr, (done.stdout, done.stderr)
        shop.run(*command, exit_code=1)
    shop.run("plan", "-o", "plan.json", exit_code=1)
    assert not (shop.folder / "plan.json").exists()
    if "models/bad.sql" not in files:  # which the plan of before leaves out
        assert shop.run("apply", "before.json", exit_code=None).returncode != 0
    # A step that fails stops what depends on it (5, or 3 by a rule); what is refused before stops everything (1).
    assert shop.run("run", exit_code=None).returncode in (1, 3, 5)


def test_a_view_that_does_not_fit_is_refused_before_any_work(shop):
    before = tables(shop)
    shop.write("models/revenue_v2.sql", V2)
    for command in (["plan"], ["run", "--dry-run"], ["run"], ["run", "--full-refresh"]):
        done = shop.run(*command, exit_code=1)
        assert "error[SL0403]" in done.stderr and "models/seen.sql:4:8" in done.stderr, done.stderr
        assert "curated.revenue is version 2 now" in done.stderr
        assert tables(shop) == before
    # What is left out is nobody's concern, as with models.
    shop.run("run", "--exclude", "seen")
    assert tables(shop) != before
    shop.run("run", "--exclude", "seen")
    for command in (["plan"], ["run"]):  # nothing is left to do
        assert "error[SL0403]" in shop.run(*command, exit_code=1).stderr
    shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect eur from curated.revenue\n")
    for command in (["check"], ["plan"], ["run"], ["retry"]):
        shop.run(*command)


def test_a_view_over_a_column_that_comes_with_new_files_is_not_refused(shop):
    shop.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect color from raw.orders\n")
    assert "error[SL0403]" in shop.run("run", exit_code=1).stderr
    shop.write("data/orders2.csv", "id,amount,email,color\n3,30,cleo@example.com,red\n")
    shop.run("run")
    assert shop.json("query", "select count(color) from curated.seen")["rows"] == [[1]]


@pytest.mark.parametrize("name", ONLY_CHECKED)
def test_what_is_said_by_check_alone(shop, name):
    for path, text in ONLY_CHECKED[name].items():
        shop.write(path, text)
    shop.run("check", exit_code=1)
    shop.run("plan")
    shop.run("run")
