"""Runs a program under the restrictions of a systemd unit that the kernel itself enforces, without any systemd.

python -m tests.deploy.confined UNIT PROGRAM...
"""

import configparser
import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import pyseccomp as seccomp

# Of linux/net.h.
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
_WRITE, _EXECUTE = 2, 4


def settings(path):
    """What stands under [Service], with the values of keys that are named several times."""
    unit = configparser.RawConfigParser(dict_type=_Several, strict=False)
    unit.optionxform = str
    unit.read_string(Path(path).read_text())
    return unit["Service"]


class _Several(dict):
    """A value of a key that is there already is added to it, as systemd does with lists."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def calls(words):
    """The names of the system calls that a SystemCallFilter= admits."""
    admitted = set()
    for word in words.split():
        names = _expanded(word.lstrip("~"))
        admitted = admitted - names if word.startswith("~") else admitted | names
    return admitted


def _expanded(word):
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    members = {line.strip() for line in said.stdout.splitlines()[1:] if line.startswith("    ")}
    return set().union(*(_expanded(member) for member in members if not member.startswith("#")))


def confine(service):
    """From now on for this process, and whatever becomes of it."""
    lines = service["SystemCallFilter"].splitlines()
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in calls(" ".join(lines)) - {"socket", "mmap", "mprotect", "pkey_mprotect"}:
        with contextlib.suppress(OSError):  # not one of this processor's
            rules.add_rule(seccomp.ALLOW, name)
    for family in service["RestrictAddressFamilies"].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, FAMILIES[family]))
    if service["MemoryDenyWriteExecute"] == "yes":
        both = _WRITE | _EXECUTE
        for allowed in (0, _WRITE, _EXECUTE):
            rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, allowed))
        rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, _EXECUTE, 0))
    rules.load()


if __name__ == "__main__":
    confine(settings(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the test's own program
