"""A network, put together from what one or several sweeps saw of it."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Network, Plan, Vantage
from reports.subnet import PROBE
from reports.subnet.summary import remarks, summary, ways_of_asking, without_addresses
from reports.subnet.swept import BEST, swept
from reports.sweep import ALIVE, ANSWERED, FILTERED, OPEN, REFUSED, SILENT, UNKNOWN
from tests.reports.building import seen
from tests.reports.sweeps import VSWITCH_A, VSWITCH_B, lively, network_of, observed

FABRIC = "ee:ff:ff:ff:ff:ff"


def together(*observations, plan=None, vantage=None):
    """The networks of all of these."""
    return swept(plan or Plan(name="p"), vantage or Vantage(), [one for some in observations for one in some])


def texts(network, indexes):
    """The last parts of addresses."""
    return [int(text.rpartition(".")[2]) for text in network.texts(indexes)]


# --- who is there -----------------------------------------------------------------------------------------------------


def test_the_best_sign_wins():
    """Whoever answers anything is there; refused says more than an echo, an error more than silence."""
    states = {
        "8020": {OPEN: [5], REFUSED: [6], FILTERED: [8]},
        "9083": {REFUSED: [5], FILTERED: [6, 7], UNKNOWN: [9]},
        "echo": {ALIVE: [5, 6, 7], UNKNOWN: [9]},
    }
    network = network_of(states)

    assert [OPEN, REFUSED, ALIVE, FILTERED, SILENT] == [network.best[index] for index in (5, 6, 7, 8, 9)]
    assert texts(network, network.live) == [5, 6, 7]
    assert texts(network, network.live_by_other("8020")) == [5, 6, 7]
    assert texts(network, network.live_by_other("echo")) == [5, 6]


def test_reserved_ones_and_our_own_are_nobody():
    """What no other host can have counts neither as asked nor as alive."""
    network = network_of(
        lively(0, 5, 10, 253, 254), own="10.10.2.10", vantage=Vantage(addresses=("10.10.2.11/24%eth1",))
    )

    assert texts(network, network.live) == [5]
    assert len(network.told) == 256 - 4 - 2
    assert texts(network, network.own) == [10, 11]
    assert texts(network, network.reserved) == [0, 253, 254, 255]


def test_declared_interfaces():
    """ENIs of the plan that lie in the network, whichever network of the plan names them."""
    plan = Plan(
        name="p",
        networks=(
            evolve(VSWITCH_B, enis=("10.10.2.20", "10.10.2.21")),
            Network(name="x", cidr="10.10.0.0/16", enis=("10.10.2.9", "10.10.7.7")),
        ),
    )
    network = network_of(lively(20), plan=plan)

    assert texts(network, network.enis) == [9, 20, 21]


def test_whoever_sends_an_error_is_there():
    """A host that refuses by ICMP is alive, though it answered nothing."""
    network = network_of({"8020": {FILTERED: [30, 31]}}, says=("10.10.2.30", "3/13"))

    assert texts(network, network.live) == [30]


@pytest.mark.parametrize(
    ("macs", "counted"),
    [
        pytest.param({}, [5, 6, 7], id="a MAC each"),
        pytest.param({index: [FABRIC] for index in range(256)}, [], id="the fabric"),
        pytest.param({index: ["00:00:00:00:00:01"] for index in (5, 6, 7)}, [], id="one for all"),
        pytest.param({5: ["00:00:00:00:00:05"] * 2}, [5, 6, 7], id="one twice"),
    ],
)
def test_arp_in_a_fabric_is_no_sign(macs, counted):
    """One MAC that answers for most addresses is a fabric's, and shows no host."""
    network = network_of({"arp": {ALIVE: [5, 6, 7]}, "echo": {}}, macs=macs)

    assert texts(network, network.live) == counted


def test_who_answers_arp_must_be_known():
    """Without MACs nothing tells a fabric from hosts."""
    facts = {"network": "n", "cidr": "10.10.2.0/28", "asked": "arp", "states": "." * 8 + "a" * 8}

    [network] = together([seen(PROBE, "states", None, "10.10.2.0/28", **facts)])

    assert not network.live


@pytest.mark.parametrize(
    ("hosts", "alive"),
    [
        pytest.param(range(256), 0, id="everybody"),
        pytest.param([*range(20, 256), 0], 0, id="nearly everybody"),
        pytest.param(range(1, 253), 252, id="all that can be"),
        pytest.param([0, 253, 254, 255, 20], 1, id="only the impossible ones, and one"),
    ],
)
def test_what_answers_for_everybody_is_no_sign(hosts, alive):
    """Where addresses that no host can have accept too, something on the way does so."""
    network = network_of({"443": {OPEN: hosts}, "echo": {}})

    assert len(network.live) == alive


def test_what_stands_out_is_a_sign():
    """One machine that has all addresses refuses at each: where something else is heard, it is a host's own."""
    refused = [index for index in range(256) if index not in (7, 9)]
    network = network_of({"8020": {REFUSED: refused, OPEN: [7, 9]}, "9083": {REFUSED: range(256)}})

    assert network.signs == ("8020",)
    assert texts(network, network.live) == [7, 9]
    assert summary(network) == "2 of 252 answer, 2 on 8020"
    assert remarks(network) == [
        "every other address is refused on 8020: that says nothing of the hosts",
        "every address is refused on 9083: that says nothing of the hosts",
    ]


# --- several sweeps ---------------------------------------------------------------------------------------------------


def test_the_last_word_counts():
    """A later sweep overrules an earlier one; what it does not know takes nothing away."""
    first = observed(VSWITCH_B, {"8020": {OPEN: [3, 4, 5]}})
    later = observed(VSWITCH_B, {"8020": {OPEN: [6], UNKNOWN: [3]}}, after=60)

    for order in ([*first, *later], [*later, *first]):
        [network] = together(order)
        assert texts(network, network.answering("8020")) == [3, 6]


def test_sweeps_of_other_ports_add_to_each_other():
    """A second run may ask something else."""
    [network] = together(
        observed(VSWITCH_B, {"echo": {ALIVE: [3]}}), observed(VSWITCH_B, {"9083": {OPEN: [4]}, "80": {}}, after=9)
    )

    assert network.questions == ("80", "9083", "echo")
    assert texts(network, network.live) == [3, 4]


def test_networks_stand_in_the_order_of_the_plan():
    """Then those that the plan does not know, by their addresses."""
    others = [Network(name=cidr, cidr=cidr) for cidr in ("10.9.0.0/29", "10.8.0.0/29", "fd00::/125")]
    plan = Plan(name="p", networks=(VSWITCH_B, VSWITCH_A))
    found = together(*(observed(one, {"echo": {}}) for one in (VSWITCH_A, *others, VSWITCH_B)), plan=plan)

    assert [one.cidr for one in found] == ["10.10.2.0/24", "10.10.1.0/24", "10.8.0.0/29", "10.9.0.0/29", "fd00::/125"]


def test_a_part_of_a_network():
    """A few addresses of it, or what is left of a report: the others are no part of it."""
    whole = observed(Network(name="n", cidr="10.10.0.0/23"), {"echo": {ALIVE: [3], UNKNOWN: [9, 255]}})

    [network] = together([one for one in whole if one.address != "10.10.1.0/24"])

    assert len(network.addresses) == 256
    assert remarks(network) == ["nothing is known of 2 of its addresses"]


def test_what_cannot_be_asked_is_no_gap():
    """This machine may not send to the first and the last address of its own network, nor to itself."""
    network = network_of({"echo": {UNKNOWN: [0, 9, 255], ALIVE: [5]}}, own="10.10.2.9")

    assert remarks(network) == []
    assert network.is_settled


def test_the_last_sweep_counts():
    """A second one, to the end, makes the first good; one engine's end says nothing of another's."""
    first, second = (observed(VSWITCH_B, {"echo": {}}, partial=not after, after=after) for after in (0, 60))
    other = [evolve(one, facts={**one.facts, "method": "icmp"}) for one in second]

    assert not together(first, second)[0].is_partial
    assert together(first, other)[0].is_partial


_FACTS = st.dictionaries(
    st.sampled_from(
        [
            *("network", "cidr", "asked", "states", "macs", "mac", "by_mac", "icmp", "count", "source", "partial"),
            *("why", "sent", "rate", "lacked", "pushed_back"),
        ]
    ),
    st.one_of(
        st.sampled_from(["10.10.2.0/28", "10.10.2.3", "o" * 16, ".o" * 8, "echo", "arp", "9083", "3/13", "٣", "²²"]),
        st.text(max_size=4),
        st.integers(),
        st.booleans(),
        st.floats(allow_nan=False),
    ),
)


@given(
    st.lists(
        st.builds(
            lambda step, address, after, facts: seen(PROBE, step, None, address, after=after, **facts),
            st.sampled_from(["states", "filter", "twice", "place", "sweep", "else"]),
            st.sampled_from(["10.10.2.0/28", "10.10.2.0-10.10.2.15", "10.10.2.1", "::/0", "0.0.0.0/0", "x", "-", None]),
            st.integers(0, 3),
            _FACTS,
        ),
        max_size=6,
    )
)
def test_whatever_a_report_says(observations):
    """Any observations give networks, or none; nothing raises, and states are known letters."""
    for network in together(observations):
        assert set(network.best) <= set(BEST)
        assert len(network.best) == len(network.addresses)
        assert network.live <= set(network.told)
        assert summary(network)
        remarks(network)
        ways_of_asking([network])
        network.shown(*list(network.told)[:1])
    without_addresses(observations)


# --- in words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param(
            {"8020": {OPEN: range(1, 22), REFUSED: [30, 31]}, "9083": {}, "echo": {ALIVE: range(1, 21)}},
            "23 of 252 answer, 23 on 8020 (2 refuse), none on 9083, 20 by echo",
            id="some",
        ),
        pytest.param({"8020": {REFUSED: [9]}}, "1 of 252 answers, 1 on 8020 (1 refuses)", id="one"),
        pytest.param({"8020": {}, "echo": {}}, "none of 252 answers on 8020, by echo", id="none"),
        pytest.param(
            {"8020": {OPEN: range(1, 22)}, "9083": {UNKNOWN: range(256)}},
            "21 of 252 answer, 21 on 8020",
            id="one that was not asked",
        ),
        pytest.param(
            {"8020": {OPEN: range(1, 22), UNKNOWN: range(100, 256)}},
            "at least 21 of 252 answer, 21 on 8020",
            id="not all were asked",
        ),
        pytest.param({"443": {OPEN: range(256)}}, "nothing is known of its hosts", id="all"),
        pytest.param({"echo": {UNKNOWN: range(256)}}, "nothing is known of its hosts", id="nothing"),
    ],
)
def test_in_a_sentence(states, expected):
    """How many answer, and on what."""
    assert summary(network_of(states)) == expected


def test_many_questions_are_bounded():
    """Six of them are told."""
    ports = [str(port) for port in range(8000, 8010)]
    said = summary(network_of(lively(3, ports=ports)))

    assert said.count(" on ") == 6
    assert said.endswith("and 5 questions more")


def test_what_limits_it():
    """Answers that say nothing, filters that spoke, and why a sweep stopped."""
    network = network_of(
        {"443": {OPEN: range(256)}, "9083": {FILTERED: range(100, 150), UNKNOWN: range(200, 256)}, "echo": {}},
        pushed_back="half are refused",
    )

    assert remarks(network) == [
        "every address is open on 443: that says nothing of the hosts",
        '10.10.0.1 answers "prohibited" for 50 addresses on 9083 (ICMP 3/13)',
        "the sweep stopped, for the network pushed back (half are refused): nothing is known of 53 addresses on 9083",
    ]


def test_cut_short():
    """That it did not come to its end is said, with what is missing."""
    network = network_of({"9083": {OPEN: [3], UNKNOWN: range(200, 250)}}, partial=True)

    assert remarks(network) == ["the sweep was cut short: nothing is known of 50 of its addresses"]
    assert not network.is_settled


def test_what_was_lacking():
    """Why nothing is known of some is said with how many they are, of the questions that it concerns."""
    why = "this machine's own packet filter does not let it out (tcp dport 9083 drop, in the chain inet own out)"
    states = {"8020": {OPEN: range(1, 9)}, "9083": {UNKNOWN: range(1, 13)}, "echo": {UNKNOWN: [3]}}
    network = network_of(states, lacked=why)

    assert remarks(network) == [f"nothing is known of 12 addresses on 9083, 1 by echo: {why}"]
    assert not network.is_settled


def test_this_machine_made_it_stop():
    """That is not said of the network."""
    network = network_of({"9083": {OPEN: [3]}}, pushed_back="this machine lets nothing out any more")

    assert remarks(network) == ["the sweep stopped (this machine lets nothing out any more)"]


@pytest.mark.parametrize(
    ("states", "how", "settled"),
    [
        pytest.param({"8020": {}}, {}, True, id="silence"),
        pytest.param({"8020": {OPEN: [3]}}, {"partial": True}, False, id="cut short"),
        pytest.param({"8020": {OPEN: [3]}}, {"pushed_back": "half are refused"}, False, id="pushed back"),
        pytest.param({"8020": {OPEN: [3]}, "echo": {UNKNOWN: [4]}}, {}, False, id="one is not known"),
        pytest.param({"8020": {OPEN: range(256)}}, {}, False, id="somebody answers for all"),
        pytest.param({"8020": {OPEN: range(256)}, "echo": {ALIVE: [3]}}, {}, True, id="but not to an echo"),
    ],
)
def test_what_leaves_it_open(states, how, settled):
    """Whatever was to be known of a host and is not."""
    assert network_of(states, **how).is_settled is settled


def test_one_sender_is_one_sentence():
    """All that it says of the same kind, with the questions, and the ICMP messages."""
    told = [
        seen(PROBE, "filter", None, "10.10.0.1", network="vswitch-b", asked=asked, icmp=icmp, count=count)
        for asked, icmp, count in (("8020", "3/9", 16), ("8020", "3/10", 16), ("9083", "3/13", 17), ("echo", "3/0", 1))
    ]
    [network] = together(observed(VSWITCH_B, {"8020": {OPEN: [3]}}), told)

    assert remarks(network) == [
        '10.10.0.1 answers "prohibited" for 32 addresses on 8020, 17 on 9083 (ICMP 3/9, 3/10, 3/13)',
        '10.10.0.1 answers "network unreachable" for 1 address by echo (ICMP 3/0)',
    ]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ((7,), '10.10.2.7 answers "prohibited" for itself, on 8020, on 9083 (ICMP 3/13)'),
        ((7, 8, 9), '3 hosts answer "prohibited" for themselves, on 8020, on 9083 (ICMP 3/13)'),
    ],
)
def test_hosts_that_speak_for_themselves(hosts, expected):
    """Each has a filter of its own: they are counted."""
    told = [
        seen(PROBE, "filter", None, f"10.10.2.{n}", network="vswitch-b", asked=asked, icmp="3/13", count=1)
        for n in hosts
        for asked in ("8020", "9083")
    ]
    [network] = together(observed(VSWITCH_B, {"8020": {OPEN: [3]}}), told)

    assert remarks(network) == [expected]


def test_many_senders_are_bounded():
    """Three, and how many more."""
    told = [
        seen(PROBE, "filter", None, f"10.9.0.{n}", network="vswitch-b", asked="8020", icmp="3/13", count=n)
        for n in range(2, 9)
    ]
    [network] = together(observed(VSWITCH_B, {"8020": {OPEN: [3]}}), told)

    assert remarks(network)[0] == '10.9.0.8 answers "prohibited" for 8 addresses on 8020 (ICMP 3/13)'
    assert remarks(network)[3:] == ["4 more answer so"]


def test_one_hardware_address_is_named():
    """With how many it answers for."""
    mac = "00:00:00:00:00:01"
    network = network_of({"arp": {ALIVE: range(1, 253)}}, macs={index: [mac] for index in range(1, 253)})

    assert summary(network) == "nothing is known of its hosts"
    assert remarks(network) == [
        f"ARP says nothing of the hosts: one hardware address ({mac}) answers for 252 of 252",
    ]


def test_silence_is_explained():
    """Where nobody answers: what that may be; and nothing of the kind where somebody speaks."""
    (said,) = remarks(network_of({"8020": {}}))

    assert "missing route" in said
    assert said not in remarks(network_of({"8020": {FILTERED: range(100, 150)}}))


def test_hosts_where_a_vswitch_has_none():
    """What was typed is no vSwitch, or a part of a larger one; of a small one nothing of the kind is assumed."""
    whole = Network(name="10.10.4.0/24", cidr="10.10.4.0/24")
    [network] = together(observed(whole, lively(0, 3, 255)))
    small = Network(name="10.10.4.0/28", cidr="10.10.4.0/28")
    [part] = together(observed(small, lively(*range(16))))

    [few] = together([one for one in observed(whole, lively(0, 3, 255)) if one.step != "states"], _two_addresses())

    (said,) = remarks(network)
    assert said.startswith("10.10.4.0, 10.10.4.255 answer too and are not counted")
    assert (summary(few), remarks(few)) == ("2 of 2 answer, 2 on 8020", [])
    assert (summary(part), remarks(part)) == ("16 of 16 answer, 16 on 8020, 16 by echo", [])


def _two_addresses():
    """Of what was typed as addresses the network is the one around them."""
    facts = {"network": "10.10.4.0/24", "cidr": "10.10.4.0/24", "asked": "8020", "states": "o"}
    return [seen(PROBE, "states", None, f"10.10.4.{last}/32", **facts) for last in (3, 255)]


def test_how_it_was_asked():
    """Each way once, with its packets; engines that have the same reason together."""
    both = "syn: raw sockets; icmp: raw sockets"
    runs = [
        (VSWITCH_A, 0, {"why": both, "sent": 7}),
        (VSWITCH_B, 0, {"why": both, "sent": 7}),
        (Network(name="n", cidr="10.9.0.0/28"), 5, {"why": "connect, as asked for", "sent": 1200, "rate": 0}),
    ]
    observations = [
        evolve(one, facts={**one.facts, **facts}) if one.step == "sweep" else one
        for network, after, facts in runs
        for one in observed(network, {"echo": {}}, after=after)
    ]

    assert ways_of_asking(together(observations)) == [
        "connect, as asked for; 1,200 packets, without a limit",
        "syn, icmp: raw sockets; 7 packets, at most 1,000 a second",
    ]


def test_without_addresses():
    """A report whose addresses were taken out still says how many there are of each."""
    taken_out = [
        evolve(one, address="net-1", facts={**one.facts, "cidr": "net-1"})
        for one in observed(VSWITCH_B, {"8020": {OPEN: [3, 4]}, "echo": {ALIVE: [3]}})
    ]

    assert together(taken_out) == ()
    assert without_addresses(taken_out) == [("vswitch-b", "8020: 2 open, 254 silent; echo: 1 alive, 255 silent")]


def test_answers_are_what_shows_life():
    """Of all states, three do."""
    states = {"8020": {state: [10 + place] for place, state in enumerate(BEST)}}
    network = network_of(states)

    assert [network.best[index] for index in sorted(network.live)] == [state for state in BEST if state in ANSWERED]
