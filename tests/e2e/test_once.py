"""`make test` runs once for one state of things (tools/once.sh): what it takes notice of, and what it never remembers."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import ROOT

COMMAND = """echo ran >>../runs
mkdir -p build/reports; echo '3 passed, 0 failed, 0 skipped' >build/reports/summary
if [ -e build/during ]; then . build/during; fi"""


class Checkout:
    """A folder with the script, and a command in place of the tests that counts its runs."""

    def __init__(self, folder):
        self.folder = folder
        for path in ("tools/once.sh", "src/a.c", "src/sub/b.c", "tests/t.py", "build/debug/program"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{path}\n")
        shutil.copy(ROOT / "tools" / "once.sh", folder / "tools")
        cache = folder.parent / "cache"
        (cache / "duckdb-1.5.5").mkdir(parents=True)
        (cache / "venv-test/lib/python3.11/site-packages/pytest-8.3.4.dist-info").mkdir(parents=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "SLUICE_CACHE": str(cache)}

    def make(self, *command, code=0, **environment):
        """Whether the tests were run, and what was said."""
        before = self.runs()
        done = subprocess.run([self.folder / "tools/once.sh", *(command or ("sh", "-c", COMMAND))], cwd=self.folder.parent,
                              env=self.environment | environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return self.runs() > before, done.stdout

    def runs(self):
        file = self.folder.parent / "runs"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def during(self, script):
        (self.folder / "build/during").write_text(script)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


@pytest.fixture
def passed(checkout):
    assert checkout.make() == (True, "")
    return checkout


def test_what_has_passed_is_not_run_again_and_the_counts_of_the_pass_are_said(passed):
    ran, said = passed.make()
    assert not ran and said.count("\n") == 1
    assert said.startswith(f"nothing has changed since all tests passed on {time.strftime('%Y-')}")
    assert "3 passed, 0 failed, 0 skipped" in said and "make test FORCE=1" in said
    assert passed.make(FORCE="1")[0]
    assert not passed.make()[0]


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "src/sub/b.c").write_text("changed\n"),
    lambda folder: (folder / "src/sub/b.c").unlink(),
    lambda folder: (folder / "src/sub/b.c").rename(folder / "src/b.c"),
    lambda folder: (folder / "tests/untracked").write_text(""),
    lambda folder: (folder / "tests/empty").mkdir(),
    lambda folder: (folder / "tests/link").symlink_to("t.py"),
    lambda folder: (folder / "tests/t.py").chmod(0o755),
    lambda folder: (folder / "tools/once.sh").open("a").write("# changed\n"),
    lambda folder: (folder.parent / "cache/duckdb-1.5.5/libduckdb.so").write_text("another"),
    lambda folder: next((folder.parent / "cache").rglob("pytest-8*")).rename(next((folder.parent / "cache").rglob("site-packages")) / "pytest-9"),
    lambda folder: shutil.rmtree(folder / "build"),
], ids=["changed", "deleted", "renamed", "untracked", "folder", "link", "mode", "script", "libduckdb", "pytest", "build removed"])
def test_what_changed_leads_to_a_run(passed, change):
    change(passed.folder)
    assert passed.make()[0]
    assert not passed.make()[0]


def test_another_compiler_environment_or_command_leads_to_a_run(passed, tmp_path):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho cc 1\n")
    compiler.chmod(0o755)
    assert passed.make(CC=str(compiler))[0]
    assert not passed.make(CC=str(compiler))[0]
    compiler.write_text("#!/bin/sh\necho cc 2\n")
    assert passed.make(CC=str(compiler))[0]
    assert passed.make(PYTEST_ADDOPTS="-k some")[0]
    assert passed.make()[0]
    assert passed.make("sh", "-c", COMMAND, "another")[0]


def test_what_was_built_and_what_python_left_behind_are_not_a_change(passed):
    (passed.folder / "build/debug/program").write_text("anew\n")
    (passed.folder / "tests/__pycache__").mkdir()
    (passed.folder / "tests/__pycache__/t.pyc").write_text("")
    assert not passed.make()[0]


def test_a_failure_is_not_remembered_and_forgets_the_pass_before(passed):
    passed.during("exit 7")
    assert passed.make(FORCE="1", code=7)[0]
    (passed.folder / "build/during").unlink()
    assert passed.make()[0]


def test_an_interrupted_run_is_not_remembered(passed):
    passed.during("touch build/waits; exec sleep 60")
    process = subprocess.Popen([passed.folder / "tools/once.sh", "sh", "-c", COMMAND], start_new_session=True,
                               env=passed.environment | {"FORCE": "1"})
    while not (passed.folder / "build/waits").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)  # SIGINT is ignored by what was started in the background
    assert process.wait(timeout=30) != 0
    (passed.folder / "build/during").unlink()
    assert passed.make()[0]


def test_a_run_during_which_something_changed_is_not_remembered(checkout):
    checkout.during("echo changed >>src/a.c")
    ran, said = checkout.make()
    assert ran and "run again next time" in said
    (checkout.folder / "build/during").unlink()
    assert checkout.make() == (True, "")
    assert not checkout.make()[0]


def test_a_command_that_counts_nothing_is_no_pass(passed):
    passed.make("true", code=1)
    assert passed.make()[0]
