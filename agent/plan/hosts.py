"""Hosts, ports and networks as people write them, and the one form in which they are kept. Raises Wrong."""

import ipaddress
import re

from agent.plan.problems import Wrong, quoted
from reports.model import join_port

PORTS = "1 to 65535"
HOSTS = "a DNS name, an IPv4 address, or an IPv6 address in brackets"

_LONGEST_NAME = 253  # RFC 1035, 2.3.4, as text without the last dot
_LONGEST_LABEL = 63
# RFC 952 and 1123, and the underscore, which names of services carry.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
# More characters than any name needs, in whatever script.
_LONGEST_HOST = 512


def port_of(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdigit()):
        raise Wrong(f"the port {quoted(text)} is no number", PORTS)
    if len(text) > 5 or not 1 <= int(text) <= 65535:
        raise Wrong(f"port {text[:10]} does not exist", PORTS)
    if text.startswith("0"):
        raise Wrong(f"the port {text} begins with 0", PORTS, f"write {int(text)}")
    return int(text)


def split_port(text: str) -> tuple[str, int | None]:
    """``host:port``, ``[v6]:port`` or either without the port; the host as it was written, without brackets."""
    if text.startswith("["):
        return _split_brackets(text)
    if "[" in text or "]" in text:
        raise Wrong(f"{quoted(text)} has an unbalanced bracket", HOSTS)
    if text.count(":") > 1:
        return _bare_ipv6(text), None
    host, colon, port = text.partition(":")
    return host, port_of(port) if colon else None


def _split_brackets(text: str) -> tuple[str, int | None]:
    host, bracket, rest = text[1:].partition("]")
    if not bracket:
        raise Wrong(f"{quoted(text)} has an unbalanced bracket", "[v6]:port", "close the bracket behind the address")
    if rest and not rest.startswith(":"):
        raise Wrong(f"{quoted(rest)} stands behind the bracket", "[v6]:port")
    if ":" not in host:
        raise Wrong(f"{quoted(host)} in brackets is no IPv6 address", HOSTS, "leave the brackets out")
    return host, port_of(rest[1:]) if rest else None


def _bare_ipv6(text: str) -> str:
    head, _, tail = text.rpartition(":")
    with_port = _is_ipv6(head) and tail.isdigit()
    if _is_ipv6(text):
        if with_port:
            what = f"{quoted(text)} is an IPv6 address with a port, or a longer address"
            raise Wrong(what, "[v6]:port", f"write [{head}]:{tail}, or [{text}]:PORT")
        return text
    if with_port:
        raise Wrong(f"{quoted(text)} is an IPv6 address with a port", "[v6]:port", f"write [{head}]:{tail}")
    raise Wrong(f"{quoted(text)} has more than one colon", "host:port, [v6]:port")


def host_of(text: str) -> str:
    """An IP literal in its canonical form, or an ASCII name in lower case without the trailing dot."""
    if not text:
        raise Wrong("the host is missing", HOSTS)
    if len(text) > _LONGEST_HOST:
        raise Wrong(f"the host is {len(text)} characters long", f"names of up to {_LONGEST_NAME} characters")
    if not text.isprintable() or " " in text:  # no other white space is printable
        raise Wrong(f"{quoted(text)} holds a space or a control character", HOSTS)
    if ":" in text:
        return _ipv6(text)
    if text.isascii():
        return _name(text)
    return _international(text)


def ip_of(text: str) -> str:
    """The address of one host, in its canonical form."""
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]") if ":" in text else text)
    except ValueError:
        raise Wrong(f"{quoted(text)} is no IP address") from None
    return _ipv6(str(address)) if address.version == 6 else _ipv4(str(address))


def network_of(text: str) -> str:
    """A CIDR without host bits."""
    address, slash, prefix = text.partition("/")
    if not slash:
        raise Wrong(f"{quoted(text)} has no prefix length", "a CIDR such as 10.10.1.0/24")
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3):
        raise Wrong(f"the prefix length {quoted(prefix)} is no number", "a CIDR such as 10.10.1.0/24")
    try:
        network = ipaddress.ip_network(f"{ipaddress.ip_address(address)}/{int(prefix)}", strict=False)
    except ValueError:
        raise Wrong(f"{quoted(text)} is no network", "a CIDR such as 10.10.1.0/24") from None
    if network.network_address != ipaddress.ip_address(address):
        raise Wrong(f"{text} has host bits set", "a CIDR without host bits", f"the network is {network}")
    return str(network)


def address_or_network(text: str) -> str:
    """What a whitelist holds: an address or a CIDR."""
    return network_of(text) if "/" in text else ip_of(text)


def name_server_of(text: str) -> str:
    """``ADDRESS`` or ``ADDRESS:PORT``; an IPv6 address always as ``[v6]:port``."""
    host, port = split_port(text)
    address = ip_of(host)
    if port is None:
        return join_port(address, 53) if ":" in address else address
    return join_port(address, port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _ipv6(text: str) -> str:
    if "%" in text:
        raise Wrong(f"{quoted(text)} has a zone, which means something on one machine only", "a global address")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise Wrong(f"{quoted(text)} is no IPv6 address", HOSTS) from None
    if address.ipv4_mapped is not None:
        # The kernel would send IPv4.
        return _ipv4(str(address.ipv4_mapped))
    return _of_one_host(address)


def _ipv4(text: str) -> str:
    try:
        return _of_one_host(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        raise Wrong(f"{quoted(text)} ends in a number and is no IPv4 address", HOSTS, _zeros(text)) from None


def _of_one_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    text = str(address)
    if address.is_unspecified or address.is_multicast or text == "255.255.255.255":
        raise Wrong(f"{text} is not the address of a host", HOSTS)
    return text


def _zeros(text: str) -> str:
    parts = text.split(".")
    if (
        len(parts) == 4
        and all(part.isdigit() for part in parts)
        and any(part != "0" and part[0] == "0" for part in parts)
    ):
        return "leave leading zeros out: some programs read them as octal"
    return ""


def _name(text: str) -> str:
    name = text.removesuffix(".").lower()
    labels = name.split(".")
    # A name whose last label is numeric is meant as an address (RFC 3696, section 2).
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(name)
    if len(name) > _LONGEST_NAME:
        raise Wrong(f"the name is {len(name)} characters long", f"up to {_LONGEST_NAME}")
    for label in labels:
        if not label:
            raise Wrong(f"{quoted(text)} has an empty label", HOSTS, "remove the dot that is too many")
        if len(label) > _LONGEST_LABEL:
            raise Wrong(f"the label {quoted(label)} is {len(label)} characters long", f"up to {_LONGEST_LABEL}")
        if label == "*":
            raise Wrong(f"{quoted(text)} is a wild card, not a host", HOSTS, "name one host")
        if not _LABEL.fullmatch(label):
            raise Wrong(f"{quoted(text)} is no host name", HOSTS)
    return name


def _international(text: str) -> str:
    """The IDNA form of a name (RFC 5891 with UTS 46's mapping). What only looks like ASCII is refused."""
    import idna  # noqa: PLC0415 - its tables cost start-up time

    if any(character.isdigit() and not character.isascii() for character in text):
        raise Wrong(f"{quoted(text)} holds digits that are not ASCII", HOSTS, "write 0 to 9")
    try:
        name = idna.encode(text.removesuffix("."), uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise Wrong(f"{quoted(text)} is no international name: {str(error)[:120]}", HOSTS) from None
    if "xn--" not in name:
        raise Wrong(f"{quoted(text)} only looks like ASCII", HOSTS, f"write {name}")
    return _name(name)
