"""Environments: one that reads another's tables writes only its own, and never touches the other's."""
import hashlib

import pytest

from test_kill import FILES, PROJECT, contents, make

SETTINGS = PROJECT["sluice.yml"] + """environments:
  prod: {lake: lake}
  dev: {lake: dev/lake, state: dev/state, reads: prod}
"""
TARGETS = ("targets/files.yml", "targets/base.yml")


def shared(tmp_path, sluice_bin):
    """A project with a production that has run, and a dev beside it with places of its own for deliveries."""
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("sluice.yml", SETTINGS)
    for target in TARGETS:
        project.write(target, PROJECT[target].replace("path: out", "path: ${env:PLACE}"))
    project.run("run", "--env", "prod", env={"PLACE": "out"})
    return project


def digest(folder):
    """Every file below, with its bytes."""
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.rglob("*")) if file.is_file()}


def dev(project, *arguments, **options):
    return project.run(*arguments, "--env", "dev", env={"PLACE": "dev/out"}, **options)


def query(project, sql, environment):
    return project.json("query", sql, "--env", environment, env={"PLACE": "dev/out"})["rows"]


def test_an_environment_reads_the_tables_of_another_one_until_it_has_its_own(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    before = digest(project.folder / "lake"), digest(project.folder / "out")
    assert "nothing to do" in dev(project, "run").stdout
    assert not (project.folder / "dev/out").exists()
    listed = {node["name"]: node["environment"] for node in project.json("ls", "--env", "dev", env={"PLACE": "dev/out"})["nodes"]}
    assert listed["clean.orders"] == listed["curated.daily"] == "prod"
    kinds = {line.split()[0]: line for line in dev(project, "ls").stdout.splitlines()}
    assert "contract, of prod" in kinds["clean.orders"] and "of prod" not in project.run("ls", "--env", "prod", env={"PLACE": "out"}).stdout
    assert query(project, "select count(*) from clean.orders", "dev") == query(project, "select count(*) from clean.orders", "prod")
    # Production gets a file that dev does not care for; dev changes a model.
    project.write("data/orders-2.csv", FILES[1])
    assert "nothing to do" in dev(project, "run").stdout
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "2 * sum(amount)"))
    planned = {node["name"]: node["verdict"] for node in
               project.json("plan", "--env", "dev", env={"PLACE": "dev/out"})["nodes"] if node["verdict"] != "fresh"}
    assert planned == {"curated.daily": "stale", "curated.totals": "after_inputs", "target.files.daily": "stale",
                       "target.base.daily": "stale"}
    dev(project, "run")
    built = {str(log.parent.relative_to(project.folder / "dev/lake")) for log in (project.folder / "dev/lake").rglob("_delta_log")}
    assert built == {"curated/daily", "curated/totals"}
    assert (project.folder / "dev/out/daily").exists() and not (project.folder / "dev/out/raw_lines").exists()
    assert (digest(project.folder / "lake"), digest(project.folder / "out")) == before
    listed = {node["name"]: node["environment"] for node in project.json("ls", "--env", "dev", env={"PLACE": "dev/out"})["nodes"]}
    assert (listed["clean.orders"], listed["curated.daily"], listed["curated.totals"]) == ("prod", None, None)
    doubled = query(project, "select sum(amount)::varchar from curated.daily", "dev")[0][0]
    single = query(project, "select (2 * sum(amount))::varchar from curated.daily", "prod")[0][0]
    assert float(doubled) == float(single)
    # Production goes on: dev's own tables follow it, all others are production's.
    project.run("run", "--env", "prod", "--exclude", "curated.daily+", env={"PLACE": "out"})
    assert "clean.orders changed" in dev(project, "plan", "--why").stdout
    dev(project, "run")
    assert query(project, "select sum(orders) from curated.daily", "dev") == query(project, "select count(*) from clean.orders", "prod")
    assert "nothing to do" in dev(project, "run").stdout
    assert dev(project, "publications").stdout.count("#") == 2


def test_a_changed_contract_is_judged_over_the_raw_rows_of_the_other_environment(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    before = digest(project.folder / "lake")
    project.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 10"))
    dev(project, "run")
    assert digest(project.folder / "lake") == before
    assert not (project.folder / "dev/lake/raw").exists()
    assert query(project, "select count(*) from clean.orders", "dev")[0][0] < query(project, "select count(*) from clean.orders", "prod")[0][0]
    project.run("run", "--env", "prod", env={"PLACE": "out"})
    (project.folder / "data/orders-2.csv").write_text(FILES[1])
    project.run("run", "--env", "prod", env={"PLACE": "out"})
    dev(project, "run")
    assert query(project, "from clean.orders order by all", "dev") == query(project, "from clean.orders order by all", "prod")


def test_rows_of_the_other_environment_cannot_be_given_up_and_its_deliveries_not_replaced(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    before = digest(project.folder)
    for dry_run in ([], ["--dry-run"]):
        failed = dev(project, "quarantine", "discard", "orders", "--all", "--reason", "x", *dry_run, exit_code=1)
        assert "table 'quarantine.orders' is read from environment 'prod', and this one has none of its own" in failed.stderr
        assert "only there its rows can be given up: --env prod" in failed.stderr
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "2 * sum(amount)"))
    failed = project.run("run", "--env", "dev", env={"PLACE": "out"}, exit_code=5)
    assert "SL0803" in failed.stderr
    after = digest(project.folder)
    kept = [file for file in before if "/lake/" in file or "/out/" in file]
    assert kept and all(before[file] == after[file] for file in kept)


@pytest.mark.parametrize("dev_settings, message", [
    ("{lake: dev, reads: pord}", "did you mean 'prod'?"),
    ("{reads: prod}", "the lake is that of environment 'prod', whose tables would be written"),
])
def test_mistakes_in_reads_are_told(tmp_path, sluice_bin, dev_settings, message):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("sluice.yml", SETTINGS.replace("{lake: dev/lake, state: dev/state, reads: prod}", dev_settings))
    assert message in project.run("check", "--env", "dev", exit_code=1).stderr


def test_an_environment_that_names_itself_reads_its_own(tmp_path, sluice_bin):
    project = make(tmp_path / "project", sluice_bin, 1)
    project.write("sluice.yml", PROJECT["sluice.yml"] + "reads: prod\nenvironments:\n  prod: {lake: lake}\n  dev: {lake: dev}\n")
    project.run("run", "--env", "prod")
    assert contents(project)["curated.totals"]
    assert "nothing to do" in project.run("run", "--env", "dev").stdout


def test_both_tables_of_a_cleanse_come_from_one_environment(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    project.write("models/why.sql", "select count(*) as n from quarantine.orders")
    expected = query(project, "select count(*) from quarantine.orders", "prod")
    # As an interrupted step leaves it: an own quarantine, with one row, and no own clean table.
    project.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 10"))
    dev(project, "run", "--select", "clean.orders")
    assert query(project, "select count(*) from quarantine.orders", "dev") != expected
    (project.folder / "dev/lake/clean/orders").rename(tmp_path / "clean")
    project.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"])
    assert query(project, "select count(*) from quarantine.orders", "dev") == expected
    assert query(project, "select count(*) from clean.orders", "dev") == query(project, "select count(*) from clean.orders", "prod")
    # The other way round: an own clean table goes with no quarantine but its own.
    (tmp_path / "clean").rename(project.folder / "dev/lake/clean/orders")
    (project.folder / "dev/lake/quarantine/orders").rename(tmp_path / "quarantine")
    assert "quarantine" in dev(project, "query", "select count(*) from quarantine.orders", exit_code=None).stderr
    dev(project, "run", "--select", "clean.orders")
    assert query(project, "select count(*) from quarantine.orders", "dev") == expected
    assert (project.folder / "dev/lake/quarantine/orders/_delta_log").exists()


def test_a_view_of_the_other_environments_tables_is_delivered_by_that_one(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    project.write("models/recent.sql", "/* sluice\nwrite: view\n*/\nselect * from curated.daily where orders > 0")
    project.write("targets/files.yml", PROJECT["targets/files.yml"].replace("path: out", "path: ${env:PLACE}") + "  - {table: curated.recent}\n")
    assert "nothing to do" in dev(project, "run").stdout
    assert not (project.folder / "dev/out").exists()
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "2 * sum(amount)"))
    dev(project, "run")
    assert (project.folder / "dev/out/recent").exists() and (project.folder / "dev/out/daily").exists()


def test_a_plan_lists_no_delivery_of_the_other_environment(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    planned = project.json("plan", "--env", "dev", env={"PLACE": "out"})
    assert {node["verdict"] for node in planned["nodes"]} == {"fresh"}
    assert "nothing to do: every table is up to date" in project.run("run", "--env", "dev", env={"PLACE": "out"}).stdout
    # What reads a table that may become this environment's own waits for that.
    project.write("targets/files.yml", PROJECT["targets/files.yml"].replace("path: out", "path: ${env:PLACE}") + "  - {table: curated.totals}\n")
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "2 * sum(amount)"))
    planned = {node["name"]: node["verdict"] for node in project.json("plan", "--env", "dev", env={"PLACE": "dev/out"})["nodes"]}
    assert (planned["curated.totals"], planned["target.files.totals"]) == ("after_inputs", "after_inputs")
    dev(project, "run")
    assert (project.folder / "dev/out/totals").exists() and not (project.folder / "dev/out/raw_lines").exists()


def test_a_plan_tells_what_a_change_of_borrowed_tables_reaches(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    project.write("contracts/orders.odcs.yml", PROJECT["contracts/orders.odcs.yml"].replace("minimum: 0", "minimum: 10"))
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("as orders,", "as orders, max(id) as newest,"))
    own = project.run("plan", "--env", "prod", "--why", env={"PLACE": "out"}).stdout
    told = dev(project, "plan", "--why").stdout
    for line in ("column newest is new", "reaches curated.daily (", "contract: amount: "):
        assert line in own and line in told


def inputs(project, at):
    tables = project.json("publications", at, "--env", "dev", env={"PLACE": "dev/out"})["tables"]
    return {name: [(item["table"], item["version"]) for item in table["inputs"]] for name, table in tables.items()}


def test_a_publication_lists_no_tables_of_different_versions_of_a_borrowed_one(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    for name in ("one", "two"):
        project.write(f"models/{name}.sql", "select count(*) as n from clean.orders")
    dev(project, "run")
    project.write("data/orders-2.csv", FILES[1])
    project.run("run", "--env", "prod", "--exclude", "curated.one", "curated.two", env={"PLACE": "out"})
    told = dev(project, "run", "--select", "curated.one", exit_code=None)
    assert "version 1 of curated.one is not published: curated.two is not built from clean.orders as it is now" in told.stderr
    assert inputs(project, "1")["curated.one"] == [("clean.orders", 0)]
    assert len(project.json("publications", "--env", "dev", env={"PLACE": "dev/out"})["publications"]) == 1
    dev(project, "run")
    listed = inputs(project, "2")
    assert listed["curated.one"] == listed["curated.two"] == [("clean.orders", 1)]


def test_a_plan_of_what_the_other_environment_has_published_since_is_told(tmp_path, sluice_bin):
    project = shared(tmp_path, sluice_bin)
    project.write("models/daily.sql", PROJECT["models/daily.sql"].replace("sum(amount)", "2 * sum(amount)"))
    dev(project, "plan", "-o", "plan.json")
    # Production goes on without the change, and takes a file that dev never saw.
    changed = (project.folder / "models/daily.sql").read_text()
    project.write("models/daily.sql", PROJECT["models/daily.sql"])
    project.write("data/orders-2.csv", FILES[1])
    project.run("run", "--env", "prod", env={"PLACE": "out"})
    project.write("models/daily.sql", changed)
    told = dev(project, "apply", "plan.json", exit_code=6)
    assert "SL0704" in told.stderr and "sluice plan -o plan.json" in told.stderr
    assert "'raw.orders' changed since the plan was made: its table has another version" in told.stderr
    assert not (project.folder / "dev/lake").exists() or not list((project.folder / "dev/lake").rglob("_delta_log"))
    dev(project, "plan", "-o", "plan.json")
    dev(project, "apply", "plan.json")
    assert query(project, "select sum(orders) from curated.daily", "dev") == query(project, "select count(*) from clean.orders", "prod")
