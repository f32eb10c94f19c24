#!/bin/sh
# The orders benchmark: run.sh DIR [ROWS]. Generates the data once, runs the hand-written SQL and sluice on it, and compares
# seconds, peak memory and every count. SLUICE_BIN names the program; the test environment of tools/deps.sh has DuckDB for python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 rows=${2:-1000000}
python=${SLUICE_CACHE:-$HOME/.cache/sluice}/venv-test/bin/python
data=$folder/data-$rows

[ -f "$data/planted.json" ] || "$python" "$here/generate.py" "$data" "$rows" >/dev/null
"$python" "$here/reference.py" "$data" "$folder/reference" >"$folder/reference.json"
rm -rf "$folder/project"
cp -r "$here/project" "$folder/project"
ln -s "$(cd "$data" && pwd)" "$folder/project/data"
"$python" "$here/measure.py" "$folder/project" "${SLUICE_BIN:-sluice}" "$folder/reference.json" "$data/planted.json"
