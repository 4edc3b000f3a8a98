"""The installer in a clean Debian for 64-bit ARM, whose programs QEMU's user mode runs: from nothing to a first moment.

python -m tests.deploy.arm     as root; some twenty-five minutes

They run as on the Cortex-A53 of a Zero 2 W. On QEMU's `max` the speech model fails its self-test; on a Cortex-A72 or
A76, as later machines have them, it holds.

The kernel is told for the time of the run which program starts those of ARM (binfmt_misc), and untold at its end.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.arm.roots import ARM64, Root
from moments.errors import WorkError
from tests.deploy.clean_root import CleanRoot

_KERNEL = Path("/proc/sys/fs/binfmt_misc")
_HANDLER = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
_INSTALL = "/srv/moodscape/deploy/install.sh both"


@contextmanager
def programs_run() -> Iterator[None]:
    """Have programs of 64-bit ARM run here. Raises WorkError where that is not to be had."""
    if not _HANDLER.exists():
        raise WorkError("programs of ARM do not run here: apt install qemu-user-static")
    mounted = (_KERNEL / "register").exists()
    if not mounted and subprocess.run(["mount", "-t", "binfmt_misc", "none", _KERNEL]).returncode:
        raise WorkError("programs of ARM do not run here: the kernel gives no binfmt_misc, or this is not root")
    registered = (_KERNEL / "qemu-aarch64").exists()
    try:
        if not registered:
            (_KERNEL / "register").write_text(_HANDLER.read_text())
        yield
    finally:
        if not registered and (_KERNEL / "qemu-aarch64").exists():
            (_KERNEL / "qemu-aarch64").write_text("-1")
        if not mounted:
            subprocess.run(["umount", _KERNEL], check=True)


def main(folder: Path) -> None:
    """Try it in a root made in a folder, and tell how long each step took."""
    begun = time.monotonic()

    def said(step: str, text: str = "") -> None:
        sys.stdout.write(f"{time.monotonic() - begun:6.0f} s  {step}\n{text}")
        sys.stdout.flush()

    with programs_run():
        machine = CleanRoot(folder / ARM64.debian, ARM64.debian)
        machine.environment["QEMU_CPU"] = ARM64.cpu
        Root(ARM64, folder).describe_processor()
        machine.run("apt-get install -y -qq --no-install-recommends iproute2 >/dev/null")
        for script in Path(__file__).parent.glob("*.sh"):
            shutil.copy(script, machine.folder / "root")
        machine.put_project()
        said("a clean root", machine.run("uname -m"))
        said("installed", machine.run(_INSTALL))
        shown = machine.run(f"bash /root/first_moment.sh {socket.gethostname()}", apart=True)
        assert '"total":' in shown
        assert "<title>Moodscape</title>" in shown
        said("the first moment is on the page", shown.splitlines()[-1][:300] + "\n")
        again = machine.run(_INSTALL)
        assert "kept the settings in /etc/moodscape/edge.yaml" in again
        assert "installed the packages" not in again
        said("a second run changed nothing")
        machine.run("/srv/moodscape/deploy/install.sh remove")
        assert not (machine.folder / "opt/moodscape").exists()
        said("removed")


if __name__ == "__main__":
    try:
        with TemporaryDirectory() as made:
            main(Path(made))
    except WorkError as error:
        sys.exit(f"moodscape: {error}")
