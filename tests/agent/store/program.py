"""A process of its own that keeps runs in a store, for tests that do to it what no test could do to itself.

program.py write PATH SIZE         says that it is ready, waits for a line, and keeps runs until it is killed; a line
                                   for each that was acknowledged: its id and when it began
program.py fill PATH BALLAST       keeps runs until there is no room, and goes on when BALLAST is gone; what came of it
program.py clock PATH FILE DAYS... keeps a run at each of these times, in days from the first; FILE is the faked clock
"""

import itertools
import json
import os
import sys
import time
from pathlib import Path

from agent.store import DAY, Full, Retention, Store
from reports.model import FAILING, HEALTHY
from tests.agent.store.runs import AT, report


def say(text: str) -> None:
    """One line, at once."""
    os.write(1, text.encode() + b"\n")


def found(number: int, of: int = 60) -> dict[str, str]:
    """The verdicts of a run: now this target fails, now that."""
    return {f"target-{index}": FAILING if (number // 3 + index) % 20 == 0 else HEALTHY for index in range(of)}


def written(started: float):
    """The run that began then: from this alone it can be made again."""
    number = int(started - AT)
    return report(
        found(number), started=started, outbound=[f"203.0.113.{number // 50 % 250}"], ballast=str(number) * 500
    )


def write(path: str, size: str) -> None:
    """See the module."""
    say("ready")
    sys.stdin.readline()
    with Store.open(Path(path), tell=say, retention=Retention(size=int(size))) as store:
        begin = max((plan.last for plan in store.plans()), default=AT)
        for number in itertools.count(1):
            run = written(begin + number)
            store.keep(run)
            say(f"{run.run.id} {run.run.started}")
            store.tidy()


def fill(path: str, ballast: str) -> None:
    """See the module."""
    acknowledged, refused = [], []

    def keep(number: int) -> None:
        run = report(found(number), started=AT + number, ballast=os.urandom(10_000).hex())
        try:
            store.keep(run)
        except Full as error:
            refused.append(str(error))
        else:
            acknowledged.append(run)

    with Store.open(Path(path), tell=say) as store:
        numbers = itertools.count()
        while len(refused) < 5:
            keep(next(numbers))
        before = len(acknowledged)
        there = sum(store.report(run.run.id) == run for run in acknowledged)
        with Store.look(Path(path)) as asked:
            asked_there = sum(asked.report(run.run.id) == run for run in acknowledged)
        Path(ballast).unlink()
        for _ in range(5):
            keep(next(numbers))
        after = sum(store.report(run.run.id) == run for run in acknowledged)
        check = store._connection.execute("PRAGMA integrity_check").fetchone()[0]
    say(
        json.dumps(
            {
                "acknowledged": before,
                "there": there,
                "asked_there": asked_there,
                "refused": refused,
                "more": len(acknowledged) - before,
                "after": after,
                "check": check,
            }
        )
    )


def clock(path: str, file: str, *days: str) -> None:
    """See the module."""
    with Store.open(Path(path), tell=say, retention=Retention(age_s=30 * DAY)) as store:
        for number, day in enumerate(days):
            Path(file).write_text(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(AT + float(day) * DAY + number)))
            run = report(found(number), started=time.time())
            store.keep(run)
            while store.tidy():
                pass
            say(
                json.dumps(
                    {"id": run.run.id, "at": run.run.started, "kept": [one.id for one in store.runs("nightly-etl")]}
                )
            )


if __name__ == "__main__":
    {"write": write, "fill": fill, "clock": clock}[sys.argv[1]](*sys.argv[2:])
