"""What an ECS instance is told of its own place: region, VPC, vSwitches, network interfaces.

    instance = ask()
    instance.region, instance.networks

Asked only where a plan says ``networks: auto`` or a command ``--metadata``. By token ("security hardening mode"); in
the plain mode only where the service has no tokens. Source: ECS, "Instance metadata".
"""

import ipaddress
import re
import time

from attrs import define, field, frozen

from agent.cloud.exchange import Reply, Service, Unreadable
from agent.plan.hosts import ip_of, network_of
from agent.plan.problems import Wrong
from reports import words
from reports.failures import Failure, classify
from reports.maxcompute.regions import looks_like_region
from reports.model import Network

BASE = "http://100.100.100.200"

_TOKEN = "/latest/api/token"  # noqa: S105 - a path
_DATA = "/latest/meta-data/"
_MACS = "network/interfaces/macs/"
# Header names, and for how many seconds a token is good: a look takes far less.
_TTL_HEADER, _TOKEN_HEADER = "X-aliyun-ecs-metadata-token-ttl-seconds", "X-aliyun-ecs-metadata-token"
_TTL = 60
# A token service that does not exist answers one of these.
_NO_TOKENS = (404, 405)
# Seconds for one answer, and for all of them.
_ONE, _ALL = 2.0, 10.0
# More interfaces than any instance has.
_MOST_INTERFACES = 256

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", re.IGNORECASE)
_ID = re.compile(r"[a-z]{2,8}-[A-Za-z0-9_-]{1,64}")
_TOKEN_TEXT = re.compile(r"[!-~]{1,1024}")
_NOWHERE = {
    Failure.TIMED_OUT: "nothing answers",
    Failure.CONNECTION_REFUSED: "the connection is refused",
    Failure.NETWORK_UNREACHABLE: "there is no route",
    Failure.LOCAL_NO_ROUTE: "there is no route",
    Failure.HOST_UNREACHABLE: "the host is unreachable",
}


class MetadataError(Exception):
    """The instance's metadata cannot be had. The message says where it was asked for, and why not."""


@frozen(kw_only=True)
class Interface:
    """A network interface of the instance: its vSwitch, and its private addresses, the primary one first."""

    id: str
    vswitch: str
    cidr: str
    addresses: tuple[str, ...]


@frozen(kw_only=True)
class Instance:
    """Where the instance is. ``vpc_cidr``: the VPC's first CIDR."""

    region: str
    vpc: str
    vpc_cidr: str
    interfaces: tuple[Interface, ...]

    @property
    def networks(self) -> tuple[Network, ...]:
        """Its vSwitches as a plan declares them, with the instance's own interfaces as their ENIs."""
        enis: dict[tuple[str, str], list[str]] = {}
        for each in self.interfaces:
            enis.setdefault((each.vswitch, each.cidr), []).extend(each.addresses)
        return tuple(
            Network(name=name, cidr=cidr, enis=tuple(dict.fromkeys(addresses)))
            for (name, cidr), addresses in enis.items()
        )


def ask(base: str = BASE, *, one: float = _ONE, whole: float = _ALL) -> Instance:
    """Where this instance is, by the service at ``base``.

    ``one``, ``whole``: seconds that an answer and all of them may take. Raises MetadataError.
    """
    asked = _Asked(Service(base, one), time.monotonic() + whole)
    try:
        return _instance(asked)
    except OSError as error:
        why = _NOWHERE.get(classify(error), error.strerror or "it cannot be reached")
        raise MetadataError(f"this is no ECS instance, or its metadata are out of reach: {base}: {why}") from None
    except Unreadable as wrong:
        raise _strange(base, str(wrong)) from None


def _instance(asked: "_Asked") -> Instance:
    region = asked.text("region-id")
    if not looks_like_region(region):
        raise _strange(asked.service.base, f"names the region {_shown(region)}")
    macs = [line.strip().rstrip("/") for line in asked.text(_MACS).split()]
    if len(macs) > _MOST_INTERFACES or not all(_MAC.fullmatch(mac) for mac in macs):
        raise _strange(asked.service.base, "lists no MAC addresses as the instance's interfaces")
    return Instance(
        region=region,
        vpc=asked.id("vpc-id"),
        vpc_cidr=asked.cidr("vpc-cidr-block"),
        interfaces=tuple(_interface(asked, f"{_MACS}{mac}/") for mac in macs),
    )


def _interface(asked: "_Asked", place: str) -> Interface:
    cidr = asked.cidr(f"{place}vswitch-cidr-block")
    addresses = asked.addresses(f"{place}private-ipv4s")
    outside = [address for address in addresses if ipaddress.ip_address(address) not in ipaddress.ip_network(cidr)]
    if outside:
        raise _strange(asked.service.base, f"says that {words.listed(outside)} is in the vSwitch {cidr}")
    return Interface(
        id=asked.id(f"{place}network-interface-id"),
        vswitch=asked.id(f"{place}vswitch-id"),
        cidr=cidr,
        addresses=addresses,
    )


@define
class _Asked:
    """The service while it is asked. ``token``: None before the first question, "" in the plain mode."""

    service: Service
    until: float
    token: str | None = field(default=None, repr=False)

    def text(self, path: str) -> str:
        """A text of the metadata, which is there. Raises OSError, Unreadable, MetadataError."""
        reply = self._get(path)
        if reply.status == 401 and self.token:  # it has expired: another one, once
            self.token = None
            reply = self._get(path)
        if reply.status != 200:
            raise self._refused(reply, f"{_DATA}{path}")
        return reply.text.strip()

    def id(self, path: str) -> str:
        """The id of something."""
        text = self.text(path)
        if not _ID.fullmatch(text):
            raise _strange(self.service.base, f"says {_shown(text)} for {path}")
        return text

    def cidr(self, path: str) -> str:
        """A CIDR."""
        text = self.text(path)
        try:
            return network_of(text)
        except Wrong:
            raise _strange(self.service.base, f"says {_shown(text)} for {path}") from None

    def addresses(self, path: str) -> tuple[str, ...]:
        """Addresses: a JSON list, or separated by commas, blanks or line breaks, as older versions have it."""
        text = self.text(path)
        try:
            return tuple(dict.fromkeys(ip_of(part) for part in re.split(r'[\[\]",\s]+', text) if part))
        except Wrong:
            raise _strange(self.service.base, f"says {_shown(text)} for {path}") from None

    def _get(self, path: str) -> Reply:
        if self.token is None:
            self.token = self._new_token()
        return self._ask("GET", _DATA + path, {_TOKEN_HEADER: self.token} if self.token else {})

    def _new_token(self) -> str:
        reply = self._ask("PUT", _TOKEN, {_TTL_HEADER: str(_TTL)})
        if reply.status in _NO_TOKENS:
            return ""
        if reply.status != 200:
            raise self._refused(reply, _TOKEN)
        token = reply.text.strip()
        if not _TOKEN_TEXT.fullmatch(token):
            raise _strange(self.service.base, "gives a token that is none")
        return token

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        if time.monotonic() > self.until:
            raise TimeoutError
        return self.service.ask(method, path, headers)

    def _refused(self, reply: Reply, path: str) -> MetadataError:
        if reply.status in (401, 403):
            return MetadataError(
                f"{self.service.base}{path} answers {reply.status}: the metadata of this instance are switched off, "
                "or not for this process"
            )
        return _strange(self.service.base, f"answers {reply.status} for {path}")


def _strange(base: str, what: str) -> MetadataError:
    return MetadataError(f"what answers at {base} is not the metadata service of a VPC's ECS instance: it {what}")


def _shown(text: str) -> str:
    return repr(words.visible(text[:60]))
