"""JSON documents that are nearly right inside: one or two values are others, and all the rest is as it was."""

import json
from random import Random
from typing import Any

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 0.5, 1e308, 2**31, 2**53, 2**64, -(2**63), 10**400),
    *("", " ", "x", "0", "null", "\0", "\ud800", "\u202e", "a" * 5000, "::1", "10.0.0.0/33", "65536", "\u00b2", "@x"),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": []}}, [0] * 1000),
)
_INFINITE = (float("inf"), float("nan"))
_DEEP = 3000


def reshape(random: Random, data: bytes) -> bytes:
    """The same document but for one or two places; data that is no document is given back as it is."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    for _ in range(random.choice((1, 1, 2))):
        document = _changed(random, document)
    try:
        return json.dumps(document, ensure_ascii=random.random() < 0.8).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return data


def _changed(random: Random, value: Any) -> Any:
    if isinstance(value, (dict, list)) and value and random.random() < 0.93:
        inside = dict(value) if isinstance(value, dict) else list(value)
        key = random.choice(list(inside)) if isinstance(inside, dict) else random.randrange(len(inside))
        change = random.randrange(12)
        if change == 0:
            del inside[key]
        elif change == 1 and isinstance(inside, list):
            inside[key:key] = [inside[key]] * random.choice((1, 1, 5, 300))
        elif change == 1:
            inside[random.choice((*inside, "", "x", "id", "name"))] = inside[key]
        else:
            inside[key] = _changed(random, inside[key])
        return inside
    change = random.randrange(10)
    if change == 0:
        return [value]
    if change == 1:
        return random.choice(_INFINITE)
    if change == 2 and isinstance(value, str):
        return value + random.choice(("x", "\n", "\0", value))
    if change == 3 and random.random() < 0.1:
        return _nested()
    return random.choice(_ODD)


def _nested() -> Any:
    value: Any = 0
    for _ in range(_DEEP):
        value = [value]
    return value
