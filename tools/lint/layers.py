#!/usr/bin/env python3
"""Check the include rule: a layer includes itself and lower layers only, and no plug-in sees another."""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
LAYERS = ["cli", "serve", "observe", "notify", "run", "step", "plan", "contract", "sql", "spec", "api", "data", "schedule", "base"]  # top to bottom
PLUG_INS = ["connect", "engine", "table", "state", "check"]  # each of their folders (or check files) stands alone
PLUG_IN_MAY_SEE = ["api", "data", "base"]
# Plug-ins are reached through api headers and kinds.c. The lake's own table format is no choice of the user: its commit is the
# checkpoint of every step, so what works with positions includes it.
MAY_SEE_TABLE = ["cli", "serve", "observe", "notify", "run", "step", "plan"]
SEES_ALL = ["kinds.c", "main.c"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def home(path):
    """The unit that a path below src belongs to: "spec", "connect/file", "check"."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] in PLUG_INS and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def is_allowed(user, used):
    if user == used or user in SEES_ALL:
        return True
    user_top, used_top = user.split("/")[0], used.split("/")[0]
    if user_top in PLUG_INS:
        return used_top in PLUG_IN_MAY_SEE or used == user_top
    if used_top == "table":
        return user_top in MAY_SEE_TABLE
    if used_top in PLUG_INS or used_top not in LAYERS or user_top not in LAYERS:
        return False
    return LAYERS.index(used_top) > LAYERS.index(user_top)


def main():
    wrong = 0
    for file in sorted(SRC.rglob("*.[ch]")):
        user = home(file.relative_to(SRC).as_posix())
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and "/" in match[1] and not is_allowed(user, home(match[1])):
                print(f"{file.relative_to(SRC.parent)}:{number}: {user} must not include {match[1]}")
                wrong += 1
    return wrong > 0


sys.exit(main())
