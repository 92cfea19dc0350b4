"""The score: `python -m tests.lab.comparisons [--jobs N] [--keep FOLDER] [NAME...]`."""

import argparse
import contextlib
import sys
from pathlib import Path

from reports.document import dumps
from tests.lab.comparisons.cases import CASES
from tests.lab.comparisons.score import Scoring
from tests.lab.harness import LabUnavailableError


def main() -> int:
    """Print one line a case, then the score; 1 unless all are right."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.comparisons", description=__doc__)
    arguments.add_argument("names", nargs="*", metavar="NAME", help="the beginning of a case's name")
    arguments.add_argument("--jobs", type=int, default=3, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for the reports")
    options = arguments.parse_args()
    chosen = [case for name, case in CASES.items() if name.startswith(tuple(options.names) or "")]
    if not chosen:
        arguments.error("no case has such a name")
    right = 0
    with contextlib.closing(Scoring(options.jobs)) as scoring:
        for case, coming in [(case, scoring.submit(case)) for case in chosen]:
            try:
                score, reports = coming.result()
            except LabUnavailableError as error:
                sys.exit(f"the lab cannot be built here: {error}")
            print(score, flush=True)
            right += score.right
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                for number, report in enumerate(reports, 1):
                    (options.keep / f"{case.name}-{number}.json").write_text(dumps(report, lines=True))
    print(f"{right} of {len(chosen)} right")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
