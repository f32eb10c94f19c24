"""Random lives of a project: its files, contracts and models change, runs are killed, rolled back and replayed, and each time the tables must be
those of a lake that is built from scratch.

    python tests/e2e/lives.py --seeds 1-500,612 [--events 12] [--keep /tmp/lives]     many seeds; what fails is told with its story, and kept
"""
import json
import os
import random
import re
import shutil

import deltalake

from conftest import Project
from lives_beside import deliveries, plain
from lives_project import Shop, rendered

OWN = {"_ingested_at", "at", "run_id", "discarded_at"}
RUN_ENDS = {0, 3, 4, 5}  # done; a check failed; too many rejected; partial


class Failure(AssertionError):
    """The promise is broken."""


class Disk:
    """The files of all sources, and which of their rows raw must have: `parts` are the files as raw took them, each under the name that its rows bear."""

    def __init__(self, folder):
        self.folder, self.files, self.parts = folder, {}, []

    def put(self, name, content):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        self.files[name] = (content, file.stat().st_mtime_ns)

    def remove(self, name):
        (self.folder / name).unlink()
        del self.files[name]

    def move(self, name, to):
        (self.folder / name).rename(self.folder / to)
        self.files[to] = self.files.pop(name)

    def of(self, source):
        return sorted(name for name in self.files if name.startswith(f"data/{source}-"))

    def is_refused(self, name):
        return "_position" in self.files[name][0].partition("\n")[0]

    def is_left_alone(self, name, had, are_emptied_kept):
        """A file that cannot be read, or has lost its rows where that is not to be believed: raw keeps what it `had`."""
        return self.is_refused(name) or (are_emptied_kept and has_rows(had) and not has_rows(self.files[name][0]))

    def take(self, source, are_emptied_kept=False):
        """What an ingest does: docs/project.md, sources."""
        files = {name: self.files[name] for name in self.of(source)}
        parts = [dict(part) for part in self.parts if part["of"] == source]
        names = {part["name"]: part for part in parts}
        for name, file in files.items():
            there = names.get(name)
            if there and there["file"][0] == file[0]:
                continue
            for part in parts:  # renamed, perhaps over another one, whose rows go
                is_left = part["name"] not in files or files[part["name"]][0] != part["file"][0]
                if part is not there and is_left and part["file"] == file:
                    part["name"] = name
                    parts = [other for other in parts if other is not there]
                    break
        by_name, relabelled = {part["name"]: part for part in parts}, {}
        for name, file in files.items():
            part = by_name.get(name)
            if self.is_left_alone(name, part["file"][0] if part else "", are_emptied_kept):
                continue
            if part is None:
                parts.append({"of": source, "name": name, "source": name, "file": file})
            elif part["file"][0] != file[0]:
                relabelled[part["source"]] = name
                part.update(file=file, source=name)
            else:
                part["file"] = file
        for part in parts:
            if any(other is not part and other["source"] == part["source"] and other["name"] == other["source"] for other in parts):
                relabelled[part["source"]] = part["name"]
                part["source"] = part["name"]
        self.parts = [part for part in self.parts if part["of"] != source] + parts
        return relabelled


def has_rows(text):
    lines = text.strip().split("\n")
    return bool(lines[0]) and (lines[0].startswith("{") or len(lines) > 1)


class Life:
    def __init__(self, seed, folder, binary, is_killing=True, share=1.0):
        self.dice, self.looks, self.share = random.Random(seed), random.Random(seed), share
        self.project = Project(folder / "shop", binary)
        self.other = folder / "whole"
        self.disk = Disk(self.project.folder)
        self.shop = Shop(self.dice, self.disk)
        self.is_killing = is_killing
        self.told, self.published, self.is_rolled_back, self.marks = [], [], False, {}
        self.write_project()
        if not self.is_checked():
            self.shop.begin_plainly()
            self.write_project()

    def is_checked(self):
        """What check refuses is not done; but that no file has a column, where they must have all, the next file may change."""
        done = self.project.run("check", exit_code=None)
        codes = set(re.findall(r"error\[(SL\d+)\]", done.stdout + done.stderr))
        return done.returncode == 0 or (codes and codes <= self.stops())

    def stops(self):
        """Codes that a run may end with where the source says `fail`."""
        given = self.shop.settings
        return {"SL0710"} | ({"SL0304"} if given["missing_columns"] == "fail" else set())

    def tell(self, text):
        self.told.append(text)

    def write_project(self):
        shutil.rmtree(self.project.folder / "targets", ignore_errors=True)
        for path, text in rendered(self.shop.settings).items():
            self.project.write(path, text)

    # --- what happens

    def change(self):
        """One thing that somebody does to files, contracts or models."""
        before = json.dumps(self.shop.settings)
        self.tell(self.shop.change())
        self.write_project()
        if json.dumps(self.shop.settings) != before and not self.is_checked():
            self.tell("  which `check` refuses")
            self.shop.settings.update(json.loads(before))
            self.write_project()

    def run(self, *arguments, env=None, is_sure=True):
        """A run, and what raw has then."""
        versions = {source: self.version(f"raw.{source}") for source in ("customers", "orders")}
        done = self.project.run("run", "--json", *arguments, exit_code=None, env=env)
        is_whole = done.returncode == 0 and not arguments
        for source, version in versions.items():
            if is_whole or self.version(f"raw.{source}") != version:
                relabelled = self.disk.take(source, source == "orders" and self.shop.settings["emptied_files"] != "warn")
                self.marks = {(relabelled.get(name, name), position): rid for (name, position), rid in self.marks.items()}
        self.tell(f"  run {' '.join(arguments)} {env or ''} ended with {done.returncode}")
        is_too_early = done.returncode == 1 and arguments and ("does not exist yet" in done.stderr or "matches nothing" in done.stdout)
        self.marks_stay(is_sure and not env)
        is_stopped = done.returncode == 1 and any(code in done.stdout for code in self.stops())
        if done.returncode not in RUN_ENDS and not is_too_early and not is_stopped and not (env and done.returncode in (-9, 1)):
            raise Failure(f"run ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def version(self, table):
        return len(list((self.project.table_folder(table) / "_delta_log").glob("*.json")))

    def live(self, events):
        for _ in range(events):
            for _ in range(self.dice.choice([1, 1, 2, 2, 3])):
                self.change()
            self.act()
        self.look(self.run(), True)
        self.verify()

    def act(self):
        dice = self.dice.random()
        if dice < 0.12 and self.is_killing:
            self.run(env={"SLUICE_FAULT_KILL": str(self.dice.choice([self.dice.randint(1, 60), self.dice.randint(1, 250)]))})
            if self.dice.random() < 0.5:  # not of files: what raw has taken of them is not known
                self.change_settings()
                self.run(is_sure=False)
        elif dice < 0.15 and self.is_killing:
            self.run(env={"SLUICE_FAULT_FAIL": f"{self.dice.randint(1, 150)}:EIO"})
        elif dice < 0.18:
            self.run("--select", *self.dice.choice([["raw.orders"], ["clean.orders"], ["clean.customers"], ["+clean.orders"], ["curated.daily"],
                                                      ["clean.orders+"], ["raw.customers", "clean.customers"]]))
        elif dice < 0.26:
            self.tell(f"  replay ends with {self.project.run('quarantine', 'replay', 'orders', exit_code=None).returncode}")
        elif dice < 0.33:
            self.discard()
        elif dice < 0.38 and self.published:
            self.roll_back()
        if self.dice.random() < 0.15:
            return
        done = self.run()
        self.look(done)
        if self.dice.random() < 0.12:
            self.verify()
        if done.returncode == 0 and self.dice.random() < 0.2:
            self.develop()

    def change_settings(self):
        before = json.dumps(self.shop.settings)
        self.tell("after the kill: " + self.shop.change_contract())
        self.write_project()
        if not self.is_checked():
            self.shop.settings.update(json.loads(before))
            self.write_project()

    def develop(self):
        """Somebody tries a change in an environment that reads the tables of the lake."""
        before = json.dumps(self.shop.settings)
        self.tell("in dev: " + self.dice.choice([self.shop.change_contract, self.shop.change_model])())
        self.write_project()
        versions = self.versions()
        if self.is_checked():
            done = self.project.run("run", "--json", "--env", "dev", exit_code=None, env={"PLACE": "dev/out"})
            self.tell(f"  run --env dev ended with {done.returncode}")
            if done.returncode not in RUN_ENDS and not any(code in done.stdout for code in self.stops()):
                raise Failure(f"run --env dev ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
            other = self.whole()
            if done.returncode == 0 and other.run("run", exit_code=None).returncode == 0:
                expected = self.tables(other)
                for table, rows in self.tables(self.project, "dev/lake").items():
                    if table in expected and table != "curated.history":
                        self.compare(table, rows, expected[table], "in dev, as built from scratch")
        if self.versions() != versions:
            raise Failure(f"dev has written into the other lake: {self.versions()}, not {versions}")
        self.shop.settings.update(json.loads(before))
        self.write_project()

    def versions(self):
        return sorted(str(file) for place in ("lake", "out") for file in (self.project.folder / place).glob("*/*/_delta_log/*"))

    def discard(self):
        if self.version("quarantine.orders") == 0:
            return
        rules = [reason["rule"] for row in self.project.delta("quarantine.orders").to_pylist() for reason in row["reasons"]]
        if not rules:
            return
        rule = self.dice.choice(sorted(set(rules)))
        undo = ["--undo"] if self.dice.random() < 0.2 else ["--reason", "never meant", "--by", "ada"]
        done = self.project.run("quarantine", "discard", "orders", "--rule", rule, *undo, exit_code=None)
        self.tell(f"  discard {rule} {undo[0]} ends with {done.returncode}")
        self.marks = {place: rid for place, (rid, is_given_up) in self.rejected().items() if is_given_up}

    def rejected(self):
        if self.version("quarantine.orders") == 0:
            return {}
        rows = self.project.delta("quarantine.orders").to_pylist()
        return {(row["_source"], row["_position"]): (json.loads(row["payload"] or "{}").get("rid"), bool(row.get("discard_reason")))
                for row in rows}

    def marks_stay(self, is_sure):
        """What was given up stays so as long as the row is there and rejected."""
        rejected = self.rejected()
        for place, (rid, is_given_up) in rejected.items():
            if is_sure and is_given_up != (self.marks.get(place, "") == rid):
                raise Failure(f"the row {rid} at {place} was {'not ' if is_given_up else ''}given up")
        self.marks = {place: rid for place, (rid, is_given_up) in rejected.items() if is_given_up}

    def roll_back(self):
        run, parts, tables = self.dice.choice(self.published)
        done = self.project.run("rollback", run, "--to", exit_code=None)
        self.tell(f"  rollback {run} --to ends with {done.returncode}")
        if done.returncode != 0:
            raise Failure(f"rollback ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        self.disk.parts = [dict(part) for part in parts]
        self.is_rolled_back = True
        self.marks_stay(False)
        now = self.tables(self.project)
        for table, rows in tables.items():
            if table.startswith("curated") and self.shop.write_of(table[8:]) in (None, "view"):
                continue
            self.compare(table, now.get(table, ([], [])), rows, "as it was published")

    # --- what must be so

    def look(self, done, is_last=False):
        self.balances_close()
        if not is_last and self.looks.random() > self.share:
            return
        if done.returncode == 0 and "nothing to do" not in self.project.run("run").stdout:
            raise Failure("a second run has something to do")
        other = self.whole()
        ended = other.run("run", "--json", exit_code=None)
        if done.returncode == 0 and ended.returncode == 0:
            self.whole_balances(other)
            tables, expected = self.tables(self.project), self.tables(other)
            for table in sorted(set(tables) | set(expected)):
                if not table.startswith("curated.history"):
                    self.compare(table, tables.get(table, ([], [])), expected.get(table, ([], [])), "as built from scratch")
            self.history(tables)
            self.delivered(tables)
            document = json.loads(done.stdout.splitlines()[0] if done.stdout.startswith('{"') else done.stdout)
            publication = document.get("publication") or {}
            if document.get("run_id") and publication.get("number") and not publication.get("withheld"):
                self.published.append((document["run_id"], [dict(part) for part in self.disk.parts], tables))
        elif (done.returncode == 0) != (ended.returncode == 0) and not self.shop.depends_on_cuts() and not self.is_held_back():
            raise Failure(f"the run ended with {done.returncode}, the one from scratch with {ended.returncode}\n"
                          f"{done.stdout[-2500:]}\n{done.stderr[-1500:]}\n--- from scratch\n{ended.stdout[-2500:]}\n{ended.stderr[-1500:]}")

    def whole(self):
        shutil.rmtree(self.other, ignore_errors=True)
        other = Project(self.other, self.project.binary)
        # What raw has counts: whether a file may lack columns or lose its rows was asked when it came.
        for path, text in rendered({**self.shop.settings, "missing_columns": "empty", "emptied_files": "warn"}).items():
            other.write(path, text)
        for part in self.disk.parts:
            file = other.write(part["source"], part["file"][0])
            os.utime(file, ns=(part["file"][1], part["file"][1]))
        return other

    def balances_close(self):
        for table in ("raw.orders", "raw.customers", "clean.orders", "clean.customers", *(f"curated.{model}" for model in self.shop.settings["models"])):
            records = self.project.records(table) if self.version(table) else []
            balances = [record["balance"] for record in records if record.get("balance")]
            for rows in balances:
                if rows["in"] != rows["out"] + rows["quarantined"] + rows["deduplicated"] + rows["filtered"]:
                    raise Failure(f"{table}: the balance {rows} does not close")
            if table.startswith("clean") and not self.is_rolled_back and balances:
                kept = sum(rows["out"] - rows["replaced"] for rows in balances)
                if kept != self.project.count(table):
                    raise Failure(f"{table} has {self.project.count(table)} rows, its balances say {kept}: {balances}")

    def whole_balances(self, other):
        """Each row of raw is in one place."""
        for name in ("orders", "customers"):
            if not (other.table_folder(f"clean.{name}") / "_delta_log").exists():
                continue
            rows = other.records(f"clean.{name}")[-1]["balance"]
            rejected = [row for row in other.delta(f"quarantine.{name}").to_pylist() if not row.get("set_aside")]
            found = (other.count(f"raw.{name}"), other.count(f"clean.{name}"), len(rejected))
            if found != (rows["in"], rows["out"], rows["quarantined"]):
                raise Failure(f"{name}: raw, clean and quarantine have {found} rows, the balance is {rows}")

    def is_held_back(self):
        """The files of now are not what raw has, or not what clean takes."""
        given = self.shop.settings
        return given["missing_columns"] == "fail" or given["emptied_files"] == "fail" or any(map(self.disk.is_refused, self.disk.of("orders")))

    def delivered(self, tables):
        """What targets hold is what the tables hold."""
        for name, table, read in deliveries(self.project.folder, rendered(self.shop.settings)):
            if table in tables:
                rows = [{column: value for column, value in row.items() if value is not None} for row in self.project.delta(table).to_pylist()]
                if sorted(map(plain, rows)) != sorted(map(plain, read())):
                    raise Failure(f"{name} has {sorted(map(plain, read()))}\n  and {table} {sorted(map(plain, rows))}")

    def tables(self, project, lake="lake"):
        """(columns, rows) of each table; columns in which nothing is are left out."""
        found = {}
        for log in sorted((project.folder / lake).glob("*/*/_delta_log")):
            table = f"{log.parent.parent.name}.{log.parent.name}"
            if table.startswith("curated.") and self.shop.write_of(table[8:]) in (None, "view"):
                continue
            data = deltalake.DeltaTable(str(log.parent)).to_pyarrow_table()
            rows = data.to_pylist()
            drop = set() if not table.startswith("quarantine") else {"discarded_by", "discard_reason"}
            names = sorted(name for name in data.column_names if name not in OWN | drop and any(row[name] is not None for row in rows))
            for row in rows:  # what raw alone has is in the order of its columns
                for name in {"reasons", "set_aside"} & set(row):
                    row[name] = row[name] and sorted(row[name], key=repr)
                if row.get("payload"):
                    row["payload"] = {name: value for name, value in json.loads(row["payload"]).items() if value is not None}
            found[table] = names, sorted(repr([canonical(row[name]) for name in names]) for row in rows)
        return found

    def compare(self, table, found, expected, how):
        if found == expected:
            return
        lost = [row for row in expected[1] if row not in found[1]]
        more = [row for row in found[1] if row not in expected[1]]
        raise Failure(f"{table} is not {how}: {len(found[1])} rows, not {len(expected[1])}\ncolumns {found[0]}\n    not {expected[0]}\n"
                      "missing:\n  " + "\n  ".join(lost[:6]) + "\nwhat should not be there:\n  " + "\n  ".join(more[:6]))

    def history(self, tables):
        if "curated.history" not in tables:
            return
        rows = self.project.delta("curated.history").to_pylist()
        current = [row["id"] for row in rows if row["is_current"]]
        keys = {row["id"] for row in self.project.delta("clean.orders").to_pylist() if row["day"] is not None}
        if len(current) != len(set(current)) or not keys <= set(current):
            raise Failure(f"curated.history has {sorted(current)} as current, clean {sorted(keys)}")

    def verify(self):
        done = self.project.run("verify", "--json", exit_code=None)
        if done.returncode not in (0, 1) or not done.stdout.strip():
            if "no publication" in done.stderr or "nothing" in done.stderr:
                return
            raise Failure(f"verify ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        for table in json.loads(done.stdout)["tables"]:
            is_free = table["table"] == "curated.history"
            if table["result"] in ("differs", "failed", "not verifiable") and not is_free:
                raise Failure(f"verify: {json.dumps(table, indent=1)[:3000]}")


def canonical(value):
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in sorted(value.items())}
    return str(value) if value is not None else None


def main():
    import argparse
    import pathlib
    import tempfile
    import traceback

    from conftest import program

    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--events", type=int, default=8)
    parser.add_argument("--share", type=float, default=1.0, help="of the runs that are compared with one from scratch; the last one always is")
    parser.add_argument("--keep", type=pathlib.Path, help="where lives that fail are kept")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    ranges = [piece.partition("-") for piece in options.seeds.split(",")]
    for seed in [seed for first, _, last in ranges for seed in range(int(first), int(last or first) + 1)]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"life-{seed}-", dir=options.keep))
        life = None
        try:
            life = Life(seed, folder, program("SLUICE_FAULT_BIN", "fault"), share=options.share)
            life.live(options.events)
            print(f"{seed} ok", flush=True)
            shutil.rmtree(folder)
        except Exception as error:  # noqa: BLE001: the next seed goes on
            story = "\n".join(life.told) if life else ""
            text = str(error) if isinstance(error, Failure) else traceback.format_exc()
            print(f"{seed} FAILED in {folder}\n{story}\n{text}\n", flush=True)
            (folder / "failure.txt").write_text(f"{story}\n{text}\n")


if __name__ == "__main__":
    main()
