"""Input that is too large, damaged or hostile: each ends soon, within bounded memory, in an error that says where, or in quarantine."""
import gzip
import os
import signal
import subprocess
import time

import pytest

from conftest import contract_text

PROJECT = "name: bad\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n"
ID = "{name: id, logicalType: integer, primaryKey: true}"
MEGABYTE = b"x" * (1 << 20)


def contract(*properties):
    return ("apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n"
            "    properties:\n" + "".join(f"      - {each}\n" for each in properties))


@pytest.fixture
def orders(project):
    """A project with one source of all files in data/."""
    project.write("sluice.yml", PROJECT)
    project.write("sources/orders.yml", "connector: file\npath: data/*\n")
    project.write("contracts/orders.odcs.yml", contract(ID, "{name: a, logicalType: string}"))
    return project


def limited_run(project, seconds, megabytes):
    """`sluice run` that may take so long and so much memory; gives exit code and what it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    started = time.monotonic()
    with open(project.folder / "said", "w+b") as said:
        child = subprocess.Popen([project.binary, "run"], cwd=project.folder, env=dict(environment, NO_COLOR="1"), stdout=said, stderr=said,
                                 stdin=subprocess.DEVNULL, preexec_fn=lambda: signal.alarm(seconds))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode()
    assert child.returncode >= 0, f"killed by signal {-child.returncode} after {time.monotonic() - started:.0f} s\n{text}"
    assert usage.ru_maxrss / 1024 < megabytes, text
    return child.returncode, text


def has_tables(project):
    return [str(log.parent) for log in project.folder.glob("lake/*/*/_delta_log") if list(log.glob("*.json"))]


def said_again(project):
    """A rerun says and leaves the same."""
    first, second = (project.run("run", exit_code=None) for _ in range(2))
    assert first.returncode == second.returncode
    return second.stderr


def test_a_pattern_that_others_need_exponential_time_for_is_linear(orders):
    orders.write("contracts/orders.odcs.yml", contract(ID, '{name: a, logicalType: string, logicalTypeOptions: {pattern: "^(a*)*b$"}}'))
    orders.write("data/a.csv", b"id,a\n1," + b"a" * 5_000_000 + b"c\n2,aaab\n3," + b"a" * 40 + b"\n")
    code, said = limited_run(orders, 60, 600)
    assert code == 0, said
    assert orders.rows("clean.orders", "id") == [("2",)]
    reasons = orders.delta("quarantine.orders").to_pylist()
    assert [row["reasons"][0]["rule"] for row in reasons] == ["a.pattern"] * 2
    assert all(len(row["reasons"][0]["message"]) < 1000 for row in reasons), "messages quote the beginning only"
    assert orders.run("run").stdout.startswith("nothing to do")


@pytest.mark.heavy
@pytest.mark.parametrize("name, before, after, line", [
    ("a.csv", b"id,a\n1,", b"\n2,y\n", 2),
    ("a.csv", b'id,a\n1,x\n2,"', b"", 3),
    ("a.jsonl", b'{"id":1,"a":"', b'"}\n{"id":2,"a":"y"}\n', 1),
], ids=["csv", "unclosed quote", "jsonl"])
def test_a_field_of_200_megabytes_is_told_with_its_line(orders, name, before, after, line):
    orders.write("data/" + name, b"")
    with open(orders.folder / "data" / name, "wb") as out:
        out.write(before)
        for _ in range(200):
            out.write(MEGABYTE)
        out.write(after)
    code, said = limited_run(orders, 120, 600)
    assert code == 1 and f"error[SL0601]: 'data/{name}': line {line} is longer than 67108864 bytes" in said
    assert has_tables(orders) == []


def test_a_field_of_20_megabytes_is_a_value(orders):
    orders.write("data/a.csv", b"id,a\n1," + MEGABYTE * 20 + b"\n2,y\n")
    code, said = limited_run(orders, 120, 800)
    assert code == 0, said
    assert orders.rows("clean.orders", "id, length(a)") == [("1", str(20 << 20)), ("2", "1")]


def test_a_million_columns_of_one_row_are_a_corrupt_record(orders):
    orders.write("data/a.csv", b"id,a\n1,x\n2," + b",".join(b"v%d" % i for i in range(1_000_000)) + b"\n3,z\n")
    code, said = limited_run(orders, 60, 600)
    assert code == 0, said
    assert orders.rows("clean.orders", "id") == [("1",), ("3",)]
    assert [(row["_position"], row["reasons"][0]["rule"]) for row in orders.delta("quarantine.orders").to_pylist()] == [(3, "corrupt")]


@pytest.mark.parametrize("name, content, message", [
    ("a.csv", b"id,a," + b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n1,x\n", "it has 1000002 columns, at most 10000 can be read"),
    ("a.jsonl", b'{"id":1,' + b",".join(b'"c%d":1' % i for i in range(1_000_000)) + b"}\n",
     "line 1: a record with 1000001 names: its objects have more than 10000 names"),
    ("a.jsonl", b'{"id":1}\n\n{"id":2,' + b",".join(b'"c%d":1' % i for i in range(20_000)) + b"}\n", "line 3: a record with 20001 names"),
    ("a.json", b'[{"id":1},\n{"id":2,' + b",".join(b'"c%d":1' % i for i in range(20_000)) + b"}]\n", "line 2: a record with 20001 names"),
], ids=["csv", "jsonl", "jsonl-later", "json-later"])
def test_a_million_names_are_refused(orders, name, content, message):
    orders.write("data/" + name, content)
    code, said = limited_run(orders, 60, 600)
    assert code == 1 and f"error[SL0603]: 'data/{name}': {message}" in said
    assert has_tables(orders) == []


def test_ten_thousand_brackets_are_a_corrupt_record(orders):
    deep = b"[" * 10_000 + b"]" * 10_000
    objects = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    orders.write("data/a.jsonl", b'{"id":1,"a":%b}\n{"id":2,"a":"z"}\n{"id":3,"a":%b}\n{"id":4,"a":%b\n' % (deep, objects, b"[" * 10_000))
    code, said = limited_run(orders, 60, 400)
    assert code == 0, said
    assert orders.rows("clean.orders", "id") == [("2",)]
    assert sorted(row["_position"] for row in orders.delta("quarantine.orders").to_pylist()) == [1, 3, 4]


PACKED = gzip.compress(b"id,a\n1,x\n2,y\n", mtime=0)


@pytest.mark.parametrize("name, content, message", [
    ("a.csv.gz", PACKED + b"and more", "its gzip data is damaged"),
    ("a.csv.gz", PACKED[:-10], "its gzip data ends too early"),
    ("a.csv.gz", b"id,a\n1,x\n", "its gzip data is damaged"),
    ("a.csv.zst", b"id,a\n1,x\n", "its zstd data is damaged"),
    ("a.csv", "id,a\n1,x\n".encode("utf-16-le"), "the header in line 1 cannot be read"),
    ("a.csv", "id,a\n1,x\n".encode("utf-16-be"), "the header in line 1 cannot be read"),
    ("a.csv", b"id,a\xff\n1,x\n", "the header in line 1 cannot be read"),
    ("a.csv", b"id,a\0\n1,x\n", "the header in line 1 cannot be read"),
    ("a.csv", b",,,\n1,2,3,4\n", "column 1 has no name"),
    ("a.csv", b"id,a,A\n1,x,y\n", "columns 2 and 3 have one name but for its case, 'a' and 'A'"),
    ("a.json", b"[" * 10_000 + b"]" * 10_000, "line 1: element 1 is nested deeper than 500 levels"),
    ("a.parquet", b"", "too small to be a Parquet file"),
    ("a.parquet", b"PAR1" + b"\0" * 1000, "No magic bytes found at end of file"),
])
def test_a_damaged_file_is_named_and_leaves_no_table(orders, name, content, message):
    orders.write("data/" + name, content)
    said = said_again(orders)
    assert f"'data/{name}': " in said and message in said
    assert has_tables(orders) == []


def test_empty_files_and_files_of_a_header_have_no_rows(orders):
    orders.write("data/a.csv", b"")
    orders.write("data/b.csv", b"id,a\n")
    orders.run("run")
    assert orders.rows("clean.orders", "id") == []
    assert orders.run("run").stdout.startswith("nothing to do")


@pytest.mark.parametrize("content", [b"", b"\x00\xff garbage", b"[" * 100_000, b'{"schema":"sluice.publication/1","tables":5}'])
def test_a_damaged_record_of_a_publication_is_named_and_can_be_moved_away(orders, content):
    orders.write("data/a.csv", b"id,a\n1,x\n")
    orders.run("run")
    record, = (orders.folder / "lake/_publications").glob("*.json")
    record.write_bytes(content)
    orders.write("data/b.csv", b"id,a\n2,y\n")
    for _ in range(2):
        said = orders.run("run", exit_code=1).stderr
        assert record.name in said and "move it away" in said
    record.unlink()
    orders.run("run")
    assert [each["number"] for each in orders.json("publications")["publications"]] == [1]
    assert orders.rows("clean.orders", "id") == [("1",), ("2",)]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"77", b"9" * 40])
def test_a_damaged_hint_at_the_newest_publication_does_no_harm(orders, content):
    orders.write("data/a.csv", b"id,a\n1,x\n")
    orders.run("run")
    orders.write("lake/_publications/_last", content)
    orders.write("data/b.csv", b"id,a\n2,y\n")
    orders.run("run")
    assert [each["number"] for each in orders.json("publications")["publications"]] == [2, 1]


def test_a_test_of_an_unknown_table_is_told_with_its_place(orders):
    orders.write("data/a.csv", b"id,a\n1,x\n")
    orders.write("tests/t.yml", "given: {nowhere: [{id: 1}]}\nexpect: {clean.nothing: [{id: 1}]}\n")
    said = orders.run("test", exit_code=1).stderr
    assert "'nowhere' is no source of the project" in said and "tests/t.yml:1:9" in said


def test_a_pattern_that_backtracks_forever_elsewhere_takes_no_time(project):
    """RE2 has no backtracking: texts that take others 2^n steps are judged like all."""
    project.write("sluice.yml", "name: bad\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "id,x\n" + "".join(f"{i},{'a' * 5000}{'' if i % 40 else '!'}\n" for i in range(200)))
    project.write("contracts/t.odcs.yml", """apiVersion: v3.1.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - name: x
        logicalType: string
        logicalTypeOptions: {pattern: "^(a+)+$"}
        quality:
          - {type: custom, engine: sluice, implementation: {kind: not_pattern, pattern: "^(a|aa)+(!+)+x$"}}
          - {type: custom, engine: sluice, implementation: {kind: not_pattern, pattern: "(.*)*(a*)*b$"}}
""")
    project.run("check")
    project.run("run", timeout=60)
    assert project.count("clean.t") == 195 and project.count("quarantine.t") == 5


def test_a_partition_value_that_no_folder_can_be_named_by_is_told_with_its_column(new_project):
    project = new_project("long")
    project.write("sluice.yml", "name: long\nchecks: {requirements: off}\n")
    project.write("sources/c.yml", "path: data/*.csv\n")
    project.write("contracts/c.odcs.yml", contract_text("c", "{name: id, logicalType: string}", "{name: note, logicalType: string}"))
    project.write("models/notes.sql", "/* sluice\nwrite: partition\npartition_by: [note]\n*/ select id, note from clean.c\n")
    project.write("data/a.csv", "id,note\n1," + "x" * 300 + "\n")
    done = project.run("run", exit_code=5)
    assert "curated.notes is partitioned by 'note'" in done.stderr and "'" + "x" * 40 + "...'" in done.stderr
    assert "left(note, 20)" in done.stderr


def test_an_array_that_is_no_json_says_where_and_is_not_taken_for_lines(new_project):
    project = new_project("array")
    project.write("a.json", '[{"a":1},{"a":2},]')
    done = project.run("init", "p", "--from", "a.json", exit_code=1)
    assert "line 1: element 3, byte 1: found ']', expected an object" in done.stderr and "jsonl" not in done.stderr.split("hint")[0]
