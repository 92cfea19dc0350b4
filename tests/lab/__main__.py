"""The score: `python -m tests.lab [--jobs N] [--keep FOLDER] [NAME...]`. A name may be the beginning of several."""

import argparse
import contextlib
import sys
from pathlib import Path

from tests.lab.harness import LabUnavailableError
from tests.lab.scenarios import SCENARIOS
from tests.lab.score import Scoring


def main() -> int:
    """Print one line a scenario, then the score; 1 unless all are right."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--jobs", type=int, default=3, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for the reports")
    options = arguments.parse_args()
    chosen = [scenario for name, scenario in SCENARIOS.items() if name.startswith(tuple(options.names) or "")]
    if not chosen:
        arguments.error("no scenario has such a name")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    right = 0
    with contextlib.closing(Scoring(options.jobs)) as scoring:
        for coming in [scoring.submit(scenario) for scenario in chosen]:
            try:
                score, outcome = coming.result()
            except LabUnavailableError as error:
                sys.exit(f"the lab cannot be built here: {error}")
            print(score, flush=True)
            right += score.right
            if options.keep:
                (options.keep / f"{score.scenario.name}.json").write_text(outcome.stdout)
                (options.keep / f"{score.scenario.name}.err").write_text(outcome.stderr)
    print(f"{right} of {len(chosen)} right")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
