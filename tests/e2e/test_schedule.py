"""`sluice schedule next`: against a model that looks at every minute, against cronsim (which follows Debian's cron), and what it says."""
import datetime
import json
import random
import re
import zoneinfo

import cronsim
import pytest

from schedule_model import UTC, Cron

# The day around which clocks change, in each direction.
CHANGES = {
    "UTC": ["2026-03-29", "2028-02-29"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "America/Sao_Paulo": ["2018-11-04", "2018-02-18"],  # at midnight
    "Australia/Lord_Howe": ["2026-10-04", "2026-04-05"],  # by half an hour
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],  # for Ramadan
    "Asia/Kathmandu": ["1986-01-01"],  # by a quarter of an hour, once
    "Pacific/Apia": ["2011-12-30"],  # a day was left out
    "Pacific/Kwajalein": ["1993-08-21"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],  # by two hours
    "Europe/London": ["2039-03-27", "2039-10-30"],  # beyond what zone files list
}


def rule(random, low, high, near=None):
    """A field of numbers, often near those that clocks change at."""
    def value():
        return random.choice(near) if near and random.random() < 0.7 else random.randint(low, high)

    def part():
        kind = random.randrange(6)
        if kind == 0:
            return f"*/{random.randint(1, high - low + 1)}"
        if kind == 1:
            return f"{value()}-{value()}"
        if kind == 2:
            return f"{value()}-{value()}/{random.randint(1, 5)}"
        if kind == 3:
            return f"{value()}/{random.randint(1, high - low + 1)}"
        return str(value())
    return "*" if random.random() < 0.25 else ",".join(part() for _ in range(random.choice([1, 1, 2])))


def days_of_month(random, near):
    special = ["*", "?", "*", "*", "L", "L-2", "LW", f"{near}W", f"{random.randint(1, 31)}W", f"L,{near}", f"{near}-{max(near - 3, 1)}"]
    return random.choice([*special, rule(random, 1, 31, [near])])


def days_of_week(random):
    name = random.choice("SUN MON tue Wed THU FRI SAT 0 7 5".split())
    other = random.choice("SUN MON TUE FRI 7".split())
    return random.choice(["*", "*", "*", "?", name, f"{name}L", f"{name}#{random.randint(1, 5)}", f"{name}-{other}", f"{name},{other}", "*/2", "1-5"])


def calendar(random, day):
    items = [str(day), f"{day:%m-%d}", f"{day:%m-%d}..{day + datetime.timedelta(2):%m-%d}", "SAT-SUN", "sunday", "FRI..MON",
             f"{day - datetime.timedelta(1)}..{day}"]
    return random.sample(items, random.choice([1, 1, 2])) if random.random() < 0.35 else []


def expression(random, day, with_seconds):
    fields = [rule(random, 0, 59, [0, 15, 30]), rule(random, 0, 23, [0, 1, 2, 3, 23]), days_of_month(random, day.day),
              random.choice(["*", "*", str(day.month), "JAN-DEC", "oct-mar", "*/2"]), days_of_week(random)]
    if with_seconds:
        fields.insert(0, random.choice(["*/20", "0", "30", "*/45", "10-20/5"]))
    return " ".join(fields)


def days_options(skip, only):
    return (["--skip", *skip] if skip else []) + (["--only", *only] if only else [])


def told(document):
    return [(tick["utc"], tick["makes_up"], tick["again"]) for tick in document["ticks"]]


@pytest.mark.parametrize("with_seconds", [False, True], ids=["minutes", "seconds"])
@pytest.mark.parametrize("zone", CHANGES)
def test_ticks_are_those_of_a_model_that_looks_at_every_moment(project, zone, with_seconds):
    chance = random.Random(f"{zone} {with_seconds}")
    cases = none = 0
    while cases < (2 if with_seconds else 6):
        day = datetime.date.fromisoformat(chance.choice(CHANGES[zone]))
        middle = datetime.datetime.combine(day, datetime.time(), UTC)
        start = middle - datetime.timedelta(hours=10 if with_seconds else 40)
        end = middle + datetime.timedelta(hours=16 if with_seconds else 50)
        text, skip, only = expression(chance, day, with_seconds), calendar(chance, day), calendar(chance, day)
        wanted = Cron(text, skip, only).ticks(zone, start, end)
        none += not wanted
        if not wanted and none > 4:  # too dull
            continue
        cases += 1
        arguments = ["schedule", "next", text, "--zone", zone, "--count", max(len(wanted), 1), *days_options(skip, only)]
        done = project.run(*arguments, "--after", start.isoformat(), "--until", end.isoformat(), "--json", exit_code=None)
        if "SL0215" in done.stdout + done.stderr:  # 0 0 31 feb
            assert wanted == []
            continue
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        document = json.loads(done.stdout)
        assert told(document) == wanted, (text, zone, skip, only, str(start))
        assert document["total"] == len(wanted)
        back = project.json(*arguments, "--before", (end + datetime.timedelta(seconds=1)).isoformat())
        back = [tick for tick in reversed(told(back)) if tick[0] > f"{start:%Y-%m-%dT%H:%M:%SZ}"]
        assert back == wanted, ("before", text, zone, skip, only, str(start))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Africa/Casablanca"])
def test_ticks_are_those_of_debians_cron(project, zone):
    """But where hours are */2 or minutes */15: there Debian's cron does not make up for what is left out. cronsim reads 5-5/2 as 5/2."""
    chance = random.Random(zone)
    for _ in range(12):
        day = datetime.date.fromisoformat(chance.choice(CHANGES[zone])) - datetime.timedelta(1)
        start = datetime.datetime.combine(day, datetime.time(), zoneinfo.ZoneInfo(zone))
        minute = rule(chance, 0, 59).replace("*", "0")
        hour = rule(chance, 0, 23, [1, 2, 3])
        text = f"{minute} {hour} {chance.choice(['*', 'L', '*/2', '1-9', str(day.day)])} * {chance.choice('* 1-5 0 FRI#2 5L'.split())}"
        if "0/" in minute or "*/" in hour or re.search(r"\b(\d+)-\1\b", text):
            continue
        try:
            sim = cronsim.CronSim(text, start)
        except cronsim.CronSimError:
            continue
        wanted = [f"{next(sim).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for _ in range(60)]
        document = project.json("schedule", "next", text, "--zone", zone, "--after", start.isoformat(), "--count", "60")
        assert [tick["utc"] for tick in document["ticks"]] == wanted, (text, zone, str(start))


@pytest.mark.parametrize("zone", sorted(CHANGES))
def test_local_times_are_those_of_zoneinfo(project, zone):
    document = project.json("schedule", "next", "0 0 15 * *", "--zone", zone, "--after", "1975-01-01", "--count", "900")
    assert len(document["ticks"]) == 900
    for tick in document["ticks"]:
        at = datetime.datetime.fromisoformat(tick["utc"].replace("Z", "+00:00")).astimezone(zoneinfo.ZoneInfo(zone))
        assert tick["local"] == at.isoformat().replace("+00:00", "Z" if zone == "UTC" else "+00:00")
        assert tick["weekday"] == f"{at:%a}"


INTERVALS = [
    # (every, zone, options, after, UTC times)
    ("1d", "Europe/Berlin", ["--anchor", "2026-01-01T02:30"], "2026-03-28", ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
    ("24h", "Europe/Berlin", ["--anchor", "2026-01-01T02:30"], "2026-03-28", ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T01:30"]),
    ("1d", "Europe/Berlin", ["--anchor", "2026-01-01T02:30"], "2026-10-24", ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]),
    ("2w", "America/New_York", [], "2026-03-01", ["2026-03-02T05:00", "2026-03-16T04:00"]),
    ("3d", "UTC", ["--anchor", "2026-01-01"], "2025-12-20", ["2025-12-23T00:00", "2025-12-26T00:00", "2025-12-29T00:00", "2026-01-01T00:00"]),
    ("15m", "Asia/Kathmandu", [], "2026-01-01T00:00", ["2025-12-31T18:30", "2025-12-31T18:45"]),
    ("7h", "UTC", ["--anchor", "2026-01-01T00:00Z", "--skip", "2026-01-01", "SAT-SUN"], "2025-12-31T23:00", ["2026-01-02T04:00", "2026-01-02T11:00", "2026-01-02T18:00", "2026-01-05T02:00"]),
    ("12h", "Europe/Berlin", ["--only", "03-29"], "2026-03-01", ["2026-03-28T23:00", "2026-03-29T11:00", "2027-03-28T23:00"]),
]


@pytest.mark.parametrize("every, zone, options, after, wanted", INTERVALS, ids=[" ".join([case[0], case[1], case[3]]) for case in INTERVALS])
def test_a_day_is_a_day_of_the_zone_and_24_hours_are_24_hours(project, every, zone, options, after, wanted):
    arguments = ["schedule", "next", every, "--zone", zone, *options]
    document = project.json(*arguments, "--after", after, "--count", len(wanted))
    assert [tick["utc"] for tick in document["ticks"]] == [text + ":00Z" for text in wanted]
    back = project.json(*arguments, "--before", wanted[-1] + ":01Z", "--count", len(wanted))
    assert [tick["utc"] for tick in reversed(back["ticks"])] == [text + ":00Z" for text in wanted]


WRONG = [
    # (arguments, code, what is said, line and column or None)
    (["0 0 32 * *"], "SL0214", "'day of month' at column 5: found '32', expected 1 to 31", (1, 5)),
    (["0 0 * *"], "SL0214", "found 4 cron fields in '0 0 * *', expected 5 or 6", (1, 1)),
    (["*/90 * * * *"], "SL0214", "'minute' at column 3: found '90', expected a step of 1 to 60", (1, 3)),
    (["0 9 * * MON,FRYDAY"], "SL0214", "'day of week' at column 13: found 'FRYDAY', expected 0 to 7 or SUN to SAT", (1, 13)),
    (["0 0 30 2 *"], "SL0215", "never comes", (1, 5)),
    (["5x"], "SL0216", "found '5x' as an interval", (1, 1)),
    (["0s"], "SL0216", "expected 1s to 3660d", (1, 1)),
    (["1d", "--anchor", "yesterday"], "SL0216", "found 'yesterday' as an interval's anchor", None),
    (["@daily", "--zone", "Europe/Berln"], "SL0217", "hint: did you mean 'Europe/Berlin'?", None),
    (["@daily", "--zone", "europe/berlin"], "SL0217", "hint: did you mean 'Europe/Berlin'?", None),
    (["@daily", "--zone", "new_york"], "SL0217", "hint: did you mean 'America/New_York'?", None),
    (["@daily", "--zone", "Middle/Earth"], "SL0217", "hint: zones have names like Europe/Berlin", None),
    (["@daily", "--zone", "../../../etc/passwd"], "SL0217", "is no time zone", None),
    (["@daily", "--zone", "zone.tab"], "SL0217", "is no time zone", None),
    (["@daily", "--skip", "2026-02-30"], "SL0218", "found '2026-02-30'", (1, 1)),
    (["@daily", "--only", "2026-01-02..2026-01-01"], "SL0218", "ends before it begins", (1, 1)),
    (["@daily", "--after", "noon"], "SL0901", "found 'noon' for --after, expected a date or timestamp", None),
    (["@daily", "--before", "2026-01-01", "--until", "2026-01-02"], "SL0901", "--before looks back", None),
    (["@daily", "--count", "0"], "SL0901", "found 0 for --count", None),
    (["@daily", "--anchor", "2026-01-01"], "SL0901", "--anchor goes with an interval", None),
]


@pytest.mark.parametrize("arguments, code, words, place", WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_what_is_wrong_is_told_with_its_place(project, arguments, code, words, place):
    done = project.run("schedule", "next", *arguments, exit_code=None)
    assert done.returncode == 1 and done.stdout == ""
    assert f"[{code}]" in done.stderr and words in done.stderr
    assert (f":{place[0]}:{place[1]}\n" in done.stderr) if place else ("-->" not in done.stderr)


def test_text_says_which_times_the_clocks_leave_out_or_repeat(project):
    spring = project.run("schedule", "next", "30 2 * * *", "--zone", "Europe/Berlin", "--after", "2026-03-28T12:00", "--count", "1").stdout
    assert spring.splitlines()[1].split(None, 3) == ["Sun", "2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00Z", "for times that the clocks leave out"]
    autumn = project.run("schedule", "next", "30 * * * *", "--zone", "Europe/Berlin", "--after", "2026-10-25T02:00", "--count", "2").stdout
    assert autumn.splitlines()[2].split(None, 3) == ["Sun", "2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", "clocks show this time again"]
    never = project.run("schedule", "next", "@daily", "--only", "2026-01-01", "--after", "2026-01-01T00:00").stdout
    assert never == "it does not come\n"
    total = project.run("schedule", "next", "@hourly", "--zone", "Europe/Berlin", "--after", "2026-01-01", "--until", "2027-01-01").stdout
    assert total.endswith("\n8,760 times in all\n")
