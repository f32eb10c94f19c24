"""`sluice verify`: what was published is what raw and the recorded code give, or it says which rows are not."""
import hashlib
import json
import os
import shutil

import duckdb
import pytest

from test_kill import FILES, PROJECT, make


@pytest.fixture
def built(tmp_path, sluice_bin):
    """Two runs over two files, one after the other."""
    project = make(tmp_path / "project", sluice_bin, 1)
    project.run("run")
    project.write("data/orders-2.csv", FILES[1])
    project.run("run")
    return project


def hashes(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def verify(project, *arguments, exit_code=0, **options):
    report = json.loads(project.run("verify", *arguments, "--json", exit_code=exit_code, **options).stdout)
    assert report["holds"] == (exit_code == 0)
    return {table["table"]: table for table in report["tables"]}


def results(tables):
    return {table: entry["result"] for table, entry in tables.items()}


def test_what_was_built_in_parts_is_what_all_of_raw_gives_and_nothing_is_touched(built, tmp_path):
    before, delivered = hashes(built.folder / "lake"), hashes(built.folder / "out")
    temp = tmp_path / "temp"
    temp.mkdir()
    tables = verify(built, env={"TMPDIR": str(temp)})
    assert set(tables) == {"clean.orders", "quarantine.orders", "curated.daily", "curated.raw_lines", "curated.latest",
                           "curated.totals"}
    assert set(results(tables).values()) == {"equal"}
    balance = tables["clean.orders"]["balance"]
    assert balance["in"] == built.count("raw.orders")
    assert balance["out"] == tables["clean.orders"]["rows"] == built.count("clean.orders")
    assert balance["quarantined"] == tables["quarantine.orders"]["rows"] == built.count("quarantine.orders") > 0
    assert hashes(built.folder / "lake") == before and hashes(built.folder / "out") == delivered
    assert list(temp.iterdir()) == []
    kept = json.loads(built.run("verify", "--keep", "--json", env={"TMPDIR": str(temp)}).stdout)["folder"]
    assert os.path.dirname(kept) == str(temp) and os.stat(kept).st_mode & 0o077 == 0
    assert duckdb.sql(f"select count(*) from '{kept}/lake/clean/orders/*.parquet'").fetchone()[0] == built.count("clean.orders")
    assert "6 of 6 tables equal what is built from raw" in built.run("verify", "#1").stdout


def test_each_publication_is_judged_by_the_code_it_was_made_with(built):
    built.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 3"))
    built.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "max(amount)"))
    (built.folder / "models/raw_lines.sql").unlink()
    built.write("targets/files.yml", "type: parquet\npath: out\ndeliver: [{table: curated.daily, write: partition, partition_by: [day]}]\n")
    assert set(results(verify(built)).values()) == {"equal"}  # nothing was built with the new code yet
    built.run("run")
    new, old = verify(built), verify(built, "#1")
    assert set(results(new).values()) == set(results(old).values()) == {"equal"}
    assert "curated.raw_lines" in old
    assert new["clean.orders"]["rows"] != old["clean.orders"]["rows"]
    for folder in ("sources", "models", "targets", "contracts"):  # the lake says it all
        shutil.rmtree(built.folder / folder)
    assert set(results(verify(built)).values()) == {"equal"}


def test_it_holds_after_replay_discard_and_rollback(built):
    built.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("{minimum: 0}", "{minimum: -10}"))
    built.run("quarantine", "replay", "orders")
    built.run("run")
    assert set(results(verify(built)).values()) == {"equal"}
    built.run("quarantine", "discard", "orders", "--all", "--reason", "gone")
    built.run("run")
    assert set(results(verify(built)).values()) == {"equal"}
    built.run("rollback", "#1", "--to")
    tables = verify(built)
    assert set(results(tables).values()) == {"equal"} and tables["clean.orders"]["rows"] == 40


def rewrite(project, table, sql):
    """Changes rows in a table's newest data file, as someone who has access to the files could."""
    file = max((project.folder / "lake" / table.replace(".", "/")).glob("**/*.parquet"), key=lambda path: path.stat().st_mtime)
    connection = duckdb.connect()
    connection.execute(f"create table rows as select {sql} from '{file}'")
    connection.execute(f"copy rows to '{file}' (format parquet)")


def test_a_changed_row_is_found_and_shown(built):
    rewrite(built, "clean.orders", "* replace (if(id = 45, 999.99, amount)::decimal(12,2) as amount)")
    tables = verify(built, exit_code=1)
    assert results(tables) == {"clean.orders": "differs", "quarantine.orders": "equal", "curated.daily": "equal",
                               "curated.raw_lines": "equal", "curated.latest": "equal", "curated.totals": "equal"}
    clean = tables["clean.orders"]
    assert (clean["differing"], clean["only_published"], clean["only_rebuilt"], clean["columns"]) == (1, 0, 0, ["amount"])
    assert clean["examples"][0]["id"] == 45 and clean["examples"][0]["amount_a"] == 999.99 and clean["examples"][0]["amount_b"] == 45.75
    printed = built.run("verify", "--select", "clean.orders", exit_code=1).stdout
    assert "id=45" in printed and "amount_a=999.99" in printed and "amount_b=45.75" in printed
    assert set(verify(built, "--select", "curated.daily")) == {"curated.daily"}


def test_a_lost_and_a_doubled_row_are_found(built):
    rewrite(built, "clean.orders", "* replace (if(id = 45, 46, id) as id)")  # 45 is lost, 46 is there twice
    clean = verify(built, exit_code=1)["clean.orders"]
    assert clean["result"] == "differs" and clean["only_rebuilt"] == 1 and clean["only_published"] == 1


def test_what_is_not_kept_is_never_called_verified(built):
    record = built.records("clean.orders")[-1]
    code = built.folder / "lake/_code" / f"{record['fingerprint']}.json"
    kept = code.read_text()
    built.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 3"))
    for text in (None, kept.replace('"decimal', '"float').replace("DECIMAL(12,2)", "DECIMAL(99"), "{}"):
        code.unlink() if text is None else code.write_text(text)
        tables = verify(built, exit_code=1)
        assert results(tables) == {"clean.orders": "not verifiable", "quarantine.orders": "not verifiable",
                                   "curated.daily": "not verifiable", "curated.totals": "not verifiable",
                                   "curated.raw_lines": "equal", "curated.latest": "equal"}
        assert "is not kept any more" in tables["clean.orders"]["why"]
        assert "clean.orders, which is not verifiable" in tables["curated.daily"]["why"]
    code.write_text(kept)
    assert set(results(verify(built)).values()) == {"equal"}
    (built.folder / "lake/_code" / f"{built.records('curated.latest')[-1]['fingerprint']}.json").unlink()
    assert [table for table, entry in verify(built, exit_code=1).items() if entry["result"] != "equal"] == ["curated.latest"]


def test_raw_that_has_lost_a_file_is_told(built):
    file = sorted((built.folder / "lake/raw/orders").glob("*.parquet"))[0]
    file.unlink()
    tables = verify(built, exit_code=1)
    assert set(results(tables).values()) == {"not verifiable"}
    assert f"raw.orders has lost its file '{file.name}'" in tables["clean.orders"]["why"]


def test_a_model_that_reads_the_clock_is_not_reproducible_rather_than_wrong(built):
    built.write("models/stamped.sql", "select id, now() as made_at from clean.orders")
    built.write("models/ids.sql", "select id, made_at from curated.stamped")
    built.write("models/sums.sql", "select day, avg(amount::double) as mean from clean.orders group by day")
    built.run("run")
    tables = verify(built, exit_code=1)
    assert tables["curated.stamped"]["result"] == tables["curated.ids"]["result"] == "not reproducible"
    assert "now()" in tables["curated.stamped"]["why"] and "curated.stamped" in tables["curated.ids"]["why"]
    assert tables["curated.sums"]["result"] == "equal"
    rewrite(built, "curated.sums", "* replace (mean * (1 + 1e-14) as mean)")
    sums = verify(built, "--select", "curated.sums")["curated.sums"]
    assert sums["result"] == "equal" and sums["rounded"] == ["mean"]
    rewrite(built, "curated.sums", "* replace (mean * (1 + 1e-4) as mean)")
    assert verify(built, "--select", "curated.sums", exit_code=1)["curated.sums"]["columns"] == ["mean"]


def test_foreign_keys_nested_fields_views_and_snapshots(built):
    built.write("sources/days.yml", "path: data/days.jsonl\n")
    built.write("data/days.jsonl", "".join(f'{{"day": "2026-01-0{i}", "at": {{"zone": "Z{i}"}}, "items": [{{"n": {i}}}]}}\n' for i in range(1, 5)))
    built.write("contracts/days.odcs.yml", """
apiVersion: v3.1.0
kind: DataContract
id: days
name: days
version: 1.0.0
status: active
schema:
  - name: days
    properties:
      - {name: day, logicalType: date, primaryKey: true, required: true}
      - {name: at, logicalType: object, properties: [{name: zone, logicalType: string, required: true}]}
      - name: items
        logicalType: array
        items: {logicalType: object, properties: [{name: n, logicalType: integer, logicalTypeOptions: {maximum: 3}}]}
""")
    built.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace(
        "{name: day, logicalType: date, required: true}",
        "{name: day, logicalType: date, required: true, relationships: [{to: days.day}]}"))
    built.write("models/recent.sql", "/* sluice\nwrite: view\n*/\nselect * from clean.orders where id > 3")
    built.write("models/counted.sql", "select count(*) as n from curated.recent")
    built.write("models/history.sql", "/* sluice\nwrite: snapshot\nkey: [id]\n*/\nselect id, amount from clean.orders")
    built.run("run", exit_code=None)
    before = verify(built, exit_code=1)
    assert before["curated.history"]["result"] == "not verifiable" and "history" in before["curated.history"]["why"]
    assert {table for table, entry in before.items() if entry["result"] != "equal"} == {"curated.history"}
    assert "clean.days" in before and "quarantine.days" in before
    shutil.rmtree(built.folder / "contracts")
    assert results(verify(built, exit_code=1)) == results(before)
    built.write("models/recent.sql", "/* sluice\nwrite: view\n*/\nselect * from clean.orders where id > 4")
    counted = verify(built, exit_code=1)["curated.counted"]
    assert counted["result"] == "not verifiable" and "a view that it reads" in counted["why"]


def test_an_environment_that_reads_another_ones_tables(built):
    built.write("sluice.yml", PROJECT["sluice.yml"] + "environments:\n  dev: {lake: lake-dev, reads: prod}\n  prod: {lake: lake}\n")
    built.run("run", "--env", "dev", "--select", "curated.totals", "--full-refresh")
    tables = verify(built, "--env", "dev", exit_code=1)
    assert tables["curated.totals"]["result"] == "not verifiable" and "another environment" in tables["curated.totals"]["why"]
    built.run("run", "--env", "dev", "--full-refresh", "--select", "clean.orders", "curated.daily", "curated.totals")
    tables = verify(built, "--env", "dev")
    assert set(results(tables).values()) == {"equal"} and "clean.orders" in tables


def test_variables_of_the_shell_do_not_lead_it_into_the_projects_lake(built):
    before = hashes(built.folder / "lake")
    assert set(results(verify(built, env={"SLUICE_LAKE": str(built.folder / "lake")})).values()) == {"equal"}
    assert hashes(built.folder / "lake") == before


def test_wrong_names_and_empty_projects_are_told(built, tmp_path, sluice_bin):
    assert "SL" in built.run("verify", "#99", exit_code=1).stderr
    assert "nothing was published yet" in make(tmp_path / "new", sluice_bin, 1).run("verify", exit_code=1).stderr
    assert built.run("verify", "--select", "clean.nothing", exit_code=1).stderr


def test_a_table_that_was_removed_and_made_again_is_another_one(built):
    shutil.rmtree(built.folder / "lake/curated/totals")
    built.run("run")  # makes it again, with the same rows, at a version that was published before
    assert built.records("curated.totals")[-1]["run_id"] != built.records("curated.daily")[-1]["run_id"]
    assert set(results(verify(built)).values()) == {"equal"}
    old = json.loads(built.folder.joinpath(f"lake/_publications/{1:020}.json").read_text())["tables"]["curated.totals"]
    assert old["version"] == 0
    tables = verify(built, "#1", exit_code=1)
    assert tables["curated.totals"]["result"] == "not verifiable"
    assert tables["curated.totals"]["why"] == "it was removed and made again after it was published"
    assert {entry["result"] for table, entry in tables.items() if table != "curated.totals"} == {"equal"}
    shutil.rmtree(built.folder / "lake/raw/orders")
    built.run("run")
    tables = verify(built, "#1", exit_code=1)
    assert set(results(tables).values()) == {"not verifiable"}
    assert "raw.orders cannot be used: it was removed and made again" in tables["curated.latest"]["why"]


def test_what_was_not_judged_again_is_said(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace(
        "    properties:", "    quality:\n      - {metric: rowCount, mustBeGreaterThan: 3, name: enough rows}\n    properties:", 1))
    project.run("run")
    tables = verify(project)
    assert tables["clean.orders"]["not_judged"] == ["check 'enough rows' (passed then)", "quarantine budget"]
    assert tables["curated.daily"]["not_judged"] == []
    assert "clean.orders: not judged again: check 'enough rows' (passed then), quarantine budget" in project.run("verify").stdout


def test_protected_columns_are_made_again_with_the_key_of_then(project):
    from test_personal import KEY, make as make_people

    make_people(project)
    project.write("models/counted.sql", "select count(*) as n, max(seq) as last from clean.people")
    project.run("run", env={"PEOPLE_KEY": KEY})
    shutil.rmtree(project.folder / "contracts")
    assert set(results(verify(project, env={"PEOPLE_KEY": KEY})).values()) == {"equal"}
    rewrite(project, "clean.people", "* replace ('b_000000000000' as born)")
    assert verify(project, exit_code=1, env={"PEOPLE_KEY": KEY})["clean.people"]["columns"] == ["born"]
    tables = verify(project, exit_code=1, env={"PEOPLE_KEY": "another key"})
    assert set(results(tables).values()) == {"not verifiable"}
    assert "were protected with key" in tables["clean.people"]["why"] and KEY not in str(tables)


def test_the_name_of_a_view_may_be_written_in_other_letters(project):
    project.write("sluice.yml", "name: t\nchecks: {requirements: off}\n")
    project.write("sources/t.yml", "path: t.csv\n")
    project.write("t.csv", "a\n1\n2\n")
    project.write("models/vv.sql", "/* sluice\nwrite: view\n*/\nselect a from raw.t\n")
    project.write("models/z.sql", "select count(*) as n from curated.VV\n")
    project.run("run")
    assert "1 of 1 table equal" in project.run("verify").stdout
