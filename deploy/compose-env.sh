#!/bin/sh
# Makes what compose.yaml needs and nobody should choose: passwords and a token, each at random, for this user alone.
# A second run changes nothing. The name is the one that devices and browsers know this machine by.
#
#   deploy/compose-env.sh [NAME]
set -eu
umask 077
cd "$(dirname "$0")"
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }
if [ -e .env ]; then
    echo "moodscape: kept $(pwd)/.env"
    exit 0
fi
mkdir -p secrets
random > secrets/influx.token
chmod 0644 secrets/influx.token # read in the containers by users of theirs; the folder is closed
sql=$(random)
{
    echo "MOODSCAPE_NAME=${1:-$(hostname)}"
    echo "POSTGRES_PASSWORD=$sql"
    echo "GRAFANA_SQL_PASSWORD=$(random)"
    echo "GRAFANA_PASSWORD=$(random)"
    echo "INFLUX_PASSWORD=$(random)"
    echo "INFLUX_TOKEN=$(cat secrets/influx.token)"
    echo "# With the profiles postgres and influx:"
    echo "# MOODSCAPE_STORE_URL=postgresql+psycopg://moodscape:$sql@postgres/moodscape"
    echo "# MOODSCAPE_INFLUX_URL=http://influxdb:8086"
} > .env
echo "moodscape: wrote $(pwd)/.env and $(pwd)/secrets/influx.token"
