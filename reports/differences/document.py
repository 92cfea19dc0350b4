"""What changed as one JSON document: every key always there, in the order of the classes."""

from typing import Dict, Tuple

from reports.codec import Codec, Codecs, rfc3339, unix_seconds
from reports.differences.model import Changes, Side
from reports.document import Document, written

_SPECIAL: Dict[Tuple[type, str], Codec] = {(Side, "started"): (rfc3339, unix_seconds)}

_ENCODE, _ = Codecs(_SPECIAL, {Changes: ("schema",)}).of(Changes)


def to_document(changes: Changes) -> Document:
    """The changes as dicts, lists and scalars."""
    return _ENCODE(changes)  # type: ignore[misc,no-any-return]


def dumps(changes: Changes, lines: bool = False) -> str:
    """The changes as one JSON text: one line, or a line for each entry (a target, a difference)."""
    return written(to_document(changes), lines)
