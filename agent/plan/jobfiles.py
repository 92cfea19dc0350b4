"""The settings in a job's own files: SQL scripts, Spark's properties, JSON.

Only settings that concern the network are taken, for SQL text may hold data; secrets are hidden.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.plan.files import WrongAt, read_text
from agent.plan.positions import NOTHING, Keys, Scalar
from agent.plan.problems import Source, Wrong, listed
from agent.plan.secrets import harmless_setting
from agent.plan.syntax import compose
from reports.model import Setting

NETWORK_LINK = "networklink"
_LARGEST = 1 << 20

_PREFIXES = ("odps.", "spark.hadoop.odps.")
# Spark's own keys that say where a job runs and how large it is.
_SPARK_KEYS = frozenset(
    {"spark.master", "spark.submit.deployMode", "spark.executor.instances", "spark.dynamicAllocation.maxExecutors"}
)

# What is not closed ends with the text, and no two alternatives begin alike, so that nothing backtracks far: no text
# makes the scan slow. (Possessive quantifiers would say the same; Python 3.11 before 3.11.4 gets them wrong.)
_STRING = r"""'(?:[^'\\]|\\.|\\\Z)*(?:'|\Z)|"(?:[^"\\]|\\.|\\\Z)*(?:"|\Z)|`[^`]*(?:`|\Z)"""
_BLANK = r"\s+|--[^\n]*|/\*.*?(?:\*/|\Z)"
_SQL = re.compile(
    rf"(?P<blank>{_BLANK})|(?P<end>;)|(?P<properties>\btblproperties\b)|(?P<string>{_STRING})|\w+|.",
    re.IGNORECASE | re.DOTALL,
)
# A value ends at the first semicolon outside of quotes, or with its line.
_SET = re.compile(
    r"""set(?:project)?[^\S\n]+([\w.-]+)[^\S\n]*=((?:"[^"\n]*"|'[^'\n]*'|[^;\n])*);?""",
    re.IGNORECASE,
)
_LINK = re.compile(r"""(['"])networklink\1\s*=\s*(['"])([^'"\n]*)\2""", re.IGNORECASE)

# java.util.Properties: a key ends at the first blank, colon or equals sign.
_PROPERTY = re.compile(r"((?:[^\s:=\\]|\\.)+)\s*[:=]?\s*(.*)", re.DOTALL)

Found = Iterator[tuple[str, str, int]]  # key, value, line


def read_settings(path: Path, shown: str, source: Source) -> tuple[Setting, ...]:
    """The settings of one file, in its order. ``shown`` names it in the settings' sources and in problems.

    What is wrong inside of the file is written down beside ``source``; a file that cannot be read is Wrong.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise Wrong(f"files of type {path.suffix or '(none)'!r} are not read", listed(_READERS))
    try:
        text = read_text(path, _LARGEST)
    except WrongAt as wrong:
        source.beside(shown).refuse_wrong(wrong, "", wrong)
        return ()
    found = reader(text, source.beside(shown))
    return tuple(harmless_setting(key, value, f"{shown}:{line}") for key, value, line in found if _matters(key))


def sql_settings(text: str, source: Source | None = None) -> Found:  # noqa: ARG001 - one signature for all
    """``set`` and ``setproject`` statements, and a table's property ``networklink`` as a key of that name."""
    position, line, counted = 0, 1, 0
    statement_begins, in_properties = True, False
    while position < len(text):
        line += text.count("\n", counted, position)
        counted = position
        if statement_begins and (declared := _SET.match(text, position)):
            yield declared[1], declared[2].strip(), line
            position = declared.end()
            continue
        token = _SQL.match(text, position)
        assert token is not None  # noqa: S101 - the last alternative takes anything
        if token["string"] and in_properties and (link := _LINK.match(text, position)):
            yield NETWORK_LINK, link[3], line
        if token["blank"] is None:
            statement_begins = token["end"] is not None
            in_properties = not statement_begins and (in_properties or token["properties"] is not None)
        position = token.end()


def spark_settings(text: str, source: Source | None = None) -> Found:  # noqa: ARG001 - one signature for all
    """``key value``, ``key = value``, ``key: value``; comments begin with # or !, a backslash continues a line."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, first in lines:
        line = first.strip()
        if not line or line[0] in "#!":
            continue
        parts = [line]
        while _continues(parts[-1]):
            parts[-1] = parts[-1][:-1]
            parts.append(next(lines, (0, ""))[1].strip())
        declared = _PROPERTY.match("".join(parts))
        if declared:
            yield _unescaped(declared[1]), _unescaped(declared[2]), number


def json_settings(text: str, source: Source) -> Found:
    """A flat mapping of keys to texts, numbers or booleans."""
    root = compose(text, source)
    if not isinstance(root, Keys):
        source.refuse(root, "", "is not a mapping", "a flat mapping of settings")
        return
    for key, node in root.nodes.items():
        if isinstance(node, Scalar) and node.kind != NOTHING:
            yield key, node.text, node.line or 0
        elif _matters(key):
            source.refuse(node, key, "is not a text, number or boolean", "a flat mapping of settings")


def _matters(key: str) -> bool:
    return key.startswith(_PREFIXES) or key in _SPARK_KEYS or key == NETWORK_LINK


def _continues(line: str) -> bool:
    """Whether a line ends with an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


_READERS: dict[str, Callable[[str, Source], Found]] = {
    ".sql": sql_settings,
    ".conf": spark_settings,
    ".properties": spark_settings,
    ".json": json_settings,
}
