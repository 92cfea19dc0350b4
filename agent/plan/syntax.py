"""Text to positioned values: YAML 1.2 by PyYAML's events (libyaml where it is there), JSON by the standard library."""

import json
import re
from collections.abc import Iterator
from typing import Any

from agent.plan.positions import BOOLEAN, INTEGER, NOTHING, NUMBER, TEXT, Composer, Items, Keys, Node, Scalar
from agent.plan.problems import Source, quoted

# YAML 1.2.2, section 10.3.2, in its order; whatever fits none of them is text. PyYAML would take YAML 1.1's table.
_CORE_SCHEMA = {
    NOTHING: r"null|Null|NULL|~|",
    BOOLEAN: r"true|True|TRUE|false|False|FALSE",
    INTEGER: r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    NUMBER: r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}
_PLAIN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _CORE_SCHEMA.items()))

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = {
    f"{_TAG}str": TEXT,
    f"{_TAG}null": NOTHING,
    f"{_TAG}bool": BOOLEAN,
    f"{_TAG}int": INTEGER,
    f"{_TAG}float": NUMBER,
}
# "!" and none at all: by the kind of the node (10.1.2).
_LIST_TAGS = (None, "!", f"{_TAG}seq")
_MAPPING_TAGS = (None, "!", f"{_TAG}map")

_BRACKETED = re.compile(r"\[[0-9a-fA-F.]*:[0-9a-fA-F:.]*\]?:")
_LEADING_TAB = re.compile(r" *\t")

_JSON_TOKEN = re.compile(r'[{}\[\]:,"]|[^\s{}\[\]:,"]+')
_JSON_WORDS = {"true": BOOLEAN, "false": BOOLEAN, "null": NOTHING}


def compose(text: str, source: Source, *, loader: Any = None) -> Node:
    """The one value of a YAML or JSON text.

    A text that begins with a brace is JSON if it can be, since JSON allows what YAML parsers do not (a tab before the
    first token, surrogate pairs); a file called ``.json`` must be JSON. ``loader``: PyYAML's class to parse with.
    Raises PlanError where the text has no value; duplicate keys are written down in ``source``.
    """
    strict = source.file.lower().endswith(".json")
    if strict or text.lstrip().startswith("{"):
        error = _json_error(text)
        if error is None:
            return _compose_json(text, source)
        if strict:
            source.stop(Scalar("", line=error.lineno, column=error.colno), "", f"not JSON: {error.msg.lower()}")
    return _compose_yaml(text, source, loader)


def _compose_yaml(text: str, source: Source, loader: Any) -> Node:
    import yaml  # noqa: PLC0415 - start-up time is part of the product

    composer = Composer(source)
    handlers = {
        yaml.ScalarEvent: _yaml_scalar,
        yaml.SequenceStartEvent: _yaml_list,
        yaml.MappingStartEvent: _yaml_mapping,
        yaml.SequenceEndEvent: _yaml_end,
        yaml.MappingEndEvent: _yaml_end,
        yaml.AliasEvent: _yaml_alias,
        yaml.DocumentStartEvent: _yaml_document,
    }
    try:
        for event in yaml.parse(text, Loader=loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            handler = handlers.get(type(event))
            if handler is not None:
                handler(composer, event)
    except yaml.MarkedYAMLError as error:
        _stop_at_syntax(text, source, error)
    except (yaml.YAMLError, ValueError) as error:
        # Without libyaml an escape beyond Unicode is a ValueError of chr().
        source.stop(None, "", f"not YAML: {' '.join(str(error).split())[:200]}")
    if composer.root is None:
        source.stop(None, "", "the plan is empty", advice="it needs at least a list of targets")
    return composer.root


def _yaml_scalar(composer: Composer, event: Any) -> None:
    mark = event.start_mark
    text = event.value
    plain = event.style is None or event.style == ""
    kind = _kind(text) if event.tag not in (None, "!") or (plain and event.tag is None) else TEXT
    node = Scalar(text, kind, mark.line + 1, mark.column + 1)
    if event.tag not in (None, "!"):
        wanted = _SCALAR_TAGS.get(event.tag)
        if wanted == TEXT:
            node.kind = TEXT
        elif wanted != kind:
            _stop_at_tag(composer, event)
    composer.scalar(node, event.anchor)


def _yaml_list(composer: Composer, event: Any) -> None:
    if event.tag not in _LIST_TAGS:
        _stop_at_tag(composer, event)
    composer.begin(Items([], event.start_mark.line + 1, event.start_mark.column + 1), event.anchor)


def _yaml_mapping(composer: Composer, event: Any) -> None:
    if event.tag not in _MAPPING_TAGS:
        _stop_at_tag(composer, event)
    composer.begin(Keys({}, event.start_mark.line + 1, event.start_mark.column + 1), event.anchor)


def _yaml_end(composer: Composer, event: Any) -> None:  # noqa: ARG001 - one signature for all
    composer.end()


def _yaml_alias(composer: Composer, event: Any) -> None:
    composer.alias(event.anchor, event.start_mark.line + 1, event.start_mark.column + 1)


def _yaml_document(composer: Composer, event: Any) -> None:
    if composer.root is not None:
        here = Scalar("", line=event.start_mark.line + 1, column=1)
        composer.source.stop(here, "", "a second document begins", "one plan a file", "split the file at ---")


def _stop_at_tag(composer: Composer, event: Any) -> None:
    here = Scalar("", line=event.start_mark.line + 1, column=event.start_mark.column + 1)
    tag = quoted(event.tag.replace(_TAG, "!!"))
    composer.source.stop(here, "", f"the tag {tag} does not fit", "YAML 1.2 core values without tags", "remove it")


def _stop_at_syntax(text: str, source: Source, error: Any) -> None:
    mark = error.problem_mark or error.context_mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    here = Scalar("", line=mark.line + 1, column=mark.column + 1) if mark else None
    if _LEADING_TAB.match(line):
        source.stop(here, "", "a tab in the indentation", "spaces", "replace the tab by spaces")
    advice = 'quote an IPv6 address: "[::1]:80"' if _BRACKETED.search(line) else ""
    what = " ".join(filter(None, (error.problem, error.context)))
    source.stop(here, "", f"not YAML: {what}", advice=advice)


def _kind(text: str) -> str:
    match = _PLAIN.fullmatch(text)
    return match.lastgroup or TEXT if match else TEXT


def _json_error(text: str) -> json.JSONDecodeError | None:
    """Why the text is not JSON (RFC 8259), if it is not."""

    def no_constant(word: str) -> None:
        raise json.JSONDecodeError(f"{word} is no number", text, text.find(word))

    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        return error
    except RecursionError:
        return json.JSONDecodeError("Nested too deeply", text, 0)
    return None


def _compose_json(text: str, source: Source) -> Node:
    composer = Composer(source)
    for word, line, column in _json_tokens(text):
        if word == "{":
            composer.begin(Keys({}, line, column))
        elif word == "[":
            composer.begin(Items([], line, column))
        elif word in ("}", "]"):
            composer.end()
        elif word.startswith('"'):
            composer.scalar(Scalar(word[1:], TEXT, line, column))
        else:
            kind = _JSON_WORDS.get(word) or (INTEGER if word.lstrip("-").isdigit() else NUMBER)
            composer.scalar(Scalar(word, kind, line, column))
    assert composer.root is not None  # noqa: S101 - the text is known to be JSON
    return composer.root


def _json_tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Brackets, words, and strings (decoded, behind a quotation mark) of a text that is known to be JSON."""
    line, line_start, seen = 1, 0, 0
    position = 0
    decoder = json.JSONDecoder()
    while (found := _JSON_TOKEN.search(text, position)) is not None:
        start, position = found.span()
        breaks = text.count("\n", seen, start)
        if breaks:
            line += breaks
            line_start = text.rfind("\n", seen, start) + 1
        seen = start
        word = found[0]
        if word == '"':
            value, position = decoder.raw_decode(text, start)
            word += value
        if word not in (":", ","):
            yield word, line, start - line_start + 1
