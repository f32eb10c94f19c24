"""`sluice contract import` and `export`: every form, read back by the tools that own it, and round trips of random contracts."""
import importlib.util
import io
import json
import pathlib
import random

import deltalake
import duckdb
import fastavro
import jsonschema
import pyarrow
import pyarrow.parquet
import pytest
import yaml

ODCS = json.loads((pathlib.Path(importlib.util.find_spec("open_data_contract_standard").origin).parent / "schema.json").read_text())


def check_odcs(contract):
    jsonschema.Draft201909Validator(ODCS).validate(contract)
    return contract


def imported(project, file, *options):
    """The contract, which the standard's own schema accepts, and the messages of what is lost."""
    told = project.json("contract", "import", file, *options)
    text = project.run("contract", "import", file, *options).stdout
    contract = check_odcs(yaml.safe_load(text))
    assert contract == told["contract"]
    lost = [item["message"] for item in told["warnings"]]
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert all(any(message.replace("\n", " ") in line for line in head) for message in lost), (lost, head)
    return contract, lost


def columns(contract, table=0):
    return {column["name"]: column for column in contract["schema"][table]["properties"]}


def accepted_by_check(project, contract, name):
    """The project takes the contract without an error."""
    project.write("sluice.yml", "name: t\nlake: lake\n")
    project.write(f"contracts/{name}.odcs.yml", contract if isinstance(contract, str) else yaml.safe_dump(contract, sort_keys=False))
    told = project.json("check")
    assert told["errors"] == [], told["errors"]


def enum_of(column):
    for rule in column.get("quality", []):
        if rule.get("metric") == "invalidValues":
            return rule["arguments"]["validValues"]
    return None


# --- ODCS ---

ODCS_V2 = """kind: DataContract
apiVersion: v2.2.2
uuid: 53581432-6c55-4ba2-a65f-72344a91553a
version: 1.1.0
status: current
quantumName: payments
datasetDomain: seller
tenant: Shop
description: {purpose: Views built on top of the seller tables, limitations: none}
username: reader
password: geheim
dataset:
  - table: tbl
    description: Provides core payment metrics
    columns:
      - {column: txn_ref_dt, isPrimaryKey: false, logicalType: date, physicalType: date, isNullable: false, partitionStatus: true,
         partitionKeyPosition: 1, sampleValues: ["2022-10-03"]}
      - {column: rcvr_id, isPrimaryKey: true, primaryKeyPosition: 1, businessName: receiver id, logicalType: string, physicalType: varchar(18),
         classification: restricted}
    quality:
      - {code: countCheck, description: Ensure row count is within expected volume range, dimension: completeness, toolName: Elevate}
price: {priceAmount: 9.95, priceCurrency: USD, priceUnit: megabyte}
stakeholders: [{username: ceastwood, role: Data Scientist, dateIn: "2022-08-02", comment: good}]
slaProperties: [{property: latency, value: 4, unit: d, column: tbl.txn_ref_dt}]
"""


def test_odcs_v2_becomes_v3_1(project):
    project.write("old.yml", ODCS_V2)
    contract, lost = imported(project, "old.yml")
    assert (contract["apiVersion"], contract["id"], contract["domain"]) == ("v3.1.0", "53581432-6c55-4ba2-a65f-72344a91553a", "seller")
    assert contract["team"]["members"][0] == {"username": "ceastwood", "role": "Data Scientist", "dateIn": "2022-08-02", "description": "good"}
    assert contract["slaProperties"] == [{"property": "latency", "value": 4, "unit": "d", "element": "tbl.txn_ref_dt"}]
    date, receiver = columns(contract).values()
    assert (date["required"], date["partitioned"], date["examples"]) == (True, True, ["2022-10-03"])
    assert (receiver["primaryKey"], receiver["classification"], receiver["physicalType"]) == (True, "restricted", "varchar(18)")
    assert contract["schema"][0]["quality"][0]["dimension"] == "completeness"
    assert any("countCheck" in message for message in lost) and any("password" in message for message in lost)
    assert {"property": "username", "value": "reader"} in contract["customProperties"]
    assert "geheim" not in project.run("contract", "import", "old.yml").stdout
    accepted_by_check(project, contract, "payments")


ODCS_V3 = """apiVersion: v3.0.2
kind: DataContract
id: orders
version: 1.0
status: active
description: All orders
team: [{username: ada, role: owner}]
servers: [{server: local, type: local, path: data, format: csv}]
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - name: amount
        logicalType: number
        physicalType: decimal(9,2)
        logicalTypeOptions: {minimum: 0, exclusiveMinimum: true, maximum: 10.50, exclusiveMaximum: false, multipleOf: 0.25}
      - {name: day, logicalType: date, logicalTypeOptions: {minimum: 2020-01-01}}
      - name: status
        logicalType: string
        quality: [{rule: validValues, validValues: [new, paid]}, {rule: nullCheck, mustBe: 0}, {rule: duplicateCount, mustBeLessThan: 5, unit: percent}]
"""


def test_odcs_v3_0_becomes_v3_1(project):
    project.write("orders.odcs.yml", ODCS_V3)
    contract, lost = imported(project, "orders.odcs.yml")
    assert lost == []
    assert contract["team"] == {"members": [{"username": "ada", "role": "owner"}]}
    assert (contract["description"], contract["version"]) == ({"purpose": "All orders"}, "1.0")
    found = columns(contract)
    assert found["amount"]["logicalTypeOptions"] == {"exclusiveMinimum": 0, "maximum": 10.5, "multipleOf": 0.25}
    assert found["day"]["logicalTypeOptions"] == {"minimum": "2020-01-01"}
    assert [rule["metric"] for rule in found["status"]["quality"]] == ["invalidValues", "nullValues", "duplicateValues"]
    exported = project.run("contract", "export", "orders.odcs.yml", "--format", "odcs").stdout
    assert "10.50" in exported  # numbers keep the text they were written with
    assert check_odcs(yaml.safe_load(exported)) == contract
    accepted_by_check(project, contract, "orders")


# --- dbt ---

DBT = """version: 2
models:
  - name: orders
    description: One row per order
    config: {tags: [sales]}
    constraints:
      - {type: primary_key, columns: [id, line]}
      - {type: check, expression: "amount < 1000"}
    data_tests:
      - dbt_utils.unique_combination_of_columns: {arguments: {combination_of_columns: [status, email]}}
      - dbt_utils.expression_is_true: {expression: "amount > id"}
      - dbt_utils.equal_rowcount: {compare_model: ref('x')}
    columns:
      - {name: id, data_type: bigint, tests: [not_null]}
      - {name: line, data_type: int}
      - name: status
        data_type: varchar(10)
        description: Where it stands
        data_tests:
          - accepted_values: {arguments: {values: [new, paid]}, config: {severity: warn}}
          - not_null
      - name: customer
        data_type: int
        meta: {owner: ada}
        tests: [{relationships: {to: ref('customers'), field: id}}]
      - name: amount
        data_type: numeric(9,2)
        tests:
          - dbt_utils.accepted_range: {min_value: 0, max_value: 99.50, inclusive: true}
          - my_package.odd: {x: 1}
      - {name: email, data_type: text, tests: [unique, {not_null: {config: {where: "id > 5"}}}, {dbt_expectations.expect_column_values_to_match_regex: {regex: "@"}}]}
      - {name: free}
sources:
  - name: shop
    freshness: {error_after: {count: 12, period: hour}}
    loaded_at_field: at
    tables:
      - {name: customers, columns: [{name: id, data_type: int}, {name: at, data_type: timestamptz}]}
"""


def test_dbt(project):
    project.write("models/schema.yml", DBT)
    contract, lost = imported(project, "models/schema.yml")
    found = columns(contract)
    assert [c for c in found if found[c].get("primaryKey")] == ["id", "line"] and found["line"]["primaryKeyPosition"] == 2
    assert enum_of(found["status"]) == ["new", "paid"] and found["status"]["required"] and found["status"]["physicalType"] == "varchar(10)"
    assert {"property": "sluice.severity", "value": {"enum": "warn"}} in found["status"]["customProperties"]
    assert found["customer"]["relationships"] == [{"type": "foreignKey", "to": "customers.id"}]
    assert found["amount"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 99.5}
    assert (found["email"]["unique"], found["email"]["logicalTypeOptions"]) == (True, {"pattern": "@"})
    quality = contract["schema"][0]["quality"]
    assert [r["implementation"]["expression"] for r in quality if r["type"] == "custom"] == ["amount < 1000", "amount > id"]
    assert [r["arguments"] for r in quality if r["type"] == "library"] == [{"properties": ["status", "email"]}]
    assert contract["slaProperties"] == [{"property": "freshness", "value": 12, "unit": "h", "element": "customers.at"}]
    assert found["email"]["quality"][0]["implementation"] == {"expression": '"email" is not null', "where": "id > 5"}
    for part in ["equal_rowcount", "my_package.odd", "'free' has no 'data_type'"]:
        assert any(part in message for message in lost), (part, lost)
    assert len(lost) == 3
    accepted_by_check(project, contract, "shop")


CHECKS_OF_DBT = """models:
  - name: orders
    tests:
      - dbt_utils.recency: {datepart: day, field: placed, interval: 2}
      - dbt_utils.recency: {datepart: month, field: placed, interval: 2}
      - dbt_expectations.expect_table_row_count_to_be_between: {min_value: 1, config: {severity: warn}}
      - dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B: {column_A: b, column_B: a, or_equal: true, row_condition: "a > 0"}
    columns:
      - {name: a, data_type: int, tests: [{dbt_expectations.expect_column_mean_to_be_between: {min_value: 1, max_value: 9}}, {dbt_utils.not_null_proportion: {at_least: 0.95}}]}
      - {name: b, data_type: int, tests: [{dbt_expectations.expect_column_quantile_values_to_be_between: {quantile: .9, max_value: 9}},
          {dbt_expectations.expect_column_sum_to_be_between: {min_value: 2, strictly: true}},
          {relationships: {to: ref('x'), field: id, config: {where: "a > 1"}}}]}
      - {name: ok, data_type: boolean, tests: [{accepted_values: {values: [1, 0], quote: false}}]}
      - {name: s, data_type: varchar, tests: [{dbt_utils.not_accepted_values: {values: [x, y]}},
          {dbt_expectations.expect_column_value_lengths_to_be_between: {min_value: 1, max_value: 9}},
          {dbt_expectations.expect_column_values_to_not_match_regex: {regex: "^z", mostly: 0.5}}]}
      - {name: placed, data_type: timestamp, tests: [{not_null: {where: "frob(a) = 1"}}]}
      - {name: deep, data_type: "array<struct<x int>>"}
"""


def test_dbt_tests_of_packages_become_rules_and_checks(project):
    project.write("schema.yml", CHECKS_OF_DBT)
    contract, lost = imported(project, "schema.yml")
    found = columns(contract)
    quality = contract["schema"][0]["quality"]
    checks = [entry["implementation"]["check"] for entry in quality if "check" in entry["implementation"]]
    assert checks == [{"mean": {"column": "a", "min": 1, "max": 9}}, {"null_share": {"column": "a", "max": 0.05}},
                      {"quantile": {"column": "b", "q": 0.9, "max": 9}}, {"freshness": {"column": "placed", "max_age": "2d"}},
                      {"row_count": {"min": 1}}]
    assert [entry.get("severity") for entry in quality] == [None, None, None, None, "warning", None]
    assert quality[-1]["implementation"] == {"expression": '"b" >= "a"', "where": "a > 0"}
    assert enum_of(found["ok"]) == [True, False] and found["s"]["logicalTypeOptions"] == {"minLength": 1, "maxLength": 9}
    assert [entry["implementation"] for entry in found["s"]["quality"]] == [
        {"expression": "\"s\" not in ('x', 'y')"}, {"expression": "not regexp_matches(\"s\", '^z')", "mostly": 0.5}]
    assert found["placed"]["quality"][0]["type"] == "text" and found["placed"]["quality"][0]["description"].endswith("where frob(a) = 1")
    for part in ["'dbt_utils.recency'", "'strictly'", "'relationships'", "frob(a)", "array<struct<x int>>"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    assert len(lost) == 5, lost
    accepted_by_check(project, contract, "orders")


TWICE = """models:
  - name: t
    columns:
      - {name: a, data_type: text, tests: [{dbt_expectations.expect_column_values_to_match_regex: {regex: "^a"}},
          {dbt_expectations.expect_column_values_to_match_regex: {regex: "z$", flags: i}}, {dbt_expectations.expect_column_values_to_match_regex: {regex: "q", flags: s}},
          {dbt_expectations.expect_column_value_lengths_to_be_between: {min_value: 3, max_value: 9}}, {dbt_expectations.expect_column_value_lengths_to_be_between: {min_value: 1}}]}
      - {name: b, data_type: int, tests: [{dbt_utils.accepted_range: {min_value: 1, max_value: 3}}, {dbt_utils.accepted_range: {min_value: 0}}]}
      - {name: c, data_type: text, tests: [not_null, {not_null: {severity: warn}}, {unique: {severity: warn}}, unique, {accepted_values: {values: [x, null, y]}},
          {accepted_values: {values: [x, null], config: {where: "b > 1"}}}, {dbt_utils.not_empty_string: {trim_whitespace: false}}]}
"""


def test_several_dbt_tests_of_one_column_all_count(project):
    project.write("schema.yml", TWICE)
    contract, lost = imported(project, "schema.yml")
    found = columns(contract)
    expressions = {name: [entry["implementation"]["expression"] for entry in found[name].get("quality", []) if "implementation" in entry] for name in "abc"}
    assert found["a"]["logicalTypeOptions"] == {"pattern": "^a", "minLength": 3, "maxLength": 9}
    assert expressions["a"] == ["regexp_matches(\"a\", '(?i)z$')", 'length("a") between 1 and 2147483647']
    assert found["b"]["logicalTypeOptions"] == {"minimum": 1, "maximum": 3} and expressions["b"] == ['"b" >= 0']
    assert found["c"]["required"] and found["c"]["unique"] and enum_of(found["c"]) == ["x", "y"]
    severities = [entry["value"] for entry in found["c"].get("customProperties", []) if entry["property"] == "sluice.severity"]
    assert severities == [{"unique": "reject"}]
    assert expressions["c"] == ["\"c\" in ('x')", "\"c\" <> ''"]
    assert len(lost) == 1 and "'flags'" in lost[0], lost
    accepted_by_check(project, contract, "t")


DUMP = """SET statement_timeout = 0;
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
CREATE TABLE public.customers (
    id bigint NOT NULL,
    name character varying(20),
    score numeric,
    price numeric(10,2) DEFAULT 0
);
ALTER TABLE public.customers OWNER TO shop;
CREATE SEQUENCE public.customers_id_seq START WITH 1 NO MINVALUE CACHE 1;
ALTER TABLE ONLY public.customers ALTER COLUMN id SET DEFAULT nextval('public.customers_id_seq'::regclass);
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY (START 1),
    customer_id bigint, -- on delete cascade
    shop_id int references shops(id) on delete set null,
    note text DEFAULT 'on delete cascade' CONSTRAINT short CHECK (length(note) < 40)
);
ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT o_fkey FOREIGN KEY (customer_id) REFERENCES public."customers"(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.nowhere ADD FOREIGN KEY (a) REFERENCES public.customers(id);
CREATE INDEX i ON public.orders USING btree (customer_id);
COMMENT ON TABLE public.orders IS 'what was bought';
"""


def test_what_the_engine_does_not_take_of_a_table_is_told_and_left_out(project):
    project.write("t.sql", """CREATE TYPE public.mood AS ENUM ('sad', 'glad');
CREATE TABLE public.t (
    id bigint DEFAULT nextval('public.s'::regclass) NOT NULL, -- default 1, check (2)
    state text DEFAULT 'new'::text,
    mood public.mood,
    CONSTRAINT known CHECK ((state = ANY (ARRAY['new'::text, 'old, (really)'::text]))),
    CONSTRAINT t_pkey PRIMARY KEY (id)
);
CREATE TABLE u (a int CHECK (a > 1), b int DEFAULT 7);
""")
    contract, lost = imported(project, "t.sql", "--dialect", "postgres")
    t, u = ({c["name"]: c for c in table["properties"]} for table in contract["schema"])
    assert t["id"]["primaryKey"] and t["id"]["required"] and list(t) == ["id", "state", "mood"] and enum_of(t["mood"]) == ["sad", "glad"]
    assert u["a"]["logicalTypeOptions"] == {"exclusiveMinimum": 1} and u["b"]["customProperties"][0]["value"] == "7"
    assert len(lost) == 1 and "are left out" in lost[0], lost
    accepted_by_check(project, contract, "t")


def test_what_pg_dump_writes(project):
    project.write("shop.sql", DUMP)
    contract, lost = imported(project, "shop.sql", "--dialect", "postgres")
    customers, orders = ({c["name"]: c for c in table["properties"]} for table in contract["schema"])
    assert customers["id"]["primaryKey"] and customers["score"]["physicalType"] == "decimal(38,12)"
    assert customers["price"]["physicalType"] == "decimal(10,2)" and contract["schema"][1]["description"] == "what was bought"
    assert orders["customer_id"]["relationships"] == [{"type": "foreignKey", "to": "customers.id"}]
    assert orders["shop_id"]["relationships"] == [{"type": "foreignKey", "to": "shops.id"}]  # of another contract
    assert orders["note"]["customProperties"] == [{"property": "sluice.default", "value": "on delete cascade"}]
    assert orders["note"]["logicalTypeOptions"] == {"maxLength": 39}
    for part in ["'set ...'", "EXTENSION", "OWNER", "cache", "customers_id_seq does not exist", "'score'", "'nowhere'", "BTREE"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    assert len(lost) == 8, lost
    accepted_by_check(project, contract, "shop")


LATER = """create table c (
    a int primary key,
    b int references "public".p (id) match full on delete cascade deferrable initially deferred,
    d int constraint to_p references p not null, -- references p (q)
    e text default 'references p (id)' check (e <> 'foreign key'),
    constraint both_of_them foreign key (a, b) references p (id, "the q"),
    foreign key (d) references elsewhere (k) on update cascade,
    foreign key (d) references nowhere,
    foreign key (d) references p (gone),
    unique (a, b)
);
create table "p" (id int primary key, "the q" int);
alter table c add foreign key (a) references p;
"""


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_references_to_tables_that_stand_later_or_elsewhere_are_kept(project, dialect):
    project.write("t.sql", LATER)
    contract, lost = imported(project, "t.sql", "--dialect", dialect)
    found, table = columns(contract), contract["schema"][0]
    to = {name: [relation["to"] for relation in column.get("relationships", [])] for name, column in found.items()}
    assert to == {"a": ["p.id"], "b": ["p.id"], "d": ["p.id", "elsewhere.k"], "e": []}
    assert [relation["from"] for relation in table["relationships"]] == [["c.a", "c.b"]]
    assert table["relationships"][0]["to"] == ["p.id", "schema/p/properties/the_q"]
    assert found["d"]["required"] and found["e"]["customProperties"] == [{"property": "sluice.default", "value": "references p (id)"}]
    assert len(lost) == 2 and "'nowhere' is left out" in lost[0] and "has no column 'gone'" in lost[1], lost
    assert [rule["implementation"]["expression"] for rule in table["quality"] if rule["type"] == "custom"] == ["(e != 'foreign key')"]
    accepted_by_check(project, contract, "t")


@pytest.mark.parametrize("sql, to", [
    ("create table t(a int primary key, b int, foreign key (b) references u(id));", "u.id"),
    ("create table c(a int primary key, b int references p(id)); create table p(id int primary key);", "p.id")])
def test_a_reference_that_the_engine_refuses_loses_nothing(project, sql, to):
    project.write("t.sql", sql)
    contract, lost = imported(project, "t.sql")
    assert columns(contract)["b"]["relationships"] == [{"type": "foreignKey", "to": to}] and lost == []


def test_owners_of_sequences_say_nothing_of_a_table(project):
    project.write("t.sql", "create table t(id bigint);\nCREATE SEQUENCE s;\nALTER SEQUENCE s OWNED BY public.t.id;\nalter\ttable t add primary key (id);\n")
    contract, lost = imported(project, "t.sql", "--dialect", "postgres")
    assert columns(contract)["id"]["primaryKey"] and lost == ["a statement 'alter ...' says nothing of a table's form"]
    assert "Stack" not in project.run("contract", "import", "t.sql").stdout


LENIENT = """models:
  - name: orders
    data_tests:
      - dbt_utils.unique_combination_of_columns: {combination_of_columns: [a, b], config: {error_if: ">5"}}
    columns:
      - {name: a, data_type: text, tests: [{dbt_expectations.expect_column_values_to_not_be_null: {mostly: 0.9}}]}
      - {name: b, data_type: text, tests: [{dbt_expectations.expect_column_values_to_be_in_set: {value_set: [x, "it's"], mostly: 0.5}}]}
      - {name: c, data_type: int, tests: [{dbt_expectations.expect_column_values_to_be_between: {min_value: 0, max_value: 9, mostly: 0.8}}]}
      - {name: d, data_type: text, tests: [{dbt_expectations.expect_column_values_to_match_regex: {regex: "it's", mostly: 0.75, config: {severity: warn}}}]}
      - {name: e, data_type: text, tests: [{not_null: {config: {error_if: ">10"}}}, {unique: {severity: warn, warn_if: ">= 3"}}]}
      - {name: f, data_type: text, tests: [{not_null: {config: {error_if: "!= 0", warn_if: ">100"}}}, {unique: {config: {error_if: " >=1"}}}]}
      - {name: g, data_type: text, tests: [{dbt_expectations.expect_column_values_to_be_unique: {mostly: 0.9}}, {not_null: {mostly: 1.0}}]}
      - {name: h, data_type: text, tests: [{not_null: {mostly: 2}}, {relationships: {to: ref('t'), field: id, config: {severity: warn}}}]}
"""


def test_a_dbt_test_that_lets_rows_pass_rejects_none(project):
    project.write("schema.yml", LENIENT)
    contract, lost = imported(project, "schema.yml")
    found = columns(contract)
    mostly = {name: [(r["implementation"]["expression"], r["implementation"]["mostly"]) for r in found[name].get("quality", [])] for name in "abcd"}
    assert mostly == {"a": [('"a" is not null', 0.9)], "b": [("\"b\" in ('x', 'it''s')", 0.5)], "c": [('"c" >= 0 and "c" <= 9', 0.8)],
                      "d": [("regexp_matches(\"d\", 'it''s')", 0.75)]}
    assert found["d"]["quality"][0]["severity"] == "warning" and not any("required" in found[name] for name in "ab")
    assert {"property": "sluice.severity", "value": {"required": "warn", "unique": "warn"}} in found["e"]["customProperties"]
    assert found["f"]["required"] and found["f"]["unique"] and "customProperties" not in found["f"]
    assert found["g"]["required"] and "unique" not in found["g"] and "required" not in found["h"]
    assert found["h"]["relationships"][0]["customProperties"] == [{"property": "sluice.orphans", "value": "warn"}]
    assert contract["schema"][0]["quality"][0]["severity"] == "warning"
    for part in ["'error_if: >10'", "'error_if: >5'", "'warn_if: >= 3'", "let a share of rows break such a rule", "'mostly' is no share"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    assert len(lost) == 5, lost
    accepted_by_check(project, contract, "orders")


def test_an_expression_that_the_engine_does_not_take_stays_as_a_text(project):
    project.write("schema.yml", "models:\n  - name: t\n    tests: [{dbt_utils.expression_is_true: {expression: 'array_size(parse_json(a)) > 0'}}]\n"
                  "    columns: [{name: a, data_type: text}]\n")
    contract, lost = imported(project, "schema.yml")
    rule, = contract["schema"][0]["quality"]
    assert (rule["type"], rule["description"]) == ("text", "array_size(parse_json(a)) > 0") and len(lost) == 1
    accepted_by_check(project, contract, "t")


CHECKED = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
"""


def form_of(project, form):
    told = project.json("contract", "export", "t.odcs.yml", "--format", form)
    return told["text"], [item["message"] for item in told["warnings"]]


COLUMN_TYPES = {"past": "date", "future": "date", "age": "date", "weekday": "date", "compare": "date", "range": "integer", "required_if": "integer",
                "absent_if": "integer", "sum_of": "integer", "product_of": "integer", "multiple_of": "number", "decimal_places": "number",
                "item_count": "array", "unique_items": "array", "member_count": "object", "required_members": "object"}


def test_every_kind_of_rule_and_check_survives_odcs(project):
    """Those of `sluice ls --checks`, each as its example says it, come through export and import as they were."""
    project.write("sluice.yml", "name: t\nlake: lake\n")
    entries = [{"check": "row_count_change", "max_drop": 0.2, "versions": 7},
               {"check": {"unique": ["email"]}, "severity": "warn"},
               {"check": "freshness", "column": "at", "max_age": "26h", "where": "email is not null"},
               {"check": {"not_null": ["email", "at"]}, "mostly": 0.9}]
    dates, texts = ["ordered_at", "paid_at", "shipped_at"], ["status", "email", "phone", "iban", "card", "street", "city", "postcode", "sender", "receiver"]
    numbers = ["id", "amount", "net", "tax", "price", "quantity"]
    properties = [{"name": name, "logicalType": kind} for kind, names in (("date", dates), ("string", texts), ("integer", numbers)) for name in names]
    properties.append({"name": "at", "logicalType": "timestamp"})
    kinds = project.json("ls", "--checks")["checks"]
    assert {kind["stands"] for kind in kinds} == {"column", "row", "table"}
    for kind in kinds:
        (word, value), = yaml.safe_load(kind["example"]).items()
        value = json.loads(json.dumps(value, default=str))
        if kind["stands"] == "table":
            entries.append({"check": {word: value}})
            if isinstance(value, dict):
                entries.append({"check": word, **value})
        elif kind["stands"] == "row" and (kind["name"] not in COLUMN_TYPES):
            entries.append(value)
        elif kind["name"] not in ("foreign_key", "type"):
            value = [{"type": "custom", "engine": "sluice", "implementation": value}] if word == "implementation" else value
            properties.append({"name": f"x_{kind['name']}", "logicalType": COLUMN_TYPES.get(kind["name"], "string"),
                               "quality" if word == "implementation" else word: value})
    quality = [{"type": "custom", "engine": "sluice", "implementation": entry} for entry in entries]
    quality[0]["name"] = "0012"
    next(item for item in quality if item["implementation"].get("kind") == "expression")["name"] = "no"
    contract = {**yaml.safe_load(CHECKED), "name": "t", "schema": [{"name": "t", "properties": properties, "quality": quality}]}
    project.write("t.odcs.yml", json.dumps(contract))
    assert project.json("contract", "lint", "t.odcs.yml")["errors"] == []
    text, lost = form_of(project, "odcs")
    assert lost == [] and check_odcs(yaml.safe_load(text)) == contract
    project.write("out/t.odcs.yml", text)
    assert imported(project, "out/t.odcs.yml") == (contract, [])
    assert project.json("contract", "lint", "out/t.odcs.yml")["errors"] == []
    told = project.json("contract", "diff", "t.odcs.yml", "out/t.odcs.yml")
    assert (told["level"], told["differences"]) == ("same", [])


def test_why_a_reference_is_left_out_is_true(project):
    project.write("t.odcs.yml", CHECKED + """schema:
  - name: days
    properties: [{name: day, logicalType: date, primaryKey: true}]
  - name: t
    properties:
      - {name: day, logicalType: date, relationships: [{type: foreignKey, to: days.day}]}
      - {name: last, logicalType: date, relationships: [{type: foreignKey, to: later.day}]}
  - name: later
    properties: [{name: day, logicalType: date, primaryKey: true}]
""")
    for dialect, whys in (("spark", ["the dialect has no foreign keys"] * 2), ("duckdb", ["no table before this one is it"])):
        told = project.json("contract", "export", "t.odcs.yml", "--format", "sql", "--dialect", dialect)["warnings"]
        assert [item["message"].rpartition("left out: ")[2] for item in told if "the reference" in item["message"]] == whys


def test_defaults_survive_avro(project):
    """The default of a union is of its first type."""
    kinds = [("string", None, "it's"), ("integer", None, -5), ("integer", "int", 7), ("number", None, 0.5), ("boolean", None, True), ("string", None, "12")]
    written = "".join(f"      - {{name: c{i}, logicalType: {kind}{', physicalType: ' + physical if physical else ''}, required: {required}, "
                      f"customProperties: [{{property: sluice.default, value: {json.dumps(value)}}}]}}\n"
                      for i, ((kind, physical, value), required) in enumerate([(k, r) for r in ("true", "false") for k in kinds]))
    written += """      - name: state
        logicalType: string
        quality: [{metric: invalidValues, arguments: {validValues: [new, paid]}, mustBe: 0}]
        customProperties: [{property: sluice.default, value: new}]
      - {name: day, logicalType: date, customProperties: [{property: sluice.default, value: 2020-01-01}]}
"""
    project.write("t.odcs.yml", CHECKED + "schema:\n  - name: t\n    properties:\n" + written)
    text, lost = form_of(project, "avro")
    assert [message for message in lost if "default" in message] == ["column 'day': its default '2020-01-01' has no counterpart in Avro"]
    schema = fastavro.parse_schema(json.loads(text))
    fields = {field["name"]: field for field in schema["fields"]}
    wanted = [value for _, _, value in kinds] * 2
    assert [fields[f"c{i}"]["default"] for i in range(len(wanted))] == wanted
    assert fields["c6"]["type"] == ["string", "null"] and fields["state"]["default"] == "new" and fields["day"]["default"] is None
    # a reader of this schema fills in what a file lacks
    empty = fastavro.parse_schema({"type": "record", "name": schema["name"], "fields": []})
    buffer = io.BytesIO()
    fastavro.writer(buffer, empty, [{}])
    buffer.seek(0)
    assert [next(fastavro.reader(buffer, reader_schema=schema))[f"c{i}"] for i in range(1)] == ["it's"]
    project.write("t.avsc", text)
    found = columns(imported(project, "t.avsc")[0])
    for name, value in [(f"c{i}", value) for i, value in enumerate(wanted)] + [("state", "new")]:
        assert {"property": "sluice.default", "value": value} in found[name]["customProperties"], name
    assert [bool(found[f"c{i}"].get("required")) for i in range(len(wanted))] == [True] * len(kinds) + [False] * len(kinds)
    accepted_by_check(project, imported(project, "t.avsc")[0], "t")


def test_defaults_of_dates_and_decimals_do_not_keep_an_avro_schema_out(project):
    fields = [{"name": "d", "type": {"type": "int", "logicalType": "date"}, "default": 18262}, {"name": "n", "type": "int", "default": 1},
              {"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "default": "\u00ff"}]
    project.write("r.avsc", json.dumps({"type": "record", "name": "r", "fields": fields}))
    contract, lost = imported(project, "r.avsc")
    assert [("customProperties" in column) for column in columns(contract).values()] == [False, True, False]
    assert sum("its default is written as the bytes or the number behind its type" in message for message in lost) == 2


@pytest.mark.parametrize("dialect, check, options", [
    ("duckdb", "email ~ '.*@.*'", {"pattern": "^(?:.*@.*)$"}), ("postgres", "email ~ '.*@.*'", {"pattern": ".*@.*"}),
    ("duckdb", "regexp_full_match(email, 'a|b')", {"pattern": "^(?:a|b)$"}), ("duckdb", "length(email) > 3", {"minLength": 4}),
    ("duckdb", "length(email) < 9 AND length(email) > 0", {"minLength": 1, "maxLength": 8}), ("duckdb", "length(email) >= 3", {"minLength": 3}),
    ("duckdb", "length(email) > 3.5", None), ("duckdb", "length(email) < 0", None), ("duckdb", "n BETWEEN 1 AND 9 AND n <> 5", None),
])
def test_checks_become_what_the_documentation_says(project, dialect, check, options):
    project.write("t.sql", f"CREATE TABLE t (email varchar, n integer, CHECK ({check}));")
    contract, _ = imported(project, "t.sql", "--dialect", dialect)
    assert columns(contract)["email"].get("logicalTypeOptions") == options
    assert ("quality" in contract["schema"][0]) == (options is None)
    accepted_by_check(project, contract, "t")


MULTIPLES = ["0.1", "0.10", "0.05", "1e-2", "1.0", "5"]


def test_multiples_are_exported_as_the_numbers_that_were_written(project):
    columns_of = "".join(f'      - {{name: n{i}, logicalType: number, physicalType: "decimal(10,4)", logicalTypeOptions: {{multipleOf: {multiple}}}}}\n'
                         for i, multiple in enumerate(MULTIPLES))
    project.write("t.odcs.yml", CHECKED + "schema:\n  - name: t\n    properties:\n" + columns_of +
                  '      - {name: n6, logicalType: integer, logicalTypeOptions: {multipleOf: "5"}}\n')
    text, lost = form_of(project, "odcs")
    contract = check_odcs(yaml.safe_load(text))
    assert lost == []
    assert [c["logicalTypeOptions"]["multipleOf"] for c in contract["schema"][0]["properties"]] == [0.1, 0.1, 0.05, 0.01, 1.0, 5, 5]
    written = [line.split(":")[1].strip() for line in text.splitlines() if "multipleOf" in line]
    assert written == ["0.1", "0.10", "0.05", "1.0e-2", "1.0", "5", "5"]
    text, lost = form_of(project, "jsonschema")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    written = [line.split(":")[1].strip(" ,") for line in text.splitlines() if "multipleOf" in line]
    assert (lost, written) == ([], ["0.1", "0.10", "0.05", "1.0e-2", "1.0", "5", "5"])
    project.write("back.json", text)
    found = columns(imported(project, "back.json")[0])
    assert [c["logicalTypeOptions"]["multipleOf"] for c in found.values()] == [0.1, 0.1, 0.05, 0.01, 1.0, 5, 5]


# --- JSON Schema ---

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#", "title": "Order line", "type": "object", "description": "A \U0001f600 line",
    "required": ["id", "status", "address", "gone"], "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1, "description": "Its number"},
        "price": {"type": ["number", "null"], "multipleOf": 0.01, "exclusiveMaximum": 1e6},
        "status": {"enum": ["new", "paid"], "default": "new"},
        "kind": {"const": "line"},
        "email": {"type": "string", "format": "email", "maxLength": 50},
        "at": {"type": "string", "format": "date-time"},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "code": {"type": "string", "pattern": "^(?!x)[a-z]+$"},
        "address": {"$ref": "#/definitions/address"},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "definitions": {"address": {"type": "object", "required": ["city"],
                                "properties": {"city": {"type": "string"}, "before": {"$ref": "#/definitions/address"}}}},
}


def test_json_schema(project):
    project.write("line.json", json.dumps(SCHEMA, indent="\t"))
    contract, lost = imported(project, "line.json")
    assert contract["name"] == "order_line" and contract["schema"][0]["description"] == "A \U0001f600 line"
    found = columns(contract)
    assert [name for name in found if found[name].get("required")] == ["id", "status", "address"]
    assert (found["price"]["physicalType"], found["price"]["logicalTypeOptions"]) == ("decimal(38,2)", {"exclusiveMaximum": 1e6})
    assert (enum_of(found["status"]), enum_of(found["kind"])) == (["new", "paid"], ["line"])
    assert found["email"]["logicalTypeOptions"] == {"maxLength": 50, "format": "email"}
    assert [found[name]["logicalType"] for name in ("at", "day", "tags", "address")] == ["timestamp", "date", "array", "object"]
    assert [c["name"] for c in found["address"]["properties"]] == ["city", "before"]
    assert found["tags"]["logicalTypeOptions"] == {"minItems": 1}
    assert found["tags"]["items"] == {"required": True, "logicalType": "string", "logicalTypeOptions": {"minLength": 1}}
    assert "logicalTypeOptions" not in found["code"]
    for part in ["'code': the engine does not take the pattern", "'gone' is required", "refers to itself", "'additionalProperties'",
                 "'oneOf' of 2 schemas"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    accepted_by_check(project, contract, "order_line")


@pytest.mark.parametrize("schema, message", [
    ('{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}', "goes round in a circle"),
    ('{"properties": {"a": {"$ref": "#/nowhere"}}}', "leads nowhere in this file"),
    ('{"properties": {"a": {"type": "strnig"}}}', "'strnig' is no type of JSON Schema"),
    ('{"properties": {"a": {"type": "string"}, "a": {"type": "string"}}}', "stands here twice"),
    ('{"properties": {"a": {"type": "string"}, "A": {"type": "string"}}}', "column 'A' stands here twice"),
    ('{"$schema": "x", "type": "string"}', "describes no object"),
    ('{"properties": {"a": {"allOf": [{"type": "string"}, {"type": "integer"}]}}}', "'type' is another one than in the rest of 'allOf'"),
    ('{"properties": {"a": {"allOf": [{"const": "x"}, {"enum": ["y", "z"]}]}}}', "'enum' is another one than in the rest of 'allOf'"),
    ('{"properties": {"a": {"allOf": [{"minLength": 5}, {"type": "string", "maxLength": 3}]}}}', "so no text fits"),
    ('{"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}', "goes round in a circle"),
    ('{"properties": {"a": {"type": "string", "minLength": 5, "maxLength": 3}}}', "so no text fits"),
    ('{"properties": ' + '{"a": {"properties": ' * 500 + "{}" + "}}" * 500 + "}", "levels deep"),
    ('{"properties": {"a"', None),
])
def test_a_json_schema_that_makes_no_sense_is_refused_with_its_place(project, schema, message):
    project.write("a.json", schema)
    told = project.json("contract", "import", "a.json", "--format", "jsonschema", exit_code=1)
    errors = told["errors"] or [told["error"]]  # a text that is no JSON is one error
    assert all(item["file"] == "a.json" and item["line"] for item in errors)
    assert message is None or any(message in item["message"] for item in told["errors"]), told


MERGED = {
    "title": "T", "type": "object",
    "allOf": [
        {"$ref": "#/$defs/base"},
        {"required": ["size"], "properties": {"size": {"maximum": 5, "description": "how large"}, "note": {"type": "string"}}},
        {"properties": {"tag": {"allOf": [{"enum": ["a", "b", "c"]}, {"enum": ["b", "c", "d"], "type": "string"}, {"enum": ["c", "b"]}]}}},
    ],
    "properties": {
        "size": {"type": "number", "minimum": 1, "maximum": 9},
        "code": {"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "b$"}, {"maxLength": 9}, {"maxLength": 7, "minLength": 1}]},
        "inner": {"allOf": [{"$ref": "#/$defs/inner"}, {"required": ["x"], "properties": {"y": {"type": "boolean"}}}]},
        "list": {"allOf": [{"type": "array", "items": {"type": "integer", "minimum": 0}}, {"items": {"maximum": 3}, "uniqueItems": True}]},
        "maybe": {"allOf": [{"type": ["string", "null"]}, {"format": "date"}]},
    },
    "$defs": {
        "base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "size": {"type": "integer", "minimum": 0}}},
        "inner": {"type": "object", "properties": {"x": {"type": "integer"}, "again": {"$ref": "#/properties/inner"}}},
    },
}


def test_all_schemas_of_an_all_of_count(project):
    project.write("t.json", json.dumps(MERGED, indent=1))
    contract, lost = imported(project, "t.json")
    found = columns(contract)
    assert {name for name in found if found[name].get("required")} == {"id", "size"}
    assert (found["size"]["logicalType"], found["size"]["logicalTypeOptions"], found["size"]["description"]) == (
        "integer", {"minimum": 1, "maximum": 5}, "how large")
    assert (enum_of(found["tag"]), found["note"]["logicalType"], found["maybe"]["logicalType"]) == (["c", "b"], "string", "date")
    assert found["code"]["logicalTypeOptions"] == {"pattern": "^a", "minLength": 1, "maxLength": 7}
    inner = {member["name"]: member for member in found["inner"]["properties"]}
    assert (set(inner), inner["x"]["required"], inner["y"]["logicalType"]) == ({"x", "again", "y"}, True, "boolean")
    assert found["list"]["logicalTypeOptions"] == {"uniqueItems": True}
    assert found["list"]["items"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 3}
    assert sorted(message.split(":")[0] for message in lost) == ["a schema refers to itself; it is described once",
                                                                 "a second 'pattern' in 'allOf' is another one"], lost
    accepted_by_check(project, contract, "t")
    # What the contract lets through is what the schema lets through.
    rows = [{"id": 1, "size": 3}, {"id": 1, "size": 0}, {"id": 1, "size": 6}, {"size": 3}, {"id": 1}, {"id": 1, "size": 3, "tag": "a"},
            {"id": 1, "size": 3, "tag": "b", "code": "ab"}, {"id": 1, "size": 3, "code": "aaaaaaab"}, {"id": 1, "size": 3, "inner": {"y": True}},
            {"id": 1, "size": 3, "inner": {"x": 1, "y": True}}, {"id": 1, "size": 3, "list": [1, 2]}, {"id": 1, "size": 3, "list": [1, 1]},
            {"id": 1, "size": 3, "list": [4]}, {"id": 1, "size": 3, "maybe": None}]
    project.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    tried = project.json("contract", "test", "contracts/t.odcs.yml", "--data", "rows.jsonl")["tables"][0]
    good = sum(jsonschema.Draft202012Validator(MERGED).is_valid(row) for row in rows)
    assert (tried["accepted"], tried["rejected"]) == (good, len(rows) - good) == (5, 9), tried


def test_members_that_need_each_other_are_rules_of_the_row(project):
    schema = {"title": "T", "type": "object", "properties": {"id": {"type": "integer"}, "card number": {"type": "string"}, "address": {"type": "string"}},
              "dependentRequired": {"card number": ["address", "nowhere"]}, "dependencies": {"address": ["id"], "id": {"minProperties": 1}}}
    project.write("t.json", json.dumps(schema, indent=1))
    contract, lost = imported(project, "t.json")
    assert {rule["name"]: rule["implementation"]["when"] for rule in contract["schema"][0]["quality"]} == {
        "card number_needs_address": '"card number" is not null', "address_needs_id": '"address" is not null'}
    assert len(lost) == 2 and any("'nowhere'" in message for message in lost) and any("is a schema" in message for message in lost), lost
    accepted_by_check(project, contract, "t")
    rows = [{"id": 1}, {"card number": "1"}, {"card number": "1", "address": "x"}, {"id": 1, "card number": "1", "address": "x"}]
    project.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    tried = project.json("contract", "test", "contracts/t.odcs.yml", "--data", "rows.jsonl")["tables"][0]
    assert (tried["accepted"], tried["rejected"]) == (2, 2), tried


@pytest.mark.parametrize("options, is_taken", [
    ({}, True), ({"from_condition": "1 = 1", "to_condition": "id is not null"}, True), ({"from_condition": '("c" IS NOT NULL)'}, True),
    ({"from_condition": "c <> 0"}, False), ({"to_condition": "active"}, False), ({"to_condition": "c is not null"}, False),
])
def test_a_dbt_relationship_of_some_rows_is_one_only_where_these_are_all(project, options, is_taken):
    test = {"dbt_utils.relationships_where": {"to": "ref('customers')", "field": "id"} | options}
    project.write("schema.yml", yaml.safe_dump({"version": 2, "models": [{"name": "t", "columns": [{"name": "c", "data_type": "int", "tests": [test]}]}]}))
    contract, lost = imported(project, "schema.yml")
    assert columns(contract)["c"].get("relationships") == ([{"type": "foreignKey", "to": "customers.id"}] if is_taken else None)
    assert lost if not is_taken else not lost


def test_schemas_that_refer_to_each_other_often_do_not_grow_without_end(project):
    defs = {f"t{i}": {"properties": {f"c{k}": {"$ref": f"#/$defs/t{i + 1}"} for k in range(8)}} for i in range(20)}
    defs["t20"] = {"properties": {"x": {"type": "string"}}}
    project.write("bomb.json", json.dumps({"$ref": "#/$defs/t0", "$defs": defs}))
    told = project.json("contract", "import", "bomb.json", exit_code=1)
    assert any("more than 100000 columns" in item["message"] for item in told["errors"])


# --- Avro ---

AVRO = {
    "type": "record", "name": "Order", "namespace": "shop", "doc": "An order", "fields": [
        {"name": "id", "type": "long", "doc": "Its number"},
        {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": None},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
        {"name": "before", "type": ["null", "Status"]},
        {"name": "to", "type": {"type": "record", "name": "Address", "fields": [{"name": "city", "type": "string"}, {"name": "next", "type": ["null", "Address"]}]}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "extra", "type": {"type": "map", "values": "string"}},
        {"name": "odd", "type": ["string", "int"]},
        {"name": "raw", "type": "bytes", "aliases": ["blob", "ID"]},
    ]}


def test_avro(project):
    fastavro.parse_schema(AVRO)
    project.write("order.avsc", json.dumps(AVRO))
    contract, lost = imported(project, "order.avsc")
    found = columns(contract)
    assert (contract["name"], contract["schema"][0]["description"]) == ("Order", "An order")
    assert [name for name in found if not found[name].get("required")] == ["amount", "before"]
    assert (found["amount"]["physicalType"], found["id"]["physicalType"]) == ("decimal(9,2)", "bigint")
    assert [found[n]["physicalType"] for n in ("at", "local")] == ["timestamptz", "timestamp"] and found["day"]["logicalType"] == "date"
    assert enum_of(found["status"]) == enum_of(found["before"]) == ["NEW", "PAID"]
    assert found["to"]["properties"][0]["name"] == "city" and found["tags"]["items"]["logicalType"] == "string"
    for part in ["refers to itself", "values of a map", "union of 2 types", "bytes are carried over"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    assert {"property": "sluice.aliases", "value": ["blob"]} in found["raw"]["customProperties"]
    assert [message for message in lost if "another name" in message] == ["another name of field 'raw'"]  # ID is a field
    accepted_by_check(project, contract, "order")


@pytest.mark.parametrize("schema, message", [
    ('{"type": "record", "name": "a"}', "no list 'fields'"),
    ('{"type": "record", "name": "a", "fields": [{"name": "x", "type": "strnig"}]}', "'strnig' is no type of Avro"),
    ('{"type": "record", "name": "a", "fields": [{"name": "x"}]}', "has no 'type'"),
    ('{"type": "record", "name": "a", "fields": [{"name": "x", "type": {"type": "bytes", "logicalType": "decimal", "precision": 99}}]}', "no decimal"),
    ('{"type": "enum", "name": "a", "symbols": ["b"]}', "no record"),
    ("[]", "describes no table"),
])
def test_an_avro_schema_that_makes_no_sense_is_refused_with_its_place(project, schema, message):
    project.write("a.avsc", schema)
    told = project.json("contract", "import", "a.avsc", exit_code=1)
    assert any(message in item["message"] for item in told["errors"]), told


# --- SQL ---

SQL = """-- the shop; with a ';' in a comment
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id integer PRIMARY KEY, email varchar(20) UNIQUE, "a;b" text);
COMMENT ON TABLE shop.customers IS 'Who buys';
CREATE TABLE orders (
  id bigint NOT NULL, -- its number
  line smallint,
  amount numeric(9,2) DEFAULT 1.50 CHECK (amount >= 0.01 AND amount < 1000),
  status varchar(10) DEFAULT 'new' CHECK (status IN ('new', 'paid')),
  day date CHECK (day >= '2020-01-01'),
  code text CHECK (regexp_matches(code, '^[A-Z]+') AND length(code) BETWEEN 2 AND 9),
  data jsonb,
  created timestamptz DEFAULT now(),
  nested STRUCT(a int, b varchar[]),
  PRIMARY KEY (line, id), UNIQUE (status, day), CHECK (amount > id)
);
COMMENT ON COLUMN orders.code IS 'A code';
INSERT INTO orders (id) VALUES (1);
"""


def test_sql(project):
    project.write("shop.sql", SQL)
    contract, lost = imported(project, "shop.sql")
    assert [t["name"] for t in contract["schema"]] == ["customers", "orders"] and contract["schema"][0]["description"] == "Who buys"
    assert columns(contract)["email"] == {"name": "email", "logicalType": "string", "physicalType": "varchar(20)", "unique": True}
    found = columns(contract, 1)
    assert [(n, found[n]["primaryKeyPosition"]) for n in found if found[n].get("primaryKey")] == [("id", 2), ("line", 1)]
    assert found["amount"]["logicalTypeOptions"] == {"minimum": 0.01, "exclusiveMaximum": 1000}
    assert found["code"]["logicalTypeOptions"] == {"pattern": "^[A-Z]+", "minLength": 2, "maxLength": 9} and found["code"]["description"] == "A code"
    assert enum_of(found["status"]) == ["new", "paid"] and found["day"]["logicalTypeOptions"] == {"minimum": "2020-01-01"}
    assert found["nested"]["properties"][1]["items"]["logicalType"] == "string"
    assert sorted(r["type"] for r in contract["schema"][1]["quality"]) == ["custom", "library"]
    assert [r.get("arguments") for r in contract["schema"][1]["quality"] if r["type"] == "library"] == [{"properties": ["status", "day"]}]
    assert [r.get("implementation") for r in contract["schema"][1]["quality"] if r["type"] == "custom"] == [{"expression": "(amount > id)"}]
    assert sorted(lost) == ["a statement 'insert ...' says nothing of a table's form", "column 'created': the default now() is computed"]
    accepted_by_check(project, contract, "shop")


def test_sql_that_the_engine_does_not_take_is_told_with_its_line(project):
    project.write("a.sql", "CREATE TABLE a (id int);\n\n-- b\nCREATE TABLE b (\n  id int,\n  x geodaetisch\n);\nCREATE TABLE c (id int) ENGINE=InnoDB;\n")
    told = project.json("contract", "import", "a.sql", exit_code=1)
    assert [item["line"] for item in told["errors"]] == [6, 8], told["errors"]
    project.write("b.sql", "-- nothing\n")
    assert "describes no table" in project.json("contract", "import", "b.sql", exit_code=1)["errors"][0]["message"]


def test_sql_reaches_no_file(project):
    (project.folder / "secret.csv").write_text("a\n1\n")
    for statement in ["CREATE TABLE a AS SELECT * FROM read_csv('secret.csv')", "CREATE TABLE a AS SELECT * FROM 'secret.csv'",
                      "CREATE TABLE a (x int); COPY a TO 'out.csv'", "CREATE TABLE a (x int); ATTACH 'out.db'"]:
        project.write("a.sql", statement)
        project.run("contract", "import", "a.sql", exit_code=None)
        assert sorted(p.name for p in project.folder.iterdir()) == ["a.sql", "secret.csv"]
    project.write("a.sql", "CREATE TABLE a AS SELECT * FROM read_csv('secret.csv')")
    assert "disabled" in project.run("contract", "import", "a.sql", exit_code=1).stderr


# --- Parquet and Delta ---

ARROW = pyarrow.schema([pyarrow.field("id", pyarrow.int64(), nullable=False), ("amount", pyarrow.decimal128(9, 2)), ("day", pyarrow.date32()),
                        ("at", pyarrow.timestamp("us", "UTC")), ("local", pyarrow.timestamp("us")), ("small", pyarrow.int8()),
                        ("nested", pyarrow.struct([("a", pyarrow.int32()), ("odd name", pyarrow.list_(pyarrow.string()))]))])


def check_arrow(contract):
    found = columns(contract)
    assert found["id"] == {"name": "id", "logicalType": "integer", "physicalType": "bigint", "required": True}
    assert [found[n].get("physicalType") for n in ("amount", "at", "local", "small")] == ["decimal(9,2)", "timestamptz", "timestamp", "tinyint"]
    assert found["nested"]["properties"] == [{"name": "a", "logicalType": "integer", "physicalType": "integer"},
                                             {"name": "odd name", "logicalType": "array", "items": {"logicalType": "string"}}]


def test_parquet(project):
    pyarrow.parquet.write_table(ARROW.empty_table(), project.folder / "orders.parquet")
    contract, lost = imported(project, "orders.parquet")
    assert lost == [] and contract["schema"][0]["name"] == "orders"
    check_arrow(contract)
    accepted_by_check(project, contract, "orders")
    project.write("broken.parquet", "PAR1 no")
    assert "broken.parquet" in project.json("contract", "import", "broken.parquet", exit_code=1)["error"]["message"]


NEVER_NULL = pyarrow.schema([
    pyarrow.field("x", pyarrow.int32()),
    pyarrow.field("s", pyarrow.struct([pyarrow.field("x", pyarrow.int32(), nullable=False), pyarrow.field("y", pyarrow.string())])),
    pyarrow.field("l", pyarrow.list_(pyarrow.field("element", pyarrow.int32(), nullable=False)), nullable=False),
    pyarrow.field("some", pyarrow.list_(pyarrow.field("element", pyarrow.int32()))),
    pyarrow.field("deep", pyarrow.list_(pyarrow.field("element", pyarrow.struct(
        [pyarrow.field("q", pyarrow.list_(pyarrow.field("element", pyarrow.string(), nullable=False)), nullable=False)])))),
    pyarrow.field("last", pyarrow.int64(), nullable=False)])


def never_null(column, path=""):
    """Paths of what is required."""
    found = {path} if column.get("required") else set()
    for member in column.get("properties", []):
        found |= never_null(member, f"{path}.{member['name']}")
    return found | (never_null(column["items"], path + "[]") if "items" in column else set())


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_members_and_items_that_are_never_null_are_required(project, form):
    if form == "parquet":
        schema = NEVER_NULL.append(pyarrow.field("m", pyarrow.map_(pyarrow.string(), pyarrow.int32()))).append(
            pyarrow.field("end", pyarrow.int64(), nullable=False))
        pyarrow.parquet.write_table(schema.empty_table(), project.folder / "t.parquet")
    else:
        deltalake.DeltaTable.create(project.folder / "t", deltalake.Schema.from_arrow(NEVER_NULL))
    contract, _ = imported(project, "t.parquet" if form == "parquet" else "t")
    found = never_null(contract["schema"][0])
    assert found == {".s.x", ".l", ".l[]", ".deep[].q", ".deep[].q[]", ".last"} | ({".end"} if form == "parquet" else set())
    accepted_by_check(project, contract, "t")


def test_delta(project):
    table = deltalake.DeltaTable.create(project.folder / "lake/orders", deltalake.Schema.from_arrow(ARROW), partition_by=["day"], configuration={})
    table.alter.add_constraint({"is_positive": "id > 0"})
    contract, lost = imported(project, "lake/orders", "--as", "sales")
    assert (contract["name"], contract["schema"][0]["name"], lost) == ("sales", "sales", [])
    check_arrow(contract)
    assert columns(contract)["day"]["partitioned"] is True
    assert contract["schema"][0]["quality"][0]["implementation"] == {"expression": "id > 0"}
    accepted_by_check(project, contract, "sales")


@pytest.mark.parametrize("layer, own", [("raw", ["_source", "_position", "_ingested_at", "_corrupt"]), ("clean", ["_source", "_position"])])
def test_tables_of_a_lake_lose_the_columns_that_are_not_of_the_source(project, layer, own):
    project.write("sluice.yml", "name: t\nlake: lake\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: orders.csv\n")
    project.write("orders.csv", "id,day\n1,2026-01-01\n")
    if layer == "clean":
        project.run("run")
        contract, _ = imported(project, "lake/raw/orders", "--as", "orders")
        project.write("contracts/orders.odcs.yml", yaml.safe_dump(contract))
    project.run("run")
    contract, lost = imported(project, f"lake/{layer}/orders", "--as", "orders")
    assert sorted(columns(contract)) == ["day", "id"]
    assert sorted(lost) == sorted(f"column '{name}' is left out: Sluice writes it itself" for name in own)
    project.write("contracts/orders.odcs.yml", yaml.safe_dump(contract))
    project.run("run")
    assert project.count("clean.orders") == 1
    (file,) = (project.folder / f"lake/{layer}/orders").glob("**/*.parquet")
    contract, lost = imported(project, str(file.relative_to(project.folder)), "--as", "orders")
    assert sorted(columns(contract)) == ["day", "id"] and len(lost) == len(own)


# --- What it is ---

@pytest.mark.parametrize("name, text, message", [
    ("a.yml", "", "cannot be told"), ("a.yml", "x: 1\n", "cannot be told"), ("a.json", "[1, 2]", "cannot be told"),
    ("a.yml", "a: [1\n", None), ("a.odcs.yml", "apiVersion: v9\n", "is no version of the standard"), ("a.odcs.yml", "- a\n", "expected a map"),
    ("a.yml", "models: []\n", "describes no table"), ("a.yml", "models: [{columns: []}]\n", "no 'name'"),
    ("a.yml", "models: [{name: a}, {name: a}]\n", "stands here twice"), ("a.yml", "models: [{name: a, columns: [{name: x}, {name: X}]}]\n", "stands here twice"),
])
def test_what_cannot_be_read_is_told(project, name, text, message):
    project.write(name, text)
    done = project.run("contract", "import", name, exit_code=None)
    assert done.returncode in (1, 2) and done.stdout == "" and (message is None or message in done.stderr), done.stderr


@pytest.mark.parametrize("name, text, place, message", [
    ("a.json", '{\n "type": "object",\n "properties": {"a": {"type": "string",}}\n}\n', (3, 40), "string or '}' expected near '}'"),
    ("a.json", '{\n "type": "object"\n', (3, 1), "'}' expected near end of file"),
    ("A.JSON", "\ufeff{'type': 'object'}", (1, 2), "string or '}' expected near "),
    ("a.avsc", '{"type":"record","fields":[ }', (1, 29), "near '}'"),
])
def test_json_that_is_none_is_told_with_its_place(project, name, text, place, message):
    project.write(name, text)
    error = project.json("contract", "import", name, exit_code=1)["error"]
    assert (error["file"], error["line"], error["column"]) == (name, *place) and message in error["message"], error
    assert error["message"].startswith(f"'{name}' is not valid JSON: ") and error["hint"]


def test_json_with_a_byte_order_mark_is_json(project):
    project.write("a.json", "\ufeff" + '{"type": "object", "properties": {"a": {"type": "string"}}}')
    assert "name: a" in project.run("contract", "import", "a.json").stdout


def test_output_never_replaces_a_file(project):
    project.write("schema.yml", DBT)
    project.run("contract", "import", "schema.yml", "-o", "out.yml")
    before = (project.folder / "out.yml").read_text()
    project.run("contract", "import", "schema.yml", "-o", "out.yml", exit_code=1)
    project.run("contract", "export", "out.yml", "--format", "sql", "-o", "out.yml", exit_code=1)
    assert (project.folder / "out.yml").read_text() == before


# --- Round trips of random contracts ---

TYPES = [("string", None), ("string", "varchar(12)"), ("integer", "tinyint"), ("integer", "smallint"), ("integer", "integer"), ("integer", "bigint"),
         ("number", "decimal(9,2)"), ("number", "decimal(38,10)"), ("number", "double"), ("boolean", None), ("date", None), ("time", None),
         ("timestamp", "timestamptz"), ("timestamp", "timestamp")]
NAMES = ["id", "Amount", "order", "select", "a b", "größe", 'quo"te', "it's", "x1", "_y", "date", "key", "Z-9"]


def random_column(rng, name, depth=0):
    column = {"name": name}
    kind = rng.random()
    if kind < 0.1 and depth < 3:
        column |= {"logicalType": "object", "properties": [random_column(rng, n, depth + 1) for n in rng.sample(NAMES[7:], 2)]}
    elif kind < 0.2 and depth < 3:
        column["logicalType"] = "array"
        column["items"] = {k: v for k, v in random_column(rng, "x", depth + 1).items() if k not in ("name", "quality")}
        if rng.random() < 0.5:
            column["items"]["required"] = True
    else:
        logical, physical = rng.choice(TYPES)
        column["logicalType"] = logical
        if physical:
            column["physicalType"] = physical
        if depth == 0 and logical in ("string", "integer") and rng.random() < 0.4:
            values = rng.sample(["new", "paid", "it's", "a b", "größe", "yes", "1.0"], 3) if logical == "string" else rng.sample(range(-5, 100), 3)
            column["quality"] = [{"type": "library", "metric": "invalidValues", "arguments": {"validValues": values}, "mustBe": 0}]
    if depth == 0 and rng.random() < 0.4:
        column["required"] = True
    if depth == 0 and rng.random() < 0.3:
        column["description"] = rng.choice(["It's: a # text", "two\nlines", "- dash", '"quoted"', "größe \U0001f600"])
    return column


def random_contract(rng):
    properties = [random_column(rng, name) for name in rng.sample(NAMES, rng.randint(1, 8))]
    scalars = [c for c in properties if c["logicalType"] not in ("object", "array")]
    for position, column in enumerate(rng.sample(scalars, min(len(scalars), rng.randint(0, 2)))):
        column |= {"required": True, "primaryKey": True, "primaryKeyPosition": position + 1}
    return {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "name": "t", "version": "1.0.0", "status": "draft",
            "schema": [{"name": "t", "logicalType": "object", "properties": properties}]}


def essence(column, form, depth=0):
    """What a round trip must keep: name, type, members, required, key, enum."""
    length = column.get("logicalTypeOptions", {}).get("maxLength")
    physical = column.get("physicalType")
    physical = f"varchar({length})" if length else physical
    kept = {"logicalType": column["logicalType"], "physicalType": physical, "required": column.get("required", False),
            "key": column.get("primaryKey", False), "enum": enum_of(column),
            "members": [essence(c, form, depth + 1) for c in column.get("properties", [])], "items": essence(column["items"], form, depth + 1) if "items" in column else None}
    if form == "sql" and depth:  # a check holds members to it, and nothing the items of a list
        kept["required"] = False
        kept["physicalType"] = None if "varchar" in (physical or "") else physical
    if form == "sql" and not kept["members"] and kept["items"] is None and column["logicalType"] in ("object", "array"):
        kept["logicalType"] = "object"
    return (column.get("name"), kept)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_exported_and_imported_again_is_the_same(project, postgres, seed):
    contract = random_contract(random.Random(seed))
    project.write("t.odcs.yml", yaml.safe_dump(check_odcs(contract), allow_unicode=True, sort_keys=False))
    files = {"odcs": "out.odcs.yml", "jsonschema": "out.json", "avro": "out.avsc", "sql": "out.sql"}
    for form, file in files.items():
        (project.folder / file).unlink(missing_ok=True)
        project.run("contract", "export", "t.odcs.yml", "--format", form, "-o", file)
        text = (project.folder / file).read_text()
        if form == "odcs":
            assert check_odcs(yaml.safe_load(text)) == contract
        elif form == "jsonschema":
            jsonschema.Draft202012Validator.check_schema(json.loads(text))
        elif form == "avro":
            fastavro.parse_schema(json.loads(text))
        else:
            duckdb.connect().execute(text)
        again, _ = imported(project, file, "--as", "t")
        found = [essence(column, form) for column in again["schema"][0]["properties"]]
        wanted = [essence(column, form) for column in contract["schema"][0]["properties"]]
        if form == "avro":  # which has its own rules for names
            wanted_here = [(None, kept) for _, kept in strip_names(wanted)]
            found = [(None, kept) for _, kept in strip_names(found)]
        else:
            wanted_here = wanted
        assert found == wanted_here, form
    sql = project.run("contract", "export", "t.odcs.yml", "--format", "sql", "--dialect", "postgres").stdout
    postgres.query("begin; drop table if exists t; " + sql + " rollback;")


def strip_names(columns):
    return [(None, kept | {"members": strip_names(kept["members"]), "items": strip_names([kept["items"]])[0] if kept["items"] else None})
            for _, kept in columns]


def test_exported_sql_refuses_what_the_contract_refuses(project, postgres):
    project.write("shop.sql", SQL.replace("nested STRUCT(a int, b varchar[]),", ""))
    project.run("contract", "import", "shop.sql", "-o", "shop.odcs.yml")
    bad = ["(1, 1, 0, 'new', null, null)", "(1, 1, 5, 'odd', null, null)", "(1, 1, 5, 'new', '2019-01-01', null)",
           "(1, 1, 5, 'new', null, 'abc')", "(1, 1, 5, 'new', null, 'A')", "(null, 1, 5, 'new', null, null)"]
    for dialect in ("duckdb", "postgres"):
        sql = project.run("contract", "export", "shop.odcs.yml", "--format", "sql", "--dialect", dialect).stdout
        names = "(id, line, amount, status, day, code)"
        if dialect == "duckdb":
            connection = duckdb.connect()
            connection.execute(sql)
            connection.execute(f"insert into orders {names} values (1, 1, 5, 'new', '2024-01-01', 'ABC')")
            for row in bad:
                with pytest.raises(duckdb.ConstraintException):
                    connection.execute(f"insert into orders {names} values {row.replace('(1, 1', '(2, 1')}")
        else:
            postgres.query(f"begin; {sql} insert into orders {names} values (1, 1, 5, 'new', '2024-01-01', 'ABC'); rollback;")
            for row in bad:
                with pytest.raises(AssertionError, match="violates"):
                    postgres.query(f"begin; {sql} insert into orders {names} values {row}; rollback;")


JUDGED = """apiVersion: v3.1.0
kind: DataContract
id: t
name: t
version: 1.0.0
status: active
schema:
  - name: t
    quality:
      - {type: custom, engine: sluice, name: pair, implementation: {kind: unique, columns: [a, b]}}
      - {type: custom, engine: sluice, implementation: {kind: compare, column: i, op: "<>", to: d}}
      - {type: custom, engine: sluice, name: ab, implementation: {kind: compare, column: a, op: "<", to: b}}
      - {type: custom, engine: sluice, name: soft, implementation: {kind: compare, column: b, op: "<", to: a, severity: warn}}
      - {type: custom, engine: sluice, name: some, implementation: {kind: compare, column: b, op: "<", to: a, where: "id < 0"}}
    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: i, logicalType: integer, logicalTypeOptions: {multipleOf: 3}}
      - {name: d, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: {multipleOf: 0.05}}
      - {name: x, logicalType: number, logicalTypeOptions: {multipleOf: 0.1}}
      - name: w
        logicalType: integer
        logicalTypeOptions: {multipleOf: 7, maximum: 50}
        customProperties: [{property: sluice.severity, value: {multiple_of: warn, range: warn}}]
      - {name: a, logicalType: string}
      - {name: b, logicalType: string}
      - {name: day, logicalType: date}
      - name: at
        logicalType: timestamp
        physicalType: timestamptz
        quality: [{type: custom, engine: sluice, name: after, implementation: {kind: compare, op: ">=", to: day}}]
"""


def judged_rows():
    rng = random.Random(4)
    texts = [None, "a", "B", "b", "ä", "Z", "aa"]
    moments = [None, "2024-03-01T00:00:00Z", "2024-02-29T23:59:59Z", "2024-03-01T00:00:00+02:00"]
    return [(i, rng.choice([None, 0, 3, -6, 6]) if rng.random() < 0.9 else 4, rng.choice([None, "0.05", "6.00", "-6.00", "3.00", "12.35"])
             if rng.random() < 0.9 else "0.01", rng.choice([None, "0.3", "0.7", "-1.1", "1e9"]) if rng.random() < 0.9 else "0.35", rng.choice([None, 7, 8, 56]),
             rng.choice(texts), rng.choice(texts), rng.choice([None, "2024-03-01"]), rng.choice(moments)) for i in range(160)]


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_exported_sql_judges_multiples_comparisons_and_unique_columns_as_the_rules_do(project, postgres, dialect):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", JUDGED)
    rows = judged_rows()
    project.write("data/a.csv", "id,i,d,x,w,a,b,day,at\n" + "".join(",".join("" if v is None else str(v) for v in row) + "\n" for row in rows))
    report = project.json("run")
    rules = {reason["rule"] for step in report["steps"] for reason in step.get("reasons", [])}
    assert {"i.multiple_of", "d.multiple_of", "x.multiple_of", "pair", "ab", "after"} <= rules, rules
    kept = {int(row[0]) for row in project.rows("clean.t", "id")}
    assert 20 < len(kept) < len(rows)
    told = project.json("contract", "export", "contracts/t.odcs.yml", "--format", "sql", "--dialect", dialect)
    lost = [item["message"] for item in told["warnings"]]
    assert sum("'soft'" in message for message in lost) == sum("'some'" in message for message in lost) == 1, lost
    assert not any(word in message for message in lost for word in ("'pair'", "'ab'", "'after'", "'i'", "'d'", "'x'")), lost
    sql = told["text"]
    inserts = ["insert into t values (" + ", ".join("null" if v is None else f"'{v}'" for v in row) + ")" for row in rows]
    if dialect == "duckdb":
        connection, taken = duckdb.connect(), set()
        connection.execute("set timezone = 'Asia/Tokyo'; " + sql)
        for row, insert in zip(rows, inserts):
            try:
                connection.execute(insert)
                taken.add(row[0])
            except duckdb.ConstraintException:
                pass
    else:
        tries = "".join(f"begin {insert}; exception when integrity_constraint_violation then null; end; " for insert in inserts).replace("$", "")
        postgres.query(f"drop table if exists t; set timezone = 'Asia/Tokyo'; {sql} do $$ begin {tries} end $$;")
        taken = {int(row[0]) for row in postgres.query("select id from t")}
        postgres.query("drop table t")
    assert taken == kept, (sorted(taken - kept), sorted(kept - taken))


def test_multiples_come_back_from_sql(project):
    project.write("t.odcs.yml", JUDGED)
    for dialect in ("duckdb", "postgres"):
        text, _ = exported(project, "sql", "--dialect", dialect)
        project.write(f"{dialect}.sql", text)
        found = columns(imported(project, f"{dialect}.sql", "--dialect", dialect)[0])
        assert [found[name].get("logicalTypeOptions") for name in ("i", "d")] == [{"multipleOf": 3}, {"multipleOf": 0.05}]
    text, lost = exported(project, "sql", "--dialect", "spark")
    assert "ADD CONSTRAINT `i_multipleOf` CHECK (`i` % 3 = 0)" in text and "ADD CONSTRAINT `ab` CHECK (`a` < `b`)" in text, text
    assert any("'pair'" in message for message in lost) and any("'after'" in message for message in lost)


def test_avro_and_json_schema_hold_for_real_rows(project, tmp_path):
    project.write("t.odcs.yml", ODCS_V3)
    schema = json.loads(project.run("contract", "export", "t.odcs.yml", "--format", "jsonschema").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate({"id": 1, "amount": 5.25, "day": "2024-01-01", "status": "new"})
    for row in [{"amount": 1}, {"id": "x"}, {"id": 1, "amount": 0}, {"id": 1, "amount": 11}, {"id": 1, "status": "odd"}]:
        assert not validator.is_valid(row), row
    avro = fastavro.parse_schema(json.loads(project.run("contract", "export", "t.odcs.yml", "--format", "avro").stdout))
    assert fastavro.validation.validate({"id": 1, "status": "paid"}, avro, raise_errors=False)
    assert not fastavro.validation.validate({"id": 1, "status": "odd"}, avro, raise_errors=False)


NESTED = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - {name: id, logicalType: string, logicalTypeOptions: {format: uuid, maxLength: 40}}
      - {name: whole, logicalType: integer, logicalTypeOptions: {format: i32, multipleOf: 5}}
      - name: s
        logicalType: object
        properties:
          - {name: n, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1, maximum: 9}}
          - {name: "it's", logicalType: string, logicalTypeOptions: {pattern: "^a+$", maxLength: 3}}
          - name: deep
            logicalType: object
            properties:
              - name: k
                logicalType: string
                quality: [{metric: invalidValues, arguments: {validValues: [x, "it's"]}, mustBe: 0}]
      - name: tags
        logicalType: array
        items: {logicalType: string, required: true, logicalTypeOptions: {pattern: "^b+$"}}
      - name: lines
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: qty, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1}}
            - {name: sku, logicalType: string, quality: [{metric: invalidValues, arguments: {validValues: [x]}, mustBe: 0}]}
"""


def exported(project, form, *options):
    told = project.json("contract", "export", "t.odcs.yml", "--format", form, *options)
    assert all(item["code"] == "SL0305" for item in told["warnings"]), told["warnings"]
    return told["text"], [item["message"] for item in told["warnings"]]


def test_rules_of_members_and_items_are_exported_or_told_as_lost(project):
    project.write("t.odcs.yml", NESTED)
    text, lost = exported(project, "sql")
    for part in ["'id': 'format'", "'tags[]': 'required'", "'tags[]': 'pattern'", "'lines[].qty': 'required'",
                 "'lines[].qty': 'minimum'", "'lines[].sku': its valid values"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    assert len(lost) == 6, lost
    connection = duckdb.connect()
    connection.execute(text)
    insert = "insert into t (s) values (%s::struct(n bigint, \"it's\" varchar, deep struct(k varchar)))"
    for good in ["null", "row(1, 'aaa', row('x'))", "row(9, null, null)", "row(5, 'a', row('it''s'))"]:
        connection.execute(insert % good)
    for bad in ["row(null, 'a', null)", "row(0, 'a', null)", "row(10, 'a', null)", "row(1, 'b', null)", "row(1, 'aaaa', null)", "row(1, 'a', row('y'))"]:
        with pytest.raises(duckdb.ConstraintException):
            connection.execute(insert % bad)
    project.write("t.sql", text)  # checks that look into a column are rules of its members
    contract, told = imported(project, "t.sql")
    accepted_by_check(project, contract, "t")
    assert not any("kept as a text" in message for message in told), told
    members = columns(contract)["s"]["properties"]
    assert "quality" not in contract["schema"][0] and [member.get("logicalTypeOptions") for member in members] == [
        {"minimum": 1, "maximum": 9}, {"pattern": "^a+$", "maxLength": 3}, None]
    assert members[0]["required"] and enum_of(members[2]["properties"][0]) == ["x", "it's"]
    project.write("back.odcs.yml", yaml.safe_dump(contract))
    again = project.json("contract", "export", "back.odcs.yml", "--format", "sql")["text"]
    project.write("again.sql", again)
    assert imported(project, "again.sql")[0]["schema"] == contract["schema"]
    _, lost = exported(project, "sql", "--dialect", "spark")
    assert sum("'s.n': 'minimum'" in message for message in lost) == sum("'s.n': 'required'" in message for message in lost) == 1, lost
    _, lost = exported(project, "sql", "--dialect", "postgres")
    assert sum("what is inside is not described" in message for message in lost) == 3, lost
    _, lost = exported(project, "avro")
    for part in ["'s.n': 'minimum'", "'s.n': 'maximum'", "'s.it's': 'pattern'", "'tags[]': 'pattern'", "'lines[].qty': 'minimum'"]:
        assert sum(part in message for message in lost) == 1, (part, lost)
    text, lost = exported(project, "jsonschema")
    assert not any("'s." in message or "[]" in message for message in lost), lost
    validator = jsonschema.Draft202012Validator(json.loads(text))
    validator.validate({"s": {"n": 1}, "tags": ["b"], "lines": [{"qty": 1}, None]})
    for bad in [{"s": {"n": 0}}, {"s": {}}, {"tags": ["a"]}, {"tags": [None]}, {"lines": [{"qty": 0}]}, {"lines": [{"qty": 1, "sku": "y"}]}]:
        assert not validator.is_valid(bad), bad


def test_a_rule_that_some_rows_may_break_is_no_check_in_sql(project):
    rule = "{type: custom, engine: sluice, name: %s, implementation: {kind: expression, expression: 'a > 0'%s}%s}"
    rules = [rule % ("always", "", ""), rule % ("some", ", where: b = 1", ""), rule % ("most", ", mostly: 0.9", ""),
             rule % ("told", "", ", severity: warning"), rule % ("inner", ", severity: warn", ""), rule % ("named", "", ", severity: error")]
    project.write("t.odcs.yml", NESTED[:NESTED.index("    properties:")] + f"    quality: [{', '.join(rules)}]\n"
                  "    properties: [{name: a, logicalType: integer}, {name: b, logicalType: integer}]\n")
    text, lost = exported(project, "sql")
    assert text.count("a > 0") == 2, text
    assert [any(f"'{name}'" in message for message in lost) for name in ("some", "most", "told", "inner")] == [True] * 4 and len(lost) == 4, lost


def test_items_that_may_be_null_stay_so(project):
    base = NESTED[:NESTED.index("      - {name: id")]
    project.write("t.odcs.yml", base + "      - {name: some, logicalType: array, items: {logicalType: string}}\n"
                  "      - {name: all, logicalType: array, items: {logicalType: integer, physicalType: smallint, required: true}}\n")
    text, _ = exported(project, "jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(text))
    assert validator.is_valid({"some": [None, "a"], "all": [1]}) and not validator.is_valid({"all": [None]})
    project.write("t.json", text)
    avro, _ = exported(project, "avro")
    schema = fastavro.parse_schema(json.loads(avro))
    assert fastavro.validation.validate({"some": [None, "a"], "all": [1]}, schema, raise_errors=False)
    assert not fastavro.validation.validate({"some": [], "all": [None]}, schema, raise_errors=False)
    project.write("t.avsc", avro)
    for file in ("t.json", "t.avsc"):
        found = columns(imported(project, file)[0])
        assert found["some"]["items"].get("required", False) is False and found["all"]["items"]["required"] is True, file
        assert found["all"]["items"]["physicalType"] == "smallint", file


def test_a_contract_of_the_project_is_found_by_its_names(shop):
    for name in ("orders", "contracts/orders.odcs.yml"):
        text = shop.run("contract", "export", name, "--format", "odcs").stdout
        assert check_odcs(yaml.safe_load(text))["schema"][0]["name"] == "orders"
    done = shop.run("contract", "export", "order", "--format", "odcs", exit_code=1)
    assert "did you mean 'orders'?" in done.stderr


EVERY_PART = """
apiVersion: v3.1.0
kind: DataContract
id: shop-orders
name: orders
version: 1.2.0
status: active
domain: sales
dataProduct: shop
tenant: example
contractCreatedTs: "2026-01-31T10:00:00+00:00"
tags: [sales, daily]
description:
  purpose: what was ordered
  usage: revenue
  limitations: none before 2020
  authoritativeDefinitions: [{type: canonical, url: "https://example.org/orders"}]
authoritativeDefinitions: [{type: tutorial, url: "https://example.org/how"}]
servers:
  - server: lake
    type: local
    path: lake
    format: parquet
    environment: prod
    description: where it lies
    roles: [{role: reader, access: read}]
    customProperties: [{property: tier, value: 2}]
  - {server: db, type: postgres, host: db.example.org, port: 5432, database: shop, schema: public}
team:
  name: sales
  description: who answers
  members:
    - {username: ada, name: Ada, role: owner, dateIn: "2025-01-01"}
    - {username: ben, role: steward, dateIn: "2024-01-01", dateOut: "2025-01-01", replacedByUsername: ada}
roles:
  - {role: analyst, access: read, firstLevelApprovers: ada, secondLevelApprovers: ben, description: looks}
support:
  - {channel: "#orders", tool: slack, scope: issues, url: "https://example.org/chat", invitationUrl: "https://example.org/join"}
price: {priceAmount: 9.95, priceCurrency: EUR, priceUnit: megabyte}
slaProperties:
  - {property: latency, value: 4, unit: d, element: orders.day, driver: analytics}
  - {property: retention, value: 3, valueExt: "4", unit: y}
customProperties:
  - {property: costCentre, value: 4711}
  - {property: nested, value: {a: [1, two], b: true}}
schema:
  - name: orders
    id: orders_obj
    physicalName: orders_v1
    physicalType: table
    businessName: Orders
    description: one order a row
    dataGranularityDescription: order
    tags: [fact]
    authoritativeDefinitions: [{type: businessDefinition, url: "https://example.org/order"}]
    customProperties: [{property: layer, value: gold}]
    properties:
      - name: id
        id: id_prop
        businessName: Number
        logicalType: integer
        physicalType: bigint
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        partitioned: false
        criticalDataElement: true
        examples: [1, 2]
        tags: [key]
      - name: day
        logicalType: date
        partitioned: true
        partitionKeyPosition: 1
        classification: public
        encryptedName: day_enc
        transformSourceObjects: [raw_orders]
        transformLogic: cast(day as date)
        transformDescription: the day
        examples: ["2026-01-31"]
        authoritativeDefinitions: [{type: businessDefinition, url: "https://example.org/day"}]
        customProperties: [{property: width, value: 10}]
        quality:
          - {type: text, name: sane, description: days of the shop, dimension: accuracy, businessImpact: operational}
          - type: library
            metric: nullValues
            mustBeLessThan: 5
            unit: percent
            severity: warning
            scheduler: cron
            schedule: 0 20 * * *
            method: reconciliation
            tags: [dq]
            customProperties: [{property: team, value: sales}]
          - {type: custom, engine: soda, implementation: "type: duplicate_percent"}
    quality:
      - {type: library, metric: rowCount, mustBeBetween: [1, 100]}
      - {type: library, metric: duplicateValues, arguments: {properties: [id, day]}, mustBe: 0}
      - {type: sql, query: "select count(*) from {object}", mustBeGreaterThan: 0}
"""


def test_every_part_of_the_standard_comes_through_import_and_export(project):
    project.write("full.odcs.yaml", EVERY_PART)
    exported = project.run("contract", "export", "full.odcs.yaml", "--format", "odcs").stdout
    project.write("again.odcs.yaml", exported)
    imported = project.run("contract", "import", "again.odcs.yaml").stdout
    assert yaml.safe_load(exported) == yaml.safe_load(EVERY_PART)
    assert yaml.safe_load(imported) == yaml.safe_load(EVERY_PART)
    assert "0 errors" in project.run("contract", "lint", "full.odcs.yaml").stdout


FUNDAMENTALS = """apiVersion: v3.1.0
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: payments
version: 1.1.0
status: active
domain: seller
description: {purpose: "who, and what for"}
"""


def test_a_contract_without_a_schema_is_one_too(project):
    """The standard requires no schema; some of its examples are of the other sections only."""
    project.write("f.odcs.yaml", FUNDAMENTALS)
    contract, lost = imported(project, "f.odcs.yaml")
    assert contract == yaml.safe_load(FUNDAMENTALS) and lost == []
    assert yaml.safe_load(project.run("contract", "export", "f.odcs.yaml", "--format", "odcs").stdout) == contract
    told = project.json("contract", "lint", "f.odcs.yaml")
    assert told["errors"] == [] and any("no 'schema'" in item["message"] for item in told["warnings"])
    assert "payments, version 1.1.0" in project.run("contract", "show", "f.odcs.yaml").stdout
    assert "no difference" in project.run("contract", "diff", "f.odcs.yaml", "f.odcs.yaml").stdout
    for form in ("sql", "avro", "jsonschema"):
        assert "it describes no table" in project.run("contract", "export", "f.odcs.yaml", "--format", form, exit_code=1).stderr
    accepted_by_check(project, contract, "payments")


OTHER_ENGINES = """apiVersion: v3.1.0
kind: DataContract
id: t
name: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - name: a
        logicalType: string
        quality:
          - type: custom
            engine: soda
            implementation: {type: duplicate_percent, columns: [carrier, shipment_numer], must_be_less_than: 1.0, version: 1.0}
          - type: custom
            engine: greatExpectations
            implementation: {type: expect_table_row_count_to_be_between, kwargs: {minValue: 10000, maxValue: 50000}}
"""


def test_what_other_engines_are_told_is_kept_as_it_is(project):
    project.write("t.odcs.yml", OTHER_ENGINES)
    contract, lost = imported(project, "t.odcs.yml")
    assert contract == yaml.safe_load(OTHER_ENGINES) and lost == []
    text, lost = exported(project, "odcs")
    assert yaml.safe_load(text) == contract and lost == []


REFERENCES = """apiVersion: v3.1.0
kind: DataContract
id: t
name: t
version: 1.0.0
status: active
schema:
  - name: Cust omers
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}
      - {name: "a-b", logicalType: integer, primaryKey: true, primaryKeyPosition: 2}
      - {name: a_b, logicalType: integer}
  - name: t
    relationships:
      - {type: foreignKey, from: [t.x, t.y], to: [Cust omers.id, "Cust omers.a-b"]}
    properties:
      - {name: x, logicalType: integer, relationships: [{type: foreignKey, to: Cust omers.id}, {type: foreignKey, to: clean.others.id}]}
      - {name: y, logicalType: integer, relationships: [{type: foreignKey, to: curated.dates.day}, {type: foreignKey, to: far away.id}]}
"""


def test_references_are_exported_as_the_standard_allows_them(project):
    project.write("t.odcs.yml", REFERENCES)
    text, lost = exported(project, "odcs")
    contract = check_odcs(yaml.safe_load(text))
    assert contract["schema"][0]["id"] == "Cust_omers" and [c.get("id") for c in contract["schema"][0]["properties"]] == ["id", "a_b_2", None]
    found = columns(contract, 1)
    assert [r["to"] for r in found["x"]["relationships"]] == ["schema/Cust_omers/properties/id", "others.id"]
    assert contract["schema"][1]["relationships"] == [{"type": "foreignKey", "from": ["t.x", "t.y"], "to": [
        "schema/Cust_omers/properties/id", "schema/Cust_omers/properties/a_b_2"]}]
    assert "relationships" not in found["y"]
    assert len(lost) == 2 and "'curated.dates.day'" in lost[0] and "'far away.id'" in lost[1]
    told = project.json("contract", "import", "t.odcs.yml")["contract"]  # which keeps what only Sluice understands
    assert columns(told, 1)["x"] == found["x"] and [r["to"] for r in columns(told, 1)["y"]["relationships"]] == ["curated.dates.day", "far away.id"]
    sql, _ = exported(project, "sql")
    assert 'FOREIGN KEY ("x", "y") REFERENCES "Cust omers" ("id", "a-b")' in sql
    project.write("t.sql", 'create table "Cust omers" (id int primary key); create table t (x int references "Cust omers" (id));')
    assert columns(imported(project, "t.sql")[0], 1)["x"]["relationships"][0]["to"] == "schema/Cust_omers/properties/id"
    project.write("t.odcs.yml", text)  # and is read as what it was
    assert exported(project, "sql")[0] == sql


SELF = """apiVersion: v3.1.0
kind: DataContract
id: emp
version: 1.0.0
status: active
schema:
  - name: emp
    relationships: [{type: foreignKey, from: [emp.boss, emp.part], to: [clean.emp.id, clean.emp.seat]}]
    properties:
      - {name: id, logicalType: integer, primaryKey: true, relationships: [{type: foreignKey, to: emps.id}]}
      - {name: boss, logicalType: integer, relationships: [{type: foreignKey, to: clean.emp.id}]}
      - {name: part, logicalType: integer, relationships: [{type: foreignKey, to: emp.id}]}
      - {name: seat, logicalType: integer}
"""


@pytest.mark.parametrize("name", ["staff", "the staff"])
def test_a_table_that_gets_another_name_still_refers_to_itself(project, name):
    project.write("emp.odcs.yml", SELF)
    contract, _ = imported(project, "emp.odcs.yml", "--as", name)
    project.write("emp.odcs.yml", yaml.safe_dump(contract))
    text = project.json("contract", "export", "emp.odcs.yml", "--format", "odcs")["text"]
    table = yaml.safe_load(text)["schema"][0]
    there = "staff." if name == "staff" else "schema/the_staff/properties/"
    assert table["name"] == name and table["relationships"] == [{"type": "foreignKey", "from": [there + "boss", there + "part"],
                                                                 "to": [there + "id", there + "seat"]}]
    assert [r["to"] for c in table["properties"] for r in c.get("relationships", [])] == ["emps.id", there + "id", there + "id"]


def test_foreign_keys_are_exported_whether_or_not_they_name_the_layer(project):
    project.write("t.odcs.yml", SELF)
    text, lost = exported(project, "sql")
    assert text.count('REFERENCES "emp" ("id")') == 2, text
    assert 'FOREIGN KEY ("boss", "part") REFERENCES "emp" ("id", "seat")' in text, text
    assert [message for message in lost if "reference" in message] == [
        "'id': the reference to 'emps.id' is left out: no table before this one is it"]


def test_texts_in_sql_are_escaped_as_the_dialect_has_it(project):
    column = {"name": "a", "logicalType": "string", "description": r"a \ 'b'", "logicalTypeOptions": {"pattern": r"^a\d'$"},
              "quality": [{"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["it's", r"a\b"]}, "mustBe": 0}]}
    contract = yaml.safe_load(SELF) | {"schema": [{"name": "t", "description": r"it's \ all", "properties": [column]}]}
    project.write("t.odcs.yml", yaml.safe_dump(contract))
    text = exported(project, "sql", "--dialect", "spark")[0]
    for part in [r"RLIKE '^a\\d\'$'", r"IN ('it\'s', 'a\\b')", r"COMMENT 'a \\ \'b\''", r"COMMENT 'it\'s \\ all'"]:
        assert part in text, (part, text)
    text = exported(project, "sql")[0]
    for part in [r"'^a\d''$')", r"IN ('it''s', 'a\b')", r"IS 'a \ ''b'''", r"IS 'it''s \ all'"]:
        assert part in text, (part, text)


def test_rules_keep_their_names_in_sql(project):
    project.write("t.odcs.yml", NESTED[:NESTED.index("    properties:")] + """    quality:
      - {type: custom, engine: sluice, name: e1, implementation: {expression: "a > 0 -- always"}}
      - {type: custom, engine: sluice, name: 'in "order"', implementation: {expression: a < b}}
    properties: [{name: a, logicalType: integer}, {name: b, logicalType: integer}]
""")
    text, lost = exported(project, "sql")
    assert 'CONSTRAINT "e1" CHECK (a > 0 -- always\n' in text and 'CONSTRAINT "in ""order""" CHECK (a < b\n' in text and lost == []
    connection = duckdb.connect()
    connection.execute(text)
    with pytest.raises(duckdb.ConstraintException):
        connection.execute("insert into t values (2, 1)")


def test_what_is_nullable_is_not_required(project):
    number = {"type": "integer", "nullable": True}
    project.write("t.json", json.dumps({"title": "t", "type": "object", "required": ["a", "b"], "$defs": {"n": number}, "properties": {
        "a": number, "b": {"type": "integer", "nullable": False}, "c": {"type": "array", "items": number},
        "d": {"type": "array", "items": {"$ref": "#/$defs/n"}}, "e": {"type": "array", "items": {"type": "integer"}}}}))
    contract, lost = imported(project, "t.json")
    found = columns(contract)
    assert [bool(found[name].get("required")) for name in "ab"] == [False, True] and lost == []
    assert [bool(found[name]["items"].get("required")) for name in "cde"] == [False, False, True]


# --- members in the SQL of DuckDB ---

MEMBERS = CHECKED + """schema:
  - name: t
    properties:
      - {name: i, logicalType: integer}
      - {name: tag, logicalType: array, items: {logicalType: string}}
      - name: s
        logicalType: object
        properties:
          - {name: x, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1, exclusiveMaximum: 100}}
          - {name: "a b", logicalType: string, logicalTypeOptions: {pattern: '^a', minLength: 2}}
          - name: o
            logicalType: object
            properties:
              - {name: z, logicalType: string, quality: [{type: library, metric: invalidValues, arguments: {validValues: [p, q]}, mustBe: 0}]}
              - {name: w, logicalType: integer, required: true}
      - name: items
        logicalType: array
        items: {logicalType: object, properties: [{name: qty, logicalType: integer}]}
    quality:
"""
GOOD_ROWS = ["(1, ['s.x'], {'x': 5, 'a b': 'ab', 'o': {'z': 'p', 'w': 1}}, [{'qty': 1}])", "(null, null, null, null)",
             "(2, null, {'x': 6, 'a b': null, 'o': null}, [null])"]
MEMBER_EXPRESSIONS = [
    # the SQL of the rule, what it becomes, a row that breaks it
    ("s.x < 10 or i > 3", "struct_extract(s, 'x') < 10 or i > 3", "(1, null, {'x': 50, 'a b': 'ab', 'o': null}, null)"),
    ("S.X <> 7 -- s.x of \"s.x\"", """struct_extract(S, 'x') <> 7 -- s.x of "s.x\"""", "(1, null, {'x': 7, 'a b': 'ab', 'o': null}, null)"),
    ("s . \"a b\" <> 'as.x'", """struct_extract(s, 'a b') <> 'as.x'""", "(1, null, {'x': 5, 'a b': 'as.x', 'o': null}, null)"),
    ("\"s\".o.z <> 'q' and s.o.w < 9", """struct_extract(struct_extract("s", 'o'), 'z') <> 'q' and struct_extract(struct_extract(s, 'o'), 'w') < 9""",
     "(1, null, {'x': 5, 'a b': 'ab', 'o': {'z': 'q', 'w': 1}}, null)"),
    ("items[1].qty < 9 and i < 1e5 and not contains(tag, $$s.x y$$)", "items[1].qty < 9 and i < 1e5 and not contains(tag, $$s.x y$$)",
     "(1, null, null, [{'qty': 9}])"),
    ("coalesce((s.o).w, s.x) < 90", """coalesce((struct_extract(s, 'o')).w, struct_extract(s, 'x')) < 90""", "(1, null, {'x': 95, 'a b': 'ab', 'o': null}, null)"),
]


def run_ddl(text):
    database = duckdb.connect()
    database.execute(text)
    return database


@pytest.mark.parametrize("expression, becomes, bad", MEMBER_EXPRESSIONS)
def test_expressions_over_members_are_checks_that_duckdb_takes_and_judges_alike(project, expression, becomes, bad):
    rule = {"type": "custom", "engine": "sluice", "name": "rule", "implementation": {"expression": expression}}
    project.write("t.odcs.yml", MEMBERS + f"      - {json.dumps(rule)}\n")
    assert project.json("contract", "lint", "t.odcs.yml")["errors"] == []
    text, lost = form_of(project, "sql")
    assert lost == [] and f'CONSTRAINT "rule" CHECK ({becomes}\n' in text
    database = run_ddl(text)
    for row in GOOD_ROWS:
        database.execute(f"insert into t values {row}")
    with pytest.raises(duckdb.ConstraintException):
        database.execute(f"insert into t values {bad}")
    project.write("t.sql", text)
    contract, lost = imported(project, "t.sql")
    assert lost == [] and len(contract["schema"][0]["quality"]) == 1
    accepted_by_check(project, contract, "t")


BAD_MEMBERS = ["{'x': 0, 'a b': 'ab', 'o': null}", "{'x': 100, 'a b': 'ab', 'o': null}", "{'x': null, 'a b': 'ab', 'o': null}",
               "{'x': 5, 'a b': 'b1', 'o': null}", "{'x': 5, 'a b': 'a', 'o': null}", "{'x': 5, 'a b': 'ab', 'o': {'z': 'r', 'w': 1}}",
               "{'x': 5, 'a b': 'ab', 'o': {'z': 'p', 'w': null}}"]


def test_rules_of_members_come_back_from_duckdb_as_they_were(project):
    project.write("t.odcs.yml", MEMBERS.replace("    quality:\n", ""))
    text, lost = form_of(project, "sql")
    database = run_ddl(text)
    for row in GOOD_ROWS:
        database.execute(f"insert into t values {row}")
    for struct in BAD_MEMBERS:
        with pytest.raises(duckdb.ConstraintException):
            database.execute(f"insert into t values (1, null, {struct}, null)")
    project.write("t.sql", text)
    contract, more = imported(project, "t.sql")
    assert (lost, more) == ([], []) and "quality" not in contract["schema"][0]
    members = columns(contract)["s"]["properties"]
    assert [(m.get("required", False), m.get("logicalTypeOptions")) for m in members] == [
        (True, {"minimum": 1, "exclusiveMaximum": 100}), (False, {"minLength": 2, "pattern": "^a"}), (False, None)]
    assert enum_of(members[2]["properties"][0]) == ["p", "q"] and members[2]["properties"][1]["required"]
    project.write("t.odcs.yml", yaml.safe_dump(contract, sort_keys=False))
    assert form_of(project, "sql")[0] == text


@pytest.mark.parametrize("expression", ["list_sum(list_transform(items, q -> q.qty)) < 9", "len(list_filter(tag, lambda q: q = 'x')) < 9",
                                        "list_sum([q.qty for q in items]) < 9"])
def test_expressions_with_lambdas_are_told_as_lost(project, expression):
    rule = {"type": "custom", "engine": "sluice", "name": "rule", "implementation": {"expression": expression}}
    project.write("t.odcs.yml", MEMBERS + f"      - {json.dumps(rule)}\n")
    text, lost = form_of(project, "sql")
    assert lost == ["table 't': quality rule 'rule' has a lambda, which is in no CHECK of duckdb"]
    run_ddl(text)


def test_multiples_of_numbers_keep_their_type_in_json_schema(project):
    written = [{"name": "d", "logicalType": "number", "logicalTypeOptions": {"multipleOf": 0.01}},
               {"name": "n", "logicalType": "number", "physicalType": "decimal(10,4)", "logicalTypeOptions": {"multipleOf": 0.1}},
               {"name": "k", "logicalType": "number", "physicalType": "decimal(9,2)"}]
    project.write("t.odcs.yml", CHECKED + yaml.safe_dump({"schema": [{"name": "t", "properties": written}]}))
    text, lost = form_of(project, "jsonschema")
    project.write("back.json", text)
    found, = imported(project, "back.json")[0]["schema"]
    back = [{key: column[key] for key in ("name", "logicalType", "physicalType", "logicalTypeOptions") if key in column} for column in found["properties"]]
    assert (lost, back) == ([], [{**written[0], "physicalType": "double"}, *written[1:]])


def test_patterns_of_members_and_items_that_the_engine_does_not_take_are_told(project):
    text = {"type": "string", "pattern": "^(?!x)[a-z]+$"}
    project.write("n.json", json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "n", "type": "object", "properties": {
        "top": text, "o": {"type": "object", "properties": {"c": text, "fine": {"type": "string", "pattern": "^a"}}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"deep": text}}}, "t": {"type": "array", "items": text}}}))
    contract, lost = imported(project, "n.json")
    assert [message.split(":")[0] for message in lost if "does not take" in message] == [f"column '{path}'" for path in ("top", "o.c", "l[].deep", "t[]")]
    assert [member.get("logicalTypeOptions") for member in columns(contract)["o"]["properties"]] == [None, {"pattern": "^a"}]
    accepted_by_check(project, contract, "n")
