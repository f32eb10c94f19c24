#!/bin/sh
# All lints, each to its end; fails if any complained. Needs build/debug to be set up.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0

lint() {
    name=$1
    shift
    if output=$("$@" 2>&1); then
        printf '  ok    %s\n' "$name"
    else
        printf '  FAIL  %s\n%s\n' "$name" "$output"
        failed=1
    fi
}

# Files that git knows or would take.
files() { git ls-files -co --exclude-standard "$@" | while read -r file; do [ -f "$file" ] && echo "$file"; done; }

format() {
    complaints=$(files '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror 2>&1) && return 0
    echo "$complaints" | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error.*/\1/p' | sort -u
    echo 'make format mends these'
    return 1
}
tidy() { files 'src/*.c' | xargs -P 2 -n 8 clang-tidy-14 -p build/debug --quiet --extra-arg=-Wno-sign-conversion; }
flow() {
    exec cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppress=ctunullpointer --suppress=varFuncNullUB --suppress=nullPointerRedundantCheck --std=c11 \
        -Isrc -DSL_VERSION='""' -DSL_DUCKDB_HOME='""' src
}
scripts() { files '*.sh' .ci/run | xargs shellcheck -e SC2317; }
said() { cat "$flow_said" && return "$flow_code"; }

# It takes long, and one processor only: the others run beside it.
flow_said=$(mktemp)
flow >"$flow_said" 2>&1 &
flow_process=$!
trap 'kill "$flow_process" 2>/dev/null; rm -f "$flow_said"' EXIT
trap 'exit 130' INT TERM
lint 'layers (who may include whom)' tools/lint/layers.py
lint 'sizes (files, functions, parameters)' tools/lint/sizes.py
lint 'cleanup (SL_AUTO locals are initialised)' tools/lint/cleanup.py
lint 'format (clang-format)' format
lint 'scripts (shellcheck)' scripts
lint 'mistakes (clang-tidy)' tidy
wait "$flow_process"
flow_code=$?
lint 'flow (cppcheck)' said
exit $failed
