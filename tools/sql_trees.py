#!/usr/bin/env python3
"""Write the syntax trees that the tests of src/sql read, from the SQL cases beside them.

tests/unit/sql/trees/NAME.sql holds cases: a comment line that names the case, the SQL, and lines `-- = ...` with what is expected.
NAME.trees gets one line per case: the tree as the engine gives it. tests/unit/sql/test_live.c proves that they are not stale.

Run with a Python that has the duckdb module of the engine's version:
    python3 tools/sql_trees.py
"""
import pathlib

import duckdb

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "unit" / "sql" / "trees"


def cases(text):
    """The SQL of each case: the lines between its name and what is expected."""
    sql = []
    for line in text.splitlines():
        if line.startswith("-- = "):
            continue
        if line.startswith("-- "):
            sql.append("")
        elif sql:
            sql[-1] += line + "\n"
    return sql


def main():
    connection = duckdb.connect()
    for file in sorted(FOLDER.glob("*.sql")):
        lines = []
        for sql in cases(file.read_text(encoding="utf-8")):
            tree = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()[0]
            assert "\n" not in tree
            lines.append(tree)
        file.with_suffix(".trees").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


main()
