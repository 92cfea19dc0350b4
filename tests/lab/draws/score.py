"""Whether a report says the truth about a draw, and the same of a report that was kept."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from reports.diagnose import conclude
from reports.document import from_document, to_document
from reports.statistics import wilson
from tests.lab.draws import calibration
from tests.lab.draws.draw import draw
from tests.lab.harness import Lab, Outcome
from tests.lab.scenario import EXIT_CODES, HEALTHY, Scenario
from tests.lab.score import judge

RIGHT, EQUAL, WRONG = "right", "equal", "WRONG"


@frozen(kw_only=True)
class Truth:
    """What is wrong in a draw. ``alike``: what cannot be told apart from it there, and why."""

    seed: int
    words: str
    cause: str | None
    targets: tuple[str, ...]
    verdict: str
    alike: Mapping[str, str]

    def scenario(self, cause: str | None) -> Scenario:
        """What is expected where this is said to be the cause."""
        return Scenario(
            name=f"draw-{self.seed}",
            title=self.words,
            plan={},
            expected=cause,
            targets=self.targets,
            verdict=self.verdict,
        )


@frozen(kw_only=True)
class Score:
    """``mark``: right; equal to it, as nothing in the draw would tell the two apart; wrong, and ``wrong`` says why.

    ``stated`` is False where nothing was found: there is no confidence then.
    """

    truth: Truth
    mark: str
    found: str
    confidence: float
    stated: bool
    seconds: float
    wrong: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """The first finding names the very cause."""
        return self.found == (self.truth.cause or HEALTHY)

    def __str__(self) -> str:
        truth = self.truth
        line = (
            f"{self.mark:5} {truth.seed:6} {truth.cause or HEALTHY:26} {self.found:26} {self.confidence:4.0%} "
            f"{self.seconds:5.2f} s  {truth.words}"
        )
        return "\n".join((line, *(f"             {reason}" for reason in self.wrong)))


def truth_of(seed: int) -> Truth:
    """The truth about the draw of this seed."""
    trouble = draw(seed).trouble
    return Truth(
        seed=seed,
        words=trouble.words,
        cause=trouble.cause,
        targets=trouble.targets,
        verdict=trouble.verdict,
        alike=trouble.alike,
    )


def run(lab: Lab, seed: int) -> tuple[Score, Outcome]:
    """Build the draw, run linkdoctor in it, take it away, judge."""
    drawn = draw(seed)
    try:
        lab.call("draw", seed=seed)
        outcome = lab.check(drawn.plan, drawn.scenario.vantage)
    finally:
        lab.call("undo")
    return score(truth_of(seed), outcome), outcome


def score(truth: Truth, outcome: Outcome) -> Score:
    """Right, equal or wrong."""
    judged = judge(truth.scenario(truth.cause), outcome)
    mark = RIGHT if judged.right else WRONG
    if mark == WRONG and truth.cause is not None and judged.found in truth.alike:
        alike = truth.scenario(judged.found)
        if judge(evolve(alike, also=(truth.cause, *truth.alike)), outcome).right:
            mark = EQUAL
    return Score(
        truth=truth,
        mark=mark,
        found=judged.found,
        confidence=judged.confidence,
        stated=bool(outcome.report and judged.found != HEALTHY),
        seconds=judged.seconds,
        wrong=judged.wrong if mark == WRONG else (),
    )


def keep(folder: Path, truth: Truth, outcome: Outcome) -> None:
    """Write a draw's truth and report into one file."""
    kept = {
        "seed": truth.seed,
        "words": truth.words,
        "cause": truth.cause,
        "targets": truth.targets,
        "verdict": truth.verdict,
        "alike": dict(truth.alike),
        "seconds": outcome.seconds,
        "report": outcome.report,
    }
    (folder / f"{truth.seed}.json").write_text(json.dumps(kept, indent=1))


def rescored(*folders: Path) -> Iterator[Score]:
    """What today's rules say of the observations that were kept; nothing is measured."""
    kept_paths = (path for folder in folders for path in folder.glob("*.json"))
    for path in sorted(kept_paths, key=lambda path: int(path.stem)):
        kept = json.loads(path.read_text())
        truth = Truth(
            seed=kept["seed"],
            words=kept["words"],
            cause=kept["cause"],
            targets=tuple(kept["targets"]),
            verdict=kept["verdict"],
            alike=kept["alike"],
        )
        yield score(truth, _again(kept["report"], kept["seconds"]))


def _again(document: Mapping[str, Any] | None, seconds: float) -> Outcome:
    if document is None:
        return Outcome(3, None, "", "there is no report", seconds)
    before = from_document(document)
    report = to_document(conclude(before.run, before.vantage, before.observations))
    return Outcome(EXIT_CODES[report["verdict"]], report, "", "", seconds)


def summary(scores: Sequence[Score]) -> str:
    """The score, the misses by truth and finding, the causes one by one, and the table of calibration."""
    return "\n\n".join("\n".join(part(scores)) for part in (_shares, _misses, _by_cause, _calibration))


def _shares(scores: Sequence[Score]) -> Iterator[str]:
    marks = [one.mark for one in scores]
    good = len(marks) - marks.count(WRONG)
    low, high = wilson(good, len(marks), calibration.Z)
    yield f"{good} of {len(marks)} right or equal: {good / len(marks):.1%} [{low:.1%}, {high:.1%}]"
    yield f"{marks.count(RIGHT)} right, {marks.count(EQUAL)} not to be told apart from it, {marks.count(WRONG)} wrong"
    seconds = sorted(one.seconds for one in scores)
    yield f"median {seconds[len(seconds) // 2]:.2f} s, longest {seconds[-1]:.2f} s"


def _misses(scores: Sequence[Score]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in scores:
        if one.mark == WRONG:
            groups[one.truth.cause or HEALTHY, one.found].append(one.truth.seed)
    yield "wrong: truth, found, seeds"
    for (truth, found), seeds in sorted(groups.items(), key=lambda group: -len(group[1])):
        yield f"{len(seeds):4}  {truth:28} {found:28} {' '.join(map(str, seeds[:12]))}"


def _by_cause(scores: Sequence[Score]) -> Iterator[str]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        if one.stated:
            groups[one.found].append(one)
    yield "first finding, how often, with which confidence, how often right"
    for found, group in sorted(groups.items(), key=lambda named: -len(named[1])):
        stated = sum(one.confidence for one in group) / len(group)
        right = sum(one.exact for one in group)
        yield f"{found:30} {len(group):4}   stated {stated:5.1%}   right {right / len(group):5.1%}"


def _calibration(scores: Sequence[Score]) -> Iterator[str]:
    said = [calibration.Said(confidence=one.confidence, right=one.exact) for one in scores if one.stated]
    yield f"confidence of {len(said)} first findings; right is the true cause exactly"
    found = calibration.bins(said)
    yield from map(str, found)
    if found:
        yield f"Brier score {calibration.brier(said):.3f}"
        yield f"expected calibration error {calibration.expected_error(found):.1%}"
