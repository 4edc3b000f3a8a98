# Stands for systemd in a root where it does not run: starts what the units start, as their users.
set -eu
ip link set lo up
install -d -o mosquitto /run/mosquitto
install -d -o moodscape -m 0700 /var/lib/moodscape
mosquitto -c /etc/mosquitto/mosquitto.conf -d
python=/opt/moodscape/venv/bin/python
recording=$($python -c 'from moodscape.demo.run import RECORDING; print(RECORDING)')

start() {
    setpriv --reuid moodscape --regid moodscape --init-groups env XDG_DATA_HOME=/var/lib \
        $(sed -n 's/^ExecStart=//p' "/etc/systemd/system/moodscape-$1.service") "${@:2}" >"/tmp/$1.log" 2>&1 &
}

# What the hub answers at a path, if it does.
ask() {
    $python -c '
import ssl, sys, urllib.request
path, token = sys.argv[1:]
url, trust = "http://127.0.0.1:8080", None
if token:
    url, trust = "https://localhost:8443", ssl.create_default_context(cafile="/etc/moodscape/ca/ca.crt")
asked = urllib.request.Request(url + path, headers={"Authorization": "Bearer " + token} if token else {})
print(urllib.request.urlopen(asked, timeout=5, context=trust).read().decode())' "$1" "${2:-}" 2>/dev/null
}

# Waits until what the hub answers holds some text, and prints it.
await() {
    while [ "$SECONDS" -lt 240 ]; do
        if ask "$1" "${3:-}" | grep "$2"; then return 0; fi
        sleep 0.3
    done
    echo "no $2 at $1"
    cat /tmp/*.log
    exit 1
}
