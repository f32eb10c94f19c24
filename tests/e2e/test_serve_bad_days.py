"""Bad days of the service: kills, full disks, states that are damaged or cannot be written, edits; each has its words, and nothing is lost."""

from test_serve import Service, by_hand, slow_model


def versions(project, table):
    return len(list((project.table_folder(table) / "_delta_log").glob("*.json")))


def test_a_killed_run_comes_back_with_what_it_was_asked_for(project):
    by_hand(project)
    slow_model(project)
    project.run("run", "--select", "raw.orders", "clean.orders")
    with Service(project) as service:
        run = project.json("trigger", "all", "--select", "raw.orders", "clean.orders", "slow", "--full-refresh")["run_id"]
        service.wait_for("cleanse orders ok")
        before = versions(project, "clean.orders")
        service.process.kill()
        service.process.wait()
    project.write("models/slow.sql", "select count(*) as n from clean.orders")
    with Service(project) as service:
        assert run in service.wait_for("was killed: the pipeline runs again")["message"]
        again = service.wait_for("ended: ok")["run_id"]
        assert service.end() == 0
    runs = {row["run_id"]: row for row in project.json("status")["runs"]}
    assert runs[run]["status"] == "interrupted" and runs[again]["status"] == "ok"
    assert project.count("curated.slow") == 1 and versions(project, "clean.orders") == before + 1
    assert not (project.table_folder("curated.total") / "_delta_log").exists()
