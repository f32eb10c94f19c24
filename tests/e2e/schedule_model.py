"""When a cron expression comes, told by looking at every minute (or second): slow, and written without a look at the program.

Each instant is turned into local time by Python's zoneinfo. A local time that matches is a tick the first time clocks show it, or each
time if the expression repeats. Where clocks jump over times, one tick stands for all those that match.
"""
import calendar
import datetime
import zoneinfo

UTC = datetime.timezone.utc
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
BOUNDS = [(0, 59, []), (0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, WEEKDAYS)]


def last_day(date):
    return calendar.monthrange(date.year, date.month)[1]


def weekday(date):
    return date.isoweekday() % 7


def nearest_workday(year, month, day):
    """The day from Monday to Friday nearest to this one within its month."""
    days = [datetime.date(year, month, n) for n in range(1, calendar.monthrange(year, month)[1] + 1)]
    if day > len(days):
        return None
    workdays = [date for date in days if date.isoweekday() < 6]
    return min(workdays, key=lambda date: (abs(date.day - day), date.day > day))


def number(text, low, names):
    return names.index(text.lower()) + low if text.lower() in names else int(text)


def values(part, position):
    low, high, names = BOUNDS[position]
    high = 6 if position == 5 else high
    whole, _, step = part.partition("/")
    if whole in "*?":
        first, last = low, high
    elif "-" in whole:
        first, last = (number(text, low, names) for text in whole.split("-"))
    else:
        first = number(whole, low, names)
        last = high if step else first
    if position == 5:
        first = first % 7 if first > last or step and "-" not in whole else first
    found, value = [], first
    if first > last:  # around the end
        last += high - low + 1
    while value <= last:
        found.append((value - low) % (high - low + 1) + low)
        value += int(step or 1)
    return found


def has_month_day(part, date):
    part = part.upper()
    if part == "LW":
        return date.day == max(n for n in range(1, last_day(date) + 1) if date.replace(day=n).isoweekday() < 6)
    if part.startswith("L"):
        return date.day == last_day(date) - int(part[2:] or 0)
    if part.endswith("W"):
        return date == nearest_workday(date.year, date.month, int(part[:-1]))
    return date.day in values(part, 3)


def has_weekday(part, date):
    if "#" in part:
        name, nth = part.split("#")
        return weekday(date) == number(name, 0, WEEKDAYS) % 7 and (date.day + 6) // 7 == int(nth)
    if part.upper().endswith("L"):
        return weekday(date) == number(part[:-1], 0, WEEKDAYS) % 7 and date.day + 7 > last_day(date)
    return weekday(date) in values(part, 5)


def in_days(items, date):
    for item in items:
        ends = item.split("..") if ".." in item else [item] * 2
        if item[0].isalpha():
            ends = item.split("-") if "-" in item else ends
            first, last = (WEEKDAYS.index(end[:3].lower()) for end in ends)
            if (weekday(date) - first) % 7 <= (last - first) % 7:
                return True
        else:
            text = str(date) if len(ends[0]) == 10 else f"{date:%m-%d}"
            if ends[0] <= text <= ends[1] or (ends[1] < ends[0] and not ends[1] < text < ends[0]):
                return True
    return False


class Cron:
    def __init__(self, text, skip=(), only=()):
        fields = text.split()
        self.step = datetime.timedelta(seconds=1 if len(fields) == 6 else 60)
        stars = [field[0] in "*?" for field in fields]
        fields = ["0"] * (6 - len(fields)) + fields
        self.parts = [field.split(",") for field in fields]
        self.is_either = fields[3][0] not in "*?" and fields[5][0] not in "*?"
        self.is_hourly = {value for part in self.parts[2] for value in values(part, 2)} == set(range(24))
        self.is_repeating = self.is_hourly or any(stars[:-3])
        self.skip, self.only = skip, only
        self.sets = {i: {value for part in self.parts[i] for value in values(part, i)} for i in (0, 1, 2, 4)}
        self.days = {}

    def has_day(self, date):
        if date not in self.days:
            of_month = any(has_month_day(part, date) for part in self.parts[3])
            of_week = any(has_weekday(part, date) for part in self.parts[5])
            self.days[date] = (date.month in self.sets[4] and (of_month or of_week if self.is_either else of_month and of_week)
                               and not in_days(self.skip, date) and (not self.only or in_days(self.only, date)))
        return self.days[date]

    def matches(self, local):
        return (local.second in self.sets[0] and local.minute in self.sets[1] and local.hour in self.sets[2]
                and self.has_day(local.date()))

    def ticks(self, zone, start, end):
        """(UTC, makes up, again) of each tick in start < t <= end; both must be whole minutes."""
        zone = zoneinfo.ZoneInfo(zone)
        found, seen, before = [], set(), None
        at = start - datetime.timedelta(hours=26 if self.step.seconds == 60 else 3)
        while at <= end:
            local = at.astimezone(zone).replace(tzinfo=None, fold=0)
            again, makes_up = local in seen, False
            is_tick = self.matches(local) and (self.is_repeating or not again)
            if before and not is_tick and not self.is_hourly and local - before > self.step:
                missing = before + self.step
                while missing < local and not makes_up:
                    makes_up = self.matches(missing)
                    missing += self.step
            if at > start and (is_tick or makes_up):
                found.append((f"{at:%Y-%m-%dT%H:%M:%SZ}", makes_up, again and not makes_up))
            seen.add(local)
            before, at = local, at + self.step
        return found
