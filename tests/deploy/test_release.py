"""What a release is made of, and whether it can be trusted."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.release.audit import judged, pinned
from deploy.release.release import ROOT, release

_NOTHING_ANSWERS = "http://127.0.0.1:9"


def entry(name, *weaknesses):
    return {"name": name, "version": "1.0", "vulns": [{"id": id_, "fix_versions": ["1.1"]} for id_ in weaknesses]}


def test_a_weakness_is_named_with_its_remedy():
    weak, unknown = judged({"numpy"}, {"dependencies": [entry("numpy", "PYSEC-1")]})
    assert weak == ["numpy 1.0: PYSEC-1, mended in 1.1"]
    assert unknown == []


def test_a_package_that_was_skipped_or_is_missing_counts_as_not_checked():
    report = {"dependencies": [entry("PyYAML"), {"name": "gpsd-py3", "skip_reason": "not found"}]}
    assert judged({"pyyaml", "gpsd-py3", "numpy"}, report) == ([], ["gpsd-py3", "numpy"])


@pytest.mark.parametrize("lock", sorted((ROOT / "locks").glob("*.txt")), ids=lambda lock: lock.name)
def test_every_package_of_a_lock_file_is_pinned_by_hash_and_asked_for(lock):
    lines = [line for line in lock.read_text().splitlines() if line and line[0] not in " #"]
    assert len(pinned(lock.read_text())) == len({line.partition("==")[0] for line in lines})
    assert all(line.endswith("\\") for line in lines)  # its hashes follow


@pytest.mark.parametrize("file", ["install.sh", "hub.Dockerfile"])
def test_nothing_is_installed_or_built_with_what_no_lock_file_pins(file):
    lines = (ROOT / "deploy" / file).read_text().replace('"', "").splitlines()
    calls = [line for line in lines if re.search(r"\bpip install|\bpip_install -", line)]
    assert all("--no-build-isolation" in line for line in calls if "pip install" in line)
    named = [line for line in calls if not line.endswith("$@")]
    assert len(named) == 2, "the lock files, and what is ours"
    assert all("--require-hashes --requirement" in line or "--no-deps" in line for line in named)
    assert "for lock in build " in "\n".join(lines), "first what builds the others"


def test_what_builds_is_what_the_tests_ran_with():
    build, dev = (
        dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "locks" / f"{name}.txt").read_text(), re.MULTILINE))
        for name in ("build", "dev")
    )
    assert {"hatchling", "setuptools"} <= set(build)
    assert build.items() <= dev.items()


def test_without_a_network_the_audit_fails_and_says_why(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==2.0.0 --hash=sha256:" + "0" * 64 + "\n")
    ran = subprocess.run(
        [sys.executable, "deploy/release/audit.py", str(lock)],
        cwd=ROOT,
        env=os.environ | {"HTTPS_PROXY": _NOTHING_ANSWERS, "HTTP_PROXY": _NOTHING_ANSWERS, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert "not checked: numpy; the audit needs a network" in ran.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A release signed by a key that is thrown away."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    public = (folder / "key.pub").read_text()
    (folder / "allowed_signers").write_text(f"release {public}")
    release(folder / "key", folder / "dist")
    return folder


def verified(folder: Path) -> bool:
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", "release", "-n", "moodscape"]
    with (folder / "dist/SHA256SUMS").open("rb") as sums:
        ran = subprocess.run([*command, "-s", "dist/SHA256SUMS.sig"], cwd=folder, stdin=sums, capture_output=True)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder / "dist", capture_output=True
    )
    return ran.returncode == 0 and checked.returncode == 0


@pytest.mark.needs("ssh-keygen")
def test_a_release_holds_the_wheel_and_what_it_stands_on(made):
    (wheel,) = (made / "dist").glob("moodscape-*.whl")
    assert "edge/daemon.py" in zipfile.ZipFile(wheel).namelist()
    for part in ("edge", "hub"):
        listed = json.loads((made / "dist" / f"{part}.cdx.json").read_text())
        assert {c["name"].lower() for c in listed["components"]} == pinned((ROOT / f"locks/{part}.txt").read_text())
        assert all(reference["hashes"] for c in listed["components"] for reference in c["externalReferences"])


@pytest.mark.needs("ssh-keygen")
def test_a_release_that_was_changed_by_a_byte_is_refused(made):
    assert verified(made)
    listed = made / "dist/edge.cdx.json"
    before = listed.read_bytes()
    listed.write_bytes(before[:-1] + b" ")
    assert not verified(made)
    listed.write_bytes(before)
    assert verified(made)
    sums = made / "dist/SHA256SUMS"
    sums.write_text(sums.read_text().replace("edge", "egde"))
    assert not verified(made)


def test_a_release_without_a_key_says_how_to_make_one():
    ran = subprocess.run([sys.executable, "deploy/release/release.py"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "ssh-keygen -t ed25519 makes one" in ran.stderr
