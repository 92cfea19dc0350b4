"""What is kept of one report: how each target looked from there, and who looked."""

from typing import Dict, List, Optional, Tuple

from attrs import frozen

from reports.case import Case
from reports.causes import CRITICAL, UNDETERMINED_CAUSES
from reports.evidence import Evidence
from reports.failures import Failure
from reports.model import Finding, Remedy, Report, Target, TargetResult, Vantage
from reports.rules import outbound
from reports.symptoms import symptom
from reports.words import seconds

# Probes that send nothing: a report that holds only these has not looked at any target.
_SENDS_NOTHING = frozenset({"settings", "local"})

_MOST_EVIDENCE = 3

# The names of a place that are compared.
LABELS = ("role", "executor", "executors", "container", "zone")

Shares = Tuple[Tuple[str, float], ...]


@frozen(kw_only=True)
class Symptom:
    """How a target looked, without where from: equal values are one object in a merge.

    ``shares``: the causes that the report itself thought possible, most likely first. ``reached``: bytes of the
    service came back; ``accepted``: a handshake completed. ``issuer`` is that of the certificate that was shown.
    """

    verdict: str
    stage: str = ""
    failure: Optional[Failure] = None
    shares: Shares = ()
    way: str = "auto"
    reached: bool = False
    accepted: bool = False
    issuer: str = ""

    @property
    def cause(self) -> str:
        """The likeliest cause; empty where there is none."""
        return self.shares[0][0] if self.shares else ""


@frozen(kw_only=True)
class Sight:
    """One target from one vantage point.

    ``source`` is the address that spoke to it, ``answers`` the addresses that the name had there, ``outbound`` the
    address from which it says that it sees us, or the echo does. ``words`` and ``evidence`` (observation ids) tell
    what happened.
    """

    target: Target
    symptom: Symptom
    source: str = ""
    answers: Tuple[str, ...] = ()
    outbound: str = ""
    words: str = ""
    evidence: Tuple[str, ...] = ()
    remedies: Tuple[Tuple[str, Remedy], ...] = ()


def has_probed(report: Report) -> bool:
    """Whether the report looked at any target; lint and an instance without a share of the budget do not."""
    return any(seen.probe not in _SENDS_NOTHING for seen in report.observations)


def sights(report: Report) -> List[Sight]:
    """How each target looked."""
    evidence = Evidence(report.run.plan, report.vantage, report.observations)
    findings = {finding.id: finding for finding in report.findings}
    looks = []
    for result in report.targets:
        case = evidence.cases.get(result.name)
        if case is not None:
            looks.append(_sight(case, result, findings))
    return looks


def own_addresses(vantage: Vantage) -> Tuple[str, ...]:
    """The machine's addresses without prefix length and interface."""
    return tuple(address.partition("/")[0] for address in vantage.addresses)


def _sight(case: Case, result: TargetResult, findings: Dict[str, Finding]) -> Sight:
    blamed = [findings[id_] for id_ in result.findings if id_ in findings]
    blamed = [one for one in blamed if one.severity == CRITICAL and one.cause not in UNDETERMINED_CAUSES]
    first = case.broken[0] if case.broken else None
    return Sight(
        target=case.target,
        symptom=Symptom(
            verdict=result.verdict,
            stage=case.stage,
            failure=first.failure if first else None,
            shares=_shares(blamed),
            way=case.way,
            reached=case.reached,
            accepted=bool(case.connected),
            issuer=next((str(seen.facts["issuer"]) for seen in case.handshakes if "issuer" in seen.facts), ""),
        ),
        source=case.source,
        answers=case.job_ips or case.ips,
        outbound=_outbound(case),
        words=_words(case, blamed),
        evidence=tuple(seen.id for seen in case.broken or case.exchanges[:1] or case.connected[:1])[:_MOST_EVIDENCE],
        remedies=tuple((one.cause, one.remedy) for one in blamed),
    )


def _shares(blamed: List[Finding]) -> Shares:
    """The causes of the findings and their candidates; together they are at most certain."""
    found: Dict[str, float] = {}
    for finding in blamed:
        pairs = [(finding.cause, finding.confidence)] + [(one.cause, one.confidence) for one in finding.candidates]
        for cause, share in pairs:
            found[cause] = max(share, found.get(cause, 0.0))
    total = max(1.0, sum(found.values()))
    # Two digits: what only the noise of a measurement tells apart is one symptom.
    return tuple((cause, round(share / total, 2)) for cause, share in found.items())


def _words(case: Case, blamed: List[Finding]) -> str:
    """What happened, in words; empty where nothing is broken."""
    if not case.stage:
        if not case.connected:
            return ""
        return "answers in %s" % seconds(min(seen.duration_s for seen in case.connected))
    return symptom(case).words or next((one.because[0] for one in blamed if one.because), "") or _bare(case)


def _bare(case: Case) -> str:
    failure = case.broken[0].failure or Failure.UNKNOWN
    return "%s: %s" % (case.stage, failure.value)


def _outbound(case: Case) -> str:
    """The address under which the target sees this place; "" where that is not known, or is one of several."""
    now = outbound.of(case)
    return now.seen[0] if now is not None and len(now.seen) == 1 else ""
