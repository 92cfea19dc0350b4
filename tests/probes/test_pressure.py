"""What kernels of several ages say of their connections, and what is done without where they do not."""

import pytest

from probes import pressure
from probes.contract import Notes
from probes.local import Machine

_NEW = {
    "/proc/net/sockstat": (
        "sockets: used 16\nTCP: inuse 9 orphan 3 tw 40 alloc 12 mem 44\nUDP: inuse 0 mem 0\nRAW: inuse 0\n"
        "FRAG: inuse 0 memory 0\n"
    ),
    "/proc/net/sockstat6": "TCP6: inuse 30\nUDP6: inuse 0\n",
    "/proc/net/snmp": (
        "Ip: Forwarding DefaultTTL InReceives\nIp: 2 64 13294793\nIcmpMsg: InType0 InType3\nIcmpMsg: 122 872\n"
        "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs"
        " OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
        "Tcp: 1 200 120000 -1 1922746 1684426 237213 8658 0 13236633 13198789 1748 0 253788 0\n"
    ),
    "/proc/net/netstat": (
        "TcpExt: SyncookiesSent TW ListenOverflows ListenDrops TCPTimeouts TCPAbortOnMemory TCPTimeWaitOverflow"
        " TCPSynRetrans\n"
        "TcpExt: 0 1671381 1166 1200 261 2 9039 254\n"
        "IpExt: InNoRoutes InOctets\nIpExt: 0 8199353331\n"
        "MPTcpExt: MPCapableSYNRX\nMPTcpExt: 0\n"
    ),
    "/proc/net/stat/nf_conntrack": (
        "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop"
        " icmp_error\n"
        "0000fde8  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000001 0000000a 00000003"
        " 00000000\n"
        "0000fde8  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000001 00000001 00000000"
        " 00000000\n"
    ),
    "/proc/sys/net/ipv4/tcp_max_orphans": "131072\n",
    "/proc/sys/net/ipv4/tcp_max_tw_buckets": "131072\n",
    "/proc/sys/net/ipv4/tcp_mem": "287898\t383867\t575796\n",
    "/proc/sys/net/netfilter/nf_conntrack_count": "65000\n",
    "/proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
}
# Linux 3.10: no TCPSynRetrans; conntrack's statistics have other columns; a kernel without IPv6.
_OLD = {
    "/proc/net/sockstat": "sockets: used 120\nTCP: inuse 9 orphan 0 tw 2 alloc 10 mem 3\nUDP: inuse 2 mem 1\n",
    "/proc/net/snmp": (
        "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs"
        " OutSegs RetransSegs InErrs OutRsts\n"
        "Tcp: 1 200 120000 -1 7 5 1 0 4 900 800 20 0 3\n"
    ),
    "/proc/net/netstat": "TcpExt: ListenOverflows ListenDrops TCPTimeouts\nTcpExt: 0 0 4\n",
    "/proc/net/stat/nf_conntrack": (
        "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop\n"
        "00000010  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000b\n"
    ),
}
# A container: the limits that are the whole machine's are not there.
_CONTAINER = {path: text for path, text in _NEW.items() if not path.endswith(("tcp_mem", "tcp_max_orphans"))}


def test_what_is_used_of_what_there_is():
    """Sockets of both families, and the limits beside what counts against them."""
    assert pressure.usage(_NEW.get) == {
        "tcp_in_use": 39,
        "tcp_orphans": 3,
        "tcp_time_wait": 40,
        "tcp_pages": 44,
        "tcp_orphans_limit": 131072,
        "tcp_time_wait_limit": 131072,
        "tcp_pages_limit": 575796,
        "conntrack_entries": 65000,
        "conntrack_limit": 65536,
    }


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (_CONTAINER, {"tcp_orphans_limit", "tcp_pages_limit"}),
        (
            _OLD,
            {"tcp_orphans_limit", "tcp_time_wait_limit", "tcp_pages_limit", "conntrack_entries", "conntrack_limit"},
        ),
        ({}, set(pressure.usage(_NEW.get))),
    ],
    ids=["container", "old", "nothing"],
)
def test_limits_that_are_not_told(files, missing):
    """Their facts are absent, and the others are there."""
    found = pressure.usage(files.get)

    assert set(pressure.usage(_NEW.get)) - set(found) == missing


def test_the_counters():
    """From three files, by their names, over all processors."""
    assert pressure.counted(_NEW.get) == {
        "opened": 1922746,
        "accepted": 1684426,
        "attempts_failed": 237213,
        "resets": 8658,
        "segments_out": 13198789,
        "segments_again": 1748,
        "syns_again": 254,
        "timeouts": 261,
        "listen_overflows": 1166,
        "listen_drops": 1200,
        "aborts_on_memory": 2,
        "time_wait_overflows": 9039,
        "conntrack_clashes": 2,
        "conntrack_drops": 11,
        "conntrack_early_drops": 3,
    }


def test_counters_that_a_kernel_does_not_have():
    """A missing name moves no other one."""
    found = pressure.counted(_OLD.get)

    assert set(pressure.counted(_NEW.get)) - set(found) == {"syns_again", "aborts_on_memory", "time_wait_overflows"}
    assert (found["segments_again"], found["timeouts"], found["conntrack_early_drops"]) == (20, 4, 11)


@pytest.mark.parametrize("path", sorted(_NEW))
@pytest.mark.parametrize("text", ["", "\n", "Tcp:", "TCP: inuse", "a b\nc d\n", "\ufffd\0\n-1 -1 -1\n"])
def test_files_of_another_form(path, text):
    """A sandbox may put anything in their place: what cannot be read is not told."""
    files = {**_NEW, path: text}

    assert set(pressure.usage(files.get)) <= set(pressure.usage(_NEW.get))
    assert set(pressure.counted(files.get)) <= set(pressure.counted(_NEW.get))


def test_between_two_looks():
    """Differences; what went back, or was not there before, is left out."""
    found = pressure.since({"opened": 5, "accepted": 9, "resets": 1}, {"opened": 8, "accepted": 2, "timeouts": 4})

    assert found == {"opened": 3}


def test_what_was_counted_is_told_a_phase():
    """The machine's, from the last look on, beside this run's own SYNs."""
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    machine.counted((3, 1))
    machine.counted((5, 1))
    first, second = (seen.facts for seen in notes.observations if seen.step == "counters")

    assert (first["own_opened"], first["own_syns_again"]) == (3, 1)
    assert (second["own_opened"], second["own_syns_again"]) == (2, 0)
    assert min(second["segments_out"], second["seconds"]) >= 0


def test_nothing_is_told_where_nothing_can_be_read(monkeypatch):
    """No observation, and no error."""
    monkeypatch.setattr("probes.local._read", lambda _path: None)
    notes = Notes()
    machine = Machine(notes)
    machine.observe(None, {})
    machine.counted((3, 1))

    assert {"pressure", "counters"}.isdisjoint({seen.step for seen in notes.observations})
