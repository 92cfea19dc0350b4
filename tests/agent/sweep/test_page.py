"""docs/sweep.md shows what is printed, and knows every letter and key."""

import io
import json
import re
from pathlib import Path

import jsonschema

from agent.cli.networks import sweep as command
from agent.sweep.asked import Asked, Part
from agent.sweep.records import Records
from probes.contract import Notes
from probes.sweep import Sweep
from probes.sweep.choice import METHODS
from reports.diagnose import conclude
from reports.model import Network, Plan, Run, Vantage
from reports.render import text
from reports.subnet.grid import MEANINGS
from reports.subnet.observations import Survey, made, placed
from reports.sweep import OPEN, REFUSED, WORDS, Addresses, Answer, Batch, Order, tcp

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "sweep.md").read_text()
SCHEMA = json.loads((ROOT / "agent" / "sweep" / "sweep.schema.json").read_text())

NETWORK = Network(name="vswitch-b", cidr="10.10.2.0/24", enis=("10.10.2.20", "10.10.2.21"), ports=(9083, 8020))
ORDER = Order(addresses=Addresses.of(NETWORK.cidr), questions=(tcp(9083), tcp(8020)))
DARK = range(96, 112)


def answers():
    """Two in three hosts are there, but in one /28; one port is open at a few of them, the other dropped for all."""
    for host in range(1, 253):
        if host % 3 and host not in DARK and f"10.10.2.{host}" not in NETWORK.enis:
            yield Answer(host * 2, OPEN if 30 <= host < 36 else REFUSED, 0.0004, 63)


def printed():
    """The report on this."""
    batch, notes = list(answers()), Notes()
    survey = Survey(ORDER, "syn", (NETWORK,))
    answered = {answer.cell for answer in batch}
    survey.take(Batch(batch, [cell for cell in range(len(ORDER)) if cell not in answered]))
    notes.add(placed(NETWORK, "10.10.1.50", "eth0", "10.10.1.253"))
    for seen in survey.observations(0.0):
        notes.add(seen)
    notes.add(made(NETWORK, "syn", "syn: this process may open raw sockets", 908, 1000, 0.0, 3.1))
    run = Run(id="r", started=0.0, duration_s=3.1, linkdoctor="0", plan=Plan(name="nightly-etl", networks=(NETWORK,)))
    report = conclude(run, Vantage(host="vpchost", addresses=("10.10.1.50/24%eth0",)), notes.observations)
    file = io.StringIO()
    text.render(report, text.open_console(file, width=100), command=Asked(what=("nightly-etl.yaml",)).command())
    return file.getvalue()


def blocks(kind):
    """The blocks of this kind on the page."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_example_is_what_is_printed():
    """To the letter."""
    (example,) = blocks("text")

    assert example.strip() == printed().strip()


def test_every_letter_is_explained():
    """Of records and of the picture."""
    rows = dict(re.findall(r"^\| `(.)` \| ([a-zA-Z]+)", PAGE, re.MULTILINE))

    assert {letter: word for letter, word in WORDS.items() if rows.get(letter) != word} == {}
    assert {letter for letter in MEANINGS if letter not in "".join(re.findall(r"`(.)`", PAGE))} == set()


def test_the_lines_are_what_is_written():
    """The example of a stream holds the keys that there are, in their order."""
    (example,) = blocks("json")
    lines = [json.loads(line) for line in example.splitlines()]
    file = io.StringIO()
    order = Order(addresses=Addresses.of("127.0.0.0/30"), questions=(tcp(9083),))
    survey, sweep = Survey(order, "connect", ()), Sweep(order, "connect")
    for batch in sweep:
        survey.take(batch)
    survey.take(Batch((), (0, 1)))
    records = Records(file)
    records.begin(Part(order=order, networks=(NETWORK,)), sweep)
    records.answers(survey.table)(
        Batch((Answer(0, OPEN, 0.001, 64), Answer(1, REFUSED, 0.001, 64), Answer(2, "f", by="10.0.0.1", icmp="3/13")))
    )
    records.rest(survey.table)
    written = [json.loads(line) for line in file.getvalue().splitlines()]

    assert [list(line) for line in lines[:5]] == [list(line) for line in written[:5]]
    assert list(lines[-1]) == ["verdict", "partial", "duration_s", "sent", "states", "findings"]


def test_the_lines_are_those_of_the_schema():
    """Each is valid, and all that the schema knows of it stands in the example."""
    (example,) = blocks("json")
    lines = [json.loads(line) for line in example.splitlines()]
    validator = jsonschema.Draft202012Validator(SCHEMA)
    kinds = [kind for kind in SCHEMA["$defs"].values() if "properties" in kind]
    known = {tuple(kind["required"]): set(kind["properties"]) for kind in kinds}
    shown = {required: set() for required in known}
    for line in lines:
        validator.validate(line)
        (kind,) = [required for required in shown if set(required) <= set(line)]
        shown[kind] |= set(line)

    assert shown == known


def test_every_option_is_named():
    """On the page."""
    options = [name for option in command.params for name in option.opts if name.startswith("--")]

    assert [name for name in options if f"`{name}" not in PAGE] == []


def test_every_method_is_explained():
    """Those of the engines, of the command line and of the page are the same."""
    (offered,) = [option.type.choices for option in command.params if option.name == "method"]
    explained = re.findall(r"^\| `([a-z]+)` \|", PAGE.partition("| `--method` |")[2], re.MULTILINE)

    assert tuple(offered) == METHODS
    assert {"auto", *explained} == set(METHODS)


def test_defaults_are_named():
    """As they are."""
    asked = Asked(what=())

    assert f"`--rate` ({asked.rate})" in PAGE
    assert f"`--timeout` ({asked.timeout:g})" in PAGE
    assert f"`--tries` ({asked.tries})" in PAGE
