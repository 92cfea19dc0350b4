"""kill -9 of a process that writes to a store, again and again: what it had acknowledged is there each time.

``python -m tests.agent.store.kills 200`` does so as often, and says what came of it.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.store import NAME, Store
from tests.agent.store.program import written

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = (sys.executable, "-m", "tests.agent.store.program")
# Room for everything; and room for so little that each run gives up some others.
ROOMY, TIGHT = 1 << 30, 300_000
# Of which these at least are there in any case.
_NEWEST = 50
# Seconds after which the kill comes: somewhere among many runs; somewhere in the making of a new file.
_AMONG_RUNS, _AT_BIRTH = 0.3, 0.02

Run = tuple[str, float]


def killed(path: Path, size: int, after_s: float) -> list[Run]:
    """Let the process write to the store, and kill it so long after it began; the runs that it had acknowledged."""
    command = (*PROGRAM, "write", str(path), str(size))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        process.stdout.readline()
        process.stdin.write(b"\n")
        process.stdin.flush()
        time.sleep(after_s)  # when the kill hits, and nothing waits for it
        process.kill()
        said = process.stdout.read().decode()
    return [(run, float(started)) for run, started in (line.split() for line in said.split("\n")[:-1])]


def lost(path: Path, acknowledged: list[Run], size: int) -> Iterator[str]:
    """What is not as it was acknowledged: each run's line and report; of a tight store the newest lines, one report."""
    with Store.open(path, tell=print) as store:
        lines = {run.id for run in store.runs("nightly-etl", most=1_000_000)}
        whole, listed = (acknowledged,) * 2 if size == ROOMY else (acknowledged[-1:], acknowledged[-_NEWEST:])
        yield from (f"{run}: no line" for run, _ in listed if run not in lines)
        yield from (f"{run}: another report" for run, started in whole if store.report(run) != written(started))
        check = store._connection.execute("PRAGMA integrity_check").fetchone()[0]
        if check != "ok":
            yield check


def rounds(folder: Path, times: int, seed: int) -> Iterator[tuple[int, list[str]]]:
    """Kill so often, by turns in a roomy store, a tight one, a new one; how many runs each had, and what was lost."""
    chosen = random.Random(seed)
    all_of: dict[Path, list[Run]] = {}
    for number in range(times):
        kind = number % 3
        size = (ROOMY, TIGHT, ROOMY)[kind]
        path = folder / ("roomy", "tight", f"new-{number}")[kind] / NAME
        acknowledged = killed(path, size, chosen.random() * (_AT_BIRTH if kind == 2 else _AMONG_RUNS))
        known = all_of.setdefault(path, [])
        known += acknowledged
        # All that it ever had, now and then: every time would take the square of it.
        asked = known if number >= times - 3 or number % 20 < 3 else acknowledged
        yield len(acknowledged), list(lost(path, asked, size))


def main(times: int) -> int:
    """The exit code: 1 where anything was lost."""
    with TemporaryDirectory() as folder:
        total = bad = 0
        for count, wrong in rounds(Path(folder), times, seed=time.time_ns()):
            total += count
            bad += len(wrong)
            for sentence in wrong:
                print(sentence, flush=True)
        print(f"killed {times:,} times, {total:,} runs acknowledged, {bad:,} things lost")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
