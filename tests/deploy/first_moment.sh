# Stands for systemd in a root where it does not run: starts what the units start, as their users, and prints what the
# page of the hub and its API answer once the device's first moment is there.
set -eu
ip link set lo up
install -d -o mosquitto /run/mosquitto
install -d -o moodscape -m 0700 /var/lib/moodscape
mosquitto -c /etc/mosquitto/mosquitto.conf -d

command_of() { sed -n 's/^ExecStart=//p' "/etc/systemd/system/moodscape-$1.service"; }
start() {
    setpriv --reuid moodscape --regid moodscape --init-groups env XDG_DATA_HOME=/var/lib \
        $(command_of "$1") "${@:2}" >"/tmp/$1.log" 2>&1 &
}
ask() { /opt/moodscape/venv/bin/python -c '
import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8080" + sys.argv[1], timeout=5).read().decode())' "$1" 2>/dev/null; }

start hub
start edge --set "source=file:$(/opt/moodscape/venv/bin/python -c 'from moodscape.demo.run import RECORDING; print(RECORDING)')"
while [ "$SECONDS" -lt 240 ]; do
    if ask "/api/moments?limit=1" | grep '"id"'; then
        ask / | grep -o '<title>.*</title>'
        exit 0
    fi
    sleep 0.3
done
echo "no moment came"
cat /tmp/hub.log /tmp/edge.log
exit 1
