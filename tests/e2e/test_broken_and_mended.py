"""Random mistakes in contracts and parent tables, mended and replayed: the tables are those of a run that never broke. With rules of which a share
must hold, rows on hold, values set aside, foreign keys, and rows that somebody has given up meanwhile."""
import json
import random
import shutil

import pytest

from conftest import Project

RIGHT = {"minimum": 0, "statuses": ["new", "paid", "sent"], "notes": ["a", "b", "c"], "mostly": 0.05, "orphans": "hold"}
WRONG = {
    "minimum": [20, 45], "statuses": [["new"], ["paid", "sent"]], "notes": [["a"], ["b", "c"], ["x"]], "mostly": [None, 0.1],
    "orphans": ["reject", "warn"],
}
TABLES = {"clean.orders": "*", "clean.customers": "*", "quarantine.customers": "payload, reasons, _source, _position",
          "quarantine.orders": "payload, reasons, _source, _position, set_aside, waits_for, discarded_by, discard_reason"}
DISCARD = ("quarantine", "discard", "orders", "--rule", "amount.type", "--reason", "never meant", "--by", "ada")


def custom(name, value):
    return {"property": f"sluice.{name}", "value": value}


def contract(minimum, statuses, notes, mostly, orphans):
    def values(valid):
        return [{"metric": "invalidValues", "arguments": {"validValues": valid}, "mustBe": 0}]

    rule = {"expression": "discount <= amount", **({"mostly": mostly} if mostly else {})}
    return json.dumps({
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "shop", "version": "1.0.0", "status": "active", "schema": [
            {"name": "customers", "properties": [{"name": "id", "logicalType": "integer", "primaryKey": True}]},
            {"name": "orders", "customProperties": [custom("orderBy", ["seq"])],
             "quality": [{"type": "custom", "engine": "sluice", "name": "discounts", "implementation": rule}],
             "properties": [
                {"name": "id", "logicalType": "integer", "primaryKey": True},
                {"name": "seq", "logicalType": "integer"},
                {"name": "customer", "logicalType": "integer", "relationships": [
                    {"type": "foreignKey", "to": "customers.id", "customProperties": [custom("orphans", orphans)]}]},
                {"name": "amount", "logicalType": "integer", "logicalTypeOptions": {"minimum": minimum}},
                {"name": "discount", "logicalType": "integer"},
                {"name": "status", "logicalType": "string", "quality": values(statuses)},
                {"name": "note", "logicalType": "string", "customProperties": [custom("severity", "quarantine_value")], "quality": values(notes)}]}]})


class Story:
    def __init__(self, dice, folder, binary):
        self.dice, self.files, self.numbers = dice, {}, 0
        self.project = self.make(folder, binary, RIGHT)
        self.put_customers(range(1, 7))

    @staticmethod
    def make(folder, binary, rules):
        project = Project(folder, binary)
        project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nconcurrency: 1\nquarantine: {max_share: 1.0, min_rows: 1000000}\n")
        for table in ("customers", "orders"):
            project.write(f"sources/{table}.yml", f"path: data/{table}-*.jsonl\n")
        project.write("contracts/shop.odcs.yml", contract(**rules))
        return project

    def put(self, name, rows):
        self.project.write(f"data/{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def put_customers(self, ids):
        self.put("customers-1", [{"id": str(number)} for number in ids])

    def put_orders(self):
        dice = self.dice
        self.numbers += 1
        self.put(f"orders-{self.numbers}", [
            {"id": str(dice.randint(1, 40)), "seq": str(dice.randint(1, 9)), "customer": str(dice.choice([1, 2, 3, 4, 5, 6, 9])),
             "amount": str(dice.choice(["many", -3, 5, 10, 30, 50, 50, 60])), "discount": str(dice.choice([0, 0, 1, 7, 70])),
             "status": dice.choice(["new", "paid", "sent", "sent", "odd"]), "note": dice.choice(["a", "b", "c", "c", "odd"])}
            for _ in range(dice.randint(5, 12))])

    def break_it(self):
        rules = dict(RIGHT)
        for name in self.dice.sample(list(WRONG), self.dice.randint(1, 3)):
            rules[name] = self.dice.choice(WRONG[name])
        self.project.write("contracts/shop.odcs.yml", contract(**rules))
        if self.dice.random() < 0.6:
            self.put_customers(self.dice.sample(range(1, 7), 3))

    def mend_it(self):
        self.put_customers(range(1, 7))
        self.project.write("contracts/shop.odcs.yml", contract(**RIGHT))

    def whole(self, folder, is_discarded):
        """What a single run over all the files makes, with the rows given up that were given up."""
        shutil.rmtree(folder, ignore_errors=True)
        other = self.make(folder, self.project.binary, RIGHT)
        shutil.copytree(self.project.folder / "data", folder / "data")
        other.run("run")
        if is_discarded:
            other.run(*DISCARD)
        return tables(other)


def tables(project):
    return {table: project.rows(table, columns) for table, columns in TABLES.items()}


@pytest.mark.parametrize("seed", [1, 2, 3, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(4, 10))])
def test_tables_that_were_broken_and_mended_are_those_of_a_run_that_never_broke(seed, tmp_path, sluice_bin):
    dice = random.Random(seed)
    story = Story(dice, tmp_path / "shop", sluice_bin)
    project = story.project
    story.put_orders()
    project.run("run")
    is_discarded = False
    for _ in range(2):
        story.break_it()
        story.put_orders()
        project.run("run", exit_code=None)  # a share that must hold may stop it
        if dice.random() < 0.7:
            project.run(*DISCARD, exit_code=None)
        story.mend_it()
        if dice.random() < 0.5:  # the table alone first, by the parents that are there
            project.run("quarantine", "replay", "orders", exit_code=None)
        project.run("run")
        done = project.run(*DISCARD, exit_code=None)
        is_discarded = done.returncode == 0 or is_discarded
        assert tables(project) == story.whole(tmp_path / "whole", is_discarded)
        for table in ("clean.orders", "quarantine.orders"):
            for record in project.records(table):
                rows = record.get("balance")
                if rows:
                    assert rows["in"] == rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"], record
    assert "nothing to do" in project.run("run").stdout
