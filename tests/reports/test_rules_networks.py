"""The rules that a sweep loads are all that could hold for it."""

from hypothesis import given
from hypothesis import strategies as st

from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import Network, Plan, Vantage
from reports.rules.networks import NETWORKS
from reports.sweep import FILTERED, REFUSED
from tests.reports.building import seen
from tests.reports.sweeps import VSWITCH_A, VSWITCH_B, lively, observed

OWN = "10.10.1.10"
ENIS = Network(name="vswitch-a", cidr=VSWITCH_A.cidr, enis=(OWN, "10.10.1.1", "10.10.9.9"))
PLAN = Plan(name="p", region="cn-hangzhou", networks=(ENIS, VSWITCH_B))

_STEPS = {
    "subnet": ("states", "filter", "twice", "place", "sweep"),
    "local": ("interface", "routes", "rules", "name_servers", "proxy", "limits", "pressure", "counters"),
}
_NUMBERS = (
    "count", "descriptors", "descriptors_used", "tcp_orphans", "tcp_orphans_limit", "tcp_time_wait", "tcp_pages",
    "tcp_pages_limit", "conntrack_entries", "conntrack_limit", "mtu", "rate", "sent",
)  # fmt: skip
_WORDS = {
    "network": ("vswitch-a", "vswitch-b"),
    "cidr": ("10.10.2.0/28", "10.10.2.0/24"),
    "asked": ("9083", "8020", "echo", "arp"),
    "states": ("o" * 16, ".f" * 8, "a" * 256),
    "source": (OWN, "10.10.2.7", "198.51.100.1"),
    "macs": ("02:00:00:00:00:01, 02:00:00:00:00:02",),
    "icmp": ("3/13", "3/0"),
    "addresses": ("", OWN + "/24", "not an address"),
    "servers": ("", "10.0.0.53"),
    "proxy": ("proxy:3128",),
    "interface": ("eth0",),
    "up": (True, False),
    "carrier": (True, False),
    "inside": (True, False),
    "partial": (True,),
    "default4": (True, False),
    "default6": (True, False),
}
_FACTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(_NUMBERS, st.integers(0, 1 << 20)),
        **{word: st.sampled_from(words) for word, words in _WORDS.items()},
    },
)
# Most of it is in use, and an aligned part is silent.
_PARTLY_DARK = lively(*range(1, 96), *range(112, 253))


@st.composite
def _observations(draw):
    probe = draw(st.sampled_from(list(_STEPS)))
    step, address = draw(st.sampled_from(_STEPS[probe])), draw(st.sampled_from(["10.10.2.0/28", "10.10.2.9", "eth0"]))
    failure = draw(st.none() | st.sampled_from(list(Failure)))
    return seen(probe, step, None, address, failure=failure, **draw(_FACTS))


@given(
    st.lists(_observations(), max_size=8),
    st.sampled_from([{}, _PARTLY_DARK, {**lively(*range(1, 60)), "9083": {FILTERED: [3], REFUSED: [4]}}]),
    st.sampled_from(["host", "udf", "spark"]),
    st.sampled_from([PLAN, Plan(name="sweep")]),
)
def test_no_other_rule_has_anything_to_say(observations, states, kind, plan):
    """Whatever is seen of this machine and of networks, without a target: with all rules it means the same."""
    found = [*observations, *(observed(VSWITCH_B, states, own=OWN) if states else [])]
    vantage = Vantage(kind=kind)

    assert diagnose(plan, vantage, found, rules=NETWORKS) == diagnose(plan, vantage, found)


def test_a_finding_is_among_them():
    """They are not silent by themselves: a vSwitch that is nearly full is said to be."""
    found = observed(ENIS, lively(*range(1, 250)), own=OWN)
    diagnosis = diagnose(PLAN, Vantage(), found, rules=NETWORKS)

    assert "vswitch_nearly_full" in {finding.cause for finding in diagnosis.findings}


def test_silence_alone_tells_nothing():
    """Where nobody answers it may be a filter, a route, or that nobody is there: that is not called healthy."""
    silent, answering = (
        diagnose(Plan(name="sweep"), Vantage(), observed(VSWITCH_B, states)) for states in ({"8020": {}}, lively(30))
    )

    assert (silent.verdict, answering.verdict) == ("undetermined", "healthy")
