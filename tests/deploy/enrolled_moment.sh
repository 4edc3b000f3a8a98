# Lets another device in at a hub that is open to the network, as its owner would, and prints that device's first moment.
. "$(dirname "$0")/services.sh"
start hub
await /healthz true -
token=$(moodscape hub token me)
code=$(moodscape hub enrol pocket-2)
moodscape edge enrol "$code" --config /root/pocket-2/edge.yaml
stat -c '%n %a %U' /root/pocket-2/*
/opt/moodscape/venv/bin/moodscape edge run --config /root/pocket-2/edge.yaml --set "source=file:$recording" \
    --set outbox.path=/root/pocket-2/outbox.sqlite >/tmp/pocket-2.log 2>&1 &
await "/api/moments?limit=1&device=pocket-2" '"id"' "$token"
moodscape hub revoke pocket-2
