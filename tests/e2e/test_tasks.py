"""Tasks: programs that run before and after steps."""
import json
import os
import signal
import subprocess
import time

import pytest

from test_retry import read_until
from test_serve import Service, deliver, write_shop


def task(project, name, text):
    project.write(f"tasks/{name}.yml", text)


def script(project, name, text):
    project.write(name, "#!/bin/sh\n" + text)
    (project.folder / name).chmod(0o755)


def steps(result):
    return {step["step"]: step["status"] for step in result["steps"]}


def lines(project, name):
    file = project.folder / name
    return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def shop(project):
    return write_shop(project)


def test_a_task_before_a_source_brings_its_files(shop):
    script(shop, "fetch.sh", "n=$(ls data | wc -l)\n[ $n -ge 2 ] || printf 'id,amount\\n9%s,2\\n' $n > data/f$n.csv\necho fetched\n")
    task(shop, "fetch", "before: raw.orders\ncommand: ./fetch.sh\n")
    result = shop.json("run")
    assert result["steps"][0]["step"] == "task fetch"
    assert shop.count("clean.orders") == 4
    result = shop.json("run")
    assert steps(result)["task fetch"] == "ok" and steps(result)["ingest orders"] == "nothing", "it comes after nothing: it is run in every run"


def test_a_task_runs_where_what_it_comes_after_has_changed(shop):
    task(shop, "tell", "after: [curated.total]\ncommand: [sh, -c, 'echo $SLUICE_TASK >> told.txt']\n")
    assert steps(shop.json("run"))["task tell"] == "ok"
    assert shop.run("run").stdout and lines(shop, "told.txt") == ["tell"], "nothing has changed"
    deliver(shop, 2)
    assert steps(shop.json("run"))["task tell"] == "ok"
    task(shop, "tell", "after: [curated.total]\ncommand: [sh, -c, 'echo other >> told.txt']\n")
    plan = {node["name"]: node for node in shop.json("plan")["nodes"]}
    assert plan["task.tell"]["why"] == ["its command changed"]
    shop.run("run")
    assert lines(shop, "told.txt") == ["tell", "tell", "other"]
    shop.run("run", "--full-refresh", "--select", "task.tell")
    assert lines(shop, "told.txt")[-1:] == ["other"] and len(lines(shop, "told.txt")) == 4


def test_what_a_killed_or_failed_run_has_not_done_the_next_one_does(shop):
    task(shop, "tell", "after: [curated.total]\ncommand: '[ -e allowed ] && echo told >> told.txt'\n")
    failed = shop.json("run", exit_code=5)
    assert steps(failed)["task tell"] == "error" and steps(failed)["model total"] == "ok"
    error = next(step["error"] for step in failed["steps"] if step["step"] == "task tell")
    assert error["code"] == "SL0722" and error["fate"] == "input"
    assert shop.json("run", exit_code=1)["counts"]["error"] == 1, "the table is as before, and the task was not done"
    shop.write("allowed", "")
    assert steps(shop.json("run"))["task tell"] == "ok"
    assert lines(shop, "told.txt") == ["told"]


def test_the_error_of_a_task_says_what_it_printed(shop):
    task(shop, "bad", "command: 'echo first; echo \"no such host: shop\" >&2; exit 3'\n")
    done = shop.run("run", exit_code=5)
    assert "ended with exit code 3: no such host: shop" in done.stderr and "first\n" in done.stderr
    task(shop, "bad", "command: ./not_there\n")
    done = shop.run("run", "--select", "task.bad", exit_code=1)
    assert "./not_there: not found" in done.stderr or "cannot start" in done.stderr
    task(shop, "bad", "command: [./not_there]\n")
    done = shop.run("run", "--select", "task.bad", exit_code=1)
    assert "cannot start './not_there': No such file or directory" in done.stderr
    task(shop, "bad", "command: [sh, -c, 'kill -11 $$']\n")
    assert "was ended by signal 11" in shop.run("run", "--select", "task.bad", exit_code=1).stderr


def test_exit_code_75_asks_for_another_attempt(shop):
    task(shop, "try", "command: 'echo x >> tries; [ $(wc -l < tries) -ge 3 ] || exit 75'\nretry: {attempts: 5, initial: 0s}\n")
    step = next(step for step in shop.json("run")["steps"] if step["step"] == "task try")
    assert (step["status"], step["attempts"], [each["code"] for each in step["retried"]]) == ("ok", 3, ["SL0723", "SL0723"])
    task(shop, "try", "command: 'echo x >> other; exit 75'\nretry: {attempts: 2, initial: 0s}\n")
    shop.run("run", exit_code=1)
    assert len(lines(shop, "other")) == 2


def test_what_a_task_prints_is_no_part_of_the_json(shop):
    task(shop, "loud", "command: 'echo loud; head -c 300000 /dev/zero | tr \"\\\\0\" x'\n")
    done = shop.run("run", "--json")
    assert json.loads(done.stdout)["exit_code"] == 0 and "loud" in done.stderr and done.stderr.count("x") >= 300000  # lines of steps may come between


def test_the_last_words_of_a_task_end_with_a_line(shop):
    task(shop, "tell", "command: printf bye\n")
    said = shop.run("run", "--select", "task.tell").stderr.splitlines()
    assert "bye" in said and any(line.startswith("ok") and "task tell" in line for line in said)
    task(shop, "tell", "command: 'printf bye; exit 3'\n")
    said = shop.run("run", "--select", "task.tell", exit_code=1).stderr.splitlines()
    assert "bye" in said and any(line.startswith("error") and "task tell" in line for line in said)
    task(shop, "tell", "command: 'echo bye'\n")
    assert "bye\n\n" not in shop.run("run", "--select", "task.tell").stderr


def test_a_json_log_says_whose_a_line_of_a_task_is(shop):
    task(shop, "tell", "after: [curated.total]\ncommand: 'echo hello; printf \"no end\"'\n")
    task(shop, "bad", "command: 'echo oh; exit 3'\n")
    done = shop.run("run", "--log-format", "json", exit_code=5)
    said = [json.loads(line) for line in done.stderr.splitlines()]
    run = next(line["run_id"] for line in said if "run_status" in line)
    mine = [line for line in said if line.get("step") == "task tell" and "status" not in line]
    assert [(line["message"], line["level"], line["run_id"], line["table"]) for line in mine] == [
        ("task tell: hello", "info", run, "task.tell"), ("task tell: no end", "info", run, "task.tell")]
    assert [line["level"] for line in said if line["message"] == "task bad: oh"] == ["info"]
    assert not [line for line in said if "a worker says" in line["message"]]
    write_shop(shop, ("all", "description: Everything\n"))
    with Service(shop) as service:
        shop.run("trigger", "all", "--full-refresh")
        line = service.wait_for("task tell: hello")
        assert (line["step"], line["level"]) == ("task tell", "info") and line["run_id"] and line["job_id"] == "shop"
        service.end()


def test_one_line_without_an_end_is_told_as_far_as_there_is_room(shop):
    for text, expected in (("head -c 300000 /dev/zero | tr '\\0' x; printf last", "...x"), ("head -c 300000 /dev/zero", "...?"),
                           ("for i in $(seq 9999); do printf \u00e4; done", "...\u00e4"), ("printf short", "short")):
        task(shop, "huge", json.dumps({"command": text + "; exit 3" + " " * 3000 + "#"}))
        failed = shop.json("run", "--select", "task.huge", exit_code=1)
        message = failed["steps"][0]["error"]["message"]
        assert f"ended with exit code 3: {expected}" in message and len(message) < 700, message
        assert "last" not in text or message.endswith("xlast")


def test_a_task_that_holds_too_much_memory_is_ended_with_its_children(shop):
    shop.write("sluice.yml", (shop.folder / "sluice.yml").read_text() + "engine: {worker_memory: 500MB}\n")
    hungry = "python3 -c 'import time; held = bytearray(b\"x\") * 600000000; time.sleep(300)'"
    task(shop, "large", f"command: |\n  {hungry} & echo $! > child; wait\n")
    task(shop, "small", "command: 'true'\n")
    steps = {step["step"]: step for step in shop.json("run", "--select", "task.*", exit_code=5)["steps"]}
    large, small = steps["task large"], steps["task small"]
    assert (large["error"]["code"], large["attempts"], small["status"]) == ("SL0719", 1, "ok"), large
    assert large["peak_memory_bytes"] > 500_000_000
    require_end(int(lines(shop, "child")[0]))


def test_what_the_processes_of_a_task_share_counts_once(shop):
    shop.write("sluice.yml", (shop.folder / "sluice.yml").read_text() + "engine: {worker_memory: 500MB}\n")
    shop.write("fork.py", "import os, time\nheld = bytearray(b'x') * 200000000\nfor _ in range(4):\n    if os.fork() == 0:\n        break\ntime.sleep(3)\n")
    task(shop, "forks", "command: 'python3 fork.py'\n")
    assert shop.json("run", "--select", "task.forks")["counts"]["ok"] == 1


def test_a_task_over_its_timeout_is_ended_with_its_children(shop):
    task(shop, "slow", "command: 'sleep 300 & echo $! > child; wait'\ntimeout: 1s\nretry: {attempts: 1}\n")
    begun = time.monotonic()
    failed = shop.json("run", exit_code=5)
    assert time.monotonic() - begun < 30
    assert next(step for step in failed["steps"] if step["step"] == "task slow")["error"]["code"] == "SL0717"
    require_end(int(lines(shop, "child")[0]))


def require_end(child):
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.1)
    pytest.fail("what the task had started lives on")


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def test_ctrl_c_twice_ends_a_task(shop):
    task(shop, "slow", "command: [sh, -c, 'echo $$ > pid; sleep 300']\n")
    run = subprocess.Popen([shop.binary, "run"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not lines(shop, "pid"):
        time.sleep(0.02)
    pid = int(lines(shop, "pid")[0])
    run.send_signal(signal.SIGINT)
    read_until(run, "again to abort")  # two at once would be one
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode not in (0, -2) and not alive(pid)


@pytest.mark.parametrize("whom", ["run", "worker"])
def test_a_kill_takes_the_task_along_with_all_that_it_has_started(shop, whom):
    task(shop, "slow", "command: 'sleep 300 & echo $! > child; echo $$ > pid; wait'\nretry: {attempts: 1}\n")
    run = subprocess.Popen([shop.binary, "run"], cwd=shop.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not lines(shop, "pid"):
        time.sleep(0.02)
    pids = [int(lines(shop, name)[0]) for name in ("pid", "child")]
    if whom == "worker":
        guard = parent_of(pids[0])
        os.kill(parent_of(guard), signal.SIGKILL)
    else:
        run.kill()
        run.wait()
    for _ in range(100):
        if not any(alive(pid) for pid in pids):
            break
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids)
    run.kill()
    run.wait()
    task(shop, "slow", "command: echo done >> done.txt\n")
    shop.run("run")
    assert lines(shop, "done.txt") == ["done"]


def test_a_task_without_a_command_holds_others_together(shop):
    shop.write("models/other.sql", "select 1 as a")
    task(shop, "all", "after: [curated.total, curated.other]\n")
    task(shop, "tell", "after: task.all\ncommand: echo told >> told.txt\n")
    assert steps(shop.json("run"))["task all"] == "ok"
    shop.run("run")
    assert lines(shop, "told.txt") == ["told"]
    deliver(shop, 2)
    shop.run("run")
    assert lines(shop, "told.txt") == ["told", "told"]


def test_a_task_after_deliveries(shop):
    shop.write("targets/out.yml", "type: sqlite\npath: out.db\nreads: published\ndeliver: [{table: curated.total}]\n")
    task(shop, "tell", "after: [target.out]\ncommand: [sh, -c, 'test -e out.db && echo told >> told.txt']\n")
    assert steps(shop.json("run"))["task tell"] == "ok"
    shop.run("run")
    assert lines(shop, "told.txt") == ["told"]
    deliver(shop, 2)
    shop.run("run")
    assert lines(shop, "told.txt") == ["told", "told"]


def test_a_delivery_of_what_is_published_waits_for_the_task_before_it(shop):
    shop.write("targets/out.yml", "type: sqlite\npath: out.db\nreads: published\ndeliver: [{table: curated.total}]\n")
    task(shop, "prepare", "before: [target.out]\ncommand: 'sleep 2; test -e out.db && echo late >> told.txt || echo first >> told.txt'\n")
    result = steps(shop.json("run"))
    assert result["task prepare"] == "ok" and set(result.values()) == {"ok"}
    assert lines(shop, "told.txt") == ["first"] and (shop.folder / "out.db").exists()
    task(shop, "prepare", "before: [target.out]\ncommand: exit 1\n")
    deliver(shop, 2)
    assert [status for step, status in steps(shop.json("run", exit_code=None)).items() if "out" in step] == ["skipped"]


def test_a_task_after_what_failed_is_skipped(shop):
    shop.write("models/total.sql", "-- checks: nothing\nselect cast('x' as integer) as a from clean.orders")
    task(shop, "tell", "after: [curated.total]\ncommand: echo told >> told.txt\n")
    assert steps(shop.json("run", exit_code=None))["task tell"] == "skipped"
    assert not lines(shop, "told.txt")


def test_a_damaged_record_is_told_and_the_task_run_once_more(shop):
    task(shop, "tell", "after: [curated.total]\ncommand: echo told >> told.txt\n")
    shop.run("run")
    record = shop.folder / "lake/_tasks/tell.json"
    record.write_text(record.read_text().replace('"runs":1', '"runs":2'))
    assert "is not as it was written" in shop.run("plan").stdout
    shop.run("run")
    assert lines(shop, "told.txt") == ["told", "told"]
    assert json.loads(record.read_text())["runs"] == 1
    shop.run("run")
    assert len(lines(shop, "told.txt")) == 2


def test_a_full_disk_leaves_the_record_as_it_was(shop):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    task(shop, "full", "command: 'echo text > /dev/full'\n")
    failed = shop.json("run", exit_code=5)
    assert steps(failed)["task full"] == "error" and not (shop.folder / "lake/_tasks/full.json").exists()


def test_killed_at_any_durable_step_a_task_is_done_at_least_once_and_then_rests(project, fault_bin):
    project.write("sluice.yml", "name: shop\n")
    project.write("models/one.sql", "select 1 as a")
    task(project, "tell", "after: [curated.one]\ncommand: echo told >> told.txt\n")
    project.run("run", "--select", "curated.one", binary=fault_bin)
    kills, at = 0, 1
    while project.run("run", binary=fault_bin, env={"SLUICE_FAULT_KILL": str(at)}, exit_code=None).returncode != 0:
        kills, at = kills + 1, at + 1
        project.run("run", binary=fault_bin)
        told = len(lines(project, "told.txt"))
        assert told >= 1
        project.run("run", binary=fault_bin)
        assert len(lines(project, "told.txt")) == told, "nothing has changed"
        (project.folder / "lake/_tasks/tell.json").unlink()
    assert kills >= 3


def test_a_disk_that_is_full_at_any_durable_step_fails_the_task_and_the_next_run_does_it(project, fault_bin):
    project.write("sluice.yml", "name: shop\n")
    task(project, "tell", "command: echo told >> told.txt\n")
    record, failures = project.folder / "lake/_tasks/tell.json", 0
    for at in range(1, 20):
        done = project.run("run", binary=fault_bin, env={"SLUICE_FAULT_FAIL": f"{at}:ENOSPC"}, exit_code=None)
        assert done.returncode in (0, 1), done.stderr
        failures += done.returncode
        assert not record.exists() or json.loads(record.read_text())["runs"] >= 1, "whole or not there"
    project.run("run", binary=fault_bin)
    assert failures >= 1 and json.loads(record.read_text())["runs"] >= 1


def test_others_build_no_task(shop):
    task(shop, "tell", "after: [curated.total]\nbefore: []\ncommand: echo told >> told.txt\n")
    task(shop, "fetch", "before: raw.orders\ncommand: echo fetched >> fetched.txt\n")
    shop.run("run")
    shop.run("verify")
    shop.run("crashtest", "--kills", "3")
    shop.run("check")
    shop.run("lineage", "curated.total")
    assert lines(shop, "told.txt") == ["told"] and lines(shop, "fetched.txt") == ["fetched"]


def test_tasks_are_selected_and_listed(shop):
    task(shop, "tell", "after: [curated.total]\ntags: [say]\ncommand: echo told >> told.txt\n")
    assert shop.run("ls", "--select", "resource_type:task").stdout.count("task.tell") == 1
    assert shop.run("ls", "--select", "tag:say").stdout.count("task.tell") == 1
    assert "1 task" in shop.run("check").stdout and shop.json("check")["counts"]["tasks"] == 1
    assert steps(shop.json("run", "--select", "+task.tell"))["task tell"] == "ok"
    assert "is a task, and has no table" in shop.run("backfill", "task.tell", "--stale", exit_code=None).stderr


def test_what_is_no_table_is_said_to_be_a_task(shop):
    task(shop, "tell", "after: [curated.total]\ncommand: echo told\n")
    for name in ("task.tell", "tell"):
        told = shop.run("show", name, exit_code=1).stderr
        assert "SL0501" in told and "is a task" in told and "sluice plan --select task.tell" in told and "tasks/tell.yml" in told
    shop.run("run")
    listed = {node["name"]: node for node in shop.json("ls")["nodes"]}
    assert listed["task.tell"]["rows"] is None and listed["task.tell"]["bytes"] is None
    assert listed["curated.total"]["rows"] == 1 and listed["curated.total"]["bytes"] > 0


@pytest.mark.parametrize("text, place", [
    ("before: raw.orders\nafter: [curated.total]\n", ":1:9"),
    ("after: [curated.total]\nbefore:\n  - raw.orders\n", ":3:5"),
    ("after: [target.out]\nbefore: [raw.orders]\n", ":2:10"),
])
def test_a_circle_through_a_task_is_told_where_the_task_says_so(shop, text, place):
    shop.write("targets/out.yml", "type: csv\npath: out\ndeliver:\n  - {table: curated.total}\n")
    task(shop, "loop", text + "command: 'true'\n")
    errors = shop.json("check", exit_code=1)["errors"]
    assert [error["code"] for error in errors] == ["SL0404"] and f"{errors[0]['file']}:{errors[0]['line']}:{errors[0]['column']}" == "tasks/loop.yml" + place, errors


def test_a_service_runs_tasks_in_workers(project):
    write_shop(project, ("all", "when:\n  - files: orders\n    settle: 0s\n"))
    task(project, "tell", "after: [curated.total]\ncommand: 'echo heard; echo $SLUICE_RUN_ID >> told.txt'\n")
    with Service(project) as service:
        service.wait_for("ended: ok")
        deliver(project, 2)
        service.wait_for("ended: ok")
        assert service.end() == 0
    told = lines(project, "told.txt")
    assert len(told) == len(set(told)) == 2
    assert any("heard" in line for line in service.seen)


def test_a_task_gets_no_value_of_the_projects_secrets(shop):
    """Of .env the project has the values, a program what whoever began sluice has set."""
    shop.write(".env", "SECRET_OF_ENV=nobodys-business\n")
    shop.write("sluice.yml", "name: shop\nlake: ${env:SECRET_OF_ENV}\n")
    task(shop, "tell", "after: [curated.total]\ncommand: env > told.txt\n")
    shop.run("run", env={"OF_THE_SHELL": "given"})
    assert (shop.folder / "nobodys-business").is_dir(), "the project has it"
    told = lines(shop, "told.txt")
    assert "OF_THE_SHELL=given" in told and "SLUICE_TASK=tell" in told
    assert not [line for line in told if "SECRET_OF_ENV" in line or "nobodys-business" in line.split("=", 1)[-1]]
    shop.run("run", "--full-refresh", "--select", "task.tell", env={"SECRET_OF_ENV": "nobodys-business"})
    assert "SECRET_OF_ENV=nobodys-business" in lines(shop, "told.txt")


def test_a_service_takes_up_an_edited_task(project):
    write_shop(project, ("all", "description: Everything\n"))
    task(project, "tell", "command: echo one >> told.txt\n")
    with Service(project) as service:
        task(project, "tell", "command: echo two >> told.txt\n")
        service.wait_for("read anew")
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        assert service.end() == 0
    assert lines(project, "told.txt") == ["two"]


def test_a_cancelled_run_of_a_service_ends_its_task(project):
    write_shop(project, ("all", "description: Everything\n"))
    task(project, "slow", "command: [sh, -c, 'echo $$ > pid; sleep 300']\n")
    with Service(project) as service:
        run_id = project.run("trigger", "all").stdout.strip()
        while not lines(project, "pid"):
            time.sleep(0.02)
        project.run("cancel", run_id)
        service.wait_for("ended: ")
        assert service.end() == 0
    assert not alive(int(lines(project, "pid")[0]))


def test_what_a_task_prints_is_told_while_it_runs(shop):
    shop.write("pipelines/all.yml", "description: Everything\n")
    task(shop, "long", "command: echo first; until [ -e go ]; do sleep 0.02; done; printf 'second'; exit 3\n")
    with Service(shop) as service:
        shop.run("trigger", "all")
        said = service.wait_for("first")
        assert (said["step"], said["message"]) == ("task long", "task long: first")
        shop.write("go", "")
        service.wait_for("ended: partial")
        assert service.end() == 0
    told = [json.loads(line)["message"] for line in service.seen]
    assert [one for one in told if one.startswith("task long: ")] == ["task long: first", "task long: second"]


def test_a_task_that_dies_has_its_last_words_in_the_report_also_those_that_were_told(shop):
    task(shop, "dies", "before: raw.orders\ncommand: 'echo first; sleep 0.3; echo second; sleep 0.3; kill -9 $$'\n")
    done = shop.run("run", exit_code=None)
    assert done.returncode and done.stderr.count("first") >= 1
    lines_of = [line for line in done.stderr.splitlines() if line in ("first", "second")]
    assert lines_of[:2] == ["first", "second"]
