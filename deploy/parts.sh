#!/bin/sh
# Installs the system parts that tests need (parts.txt), where this user may; otherwise names what is missing.
set -eu
here=$(dirname "$0")
missing=""
for part in $(sed 's/#.*//' "$here/parts.txt" | awk '{print $1}'); do
    dpkg-query -W -f '${Status}' "$part" 2>/dev/null | grep -q 'ok installed' || missing="$missing $part"
done
[ -n "$missing" ] || exit 0
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || { echo "Not installed:$missing. Their tests are left out." >&2; exit 0; }
    as_root="sudo"
fi
command -v apt-get >/dev/null || { echo "Not installed:$missing. Their tests are left out." >&2; exit 0; }
$as_root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
