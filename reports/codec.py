"""From the types of frozen classes to JSON and back, strictly: no value is ever coerced.

It knows the types that reports/model.py writes: str, int, float, bool, an Enum of words, Optional[X], a Union of
scalars, Tuple[X, ...], Dict[str, X] and attrs classes. What a type does not say (closed words, ranges, times) comes as
a table. This module travels in the carry-in kit: CPython 3.7, attrs alone.
"""

import json
import math
import re
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from attrs import NOTHING, fields, frozen, has

Encode = Optional[Callable[[Any], Any]]  # None: the value stands in JSON as it is
Decode = Callable[[Any], Any]
Codec = Tuple[Encode, Decode]

_LONGEST_SHOWN = 60
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w{0,59}", re.ASCII)


class WrongValue(Exception):
    """What is wrong with a value, what is allowed, and the keys and indexes that lead to it."""

    def __init__(self, problem: str, allowed: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.allowed = allowed
        self.keys: List[Union[str, int]] = []

    @property
    def path(self) -> str:
        """The keys as ``findings[2].severity``; a key that is no plain word stands quoted in brackets."""
        return "".join(_step(key) for key in self.keys).lstrip(".")


def shown(value: Any) -> str:
    """A value from a document as an error quotes it: escaped and bounded."""
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def refused(value: Any, allowed: str) -> WrongValue:
    """The error for a value that is not one of ``allowed``."""
    return WrongValue("%s is not allowed" % shown(value), allowed)


@frozen
class _Field:
    name: str
    encode: Encode
    decode: Decode
    required: bool


class Codecs:
    """The codecs of a family of classes.

    ``special``: the codec of a field, by class and name, where its type does not say enough.
    ``first``: the keys of a class that stand first; the others follow in the order of the class.
    """

    def __init__(
        self, special: Dict[Tuple[type, str], Codec], first: Optional[Dict[type, Tuple[str, ...]]] = None
    ) -> None:
        self._special = special
        self._first = first or {}
        self._objects: Dict[type, Codec] = {}

    def of(self, kind: Any) -> Codec:
        """The codec of a type. Raises TypeError for one that it does not know."""
        if kind in _PLAIN:
            return _PLAIN[kind]
        origin = getattr(kind, "__origin__", None)
        arguments: Tuple[Any, ...] = getattr(kind, "__args__", ())
        if origin is Union:
            inner = [argument for argument in arguments if argument is not type(None)]
            return optional(self.of(inner[0])) if len(inner) == 1 else (None, _scalar)
        if origin is tuple:
            return array(self.of(arguments[0]))
        if origin is dict:
            return _mapping(self.of(arguments[1])[1])
        if isinstance(kind, type) and issubclass(kind, Enum):
            return attrgetter("value"), _member(kind)
        if not has(kind):
            raise TypeError("no codec for %r" % (kind,))
        if kind not in self._objects:
            self._objects[kind] = _object(kind, self._fields(kind))
        return self._objects[kind]

    def _fields(self, kind: Any) -> List[_Field]:
        by_name = {field.name: field for field in fields(kind)}
        first = self._first.get(kind, ())
        rows = []
        for name in first + tuple(name for name in by_name if name not in first):
            encode, decode = self._special.get((kind, name)) or self.of(by_name[name].type)
            rows.append(_Field(name, encode, decode, required=by_name[name].default is NOTHING))
        return rows


# --- values ---------------------------------------------------------------------------------------------------------


def exactly(kind: type, noun: str) -> Decode:
    """Only this very type: true is no number, 3.0 no whole one."""

    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise refused(value, noun)
        return value

    return decode


def number(value: Any) -> float:
    """A finite number. JSON does not tell 3 from 3.0, so both are read."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            pass
    raise refused(value, "a finite number")


whole = exactly(int, "a whole number")


def word(words: Sequence[str]) -> Decode:
    """One of a closed list."""
    known = frozenset(words)

    def decode(value: Any) -> Any:
        if type(value) is not str or value not in known:
            raise refused(value, ", ".join(words))
        return value

    return decode


def between(decode_number: Decode, low: float, high: float) -> Decode:
    """A number within bounds, both included."""

    def decode(value: Any) -> Any:
        given = decode_number(value)
        if not low <= given <= high:
            raise refused(value, "%g to %g" % (low, high))
        return given

    return decode


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- all of it is UTC; an aware one would end in +00:00
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z", re.ASCII)


def rfc3339(moment: float) -> str:
    """Unix seconds as ``2026-11-24T08:00:00.123456Z`` (RFC 3339, section 5.6)."""
    seconds, microseconds = divmod(round(moment * 1e6), 1000000)
    return "%s.%06dZ" % (_iso(seconds), microseconds)


@lru_cache(maxsize=256)  # a run's moments lie close together
def _iso(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def unix_seconds(value: Any) -> float:
    """The reverse of rfc3339; fewer digits after the second are read too."""
    match = _TIME.fullmatch(value) if type(value) is str else None
    if match is not None:
        year, month, day, hour, minute, second = map(int, match.groups()[:6])
        try:
            since = datetime(year, month, day, hour, minute, second) - _EPOCH  # noqa: DTZ001 -- as above
        except ValueError:
            pass
        else:
            return (since // timedelta(seconds=1) * 1000000 + int((match.group(7) or "0").ljust(6, "0"))) / 1e6
    raise refused(value, "a time such as 2026-11-24T08:00:00.123456Z")


def _scalar(value: Any) -> Any:
    if type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value)):
        return value
    raise refused(value, "text, a finite number, true or false")


def _member(kind: Any) -> Decode:
    members = {member.value: member for member in kind}

    def decode(value: Any) -> Any:
        if type(value) is not str or value not in members:
            raise refused(value, "a %s that this version knows" % kind.__name__.lower())
        return members[value]

    return decode


_PLAIN: Dict[Any, Codec] = {
    str: (None, exactly(str, "text")),
    int: (None, whole),
    bool: (None, exactly(bool, "true or false")),
    float: (None, number),
}


# --- containers -----------------------------------------------------------------------------------------------------


def optional(inner: Codec) -> Codec:
    """null, or the inner one."""
    encode, decode = inner

    def encode_optional(value: Any) -> Any:
        return None if value is None or encode is None else encode(value)

    def decode_optional(value: Any) -> Any:
        return None if value is None else decode(value)

    return encode_optional if encode is not None else None, decode_optional


def array(inner: Codec) -> Codec:
    """A list in the document, a tuple here, of whatever ``inner`` is for."""
    encode, decode = inner

    def encode_array(value: Any) -> List[Any]:
        return list(value) if encode is None else [encode(item) for item in value]

    def decode_array(value: Any) -> Any:
        if type(value) is not list:
            raise refused(value, "an array")
        return tuple([_at(index, decode, item) for index, item in enumerate(value)])

    return encode_array, decode_array


def _mapping(decode: Decode) -> Codec:
    def decode_mapping(value: Any) -> Any:
        if type(value) is not dict:
            raise refused(value, "an object")
        return {key: _at(key, decode, item) for key, item in value.items()}

    return dict, decode_mapping


def _object(kind: Any, rows: Sequence[_Field]) -> Codec:
    pairs = [(row.name, row.encode) for row in rows]

    def encode_object(value: Any) -> Dict[str, Any]:
        return {
            name: getattr(value, name) if encode is None else encode(getattr(value, name)) for name, encode in pairs
        }

    def decode_object(value: Any) -> Any:
        if type(value) is not dict:
            raise refused(value, "an object")
        given = {}
        for row in rows:
            if row.name in value:
                given[row.name] = _at(row.name, row.decode, value[row.name])
            elif row.required:
                _at(row.name, _missing, None)
        return kind(**given)

    return encode_object, decode_object


def _at(key: Union[str, int], decode: Decode, value: Any) -> Any:
    try:
        return decode(value)
    except WrongValue as error:
        error.keys.insert(0, key)
        raise


def _missing(_: Any) -> Any:
    raise WrongValue("this key is missing")


def _step(key: Union[str, int]) -> str:
    if isinstance(key, int):
        return "[%d]" % key
    return ".%s" % key if _PLAIN_KEY.fullmatch(key) else "[%s]" % shown(key)
