"""An inventory as canonical JSON, and back: strictly, as reports/document.py reads reports.

    text = dumps(inventory)
    inventory = loads(text, "inventory.json")       # raises DocumentError, and nothing else

This module travels in the carry-in kit: CPython 3.7, attrs alone.
"""

import ipaddress
import re
from typing import Any, Callable, Dict, Tuple, Union

from reports.codec import Codec, Codecs, Decode, WrongValue, array, between, refused, rfc3339, unix_seconds, whole, word
from reports.document import Document, DocumentError, parsed, written
from reports.vpc.model import (
    DIRECTIONS,
    GROUP_TYPES,
    PARTS,
    POLICIES,
    SCHEMA,
    AclEntry,
    Eni,
    Inventory,
    PortList,
    PrefixList,
    Route,
    Rule,
    SecurityGroup,
    Vpc,
    VSwitch,
)

# Of TCP and UDP; other protocols have -1/-1, and what stands there of ICMP is no port.
_PORTS = re.compile(r"-?\d{1,5}/-?\d{1,5}", re.ASCII)
# Of rules that the platform made before May 2020 (ECS, "Overview of security groups"); of any other at most 100.
_WORST_PRIORITY = 110
_PROTOCOL = re.compile(r"[a-z0-9-]{1,20}", re.ASCII)
_PREFIX_LIST = re.compile(r"pl-[A-Za-z0-9-]{1,60}", re.ASCII)


def dumps(inventory: Inventory) -> str:
    """The inventory as canonical JSON, a line for each list: equal inventories give equal text."""
    return written(encode(inventory), lines=True)


def loads(text: Union[str, bytes], name: str = "inventory") -> Inventory:
    """The inventory that the text holds; ``name``: its file. Raises DocumentError, and nothing else."""
    document = parsed(text, name)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise DocumentError(name, "schema", "this is no inventory that this linkdoctor reads", SCHEMA)
    try:
        return decode(document)
    except WrongValue as error:
        raise DocumentError(name, error.path, error.problem, error.allowed) from None


def encode(inventory: Inventory) -> Document:
    """The inventory as dicts, lists and scalars."""
    return _ENCODE(inventory)  # type: ignore[misc,no-any-return] # a class has an encoder


def decode(document: Any) -> Inventory:
    """The inventory that they hold. Raises reports.codec.WrongValue."""
    return _DECODE(document)  # type: ignore[no-any-return]


# --- what the types do not say --------------------------------------------------------------------------------------


def _text(allowed: str, fits: Callable[[str], object], empty: bool = False) -> Decode:
    """A text for which ``fits`` is true and raises no ValueError; "" only where it may be ``empty``."""

    def decode_text(value: Any) -> Any:
        if type(value) is str:
            try:
                if (value == "" and empty) or (value and fits(value)):
                    return value
            except ValueError:
                pass
        raise refused(value, allowed)

    return decode_text


def _network(text: str) -> bool:
    ipaddress.ip_network(text, strict=False)
    return True


def _destination(text: str) -> bool:
    return bool(_PREFIX_LIST.fullmatch(text)) or _network(text)


def _address(text: str) -> bool:
    ipaddress.ip_address(text)
    return True


_RANGES = 'a range of ports such as "443/443", or "-1/-1" for all'
_CIDR = (None, _text("a CIDR or an address", _network))
_CIDR_OR_NONE = (None, _text('a CIDR or an address, or ""', _network, empty=True))
_ADDRESS = (None, _text("an IPv4 or IPv6 address", _address))
_PORT_RANGE = (None, _text(_RANGES, _PORTS.fullmatch))
_PORT_RANGE_OR_NONE = (None, _text(_RANGES + ', or ""', _PORTS.fullmatch, empty=True))
_PROTOCOL_WORD = (None, _text("tcp, udp, icmp, icmpv6, gre, all or a protocol's number", _PROTOCOL.fullmatch))

_SPECIAL: Dict[Tuple[type, str], Codec] = {
    (Inventory, "read"): (rfc3339, unix_seconds),
    (Inventory, "unread"): array((None, word(PARTS))),
    (Vpc, "cidrs"): array(_CIDR),
    (VSwitch, "cidr"): _CIDR,
    (VSwitch, "cidr6"): _CIDR_OR_NONE,
    (Eni, "addresses"): array(_ADDRESS),
    (Eni, "prefixes"): array(_CIDR),
    (SecurityGroup, "type"): (None, word(("", *GROUP_TYPES))),
    (SecurityGroup, "inner_access"): (None, word(("", *POLICIES))),
    (Rule, "place"): (None, between(whole, 1, 1 << 20)),
    (Rule, "direction"): (None, word(DIRECTIONS)),
    (Rule, "policy"): (None, word(POLICIES)),
    (Rule, "priority"): (None, between(whole, 1, _WORST_PRIORITY)),
    (Rule, "protocol"): _PROTOCOL_WORD,
    (Rule, "ports"): _PORT_RANGE_OR_NONE,
    (Rule, "source_ports"): _PORT_RANGE_OR_NONE,
    (Rule, "source_cidr"): _CIDR_OR_NONE,
    (Rule, "dest_cidr"): _CIDR_OR_NONE,
    (Route, "destination"): (None, _text("a CIDR, an address or the id of a prefix list", _destination)),
    (AclEntry, "policy"): (None, word(POLICIES)),
    (AclEntry, "protocol"): _PROTOCOL_WORD,
    (AclEntry, "cidr"): _CIDR,
    (AclEntry, "ports"): _PORT_RANGE,
    (PrefixList, "cidrs"): array(_CIDR),
    (PortList, "ranges"): array(_PORT_RANGE),
}

_ENCODE, _DECODE = Codecs(_SPECIAL, {Inventory: ("schema",)}).of(Inventory)
