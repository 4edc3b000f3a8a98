#!/bin/sh
# Installs, upgrades or removes Moodscape on Raspberry Pi OS, Debian or Ubuntu. Run as root in a checkout:
#
#   deploy/install.sh edge|hub|both        install or upgrade; asks nothing; a second run changes nothing
#   deploy/install.sh remove               takes programs and units away; keeps settings and what was stored
set -eu

home=/opt/moodscape
settings=/etc/moodscape
broker=/etc/mosquitto
checkout=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'moodscape: %s\n' "$1"; }
fail() { printf 'moodscape: %s\n' "$1" >&2; exit "$2"; }
live() { [ -d /run/systemd/system ]; }

# What each part needs of the system. PyAudio is built here, for the Python that runs here.
packages_of() {
    case $1 in
    edge) echo "python3-venv libportaudio2 portaudio19-dev python3-dev gcc libc6-dev" ;;
    hub) echo "python3-venv mosquitto" ;;
    esac
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
    say "the programs are in $home/venv"
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

# A login at the broker of this machine: its password goes to a file of its own and into the settings.
add_login() {
    [ ! -e "$settings/$1.password" ] || return 0
    umask 077
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$settings/$1.password"
    printf '%s:%s\n' "$2" "$(cat "$settings/$1.password")" > "$broker/moodscape.new"
    mosquitto_passwd -U "$broker/moodscape.new"
    cat "$broker/moodscape.new" >> "$broker/moodscape.passwd"
    rm "$broker/moodscape.new"
    umask 022
    chown mosquitto "$broker/moodscape.passwd"
    add_file "$settings/$1.password" "$settings/$1.password.new"
    mv "$settings/$1.password.new" "$settings/$1.password"
    sed -i "0,/^  user: null/s//  user: $2/; 0,/^  password_file: null/s||  password_file: $settings/$1.password|" "$settings/$1.yaml"
    say "made the login $2 at the broker"
}

add_broker() {
    install -m 0644 "$checkout/deploy/mosquitto/moodscape.acl" "$broker/moodscape.acl"
    if [ ! -e "$broker/conf.d/moodscape.conf" ]; then
        install -m 0644 "$checkout/deploy/mosquitto/moodscape.conf" "$broker/conf.d/moodscape.conf"
        say "wrote the broker's settings to $broker/conf.d/moodscape.conf"
    fi
    add_login hub hub
    if [ -e "$settings/edge.yaml" ]; then
        add_login edge "$(device_name)"
    fi
    if live; then systemctl restart mosquitto; fi
}

# The host's name, as far as it may name a device.
device_name() { hostname | tr -c 'A-Za-z0-9._\n-' '-' | sed 's/^[^A-Za-z0-9]*//' | cut -c 1-64; }

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
    for unit in moodscape-edge moodscape-hub; do
        [ -e "/etc/systemd/system/$unit.service" ] || continue
        if live; then systemctl disable --quiet --now "$unit"; fi
        rm "/etc/systemd/system/$unit.service"
        say "removed the unit $unit"
    done
    rm -f /etc/systemd/journald@moodscape.conf "$broker/conf.d/moodscape.conf"
    if live; then systemctl daemon-reload; fi
    rm -rf "$home"
    say "removed the programs; settings ($settings), the broker's logins and what was stored (/var/lib/moodscape) are kept"
}

case "${1:-}" in
edge | hub) parts=$1 ;;
both) parts="edge hub" ;;
remove) ;;
*) fail "say what to install: deploy/install.sh edge, hub or both (or remove)" 2 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh $1" 2
if [ "$1" = remove ]; then
    remove
    exit 0
fi
for part in $parts; do add_packages "$part"; done
add_user
# shellcheck disable=SC2086
add_programs $parts
for part in $parts; do add_settings "$part"; done
case $parts in *hub*) add_broker ;; esac
for part in $parts; do add_unit "$part"; done
