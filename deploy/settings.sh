# Where the settings are and what they say, for install.sh and, beside which it is put, renew-certificates; both read it in.

home=/opt/moodscape
settings=/etc/moodscape

# Prints a value of the settings of edge or hub, if it is set: PROGRAM key.path
value_of() { (cd / && "$home/venv/bin/python" -I -m configs.edit "$settings/$1.yaml" "$2"); }

# Whether the broker of edge or hub is the one that the installer sets up on this machine.
names_our_broker() {
    tls=$(value_of "$1" broker.tls) || exit
    host=$(value_of "$1" broker.host) || exit
    port=$(value_of "$1" broker.port) || exit
    case ${tls:-False},${host:-localhost},${port:-1883} in
    False,localhost,1883 | False,127.*,1883 | False,::1,1883) ;;
    *) return 1 ;;
    esac
}
