"""unique: no value twice over the whole table and all time, however its rows were cut into files and runs."""
import random
import shutil

import pytest

from conftest import Project, contract_text

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: people
name: people
version: 1.0.0
status: active
schema:
  - name: people
    {order}
    properties:
      - {{name: id, logicalType: integer, primaryKey: {key}}}
      - name: email
        logicalType: string
        unique: true
        customProperties: [{{property: sluice.severity, value: {{unique: {email}}}}}]
      - {{name: phone, logicalType: integer, unique: {phone}}}
      - {{name: seq, logicalType: integer, logicalTypeOptions: {{minimum: {minimum}}}}}
    quality: [{pair}]
"""
PAIRS = {"": "", "rule": "{type: custom, engine: sluice, implementation: {kind: unique, columns: [email, seq]}}",
         "metric": "{metric: duplicateValues, arguments: {properties: [Email, seq]}, mustBe: 0}"}
COLUMNS = ["id", "email", "phone", "seq"]


class People:
    """The project, and beside it a model of what its tables must hold."""

    def __init__(self, folder, binary, key=False, phone=False, email="reject", minimum=0, pair=""):
        self.project, self.files = Project(folder, binary), {}
        self.settings = {"key": key, "phone": phone, "email": email, "minimum": minimum, "pair": pair}
        self.project.write("sluice.yml", "name: people\nchecks: {requirements: off}\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
        self.project.write("sources/people.yml", "path: data/people-*.csv\n")
        self.write_contract()

    def write_contract(self, **settings):
        self.settings.update(settings)
        order = "customProperties: [{property: sluice.orderBy, value: [seq]}]" if self.settings["key"] else ""
        settings = {k: str(v).lower() for k, v in self.settings.items()} | {"pair": PAIRS[self.settings["pair"]]}
        text = CONTRACT.format(order=order, **settings)
        self.project.write("contracts/people.odcs.yml", text)

    def put(self, name, *rows):
        self.files[f"data/people-{name}.csv"] = rows
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        self.project.write(f"data/people-{name}.csv", "\n".join([",".join(COLUMNS), *lines]) + "\n")

    def run(self, *arguments):
        steps = self.project.json("run", *arguments)["steps"]
        return {step["step"]: step for step in steps}.get("cleanse people")  # None: nothing to do

    def expected(self):
        """{(source, position)} of clean, and {(source, position): messages by rule} of the quarantine."""
        rejected, good = {}, []
        for file, rows in self.files.items():
            for index, row in enumerate(rows):
                row = dict(zip(COLUMNS, row), place=(file, index + 2))
                if row["seq"] < self.settings["minimum"]:
                    rejected[row["place"]] = {"seq.range": None}
                else:
                    good.append(row)

        def order(row):
            return (row["seq"], *row["place"]) if self.settings["key"] else row["place"]

        if self.settings["key"]:
            best = {}
            for row in sorted(good, key=order):
                best[row["id"]] = row
            good = list(best.values())
        good.sort(key=order)
        rules = [("email", self.settings["email"] == "reject"), ("phone", self.settings["phone"])]
        clean, pairs = set(), {}
        first = {column: {} for column, _ in rules}
        for row in good:
            reasons = {}
            for column, is_judged in rules:
                if not is_judged or row[column] is None:
                    continue
                holder = first[column].setdefault(row[column], row)
                if holder is not row:
                    reasons[f"{column}.unique"] = "'{}' stands already in {}:{}".format(row[column], *holder["place"])
            if self.settings["pair"] and row["email"] is not None:
                holder = pairs.setdefault((row["email"], row["seq"]), row)
                if holder is not row:
                    reasons["unique"] = "'{}', '{}' stand already in {}:{}".format(row["email"], row["seq"], *holder["place"])
            if reasons:
                rejected[row["place"]] = reasons
            else:
                clean.add(row["place"])
        return clean, rejected

    def check(self):
        clean = [(row["_source"], row["_position"]) for row in self.project.delta("clean.people").to_pylist()]
        assert len(set(clean)) == len(clean)
        rejected = self.project.delta("quarantine.people").to_pylist()
        found = {(row["_source"], row["_position"]): {reason["rule"]: None if reason["rule"] == "seq.range" else reason["message"]
                                                      for reason in row["reasons"]} for row in rejected}
        assert len(found) == len(rejected)
        assert (set(clean), found) == self.expected()
        for record in self.project.records("clean.people"):
            rows = record["balance"]
            assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record


@pytest.fixture
def people(tmp_path, sluice_bin):
    people = People(tmp_path / "people", sluice_bin)
    people.put("2", (1, "ada@x", None, 1), (2, "ben@x", None, 1), (3, None, None, 1), (4, None, None, 1), (5, "ada@x", None, 1))
    people.run()
    return people


def test_of_rows_that_share_a_value_the_first_stands_and_the_others_name_it(people):
    people.check()
    shown = people.project.json("quarantine", "show", "people")["rows"]
    assert shown[0]["reasons"] == [{"rule": "email.unique", "column": "email", "message": "'ada@x' stands already in data/people-2.csv:2"}]


def test_a_later_row_with_a_taken_value_is_rejected_and_nothing_else_is_read(people):
    people.put("3", (6, "ben@x", None, 1), (7, "cleo@x", None, 1))
    assert people.run()["why"] == "1 new file in raw.people"
    people.check()


def test_an_earlier_row_with_a_taken_value_displaces_the_one_that_has_it(people):
    people.put("1", (6, "ben@x", None, 1))
    step = people.run()
    assert step["why"] == "a new row stands before one that has its value"
    people.check()
    assert ("data/people-1.csv", 2) in people.expected()[0]


def test_when_the_first_row_goes_the_next_one_stands(people):
    people.put("2", (2, "ben@x", None, 1), (5, "ada@x", None, 1))
    people.run()
    people.check()


def test_a_warning_counts_and_rejects_nothing(people):
    people.write_contract(email="warn")
    step = people.run()
    people.check()
    assert [(reason["rule"], reason["rows"]) for reason in step["reasons"] if reason["warning"]] == [("email.unique", 1)]
    people.write_contract(email="reject")
    people.run()
    people.check()


def test_versions_of_one_key_may_have_the_same_value(tmp_path, sluice_bin):
    people = People(tmp_path / "people", sluice_bin, key=True)
    people.put("1", (1, "ada@x", None, 1), (2, "ben@x", None, 1))
    people.run()
    people.put("2", (1, "ada@x", None, 2))
    assert people.run()["why"] == "1 new file in raw.people"
    people.check()
    people.put("3", (1, "dan@x", None, 3), (3, "ada@x", None, 4))  # the value is free again
    people.run()
    people.check()
    assert not people.expected()[1]


@pytest.mark.parametrize("seed", range(9))
def test_after_random_changes_the_tables_are_those_of_one_run_over_it_all(tmp_path, sluice_bin, seed):
    dice = random.Random(seed)
    people = People(tmp_path / "people", sluice_bin, key=seed % 2 == 0, phone=dice.random() < 0.5,
                    email="warn" if seed > 4 else "reject", pair=["", "", "", "", "rule", "rule", "metric", "rule", "metric"][seed])

    def rows():
        return [(dice.randint(1, 9), dice.choice([None, *"abcdefghij"]), dice.choice([None, *range(9)]), dice.randint(-1, 4))
                for _ in range(dice.randint(1, 4))]

    names = []
    for _ in range(8):
        what = dice.random()
        if what < 0.65 or not names:
            names.append(f"{dice.randint(0, 99):02}-{len(names)}")
            people.put(names[-1], *rows())
        elif what < 0.8:
            people.put(dice.choice(names), *rows())
        else:
            people.write_contract(**dice.choice([{"minimum": dice.randint(-1, 1)}, {"phone": dice.random() < 0.5},
                                                 {"email": dice.choice(["warn", "reject"]), "pair": dice.choice(["rule", "metric", ""])}
                                                 if seed > 3 else {"email": dice.choice(["warn", "reject"])}]))
        people.run()
        people.check()
    other = People(tmp_path / "scratch", sluice_bin, **people.settings)
    shutil.copytree(people.project.folder / "data", other.project.folder / "data")
    other.project.run("run")
    for table in ("clean.people", "quarantine.people"):
        columns = '* exclude ("at", run_id)' if table.startswith("quar") else "*"
        assert people.project.rows(table, columns) == other.project.rows(table, columns)


def test_several_columns_are_unique_together(tmp_path, sluice_bin):
    people = People(tmp_path / "people", sluice_bin, email="warn", pair="rule")
    people.put("1", (1, "ada@x", None, 1), (2, "ada@x", None, 2), (3, "ada@x", None, 1), (4, None, None, 1), (5, None, None, 1))
    people.run()
    people.check()
    people.put("2", (6, "ada@x", None, 2), (7, "ben@x", None, 2))
    assert people.run()["why"] == "1 new file in raw.people"
    people.check()
    reasons = [row["reasons"] for row in people.project.json("quarantine", "show", "people")["rows"]]
    assert [{"rule": "unique", "column": None, "message": "'ada@x', '1' stand already in data/people-1.csv:2"}] in reasons
    people.write_contract(pair="")
    people.run()
    people.check()


@pytest.mark.parametrize("rule, message", [
    ("{kind: unique, columns: [email, phon]}", "'phon' is no column of 'people'"),
    ("{kind: unique, columns: [email, Email]}", "column 'Email' stands in it twice"),
    ("{kind: unique, columns: [email, seq], where: id > 1}", "'where' and 'mostly' have no place here"),
    ("{kind: unique}", "'columns' is missing"),
])
def test_mistakes_in_what_is_unique_together_are_told(people, monkeypatch, rule, message):
    monkeypatch.setitem(PAIRS, "wrong", f"{{type: custom, engine: sluice, implementation: {rule}}}")
    people.write_contract(pair="wrong")
    assert message in people.project.run("check", exit_code=1).stderr


def test_killed_anywhere_a_rerun_completes_it(tmp_path, fault_bin):
    people = People(tmp_path / "people", fault_bin)
    people.put("2", (1, "ada@x", None, 1), (2, "ada@x", None, 1))
    people.run()
    people.put("1", (3, "ada@x", None, 1))
    base, count = people.project.folder, tmp_path / "count"
    shutil.copytree(base, tmp_path / "probe")
    Project(tmp_path / "probe", fault_bin).run("run", env={"SLUICE_FAULT_COUNT": str(count)})
    for kill in range(1, int(count.read_text()) + 1, 5):
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        people.project = Project(folder, fault_bin)
        assert people.project.run("run", exit_code=None, env={"SLUICE_FAULT_KILL": str(kill)}).returncode == -9
        people.project.run("run")
        people.check()


def test_columns_may_be_named_like_those_that_the_program_works_with(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\n")
    project.write("sources/t.yml", "path: data/*.csv\n")
    project.write("contracts/t.odcs.yml", contract_text("t") + """\
      - {name: reasons, logicalType: string, unique: true, logicalTypeOptions: {maxLength: 3}}
      - {name: message, logicalType: string, unique: true}
      - {name: payload, logicalType: integer, physicalName: "~flag"}
""")
    project.write("data/a.csv", "reasons,message,~flag,~bad,~r0\na,m,1,x,y\na,n,2,x,y\nb,m,3,x,y\nlong,o,4,x,y\nc,p,q,x,y\nd,r,5,x,y\n")
    project.run("run")
    assert project.rows("clean.t", "payload, reasons") == [("1", "a"), ("5", "d")]
    rules = {row["_position"]: [reason["rule"] for reason in row["reasons"]] for row in project.delta("quarantine.t").to_pylist()}
    assert rules == {3: ["reasons.unique"], 4: ["message.unique"], 5: ["reasons.length"], 6: ["payload.type"]}


def test_a_rule_of_unique_rows_that_comes_and_goes_is_not_told_as_a_column(tmp_path, sluice_bin):
    people = People(tmp_path / "project", sluice_bin)
    people.put("a", (1, "a@x", 1, 1), (2, "b@x", 2, 1))
    people.run()
    for pair, what in (("rule", "new"), ("", "gone")):
        people.write_contract(pair=pair)
        why = people.run()["why"]
        assert f"rule 'unique' of unique rows is {what}" in why and "column 'unique'" not in why
    people.write_contract(phone=True)
    assert "column 'phone' is unique now" in people.run()["why"]
