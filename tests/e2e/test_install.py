"""What `make install` lays down, and that the reference pages in the repository are those of the program."""
import filecmp
import os
import resource
import shutil
import subprocess

import pytest

from conftest import CACHE, ROOT

pytestmark = pytest.mark.xdist_group("install")


@pytest.fixture(scope="module")
def installed(tmp_path_factory, sluice_bin):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run([ROOT / "tools" / "install.sh", sluice_bin, CACHE / "duckdb-1.5.5", prefix], check=True, timeout=120)
    return prefix


@pytest.mark.parametrize("path", [
    "bin/sluice",
    "lib/sluice/libduckdb.so",
    "lib/sluice/extensions/sqlite_scanner.duckdb_extension",
    "share/man/man1/sluice.1",
    "share/bash-completion/completions/sluice",
    "share/zsh/site-functions/_sluice",
    "share/fish/vendor_completions.d/sluice.fish",
    "lib/systemd/system/sluice.service",
    "lib/systemd/system/sluice.socket",
    "lib/systemd/system/sluice-worker.service",
])
def test_install_lays_down(installed, path):
    assert (installed / path).stat().st_size > 0


def test_the_installed_program_works_away_from_the_repository(installed, tmp_path):
    environment = {"PATH": f"{installed}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "NO_COLOR": "1"}
    done = subprocess.run(["sluice", "quickstart"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_units(installed):
    units = [installed / "lib/systemd/system" / name for name in ("sluice.service", "sluice-worker.service", "sluice.socket")]
    assert f"ExecStart={installed}/bin/sluice serve\n" in units[0].read_text()
    assert f"ExecStart={installed}/bin/sluice worker\n" in units[1].read_text()
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_bash_completion_is_valid_bash(installed):
    file = installed / "share/bash-completion/completions/sluice"
    subprocess.run(["bash", "-n", file], check=True, timeout=30)


def test_the_reference_pages_are_those_of_the_program(sluice_bin, tmp_path):
    subprocess.run([sluice_bin, "docs", tmp_path / "reference"], check=True, timeout=60, env=dict(os.environ, NO_COLOR="1"))
    committed = ROOT / "docs" / "reference"
    for page in sorted((tmp_path / "reference").iterdir()):
        assert filecmp.cmp(page, committed / page.name, shallow=False), f"{page.name} is old: run `make docs`"


def test_deps_is_quick_when_everything_is_there():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([ROOT / "tools" / "deps.sh", "build", "test", "demo"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the processor, for other tests run beside this one
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 1
