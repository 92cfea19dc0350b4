"""What a test has of a sweep: the command, and its result as states by address and question."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address
from typing import Any, TypeVar

from attrs import frozen

from tests.lab.harness import LINKDOCTOR, Lab
from tests.lab.sweep.places import HERE

T = TypeVar("T")

# Seconds that suffice for every answer of the network, and for all but those of neighbours that are not there.
PATIENCE, SHORT = 0.6, 0.3

# Capabilities of whoever sweeps. Nobody is bare: the lab's root without any is a user like any other.
RAW = ("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all", "--ambient-caps=-all")
BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
# Somebody else in a user namespace of his own, where all capabilities are his, and none of them counts here.
SOMEBODY = ("unshare", "--user", "--map-user=1000")


@frozen(slots=False)
class Swept:
    """How a sweep ended. ``report`` is None where it printed no JSON document."""

    code: int
    report: Mapping[str, Any] | None
    stderr: str

    @cached_property
    def states(self) -> dict[tuple[str, str], str]:
        """The letter of each address and question."""
        found = {}
        for seen in self.of("states"):
            first = ip_address(seen["address"].partition("/")[0].partition("-")[0])
            for place, letter in enumerate(seen["facts"]["states"]):
                found[str(first + place), seen["facts"]["asked"]] = letter
        return found

    def counts(self, asked: str) -> Counter[str]:
        """How many addresses are in which state."""
        return Counter(letter for (_, question), letter in self.states.items() if question == asked)

    def of(self, step: str) -> list[Mapping[str, Any]]:
        """The observations of a step."""
        assert self.report is not None, self.stderr
        return [seen for seen in self.report["observations"] if (seen["probe"], seen["step"]) == ("subnet", step)]

    @property
    def run(self) -> Mapping[str, Any]:
        """What was done: the facts of the sweep of the first network."""
        facts: Mapping[str, Any] = self.of("sweep")[0]["facts"]
        return facts


def command(
    *networks: str,
    ports: Sequence[int] = (),
    method: str = "auto",
    rate: int | None = None,
    timeout: float | None = None,
    style: str = "json",
    rights: Sequence[str] = (),
    owned: bool = False,
) -> list[str]:
    """The command that sweeps; ``rights``: a program that takes capabilities away."""
    asked = ["--ports", ",".join(map(str, ports))] if ports else []
    manner = {"--rate": rate, "--timeout": timeout, "--method": method, "--format": style}
    options = [word for name, value in manner.items() if value is not None for word in (name, str(value))]
    flag = ["--i-own-this"] if owned else []
    return [*rights, str(LINKDOCTOR), "sweep", *networks, *asked, *options, *flag]


def sweep(lab: Lab, *networks: str, **manner: Any) -> Swept:
    """Sweep from the network's own host; see ``command``."""
    return ended(lab.run(command(*networks, **manner), HERE))


def together(lab: Lab, commands: Mapping[T, Sequence[str]]) -> dict[T, dict[str, Any]]:
    """What becomes of programs that the network's own host runs at the same time."""
    done = lab.call("sweeping", action="together", commands=list(commands.values()))
    return dict(zip(commands, done, strict=True))


def sweeps(lab: Lab, commands: Mapping[T, Sequence[str]]) -> dict[T, Swept]:
    """The same, where all of them sweep."""
    return {name: ended(done) for name, done in together(lab, commands).items()}


def ended(done: Mapping[str, Any]) -> Swept:
    """A sweep from what its program left."""
    return Swept(done["code"], document(done["stdout"]), done["stderr"])


def document(text: str) -> Mapping[str, Any] | None:
    """The one JSON document that the text is; None where it is none."""
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError:
        return None
    return found
