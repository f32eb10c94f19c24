#!/usr/bin/env python3
"""Run sluice on the orders project and compare: measure.py PROJECT PROGRAM REFERENCE.json PLANTED.json. Fails if any count differs."""
import collections
import json
import pathlib
import resource
import subprocess
import sys
import time

import deltalake

project, program, reference, planted = pathlib.Path(sys.argv[1]), sys.argv[2], *(json.loads(pathlib.Path(p).read_text()) for p in sys.argv[3:5])
SAME_RULE = {"amount.minimum": "amount.range"}  # the planted name -> ours


def table(name):
    return deltalake.DeltaTable(str(project / "lake" / name)).to_pyarrow_table()


def timed(*command):
    start = time.monotonic()
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return round(time.monotonic() - start, 2)


first = timed(program, "run")
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
again = timed(program, "run")

quarantined = table("quarantine/orders")
reasons = collections.Counter(r["rule"] for row in quarantined.column("reasons").to_pylist() for r in row)
revenue = table("curated/daily_revenue")
found = {
    "clean": len(table("clean/orders")),
    "quarantined": len(quarantined),
    "revenue_eur": str(sum(revenue.column("revenue_eur").to_pylist())),
    "days": len(set(revenue.column("day").to_pylist())),
    "reasons": dict(reasons),
}
wanted = {name: reference[name] for name in ("clean", "quarantined", "revenue_eur", "days")}
wanted["reasons"] = {SAME_RULE.get(rule, rule): count for rule, count in planted["reasons"].items() if count}

print(f"{'':24}{'seconds':>10}{'peak MB':>10}")
print(f"{'hand-written SQL':24}{reference['total']:>10}{reference['peak_rss_mb']:>10}")
print(f"{'sluice run':24}{first:>10}{peak:>10}")
print(f"{'sluice run, unchanged':24}{again:>10}")
for name in wanted:
    if found[name] != wanted[name]:
        print(f"{name}: found {found[name]}, expected {wanted[name]}")
print("counts equal" if found == wanted else "counts differ")
sys.exit(found != wanted)
