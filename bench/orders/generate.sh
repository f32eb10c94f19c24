#!/bin/sh
# Generate the orders benchmark: generate.sh DIR [ROWS]. The virtual environment goes to $VENV (default: DIR/venv).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-$1/venv}
[ -x "$venv/bin/python" ] || { mkdir -p "$1"; python3 -m venv "$venv"; "$venv/bin/pip" -q install duckdb==1.5.5; }
exec "$venv/bin/python" "$here/generate.py" "$@"
