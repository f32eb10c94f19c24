"""Attestations: one changed byte makes them fail, and other programs can check the signature."""
import base64
import json
import shutil
import subprocess

import pytest

from test_kill import FILES, make


@pytest.fixture
def attested(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    project.run("attest", "key", "k")
    project.run("attest", "--key", "k.key", "-o", "a.json")
    return project


def statement(project):
    return json.loads(base64.b64decode(json.loads((project.folder / "a.json").read_text())["payload"]))


def verify(project, *arguments, exit_code=0):
    return project.run("attest", "verify", "a.json", "--key", "k.pub", *arguments, exit_code=exit_code)


def test_what_was_attested_is_what_stands_there_also_in_a_copy_and_after_later_runs(attested, tmp_path, sluice_bin):
    assert verify(attested).stdout.startswith("it holds: publication #1 of run ")
    copy = tmp_path / "copy"
    shutil.copytree(attested.folder / "lake", copy)
    attested.write("data/orders-2.csv", FILES[1])
    attested.run("run")
    verify(attested)
    shutil.copy(attested.folder / "a.json", tmp_path)
    shutil.copy(attested.folder / "k.pub", tmp_path)
    done = subprocess.run([str(sluice_bin), "attest", "verify", "a.json", "--key", "k.pub", "--lake", "copy"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--lake names the folder of the tables" in verify(attested, "--lake", "nowhere", exit_code=1).stderr


def test_the_record_says_what_each_table_was_made_of(attested):
    stated = statement(attested)
    assert stated["_type"] == "https://in-toto.io/Statement/v1"
    tables = stated["predicate"]["tables"]
    assert sorted(tables) == sorted(attested.json("publications", "1")["tables"])
    clean = tables["clean.orders"]
    balance = clean["record"]["balance"]
    assert balance["in"] == balance["out"] + balance["quarantined"] + balance["deduplicated"] + balance["filtered"] == 42
    assert clean["record"]["inputs"]["raw.orders"]["version"] == 0
    assert tables["raw.orders"]["sources"][0]["sluice.source"].endswith("orders-1.csv")
    names = {subject["name"] for subject in stated["subject"]}
    assert {f"_code/{clean['record']['fingerprint']}.json", "clean/orders/_delta_log/00000000000000000000.json"} <= names
    code = json.loads((attested.folder / "lake/_code" / f"{tables['curated.daily']['record']['fingerprint']}.json").read_text())
    assert code["text"] == (attested.folder / "models/daily.sql").read_text()


def test_openssl_agrees_on_the_signature(attested, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    envelope = json.loads((attested.folder / "a.json").read_text())
    body, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    (tmp_path / "signed").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode() + body)
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(attested.folder / "k.pub"), "-rawin", "-in",
               str(tmp_path / "signed"), "-sigfile", str(tmp_path / "signature")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Verified Successfully" in done.stdout, done.stderr


def test_one_changed_byte_in_any_file_makes_it_fail(attested):
    for subject in statement(attested)["subject"][::7]:
        file = attested.folder / "lake" / subject["name"]
        whole = file.read_bytes()
        middle = len(whole) // 2
        file.write_bytes(whole[:middle] + bytes((whole[middle] ^ 1,)) + whole[middle + 1:])
        failed = verify(attested, exit_code=1)
        assert f"{subject['name']}: its bytes are others" in failed.stdout and "SL0709" in failed.stderr
        file.unlink()
        needed = subject["annotations"].get("needed", True)  # a publication's list may go: what it says is signed
        assert needed == (not subject["name"].startswith("_publications/"))
        assert (f"{subject['name']}: it is gone" in verify(attested, exit_code=needed).stdout) == needed
        file.write_bytes(whole)
    report = json.loads(verify(attested, "--json").stdout)
    assert report["holds"] and report["faults"] == []


def test_a_changed_record_and_another_key_are_refused(attested):
    envelope = json.loads((attested.folder / "a.json").read_text())
    changed = dict(envelope, payload=base64.b64encode(json.dumps(dict(statement(attested), extra=1)).encode()).decode())
    for broken, message in [(changed, "not signed by this key"), (dict(envelope, payload="*"), "no base64"),
                            (dict(envelope, signatures=[]), "not signed by this key"), ({}, "another type")]:
        attested.write("a.json", json.dumps(broken))
        assert message in verify(attested, exit_code=1).stderr
    attested.write("a.json", json.dumps(envelope))
    attested.run("attest", "key", "other")
    failed = attested.run("attest", "verify", "a.json", "--key", "other.pub", exit_code=1)
    assert "SL0709" in failed.stderr


def test_every_byte_of_the_record_counts(attested):
    whole = (attested.folder / "a.json").read_bytes()
    envelope = json.loads(whole)
    start = whole.index(envelope["payload"].encode())
    inside = range(start + 1, start + len(envelope["payload"]) - 4)  # is signed, and long: a few of it
    for at in [i for i in range(len(whole)) if i not in inside or i % 997 == 0]:
        (attested.folder / "a.json").write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1:])
        verify(attested, exit_code=1)
    for broken in (dict(envelope, more=1), dict(envelope, signatures=[dict(envelope["signatures"][0], more="")]),
                   dict(envelope, signatures=[dict(envelope["signatures"][0], keyid="")])):
        attested.write("a.json", json.dumps(broken))
        assert "SL0709" in verify(attested, exit_code=1).stderr
    attested.write("a.json", json.dumps(envelope, indent=2))  # blanks say nothing
    verify(attested)


def test_keys_are_private_and_never_written_over(attested):
    assert (attested.folder / "k.key").stat().st_mode & 0o077 == 0
    private = (attested.folder / "k.key").read_bytes()
    assert "k.key" in attested.run("attest", "key", "k", exit_code=1).stderr
    assert (attested.folder / "k.key").read_bytes() == private
    failed = attested.run("attest", "--key", "k.pub", exit_code=1)
    assert "is a public key" in failed.stderr
    attested.write("no.key", "nothing")
    assert "is no Ed25519 key" in attested.run("attest", "--key", "no.key", exit_code=1).stderr
    failed = attested.run("attest", "--key", "k.key", "-o", "a.json", exit_code=1)
    assert "--force" in failed.stderr


def code_of(project, table):
    fingerprint = statement(project)["predicate"]["tables"][table]["record"]["fingerprint"]
    return project.folder / "lake/_code" / f"{fingerprint}.json"


def grown(attested, runs):
    """The same project some versions later, attested anew."""
    for number in range(2, runs + 2):
        attested.write(f"data/orders-{number}.csv", f"id,day,amount,updated\n{100 + number},2026-03-01,1.00,{number}\n")
        attested.run("run")
    attested.run("attest", "--key", "k.key", "-o", "a.json", "--force")
    return attested


def test_a_rewritten_older_commit_that_takes_a_file_away_is_seen(attested):
    project = grown(attested, 1)
    log = project.folder / "lake/raw/orders/_delta_log"
    first = log / f"{0:020}.json"
    whole = first.read_text()
    first.write_text("".join(line + "\n" for line in whole.splitlines() if '"add"' not in line))
    assert len(project.delta("raw.orders")) == 1  # a reader sees other rows
    assert f"raw/orders/_delta_log/{first.name}: its bytes are others" in verify(project, exit_code=1).stdout
    first.write_text(whole)
    verify(project)


@pytest.mark.parametrize("name", ["{:020}.checkpoint.parquet", "{:020}.checkpoint.0000000001.0000000001.parquet",
                                  "00000000000000000000.{:020}.compacted.json", "{:020}.checkpoint.0b9e7a52-33f3-4a55-9b2f-3e0b6a0a3c11.json", "{:020}.crc"])
def test_a_file_that_came_to_a_log_and_that_readers_would_follow_is_seen(attested, name):
    log = attested.folder / "lake/raw/orders/_delta_log"
    later = log / name.format(1)
    later.write_bytes(b"x")
    verify(attested)  # it says nothing of version 0
    later.unlink()
    (log / name.format(0)).write_bytes(b"x")
    failed = verify(attested, exit_code=1)
    assert f"raw/orders/_delta_log/{name.format(0)}: it was not there when this was attested" in failed.stdout


def test_checksums_of_versions_are_covered_and_those_of_the_file_system_are_not(attested):
    log = attested.folder / "lake/raw/orders/_delta_log"
    checksum = log / f"{0:020}.crc"
    checksum.write_text('{"numFiles": 1}')
    attested.run("attest", "--key", "k.key", "-o", "a.json", "--force")
    (log / f".{0:020}.json.crc").write_bytes(b"crc")
    verify(attested)
    checksum.write_text('{"numFiles": 2}')
    assert f"raw/orders/_delta_log/{checksum.name}: its bytes are others" in verify(attested, exit_code=1).stdout
    checksum.unlink()  # whoever reads the version does without
    verify(attested)


def test_what_a_checkpoint_stands_for_may_go_but_not_change(attested):
    project = grown(attested, 11)
    log = project.folder / "lake/raw/orders/_delta_log"
    assert (log / f"{10:020}.checkpoint.parquet").exists()
    old = log / f"{3:020}.json"
    whole = old.read_bytes()
    old.write_bytes(whole.replace(b"orders-4.csv", b"orders-9.csv"))
    assert f"{old.name}: its bytes are others" in verify(project, exit_code=1).stdout
    old.unlink()
    verify(project)
    (log / f"{11:020}.json").unlink()
    assert f"{11:020}.json: it is gone" in verify(project, exit_code=1).stdout


def test_one_changed_byte_in_each_kind_of_file_makes_it_fail_where_nothing_but_the_lake_is(attested, tmp_path, sluice_bin):
    """In a copy elsewhere, with neither the project nor the engine's folder, each byte's change is named."""
    project = grown(attested, 11)
    away = tmp_path / "away"
    shutil.copytree(project.folder / "lake", away / "copy")
    for name in ("a.json", "k.pub"):
        shutil.copy(project.folder / name, away)
    project.folder.rename(tmp_path / "gone")
    kinds = {
        "data of raw": "raw/orders/*.parquet", "data of clean": "clean/orders/*.parquet", "data of quarantine": "quarantine/orders/*.parquet",
        "data of a model": "curated/totals/*.parquet", "data of a partition": "curated/daily/**/*.parquet",
        "an old commit": f"clean/orders/_delta_log/{1:020}.json", "the newest commit": f"clean/orders/_delta_log/{11:020}.json",
        "a checkpoint": f"clean/orders/_delta_log/{10:020}.checkpoint.parquet", "the publication": f"_publications/{12:020}.json",
    }
    subjects = {subject["name"] for subject in json.loads(base64.b64decode(json.loads((away / "a.json").read_text())["payload"]))["subject"]}
    for file in (away / "copy/_code").iterdir():
        kinds["a contract" if '"contract"' in file.read_text() else f"model {file.name}"] = f"_code/{file.name}"
    assert "a contract" in kinds and sum(kind.startswith("model ") for kind in kinds) == 4

    def check():
        return subprocess.run([str(sluice_bin), "attest", "verify", "a.json", "--key", "k.pub", "--lake", "copy"], cwd=away,
                              capture_output=True, text=True, env={"PATH": "/nowhere", "HOME": "/nowhere"})
    assert check().returncode == 0
    for kind, pattern in kinds.items():
        file = next(file for file in sorted((away / "copy").glob(pattern)) if str(file.relative_to(away / "copy")) in subjects)
        whole = file.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1:])
            done = check()
            assert done.returncode == 1, (kind, place)
            assert done.stdout == f"{file.relative_to(away / 'copy')}: its bytes are others\n" and "SL0709" in done.stderr, (kind, place)
        file.write_bytes(whole)
    assert check().returncode == 0


@pytest.mark.parametrize("table, damage", [
    ("clean.orders", lambda text: text[:-1]),
    ("clean.orders", lambda text: text.replace("DECIMAL(12,2)", "DECIMAL(13,2)")),
    ("clean.orders", lambda text: "{}"),
    ("curated.daily", lambda text: text.replace("sum(amount)", "max(amount)")),
    ("curated.daily", lambda text: '{"model": "other", "text": "select 1"}'),
    ("curated.daily", lambda text: "[]"),
    ("curated.daily", lambda text: ""),
])
def test_nothing_is_signed_over_damaged_code(attested, table, damage):
    file = code_of(attested, table)
    whole = file.read_text()
    assert damage(whole) != whole
    file.write_text(damage(whole))
    failed = attested.run("attest", "--key", "k.key", "-o", "b.json", exit_code=1)
    assert "SL0714" in failed.stderr and file.name in failed.stderr
    assert not (attested.folder / "b.json").exists()
    file.write_text(whole)
    attested.run("attest", "--key", "k.key", "-o", "b.json")


@pytest.mark.parametrize("gone", ["missing", "unreadable"])
def test_code_that_is_not_kept_or_cannot_be_read_is_called_unknown(attested, gone):
    file = code_of(attested, "curated.totals")
    file.unlink()
    if gone == "unreadable":
        file.symlink_to(file.name)  # a loop: there, and no one can read it
    done = attested.run("attest", "--key", "k.key", "-o", "a.json", "--force")
    assert "curated.totals: what it was made with is unknown" in done.stderr
    tables = statement(attested)["predicate"]["tables"]
    assert {name: table.get("code") for name, table in tables.items()} == {
        "raw.orders": None, "clean.orders": "kept", "quarantine.orders": "kept", "curated.daily": "kept", "curated.raw_lines": "kept",
        "curated.latest": "kept", "curated.totals": "unknown"}
    assert "curated.totals: what it was made with is unknown" in verify(attested).stdout
    assert json.loads(verify(attested, "--json").stdout)["unknown_code"] == ["curated.totals"]


def test_a_file_that_cannot_be_read_is_not_called_gone(attested):
    file = attested.folder / "lake" / f"curated/totals/_delta_log/{0:020}.json"
    file.unlink()
    file.symlink_to(file.name)
    failed = verify(attested, exit_code=1).stdout
    assert file.name in failed and "it is gone" not in failed


@pytest.mark.parametrize("fingerprint", ["../../../../secret", "0" * 63, "0" * 65, "G" * 64, "A" * 64])
def test_a_fingerprint_that_is_none_leads_nowhere(attested, fingerprint):
    attested.write("secret.json", '{"model": "totals", "text": "select 1"}')
    log = attested.folder / "lake" / f"curated/totals/_delta_log/{0:020}.json"
    known = attested.records("curated.totals")[0]["fingerprint"]
    log.write_text(log.read_text().replace(known, fingerprint))
    failed = attested.run("attest", "--key", "k.key", "-o", "b.json", exit_code=1)
    assert "SL0709" in failed.stderr and "is no fingerprint" in failed.stderr
    attested.run("plan", "--why")
    totals = json.loads(attested.run("verify", "--json", exit_code=1).stdout)["tables"]
    assert [table["why"] for table in totals if table["table"] == "curated.totals"][0].endswith("is not kept any more")


def test_what_is_kept_of_a_model_is_what_was_used_however_it_is_written_now(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("models/history.sql", "/* sluice\nwrite: snapshot\nkey: [id]\nupdated_at: updated\n*/\nselect id, amount, updated::timestamp as updated from (select id, amount, date '2026-01-01' as updated from clean.orders)\n")
    project.run("run")
    project.run("attest", "key", "k")
    project.run("attest", "--key", "k.key", "-o", "a.json")
    for model in ("history", "daily"):
        file = project.folder / f"models/{model}.sql"
        file.write_text(file.read_text().replace("/* sluice", "/* sluice\ndescription: Another word for it"))
    project.write("data/orders-2.csv", FILES[1])
    project.run("run")
    verify(project)
