#!/bin/sh
# Makes what compose.yaml needs and nobody should choose: passwords, a token and the hub's client id at the broker, each
# at random, for this user alone. A second run changes nothing, but adds what an older one did not make and takes away
# what it told too much. The name is the one that devices and browsers know this machine by.
#
#   deploy/compose-env.sh [NAME]
set -eu
umask 077
cd "$(dirname "$0")"
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }
# No login but the hub's own knows the hub's client id, by which it could end the hub's session.
add_client_id() { echo "MOODSCAPE_CLIENT_ID=hub-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')" >> .env; }
if [ -e .env ]; then
    name=$(sed -n 's/^MOODSCAPE_NAME=//p' .env)
    if [ "${1:-$name}" != "$name" ]; then
        echo "moodscape: $(pwd)/.env says $name: change MOODSCAPE_NAME there" >&2
        exit 2
    fi
    grep -q '^MOODSCAPE_CLIENT_ID=' .env || add_client_id
    # Compose gives the hub the URL as a word of its command, which everybody on the machine sees; the password it gives
    # otherwise.
    sed -i 's#^\(.*MOODSCAPE_STORE_URL=.*//moodscape\):[^@]*@postgres/#\1@postgres/#' .env
    echo "moodscape: kept $(pwd)/.env"
    exit 0
fi
mkdir -p secrets
random > secrets/influx.token
chmod 0644 secrets/influx.token # read in the containers by users of theirs; the folder is closed
{
    echo "MOODSCAPE_NAME=${1:-$(hostname)}"
    echo "POSTGRES_PASSWORD=$(random)"
    echo "GRAFANA_SQL_PASSWORD=$(random)"
    echo "GRAFANA_PASSWORD=$(random)"
    echo "INFLUX_PASSWORD=$(random)"
    echo "INFLUX_TOKEN=$(cat secrets/influx.token)"
    echo "# With the profiles postgres and influx:"
    echo "# MOODSCAPE_STORE_URL=postgresql+psycopg://moodscape@postgres/moodscape"
    echo "# MOODSCAPE_INFLUX_URL=http://influxdb:8086"
} > .env
add_client_id
echo "moodscape: wrote $(pwd)/.env and $(pwd)/secrets/influx.token"
