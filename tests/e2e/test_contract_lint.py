"""`sluice contract lint`: every finding has its code, place and hint, and a good contract has none."""
import bisect
import itertools
import operator
import pathlib
import random
import shutil

import pytest

from conftest import contract_text

GOOD = """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
team: {members: [{username: ada@shop.example, role: owner}]}
slaProperties: [{property: latency, value: 26, unit: h}]
schema:
  - name: t
    description: All that was sold
    properties:
      - {name: id, description: Its number, logicalType: integer, primaryKey: true, examples: [1]}
      - {name: email, description: Of the buyer, logicalType: string, classification: restricted, logicalTypeOptions: {format: email}}
"""
FINDINGS = [
    ("    description: All that was sold\n", "", "SL0310", 9, "table 't' is not described"),
    ("description: Its number, ", "", "SL0310", 12, "column 'id' of table 't' is not described"),
    ("team: {members: [{username: ada@shop.example, role: owner}]}\n", "", "SL0311", 1, "no team"),
    ("role: owner", "role: analyst", "SL0311", 6, "no member of the team has the role owner"),
    ("version: 1.0.0", "version: '1.0'", "SL0312", 4, "'1.0' is no number of three parts"),
    (", primaryKey: true", "", "SL0313", 9, "has no primary key"),
    (", logicalTypeOptions: {format: email}", "", "SL0314", 9, "no rule beyond its types"),
    ("slaProperties: [{property: latency, value: 26, unit: h}]\n", "", "SL0315", 1, "no service level"),
    (", classification: restricted", "", "SL0316", 13, "looks personal"),
    ("name: email, description: Of the buyer, logicalType: string, classification: restricted", "name: customerEMail, description: x, logicalType: string",
     "SL0316", 13, "looks personal"),
    ("status: active", "status: actve", "SL0317", 5, "'actve' is none of the standard's"),
    (", examples: [1]", "", "SL0318", 9, "has examples"),
]


@pytest.mark.parametrize("old, new, code, line, message", FINDINGS, ids=[f"{f[2]}-{f[3]}-{i}" for i, f in enumerate(FINDINGS)])
def test_each_finding_has_its_code_and_place(project, old, new, code, line, message):
    assert GOOD.count(old) == 1
    project.write("t.odcs.yml", GOOD.replace(old, new))
    told = project.json("contract", "lint", "t.odcs.yml")
    found, = told["warnings"]
    assert (found["code"], found["file"]) == (code, "t.odcs.yml") and message in found["message"], found
    assert found["line"] == line - (old.endswith("\n") and new == "" and line > GOOD[:GOOD.index(old)].count("\n") + 1)
    assert project.json("contract", "lint", "t.odcs.yml", "--strict", exit_code=1)["exit_code"] == 1
    assert found["message"] in project.run("contract", "lint", "t.odcs.yml").stderr
    assert code in project.run("explain", code).stdout


def test_a_good_contract_has_no_finding_and_a_wrong_one_has_its_errors(project):
    project.write("t.odcs.yml", GOOD)
    assert project.run("contract", "lint", "--strict", "t.odcs.yml").stdout == "1 contract: 0 errors, 0 warnings\n"
    project.write("bad.yml", GOOD.replace("format: email", "format: emial"))
    told = project.json("contract", "lint", "t.odcs.yml", "bad.yml", exit_code=1)
    assert told["contracts"] == ["t.odcs.yml", "bad.yml"] and [e["hint"] for e in told["errors"]] == ["did you mean 'email'?"]
    project.write("list.yml", "- a\n")
    assert "holds no contract" in project.run("contract", "lint", "list.yml", exit_code=1).stderr
    assert "no file" in project.run("contract", "lint", "gone", exit_code=1).stderr


def test_names_that_only_sound_personal_are_left_alone(project):
    project.write("t.odcs.yml", GOOD + "".join(
        f"      - {{name: {name}, description: x, logicalType: string}}\n" for name in ("product_name", "emailed_at", "mailbox_size", "file_name", "renamed")))
    assert project.json("contract", "lint", "t.odcs.yml")["warnings"] == []


def test_all_contracts_of_a_project(shop):
    told = shop.json("contract", "lint")
    assert sorted(told["contracts"]) == ["contracts/customers.odcs.yml", "contracts/orders.odcs.yml"] and told["errors"] == []
    assert shop.json("contract", "lint", "orders")["contracts"] == ["contracts/orders.odcs.yml"]


def test_rules_that_say_nothing_of_some_values_exclude_each_other_only_for_others(project):
    """try_cast is null for what is no number, and a rule that is null is kept."""
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "a\nabc\n7\n1\n")
    rules = "".join(f"          - {{type: custom, engine: sluice, name: {name}, implementation: {{expression: '{text}'}}}}\n"
                    for name, text in (("high", "try_cast(a as integer) > 5"), ("low", "try_cast(a as integer) < 3")))
    project.write("contracts/t.odcs.yml", contract_text("t", "name: a\n        logicalType: string\n        required: true\n        quality:") + rules)
    assert "no row with a value in all they look at can keep both of the rules 'high' and 'low'" in project.run("check").stderr
    project.run("run")
    assert project.rows("clean.t", "a") == [("abc",)]


@pytest.mark.parametrize("high, low, is_error", [
    ("a > 5", "a < 3", True),
    ("coalesce(a, 1) > 5", "coalesce(a, 1) < 3", True),
    ("a > 5 and t like ''(x)%''", "a < 3", True),  # brackets and words of a text are no calls
    ("a > 5 and t <> ''case a/b''", "a < 3", True),
    ("nullif(a, 7) > 5", "nullif(a, 7) < 3", False),
    ("a > 5 and a in (6, null)", "a < 3 and a in (6, null)", False),
    ("a + 1 > 5", "a + 1 < 3", False),  # it overflows, and is kept
])
def test_whether_rules_exclude_each_other_follows_what_their_functions_give(project, high, low, is_error):
    rules = "".join(f"          - {{type: custom, engine: sluice, name: {name}, implementation: {{expression: '{text}'}}}}\n"
                    for name, text in (("high", high), ("low", low)))
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "a,t\n7,x\n")
    project.write("contracts/t.odcs.yml", contract_text("t", "{name: t, logicalType: string, required: true}",
                                                        "name: a\n        logicalType: integer\n        required: true\n        quality:") + rules)
    told = project.json("check", exit_code=1 if is_error else 0)
    of_rules = [[item["message"] for item in told[kind] if "of the rules" in item["message"]] for kind in ("errors", "warnings")]
    sure, unsure = ["no row can keep both of the rules 'high' and 'low'"], ["no row with a value in all they look at can keep both of the rules 'high' and 'low'"]
    assert of_rules == ([sure, []] if is_error else [[], unsure])


@pytest.mark.parametrize("check, message", [
    ("metric: rowCount, mustBe: 1.5", "nothing can pass"),
    ("metric: rowCount, mustBeLessThan: 0", "nothing can pass"),
    ("metric: rowCount, mustBeGreaterThan: 5, mustBeLessThan: 5", "contradict each other"),
    ("metric: rowCount, mustBe: 5, mustNotBe: 5", "contradict each other"),
    ("metric: rowCount, mustNotBe: 0, mustBeLessThan: 1", "nothing can pass"),
    ("metric: rowCount, mustBe: 15", None),
])
def test_checks_that_nothing_can_pass_are_errors(project, check, message):
    project.write("t.odcs.yml", GOOD + f"    quality: [{{{check}}}]\n")
    told = project.json("contract", "lint", "t.odcs.yml", exit_code=1 if message else 0)
    assert [message in e["message"] and e["line"] == 14 for e in told["errors"]] == [True] * bool(message), told["errors"]


GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
CASES = [case.relative_to(GOLDEN).as_posix() for case in sorted([*GOLDEN.glob("check/*"), *GOLDEN.glob("errors/*")]) if any(case.rglob("contracts/*.yml"))]
# What is no matter of a contract by itself: the sources and the other tables of the project.
OF_THE_PROJECT = ("governs", "is also in", "depend on each other", "no table of the project", "of curated.", "of the table itself", "SL0302")


@pytest.mark.parametrize("case", CASES)
def test_lint_finds_what_check_finds_in_contracts(project, case):
    shutil.copytree(GOLDEN / case, project.folder, dirs_exist_ok=True)
    files = sorted(path.relative_to(project.folder).as_posix() for path in project.folder.rglob("*.yml") if path.parent.name == "contracts")
    checked, linted = project.json("check", exit_code=None), project.json("contract", "lint", *files, exit_code=None)

    def found(told, *kinds):
        # a parent is a table of the project there, and one of the contract here
        return {(item["file"].split("contracts/")[-1], item["line"], item["column"], item["code"], item["message"].replace(" of clean.", " of "))
                for kind in kinds for item in told[kind] if "contracts/" in (item["file"] or "")}

    def of_a_contract(items):
        return {item for item in items if not any(words in item[4] or words == item[3] for words in OF_THE_PROJECT)}

    # a filter may look at columns that the contract leaves out, and then lint only warns
    assert of_a_contract(found(checked, "errors")) <= found(linted, "errors", "warnings")
    assert of_a_contract(found(checked, "warnings")) <= found(linted, "errors", "warnings")
    assert {item for item in found(linted, "errors") - found(checked, "errors") if not item[4].startswith("sluice.filter")} == set()


@pytest.mark.parametrize("column, code, message", [
    ("{name: n, logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 3, exclusiveMaximum: 4}}", "SL0301", "no value can keep its rule"),
    (r"{name: n, logicalType: string, logicalTypeOptions: {pattern: '(a)\1'}}", "SL0303", "invalid escape sequence"),
    ("{name: n, logicalType: string, logicalTypeOptions: {pattern: '(?=a)'}}", "SL0303", "invalid perl operator"),
    ("{name: n, logicalType: string, logicalTypeOptions: {pattern: 'a^b'}}", "SL0303", "no text that it takes"),
    ("{name: n, logicalType: date, customProperties: [{property: sluice.formats, value: ['%Q']}]}", "SL0303", "format specifier"),
])
def test_lint_asks_the_engine_of_a_contract_without_a_project(project, column, code, message):
    project.write("t.odcs.yml", GOOD + f"      - {column}\n")
    told, = project.json("contract", "lint", "t.odcs.yml", exit_code=1)["errors"]
    assert (told["code"], told["line"]) == (code, 14) and message in told["message"], told


def test_a_filter_over_a_column_that_the_contract_leaves_out_is_a_warning(project):
    project.write("t.odcs.yml", GOOD.replace("    description: All", "    customProperties: [{property: sluice.filter, value: \"kind <> 'test'\"}]\n    description: All"))
    told = project.json("contract", "lint", "t.odcs.yml")
    assert told["errors"] == [] and [(item["code"], item["line"]) for item in told["warnings"]] == [("SL0303", 10)]
    assert "`sluice check`" in told["warnings"][0]["hint"]


def chain_contract(rules, columns="", required=True):
    """Columns a, b, c, d of integers, and rules over them: "a < b", "a = b", or a map."""
    entries = []
    for rule in rules:
        words = rule.split() if isinstance(rule, str) else None
        implementation = f"{{kind: compare, column: {words[0]}, op: \"{words[1]}\", to: {words[2]}}}" if words else rule["is"]
        name = "-".join({"<": "below", "<=": "upto", "=": "is", "<>": "not", ">": "above", ">=": "from"}.get(w, w) for w in words) if words else rule["name"]
        entries.append(f"      - {{type: custom, engine: sluice, name: {name}, implementation: {implementation}}}\n")
    own = dict(line.split(": ", 1) for line in columns.splitlines())
    properties = "".join(f"      - {{name: {name}, description: x, {own.get(name, 'logicalType: integer')}{', required: true' if required else ''}}}\n" for name in "abcd")
    return GOOD + properties + "    quality:\n" + "".join(entries)


INTEGER = "logicalType: integer, logicalTypeOptions: "
CHAINS = [
    (["a < b", "b < c", "c < a"], "", "all of the rules 'a-below-b', 'b-below-c' and 'c-below-a'"),
    (["a < b", "b <= c", "c <= d", "d <= a"], "", "all of the rules 'a-below-b', 'b-upto-c', 'c-upto-d' and 'd-upto-a'"),
    (["a <= b", "b <= c", "c <= a"], "", None),  # all the same
    (["a <= b", "b <= c", "c <= a", "a <> c"], "", "all of the rules 'a-upto-b', 'b-upto-c', 'c-upto-a' and 'a-not-c'"),
    (["a = b", "b = c", "c <> a"], "", "all of the rules 'a-is-b', 'b-is-c' and 'c-not-a'"),
    (["a = b", "b = c", "c < a"], "", "all of the rules 'a-is-b', 'b-is-c' and 'c-below-a'"),
    (["a = b", "b = c"], f"a: {INTEGER}{{maximum: 5}}\nc: {INTEGER}{{minimum: 6}}", "all of the rules 'a.range', 'c.range', 'a-is-b' and 'b-is-c'"),
    (["a = b", "b = c"], f"a: {INTEGER}{{maximum: 6}}\nc: {INTEGER}{{minimum: 6}}", None),
    (["a < b"], f"a: {INTEGER}{{minimum: 10}}\nb: {INTEGER}{{maximum: 10}}", "all of the rules 'a.range', 'b.range' and 'a-below-b'"),
    (["a <= b"], f"a: {INTEGER}{{minimum: 10}}\nb: {INTEGER}{{maximum: 10}}", None),
    (["b > a"], f"a: {INTEGER}{{minimum: 10}}\nb: {INTEGER}{{maximum: 11}}", None),
    # between 0 and 2 there is one integer, and there are many numbers
    (["a < b", "b < c"], f"a: {INTEGER}{{minimum: 0}}\nc: {INTEGER}{{maximum: 1}}", "all of the rules 'a.range', 'c.range', 'a-below-b' and 'b-below-c'"),
    (["a < b", "b < c"], "\n".join(f"{n}: logicalType: number{o}" for n, o in (("a", ", logicalTypeOptions: {minimum: 0}"), ("b", ""), ("c", ", logicalTypeOptions: {maximum: 1}"))),
     None),
    (["a < b"], "a: logicalType: date, logicalTypeOptions: {minimum: 2024-05-01}\nb: logicalType: date, logicalTypeOptions: {exclusiveMaximum: 2024-05-02}",
     "all of the rules 'a.range', 'b.range' and 'a-below-b'"),
    (["a < b"], "a: logicalType: date, logicalTypeOptions: {minimum: 2024-05-01}\nb: logicalType: timestamp, logicalTypeOptions: {maximum: '2024-05-01T00:00:01Z'}", None),
    ([{"name": "rising", "is": "{kind: in_order, columns: [a, b, c]}"}, "c < a"], "", "both of the rules 'rising' and 'c-below-a'"),
    ([{"name": "rising", "is": "{kind: in_order, columns: [a, b, c]}"}, "c <= a"], "", None),
    ([{"name": "rising", "is": "{kind: in_order, columns: [a, b, c], strictly: true}"}, "c <= a"], "", "both of the rules 'rising' and 'c-upto-a'"),
    (["a = b", {"name": "apart", "is": "{kind: different, columns: [a, b, c]}"}], "", "both of the rules 'a-is-b' and 'apart'"),
    (["a < b", "b < c", {"name": "back", "is": "{kind: compare, column: c, op: \"<\", to: a, where: d > 1}"}], "", None),
    (["a < b", "b < c", {"name": "back", "is": "{kind: compare, column: c, op: \"<\", to: a, severity: warn}"}], "", None),
    (["a < b", "b < c", {"name": "back", "is": "{kind: compare, column: c, op: \"<\", to: a, mostly: 0.9}"}], "", None),
    (["a < b", "b < c", "d < a"], "", None),
    # an integer of 64 bits beside a double is rounded
    (["a <= b", "b <= c", "c < a"], "b: logicalType: number", None),
]


@pytest.mark.parametrize("rules, columns, which", CHAINS)
def test_rules_over_several_columns_that_no_row_can_keep_together(project, rules, columns, which):
    """Rows without one of the values keep what is said about it, so that it is an error only where all are required."""
    for required in (True, False):
        project.write("t.odcs.yml", chain_contract(rules, columns, required))
        told = project.json("contract", "lint", "t.odcs.yml", exit_code=1 if which and required else 0)
        found = [(kind, item["message"], item["code"]) for kind in ("errors", "warnings") for item in told[kind] if "no row" in item["message"]]
        of_all = "" if required else "with a value in all they look at "
        assert found == ([("errors" if required else "warnings", f"no row {of_all}can keep {which}", "SL0301")] if which else [])


def test_a_chain_of_which_one_column_may_be_missing_is_a_warning_and_the_rows_pass(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "id,email,a,b,c,d\n1,a@b.example,1,2,,4\n")
    project.write("contracts/t.odcs.yml", chain_contract(["a < b", "b < c", "c < a"], required=False))
    assert "no row with a value in all they look at can keep all of the rules" in project.run("check").stderr
    project.run("run")
    assert project.count("clean.t") == 1


def test_what_is_said_of_random_orders_and_bounds_is_so(project):
    """Against all rows of small numbers: what is told is true, and without '<>' all is told."""
    rng, compare = random.Random(7), {"<": operator.lt, "<=": operator.le, "=": operator.eq, "<>": operator.ne}
    lines, tables, first_lines = GOOD.splitlines(), [], []
    for number in range(80):
        columns = {name: (rng.random() < 0.6, rng.choice([(None, None), (None, None), (rng.randint(0, 4), None), (None, rng.randint(0, 4))])) for name in "abc"}
        pairs = rng.sample([("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("a", "c")], rng.randint(2, 4))
        rules = [(x, rng.choice(["<", "<=", "=", "<>"] if number % 2 else ["<", "<=", "="]), y) for x, y in pairs]
        tables.append((columns, rules))
        first_lines.append(len(lines) + 1)
        lines += [f"  - name: t{number}", "    description: x", "    properties:"]
        for name, (required, (low, high)) in columns.items():
            bounds = ", ".join(f"{key}: {value}" for key, value in (("minimum", low), ("maximum", high)) if value is not None)
            lines.append(f"      - {{name: {name}, logicalType: integer, required: {str(required).lower()}, logicalTypeOptions: {{{bounds}}}}}")
        lines.append("    quality:")
        lines += [f"      - {{type: custom, engine: sluice, implementation: {{kind: compare, column: {x}, op: '{op}', to: {y}}}}}" for x, op, y in rules]
    project.write("t.odcs.yml", "\n".join(lines) + "\n")
    told = project.json("contract", "lint", "t.odcs.yml", exit_code=1)
    verdicts = {kind: {bisect.bisect(first_lines, item["line"]) - 1 for item in told[kind] if "no row" in item["message"]} for kind in ("errors", "warnings")}

    def passes(row, columns, rules):
        bounded = all(row[n] is None or ((low is None or row[n] >= low) and (high is None or row[n] <= high)) for n, (_, (low, high)) in columns.items())
        return bounded and all(None in (row[x], row[y]) or compare[op](row[x], row[y]) for x, op, y in rules)

    for number, (columns, rules) in enumerate(tables):
        rows = [dict(zip("abc", values, strict=True)) for values in itertools.product([None, *range(-3, 8)], repeat=3)]
        good = [row for row in rows if passes(row, columns, rules) and not any(row[name] is None and columns[name][0] for name in "abc")]
        is_never, is_never_whole = not good, not any(None not in row.values() for row in good)
        is_told, is_warned = number in verdicts["errors"], number in verdicts["warnings"]
        assert is_never or not is_told, (columns, rules)
        assert is_never_whole or not (is_told or is_warned), (columns, rules)
        if number % 2 == 0:
            assert is_told == is_never and (is_told or is_warned) == is_never_whole, (columns, rules)
    assert min(len(verdicts["errors"]), len(verdicts["warnings"])) > 8


@pytest.mark.parametrize("to, message", [
    ("places.code", None), ("places.cod", "leads to 'cod', which is no column of places"), ("places.since", "they cannot be compared"),
    ("places.pin", "is protected by 'none', and 'pin' of places by 'hash'"), ("elsewhere.code", None),
])
def test_foreign_keys_to_tables_of_the_same_contract_are_looked_at(project, to, message):
    project.write("t.odcs.yml", GOOD + f"      - {{name: place, description: x, logicalType: string, relationships: [{{type: foreignKey, to: {to}}}]}}\n" + """\
  - name: places
    description: x
    properties:
      - {name: code, description: x, logicalType: string, primaryKey: true, examples: [a]}
      - {name: since, description: x, logicalType: date}
      - {name: pin, description: x, logicalType: string, customProperties: [{property: sluice.personal, value: {as: hash}}]}
""")
    errors = project.json("contract", "lint", "t.odcs.yml", exit_code=1 if message else 0)["errors"]
    assert [(message in item["message"], item["code"], item["line"]) for item in errors] == [(True, "SL0301", 14)] * bool(message)
