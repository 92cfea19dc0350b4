"""What else is asked while a way is filled: another target through it, and another port of the same host.

They tell whose limit it is, and whether somebody suffers. They are asked one after the other: at a limit one free place
would serve one of them, and accuse the other.
"""

import time
from collections import defaultdict
from typing import Awaitable, Callable, DefaultDict, List, Optional, Sequence, Tuple

from attrs import frozen

from probes.contract import Ask, Notes
from probes.network import Network
from probes.pace import Slowness
from probes.stream import SocketStream
from reports.failures import Failure
from reports.model import join_port

# A handshake with a control is one of those that are begun, and waits for its turn: returns when it may begin.
Turn = Callable[[], Awaitable[None]]

# How often each is asked at a limit: once so and once so is chance.
ROUNDS = 2
# Seconds between two looks on the way up.
_EVERY = 1.0


@frozen(kw_only=True)
class Control:
    """What else is asked: ``way``, another target through the same way; ``port``, one of the same host."""

    kind: str
    ask: Ask


class Controls:
    """The controls of ``ask``: handshakes, within ``patience`` seconds each, which ``finish`` ends as services want it.

    ``others_pass``: at a limit another target through the same way was reached. ``told``: there is nothing more to ask.
    """

    def __init__(
        self,
        ask: Ask,
        controls: Sequence[Control],
        network: Network,
        notes: Notes,
        patience: float,
        finish: Callable[[Ask, SocketStream], Awaitable[object]],
    ) -> None:
        self._ask = ask
        # Where another target is refused too, another port of this host tells nothing more.
        self._controls = sorted(controls, key=lambda control: control.kind != "way")
        self._network = network
        self._notes = notes
        self._patience = patience
        self._finish = finish
        self._slowness = Slowness()
        self._asked = 0.0
        self._answers: DefaultDict[str, List[Tuple[Optional[Failure], float]]] = defaultdict(list)
        self.others_pass = False
        self.told = not self._controls

    async def suffer(self, turn: Turn, *, again: bool = False) -> bool:
        """Whether another target through the same way is not answered any more, or late. Asked once a second."""
        others = [control for control in self._controls if control.kind == "way"]
        now = time.monotonic()
        if not others or (now < self._asked + _EVERY and not again):
            return False
        self._asked = now
        await turn()
        failure, took = await self._connect(others[0])
        return failure is not None or self._slowness.of([took])

    async def all_pass(self, turn: Turn) -> bool:
        """Ask each, up to the first that is refused; whether there is any, and none was."""
        failure: Optional[Failure] = Failure.UNKNOWN
        for control in self._controls:
            await turn()
            failure, took = await self._connect(control)
            self._answers[control.kind].append((failure, took))
            if failure is not None:
                break
        return failure is None

    def forget(self) -> None:
        """What they said was of another moment: of a limit that was none, or that no time was left for."""
        self._answers.clear()

    def conclude(self, held: int) -> None:
        """Write down, one observation each, what those say that said the same every time."""
        self.told = True
        for control in self._controls:
            answers = self._answers[control.kind]
            if len(answers) == ROUNDS and len({failure is None for failure, _ in answers}) == 1:
                self._note(control, *answers[-1], held)

    async def _connect(self, control: Control) -> Tuple[Optional[Failure], float]:
        ask = control.ask
        opened = await self._network.connect_to(ask.address, ask.port, self._patience, ask.target.name)
        if opened.stream is not None:
            await self._finish(ask, opened.stream)
        return opened.handshake.failure, opened.handshake.duration

    def _note(self, control: Control, failure: Optional[Failure], took: float, held: int) -> None:
        where = join_port(control.ask.address, control.ask.port)
        with self._notes.step("saturation", "control", self._ask, address=where) as step:
            step.duration = took
            step.failure = failure
            step.note("control", control.ask.target.name)
            step.note("kind", control.kind)
            step.note("held", held)
            if failure is None:
                step.note("handshake_s", took)
                self.others_pass = self.others_pass or control.kind == "way"
