"""``python -m benchmarks [NAME...]``: one table; exit code 1 where a goal is missed, 3 where something cannot run."""

import sys
from collections.abc import Callable, Iterable

from benchmarks import compare, connect, diagnose, hold, logs, metrics, page, serve, silent, startup, store, sweep, udf
from benchmarks.measure import CannotRun, Result

BENCHMARKS: dict[str, Callable[[], Iterable[Result]]] = {
    "startup": startup.run,
    "connect": connect.run,
    "silent": silent.run,
    "diagnose": diagnose.run,
    "compare": compare.run,
    "logs": logs.run,
    "udf": udf.run,
    "hold": hold.run,
    "metrics": metrics.run,
    "sweep": sweep.run,
    "store": store.run,
    "page": page.run,
    "serve": serve.run,
}

_ROW = "{:<9} {:<53} {:>8} {:>7}  {:<8}  {}"


def main(names: list[str]) -> int:
    """Run what is named, or all of it."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 3
    code = 0
    print(_ROW.format("", "what", "measured", "goal", "", "of which"))
    for name in names or BENCHMARKS:
        try:
            for result in BENCHMARKS[name]():
                print(_row(name, result), flush=True)
                code = code if result.good else max(code, 1)
        except CannotRun as reason:
            print(_ROW.format(name, "could not run", "", "", "", reason), flush=True)
            code = 3
    return code


def _row(name: str, result: Result) -> str:
    goal, said = "", ""
    if result.goal is not None:
        goal, said = f"<= {result.goal:g}", "ok" if result.good else "too slow"
    return _ROW.format(name, result.what, f"{result.measured:.3g}", goal, said, result.detail)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
