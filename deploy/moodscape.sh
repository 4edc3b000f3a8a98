#!/bin/sh
# `moodscape` on a machine that it is installed on: with the settings and the data of its services, and as their user
# but where settings are written. That user may not enter every caller's folder: what a verb takes from a file there or
# writes into one goes through a folder of its own, and the file that is made is the caller's.
set -eu
programs=/opt/moodscape/venv/bin/moodscape
drop="setpriv --reuid moodscape --regid moodscape --init-groups"
case "${1:-}" in
edge | hub) [ $# -gt 1 ] || exec "$programs" "$@" ;;
*) exec "$programs" "$@" ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo "moodscape: run it as root: sudo moodscape $1 $2" >&2
    exit 2
fi
part=$1 verb=$2
shift 2
config=/etc/moodscape/$part.yaml
export XDG_DATA_HOME=/var/lib LG_WD=/var/lib/moodscape

stop() {
    echo "moodscape: $2" >&2
    exit "$1"
}

case "$part $verb" in
"edge enrol") exec "$programs" "$part" "$verb" --config "$config" "$@" ;;
"hub ca") # the certificates that hub and broker have, which are root's
    [ ! -e /etc/moodscape/ca/hub.crt ] || exec /opt/moodscape/renew-certificates "$@"
    # An older version made them among the hub's data.
    [ -e /var/lib/moodscape/ca/hub.crt ] ||
        stop 2 "the hub here is not open to the network: \`sudo deploy/install.sh hub NAME\` in the checkout opens it"
    exec $drop "$programs" "$part" "$verb" --config "$config" "$@"
    ;;
"edge clips" | "hub backup" | "hub export" | "hub import") ;;
*) exec $drop "$programs" "$part" "$verb" --config "$config" "$@" ;;
esac

# Notes the caller's file or folder, and has `word` name ours instead, by the same name where the verb reads it and may
# have to say what is wrong with it.
instead() {
    file=$1
    [ -n "$through" ] || through=$($drop mktemp -d /var/tmp/moodscape-XXXXXX)
    word=$through/made
    [ "$verb" != import ] || word=$through/${file##*/}
}

# Looks at a word that is no option and no option's value: the first may name a file.
plain() {
    [ -z "$through" ] || return 0
    case $verb,$word in
    clips,* | export,*=*) return 0 ;;
    backup,*) [ ! -e "$word" ] && [ ! -L "$word" ] || stop 2 "$word is already there; name a new file" ;;
    import,*) [ -e "$word" ] || stop 2 "$word cannot be read: there is no such file" ;;
    export,*) [ ! -e "$word" ] || [ -f "$word" ] || return 0 ;; # a pipe or a device, which the verb opens as it is
    esac
    instead "$word"
}

# Makes $2 anew, with what our file $1 holds: a link or a pipe that somebody lays there meanwhile is not followed.
give() (
    umask 077
    set -C
    [ "$verb" = backup ] || rm -f -- "$2" || exit 1
    exec >"$2"
    [ -f /proc/self/fd/1 ] || { echo "it is no file" >&2 && exit 1; }
    chown "$owner" /proc/self/fd/1 2>/dev/null || : # there are file systems without owners
    $drop cat "$1" && exit
    rm -f -- "$2"
    exit 1
)

hand() {
    why=$(give "$1" "$2" 2>&1) || stop 1 "$2 cannot be written: ${why##*: }"
}

folder() {
    why=$(mkdir -m 0700 -- "$file" 2>&1) || stop 1 "$file cannot be made: ${why##*: }"
    chown -h "$owner" "$file" 2>/dev/null || :
}

owner=${SUDO_UID:-0}:${SUDO_GID:-0}
through='' options=yes value='' left=$#
trap '[ -z "$through" ] || $drop rm -rf "$through"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
while [ "$left" -gt 0 ]; do
    word=$1 left=$((left - 1))
    shift
    case $options,$value,$word in
    yes,out,*) value='' && instead "$word" ;;
    yes,any,*) value='' ;;
    yes,,--) options=no ;;
    yes,,--o*=*) instead "${word#*=}" && word=--out=$word ;;
    yes,,--*=* | yes,,--w* | yes,,--h* | yes,,-h) ;;
    yes,,--o*) value=out ;;
    yes,,-?*) value=any ;;
    *) plain ;;
    esac
    set -- "$@" "$word"
done
[ -n "$through" ] || exec $drop "$programs" "$part" "$verb" --config "$config" "$@"

if [ "$verb" = import ]; then
    why=$($drop sh -c 'exec cat >"$1"' sh "$through/${file##*/}" 2>&1 <"$file") || stop 2 "$file cannot be read: ${why##*: }"
fi
code=0
$drop "$programs" "$part" "$verb" --config "$config" "$@" || code=$?
case $verb,$code in
clips,*)
    for made in "$through"/made/*; do
        [ -f "$made" ] || continue # there is none
        [ -d "$file" ] || folder
        hand "$made" "$file/${made##*/}"
    done
    ;;
backup,0 | export,0) [ ! -f "$through/made" ] || hand "$through/made" "$file" ;; # not where only help was asked for
esac
exit "$code"
