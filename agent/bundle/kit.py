"""The carry-in kit: which of linkdoctor's own files run inside a job, on CPython 3.7.

``python -m agent.bundle.kit`` prints their names, one a line, for the tools that check them.
"""

from collections.abc import Iterator
from pathlib import Path

HOUSES = ("agent", "probes", "reports")

ROOT = Path(__file__).resolve().parents[2]

_OF_THE_AGENT = tuple(
    f"agent/{name}.py" for name in ("__init__", "runner", "look", "budget", "together", "vantage", "udf")
)
_ROOMS_OF_THE_AGENT = ("agent/experiments/", "agent/spark/")
# They need rich, and prometheus-client; or are asked of kept runs, and never inside a job.
_HOST_SIDE = ("reports/render/", "reports/metrics/", "reports/history.py", "reports/differences/")


def names() -> Iterator[str]:
    """The kit's files, relative to ROOT, sorted."""
    for house in HOUSES:
        for path in sorted((ROOT / house).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if house == "agent":
                carried = name in _OF_THE_AGENT or name.startswith(_ROOMS_OF_THE_AGENT)
            else:
                carried = not name.startswith(_HOST_SIDE)
            if carried:
                yield name


if __name__ == "__main__":
    print("\n".join(names()))  # noqa: T201 - what it is for
