"""What targets hold in a random life, read back by other programs."""
import sqlite3

import duckdb
import yaml

READERS = {"csv": "read_csv('{}/**/*.csv', all_varchar=true, union_by_name=true, hive_partitioning=true)",
           "jsonl": "read_json('{}/**/*.jsonl', union_by_name=true, hive_partitioning=true, convert_strings_to_integers=false)",
           "parquet": "read_parquet('{}/**/*.parquet', union_by_name=true, hive_partitioning=true)"}


def deliveries(folder, files):
    """(name, table, function that reads its rows) of each delivery that the project's files have."""
    for path, text in files.items():
        if path.startswith("targets/"):
            target = yaml.safe_load(text.replace("${env:PLACE}", "out"))
            for delivery in target["deliver"]:
                yield f"{path}: {delivery['to']}", delivery["table"], reader(target["type"], folder / target["path"], delivery["to"])


def reader(kind, place, name):
    def of_sqlite():
        with sqlite3.connect(place) as database:
            found = database.execute(f'select * from "{name}"')
            return [dict(zip([column[0] for column in found.description], row)) for row in found]

    def of_files():
        if not list((place / name).rglob(f"*.{kind}")):
            return []
        return duckdb.connect().execute(f"select * from {READERS[kind].format(place / name)}").to_arrow_table().to_pylist()

    return of_sqlite if kind == "sqlite" else of_files


def plain(row):
    """A row as a text that is the same whatever a format makes of its types."""
    return repr(sorted((name, number(value)) for name, value in row.items() if value is not None))


def number(value):
    text = str(value)
    if text.endswith(" 00:00:00"):
        return text[:10]
    try:
        return f"{float(text):.6g}"
    except ValueError:
        return text
