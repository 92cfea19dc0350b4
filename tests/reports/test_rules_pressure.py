"""Which signs of strain are told, which are warnings, and which are ordinary work."""

import pytest
from attrs import evolve

from reports.diagnose import diagnose
from reports.model import Plan, Target, Vantage
from tests.reports.building import connected, seen

IT = Target(name="it", host="10.10.3.20", port=2181, via="vpc")


def told(*observations):
    """The severity of the finding and its reasons and remedy as one text; None where there is none."""
    well = (connected(IT.name, IT.host, IT.port), seen("service", "exchange", IT.name, IT.address, bytes_in=9))
    diagnosis = diagnose(Plan(name="p", targets=(IT,)), Vantage(kind="host", host="here"), (*well, *observations))
    found = [finding for finding in diagnosis.findings if finding.cause == "local_pressure"]
    assert diagnosis.verdict == ("degraded" if found and found[0].severity == "warning" else "healthy")
    return (found[0].severity, "; ".join((*found[0].because, found[0].remedy.text))) if found else (None, "")


def pressure(**facts):
    """What is used."""
    return seen("local", "pressure", None, None, **facts)


def counters(**facts):
    """What was counted."""
    return seen("local", "counters", None, None, **{"seconds": 2.0, **facts})


@pytest.mark.parametrize(
    ("used", "drops", "severity"),
    [(49151, 5, None), (49152, 0, "info"), (62259, 0, "info"), (62260, 0, "warning"), (49152, 5, "warning")],
)
def test_the_connection_table(used, drops, severity):
    """Told from 75 % on; a warning from 95 %, or where it was full while the run looked."""
    found, said = told(pressure(conntrack_entries=used, conntrack_limit=65536), counters(conntrack_early_drops=drops))

    assert found == severity
    assert (f"holds {used:,} of 65,536" in said) is (found is not None)
    assert ("nf_conntrack_max" in said) is (found is not None)


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"tcp_pages": 399, "tcp_pages_limit": 600}, None),
        ({"tcp_pages": 400, "tcp_pages_limit": 600}, "info"),
        ({"tcp_pages": 570, "tcp_pages_limit": 600}, "warning"),
        ({"tcp_orphans": 499, "tcp_orphans_limit": 1000}, None),
        ({"tcp_orphans": 500, "tcp_orphans_limit": 1000}, "info"),
        ({"tcp_orphans": 960, "tcp_orphans_limit": 1000}, "warning"),
        # No limit is no limit; one that is not told is none.
        ({"conntrack_entries": 70000, "conntrack_limit": 0}, None),
        ({"conntrack_entries": 70000}, None),
        # The kernel lets go of what waits, and no connection fails for it.
        ({"tcp_time_wait": 131072, "tcp_time_wait_limit": 131072}, None),
    ],
)
def test_limits(facts, severity):
    """Each has its share to tell; from 95 % on it is a warning."""
    assert told(pressure(**facts))[0] == severity


@pytest.mark.parametrize(("used", "severity"), [(79, None), (80, "info"), (95, "warning")])
def test_descriptors(used, severity):
    """Of this process: inside a UDF the job's own."""
    limits = seen("local", "limits", None, None, descriptors=100, descriptors_used=used)

    assert told(limits)[0] == severity


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        ({"aborts_on_memory": 1}, "warning", "broke off 1 connection for want of memory"),
        ({"syns_again": 24, "own_syns_again": 4, "opened": 70, "own_opened": 10}, "info", "send 20 SYNs again (25 %"),
        ({"syns_again": 24, "own_syns_again": 5, "opened": 70, "own_opened": 10}, None, ""),
        ({"syns_again": 20, "opened": 400}, None, ""),
        ({"syns_again": 20, "opened": 200, "accepted": 200}, None, ""),
        # A short run says no more of a client that asks again and again than a whole second.
        ({"syns_again": 9, "opened": 10, "seconds": 0.5}, None, ""),
        ({"syns_again": 10, "opened": 10, "seconds": 0.5}, "info", "send 10 SYNs again (50 %"),
        ({"segments_again": 59, "syns_again": 9, "segments_out": 950}, "info", "sent 50 segments again, 5 % of all"),
        ({"segments_again": 58, "syns_again": 9, "segments_out": 900}, None, ""),
        ({"segments_again": 60, "segments_out": 2000}, None, ""),
        ({"listen_overflows": 10, "accepted": 990}, "info", "10 connections found its queue full"),
        ({"listen_overflows": 10, "accepted": 991}, None, ""),
        ({"listen_overflows": 9}, None, ""),
        ({"resets": 900, "attempts_failed": 900, "timeouts": 9, "time_wait_overflows": 900}, None, ""),
    ],
)
def test_what_the_kernel_counted(facts, severity, words):
    """This run's own lost SYNs are not the neighbours'; a few of anything are ordinary."""
    found, said = told(counters(**facts))

    assert found == severity
    assert words in said


def test_phases_are_added_up():
    """Each observation holds what was counted in its own phase."""
    found, said = told(counters(syns_again=15, opened=15), counters(syns_again=15, opened=15, seconds=0.5))

    assert found == "info"
    assert "while this run looked (2.5 s), other programs on this machine had to send 30 SYNs again (50 %" in said


def test_several_signs_are_one_finding():
    """Each in its words and with what relieves it; one that warns makes it a warning."""
    found, said = told(
        pressure(conntrack_entries=50, conntrack_limit=65, tcp_orphans=99, tcp_orphans_limit=100),
        counters(listen_overflows=50),
    )

    assert found == "warning"
    assert all(word in said for word in ("nf_conntrack_max", "tcp_max_orphans", "somaxconn", "on here: "))


@pytest.mark.parametrize(
    ("reuse", "waiting", "again", "severity"),
    [(2, 84, 1, "warning"), (1, 84, 1, "info"), (1, 84, 2, "warning"), (1, 4, 1, "warning")],
)
def test_ports_that_may_be_used_again(reuse, waiting, again, severity):
    """With net.ipv4.tcp_tw_reuse = 1 it is live connections that take ports for good."""
    limits = seen("local", "limits", None, None, ports_low=40000, ports_high=40099, time_wait_reuse=reuse)
    facts = {"busiest": IT.address, "busiest_taken": 85, "busiest_time_wait": waiting}
    handshake = connected(IT.name, IT.host, IT.port)
    handshake = evolve(handshake, id="", started=handshake.started + 1, facts={**handshake.facts, "syns": again})

    assert told(limits, seen("local", "ports", None, None, taken=90, **facts), handshake)[0] == severity
