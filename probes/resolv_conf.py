"""What resolv.conf(5) tells the job's own resolver: name servers, search list, options."""

import re
from pathlib import Path
from typing import List, Optional, Tuple

from attrs import frozen

from reports.addresses import parse_address
from reports.model import join_port

PATH = "/etc/resolv.conf"

# resolv.conf(5): MAXNS; more are ignored.
_MOST_SERVERS = 3
_MOST_NDOTS = 15
_NDOTS = re.compile(r"ndots:([0-9]{1,9})")
_DNS_PORT = 53


@frozen(kw_only=True)
class ResolverConfig:
    """Where names are asked for. ``servers``: (IP literal, port), in order. ``source``: the file, or ``plan``."""

    servers: Tuple[Tuple[str, int], ...] = ()
    search: Tuple[str, ...] = ()
    ndots: int = 1
    source: str = PATH

    def names_for(self, host: str) -> Tuple[str, ...]:
        """The names to ask for, in the order in which a resolver tries them (resolv.conf(5), search and ndots)."""
        searched = tuple("%s.%s" % (host, domain) for domain in self.search)
        return (host, *searched) if host.count(".") >= self.ndots else (*searched, host)


def parse(text: str, source: str = PATH) -> ResolverConfig:
    """The configuration in the text of the file; what is not understood is passed over, as the resolver does."""
    servers: List[Tuple[str, int]] = []
    search: Tuple[str, ...] = ()
    ndots = 1
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver" and parse_address(words[1].split("%")[0]) is not None:
            servers.append((words[1], _DNS_PORT))
        elif words[0] == "domain":
            search = (words[1].strip(".").lower(),)
        elif words[0] == "search":
            search = tuple(word.strip(".").lower() for word in words[1:] if word.strip("."))
        elif words[0] == "options":
            for option in words[1:]:
                number = _NDOTS.fullmatch(option)
                if number:
                    ndots = min(int(number.group(1)), _MOST_NDOTS)
    return ResolverConfig(servers=tuple(servers[:_MOST_SERVERS]), search=search, ndots=ndots, source=source)


def load(path: str = PATH) -> Optional[ResolverConfig]:
    """This machine's configuration, or None where the file cannot be read."""
    try:
        return parse(Path(path).read_text("utf-8", "replace"), path)
    except OSError:
        return None


def declared(servers: Tuple[str, ...]) -> ResolverConfig:
    """The configuration that a plan declares: ``address``, ``address:port`` or ``[v6]:port`` each."""
    return ResolverConfig(servers=tuple(_split(server) for server in servers), source="plan")


def label(server: Tuple[str, int]) -> str:
    """``address:port``, as an observation names a server."""
    return join_port(*server)


def _split(text: str) -> Tuple[str, int]:
    if parse_address(text) is not None:
        return text, _DNS_PORT
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
