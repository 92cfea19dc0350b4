"""All readers of bytes from outside, by name: a module for each kind, and in it a table of how they are opened."""

from collections.abc import Mapping

from tests.fuzz.engine import Opening
from tests.fuzz.targets import clouds, documents, interface, machine, names, packets, services, web

_KINDS = (services, names, web, packets, machine, documents, clouds, interface)

TARGETS: Mapping[str, Opening] = {name: opening for kind in _KINDS for name, opening in kind.TARGETS.items()}
