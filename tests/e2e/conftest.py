"""What the end-to-end tests share: the program, projects in temporary folders, other readers of our tables, real servers.

SLUICE_BIN names the program (default build/debug), SLUICE_FAULT_BIN the one with fault points (default build/fault).
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import deltalake
import duckdb
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVERS = ROOT / "tests" / "servers"
CACHE = pathlib.Path(os.environ.get("SLUICE_CACHE") or pathlib.Path.home() / ".cache" / "sluice")


def program(variable, kind):
    path = pathlib.Path(os.environ.get(variable) or ROOT / "build" / kind / "src" / "sluice")
    if not path.exists():
        pytest.exit(f"{path} does not exist: `make build BUILD={kind}`, or set {variable}", returncode=2)
    return path.resolve()


def pytest_collection_modifyitems(items):
    """The long ones begin first, so that none is left alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("heavy") is None)


@pytest.fixture(scope="session")
def sluice_bin():
    return program("SLUICE_BIN", "debug")


@pytest.fixture
def mortal(sluice_bin, tmp_path):
    """The program without root's right to read and write everywhere."""
    script = tmp_path / "mortal"
    rights = "-dac_override,-dac_read_search"
    script.write_text(f'#!/bin/sh\nexec setpriv --bounding-set={rights} --inh-caps={rights} {sluice_bin} "$@"\n')
    script.chmod(0o755)
    if os.geteuid() == 0 and subprocess.run(["setpriv", f"--bounding-set={rights}", "true"]).returncode != 0:
        pytest.skip("root's right to read and write everywhere cannot be given up here")
    return script if os.geteuid() == 0 else sluice_bin


@pytest.fixture(scope="session")
def fault_bin():
    return program("SLUICE_FAULT_BIN", "fault")


class Project:
    """A project folder and the program to work on it."""

    def __init__(self, folder, binary):
        self.folder, self.binary = folder, binary
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, path, content):
        """Writes a file below the project: text as it is, bytes as they are."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content)
        return file

    def run(self, *arguments, exit_code=0, env=None, binary=None, timeout=300):
        """Runs `sluice ARGUMENTS...` there. `exit_code`: what is expected; None: anything."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_") and k != "DUCKDB_HOME"}
        environment.update(NO_COLOR="1", **(env or {}))
        command = [str(binary or self.binary), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout)
        if exit_code is not None:
            assert done.returncode == exit_code, (
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    def table_folder(self, table):
        return self.folder / "lake" / table.replace(".", "/")

    def delta(self, table, version=None):
        """The table as delta-rs reads it, as Arrow."""
        return deltalake.DeltaTable(str(self.table_folder(table)), version=version).to_pyarrow_table()

    def rows(self, table, columns="*", version=None):
        """Rows as delta-rs reads them, sorted, every value as text, so that any two readers can be compared."""
        return rows_of(self.delta(table, version), columns)

    def count(self, table):
        return len(self.delta(table))

    def records(self, table):
        """The record of every commit in the table's log, oldest first."""
        records = []
        for file in sorted((self.table_folder(table) / "_delta_log").glob("*.json")):
            for line in file.read_text().splitlines():
                record = json.loads(line).get("commitInfo", {}).get("sluice")
                if record:
                    records.append(record)
        return records


def contract_text(name, *columns):
    """A contract of one table; each column as a map of YAML, "{name: id, logicalType: integer}"."""
    head = (f"apiVersion: v3.1.0\nkind: DataContract\nid: {name}\nname: {name}\nversion: 1.0.0\nstatus: active\n"
            f"schema:\n  - name: {name}\n    properties:\n")
    return head + "".join(f"      - {column}\n" for column in columns)


def some_of(total, step, offset=0, but=()):
    """Durable operations to kill at, out of 1 to `total`: the first, the last, and every `step`-th between, without those of `but`."""
    return sorted({1, total, *range(1 + offset, total + 1, step)} - set(but))


READER = duckdb.connect()  # to open a database anew takes longer than most tables


def rows_of(relation, columns="*"):
    """Sorted rows of an Arrow table or a path, each value as text."""
    connection = READER.cursor()
    connection.execute("set timezone = 'UTC'")
    if isinstance(relation, (str, pathlib.Path)):
        source = f"read_parquet('{relation}')"
    else:
        connection.register("relation", relation)
        source = "relation"
    found = connection.execute(f"select {columns} from {source}")
    names = sorted(column[0] for column in found.description)
    quoted = ", ".join(f'"{name}"::varchar' for name in names)
    return connection.execute(f"select {quoted} from (select {columns} from {source}) order by all").fetchall()


@pytest.fixture
def project(tmp_path, sluice_bin):
    return Project(tmp_path / "project", sluice_bin)


@pytest.fixture
def new_project(tmp_path, sluice_bin):
    """new_project(name): several projects in one test."""
    return lambda name: Project(tmp_path / name, sluice_bin)


LATE_ORDERS = """order_id,customer_id,order_date,amount,currency,status,email,updated_at
2001,1,2026-03-05,10.00,EUR,paid,ada@example.com,2026-03-05 08:00:00
2002,2,2026-03-05,20.00,EUR,paid,ben@example.com,2026-03-05 08:01:00
2003,3,2026-03-05,30.00,EUR,new,cleo@example.com,2026-03-05 08:02:00
2004,4,2026-03-05,free,EUR,new,dan@example.com,2026-03-05 08:03:00
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory, sluice_bin):
    """The quickstart project with one more model, run twice: first with the template's files, then with one more. For reading."""
    project = Project(tmp_path_factory.mktemp("shop") / "shop", sluice_bin)
    project.run("init", "--template", "quickstart")
    project.write("models/finance/best_day.sql", "/* sluice\ntags: [finance]\n*/\n"
                  "select day, sum(revenue) as revenue from curated.daily_revenue group by day order by revenue desc, day limit 1\n")
    project.first_run = project.json("run")["run_id"]
    project.write("data/orders-2026-03-03.csv", LATE_ORDERS)
    project.second_run = project.json("run")["run_id"]
    return project


@pytest.fixture
def own_shop(shop, tmp_path):
    """The shop once more, to be changed."""
    shutil.copytree(shop.folder, tmp_path / "shop", symlinks=True)
    return Project(tmp_path / "shop", shop.binary)


HELD = []


def free_port():
    """A port that nobody else gets meanwhile: it is bound here, for the session. A server with SO_REUSEADDR may bind it too, and listen."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    HELD.append(holder)
    return holder.getsockname()[1]


class Postgres:
    def __init__(self, port):
        self.port = port
        self.dsn = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"

    def query(self, sql):
        """Rows as lists of texts."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", sql, self.dsn]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split("\x1f") for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def postgres():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
    folder.chmod(0o755)
    port = free_port()
    try:
        subprocess.run([SERVERS / "pg.sh", "start", folder, str(port)], check=True, timeout=120)
        yield Postgres(port)
        subprocess.run([SERVERS / "pg.sh", "stop", folder], check=True, timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Spark:
    """Spark with Delta, as one more reader of our tables."""

    def __init__(self, folder):
        self.folder, self.asked = folder, 0
        command = [CACHE / "venv-spark" / "bin" / "python", SERVERS / "spark_tables.py", CACHE / "jars-delta-4.0.0"]
        environment = dict(os.environ, SPARK_LOCAL_IP="127.0.0.1")
        self.process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=(folder / "spark.log").open("w"))
        self._answer()

    def _answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"Spark ended: see {self.folder}/spark.log")

    def rows(self, table_folder, version=None):
        self.asked += 1
        out = self.folder / f"{self.asked}.parquet"
        request = {"table": str(table_folder), "version": version, "out": str(out)}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = self._answer()
        assert "error" not in reply, reply
        return rows_of(out)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    server = Spark(tmp_path_factory.mktemp("spark"))
    yield server
    server.stop()
