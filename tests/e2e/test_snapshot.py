"""Models with `write: snapshot`: the table is what follows from all that was ever seen, in whatever order; compared with a plain model."""
import itertools
import random
import shutil

import pytest

from conftest import Project

SETTINGS = "name: history\nchecks: {requirements: off}\nconcurrency: 1\n"
BY_TIME = "/* sluice\nwrite: snapshot\nkey: [id]\nupdated_at: t\ndeletes: %s\n*/\nselect id::int as id, city, t::timestamp as t from raw.people\n"
BY_CLOCK = "/* sluice\nwrite: snapshot\nkey: [id]\ndeletes: %s\n*/\nselect id::int as id, city from raw.people\n"
COLUMNS = "id, city, t, date_trunc('second', valid_from) as valid_from, date_trunc('second', valid_to) as valid_to, is_current"
CLOCK_COLUMNS = ("id, city, strftime(valid_from, '%Y-%m-%d %H:%M:%S') as valid_from, "
                 "strftime(valid_to, '%Y-%m-%d %H:%M:%S') as valid_to, is_current")


def make(folder, binary, model):
    project = Project(folder, binary)
    project.write("sluice.yml", SETTINGS)
    project.write("sources/people.yml", "path: data/*.csv\n")
    project.write("models/history.sql", model)
    return project


def day(number):
    return f"2026-01-{number:02} 00:00:00"


def see(project, rows, clock, **options):
    """One run whose input holds just these rows: (id, city, day), or (id, city)."""
    lines = [",".join([str(row[0]), row[1], *(day(number) for number in row[2:])]) for row in rows]
    head = "id,city,t" if len(rows[0]) == 3 else "id,city"
    project.write("data/people.csv", "\n".join([head, *lines, ""]))
    return project.run("run", env={"SLUICE_CLOCK": clock.replace(" ", "T") + "Z", **options.pop("env", {})}, **options)


def clock_of(step):
    return f"2026-03-{step + 1:02} 12:00:00"


class Events:
    """What is known of one key: versions by time, and when it was found gone or back."""

    def __init__(self):
        self.versions, self.moves = {}, []

    def line(self):
        return sorted([(time, 0, "version") for time in self.versions] + [(time, 1 + (kind == "back"), kind) for time, kind in self.moves])

    def rows(self, key):
        telling = []
        for event in self.line():
            if event[2] != "back" or telling[-1][2] == "gone":
                telling.append(event)
        found = []
        for (time, _, kind), after in itertools.zip_longest(telling, telling[1:]):
            shown = max(version for version in self.versions if version <= time)
            if kind != "gone":
                found.append((key, self.versions[shown], shown, time, after[0] if after else None))
        return found


class Model:
    def __init__(self, closes):
        self.closes, self.keys = closes, {}

    def see(self, rows, clock):
        present = {row[0] for row in rows}
        for key, city, number in rows:
            events = self.keys.setdefault(key, Events())
            time = day(number)
            events.versions[time] = max(events.versions.get(time, ""), city)
        if not self.closes:
            return
        for key, events in self.keys.items():
            is_there = events.line()[-1][2] != "gone"
            last = events.line()[-1][0]
            if key in present and not is_there:
                events.moves.append((max(clock, last), "back"))
            if key not in present and is_there:
                events.moves.append((max(clock, last), "gone"))

    def rows(self):
        found = []
        for key, events in self.keys.items():
            for row in events.rows(key):
                found.append(tuple(str(value) if value is not None else None for value in (*row, "true" if row[-1] is None else "false")))
        return sorted(found, key=str)


def table(project, columns=COLUMNS):
    names = ["id", "city", "t", "valid_from", "valid_to", "is_current"]
    by_name = sorted(names if columns == COLUMNS else [name for name in names if name != "t"])
    order = [by_name.index(name) for name in names if name in by_name]
    return sorted((tuple(row[at] for at in order) for row in project.rows("curated.history", columns)), key=str)


def batches(random_, count):
    return [[(key, random_.choice("abcd"), random_.randint(1, 9)) for key in random_.sample(range(1, 7), random_.randint(1, 6))
             for _ in range(random_.randint(1, 2))] for _ in range(count)]


@pytest.mark.parametrize("deletes", ["keep", "close"])
@pytest.mark.parametrize("seed", range(4))
def test_the_table_is_what_a_plain_model_says_after_every_run(tmp_path, sluice_bin, deletes, seed):
    random_ = random.Random(f"{deletes}{seed}")
    project, model = make(tmp_path / "project", sluice_bin, BY_TIME % deletes), Model(deletes == "close")
    for step, rows in enumerate(batches(random_, 6)):
        see(project, rows, clock_of(step))
        model.see(rows, clock_of(step))
        assert table(project) == model.rows(), f"after step {step}: {rows}"
    for record in project.records("curated.history"):
        rows = record["balance"]
        assert rows["in"] == rows["out"] + rows["deduplicated"] and min(rows.values()) >= 0, record


@pytest.mark.parametrize("seed", range(2))
def test_the_order_in_which_versions_come_makes_no_difference(tmp_path, sluice_bin, seed):
    random_ = random.Random(seed)
    seen = batches(random_, 4)
    found = []
    for number, order in enumerate(random_.sample(list(itertools.permutations(seen)), 3)):
        project = make(tmp_path / str(number), sluice_bin, BY_TIME % "keep")
        for step, rows in enumerate(order):
            see(project, rows, clock_of(step))
        found.append(table(project))
    assert found[0] == found[1] == found[2]
    once = make(tmp_path / "once", sluice_bin, BY_TIME % "keep")
    see(once, sum(seen, []), clock_of(0))
    assert table(once) == found[0]


def by_clock(steps, closes):
    """Rows of a key follow each other as runs saw them."""
    rows, current = [], {}
    for step, seen in enumerate(steps):
        clock = clock_of(step)
        for key, city in sorted(seen):
            if key in current and current[key][1] == city:
                continue
            if key in current:
                rows.append((*current[key], clock, "false"))
            current[key] = (str(key), city, clock)
        for key in [key for key in current if closes and key not in dict(seen)]:
            rows.append((*current.pop(key), clock, "false"))
    return sorted(rows + [(*row, None, "true") for row in current.values()], key=str)


@pytest.mark.parametrize("deletes", ["keep", "close"])
def test_without_a_time_the_clock_of_the_run_tells(tmp_path, sluice_bin, deletes):
    random_ = random.Random(deletes)
    steps = [[(key, random_.choice("ab")) for key in random_.sample(range(1, 6), random_.randint(1, 5))] for _ in range(6)]
    project = make(tmp_path / "project", sluice_bin, BY_CLOCK % deletes)
    for step, rows in enumerate(steps):
        see(project, rows, clock_of(step))
        assert table(project, CLOCK_COLUMNS) == by_clock(steps[:step + 1], deletes == "close"), f"after step {step}"


def test_a_clock_that_goes_back_makes_no_time_run_backwards(project):
    project = make(project.folder, project.binary, BY_CLOCK % "keep")
    see(project, [(1, "a")], clock_of(5))
    see(project, [(1, "b")], clock_of(2))
    rows = project.rows("curated.history", "city, valid_from < valid_to as is_forward, is_current")
    assert sorted(rows, key=str) == [("a", "false", "true"), ("b", "true", None)]


def test_new_rows_alone_are_read_and_only_the_files_of_their_keys_written(project):
    project = make(project.folder, project.binary, BY_TIME % "keep")
    project.write("data/a.csv", "id,city,t\n1,a,2026-01-01\n")
    project.run("run")
    project.write("data/b.csv", "id,city,t\n2,b,2026-01-02\n")
    project.run("run")
    project.write("data/c.csv", "id,city,t\n1,c,2026-01-03\n")
    report = project.json("run")
    step = next(step for step in report["steps"] if step["table"] == "curated.history")
    assert step["why"] == "new rows in raw.people" and step["rows"]["in"] == 1 and step["rows"]["out"] == 1
    assert not step["was_full"]
    log = sorted((project.table_folder("curated.history") / "_delta_log").glob("*.json"))[-1].read_text()
    assert log.count('"remove"') == 1  # of the file with the row of key 1, and not of that of key 2
    assert table(project) == [("1", "a", day(1), day(1), day(3), "false"), ("1", "c", day(3), day(3), None, "true"),
                              ("2", "b", day(2), day(2), None, "true")]
    assert "nothing to do" in project.run("run").stdout


def test_history_is_only_thrown_away_when_told_so(project):
    project = make(project.folder, project.binary, BY_TIME % "keep")
    see(project, [(1, "a", 1)], clock_of(0))
    see(project, [(1, "b", 2)], clock_of(1))
    before = table(project)
    refused = project.run("run", "--full-refresh", exit_code=1)
    assert "would throw away the history" in refused.stderr and "--yes" in refused.stderr
    project.write("models/history.sql", (BY_TIME % "keep").replace("write: snapshot\nkey: [id]\nupdated_at: t\ndeletes: keep", "write: full"))
    assert "SL0406" in project.run("run", exit_code=1).stderr
    project.write("models/history.sql", (BY_TIME % "keep").replace("key: [id]", "key: [id, city]"))
    assert "another 'key'" in project.run("run", exit_code=1).stderr
    project.write("models/history.sql", BY_TIME % "keep")
    project.run("plan", "--full-refresh", "-o", "plan.json")
    assert "--yes" in project.run("apply", "plan.json", exit_code=1).stderr
    assert table(project) == before
    project.run("run", "--full-refresh", "--yes")
    assert table(project) == [("1", "b", day(2), day(2), None, "true")]


def test_changed_sql_keeps_the_history(project):
    project = make(project.folder, project.binary, BY_TIME % "keep")
    see(project, [(1, "a", 1)], clock_of(0))
    see(project, [(1, "b", 2)], clock_of(1))
    project.write("models/history.sql", (BY_TIME % "keep").replace("city, t", "upper(city) as city, length(city) as size, t"))
    project.run("run")
    # What the input still holds is computed anew; of what it no longer holds the new column is not known.
    assert sorted(project.rows("curated.history", "city, is_current, size"), key=str) == [("B", "true", "1"), ("a", "false", None)]
    project.write("models/history.sql", BY_TIME % "keep")
    gone = project.run("run", exit_code=1)
    assert "'size' that the result lacks" in gone.stderr and "null::BIGINT" in gone.stderr
    project.write("models/history.sql", (BY_TIME % "keep").replace("city, t", "city, 'x' as size, t"))
    assert "is BIGINT in the history" in project.run("run", exit_code=1).stderr


def test_rows_that_have_no_place_in_the_history_publish_nothing(project):
    project = make(project.folder, project.binary, BY_TIME % "keep")
    project.write("data/people.csv", "id,city,t\n1,a,\n")
    assert "1 rows have no time" in project.run("run", exit_code=3).stderr
    project.write("models/history.sql", BY_CLOCK % "keep")
    project.write("data/people.csv", "id,city\n1,a\n1,b\n2,c\n2,c\n")
    failed = project.run("run", exit_code=3).stderr
    assert "1 keys have different rows at once" in failed and '"id":1' in failed
    assert not (project.table_folder("curated.history") / "_delta_log").exists()
    project.write("data/people.csv", "id,city\n1,a\n2,c\n2,c\n,n\n")
    project.run("run")
    assert project.count("curated.history") == 3


def test_a_table_of_another_write_mode_becomes_a_history(project):
    project = make(project.folder, project.binary, "select id::int as id, city, t::timestamp as t from raw.people")
    see(project, [(1, "a", 1)], clock_of(0))
    project.write("models/history.sql", BY_TIME % "keep")
    see(project, [(1, "b", 2)], clock_of(1))
    assert table(project) == [("1", "b", day(2), day(2), None, "true")]


def test_what_reads_a_history_can_take_what_is_current(project):
    project = make(project.folder, project.binary, (BY_TIME % "close").replace("deletes", "partition_by: [is_current]\ndeletes"))
    project.write("models/now.sql", "select id, city from curated.history where is_current")
    see(project, [(1, "a", 1), (2, "b", 1)], clock_of(0))
    see(project, [(1, "c", 2)], clock_of(1))
    assert project.rows("curated.now") == [("c", "1")]
    assert table(project) == [("1", "a", day(1), day(1), day(2), "false"), ("1", "c", day(2), day(2), None, "true"),
                              ("2", "b", day(1), day(1), clock_of(1), "false")]


@pytest.mark.parametrize("model, columns", [(BY_TIME, COLUMNS), (BY_CLOCK, CLOCK_COLUMNS)], ids=["time", "clock"])
def test_killed_anywhere_a_rerun_completes_the_history(tmp_path, fault_bin, model, columns):
    steps = [[(1, "a", 1), (2, "b", 3), (3, "c", 1)], [(1, "d", 5), (2, "e", 2), (4, "f", 1)]]
    if model is BY_CLOCK:
        steps = [[row[:2] for row in rows] for rows in steps]
    base = make(tmp_path / "base", fault_bin, model % "close")
    see(base, steps[0], clock_of(0))
    whole = tmp_path / "whole"
    shutil.copytree(base.folder, whole)
    counted = tmp_path / "count"
    see(Project(whole, fault_bin), steps[1], clock_of(1), env={"SLUICE_FAULT_COUNT": str(counted)})
    expected, total = table(Project(whole, fault_bin), columns), int(counted.read_text())
    assert total >= 15
    for kill in range(1, total + 1):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base.folder, folder)
        project = Project(folder, fault_bin)
        killed = see(project, steps[1], clock_of(1), exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        assert killed.returncode == -9, killed.stderr
        project.run("run", env={"SLUICE_CLOCK": clock_of(1).replace(" ", "T") + "Z"})
        assert table(project, columns) == expected, f"killed at operation {kill} of {total}"
