"""The project of a random life: settings that are changed one at a time, and the files that they stand for."""
import copy
import json

STATUSES = ["new", "paid", "sent"]
NOTES = ["a", "b", "c"]
ODDS = {  # settings of the contract, and what they may be
    "amount_type": ["integer", "integer", "decimal(12,2)", "decimal(14,2)", "bigint"],
    "amount_min": [None, 0, 0, 20],
    "amount_severity": ["reject", "reject", "warn", "quarantine_value", "fail", {"range": "warn"}, {"range": "fail", "type": "quarantine_value"},
                        {"type": "quarantine_value"}, {"range": "quarantine_value"}],
    "amount_formats": [None, None, ["12.50", "(12.50)"], ["(12.50)"], ["12.50 EUR", "12.50"]],
    "amount_default": [None, None, 7],
    "amount_nulls": [None, ["", "n/a"], ["", "n/a", "many"]],
    "amount_required": [False, True],
    "statuses": [STATUSES, STATUSES, ["new"], ["paid", "sent"], None],
    "status_severity": ["reject", "warn", "quarantine_value", {"required": "warn"}, {"enum": "quarantine_value"}, {"enum": "warn", "required": "fail"}],
    "status_required": [False, True],
    "notes": [NOTES, ["a"], ["b", "c"], None],
    "note_severity": ["quarantine_value", "reject", "warn"],
    "note_default": [None, "c"],
    "orphans": [None, "reject", "hold", "hold", "warn"],
    "rule": [None, {}, {"severity": "warn"}, {"where": "status = 'paid'"}, {"mostly": 0.05}, {"mostly": 0.5}, {"severity": "fail"}],
    "is_code_unique": [False, True],
    "filter": [None, None, "status = 'odd'", "amount = '60'"],
    "has_alias": [False, True],
    "formats": [None, ["%Y-%m-%d", "%d.%m.%Y"]],
    "countries": [None, ["DE", "FR"], ["DE"]],
    "has_key": [False, True],
    "order_by": [["seq"], ["seq"], ["seq", "rid"], None],
    "pair": [None, ["customer", "code"], ["status", "day"]],
    "personal": [None, None, {"as": "hash"}, {"as": "token"}, {"as": "mask", "keep_first": 1}],
    "before": ["", "", "boss"],
    "new_columns": ["freeze", "evolve", "quarantine_row", "quarantine_value", "fail"],
    "type_change": ["quarantine_row", "quarantine_row", "quarantine_value", "quarantine_value", "fail"],
    "missing_columns": ["empty", "empty", "fail"],
    "emptied_files": ["warn", "fail", "keep"],
    "targets": [{}, {"sqlite": "full", "csv": "full"}, {"sqlite": "append", "jsonl": "partition"}, {"sqlite": "partition", "csv": "append"},
                {"parquet": "append", "sqlite": "merge"}],
}
MODELS = {
    "daily": ("partition", "partition_by: [day]", "select day, count(*) as orders, sum(amount)::bigint + {k} as amount from {from} group by all"),
    "lines": ("append", "", "select rid, id, amount, note, {k} as k from {from} where status is distinct from 'new'"),
    "latest": ("merge", "key: [id]\norder_by: [seq, rid]", "select id, seq, rid, amount + {k} as amount from {from} where id is not null"),
    "totals": ("full", "", "select count(*) as orders, sum(amount)::bigint as amount, {k} as k from {from}"),
    "named": ("append", "", "select o.rid, o.customer, c.country, {k} as k from {from} o left join clean.customers c on c.id = o.customer"),
    "rejected": ("append", "", "select _source, _position, {k} as k from quarantine.orders"),
    "all_of_it": ("append", "", "select *, {k} as k from {from}"),
    "received": ("append", "", "select rid, status, _source, {k} as k from raw.orders"),
    "seen": ("view", "", "select rid, id, seq, day, amount, status, note, customer from clean.orders where coalesce(amount, 0) >= {k}"),
    "history": ("snapshot", "key: [id]\nupdated_at: day", "select id, day, status, amount::decimal(14,2) as amount from clean.orders where id is not null and day is not null"),
}
WRITES = {"daily": ["partition", "full"], "lines": ["append", "full", "merge", "partition", "view"], "latest": ["merge", "full"],
          "named": ["append", "full", "view"], "rejected": ["append", "full"], "received": ["append", "full", "partition"], "totals": ["full", "view"]}
SETTINGS_OF = {"merge": "key: [rid]", "partition": "partition_by: [{column}]"}


def custom(name, value):
    return [{"property": f"sluice.{name}", "value": value}] if value is not None else []


def valid(values):
    return [{"metric": "invalidValues", "arguments": {"validValues": values}, "mustBe": 0}] if values else []


def amount_column(given):
    kind = given["amount_type"]
    types = {"integer": {"logicalType": "integer"}, "bigint": {"logicalType": "integer", "physicalType": "bigint"}}
    return {"name": "amount", **types.get(kind, {"logicalType": "number", "physicalType": kind}), "required": given["amount_required"],
            "logicalTypeOptions": {"minimum": given["amount_min"]} if given["amount_min"] is not None else {},
            "customProperties": custom("severity", given["amount_severity"]) + custom("default", given["amount_default"])
            + custom("nullValues", given["amount_nulls"]) + custom("formats", given["amount_formats"])}


def customer_column(given):
    column = {"name": "customer", "logicalType": "integer", "customProperties": custom("aliases", ["cust"] if given["has_alias"] else None)}
    if given["orphans"]:
        column["relationships"] = [{"type": "foreignKey", "to": "customers.id", "customProperties": custom("orphans", given["orphans"])}]
    return column


def boss_column(given):
    if not given["before"]:
        return []
    return [{"name": "boss", "logicalType": "integer", "relationships": [{"type": "foreignKey", "to": "orders.id", "customProperties": custom("orphans", "hold")}]}]


def contract(given):
    rule = given["rule"]
    quality = [] if rule is None else [
        {"type": "custom", "engine": "sluice", "name": "discounts", "implementation": {"expression": "discount <= amount", **rule}}]
    if given["pair"]:
        quality.append({"type": "custom", "engine": "sluice", "implementation": {"kind": "unique", "columns": given["pair"]}})
    orders = {
        "name": "orders", "quality": quality,
        "customProperties": custom("orderBy", given["order_by"] if given["has_key"] else None) + custom("filter", given["filter"]),
        "properties": [
            {"name": "rid", "logicalType": "string"},
            {"name": "id", "logicalType": "integer", "primaryKey": given["has_key"]},
            {"name": "seq", "logicalType": "integer"}, *boss_column(given),
            customer_column(given), amount_column(given),
            {"name": "discount", "logicalType": "integer"},
            {"name": "status", "logicalType": "string", "required": given["status_required"], "quality": valid(given["statuses"]),
             "customProperties": custom("severity", given["status_severity"])},
            {"name": "note", "logicalType": "string", "quality": valid(given["notes"]),
             "customProperties": custom("severity", given["note_severity"]) + custom("default", given["note_default"]) + custom("personal", given["personal"])},
            {"name": "day", "logicalType": "date", "customProperties": custom("formats", given["formats"])},
            {"name": "code", "logicalType": "integer", "unique": given["is_code_unique"]}]}
    customers = {"name": "customers", "properties": [
        {"name": "id", "logicalType": "integer", "primaryKey": True},
        {"name": "country", "logicalType": "string", "quality": valid(given["countries"])}]}
    return json.dumps({"apiVersion": "v3.1.0", "kind": "DataContract", "id": "shop", "version": "1.0.0", "status": "active",
                       "schema": [customers, orders]}, indent=1)


def model(name, given):
    first, extra, sql = MODELS[name]
    write, source = given["write"], given["from"]
    if write != first:
        extra = SETTINGS_OF.get(write, "").format(column={"lines": "note", "received": "status"}.get(name, "day"))
    return f"/* sluice\nwrite: {write}\n{extra}\n*/\n{sql.format(k=given['k'], **{'from': source})}\n"


DELIVERED = {"full": "clean.orders", "append": "clean.orders", "partition": "clean.orders", "merge": "clean.customers"}  # and every table of MODELS
EXTRA = {"merge": ", key: [id]", "partition": ", partition_by: [status]"}


def rendered(settings):
    files = {
        ".env": "PLACE=out\n",
        "sluice.yml": "name: shop\nchecks: {requirements: off}\nconcurrency: 2\nquarantine: {max_share: 1.0, min_rows: 1000000}\n"
        "personal: {key: 'a key that nobody knows', check: warn}\n"
        "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n",
        "sources/customers.yml": f"path: data/customers-*.{settings['format']}\n",
        "sources/orders.yml": f"path: data/orders-*.{settings['format']}\n"
        f"drift: {{new_columns: {settings['new_columns']}, type_change: {settings['type_change']}, "
        f"missing_columns: {settings['missing_columns']}, emptied_files: {settings['emptied_files']}}}\n",
        "contracts/shop.odcs.yml": contract(settings)}
    for name, given in settings["models"].items():
        files[f"models/{name}.sql"] = model(name, given)
    for kind, write in settings["targets"].items():
        place = f"path: ${{env:PLACE}}/{kind}{'.db' if kind == 'sqlite' else ''}\n"
        table = DELIVERED[write]
        deliver = [f"  - {{table: {table}, to: {table[6:]}, write: {write}{EXTRA.get(write, '')}}}\n"]
        deliver += [f"  - {{table: curated.{name}, to: {name}, write: {'append' if write == 'append' else 'full'}}}\n"
                    for name in settings["models"] if name not in ("rejected", "history")]
        files[f"targets/{kind}.yml"] = f"type: {kind}\n{place}deliver:\n{''.join(deliver)}"
    return files


class Shop:
    def __init__(self, dice, disk):
        self.dice, self.disk, self.rows, self.files = dice, disk, 0, 0
        self.settings = {name: values[0] for name, values in ODDS.items()}
        self.settings.update(format=dice.choice(["csv", "csv", "jsonl"]), has_key=dice.random() < 0.5, models={})
        for name in ODDS:
            if dice.random() < 0.3:
                self.settings[name] = dice.choice(ODDS[name])
        for name in dice.sample(sorted(set(MODELS) - {"seen"}), dice.choice([1, 1, 2, 4])) + dice.choice([[], ["seen"]]):
            self.settings["models"][name] = {"write": MODELS[name][0], "k": 0, "from": "clean.orders"}
        self.settle()
        self.put_customers()
        self.add_file()
        self.add_file()

    def settle(self):
        """What cannot be together."""
        given = self.settings
        if not given["has_key"]:
            given["models"].pop("history", None)
        if "quarantine_value" in str(given["amount_severity"]):
            given["amount_required"] = False
        if given["status_severity"] == "quarantine_value":
            given["status_required"] = False
        if "seen" not in given["models"]:
            for one in given["models"].values():
                one["from"] = "clean.orders"

    def begin_plainly(self):
        self.settings.update({name: copy.deepcopy(values[0]) for name, values in ODDS.items() if name != "has_key"})

    def depends_on_cuts(self):
        return "mostly" in (self.settings["rule"] or {})

    def write_of(self, model):
        return self.settings["models"].get(model, {}).get("write")

    # --- files

    def text(self, rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        if self.settings["format"] == "jsonl":
            return "".join(json.dumps({k: v for k, v in row.items() if v != ""}) + "\n" for row in rows)
        return ",".join(names) + "\n" + "".join(",".join(str(row.get(name, "")) for name in names) + "\n" for row in rows)

    def put_customers(self):
        dice = self.dice
        ids = dice.sample(range(1, 7), dice.randint(3, 6)) + dice.choice([[], [], [2], ["x"]])
        self.disk.put(f"data/customers-{dice.choice([1, 1, 2])}.{self.settings['format']}",
                      self.text([{"id": str(number), "country": dice.choice(["DE", "FR", "FR", "US"])} for number in ids]))
        return f"customers {ids}"

    def order(self, customer):
        dice = self.dice
        self.rows += 1
        day = dice.randint(1, 5)
        return {"rid": f"r{self.rows}", "id": str(dice.choice([*range(1, 25), "", "zz"])), "seq": str(dice.randint(1, 9)),
                customer: str(dice.choice([1, 2, 3, 4, 5, 6, 9, ""])), "amount": str(dice.choice(["many", "n/a", "", -3, 5, 10, 30, 50, 60, "(7)", "30 EUR"])),
                "discount": str(dice.choice([0, 0, 1, 7, 70])), "status": dice.choice(["new", "paid", "sent", "sent", "odd", ""]),
                "note": dice.choice(["a", "b", "c", "odd", ""]), "day": dice.choice([f"2026-01-0{day}", f"0{day}.01.2026", f"2026-01-0{day}"]),
                "code": str(dice.choice([*range(1, 60), ""])),
                **({"boss": str(dice.choice([*range(1, 25), "", "", ""]))} if self.settings["before"] or dice.random() < 0.03 else {})}

    def orders(self):
        dice = self.dice
        customer = "cust" if dice.random() < 0.15 else "customer"
        rows = [self.order(customer) for _ in range(dice.randint(2, 9))]
        if dice.random() < 0.12:
            for row in rows:
                row["extra"] = dice.choice(["1", "2", ""])
        if dice.random() < 0.06:
            for row in rows:
                row["cust"] = dice.choice([row.get("customer", ""), "", "3"])
        if dice.random() < 0.08:
            for row in rows:
                row.pop("note")
        text = self.text(rows)
        if dice.random() < 0.12:
            text += "1,2,3,4,5,6,7,8,9,10,11,12,13,14\n" if self.settings["format"] == "csv" else "{\"rid\": nothing}\n"
        return text

    def add_file(self):
        self.files += 1
        name = f"data/orders-{self.dice.choice(['', 'a', 'z'])}{self.files}.{self.settings['format']}"
        self.disk.put(name, self.orders())
        return f"new {name}"

    def change_file(self):
        names = self.disk.of("orders")
        if len(names) < 2:
            return self.add_file()
        dice, name = self.dice, self.dice.choice(names)
        what = dice.choice(["change", "change", "remove", "rename", "rename", "over", "copy", "empty", "grow", "swap", "refused"])
        other = dice.choice([known for known in names if known != name])
        if what == "change":
            self.disk.put(name, self.orders())
        elif what == "remove":
            self.disk.remove(name)
        elif what == "rename":
            self.files += 1
            other = f"data/orders-{dice.choice(['0', 'n'])}{self.files}.{self.settings['format']}"
            self.disk.move(name, other)
            if dice.random() < 0.3:  # and another one comes under its name, perhaps with rows that it had
                self.disk.put(name, dice.choice([self.orders(), self.disk.files[other][0] + "\n"]))
        elif what == "over" and self.disk.files[name][0] != self.disk.files[other][0]:
            self.disk.move(name, other)
        elif what == "copy":
            self.files += 1
            other = f"data/orders-c{self.files}.{self.settings['format']}"
            self.disk.put(other, self.disk.files[name][0])
        elif what == "empty":
            self.disk.put(name, dice.choice(["", self.text([])]))
        elif what == "refused" and self.settings["format"] == "csv":
            self.disk.put(name, self.orders().replace("rid", "_position", 1))
        elif what == "grow":
            self.disk.put(name, self.disk.files[name][0] + self.orders().partition("\n")[2] if self.settings["format"] == "csv"
                          else self.disk.files[name][0] + self.orders())
        else:
            what, other = "touch", ""
            self.disk.put(name, self.disk.files[name][0])
        return f"{what} {name} {other}"

    # --- contract and models

    def change_contract(self):
        name = self.dice.choice(list(ODDS))
        before = self.settings[name]
        self.settings[name] = copy.deepcopy(self.dice.choice([value for value in ODDS[name] if value != before] or ODDS[name]))
        self.settle()
        return f"{name}: {before} -> {self.settings[name]}"

    def change_model(self):
        dice, models = self.dice, self.settings["models"]
        name = dice.choice(sorted(set(models) - {"history"}) or ["daily"])
        models.setdefault(name, {"write": MODELS[name][0], "k": 0, "from": "clean.orders"})
        one = models[name]
        what = dice.choice(["k", "k", "write", "from"])
        if what == "k" or (what == "write" and name not in WRITES):
            one["k"] = dice.choice([0, 1, 2, 10])
        elif what == "write":
            one["write"] = dice.choice(WRITES[name])
        elif "seen" in models and name in ("daily", "lines", "latest", "totals"):
            one["from"] = dice.choice(["clean.orders", "curated.seen"])
        elif len(models) > 1 and name != "seen":
            del models[name]
            return f"model {name} is gone"
        else:
            missing = dice.choice(sorted(set(MODELS) - set(models) - ({"history"} if not self.settings["has_key"] else set())) or [name])
            models[missing] = {"write": MODELS[missing][0], "k": 0, "from": "clean.orders"}
            name = missing
        return f"model {name}: {models[name]}"

    def change(self):
        dice = self.dice.random()
        if dice < 0.22:
            return self.add_file()
        if dice < 0.42:
            return self.change_file()
        if dice < 0.50:
            return self.put_customers()
        if dice < 0.84:
            return self.change_contract()
        return self.change_model()
