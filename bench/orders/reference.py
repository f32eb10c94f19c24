#!/usr/bin/env python3
"""Run the hand-written SQL: reference.py IN OUT [MEMORY_LIMIT]. Prints one JSON line: seconds per stage, peak memory, counts, and whether they match planted.json."""
import json, pathlib, re, resource, shutil, sys, time
import duckdb

source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
shutil.rmtree(out, ignore_errors=True)
for layer in ("raw", "clean", "quarantine", "curated"):
    (out / layer).mkdir(parents=True)
con = duckdb.connect()
con.execute(f"set temp_directory = '{out}/tmp'")
if len(sys.argv) > 3:
    con.execute(f"set memory_limit = '{sys.argv[3]}'")
text = (pathlib.Path(__file__).parent / "reference.sql").read_text().replace("$IN", str(source)).replace("$OUT", str(out))
parts = re.split(r"^-- stage: (\w+)\n", text, flags=re.M)[1:]
seconds = {}
for name, sql in zip(parts[::2], parts[1::2]):
    start = time.time()
    for statement in duckdb.extract_statements(sql):
        con.execute(statement)
    seconds[name] = round(time.time() - start, 2)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
one = lambda sql: con.execute(sql).fetchone()[0]
raw = one(f"select count(*) from read_parquet('{out}/raw/orders*.parquet')")
clean = one(f"select count(*) from '{out}/clean/orders.parquet'")
bad = one(f"select count(*) from '{out}/quarantine/orders.parquet'")
reasons = dict(con.execute(f"select r.rule, count(*) from (select unnest(reasons) as r from '{out}/quarantine/orders.parquet') group by 1 order by 1").fetchall())
days = one(f"select count(distinct day) from read_parquet('{out}/curated/daily_revenue/*/*.parquet', hive_partitioning = true)")
revenue = str(one(f"select sum(revenue_eur) from read_parquet('{out}/curated/daily_revenue/*/*.parquet')"))
planted = json.loads((source / "planted.json").read_text())
match = (reasons == {k: v for k, v in planted["reasons"].items() if v} and raw == planted["rows"] and bad == planted["quarantined_rows"]
         and raw - clean - bad == planted["deduplicated_rows"])
print(json.dumps({"seconds": seconds, "total": round(sum(seconds.values()), 2), "peak_rss_mb": peak, "raw": raw, "clean": clean, "quarantined": bad,
                  "deduplicated": raw - clean - bad, "days": days, "revenue_eur": revenue, "reasons": reasons, "matches_planted": match}))
sys.exit(not match)
