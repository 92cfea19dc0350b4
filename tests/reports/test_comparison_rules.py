"""Each contrast between vantage points has its case, holds where it should, and leads to its cause."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reports.causes import CAUSES
from reports.comparison import dumps, loads
from reports.comparison.conclude import conclude
from reports.comparison.contest import judge
from reports.comparison.model import Counts
from reports.comparison.rules import CONTRASTS
from reports.model import FAILING
from tests.reports.vantages import (
    CACHE,
    CLOSES,
    FORBIDDEN,
    HANGS,
    MYSQL,
    NETWORKS,
    NOBODY,
    OPEN,
    OSS,
    OTHER,
    PARTNER,
    REFUSED,
    SILENT,
    UNKNOWN_NAME,
    UNTRUSTED,
    WORKS,
    At,
    board,
    executors,
    host,
    job,
    laptop,
    view,
)

BY_NAME = {contrast.name: contrast for contrast in CONTRASTS}

_CERTIFICATE = {PARTNER: evolve(UNTRUSTED, issuer="CN=Inspection")}
_PRIVATE = {PARTNER: "10.66.0.20"}
_A, _B, _ = NETWORKS

# contrast -> what was seen, and the cause that comes first.
CASES = {
    "a host in the job's vSwitch reaches it": (
        [job({MYSQL: SILENT, CACHE: WORKS}), host({MYSQL: WORKS})],
        "ip_whitelist_mismatch",
    ),
    "a host in another vSwitch reaches it": (
        [job({MYSQL: SILENT}, "10.10.9.10"), host({MYSQL: WORKS})],
        "eni_wrong_vswitch",
    ),
    "the job comes from another vSwitch": (
        [job({MYSQL: SILENT, CACHE: WORKS}, "10.10.9.10"), host({MYSQL: WORKS})],
        "eni_wrong_vswitch",
    ),
    "the link carries nothing": (
        [job({MYSQL: SILENT, CACHE: SILENT}), host({MYSQL: WORKS, CACHE: WORKS})],
        "eni_group_blocks_outbound",
    ),
    "the link carries others": (
        [job({MYSQL: SILENT, CACHE: WORKS}), host({MYSQL: WORKS})],
        "ip_whitelist_mismatch",
    ),
    "the job has no address in the VPC": (
        [job({MYSQL: SILENT}, "100.64.3.7"), host({MYSQL: WORKS})],
        "eni_missing",
    ),
    "hosts of the VPC fail as well": (
        [job({MYSQL: REFUSED}), host({MYSQL: REFUSED})],
        "service_not_listening",
    ),
    "some hosts of the VPC fail as well": (
        [job({MYSQL: SILENT}), host({MYSQL: SILENT}), host({MYSQL: WORKS}, "10.10.2.9")],
        "sg_drop",
    ),
    "a neighbour of the target reaches it": (
        [job({MYSQL: SILENT}), host({MYSQL: SILENT}), host({MYSQL: WORKS}, "10.10.2.9")],
        "sg_drop",
    ),
    "a neighbour of the target fails as well": (
        [job({MYSQL: SILENT}), host({MYSQL: SILENT}, "10.10.2.9")],
        "host_down",
    ),
    "nobody answers on the target's link": (
        [job({MYSQL: SILENT}), host({MYSQL: NOBODY}, "10.10.2.9")],
        "host_down",
    ),
    "its whole subnet fails from outside": (
        [job({MYSQL: SILENT}), host({CACHE: SILENT}), host({MYSQL: WORKS, CACHE: WORKS}, "10.10.2.9")],
        "blackhole_route",
    ),
    "one network hears the other": (
        [job({MYSQL: SILENT}, swept={_B: (0, 252)}), host({OTHER: OPEN}, "10.10.2.9", swept={_A: (12, 252)})],
        "sg_drop",
    ),
    "neither network hears the other": (
        [job({MYSQL: SILENT}, swept={_B: (0, 252)}), host({OTHER: OPEN}, "10.10.2.9", swept={_A: (0, 252)})],
        "blackhole_route",
    ),
    "a host of the VPC alone fails": (
        [job({MYSQL: WORKS}), host({MYSQL: SILENT})],
        "ip_whitelist_mismatch",
    ),
    "an endpoint of the services' own network": (
        [job({OSS: SILENT}), host({OSS: WORKS})],
        "endpoint_wrong_network",
    ),
    "refused inside the job alone": (
        [job({MYSQL: REFUSED, CACHE: REFUSED}, "100.64.3.7"), host({MYSQL: WORKS})],
        "eni_missing",
    ),
    "refused inside the job alone, on the Internet": (
        [job({PARTNER: REFUSED}), laptop({PARTNER: WORKS})],
        "access_not_enabled",
    ),
    "refused everywhere": (
        [job({PARTNER: REFUSED}), laptop({PARTNER: REFUSED})],
        "service_not_listening",
    ),
    "something accepted in the target's place": (
        [job({MYSQL: HANGS}), host({MYSQL: WORKS})],
        "access_list_missing_host",
    ),
    "a forwarder on the way to the Internet": (
        [job({PARTNER: HANGS}), laptop({PARTNER: WORKS})],
        "access_list_missing_host",
    ),
    "the partner closes": (
        [job({PARTNER: CLOSES, OTHER: WORKS}), laptop({PARTNER: WORKS})],
        "access_list_missing_host",
    ),
    "accepted and silent everywhere": (
        [job({MYSQL: HANGS}), host({MYSQL: HANGS})],
        "service_hang",
    ),
    "others reach it on the Internet": (
        [job({PARTNER: SILENT, OTHER: WORKS}), laptop({PARTNER: WORKS})],
        "access_list_missing_host",
    ),
    "the job reaches nothing on the Internet": (
        [job({PARTNER: SILENT, OTHER: SILENT}), laptop({PARTNER: WORKS})],
        "access_not_enabled",
    ),
    "the job reaches others on the Internet": (
        [job({PARTNER: SILENT, OTHER: WORKS}), host({PARTNER: WORKS})],
        "access_list_missing_host",
    ),
    "all ways to the Internet fail alike": (
        [job({PARTNER: SILENT}), laptop({PARTNER: SILENT})],
        "host_firewall_drop",
    ),
    "the cloud's ways fail, a laptop's works": (
        [job({PARTNER: SILENT, OTHER: WORKS}), host({PARTNER: SILENT}), laptop({PARTNER: WORKS})],
        "outbound_ip_changed",
    ),
    "served at another outbound address": (
        [job({PARTNER: FORBIDDEN}), laptop({PARTNER: WORKS})],
        "outbound_ip_changed",
    ),
    "a host of the VPC has no NAT": (
        [job({PARTNER: WORKS}), host({PARTNER: SILENT, OTHER: SILENT})],
        "no_internet_egress",
    ),
    "the name resolves elsewhere": (
        [job({MYSQL: UNKNOWN_NAME}), host({MYSQL: WORKS})],
        "dns_zone_not_attached",
    ),
    "the name resolves nowhere": (
        [job({MYSQL: UNKNOWN_NAME}), host({MYSQL: UNKNOWN_NAME})],
        "dns_nxdomain",
    ),
    "the same address": (
        [job({PARTNER: SILENT}), laptop({PARTNER: WORKS})],
        "access_not_enabled",
    ),
    "another address of the same kind": (
        [job({MYSQL: SILENT}, answers={MYSQL: "10.10.2.98"}), host({MYSQL: WORKS})],
        "dns_stale_answer",
    ),
    "a private address where others get a public one": (
        [job({PARTNER: SILENT}, answers=_PRIVATE), laptop({PARTNER: WORKS})],
        "dns_wrong_private_answer",
    ),
    "a public address where others get a private one": (
        [job({PARTNER: SILENT, OTHER: WORKS}), host({PARTNER: WORKS}, answers=_PRIVATE)],
        "dns_split_horizon",
    ),
    "another certificate": (
        [job(_CERTIFICATE), laptop({PARTNER: evolve(WORKS, issuer="CN=Public")})],
        "tls_intercepted",
    ),
    "the same certificate": (
        [job(_CERTIFICATE), laptop({PARTNER: evolve(WORKS, issuer="CN=Inspection")})],
        "tls_untrusted",
    ),
    "others of the same kind reach it": (
        executors((3, job({MYSQL: WORKS})), (2, job({MYSQL: SILENT}, "10.10.9.10"))),
        "eni_wrong_vswitch",
    ),
    "instances that nothing tells apart": (
        executors((6, job({PARTNER: WORKS})), (3, job({PARTNER: SILENT}))),
        "snat_connection_cap",
    ),
    "a laptop alone fails": (
        [job({PARTNER: WORKS}), laptop({PARTNER: SILENT})],
        "host_firewall_drop",
    ),
}


def test_every_contrast_has_its_case():
    """A rule without a case would be a guess."""
    assert sorted(BY_NAME) == sorted(CASES)
    assert len(BY_NAME) == len(CONTRASTS)


@pytest.mark.parametrize("name", CASES)
def test_a_contrast_leads_to_its_cause(name):
    """It holds in its case, and the cause that it speaks for comes first."""
    places, expected = CASES[name]
    seen = view(places)

    assert BY_NAME[name].test(seen) is not None
    assert judge(seen).shares[0][0] == expected


@pytest.mark.parametrize("name", CASES)
def test_a_contrast_does_not_hold_alone(name):
    """One vantage point is no contrast: without the others it is silent, and nothing is brought in."""
    alone = view(CASES[name][0][:1])
    held = {contrast.name for contrast in CONTRASTS if contrast.test(alone) is not None}

    # The job's own other targets speak for its link.
    assert held <= {"the link carries others"}


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda contrast: contrast.name)
def test_a_contrast_names_known_causes(contrast):
    """Factors and weights are of causes in the catalogue, and no factor is negative."""
    weights = {**contrast.factors, **contrast.brings}

    assert set(weights) <= set(CAUSES)
    assert all(weight >= 0 for weight in weights.values())
    assert weights


@pytest.mark.parametrize("name", CASES)
def test_what_is_cleared_is_no_longer_possible(name):
    """A cause that was ruled out is not a candidate any more."""
    verdict = judge(view(CASES[name][0]))
    cleared = {cause for _, causes in verdict.cleared for cause in causes}

    assert cleared.isdisjoint(cause for cause, _ in verdict.shares)


@pytest.mark.parametrize("name", CASES)
def test_shares_are_shares(name):
    """They are at most certain together, and never quite."""
    shares = [share for _, share in judge(view(CASES[name][0])).shares]

    assert 0 < sum(shares) < 1
    assert shares == sorted(shares, reverse=True)


_SYMPTOMS = (WORKS, OPEN, SILENT, REFUSED, NOBODY, HANGS, CLOSES, FORBIDDEN, UNKNOWN_NAME, UNTRUSTED)
_TARGETS = (MYSQL, CACHE, PARTNER, OTHER, OSS)
_looks = st.dictionaries(st.sampled_from(_TARGETS), st.sampled_from(_SYMPTOMS), min_size=1)
_places = st.lists(
    st.builds(
        At,
        kind=st.sampled_from(["udf", "spark", "host", "pyodps"]),
        address=st.sampled_from(["10.10.1.10", "10.10.9.10", "10.10.2.9", "100.64.3.7", "192.168.1.5", "nonsense"]),
        looks=_looks,
        answers=st.dictionaries(st.sampled_from(_TARGETS), st.sampled_from(["", "10.10.2.98", "198.51.100.9"])),
        host=st.sampled_from(["a", "b", ""]),
        outbound=st.sampled_from(["", "203.0.113.7"]),
        swept=st.dictionaries(st.sampled_from(NETWORKS), st.tuples(st.integers(0, 9), st.integers(9, 99))),
    ),
    min_size=1,
    max_size=7,
)


@given(_places)
def test_whatever_was_seen(places):
    """Nothing raises; a verdict is a share, its causes are known, and none of them was ruled out."""
    counts = Counts(reports=len(places), duplicates=0, did_not_probe=0, partial=0)
    comparison = conclude("any", counts, board(places))
    ruled_out = {(name, cause) for row in comparison.cleared for name in row.targets for cause in row.causes}

    assert loads(dumps(comparison)) == comparison
    for finding in comparison.findings:
        assert 0 < finding.confidence < 1
        assert not {(name, finding.cause) for name in finding.targets} & ruled_out
        assert finding.remedy.text
    failing = {target.name for target in comparison.targets if target.verdict == FAILING}
    assert failing <= {name for finding in comparison.findings for name in finding.targets}
