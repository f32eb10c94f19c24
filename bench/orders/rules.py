"""Contracts over the orders with as many rules as asked for: in each round one rule of every column, then rules over the row."""
import json

TYPES = {
    "order_id": "logicalType: integer",
    "customer_id": "logicalType: integer",
    "order_date": "logicalType: date",
    "amount": "logicalType: number, physicalType: 'decimal(12,2)'",
    "currency": "logicalType: string",
    "quantity": "logicalType: integer, physicalType: int",
    "country": "logicalType: string",
    "email": "logicalType: string",
    "status": "logicalType: string",
    "updated_at": "logicalType: date, physicalType: timestamp",
}
ANYWHERE = [
    {"kind": "trimmed"},
    {"kind": "printable"},
    {"kind": "not_in", "values": ["N/A", "null", "unknown", "test"]},
    {"kind": "not_pattern", "pattern": "[<>{}]"},
]
NUMBERS = [
    {"kind": "range", "min": -1000, "max": 2000000000},
    {"kind": "not_in", "values": ["-999", "999999999"]},
    {"kind": "multiple_of", "of": 0.01},
    {"kind": "range", "min": -100000},
    {"kind": "range", "max": 1999999999},
    {"kind": "not_in", "values": ["-1", "-2", "-99"]},
    {"kind": "range", "min": -10000, "max": 1000000000},
]
TEXTS = {
    "currency": [
        {"kind": "enum", "values": ["EUR", "USD", "GBP", "CHF", "SEK", "PLN", "DKK", "CZK"]},
        {"kind": "length", "min": 3, "max": 3},
        {"kind": "case", "is": "upper"},
        {"kind": "pattern", "pattern": "^[A-Z]{3}$"},
        {"kind": "format", "format": "currency"},
    ],
    "country": [
        {"kind": "pattern", "pattern": "^[A-Z]{2}$"},
        {"kind": "length", "min": 2, "max": 2},
        {"kind": "case", "is": "upper"},
        {"kind": "format", "format": "country"},
        {"kind": "not_in", "values": ["XX", "ZZ"]},
    ],
    "email": [
        {"kind": "pattern", "pattern": "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$"},
        {"kind": "length", "min": 5, "max": 200},
        {"kind": "contains", "values": ["@"]},
        {"kind": "not_pattern", "pattern": "(?i)^test@"},
        {"kind": "suffix", "values": [".example", ".org"]},
    ],
    "status": [
        {"kind": "enum", "values": ["new", "paid", "shipped", "delivered", "returned"]},
        {"kind": "length", "min": 3, "max": 20},
        {"kind": "case", "is": "lower"},
        {"kind": "pattern", "pattern": "^[a-z]+$"},
        {"kind": "not_in", "values": ["lost", "open"]},
    ],
}
DATES = [
    {"kind": "range", "min": "2025-01-01", "max": "2026-12-31"},
    {"kind": "past"},
    {"kind": "range", "min": "2000-01-01"},
    {"kind": "range", "max": "2099-12-31"},
    {"kind": "not_in", "values": ["1970-01-01", "1900-01-01"]},
    {"kind": "age", "max_age": "36500d"},
    {"kind": "weekday", "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]},
]
ROWS = [
    {"kind": "compare", "column": "updated_at", "op": ">=", "to": "order_date"},
    {"expression": "amount >= 0 or status = 'returned'"},
    {"expression": "quantity between 1 and 1000"},
    {"kind": "one_of_columns", "columns": ["email", "customer_id"]},
    {"expression": "amount * quantity < 1e9"},
    {"kind": "required_if", "column": "currency", "when": "amount > 0"},
    {"kind": "all_or_none", "columns": ["amount", "currency"]},
    {"kind": "different", "columns": ["currency", "country"]},
    {"kind": "in_order", "columns": ["order_date", "updated_at"]},
    {"expression": "not (country = 'CH' and currency = 'XXX')"},
    {"expression": "email like '%@%'"},
    {"expression": "customer_id <> 0 and order_id <> 0"},
]


def column_rules(name, kind):
    required = [{"required": True}]
    if kind.startswith("logicalType: string"):
        own = TEXTS[name]
        return own[:1] + required + own[1:] + ANYWHERE
    if "date" in kind:
        return DATES[:1] + required + DATES[1:]
    return NUMBERS[:1] + required + NUMBERS[1:]


def choose(count):
    """(column or None, rule), in the order in which a contract grows."""
    columns = {name: column_rules(name, kind) for name, kind in TYPES.items()}
    order = ["amount", "currency", "quantity", "country", "email", "status", "order_date", "order_id", "customer_id", "updated_at"]
    chosen = [(name, columns[name][at]) for at in range(10) for name in order if at < len(columns[name])]
    chosen = chosen[:100 - len(ROWS)] + [(None, rule) for rule in ROWS] if count >= 100 else chosen
    return chosen[:count]


def contract(count):
    rules = choose(count)
    if len(rules) != count:
        raise ValueError(f"{len(rules)} rules instead of {count}")
    lines = ["apiVersion: v3.0.2", "kind: DataContract", "id: bench-rules", "name: orders", "version: 1.0.0", "status: active", "schema:", "  - name: orders"]
    rows = [rule for name, rule in rules if name is None]
    if rows:
        lines.append("    quality:")
        lines += [f"      - {{name: row.{at}, type: custom, engine: sluice, implementation: {json.dumps(rule)}}}" for at, rule in enumerate(rows)]
    lines.append("    properties:")
    for name, kind in TYPES.items():
        own = [rule for column, rule in rules if column == name]
        required = ", required: true" if {"required": True} in own else ""
        own = [rule for rule in own if "required" not in rule]
        lines.append(f"      - name: {name}\n        " + (kind + required).replace(", ", "\n        "))
        if own:
            lines.append("        quality:")
        lines += [f"          - {{name: '{name}.{rule['kind']}.{at}', type: custom, engine: sluice, implementation: {json.dumps(rule)}}}"
                  for at, rule in enumerate(own)]
    return "\n".join(lines).replace("'decimal(12\n        2)'", "'decimal(12,2)'") + "\n"


if __name__ == "__main__":
    import sys

    print(contract(int(sys.argv[1])), end="")
