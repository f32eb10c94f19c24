"""`sluice contract show`: a whole contract in words, and as JSON."""
import re

import pytest
import yaml

from test_contract_exchange import EVERY_PART

MINIMAL = "apiVersion: v3.1.0\nkind: DataContract\nid: least\nversion: 1.0.0\nstatus: draft\n"
RICH = """apiVersion: v3.0.2
kind: DataContract
id: people-1
version: 2.0.0
status: active
description: Who buys
team: [{username: ada, role: owner}]
schema:
  - name: people
    customProperties:
      - {property: sluice.orderBy, value: [seen]}
      - {property: sluice.quarantine, value: {max_share: 0.5}}
    relationships:
      - {type: foreignKey, from: people.country, to: countries.code, customProperties: [{property: sluice.orphans, value: warn}]}
    properties:
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: seen, logicalType: timestamp}
      - {name: country, logicalType: string, unique: true}
      - name: email
        logicalType: string
        classification: restricted
        customProperties: [{property: sluice.personal, value: {as: mask, keep_first: 2}}]
      - name: age
        logicalType: integer
        description: whole years
        quality:
          - {type: custom, engine: sluice, name: grown_up, severity: warning, implementation: {kind: range, min: 18, where: country = 'DE'}}
      - name: address
        logicalType: object
        properties:
          - {name: zip, logicalType: string, required: true, logicalTypeOptions: {pattern: "^[0-9]{5}$"}, examples: ["10115"]}
"""


def block(text, head):
    """The lines below a heading, up to the next empty one; blanks are one."""
    match = re.search(rf"^{re.escape(head)}\n((?:.+\n)+)", text, re.M)
    assert match, (head, text)
    return [re.sub(r" +", " ", line).strip() for line in match[1].splitlines()]


def test_every_part_of_the_standard_is_told(project):
    project.write("full.odcs.yaml", EVERY_PART)
    text = project.run("contract", "show", "full.odcs.yaml").stdout
    assert text.startswith("orders, version 1.2.0, active\nfull.odcs.yaml, ODCS v3.1.0\nid: shop-orders\nowner: ada\ndomain: sales\ntenant: example\n")
    assert "tags: sales, daily\n" in text
    assert "purpose: what was ordered\nusage: revenue\nlimitations: none before 2020\n" in text
    assert block(text, "team")[1] == "ada: name Ada, role owner, date in 2025-01-01"
    assert block(text, "roles") == ["analyst: access read, first level approvers ada, second level approvers ben, description looks"]
    assert block(text, "servers")[1] == "db: type postgres, host db.example.org, port 5432, database shop, schema public"
    assert block(text, "support") == ["#orders: tool slack, scope issues, url https://example.org/chat, invitation url https://example.org/join"]
    assert block(text, "price") == ["9.95 EUR a megabyte"]
    assert block(text, "service level") == ["latency: 4 d, element orders.day, driver analytics", "retention: 3 to 4 y"]
    assert block(text, "columns") == ["column type required key classification", "id BIGINT yes 1", "day DATE public"]
    assert block(text, "rules")[1:] == ["unique unique id, day reject uniqueness"]
    assert block(text, "checks of the table")[1:] == [
        "metric day metric nullValues, unit percent, must be less than 5 warn", "metric metric rowCount, must be between [1, 100] fail",
        "sql query select count(*) from {object}, must be greater than 0 fail", "latency freshness column day, max_age 96h warn"]

    def texts(node):
        if isinstance(node, dict):
            return [text for key, value in node.items() if key not in ("kind", "logicalType", "physicalType", "quality") for text in texts(value)]
        return [text for item in node for text in texts(item)] if isinstance(node, list) else [node] if isinstance(node, str) else []

    contract = yaml.safe_load(EVERY_PART)
    assert [value for value in texts(contract) if value not in text] == []
    assert project.json("contract", "show", "full.odcs.yaml")["contract"] == contract


def test_a_contract_that_says_next_to_nothing(project):
    project.write("least.odcs.yml", MINIMAL)
    assert project.run("contract", "show", "least.odcs.yml").stdout == "least, version 1.0.0, draft\nleast.odcs.yml, ODCS v3.1.0\nid: least\n"
    told = project.json("contract", "show", "least.odcs.yml")
    assert (told["schema"], told["id"], told["name"], told["owner"], told["tables"]) == ("sluice.contract.show/1", "least", None, None, [])


def test_parts_of_odd_forms(project):
    project.write("odd.odcs.yml", MINIMAL + """name: ""
team: ada
tags: solo
roles: {}
support: null
servers: [null, text]
customProperties: [{property: a}, {property: b, value: [{x: 1}, [2, 3]]}]
description: {purpose: null, usage: [a, b]}
schema:
  - name: t
    properties:
      - name: items
        logicalType: array
        items:
          logicalType: object
          properties: [{name: qty, logicalType: integer, examples: [1], logicalTypeOptions: {minimum: 1}}]
""")
    text = project.run("contract", "show", "odd.odcs.yml").stdout
    assert text.startswith("least, version 1.0.0, draft\n") and "tags: solo\n\nusage: a, b\n\nteam\n  ada\n\nservers\n  text\n\ncustom" in text
    assert block(text, "custom properties") == ["property a", "b [(x 1), [2, 3]]"]
    assert block(text, "columns")[1:] == ["items ARRAY", "items[] OBJECT", "items[].qty BIGINT"]
    assert block(text, "rules")[1:] == ["items[].qty.range range from 1 reject accuracy"]


def rich(project):
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write("contracts/people.odcs.yml", RICH)
    project.write("data/people.csv", "id\n1\n")
    project.write("sources/people.yml", "connector: file\npath: data/people.csv\ndrift: {new_columns: quarantine_value, type_change: fail}\n")
    return project


@pytest.mark.parametrize("name", ["people", "people-1", "contracts/people.odcs.yml"])
def test_rules_protection_foreign_keys_and_the_source(project, name):
    text = rich(project).run("contract", "show", name).stdout
    assert text.startswith("people-1, version 2.0.0, active\ncontracts/people.odcs.yml, ODCS v3.0.2\n")
    assert "description: Who buys\n" in text and block(text, "team") == ["ada: role owner"]
    assert "of rows with one key the latest is kept, by: seen\n" in text
    columns = block(text, "columns")
    assert columns[0] == "column type required key unique classification kept as description"
    assert "country VARCHAR yes" in columns and "age BIGINT whole years" in columns and "address.zip VARCHAR yes" in columns
    assert "email VARCHAR restricted mask, first 2 kept" in columns
    rules = block(text, "rules")
    assert rules[0] == "rule kind what holds if not where dimension"
    assert "grown_up range from 18 warn country = 'DE' accuracy" in rules and "address.zip.pattern pattern ^[0-9]{5}$ reject conformity" in rules
    assert [line.split(" ", 1)[1] for line in block(text, "foreign keys")[1:]] == ["country in countries by code warn consistency"]
    assert "  address.zip: logical type options (pattern ^[0-9]{5}$), examples 10115\n" in text
    assert text.endswith("\nsource people: new columns quarantine_value, missing columns empty, other types fail, emptied files warn; "
                         "quarantine at most 50 % of 100 rows or more\n")


def test_json_has_what_is_read_and_who_uses_it(project):
    table, = rich(project).json("contract", "show", "people")["tables"]
    columns = {column["name"]: column for column in table["columns"]}
    assert (columns["id"]["required"], columns["country"]["unique"], columns["email"]["classification"]) == (True, True, "restricted")
    assert columns["email"]["personal"]["as"] == "mask" and columns["address"]["fields"][0]["required"]
    assert {rule["id"]: rule["severity"] for rule in table["rules"]}["grown_up"] == "warn"
    source, = table["sources"]
    assert source["drift"] == {"new_columns": "quarantine_value", "missing_columns": "empty", "type_change": "fail", "emptied_files": "warn"}
    assert (source["name"], source["quarantine"]["max_share"]) == ("people", 0.5)


def test_a_name_that_nothing_has_and_a_broken_contract(project):
    told = rich(project).run("contract", "show", "poeple", exit_code=1)
    assert "no file and no contract is named 'poeple'" in told.stderr and "did you mean 'people'?" in told.stderr
    project.write("broken.odcs.yml", MINIMAL + "sched: 1\n")
    told = project.run("contract", "show", "broken.odcs.yml", exit_code=None)
    assert told.returncode != 0 and "broken.odcs.yml:6" in told.stderr and told.stderr.count("'sched'") == 1 and not told.stdout
    project.write("broken.odcs.yml", MINIMAL + "sched: 1\nshed: 1\n")
    told = project.run("contract", "show", "broken.odcs.yml", exit_code=None)
    assert told.returncode != 0 and all(told.stderr.count(f"'{key}'") == 1 for key in ("sched", "shed")) and "has 2 errors" in told.stderr


def test_texts_cannot_steer_the_terminal(project):
    project.write("odd.odcs.yml", MINIMAL + 'description: {purpose: "a\\e[31mb\\nc"}\n')
    text = project.run("contract", "show", "odd.odcs.yml").stdout
    assert "\x1b" not in text and "purpose: a?[31mb c\n" in text
