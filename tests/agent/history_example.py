"""The kept runs of docs/history.md: ten days of nightly-etl, in which the ENI gets another address.

``python -m tests.agent.history_example DIR`` makes them.
"""

import sys
from pathlib import Path

from attrs import evolve

from agent.store import NAME, Store
from reports.model import Report, content_id
from tests.reports import samples
from tests.reports.building import seen

BEGAN = 1_731_657_600.0  # 2024-11-15 08:00:00 UTC
RUNS, BROKE = 240, 235
OLD, NEW = "10.10.1.10", "10.10.1.12"


def run(number: int) -> Report:
    """One an hour. From BROKE on packets leave from another address, which the metastore does not admit."""
    report = samples.nightly() if number >= BROKE else samples.healthy()
    started = BEGAN + number * 3600
    source = NEW if number >= BROKE else OLD
    echo = seen("egress", "address", None, None, seen="203.0.113.7" if number < 100 else "203.0.113.9", via="direct")
    observations = tuple(
        evolve(one, started=started, facts={**one.facts, "source": source} if "source" in one.facts else one.facts)
        for one in (*report.observations, echo)
    )
    findings = tuple(
        evolve(one, cause="ip_whitelist_mismatch", confidence=0.62) if one.cause == "sg_drop" else one
        for one in report.findings
    )
    made = evolve(report.run, id=content_id("r-", number), started=started)
    return evolve(report, run=made, observations=observations, findings=findings)


def make(folder: Path) -> None:
    """All of them, in a store."""
    with Store.open(folder / NAME, tell=print) as store:
        for number in range(RUNS):
            store.keep(run(number))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
