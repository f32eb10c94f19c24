"""The scores of a table tell how it stands: after a replay, after rows were given up, and after a rollback."""
import pytest

from conftest import Project, contract_text

CONTRACT = contract_text("t") + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: a, logicalType: integer, logicalTypeOptions: {maximum: %s}}
      - {name: b, logicalType: string, logicalTypeOptions: {maxLength: 2}, customProperties: [{property: sluice.severity, value: warn}]}
%s
"""
PAID = """    quality:
      - {type: custom, engine: sluice, name: paid, dimension: completeness, implementation: {expression: "a <> 7"}}
"""


@pytest.fixture
def project(tmp_path, sluice_bin):
    project = Project(tmp_path / "p", sluice_bin)
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", CONTRACT % (9, PAID))
    project.write("data/a.csv", "id,a,b\n1,1,x\n2,20,x\n3,30,x\n4,7,x\n5,x,x\n6,1,long\n")
    project.run("run")
    return project


def broken(project):
    table, = project.json("status", "--quality")["tables"]
    scores = {name: score["broken"] for name, score in table["scores"].items() if score and score["rows"]}
    return table["rows_in"], {name: rows for name, rows in scores.items() if rows}


def test_the_score_tells_the_table_as_it_is(project):
    assert broken(project) == (6, {"accuracy": 2, "completeness": 1, "conformance": 2})
    project.write("data/b.csv", "id,a,b\n7,1,x\n8,40,long\n")
    project.run("run")
    assert broken(project) == (8, {"accuracy": 3, "completeness": 1, "conformance": 2})  # all rows, not just the newest
    second = project.json("status", "--limit", "1")["runs"][0]["run_id"]
    project.write("contracts/t.odcs.yml", CONTRACT % (25, PAID))
    assert project.json("quarantine", "replay", "t")
    assert broken(project) == (8, {"accuracy": 2, "completeness": 1, "conformance": 2})
    # A rule that is gone takes its rows with it, in its own dimension.
    project.write("contracts/t.odcs.yml", CONTRACT % (35, ""))
    project.run("run")
    assert broken(project) == (8, {"accuracy": 1, "conformance": 2})
    project.run("quarantine", "discard", "t", "--rule", "a.range", "--reason", "test")
    assert broken(project) == (7, {"conformance": 2})
    project.run("run")
    assert broken(project) == (7, {"conformance": 2})
    project.run("quarantine", "discard", "t", "--rule", "a.range", "--undo")
    assert broken(project) == (8, {"accuracy": 1, "conformance": 2})
    project.run("run")
    project.run("rollback", second)  # to what was before it
    assert broken(project) == (6, {"accuracy": 2, "completeness": 1, "conformance": 2})


def test_given_up_rows_that_are_judged_anew_count_as_what_they_are_then(project):
    project.run("quarantine", "discard", "t", "--rule", "a.range", "--reason", "test")
    assert broken(project) == (4, {"completeness": 1, "conformance": 2})
    project.write("contracts/t.odcs.yml", CONTRACT % (25, PAID))
    project.run("run")
    assert broken(project) == (5, {"completeness": 1, "conformance": 2})
    # A change of the file builds the table anew: what was given up stays so.
    project.write("data/a.csv", "id,a,b\n1,1,x\n2,20,x\n3,30,x\n4,7,x\n5,x,x\n6,1,long\n9,1,x\n")
    project.run("run")
    assert broken(project) == (6, {"completeness": 1, "conformance": 2})


@pytest.mark.parametrize("reason", ["", "  ", "\t\n ", "\u00a0"])
def test_rows_are_not_given_up_without_a_reason(project, reason):
    done = project.run("quarantine", "discard", "t", "--all", "--reason", reason, exit_code=None)
    assert done.returncode == 1 and "--reason says nothing" in done.stderr and "say why the rows are given up" in done.stderr
    assert project.json("quarantine", "ls", "t")


def test_a_run_that_only_publishes_marks_is_in_the_history(project):
    before = project.json("status")["runs"]
    project.run("quarantine", "discard", "t", "--rule", "a.range", "--reason", "test")
    run = project.json("run")
    runs = project.json("status")["runs"]
    assert len(runs) == len(before) + 1 and runs[0]["run_id"] == run["run_id"]
    assert runs[0]["status"] == "ok" and runs[0]["command"] == "run" and runs[0]["counts"]["ok"] == 1
    (step,) = project.json("status", run["run_id"])["steps"]
    assert (step["table"], step["status"], step["why"]) == ("quarantine.t", "ok", "rows given up")
    assert "publish quarantine.t" in project.run("status", run["run_id"]).stdout
    assert "publish quarantine.t" in project.run("logs").stdout
    project.run("quarantine", "discard", "t", "--rule", "a.range", "--undo")
    project.run("run")
    assert "rows taken back" in project.run("status", project.json("status")["runs"][0]["run_id"]).stdout
    assert project.json("run")["run_id"] is None and len(project.json("status")["runs"]) == len(before) + 2
