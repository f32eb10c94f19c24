"""Columns that the source renames: read under their old name too, as long as the contract says."""
import json
import shutil
from random import Random

import pytest

from conftest import Project

PROJECT = "name: renamed\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n"
UNTIL = [{"name": "cust", "until": "2026-12-31"}]
IN, LAST, AFTER = "2026-12-01T12:00:00Z", "2026-12-31T23:59:50Z", "2027-01-01T00:00:00Z"
KEPT = '* exclude ("at", run_id)'


def contract(aliases=UNTIL, required=True, severity=None, name="customer_id", kind="integer", **column):
    custom = [{"property": "sluice.aliases", "value": aliases}] if aliases else []
    custom += [{"property": "sluice.severity", "value": severity}] if severity else []
    custom += column.pop("custom", [])
    return json.dumps(
        {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "orders", "version": "1.0.0", "status": "active",
         "schema": [{"name": "orders", "properties": [
             {"name": "id", "logicalType": "integer", "primaryKey": True},
             {"name": name, "logicalType": kind, "required": required, "customProperties": custom, **column},
             {"name": "amount", "logicalType": "integer"}]}]})


def make(folder, binary, drift="", **options):
    project = Project(folder, binary)
    project.write("sluice.yml", PROJECT)
    source(project, drift)
    project.write("contracts/orders.odcs.yml", contract(**options))
    return project


def source(project, drift="", pattern="*.csv"):
    project.write("sources/orders.yml", f"connector: file\npath: data/{pattern}\n" + (f"drift: {{new_columns: {drift}}}\n" if drift else ""))


def change(project, **options):
    project.write("contracts/orders.odcs.yml", contract(**options))


def feed(project, name, head, *rows, clock=IN, **options):
    """One more file, taken in at that time."""
    project.write(f"data/{name}.csv", "\n".join([head, *rows]) + "\n")
    return run(project, clock, **options)


def run(project, clock=IN, *arguments, **options):
    done = project.run("run", "--json", *arguments, env={"SLUICE_CLOCK": clock}, **options)
    return {step["table"]: step for step in json.loads(done.stdout)["steps"]} if done.stdout.startswith("{") else done


def clean(project, column="customer_id"):
    return {row["id"]: row[column] for row in project.delta("clean.orders").to_pylist()}


def reasons(project):
    return {(row["_source"].split("/")[-1], row["_position"]): [(reason["rule"], reason["message"]) for reason in row["reasons"]]
            for row in project.delta("quarantine.orders").to_pylist()}


def contents(project):
    return {table: project.rows(table, KEPT if table.startswith("quarantine") else "*") for table in ("clean.orders", "quarantine.orders")}


def same_as_from_scratch(project, clock="2028-01-01T00:00:00Z"):
    """Judged by when a row came, not by when it is read."""
    before = contents(project)
    run(project, clock, "--full-refresh", "--select", "clean.orders")
    assert contents(project) == before


@pytest.fixture
def shop(tmp_path, sluice_bin):
    return make(tmp_path / "shop", sluice_bin)


def test_rows_are_read_under_the_old_and_the_new_name_until_the_last_day(shop, tmp_path, sluice_bin):
    step = feed(shop, "a", "id,cust,amount", "1,11,5", "2,12,6")["clean.orders"]
    assert clean(shop) == {1: 11, 2: 12}
    assert step["also_read"] == ["customer_id also read as cust until 2026-12-31"] and step["raw_only"] == [] and step["notes"] == []
    feed(shop, "b", "id,customer_id,amount", "3,13,7", "1,21,8")
    feed(shop, "c", "id,customer_id,cust,amount", "4,14,,9", "5,,15,10", "6,16,16,11", "7,17,18,12", "8,019,19,13", clock=LAST)
    assert clean(shop) == {1: 21, 2: 12, 3: 13, 4: 14, 5: 15, 6: 16, 8: 19}
    assert reasons(shop) == {("c.csv", 5): [("customer_id.alias", "customer_id '17', cust '18' differ")]}
    payload, = [json.loads(row["payload"]) for row in shop.delta("quarantine.orders").to_pylist()]
    assert payload == {"id": "7", "customer_id": "17", "cust": "18", "amount": "12"}
    fresh = make(tmp_path / "fresh", sluice_bin, aliases=None)
    for name, rows in (("a", ["1,11,5", "2,12,6"]), ("b", ["3,13,7", "1,21,8"]), ("c", ["4,14,9", "5,15,10", "6,16,11", "7,,12", "8,019,13"])):
        feed(fresh, name, "id,customer_id,amount", *rows)
    assert shop.rows("clean.orders") == fresh.rows("clean.orders")
    same_as_from_scratch(shop)


def test_after_the_last_day_the_old_name_is_just_another_column(shop):
    feed(shop, "a", "id,cust,amount", "1,11,5", clock=LAST)
    step = feed(shop, "b", "id,cust,amount", "2,12,6", clock=AFTER)["clean.orders"]
    assert clean(shop) == {1: 11} and step["raw_only"] == ["cust"]
    assert [rule for rule, _ in reasons(shop)["b.csv", 2]] == ["customer_id.required"]
    step = feed(shop, "c", "id,customer_id,cust,amount", "3,13,99,7", clock=AFTER)["clean.orders"]
    assert clean(shop) == {1: 11, 3: 13}
    same_as_from_scratch(shop)
    same_as_from_scratch(shop, IN)


def test_without_a_last_day_the_old_name_is_read_for_ever(shop):
    change(shop, aliases=["cust"])
    feed(shop, "a", "id,cust,amount", "1,11,5", clock="2060-01-01T00:00:00Z")
    assert clean(shop) == {1: 11}
    assert "customer_id also read as cust\n" in shop.run("plan", "--json").stdout.replace('"', "\n")
    change(shop, aliases="cust")  # a single name
    assert "up to date" in shop.run("plan").stdout and "0 steps to run" in shop.run("plan").stdout


@pytest.mark.parametrize("policy", ["freeze", "evolve", "quarantine_row", "quarantine_value", "fail"])
def test_policies_for_new_columns_know_the_old_name_until_its_last_day(shop, policy):
    source(shop, policy)
    step = feed(shop, "a", "id,customer_id,cust,amount", "1,11,,5", "2,,12,6")["clean.orders"]
    assert clean(shop) == {1: 11, 2: 12} and not reasons(shop) and step["raw_only"] == []
    assert "cust" not in shop.delta("clean.orders").column_names
    if policy == "fail":
        done = feed(shop, "b", "id,customer_id,cust,amount", "3,13,99,7", clock=AFTER, exit_code=None)
        shop.write("data/b.csv", "id,customer_id,amount\n3,13,7\n")
        assert clean(shop) == {1: 11, 2: 12}
        told = shop.run("run", env={"SLUICE_CLOCK": AFTER}, exit_code=None)
        assert told.returncode == 0 and clean(shop) == {1: 11, 2: 12, 3: 13}
        return
    step = feed(shop, "b", "id,customer_id,cust,amount", "3,13,99,7", "4,14,,8", clock=AFTER)["clean.orders"]
    rows = {row["id"]: row for row in shop.delta("clean.orders").to_pylist()}
    if policy == "evolve":
        assert step["why"] == "the time of the alias 'cust' is over"
        assert {i: row["cust"] for i, row in rows.items()} == {1: None, 2: None, 3: "99", 4: None}
    else:
        assert "cust" not in shop.delta("clean.orders").column_names
    assert set(rows) == ({1, 2, 4} if policy == "quarantine_row" else {1, 2, 3, 4})
    if policy.startswith("quarantine"):
        assert reasons(shop) == {("b.csv", 2): [("cust.unexpected", "unexpected column, with the value '99'")]}
    if policy == "freeze":
        assert step["raw_only"] == ["cust"]
    feed(shop, "c", "id,customer_id,amount", "5,15,1", clock=AFTER)
    same_as_from_scratch(shop)


def test_a_file_with_the_old_name_lacks_no_column_until_the_last_day(shop):
    shop.write("sources/orders.yml", "connector: file\npath: data/*.csv\ndrift: {missing_columns: fail}\n")
    feed(shop, "a", "id,customer_id,amount", "1,11,5")
    feed(shop, "b", "id,CUST,amount", "2,12,6", clock=LAST)
    assert clean(shop) == {1: 11, 2: 12}
    run(shop, AFTER, "--full-refresh")  # judged by when the file came
    (shop.folder / "lake").rename(shop.folder / "old")
    run(shop, LAST)
    assert clean(shop) == {1: 11, 2: 12}
    shop.write("data/c.csv", "id,cust,amount\n3,13,7\n")
    told = shop.run("run", env={"SLUICE_CLOCK": AFTER}, exit_code=None)
    assert told.returncode != 0 and "'data/c.csv' has no column 'customer_id'" in told.stderr and clean(shop) == {1: 11, 2: 12}
    change(shop, aliases=[{"name": "cust"}])
    run(shop, AFTER)
    assert clean(shop) == {1: 11, 2: 12, 3: 13}
    shop.write("data/d.csv", "id,other,amount\n4,14,7\n")
    told = shop.run("run", env={"SLUICE_CLOCK": AFTER}, exit_code=None)
    assert told.returncode != 0 and "'data/d.csv' has no column 'customer_id'" in told.stderr


def test_an_alias_brings_back_rows_that_had_no_value(shop):
    change(shop, aliases=None)
    feed(shop, "a", "id,cust,amount", "1,11,5", "2,12,6")
    feed(shop, "b", "id,customer_id,amount", "3,13,7", "4,x,8")
    assert clean(shop) == {3: 13} and len(reasons(shop)) == 3
    change(shop)
    dry = shop.run("quarantine", "replay", "orders", "--dry-run", exit_code=None)
    assert dry.returncode == 0, dry.stderr
    step = run(shop)["clean.orders"]
    assert clean(shop) == {1: 11, 2: 12, 3: 13} and set(reasons(shop)) == {("b.csv", 3)}
    assert "of quarantine read again" in step["why"], step["why"]
    same_as_from_scratch(shop)


def test_replay_brings_them_back_too(shop):
    change(shop, aliases=None)
    feed(shop, "a", "id,cust,amount", "1,11,5", "2,12,6")
    change(shop)
    shop.run("quarantine", "replay", "orders", env={"SLUICE_CLOCK": IN})
    assert clean(shop) == {1: 11, 2: 12} and not reasons(shop)
    same_as_from_scratch(shop)


@pytest.mark.parametrize("before, after, part", [
    ({"aliases": None}, {}, "read again"),                                              # a value is missing: rejected
    ({"aliases": None, "required": False}, {"required": False}, None),                  # it was accepted without
    ({"aliases": None}, {"severity": {"alias": "warn"}}, "read again"),
    ({}, {"aliases": None}, None),
    ({}, {"aliases": ["cust"]}, "read again"),                                          # longer
    ({}, {"aliases": [{"name": "cust", "until": "2026-11-30"}]}, None),                 # shorter
    ({}, {"aliases": [*UNTIL, "kunde"]}, "1 accepted row would be rejected now"),
    ({"aliases": [*UNTIL, "kunde"]}, {"aliases": ["kunde", *UNTIL]}, None),
    ({"aliases": None}, {"default": "0"}, "read again"),
    ({"aliases": None, "default": "0"}, {"default": "0"}, None),
])
def test_a_changed_alias_reads_again_what_it_can_affect(shop, before, after, part):
    """Whatever was read again, the tables are what reading all would give."""
    def custom(options):
        options = dict(options)
        default = options.pop("default", None)
        return {**options, "custom": [{"property": "sluice.default", "value": default}] if default else []}

    change(shop, **custom(before))
    feed(shop, "a", "id,cust,amount", "1,11,5", "2,,6", "20,x,6")
    feed(shop, "b", "id,customer_id,kunde,cust,amount", "3,13,,,7", "4,,14,,8", "5,15,15,15,9", "6,,16,17,1", clock=LAST)
    feed(shop, "c", "id,cust,amount", "7,17,5", clock=AFTER)
    change(shop, **custom(after))
    step = run(shop, AFTER)["clean.orders"]
    assert (part in step["why"] if part else step["why"].startswith("contract changed: column 'customer_id'")), step["why"]
    same_as_from_scratch(shop)


def test_accepted_rows_with_another_old_value_are_seen_when_the_alias_comes(shop):
    change(shop, aliases=None)
    feed(shop, "a", "id,customer_id,cust,amount", "1,11,11,5", "2,12,99,6")
    assert clean(shop) == {1: 11, 2: 12}
    change(shop)
    step = run(shop)["clean.orders"]
    assert "accepted row" in step["why"] and clean(shop) == {1: 11}
    same_as_from_scratch(shop)


def test_an_alias_may_come_long_before_the_old_name_is_seen(shop):
    change(shop, aliases=None, required=False)
    feed(shop, "a", "id,customer_id,amount", "1,,5", "2,12,6", "3,x,7")
    change(shop, required=False)
    shop.write("data/b.csv", "id,customer_id,amount\n4,14,8\n")
    step = run(shop)["clean.orders"]  # nothing to judge anew: just the new file
    assert step["rows"]["in"] == 1 and not step["was_full"], step
    change(shop, required=False, aliases=[*UNTIL, "kunde"])
    step = run(shop)["clean.orders"]
    assert step["rows"]["in"] == 0 and not step["was_full"], step
    feed(shop, "c", "id,kunde,amount", "5,15,9")
    assert clean(shop) == {1: None, 2: 12, 4: 14, 5: 15}
    same_as_from_scratch(shop)
    change(shop, required=False)
    assert run(shop)["clean.orders"]["was_full"] and clean(shop)[5] is None


@pytest.mark.parametrize("severity, rows, count", [("warn", {1: 11}, 0), ("quarantine_value", {1: None}, 1), ("reject", {}, 1)])
def test_what_becomes_of_rows_that_differ(shop, severity, rows, count):
    change(shop, severity={"alias": severity}, required=False)
    step = feed(shop, "a", "id,customer_id,cust,amount", "1,11,12,5")["clean.orders"]
    assert clean(shop) == rows and len(reasons(shop)) == count
    assert [(r["rule"], r["warning"], r["value"]) for r in step["reasons"]] == [("customer_id.alias", severity == "warn", severity == "quarantine_value")]


def test_a_row_that_stops_the_step(shop):
    change(shop, severity={"alias": "fail"})
    shop.write("data/a.csv", "id,customer_id,cust,amount\n1,11,12,5\n")
    told = shop.run("run", env={"SLUICE_CLOCK": IN}, exit_code=None)
    assert told.returncode != 0 and "customer_id '11', cust '12' differ" in told.stderr


def test_several_old_names_are_read_in_their_order(shop):
    change(shop, aliases=["cust", {"name": "kunde", "until": "2026-12-31"}])
    feed(shop, "a", "id,kunde,amount", "1,11,5")
    feed(shop, "b", "id,kunde,cust,customer_id,amount", "2,,12,,6", "3,13,,,6", "4,14,14,14,6", "5,1,2,3,6", "6,1,2,,6")
    assert clean(shop) == {1: 11, 2: 12, 3: 13, 4: 14}
    assert reasons(shop) == {("b.csv", 5): [("customer_id.alias", "customer_id '3', cust '2', kunde '1' differ")],
                             ("b.csv", 6): [("customer_id.alias", "cust '2', kunde '1' differ")]}
    same_as_from_scratch(shop)


def test_the_key_itself_may_be_renamed(shop):
    """Rows of both names compete."""
    options = {"name": "order_id", "aliases": ["nr"], "primaryKey": True, "primaryKeyPosition": 2}
    change(shop, **options)
    feed(shop, "a", "id,nr,amount", "1,7,5", "1,8,6")
    feed(shop, "b", "id,order_id,amount", "1,7,50", "1,9,60")
    assert sorted((row["order_id"], row["amount"]) for row in shop.delta("clean.orders").to_pylist()) == [(7, 50), (8, 6), (9, 60)]
    same_as_from_scratch(shop)


def test_the_clean_name_may_be_the_old_one(shop):
    change(shop, aliases=["customer_id"], physicalName="kundennr")
    feed(shop, "a", "id,customer_id,amount", "1,11,5")
    feed(shop, "b", "id,KUNDENNR,amount", "2,12,6")
    assert clean(shop) == {1: 11, 2: 12}
    same_as_from_scratch(shop)


def test_words_for_null_are_no_value(shop):
    change(shop, custom=[{"property": "sluice.nullValues", "value": ["", "N/A"]}])
    feed(shop, "a", "id,customer_id,cust,amount", "1,N/A,11,5", "2, ,12,6", "3,13,N/A,7", "4,N/A,N/A,8")
    assert clean(shop) == {1: 11, 2: 12, 3: 13}
    assert [rule for rule, _ in reasons(shop)["a.csv", 5]] == ["customer_id.required"]


def test_another_format_lets_old_and_new_agree(shop):
    options = {"kind": "date", "required": False}
    change(shop, **options, custom=[{"property": "sluice.formats", "value": ["%Y-%m-%d"]}])
    feed(shop, "a", "id,customer_id,cust,amount", "1,2026-01-02,02.01.2026,5", "2,2026-01-02,2026-01-02,5")
    assert set(clean(shop)) == {2}
    change(shop, **options, custom=[{"property": "sluice.formats", "value": ["%Y-%m-%d", "%d.%m.%Y"]}])
    run(shop)
    assert set(clean(shop)) == {1, 2}
    same_as_from_scratch(shop)


def test_columns_of_other_types_meet_as_text(shop):
    import pyarrow as pa
    import pyarrow.parquet as pq
    source(shop, pattern="*.parquet")
    (shop.folder / "data").mkdir()
    pq.write_table(pa.table({"id": [1, 2], "cust": ["11", "12"], "amount": [1, 2]}), shop.folder / "data/a.parquet")
    run(shop)
    pq.write_table(pa.table({"id": [3, 4], "customer_id": [13, 14], "cust": ["13.0", "x"], "amount": [1, 2]}), shop.folder / "data/b.parquet")
    run(shop)
    assert clean(shop) == {1: 11, 2: 12, 3: 13}
    assert reasons(shop) == {("b.parquet", 2): [("customer_id.alias", "customer_id '14', cust 'x' differ")]}
    payload, = [json.loads(row["payload"]) for row in shop.delta("quarantine.orders").to_pylist()]
    assert payload == {"id": 4, "customer_id": 14, "cust": "x", "amount": 2}
    same_as_from_scratch(shop)


@pytest.mark.parametrize("kind, old, new, wanted", [
    ("number", ("float32", [0.1, 2.5]), ("string", ["0.3"]), {1: 0.10000000149011612, 2: 2.5, 3: 0.3}),
    ("number", ("float32", [0.1, 2.5]), ("float64", [0.1]), {1: 0.10000000149011612, 2: 2.5, 3: 0.1}),
    ("date", ("date32", ["2026-01-02", "2026-03-04"]), ("string", ["05.06.2026"]), {1: "2026-01-02", 2: "2026-03-04", 3: "2026-06-05"}),
    ("timestamp", ("timestamp", ["2026-01-02T03:04:05", "2026-03-04T05:06:07"]), ("string", ["2026-06-05T01:02:03Z"]),
     {1: "2026-01-02 03:04:05", 2: "2026-03-04 05:06:07", 3: "2026-06-05 01:02:03"})])
def test_a_value_is_the_same_before_and_after_another_type_comes_under_another_name(shop, kind, old, new, wanted):
    from datetime import date, datetime
    import pyarrow as pa
    import pyarrow.parquet as pq
    types = {"float32": pa.float32(), "float64": pa.float64(), "string": pa.string(), "date32": pa.date32(), "timestamp": pa.timestamp("us")}
    read = {"date32": date.fromisoformat, "timestamp": datetime.fromisoformat}

    def put(name, head, first, kind, values):
        values = pa.array([read.get(kind, lambda value: value)(value) for value in values], types[kind])
        pq.write_table(pa.table({"id": range(first, first + len(values)), head: values}), shop.folder / f"data/{name}.parquet")
        run(shop)
        return {row["id"]: (row["customer_id"], row["_source"]) for row in shop.delta("clean.orders").to_pylist()}

    source(shop, pattern="*.parquet")
    options = {"custom": [{"property": "sluice.formats", "value": ["%d.%m.%Y"]}]} if kind == "date" else {}
    change(shop, kind=kind, **options)
    (shop.folder / "data").mkdir()
    before = put("a", "customer_id", 1, *old)
    assert len(before) == 2
    after = put("b", "cust", 3, *new)
    assert {i: after[i] for i in before} == before and not reasons(shop)
    assert {i: value if isinstance(value, float) else str(value)[:len(wanted[i])] for i, (value, _) in after.items()} == wanted
    same_as_from_scratch(shop)


def test_a_filter_sees_the_value_under_the_new_name(shop):
    document = json.loads(contract())
    document["schema"][0]["customProperties"] = [{"property": "sluice.filter", "value": "customer_id = '0'"}]
    shop.write("contracts/orders.odcs.yml", json.dumps(document))
    step = feed(shop, "a", "id,cust,amount", "1,11,5", "2,0,6")["clean.orders"]
    assert clean(shop) == {1: 11} and step["rows"]["filtered"] == 1


def test_an_object_may_be_renamed_as_a_whole(shop):
    source(shop, pattern="*.jsonl")
    change(shop, name="address", kind="object", required=False,
           properties=[{"name": "zip", "logicalType": "string", "required": True}])
    shop.write("data/a.jsonl", '{"id": 1, "cust": {"zip": "1"}, "amount": 1}\n{"id": 2, "address": {"zip": "2"}, "amount": 1}\n'
               '{"id": 3, "address": {"zip": "3"}, "cust": {"zip": "4"}, "amount": 1}\n')
    run(shop)
    assert clean(shop, "address") == {1: {"zip": "1"}, 2: {"zip": "2"}}
    (row,) = reasons(shop).values()
    assert [rule for rule, _ in row] == ["address.alias"]


SECRETS = ["ada@example.com", "ben@example.com", "cleo@example.com", "dan@example.com", "eve@example.com"]
PERSONAL = {"name": "email", "kind": "string", "classification": "restricted",
            "custom": [{"property": "sluice.personal", "value": {"as": "mask", "keep_first": 1}}]}


@pytest.mark.parametrize("policy", ["freeze", "evolve", "quarantine_row", "quarantine_value"])
def test_a_personal_column_is_protected_under_all_of_its_names(shop, policy):
    source(shop, policy)
    change(shop, aliases=[{"name": "mail", "until": "2026-12-31"}], **PERSONAL)
    feed(shop, "a", "id,mail,amount", "1,ada@example.com,5", "x,ben@example.com,6")
    feed(shop, "b", "id,email,mail,amount", "2,cleo@example.com,dan@example.com,7")
    feed(shop, "c", "id,email,mail,amount", "3,cleo@example.com,eve@example.com,7", "x,ada@example.com,eve@example.com,8", clock=AFTER)
    assert clean(shop, "email")[1] == "a" + "*" * 14 and len(reasons(shop)) >= 3
    for table in ("clean.orders", "quarantine.orders"):
        text = str(shop.delta(table).to_pylist())
        assert not [secret for secret in SECRETS if secret in text], text
    if policy == "evolve":
        assert clean(shop, "mail")[3] == "e" + "*" * 14
    same_as_from_scratch(shop)


def test_personal_values_of_the_old_name_do_not_leak_into_models(shop):
    change(shop, aliases=["mail"], name="email", kind="string", classification="restricted")
    shop.write("models/leak.sql", "select mail as m from raw.orders")
    shop.write("data/a.csv", "id,mail,amount\n1,ada@example.com,5\n")
    told = shop.run("run", env={"SLUICE_CLOCK": IN}, exit_code=None)
    after = shop.run("check", exit_code=None)
    assert after.returncode != 0 and "leak" in after.stdout + after.stderr and "restricted" in after.stdout + after.stderr, told.stdout + after.stderr


def test_models_read_a_column_that_evolved_out_of_an_alias(shop):
    source(shop, "evolve")
    feed(shop, "a", "id,customer_id,cust,amount", "1,11,,5", "2,,12,6")
    shop.write("models/old.sql", "select id, cust from clean.orders where cust is not null")
    told = shop.run("check", env={"SLUICE_CLOCK": AFTER}, exit_code=None)  # no row came late
    assert told.returncode != 0 and "cust" in told.stdout + told.stderr
    (shop.folder / "models/old.sql").unlink()
    feed(shop, "b", "id,customer_id,cust,amount", "3,13,99,7", clock=AFTER)
    shop.write("models/old.sql", "select id, cust from clean.orders where cust is not null")
    for clock in (AFTER, IN):
        shop.run("check", env={"SLUICE_CLOCK": clock})
    run(shop, AFTER)
    assert shop.json("query", "select id, cust from curated.old")["rows"] == [[3, "99"]]
    told = shop.run("lineage", "clean.orders.cust", env={"SLUICE_CLOCK": AFTER}).stdout
    assert "raw.orders.cust" in told


def test_models_may_read_such_a_column_from_the_first_run_on(shop):
    source(shop, "evolve")
    shop.write("models/old.sql", "select id, cust from clean.orders where cust is not null")
    shop.write("data/a.csv", "id,customer_id,cust,amount\n1,11,99,5\n")
    assert shop.run("check", env={"SLUICE_CLOCK": IN}, exit_code=None).returncode != 0
    shop.run("check", env={"SLUICE_CLOCK": AFTER})
    run(shop, AFTER)
    assert shop.json("query", "select id, cust from curated.old")["rows"] == [[1, "99"]]


@pytest.mark.parametrize("is_masked", [False, True])
def test_personal_values_do_not_leak_through_a_column_that_evolved_out_of_an_alias(shop, is_masked):
    source(shop, "evolve")
    change(shop, aliases=[{"name": "mail", "until": "2026-12-31"}],
           **(PERSONAL if is_masked else {"name": "email", "kind": "string", "classification": "restricted"}))
    feed(shop, "a", "id,email,mail,amount", "1,ada@example.com,ben@example.com,5", clock=AFTER)
    shop.write("models/leak.sql", "select mail as m from clean.orders")
    told = shop.run("check", env={"SLUICE_CLOCK": AFTER}, exit_code=None)
    if is_masked:
        assert told.returncode == 0, told.stdout + told.stderr
    else:
        assert told.returncode != 0 and "SL0408" in told.stdout + told.stderr and "restricted" in told.stdout + told.stderr


def test_lineage_names_both_columns_of_raw(shop):
    feed(shop, "a", "id,customer_id,cust,amount", "1,11,,5")
    told = shop.run("lineage", "clean.orders.customer_id").stdout
    assert "raw.orders.cust" in told and "raw.orders.customer_id" in told


def test_verify_and_contract_of_an_older_publication(shop):
    feed(shop, "a", "id,cust,amount", "1,11,5")
    feed(shop, "b", "id,customer_id,amount", "2,12,5")
    change(shop, aliases=None)
    run(shop, AFTER)
    assert clean(shop) == {2: 12}
    for publication in ("#1", "#2", "#3"):
        report = shop.json("verify", publication)
        assert {entry["result"] for entry in report["tables"]} == {"equal"}, report


def test_check_says_that_the_last_day_is_over_and_plan_until_when(shop):
    shop.write("data/a.csv", "id,cust,amount\n1,11,5\n")
    assert "SL0307" not in shop.run("check", env={"SLUICE_CLOCK": LAST}).stderr
    told = shop.run("check", env={"SLUICE_CLOCK": AFTER})
    assert "column 'customer_id' was also read as 'cust' until 2026-12-31: that is over" in told.stdout + told.stderr
    assert "clean.orders: customer_id also read as cust until 2026-12-31" in shop.run("plan", env={"SLUICE_CLOCK": IN}).stdout
    assert "clean.orders: customer_id also read as cust until 2026-12-31" in shop.run("run", env={"SLUICE_CLOCK": IN}).stdout


@pytest.mark.parametrize("before, after, line", [
    (None, UNTIL, "also read as cust until 2026-12-31 (additive)"),
    (UNTIL, ["cust"], "also read as cust for ever, was until 2026-12-31 (additive)"),
    (["cust"], UNTIL, "also read as cust until 2026-12-31, was for ever (breaking)"),
    (UNTIL, None, "no longer read as cust (breaking)"),
    (["cust", "nr"], ["nr", "cust"], "its other names have another order (weaker)"),
])
def test_what_a_changed_alias_means_for_readers(shop, before, after, line):
    change(shop, aliases=before)
    feed(shop, "a", "id,customer_id,amount", "1,11,5")
    change(shop, aliases=after)
    told = shop.run("plan", "--why").stdout
    assert line in told, told


def test_show_and_ls_tell_of_aliases(shop):
    told = shop.run("contract", "show", "contracts/orders.odcs.yml").stdout
    assert "other names at the source" in told and "cust" in told and "2026-12-31" in told
    assert "alias" in shop.run("ls", "--checks").stdout


def test_avro_has_aliases_of_its_own(shop):
    shop.run("contract", "export", "contracts/orders.odcs.yml", "--format", "avro", "-o", "orders.avsc")
    field = next(field for field in json.loads((shop.folder / "orders.avsc").read_text())["fields"] if field["name"] == "customer_id")
    assert field["aliases"] == ["cust"] and field["x-aliases"] == UNTIL
    shop.write("plain.avsc", json.dumps({"type": "record", "name": "orders", "fields": [
        {"name": "id", "type": "long"}, {"name": "customer_id", "type": "long", "aliases": ["cust", "kunde"]}]}))
    for file, wanted in (("orders.avsc", UNTIL), ("plain.avsc", ["cust", "kunde"])):
        shop.run("contract", "import", file, "-o", f"{file}.odcs.yml")
        again = shop.run("contract", "export", f"{file}.odcs.yml", "--format", "avro").stdout
        field = next(field for field in json.loads(again)["fields"] if field["name"] == "customer_id")
        assert field["x-aliases"] == wanted


def test_rows_can_be_tried_under_the_old_name(shop):
    shop.write("data/a.csv", "id,cust,amount\n1,11,5\n2,x,6\n")
    assert "2 read, 1 accepted, 1 rejected" in shop.run("contract", "test", "orders", "--data", "data/a.csv", env={"SLUICE_CLOCK": IN}).stdout
    shop.write("tests/orders.yml", """
clock: 2026-12-31T23:00:00Z
given: {orders: [{id: 1, cust: 11}, {id: 2, customer_id: 12, cust: 13}]}
expect:
  clean.orders: [{id: 1, customer_id: 11}]
  quarantine.orders: [{rule: customer_id.alias, id: 2}]
""")
    assert "1 test passed, 0 failed" in shop.run("test").stdout
    assert "killed    clean.orders  customer_id.alias" in shop.run("test", "--mutate", exit_code=None).stdout
    shop.write("tests/orders.yml", (shop.folder / "tests/orders.yml").read_text().replace("2026-12-31", "2027-01-01"))
    assert "0 tests passed, 1 failed" in shop.run("test", exit_code=None).stdout


def test_json_schema_keeps_aliases_and_their_days(shop):
    done = shop.run("contract", "export", "contracts/orders.odcs.yml", "--format", "jsonschema", "-o", "orders.schema.json")
    assert "aliases" not in done.stderr
    shop.run("contract", "import", "orders.schema.json", "-o", "again.odcs.yml")
    told = shop.run("contract", "diff", "contracts/orders.odcs.yml", "again.odcs.yml", exit_code=None).stdout
    assert "read as" not in told, told
    shop.run("contract", "import", "contracts/orders.odcs.yml", "-o", "odcs.odcs.yml")
    assert 'until: "2026-12-31"' in (shop.folder / "odcs.odcs.yml").read_text()
    assert "sluice.aliases" in shop.run("contract", "export", "contracts/orders.odcs.yml", "--format", "sql").stderr


def test_generated_rows_use_the_new_name(shop):
    feed(shop, "a", "id,cust,amount", "1,11,5")
    made = shop.run("generate", "orders", "--rows", "20").stdout
    assert made.startswith("id,customer_id,amount\n")


OWN, OLD = "customer_id", ["cust", "kunde", "nr"]
DAYS = ["2026-12-01", "2026-12-15", "2026-12-31"]
CELLS = ["1", "1", "2", "01", "x", "", "", "", '""', "N/A", " 1"]


class Story:
    """Files that come one after the other under a contract that changes, and what must come of their rows by the letter of the docs."""

    def __init__(self, project, random):
        self.project, self.random, self.rows, self.policy = project, random, [], ""
        self.options = {"aliases": None, "required": True, "severity": None, "default": None, "nulls": [""], "filter": None}

    def change(self):
        random, options = self.random, self.options
        what = random.choice(["aliases"] * 5 + ["required", "severity", "default", "nulls", "filter", "policy"])
        if what == "policy":
            self.policy = random.choice(["", "evolve", "quarantine_row", "quarantine_value"])
        elif what == "aliases":
            old = options["aliases"] or []
            if old and random.random() < 0.5:  # other days
                options["aliases"] = [{**alias, "until": random.choice([*DAYS, None])} for alias in old]
            elif old and random.random() < 0.5:  # more of them
                options["aliases"] = [*old, *({"name": name, "until": random.choice([*DAYS, None])} for name in OLD
                                              if name not in [alias["name"] for alias in old])][:len(old) + 1]
            else:
                options["aliases"] = [{"name": name, "until": random.choice([*DAYS, None])} for name in random.sample(OLD, random.choice([1, 1, 2]))]
        elif what == "severity":
            options["severity"] = random.choice([None, "warn", "quarantine_value"])
        else:
            options[what] = random.choice({"required": [True, True, False], "default": [None, "0"], "nulls": [[""], ["", "N/A"]],
                                           "filter": [None, None, f"{OWN} = '2'"]}[what])
        if options["severity"] == "quarantine_value" and options["required"]:
            options["severity"] = None

    def write(self):
        options = self.options
        aliases = [{key: value for key, value in alias.items() if value} for alias in options["aliases"] or []]
        custom = [{"property": "sluice.nullValues", "value": options["nulls"]}]
        custom += [{"property": "sluice.default", "value": options["default"]}] if options["default"] else []
        document = json.loads(contract(aliases=aliases, required=options["required"], custom=custom,
                                       severity={"alias": options["severity"]} if options["severity"] else None))
        if options["filter"]:
            document["schema"][0]["customProperties"] = [{"property": "sluice.filter", "value": options["filter"]}]
        source(self.project, self.policy)
        self.project.write("contracts/orders.odcs.yml", json.dumps(document))

    def feed(self, number, day):
        columns = [OWN, *self.random.sample(OLD, self.random.choice([0, 1, 3]))] if number == 0 else self.random.sample([OWN, *OLD], self.random.choice([1, 2, 3]))
        lines = []
        for row in range(4):
            cells = [self.random.choice(CELLS) for _ in columns]
            received = {name: None if cell == "" else cell.strip('"') for name, cell in zip(columns, cells)}
            self.rows.append((10 * number + row, day, received))
            lines.append(",".join([str(10 * number + row), *cells, "1"]))
        self.project.write(f"data/f{number}.csv", "\n".join([",".join(["id", *columns, "amount"]), *lines]) + "\n")

    def judge(self, day, received):
        """(value, rules broken, whether it is rejected) or None for a row that is filtered."""
        options, aliases = self.options, self.options["aliases"] or []
        good = [OWN, *(alias["name"] for alias in aliases if not alias["until"] or day <= alias["until"])]
        values = [received[name] for name in good if received.get(name) is not None and received[name].strip() not in options["nulls"]]
        if options["filter"] and (values[0] if values else received.get(OWN)) == "2":
            return None
        text = values[0].strip() if values else options["default"]
        is_number = text is not None and text.isdigit()
        known = {OWN, *good, *(alias["name"] for alias in aliases if not alias["until"])}
        unexpected = {f"{name}.unexpected" for name, value in received.items() if value is not None and name not in known
                      and self.policy.startswith("quarantine")}
        rules = set(unexpected) if self.policy == "quarantine_row" else set()
        rules |= {f"{OWN}.required"} if text is None and options["required"] else set()
        rules |= {f"{OWN}.type"} if text is not None and not is_number else set()
        differ = any(a.strip() != b.strip() and not (a.strip().isdigit() and b.strip().isdigit() and int(a) == int(b)) for a in values for b in values)
        rules |= {f"{OWN}.alias"} if differ and options["severity"] is None else set()
        aside = {f"{OWN}.alias"} if differ and options["severity"] == "quarantine_value" else set()
        aside |= unexpected if self.policy == "quarantine_value" else set()
        value = int(text) if is_number and f"{OWN}.alias" not in aside else None
        return value, rules | aside, bool(rules)

    def assert_as_told(self):
        judged = {row: self.judge(day, received) for row, day, received in self.rows}
        judged = {row: verdict for row, verdict in judged.items() if verdict}
        assert clean(self.project) == {row: value for row, (value, _, is_rejected) in judged.items() if not is_rejected}
        found = {int(json.loads(row["payload"])["id"]): {reason["rule"] for reason in row["reasons"]}
                 for row in self.project.delta("quarantine.orders").to_pylist()}
        assert found == {row: rules for row, (_, rules, _) in judged.items() if rules}
        payloads = {int(row["id"]): row for row in (json.loads(row["payload"]) for row in self.project.delta("quarantine.orders").to_pylist())}
        for row, _, received in self.rows:
            assert row not in payloads or {name: payloads[row].get(name) for name in received} == received


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_changed_the_tables_are_what_the_docs_say(shop, seed):
    story = Story(shop, Random(seed))
    days = sorted(story.random.choice(["2026-11-20", *DAYS, "2027-01-01"]) for _ in range(5))
    for number, day in enumerate(days):
        for turn in range(2):
            if turn == (number > 0):
                story.feed(number, day)
            if not turn or story.random.random() < 0.3:
                story.change()
            story.write()
            run(shop, f"{day}T0{turn + 5}:00:00Z")
            story.assert_as_told()
    same_as_from_scratch(shop)


def over(project):
    return [w["message"] for w in json.loads(project.run("check", "--json", env={"SLUICE_CLOCK": AFTER}).stdout)["warnings"] if w["code"] == "SL0307"]


def test_an_alias_that_is_over_is_told_only_as_long_as_raw_needs_it(shop):
    assert over(shop) == ["column 'customer_id' was also read as 'cust' until 2026-12-31: that is over"]
    feed(shop, "a", "id,customer_id,amount", "1,11,5")
    assert over(shop) == []
    feed(shop, "b", "id,cust,amount", "2,12,6", "3,13,6")
    feed(shop, "c", "id,cust,amount", "4,14,6")
    [told] = over(shop)
    assert told.endswith("that is over, and 3 rows of raw.orders, from data/b.csv and 1 more file, are read under it")
    feed(shop, "b", "id,customer_id,amount", "2,12,6", "3,13,6", clock=AFTER)  # the files come anew, under the new name
    [told] = over(shop)
    assert "and 1 row of raw.orders, from data/c.csv, are read under it" in told
    feed(shop, "c", "id,cust,amount", "4,14,7", clock=AFTER, exit_code=None)  # too late to be read so
    assert over(shop) == []


PROTECTED = {"name": "email", "kind": "string", "required": False, "custom": [{"property": "sluice.personal", "value": {"as": "mask"}}]}
OLD_MAIL = [{"name": "mail", "until": "2026-12-31"}]


def payloads(project):
    return [json.loads(row["payload"]) for row in project.delta("quarantine.orders").to_pylist()]


@pytest.mark.parametrize("is_warning", [False, True])
def test_an_old_name_of_a_protected_column_is_not_forgotten(shop, is_warning):
    change(shop, aliases=OLD_MAIL, **PROTECTED)
    feed(shop, "a", "id,mail,amount", "1,ada@example.com,much")
    assert payloads(shop)[0]["mail"] == "*" * 15
    if is_warning:
        shop.write("sluice.yml", PROJECT + "personal: {check: warn}\n")
    change(shop, aliases=None, **PROTECTED)
    shop.write("data/b.csv", "id,mail,amount\n2,ben@example.com,more\n")
    told = "raw.orders has 'mail', which was another name of the protected column 'email'"
    for command in (["check"], ["plan"], ["run"]):
        done = shop.run(*command, env={"SLUICE_CLOCK": AFTER}, exit_code=None)
        if is_warning:
            assert done.returncode == 0 or command == ["run"]
            assert told in done.stdout + done.stderr or command != ["check"]
        else:
            assert done.returncode == 1 and "SL0408" in done.stderr and told in done.stderr, done.stdout + done.stderr
            assert "keep 'mail' in 'sluice.aliases' of 'email'" in done.stderr
    if not is_warning:
        assert len(payloads(shop)) == 1
        change(shop, aliases=OLD_MAIL, **PROTECTED)
        shop.run("check", env={"SLUICE_CLOCK": AFTER})
        run(shop, AFTER, exit_code=None)
        assert {payload["mail"] for payload in payloads(shop)} == {"*" * 15}


def test_a_protected_column_that_is_gone_from_the_contract_is_not_forgotten(shop):
    change(shop, aliases=None, **PROTECTED)
    feed(shop, "a", "id,email,amount", "1,ada@example.com,much")
    change(shop, aliases=None, name="phone", kind="string", required=False)
    done = shop.run("plan", exit_code=1)
    assert "raw.orders has 'email', which was read as the protected column 'email'" in done.stderr and "{as: drop}" in done.stderr
    # Given free on purpose, and nothing that was ever protected.
    change(shop, aliases=None, name="email", kind="string", required=False)
    shop.run("plan")
    shop.run("check")


def test_columns_that_no_contract_protected_are_left_alone(shop):
    change(shop, aliases=["cust"], required=False)
    feed(shop, "a", "id,cust,other,amount", "1,11,x,5")
    change(shop, aliases=None, required=False)
    shop.run("check")
    shop.run("plan")


def renamed(project, contract_name):
    """The entry of the contract under another name, in a source that says which contract it has."""
    project.write("contracts/orders.odcs.yml", contract(aliases=None, name="phone", kind="string", required=False).replace(
        '"schema": [{"name": "orders"', f'"schema": [{{"name": "{contract_name}"'))
    project.write("sources/orders.yml", "connector: file\npath: data/*.csv\ncontract: contracts/orders.odcs.yml\n")


def test_a_contract_under_another_name_still_knows_what_was_protected(shop):
    change(shop, aliases=None, **PROTECTED)
    feed(shop, "a", "id,email,amount", "1,ada@example.com,much")
    renamed(shop, "purchases")
    shop.write("data/b.csv", "id,email,amount\n2,ben@example.com,more\n")
    for command in ("check", "plan", "run"):
        done = shop.run(command, exit_code=1)
        assert "SL0408" in done.stderr and "raw.orders has 'email', which was read as the protected column 'email'" in done.stderr, done.stderr
    assert {payload["email"] for payload in payloads(shop)} == {"*" * 15}


def test_contracts_of_other_tables_protect_nothing_here(shop):
    shop.write("sources/people.yml", "connector: file\npath: people/*.csv\ncontract: contracts/people.odcs.yml\n")
    shop.write("contracts/people.odcs.yml", contract(aliases=None, **PROTECTED).replace('"schema": [{"name": "orders"', '"schema": [{"name": "people"'))
    shop.write("people/a.csv", "id,email,amount\n1,ada@example.com,1\n")
    change(shop, aliases=None, name="phone", kind="string", required=False)
    feed(shop, "a", "id,email,amount", "1,ada@example.com,5")
    shop.run("check")
    shop.run("plan")


@pytest.mark.parametrize("contract_name", ["orders", "purchases"])
def test_what_another_environment_protected_is_protected_here_too(shop, contract_name):
    shop.write("sluice.yml", PROJECT + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    change(shop, aliases=None, **PROTECTED)
    shop.write("data/a.csv", "id,email,amount\n1,ada@example.com,much\n")
    shop.run("run", "--env", "prod")
    renamed(shop, contract_name)
    for command in ("check", "plan", "run"):
        done = shop.run(command, "--env", "dev", exit_code=1)
        assert "SL0408" in done.stderr and "which was read as the protected column 'email'" in done.stderr, done.stderr
    assert not (shop.folder / "dev/lake/quarantine").exists()


def test_without_the_code_that_is_kept_nobody_knows_what_was_protected(shop):
    change(shop, aliases=None, **PROTECTED)
    feed(shop, "a", "id,email,amount", "1,ada@example.com,much")
    shutil.rmtree(shop.folder / "lake/_code")
    shop.run("check")  # the contract of now is that of then
    shop.run("plan")
    change(shop, aliases=None, name="phone", kind="string", required=False)
    for command in ("check", "plan", "run"):
        done = shop.run(command, exit_code=1)
        assert "SL0408" in done.stderr and "the contract that clean.orders was built with is not in '_code' of the lake any more" in done.stderr
        assert "does not name: 'email';" in done.stderr and "{check: warn}" in done.stderr
    assert {payload["email"] for payload in payloads(shop)} == {"*" * 15}
    # Said on purpose, once: what it is built with then is kept again.
    shop.write("sluice.yml", PROJECT + "personal: {check: warn}\n")
    assert "SL0408" in shop.run("check").stdout + shop.run("check").stderr
    run(shop, exit_code=None)
    shop.write("sluice.yml", PROJECT)
    shop.run("check")
    shop.run("plan")


def test_without_the_code_that_is_kept_columns_that_the_contract_names_are_as_before(shop):
    change(shop, aliases=None, **PROTECTED)
    feed(shop, "a", "id,email,amount", "1,ada@example.com,much")
    shutil.rmtree(shop.folder / "lake/_code")
    change(shop, aliases=None, name="email", kind="string", required=True, custom=[{"property": "sluice.personal", "value": {"as": "drop"}}])
    shop.run("check")
    shop.run("plan")
