#!/bin/sh
# Installs, upgrades or removes Moodscape on Raspberry Pi OS, Debian or Ubuntu. Run as root in a checkout:
#
#   deploy/install.sh edge|hub|both        install or upgrade; asks nothing; a second run changes nothing
#   deploy/install.sh remove               takes programs and units away; keeps settings and what was stored
#
# MOODSCAPE_ROOT=/path installs below another root, without touching users or units of the running system.
set -eu

root=${MOODSCAPE_ROOT:-}
home=/opt/moodscape
checkout=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'moodscape: %s\n' "$1"; }
fail() { printf 'moodscape: %s\n' "$1" >&2; exit "$2"; }
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

usage() { fail "say what to install: deploy/install.sh edge, hub or both (or remove)" 2; }

need_python() {
    for python in python3.13 python3.12 python3.11 python3; do
        command -v "$python" >/dev/null || continue
        "$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && return 0
    done
    fail "needs Python 3.11 to 3.13 with venv: apt install python3-venv" 1
}

add_user() {
    [ -z "$root" ] || return 0
    getent passwd moodscape >/dev/null && return 0
    useradd --system --home-dir /var/lib/moodscape --shell /usr/sbin/nologin moodscape
    say "made the system user moodscape"
}

add_programs() {
    need_python
    mkdir -p "$root$home"
    [ -x "$root$home/venv/bin/python" ] || "$python" -m venv "$root$home/venv"
    "$root$home/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$checkout/locks/$1.txt"
    "$root$home/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --upgrade "$checkout"
    cp "$checkout/README.md" "$root$home/README.md"
    say "programs for $1 are in $root$home/venv"
}

add_settings() {
    mkdir -p "$root/etc/moodscape"
    if [ -e "$root/etc/moodscape/$1.yaml" ]; then
        say "kept the settings in $root/etc/moodscape/$1.yaml"
    else
        install -m 0640 "$checkout/configs/$1.yaml" "$root/etc/moodscape/$1.yaml"
        [ -n "$root" ] || chgrp moodscape "$root/etc/moodscape/$1.yaml"
        say "wrote the settings to $root/etc/moodscape/$1.yaml"
    fi
}

add_unit() {
    install -D -m 0644 "$checkout/deploy/systemd/moodscape-$1.service" "$root/etc/systemd/system/moodscape-$1.service"
    if live; then
        systemctl daemon-reload
        systemctl enable --quiet "moodscape-$1"
        systemctl restart "moodscape-$1"
        say "moodscape-$1 runs; journalctl -u moodscape-$1 shows its log"
    else
        say "wrote the unit moodscape-$1; systemd does not run here, so it was not started"
    fi
}

remove() {
    for unit in moodscape-edge moodscape-hub; do
        [ -e "$root/etc/systemd/system/$unit.service" ] || continue
        if live; then systemctl disable --quiet --now "$unit"; fi
        rm "$root/etc/systemd/system/$unit.service"
        say "removed the unit $unit"
    done
    if live; then systemctl daemon-reload; fi
    rm -rf "$root$home"
    say "removed the programs; settings (/etc/moodscape) and what was stored (/var/lib/moodscape) are kept"
}

case "${1:-}" in
edge | hub) parts=$1 lock=$1 ;;
both) parts="edge hub" lock=hub ;;
remove) [ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh remove" 2; remove; exit 0 ;;
*) usage ;;
esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh $1" 2
add_user
add_programs "$lock"
for part in $parts; do
    add_settings "$part"
    add_unit "$part"
done
