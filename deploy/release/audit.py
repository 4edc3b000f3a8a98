"""`make audit`: asks PyPI for known weaknesses of every locked package, and fails on any that it could not ask for."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LOCKS = Path(__file__).parents[2] / "locks"
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", re.MULTILINE)


def pinned(lock: str) -> set[str]:
    """Give the names in a lock file, as PyPI writes them."""
    return {_plain(name) for name, _ in _PINNED.findall(lock)}


def judged(names: Iterable[str], report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Give what is known against the packages of a report, and those of `names` that it says nothing of."""
    asked = {_plain(entry["name"]): entry for entry in report["dependencies"] if "skip_reason" not in entry}
    weak = [
        f"{name} {entry['version']}: {weakness['id']}"
        + (f", mended in {weakness['fix_versions'][-1]}" if weakness["fix_versions"] else "")
        for name, entry in asked.items()
        for weakness in entry["vulns"]
    ]
    return sorted(weak), sorted(set(names) - set(asked))


def asked(lock: Path) -> dict[str, Any]:
    """Run pip-audit over a lock file; a report of nothing where it gives none."""
    command = ["pip_audit", "--format", "json", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    ran = subprocess.run(
        [sys.executable, "-m", *command, "--requirement", str(lock)], capture_output=True, text=True, check=False
    )
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        return {"dependencies": []}
    return report


def main(locks: list[Path]) -> int:
    """Audit lock files (all without any); 1 when a package is weak or could not be asked for."""
    bad = False
    for lock in locks or sorted(LOCKS.glob("*.txt")):
        names = pinned(lock.read_text())
        weak, unknown = judged(names, asked(lock))
        print(f"{lock.name}: {len(names)} packages, {len(weak)} known weaknesses, {len(unknown)} not checked")
        for line in weak:
            print(f"  {line}")
        if unknown:
            print(f"  not checked: {', '.join(unknown)}; the audit needs a network that reaches PyPI's own pages")
        bad = bad or bool(weak or unknown)
    return int(bad)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main([Path(path) for path in sys.argv[1:]]))
