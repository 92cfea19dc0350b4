import itertools

import pytest

from probes.contract import identified
from reports.diagnose import diagnose
from reports.failures import Failure
from reports.model import DEGRADED, FAILING, HEALTHY, Egress, Observation, Plan, Target, Vantage
from reports.rules.contract import Want

OLD, NEW = "203.0.113.7", "203.0.113.8"
PARTNER, OTHER, INSIDE = "198.51.100.20:443", "198.51.100.10:443", "10.10.2.40:3306"
MORE, AGAIN = Want("egress", "address"), Want("egress", "repeat", "partner")

# A number for each observation: equal ones are told apart.
_started = itertools.count()


def plan(*expected, admits=()):
    """A partner and another target by the Internet, and one inside."""
    return Plan(
        name="p",
        targets=(
            Target(name="partner", host="198.51.100.20", port=443, service="https", via="internet", admits=admits),
            Target(name="other", host="198.51.100.10", port=443, service="https", via="internet"),
            Target(name="inside", host="10.10.2.40", port=3306, service="mysql", via="vpc"),
        ),
        egress=Egress(echo="http://ip.example:80/ip", expected=expected),
    )


def saw(probe, step, target=None, address=None, failure=None, **facts):
    """One observation."""
    return identified(
        Observation(
            probe=probe,
            step=step,
            target=target,
            address=address,
            failure=failure,
            started=float(next(_started)),
            duration_s=0.01,
            facts=facts,
        )
    )


def works(target, address, **facts):
    """A target that answers."""
    return [
        saw("tcp", "connect", target, address, ip=address.rpartition(":")[0]),
        saw("http", "exchange", target, address, status=200, bytes_in=100, **facts),
    ]


FINE = [*works("other", OTHER), *works("inside", INSIDE)]
CONNECTED = saw("tcp", "connect", "partner", PARTNER, ip="198.51.100.20")


def silent(failure=Failure.TIMED_OUT):
    """The partner's port does not answer the SYN."""
    return [saw("tcp", "connect", "partner", PARTNER, failure, ip="198.51.100.20", syns=2)]


def echoed(*addresses, via="direct"):
    """What the echo saw, a connection each."""
    return [saw("egress", "address", address="198.51.100.30:80", seen=ip, via=via, status=200) for ip in addresses]


def before(*addresses, kind="host", host="", via="direct"):
    """What the last run left."""
    at = "2026-11-23T08:00:00.000000Z"
    return [saw("egress", "remembered", seen=",".join(addresses), via=via, at=at, kind=kind, host=host)]


def again(answered, tries=6):
    """The partner was looked at several times more."""
    failure = None if answered == tries else Failure.TIMED_OUT
    facts = {} if failure is None else {"failures": "timed_out"}
    return [saw("egress", "repeat", "partner", PARTNER, failure, tries=tries, answered=answered, **facts)]


def diagnosed(plan, *observations, kind="host"):
    """The diagnosis of these beside targets that work."""
    return diagnose(plan, Vantage(kind=kind), [*FINE, *(seen for some in observations for seen in some)])


def found(diagnosis):
    """Each finding in short."""
    return [(one.cause, one.severity, one.targets) for one in diagnosis.findings]


CHANGED = ("outbound_ip_changed", "critical", ("partner",))
PARTLY = ("outbound_ip_pool_partly_admitted", "critical", ("partner",))


@pytest.mark.parametrize(
    "failed",
    [
        silent(),
        silent(Failure.CONNECTION_REFUSED),
        [CONNECTED, saw("tls", "handshake", "partner", PARTNER, Failure.EOF, bytes_in=0)],
        [CONNECTED, saw("tls", "handshake", "partner", PARTNER, Failure.CONNECTION_RESET, bytes_in=0)],
        [CONNECTED, saw("http", "exchange", "partner", PARTNER, Failure.HTTP_ERROR_STATUS, status=403, bytes_in=90)],
    ],
    ids=["silent", "refused", "closed", "reset", "forbidden"],
)
def test_an_address_that_is_not_admitted(failed):
    """However the partner turns it away, the strange address is the first explanation, and not the only one."""
    diagnosis = diagnosed(plan(OLD), failed, echoed(*[NEW] * 11))
    (finding,) = diagnosis.findings

    assert f"this job goes out as {NEW}; only {OLD} is said to be admitted" in finding.because
    assert NEW in finding.remedy.text
    assert finding.remedy.snippet.startswith(NEW)
    assert 0.5 < finding.confidence < 0.95
    assert [CHANGED] == found(diagnosis)


def test_an_error_of_the_backend_is_its_own():
    """A 503 comes of no whitelist: the strange address stays a warning."""
    failed = saw("http", "exchange", "partner", PARTNER, Failure.HTTP_ERROR_STATUS, status=503, bytes_in=90)
    diagnosis = diagnosed(plan(OLD), [CONNECTED, failed], echoed(NEW, NEW))

    assert [("http_5xx", "critical", ("partner",)), ("outbound_ip_changed", "warning", ("other",))] == found(diagnosis)


def test_the_target_itself_names_the_address():
    """What the partner says of whom it sees counts without any echo."""
    denied = {"sees_client": NEW, "code": 1130, "message": "Host is not allowed", "bytes_in": 50}
    seen = saw("service", "exchange", "partner", PARTNER, Failure.CLIENT_DENIED, **denied)
    diagnosis = diagnosed(plan(admits=(OLD,)), [CONNECTED, seen])

    assert [CHANGED] == found(diagnosis)
    assert {one.cause for one in diagnosis.findings[0].candidates} == {"mysql_host_denied"}


def test_more_addresses_are_looked_for():
    """A silent partner and an unexpected address: there may be a pool behind it."""
    diagnosis = diagnosed(plan(OLD), silent(), echoed(NEW, NEW))

    assert MORE in diagnosis.wanted
    assert AGAIN not in diagnosis.wanted


def test_expected_is_cleared():
    """Where every one of many connections has an admitted address, that is not why the partner is silent."""
    diagnosis = diagnosed(plan(OLD), silent(), echoed(*[OLD] * 8))
    cleared = {cause for one in diagnosis.cleared for cause in one.causes}

    assert "outbound_ip_pool_partly_admitted" in cleared
    assert not {cause for cause, *_ in found(diagnosis)} & {"outbound_ip_changed", "outbound_ip_pool_partly_admitted"}
    assert MORE not in diagnosis.wanted


def test_expected_networks():
    """What is expected may be a CIDR."""
    diagnosis = diagnosed(plan("203.0.113.0/24"), works("partner", PARTNER), echoed(OLD, NEW))

    assert found(diagnosis) == []
    assert HEALTHY == diagnosis.verdict


def test_a_pool_of_which_some_are_admitted():
    """Two addresses, one of them admitted: asked for is whether the partner answers at times."""
    diagnosis = diagnosed(plan(OLD), silent(), echoed(OLD, NEW, OLD))

    assert [PARTLY] == found(diagnosis)
    assert AGAIN in diagnosis.wanted


def test_a_pool_that_is_answered_now_and_then():
    """That it is answered at times makes it sure; that it never is, unlikely."""
    mixed = echoed(*[OLD, NEW] * 4)
    sometimes = diagnosed(plan(OLD), silent(), mixed, again(3))
    never = diagnosed(plan(OLD), silent(), mixed, again(0))

    assert [PARTLY] == found(sometimes)
    assert "198.51.100.20:443 answers 3 of 6 further tries (otherwise: timed out)" in sometimes.findings[0].because
    assert sometimes.findings[0].confidence > 0.9
    assert sum(one.confidence for one in never.findings if one.cause == PARTLY[0]) < 0.75


def test_a_pool_fails_behind_the_first_answer():
    """The first look was lucky: the further ones show that connections fail, and that is critical."""
    diagnosis = diagnosed(plan(OLD), works("partner", PARTNER), echoed(OLD, NEW, OLD), again(3))

    assert [PARTLY] == found(diagnosis)
    assert FAILING == diagnosis.verdict


def test_a_pool_that_nobody_minds():
    """Nothing fails: a warning for whatever goes out by it, and a few further looks are asked for."""
    diagnosis = diagnosed(plan(OLD), works("partner", PARTNER), echoed(OLD, NEW, OLD))

    assert [("outbound_ip_pool_partly_admitted", "warning", ("partner", "other"))] == found(diagnosis)
    assert {AGAIN, Want("egress", "repeat", "other")} == set(diagnosis.wanted)
    assert DEGRADED == diagnosis.verdict


def test_a_pool_without_expectations():
    """Where nothing is said of what is admitted, a partner that answers at times still shows it."""
    diagnosis = diagnosed(plan(), silent(), echoed(OLD, NEW), again(3))

    assert found(diagnosis)[0] == PARTLY


def test_an_unexpected_address_that_nobody_minds():
    """Nothing fails yet: a warning; the target inside is not concerned."""
    diagnosis = diagnosed(plan(OLD), works("partner", PARTNER), echoed(NEW, NEW))

    assert [("outbound_ip_changed", "warning", ("partner", "other"))] == found(diagnosis)
    assert (MORE,) == diagnosis.wanted


def test_what_the_target_is_said_to_admit_is_wrong():
    """It is reached from an address that it is said not to admit: one of both is not true."""
    diagnosis = diagnosed(plan(admits=(OLD,)), works("partner", PARTNER), echoed(*[NEW] * 8))

    assert [("config_disagrees", "warning", ("partner",))] == found(diagnosis)


def test_a_whitelist_of_the_vpc_says_nothing_of_the_internet():
    """Private entries are about another way."""
    diagnosis = diagnosed(plan(OLD, admits=("10.10.1.0/24",)), works("partner", PARTNER), echoed(OLD))

    assert found(diagnosis) == []


def test_a_change_with_expectations():
    """That the old address was seen before is evidence beside the whitelist, with the date."""
    here = before(OLD)
    without = diagnosed(plan(OLD), silent(), echoed(*[NEW] * 8))
    diagnosis = diagnosed(plan(OLD), silent(), echoed(*[NEW] * 8), here)
    words = f"this job now goes out as {NEW}; at 2026-11-23 08:00:00 UTC it was {OLD}"

    assert [CHANGED] == found(diagnosis)
    assert words in diagnosis.findings[0].because
    assert diagnosis.findings[0].confidence > without.findings[0].confidence


def test_a_change_alone():
    """Without expectations: information where nothing fails, an explanation where the partner is silent."""
    fine = diagnosed(plan(), works("partner", PARTNER), echoed(NEW), before(OLD))
    failing = diagnosed(plan(), silent(), echoed(*[NEW] * 8), before(OLD))

    assert [("outbound_ip_changed", "info", ("partner", "other"))] == found(fine)
    assert HEALTHY == fine.verdict
    assert found(failing)[0] == CHANGED
    assert failing.findings[0].confidence < 0.9


@pytest.mark.parametrize(
    "earlier",
    [
        before(OLD, NEW),
        before(OLD, kind="udf"),
        before(OLD, host="elsewhere"),
        before(OLD, via="proxy"),
        [],
    ],
    ids=["one of a pool", "another kind of place", "another host", "another way", "nothing"],
)
def test_what_is_no_change(earlier):
    """What cannot be compared is not."""
    diagnosis = diagnosed(plan(), works("partner", PARTNER), echoed(NEW), earlier)

    assert found(diagnosis) == []


def test_expected_and_changed():
    """Both addresses are admitted: nothing is to be told."""
    diagnosis = diagnosed(plan(OLD, NEW), works("partner", PARTNER), echoed(NEW), before(OLD))

    assert found(diagnosis) == []


def test_the_way_itself_is_silent():
    """When nothing by the Internet answers, no partner's whitelist explains it."""
    others = [saw("tcp", "connect", "other", OTHER, Failure.TIMED_OUT, ip="198.51.100.10", syns=2)]
    observations = [*others, *works("inside", INSIDE), *silent(), *before(OLD), *echoed(NEW)]
    diagnosis = diagnose(plan(OLD), Vantage(), observations)

    assert diagnosis.findings[0].cause != "outbound_ip_changed"


def test_addresses_that_were_taken_out():
    """A redacted report is diagnosed again without accusing what cannot be compared."""
    diagnosis = diagnosed(plan("203.0.113.0/24"), works("partner", PARTNER), echoed("public-1"), before("public-2"))

    assert found(diagnosis) == []
