# Prints what the page of the hub and its API answer once the first moment of this machine's device is there.
. "$(dirname "$0")/services.sh"
start hub
start edge --set "source=file:$recording"
await "/api/moments?limit=1&device=$1" '"id"'
ask / | grep -o '<title>.*</title>'
ask "/api/moments?limit=10&order=oldest"
