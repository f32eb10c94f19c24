#!/usr/bin/env python3
"""Write src/sql/keywords.def: the words that the engine quotes when they are names.

Run with a Python that has the duckdb module of the engine's version:
    python3 tools/sql_keywords.py > src/sql/keywords.def
"""
import duckdb

PER_LINE = 6


def main():
    rows = duckdb.connect().execute("select distinct keyword_name from duckdb_keywords() order by 1").fetchall()
    print(f"// Keywords of DuckDB {duckdb.__version__}, in byte order. Written by tools/sql_keywords.py.")
    items = [f'SL_KEYWORD("{name}")' for (name,) in rows]
    for start in range(0, len(items), PER_LINE):
        print(" ".join(items[start:start + PER_LINE]))


main()
