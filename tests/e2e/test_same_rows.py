"""Versions of an input that change no row hold nothing back and leave nothing stale."""
import datetime
import json
import time

import pytest
from deltalake import DeltaTable

from conftest import Project

WRITES = {
    "append": "write: append\n",
    "merge": "write: merge\nkey: [source, position]\n",
    "partition": "write: partition\npartition_by: [source]\n",
}


CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    customProperties:
      - {property: sluice.filter, value: amount = '7'}
    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: amount, logicalType: integer, logicalTypeOptions: {minimum: 0}}
"""


def make(tmp_path, sluice_bin, settings, table):
    project = Project(tmp_path / "project", sluice_bin)
    project.write("sluice.yml", "name: p\nchecks: {requirements: off}\n")
    project.write("sources/orders.yml", "path: data/*.csv\nquarantine: {max_share: 1}\n")
    project.write("contracts/orders.odcs.yml", CONTRACT)
    place = {"clean": "'file' as source, id as position", "quarantine": "_source as source, _position as position"}[table]
    project.write("models/seen.sql", f"/* sluice\n{settings}*/ select {place} from {table}.orders\n")
    project.write("data/1.csv", "id,amount\n1,5\n2,-1\n")
    project.write("data/2.csv", "id,amount\n3,5\n4,-1\n")
    return project


def version_of(project, table):
    return DeltaTable(str(project.table_folder(table))).version()


def scores_of(project):
    return [(table["table"], table["scores"], table["checks"]) for table in project.json("status", "--quality")["tables"]]


def is_published_whole(project):
    run = project.json("run")
    assert run["publication"]["withheld"] == [], run["publication"]
    assert project.run("run").stdout.startswith("nothing to do")
    return run


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("table", ["clean", "quarantine"])
def test_a_file_that_adds_no_row_to_the_input_of_a_model(tmp_path, sluice_bin, write, table):
    project = make(tmp_path, sluice_bin, WRITES[write], table)
    project.run("run")
    before = project.count("curated.seen")
    project.write("data/3.csv", {"clean": "id,amount\n5,-1\n6,7\n", "quarantine": "id,amount\n5,5\n"}[table])
    is_published_whole(project)
    assert project.count("curated.seen") == before == 2
    project.write("data/4.csv", "id,amount\n7,-1\n8,1\n")
    is_published_whole(project)
    assert project.count("curated.seen") == 3


@pytest.mark.parametrize("write", WRITES)
def test_rows_that_another_program_moves_together(tmp_path, sluice_bin, write):
    project = make(tmp_path, sluice_bin, WRITES[write] + "checks: [{not_null: [source]}]\n", "clean")
    project.write("data/1.csv", "id,amount\n" + "".join(f"{i},{i * i}\n" for i in range(10, 5000)))
    project.run("run")
    for file in (3, 4):
        project.write(f"data/{file}.csv", f"id,amount\n{file},5\n")
        project.run("run")
    before = project.count("curated.seen")
    scores = scores_of(project)
    version = version_of(project, "curated.seen")
    table = DeltaTable(str(project.table_folder("clean.orders")))
    assert table.optimize.compact(target_size=10_000)["numFilesRemoved"] == 2, "the large file stays"
    is_published_whole(project)
    assert project.count("curated.seen") == before
    assert version_of(project, "curated.seen") == version + 1, "only what it is built from is new"
    assert scores_of(project) == scores
    project.write("data/5.csv", "id,amount\n6,1\n")
    is_published_whole(project)
    assert project.count("curated.seen") == before + 1


def judged_twice(project, then, was_before):
    """By a rule that changes its mind at a time."""
    rule = f"amount <> 9 or now() {'<' if was_before else '>='} timestamptz '{then.isoformat()}'"
    quality = f"    quality: [{{type: custom, name: clock, engine: sluice, implementation: {{kind: expression, expression: \"{rule}\"}}}}]\n"
    project.write("contracts/orders.odcs.yml", CONTRACT.rstrip("\n") + "\n" + quality)
    project.run("run")
    project.write("data/3.csv", "id,amount\n5,9\n")
    project.run("run")


@pytest.mark.parametrize("was_before", [True, False])
def test_an_interrupted_run_of_rules_that_follow_the_clock_is_not_gone_on_with(tmp_path, sluice_bin, was_before):
    """Judged by another clock, a row would be in neither table, or in both."""
    for seconds in (4, 12, 36):  # as many as two runs take on a machine that is busy
        project = make(tmp_path / str(seconds), sluice_bin, "", "clean")
        then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        judged_twice(project, then, was_before)
        if datetime.datetime.now(datetime.timezone.utc) < then:
            break
    assert project.count("clean.orders") == (3 if was_before else 2)
    newest = max((project.table_folder("clean.orders") / "_delta_log").glob("*.json"))
    newest.unlink()
    while datetime.datetime.now(datetime.timezone.utc) <= then:
        time.sleep(0.1)
    step = next(step for step in project.json("run")["steps"] if step["step"] == "cleanse orders")
    assert step["why"].startswith("the last run was interrupted, and in the contract it calls now()")
    ids = [row["id"] for row in project.delta("clean.orders").to_pylist()]
    rejected = [json.loads(row["payload"])["id"] for row in project.delta("quarantine.orders").to_pylist()]
    assert sorted(map(str, ids + rejected)) == ["1", "2", "3", "4", "5"], (ids, rejected)
