"""Values that know where they stand: what YAML and JSON texts become before anything is made of them.

Scalars keep their source text and the kind that YAML 1.2 gives it; nothing is converted here, so nothing is coerced.
A value under a key stands where the key stands; an item of a list and the top of the text where they begin.
"""

import copy
import re
from typing import Final

from attrs import define

from agent.plan.problems import Source, shown_path

TEXT: Final = "text"
INTEGER: Final = "integer"
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
NOTHING: Final = "nothing"

# A plan is four levels deep.
DEEPEST = 16
# What aliases may add, in values: enough to share one mapping among thousands of targets, and no bomb.
MOST_ALIASED = 200_000

_SURROGATE = re.compile("[\ud800-\udfff]")


@define(eq=False)
class Scalar:
    """One word of the text and its kind: TEXT, INTEGER, NUMBER, BOOLEAN or NOTHING."""

    text: str
    kind: str = TEXT
    line: int | None = None
    column: int | None = None


@define(eq=False)
class Items:
    """A list."""

    nodes: "list[Node]"
    line: int | None = None
    column: int | None = None


@define(eq=False)
class Keys:
    """A mapping, in the order of the text."""

    nodes: "dict[str, Node]"
    line: int | None = None
    column: int | None = None


Node = Scalar | Items | Keys


@define(eq=False)
class _Open:
    """A collection that has begun: the key that waits for its value, and how many values it holds in all."""

    node: Items | Keys
    anchor: str | None
    key: Scalar | None = None
    size: int = 1


class Composer:
    """Puts the values together as a parser comes upon them; without recursion, so that no text is too deep for us."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._aliased = 0

    def begin(self, node: Items | Keys, anchor: str | None = None) -> None:
        """A list or a mapping begins."""
        if len(self._open) == DEEPEST:
            self.source.stop(node, self._path(), "nested too deeply", f"{DEEPEST} levels")
        self._open.append(_Open(node, anchor))

    def end(self) -> None:
        """The innermost list or mapping ends."""
        done = self._open.pop()
        self._place(done.node, done.size, done.anchor)

    def scalar(self, node: Scalar, anchor: str | None = None) -> None:
        """A word."""
        if not node.text.isascii() and _SURROGATE.search(node.text):
            self.source.stop(node, self._path(), "half a surrogate pair is no character")
        self._place(node, 1, anchor)

    def alias(self, name: str, line: int, column: int) -> None:
        """What was named before stands here again."""
        here = Scalar(f"*{name}", TEXT, line, column)
        if any(each.anchor == name for each in self._open):
            self.source.stop(here, self._path(), f"the alias *{name[:80]} stands inside of what it names")
        if name not in self._anchors:
            self.source.stop(here, self._path(), f"the alias *{name[:80]} names nothing before it")
        node, size = self._anchors[name]
        self._aliased += size
        if self._aliased > MOST_ALIASED:
            self.source.stop(here, self._path(), "aliases blow the plan up", f"{MOST_ALIASED:,} values by aliases")
        node = copy.copy(node)
        node.line, node.column = line, column
        self._place(node, size, None)

    def _place(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        into.size += size
        if isinstance(into.node, Items):
            into.node.nodes.append(node)
        elif into.key is None:
            if not isinstance(node, Scalar):
                self.source.stop(node, self._path(), "a list or mapping cannot be a key", "text")
            into.key = node
        else:
            self._put(into.node, into.key, node)
            into.key = None

    def _put(self, into: Keys, key: Scalar, node: Node) -> None:
        if key.text in into.nodes:
            first = into.nodes[key.text].line
            self.source.refuse(key, self._path(), f"duplicate key, first on line {first}", advice="keep one of the two")
            return
        node.line, node.column = key.line, key.column
        into.nodes[key.text] = node

    def _path(self) -> str:
        path = ""
        for each in self._open:
            if isinstance(each.node, Items):
                path += f"[{len(each.node.nodes)}]"
            elif each.key is not None:
                path += f".{each.key.text}"
        return shown_path(path.lstrip("."))
