"""A report, or a plan, as one JSON document, and back (docs/report.md describes it, report.schema.json defines it).

Every key is always written: ``null`` where there is no value, ``[]`` where there are none. Times are RFC 3339 in UTC
with microseconds, failures their words, tuples arrays. The text is ASCII with JSON escapes, so that a document can
neither move a terminal's cursor nor fail to be encoded.

Reading is strict: nothing is coerced, an unknown word or a missing key is an error. Unknown *keys* are ignored, because
a later linkdoctor may add some under the same schema number; another schema number is refused. This module travels in
the carry-in kit: CPython 3.7, attrs alone.
"""

import json
from typing import Any, Dict, Tuple, Type, TypeVar, Union

from reports.codec import (
    Codec,
    Codecs,
    WrongValue,
    array,
    between,
    number,
    optional,
    rfc3339,
    shown,
    unix_seconds,
    whole,
    word,
)
from reports.encoding import encoder
from reports.model import (
    MEASURES,
    OWNERS,
    RUNTIMES,
    SCHEMA,
    SEVERITIES,
    VERDICTS,
    WAYS,
    Candidate,
    Finding,
    Observation,
    Plan,
    Remedy,
    Report,
    Run,
    Share,
    Target,
    TargetResult,
)
from reports.services import SERVICES

Document = Dict[str, Any]
_T = TypeVar("_T")

_OURS = SCHEMA[: SCHEMA.rindex("/") + 1]


class DocumentError(ValueError):
    """The text is no document of ours.

    ``name`` is its file, ``path`` the key path (``findings[2].severity``) or ``LINE:COLUMN``, ``allowed`` may be empty.
    """

    def __init__(self, name: str, path: str, problem: str, allowed: str = "") -> None:
        text = ": ".join(part for part in (name, path, problem) if part)
        super().__init__("%s; allowed: %s" % (text, allowed) if allowed else text)
        self.name = name
        self.path = path
        self.problem = problem
        self.allowed = allowed


def to_document(report: Report) -> Document:
    """The report as dicts, lists and scalars, keys in the order in which they are documented."""
    return _encoded(report)


def dumps(report: Report, lines: bool = False) -> str:
    """The report as one JSON text: one line, or a line for each entry (an observation, a finding, a target).

    Raises ValueError for NaN and infinity, which JSON lacks.
    """
    return written(to_document(report), lines)


def loads(text: Union[str, bytes], name: str = "report") -> Report:
    """The report that the text holds. ``name`` is what an error calls the text: its file.

    Raises DocumentError, and nothing else.
    """
    return from_document(parsed(text, name), name)


def from_document(document: Any, name: str = "report") -> Report:
    """The report that the dicts, lists and scalars hold. Raises DocumentError, and nothing else."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_OURS):
        raise DocumentError(name, "schema", "this is no report of linkdoctor", SCHEMA)
    if schema != SCHEMA:
        raise DocumentError(name, "schema", "%s was written by another linkdoctor" % shown(schema), SCHEMA)
    return _decoded(Report, document, name)


def plan_to_document(plan: Plan) -> Document:
    """The plan in its canonical form: what ``run.plan`` of a report holds, and what travels into a job."""
    return _encoded(plan)


def plan_from_document(document: Any, name: str = "plan") -> Plan:
    """The plan that a canonical document holds. Raises DocumentError.

    Whoever wrote it has resolved and validated it; here only types, ranges and closed words are checked.
    """
    return _decoded(Plan, document, name)


def plan_dumps(plan: Plan) -> str:
    """The plan as canonical JSON: one line of ASCII; equal plans give equal text."""
    return _json(plan_to_document(plan))


def task_dumps(plan: Plan, share: Share) -> str:
    """The plan as canonical JSON, with the additional key ``share``: what one instance of a job is told."""
    return _json({**_encoded(plan), "share": _encoded(share)})


def task_loads(text: str, name: str = "task") -> Tuple[Plan, Share]:
    """The plan that the canonical JSON holds, and its additional key ``share``. Raises DocumentError, nothing else."""
    document = parsed(text, name)
    share = _decoded(Share, document.pop("share", {}) if isinstance(document, dict) else {}, name + ": share")
    if share.index >= share.of:
        raise DocumentError(name, "share", "number %d of %d" % (share.index, share.of), "index below of")
    return plan_from_document(document, name), share


def plan_loads(text: Union[str, bytes], name: str = "plan") -> Plan:
    """The plan that the canonical JSON holds. Raises DocumentError, and nothing else."""
    return plan_from_document(parsed(text, name), name)


def _encode_inventory(value: Any) -> Any:
    from reports.vpc.document import encode  # noqa: PLC0415 - start-up: few plans have one

    return encode(value)


def _decode_inventory(value: Any) -> Any:
    from reports.vpc.document import decode  # noqa: PLC0415 - as above

    return decode(value)


_SHARE = (None, between(number, 0, 1))

# What the type of a field does not say.
SPECIAL: Dict[Tuple[type, str], Codec] = {
    (Report, "verdict"): (None, word(VERDICTS)),
    (TargetResult, "verdict"): (None, word(VERDICTS)),
    (Finding, "severity"): (None, word(SEVERITIES)),
    (Finding, "confidence"): _SHARE,
    (Candidate, "confidence"): _SHARE,
    (Remedy, "owner"): (None, word(OWNERS)),
    (Plan, "runtime"): optional((None, word(RUNTIMES))),
    (Plan, "inventory"): optional((_encode_inventory, _decode_inventory)),
    (Target, "via"): (None, word(WAYS)),
    (Target, "service"): (None, word(tuple(SERVICES))),
    (Target, "port"): (None, between(whole, 1, 65535)),
    (Target, "measure"): array((None, word(MEASURES))),
    (Share, "index"): (None, between(whole, 0, 1 << 31)),
    (Share, "of"): (None, between(whole, 1, 1 << 31)),
    (Run, "started"): (rfc3339, unix_seconds),
    (Observation, "started"): (rfc3339, unix_seconds),
}

FIRST: Dict[type, Tuple[str, ...]] = {
    Report: ("schema",),
    Finding: ("id",),
    Observation: ("id", "probe", "target", "address"),
}

_CODECS = Codecs(SPECIAL, FIRST)


def _encoded(value: Any) -> Document:
    encode, _ = _CODECS.of(type(value))
    return encode(value) if encode is not None else value  # type: ignore[no-any-return]


def _decoded(kind: Type[_T], document: Any, name: str) -> _T:
    _, decode = _CODECS.of(kind)
    try:
        return decode(document)  # type: ignore[no-any-return]
    except WrongValue as error:
        raise DocumentError(name, error.path, error.problem, error.allowed) from None


# An indent would take the slow way, in Python.
_json = encoder(separators=(",", ":"), allow_nan=False)


def _in_lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _json(value)
    return "[\n %s\n]" % ",\n ".join(_json(entry) for entry in value)


def written(document: Document, lines: bool = False) -> str:
    """The document as JSON: one line, or a line for each entry of its lists. Raises ValueError for NaN, infinity."""
    if not lines:
        return _json(document)
    return "{\n%s\n}" % ",\n".join("%s:%s" % (_json(key), _in_lines(value)) for key, value in document.items())


def parsed(text: Union[str, bytes], name: str) -> Any:
    """The JSON value that the text is. Raises DocumentError, and nothing else."""
    wanted = "one JSON document"
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DocumentError(name, "", "this is not text", "JSON in UTF-8") from None
    if not text.strip():
        raise DocumentError(name, "", "this is empty", wanted)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut_short = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        problem = "it ends in the middle: the text was cut short" if cut_short else "not JSON: %s" % error.msg
        raise DocumentError(name, "%d:%d" % (error.lineno, error.colno), problem, wanted) from None
    except (ValueError, RecursionError):
        raise DocumentError(name, "", "a number too long, or a nesting too deep, to be ours", wanted) from None
