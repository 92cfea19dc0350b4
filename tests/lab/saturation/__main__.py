"""The score: `python -m tests.lab.saturation [--only NAME...] [--repeat N] [--jobs J] [--keep FOLDER]`.

A name may be the beginning of several.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from tests.lab.harness import LabUnavailableError
from tests.lab.saturation.cases import CASES
from tests.lab.saturation.score import Scoring, Tally


def main() -> int:
    """Print one line a run, then what they say together; 1 where that falls short."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.saturation", description=__doc__)
    arguments.add_argument("--only", nargs="+", metavar="NAME", default=[], help="cases whose names begin so")
    arguments.add_argument("--repeat", type=int, default=1, help="runs of each")
    arguments.add_argument("--jobs", type=int, default=2, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for the reports")
    options = arguments.parse_args()
    chosen = [case for name, case in CASES.items() if name.startswith(tuple(options.only) or "")]
    if not chosen:
        arguments.error("no case has such a name")
    scores = []
    with contextlib.closing(Scoring(options.jobs)) as scoring:
        coming = [scoring.submit(case) for case in chosen for _ in range(options.repeat)]
        for number, future in enumerate(coming):
            try:
                score, outcome = future.result()
            except LabUnavailableError as error:
                sys.exit(f"the lab cannot be built here: {error}")
            print(score, flush=True)
            scores.append(score)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                name = f"{score.case.name}-{number % options.repeat + 1}"
                (options.keep / f"{name}.json").write_text(outcome.stdout)
                (options.keep / f"{name}.err").write_text(outcome.stderr)
    tally = Tally(scores)
    print(tally)
    for reason in tally.shortfalls:
        print("falls short:", reason)
    return 1 if tally.shortfalls else 0


if __name__ == "__main__":
    sys.exit(main())
