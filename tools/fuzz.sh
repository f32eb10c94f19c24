#!/bin/sh
# tools/fuzz.sh BUILD SECONDS: every fuzz target of a build, each from its corpus in tests/fuzz/corpus/<name>.
# What it finds is kept in BUILD/found/<target>; a crash ends the run with its input's name.
set -eu
build=$1 seconds=$2
root=$(cd "$(dirname "$0")/.." && pwd)

count=0
for target in "$build"/tests/fuzz/fuzz_*; do
    if [ ! -f "$target" ] || [ ! -x "$target" ]; then continue; fi
    name=$(basename "$target")
    name=${name#fuzz_}
    corpus=$root/tests/fuzz/corpus/$name
    found=$build/found/$name
    mkdir -p "$found" "$build/crashes"
    [ -d "$corpus" ] || corpus=
    printf '==> %s for %s s\n' "$name" "$seconds"
    # shellcheck disable=SC2086
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
        -artifact_prefix="$build/crashes/$name-" "$found" $corpus 2>"$build/found/$name.log" || {
        tail -n 30 "$build/found/$name.log" >&2
        exit 1
    }
    count=$((count + 1))
done
[ $count -gt 0 ] || {
    echo "no fuzz target in $build/tests/fuzz" >&2
    exit 1
}
