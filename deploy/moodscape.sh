#!/bin/sh
# `moodscape` on a machine that it is installed on: with the settings and the data of its services, and as their user
# but where settings are written.
set -eu
programs=/opt/moodscape/venv/bin/moodscape
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
set -- "$part" "$verb" --config "/etc/moodscape/$part.yaml" "$@"
export XDG_DATA_HOME=/var/lib LG_WD=/var/lib/moodscape
[ "$part $verb" != "edge enrol" ] || exec "$programs" "$@"
exec setpriv --reuid moodscape --regid moodscape --init-groups "$programs" "$@"
