"""What is happening, on stderr: a live line on a terminal, else one line a change."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from reports import words

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress(Protocol):
    """Where news go."""

    def say(self, text: str) -> None:
        """News that stay."""

    def state(self, text: str) -> None:
        """How things stand, until they stand otherwise."""


@contextmanager
def telling() -> Iterator[Progress]:
    """News on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that no pipe needs
    from rich.progress import Progress as Bar  # noqa: PLC0415 - as above
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Live(bar)


class _Lines:
    def __init__(self) -> None:
        self._state = ""

    def say(self, text: str) -> None:
        sys.stderr.write(_shown(text) + "\n")
        sys.stderr.flush()

    def state(self, text: str) -> None:
        if text != self._state:
            self._state = text
            self.say(text)


class _Live:
    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=None)

    def say(self, text: str) -> None:
        self._bar.console.print(_shown(text), markup=False, highlight=False, soft_wrap=True)

    def state(self, text: str) -> None:
        self._bar.update(self._task, description=_shown(text))


def _shown(text: str) -> str:
    return "\n".join([words.visible(line) for line in text.split("\n")])
