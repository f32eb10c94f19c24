#!/usr/bin/env python3
"""Run the tests and count them: test.py [--pytest] [--mark EXPRESSION] [--lint] KIND..., or --targets KIND: say what ninja must build for them.

Every meson test of each build/KIND, of tsan those with threads; with --pytest also tests/e2e, or those of it that the mark expression selects.
Those of tests/e2e wait much: beside them, and with less of the processors where both want them, the sanitized kinds are built and tested, and
with --lint all is linted. What those say is shown when the end-to-end tests are through.
Everything runs, whatever fails before it; the last line counts, and the exit code says whether all is well. The counts, with those
of each runner, are also left in build/reports/summary.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
CACHE = pathlib.Path(os.environ.get("SLUICE_CACHE") or pathlib.Path.home() / ".cache" / "sluice")


# What runs on several threads or in several processes: all that the thread sanitizer has to say something about.
THREADED = ["base log", "duckdb session", "duckdb query", "connect file lane", "connect file csv", "connect file json",
            "delta commit_race", "run bind", "run pool",
            "schedule ticks"]


SANITIZED = ["asan", "tsan"]  # no end-to-end test wants them


def targets(kind):
    """The programs of the tests that run_meson runs for this kind, as ninja calls them."""
    folder = ROOT / "build" / kind
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", str(folder)], check=True, capture_output=True).stdout)
    wanted = THREADED if kind == "tsan" else [test["name"] for test in tests]
    missing = set(wanted) - {test["name"] for test in tests}
    if missing:
        sys.exit(f"no such tests: {', '.join(sorted(missing))}")
    return sorted({os.path.relpath(test["cmd"][0], folder) for test in tests if test["name"] in wanted})


def run_meson(kinds, out=None, slower=1):
    """True if any failed. `slower`: how many times their time limits the tests may take."""
    failed = False
    for kind in kinds:
        print(f"==> meson tests, {kind}", file=out, flush=True)
        folder = ROOT / "build" / kind
        logs = folder / "meson-logs"
        for old in logs.glob("testlog.junit.xml"):
            old.unlink()
        environment = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                           LSAN_OPTIONS=f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0")
        command = ["meson", "test", "-C", str(folder), "--print-errorlogs", "--no-rebuild", "--timeout-multiplier", str(slower)]
        command += THREADED if kind == "tsan" else []
        failed |= subprocess.run(command, env=environment, stdout=out, stderr=out).returncode != 0
        if (logs / "testlog.junit.xml").exists():
            shutil.copy(logs / "testlog.junit.xml", REPORTS / f"meson-{kind}.xml")
    return failed


def run_make(*arguments, out):
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode != 0


def run_beside(kinds, wants_lint, out):
    """Runs in a process of its own, which gives way to others. True if anything failed."""
    os.nice(5)
    failed = False
    for kind in kinds:
        failed |= run_make("build", f"BUILD={kind}", "NEEDED=1", out=out) or run_meson([kind], out, slower=4)
    return failed | (wants_lint and run_make("lint", out=out))


def run_pytest_and(beside, mark):
    """The end-to-end tests, and beside them what `beside` does, given a file to write to."""
    with tempfile.TemporaryFile("w+") as out:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = int(beside(out))
            except BaseException as error:  # told where the rest is told
                print(f"{type(error).__name__}: {error}", file=out)
            finally:
                out.flush()
                os._exit(code)
        try:
            failed = run_pytest(mark)
        except BaseException:
            os.kill(child, signal.SIGTERM)
            raise
        failed_beside = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        out.seek(0)
        shutil.copyfileobj(out, sys.stdout)
        if failed_beside:
            print("==> something beside the end-to-end tests failed: see above", flush=True)
    return failed | failed_beside


def run_pytest(mark):
    print("==> pytest, end to end", flush=True)
    report = REPORTS / "pytest.xml"
    command = [str(CACHE / "venv-test" / "bin" / "python"), "-m", "pytest", "-q", str(ROOT / "tests" / "e2e")]
    command += [f"--junitxml={report}"] + (["-m", mark] if mark else [])
    # A third or more of the time tests wait: for clocks, servers, disks. So there are more of them at once than processors.
    command += ["-n", str(max(3, min(8, 2 * (os.cpu_count() or 2)))), "--dist", "loadgroup"]
    return subprocess.run(command, cwd=ROOT).returncode != 0


def count(report):
    counts = {"tests": 0, "bad": 0, "skipped": 0}
    for suite in xml.parse(report).getroot().iter("testsuite"):
        counts["tests"] += int(suite.get("tests", 0))
        counts["bad"] += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        counts["skipped"] += int(suite.get("skipped", 0))
    return counts


def summary():
    counts = {report.stem: count(report) for report in sorted(REPORTS.glob("*.xml"))}
    totals = {name: sum(numbers[name] for numbers in counts.values()) for name in ("tests", "bad", "skipped")}
    passed = totals["tests"] - totals["bad"] - totals["skipped"]
    line = f"{passed} passed, {totals['bad']} failed, {totals['skipped']} skipped"
    runners = ", ".join(f"{name} {numbers['tests']}" for name, numbers in counts.items())
    (REPORTS / "summary").write_text(f"{line} ({runners})\n")
    print(line)
    return totals["bad"] > 0 or passed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--pytest", action="store_true")
    parser.add_argument("--mark", default="")
    parser.add_argument("--lint", action="store_true")
    parser.add_argument("--targets", action="store_true")
    arguments = parser.parse_args()
    if arguments.targets:
        print(*(target for kind in arguments.kinds for target in targets(kind)))
        return 0
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    if not arguments.pytest:
        failed = run_meson(arguments.kinds)
    else:
        sanitized = [kind for kind in arguments.kinds if kind in SANITIZED]
        failed = run_meson([kind for kind in arguments.kinds if kind not in SANITIZED])
        failed |= run_pytest_and(lambda out: run_beside(sanitized, arguments.lint, out), arguments.mark)
    return summary() or failed


sys.exit(main())
