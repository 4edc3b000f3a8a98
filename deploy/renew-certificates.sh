#!/bin/sh
# Renews the certificate of hub and broker, as `moodscape hub ca` does with the words given, and has both take it up. A
# timer runs this, and `sudo moodscape hub ca` does.
set -eu
# shellcheck source=deploy/settings.sh
. /opt/moodscape/settings.sh
ca=$settings/ca
certs=/etc/mosquitto/certs

cd /
before=$(cksum < "$ca/hub.crt")
"$home/venv/bin/moodscape" hub ca --folder "$ca" "$@"
chgrp moodscape "$ca" "$ca/hub.key"
chmod 0750 "$ca"
chmod 0640 "$ca/hub.key"
if ! names_our_broker hub; then
    [ "$before" != "$(cksum < "$ca/hub.crt")" ] || exit 0
else
    ! cmp -s "$ca/hub.crt" "$certs/moodscape.crt" || exit 0
    # The broker gives up root before it reads them, so it has its own.
    install -m 0644 "$ca/ca.crt" "$certs/moodscape-ca.crt"
    install -m 0600 -o mosquitto "$ca/hub.key" "$certs/moodscape.key"
    install -m 0644 "$ca/hub.crt" "$certs/moodscape.crt"
    [ ! -d /run/systemd/system ] || systemctl try-reload-or-restart mosquitto
fi
[ -d /run/systemd/system ] || exit 0
systemctl try-restart moodscape-hub
