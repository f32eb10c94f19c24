"""What the program writes and reads around a project: init, quickstart, schemas, completion, settings, secrets."""
import csv
import gzip
import json
import os
import pathlib
import re
import subprocess

import duckdb
import jsonschema
import pytest
import yaml

from conftest import ROOT

KINDS = {"project": "sluice.yml", "source": "sources/*.yml", "contract": "contracts/*.yml", "target": "targets/*.yml",
         "task": "tasks/*.yml", "pipeline": "pipelines/*.yml", "test": "tests/*.yml"}


# --- init and quickstart

def write_csv(file):
    with file.open("w", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(["order id", "when", "amount", "paid"])
        writer.writerows([n, f"{1 + n % 28:02}.01.2026", f"{n}.50", "true" if n % 2 else "false"] for n in range(1, 101))
        writer.writerow(["x", "31.02.2026", "1.00", "true"])


def write_jsonl(file):
    lines = [{"id": n, "at": f"2026-01-01T00:00:{n % 60:02}Z", "tags": ["a", "b"], "score": n / 4} for n in range(1, 101)]
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"id": "none", "at": None, "tags": [], "score": 1}]))


def write_parquet(file):
    duckdb.sql("copy (select i as id, 'number ' || i as name, (i * 1.5)::decimal(9, 2) as price, date '2026-01-01' + i::int as day "
               f"from range(100) t(i)) to '{file}' (format parquet)")


DRAFTS = [
    ("orders.csv", write_csv, {"order_id": "BIGINT", "when": "DATE", "amount": "DECIMAL", "paid": "BOOLEAN"}, 100, 1),
    ("events.jsonl", write_jsonl, {"id": "BIGINT", "at": "TIMESTAMP WITH TIME ZONE", "tags": "VARCHAR", "score": "DECIMAL"}, 100, 1),
    ("prices.parquet", write_parquet, {"id": "BIGINT", "name": "VARCHAR", "price": "DECIMAL(9,2)", "day": "DATE"}, 100, 0),
]


@pytest.mark.parametrize("name, write, types, good, bad", DRAFTS, ids=[draft[0] for draft in DRAFTS])
def test_init_drafts_a_project_that_runs_from(project, name, write, types, good, bad):
    data = project.folder / "data"
    data.mkdir()
    write(data / name)
    source = name.split(".")[0]
    written = project.json("init", "--from", f"data/{name}")
    assert written["schema"] == "sluice.init/1"
    assert sorted(written["files"]) == [f"contracts/{source}.odcs.yml", "sluice.yml", f"sources/{source}.yml"]
    assert all((project.folder / file).exists() for file in written["files"])
    for file, kind in (("sluice.yml", "project"), (f"sources/{source}.yml", "source"), (f"contracts/{source}.odcs.yml", "contract")):
        line = (project.folder / file).read_text().splitlines()[0]
        schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)[1]
        assert json.loads(((project.folder / file).parent / schema).read_text()) == json.loads(project.run("schema", kind).stdout)
    project.json("check")
    steps = {step["table"]: step for step in project.json("run")["steps"]}
    assert steps[f"clean.{source}"]["rows"] == {
        "in": good + bad, "out": good, "quarantined": bad, "deduplicated": 0, "filtered": 0, "replaced": 0, "set_aside_rows": 0, "set_aside_values": 0}
    found = {c["name"]: c["type"] for c in project.json("show", f"clean.{source}")["columns"] if c["name"][0] != "_"}
    assert found.keys() == types.keys()
    assert {column: found[column][:len(wanted)] for column, wanted in types.items()} == types


def parquet(query):
    def write(file):
        duckdb.sql(f"copy ({query}) to '{file}' (format parquet)")
    return write


LATIN = "id,name\n1,J\xfcrgen\n2,Bj\xf6rn\n"
# Each file by name: its content, and the source it becomes a part of; None: it is named as skipped.
VARIETY = {
    "tabs.txt": ("id\tname\n1\tAnn\n2\tBob\n", "data"),
    "real.tsv": ("id\tname\n3\tAnn\n4\tBob\n", "data"),
    "semi.csv": ("id;name\n1;Ann\n2;Bob\n", "semi"),
    "pipe.csv": ("id|name\n1|Ann\n2|Bob\n", "pipe"),
    "latin.csv": (LATIN.encode("latin-1"), "latin"),
    "utf8.csv": ("who,what\n1,J\xfcrgen\n2,Bj\xf6rn\n", "utf8"),
    "utf16.csv": ("a16,b16\n1,J\xfcrgen\n".encode("utf-16"), "utf"),
    "bare16.csv": ("a17,b17\n1,J\xfcrgen\n".encode("utf-16-le"), "bare"),
    "month-1.csv.gz": (gzip.compress(b"m,n\n1,2\n"), "month"),
    "month-2.csv.gz": (gzip.compress(b"m,n,added\n3,4,x\n"), "month"),
    "month-3.csv.gz": (gzip.compress(b"other,columns\n3,4\n"), "month_3"),
    "mixed-1.csv": ("day,t\n1,plain\n", "mixed"),
    "mixed-2.csv": ("day,t\n2,J\xfcrgen\n".encode("latin-1"), "mixed"),
    "mixed-3.csv": ("day,t\n3,J\xfcrgen\n", "mixed_3"),
    "lines.jsonl": ('{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n', "lines"),
    "array.json": ('[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]', "array"),
    "shape1.parquet": (parquet("select 1::integer as id, 'x' as name"), "shape"),
    "shape2.parquet": (parquet("select 2 as id, date '2026-01-01' as day"), "shape2"),
    "shape3.parquet": (parquet("select 3::bigint as id, 'y' as name"), "shape"),
    "shape4.parquet": (parquet("select '4' as id, 'y' as name"), "shape4"),
    "header.csv": ("h1,h2\n", "header"),
    "places-1.csv": ("1,2.5,2026-01-01\n", "places"),
    "places-2.csv": ("2,2.5,2026-01-02\n", "places"),
    "elsewhere.csv": ("7,8.5,2026-01-02\n", "elsewhere"),
    "with space.csv": ("k,v\n1,2\n", "with_space"),
    "Stra\xdfe [1]*.csv": ("street,town\na,b\n", "stra_e_1"),
    "a b.csv": ("x3,y3\n1,2\n", "a_b"),
    "a-b.csv": ("x1,y1\n1,2\n", "a_b_csv"),
    "a_b.csv": ("x2,y2\n1,2\n", "a_b_2"),
    "deep/down/select.csv": ("d1,d2\n1,2\n", "select"),
    "n" * 200 + ".csv": ("n1,n2\n1,2\n", "n" * 60),
    "empty.csv": ("", None), "empty.json": ("", None), "empty.parquet": ("", None), "nothing.csv.gz": (gzip.compress(b""), None),
    "none.json": ("[]", None), "broken.json": ('{"a": [1,', None), "broken.parquet": (b"PAR1garbagePAR1", None),
    "cut.csv.gz": (gzip.compress(b"c1,c2\n" + b"5,E\n" * 5000)[:40], None),
    "zip.csv": (bytes(range(256)) * 20, None), "notes.md": ("# notes\n", None),
}


def write_variety(folder):
    for name, (content, _) in VARIETY.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(file)
        else:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_init_drafts_a_folder_of_all_kinds_of_files_into_sources_that_run(project):
    write_variety(project.folder / "data")
    written = project.json("init", "shop", "--from", "data")
    skipped = {file["file"].removeprefix("data/"): file["reason"] for file in written["skipped"]}
    assert skipped.keys() == {name for name, (_, source) in VARIETY.items() if not source}, skipped
    assert {name for name, reason in skipped.items() if reason == "it is empty"} == {
        "empty.csv", "empty.json", "empty.parquet", "nothing.csv.gz", "none.json"}
    assert project.json("check", "-C", "shop")["errors"] == []
    document = project.json("run", "-C", "shop")
    assert document["counts"]["error"] == 0 and document["counts"]["quarantined"] == 0
    found = {}
    for source in written["files"]:
        if source.startswith("sources/"):
            name = pathlib.Path(source).stem
            for (file,) in project.json("query", f"select distinct _source from raw.{name}", "-C", "shop")["rows"]:
                found[file.removeprefix("../data/")] = name
    assert found == {name: source for name, (_, source) in VARIETY.items() if source and name != "header.csv"}
    for name, column in (("latin", "name"), ("utf8", "what"), ("utf", "b16"), ("bare", "b17"), ("mixed", "t"), ("mixed_3", "t")):
        rows = project.json("query", f"select {column} from clean.{name}", "-C", "shop")["rows"]
        assert ["J\xfcrgen"] in rows, (name, rows)
    assert "nothing to do" in project.run("run", "-C", "shop").stdout


def test_init_overwrites_nothing(project):
    project.run("init", "--template", "quickstart")
    before = {file: file.read_bytes() for file in project.folder.rglob("*") if file.is_file()}
    for arguments in (["init", "--template", "quickstart"], ["init", "--from", "data/customers.jsonl"], ["init"]):
        assert project.json(*arguments, exit_code=1)["error"]["code"] == "SL0106"
    assert {file: file.read_bytes() for file in project.folder.rglob("*") if file.is_file()} == before


def test_init_adds_a_source_to_a_project_that_is_there(project):
    project.run("init", "--template", "quickstart")
    project.write("data/cities.csv", "city,people\nBerlin,3700000\nParis,2100000\n")
    assert project.json("init", "--from", "data/cities.csv")["files"] == ["sources/cities.yml", "contracts/cities.odcs.yml"]
    assert project.json("run")["counts"]["error"] == 0
    assert project.rows("clean.cities", "city, people") == [("Berlin", "3700000"), ("Paris", "2100000")]


@pytest.mark.parametrize("file_count, is_repeated, key", [(5, True, None), (5, False, "order_id"), (21, False, None), (1, False, "order_id")])
def test_init_drafts_a_key_only_if_it_holds_across_all_files(project, file_count, is_repeated, key):
    for k in range(file_count):
        first = 1 if is_repeated else 1 + 50 * k
        project.write(f"data/orders-{k}.csv", "order_id,amount\n" + "".join(f"{i},{k}{i}.5\n" for i in range(first, first + 50)))
    project.json("init", "--from", "data/orders-*.csv")
    contract = yaml.safe_load((project.folder / "contracts/orders.odcs.yml").read_text())
    assert [p["name"] for p in contract["schema"][0]["properties"] if p.get("primaryKey")] == ([key] if key else [])
    project.run("run")
    assert project.count("clean.orders") == 50 * file_count


def test_init_counts_keys_whose_columns_differ_from_file_to_file(project):
    """In another place, as another type, or missing."""
    project.write("data/a.jsonl", "".join(f'{{"id": {i}, "note": "a", "other_id": {i}}}\n' for i in range(50)))
    project.write("data/b.jsonl", "".join(f'{{"note": "b", "id": {i}}}\n' for i in range(50)))
    project.json("init", "--from", "data/*.jsonl")
    project.run("run")
    assert sum(project.count(f"clean.{file.name.split('.')[0]}") for file in (project.folder / "contracts").iterdir()) == 100


@pytest.mark.parametrize("has_good_file", [True, False])
def test_a_file_whose_name_is_no_utf8_is_told_and_the_run_is_kept(project, has_good_file):
    project.write("sluice.yml", "name: names\nlake: lake\n")
    project.write("sources/data.yml", "path: data/*.csv\n")
    bad = project.write("data/good.csv", "id\n1\n")
    bad.with_name(os.fsdecode(b"bad\xff.csv")).write_bytes(bad.read_bytes())
    if not has_good_file:
        bad.unlink()
    document = project.json("run", exit_code=None)
    told = "'data/bad\ufffd.csv': its name is not UTF-8 (byte 0xff)"
    assert told in json.dumps(document["steps"][0], ensure_ascii=False)
    (run,) = project.json("status")["runs"]
    assert run["status"] == ("partial" if has_good_file else "error")
    assert told in project.run("status", run["run_id"]).stdout + project.run("logs").stdout
    assert project.json("logs")["lines"]
    (project.folder / "data" / os.fsdecode(b"none\xff.csv")).touch()
    assert "none\ufffd.csv" in project.json("init", "new", "--from", "data/none*", exit_code=1)["error"]["message"]
    project.write("data/fine.csv", "id\n1\n")
    assert "data/none\ufffd.csv" in [file["file"] for file in project.json("init", "new", "--from", "data")["skipped"]]


@pytest.mark.parametrize("pattern", ["empty", "nowhere", "data.csv"])
def test_init_that_drafts_nothing_leaves_no_folder_it_made(project, pattern):
    (project.folder / "empty").mkdir()
    project.write("data.csv", "")
    project.run("init", "shop", "--from", pattern, exit_code=1)
    assert not (project.folder / "shop").exists()
    (project.folder / "mine").mkdir()
    project.run("init", "mine", "--from", pattern, exit_code=1)
    assert (project.folder / "mine").is_dir()


@pytest.mark.parametrize("arguments, code", [
    (["--template", "none"], "SL0901"),
    (["--from", "nowhere/*.csv"], "SL0105"),
])
def test_init_refuses(project, arguments, code):
    assert project.json("init", *arguments, exit_code=1)["error"]["code"] == code
    assert not (project.folder / "sluice.yml").exists()


def test_quickstart_writes_runs_and_shows_a_project(project):
    output = project.run("quickstart").stdout
    for part in (r"wrote a project with two sources", r"\$ sluice run", r"cleanse orders +122 +112 +8 +2 +0",
                 r"\$ sluice quarantine ls", r"orders +order_date\.type +order_date +1 .*'2026-02-31' is not a date",
                 r'\$ sluice query "from curated.daily_revenue', r"2026-03-01 +AT +SEK +2 +103\.23", r"next: cd sluice-quickstart"):
        assert re.search(part, output), f"{part}\n{output}"
    assert (project.folder / "sluice-quickstart" / "out").exists()
    document = project.json("quickstart", "second")
    assert (document["schema"], document["exit_code"], document["counts"]["quarantined"]) == ("sluice.run/1", 0, 8)
    assert project.json("quickstart", "second", exit_code=1)["error"]["code"] == "SL0106"


# --- schemas of files

@pytest.fixture(scope="module")
def schemas(shop):
    found = {kind: json.loads(shop.run("schema", kind).stdout) for kind in [*KINDS, "model"]}
    assert json.loads(shop.run("schema").stdout) == found
    assert shop.json("schema") == {"schema": "sluice.schema/1", "kinds": found}
    assert shop.json("schema", "model") == {"schema": "sluice.schema/1", "kinds": {"model": found["model"]}}
    return found


def errors_of(schema, document):
    return sorted(error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document))


def settings_of(model):
    """The settings in the leading comment of a model, as a document."""
    comment = re.match(r"/\* sluice\n(.*?)\*/", model.read_text(), re.S)
    return (yaml.safe_load(comment[1]) or {}) if comment else {}


@pytest.mark.parametrize("kind", [*KINDS, "model"])
def test_a_schema_is_one_itself_and_accepts_the_files_of(schemas, kind):
    jsonschema.Draft202012Validator.check_schema(schemas[kind])
    read = 0
    for folder in (ROOT / "templates" / "quickstart", ROOT / "examples" / "flights"):
        for file in folder.glob("models/**/*.sql" if kind == "model" else KINDS[kind]):
            document = settings_of(file) if kind == "model" else yaml.safe_load(file.read_text())
            assert errors_of(schemas[kind], document) == [], file
            read += 1
    if kind == "task":  # those of the docs
        for text in re.findall(r"(?m)^    # tasks/\w+\.yml\n((?:    .+\n)+)", (ROOT / "docs" / "tasks.md").read_text()):
            assert errors_of(schemas[kind], yaml.safe_load(text)) == [], text
            read += 1
    assert read >= 2


BAD_FILES = [
    ("project", {}, "'name' is a required property"),
    ("project", {"name": "shop", "lak": "lake"}, "'lak' was unexpected"),
    ("project", {"name": "shop", "checks": {"requirements": "loud"}}, "is not valid under any of the given schemas"),
    ("project", {"name": "shop", "engine": {"threads": [2]}}, "[2] is not"),
    ("project", {"name": "shop", "environments": {"prod": {"lak": "x"}}}, "'lak' was unexpected"),
    ("source", {"description": "no path"}, "'path' is a required property"),
    ("source", {"path": "data/*.csv", "formt": "csv"}, "'formt' was unexpected"),
    ("source", {"path": "data/*.csv", "format": "xls"}, "is not valid under any of the given schemas"),
    ("source", {"path": "data/*.csv", "csv": {"separator": ";"}}, "'separator' was unexpected"),
    ("contract", {"kind": "DataContract", "schema": "orders"}, "'orders' is not"),
    ("model", {"write": "sometimes"}, "is not valid under any of the given schemas"),
    ("model", {"partition": ["day"]}, "'partition' was unexpected"),
    ("target", {"type": "csv", "path": "out"}, "'deliver' is a required property"),
    ("target", {"type": "tape", "deliver": []}, "is not valid under any of the given schemas"),
    ("target", {"type": "csv", "deliver": [{"to": "x"}]}, "'table' is a required property"),
    ("pipeline", {"when": [{"cronn": "@daily"}]}, "'cronn' was unexpected"),
    ("pipeline", {"overlap": "wait"}, "is not valid under any of the given schemas"),
    ("test", {"givn": {}}, "'givn' was unexpected"),
    ("test", {"runs": [{"expects": {}}]}, "'expects' was unexpected"),
]


@pytest.mark.parametrize("kind, document, message", BAD_FILES, ids=[f"{kind} {json.dumps(document)}" for kind, document, _ in BAD_FILES])
def test_a_schema_refuses(schemas, kind, document, message):
    found = errors_of(schemas[kind], document)
    assert any(message in error for error in found), found


def test_an_unknown_kind_of_file_has_no_schema(shop):
    assert shop.json("schema", "sorce", exit_code=1)["error"]["hint"] == "did you mean 'source'?"


# --- completion

COMPLETIONS = [
    (["qua"], ["quarantine"]),
    (["quarantine", ""], ["discard", "export", "ls", "replay", "show"]),
    (["contract", ""], ["diff", "export", "import", "lint", "show", "test"]),
    (["contract", "export", "x", "--format", ""], ["odcs", "jsonschema", "sql", "avro"]),
    (["ret"], ["retry"]),
    (["sche"], ["schedule", "schema"]),
    (["schedule", ""], ["next"]),
    (["ro"], ["rollback"]),
    (["pu"], ["publications"]),
    (["show", "clean."], ["clean.customers", "clean.orders"]),
    (["show", "curated.b"], ["curated.best_day"]),
    (["quarantine", "show", "quarantine.o"], ["quarantine.orders"]),
    (["query", "--for"], ["--format"]),
    (["diff", "clean.o"], ["clean.orders"]),
    (["diff", "clean.orders@1", "clean.o"], ["clean.orders"]),
    (["query", "--format", ""], ["text", "csv", "json"]),
    (["query", "--format", "=", "c"], ["csv"]),
    (["run", "--select", "tag", ":"], ["finance", "sales"]),
    (["run", "-s", "+best"], ["+best_day"]),
    (["run", "-s", "orders", "+best"], ["+best_day"]),
    (["run", "-s", "orders", "--excl"], ["--exclude"]),
    (["run", "-s", "daily_revenue,ta"], ["daily_revenue,tag:", "daily_revenue,tag:finance", "daily_revenue,tag:sales"]),
    (["explain", "SL070"], ["SL0701", "SL0702", "SL0703", "SL0704", "SL0705", "SL0706", "SL0707", "SL0708", "SL0709"]),
    (["completion", "b"], ["bash"]),
    (["schema", "t"], ["target", "task", "test"]),
    (["apply", "sl"], ["sluice.yml"]),
    (["lineage", "--down"], ["--downstream"]),
    (["nonsense", ""], []),
]


@pytest.mark.parametrize("words, expected", COMPLETIONS, ids=[" ".join(words) for words, _ in COMPLETIONS])
def test_bash_completes(shop, words, expected):
    script = """source <(sluice completion bash)
        complete -p sluice >/dev/null || exit 9
        COMP_WORDS=(sluice "$@"); COMP_CWORD=$#
        _sluice; printf '%s\\n' "${COMPREPLY[@]}" """
    environment = {"PATH": f"{shop.binary.parent}:/usr/bin:/bin", "NO_COLOR": "1"}
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], cwd=shop.folder, env=environment, capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == sorted(expected)


# --- settings

def test_config_show_tells_where_each_setting_came_from(project):
    project.write("sluice.yml", "name: shop\nlake: of_file\nconcurrency: 1\nstate: of_file\nengine:\n  memory: 1GB\n  threads: 1\n"
                  "environments:\n  prod:\n    lake: of_section\n    engine: {threads: 2}\n    concurrency: 2\n  test: {}\n")
    variables = {"SLUICE_ENGINE_THREADS": "3", "SLUICE_CONCURRENCY": "3", "SLUICE_ENV": "test"}
    document = project.json("config", "show", "--origin", "--env", "prod", "--set", "state=of_flag", env=variables)
    settings = {key: (setting["value"], setting["origin"]) for key, setting in document["settings"].items()}
    assert document["schema"] == "sluice.config/1"
    assert {key: settings[key] for key in ("environment", "lake", "engine.memory", "engine.threads", "concurrency", "state",
                                           "checks.requirements", "quarantine.max_share")} == {
        "environment": ("prod", "flag"),  # before SLUICE_ENV
        "concurrency": ("3", "environment variable SLUICE_CONCURRENCY"),  # before the section, before the file
        "engine.threads": ("3", "environment variable SLUICE_ENGINE_THREADS"),
        "lake": ("of_section", "sluice.yml:10 (environment prod)"),  # before the file
        "engine.memory": ("1GB", "sluice.yml:6"),
        "state": ("of_flag", "flag"),
        "checks.requirements": ("warn", "default"),
        "quarantine.max_share": (None, "default"),
    }
    text = project.run("config", "show", "--origin", env={"SLUICE_ENV": "test"}).stdout
    assert re.search(r"(?m)^environment +test +environment variable SLUICE_ENV$", text)
    assert re.search(r"(?m)^concurrency +1 +sluice\.yml:3$", text)


def test_the_setting_that_wins_is_the_one_that_is_used(project):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nlake: one\nenvironments: {prod: {lake: two}}\n")
    project.write("models/one.sql", "select 1 as one")
    for arguments, variables, folder in ((["run", "--set", "lake=four"], {"SLUICE_LAKE": "three"}, "four"),
                                         (["run"], {}, "one"), (["run", "-e", "prod"], {}, "two"),
                                         (["run", "-e", "prod"], {"SLUICE_LAKE": "three"}, "three")):
        project.run(*arguments, env=variables)
        assert (project.folder / folder / "curated" / "one" / "_delta_log").exists()
    assert project.json("run", "--env", "prd", exit_code=1)["errors"][0]["code"] == "SL0211"


# --- secrets

SECRETS = {"env": "hush-of-the-environment", "dotenv": "hush-of-dotenv", "file": 'hush "of" a\\file', "exec": "hush'of'a'command"}
COMMANDS = ["check -v", "plan", "plan -o plan.json", "run -v", "run --json", "run --log-format json -v", "retry", "retry --json", "status",
            "status --json", "logs", "logs --json", "ls", "ls --json", "show tagged", "show tagged --json", "show tagged --profile", "diff tagged raw.lines --json", "lineage", "lineage --json",
            "config show --origin", "config show --json", "quarantine ls", "check --json", "query from_raw --json", "complete -- run -s tag:", "pipelines", "pipelines nightly",
            "pipelines --json"]


def secret_project(project):
    project.write(".env", f"DOTENV={SECRETS['dotenv']}\n")
    project.write("token.txt", SECRETS["file"] + "\n")
    project.write("token.sh", f"#!/bin/sh\ncat <<'E'\n{SECRETS['exec']}\nE\n").chmod(0o755)
    project.write("sluice.yml", "name: shop\nchecks: {requirements: warn}\ndescription: ${env:DOTENV}\ndefaults:\n  owner: ${env:FROM_ENV}\n")
    project.write("data/lines.csv", "a,b\n1,2\n")
    project.write("sources/lines.yml", "path: data/lines.csv\ndescription: '${file:token.txt} and ${env:DOTENV}'\nowner: ${file:token.txt}\n"
                  "consumers: ['${exec:./token.sh}']\n")
    project.write("pipelines/nightly.yml", "description: '${file:token.txt}'\nowner: ${env:DOTENV}\n")
    project.write("models/tagged.sql", "/* sluice\ndescription: '${exec:./token.sh}'\nowner: ${env:DOTENV}\n*/\nselect a from raw.lines")
    project.write("models/broken.sql", "select error('refused by ' || chr(104) || 'ush-of-dotenv for " + "' || a) as x from raw.lines")
    project.write("targets/away.yml", "type: postgres\n"
                  "dsn: postgresql://${env:DOTENV}:${env:FROM_ENV}@127.0.0.1:1/x?application_name=${env:FROM_ENV}\ndeliver: [{table: curated.tagged}]\n")
    project.write("targets/nowhere.yml", "type: postgres\ndsn: host=${env:DOTENV} port=1\ndeliver: [{table: curated.tagged}]\n")


def forms(secret):
    """How a secret looks where it is written: as it is, inside JSON, inside SQL."""
    return {secret, json.dumps(secret)[1:-1], secret.replace("'", "''")}


def test_secrets_are_in_no_output_log_plan_table_or_cache(project):
    secret_project(project)
    needles = {form for secret in SECRETS.values() for form in forms(secret)}
    for command in COMMANDS:
        arguments = ["query", "select b from raw.lines", "--json"] if "from_raw" in command else command.split()
        done = project.run(*arguments, exit_code=None, env={"FROM_ENV": SECRETS["env"]})
        assert [needle for needle in needles if needle in done.stdout + done.stderr] == [], f"{command}\n{done.stdout}\n{done.stderr}"
        if command.startswith("run -v"):  # they were there to be told
            assert re.search(r"refused by \*+ for 1", done.stderr) and re.search(r'host name "\*+"', done.stderr), done.stderr
    own = {".env", "token.txt", "token.sh"}
    files = [file for file in project.folder.rglob("*") if file.is_file() and file.name not in own]
    assert {"plan.json", "state.db", "models.cache"} <= {file.name for file in files}
    for file in files:
        content = file.read_bytes()
        assert [needle for needle in needles if needle.encode() in content] == [], file.relative_to(project.folder)


@pytest.mark.parametrize("dsn, wanted", [
    # Taken for the name of a host where the user forgot to encode it, and as libpq decodes it.
    ("postgresql://user:p@hush-bare/word@127.0.0.1:1/x", r'host name "\*+"'),
    ("postgresql://user:p%20ss%2Bword@p%20ss%2Bword:1/x", r'host name "\*+"'),
    # Nothing is quoted of what cannot be read at all.
    ("postgresql://user:p%40ss%2Fword@p%40ss%2Fword:1/x", "the dsn cannot be read"),
    ("postgresql:///?host=127.0.0.1&port=1&user=hush%2Fuser&password=hush%2Fopt&hush%2Fopt=1", "the dsn cannot be read"),
])
def test_parts_of_a_secret_dsn_are_masked_as_the_client_prints_them(project, dsn, wanted):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\n")
    project.write("models/one.sql", "select 1 as one")
    project.write("targets/away.yml", "type: postgres\ndsn: ${env:WAREHOUSE}\ndeliver: [{table: curated.one}]\n")
    done = project.run("run", "-v", exit_code=None, env={"WAREHOUSE": dsn})
    output = done.stdout + done.stderr
    assert done.returncode and re.search(wanted, output), output
    assert not re.search(r"hush.(bare|opt)|p@ss/word|p%40ss%2Fword|p ss.word|p%20ss", output), output


def test_a_secret_that_is_missing_is_named_by_where_it_should_come_from(project):
    secret_project(project)
    (project.folder / "token.txt").unlink()
    project.write("token.sh", "#!/bin/sh\nexit 7\n")
    document = project.json("check", exit_code=1)
    places = {(e["code"], e["file"]) for e in document["errors"]}
    assert places == {("SL0206", "sluice.yml"), ("SL0206", "sources/lines.yml"), ("SL0206", "models/tagged.sql"), ("SL0206", "targets/away.yml"),
                      ("SL0206", "pipelines/nightly.yml")}
    messages = " ".join(e["message"] for e in document["errors"])
    assert "FROM_ENV" in messages and "token.txt" in messages and "token.sh" in messages


def test_the_environment_wins_over_dotenv(project):
    project.write(".env", "LAKE=of_dotenv\n")
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nlake: ${env:LAKE}\n")
    project.write("models/one.sql", "select 1 as one")
    for variables, folder in (({}, "of_dotenv"), ({"LAKE": "of_environment"}, "of_environment")):
        project.run("run", env=variables)
        assert pathlib.Path(project.folder, folder, "curated", "one").exists()


def test_members_and_items_of_a_parquet_file_are_drafted_and_run_clean(project):
    (project.folder / "data").mkdir(exist_ok=True)
    duckdb.sql("""copy (select i::int as id, {'street': 'S' || i, 'geo': {'lat': 48.5 + i, 'it''s': i %% 2 = 0}} as address,
                        case when i > 1 then [{'sku': 'A', 'qty': i, 'price': 1.25::decimal(9,2), 'on': date '2024-01-01'}, null] end as lines,
                        [[i, null]] as grid, map {'k': i} as counts, [map {'k': i}] as odd
                 from range(5) r(i)) to '%s' (format parquet)""" % (project.folder / "data/orders.parquet"))
    project.json("init", "--from", "data/orders.parquet")
    contract = yaml.safe_load((project.folder / "contracts/orders.odcs.yml").read_text())
    found = {column["name"]: column for column in contract["schema"][0]["properties"]}
    geo, = (member for member in found["address"]["properties"] if member["name"] == "geo")
    assert [(member["name"], member["logicalType"]) for member in geo["properties"]] == [("lat", "number"), ("it's", "boolean")]
    assert [member["logicalType"] for member in found["lines"]["items"]["properties"]] == ["string", "integer", "number", "date"]
    assert found["grid"]["items"]["items"]["logicalType"] == "integer"
    assert "properties" not in found["counts"] and "items" not in found["odd"]  # a contract has no maps
    assert project.json("check")["errors"] == []
    project.run("run")
    assert (project.count("clean.orders"), project.count("quarantine.orders")) == (5, 0)
    kept = project.delta("clean.orders").to_pylist()
    assert sorted((row["id"], row["address"]["geo"]["it's"], row["lines"] and row["lines"][0]["qty"]) for row in kept) == [
        (i, i % 2 == 0, i if i > 1 else None) for i in range(5)]
