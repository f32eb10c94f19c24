#!/bin/sh
# tools/install.sh PROGRAM DUCKDB PREFIX: the program, the engine beside it, the man page, the shell completions, units of systemd.
# bindir=DIR: where the units find the program, if it is moved from PREFIX/bin afterwards.
set -eu
program=$1 duckdb=$2 prefix=$3

install -D -m 755 "$program" "$prefix/bin/sluice"
install -D -m 644 "$duckdb/lib/libduckdb.so" "$prefix/lib/sluice/libduckdb.so"
for extension in "$duckdb"/extensions/*.duckdb_extension; do
    install -D -m 644 "$extension" "$prefix/lib/sluice/extensions/$(basename "$extension")"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" docs "$work/docs"
for page in "$work"/docs/*.1; do
    install -D -m 644 "$page" "$prefix/share/man/man1/$(basename "$page")"
done
completion() {
    "$program" completion "$1" >"$work/completion"
    install -D -m 644 "$work/completion" "$prefix/share/$2"
}
completion bash bash-completion/completions/sluice
completion zsh zsh/site-functions/_sluice
completion fish fish/vendor_completions.d/sluice.fish
mkdir -p "$work/systemd"
for unit in sluice.service sluice.socket sluice-worker.service; do
    sed "s|@bindir@|${bindir:-$prefix/bin}|" "$(dirname "$0")/../share/systemd/$unit" >"$work/systemd/$unit"
    install -D -m 644 "$work/systemd/$unit" "$prefix/lib/systemd/system/$unit"
done

for file in grafana/sluice-runs.json grafana/sluice-tables.json prometheus/sluice.rules.yml; do
    install -D -m 644 "$(dirname "$0")/../share/$file" "$prefix/share/sluice/$file"
done
