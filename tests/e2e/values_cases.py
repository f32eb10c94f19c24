"""Random contracts and rows for test_values_model.py: the same ones for the same seed."""
from values_model import (Column, Expression, Type, read_boolean, read_date, read_decimal, read_double, read_integer, read_object,
                          read_text, read_time, read_timestamp)

WHOLE = ["", "- ", "+ ", "1 2", "1\x0b", "\x0b5", "\u0663", "1." + "0" * 53 + "1", "0" * 46 + "7", "9" * 44] + """
    7 +5 -0 0 007 3.0 3. 3.7 1e3 2.5e0 1_0 1_000 1,000 0x10 2147483647 2147483648 -2147483648 -2147483649 9223372036854775807
    9223372036854775808 - + . .0 5. .5 -1 1.0000000000000000000000 12a NaN inf --5""".split()
AMOUNTS = WHOLE + ["12.50 EUR", "1.4" + "9" * 40] + """
    12.5 12 .5 1.50000 1.005 1.00 1e2 1,5 -0.00 +.25 1234567.89 12345678.90 9999999.99 10000000 9999999.995 -.5 0.001 0.010 007.10
    1_0.5 infinity""".split()
RATIOS = WHOLE + ["1" * 308, "1" * 310] + """
    1.5 1E-3 1e400 -1e400 nan 1,5 1. 1e e1 0x1p3 -0.0 1e-400 123456789012345678901234567890 0.1 1.7976931348623157e308 1..2 1.2.3
    4.9e-324 9007199254740993""".split()
FLAGS = "true t yes y 1 false f no n 0 TRUE True YES on off 2 tru T Y N F 1.0".split() + [""]
DAYS = ["", "2024-02-29 00:00:00.000000", "2024-02-29 00:00", "2024-02-29 (BC)", "2024-02-29 24:00:00", "\u0662024-01-01"] + """
    2024-02-29 2024-02-29T00:00:00 2024-02-31 2024-1-5 2024/01/05 2024-01-05T10:00:00 0000-01-01 0001-01-01 9999-12-31 10000-01-01
    -0001-01-01 2024-02-29Z 2024-02-29T00:00:00Z 2024-02-29T00:00:00+02 infinity epoch 20240229 2023-02-29 2024-13-01
    2024-02-29x""".split()
CLOCKS = "10:00 10:00:30.5 24:00 9:05 10:00+02 23:59:59.999999 23:59:60 10:00:00.1234567 10:00:00.5000000 10 00:00:00 1000".split() + [""]
MOMENTS = ["", "2024-01-05", "0001-01-01T00:00:00+01", "9999-12-31T23:59:59-01", "10000-01-01T00:00:00Z", "0000-12-31T23:59:59Z",
           "2024-02-30T10:00:00", "2024-01-05  10:00:00", "2024-01-05t10:00:00z", "infinity", "epoch"] + ["2024-01-05" + time for time in [
    " 10:00:00", "T10:00:00", "T10:00", " 20:30:00", " 2:30:00", "T1:00:00", "T10:00:00.1234560", "T10:00:00.1234567",
    "T10:00:00Z", " 10:00:00Z", "T10:00Z", "T10:00:00.1Z", "T10:00:00.123456Z", "T10:00:00.1234560Z", "T10:00:00.1234567Z",
    "T10:00:00.Z", " 10:00:00+02", "T10:00:00+02:00", "T10:00:00+0200", " 10:00+02", "T10:00:00-14:00", "T10:00:00+15:00",
    " 10:00:00 UTC", " 10:00:00 PST", " 10:00:00 Europe/Berlin", " 10:00:00 America/New_York", " 24:00:00", "T24:00:00Z",
    "T29:00:00Z", " 23:59:60", "T23:59:59.999Z"]]
OBJECTS = ['{"a":1}', "[1,2]", '{"a":', "1", '"x"', "null", "", '{"a":1} x', "[]", "{}", ' {"a": 1 } ']
TEXTS = ["", "N/A", "abc", " abc ", "-", "x@y.de", "ABC", "0", "n", "null", "\u00e4\u00f6", "   ", "A", "AB", "ab1", "a" * 12]
CONTACTS = ["", "040 123", "x@y.de", "- "]

TYPES = {
    "whole": Type({"logicalType": "integer", "physicalType": "integer"}, read_integer(32), "5", WHOLE),
    "big": Type({"logicalType": "integer", "physicalType": "bigint"}, read_integer(64), "-1", WHOLE),
    "amount": Type({"logicalType": "number", "physicalType": "decimal(9,2)"}, read_decimal(9, 2), "1.10", AMOUNTS),
    "ratio": Type({"logicalType": "number", "physicalType": "double"}, read_double, "2.5", RATIOS),
    "flag": Type({"logicalType": "boolean"}, read_boolean, "false", FLAGS),
    "day": Type({"logicalType": "date"}, read_date, "2020-01-01", DAYS),
    "moment": Type({"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}, read_timestamp(True), "2020-01-01", MOMENTS),
    "local": Type({"logicalType": "timestamp", "logicalTypeOptions": {"timezone": False}}, read_timestamp(False),
                  "2020-01-01 01:02:03", MOMENTS),
    "clock": Type({"logicalType": "time"}, read_time, "01:00", CLOCKS),
    "thing": Type({"logicalType": "object"}, read_object, "{}", OBJECTS),
    "text": Type({"logicalType": "string"}, read_text, "other", TEXTS),
}
CONTACT = Type({"logicalType": "string"}, read_text, "", CONTACTS)
VALID_VALUES = {
    "whole": ["7", "5", "0", "1000", "3", "12"],
    "big": ["7", "-1", "0", "1000", "3", "12"],
    "amount": ["1.50", "5", "0", "1000", "3", "12.5", "1.10"],
    "ratio": ["1.50", "5", "0", "1000", "3", "2.5"],
    "text": ["abc", "ABC", "N/A", "0", "A", "other"],
}
NULL_TEXTS = [["", "N/A", "-1", "0", "n", "9999-12-31", "007", "10:00"], ["N/A", " "]]


def is_any(*names):
    return lambda values: any(values[name] is not None for name in names)


def is_not_fifty(values):
    """Null passes, and so does what no BIGINT holds."""
    return values["big1"] is None or values["big1"] * 10 != 50


def is_in_order(*names):
    def holds(values):
        known = [values[name] for name in names if values[name] is not None]
        return known == sorted(known)
    return holds


def is_required(name, other):
    return lambda values: values[name] is not None or values[other] is None


def count_is(counts, *names):
    return lambda values: sum(values[name] is not None for name in names) in counts


def is_sum(total, *parts):
    return lambda values: values[total] is None or values[total] == sum(values[part] or 0 for part in parts)


def only_where(condition, holds):
    return lambda values: condition(values) is not True or holds(values)


def is_positive(name):
    return lambda values: None if values[name] is None else values[name] > 0


EXPRESSIONS = [
    Expression("rising", None, is_in_order("day0", "day1"), options={"kind": "in_order", "columns": ["day0", "day1"]}),
    Expression("needs-text", None, is_required("text0", "thing0"), column="text0", severity="warn",
               options={"kind": "required_if", "when": "thing0 is not null"}),
    Expression("one-flag", None, only_where(is_positive("whole0"), count_is((1, 2), "flag0", "flag1")),
               options={"kind": "one_of_columns", "columns": ["flag0", "flag1"], "where": "whole0 > 0"}),
    Expression("same-sum", None, is_sum("amount0", "amount1"), severity="warn", column="amount0",
               options={"kind": "sum_of", "columns": ["amount1"]}),
    Expression("not-the-same", None, lambda values: values["big0"] is None or values["big0"] != values["whole1"], column="big0",
               severity="warn", options={"kind": "compare", "op": "<>", "to": "whole1"}),
    Expression("reachable", "phone is not null or mail is not null", is_any("phone", "mail"), column="phone"),
    Expression("has-mail", "mail is not null", is_any("mail"), severity="warn", column="mail"),
    Expression("not-fifty", "big1 * 10 <> 50", is_not_fifty, column="big1"),
    Expression("has-amount-or-flag", "amount1 is not null or flag1 is not null", is_any("amount1", "flag1"), column="amount1"),
    Expression("has-time", "moment1 is not null or local1 is not null or day1 is not null", is_any("moment1", "local1", "day1")),
]


def random_rules(random, kind, column_type):
    rules = {}
    if random.random() < 0.4:
        rules["pattern"] = random.choice(["^[^5]", "^.{0,10}$", "[0-9]$", "^[^ ]"])
    if column_type.is_text and random.random() < 0.5:
        rules["length"] = 2
    if column_type.is_number and random.random() < 0.5:
        rules["range"] = 100
    if kind in VALID_VALUES and random.random() < 0.3:
        rules["enum"] = VALID_VALUES[kind]
    if kind in VALID_VALUES and random.random() < 0.3:
        rules["not_in"] = random.sample(VALID_VALUES[kind], 2)
    if column_type.is_text and random.random() < 0.2:
        rules["prefix"] = ["a", "A", "N", " "]
    return rules


def good_texts(column):
    return [text for text in column.type.texts if not column.judge(text)[1]]


def random_column(random, kind, number):
    column = Column(f"{kind}{number}", TYPES[kind], is_required=random.random() < 0.4, rules=random_rules(random, kind, TYPES[kind]))
    column.severity = random.choice(["reject", "reject", "warn"])
    column.null_texts = random.choice([None, None, *NULL_TEXTS])
    column.trim = random.choice([None, None, True, False])
    if random.random() < 0.3:
        column.default = column.type.default
        column.rules.pop("pattern", None)
    if not good_texts(column):
        column.rules = {}
    return column


def random_columns(random):
    """Two columns of every type with settings and rules of all kinds, and some for what once went wrong.

    That is an expression at a column without a value, and values without a zone beside refused ones with one.
    """
    columns = [random_column(random, kind, number) for kind in TYPES for number in range(2)]
    return columns + [Column("phone", CONTACT), Column("mail", CONTACT, trim=True), Column("seen", TYPES["moment"])]


def random_rows(random, columns, count):
    """Rows of texts, most of which break no rule, at most two, or as many as they like."""
    good = {column.name: good_texts(column) for column in columns}
    rows = []
    for _ in range(count):
        any_text = random.sample(columns, random.choice([0, 0, 1, 1, 2, len(columns)]))
        row = []
        for column in columns:
            is_free = column in any_text
            text = random.choice(column.type.texts if is_free else good[column.name])
            before, after = (random.choice(["", "", "", " ", "\t", "\u00a0", "  "]) if is_free else "" for _ in range(2))
            row.append(before + text + after)
        rows.append(row)
    return rows
