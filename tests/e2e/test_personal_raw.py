"""Personal values that nobody classified: followed out of raw until they are protected, and not forgotten under another name."""
import json
import shutil

import duckdb
import pytest

HEAD = "name: people\nchecks: {requirements: off}\nquarantine: {max_share: 1.0}\npersonal: {key: a key of some length}\n"
TOKEN = "customProperties: [{property: sluice.personal, value: {as: token}}]"
HASH = "customProperties: [{property: sluice.personal, value: {as: hash}}]"
DROP = "customProperties: [{property: sluice.personal, value: {as: drop}}]"
NONE = "customProperties: [{property: sluice.personal, value: {as: none}}]"


def contract(*properties):
    head = "apiVersion: v3.1.0\nkind: DataContract\nid: people\nname: people\nversion: 1.0.0\nstatus: active\nschema:\n  - name: people\n    properties:\n"
    return head + "".join(f"      - {{{p}}}\n" for p in properties)


ID = "name: id, logicalType: integer, primaryKey: true"
PEOPLE = (ID, f"name: mail, physicalName: email, logicalType: string, {TOKEN}")
ROWS = '{"id": 1, "email": "ada@example.com", "o": {"in": [{"phone": "555"}]}}\n{"id": "x", "email": "ben@example.com"}\n'


def make(project, *properties, rows=ROWS, **models):
    project.write("sluice.yml", HEAD)
    project.write("sources/people.yml", "path: data/*.jsonl\n")
    project.write("data/a.jsonl", rows)
    project.write("contracts/people.odcs.yml", contract(*(properties or PEOPLE)))
    for name, text in models.items():
        project.write(f"models/{name}.sql", text + "\n")


def refused(project, *texts, commands=(["check"], ["plan"], ["run"])):
    """Each of the commands ends with SL0408 and says all of the texts."""
    for command in commands:
        told = project.json(*command, exit_code=1)["errors"]
        assert told and {e["code"] for e in told} == {"SL0408"}, (command, told)
        for text in texts:
            assert any(text in e["message"] + " " + (e["hint"] or "") for e in told), (command, text, told)
    return told


def everything(project):
    """What clean, quarantine, curated and what was delivered hold, as text."""
    found = []
    for layer in ("lake/clean", "lake/quarantine", "lake/curated", "out", "sent"):
        for file in (project.folder / layer).rglob("*"):
            if file.suffix == ".parquet":
                found += [str(row) for row in duckdb.sql(f"select columns(*)::varchar from read_parquet('{file}')").fetchall()]
            elif file.is_file():
                found.append(file.read_bytes().decode("latin-1"))
    return "\n".join(found)


@pytest.mark.parametrize("query, column", [
    ("select email from raw.people", "email"),
    ("select * from raw.people", "email"),
    ("select lower(x.s.a) as it from (select {'a': email} as s from raw.people) x", "it"),
    ("with r as (select * from raw.people) select max(email) as it from r", "it"),
    ("select _corrupt from raw.people", "_corrupt"),
    ("select u.value as it from (select unnest(map_entries(map {'a': email})) as u from raw.people)", "it"),
])
def test_what_a_model_reads_from_raw_is_not_protected_yet(project, query, column):
    make(project, m=query)
    (told,) = [e for e in refused(project, f"'{column}' of 'curated.m' carries personal values without protection") if f"'{column}'" in e["message"]]
    assert (told["file"], told["line"]) == ("models/m.sql", 1) and f"'personal: [{column}]'" in told["hint"]
    assert ("leave it out" if column == "_corrupt" else "read 'mail' of clean.people, where it is protected") in told["hint"]
    assert not (project.folder / "lake/curated").exists()


def test_what_is_protected_is_free_to_go(project):
    make(project, m="select mail, _source from clean.people", q="select payload, reasons, set_aside, corrupt from quarantine.people",
         n="select id, count(*) as n from raw.people where email is not null group by id")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: clean.people}, {table: curated.m}, {table: quarantine.people, to: rejected}]\n")
    for command in ("check", "plan", "run"):
        project.run(command)
    assert "ada@example.com" not in everything(project) and "ben@example.com" not in everything(project)
    # And what is not, goes nowhere without leave: by a target, and when it all goes back.
    project.write("targets/raw.yml", "type: csv\npath: sent\ndeliver:\n  - table: raw.people\n")
    told = refused(project, "column 'email' of 'target.raw.people' carries personal values without protection")
    assert {(e["file"], e["line"]) for e in told} == {("targets/raw.yml", 4)}
    project.write("targets/raw.yml", "type: csv\npath: sent\ndeliver:\n  - table: raw.people\n    personal: [email, o, _corrupt]\n")
    project.run("run")
    assert "ada@example.com" in everything(project)


def test_members_of_a_dropped_column_are_followed_out_of_raw(project):
    make(project, ID, "name: o, logicalType: object, properties: [{name: in, logicalType: array, items: {logicalType: object, "
         f"properties: [{{name: phone, logicalType: string}}]}}}}], {DROP}", m="select o['in'][1]['phone'] as it from raw.people")
    refused(project, "'it' of 'curated.m' carries personal values without protection: source.people.o -> raw.people.o -> curated.m.it",
            "clean drops it: leave it out")


def test_columns_that_only_the_files_of_a_run_bring_are_seen_by_the_step(project):
    make(project, rows='{"id": 1}\n', m="select * exclude (_corrupt) from raw.people", n="/* sluice\nwrite: append\n*/\nselect * from curated.m")
    project.run("run")
    project.write("data/b.jsonl", '{"id": 2, "email": "ada@example.com"}\n')
    steps = {s["step"]: s for s in project.json("run", exit_code=None)["steps"]}
    assert steps["model m"]["status"] == "error" and steps["model m"]["error"]["code"] == "SL0408", steps
    assert "column 'email' of 'curated.m' carries personal values" in steps["model m"]["error"]["message"]
    assert steps["model n"]["status"] == "skipped" and steps["cleanse people"]["status"] == "ok"
    assert "ada@example.com" not in everything(project)


def test_columns_of_many_files_are_seen_by_the_step(project):
    make(project, m="select email from raw.people")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: raw.people}]\n")
    for i in range(25):
        project.write(f"data/f{i}.jsonl", json.dumps({"id": i, "email": "ada@example.com"}) + "\n")
    steps = {s["step"]: s for s in project.json("run", exit_code=None)["steps"]}
    for step in "model m", "load out.people":
        assert steps[step]["status"] == "error" and steps[step]["error"]["code"] == "SL0408", steps
    assert "ada@example.com" not in everything(project)


RENAMES = {
    "by physicalName": (["name: email, logicalType: string, TOKEN"], ["name: mail, physicalName: email, logicalType: string FREE"]),
    "of physicalName": (["name: mail, physicalName: email, logicalType: string, TOKEN"], ["name: email, logicalType: string FREE"]),
    "case": (["name: email, logicalType: string, TOKEN"], ["name: Mail, physicalName: EMAIL, logicalType: string FREE"]),
    "by alias": (["name: email, logicalType: string, TOKEN"],
                 ["name: mail, logicalType: string, customProperties: [{property: sluice.aliases, value: [email]} MORE]"]),
    "an alias": (["name: mail, logicalType: string, customProperties: [{property: sluice.aliases, value: [email]}, {property: sluice.personal, value: "
                  "{as: token}}]"], ["name: email, logicalType: string FREE"]),
    "swapped": (["name: email, logicalType: string, TOKEN"],
                ["name: mail, physicalName: email, logicalType: string FREE", "name: email, physicalName: o, logicalType: string"]),
    "dropped": (["name: email, logicalType: string, DROP"], ["name: mail, physicalName: email, logicalType: string FREE"]),
}


def renamed(properties, free=""):
    given = f", {{property: sluice.personal, value: {{as: {free}}}}}" if free else ""
    alone = f", customProperties: [{given[2:]}]" if free else ""
    return [ID] + [p.replace("TOKEN", TOKEN).replace("DROP", DROP).replace(" FREE", alone).replace(" MORE", given) for p in properties]


@pytest.mark.parametrize("case", RENAMES)
def test_a_protected_column_is_not_forgotten_under_another_name(project, case):
    before, after = RENAMES[case]
    make(project, *renamed(before))
    project.run("run")
    project.write("contracts/people.odcs.yml", contract(*renamed(after)))
    told = refused(project, "does not protect it: clean and quarantine would keep it as it came", "{as: none}")
    assert {(e["file"], e["line"]) for e in told} == {("contracts/people.odcs.yml", 11)}
    assert "ada@example.com" not in everything(project)
    project.write("contracts/people.odcs.yml", contract(*renamed(after, "mask")))
    project.run("run")
    assert "ada@example.com" not in everything(project) and "ben@example.com" not in everything(project)
    project.write("contracts/people.odcs.yml", contract(*renamed(after, "none")))
    project.run("check")
    project.run("run")
    assert "ada@example.com" in everything(project)


FILES = ["read_json('HERE/data/a.jsonl')", "read_json(['HERE/data/*.jsonl'])", "read_text('HERE/./data/../data/a.jsonl')",
         "read_parquet('HERE/lake/raw/people/*.parquet')", "read_parquet('HERE/lake/*/people/*.parquet', union_by_name=true)",
         "read_text('HERE/data/' || 'a.jsonl')", "read_json('file://HERE/data/a.jsonl')", "read_json('HERE/*idden/a.jsonl')",
         "read_json('file://localhostHERE/data/a.jsonl')",
         "read_json('HERE/linked/*.jsonl')", "read_json('HERE/fol*/a.jsonl')", "read_json('HERE/*/*.jsonl')", "read_json('HERE/**/b.jsonl')",
         "read_json('HERE/linked/../data/a.j*')", "read_json('HERE/lin*/../data/a.jsonl')", "read_json('HERE//data//a.jsonl')",
         "read_text('HERE/lake/raw/people/_delta_log/*.json')", "read_parquet('HERE/lake/clean/people/*.parquet')",
         "read_text('HERE/real/x.jsonl')", "read_json('HERE/da?a/a.[j]sonl')",
         "read_json('~/../../../../../../../../../..HERE/data/a.jsonl')", "read_text('FILE://HERE/data/a.jsonl')"]


@pytest.mark.parametrize("files", FILES)
def test_models_that_read_the_files_themselves_are_asked_too(project, files):
    make(project, m="select id from clean.people")
    (project.folder / "linked").mkdir()
    (project.folder / "linked/b.jsonl").symlink_to("../data/a.jsonl")
    for link in "folder", ".hidden":
        (project.folder / link).symlink_to("data")
    project.write("real/x.jsonl", '{"id": 7, "email": "fay@example.com"}\n')
    (project.folder / "data/x.jsonl").symlink_to("../real/x.jsonl")
    project.run("run")
    project.write("data/other.csv", "id\n1\n")
    files = files.replace("HERE", str(project.folder))
    project.write("models/o.sql", f"select * from read_csv('{project.folder}/data/other.csv')\n")
    project.run("check")
    project.write("models/m.sql", f"select 1 as one, cast(row(f) as varchar) as it from {files} f\n")
    for _ in "parsed", "remembered":
        refused(project, "column 'it' of 'curated.m' carries personal values without protection: ", " raw.people.email -> curated.m.it")
    project.write("models/m.sql", f"/* sluice\npersonal: [one, it]\n*/\nselect 1 as one, cast(row(f) as varchar) as it from {files} f\n")
    project.run("check")


def test_the_home_folder_leads_to_files_too(project):
    make(project, m="select cast(row(f) as varchar) as it from read_json('~/data/a.jsonl') f")
    told = project.json("check", exit_code=1, env={"HOME": str(project.folder)})["errors"]
    assert [e["code"] for e in told] == ["SL0408"] and "'it' of 'curated.m'" in told[0]["message"], told


def test_a_hidden_lake_is_found_by_globs_as_the_engine_does(project):
    make(project)
    project.write("sluice.yml", HEAD + "lake: .hidden/lake\n")
    project.run("run")
    project.write("models/m.sql", f"select email from read_parquet('{project.folder}/*/lake/raw/people/*.parquet')\n")
    refused(project, "column 'email' of 'curated.m' carries personal values without protection")


@pytest.mark.parametrize("files", ["read_json('HERE/data/a.jsonl')", "read_parquet('HERE/lake/raw/people/*.parquet')"])
def test_a_contract_that_is_gone_still_says_so_of_files(project, files):
    make(project)
    project.run("run")
    (project.folder / "contracts/people.odcs.yml").unlink()
    project.write("models/m.sql", f"select cast(row(f) as varchar) as it from {files} f\n".replace("HERE", str(project.folder)))
    refused(project, "column 'it' of 'curated.m' carries personal values without protection: raw.people.email -> curated.m.it")
    project.write("models/m.sql", "select count(*) as n from raw.people\n")
    project.run("run")


def test_a_source_that_is_gone_with_its_contract_still_says_so_of_its_raw(project):
    make(project)
    project.write("sources/other.yml", "path: others/*.jsonl\n")
    project.write("others/a.jsonl", '{"id": 1}\n')
    project.run("run")
    for file in "sources/people.yml", "contracts/people.odcs.yml":
        (project.folder / file).unlink()
    query = f"select cast(row(f) as varchar) as it from read_parquet('{project.folder}/lake/raw/LAKE/*.parquet') f\n"
    project.write("models/m.sql", query.replace("LAKE", "people"))
    refused(project, "column 'it' of 'curated.m' carries personal values without protection: raw.people.* -> curated.m.it")
    project.write("models/m.sql", query.replace("LAKE", "other"))
    project.run("check")


@pytest.mark.parametrize("lake", ["lake", "dev/lake"])
def test_the_raw_of_each_lake_that_an_environment_reads_is_followed(project, lake):
    make(project)
    project.write("sluice.yml", HEAD + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    project.run("run", "--env", "dev")
    project.run("run", "--env", "prod")
    assert (project.folder / "dev/lake/raw/people").exists()
    project.write("models/m.sql", f"select email from read_parquet('{project.folder}/{lake}/raw/people/*.parquet')\n")
    refused(project, "column 'email' of 'curated.m' carries personal values without protection",
            commands=(["check", "--env", "dev"], ["plan", "--env", "dev"], ["run", "--env", "dev"]))


def test_messages_of_the_engine_do_not_show_values_that_are_not_protected(project):
    make(project, m="select id from raw.people where cast(email as integer) > 0")
    told = project.json("run", exit_code=None)
    (step,) = [s for s in told["steps"] if s["step"] == "model m"]
    assert step["error"]["code"] == "SL0112" and "Conversion error" in step["error"]["message"] and "not shown" in step["error"]["message"], step
    kept = b"".join(file.read_bytes() for file in (project.folder / ".sluice").rglob("*") if file.is_file())
    assert b"Conversion error" in kept and b"ada@example.com" not in kept and b"ben@example.com" not in kept
    # What is protected is shown as it is.
    project.write("models/m.sql", "select id from clean.people where cast(mail as integer) > 0\n")
    assert "Could not convert string" in project.run("run", exit_code=None).stderr


def test_two_columns_of_one_protect_it_both(project):
    twins = [f"name: mail, physicalName: email, logicalType: string, {TOKEN}",
             "name: plain, physicalName: email, logicalType: string, logicalTypeOptions: {maxLength: 3}, unique: true FREE"]
    make(project, *renamed(twins))
    refused(project, "column 'plain' of clean.people keeps as it comes what column 'mail' protects", "{as: none}")
    project.write("contracts/people.odcs.yml", contract(*renamed(twins, "none")))
    project.write("data/b.jsonl", '{"id": 3, "email": "eve"}\n{"id": 4, "email": "eve"}\n')
    project.write("models/m.sql", "select plain from clean.people\n")
    refused(project, "column 'plain' of 'curated.m' carries personal values without protection")
    project.write("models/m.sql", "/* sluice\npersonal: [plain]\n*/\nselect plain from clean.people\n")
    project.run("run")
    rejected = str(project.rows("quarantine.people"))
    assert "plain.length" in rejected and "stands already" not in rejected and "a personal value, which is not shown" in rejected, rejected
    assert "ada@" not in rejected and "'eve'" not in rejected


def test_a_raw_column_with_the_name_of_a_protected_one_is_protected_in_quarantine(project):
    make(project, ID, f"name: email, physicalName: mail, logicalType: string, {TOKEN}", rows='{"id": "x", "mail": "ben@example.com", "email": "ada@example.com"}\n',
         m="select payload, reasons from quarantine.people")
    project.write("sources/people.yml", "path: data/*.jsonl\ndrift: {new_columns: quarantine_row}\n")
    project.run("check")
    project.run("run")
    assert "email.unexpected" in str(project.rows("quarantine.people"))
    assert "ada@example.com" not in everything(project) and "ben@example.com" not in everything(project)
    project.write("models/m.sql", "select email from raw.people\n")
    refused(project, "column 'email' of 'curated.m' carries personal values")


def test_a_renamed_column_is_not_forgotten_where_the_code_is(project):
    make(project)
    project.run("run")
    for file in (project.folder / "lake/_code").iterdir():
        file.unlink()
    project.write("contracts/people.odcs.yml", contract(ID, "name: address, physicalName: email, logicalType: string"))
    refused(project, "does not name, or reads into new columns: 'o', 'email'; what was protected of them is not known")
    o = f"name: o, logicalType: object, properties: [{{name: in, logicalType: string}}], {DROP}"
    project.write("contracts/people.odcs.yml", contract(ID, f"name: address, physicalName: email, logicalType: string, {HASH}", o))
    project.run("run")
    assert "ada@example.com" not in everything(project) and "ben@example.com" not in everything(project)


def test_what_was_protected_elsewhere_is_not_forgotten_under_another_name_here(project):
    make(project)
    project.write("sluice.yml", HEAD + "environments:\n  prod: {lake: lake}\n  dev: {lake: dev/lake, state: dev/state, reads: prod}\n")
    project.run("run", "--env", "prod")
    text = contract(ID, "name: address, physicalName: email, logicalType: string")
    project.write("contracts/people.odcs.yml", text.replace("  - name: people\n", "  - name: persons\n    physicalName: people\n"))
    refused(project, "column 'address' of clean.people is read from where the protected column 'mail' was", "{as: token}",
            commands=(["check", "--env", "dev"], ["plan", "--env", "dev"], ["run", "--env", "dev"]))
    assert not (project.folder / "dev/lake/clean").exists()


def test_a_contract_that_is_gone_still_says_what_it_protected(project):
    make(project)
    project.run("run")
    (project.folder / "contracts/people.odcs.yml").unlink()
    project.write("models/m.sql", "select id from raw.people\n")
    project.run("run")
    project.write("models/m.sql", "select email from raw.people\n")
    refused(project, "column 'email' of 'curated.m' carries personal values without protection: raw.people.email -> curated.m.email")
    project.write("models/m.sql", "/* sluice\npersonal: [email]\n*/\nselect email from raw.people\n")
    project.run("run")


def test_a_property_that_is_gone_is_not_passed_on_by_a_model_alone(project):
    make(project, m="select id from raw.people")
    project.run("run")
    project.write("contracts/people.odcs.yml", contract(ID))
    project.write("models/m.sql", "select email from raw.people\n")
    refused(project, "raw.people has 'email', which was read as the protected column 'mail'",
            commands=(["check"], ["plan", "--select", "curated.m"], ["run", "--select", "curated.m"]))
    assert "ada@example.com" not in everything(project)


@pytest.mark.parametrize("files", ["read_json('HERE/data/a.jsonl')", "read_parquet('HERE/lake/raw/people/*.parquet')"])
def test_a_property_that_is_gone_is_not_passed_on_by_a_model_of_files_alone(project, files):
    make(project, m="select id from clean.people")
    project.run("run")
    project.write("contracts/people.odcs.yml", contract(ID))
    project.write("models/m.sql", f"select email from {files}\n".replace("HERE", str(project.folder)))
    refused(project, "raw.people has 'email', which was read as the protected column 'mail'",
            commands=(["check"], ["plan", "--select", "curated.m"], ["run", "--select", "curated.m"]))
    assert "ada@example.com" not in everything(project)


@pytest.mark.parametrize("code", ["kept", "lost"])
def test_a_rollback_does_not_deliver_what_was_not_protected_then(project, code):
    plain = (ID, "name: mail, physicalName: email, logicalType: string")
    make(project, *plain, m="select id, mail from clean.people")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.m}]\n")
    project.run("run")
    project.write("contracts/people.odcs.yml", contract(*PEOPLE))
    project.run("run")
    project.write("data/b.jsonl", '{"id": 2, "email": "eve@example.com"}\n')
    project.run("run")
    sent = {file.name: file.read_text() for file in (project.folder / "out").rglob("*.csv")}
    assert sent and "ada@example.com" not in str(sent)
    for file in (project.folder / "lake/_code").iterdir():
        if code == "lost":
            file.unlink()
    failed = project.run("rollback", "#1", "--to", exit_code=1).stderr
    told = "was built before column 'mail' was protected" if code == "kept" else "is not in '_code' of the lake any more"
    assert "SL0408" in failed and told in failed and "contracts/people.odcs.yml:11" in failed and "no table was touched" in failed, failed
    assert {file.name: file.read_text() for file in (project.folder / "out").rglob("*.csv")} == sent
    assert "ada@example.com" not in str(project.rows("clean.people"))
    project.run("rollback", "#2", "--to")  # as protected as now
    project.run("rollback", "#1", "--to", "--no-deliver")
    assert "ada@example.com" not in str([file.read_text() for file in (project.folder / "out").rglob("*.csv")])


def test_the_first_worker_too_refuses_what_only_the_files_of_this_run_bring(project):
    """No column of raw is personal when the run is planned: whoever does the step sees it first."""
    make(project, "name: id, logicalType: integer, primaryKey: true", "name: name, logicalType: string", f"name: email, logicalType: string, {DROP}",
         people_all="select * exclude (_corrupt) from raw.people")
    project.write("sources/people.yml", "path: data/*.csv\n")
    project.write("data/a.csv", "id,name\n1,ann\n2,bob\n")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - table: curated.people_all\n")
    project.write("sluice.yml", HEAD + "concurrency: 1\n")
    project.run("run")
    (project.folder / ".sluice" / "models.cache").unlink()  # so that the engine is asked before the steps begin
    project.write("data/b.csv", "id,name,email\n3,cy,ada@example.com\n")
    done = project.run("run", exit_code=None)
    assert done.returncode and "SL0408" in done.stderr and "email" in done.stderr, done.stdout + done.stderr
    assert "ada@example.com" not in everything(project)


@pytest.mark.parametrize("case", ["evolved", "rejected"])
def test_a_rollback_does_not_deliver_what_no_property_named_then(project, case):
    make(project, m="select * from clean.people" if case == "evolved" else "select payload from quarantine.people")
    project.write("sources/people.yml", "path: data/*.jsonl\n" + ("drift: {new_columns: evolve}\n" if case == "evolved" else ""))
    project.write("contracts/people.odcs.yml", contract(ID))
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.m}]\n")
    project.run("run")
    secret = "ada@example.com" if case == "evolved" else "ben@example.com"
    assert secret in everything(project)
    project.write("contracts/people.odcs.yml", contract(*PEOPLE))
    project.run("run")
    failed = project.run("rollback", "#1", "--to", exit_code=1).stderr
    assert "SL0408" in failed and "was built before column 'mail' was protected" in failed and "no table was touched" in failed, failed
    assert secret not in str([file.read_text() for file in (project.folder / "out").rglob("*.csv")])
    project.write("data/b.jsonl", '{"id": 2, "email": "eve@example.com"}\n')
    project.run("run")
    project.run("rollback", "#2", "--to")  # as protected as now


def test_a_rollback_to_a_time_without_the_column_is_free(project):
    make(project, ID, rows='{"id": 1}\n', m="select id from clean.people")
    project.write("sources/people.yml", "path: data/*.jsonl\ndrift: {new_columns: evolve}\n")
    project.write("targets/out.yml", "type: csv\npath: out\ndeliver: [{table: curated.m}]\n")
    project.run("run")
    project.write("contracts/people.odcs.yml", contract(*PEOPLE))
    project.write("data/b.jsonl", '{"id": 2, "email": "eve@example.com"}\n')
    project.run("run")
    project.run("rollback", "#1", "--to")


def test_a_record_says_which_personal_values_it_has(project):
    make(project, ID, f"name: email, logicalType: string, {DROP}", "name: o, logicalType: object, classification: pii",
         m="/* sluice\npersonal: [email]\n*/\nselect id, email from raw.people")
    project.run("run")
    made = project.run("test", "--record", "ppl", "--from", "clean.people", "--quiet")
    assert "warning: tests/ppl.yml has personal values without protection: raw.people (email, o), clean.people (o); put made-up values" in made.stderr
    assert "ada@example.com" in (project.folder / "tests/ppl.yml").read_text()
    told = project.json("test", "--record", "m", "--from", "curated.m")
    assert told["unprotected"] == [{"table": "raw.people", "columns": ["email", "o"]}, {"table": "curated.m", "columns": ["email"]}]
    project.write("contracts/people.odcs.yml", contract(ID, f"name: email, logicalType: string, {DROP}"))
    project.write("models/n.sql", "select id from clean.people\n")
    project.run("run")
    quiet = project.run("test", "--record", "n", "--from", "curated.n")
    assert "warning" not in quiet.stderr and "ada@" not in (project.folder / "tests/n.yml").read_text()


def test_what_is_said_of_a_missing_key_can_be_written(project):
    make(project)
    project.write("sluice.yml", HEAD.split("personal:")[0])
    (told,) = project.json("check", exit_code=1)["errors"]
    line = told["hint"].removeprefix("write ").removesuffix(" in sluice.yml")
    project.write("sluice.yml", HEAD.split("personal:")[0] + line + "\n")
    assert project.json("check", env={"NAME": "a key of some length"})["errors"] == []


@pytest.mark.parametrize("is_clean_gone", [False, True])
def test_raw_that_stands_under_the_name_of_before_is_told(project, is_clean_gone):
    """The source and its contract both got another name: nothing else says what was personal there."""
    make(project)
    project.run("run")
    assert project.json("check")["counts"]["warnings"] == 0
    (project.folder / "sources/people.yml").unlink()
    project.write("sources/persons.yml", "path: data/*.jsonl\n")
    text = contract(ID, f"name: mail, physicalName: email, logicalType: string, {TOKEN}")
    project.write("contracts/people.odcs.yml", text.replace("name: people", "name: persons").replace("id: people", "id: persons"))
    if is_clean_gone:
        shutil.rmtree(project.folder / "lake/clean/people")
        shutil.rmtree(project.folder / "lake/quarantine/people")
    project.run("run")
    (told,) = project.json("check")["warnings"]
    assert told["code"] == "SL0408" and "raw.people still stands in the lake, no source writes it any more" in told["message"]
    assert told["message"].endswith("what its contract protected: 'email'") and "lake/raw/people" in told["hint"]
    shutil.rmtree(project.folder / "lake/raw/people")
    assert project.json("check")["counts"]["warnings"] == 0
