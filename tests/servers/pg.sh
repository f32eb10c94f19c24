#!/bin/sh
# A PostgreSQL for tests: pg.sh start FOLDER PORT [ADDRESS] | stop FOLDER | again FOLDER (one that was stopped). Listens on 127.0.0.1, and on an
# address of a bridge that network namespaces reach, for its /24; user postgres, no password.
# FOLDER must be one that an unprivileged user can reach; as root the server runs as the user postgres.
set -eu
command=$1 folder=$2 port=${3:-} address=${4:-}
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl)")

unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$folder" && setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$folder" "$@")
    else
        "$@"
    fi
}

case $command in
start)
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown postgres: "$folder"
    unprivileged "$bin/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
        --no-sync >"$folder/initdb.log" 2>&1
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1${address:+, $address}'
port = $port
unix_socket_directories = '$folder'
fsync = off
wal_level = logical
CONF
    [ -z "$address" ] || echo "host all all $address/24 trust" >>"$folder/data/pg_hba.conf"
    unprivileged "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -t 60 start >/dev/null
    ;;
again)
    unprivileged "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -t 60 start >/dev/null
    ;;
stop)
    unprivileged "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
    ;;
*)
    echo "pg.sh start FOLDER PORT [ADDRESS] | stop FOLDER | again FOLDER" >&2
    exit 1
    ;;
esac
