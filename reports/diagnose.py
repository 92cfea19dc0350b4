"""From observations to findings: pure, repeatable, indifferent to the order of observations.

For each target the first broken stage is explained: the rules that may explain it weigh what speaks for and against
them, and their shares are the confidences. Where none is broken, what impairs the target competes in the same way.
Standalone rules (warnings, settings) are reported beside. Equal causes of equal scope become one finding. What would
separate what is still possible, or clear a suspicion, is asked for as experiments (``wanted``).
"""

from collections import defaultdict
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from attrs import evolve, frozen

from reports.case import Case
from reports.causes import CAUSES, CRITICAL, FALLBACK, UNDETERMINED_CAUSES, WARNING
from reports.evidence import NOBODY, Evidence
from reports.facts import as_written
from reports.failures import Failure
from reports.model import (
    DEGRADED,
    FAILING,
    HEALTHY,
    SEVERITIES,
    UNDETERMINED,
    Candidate,
    Cleared,
    Finding,
    Observation,
    Plan,
    Report,
    Run,
    TargetResult,
    Vantage,
    content_id,
    worst,
)
from reports.remedies import decided_by, remedy
from reports.rules import meanwhile
from reports.rules.contract import CONNECT, GROUP, HOST, LOAD, NAME, RUN, SUBNET, WAY, WORKS, Proof, Rule, Table, Want
from reports.rules.table import possible
from reports.symptoms import symptom
from reports.words import listed

# The weight of whatever is not in the catalogue: no confidence reaches 1 on thin evidence.
_SOMETHING_ELSE = 0.01
# Of what impairs a target that works, the catalogue knows less than of what breaks one.
_ELSE_WHERE_IT_WORKS = 0.02
# A candidate below this share is not worth a tired person's time.
_LEAST_SHARE = 0.05
_MOST_CANDIDATES = 4
# How likely it is that another accepted the connection, where nothing tells who did.
_ACCEPTED_BY_ANOTHER = 0.05
# How much less sure of anything one is where what was seen first does not hold any more.
_CHANGED = 2.0
# Above this confidence no experiment is asked for.
_SETTLED = 0.9


@frozen(kw_only=True)
class Diagnosis:
    """What the observations mean, and the experiments that would make it surer; some of them at the end alone."""

    verdict: str
    targets: Tuple[TargetResult, ...] = ()
    findings: Tuple[Finding, ...] = ()
    cleared: Tuple[Cleared, ...] = ()
    wanted: Tuple[Want, ...] = ()
    wanted_last: Tuple[Want, ...] = ()


@frozen(kw_only=True)
class _Explanation:
    """One rule that holds for one case."""

    case: Case
    rule: Rule
    confidence: float
    severity: str
    proofs: Tuple[Proof, ...]
    candidates: Tuple[Tuple[Rule, float], ...] = ()


@frozen(kw_only=True)
class _Contest:
    """How the rules that may explain a case's broken stage, or what impairs it where none is, fared."""

    shares: Tuple[Tuple[Rule, float, Tuple[Proof, ...]], ...] = ()
    refuted: Tuple[Tuple[Rule, Proof], ...] = ()

    @property
    def is_likely(self) -> bool:
        """Whether any of them is worth telling."""
        return bool(self.shares) and self.shares[0][1] >= _LEAST_SHARE


def diagnose(
    plan: Plan,
    vantage: Vantage,
    observations: Iterable[Observation],
    settings_only: bool = False,
    rules: Optional[Table] = None,
) -> Diagnosis:
    """What the observations of one run mean. Never raises for anything that was observed.

    ``settings_only``: nothing was to be measured, so that a target without a finding is healthy. ``rules``: those that
    may hold, where it is known that no others can; None: all that can by what was observed.
    """
    evidence = Evidence(plan, vantage, observations)
    rules = rules or possible(evidence.kinds)
    explanations: List[_Explanation] = []
    ruled_out: Dict[Tuple[str, Tuple[str, ...]], List[Tuple[Case, str]]] = defaultdict(list)
    wanted: Dict[Want, None] = {}
    where_it_works = tuple(stage for stage in (WORKS, LOAD) if rules.explaining[stage])
    for case in evidence.cases.values():
        for stage in (case.stage,) if case.stage else where_it_works:
            contest = _contest(rules, case, stage)
            if not case.stage and not contest.is_likely:
                continue
            explanations.append(_winner(case, contest))
            for rule, proof in contest.refuted:
                ids = tuple(seen.id for seen in proof.observations)
                ruled_out[proof.words, ids].append((case, rule.cause))
            if not contest.shares or contest.shares[0][1] < _SETTLED:
                for rule, share, _ in contest.shares:
                    if share >= _LEAST_SHARE:
                        wanted.update(dict.fromkeys(rule.wants(case)))
        for suspicion in rules.suspicions:
            for want in suspicion(case):
                wanted[want] = None
        for rule in rules.standalone:
            premise = rule.applies(case)
            if premise is not None:
                explanations.append(_standalone(case, rule, premise))
    findings = _findings(plan, explanations)
    settled = settings_only or not (plan.targets or _left_open(evidence))
    targets = _verdicts(evidence.cases.values(), findings, settled)
    wanted_last = meanwhile.wants(evidence)
    evidence.release()
    return Diagnosis(
        verdict=worst(tuple(target.verdict for target in targets)),
        targets=targets if plan.targets else (),
        findings=findings,
        cleared=_cleared(ruled_out),
        wanted=tuple(wanted),
        wanted_last=wanted_last,
    )


def conclude(
    run: Run, vantage: Vantage, observations: Sequence[Observation], diagnosis: Optional[Diagnosis] = None
) -> Report:
    """The report on a run: its observations, and what they mean (worked out here where it is not known yet)."""
    if diagnosis is None:
        diagnosis = diagnose(run.plan, vantage, observations)
    return Report(
        run=run,
        vantage=vantage,
        verdict=diagnosis.verdict,
        targets=diagnosis.targets,
        findings=diagnosis.findings,
        cleared=diagnosis.cleared,
        observations=tuple(observations),
    )


def conclude_again(report: Report) -> Report:
    """The rules applied again to the observations that a document holds. Raises reports.facts.OddFactsError."""
    with as_written():
        return conclude(report.run, report.vantage, report.observations)


def _left_open(evidence: Evidence) -> bool:
    """Where no target was named, what was to be known is who answers in the networks that were swept."""
    from reports.rules import sweeps  # noqa: PLC0415 - start-up: few runs sweep

    return sweeps.leave_anything_open(evidence)


def _contest(rules: Table, case: Case, stage: str) -> _Contest:
    weighed: List[Tuple[Rule, float, Tuple[Proof, ...]]] = []
    refuted: List[Tuple[Rule, Proof]] = []
    possible = rules.explaining[stage]
    if case.behind:
        possible += tuple(rule for rule in rules.explaining[CONNECT] if rule not in possible)
    for rule in possible:
        premise = rule.applies(case)
        if premise is None:
            continue
        weight, proofs, against = rule.prior, [premise], None
        if stage not in rule.explains and not case.accepted_for:
            weight *= _ACCEPTED_BY_ANOTHER
        for clue in rule.clues:
            proof = clue.test(case)
            if proof is None:
                continue
            weight *= clue.factor
            if clue.factor > 1:
                proofs.append(proof)
            elif clue.factor == 0:
                against = proof
                break
        if against is not None:
            refuted.append((rule, against))
        else:
            weighed.append((rule, weight, tuple(proofs)))
    if not weighed:
        return _Contest(refuted=tuple(refuted))
    total = sum(weight for _, weight, _ in weighed) * (_CHANGED if meanwhile.changed(case) else 1)
    total += _SOMETHING_ELSE if case.stage else _ELSE_WHERE_IT_WORKS
    shares = sorted(((rule, weight / total, proofs) for rule, weight, proofs in weighed), key=lambda one: -one[1])
    return _Contest(shares=tuple(shares), refuted=tuple(refuted))


def _winner(case: Case, contest: _Contest) -> _Explanation:
    if not contest.is_likely:
        failed = case.broken
        code = FALLBACK.get(failed[0].failure or Failure.UNKNOWN, "service_hang")
        fallback = Rule(cause=code)
        return _Explanation(
            case=case, rule=fallback, confidence=0.1, severity=CAUSES[code].severity, proofs=(Proof("", failed),)
        )
    rule, share, proofs = contest.shares[0]
    others = tuple((other, part) for other, part, _ in contest.shares[1:] if part >= _LEAST_SHARE)
    return _Explanation(
        case=case,
        rule=rule,
        confidence=share,
        severity=_severity(rule, case),
        proofs=(symptom(case), *proofs, meanwhile.changed(case) or Proof()),
        candidates=others[:_MOST_CANDIDATES],
    )


def _standalone(case: Case, rule: Rule, premise: Proof) -> _Explanation:
    proofs = [premise] + [proof for proof in (clue.test(case) for clue in rule.clues) if proof is not None]
    return _Explanation(
        case=case,
        rule=rule,
        confidence=min(rule.prior, 1.0),
        severity=_severity(rule, case),
        proofs=tuple(proofs),
    )


def _severity(rule: Rule, case: Case) -> str:
    own = rule.severity(case) if rule.severity is not None else None
    return own or CAUSES[rule.cause].severity


def _scope(explanation: _Explanation) -> Tuple[str, ...]:
    scope, case = explanation.rule.scope, explanation.case
    if scope == RUN:
        return ()
    if scope == NAME:
        return (case.target.host,)
    if scope == HOST:
        return case.ips or (case.target.host,)
    if scope == WAY:
        return (case.way,)
    if scope == GROUP:
        return (case.target.group or "",)
    if scope == SUBNET:
        return case.subnets or (case.target.host,)
    return (case.target.name,)


def _findings(plan: Plan, explanations: Sequence[_Explanation]) -> Tuple[Finding, ...]:
    """One finding a cause and scope, most important first; equals in the plan's order."""
    groups: Dict[Tuple[str, str, Tuple[str, ...]], List[_Explanation]] = defaultdict(list)
    for one in explanations:
        groups[one.rule.cause, one.severity, _scope(one)].append(one)
    made = [_finding(group) for group in groups.values()]
    place = {target.name: index for index, target in enumerate(plan.targets)}
    made.sort(
        key=lambda one: (
            SEVERITIES.index(one.severity),
            -len(one.targets),
            -one.confidence,
            place[one.targets[0]] if one.targets else 0,
            one.cause,
        )
    )
    return tuple(made)


def _finding(group: Sequence[_Explanation]) -> Finding:
    lead = group[0]
    cause = CAUSES[lead.rule.cause]
    cases = [one.case for one in group]
    words = list(dict.fromkeys(proof.words for proof in lead.proofs if proof.words))
    # What holds of something that they have in common is said of all of them already.
    if any(one.proofs != lead.proofs for one in group[1:]):
        words.append("the same of %s" % listed([case.target.name for case in cases[1:]]))
    evidence = dict.fromkeys(seen.id for one in group for proof in one.proofs for seen in proof.observations)
    confidence = sum(one.confidence for one in group) / len(group)
    candidates = tuple(
        Candidate(cause=rule.cause, confidence=round(share, 3), decided_by=decided_by(rule, cases))
        for rule, share in _shared_candidates(group)
    )
    surer = ""
    if confidence < _SETTLED:
        hints = [decided_by(lead.rule, cases)] + [candidate.decided_by for candidate in candidates]
        surer = next((hint for hint in hints if hint), "")
    finding = Finding(
        cause=cause.code,
        layer=cause.layer,
        severity=lead.severity,
        confidence=round(confidence, 3),
        targets=tuple(dict.fromkeys(case.target.name for case in cases if case.target is not NOBODY)),
        summary=cause.meaning,
        because=tuple(words),
        evidence=tuple(evidence),
        candidates=candidates,
        remedy=remedy(lead.rule, cases),
        surer=surer,
    )
    return evolve(finding, id=content_id("f-", finding.cause, finding.severity, finding.targets, finding.evidence))


def _shared_candidates(group: Sequence[_Explanation]) -> List[Tuple[Rule, float]]:
    """What else it may be, with the mean of its shares, as the finding's confidence is the mean of theirs."""
    if len(group) == 1:
        return list(group[0].candidates)
    sums: Dict[Rule, float] = defaultdict(float)
    for one in group:
        for rule, share in one.candidates:
            sums[rule] += share / len(group)
    likely = sorted((entry for entry in sums.items() if entry[1] >= _LEAST_SHARE), key=lambda entry: -entry[1])
    return likely[:_MOST_CANDIDATES]


def _cleared(ruled_out: Dict[Tuple[str, Tuple[str, ...]], List[Tuple[Case, str]]]) -> Tuple[Cleared, ...]:
    return tuple(
        Cleared(
            targets=tuple(dict.fromkeys(case.target.name for case, _ in cases)),
            causes=tuple(dict.fromkeys(code for _, code in cases)),
            because=words,
            evidence=ids,
        )
        for (words, ids), cases in ruled_out.items()
    )


def _verdicts(cases: Iterable[Case], findings: Sequence[Finding], settled: bool) -> Tuple[TargetResult, ...]:
    about: Dict[str, List[Finding]] = defaultdict(list)
    for finding in findings:
        for name in finding.targets or (NOBODY.name,):
            about[name].append(finding)
    return tuple(
        TargetResult(
            name=case.target.name,
            address=case.target.address,
            verdict=_verdict(case.settled or settled, about[case.target.name]),
            latency_s=case.latency,
            findings=tuple(finding.id for finding in about[case.target.name]),
        )
        for case in cases
    )


def _verdict(settled: bool, findings: Sequence[Finding]) -> str:
    if any(finding.severity == CRITICAL and finding.cause not in UNDETERMINED_CAUSES for finding in findings):
        return FAILING
    if not settled or any(finding.cause in UNDETERMINED_CAUSES for finding in findings):
        return UNDETERMINED
    return DEGRADED if any(finding.severity == WARNING for finding in findings) else HEALTHY
