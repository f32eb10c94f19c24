"""The state folder is removed under a service at work: its place there is taken anew, and never by two."""

import shutil
import signal
import time

import pytest
from test_serve import Service, by_hand, held_by_a_task, wait_until_it_is_held


def remove_state(project, how):
    state = project.folder / ".sluice"
    if how == "all":
        shutil.rmtree(state, ignore_errors=True)  # the service may write there meanwhile
    elif how == "aside":
        state.rename(project.folder / "aside")
    else:
        (state / how).unlink()


@pytest.mark.parametrize("how", ["all", "aside", "serve.sock", "serve.lock"])
def test_a_service_takes_its_lock_and_socket_anew(project, how):
    by_hand(project)
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        for _ in range(2):
            remove_state(project, how)
            service.wait_for("has taken its lock and socket there anew")
            shutil.rmtree(project.folder / "aside", ignore_errors=True)
            assert "SL0821" in project.run("serve", "--listen", "none", exit_code=1).stderr
            project.run("trigger", "all")
            service.wait_for("nothing to do")
        assert service.end() == 0
    assert not (project.folder / ".sluice/serve.sock").exists()
    assert project.rows("curated.total", "orders") == [("3",)]


def test_a_run_at_work_goes_on_and_another_one_waits_for_it_when_the_folder_is_removed(project):
    held_by_a_task(project)
    with Service(project) as service:
        run = project.json("trigger", "all")["run_id"]
        wait_until_it_is_held(project)
        remove_state(project, "all")
        service.wait_for("has taken its lock and socket there anew")
        assert "SL0108" in project.run("run", exit_code=1).stderr
        project.write("go", "")
        assert service.wait_for("ended: ok")["run_id"] == run
        assert service.end() == 0
    assert project.rows("curated.total", "orders") == [("3",)]


def test_a_service_whose_place_another_one_has_taken_kills_its_workers_and_ends(project):
    held_by_a_task(project)
    with Service(project) as first:
        project.run("trigger", "all")
        wait_until_it_is_held(project)
        first.process.send_signal(signal.SIGSTOP)
        remove_state(project, "all")
        (project.folder / "held").unlink()
        with Service(project) as second:
            first.process.send_signal(signal.SIGCONT)
            assert first.wait_for_end() == 1
            assert "SL0894" in "".join(first.seen) and "another service is at work" in "".join(first.seen)
            project.write("go", "")
            project.run("trigger", "all")
            second.wait_for("ended: ok")
            assert second.end() == 0
    with Service(project) as third:  # nothing of the first one's waits
        assert third.end() == 0
    assert [run["status"] for run in project.json("status")["runs"]] == ["ok"]
    assert project.rows("curated.total", "orders") == [("3",)]
