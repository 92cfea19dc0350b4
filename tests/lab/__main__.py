"""The score: `python -m tests.lab [--variant NAME] [--jobs N] [--keep FOLDER] [NAME...]`.

A name may be the beginning of several; without any, all scenarios are scored.
"""

import argparse
import contextlib
import sys
from concurrent.futures import Future
from pathlib import Path

from tests.lab.harness import LabUnavailableError, Outcome
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Score, Scoring
from tests.lab.tally import Tally
from tests.lab.variants import PLAIN, VARIANTS, Variant


def main() -> int:
    """Print one line a scenario, then what they say together; 1 where that falls short, or a named one is wrong."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--variant", choices=[*VARIANTS, "all"], default=PLAIN.name, help="other circumstances")
    arguments.add_argument("--jobs", type=int, default=3, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for the reports, by variant")
    options = arguments.parse_args()
    variants = list(VARIANTS.values()) if options.variant == "all" else [VARIANTS[options.variant]]
    named = [scenario for name, scenario in SCENARIOS.items() if name.startswith(tuple(options.names) or "")]
    chosen = {variant: [scenario for scenario in named if variant.has(scenario)] for variant in variants}
    if not any(chosen.values()):
        arguments.error("no scenario has such a name")
    with contextlib.closing(Scoring(options.jobs)) as scoring:
        coming = {
            variant: [scoring.submit(scenario, variant=variant) for scenario in scenarios]
            for variant, scenarios in chosen.items()
            if scenarios
        }
        tallies = [_tally(variant, futures, options.keep) for variant, futures in coming.items()]
    for tally in tallies:
        print(tally)
    if options.names:  # floors are for all of them together
        return 0 if all(score.right for tally in tallies for score in tally.scores) else 1
    shortfalls = [reason for tally in tallies for reason in (*tally.shortfalls(), *tally.late())]
    for reason in shortfalls:
        print("falls short:", reason)
    return 1 if shortfalls else 0


def _tally(variant: Variant, futures: list[Future[tuple[Score, Outcome]]], keep: Path | None) -> Tally:
    """The scores of a variant as they come in; its reports are kept where there is a folder for them."""
    scores = []
    for future in futures:
        try:
            score, outcome = future.result()
        except LabUnavailableError as error:
            sys.exit(f"the lab cannot be built here: {error}")
        print(score, flush=True)
        scores.append(score)
        if keep:
            folder = keep / variant.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{score.scenario.name}.json").write_text(outcome.stdout)
            (folder / f"{score.scenario.name}.err").write_text(outcome.stderr)
    return Tally(variant, scores)


if __name__ == "__main__":
    sys.exit(main())
