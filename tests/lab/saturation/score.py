"""Whether linkdoctor says the truth about a way's limit, and whether anybody was harmed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from attrs import frozen

from tests.lab.harness import Lab, Outcome
from tests.lab.labs import Labs
from tests.lab.saturation.bench import Seen, standing
from tests.lab.saturation.case import CONCURRENT, NONE, RATE, Case
from tests.lab.scenario import EXIT_CODES

# The bounded time at a limit (seconds).
LONGEST_OUTAGE = 1.0
# The others' round trips may take so many times as long as before, or so many seconds more: this machine's noise.
SLOWER, NOISE = 3.0, 0.005

# What has to hold of all runs together: the shares whose kind, whose estimate, whose interval is right.
KIND, ESTIMATE, INTERVAL = 0.95, 0.95, 0.9


@frozen(kw_only=True)
class Score:
    """One run: what linkdoctor says, what router and other tenant say, and ``wrong``, in words: none, it is right.

    ``admits``: how many a bare program could open afterwards; None where it was not asked.
    """

    case: Case
    facts: Mapping[str, Any]
    cause: str
    verdict: str
    seconds: float
    seen: Seen
    admits: int | None

    @property
    def kind(self) -> str:
        """Which kind of limit it says that there is."""
        if "rate_limit" in self.facts:
            return RATE
        return CONCURRENT if "limit" in self.facts else NONE

    @property
    def estimate(self) -> tuple[float, float, float] | None:
        """The limit, and from where to where it may be; None where none was found."""
        names = {RATE: ("rate_limit", "rate_low", "rate_high"), CONCURRENT: ("limit", "limit_low", "limit_high")}
        if self.kind == NONE:
            return None
        value, low, high = (float(self.facts[name]) for name in names[self.kind])
        return value, low, high

    @property
    def kind_is_right(self) -> bool:
        """Concurrent connections, new ones per second, or no limit."""
        return bool(self.facts) and self.kind == self.case.kind

    @property
    def estimate_is_right(self) -> bool:
        """It is within the tolerance of the truth."""
        return (
            self.kind_is_right
            and self.estimate is not None
            and abs(self.estimate[0] - (self.case.limit or 0)) <= self.case.tolerance
        )

    @property
    def interval_holds(self) -> bool:
        """The truth lies in it."""
        return (
            self.kind_is_right
            and self.estimate is not None
            and self.estimate[1] <= (self.case.limit or 0) <= self.estimate[2]
        )

    @property
    def cause_is_right(self) -> bool:
        """It names one that may be named; none where nothing is wrong."""
        return self.cause in (self.case.causes or ("",))

    @property
    def usual(self) -> float:
        """Below what 95 of 100 of the others' round trips stay before linkdoctor begins; seconds."""
        return _percentile_95(self.seen.tenant["trips_before"])

    @property
    def later(self) -> float:
        """The same from then on."""
        return _percentile_95(self.seen.tenant["trips"])

    @property
    def harm(self) -> list[str]:
        """What was done to others, or is left."""
        seen, tenant, case = self.seen, self.seen.tenant, self.case
        harm = []
        if seen.most > case.most_tried:
            harm.append(f"{seen.most} connections at once were tried, of {case.most_tried} at most")
        if case.kind == RATE and seen.fastest > case.most_begun:
            harm.append(f"{seen.fastest} were begun in a second, of {case.most_begun} at most")
        if seen.tracked:
            harm.append(f"{seen.tracked} entries are still established in the router")
        if tenant["longest_outage"] >= LONGEST_OUTAGE:
            harm.append(f"others could open no connection for {tenant['longest_outage']:.2f} s")
        if seen.arrived and not case.loses_resets:
            harm.append(f"{seen.arrived} connections are still there at the far host")
        if tenant["died"]:
            harm.append(f"{tenant['died']} connections of others died")
        if tenant["retransmits"]:
            harm.append(f"{tenant['retransmits']} packets of others' conversation were lost")
        if self.later > max(SLOWER * self.usual, self.usual + NOISE):
            harm.append(f"others' packets took {self.later * 1000:.1f} ms, before {self.usual * 1000:.1f} ms")
        if self.admits is not None and self.admits < self._admitted_before:
            harm.append(f"only {self.admits} connections are admitted afterwards")
        return harm

    @property
    def _admitted_before(self) -> float:
        """Where a client's port comes again too soon the kernel (nf_conncount) may count a connection twice."""
        limit = self.case.limit or 0
        return limit - (self.case.tolerance if self.case.losses else limit // 200)

    @property
    def wrong(self) -> list[str]:
        """All that is."""
        case = self.case
        if not self.facts:
            return ["it measured nothing", *self.harm]
        wrong = self.harm
        if self.seen.dropped:
            wrong.append(f"{self.seen.dropped} packets were not seen")
        if not self.kind_is_right:
            wrong.append(f"kind {self.kind}, not {case.kind}")
        elif case.limit is not None and not self.estimate_is_right:
            wrong.append("the estimate is beyond the tolerance")
        elif case.limit is not None and not self.interval_holds:
            wrong.append("the interval does not hold the truth")
        if not self.cause_is_right:
            wrong.append(f"cause {self.cause or 'none'}, not {' or '.join(case.causes) or 'none'}")
        if self.verdict != case.verdict and not case.beside:
            wrong.append(f"verdict {self.verdict}, not {case.verdict}")
        return wrong

    def __str__(self) -> str:
        mark = "WRONG" if self.wrong else "ok   "
        truth = f"{self.case.kind} {self.case.limit or ''}"
        value = "no limit" if self.estimate is None else "%.4g [%.4g, %.4g]" % self.estimate
        tenant = self.seen.tenant
        line = (
            f"{mark} {self.case.name:24} {truth:16} {value:22} {self.cause or '-':28}"
            f" held {self.facts.get('held', '-'):>5} tried {self.seen.most:>5}, {self.seen.fastest:>3}/s"
            f" {self.seconds:6.1f} s  others: {tenant['longest_outage']:.2f} s out,"
            f" {tenant['failed']} of {tenant['knocks']} fail,"
            f" {self.usual * 1000:.1f} > {self.later * 1000:.1f} ms"
        )
        return "\n".join((line, *(f"        {reason}" for reason in self.wrong)))


class Scoring(Labs):
    """Scores cases, several at a time."""

    def submit(self, case: Case) -> Future[tuple[Score, Outcome]]:
        """The score to come, and what linkdoctor printed; see Labs.do."""
        return self.do(lambda lab: run(lab, case))


def run(lab: Lab, case: Case) -> tuple[Score, Outcome]:
    """Run linkdoctor once, and a bare program after it."""
    with standing(lab, case) as bench:
        outcome, seen = bench.check()
        if case.pool:
            bench.forget()
        # Of a rate nothing stays behind; where a tenant has left, its place is free as well.
        admits = bench.bare()["held"] if case.kind == CONCURRENT else None
    return judge(case, outcome, seen, admits), outcome


def judge(case: Case, outcome: Outcome, seen: Seen, admits: int | None) -> Score:
    """What it comes to."""
    report = outcome.report or {"observations": [], "findings": [], "verdict": f"code {outcome.code}"}
    limits = [one["facts"] for one in report["observations"] if (one["probe"], one["step"]) == ("saturation", "limit")]
    causes = [
        one["cause"]
        for one in report["findings"]
        if "measured" in one["targets"] and one["severity"] != "info" and one["cause"] not in case.beside
    ]
    verdict = report["verdict"]
    if outcome.report is not None and outcome.code != EXIT_CODES[verdict]:
        verdict = f"{verdict} with code {outcome.code}"
    return Score(
        case=case,
        facts=limits[-1] if limits else {},
        cause=causes[0] if causes else "",
        verdict=verdict,
        seconds=outcome.seconds,
        seen=seen,
        admits=admits,
    )


@frozen
class Tally:
    """All runs together."""

    scores: Sequence[Score]

    @property
    def shares(self) -> Mapping[str, tuple[int, int, float]]:
        """How many of how many are right, and the share that has to be."""
        limited = [score for score in self.scores if score.case.limit is not None]
        return {
            "kind of limit right": (*_count(score.kind_is_right for score in self.scores), KIND),
            "estimate within its tolerance": (*_count(score.estimate_is_right for score in limited), ESTIMATE),
            "interval holds the truth": (*_count(score.interval_holds for score in limited), INTERVAL),
            "no harm": (*_count(not score.harm for score in self.scores), 1.0),
        }

    @property
    def shortfalls(self) -> list[str]:
        """Of the shares that fall short."""
        return [
            f"{name}: {right} of {of}, less than {floor:.0%}"
            for name, (right, of, floor) in self.shares.items()
            if right < floor * of
        ]

    def __str__(self) -> str:
        lines = [f"{name}: {right} of {of}" for name, (right, of, _) in self.shares.items()]
        right, of = _count(score.cause_is_right for score in self.scores)
        worst = max(self.scores, key=lambda score: score.seen.most / score.case.most_tried)
        outage = max(self.scores, key=lambda score: score.seen.tenant["longest_outage"])
        lines += [
            f"cause right: {right} of {of}",
            f"most tried: {worst.seen.most} of {worst.case.most_tried} allowed ({worst.case.name})",
            f"others without a new connection: {outage.seen.tenant['longest_outage']:.2f} s ({outage.case.name})",
        ]
        rates = [score for score in self.scores if score.case.kind == RATE and score.case.limit]
        if rates:
            fastest = max(rates, key=lambda score: score.seen.fastest / score.case.most_begun)
            begun = f"{fastest.seen.fastest} of {fastest.case.most_begun} allowed"
            lines.append(f"most begun in a second at a limited rate: {begun} ({fastest.case.name})")
        return "\n".join(lines)


def _percentile_95(trips: Sequence[float]) -> float:
    return sorted(trips)[len(trips) * 95 // 100] if trips else 0.0


def _count(right: Any) -> tuple[int, int]:
    found = list(right)
    return sum(found), len(found)
