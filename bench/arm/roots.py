"""Debian roots for ARM, unpacked and never booted: programs of theirs run under QEMU's user mode, one at a time."""

import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from moments.errors import WorkError

MIRROR = "http://deb.debian.org/debian"
PYTHON = "usr/bin/python3.11"
NEEDED = {"debootstrap": "debootstrap", "qemu-aarch64": "qemu-user", "qemu-arm": "qemu-user", "cc": "gcc"}
"""Program to Debian package."""

_PURE = ("pydantic", "typing-extensions", "annotated-types", "typing-inspection")
_GLIBC = (17, 27, 28, 31, 34)


@dataclass(frozen=True)
class Architecture:
    """A root to make and how to run it. `cpu`: QEMU's name for it; `mark`: the number of `getppid` there."""

    debian: str
    machine: str
    qemu: str
    cpu: str
    triplet: str
    mark: int
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    features: str


ARM64 = Architecture(
    "arm64",
    "aarch64",
    "qemu-aarch64",
    "cortex-a53",
    "aarch64-linux-gnu",
    173,
    ("python3",),
    ("numpy", "ai-edge-litert", "pydantic-core", "pyyaml"),
    "fp asimd evtstrm crc32 cpuid",
)
ARMHF = Architecture(
    "armhf",
    "armv7l",
    "qemu-arm",
    "cortex-a15",
    "arm-linux-gnueabihf",
    64,
    ("python3", "python3-numpy", "python3-yaml", "libopenblas0-pthread"),
    ("tflite-runtime", "pydantic-core"),
    "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32",
)


def refuse_without_parts() -> None:
    """Raise WorkError that names the packages that are missing."""
    missing = sorted({package for part, package in NEEDED.items() if shutil.which(part) is None})
    if missing:
        raise WorkError(f"the ARM bench needs more system parts: apt install {' '.join(missing)}")


class Root:
    """One root in `folder`; `make` fills it unless a run before has."""

    def __init__(self, architecture: Architecture, folder: Path) -> None:
        self.architecture = architecture
        self._root = folder / architecture.debian
        self._site = folder / f"{architecture.debian}-site"
        self._done = folder / f"{architecture.debian}.done"

    def make(self) -> None:
        """Fetch packages and wheels. Raises WorkError when that fails."""
        if self._done.exists():
            return
        for old in (self._root, self._site):
            shutil.rmtree(old, ignore_errors=True)
        self._root.mkdir(parents=True)
        try:
            self._unpack_packages()
            self._unpack_wheels()
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            raise WorkError(f"{error.cmd[0]} cannot make the root {self._root}: {last[0]}") from None
        self.describe_processor()
        self._done.touch()

    def _unpack_packages(self) -> None:
        arm = self.architecture
        include = f"--include={','.join(arm.packages)}"
        command = ["debootstrap", "--foreign", "--variant=minbase", f"--arch={arm.debian}", include, "bookworm"]
        subprocess.run([*command, str(self._root), MIRROR], check=True, capture_output=True)
        for package in sorted((self._root / "var/cache/apt/archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(self._root)], check=True, capture_output=True)

    def _unpack_wheels(self) -> None:
        arm = self.architecture
        platforms = [f"--platform=manylinux_2_{glibc}_{arm.machine}" for glibc in _GLIBC]
        abis = ["--abi=cp311", "--abi=abi3", "--abi=none"]
        wanted = [_as_here(name) for name in (*arm.wheels, *_PURE)]
        into = self._site.with_suffix(".wheels")
        where = ["--python-version=3.11", "--implementation=cp", *platforms, *abis]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*command, *where, f"--dest={into}", *wanted], check=True, capture_output=True)
        for wheel in into.glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(self._site)

    def describe_processor(self) -> None:
        """Tell programs that they run on the four Cortex-A53 of a Zero 2 W, where they would read this machine's own.

        QEMU looks for each file in the root first. LiteRT crashes on a description that is not ARM's.
        """
        part = (
            "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n"
        )
        cores = [f"processor\t: {n}\nFeatures\t: {self.architecture.features}\n{part}\n" for n in range(4)]
        _write(self._root / "proc/cpuinfo", "".join(cores))
        folder = self._root / "sys/devices/system/cpu"
        for name in ("possible", "present", "online"):
            _write(folder / name, "0-3\n")
        for n in range(4):
            core = folder / f"cpu{n}"
            caches = (
                ("1", "Data", "32K", str(n)),
                ("1", "Instruction", "32K", str(n)),
                ("2", "Unified", "512K", "0-3"),
            )
            for index, values in enumerate(caches):
                for name, value in zip(("level", "type", "size", "shared_cpu_list"), values, strict=True):
                    _write(core / f"cache/index{index}/{name}", f"{value}\n")
            for name in ("core_siblings_list", "package_cpus_list", "cluster_cpus_list"):
                _write(core / "topology" / name, "0-3\n")
            for name in ("core_id", "thread_siblings_list", "core_cpus_list"):
                _write(core / "topology" / name, f"{n}\n")
            for name in ("physical_package_id", "package_id", "cluster_id"):
                _write(core / "topology" / name, "0\n")

    def run(self, plugin: Path, code: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the root's Python with `arguments`, with our packages from the folder `code`."""
        arm = self.architecture
        libraries = self._root / "usr/lib" / arm.triplet
        variables = {
            "LD_LIBRARY_PATH": f"{libraries / 'openblas-pthread'}:{libraries / 'lapack'}:{libraries}",
            "PYTHONPATH": f"{self._site}:{self._root / 'usr/lib/python3/dist-packages'}:{code}",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        told = [part for name, value in variables.items() for part in ("-E", f"{name}={value}")]
        command = [arm.qemu, "-L", str(self._root), "-cpu", arm.cpu, "-plugin", f"{plugin},mark={arm.mark}", *told]
        return subprocess.run(
            [*command, str(self._root / PYTHON), "-B", *arguments], capture_output=True, text=True, check=False
        )


def _as_here(name: str) -> str:
    """Pin a package to the version that is installed here; tflite-runtime has none here."""
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
