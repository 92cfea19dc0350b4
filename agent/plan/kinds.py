"""The kinds of value that a plan may hold: how each is read, what is said of it, and its JSON Schema.

A kind's ``read`` gives the value, or None after it has written down what is wrong: reading goes on. Nothing is coerced.
Kinds are never compared or shown, and every start makes them all: without the code for that it takes half the time.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

from attrs import frozen

from agent.plan.positions import BOOLEAN, INTEGER, NOTHING, NUMBER, TEXT, Items, Keys, Node, Scalar
from agent.plan.problems import Source, Wrong, did_you_mean, listed, quoted, shown_path

JsonSchema = dict[str, Any]

_LONGEST_TEXT = 200
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# The longest integer that is worth converting.
_LONGEST_INTEGER = 20

_DESCRIPTIONS = {
    TEXT: "text",
    INTEGER: "an integer",
    NUMBER: "a number with a fraction",
    BOOLEAN: "true or false",
    NOTHING: "empty",
}


class Kind(Protocol):
    """What a value may be."""

    @property
    def allowed(self) -> str:
        """What is allowed, for a person."""

    def read(self, node: Node, key: str, source: Source) -> Any:
        """The value, or None where it is wrong; the problem is then in ``source``."""

    def json_schema(self) -> JsonSchema:
        """The same in JSON Schema: what it refuses, ``read`` refuses too."""


def described(node: Node) -> str:
    """What a value is, for a message about what it should have been."""
    if isinstance(node, Keys):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    return _DESCRIPTIONS[node.kind]


@frozen(eq=False, repr=False)
class Word:
    """One text, which ``convert`` makes a value of, or raises Wrong."""

    allowed: str
    convert: Callable[[str], Any]
    schema: Mapping[str, Any] = {}
    noun: str = "text"

    def read(self, node: Node, key: str, source: Source) -> Any:
        """See Kind."""
        if not (isinstance(node, Scalar) and node.kind == TEXT):
            source.refuse(node, key, f"is {described(node)}, not {self.noun}", self.allowed, _advice(node))
            return None
        try:
            return self.convert(node.text)
        except Wrong as wrong:
            source.refuse_wrong(node, key, wrong, self.allowed)
            return None

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "string", "minLength": 1, **self.schema}


@frozen(eq=False, repr=False)
class Count:
    """An integer within bounds."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        """See Kind."""
        return f"an integer from {self.low} to {self.high}"

    def read(self, node: Node, key: str, source: Source) -> int | None:
        """See Kind."""
        if not (isinstance(node, Scalar) and node.kind == INTEGER):
            source.refuse(node, key, f"is {described(node)}, not an integer", self.allowed, _advice(node))
            return None
        # YAML 1.2: 0o17 is octal, 0x1f hexadecimal, 010 is ten.
        base = {"0o": 8, "0x": 16}.get(node.text[:2], 10)
        number = int(node.text, base) if len(node.text) <= _LONGEST_INTEGER else self.high + 1
        if not self.low <= number <= self.high:
            source.refuse(node, key, f"{node.text[:_LONGEST_INTEGER]} is out of range", self.allowed)
            return None
        return number

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@frozen(eq=False, repr=False)
class Flag:
    """True or false."""

    allowed: str = "true or false"

    def read(self, node: Node, key: str, source: Source) -> bool | None:
        """See Kind."""
        if not (isinstance(node, Scalar) and node.kind == BOOLEAN):
            source.refuse(node, key, f"is {described(node)}", self.allowed, _advice(node))
            return None
        return node.text.lower() == "true"

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "boolean"}


@frozen(eq=False, repr=False)
class ListOf:
    """A list of one kind, in which nothing stands twice; ``identity``: by what two values are the same."""

    kind: Kind
    identity: Callable[[Any], Hashable] = str

    @property
    def allowed(self) -> str:
        """See Kind."""
        return f"a list, each {self.kind.allowed}"

    def read(self, node: Node, key: str, source: Source) -> tuple[Any, ...] | None:
        """See Kind."""
        if not isinstance(node, Items):
            advice = "write it as a list: [...]" if isinstance(node, Scalar) and node.kind != NOTHING else _advice(node)
            source.refuse(node, key, f"is {described(node)}, not a list", self.allowed, advice)
            return None
        values: dict[Hashable, Any] = {}
        for index, item in enumerate(node.nodes):
            value = self.kind.read(item, f"{key}[{index}]", source)
            if value is None:
                continue
            name = self.identity(value)
            if name in values:
                source.refuse(item, f"{key}[{index}]", f"{name} stands twice", advice="keep one of the two")
            values[name] = value
        return tuple(values.values())

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "array", "items": self.kind.json_schema(), "uniqueItems": True}


@frozen(eq=False, repr=False)
class Key:
    """One key of a mapping: the kind of its value and what it means."""

    kind: Kind
    meaning: str
    required: bool = False


Build = Callable[[dict[str, Any], Keys, str, Source], Any]


@frozen(eq=False, repr=False)
class Table:
    """A mapping with known keys, of which ``build`` makes a value. Keys that are absent are not given to it."""

    keys: Mapping[str, Key]
    build: Build

    @property
    def allowed(self) -> str:
        """See Kind."""
        return "a mapping with " + listed(self.keys)

    def read(self, node: Node, key: str, source: Source) -> Any:
        """See Kind."""
        if not isinstance(node, Keys):
            source.refuse(node, key, f"is {described(node)}, not a mapping", self.allowed, _advice(node))
            return None
        values = {}
        whole = True
        for name, value in node.nodes.items():
            path = f"{key}.{name}" if key else name
            known = self.keys.get(name)
            if known is None:
                advice = did_you_mean(name, self.keys)
                source.refuse(value, shown_path(path), "unknown key", listed(self.keys), advice)
                continue
            read = known.kind.read(value, path, source)
            if read is None:
                whole = False
            else:
                values[name] = read
        for name, known in self.keys.items():
            if known.required and name not in node.nodes:
                source.refuse(node, key, f"the key {name} is missing", known.kind.allowed)
                whole = False
        return self.build(values, node, key, source) if whole else None

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        schema: JsonSchema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"description": each.meaning, **each.kind.json_schema()} for name, each in self.keys.items()
            },
        }
        required = [name for name, each in self.keys.items() if each.required]
        return {**schema, "required": required} if required else schema


def into(noun: Callable[..., Any]) -> Build:
    """A Table's ``build`` that hands the values over by name."""

    def build(values: dict[str, Any], node: Keys, key: str, source: Source) -> Any:  # noqa: ARG001 - a Build
        return noun(**values)

    return build


def one_of(words: tuple[str, ...], others: str = "") -> Word:
    """One word of a closed list."""

    def convert(text: str) -> str:
        if text not in words:
            raise Wrong(f"{quoted(text)} is unknown", advice=did_you_mean(text, words))
        return text

    return Word(listed(words) + others, convert, {"enum": list(words)})


def plain_text(text: str) -> str:
    """Text of one line for people to read."""
    if not text.strip() or not text.isprintable():
        raise Wrong(f"{quoted(text)} is empty or holds control characters")
    if len(text) > _LONGEST_TEXT:
        raise Wrong(f"is {len(text)} characters long")
    return text


TEXT_LINE = Word(f"one line of up to {_LONGEST_TEXT} characters", plain_text, {"maxLength": _LONGEST_TEXT})


def duration(low: str, high: str) -> Word:
    """Seconds as a float, from a number with its unit, within bounds that are written the same way."""
    least, most = _seconds(low), _seconds(high)

    def convert(text: str) -> float:
        if not _DURATION.fullmatch(text):
            raise Wrong(f"{quoted(text)} is no duration")
        seconds = _seconds(text)
        if not least <= seconds <= most:
            raise Wrong(f"{text} is out of range")
        return seconds

    allowed = f"a number with its unit (ms, s, m, h) from {low} to {high}"
    return Word(allowed, convert, {"pattern": f"^{_DURATION.pattern}$"}, "a duration")


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    assert match is not None  # noqa: S101 - checked by the caller
    # Rounded: 3 * 0.001 is 0.003 and not a little more.
    return round(float(match[1]) * _UNITS[match[2]], 9)


def _advice(node: Node) -> str:
    """What to do about a value of the wrong type."""
    if isinstance(node, Scalar) and node.kind == NOTHING:
        return "give it a value, or leave the key out"
    return ""
