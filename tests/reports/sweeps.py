"""Networks as a sweep finds them: which addresses (by their place in the CIDR) gave which answer to which question."""

from collections.abc import Iterable, Mapping, Sequence

from probes.contract import identified
from reports.model import Network, Observation, Plan, Vantage
from reports.subnet.observations import Survey, made, placed
from reports.subnet.swept import Swept, swept
from reports.sweep import ALIVE, ARP, ECHO, FILTERED, UNKNOWN, Addresses, Answer, Batch, Order, Question, tcp
from tests.reports.building import STARTED

# For each question ("9083", "echo", "arp"), which addresses are in which state; all others are silent.
States = Mapping[str, Mapping[str, Iterable[int]]]

VSWITCH_A = Network(name="vswitch-a", cidr="10.10.1.0/24")
VSWITCH_B = Network(name="vswitch-b", cidr="10.10.2.0/24")


def question(name: str) -> Question:
    """The question of that name."""
    return {"echo": ECHO, "arp": ARP}.get(name) or tcp(int(name))


def observed(
    network: Network,
    states: States,
    *,
    says: tuple[str, str] = ("10.10.0.1", "3/13"),
    macs: Mapping[int, Sequence[str]] | None = None,
    after: float = 0.0,
    own: str = "",
    gateway: str = "10.10.1.253",
    partial: bool = False,
    pushed_back: str = "",
    lacked: str = "",
) -> list[Observation]:
    """The observations of a sweep. ``says``: who sent the ICMP errors, and which; ``macs``: who answered ARP."""
    questions = tuple(question(name) for name in states)
    order = Order(addresses=Addresses.of(network.cidr), questions=questions)
    survey = Survey(order, "syn", [network])
    told: dict[int, str] = {}
    for place, by_state in enumerate(states.values()):
        told.update((index * len(questions) + place, state) for state, indexes in by_state.items() for index in indexes)
    for cell, state in told.items():
        index, asked = order.place(cell)
        answer = Answer(cell, state, rtt=0.0004 + index / 1e6, ttl=64)
        if state == FILTERED:
            survey.take(Batch([answer._replace(rtt=0.0, ttl=0, by=says[0], icmp=says[1])]))
        elif state == ALIVE and asked == ARP:
            for mac in (macs or {}).get(index, [f"00:16:3e:00:00:{index % 256:02x}"]):
                survey.take(Batch([answer._replace(by=mac)]))
        elif state != UNKNOWN:
            survey.take(Batch([answer]))
    survey.take(Batch((), [cell for cell in range(len(order)) if cell not in told]))
    started = STARTED + after
    found = [*survey.observations(started, 0.4)]
    if own:
        found.append(placed(network, own, "eth0", gateway, started))
    ended = {"partial": partial, "pushed_back": pushed_back, "lacked": lacked}
    found.append(made(network, "syn", "raw", 1, 1000, started, 0.4, **ended))
    return [identified(one) for one in found]


def network_of(
    states: States,
    network: Network = VSWITCH_B,
    plan: Plan | None = None,
    vantage: Vantage | None = None,
    **how: object,
) -> Swept:
    """The same as the network that is put together from it."""
    [found] = swept(plan or Plan(name="p", networks=(network,)), vantage or Vantage(), observed(network, states, **how))
    return found


def lively(*hosts: int, ports: Iterable[str] = ("8020",), state: str = "o") -> dict[str, dict[str, Iterable[int]]]:
    """Hosts that answer at all of the ports, and an echo."""
    return {**{port: {state: hosts} for port in ports}, "echo": {ALIVE: hosts}}
