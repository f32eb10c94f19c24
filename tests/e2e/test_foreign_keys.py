"""Foreign keys to other tables: orphans are rejected, held or counted, and judged again when the parent table has changed."""
import random
import shutil

import pytest

from conftest import Project, contract_text

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop
name: shop
version: 1.0.0
status: active
schema:
  - name: customers
    customProperties: [{{property: sluice.orderBy, value: [seq]}}]
    properties:
      - {{name: id, logicalType: integer, primaryKey: true}}
      - {{name: seq, logicalType: integer, logicalTypeOptions: {{minimum: 0}}}}
  - name: cities
    properties:
      - {{name: country, logicalType: string}}
      - {{name: city, logicalType: string}}
  - name: orders
    customProperties: [{{property: sluice.orderBy, value: [seq]}}]
    quality: [{{metric: rowCount, mustBeGreaterThan: {more_than}}}]
    properties:
      - {{name: order_id, logicalType: integer, primaryKey: true}}
      - name: customer_id
        logicalType: integer
        physicalType: smallint
        relationships:
          - {{type: foreignKey, to: customers.id, customProperties: [{{property: sluice.orphans, value: {customers}}}]}}
      - {{name: country, logicalType: string}}
      - {{name: city, logicalType: string}}
      - {{name: amount, logicalType: integer, logicalTypeOptions: {{minimum: {minimum}}}}}
      - {{name: seq, logicalType: integer}}
    relationships:
      - type: foreignKey
        from: [orders.country, orders.city]
        to: [clean.cities.country, clean.cities.city]
        customProperties: [{{property: sluice.orphans, value: {cities}}}]
"""
HEADS = {"customers": "id,seq", "cities": "country,city", "orders": "order_id,customer_id,country,city,amount,seq"}
CUSTOMER, CITY = "customer_id.foreign_key", "country_city.foreign_key"


class Shop:
    """The project, and beside it a model of what its tables must hold."""

    def __init__(self, folder, binary, customers="hold", cities="reject", minimum=0, more_than=-1):
        self.project = Project(folder, binary)
        self.files = {table: {} for table in HEADS}
        self.rules = {"customers": customers, "cities": cities, "minimum": minimum, "more_than": more_than}
        self.project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nconcurrency: 1\n"
                           "quarantine: {max_share: 1.0, min_rows: 1000000}\n")
        for table in HEADS:
            self.project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
        self.write_contract()

    def write_contract(self, **rules):
        self.rules.update(rules)
        self.project.write("contracts/shop.odcs.yml", CONTRACT.format(**self.rules))

    def put(self, table, number, *rows):
        """A file, new or changed; a value may be None."""
        self.files[table][f"data/{table}-{number}.csv"] = rows
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        self.project.write(f"data/{table}-{number}.csv", "\n".join([HEADS[table], *lines]) + "\n")

    def run(self, *arguments, **options):
        done = self.project.json("run", *arguments, **options)
        return {step["step"]: step for step in done["steps"]}

    # --- the model

    def received(self, table):
        for file, rows in self.files[table].items():
            for index, row in enumerate(rows):
                yield dict(zip(HEADS[table].split(","), row), source=file, position=index + 2)

    def expected(self):
        """Rows of clean.orders as (order_id, source, position), and {(source, position): (rules, waits for)} of the quarantine."""
        def latest(rows, key):
            best = {}
            for row in rows:
                order = (row["seq"] is not None, row["seq"], row["source"], row["position"])
                if row[key] not in best or order > best[row[key]][0]:
                    best[row[key]] = (order, row)
            return [row for _, row in best.values()]

        good = [row for row in self.received("customers") if row["id"] is not None and row["seq"] >= 0]
        customers = {row["id"] for row in latest(good, "id")}
        cities = {(row["country"], row["city"]) for row in self.received("cities")}
        accepted, rejected = [], {}
        for row in self.received("orders"):
            broken = []
            if row["customer_id"] is not None and row["customer_id"] not in customers:
                broken.append((CUSTOMER, self.rules["customers"], "clean.customers"))
            if None not in (row["country"], row["city"]) and (row["country"], row["city"]) not in cities:
                broken.append((CITY, self.rules["cities"], "clean.cities"))
            if row["amount"] is not None and row["amount"] < self.rules["minimum"]:
                broken.append(("amount.range", "reject", None))
            broken = [rule for rule in broken if rule[1] != "warn"]
            if not broken:
                accepted.append(row)
                continue
            is_held = all(severity == "hold" for _, severity, _ in broken)
            rejected[row["source"], row["position"]] = (
                sorted(rule for rule, _, _ in broken), ", ".join(sorted(table for _, _, table in broken)) if is_held else None)
        clean = sorted((row["order_id"], row["source"], row["position"]) for row in latest(accepted, "order_id"))
        return clean, rejected

    # --- the tables

    def found(self):
        clean = [(row["order_id"], row["_source"], row["_position"]) for row in self.project.delta("clean.orders").to_pylist()]
        rejected = self.project.delta("quarantine.orders").to_pylist()
        keys = [(row["_source"], row["_position"]) for row in rejected]
        assert len(set(keys)) == len(keys), "a row is in quarantine twice"
        return sorted(clean), {key: (sorted(reason["rule"] for reason in row["reasons"]), row.get("waits_for"))
                               for key, row in zip(keys, rejected)}

    def tables(self):
        return {table: self.project.rows(table, '* exclude ("at", run_id)' if table.startswith("quar") else "*")
                for table in ("clean.customers", "clean.cities", "clean.orders", "quarantine.orders", "quarantine.customers")}

    def check(self):
        assert self.found() == self.expected()
        for record in self.project.records("clean.orders"):
            rows = record["balance"]
            assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record

    def from_scratch(self, folder):
        other = Shop(folder, self.project.binary, **self.rules)
        shutil.rmtree(folder / "data", ignore_errors=True)
        shutil.copytree(self.project.folder / "data", folder / "data")
        other.project.run("run")
        return other.tables()


@pytest.fixture
def shop(tmp_path, sluice_bin):
    shop = Shop(tmp_path / "shop", sluice_bin)
    shop.put("customers", 1, (1, 1), (2, 1))
    shop.put("cities", 1, ("DE", "Ulm"), ("FR", "Metz"))
    shop.put("orders", 1, (10, 1, "DE", "Ulm", 5, 1), (11, 7, "DE", "Ulm", 5, 1), (12, 2, "DE", "Metz", 5, 1),
             (13, None, None, "Metz", 5, 1), (14, 7, "DE", "Metz", -5, 1))
    shop.run()
    return shop


def test_orphans_are_set_aside_with_their_value_and_what_they_wait_for(shop):
    shop.check()
    clean, rejected = shop.found()
    assert [row[0] for row in clean] == [10, 13]
    assert rejected["data/orders-1.csv", 3] == ([CUSTOMER], "clean.customers")
    assert rejected["data/orders-1.csv", 4] == ([CITY], None)
    assert rejected["data/orders-1.csv", 6] == (sorted(["amount.range", CITY, CUSTOMER]), None)
    shown = shop.project.json("quarantine", "show", "orders")["rows"]
    messages = {reason["message"] for row in shown for reason in row["reasons"]}
    assert "'7' is in no row of clean.customers" in messages
    assert "'DE', 'Metz' are in no row of clean.cities" in messages
    held = {row["rule"]: row["held"] for row in shop.project.json("quarantine", "ls", "orders")["rows"]}
    assert held == {CUSTOMER: 1, CITY: 0, "amount.range": 0}
    assert "held, waiting for clean.customers" in shop.project.run("quarantine", "show", "orders").stdout


def test_a_held_row_comes_into_clean_by_itself_when_its_parent_has_come(shop):
    shop.put("customers", 2, (7, 1))
    assert "clean.customers" in shop.project.run("plan", "--why", exit_code=None).stdout
    shop.project.run("run", "--select", "+clean.customers")
    why = shop.project.json("plan")["nodes"]
    why = {node["name"]: node for node in why}["clean.orders"]["why"]
    assert any(text.startswith("clean.customers changed") and text.endswith(", 1 held row waits for it") for text in why), why
    steps = shop.run()
    assert steps["cleanse orders"]["why"] == "clean.customers changed: 2 rows of quarantine judged otherwise"
    shop.check()
    assert (11, "data/orders-1.csv", 3) in shop.found()[0]
    assert "nothing to do" in shop.project.run("run").stdout


def test_a_parent_that_changes_nothing_for_the_children_builds_nothing_downstream(shop):
    shop.project.write("models/total.sql", "select count(*) as n from clean.orders")
    shop.run()
    before = len(shop.project.records("curated.total"))
    at = shop.project.rows("quarantine.orders")
    shop.put("customers", 2, (99, 1))
    steps = shop.run()
    assert steps["cleanse orders"]["why"] == "clean.customers changed, and no row is judged otherwise"
    assert len(shop.project.records("curated.total")) == before
    assert shop.project.rows("quarantine.orders") == at, "rows that stay are not written anew"
    assert "nothing to do" in shop.project.run("run").stdout
    shop.check()


def test_a_parent_that_changes_no_row_does_not_run_the_checks_again(tmp_path, sluice_bin):
    """The table is old by then: what was fresh enough when its rows came is not, and nobody has asked about them."""
    shop = Shop(tmp_path / "shop", sluice_bin)
    contract = shop.project.folder / "contracts" / "shop.odcs.yml"
    fresh = "{type: custom, engine: sluice, implementation: {check: freshness, column: day, max_age: 24h}}"
    contract.write_text(contract.read_text().replace("quality: [", f"quality: [{fresh}, ").replace(
        "- {name: order_id,", "- {name: day, physicalName: city, logicalType: date}\n      - {name: order_id,").replace(
        "      - {name: city, logicalType: string}\n      - {name: amount", "      - {name: amount").replace(
        """    relationships:
      - type: foreignKey
        from: [orders.country, orders.city]
        to: [clean.cities.country, clean.cities.city]
        customProperties: [{property: sluice.orphans, value: reject}]
""", ""))
    shop.put("customers", 1, (1, 1))
    shop.put("cities", 1, ("DE", "Ulm"))
    shop.put("orders", 1, (10, 1, "DE", "2026-01-01", 5, 1))
    shop.run(env={"SLUICE_CLOCK": "2026-01-01T12:00:00Z"})
    checks = shop.project.records("clean.orders")[-1]["checks"]
    assert {check["kind"] for check in checks} >= {"freshness"}
    shop.put("customers", 2, (99, 1))
    steps = shop.run(env={"SLUICE_CLOCK": "2026-02-01T12:00:00Z"})
    assert steps["cleanse orders"]["why"] == "clean.customers changed, and no row is judged otherwise"
    assert shop.project.records("clean.orders")[-1]["checks"] == checks
    shop.put("orders", 2, (11, 1, "DE", "2026-01-01", 5, 1))
    assert "check freshness failed" in shop.project.run("run", exit_code=3, env={"SLUICE_CLOCK": "2026-02-01T12:00:00Z"}).stderr


def test_a_parent_that_goes_makes_orphans_of_accepted_rows(shop):
    shop.put("customers", 1, (2, 1))
    steps = shop.run()
    assert steps["cleanse orders"]["why"] == "clean.customers changed: 1 accepted row would be rejected now"
    shop.check()
    assert shop.found()[1]["data/orders-1.csv", 2] == ([CUSTOMER], "clean.customers")


def test_an_orphan_never_beats_a_good_row_of_its_key(shop):
    shop.put("orders", 2, (10, 8, "DE", "Ulm", 6, 2))  # the later row of order 10, and its customer is not there
    shop.run()
    shop.check()
    assert (10, "data/orders-1.csv", 2) in shop.found()[0]
    shop.put("customers", 2, (8, 1))
    shop.run()
    shop.check()
    assert (10, "data/orders-2.csv", 2) in shop.found()[0]
    shop.put("customers", 2, (9, 1))
    shop.run()
    shop.check()


def test_a_loser_whose_parent_goes_is_an_orphan(shop, tmp_path):
    shop.put("orders", 2, (10, 2, "DE", "Ulm", 6, 2))
    shop.run()
    shop.put("customers", 1, (2, 1))  # order 10 of file 1, which lost, was of customer 1
    shop.run()
    shop.check()
    assert shop.tables() == shop.from_scratch(tmp_path / "scratch")


def test_a_warning_counts_and_lets_the_rows_through(shop):
    shop.write_contract(customers="warn", cities="warn")
    steps = shop.run()
    shop.check()
    assert len(shop.found()[0]) == 4
    warned = {reason["rule"]: reason["rows"] for reason in steps["cleanse orders"]["reasons"] if reason.get("warning")}
    assert warned == {CUSTOMER: 1, CITY: 1}
    shop.put("customers", 2, (7, 1))
    shop.run()
    assert "nothing to do" in shop.project.run("run").stdout


def test_held_rows_do_not_count_against_the_budget(tmp_path, sluice_bin):
    shop = Shop(tmp_path / "shop", sluice_bin)
    shop.project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nquarantine: {max_share: 0.1, min_rows: 1}\n")
    shop.put("customers", 1, (1, 1))
    shop.put("cities", 1, ("DE", "Ulm"))
    shop.put("orders", 1, *[(n, 2, "DE", "Ulm", 1, 1) for n in range(20)])
    shop.run()
    shop.check()
    shop.write_contract(customers="reject")
    shop.project.run("run", "--full-refresh", exit_code=4)


@pytest.mark.parametrize("is_discarded", [False, True], ids=["listed", "discarded"])
def test_held_rows_that_are_rejected_later_count_against_the_budget_then(tmp_path, sluice_bin, is_discarded):
    shop = Shop(tmp_path / "shop", sluice_bin)
    shop.project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nquarantine: {max_share: 0.1, min_rows: 1}\n")
    shop.put("customers", 1, (1, 1))
    shop.put("cities", 1, ("DE", "Ulm"))
    shop.put("orders", 1, *[(n, 1 + n % 2, "DE", "Ulm", 1, 1) for n in range(20)])
    shop.run()
    if is_discarded:
        shop.project.run("quarantine", "discard", "orders", "--all", "--reason", "nobody will come")
    shop.write_contract(customers="reject")
    refused = shop.project.run("run", exit_code=0 if is_discarded else 4).stderr
    assert is_discarded or "'clean.orders' rejects 10 of 20 rows (50.0 %), the budget is 10.0 %" in refused
    held = {row["waits_for"] for row in shop.project.delta("quarantine.orders").to_pylist()}
    assert held == ({None} if is_discarded else {"clean.customers"})


def test_a_parent_may_be_a_model(tmp_path, sluice_bin):
    project = Project(tmp_path / "shop", sluice_bin)
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/days.yml", "path: data/days-*.csv\n")
    project.write("sources/visits.yml", "path: data/visits-*.csv\n")
    project.write("models/calendar.sql", "select try_cast(day as date) as day from raw.days")
    contract = contract_text("visits") + """\
      - name: day
        logicalType: date
        relationships: [{to: curated.calendar.day}]
"""
    project.write("contracts/visits.odcs.yml", contract)
    project.write("data/days-1.csv", "day\n2026-01-01\n")
    project.write("data/visits-1.csv", "day\n2026-01-01\n2026-01-02\n")
    project.run("check")
    project.run("run")
    assert project.rows("clean.visits", "day") == [("2026-01-01",)]
    project.write("data/days-2.csv", "day\n2026-01-02\n")
    project.run("run")
    assert project.count("clean.visits") == 2 and project.count("quarantine.visits") == 0
    project.write("models/calendar.sql", "select try_cast(day as date)::varchar as day from raw.days")
    assert "they cannot be compared" in project.run("check", exit_code=1).stderr
    assert project.run("run", exit_code=None).returncode != 0
    assert project.count("clean.visits") == 2


@pytest.mark.parametrize("column, message", [
    ("nope", "leads to 'nope', which is no column of clean.customers"),
    ("name", "column 'customer_id' is SMALLINT, and 'name' of clean.customers is VARCHAR: they cannot be compared"),
])
@pytest.mark.parametrize("is_built", [False, True])
def test_a_key_that_leads_nowhere_is_refused_before_anything_runs(shop, column, message, is_built):
    path = shop.project.folder / "contracts/shop.odcs.yml"
    text = path.read_text().replace("      - {name: seq, logicalType: integer, logicalTypeOptions",
                                    "      - {name: name, logicalType: string}\n      - {name: seq, logicalType: integer, logicalTypeOptions")
    path.write_text(text.replace("to: customers.id", f"to: customers.{column}"))
    line = next(n for n, at in enumerate(path.read_text().split("\n"), 1) if f"to: customers.{column}" in at)
    lake = shop.project.folder / "lake"
    if not is_built:
        shutil.rmtree(lake)
    before = sorted(lake.rglob("*"))
    for command in ["check", "plan", "run"]:
        (told,) = shop.project.json(command, exit_code=1)["errors"]
        assert (told["code"], told["message"].endswith(message), told["line"]) == ("SL0301", True, line), (command, told)
    assert sorted(lake.rglob("*")) == before


def test_a_column_that_the_parent_takes_over_from_raw_is_known_when_it_is_there(shop):
    shop.project.write("sources/customers.yml", "path: data/customers-*.csv\ndrift: {new_columns: evolve}\n")
    path = shop.project.folder / "contracts/shop.odcs.yml"
    path.write_text(path.read_text().replace("to: customers.id", "to: customers.nick"))
    shop.put("cities", 1, ("DE", "Ulm"))
    shop.put("orders", 1, (1, 5, "DE", "Ulm", 1, 1))
    shop.project.write("data/customers-1.csv", "id,seq,nick\n1,1,5\n")
    told = shop.project.run("run", exit_code=None).stderr
    assert "which is no column of" not in told and "they cannot be compared" in told
    (error,) = shop.project.json("check", exit_code=1)["errors"]
    assert "'nick' of clean.customers is VARCHAR: they cannot be compared" in error["message"]
    path.write_text(path.read_text().replace("to: customers.nick", "to: customers.nik"))
    (error,) = shop.project.json("check", exit_code=1)["errors"]
    assert error["message"].endswith("leads to 'nik', which is no column of clean.customers")
    shop.write_contract()
    shop.project.run("check")


def test_a_view_is_refused_as_a_parent_before_anything_runs(shop):
    shop.project.write("models/all_customers.sql", "/* sluice\nwrite: view\n*/\nselect id from clean.customers")
    path = shop.project.folder / "contracts/shop.odcs.yml"
    path.write_text(path.read_text().replace("to: customers.id", "to: curated.all_customers.id"))
    for command in ["check", "plan", "run"]:
        told = shop.project.run(command, exit_code=1)
        assert "leads to the view 'curated.all_customers'" in told.stdout + told.stderr
        assert "write: full" in told.stdout + told.stderr
    shop.project.write("models/all_customers.sql", "/* sluice\nwrite: full\n*/\nselect id from clean.customers")
    shop.project.run("run")


@pytest.mark.parametrize("child, parent, keys, found, orphans", [
    ("physicalType: bigint", "decimal(38,30)", ["1", "7.5"], ["1"], ["7", "8", "9007199254740993"]),
    ("physicalType: bigint", "double", ["1", "9007199254740992", "7.5"], ["1", "9007199254740992"], ["8", "9007199254740993"]),
    ("physicalType: tinyint", "bigint", ["1", "300"], ["1"], ["44", "7"]),
    ('physicalType: "decimal(38,0)"', "decimal(38,30)", ["1"], ["1"], ["99999999999999999999999999999999999999"]),
    ('physicalType: "decimal(10,2)"', "double", ["0.1", "3"], ["0.10", "3"], ["0.11"]),
    ("physicalType: double", "decimal(20,10)", ["0.1", "3"], ["0.1", "3"], ["0.3"]),
])
def test_numbers_of_two_types_are_one_key_where_they_are_the_same_number(tmp_path, sluice_bin, child, parent, keys, found, orphans):
    project = Project(tmp_path / "shop", sluice_bin)
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/keys.yml", "path: data/keys.csv\n")
    project.write("sources/rows.yml", "path: data/rows.csv\n")
    project.write("models/parents.sql", f"select cast(k as {parent}) as k from raw.keys")
    logical = "integer" if "int" in child else "number"
    project.write("contracts/rows.odcs.yml", contract_text("rows") + f"""\
      - {{name: n, logicalType: {logical}, {child}, relationships: [{{to: curated.parents.k}}]}}
      - {{name: text, logicalType: string}}
""")
    project.write("data/keys.csv", "\n".join(["k", *keys]) + "\n")
    project.write("data/rows.csv", "\n".join(["n,text", *(f"{n},{n}" for n in found + orphans)]) + "\n")
    project.run("run")
    assert sorted(text for text, in project.rows("clean.rows", "text")) == sorted(found)
    assert project.count("quarantine.rows") == len(orphans)


def test_a_parent_whose_rows_stayed_as_they_were_is_not_told_as_changed(shop):
    shop.project.write("sources/lines.yml", "path: data/lines.csv\n")
    shop.project.write("data/lines.csv", "order_id,customer_id\n10,1\n")
    shop.project.write("contracts/lines.odcs.yml", contract_text("lines") + """\
      - {name: order_id, logicalType: integer, relationships: [{to: clean.orders.order_id}]}
      - {name: customer_id, logicalType: integer, relationships: [{to: clean.customers.id}]}
""")
    shop.run()
    shop.put("customers", 2, (3, 1))  # no order is of this one
    done = shop.project.run("run", "-v")
    line = next(line for line in done.stderr.splitlines() if "cleanse lines" in line)
    assert "clean.customers changed" in line and "clean.orders" not in line


def test_a_parent_that_was_removed_and_built_again_is_another_table(shop):
    shutil.rmtree(shop.project.table_folder("clean.customers"))
    assert "does not exist yet" in shop.project.run("run", "--select", "clean.orders", "--full-refresh", exit_code=1).stderr
    steps = shop.run()
    assert steps["cleanse orders"]["why"] == "clean.customers is another table now"
    shop.check()


def test_held_rows_can_be_discarded_and_stay_so(shop):
    shop.project.run("quarantine", "discard", "orders", "--rule", CITY, "--reason", "no such town")
    shop.put("customers", 2, (5, 1))
    shop.run()
    shop.check()
    rows = shop.project.delta("quarantine.orders").to_pylist()
    assert {row["_position"] for row in rows if row["discard_reason"]} == {4, 6}
    shop.put("cities", 2, ("DE", "Metz"))
    shop.run()
    shop.check()
    assert (12, "data/orders-1.csv", 4) in shop.found()[0]


def random_row(dice, table):
    if table == "customers":
        return (dice.choice([1, 2, 3, 4, 5, 6, None]), dice.randint(-1, 3))
    place = (dice.choice(["DE", "FR"]), dice.choice(["Ulm", "Metz", "Brest"]))
    if table == "cities":
        return place
    place = dice.choice([place, place, (None, place[1]), (place[0], None)])
    return (dice.randint(1, 8), dice.choice([1, 2, 3, 4, 5, 6, None]), *place, dice.randint(-2, 5), dice.randint(0, 3))


def random_file(dice, table):
    return [random_row(dice, table) for _ in range(dice.randint(1, 5 if table == "orders" else 3))]


@pytest.mark.parametrize("seed", range(5))
def test_after_random_changes_the_tables_are_those_of_one_run_over_it_all(tmp_path, sluice_bin, seed):
    dice = random.Random(seed)
    shop = Shop(tmp_path / "shop", sluice_bin, dice.choice(["hold", "reject", "warn"]), dice.choice(["hold", "reject"]))
    numbers = {table: 1 for table in HEADS}
    for table in HEADS:
        shop.put(table, 1, *random_file(dice, table))
    shop.run()
    shop.check()
    for _ in range(7):
        for _ in range(dice.randint(1, 2)):
            what = dice.random()
            table = dice.choice(list(HEADS))
            if what < 0.55:
                numbers[table] += 1
                shop.put(table, numbers[table], *random_file(dice, table))
            elif what < 0.8:
                shop.put(table, dice.randint(1, numbers[table]), *random_file(dice, table))
            else:
                shop.write_contract(**dice.choice([{"customers": dice.choice(["hold", "reject", "warn"])}, {"minimum": dice.randint(-1, 2)},
                                                   {"cities": dice.choice(["hold", "reject", "warn"])}]))
        shop.run()
        shop.check()
    assert shop.tables() == shop.from_scratch(tmp_path / "scratch")


def kill_everywhere(shop, tmp_path, fault_bin, step, select=()):
    """Kills at operations 1, 1 + step, ... of the run, and reruns; each time the tables must be as the model says."""
    base = shop.project.folder
    probe = tmp_path / "probe"
    shutil.copytree(base, probe)
    Project(probe, fault_bin).run("run", *select, binary=fault_bin, env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    total = int((tmp_path / "count").read_text())
    assert total > 20
    for kill in range(1, total + 1, step):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        shop.project = Project(folder, fault_bin)
        killed = shop.project.run("run", *select, exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert killed.returncode == -9, f"operation {kill} of {total} did not kill: {killed.returncode}\n{killed.stderr}"
        shop.project.run("run")
        shop.check()
        assert "nothing to do" in shop.project.run("run").stdout, f"killed at operation {kill} of {total}"


def test_killed_while_held_rows_are_judged_again_a_rerun_completes_it(shop, tmp_path, fault_bin):
    shop.put("customers", 2, (7, 1))
    shop.put("orders", 2, (20, 7, None, None, 1, 1), (21, 8, None, None, 1, 1))
    kill_everywhere(shop, tmp_path, fault_bin, step=5)


def test_killed_while_held_rows_are_judged_again_under_other_checks_no_row_is_lost(shop, tmp_path, fault_bin):
    """Parent, checks of the contract and files of raw have changed at once: what is gone on with is the judging by the parent."""
    shop.put("customers", 2, (7, 1))
    shop.put("orders", 2, (20, 7, None, None, 1, 1), (21, 8, None, None, 1, 1))
    shop.write_contract(more_than=0)
    shop.project.run("run", "--select", "+clean.customers", "--select", "raw.orders")
    kill_everywhere(shop, tmp_path, fault_bin, step=2, select=("--select", "clean.orders"))


def test_killed_and_the_parent_changed_once_more_the_tables_are_right(shop, tmp_path, fault_bin):
    shop.put("customers", 2, (7, 1))
    base = shop.project.folder
    for kill in range(20, 60, 3):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        shop.project = Project(folder, fault_bin)
        shop.put("customers", 1, (1, 1), (2, 1))
        shop.put("customers", 2, (7, 1))
        shop.project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        shop.put("customers", 1, (1, 1))
        shop.put("customers", 2, (8, 1))
        shop.project.run("run")
        shop.check()
