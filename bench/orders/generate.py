#!/usr/bin/env python3
"""Generate the orders benchmark: generate.py DIR [ROWS]. Needs duckdb==1.5.5 (hash() may differ in other versions)."""
import pathlib, string, sys, time
import duckdb

folder = pathlib.Path(sys.argv[1])
rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
if rows < 100 or rows % 100:
    sys.exit("ROWS must be a multiple of 100")
folder.mkdir(parents=True, exist_ok=True)
sql = (pathlib.Path(__file__).parent / "generate.sql").read_text()
start = time.time()
con = duckdb.connect()
for statement in duckdb.extract_statements(sql.replace("$DIR", str(folder).replace("'", "''")).replace("$N", str(rows))):
    con.execute(statement)
print((folder / "planted.json").read_text().strip())
print(f"{rows} orders in {time.time() - start:.1f} s", file=sys.stderr)
