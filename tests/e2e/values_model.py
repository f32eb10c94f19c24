"""docs/values.md once more, in Python: what each type takes, and which rules a text breaks. It shares nothing with src/."""
import datetime
import decimal
import json
import math
import re
from dataclasses import dataclass, field
from typing import Callable, Optional

BLANKS = " \t\r\n\u00a0"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
MINUTES = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
SECONDS = r":[0-5][0-9](?:\.[0-9]{1,6}0*)?"
ZONE = r"Z| UTC|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
DECIMAL = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
WIDE = decimal.Context(prec=400)


# --- reading: a text's value, or None where the type does not hold it exactly


def read_integer(bits):
    def read(text):
        found = re.fullmatch(r"([+-]?[0-9]+)(?:\.0*)?", text)
        value = int(found[1]) if found else None
        return value if found and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) else None
    return read


def read_decimal(precision, scale):
    def read(text):
        if not re.fullmatch(DECIMAL, text):
            return None
        value = WIDE.create_decimal(text)
        rounded = WIDE.quantize(value, decimal.Decimal(1).scaleb(-scale))
        return rounded if rounded == value and abs(value) < 10 ** (precision - scale) else None
    return read


def read_double(text):
    if not re.fullmatch(DECIMAL + r"(?:[eE][+-]?[0-9]+)?", text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def read_boolean(text):
    words = {**dict.fromkeys(["true", "t", "yes", "y", "1"], True), **dict.fromkeys(["false", "f", "no", "n", "0"], False)}
    return words.get(text.lower())


def day_of(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def read_date(text):
    found = re.fullmatch(f"({DATE})(?:[ T]00:00(?::00(?:\\.0+)?)?)?", text)
    return day_of(found[1]) if found else None


def time_of(minutes, seconds):
    """The time of day of "10:00" and of ":30.5", either of which may be missing."""
    hour, minute = map(int, (minutes or "00:00").split(":"))
    second, _, fraction = (seconds or ":00")[1:].partition(".")
    return datetime.time(hour, minute, int(second), int(fraction[:6].ljust(6, "0")))


def offset_of(zone):
    if zone in (None, "Z", " UTC"):
        return datetime.timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return offset if zone[0] == "+" else -offset


def read_timestamp(has_zone):
    def read(text):
        found = re.fullmatch(f"({DATE})(?:[ T]({MINUTES})({SECONDS})?({ZONE})?)?", text)
        day = day_of(found[1]) if found else None
        if day is None or (found[4] and not has_zone):
            return None
        try:
            moment = datetime.datetime.combine(day, time_of(found[2], found[3])) - offset_of(found[4])
        except OverflowError:
            return None
        return moment.replace(tzinfo=datetime.timezone.utc) if has_zone else moment
    return read


def read_time(text):
    """A time of day is kept as text: with seconds, and without zeros at the end of its fraction."""
    found = re.fullmatch(f"({MINUTES})({SECONDS})?", text)
    if not found:
        return None
    shown = time_of(found[1], found[2]).isoformat()
    return shown.rstrip("0") if "." in shown else shown


def read_object(text):
    """Some JSON object or array, kept as received."""
    try:
        return text if isinstance(json.loads(text), (dict, list)) else None
    except ValueError:
        return None


def read_text(text):
    return text


# --- columns


@dataclass(frozen=True)
class Type:
    declared: dict  # as the contract has it
    read: Callable
    default: str
    texts: list  # to be tried, good and bad

    @property
    def is_text(self):
        return self.read is read_text

    @property
    def is_number(self):
        return self.declared["logicalType"] in ("integer", "number")


@dataclass
class Column:
    name: str
    type: Type
    is_required: bool = False
    severity: str = "reject"
    default: Optional[str] = None
    null_texts: Optional[list] = None
    trim: Optional[bool] = None
    rules: dict = field(default_factory=dict)  # kind: its argument

    def text_of(self, raw):
        """The text that is read and that rules on texts look at, or None."""
        is_trimmed = self.trim if self.trim is not None else not self.type.is_text
        text = raw.strip(BLANKS) if is_trimmed else raw
        null_texts = self.null_texts if self.null_texts is not None else [""]
        return self.default if text in null_texts else text

    def judge(self, raw):
        """The clean value, and the kinds of the rules that are broken."""
        text = self.text_of(raw)
        if text is None:
            return None, ["required"] if self.is_required else []
        value = self.type.read(text)
        broken = [kind for kind, argument in self.rules.items() if kind in TEXT_RULES and not TEXT_RULES[kind](argument, text)]
        if value is None:
            return None, ["type"] + broken
        if "range" in self.rules and value > self.rules["range"]:
            broken.append("range")
        if "enum" in self.rules and value not in map(self.type.read, self.rules["enum"]):
            broken.append("enum")
        if "not_in" in self.rules and value in map(self.type.read, self.rules["not_in"]):
            broken.append("not_in")
        return value, broken


TEXT_RULES = {
    "pattern": lambda pattern, text: re.search(pattern, text),
    "length": lambda shortest, text: len(text) >= shortest,
    "prefix": lambda starts, text: text.startswith(tuple(starts)),
}


@dataclass(frozen=True)
class Expression:
    """A rule over the row, and the same in Python: of a dictionary of clean values, None where the SQL is null."""
    name: str
    sql: Optional[str]
    holds: Callable
    severity: str = "reject"
    column: Optional[str] = None  # where it stands in the contract; None: at the table
    options: dict = field(default_factory=dict)  # of another kind of rule than an expression


def judge_row(columns, expressions, raws):
    """A row's clean values, and the names of the broken rules as a dictionary {severity: sorted names}."""
    values, broken, failed = {}, {"reject": [], "warn": []}, set()
    for column, raw in zip(columns, raws):
        values[column.name], kinds = column.judge(raw)
        if "type" in kinds:
            failed.add(column.name)
        broken[column.severity] += [f"{column.name}.{kind}" for kind in kinds]
    for expression in expressions:
        named = re.findall(r"\w+", f"{expression.sql} {expression.column} {expression.options}")
        if not failed.intersection(named) and expression.holds(values) is False:
            broken[expression.severity].append(expression.name)
    return values, {severity: sorted(names) for severity, names in broken.items()}
