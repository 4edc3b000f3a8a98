#!/bin/sh
# Installs, upgrades or removes Moodscape on Raspberry Pi OS, Debian or Ubuntu. Run as root in a checkout:
#
#   deploy/install.sh edge|hub|both        install or upgrade; asks nothing; a second run changes nothing
#   deploy/install.sh hub|both NAME…       also open hub and broker to the network, over TLS; NAMEs and addresses are
#                                          those by which others reach this machine
#   deploy/install.sh hub --broker HOST NAME…   a hub whose broker is on another machine; writes what that one takes over
#   deploy/install.sh broker FILE          on that machine: a broker alone, by the file that the hub's machine wrote
#   deploy/install.sh remove               takes programs and units away; keeps settings and what was stored
set -eu
umask 022

home=/opt/moodscape
settings=/etc/moodscape
broker=/etc/mosquitto
logins=/var/lib/mosquitto/moodscape
checkout=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'moodscape: %s\n' "$1"; }
fail() { printf 'moodscape: %s\n' "$1" >&2; exit "$2"; }
live() { [ -d /run/systemd/system ]; }

# What each part needs of the system. PyAudio is built here, for the Python that runs here.
packages_of() {
    case $1 in
    edge) echo "python3-venv libportaudio2 portaudio19-dev python3-dev gcc libc6-dev" ;;
    hub) echo "python3-venv mosquitto" ;;
    hub-alone) echo "python3-venv" ;;
    broker) echo "mosquitto" ;;
    esac
}

# Not all that device and hub need is built for other systems. The kernel does not tell: a 64-bit one runs 32-bit systems.
need_64_bit() {
    system=$(dpkg --print-architecture)
    case $system in amd64 | arm64) return 0 ;; esac
    fail "needs a 64-bit system, and this one is $system: use 64-bit Raspberry Pi OS, for a Pi 3 or Zero 2 W and newer" 1
}

add_packages() {
    missing=""
    for package in $(packages_of "$1"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    say "installed the packages$missing"
}

need_python() {
    for python in python3.13 python3.12 python3.11 python3; do
        command -v "$python" >/dev/null || continue
        "$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && return 0
    done
    fail "needs Python 3.11 to 3.13; this system has $(python3 --version 2>&1)" 1
}

add_user() {
    getent passwd moodscape >/dev/null && return 0
    useradd --system --home-dir /var/lib/moodscape --shell /usr/sbin/nologin moodscape
    say "made the system user moodscape"
}

# The groups of microphones and, where a machine has them, of pins: the user's and not only the unit's, so that
# `sudo moodscape edge check` reaches what the service reaches.
add_groups() {
    for group in audio gpio; do
        getent group "$group" >/dev/null || continue
        usermod -a -G "$group" moodscape
    done
}

add_programs() {
    need_python
    mkdir -p "$home"
    [ -x "$home/venv/bin/python" ] || "$python" -m venv "$home/venv"
    for part in "$@"; do
        "$home/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
            --requirement "$checkout/locks/$part.txt"
    done
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --upgrade "$checkout"
    cp "$checkout/README.md" "$home/README.md"
    install -D -m 0755 "$checkout/deploy/moodscape.sh" /usr/local/bin/moodscape
    say "the programs are in $home/venv; \`sudo moodscape\` runs them with their settings"
}

# A file that only its group may read: secrets and settings.
add_file() {
    install -m 0640 "$1" "$2"
    chgrp moodscape "$2"
}

add_settings() {
    mkdir -p "$settings"
    if [ -e "$settings/$1.yaml" ]; then
        say "kept the settings in $settings/$1.yaml"
    else
        add_file "$checkout/configs/$1.yaml" "$settings/$1.yaml"
        say "wrote the settings to $settings/$1.yaml"
    fi
}

# Sets values in a file of settings: FILE key.path=value…
set_values() { (cd / && "$home/venv/bin/python" -I -m configs.edit "$@"); }

# The broker's file of logins, which it must not have open meanwhile; it is the broker's own.
edit_logins() { (cd / && runuser -u mosquitto -- "$home/venv/bin/moodscape" hub login --file "$logins/logins.json" "$@"); }

# No login but its own knows a program's client id, by which it could end that program's session.
new_client_id() { echo "$1-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')"; }

# A login for a program of this machine: its password goes to a file of its own.
add_login() {
    [ ! -e "$settings/$1.password" ] || return 0
    umask 077
    edit_logins "$2" > "$settings/$1.password.new"
    umask 022
    add_file "$settings/$1.password.new" "$settings/$1.password"
    rm "$settings/$1.password.new"
    set_values "$settings/$1.yaml" "broker.user=$2" "broker.password_file=$settings/$1.password" \
        "broker.client_id=$(new_client_id "$2")"
    say "made the login $2 at the broker"
}

# Files of ours, written anew each time; what somebody changed in them is kept aside, once.
add_broker_settings() {
    plugin=$(dpkg -L mosquitto | grep '/mosquitto_dynamic_security\.so$') || fail "this mosquitto has no dynamic security" 1
    sed "s|^plugin .*|plugin $plugin|" "$checkout/deploy/mosquitto/$1" > "$broker/$1.new"
    if [ -e "$broker/conf.d/$1" ] && ! cmp -s "$broker/$1.new" "$broker/conf.d/$1"; then
        cp -p "$broker/conf.d/$1" "$broker/$1.before"
        say "replaced $broker/conf.d/$1; what it was is in $broker/$1.before"
    fi
    mv "$broker/$1.new" "$broker/conf.d/$1"
}

# A hub that has been told so, by this call or its settings.
broker_is_elsewhere() { [ -n "$elsewhere" ] || grep -qs '^  tls: true\b' "$settings/hub.yaml"; }

# A hub whose broker is elsewhere: its certificate, and in one file the broker's, with whom it lets in.
add_broker_elsewhere() {
    pack=$settings/broker
    if [ -z "$elsewhere" ] && [ ! -e "$pack/logins.json" ]; then
        say "left the broker alone that $settings/hub.yaml names"
        if [ $# -gt 0 ] || [ -e "$settings/ca/hub.crt" ]; then open_hub "$@"; fi
        return 0
    fi
    if [ ! -e "$pack/logins.json" ]; then
        [ ! -e "$settings/hub.password" ] || fail "the hub here has a broker on this machine, as $settings/hub.yaml says" 1
        install -d -m 0700 "$pack"
        umask 077
        (cd / && "$home/venv/bin/moodscape" hub login hub --file "$pack/logins.json" > "$settings/hub.password.new")
        umask 022
        add_file "$settings/hub.password.new" "$settings/hub.password"
        rm "$settings/hub.password.new"
        set_values "$settings/hub.yaml" "broker.host=$elsewhere" broker.port=8883 broker.tls=true \
            "broker.ca_file=$settings/ca/ca.crt" broker.user=hub "broker.password_file=$settings/hub.password" \
            "broker.client_id=$(new_client_id hub)"
    fi
    open_hub "$@"
    cp "$settings/ca/ca.crt" "$settings/ca/ca.key" "$pack"
    # shellcheck disable=SC2086 # without a host: the one that it was made for
    (cd / && "$home/venv/bin/moodscape" hub ca --folder "$pack" --days 60 $elsewhere >/dev/null)
    rm "$pack/ca.key"
    (umask 077 && tar -C "$pack" -cf "$settings/broker.tar" ca.crt hub.crt hub.key logins.json)
    say "the broker's part is in $settings/broker.tar, a secret: take it to its machine, and there call"
    say "\`sudo deploy/install.sh broker broker.tar\`; again when the hub's log says that its certificate ends soon"
}

# The broker alone, for a hub on another machine: what that wrote, put where mosquitto reads it.
take_over_broker() {
    if live; then systemctl stop mosquitto; fi
    new=$(mktemp -d)
    tar -C "$new" --no-same-owner -xf "$1" ca.crt hub.crt hub.key logins.json
    install -m 0644 "$new/ca.crt" "$broker/certs/moodscape-ca.crt"
    install -m 0600 -o mosquitto "$new/hub.key" "$broker/certs/moodscape.key"
    install -m 0644 "$new/hub.crt" "$broker/certs/moodscape.crt"
    install -d -o mosquitto -g mosquitto -m 0700 "$logins"
    if [ -e "$logins/logins.json" ]; then
        say "kept the logins in $logins"
    else
        install -o mosquitto -g mosquitto -m 0600 "$new/logins.json" "$logins"
    fi
    rm -r "$new"
    add_broker_settings moodscape.conf
    add_broker_settings moodscape-network.conf
    if live; then systemctl start mosquitto; fi
    say "the broker is open to hub and devices over TLS, on port 8883"
}

add_broker() {
    if live; then systemctl stop mosquitto; fi
    install -d -o mosquitto -g mosquitto -m 0700 "$logins"
    if [ -e "$broker/moodscape.passwd" ]; then
        edit_logins --take-over "$broker/moodscape.passwd"
        rm -f "$broker/moodscape.passwd" "$broker/moodscape.acl"
        say "took over the logins of $broker/moodscape.passwd"
    fi
    edit_logins
    add_login hub hub
    if grep -q '^  client_id: moodscape-hub\b' "$settings/hub.yaml"; then
        set_values "$settings/hub.yaml" "broker.client_id=$(new_client_id hub)"
    fi
    if [ -e "$settings/edge.yaml" ] && [ ! -e "$settings/edge.password" ]; then
        set_values "$settings/edge.yaml" "device=$(device_name)"
        add_login edge "$(device_name)"
    fi
    add_broker_settings moodscape.conf
    if [ $# -gt 0 ] || [ -e "$settings/ca/hub.crt" ]; then
        open_hub "$@"
        add_broker_settings moodscape-network.conf
    fi
    if live; then systemctl start mosquitto; fi
}

# The hub for others on the network: with a certificate of an authority of this machine's own, which the broker here shares.
open_hub() {
    "$home/venv/bin/moodscape" hub ca --folder "$settings/ca" --days 60 "$@" >/dev/null
    install -D -m 0755 "$checkout/deploy/renew-certificates.sh" "$home/renew-certificates"
    "$home/renew-certificates"
    if [ $# -gt 0 ] && ! grep -q "$settings/ca/hub.crt" "$settings/hub.yaml"; then
        set_values "$settings/hub.yaml" http.host=0.0.0.0 http.port=8443 http.open_on_loopback=false \
            "http.cert_file=$settings/ca/hub.crt" "http.key_file=$settings/ca/hub.key"
    fi
    for kind in service timer; do
        install -m 0644 "$checkout/deploy/systemd/moodscape-certificates.$kind" /etc/systemd/system/
    done
    if live; then
        systemctl daemon-reload
        systemctl enable --quiet --now moodscape-certificates.timer
    fi
    say "the hub is open to the network over TLS; \`sudo moodscape hub token NAME\` lets a person in,"
    say "\`sudo moodscape hub enrol DEVICE\` a device"
}

# The host's name, as far as it may name a device; two names at the broker are others'.
device_name() {
    hostname | tr -c 'A-Za-z0-9._\n-' '-' | sed 's/^[^A-Za-z0-9]*//; s/^\(hub\|homeassistant\)$/\1-device/' | cut -c 1-64
}

add_unit() {
    install -D -m 0644 "$checkout/deploy/systemd/moodscape-$1.service" "/etc/systemd/system/moodscape-$1.service"
    install -D -m 0644 "$checkout/deploy/systemd/journald@moodscape.conf" /etc/systemd/journald@moodscape.conf
    if live; then
        systemctl daemon-reload
        systemctl enable --quiet "moodscape-$1"
        systemctl restart "moodscape-$1"
        say "moodscape-$1 runs; journalctl --namespace=moodscape -u moodscape-$1 shows its log"
    else
        say "wrote the unit moodscape-$1; systemd does not run here, so it was not started"
    fi
}

remove() {
    for unit in moodscape-certificates.timer moodscape-certificates.service moodscape-edge.service moodscape-hub.service; do
        [ -e "/etc/systemd/system/$unit" ] || continue
        if live; then systemctl disable --quiet --now "$unit"; fi
        rm "/etc/systemd/system/$unit"
        say "removed the unit $unit"
    done
    rm -f /etc/systemd/journald@moodscape.conf /usr/local/bin/moodscape "$broker/conf.d/moodscape.conf" \
        "$broker/conf.d/moodscape-network.conf" "$broker"/certs/moodscape.* "$broker/certs/moodscape-ca.crt"
    if live; then systemctl daemon-reload; fi
    rm -rf "$home"
    say "removed the programs; settings ($settings), the broker's logins and what was stored (/var/lib/moodscape) are kept"
}

case "${1:-}" in
edge | hub) parts=$1 ;;
both) parts="edge hub" ;;
broker | remove) parts="" ;;
*) fail "say what to install: deploy/install.sh edge, hub or both; or broker; or remove" 2 ;;
esac
what=$1
shift
elsewhere=""
if [ "$what" = broker ]; then
    [ $# -eq 1 ] && [ -r "$1" ] || fail "give the file that \`deploy/install.sh hub --broker HOST NAME\` wrote" 2
elif [ "${1:-}" = --broker ]; then
    [ "$what" = hub ] || fail "--broker goes with hub" 2
    [ $# -gt 2 ] || fail "--broker HOST NAME…: say where the broker is, and by which names others reach this machine" 2
    elsewhere=$2
    shift 2
fi
case "$what" in hub | both | broker) ;; *) [ $# -eq 0 ] || fail "names go with hub or both: a device is reached by nobody" 2 ;; esac
case "$what" in edge | hub | both) need_64_bit ;; esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh $what" 2
if [ "$what" = remove ]; then
    remove
    exit 0
fi
if [ "$what" = broker ]; then
    add_packages broker
    take_over_broker "$1"
    exit 0
fi
for part in $parts; do
    if [ "$part" = hub ] && broker_is_elsewhere; then part=hub-alone; fi
    add_packages "$part"
done
add_user
case $parts in *edge*) add_groups ;; esac
# shellcheck disable=SC2086
add_programs $parts
for part in $parts; do add_settings "$part"; done
case $parts in
*hub*) if broker_is_elsewhere; then add_broker_elsewhere "$@"; else add_broker "$@"; fi ;;
esac
for part in $parts; do add_unit "$part"; done
