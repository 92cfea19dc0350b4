"""Services: the real probes, with a peer that says anything, over loopback or without a socket between."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from probes import services
from probes.contract import Ask, Notes
from probes.network import Network
from reports import model
from reports.services import HTTP, SERVICES
from tests.fuzz.engine import Opening, Target
from tests.fuzz.judging import Telling
from tests.fuzz.peers import CLOSES, ENDLESS, HERE, PATIENCE, TURN, Conversation, Loop, connected, conversation
from tests.probes.service_cases import CASES

# Seconds that a peer has to speak first: the usual time is for networks that are far away.
_WINDOW = 0.001


@contextmanager
def opened(service: str, port: int) -> Iterator[Target]:
    """The exchange of one service; ``port``: at which the target is said to be."""
    loop = Loop()
    aim = model.Target(name="t", host="t.example", port=port, service=service)
    ask = Ask(target=aim, address=HERE, timeout=PATIENCE)
    telling = Telling(aim)

    def read(data: bytes) -> object:
        said, notes = Conversation.of(data), Notes()

        async def work(network: Network) -> None:
            async with connected(network, said) as stream:
                await services.exchange(ask, stream, notes)

        loop.run(work)
        return telling.tell(notes.observations)

    ours = [turns for name, turns, *_ in CASES.values() if name == service] or [[b""]]
    strangers = [[b"SSH-2.0-x\r\n"], [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"]]
    seeds = [conversation(*turns, near=True) for turns in (*ours, *strangers)]
    # Few of these, and not last: a second holds a tenth as many.
    far = [conversation(*ours[0], end=end) for end in (CLOSES, ENDLESS)]
    with patch.object(services, "_WINDOW", _WINDOW):
        try:
            yield Target(read=read, seeds=[*far, *seeds], words=(TURN,), longest=1 << 14)
        finally:
            loop.close()


def _opening(service: str, port: int) -> Opening:
    return lambda: opened(service, port)


# The first of those that speak the same.
_BY_EXCHANGE = {each.exchange: each.name for each in reversed(SERVICES.values()) if each.exchange}
_BY_EXCHANGE.pop(HTTP)

TARGETS: Mapping[str, Opening] = {
    **{f"service-{name}": _opening(name, 9) for name in (*_BY_EXCHANGE.values(), "tcp")},
    # Whatever is declared there, at MySQL's port a handshake is finished.
    "service-at-3306": _opening("redis", 3306),
}
