"""sluice test: real steps in a lake of their own, at a time that the test says; the differences are told with their places."""
import json
import re
import shutil
import xml.etree.ElementTree as xml

import pytest

from conftest import ROOT, Project

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    customProperties: [{property: sluice.orderBy, value: [at]}]
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true}
      - {name: day, logicalType: date, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)", required: true, logicalTypeOptions: {minimum: 0}}
      - {name: at, logicalType: date, physicalType: timestamp}
"""
FILES = {
    "sluice.yml": "name: shop\nchecks: {requirements: off}\n",
    "sources/orders.yml": "path: data/orders-*.csv\n",
    "contracts/orders.odcs.yml": CONTRACT,
    "models/daily.sql": """/* sluice
write: partition
partition_by: [day]
grain: [day]
checks:
  - expression: total < 1000
*/
select day, sum(amount) as total, avg(amount::double) / 3 as third from clean.orders group by day
""",
    "models/recent.sql": "select id, current_date as today, date_diff('day', day, current_date) as days, now() as at from clean.orders\n",
    "tests/late.yml": """
name: late rows change an older day
runs:
  - given: {orders: [{id: 1, day: 2024-01-01, amount: 10}, {id: 2, day: 2024-01-02, amount: 5}, {id: 3, day: 2024-01-02, amount: -1}]}
    expect:
      curated.daily: [{day: 2024-01-01, total: 10.00, third: 3.3333333333}, {day: 2024-01-02, total: 5, third: 1.6666666667}]
      quarantine.orders: [{rule: amount.range, column: amount, id: 3, amount: -1}]
  - given: {orders: [{id: 4, day: 2024-01-01, amount: 1}, {id: 2, day: 2024-01-02, amount: 7, at: "2024-01-05 00:00:00"}]}
    expect:
      curated.daily: [{day: 2024-01-02, total: 7}, {day: 2024-01-01, total: 11}]
      clean.orders:
        text: |
          id,amount
          1,10
          2,7.00
          4,1
""",
    "tests/clock.yml": """
clock: 2024-02-01T12:00:00Z
given: {clean.orders: [{id: 1, day: 2024-01-31}]}
expect: {curated.recent: [{id: 1, today: 2024-02-01, days: 1, at: "2024-02-01 12:00:00+00"}]}
""",
    "tests/checked.yml": """
given: {clean.orders: [{id: 1, day: 2024-01-31, amount: 5000}]}
fails: {curated.daily: total < 1000}
""",
}


@pytest.fixture
def shop(tmp_path, sluice_bin):
    project = Project(tmp_path / "shop", sluice_bin)
    for path, content in FILES.items():
        project.write(path, content)
    return project


def test_passes_and_touches_nothing(shop):
    out = shop.json("test")
    assert out["counts"] == {"passed": 3, "failed": 0, "skipped": 0, "unchanged": 0}
    assert not (shop.folder / "lake").exists()
    kept = {p.name for p in (shop.folder / ".sluice").iterdir()}
    assert "tests.json" in kept and kept <= {"tests.json", "models.cache", "columns.cache"}


def test_differences_are_told_by_key_with_their_place(shop):
    shop.write("tests/late.yml", FILES["tests/late.yml"].replace("total: 7}, {day: 2024-01-01, total: 11}", "total: 8}, {day: 2024-01-09, total: 11}"))
    out = shop.json("test", "late", exit_code=1)
    (test,) = out["tests"]
    (finding,) = test["findings"]
    assert finding["run"] == 2 and finding["table"] == "curated.daily" and finding["differences"] == 3
    rows = {row["kind"]: row for row in finding["rows"]}
    assert rows["differs"]["columns"] == ["total"]
    assert rows["differs"]["expected"] == {"day": "2024-01-02", "total": "8.00"}
    assert rows["differs"]["actual"] == {"day": "2024-01-02", "total": "7.00"}
    assert (rows["differs"]["file"], rows["differs"]["line"]) == ("tests/late.yml", 10)
    assert rows["missing"]["expected"]["day"] == "2024-01-09" and rows["missing"]["actual"] is None
    assert rows["unexpected"]["actual"]["day"] == "2024-01-01"
    text = shop.run("test", "late", exit_code=1).stdout
    assert "tests/late.yml:10" in text and "8.00, is 7.00" in text


@pytest.mark.parametrize("old, new, found", [
    ("total: 10.00", "total: 10.001", "'10.001' is no DECIMAL(38,2)"),
    ("total: 10.00", "totall: 10.00", "has no column 'totall'"),
    ("third: 3.3333333333", "third: 3.3334", "'curated.daily' differs in 1 row"),
    (", third: 1.6666666667", "", "the row does not say 'third', and others do"),
    ("rule: amount.range", "rule: amount.type", "'quarantine.orders' differs in 2 rows"),
])
def test_an_expectation_that_is_wrong_fails(shop, old, new, found):
    shop.write("tests/late.yml", FILES["tests/late.yml"].replace(old, new))
    done = shop.run("test", "late", exit_code=1)
    assert found in done.stdout


def test_a_wrong_model_fails_its_tests(shop):
    shop.write("models/daily.sql", FILES["models/daily.sql"].replace("sum(amount) as total", "max(amount) as total"))
    assert {t["name"]: t["status"] for t in shop.json("test", exit_code=1)["tests"]} == {
        "late": "failed", "clock": "passed", "checked": "passed"}
    shop.write("models/daily.sql", FILES["models/daily.sql"].replace("total < 1000", "total < 1000000"))
    done = shop.run("test", "checked", exit_code=1)
    assert "was built, and should have failed" in done.stdout


def test_a_step_that_fails_is_told(shop):
    shop.write("tests/checked.yml", FILES["tests/checked.yml"].replace("fails: {curated.daily: total < 1000}",
                                                                       "expect: {curated.daily: [{total: 5000}]}"))
    (test,) = shop.json("test", "checked", exit_code=1)["tests"]
    assert test["findings"][0]["error"]["code"] == "SL0703"


def test_only_what_changed_is_run(shop):
    assert shop.json("test", "--changed")["counts"]["passed"] == 3
    assert shop.json("test", "--changed")["counts"] == {"passed": 0, "failed": 0, "skipped": 0, "unchanged": 3}
    shop.write("models/recent.sql", FILES["models/recent.sql"].replace("select id", "select id + 0 as id"))
    out = shop.json("test", "--changed")
    assert [t["name"] for t in out["tests"]] == ["clock"] and out["counts"]["unchanged"] == 2
    shop.write("contracts/orders.odcs.yml", CONTRACT.replace("minimum: 0", "minimum: -5"))
    out = shop.json("test", "--changed", exit_code=1)
    assert [t["name"] for t in out["tests"]] == ["late"]
    assert [t["name"] for t in shop.json("test", "--changed", exit_code=1)["tests"]] == ["late"], "a failed test is run again"


def test_selection_follows_the_tested_tables(shop):
    def names(*words):
        return sorted(t["name"] for t in shop.json("test", *words)["tests"])
    assert names("curated.recent") == ["clock"]
    assert names("clean.orders+") == ["checked", "clock", "late"]
    assert names("checked", "curated.recent") == ["checked", "clock"]
    assert "SL0705" in shop.run("test", "nothing", exit_code=None).stderr


def test_junit_is_what_ci_servers_read(shop, tmp_path):
    shop.write("tests/late.yml", FILES["tests/late.yml"].replace("total: 7}", "total: 8}").replace("older day", "<older> & \"day\""))
    shop.run("test", "--junit", tmp_path / "junit.xml", exit_code=1)
    root = xml.parse(tmp_path / "junit.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert root.tag == "testsuites"
    assert {k: suite.get(k) for k in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "shop", "tests": "3", "failures": "1", "errors": "0", "skipped": "0"}
    cases = {case.get("classname"): case for case in suite.findall("testcase")}
    assert set(cases) == {"shop.late", "shop.clock", "shop.checked"}
    assert all(re.fullmatch(r"\d+\.\d{3}", case.get("time")) for case in cases.values())
    (failure,) = cases["shop.late"].findall("failure")
    assert cases["shop.late"].get("name") == 'late rows change an <older> & "day"'
    assert failure.get("type") == "SL0712" and "differs" in failure.get("message") and "tests/late.yml" in failure.text
    assert not cases["shop.clock"].findall("failure")


def test_kept_lakes_can_be_looked_at(shop):
    (test,) = shop.json("test", "clock", "--keep")["tests"]
    try:
        import deltalake
        assert deltalake.DeltaTable(test["folder"] + "/lake/curated/recent").to_pyarrow_table().num_rows == 1
    finally:
        shutil.rmtree(test["folder"].rsplit("/", 1)[0])


@pytest.mark.parametrize("form", [
    "orders: {rows: [{id: 1, day: 2024-01-01, amount: 3}]}",
    "orders: |\n    id;day;amount\n    1;2024-01-01;3",
    "orders: {file: data/one.csv}",
])
def test_rows_come_in_any_form_and_as_the_source_writes_them(shop, form):
    shop.write("sources/orders.yml", "path: data/orders-*.csv\ncsv: {delimiter: \";\", encoding: latin-1}\n")
    shop.write("tests/data/one.csv", b"id;day;amount\n1;2024-01-01;3\n")
    shop.write("tests/form.yml", f"given:\n  {form}\nexpect: {{curated.daily: [{{day: 2024-01-01, total: 3}}]}}\n")
    shop.run("test", "form")


def test_a_file_of_the_same_name_replaces_its_rows(shop):
    shop.write("tests/form.yml", """
runs:
  - given: {orders: {name: a.csv, rows: [{id: 1, day: 2024-01-01, amount: 3}]}}
    expect: {curated.daily: [{total: 3}]}
  - given: {orders: {name: a.csv, rows: [{id: 2, day: 2024-01-02, amount: 4}]}}
    expect: {curated.daily: [{day: 2024-01-02, total: 4}], clean.orders: [{id: 2}]}
""")
    shop.run("test", "form")


@pytest.mark.parametrize("example, count", [("templates/quickstart", 3), ("examples/flights", 2)])
def test_the_examples_pass_without_their_data(tmp_path, sluice_bin, example, count):
    project = Project(tmp_path / "example", sluice_bin)
    shutil.copytree(ROOT / example, project.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data", "lake", ".sluice"))
    assert project.json("test")["counts"] == {"passed": count, "failed": 0, "skipped": 0, "unchanged": 0}


def test_what_is_recorded_passes_at_once_and_is_never_overwritten(tmp_path, sluice_bin):
    project = Project(tmp_path / "quick", sluice_bin)
    shutil.copytree(ROOT / "templates" / "quickstart", project.folder, dirs_exist_ok=True)
    project.run("run")
    lake = {p: p.stat().st_mtime_ns for p in (project.folder / "lake").rglob("*")}
    made = project.json("test", "--record", "revenue", "--from", "curated.daily_revenue", "--rows", "7")
    assert made["file"] == "tests/revenue.yml" and made["given"] > 7 and made["expected"] > 0
    project.run("test", "--record", "all", "--from", "clean.orders", "quarantine.orders", "curated.customer_value")
    assert project.json("test", "revenue", "all")["counts"]["passed"] == 2
    assert {p: p.stat().st_mtime_ns for p in (project.folder / "lake").rglob("*")} == lake
    before = (project.folder / "tests/all.yml").read_text()
    done = project.run("test", "--record", "all", "--from", "clean.orders", exit_code=None)
    assert "SL0106" in done.stderr and (project.folder / "tests/all.yml").read_text() == before
    project.run("test", "--record", "all", "--from", "clean.orders", "--force")
    assert "customer_value" not in (project.folder / "tests/all.yml").read_text()
    # Each value that was recorded counts.
    text = (project.folder / "tests/revenue.yml").read_text()
    head, rows = text.split("expect:")
    project.write("tests/revenue.yml", head + "expect:" + rows.replace("orders: 1,", "orders: 2,", 1))
    project.run("test", "revenue", exit_code=1)


def test_a_rule_that_no_test_notices_survives_with_the_row_that_would_tell(shop):
    out = shop.json("test", "--mutate")
    mutants = {(m["table"], m["rule"]): m for m in out["mutants"]}
    assert set(mutants) == {("clean.orders", "day.required"), ("clean.orders", "amount.required"), ("clean.orders", "amount.range"),
                            ("curated.daily", "total < 1000")}
    assert mutants["clean.orders", "amount.range"]["test"] == "late" and mutants["curated.daily", "total < 1000"]["test"] == "checked"
    survivor = mutants["clean.orders", "day.required"]
    assert survivor["parents"] == {} and survivor["status"] == "survived" and survivor["row"]["id"] and out["counts"] == {"killed": 2, "survived": 2}
    assert out["score"] == 0.5
    # What is offered kills it.
    for rule in "day.required", "amount.required":
        row = mutants["clean.orders", rule]["row"]
        shop.write(f"tests/{rule.replace('.', '_')}.yml",
                   f"given: {{orders: [{json.dumps(row)}]}}\nexpect: {{quarantine.orders: [{{rule: {rule}}}]}}\n")
    assert shop.json("test", "--mutate")["counts"] == {"killed": 4, "survived": 0}
    shop.write("tests/clock.yml", FILES["tests/clock.yml"].replace("days: 1", "days: 2"))
    assert shop.json("test", "--mutate", exit_code=1)["schema"] == "sluice.test/1", "tests that fail say nothing of mutants"


LINKED = """
apiVersion: v3.1.0
kind: DataContract
id: linked
version: 1.0.0
status: active
schema:
  - name: a
    properties:
      - {name: key, logicalType: integer, primaryKey: true}
  - name: b
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: a_key, logicalType: integer, relationships: [{type: foreignKey, to: a.key}]}
"""
ORPHAN = """name: orphans
given:
  %s
  b: [{id: 1, a_key: 7}, {id: 2, a_key: 8}]
expect:
  clean.b: [{id: 1, a_key: 7}]
  quarantine.b: [{_position: 3}]
"""


@pytest.fixture
def linked(tmp_path, sluice_bin):
    project = Project(tmp_path / "linked", sluice_bin)
    project.write("sluice.yml", "name: linked\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
    project.write("contracts/linked.odcs.yml", LINKED)
    for table in "ab":
        project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
    return project


@pytest.mark.parametrize("given", ["a: [{key: 7}]", "clean.a: [{key: 7}]"])
def test_the_parent_of_a_foreign_key_is_built_or_given(linked, given):
    linked.write("tests/orphans.yml", ORPHAN % given)
    assert linked.json("test")["counts"]["passed"] == 1
    linked.write("tests/orphans.yml", ORPHAN % given.replace("7", "8"))
    linked.run("test", exit_code=1)


PARTS = """
apiVersion: v3.1.0
kind: DataContract
id: linked
version: 1.0.0
status: active
schema:
  - name: a
    properties:
      - {name: key, logicalType: integer, primaryKey: true}
      - {name: area, logicalType: string}
  - name: b
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - name: a_key
        logicalType: integer
        relationships: [{type: foreignKey, to: a.key, customProperties: [{property: sluice.orphans, value: hold}]}]
      - {name: other, logicalType: integer, relationships: [{type: foreignKey, to: a.key}]}
      - {name: size, logicalType: integer, logicalTypeOptions: {maximum: 9},
         customProperties: [{property: sluice.severity, value: {range: fail}}]}
      - {name: note, logicalType: string, logicalTypeOptions: {maxLength: 9},
         customProperties: [{property: sluice.severity, value: {length: warn}}]}
      - name: address
        logicalType: object
        properties: [{name: zip, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]{5}$'}}]
      - name: items
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: sku, logicalType: string, required: true}
            - {name: tags, logicalType: array, items: {logicalType: string, logicalTypeOptions: {maxLength: 3}}}
"""


def test_rules_of_members_and_foreign_keys_are_taken_away_and_what_is_offered_kills_them(linked):
    linked.write("contracts/linked.odcs.yml", PARTS)
    linked.write("tests/good.yml", "given: {a: [{key: 7}], b: [{id: 1, a_key: 7}]}\nexpect: {clean.b: [{id: 1}]}\n")
    rules = {"a_key.foreign_key", "other.foreign_key", "size.range", "address.zip.pattern",
             "items[].sku.required", "items[].tags[].length"}
    shown = linked.run("test", "--mutate").stdout
    assert set(re.findall("^SURVIVED +clean.b +([^ ]+)", shown, re.M)) == rules
    offers = [line.split(": ", 1)[1] for line in shown.splitlines() if "a test that notices" in line]
    assert len(offers) == len(rules)
    for number, offer in enumerate(offers):
        linked.write(f"tests/offer_{number}.yml", offer + "\n")
    assert linked.json("test", "--mutate")["counts"] == {"killed": len(rules), "survived": 0}


def test_the_parent_of_a_foreign_key_has_to_be_given(linked):
    linked.write("tests/orphans.yml", (ORPHAN % "").replace("  \n", ""))
    done = linked.run("test", exit_code=None)
    assert done.returncode and "'clean.a' needs the source 'a', which the test does not give" in done.stderr
    assert "SL0501" not in done.stderr


def test_a_record_holds_the_rows_that_foreign_keys_lead_to(linked):
    linked.write("data/a-1.csv", "key\n" + "\n".join(str(n) for n in range(1, 200)) + "\n")
    linked.write("data/b-1.csv", "id,a_key\n" + "\n".join(f"{n},{n + 100}" for n in range(1, 90)) + "\n1000,777\n")
    linked.run("run")
    made = linked.json("test", "--record", "some", "--from", "clean.b", "--rows", "5")
    assert made["given"] in (9, 10) and made["expected"] == made["given"] - 5
    linked.json("test", "--record", "both", "--from", "clean.b", "clean.a", "--rows", "5")
    assert linked.json("test")["counts"]["passed"] == 2


WIDE = """
apiVersion: v3.1.0
kind: DataContract
id: wide
version: 1.0.0
status: active
schema:
  - name: wide
    customProperties: [{property: sluice.orderBy, value: [at]}]
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true, logicalTypeOptions: {minimum: 1}}
      - {name: day, logicalType: date, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)", logicalTypeOptions: {minimum: 0, maximum: 900}}
      - {name: share, logicalType: number, physicalType: double, customProperties: [{property: sluice.severity, value: warn}]}
      - {name: code, logicalType: string, required: true, logicalTypeOptions: {pattern: "^[A-Z]{2}$"},
         customProperties: [{property: sluice.trim, value: true}, {property: sluice.nullValues, value: ["", NA]}]}
      - {name: mail, logicalType: string, unique: true, logicalTypeOptions: {maxLength: 12}}
      - {name: at, logicalType: timestamp}
    quality:
      - {type: custom, engine: sluice, name: paid, implementation: {expression: "code <> 'DE' or amount > 0", severity: reject}}
      - {type: custom, engine: sluice, name: known, implementation: {expression: "mail is not null", severity: warn}}
"""


@pytest.mark.parametrize("has_bad_rows", [True, False])
@pytest.mark.parametrize("is_unique", [True, False])
def test_a_tests_lake_holds_what_a_run_makes_of_the_same_rows(tmp_path, sluice_bin, has_bad_rows, is_unique):
    # Tests compute the prepared rows once; a run reads them out of raw in several forms (contract/compile.h).
    import deltalake
    project = Project(tmp_path / "wide", sluice_bin)
    project.write("sluice.yml", "name: wide\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/wide.yml", "path: data/*.csv\n")
    project.write("contracts/wide.odcs.yml", WIDE if is_unique else WIDE.replace("unique: true, ", ""))
    rows = [f"{i},2024-01-{i % 28 + 1:02d},{i}.5,0.25,DE,m{i}@x,2024-01-01 00:00:00" for i in range(1, 40)]
    if has_bad_rows:
        rows += ["3,2024-02-01,3.00,1e3, FR ,m3b@x,2024-01-02 00:00:00", "x,2024-01-01,1,1,DE,a,", "50,2024-13-01,1,1,DE,b,",
                 "51,2024-01-01,1.005,1,DE,c,", "52,2024-01-01,901,zero,DE,d,", "53,2024-01-01,,1,NA,e,", "54,2024-01-01,0,1,DE,f,",
                 "55,2024-01-01,1,many,IT,,2024-01-01", "56,2024-01-01,1,1,IT,m1@x,2024-01-01", "57,2024-01-01,1,1,de,far-too-long-mail,",
                 "-1,2024-01-01,007,nan, IT,g,never", "1,2024-01-01,1,1,XX,m1@x,2023-01-01"]
    project.write("data/a.csv", "id,day,amount,share,code,mail,at\n" + "\n".join(rows) + "\n")
    project.write("tests/same.yml", "given: {wide: {name: a.csv, file: ../data/a.csv}}\nexpect: {clean.wide: [{id: 0}]}\n")
    project.run("run")
    (test,) = project.json("test", "--keep", exit_code=1)["tests"]

    def read(lake, table, ordered):
        found = deltalake.DeltaTable(f"{lake}/{table}/wide").to_pyarrow_table().to_pylist()
        run_only = {"_source", "_ingested_at", "run_id"} | ({"at"} if table == "quarantine" else set())
        kept = [{k: repr(v).replace("files/wide/", "data/") for k, v in row.items() if k not in run_only} for row in found]
        return sorted(kept, key=lambda row: row[ordered])

    try:
        clean = read(test["folder"] + "/lake", "clean", "id")
        quarantine = read(test["folder"] + "/lake", "quarantine", "_position")
    finally:
        shutil.rmtree(test["folder"].rsplit("/", 1)[0])
    assert clean == read(project.folder / "lake", "clean", "id") and len(clean) >= 39
    assert quarantine == read(project.folder / "lake", "quarantine", "_position") and (len(quarantine) > 5) == has_bad_rows


def test_what_has_passed_need_not_be_remembered(new_project, sluice_bin):
    """As in a checkout that cannot be written: only --changed would need it."""
    project = new_project("kept")
    project.run("init", "--template", "quickstart")
    (project.folder / ".sluice" / "tests.json").mkdir(parents=True)
    done = project.run("test")
    assert "3 tests passed" in done.stdout and "--changed will not know what has passed" in done.stderr
