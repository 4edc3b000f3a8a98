"""`make release KEY=FILE`: the wheel, a list of what device and hub are made of, their hashes, and a signature.

The lists are CycloneDX documents; the signature is OpenSSH's, so that who installs needs nothing but `ssh-keygen`:

    ssh-keygen -Y verify -f allowed_signers -I release -n moodscape -s SHA256SUMS.sig < SHA256SUMS
    sha256sum --check SHA256SUMS
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PURPOSE = "moodscape"


def release(key: Path, folder: Path) -> list[Path]:
    """Make the files of a release in an empty folder and give them; `key` is an OpenSSH private key."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    _run("hatchling", "build", "--target", "wheel", "--directory", str(folder.resolve()))
    for part in ("edge", "hub"):
        _list(part, folder / f"{part}.cdx.json")
    files = sorted(folder.iterdir())
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files))
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", _PURPOSE, str(sums)], check=True)
    return [*files, sums, folder / "SHA256SUMS.sig"]


def _list(part: str, file: Path) -> None:
    lock = str(ROOT / "locks" / f"{part}.txt")
    _run("cyclonedx_py", "requirements", lock, "--pyproject", "pyproject.toml", "--output-file", str(file.resolve()))
    listed = json.loads(file.read_text())
    for component in listed["components"]:
        component.pop("description", None)  # the line of the lock file again
    file.write_text(json.dumps(listed, indent=1, sort_keys=True))


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, capture_output=True)


def main(arguments: list[str]) -> int:
    """Release into `dist`."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        sys.stderr.write(
            "make release: name the key that signs: make release KEY=FILE (ssh-keygen -t ed25519 makes one)\n"
        )
        return 2
    for file in release(Path(arguments[0]), ROOT / "dist"):
        print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
