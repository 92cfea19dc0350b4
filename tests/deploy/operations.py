"""What docs/operations.md tells an operator to type."""

import re

from tests.lab.harness import ROOT

PAGE = ROOT / "docs" / "operations.md"
_BLOCK = re.compile(r"(?:<!-- (?P<name>\w+) -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)


def blocks():
    """The blocks of commands: name or None, and text."""
    return [(match["name"], match["text"]) for match in _BLOCK.finditer(PAGE.read_text())]


def block(name):
    """The block of that name."""
    return dict(blocks())[name]


def commands(*programs):
    """The command lines of these programs, without what is said of them."""
    lines = "\n".join(text for _, text in blocks()).replace("\\\n", " ").splitlines()
    told = [line.partition("  #")[0].strip() for line in lines]
    # GRAFANA_PASSWORD=choose-one docker ...
    return [line for line in told if re.match(rf"(?:\w+=\S+ )?(?:{'|'.join(programs)}) ", line)]
