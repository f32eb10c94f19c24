"""`sluice show --profile`, compared with what Python and DuckDB count of the same rows."""
import collections
import json
import statistics

import deltalake
import duckdb
import pytest

from conftest import Project

SQL = """select i as id, case when i % 10 > 0 then (i % 97) / 4 end::decimal(10,2) as amount,
    case i % 50 when 1 then 'nan'::double when 2 then 'infinity'::double else (i % 13) / 7 end as odd,
    case i % 7 when 0 then null when 1 then '' when 2 then 'ä"b' || chr(10) else 'v' || (i % 7) end as word,
    date '2026-01-01' + (i % 6)::integer as day, timestamp '2026-01-01' + interval (i) hour as at, i % 3 = 0 as flag,
    case when i % 4 > 0 then [i % 5, null] end as list, null::integer as nothing, repeat('long ', 100) || (i % 2) as long
    from range(ROWS) t(i)"""


def make(folder, binary, rows):
    project = Project(folder, binary)
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("models/t.sql", SQL.replace("ROWS", str(rows)))
    project.run("run")
    return project


@pytest.fixture(scope="module")
def small(tmp_path_factory, sluice_bin):
    return make(tmp_path_factory.mktemp("profile") / "small", sluice_bin, 1000)


def profile(project, *arguments):
    found = project.json("show", "curated.t", "--profile", *arguments)
    return found, {column["name"]: column for column in found["columns"]}


def query(project, sql):
    connection = duckdb.connect()
    connection.register("t", project.delta("curated.t"))
    connection.execute("set timezone = 'UTC'")
    return connection.execute(sql).fetchall()


def test_counts_are_those_of_the_rows(small):
    found, columns = profile(small)
    assert (found["rows"], found["is_exact"], found["version"]) == (1000, True, 0)
    for name, column in columns.items():
        distinct = f'"{name}"' if name != "list" else "list::varchar"
        wanted = query(small, f'select count("{name}"), count(*) - count("{name}"), count(distinct {distinct}) from t')[0]
        assert (column["values"], column["nulls"], column["distinct"]) == wanted, name
    for name in ("id", "amount", "day", "at", "word", "flag"):
        wanted = query(small, f'select min("{name}")::varchar, max("{name}")::varchar from t')[0]
        assert (columns[name]["min"], columns[name]["max"]) == wanted


def test_numbers_are_those_that_python_counts(small):
    columns = profile(small)[1]
    for name in ("id", "amount", "odd"):  # of floating numbers the finite ones
        values = [float(value) for (value,) in query(small, f"select {name} from t where isfinite({name}::double)")]
        column = columns[name]
        assert float(column["mean"]) == pytest.approx(statistics.fmean(values))
        assert float(column["stddev"]) == pytest.approx(statistics.stdev(values))
        values.sort()
        for quantile in column["quantiles"]:
            at = values.index(float(quantile["value"]))
            assert at / len(values) <= quantile["share"] <= (at + values.count(values[at])) / len(values)
        assert [quantile["share"] for quantile in column["quantiles"]] == [0.05, 0.25, 0.5, 0.75, 0.95]
        lows = [float(each["from"]) for each in column["histogram"]] + [float("inf")]
        counts = [sum(low <= value < high for value in values) for low, high in zip(lows, lows[1:])]
        wanted = [each["rows"] for each in column["histogram"]]
        assert sum(wanted) == len(values)
        if name != "odd":  # whose bins begin at numbers that are not written in full
            assert counts == wanted
    assert columns["nothing"]["values"] == 0 and columns["nothing"]["min"] is None and columns["nothing"]["histogram"] == []


def test_dates_have_whole_days_and_words_their_lengths(small):
    columns = profile(small)[1]
    days = query(small, "select day::varchar, count(*) from t group by all order by all")
    assert [(each["from"], each["rows"]) for each in columns["day"]["histogram"]] == days
    lengths = [len(value) for (value,) in query(small, "select word from t where word is not null")]
    assert columns["word"]["lengths"] == {"min": min(lengths), "max": max(lengths), "mean": str(round(statistics.fmean(lengths), 1))}
    assert columns["long"]["lengths"]["max"] == 501 and len(columns["long"]["most_frequent"][0]["value"]) == 100
    words = collections.Counter(value for (value,) in query(small, "select word from t where word is not null"))
    wanted = sorted(words.items(), key=lambda each: (-each[1], each[0]))[:5]
    assert [(each["value"], each["rows"]) for each in columns["word"]["most_frequent"]] == wanted
    assert columns["id"]["most_frequent"] == []  # none comes twice
    assert {each["value"] for each in columns["flag"]["most_frequent"]} == {"true", "false"}


def test_above_a_size_estimates_are_marked(tmp_path, sluice_bin):
    large = make(tmp_path / "large", sluice_bin, 150000)
    found, columns = profile(large)
    assert not found["is_exact"] and found["rows"] == 150000
    assert columns["id"]["distinct"] == pytest.approx(150000, rel=0.1) and columns["word"]["distinct"] == 6
    words = collections.Counter(value for (value,) in query(large, "select word from t where word is not null"))
    assert {each["value"]: each["rows"] for each in columns["word"]["most_frequent"]}.items() <= words.items()
    assert columns["id"]["most_frequent"] == []
    assert float(columns["id"]["quantiles"][2]["value"]) == pytest.approx(75000, rel=0.02)
    told = large.run("show", "t", "--profile", "--columns", "id").stdout
    assert "what is marked with ~ is an estimate" in told and "distinct ~1" in told and "~median 7" in told


def test_a_sample_has_as_many_rows(small):
    found, columns = profile(small, "--sample", "100", "--columns", "id", "word")
    assert (found["rows"], found["is_sample"], list(columns)) == (100, True, ["id", "word"])
    assert "a sample of 100 rows" in small.run("show", "t", "--profile", "--sample", "100").stdout
    assert profile(small, "--sample", "5000")[0]["rows"] == 1000


def test_text_has_bars_in_what_the_terminal_can_show(small):
    told = small.run("show", "t", "--profile", "--columns", "day", env={"LC_ALL": "C.UTF-8"}).stdout
    assert told.splitlines()[0] == "curated.t, version 0, 1,000 rows" and told.count("█" * 24) >= 1
    plain = small.run("show", "t", "--profile", "--columns", "day", env={"LC_ALL": "C"}).stdout
    assert "█" not in plain and plain.count("#" * 24) >= 1


def test_every_layer_and_version_has_one(shop):
    for table in ("raw.orders", "quarantine.orders", "clean.orders", "curated.daily_revenue"):
        found = shop.json("show", table, "--profile", "--version", "0")
        folder = str(shop.table_folder(table))
        assert found["rows"] == len(deltalake.DeltaTable(folder, version=0).to_pyarrow_table()) and found["version"] == 0
        assert all(column["values"] + column["nulls"] == found["rows"] for column in found["columns"])


def test_an_empty_table_has_one(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("models/t.sql", SQL.replace("ROWS", "0"))
    project.run("run")
    found, columns = profile(project)
    assert found["rows"] == 0 and columns["amount"]["values"] == 0 and columns["amount"]["mean"] is None
    assert "0 rows" in project.run("show", "t", "--profile").stdout


@pytest.mark.parametrize("arguments, wanted", [
    (["--columns", "amount"], "--columns goes with --profile"),
    (["--sample", "3"], "--sample goes with --profile"),
    (["--profile", "--sample", "-3"], "expected 0 or more"),
    (["--profile", "--columns", "amout"], "did you mean 'amount'?"),
    (["--profile", "--version", "7"], "has no version 7"),
])
def test_mistakes_are_told(small, arguments, wanted):
    assert wanted in small.run("show", "t", *arguments, exit_code=1).stderr
