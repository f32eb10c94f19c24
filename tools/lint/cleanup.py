#!/usr/bin/env python3
"""Check that every SL_AUTO local is initialised where it is declared: else an early return clears what was never set."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BARE = re.compile(r"SL_AUTO\(\w+\)\s+[^;=()]+;")


def main():
    wrong = 0
    for file in sorted((ROOT / "src").rglob("*.c")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if BARE.search(line):
                print(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
                wrong += 1
    return wrong > 0


sys.exit(main())
