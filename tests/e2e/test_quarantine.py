"""The quarantine as a loop: list, show, replay, discard, export, on the quickstart project."""
import csv
import json
import re
import shutil

import pytest

from conftest import READER, Project, contract_text

ORDERS = "contracts/orders.odcs.yml"


CONTRACT = contract_text("t") + """\
      - {name: id, logicalType: integer}
      - {name: n, logicalType: integer}
"""


@pytest.fixture
def shop(new_project):
    project = new_project("shop")
    project.run("init", "--template", "quickstart")
    project.run("run")
    return project


def edit(project, path, old, new):
    text = (project.folder / path).read_text()
    assert old in text
    project.write(path, text.replace(old, new))


def quarantined(project, *arguments):
    """{rule: rows} as `quarantine ls` tells it."""
    rows = project.json("quarantine", "ls", "orders", *arguments)["rows"]
    return {row["rule"]: row["rows"] for row in rows}


def discards(project):
    """(position, who, why) of every discarded row, as delta-rs reads the table."""
    rows = project.delta("quarantine.orders").to_pylist()
    return sorted((row["_position"], row["discarded_by"], row["discard_reason"]) for row in rows if row["discarded_at"])


def widen(project):
    edit(project, ORDERS, "minimum: 0", "minimum: -10")


def test_replay_reads_what_the_mended_contract_accepts_and_a_dry_run_tells_it_before(shop):
    before = shop.count("clean.orders")
    widen(shop)
    told = shop.json("quarantine", "replay", "orders", "--dry-run")["tables"][0]
    assert (told["read"], told["accepted"], told["rejected"], told["full"]) == (1, 1, 0, False)
    assert shop.count("clean.orders") == before and "amount.range" in quarantined(shop)
    step = shop.json("quarantine", "replay", "orders")["steps"][0]
    assert step["why"] == "contract changed: 1 row of quarantine read again" and step["rows"]["out"] == 1
    assert shop.count("clean.orders") == before + 1 and "amount.range" not in quarantined(shop)
    assert "nothing to replay" in shop.run("quarantine", "replay", "orders").stdout


def test_replay_takes_rows_of_their_own_file_where_others_stand_at_the_same_place(new_project):
    project = new_project("places")
    project.write("sluice.yml", "name: places\nchecks: {requirements: off}\nquarantine: {max_share: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", CONTRACT.replace("{name: n, logicalType: integer}",
                                                           "{name: n, logicalType: integer, logicalTypeOptions: {maximum: 5}}"))
    for file in range(4):
        project.write(f"data/{file}.csv", "id,n\n" + "".join(f"{file * 10 + i},{9 if i % 4 == file else 1}\n" for i in range(8)))
    project.run("run")
    assert project.count("quarantine.t") == 8
    edit(project, "contracts/t.odcs.yml", "maximum: 5", "maximum: 10")
    step = project.json("quarantine", "replay", "t")["steps"][0]
    assert not step["was_full"] and (step["rows"]["in"], step["rows"]["out"]) == (8, 8)
    replayed = sorted(project.rows("clean.t", "_source, _position, id, n"))
    project.run("run", "--full-refresh")
    assert sorted(project.rows("clean.t", "_source, _position, id, n")) == replayed and project.count("quarantine.t") == 0


def test_replay_goes_downstream_when_asked(shop):
    edit(shop, ORDERS, "[new, paid, shipped, cancelled]", "[new, paid, shipped, cancelled, payed]")
    steps = [step["step"] for step in shop.json("quarantine", "replay", "orders", "--downstream")["steps"]]
    assert steps[0] == "cleanse orders" and "load reports.daily_revenue" in steps
    assert "nothing to do" in shop.run("run").stdout


def test_lineage_of_what_quarantine_keeps_leads_to_raw(shop):
    def sources(column):
        edges = shop.json("lineage", f"quarantine.orders.{column}")["edges"]
        return {edge["from_column"]: (edge["from_table"], edge["kind"]) for edge in edges if edge["to_column"] == column}
    assert sources("payload")["amount"] == ("raw.orders", "value") and not any(name.startswith("_") for name in sources("payload"))
    assert sources("reasons")["amount"] == ("raw.orders", "value") and sources("corrupt") == {"_corrupt": ("raw.orders", "value")}
    assert "-> quarantine.orders.payload" in shop.run("lineage", "raw.orders.amount", "--downstream").stdout


def test_a_replay_says_what_is_out_of_date_after_it(shop):
    edit(shop, ORDERS, "[new, paid, shipped, cancelled]", "[new, paid, shipped, cancelled, payed]")
    told = shop.run("quarantine", "replay", "orders").stderr
    assert "out of date now: " in told and "curated.daily_revenue" in told and "`sluice run` builds and delivers" in told
    assert "out of date" not in shop.run("quarantine", "replay", "orders").stderr  # nothing was replayed
    shop.run("run")
    edit(shop, ORDERS, "cancelled, payed]", "cancelled]")
    assert "out of date" not in shop.run("quarantine", "replay", "orders", "--downstream").stderr


def test_replay_of_a_change_that_touches_accepted_rows_reads_all_and_says_why(shop):
    edit(shop, ORDERS, "minimum: 0", "minimum: 15")
    told = shop.json("quarantine", "replay", "--dry-run")["tables"][0]
    assert told["full"] and told["read"] == 122 and "would be rejected now" in told["why"], told


def test_a_replay_that_died_is_noticed_even_if_the_contract_was_put_back(shop):
    """Killed between its two commits, its rows are in neither table; the contract then is the one that clean was made by."""
    before = shop.count("clean.orders")
    contract = (shop.folder / ORDERS).read_text()
    widen(shop)
    shop.run("quarantine", "replay", "orders")
    sorted((shop.table_folder("clean.orders") / "_delta_log").glob("*.json"))[-1].unlink()
    assert shop.count("quarantine.orders") == 7
    shop.write(ORDERS, contract)
    assert "its last run was interrupted" in shop.run("plan", "--why").stdout
    shop.run("run")
    assert (shop.count("clean.orders"), shop.count("quarantine.orders")) == (before, 8)
    assert "nothing to do" in shop.run("run").stdout


def test_a_dry_run_tells_of_the_budget_and_of_files_that_came(shop):
    edit(shop, ORDERS, "minimum: 0", "minimum: 100")
    told = shop.run("quarantine", "replay", "--dry-run", exit_code=4)
    assert "the budget is" in told.stderr
    document = shop.json("quarantine", "replay", "--dry-run", exit_code=4)
    table, = document["tables"]
    assert table["error"]["code"] == "SL0702" and "the budget is" in table["error"]["message"] and table["accepted"] + table["rejected"] <= table["read"]
    real, = (step for step in shop.json("quarantine", "replay", exit_code=4)["steps"] if step["table"] == "clean.orders")
    assert table["reasons"] == real["reasons"] and table["rejected"] == real["rows"]["quarantined"]
    for reason in real["reasons"]:  # `the report above` of the hint
        assert any(line.split() == [reason["rule"], str(reason["rows"])] for line in told.stdout.splitlines()) or reason["warning"], told.stdout
    edit(shop, ORDERS, "minimum: 100", "minimum: -10")
    shop.write("data/orders-2026-03-03.csv", (shop.folder / "data/orders-2026-03-02.csv").read_text())
    shop.run("run", "--select", "raw.orders")
    text = shop.run("quarantine", "replay", "orders", "--dry-run", "--downstream").stdout
    assert "raw has new files" in text and "then load reports.daily_revenue" in text


def test_replay_of_a_table_that_is_none(shop):
    error = shop.run("quarantine", "replay", "order", exit_code=1).stderr
    assert "no contract makes a table 'clean.order'" in error


def test_discarded_rows_are_kept_with_who_and_why_and_no_longer_listed(shop):
    assert "--reason is missing" in shop.run("quarantine", "discard", "orders", "--rule", "amount.type", exit_code=1).stderr
    assert "which rows?" in shop.run("quarantine", "discard", "orders", "--reason", "x", exit_code=1).stderr
    told = shop.json("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "it's test data", "--by", "ada", "--dry-run")
    assert told["rows"] == 2 and not discards(shop)
    shop.run("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "it's test data", "--by", "ada")
    assert discards(shop) == [(13, "ada", "it's test data"), (44, "ada", "it's test data")]
    assert "amount.type" not in quarantined(shop) and quarantined(shop, "--all")["amount.type"] == 2
    assert shop.count("quarantine.orders") == 8
    assert "nothing to do" in shop.run("run").stdout
    assert shop.json("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "again")["rows"] == 0
    shop.run("quarantine", "discard", "orders", "--position", "13", "--undo")
    assert discards(shop) == [(44, "ada", "it's test data")]


def test_rows_that_were_given_up_are_published_by_the_next_run_which_says_so(shop):
    """No step is to run then: what is published is the mark."""
    assert "to publish" not in shop.run("plan").stdout and shop.json("plan")["to_publish"] == []
    told = shop.run("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "test data").stdout
    assert "2 rows discarded" in told and "the next `sluice run` publishes that" in told
    assert len(shop.json("publications")["publications"]) == 1
    assert "to publish: quarantine.orders (rows given up)\n" in shop.run("plan").stdout
    assert shop.json("plan")["to_publish"] == ["quarantine.orders (rows given up)"]
    told = shop.run("run").stdout
    assert "published #2: quarantine.orders (rows given up)\n" in told and "nothing to do" in told
    assert "published" not in shop.run("run").stdout
    told = shop.json("quarantine", "discard", "orders", "--all", "--undo")
    assert (told["rows"], told["is_published"]) == (2, False)
    assert shop.json("run")["publication"] == {"number": 3, "is_new": True, "tables": ["quarantine.orders (rows taken back)"]}
    assert "publication" not in shop.json("run")
    assert "publishes" not in shop.run("quarantine", "discard", "orders", "--position", "99999", "--reason", "no").stdout


def test_a_run_whose_steps_find_nothing_new_has_published_the_marks_all_the_same(shop):
    """Files that were only touched are looked at: the run has steps, and none of them did anything."""
    shop.run("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "test data")
    for file in (shop.folder / "data").iterdir():
        file.touch()
    told = shop.run("run").stdout
    assert "published #2" in told
    last = shop.json("status")["runs"][0]
    assert last["status"] == "ok"
    (line,) = shop.json("logs")["lines"]
    assert (line["step"], line["why"], line["status"]) == ("publish quarantine.orders", "rows given up", "ok")
    assert "did nothing" not in shop.run("logs").stdout and "publish quarantine.orders" in shop.run("status", last["run_id"]).stdout


def test_a_source_is_chosen_by_its_path_its_name_or_its_path_from_a_folder_on(shop):
    """Whole parts of the path: `discard --source csv` must not take every file."""
    assert "its name (orders-3.csv), or the path from a folder on" in " ".join(shop.run("help", "quarantine", "show").stdout.split())
    everything = shop.json("quarantine", "show", "orders")["rows"]
    path = everything[0]["source"]
    wanted = [row for row in everything if row["source"] == path]
    assert "/" in path and wanted
    for source in [path, path.rsplit("/", 1)[1]]:
        assert shop.json("quarantine", "show", "orders", "--source", source)["rows"] == wanted, source
    for source in ["csv", ".csv", path[1:]]:
        done = shop.run("quarantine", "show", "orders", "--source", source, exit_code=1)
        assert f"no row of 'orders' came from a file '{source}'" in done.stderr


def test_rows_are_chosen_by_the_time_of_their_rejection(shop):
    rows = shop.json("quarantine", "show", "orders", "--limit", "0")["rows"]
    times = sorted(row["at"] for row in rows)
    after = str(int(times[-1][:4]) + 1)
    count = lambda *arguments: len(shop.json("quarantine", "show", "orders", "--limit", "0", *arguments)["rows"])
    assert count("--since", times[0]) == count("--until", f"{after}-01-01") == len(rows) > 0
    assert count("--since", f"{after}-01-01") == count("--until", times[0]) == 0
    assert count("--since", "2000-01-01", "--until", f"{after}-01-01T00:00:00Z") == len(rows)
    assert "--since: 'noon' is not a time" in shop.run("quarantine", "ls", "--since", "noon", exit_code=None).stderr
    shop.run("quarantine", "discard", "orders", "--until", f"{after}-01-01", "--reason", "old")
    assert shop.json("quarantine", "ls", "orders")["rows"] == []


def test_discards_outlive_new_files_replays_and_rebuilding(shop):
    shop.run("quarantine", "discard", "orders", "--all", "--reason", "old", "--by", "ada")
    everything = discards(shop)
    assert len(everything) == 8
    shop.write("data/orders-2026-03-03.csv", (shop.folder / "data/orders-2026-03-02.csv").read_text().splitlines()[0]
               + "\n9001,1,2026-03-05,free,EUR,new,a@example.com,2026-03-05 08:00:00\n")
    shop.run("run")
    assert discards(shop) == everything and quarantined(shop) == {"amount.type": 1}
    shop.run("run", "--full-refresh", "--select", "clean.orders")
    assert discards(shop) == everything
    widen(shop)
    shop.run("quarantine", "replay", "orders")
    assert len(discards(shop)) == 7
    edit(shop, ORDERS, "required: true, logicalTypeOptions: {format: currency}", "required: true")
    shop.run("quarantine", "replay", "orders")
    assert set(discards(shop)) < set(everything)


def test_a_discard_does_not_pass_to_another_row_in_the_same_place(shop):
    shop.run("quarantine", "discard", "orders", "--position", "13", "--reason", "old", "--by", "ada")
    edit(shop, "data/orders-2026-03-01.csv", "N/A", "n/a")
    shop.run("run")
    assert discards(shop) == [] and quarantined(shop)["amount.type"] == 2


@pytest.mark.parametrize("last, arguments", [
    ("grows", []), ("grows", ["--select", "raw.orders"]), ("is read anew", []), ("gets another name again and grows", ["--select", "raw.orders"])])
def test_a_discard_goes_with_a_renamed_file_that_is_read_anew(shop, last, arguments):
    shop.run("quarantine", "discard", "orders", "--position", "13", "--reason", "old", "--by", "ada")
    times = {row["_position"]: row["at"] for row in shop.delta("quarantine.orders").to_pylist() if row["_source"].endswith("01.csv")}
    file = shop.folder / "data/orders-2026-03-01.csv"
    for name in ["orders-2026-first.csv", *(["orders-2026-one.csv"] if "again" in last else [])]:
        file = file.rename(shop.folder / "data" / name)
        shop.run("run", *arguments)
    if "grows" in last:
        file.write_text(file.read_text() + "7001,1,2026-03-01,free,EUR,new,a@example.com,2026-03-01 08:00:00\n")
        shop.run("run", *arguments)
        shop.run("run")
    else:
        shop.run("run", "--full-refresh")
    rows = [row for row in shop.delta("quarantine.orders").to_pylist() if row["_source"] == f"data/{file.name}"]
    assert discards(shop) == [(13, "ada", "old")] and [row["_position"] for row in rows if row["discarded_at"]] == [13]
    assert {row["_position"]: row["at"] for row in rows if row["_position"] in times} == times  # since when they are there


def test_a_discard_outlives_a_new_column_of_raw(shop):
    shop.run("quarantine", "discard", "orders", "--position", "13", "--reason", "old", "--by", "ada")
    header, row, *_ = (shop.folder / "data/orders-2026-03-02.csv").read_text().splitlines()
    shop.write("data/orders-2026-03-03.csv", f"{header},channel\n{row},web\n")
    step = next(step for step in shop.json("run")["steps"] if step["step"] == "cleanse orders")
    assert step["why"] == "the columns of raw changed" and step["was_full"]
    assert discards(shop) == [(13, "ada", "old")]
    edit(shop, "data/orders-2026-03-01.csv", "N/A", "n/a")
    shop.run("run")
    assert discards(shop) == []


def test_a_discard_follows_what_quarantine_shows_where_raw_is_not_there_as_it_was(shop):
    shop.run("quarantine", "discard", "orders", "--all", "--reason", "old", "--by", "ada")
    everything = discards(shop)
    shutil.rmtree(shop.table_folder("raw.orders"))
    shop.run("run")
    assert discards(shop) == everything and len(everything) == 8


def test_a_discarded_row_does_not_count_against_the_budget_again(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 0.1, min_rows: 1}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", CONTRACT)
    project.write("data/a.csv", "id,n\n" + "".join(f"{i},{i}\n" for i in range(18)) + "18,x\n19,y\n")
    project.run("run")
    project.run("quarantine", "discard", "t", "--all", "--reason", "never a number")
    project.write("data/a.csv", "id,n\n" + "".join(f"{i},{i}\n" for i in range(18)) + "18,x\n19,y\n20,z\n21,z\n")
    project.run("run")
    assert (project.count("clean.t"), project.count("quarantine.t")) == (18, 4)
    assert len([row for row in project.delta("quarantine.t").to_pylist() if row["discarded_at"]]) == 2
    project.write("data/a.csv", "id,n\n" + "".join(f"{i},{i}\n" for i in range(18)) + "18,x\n19,y\n20,z\n21,z\n22,z\n")
    assert "rejects 3 of 23 rows" in project.run("run", exit_code=4).stderr


def test_listing_by_source_day_and_run(shop):
    by_source = shop.json("quarantine", "ls", "orders", "--by", "source")["rows"]
    assert [(row["source"], row["rows"], row["trend"]) for row in by_source] == [
        ("data/orders-2026-03-01.csv", 4, [4]), ("data/orders-2026-03-02.csv", 4, [4])]
    assert [row["rows"] for row in shop.json("quarantine", "ls", "orders", "--by", "day")["rows"]] == [8]
    run = shop.json("quarantine", "ls", "orders", "--by", "run")["rows"][0]["run"]
    assert sum(quarantined(shop, "--run", run[:8], "--position", "13").values()) == 1
    assert "expected rule, source, day or run" in shop.run("quarantine", "ls", "--by", "week", exit_code=1).stderr


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_export_writes_reasons_and_payload_and_overwrites_nothing(shop, ending):
    file = shop.folder / f"rejected.{ending}"
    assert shop.json("quarantine", "export", "orders", "--rule", "amount.type", "--to", file.name)["rows"] == 2
    if ending == "jsonl":
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        assert [row["payload"]["amount"] for row in rows] == ["N/A", "12,50"]
    elif ending == "csv":
        rows = list(csv.DictReader(file.open()))
        assert json.loads(rows[0]["reasons"])[0]["rule"] == "amount.type"
    before = file.read_bytes()
    assert "is there already" in shop.run("quarantine", "export", "orders", "--to", file.name, exit_code=1).stderr
    assert file.read_bytes() == before
    assert shop.json("quarantine", "export", "orders", "--to", file.name, "--force")["rows"] == 8
    assert "expected a file .csv" in shop.run("quarantine", "export", "orders", "--to", "x.xlsx", exit_code=1).stderr
    assert not list(shop.folder.glob("*.partial"))


# --- killed, and without room


def fault_shop(tmp_path, fault_bin):
    """A folder with the quickstart run in it, and fresh(): a copy of it to break."""
    base = Project(tmp_path / "base", fault_bin)
    base.run("init", "--template", "quickstart")
    base.run("run")

    def fresh():
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(base.folder, tmp_path / "copy")
        return Project(tmp_path / "copy", fault_bin)

    return fresh


DISCARD = ("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "old", "--by", "ada")


def test_a_discard_that_is_killed_is_whole_or_not_at_all(tmp_path, fault_bin):
    fresh = fault_shop(tmp_path, fault_bin)
    fresh().run(*DISCARD, env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    total = int((tmp_path / "count").read_text())
    seen = set()
    for kill in range(1, total + 1):
        shop = fresh()
        shop.run(*DISCARD, exit_code=-9, env={"SLUICE_FAULT_KILL": str(kill)})
        seen.add(len(discards(shop)))
        assert shop.count("quarantine.orders") == 8
        assert "nothing to do" in shop.run("run", "--select", "clean.orders").stdout
        shop.run(*DISCARD)
        assert len(discards(shop)) == 2 and shop.count("quarantine.orders") == 8
    assert seen == {0, 2}


@pytest.mark.parametrize("errno", ["ENOSPC", "EIO", "EACCES"])
@pytest.mark.parametrize("arguments", [DISCARD, ("quarantine", "replay", "orders")], ids=["discard", "replay"])
def test_a_failing_disk_leaves_quarantine_and_clean_whole(arguments, errno, tmp_path, fault_bin):
    fresh = fault_shop(tmp_path, fault_bin)

    def prepared():
        shop = fresh()
        if arguments[1] == "replay":
            widen(shop)
        return shop

    whole = prepared()
    whole.run(*arguments, exit_code=None, env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    expected = whole.count("clean.orders"), whole.count("quarantine.orders"), len(discards(whole))
    for operation in range(1, int((tmp_path / "count").read_text()) + 1, 4):
        shop = prepared()
        failed = shop.run(*arguments, exit_code=None, env={"SLUICE_FAULT_FAIL": f"{operation}:{errno}"})
        assert failed.returncode in (0, 1), failed.stderr  # 0: where only history is lost
        shop.rows("clean.orders"), shop.rows("quarantine.orders")
        shop.run(*arguments)
        assert (shop.count("clean.orders"), shop.count("quarantine.orders"), len(discards(shop))) == expected, operation


@pytest.mark.parametrize("operation", [1, 2, 3])
def test_an_export_that_fails_leaves_the_old_file(operation, tmp_path, fault_bin):
    shop = fault_shop(tmp_path, fault_bin)()
    file = shop.write("rejected.csv", "mine\n")
    export = ("quarantine", "export", "orders", "--to", "rejected.csv", "--force")
    failed = shop.run(*export, exit_code=None, env={"SLUICE_FAULT_FAIL": f"{operation}:ENOSPC"})
    assert failed.returncode == 0 or file.read_text() == "mine\n" and "no space left" in failed.stderr.lower(), failed.stderr
    assert not list(shop.folder.glob("*.partial"))


def test_discarding_where_the_log_counts_no_rows(shop):
    """Statistics are optional in the Delta protocol."""
    for file in (shop.table_folder("quarantine.orders") / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in file.read_text().splitlines()]
        for action in actions:
            action.get("add", {}).pop("stats", None)
        file.write_text("".join(json.dumps(action) + "\n" for action in actions))
    shop.run(*DISCARD)
    assert len(discards(shop)) == 2 and shop.count("quarantine.orders") == 8


BROKEN = [
    (b'{"id": 2,}', "byte 10: found '}', expected a name in quotes or a value"),
    (b'{"id": x1 }', "byte 8: found 'x1', expected a value"),
    (b'{"id" 7}', "byte 7: found '7', expected a colon, a comma or a closing bracket"),
    (b'{"id": 3 "b": 4}', "byte 10: found '\"', expected a comma or a closing bracket"),
    (b'{"id": {"a": [1, {"b": tru}]}}', "byte 24: found 'tru', expected a value"),
    (b'{"id": 5} tail', "byte 11: found 'tail', expected the end of the record"),
    (b'{"id": "abc', "byte 8: found a text without an end, or with an escape or character that JSON does not have"),
    ('{"id": "ä", x}'.encode(), "byte 14: found 'x', expected a name in quotes or a value"),
    (b'{"id": [1', "byte 10: found the end of the record, expected what closes it: a bracket is open"),
    (b'{"id": 1}}', "the brackets, colons and commas of the record do not fit together"),
    (b'{"id": 1, "id": 2}', "the object has a name twice, or one that no column can have"),
    (b"[1]", "found an array, expected an object: {...}"),
    (b"5", "found a single value, expected an object: {...}"),
    (b"hello", "byte 1: found 'hello', expected an object: {...}"),
    (b'{"id": "\xff"}', "byte 9: found invalid UTF-8"),
    (b'{"id": "a\x00"}', "byte 10: found a NUL character"),
    (b'{"id":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "it is nested deeper than 500 levels"),
    (rb'{"id": "a\u0041\u0000"}', r"byte 16: found the escape \u0000, a character that no text of a table can have"),
    (rb'{"id": "\ud83d\ude00 \ud800"}', "byte 22: found an escape that is half of a surrogate pair, expected both halves"),
    (rb'{"id": "\\\\ \udc00\ud83d"}', "byte 14: found an escape that is half of a surrogate pair, expected both halves"),
    (rb'{"id": "\\u0000", "id": 2}', "the object has a name twice, or one that no column can have"),
]
LINES = """apiVersion: v3.1.0
kind: DataContract
id: lines
version: 1.0.0
status: active
schema: [{name: lines, properties: [{name: id, logicalType: string%s}]}]
"""


@pytest.mark.parametrize("is_personal", [False, True])
def test_a_line_that_is_no_json_says_at_which_byte_and_why(new_project, is_personal):
    project = new_project("lines")
    project.write("sluice.yml", "name: lines\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\npersonal: {key: 0123456789abcdef}\n")
    project.write("sources/lines.yml", "path: data/*.jsonl\n")
    project.write("contracts/lines.odcs.yml", LINES % (", customProperties: [{property: sluice.personal, value: {as: hash}}]" if is_personal else ""))
    project.write("data/a.jsonl", b'{"id": "good"}\n' + b"\n".join(line for line, _ in BROKEN) + b"\n")
    project.run("run")
    rows = project.json("quarantine", "show", "lines", "--limit", "0")["rows"]
    told = {row["position"]: row["reasons"][0]["message"] for row in rows}
    expected = {i + 2: message for i, (_, message) in enumerate(BROKEN)}
    if is_personal:  # what was found may be personal
        expected = {place: re.sub("found '.*?'", "found something else", message) for place, message in expected.items()}
    assert told == expected
    assert "data/a.jsonl:2" in project.run("quarantine", "show", "lines").stdout


def seen(project, *arguments):
    return {(row["rule"], row["column"]): (row["rows"], row["first_seen"], row["trend"])
            for row in project.json("quarantine", "ls", *arguments)["rows"]}


def seen_contract(bounds="minimum: 0", *more):
    return contract_text("orders", "{name: id, logicalType: integer}",
                         "{name: amount, logicalType: integer, logicalTypeOptions: {%s}}" % bounds, *more)


def test_since_when_a_row_has_been_rejected_is_known_when_quarantine_is_written_anew(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/orders.yml", "path: data/*.csv\n")
    project.write("contracts/orders.odcs.yml", seen_contract())
    project.write("data/1.csv", "id,amount\n1,-1\n2,-2\n3,3\nx,-5\n")
    first = project.json("run")["run_id"]
    before = project.rows("quarantine.orders")
    project.write("data/2.csv", "id,amount\n11,-1\ny,3\n")
    second = project.json("run")["run_id"]
    told = seen(project)
    assert told["amount.range", "amount"][2] == [3, 1] and told["id.type", "id"][2] == [1, 1]

    def runs():
        return {(row["_source"], row["_position"]): row["run_id"] for row in project.delta("quarantine.orders").to_pylist()}

    wanted = {("data/1.csv", 2): first, ("data/1.csv", 3): first, ("data/1.csv", 5): first, ("data/2.csv", 2): second, ("data/2.csv", 3): second}
    assert runs() == wanted
    project.run("run", "--full-refresh")
    assert runs() == wanted and seen(project) == told and set(before) <= set(project.rows("quarantine.orders"))
    # a row that is another one, in the same place
    project.write("data/1.csv", "id,amount\n1,-1\n2,-7\n3,3\nx,-5\n")
    third = project.json("run")["run_id"]
    wanted["data/1.csv", 3] = third
    assert runs() == wanted
    # a row that is rejected for something else, and one for more than before
    project.write("contracts/orders.odcs.yml", seen_contract("minimum: -1, maximum: 2"))
    project.run("run")
    found = runs()
    assert found.pop(("data/1.csv", 4)) not in (first, second, third) and ("data/1.csv", 2) not in found and ("data/2.csv", 2) not in found
    assert found == {key: wanted[key] for key in found} and ("data/2.csv", 3) in found


def test_since_when_outlives_new_columns_of_raw_and_other_protections(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/orders.yml", "path: data/*.csv\n")

    def write(more="", personal=""):
        custom = ", customProperties: [{property: sluice.personal, value: %s}]" % personal if personal else ""
        mail = "{name: mail, logicalType: string, classification: restricted%s}" % custom
        project.write("contracts/orders.odcs.yml", seen_contract(f"minimum: 0{more}", mail))

    def runs():
        return {(row["_source"], row["_position"]): (row["run_id"], row["at"]) for row in project.delta("quarantine.orders").to_pylist()}

    write()
    project.write("data/1.csv", "id,amount,mail\n1,-1,a@b.c\n2,-2,d@b.c\n3,3,e@b.c\nx,-5,f@b.c\n")
    project.run("run")
    wanted = runs()
    assert len(wanted) == 3
    project.write("data/2.csv", "id,amount,mail,note\n11,-1,g@b.c,new\n")
    project.run("run")
    wanted["data/2.csv", 2] = runs()["data/2.csv", 2]
    assert runs() == wanted and wanted["data/2.csv", 2] not in list(wanted.values())[:3]
    project.run("run", "--full-refresh")
    assert runs() == wanted
    for personal in ("{as: mask, keep_first: 1}", "{as: mask, keep_first: 2}", "{as: drop}", ""):
        write(personal=personal)
        project.run("run")
        assert runs() == wanted
    # a row that is another one, which is shown alike, and one that is written anew as it was
    write(personal="{as: drop}")
    project.run("run")
    project.write("data/1.csv", "id,amount,mail,more\n1,-1,a@b.c,\n2,-2,z@b.c,\n3,3,e@b.c,\nx,-5,f@b.c,\n")
    project.run("run", "--full-refresh")
    found = runs()
    assert found.pop(("data/1.csv", 3)) != wanted.pop(("data/1.csv", 3)) and found == wanted


OTHER_TYPES = [("1::integer", "1.5::double"), ("1.10::decimal(9,2)", "1.125::decimal(12,3)"), ("date '2026-01-01'", "timestamp '2026-01-01 10:00:00'"),
               ("0.1::float", "0.1::double"), ("1::integer", "'x'"), ("{a: 1}", "{a: 1, b: 2}"), ("[{a: 1}]", "[{a: 1.5::double, b: 2}]")]


def test_since_when_and_what_was_given_up_outlive_other_types_of_raw(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000}\n")
    project.write("sources/orders.yml", "path: data/*.parquet\n")
    project.write("contracts/orders.odcs.yml", """
apiVersion: v3.0.2
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer}
      - {name: amount, logicalType: integer, logicalTypeOptions: {minimum: 0}}
""")
    (project.folder / "data").mkdir()

    def write(name, first, values):
        columns = ", ".join(f"{value} as v{i}" for i, value in enumerate(values))
        READER.cursor().execute(f"copy (select {first} + i as id, -i as amount, {columns} from range(1, 3) r(i)) to '{project.folder}/data/{name}.parquet' (format parquet)")

    def kept():
        return {(row["_source"], row["_position"]): (row["run_id"], row["at"], row["discard_reason"]) for row in project.delta("quarantine.orders").to_pylist()}

    write("1", 0, [before for before, _ in OTHER_TYPES])
    project.run("run")
    project.run("quarantine", "discard", "orders", "--rule", "amount.range", "--reason", "known")
    wanted = kept()
    assert [reason for _, _, reason in wanted.values()] == ["known", "known"]
    write("2", 10, [after for _, after in OTHER_TYPES])
    project.run("run", "--full-refresh")
    types = {field.name: str(field.type) for field in project.delta("raw.orders").schema}
    assert types["v0"] == "double" and types["v3"] == "double" and types["v4"] == "string" and "b" in types["v5"]
    found = kept()
    assert len(found) == 4 and {key: found[key] for key in wanted} == wanted
    # 1.4 in the place of 1 is another value
    write("1", 0, ["1.4::double", *(before for before, _ in OTHER_TYPES[1:])])
    project.run("run", "--full-refresh")
    assert all(kept()[key][1] != wanted[key][1] for key in wanted)


def test_a_record_of_csv_says_at_which_byte_it_is_no_text(new_project):
    project = new_project("lines")
    project.write("sluice.yml", "name: lines\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\n")
    project.write("sources/lines.yml", "path: data/*.csv\n")
    project.write("contracts/lines.odcs.yml", contract_text("lines", "{name: id, logicalType: integer}", "{name: tags, logicalType: array}"))
    project.write("data/a.csv", b"id,tags\n1,[]\n2,\xc3\xa4\xff\n3,a\x00b\n4,x,y\n5,1\n")
    project.run("run")
    rows = project.json("quarantine", "show", "lines")["rows"]
    assert {row["position"]: row["reasons"][0]["message"] for row in rows} == {
        3: "byte 5: found invalid UTF-8", 4: "byte 4: found a NUL character",
        5: "the record could not be split into columns", 6: "'1' is not a JSON array"}


@pytest.mark.parametrize("what", [("--rule", "nope.type"), ("--source", "nope.csv"), ("--run", "nope")])
def test_a_rule_file_or_run_that_nobody_knows_is_told(shop, what):
    for command in (["show", "orders"], ["discard", "orders", "--reason", "x"], ["discard", "orders", "--reason", "x", "--dry-run"]):
        done = shop.run("quarantine", *command, *what, exit_code=1)
        assert what[1] in done.stderr and "hint:" in done.stderr
    # What is known and has no such row is none of that.
    assert "no rejected row is like that" in shop.run("quarantine", "show", "orders", "--rule", "amount.required").stdout


def test_a_cleanse_that_fails_has_replaced_nothing(shop):
    shop.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nquarantine: {max_share: 0, min_rows: 1}\n")
    done = shop.run("run", "--full-refresh", "--json", exit_code=None)
    step = next(step for step in json.loads(done.stdout)["steps"] if step["step"] == "cleanse orders")
    assert done.returncode == 4 and step["status"] == "error" and step["rows"]["replaced"] == 0
