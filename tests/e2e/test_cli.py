"""What every command prints, as text and as JSON, on a project that was run twice; and dbt's selectors."""
import csv
import io
import json
import re

import pytest

from conftest import ROOT

DAILY = "curated.daily_revenue"
COMMANDS = ("alerts serve worker backfill quickstart init check test generate plan apply run retry trigger cancel pause resume approve reject rollback publications status logs doctor telemetry ls show query diff quarantine verify crashtest attest "
            "contract clean lake lineage pipelines schedule explain config schema "
            "completion docs help version").split()
CODES = re.findall(r'SL_CODE\((\w+), "(SL\d{4})", SL_FATE_(\w+), "([^"]*)",\s*((?:"[^"]*"\s*)+)\)',
                   (ROOT / "src" / "base" / "codes.def").read_text())


def rows_as_dicts(document):
    names = [column["name"] for column in document["columns"]]
    return [dict(zip(names, row, strict=True)) for row in document["rows"]]


# --- text: (arguments, what must stand there)

TEXT = [
    (["version"], r"^sluice \d+\.\d+\.\d+.*duckdb"),
    (["--version"], r"^sluice \d+\.\d+\.\d+"),
    (["help"], r"(?s)quarantine.*lineage"),
    (["help", "run"], r"usage: sluice run \[OPTION\.\.\.\]"),
    (["quarantine", "--help"], r"(?s)quarantine ls.*quarantine show"),
    (["check"], r"^2 sources, 2 contracts, 3 models, 1 target: 0 errors, \d+ warnings?$"),
    (["plan"], r"^0 steps to run, 0 after their inputs, 8 up to date$"),
    (["plan", "--full-refresh", "--why", "-s", "best_day"], r"run +model best_day .*asked for by --full-refresh"),
    (["run"], r"(?s)nothing to do: every table is up to date\nOK 0  UP TO DATE 8  WARN 0  ERROR 0  SKIPPED 0  quarantined 0$"),
    (["retry"], r"nothing to retry: the last run of every step went well"),
    (["status"], r"(?s)quarantined\n\w{8}  ok .* 1\n\w{8}  ok .* 8\n\nestimates within .*"),
    (["logs"], r"cleanse orders +4 in, 3 out, 1 quarantined"),
    (["ls"], r"curated\.best_day +model +1 +1 .*models/finance/best_day\.sql"),
    (["show", "clean.orders"], r"(?s)clean\.orders, version 1 .*115 rows.*amount +DECIMAL\(12,2\).*1  \S+  \w+.*0  \S+  WRITE"),
    (["query", "select count(*) as n from clean.orders"], r"^  n\n115$"),
    (["quarantine", "ls"], r"orders +amount\.type +amount +3 .*'N/A' is not a decimal\(12,2\)"),
    (["quarantine", "show", "orders", "--rule", "status.enum"],
     r"(?s)data/orders-2026-03-02\.csv:\d+\n  status\.enum +'payed' is not one of .*\"status\":\"payed\".*\n1 row$"),
    (["lineage", DAILY], r"(?s)^curated\.daily_revenue\n  <- clean\.orders .*\n    <- raw\.orders "),
    (["lineage", f"{DAILY}.revenue"], r"(?s)<- clean\.orders\.amount  \(computed\)\n    <- raw\.orders\.amount  \(parsed\)"),
    (["lineage", "raw.orders.amount", "-d"], r"(?s)-> clean\.orders\.amount .*-> curated\.daily_revenue\.revenue "
                                              r".*-> curated\.best_day\.revenue"),
    (["lineage"], r"(?m)^curated\.best_day\n  <- curated\.daily_revenue$"),
    (["explain", "sl402"], r"^SL0402: a model reads an unknown table"),
    (["config", "show", "--origin"], r"(?m)^lake +lake +sluice\.yml:\d+$"),
    (["completion", "bash"], r"complete -F _sluice sluice$"),
    (["completion", "zsh"], r"^#compdef sluice"),
    (["completion", "fish"], r"complete -c sluice"),
]


@pytest.mark.parametrize("arguments, expected", TEXT, ids=[" ".join(case[0]) for case in TEXT])
def test_a_command_says_in_text(shop, arguments, expected):
    output = shop.run(*arguments).stdout
    assert re.search(expected, output.strip("\n")), output


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["-v", "--help"], []], ids=" ".join)
def test_help_without_a_command_lists_the_commands(shop, words):
    assert shop.run(*words).stdout == shop.run("help").stdout


@pytest.mark.parametrize("words", [["help"], ["quarantine", "--help"], ["help", "quarantine"]], ids=" ".join)
def test_summaries_stand_below_each_other(shop, words):
    rows = [re.match(r"  \S+( \S+)*  +(?=\S)", line) for line in shop.run(*words).stdout.splitlines() if line.startswith("  ")]
    assert len(rows) > 4 and len({row.end() for row in rows}) == 1


def test_help_lists_every_command(shop):
    overview = shop.run("help").stdout
    assert [name for name in COMMANDS if not re.search(rf"(?m)^  {name}\b", overview)] == []


# --- JSON: (arguments, schema, what is taken out of the document, what that must be)

JSON = [
    (["version"], "version", lambda d: (d["engine"], d["engine_version"].lstrip("v")), ("duckdb", "1.5.5")),
    (["help"], "help", lambda d: sorted({c["name"].split()[0] for c in d["commands"]}), sorted(COMMANDS)),
    (["check"], "check", lambda d: (d["exit_code"], d["errors"], d["counts"]["models"]), (0, [], 3)),
    (["plan"], "plan", lambda d: [(n["name"], n["verdict"], n["version"]) for n in d["nodes"] if n["kind"] == "model"],
     [("curated.customer_value", "fresh", 1), (DAILY, "fresh", 1), ("curated.best_day", "fresh", 1)]),
    (["plan", "-s", "source:orders", "--full-refresh"], "plan",
     lambda d: [(n["step"], n["verdict"], n["why"], n["files"], n["rows"]) for n in d["nodes"]],
     [("ingest orders", "stale", ["asked for by --full-refresh"], 3, 126)]),
    (["run"], "run", lambda d: (d["exit_code"], d["counts"]["nothing"], d["steps"]), (0, 8, [])),
    (["retry"], "run", lambda d: (d["exit_code"], d["steps"]), (0, [])),
    (["status"], "status", lambda d: [(r["command"], r["status"], r["counts"]["quarantined"]) for r in d["runs"]],
     [("run", "ok", 1), ("run", "ok", 8)]),
    (["status", "-n", "1"], "status", lambda d: len(d["runs"]), 1),
    (["ls", "-s", "daily_revenue"], "ls",
     lambda d: [(n["name"], n["kind"], n["version"], n["rows"], n["owner"], n["file"]) for n in d["nodes"]],
     [(DAILY, "model", 1, 42, "finance@example.com", "models/daily_revenue.sql")]),
    (["show", "daily_revenue", "-n", "2"], "show",
     lambda d: (d["table"], d["version"], d["row_count"], d["partition_by"], [h["version"] for h in d["history"]], len(d["rows"]),
                d["columns"][0]), (DAILY, 1, 42, ["day"], [1, 0], 2, {"name": "day", "type": "DATE"})),
    (["show", "clean.orders", "--version", "0"], "show", lambda d: (d["version"], d["row_count"]), (0, 112)),
    (["query", "select 1 as a, 2.50::decimal(9,2) as b, null as c, true as d, [1, 2] as e"], "query",
     lambda d: (d["rows"], d["is_cut"]), ([[1, "2.50", None, True, [1, 2]]], False)),
    (["query", "from clean.orders", "-n", "3"], "query", lambda d: (len(d["rows"]), d["is_cut"]), (3, True)),
    (["quarantine", "ls"], "quarantine.ls", lambda d: {r["rule"]: r["rows"] for r in d["rows"]},
     {"amount.type": 3, "amount.range": 1, "corrupt": 1, "currency.format": 1, "customer_id.type": 1, "email.format": 1,
      "order_date.type": 1, "order_id.required": 1, "status.enum": 1}),
    (["quarantine", "ls", "orders"], "quarantine.ls",
     lambda d: [r["example_row"]["amount"] for r in d["rows"] if r["rule"] == "amount.range"], ["-3.50"]),
    (["quarantine", "show", "clean.orders", "--rule", "email.format"], "quarantine.show",
     lambda d: [(r["payload"]["email"], [reason["rule"] for reason in r["reasons"]]) for r in d["rows"]],
     [("no-at-sign", ["currency.format", "email.format"])]),
    (["quarantine", "show", "orders", "--source", "orders-2026-03-03.csv"], "quarantine.show",
     lambda d: [(r["source"], r["position"], r["payload"]["amount"]) for r in d["rows"]],
     [("data/orders-2026-03-03.csv", 5, "free")]),
    (["quarantine", "show", "orders", "--version", "0", "-n", "0"], "quarantine.show", lambda d: len(d["rows"]), 8),
    (["quarantine", "show", "orders", "--rule", "corrupt"], "quarantine.show",
     lambda d: ["an extra field, and another" in json.dumps(r["payload"]) for r in d["rows"]], [True]),
    (["lineage", f"{DAILY}.country"], "lineage",
     lambda d: [(e["from_table"], e["from_column"], e["how"]) for e in d["edges"] if e["how"] != "decides rows"],
     [("clean.customers", "country", "passed on"), ("raw.customers", "country", "parsed"), ("source.customers", "country", "read")]),
    (["lineage", "best_day"], "lineage",
     lambda d: sorted({(e["from_table"], e["to_table"]) for e in d["edges"] if e["from_column"] == "revenue"}),
     [(DAILY, "curated.best_day")]),
    (["lineage"], "lineage", lambda d: sorted({e["to_table"] for e in d["edges"]}),
     ["clean.customers", "clean.orders", "curated.best_day", "curated.customer_value", DAILY, "raw.customers", "raw.orders",
      "target.reports.daily_revenue"]),
    (["lineage", "target.reports.daily_revenue.day"], "lineage", lambda d: (d["edges"][0]["from_table"], d["edges"][0]["from_column"]),
     (DAILY, "day")),
    (["explain"], "explain", lambda d: [c["code"] for c in d["codes"]], [code for _, code, _, _, _ in CODES]),
    (["config", "show"], "config", lambda d: d["settings"]["name"], {"value": "quickstart", "origin": "sluice.yml:2"}),
    (["completion", "bash"], "completion", lambda d: (d["shell"], "complete -F" in d["script"]), ("bash", True)),
]


@pytest.mark.parametrize("arguments, schema, take, expected", JSON, ids=[" ".join(case[0]) for case in JSON])
def test_a_command_says_in_json(shop, arguments, schema, take, expected):
    document = shop.json(*arguments)
    assert document["schema"] == f"sluice.{schema}/1"
    assert take(document) == expected


def test_docs_writes_what_it_says(shop, tmp_path):
    document = shop.json("docs", tmp_path)
    assert (document["schema"], document["folder"]) == ("sluice.docs/1", str(tmp_path))
    assert sorted(document["files"]) == sorted(file.name for file in tmp_path.iterdir())
    assert all(f"## sluice {name}" in (tmp_path / "commands.md").read_text() for name in COMMANDS if name not in ("quarantine", "config"))


@pytest.mark.parametrize("run, out, status", [("first_run", 112, "warn"), ("second_run", 3, "ok")])
def test_status_and_logs_of_a_run_tell_its_steps(shop, run, out, status):
    run_id = getattr(shop, run)
    document = shop.json("status", run_id[:8])
    step = {step["step"]: step for step in document["steps"]}["cleanse orders"]
    assert (document["schema"], document["run"]["run_id"]) == ("sluice.status.run/1", run_id)
    assert (step["status"], step["rows"]["out"], step["table"]) == (status, out, "clean.orders")
    logs = shop.json("logs", run_id, "clean.*")
    assert (logs["schema"], logs["run_id"]) == ("sluice.logs/1", run_id)
    assert [line["step"] for line in logs["lines"] if line["table"] == "clean.orders"] == ["cleanse orders"]
    assert all(line["run_id"] == run_id and line["table"].startswith("clean.") for line in logs["lines"])
    assert re.search(rf"cleanse orders +{status} .* {out} ", shop.run("status", run_id[:8]).stdout)


# --- query

def query(project, sql, *options):
    return project.json("query", sql, *options)["rows"]


def test_query_reads_a_table_as_it_was_at_a_version_or_a_time(shop):
    count = "select count(*) from clean.orders"
    first = shop.json("show", "clean.orders")["history"][-1]["time"]  # before anything was published
    second = shop.json("publications", "2")["at"]
    assert query(shop, count) == [[115]]
    assert query(shop, count, "--version", "clean.orders=0") == [[112]]
    assert query(shop, count, "--version", "0") == [[112]]
    assert query(shop, count, "--at", first) == [[112]]
    assert query(shop, count, "--at", second) == [[115]]
    both = "select (select count(*) from clean.orders), (select count(*) from raw.orders)"
    assert query(shop, both, "--version", "orders=0") == [[112, 122]]
    assert query(shop, both, "--version", "raw.orders=0") == [[115, 122]]


@pytest.mark.parametrize("sql, options, code", [
    ("from clean.oders", [], "SL0501"),
    ("from clean.orders", ["--version", "7"], "SL0502"),
    ("from clean.orders", ["--at", "2001-01-01"], "SL0502"),
    ("from clean.orders", ["--at", "yesterday"], "SL0901"),
    ("from clean.orders", ["--version", "customers=0"], "SL0901"),
    ("select nothing from clean.orders", [], "SL0112"),
    ("selec 1", [], "SL0401"),
    ("delete from clean.orders", [], "SL0405"),
    ("select 1; select 2", [], "SL0405"),
], ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_a_query_that_cannot_be_answered_is_refused(shop, sql, options, code):
    document = shop.json("query", sql, *options, exit_code=1)
    assert (document["schema"], document["error"]["code"]) == ("sluice.error/1", code)


def test_query_prints_csv_that_a_reader_gets_the_values_back_from(shop):
    text = shop.run("query", "select 'a,\"b\"' as x, '' as y, null as z, 'two\nlines' as w", "--format", "csv").stdout
    assert list(csv.reader(io.StringIO(text))) == [["x", "y", "z", "w"], ['a,"b"', "", "", "two\nlines"]]


# --- explain

@pytest.mark.parametrize("name, code, fate, title, words", CODES, ids=[code for _, code, _, _, _ in CODES])
def test_explain_knows_the_code(shop, name, code, fate, title, words):
    explanation = "".join(re.findall(r'"([^"]*)"', words))
    assert shop.json("explain", code) == {"schema": "sluice.explain/1", "codes": [
        {"code": code, "fate": fate.lower(), "title": title, "explanation": explanation}]}
    assert shop.run("explain", code).stdout.split() == f"{code}: {title} {explanation}".split()


# --- selectors

SELECTIONS = [
    (["daily_revenue"], "curated.daily_revenue"),
    (["+daily_revenue"], "clean.customers clean.orders curated.daily_revenue raw.customers raw.orders"),
    (["daily_revenue+"], "curated.best_day curated.daily_revenue target.reports.daily_revenue"),
    (["1+daily_revenue"], "clean.customers clean.orders curated.daily_revenue"),
    (["2+best_day"], "clean.customers clean.orders curated.best_day curated.daily_revenue"),
    (["2+daily_revenue+1"], "clean.customers clean.orders curated.best_day curated.daily_revenue raw.customers raw.orders "
                            "target.reports.daily_revenue"),
    (["clean.orders+1"], "clean.orders curated.customer_value curated.daily_revenue"),
    (["@best_day"], "clean.customers clean.orders curated.best_day curated.daily_revenue raw.customers raw.orders"),
    (["@clean.customers"], "clean.customers clean.orders curated.best_day curated.customer_value curated.daily_revenue "
                           "raw.customers raw.orders target.reports.daily_revenue"),
    (["tag:finance"], "curated.best_day"),
    (["tag:fin*"], "curated.best_day"),
    (["1+tag:finance"], "curated.best_day curated.daily_revenue"),
    (["tag:sales"], "clean.orders raw.orders"),
    (["path:models/finance"], "curated.best_day"),
    (["path:models"], "curated.best_day curated.customer_value curated.daily_revenue"),
    (["models/daily_revenue.sql"], "curated.daily_revenue"),
    (["file:best_day.sql"], "curated.best_day"),
    (["source:orders"], "raw.orders"),
    (["source:orders+1"], "clean.orders raw.orders"),
    (["fqn:daily_*"], "curated.daily_revenue"),
    (["resource_type:target"], "target.reports.daily_revenue"),
    (["config.write:partition"], "curated.daily_revenue"),
    (["state:old"], "clean.customers clean.orders curated.best_day curated.customer_value curated.daily_revenue raw.customers "
                    "raw.orders target.reports.daily_revenue"),
    (["tag:finance source:orders"], "curated.best_day raw.orders"),
    (["tag:finance", "-s", "source:orders"], "curated.best_day raw.orders"),
    (["+best_day,tag:sales"], "clean.orders raw.orders"),
    (["+best_day,tag:sales,source:*"], "raw.orders"),
    (["source:customers +best_day,path:models"], "curated.best_day curated.daily_revenue raw.customers"),
    (["+best_day", "--exclude", "source:* clean.customers"], "clean.orders curated.best_day curated.daily_revenue"),
    (["path:models", "--exclude", "daily_revenue+"], "curated.customer_value"),
    (["state:modified"], ""),
    (["result:error"], ""),
]


def selected(project, *arguments):
    return " ".join(sorted(node["name"] for node in project.json("ls", *arguments)["nodes"]))


@pytest.mark.parametrize("select, expected", SELECTIONS, ids=[" ".join(select) for select, _ in SELECTIONS])
def test_a_selector_takes(shop, select, expected):
    assert selected(shop, "-s", *select) == expected


def test_select_and_exclude_take_all_words_up_to_the_next_option(shop):
    words = ["--select", "+best_day,tag:sales", "source:customers", "--exclude", "raw.orders", "raw.customers", "-q"]
    assert selected(shop, *words) == "clean.orders"
    assert selected(shop, "-s", "best_day", "customer_value", "-v") == "curated.best_day curated.customer_value"
    assert "2 up to date" in shop.run("plan", "-s", "best_day", "customer_value").stdout
    run = shop.json("run", "--dry-run", "--select", "best_day", "customer_value")
    assert run == shop.json("run", "--dry-run", "--select", "best_day customer_value")


@pytest.mark.parametrize("words, message", [
    (["--select"], "--select needs a value"),
    (["--select", "-q"], "--select needs a value"),
    (["--exclude", "--select", "a"], "--exclude needs a value"),
    (["--select=best_day", "customer_value"], "unexpected argument 'customer_value'"),
])
def test_select_without_a_word_and_a_word_after_a_bound_one_are_refused(shop, words, message):
    assert message in shop.run("run", *words, exit_code=1).stderr


def test_a_pattern_of_exclude_that_is_of_nothing_is_refused(shop):
    refused = shop.run("run", "--exclude", "daily_revenue", "nosuchthing", exit_code=1).stderr
    assert "nothing is 'nosuchthing'" in refused
    assert "nosuchthing" not in shop.run("plan", "--exclude", "state:new", "result:error").stderr, "of a state nothing may be"


def test_exclude_alone_leaves_the_rest(shop):
    assert selected(shop, "--exclude", "resource_type:source resource_type:contract daily_revenue+") == "curated.customer_value"


@pytest.mark.parametrize("selector", ["no_such_model", "tag:none", "colour:red", "state:purple", "+", "a+b", "daily_revenue,tag:finance"])
def test_a_selector_that_takes_nothing_or_means_nothing_is_refused(shop, selector):
    assert shop.json("ls", "-s", selector, exit_code=1)["error"]["code"] == "SL0705"


def test_state_modified_takes_what_was_changed_and_with_a_plus_what_depends_on_it(own_shop):
    model = own_shop.folder / "models" / "daily_revenue.sql"
    model.write_text(model.read_text().replace("count(*) as orders", "count(o.order_id) as orders"))
    assert selected(own_shop, "-s", "state:modified") == DAILY
    assert selected(own_shop, "-s", "state:modified+") == f"curated.best_day {DAILY} target.reports.daily_revenue"
    assert selected(own_shop, "-s", "state:modified+,tag:finance") == "curated.best_day"
    own_shop.write("models/fresh.sql", "select 1 as one")
    assert selected(own_shop, "-s", "state:new") == "curated.fresh"
    assert selected(own_shop, "-s", "state:unmodified,path:models") == "curated.best_day curated.customer_value"


def test_a_comment_or_a_blank_in_a_model_modifies_nothing(own_shop):
    model = own_shop.folder / "models" / "daily_revenue.sql"
    model.write_text(model.read_text().replace("group by all", "group\n  by all -- of them"))
    assert selected(own_shop, "-s", "state:modified") == ""
