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

checkout=$(cd "$(dirname "$0")/.." && pwd)
older_ca=/var/lib/moodscape/ca

say() { printf 'moodscape: %s\n' "$1"; }
fail() { printf 'moodscape: %s\n' "$1" >&2; exit "$2"; }
live() { [ -d /run/systemd/system ]; }

# shellcheck source=deploy/settings.sh
. "$checkout/deploy/settings.sh"
# shellcheck source=deploy/broker.sh
. "$checkout/deploy/broker.sh"

# What each part needs of the system. PyAudio is built here, for the Python that runs here.
packages_of() {
    case $1 in
    edge) echo "python3-venv libportaudio2 portaudio19-dev python3-dev gcc libc6-dev" ;;
    hub) echo "python3-venv" ;;
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

# What has to be built is built with what locks/build.txt pins: pip by itself would fetch tools for it, whatever their hash.
pip_install() {
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check --no-build-isolation --use-pep517 "$@"
}

add_programs() {
    need_python
    mkdir -p "$home"
    # There may be one that was cut off while it was made, or whose Python a newer system has taken away.
    "$home/venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$home/venv"
    for lock in build "$@"; do pip_install --require-hashes --requirement "$checkout/locks/$lock.txt"; done
    pip_install --no-deps --upgrade "$checkout"
    cp "$checkout/README.md" "$home/README.md"
    install -D -m 0755 "$checkout/deploy/moodscape.sh" /usr/local/bin/moodscape
    say "the programs are in $home/venv; \`sudo moodscape\` runs them with their settings"
}

# Puts FILE.new in the place of FILE: secrets and settings, which only their group may read.
put() {
    chgrp moodscape "$1.new"
    chmod 0640 "$1.new"
    mv "$1.new" "$1"
}

add_settings() {
    mkdir -p "$settings"
    if [ -e "$settings/$1.yaml" ]; then
        say "kept the settings in $settings/$1.yaml"
    else
        cp "$checkout/configs/$1.yaml" "$settings/$1.yaml.new"
        put "$settings/$1.yaml"
        say "wrote the settings to $settings/$1.yaml"
    fi
}

# Sets values in a file of settings: FILE key.path=value…
set_values() { (cd / && "$home/venv/bin/python" -I -m configs.edit "$@"); }

# The authority that an older version made, which devices and readers trust. Its folder is the service's, so root follows no
# link there; its certificate comes last, as that tells that there is one.
keep_authority() {
    [ ! -e "$settings/ca/ca.crt" ] && [ -e "$older_ca/ca.key" ] && [ -e "$older_ca/ca.crt" ] || return 0
    install -d -m 0700 "$settings/ca"
    (umask 077 && runuser -u moodscape -- cat "$older_ca/ca.key" > "$settings/ca/ca.key")
    runuser -u moodscape -- cat "$older_ca/ca.crt" > "$settings/ca/ca.crt.new"
    mv "$settings/ca/ca.crt.new" "$settings/ca/ca.crt"
    say "took over the authority in $older_ca"
}

# A certificate for the names by which others reach this machine, by an authority of its own; a wrong name is refused.
certify() { (cd / && "$home/venv/bin/moodscape" hub ca --folder "$settings/ca" --days 60 "$@" >/dev/null); }

# The hub for others on the network, with that certificate, which the broker here shares.
open_hub() {
    install -m 0644 "$checkout/deploy/settings.sh" "$home/settings.sh"
    install -D -m 0755 "$checkout/deploy/renew-certificates.sh" "$home/renew-certificates"
    "$home/renew-certificates" --days 60 >/dev/null
    served=$(value_of hub http.cert_file) || exit
    if [ $# -gt 0 ] && [ "$served" != "$settings/ca/hub.crt" ]; then
        # Where devices and readers reach it over TLS already, it keeps its port.
        [ "$served" = "$older_ca/hub.crt" ] || set_values "$settings/hub.yaml" http.port=8443
        set_values "$settings/hub.yaml" http.host=0.0.0.0 http.open_on_loopback=false \
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

# Whatever ends it: a broker that was stopped runs again, and no secret is left lying about but the password of a login that
# was cut off, which is its owner's alone.
at_end() {
    start_broker || :
    rm -rf "$settings/broker/ca.key" ${unpacked:+"$unpacked"}
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
    [ ! -e "$settings/hub.password" ] || [ -e "$settings/broker/logins.json" ] ||
        fail "the hub here has a broker on this machine, as $settings/hub.yaml says" 1
fi
case "$what" in hub | both | broker) ;; *) [ $# -eq 0 ] || fail "names go with hub or both: a device is reached by nobody" 2 ;; esac
case "$what" in edge | hub | both) need_64_bit ;; esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh $what" 2
if [ "$what" = remove ]; then
    remove
    exit 0
fi
trap at_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$what" = broker ]; then
    unpack_broker "$1"
    add_packages broker
    take_over_broker
    exit 0
fi
for part in $parts; do add_packages "$part"; done
add_user
case $parts in *edge*) add_groups ;; esac
# shellcheck disable=SC2086
add_programs $parts
case $parts in
*hub*)
    if [ $# -gt 0 ]; then keep_authority; fi
    if [ $# -gt 0 ] || [ -e "$settings/ca/hub.crt" ]; then certify "$@"; fi
    ;;
esac
for part in $parts; do add_settings "$part"; done
case $parts in
*hub*) if broker_is_elsewhere; then add_broker_elsewhere "$@"; else add_broker "$@"; fi ;;
esac
for part in $parts; do add_unit "$part"; done
