"""Many small files are staged in few statements: rows, places, corrupt records and errors are what each file by itself gives."""
import gzip

from conftest import Project

SETTINGS = "name: many\nchecks: {requirements: off}\n"
ODD = {
    11: b"id,name\n", # no rows
    14: b'id,name\n1,"two\nlines"\n2,"a ""b"", c"\n3,\n4,""\n',
    17: b"id,name\n1,a,too,many\n2,b\n3\n4,\xff\xfe\n5,e\n",
    20: b"name,id\nx,1\n", # another order
    23: b"id,name,more\n1,a,m\n",
    26: b"id,name\r\n1,a\r\n2,b\r\n",
    29: b"id,name", # not even a line end
    32: b"",
}
BROKEN = {35: b"id,id\n1,2\n", 38: b"id,_source\n1,2\n"}


def content(number):
    plain = "id,name\n" + "".join(f"{number},n{i}\n" for i in range(number % 5 + 1))
    return {**ODD, **BROKEN}.get(number, plain.encode())


def write(project, numbers):
    for number in numbers:
        name, data = f"data/f{number:03}.csv", content(number)
        if number == 41:
            name, data = name + ".gz", gzip.compress(data)
        project.write(name, data)


def make(folder, sluice_bin, path="data/*.csv*"):
    project = Project(folder, sluice_bin)
    project.write("sluice.yml", SETTINGS)
    project.write("sources/t.yml", f"path: {path}\n")
    return project


def raw(project, *columns):
    return sorted((tuple(row[column] for column in ("_source", "_position", *columns)) for row in project.delta("raw.t").to_pylist()), key=repr)


def test_many_files_at_once_give_what_a_few_at_a_time_give(tmp_path, sluice_bin):
    together, apart = make(tmp_path / "a", sluice_bin), make(tmp_path / "b", sluice_bin)
    write(together, range(60))
    told = together.json("run", exit_code=5)["steps"][0]
    for first in range(0, 60, 6):
        write(apart, range(first, first + 6))
        apart.run("run", exit_code=5 if first >= 30 else 0)
    columns = "id", "name", "more", "_corrupt"
    assert raw(together, *columns) == raw(apart, *columns)
    assert told["rows"]["in"] == told["rows"]["out"] == len(raw(together))
    assert sum("f035.csv" in note or "f038.csv" in note for note in told["notes"]) == 2
    folder = together.folder / "lake" / "raw" / "t"
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["_delta_log"], "folders of partitions are gone"
    sources = {number for number in range(60) if number not in BROKEN}
    assert len(list(folder.glob("*.parquet"))) == len(sources), "a file of the table for each file of the source"


def test_a_changed_file_among_many_is_read_alone(tmp_path, sluice_bin):
    project = make(tmp_path, sluice_bin)
    write(project, range(42, 58))
    step = project.json("run")["steps"][0]
    assert (step["table"], step["files_together"]) == ("raw.t", 16)
    before = set(raw(project, "id", "name"))
    project.write("data/f050.csv", "id,name\n7,changed\n")
    step = project.json("run")["steps"][0]
    assert (step["rows"]["in"], step["rows"]["out"]) == (1, 1) and not step["was_full"] and step["files_together"] == 0
    after = set(raw(project, "id", "name"))
    assert after - before == {("data/f050.csv", 2, "7", "changed")}
    assert {row[0] for row in before - after} == {"data/f050.csv"}
    assert "nothing to do" in project.run("run").stderr + project.run("run").stdout


def test_small_files_are_read_together_and_large_ones_or_a_few_are_not(tmp_path, sluice_bin):
    project = make(tmp_path, sluice_bin)
    plain = [number for number in range(300) if number not in ODD and number not in BROKEN and number != 41]
    write(project, plain[:7])
    assert project.json("run")["steps"][0]["files_together"] == 0, "fewer than eight are not worth it"
    write(project, plain[7:150])
    large = "id,name\n" + "1,a name that is as long as it takes for this\n" * 30_000
    project.write("data/f029z.csv", large)  # between the others: it parts them into two lots
    step = project.json("run")["steps"][0]
    assert step["files_together"] == 143 and step["rows"]["in"] == sum(number % 5 + 1 for number in plain[7:150]) + 30_000
    assert len(raw(project, "id")) == sum(number % 5 + 1 for number in plain[:150]) + 30_000


def test_many_files_of_json_lines(tmp_path, sluice_bin):
    project = make(tmp_path, sluice_bin, "data/*.jsonl")
    for number in range(20):
        project.write(f"data/f{number:02}.jsonl", f'{{"id":{number},"v":"a\\nb"}}\n{{"id":{number},\n{{"id":-{number},"v":null}}\n')
    project.run("run")
    rows = raw(project, "id", "v", "_corrupt")
    expected = []
    for number in range(20):
        name = f"data/f{number:02}.jsonl"
        expected += [(name, 1, str(number), "a\nb", None), (name, 2, None, None, b'{"id":%d,' % number), (name, 3, f"-{number}", None, None)]
    assert rows == sorted(expected, key=repr)
