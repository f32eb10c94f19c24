"""What all benchmarks share: a program timed, a line printed."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SLUICE = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "release" / "src" / "sluice"))
BENCH_VENV = pathlib.Path(os.environ.get("SLUICE_CACHE", pathlib.Path.home() / ".cache" / "sluice")) / "venv-bench" / "bin"


def timed(command, cwd=None, env=None, codes=(0,)):
    """Runs a command: wall seconds, peak MB, its output."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([str(word) for word in command], cwd=cwd, env=dict(os.environ, NO_COLOR="1", **(env or {})),
                                   stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode not in codes:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}\n{text[-3000:]}")
    return seconds, usage.ru_maxrss / 1024, text


def report(name, seconds, memory, reference=None, reference_memory=None, note=""):
    line = f"{name:34} {seconds:8.3f} s {memory:7.0f} MB"
    if reference:
        line += f"   reference {reference:8.3f} s {reference_memory:7.0f} MB   ratio {seconds / reference:5.2f}"
    print(line + (f"   {note}" if note else ""), flush=True)
