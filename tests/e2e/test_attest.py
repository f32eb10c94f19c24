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
    for subject in statement(attested)["subject"][::5]:
        file = attested.folder / "lake" / subject["name"]
        whole = file.read_bytes()
        middle = len(whole) // 2
        file.write_bytes(whole[:middle] + bytes((whole[middle] ^ 1,)) + whole[middle + 1:])
        failed = verify(attested, exit_code=1)
        assert f"{subject['name']}: its bytes are others" in failed.stdout and "SL0709" in failed.stderr
        file.unlink()
        assert f"{subject['name']}: it is gone" in verify(attested, exit_code=1).stdout
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
