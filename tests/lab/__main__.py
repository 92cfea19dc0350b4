"""The score: `python -m tests.lab [--jobs N] [--keep FOLDER] [NAME...]`. A name may be the beginning of several."""

import argparse
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.harness import Lab, LabUnavailableError
from tests.lab.scenario import Scenario
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Score, run


def scores(chosen: list[Scenario], jobs: int, keep: Path | None) -> Iterator[Score]:
    """Each scenario's score, in their order; ``jobs`` labs work side by side."""
    own = threading.local()
    labs: list[Lab] = []

    def score(scenario: Scenario) -> Score:
        if not hasattr(own, "lab"):
            own.lab = Lab().__enter__()
            labs.append(own.lab)
        result, outcome = run(own.lab, scenario)
        if keep is not None:
            (keep / f"{scenario.name}.json").write_text(outcome.stdout)
            (keep / f"{scenario.name}.err").write_text(outcome.stderr)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(score, chosen)
        finally:
            for lab in labs:
                lab.close()


def main() -> int:
    """Print one line a scenario, then the score; 1 unless all are right."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--jobs", type=int, default=2, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for the reports")
    options = arguments.parse_args()
    chosen = [scenario for name, scenario in SCENARIOS.items() if name.startswith(tuple(options.names) or "")]
    if not chosen:
        arguments.error("no scenario has such a name")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    right = 0
    try:
        for score in scores(chosen, options.jobs, options.keep):
            print(score, flush=True)
            right += score.right
    except LabUnavailableError as error:
        sys.exit(f"the lab cannot be built here: {error}")
    print(f"{right} of {len(chosen)} right")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
