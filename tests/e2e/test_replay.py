"""A changed contract: only the rows that it can affect are read again, and the tables are what reading all of them would give.

Random contracts are changed in random ways, several times over, with new rows in between; values_model.py says what must come of it.
"""
import copy
import shutil
from dataclasses import replace
from random import Random

import pytest

from conftest import Project, rows_of
from test_kill import PROJECT, balances_close, contents, make, operations
from test_values_model import ROWS, Case, assert_as_judged
from values_cases import EXPRESSIONS, VALID_VALUES, only_where

CHANGES = 8
CONDITIONS = [("flag0", lambda values: values["flag0"]), ("whole1 is null", lambda values: values["whole1"] is None),
              ("text1 <> 'abc'", lambda values: None if values["text1"] is None else values["text1"] != "abc")]
RECEIVED = "_source, _position, payload, reasons, corrupt"


def change_rules(random, kind, column):
    """Takes one rule away, or puts another in the place of one that is there."""
    name = random.choice(sorted(column.rules) or ["not_in" if kind in VALID_VALUES else "range"])
    if name == "not_in" and name not in column.rules and random.random() < 0.5:
        column.rules[name] = random.sample(VALID_VALUES[kind], 2)
        return
    if name not in column.rules or random.random() < 0.4:
        column.rules.pop(name, None)
    elif name == "range":
        column.rules[name] = random.choice([10, 100, 1000, 100000])
    elif name == "length":
        column.rules[name] = random.choice([1, 2, 3])
    elif name == "pattern":
        column.rules[name] = random.choice(["^[^5]", "^.{0,10}$", "[0-9]$", "^[^ ]", "."])
    elif name == "not_in":
        column.rules[name] = random.sample(VALID_VALUES[kind], random.choice([1, 2, 3]))
    elif name == "prefix":
        column.rules[name] = random.sample(["a", "A", "N", " ", "x"], random.choice([2, 3, 4]))
    else:
        column.rules[name] = random.sample(VALID_VALUES[kind], len(VALID_VALUES[kind]) - 1)


def change_column(random, column):
    kind = column.name.rstrip("0123456789")
    what = random.choice(["severity", "rules", "rules", "required", "default", "nulls"])
    if what == "severity":
        column.severity = "warn" if column.severity != "warn" else "reject"
    elif what == "rules":
        change_rules(random, kind, column)
    elif what == "required":
        column.is_required = not column.is_required
    elif what == "default":
        column.default = None if column.default is not None else column.type.default
        column.rules.pop("pattern", None)
    else:
        column.null_texts = [*(column.null_texts or [""]), random.choice(["none", "N/A", "-", "7"])]


def change_expressions(random, expressions):
    """Another severity of one rule over the row, or a condition for it, or none, or the rule is gone or back."""
    chosen = random.choice(EXPRESSIONS)
    changed = [expression for expression in expressions if expression.name != chosen.name]
    if len(changed) < len(expressions) and random.random() < 0.3:
        return changed
    options = chosen.options or {"expression": chosen.sql}
    holds = chosen.holds
    if "where" not in options and random.random() < 0.6:
        sql, condition = random.choice(CONDITIONS)
        options, holds = {**options, "where": sql}, only_where(condition, chosen.holds)
    changed.append(replace(chosen, options=options, holds=holds, severity=random.choice(["reject", "warn"])))
    return sorted(changed, key=lambda expression: [known.name for known in EXPRESSIONS].index(expression.name))


class Story(Case):
    """A case whose contract changes."""

    def change(self, random):
        self.columns = copy.deepcopy(self.columns)
        for column in random.sample(self.columns[:-3], random.choice([1, 1, 1, 2])):
            change_column(random, column)
        if random.random() < 0.5:
            self.expressions = change_expressions(random, self.expressions)
        self.judge()

    def rewrite_contract(self, project, has_key):
        fresh = self.project("fresh", has_key)
        project.write("contracts/t.odcs.yml", (fresh.folder / "contracts" / "t.odcs.yml").read_text())


def quarantine_of(project):
    return rows_of(project.delta("quarantine.t"), RECEIVED)


@pytest.mark.parametrize("has_key", [False, True], ids=["events", "keyed"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in (2, 3, 4))])
def test_changed_contracts_come_to_what_reading_everything_again_would_give(seed, has_key, tmp_path, sluice_bin):
    story, random = Story(seed, tmp_path, sluice_bin), Random(seed)
    project = story.project("story", has_key)
    story.write(project, "batch-0", range(0, ROWS, 2))
    project.run("run")
    copies, causes = dict.fromkeys(range(0, ROWS, 2), 1), []
    for number in range(1, CHANGES + 1):
        story.change(random)
        story.rewrite_contract(project, has_key)
        if number == CHANGES // 2:
            story.write(project, "batch-1", range(1, ROWS, 2))
            copies = dict.fromkeys(range(ROWS), 1)
        steps = project.json("run")["steps"]
        causes += [step["why"] for step in steps if step["step"] == "cleanse t"]
        assert_as_judged(project, story, copies)
        assert_balances_close(project)
    quarantine = quarantine_of(project)
    project.run("run", "--full-refresh", "--select", "clean.t")
    assert quarantine_of(project) == quarantine
    assert_as_judged(project, story, copies)
    assert any("read again" in why for why in causes), causes


def assert_balances_close(project):
    """What clean holds is what its commits say."""
    balances = [record["balance"] for record in project.records("clean.t") if record.get("balance")]
    for balance in balances:
        assert balance["in"] == balance["out"] + balance["quarantined"] + balance["deduplicated"] + balance["filtered"]
    assert project.count("clean.t") == sum(balance["out"] - balance["replaced"] for balance in balances)


# --- killed on the way

ORDERS = "contracts/orders.odcs.yml"
STRICT, MENDED = "{minimum: 0}", "{minimum: -5}"


def with_contract(project, mended):
    text = PROJECT[ORDERS]
    assert STRICT in text
    project.write(ORDERS, text.replace(STRICT, MENDED) if mended else text)
    return project


@pytest.mark.parametrize("is_put_back", [False, True], ids=["mended", "put-back"])
def test_a_replay_killed_anywhere_is_healed_by_the_next_run(is_put_back, tmp_path, fault_bin):
    """With the mended contract, and with the one before, which then is the one that clean was made by."""
    base = make(tmp_path / "base", fault_bin, 1)
    base.run("run")
    strict = contents(base)
    mended = contents(run(with_contract(copied(base, tmp_path / "whole"), True)))
    assert len(mended["clean.orders"]) > len(strict["clean.orders"])
    total = operations(with_contract(copied(base, tmp_path / "probe"), True), fault_bin)
    for kill in range(1, total + 1, 3):
        project = with_contract(copied(base, tmp_path / "killed"), True)
        project.run("run", exit_code=-9, env={"SLUICE_FAULT_KILL": str(kill)})
        run(with_contract(project, not is_put_back))
        assert contents(project) == (strict if is_put_back else mended), f"killed at operation {kill} of {total}"
        balances_close(project)


def copied(project, folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project.folder, folder)
    return Project(folder, project.binary)


def run(project):
    project.run("run")
    return project
