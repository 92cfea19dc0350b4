"""The cases: caps, rates, pools of source ports, limits of the destination, other tenants, loss, and healthy ways."""

from collections.abc import Iterator, Mapping

from tests.lab.saturation.case import NONE, RATE, Case
from tests.lab.saturation.places import QUEUE
from tests.lab.scenario import FAILING, HEALTHY

_DROP, _RESET = "drop", "reject with tcp reset"
_VERDICTS: Mapping[str, str] = {"drop": _DROP, "reset": _RESET}
# The other tenant's conversation is a connection like any other.
_TALK = 1
_LOSS = ("packet_loss",)
# A router's bucket holds so many; 5 is what nft and iptables take where nobody says how many.
_BURST = 5
# Of what the job sends, and hears: the other tenant has to lose nothing.
_TWO_PERCENT = 'iifname "job" meta l4proto tcp numgen random mod 100 < 2 drop'
_BOTH_WAYS = f"{_TWO_PERCENT}\n{_TWO_PERCENT.replace('iifname', 'oifname')}"


def _at_once(most: int, verdict: str = _DROP) -> str:
    return f"ct count over {most} {verdict}"


def _per_second(most: int, verdict: str) -> str:
    return f"limit rate over {most}/second burst {_BURST} packets {verdict}"


def _per_source(most: int, verdict: str) -> str:
    return f"ct state new add @sources {{ ip saddr ct count over {most} }} {verdict}"


def _caps() -> Iterator[Case]:
    for most, connections, rate in ((16, 60, 50), (100, 300, 100), (1000, 2000, 400), (5000, 6000, 500)):
        for word, verdict in _VERDICTS.items():
            yield Case(
                name=f"cap_{most}_{word}",
                title=f"the router holds {most} connections at once, and answers more with {word}",
                limits=_at_once(most, verdict),
                connections=connections,
                rate=rate,
                limit=most - _TALK,
                causes=("snat_connection_cap",),
            )


def _rates() -> Iterator[Case]:
    for most, connections, rate in ((20, 200, 100), (200, 2000, 500)):
        for word, verdict in _VERDICTS.items():
            yield Case(
                name=f"rate_{most}_{word}",
                title=f"the router lets {most} new connections a second through, and answers more with {word}",
                limits=_per_second(most, verdict),
                knocks=0,
                connections=connections,
                rate=rate,
                kind=RATE,
                limit=most,
                burst=_BURST,
                causes=("snat_rate_limit",),
            )


def _shared_rate() -> Case:
    """The other tenant has its part of the rate while it is limited: the job's own is what is left."""
    return Case(
        name="rate_200_shared",
        title="the router lets 200 new connections a second through, five of which are another tenant's",
        limits=_per_second(200, _DROP),
        knocks=5,
        connections=2000,
        rate=500,
        kind=RATE,
        limit=197,
        burst=_BURST,
        causes=("snat_rate_limit",),
    )


def _pools() -> Iterator[Case]:
    for ports, connections, rate in ((100, 300, 100), (1000, 2000, 400)):
        yield Case(
            name=f"pool_{ports}",
            title=f"the outbound address has {ports} source ports towards each destination",
            pool=f":20000-{19999 + ports} random",
            connections=connections,
            rate=rate,
            limit=ports,
            causes=("snat_ports_exhausted",),
        )


def _tenants() -> Iterator[Case]:
    for share in (0, 50, 95):
        held = 400 * share // 100
        yield Case(
            name=f"tenants_{share}",
            title=f"of 400 connections that the router holds, other tenants use {share} %",
            limits=_at_once(400),
            tenants=held,
            connections=600,
            rate=200,
            limit=400 - held - _TALK,
            causes=("snat_connection_cap",),
        )


def _lossy() -> Iterator[Case]:
    for word, losses in (("loss", _TWO_PERCENT), ("loss_both_ways", _BOTH_WAYS)):
        title = "of the job's packets, 2 of 100 are lost" + (" on either way" if losses == _BOTH_WAYS else "")
        for most, connections, rate in ((100, 300, 100), (1000, 2000, 400)):
            yield Case(
                name=f"{word}_cap_{most}",
                title=f"the router holds {most} connections; {title}",
                limits=_at_once(most),
                losses=losses,
                beside=_LOSS,
                connections=connections,
                rate=rate,
                limit=most - _TALK,
                causes=("snat_connection_cap",),
            )
        yield Case(
            name=f"healthy_with_{word}",
            title=f"no limit; {title}",
            losses=losses,
            beside=_LOSS,
            connections=300,
            rate=200,
            kind=NONE,
        )


_DESTINATION = "destination_connection_limit"

_OTHERS = (
    Case(
        name="queue_full",
        title="the destination serves one connection at a time, and its queue holds sixteen",
        measured="queue",
        connections=60,
        rate=50,
        limit=QUEUE + 2,
        causes=("accept_queue_full",),
    ),
    Case(
        name="one_at_a_time",
        title="the same server, asked for pages: a second client gets no answer",
        measured="one_at_a_time",
        connections=60,
        rate=50,
        limit=1,
        causes=("connections_queued", "accept_queue_full"),
    ),
    Case(
        name="mariadb_max_connections",
        title="MariaDB with max_connections=40, and the one more that it keeps for the administrator",
        measured="mariadb",
        connections=120,
        limit=41,
        causes=(_DESTINATION,),
    ),
    Case(
        name="nginx_limit_conn",
        title="nginx closes what is more than 20 connections of one address",
        measured="nginx",
        connections=100,
        limit=20,
        causes=(_DESTINATION,),
    ),
    Case(
        name="nginx_slow_answers",
        title="nginx holds them all, and refuses what is more than 8 answers under way, of 0.25 s each",
        measured="nginx_slow",
        connections=200,
        rate=100,
        kind=NONE,
        causes=(_DESTINATION,),
    ),
    Case(
        name="haproxy_maxconn",
        title="haproxy serves 30 connections and lets the others wait",
        measured="haproxy",
        connections=100,
        limit=30,
        causes=("connections_queued",),
    ),
    Case(
        name="per_source_drop",
        title="the destination's firewall admits 60 connections of one address, and drops more",
        input_at_far=_per_source(60, _DROP),
        connections=200,
        limit=60,
        causes=(_DESTINATION,),
    ),
    Case(
        name="per_source_reset",
        title="the destination's firewall admits 60 connections of one address, and resets more",
        input_at_far=_per_source(60, _RESET),
        measured="http",
        connections=200,
        limit=60,
        causes=(_DESTINATION,),
    ),
    Case(
        name="cap_100_http",
        title="the router holds 100 connections; each is spoken to",
        limits=_at_once(100),
        measured="http",
        connections=300,
        limit=99,
        causes=("snat_connection_cap",),
    ),
    Case(
        name="tightened",
        title="the cap of 100 becomes 60 during the run",
        limits=f"ct count over 60 jump later\n{_at_once(100)}",
        later=_DROP,
        limit_before=99,
        connections=300,
        limit=59,
        causes=("snat_connection_cap",),
    ),
    Case(
        name="loosened",
        title="the cap of 60 becomes 100 during the run",
        limits=f"ct count over 60 jump later\n{_at_once(100)}",
        before=_DROP,
        later="",
        limit_before=59,
        connections=300,
        limit=99,
        causes=("snat_connection_cap",),
    ),
    Case(
        name="idle_drop",
        title="the router forgets what was idle for three seconds",
        forgets=3,
        measured="http",
        connections=50,
        idle="6s",
        kind=NONE,
        causes=("idle_drop",),
    ),
    Case(
        name="idle_kept",
        title="the router forgets nothing",
        measured="http",
        connections=50,
        idle="6s",
        kind=NONE,
    ),
    Case(
        name="job_too_large",
        title="forty instances with eight connections each want 320 of the 99 that are free",
        limits=_at_once(100),
        job={"instances": 40, "connections": 8},
        connections=400,
        limit=99,
        causes=("connections_exceed_capacity", "snat_connection_cap"),
        verdict=FAILING,
    ),
    Case(
        name="job_fits",
        title="four instances with ten connections each fit in the 99 that are free",
        limits=_at_once(100),
        job={"instances": 4, "connections": 10},
        connections=300,
        limit=99,
        verdict=HEALTHY,
    ),
)

_HEALTHY = (
    Case(
        name="healthy",
        title="no limit up to what the plan asks",
        measured="http",
        connections=200,
        rate=200,
        kind=NONE,
    ),
    Case(
        name="healthy_5000",
        title="no limit up to 5,000",
        connections=5000,
        rate=500,
        kind=NONE,
    ),
    Case(
        name="healthy_cap_above",
        title="a limit, but above what the plan asks",
        limits=_at_once(400),
        connections=300,
        rate=200,
        kind=NONE,
    ),
)

CASES: Mapping[str, Case] = {
    case.name: case
    for case in (*_caps(), *_rates(), _shared_rate(), *_pools(), *_tenants(), *_lossy(), *_OTHERS, *_HEALTHY)
}
