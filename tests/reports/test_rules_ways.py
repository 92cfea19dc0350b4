"""What further attempts and traces leave of the causes of a silence or a reset."""

from attrs import evolve

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Limits, Network, Plan, Target, Vantage
from reports.rules.contract import Want
from tests.reports.building import connected, seen

HOST, NEIGHBOUR, ELSEWHERE = "10.10.3.20", "10.10.3.21", "10.10.2.30"
PUBLIC, OTHER_PUBLIC = "198.51.100.20", "203.0.113.80"
ENI, SECOND, OTHER_VSWITCH = "10.10.1.10", "10.10.1.11", "10.10.9.10"
NETWORKS = (
    Network(name="vswitch-a", cidr="10.10.1.0/24"),
    Network(name="vswitch-c", cidr="10.10.3.0/24"),
    Network(name="vswitch-d", cidr="10.10.9.0/24"),
)
EXPLORE = Limits(explore="hosts")
SILENT, REFUSED, EXPIRED = Failure.TIMED_OUT, Failure.CONNECTION_REFUSED, None


def target(name, ip, port, via="vpc"):
    """A plain port."""
    return Target(name=name, host=ip, port=port, via=via)


IT, OTHER_PORT = target("it", HOST, 2181), target("other", HOST, 2182)
BESIDE, CONTROL = target("beside", NEIGHBOUR, 9200), target("control", ELSEWHERE, 9083)
OUTSIDE, ALSO_OUTSIDE = target("outside", PUBLIC, 443, "internet"), target("also", OTHER_PUBLIC, 443, "internet")


def interface(*addresses):
    """The job's, and what it holds."""
    own = ",".join(f"{address}/24" for address in addresses)
    return seen("local", "interface", None, "eth1", name="eth1", up=True, carrier=True, addresses=own)


def answers(one):
    """A target that is reached."""
    where = one.address
    facts = {"phase": "greeting", "bytes_in": 0, "answers": False}
    return [connected(one.name, one.host, one.port), seen("service", "exchange", one.name, where, **facts)]


def fails(one, failure=SILENT, step="connect", duration_s=1.5, **facts):
    """A handshake that does not come about; of another step of the tcp probe, an attempt."""
    known = {"ip": one.host, "port": one.port, "source": ENI, "syns": 2, **facts}
    return [seen("tcp", step, one.name, one.address, failure=failure, duration_s=duration_s, **known)]


def attempt(one, step, failure=None, **facts):
    """A further handshake."""
    return fails(one, failure, step, 0.2, **facts)


def echo(one, failure=None):
    """What became of a ping."""
    return [seen("path", "echo", one.name, one.host, failure=failure, ip=one.host)]


def trace(one, *hops):
    """The routers on the way, and how it ends: silence, a reset, or the host's answer (None)."""
    *routers, end = hops
    reached = end is not SILENT
    steps = [{"from": router, "reached": False} for router in routers] + [{"reached": reached}]
    ends = [EXPIRED] * len(routers) + [end]
    return [
        seen("path", "hop", one.name, one.address, failure=failure, after=ttl, ip=one.host, ttl=ttl, **step)
        for ttl, (step, failure) in enumerate(zip(steps, ends, strict=True), 1)
    ]


def diagnosed(*parts, targets=(IT, CONTROL), own=(ENI,), limits=EXPLORE, vantage="udf"):
    """The diagnosis of these observations."""
    plan = Plan(name="p", targets=targets, networks=NETWORKS, limits=limits)
    observations = [interface(*own), *(one for part in parts for one in part)]
    return diagnose(plan, Vantage(kind=vantage), observations)


def likely(diagnosis, about="it"):
    """Cause to share, of the finding about the target and its candidates."""
    finding = next(one for one in diagnosis.findings if about in one.targets)
    return {finding.cause: finding.confidence, **{one.cause: one.confidence for one in finding.candidates}}


def cleared(diagnosis):
    """All causes that were ruled out."""
    return {cause for one in diagnosis.cleared for cause in one.causes}


def first(diagnosis, about="it"):
    """The cause that is named."""
    return next(one.cause for one in diagnosis.findings if about in one.targets)


TRACED = trace(IT, "10.10.1.1", SILENT) + trace(CONTROL, "10.10.1.1", None)


def test_a_hop_that_is_asked_twice_is_one_hop():
    """The first hop of a control may have been asked by itself, too: its trace is no longer than the target's."""
    parts = fails(IT), answers(BESIDE), trace(IT, "10.10.1.1", SILENT), trace(BESIDE, "10.10.1.1", None)
    again = {"ip": NEIGHBOUR, "ttl": 1, "reached": False, "from": "10.10.1.1"}
    hop = seen("path", "hop", "beside", BESIDE.address, after=9, **again)
    before, after = (diagnosed(*parts, part, targets=(IT, BESIDE)) for part in ([], [hop]))

    assert likely(after) == likely(before)


def test_a_filter_whose_message_never_comes_is_told_by_whether_any_does():
    """One port is silent: a filter that prohibits it may be behind it, until the first router has been heard."""
    parts = fails(IT), answers(OTHER_PORT)
    asked = Want("path", "first_hop", "it")
    before, mute, heard = (
        diagnosed(*parts, hops, targets=(IT, OTHER_PORT))
        for hops in ([], trace(IT, SILENT), trace(IT, "10.10.1.1", SILENT))
    )

    assert asked in before.wanted
    for unheard in (before, mute):
        assert likely(unheard)["admin_prohibited"] > 0.2
        assert first(unheard) == "sg_drop"
    assert "admin_prohibited" not in likely(heard)
    assert asked not in heard.wanted


# --- what a router says -----------------------------------------------------------------------------------------------


def test_a_router_need_not_say_twice_that_it_has_no_route():
    """It limits how often it says so: a silent host of the subnet for which it said so has the same cause."""
    no_route = Failure.NETWORK_UNREACHABLE
    parts = fails(IT), fails(BESIDE, no_route, icmp_from="10.10.1.1"), answers(CONTROL)

    (finding,) = diagnosed(*parts, targets=(IT, BESIDE, CONTROL)).findings
    assert (finding.cause, finding.targets) == ("router_no_route", ("it", "beside"))


def test_a_route_that_the_own_machine_lacks_says_nothing_of_others():
    """The kernel's own answer is no router's."""
    no_route = Failure.NETWORK_UNREACHABLE
    parts = fails(IT), fails(BESIDE, no_route, icmp_local=True), answers(CONTROL)

    assert first(diagnosed(*parts, targets=(IT, BESIDE, CONTROL))) != "router_no_route"


# --- other protocols and ports ----------------------------------------------------------------------------------------


def test_a_host_that_answers_a_ping_is_up():
    """Then neither is it off nor is its subnet without a route."""
    before, after = (diagnosed(fails(IT), answers(CONTROL), TRACED, part) for part in ([], echo(IT)))

    assert cleared(after) - cleared(before) == {"host_down", "blackhole_route"}
    assert first(after) == "sg_drop"


def test_a_ping_without_an_answer_says_nothing():
    """Many networks drop ICMP."""
    before, after = (diagnosed(fails(IT), answers(CONTROL), TRACED, part) for part in ([], echo(IT, SILENT)))

    assert likely(after) == likely(before)


def test_an_explored_port_that_answers_settles_it():
    """It is about the declared port, as where another declared port answers."""
    open_port = attempt(evolve(IT, port=22), "explore", REFUSED)
    diagnosis = diagnosed(fails(IT), answers(CONTROL), TRACED, open_port)

    assert first(diagnosis) == "sg_drop"
    assert likely(diagnosis)["sg_drop"] > 0.9
    assert {"host_down", "host_firewall_drop", "blackhole_route"} <= cleared(diagnosis)


def test_explored_ports_that_are_silent_weigh_little():
    """A security group admits few ports: a host whose other ports are silent need not be off."""
    silent = [one for port in (22, 443) for one in attempt(evolve(IT, port=port), "explore", SILENT)]
    before, after = (diagnosed(fails(IT), answers(CONTROL), TRACED, part) for part in ([], silent))

    assert first(after) == "sg_drop"
    assert likely(before)["host_down"] < likely(after)["host_down"] < 2 * likely(before)["host_down"]


def test_ports_are_explored_after_the_trace_and_where_the_plan_allows_it():
    """A trace that ends before the last router leaves nothing to explore."""
    asked = Want("tcp", "explore", "it")
    wanted = [
        asked in diagnosed(fails(IT), answers(CONTROL), part, limits=limits).wanted
        for limits, part in (
            (EXPLORE, []),
            (EXPLORE, TRACED),
            (Limits(), TRACED),
            (EXPLORE, trace(IT, SILENT) + trace(CONTROL, "10.10.1.1", None)),
        )
    ]

    assert wanted == [False, True, False, False]


# --- other sources ----------------------------------------------------------------------------------------------------


def test_another_source_of_the_vswitch_is_answered():
    """The destination admits that one and not the usual one."""
    own = (ENI, SECOND)
    asked = diagnosed(fails(IT), answers(CONTROL), own=own)
    after = diagnosed(fails(IT), answers(CONTROL), attempt(IT, "connect_from", source=SECOND), own=own)

    assert Want("tcp", "connect_from", "it", SECOND) in asked.wanted
    assert first(after) == "ip_whitelist_mismatch"
    assert likely(after)["ip_whitelist_mismatch"] > 0.9


def test_it_holds_for_the_other_ports_of_the_host():
    """Those that were not tried from elsewhere are told with the one that was."""
    parts = fails(IT), fails(OTHER_PORT), answers(CONTROL), attempt(IT, "connect_from", source=SECOND)
    diagnosis = diagnosed(*parts, targets=(IT, OTHER_PORT, CONTROL), own=(ENI, SECOND))

    assert first(diagnosis, "other") == first(diagnosis, "it") == "ip_whitelist_mismatch"


def test_a_source_in_another_vswitch_is_answered():
    """The destination admits that vSwitch."""
    own = (ENI, OTHER_VSWITCH)
    diagnosis = diagnosed(fails(IT), answers(CONTROL), attempt(IT, "connect_from", source=OTHER_VSWITCH), own=own)

    assert first(diagnosis) == "eni_wrong_vswitch"
    assert likely(diagnosis)["eni_wrong_vswitch"] > 0.9


def test_another_source_that_is_silent_too_says_nothing():
    """It is not about the source."""
    own, silent = (ENI, SECOND), attempt(IT, "connect_from", SILENT, source=SECOND)
    before, after = (diagnosed(fails(IT), answers(CONTROL), part, own=own) for part in ([], silent))

    assert likely(after) == likely(before)


FROM_OUTSIDE = attempt(IT, "connect_port", source_port=20000) + attempt(IT, "connect_port", SILENT, source_port=62000)


def test_answers_to_other_ports_of_ours_prove_a_lost_answer():
    """A stateless filter drops what comes back to the usual ones; so for every silent host of the subnet."""
    parts = fails(IT), fails(BESIDE), answers(CONTROL), FROM_OUTSIDE, attempt(IT, "connect_port", SILENT)
    diagnosis = diagnosed(*parts, targets=(IT, BESIDE, CONTROL))

    assert [one.cause for one in diagnosis.findings] == ["return_path_drop"]
    assert diagnosis.findings[0].targets == ("it", "beside")
    assert diagnosis.findings[0].confidence > 0.9


def test_an_answer_alone_proves_nothing_of_the_port():
    """Where a usual port is answered now too, it was not about the port."""
    parts = fails(IT), answers(CONTROL), FROM_OUTSIDE, attempt(IT, "connect_port")

    assert first(diagnosed(*parts)) != "return_path_drop"


def test_other_ports_of_ours_are_tried_where_nothing_near_answers():
    """What drops the answers to them drops those of every host of the subnet."""
    asked = Want("tcp", "connect_port", "it")
    alone = diagnosed(fails(IT), answers(CONTROL), TRACED)
    beside = diagnosed(fails(IT), answers(CONTROL), answers(BESIDE), TRACED, targets=(IT, BESIDE, CONTROL))

    assert asked in alone.wanted
    assert asked not in beside.wanted


def test_a_lost_answer_is_thought_of_where_a_whole_subnet_is_silent():
    """From one vantage point it looks like a filter: it stands beside it, and no one is sure."""
    diagnosis = diagnosed(fails(IT), fails(BESIDE), answers(CONTROL), TRACED, targets=(IT, BESIDE, CONTROL))
    shares = likely(diagnosis)

    assert shares["return_path_drop"] > 0.1
    assert max(shares.values()) < 0.6


def test_only_a_whole_exchange_is_attempted_behind_one_who_accepts():
    """All else would be said of him."""
    mute = seen("service", "exchange", "it", IT.address, failure=SILENT, duration_s=5.0, phase="reply", bytes_in=0)
    accepted = seen("path", "hop", "it", IT.address, ip=HOST, ttl=1, reached=True)
    diagnosis = diagnosed([connected("it", HOST, 2181), mute, accepted], own=(ENI, SECOND))

    assert {want.step for want in diagnosis.wanted if want.probe != "path"} == {"from"}
    assert {want.step for want in diagnosis.wanted if want.probe == "path"} <= {"first_hop"}


# --- a reset ----------------------------------------------------------------------------------------------------------


def test_a_reset_from_nearer_than_the_host():
    """A device on the way made it."""
    parts = fails(IT, REFUSED), answers(OTHER_PORT), trace(IT, REFUSED), trace(OTHER_PORT, "10.10.1.1", None)
    diagnosis = diagnosed(*parts, targets=(IT, OTHER_PORT))

    assert first(diagnosis) == "sg_reset"
    assert likely(diagnosis)["sg_reset"] > 0.9


def test_a_reset_from_as_far_away_as_the_host():
    """The host makes it itself: nothing listens."""
    far = trace(IT, "10.10.1.1", REFUSED) + trace(OTHER_PORT, "10.10.1.1", None)
    before, after = (
        diagnosed(fails(IT, REFUSED), answers(OTHER_PORT), part, targets=(IT, OTHER_PORT)) for part in ([], far)
    )

    assert first(before) == first(after) == "service_not_listening"
    assert likely(before)["service_not_listening"] < likely(after)["service_not_listening"]


def test_a_reset_is_traced_where_that_can_decide():
    """There must be another port to hold it against, and a router on the way."""
    asked = {Want("path", "hop", name) for name in ("it", "other")}
    parts, targets = (fails(IT, REFUSED), answers(OTHER_PORT)), (IT, OTHER_PORT)

    assert asked <= set(diagnosed(*parts, targets=targets).wanted)
    assert not asked & set(diagnosed(*parts, targets=targets, own=("10.10.3.7",)).wanted)
    assert not asked & set(diagnosed(fails(IT, REFUSED), answers(CONTROL)).wanted)


# --- public targets ---------------------------------------------------------------------------------------------------


def listed(one):
    """The job's own list holds the target."""
    return [seen("settings", "coverage", one.name, None, way="internet", enabled=True, listed="yes")]


PUBLICS = (OUTSIDE, ALSO_OUTSIDE)
BOTH = answers(ALSO_OUTSIDE) + trace(ALSO_OUTSIDE, "10.0.0.1", "203.0.113.1", None)


def test_a_public_target_is_traced_beside_one_that_answers():
    """The access list lets the one through; how far the other comes tells whether it is that."""
    diagnosis = diagnosed(fails(OUTSIDE), listed(OUTSIDE), answers(ALSO_OUTSIDE), targets=PUBLICS)

    assert {Want("path", "hop", "outside"), Want("path", "hop", "also")} <= set(diagnosis.wanted)


def test_a_trace_that_ends_at_the_proxy():
    """Where others pass: the access list."""
    parts = fails(OUTSIDE), listed(OUTSIDE), BOTH, trace(OUTSIDE, "10.0.0.1", SILENT)
    diagnosis = diagnosed(*parts, targets=PUBLICS)

    assert first(diagnosis, "outside") == "access_list_missing_host"
    assert likely(diagnosis, "outside")["access_list_missing_host"] > 0.9


def test_a_trace_that_passes_the_proxy():
    """It is out: what drops it is beyond the access list."""
    parts = fails(OUTSIDE), listed(OUTSIDE), BOTH, trace(OUTSIDE, "10.0.0.1", "203.0.113.1", SILENT)
    diagnosis = diagnosed(*parts, targets=PUBLICS)

    assert first(diagnosis, "outside") == "host_firewall_drop"
    assert "access_list_missing_host" not in likely(diagnosis, "outside")


def test_a_trace_that_never_leaves_the_vpc():
    """From a host of the VPC there is no way out; a router of the Internet would say otherwise."""
    inside, outside = (
        diagnosed(fails(OUTSIDE), answers(CONTROL), trace(OUTSIDE, *hops), targets=(OUTSIDE, CONTROL), vantage="host")
        for hops in (("10.10.1.1", SILENT), ("10.10.1.1", "203.0.113.1", SILENT))
    )

    assert first(inside, "outside") == "no_internet_egress"
    assert "no_internet_egress" not in likely(outside, "outside")
