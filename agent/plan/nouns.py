"""The kinds that are a plan's own: targets, networks, settings, the files that it names. See agent.plan.kinds.Kind."""

import binascii
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen

from agent.plan.files import read_bytes
from agent.plan.kinds import JsonSchema, Kind, Table, Word, described
from agent.plan.positions import NOTHING, TEXT, Items, Keys, Node, Scalar
from agent.plan.problems import Source, Wrong, quoted
from agent.plan.secrets import harmless_setting
from agent.plan.targets import FORMS, Address, parse_target
from reports import manners
from reports.model import Network, Setting, Target

T = TypeVar("T")

# In place of a list of networks: found out by whoever runs the plan.
AUTO = "auto"

_LARGEST_CA = 1 << 20
_LARGEST_INVENTORY = 64 << 20
_LONGEST_FILE_NAME = 4096
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_SETTING_KEY = re.compile(r"[!-~]{1,200}")


@frozen(eq=False, repr=False)
class Targets:
    """A list of targets, each a text or a mapping. Names are unique, and so are addresses."""

    table: Table
    allowed: str = f"a list, each {FORMS}, or a mapping"

    def read(self, node: Node, key: str, source: Source) -> tuple[Target, ...] | None:
        """See Kind."""
        if not isinstance(node, Items):
            source.refuse(node, key, f"is {described(node)}, not a list", self.allowed)
            return None
        targets: dict[str, Target] = {}
        places: dict[str, str] = {}
        for index, item in enumerate(node.nodes):
            path = f"{key}[{index}]"
            target = self._read_one(item, path, source)
            if target is None:
                continue
            address = str(Address(target.service, target.host, target.port, target.path))
            if address in places:
                source.refuse(item, path, f"{quoted(address)} is {places[address]} again", "", "keep one of the two")
                continue
            places[address] = path
            if target.name in targets and not (isinstance(item, Keys) and "name" in item.nodes):
                target = evolve(target, name=address)
            if target.name in targets:
                source.refuse(item, path, f"a second target is called {quoted(target.name)}", "", "rename one")
                continue
            targets[target.name] = target
        return tuple(targets.values())

    def _read_one(self, node: Node, key: str, source: Source) -> Target | None:
        if isinstance(node, Keys):
            target: Target | None = self.table.read(node, key, source)
            return target
        if not (isinstance(node, Scalar) and node.kind == TEXT):
            source.refuse(node, key, f"is {described(node)}, neither text nor a mapping", FORMS)
            return None
        try:
            return _target(parse_target(node.text), node.text)
        except Wrong as wrong:
            source.refuse_wrong(node, key, wrong, FORMS)
            return None

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        text = {"type": "string", "minLength": 1, "description": FORMS}
        return {"type": "array", "items": {"oneOf": [text, self.table.json_schema()]}}


def build_target(values: dict[str, Any], node: Keys, key: str, source: Source) -> Target | None:
    """A target of the keys of its mapping (a Table's ``build``)."""
    written = values.pop("address")
    try:
        address = parse_target(written, values.pop("service", None))
    except Wrong as wrong:
        source.refuse_wrong(node.nodes["address"], f"{key}.address", wrong, FORMS)
        return None
    return _target(address, values.pop("name", written), **values)


def _target(address: Address, name: str, **values: Any) -> Target:
    return Target(name=name, host=address.host, port=address.port, service=address.service, path=address.path, **values)


def build_network(values: dict[str, Any], node: Keys, key: str, source: Source) -> Network | None:
    """A network of the keys of its mapping (a Table's ``build``); its ENIs are in it."""
    network = Network(**{"name": values["cidr"], **values})
    cidr = ipaddress.ip_network(network.cidr)
    outside = [eni for eni in network.enis if ipaddress.ip_address(eni) not in cidr]
    if outside:
        what = f"{', '.join(outside)} is outside of {cidr}"
        source.refuse(node.nodes["enis"], f"{key}.enis", what, f"addresses in {cidr}")
        return None
    if network.sweep and not manners.swept_by_check(network):
        source.refuse(node.nodes["sweep"], f"{key}.sweep", *_why_not_swept(network))
        return None
    return network


def _why_not_swept(network: Network) -> tuple[str, str]:
    """What is wrong with the wish that a check sweeps it, and what is allowed."""
    if not network.ports:
        return f"nothing is asked in {network.cidr} without ports", "ports: [...] beside it"
    why = manners.never(network.cidr) or manners.foreign(network.cidr)
    if why:
        return f"{network.cidr} is not swept by a check: {why}", "a private network"
    return f"{network.cidr} is too large for a check", "up to a /20 (linkdoctor sweep takes more)"


@frozen(eq=False, repr=False)
class Networks:
    """The vSwitches as ``kind`` reads them, or the word AUTO: they are asked for when the plan is run."""

    kind: Kind

    @property
    def allowed(self) -> str:
        """See Kind."""
        return f"{AUTO} (a VPC host's metadata know them), or {self.kind.allowed}"

    def read(self, node: Node, key: str, source: Source) -> tuple[Network, ...] | str | None:
        """See Kind."""
        if not isinstance(node, Scalar) or node.kind == NOTHING:
            networks: tuple[Network, ...] | None = self.kind.read(node, key, source)
            return networks
        if (node.text, node.kind) == (AUTO, TEXT):
            return AUTO
        source.refuse(node, key, f"is {described(node)}, neither {AUTO} nor a list", self.allowed)
        return None

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"oneOf": [{"const": AUTO}, self.kind.json_schema()]}


@frozen(eq=False, repr=False)
class Settings:
    """What the job declares. Values are texts: a number or a boolean is what stands in the plan, letter by letter."""

    allowed: str = "a mapping of keys to texts, numbers or booleans"

    def read(self, node: Node, key: str, source: Source) -> tuple[Setting, ...] | None:
        """See Kind."""
        if not isinstance(node, Keys):
            source.refuse(node, key, f"is {described(node)}, not a mapping", self.allowed)
            return None
        file = Path(source.file).name
        settings = []
        for name, value in node.nodes.items():
            if not _SETTING_KEY.fullmatch(name):
                source.refuse(value, key, f"{quoted(name)} is no key of a setting", "printable ASCII without spaces")
            elif not isinstance(value, Scalar) or value.kind == NOTHING:
                source.refuse(value, f"{key}.{name}", f"is {described(value)}", "a text, a number or a boolean")
            else:
                settings.append(harmless_setting(name, value.text, f"{file}:{value.line}" if value.line else "plan"))
        return tuple(settings)

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{_SETTING_KEY.pattern}$"},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        }


@frozen(eq=False, repr=False)
class JobFile:
    """The settings of one of the job's own files."""

    name: str
    settings: tuple[Setting, ...]


@frozen(eq=False, repr=False)
class JobFileName:
    """A file of the job's, relative to the plan; the value is what it declares."""

    allowed: str = "a .sql, .conf, .properties or .json file, relative to the plan"

    def read(self, node: Node, key: str, source: Source) -> JobFile | None:
        """See Kind."""

        def convert(name: str) -> JobFile:
            from agent.plan.jobfiles import read_settings  # noqa: PLC0415 - only where a plan names such files

            return JobFile(name, read_settings(source.folder / name, name, source))

        return _read_file(convert, self.allowed, node, key, source)

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "string", "minLength": 1}


@frozen(eq=False, repr=False)
class InventoryFile:
    """A file of the cloud's configuration, relative to the plan; the value is what it holds."""

    allowed: str = "a .json file as linkdoctor discover writes it, relative to the plan"

    def read(self, node: Node, key: str, source: Source) -> Any:
        """See Kind."""

        def convert(name: str) -> Any:
            from reports.document import DocumentError  # noqa: PLC0415 - few plans have one
            from reports.vpc.document import loads  # noqa: PLC0415 - as above

            try:
                return loads(read_bytes(source.folder / name, _LARGEST_INVENTORY), "")
            except DocumentError as error:
                raise Wrong(": ".join(filter(None, (error.path, error.problem))), error.allowed) from None

        return _read_file(convert, self.allowed, node, key, source)

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "string", "minLength": 1}


@frozen(eq=False, repr=False)
class AuthorityFile:
    """A file of certificates, relative to the plan; the value is the text of its CERTIFICATE blocks alone."""

    allowed: str = "a PEM file of certificates, relative to the plan"

    def read(self, node: Node, key: str, source: Source) -> str | None:
        """See Kind."""

        def convert(name: str) -> str:
            return _certificates(source.folder / name)

        return _read_file(convert, self.allowed, node, key, source)

    def json_schema(self) -> JsonSchema:
        """See Kind."""
        return {"type": "string", "minLength": 1}


def _read_file(convert: Callable[[str], T], allowed: str, node: Node, key: str, source: Source) -> T | None:
    """Read a file name as a Word; what is wrong with the file is said with its name."""

    def named(name: str) -> T:
        if not name or not name.isprintable() or len(name) > _LONGEST_FILE_NAME:
            # What stands there may be a key that was pasted: it is not quoted.
            raise Wrong("the file name is empty, too long or holds control characters", "", "name the file alone")
        try:
            return convert(name)
        except Wrong as wrong:
            raise Wrong(f"{quoted(name)}: {wrong.message}", wrong.allowed, wrong.advice) from None

    value: T | None = Word(allowed, named).read(node, key, source)
    return value


def _certificates(path: Path) -> str:
    text = read_bytes(path, _LARGEST_CA).decode("ascii", "replace")
    if "PRIVATE KEY-----" in text:
        raise Wrong("holds a private key", advice="name a file of certificates alone")
    blocks = [match[0] for match in _CERTIFICATE.finditer(text) if _is_der(match[1])]
    if not blocks:
        advice = "DER becomes PEM by: openssl x509 -inform der -in FILE -out FILE.pem"
        raise Wrong("holds no PEM certificate", advice=advice)
    return "\n".join(blocks) + "\n"


def _is_der(base64: str) -> bool:
    try:
        return binascii.a2b_base64(base64).startswith(b"\x30")
    except binascii.Error:
        return False
