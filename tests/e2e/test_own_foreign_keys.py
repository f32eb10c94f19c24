"""Foreign keys to the table itself: the keys that count are those of the table as it is then, in whatever order rows come."""
import random
import shutil

import pytest

from conftest import Project

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: staff
name: staff
version: 1.0.0
status: active
schema:
  - name: teams
    properties:
      - {{name: id, logicalType: integer}}
  - name: staff
    {order}
    properties:
      - {{name: id, logicalType: integer{key}}}
      - {{name: seq, logicalType: integer}}
      - {{name: amount, logicalType: integer, logicalTypeOptions: {{minimum: {minimum}}}}}
      - name: boss
        logicalType: integer
        physicalType: smallint
        relationships: [{{type: foreignKey, to: staff.id, customProperties: [{{property: sluice.orphans, value: {boss}}}]}}]
      - name: mentor
        logicalType: integer
        relationships: [{{type: foreignKey, to: clean.staff.id, customProperties: [{{property: sluice.orphans, value: {mentor}}}]}}]
      - name: team
        logicalType: integer
        relationships: [{{type: foreignKey, to: teams.id, customProperties: [{{property: sluice.orphans, value: {team}}}]}}]
"""
ORDER = "customProperties: [{property: sluice.orderBy, value: [seq]}]"
KEYS = {"key": ", primaryKey: true", "unique": ", unique: true", "plain": ""}
HEAD = "id,seq,amount,boss,mentor,team"


class Staff:
    """The project, and beside it a model of what its tables must hold."""

    def __init__(self, folder, binary, mode="key", **rules):
        self.project, self.mode, self.files, self.teams = Project(folder, binary), mode, {}, {}
        self.rules = {"minimum": 0, "boss": "hold", "mentor": "reject", "team": "hold", **rules}
        self.project.write("sluice.yml", "name: staff\nchecks: {requirements: off}\nconcurrency: 1\n"
                           "quarantine: {max_share: 1.0, min_rows: 1000000}\n")
        self.project.write("sources/staff.yml", "path: data/staff-*.csv\n")
        self.project.write("sources/teams.yml", "path: data/teams-*.csv\n")
        self.put_teams(1, 1)
        self.write_contract()

    def write_contract(self, **rules):
        self.rules.update(rules)
        self.project.write("contracts/staff.odcs.yml", CONTRACT.format(key=KEYS[self.mode], order=ORDER if self.mode == "key" else "", **self.rules))

    def put(self, number, *rows):
        self.files[f"data/staff-{number}.csv"] = rows
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        self.project.write(f"data/staff-{number}.csv", "\n".join([HEAD, *lines]) + "\n")

    def put_teams(self, number, *ids):
        self.teams[number] = ids
        self.project.write(f"data/teams-{number}.csv", "\n".join(["id", *map(str, ids)]) + "\n")

    def run(self, *arguments):
        return {step["step"]: step for step in self.project.json("run", *arguments)["steps"]}

    # --- the model

    def received(self):
        for file, rows in self.files.items():
            for index, row in enumerate(rows):
                yield dict(zip(HEAD.split(","), row), source=file, position=index + 2)

    def broken(self, row, keys):
        teams = {team for ids in self.teams.values() for team in ids}
        broken = []
        if row["amount"] < self.rules["minimum"]:
            broken.append(("amount.range", "reject", None))
        for name in ("boss", "mentor"):
            if row[name] is not None and row[name] not in keys:
                broken.append((f"{name}.foreign_key", self.rules[name], "clean.staff"))
        if row["team"] is not None and row["team"] not in teams:
            broken.append(("team.foreign_key", self.rules["team"], "clean.teams"))
        return [rule for rule in broken if rule[1] != "warn"]

    def expected(self):
        rows = list(self.received())
        kept, before = [row for row in rows if not self.broken(row, {row["boss"], row["mentor"]})], None
        while kept != before:
            before, keys = kept, {row["id"] for row in kept}
            kept = [row for row in kept if not self.broken(row, keys)]
        rejected = {}
        for row in rows:
            broken = self.broken(row, keys)
            if broken:
                is_held = all(severity == "hold" for _, severity, _ in broken)
                rejected[row["source"], row["position"]] = (
                    sorted(rule for rule, _, _ in broken), ", ".join(sorted({table for _, _, table in broken})) if is_held else None)
        kept.sort(key=lambda row: (row["seq"] if self.mode == "key" else 0, row["source"], row["position"]))
        clean = {}
        for row in kept:
            if self.mode == "key":
                clean[row["id"]] = row
            elif self.mode == "plain" or row["id"] is None:
                clean[row["source"], row["position"]] = row
            elif clean.setdefault(row["id"], row) is not row:
                rejected[row["source"], row["position"]] = (["id.unique"], None)
        return sorted((row["source"], row["position"]) for row in clean.values()), rejected

    # --- the tables

    def found(self):
        clean = [(row["_source"], row["_position"]) for row in self.project.delta("clean.staff").to_pylist()]
        rejected = self.project.delta("quarantine.staff").to_pylist()
        keys = [(row["_source"], row["_position"]) for row in rejected]
        assert len(set(keys)) == len(keys), "a row is in quarantine twice"
        return sorted(clean), {key: (sorted(reason["rule"] for reason in row["reasons"]), row.get("waits_for"))
                               for key, row in zip(keys, rejected)}

    def tables(self):
        return self.project.rows("clean.staff"), self.project.rows("quarantine.staff", '* exclude ("at", run_id)')

    def check(self):
        (clean, rejected), (clean_wanted, rejected_wanted) = self.found(), self.expected()
        assert clean == clean_wanted
        assert {key: rejected.get(key) for key in rejected_wanted} == rejected_wanted and len(rejected) == len(rejected_wanted)
        for record in self.project.records("clean.staff"):
            rows = record["balance"]
            assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record

    def from_scratch(self, folder):
        other = Staff(folder, self.project.binary, self.mode, **self.rules)
        shutil.rmtree(folder / "data")
        shutil.copytree(self.project.folder / "data", folder / "data")
        other.project.run("run")
        return other.tables()

    def ids(self):
        return sorted(self.project.delta("clean.staff").to_pydict()["id"])


def row(number, boss=None, amount=1, mentor=None, team=None, seq=1):
    return (number, seq, amount, boss, mentor, team)


@pytest.fixture
def staff(tmp_path, sluice_bin):
    return Staff(tmp_path / "staff", sluice_bin)


def test_a_row_that_is_rejected_is_no_parent_and_a_circle_has_all_of_its_own(staff):
    staff.put(1, row(1), row(2, 1), row(3, 9), row(4, 3), row(5, 1, amount=-1), row(6, 5), row(7, 8), row(8, 7), row(9, 10),
              row(10, 11, amount=-1), row(11, 9), row(12, 12))
    steps = staff.run()
    staff.check()
    assert staff.ids() == [1, 2, 7, 8, 12]
    shown = staff.project.json("quarantine", "show", "staff")["rows"]
    told = {shown_row["position"]: [reason["message"] for reason in shown_row["reasons"]] for shown_row in shown}
    assert told[7] == ["'5' is in no row of clean.staff"]
    assert steps["cleanse staff"]["status"] == "ok" and "nothing to do" in staff.project.run("run").stdout
    assert staff.project.run("check").returncode == 0


def test_a_chain_comes_when_its_first_one_comes(staff):
    staff.put(1, row(1), *(row(number, number - 1) for number in range(11, 31)))
    staff.run()
    staff.check()
    assert staff.ids() == [1]
    staff.put(2, row(2, 1), row(3, 77))
    steps = staff.run()
    assert steps["cleanse staff"]["why"] == "1 new file in raw.staff" and staff.ids() == [1, 2]
    staff.check()
    staff.put(3, row(10, 1))
    steps = staff.run()
    assert steps["cleanse staff"]["why"] == "the parents of 20 rows in quarantine have come"
    assert staff.ids() == [1, 2, *range(10, 31)]
    staff.check()
    staff.put(4, row(40, 30), row(41, 40))
    assert staff.run()["cleanse staff"]["rows"]["in"] == 2
    staff.check()


def test_a_circle_closes_over_two_files(staff):
    staff.put(1, row(1, 2))
    staff.run()
    assert staff.ids() == []
    staff.put(2, row(2, 3))
    staff.run()
    assert staff.ids() == []
    staff.put(3, row(3, 1))
    staff.run()
    assert staff.ids() == [1, 2, 3]
    staff.check()


def test_rows_go_when_their_parent_goes_and_come_back_with_it(staff):
    staff.put(1, row(1))
    staff.put(2, row(2, 1), row(3, 2))
    staff.run()
    assert staff.ids() == [1, 2, 3]
    staff.put(1, row(4))
    staff.run()
    assert staff.ids() == [4]
    staff.check()
    staff.put(1, row(1), row(4))
    staff.run()
    assert staff.ids() == [1, 2, 3, 4]
    staff.check()


def test_a_row_that_another_table_or_the_contract_held_back_brings_its_children(staff):
    staff.put(1, row(1, team=5), row(2, 1), row(3, amount=-1), row(4, 3))
    staff.run()
    assert staff.ids() == []
    staff.put_teams(2, 5)
    staff.run()
    assert staff.ids() == [1, 2]
    staff.check()
    staff.write_contract(minimum=-1)
    staff.run()
    assert staff.ids() == [1, 2, 3, 4]
    staff.check()
    staff.put_teams(2, 6)
    staff.run()
    assert staff.ids() == [3, 4]
    staff.check()


def test_orphans_that_only_warn_are_parents_too(tmp_path, sluice_bin):
    staff = Staff(tmp_path / "staff", sluice_bin, boss="warn")
    staff.put(1, row(1, 99), row(2, 1), row(3, 5), row(4, 3), row(5, mentor=98), row(6, mentor=1))
    steps = staff.run()
    assert staff.ids() == [1, 2, 3, 4, 6]
    warned = {reason["rule"]: reason["rows"] for reason in steps["cleanse staff"]["reasons"] if reason["warning"]}
    assert warned == {"boss.foreign_key": 2}
    staff.check()


def test_a_loser_of_its_key_makes_no_difference(staff):
    staff.put(1, row(1, seq=1), row(1, 99, seq=2), row(2, 1))
    staff.run()
    staff.check()
    assert staff.ids() == [1, 2]
    staff.put(2, row(99))
    staff.run()
    staff.check()
    assert sorted(staff.project.rows("clean.staff", "id, seq")) == [("1", "2"), ("2", "1"), ("99", "1")]


@pytest.mark.parametrize("more, wanted", [
    ("{name: id, logicalType: integer, primaryKey: true}\n      - {name: code, logicalType: integer}", "that are not its primary key"),
    ("{name: id, logicalType: integer, unique: true}\n      - {name: code, logicalType: integer}", "rejected whose 'id' is not unique"),
])
def test_what_cannot_be_judged_in_any_order_is_refused(project, more, wanted):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/a.yml", "path: data/*.csv\n")
    project.write("contracts/a.odcs.yml", f"""
apiVersion: v3.1.0
kind: DataContract
id: a
version: 1.0.0
status: active
schema:
  - name: a
    properties:
      - {more}
      - {{name: up, logicalType: integer, relationships: [{{to: a.code}}]}}
""")
    project.write("data/1.csv", "id,code,up\n1,1,1\n")
    assert wanted in project.run("check", exit_code=None).stderr


def random_row(dice):
    some = [None, None, *range(1, 9)]
    return (dice.randint(1, 8), dice.randint(0, 3), dice.randint(-1, 6), dice.choice(some), dice.choice([None, None, None, *range(1, 9)]),
            dice.choice([None, None, 1, 2, 3]))


def random_file(dice):
    return [random_row(dice) for _ in range(dice.randint(1, 5))]


@pytest.mark.parametrize("mode", ["key", "unique", "plain"])
@pytest.mark.parametrize("seed", range(3))
def test_after_random_changes_the_tables_are_those_of_one_run_over_it_all(tmp_path, sluice_bin, mode, seed):
    dice = random.Random(f"{mode} {seed}")
    severities = ["hold", "reject", "hold", "reject", "warn"]
    staff = Staff(tmp_path / "staff", sluice_bin, mode, boss=dice.choice(severities), mentor=dice.choice(severities))
    files = 1
    staff.put(1, *random_file(dice))
    staff.run()
    staff.check()
    for _ in range(9):
        for _ in range(dice.randint(1, 2)):
            what = dice.random()
            if what < 0.6:
                files += 1
                staff.put(files, *random_file(dice))
            elif what < 0.7:
                staff.put(dice.randint(1, files), *random_file(dice))
            elif what < 0.85:
                staff.put_teams(dice.randint(1, 3), *dice.sample([1, 2, 3], 2))
            else:
                name = dice.choice(["boss", "mentor", "team", "minimum"])
                staff.write_contract(**{name: dice.randint(-1, 2) if name == "minimum" else dice.choice(severities)})
        staff.run()
        staff.check()
    assert staff.tables() == staff.from_scratch(tmp_path / "scratch")


@pytest.mark.parametrize("comes", [True, False])
def test_killed_anywhere_a_rerun_completes_it(tmp_path, fault_bin, comes):
    base = Staff(tmp_path / "base", fault_bin)
    base.put(1, row(1), row(3, 2), row(4, 3))
    base.run()
    base.put(2, row(5, 1), row(6, 99))
    if comes:
        base.put(3, row(2, 1))
    probe = Project(shutil.copytree(base.project.folder, tmp_path / "probe"), fault_bin)
    probe.run("run", env={"SLUICE_FAULT_COUNT": str(tmp_path / "count")})
    folder = base.project.folder
    for kill in range(1, int((tmp_path / "count").read_text()) + 1, 3):
        base.project = Project(shutil.copytree(folder, tmp_path / f"killed-{kill}"), fault_bin)
        base.project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)})
        base.project.run("run")
        base.check()
        assert "nothing to do" in base.project.run("run").stdout
        shutil.rmtree(base.project.folder)


def test_generated_rows_keep_the_contract(staff):
    staff.project.run("run", "--select", "+clean.teams")
    made = staff.project.run("generate", "staff", "-n", "20").stdout
    staff.project.write("data/staff-1.csv", made)
    staff.run()
    assert staff.project.count("clean.staff") == 20 and staff.project.count("quarantine.staff") == 0
    staff.project.write("data/staff-2.csv", staff.project.run("generate", "staff", "-n", "20", "--seed", "2").stdout)
    staff.run()
    assert staff.project.count("quarantine.staff") == 0
    broken = staff.project.run("generate", "staff", "-n", "1", "--seed", "3", "--breaking", "boss.foreign_key").stdout
    staff.project.write("data/staff-3.csv", broken)
    staff.run()
    assert {reason["rule"] for row in staff.project.delta("quarantine.staff").to_pylist() for reason in row["reasons"]} == {"boss.foreign_key"}


def test_trials_tests_and_proofs_know_of_them(staff):
    staff.put(1, row(1), row(2, 1), row(3, 9))
    trial = str(staff.project.json("contract", "test", "staff", exit_code=None))
    assert "'9' is in no row of clean.staff" in trial and "other rows" not in trial
    trial = str(staff.project.json("contract", "test", "staff", "--data", "data/staff-1.csv", exit_code=None))
    assert "'9' is in no row" not in trial and "the table has other rows than these, too" in trial
    staff.run()
    staff.project.write("tests/staff.yml", """name: who has a boss
given:
  staff: [{id: 1, amount: 1}, {id: 2, amount: 1, boss: 1}, {id: 3, amount: 1, boss: 4}]
  teams: []
expect:
  clean.staff: [{id: 1, boss: null}, {id: 2, boss: 1}]
  quarantine.staff: [{rule: boss.foreign_key, id: 3}]
""")
    assert staff.project.json("test")["counts"]["passed"] == 1
    run_id = staff.project.json("status")["runs"][0]["run_id"]
    assert staff.project.run("verify", run_id).returncode == 0


def test_hold_can_be_the_severity_of_the_kind(staff):
    text = (staff.project.folder / "contracts/staff.odcs.yml").read_text()
    staff.project.write("contracts/staff.odcs.yml", text.replace(
        "relationships: [{type: foreignKey, to: clean.staff.id, customProperties: [{property: sluice.orphans, value: reject}]}]",
        "relationships: [{type: foreignKey, to: clean.staff.id}]\n        customProperties: [{property: sluice.severity, value: {foreign_key: hold}}]"))
    staff.put(1, row(1, mentor=4))
    staff.run()
    assert [held["waits_for"] for held in staff.project.delta("quarantine.staff").to_pylist()] == ["clean.staff"]
