"""A source that is read by other options: its files are read again, and the tables are those of a project that began so."""
import pytest

SETTINGS = "name: reading\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n"
CASES = {
    "delimiter": (b"id;v\n1;a\n2;b\n", "", 'csv: {delimiter: ";"}\n'),
    "encoding": ("id,v\n1,K\xf6ln\n".encode("latin-1"), "", "csv: {encoding: latin-1}\n"),
    "header": (b"1,a\n2,b\n", "", "csv: {header: false, columns: [id, v]}\n"),
    "skip_lines": (b"made by x\nid,v\n1,a\n", "", "csv: {skip_lines: 1}\n"),
}


def write(project, data, options, files=("a",)):
    project.write("sluice.yml", SETTINGS)
    project.write("sources/o.yml", "path: data/*.csv\n" + options)
    project.write("models/m.sql", "select count(*) as n from raw.o")
    for file in files:
        project.write(f"data/{file}.csv", data)


@pytest.mark.parametrize("name", CASES)
def test_other_options_read_all_files_again(name, new_project):
    data, before, now = CASES[name]
    project, clean = new_project("changed"), new_project("clean")
    write(project, data, before, ["a", "b"])
    project.run("run")
    write(project, data, now, ["a", "b"])
    assert "its files are read in another way now" in project.run("plan", "--why").stdout
    step = project.json("run")["steps"][0]
    assert step["why"] == "its files are read in another way now" and step["was_full"]
    write(clean, data, now, ["a", "b"])
    clean.run("run")
    columns = "* exclude (_ingested_at)"
    assert project.rows("raw.o", columns) == clean.rows("raw.o", columns)
    assert project.delta("raw.o").schema.names == clean.delta("raw.o").schema.names
    assert project.rows("curated.m") == clean.rows("curated.m")
    assert "nothing to do" in project.run("run").stdout


def test_rows_of_files_that_are_gone_stay(project):
    data, before, now = CASES["delimiter"]
    write(project, data, before, ["a", "b"])
    project.run("run")
    (project.folder / "data" / "a.csv").unlink()
    write(project, data, now, ["b"])
    project.run("run")
    rows = project.delta("raw.o").to_pylist()
    assert sorted((row["_source"], row["id;v"], row["id"]) for row in rows) == [
        ("data/a.csv", "1;a", None), ("data/a.csv", "2;b", None), ("data/b.csv", None, "1"), ("data/b.csv", None, "2")]
    assert "nothing to do" in project.run("run").stdout
