"""Contracts of many columns: few rows of them are split in another way than many, to the same tables."""
import json

from conftest import Project

NARROW, WIDE = 4, 240  # the statements of the latter are long
TYPES = ["string", "integer", "number", "date"]


def wide_project(folder, binary, count):
    """Columns beyond the first four are null: they only make the statements long."""
    made = Project(folder, binary)
    made.write("sluice.yml", "name: wide\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\n")
    made.write("sources/w.yml", "path: data/w-*.csv\n")
    lines = []
    for i in range(count):
        extra = {1: ", primaryKey: true, required: true", 0: ", unique: true",
                 2: ", logicalTypeOptions: {minimum: 0}, customProperties: [{property: sluice.severity, value: {range: warn}}]"}
        lines.append(f"      - {{name: c{i}, logicalType: {TYPES[i % 4]}{extra.get(i, '')}}}\n")
    made.write("contracts/w.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: w\nname: w\nversion: 1.0.0\nstatus: active\n"
               "schema:\n  - name: w\n    customProperties: [{property: sluice.orderBy, value: [c3]}]\n    properties:\n" + "".join(lines))
    return made


def rows(made, count, name, values):
    head = ",".join(f"c{i}" for i in range(count))
    made.write(f"data/w-{name}.csv", head + "\n" + "".join(",".join(row) + "," * (count - len(row)) + "\n" for row in values))


def result(made):
    step = json.loads(made.run("run", "--json").stdout)["steps"][-1]
    kept = {key: step[key] for key in ("rows", "reasons", "warnings") if key in step}
    tables = [made.run("query", f"select {columns} from {table} order by all", "--json").stdout
              for columns, table in (("c0, c1, c2, c3", "clean.w"), ("reasons, _source, _position", "quarantine.w"))]
    return kept, tables


def test_few_rows_of_many_columns_become_the_tables_of_few_columns(tmp_path, sluice_bin):
    found = []
    for count in (NARROW, WIDE):
        made = wide_project(tmp_path / str(count), sluice_bin, count)
        rows(made, count, "a", [["a", "1", "1.5", "2026-01-01"], ["b", "2", "x", "2026-01-01"], ["c", "", "1", "2026-01-01"],
                                ["d", "4", "-1", "2026-01-01"], ["e", "4", "2", "2026-01-02"], ["a", "6", "2", "2026-01-03"]])
        first = result(made)
        rows(made, count, "b", [["f", "1", "9", "2026-02-01"], ["g", "7", "9", "2026-13-01"], ["d", "8", "-2", "2026-02-01"]])
        found.append((first, result(made)))
    assert found[0] == found[1]
    assert found[0][0][0]["rows"]["quarantined"] > 1 and found[0][0][0]["rows"]["deduplicated"] == 1
