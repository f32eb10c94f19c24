"""Backfills: chosen partitions are computed anew, the position stays, and what was killed goes on."""
import fcntl
import json
import shutil
import signal
import sqlite3
import subprocess

import pytest

from conftest import Project, contract_text, some_of

DAYS = 8
PROJECT = {
    "sluice.yml": "name: back\nchecks: {requirements: off}\n",
    "sources/sales.yml": "path: data/sales-*.csv\n",
    "sources/rates.yml": "path: data/rates.csv\n",
    "contracts/sales.odcs.yml": contract_text(
        "sales", "{name: day, logicalType: date, required: true}", "{name: shop, logicalType: string}", "{name: amount, logicalType: integer}"),
    "contracts/rates.odcs.yml": contract_text(
        "rates", "{name: day, logicalType: date, required: true}", "{name: rate, logicalType: integer}"),
    "models/daily.sql": """/* sluice
write: partition
partition_by: [day]
checks: [{not_null: [day]}, {expression: amount < 1000000}]
*/
select s.day, sum(s.amount * r.rate)::bigint as amount, count(*) as n from clean.sales s join clean.rates r on r.day = s.day group by all
""",
    "models/total.sql": "select sum(amount)::bigint as amount from curated.daily\n",
}


def day(number):
    return f"2026-01-{number:02}"


def sales(*rows):
    return "day,shop,amount\n" + "".join(f"{d},{shop},{amount}\n" for d, shop, amount in rows)


def rates(**other):
    return "day,rate\n" + "".join(f"{day(i)},{other.get(f'd{i}', 1)}\n" for i in range(1, DAYS + 1))


def make(project, files=PROJECT):
    for path, text in files.items():
        project.write(path, text)
    project.write("data/sales-1.csv", sales(*((day(1 + i % DAYS), f"s{i % 3}", i) for i in range(3 * DAYS))))
    project.write("data/rates.csv", rates())
    return project


@pytest.fixture(scope="module")
def built(tmp_path_factory, sluice_bin):
    project = make(Project(tmp_path_factory.mktemp("built") / "project", sluice_bin))
    project.run("run")
    return project


@pytest.fixture
def back(built, tmp_path):
    """A project that was run once, to be changed."""
    shutil.copytree(built.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project", built.binary)


def from_scratch(project, tables=("curated.daily", "curated.total")):
    """What the tables hold if all of it is built anew."""
    other = Project(project.folder.parent / f"scratch-{len(list(project.folder.parent.iterdir()))}", project.binary)
    for name in ("sluice.yml", "sources", "contracts", "models", "data"):
        source = project.folder / name
        if source.is_dir():
            shutil.copytree(source, other.folder / name)
        elif source.exists():
            shutil.copy(source, other.folder / name)
    other.run("run")
    return {table: other.rows(table) for table in tables}


def position(project, table="curated.daily"):
    record = project.records(table)[-1]
    return record["inputs"], record["fingerprint"]


def verdicts(project):
    return {node["name"]: node["verdict"] for node in project.json("plan")["nodes"]}


def of(rows, *days):
    """Rows of `daily` of these days: columns in order of their names, so day is second."""
    return [row for row in rows if row[1] in [day(number) for number in days]]


def backfill(project, *arguments, **options):
    return project.run("backfill", "daily", *arguments, "--yes", **options)


def test_without_new_input_the_next_run_has_nothing_to_do_but_its_readers(back):
    before, rows = position(back), back.rows("curated.daily")
    plan = back.json("backfill", "daily", "--from", day(2), "--to", day(4), "--dry-run")
    table = plan["tables"][0]
    assert (table["partitions"], table["first"], table["last"], table["rows_in"], table["chunks"]) == (
        3, f"day={day(2)}", f"day={day(4)}", 9, 1)
    assert plan["downstream"] == ["model total"]
    assert position(back) == before and len(back.records("curated.daily")) == 1
    backfill(back, "--from", day(2), "--to", day(4), "--chunk", 1)
    assert len(back.records("curated.daily")) == 4
    assert position(back) == before
    assert back.rows("curated.daily") == rows
    assert "ahead" not in back.records("curated.daily")[-1]
    assert verdicts(back) | {"curated.total": "stale"} == {
        **{name: "fresh" for name in verdicts(back)}, "curated.total": "stale"}
    back.run("run")
    assert len(back.records("curated.daily")) == 4
    runs = back.json("status")["runs"]
    assert [run["command"] for run in runs][:2] == ["run", "backfill"]


def test_a_rate_that_was_corrected_late_is_taken_for_the_range_only(back):
    old = back.rows("curated.daily")
    back.write("data/rates.csv", rates(d3=5, d6=7))
    back.run("run", "--select", "raw.rates", "clean.rates")
    expected = from_scratch(back)
    before = position(back)
    backfill(back, "--from", day(3), "--to", day(4))
    rows = back.rows("curated.daily")
    assert of(rows, 3, 4) == of(expected["curated.daily"], 3, 4) != of(old, 3, 4)
    assert of(rows, 1, 2, 5, 6, 7, 8) == of(old, 1, 2, 5, 6, 7, 8)
    assert position(back) == before
    assert back.records("curated.daily")[-1]["ahead"]
    # Nothing is published that was computed from other versions than those that are listed.
    assert back.rows("curated.daily") != old
    published = json.loads(sorted((back.folder / "lake/_publications").glob("*.json"))[-1].read_text())
    assert published["tables"]["curated.daily"]["version"] == 0
    # The next run does what it would have done.
    assert verdicts(back)["curated.daily"] == "stale"
    back.run("run")
    assert {table: back.rows(table) for table in expected} == expected
    assert "ahead" not in back.records("curated.daily")[-1]


def test_new_rows_that_a_backfill_has_read_are_neither_lost_nor_doubled(back):
    back.write("data/sales-2.csv", sales((day(3), "new", 100), (day(7), "new", 200)))
    back.run("run", "--select", "raw.sales", "clean.sales")
    expected = from_scratch(back)
    before = position(back)
    backfill(back, "--from", day(1), "--to", day(4), "--chunk", 1)
    assert of(back.rows("curated.daily"), 1, 2, 3, 4) == of(expected["curated.daily"], 1, 2, 3, 4)
    assert position(back) == before
    run = back.json("run")
    step = next(step for step in run["steps"] if step["table"] == "curated.daily")
    assert step["partition"] == [f"day={day(3)}", f"day={day(7)}"], "what it would have done without the backfill"
    assert {table: back.rows(table) for table in expected} == expected


def test_rows_that_came_and_went_again_are_taken_out_of_what_a_backfill_read(new_project):
    """From the position to the end nothing changed in the driving table; a backfill has read what was there in between."""
    project = new_project("passing")
    project.write("sluice.yml", PROJECT["sluice.yml"])
    project.write("sources/sales.yml", PROJECT["sources/sales.yml"])
    project.write("models/base.sql", """/* sluice
write: partition
partition_by: [day]
*/
select day::date as day, shop, amount::int as amount from raw.sales where amount::int < 1000
""")
    project.write("models/daily.sql", """/* sluice
write: partition
partition_by: [day]
*/
select day, sum(amount)::bigint as amount, count(*) as n from curated.base group by all
""")
    project.write("data/sales-1.csv", sales(*((day(1 + i % DAYS), f"s{i % 3}", i) for i in range(3 * DAYS))))
    project.run("run")
    old = project.rows("curated.daily")
    project.write("data/sales-2.csv", sales((day(5), "passing", 500)))
    project.run("run", "--select", "raw.sales", "base")
    backfill(project, "--partition", f"day={day(5)}")
    assert of(project.rows("curated.daily"), 5) != of(old, 5)
    project.write("data/sales-2.csv", sales((day(5), "passing", 5000)))  # the model leaves it out
    project.run("run", "--select", "raw.sales", "base")
    assert not project.records("curated.base")[-1]["full"]
    step = next(step for step in project.json("run")["steps"] if step["table"] == "curated.daily")
    assert step["partition"] == [f"day={day(5)}"]
    assert project.rows("curated.daily") == old
    assert from_scratch(project, ["curated.daily"])["curated.daily"] == old


def test_everything_equals_a_full_rebuild(back):
    back.write("data/rates.csv", rates(d1=9, d8=4))
    back.write("data/sales-2.csv", sales((day(3), "new", 100)))
    back.run("run", "--select", "raw.rates", "clean.rates", "raw.sales", "clean.sales")
    backfill(back, "--downstream", "--chunk", 3, "--order", "newest")
    assert {table: back.rows(table) for table in ("curated.daily", "curated.total")} == from_scratch(back)
    chunks = [record["backfill"]["partitions"] for record in back.records("curated.daily") if "backfill" in record]
    assert sorted(chunks, reverse=True)[0] == [[day(8)], [day(7)], [day(6)]]


def test_stale_is_what_the_next_run_would_do(back):
    assert "no partition was chosen" in backfill(back, "--stale").stdout
    back.write("data/sales-2.csv", sales((day(2), "new", 1), (day(6), "new", 2)))
    back.run("run", "--select", "raw.sales", "clean.sales")
    plan = back.json("backfill", "daily", "--stale", "--dry-run")["tables"][0]
    assert (plan["partitions"], plan["first"], plan["last"]) == (2, f"day={day(2)}", f"day={day(6)}")
    backfill(back, "--stale")
    assert back.rows("curated.daily") == from_scratch(back)["curated.daily"]
    assert verdicts(back)["curated.daily"] == "stale"


def test_partitions_without_input_stay_unless_they_may_be_emptied(back):
    text = (back.folder / "data/sales-1.csv").read_text()
    back.write("data/sales-1.csv", "".join(line for line in text.splitlines(True) if not line.startswith(day(4))))
    back.run("run", "--select", "raw.sales", "clean.sales")
    old = back.rows("curated.daily")
    done = backfill(back, "--from", day(3), "--to", day(5))
    assert f"day={day(4)}" in done.stderr and "--allow-empty" in done.stderr
    assert of(back.rows("curated.daily"), 4) == of(old, 4) != []
    backfill(back, "--partition", f"day={day(4)}", "--allow-empty")
    assert of(back.rows("curated.daily"), 4) == []
    assert back.rows("curated.daily") == from_scratch(back)["curated.daily"]


def test_a_chunk_whose_check_fails_leaves_the_others_and_is_done_when_it_is_mended(back):
    back.write("data/rates.csv", rates(d2=2, d3=1000000, d4=2))
    back.run("run", "--select", "raw.rates", "clean.rates")
    old = back.rows("curated.daily")
    done = backfill(back, "--from", day(2), "--to", day(4), "--chunk", 1, exit_code=5)
    assert f"day={day(3)}: SL0703" in done.stderr
    rows = back.rows("curated.daily")
    assert of(rows, 3) == of(old, 3) and of(rows, 2) != of(old, 2) and of(rows, 4) != of(old, 4)
    identity = back.records("curated.daily")[-1]["backfill"]["id"]
    assert identity in done.stdout
    # Still wrong: nothing but that chunk is tried, and all that was tried has failed.
    again = back.run("backfill", "--resume", identity[:8], "--yes", exit_code=3)
    assert "2 partitions done before" in again.stdout
    back.write("data/rates.csv", rates(d2=2, d3=3, d4=2))
    back.run("run", "--select", "raw.rates", "clean.rates")
    done = back.run("backfill", "--resume", identity, "--yes")
    assert "goes on" in done.stdout and "something was committed" in done.stderr
    assert back.records("curated.daily")[-1]["backfill"]["partitions"] == [[day(3)]]
    assert back.rows("curated.daily") == from_scratch(back)["curated.daily"]
    assert "no partition is missing" in back.run("backfill", "--resume", identity, "--yes").stdout


def test_the_same_command_goes_on_only_where_inputs_are_the_same(back):
    back.write("data/rates.csv", rates(d3=1000000))
    back.run("run", "--select", "raw.rates", "clean.rates")
    backfill(back, "--chunk", 1, exit_code=5)
    first = back.records("curated.daily")[-1]["backfill"]["id"]
    assert "7 partitions done before" in backfill(back, "--chunk", 1, exit_code=3).stdout
    assert back.records("curated.daily")[-1]["backfill"]["id"] == first
    back.write("data/rates.csv", rates(d1=2, d3=2))
    back.run("run", "--select", "raw.rates", "clean.rates")
    backfill(back, "--chunk", 1)
    assert back.records("curated.daily")[-1]["backfill"]["id"] != first
    assert back.rows("curated.daily") == from_scratch(back)["curated.daily"]


def test_two_at_once_are_refused(back):
    state = back.folder / ".sluice"
    with open(state / "run.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = backfill(back, exit_code=1)
        assert "SL0108" in done.stderr
        assert back.run("backfill", "daily", "--dry-run").returncode == 0
    assert len(back.records("curated.daily")) == 1
    backfill(back)


def test_a_plan_is_shown_and_nothing_done_without_yes(back):
    done = back.run("backfill", "daily", "--from", day(3), exit_code=1)
    assert f"day={day(3)} to day={day(8)}" in done.stdout and "--yes" in done.stderr
    assert len(back.records("curated.daily")) == 1


@pytest.mark.parametrize("arguments, code, hint", [
    (["total"], "SL0850", "run --full-refresh --select total"),
    (["clean.sales"], "SL0850", "quarantine replay sales"),
    (["raw.sales"], "SL0850", "run --full-refresh --select raw.sales"),
    (["nothing"], "SL0850", "sluice ls"),
    (["daily", "--partition", "week=1"], "SL0851", "partitioned by day"),
    (["daily", "--partition", "day=monday"], "SL0851", ""),
    (["daily", "--partition", "day"], "SL0851", ""),
    (["daily", "--partition", "day='2026"], "SL0851", ""),
    (["daily", "--partition", f"day={day(5)},"], "SL0851", ""),
    (["daily", "--partition", f"day='{day(5)}',"], "SL0851", ""),
    (["daily", "--partition", "day=.."], "SL0851", ""),
    (["daily", "--from", "yesterday"], "SL0851", ""),
    (["daily", "--from", day(5), "--to", day(2)], "SL0851", f"--from {day(5)} is later than --to {day(2)}"),
    (["daily", "--from", "2026-1-5", "--to", "2026-1-2"], "SL0851", "'2026-1-5' is later than the end '2026-1-2'"),
    (["daily", "--partition", f"day={day(5)}..{day(2)}"], "SL0851", f"'{day(5)}' is later than the end '{day(2)}'"),
    (["--resume", "0123"], "SL0853", ""),
    ([], "SL0901", ""),
    (["daily", "--resume", "0123"], "SL0901", ""),
    (["daily", "--chunk", "-1"], "SL0901", ""),
])
def test_what_cannot_be_is_told(built, arguments, code, hint):
    done = built.run("backfill", *arguments, "--dry-run", exit_code=None)
    assert done.returncode != 0 and code in done.stderr and hint in done.stderr, done.stderr


def test_a_table_that_the_next_run_builds_anew_is_refused(back):
    back.write("models/daily.sql", PROJECT["models/daily.sql"].replace("count(*) as n", "count(*) + 1 as n"))
    done = backfill(back, exit_code=1)
    assert "SL0852" in done.stderr and "its SQL or settings changed" in done.stderr
    back.run("run")
    backfill(back)


ODD = ["plain", "a/b", "50 %", "it's", 'say "x"', "a,b", "ü=1", "..", "*", "null", None]


def odd_project(project):
    project.write("sluice.yml", PROJECT["sluice.yml"])
    project.write("sources/odd.yml", "path: data/odd.csv\n")
    quoted = ['"' + text.replace('"', '""') + '"' if text is not None else "" for text in ODD]
    project.write("data/odd.csv", "name,number,price,at\n" + "".join(
        f"{text},{i},{i}.50,2026-01-{1 + i // 4:02} {i:02}:30:00\n" for i, text in enumerate(quoted)))
    project.write("models/odd.sql", """/* sluice
write: partition
partition_by: [name, number, price, at]
*/
select name, number::int as number, price::decimal(9,2) as price, "at"::timestamp as "at", count(*) as n from raw.odd group by all
""")
    project.write("models/names.sql", """/* sluice
write: partition
partition_by: [name]
*/
select name, count(*) as n from raw.odd group by all
""")
    project.run("run")
    return project


def test_odd_values(new_project):
    project = odd_project(new_project("odd"))
    rows = {table: project.rows(table) for table in ("curated.odd", "curated.names")}
    project.run("backfill", "odd", "names", "--chunk", 1, "--yes")
    assert {table: project.rows(table) for table in rows} == rows
    assert len(project.records("curated.odd")) == 1 + len(ODD)

    def chosen(table, *arguments):
        plan = project.json("backfill", table, *arguments, "--dry-run")["tables"][0]
        return plan["partitions"], plan["first"]

    for text in ODD:
        written = "null" if text is None else "'" + text.replace("'", "''") + "'"
        assert chosen("names", "--partition", f"name={written}") == (1, f"name={'null' if text is None else text}"), text
    assert chosen("names", "--partition", "name=a*")[0] == 2
    assert chosen("names", "--partition", 'name="a,b"', "--partition", "name=a/b")[0] == 2
    assert chosen("odd", "--partition", "number=2..4")[0] == 3
    assert chosen("odd", "--partition", "number=9..")[0] == len(ODD) - 9
    assert chosen("odd", "--partition", "price=..1.50")[0] == 2
    assert chosen("odd", "--partition", "number=2..4,price=3.50")[0] == 1
    assert chosen("odd", "--from", "2026-01-02", "--to", "2026-01-02")[0] == 4
    assert chosen("odd", "--from", "2026-01-02 05:30:00", "--to", "2026-01-02")[0] == 3


def test_a_query_that_cannot_be_cut_is_computed_whole_and_cut_then(back):
    back.write("models/ranked.sql", """/* sluice
write: partition
partition_by: [day]
*/
select day, amount, rank() over (order by amount desc) as place from clean.sales
""")
    back.run("run")
    assert "no partition was chosen" in back.run("backfill", "ranked", "--stale", "--yes").stdout
    back.write("data/sales-2.csv", sales((day(3), "new", 100)))
    back.run("run", "--select", "raw.sales", "clean.sales")
    expected = from_scratch(back, ("curated.ranked",))["curated.ranked"]
    plan = back.json("backfill", "ranked", "--to", day(3), "--dry-run")["tables"][0]
    assert plan["reads_all"] and plan["why_all"] and plan["chunks"] == 1 and plan["partitions"] == 3
    # Each of several chunks takes as long as one, for it reads as much.
    several = back.json("backfill", "ranked", "--to", day(3), "--chunk", 1, "--concurrency", 1, "--dry-run")["tables"][0]
    assert several["chunks"] == 3 and abs(several["elapsed_ms"] - 3 * plan["elapsed_ms"]) <= 3
    back.run("backfill", "ranked", "--to", day(3), "--yes")
    rows = back.rows("curated.ranked")
    assert [row for row in rows if day(1) in row or day(3) in row] == [row for row in expected if day(1) in row or day(3) in row]
    assert rows != expected
    back.run("run")
    assert back.rows("curated.ranked") == expected


def test_a_run_of_few_rows_is_no_pace_for_many(back):
    with sqlite3.connect(back.folder / ".sluice/state.db") as database:
        text = "update steps set started_us = ended_us - ? * 1000, details = json_set(details, '$.rows_read', ?, '$.was_full', json('false')) where name = 'curated.daily'"
        assert database.execute(text, (200, 2)).rowcount == 1
    database.close()
    plan = back.json("backfill", "daily", "--dry-run")["tables"][0]
    assert plan["rows_in"] == 24 and 150 < plan["elapsed_ms"] < 400, "24 rows at the pace of 2 took 2.4 s"


def test_it_goes_on_as_it_was_begun_by_its_id_or_that_of_its_run(back):
    back.write("data/rates.csv", rates(d3=1000000))  # its check fails
    back.run("run", "--select", "raw.rates", "clean.rates")
    run = json.loads(backfill(back, "--chunk", 2, "--order", "newest", "-j", 1, "--json", exit_code=5).stdout)
    for id in (run["backfill_id"], run["run_id"], run["run_id"][:8]):
        plan = back.json("backfill", "--resume", id, "--dry-run")
        assert (plan["id"], plan["order"], plan["concurrency"]) == (run["backfill_id"], "newest", 1)
        assert (plan["tables"][0]["chunk"], plan["tables"][0]["done"], plan["tables"][0]["first"]) == (2, 6, f"day={day(4)}")
    plan = back.json("backfill", "--resume", run["run_id"], "--order", "oldest", "--chunk", 1, "-j", 2, "--dry-run")
    assert (plan["order"], plan["concurrency"], plan["tables"][0]["chunk"], plan["tables"][0]["first"]) == ("oldest", 2, 1, f"day={day(3)}")
    told = back.json("status", run["run_id"])
    assert (told["backfill_id"], told["chunks_committed"]) == (run["backfill_id"], 3)
    assert f"backfill {run['backfill_id']}: 3 chunks committed by this run" in back.run("status", run["run_id"]).stdout
    with sqlite3.connect(back.folder / ".sluice/state.db") as database:  # as a kill leaves it
        database.execute("update runs set status = 'running', ended_us = 0, pid = 2147483646 where id = ?", (run["run_id"],))
        database.execute("delete from steps where run_id = ?", (run["run_id"],))
    database.close()
    (back.folder / f".sluice/logs/{run['run_id']}.jsonl").unlink()
    assert back.run("logs", run["run_id"]).stdout == (
        f"run {run['run_id'][:8]} was killed before a step of it had ended; "
        f"committed before: 3 chunks of 6 partitions (backfill {run['backfill_id']})\n")


def test_each_chunk_is_a_line_of_the_log(back):
    done = backfill(back, "--chunk", 4, "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    chunks = [line for line in lines if line.get("chunk_status")]
    assert [line["chunk_status"] for line in chunks] == ["ok", "ok"]
    assert chunks[-1]["partitions_done"] == chunks[-1]["partitions_total"] == DAYS
    assert {line["backfill_id"] for line in chunks} == {back.records("curated.daily")[-1]["backfill"]["id"]}


# --- kill -9, and disks that fail ---

SMALL = {**PROJECT, "sluice.yml": "name: back\nchecks: {requirements: off}\nconcurrency: 1\n"}
COMMAND = ("backfill", "daily", "--from", day(2), "--to", day(5), "--chunk", "2", "--yes")


@pytest.fixture(scope="module")
def corrected(tmp_path_factory, fault_bin):
    """A project whose next backfill changes rows; and how many durable operations that takes, and what comes of it."""
    project = make(Project(tmp_path_factory.mktemp("corrected") / "project", fault_bin), SMALL)
    project.run("run")
    project.write("data/rates.csv", rates(d2=2, d3=3, d4=4, d5=5))
    project.run("run", "--select", "raw.rates", "clean.rates")
    other = Project(project.folder.parent / "unkilled", fault_bin)
    shutil.copytree(project.folder, other.folder, dirs_exist_ok=True)
    count = project.folder.parent / "count"
    other.run(*COMMAND, env={"SLUICE_FAULT_COUNT": str(count)})
    return project, int(count.read_text()), other.rows("curated.daily")


def again(corrected, folder):
    shutil.copytree(corrected.folder, folder, symlinks=True)
    return Project(folder, corrected.binary)


def done_chunks(project):
    return [record["backfill"]["partitions"] for record in project.records("curated.daily") if "backfill" in record]


def test_killed_at_any_operation_it_goes_on(corrected, tmp_path):
    project, total, expected = corrected
    before = position(project)
    assert total > 5
    for n in some_of(total, 3):
        killed = again(project, tmp_path / f"killed-{n}")
        killed.run(*COMMAND, env={"SLUICE_FAULT_KILL": str(n)}, exit_code=-signal.SIGKILL)
        chunks = done_chunks(killed)
        if chunks and n % 2:
            identity = killed.records("curated.daily")[-1]["backfill"]["id"]
            killed.run("backfill", "--resume", identity, "--yes")
        else:
            killed.run(*COMMAND)
        ended = done_chunks(killed)
        flat = [tuple(values) for chunk in ended for values in chunk]
        # None twice, none lost. Killed after the last chunk, the same command begins a backfill of its own.
        if len(chunks) < 2:
            assert sorted(flat) == [(day(2),), (day(3),), (day(4),), (day(5),)], (n, ended)
        assert killed.rows("curated.daily") == expected, n
        assert position(killed) == before, n
        shutil.rmtree(killed.folder)


def test_a_worker_that_is_killed_is_followed_by_another(corrected, tmp_path):
    project, total, expected = corrected
    for n in some_of(total, 5):
        killed = again(project, tmp_path / f"worker-{n}")
        killed.run(*COMMAND, env={"SLUICE_FAULT_KILL_WORKER": str(n)}, exit_code=None)
        assert killed.rows("curated.daily") == expected, n
        assert [chunk for chunk in done_chunks(killed)] == [[[day(2)], [day(3)]], [[day(4)], [day(5)]]], n
        shutil.rmtree(killed.folder)


def test_a_disk_that_fails_loses_nothing(corrected, tmp_path):
    project, total, expected = corrected
    for n in some_of(total, 4):
        failed = again(project, tmp_path / f"failed-{n}")
        failed.run(*COMMAND, env={"SLUICE_FAULT_FAIL": str(n)}, exit_code=None)
        failed.run(*COMMAND)
        assert failed.rows("curated.daily") == expected, n
        shutil.rmtree(failed.folder)


def test_a_chunk_whose_error_may_pass_is_tried_again(corrected, tmp_path):
    project, total, expected = corrected
    tried = 0
    for n in some_of(total, 8):
        failed = again(project, tmp_path / f"again-{n}")
        failed.write("sluice.yml", SMALL["sluice.yml"] + "retry: {attempts: 3, initial: 1s, max: 1s}\n")
        done = failed.run(*COMMAND, "--log-format", "json", env={"SLUICE_FAULT_FAIL": str(n)}, exit_code=None)
        chunks = [line for line in map(json.loads, done.stderr.splitlines()) if line.get("chunk_status")]
        again_ok = [line for line in chunks if line["attempt"] == 2]
        if again_ok:
            tried += 1
            assert done.returncode == 0 and {line["chunk_status"] for line in chunks} <= {"ok", "nothing"}, n
            assert failed.rows("curated.daily") == expected, n
            flat = [values[0] for chunk in done_chunks(failed) for values in chunk]
            assert sorted(flat) == [day(number) for number in range(2, 6)], n
        shutil.rmtree(failed.folder)
    assert tried, "none of the failures was in a chunk"


@pytest.mark.parametrize("number, more", [(signal.SIGINT, []), (signal.SIGTERM, ["--json"])])
def test_told_to_end_it_brings_chunks_to_their_end_and_says_how_it_goes_on(back, number, more):
    slowly = "(select count(*) from range(60000000) a where a.range % 7 = 1) as n"  # a chunk takes a while
    back.write("models/daily.sql", PROJECT["models/daily.sql"].replace("count(*) as n", slowly))
    back.run("run")
    process = subprocess.Popen([str(back.binary), "backfill", "daily", "--chunk", "1", "--concurrency", "1", "--yes", *more], cwd=back.folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    assert line.startswith("ok"), line
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    chunks = done_chunks(back)
    identity = back.records("curated.daily")[-1]["backfill"]["id"]
    assert process.returncode == 130 and f"sluice backfill --resume {identity}" in errors
    assert 1 <= len(chunks) < DAYS
    back.run("backfill", "--resume", identity, "--yes")
    flat = [values[0] for chunk in done_chunks(back) for values in chunk]
    assert sorted(flat) == [day(number) for number in range(1, DAYS + 1)]


# --- several tables, and what is proven of them


WEEKLY = """/* sluice
write: partition
partition_by: [day]
checks: [{unique: [day]}, {row_count: {min: 1}}]
*/
select day, amount * 2 as amount from curated.daily
"""


def test_tables_are_done_in_the_order_in_which_they_read_each_other(back):
    back.write("models/double.sql", WEEKLY)
    back.run("run")
    back.write("data/rates.csv", rates(d2=3, d5=4))
    back.run("run", "--select", "raw.rates", "clean.rates")
    expected = from_scratch(back, ["curated.daily", "curated.double"])
    back.run("backfill", "double", "daily", "--yes", "--chunk", 2)
    assert {table: back.rows(table) for table in expected} == expected
    identities = {record["backfill"]["id"] for table in expected for record in back.records(table) if "backfill" in record}
    assert len(identities) == 1
    back.run("run")
    assert {table: back.rows(table) for table in expected} == expected


def test_what_reads_a_table_that_failed_is_skipped_and_done_later(back):
    back.write("models/double.sql", WEEKLY)
    back.run("run")
    back.write("data/rates.csv", rates(d2=3, d5=1000000))
    back.run("run", "--select", "raw.rates", "clean.rates")
    run = back.json("backfill", "daily", "double", "--yes", "--chunk", 1, exit_code=5)
    assert {step["table"]: step["status"] for step in run["steps"]} == {"curated.daily": "partial", "curated.double": "skipped"}
    assert len(back.records("curated.double")) == 1
    back.write("data/rates.csv", rates(d2=3, d5=4))
    back.run("run", "--select", "raw.rates", "clean.rates")
    back.run("backfill", "--resume", run["backfill_id"], "--yes")
    expected = from_scratch(back, ["curated.daily", "curated.double"])
    assert {table: back.rows(table) for table in expected} == expected


def test_many_chunks_at_once_are_all_audited_over_one_another(back):
    back.write("models/double.sql", WEEKLY)
    back.run("run")
    back.run("backfill", "daily", "double", "--yes", "--chunk", 1, "--concurrency", 4)
    for table in ("curated.daily", "curated.double"):
        records = [record for record in back.records(table) if "backfill" in record]
        assert [record["backfill"]["done"] for record in records] == list(range(1, DAYS + 1))
        assert all(check["passed"] for record in records for check in record["checks"])
        sequences = [record["sequence"] for record in back.records(table)]
        assert sequences == sorted(set(sequences))
    back.run("run")
    assert back.json("verify")["holds"]


def test_after_a_rollback_what_it_took_back_is_missing_again(back):
    back.write("data/rates.csv", rates(d2=1000000, d7=2))
    back.run("run", "--select", "raw.rates", "clean.rates")
    backfill(back, "--chunk", 1, exit_code=5)
    identity = back.records("curated.daily")[-1]["backfill"]["id"]
    back.write("data/rates.csv", rates(d7=2))
    back.run("run")
    expected = {table: back.rows(table) for table in ("curated.daily", "curated.total")}
    assert expected == from_scratch(back)
    first = back.json("publications")["publications"][-1]
    back.run("rollback", f"#{first['number']}", "--to", "--no-deliver")
    plan = back.json("backfill", "--resume", identity, "--dry-run")["tables"][0]
    assert (plan["done"], plan["partitions"]) == (0, DAYS)
    back.run("run")
    assert {table: back.rows(table) for table in expected} == expected


def test_a_full_disk_is_told_and_the_rest_is_done_when_there_is_room(back, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small]).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        lake = back.folder / "lake"
        shutil.move(lake / "curated", small / "curated")
        (lake / "curated").symlink_to(small / "curated")
        back.write("data/rates.csv", rates(d2=2, d7=3))
        back.run("run", "--select", "raw.rates", "clean.rates")
        old = back.rows("curated.daily")
        with open(small / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while filler.write(b"x" * 4096):
                    pass
        done = backfill(back, "--chunk", 1, "--concurrency", 1, exit_code=1)
        assert "SL0103" in done.stderr
        assert back.rows("curated.daily") == old
        (small / "filler").unlink()
        backfill(back, "--chunk", 1)
        assert back.rows("curated.daily") == from_scratch(back)["curated.daily"]
    finally:
        subprocess.run(["umount", small], check=True)
