"""sluice generate: rows that break exactly what they say, as a whole run of the pipeline finds."""
import csv
import fnmatch
import io
import json
import re
import shutil

import pytest

from conftest import ROOT, Project, contract_text

PATTERNS = [r"^[A-Z]{2}[0-9]{4}$", r"(ab|cd)+x?", r"\d{3}-\w{2,4}", r"[^a-z]{3}", r"a.b*c\.d", r"(?:[a-f]|\d){1,3}(-[xyz])*", "ä[b-d]"]
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: things
version: 1.0.0
status: active
schema:
  - name: things
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true}
%s
"""


@pytest.fixture
def shop(tmp_path, sluice_bin):
    project = Project(tmp_path / "quick", sluice_bin)
    shutil.copytree(ROOT / "templates" / "quickstart", project.folder, dirs_exist_ok=True)
    for file in (project.folder / "data").glob("orders-*"):
        file.unlink()
    return project


def judged(project, table="orders"):
    """What a run makes of the rows: the rules that each row breaks, by its place in the file."""
    broken = {}
    for row in project.delta(f"quarantine.{table}").to_pylist():
        broken[row["_position"]] = ", ".join(reason["rule"] for reason in row["reasons"])
    return broken


@pytest.mark.parametrize("breaking, rows", [("none", 300), ("each", 5), ("pairs", 3), ("amount.range", 1)])
def test_a_run_finds_just_what_the_labels_say(shop, breaking, rows):
    out = shop.json("generate", "orders", "-n", rows, "--breaking", breaking, "--labels", "-o", "data/orders-1.csv")
    lines = list(csv.DictReader(io.StringIO((shop.folder / "data/orders-1.csv").read_text())))
    assert out["count"] == len(lines) == rows + len(out["breaking"])
    assert [line["_breaks"] for line in lines] == [""] * rows + out["breaking"]
    shop.run("run", "--set", "quarantine.max_share=1")
    warnings = {"paid_orders_cost_something"}
    expected = {i + 2: ", ".join(r for r in line["_breaks"].split(", ") if r not in warnings) for i, line in enumerate(lines)}
    assert judged(shop) == {place: rules for place, rules in expected.items() if rules}
    good = len([rules for rules in expected.values() if not rules])
    # Rows that only warn may repeat a key.
    assert good - len(out["breaking"]) <= shop.delta("clean.orders").num_rows <= good
    assert shop.delta("clean.orders").num_rows >= rows
    if breaking == "each":
        assert out["impossible"] == [] and "currency.format" in out["breaking"]
    if breaking == "pairs":
        assert "amount.range, currency.format" in out["breaking"] and "amount.type, amount.range" in out["impossible"]


def test_a_seed_decides_the_rows(shop):
    def rows(seed):
        return shop.run("generate", "orders", "--seed", seed, "--breaking", "each").stdout
    assert rows(1) == rows(1) != rows(2)


def test_patterns_make_texts_that_match(shop):
    columns = "\n".join(f"      - {{name: c{i}, logicalType: string, required: true, logicalTypeOptions: {{pattern: '{p}'}}}}"
                        for i, p in enumerate(PATTERNS))
    shop.write("contracts/things.odcs.yml", CONTRACT % columns)
    out = shop.json("generate", "things", "-n", 60)
    assert out["notes"] == [] and len(out["rows"]) == 60
    for row in out["rows"]:
        for i, pattern in enumerate(PATTERNS):
            assert re.fullmatch(pattern.strip("^$"), row[f"c{i}"]), (pattern, row[f"c{i}"])
    assert len({row["c0"] for row in out["rows"]}) > 20


def test_what_no_texts_can_be_made_of_is_told(shop):
    shop.write("contracts/things.odcs.yml", CONTRACT % "      - {name: a, logicalType: string, required: true, "
               "logicalTypeOptions: {pattern: '^[[:alpha:]]{40}$'}}")
    done = shop.run("generate", "things", exit_code=1)
    assert "SL0114" in done.stderr and "classes by name" in done.stderr


def test_rules_over_columns_and_unknown_words_are_met_by_trying(shop):
    shop.write("contracts/things.odcs.yml", CONTRACT % """      - {name: low, logicalType: integer, logicalTypeOptions: {minimum: 0, maximum: 9}}
      - {name: high, logicalType: integer, logicalTypeOptions: {minimum: 0, maximum: 9}}
    quality:
      - type: custom
        engine: sluice
        name: in_order
        implementation: {expression: "low <= high"}""")
    out = shop.json("generate", "things", "-n", 40, "--breaking", "in_order", "--labels")
    rows = out["rows"]
    assert all(int(r["low"]) <= int(r["high"]) for r in rows[:-1] if r["low"] and r["high"])
    assert rows[-1]["_breaks"] == "in_order" and int(rows[-1]["low"]) > int(rows[-1]["high"])


def test_files_in_every_format_and_none_overwritten(shop):
    import duckdb
    shop.run("generate", "orders", "-o", "a.parquet", "--format", "parquet")
    assert duckdb.sql(f"from '{shop.folder}/a.parquet'").fetchall().__len__() == 10
    lines = shop.run("generate", "orders", "--format", "jsonl").stdout.splitlines()
    assert len(lines) == 10 and json.loads(lines[0])["order_id"] == "1"
    assert "SL0106" in shop.run("generate", "orders", "-o", "a.parquet", "--format", "parquet", exit_code=1).stderr
    shop.run("generate", "orders", "-o", "a.parquet", "--format", "parquet", "--force")
    assert "--breaking is 'amount.rang'" in shop.run("generate", "orders", "--breaking", "amount.rang", exit_code=1).stderr
    assert "no contract is of 'ordres'" in shop.run("generate", "ordres", exit_code=1).stderr


LINKED = """
apiVersion: v3.1.0
kind: DataContract
id: linked
version: 1.0.0
status: active
schema:
  - name: customers
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: country, logicalType: string}
      - {name: city, logicalType: string}
  - name: orders
    properties:
      - {name: order_id, logicalType: integer, primaryKey: true}
      - {name: customer_id, logicalType: integer, required: true, relationships: [{type: foreignKey, to: customers.id}]}
      - {name: country, logicalType: string}
      - {name: city, logicalType: string}
      - {name: amount, logicalType: integer, logicalTypeOptions: {minimum: 5, maximum: 90}}
    relationships:
      - {type: foreignKey, from: [orders.country, orders.city], to: [customers.country, customers.city]}
"""


@pytest.fixture
def linked(tmp_path, sluice_bin):
    project = Project(tmp_path / "linked", sluice_bin)
    project.write("sluice.yml", "name: linked\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
    project.write("contracts/linked.odcs.yml", LINKED)
    for table in ["customers", "orders"]:
        project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
    return project


RULES = ["customer_id.required", "customer_id.foreign_key", "amount.range", "country_city.foreign_key"]


@pytest.mark.parametrize("breaking", ["none", "each", "pairs"])
def test_foreign_keys_point_to_rows_of_the_lake(linked, breaking):
    places = {(f"{'DE' if n % 2 else 'CH'}", f"town {n}") for n in range(5)}
    lines = [f"{n + 1000},{country},{city}" for n, (country, city) in enumerate(sorted(places))]
    linked.write("data/customers-1.csv", "\n".join(["id,country,city", *lines]) + "\n")
    linked.run("run", "--select", "+clean.customers")
    out = linked.json("generate", "orders", "-n", 40, "--breaking", breaking, "--labels", "-o", "data/orders-1.csv")
    rows = list(csv.DictReader(io.StringIO((linked.folder / "data/orders-1.csv").read_text())))
    good = [row for row in rows if not row["_breaks"]]
    assert out["notes"] == [] and len(good) == 40
    assert {int(row["customer_id"]) for row in good} == set(range(1000, 1005))
    assert {(row["country"], row["city"]) for row in good if row["country"] and row["city"]} == places
    if breaking == "each":
        assert set(RULES) <= set(out["breaking"])
    if breaking == "pairs":
        assert "customer_id.foreign_key, country_city.foreign_key" in out["breaking"]
    linked.run("run")
    assert judged(linked) == {i + 2: row["_breaks"] for i, row in enumerate(rows) if row["_breaks"]}


@pytest.mark.parametrize("breaking", ["none", "each", "pairs"])
def test_keys_of_a_parent_that_is_not_there_are_made_up_and_told(linked, breaking):
    out = linked.json("generate", "orders", "-n", 30, "--breaking", breaking)
    assert len(out["rows"]) == 30 + len(out["breaking"])
    assert len(out["notes"]) == 2 and all("keys of clean.customers are made up" in note for note in out["notes"])
    if breaking == "each":
        assert set(RULES) <= set(out["breaking"])
    assert linked.json("generate", "orders", "-n", 30, "--breaking", breaking) == out


def test_more_keys_than_the_lake_has_are_made_up(linked):
    contract = LINKED.replace("primaryKey: true}\n      - {name: customer_id, logicalType: integer, required: true,",
                              "}\n      - {name: customer_id, logicalType: integer, primaryKey: true,").replace("integer, }", "integer}")
    linked.write("contracts/linked.odcs.yml", contract)
    linked.write("data/customers-1.csv", "id,country,city\n7,DE,Bonn\n")
    linked.run("run", "--select", "+clean.customers")
    assert [row["customer_id"] for row in linked.json("generate", "orders", "-n", 1)["rows"]] == ["7"]
    out = linked.json("generate", "orders", "-n", 20)
    assert len({row["customer_id"] for row in out["rows"]}) == 20 and "made up" in out["notes"][0]


def test_keys_of_protected_columns_are_made_up(linked):
    linked.write("sluice.yml", "name: linked\npersonal: {key: 0123456789abcdef}\n")
    contract = LINKED.replace("{name: id, logicalType: integer,", "{name: id, logicalType: string, customProperties: [{property: sluice.personal, value: {as: hash}}],")
    contract = contract.replace("{name: customer_id, logicalType: integer,",
                                "{name: customer_id, logicalType: string, customProperties: [{property: sluice.personal, value: {as: hash}}],")
    linked.write("contracts/linked.odcs.yml", contract)
    linked.write("data/customers-1.csv", "id,country,city\n7,DE,Bonn\n")
    linked.run("run", "--select", "+clean.customers")
    out = linked.json("generate", "orders", "-n", 9, "--breaking", "each")
    assert len(out["rows"]) == 9 + len(out["breaking"]) and "customer_id.foreign_key" in out["breaking"]


WORDS = contract_text("trips") + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: code, logicalType: string, unique: true, required: true, logicalTypeOptions: {pattern: '^[A-Z][0-9]{4}$'}}
      - {name: status, logicalType: string, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)"}
      - {name: day, logicalType: date}
      - {name: origin, logicalType: string, required: true}
      - {name: target, logicalType: string, required: true}
      - {name: note, logicalType: string}
      - name: address
        logicalType: object
        required: true
        properties:
          - {name: zip, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[0-9]{5}$'}}
          - {name: floor, logicalType: integer, logicalTypeOptions: {minimum: 0, maximum: 9}}
      - name: items
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: sku, logicalType: string, logicalTypeOptions: {minLength: 2}}
            - {name: qty, logicalType: integer, logicalTypeOptions: {minimum: 1}}
    quality:
      - {type: custom, engine: sluice, name: known, implementation: {expression: "status in ('open', 'sent', 'gone')"}}
      - {type: custom, engine: sluice, name: costs, implementation: {expression: "amount >= 731.5", where: "status = 'sent'"}}
      - {type: custom, engine: sluice, name: late, implementation: {expression: "status <> 'gone' or day > date '2031-07-09'"}}
      - {type: custom, engine: sluice, name: seven, implementation: {expression: "address.floor <> 7"}}
      - {type: custom, engine: sluice, name: returns, implementation: {expression: "origin <> target"}}
      - {type: custom, engine: sluice, name: like, implementation: {expression: "origin like 'DE-%'"}}
      - {type: custom, engine: sluice, name: long, implementation: {expression: "length(note) = 17"}}
"""


@pytest.fixture
def trips(tmp_path, sluice_bin):
    project = Project(tmp_path / "trips", sluice_bin)
    project.write("sluice.yml", "name: trips\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
    project.write("contracts/trips.odcs.yml", WORDS)
    project.write("sources/trips.yml", "path: data/trips-*\n")
    (project.folder / "data").mkdir()
    return project


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_words_of_expressions_and_members_of_objects_are_met(trips, form):
    out = trips.json("generate", "trips", "-n", 30, "--breaking", "each", "--labels", "--format", form, "-o", f"data/trips-1.{form}")
    assert out["impossible"] == []
    assert {"costs", "late", "seven", "known", "returns", "like", "long", "address.zip.pattern", "address.floor.range", "items[].qty.range", "items[].type"} <= set(out["breaking"])
    text = (trips.folder / f"data/trips-1.{form}").read_text()
    rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(line) for line in text.splitlines()]
    if form == "csv":
        rows = [{**row, "address": row["address"] if row["_breaks"] else json.loads(row["address"])} for row in rows]
    assert any(row["address"]["floor"] == 8 for row in rows[:30]) and all(re.fullmatch(r"\d{5}", row["address"]["zip"]) for row in rows[:30])
    assert len({row["code"] for row in rows[:30]}) == 30
    trips.run("run")
    assert judged(trips, "trips") == {i + (2 if form == "csv" else 1): row["_breaks"] for i, row in enumerate(rows) if row["_breaks"]}
    assert trips.delta("clean.trips").num_rows == 30


def test_fewer_keys_than_rows_are_told_at_once(shop):
    for column, most in [("{name: a, logicalType: string, required: true, unique: true, quality: [{metric: invalidValues, "
                          "arguments: {validValues: [x, y, z]}, mustBe: 0}]}", 3),
                         ("{name: a, logicalType: integer, required: true, unique: true, logicalTypeOptions: {minimum: 1, maximum: 9}}", 9)]:
        shop.write("contracts/things.odcs.yml", CONTRACT % f"      - {column}")
        assert len(shop.json("generate", "things", "-n", most)["rows"]) == most
        done = shop.run("generate", "things", "-n", 1000000, exit_code=1)
        assert f"the rules leave 'a' {most} different values" in done.stderr and f"at most {most} with --rows" in done.stderr


def test_a_file_that_stdout_is_gets_rows_behind_what_it_has(shop):
    import subprocess
    path = shop.folder / "all.csv"
    path.write_text("first\n")
    with path.open("a") as file:
        for _ in range(2):
            subprocess.run([shop.binary, "generate", "orders", "-n", "2"], cwd=shop.folder, stdout=file, check=True, timeout=120)
    lines = path.read_text().splitlines()
    assert lines[0] == "first" and lines[1].startswith("order_id,") and lines[1:4] == lines[4:]
    with open("/dev/full", "w") as full:
        done = subprocess.run([shop.binary, "generate", "orders"], cwd=shop.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode != 0 and "cannot write to stdout" in done.stderr


COULD = [
    ("""      - {name: multiple, logicalType: integer, required: true, logicalTypeOptions: {minimum: 11, maximum: 20, multipleOf: 10}}
      - {name: step, logicalType: number, physicalType: "decimal(9,2)", required: true, logicalTypeOptions: {exclusiveMinimum: -0.25, exclusiveMaximum: 0.25, multipleOf: 0.25}}
      - {name: whole, logicalType: integer, required: true, logicalTypeOptions: {exclusiveMinimum: 3, exclusiveMaximum: 5}}
      - {name: cent, logicalType: number, physicalType: "decimal(9,2)", required: true, logicalTypeOptions: {exclusiveMinimum: -1.01, exclusiveMaximum: -0.99}}""",
     {"multiple": "20", "whole": "4", "cent": "-1.00", "step": "0.00"}),
    ("""      - {name: day, logicalType: date, required: true, logicalTypeOptions: {exclusiveMinimum: "1969-12-30", exclusiveMaximum: "1970-01-01"}}
      - {name: sixes, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1, maximum: 12, multipleOf: 4},
         quality: [{type: custom, engine: sluice, name: by-six, implementation: {kind: multiple_of, of: 6}}]}
      - {name: shout, logicalType: string, required: true, logicalTypeOptions: {pattern: "^(sku|SKU)-[0-9]"}, quality: [{type: custom, engine: sluice, implementation: {kind: case, is: upper}}]}""",
     {"day": "1969-12-31", "sixes": "12", "shout": "SKU-*"}),
    ("""      - {name: whisper, logicalType: string, required: true, quality: [{type: custom, engine: sluice, implementation: {kind: prefix, values: ["DE-", "at-"]}},
         {type: custom, engine: sluice, implementation: {kind: case, is: lower}}]}
      - {name: texts, logicalType: string, required: true, logicalTypeOptions: {minLength: 5, maxLength: 5, pattern: "^ab-yz$"},
         quality: [{type: custom, engine: sluice, name: ends, implementation: {kind: suffix, values: [yz]}}, {type: custom, engine: sluice, name: middle, implementation: {kind: contains, values: ["-"]}}]}
      - {name: listed, logicalType: integer, required: true, logicalTypeOptions: {minimum: 5, multipleOf: 3}, quality: [{metric: invalidValues, arguments: {validValues: [3, 7, 9]}, mustBe: 0}]}""",
     {"whisper": "at-*", "texts": "ab-yz", "listed": "9"}),
    ("""      - {name: gone, logicalType: string, quality: [{type: custom, engine: sluice, name: always-gone, implementation: {kind: absent_if, when: "true"}}]}
      - {name: there, logicalType: string, required: true, quality: [{type: custom, engine: sluice, name: gone-with-gone, implementation: {kind: absent_if, when: "gone is not null"}}]}
      - {name: real, logicalType: number, physicalType: double, required: true, logicalTypeOptions: {exclusiveMinimum: 3, exclusiveMaximum: 4}}
    quality:
      - {type: custom, engine: sluice, name: either, implementation: {kind: not_both, columns: [gone, there]}}
      - {type: custom, engine: sluice, name: one, implementation: {kind: one_of_columns, columns: [gone, there], exactly: true}}
      - {type: custom, engine: sluice, name: above, implementation: {expression: "real > 3.1"}}
      - {type: custom, engine: sluice, name: below, implementation: {expression: "real < 3.9 or id < 0"}}""",
     {"gone": None, "there": "*"}),
]


@pytest.mark.parametrize("columns, expected", COULD)
def test_rules_that_leave_a_single_value_are_not_said_to_exclude_each_other(shop, columns, expected):
    for folder in ["contracts", "sources", "models", "targets", "tests", "pipelines"]:
        shutil.rmtree(shop.folder / folder, ignore_errors=True)
    shop.write("contracts/things.odcs.yml", CONTRACT % columns)
    assert "0 errors" in shop.run("check", "--set", "checks.requirements=off").stdout
    row = shop.json("generate", "things", "-n", 1)["rows"][0]
    for name, value in expected.items():
        assert row[name] == value or (value and fnmatch.fnmatchcase(row[name], value)), (name, row[name])


# --- other names of columns, values that come twice, and many pairs

MORE = contract_text("cards") + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: code, logicalType: string, unique: true, required: true, logicalTypeOptions: {minLength: 2}}
      - {name: mail, logicalType: string, unique: true}
      - {name: street, logicalType: string}
      - {name: house, logicalType: integer}
      - {name: seen, logicalType: integer, required: true}
      - name: customer_id
        logicalType: integer
        logicalTypeOptions: {minimum: 1, maximum: 90000}
        customProperties:
          - {property: sluice.aliases, value: [{name: cust}, {name: client, until: "%s"}]}
      - name: address
        logicalType: object
        properties:
          - {name: zip, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[0-9]{5}$'}}
          - name: place
            logicalType: object
            properties:
              - {name: town, logicalType: string, logicalTypeOptions: {minLength: 3}}
              - {name: height, logicalType: integer, logicalTypeOptions: {minimum: 0}}
          - name: tags
            logicalType: array
            items:
              logicalType: object
              properties:
                - {name: word, logicalType: string, logicalTypeOptions: {minLength: 2}}
                - {name: rank, logicalType: integer, logicalTypeOptions: {minimum: 1}}
    customProperties:
      - {property: sluice.orderBy, value: [seen]}
    quality:
      - {type: custom, engine: sluice, name: one-house, implementation: {kind: unique, columns: [street, house]}}
      - {type: custom, engine: sluice, name: odd-code, implementation: {expression: "code <> 'xx'", severity: warn}}
"""


@pytest.fixture
def cards(tmp_path, sluice_bin):
    project = Project(tmp_path / "cards", sluice_bin)
    project.write("sluice.yml", "name: cards\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
    project.write("contracts/cards.odcs.yml", MORE % "2999-12-31")
    project.write("sources/cards.yml", "path: data/cards-*\ndrift: {new_columns: quarantine_row}\n")
    (project.folder / "data").mkdir()
    return project


def agrees(project, form="csv"):
    """The labels of data/cards-1 are what a run says of its rows."""
    rows = list(csv.DictReader(io.StringIO((project.folder / f"data/cards-1.{form}").read_text())))
    project.run("run")
    expected = {i + 2: ", ".join(r for r in row["_breaks"].split(", ") if r != "odd-code") for i, row in enumerate(rows)}
    found = {place: ", ".join(r for r in rules.split(", ") if r != "_breaks.unexpected") for place, rules in judged(project, "cards").items()}
    assert found == {place: rules for place, rules in expected.items() if rules}
    return rows


def test_other_names_of_columns_and_values_that_come_twice(cards):
    out = cards.json("generate", "cards", "-n", 20, "--breaking", "each", "--labels", "-o", "data/cards-1.csv")
    assert {"customer_id.alias", "code.unique", "mail.unique", "one-house"} <= set(out["breaking"]) and out["impossible"] == []
    cards.write("sources/cards.yml", "path: data/cards-*\n")  # the labels are a column, too
    rows = agrees(cards)
    alias = next(row for row in rows if row["_breaks"] == "customer_id.alias")
    assert len({alias[name] for name in ["customer_id", "cust", "client"] if alias[name]}) > 1
    twice = next(row for row in rows if row["_breaks"] == "one-house")
    assert sum((row["street"], row["house"]) == (twice["street"], twice["house"]) for row in rows[:20]) == 1
    assert cards.delta("clean.cards").num_rows == 20 + ("odd-code" in out["breaking"])


def test_an_alias_whose_day_is_over_is_an_unexpected_column(cards):
    cards.write("contracts/cards.odcs.yml", MORE % "2020-12-31")
    for rule in ["client.unexpected", "customer_id.alias"]:
        cards.json("generate", "cards", "-n", 3, "--breaking", rule, "-o", "data/cards-1.csv", "--force")
        assert cards.run("run").returncode == 0
        assert judged(cards, "cards") == {5: rule}
    row = list(csv.DictReader((cards.folder / "data/cards-1.csv").open()))[-1]
    assert row["client"] == "" and row["cust"] and row["customer_id"] != row["cust"]
    # A rule that has nothing to do with them needs no column of theirs.
    assert "cust" not in cards.json("generate", "cards", "-n", 1, "--breaking", "code.length")["rows"][0]


def test_pairs_of_members_of_aliases_and_of_values_that_come_twice(cards):
    out = cards.json("generate", "cards", "-n", 10, "--breaking", "pairs", "--labels", "-o", "data/cards-1.csv")
    cards.write("sources/cards.yml", "path: data/cards-*\n")
    agrees(cards)
    found = {frozenset(pair.split(", ")) for pair in out["breaking"]}
    assert {frozenset(pair) for pair in [
        ("customer_id.alias", "address.zip.pattern"), ("customer_id.alias", "customer_id.range"), ("address.zip.pattern", "address.place.town.length"),
        ("address.place.town.length", "address.place.height.range"), ("address.tags[].word.length", "address.tags[].rank.range"),
        ("address.zip.pattern", "address.tags[].rank.range"), ("code.unique", "mail.unique"), ("code.unique", "one-house"), ("odd-code", "mail.unique")]} <= found


def test_pairs_can_be_chosen_and_told_before(cards):
    plan = cards.json("generate", "cards", "--breaking", "pairs", "--pairs", "code.length + *.range", "--dry-run")
    assert plan["targets"] and all("code.length" in pair and ".range" in pair for pair in plan["targets"])
    assert cards.run("generate", "cards", "--breaking", "pairs", "--pairs", "code.length + *.range", "--dry-run").stdout == (
        f"10 good rows; of {plan['rules']} rules, {len(plan['targets'])} pairs\n")
    out = cards.json("generate", "cards", "--breaking", "pairs", "--pairs", "code.length + *.range")
    assert sorted(out["breaking"]) == sorted(plan["targets"])
    assert all("mail.unique" in pair for pair in cards.json("generate", "cards", "--breaking", "pairs", "--pairs", "mail.unique", "--dry-run")["targets"])
    assert "--pairs is 'code.lenght'" in cards.run("generate", "cards", "--breaking", "pairs", "--pairs", "code.lenght", exit_code=1).stderr
    assert "--breaking pairs" in cards.run("generate", "cards", "--pairs", "code.length", exit_code=1).stderr


def test_many_pairs_say_how_far_they_are(shop):
    columns = "\n".join(f"      - {{name: c{i}, logicalType: integer, logicalTypeOptions: {{minimum: 1, maximum: {100 + i}}}, required: true}}" for i in range(24))
    shop.write("contracts/things.odcs.yml", CONTRACT % columns)
    done = shop.run("generate", "things", "-n", 1, "--breaking", "pairs", "--labels", "-o", "pairs.csv")
    assert re.search(r"2,000 of 2,[0-9]{3} tried, rows found for 1,[0-9]{3}", done.stderr), done.stderr
    assert "pairs of rules that no row can break together" in done.stderr and len(done.stderr.splitlines()) < 40
    labels = {row["_breaks"] for row in csv.DictReader((shop.folder / "pairs.csv").open())}
    for a in range(24):
        for b in range(a + 1, 24):
            assert f"c{a}.range, c{b}.range" in labels and f"c{a}.type, c{b}.required" in labels


def test_too_few_rows_name_the_rules_that_leave_none(shop):
    columns = "      - {name: a, logicalType: integer, required: true, logicalTypeOptions: {minimum: 10, maximum: 1000000}}\n" \
              "      - {name: b, logicalType: integer, required: true, logicalTypeOptions: {minimum: 10, maximum: 1000000}}\n    quality:\n" + "".join(
                  f"      - {{type: custom, engine: sluice, name: improbable-{n}, implementation: {{expression: 'md5(cast(a * {n} + b as varchar)) like ''{n}a%'''}}}}\n" for n in (3, 5, 7))
    shop.write("contracts/things.odcs.yml", CONTRACT % columns)
    done = shop.run("generate", "things", "-n", 10, exit_code=1)
    assert "SL0114" in done.stderr and "these rules are broken by most" in done.stderr
    named = re.findall(r"'([^']+)' [0-9]+", done.stderr)
    assert sorted(named[:3]) == ["improbable-3", "improbable-5", "improbable-7"]


@pytest.mark.parametrize("rule", [
    "{name: apart, implementation: {kind: different, columns: [mail, mail2]}}",
    "{name: apart, implementation: {kind: compare, column: mail, op: '<>', to: mail2}}",
])
def test_a_row_with_one_value_in_two_columns_breaks_that_they_differ(project, rule):
    project.write("sluice.yml", "name: t\n")
    project.write("contracts/things.odcs.yml", CONTRACT % (
        "      - {name: mail, logicalType: string, unique: true, logicalTypeOptions: {format: email, maxLength: 30}}\n"
        "      - {name: mail2, logicalType: string}\n"
        "      - name: items\n        logicalType: array\n"
        "        items: {logicalType: object, properties: [{name: sku, logicalType: string, required: true}]}\n"
        "    quality:\n      - " + rule.replace("{name", "{type: custom, engine: sluice, name", 1)))
    out = project.json("generate", "things", "-n", 3, "--breaking", "each", "-o", "made.csv", "--labels")
    assert out["impossible"] == [] and {"apart", "items[].type", "items[].sku.required"} <= set(out["breaking"])
    rows = {row["_breaks"]: row for row in csv.DictReader((project.folder / "made.csv").open())}
    assert rows["apart"]["mail"] == rows["apart"]["mail2"] != ""
