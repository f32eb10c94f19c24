"""Benchmarks of the orchestrator: steps a second, latencies, a service at rest."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid

from timing import BENCH_VENV, HERE, SLUICE, report, timed

PATIENCE_S = 300


def new_project(folder, settings=""):
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("tasks", "pipelines"):
        (folder / name).mkdir(parents=True)
    (folder / "sluice.yml").write_text(f"name: bench\n{settings}")
    return folder


def write_fan(folder, count):
    """first -> count - 2 tasks -> last; none has a command."""
    project = new_project(folder)
    middle = [f"t{number}" for number in range(count - 2)]
    (project / "tasks" / "first.yml").write_text("description: Comes first\n")
    for name in middle:
        (project / "tasks" / f"{name}.yml").write_text("after: [task.first]\n")
    (project / "tasks" / "last.yml").write_text(f"after: [{', '.join('task.' + name for name in middle)}]\n")
    return project


def write_chain(project, count, name="c"):
    for number in range(count):
        text = f"after: [task.{name}{number - 1}]\n" if number else "description: Comes first\n"
        (project / "tasks" / f"{name}{number}.yml").write_text(text)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def told(name, values, unit="ms"):
    print(f"{name:58} p50 {percentile(values, 0.5):8.2f} {unit}   p99 {percentile(values, 0.99):8.2f} {unit}   of {len(values):,}", flush=True)


def rows_of(project, statement, *values):
    connection = sqlite3.connect(f"file:{project}/.sluice/state.db?mode=ro", uri=True, timeout=30)
    with contextlib.closing(connection):
        return connection.execute(statement, values).fetchall()


def bench_steps(folder, rows):
    for count in (1000, 10000, 100000):
        project = write_fan(folder / f"steps-{count}", count)
        runs = []
        for _ in range(3 if count < 100000 else 1):
            seconds, memory, text = timed([SLUICE, "run", "--json", "--quiet"], cwd=project)
            result = json.loads(text[text.index('{"schema"'):])
            if result["counts"]["ok"] != count:
                sys.exit(f"{count} steps should be ok: {result['counts']}")
            runs.append((result["elapsed_ms"] / 1000, seconds, memory))
        kept = rows_of(project, "select count(*) from steps join runs on run_id = id where runs.ok = ?", count)[0][0]
        if kept != count * len(runs):
            sys.exit(f"the history has {kept} steps of {count * len(runs)}")
        net, seconds, memory = sorted(runs)[len(runs) // 2]
        report(f"{count:,} steps that do nothing", net, memory,
               note=f"{net / count * 1e6:.0f} us a step; {seconds:.3f} s with the start of the program, which reads {count:,} files")
        if count == 1000:
            ours = net
    python = BENCH_VENV / "python"
    if not (BENCH_VENV / "dagster").exists():
        print(f"  reference: skipped, for there is no Dagster in {BENCH_VENV} (tools/deps.sh bench)")
        return
    _, memory, text = timed([python, HERE / "orchestrator_dagster.py", "1000"])
    reference = float(text.strip().splitlines()[-1])
    report("  1,000 beside Dagster in one process", ours, 0, reference, memory, "both net of start-up; Dagster keeps its state in memory, Sluice on disk")


class Service:
    """`sluice serve` of a project; its log of JSON lines goes to a file."""

    def __init__(self, project, listen="127.0.0.1:0"):
        self.project, self.log = project, project / "serve.log"
        self.begun = time.perf_counter()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([SLUICE, "serve", "--listen", listen, "--log-format", "json"], cwd=project,
                                            env=dict(os.environ, NO_COLOR="1"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for("serving '")
        self.start_s = time.perf_counter() - self.begun

    def wait_for(self, text, times=1):
        end = time.monotonic() + PATIENCE_S
        while self.log.read_text().count(text) < times:
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"the service did not say '{text}':\n{self.log.read_text()[-3000:]}")
            time.sleep(0.002)

    def usage(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def port(self):
        found = re.search(r"listening on port (\d+)", self.log.read_text())
        if found:
            return int(found[1])
        sys.exit(f"the service tells no port:\n{self.log.read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Local(http.client.HTTPConnection):
    """Over the service's unix socket."""

    def __init__(self, project):
        super().__init__("localhost", timeout=60)
        self.path = project / ".sluice" / "serve.sock"

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self.path))


def gaps_ms(project, run_id, name):
    """Between the end of each step of a chain and the begin of the next one."""
    times = {row[0]: row[1:] for row in rows_of(project, "select name, started_us, ended_us from steps where run_id = ?", run_id)}
    count = len(times)
    return [(times[f"task.{name}{i + 1}"][0] - times[f"task.{name}{i}"][1]) / 1000 for i in range(count - 1)]


def bench_latency(folder, rows):
    project = new_project(folder / "latency", "runs: {max_runs: 2000}\n")
    write_chain(project, 2000)
    _, _, text = timed([SLUICE, "run", "--json", "--quiet"], cwd=project)
    told("end of a step to the begin of its successor, run", gaps_ms(project, json.loads(text[text.index('{"schema"'):])["run_id"], "c"))

    project = new_project(folder / "latency-serve", "runs: {max_runs: 2000}\n")
    write_chain(project, 1000)
    (project / "tasks" / "held.yml").write_text("approval: true\n")
    (project / "pipelines" / "chain.yml").write_text("select: ['task.c*']\n")
    (project / "pipelines" / "held.yml").write_text("select: [task.held]\nmax_runs: 1000\n")
    with Service(project, "none") as service:
        connection = Local(project)
        for active in (0, 1000):
            for _ in range(active):
                connection.request("POST", "/api/v1/pipelines/held/runs", "{}", {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 201, 202):
                    sys.exit(f"a run that cannot be started over HTTP: {answer.status}")
            if active:
                service.wait_for("waits for a person", active)
            for _ in range(3):  # the last one counts: the first starts the workers
                ended = service.log.read_text().count("ended: ok")
                subprocess.run([SLUICE, "trigger", "chain", "--quiet"], cwd=project, check=True, stdout=subprocess.DEVNULL)
                service.wait_for("ended: ok", ended + 1)
            run_id = rows_of(project, "select id from runs where pipeline = 'chain' order by started_us desc limit 1")[0][0]
            told(f"  of the service beside {active:,} active runs", gaps_ms(project, run_id, "c"))


def bench_ticks(folder, rows):
    project = new_project(folder / "ticks", "runs: {max_runs: 100}\n")
    (project / "tasks" / "nothing.yml").write_text("description: Nothing\n")
    for number in range(10000):
        when = "cron: '* * * * * *'" if number < 1 else f"cron: '{number % 60} {number // 60 % 24} 1 {number % 12 + 1} *'"
        (project / "pipelines" / f"p{number}.yml").write_text(f"select: [task.nothing]\nwhen:\n  - {when}\n")
    syncs = []
    with Service(project, "none"), open(folder / "ticks" / "sync", "ab", buffering=0) as file:
        for _ in range(120):  # between two ticks: what a commit that waits for the disk would take
            time.sleep(1 - (time.time() + 0.5) % 1)
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            syncs.append((time.perf_counter() - begun) * 1000)
    late = rows_of(project, "select r.tick_us, r.started_us, min(s.started_us) from runs r join steps s on s.run_id = r.id where r.tick_us > 0 group by r.id")
    late = sorted(late)[10:]  # workers are started by the first ones
    told("tick to the begin of its run, among 10,000 schedules", [(started - tick) / 1000 for tick, started, _ in late])
    told("  the disk beside it: one fdatasync of 4 KiB, which no tick waits for", syncs)
    told("  to the begin of its first step, planned before", [(step - tick) / 1000 for tick, _, step in late])


def bench_serve(folder, rows):
    project = new_project(folder / "serve")
    (project / "tasks" / "nothing.yml").write_text("description: Nothing\n")
    starts = []
    for count in (1, 1000):
        for number in range(count):
            (project / "pipelines" / f"p{number}.yml").write_text(f"select: [task.nothing]\nwhen:\n  - cron: '{number % 60} 3 1 1 *'\n")
        for _ in range(5):
            with Service(project) as service:
                starts.append((service.start_s, service.usage()[0]))
        seconds, memory = sorted(starts)[len(starts) // 2]
        report(f"start to serving, {count:,} pipeline{'s' if count > 1 else ''}", seconds, memory)
        starts = []
    with Service(project) as service:
        time.sleep(5)
        _, before = service.usage()
        time.sleep(30)
        memory, after = service.usage()
        print(f"{'at rest with 1,000 pipelines':34} {memory:8.1f} MB resident   {(after - before) / 30 * 100:.2f} % of a core", flush=True)


def bench_history(folder, rows):
    project = new_project(folder / "history")
    (project / "tasks" / "nothing.yml").write_text("description: Nothing\n")
    (project / "pipelines" / "all.yml").write_text("description: Everything\n")
    timed([SLUICE, "run", "--quiet"], cwd=project)
    with contextlib.closing(sqlite3.connect(project / ".sluice" / "state.db")) as state:
        names = [column[1] for column in state.execute("pragma table_info(runs)")]
        kept = dict(zip(names, state.execute("select * from runs limit 1").fetchone()))
        many = [[{**kept, "id": str(uuid.uuid4()), "started_us": kept["started_us"] - number * 1000000,
                  "ended_us": kept["ended_us"] - number * 1000000}[name] for name in names] for number in range(1, 100000)]
        state.executemany(f"insert into runs values ({', '.join('?' * len(names))})", many)
        state.commit()
    with Service(project) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port(), timeout=60)
        took = []
        for _ in range(500):
            begun = time.perf_counter()
            connection.request("GET", "/api/v1/runs?limit=100")
            answer = connection.getresponse()
            text = answer.read()
            took.append((time.perf_counter() - begun) * 1000)
            if answer.status != 200 or len(json.loads(text)["runs"]) != 100:
                sys.exit(f"the list of runs: {answer.status} {text[:300]}")
        told("list of runs over HTTP, 100,000 in the history", took)
