"""What holds for every plan: one error, stable results, a schema that refuses nothing that the loader takes."""

import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.plan import PlanError, from_targets, load, parse
from agent.plan.schema import PLAN, json_schema
from agent.plan.targets import parse_target
from reports.model import Plan, join_port
from reports.services import SERVICES

BAD_PLANS = Path(__file__).parent / "bad-plans"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

LABELS = st.from_regex(r"[a-z_]([a-z0-9_-]{0,10}[a-z0-9_])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


def _is_a_host(address):
    special = address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255"
    return not special and getattr(address, "ipv4_mapped", None) is None


HOSTS = NAMES | st.ip_addresses().filter(_is_a_host).map(str)
PORTS = st.integers(1, 65535)

# Text that is nearly a plan, so that more than the first letter is looked at.
MARKS = st.sampled_from(
    [
        *("targets:", "limits", "rate", "settings", "a:80", "null", "0x1"),
        *("- ", "? ", ": ", ", ", "\n", "  ", "\t", "{", "}", "[", "]", "'", '"', "|\n", ">\n", "#", "<<"),
        *("&a ", "*a", "!!str ", "%YAML 1.2\n", "---\n", "\\", "\\ud800"),
    ]
)
NEARLY_PLANS = st.lists(MARKS, max_size=20).map("".join)

WORDS = st.sampled_from(
    ["a:80", "3s", "udf", "cn-hangzhou", "10.0.0.0/24", "10.0.0.1", "vpc", "none", "mysql", "http://h/", ""]
)
SCALARS = st.none() | st.booleans() | st.integers(-1, 70_000) | st.floats(-1, 9) | WORDS


def _values(schema):
    """Values that are nearly, and often, what a part of the schema describes."""
    schema = schema.get("oneOf", [schema])[-1]
    if "properties" in schema:
        known = {key: _values(inner) for key, inner in schema["properties"].items()}
        wanted = {key: known.pop(key) for key in schema.get("required", [])}
        return st.fixed_dictionaries(wanted, optional=known)
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | WORDS
    if "items" in schema:
        return st.lists(_values(schema["items"]), max_size=2)
    nearly = {
        "string": st.sampled_from(["3s", "a:80", "10.0.0.1", "cn-hangzhou", "10.0.0.0/24"]),
        "integer": st.integers(schema.get("minimum", 0) - 1, 99),
        "boolean": st.booleans(),
        "object": st.dictionaries(st.sampled_from(["odps.a", "odps b", "spark.x"]), SCALARS, max_size=2),
    }
    return nearly[schema["type"]]


_SCHEMAS = PLAN.json_schema()["properties"]
# Drawn by itself; names of files.
_NOT_DRAWN = ("targets", "settings_from", "inventory")
DOCUMENTS = st.fixed_dictionaries(
    {"targets": st.just(["h:80"]) | _values(_SCHEMAS["targets"])},
    optional={key: _values(inner) for key, inner in _SCHEMAS.items() if key not in _NOT_DRAWN},
)


def parsed(text):
    """The plan, or the message that refuses it; anything else is raised."""
    try:
        return parse(text)
    except PlanError as error:
        return str(error)


@given(st.text() | NEARLY_PLANS)
def test_no_text_raises_anything_else(text):
    """Whatever the text, there is a plan or a PlanError; and the same again for the same text."""
    assert parsed(text) == parsed(text)


@given(st.binary() | NEARLY_PLANS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_raise_anything_else(content):
    """Whatever the bytes, there is a plan or a PlanError."""
    assert parsed(content) == parsed(content)


@given(st.text(), st.sampled_from(["targets: [%s]", "targets: [{address: %s}]", "name: %s", "interval: %s"]))
def test_no_value_raises_anything_else(value, template):
    """Whatever stands where a value belongs."""
    result = parsed(template % json.dumps(value))

    assert isinstance(result, Plan) or "\n" not in result


@given(st.lists(st.text(), max_size=3))
def test_no_argument_raises_anything_else(arguments):
    """Whatever is typed on a command line."""
    try:
        names = [target.name for target in from_targets(arguments).targets]
    except PlanError:
        return

    assert arguments == names


@given(HOSTS, PORTS)
def test_an_address_goes_round(host, port):
    """``host:port`` becomes a target whose address is the same text."""
    written = join_port(host, port)

    (target,) = from_targets([written]).targets

    assert (written, host, port) == (target.address, target.host, target.port)


@given(HOSTS, PORTS, st.sampled_from(sorted(SERVICES)), st.from_regex(r"/[a-z0-9/._~-]{0,20}", fullmatch=True))
def test_a_canonical_address_is_its_own(host, port, service, path):
    """The canonical form of an address is parsed to itself."""
    address = parse_target(f"{service}://{join_port(host, port)}{path}")

    assert address == parse_target(str(address))
    assert (service, host, port, path) == (address.service, address.host, address.port, address.path)


@given(NAMES, PORTS)
def test_capitals_and_the_last_dot_mean_nothing(name, port):
    """A name is the same in capitals and with its root."""
    assert parse_target(f"{name}:{port}") == parse_target(f"{name.upper()}.:{port}")


@given(st.sampled_from([IPv4Address, IPv6Address]), st.data())
def test_only_canonical_addresses_are_kept(kind, data):
    """An IPv6 address in full and in short is one target."""
    address = data.draw(st.ip_addresses(v=4 if kind is IPv4Address else 6).filter(_is_a_host))

    assert parse_target(f"tcp://{join_port(address.exploded, 80)}") == parse_target(
        f"tcp://{join_port(str(address), 80)}"
    )


@given(DOCUMENTS)
def test_the_schema_refuses_nothing_that_the_loader_takes(document):
    """What the loader takes is valid by the published schema, as JSON and as YAML, which mean the same."""
    as_json = parsed(json.dumps(document))
    as_yaml = parsed(yaml.safe_dump(document))

    assert isinstance(as_json, Plan) == isinstance(as_yaml, Plan)
    if isinstance(as_json, Plan):
        assert [] == list(VALIDATOR.iter_errors(document))


# Mistakes that a JSON Schema can see; the others take the loader.
SEEN_BY_SCHEMA = [
    "list-at-the-top",
    "text-at-the-top",
    "unknown-key",
    "unknown-key-inside",
    "unknown-key-of-a-target",
    "no-address",
    "target-as-mapping",
    "empty-value",
    "mapping-where-list",
    "text-where-list",
    "list-where-mapping",
    "count-as-text",
    "count-as-boolean",
    "negative-limit",
    "limit-zero",
    "limit-beyond-any-integer",
    "duration-without-unit",
    "duration-of-unknown-unit",
    "unknown-runtime",
    "number-as-name",
    "unknown-way",
    "cidr-missing",
    "networks-found-out",
    "port-twice",
    "saturate-without-connections",
    "setting-of-a-list",
    "setting-with-spaces",
]


@pytest.mark.parametrize("name", SEEN_BY_SCHEMA)
def test_the_schema_sees_mistakes_of_form(name):
    """An editor that knows the schema marks unknown keys, wrong types, missing keys and numbers out of range."""
    (path,) = BAD_PLANS.glob(f"*-{name}.yaml")

    with pytest.raises(PlanError):
        load(path)
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8"))))
