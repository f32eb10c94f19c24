"""Formats of numbers and booleans: read, refused, compared, replayed, made and drafted."""
import csv
import io
from decimal import Decimal

import pytest

from conftest import contract_text


def column(name, kind, *formats, more=""):
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in formats)
    custom = f", customProperties: [{{property: sluice.formats, value: [{listed}]}}{more}]" if formats or more else ""
    return f"{{name: {name}, {kind}{custom}}}"


DECIMAL = "logicalType: number, physicalType: 'decimal(12,2)'"
BOOLEAN = "logicalType: boolean"
ID = "{name: id, logicalType: integer, primaryKey: true, required: true}"


@pytest.fixture
def ledger(project):
    project.write("sluice.yml", "name: ledger\nlake: lake\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\ncsv: {delimiter: ';'}\n")
    return project


def describe(ledger, *columns):
    ledger.write("contracts/t.odcs.yml", contract_text("t", ID, *columns))


def clean(ledger):
    return {row["id"]: row for row in ledger.delta("clean.t").to_pylist()}


def reasons(ledger):
    return {row["_position"] - 1: [f"{reason['rule']}: {reason['message']}" for reason in row["reasons"]]
            for row in ledger.delta("quarantine.t").to_pylist()}


def test_values_are_read_as_their_format_says_and_others_are_told(ledger):
    describe(ledger, column("a", DECIMAL, "1.234,56"), column("b", DECIMAL, "($1,234.56)", "1,234.56 USD"), column("ok", BOOLEAN, "ja/nein", "J/N"),
             column("n", "logicalType: integer", "1.234.567"))
    ledger.write("data/1.csv", "id;a;b;ok;n\n1;-1.234.567,89;($1,234.50);Ja;1.000\n2;,5;12 USD;n;7\n3;1234.56;;;\n4;;5;;\n5;;;yes;\n6;;;;1.0\n")
    ledger.run("run")
    rows = clean(ledger)
    assert [tuple(rows[1].values())[1:5], tuple(rows[2].values())[1:5]] == [
        (Decimal("-1234567.89"), Decimal("-1234.50"), True, 1000), (Decimal("0.50"), Decimal("12.00"), False, 7)]
    assert reasons(ledger) == {
        3: ["a.type: '1234.56' is not a decimal(12,2) in the format 1.234,56"],
        4: ["b.type: '5' is not a decimal(12,2) in any of the formats ($1,234.56), 1,234.56 USD"],
        5: ["ok.type: 'yes' is not a boolean in any of the formats ja/nein, J/N"],
        6: ["n.type: '1.0' is not an integer of 64 bits in the format 1.234.567"]}
    shown = ledger.run("contract", "show", "t").stdout
    assert "1.234,56" in shown and "ja/nein" in shown, shown


@pytest.mark.parametrize("kind, formats, said", [
    (DECIMAL, ["1.234"], "may be the decimal one or separate groups"), (DECIMAL, ["x"], "it has no digit"), (DECIMAL, ["1.23.456,7"], "three digits"),
    (DECIMAL, ["1 234.567,8"], "three signs"), (DECIMAL, ["%d"], "it has no digit"), (DECIMAL, ["12,50 +"], "what stands around it"),
    (DECIMAL, ["12.50-", "Fr. 12.50"], "what stands around it"), (DECIMAL, ["\u22121.234,56"], "a sign"), (DECIMAL, ["1.234,56 \u2013"], "a sign"), (DECIMAL, ["1.234,5\uff17"], "digits"), (BOOLEAN, ["ja"], "two words"), (BOOLEAN, ["ja/"], "empty"), (BOOLEAN, ["J/j"], "the same"),
    (BOOLEAN, ["ja/nein", "n/j", "nein/x"], "means the other value"), ("logicalType: string", ["1,5"], "is none of these")])
def test_a_format_that_is_none_is_an_error_with_its_line(ledger, kind, formats, said):
    describe(ledger, column("v", kind, *formats))
    ledger.write("data/1.csv", "id;v\n1;\n")
    for command in (["check"], ["contract", "lint", "contracts/t.odcs.yml"]):
        told = ledger.run(*command, exit_code=None)
        assert told.returncode != 0 and "contracts/t.odcs.yml:11:" in told.stdout + told.stderr and said in told.stdout + told.stderr, told.stdout + told.stderr


def test_a_default_stands_in_the_format_too(ledger):
    default = ", {property: sluice.default, value: '%s'}"
    describe(ledger, column("v", DECIMAL, "1.234,56", more=default % "1.000,5"), column("b", BOOLEAN, "ja/nein", more=default % "nein"))
    ledger.write("data/1.csv", "id;v;b\n1;;\n")
    ledger.run("run")
    assert (clean(ledger)[1]["v"], clean(ledger)[1]["b"]) == (Decimal("1000.50"), False)
    describe(ledger, column("v", DECIMAL, "1.234,56", more=default % "1000.5"))
    assert "the default '1000.5' is not in the column's format" in ledger.run("check", exit_code=None).stderr


def test_a_format_that_is_added_brings_rows_back_and_reads_no_others(ledger):
    describe(ledger, column("v", DECIMAL))
    ledger.write("data/1.csv", "id;v\n" + "".join(f"{i};{i}.25\n" for i in range(1, 50)) + "50;1.234,56\n51;7,5\n52;x\n")
    ledger.run("run")
    assert sorted(reasons(ledger)) == [50, 51, 52] and len(clean(ledger)) == 49
    describe(ledger, column("v", DECIMAL, "12.50", "1.234,56"))
    assert "3" in ledger.run("quarantine", "replay", "--dry-run", exit_code=None).stdout
    step, = [step for step in ledger.json("run")["steps"] if step["step"].startswith("cleanse")]
    assert step["why"] == "contract changed: 3 rows of quarantine read again"
    assert sorted(reasons(ledger)) == [52] and len(clean(ledger)) == 51
    assert (clean(ledger)[50]["v"], clean(ledger)[51]["v"]) == (Decimal("1234.56"), Decimal("7.50"))
    before = clean(ledger)
    ledger.run("run", "--full-refresh")
    now = clean(ledger)
    assert {i: row["v"] for i, row in now.items()} == {i: row["v"] for i, row in before.items()}
    # Another format altogether: everything is read again.
    describe(ledger, column("v", DECIMAL, "1.234,56"))
    ledger.run("run")
    assert sorted(clean(ledger)) == [50, 51]


def test_a_number_that_the_source_has_as_one_needs_no_format(ledger):
    import pyarrow as pa
    import pyarrow.parquet as pq
    ledger.write("sources/t.yml", "path: data/*.parquet\n")
    describe(ledger, column("v", "logicalType: number, physicalType: 'decimal(12,3)'", "1.234,567"))
    (ledger.folder / "data").mkdir()
    pq.write_table(pa.table({"id": [1, 2], "v": [1.234, 0.5]}), ledger.folder / "data" / "1.parquet")
    ledger.run("run")
    assert {i: row["v"] for i, row in clean(ledger).items()} == {1: Decimal("1.234"), 2: Decimal("0.500")}


def test_formats_read_no_number_or_boolean_that_has_a_type(ledger):
    """Beside null words, in objects and arrays, and under one of two names."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    ledger.write("sources/t.yml", "path: data/*.parquet\n")
    formatted = "customProperties: [{property: sluice.formats, value: ['1.234,567']}"
    describe(ledger, f"{{name: d, {DECIMAL.replace(',2', ',3')}, {formatted}, {{property: sluice.aliases, value: [{{name: d2, until: 2099-01-01}}]}}]}}",
             f"{{name: o, logicalType: object, properties: [{{name: w, logicalType: number, {formatted}]}}, {{name: x, logicalType: number, {formatted}]}}]}}",
             f"{{name: l, logicalType: array, items: {{logicalType: number, {formatted}]}}}}",
             f"{{name: j, logicalType: object, properties: [{{name: w, logicalType: number, {formatted}]}}]}}",
             column("ok", BOOLEAN, "ja/nein", more=", {property: sluice.nullValues, value: ['', 'N/A']}"))
    (ledger.folder / "data").mkdir()
    pq.write_table(pa.table({"id": [1, 2], "d": [1.234, None], "d2": [None, "1.234"], "o": [{"w": 1.234, "x": "1.234"}] * 2, "l": [[2.345], []],
                             "j": ['{"w": 1.234}', '{"w": "1.234"}'], "ok": [True, False]}), ledger.folder / "data" / "1.parquet")
    ledger.run("run")
    rows = {i: tuple(row[name] for name in ("d", "o", "l", "j", "ok")) for i, row in clean(ledger).items()}
    assert rows == {1: (Decimal("1.234"), {"w": 1.234, "x": 1234}, [2.345], {"w": 1.234}, True),
                    2: (Decimal(1234), {"w": 1.234, "x": 1234}, [], {"w": 1234}, False)}, reasons(ledger)


def test_diff_tells_of_another_format(ledger):
    describe(ledger, column("v", DECIMAL, "1.234,56"), column("b", BOOLEAN, "ja/nein"))
    (ledger.folder / "old.yml").write_text((ledger.folder / "contracts/t.odcs.yml").read_text())
    describe(ledger, column("v", DECIMAL, "1,234.56"), column("b", BOOLEAN, "ja/nein", "J/N"))
    told = ledger.run("contract", "diff", "old.yml", "contracts/t.odcs.yml", exit_code=None).stdout
    assert "t.v: formats: texts are read otherwise" in told and "t.b: formats: texts are read otherwise" in told


@pytest.mark.parametrize("form", ["1.234,56", "1'234.50", "(1,234.50)", "1 234,5-", "1.234,56 EUR", "12.50"])
def test_generate_writes_the_format_and_breaks_what_it_says(ledger, form):
    minimum = ", logicalTypeOptions: {minimum: -5000, maximum: 900000}"
    describe(ledger, column("v", DECIMAL + minimum, form), column("b", BOOLEAN, "ja/nein"),
             "{name: o, logicalType: object, properties: [" + column("w", DECIMAL, form) + "]}")
    out = ledger.json("generate", "t", "-n", 60, "--breaking", "each", "--labels", "-o", "rows.csv")
    lines = list(csv.DictReader(io.StringIO((ledger.folder / "rows.csv").read_text()), delimiter=";"))
    assert {"v.type", "v.range", "b.type", "o.w.type"} <= set(out["breaking"]), out
    assert {line["b"] for line in lines if not line["_breaks"]} <= {"ja", "nein", ""}
    ledger.write("sources/t.yml", "path: rows.csv\ncsv: {delimiter: ';'}\n")
    ledger.run("run")
    broken = {row["_position"]: [reason["rule"] for reason in row["reasons"]] for row in ledger.delta("quarantine.t").to_pylist()}
    assert broken == {i + 2: [line["_breaks"]] for i, line in enumerate(lines) if line["_breaks"]}
    if form == "1.234,56":
        assert any("," in line["v"] for line in lines if not line["_breaks"]) and any("." in line["v"] for line in lines if not line["_breaks"])


def test_a_draft_has_the_formats_that_all_values_agree_on(ledger):
    ledger.write("data/1.csv", "id;de;en;fr;ch;yes;ja;mixed;unsure;plain;zero\n"
                 "1;1.234,56;1,234.5;1 234,5;1'234.50;yes;Ja;1,5;1.234;1.5;0.123\n2;-7,5;7;2,25;5;no;nein;2.5;5.678;2;1.234,5\n3;1.234.567,8;1,234,567.25;7;1'000;yes;Ja;3;1;3;7\n")
    written = ledger.json("init", "--from", "data/1.csv")
    text = next((ledger.folder / file).read_text() for file in written["files"] if file.startswith("contracts/"))
    assert [text.count(f'sluice.formats, value: ["{form}"]') for form in ("1.234,56", "1,234.56", "1 234,56", "1'234.56", "yes/no", "ja/nein")] == [1] * 6, text
    assert text.count("sluice.formats") == 6 and text.count("logicalType: string") == 2 and text.count("physicalType: decimal(18,2)") == 4, text
