"""What a query asks for: each parameter once, within bounds, or an answer that says what is allowed."""

import math

from aiohttp import web

from agent.plan.problems import quoted


class Bad(Exception):
    """The query cannot be answered; the text says why."""


def text_of(request: web.Request, name: str) -> str | None:
    """A parameter; None where it is absent. Raises Bad."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise Bad(f"{name} stands there {len(values)} times: once is enough")
    return values[0] if values else None


def needed(request: web.Request, name: str) -> str:
    """A parameter that must be there. Raises Bad."""
    value = text_of(request, name)
    if not value:
        raise Bad(f"{name} is missing")
    return value


def count_of(request: web.Request, name: str, usual: int, most: int) -> int:
    """A number from 1 to ``most``. Raises Bad."""
    value = text_of(request, name)
    if value is None:
        return usual
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most)) and 1 <= int(value) <= most):
        raise Bad(f"{name}={quoted(value)}: allowed: 1 to {most}")
    return int(value)


def moment_of(request: web.Request, name: str, usual: float) -> float:
    """A moment in Unix seconds. Raises Bad."""
    value = text_of(request, name)
    if value is None:
        return usual
    try:
        moment = float(value)
    except ValueError:
        moment = math.nan
    # Of years that calendars have.
    if not 0 <= moment <= 1e11:
        raise Bad(f"{name}={quoted(value)}: allowed: Unix seconds")
    return moment
