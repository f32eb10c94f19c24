"""A model's SQL reads files by their whole path only: a relative one would lead elsewhere from each folder that a command is started in."""
import pytest

from conftest import Project


@pytest.fixture
def project(tmp_path, sluice_bin):
    project = Project(tmp_path / "p", sluice_bin)
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("data/x.csv", "a\n1\n")
    project.write("data/y.csv", "a\n2\n")
    return project


@pytest.mark.parametrize("sql", ["select * from read_csv('data/x.csv')", "select * from read_csv(['data/x.csv', 'data/y.csv'], delim = ',')",
                                 "select (select max(a) from read_csv_auto('data/*.csv')) as a", "with r as (from glob('data/*')) select file from r"])
def test_a_relative_path_is_refused_with_what_to_do(project, sql):
    project.write("models/m.sql", "-- the rows\n" + sql + "\n")
    for command in "check", "plan", "run":
        done = project.run(command, exit_code=1)
        assert "SL0402" in done.stderr and "'data/" in done.stderr and "no whole path" in done.stderr, done.stderr
        assert "models/m.sql:2:" in done.stderr and "sources/x.yml" in done.stderr


@pytest.mark.parametrize("sql", ["select * from read_csv('{}/data/x.csv')", "select * from read_csv(['{0}/data/x.csv'], delim = ',')",
                                 "select 1 as a, 'data/x.csv' as path, string_split('b/c', '/') as parts"])
def test_whole_paths_and_texts_that_look_like_paths_are_not(project, sql, tmp_path):
    project.write("models/m.sql", sql.format(project.folder))
    assert project.json("check")["counts"]["errors"] == 0
    elsewhere = Project(tmp_path / "elsewhere", project.binary)
    elsewhere.folder.mkdir(exist_ok=True)
    elsewhere.run("run", "-C", project.folder)
    assert project.json("query", "select cast(a as integer) as a from curated.m")["rows"] == [[1]]
    project.run("check")


def test_a_column_named_by_a_word_of_sql_is_to_be_quoted(project):
    project.write("sources/x.yml", "path: data/x.csv\n")
    project.write("data/x.csv", "to,order\n1,2\n")
    hint = """hint: '{0}' is a word of SQL: a column of that name is written "{0}"\n"""
    project.write("models/m.sql", "select order, to\nfrom raw.x\n")
    assert hint.format("order") in project.run("check", exit_code=1).stderr
    project.write("models/m.sql", 'select "order", to\nfrom raw.x\n')
    assert hint.format("to") in project.run("run", exit_code=1).stderr
    project.write("models/m.sql", '/* sluice\nchecks:\n  - expression: to > 0\n*/\nselect "order", "to"\nfrom raw.x\n')
    assert hint.format("to") in project.run("run", exit_code=None).stderr
    project.write("models/m.sql", '/* sluice\nchecks:\n  - expression: \'"to" is not null\'\n*/\nselect "order", "to"\nfrom raw.x\n')
    project.run("run")
    assert hint.format("at") in project.run("query", "select at, run_id from raw.x", exit_code=1).stderr
    assert hint.format("order") in project.run("query", "from raw.x where order > 1", exit_code=1).stderr
    assert project.json("query", 'select "to" from curated.m where "order" = 2')["rows"] == [["1"]]
    for wrong in ("select from raw.x", "selec 1", "select 1 +", "from raw.x where and 1"):
        assert "is a word of SQL" not in project.run("query", wrong, exit_code=1).stderr
