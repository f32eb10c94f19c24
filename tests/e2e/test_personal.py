"""Personal values: protected on the way into clean, nowhere in the clear after that, and not passed on without leave."""
import hashlib
import hmac
import re

import duckdb
import pytest

KEY = "correct horse battery staple"
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: people
name: people
version: 1.0.0
status: active
schema:
  - name: people
    properties:
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
    step = {s["step"]: s for s in run(project)["steps"]}["cleanse people"]
    assert step["rows"]["replaced"] == 1 if "rows" in step else True
    rows = project.delta("clean.people").to_pylist()
    assert sorted(row["seq"] for row in rows) == [2, 9, 10]
    assert len({row["email"] for row in rows}) == 3


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
    assert digest("no-address") not in str(project.rows("quarantine.people")) or change != "key"
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
