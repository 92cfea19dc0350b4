"""What the kernel says of this machine's connections as a whole: what they use of what there is, what it has counted.

It sends nothing and costs microseconds. A file that is missing or forbidden is done without: a kernel without
conntrack, a container, which does not see what is the whole machine's, a sandbox without /proc.

Source: proc_net_tcp, snmp_counter, ip-sysctl and nf_conntrack-sysctl of Documentation/networking in the kernel's tree;
net/ipv4/proc.c for the files' form, net/netfilter/nf_conntrack_standalone.c for that of its statistics.
"""

from typing import Callable, Dict, Mapping, Optional

from reports.model import Facts

# Gives the text of a file; None where it is missing or forbidden.
Reader = Callable[[str], Optional[str]]

_SYSCTL = "/proc/sys/net/"
# Limits, by their fact: the sysctl, and which of its numbers it is.
_LIMITS = {
    "tcp_orphans_limit": ("ipv4/tcp_max_orphans", 0),
    "tcp_time_wait_limit": ("ipv4/tcp_max_tw_buckets", 0),
    "tcp_pages_limit": ("ipv4/tcp_mem", 2),
    "conntrack_entries": ("netfilter/nf_conntrack_count", 0),
    "conntrack_limit": ("netfilter/nf_conntrack_max", 0),
}
# The kernel's own words, and ours.
_SOCKSTAT = {"tw": "tcp_time_wait", "orphan": "tcp_orphans", "mem": "tcp_pages"}
_COUNTED: Mapping[str, Mapping[str, str]] = {
    "Tcp:": {
        "ActiveOpens": "opened",
        "PassiveOpens": "accepted",
        "AttemptFails": "attempts_failed",
        "EstabResets": "resets",
        "OutSegs": "segments_out",
        "RetransSegs": "segments_again",
    },
    "TcpExt:": {
        "TCPSynRetrans": "syns_again",
        "TCPTimeouts": "timeouts",
        "ListenOverflows": "listen_overflows",
        "ListenDrops": "listen_drops",
        "TCPAbortOnMemory": "aborts_on_memory",
        "TCPTimeWaitOverflow": "time_wait_overflows",
    },
}
_CONNTRACK = {"insert_failed": "conntrack_clashes", "drop": "conntrack_drops", "early_drop": "conntrack_early_drops"}


def usage(read: Reader) -> Facts:
    """What is in use and what there may be; empty where the kernel tells nothing of it.

    Of this network namespace: sockets, TIME_WAIT, conntrack's entries. Of the whole machine: orphans, pages, limits.
    """
    found: Facts = {}
    in_use = 0
    for path, protocol in (("/proc/net/sockstat", "TCP:"), ("/proc/net/sockstat6", "TCP6:")):
        for line in (read(path) or "").splitlines():
            words = line.split()
            if words[:1] == [protocol]:
                numbers = {name: int(value) for name, value in zip(words[1::2], words[2::2]) if value.isdigit()}
                in_use += numbers.get("inuse", 0)
                found["tcp_in_use"] = in_use
                found.update((fact, numbers[word]) for word, fact in _SOCKSTAT.items() if word in numbers)
    for fact, (name, place) in _LIMITS.items():
        words = (read(_SYSCTL + name) or "").split()
        if len(words) > place and words[place].isdigit():
            found[fact] = int(words[place])
    return found


def counted(read: Reader) -> Dict[str, int]:
    """The kernel's counters until now, by fact: those of this network namespace, since it began."""
    found: Dict[str, int] = {}
    for path in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = (read(path) or "").splitlines()
        # A line of names, and then one of values.
        for names, values in zip(lines, lines[1:]):
            ours = _COUNTED.get(names.partition(" ")[0])
            if ours is not None:
                pairs = zip(names.split(), values.split())
                found.update((ours[name], int(value)) for name, value in pairs if name in ours and value.isdigit())
    found.update(_conntrack(read("/proc/net/stat/nf_conntrack") or ""))
    return found


def since(before: Mapping[str, int], now: Mapping[str, int]) -> Dict[str, int]:
    """What was counted between; one that went back (it is full, or another namespace's) is left out."""
    return {fact: count - before[fact] for fact, count in now.items() if count >= before.get(fact, count + 1)}


def _conntrack(text: str) -> Dict[str, int]:
    """Conntrack's statistics: a line of names, then one of hexadecimal values a processor."""
    lines = text.splitlines()
    if not lines:
        return {}
    names = lines[0].split()
    places = [(fact, names.index(name)) for name, fact in _CONNTRACK.items() if name in names]
    rows = [line.split() for line in lines[1:]]
    try:
        return {fact: sum(int(row[place], 16) for row in rows) for fact, place in places}
    except (IndexError, ValueError):  # not of this form
        return {}
