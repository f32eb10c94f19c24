"""Single values that are set aside: the row is published without them, and gets them back."""
import json
import shutil

import pytest

from conftest import Project

PROJECT = "name: aside\nchecks: {requirements: off}\n"
ROWS = [
    {"id": 1, "amount": "5", "day": "2026-01-01", "note": "a"},
    {"id": 2, "amount": "7 EUR", "day": "2026-01-02", "note": "b"},
    {"id": 3, "amount": "-3", "day": "02.01.2026", "note": "c"},
    {"id": 3, "amount": "9", "day": "2026-01-03", "note": "late"},
    {"id": "x", "amount": "much", "day": "2026-01-03", "note": "d"},
    {"id": 4, "amount": "many", "day": "someday", "note": "e"},
]
MORE = [
    {"id": 4, "amount": "8 EUR", "day": "2026-02-01", "note": "newer"},
    {"id": 5, "amount": "1", "day": "01.02.2026", "note": "f"},
    {"id": 6, "amount": "-6", "day": "2026-02-01", "note": "g"},
]
TABLES = {"clean.orders": "*", "quarantine.orders": '* exclude ("at", run_id)'}


def contract(severity="quarantine_value", minimum="0", formats=(), nulls=(), key=True, **amount):
    custom = [{"property": "sluice.severity", "value": severity}] if severity else []
    day = [*custom, *([{"property": "sluice.formats", "value": list(formats)}] if formats else [])]
    amount_custom = [*custom, *([{"property": "sluice.nullValues", "value": list(nulls)}] if nulls else [])]
    return json.dumps({
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "orders", "version": "1.0.0", "status": "active",
        "schema": [{"name": "orders", "properties": [
            {"name": "id", "logicalType": "integer", "required": True, **({"primaryKey": True} if key else {})},
            {"name": "amount", "logicalType": "integer", "customProperties": amount_custom,
             **({"logicalTypeOptions": {"minimum": int(minimum)}} if minimum else {}), **amount},
            {"name": "day", "logicalType": "date", "customProperties": day},
            {"name": "note", "logicalType": "string"}]}]})


ISO = "%Y-%m-%d"


def make(folder, binary, rows=ROWS, drift="", **options):
    project = Project(folder, binary)
    project.write("sluice.yml", PROJECT)
    project.write("sources/orders.yml", "connector: file\npath: data/*.jsonl\nquarantine: {max_share: 1}\n" + drift)
    project.write("contracts/orders.odcs.yml", contract(**{"formats": [ISO], **options}))
    feed(project, "a", rows)
    return project


def feed(project, name, rows):
    project.write(f"data/{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def clean(project):
    return {row["id"]: row for row in project.delta("clean.orders").to_pylist()}


def aside(project):
    """What quarantine holds: of each row its position, the columns set aside (None: it was rejected), the rules."""
    return {(row["_source"][5:6], row["_position"]): (row["set_aside"], [r["rule"] for r in row["reasons"]])
            for row in project.delta("quarantine.orders").to_pylist()}


def contents(project):
    return {table: project.rows(table, columns) for table, columns in TABLES.items()}


def balances_close(project):
    for table in TABLES:
        for record in project.records(table):
            rows = record.get("balance")
            if rows:
                assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record


def from_scratch(tmp_path, binary, files, **options):
    shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
    other = make(tmp_path / "scratch", binary, **options)
    for name, rows in files.items():
        feed(other, name, rows)
    other.run("run")
    return contents(other)


def test_the_row_is_published_without_the_value_and_quarantine_explains_it(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin)
    told = project.json("run")
    assert {i: (row["amount"], row["day"] and str(row["day"])) for i, row in clean(project).items()} == {
        1: (5, "2026-01-01"), 2: (None, "2026-01-02"), 3: (9, "2026-01-03"), 4: (None, None)}
    assert aside(project) == {("a", 2): (["amount"], ["amount.type"]), ("a", 3): (["amount", "day"], ["amount.range", "day.type"]),
                              ("a", 5): (None, ["id.type", "amount.type"]), ("a", 6): (["amount", "day"], ["amount.type", "day.type"])}
    step = next(step for step in told["steps"] if step["table"] == "clean.orders")
    rows = step["rows"]
    assert (rows["in"], rows["out"], rows["quarantined"], rows["deduplicated"]) == (6, 4, 1, 1)
    assert (rows["set_aside_rows"], rows["set_aside_values"]) == (3, 5)
    assert {(r["rule"], r["value"]): r["rows"] for r in step["reasons"]} == {
        ("amount.type", True): 2, ("amount.range", True): 1, ("day.type", True): 2, ("amount.type", False): 1, ("id.type", False): 1}
    balances_close(project)
    text = project.run("run", "--full-refresh").stdout
    assert "quarantined 1  values set aside 5" in text and "quarantine.orders (value)" in text


def test_ls_and_show_tell_values_from_rows(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin)
    project.run("run")
    groups = {row["rule"]: (row["rows"], row["values"]) for row in project.json("quarantine", "ls")["rows"]}
    assert groups == {"amount.type": (1, 2), "amount.range": (0, 1), "day.type": (0, 2), "id.type": (1, 0)}
    group, = project.json("quarantine", "ls", "--by", "source")["rows"]
    assert (group["rows"], group["values"]) == (1, 5)
    shown = project.json("quarantine", "show", "orders", "--rule", "amount.range")["rows"]
    assert [(row["set_aside"], row["payload"]["amount"]) for row in shown] == [(["amount", "day"], "-3")]
    text = project.run("quarantine", "show", "orders", "--position", "2").stdout
    assert "published without the values of" in text and "'7 EUR' is not an integer" in text and "7 EUR" in text


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("change", [
    {"formats": [ISO, "%d.%m.%Y"]},
    {"minimum": "-10"},
    {"minimum": ""},
    {"nulls": ["", "many", "much"]},
    {"formats": [ISO, "%d.%m.%Y"], "minimum": "-10", "nulls": ["", "many"]},
    {"severity": "reject"},
    {"severity": ""},
    {"severity": "warn"},
    {"minimum": "5"},
], ids=lambda change: "+".join(f"{k}={v}" for k, v in change.items()) if isinstance(change, dict) else f"key={change}")
def test_after_the_contract_changed_the_tables_are_those_of_a_run_that_never_broke(tmp_path, sluice_bin, change, key):
    project = make(tmp_path / "shop", sluice_bin, key=key)
    project.run("run")
    feed(project, "b", MORE)
    project.run("run")
    assert contents(project) == from_scratch(tmp_path, sluice_bin, {"b": MORE}, key=key)
    project.write("contracts/orders.odcs.yml", contract(**{"formats": [ISO], "key": key, **change}))
    project.run("quarantine", "replay", "orders")
    balances_close(project)
    assert contents(project) == from_scratch(tmp_path, sluice_bin, {"b": MORE}, key=key, **change)
    assert "nothing to do" in project.run("run").stdout


@pytest.mark.parametrize("key", [True, False])
def test_replay_reads_only_what_was_set_aside_and_puts_it_back(tmp_path, sluice_bin, key):
    project = make(tmp_path / "shop", sluice_bin, key=key)
    project.run("run")
    before = project.count("clean.orders")
    project.write("contracts/orders.odcs.yml", contract(formats=[ISO, "%d.%m.%Y"], key=key))
    foreseen, = project.json("quarantine", "replay", "orders", "--dry-run")["tables"]
    assert not foreseen["full"] and foreseen["read"] == 2
    told = project.json("quarantine", "replay", "orders")
    step, = [step for step in told["steps"] if step["table"] == "clean.orders"]
    assert step["why"] == "contract changed: 2 rows of quarantine read again" and step["rows"]["in"] == 2
    assert project.count("clean.orders") == before
    assert aside(project)[("a", 3)] == (["amount"], ["amount.range"])


def test_a_rejected_row_whose_value_is_set_aside_from_now_on_comes_in(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin, severity="reject")
    project.run("run")
    assert set(clean(project)) == {1, 3}
    project.write("contracts/orders.odcs.yml", contract(formats=[ISO]))
    foreseen, = project.json("quarantine", "replay", "orders", "--dry-run")["tables"]
    assert not foreseen["full"]
    project.run("quarantine", "replay", "orders")
    assert set(clean(project)) == {1, 2, 3, 4}
    assert contents(project) == from_scratch(tmp_path, sluice_bin, {})


def test_killed_in_a_replay_a_rerun_completes_it(tmp_path, sluice_bin, fault_bin):
    change = {"formats": [ISO, "%d.%m.%Y"], "minimum": "-10"}
    expected = from_scratch(tmp_path, sluice_bin, {"b": MORE}, **change)
    base = make(tmp_path / "base", fault_bin)
    base.run("run")
    feed(base, "b", MORE)
    base.run("run")
    base.write("contracts/orders.odcs.yml", contract(**change))
    probe = tmp_path / "probe"
    shutil.copytree(base.folder, probe)
    count = tmp_path / "count"
    Project(probe, fault_bin).run("run", env={"SLUICE_FAULT_COUNT": str(count)})
    assert contents(Project(probe, fault_bin)) == expected
    total = int(count.read_text())
    assert total > 20
    for kill in range(1, total + 1, 3):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        killed = project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert killed.returncode == -9, f"operation {kill} of {total}: {killed.stderr}"
        project.run("run")
        assert contents(project) == expected, f"killed at operation {kill} of {total}"
        balances_close(project)


def test_drift_of_types_sets_values_of_optional_columns_aside(tmp_path, sluice_bin):
    drift = "drift: {type_change: quarantine_value}\n"
    project = make(tmp_path / "shop", sluice_bin, drift=drift, severity="", minimum="")
    project.run("run")
    assert set(clean(project)) == {1, 2, 3, 4}
    assert aside(project) == {("a", 2): (["amount"], ["amount.type"]), ("a", 3): (["day"], ["day.type"]),
                              ("a", 5): (None, ["id.type", "amount.type"]), ("a", 6): (["amount", "day"], ["amount.type", "day.type"])}
    project.write("contracts/orders.odcs.yml", contract(severity="", minimum="", formats=[ISO, "%d.%m.%Y"]))
    foreseen, = project.json("quarantine", "replay", "orders", "--dry-run")["tables"]
    assert not foreseen["full"]
    project.run("quarantine", "replay", "orders")
    assert contents(project) == from_scratch(tmp_path, sluice_bin, {}, drift=drift, severity="", minimum="", formats=[ISO, "%d.%m.%Y"])


def test_values_of_a_new_column_are_set_aside_and_come_in_with_the_column(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin, drift="drift: {new_columns: quarantine_value}\n", rows=[{"id": 1, "amount": "1"}])
    project.run("run")
    feed(project, "b", [{"id": 2, "amount": "2", "colour": "red"}, {"id": 3, "amount": "3"}])
    told = project.json("run")
    assert set(clean(project)) == {1, 2, 3} and "colour" not in clean(project)[2]
    assert aside(project) == {("b", 1): (["colour"], ["colour.unexpected"])}
    rows = next(step["rows"] for step in told["steps"] if step["table"] == "clean.orders")
    assert (rows["quarantined"], rows["set_aside_values"]) == (0, 1)
    grown = json.loads(contract(formats=[ISO]))
    grown["schema"][0]["properties"].append({"name": "colour", "logicalType": "string"})
    project.write("contracts/orders.odcs.yml", json.dumps(grown))
    project.run("quarantine", "replay", "orders")
    assert clean(project)[2]["colour"] == "red" and not project.count("quarantine.orders")


def test_rules_over_the_row_and_unique_columns_see_what_is_published(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin)
    grown = json.loads(contract(formats=[ISO], unique=True))
    amount = grown["schema"][0]["properties"][1]
    amount["customProperties"] = [{"property": "sluice.severity", "value": {"type": "quarantine_value", "range": "quarantine_value"}}]
    grown["schema"][0]["quality"] = [{"type": "custom", "engine": "sluice", "name": "b-has-an-amount",
                                      "implementation": {"expression": "note <> 'b' or amount is not null"}}]
    project.write("contracts/orders.odcs.yml", json.dumps(grown))
    feed(project, "a", [{"id": 1, "amount": "-1", "note": "a"}, {"id": 2, "amount": "-1", "note": "c"},
                        {"id": 3, "amount": "-1", "note": "b"}, {"id": 4, "amount": "4"}, {"id": 5, "amount": "4"}])
    project.run("run")
    assert {i: row["amount"] for i, row in clean(project).items()} == {1: None, 2: None, 4: 4}
    assert aside(project) == {("a", 1): (["amount"], ["amount.range"]), ("a", 2): (["amount"], ["amount.range"]),
                              ("a", 3): (None, ["amount.range", "b-has-an-amount"]), ("a", 5): (None, ["amount.unique"])}
    project.run("run", "--full-refresh")
    # Rows with unique values are all read again: a row of clean that comes back would meet itself.
    amount["logicalTypeOptions"]["minimum"] = -5
    project.write("contracts/orders.odcs.yml", json.dumps(grown))
    project.run("quarantine", "replay", "orders")
    assert {i: row["amount"] for i, row in clean(project).items()} == {1: -1, 4: 4}
    before = contents(project)
    project.run("run", "--full-refresh")
    assert contents(project) == before


@pytest.mark.parametrize("column, options, why", [
    (0, {}, "it is required"),
    (1, {"required": True}, "it is required"),
    (1, {"unique": True}, "it needs more than one row"),
])
def test_where_values_cannot_be_set_aside_check_says_why(tmp_path, sluice_bin, column, options, why):
    project = make(tmp_path / "shop", sluice_bin, key=False)
    wrong = json.loads(contract(severity="", key=False))
    wrong["schema"][0]["properties"][column].update(
        options, customProperties=[{"property": "sluice.severity", "value": "quarantine_value"}])
    project.write("contracts/orders.odcs.yml", json.dumps(wrong))
    told = project.run("check", exit_code=1).stderr
    assert "cannot set values aside: " + why in told and "contracts/orders.odcs.yml:1:" in told


def test_what_was_set_aside_does_not_count_against_the_budget(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin, rows=[{"id": i, "amount": "x"} for i in range(10)])
    project.write("sources/orders.yml", "connector: file\npath: data/*.jsonl\nquarantine: {max_rows: 0}\n")
    project.run("run")
    assert project.count("clean.orders") == 10 and project.count("quarantine.orders") == 10
    verified = project.run("verify")
    assert "quarantine.orders" in verified.stdout


DISCARD = ("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "old", "--by", "ada")


def test_a_discard_of_values_that_is_killed_is_whole_or_not_at_all(tmp_path, fault_bin):
    base = make(tmp_path / "base", fault_bin)
    base.run("run")
    copy = tmp_path / "copy"

    def fresh():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(base.folder, copy)
        return Project(copy, fault_bin)

    def given_up(project):
        return {row["_position"] for row in project.delta("quarantine.orders").to_pylist() if row["discarded_at"]}

    whole = fresh()
    whole.run(*DISCARD, env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    expected, published = given_up(whole), clean(whole)
    assert expected and any(row["set_aside"] for row in whole.delta("quarantine.orders").to_pylist() if row["_position"] in expected)
    seen = set()
    for kill in range(1, int((tmp_path / "count").read_text()) + 1):
        project = fresh()
        project.run(*DISCARD, exit_code=-9, env={"SLUICE_FAULT_KILL": str(kill)})
        seen.add(frozenset(given_up(project)))
        assert clean(project) == published and aside(project) == aside(whole)
        project.run(*DISCARD, exit_code=None)
        assert given_up(project) == expected
        # A value that was given up comes back when the contract takes it.
        if kill % 7 == 1:
            project.write("contracts/orders.odcs.yml", contract(formats=[ISO], nulls=["7 EUR", "many"]))
            project.run("quarantine", "replay", "orders")
            scratch = from_scratch(tmp_path, fault_bin, {"a": ROWS}, formats=[ISO], nulls=["7 EUR", "many"])
            assert contents(project)["clean.orders"] == scratch["clean.orders"]
            # Rows that are rejected or lack a value all the same stay given up.
            assert aside(project) == aside(Project(tmp_path / "scratch", fault_bin)) and given_up(project) < expected
            balances_close(project)
    assert seen == {frozenset(), frozenset(expected)}
