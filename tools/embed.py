#!/usr/bin/env python3
"""Writes files as a C table: embed.py OUTPUT.c ROOT FILE... (paths are kept relative to ROOT)."""
import sys
from pathlib import Path

output, root = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
lines = ['#include "cli/templates.h"', ""]
rows = []
for index, name in enumerate(sorted(sys.argv[3:])):
    path = Path(name).resolve()
    data = path.read_bytes()
    body = ",".join(str(byte) for byte in data)
    lines.append(f"static const unsigned char file_{index}[] = {{{body},0}};")
    rows.append(f'    {{"{path.relative_to(root).as_posix()}", (const char *)file_{index}, {len(data)}}},')
lines += ["", "const struct sl_template_file sl_template_files[] = {", *rows, "    {0},", "};", ""]
output.write_text("\n".join(lines))
