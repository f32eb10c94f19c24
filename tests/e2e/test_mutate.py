"""sluice test: what --mutate offers passes as it stands and fails without the rule, and what --record writes passes."""
import re

import pytest

from conftest import Project

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: day, logicalType: date}
      - name: amount
        logicalType: number
        physicalType: decimal(12,2)
        logicalTypeOptions: {minimum: 0}
        quality:
          - {type: custom, engine: sluice, implementation: {check: sum, max: 100000}}
    quality:
      - {metric: rowCount, mustBeBetween: [1, 30]}
      - {metric: rowCount, mustBeGreaterThan: 2, severity: warning}
      - {type: custom, engine: sluice, name: one a day, implementation: {check: {unique: [day]}}}
      - {type: custom, engine: sluice, implementation: {check: {freshness: {column: day, max_age: 3000d}}}}
      - {type: custom, engine: sluice, implementation: {check: {row_count_change: {max_drop: 0.5, max_growth: 3}}}}
"""
LINKED = """
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
schema:
  - name: customers
    properties:
      - {name: customer_id, logicalType: integer, primaryKey: true}
      - {name: country, logicalType: string}
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: customer_id, logicalType: integer, relationships: [{type: foreignKey, to: customers.customer_id}]}
      - {name: day, logicalType: date}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)"}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
"""
MODEL = """/* sluice
grain: [country]
checks:
  - not_null: [country]
  - expression: revenue < 500000
  - expression: orders > 0
    severity: warn
  - unique: [first_day]
*/
select c.country, sum(o.amount) as revenue, count(*) as orders, min(o.day) as first_day
from clean.orders o join clean.customers c using (customer_id) group by c.country
"""


def make(folder, sluice_bin, contract, *tables):
    project = Project(folder, sluice_bin)
    project.write("sluice.yml", "name: shop\nquarantine: {max_share: 1.0, min_rows: 1000000}\nchecks: {requirements: off}\n")
    project.write("contracts/shop.odcs.yml", contract)
    for table in tables:
        project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
    return project


def saved_offers_kill(project, survivors):
    """The offers of the survivors, saved as files: each passes as it stands, and nothing survives them."""
    out = project.run("test", "--mutate", timeout=900).stdout
    assert re.findall("^SURVIVED +([a-z_.]+)  ", out, re.M) == survivors, out
    assert re.search(r"^the tests notice \d+ of (1 rule or check|\d+ rules and checks) taken away: \d+ %$", out, re.M), out
    offers = [line.split(": ", 1)[1] for line in out.splitlines() if "a test that notices: " in line]
    assert len(offers) == len(survivors), out
    for number, offer in enumerate(offers):
        project.write(f"tests/offer_{number}.yml", offer + "\n")
    assert project.json("test")["counts"] == {"passed": len(offers), "failed": 0, "skipped": 0, "unchanged": 0}
    assert project.json("test", "--mutate", timeout=900)["counts"] == {"killed": len(offers), "survived": 0}


def test_checks_of_contracts_are_taken_away_and_every_offer_passes_and_kills(tmp_path, sluice_bin):
    # The rule's offer needs good rows beside, or the checks would fail; five checks, and not the one that warns.
    # (mustBeBetween leaves out both ends: there must be two rows or more.)
    saved_offers_kill(make(tmp_path / "shop", sluice_bin, CONTRACT, "orders"), ["clean.orders"] * 6)


def test_offers_for_checks_of_models_are_whole_tests(tmp_path, sluice_bin):
    project = make(tmp_path / "shop", sluice_bin, LINKED, "customers", "orders")
    project.write("models/by_country.sql", MODEL)
    project.write("tests/empty.yml", "given: {customers: [], orders: []}\nfails: {clean.orders: greater than 0}\n")
    out = project.json("test", "--mutate", timeout=900)
    by_rule = {(m["table"], m["rule"]): m for m in out["mutants"]}
    assert by_rule["clean.orders", "the number of rows is greater than 0"]["test"] == "empty"
    survivors = [m for m in out["mutants"] if m["status"] == "survived"]
    assert [m["table"] for m in survivors] == ["clean.orders"] + ["curated.by_country"] * 3
    for number, mutant in enumerate(survivors):
        project.write(f"tests/offer_{number}.yml", mutant["offer"] + "\n")
    assert project.json("test")["counts"]["passed"] == 5
    assert project.json("test", "--mutate", timeout=900)["counts"] == {"killed": 5, "survived": 0}


PROTECTED = """
apiVersion: v3.1.0
kind: DataContract
id: linked
version: 1.0.0
status: active
schema:
  - name: a
    properties:
      - name: email
        physicalName: mail
        logicalType: string
        primaryKey: true
        customProperties: [{property: sluice.personal, value: %(as)s}]
      - {name: area, logicalType: string, relationships: [{type: foreignKey, to: c.area}]}
  - name: b
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - name: who
        logicalType: string
        customProperties: [{property: sluice.personal, value: %(as)s}]
        relationships: [{type: foreignKey, to: a.email}]
  - name: c
    properties:
      - {name: area, logicalType: string, primaryKey: true}
"""


@pytest.mark.parametrize("form", ["{as: hash}", "{as: token, prefix: p_}"])
def test_a_record_of_a_foreign_key_to_a_protected_column_holds_its_rows_and_passes(tmp_path, sluice_bin, form, monkeypatch):
    monkeypatch.setenv("LINK_KEY", "correct horse battery staple")
    project = Project(tmp_path / "linked", sluice_bin)
    project.write("sluice.yml", "name: linked\nquarantine: {max_share: 1.0, min_rows: 1000000}\npersonal: {key: '${env:LINK_KEY}'}\n")
    project.write("contracts/linked.odcs.yml", PROTECTED % {"as": form})
    for table in "abc":
        project.write(f"sources/{table}.yml", f"path: data/{table}-*.csv\n")
    project.write("data/c-1.csv", "area\n" + "".join(f"r{n}\n" for n in range(60)))
    project.write("data/a-1.csv", "mail,area\n" + "".join(f"{n:03d}xx@x,r{n}\n" for n in range(60)))
    project.write("data/b-1.csv", "id,who\n" + "".join(f"{n},{n + 10:03d}xx@x\n" for n in range(40)) + "900,nobody@x\n")
    project.run("run")
    made = project.json("test", "--record", "some", "--from", "clean.b", "quarantine.b", "--rows", "6")
    text = (project.folder / "tests/some.yml").read_text()
    clean = text.split("clean.b:", 1)[1].split("quarantine.b:")[0]
    assert made["expected"] == 6 and clean.count("{id: ") >= 5, text
    assert project.json("test")["counts"]["passed"] == 1


STRICT = """
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: code, logicalType: string, logicalTypeOptions: {pattern: "^[A-Z]{3}-[0-9]{2}$"}}
      - {name: amount, logicalType: integer, logicalTypeOptions: {minimum: 100, maximum: 200}}
"""


def test_what_is_offered_for_checks_of_models_the_contract_would_let_into_clean(tmp_path, sluice_bin):
    """A check that no row of clean can break has no offer: it would teach what cannot be."""
    project = make(tmp_path / "shop", sluice_bin, STRICT, "orders")
    project.write("models/seen.sql", "/* sluice\nchecks:\n  - expression: amount < 150\n  - expression: amount >= 100\n*/\n"
                  "select id, code, amount from clean.orders\n")
    offers = {mutant["rule"]: mutant["offer"] for mutant in project.json("test", "--mutate", timeout=900)["mutants"]
              if mutant["table"] == "curated.seen"}
    assert len(offers) == 2
    offer, none = (next(offers[rule] for rule in offers if bound in rule) for bound in ("150", "100"))
    assert offer and none is None, offers
    rows = [dict(re.findall(r'"(\w+)": "?([^",}]*)', row)) for row in re.findall(r"{[^{}]*}", offer.split("clean.orders: ")[1].split("]")[0])]
    for row in rows:
        assert row["code"] == "null" or re.fullmatch("[A-Z]{3}-[0-9]{2}", row["code"]), offer
        assert row["amount"] == "null" or 100 <= int(row["amount"]) <= 200, offer
    assert rows and len({row["id"] for row in rows}) == len(rows)
