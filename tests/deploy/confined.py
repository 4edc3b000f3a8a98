"""Runs a program under what a unit denies of system calls and of memory that is run, in systemd's place.

python -m tests.deploy.confined PART PROGRAM ARGUMENT…     PART: edge or hub, as the unit's name has it

The rules are systemd's own (its lists of system calls, and its seccomp_memory_deny_write_execute), laid by libseccomp.
"""

import ctypes
import errno
import mmap
import os
import subprocess
import sys
from pathlib import Path

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_MASKED_EQUAL = 7
_RUN_SHARED = 0o100000
"""SHM_EXEC."""
_WRITE_AND_RUN = mmap.PROT_WRITE | mmap.PROT_EXEC
_MEMORY = {
    "mmap": _WRITE_AND_RUN,
    "mprotect": mmap.PROT_EXEC,
    "pkey_mprotect": mmap.PROT_EXEC,
    "shmat": _RUN_SHARED,
}
"""System call to the bits of its third argument with which systemd refuses it."""


class _Compared(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


def denied(unit: str) -> set[str]:
    """Give the system calls that a unit's text denies."""
    groups = _groups()
    allowed = _named("@default", groups)
    for line in unit.splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            names = set().union(*(_named(name, groups) for name in value.removeprefix("~").split()))
            allowed = allowed - names if value.startswith("~") else allowed | names
    return _named("@known", groups) - allowed


def _groups() -> dict[str, list[str]]:
    said = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups: dict[str, list[str]] = {}
    for line in said.splitlines():
        name = line.strip()
        if line.startswith("@"):
            group = groups.setdefault(name, [])
        elif line.startswith(" ") and not name.startswith("#"):
            group.append(name)
    return groups


def _named(name: str, groups: dict[str, list[str]]) -> set[str]:
    return set().union(*(_named(inner, groups) for inner in groups[name])) if name.startswith("@") else {name}


def confine(unit: str) -> None:
    """Have the kernel hold this process, and all that it starts, to a unit's text."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))

    def refuse(name: str, *compared: _Compared) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are not of this architecture
            where = (_Compared * len(compared))(*compared)
            failed = library.seccomp_rule_add_array(rules, ctypes.c_uint32(_REFUSE), number, len(compared), where)
            assert not failed, f"{name}: {os.strerror(-failed)}"

    for name in denied(unit):
        refuse(name)
    if "\nMemoryDenyWriteExecute=yes\n" in unit:
        for name, bits in _MEMORY.items():
            refuse(name, _Compared(2, _MASKED_EQUAL, bits, bits))
    failed = library.seccomp_load(rules)
    assert not failed, os.strerror(-failed)


if __name__ == "__main__":
    confine((UNITS / f"moodscape-{sys.argv[1]}.service").read_text())
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the program that was asked for
