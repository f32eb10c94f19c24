"""Personal values: protected on the way into clean, nowhere in the clear after that, and not passed on without leave."""
import hashlib
import hmac
import json

import duckdb
import pytest

from conftest import contract_text

KEY = "correct horse battery staple"
CONTRACT = contract_text("people") + """\
      - name: email
        logicalType: string
        primaryKey: true
        logicalTypeOptions: {{pattern: '^[^@]+@[^@]+$'}}
        customProperties: [{{property: sluice.personal, value: {email}}}]
      - name: mail
        physicalName: contact
        logicalType: string
        customProperties: [{{property: sluice.personal, value: {{as: mask, keep_domain: true}}}}]
      - name: card
        logicalType: string
        customProperties: [{{property: sluice.personal, value: {{as: mask, keep_last: 4, character: '#'}}}}]
      - name: born
        logicalType: date
        customProperties: [{{property: sluice.personal, value: {{as: token, prefix: b_, length: 12}}}}]
      - name: phone
        logicalType: integer
        required: true
        customProperties: [{{property: sluice.personal, value: {{as: drop}}}}]
      - name: note
        logicalType: string
        {note}
      - {{name: seq, logicalType: integer}}
"""
COLUMNS = "email,contact,card,born,phone,note,seq\n"
HEAD = "name: people\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\n"
SECRETS = ["ada@example.com", "zoë@example.org", "no-address", "ada.contact", "4111222233334444", "1815-12-10",
           "5550123", "not-a-phone", "5559999"]


def digest(text, key=KEY):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def make(project, email="{as: hash}", note=""):
    project.write("sluice.yml", HEAD + "personal: {key: '${env:PEOPLE_KEY}'}\n")
    project.write("sources/people.yml", "path: data/people-*.csv\n")
    project.write("contracts/people.odcs.yml", CONTRACT.format(email=email, note=note))
    project.write("data/people-1.csv", COLUMNS
                  + "ada@example.com,ada.contact@x.de,4111222233334444,1815-12-10,5550123,hello,1\n"
                  + "zoë@example.org,,123,,5559999,,2\n"
                  + "no-address,no-address,4111222233334444,1815-12-10,5550123,bad,3\n"
                  + "ben@example.com,b@c@d,1234,not-a-day,not-a-phone,bad,4\n"
                  + "cut@example.com,\"5550123\n")


def run(project, key=KEY, **options):
    return project.json("run", env={"PEOPLE_KEY": key}, **options)


def everything(project, *layers):
    """All text of the tables' Parquet files, read by DuckDB, and of their logs."""
    found = []
    for layer in layers:
        for file in (project.folder / "lake" / layer).rglob("*.parquet"):
            for row in duckdb.sql(f"select columns(*)::varchar from read_parquet('{file}')").fetchall():
                found += [value for value in row if value is not None]
        found += [file.read_text() for file in (project.folder / "lake" / layer).rglob("*.json")]
    assert found
    return "\n".join(found)


def test_clean_holds_only_what_protects_the_values(project):
    make(project)
    run(project)
    rows = {row["seq"]: row for row in project.delta("clean.people").to_pylist()}
    assert {"email", "mail", "card", "born", "note", "seq"} == {c for c in rows[1] if not c.startswith("_")}
    assert rows[1]["email"] == digest("ada@example.com")
    assert rows[2]["email"] == digest("zoë@example.org")
    assert (rows[1]["mail"], rows[2]["mail"]) == ("***********@x.de", None)
    assert (rows[1]["card"], rows[2]["card"]) == ("############4444", "###")
    assert (rows[1]["born"], rows[2]["born"]) == ("b_" + digest("1815-12-10")[:12], None)
    assert sorted(rows) == [1, 2]


def test_no_value_is_in_the_clear_behind_raw(project):
    make(project)
    run(project)
    text = everything(project, "clean", "quarantine")
    assert [secret for secret in SECRETS if secret in text] == []
    assert digest("no-address") in text
    reasons = project.rows("quarantine.people", "reasons")
    assert "email.pattern" in str(reasons) and "born.type" in str(reasons) and "phone.type" in str(reasons)
    raw = everything(project, "raw")
    assert all(secret in raw for secret in SECRETS)


def test_the_key_is_nowhere(project):
    make(project)
    done = project.run("run", env={"PEOPLE_KEY": KEY})
    shown = project.run("config", "show", "--json", env={"PEOPLE_KEY": KEY})
    block = KEY.encode().ljust(64, b"\0")
    pads = [bytes(b ^ pad for b in block).hex()[:40] for pad in (0x36, 0x5C)]
    texts = [done.stdout, done.stderr, shown.stdout]
    texts += [file.read_bytes().decode("latin-1") for file in project.folder.rglob("*") if file.is_file()]
    assert [text for text in texts for secret in [KEY, *pads] if secret in text] == []


def test_a_hashed_key_is_still_a_key_in_later_runs(project):
    make(project)
    run(project)
    project.write("data/people-2.csv", COLUMNS + "ada@example.com,,,,5550123,later,9\nnew@example.com,,,,5550124,,10\n")
    run(project)
    rows = project.delta("clean.people").to_pylist()
    assert sorted(row["seq"] for row in rows) == [2, 9, 10]
    assert len({row["email"] for row in rows}) == 3


def discard_all(project):
    make(project)
    run(project)
    project.run("quarantine", "discard", "people", "--all", "--reason", "old", env={"PEOPLE_KEY": KEY})
    assert discarded(project) == [4, 5, 6]


def discarded(project):
    return sorted(row["_position"] for row in project.delta("quarantine.people").to_pylist() if row["discarded_at"])


def test_discarded_rows_stay_so_under_another_key(project):
    discard_all(project)
    run(project, "another key of some length")
    assert discarded(project) == [4, 5, 6]


@pytest.mark.parametrize("old, new, left", [("not-a-phone", "nor-a-phone", [4, 6]), ("cut@example.com", "out@example.com", [4, 5])],
                         ids=["dropped", "corrupt"])
def test_a_discard_does_not_pass_to_a_row_that_only_looks_the_same_in_quarantine(project, old, new, left):
    discard_all(project)
    file = project.folder / "data" / "people-1.csv"
    shown = project.rows("quarantine.people", "_position, payload, corrupt")
    file.write_text(file.read_text().replace(old, new))
    run(project)
    assert project.rows("quarantine.people", "_position, payload, corrupt") == shown
    assert discarded(project) == left


@pytest.mark.parametrize("change", ["key", "form"])
def test_another_protection_builds_the_table_anew(project, change):
    make(project)
    run(project)
    other = KEY if change == "form" else "another key of some length"
    if change == "form":
        make(project, email="{as: token, length: 20}")
    run(project, other)
    emails = {row["email"] for row in project.delta("clean.people").to_pylist()}
    expected = {digest("ada@example.com", other), digest("zoë@example.org", other)}
    assert emails == ({text[:20] for text in expected} if change == "form" else expected)
    rejected = str(project.rows("quarantine.people"))
    assert digest("no-address") not in rejected or change == "form"
    assert digest("no-address", other)[:20] in rejected
    assert run(project, other)["steps"] == []


@pytest.mark.parametrize("email, message", [
    ("{as: mask}", "it is in the primary key, and 'as: mask' does not tell its values apart"),
    ("{as: drop}", "it is in the primary key, and 'as: drop' does not tell its values apart"),
    ("{as: hash, keep_last: 2}", "'keep_last' is for 'as: mask'"),
    ("{as: token, length: 4}", "a token has from 8 to 64 hexadecimal digits"),
    ("{as: hush}", "hush"),
    ("hash", "expected a map such as {as: hash}"),
])
def test_a_protection_that_cannot_be_is_refused(project, email, message):
    make(project, email=email)
    found = project.json("check", env={"PEOPLE_KEY": KEY}, exit_code=1)
    assert message in str(found)


def test_a_key_is_needed_and_must_be_long(project):
    make(project)
    short = project.run("check", env={"PEOPLE_KEY": "tiny-secret"}, exit_code=1)
    assert "has 11 characters, expected at least 16" in short.stderr and "tiny-secret" not in short.stderr
    project.write("sluice.yml", HEAD)
    none = project.run("check", exit_code=1)
    assert "which needs a key" in none.stderr


LEAKY = contract_text("people") + """\
      - {{name: id, logicalType: integer, primaryKey: true}}
      - name: email
        logicalType: string
        classification: {classification}
        {protection}
"""
PROTECTED = "customProperties: [{property: sluice.personal, value: {as: token}}]"
WAY = "source.people.email -> raw.people.email -> clean.people.email -> curated.base.address"


def leak(project, classification="pii", protection="", check="error", base="", hops="", target=""):
    project.write("sluice.yml", HEAD + f"personal: {{key: a key of some length, check: {check}}}\n")
    project.write("sources/people.yml", "path: data/people.csv\n")
    project.write("data/people.csv", "id,email\n1,ada@example.com\n2,ben@example.com\n")
    project.write("contracts/people.odcs.yml", LEAKY.format(classification=classification, protection=protection))
    project.write("models/base.sql", f"/* sluice\n{base}\n*/\nselect id, lower(email) as address from clean.people\n")
    project.write("models/hops.sql", f"/* sluice\n{hops}\n*/\nselect address as mail, count(*) as n from curated.base group by 1\n")
    project.write("models/counts.sql", "select count(*) as n from clean.people where email like 'a%'\n")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - table: curated.hops\n" + target)


def leaks(project, exit_code=1):
    found = project.json("check", exit_code=exit_code)
    return [{**d, "list": name} for name in ("errors", "warnings") for d in found[name] if d["code"] == "SL0408"]


def test_check_names_the_way_of_a_value_into_a_model(project):
    leak(project)
    (found,) = leaks(project)
    assert found["message"] == f"column 'address' of 'curated.base' carries pii values without protection: {WAY}"
    assert (found["file"], found["list"]) == ("models/base.sql", "errors")


def test_what_one_model_may_have_is_not_for_the_next(project):
    leak(project, base="personal: [address]")
    (found,) = leaks(project)
    assert found["message"].endswith(WAY + " -> curated.hops.mail") and found["file"] == "models/hops.sql"
    leak(project, base="personal: [address]", hops="personal: [mail]")
    (found,) = leaks(project)
    assert found["message"].endswith(" -> curated.hops.mail -> target.out.hops.mail")
    assert (found["file"], found["line"]) == ("targets/out.yml", 4)
    leak(project, base="personal: [address]", hops="personal: [mail]", target="    personal: [mail]\n")
    assert leaks(project, exit_code=0) == []


@pytest.mark.parametrize("settings", [{"protection": PROTECTED}, {"classification": "public"}, {"check": "off"}])
def test_what_is_protected_or_public_may_go_anywhere(project, settings):
    leak(project, **settings)
    assert leaks(project, exit_code=0) == []


def test_a_leak_is_refused_before_anything_runs(project):
    leak(project)
    for command in (["run"], ["plan"], ["run", "--dry-run"]):
        told = project.json(*command, exit_code=1)
        assert told["error"]["code"] == "SL0408" and [e["code"] for e in told["errors"]] == ["SL0408"] and WAY in told["errors"][0]["message"]
    assert not (project.folder / "lake" / "raw").exists()
    project.run("run", "--select", "+clean.people")  # passes nothing on
    assert project.count("clean.people") == 2
    assert "carries pii values" in project.run("run", exit_code=1).stderr
    leak(project, base="personal: [address]", hops="personal: [mail]", target="    personal: [mail]\n")
    project.run("plan", "-o", "plan.json")
    project.run("run")
    leak(project, base="personal: [address]", hops="personal: [mail]")
    project.json("run", exit_code=1)
    leak(project, base="personal: [address]", hops="personal: [mail]", check="warn")
    project.run("run")


def test_a_rollback_is_refused_before_its_first_table_if_its_targets_would_leak(project):
    leak(project, protection=PROTECTED)
    project.run("run")
    project.write("data/people.csv", "id,email\n1,ada@example.com\n2,ben@example.com\n3,cy@example.com\n")
    project.run("run")
    project.write("models/leaks.sql", "select email from raw.people\n")
    failed = project.run("rollback", "#1", "--to", exit_code=1)
    assert "SL0408" in failed.stderr and "no table was touched" in failed.stderr
    assert project.count("clean.people") == 3
    project.run("rollback", "#1", "--to", "--no-deliver")
    assert project.count("clean.people") == 2


@pytest.mark.parametrize("case", ["a delivery that may no longer", "a model that is gone", "raw, past the protection", "lost", "read under another name"])
def test_a_rollback_is_judged_by_the_models_of_then(project, case):
    """They passed values on, with leave; the tables that they made would be delivered by those who have none."""
    protection = PROTECTED if case == "raw, past the protection" else ""
    leak(project, protection=protection, base="personal: [address]", hops="personal: [mail]", target="    personal: [mail]\n")
    if protection:
        project.write("models/base.sql", "/* sluice\npersonal: [address]\n*/\nselect id, email as address from raw.people\n")
    project.run("run")
    assert "ada@example.com" in sent(project)
    if case == "a model that is gone":
        (project.folder / "models/base.sql").unlink()
    project.write("models/hops.sql", "select count(*) as n from clean.people\n")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - table: curated.hops\n")
    project.run("run")
    project.write("data/people.csv", "id,email\n1,ada@example.com\n2,ben@example.com\n3,cy@example.com\n")
    project.run("run")
    assert "ada@example.com" not in sent(project)
    if case == "lost":
        for file in (project.folder / "lake/_code").iterdir():
            file.unlink()
    if case == "read under another name":
        project.write("models/base.sql", "select id from clean.people\n")
        project.write("models/counts.sql", "select count(*) as n from clean.people\n")
        text = (project.folder / "contracts/people.odcs.yml").read_text()
        project.write("contracts/people.odcs.yml", text.replace("name: email", "name: address\n        physicalName: email"))
    told = {"lost": "is not in '_code' of the lake any more"}.get(
        case, "as it was when publication #1 was built, column 'mail' of 'target.out.hops' carries pii values without protection")
    failed = project.run("rollback", "#1", "--to", exit_code=1)
    assert "SL0408" in failed.stderr and told in failed.stderr and "no table was touched" in failed.stderr, failed.stderr
    assert project.count("clean.people") == 3 and "ada@example.com" not in sent(project)
    project.run("rollback", "#2", "--to")  # which passed nothing on
    project.run("rollback", "#1", "--to", "--no-deliver")
    assert project.count("clean.people") == 2 and "ada@example.com" not in sent(project)


PLAIN_TARGET = "type: csv\npath: out\ndeliver:\n  - table: curated.hops\n"


def refused_rollback(project, told):
    failed = project.run("rollback", "#1", "--to", exit_code=1)
    assert "SL0408" in failed.stderr and told in failed.stderr and "no table was touched" in failed.stderr, failed.stderr
    assert "ada@example.com" not in sent(project)
    project.run("rollback", "#1", "--to", "--no-deliver")
    assert "ada@example.com" not in sent(project)


def test_a_rollback_over_a_view_that_is_another_one_now_is_refused(project):
    """A view has no table: what it passed on to those who read it is known no more."""
    leak(project, target="    personal: [mail]\n")
    project.write("models/base.sql", "select count(*) as n from clean.people\n")
    project.write("models/seen.sql", "/* sluice\nwrite: view\npersonal: [mail]\n*/\nselect id, email as mail from clean.people\n")
    project.write("models/hops.sql", "/* sluice\npersonal: [mail]\n*/\nselect mail, count(*) as n from curated.seen group by 1\n")
    project.run("run")
    assert "ada@example.com" in sent(project)
    project.write("models/seen.sql", "/* sluice\nwrite: view\n*/\nselect id, 'x' as mail from clean.people\n")
    project.write("models/hops.sql", "select mail, count(*) as n from curated.seen group by 1\n")
    project.write("targets/out.yml", PLAIN_TARGET)
    project.run("run")
    refused_rollback(project, "curated.hops of publication #1 was built over a view that is another one now")


@pytest.mark.parametrize("others", ["no other column is personal", "another column is personal"])
def test_a_rollback_is_judged_by_the_classifications_of_then(project, others):
    """The contract of now has no such column any more."""
    leak(project, target="    personal: [email]\n")
    if others == "another column is personal":
        project.write("sources/staff.yml", "path: data/staff.csv\n")
        project.write("data/staff.csv", "id,phone\n1,5550123\n")
        project.write("contracts/staff.odcs.yml", contract_text("staff") + (
            "      - {name: id, logicalType: integer, primaryKey: true}\n"
            "      - {name: phone, logicalType: string, classification: pii}\n"))
    project.write("models/base.sql", "select count(*) as n from clean.people\n")
    project.write("models/counts.sql", "select count(*) as n from clean.people\n")
    project.write("models/hops.sql", "/* sluice\npersonal: [email]\n*/\nselect * from clean.people\n")
    project.run("run")
    assert "ada@example.com" in sent(project)
    text = (project.folder / "contracts/people.odcs.yml").read_text()
    project.write("contracts/people.odcs.yml", text[:text.index("      - name: email")])
    project.write("models/hops.sql", "select * from clean.people\n")
    project.write("targets/out.yml", PLAIN_TARGET)
    project.run("run")
    assert "ada@example.com" not in sent(project)
    refused_rollback(project, "'curated.hops' carries pii values without protection")


def test_a_rollback_is_not_refused_for_a_column_that_came_later(project):
    leak(project, protection=PROTECTED)
    project.write("models/base.sql", "select id, email as address from clean.people\n")
    project.write("models/wide.sql", "select * from clean.people\n")
    project.write("models/raws.sql", "select * exclude (email, _corrupt) from raw.people\n")
    project.run("run")
    before = sent(project)
    project.write("models/wide.sql", "select id, email from clean.people\n")
    project.write("models/raws.sql", "select id from raw.people\n")
    text = (project.folder / "contracts/people.odcs.yml").read_text()
    project.write("contracts/people.odcs.yml", text + "      - {name: phone, logicalType: string, classification: pii}\n")
    project.write("data/people.csv", "id,email,phone\n1,ada@example.com,5550123\n3,cy@example.com,5559999\n")
    project.run("run")
    assert sent(project) != before
    project.run("rollback", "#1", "--to")
    assert sorted(sent(project).split()) == sorted(before.split())


@pytest.mark.parametrize("classification", ["pii", "public"])
def test_a_rollback_to_what_a_source_gave_that_is_gone_is_refused_if_that_was_personal(project, classification):
    leak(project, classification=classification, base="personal: [address]", hops="personal: [mail]", target="    personal: [mail]\n")
    project.run("run")
    assert "ada@example.com" in sent(project)
    for file in ("sources/people.yml", "contracts/people.odcs.yml", "models/base.sql", "models/counts.sql"):
        (project.folder / file).unlink()
    project.write("sources/orders.yml", "path: data/orders.csv\n")
    project.write("data/orders.csv", "id\n1\n")
    project.write("contracts/orders.odcs.yml", contract_text("orders") + "      - {name: id, logicalType: integer, primaryKey: true}\n")
    project.write("models/hops.sql", "select count(*) as n from clean.orders\n")
    project.write("targets/out.yml", PLAIN_TARGET)
    project.run("run")
    assert "ada@example.com" not in sent(project)
    if classification == "pii":
        refused_rollback(project, "by a model that does not fit what it would read now")
    else:
        project.run("rollback", "#1", "--to")
        assert "ada@example.com" in sent(project)


def sent(project):
    return "".join(file.read_text() for file in (project.folder / "out").rglob("*.csv"))


@pytest.mark.parametrize("query", [
    "unpivot clean.people on email into name n value v",
    "select v from (select id, email from clean.people) unpivot (v for n in (email))",
    "select * from (pivot clean.people on id in (1, 2) using first(email))",
    "select unnest(p) from clean.people p",
    "select unnest(p), id + 1 from clean.people p",
    "select unnest({'a': email}) from clean.people",
    "select s.* from (select {'a': email} as s from clean.people)",
    "select columns(lambda c: c like 'em%') from clean.people",
    "select x.a from (select unnest([{'a': email}]) as x from clean.people)",
])
def test_columns_that_the_reading_of_a_query_does_not_see_may_carry_everything(project, query):
    leak(project)
    for model in (project.folder / "models").glob("*.sql"):
        model.unlink()
    for target in (project.folder / "targets").glob("*.yml"):
        target.unlink()
    project.write("models/around.sql", query + "\n")
    told = project.json("run", exit_code=1)
    assert told["error"]["code"] == "SL0408" and "curated.around" in told["errors"][0]["message"]


def test_mistakes_of_models_are_still_left_to_their_steps(project):
    leak(project, protection=PROTECTED)
    project.write("models/wrong.sql", "select nothing from clean.people\n")
    steps = {s["step"]: s["status"] for s in project.json("run", exit_code=None)["steps"]}
    assert steps["model wrong"] == "error" and steps["load out.hops"] != "error"


def test_the_project_may_ask_for_a_warning_only(project):
    leak(project, check="warn")
    assert [d["list"] for d in leaks(project, exit_code=0)] == ["warnings"]


def test_a_model_over_raw_goes_round_the_contract(project):
    leak(project, protection=PROTECTED)
    project.write("models/round.sql", "select email from raw.people\n")
    (found,) = leaks(project)
    assert found["message"].endswith("source.people.email -> raw.people.email -> curated.round.email")


def test_lineage_shows_the_classification_up_to_where_it_is_protected(project):
    leak(project)
    edges = {e["to_table"]: e.get("classification") for e in project.json("lineage", "target.out.hops.mail")["edges"]}
    assert edges == dict.fromkeys(["raw.people", "clean.people", "curated.base", "curated.hops", "target.out.hops"], "pii")
    leak(project, protection=PROTECTED)
    edges = {e["to_table"]: e.get("classification") for e in project.json("lineage", "target.out.hops.mail")["edges"]}
    assert {table for table, tag in edges.items() if tag} == {"raw.people"}


MEMBERS = contract_text("people") + """\
      - {{name: id, logicalType: integer, primaryKey: true}}
      - {{name: o, logicalType: object, properties: [{{name: sec, logicalType: string, classification: pii}}, {{name: pub, logicalType: string}}]}}
      - name: kids
        logicalType: array
        items: {{logicalType: object, properties: [{{name: nm, logicalType: string, classification: confidential}}]}}
        {protection}
"""
MEMBER_MODELS = {
    "select id, o.sec as x from clean.people": ("x", "pii", "clean.people.o"),
    "select id, o.pub as x from clean.people": ("x", "pii", "clean.people.o"),
    "select id, o['sec'] as x from clean.people": ("x", "pii", "clean.people.o"),
    "select id, to_json(o) as j from clean.people": ("j", "pii", "clean.people.o"),
    "select id, kids from clean.people": ("kids", "confidential", "clean.people.kids"),
    "select id, list_transform(kids, lambda k: k.nm) as x from clean.people": ("x", "confidential", "clean.people.kids"),
    "select id, u.nm as x from (select id, unnest(kids) u from clean.people)": ("x", "confidential", "clean.people.kids"),
}


def members(project, query, protection="", settings=""):
    project.write("sluice.yml", HEAD)
    project.write("sources/people.yml", "path: data/people.jsonl\n")
    project.write("data/people.jsonl", '{"id": 1, "o": {"sec": "hush", "pub": "p"}, "kids": [{"nm": "Joe"}]}\n')
    project.write("contracts/people.odcs.yml", MEMBERS.format(protection=protection))
    project.write("models/m.sql", f"/* sluice\n{settings}\n*/\n{query}\n")


@pytest.mark.parametrize("query", MEMBER_MODELS)
def test_a_column_is_as_personal_as_the_members_in_it(project, query):
    column, classification, way = MEMBER_MODELS[query]
    members(project, query)
    found = leaks(project)
    (told,) = [d for d in found if f"column '{column}' of 'curated.m'" in d["message"]]
    assert f"carries {classification} values" in told["message"] and f"{way} -> curated.m.{column}" in told["message"]
    refused = project.json("run", exit_code=1)
    assert refused["error"]["code"] == "SL0408"
    members(project, query, settings=f"personal: [{', '.join(sorted({'id', column}))}]")
    assert leaks(project, exit_code=0) == []
    project.run("run")


@pytest.mark.parametrize("query, column", [
    ("select _position, payload from quarantine.people", "payload"),
    ("select _position, reasons from quarantine.people", "reasons"),
    ("select _position, set_aside from quarantine.people", "set_aside"),
    ("select u.message as m from (select unnest(reasons) as u from quarantine.people)", "m"),
])
def test_quarantine_passes_on_what_is_not_protected_in_it(project, query, column):
    members(project, query)
    project.write("data/people.jsonl", '{"id": 1}\n{"id": "x", "o": {"sec": "hush"}, "kids": "Joe"}\n')
    for _ in "before the first rows", "after them":
        told = project.json("run", exit_code=1)
        assert any(f"column '{column}' of 'curated.m' carries" in e["message"] and "quarantine.people." in e["message"]
                   for e in told["errors"]), told
        project.run("run", "--select", "+clean.people", "--set", "quarantine.max_share=1")
    dropped = "customProperties: [{property: sluice.personal, value: {as: drop}}]"
    members(project, query, dropped)
    text = (project.folder / "contracts/people.odcs.yml").read_text()
    project.write("contracts/people.odcs.yml", text.replace("name: o, logicalType: object", "name: o, logicalType: object, " + dropped))
    project.run("run", "--set", "quarantine.max_share=1")


def test_a_dropped_column_takes_its_members_with_it(project):
    dropped = "customProperties: [{property: sluice.personal, value: {as: drop}}]"
    members(project, "select id from clean.people", dropped)
    assert leaks(project, exit_code=0) == []
    edges = project.json("lineage", "curated.m.id")["edges"]
    assert not any(e.get("classification") for e in edges)


def test_a_member_is_protected_with_its_column_or_not_at_all(project):
    members(project, "select id from clean.people")
    text = (project.folder / "contracts/people.odcs.yml").read_text()
    masked = "classification: confidential, customProperties: [{property: sluice.personal, value: {as: mask}}]"
    project.write("contracts/people.odcs.yml", text.replace("classification: confidential", masked))
    (told,) = project.json("check", exit_code=1)["errors"]
    assert "'kids[].nm': 'sluice.personal' is for whole columns" in told["message"] and told["line"] == 14


DROPPED = "customProperties: [{property: sluice.personal, value: {as: drop}}]"
MAIL = "{name: mail, logicalType: string, logicalTypeOptions: {format: email}}"
WIDE = ", ".join(f"{{name: m{i}, logicalType: string}}" for i in range(70))
INSIDE = {
    "o.mail": ("object, properties: [MAIL]", {"mail": "SECRET"}),
    "o.in.mail": ("object, properties: [{name: in, logicalType: object, properties: [MAIL]}]", {"in": {"mail": "SECRET"}}),
    "o.a.b.c.mail": ("object, properties: [{name: a, logicalType: object, properties: [{name: b, logicalType: object, properties: "
                     "[{name: c, logicalType: object, properties: [MAIL]}]}]}]", {"a": {"b": {"c": {"mail": "SECRET"}}}}),
    "o[].mail": ("array, items: {logicalType: object, properties: [MAIL]}", [{"mail": "SECRET"}]),
    "o[].in.mail": ("array, items: {logicalType: object, properties: [{name: in, logicalType: object, properties: [MAIL]}]}",
                    [{"in": {"mail": "SECRET"}}]),
    "o[][]": ("array, items: {logicalType: array, items: {logicalType: string, logicalTypeOptions: {format: email}}}", [["SECRET"]]),
    "o[].k[].mail": ("array, items: {logicalType: object, properties: [{name: k, logicalType: array, items: {logicalType: object, "
                     "properties: [MAIL]}}]}", [{"k": [{"mail": "SECRET"}]}]),
    "large o.in.mail": ("object, properties: [WIDE, {name: in, logicalType: object, properties: [MAIL]}]", {"in": {"mail": "SECRET"}}),
    "large o.k[].in.mail": ("object, properties: [WIDE, {name: k, logicalType: array, items: {logicalType: object, properties: "
                            "[{name: in, logicalType: object, properties: [MAIL]}]}}]", {"k": [{"in": {"mail": "SECRET"}}]}),
}


@pytest.mark.parametrize("case", INSIDE)
def test_no_reason_shows_what_is_deep_inside_of_a_dropped_column(project, case):
    shape, value = INSIDE[case]
    shape = shape.replace("MAIL", MAIL).replace("WIDE", WIDE)
    project.write("sluice.yml", HEAD)
    project.write("sources/people.yml", "path: data/people.jsonl\n")
    project.write("contracts/people.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: people\nname: people\nversion: 1.0.0\n"
                  "status: active\nschema:\n  - name: people\n    properties:\n      - {name: id, logicalType: integer, primaryKey: true}\n"
                  f"      - {{name: o, {DROPPED}, logicalType: {shape}}}\n")
    project.write("data/people.jsonl", json.dumps({"id": 1, "o": value}).replace("SECRET", "4111-hidden-value") + "\n")
    project.run("run")
    shown = project.run("quarantine", "show", "people").stdout
    path = case.split()[-1]
    assert "a personal value, which is not shown" in shown and path.replace("[]", "") in shown.replace("[]", "").replace("[0]", ""), shown
    assert "4111-hidden-value" not in shown + everything(project, "clean", "quarantine")


def test_a_protection_deep_inside_of_a_protected_column_is_still_refused(project):
    members(project, "select id from clean.people", DROPPED)
    text = (project.folder / "contracts/people.odcs.yml").read_text()
    project.write("contracts/people.odcs.yml", text.replace("classification: confidential", "classification: confidential, " + DROPPED))
    (told,) = project.json("check", exit_code=1)["errors"]
    assert "'kids[].nm': 'sluice.personal' is for whole columns" in told["message"]


def test_a_foreign_key_leads_from_hash_to_hash(project):
    contract = LEAKY + """
  - name: orders
    properties:
      - {{name: id, logicalType: integer}}
      - name: email
        logicalType: string
        relationships: [{{type: foreignKey, to: people.email}}]
        {own}
"""
    leak(project)
    project.write("sources/orders.yml", "path: data/orders.csv\n")
    project.write("data/orders.csv", "id,email\n1,ada@example.com\n2,eve@example.com\n")
    text = {"classification": "pii", "protection": PROTECTED, "own": PROTECTED}
    project.write("contracts/people.odcs.yml", contract.format(**text))
    project.run("run")
    (row,) = project.delta("clean.orders").to_pylist()
    assert (row["id"], row["email"]) == (1, digest("ada@example.com", "a key of some length")[:16])
    assert "eve@example.com" not in str(project.rows("quarantine.orders"))
    project.write("contracts/people.odcs.yml", contract.format(**{**text, "own": ""}))
    before = project.delta("clean.orders").to_pylist(), project.count("quarantine.orders")
    project.write("data/orders.csv", "id,email\n1,ada@example.com\n2,eve@example.com\n3,ben@example.com\n")
    for command in ["check", "plan", "run"]:
        told = project.json(command, exit_code=1)["errors"]
        assert [error["code"] for error in told] == ["SL0301"] and "they cannot be compared" in str(told), (command, told)
    assert (project.delta("clean.orders").to_pylist(), project.count("quarantine.orders")) == before
    project.write("contracts/people.odcs.yml", contract.format(**text))
    project.run("run")
    assert sorted(row["id"] for row in project.delta("clean.orders").to_pylist()) == [1, 3]


@pytest.mark.parametrize("name", ["K", "PKEY", "PEOPLE_KEY_OF_ALL"])
def test_the_length_of_a_key_is_that_of_the_secret_and_not_of_its_name(project, name):
    make(project)
    project.write("sluice.yml", HEAD + "personal: {key: '${env:%s}'}\n" % name)
    assert project.json("check", env={name: KEY})["errors"] == []
    project.run("run", env={name: KEY})
    short = project.run("run", env={name: "short"}, exit_code=1).stderr
    assert "the key of 'personal' has 5 characters, expected at least 16" in short
    project.write("sluice.yml", HEAD + "personal: {key: short}\n")
    assert "has 5 characters" in project.run("check", exit_code=1).stderr
