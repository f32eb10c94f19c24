"""Three machines as network namespaces on one bridge, where PostgreSQL listens: partitions, kills, wrong clocks. Whatever happens, every table is
that of a run that nobody has disturbed, each commit is there once, and every step is accounted for.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import SERVERS, Postgres, Project, free_port
from test_serve import Service
from test_serve_leader import StandBy
from test_workers_remote import Worker, is_killed, machines, same_as_alone, who_begins, with_slow

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def ip(*arguments, check=True):
    done = subprocess.run(["ip", *map(str, arguments)], capture_output=True, text=True)
    assert not check or done.returncode == 0, f"ip {arguments}: {done.stderr}"
    return done.returncode == 0


def why_not():
    if os.geteuid() != 0 or not shutil.which("ip"):
        return "network namespaces need root and iproute2"
    name = f"slprobe{os.getpid()}"
    if not ip("netns", "add", name, check=False):
        return "this kernel or container allows no network namespaces"
    ip("netns", "del", name)
    return None


WHY_NOT = why_not()
pytestmark = [pytest.mark.heavy, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or ""), pytest.mark.xdist_group("namespaces")]


class Net:
    """A bridge with a namespace for each machine."""

    def __init__(self, count):
        self.tag = f"sl{os.getpid() % 100000}"
        self.address = f"10.77.{os.getpid() % 200}.1"
        self.count = count
        self.names = [f"{self.tag}m{number}" for number in range(count)]

    def open(self):
        ip("link", "add", self.tag, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", self.tag)
        ip("link", "set", self.tag, "up")
        for number, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("link", "add", f"{name}o", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{name}o", "master", self.tag, "up")
            ip("-n", name, "addr", "add", f"{self.address[:-1]}{10 + number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def close(self):
        for name in self.names:
            ip("netns", "del", name, check=False)
            ip("link", "del", f"{name}o", check=False)
        ip("link", "del", self.tag, check=False)

    def cut(self, number):
        ip("link", "set", f"{self.names[number]}o", "down")

    def mend(self, number):
        ip("link", "set", f"{self.names[number]}o", "up")

    def program(self, number, sluice, folder, clock=None):
        """A program that is sluice on that machine. `clock`: as libfaketime reads it; the monotonic clock stays."""
        faked = f"LD_PRELOAD={FAKETIME} FAKETIME='{clock}' FAKETIME_DONT_FAKE_MONOTONIC=1 " if clock else ""
        path = folder / f"sluice-{number}"
        path.write_text(f"#!/bin/sh\nexec ip netns exec {self.names[number]} env {faked}{sluice} \"$@\"\n")
        path.chmod(0o755)
        return path


@pytest.fixture(scope="module")
def net():
    net = Net(3)
    try:
        net.open()
        yield net
    finally:
        net.close()


@pytest.fixture(scope="module")
def postgres(net):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
    folder.chmod(0o755)
    port = free_port()
    try:
        subprocess.run([SERVERS / "pg.sh", "start", folder, str(port), net.address], check=True, timeout=120)
        yield Postgres(port)
        subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def whole(net):
    yield
    for number in range(net.count):
        net.mend(number)


def three(net, postgres, tmp_path, sluice_bin, schema, prepare=lambda project: None, settings="serve:\n  workers: remote\n", clocks=(None,) * 3):
    """Three machines; the last lines of sluice.yml say how PostgreSQL is reached from them."""
    projects = machines(postgres, tmp_path, sluice_bin, schema, 3, prepare, settings)
    for number, project in enumerate(projects):
        file = project.folder / "sluice.yml"
        file.write_text(file.read_text().replace("127.0.0.1", net.address))
        project.binary = net.program(number, sluice_bin, tmp_path, clocks[number])
    return projects


def commits(tmp_path, sluice_bin, *tables):
    lake = Project(tmp_path, sluice_bin)
    return [len(lake.records(table)) for table in tables]


def nothing_is_open(postgres, schema):
    assert postgres.query(f"select count(*) from {schema}.jobs") == [["0"]]
    assert postgres.query(f"select id, status from {schema}.runs where status in ('running', 'queued')") == []
    # Each step of each run that ended is told once.
    assert postgres.query(f"select run_id, name, count(*) from {schema}.steps group by 1, 2 having count(*) > 1") == []


def test_a_worker_that_is_cut_off_loses_its_step_and_comes_back(net, postgres, tmp_path, sluice_bin):
    leader, one, two = three(net, postgres, tmp_path, sluice_bin, "cut_worker", with_slow(12))
    with Service(leader) as service, Worker(one, "--name", "one", "-v") as first, Worker(two, "--name", "two", "-v") as second:
        service.wait_for("the worker '", times=2)
        leader.json("trigger", "all")
        victim, (other,) = who_begins("curated.slow", first, second)
        net.cut(1 if victim is first else 2)
        began = time.monotonic()
        other.wait_for('"curated.slow"')
        print(f"taken over after {time.monotonic() - began:.1f} s")
        assert time.monotonic() - began < 15
        service.wait_for("ended: ok")
        net.mend(1 if victim is first else 2)
        is_killed(victim)  # or refused, as quick as it was
        service.wait_for("is there, for")
        leader.json("trigger", "all")
        service.wait_for("nothing to do")
        assert victim.end() == 0 and other.end() == 0 and service.end() == 0
    assert commits(tmp_path, sluice_bin, "raw.orders", "clean.orders", "curated.total", "curated.slow") == [1, 1, 1, 1]
    nothing_is_open(postgres, "cut_worker")
    same_as_alone(tmp_path, sluice_bin)


def test_a_leader_that_is_cut_off_steps_down_and_another_one_leads(net, postgres, tmp_path, sluice_bin):
    one, two, three_ = three(net, postgres, tmp_path, sluice_bin, "cut_leader", with_slow(12))
    with Service(one) as leader, StandBy(two) as other, Worker(three_, "--name", "three", "-v") as worker:
        leader.wait_for("the worker 'three'")
        one.json("trigger", "all")
        who_begins("curated.slow", worker)
        net.cut(0)
        began = time.monotonic()
        other.wait_for("leads from now on")
        print(f"replaced after {time.monotonic() - began:.1f} s")
        assert time.monotonic() - began < 15
        leader.wait_for("leads no more")
        other.wait_for("ended: ok")
        net.mend(0)
        leader.wait_for("standing by")
        assert leader.end() == 0 and worker.end() == 0 and other.end() == 0
    assert commits(tmp_path, sluice_bin, "raw.orders", "clean.orders", "curated.total", "curated.slow") == [1, 1, 1, 1]
    nothing_is_open(postgres, "cut_leader")
    same_as_alone(tmp_path, sluice_bin)


@pytest.mark.skipif(not FAKETIME.exists(), reason="no libfaketime")
@pytest.mark.parametrize("clocks", [("-2h x0.5", None, "+3h x2"), ("+5d", "-1h", "-3h x0.5")])
def test_wrong_clocks_harm_nobody(net, postgres, tmp_path, sluice_bin, clocks):
    """Clocks that are hours off and run too slow or too fast: leases are by the database's."""
    schema = "clocks" + clocks[0][1]
    one, two, three_ = three(net, postgres, tmp_path, sluice_bin, schema, with_slow(14), clocks=clocks)
    with Service(one) as leader, StandBy(two) as other, Worker(three_, "--name", "three", "-v") as worker:
        leader.wait_for("the worker 'three'")
        time.sleep(5)  # longer than any lease: nobody takes over from one who is there
        one.json("trigger", "all")
        who_begins("curated.slow", worker)
        leader.process.kill()
        began = time.monotonic()
        other.wait_for("leads from now on")
        assert time.monotonic() - began < 15
        other.wait_for("ended: ok")
        assert not any("leads no more" in line for line in leader.seen + other.seen)
        assert worker.end() == 0 and other.end() == 0
    assert commits(tmp_path, sluice_bin, "raw.orders", "clean.orders", "curated.total", "curated.slow") == [1, 1, 1, 1]
    nothing_is_open(postgres, schema)
    same_as_alone(tmp_path, sluice_bin)


class Machine:
    """One of the three in a life of disturbances: what it runs is started again when it has ended."""

    def __init__(self, number, project, net):
        self.number, self.project, self.net, self.process, self.log = number, project, net, None, project.folder / "log"

    def keep(self):
        if self.process and self.process.poll() is None:
            return
        command = [str(self.project.binary), *(["serve", "--listen", "none"] if self.number < 2 else ["worker", "--name", f"m{self.number}"])]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "NOTIFY_", "LISTEN_"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.project.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def disturb(self, chance):
        what = chance.choice(("kill", "cut", "stop"))
        seconds = chance.choice((0.3, 2, 6))
        if what == "kill":
            self.process.kill()
            self.process.wait()
        elif what == "cut":
            self.net.cut(self.number)
            time.sleep(seconds)
            self.net.mend(self.number)
        else:
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self.process.send_signal(signal.SIGCONT)
        return what, seconds

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize("seed,rounds", [(1, 15), (2, 15)])
def test_disturbances_at_random_change_no_table(net, postgres, tmp_path, sluice_bin, seed, rounds):
    def busy(project):
        project.write("pipelines/all.yml", "when:\n  - cron: '* * * * * *'\noverlap: skip\n")
        for number in range(6):
            project.write(f"models/m{number}.sql", f"select id % {number + 2} as part, count(*) as n, sum(amount) as amount from clean.orders group by part")

    schema, chance = f"lives{seed}", random.Random(seed)
    projects = three(net, postgres, tmp_path, sluice_bin, schema, busy, "concurrency: 1\n")
    lives = [Machine(number, project, net) for number, project in enumerate(projects)]
    try:
        for number in range(rounds):
            for machine in lives:
                machine.keep()
            time.sleep(chance.uniform(0.5, 3))
            partial = tmp_path / "partial"
            partial.write_text("id,amount\n" + "".join(f"{(number + 2) * 1000 + i},{i}.5\n" for i in range(chance.randrange(1, 50))))
            partial.rename(tmp_path / "data" / f"{number + 2}.csv")
            print(number, chance.choice(lives).disturb(chance))
        for machine in lives:
            machine.keep()
        wait_until_settled(postgres, schema, lives)
    finally:
        for machine in lives:
            machine.end()
    handed = lives[2].log.read_text().count("handed in")
    print(f"the worker handed in {handed} steps")
    assert handed
    same_as_alone_with_all(tmp_path, sluice_bin)
    steps = postgres.query(f"select run_id, name, count(*) from {schema}.steps group by 1, 2 having count(*) > 1")
    assert steps == []


def wait_until_settled(postgres, schema, lives):
    """Until a run that began after the last disturbance found nothing to do."""
    now = postgres.query(f"select coalesce(max(started_us), 0) from {schema}.runs")[0][0]
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for machine in lives:
            machine.keep()
        done = postgres.query(f"select count(*) from {schema}.runs where started_us > {now} and status = 'nothing'")
        if int(done[0][0]) >= 2:
            return
        time.sleep(0.5)
    raise AssertionError("it does not come to rest:\n" + "".join(machine.log.read_text()[-3000:] for machine in lives))


def same_as_alone_with_all(tmp_path, sluice_bin):
    """Rows of each table, whose commits came in another order."""
    alone = Project(tmp_path / "alone", sluice_bin)
    shutil.copytree(tmp_path / "m0" / "contracts", alone.folder / "contracts")
    shutil.copytree(tmp_path / "m0" / "models", alone.folder / "models")
    alone.write("sluice.yml", "name: shop\n")
    alone.write("sources/orders.yml", f"path: {tmp_path}/data/*.csv\ncontract: contracts/orders.odcs.yml\n")
    alone.run("run")
    lake = Project(tmp_path, sluice_bin)
    for table, columns in [("clean.orders", "id, amount"), ("curated.total", "*")] + [(f"curated.m{n}", "*") for n in range(6)]:
        assert lake.rows(table, columns) == alone.rows(table, columns), table
