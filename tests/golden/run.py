#!/usr/bin/env python3
"""Run the golden cases: run.py PROGRAM [--record] [CASE]...

A case in tests/golden/check is a project folder whose expect.txt holds all that `sluice check` says of it, with lines and carets.
A case in tests/golden/tables:
  project/            the project with its input
  then-1/, then-2/    optional: files laid over the project before a second and a third run
  expect/TABLE.csv    the rows of a table after the last run, sorted; the head line holds what to select: columns, expressions
  exits               optional: the exit code of each run, separated by blanks (default: all 0)
After the last run one more must change no table. --record writes what was found into expect/ or expect.txt. Prints TAP.
"""
import argparse
import csv
import difflib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

GOLDEN = pathlib.Path(__file__).resolve().parent


class Failure(Exception):
    pass


def sluice(program, folder, *arguments, exits=0):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    environment.update(NO_COLOR="1", TZ="UTC")
    done = subprocess.run([program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != exits:
        raise Failure(f"sluice {' '.join(arguments)}: exit code {done.returncode}, expected {exits}\n{done.stdout}{done.stderr}")
    return done.stdout


def rows(program, folder, table, columns):
    text = sluice(program, folder, "query", f"select {', '.join(columns)} from {table} order by all", "--format", "csv", "--limit", "0")
    return list(csv.reader(io.StringIO(text)))[1:]


def versions(program, folder):
    nodes = json.loads(sluice(program, folder, "ls", "--json"))["nodes"]
    return {node["name"]: node["version"] for node in nodes}


def write(file, found):
    with file.open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(found)


def check_case(program, case, folder, record):
    shutil.copytree(case, folder)
    file = case / "expect.txt"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    environment.update(NO_COLOR="1", TZ="UTC")
    done = subprocess.run([program, "check"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    found = done.stderr.replace(str(folder.resolve()), "PROJECT")
    if record:
        file.write_text(found)
    elif found != file.read_text():
        raise Failure("\n".join(difflib.unified_diff(file.read_text().splitlines(), found.splitlines(), "expected", "found", lineterm="")))
    if done.returncode != ("error[" in found):
        raise Failure(f"sluice check: exit code {done.returncode}")


def run_case(program, case, folder, record):
    shutil.copytree(case / "project", folder)
    layers = [None, *sorted(case.glob("then-*"))]
    file = case / "exits"
    exits = [int(code) for code in file.read_text().split()] if file.exists() else [0] * len(layers)
    for layer, code in zip(layers, exits, strict=True):
        if layer:
            shutil.copytree(layer, folder, dirs_exist_ok=True)
        sluice(program, folder, "run", exits=code)
    for file in sorted((case / "expect").glob("*.csv")):
        expected = list(csv.reader(file.open(newline="")))
        found = rows(program, folder, file.stem, expected[0])
        if record:
            write(file, [expected[0], *found])
        elif found != expected[1:]:
            wrong = [f"- {row}" for row in expected[1:] if row not in found] + [f"+ {row}" for row in found if row not in expected]
            raise Failure(f"{file.stem}: {len(found)} rows, expected {len(expected) - 1}\n" + "\n".join(wrong[:20]))
    if exits[-1] == 0:
        before = versions(program, folder)
        sluice(program, folder, "run")
        if versions(program, folder) != before:
            raise Failure("a run on unchanged input changed a table")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.program).resolve())
    cases = sorted(case for kind in ("check", "tables") for case in (GOLDEN / kind).iterdir()
                   if case.is_dir() and (not arguments.cases or case.name in arguments.cases))
    print(f"1..{len(cases)}")
    failed = False
    for number, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory(prefix="sluice-golden-") as folder:
            try:
                run = check_case if case.parent.name == "check" else run_case
                run(program, case, pathlib.Path(folder) / "project", arguments.record)
                print(f"ok {number} {case.name}", flush=True)
            except Failure as failure:
                failed = True
                print(f"not ok {number} {case.name}\n# " + str(failure).replace("\n", "\n# "), flush=True)
    return failed


sys.exit(main())
