"""A comparison as one JSON document, and back (comparison.schema.json defines it), strictly."""

from typing import Any, Dict, Tuple, Union

from reports.codec import Codec, Codecs, WrongValue, between, number, shown, whole, word
from reports.comparison.model import PLACES, SCHEMA, Cell, Compared, Comparison, Counts, Crossing, Row
from reports.document import FIRST, SPECIAL, Document, DocumentError, parsed, written
from reports.model import VERDICTS

_VERDICT: Codec = (None, word(VERDICTS))
_COUNT: Codec = (None, between(whole, 0, float("inf")))

_SPECIAL: Dict[Tuple[type, str], Codec] = {
    (Comparison, "verdict"): _VERDICT,
    (Compared, "verdict"): _VERDICT,
    (Compared, "failing"): _COUNT,
    (Compared, "settled"): _COUNT,
    (Cell, "verdict"): _VERDICT,
    (Cell, "confidence"): (None, between(number, 0, 1)),
    (Row, "place"): (None, word(PLACES)),
    (Row, "count"): (None, between(whole, 1, float("inf"))),
    (Row, "partial"): _COUNT,
    (Crossing, "asked"): _COUNT,
    (Crossing, "answered"): _COUNT,
    (Counts, "reports"): _COUNT,
    (Counts, "duplicates"): _COUNT,
    (Counts, "did_not_probe"): _COUNT,
    (Counts, "partial"): _COUNT,
}

_ENCODE, _DECODE = Codecs({**SPECIAL, **_SPECIAL}, {**FIRST, Comparison: ("schema",)}).of(Comparison)


def to_document(comparison: Comparison) -> Document:
    """The comparison as dicts, lists and scalars, every key always there, in the order of the classes."""
    return _ENCODE(comparison)  # type: ignore[misc,no-any-return]


def dumps(comparison: Comparison, lines: bool = False) -> str:
    """The comparison as one JSON text: one line, or a line for each entry (a cell, a finding, a row)."""
    return written(to_document(comparison), lines)


def loads(text: Union[str, bytes], name: str = "comparison") -> Comparison:
    """The comparison that the text holds. Raises DocumentError, and nothing else."""
    document: Any = parsed(text, name)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise DocumentError(name, "schema", "%s is no comparison of this linkdoctor" % shown(schema), SCHEMA)
    try:
        return _DECODE(document)  # type: ignore[no-any-return]
    except WrongValue as error:
        raise DocumentError(name, error.path, error.problem, error.allowed) from None
