"""A machine for the installer that stands in for one: mounts of its own, and scripts for what changes a system.

The programs that the installer calls to make settings, certificates and logins are those of this checkout.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import yaml

INSTALLER = Path(__file__).parents[2] / "deploy" / "install.sh"
OWN = ("etc", "opt", "run", "var/lib", "usr/local/bin")
"""Folders that it has for itself."""

_MOUNTS = """set -e
root=$1
shift
for folder in $OWN; do mount --bind "$root/$folder" "/$folder"; done
PATH=$root/programs:$PATH
exec "$@"
"""

_MAY_BE_CUT = """#!/bin/sh
call="${0##*/} $*"
case $call in ${CUT:-nothing}) kill -KILL 0 ;; ${HELD:-nothing}) echo held && sleep 60 ;; esac
"""
"""CUT: at a call like it, everything ends at once, as where power fails. HELD: at a call like it, nothing goes on."""

_SYSTEM = {
    "dpkg": 'case $1 in -L) echo "${PLUGIN-/usr/lib/mosquitto_dynamic_security.so}" ;; *) echo amd64 ;; esac',
    "dpkg-query": "echo install ok installed",
    "hostname": "echo box",
    "runuser": 'shift 3; exec "$@"',
    "systemctl": 'echo "$*" >>{root}/systemctl.log',
    "usermod": "",
    "mv": 'exec /bin/mv "$@"',
    # It makes the programs of ours at once; as venv does, it leaves links that are there.
    "python3.13": """[ "$1 $2" = "-m venv" ] || exec {python} "$@"
        for folder; do :; done
        [ "$3" != --clear ] || rm -rf "$folder"
        mkdir -p "$folder/bin"
        for made in {root}/venv/*; do [ -L "$folder/bin/${made##*/}" ] || cp "$made" "$folder/bin"; done""",
}
_VENV = {
    "python": '[ "$1 $2" = "-m pip" ] || exec {python} -B "$@"',
    "moodscape": 'exec {python} -B -c "import sys; from moodscape.cli import main; sys.exit(main())" "$@"',
    "pip": 'exec "${0%/*}/python" -m pip "$@"',
}


class StandIn:
    """Debian on 64 bits with systemd, as far as the installer sees it; mosquitto is installed and runs."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "machine"
        for own in (*OWN, "etc/mosquitto/conf.d", "etc/mosquitto/certs", "etc/systemd/system", "run/systemd/system"):
            (self.root / own).mkdir(parents=True, exist_ok=True)
        users = [("root", 0), ("moodscape", 64_999), ("mosquitto", 64_998)]
        (self.root / "etc/passwd").write_text("".join(f"{name}:x:{n}:{n}::/:/bin/sh\n" for name, n in users))
        (self.root / "etc/group").write_text("".join(f"{name}:x:{n}:\n" for name, n in users))
        # What the Python of the tests needs, where it is not in /usr.
        for needed in (Path("/etc/ld.so.cache"), *Path("/usr/local/bin").glob("python3*")):
            if needed.exists():
                shutil.copy2(needed, self.root / needed.relative_to("/"), follow_symlinks=False)
        for place, scripts in (("programs", _SYSTEM), ("venv", _VENV)):
            (self.root / place).mkdir()
            for name, text in scripts.items():
                script = self.root / place / name
                script.write_text(
                    _MAY_BE_CUT + text.replace("{root}", str(self.root)).replace("{python}", sys.executable)
                )
                script.chmod(0o755)

    def start(self, *words: str, program: str | Path = INSTALLER, **environment: str) -> subprocess.Popen:
        """Start the installer, or a program that it put there."""
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _MOUNTS, "sh", str(self.root), str(program), *words],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "OWN": " ".join(OWN)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, code: int = 0, **rest: str) -> str:
        """Run what `start` starts and give what it said; it has to end with this exit code."""
        with self.start(*words, **rest) as running:
            said, _ = running.communicate(timeout=60)
        assert running.returncode == code, said
        return said

    def cut(self, *words: str, at: str) -> None:
        """Run the installer until it makes a call like this one, which it does not make any more."""
        self.run(*words, code=-signal.SIGKILL, CUT=at)

    def told(self) -> list[str]:
        """Give what systemd was told, in order."""
        log = self.root / "systemctl.log"
        return log.read_text().splitlines() if log.exists() else []

    def text(self, path: str) -> str:
        """Give what is in a file."""
        return (self.root / path.lstrip("/")).read_text()

    def broker_of(self, program: str) -> dict[str, object]:
        """Give what the settings of edge or hub say of the broker."""
        settings: dict[str, dict[str, object]] = yaml.safe_load(self.text(f"etc/moodscape/{program}.yaml"))
        return settings["broker"]

    def lets_in(self, program: str, logins: str = "var/lib/mosquitto/moodscape/logins.json") -> bool:
        """Tell whether a broker with these logins would let a program in, by user and password of its settings."""
        broker = self.broker_of(program)
        password = self.text(str(broker["password_file"])).strip()
        for client in json.loads(self.text(logins))["clients"]:
            if client["username"] == broker["user"]:
                salt, rounds = b64decode(client["salt"]), client["iterations"]
                digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
                return digest == b64decode(client["password"])
        return False

    def kept(self) -> dict[str, bytes]:
        """Give all settings, certificates and logins."""
        places = (self.root / place for place in ("etc/moodscape", "etc/mosquitto", "var/lib"))
        files = (file for place in places for file in place.rglob("*") if file.is_file())
        return {str(file.relative_to(self.root)): file.read_bytes() for file in files}
