"""`moodscape` of an installed machine, as root calls it for others; a script stands for the program that it calls.

It runs in mounts of its own, where there are a user `moodscape`, the program, and nothing in /var/tmp.
"""

import argparse
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from edge import cli as edge
from hub import cli as hub
from tests.parts import wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
    reason="left out: mounts of its own need root",
)

COMMAND = Path(__file__).parents[2] / "deploy" / "moodscape.sh"
OWNER = 54_321

_MOUNTS = """set -e
for file in passwd group; do mount --bind "$1/$file" "/etc/$file"; done
mount --bind "$1/var-tmp" /var/tmp
mount -t tmpfs none /opt
mkdir -p /opt/moodscape/venv/bin
cp "$1/program" /opt/moodscape/venv/bin/moodscape
cp "$1/program" /opt/moodscape/renew-certificates
if [ -n "${OPEN:-}" ]; then
    mount -t tmpfs none /etc
    mkdir -p /etc/moodscape/ca
    touch /etc/moodscape/ca/hub.crt
    cp "$1/passwd" "$1/group" /etc
fi
if [ -n "${OLDER:-}" ]; then
    mount -t tmpfs none /var/lib
    mkdir -p /var/lib/moodscape/ca
    touch /var/lib/moodscape/ca/hub.crt
fi
command=$1/moodscape.sh
shift
exec "$command" "$@"
"""

_PROGRAM = """#!/bin/sh
for word; do
    printf '%s\\n' "$word"
    case $word in
    --out=*) out=${word#*=} ;;
    /var/tmp/moodscape-*) out=$word ;;
    esac
done
printf 'called by %s\\n' "$(id -un) $(id -G)"
[ -z "${LAID:-}" ] || ln -s /var/tmp/victim "$LAID"
[ -z "${SLEEPS:-}" ] || exec sleep 30
case ${2:-} in
backup | export) [ -z "${out:-}" ] || echo "made" >"$out" ;;
import) cat "$out" ;;
clips) mkdir -p "$out" && echo a >"$out/a.flac" && echo b >"$out/b.flac" ;;
esac
exit "${FAILS:-0}"
"""


class Machine:
    """A machine that the command is installed on, and a folder there that only its owner may enter."""

    def __init__(self, folder: Path) -> None:
        self.home, self.shared, self._folder = folder / "home", folder / "var-tmp", folder
        self.home.mkdir(mode=0o700)
        os.chown(self.home, OWNER, OWNER)
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        (folder / "passwd").write_text("root:x:0:0::/:/bin/sh\nmoodscape:x:64999:64999::/:/bin/sh\n")
        (folder / "group").write_text("root:x:0:\nmoodscape:x:64999:\n")
        (folder / "program").write_text(_PROGRAM)
        (folder / "program").chmod(0o755)
        shutil.copy(COMMAND, folder)

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _MOUNTS, "sh", str(self._folder), *words],
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "SUDO_UID": str(OWNER), "SUDO_GID": str(OWNER)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        with self.start(*words, **environment) as running:
            out, err = running.communicate(timeout=20)
        return subprocess.CompletedProcess(words, running.returncode, out, err)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def parsed(words: list[str]) -> argparse.Namespace:
    """What the program makes of its words."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers()
    edge.register(verbs)
    hub.register(verbs)
    return parser.parse_args(words)


def called(out: str) -> argparse.Namespace:
    """What the program made of the words that it was called with, by its service's user."""
    *words, by = out[: out.index("\n", out.index("called by "))].splitlines()
    assert by == "called by moodscape 64999"
    return parsed(words)


def is_the_callers(file: Path) -> bool:
    found = file.lstat()
    return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (OWNER, OWNER, 0o600)


@pytest.mark.parametrize(
    "words",
    [
        ["backup", "FILE"],
        ["backup", "--set", "a.b=c", "FILE"],
        ["backup", "FILE", "--set=a.b=c", "--config", "/etc/other.yaml"],
        ["backup", "--", "FILE"],
        ["export", "FILE"],
        ["export", "FILE", "--whole"],
        ["export", "--whole", "FILE"],
        ["export", "--wh", "FILE", "--se", "a.b=c"],
        ["export", "FILE", "--format", "csv", "from=2026-05-01"],
        ["export", "--format", "csv", "FILE", "from=2026-05-01", "to=2026-06-01"],
        ["export", "FILE", "from=2026-05-01", "--form=csv"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["copy.db", "a b/c 'd'.db", "ABSOLUTE"])
def test_what_a_verb_of_the_hub_writes_is_the_callers_in_a_folder_that_the_hub_may_not_enter(machine, words, name):
    file = machine.home / "copy" if name == "ABSOLUTE" else machine.home / name
    file.parent.mkdir(exist_ok=True)
    given = ["hub", *((str(file) if name == "ABSOLUTE" else name) if word == "FILE" else word for word in words)]
    ran = machine.run(*given)
    assert (ran.returncode, ran.stderr) == (0, "")
    meant, was = vars(parsed(given)), vars(called(ran.stdout))
    assert str(was.pop("file")).startswith("/var/tmp/moodscape-")
    assert machine.home / meant.pop("file") == file
    assert was.pop("config") == (meant.pop("config") or Path("/etc/moodscape/hub.yaml"))
    assert was == meant
    assert file.read_text() == "made\n"
    assert is_the_callers(file)
    assert list(machine.shared.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["from=2026-05-01"], ["--format", "csv", "has=place"], ["/dev/null"]])
def test_an_export_without_a_file_is_left_as_it_is(machine, words):
    ran = machine.run("hub", "export", *words)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[4 : 4 + len(words)] == words
    assert called(ran.stdout)
    assert list(machine.home.iterdir()) == []


def test_a_backup_leaves_alone_what_is_there(machine):
    there, link = machine.home / "there.db", machine.home / "link.db"
    there.write_text("mine")
    link.symlink_to("nowhere")
    for file in (there, link):
        ran = machine.run("hub", "backup", file.name)
        said = f"moodscape: {file.name} is already there; name a new file\n"
        assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", said)
    assert there.read_text() == "mine"
    assert not (machine.home / "nowhere").exists()


def test_an_export_replaces_a_file_and_a_link_but_not_what_the_link_means(machine):
    there, link = machine.home / "there.ndjson", machine.home / "link.ndjson"
    there.write_text("older")
    link.symlink_to("there.ndjson")
    assert machine.run("hub", "export", "link.ndjson").returncode == 0
    assert is_the_callers(link)
    assert (link.read_text(), there.read_text()) == ("made\n", "older")
    assert machine.run("hub", "export", "there.ndjson").returncode == 0
    assert there.read_text() == "made\n"


@pytest.mark.parametrize("verb", ["backup", "export"])
def test_a_link_that_is_laid_while_a_verb_works_is_not_followed(machine, verb):
    (machine.shared / "victim").write_text("theirs")
    ran = machine.run("hub", verb, "/var/tmp/copy", LAID="/var/tmp/copy")
    assert (machine.shared / "victim").read_text() == "theirs"
    if verb == "backup":
        assert (ran.returncode, ran.stderr) == (1, "moodscape: /var/tmp/copy cannot be written: File exists\n")
    else:
        assert is_the_callers(machine.shared / "copy")


@pytest.mark.parametrize("verb", ["backup", "export"])
def test_a_verb_that_fails_makes_no_file_and_replaces_none(machine, verb):
    there = machine.home / "there"
    if verb == "export":
        there.write_text("older")
    assert machine.run("hub", verb, "there", FAILS="1").returncode == 1
    assert [file.read_text() for file in machine.home.iterdir()] == ["older"] * (verb == "export")
    assert list(machine.shared.iterdir()) == []


def test_a_file_that_cannot_be_made_is_named_in_a_sentence(machine):
    ran = machine.run("hub", "backup", "nowhere/copy.db")
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith("moodscape: nowhere/copy.db cannot be written: ")


@pytest.mark.parametrize("words", [["FILE"], ["--set", "a.b=c", "FILE"], ["FILE", "--set", "a.b=c"]], ids=" ".join)
def test_an_import_takes_a_file_that_only_the_caller_may_read(machine, words):
    file = machine.home / "my moments.ndjson"
    file.touch(0o600)
    file.write_text("all of it\n")
    ran = machine.run("hub", "import", *(file.name if word == "FILE" else word for word in words))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert called(ran.stdout).file.name == file.name
    assert ran.stdout.endswith("\nall of it\n")
    assert list(machine.shared.iterdir()) == []


def test_an_import_of_what_is_no_file_is_refused_in_a_sentence(machine):
    (machine.home / "folder").mkdir()
    for name, why in (("nowhere", "there is no such file"), ("folder", "Is a directory")):
        ran = machine.run("hub", "import", name)
        assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"moodscape: {name} cannot be read: {why}\n")
    assert list(machine.shared.iterdir()) == []


@pytest.mark.parametrize("words", [["--out", "my clips"], ["--out=my clips"], ["--set", "a.b=c", "--ou", "my clips"]])
@pytest.mark.parametrize("code", [0, 1])
def test_clips_that_are_written_out_are_the_callers_also_where_others_could_not_be_read(machine, words, code):
    ran = machine.run("edge", "clips", *words, FAILS=str(code))
    assert (ran.returncode, ran.stderr) == (code, "")
    assert called(ran.stdout).out.is_relative_to("/var/tmp")
    folder = machine.home / "my clips"
    assert {file.name: file.read_text() for file in folder.iterdir()} == {"a.flac": "a\n", "b.flac": "b\n"}
    assert all(is_the_callers(file) for file in folder.iterdir())
    assert (folder.stat().st_uid, folder.stat().st_mode & 0o7777) == (OWNER, 0o700)
    assert list(machine.shared.iterdir()) == []


def test_hub_ca_renews_what_hub_and_broker_have_and_makes_no_authority_among_the_hubs_data(machine):
    ran = machine.run("hub", "ca", "box.local", OPEN="yes")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "box.local\ncalled by root 0\n", "the program is left to what has both take the certificate up"
    ran = machine.run("hub", "ca")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "the hub here is not open to the network: `sudo deploy/install.sh hub NAME`" in ran.stderr


def test_hub_ca_renews_what_an_older_version_made_among_the_hubs_data_as_the_hubs_user(machine):
    ran = machine.run("hub", "ca", "box.local", OLDER="yes")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert called(ran.stdout).names == ["box.local"]
    ran = machine.run("hub", "ca", OLDER="yes", OPEN="yes")
    assert ran.stdout == "called by root 0\n", "the ones in use come first"


def test_ctrl_c_leaves_nothing_behind(machine):
    with machine.start("hub", "backup", "copy.db", SLEEPS="1") as running:
        wait_until(lambda: list(machine.shared.iterdir()))
        # While it forks, dash loses a signal: the program is one process from here on.
        assert any(line.startswith("called by") for line in running.stdout)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(10) == 130
    assert list(machine.home.iterdir()) == list(machine.shared.iterdir()) == []
