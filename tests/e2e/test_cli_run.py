"""Runs as scripts and people see them: exit codes, stored plans, retry, Ctrl-C, the JSON log, terminals and pipes."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading

import duckdb
import pytest

CONTRACT = """apiVersion: v3.0.2
kind: DataContract
id: numbers
name: numbers
version: 1.0.0
status: active
schema:
  - name: numbers
    properties:
      - {name: n, logicalType: integer, primaryKey: true}
      - {name: text, logicalType: string, required: true}
"""
HEAD = "order_id,customer_id,order_date,amount,currency,status,email,updated_at\n"
ESCAPE = "\033["
SECONDS = 60  # until a test gives up waiting for what must come


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_") and k not in ("NO_COLOR", "DUCKDB_HOME")}
    return kept | {"TERM": "xterm"} | more


def models(project, **texts):
    for name, sql in texts.items():
        project.write(f"models/{name}.sql", sql)


def empty_project(project, **texts):
    project.write("sluice.yml", "name: shop\nconcurrency: 1\nchecks: {requirements: off}\n")
    models(project, **texts)
    return project


def statuses(document):
    return {step["table"]: step["status"] for step in document["steps"]}


# --- exit codes

def break_project(project):
    project.write("sources/orders.yml", "pth: data/*.csv\n")


def break_only_model(project):
    empty_project(project, broken="select error('no such day') as x")


def break_one_model_of_two(project):
    empty_project(project, broken="select error('no such day') as x", fine="select 1 as one")


def break_check(project):
    empty_project(project, few="/* sluice\nchecks:\n  - row_count: {min: 2}\n*/\nselect 1 as one", fine="select 1 as one")


def break_budget(project):
    project.run("init", "--template", "quickstart")
    rows = "".join(f"{n},1,2026-03-01,{'free' if n % 3 == 0 else 1},EUR,new,,2026-03-01\n" for n in range(1, 151))
    project.write("data/orders-2026-03-01.csv", HEAD + rows)


def break_source_file(project):
    project.run("init", "--template", "quickstart")
    project.write("sources/orders.yml", "path: data/orders-*\n")
    project.write("data/orders-2026-03-04.csv.gz", b"\x1f\x8b\x08 this is no gzip")


EXITS = [
    ("nothing to do is 0", lambda project: empty_project(project), ["run"], 0, None),
    ("a built model is 0", lambda project: empty_project(project, one="select 1 as one"), ["run"], 0, None),
    ("no project is 1", lambda project: None, ["run"], 1, "SL0207"),
    ("a mistake in the project is 1 for run", break_project, ["run"], 1, "SL0207"),
    ("an unknown option is 1", lambda project: empty_project(project), ["run", "--fast"], 1, "SL0901"),
    ("an unknown table is 1", lambda project: empty_project(project), ["show", "clean.nothing"], 1, "SL0501"),
    ("a plan that is not there is 1", lambda project: empty_project(project), ["apply", "plan.json"], 1, "SL0105"),
    ("an only step that fails is 1", break_only_model, ["run"], 1, "SL0112"),
    ("a failed check is 3", break_check, ["run"], 3, "SL0703"),
    ("an exceeded quarantine budget is 4", break_budget, ["run"], 4, "SL0702"),
    ("one of two steps that fails is 5", break_one_model_of_two, ["run"], 5, "SL0112"),
    ("a source file that cannot be read is 5", break_source_file, ["run"], 5, None),
    ("a file that is no plan is 6", lambda project: empty_project(project).write("plan.json", "{}"), ["apply", "plan.json"], 6, "SL0704"),
]


@pytest.mark.parametrize("make, arguments, exit_code, code", [case[1:] for case in EXITS], ids=[case[0] for case in EXITS])
def test_exit_code(project, make, arguments, exit_code, code):
    make(project)
    document = project.json(*arguments, exit_code=exit_code)
    assert document["exit_code"] == exit_code
    errors = [document["error"]] if "error" in document else [step["error"] for step in document["steps"] if "error" in step]
    assert [error["code"] for error in errors][:1] == ([code] if code else [])


def test_what_breaks_a_check_or_a_budget_is_not_published(project):
    break_budget(project)
    project.json("run", exit_code=4)
    assert project.count("raw.orders") == 212
    assert not (project.table_folder("clean.orders") / "_delta_log").exists()
    models(project, few="/* sluice\nchecks:\n  - row_count: {min: 2}\n*/\nselect 1 as one")
    project.json("run", "-s", "few", exit_code=3)
    assert not (project.table_folder("curated.few") / "_delta_log").exists()


def test_check_gives_all_mistakes_in_one_pass_each_with_its_place(project):
    empty_project(project, one="select 1 as one from clean.nothing", two="select a from raw.b where")
    project.write("sources/orders.yml", "path: data/*.csv\nformt: csv\n")
    document = project.json("check", exit_code=1)
    assert (document["schema"], document["exit_code"], document["counts"]["errors"]) == ("sluice.check/1", 1, 3)
    assert [(e["code"], e["file"], e["line"], e["column"]) for e in document["errors"]] == [
        ("SL0402", "models/one.sql", 1, 22), ("SL0401", "models/two.sql", 1, 26), ("SL0202", "sources/orders.yml", 2, 1)]
    text = project.run("check", exit_code=1).stderr
    assert re.search(r"(?s)error\[SL0202\]: .*formt.*\n  --> sources/orders.yml:2:1\n   2 \| formt: csv\n     \| \^\n"
                     r"  hint: did you mean 'format'", text)


# --- plan -o, apply

def change_input(shop):
    shop.write("data/orders-2026-03-04.csv", HEAD + "3001,1,2026-03-06,1.00,EUR,paid,ada@example.com,2026-03-06\n")


def change_contents(shop):
    file = shop.folder / "data" / "orders-2026-03-03.csv"
    file.write_text(file.read_text().replace("30.00", "31.00"))


def change_model(shop):
    file = shop.folder / "models" / "daily_revenue.sql"
    file.write_text(file.read_text().replace("sum(o.amount)", "sum(o.amount + 0)"))


def change_contract(shop):
    file = shop.folder / "contracts" / "orders.odcs.yml"
    file.write_text(file.read_text().replace("minimum: 0", "minimum: -10"))


def change_table(shop):
    shop.run("run", "--full-refresh", "-s", "customer_value")


@pytest.mark.parametrize("change", [change_input, change_contents, change_model, change_contract, change_table],
                         ids=lambda change: change.__name__)
def test_apply_refuses_a_plan_after(own_shop, change):
    change_table(own_shop)
    own_shop.run("plan", "-o", "plan.json", "--full-refresh")
    before = own_shop.json("show", "best_day")["version"]
    change(own_shop)
    document = own_shop.json("apply", "plan.json", exit_code=6)
    assert (document["error"]["code"], document["error"]["hint"]) == ("SL0704", "make a new one: `sluice plan -o plan.json`")
    assert own_shop.json("show", "best_day")["version"] == before


def test_apply_runs_just_what_was_planned(own_shop):
    change_input(own_shop)
    assert "`sluice apply plan.json` runs it" in own_shop.run("plan", "-o", "plan.json", "-s", "+daily_revenue").stderr
    planned = json.loads((own_shop.folder / "plan.json").read_text())
    assert planned["schema"] == "sluice.plan/1"
    models(own_shop, another="select 1 as one")
    document = own_shop.json("apply", "plan.json")
    assert statuses(document) == {"raw.customers": "nothing", "raw.orders": "ok", "clean.customers": "nothing", "clean.orders": "ok",
                                  "curated.daily_revenue": "ok"}
    assert set(statuses(document)) == {node["name"] for node in planned["nodes"]}
    assert own_shop.json("apply", "plan.json", exit_code=6)["error"]["code"] == "SL0704"


# --- retry

def test_retry_does_what_is_missing_after_a_failing_branch_and_nothing_else(own_shop):
    models(own_shop, fine="select 1 as one",
           broken="select case when count(*) > 0 then error('not yet') end as x from clean.orders",
           behind="select count(*) as n from curated.broken", far_behind="select n from curated.behind")
    document = own_shop.json("run", exit_code=5)
    new = {name: status for name, status in statuses(document).items() if status != "nothing"}
    assert new == {"curated.fine": "ok", "curated.broken": "error", "curated.behind": "skipped", "curated.far_behind": "skipped"}
    why = {step["table"]: step["error"]["message"] for step in document["steps"] if "error" in step}
    assert why == {"curated.broken": "not yet", "curated.behind": "'model broken' failed", "curated.far_behind": "'model behind' was skipped"}
    missing = " ".join(sorted(n["name"] for n in own_shop.json("ls", "-s", "result:error+")["nodes"]))
    assert missing == "curated.behind curated.broken curated.far_behind"
    assert [n["name"] for n in own_shop.json("ls", "-s", "result:error")["nodes"]] == ["curated.broken"]

    assert statuses(own_shop.json("retry", exit_code=1)) == {
        "curated.broken": "error", "curated.behind": "skipped", "curated.far_behind": "skipped"}
    models(own_shop, broken="select count(*) as x from clean.orders")
    assert statuses(own_shop.json("retry")) == {"curated.broken": "ok", "curated.behind": "ok", "curated.far_behind": "ok"}
    assert own_shop.json("retry")["note"] == "nothing to retry: the last run of every step went well"
    assert own_shop.json("show", "curated.fine")["version"] == 0
    assert [run["command"] for run in own_shop.json("status")["runs"]] == ["retry", "retry", "run", "run", "run"]


def test_fail_fast_starts_nothing_after_the_first_error(project):
    empty_project(project, a="select error('no') as x", b="select 1 as one")
    document = project.json("run", "--fail-fast", exit_code=1)
    assert statuses(document) == {"curated.a": "error", "curated.b": "skipped"}


# --- the JSON log

def test_the_json_log_names_job_run_step_table_rows_and_error(own_shop):
    change_input(own_shop)
    models(own_shop, broken="select error('no such day') as x from clean.orders")
    done = own_shop.run("run", "--log-format", "json", "-v", exit_code=5)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    run_ids = {line["run_id"] for line in lines}
    assert len(run_ids) == 1 and {line["job_id"] for line in lines} == {"quickstart"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["time"]) for line in lines)
    ended = {line["table"]: line for line in lines if line.get("status") not in (None, "running")}
    assert (ended["raw.orders"]["step"], ended["raw.orders"]["level"]) == ("ingest orders", "info")
    assert ended["clean.orders"]["rows"] == {"in": 1, "out": 1, "quarantined": 0, "deduplicated": 0, "filtered": 0, "replaced": 0, "set_aside_rows": 0, "set_aside_values": 0, "rejected": 0}
    assert ended["curated.broken"]["level"] == "error"
    assert (ended["curated.broken"]["error"]["code"], ended["curated.broken"]["error"]["message"]) == ("SL0112", "no such day")
    started = {line["table"] for line in lines if line.get("status") == "running"}
    assert started == {name for name, line in ended.items() if line["status"] not in ("nothing", "skipped")}
    assert (lines[-1]["exit_code"], lines[-1]["counts"]["error"], lines[-1]["level"]) == (5, 1, "error")
    assert done.stdout.splitlines()[-1].startswith("OK ")


def test_a_failure_before_the_run_is_one_line_of_the_json_log(project):
    done = project.run("run", "--log-format", "json", exit_code=1)
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["level"], line["error"]["code"]) == ("error", "SL0207")


# --- terminals and pipes. A model that reads a named pipe stands still until the test writes to it.

class Gate:
    """A model `gate` that waits for the test, with `behind` steps that come one after the other behind it."""

    def __init__(self, project, behind=0):
        self.path = project.folder / "gate.pipe"
        os.mkfifo(self.path)
        models(project, gate=f"select content from read_text('{self.path}')")
        for n in range(behind):
            models(project, **{f"behind_{n}": f"select count(*) as n from curated.{'gate' if n == 0 else f'behind_{n - 1}'}"})

    @contextlib.contextmanager
    def reached(self, process):
        """Waits until the run stands at the gate; leaving opens it."""
        giving_up = threading.Timer(SECONDS, process.kill)
        giving_up.start()
        try:
            fd = None
            watch = threading.Thread(target=self._unblock_when_dead, args=(process,), daemon=True)
            watch.start()
            fd = os.open(self.path, os.O_WRONLY)  # blocks until the model opens the pipe to read it
            yield
            os.write(fd, b"open")
        finally:
            giving_up.cancel()
            if fd is not None:
                os.close(fd)

    def _unblock_when_dead(self, process):
        process.wait()
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))


def start(project, *arguments, **options):
    options.setdefault("env", environment())
    return subprocess.Popen([str(project.binary), *arguments], cwd=project.folder, stdin=subprocess.DEVNULL, **options)


class Terminal:
    def __init__(self, project, *arguments, env=None):
        self.fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = start(project, *arguments, stdout=inner, stderr=inner, env=env or environment())
        os.close(inner)
        self.text = ""

    def until(self, pattern):
        """Reads until the pattern stands in what was printed, or, without one, to the end."""
        while pattern is None or not re.search(pattern, self.text):
            ready, _, _ = select.select([self.fd], [], [], SECONDS)
            assert ready, f"{pattern!r} did not come:\n{self.text}"
            try:
                piece = os.read(self.fd, 65536).decode()
            except OSError:  # the other end was closed
                piece = ""
            if not piece:
                assert pattern is None, f"{pattern!r} never came:\n{self.text}"
                break
            self.text += piece
        return self.text

    def end(self):
        self.until(None)
        os.close(self.fd)
        return self.process.wait(SECONDS)


def test_a_terminal_shows_progress_and_colours_while_steps_run(project):
    gate = Gate(empty_project(project), behind=1)
    terminal = Terminal(project, "run")
    with gate.reached(terminal.process):
        terminal.until(r"running  model gate +\S+ \w+[^\n]*\r?\n[^\n]*0 of 2 steps, ")
    assert terminal.end() == 0
    assert re.search(r"\033\[1A\033\[2K.*\033\[32mok +model gate", terminal.text, re.S)
    assert re.search(r"OK 2  WARN 0  ERROR 0  SKIPPED 0", terminal.text)


def test_progress_has_share_time_left_rows_and_bytes(project):
    empty_project(project)
    project.write("sources/lines.yml", "path: data/lines.csv\n")
    project.write("data/lines.csv", "n,text\n" + "".join(f"{n},{'some text to be read ' * 5}\n" for n in range(400_000)))
    project.write("sources/numbers.yml", "path: data/numbers.parquet\n")
    project.write("contracts/numbers.odcs.yml", CONTRACT)
    duckdb.sql(f"copy (select i as n, 'number ' || i as text from range(2000000) t(i)) to '{project.folder}/data/numbers.parquet'")
    terminal = Terminal(project, "run", "--exclude", "clean.numbers")
    terminal.until(r"running  ingest lines +[\d.]+ m?s  \d+ %, [^\n]+ left  [\d.]+ MB")
    assert terminal.end() == 0
    terminal = Terminal(project, "run")
    terminal.until(r"running  cleanse numbers +[\d.]+ m?s  \d+ %, [^\n]+ left  [\d,]+ rows, [\d,]+ rows/s")
    terminal.process.kill()
    terminal.end()


def test_no_color_leaves_colours_out_on_a_terminal(project):
    empty_project(project, one="select 1 as one")
    terminal = Terminal(project, "run", env=environment(NO_COLOR="1"))
    assert terminal.end() == 0
    assert "ok       model one" in terminal.text and not re.search(r"\033\[\d*m", terminal.text)


def test_a_dumb_terminal_gets_no_escapes(project):
    gate = Gate(empty_project(project, failing="select error('no') as x"))
    terminal = Terminal(project, "run", "-j", "2", env=environment(TERM="dumb"))
    with gate.reached(terminal.process):
        terminal.until(r"error +model failing")
    assert terminal.end() == 5
    assert ESCAPE not in terminal.text


def test_a_pipe_gets_neither_progress_nor_colours(project):
    gate = Gate(empty_project(project))
    with start(project, "run", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with gate.reached(process):
            pass
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert ESCAPE not in out + err and "\r" not in out + err
    assert [line.split()[:3] for line in err.splitlines()] == [["ok", "model", "gate"]]


def test_quiet_prints_the_last_line_alone(project):
    empty_project(project, one="select 1 as one")
    done = project.run("run", "-q")
    assert re.fullmatch(r"OK 1  WARN 0  ERROR 0  SKIPPED 0  quarantined 0  in .+  run \w{8}  published #1\n", done.stdout)
    assert done.stderr == ""


# --- Ctrl-C

def test_ctrl_c_once_lets_the_running_step_end_and_starts_no_other(project):
    gate = Gate(empty_project(project), behind=8)
    with start(project, "run", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with gate.reached(process):
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
    document = json.loads(out)
    found = statuses(document)
    assert (process.returncode, document["exit_code"], found["curated.gate"]) == (130, 130, "ok")
    assert found["curated.behind_7"] == "skipped"
    assert project.rows("curated.gate") == [("open",)]
    assert project.json("status")["runs"][0]["status"] == "interrupted"
    for name, status in found.items():
        assert (project.table_folder(name) / "_delta_log").exists() == (status == "ok")

    # What was skipped is what is missing: the gate, which would wait again, is left alone.
    assert set(statuses(project.json("retry"))) == {name for name, status in found.items() if status == "skipped"}
    assert project.rows("curated.behind_7") == [("1",)]


def test_ctrl_c_twice_interrupts_the_running_step_and_the_old_version_stays(project):
    empty_project(project, long="select 1 as n")
    project.run("run")
    models(project, long="select count(*) as n from range(1000000000000) t(i) where i % 7 = 3")
    with start(project, "run", "--log-format", "json", "-v", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if json.loads(line).get("status") == "running":
                break
        while process.poll() is None:  # again until it counts: an engine can only be interrupted while it runs a statement
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        lines = [json.loads(line) for line in process.stderr]
    assert process.returncode == 130
    assert [line["error"]["code"] for line in lines if "error" in line] == ["SL0110"]
    assert project.rows("curated.long") == [("1",)]
