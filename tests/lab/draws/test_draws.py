"""Random networks: the generator gives valid draws, the score is honest, and some draws are really run."""

import ipaddress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import plan
from reports.causes import CAUSES
from reports.statistics import wilson
from tests.lab.conftest import unavailable
from tests.lab.draws import score
from tests.lab.draws.building import topology_of
from tests.lab.draws.calibration import Said, bins, brier, expected_error
from tests.lab.draws.declared import service_name
from tests.lab.draws.draw import draw
from tests.lab.draws.places import JOB
from tests.lab.harness import LabUnavailableError, Outcome
from tests.lab.labs import Labs

SEEDS = st.integers(min_value=0, max_value=2**32)
# What a run of these seeds scores at least: the share that `python -m tests.lab.draws` prints, and room for chance.
RUN, FLOOR = range(1, 16), 13


@given(SEEDS)
def test_a_seed_gives_one_draw(seed):
    """The same seed gives the same network, plan and truth."""
    assert draw(seed) == draw(seed)


@given(SEEDS)
@settings(max_examples=50, deadline=None)
def test_the_plan_loads(seed):
    """Any draw has a plan that loads, with the targets that the draw declares."""
    drawn = draw(seed)
    names = [target["name"] for target in drawn.plan["targets"]]

    # The certificate file stands in the lab alone.
    loaded = plan.parse(yaml.safe_dump({key: value for key, value in drawn.plan.items() if key != "tls"}))

    assert names == [target.name for target in loaded.targets]


@given(SEEDS)
def test_the_truth_is_in_the_catalogue(seed):
    """The cause, and what cannot be told apart from it, are causes; its targets are the plan's."""
    drawn = draw(seed)
    trouble = drawn.trouble
    causes = {trouble.cause, *trouble.alike} - {None}

    assert causes <= set(CAUSES)
    assert trouble.cause not in trouble.alike
    assert set(trouble.targets) <= {target["name"] for target in drawn.plan["targets"]}
    assert (trouble.cause is None) == (trouble.verdict == "healthy")


@given(SEEDS)
def test_addresses_are_in_their_networks(seed):
    """Every host lies in its vSwitch, the job in its own, no address is there twice, no networks overlap."""
    places = draw(seed).places
    cidrs = [ipaddress.ip_network(subnet.cidr) for subnet in places.subnets]
    held = [places.address, *(subnet.gateway for subnet in places.subnets), *(host.address for host in places.hosts)]

    assert len(held) == len(set(held))
    assert all(
        ipaddress.ip_address(host.address) in cidrs[host.subnet] for host in places.hosts if host.subnet is not None
    )
    assert ipaddress.ip_address(places.address) in cidrs[0]
    assert not any(one.overlaps(other) for number, one in enumerate(cidrs) for other in cidrs[:number])


@given(SEEDS)
def test_links_end_in_namespaces(seed):
    """Every link joins two namespaces of the draw, or of the lab's name servers."""
    topology = topology_of(draw(seed).places)
    ends = {end for near, _, far, _ in topology.links for end in (near, far)}

    assert ends - {"dns"} == set(topology.namespaces)


def test_wilson():
    """Eight of ten: the textbook's interval."""
    low, high = wilson(8, 10)

    assert (0.490, 0.943) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


def test_bins_have_enough():
    """Tenths are joined until each has thirty; the last one joins its neighbour."""
    said = [Said(confidence=0.55, right=True)] * 29 + [Said(confidence=0.65, right=False)] * 5
    said += [Said(confidence=0.85, right=True)] * 40 + [Said(confidence=1.0, right=True)] * 3
    found = bins(said)

    assert [34, 43] == [one.count for one in found]
    assert [29 / 34, 1.0] == [one.right for one in found]
    assert found[1].stated == pytest.approx((40 * 0.85 + 3) / 43)


def test_calibrated_or_not():
    """What is said with 80 % and true in 80 of 100 holds; with 99 % it does not."""
    honest = [Said(confidence=0.8, right=number < 80) for number in range(100)]
    boasting = [Said(confidence=0.99, right=number < 80) for number in range(100)]

    assert [True, False] == [bins(said)[0].holds for said in (honest, boasting)]
    assert expected_error(bins(boasting)) == pytest.approx(0.19)
    assert brier(honest) == pytest.approx(0.16)


def _outcome(*causes, verdict="failing"):
    findings = [
        {"cause": cause, "severity": "critical", "confidence": 0.5, "targets": ["a"], "candidates": []}
        for cause in causes
    ]
    return Outcome(2, {"findings": findings, "verdict": verdict}, "", "", 1.0)


@pytest.mark.parametrize(
    ("causes", "mark"),
    [
        (["sg_drop"], score.RIGHT),
        (["host_firewall_drop"], score.EQUAL),
        (["host_down"], score.WRONG),
        (["sg_drop", "host_down"], score.WRONG),
        (["host_firewall_drop", "host_down"], score.WRONG),
        ([], score.WRONG),
    ],
)
def test_right_equal_wrong(causes, mark):
    """The true cause is right, one that nothing tells apart is equal, and a further accusation is wrong."""
    truth = score.Truth(
        seed=1,
        words="a group drops",
        cause="sg_drop",
        targets=("a",),
        verdict="failing",
        alike={"host_firewall_drop": "nothing tells"},
    )
    judged = score.score(truth, _outcome(*causes))

    assert judged.mark == mark
    assert judged.exact is (causes[:1] == ["sg_drop"])


# What plain connects may meet where this is the cause.
SILENT = frozenset({"silent"})
MEETS = {
    **dict.fromkeys(("sg_drop", "host_firewall_drop", "ip_whitelist_mismatch", "return_path_drop"), SILENT),
    **dict.fromkeys(("blackhole_route", "eni_group_blocks_outbound", "access_list_missing_host"), SILENT),
    "host_down": {"silent", "EHOSTUNREACH"},
    "router_no_route": {"silent", "ENETUNREACH"},
    "admin_prohibited": {"EHOSTUNREACH"},
    "sg_reset": {"ECONNREFUSED"},
    "service_not_listening": {"ECONNREFUSED"},
    "local_reject_route": {"EINVAL", "EHOSTUNREACH"},
    "no_default_route": {"ENETUNREACH"},
    "wrong_service": {"open"},
    None: {"open"},
}


def _seed_of(cause):
    return next(seed for seed in range(10000) if draw(seed).trouble.cause == cause)


@pytest.mark.parametrize("cause", MEETS, ids=str)
def test_the_network_is_what_the_draw_says(lab, cause):
    """The targets that the fault concerns meet it, all others are open; undone, nothing of it is left."""
    drawn = draw(_seed_of(cause))
    before = lab.call("snapshot")
    hosts = {service_name(host, service): (host.address, service.port) for host, service in drawn.places.served}
    names = [target["name"] for target in drawn.plan["targets"]]
    lab.call("draw", seed=drawn.seed)
    met = lab.call("connect", namespace=JOB, endpoints=[hosts[name] for name in names], timeout=1.2)
    lab.call("undo")
    found = dict(zip(names, met, strict=True))

    assert {found[name] for name in drawn.trouble.targets} <= MEETS[cause]
    assert {found[name] for name in set(names) - set(drawn.trouble.targets)} <= {"open"}
    assert lab.call("snapshot") == before


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The scores of a few draws, and the folder in which they were kept."""
    folder = tmp_path_factory.mktemp("draws")
    labs = Labs()
    try:
        coming = [labs.do(lambda lab, seed=seed: score.run(lab, seed)) for seed in RUN]
        found = [one.result() for one in coming]
    except LabUnavailableError as error:
        unavailable(f"the lab cannot be built here: {error}")
    finally:
        labs.close()
    for one, outcome in found:
        score.keep(folder, one.truth, outcome)
    return [one for one, _ in found], folder


def test_draws_are_diagnosed(kept):
    """Most draws get their true cause, or one that cannot be told apart from it."""
    scores, _ = kept
    wrong = [str(one) for one in scores if one.mark == score.WRONG]

    assert len(scores) - len(wrong) >= FLOOR, "\n".join(wrong)


def test_what_is_kept_is_diagnosed_again(kept):
    """The rules come to the same score without the network."""
    scores, folder = kept

    assert scores == list(score.rescored(folder))


def test_several_folders_are_one_table(kept):
    """What was kept in several folders is scored together."""
    scores, folder = kept

    assert len(list(score.rescored(folder, folder))) == 2 * len(scores)


def test_the_summary_has_its_parts(kept):
    """The score, the misses and the calibration are printed."""
    text = score.summary(kept[0])

    assert f"of {len(RUN)} right or equal" in text
    assert "wrong: truth, found, seeds" in text
    assert "first findings" in text
