"""A clean Debian in a folder: what a new machine is before anything of ours is on it."""

import os
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
_SITE_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
    "PIP_DEFAULT_TIMEOUT": "180",
}


class CleanRoot:
    """Debian Bookworm by debootstrap, with this machine's name service and certificates, as its owner would set up.

    `architecture`: Debian's name of one whose programs run here; None: this machine's.
    """

    def __init__(self, folder: Path, architecture: str | None = None) -> None:
        self.folder, self.environment = folder, dict(_ENVIRONMENT)
        of = [f"--arch={architecture}"] if architecture else []
        subprocess.run(
            ["debootstrap", *of, "--variant=minbase", "--include=ca-certificates", "bookworm", folder], check=True
        )
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        for certificate in _SITE_CERTIFICATES.glob("*.crt"):
            shutil.copy(certificate, folder / "usr/local/share/ca-certificates")
        self.run("update-ca-certificates")
        self.run("apt-get update -qq")

    def run(self, command: str, *, apart: bool = False, check: bool = True) -> str:
        """Run a line of shell as root in the folder and give what it printed.

        `apart`: in a network of its own, and what it started ends with it.
        """
        chroot = ["unshare", "--net", "--pid", "--fork", "--kill-child"] if apart else []
        ran = subprocess.run(
            [*chroot, "chroot", self.folder, "bash", "-c", command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )
        if check and ran.returncode:
            raise AssertionError(f"{command}: exit code {ran.returncode}\n{ran.stdout}")
        return ran.stdout

    def put_project(self) -> None:
        """Put the project's tracked files where `git clone` would, with what is not committed yet."""
        listed = subprocess.run(
            ["git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        for name in filter(None, listed.split(b"\0")):
            source, target = CHECKOUT / os.fsdecode(name), self.folder / "srv/moodscape" / os.fsdecode(name)
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
