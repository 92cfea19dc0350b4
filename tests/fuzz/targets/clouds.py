"""What the platform and tools around it say: instance metadata, the cloud's API, a Pushgateway, places of a job."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch
from urllib.request import Request

from agent import publish
from agent.cloud import actions, inventory, metadata
from agent.cloud.account import _MODELS
from agent.cloud.actions import Action
from agent.cloud.calls import Cloud, Patience
from agent.cloud.trouble import CloudError
from agent.cloud.written import plan_text
from agent.spark import link
from tests import aliyun_cloud
from tests.fuzz import jsons
from tests.fuzz.engine import Opening, Target
from tests.fuzz.peers import ENDLESS, HERE, TURN, Conversation, conversation
from tests.metadata_server import DATA

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
# Seconds that an answer may take, and that a peer waits for a client that is gone.
_PATIENCE, _GONE = 0.05, 1.0


class _Answering:
    """A server in a thread: each connection gets the next turn, as soon as it has asked; the last turn stays."""

    def __init__(self) -> None:
        self._server = socket.create_server((HERE, 0), backlog=64)
        self.port = self._server.getsockname()[1]
        self._said = Conversation.of(b"")
        self._turn = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, said: Conversation) -> None:
        """From now on, from the first turn on."""
        self._said, self._turn = said, 0

    def close(self) -> None:
        """Nobody listens any more."""
        self.say(Conversation.of(b""))
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(_GONE)
                self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        said, turns = self._said, self._said.turns
        pieces = turns[min(self._turn, len(turns) - 1)]
        self._turn += 1
        client.recv(65536)
        for piece in pieces:
            client.sendall(piece)
        while said.end == ENDLESS and said is self._said:
            client.sendall(b"".join(pieces) or b"\0")


@contextmanager
def _metadata() -> Iterator[Target]:
    server = _Answering()

    def read(data: bytes) -> Hashable:
        server.say(Conversation.of(data))
        try:
            found = metadata.ask(f"http://{HERE}:{server.port}", one=_PATIENCE, whole=4 * _PATIENCE)
        except metadata.MetadataError as error:
            said = str(error)
        else:
            return len(found.networks)
        assert said.replace("\n", "").isprintable()
        return "".join(letter for letter in said[60:] if letter.isalpha())[:30]

    texts = [value.encode() for key, value in DATA.items()]
    asked = [b"token", *texts[:1], *texts[3:4], *texts[1:3], *texts[6:7], *texts[7:8]]
    answers = [_OK % (len(text), text) for text in asked]
    plain = conversation(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", *answers[1:])
    forbidden = conversation(b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
    endless = conversation(b"HTTP/1.1 100 Continue\r\n\r\n", end=ENDLESS)
    try:
        yield Target(
            read=read, seeds=[endless, forbidden, plain, conversation(*answers)], words=(TURN,), longest=1 << 17
        )
    finally:
        server.close()


@contextmanager
def _pushgateway() -> Iterator[Target]:
    server, broken = _Answering(), []

    def read(data: bytes) -> Hashable:
        server.say(Conversation.of(data))
        request = Request(f"http://{HERE}:{server.port}/metrics/job/x", b"x 1\n", method="PUT")
        trouble = publish._trouble_of(request)
        if broken:
            raise broken.pop()
        return bool(trouble), len(trouble) > 400

    seeds = [
        conversation(b"HTTP/1.1 100 Continue\r\n\r\n", end=ENDLESS),
        conversation(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        conversation(b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno\x1b[m\r\n0\r\n\r\n"),
        conversation(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
    ]
    try:
        # It goes to the server of this test alone, wherever that redirects to.
        with (
            patch.object(publish, "_PATIENCE", 4 * _PATIENCE),
            patch.object(threading, "excepthook", lambda told: broken.append(told.exc_value)),
            patch.object(socket, "create_connection", _only_here(server.port)),
        ):
            yield Target(read=read, seeds=seeds, words=(TURN, b"Location: http://"), longest=1 << 17)
    finally:
        server.close()


def _only_here(port: int) -> object:
    real = socket.create_connection

    def connect(address: tuple[str, int], *arguments: object, **named: object) -> socket.socket:
        if address != (HERE, port):
            raise ConnectionRefusedError(f"{address} is nobody of this test")
        return real(address, *arguments, **named)

    return connect


class _Clients:
    """The cloud's API: what it says is taken in by the SDK's own classes, as an answer from the network is."""

    secrets = ()
    clock = type("Clock", (), {"ahead": None})

    def __init__(self, answers: dict[str, object]) -> None:
        self._answers = answers

    def endpoint(self, _service: str) -> str:
        """Nobody is asked."""
        return "ecs.example"

    def ask(self, action: Action, _asked: object) -> dict[str, object]:
        """The answer that the document holds for the action."""
        body = getattr(_MODELS[action.service], f"{action.name}ResponseBody")
        return dict(body().from_map(self._answers[action.name]).to_map())


@contextmanager
def _cloud_api() -> Iterator[Target]:
    def read(data: bytes) -> Hashable:
        try:
            answers = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(answers, dict):
            return None
        cloud = Cloud("cn-hangzhou", _Clients(answers), Patience(tries=1, broken=1), lambda _: None)
        try:
            found = inventory.read(cloud, inventory.Scope(), lambda _: None)
        except CloudError as error:
            return str(error)[:30]
        plan_text(found, "x.inventory.json")
        return tuple(sorted({gap.part for gap in found.gaps})), bool(found.link_enis)

    with patch("agent.cloud.calls._MOST_PAGES", 5):
        yield Target(read=read, seeds=[json.dumps(_answers()).encode()], reshape=jsons.reshape, seconds=4.0)


def _answers() -> dict[str, object]:
    """An answer to each action, as the tests' own account gives it."""
    account = aliyun_cloud.Account()
    asked = {
        "SecurityGroupId": aliyun_cloud.EMR_GROUP,
        "PrefixListId": aliyun_cloud.PREFIX_LIST,
        "PortRangeListId": aliyun_cloud.PORT_LIST,
        "RouteTableId": aliyun_cloud.SYSTEM_TABLE,
        "NetworkAclId": aliyun_cloud.ACL,
    }
    # Those that name something take it as a parameter, the others would take it as a filter.
    named = {"DescribeSecurityGroupAttribute", "DescribePrefixListAttributes", "DescribePortRangeListEntries"}
    named |= {"DescribeRouteEntryList", "DescribeNetworkAclAttributes"}
    return {
        action.name: account.answering(action.service, action.name)(asked if action.name in named else {})
        for action in actions.ALL
    }


@contextmanager
def _door() -> Iterator[Target]:
    """What comes to the door of a Spark job, from whoever."""
    loop = asyncio.new_event_loop()

    def read(data: bytes) -> Hashable:
        unseen: list[object] = []

        async def work() -> tuple[bool, str]:
            door = await link.Door.open(HERE)
            host, port, word = door.told
            reader, writer = await asyncio.open_connection(host, port)
            true, rest = data[:1] < b"\x80", data[1:]
            writer.write((json.dumps([word, 1]).encode() + b"\n" if true else b"") + rest)
            if writer.can_write_eof():
                writer.write_eof()
            known = "door"
            if true:
                (one,) = await door.links(1)
                try:
                    known = type(await one.hear(1.0)).__name__
                except (TimeoutError, EOFError, OSError) as error:
                    known = type(error).__name__
                one.close()
            else:
                await reader.read()
            writer.close()
            door.close()
            return true, known

        loop.set_exception_handler(lambda _, context: unseen.append(context.get("exception")))
        shape = loop.run_until_complete(work())
        for error in unseen:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error
        return shape

    try:
        yield Target(read=read, seeds=[b'\0["open",17]\n', b'\xff["x",1]\n'], words=(b"[" * 3000, b"\n", b"{}"))
    finally:
        loop.close()


TARGETS: Mapping[str, Opening] = {
    "metadata": _metadata,
    "pushgateway": _pushgateway,
    "cloud-api": _cloud_api,
    "spark-door": _door,
}
