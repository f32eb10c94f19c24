"""A cleanse step that was interrupted between its two commits goes on with what quarantine has already, as far as that is what it rejects."""
import json
import shutil

import deltalake
import pytest

from test_kill import FILES, HEAD, make

CONTRACT = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "events", "version": "1.0.0", "status": "active",
            "slaProperties": [{"property": "freshness", "value": 2, "unit": "d", "element": "events.at"}],
            "schema": [{"name": "events", "properties": [
                {"name": "id", "logicalType": "integer", "required": True}, {"name": "at", "logicalType": "timestamp"}]}]}
ROWS = ("clean.orders", "quarantine.orders")


def forget_last(project, table):
    """As if the commit had not been made yet."""
    log = project.table_folder(table) / "_delta_log"
    commits = sorted(log.glob("*.json"))
    commits[-1].unlink()
    shutil.rmtree(project.folder / "lake/_publications", ignore_errors=True)
    return len(commits) - 2


def content(project):
    return [project.rows(table, "* exclude (\"at\", run_id)" if table.startswith("quarantine") else "*") for table in ROWS]


@pytest.fixture
def interrupted(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run", "--select", "+clean.orders")
    project.write("data/orders-2.csv", FILES[1])
    project.run("run", "--select", "+clean.orders")
    project.whole = content(project)
    forget_last(project, "clean.orders")
    return project


def step_of(project, *arguments, **options):
    return next(step for step in project.json("run", "--select", "+clean.orders", *arguments, **options)["steps"] if step["table"] == "clean.orders")


def test_a_range_is_resumed_where_quarantine_is_what_it_rejects(interrupted):
    commits = len(interrupted.records("quarantine.orders"))
    step = step_of(interrupted)
    assert step["why"] == "the last run was interrupted"
    assert content(interrupted) == interrupted.whole and len(interrupted.records("quarantine.orders")) == commits


def test_a_first_range_is_resumed_too(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run", "--select", "+clean.orders")
    whole = content(project)
    shutil.rmtree(project.table_folder("clean.orders"))
    assert step_of(project)["why"] == "the last run was interrupted"
    assert content(project) == whole and len(project.records("quarantine.orders")) == 1


def test_a_quarantine_that_lacks_a_row_of_the_range_is_built_anew(interrupted):
    table = deltalake.DeltaTable(str(interrupted.table_folder("quarantine.orders")))
    table.delete("_source = 'data/orders-2.csv' and payload like '%61%'")
    assert len(interrupted.delta("quarantine.orders")) == len(interrupted.whole[1]) - 1
    step = step_of(interrupted)
    assert step["why"].startswith("another program changed rows of quarantine.orders")
    assert content(interrupted) == interrupted.whole


def test_a_quarantine_with_another_reason_is_built_anew(interrupted):
    folder = interrupted.table_folder("quarantine.orders")
    commit = sorted((folder / "_delta_log").glob("*.json"))[-1]
    added = next(json.loads(line)["add"] for line in commit.read_text().splitlines() if '"add"' in line)
    import pyarrow.parquet as pq
    rows = pq.read_table(folder / added["path"])
    names = rows.column_names
    changed = rows.to_pylist()
    changed[0]["reasons"][0]["rule"] = "amount.odd"
    import pyarrow as pa
    pq.write_table(pa.Table.from_pylist(changed, schema=rows.schema).select(names), folder / added["path"])
    size = (folder / added["path"]).stat().st_size
    commit.write_text(commit.read_text().replace(f'"size":{added["size"]}', f'"size":{size}'))
    assert "quarantine is not what it rejects" in step_of(interrupted)["why"]
    assert content(interrupted) == interrupted.whole


def test_a_replay_is_resumed_where_quarantine_is_what_it_rejects(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 2)
    project.run("run", "--select", "+clean.orders")
    file = project.folder / "contracts/orders.odcs.yml"
    file.write_text(file.read_text().replace("minimum: 0", "minimum: -10"))
    assert "read again" in step_of(project)["why"]
    whole = content(project)
    forget_last(project, "clean.orders")
    assert step_of(project)["why"] == "the last run was interrupted"
    assert content(project) == whole


def test_discarded_rows_are_no_other_rows(interrupted):
    interrupted.run("quarantine", "discard", "orders", "--all", "--reason", "x")
    assert step_of(interrupted)["why"] == "the last run was interrupted"
    assert content(interrupted)[0] == interrupted.whole[0]


def test_the_age_of_data_is_judged_as_of_the_first_attempt(project):
    project.write("sluice.yml", "name: aged\nchecks: {requirements: off}\nquarantine: {max_share: 0.9}\n")
    project.write("sources/events.yml", "path: data/*.csv\n")
    project.write("contracts/events.odcs.yml", json.dumps(CONTRACT))
    project.write("data/a.csv", "id,at\n1,2026-01-01T00:00:00Z\nx,2026-01-01T00:00:00Z\n")
    project.run("run", env={"SLUICE_CLOCK": "2026-01-02T00:00:00Z"})
    assert project.records("quarantine.events")[0]["judged_at"].startswith("2026-01-02T00:00:00")
    shutil.rmtree(project.table_folder("clean.events"))
    shutil.rmtree(project.folder / "lake/_publications")
    late = {"SLUICE_CLOCK": "2026-02-01T00:00:00Z"}
    project.run("quarantine", "discard", "events", "--all", "--reason", "x", env=late)
    project.run("run", env=late)
    assert project.count("clean.events") == 1
