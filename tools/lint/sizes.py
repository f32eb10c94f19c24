#!/usr/bin/env python3
"""Check the sizes that docs and STYLE name: files of at most 800 lines, functions of at most 100 lines and 6 inputs."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_LINES, FUNCTION_LINES, PARAMETERS = 800, 100, 6
KNOWN = {"sl_opt_read": 7, "sl_yaml_parse": 7, "sl_query_read": 7,  # may shrink, not grow
         "on_request": 8}  # libmicrohttpd calls it so
LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|//[^\n]*')


def parameters(head):
    """Number of inputs in a function's head. Outputs (ret, ret_...) and the error do not count: every fallible function has them."""
    depth, texts = 0, [""]
    for character in head[head.index("(") + 1 :]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
        if character == "," and depth == 0:
            texts.append("")
        else:
            texts[-1] += character
    return sum(not re.search(r"^\s*(void|\.\.\.)?\s*$|\b(err|ret|ret_\w+)(\[\w*\])?\s*$", text) for text in texts)


def functions(lines):
    """(first line, head, length) of each function: clang-format puts its braces alone into the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            first = start - 1
            while first > 1 and not lines[first - 1][:1].isalpha():
                first -= 1
            head = " ".join(lines[first - 1 : start - 1])
            if "(" in head:
                yield first, head, number - first + 1
            start = None


def check(file):
    text = file.read_text()
    lines = LITERAL.sub("", text).split("\n")
    place = file.relative_to(ROOT)
    if len(lines) - 1 > FILE_LINES:
        yield f"{place}: {len(lines) - 1} lines, at most {FILE_LINES}"
    for first, head, length in functions(lines):
        name = re.search(r"(\w+)\s*\(", head)[1]
        if length > FUNCTION_LINES:
            yield f"{place}:{first}: {name} has {length} lines, at most {FUNCTION_LINES}"
        limit = KNOWN.get(name, PARAMETERS)
        if parameters(head) > limit:
            yield f"{place}:{first}: {name} takes {parameters(head)} inputs, at most {limit}"


def main():
    files = [f for folder in ("src", "tests") for f in sorted((ROOT / folder).rglob("*.[ch]"))]
    complaints = [c for file in files for c in check(file)]
    print("\n".join(complaints), end="\n" if complaints else "")
    return bool(complaints)


sys.exit(main())
