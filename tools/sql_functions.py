#!/usr/bin/env python3
"""Write src/sql/functions.def: what each built-in function of the engine does to rows.

Run with a Python that has the duckdb module of the engine's version:
    python3 tools/sql_functions.py > src/sql/functions.def
"""
import duckdb

UNNESTING = {"unnest", "unlist", "generate_subscripts", "regexp_split_to_table"}
# Macros over aggregates; the engine lists them like any other macro.
AGGREGATES = {"geomean", "geometric_mean", "json_group_array", "json_group_object", "json_group_structure", "wavg",
              "weighted_avg"}
# Read the clock or the session, whatever the engine says of them.
VOLATILE = {"ago", "current_localtime", "current_localtimestamp", "current_setting", "get_block_size", "getvariable",
            "get_current_time", "get_current_timestamp"}
DETERMINISTIC = {"error"}  # volatile only to keep it from being folded
PER_LINE = 4


def kind_of(name, types, stabilities):
    if name in UNNESTING:
        return "UNNEST"
    if name in AGGREGATES or "aggregate" in types:
        return "AGGREGATE"
    if name in VOLATILE or (stabilities - {"CONSISTENT", None} and name not in DETERMINISTIC):
        return "VOLATILE"
    return "SCALAR"


def main():
    rows = duckdb.connect().execute(
        "select lower(function_name), function_type, stability from duckdb_functions() "
        "where function_type in ('scalar', 'aggregate', 'macro') and schema_name = 'main'").fetchall()
    kinds = {name: "UNNEST" for name in UNNESTING}
    for name in {row[0] for row in rows}:
        same = [row for row in rows if row[0] == name]
        kinds[name] = kind_of(name, {row[1] for row in same}, {row[2] for row in same})
    print(f"// Built-in functions of DuckDB {duckdb.__version__}, by name in byte order. "
          "Written by tools/sql_functions.py.")
    items = [f'SL_FN("{name}", {kind})' for name, kind in sorted(kinds.items(), key=lambda item: item[0].encode())]
    for start in range(0, len(items), PER_LINE):
        print(" ".join(items[start:start + PER_LINE]))


main()
