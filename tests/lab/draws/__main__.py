"""Random networks: `python -m tests.lab.draws [--draws N] [--seed N] [--jobs N] [--keep DIR] [--again SEED...]`.

`--rescore DIR...` diagnoses what was kept again, with today's rules and without a network: one table of all folders.
"""

import argparse
import contextlib
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.lab.draws import score
from tests.lab.harness import LabUnavailableError
from tests.lab.labs import Labs


def main() -> int:
    """Print one line a draw, then the score, the misses and the calibration; 1 unless none is wrong."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.draws", description=__doc__)
    arguments.add_argument("--draws", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=1, help="of the first draw; the others follow")
    arguments.add_argument("--jobs", type=int, default=3, help="labs side by side")
    arguments.add_argument("--keep", type=Path, help="a folder for truths and reports")
    arguments.add_argument("--again", type=int, nargs="+", metavar="SEED", help="these draws alone")
    arguments.add_argument("--rescore", type=Path, nargs="+", metavar="DIR", help="diagnose what was kept there again")
    options = arguments.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    scores = []
    try:
        for one in score.rescored(*options.rescore) if options.rescore else _run(options):
            print(one, flush=True)
            scores.append(one)
    except LabUnavailableError as error:
        sys.exit(f"the lab cannot be built here: {error}")
    print("\n" + score.summary(scores))
    return int(any(one.mark == score.WRONG for one in scores))


def _run(options: argparse.Namespace) -> Iterator[score.Score]:
    seeds: Sequence[int] = options.again or range(options.seed, options.seed + options.draws)
    with contextlib.closing(Labs(options.jobs)) as labs:
        for coming in [labs.do(functools.partial(score.run, seed=seed)) for seed in seeds]:
            one, outcome = coming.result()
            if options.keep:
                score.keep(options.keep, one.truth, outcome)
            yield one


if __name__ == "__main__":
    sys.exit(main())
