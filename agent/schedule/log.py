"""What a process on duty says: a line each on stderr, for people or as JSON."""

import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Protocol

from reports.words import visible

STYLES = ("console", "json")


class Log(Protocol):
    """Takes one event and its facts. ``level``: info, warning, error."""

    def __call__(self, event: str, *, level: str = "info", **facts: Any) -> None:
        """Say it."""


def silent(event: str, *, level: str = "info", **facts: Any) -> None:
    """A log that says nothing."""


def to_stderr(style: str) -> Log:
    """The log of a process. ``style``: one of STYLES.

    Where stderr cannot be written (its disk is full, whoever read it has gone) lines are lost, and nothing else.
    """
    if sys.stderr is None:  # it was closed before this process began
        return silent
    import structlog  # noqa: PLC0415 - start-up: a tenth of a second, and most commands log nothing

    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False, timestamp_key="time"
        )
    )
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _shown,
            renderer,
        ],
    )

    def say(event: str, *, level: str = "info", **facts: Any) -> None:
        with suppress(OSError, ValueError):
            getattr(logger, level)(event, **facts)

    return say


def _shown(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ARG001 - a processor
    """No text moves the cursor or forges a line; lines of our own stay lines."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = "\n".join(map(visible, value.split("\n"))) if key == "reasons" else visible(value)
    return event
