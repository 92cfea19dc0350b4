"""What a test has of a case: its network, linkdoctor and a bare program in it, and what was seen."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from tests.lab.harness import LINKDOCTOR, PLAN, ROOT, Lab, Outcome, plan_file
from tests.lab.saturation.case import MEASURED, RATE, Case
from tests.lab.saturation.places import FAR_ADDRESS, JOB

_CHECK = (str(LINKDOCTOR), "check", PLAN, "--format", "json")
# How much more than the limit the bare program asks for, and for how many seconds it asks for twice a rate.
_MORE, _SECONDS = 1.2, 4
_AT_LEAST, _FASTEST = 10, 500


@frozen
class Seen:
    """What router, far host and other tenant say of a run.

    ``most``: connections at once, and ``fastest``: the most begun in a second, as they went over the router's wire.
    ``tracked`` and ``arrived``: of the job's, those
    still established after it, in the router's table and at the far host. ``dropped``: packets that nobody could see.
    ``tenant``: tests/lab/saturation/tenant.py, ``Seen``.
    """

    most: int
    fastest: int
    tracked: int
    arrived: int
    dropped: int
    tenant: Mapping[str, Any]


class Bench:
    """A case's network, standing."""

    def __init__(self, lab: Lab, case: Case) -> None:
        self._lab = lab
        self.case = case

    def check(self) -> tuple[Outcome, Seen]:
        """Run linkdoctor, under observation."""
        with self._observed() as found:
            outcome = self._lab.outcome(_CHECK, self.case.plan, JOB, timeout=self.case.seconds + 60.0)
        return outcome, Seen(**found)

    def forget(self) -> None:
        """Wait until the router knows nothing of the job's connections any more."""
        self._lab.call("saturation", action="forget")

    def bare(self) -> Mapping[str, Any]:
        """What the network admits of a bare program that asks for more than the limit; see bare.py.

        Where there is no limit it asks for what the plan asks.
        """
        case = self.case
        _, port, exchange = MEASURED[case.measured]
        if case.kind == RATE and case.limit:
            count, rate, close = 2 * _SECONDS * case.limit, 2 * case.limit, ["--close"]
        else:
            count = int(_MORE * case.limit) + _AT_LEAST if case.limit else case.connections
            rate, close = min(_FASTEST, count), []
        module = (sys.executable, "-m", "tests.lab.saturation.bare")
        argv = [*module, FAR_ADDRESS, str(port), str(count), str(rate), exchange, *close]
        done = self._lab.run(argv, JOB, env={"PYTHONPATH": str(ROOT)})
        if done["code"]:
            raise RuntimeError(done["stderr"])
        found: Mapping[str, Any] = json.loads(done["stdout"])
        return found

    def bare_beside_the_tenant(self) -> tuple[Mapping[str, Any], Seen]:
        """The same, under observation."""
        with self._observed() as seen:
            found = self.bare()
        return found, Seen(**seen)

    def kill(self, at: int) -> Mapping[str, int]:
        """Kill linkdoctor when it holds so many; see tests/lab/saturation/ground.py."""
        found: Mapping[str, int] = self._lab.call(
            "saturation", action="kill", argv=_CHECK, files={PLAN: plan_file(self.case.plan)}, at=at
        )
        return found

    @contextlib.contextmanager
    def _observed(self) -> Iterator[dict[str, Any]]:
        """The other tenant is there, and the wire is recorded; what was seen is filled in at the end."""
        found: dict[str, Any] = {}
        self._lab.call("saturation", action="observe")
        try:
            yield found
        finally:
            found.update(self._lab.call("saturation", action="observed"))


@contextlib.contextmanager
def standing(lab: Lab, case: Case) -> Iterator[Bench]:
    """The case's network."""
    try:
        lab.call("saturation", action="build", name=case.name)
        yield Bench(lab, case)
    finally:
        lab.call("saturation", action="remove")
