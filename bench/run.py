#!/usr/bin/env python3
"""Benchmarks, side by side with a reference in the same run: run.py [--rows N] [--folder DIR] [NAME...]

    orders    the job of bench/orders against hand-written DuckDB SQL of the same outputs; counts are compared with what was planted
    orders1g  the same with 1 GB of memory for both
    rules     the contract pass over raw orders with 1, 8 and 100 rules; the ratio is of processor time to that with one
    checks    seven claims about the clean orders against Great Expectations and dbt tests on the same files; what they find is compared first
    spill     an input of ten times the memory limit (from --rows 25000000: 2.3 GB with 230 MB)
    trivial   one model `select 1`: a run, a run with nothing to do, the version
    models    1,000 models `select 1`, each committed durably, against a bare loop of the same COPYs, files and fsyncs in DuckDB
    plan      check and plan of 10,000 models
    lineage   of 2,000 models of ten columns
    backfill_plan  the plan of a backfill over 1,000,000 partitions of which one is stale
    million   plan where one of 1,000,000 partitions is stale: exactly its descendants are listed
    merge     100,000 rows (5 % updates) into the clean orders against delta-rs
    replay    the rejected orders after their contract was mended, against cleansing all orders
    diff      two equal versions, two equal copies, and copies with 100 differing rows, against one scan of both in the same engine
    steps     1,000, 10,000 and 100,000 tasks that do nothing (1 -> n-2 -> 1), run by workers, state on disk, against Dagster in one process with 1,000
    latency   from the end of a step to the begin of its successor, alone and beside 1,000 runs of the service
    ticks     from a tick to the begin of its run, among 10,000 schedules
    serve     start to serving, and memory and processor time at rest, with 1,000 pipelines
    history   the list of runs over HTTP with 100,000 runs in the state store
    claims    steps that three processes claim and hand in through PostgreSQL, with a leader that hands them out and collects them, against three clients of
              pgbench that claim and finish rows by SQL alone
    postgres  5,000,000 rows (or --rows) into PostgreSQL against psql's \\copy

SLUICE_BIN names the program. Times are wall seconds, memory is the peak of the process; a ratio below 1 means faster than the reference.
"""
import argparse
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import orchestrator
from checks import claims
from timing import BENCH_VENV, HERE, ROOT, SLUICE, report, timed

RULES = {"amount.minimum": "amount.range"}  # the reference's name -> ours


def in_child(function, *arguments):
    """Calls it in a process of its own: what this one has in memory counts as memory of the programs that it starts."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(function, *arguments).result()


def orders_data(folder, rows):
    data = folder / f"orders-{rows}"
    if not (data / "planted.json").exists():
        data.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, HERE / "orders" / "generate.py", data, str(rows)], check=True, stdout=subprocess.DEVNULL)
    return data


def orders_project(folder, data, memory=None):
    project = folder / "orders-project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(HERE / "orders" / "project", project)
    if memory:
        with open(project / "sluice.yml", "a") as settings:
            settings.write(f"engine: {{memory: {memory}}}\n")
    (project / "data").symlink_to(data)
    return project


def compare_counts(data, result):
    planted = json.loads((data / "planted.json").read_text())
    cleanse = next(step for step in result["steps"] if step["table"] == "clean.orders")
    found = {reason["rule"]: reason["rows"] for reason in cleanse["reasons"]}
    wanted = {RULES.get(name, name): count for name, count in planted["reasons"].items() if count}
    rows = cleanse["rows"]
    if found != wanted or rows["quarantined"] != planted["quarantined_rows"] or rows["deduplicated"] != planted["deduplicated_rows"]:
        sys.exit(f"counts differ from what was planted\nfound  {found} {rows}\nwanted {wanted} {planted}")
    return "counts equal what was planted"


def orders(folder, rows, memory=None):
    data = orders_data(folder, rows)
    project = orders_project(folder, data, memory)
    reference = [sys.executable, HERE / "orders" / "reference.py", data, folder / "orders-reference"] + ([memory] if memory else [])
    reference_seconds, reference_memory, text = timed(reference)
    reference_seconds = json.loads(text)["total"]
    seconds, peak, text = timed([SLUICE, "run", "--json"], cwd=project)
    result = json.loads(text[text.index('{"schema"'):])
    report(f"orders {rows:,} {memory or ''}", seconds, peak, reference_seconds, reference_memory, compare_counts(data, result))
    for step in result["steps"]:
        print(f"    {step['step']:32} {step['elapsed_ms'] / 1000:8.3f} s")
    seconds, peak, _ = timed([SLUICE, "run"], cwd=project)
    report("  nothing to do", seconds, peak)
    return project


def bench_orders(folder, rows):
    orders(folder, rows)


def bench_orders1g(folder, rows):
    orders(folder, rows, "1GB")


def mended(contract):
    """Without the rules that the rejected orders break, but for the types."""
    lines = contract.splitlines(keepends=True)
    kept = [line for line in lines if "invalidValues" not in line and line.strip() != "quality:"]
    return "".join(line if "primaryKey" in line else re.sub(r", required: true|, logicalTypeOptions: .*(?=}$)|^ +required: true$", "", line)
                   for line in kept)


def bench_replay(folder, rows):
    """All rules but the types and the key's are taken out of the contract: every rejected row may come in, and is read again."""
    project = orders_project(folder, orders_data(folder, rows))
    reference, reference_memory, _ = timed([SLUICE, "run"], cwd=project)
    contract = project / "contracts" / "orders.odcs.yml"
    contract.write_text(mended(contract.read_text()))
    seconds, peak, text = timed([SLUICE, "quarantine", "replay", "orders", "--json"], cwd=project)
    step = json.loads(text[text.index('{"schema"'):])["steps"][0]
    if step["was_full"]:
        sys.exit(f"all rows were read again: {step['why']}")
    report(f"replay of {step['rows']['in']:,} rows of {rows:,}", seconds, peak, reference, reference_memory, "the whole job")


def rules_project(folder, data, count):
    project = folder / f"rules-{count}"
    shutil.rmtree(project, ignore_errors=True)
    for name in ("contracts", "sources"):
        (project / name).mkdir(parents=True)
    (project / "sluice.yml").write_text("name: rules\nchecks: {requirements: off}\n")
    (project / "sources" / "orders.yml").write_text("path: data/orders.csv\n")
    contract = subprocess.run([sys.executable, HERE / "orders" / "rules.py", str(count)], check=True, capture_output=True, text=True).stdout
    (project / "contracts" / "orders.odcs.yml").write_text(contract)
    (project / "data").symlink_to(data)
    timed([SLUICE, "run", "--select", "raw.orders"], cwd=project)
    return project


def processor_time(command, cwd, env=None, codes=(0,)):
    """Wall seconds, peak MB, processor seconds, output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, peak, text = timed(command, cwd=cwd, env=env, codes=codes)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, peak, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, text


def bench_rules(folder, rows):
    data = orders_data(folder, rows)
    projects = {count: rules_project(folder, data, count) for count in (1, 8, 100)}
    runs = {count: [] for count in projects}
    for _ in range(3):  # in turns
        for count, project in projects.items():
            shutil.rmtree(project / "lake" / "clean", ignore_errors=True)
            shutil.rmtree(project / "lake" / "quarantine", ignore_errors=True)
            runs[count].append(processor_time([SLUICE, "run"], project)[:3])
    best = {count: (min(run[0] for run in found), max(run[1] for run in found), min(run[2] for run in found)) for count, found in runs.items()}
    for count, (seconds, peak, used) in best.items():
        report(f"{count} rules over {rows:,} rows", seconds, peak, best[1][0], best[1][1],
               f"processor time {used:.2f} s, ratio {used / best[1][2]:.2f}; best of 3")


DBT = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def other_checks(folder, files):
    """What Great Expectations and dbt tests find in the same files: {program: (seconds, MB, processor time, found)}."""
    dbt = folder / "dbt"
    claims.dbt_project(dbt, files)
    results = {}
    used = processor_time([BENCH_VENV / "python", HERE / "checks" / "ge.py", files], folder)
    results["ge"] = (*used[:3], json.loads(used[3].splitlines()[-1])["found"])
    used = processor_time([BENCH_VENV / "dbt", "--no-use-colors", "test", "--project-dir", dbt, "--profiles-dir", dbt], dbt, DBT, (0, 1))
    results["dbt"] = (*used[:3], claims.dbt_found(dbt))
    return results


def compare_checks(folder, project):
    """Over rows that break each claim, all three programs find what plain SQL counts."""
    import duckdb

    (project / "models").mkdir(exist_ok=True)
    (project / "models" / "planted.sql").write_text(claims.model("clean.orders"))
    text = timed([SLUICE, "run", "--select", "curated.planted", "--json"], cwd=project)[2]
    step = json.loads(text[text.index('{"schema"'):])["steps"][-1]
    files = project / "lake" / "curated" / "planted" / "*.parquet"
    counts = claims.counts(duckdb.connect(), f"read_parquet('{files}')")
    found = {name: result[3] for name, result in other_checks(folder, files).items()}
    found["sluice"] = {check["name"]: check["rows"] for check in step["checks"]}
    for name, result in found.items():
        if result != claims.wanted(counts, name) or 0 in result.values():
            sys.exit(f"{name} found {result}, planted is {claims.wanted(counts, name)}")


def bench_checks(folder, rows):
    if not (BENCH_VENV / "dbt").exists():
        print(f"checks: skipped, for there is no {BENCH_VENV} (tools/deps.sh bench)")
        return
    folder = folder / "checks"
    folder.mkdir(exist_ok=True)
    small = orders_project(folder, orders_data(folder, 20000))
    timed([SLUICE, "run", "--select", "orders"], cwd=small)
    compare_checks(folder, small)
    project = orders_project(folder, orders_data(folder.parent, rows))
    shutil.rmtree(project / "models")
    timed([SLUICE, "run", "--select", "orders"], cwd=project)
    contract = project / "contracts" / "orders.odcs.yml"
    plain = contract.read_text()
    runs = {}
    for turn in range(2):
        contract.write_text(plain.replace("  - name: orders\n", "  - name: orders\n" + claims.quality(f".{turn}"), 1))
        used = processor_time([SLUICE, "run", "--select", "clean.orders", "--json"], project)
        step = json.loads(used[3][used[3].index('{"schema"'):])["steps"][-1]
        if len(step["checks"]) != len(claims.CLAIMS) or not all(check["passed"] for check in step["checks"]):
            sys.exit(f"checks of clean rows: {step}")
        runs.setdefault("sluice", []).append(used[:3])
        for name, result in other_checks(folder, project / "lake" / "clean" / "orders" / "*.parquet").items():
            if any(result[3].values()):
                sys.exit(f"{name} found something in clean rows: {result[3]}")
            runs.setdefault(name, []).append(result[:3])
        print("    turn %d, seconds and processor time: %s" % (turn + 1, ", ".join(
            f"{name} {found[-1][0]:.1f} and {found[-1][2]:.1f}" for name, found in runs.items())), flush=True)
    best = {name: [min(run[at] for run in found) for at in range(3)] for name, found in runs.items()}
    for name, label in (("ge", "Great Expectations"), ("dbt", "dbt tests")):
        seconds, memory, used = best[name]
        report(f"{len(claims.CLAIMS)} checks of {rows:,} orders", *best["sluice"][:2], seconds, memory,
               f"{label}: {seconds / best['sluice'][0]:.1f} times the time, {used / best['sluice'][2]:.1f} times the processor time "
               f"({used:.1f} s to {best['sluice'][2]:.1f} s), {memory / best['sluice'][1]:.1f} times the memory; best of 2")


def bench_spill(folder, rows):
    if rows < 25_000_000:
        print("spill: skipped below --rows 25000000, where the memory would be too small for the engine itself")
        return
    data = orders_data(folder, rows)
    megabytes = (data / "orders.csv").stat().st_size // 10**7
    project = orders_project(folder, data, f"{megabytes}MB")
    seconds, peak, text = timed([SLUICE, "run", "--json"], cwd=project)
    result = json.loads(text[text.index('{"schema"'):])
    report(f"{megabytes * 10:,} MB of orders with {megabytes:,} MB", seconds, peak, note=compare_counts(data, result))


def models_project(folder, count):
    project = folder / f"models-{count}"
    shutil.rmtree(project, ignore_errors=True)
    (project / "models").mkdir(parents=True)
    (project / "sluice.yml").write_text("name: models\nchecks: {requirements: off}\n")
    for number in range(count):
        (project / "models" / f"m{number}.sql").write_text(f"select {number} as a\n")
    return project


def bench_trivial(folder, rows):
    runs, nothing = [], []
    for _ in range(5):
        project = models_project(folder, 1)
        runs.append(timed([SLUICE, "run"], cwd=project)[:2])
        nothing.append(timed([SLUICE, "run"], cwd=project)[:2])
    report("select 1, committed", *sorted(runs)[2])
    report("  nothing to do", *sorted(nothing)[2])
    report("  version", *sorted(timed([SLUICE, "version"])[:2] for _ in range(5))[2])


def bare_copies(folder, count):
    import duckdb

    shutil.rmtree(folder, ignore_errors=True)
    connection = duckdb.connect()
    start = time.perf_counter()
    for number in range(count):
        log = folder / f"m{number}" / "_delta_log"
        log.mkdir(parents=True)
        data = folder / f"m{number}" / "part.parquet"
        connection.execute(f"copy (select {number} as a) to '{data}' (format parquet)")
        (log / "0.json").write_text("{}" * 300)
        for path in (data, log / "0.json", log, log.parent, folder):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench_models(folder, rows):
    project = models_project(folder, 1000)
    reference, memory = in_child(bare_copies, folder / "bare", 1000)
    seconds, peak, _ = timed([SLUICE, "run", "--quiet"], cwd=project)
    report("1,000 models, committed", seconds, peak, reference, memory, "reference: bare COPY, one log file, five fsyncs each")
    report("  nothing to do", *timed([SLUICE, "run"], cwd=project)[:2])


def lineage_project(folder, count):
    """Models of ten columns in layers of a hundred, each over two of the layer before."""
    project = models_project(folder, 0)
    for number in range(count):
        if number < 100:
            sql = "select " + ", ".join(f"{number} + i as c{at}" if at else "i as c0" for at in range(10)) + " from range(10) r(i)"
        else:
            first, second = number - 100, (number - 100) // 100 * 100 + (number * 7) % 100
            columns = ", ".join(f"a.c{at} + b.c{(at + 1) % 10} as c{at}" for at in range(1, 10))
            sql = f"select a.c0, {columns} from curated.m{first} a join curated.m{second} b on b.c0 = a.c0 where a.c1 > 0"
        (project / "models" / f"m{number}.sql").write_text(sql + "\n")
    return project


def bench_lineage(folder, rows):
    project = lineage_project(folder, 2000)
    last = "curated.m1999.c3"
    report("lineage of 2,000 models, first time", *timed([SLUICE, "lineage", last], cwd=project)[:2])
    report("  of one column", *sorted(timed([SLUICE, "lineage", last], cwd=project)[:2] for _ in range(3))[1])
    report("  of all, as JSON", *timed([SLUICE, "lineage", "--json"], cwd=project)[:2])
    report("  of all with influence", *timed([SLUICE, "lineage", "--json", "--influence"], cwd=project)[:2])


def million_project(folder, count):
    """Two tables of `count` partitions, of which one partition of the first has just changed. The files that nobody reads are only named."""
    import duckdb

    project = folder / "million"
    shutil.rmtree(project, ignore_errors=True)
    for name in ("models", "sources", "data"):
        (project / name).mkdir(parents=True)
    (project / "sluice.yml").write_text("name: million\nchecks: {requirements: off}\n")
    (project / "sources" / "sales.yml").write_text("path: data/*.csv\n")
    settings = "/* sluice\nwrite: partition\npartition_by: [day, shop]\n*/\n"
    (project / "models" / "base.sql").write_text(settings + "select day, shop::int as shop, sum(amount::int) as amount from raw.sales group by all\n")
    (project / "models" / "top.sql").write_text(settings + "select day, shop, sum(amount) * 2 as amount from curated.base group by all\n")
    head = "day,shop,amount\n"
    (project / "data" / "a.csv").write_text(head + "2020-01-01,1,10\n2020-01-02,2,20\n")
    timed([SLUICE, "run"], cwd=project)
    connection = duckdb.connect()
    for table in ("base", "top"):
        log = project / "lake" / "curated" / table / "_delta_log"
        connection.execute(f"""
            create or replace temp table log as select * from read_json('{log}/00000000000000000000.json', columns = {{
                'txn': 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
                'add': 'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR))',
                'metaData': 'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)',
                'protocol': 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])'}}, format = 'newline_delimited', maximum_object_size = 100000000);
            copy (select txn, add, metaData, protocol from log where coalesce(add.path, txn.appId, metaData.id, protocol.minReaderVersion::varchar) is not null
                  union all by name
                  select {{'path': 'day=' || d || '/shop=' || s || '/part-' || uuid() || '.parquet', 'partitionValues': map {{'day': d::varchar, 'shop': s::varchar}},
                           'size': 700, 'modificationTime': 1770000000000, 'dataChange': false,
                           'stats': '{{"numRecords":1,"minValues":{{"amount":1}},"maxValues":{{"amount":9}},"nullCount":{{"amount":0}}}}', 'tags': null}} as add
                  from (select date '2021-01-01' + (i % 1000)::int as d, i // 1000 + 10 as s from range({count}) r(i)))
            to '{log}/00000000000000000000.checkpoint.parquet' (format parquet)""")
        (log / "_last_checkpoint").write_text(json.dumps({"version": 0, "size": count + 5}))
    return project


def touch_one(project):
    """A commit of `base` as its step would write it: one partition's file gives way to another."""
    import duckdb

    folder = project / "lake" / "curated" / "base"
    actions = [json.loads(line) for line in (folder / "_delta_log" / "00000000000000000000.json").read_text().splitlines()]
    add = next(action["add"] for action in actions if action.get("add", {}).get("partitionValues", {}).get("shop") == "2")
    path = add["path"].rsplit("/", 1)[0] + "/part-touched.parquet"
    duckdb.execute(f"copy (select (amount + 1)::bigint as amount from read_parquet('{folder / add['path']}', hive_partitioning = false)) "
                   f"to '{folder / path}' (format parquet)")
    info = next(action for action in actions if "commitInfo" in action)
    info["commitInfo"]["sluice"]["sequence"] += 1
    txn = next(action for action in actions if "txn" in action)
    txn["txn"]["version"] += 1
    lines = [info, txn, {"remove": {"path": add["path"], "deletionTimestamp": 1770000000000, "dataChange": True}},
             {"add": {**add, "path": path, "size": (folder / path).stat().st_size}}]
    (folder / "_delta_log" / "00000000000000000001.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def bench_million(folder, rows):
    project = million_project(folder, 1000000)
    report("plan, 1,000,000 partitions, nothing new", *timed([SLUICE, "plan"], cwd=project)[:2])
    touch_one(project)
    seconds, memory, text = timed([SLUICE, "plan", "--why"], cwd=project)
    report("  one of them touched", seconds, memory)
    plan = json.loads(timed([SLUICE, "plan", "--json"], cwd=project)[2])
    stale = {node["name"]: node.get("partitions") for node in plan["nodes"] if node["verdict"] != "fresh"}
    if stale != {"curated.top": ["day=2020-01-02, shop=2"]}:
        sys.exit(f"stale should be one partition of curated.top, and is {stale}")
    if "day=2020-01-02, shop=2" not in text or "curated.base changed" not in text:
        sys.exit(f"--why does not name the partition and its cause:\n{text}")


def bench_backfill_plan(folder, rows):
    project = million_project(folder, 1000000)
    touch_one(project)
    command = [SLUICE, "backfill", "top", "--stale", "--dry-run", "--json"]
    seconds, memory, text = sorted(timed(command, cwd=project) for _ in range(3))[1]
    report("plan of a backfill, one of 1,000,000 partitions stale", seconds, memory)
    table = json.loads(text)["tables"][0]
    if (table["partitions"], table["first"]) != (1, "day=2020-01-02, shop=2"):
        sys.exit(f"one partition should be chosen, and it is {table}")


def bench_plan(folder, rows):
    project = models_project(folder, 10000)
    for command in ("check", "plan"):
        report(f"{command} of 10,000 models, first time", *timed([SLUICE, command, "--quiet"], cwd=project)[:2])
        report(f"{command} of 10,000 models", *timed([SLUICE, command, "--quiet"], cwd=project)[:2])


def bench_merge(folder, rows):
    import deltalake
    import duckdb

    data = orders_data(folder, rows)
    project = orders_project(folder, data)
    timed([SLUICE, "run", "--select", "orders"], cwd=project)
    other = folder / "delta-rs"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(project / "lake" / "clean" / "orders", other)
    connection = duckdb.connect()
    source = f"""select order_id + case when order_id % 20 = 0 then 0 else {rows} end as order_id, customer_id, order_date, amount, currency,
        quantity, country, email, status, timestamp '2026-06-01' as updated_at from read_parquet('{other}/*.parquet')
        where order_id % {max(1, rows // 100000)} = 0 or order_id % {max(1, rows // 5000)} = 0 limit 100000"""
    new = project / "more.csv"
    connection.execute(f"copy ({source}) to '{new}' (header)")
    (project / "data").unlink()
    (project / "data").mkdir()
    (project / "data" / "orders.csv").symlink_to(data / "orders.csv")
    shutil.move(new, project / "data" / "orders-more.csv")
    (project / "sources" / "orders.yml").write_text("path: data/orders*.csv\n")
    timed([SLUICE, "run", "--select", "raw.orders"], cwd=project)
    seconds, peak, _ = timed([SLUICE, "run", "--select", "clean.orders"], cwd=project)
    script = f"""
import deltalake, pyarrow.csv, pyarrow as pa, duckdb, time
rows = duckdb.connect().execute("select *, 'more' as _source, row_number() over () as _position from read_csv('{project}/data/orders-more.csv', types={{'amount': 'decimal(12,2)', 'quantity': 'integer', 'updated_at': 'timestamp'}})").arrow()
table = deltalake.DeltaTable('{other}')
start = time.perf_counter()
table.merge(rows, 't.order_id = s.order_id', source_alias='s', target_alias='t').when_matched_update_all().when_not_matched_insert_all().execute()
print(time.perf_counter() - start)
"""
    _, reference_memory, text = timed([sys.executable, "-c", script])
    report("merge 100,000 rows", seconds, peak, float(text.split()[-1]), reference_memory, f"delta-rs {deltalake.__version__}")


DIFF_ROWS = """select i as id, (i % 1000)::integer as customer_id, (i * 7 % 100000 / 100)::decimal(12,2) as amount, 'name ' || (i % 5000) as name,
    date '2026-01-01' + (i % 300)::integer as day, md5(i::varchar) as code, hash(i)::double as score from range({rows}) t(i)"""


def bench_diff(folder, rows):
    project = folder / f"diff-{rows}"
    if not (project / "lake").exists():
        (project / "models").mkdir(parents=True, exist_ok=True)
        (project / "sluice.yml").write_text("name: diff\nchecks: {requirements: off}\n")
        for name, sql in {"a": DIFF_ROWS.format(rows=rows), "b": "from curated.a",
                          "c": f"select * replace (if(id % {max(rows // 100, 1)} = 0, amount + 1, amount)::decimal(12,2) as amount) "
                               "from curated.a"}.items():
            (project / "models" / f"{name}.sql").write_text(f"/* sluice\ngrain: [id]\n*/\n{sql}\n")
        timed([SLUICE, "run"], cwd=project)
    shutil.rmtree(project / ".sluice" / "digests", ignore_errors=True)
    columns = "id, customer_id, amount, name, day, code, score"
    scan = [SLUICE, "query", f"select sum(hash({columns})) from (from curated.a union all from curated.{{}})"]
    reference, reference_memory, _ = timed([*scan[:2], scan[2].format("b")], cwd=project)
    for name, sides, wanted in [("equal versions", ["a@0", "a"], 0), ("equal copies", ["a", "b"], 0), ("equal copies again", ["a", "b"], 0),
                                ("100 differing rows, digest of A kept", ["a", "c"], 100), ("100 differing rows again", ["a", "c"], 100),
                                ("100 differing rows, nothing kept", ["a", "c", "--fresh"], 100)]:
        seconds, peak, text = timed([SLUICE, "diff", *sides, "--json"], cwd=project)
        found = json.loads(text[text.index('{"schema"'):])
        if found["differing"] != wanted or found["equal"] != found["a"]["rows"] - wanted:
            sys.exit(f"{name}: {found}")
        report(f"diff {found['a']['rows']:,} {name}", seconds, peak, reference, reference_memory)


def timed_on_server(dsn, before, command, cwd=None):
    """Wall seconds and peak MB of a command, once the server has done what is to come before it."""
    subprocess.run(["psql", "-q", dsn, "-c", before, "-c", "checkpoint"], check=True, stderr=subprocess.DEVNULL)
    return timed(command, cwd=cwd)[:2]


def bench_postgres(folder, rows):
    rows = max(rows, 100000)
    server = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-pg-"))
    server.chmod(0o755)
    port = "15433"
    script = ROOT / "tests" / "servers" / "pg.sh"
    subprocess.run([script, "start", server, port], check=True)
    try:
        dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
        project = folder / "postgres-project"
        shutil.rmtree(project, ignore_errors=True)
        (project / "models").mkdir(parents=True)
        (project / "targets").mkdir()
        (project / "sluice.yml").write_text("name: pg\nchecks: {requirements: off}\n")
        (project / "models" / "wide.sql").write_text(
            f"select i as id, i % 1000 as customer, (i * 7 % 100000 / 100)::decimal(12,2) as amount, 'name ' || i as name, "
            f"date '2026-01-01' + (i % 365)::int as day from range({rows}) t(i)")
        (project / "targets" / "pg.yml").write_text(f"type: postgres\ndsn: {dsn}\ndeliver: [{{table: curated.wide}}]\n")
        timed([SLUICE, "run", "--select", "curated.wide"], cwd=project)
        import duckdb

        csv = folder / "wide.csv"
        duckdb.connect().execute(f"copy (select * from read_parquet('{project}/lake/curated/wide/*.parquet')) to '{csv}' (header false)")
        subprocess.run(["psql", "-q", dsn, "-c", "create table reference (id bigint, customer bigint, amount numeric(12,2), name text, day date)"], check=True)
        ours, theirs = [], []
        for _ in range(3):  # in turns, each from an empty table and a server that has written its pages
            theirs.append(timed_on_server(dsn, "truncate reference", ["psql", "-q", dsn, "-c", f"\\copy reference from '{csv}' (format csv)"]))
            ours.append(timed_on_server(dsn, "drop table if exists wide", [SLUICE, "run"], cwd=project))
        (seconds, peak), (reference, reference_memory) = sorted(ours)[1], sorted(theirs)[1]
        report(f"{rows:,} rows into PostgreSQL", seconds, peak, reference, reference_memory, "psql \\copy of the same rows; medians of 3")
    finally:
        subprocess.run([script, "stop", server], check=False)
        shutil.rmtree(server, ignore_errors=True)


CLAIM_SQL = """begin;
with mine as materialized (select seq from jobs where state = 0 order by priority desc, seq limit 50 for update skip locked)
update jobs set state = 1, token = token + 1, until_us = 1 where seq in (select seq from mine);
with mine as materialized (select seq from jobs where state = 1 order by seq limit 50 for update skip locked)
update jobs set state = 2, reply = '{"status": "ok", "rows_in": 7}' where seq in (select seq from mine);
commit;
"""


def claims_by_pgbench(dsn, folder, total):
    """Steps a second: the same table, batches of 50, each in one transaction that claims and finishes; nobody hands out or collects."""
    sql = f"""drop table if exists jobs; create table jobs (seq bigint generated always as identity primary key, state int not null default 0,
              priority bigint not null default 0, token bigint not null default 0, until_us bigint not null default 0, request text, reply text);
              create index on jobs (priority desc, seq) where state = 0; create index on jobs (seq) where state = 1;
              insert into jobs (request) select '{{"node": 12, "attempt": 1}}' from generate_series(1, {total}); analyze jobs"""
    subprocess.run(["psql", "-q", dsn, "-c", sql], check=True, stderr=subprocess.DEVNULL)
    script = folder / "claims.sql"
    script.write_text(CLAIM_SQL)
    pgbench = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))[-1]
    rounds = -(-total // 50 // 3)
    seconds, memory, _ = timed([pgbench, "-n", "-M", "prepared", "-c", "3", "-j", "3", "-t", str(rounds), "-f", script, dsn])
    return seconds, memory


def bench_claims(folder, rows):
    total = 20000
    server = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-pg-"))
    server.chmod(0o755)
    port = "15434"
    script = ROOT / "tests" / "servers" / "pg.sh"
    program = pathlib.Path(SLUICE).parents[1] / "tests" / "unit" / "state" / "test_many"
    subprocess.run([script, "start", server, port], check=True)
    try:
        ours, theirs = [], []
        for turn in range(3):
            theirs.append(claims_by_pgbench(f"host=127.0.0.1 port={port} user=postgres dbname=postgres", folder, total))
            env = {"SLUICE_TEST_STATE": f"postgresql://postgres@127.0.0.1:{port}/postgres?schema=claims{turn}", "SL_STATE_JOBS": str(total)}
            _, memory, told = timed([program], env=env)
            ours.append((total / int(re.search(r"steps by 3 workers on PostgreSQL: (\d+) a second", told)[1]), memory))
        (seconds, memory), (reference, reference_memory) = sorted(ours)[1], sorted(theirs)[1]
        note = f"{total / seconds:,.0f} steps a second by 3 processes, pgbench {total / reference:,.0f}; medians of 3"
        report(f"{total:,} claims in PostgreSQL", seconds, memory, reference, reference_memory, note)
    finally:
        subprocess.run([script, "stop", server], check=False)
        shutil.rmtree(server, ignore_errors=True)


BENCHMARKS = {name[6:]: function for name, function in {**globals(), **vars(orchestrator)}.items() if name.startswith("bench_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], default=[])
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "bench")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or BENCHMARKS:
        in_child(BENCHMARKS[name], folder, arguments.rows)


main()
