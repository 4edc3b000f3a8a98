# The broker's part of install.sh, which reads this file in: its settings, and the logins of this machine's programs.

broker=/etc/mosquitto
logins=/var/lib/mosquitto/moodscape
as_its_owner="runuser -u mosquitto --"
stopped=""

# Logins are written into the broker's file, which it must not have open meanwhile; install.sh starts it again, however it
# ends.
stop_broker() {
    live || return 0
    stopped=yes
    systemctl stop mosquitto
}

start_broker() {
    [ -n "$stopped" ] || return 0
    systemctl start mosquitto
    stopped=""
}

# The file of logins is the broker's own.
edit_logins() {
    # shellcheck disable=SC2086 # none, or a command and its words
    (cd / && $as_its_owner "$home/venv/bin/moodscape" hub login --file "$logins/logins.json" "$@")
}

# Whether a program of this machine can log in: the password that its settings name is there, and the broker knows its user,
# which is the device's id where none is set. A new password that was not put in place is that of a login cut off.
can_log_in() {
    password=$(value_of "$1" broker.password_file) || exit
    user=$(value_of "$1" broker.user) || exit
    [ -n "$user" ] || user=$(value_of "$1" device) || exit
    [ -s "$password" ] && [ ! -e "$settings/$1.password.new" ] &&
        tr -d '[:space:]' < "$logins/logins.json" | grep -qF "\"username\":\"$user\""
}

# No login but its own knows a program's client id, by which it could end that program's session.
new_client_id() { echo "$1-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')"; }

# A login for a program of this machine, and its settings: PROGRAM LOGIN key.path=value…. Its password goes to a file of
# its own, which is put in place last: where this is cut off, FILE.new is left, and the next run does it again.
add_login() {
    program=$1 login=$2
    shift 2
    password=$settings/$program.password
    (umask 077 && edit_logins "$login" > "$password.new")
    set_values "$settings/$program.yaml" "broker.user=$login" "broker.password_file=$password" \
        "broker.client_id=$(new_client_id "$login")" "$@"
    put "$password"
    say "made the login $login at the broker"
}

# A login's name for the device of this machine: the one that it has, or the host's, as far as it may name a device; two
# names at the broker are others'.
device_name() {
    name=$(value_of edge broker.user) || exit
    [ -n "$name" ] || name=$(value_of edge device) || exit
    [ -n "$name" ] || name=$(hostname)
    echo "$name" | tr -c 'A-Za-z0-9._\n-' '-' | sed 's/^[^A-Za-z0-9]*//; s/^\(hub\|homeassistant\)$/\1-device/' | cut -c 1-64
}

left_alone() { say "left the broker alone that $settings/$1.yaml names"; }

# The device of this machine, unless it was let in elsewhere.
add_device_login() {
    if ! names_our_broker edge; then
        left_alone edge
    elif ! can_log_in edge; then
        name=$(device_name)
        add_login edge "$name" "device=$name"
    fi
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

add_broker() {
    add_packages broker
    stop_broker
    install -d -o mosquitto -g mosquitto -m 0700 "$logins"
    if [ -e "$broker/moodscape.passwd" ]; then
        edit_logins --take-over "$broker/moodscape.passwd"
        rm -f "$broker/moodscape.passwd" "$broker/moodscape.acl"
        say "took over the logins of $broker/moodscape.passwd"
    fi
    edit_logins
    can_log_in hub || add_login hub hub
    if [ "$(value_of hub broker.client_id)" = moodscape-hub ]; then
        set_values "$settings/hub.yaml" "broker.client_id=$(new_client_id hub)"
    fi
    if [ -e "$settings/edge.yaml" ]; then add_device_login; fi
    add_broker_settings moodscape.conf
    if [ -e "$settings/ca/hub.crt" ]; then
        open_hub "$@"
        add_broker_settings moodscape-network.conf
    fi
    start_broker
}

# A hub that has been told so, by this call or its settings.
broker_is_elsewhere() { [ -n "$elsewhere" ] || ! names_our_broker hub; }

# A hub whose broker is elsewhere: in one file that one's certificate, and whom it lets in.
add_broker_elsewhere() {
    logins=$settings/broker as_its_owner=""
    [ -z "$elsewhere" ] || names_our_broker hub || [ "$(value_of hub broker.host)" = "$elsewhere" ] ||
        fail "$settings/hub.yaml names another broker: for one on $elsewhere, take its section \`broker\` out first" 1
    if [ -z "$elsewhere" ] && [ ! -e "$logins/logins.json" ]; then
        left_alone hub
        if [ -e "$settings/ca/hub.crt" ]; then open_hub "$@"; fi
        return 0
    fi
    install -d -m 0700 "$logins"
    cp "$settings/ca/ca.crt" "$settings/ca/ca.key" "$logins"
    # shellcheck disable=SC2086 # without a host: the one that it was made for
    (cd / && "$home/venv/bin/moodscape" hub ca --folder "$logins" --days 60 $elsewhere >/dev/null)
    rm "$logins/ca.key"
    edit_logins
    if [ -n "$elsewhere" ] && ! can_log_in hub; then
        add_login hub hub "broker.host=$elsewhere" broker.port=8883 broker.tls=true "broker.ca_file=$settings/ca/ca.crt"
    fi
    open_hub "$@"
    (umask 077 && tar -C "$logins" -cf "$settings/broker.tar" ca.crt hub.crt hub.key logins.json)
    say "the broker's part is in $settings/broker.tar, a secret: take it to its machine, and there call"
    say "\`sudo deploy/install.sh broker broker.tar\`; again when the hub's log says that its certificate ends soon"
}

# What the hub's machine wrote, in a folder of its own: a file that is another is refused before anything is changed.
unpack_broker() {
    unpacked=$(mktemp -d)
    tar -C "$unpacked" --no-same-owner -xf "$1" ca.crt hub.crt hub.key logins.json 2>/dev/null ||
        fail "$1 is not what \`deploy/install.sh hub --broker HOST NAME\` wrote: bring it again from the hub's machine" 2
}

# The broker alone, for a hub on another machine: what that wrote, put where mosquitto reads it.
take_over_broker() {
    stop_broker
    install -m 0644 "$unpacked/ca.crt" "$broker/certs/moodscape-ca.crt"
    install -m 0600 -o mosquitto "$unpacked/hub.key" "$broker/certs/moodscape.key"
    install -m 0644 "$unpacked/hub.crt" "$broker/certs/moodscape.crt"
    install -d -o mosquitto -g mosquitto -m 0700 "$logins"
    if [ -e "$logins/logins.json" ]; then
        say "kept the logins in $logins"
    else
        install -o mosquitto -g mosquitto -m 0600 "$unpacked/logins.json" "$logins/logins.json.new"
        mv "$logins/logins.json.new" "$logins/logins.json"
    fi
    add_broker_settings moodscape.conf
    add_broker_settings moodscape-network.conf
    start_broker
    say "the broker is open to hub and devices over TLS, on port 8883"
}
